// SPDX-License-Identifier: GPL-2.0-only
/* CPU cache maintenance (BO_SYNC): what it accepts, and what it must not do. */

#include <linux/limits.h>
#include <linux/shrinker.h>
#include <linux/sizes.h>

#include <drm/panthor_drm.h>

#include "check.h"
#include "fixture.h"
#include "seam.h"

#define FLUSH	DRM_PANTHOR_BO_SYNC_CPU_CACHE_FLUSH

/* Cached by the CPU on a device that does not snoop: maintenance is needed. */
static struct panthor_gem_object *cached_bo(struct kunit *test)
{
	return panthor_kunit_bo_flags(test, SZ_64K, DRM_PANTHOR_BO_WB_MMAP);
}

static struct panthor_gem_object *resident_cached_bo(struct kunit *test)
{
	struct panthor_gem_object *bo = cached_bo(test);

	panthor_kunit_make_resident(test, bo);
	return bo;
}

struct range_param {
	const char *desc;
	u64 offset;
	u64 size;
	int expected;
};

static const struct range_param range_params[] = {
	{ "whole", 0, SZ_64K, 0 },
	{ "first_byte", 0, 1, 0 },
	{ "last_byte", SZ_64K - 1, 1, 0 },
	{ "across_pages", SZ_4K - 1, SZ_8K, 0 },
	{ "nothing_at_start", 0, 0, 0 },
	{ "nothing_at_end", SZ_64K, 0, 0 },
	{ "nothing_past_end", SZ_64K + 1, 0, -EINVAL },
	{ "one_byte_too_many", 0, SZ_64K + 1, -EINVAL },
	{ "first_byte_past_end", SZ_64K, 1, -EINVAL },
	{ "crosses_end", SZ_64K - 1, 2, -EINVAL },
	{ "sum_is_zero", U64_MAX, 1, -EINVAL },
	{ "sum_is_inside", U64_MAX - 15, 32, -EINVAL },
	{ "sum_is_offset_less_one", SZ_4K, U64_MAX, -EINVAL },
};

KUNIT_ARRAY_PARAM_DESC(range, range_params, desc);

/*
 * A range, in or out of a resident cached BO of 64k.
 * Succeeds if it is accepted exactly if all of it is inside.
 */
static void range_must_be_inside(struct kunit *test)
{
	const struct range_param *param = test->param_value;
	struct panthor_gem_object *bo = resident_cached_bo(test);

	KUNIT_EXPECT_EQ(test, panthor_gem_sync(&bo->base, FLUSH, param->offset, param->size),
			param->expected);
}

/*
 * A BO that needs no maintenance is no excuse for a wrong range.
 * Succeeds if the range is refused.
 */
static void range_of_write_combined_bo_is_checked(struct kunit *test)
{
	struct panthor_gem_object *bo = panthor_kunit_bo(test, SZ_64K);

	KUNIT_EXPECT_EQ(test, panthor_gem_sync(&bo->base, FLUSH, 1, SZ_64K), -EINVAL);
}

struct type_param {
	const char *desc;
	u32 type;
	int expected;
};

static const struct type_param type_params[] = {
	{ "flush", DRM_PANTHOR_BO_SYNC_CPU_CACHE_FLUSH, 0 },
	{ "flush_and_invalidate", DRM_PANTHOR_BO_SYNC_CPU_CACHE_FLUSH_AND_INVALIDATE, 0 },
	{ "next_unused", DRM_PANTHOR_BO_SYNC_CPU_CACHE_FLUSH_AND_INVALIDATE + 1, -EINVAL },
	{ "largest", U32_MAX, -EINVAL },
};

KUNIT_ARRAY_PARAM_DESC(type, type_params, desc);

/*
 * A kind of maintenance, known or not.
 * Succeeds if the known ones work and the others are refused.
 */
static void type_must_be_known(struct kunit *test)
{
	const struct type_param *param = test->param_value;
	struct panthor_gem_object *bo = resident_cached_bo(test);

	KUNIT_EXPECT_EQ(test, panthor_gem_sync(&bo->base, param->type, 0, SZ_64K),
			param->expected);
}

/*
 * A BO that needs no maintenance is no excuse for an unknown kind of it.
 * Succeeds if it is refused.
 */
static void type_for_write_combined_bo_is_checked(struct kunit *test)
{
	struct panthor_gem_object *bo = panthor_kunit_bo(test, SZ_64K);

	KUNIT_EXPECT_EQ(test, panthor_gem_sync(&bo->base, U32_MAX, 0, SZ_64K), -EINVAL);
}

/*
 * What has no pages has no cache lines.
 * Succeeds if the call works and no page was got for it.
 */
static void bo_without_pages_stays_so(struct kunit *test)
{
	struct panthor_gem_object *bo = cached_bo(test);

	KUNIT_EXPECT_EQ(test, panthor_gem_sync(&bo->base, FLUSH, 0, SZ_64K), 0);
	KUNIT_EXPECT_NULL(test, bo->backing.pages);
	KUNIT_EXPECT_EQ(test, panthor_seam_calls(SEAM_GET_PAGES), 0);
}

/*
 * Being evicted is no error, and no reason to come back (B08).
 * Succeeds if the call works and the BO stays evicted.
 */
