/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Where the platform meets the MMU and the firmware: the parts know nothing of
 * struct sim_gpu's other halves, and the platform nothing of theirs.
 */

#ifndef __SIM_PARTS_H__
#define __SIM_PARTS_H__

#include <linux/types.h>

#include "sim_mem.h"

struct sim_gpu;

int sim_parts_init(struct sim_gpu *gpu);
void sim_parts_fini(struct sim_gpu *gpu);
int sim_parts_fw_init(struct sim_gpu *gpu);

/* Under the GPU's lock. */
u32 sim_parts_mmu_read(struct sim_gpu *gpu, u32 offset);
void sim_parts_mmu_write(struct sim_gpu *gpu, u32 offset, u32 value);
int sim_parts_copy(struct sim_gpu *gpu, unsigned int as, u64 va, void *buf, size_t len,
		   enum sim_access access, const char *who);
void sim_parts_mcu_control(struct sim_gpu *gpu, u32 value);
u32 sim_parts_mcu_status(struct sim_gpu *gpu);
void sim_parts_doorbell(struct sim_gpu *gpu, unsigned int index);
void sim_parts_flushed(struct sim_gpu *gpu);
void sim_parts_reset(struct sim_gpu *gpu);
unsigned int sim_parts_step_as(struct sim_gpu *gpu, unsigned int count);
unsigned int sim_parts_step_cs(struct sim_gpu *gpu, enum sim_op op, unsigned int count);
void sim_parts_mmu_fault(struct sim_gpu *gpu, unsigned int as, u64 address);
void sim_parts_hang(struct sim_gpu *gpu);
void sim_parts_count(struct sim_gpu *gpu);
u64 sim_parts_run(struct sim_gpu *gpu, u64 now_ns);

#endif
