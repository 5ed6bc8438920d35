// SPDX-License-Identifier: GPL-2.0-only
/*
 * Address space slots: who gets one, how it is programmed, who loses it.
 */

#include <linux/list.h>
#include <linux/sizes.h>

#include <drm/panthor_drm.h>

#include <kunit/resource.h>

#include "../panthor_mmu_regs.h"

#include "fake_as.h"
#include "fixture.h"
#include "mmu_as.h"
#include "seam.h"

/* Slots that user VMs can have: the GPU has eight, the first is the firmware's. */
#define USER_SLOTS	7

/* As many active VMs as there are slots; the one of AS n is at index n - 1. */
static void fill_slots(struct kunit *test, struct panthor_vm *vms[USER_SLOTS])
{
	for (unsigned int i = 0; i < USER_SLOTS; i++)
		vms[i] = mmu_as_active_vm(test);
	panthor_fake_as_forget();
}

/* A VM that can be destroyed before the case ends. */
static struct panthor_vm *bare_vm(struct kunit *test, bool for_mcu)
{
	struct panthor_device *ptdev = to_panthor_kunit(test)->ptdev;
	struct panthor_vm *vm;

	vm = panthor_vm_create(ptdev, for_mcu, SZ_2G, SZ_1G, SZ_2G, SZ_1G);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, vm);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, mmu_as_put_vm, vm), 0);

	return vm;
}

/*
 * The GPU translates with what UPDATE latched, so the registers come first.
 * Succeeds if there is one UPDATE, on AS 1, and it latched page tables, memory
 * attributes and a translation mode.
 */
static void activation_programs_the_slot(struct kunit *test)
{
	struct panthor_vm *vm = mmu_as_active_vm(test);
	struct panthor_fake_as_config live = panthor_fake_as_live(1);

	expect_as_story(test, "1:UPDATE");
	KUNIT_EXPECT_EQ(test, panthor_vm_as(vm), 1);
	KUNIT_EXPECT_NE(test, live.transtab, 0);
	KUNIT_EXPECT_NE(test, live.memattr, 0);
	KUNIT_EXPECT_EQ(test, live.transcfg,
			AS_TRANSCFG_PTW_MEMATTR_WB | AS_TRANSCFG_PTW_RA |
			AS_TRANSCFG_ADRMODE_AARCH64_4K | AS_TRANSCFG_INA_BITS(55 - 48));
}

/*
 * What the GPU finds through TRANSTAB must be what the driver mapped.
 * Succeeds if a walk from the latched register ends at the BO's pages, first
 * and last, and finds nothing behind them.
 */
static void slot_translates_to_the_pages(struct kunit *test)
{
	struct panthor_gem_object *bo = panthor_kunit_bo(test, SZ_16K);
	struct panthor_vm *vm = panthor_kunit_vm(test);

	panthor_kunit_map(test, vm, bo, SZ_1G);
	mmu_as_activate(test, vm);

	KUNIT_EXPECT_EQ(test, panthor_fake_as_walk(1, SZ_1G),
			page_to_phys(bo->backing.pages[0]));
	KUNIT_EXPECT_EQ(test, panthor_fake_as_walk(1, SZ_1G + SZ_16K - 1),
			page_to_phys(bo->backing.pages[panthor_kunit_pages(bo) - 1]) +
			PAGE_SIZE - 1);
	KUNIT_EXPECT_EQ(test, panthor_fake_as_walk(1, SZ_1G + SZ_16K), 0);
}

/*
 * Each group of a VM activates it; only the first has something to program.
 * Succeeds if the second activation touches no register, and the VM can lose
 * its slot only after as many calls of idle.
 */
static void second_activation_only_counts(struct kunit *test)
{
	struct panthor_vm *vms[USER_SLOTS], *other = panthor_kunit_vm(test);

	fill_slots(test, vms);
	mmu_as_activate(test, vms[2]);
	expect_as_story(test, "");

	mmu_as_deactivate(test, vms[2]);
	mmu_as_deactivate(test, vms[4]);
	mmu_as_activate(test, other);
	KUNIT_EXPECT_EQ(test, panthor_vm_as(other), 5);
	KUNIT_EXPECT_EQ(test, panthor_vm_as(vms[2]), 3);
}

