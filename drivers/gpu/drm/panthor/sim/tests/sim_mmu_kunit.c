// SPDX-License-Identifier: GPL-2.0-only
/*
 * Registers, interrupt and commands of the MMU. Each violation of the protocol
 * is seen, and what comes near it and is none is not.
 */

#include <linux/cleanup.h>
#include <linux/sizes.h>

#include <kunit/test.h>

#include "../../panthor_mmu_regs.h"

#include "sim_mmu_fixture.h"

#define AS(reg)		(MMU_AS_BASE + (reg))
#define RAWSTAT		(MMU_INT_BASE + 0)
#define CLEAR		(MMU_INT_BASE + 4)
#define MASK		(MMU_INT_BASE + 8)
#define STAT		(MMU_INT_BASE + 12)
#define COMPLETED(as)	BIT(16 + (as))

static void access_unknown(struct mmu_kunit *k)
{
	mmu_kunit_read(k, AS(AS_STATUS(1)) + 4);
}

static void access_known(struct mmu_kunit *k)
{
	for (u32 reg = 0; reg < MMU_AS(1); reg += 4)
		if (reg < AS_STATUS(0) + 4 || (reg >= AS_TRANSCFG(0) && reg < MMU_AS(1)))
			mmu_kunit_read(k, AS(reg));
}

static void write_behind(struct mmu_kunit *k)
{
	mmu_kunit_write(k, AS(MMU_AS(SIM_MMU_AS_COUNT)), 0);
}

static void write_last(struct mmu_kunit *k)
{
	mmu_kunit_write(k, AS(AS_TRANSCFG(7)) + 4, 0);
}

static void write_unaligned(struct mmu_kunit *k)
{
	mmu_kunit_write(k, AS(AS_TRANSTAB(1)) + 2, 0);
}

static void write_before(struct mmu_kunit *k)
{
	mmu_kunit_write(k, MMU_INT_BASE + 16, 0);
}

static void write_clear(struct mmu_kunit *k)
{
	mmu_kunit_write(k, CLEAR, 0);
}

static void write_absent(struct mmu_kunit *k)
{
	mmu_kunit_write(k, AS(AS_TRANSTAB(8)), 0);
}

static void read_absent(struct mmu_kunit *k)
{
	mmu_kunit_read(k, AS(AS_STATUS(15)));
}

static void read_last(struct mmu_kunit *k)
{
	mmu_kunit_read(k, AS(AS_STATUS(7)));
}

static void write_rawstat(struct mmu_kunit *k)
{
	mmu_kunit_write(k, RAWSTAT, 0);
}

static void write_faultstatus(struct mmu_kunit *k)
{
	mmu_kunit_write(k, AS(AS_FAULTSTATUS(1)), 0);
}

static void read_faultstatus(struct mmu_kunit *k)
{
	mmu_kunit_read(k, AS(AS_FAULTSTATUS(1)));
}

static void command_while_busy(struct mmu_kunit *k)
{
	k->delay = 10;
	mmu_kunit_command(k, 1, AS_COMMAND_UPDATE);
	k->delay = 0;
	mmu_kunit_command(k, 1, AS_COMMAND_UPDATE);
}

static void command_to_another(struct mmu_kunit *k)
{
	mmu_kunit_config(k, 1);
	mmu_kunit_config(k, 2);
	k->delay = 10;
	mmu_kunit_command(k, 1, AS_COMMAND_UPDATE);
	mmu_kunit_command(k, 2, AS_COMMAND_UPDATE);
	k->delay = 0;
}

static void unknown_command(struct mmu_kunit *k)
{
	mmu_kunit_command(k, 1, AS_COMMAND_FLUSH_MEM + 1);
}

static void no_command(struct mmu_kunit *k)
{
	mmu_kunit_command(k, 1, AS_COMMAND_NOP);
}

static void update_to_zero(struct mmu_kunit *k)
{
	mmu_kunit_command(k, 1, AS_COMMAND_UPDATE);
}

