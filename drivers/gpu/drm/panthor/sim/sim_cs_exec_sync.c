// SPDX-License-Identifier: GPL-2.0-only
/* Synchronisation objects and progress counters. */

#include <linux/minmax.h>

#include "sim_cs_priv.h"

/*
 * A stream that was held up may catch up this much of the pace at which it
 * writes synchronisation objects.
 */
#define CATCH_UP_NS	1000000

static bool is_64(u64 insn)
{
	return cs_opcode(insn) >= CS_SYNC_ADD64;
}

static bool is_add(u64 insn)
{
	return cs_opcode(insn) == CS_SYNC_ADD32 || cs_opcode(insn) == CS_SYNC_ADD64;
}

/* 0 is the system, 2 the group. */
static bool system_scope(u64 insn)
{
	return !cs_bits(insn, 2, 1);
}

static bool operands_ok(u64 insn)
{
	unsigned int data = cs_src2(insn);

	return cs_pair_ok(cs_src(insn)) && (is_64(insn) ? cs_pair_ok(data) : cs_reg_ok(data));
}

static u64 operand(const struct sim_cs *cs, u64 insn)
{
	unsigned int data = cs_src2(insn);

	return is_64(insn) ? cs_pair(cs, data) : cs->core.regs[data];
}

/*
 * The object: value, then status word. Value of 32 or of 64 bits, in words, so
 * that nothing lies between them.
 */
struct object {
	u32 words[3];
	unsigned int size;
};

static enum sim_cs_step read_object(struct sim_cs *cs, u64 insn, u64 addr,
				    enum sim_access access, struct object *object)
{
	object->size = is_64(insn) ? 12 : 8;
	if (addr % (is_64(insn) ? 8 : 4))
		return sim_cs_fatal(cs, SIM_CS_BUS_FAULT, addr);

	return sim_cs_copy(cs, addr, object->words, object->size, access);
}

static u64 object_value(const struct object *object)
{
	if (object->size == 8)
		return object->words[0];

	return object->words[0] | (u64)object->words[1] << 32;
}

static void set_object(struct object *object, u64 value, u32 status)
{
	object->words[0] = (u32)value;
	if (object->size == 12)
		object->words[1] = value >> 32;
	object->words[object->size / 4 - 1] = status;
}

static void pace(struct sim_cs *cs)
{
	struct sim_cs_core *core = &cs->core;
	u64 ns = sim_cs_delay(cs, SIM_CS_DELAY_SYNC);
	u64 from = core->time - min_t(u64, core->time, CATCH_UP_NS);

	if (ns)
		core->busy_until = sim_cs_after(max(core->busy_until, from), ns);
}

/**
 * sim_cs_sync_write() - Work of SYNC_ADD and SYNC_SET
 * @cs: The stream.
 * @insn: The instruction, known to be valid.
 * @addr: The object.
 * @data: What to set or add.
 *
 * Context: Any, under the GPU's lock.
 *
 * Return: What became of it. If not done, nothing was written.
 */
enum sim_cs_step sim_cs_sync_write(struct sim_cs *cs, u64 insn, u64 addr, u64 data)
{
	bool propagate = insn & 1;
	struct object object;

	/* Also makes sure that the write cannot fail half way. */
	if (read_object(cs, insn, addr, SIM_ATOMIC, &object) != STEP_NEXT)
		return STEP_STAY;
	if (is_add(insn))
		data += object_value(&object);
	set_object(&object, data, propagate && cs->core.error ? SIM_CS_SYNC_ERROR : 0);
	if (sim_cs_copy(cs, addr, object.words, object.size, SIM_WRITE) != STEP_NEXT)
		return STEP_STAY;

	if (system_scope(insn))
		pace(cs);
	if (cs->env.sync_written)
		cs->env.sync_written(cs->env.priv, system_scope(insn), addr);

	return STEP_NEXT;
}

/**
 * sim_cs_exec_sync() - SYNC_ADD32, SYNC_SET32, SYNC_ADD64, SYNC_SET64
 * @cs: The stream.
 * @insn: The instruction.
 *
 * Context: Any, under the GPU's lock.
 *
 * Return: What became of it.
 */
