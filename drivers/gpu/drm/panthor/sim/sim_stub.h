/* SPDX-License-Identifier: GPL-2.0-only */
/* Stand-in for the firmware: as much as the driver's probe needs. */

#ifndef __SIM_STUB_H__
#define __SIM_STUB_H__

#include <linux/types.h>

struct sim_gpu;

int sim_stub_init(struct sim_gpu *gpu);
void sim_stub_fini(struct sim_gpu *gpu);
void sim_stub_reset(struct sim_gpu *gpu);
void sim_stub_mcu_control(struct sim_gpu *gpu, u32 value);
u64 sim_stub_run(struct sim_gpu *gpu);
void sim_stub_doorbell(struct sim_gpu *gpu, unsigned int index);

#endif
