// SPDX-License-Identifier: GPL-2.0-only
/* A GPU as a whole: made, taken apart, its thread and its clocks. */

#include <linux/cleanup.h>
#include <linux/delay.h>
#include <linux/kthread.h>
#include <linux/math64.h>
#include <linux/minmax.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/timekeeping.h>

#ifdef CONFIG_ARM_ARCH_TIMER
#include <clocksource/arm_arch_timer.h>
#endif

#include "../panthor_fw_regs.h"

#include "sim.h"
#include "sim_cmd.h"
#include "sim_events.h"
#include "sim_parts.h"

/* So long the MCU thread may keep its CPU to itself. */
#define SIM_MCU_BURST_NS	(2 * NSEC_PER_MSEC)

/* No handler needs so many calls. */
#define SIM_IRQ_STORM		1000

static const struct sim_model sim_models[] = {
	{
		.name = "g610",
		.gpu_id = 0xa8670000,
		.csf_id = 0x40b0107,
		.l2_features = 0x07120306,
		.tiler_features = 0x809,
		.mem_features = 0x301,
		.mmu_features = 0x2830,
		.thread_features = 0x4010000,
		.max_threads = 2048,
		.max_workgroup = 1024,
		.max_barrier = 1024,
		.texture_features = { 0xc1ffff9e, 0xffff, 0, 0 },
		.present = { [SIM_SHADER] = 0x50005, [SIM_TILER] = 1, [SIM_L2] = 1 },
		.fw_version = 0x01010000,
	}, {
		/* One core of each, which has other masks than most code is tried with. */
		.name = "g610mc1",
		.gpu_id = 0xa8670000,
		.csf_id = 0x40b0107,
		.l2_features = 0x07120306,
		.tiler_features = 0x809,
		.mmu_features = 0x2830,
		.thread_features = 0x4010000,
		.max_threads = 2048,
		.max_workgroup = 1024,
		.max_barrier = 1024,
		.texture_features = { 0xc1ffff9e, 0xffff, 0, 0 },
		.present = { [SIM_SHADER] = 1, [SIM_TILER] = 1, [SIM_L2] = 1 },
		.fw_version = 0x01010000,
	},
};

/**
 * sim_model_find() - A model by name
 * @name: Name.
 *
 * Context: Any.
 *
 * Return: The model, NULL if there is none.
 */
const struct sim_model *sim_model_find(const char *name)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(sim_models); i++) {
		if (!strcmp(name, sim_models[i].name))
			return &sim_models[i];
	}

	return NULL;
}

/**
 * sim_config_default() - What a GPU is unless told otherwise
 * @config: Where to put it.
 *
 * Context: Any.
 */
void sim_config_default(struct sim_config *config)
{
	*config = (struct sim_config){
		.model = &sim_models[0],
		.as_present = 0xff,
		.csg_slots = 8,
		.cs_per_csg = 8,
		.coherent = true,
		.seed = 1,
	};
}

/**
 * sim_gpu_now() - The time
 *
 * Context: Any.
 *
 * Return: Monotonic time in ns.
 */
u64 sim_gpu_now(void)
{
	return ktime_get_ns();
}

/**
 * sim_gpu_timestamp() - TIMESTAMP
 * @gpu: GPU.
 *
 * Context: Under the GPU's lock.
 *
 * Return: The system counter where the driver takes that one's rate, else ns.
 */
u64 sim_gpu_timestamp(const struct sim_gpu *gpu)
{
	u64 value = sim_gpu_now();

#ifdef CONFIG_ARM_ARCH_TIMER
	value = mul_u64_u32_div(value, arch_timer_get_cntfrq(), NSEC_PER_SEC);
#endif
	return value + gpu->timestamp_offset;
}

/**
 * sim_gpu_cycles() - CYCLE_COUNT
 * @gpu: GPU.
 *
 * Context: Under the GPU's lock.
 *
 * Return: Cycles of the core clock so far.
 */
u64 sim_gpu_cycles(const struct sim_gpu *gpu)
{
	u64 ns = sim_gpu_now() - gpu->cycles_ns;

	return gpu->cycles + mul_u64_u64_div_u64(ns, gpu->clock_hz, NSEC_PER_SEC);
}

static void sim_gpu_work(struct irq_work *work)
{
	struct sim_gpu *gpu = container_of(work, struct sim_gpu, work);

	struct task_struct *mcu = READ_ONCE(gpu->mcu);

	sim_irq_deliver(gpu);
	if (mcu && READ_ONCE(gpu->mcu_kicked))
		wake_up_process(mcu);
}

/**
 * sim_gpu_kick() - Have interrupts delivered soon
 * @gpu: GPU.
 *
 * Context: Any.
 */
void sim_gpu_kick(struct sim_gpu *gpu)
{
	irq_work_queue(&gpu->work);
}

/**
 * sim_gpu_kick_mcu() - Have the MCU thread run soon
 * @gpu: GPU.
 *
 * Context: Any.
 */
