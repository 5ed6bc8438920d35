/* SPDX-License-Identifier: GPL-2.0-only */
/* The way into the device tree, through which the driver finds the GPU. */

#ifndef __SIM_OF_H__
#define __SIM_OF_H__

struct sim_gpu;

int sim_of_attach(struct sim_gpu *gpu);
const char *sim_of_name(const struct sim_gpu *gpu);
void sim_of_detach(struct sim_gpu *gpu);

#endif
