/* SPDX-License-Identifier: GPL-2.0-only */
/* Control and insight, for root. */

#ifndef __SIM_DEBUGFS_H__
#define __SIM_DEBUGFS_H__

struct sim_gpu;

void sim_debugfs_init(void);
void sim_debugfs_fini(void);
void sim_debugfs_add(struct sim_gpu *gpu);
void sim_debugfs_remove(struct sim_gpu *gpu);

#endif
