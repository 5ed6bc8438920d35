// SPDX-License-Identifier: GPL-2.0-only
/*
 * Changes of page tables that the GPU may be walking: the range is locked, the
 * tables are edited, caches are flushed, the range is unlocked.
 */

#include <linux/err.h>
#include <linux/sizes.h>

#include <drm/gpu_scheduler.h>
#include <drm/panthor_drm.h>

#include "../panthor_mmu_regs.h"

#include "fake_as.h"
#include "fixture.h"
#include "mmu_as.h"
#include "race.h"
#include "seam.h"

/* The only address that the cases of this file map, where one is enough. */
#define VA	SZ_1G

static int try_map(struct panthor_vm *vm, struct panthor_gem_object *bo, u64 va)
{
	return panthor_vm_map_bo_range(vm, bo, 0, bo->base.size, va, 0);
}

static bool reset_pending(struct kunit *test)
{
	return panthor_device_reset_is_pending(to_panthor_kunit(test)->ptdev);
}

/* A VM on AS 1, whose story starts now and watches VA. */
static struct panthor_vm *probed_vm(struct kunit *test)
{
	struct panthor_vm *vm = mmu_as_active_vm(test);

	panthor_fake_as_forget();
	panthor_fake_as_probe(1, VA);
	return vm;
}

static const struct mmu_as_flag_param live_params[] = {
	{ "active", true },
	{ "idle", false },
};

KUNIT_ARRAY_PARAM_DESC(live, live_params, desc);

/*
 * The GPU may look at any entry at any time. An idle VM on a slot is live too:
 * its TLB entries are.
 * Succeeds if the entry appears between LOCK and flush, and the flush is before
 * the only UNLOCK.
 */
static void map_happens_under_lock(struct kunit *test)
{
	const struct mmu_as_flag_param *param = test->param_value;
	struct panthor_gem_object *bo = panthor_kunit_bo(test, SZ_16K);
	struct panthor_vm *vm = probed_vm(test);

	if (!param->flag)
		mmu_as_deactivate(test, vm);
	panthor_kunit_map(test, vm, bo, VA);
	expect_as_story(test, "1:LOCK- FLUSH+ 1:UNLOCK+");
	expect_no_as_locked(test);
}

/*
 * What is unmapped may be freed, so it must be out of the TLB.
 * Succeeds if the entry disappears between LOCK and flush, and the flush is
 * before the only UNLOCK.
 */
static void unmap_happens_under_lock(struct kunit *test)
{
	const struct mmu_as_flag_param *param = test->param_value;
	struct panthor_gem_object *bo = panthor_kunit_bo(test, SZ_16K);
	struct panthor_vm *vm = probed_vm(test);

	panthor_kunit_map(test, vm, bo, VA);
	if (!param->flag)
		mmu_as_deactivate(test, vm);
	panthor_fake_as_forget();

	panthor_kunit_unmap(test, vm, bo, VA);
	expect_as_story(test, "1:LOCK+ FLUSH- 1:UNLOCK-");
	expect_no_as_locked(test);
}

/*
 * A mapping in the way goes, and the GPU must not see the hole in between.
 * Succeeds if both steps share one LOCK, and the new BO is what is found.
 */
static void map_over_a_mapping_locks_once(struct kunit *test)
{
	struct panthor_gem_object *old = panthor_kunit_bo(test, SZ_16K);
	struct panthor_gem_object *new = panthor_kunit_bo(test, SZ_16K);
	struct panthor_vm *vm = probed_vm(test);

	panthor_kunit_map(test, vm, old, VA);
	panthor_fake_as_forget();

	panthor_kunit_map(test, vm, new, VA);
	expect_as_story(test, "1:LOCK+ FLUSH+ 1:UNLOCK+");
	KUNIT_EXPECT_EQ(test, panthor_fake_as_walk(1, VA),
			page_to_phys(new->backing.pages[0]));
}

/*
 * A hole in the middle leaves two mappings of what is around it.
 * Succeeds if there is one LOCK, and exactly the hole translates to nothing.
 */
