// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a change that failed leaves to whoever comes next: a region that is still
 * locked, a page table that cannot be trusted, a GPU that is being reset.
 */

#include <linux/dma-fence.h>
#include <linux/sizes.h>

#include <drm/gpu_scheduler.h>
#include <drm/panthor_drm.h>

#include <kunit/resource.h>

#include "../panthor_mmu_regs.h"

#include "bind.h"
#include "fake_as.h"
#include "fake_pgtable.h"
#include "fixture.h"
#include "mmu_as.h"
#include "seam.h"

#define VA	((u64)SZ_1G)

/* A GPU with one slot that user VMs can have. */
static void one_slot(struct kunit *test)
{
	to_panthor_kunit(test)->ptdev->gpu_info.as_present = GENMASK(1, 0);
}

/* A VM on AS 1 of which 16 KiB at VA stay locked, as the flush after a map failed. */
static struct panthor_vm *locked_vm(struct kunit *test)
{
	struct panthor_gem_object *bo = panthor_kunit_bo(test, SZ_16K);
	struct panthor_vm *vm = mmu_as_active_vm(test);

	panthor_seam_fail_once(test, SEAM_FLUSH_CACHES, -EIO);
	panthor_kunit_map(test, vm, bo, VA);
	KUNIT_ASSERT_EQ(test, panthor_fake_as_locked_mask(), BIT(1));
	panthor_fake_as_forget();
	return vm;
}

/**
 * struct next_param - Where the next change is
 * @desc: Name in the results.
 * @va: First byte of 16 KiB.
 */
struct next_param {
	const char *desc;
	u64 va;
};

static const struct next_param next_params[] = {
	{ "above", VA + SZ_64K },
	{ "below", VA - SZ_64K },
};

KUNIT_ARRAY_PARAM_DESC(next, next_params, desc);

/*
 * A region that could not be flushed stays locked, until a flush of all of it.
 * Succeeds if the LOCK of the next change covers both, and its UNLOCK frees both.
 */
static void next_change_locks_what_was_left_too(struct kunit *test)
{
	const struct next_param *param = test->param_value;
	struct panthor_gem_object *bo = panthor_kunit_bo(test, SZ_16K);
	struct panthor_vm *vm = locked_vm(test);
	u64 lockaddr, size, start;

	panthor_kunit_map(test, vm, bo, param->va);
	expect_as_story(test, "1:LOCK FLUSH 1:UNLOCK");
	lockaddr = panthor_fake_as_lockaddr(1);
	size = 2ULL << (lockaddr & GENMASK(5, 0));
	start = lockaddr & ~(size - 1);
	KUNIT_EXPECT_LE(test, start, min(param->va, VA));
	KUNIT_EXPECT_GE(test, start + size, max(param->va, VA) + SZ_16K);
	expect_no_as_locked(test);
	mmu_as_reset(test);
}

/*
 * The next VM of the slot would wait for a region that nobody unlocks any more.
 * Succeeds if the slot is flushed, unlocked and disabled before it is programmed.
 */
static void slot_left_locked_is_unlocked_before_it_is_taken(struct kunit *test)
{
	struct panthor_vm *vm, *other = panthor_kunit_vm(test);

	one_slot(test);
	vm = locked_vm(test);
	mmu_as_deactivate(test, vm);
	mmu_as_activate(test, other);
	expect_as_story(test, "FLUSH 1:UNLOCK 1:UPDATE 1:UPDATE");
	KUNIT_EXPECT_EQ(test, panthor_vm_as(vm), -1);
	KUNIT_EXPECT_EQ(test, panthor_vm_as(other), 1);
	expect_no_as_locked(test);
	mmu_as_reset(test);
}

/*
 * If the flush fails once more, the GPU may still have what it had cached.
 * Succeeds if the other VM gets the errno and no slot, and the slot stays locked.
 */
static void slot_that_cannot_be_flushed_is_not_taken(struct kunit *test)
{
	struct panthor_vm *vm, *other = panthor_kunit_vm(test);

	one_slot(test);
	vm = locked_vm(test);
	mmu_as_deactivate(test, vm);
	panthor_seam_fail_once(test, SEAM_FLUSH_CACHES, -EIO);
	KUNIT_EXPECT_EQ(test, panthor_vm_active(other), -EIO);
	KUNIT_EXPECT_EQ(test, panthor_vm_as(vm), 1);
	KUNIT_EXPECT_EQ(test, panthor_vm_as(other), -1);
	KUNIT_EXPECT_EQ(test, panthor_fake_as_locked_mask(), BIT(1));
	mmu_as_reset(test);
}

/*
 * What an UPDATE does while a region is locked is not known. The GPU faults when the
 * region of an earlier change is still locked, and cannot be flushed now either.
 * Succeeds if the slot is left alone, and unlocked before it is programmed again.
 */
