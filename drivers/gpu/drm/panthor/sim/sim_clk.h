/* SPDX-License-Identifier: GPL-2.0-only */
/* Clocks of the GPU. While one is off, no register may be touched. */

#ifndef __SIM_CLK_H__
#define __SIM_CLK_H__

#include <linux/types.h>

struct clk_hw;
struct device_node;
struct sim_gpu;

/* "core", "coregroup", "stacks": in the order of the device tree. */
#define SIM_CLOCKS		3
#define SIM_CLOCK_HZ		500000000

int sim_clk_init(struct sim_gpu *gpu, struct device_node *np);
void sim_clk_fini(struct sim_gpu *gpu);
struct clk_hw *sim_clk_hw(struct sim_gpu *gpu, unsigned int index);

/* Under the GPU's lock. */
bool sim_clk_is_on(const struct sim_gpu *gpu);

#endif