static void hole_in_a_mapping_locks_once(struct kunit *test)
{
	struct panthor_gem_object *bo = panthor_kunit_bo(test, SZ_64K);
	struct panthor_vm *vm = probed_vm(test);

	panthor_kunit_map(test, vm, bo, VA);
	panthor_fake_as_forget();

	KUNIT_EXPECT_EQ(test, panthor_vm_unmap_range(vm, VA + SZ_16K, SZ_16K), 0);
	expect_as_story(test, "1:LOCK+ FLUSH+ 1:UNLOCK+");
	KUNIT_EXPECT_NE(test, panthor_fake_as_walk(1, VA + SZ_16K - 1), 0);
	KUNIT_EXPECT_EQ(test, panthor_fake_as_walk(1, VA + SZ_16K), 0);
	KUNIT_EXPECT_EQ(test, panthor_fake_as_walk(1, VA + SZ_32K - 1), 0);
	KUNIT_EXPECT_NE(test, panthor_fake_as_walk(1, VA + SZ_32K), 0);
}

/*
 * Without a slot there is no TLB, and no register that belongs to the VM.
 * Succeeds if map and unmap are silent.
 */
static void vm_without_slot_is_changed_silently(struct kunit *test)
{
	struct panthor_gem_object *bo = panthor_kunit_bo(test, SZ_16K);
	struct panthor_vm *vm = panthor_kunit_vm(test);

	panthor_kunit_map(test, vm, bo, VA);
	panthor_kunit_unmap(test, vm, bo, VA);
	expect_as_story(test, "");
}

/*
 * Other VMs run on while one is changed.
 * Succeeds if a change of the VM on AS 2 locks that one.
 */
static void change_locks_the_own_slot(struct kunit *test)
{
	struct panthor_gem_object *bo = panthor_kunit_bo(test, SZ_16K);
	struct panthor_vm *other = mmu_as_active_vm(test), *vm = mmu_as_active_vm(test);

	KUNIT_ASSERT_EQ(test, panthor_vm_as(other), 1);
	panthor_fake_as_forget();
	panthor_kunit_map(test, vm, bo, VA);
	expect_as_story(test, "2:LOCK FLUSH 2:UNLOCK");
}

/**
 * struct region_param - What is locked for a range
 * @desc: Name in the results.
 * @va: First byte of the range.
 * @size: Its size.
 * @start: First byte of the region.
 * @width: log2 of the region's size.
 */
struct region_param {
	const char *desc;
	u64 va;
	u64 size;
	u64 start;
	unsigned int width;
};

static const struct region_param region_params[] = {
	{ "page_at_0", 0, SZ_4K, 0, 15 },
	{ "page_at_32k", SZ_32K, SZ_4K, SZ_32K, 15 },
	{ "end_of_32k", SZ_32K - SZ_4K, SZ_4K, 0, 15 },
	{ "across_32k", SZ_32K - SZ_4K, SZ_8K, 0, 16 },
	{ "64k_at_1g", SZ_1G, SZ_64K, SZ_1G, 16 },
	{ "across_64k", SZ_1G + SZ_32K, SZ_64K, SZ_1G, 17 },
	{ "4m_at_2m", SZ_2M, SZ_4M, 0, 23 },
	{ "across_512g", SZ_512G - SZ_4K, SZ_8K, 0, 40 },
};

KUNIT_ARRAY_PARAM_DESC(region, region_params, desc);

/*
 * What is not locked is not protected; what is locked needlessly stalls the GPU.
 * Succeeds if the smallest aligned power of two around the range is locked.
 */
static void locked_region_is_the_smallest_around(struct kunit *test)
{
	const struct region_param *param = test->param_value;
	struct panthor_vm *vm = mmu_as_active_vm(test);
	u64 lockaddr;

	KUNIT_ASSERT_EQ(test, panthor_vm_unmap_range(vm, param->va, param->size), 0);
	expect_as_story(test, "1:UPDATE 1:LOCK FLUSH 1:UNLOCK");
	lockaddr = panthor_fake_as_lockaddr(1);
	KUNIT_EXPECT_EQ(test, (lockaddr & GENMASK(5, 0)) + 1, param->width);
	KUNIT_EXPECT_EQ(test, lockaddr & GENMASK_ULL(63, param->width), param->start);
}

static const struct region_param aligned_params[] = {
	{ "page_at_32k", SZ_32K, SZ_4K, SZ_32K, 15 },
	{ "page_at_48k", SZ_32K + SZ_16K, SZ_4K, SZ_32K, 15 },
	{ "16k_at_16k", SZ_16K, SZ_16K, 0, 15 },
};