static void evicted_bo_stays_evicted(struct kunit *test)
{
	struct panthor_gem_object *bo = resident_cached_bo(test);

	panthor_seam_set_swap(test, 1);
	KUNIT_ASSERT_EQ(test, panthor_kunit_scan(test, GFP_KERNEL, 1), panthor_kunit_pages(bo));

	KUNIT_EXPECT_EQ(test, panthor_gem_sync(&bo->base, FLUSH, 0, SZ_64K), 0);
	KUNIT_EXPECT_NULL(test, bo->backing.pages);
	KUNIT_EXPECT_NULL(test, bo->dmap.sgt);
	KUNIT_EXPECT_EQ(test, panthor_seam_calls(SEAM_GET_PAGES), 1);
}

/*
 * Write-combined memory is not cached, so there is nothing to maintain.
 * Succeeds if the call works without a table.
 */
static void write_combined_bo_needs_no_sgt(struct kunit *test)
{
	struct panthor_gem_object *bo = panthor_kunit_bo(test, SZ_64K);

	panthor_kunit_make_resident(test, bo);
	KUNIT_EXPECT_EQ(test, panthor_gem_sync(&bo->base, FLUSH, 0, SZ_64K), 0);
	KUNIT_EXPECT_EQ(test, panthor_seam_calls(SEAM_PAGES_TO_SG), 0);
}

/*
 * Maintenance goes by DMA address, so the first one has to make the table.
 * Succeeds if it is made by the first call and used by the second.
 */
static void cached_bo_gets_sgt_once(struct kunit *test)
{
	struct panthor_gem_object *bo = resident_cached_bo(test);

	KUNIT_EXPECT_EQ(test, panthor_gem_sync(&bo->base, FLUSH, 0, SZ_64K), 0);
	KUNIT_EXPECT_EQ(test, panthor_gem_sync(&bo->base, FLUSH, 0, SZ_64K), 0);
	KUNIT_EXPECT_NOT_NULL(test, bo->dmap.sgt);
	KUNIT_EXPECT_EQ(test, panthor_seam_calls(SEAM_DMA_MAP), 1);
}

struct sync_fail_param {
	const char *desc;
	enum panthor_seam_id seam;
	int err;
};

static const struct sync_fail_param sync_fail_params[] = {
	{ "pages_to_sg", SEAM_PAGES_TO_SG, -EMLINK },
	{ "dma_map", SEAM_DMA_MAP, -EREMOTEIO },
};

KUNIT_ARRAY_PARAM_DESC(sync_fail, sync_fail_params, desc);

/*
 * The table cannot be made.
 * Succeeds if the errno is the step's, no invariant is broken, and the retry
 * works.
 */
static void failed_step_leaves_no_trace(struct kunit *test)
{
	const struct sync_fail_param *param = test->param_value;
	struct panthor_gem_object *bo = resident_cached_bo(test);

	panthor_seam_fail_once(test, param->seam, param->err);
	KUNIT_EXPECT_EQ(test, panthor_gem_sync(&bo->base, FLUSH, 0, SZ_64K), param->err);
	KUNIT_EXPECT_NULL(test, bo->dmap.sgt);
	panthor_expect_invariants(test);
	KUNIT_EXPECT_EQ(test, panthor_gem_sync(&bo->base, FLUSH, 0, SZ_64K), 0);
}

/*
 * Maintenance is no use of the pages: they may be reclaimed before and after.
 * Succeeds if the BO is still offered to the shrinker, unpinned.
 */
static void sync_does_not_change_the_state(struct kunit *test)
{
	struct panthor_device *ptdev = to_panthor_kunit(test)->ptdev;
	struct panthor_gem_object *bo = resident_cached_bo(test);

	KUNIT_EXPECT_EQ(test, panthor_gem_sync(&bo->base, FLUSH, 0, SZ_64K), 0);
	expect_bo_state(test, bo, PANTHOR_GEM_UNUSED);
	expect_on_lru(test, bo, &ptdev->reclaim.unused);
}

static struct kunit_case gem_sync_cases[] = {
	KUNIT_CASE_PARAM(range_must_be_inside, range_gen_params),
	KUNIT_CASE(range_of_write_combined_bo_is_checked),
	KUNIT_CASE_PARAM(type_must_be_known, type_gen_params),
	KUNIT_CASE(type_for_write_combined_bo_is_checked),
	KUNIT_CASE(bo_without_pages_stays_so),
	KUNIT_CASE(evicted_bo_stays_evicted),
	KUNIT_CASE(write_combined_bo_needs_no_sgt),
	KUNIT_CASE(cached_bo_gets_sgt_once),
	KUNIT_CASE_PARAM(failed_step_leaves_no_trace, sync_fail_gen_params),
	KUNIT_CASE(sync_does_not_change_the_state),
	{}
};

static struct kunit_suite gem_sync_suite = {
	.name = "panthor_gem_sync",
	.init = panthor_kunit_init,
	.exit = panthor_kunit_exit,
	.suite_exit = panthor_kunit_suite_exit,
	.test_cases = gem_sync_cases,
};

kunit_test_suite(gem_sync_suite);