static void slot_left_locked_takes_no_update(struct kunit *test)
{
	struct panthor_vm *vm = locked_vm(test);

	panthor_fake_as_forget();
	panthor_seam_fail_once(test, SEAM_FLUSH_CACHES, -EIO);
	panthor_fake_as_fault(1, 0xc3, VA);
	KUNIT_EXPECT_EQ(test, panthor_fake_as_deliver(), IRQ_HANDLED);
	KUNIT_EXPECT_EQ(test, panthor_fake_as_locked_mask(), BIT(1));
	expect_as_story(test, "FLUSH!");

	mmu_as_deactivate(test, vm);
	panthor_seam_fail_once(test, SEAM_FLUSH_CACHES, -EIO);
	KUNIT_EXPECT_EQ(test, panthor_vm_active(vm), -EIO);
	panthor_fake_as_forget();
	mmu_as_activate(test, vm);
	expect_as_story(test, "FLUSH 1:UNLOCK 1:UPDATE");
	expect_no_as_locked(test);
	mmu_as_reset(test);
}

/*
 * A VM goes while its slot is locked and cannot be flushed.
 * Succeeds if no other VM gets the slot before the reset, and one does after it.
 */
static void slot_left_locked_is_nobodys(struct kunit *test)
{
	struct panthor_vm *vm, *other = panthor_kunit_vm(test);

	one_slot(test);
	vm = panthor_kunit_vm(test);
	mmu_as_activate(test, vm);
	mmu_as_deactivate(test, vm);
	panthor_seam_fail_always(test, SEAM_FLUSH_CACHES, -EIO);
	panthor_kunit_vm_put(test, vm);
	panthor_seam_disarm(SEAM_FLUSH_CACHES);
	KUNIT_ASSERT_EQ(test, panthor_fake_as_locked_mask(), BIT(1));
	panthor_fake_as_forget();
	KUNIT_EXPECT_EQ(test, panthor_vm_active(other), -EBUSY);
	expect_as_story(test, "");

	mmu_as_reset(test);
	mmu_as_activate(test, other);
	expect_as_story(test, "1:UPDATE");
}

/*
 * A GPU that does not answer is suspended. The work that would reset it was cancelled,
 * but the rest of the suspend resets it if it is told to.
 * Succeeds if it is, what was unmapped stays until the resume, and no slot gets a
 * command in between.
 */
static void suspend_without_an_answer_is_a_reset(struct kunit *test)
{
	struct panthor_device *ptdev = to_panthor_kunit(test)->ptdev;
	struct panthor_vm *vm = mmu_as_active_vm(test);
	struct panthor_gem_object *bo = panthor_kunit_bo(test, SZ_16K);
	unsigned int refs = kref_read(&bo->base.refcount);

	panthor_kunit_map(test, vm, bo, VA);
	panthor_seam_fail_once(test, SEAM_FLUSH_CACHES, -ETIMEDOUT);
	panthor_vm_unmap_range(vm, VA, SZ_16K);
	flush_workqueue(panthor_cleanup_wq);
	panthor_fake_as_forget();

	ptdev->reset.fast = true;
	atomic_set(&ptdev->pm.state, PANTHOR_DEVICE_PM_STATE_SUSPENDING);
	panthor_seam_fail_once(test, SEAM_FLUSH_CACHES, -EIO);
	kunit_warning_suppress(test)
		panthor_mmu_suspend(ptdev);
	atomic_set(&ptdev->pm.state, PANTHOR_DEVICE_PM_STATE_SUSPENDED);
	KUNIT_EXPECT_FALSE(test, ptdev->reset.fast);
	KUNIT_EXPECT_EQ(test, panthor_fake_as_locked_mask(), BIT(1));

	panthor_fake_as_forget();
	panthor_kunit_map(test, vm, bo, VA + SZ_1M);
	panthor_vm_unmap_range(vm, VA + SZ_1M, SZ_16K);
	flush_workqueue(panthor_cleanup_wq);
	KUNIT_EXPECT_GT(test, kref_read(&bo->base.refcount), refs);
	expect_as_story(test, "");

	panthor_fake_as_gpu_reset();
	atomic_set(&ptdev->pm.state, PANTHOR_DEVICE_PM_STATE_ACTIVE);
	panthor_mmu_resume(ptdev);
	flush_workqueue(panthor_cleanup_wq);
	atomic_set(&ptdev->reset.pending, 0);
	KUNIT_EXPECT_EQ(test, kref_read(&bo->base.refcount), refs);
	mmu_as_reactivate(test, vm);
	expect_as_story(test, "1:UPDATE");
}

/*
 * A map fails half way, in a VM that the GPU may be using.
 * Succeeds if nothing of it translates, nor when the VM is activated again, and
 * nothing stays locked.
 */
