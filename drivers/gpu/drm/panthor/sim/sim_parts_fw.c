// SPDX-License-Identifier: GPL-2.0-only
/* What the firmware gets of the GPU. */

#include <linux/cpumask.h>

#ifdef CONFIG_ARM_ARCH_TIMER
#include <clocksource/arm_arch_timer.h>
#endif

#include "../panthor_fw_regs.h"

#include "sim.h"
#include "sim_cmd.h"
#include "sim_events.h"
#include "sim_fw.h"
#include "sim_mmu.h"
#include "sim_parts.h"

/* A slice holds the lock, with interrupts off. */
#define SIM_FW_SLICE		64
/* Slow enough for a loop of these to be caught in the midst of it. */
#define SIM_FW_SYNC_PACE_NS	2000

static int fw_env_copy(void *priv, unsigned int as, u64 va, void *buf, size_t len,
		       enum sim_access access, const char *who)
{
	return sim_parts_copy(priv, as, va, buf, len, access, who);
}

static bool fw_env_as_enabled(void *priv, unsigned int as)
{
	struct sim_gpu *gpu = priv;

	return sim_mmu_translates(gpu->mmu, as);
}

static void fw_env_irq(void *priv, u32 bits)
{
	sim_irq_raise(priv, SIM_IRQ_JOB, bits);
}

static void fw_env_kick(void *priv)
{
	sim_gpu_kick_mcu(priv);
}

static void fw_env_violation(void *priv, const char *text)
{
	sim_violation_locked(priv, SIM_V_FW_PROTOCOL, "%s", text);
}

static u64 fw_env_now(void *priv)
{
	return sim_gpu_now();
}

static u64 fw_env_timestamp(void *priv)
{
	return sim_gpu_timestamp(priv);
}

static u64 fw_env_cycles(void *priv)
{
	return sim_gpu_cycles(priv);
}

static u32 fw_env_flush_id(void *priv)
{
	struct sim_gpu *gpu = priv;

	return gpu->flush_id;
}

static void fw_env_flush(void *priv)
{
	sim_cmd_flush_done(priv);
}

static void fw_env_trace(void *priv, enum sim_fw_trace kind, u32 what, u64 value)
{
	static const enum sim_event_kind kinds[] = {
		[SIM_FW_TRACE_MCU] = SIM_EVENT_MCU,
		[SIM_FW_TRACE_CSG] = SIM_EVENT_CSG,
		[SIM_FW_TRACE_CS] = SIM_EVENT_CS,
	};
	struct sim_gpu *gpu = priv;

	if (kind == SIM_FW_TRACE_MCU)
		gpu->mcu_state = value;
	if (kind == SIM_FW_TRACE_MCU)
		sim_event(gpu, kinds[kind], value, 0);
	else if (kind != SIM_FW_TRACE_JOB)
		sim_event(gpu, kinds[kind], what, value);
}

static u64 fw_timestamp_hz(void)
{
#ifdef CONFIG_ARM_ARCH_TIMER
	return arch_timer_get_cntfrq();
#else
	return NSEC_PER_SEC;
#endif
}

/**
 * sim_parts_fw_init() - Make the firmware
 * @gpu: GPU.
 *
 * Context: Process.
 *
 * Return: 0 or -ENOMEM.
 */
int sim_parts_fw_init(struct sim_gpu *gpu)
{
	const struct sim_fw_config config = {
		.version = gpu->config.model->fw_version,
		.groups = gpu->config.csg_slots,
		.streams = gpu->config.cs_per_csg,
		.as_present = gpu->config.as_present,
		.shader_present = gpu->config.model->present[SIM_SHADER],
		.timestamp_hz = fw_timestamp_hz(),
		.clock_hz = NSEC_PER_SEC / 2,
		.slice = SIM_FW_SLICE,
		.sync_pace_ns = SIM_FW_SYNC_PACE_NS,
		.pause = num_online_cpus() == 1,
	};
	const struct sim_fw_env env = {
		.priv = gpu,
		.lock = &gpu->lock,
		.latency = &gpu->latency,
		.copy = fw_env_copy,
		.as_enabled = fw_env_as_enabled,
		.irq = fw_env_irq,
		.kick = fw_env_kick,
		.violation = fw_env_violation,
		.now_ns = fw_env_now,
		.timestamp = fw_env_timestamp,
		.cycles = fw_env_cycles,
		.flush_id = fw_env_flush_id,
		.flush = fw_env_flush,
		.trace = fw_env_trace,
	};

	gpu->mcu_state = MCU_STATUS_DISABLED;
	gpu->fw = sim_fw_create(&config, &env);
	return gpu->fw ? 0 : -ENOMEM;
}
