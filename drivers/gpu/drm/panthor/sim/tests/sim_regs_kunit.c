// SPDX-License-Identifier: GPL-2.0-only
/* The register table: what is there, and each way to get it wrong. */

#include <linux/mm.h>

#include <kunit/test.h>

#include "../../panthor_fw_regs.h"
#include "../../panthor_gpu_regs.h"
#include "../../panthor_mmu_regs.h"

#include "../sim_regs.h"
#include "sim_fixture.h"

#define GPU_INT(reg)	(GPU_INT_BASE + SIM_INT_##reg)
#define FLUSH_ALL	GPU_FLUSH_CACHES(CACHE_CLEAN | CACHE_INV, CACHE_CLEAN, CACHE_INV)

struct offset_row {
	const char *desc;
	u32 offset;
};

static const struct offset_row unknown_rows[] = {
	{ "hole between registers", 0x38 },
	{ "after the last of an array", GPU_TEXTURE_FEATURES(4) },
	{ "not aligned", GPU_ID + 2 },
	{ "between blocks", 0x800 },
	{ "behind an interrupt block", JOB_INT_BASE + 0x10 },
	{ "behind MCU_STATUS", MCU_CONTROL_BASE + MCU_STATUS + 4 },
	{ "behind LATEST_FLUSH", CSF_GPU_LATEST_FLUSH_ID + 4 },
	{ "inside of a doorbell page", CSF_DOORBELL(1) + 4 },
	{ "doorbell of a slot that does not exist", CSF_DOORBELL(9) },
	{ "end of the registers", SIM_MMIO_SIZE },
	{ "last word there can be", 0xfffffffc },
};

KUNIT_ARRAY_PARAM_DESC(unknown, unknown_rows, desc);

/*
 * An offset where there is no register is read and written. Succeeds if each is
 * one violation that says so, and the read gives 0.
 */
static void unknown_offset(struct kunit *test)
{
	const struct offset_row *row = test->param_value;
	struct sim_gpu *gpu = sim_kunit_gpu(test);

	KUNIT_EXPECT_EQ(test, sim_regs_read(gpu, row->offset), 0);
	SIM_EXPECT_VIOLATIONS(test, gpu, SIM_V_REG_UNKNOWN, 1);
	sim_regs_write(gpu, row->offset, 1);
	SIM_EXPECT_VIOLATIONS(test, gpu, SIM_V_REG_UNKNOWN, 2);
}

static const struct offset_row readonly_rows[] = {
	{ "GPU_ID", GPU_ID },
	{ "AS_PRESENT", GPU_AS_PRESENT },
	{ "high half of SHADER_PRESENT", GPU_SHADER_PRESENT + 4 },
	{ "last TEXTURE_FEATURES", GPU_TEXTURE_FEATURES(3) },
	{ "GPU_INT_RAWSTAT", GPU_INT(RAWSTAT) },
	{ "GPU_INT_STAT", GPU_INT(STAT) },
	{ "JOB_INT_RAWSTAT", JOB_INT_BASE + SIM_INT_RAWSTAT },
	{ "GPU_STATUS", GPU_STATUS },
	{ "GPU_FAULT_ADDR", GPU_FAULT_ADDR },
	{ "TIMESTAMP", GPU_TIMESTAMP },
	{ "L2_READY", L2_READY },
	{ "TILER_PWRTRANS", TILER_PWRTRANS },
	{ "SHADER_PWRACTIVE", SHADER_PWRACTIVE },
	{ "COHERENCY_FEATURES", GPU_COHERENCY_FEATURES },
	{ "MCU_STATUS", MCU_CONTROL_BASE + MCU_STATUS },
	{ "LATEST_FLUSH", CSF_GPU_LATEST_FLUSH_ID },
};

KUNIT_ARRAY_PARAM_DESC(readonly, readonly_rows, desc);

/*
 * A read-only register is written. Succeeds if that is one violation, and the
 * register can be read without another.
 */
static void write_to_readonly(struct kunit *test)
{
	const struct offset_row *row = test->param_value;
	struct sim_gpu *gpu = sim_kunit_gpu(test);

	sim_regs_read(gpu, row->offset);
	SIM_EXPECT_NO_VIOLATION(test, gpu);
	sim_regs_write(gpu, row->offset, ~0);
	SIM_EXPECT_VIOLATIONS(test, gpu, SIM_V_REG_READONLY, 1);
}