KUNIT_ARRAY_PARAM_DESC(aligned, aligned_params, desc);

/*
 * The driver remembers as locked what it wrote, and skips a LOCK for what it
 * takes to be inside. The GPU ignores the bits below the size.
 * Succeeds if the base that is written has none of them.
 */
static void locked_region_is_aligned_to_its_size(struct kunit *test)
{
	const struct region_param *param = test->param_value;
	struct panthor_vm *vm = mmu_as_active_vm(test);

	KUNIT_ASSERT_EQ(test, panthor_vm_unmap_range(vm, param->va, param->size), 0);
	KUNIT_EXPECT_EQ(test, panthor_fake_as_lockaddr(1), param->start | (param->width - 1));
}

/**
 * struct command_param - One of the commands of a change
 * @desc: Name in the results.
 * @cmd: AS_COMMAND_*.
 */
struct command_param {
	const char *desc;
	u32 cmd;
};

static const struct command_param command_params[] = {
	{ "lock", AS_COMMAND_LOCK },
	{ "unlock", AS_COMMAND_UNLOCK },
};

KUNIT_ARRAY_PARAM_DESC(command, command_params, desc);

/*
 * A command that takes its time: nothing may happen before it is complete.
 * Succeeds if the change works as if the command were instant; the fake fails
 * the case for a command while another one is active.
 */
static void change_waits_for_its_commands(struct kunit *test)
{
	const struct command_param *param = test->param_value;
	struct panthor_gem_object *bo = panthor_kunit_bo(test, SZ_16K);
	struct panthor_vm *vm = probed_vm(test);

	panthor_fake_as_arm(param->cmd, 1, FAKE_AS_DELAYED, 5);
	panthor_kunit_map(test, vm, bo, VA);
	expect_as_story(test, "1:LOCK- FLUSH+ 1:UNLOCK+");
	expect_no_as_locked(test);
	KUNIT_EXPECT_FALSE(test, reset_pending(test));
}

/*
 * Without the lock the tables must not change.
 * Succeeds if the map fails with -ETIMEDOUT, nothing is mapped, a reset is
 * scheduled, and the same map works after it.
 */
static void stuck_lock_fails_the_map(struct kunit *test)
{
	struct panthor_gem_object *bo = panthor_kunit_bo(test, SZ_16K);
	struct panthor_vm *vm = probed_vm(test);

	panthor_fake_as_arm(AS_COMMAND_LOCK, 1, FAKE_AS_STUCK, 0);
	KUNIT_EXPECT_EQ(test, try_map(vm, bo, VA), -ETIMEDOUT);
	expect_as_story(test, "1:LOCK-!");
	KUNIT_EXPECT_EQ(test, panthor_fake_as_walk(1, VA), 0);
	KUNIT_EXPECT_TRUE(test, reset_pending(test));

	mmu_as_reset(test);
	mmu_as_reactivate(test, vm);
	panthor_fake_as_forget();
	KUNIT_EXPECT_EQ(test, try_map(vm, bo, VA), 0);
	expect_as_story(test, "1:LOCK- FLUSH+ 1:UNLOCK+");
}

/*
 * A mapping whose removal fails is still there, and must not be forgotten.
 * Succeeds if the unmap fails with -ETIMEDOUT and the entry stays, a reset is
 * scheduled, and the same unmap removes the entry after it.
 */
static void stuck_lock_fails_the_unmap(struct kunit *test)
{
	struct panthor_gem_object *bo = panthor_kunit_bo(test, SZ_16K);
	struct panthor_vm *vm = probed_vm(test);

	panthor_kunit_map(test, vm, bo, VA);
	panthor_fake_as_forget();
	panthor_fake_as_arm(AS_COMMAND_LOCK, 1, FAKE_AS_STUCK, 0);
	KUNIT_EXPECT_EQ(test, panthor_vm_unmap_range(vm, VA, SZ_16K), -ETIMEDOUT);
	expect_as_story(test, "1:LOCK+!");
	KUNIT_EXPECT_EQ(test, panthor_fake_as_walk(1, VA),
			page_to_phys(bo->backing.pages[0]));
	KUNIT_EXPECT_TRUE(test, reset_pending(test));

	mmu_as_reset(test);
	mmu_as_reactivate(test, vm);
	panthor_fake_as_forget();
	KUNIT_EXPECT_EQ(test, panthor_vm_unmap_range(vm, VA, SZ_16K), 0);
	expect_as_story(test, "1:LOCK+ FLUSH- 1:UNLOCK-");
}

