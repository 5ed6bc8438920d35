// SPDX-License-Identifier: GPL-2.0-only
/* Eviction and restore of BOs in VMs that the GPU may be using. */

#include <linux/sizes.h>

#include "../panthor_mmu_regs.h"

#include "check.h"
#include "fake_as.h"
#include "fixture.h"
#include "mmu_as.h"
#include "seam.h"

#define VA	SZ_1G

static int evict_init(struct kunit *test)
{
	int ret = panthor_fake_as_init(test);

	panthor_seam_set_swap(test, 1);
	return ret;
}

/* A BO at VA of @vm, whose story starts now. */
static struct panthor_gem_object *mapped_bo(struct kunit *test, struct panthor_vm *vm)
{
	struct panthor_gem_object *bo = panthor_kunit_bo(test, SZ_16K);

	panthor_kunit_map(test, vm, bo, VA);
	panthor_fake_as_forget();
	panthor_fake_as_probe(1, VA);
	return bo;
}

/*
 * The pages of a BO belong to somebody else after the eviction.
 * Succeeds if the mapping goes as any unmap does, and the pages are put after
 * the UNLOCK, which is after the flush.
 */
static void eviction_unmaps_before_pages_are_put(struct kunit *test)
{
	struct panthor_vm *vm = mmu_as_active_vm(test);
	struct panthor_gem_object *bo = mapped_bo(test, vm);

	KUNIT_EXPECT_EQ(test, panthor_kunit_scan(test, GFP_KERNEL, 1), panthor_kunit_pages(bo));
	KUNIT_EXPECT_EQ(test, panthor_seam_calls(SEAM_PUT_PAGES), 1);
	KUNIT_EXPECT_GT(test, panthor_seam_last(SEAM_PUT_PAGES),
			panthor_fake_as_last(1, AS_COMMAND_UNLOCK));
	KUNIT_EXPECT_GT(test, panthor_fake_as_last(1, AS_COMMAND_UNLOCK),
			panthor_seam_last(SEAM_FLUSH_CACHES));
	expect_as_story(test, "1:LOCK+ FLUSH- 1:UNLOCK-");
}

/*
 * The pages are in use as long as one VM has them.
 * Succeeds if both VMs were unlocked before the pages are put.
 */
static void eviction_unmaps_from_each_vm(struct kunit *test)
{
	struct panthor_vm *a = mmu_as_active_vm(test), *b = mmu_as_active_vm(test);
	struct panthor_gem_object *bo = mapped_bo(test, a);

	panthor_kunit_map(test, b, bo, VA);
	panthor_fake_as_forget();

	KUNIT_EXPECT_EQ(test, panthor_kunit_scan(test, GFP_KERNEL, 1), panthor_kunit_pages(bo));
	KUNIT_EXPECT_NE(test, panthor_fake_as_last(1, AS_COMMAND_UNLOCK), 0);
	KUNIT_EXPECT_NE(test, panthor_fake_as_last(2, AS_COMMAND_UNLOCK), 0);
	KUNIT_EXPECT_GT(test, panthor_seam_last(SEAM_PUT_PAGES),
			panthor_fake_as_last(1, AS_COMMAND_UNLOCK));
	KUNIT_EXPECT_GT(test, panthor_seam_last(SEAM_PUT_PAGES),
			panthor_fake_as_last(2, AS_COMMAND_UNLOCK));
	KUNIT_EXPECT_EQ(test, panthor_fake_as_walk(1, VA), 0);
	KUNIT_EXPECT_EQ(test, panthor_fake_as_walk(2, VA), 0);
}

/*
 * A BO can be mapped twice in one VM.
 * Succeeds if neither address translates when the pages are put.
 */
static void eviction_unmaps_each_mapping(struct kunit *test)
{
	struct panthor_vm *vm = mmu_as_active_vm(test);
	struct panthor_gem_object *bo = mapped_bo(test, vm);

	panthor_kunit_map(test, vm, bo, 2ULL * VA);
	panthor_fake_as_forget();

	KUNIT_EXPECT_EQ(test, panthor_kunit_scan(test, GFP_KERNEL, 1), panthor_kunit_pages(bo));
	KUNIT_EXPECT_GT(test, panthor_seam_last(SEAM_PUT_PAGES),
			panthor_fake_as_last(1, AS_COMMAND_UNLOCK));
	KUNIT_EXPECT_EQ(test, panthor_fake_as_walk(1, VA), 0);
	KUNIT_EXPECT_EQ(test, panthor_fake_as_walk(1, 2ULL * VA), 0);
}

