// SPDX-License-Identifier: GPL-2.0-only
/* Page faults of the GPU: whom they are charged to, and what follows. */

#include <linux/sizes.h>

#include "../panthor_mmu_regs.h"

#include "fake_as.h"
#include "fixture.h"
#include "mmu_as.h"
#include "seam.h"

/* Translation fault at level 3, read, as a board reported it. */
#define FAULT_STATUS	0x244002c3

/* Interrupts of all address spaces that MMU_INT can report. */
#define ALL_AS		GENMASK(15, 0)

/*
 * A fault that nobody handles ends all jobs of the VM.
 * Succeeds if the VM has a fault, and its AS was flushed and translates nothing.
 */
static void fault_disables_the_slot(struct kunit *test)
{
	struct panthor_vm *vm = mmu_as_active_vm(test);

	panthor_fake_as_forget();
	panthor_fake_as_fault(1, FAULT_STATUS, SZ_1G);
	KUNIT_EXPECT_FALSE(test, panthor_vm_has_unhandled_faults(vm));
	KUNIT_EXPECT_EQ(test, panthor_fake_as_deliver(), IRQ_HANDLED);

	KUNIT_EXPECT_TRUE(test, panthor_vm_has_unhandled_faults(vm));
	expect_as_story(test, "FLUSH 1:UPDATE");
	KUNIT_EXPECT_EQ(test, panthor_fake_as_live(1).transtab, 0);
	KUNIT_EXPECT_EQ(test, panthor_fake_as_live(1).transcfg, AS_TRANSCFG_ADRMODE_UNMAPPED);
	KUNIT_EXPECT_EQ(test, panthor_vm_as(vm), 1);
}

/*
 * An interrupt that is not acknowledged comes again for ever.
 * Succeeds if the fault's bit is gone and no other was cleared with it.
 */
static void fault_is_acknowledged(struct kunit *test)
{
	mmu_as_active_vm(test);
	/* Bits from 16 on report commands, which the driver does not use. */
	panthor_fake_as_raise(BIT(18));
	panthor_fake_as_fault(1, FAULT_STATUS, SZ_1G);
	KUNIT_EXPECT_EQ(test, panthor_fake_as_deliver(), IRQ_HANDLED);
	KUNIT_EXPECT_EQ(test, panthor_fake_as_irq_raw(), BIT(18));
}

/*
 * A faulty AS has nothing more to say; the others do.
 * Succeeds if the interrupt of that AS and no other is disabled.
 */
static void fault_leaves_other_interrupts_enabled(struct kunit *test)
{
	mmu_as_active_vm(test);
	mmu_as_active_vm(test);
	KUNIT_ASSERT_EQ(test, panthor_fake_as_irq_mask(), ALL_AS);

	panthor_fake_as_fault(1, FAULT_STATUS, SZ_1G);
	KUNIT_EXPECT_EQ(test, panthor_fake_as_deliver(), IRQ_HANDLED);
	KUNIT_EXPECT_EQ(test, panthor_fake_as_irq_mask(), ALL_AS & ~BIT(1));

	panthor_fake_as_fault(1, FAULT_STATUS, SZ_1G);
	KUNIT_EXPECT_EQ(test, panthor_fake_as_deliver(), IRQ_NONE);
}

/*
 * A VM does not answer for its neighbour.
 * Succeeds if only the VM on the faulty AS has a fault, and the other's AS is
 * as it was.
 */
static void fault_is_charged_to_one_vm(struct kunit *test)
{
	struct panthor_vm *a = mmu_as_active_vm(test), *b = mmu_as_active_vm(test);
	u64 transtab = panthor_fake_as_live(1).transtab;

	panthor_fake_as_fault(2, FAULT_STATUS, SZ_1G);
	KUNIT_EXPECT_EQ(test, panthor_fake_as_deliver(), IRQ_HANDLED);
	KUNIT_EXPECT_FALSE(test, panthor_vm_has_unhandled_faults(a));
	KUNIT_EXPECT_TRUE(test, panthor_vm_has_unhandled_faults(b));
	KUNIT_EXPECT_EQ(test, panthor_fake_as_live(1).transtab, transtab);
}

/*
 * Two address spaces fault before the CPU gets to it.
 * Succeeds if one interrupt handles and acknowledges both.
 */
static void one_interrupt_handles_all_faults(struct kunit *test)
{
	struct panthor_vm *a = mmu_as_active_vm(test), *b = mmu_as_active_vm(test);

	panthor_fake_as_forget();
	panthor_fake_as_fault(2, FAULT_STATUS, SZ_1G);
	panthor_fake_as_fault(1, FAULT_STATUS, SZ_1G);
	KUNIT_EXPECT_EQ(test, panthor_fake_as_deliver(), IRQ_HANDLED);
	KUNIT_EXPECT_TRUE(test, panthor_vm_has_unhandled_faults(a));
	KUNIT_EXPECT_TRUE(test, panthor_vm_has_unhandled_faults(b));
	KUNIT_EXPECT_EQ(test, panthor_fake_as_irq_raw(), 0);
	expect_as_story(test, "FLUSH 1:UPDATE FLUSH 2:UPDATE");
}