/*
 * Giving up a slot costs a flush, so it is not done before somebody needs it.
 * Succeeds if idle touches no register and the VM keeps its AS, and the next
 * activation touches none either.
 */
static void idle_vm_keeps_its_slot(struct kunit *test)
{
	struct panthor_vm *vm = mmu_as_active_vm(test);

	panthor_fake_as_forget();
	mmu_as_deactivate(test, vm);
	KUNIT_EXPECT_EQ(test, panthor_vm_as(vm), 1);
	mmu_as_activate(test, vm);
	KUNIT_EXPECT_EQ(test, panthor_vm_as(vm), 1);
	expect_as_story(test, "");
}

/*
 * AS 0 belongs to the firmware even while it does not run.
 * Succeeds if user VMs get 1 to 7 in order.
 */
static void user_vms_never_get_slot_0(struct kunit *test)
{
	struct panthor_vm *vms[USER_SLOTS];

	for (unsigned int i = 0; i < USER_SLOTS; i++) {
		vms[i] = mmu_as_active_vm(test);
		KUNIT_EXPECT_EQ(test, panthor_vm_as(vms[i]), i + 1);
	}
	expect_as_story(test, "1:UPDATE 2:UPDATE 3:UPDATE 4:UPDATE 5:UPDATE 6:UPDATE 7:UPDATE");
}

/*
 * The MCU translates through AS 0 and no other.
 * Succeeds if its VM gets that one although other VMs came first.
 */
static void mcu_vm_gets_slot_0(struct kunit *test)
{
	struct panthor_vm *user = mmu_as_active_vm(test);
	struct panthor_vm *mcu = bare_vm(test, true);

	mmu_as_activate(test, mcu);
	expect_as_story(test, "1:UPDATE 0:UPDATE");
	KUNIT_EXPECT_EQ(test, panthor_vm_as(mcu), 0);
	KUNIT_EXPECT_EQ(test, panthor_vm_as(user), 1);
}

/*
 * With no slot left, the VM that is idle for the longest time gives up its own.
 * Caches are flushed before the slot translates for somebody else.
 * Succeeds if that VM and no other lost its slot, by a flush and one UPDATE.
 */
static void longest_idle_vm_loses_its_slot(struct kunit *test)
{
	struct panthor_vm *vms[USER_SLOTS], *other = panthor_kunit_vm(test);
	u64 transtab;

	fill_slots(test, vms);
	mmu_as_deactivate(test, vms[2]);
	mmu_as_deactivate(test, vms[0]);
	transtab = panthor_fake_as_live(3).transtab;

	mmu_as_activate(test, other);
	expect_as_story(test, "FLUSH 3:UPDATE");
	KUNIT_EXPECT_NE(test, panthor_fake_as_live(3).transtab, transtab);
	KUNIT_EXPECT_EQ(test, panthor_vm_as(other), 3);
	KUNIT_EXPECT_EQ(test, panthor_vm_as(vms[2]), -1);
	KUNIT_EXPECT_EQ(test, panthor_vm_as(vms[0]), 1);
}

/*
 * A VM that ran in between is not the one that is idle for the longest time.
 * Succeeds if the other idle VM loses its slot.
 */
static void activity_renews_the_claim_to_a_slot(struct kunit *test)
{
	struct panthor_vm *vms[USER_SLOTS], *other = panthor_kunit_vm(test);

	fill_slots(test, vms);
	mmu_as_deactivate(test, vms[2]);
	mmu_as_deactivate(test, vms[0]);
	mmu_as_activate(test, vms[2]);
	mmu_as_deactivate(test, vms[2]);

	mmu_as_activate(test, other);
	KUNIT_EXPECT_EQ(test, panthor_vm_as(other), 1);
	KUNIT_EXPECT_EQ(test, panthor_vm_as(vms[0]), -1);
	KUNIT_EXPECT_EQ(test, panthor_vm_as(vms[2]), 3);
}

