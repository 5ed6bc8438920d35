// SPDX-License-Identifier: GPL-2.0-only
/* Jobs of the endpoints, cache flushes, tiler heaps. */

#include "sim_cs_priv.h"
#include "sim_job.h"

static enum sim_cs_delay run_delay(unsigned int opcode)
{
	switch (opcode) {
	case CS_RUN_COMPUTE:
	case CS_RUN_COMPUTE_INDIRECT:
		return SIM_CS_DELAY_COMPUTE;
	case CS_RUN_FRAGMENT:
	case CS_RUN_FULLSCREEN:
		return SIM_CS_DELAY_FRAGMENT;
	default:
		return SIM_CS_DELAY_TILING;
	}
}

/* Descriptor of a test job, or 0 for any other, whose memory is not touched. */
static u64 test_job(const struct sim_cs *cs, u64 insn)
{
	unsigned int tsd = 0, fau = 0;

	switch (cs_opcode(insn)) {
	case CS_RUN_COMPUTE:
	case CS_RUN_COMPUTE_INDIRECT:
	case CS_RUN_TILING:
		tsd = cs_bits(insn, 45, 44);
		fau = cs_bits(insn, 47, 46);
		break;
	case CS_RUN_IDVS:
		break;
	default:
		return 0;
	}

	return cs_pair(cs, 24 + 2 * tsd) == SIM_JOB_MAGIC ? cs_pair(cs, 8 + 2 * fau) : 0;
}

/**
 * sim_cs_exec_run() - RUN_COMPUTE and the other RUN_*, FINISH_TILING
 * @cs: The stream.
 * @insn: The instruction.
 *
 * Context: Any, under the GPU's lock.
 *
 * Return: What became of it.
 */
enum sim_cs_step sim_cs_exec_run(struct sim_cs *cs, u64 insn)
{
	u64 descriptor = test_job(cs, insn);
	const struct sim_cs_op op = {
		.insn = insn,
		.addr = descriptor,
		.deadline = sim_cs_after(cs->core.time,
					 sim_cs_delay(cs, run_delay(cs_opcode(insn)))),
		.kind = descriptor ? OP_JOB : OP_RUN,
		.sb = cs->core.ep_sb,
	};

	return sim_cs_issue(cs, &op);
}

/**
 * sim_cs_exec_flush() - FLUSH_CACHE2
 * @cs: The stream.
 * @insn: The instruction.
 *
 * Context: Any, under the GPU's lock.
 *
 * Return: What became of it.
 */
enum sim_cs_step sim_cs_exec_flush(struct sim_cs *cs, u64 insn)
{
	u32 l2 = cs_bits(insn, 3, 0), lsc = cs_bits(insn, 7, 4), other = cs_bits(insn, 11, 8);

	if (!cs_reg_ok(cs_src(insn)) || l2 > 3 || l2 == 2 || lsc > 3 || lsc == 2 ||
	    (other && other != 2))
		return sim_cs_invalid(cs);

	return sim_cs_defer(cs, OP_FLUSH, insn, 0, cs->core.regs[cs_src(insn)]);
}

/**
 * sim_cs_flush() - Work of FLUSH_CACHE2
 * @cs: The stream.
 * @insn: The instruction.
 * @id: LATEST_FLUSH as it was when the data was written, 0 if not known.
 *
 * Context: Any, under the GPU's lock.
 */
void sim_cs_flush(struct sim_cs *cs, u64 insn, u32 id)
{
	/* The number has 24 bits, and wraps. A flush since then is good enough. */
	if (id && cs->env.flush_id) {
		u32 since = (cs->env.flush_id(cs->env.priv) - id) & GENMASK(23, 0);

		if (since && since < BIT(23))
			return;
	}
	if (cs->env.flush)
		cs->env.flush(cs->env.priv, cs_bits(insn, 11, 0));
}

/**
 * sim_cs_exec_heap_set() - HEAP_SET
 * @cs: The stream.
 * @insn: The instruction.
 *
 * Context: Any, under the GPU's lock.
 *
 * Return: What became of it.
 */
enum sim_cs_step sim_cs_exec_heap_set(struct sim_cs *cs, u64 insn)
{
	if (!cs_pair_ok(cs_src(insn)))
		return sim_cs_invalid(cs);
	cs->core.heap = cs_pair(cs, cs_src(insn));

