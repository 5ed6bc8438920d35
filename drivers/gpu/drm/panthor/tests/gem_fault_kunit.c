// SPDX-License-Identifier: GPL-2.0-only
/* User mappings: what a page fault brings, in which page, and how it fails. */

#include <linux/err.h>
#include <linux/highmem.h>
#include <linux/list.h>
#include <linux/mm.h>
#include <linux/mmap_lock.h>
#include <linux/mutex.h>
#include <linux/shrinker.h>
#include <linux/sizes.h>
#include <linux/uaccess.h>

#include <drm/panthor_drm.h>

#include "check.h"
#include "fixture.h"
#include "seam.h"

static u32 pattern(unsigned long page)
{
	return 0xfa170000 + page;
}

/* One word at the start of a page, as a user program accesses it. */
static int store(unsigned long addr, unsigned long page, u32 word)
{
	void __user *p = (void __user *)(addr + page * PAGE_SIZE);

	return copy_to_user(p, &word, sizeof(word)) ? -EFAULT : 0;
}

static int load(unsigned long addr, unsigned long page, u32 *word)
{
	const void __user *p = (const void __user *)(addr + page * PAGE_SIZE);

	return copy_from_user(word, p, sizeof(*word)) ? -EFAULT : 0;
}

/*
 * A mapping is a promise; most BOs are mapped whole and touched in part.
 * Succeeds if mapping a new BO gets no page.
 */
static void mmap_allocates_no_pages(struct kunit *test)
{
	struct panthor_gem_object *bo = panthor_kunit_bo(test, SZ_64K);

	panthor_kunit_mmap(test, bo);
	KUNIT_EXPECT_NULL(test, bo->backing.pages);
	KUNIT_EXPECT_EQ(test, refcount_read(&bo->cmap.mmap_count), 1);
	KUNIT_EXPECT_EQ(test, panthor_seam_calls(SEAM_GET_PAGES), 0);
	expect_bo_state(test, bo, PANTHOR_GEM_UNRECLAIMABLE);
}

/*
 * The first access gets the pages, and tells reclaim how they are used.
 * Succeeds if the access works and the BO is offered as a user-mapped one.
 */
static void first_touch_allocates_pages(struct kunit *test)
{
	struct panthor_device *ptdev = to_panthor_kunit(test)->ptdev;
	struct panthor_gem_object *bo = panthor_kunit_bo(test, SZ_64K);
	unsigned long addr = panthor_kunit_mmap(test, bo);

	KUNIT_ASSERT_EQ(test, store(addr, 0, 1), 0);
	KUNIT_EXPECT_NOT_NULL(test, bo->backing.pages);
	KUNIT_EXPECT_EQ(test, refcount_read(&bo->backing.pin_count), 0);
	KUNIT_EXPECT_EQ(test, panthor_seam_calls(SEAM_GET_PAGES), 1);
	expect_bo_state(test, bo, PANTHOR_GEM_MMAPPED);
	expect_on_lru(test, bo, &ptdev->reclaim.mmapped);
}

/*
 * The pages are there after the first fault.
 * Succeeds if a fault in another page gets no new ones.
 */
static void second_touch_reuses_pages(struct kunit *test)
{
	struct panthor_gem_object *bo = panthor_kunit_bo(test, SZ_64K);
	unsigned long addr = panthor_kunit_mmap(test, bo);

	KUNIT_ASSERT_EQ(test, store(addr, 0, 1), 0);
	KUNIT_ASSERT_EQ(test, store(addr, panthor_kunit_pages(bo) - 1, 1), 0);
	KUNIT_EXPECT_EQ(test, panthor_seam_calls(SEAM_GET_PAGES), 1);
}

/*
 * Memory of others must not be readable through a new mapping.
 * Succeeds if the first word of each page reads as zero.
 */
static void untouched_pages_read_zero(struct kunit *test)
{
	struct panthor_gem_object *bo = panthor_kunit_bo(test, SZ_64K);
	unsigned long addr = panthor_kunit_mmap(test, bo);
	u32 word, seen = 0;

	for (unsigned long i = 0; i < panthor_kunit_pages(bo); i++) {
		word = ~0;
		KUNIT_ASSERT_EQ_MSG(test, load(addr, i, &word), 0, "page %lu", i);
		seen |= word;
	}
	KUNIT_EXPECT_EQ(test, seen, 0);
}

