// SPDX-License-Identifier: GPL-2.0-only
/*
 * The invariant checker under seeded corruptions: one case per invariant and
 * way of breaking it. A corruption lasts for the one call of the checker, so
 * the state is whole again when an expectation fails and at the end.
 */

#include <linux/dma-resv.h>
#include <linux/scatterlist.h>
#include <linux/sizes.h>

#include <drm/drm_gem.h>

#include "check_kunit.h"
#include "fixture.h"
#include "random.h"
#include "seam.h"

/**
 * panthor_check_healthy() - Make sure that nothing is reported
 * @test: The test; aborted if there is.
 *
 * Context: As panthor_check().
 *
 * Return: The report, to be used again once something is corrupted.
 */
struct panthor_check_report *panthor_check_healthy(struct kunit *test)
{
	struct panthor_check_report *report = kunit_kzalloc(test, sizeof(*report), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, report);
	panthor_check(test, report);
	KUNIT_ASSERT_EQ_MSG(test, report->broken, 0, "%s", report->msgs[0]);

	return report;
}

static void lock_bo(struct panthor_gem_object *bo)
{
	dma_resv_lock(bo->base.resv, NULL);
}

static void unlock_bo(struct panthor_gem_object *bo)
{
	dma_resv_unlock(bo->base.resv);
}

static struct panthor_gem_object *resident_bo(struct kunit *test)
{
	struct panthor_gem_object *bo = panthor_kunit_bo(test, SZ_64K);

	panthor_kunit_make_resident(test, bo);
	return bo;
}

static struct panthor_gem_object *pinned_bo(struct kunit *test)
{
	struct panthor_gem_object *bo = panthor_kunit_bo(test, SZ_64K);

	KUNIT_ASSERT_EQ(test, panthor_kunit_pin(test, bo), 0);
	return bo;
}

static struct panthor_gem_object *vmapped_bo(struct kunit *test)
{
	struct panthor_gem_object *bo = panthor_kunit_bo(test, SZ_64K);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, panthor_kunit_vmap(test, bo));
	return bo;
}

static struct panthor_gem_object *sgt_bo(struct kunit *test)
{
	struct panthor_gem_object *bo = resident_bo(test);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, panthor_gem_get_dev_sgt(bo));
	return bo;
}

static struct panthor_gem_object *gpu_mapped_bo(struct kunit *test)
{
	struct panthor_gem_object *bo = panthor_kunit_bo(test, SZ_64K);

	panthor_kunit_map(test, panthor_kunit_vm(test), bo, 0);
	return bo;
}

static struct panthor_gem_object *shared_bo(struct kunit *test)
{
	struct panthor_gem_object *bo = gpu_mapped_bo(test);

	panthor_kunit_map(test, panthor_kunit_vm(test), bo, 0);
	return bo;
}

static struct panthor_gem_object *new_bo(struct kunit *test)
{
	return panthor_kunit_bo(test, SZ_64K);
}

static struct panthor_gem_object *mmapped_bo(struct kunit *test)
{
	struct panthor_gem_object *bo = resident_bo(test);

	panthor_kunit_mmap(test, bo);
	return bo;
}

static struct panthor_gem_object *evicted_bo(struct kunit *test)
{
	struct panthor_gem_object *bo = gpu_mapped_bo(test);

	panthor_seam_set_swap(test, 1);
	KUNIT_ASSERT_EQ(test, panthor_kunit_scan(test, GFP_KERNEL, 1), panthor_kunit_pages(bo));
	return bo;
}

struct healthy_param {
	const char *desc;
	struct panthor_gem_object *(*make)(struct kunit *test);
	enum panthor_gem_reclaim_state state;
};

static const struct healthy_param healthy_params[] = {
	{ "new", new_bo, PANTHOR_GEM_UNRECLAIMABLE },
	{ "resident", resident_bo, PANTHOR_GEM_UNUSED },
	{ "resident_with_sgt", sgt_bo, PANTHOR_GEM_UNUSED },
	{ "pinned", pinned_bo, PANTHOR_GEM_UNRECLAIMABLE },
	{ "vmapped", vmapped_bo, PANTHOR_GEM_UNRECLAIMABLE },
	{ "mmapped", mmapped_bo, PANTHOR_GEM_MMAPPED },
	{ "gpu_mapped_by_one", gpu_mapped_bo, PANTHOR_GEM_GPU_MAPPED_SINGLE_VM },
	{ "gpu_mapped_by_two", shared_bo, PANTHOR_GEM_GPU_MAPPED_MULTI_VM },
	{ "evicted", evicted_bo, PANTHOR_GEM_UNRECLAIMABLE },
};

