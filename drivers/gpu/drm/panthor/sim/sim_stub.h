/* SPDX-License-Identifier: GPL-2.0-only */
/* Stand-ins for MMU and firmware: as much as the driver's probe needs. */

#ifndef __SIM_STUB_H__
#define __SIM_STUB_H__

#include <linux/types.h>

struct sim_gpu;

int sim_stub_init(struct sim_gpu *gpu);
void sim_stub_fini(struct sim_gpu *gpu);
void sim_stub_reset(struct sim_gpu *gpu);
u32 sim_stub_mmu_read(struct sim_gpu *gpu, u32 offset);
void sim_stub_mmu_write(struct sim_gpu *gpu, u32 offset, u32 value);
int sim_stub_mmu_copy(struct sim_gpu *gpu, u64 va, void *buf, size_t len, bool write);
void sim_stub_mcu_control(struct sim_gpu *gpu, u32 value);
u64 sim_stub_run(struct sim_gpu *gpu);
void sim_stub_doorbell(struct sim_gpu *gpu, unsigned int index);

#endif