/*
 * Every page of the mapping is the BO's page of that number (B15). Cached, so
 * that the kernel may look at the same pages.
 * Succeeds if the word a user stores in each page is in that page.
 */
static void user_stores_land_in_their_page(struct kunit *test)
{
	struct panthor_gem_object *bo =
		panthor_kunit_bo_flags(test, SZ_64K, DRM_PANTHOR_BO_WB_MMAP);
	unsigned long addr = panthor_kunit_mmap(test, bo);

	for (unsigned long i = 0; i < panthor_kunit_pages(bo); i++)
		KUNIT_ASSERT_EQ_MSG(test, store(addr, i, pattern(i)), 0, "page %lu", i);

	for (unsigned long i = 0; i < panthor_kunit_pages(bo); i++) {
		u32 *page = kmap_local_page(bo->backing.pages[i]);
		u32 word = *page;

		kunmap_local(page);
		KUNIT_EXPECT_EQ_MSG(test, word, pattern(i), "page %lu", i);
	}
}

/*
 * The same from the other side, and with the pages touched from last to first: the
 * first one that is touched brings those around it along (B15).
 * Succeeds if a user reads in each page the word that is in it.
 */
static void user_loads_come_from_their_page(struct kunit *test)
{
	struct panthor_gem_object *bo =
		panthor_kunit_bo_flags(test, SZ_64K, DRM_PANTHOR_BO_WB_MMAP);
	unsigned long addr = panthor_kunit_mmap(test, bo);

	panthor_kunit_make_resident(test, bo);
	for (unsigned long i = 0; i < panthor_kunit_pages(bo); i++) {
		u32 *page = kmap_local_page(bo->backing.pages[i]);

		*page = pattern(i);
		kunmap_local(page);
	}

	for (unsigned long i = panthor_kunit_pages(bo); i--; ) {
		u32 word = 0;

		KUNIT_ASSERT_EQ_MSG(test, load(addr, i, &word), 0, "page %lu", i);
		KUNIT_EXPECT_EQ_MSG(test, word, pattern(i), "page %lu", i);
	}
}

/*
 * Eviction takes the pages from under the mapping, so the next access must
 * fault (I7), and find what was there before (I23).
 * Succeeds if the pages are got again and every word is the one stored.
 */
static void touch_after_evict_restores_content(struct kunit *test)
{
	struct panthor_gem_object *bo = panthor_kunit_bo(test, SZ_64K);
	unsigned long addr = panthor_kunit_mmap(test, bo);

	for (unsigned long i = 0; i < panthor_kunit_pages(bo); i++)
		KUNIT_ASSERT_EQ_MSG(test, store(addr, i, pattern(i)), 0, "page %lu", i);
	panthor_seam_set_swap(test, 1);
	KUNIT_ASSERT_EQ(test, panthor_kunit_scan(test, GFP_KERNEL, 1), panthor_kunit_pages(bo));
	KUNIT_ASSERT_NULL(test, bo->backing.pages);

	for (unsigned long i = 0; i < panthor_kunit_pages(bo); i++) {
		u32 word = 0;

		KUNIT_ASSERT_EQ_MSG(test, load(addr, i, &word), 0, "page %lu", i);
		KUNIT_EXPECT_EQ_MSG(test, word, pattern(i), "page %lu", i);
	}
	KUNIT_EXPECT_EQ(test, panthor_seam_calls(SEAM_GET_PAGES), 2);
	expect_bo_state(test, bo, PANTHOR_GEM_MMAPPED);
}

/**
 * struct zap - What holds when eviction removes a BO's user mappings
 * @bo: The BO.
 * @ran: It did.
 * @gpuva_locked: With the lock held that the zapping has to precede.
 * @pages: The pages were still there.
 */
struct zap {
	struct panthor_gem_object *bo;
	bool ran;
	bool gpuva_locked;
	bool pages;
};

static void zap_look(void *data)
{
	struct zap *zap = data;

	zap->ran = true;
	zap->gpuva_locked = mutex_is_locked(&zap->bo->base.gpuva.lock);
	zap->pages = zap->bo->backing.pages;
}

