// SPDX-License-Identifier: GPL-2.0-only
/* VMs with an address space, for the suites around them. */

#include <linux/atomic.h>
#include <linux/workqueue.h>

#include <kunit/resource.h>

#include "fake_as.h"
#include "fixture.h"
#include "mmu_as.h"

static void mmu_as_idle(void *data)
{
	struct panthor_vm *vm = data;

	/* A VM that lost its slot to a reset or to suspend is idle already. */
	if (panthor_vm_as(vm) >= 0)
		panthor_vm_idle(vm);
}

/**
 * mmu_as_activate() - Activate a VM
 * @test: The test; a failure aborts it. The VM is idle again when it ends.
 * @vm: The VM.
 *
 * Context: Process context.
 */
void mmu_as_activate(struct kunit *test, struct panthor_vm *vm)
{
	KUNIT_ASSERT_EQ(test, panthor_vm_active(vm), 0);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, mmu_as_idle, vm), 0);
}

/**
 * mmu_as_reactivate() - Activate a VM that a reset or suspend took the slot of
 * @test: The test; a failure aborts it.
 * @vm: The VM. What is to undo its first activation undoes this one.
 *
 * Context: Process context.
 */
void mmu_as_reactivate(struct kunit *test, struct panthor_vm *vm)
{
	KUNIT_ASSERT_EQ(test, panthor_vm_active(vm), 0);
}

/**
 * mmu_as_deactivate() - Undo one mmu_as_activate() now
 * @test: The test.
 * @vm: The VM.
 *
 * Context: Process context.
 */
void mmu_as_deactivate(struct kunit *test, struct panthor_vm *vm)
{
	kunit_release_action(test, mmu_as_idle, vm);
}

/**
 * mmu_as_active_vm() - Create a VM that is active
 * @test: The test; idle and put when it ends.
 *
 * Context: Process context.
 *
 * Return: The VM; a failure aborts the test.
 */
struct panthor_vm *mmu_as_active_vm(struct kunit *test)
{
	struct panthor_vm *vm = panthor_kunit_vm(test);

	mmu_as_activate(test, vm);
	return vm;
}

/**
 * mmu_as_put_vm() - panthor_vm_put() as an action
 * @data: The VM.
 *
 * Context: Process context.
 */
void mmu_as_put_vm(void *data)
{
	panthor_vm_put(data);
}

/**
 * mmu_as_begin_reset() - Do what the driver's reset work does to the MMU, up to the reset
 * @test: The test. mmu_as_end_reset() follows.
 *
 * Context: Process context.
 */
void mmu_as_begin_reset(struct kunit *test)
{
	panthor_mmu_pre_reset(to_panthor_kunit(test)->ptdev);
}

/**
 * mmu_as_end_reset() - The reset, and what the driver's reset work does to the MMU then
 * @test: The test.
 *
 * Context: Process context.
 */
void mmu_as_end_reset(struct kunit *test)
{
	struct panthor_device *ptdev = to_panthor_kunit(test)->ptdev;

	panthor_fake_as_gpu_reset();
	panthor_mmu_post_reset(ptdev);
	/* What it made possible to let go of. */
	flush_workqueue(panthor_cleanup_wq);
	atomic_set(&ptdev->reset.pending, 0);
}

/**
 * mmu_as_reset() - mmu_as_begin_reset() and mmu_as_end_reset()
 * @test: The test.
 *
 * Context: Process context.
 */
void mmu_as_reset(struct kunit *test)
{
	mmu_as_begin_reset(test);
	mmu_as_end_reset(test);
}
