// SPDX-License-Identifier: GPL-2.0-only
/* Register table. What is not in it is not there, and to touch it is a violation. */

#include <linux/build_bug.h>
#include <linux/cleanup.h>
#include <linux/wordpart.h>

#include "../panthor_fw_regs.h"
#include "../panthor_gpu_regs.h"
#include "../panthor_mmu_regs.h"

#include "sim.h"
#include "sim_clk.h"
#include "sim_cmd.h"
#include "sim_events.h"
#include "sim_parts.h"
#include "sim_regs.h"

/* Values are fields of these; a function has the rest. */
enum sim_reg_source { SIM_REG_CALL, SIM_REG_MODEL, SIM_REG_GPU };

struct sim_reg {
	const char *name;
	u32 offset;
	/* Bytes: 4, 8, or a block whose functions know their way around. */
	u32 size;
	/* A field that takes what is written. */
	bool writable;
	enum sim_reg_source source;
	size_t field;
	u32 (*read)(struct sim_gpu *gpu, u32 offset);
	void (*write)(struct sim_gpu *gpu, u32 offset, u32 value);
};

static u32 read_irq_gpu(struct sim_gpu *gpu, u32 offset)
{
	return sim_irq_read(gpu, SIM_IRQ_GPU, offset - GPU_INT_BASE);
}

static void write_irq_gpu(struct sim_gpu *gpu, u32 offset, u32 value)
{
	sim_irq_write(gpu, SIM_IRQ_GPU, offset - GPU_INT_BASE, value);
}

static u32 read_irq_job(struct sim_gpu *gpu, u32 offset)
{
	return sim_irq_read(gpu, SIM_IRQ_JOB, offset - JOB_INT_BASE);
}

static void write_irq_job(struct sim_gpu *gpu, u32 offset, u32 value)
{
	sim_irq_write(gpu, SIM_IRQ_JOB, offset - JOB_INT_BASE, value);
}

static void write_cmd(struct sim_gpu *gpu, u32 offset, u32 value)
{
	sim_cmd_write(gpu, value);
}

static u32 read_status(struct sim_gpu *gpu, u32 offset)
{
	u32 status = 0;

	if (sim_parts_mcu_status(gpu) == MCU_STATUS_ENABLED || sim_delayed_busy(&gpu->flush) ||
	    sim_delayed_busy(&gpu->reset))
		status |= GPU_STATUS_ACTIVE;
	for (unsigned int i = 0; i < SIM_DOMAINS; i++) {
		if (sim_delayed_busy(&gpu->power[i].delayed))
			status |= GPU_STATUS_PWR_ACTIVE;
	}

	return status;
}

static u32 half(u64 value, u32 offset)
{
	return offset & 4 ? upper_32_bits(value) : lower_32_bits(value);
}

static u32 read_cycles(struct sim_gpu *gpu, u32 offset)
{
	return half(sim_gpu_cycles(gpu), offset);
}

static u32 read_timestamp(struct sim_gpu *gpu, u32 offset)
{
	return half(sim_gpu_timestamp(gpu), offset);
}

static void write_coherency(struct sim_gpu *gpu, u32 offset, u32 value)
{
	bool ok = value == GPU_COHERENCY_NONE ||
		  (value == GPU_COHERENCY_ACE_LITE && gpu->config.coherent);

	if (!ok)
		sim_violation_locked(gpu, SIM_V_BAD_VALUE, "COHERENCY_PROTOCOL %u", value);
	else if (sim_power_is_on(gpu, SIM_L2) && value != gpu->coherency)
		sim_violation_locked(gpu, SIM_V_POWER,
				     "COHERENCY_PROTOCOL changes while the L2 is on");
	gpu->coherency = value;
}

static u32 read_coherency_features(struct sim_gpu *gpu, u32 offset)
{
	return gpu->config.coherent ? GPU_COHERENCY_PROT_BIT(ACE_LITE) : 0;
}

static u32 read_as_present(struct sim_gpu *gpu, u32 offset)
{
	return gpu->config.as_present;
}

static u32 read_mcu_status(struct sim_gpu *gpu, u32 offset)
{
	return sim_parts_mcu_status(gpu);
}

