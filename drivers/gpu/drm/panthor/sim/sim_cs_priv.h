/* SPDX-License-Identifier: GPL-2.0-only */
/* What the files of the command stream share among themselves. */

#ifndef __PANTHOR_SIM_CS_PRIV_H__
#define __PANTHOR_SIM_CS_PRIV_H__

#include <linux/bits.h>
#include <linux/types.h>

#include "sim_cs.h"
#include "sim_cs_isa.h"

/**
 * enum sim_cs_step - What became of an instruction
 * @STEP_NEXT: Done; the next one follows.
 * @STEP_JUMP: Done; where to go on is set.
 * @STEP_STAY: Not done; the stream's state says why.
 */
enum sim_cs_step {
	STEP_NEXT,
	STEP_JUMP,
	STEP_STAY,
};

/**
 * enum sim_cs_op_kind - Kinds of asynchronous operations
 * @OP_RUN: RUN_* and FINISH_TILING.
 * @OP_JOB: A RUN_* that is a test job.
 * @OP_FLUSH: FLUSH_CACHE2.
 * @OP_SYNC: SYNC_ADD and SYNC_SET.
 * @OP_STATE: STORE_STATE.
 * @OP_HEAP: HEAP_OPERATION.
 * @OP_FINISH: FINISH_FRAGMENT.
 * @OP_TRACE: TRACE_POINT.
 * @OP_KINDS: Number of kinds.
 */
enum sim_cs_op_kind {
	OP_RUN,
	OP_JOB,
	OP_FLUSH,
	OP_SYNC,
	OP_STATE,
	OP_HEAP,
	OP_FINISH,
	OP_TRACE,
	OP_KINDS,
};

/**
 * enum sim_cs_op_step - What became of an operation
 * @OP_DONE: It is done.
 * @OP_LATER: Not yet.
 * @OP_STUCK: Its access to memory failed, see the stream's state.
 * @OP_FAULTED: It is done and has raised a fault.
 */
enum sim_cs_op_step {
	OP_DONE,
	OP_LATER,
	OP_STUCK,
	OP_FAULTED,
};

/* sim_cs.c */
enum sim_cs_step sim_cs_block(struct sim_cs *cs, enum sim_cs_reason reason, u32 wait);
enum sim_cs_step sim_cs_fatal(struct sim_cs *cs, u32 code, u64 info);
enum sim_cs_step sim_cs_fault(struct sim_cs *cs, u32 code, u64 info);
void sim_cs_op_fault(struct sim_cs *cs, u32 code, u64 info);
enum sim_cs_step sim_cs_invalid(struct sim_cs *cs);
enum sim_cs_step sim_cs_copy(struct sim_cs *cs, u64 va, void *buf, size_t len,
			     enum sim_access access);
u64 sim_cs_ip(const struct sim_cs *cs);
u64 sim_cs_delay(struct sim_cs *cs, enum sim_cs_delay what);
u64 sim_cs_after(u64 time, u64 delay);

/* sim_cs_ops.c */
u8 sim_cs_scoreboards(const struct sim_cs *cs);
enum sim_cs_step sim_cs_issue(struct sim_cs *cs, const struct sim_cs_op *op);
enum sim_cs_step sim_cs_defer(struct sim_cs *cs, enum sim_cs_op_kind kind, u64 insn,
			      u64 addr, u64 data);
enum sim_cs_step sim_cs_advance(struct sim_cs *cs);
u64 sim_cs_next_deadline(const struct sim_cs *cs);

/* sim_cs_exec.c */
enum sim_cs_step sim_cs_exec(struct sim_cs *cs, u64 insn);
enum sim_cs_step sim_cs_trace(struct sim_cs *cs, u64 insn);

/* Instructions. Those with addresses and data do the work of deferred ones too. */
enum sim_cs_step sim_cs_exec_wait(struct sim_cs *cs, u64 insn);
enum sim_cs_step sim_cs_exec_branch(struct sim_cs *cs, u64 insn);
enum sim_cs_step sim_cs_exec_call(struct sim_cs *cs, u64 insn);
enum sim_cs_step sim_cs_exec_jump(struct sim_cs *cs, u64 insn);
enum sim_cs_step sim_cs_exec_set_handler(struct sim_cs *cs, u64 insn);
bool sim_cs_enter_handler(struct sim_cs *cs);

enum sim_cs_step sim_cs_exec_load(struct sim_cs *cs, u64 insn);
enum sim_cs_step sim_cs_exec_store(struct sim_cs *cs, u64 insn);
enum sim_cs_step sim_cs_exec_store_state(struct sim_cs *cs, u64 insn);
enum sim_cs_step sim_cs_store_state(struct sim_cs *cs, u64 insn, u64 addr);

enum sim_cs_step sim_cs_exec_sync(struct sim_cs *cs, u64 insn);
enum sim_cs_step sim_cs_sync_write(struct sim_cs *cs, u64 insn, u64 addr, u64 data);
enum sim_cs_step sim_cs_exec_sync_wait(struct sim_cs *cs, u64 insn);
enum sim_cs_step sim_cs_exec_progress_wait(struct sim_cs *cs, u64 insn);
enum sim_cs_step sim_cs_exec_progress_store(struct sim_cs *cs, u64 insn);
enum sim_cs_step sim_cs_exec_progress_load(struct sim_cs *cs, u64 insn);

enum sim_cs_step sim_cs_exec_run(struct sim_cs *cs, u64 insn);
enum sim_cs_step sim_cs_exec_flush(struct sim_cs *cs, u64 insn);
void sim_cs_flush(struct sim_cs *cs, u64 insn, u32 id);

enum sim_cs_step sim_cs_exec_heap_set(struct sim_cs *cs, u64 insn);
enum sim_cs_step sim_cs_exec_heap_op(struct sim_cs *cs, u64 insn);
enum sim_cs_step sim_cs_heap_op(struct sim_cs *cs, u64 insn);
enum sim_cs_step sim_cs_exec_finish_fragment(struct sim_cs *cs, u64 insn);
enum sim_cs_step sim_cs_finish_fragment(struct sim_cs *cs, u64 insn, u64 first, u64 last);

/* sim_cs_job.c */
enum sim_cs_op_step sim_cs_job_step(struct sim_cs *cs, const struct sim_cs_op *op);
bool sim_cs_job_ok(const struct sim_cs_job *job);

static inline struct sim_cs_frame *cs_frame(struct sim_cs *cs)
{
	return &cs->core.frames[cs->core.depth];
}

static inline bool cs_reg_ok(unsigned int reg)
{
	return reg < SIM_CS_REGS;
}

/* A pair starts at an even register. */
static inline bool cs_pair_ok(unsigned int reg)
{
	return reg < SIM_CS_REGS && !(reg & 1);
}

static inline u64 cs_pair(const struct sim_cs *cs, unsigned int reg)
{
	return cs->core.regs[reg] | (u64)cs->core.regs[reg + 1] << 32;
}

static inline void cs_set_pair(struct sim_cs *cs, unsigned int reg, u64 value)
{
	cs->core.regs[reg] = (u32)value;
	cs->core.regs[reg + 1] = value >> 32;
}

#endif