/*
 * The tables have changed when UNLOCK hangs; only a reset helps the GPU.
 * Succeeds if the map reports success, a reset is scheduled, and the mapping is
 * found after it.
 */
static void stuck_unlock_schedules_a_reset(struct kunit *test)
{
	struct panthor_gem_object *bo = panthor_kunit_bo(test, SZ_16K);
	struct panthor_vm *vm = probed_vm(test);

	panthor_fake_as_arm(AS_COMMAND_UNLOCK, 1, FAKE_AS_STUCK, 0);
	KUNIT_EXPECT_EQ(test, try_map(vm, bo, VA), 0);
	expect_as_story(test, "1:LOCK- FLUSH+ 1:UNLOCK+!");
	KUNIT_EXPECT_TRUE(test, reset_pending(test));

	mmu_as_reset(test);
	mmu_as_reactivate(test, vm);
	KUNIT_EXPECT_EQ(test, panthor_fake_as_walk(1, VA),
			page_to_phys(bo->backing.pages[0]));
}

static const struct mmu_as_errno_param errno_params[] = {
	{ "timed_out", -ETIMEDOUT },
	{ "refused", -EIO },
};

KUNIT_ARRAY_PARAM_DESC(errno, errno_params, desc);

/*
 * A range that was not flushed must not be unlocked: the GPU would use what it
 * has cached of it.
 * Succeeds if the range stays locked and a reset is scheduled.
 */
static void failed_flush_keeps_the_lock_until_reset(struct kunit *test)
{
	const struct mmu_as_errno_param *param = test->param_value;
	struct panthor_gem_object *bo = panthor_kunit_bo(test, SZ_16K);
	struct panthor_vm *vm = probed_vm(test);

	panthor_seam_fail_once(test, SEAM_FLUSH_CACHES, param->err);
	KUNIT_EXPECT_EQ(test, try_map(vm, bo, VA), 0);
	expect_as_story(test, "1:LOCK- FLUSH+!");
	KUNIT_EXPECT_EQ(test, panthor_fake_as_locked_mask(), BIT(1));
	KUNIT_EXPECT_TRUE(test, reset_pending(test));

	mmu_as_reset(test);
	mmu_as_reactivate(test, vm);
	panthor_fake_as_forget();
	panthor_kunit_unmap(test, vm, bo, VA);
	expect_as_story(test, "1:LOCK+ FLUSH- 1:UNLOCK-");
}

/*
 * Unmapping was the last reason to keep a BO, but the TLB was not flushed.
 * Succeeds if its pages are not put before the reset.
 */
static void failed_flush_of_unmap_keeps_the_pages(struct kunit *test)
{
	const struct mmu_as_errno_param *param = test->param_value;
	struct panthor_gem_object *bo = panthor_kunit_bo(test, SZ_16K);
	struct panthor_vm *vm = probed_vm(test);

	panthor_kunit_map(test, vm, bo, VA);
	panthor_kunit_bo_put(test, bo);
	panthor_fake_as_forget();
	panthor_seam_fail_once(test, SEAM_FLUSH_CACHES, param->err);

	panthor_vm_unmap_range(vm, VA, SZ_16K);
	flush_workqueue(panthor_cleanup_wq);
	expect_as_story(test, "1:LOCK+ FLUSH-!");
	KUNIT_EXPECT_EQ(test, panthor_seam_calls(SEAM_PUT_PAGES), 0);
	mmu_as_reset(test);
}

/**
 * struct abandoned - A job that is created and given up
 * @file: File that asks for it.
 * @vm: The VM.
 * @puts: Calls of drm_gem_put_pages() by then.
 */
struct abandoned {
	struct drm_file *file;
	struct panthor_vm *vm;
	unsigned int puts;
};

static int abandon_job(void *data)
{
	const struct drm_panthor_vm_bind_op op = {
		.flags = DRM_PANTHOR_VM_BIND_OP_TYPE_UNMAP,
		.va = VA + SZ_64K,
		.size = SZ_16K,
	};
	struct abandoned *a = data;
	struct drm_sched_job *job = panthor_vm_bind_job_create(a->file, a->vm, &op);

	if (IS_ERR(job))
		return PTR_ERR(job);

	panthor_vm_bind_job_put(job);
	a->puts = panthor_seam_calls(SEAM_PUT_PAGES);
	return 0;
}

