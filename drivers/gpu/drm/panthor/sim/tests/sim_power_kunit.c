// SPDX-License-Identifier: GPL-2.0-only
/* Power domains and clocks. */

#include <linux/cleanup.h>
#include <linux/clk.h>
#include <linux/clk-provider.h>
#include <linux/delay.h>

#include <kunit/resource.h>
#include <kunit/test.h>

#include "../../panthor_fw_regs.h"
#include "../../panthor_gpu_regs.h"

#include "../sim_clk.h"
#include "../sim_regs.h"
#include "sim_fixture.h"

#define GPU_INT(reg)	(GPU_INT_BASE + SIM_INT_##reg)
#define POWER_BITS	(GPU_IRQ_POWER_CHANGED | GPU_IRQ_POWER_CHANGED_ALL)

static const struct domain_row {
	const char *desc;
	u32 ready, on, off, trans;
	u32 present;
} domain_rows[] = {
	{ "shader", SHADER_READY, SHADER_PWRON, SHADER_PWROFF, SHADER_PWRTRANS, 0x50005 },
	{ "tiler", TILER_READY, TILER_PWRON, TILER_PWROFF, TILER_PWRTRANS, 1 },
	{ "L2", L2_READY, L2_PWRON, L2_PWROFF, L2_PWRTRANS, 1 },
};

KUNIT_ARRAY_PARAM_DESC(domain, domain_rows, desc);

static void expect_power(struct kunit *test, struct sim_gpu *gpu, const struct domain_row *row,
			 u32 ready, u32 trans)
{
	KUNIT_EXPECT_EQ(test, sim_regs_read(gpu, row->ready), ready);
	KUNIT_EXPECT_EQ(test, sim_regs_read(gpu, row->ready + 4), 0);
	KUNIT_EXPECT_EQ(test, sim_regs_read(gpu, row->trans), trans);
	KUNIT_EXPECT_EQ(test, sim_regs_read(gpu, row->trans + 4), 0);
}

/*
 * A domain goes on and off again, step by step. Succeeds if PWRTRANS shows the
 * cores on their way, READY follows at the end, and each end is an interrupt.
 */
static void on_and_off(struct kunit *test)
{
	const struct domain_row *row = test->param_value;
	struct sim_gpu *gpu = sim_kunit_gpu(test);

	sim_kunit_latency(gpu, SIM_OP_POWER, SIM_MANUAL, 0);
	expect_power(test, gpu, row, 0, 0);

	sim_regs_write(gpu, row->on, ~0);
	expect_power(test, gpu, row, 0, row->present);
	KUNIT_EXPECT_EQ(test, sim_regs_read(gpu, GPU_INT(RAWSTAT)), 0);
	KUNIT_EXPECT_EQ(test, sim_kunit_step(gpu, SIM_OP_POWER), 1);
	expect_power(test, gpu, row, row->present, 0);
	KUNIT_EXPECT_EQ(test, sim_regs_read(gpu, GPU_INT(RAWSTAT)), POWER_BITS);

	sim_regs_write(gpu, GPU_INT(CLEAR), POWER_BITS);
	sim_regs_write(gpu, row->off, 1);
	expect_power(test, gpu, row, row->present, 1);
	KUNIT_EXPECT_EQ(test, sim_kunit_step(gpu, SIM_OP_POWER), 1);
	expect_power(test, gpu, row, row->present & ~1, 0);
	KUNIT_EXPECT_EQ(test, sim_regs_read(gpu, GPU_INT(RAWSTAT)), POWER_BITS);
	SIM_EXPECT_NO_VIOLATION(test, gpu);
}

/*
 * Cores are powered on that do not exist, or have power. Succeeds if nothing is
 * in flight, no interrupt comes and it is no violation.
 */
static void nothing_to_do(struct kunit *test)
{
	const struct domain_row *row = test->param_value;
	struct sim_gpu *gpu = sim_kunit_gpu(test);

	sim_regs_write(gpu, row->on, row->present);
	sim_regs_write(gpu, GPU_INT(CLEAR), POWER_BITS);
	sim_kunit_latency(gpu, SIM_OP_POWER, SIM_MANUAL, 0);
	sim_regs_write(gpu, row->on, row->present);
	sim_regs_write(gpu, row->on, ~row->present);
	sim_regs_write(gpu, row->on + 4, ~0);
	expect_power(test, gpu, row, row->present, 0);
	KUNIT_EXPECT_EQ(test, sim_kunit_step(gpu, SIM_OP_POWER), 0);
	KUNIT_EXPECT_EQ(test, sim_regs_read(gpu, GPU_INT(RAWSTAT)), 0);
	SIM_EXPECT_NO_VIOLATION(test, gpu);
}

/*
 * A flush is asked for while the L2 is off, or on its way to off. Succeeds if
 * each is a violation and no flush is in flight.
 */