/*
 * The next job finds its BO again, at the same address.
 * Succeeds if the mapping comes back as any map does, to the new pages.
 */
static void restore_maps_under_lock(struct kunit *test)
{
	struct panthor_vm *vm = mmu_as_active_vm(test);
	struct panthor_gem_object *bo = mapped_bo(test, vm);

	KUNIT_ASSERT_EQ(test, panthor_kunit_scan(test, GFP_KERNEL, 1), panthor_kunit_pages(bo));
	panthor_fake_as_forget();

	KUNIT_EXPECT_EQ(test, panthor_kunit_prepare_job(vm), 0);
	expect_as_story(test, "1:LOCK- FLUSH+ 1:UNLOCK+");
	KUNIT_EXPECT_EQ(test, panthor_fake_as_walk(1, VA),
			page_to_phys(bo->backing.pages[0]));
}

/*
 * A restore that cannot lock leaves the BO evicted.
 * Succeeds if it fails with -ETIMEDOUT, nothing is mapped, a reset is scheduled,
 * and the same restore works after it.
 */
static void stuck_lock_fails_the_restore(struct kunit *test)
{
	struct panthor_vm *vm = mmu_as_active_vm(test);
	struct panthor_gem_object *bo = mapped_bo(test, vm);

	KUNIT_ASSERT_EQ(test, panthor_kunit_scan(test, GFP_KERNEL, 1), panthor_kunit_pages(bo));
	panthor_fake_as_forget();
	panthor_fake_as_arm(AS_COMMAND_LOCK, 1, FAKE_AS_STUCK, 0);

	KUNIT_EXPECT_EQ(test, panthor_kunit_prepare_job(vm), -ETIMEDOUT);
	expect_as_story(test, "1:LOCK-!");
	KUNIT_EXPECT_TRUE(test, panthor_device_reset_is_pending(to_panthor_kunit(test)->ptdev));

	mmu_as_reset(test);
	mmu_as_reactivate(test, vm);
	KUNIT_EXPECT_EQ(test, panthor_kunit_prepare_job(vm), 0);
	KUNIT_EXPECT_EQ(test, panthor_fake_as_walk(1, VA),
			page_to_phys(bo->backing.pages[0]));
}

/*
 * The same, judged by the checker: a restore that failed must leave a state
 * that the shrinker understands.
 * Succeeds if no invariant is violated.
 */
static void stuck_lock_of_restore_breaks_no_invariant(struct kunit *test)
{
	struct panthor_vm *vm = mmu_as_active_vm(test);
	struct panthor_gem_object *bo = mapped_bo(test, vm);
	int ret;

	KUNIT_ASSERT_EQ(test, panthor_kunit_scan(test, GFP_KERNEL, 1), panthor_kunit_pages(bo));
	panthor_fake_as_arm(AS_COMMAND_LOCK, 1, FAKE_AS_STUCK, 0);
	ret = panthor_kunit_prepare_job(vm);
	panthor_expect_invariants(test);
	mmu_as_reset(test);
	KUNIT_EXPECT_EQ(test, ret, -ETIMEDOUT);
	KUNIT_EXPECT_EQ(test, panthor_kunit_prepare_job(vm), 0);
}

/*
 * What cannot be unmapped cannot be evicted.
 * Succeeds if a LOCK that hangs leaves pages and mapping, a reset is scheduled,
 * and the BO can be evicted after it.
 */