/*
 * A VM that lost its slot gets one again, with its own page tables.
 * Succeeds if two VMs on a GPU with one user slot take turns, and each finds
 * its configuration as it was.
 */
static void vms_take_turns_on_one_slot(struct kunit *test)
{
	struct panthor_vm *a = panthor_kunit_vm(test), *b = panthor_kunit_vm(test);
	u64 transtab;

	to_panthor_kunit(test)->ptdev->gpu_info.as_present = GENMASK(1, 0);
	mmu_as_activate(test, a);
	transtab = panthor_fake_as_live(1).transtab;
	mmu_as_deactivate(test, a);
	mmu_as_activate(test, b);
	mmu_as_deactivate(test, b);
	mmu_as_activate(test, a);

	expect_as_story(test, "1:UPDATE FLUSH 1:UPDATE FLUSH 1:UPDATE");
	KUNIT_EXPECT_EQ(test, panthor_fake_as_live(1).transtab, transtab);
}

/*
 * Taking the slot of an active VM would let its jobs run on other page tables.
 * Succeeds if one VM more than there are slots is refused with -EBUSY, which
 * the driver warns of once, and no register is touched.
 */
static void active_vms_never_lose_their_slot(struct kunit *test)
{
	struct panthor_vm *vms[USER_SLOTS], *other = panthor_kunit_vm(test);
	int ret = 0;

	fill_slots(test, vms);
	kunit_warning_suppress(test) {
		ret = panthor_vm_active(other);
		KUNIT_EXPECT_SUPPRESSED_WARNING_COUNT(test, 1);
	}

	KUNIT_EXPECT_EQ(test, ret, -EBUSY);
	KUNIT_EXPECT_EQ(test, panthor_vm_as(other), -1);
	expect_as_story(test, "");
	for (unsigned int i = 0; i < USER_SLOTS; i++)
		KUNIT_EXPECT_EQ(test, panthor_vm_as(vms[i]), i + 1);
}

static const struct mmu_as_flag_param destroy_params[] = {
	{ "active", true },
	{ "idle", false },
};

KUNIT_ARRAY_PARAM_DESC(destroy, destroy_params, desc);

/*
 * The page tables of a destroyed VM are freed; the GPU must not walk them.
 * Succeeds if the slot is flushed and set to translate nothing, and the next VM
 * gets it.
 */
static void destroyed_vm_releases_its_slot(struct kunit *test)
{
	const struct mmu_as_flag_param *param = test->param_value;
	struct panthor_vm *vm = bare_vm(test, false);
	struct panthor_fake_as_config live;

	KUNIT_ASSERT_EQ(test, panthor_vm_active(vm), 0);
	if (!param->flag)
		panthor_vm_idle(vm);
	panthor_fake_as_forget();

	kunit_release_action(test, mmu_as_put_vm, vm);
	expect_as_story(test, "FLUSH 1:UPDATE");
	live = panthor_fake_as_live(1);
	KUNIT_EXPECT_EQ(test, live.transtab, 0);
	KUNIT_EXPECT_EQ(test, live.transcfg, AS_TRANSCFG_ADRMODE_UNMAPPED);
	KUNIT_EXPECT_FALSE(test, panthor_fake_as_irq_mask() & BIT(1));

	KUNIT_EXPECT_EQ(test, panthor_vm_as(mmu_as_active_vm(test)), 1);
}

/*
 * A VM without a slot has nothing to do with registers when it goes.
 * Succeeds if no register is touched.
 */
static void vm_without_slot_leaves_silently(struct kunit *test)
{
	struct panthor_vm *vm = bare_vm(test, false);

	kunit_release_action(test, mmu_as_put_vm, vm);
	expect_as_story(test, "");
}

/*
 * UPDATE takes its time; what the caller does next needs it done.
 * Succeeds if the configuration is live on return.
 */
