// SPDX-License-Identifier: GPL-2.0-only
/* Stand-in for the firmware: as much as the driver's probe needs. */

#include <linux/io.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "../panthor_fw_regs.h"

#include "sim.h"
#include "sim_parts.h"
#include "sim_stub.h"

#define STUB_SHARED	0x04000000
#define STUB_GLB_IN	0x20000
#define STUB_GLB_OUT	0x20800
#define STUB_STRIDE	0x800

struct sim_fw {
	struct sim_gpu *gpu;
	struct sim_delayed boot;
	struct sim_delayed halt;
	bool doorbell;
};

static u32 stub_get(struct sim_gpu *gpu, u32 offset)
{
	u32 value = 0;

	sim_parts_copy(gpu, 0, STUB_SHARED + offset, &value, 4, SIM_READ, "stub");
	return value;
}

static void stub_set(struct sim_gpu *gpu, u32 offset, u32 value)
{
	sim_parts_copy(gpu, 0, STUB_SHARED + offset, &value, 4, SIM_WRITE, "stub");
}

static void stub_boot(struct sim_delayed *delayed)
{
	struct sim_fw *fw = container_of(delayed, struct sim_fw, boot);
	struct sim_gpu *gpu = fw->gpu;
	u32 block = 0x21000;

	stub_set(gpu, 0, gpu->config.model->fw_version);
	stub_set(gpu, 0x8, STUB_SHARED + STUB_GLB_IN);
	stub_set(gpu, 0xc, STUB_SHARED + STUB_GLB_OUT);
	stub_set(gpu, 0x10, gpu->config.csg_slots);
	stub_set(gpu, 0x14, STUB_STRIDE);
	for (unsigned int g = 0; g < gpu->config.csg_slots; g++) {
		u32 csg = 0x1000 + g * STUB_STRIDE;

		stub_set(gpu, csg + 4, STUB_SHARED + block);
		stub_set(gpu, csg + 8, STUB_SHARED + block + 0x80);
		block += 0x100;
		stub_set(gpu, csg + 0xc, 0x1000);
		stub_set(gpu, csg + 0x10, 0x1000);
		stub_set(gpu, csg + 0x14, gpu->config.cs_per_csg);
		stub_set(gpu, csg + 0x18, 0x10);
		for (unsigned int c = 0; c < gpu->config.cs_per_csg; c++) {
			u32 cs = csg + 0x40 + c * 0x10;

			stub_set(gpu, cs, 95 | 8 << 8 | 7 << 16);
			stub_set(gpu, cs + 4, STUB_SHARED + block);
			stub_set(gpu, cs + 8, STUB_SHARED + block + 0x100);
			block += 0x200;
		}
	}
	gpu->counters.boots++;
	gpu->mcu_hung = false;
	gpu->mcu_state = MCU_STATUS_ENABLED;
	sim_irq_raise(gpu, SIM_IRQ_JOB, JOB_INT_GLOBAL_IF);
}

static void stub_halt(struct sim_delayed *delayed)
{
	struct sim_fw *fw = container_of(delayed, struct sim_fw, halt);

	fw->gpu->mcu_state = MCU_STATUS_DISABLED;
}

void sim_stub_mcu_control(struct sim_gpu *gpu, u32 value)
{
	struct sim_fw *fw = gpu->fw;

	if (sim_delayed_busy(&fw->boot) || sim_delayed_busy(&fw->halt))
		return;
	sim_delayed_start(&gpu->latency, value ? &fw->boot : &fw->halt);
}

void sim_stub_doorbell(struct sim_gpu *gpu, unsigned int index)
{
	gpu->fw->doorbell = true;
	sim_gpu_kick_mcu(gpu);
}

u64 sim_stub_run(struct sim_gpu *gpu)
{
	u32 req;

	if (!gpu->fw->doorbell || gpu->mcu_hung || gpu->mcu_state != MCU_STATUS_ENABLED)
		return U64_MAX;

	gpu->fw->doorbell = false;
	req = stub_get(gpu, STUB_GLB_IN);
	if (req & 1) {
		gpu->mcu_state = MCU_STATUS_HALT;
		return U64_MAX;
	}
	if (req != stub_get(gpu, STUB_GLB_OUT)) {
		stub_set(gpu, STUB_GLB_OUT, req);
		sim_irq_raise(gpu, SIM_IRQ_JOB, JOB_INT_GLOBAL_IF);
	}
	return U64_MAX;
}

int sim_stub_init(struct sim_gpu *gpu)
{
	gpu->fw = kzalloc(sizeof(*gpu->fw), GFP_KERNEL);
	if (!gpu->fw)
		return -ENOMEM;
	gpu->fw->gpu = gpu;
	sim_delayed_init(&gpu->fw->boot, SIM_OP_BOOT, stub_boot);
	sim_delayed_init(&gpu->fw->halt, SIM_OP_HALT, stub_halt);
	return 0;
}

void sim_stub_fini(struct sim_gpu *gpu)
{
	kfree(gpu->fw);
}

void sim_stub_reset(struct sim_gpu *gpu)
{
	struct sim_fw *fw = gpu->fw;

	sim_delayed_cancel(&gpu->latency, &fw->boot);
	sim_delayed_cancel(&gpu->latency, &fw->halt);
	gpu->mcu_state = MCU_STATUS_DISABLED;
}