/*
 * The last access of a VM can fault when its slot is already free.
 * Succeeds if the interrupt is handled and acknowledged.
 */
static void fault_of_a_free_slot_is_handled(struct kunit *test)
{
	panthor_fake_as_fault(3, FAULT_STATUS, SZ_1G);
	KUNIT_EXPECT_EQ(test, panthor_fake_as_deliver(), IRQ_HANDLED);
	KUNIT_EXPECT_EQ(test, panthor_fake_as_irq_raw(), 0);
}

/**
 * struct access_param - What an access was
 * @desc: Name in the results.
 * @status: FAULTSTATUS.
 */
struct access_param {
	const char *desc;
	u32 status;
};

static const struct access_param access_params[] = {
	{ "atomic", AS_FAULTSTATUS_ACCESS_TYPE_ATOMIC | 0xc1 },
	{ "execute", AS_FAULTSTATUS_ACCESS_TYPE_EX | 0xc8 },
	{ "read", AS_FAULTSTATUS_ACCESS_TYPE_READ | 0xc3 },
	{ "write", AS_FAULTSTATUS_ACCESS_TYPE_WRITE | 0xcb },
	{ "unknown_type", AS_FAULTSTATUS_ACCESS_TYPE_READ | 0xff },
	{ "all_bits", U32_MAX },
};

KUNIT_ARRAY_PARAM_DESC(access, access_params, desc);

/*
 * The report decodes a register that hardware fills.
 * Succeeds if each value is reported without a warning.
 */
static void any_fault_status_is_decoded(struct kunit *test)
{
	const struct access_param *param = test->param_value;
	struct panthor_vm *vm = mmu_as_active_vm(test);

	panthor_fake_as_fault(1, param->status, U64_MAX);
	kunit_warning_suppress(test) {
		KUNIT_EXPECT_EQ(test, panthor_fake_as_deliver(), IRQ_HANDLED);
		KUNIT_EXPECT_SUPPRESSED_WARNING_COUNT(test, 0);
	}
	KUNIT_EXPECT_TRUE(test, panthor_vm_has_unhandled_faults(vm));
}

/*
 * Once its jobs are gone, the VM starts anew.
 * Succeeds if the next activation programs the slot that the VM still has,
 * enables its interrupt and clears the fault.
 */
static void activation_after_a_fault_starts_anew(struct kunit *test)
{
	struct panthor_vm *vm = mmu_as_active_vm(test);
	u64 transtab = panthor_fake_as_live(1).transtab;

	panthor_fake_as_fault(1, FAULT_STATUS, SZ_1G);
	KUNIT_ASSERT_EQ(test, panthor_fake_as_deliver(), IRQ_HANDLED);
	mmu_as_deactivate(test, vm);
	panthor_fake_as_forget();

	mmu_as_activate(test, vm);
	expect_as_story(test, "1:UPDATE");
	KUNIT_EXPECT_FALSE(test, panthor_vm_has_unhandled_faults(vm));
	KUNIT_EXPECT_EQ(test, panthor_fake_as_live(1).transtab, transtab);
	KUNIT_EXPECT_EQ(test, panthor_fake_as_irq_mask(), ALL_AS);
}

/*
 * A second group of the VM must not make the first one's fault go away.
 * Succeeds if an activation while the VM is active leaves the fault.
 */
static void activation_of_an_active_vm_keeps_the_fault(struct kunit *test)
{
	struct panthor_vm *vm = mmu_as_active_vm(test);

	panthor_fake_as_fault(1, FAULT_STATUS, SZ_1G);
	KUNIT_ASSERT_EQ(test, panthor_fake_as_deliver(), IRQ_HANDLED);
	panthor_fake_as_forget();

	mmu_as_activate(test, vm);
	expect_as_story(test, "");
	KUNIT_EXPECT_TRUE(test, panthor_vm_has_unhandled_faults(vm));
}

/*
 * A slot keeps nothing of the fault of the VM that had it before.
 * Succeeds if the next VM has no fault, its interrupt is enabled, and a fault of
 * its own is charged to it.
 */
static void next_vm_of_a_faulty_slot_starts_clean(struct kunit *test)
{
	struct panthor_vm *a = panthor_kunit_vm(test), *b = panthor_kunit_vm(test);

	to_panthor_kunit(test)->ptdev->gpu_info.as_present = GENMASK(1, 0);
	mmu_as_activate(test, a);
	panthor_fake_as_fault(1, FAULT_STATUS, SZ_1G);
	KUNIT_ASSERT_EQ(test, panthor_fake_as_deliver(), IRQ_HANDLED);
	mmu_as_deactivate(test, a);

	mmu_as_activate(test, b);
	KUNIT_EXPECT_EQ(test, panthor_vm_as(b), 1);
	KUNIT_EXPECT_FALSE(test, panthor_vm_has_unhandled_faults(b));
	KUNIT_EXPECT_EQ(test, panthor_fake_as_irq_mask() & BIT(1), BIT(1));
	panthor_fake_as_fault(1, FAULT_STATUS, SZ_1G);
	KUNIT_EXPECT_EQ(test, panthor_fake_as_deliver(), IRQ_HANDLED);
	KUNIT_EXPECT_TRUE(test, panthor_vm_has_unhandled_faults(b));
}