static void activation_waits_for_the_update(struct kunit *test)
{
	struct panthor_vm *vm = panthor_kunit_vm(test);

	panthor_fake_as_arm(AS_COMMAND_UPDATE, 1, FAKE_AS_DELAYED, 5);
	mmu_as_activate(test, vm);
	KUNIT_EXPECT_EQ(test, panthor_fake_as_live(1).transtab,
			panthor_fake_as_staged(1).transtab);
	KUNIT_EXPECT_NE(test, panthor_fake_as_live(1).transtab, 0);
}

/*
 * Only a reset frees an AS whose command never completes.
 * Succeeds if the activation fails with -ETIMEDOUT and a reset is scheduled,
 * after which the VM can be activated.
 */
static void stuck_update_fails_the_activation(struct kunit *test)
{
	struct panthor_device *ptdev = to_panthor_kunit(test)->ptdev;
	struct panthor_vm *vm = panthor_kunit_vm(test);

	panthor_fake_as_arm(AS_COMMAND_UPDATE, 1, FAKE_AS_STUCK, 0);
	KUNIT_EXPECT_EQ(test, panthor_vm_active(vm), -ETIMEDOUT);
	KUNIT_EXPECT_TRUE(test, panthor_device_reset_is_pending(ptdev));
	expect_as_story(test, "1:UPDATE!");

	mmu_as_reset(test);
	mmu_as_activate(test, vm);
	expect_as_story(test, "1:UPDATE");
}

/*
 * Between a failed activation and the reset, somebody else may want the VM.
 * Succeeds if that activation fails as well, as the AS translates nothing.
 */
static void failed_activation_leaves_the_vm_inactive(struct kunit *test)
{
	struct panthor_vm *vm = panthor_kunit_vm(test);
	int ret;

	panthor_fake_as_arm(AS_COMMAND_UPDATE, 1, FAKE_AS_STUCK, 0);
	KUNIT_ASSERT_EQ(test, panthor_vm_active(vm), -ETIMEDOUT);

	ret = panthor_vm_active(vm);
	if (!ret)
		panthor_vm_idle(vm);
	KUNIT_EXPECT_EQ(test, panthor_fake_as_live(1).transtab, 0);
	KUNIT_EXPECT_EQ(test, ret, -ETIMEDOUT);
	mmu_as_reset(test);
}

static const struct mmu_as_errno_param errno_params[] = {
	{ "timed_out", -ETIMEDOUT },
	{ "refused", -EIO },
};

KUNIT_ARRAY_PARAM_DESC(errno, errno_params, desc);

/*
 * A slot changes hands only after a flush, or old lines are written through the
 * new VM's tables.
 * Succeeds if a failed flush fails the activation with its errno, and the slot
 * stays with the VM that had it.
 */
static void failed_flush_leaves_the_slot_to_its_vm(struct kunit *test)
{
	const struct mmu_as_errno_param *param = test->param_value;
	struct panthor_vm *vms[USER_SLOTS], *other = panthor_kunit_vm(test);

	fill_slots(test, vms);
	mmu_as_deactivate(test, vms[3]);
	panthor_seam_fail_once(test, SEAM_FLUSH_CACHES, param->err);

	KUNIT_EXPECT_EQ(test, panthor_vm_active(other), param->err);
	KUNIT_EXPECT_TRUE(test, panthor_seam_fired(SEAM_FLUSH_CACHES));
	expect_as_story(test, "FLUSH!");
	KUNIT_EXPECT_EQ(test, panthor_vm_as(other), -1);
	KUNIT_EXPECT_EQ(test, panthor_vm_as(vms[3]), 4);
}

/*
 * The VM that keeps its slot may run again at once, and may fault then.
 * Succeeds if the interrupt of its AS is enabled.
 */
static void failed_flush_leaves_the_interrupt_enabled(struct kunit *test)
{
	const struct mmu_as_errno_param *param = test->param_value;
	struct panthor_vm *vms[USER_SLOTS], *other = panthor_kunit_vm(test);

	fill_slots(test, vms);
	mmu_as_deactivate(test, vms[3]);
	panthor_seam_fail_once(test, SEAM_FLUSH_CACHES, param->err);
	KUNIT_ASSERT_EQ(test, panthor_vm_active(other), param->err);

	mmu_as_activate(test, vms[3]);
	KUNIT_EXPECT_EQ(test, panthor_fake_as_irq_mask() & BIT(4), BIT(4));
}

