/* SPDX-License-Identifier: GPL-2.0-only */
/* GPU_CMD: resets and cache flushes. */

#ifndef __SIM_CMD_H__
#define __SIM_CMD_H__

#include <linux/types.h>

struct sim_gpu;

int sim_cmd_init(struct sim_gpu *gpu);
void sim_cmd_fini(struct sim_gpu *gpu);

/* Under the GPU's lock. */
void sim_cmd_write(struct sim_gpu *gpu, u32 value);
u32 sim_cmd_flush_done(struct sim_gpu *gpu);

#endif
