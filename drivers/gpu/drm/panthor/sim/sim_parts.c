// SPDX-License-Identifier: GPL-2.0-only
/* Where the platform meets the MMU and the firmware. */

#include <linux/delay.h>
#include <linux/err.h>

#include "../panthor_fw_regs.h"
#include "../panthor_mmu_regs.h"

#include "sim.h"
#include "sim_cmd.h"
#include "sim_events.h"
#include "sim_fw.h"
#include "sim_mmu.h"
#include "sim_parts.h"

/* Level 3 translation fault, which is what a missing page gives. */
#define SIM_FAULT_TRANSLATION	0xc3

static const enum sim_violation_kind sim_parts_mmu_kinds[SIM_MMU_VIOLATIONS] = {
	[SIM_MMU_NO_REGISTER] = SIM_V_REG_UNKNOWN,
	[SIM_MMU_ABSENT] = SIM_V_REG_UNKNOWN,
	[SIM_MMU_READ_ONLY] = SIM_V_REG_READONLY,
	[SIM_MMU_BUSY] = SIM_V_BUSY,
	[SIM_MMU_BAD_COMMAND] = SIM_V_BAD_VALUE,
	[SIM_MMU_BAD_CONFIG] = SIM_V_BAD_VALUE,
	[SIM_MMU_BAD_LOCKADDR] = SIM_V_BAD_VALUE,
	[SIM_MMU_RELOCK] = SIM_V_MMU_PROTOCOL,
	[SIM_MMU_UPDATE_LOCKED] = SIM_V_MMU_PROTOCOL,
	[SIM_MMU_UNLOCK] = SIM_V_MMU_PROTOCOL,
	[SIM_MMU_UNFLUSHED] = SIM_V_MMU_PROTOCOL,
	[SIM_MMU_FLUSH] = SIM_V_MMU_PROTOCOL,
	[SIM_MMU_STALE] = SIM_V_STALE_TRANSLATION,
	[SIM_MMU_UNMAPPED] = SIM_V_STALE_TRANSLATION,
	[SIM_MMU_FREED] = SIM_V_FREED_MEMORY,
	[SIM_MMU_REUSED] = SIM_V_FREED_MEMORY,
	[SIM_MMU_NO_MEMORY] = SIM_V_FREED_MEMORY,
	[SIM_MMU_DEAD_TABLE] = SIM_V_FREED_MEMORY,
};

/* --- what the MMU asks for ---------------------------------------------------- */

static void sim_parts_mmu_irq(void *priv, u32 stat)
{
	sim_irq_set_stat(priv, SIM_IRQ_MMU, stat);
}

static void sim_parts_mmu_violation(void *priv, enum sim_mmu_violation kind, const char *text)
{
	sim_violation_locked(priv, sim_parts_mmu_kinds[kind], "%s: %s",
			     sim_mmu_violation_name(kind), text);
}

static void sim_parts_as_changed(void *priv, unsigned int as)
{
	struct sim_gpu *gpu = priv;

	/* Not while either is being made. */
	if (gpu->mmu && gpu->fw)
		sim_fw_as_changed(gpu->fw, as);
}

static u64 sim_parts_as_delay(void *priv, unsigned int as, u32 cmd)
{
	struct sim_gpu *gpu = priv;
	const struct sim_latency_setting *setting = &gpu->latency.setting[SIM_OP_AS];

	if (gpu->latency.once_stuck[SIM_OP_AS]) {
		gpu->latency.once_stuck[SIM_OP_AS]--;
		gpu->as_stuck |= BIT(as);
		return SIM_MMU_NEVER;
	}
	gpu->as_stuck &= ~BIT(as);
	if (setting->kind == SIM_STUCK)
		gpu->as_stuck |= BIT(as);

	switch (setting->kind) {
	case SIM_INSTANT:
		return 0;
	case SIM_TIMED:
		return sim_latency_ns(&gpu->latency, SIM_OP_AS);
	default:
		return SIM_MMU_NEVER;
	}
}

static u64 sim_parts_now(void *priv)
{
	return sim_gpu_now();
}

static void sim_parts_arm_tick(struct sim_gpu *gpu)
{
	u64 next = sim_mmu_tick(gpu->mmu, sim_gpu_now());

	sim_delayed_cancel(&gpu->latency, &gpu->mmu_tick);
	if (next != SIM_MMU_NEVER)
		sim_delayed_start_at(&gpu->latency, &gpu->mmu_tick, next);
}

static void sim_parts_tick(struct sim_delayed *delayed)
{
	sim_parts_arm_tick(container_of(delayed, struct sim_gpu, mmu_tick));
}

