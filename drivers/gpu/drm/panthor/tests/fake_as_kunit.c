// SPDX-License-Identifier: GPL-2.0-only
/*
 * The fake address spaces: each violation is seen, and what is no violation is
 * not. Registers are written here as the driver writes them, through the seam.
 */

#include <linux/gfp.h>
#include <linux/io.h>
#include <linux/sizes.h>

#include <kunit/resource.h>

#include "../panthor_device.h"
#include "../panthor_mmu_regs.h"

#include "fake_as.h"
#include "fixture.h"
#include "seam.h"
#include "seam_mmu.h"

#define AS(reg)		(MMU_AS_BASE + (reg))
#define INT(reg)	(MMU_INT_BASE + (reg))

/* 32 KiB at 0, the smallest region there is. */
#define SMALLEST	14

static void reg_write(struct kunit *test, u32 offset, u32 value)
{
	panthor_seam_writel(value, to_panthor_kunit(test)->ptdev->iomem + offset);
}

static u32 reg_read(struct kunit *test, u32 offset)
{
	return panthor_seam_readl(to_panthor_kunit(test)->ptdev->iomem + offset);
}

static void command(struct kunit *test, u32 cmd)
{
	reg_write(test, AS(AS_COMMAND(1)), cmd);
}

static void lock(struct kunit *test, u64 lockaddr)
{
	reg_write(test, AS(AS_LOCKADDR(1)), lower_32_bits(lockaddr));
	reg_write(test, AS(AS_LOCKADDR(1)) + 4, upper_32_bits(lockaddr));
	command(test, AS_COMMAND_LOCK);
}

static int flush(struct kunit *test)
{
	struct panthor_device *ptdev = to_panthor_kunit(test)->ptdev;

	return panthor_seam_flush_caches(ptdev, 0, 0, 0);
}

static void write_absent(struct kunit *test)
{
	reg_write(test, AS(AS_TRANSTAB(8)), 0);
}

static void read_absent(struct kunit *test)
{
	reg_read(test, AS(AS_STATUS(15)));
}

static void write_behind(struct kunit *test)
{
	reg_write(test, AS(MMU_AS(16)), 0);
}

static void write_before(struct kunit *test)
{
	reg_write(test, AS(0) - 4, 0);
}

static void write_hole(struct kunit *test)
{
	reg_write(test, AS(AS_STATUS(1)) + 4, 0);
}

static void read_hole(struct kunit *test)
{
	reg_read(test, AS(AS_STATUS(1)) + 4);
}

static void write_status(struct kunit *test)
{
	reg_write(test, AS(AS_STATUS(1)), 0);
}

static void write_faultstatus(struct kunit *test)
{
	reg_write(test, AS(AS_FAULTSTATUS(1)), 0);
}

static void write_faultaddress(struct kunit *test)
{
	reg_write(test, AS(AS_FAULTADDRESS(1)) + 4, 0);
}

static void write_rawstat(struct kunit *test)
{
	reg_write(test, INT(INT_RAWSTAT), 0);
}

static void update_while_busy(struct kunit *test)
{
	panthor_fake_as_arm(AS_COMMAND_UPDATE, 1, FAKE_AS_DELAYED, 1);
	command(test, AS_COMMAND_UPDATE);
	command(test, AS_COMMAND_UPDATE);
}

static void lock_while_stuck(struct kunit *test)
{
	panthor_fake_as_arm(AS_COMMAND_UPDATE, 1, FAKE_AS_STUCK, 0);
	command(test, AS_COMMAND_UPDATE);
	lock(test, SMALLEST);
}

static void unknown_command(struct kunit *test)
{
	command(test, 6);
}

static void lock_too_small(struct kunit *test)
{
	lock(test, SMALLEST - 1);
}

static void lock_too_large(struct kunit *test)
{
	lock(test, 48);
}

static void lock_with_stray_bits(struct kunit *test)
{
	lock(test, SMALLEST | BIT(8));
}

static void lock_elsewhere(struct kunit *test)
{
	lock(test, SMALLEST);
	lock(test, SZ_1G | SMALLEST);
}

static void lock_less(struct kunit *test)
{
	lock(test, SMALLEST + 1);
	lock(test, SMALLEST);
}

static void unlock_without_lock(struct kunit *test)
{
	command(test, AS_COMMAND_UNLOCK);
}

static void unlock_twice(struct kunit *test)
{
	lock(test, SMALLEST);
	flush(test);
	command(test, AS_COMMAND_UNLOCK);
	command(test, AS_COMMAND_UNLOCK);
}