void sim_gpu_kick_mcu(struct sim_gpu *gpu)
{
	WRITE_ONCE(gpu->mcu_kicked, true);
	sim_gpu_kick(gpu);
}

/* One slice; when the next one is due. */
static u64 sim_gpu_slice(struct sim_gpu *gpu)
{
	guard(raw_spinlock_irqsave)(&gpu->lock);
	gpu->counters.slices++;
	return sim_parts_run(gpu, sim_gpu_now());
}

/*
 * The thread has real-time priority, so it sees to it that others get a share of
 * its CPU, be a slice as slow as it may: @debt is time it has used and not left
 * four times over to them. Of a stop of the whole machine little is counted.
 */
static u64 sim_gpu_rest(u64 debt, u64 worked, u64 slept)
{
	debt = min_t(u64, debt + worked, 2 * SIM_MCU_BURST_NS);
	debt -= min(debt, 4 * slept);
	if (debt < SIM_MCU_BURST_NS)
		return debt;
	usleep_range(SIM_MCU_BURST_NS / 4000, SIM_MCU_BURST_NS / 4000 + 50);
	return debt - SIM_MCU_BURST_NS;
}

static int sim_gpu_mcu(void *data)
{
	u64 debt = 0, awake = sim_gpu_now(), asleep = awake;
	struct sim_gpu *gpu = data;

	while (!kthread_should_stop()) {
		u64 next, now;

		WRITE_ONCE(gpu->mcu_kicked, false);
		/* What a kick told about is seen by the slice. */
		smp_mb();
		next = sim_gpu_slice(gpu);
		now = sim_gpu_now();
		debt = sim_gpu_rest(debt, now - awake, awake - asleep);
		awake = sim_gpu_now();
		asleep = awake;
		if (!next) {
			cond_resched();
			continue;
		}

		set_current_state(TASK_IDLE);
		if (!READ_ONCE(gpu->mcu_kicked) && !kthread_should_stop()) {
			if (next == U64_MAX) {
				schedule();
			} else {
				ktime_t at = ns_to_ktime(next);

				schedule_hrtimeout_range(&at, 0, HRTIMER_MODE_ABS);
			}
		}
		__set_current_state(TASK_RUNNING);
		awake = sim_gpu_now();
	}

	return 0;
}

/**
 * sim_gpu_create() - Make a GPU, attached to nothing
 * @id: Its number.
 * @config: What to make.
 *
 * Context: Process.
 *
 * Return: The GPU or an error pointer.
 */
struct sim_gpu *sim_gpu_create(unsigned int id, const struct sim_config *config)
{
	struct task_struct *mcu;
	struct sim_gpu *gpu;
	int ret;

	gpu = kzalloc_obj(*gpu);
	if (!gpu)
		return ERR_PTR(-ENOMEM);

	raw_spin_lock_init(&gpu->lock);
	gpu->id = id;
	gpu->config = *config;
	gpu->work = IRQ_WORK_INIT_HARD(sim_gpu_work);
	gpu->irq_storm = SIM_IRQ_STORM;
	gpu->mcu_state = MCU_STATUS_DISABLED;
	gpu->cycles_ns = sim_gpu_now();
	gpu->clock_hz = NSEC_PER_SEC / 2;
	sim_latency_init(&gpu->latency, &gpu->lock);
	sim_latency_seed(&gpu->latency, config->seed + id);
	memcpy(gpu->latency.setting, config->latency, sizeof(config->latency));
	sim_power_init(gpu);

	ret = sim_events_init(gpu);
	if (ret)
		goto err_free;
	ret = sim_cmd_init(gpu);
	if (ret)
		goto err_events;
	ret = sim_parts_init(gpu);
	if (ret)
		goto err_cmd;

	mcu = kthread_create(sim_gpu_mcu, gpu, "panthor-sim/%u", id);
	if (IS_ERR(mcu)) {
		ret = PTR_ERR(mcu);
		goto err_parts;
	}
	/* The driver polls for the MCU without sleeping; it must not starve it. */
	sched_set_fifo_low(mcu);
	WRITE_ONCE(gpu->mcu, mcu);
	wake_up_process(mcu);
	return gpu;

err_parts:
	sim_parts_fini(gpu);
err_cmd:
	sim_cmd_fini(gpu);
err_events:
	sim_events_fini(gpu);
err_free:
	kfree(gpu);
	return ERR_PTR(ret);
}

/**
 * sim_gpu_destroy() - Free a GPU; nothing may be attached to it any more
 * @gpu: GPU.
 *
 * Context: Process.
 */
void sim_gpu_destroy(struct sim_gpu *gpu)
{
	struct task_struct *mcu = gpu->mcu;

	sim_latency_fini(&gpu->latency);
	WRITE_ONCE(gpu->mcu, NULL);
	irq_work_sync(&gpu->work);
	kthread_stop(mcu);
	irq_work_sync(&gpu->work);
	sim_parts_fini(gpu);
	sim_cmd_fini(gpu);
	sim_events_fini(gpu);
	kfree(gpu);
}
