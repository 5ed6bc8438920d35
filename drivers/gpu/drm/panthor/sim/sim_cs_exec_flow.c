// SPDX-License-Identifier: GPL-2.0-only
/* Where execution goes on, and WAIT. */

#include <linux/limits.h>

#include "sim_cs_priv.h"

/**
 * sim_cs_exec_wait() - WAIT
 * @cs: The stream.
 * @insn: The instruction.
 *
 * Context: Any, under the GPU's lock.
 *
 * Return: What became of it.
 */
enum sim_cs_step sim_cs_exec_wait(struct sim_cs *cs, u64 insn)
{
	u32 mask = cs_bits(insn, 23, 16);

	if (sim_cs_scoreboards(cs) & mask)
		return sim_cs_block(cs, SIM_CS_SB_WAIT, mask | SIM_CS_WAIT_SOURCE_WAIT);
	if (insn & BIT_ULL(32))
		cs->core.progress++;

	return STEP_NEXT;
}

static bool branch_taken(s32 value, enum sim_cs_cond cond)
{
	switch (cond) {
	case CS_LE:
		return value <= 0;
	case CS_GT:
		return value > 0;
	case CS_EQ:
		return value == 0;
	case CS_NE:
		return value != 0;
	case CS_LT:
		return value < 0;
	case CS_GE:
		return value >= 0;
	case CS_ALWAYS:
		break;
	}

	return true;
}

/**
 * sim_cs_exec_branch() - BRANCH
 * @cs: The stream.
 * @insn: The instruction.
 *
 * Past the end of the buffer is its end. Before its start is a fatal fault, and
 * so is a branch in the ring.
 *
 * Context: Any, under the GPU's lock.
 *
 * Return: What became of it.
 */
enum sim_cs_step sim_cs_exec_branch(struct sim_cs *cs, u64 insn)
{
	struct sim_cs_frame *frame = cs_frame(cs);
	u32 cond = cs_bits(insn, 30, 28);
	s64 at, target;

	if (!cs->core.depth || !cs_reg_ok(cs_src(insn)) || cond > CS_ALWAYS)
		return sim_cs_invalid(cs);
	if (!branch_taken(cs->core.regs[cs_src(insn)], cond))
		return STEP_NEXT;

	/* Lengths have 32 bits, so this does not overflow. */
	at = frame->ip - frame->base;
	target = at + 8 + 8 * cs_offset(insn);
	if (target < 0)
		return sim_cs_fatal(cs, SIM_CS_BUS_FAULT, frame->base + target);
	if (target > frame->len)
		target = frame->len;
	frame->ip = frame->base + target;

	return STEP_JUMP;
}

static enum sim_cs_step check_target(struct sim_cs *cs, u64 base, u32 len)
{
	if (len % 8)
		return sim_cs_invalid(cs);
	if (base % 8 || len > U64_MAX - base)
		return sim_cs_fatal(cs, SIM_CS_BUS_FAULT, base);

	return STEP_NEXT;
}

static void enter(struct sim_cs_frame *frame, u64 base, u32 len)
{
	*frame = (struct sim_cs_frame) {
		.base = base,
		.ip = base,
		.len = len,
	};
}

/**
 * sim_cs_exec_call() - CALL
 * @cs: The stream.
 * @insn: The instruction.
 *
 * Context: Any, under the GPU's lock.
 *
 * Return: What became of it.
 */
enum sim_cs_step sim_cs_exec_call(struct sim_cs *cs, u64 insn)
{
	struct sim_cs_core *core = &cs->core;
	unsigned int frames = SIM_CS_FRAMES;
	u64 base;
	u32 len;

	if (!cs_pair_ok(cs_src(insn)) || !cs_reg_ok(cs_src2(insn)))
		return sim_cs_invalid(cs);
	base = cs_pair(cs, cs_src(insn));
	len = core->regs[cs_src2(insn)];
	if (check_target(cs, base, len) != STEP_NEXT)
		return STEP_STAY;

	if (core->handler_frame != SIM_CS_NO_FRAME)
		frames++;
	if (core->depth + 1 >= frames)
		return sim_cs_fatal(cs, SIM_CS_CALL_STACK_OVERFLOW, sim_cs_ip(cs));

	cs_frame(cs)->ip += 8;
	core->depth++;
	enter(cs_frame(cs), base, len);

	return STEP_JUMP;
}

/**
 * sim_cs_exec_jump() - JUMP
 * @cs: The stream.
 * @insn: The instruction.
 *
 * Context: Any, under the GPU's lock.
 *
 * Return: What became of it.
 */
enum sim_cs_step sim_cs_exec_jump(struct sim_cs *cs, u64 insn)
{
	u64 base;
	u32 len;

	if (!cs->core.depth || !cs_pair_ok(cs_src(insn)) || !cs_reg_ok(cs_src2(insn)))
		return sim_cs_invalid(cs);
	base = cs_pair(cs, cs_src(insn));
	len = cs->core.regs[cs_src2(insn)];
	if (check_target(cs, base, len) != STEP_NEXT)
		return STEP_STAY;
	enter(cs_frame(cs), base, len);

	return STEP_JUMP;
}

/**
 * sim_cs_exec_set_handler() - SET_EXCEPTION_HANDLER
 * @cs: The stream.
 * @insn: The instruction.
 *
 * Context: Any, under the GPU's lock.
 *
 * Return: What became of it.
 */
enum sim_cs_step sim_cs_exec_set_handler(struct sim_cs *cs, u64 insn)
{
	u64 base;
	u32 len;

	if (cs_bits(insn, 7, 0) != CS_EXCEPTION_TILER_OOM || !cs_pair_ok(cs_src(insn)) ||
	    !cs_reg_ok(cs_src2(insn)))
		return sim_cs_invalid(cs);
	base = cs_pair(cs, cs_src(insn));
	len = cs->core.regs[cs_src2(insn)];
	if (check_target(cs, base, len) != STEP_NEXT)
		return STEP_STAY;
	cs->core.handler = base;
	cs->core.handler_len = len;

	return STEP_NEXT;
}

/**
 * sim_cs_enter_handler() - Call the exception handler
 * @cs: The stream. What it is doing goes on when the handler returns.
 *
 * Context: Any, under the GPU's lock.
 *
 * Return: false if there is none, or it runs already.
 */
bool sim_cs_enter_handler(struct sim_cs *cs)
{
	struct sim_cs_core *core = &cs->core;

	if (!core->handler_len || core->handler_frame != SIM_CS_NO_FRAME)
		return false;

	core->depth++;
	core->handler_frame = core->depth;
	enter(cs_frame(cs), core->handler, core->handler_len);

	return true;
}