/*
 * A mapping is all that is left of a BO, so its close is what frees it; eviction
 * removes the pages under it with the resv held, which the close takes (B43).
 * Succeeds if the pages are removed from the user before they go, and not under
 * the lock of the GPU mappings; the content is there at the next access; and the
 * BO is gone with the mapping.
 */
static void evicted_bo_lives_in_its_mapping(struct kunit *test)
{
	struct panthor_device *ptdev = to_panthor_kunit(test)->ptdev;
	struct zap zap = { .bo = panthor_kunit_bo(test, SZ_64K) };
	unsigned long pages = panthor_kunit_pages(zap.bo);
	unsigned long addr = panthor_kunit_mmap(test, zap.bo);

	for (unsigned long i = 0; i < pages; i++)
		KUNIT_ASSERT_EQ_MSG(test, store(addr, i, pattern(i)), 0, "page %lu", i);
	panthor_kunit_bo_put(test, zap.bo);

	panthor_seam_set_swap(test, 1);
	panthor_seam_hook(test, SEAM_CPU_UNMAP, 1, zap_look, &zap);
	KUNIT_EXPECT_EQ(test, panthor_kunit_scan(test, GFP_KERNEL, 1), pages);
	KUNIT_EXPECT_TRUE(test, zap.ran);
	KUNIT_EXPECT_TRUE(test, zap.pages);
	KUNIT_EXPECT_FALSE(test, zap.gpuva_locked);

	for (unsigned long i = 0; i < pages; i++) {
		u32 word = 0;

		KUNIT_ASSERT_EQ_MSG(test, load(addr, i, &word), 0, "page %lu", i);
		KUNIT_EXPECT_EQ_MSG(test, word, pattern(i), "page %lu", i);
	}
	KUNIT_EXPECT_FALSE(test, list_empty(&ptdev->gems.node));
	panthor_kunit_munmap(test, addr, pages * PAGE_SIZE);
	KUNIT_EXPECT_TRUE(test, list_empty(&ptdev->gems.node));
}

/**
 * struct split_param - A part that is taken out of a mapping of four pages
 * @desc: Name in the results.
 * @first: Its first page.
 * @evict: The BO is evicted then, so that the rest faults again.
 */
struct split_param {
	const char *desc;
	unsigned long first;
	bool evict;
};

static const struct split_param split_params[] = {
	{ "first-present", 0, false },
	{ "first-evicted", 0, true },
	{ "second-evicted", 1, true },
	{ "third-evicted", 2, true },
	{ "last-evicted", 3, true },
};

KUNIT_ARRAY_PARAM_DESC(split, split_params, desc);

/*
 * One page of a mapping goes. What is left starts elsewhere, or is in two parts,
 * but has the pages it had, even if they have to come back from swap (B49).
 * Succeeds if each page that is left shows the word that was stored in it.
 */
static void rest_of_a_mapping_keeps_its_pages(struct kunit *test)
{
	const struct split_param *p = test->param_value;
	struct panthor_gem_object *bo = panthor_kunit_bo(test, 4 * PAGE_SIZE);
	unsigned long addr = panthor_kunit_mmap(test, bo);

	for (unsigned long i = 0; i < 4; i++)
		KUNIT_ASSERT_EQ_MSG(test, store(addr, i, pattern(i)), 0, "page %lu", i);
	panthor_kunit_munmap(test, addr + p->first * PAGE_SIZE, PAGE_SIZE);
	if (p->evict) {
		panthor_seam_set_swap(test, 1);
		KUNIT_ASSERT_EQ(test, panthor_kunit_scan(test, GFP_KERNEL, 1), 4);
	}

	for (unsigned long i = 0; i < 4; i++) {
		u32 word = 0;

		if (i == p->first)
			continue;
		KUNIT_ASSERT_EQ_MSG(test, load(addr, i, &word), 0, "page %lu", i);
		KUNIT_EXPECT_EQ_MSG(test, word, pattern(i), "page %lu", i);
	}
}

/* Calls of the fault handler while count_faults() is in place. */
static unsigned int faults;
static const struct vm_operations_struct *counted_ops;

static vm_fault_t counting_fault(struct vm_fault *vmf)
{
	faults++;
	return counted_ops->fault(vmf);
}

