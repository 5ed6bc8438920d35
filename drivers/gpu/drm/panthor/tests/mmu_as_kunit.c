// SPDX-License-Identifier: GPL-2.0-only
/*
 * Address space slots: who gets one, how it is programmed, who loses it.
 */

#include <linux/sizes.h>

#include "../panthor_mmu_regs.h"

#include "fake_as.h"
#include "fixture.h"
#include "seam.h"

static void as_idle(void *data)
{
	panthor_vm_idle(data);
}

/* A VM that runs until as_idle(), or until the end of the case. */
static void as_activate(struct kunit *test, struct panthor_vm *vm)
{
	KUNIT_ASSERT_EQ(test, panthor_vm_active(vm), 0);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, as_idle, vm), 0);
}

static void as_deactivate(struct kunit *test, struct panthor_vm *vm)
{
	kunit_release_action(test, as_idle, vm);
}

/*
 * The GPU translates with what UPDATE latched, so the registers come first.
 * Succeeds if there is one UPDATE, on AS 1, and it latched page tables, memory
 * attributes and a translation mode.
 */
static void activation_programs_the_slot(struct kunit *test)
{
	struct panthor_vm *vm = panthor_kunit_vm(test);
	struct panthor_fake_as_config live;

	as_activate(test, vm);

	expect_as_story(test, "1:UPDATE");
	KUNIT_EXPECT_EQ(test, panthor_vm_as(vm), 1);
	live = panthor_fake_as_live(1);
	KUNIT_EXPECT_NE(test, live.transtab, 0);
	KUNIT_EXPECT_NE(test, live.memattr, 0);
	KUNIT_EXPECT_EQ(test, live.transcfg & 0xf, AS_TRANSCFG_ADRMODE_AARCH64_4K);
	as_deactivate(test, vm);
}

static struct kunit_case mmu_as_cases[] = {
	KUNIT_CASE(activation_programs_the_slot),
	{}
};

static struct kunit_suite mmu_as_suite = {
	.name = "panthor_mmu_as",
	.init = panthor_fake_as_init,
	.exit = panthor_fake_as_exit,
	.test_cases = mmu_as_cases,
};

kunit_test_suite(mmu_as_suite);