/**
 * sim_parts_copy() - Access of the GPU to memory
 * @gpu: GPU.
 * @as: Address space.
 * @va: Address.
 * @buf: What to write, or where to read to.
 * @len: Bytes.
 * @access: What is done.
 * @who: Who does it, for reports.
 *
 * Context: Under the GPU's lock.
 *
 * Return: As sim_mmu_copy().
 */
int sim_parts_copy(struct sim_gpu *gpu, unsigned int as, u64 va, void *buf, size_t len,
		   enum sim_access access, const char *who)
{
	if (gpu->slow_memory_ns)
		ndelay(gpu->slow_memory_ns);
	if (!sim_power_is_on(gpu, SIM_L2)) {
		sim_violation_locked(gpu, SIM_V_POWER,
				     "%s: AS %u address %#llx while the L2 is off", who, as, va);
		return -ENXIO;
	}
	return sim_mmu_copy(gpu->mmu, as, va, buf, len, access, who);
}

/* --- what the platform asks for ------------------------------------------------- */

/**
 * sim_parts_init() - Make MMU and firmware
 * @gpu: GPU.
 *
 * Context: Process.
 *
 * Return: 0 or an error.
 */
int sim_parts_init(struct sim_gpu *gpu)
{
	const u32 features = gpu->config.model->mmu_features;
	const struct sim_mmu_config config = {
		.as_present = gpu->config.as_present,
		.va_bits = features & 0xff,
		.pa_bits = (features >> 8) & 0xff,
		.tlb_entries = 256,
		.cache = gpu->config.cache,
	};
	const struct sim_mmu_env env = {
		.priv = gpu,
		.lock = &gpu->lock,
		.irq = sim_parts_mmu_irq,
		.violation = sim_parts_mmu_violation,
		.as_changed = sim_parts_as_changed,
		.delay_ns = sim_parts_as_delay,
		.now_ns = sim_parts_now,
	};
	int ret;

	sim_delayed_init(&gpu->mmu_tick, SIM_OP_AS, sim_parts_tick);
	gpu->mmu = sim_mmu_create(&config, &env);
	if (IS_ERR_OR_NULL(gpu->mmu))
		return gpu->mmu ? PTR_ERR(gpu->mmu) : -ENOMEM;

	ret = sim_parts_fw_init(gpu);
	if (ret)
		sim_mmu_destroy(gpu->mmu);
	return ret;
}

/**
 * sim_parts_fini() - Free MMU and firmware
 * @gpu: GPU.
 *
 * Context: Process.
 */
void sim_parts_fini(struct sim_gpu *gpu)
{
	sim_fw_destroy(gpu->fw);
	sim_mmu_destroy(gpu->mmu);
}

/**
 * sim_parts_mmu_read() - Read a register of the MMU
 * @gpu: GPU.
 * @offset: Offset, from the start of the GPU's registers.
 *
 * Context: Under the GPU's lock.
 *
 * Return: Its value.
 */
u32 sim_parts_mmu_read(struct sim_gpu *gpu, u32 offset)
{
	return sim_mmu_read(gpu->mmu, offset);
}

static void sim_parts_check_command(struct sim_gpu *gpu, unsigned int as, u32 command)
{
	if (sim_delayed_busy(&gpu->reset))
		sim_violation_locked(gpu, SIM_V_BUSY, "AS %u: command %u while the GPU resets",
				     as, command);
	else if (!sim_power_is_on(gpu, SIM_L2))
		sim_violation_locked(gpu, SIM_V_POWER, "AS %u: command %u while the L2 is off",
				     as, command);
}

/**
 * sim_parts_mmu_write() - Write a register of the MMU
 * @gpu: GPU.
 * @offset: Offset, from the start of the GPU's registers.
 * @value: Value.
 *
 * Context: Under the GPU's lock.
 */
void sim_parts_mmu_write(struct sim_gpu *gpu, u32 offset, u32 value)
{
	const u32 command = MMU_AS_BASE + AS_COMMAND(0);

	/* A write is an answer, be the level as before. */
	gpu->irq[SIM_IRQ_MMU].repeats = 0;

	if (offset >= MMU_AS_BASE && !((offset - command) % MMU_AS(1)) && value)
		sim_parts_check_command(gpu, (offset - MMU_AS_BASE) >> MMU_AS_SHIFT, value);

	sim_mmu_write(gpu->mmu, offset, value);
	sim_parts_arm_tick(gpu);
}

/**
 * sim_parts_mcu_control() - The driver wrote MCU_CONTROL
 * @gpu: GPU.
 * @value: A value that exists.
 *
 * Context: Under the GPU's lock.
 */
void sim_parts_mcu_control(struct sim_gpu *gpu, u32 value)
{
	sim_fw_mcu_control(gpu->fw, value);
}