KUNIT_ARRAY_PARAM_DESC(healthy, healthy_params, desc);

/*
 * A BO in each state the driver can leave it in.
 * Succeeds if the BO is in that state and the checker reports nothing.
 */
static void healthy_state_reports_nothing(struct kunit *test)
{
	const struct healthy_param *param = test->param_value;
	struct panthor_gem_object *bo = param->make(test);

	expect_bo_state(test, bo, param->state);
	expect_reported(test, panthor_check_healthy(test), 0);
}

/*
 * Seeded corruption of a resident BO: an allocator's error in the place of the
 * pages (B01). Succeeds if I1 and nothing else is reported.
 */
static void i1_error_pointer_in_pages(struct kunit *test)
{
	struct panthor_gem_object *bo = resident_bo(test);
	struct panthor_check_report *report = panthor_check_healthy(test);
	struct page **pages = bo->backing.pages;

	bo->backing.pages = ERR_PTR(-ENOMEM);
	panthor_check(test, report);
	bo->backing.pages = pages;

	expect_reported(test, report, BIT(1));
}

/*
 * Seeded corruption of a resident BO: any one entry names the page of another
 * BO. Succeeds if I1 and nothing else is reported.
 */
static void i1_page_of_another_bo(struct kunit *test)
{
	struct panthor_gem_object *bo = resident_bo(test), *other = resident_bo(test);
	struct panthor_check_report *report = panthor_check_healthy(test);
	u32 i = panthor_kunit_pick(test, panthor_kunit_pages(bo));
	struct page *page = bo->backing.pages[i];

	bo->backing.pages[i] = other->backing.pages[i];
	panthor_check(test, report);
	bo->backing.pages[i] = page;

	expect_reported(test, report, BIT(1));
}

/*
 * Seeded corruption of a resident BO: two neighbours in the wrong order, so
 * that every page is one of the BO's (B15). Succeeds if I1 and nothing else is
 * reported.
 */
static void i1_pages_in_wrong_order(struct kunit *test)
{
	struct panthor_gem_object *bo = resident_bo(test);
	struct panthor_check_report *report = panthor_check_healthy(test);
	u32 i = panthor_kunit_pick(test, panthor_kunit_pages(bo) - 1);

	swap(bo->backing.pages[i], bo->backing.pages[i + 1]);
	panthor_check(test, report);
	swap(bo->backing.pages[i], bo->backing.pages[i + 1]);

	expect_reported(test, report, BIT(1));
}

/*
 * Seeded corruption of a resident BO: any one entry is missing.
 * Succeeds if I1 and nothing else is reported.
 */
static void i1_page_missing(struct kunit *test)
{
	struct panthor_gem_object *bo = resident_bo(test);
	struct panthor_check_report *report = panthor_check_healthy(test);
	u32 i = panthor_kunit_pick(test, panthor_kunit_pages(bo));
	struct page *page = bo->backing.pages[i];

	bo->backing.pages[i] = NULL;
	panthor_check(test, report);
	bo->backing.pages[i] = page;

	expect_reported(test, report, BIT(1));
}

/*
 * Seeded corruption of a new BO: a table although there are no pages.
 * Succeeds if I2 and nothing else is reported.
 */
static void i2_sgt_without_pages(struct kunit *test)
{
	struct panthor_gem_object *bo = new_bo(test), *other = sgt_bo(test);
	struct panthor_check_report *report = panthor_check_healthy(test);

	bo->dmap.sgt = other->dmap.sgt;
	panthor_check(test, report);
	bo->dmap.sgt = NULL;

	expect_reported(test, report, BIT(2));
}

/*
 * Seeded corruption of a resident BO: any one segment of its table starts at a
 * page of another BO. Succeeds if I2 and nothing else is reported.
 */
static void i2_wrong_page_in_sgt(struct kunit *test)
{
	struct panthor_gem_object *bo = sgt_bo(test), *other = resident_bo(test);
	struct panthor_check_report *report = panthor_check_healthy(test);
	u32 n = panthor_kunit_pick(test, bo->dmap.sgt->orig_nents);
	struct scatterlist *sgl = bo->dmap.sgt->sgl;
	struct page *page;

	while (n--)
		sgl = sg_next(sgl);
	page = sg_page(sgl);

	sg_assign_page(sgl, other->backing.pages[0]);
	panthor_check(test, report);
	sg_assign_page(sgl, page);

	expect_reported(test, report, BIT(2));
}

/*
 * Seeded corruption of a resident BO: the table of another BO of equal size.
 * Succeeds if I2 and nothing else is reported.
 */