/*
 * GPU_ID is written. Succeeds if it is what it was: a register of the model,
 * which all GPUs share, must not change.
 */
static void readonly_keeps_its_value(struct kunit *test)
{
	struct sim_gpu *gpu = sim_kunit_gpu(test);
	u32 id = sim_regs_read(gpu, GPU_ID);

	KUNIT_EXPECT_EQ(test, id, gpu->config.model->gpu_id);
	sim_regs_write(gpu, GPU_ID, ~id);
	KUNIT_EXPECT_EQ(test, sim_regs_read(gpu, GPU_ID), id);
}

static const struct offset_row writeonly_rows[] = {
	{ "GPU_CMD", GPU_CMD },
	{ "GPU_INT_CLEAR", GPU_INT(CLEAR) },
	{ "L2_PWRON", L2_PWRON },
	{ "SHADER_PWROFF", SHADER_PWROFF + 4 },
	{ "MCU_CONTROL", MCU_CONTROL_BASE + MCU_CONTROL },
	{ "global doorbell", CSF_DOORBELL(0) },
	{ "doorbell of the last slot", CSF_DOORBELL(8) },
};

KUNIT_ARRAY_PARAM_DESC(writeonly, writeonly_rows, desc);

/*
 * A write-only register is read. Succeeds if that is one violation, and it
 * gives 0.
 */
static void read_of_writeonly(struct kunit *test)
{
	const struct offset_row *row = test->param_value;
	struct sim_gpu *gpu = sim_kunit_gpu(test);

	KUNIT_EXPECT_EQ(test, sim_regs_read(gpu, row->offset), 0);
	SIM_EXPECT_VIOLATIONS(test, gpu, SIM_V_REG_WRITEONLY, 1);
}

struct busy_row {
	const char *desc;
	enum sim_op op;
	u32 first_offset, first;
	u32 second_offset, second;
};

static const struct busy_row busy_rows[] = {
	{ "flush during a flush", SIM_OP_FLUSH, GPU_CMD, FLUSH_ALL, GPU_CMD, FLUSH_ALL },
	{ "flush during a reset", SIM_OP_RESET, GPU_CMD, GPU_SOFT_RESET, GPU_CMD, FLUSH_ALL },
	{ "soft reset during one", SIM_OP_RESET, GPU_CMD, GPU_SOFT_RESET, GPU_CMD, GPU_SOFT_RESET },
	{ "hard reset during one", SIM_OP_RESET, GPU_CMD, GPU_HARD_RESET, GPU_CMD, GPU_HARD_RESET },
	{ "soft reset during a hard one", SIM_OP_RESET, GPU_CMD, GPU_HARD_RESET,
	  GPU_CMD, GPU_SOFT_RESET },
	{ "power during a reset", SIM_OP_RESET, GPU_CMD, GPU_SOFT_RESET, L2_PWROFF, 1 },
	{ "power off during power on", SIM_OP_POWER, SHADER_PWRON, 1, SHADER_PWROFF, 1 },
	{ "more cores during power on", SIM_OP_POWER, SHADER_PWRON, 1, SHADER_PWRON, 4 },
	{ "MCU during a reset", SIM_OP_RESET, GPU_CMD, GPU_SOFT_RESET,
	  MCU_CONTROL_BASE + MCU_CONTROL, MCU_CONTROL_AUTO },
};

KUNIT_ARRAY_PARAM_DESC(busy, busy_rows, desc);

/*
 * A command comes while the one before it is in flight. Succeeds if that is one
 * violation, the first command alone is none, and it completes all the same.
 */
static void command_while_busy(struct kunit *test)
{
	const struct busy_row *row = test->param_value;
	struct sim_gpu *gpu = sim_kunit_gpu(test);

	sim_kunit_l2_on(gpu);
	/* A boot would find out that there is no firmware. */
	sim_kunit_latency(gpu, SIM_OP_BOOT, SIM_STUCK, 0);
	sim_kunit_latency(gpu, row->op, SIM_MANUAL, 0);
	sim_regs_write(gpu, row->first_offset, row->first);
	SIM_EXPECT_NO_VIOLATION(test, gpu);
	sim_regs_write(gpu, row->second_offset, row->second);
	SIM_EXPECT_VIOLATIONS(test, gpu, SIM_V_BUSY, 1);
	KUNIT_EXPECT_EQ(test, sim_kunit_step(gpu, row->op), 1);
	KUNIT_EXPECT_NE(test, sim_regs_read(gpu, GPU_INT(RAWSTAT)), 0);
}