static void unlock_without_flush(struct kunit *test)
{
	lock(test, SMALLEST);
	command(test, AS_COMMAND_UNLOCK);
}

static void unlock_after_failed_flush(struct kunit *test)
{
	lock(test, SMALLEST);
	panthor_seam_fail_once(test, SEAM_FLUSH_CACHES, -EIO);
	flush(test);
	command(test, AS_COMMAND_UNLOCK);
}

static void flush_pt_without_lock(struct kunit *test)
{
	command(test, AS_COMMAND_FLUSH_PT);
}

static void flush_mem_without_lock(struct kunit *test)
{
	command(test, AS_COMMAND_FLUSH_MEM);
}

/**
 * struct violation_param - Something that the driver must not do
 * @desc: Name in the results.
 * @offend: Does it once.
 * @kind: As what it counts.
 */
struct violation_param {
	const char *desc;
	void (*offend)(struct kunit *test);
	enum panthor_fake_as_violation kind;
};

static const struct violation_param violation_params[] = {
	{ "write_absent", write_absent, FAKE_AS_ABSENT },
	{ "read_absent", read_absent, FAKE_AS_ABSENT },
	{ "write_behind", write_behind, FAKE_AS_UNKNOWN },
	{ "write_before", write_before, FAKE_AS_UNKNOWN },
	{ "write_hole", write_hole, FAKE_AS_UNKNOWN },
	{ "read_hole", read_hole, FAKE_AS_UNKNOWN },
	{ "write_status", write_status, FAKE_AS_READ_ONLY },
	{ "write_faultstatus", write_faultstatus, FAKE_AS_READ_ONLY },
	{ "write_faultaddress", write_faultaddress, FAKE_AS_READ_ONLY },
	{ "write_rawstat", write_rawstat, FAKE_AS_READ_ONLY },
	{ "update_while_busy", update_while_busy, FAKE_AS_BUSY },
	{ "lock_while_stuck", lock_while_stuck, FAKE_AS_BUSY },
	{ "unknown_command", unknown_command, FAKE_AS_BAD_COMMAND },
	{ "lock_too_small", lock_too_small, FAKE_AS_BAD_LOCKADDR },
	{ "lock_too_large", lock_too_large, FAKE_AS_BAD_LOCKADDR },
	{ "lock_with_stray_bits", lock_with_stray_bits, FAKE_AS_BAD_LOCKADDR },
	{ "lock_elsewhere", lock_elsewhere, FAKE_AS_RELOCK },
	{ "lock_less", lock_less, FAKE_AS_RELOCK },
	{ "unlock_without_lock", unlock_without_lock, FAKE_AS_UNLOCK },
	{ "unlock_twice", unlock_twice, FAKE_AS_UNLOCK },
	{ "unlock_without_flush", unlock_without_flush, FAKE_AS_UNFLUSHED },
	{ "unlock_after_failed_flush", unlock_after_failed_flush, FAKE_AS_UNFLUSHED },
	{ "flush_pt_without_lock", flush_pt_without_lock, FAKE_AS_FLUSH },
	{ "flush_mem_without_lock", flush_mem_without_lock, FAKE_AS_FLUSH },
};

KUNIT_ARRAY_PARAM_DESC(violation, violation_params, desc);

/*
 * A fake that does not see an error makes each case pass.
 * Succeeds if the violation counts once, as its kind; others would fail the
 * case at its end.
 */
static void violation_is_counted(struct kunit *test)
{
	const struct violation_param *param = test->param_value;

	param->offend(test);
	KUNIT_EXPECT_EQ(test, panthor_fake_as_take_violations(param->kind), 1);
	KUNIT_EXPECT_EQ(test, panthor_fake_as_take_violations(param->kind), 0);
	panthor_fake_as_gpu_reset();
}

/*
 * Nor must it see errors where there are none.
 * Succeeds if everything a driver may do ends without a violation.
 */
static void correct_use_is_no_violation(struct kunit *test)
{
	command(test, AS_COMMAND_NOP);
	command(test, AS_COMMAND_UPDATE);
	lock(test, SMALLEST);
	lock(test, SMALLEST + 1);
	command(test, AS_COMMAND_FLUSH_PT);
	command(test, AS_COMMAND_UNLOCK);
	lock(test, SMALLEST);
	flush(test);
	command(test, AS_COMMAND_UNLOCK);
	flush(test);
	reg_read(test, AS(AS_FAULTSTATUS(1)));
	reg_read(test, AS(AS_FAULTEXTRA(1)) + 4);

	for (int kind = 0; kind < FAKE_AS_VIOLATIONS; kind++)
		KUNIT_EXPECT_EQ_MSG(test, panthor_fake_as_take_violations(kind), 0, "%s",
				    panthor_fake_as_violation_name(kind));
}