static void i2_sgt_of_another_bo(struct kunit *test)
{
	struct panthor_gem_object *bo = sgt_bo(test), *other = sgt_bo(test);
	struct panthor_check_report *report = panthor_check_healthy(test);
	struct sg_table *sgt = bo->dmap.sgt;

	bo->dmap.sgt = other->dmap.sgt;
	panthor_check(test, report);
	bo->dmap.sgt = sgt;

	expect_reported(test, report, BIT(2));
}

struct delta_param {
	const char *desc;
	int delta;
};

static const struct delta_param delta_params[] = {
	{ "one_more", 1 },
	{ "one_less", -1 },
};

KUNIT_ARRAY_PARAM_DESC(delta, delta_params, desc);

/*
 * Seeded corruption of a resident BO: any one segment is DMA mapped with a page
 * more or less than it has. Succeeds if I2 and nothing else is reported.
 */
static void i2_dma_length_off_by_a_page(struct kunit *test)
{
	const struct delta_param *param = test->param_value;
	struct panthor_gem_object *bo = sgt_bo(test);
	struct panthor_check_report *report = panthor_check_healthy(test);
	u32 n = panthor_kunit_pick(test, bo->dmap.sgt->nents);
	struct scatterlist *sgl = bo->dmap.sgt->sgl;
	unsigned int len;

	while (n--)
		sgl = sg_next(sgl);
	len = sg_dma_len(sgl);

	sg_dma_len(sgl) = len + param->delta * PAGE_SIZE;
	panthor_check(test, report);
	sg_dma_len(sgl) = len;

	expect_reported(test, report, BIT(2));
}

/*
 * Seeded corruption of a BO with two pins: one pin too many (leaked) or too few
 * (lost, B02). Succeeds if I3 and nothing else is reported.
 */
static void i3_pin_count_off_by_one(struct kunit *test)
{
	const struct delta_param *param = test->param_value;
	struct panthor_gem_object *bo = pinned_bo(test);
	struct panthor_check_report *report;

	KUNIT_ASSERT_EQ(test, panthor_kunit_pin(test, bo), 0);
	report = panthor_check_healthy(test);

	refcount_set(&bo->backing.pin_count, 2 + param->delta);
	panthor_check(test, report);
	refcount_set(&bo->backing.pin_count, 2);

	expect_reported(test, report, BIT(3));
}

/*
 * Seeded corruption of a new BO: a pin without pages.
 * Succeeds if I3 and nothing else is reported.
 */
static void i3_pins_without_pages(struct kunit *test)
{
	struct panthor_gem_object *bo = new_bo(test);
	struct panthor_check_report *report = panthor_check_healthy(test);

	refcount_set(&bo->backing.pin_count, 1);
	panthor_check(test, report);
	refcount_set(&bo->backing.pin_count, 0);

	expect_reported(test, report, BIT(3));
}

/*
 * Seeded corruption of a mapped BO: its number of users is saturated, as after
 * an underflow. Succeeds if I4 and nothing else is reported.
 */
static void i4_saturated_vmap_count(struct kunit *test)
{
	struct panthor_gem_object *bo = vmapped_bo(test);
	struct panthor_check_report *report = panthor_check_healthy(test);

	refcount_set(&bo->cmap.vaddr_use_count, REFCOUNT_SATURATED);
	panthor_check(test, report);
	refcount_set(&bo->cmap.vaddr_use_count, 1);

	expect_reported(test, report, BIT(4));
}

/*
 * Seeded corruption of a pinned BO: a saturated pin count, which is no longer
 * the number of holders either. Succeeds if I4 and I3 are reported.
 */
static void i4_saturated_pin_count(struct kunit *test)
{
	struct panthor_gem_object *bo = pinned_bo(test);
	struct panthor_check_report *report = panthor_check_healthy(test);

	refcount_set(&bo->backing.pin_count, REFCOUNT_SATURATED);
	panthor_check(test, report);
	refcount_set(&bo->backing.pin_count, 1);

	expect_reported(test, report, BIT(4) | BIT(3));
}

/*
 * Seeded corruption of a new BO: a saturated mmap count, which is not the
 * number of VMAs either. Succeeds if I4 and I6 are reported.
 */
static void i4_saturated_mmap_count(struct kunit *test)
{
	struct panthor_gem_object *bo = new_bo(test);
	struct panthor_check_report *report = panthor_check_healthy(test);

	refcount_set(&bo->cmap.mmap_count, REFCOUNT_SATURATED);
	panthor_check(test, report);
	refcount_set(&bo->cmap.mmap_count, 0);

	expect_reported(test, report, BIT(4) | BIT(6));
}

/*
 * Seeded corruption of a mapped BO: nobody uses the mapping.
 * Succeeds if I5 and nothing else is reported.
 */