static void flush_needs_the_l2(struct kunit *test)
{
	struct sim_gpu *gpu = sim_kunit_gpu(test);
	u32 flush = GPU_FLUSH_CACHES(CACHE_CLEAN, 0, 0);

	sim_regs_write(gpu, GPU_CMD, flush);
	SIM_EXPECT_VIOLATIONS(test, gpu, SIM_V_POWER, 1);

	sim_kunit_l2_on(gpu);
	sim_regs_write(gpu, GPU_CMD, flush);
	SIM_EXPECT_VIOLATIONS(test, gpu, SIM_V_POWER, 1);
	KUNIT_EXPECT_EQ(test, gpu->counters.flushes, 1);

	sim_kunit_latency(gpu, SIM_OP_POWER, SIM_MANUAL, 0);
	sim_regs_write(gpu, L2_PWROFF, 1);
	sim_regs_write(gpu, GPU_CMD, flush);
	SIM_EXPECT_VIOLATIONS(test, gpu, SIM_V_POWER, 2);
	KUNIT_EXPECT_EQ(test, gpu->counters.flushes, 1);
}

/*
 * The MCU is started without an L2. Succeeds if that is a violation.
 */
static void mcu_needs_the_l2(struct kunit *test)
{
	struct sim_gpu *gpu = sim_kunit_gpu(test);

	sim_kunit_latency(gpu, SIM_OP_BOOT, SIM_STUCK, 0);
	sim_regs_write(gpu, MCU_CONTROL_BASE + MCU_CONTROL, MCU_CONTROL_AUTO);
	SIM_EXPECT_VIOLATIONS(test, gpu, SIM_V_POWER, 1);
}

/*
 * The L2 goes off under a running MCU. Succeeds if that is a violation, and none
 * once the MCU is off.
 */
static void l2_off_under_the_mcu(struct kunit *test)
{
	struct sim_gpu *gpu = sim_kunit_gpu(test);

	sim_kunit_l2_on(gpu);
	gpu->mcu_state = MCU_STATUS_ENABLED;
	sim_regs_write(gpu, L2_PWROFF, 1);
	SIM_EXPECT_VIOLATIONS(test, gpu, SIM_V_POWER, 1);

	gpu->mcu_state = MCU_STATUS_DISABLED;
	sim_regs_write(gpu, L2_PWRON, 1);
	sim_regs_write(gpu, L2_PWROFF, 1);
	SIM_EXPECT_VIOLATIONS(test, gpu, SIM_V_POWER, 1);
}

/*
 * Coherency is changed while the L2 is on. Succeeds if that is a violation.
 */
static void coherency_changes_with_the_l2_off(struct kunit *test)
{
	struct sim_gpu *gpu = sim_kunit_gpu(test);

	sim_regs_write(gpu, GPU_COHERENCY_PROTOCOL, GPU_COHERENCY_ACE_LITE);
	sim_kunit_l2_on(gpu);
	sim_regs_write(gpu, GPU_COHERENCY_PROTOCOL, GPU_COHERENCY_ACE_LITE);
	SIM_EXPECT_NO_VIOLATION(test, gpu);
	sim_regs_write(gpu, GPU_COHERENCY_PROTOCOL, GPU_COHERENCY_NONE);
	SIM_EXPECT_VIOLATIONS(test, gpu, SIM_V_POWER, 1);
}

/*
 * A reset comes during a power transition. Succeeds if the transition is
 * cancelled and all domains are off.
 */
static void reset_ends_transitions(struct kunit *test)
{
	struct sim_gpu *gpu = sim_kunit_gpu(test);

	sim_kunit_l2_on(gpu);
	sim_kunit_latency(gpu, SIM_OP_POWER, SIM_STUCK, 0);
	sim_regs_write(gpu, SHADER_PWRON, 1);
	sim_regs_write(gpu, GPU_CMD, GPU_SOFT_RESET);
	for (unsigned int i = 0; i < ARRAY_SIZE(domain_rows); i++)
		expect_power(test, gpu, &domain_rows[i], 0, 0);

	sim_kunit_latency(gpu, SIM_OP_POWER, SIM_INSTANT, 0);
	sim_regs_write(gpu, SHADER_PWRON, 1);
	KUNIT_EXPECT_EQ(test, sim_regs_read(gpu, SHADER_READY), 1);
	SIM_EXPECT_NO_VIOLATION(test, gpu);
}

/* --- clocks ------------------------------------------------------------------- */

KUNIT_DEFINE_ACTION_WRAPPER(clk_fini_action, sim_clk_fini, struct sim_gpu *);
KUNIT_DEFINE_ACTION_WRAPPER(clk_put_action, clk_put, struct clk *);
KUNIT_DEFINE_ACTION_WRAPPER(clk_off_action, clk_disable_unprepare, struct clk *);

static struct sim_gpu *gpu_with_clocks(struct kunit *test, struct clk *clks[SIM_CLOCKS])
{
	struct sim_gpu *gpu = sim_kunit_gpu(test);