/*
 * A soft reset does not end and a hard one follows. Succeeds if that is no
 * violation, and one reset completes.
 */
static void hard_reset_ends_a_soft_one(struct kunit *test)
{
	struct sim_gpu *gpu = sim_kunit_gpu(test);

	sim_kunit_latency(gpu, SIM_OP_RESET, SIM_STUCK, 0);
	sim_regs_write(gpu, GPU_CMD, GPU_SOFT_RESET);
	sim_kunit_latency(gpu, SIM_OP_RESET, SIM_INSTANT, 0);
	sim_regs_write(gpu, GPU_CMD, GPU_HARD_RESET);
	KUNIT_EXPECT_EQ(test, sim_regs_read(gpu, GPU_INT(RAWSTAT)), GPU_IRQ_RESET_COMPLETED);
	KUNIT_EXPECT_EQ(test, gpu->counters.resets, 1);
	SIM_EXPECT_NO_VIOLATION(test, gpu);
}

struct value_row {
	const char *desc;
	u32 offset, value;
};

static const struct value_row bad_value_rows[] = {
	{ "unknown command", GPU_CMD, 0xff },
	{ "unknown reset", GPU_CMD, GPU_CMD_DEF(1, 3) },
	{ "flush with a bit that means nothing", GPU_CMD, FLUSH_ALL | BIT(31) },
	{ "flush of the L2 in a way there is not", GPU_CMD, GPU_FLUSH_CACHES(4, 0, 0) },
	{ "flush of the LSC in a way there is not", GPU_CMD, GPU_FLUSH_CACHES(0, 8, 0) },
	{ "MCU_CONTROL", MCU_CONTROL_BASE + MCU_CONTROL, 3 },
	{ "COHERENCY_PROTOCOL", GPU_COHERENCY_PROTOCOL, GPU_COHERENCY_ACE },
	{ "doorbell", CSF_DOORBELL(0), 2 },
};

KUNIT_ARRAY_PARAM_DESC(bad_value, bad_value_rows, desc);

/*
 * A value is written that means nothing. Succeeds if that is one violation and
 * nothing is in flight.
 */
static void value_that_means_nothing(struct kunit *test)
{
	const struct value_row *row = test->param_value;
	struct sim_gpu *gpu = sim_kunit_gpu(test);

	sim_kunit_l2_on(gpu);
	sim_kunit_latency(gpu, SIM_OP_FLUSH, SIM_MANUAL, 0);
	sim_kunit_latency(gpu, SIM_OP_RESET, SIM_MANUAL, 0);
	sim_regs_write(gpu, row->offset, row->value);
	SIM_EXPECT_VIOLATIONS(test, gpu, SIM_V_BAD_VALUE, 1);
	KUNIT_EXPECT_EQ(test, sim_kunit_step(gpu, SIM_OPS), 0);
}

/*
 * A GPU without a coherent path is told to be coherent. Succeeds if that is a
 * violation, while it is none for one that has the path.
 */
static void coherency_needs_the_path(struct kunit *test)
{
	struct sim_gpu *gpu = sim_kunit_gpu(test);

	sim_regs_write(gpu, GPU_COHERENCY_PROTOCOL, GPU_COHERENCY_ACE_LITE);
	SIM_EXPECT_NO_VIOLATION(test, gpu);
	KUNIT_EXPECT_EQ(test, sim_regs_read(gpu, GPU_COHERENCY_FEATURES), BIT(0));

	gpu->config.coherent = false;
	sim_regs_write(gpu, GPU_COHERENCY_PROTOCOL, GPU_COHERENCY_NONE);
	SIM_EXPECT_NO_VIOLATION(test, gpu);
	KUNIT_EXPECT_EQ(test, sim_regs_read(gpu, GPU_COHERENCY_FEATURES), 0);
	sim_regs_write(gpu, GPU_COHERENCY_PROTOCOL, GPU_COHERENCY_ACE_LITE);
	SIM_EXPECT_VIOLATIONS(test, gpu, SIM_V_BAD_VALUE, 1);
}

/*
 * Registers are touched while no driver has them mapped. Succeeds if read and
 * write are a violation each, and the write has no effect.
 */
