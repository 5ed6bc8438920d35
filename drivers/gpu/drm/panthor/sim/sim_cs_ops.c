// SPDX-License-Identifier: GPL-2.0-only
/* Asynchronous operations and the scoreboard. */

#include <linux/minmax.h>
#include <linux/string.h>

#include "sim_cs_priv.h"

/**
 * sim_cs_scoreboards() - Entries that are not 0
 * @cs: The stream.
 *
 * Context: Any, under the GPU's lock.
 *
 * Return: Their mask.
 */
u8 sim_cs_scoreboards(const struct sim_cs *cs)
{
	u8 mask = 0;
	unsigned int i;

	for (i = 0; i < cs->core.nr_ops; i++)
		mask |= BIT(cs->core.ops[i].sb);

	return mask;
}

/**
 * sim_cs_issue() - Start an asynchronous operation, or have it wait
 * @cs: The stream.
 * @op: The operation, copied.
 *
 * Context: Any, under the GPU's lock.
 *
 * Return: %STEP_NEXT, or %STEP_STAY if there is no room for it.
 */
enum sim_cs_step sim_cs_issue(struct sim_cs *cs, const struct sim_cs_op *op)
{
	if (op->sb >= SIM_CS_SBS)
		return sim_cs_invalid(cs);
	if (cs->core.nr_ops == SIM_CS_OPS)
		return sim_cs_block(cs, op->kind == OP_FLUSH ? SIM_CS_FLUSH : SIM_CS_DEFERRED, 0);

	cs->core.ops[cs->core.nr_ops++] = *op;

	return STEP_NEXT;
}

/**
 * sim_cs_defer() - Issue an instruction that has signal slot and wait mask
 * @cs: The stream.
 * @kind: Kind of the operation.
 * @insn: The instruction.
 * @addr: Its address operand.
 * @data: Its data operand.
 *
 * Context: Any, under the GPU's lock.
 *
 * Return: As sim_cs_issue().
 */
enum sim_cs_step sim_cs_defer(struct sim_cs *cs, enum sim_cs_op_kind kind, u64 insn,
			      u64 addr, u64 data)
{
	const struct sim_cs_op op = {
		.insn = insn,
		.addr = addr,
		.data = data,
		.kind = kind,
		.sb = cs_signal(insn),
		.wait = cs_bits(insn, 23, 16),
	};

	return sim_cs_issue(cs, &op);
}

static bool first_job(const struct sim_cs *cs, unsigned int index)
{
	while (index--) {
		if (cs->core.ops[index].kind == OP_JOB)
			return false;
	}

	return true;
}

static enum sim_cs_op_step run_step(struct sim_cs *cs, struct sim_cs_op *op)
{
	if (op->deadline > cs->core.time)
		return OP_LATER;
	if (op->insn & BIT_ULL(32))
		cs->core.progress++;

	return OP_DONE;
}

static enum sim_cs_op_step job_step(struct sim_cs *cs, struct sim_cs_op *op)
{
	enum sim_cs_op_step ret;

	if (op->deadline > cs->core.time || !first_job(cs, op - cs->core.ops) || cs->worked)
		return OP_LATER;

	ret = sim_cs_job_step(cs, op);
	if (ret == OP_DONE && op->insn & BIT_ULL(32))
		cs->core.progress++;

	return ret;
}

static enum sim_cs_op_step flush_step(struct sim_cs *cs, struct sim_cs_op *op)
{
	if (op->deadline > cs->core.time)
		return OP_LATER;
	sim_cs_flush(cs, op->insn, op->data);

	return OP_DONE;
}

static enum sim_cs_step deferred(struct sim_cs *cs, const struct sim_cs_op *op)
{
	switch (op->kind) {
	case OP_SYNC:
		return sim_cs_sync_write(cs, op->insn, op->addr, op->data);
	case OP_STATE:
		return sim_cs_store_state(cs, op->insn, op->addr);
	case OP_HEAP:
		return sim_cs_heap_op(cs, op->insn);
	case OP_FINISH:
		return sim_cs_finish_fragment(cs, op->insn, op->addr, op->data);
	default:
		return sim_cs_trace(cs, op->insn);
	}
}