/* A mapping with these cannot be copied or closed, and is mapped by pages only. */
static const struct vm_operations_struct counting_ops = {
	.fault = counting_fault,
};

/* Stores to each page of a mapping; returns how often it faulted on that. */
static unsigned int count_faults(struct kunit *test, unsigned long addr, unsigned long pages)
{
	struct vm_area_struct *vma;
	unsigned long failed = 0;

	mmap_read_lock(current->mm);
	vma = vma_lookup(current->mm, addr);
	mmap_read_unlock(current->mm);
	KUNIT_ASSERT_NOT_NULL(test, vma);

	faults = 0;
	counted_ops = vma->vm_ops;
	/* The mapping is the test's own, nobody else does anything with it. */
	vma->vm_ops = &counting_ops;
	for (unsigned long i = 0; i < pages; i++)
		failed += !!store(addr, i, pattern(i));
	vma->vm_ops = counted_ops;
	KUNIT_EXPECT_EQ(test, failed, 0);

	return faults;
}

/*
 * The pages of a BO come all at once, so that the first access to one has brought
 * its neighbours too.
 * Succeeds if to write to every page of a mapping faults for one in sixteen, or less,
 * plus the attempt that got them; and what is in the pages is what was stored.
 */
static void fault_maps_what_is_around_it(struct kunit *test)
{
	struct panthor_gem_object *bo =
		panthor_kunit_bo_flags(test, 1024 * PAGE_SIZE, DRM_PANTHOR_BO_WB_MMAP);
	unsigned long addr = panthor_kunit_mmap(test, bo), wrong = 0;

	KUNIT_EXPECT_LE(test, count_faults(test, addr, 1024), 1024 / 16 + 1);
	for (unsigned long i = 0; i < panthor_kunit_pages(bo); i++) {
		u32 *page = kmap_local_page(bo->backing.pages[i]);

		wrong += *page != pattern(i);
		kunmap_local(page);
	}
	KUNIT_EXPECT_EQ(test, wrong, 0);
	panthor_expect_invariants(test);
}

/*
 * The neighbours are not all in the mapping: it was cut, at the beginning, at the end
 * and in between, at places that are no multiple of anything.
 * Succeeds if each page that is left shows its own word, and no other page can be
 * reached, nor one of another number.
 */
static void fault_maps_nothing_beside_the_mapping(struct kunit *test)
{
	static const unsigned long cuts[][2] = { { 0, 7 }, { 101, 3 }, { 230, 27 } };
	struct panthor_gem_object *bo = panthor_kunit_bo(test, 257 * PAGE_SIZE);
	unsigned long addr = panthor_kunit_mmap(test, bo);

	for (unsigned long i = 0; i < 257; i++)
		KUNIT_ASSERT_EQ_MSG(test, store(addr, i, pattern(i)), 0, "page %lu", i);
	for (int i = 0; i < ARRAY_SIZE(cuts); i++)
		panthor_kunit_munmap(test, addr + cuts[i][0] * PAGE_SIZE, cuts[i][1] * PAGE_SIZE);
	panthor_seam_set_swap(test, 1);
	KUNIT_ASSERT_EQ(test, panthor_kunit_scan(test, GFP_KERNEL, 1), 257);

	for (unsigned long i = 0; i < 257; i++) {
		bool cut = false;
		u32 word = 0;

		for (int c = 0; c < ARRAY_SIZE(cuts); c++)
			cut |= i >= cuts[c][0] && i < cuts[c][0] + cuts[c][1];
		KUNIT_ASSERT_EQ_MSG(test, load(addr, i, &word), cut ? -EFAULT : 0, "page %lu", i);
		if (!cut)
			KUNIT_EXPECT_EQ_MSG(test, word, pattern(i), "page %lu", i);
	}
	panthor_expect_invariants(test);
}

/*
 * The only user mapping of a touched BO goes.
 * Succeeds if the BO is no longer offered as user-mapped but as unused.
 */
static void munmap_leaves_bo_unused(struct kunit *test)
{
	struct panthor_device *ptdev = to_panthor_kunit(test)->ptdev;
	struct panthor_gem_object *bo = panthor_kunit_bo(test, SZ_64K);
	unsigned long addr = panthor_kunit_mmap(test, bo);

	KUNIT_ASSERT_EQ(test, store(addr, 0, 1), 0);
	panthor_kunit_munmap(test, addr, bo->base.size);
	KUNIT_EXPECT_EQ(test, refcount_read(&bo->cmap.mmap_count), 0);
	expect_bo_state(test, bo, PANTHOR_GEM_UNUSED);
	expect_on_lru(test, bo, &ptdev->reclaim.unused);
}