static void map_that_failed_translates_to_nothing(struct kunit *test)
{
	struct panthor_gem_object *bo = panthor_kunit_bo(test, SZ_16K);
	struct panthor_vm *vm;

	panthor_pgt_install(test, PANTHOR_PGT_REAL);
	vm = mmu_as_active_vm(test);
	panthor_pgt_fail_entry(panthor_pgt_of(test, vm), 2, -ENOMEM);
	kunit_warning_suppress(test)
		KUNIT_EXPECT_EQ(test, panthor_vm_map_bo_range(vm, bo, 0, SZ_16K, VA, 0), -ENOMEM);

	KUNIT_EXPECT_TRUE(test, panthor_vm_is_unusable(vm));
	KUNIT_EXPECT_EQ(test, panthor_fake_as_walk(1, VA), 0);
	expect_no_as_locked(test);

	mmu_as_deactivate(test, vm);
	mmu_as_activate(test, vm);
	KUNIT_EXPECT_EQ(test, panthor_fake_as_walk(1, VA), 0);
}

/*
 * What a coherent CPU writes to a page table is in its cache.
 * Succeeds if the GPU is told to look there.
 */
static void coherent_gpu_snoops_its_page_tables(struct kunit *test)
{
	to_panthor_kunit(test)->ptdev->coherent = true;
	mmu_as_active_vm(test);
	KUNIT_EXPECT_EQ(test, panthor_fake_as_live(1).transcfg,
			AS_TRANSCFG_PTW_MEMATTR_WB | AS_TRANSCFG_PTW_RA | AS_TRANSCFG_PTW_SH_OS |
			AS_TRANSCFG_ADRMODE_AARCH64_4K | AS_TRANSCFG_INA_BITS(55 - 48));
}

/*
 * While the GPU is reset it takes no command (D80).
 * Succeeds if an activation is refused with -EBUSY and touches no register, and works
 * after the reset.
 */
static void vm_is_not_activated_during_reset(struct kunit *test)
{
	struct panthor_vm *vm = panthor_kunit_vm(test);

	mmu_as_begin_reset(test);
	KUNIT_EXPECT_EQ(test, panthor_vm_active(vm), -EBUSY);
	expect_as_story(test, "");
	mmu_as_end_reset(test);

	mmu_as_activate(test, vm);
	expect_as_story(test, "1:UPDATE");
}

/*
 * A job is queued behind the ones that the reset has stopped, in a VM that was not
 * there when they were.
 * Succeeds if it runs after the reset and not before.
 */
static void vm_made_during_reset_waits_for_its_end(struct kunit *test)
{
	struct panthor_gem_object *bo = panthor_kunit_bo(test, SZ_16K);
	struct panthor_vm *vm;
	struct bind *bind;

	mmu_as_begin_reset(test);
	vm = panthor_kunit_vm(test);
	bind = bind_map(test, vm, bo, VA, NULL);
	drain_workqueue(bind->sched->submit_wq);
	KUNIT_EXPECT_FALSE(test, dma_fence_is_signaled(bind->finished));

	mmu_as_end_reset(test);
	bind_wait(test, bind);
	KUNIT_EXPECT_EQ(test, bind->finished->error, 0);
}

/*
 * A process ends while the GPU is reset; the end of the reset starts all queues.
 * Succeeds if the VM goes without a command, and the reset ends without it.
 */
static void vm_may_go_during_reset(struct kunit *test)
{
	struct io_pgtable_ops *pgtables[SEAM_PGTABLES];
	struct panthor_vm *vms[SEAM_PGTABLES];
	struct panthor_vm *vm = panthor_kunit_vm(test);

	KUNIT_ASSERT_EQ(test, panthor_vm_active(vm), 0);
	panthor_vm_idle(vm);
	panthor_fake_as_forget();

	mmu_as_begin_reset(test);
	panthor_kunit_vm_put(test, vm);
	KUNIT_EXPECT_EQ(test, panthor_seam_vms(vms, pgtables), 0);
	expect_as_story(test, "");
	mmu_as_end_reset(test);
}

static struct kunit_case mmu_as_left_cases[] = {
	KUNIT_CASE_PARAM(next_change_locks_what_was_left_too, next_gen_params),
	KUNIT_CASE(slot_left_locked_is_unlocked_before_it_is_taken),
	KUNIT_CASE(slot_that_cannot_be_flushed_is_not_taken),
	KUNIT_CASE(slot_left_locked_takes_no_update),
	KUNIT_CASE(slot_left_locked_is_nobodys),
	KUNIT_CASE(suspend_without_an_answer_is_a_reset),
	KUNIT_CASE(map_that_failed_translates_to_nothing),
	KUNIT_CASE(coherent_gpu_snoops_its_page_tables),
	KUNIT_CASE(vm_is_not_activated_during_reset),
	KUNIT_CASE(vm_made_during_reset_waits_for_its_end),
	KUNIT_CASE(vm_may_go_during_reset),
	{}
};

static struct kunit_suite mmu_as_left_suite = {
	.name = "panthor_mmu_as_left",
	.init = panthor_fake_as_init,
	.exit = panthor_fake_as_exit,
	.suite_exit = panthor_kunit_suite_exit,
	.test_cases = mmu_as_left_cases,
};

kunit_test_suite(mmu_as_left_suite);