/*
 * Memory of a faulty VM is still managed: its owner may unmap everything.
 * Succeeds if the entry disappears under the lock of its AS.
 */
static void faulty_vm_can_be_unmapped(struct kunit *test)
{
	struct panthor_gem_object *bo = panthor_kunit_bo(test, SZ_16K);
	struct panthor_vm *vm = mmu_as_active_vm(test);

	panthor_kunit_map(test, vm, bo, SZ_1G);
	panthor_fake_as_fault(1, FAULT_STATUS, SZ_1G);
	KUNIT_ASSERT_EQ(test, panthor_fake_as_deliver(), IRQ_HANDLED);
	panthor_fake_as_forget();

	panthor_kunit_unmap(test, vm, bo, SZ_1G);
	expect_as_story(test, "1:LOCK FLUSH 1:UNLOCK");
	expect_no_as_locked(test);
}

/*
 * The line is shared: an interrupt may be somebody else's.
 * Succeeds if one without a fault is not claimed, and the next fault is.
 */
static void foreign_interrupt_is_not_claimed(struct kunit *test)
{
	struct panthor_vm *vm = mmu_as_active_vm(test);

	KUNIT_EXPECT_EQ(test, panthor_seam_raise_irq(), IRQ_NONE);
	KUNIT_EXPECT_EQ(test, panthor_fake_as_irq_mask(), ALL_AS);

	panthor_fake_as_fault(1, FAULT_STATUS, SZ_1G);
	KUNIT_EXPECT_EQ(test, panthor_fake_as_deliver(), IRQ_HANDLED);
	KUNIT_EXPECT_TRUE(test, panthor_vm_has_unhandled_faults(vm));
}

/*
 * A suspended GPU has no clock; its registers must not be touched.
 * Succeeds if an interrupt is not claimed and no register is read.
 */
static void suspended_device_claims_no_interrupt(struct kunit *test)
{
	struct panthor_device *ptdev = to_panthor_kunit(test)->ptdev;
	unsigned int reads;

	panthor_mmu_suspend(ptdev);
	reads = panthor_seam_calls(SEAM_MMIO_READ);
	KUNIT_EXPECT_EQ(test, panthor_seam_raise_irq(), IRQ_NONE);
	KUNIT_EXPECT_EQ(test, panthor_seam_calls(SEAM_MMIO_READ), reads);
	panthor_mmu_resume(ptdev);
}

/*
 * The AS that faults may also hang.
 * Succeeds if the fault is charged and acknowledged, and a reset is scheduled.
 */
static void fault_of_a_stuck_slot_schedules_a_reset(struct kunit *test)
{
	struct panthor_vm *vm = mmu_as_active_vm(test);

	panthor_fake_as_forget();
	panthor_fake_as_arm(AS_COMMAND_UPDATE, 1, FAKE_AS_STUCK, 0);
	panthor_fake_as_fault(1, FAULT_STATUS, SZ_1G);
	KUNIT_EXPECT_EQ(test, panthor_fake_as_deliver(), IRQ_HANDLED);
	KUNIT_EXPECT_TRUE(test, panthor_vm_has_unhandled_faults(vm));
	KUNIT_EXPECT_EQ(test, panthor_fake_as_irq_raw(), 0);
	KUNIT_EXPECT_TRUE(test, panthor_device_reset_is_pending(to_panthor_kunit(test)->ptdev));
	expect_as_story(test, "FLUSH 1:UPDATE!");
	mmu_as_reset(test);
}

static struct kunit_case mmu_as_fault_cases[] = {
	KUNIT_CASE(fault_disables_the_slot),
	KUNIT_CASE(fault_is_acknowledged),
	KUNIT_CASE(fault_leaves_other_interrupts_enabled),
	KUNIT_CASE(fault_is_charged_to_one_vm),
	KUNIT_CASE(one_interrupt_handles_all_faults),
	KUNIT_CASE(fault_of_a_free_slot_is_handled),
	KUNIT_CASE_PARAM(any_fault_status_is_decoded, access_gen_params),
	KUNIT_CASE(activation_after_a_fault_starts_anew),
	KUNIT_CASE(activation_of_an_active_vm_keeps_the_fault),
	KUNIT_CASE(next_vm_of_a_faulty_slot_starts_clean),
	KUNIT_CASE(faulty_vm_can_be_unmapped),
	KUNIT_CASE(foreign_interrupt_is_not_claimed),
	KUNIT_CASE(suspended_device_claims_no_interrupt),
	KUNIT_CASE(fault_of_a_stuck_slot_schedules_a_reset),
	{}
};

static struct kunit_suite mmu_as_fault_suite = {
	.name = "panthor_mmu_as_fault",
	.init = panthor_fake_as_init,
	.exit = panthor_fake_as_exit,
	.suite_exit = panthor_kunit_suite_exit,
	.test_cases = mmu_as_fault_cases,
};

kunit_test_suite(mmu_as_fault_suite);