	return STEP_NEXT;
}

/* The heap context, see sim_job.h. */
struct heap {
	u32 vt_start;
	u32 vt_end;
	u32 frag_end;
	u32 pad;
	u64 free;
};

static enum sim_cs_step read_heap(struct sim_cs *cs, struct heap *heap)
{
	if (cs->core.heap % 8)
		return sim_cs_fatal(cs, SIM_CS_BUS_FAULT, cs->core.heap);

	/* Under the same lock, the write that follows cannot fail. */
	return sim_cs_copy(cs, cs->core.heap, heap, sizeof(*heap), SIM_ATOMIC);
}

static enum sim_cs_step write_heap(struct sim_cs *cs, struct heap *heap)
{
	return sim_cs_copy(cs, cs->core.heap, heap, sizeof(*heap), SIM_WRITE);
}

/**
 * sim_cs_heap_op() - Work of HEAP_OPERATION
 * @cs: The stream. Without heap context there is nothing to count.
 * @insn: The instruction.
 *
 * Context: Any, under the GPU's lock.
 *
 * Return: What became of it.
 */
enum sim_cs_step sim_cs_heap_op(struct sim_cs *cs, u64 insn)
{
	struct heap heap;

	if (!cs->core.heap)
		return STEP_NEXT;
	if (read_heap(cs, &heap) != STEP_NEXT)
		return STEP_STAY;

	switch (cs_bits(insn, 33, 32)) {
	case 0:
		heap.vt_start++;
		break;
	case 1:
		heap.vt_end++;
		break;
	default:
		heap.frag_end++;
		break;
	}

	return write_heap(cs, &heap);
}

/**
 * sim_cs_exec_heap_op() - HEAP_OPERATION
 * @cs: The stream.
 * @insn: The instruction.
 *
 * Context: Any, under the GPU's lock.
 *
 * Return: What became of it.
 */
enum sim_cs_step sim_cs_exec_heap_op(struct sim_cs *cs, u64 insn)
{
	if (cs_bits(insn, 33, 32) == 2)
		return sim_cs_invalid(cs);
	if (cs_bits(insn, 23, 16))
		return sim_cs_defer(cs, OP_HEAP, insn, 0, 0);

	return sim_cs_heap_op(cs, insn);
}

/**
 * sim_cs_finish_fragment() - Work of FINISH_FRAGMENT
 * @cs: The stream.
 * @insn: The instruction.
 * @first: First chunk of a list that goes back to the heap context, or 0.
 * @last: Last one.
 *
 * Context: Any, under the GPU's lock.
 *
 * Return: What became of it.
 */
enum sim_cs_step sim_cs_finish_fragment(struct sim_cs *cs, u64 insn, u64 first, u64 last)
{
	u64 header = last & GENMASK_ULL(63, 12);
	struct heap heap;
	u64 next;

	if (!cs->core.heap)
		return STEP_NEXT;
	if (read_heap(cs, &heap) != STEP_NEXT)
		return STEP_STAY;

	if (first && header) {
		if (sim_cs_copy(cs, header, &next, sizeof(next), SIM_ATOMIC) != STEP_NEXT)
			return STEP_STAY;
		next = heap.free;
		if (sim_cs_copy(cs, header, &next, sizeof(next), SIM_WRITE) != STEP_NEXT)
			return STEP_STAY;
		heap.free = first;
	}
	if (insn & BIT(0))
		heap.frag_end++;

	return write_heap(cs, &heap);
}

/**
 * sim_cs_exec_finish_fragment() - FINISH_FRAGMENT
 * @cs: The stream.
 * @insn: The instruction.
 *
 * Context: Any, under the GPU's lock.
 *
 * Return: What became of it.
 */
enum sim_cs_step sim_cs_exec_finish_fragment(struct sim_cs *cs, u64 insn)
{
	u64 first, last;

	if (!cs_pair_ok(cs_src(insn)) || !cs_pair_ok(cs_src2(insn)))
		return sim_cs_invalid(cs);
	first = cs_pair(cs, cs_src(insn));
	last = cs_pair(cs, cs_src2(insn));
	if (cs_bits(insn, 23, 16))
		return sim_cs_defer(cs, OP_FINISH, insn, first, last);

	return sim_cs_finish_fragment(cs, insn, first, last);
}
