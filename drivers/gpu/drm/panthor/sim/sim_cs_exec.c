// SPDX-License-Identifier: GPL-2.0-only
/* Decoding; moves, arithmetic and what only keeps state. */

#include <linux/array_size.h>
#include <linux/minmax.h>

#include "sim_cs_priv.h"

static enum sim_cs_step exec_nop(struct sim_cs *cs, u64 insn)
{
	return STEP_NEXT;
}

static enum sim_cs_step exec_move48(struct sim_cs *cs, u64 insn)
{
	unsigned int dst = cs_dst(insn);

	if (!cs_pair_ok(dst))
		return sim_cs_invalid(cs);
	cs_set_pair(cs, dst, insn & GENMASK_ULL(47, 0));

	return STEP_NEXT;
}

static enum sim_cs_step exec_move32(struct sim_cs *cs, u64 insn)
{
	unsigned int dst = cs_dst(insn);

	if (!cs_reg_ok(dst))
		return sim_cs_invalid(cs);
	cs->core.regs[dst] = (u32)insn;

	return STEP_NEXT;
}

static enum sim_cs_step exec_add_imm32(struct sim_cs *cs, u64 insn)
{
	unsigned int dst = cs_dst(insn), src = cs_src(insn);

	if (!cs_reg_ok(dst) || !cs_reg_ok(src))
		return sim_cs_invalid(cs);
	cs->core.regs[dst] = cs->core.regs[src] + (u32)cs_imm32(insn);

	return STEP_NEXT;
}

static enum sim_cs_step exec_add_imm64(struct sim_cs *cs, u64 insn)
{
	unsigned int dst = cs_dst(insn), src = cs_src(insn);

	if (!cs_pair_ok(dst) || !cs_pair_ok(src))
		return sim_cs_invalid(cs);
	cs_set_pair(cs, dst, cs_pair(cs, src) + (u64)(s64)cs_imm32(insn));

	return STEP_NEXT;
}

static enum sim_cs_step exec_min(struct sim_cs *cs, u64 insn)
{
	unsigned int dst = cs_dst(insn), a = cs_src(insn), b = cs_src2(insn);

	if (!cs_reg_ok(dst) || !cs_reg_ok(a) || !cs_reg_ok(b))
		return sim_cs_invalid(cs);
	cs->core.regs[dst] = min(cs->core.regs[a], cs->core.regs[b]);

	return STEP_NEXT;
}

static enum sim_cs_step exec_set_sb_entry(struct sim_cs *cs, u64 insn)
{
	u32 endpoint = cs_bits(insn, 3, 0), other = cs_bits(insn, 7, 4);

	if (endpoint >= SIM_CS_SBS || other >= SIM_CS_SBS)
		return sim_cs_invalid(cs);
	cs->core.ep_sb = endpoint;
	cs->core.ls_sb = other;

	return STEP_NEXT;
}

static enum sim_cs_step exec_req_resource(struct sim_cs *cs, u64 insn)
{
	u32 mask = cs_bits(insn, 3, 0);

	if (cs->env.resource && !cs->env.resource(cs->env.priv, mask))
		return sim_cs_block(cs, SIM_CS_RESOURCE, mask);
	cs->core.resources = mask;

	return STEP_NEXT;
}

static enum sim_cs_step exec_error_barrier(struct sim_cs *cs, u64 insn)
{
	cs->core.error = 0;

	return STEP_NEXT;
}

/**
 * sim_cs_trace() - Work of TRACE_POINT
 * @cs: The stream.
 * @insn: The instruction, known to be valid.
 *
 * Context: Any, under the GPU's lock.
 *
 * Return: %STEP_NEXT.
 */
enum sim_cs_step sim_cs_trace(struct sim_cs *cs, u64 insn)
{
	if (cs->env.trace)
		cs->env.trace(cs->env.priv, &cs->core.regs[cs_src2(insn)], cs_src(insn));

	return STEP_NEXT;
}