/**
 * sim_parts_mcu_status() - MCU_STATUS
 * @gpu: GPU.
 *
 * Context: Under the GPU's lock.
 *
 * Return: Its value.
 */
u32 sim_parts_mcu_status(struct sim_gpu *gpu)
{
	return sim_fw_mcu_status(gpu->fw);
}

/**
 * sim_parts_doorbell() - A doorbell was rung
 * @gpu: GPU.
 * @index: Which: 0 is the global one, a CSG slot has its number plus one.
 *
 * Context: Under the GPU's lock.
 */
void sim_parts_doorbell(struct sim_gpu *gpu, unsigned int index)
{
	sim_fw_doorbell(gpu->fw, index);
}

/**
 * sim_parts_flushed() - A cache flush that the driver asked for is done
 * @gpu: GPU.
 *
 * Context: Under the GPU's lock.
 */
void sim_parts_flushed(struct sim_gpu *gpu)
{
	sim_mmu_flush_done(gpu->mmu);
}

/**
 * sim_parts_reset() - The GPU is reset
 * @gpu: GPU.
 *
 * Context: Under the GPU's lock.
 */
void sim_parts_reset(struct sim_gpu *gpu)
{
	sim_fw_reset(gpu->fw);
	sim_mmu_reset(gpu->mmu);
	gpu->as_stuck = 0;
	sim_parts_arm_tick(gpu);
}

/**
 * sim_parts_step_as() - Complete AS commands that wait for a step
 * @gpu: GPU.
 * @count: At most so many.
 *
 * Context: Under the GPU's lock.
 *
 * Return: How many were completed.
 */
unsigned int sim_parts_step_as(struct sim_gpu *gpu, unsigned int count)
{
	unsigned int done = 0;

	for (unsigned int as = 0; as < SIM_MAX_AS && done < count; as++) {
		if (!(gpu->as_stuck & BIT(as)) && sim_mmu_step(gpu->mmu, as))
			done++;
	}

	return done;
}

/**
 * sim_parts_step_cs() - Complete operations of streams that wait for a step
 * @gpu: GPU.
 * @op: %SIM_OP_RUN or %SIM_OP_FLUSH.
 * @count: At most so many.
 *
 * Context: Under the GPU's lock.
 *
 * Return: How many were completed.
 */
unsigned int sim_parts_step_cs(struct sim_gpu *gpu, enum sim_op op, unsigned int count)
{
	return sim_fw_step(gpu->fw, op, count);
}

/**
 * sim_parts_mmu_fault() - Have an address space fault
 * @gpu: GPU.
 * @as: Which.
 * @address: Address that faults.
 *
 * Context: Under the GPU's lock.
 */
void sim_parts_mmu_fault(struct sim_gpu *gpu, unsigned int as, u64 address)
{
	sim_event(gpu, SIM_EVENT_FAULT, as, address);
	sim_fw_as_faulted(gpu->fw, as);
	sim_mmu_fault(gpu->mmu, as, address, SIM_READ, SIM_FAULT_TRANSLATION);
}

/**
 * sim_parts_hang() - Have the firmware do nothing until the next boot
 * @gpu: GPU.
 *
 * Context: Under the GPU's lock.
 */
void sim_parts_hang(struct sim_gpu *gpu)
{
	sim_fw_hang(gpu->fw);
}

/**
 * sim_parts_count() - Bring the counters up to date
 * @gpu: GPU.
 *
 * Context: Under the GPU's lock.
 */
void sim_parts_count(struct sim_gpu *gpu)
{
	const struct sim_mmu_stats *mmu = sim_mmu_stats(gpu->mmu);
	const struct sim_fw_stats *fw = sim_fw_stats(gpu->fw);
	struct sim_counters *counters = &gpu->counters;

	counters->boots = fw->boots;
	counters->instructions = fw->instructions;
	counters->jobs = fw->jobs;
	counters->tlb_hits = mmu->hits;
	counters->tlb_misses = mmu->misses;
	counters->faults = mmu->faults;
	counters->bytes = mmu->bytes;
	counters->as_commands = 0;
	for (unsigned int i = 0; i < SIM_MMU_COMMANDS; i++)
		counters->as_commands += mmu->commands[i];
}

/**
 * sim_parts_run() - A slice of the firmware's work
 * @gpu: GPU.
 * @now_ns: The time.
 *
 * Context: Under the GPU's lock.
 *
 * Return: When it wants the next one: 0 at once, U64_MAX when kicked.
 */
u64 sim_parts_run(struct sim_gpu *gpu, u64 now_ns)
{
	return sim_fw_run(gpu->fw, now_ns);
}