static void update_to_stray_table(struct mmu_kunit *k)
{
	mmu_kunit_config(k, 1);
	mmu_kunit_write(k, AS(AS_TRANSTAB(1)), mmu_kunit_read(k, AS(AS_TRANSTAB(1))) | 8);
	mmu_kunit_command(k, 1, AS_COMMAND_UPDATE);
}

static void update_to_too_many_bits(struct mmu_kunit *k)
{
	mmu_kunit_config(k, 1);
	mmu_kunit_write64(k, AS(AS_TRANSCFG(1)), AS_TRANSCFG_ADRMODE_AARCH64_4K |
			  AS_TRANSCFG_INA_BITS(55 - MMU_KUNIT_VA_BITS - 1));
	mmu_kunit_command(k, 1, AS_COMMAND_UPDATE);
}

static void update_to_tables(struct mmu_kunit *k)
{
	mmu_kunit_enable(k, 1);
}

static void update_to_nothing(struct mmu_kunit *k)
{
	mmu_kunit_disable(k, 1);
}

static void lock_too_small(struct mmu_kunit *k)
{
	mmu_kunit_lock(k, 1, 0, 14);
}

static void lock_smallest(struct mmu_kunit *k)
{
	mmu_kunit_lock(k, 1, SZ_1G + SZ_4K, 15);
}

static void lock_too_large(struct mmu_kunit *k)
{
	mmu_kunit_lock(k, 1, 0, MMU_KUNIT_VA_BITS + 1);
}

static void lock_largest(struct mmu_kunit *k)
{
	mmu_kunit_lock(k, 1, 0, MMU_KUNIT_VA_BITS);
}

static void lock_too_high(struct mmu_kunit *k)
{
	mmu_kunit_lock(k, 1, BIT_ULL(MMU_KUNIT_VA_BITS), 15);
}

static void lock_highest(struct mmu_kunit *k)
{
	mmu_kunit_lock(k, 1, BIT_ULL(MMU_KUNIT_VA_BITS) - SZ_4K, 15);
}

static void lock_with_stray_bits(struct mmu_kunit *k)
{
	mmu_kunit_write64(k, AS(AS_LOCKADDR(1)), BIT(8) | 14);
	mmu_kunit_command(k, 1, AS_COMMAND_LOCK);
}

static void lock_elsewhere(struct mmu_kunit *k)
{
	mmu_kunit_lock(k, 1, 0, 15);
	mmu_kunit_lock(k, 1, SZ_1G, 15);
}

static void lock_less(struct mmu_kunit *k)
{
	mmu_kunit_lock(k, 1, 0, 16);
	mmu_kunit_lock(k, 1, 0, 15);
}

static void lock_more(struct mmu_kunit *k)
{
	mmu_kunit_lock(k, 1, SZ_32K, 15);
	mmu_kunit_lock(k, 1, 0, 16);
}

static void lock_again_later(struct mmu_kunit *k)
{
	mmu_kunit_lock(k, 1, 0, 16);
	mmu_kunit_unlock(k, 1);
	mmu_kunit_lock(k, 1, SZ_1G, 15);
}

static void update_while_locked(struct mmu_kunit *k)
{
	mmu_kunit_lock(k, 1, 0, 15);
	mmu_kunit_enable(k, 1);
}

static void update_after_unlock(struct mmu_kunit *k)
{
	mmu_kunit_lock(k, 1, 0, 15);
	mmu_kunit_unlock(k, 1);
	mmu_kunit_enable(k, 1);
}

static void unlock_without_lock(struct mmu_kunit *k)
{
	mmu_kunit_lock(k, 2, 0, 15);
	mmu_kunit_unlock(k, 1);
}

static void unlock_after_reset(struct mmu_kunit *k)
{
	mmu_kunit_lock(k, 1, 0, 15);
	mmu_kunit_reset(k);
	mmu_kunit_unlock(k, 1);
}

static void unlock_when_off(struct mmu_kunit *k)
{
	update_to_nothing(k);
	mmu_kunit_command(k, 1, AS_COMMAND_UNLOCK);
}

static void unlock_after_lock(struct mmu_kunit *k)
{
	mmu_kunit_lock(k, 1, 0, 15);
	mmu_kunit_unlock(k, 1);
}