static void i5_vaddr_without_users(struct kunit *test)
{
	struct panthor_gem_object *bo = vmapped_bo(test);
	struct panthor_check_report *report = panthor_check_healthy(test);

	lock_bo(bo);
	refcount_set(&bo->cmap.vaddr_use_count, 0);
	unlock_bo(bo);
	panthor_check(test, report);
	refcount_set(&bo->cmap.vaddr_use_count, 1);

	expect_reported(test, report, BIT(5));
}

/*
 * Seeded corruption of a pinned BO: a user of a mapping there is not.
 * Succeeds if I5 and nothing else is reported.
 */
static void i5_users_without_vaddr(struct kunit *test)
{
	struct panthor_gem_object *bo = pinned_bo(test);
	struct panthor_check_report *report = panthor_check_healthy(test);

	lock_bo(bo);
	refcount_set(&bo->cmap.vaddr_use_count, 1);
	unlock_bo(bo);
	panthor_check(test, report);
	refcount_set(&bo->cmap.vaddr_use_count, 0);

	expect_reported(test, report, BIT(5));
}

/*
 * Seeded corruption of a mapped BO: the mapping's pin is gone, so the pin count
 * is wrong and the BO would have to be reclaimable.
 * Succeeds if I5 is reported with I3, and I11 and I12 for the state.
 */
static void i5_vaddr_without_pin(struct kunit *test)
{
	struct panthor_gem_object *bo = vmapped_bo(test);
	struct panthor_check_report *report = panthor_check_healthy(test);

	lock_bo(bo);
	refcount_set(&bo->backing.pin_count, 0);
	unlock_bo(bo);
	panthor_check(test, report);
	refcount_set(&bo->backing.pin_count, 1);

	expect_reported(test, report, BIT(5) | BIT(3) | BIT(11) | BIT(12));
}

/*
 * Seeded corruption of a new BO: a user mapping is counted that nobody has.
 * Succeeds if I6 and nothing else is reported.
 */
static void i6_mmap_count_too_high(struct kunit *test)
{
	struct panthor_gem_object *bo = new_bo(test);
	struct panthor_check_report *report = panthor_check_healthy(test);

	refcount_set(&bo->cmap.mmap_count, 1);
	panthor_check(test, report);
	refcount_set(&bo->cmap.mmap_count, 0);

	expect_reported(test, report, BIT(6));
}

/*
 * Seeded corruption of a BO without pages that user space has mapped: the
 * mapping is not counted (B03). Succeeds if I6 and nothing else is reported.
 */
static void i6_mmap_count_too_low(struct kunit *test)
{
	struct panthor_gem_object *bo = new_bo(test);
	struct panthor_check_report *report;

	panthor_kunit_mmap(test, bo);
	report = panthor_check_healthy(test);

	refcount_set(&bo->cmap.mmap_count, 0);
	panthor_check(test, report);
	refcount_set(&bo->cmap.mmap_count, 1);

	expect_reported(test, report, BIT(6));
}

static struct kunit_case check_cases[] = {
	KUNIT_CASE_PARAM(healthy_state_reports_nothing, healthy_gen_params),
	KUNIT_CASE(i1_error_pointer_in_pages),
	KUNIT_CASE(i1_page_of_another_bo),
	KUNIT_CASE(i1_pages_in_wrong_order),
	KUNIT_CASE(i1_page_missing),
	KUNIT_CASE(i2_sgt_without_pages),
	KUNIT_CASE(i2_wrong_page_in_sgt),
	KUNIT_CASE(i2_sgt_of_another_bo),
	KUNIT_CASE_PARAM(i2_dma_length_off_by_a_page, delta_gen_params),
	KUNIT_CASE_PARAM(i3_pin_count_off_by_one, delta_gen_params),
	KUNIT_CASE(i3_pins_without_pages),
	KUNIT_CASE(i4_saturated_vmap_count),
	KUNIT_CASE(i4_saturated_pin_count),
	KUNIT_CASE(i4_saturated_mmap_count),
	KUNIT_CASE(i5_vaddr_without_users),
	KUNIT_CASE(i5_users_without_vaddr),
	KUNIT_CASE(i5_vaddr_without_pin),
	KUNIT_CASE(i6_mmap_count_too_high),
	KUNIT_CASE(i6_mmap_count_too_low),
	{}
};

static struct kunit_suite check_suite = {
	.name = "panthor_check",
	.init = panthor_kunit_init,
	.exit = panthor_kunit_exit,
	.suite_exit = panthor_kunit_suite_exit,
	.test_cases = check_cases,
};

kunit_test_suite(check_suite);
