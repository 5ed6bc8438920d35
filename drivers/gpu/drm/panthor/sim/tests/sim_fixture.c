// SPDX-License-Identifier: GPL-2.0-only
/* A software GPU for one test case, attached to nothing. */

#include <linux/cleanup.h>

#include <kunit/resource.h>

#include "../../panthor_gpu_regs.h"

#include "../sim_regs.h"
#include "sim_fixture.h"

KUNIT_DEFINE_ACTION_WRAPPER(sim_kunit_destroy, sim_gpu_destroy, struct sim_gpu *);

/**
 * sim_kunit_gpu_of() - Make a GPU
 * @test: Test, which frees it.
 * @config: What to make.
 *
 * Its registers are mapped, it has no clocks to switch, and its violations are
 * counted in silence.
 *
 * Context: Process.
 *
 * Return: The GPU.
 */
struct sim_gpu *sim_kunit_gpu_of(struct kunit *test, const struct sim_config *config)
{
	struct sim_gpu *gpu = sim_gpu_create(0, config);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, gpu);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, sim_kunit_destroy, gpu), 0);
	gpu->mapped = true;
	gpu->violations.quiet = true;
	return gpu;
}

/**
 * sim_kunit_gpu() - Make a GPU as it is by default
 * @test: Test, which frees it.
 *
 * Context: Process.
 *
 * Return: The GPU.
 */
struct sim_gpu *sim_kunit_gpu(struct kunit *test)
{
	struct sim_config config;

	sim_config_default(&config);
	return sim_kunit_gpu_of(test, &config);
}

/**
 * sim_kunit_latency() - Set the latency of an operation
 * @gpu: GPU.
 * @op: Operation.
 * @kind: When it is done.
 * @ns: Time it takes.
 *
 * Context: Any.
 */
void sim_kunit_latency(struct sim_gpu *gpu, enum sim_op op, enum sim_latency_kind kind, u64 ns)
{
	guard(raw_spinlock_irqsave)(&gpu->lock);
	gpu->latency.setting[op] = (struct sim_latency_setting){ .kind = kind, .ns = ns };
}

/**
 * sim_kunit_step() - Complete one operation
 * @gpu: GPU.
 * @op: Which kind.
 *
 * Context: Any.
 *
 * Return: How many were completed.
 */
unsigned int sim_kunit_step(struct sim_gpu *gpu, enum sim_op op)
{
	guard(raw_spinlock_irqsave)(&gpu->lock);
	return sim_latency_step(&gpu->latency, op, 1);
}

/**
 * sim_kunit_violations() - Violations of a kind
 * @gpu: GPU.
 * @kind: Kind.
 *
 * Context: Any.
 *
 * Return: How many there were.
 */
u64 sim_kunit_violations(struct sim_gpu *gpu, enum sim_violation_kind kind)
{
	guard(raw_spinlock_irqsave)(&gpu->lock);
	return gpu->violations.count[kind];
}

/**
 * sim_kunit_raise() - Raise an interrupt
 * @gpu: GPU.
 * @line: Its block.
 * @bits: Bits of RAWSTAT.
 *
 * Context: Any.
 */
void sim_kunit_raise(struct sim_gpu *gpu, enum sim_irq_line line, u32 bits)
{
	guard(raw_spinlock_irqsave)(&gpu->lock);
	sim_irq_raise(gpu, line, bits);
}

/**
 * sim_kunit_l2_on() - Power on the L2, as most commands want it
 * @gpu: GPU, whose power transitions are instant.
 *
 * Context: Any.
 */
void sim_kunit_l2_on(struct sim_gpu *gpu)
{
	sim_regs_write(gpu, L2_PWRON, 1);
	sim_regs_write(gpu, GPU_INT_BASE + SIM_INT_CLEAR, ~0);
}
