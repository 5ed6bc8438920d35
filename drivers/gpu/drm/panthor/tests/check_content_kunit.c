// SPDX-License-Identifier: GPL-2.0-only
/* The invariant checker when contents get lost, or a mapping shows others (I23). */

#include <linux/highmem.h>
#include <linux/mm.h>
#include <linux/pagemap.h>
#include <linux/shmem_fs.h>

#include <drm/drm_gem.h>

#include "check_kunit.h"
#include "fixture.h"
#include "reclaim.h"
#include "seam.h"

static void scribble(struct page *page)
{
	void *addr = kmap_local_page(page);

	*(u8 *)(addr + PAGE_SIZE / 2) ^= 1;
	kunmap_local(addr);
}

/* Writes to a BO that has no pages what reads as its content when it has. */
static void scribble_behind(struct kunit *test, struct panthor_gem_object *bo)
{
	struct page *page = shmem_read_mapping_page(bo->base.filp->f_mapping, 1);

	KUNIT_ASSERT_FALSE(test, IS_ERR(page));
	scribble(page);
	set_page_dirty(page);
	put_page(page);
}

static void evict(struct kunit *test, struct panthor_gem_object *bo)
{
	panthor_seam_set_swap(test, 1);
	KUNIT_ASSERT_EQ(test, panthor_kunit_scan(test, GFP_KERNEL, EVERYTHING), BO_PAGES);
	KUNIT_ASSERT_NULL(test, bo->backing.pages);
}

/*
 * Seeded corruption of an evicted BO: a bit of its second page changes.
 * Succeeds if I23 and nothing else is reported when the pages are back, and nothing
 * after that.
 */
static void i23_other_content_comes_back(struct kunit *test)
{
	struct panthor_gem_object *bo = reclaim_unused_bo(test, BO_SIZE);
	struct panthor_check_report *report = panthor_check_healthy(test);

	evict(test, bo);
	scribble_behind(test, bo);
	panthor_kunit_make_resident(test, bo);
	panthor_check(test, report);

	expect_reported(test, report, BIT(23));
	panthor_check(test, report);
	expect_reported(test, report, 0);
}

static void scribble_on_first_page(void *data)
{
	struct panthor_gem_object *bo = data;

	scribble(bo->backing.pages[0]);
}

/*
 * Seeded corruption of a BO in the middle of its eviction: a bit of its first page
 * changes while the driver unmaps it for DMA (B52).
 * Succeeds if I23 and nothing else is reported.
 */
static void i23_content_changes_in_eviction(struct kunit *test)
{
	struct panthor_gem_object *bo = reclaim_single_vm_bo(test, BO_SIZE);
	struct panthor_check_report *report = panthor_check_healthy(test);

	panthor_seam_hook(test, SEAM_DMA_UNMAP, 1, scribble_on_first_page, bo);
	evict(test, bo);
	panthor_check(test, report);

	expect_reported(test, report, BIT(23));
}

/*
 * Seeded corruption of a kernel mapping: it is that of another BO.
 * Succeeds if I23 and nothing else is reported.
 */
static void i23_kernel_mapping_of_another_bo(struct kunit *test)
{
	struct panthor_gem_object *bo = panthor_kunit_bo(test, BO_SIZE);
	struct panthor_gem_object *other = panthor_kunit_bo(test, BO_SIZE);
	struct panthor_check_report *report;

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, panthor_kunit_vmap(test, bo));
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, panthor_kunit_vmap(test, other));
	report = panthor_check_healthy(test);

	swap(bo->cmap.vaddr, other->cmap.vaddr);
	panthor_check(test, report);
	swap(bo->cmap.vaddr, other->cmap.vaddr);

	expect_reported(test, report, BIT(23));
}

/*
 * What is written between two evictions is the content: by a user, by the kernel,
 * and to a BO in the memory of one that is gone.
 * Succeeds if nothing is reported.
 */
static void i23_content_that_is_written_is_not_lost(struct kunit *test)
{
	struct panthor_gem_object *bo = panthor_kunit_bo(test, BO_SIZE), *next;
	u8 *vaddr;

	for (unsigned int i = 0; i < 3; i++) {
		vaddr = panthor_kunit_vmap(test, bo);
		KUNIT_ASSERT_NOT_ERR_OR_NULL(test, vaddr);
		memset(vaddr, 0x5a + i, BO_SIZE);
		panthor_kunit_vunmap(test, bo);
		evict(test, bo);
	}
	panthor_kunit_bo_put(test, bo);
	next = reclaim_unused_bo(test, BO_SIZE);
	evict(test, next);
	panthor_kunit_make_resident(test, next);

	panthor_expect_invariants(test);
}

static struct kunit_case check_content_cases[] = {
	KUNIT_CASE(i23_other_content_comes_back),
	KUNIT_CASE(i23_content_changes_in_eviction),
	KUNIT_CASE(i23_kernel_mapping_of_another_bo),
	KUNIT_CASE(i23_content_that_is_written_is_not_lost),
	{}
};

static struct kunit_suite check_content_suite = {
	.name = "panthor_check_content",
	.init = panthor_kunit_init,
	.exit = panthor_kunit_exit,
	.suite_exit = panthor_kunit_suite_exit,
	.test_cases = check_content_cases,
};

kunit_test_suite(check_content_suite);