/*
 * After a reset no AS is set up, whatever the VMs had.
 * Succeeds if an active VM lost its slot without a command, and gets one when
 * it is activated.
 */
static void reset_takes_all_slots(struct kunit *test)
{
	struct panthor_vm *a = mmu_as_active_vm(test), *b = mmu_as_active_vm(test);

	panthor_fake_as_forget();
	mmu_as_reset(test);
	expect_as_story(test, "");
	KUNIT_EXPECT_EQ(test, panthor_vm_as(a), -1);
	KUNIT_EXPECT_EQ(test, panthor_vm_as(b), -1);

	mmu_as_reactivate(test, b);
	expect_as_story(test, "1:UPDATE");
	KUNIT_EXPECT_EQ(test, panthor_fake_as_irq_mask() & BIT(1), BIT(1));
}

/*
 * The GPU loses power: caches are flushed, and nothing interrupts.
 * Succeeds if each slot is disabled and no interrupt enabled, and after the
 * resume an activation programs the slot.
 */
static void suspend_disables_all_slots(struct kunit *test)
{
	struct panthor_device *ptdev = to_panthor_kunit(test)->ptdev;
	struct panthor_vm *a = mmu_as_active_vm(test), *b = mmu_as_active_vm(test);

	panthor_fake_as_forget();
	panthor_mmu_suspend(ptdev);
	expect_as_story(test, "FLUSH 1:UPDATE FLUSH 2:UPDATE");
	KUNIT_EXPECT_EQ(test, panthor_vm_as(a), -1);
	KUNIT_EXPECT_EQ(test, panthor_vm_as(b), -1);
	KUNIT_EXPECT_EQ(test, panthor_fake_as_irq_mask(), 0);

	panthor_mmu_resume(ptdev);
	mmu_as_reactivate(test, b);
	expect_as_story(test, "1:UPDATE");
	KUNIT_EXPECT_EQ(test, panthor_fake_as_irq_mask() & BIT(1), BIT(1));
}

/*
 * A device that is unplugged must not walk page tables that will be freed.
 * Succeeds if the slot is disabled, no interrupt is enabled, and putting the VM
 * touches no register.
 */
static void unplug_disables_all_slots(struct kunit *test)
{
	struct panthor_device *ptdev = to_panthor_kunit(test)->ptdev;
	struct panthor_vm *vm = bare_vm(test, false);

	KUNIT_ASSERT_EQ(test, panthor_vm_active(vm), 0);
	panthor_fake_as_forget();
	panthor_mmu_unplug(ptdev);
	expect_as_story(test, "FLUSH 1:UPDATE");
	KUNIT_EXPECT_EQ(test, panthor_fake_as_live(1).transtab, 0);

	kunit_release_action(test, mmu_as_put_vm, vm);
	expect_as_story(test, "");
}

/**
 * struct as_file - A file that has VMs
 * @base: What the driver knows of it.
 * @ctx: Fixture, which counts pools.
 */
struct as_file {
	struct panthor_file base;
	struct panthor_kunit *ctx;
};

static void as_file_end(void *data)
{
	struct as_file *file = data;

	panthor_vm_pool_destroy(&file->base);
	file->ctx->pools--;
}

static struct panthor_file *as_file(struct kunit *test)
{
	struct as_file *file = kunit_kzalloc(test, sizeof(*file), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, file);
	file->ctx = to_panthor_kunit(test);
	file->base.ptdev = file->ctx->ptdev;
	KUNIT_ASSERT_EQ(test, panthor_vm_pool_create(&file->base), 0);
	file->ctx->pools++;
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, as_file_end, file), 0);

	return &file->base;
}