static enum sim_cs_op_step op_step(struct sim_cs *cs, struct sim_cs_op *op)
{
	if (!op->started) {
		if (sim_cs_scoreboards(cs) & op->wait)
			return OP_LATER;
		op->started = 1;
		if (op->kind == OP_FLUSH)
			op->deadline = sim_cs_after(cs->core.time,
						    sim_cs_delay(cs, SIM_CS_DELAY_FLUSH));
	}

	switch (op->kind) {
	case OP_RUN:
		return run_step(cs, op);
	case OP_JOB:
		return job_step(cs, op);
	case OP_FLUSH:
		return flush_step(cs, op);
	default:
		return deferred(cs, op) == STEP_NEXT ? OP_DONE : OP_STUCK;
	}
}

/* The rest of the table stays in order, and zero, as it is saved. */
static void remove_op(struct sim_cs_core *core, unsigned int index)
{
	core->nr_ops--;
	memmove(&core->ops[index], &core->ops[index + 1],
		(core->nr_ops - index) * sizeof(core->ops[0]));
	memset(&core->ops[core->nr_ops], 0, sizeof(core->ops[0]));
}

/**
 * sim_cs_advance() - Do what is due of the operations in flight
 * @cs: The stream.
 *
 * Context: Any, under the GPU's lock.
 *
 * Return: %STEP_NEXT, or %STEP_STAY if an access to memory failed or an
 * operation faulted.
 */
enum sim_cs_step sim_cs_advance(struct sim_cs *cs)
{
	struct sim_cs_core *core = &cs->core;
	unsigned int i;
	bool again;

	/* The end of one may be what another waits for. */
	do {
		again = false;
		for (i = 0; i < core->nr_ops;) {
			switch (op_step(cs, &core->ops[i])) {
			case OP_DONE:
				remove_op(core, i);
				again = true;
				break;
			case OP_LATER:
				i++;
				break;
			case OP_FAULTED:
				remove_op(core, i);
				return STEP_STAY;
			case OP_STUCK:
				return STEP_STAY;
			}
		}
	} while (again);

	return STEP_NEXT;
}

/**
 * sim_cs_step() - Have operations be done that wait for a step
 * @cs: The stream.
 * @flush: Cache flushes, else those of endpoints.
 * @count: At most so many, the oldest first.
 *
 * Context: Any, under the GPU's lock.
 *
 * Return: How many there were.
 */
unsigned int sim_cs_step(struct sim_cs *cs, bool flush, unsigned int count)
{
	struct sim_cs_core *core = &cs->core;
	unsigned int i, done = 0;

	for (i = 0; i < core->nr_ops && done < count; i++) {
		struct sim_cs_op *op = &core->ops[i];

		bool is_flush = op->kind == OP_FLUSH;

		if (op->deadline != SIM_CS_MANUAL || is_flush != flush)
			continue;
		op->deadline = core->time;
		done++;
	}

	return done;
}

/**
 * sim_cs_next_deadline() - When the next operation is done
 * @cs: The stream.
 *
 * Context: Any, under the GPU's lock.
 *
 * Return: The first time that is still to come, in time of the stream, or
 * %SIM_CS_NEVER, also for what waits for a step.
 */
u64 sim_cs_next_deadline(const struct sim_cs *cs)
{
	const struct sim_cs_core *core = &cs->core;
	u64 next = SIM_CS_NEVER;
	unsigned int i;

	for (i = 0; i < core->nr_ops; i++) {
		if (core->ops[i].deadline > core->time && core->ops[i].deadline != SIM_CS_MANUAL)
			next = min(next, core->ops[i].deadline);
	}

	return next;
}
