/* SPDX-License-Identifier: GPL-2.0-only */
/* Power of L2, tiler and shader cores. */

#ifndef __SIM_POWER_H__
#define __SIM_POWER_H__

#include <linux/types.h>

#include "sim_latency.h"

struct sim_gpu;

/** enum sim_domain - What has power of its own, in the order of the registers. */
enum sim_domain {
	/** @SIM_SHADER: Shader cores. */
	SIM_SHADER,
	/** @SIM_TILER: Tiler. */
	SIM_TILER,
	/** @SIM_L2: L2 cache, and with it the way to memory. */
	SIM_L2,
	/** @SIM_DOMAINS: Number of domains. */
	SIM_DOMAINS
};

/** struct sim_power_domain - One domain. Under the GPU's lock. */
struct sim_power_domain {
	/** @gpu: Where it belongs. */
	struct sim_gpu *gpu;
	/** @delayed: Transition in flight. */
	struct sim_delayed delayed;
	/** @present: Cores that exist. */
	u64 present;
	/** @ready: Cores that have power. */
	u64 ready;
	/** @target: Cores that have power when the transition is done. */
	u64 target;
};

void sim_power_init(struct sim_gpu *gpu);
void sim_power_reset(struct sim_gpu *gpu);

/* Under the GPU's lock. */
u32 sim_power_read(struct sim_gpu *gpu, u32 offset);
void sim_power_write(struct sim_gpu *gpu, u32 offset, u32 value);
void sim_power_set(struct sim_gpu *gpu, enum sim_domain domain, u64 cores, bool on);
bool sim_power_is_on(const struct sim_gpu *gpu, enum sim_domain domain);

#endif