static void access_while_unmapped(struct kunit *test)
{
	struct sim_gpu *gpu = sim_kunit_gpu(test);

	gpu->mapped = false;
	KUNIT_EXPECT_EQ(test, sim_regs_read(gpu, GPU_ID), 0);
	sim_regs_write(gpu, GPU_INT(MASK), 1);
	SIM_EXPECT_VIOLATIONS(test, gpu, SIM_V_UNMAPPED, 2);
	gpu->mapped = true;
	KUNIT_EXPECT_EQ(test, sim_regs_read(gpu, GPU_INT(MASK)), 0);
}

/*
 * Registers of 64 bits are read by halves. Succeeds if the halves are those of
 * the model's values.
 */
static void halves_of_wide_registers(struct kunit *test)
{
	static const u32 offsets[SIM_DOMAINS] = {
		GPU_SHADER_PRESENT, GPU_TILER_PRESENT, GPU_L2_PRESENT,
	};
	struct sim_config config;
	struct sim_model *model;
	struct sim_gpu *gpu;

	model = kunit_kzalloc(test, sizeof(*model), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, model);
	sim_config_default(&config);
	*model = *config.model;
	model->present[SIM_SHADER] = 0x123456789abcdef0;
	config.model = model;
	gpu = sim_kunit_gpu_of(test, &config);

	for (unsigned int i = 0; i < SIM_DOMAINS; i++) {
		KUNIT_EXPECT_EQ_MSG(test, sim_regs_read(gpu, offsets[i]),
				    lower_32_bits(model->present[i]), "domain %u", i);
		KUNIT_EXPECT_EQ_MSG(test, sim_regs_read(gpu, offsets[i] + 4),
				    upper_32_bits(model->present[i]), "domain %u", i);
	}
	SIM_EXPECT_NO_VIOLATION(test, gpu);
}

/*
 * A cache flush is over. Succeeds if its interrupt bit is set, LATEST_FLUSH has
 * grown, and the page that user space maps says the same.
 */
static void flush_counts(struct kunit *test)
{
	struct sim_gpu *gpu = sim_kunit_gpu(test);
	u32 before;

	sim_kunit_l2_on(gpu);
	before = sim_regs_read(gpu, CSF_GPU_LATEST_FLUSH_ID);
	sim_kunit_latency(gpu, SIM_OP_FLUSH, SIM_MANUAL, 0);
	sim_regs_write(gpu, GPU_CMD, FLUSH_ALL);
	KUNIT_EXPECT_EQ(test, sim_regs_read(gpu, GPU_INT(RAWSTAT)), 0);
	KUNIT_EXPECT_EQ(test, sim_regs_read(gpu, CSF_GPU_LATEST_FLUSH_ID), before);

	KUNIT_EXPECT_EQ(test, sim_kunit_step(gpu, SIM_OP_FLUSH), 1);
	KUNIT_EXPECT_EQ(test, sim_regs_read(gpu, GPU_INT(RAWSTAT)),
			GPU_IRQ_CLEAN_CACHES_COMPLETED);
	KUNIT_EXPECT_EQ(test, sim_regs_read(gpu, CSF_GPU_LATEST_FLUSH_ID), before + 1);
	KUNIT_EXPECT_EQ(test, *(u32 *)page_address(gpu->flush_page), before + 1);
}

/*
 * LATEST_FLUSH has its largest value. Succeeds if the next flush skips 0, which
 * a command stream takes for "flush in any case".
 */
static void flush_id_is_never_zero(struct kunit *test)
{
	struct sim_gpu *gpu = sim_kunit_gpu(test);

	sim_kunit_l2_on(gpu);
	gpu->flush_id = 0xffffff;
	sim_regs_write(gpu, GPU_CMD, FLUSH_ALL);
	KUNIT_EXPECT_EQ(test, sim_regs_read(gpu, CSF_GPU_LATEST_FLUSH_ID), 1);
}

/*
 * A soft reset follows a flush in flight. Succeeds if only the reset completes,
 * power is gone, pending interrupts are dropped, and the masks stay.
 */