enum sim_cs_step sim_cs_exec_sync(struct sim_cs *cs, u64 insn)
{
	/* Scopes 1 and 3 do not exist. */
	if (!operands_ok(insn) || insn & BIT(1))
		return sim_cs_invalid(cs);
	if (cs_bits(insn, 23, 16))
		return sim_cs_defer(cs, OP_SYNC, insn, cs_pair(cs, cs_src(insn)),
				    operand(cs, insn));

	return sim_cs_sync_write(cs, insn, cs_pair(cs, cs_src(insn)), operand(cs, insn));
}

/**
 * sim_cs_exec_sync_wait() - SYNC_WAIT32, SYNC_WAIT64
 * @cs: The stream.
 * @insn: The instruction.
 *
 * Context: Any, under the GPU's lock.
 *
 * Return: What became of it.
 */
enum sim_cs_step sim_cs_exec_sync_wait(struct sim_cs *cs, u64 insn)
{
	u32 cond = cs_bits(insn, 31, 28);
	bool reject = insn & 1;
	struct object object;
	u64 addr, ref;
	bool gt;

	if (!operands_ok(insn) || cond > CS_GT)
		return sim_cs_invalid(cs);
	addr = cs_pair(cs, cs_src(insn));
	ref = operand(cs, insn);
	if (read_object(cs, insn, addr, SIM_READ, &object) != STEP_NEXT)
		return STEP_STAY;

	gt = object_value(&object) > ref;
	if (cond == CS_GT ? !gt : gt) {
		cs->core.wait_addr = addr;
		cs->core.wait_value = ref;
		return sim_cs_block(cs, SIM_CS_SYNC_WAIT,
				    SIM_CS_WAIT_SYNC | cond << SIM_CS_WAIT_COND_SHIFT |
				    (is_64(insn) ? SIM_CS_WAIT_64 : 0));
	}
	if (!reject && object.words[object.size / 4 - 1])
		return sim_cs_fault(cs, SIM_CS_INHERIT_FAULT, addr);

	return STEP_NEXT;
}

/**
 * sim_cs_exec_progress_wait() - PROGRESS_WAIT
 * @cs: The stream.
 * @insn: The instruction.
 *
 * Context: Any, under the GPU's lock.
 *
 * Return: What became of it.
 */
enum sim_cs_step sim_cs_exec_progress_wait(struct sim_cs *cs, u64 insn)
{
	unsigned int queue = cs_bits(insn, 4, 0);
	u64 value;

	if (!cs_pair_ok(cs_src(insn)) || !cs->env.progress ||
	    !cs->env.progress(cs->env.priv, queue, &value))
		return sim_cs_invalid(cs);
	if (value < cs_pair(cs, cs_src(insn)))
		return sim_cs_block(cs, SIM_CS_PROGRESS_WAIT, SIM_CS_WAIT_PROGRESS);

	return STEP_NEXT;
}

/**
 * sim_cs_exec_progress_store() - PROGRESS_STORE
 * @cs: The stream.
 * @insn: The instruction.
 *
 * Context: Any, under the GPU's lock.
 *
 * Return: What became of it.
 */
enum sim_cs_step sim_cs_exec_progress_store(struct sim_cs *cs, u64 insn)
{
	if (!cs_pair_ok(cs_src(insn)))
		return sim_cs_invalid(cs);
	cs->core.progress = cs_pair(cs, cs_src(insn));

	return STEP_NEXT;
}

/**
 * sim_cs_exec_progress_load() - PROGRESS_LOAD
 * @cs: The stream.
 * @insn: The instruction.
 *
 * Context: Any, under the GPU's lock.
 *
 * Return: What became of it.
 */
enum sim_cs_step sim_cs_exec_progress_load(struct sim_cs *cs, u64 insn)
{
	if (!cs_pair_ok(cs_dst(insn)))
		return sim_cs_invalid(cs);
	cs_set_pair(cs, cs_dst(insn), cs->core.progress);

	return STEP_NEXT;
}
