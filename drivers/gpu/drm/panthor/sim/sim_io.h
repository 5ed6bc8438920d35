/* SPDX-License-Identifier: GPL-2.0-only */
/* Addresses of registers, and the GPUs behind them. */

#ifndef __SIM_IO_H__
#define __SIM_IO_H__

struct device;
struct device_node;
struct sim_cache;
struct sim_gpu;

int sim_io_add(struct sim_gpu *gpu, struct device_node *np);
void sim_io_remove(struct sim_gpu *gpu);
struct sim_cache *sim_io_cache(const struct device *dev);

#endif