/*
 * Write-combined user mappings need the zeroes in memory, as the kernel's do.
 * Succeeds if the fault maps for DMA, once.
 */
static void write_combined_fault_maps_for_dma(struct kunit *test)
{
	struct panthor_gem_object *bo = panthor_kunit_bo(test, SZ_64K);
	unsigned long addr = panthor_kunit_mmap(test, bo);

	KUNIT_ASSERT_EQ(test, store(addr, 0, 1), 0);
	KUNIT_ASSERT_EQ(test, store(addr, 1, 1), 0);
	KUNIT_EXPECT_EQ(test, panthor_seam_calls(SEAM_DMA_MAP), 1);
}

/*
 * The same for a BO that has pages already, from a pin that needed no table.
 * Succeeds if the fault maps for DMA.
 */
static void write_combined_fault_of_resident_bo_maps_for_dma(struct kunit *test)
{
	struct panthor_gem_object *bo = panthor_kunit_bo(test, SZ_64K);
	unsigned long addr = panthor_kunit_mmap(test, bo);

	panthor_kunit_make_resident(test, bo);
	KUNIT_ASSERT_EQ(test, panthor_seam_calls(SEAM_DMA_MAP), 0);
	KUNIT_ASSERT_EQ(test, store(addr, 0, 1), 0);
	KUNIT_EXPECT_EQ(test, panthor_seam_calls(SEAM_DMA_MAP), 1);
}

/*
 * Cached user mappings do not.
 * Succeeds if the fault makes no table.
 */
static void write_back_fault_needs_no_sgt(struct kunit *test)
{
	struct panthor_gem_object *bo =
		panthor_kunit_bo_flags(test, SZ_64K, DRM_PANTHOR_BO_WB_MMAP);
	unsigned long addr = panthor_kunit_mmap(test, bo);

	KUNIT_ASSERT_EQ(test, store(addr, 0, 1), 0);
	KUNIT_EXPECT_EQ(test, panthor_seam_calls(SEAM_PAGES_TO_SG), 0);
}

struct fault_param {
	const char *desc;
	enum panthor_seam_id seam;
	int err;
};

static const struct fault_param fault_params[] = {
	{ "get_pages", SEAM_GET_PAGES, -ENOMEM },
	{ "pages_to_sg", SEAM_PAGES_TO_SG, -ENOMEM },
	{ "dma_map", SEAM_DMA_MAP, -EIO },
};

KUNIT_ARRAY_PARAM_DESC(fault, fault_params, desc);

/*
 * A fault is tried without and then with the address space locked; a step of
 * the first attempt fails. The second must not take the error for pages (B01).
 * Succeeds if the access works.
 */
static void failed_first_attempt_is_not_seen(struct kunit *test)
{
	const struct fault_param *param = test->param_value;
	struct panthor_gem_object *bo = panthor_kunit_bo(test, SZ_64K);
	unsigned long addr = panthor_kunit_mmap(test, bo);

	panthor_seam_fail_once(test, param->seam, param->err);
	KUNIT_EXPECT_EQ(test, store(addr, 0, 1), 0);
	KUNIT_EXPECT_TRUE(test, panthor_seam_fired(param->seam));

	/* What state it left is not judged here: the last munmap() settles it. */
	panthor_kunit_munmap(test, addr, bo->base.size);
}

/*
 * The same; pages that the first attempt got do not make the second one's
 * other steps superfluous: what was zeroed in the cache must reach memory.
 * Succeeds if the write-combined BO is mapped for DMA when the access returns.
 */
static void retried_fault_maps_for_dma(struct kunit *test)
{
	const struct fault_param *param = test->param_value;
	struct panthor_gem_object *bo = panthor_kunit_bo(test, SZ_64K);
	unsigned long addr = panthor_kunit_mmap(test, bo);

	panthor_seam_fail_once(test, param->seam, param->err);
	KUNIT_EXPECT_EQ(test, store(addr, 0, 1), 0);
	KUNIT_EXPECT_NOT_NULL(test, bo->dmap.sgt);
}