/*
 * A process ends, perhaps because the GPU hangs: what it has mapped cannot be
 * unmapped now.
 * Succeeds if the BO is the VM's until the reset and nobody's after it, the VM goes
 * with its last user, and nothing warns.
 */
static void vm_destroyed_while_the_gpu_hangs_goes_with_the_reset(struct kunit *test)
{
	struct panthor_gem_object *bo = panthor_kunit_bo(test, SZ_16K);
	struct panthor_file *file = as_file(test);
	struct panthor_vm *vms[SEAM_PGTABLES];
	struct io_pgtable_ops *pgtables[SEAM_PGTABLES];
	struct drm_panthor_vm_create args = {};
	int id = panthor_vm_pool_create_vm(file->ptdev, file->vms, &args);
	struct panthor_vm *vm;

	KUNIT_ASSERT_GT(test, id, 0);
	vm = panthor_vm_pool_get_vm(file->vms, id);
	KUNIT_ASSERT_NOT_NULL(test, vm);
	panthor_kunit_map(test, vm, bo, SZ_1G);
	KUNIT_EXPECT_EQ(test, panthor_vm_active(vm), 0);
	panthor_vm_idle(vm);

	panthor_fake_as_arm(AS_COMMAND_LOCK, 1, FAKE_AS_STUCK, 0);
	kunit_warning_suppress(test) {
		KUNIT_EXPECT_EQ(test, panthor_vm_pool_destroy_vm(file->vms, id), 0);
		KUNIT_EXPECT_SUPPRESSED_WARNING_COUNT(test, 0);
	}
	KUNIT_EXPECT_FALSE(test, list_empty(&bo->base.gpuva.list));

	mmu_as_reset(test);
	KUNIT_EXPECT_TRUE(test, list_empty(&bo->base.gpuva.list));

	/* What is still mapped would keep the VM beyond the device. */
	KUNIT_EXPECT_EQ(test, panthor_vm_unmap_range(vm, SZ_1G, SZ_16K), 0);
	panthor_vm_put(vm);
	KUNIT_EXPECT_EQ(test, panthor_seam_vms(vms, pgtables), 0);
}

static struct kunit_case mmu_as_cases[] = {
	KUNIT_CASE(activation_programs_the_slot),
	KUNIT_CASE(slot_translates_to_the_pages),
	KUNIT_CASE(second_activation_only_counts),
	KUNIT_CASE(idle_vm_keeps_its_slot),
	KUNIT_CASE(user_vms_never_get_slot_0),
	KUNIT_CASE(mcu_vm_gets_slot_0),
	KUNIT_CASE(longest_idle_vm_loses_its_slot),
	KUNIT_CASE(activity_renews_the_claim_to_a_slot),
	KUNIT_CASE(vms_take_turns_on_one_slot),
	KUNIT_CASE(active_vms_never_lose_their_slot),
	KUNIT_CASE_PARAM(destroyed_vm_releases_its_slot, destroy_gen_params),
	KUNIT_CASE(vm_without_slot_leaves_silently),
	KUNIT_CASE(activation_waits_for_the_update),
	KUNIT_CASE(stuck_update_fails_the_activation),
	KUNIT_CASE(failed_activation_leaves_the_vm_inactive),
	KUNIT_CASE_PARAM(failed_flush_leaves_the_slot_to_its_vm, errno_gen_params),
	KUNIT_CASE_PARAM(failed_flush_leaves_the_interrupt_enabled, errno_gen_params),
	KUNIT_CASE(reset_takes_all_slots),
	KUNIT_CASE(suspend_disables_all_slots),
	KUNIT_CASE(unplug_disables_all_slots),
	KUNIT_CASE(vm_destroyed_while_the_gpu_hangs_goes_with_the_reset),
	{}
};

static struct kunit_suite mmu_as_suite = {
	.name = "panthor_mmu_as",
	.init = panthor_fake_as_init,
	.exit = panthor_fake_as_exit,
	.suite_exit = panthor_kunit_suite_exit,
	.test_cases = mmu_as_cases,
};

kunit_test_suite(mmu_as_suite);