static void write_mcu_control(struct sim_gpu *gpu, u32 offset, u32 value)
{
	switch (value) {
	case MCU_CONTROL_ENABLE:
	case MCU_CONTROL_AUTO:
		if (!sim_power_is_on(gpu, SIM_L2))
			sim_violation_locked(gpu, SIM_V_POWER, "MCU on while the L2 is off");
		if (sim_delayed_busy(&gpu->reset))
			sim_violation_locked(gpu, SIM_V_BUSY, "MCU on while the GPU resets");
		break;
	case MCU_CONTROL_DISABLE:
		break;
	default:
		sim_violation_locked(gpu, SIM_V_BAD_VALUE, "MCU_CONTROL %#x", value);
		return;
	}
	sim_parts_mcu_control(gpu, value);
}

static void write_doorbell(struct sim_gpu *gpu, u32 offset, u32 value)
{
	unsigned int index = (offset - CSF_DOORBELL(0)) / (CSF_DOORBELL(1) - CSF_DOORBELL(0));

	gpu->counters.doorbells++;
	if (value != 1)
		sim_violation_locked(gpu, SIM_V_BAD_VALUE, "doorbell %u: value %#x", index, value);
	sim_parts_doorbell(gpu, index);
}

#define REG_MODEL(_offset, _size, _name, _field) \
	{ .offset = (_offset), .size = (_size), .name = (_name), \
	  .source = SIM_REG_MODEL, .field = offsetof(struct sim_model, _field) }
#define REG_GPU(_offset, _size, _name, _field, _writable) \
	{ .offset = (_offset), .size = (_size), .name = (_name), \
	  .writable = (_writable), .source = SIM_REG_GPU, \
	  .field = offsetof(struct sim_gpu, _field) }
#define REG_CALL(_offset, _size, _name, _read, _write) \
	{ .offset = (_offset), .size = (_size), .name = (_name), .read = (_read), \
	  .write = (_write) }
#define REG_INT(_base, _name, _read, _write) \
	REG_CALL((_base) + SIM_INT_RAWSTAT, 4, _name "_RAWSTAT", _read, NULL), \
	REG_CALL((_base) + SIM_INT_CLEAR, 4, _name "_CLEAR", NULL, _write), \
	REG_CALL((_base) + SIM_INT_MASK, 4, _name "_MASK", _read, _write), \
	REG_CALL((_base) + SIM_INT_STAT, 4, _name "_STAT", _read, NULL)