static void unlock_without_flush(struct mmu_kunit *k)
{
	mmu_kunit_lock(k, 1, 0, 15);
	mmu_kunit_command(k, 1, AS_COMMAND_UNLOCK);
}

static void flush_before_lock(struct mmu_kunit *k)
{
	mmu_kunit_flush(k);
	mmu_kunit_lock(k, 1, 0, 15);
	mmu_kunit_command(k, 1, AS_COMMAND_UNLOCK);
}

static void flush_before_relock(struct mmu_kunit *k)
{
	mmu_kunit_lock(k, 1, 0, 15);
	mmu_kunit_flush(k);
	mmu_kunit_lock(k, 1, 0, 16);
	mmu_kunit_command(k, 1, AS_COMMAND_UNLOCK);
}

static void unlock_after_as_flush(struct mmu_kunit *k)
{
	mmu_kunit_lock(k, 1, 0, 15);
	mmu_kunit_command(k, 1, AS_COMMAND_FLUSH_PT);
	mmu_kunit_command(k, 1, AS_COMMAND_UNLOCK);
}

static void as_flush_without_lock(struct mmu_kunit *k)
{
	mmu_kunit_command(k, 1, AS_COMMAND_FLUSH_MEM);
}

static void as_flush_after_lock(struct mmu_kunit *k)
{
	mmu_kunit_lock(k, 1, 0, 15);
	mmu_kunit_command(k, 1, AS_COMMAND_FLUSH_MEM);
}

/**
 * struct violation_param - What the driver must not do
 * @name: Name of the case.
 * @kind: Kind of violation.
 * @fire: Does it.
 * @spare: Does something near it that is allowed.
 */
struct violation_param {
	const char *name;
	enum sim_mmu_violation kind;
	void (*fire)(struct mmu_kunit *k);
	void (*spare)(struct mmu_kunit *k);
};

static const struct violation_param violation_params[] = {
	{ "hole", SIM_MMU_NO_REGISTER, access_unknown, access_known },
	{ "behind", SIM_MMU_NO_REGISTER, write_behind, write_last },
	{ "unaligned", SIM_MMU_NO_REGISTER, write_unaligned, write_last },
	{ "before", SIM_MMU_NO_REGISTER, write_before, write_clear },
	{ "write-absent", SIM_MMU_ABSENT, write_absent, write_last },
	{ "read-absent", SIM_MMU_ABSENT, read_absent, read_last },
	{ "rawstat", SIM_MMU_READ_ONLY, write_rawstat, write_clear },
	{ "faultstatus", SIM_MMU_READ_ONLY, write_faultstatus, read_faultstatus },
	{ "unknown-command", SIM_MMU_BAD_COMMAND, unknown_command, no_command },
	{ "update-zero", SIM_MMU_BAD_CONFIG, update_to_zero, update_to_nothing },
	{ "update-stray-table", SIM_MMU_BAD_CONFIG, update_to_stray_table, update_to_tables },
	{ "update-wide", SIM_MMU_BAD_CONFIG, update_to_too_many_bits, update_to_tables },
	{ "lock-small", SIM_MMU_BAD_LOCKADDR, lock_too_small, lock_smallest },
	{ "lock-large", SIM_MMU_BAD_LOCKADDR, lock_too_large, lock_largest },
	{ "lock-high", SIM_MMU_BAD_LOCKADDR, lock_too_high, lock_highest },
	{ "lock-stray", SIM_MMU_BAD_LOCKADDR, lock_with_stray_bits, lock_smallest },
	{ "lock-elsewhere", SIM_MMU_RELOCK, lock_elsewhere, lock_again_later },
	{ "lock-less", SIM_MMU_RELOCK, lock_less, lock_more },
	{ "update-locked", SIM_MMU_UPDATE_LOCKED, update_while_locked, update_after_unlock },
	{ "unlock", SIM_MMU_UNLOCK, unlock_without_lock, unlock_after_lock },
	{ "unlock-reset", SIM_MMU_UNLOCK, unlock_after_reset, unlock_when_off },
	{ "unflushed", SIM_MMU_UNFLUSHED, unlock_without_flush, unlock_after_lock },
	{ "flush-before-lock", SIM_MMU_UNFLUSHED, flush_before_lock, unlock_after_as_flush },
	{ "flush-before-relock", SIM_MMU_UNFLUSHED, flush_before_relock, unlock_after_lock },
	{ "flush", SIM_MMU_FLUSH, as_flush_without_lock, as_flush_after_lock },
};