/*
 * Unmapping was the last reason to keep a BO. Before the flush another thread
 * gives up a job of the VM, and cleans up behind operations on it.
 * Succeeds if the BO's pages are not put then, but after the UNLOCK.
 */
static void cleanup_of_a_job_waits_for_the_flush_of_others(struct kunit *test)
{
	struct panthor_gem_object *bo = panthor_kunit_bo(test, SZ_16K);
	struct panthor_vm *vm = probed_vm(test);
	struct abandoned a = { .file = to_panthor_kunit(test)->file, .vm = vm };
	struct panthor_race *race;

	panthor_kunit_map(test, vm, bo, VA);
	panthor_kunit_bo_put(test, bo);
	panthor_fake_as_forget();

	race = panthor_race_at(test, SEAM_FLUSH_CACHES, 1, abandon_job, &a);
	KUNIT_EXPECT_EQ(test, panthor_vm_unmap_range(vm, VA, SZ_16K), 0);
	panthor_race_expect(race);

	KUNIT_EXPECT_EQ(test, a.puts, 0);
	KUNIT_EXPECT_EQ(test, panthor_seam_calls(SEAM_PUT_PAGES), 1);
	KUNIT_EXPECT_GT(test, panthor_seam_last(SEAM_PUT_PAGES),
			panthor_fake_as_last(1, AS_COMMAND_UNLOCK));
}

/*
 * While the GPU is reset it takes no command, and what it has cached is forgotten only
 * then (D80).
 * Succeeds if an unmap meanwhile touches no register, and the pages are put after the
 * reset, not before.
 */
static void unmap_during_reset_waits_for_its_end(struct kunit *test)
{
	struct panthor_gem_object *bo = panthor_kunit_bo(test, SZ_16K);
	struct panthor_vm *vm = probed_vm(test);

	panthor_kunit_map(test, vm, bo, VA);
	panthor_kunit_bo_put(test, bo);
	panthor_fake_as_forget();

	mmu_as_begin_reset(test);
	panthor_vm_unmap_range(vm, VA, SZ_16K);
	flush_workqueue(panthor_cleanup_wq);
	expect_as_story(test, "");
	KUNIT_EXPECT_EQ(test, panthor_seam_calls(SEAM_PUT_PAGES), 0);

	mmu_as_end_reset(test);
	KUNIT_EXPECT_EQ(test, panthor_seam_calls(SEAM_PUT_PAGES), 1);
}

static struct kunit_case mmu_as_ops_cases[] = {
	KUNIT_CASE(unmap_during_reset_waits_for_its_end),
	KUNIT_CASE_PARAM(map_happens_under_lock, live_gen_params),
	KUNIT_CASE_PARAM(unmap_happens_under_lock, live_gen_params),
	KUNIT_CASE(map_over_a_mapping_locks_once),
	KUNIT_CASE(hole_in_a_mapping_locks_once),
	KUNIT_CASE(vm_without_slot_is_changed_silently),
	KUNIT_CASE(change_locks_the_own_slot),
	KUNIT_CASE_PARAM(locked_region_is_the_smallest_around, region_gen_params),
	KUNIT_CASE_PARAM(locked_region_is_aligned_to_its_size, aligned_gen_params),
	KUNIT_CASE_PARAM(change_waits_for_its_commands, command_gen_params),
	KUNIT_CASE(stuck_lock_fails_the_map),
	KUNIT_CASE(stuck_lock_fails_the_unmap),
	KUNIT_CASE(stuck_unlock_schedules_a_reset),
	KUNIT_CASE_PARAM(failed_flush_keeps_the_lock_until_reset, errno_gen_params),
	KUNIT_CASE_PARAM(failed_flush_of_unmap_keeps_the_pages, errno_gen_params),
	KUNIT_CASE(cleanup_of_a_job_waits_for_the_flush_of_others),
	{}
};

static struct kunit_suite mmu_as_ops_suite = {
	.name = "panthor_mmu_as_ops",
	.init = panthor_fake_as_init,
	.exit = panthor_fake_as_exit,
	.suite_exit = panthor_kunit_suite_exit,
	.test_cases = mmu_as_ops_cases,
};

kunit_test_suite(mmu_as_ops_suite);