static enum sim_cs_step exec_trace_point(struct sim_cs *cs, u64 insn)
{
	if (!cs_reg_ok(cs_src2(insn)) || cs_src2(insn) + cs_src(insn) > SIM_CS_REGS)
		return sim_cs_invalid(cs);
	if (cs_bits(insn, 23, 16))
		return sim_cs_defer(cs, OP_TRACE, insn, 0, 0);

	return sim_cs_trace(cs, insn);
}

typedef enum sim_cs_step (*sim_cs_exec_fn)(struct sim_cs *cs, u64 insn);

static const sim_cs_exec_fn exec_table[] = {
	[CS_NOP]			= exec_nop,
	[CS_MOVE48]			= exec_move48,
	[CS_MOVE32]			= exec_move32,
	[CS_WAIT]			= sim_cs_exec_wait,
	[CS_RUN_COMPUTE]		= sim_cs_exec_run,
	[CS_RUN_TILING]			= sim_cs_exec_run,
	[CS_RUN_IDVS]			= sim_cs_exec_run,
	[CS_RUN_FRAGMENT]		= sim_cs_exec_run,
	[CS_RUN_FULLSCREEN]		= sim_cs_exec_run,
	[CS_FINISH_TILING]		= sim_cs_exec_run,
	[CS_FINISH_FRAGMENT]		= sim_cs_exec_finish_fragment,
	[CS_ADD_IMM32]			= exec_add_imm32,
	[CS_ADD_IMM64]			= exec_add_imm64,
	[CS_COMPARE_SELECT32]		= exec_min,
	[CS_LOAD_MULTIPLE]		= sim_cs_exec_load,
	[CS_STORE_MULTIPLE]		= sim_cs_exec_store,
	[CS_BRANCH]			= sim_cs_exec_branch,
	[CS_SET_SB_ENTRY]		= exec_set_sb_entry,
	[CS_PROGRESS_WAIT]		= sim_cs_exec_progress_wait,
	[CS_SET_EXCEPTION_HANDLER]	= sim_cs_exec_set_handler,
	[CS_CALL]			= sim_cs_exec_call,
	[CS_JUMP]			= sim_cs_exec_jump,
	[CS_REQ_RESOURCE]		= exec_req_resource,
	[CS_FLUSH_CACHE2]		= sim_cs_exec_flush,
	[CS_SYNC_ADD32]			= sim_cs_exec_sync,
	[CS_SYNC_SET32]			= sim_cs_exec_sync,
	[CS_SYNC_WAIT32]		= sim_cs_exec_sync_wait,
	[CS_STORE_STATE]		= sim_cs_exec_store_state,
	/* There is no protected mode; its instructions are run as any. */
	[CS_PROT_REGION]		= exec_nop,
	[CS_PROGRESS_STORE]		= sim_cs_exec_progress_store,
	[CS_PROGRESS_LOAD]		= sim_cs_exec_progress_load,
	[CS_RUN_COMPUTE_INDIRECT]	= sim_cs_exec_run,
	[CS_ERROR_BARRIER]		= exec_error_barrier,
	[CS_HEAP_SET]			= sim_cs_exec_heap_set,
	[CS_HEAP_OPERATION]		= sim_cs_exec_heap_op,
	[CS_TRACE_POINT]		= exec_trace_point,
	[CS_SYNC_ADD64]			= sim_cs_exec_sync,
	[CS_SYNC_SET64]			= sim_cs_exec_sync,
	[CS_SYNC_WAIT64]		= sim_cs_exec_sync_wait,
};

/**
 * sim_cs_exec() - Execute an instruction
 * @cs: The stream.
 * @insn: The instruction.
 *
 * Context: Any, under the GPU's lock.
 *
 * Return: What became of it.
 */
enum sim_cs_step sim_cs_exec(struct sim_cs *cs, u64 insn)
{
	unsigned int opcode = cs_opcode(insn);

	if (opcode >= ARRAY_SIZE(exec_table) || !exec_table[opcode])
		return sim_cs_invalid(cs);

	return exec_table[opcode](cs, insn);
}