/*
 * A step fails in every attempt. A write-combined page that was not mapped for
 * DMA must not be given to the user either.
 * Succeeds if the access fails, and fails again.
 */
static void access_fails_while_a_step_fails(struct kunit *test)
{
	const struct fault_param *param = test->param_value;
	struct panthor_gem_object *bo = panthor_kunit_bo(test, SZ_64K);
	unsigned long addr = panthor_kunit_mmap(test, bo);

	panthor_seam_fail_always(test, param->seam, param->err);
	KUNIT_EXPECT_EQ(test, store(addr, 0, 1), -EFAULT);
	KUNIT_EXPECT_EQ(test, store(addr, 0, 1), -EFAULT);
}

/*
 * A step failed in two accesses and then does no more.
 * Succeeds if the next access works.
 */
static void access_works_after_failed_fault(struct kunit *test)
{
	const struct fault_param *param = test->param_value;
	struct panthor_gem_object *bo = panthor_kunit_bo(test, SZ_64K);
	unsigned long addr = panthor_kunit_mmap(test, bo);

	panthor_seam_fail_always(test, param->seam, param->err);
	store(addr, 0, 1);
	store(addr, 0, 1);
	KUNIT_EXPECT_TRUE(test, panthor_seam_fired(param->seam));

	panthor_seam_disarm(param->seam);
	KUNIT_EXPECT_EQ(test, store(addr, 0, 1), 0);

	/* As above. */
	panthor_kunit_munmap(test, addr, bo->base.size);
}

/*
 * A step fails in every attempt. Pages that were got before it may stay, but
 * reclaim has to know them.
 * Succeeds if no invariant is broken after the access.
 */
static void failed_fault_breaks_no_invariant(struct kunit *test)
{
	const struct fault_param *param = test->param_value;
	struct panthor_gem_object *bo = panthor_kunit_bo(test, SZ_64K);
	unsigned long addr = panthor_kunit_mmap(test, bo);

	panthor_seam_fail_always(test, param->seam, param->err);
	store(addr, 0, 1);
	KUNIT_EXPECT_TRUE(test, panthor_seam_fired(param->seam));
	panthor_expect_invariants(test);
}

static struct kunit_case gem_fault_cases[] = {
	KUNIT_CASE(mmap_allocates_no_pages),
	KUNIT_CASE(first_touch_allocates_pages),
	KUNIT_CASE(second_touch_reuses_pages),
	KUNIT_CASE(untouched_pages_read_zero),
	KUNIT_CASE(user_stores_land_in_their_page),
	KUNIT_CASE(user_loads_come_from_their_page),
	KUNIT_CASE(touch_after_evict_restores_content),
	KUNIT_CASE(evicted_bo_lives_in_its_mapping),
	KUNIT_CASE_PARAM(rest_of_a_mapping_keeps_its_pages, split_gen_params),
	KUNIT_CASE(fault_maps_what_is_around_it),
	KUNIT_CASE(fault_maps_nothing_beside_the_mapping),
	KUNIT_CASE(munmap_leaves_bo_unused),
	KUNIT_CASE(write_combined_fault_maps_for_dma),
	KUNIT_CASE(write_combined_fault_of_resident_bo_maps_for_dma),
	KUNIT_CASE(write_back_fault_needs_no_sgt),
	KUNIT_CASE_PARAM(failed_first_attempt_is_not_seen, fault_gen_params),
	KUNIT_CASE_PARAM(retried_fault_maps_for_dma, fault_gen_params),
	KUNIT_CASE_PARAM(access_fails_while_a_step_fails, fault_gen_params),
	KUNIT_CASE_PARAM(access_works_after_failed_fault, fault_gen_params),
	KUNIT_CASE_PARAM(failed_fault_breaks_no_invariant, fault_gen_params),
	{}
};

static struct kunit_suite gem_fault_suite = {
	.name = "panthor_gem_fault",
	.init = panthor_kunit_init,
	.exit = panthor_kunit_exit,
	.suite_exit = panthor_kunit_suite_exit,
	.test_cases = gem_fault_cases,
};

kunit_test_suite(gem_fault_suite);