/*
 * Registers are staged until UPDATE.
 * Succeeds if both halves of a write are live after it and not before.
 */
static void update_latches_the_configuration(struct kunit *test)
{
	reg_write(test, AS(AS_MEMATTR(1)), 0x55667788);
	reg_write(test, AS(AS_MEMATTR(1)) + 4, 0x11223344);
	KUNIT_EXPECT_EQ(test, panthor_fake_as_live(1).memattr, 0);
	KUNIT_EXPECT_EQ(test, panthor_fake_as_staged(1).memattr, 0x1122334455667788ULL);

	command(test, AS_COMMAND_UPDATE);
	KUNIT_EXPECT_EQ(test, panthor_fake_as_live(1).memattr, 0x1122334455667788ULL);
	KUNIT_EXPECT_EQ(test, panthor_fake_as_live(2).memattr, 0);
}

/*
 * A delayed command is one that the driver must wait for.
 * Succeeds if STATUS is active for as many reads as were armed, and the effect
 * is there after the last of them.
 */
static void delayed_command_completes_after_its_reads(struct kunit *test)
{
	panthor_fake_as_arm(AS_COMMAND_LOCK, 1, FAKE_AS_DELAYED, 2);
	lock(test, SMALLEST);
	KUNIT_EXPECT_EQ(test, reg_read(test, AS(AS_STATUS(1))), AS_STATUS_AS_ACTIVE);
	expect_no_as_locked(test);
	KUNIT_EXPECT_EQ(test, reg_read(test, AS(AS_STATUS(1))), AS_STATUS_AS_ACTIVE);
	KUNIT_EXPECT_EQ(test, panthor_fake_as_locked_mask(), BIT(1));
	KUNIT_EXPECT_EQ(test, reg_read(test, AS(AS_STATUS(1))), 0);
	panthor_fake_as_gpu_reset();
}

/*
 * A stuck command has no effect and no end.
 * Succeeds if STATUS stays active until the GPU is reset.
 */
static void stuck_command_ends_with_a_reset(struct kunit *test)
{
	panthor_fake_as_arm(AS_COMMAND_LOCK, 1, FAKE_AS_STUCK, 0);
	lock(test, SMALLEST);
	for (int i = 0; i < 100; i++)
		reg_read(test, AS(AS_STATUS(1)));
	KUNIT_EXPECT_EQ(test, reg_read(test, AS(AS_STATUS(1))), AS_STATUS_AS_ACTIVE);
	expect_no_as_locked(test);

	panthor_fake_as_gpu_reset();
	KUNIT_EXPECT_EQ(test, reg_read(test, AS(AS_STATUS(1))), 0);
}

/*
 * Only the nth command misbehaves, and only of that kind.
 * Succeeds if the first LOCK works and the second is dropped.
 */
static void nth_command_is_dropped(struct kunit *test)
{
	panthor_fake_as_arm(AS_COMMAND_LOCK, 2, FAKE_AS_DROPPED, 0);
	lock(test, SMALLEST);
	KUNIT_EXPECT_EQ(test, panthor_fake_as_locked_mask(), BIT(1));
	flush(test);
	command(test, AS_COMMAND_UNLOCK);
	lock(test, SMALLEST);
	expect_no_as_locked(test);
	KUNIT_EXPECT_EQ(test, panthor_fake_as_commands(1, AS_COMMAND_LOCK), 2);
	expect_as_story(test, "1:LOCK FLUSH 1:UNLOCK 1:LOCK");
}

/*
 * The low bits of LOCKADDR hold the size; those of the base below it do not
 * count.
 * Succeeds if the region is the aligned one.
 */
static void lock_region_is_decoded(struct kunit *test)
{
	u64 start, size;

	lock(test, (SZ_1G + SZ_16K) | SMALLEST);
	KUNIT_EXPECT_TRUE(test, panthor_fake_as_locked(1, &start, &size));
	KUNIT_EXPECT_EQ(test, start, SZ_1G);
	KUNIT_EXPECT_EQ(test, size, SZ_32K);
	KUNIT_EXPECT_FALSE(test, panthor_fake_as_locked(2, &start, &size));
	panthor_fake_as_gpu_reset();
}

/*
 * STAT is what RAWSTAT and MASK have in common, and CLEAR acknowledges.
 * Succeeds if each register reads as that.
 */
