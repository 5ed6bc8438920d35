// SPDX-License-Identifier: GPL-2.0-only
/* GPU_CMD, and the LATEST_FLUSH page that user space maps. */

#include <linux/bitfield.h>
#include <linux/gfp.h>
#include <linux/mm.h>

#include "../panthor_fw_regs.h"
#include "../panthor_gpu_regs.h"

#include "sim.h"
#include "sim_cmd.h"
#include "sim_events.h"
#include "sim_parts.h"

/* GPU_CMD: kind of command, and what comes with it. */
#define SIM_CMD_TYPE		GENMASK(7, 0)
#define SIM_CMD_NOP		0
#define SIM_CMD_RESET		1
#define SIM_CMD_FLUSH		4
#define SIM_CMD_FLUSH_MODES	GENMASK(11, 0)
#define SIM_CMD_FLUSH_L2	GENMASK(3, 0)
#define SIM_CMD_FLUSH_LSC	GENMASK(7, 4)
#define SIM_CMD_FLUSH_OTHER	GENMASK(11, 8)

/* LATEST_FLUSH counts modulo this: the highest bits of the word are not its. */
#define SIM_FLUSH_ID_MASK	GENMASK(23, 0)

/**
 * sim_cmd_flush_done() - A flush of the caches is over
 * @gpu: GPU.
 *
 * Also for flushes that a command stream asked for.
 *
 * Context: Under the GPU's lock.
 *
 * Return: Number of the flush.
 */
u32 sim_cmd_flush_done(struct sim_gpu *gpu)
{
	gpu->counters.flushes++;
	/* 0 is for "flush in any case". */
	gpu->flush_id = (gpu->flush_id + 1) & SIM_FLUSH_ID_MASK ?: 1;
	WRITE_ONCE(*(u32 *)page_address(gpu->flush_page), gpu->flush_id);
	sim_event(gpu, SIM_EVENT_FLUSH, 0, gpu->flush_id);
	return gpu->flush_id;
}

static void sim_cmd_flushed(struct sim_delayed *delayed)
{
	struct sim_gpu *gpu = container_of(delayed, struct sim_gpu, flush);

	sim_cmd_flush_done(gpu);
	sim_parts_flushed(gpu);
	sim_irq_raise(gpu, SIM_IRQ_GPU, GPU_IRQ_CLEAN_CACHES_COMPLETED);
}

static void sim_cmd_reset_done(struct sim_delayed *delayed)
{
	struct sim_gpu *gpu = container_of(delayed, struct sim_gpu, reset);

	gpu->counters.resets++;
	sim_delayed_cancel(&gpu->latency, &gpu->flush);
	sim_parts_reset(gpu);
	sim_power_reset(gpu);
	sim_irq_reset(gpu, gpu->reset_cmd == GPU_HARD_RESET);
	gpu->fault_status = 0;
	gpu->fault_addr = 0;
	gpu->coherency = GPU_COHERENCY_NONE;
	gpu->l2_config = 0;
	memset(gpu->asn_hash, 0, sizeof(gpu->asn_hash));
	memset(gpu->pwr_override, 0, sizeof(gpu->pwr_override));
	gpu->timestamp_offset = 0;
	sim_event(gpu, SIM_EVENT_RESET, gpu->reset_cmd, 0);
	sim_irq_raise(gpu, SIM_IRQ_GPU, GPU_IRQ_RESET_COMPLETED);
}

static void sim_cmd_reset(struct sim_gpu *gpu, u32 value)
{
	if (value != GPU_SOFT_RESET && value != GPU_HARD_RESET) {
		sim_violation_locked(gpu, SIM_V_BAD_VALUE, "GPU_CMD %#x: no such reset", value);
		return;
	}

	if (sim_delayed_busy(&gpu->reset)) {
		/* A hard reset is what helps when a soft one does not end. */
		if (value != GPU_HARD_RESET || gpu->reset_cmd == GPU_HARD_RESET) {
			sim_violation_locked(gpu, SIM_V_BUSY, "GPU_CMD %#x: reset %#x is not done",
					     value, gpu->reset_cmd);
			return;
		}
		sim_delayed_cancel(&gpu->latency, &gpu->reset);
	}

	gpu->reset_cmd = value;
	sim_delayed_start(&gpu->latency, &gpu->reset);
}

static void sim_cmd_flush(struct sim_gpu *gpu, u32 value)
{
	u32 modes = value >> 8;

	if (modes & ~SIM_CMD_FLUSH_MODES ||
	    FIELD_GET(SIM_CMD_FLUSH_L2, modes) > (CACHE_CLEAN | CACHE_INV) ||
	    FIELD_GET(SIM_CMD_FLUSH_LSC, modes) > (CACHE_CLEAN | CACHE_INV) ||
	    FIELD_GET(SIM_CMD_FLUSH_OTHER, modes) > (CACHE_CLEAN | CACHE_INV)) {
		sim_violation_locked(gpu, SIM_V_BAD_VALUE, "GPU_CMD %#x: no such flush", value);
		return;
	}
	if (sim_delayed_busy(&gpu->reset) || sim_delayed_busy(&gpu->flush)) {
		sim_violation_locked(gpu, SIM_V_BUSY, "GPU_CMD %#x: %s is not done", value,
				     sim_delayed_busy(&gpu->reset) ? "a reset" : "another flush");
		return;
	}
	if (!sim_power_is_on(gpu, SIM_L2)) {
		sim_violation_locked(gpu, SIM_V_POWER, "GPU_CMD %#x: flush while the L2 is off",
				     value);
		return;
	}

	sim_delayed_start(&gpu->latency, &gpu->flush);
}

/**
 * sim_cmd_write() - A command
 * @gpu: GPU.
 * @value: What the driver wrote to GPU_CMD.
 *
 * Context: Under the GPU's lock.
 */
void sim_cmd_write(struct sim_gpu *gpu, u32 value)
{
	switch (FIELD_GET(SIM_CMD_TYPE, value)) {
	case SIM_CMD_NOP:
		break;
	case SIM_CMD_RESET:
		sim_cmd_reset(gpu, value);
		break;
	case SIM_CMD_FLUSH:
		sim_cmd_flush(gpu, value);
		break;
	default:
		sim_violation_locked(gpu, SIM_V_BAD_VALUE, "GPU_CMD %#x: no such command", value);
		break;
	}
}

/**
 * sim_cmd_init() - Make the LATEST_FLUSH page
 * @gpu: GPU.
 *
 * Context: Process.
 *
 * Return: 0 or -ENOMEM.
 */
int sim_cmd_init(struct sim_gpu *gpu)
{
	gpu->flush_page = alloc_page(GFP_KERNEL | __GFP_ZERO);
	if (!gpu->flush_page)
		return -ENOMEM;

	sim_delayed_init(&gpu->flush, SIM_OP_FLUSH, sim_cmd_flushed);
	sim_delayed_init(&gpu->reset, SIM_OP_RESET, sim_cmd_reset_done);
	gpu->coherency = GPU_COHERENCY_NONE;
	gpu->flush_id = 1;
	*(u32 *)page_address(gpu->flush_page) = gpu->flush_id;
	return 0;
}

/**
 * sim_cmd_fini() - Free the LATEST_FLUSH page
 * @gpu: GPU.
 *
 * Context: Process.
 */
void sim_cmd_fini(struct sim_gpu *gpu)
{
	if (gpu->flush_page)
		put_page(gpu->flush_page);
}