KUNIT_ARRAY_PARAM_DESC(violation, violation_params, name);

/*
 * Succeeds if there is one violation, of the right kind.
 */
static void violation_is_seen(struct kunit *test)
{
	const struct violation_param *param = test->param_value;

	param->fire(to_mmu_kunit(test));
	mmu_kunit_expect(to_mmu_kunit(test), param->kind);
}

/*
 * Succeeds if there is no violation.
 */
static void what_is_allowed_is_no_violation(struct kunit *test)
{
	const struct violation_param *param = test->param_value;

	param->spare(to_mmu_kunit(test));
	mmu_kunit_expect_none(to_mmu_kunit(test));
}

/*
 * A command that comes while another one is active is lost. What was asked for
 * with the first is not a valid configuration, which is another violation.
 * Succeeds if both are seen, and a second AS does not mind the first.
 */
static void busy_is_per_address_space(struct kunit *test)
{
	struct mmu_kunit *k = to_mmu_kunit(test);

	command_while_busy(k);
	KUNIT_EXPECT_EQ(test, mmu_kunit_take(k, SIM_MMU_BUSY), 1);
	mmu_kunit_expect(k, SIM_MMU_BAD_CONFIG);
	mmu_kunit_reset(k);
	command_to_another(k);
	mmu_kunit_expect_none(k);
}

/*
 * The driver reads back what it wrote, each word by itself.
 * Succeeds if each register holds both of its words.
 */
static void registers_hold_what_was_written(struct kunit *test)
{
	static const u32 regs[] = { AS_TRANSTAB(3), AS_MEMATTR(3), AS_LOCKADDR(3), AS_TRANSCFG(3) };
	struct mmu_kunit *k = to_mmu_kunit(test);

	for (unsigned int i = 0; i < ARRAY_SIZE(regs); i++)
		mmu_kunit_write64(k, AS(regs[i]), 0x123456789abcdef0ull + i);
	for (unsigned int i = 0; i < ARRAY_SIZE(regs); i++)
		KUNIT_EXPECT_EQ(test, mmu_kunit_read64(k, AS(regs[i])),
				0x123456789abcdef0ull + i);
	KUNIT_EXPECT_EQ(test, mmu_kunit_read64(k, AS(AS_TRANSTAB(2))), 0);
}

/*
 * The line follows RAWSTAT & MASK, whichever of them changes.
 * Succeeds if each change is told, with the level that results.
 */
static void interrupt_is_a_level(struct kunit *test)
{
	struct mmu_kunit *k = to_mmu_kunit(test);

	scoped_guard(raw_spinlock_irqsave, &k->lock)
		sim_mmu_fault(k->mmu, 2, SZ_1G, SIM_WRITE, 0xc3);
	KUNIT_EXPECT_EQ(test, k->irq, 0);
	KUNIT_EXPECT_EQ(test, mmu_kunit_read(k, RAWSTAT), BIT(2));
	KUNIT_EXPECT_EQ(test, mmu_kunit_read(k, STAT), 0);

	mmu_kunit_write(k, MASK, BIT(1) | BIT(2));
	KUNIT_EXPECT_EQ(test, k->irq, BIT(2));
	KUNIT_EXPECT_EQ(test, mmu_kunit_read(k, STAT), BIT(2));
	KUNIT_EXPECT_EQ(test, mmu_kunit_read(k, MASK), BIT(1) | BIT(2));

	mmu_kunit_write(k, CLEAR, BIT(1));
	KUNIT_EXPECT_EQ(test, k->irq, BIT(2));
	mmu_kunit_write(k, MASK, 0);
	KUNIT_EXPECT_EQ(test, k->irq, 0);
	mmu_kunit_write(k, MASK, BIT(2));
	KUNIT_EXPECT_EQ(test, k->irq, BIT(2));
	mmu_kunit_write(k, CLEAR, BIT(2));
	KUNIT_EXPECT_EQ(test, k->irq, 0);
	KUNIT_EXPECT_EQ(test, mmu_kunit_read(k, RAWSTAT), 0);
	KUNIT_EXPECT_EQ(test, mmu_kunit_read(k, CLEAR), 0);
}

