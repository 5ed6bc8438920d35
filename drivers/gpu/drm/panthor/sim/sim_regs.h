/* SPDX-License-Identifier: GPL-2.0-only */
/* The GPU's registers, as the driver reaches them. */

#ifndef __SIM_REGS_H__
#define __SIM_REGS_H__

#include <linux/types.h>

struct sim_gpu;

u32 sim_regs_read(struct sim_gpu *gpu, u32 offset);
void sim_regs_write(struct sim_gpu *gpu, u32 offset, u32 value);
u32 sim_regs_read_locked(struct sim_gpu *gpu, u32 offset);
void sim_regs_write_locked(struct sim_gpu *gpu, u32 offset, u32 value);

#endif