#define REG_POWER(_domain, _NAME) \
	REG_CALL(_domain ## _READY, 8, _NAME "_READY", sim_power_read, NULL), \
	REG_CALL(_domain ## _PWRON, 8, _NAME "_PWRON", NULL, sim_power_write), \
	REG_CALL(_domain ## _PWROFF, 8, _NAME "_PWROFF", NULL, sim_power_write), \
	REG_CALL(_domain ## _PWRTRANS, 8, _NAME "_PWRTRANS", sim_power_read, NULL), \
	REG_CALL(_domain ## _PWRACTIVE, 8, _NAME "_PWRACTIVE", sim_power_read, NULL)

static const struct sim_reg sim_regs[] = {
	REG_MODEL(GPU_ID, 4, "GPU_ID", gpu_id),
	REG_MODEL(GPU_L2_FEATURES, 4, "L2_FEATURES", l2_features),
	REG_MODEL(GPU_CORE_FEATURES, 4, "CORE_FEATURES", core_features),
	REG_MODEL(GPU_TILER_FEATURES, 4, "TILER_FEATURES", tiler_features),
	REG_MODEL(GPU_MEM_FEATURES, 4, "MEM_FEATURES", mem_features),
	REG_MODEL(GPU_MMU_FEATURES, 4, "MMU_FEATURES", mmu_features),
	REG_CALL(GPU_AS_PRESENT, 4, "AS_PRESENT", read_as_present, NULL),
	REG_MODEL(GPU_CSF_ID, 4, "CSF_ID", csf_id),
	REG_INT(GPU_INT_BASE, "GPU_INT", read_irq_gpu, write_irq_gpu),
	REG_CALL(GPU_CMD, 4, "GPU_CMD", NULL, write_cmd),
	REG_CALL(GPU_STATUS, 4, "GPU_STATUS", read_status, NULL),
	REG_GPU(GPU_FAULT_STATUS, 4, "GPU_FAULT_STATUS", fault_status, false),
	REG_GPU(GPU_FAULT_ADDR, 8, "GPU_FAULT_ADDR", fault_addr, false),
	REG_GPU(GPU_L2_CONFIG, 4, "L2_CONFIG", l2_config, true),
	REG_GPU(GPU_PWR_KEY, 12, "PWR_OVERRIDE", pwr_override, true),
	REG_MODEL(GPU_FEATURES, 8, "GPU_FEATURES", gpu_features),
	REG_GPU(GPU_TIMESTAMP_OFFSET, 8, "TIMESTAMP_OFFSET", timestamp_offset, true),
	REG_CALL(GPU_CYCLE_COUNT, 8, "CYCLE_COUNT", read_cycles, NULL),
	REG_CALL(GPU_TIMESTAMP, 8, "TIMESTAMP", read_timestamp, NULL),
	REG_MODEL(GPU_THREAD_MAX_THREADS, 4, "THREAD_MAX_THREADS", max_threads),
	REG_MODEL(GPU_THREAD_MAX_WORKGROUP_SIZE, 4, "THREAD_MAX_WORKGROUP_SIZE", max_workgroup),
	REG_MODEL(GPU_THREAD_MAX_BARRIER_SIZE, 4, "THREAD_MAX_BARRIER_SIZE", max_barrier),
	REG_MODEL(GPU_THREAD_FEATURES, 4, "THREAD_FEATURES", thread_features),
	REG_MODEL(GPU_TEXTURE_FEATURES(0), 16, "TEXTURE_FEATURES", texture_features),
	REG_MODEL(GPU_SHADER_PRESENT, 8, "SHADER_PRESENT", present[SIM_SHADER]),
	REG_MODEL(GPU_TILER_PRESENT, 8, "TILER_PRESENT", present[SIM_TILER]),
	REG_MODEL(GPU_L2_PRESENT, 8, "L2_PRESENT", present[SIM_L2]),
	REG_POWER(SHADER, "SHADER"),
	REG_POWER(TILER, "TILER"),
	REG_POWER(L2, "L2"),
	REG_MODEL(GPU_REVID, 4, "REVID", revid),
	REG_GPU(GPU_ASN_HASH(0), 12, "ASN_HASH", asn_hash, true),
	REG_CALL(GPU_COHERENCY_FEATURES, 4, "COHERENCY_FEATURES", read_coherency_features, NULL),
	{ .offset = GPU_COHERENCY_PROTOCOL, .size = 4, .name = "COHERENCY_PROTOCOL",
	  .source = SIM_REG_GPU, .field = offsetof(struct sim_gpu, coherency),
	  .write = write_coherency },
	REG_CALL(MCU_CONTROL_BASE + MCU_CONTROL, 4, "MCU_CONTROL", NULL, write_mcu_control),
	REG_CALL(MCU_CONTROL_BASE + MCU_STATUS, 4, "MCU_STATUS", read_mcu_status, NULL),
	REG_INT(JOB_INT_BASE, "JOB_INT", read_irq_job, write_irq_job),
	/* The MMU has its own idea of what is there. */
	REG_CALL(MMU_INT_BASE, 0x10, "MMU_INT", sim_parts_mmu_read, sim_parts_mmu_write),
	REG_CALL(MMU_AS_BASE, MMU_AS(SIM_MAX_AS), "MMU_AS", sim_parts_mmu_read,
		 sim_parts_mmu_write),
	REG_GPU(CSF_GPU_LATEST_FLUSH_ID, 4, "LATEST_FLUSH", flush_id, false),
};

/* One per CSG slot, and one for the global interface. */
static const struct sim_reg sim_reg_doorbell =
	REG_CALL(CSF_DOORBELL(0), 4, "DOORBELL", NULL, write_doorbell);

static const struct sim_reg *sim_reg_find(const struct sim_gpu *gpu, u32 offset)
{
	const u32 stride = CSF_DOORBELL(1) - CSF_DOORBELL(0);

	if (offset & 3)
		return NULL;

	if (offset >= CSF_DOORBELL(0)) {
		offset -= CSF_DOORBELL(0);
		if (offset % stride || offset / stride > gpu->config.csg_slots)
			return NULL;
		return &sim_reg_doorbell;
	}

	for (unsigned int i = 0; i < ARRAY_SIZE(sim_regs); i++) {
		const struct sim_reg *reg = &sim_regs[i];

		if (offset >= reg->offset && offset < reg->offset + reg->size)
			return reg;
	}

	return NULL;
}

static u32 *sim_reg_word(struct sim_gpu *gpu, const struct sim_reg *reg, u32 offset)
{
	void *base = gpu;

	if (reg->source == SIM_REG_MODEL)
		base = (void *)gpu->config.model;

	return base + reg->field + (offset - reg->offset);
}

/* Whether the bus reaches the registers at all. */
static bool sim_regs_reachable(struct sim_gpu *gpu, u32 offset, const char *what)
{
	if (!gpu->mapped) {
		sim_violation_locked(gpu, SIM_V_UNMAPPED, "%s of %#x, which nobody has mapped",
				     what, offset);
		return false;
	}
	if (!sim_clk_is_on(gpu)) {
		const struct sim_reg *reg = sim_reg_find(gpu, offset);

		sim_violation_locked(gpu, SIM_V_CLOCK_OFF, "%s of %s (%#x) while a clock is off",
				     what, reg ? reg->name : "nothing", offset);
		return false;
	}
	return true;
}

/**
 * sim_regs_read_locked() - The driver reads a register
 * @gpu: GPU.
 * @offset: Offset, from the start of the registers.
 *
 * Context: Under the GPU's lock.
 *
 * Return: The value; 0 if there is no register to read.
 */
u32 sim_regs_read_locked(struct sim_gpu *gpu, u32 offset)
{
	const struct sim_reg *reg;
	u32 value;

	gpu->counters.mmio_reads++;
	if (!sim_regs_reachable(gpu, offset, "read"))
		return 0;

	reg = sim_reg_find(gpu, offset);
	if (!reg) {
		sim_violation_locked(gpu, SIM_V_REG_UNKNOWN, "read of %#x", offset);
		return 0;
	}
	if (!reg->read && reg->source == SIM_REG_CALL) {
		sim_violation_locked(gpu, SIM_V_REG_WRITEONLY, "read of %s (%#x)",
				     reg->name, offset);
		return 0;
	}

	if (reg->read)
		value = reg->read(gpu, offset);
	else
		value = *sim_reg_word(gpu, reg, offset);
	sim_event(gpu, SIM_EVENT_READ, offset, value);
	return value;
}

/**
 * sim_regs_write_locked() - The driver writes a register
 * @gpu: GPU.
 * @offset: Offset, from the start of the registers.
 * @value: Value.
 *
 * Context: Under the GPU's lock.
 */
void sim_regs_write_locked(struct sim_gpu *gpu, u32 offset, u32 value)
{
	const struct sim_reg *reg;

	gpu->counters.mmio_writes++;
	sim_event(gpu, SIM_EVENT_WRITE, offset, value);
	if (!sim_regs_reachable(gpu, offset, "write"))
		return;

	reg = sim_reg_find(gpu, offset);
	if (!reg)
		sim_violation_locked(gpu, SIM_V_REG_UNKNOWN, "write of %#x to %#x", value, offset);
	else if (!reg->write && !reg->writable)
		sim_violation_locked(gpu, SIM_V_REG_READONLY, "write of %#x to %s (%#x)",
				     value, reg->name, offset);
	else if (reg->write)
		reg->write(gpu, offset, value);
	else
		*sim_reg_word(gpu, reg, offset) = value;
}

/**
 * sim_regs_read() - The driver reads a register
 * @gpu: GPU.
 * @offset: Offset, from the start of the registers.
 *
 * Context: Any, without the GPU's lock.
 *
 * Return: The value; 0 if there is no register to read.
 */
u32 sim_regs_read(struct sim_gpu *gpu, u32 offset)
{
	guard(raw_spinlock_irqsave)(&gpu->lock);
	return sim_regs_read_locked(gpu, offset);
}

/**
 * sim_regs_write() - The driver writes a register
 * @gpu: GPU.
 * @offset: Offset, from the start of the registers.
 * @value: Value.
 *
 * Context: Any, without the GPU's lock.
 */
void sim_regs_write(struct sim_gpu *gpu, u32 offset, u32 value)
{
	guard(raw_spinlock_irqsave)(&gpu->lock);
	sim_regs_write_locked(gpu, offset, value);
}