	KUNIT_ASSERT_EQ(test, sim_clk_init(gpu, NULL), 0);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, clk_fini_action, gpu), 0);
	for (unsigned int i = 0; i < SIM_CLOCKS; i++) {
		clks[i] = clk_hw_get_clk(sim_clk_hw(gpu, i), "test");
		KUNIT_ASSERT_NOT_ERR_OR_NULL(test, clks[i]);
		KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, clk_put_action, clks[i]), 0);
	}
	return gpu;
}

static void clk_on(struct kunit *test, struct clk *clk)
{
	KUNIT_ASSERT_EQ(test, clk_prepare_enable(clk), 0);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, clk_off_action, clk), 0);
}

static const struct clock_row {
	const char *desc;
	int off;
} clock_rows[] = {
	{ "core off", 0 },
	{ "coregroup off", 1 },
	{ "stacks off", 2 },
	{ "all on", -1 },
};

KUNIT_ARRAY_PARAM_DESC(clock, clock_rows, desc);

/*
 * Registers are touched while one clock is off. Succeeds if read and write are a
 * violation each, have no effect, and are none with all clocks on.
 */
static void access_with_a_clock_off(struct kunit *test)
{
	const struct clock_row *row = test->param_value;
	struct clk *clks[SIM_CLOCKS];
	struct sim_gpu *gpu = gpu_with_clocks(test, clks);
	bool off = row->off >= 0;

	for (int i = 0; i < SIM_CLOCKS; i++) {
		if (i != row->off)
			clk_on(test, clks[i]);
	}

	KUNIT_EXPECT_EQ(test, sim_regs_read(gpu, GPU_ID), off ? 0 : gpu->config.model->gpu_id);
	sim_regs_write(gpu, GPU_INT(MASK), 1);
	SIM_EXPECT_VIOLATIONS(test, gpu, SIM_V_CLOCK_OFF, off ? 2 : 0);
	KUNIT_EXPECT_EQ(test, gpu->irq[SIM_IRQ_GPU].mask, off ? 0 : 1);
}

static u64 cycles_of(struct sim_gpu *gpu)
{
	guard(raw_spinlock_irqsave)(&gpu->lock);
	return sim_gpu_cycles(gpu);
}

/*
 * The core clock goes on and off. Succeeds if cycles are counted while it is on,
 * and the count stands still while it is off.
 */
static void cycles_follow_the_clock(struct kunit *test)
{
	struct clk *clks[SIM_CLOCKS];
	struct sim_gpu *gpu = gpu_with_clocks(test, clks);
	u64 before = cycles_of(gpu), after;

	clk_on(test, clks[0]);
	usleep_range(20, 200);
	after = cycles_of(gpu);
	/* 500 MHz for at least 20 us. */
	KUNIT_EXPECT_GE(test, after - before, 10000);
	kunit_release_action(test, clk_off_action, clks[0]);

	before = cycles_of(gpu);
	usleep_range(20, 200);
	KUNIT_EXPECT_EQ(test, cycles_of(gpu), before);
}

static const struct rate_row {
	const char *desc;
	unsigned long ask, get;
} rate_rows[] = {
	{ "operating point", 300000000, 300000000 },
	{ "between two steps", 300999999, 300000000 },
	{ "below the lowest", 1, 100000000 },
	{ "above the highest", 2000000000, 1000000000 },
};

KUNIT_ARRAY_PARAM_DESC(rate, rate_rows, desc);

/*
 * A rate is set. Succeeds if the clock has the next lower step within its limits,
 * and cycles are counted at that rate.
 */
static void rate_of_the_clock(struct kunit *test)
{
	const struct rate_row *row = test->param_value;
	struct clk *clks[SIM_CLOCKS];
	struct sim_gpu *gpu = gpu_with_clocks(test, clks);

	clk_on(test, clks[0]);
	KUNIT_EXPECT_EQ(test, clk_set_rate(clks[0], row->ask), 0);
	KUNIT_EXPECT_EQ(test, clk_get_rate(clks[0]), row->get);
	KUNIT_EXPECT_EQ(test, gpu->clock_hz, row->get);
}

static struct kunit_case panthor_sim_power_cases[] = {
	KUNIT_CASE_PARAM(on_and_off, domain_gen_params),
	KUNIT_CASE_PARAM(nothing_to_do, domain_gen_params),
	KUNIT_CASE(flush_needs_the_l2),
	KUNIT_CASE(mcu_needs_the_l2),
	KUNIT_CASE(l2_off_under_the_mcu),
	KUNIT_CASE(coherency_changes_with_the_l2_off),
	KUNIT_CASE(reset_ends_transitions),
	KUNIT_CASE_PARAM(access_with_a_clock_off, clock_gen_params),
	KUNIT_CASE(cycles_follow_the_clock),
	KUNIT_CASE_PARAM(rate_of_the_clock, rate_gen_params),
	{}
};

static struct kunit_suite panthor_sim_power_suite = {
	.name = "panthor_sim_power",
	.test_cases = panthor_sim_power_cases,
};

kunit_test_suite(panthor_sim_power_suite);