static void soft_reset(struct kunit *test)
{
	struct sim_gpu *gpu = sim_kunit_gpu(test);

	sim_kunit_l2_on(gpu);
	sim_regs_write(gpu, GPU_INT(MASK), GPU_IRQ_RESET_COMPLETED);
	sim_kunit_latency(gpu, SIM_OP_FLUSH, SIM_MANUAL, 0);
	sim_regs_write(gpu, GPU_CMD, FLUSH_ALL);
	sim_kunit_raise(gpu, SIM_IRQ_JOB, BIT(3));
	sim_regs_write(gpu, GPU_CMD, GPU_SOFT_RESET);

	KUNIT_EXPECT_EQ(test, sim_regs_read(gpu, GPU_INT(RAWSTAT)), GPU_IRQ_RESET_COMPLETED);
	KUNIT_EXPECT_EQ(test, sim_regs_read(gpu, GPU_INT(MASK)), GPU_IRQ_RESET_COMPLETED);
	KUNIT_EXPECT_EQ(test, sim_regs_read(gpu, JOB_INT_BASE + SIM_INT_RAWSTAT), 0);
	KUNIT_EXPECT_EQ(test, sim_regs_read(gpu, L2_READY), 0);
	KUNIT_EXPECT_EQ(test, sim_regs_read(gpu, MCU_CONTROL_BASE + MCU_STATUS),
			MCU_STATUS_DISABLED);
	KUNIT_EXPECT_EQ(test, sim_kunit_step(gpu, SIM_OPS), 0);
	SIM_EXPECT_NO_VIOLATION(test, gpu);
}

/*
 * A hard reset takes the masks as well. Succeeds if the interrupt is pending and
 * the line is low.
 */
static void hard_reset_takes_masks(struct kunit *test)
{
	struct sim_gpu *gpu = sim_kunit_gpu(test);

	sim_regs_write(gpu, GPU_INT(MASK), ~0);
	sim_regs_write(gpu, GPU_CMD, GPU_HARD_RESET);
	KUNIT_EXPECT_EQ(test, sim_regs_read(gpu, GPU_INT(RAWSTAT)), GPU_IRQ_RESET_COMPLETED);
	KUNIT_EXPECT_EQ(test, sim_regs_read(gpu, GPU_INT(MASK)), 0);
	KUNIT_EXPECT_EQ(test, sim_regs_read(gpu, GPU_INT(STAT)), 0);
}

static u64 timestamp_of(struct sim_gpu *gpu)
{
	u32 high, low;

	do {
		high = sim_regs_read(gpu, GPU_TIMESTAMP + 4);
		low = sim_regs_read(gpu, GPU_TIMESTAMP);
	} while (high != sim_regs_read(gpu, GPU_TIMESTAMP + 4));

	return (u64)high << 32 | low;
}

/*
 * TIMESTAMP is read twice, with a new offset between. Succeeds if time goes on
 * and the offset is in it.
 */
static void timestamp(struct kunit *test)
{
	struct sim_gpu *gpu = sim_kunit_gpu(test);
	u64 first = timestamp_of(gpu);
	u64 second = timestamp_of(gpu);
	u64 third;

	sim_regs_write(gpu, GPU_TIMESTAMP_OFFSET + 4, 0x100);
	third = timestamp_of(gpu);

	KUNIT_EXPECT_GT(test, first, 0);
	KUNIT_EXPECT_GE(test, second, first);
	/* The low half may have wrapped between. */
	KUNIT_EXPECT_EQ(test, ((third >> 32) - (second >> 32)) & ~1ULL, 0x100);
	SIM_EXPECT_NO_VIOLATION(test, gpu);
}

static struct kunit_case panthor_sim_regs_cases[] = {
	KUNIT_CASE_PARAM(unknown_offset, unknown_gen_params),
	KUNIT_CASE_PARAM(write_to_readonly, readonly_gen_params),
	KUNIT_CASE(readonly_keeps_its_value),
	KUNIT_CASE_PARAM(read_of_writeonly, writeonly_gen_params),
	KUNIT_CASE_PARAM(command_while_busy, busy_gen_params),
	KUNIT_CASE(hard_reset_ends_a_soft_one),
	KUNIT_CASE_PARAM(value_that_means_nothing, bad_value_gen_params),
	KUNIT_CASE(coherency_needs_the_path),
	KUNIT_CASE(access_while_unmapped),
	KUNIT_CASE(halves_of_wide_registers),
	KUNIT_CASE(flush_counts),
	KUNIT_CASE(flush_id_is_never_zero),
	KUNIT_CASE(soft_reset),
	KUNIT_CASE(hard_reset_takes_masks),
	KUNIT_CASE(timestamp),
	{}
};

static struct kunit_suite panthor_sim_regs_suite = {
	.name = "panthor_sim_regs",
	.test_cases = panthor_sim_regs_cases,
};

kunit_test_suite(panthor_sim_regs_suite);