static void stuck_lock_keeps_the_pages(struct kunit *test)
{
	struct panthor_vm *vm = mmu_as_active_vm(test);
	struct panthor_gem_object *bo = mapped_bo(test, vm);

	panthor_fake_as_arm(AS_COMMAND_LOCK, 1, FAKE_AS_STUCK, 0);
	panthor_kunit_scan(test, GFP_KERNEL, 1);
	expect_as_story(test, "1:LOCK+!");
	KUNIT_EXPECT_EQ(test, panthor_seam_calls(SEAM_PUT_PAGES), 0);
	KUNIT_ASSERT_NOT_NULL(test, bo->backing.pages);
	KUNIT_EXPECT_EQ(test, panthor_fake_as_walk(1, VA),
			page_to_phys(bo->backing.pages[0]));
	KUNIT_EXPECT_TRUE(test, panthor_device_reset_is_pending(to_panthor_kunit(test)->ptdev));

	mmu_as_reset(test);
	panthor_kunit_scan(test, GFP_KERNEL, 1);
	KUNIT_EXPECT_EQ(test, panthor_seam_calls(SEAM_PUT_PAGES), 1);
}

/*
 * The same, judged by the checker: the BO is still mapped, so its state has to
 * say so, or reclaim takes it for one that the GPU does not use.
 * Succeeds if no invariant is violated.
 */
static void stuck_lock_of_eviction_breaks_no_invariant(struct kunit *test)
{
	struct panthor_vm *vm = mmu_as_active_vm(test);

	mapped_bo(test, vm);
	panthor_fake_as_arm(AS_COMMAND_LOCK, 1, FAKE_AS_STUCK, 0);
	panthor_kunit_scan(test, GFP_KERNEL, 1);
	panthor_expect_invariants(test);
	mmu_as_reset(test);
	KUNIT_EXPECT_EQ(test, panthor_kunit_prepare_job(vm), 0);
}

static const struct mmu_as_errno_param errno_params[] = {
	{ "timed_out", -ETIMEDOUT },
	{ "refused", -EIO },
};

KUNIT_ARRAY_PARAM_DESC(errno, errno_params, desc);

/*
 * B53: the entry is gone, but nobody knows what the TLB still has.
 * Succeeds if the pages are not put before the reset.
 */
static void failed_flush_keeps_the_pages(struct kunit *test)
{
	const struct mmu_as_errno_param *param = test->param_value;
	struct panthor_vm *vm = mmu_as_active_vm(test);

	mapped_bo(test, vm);
	panthor_seam_fail_once(test, SEAM_FLUSH_CACHES, param->err);
	panthor_kunit_scan(test, GFP_KERNEL, 1);
	expect_as_story(test, "1:LOCK+ FLUSH-!");
	KUNIT_EXPECT_EQ(test, panthor_seam_calls(SEAM_PUT_PAGES), 0);
	mmu_as_reset(test);
}

/*
 * B53 again: the caches were flushed, but the GPU does not answer any more.
 * Succeeds if the pages are not put before the reset.
 */
static void stuck_unlock_keeps_the_pages(struct kunit *test)
{
	struct panthor_vm *vm = mmu_as_active_vm(test);

	mapped_bo(test, vm);
	panthor_fake_as_arm(AS_COMMAND_UNLOCK, 1, FAKE_AS_STUCK, 0);
	panthor_kunit_scan(test, GFP_KERNEL, 1);
	expect_as_story(test, "1:LOCK+ FLUSH- 1:UNLOCK-!");
	KUNIT_EXPECT_EQ(test, panthor_seam_calls(SEAM_PUT_PAGES), 0);
	mmu_as_reset(test);
}

static struct kunit_case mmu_as_evict_cases[] = {
	KUNIT_CASE(eviction_unmaps_before_pages_are_put),
	KUNIT_CASE(eviction_unmaps_from_each_vm),
	KUNIT_CASE(eviction_unmaps_each_mapping),
	KUNIT_CASE(restore_maps_under_lock),
	KUNIT_CASE(stuck_lock_fails_the_restore),
	KUNIT_CASE(stuck_lock_of_restore_breaks_no_invariant),
	KUNIT_CASE(stuck_lock_keeps_the_pages),
	KUNIT_CASE(stuck_lock_of_eviction_breaks_no_invariant),
	KUNIT_CASE_PARAM(failed_flush_keeps_the_pages, errno_gen_params),
	KUNIT_CASE(stuck_unlock_keeps_the_pages),
	{}
};

static struct kunit_suite mmu_as_evict_suite = {
	.name = "panthor_mmu_as_evict",
	.init = evict_init,
	.exit = panthor_fake_as_exit,
	.suite_exit = panthor_kunit_suite_exit,
	.test_cases = mmu_as_evict_cases,
};

kunit_test_suite(mmu_as_evict_suite);
