// SPDX-License-Identifier: GPL-2.0-only
/* Where the platform meets the MMU and the firmware. */

#include "sim.h"
#include "sim_events.h"
#include "sim_parts.h"
#include "sim_stub.h"

int sim_parts_init(struct sim_gpu *gpu)
{
	return sim_stub_init(gpu);
}

void sim_parts_fini(struct sim_gpu *gpu)
{
	sim_stub_fini(gpu);
}

u32 sim_parts_mmu_read(struct sim_gpu *gpu, u32 offset)
{
	return sim_stub_mmu_read(gpu, offset);
}

void sim_parts_mmu_write(struct sim_gpu *gpu, u32 offset, u32 value)
{
	sim_stub_mmu_write(gpu, offset, value);
}

void sim_parts_mcu_control(struct sim_gpu *gpu, u32 value)
{
	sim_stub_mcu_control(gpu, value);
}

u32 sim_parts_mcu_status(struct sim_gpu *gpu)
{
	return gpu->mcu_state;
}

void sim_parts_doorbell(struct sim_gpu *gpu, unsigned int index)
{
	sim_stub_doorbell(gpu, index);
}

void sim_parts_flushed(struct sim_gpu *gpu)
{
}

void sim_parts_reset(struct sim_gpu *gpu)
{
	sim_stub_reset(gpu);
}

unsigned int sim_parts_step_as(struct sim_gpu *gpu, unsigned int count)
{
	return 0;
}

void sim_parts_mmu_fault(struct sim_gpu *gpu, unsigned int as, u64 address)
{
}

void sim_parts_count(struct sim_gpu *gpu)
{
}

u64 sim_parts_run(struct sim_gpu *gpu, u64 now_ns)
{
	return sim_stub_run(gpu);
}