static void interrupt_registers_work_together(struct kunit *test)
{
	reg_write(test, INT(INT_MASK), BIT(1));
	panthor_fake_as_raise(BIT(1) | BIT(2));
	KUNIT_EXPECT_EQ(test, reg_read(test, INT(INT_RAWSTAT)), BIT(1) | BIT(2));
	KUNIT_EXPECT_EQ(test, reg_read(test, INT(INT_STAT)), BIT(1));
	KUNIT_EXPECT_EQ(test, reg_read(test, INT(INT_MASK)), BIT(1));

	reg_write(test, INT(INT_CLEAR), BIT(1));
	KUNIT_EXPECT_EQ(test, reg_read(test, INT(INT_RAWSTAT)), BIT(2));
	KUNIT_EXPECT_EQ(test, reg_read(test, INT(INT_STAT)), 0);
	KUNIT_EXPECT_EQ(test, panthor_fake_as_deliver(), IRQ_NONE);
}

static u64 *table(struct kunit *test)
{
	/* Aligned to its size, as power of two sizes are. */
	u64 *entries = kunit_kzalloc(test, SZ_4K, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, entries);
	KUNIT_ASSERT_TRUE(test, IS_ALIGNED((unsigned long)entries, SZ_4K));
	return entries;
}

/*
 * Tables built by hand: a page at 4 KiB, a block at 2 MiB, nothing elsewhere.
 * Succeeds if each address translates to what the entry says.
 */
static void walk_follows_the_tables(struct kunit *test)
{
	u64 *l0 = table(test), *l1 = table(test), *l2 = table(test), *l3 = table(test);
	u64 root = virt_to_phys(l0);

	l0[0] = virt_to_phys(l1) | 3;
	l1[0] = virt_to_phys(l2) | 3;
	l2[0] = virt_to_phys(l3) | 3;
	l2[1] = SZ_1G | 1;
	l3[1] = SZ_64K | 3;
	reg_write(test, AS(AS_TRANSTAB(1)), lower_32_bits(root));
	reg_write(test, AS(AS_TRANSTAB(1)) + 4, upper_32_bits(root));
	command(test, AS_COMMAND_UPDATE);

	KUNIT_EXPECT_EQ(test, panthor_fake_as_walk(1, 0), 0);
	KUNIT_EXPECT_EQ(test, panthor_fake_as_walk(1, SZ_4K + 8), SZ_64K + 8);
	KUNIT_EXPECT_EQ(test, panthor_fake_as_walk(1, SZ_8K), 0);
	KUNIT_EXPECT_EQ(test, panthor_fake_as_walk(1, SZ_2M + SZ_64K), SZ_1G + SZ_64K);
	KUNIT_EXPECT_EQ(test, panthor_fake_as_walk(1, SZ_4M), 0);
	KUNIT_EXPECT_EQ(test, panthor_fake_as_walk(1, SZ_1G), 0);
	KUNIT_EXPECT_EQ(test, panthor_fake_as_walk(1, SZ_512G), 0);
	panthor_fake_as_gpu_reset();
}

/*
 * Events of the fake and calls through seams share one order.
 * Succeeds if commands around a flush have stamps around its stamp.
 */
static void events_are_ordered_with_seam_calls(struct kunit *test)
{
	lock(test, SMALLEST);
	flush(test);
	command(test, AS_COMMAND_UNLOCK);
	KUNIT_EXPECT_GT(test, panthor_seam_last(SEAM_FLUSH_CACHES),
			panthor_fake_as_last(1, AS_COMMAND_LOCK));
	KUNIT_EXPECT_GT(test, panthor_fake_as_last(1, AS_COMMAND_UNLOCK),
			panthor_seam_last(SEAM_FLUSH_CACHES));
}

static struct kunit_case fake_as_cases[] = {
	KUNIT_CASE_PARAM(violation_is_counted, violation_gen_params),
	KUNIT_CASE(correct_use_is_no_violation),
	KUNIT_CASE(update_latches_the_configuration),
	KUNIT_CASE(delayed_command_completes_after_its_reads),
	KUNIT_CASE(stuck_command_ends_with_a_reset),
	KUNIT_CASE(nth_command_is_dropped),
	KUNIT_CASE(lock_region_is_decoded),
	KUNIT_CASE(interrupt_registers_work_together),
	KUNIT_CASE(walk_follows_the_tables),
	KUNIT_CASE(events_are_ordered_with_seam_calls),
	{}
};

static struct kunit_suite fake_as_suite = {
	.name = "panthor_fake_as",
	.init = panthor_fake_as_init,
	.exit = panthor_fake_as_exit,
	.suite_exit = panthor_kunit_suite_exit,
	.test_cases = fake_as_cases,
};

kunit_test_suite(fake_as_suite);