/*
 * The end of a command is an interrupt too, which the driver masks.
 * Succeeds if its bit is the one above those of the faults.
 */
static void completion_is_an_interrupt(struct kunit *test)
{
	struct mmu_kunit *k = to_mmu_kunit(test);

	mmu_kunit_write(k, MASK, GENMASK(15, 0));
	mmu_kunit_disable(k, 3);
	KUNIT_EXPECT_EQ(test, mmu_kunit_read(k, RAWSTAT), COMPLETED(3));
	KUNIT_EXPECT_EQ(test, k->irq, 0);
}

/*
 * A command that takes time, as the one who polls STATUS sees it.
 * Succeeds if it is active until its time has come, and not longer.
 */
static void delayed_command_completes_in_time(struct kunit *test)
{
	struct mmu_kunit *k = to_mmu_kunit(test);

	k->now = 1000;
	k->delay = 100;
	mmu_kunit_enable(k, 1);
	k->now = 1099;
	KUNIT_EXPECT_EQ(test, mmu_kunit_read(k, AS(AS_STATUS(1))), AS_STATUS_AS_ACTIVE);
	KUNIT_EXPECT_EQ(test, mmu_kunit_touch(k, 1, SZ_1G, SIM_READ), -EAGAIN);
	KUNIT_EXPECT_EQ(test, mmu_kunit_read(k, AS(AS_STATUS(2))), 0);
	k->changed = 0;
	k->now = 1100;
	KUNIT_EXPECT_EQ(test, mmu_kunit_read(k, AS(AS_STATUS(1))), 0);
	KUNIT_EXPECT_EQ(test, k->changed, BIT(1));
	KUNIT_EXPECT_EQ(test, mmu_kunit_touch(k, 1, SZ_1G, SIM_READ), -EFAULT);
}

static u64 tick(struct mmu_kunit *k, u64 now)
{
	guard(raw_spinlock_irqsave)(&k->lock);
	return sim_mmu_tick(k->mmu, now);
}

static bool step(struct mmu_kunit *k, unsigned int as)
{
	guard(raw_spinlock_irqsave)(&k->lock);
	return sim_mmu_step(k->mmu, as);
}

/*
 * The thread of the GPU asks when to look again.
 * Succeeds if it is told the next command's time, and completes it then.
 */
static void tick_tells_when_the_next_is_due(struct kunit *test)
{
	struct mmu_kunit *k = to_mmu_kunit(test);

	KUNIT_EXPECT_EQ(test, tick(k, 0), SIM_MMU_NEVER);
	k->delay = 200;
	mmu_kunit_enable(k, 1);
	k->delay = 100;
	mmu_kunit_enable(k, 2);
	KUNIT_EXPECT_EQ(test, tick(k, 99), 100);
	KUNIT_EXPECT_EQ(test, tick(k, 100), 200);
	KUNIT_EXPECT_EQ(test, mmu_kunit_read(k, RAWSTAT), COMPLETED(2));
	KUNIT_EXPECT_EQ(test, tick(k, 300), SIM_MMU_NEVER);
	KUNIT_EXPECT_EQ(test, mmu_kunit_read(k, RAWSTAT), COMPLETED(1) | COMPLETED(2));
}

/*
 * A command that does not complete by itself.
 * Succeeds if time does not help, and a step does.
 */
