// SPDX-License-Identifier: GPL-2.0-only
/* Power transitions of L2, tiler and shader cores. */

#include <linux/container_of.h>
#include <linux/wordpart.h>

#include "../panthor_fw_regs.h"
#include "../panthor_gpu_regs.h"

#include "sim.h"
#include "sim_events.h"

/* Registers of the domains follow each other. */
#define SIM_DOMAIN_STRIDE	(TILER_READY - SHADER_READY)

static const char *const sim_domain_names[SIM_DOMAINS] = {
	[SIM_SHADER] = "shader",
	[SIM_TILER] = "tiler",
	[SIM_L2] = "L2",
};

static void sim_power_done(struct sim_delayed *delayed)
{
	struct sim_power_domain *power = container_of(delayed, struct sim_power_domain, delayed);

	power->ready = power->target;
	sim_event(power->gpu, SIM_EVENT_POWER, power - power->gpu->power, power->ready);
	sim_irq_raise(power->gpu, SIM_IRQ_GPU, GPU_IRQ_POWER_CHANGED | GPU_IRQ_POWER_CHANGED_ALL);
}

/**
 * sim_power_init() - All off
 * @gpu: GPU.
 *
 * Context: Process.
 */
void sim_power_init(struct sim_gpu *gpu)
{
	for (unsigned int i = 0; i < SIM_DOMAINS; i++) {
		struct sim_power_domain *power = &gpu->power[i];

		power->gpu = gpu;
		power->present = gpu->config.model->present[i];
		sim_delayed_init(&power->delayed, SIM_OP_POWER, sim_power_done);
	}
}

/**
 * sim_power_reset() - A reset of the GPU takes all power away
 * @gpu: GPU.
 *
 * Context: Under the GPU's lock.
 */
void sim_power_reset(struct sim_gpu *gpu)
{
	for (unsigned int i = 0; i < SIM_DOMAINS; i++) {
		sim_delayed_cancel(&gpu->latency, &gpu->power[i].delayed);
		gpu->power[i].ready = 0;
		gpu->power[i].target = 0;
	}
}

/**
 * sim_power_is_on() - Whether a domain has power
 * @gpu: GPU.
 * @domain: Domain.
 *
 * Context: Under the GPU's lock.
 *
 * Return: Whether any of its cores is ready and stays so.
 */
bool sim_power_is_on(const struct sim_gpu *gpu, enum sim_domain domain)
{
	return gpu->power[domain].ready & gpu->power[domain].target;
}

/**
 * sim_power_set() - Start a transition
 * @gpu: GPU.
 * @domain: Domain.
 * @cores: Which cores; those that do not exist or already are there are ignored.
 * @on: To on, or to off.
 *
 * Context: Under the GPU's lock.
 */
void sim_power_set(struct sim_gpu *gpu, enum sim_domain domain, u64 cores, bool on)
{
	struct sim_power_domain *power = &gpu->power[domain];
	u64 target;

	cores &= power->present;
	target = on ? power->target | cores : power->target & ~cores;
	if (target == power->target)
		return;

	if (sim_delayed_busy(&power->delayed)) {
		sim_violation_locked(gpu, SIM_V_BUSY, "%s: power %s of %#llx while %#llx change",
				     sim_domain_names[domain], on ? "on" : "off", cores,
				     power->ready ^ power->target);
		return;
	}
	if (domain == SIM_L2 && !target && gpu->mcu_state == MCU_STATUS_ENABLED)
		sim_violation_locked(gpu, SIM_V_POWER, "L2 off while the MCU runs");

	power->target = target;
	sim_delayed_start(&gpu->latency, &power->delayed);
}

/**
 * sim_power_read() - Read a register of a domain
 * @gpu: GPU.
 * @offset: Register.
 *
 * Context: Under the GPU's lock.
 *
 * Return: Its value.
 */
u32 sim_power_read(struct sim_gpu *gpu, u32 offset)
{
	const struct sim_power_domain *power;
	u64 value = 0;

	power = &gpu->power[(offset / SIM_DOMAIN_STRIDE) & 3];
	switch (offset & ~0x3f) {
	case SHADER_READY:
		value = power->ready;
		break;
	case SHADER_PWRTRANS:
		value = power->ready ^ power->target;
		break;
	case SHADER_PWRACTIVE:
		if (gpu->mcu_state == MCU_STATUS_ENABLED)
			value = power->ready;
		break;
	}

	return offset & 4 ? upper_32_bits(value) : lower_32_bits(value);
}

/**
 * sim_power_write() - Write PWRON or PWROFF of a domain
 * @gpu: GPU.
 * @offset: Register.
 * @value: Cores, of the half the register is.
 *
 * Context: Under the GPU's lock.
 */
void sim_power_write(struct sim_gpu *gpu, u32 offset, u32 value)
{
	enum sim_domain domain = (offset / SIM_DOMAIN_STRIDE) & 3;
	u64 cores = offset & 4 ? (u64)value << 32 : value;

	if (sim_delayed_busy(&gpu->reset))
		sim_violation_locked(gpu, SIM_V_BUSY, "%s: power while the GPU resets",
				     sim_domain_names[domain]);

	sim_power_set(gpu, domain, cores, (offset & ~0x3f) == SHADER_PWRON);
}