static void stuck_command_needs_a_step(struct kunit *test)
{
	struct mmu_kunit *k = to_mmu_kunit(test);

	KUNIT_EXPECT_FALSE(test, step(k, 1));
	k->delay = SIM_MMU_NEVER;
	mmu_kunit_enable(k, 1);
	KUNIT_EXPECT_EQ(test, tick(k, SIM_MMU_NEVER), SIM_MMU_NEVER);
	KUNIT_EXPECT_EQ(test, mmu_kunit_read(k, AS(AS_STATUS(1))), AS_STATUS_AS_ACTIVE);
	KUNIT_EXPECT_FALSE(test, step(k, 2));
	KUNIT_EXPECT_FALSE(test, step(k, SIM_MMU_AS_COUNT));
	KUNIT_EXPECT_TRUE(test, step(k, 1));
	KUNIT_EXPECT_EQ(test, mmu_kunit_read(k, AS(AS_STATUS(1))), 0);
}

/*
 * A reset in the middle of everything.
 * Succeeds if a stuck command, locks, registers and pending interrupts are
 * gone, and the interrupt mask is not.
 */
static void reset_ends_everything(struct kunit *test)
{
	struct mmu_kunit *k = to_mmu_kunit(test);

	mmu_kunit_write(k, MASK, GENMASK(15, 0));
	mmu_kunit_enable(k, 2);
	KUNIT_EXPECT_EQ(test, mmu_kunit_touch(k, 2, SZ_1G, SIM_READ), -EFAULT);
	mmu_kunit_lock(k, 3, SZ_1G, 15);
	k->delay = SIM_MMU_NEVER;
	mmu_kunit_enable(k, 1);
	k->changed = 0;
	mmu_kunit_reset(k);
	k->delay = 0;

	KUNIT_EXPECT_EQ(test, k->changed, 0xff);
	KUNIT_EXPECT_EQ(test, k->irq, 0);
	KUNIT_EXPECT_EQ(test, mmu_kunit_read(k, RAWSTAT), 0);
	KUNIT_EXPECT_EQ(test, mmu_kunit_read(k, MASK), GENMASK(15, 0));
	KUNIT_EXPECT_EQ(test, mmu_kunit_read(k, AS(AS_STATUS(1))), 0);
	KUNIT_EXPECT_EQ(test, mmu_kunit_read64(k, AS(AS_TRANSTAB(1))), 0);
	KUNIT_EXPECT_EQ(test, mmu_kunit_touch(k, 2, SZ_1G, SIM_READ), -ENXIO);
	KUNIT_EXPECT_EQ(test, mmu_kunit_touch(k, 3, SZ_1G, SIM_READ), -ENXIO);
}

/*
 * Counters of commands and flushes.
 * Succeeds if each is counted under its own name.
 */
static void commands_are_counted(struct kunit *test)
{
	const struct sim_mmu_stats *stats = mmu_kunit_stats(to_mmu_kunit(test));

	update_after_unlock(to_mmu_kunit(test));
	KUNIT_EXPECT_EQ(test, stats->commands[AS_COMMAND_UPDATE], 1);
	KUNIT_EXPECT_EQ(test, stats->commands[AS_COMMAND_LOCK], 1);
	KUNIT_EXPECT_EQ(test, stats->commands[AS_COMMAND_UNLOCK], 1);
	KUNIT_EXPECT_EQ(test, stats->commands[AS_COMMAND_FLUSH_PT], 0);
	KUNIT_EXPECT_EQ(test, stats->flushes, 1);
}

static struct kunit_case sim_mmu_cases[] = {
	KUNIT_CASE_PARAM(violation_is_seen, violation_gen_params),
	KUNIT_CASE_PARAM(what_is_allowed_is_no_violation, violation_gen_params),
	KUNIT_CASE(busy_is_per_address_space),
	KUNIT_CASE(registers_hold_what_was_written),
	KUNIT_CASE(interrupt_is_a_level),
	KUNIT_CASE(completion_is_an_interrupt),
	KUNIT_CASE(delayed_command_completes_in_time),
	KUNIT_CASE(tick_tells_when_the_next_is_due),
	KUNIT_CASE(stuck_command_needs_a_step),
	KUNIT_CASE(reset_ends_everything),
	KUNIT_CASE(commands_are_counted),
	{}
};

static struct kunit_suite sim_mmu_suite = {
	.name = "panthor_sim_mmu",
	.init = mmu_kunit_init,
	.exit = mmu_kunit_exit,
	.test_cases = sim_mmu_cases,
};

kunit_test_suite(sim_mmu_suite);
