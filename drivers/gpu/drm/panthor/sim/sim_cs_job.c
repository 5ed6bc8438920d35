// SPDX-License-Identifier: GPL-2.0-only
/* Test jobs, see sim_job.h. */

#include <linux/minmax.h>

#include "sim_cs_priv.h"
#include "sim_job.h"

#define CHUNK_VA	GENMASK_ULL(63, 12)
#define CHUNK_PAGES	GENMASK_ULL(11, 0)

/* Fault of the job, which ends with it. */
static enum sim_cs_op_step job_fault(struct sim_cs *cs, u32 code, u64 info)
{
	cs->core.job = (struct sim_cs_job) {};
	sim_cs_op_fault(cs, code, info);

	return OP_FAULTED;
}

static bool fields_ok(const struct sim_cs_job *job)
{
	return job->op >= SIM_JOB_FILL && job->op <= SIM_JOB_TILE &&
	       !((job->dst | job->size | job->result) % 8) &&
	       (job->op == SIM_JOB_TILE || !(job->src % 8)) && job->size <= SIM_JOB_MAX_SIZE;
}

/**
 * sim_cs_job_ok() - Whether the progress of a job is possible
 * @job: The job.
 *
 * Context: Any.
 *
 * Return: true if it is, or if there is no job.
 */
bool sim_cs_job_ok(const struct sim_cs_job *job)
{
	return !job->op || (fields_ok(job) && job->done <= job->size && !(job->done % 8) &&
			    (job->op != SIM_JOB_TILE || !(job->last % 8)));
}

static enum sim_cs_op_step begin(struct sim_cs *cs, u64 addr)
{
	struct sim_cs_job *job = &cs->core.job;
	struct sim_job desc;

	if (addr % 8) {
		sim_cs_fatal(cs, SIM_CS_BUS_FAULT, addr);
		return OP_STUCK;
	}
	if (sim_cs_copy(cs, addr, &desc, sizeof(desc), SIM_READ) != STEP_NEXT)
		return OP_STUCK;

	*job = (struct sim_cs_job) {
		.op = desc.op,
		.dst = desc.dst,
		.src = desc.src,
		.size = desc.size,
		.seed = desc.seed,
		.result = desc.result,
	};
	if (desc.magic != SIM_JOB_MAGIC || desc.flags || desc.pad || !fields_ok(job))
		return job_fault(cs, SIM_CS_DATA_INVALID, addr);

	return OP_DONE;
}

static void make_content(struct sim_cs *cs, u64 seed, u64 word, u32 len)
{
	u32 i;

	for (i = 0; i < len / 8; i++)
		cs->chunk[i] = sim_job_word(seed, word + i);
}

/* How far a chunk at this address reaches: not into the next page. */
static u32 chunk_len(u64 addr, u64 left)
{
	return min_t(u64, SIM_CS_CHUNK - addr % SIM_CS_CHUNK, left);
}

/* Address of the first wrong word in the chunk, or 0. */
static u64 wrong_word(const struct sim_cs *cs, u64 addr, u32 len)
{
	const struct sim_cs_job *job = &cs->core.job;
	u32 i;

	for (i = 0; i < len / 8; i++) {
		if (cs->chunk[i] != sim_job_word(job->seed, job->done / 8 + i))
			return addr + 8 * i;
	}

	return 0;
}

/* FILL, COPY, VERIFY. */
static enum sim_cs_op_step move_chunk(struct sim_cs *cs)
{
	struct sim_cs_job *job = &cs->core.job;
	u64 dst = job->dst + job->done;
	u32 len = chunk_len(dst, job->size - job->done);
	enum sim_cs_step step = STEP_NEXT;

	if (job->op == SIM_JOB_FILL)
		make_content(cs, job->seed, job->done / 8, len);
	else if (job->op == SIM_JOB_COPY)
		step = sim_cs_copy(cs, job->src + job->done, cs->chunk, len, SIM_READ);
	else
		step = sim_cs_copy(cs, dst, cs->chunk, len, SIM_READ);

	if (step == STEP_NEXT && job->op != SIM_JOB_VERIFY)
		step = sim_cs_copy(cs, dst, cs->chunk, len, SIM_WRITE);
	if (step != STEP_NEXT)
		return OP_STUCK;

	if (job->op == SIM_JOB_VERIFY) {
		job->last = wrong_word(cs, dst, len);
		if (job->last) {
			job->done += job->last - dst;
			return OP_DONE;
		}
	}
	job->done += len;

	return job->done == job->size ? OP_DONE : OP_LATER;
}

static u64 heap_chunk_size(u64 chunk)
{
	u64 size = (chunk & CHUNK_PAGES) << 12;

	return size ? size - SIM_HEAP_CHUNK_HEADER : 0;
}

/* First chunk of the heap's free list, 0 if there is none. */
static enum sim_cs_step take_free(struct sim_cs *cs, u64 *chunk)
{
	u64 head = cs->core.heap + SIM_HEAP_FREE;
	u64 next;

	*chunk = 0;
	if (!cs->core.heap)
		return STEP_NEXT;
	if (cs->core.heap % 8)
		return sim_cs_fatal(cs, SIM_CS_BUS_FAULT, cs->core.heap);
	if (sim_cs_copy(cs, head, chunk, sizeof(*chunk), SIM_ATOMIC) != STEP_NEXT)
		return STEP_STAY;
	if (!*chunk)
		return STEP_NEXT;
	if (sim_cs_copy(cs, *chunk & CHUNK_VA, &next, sizeof(next), SIM_ATOMIC) != STEP_NEXT)
		return STEP_STAY;
	if (sim_cs_copy(cs, head, &next, sizeof(next), SIM_WRITE) != STEP_NEXT)
		return STEP_STAY;
	next = 0;

	return sim_cs_copy(cs, *chunk & CHUNK_VA, &next, sizeof(next), SIM_WRITE);
}

/* A chunk from the host; what is in its header is not believed. */
static enum sim_cs_op_step grow(struct sim_cs *cs, u64 *chunk)
{
	int ret = 0;

	*chunk = 0;
	if (cs->env.heap_grow)
		ret = cs->env.heap_grow(cs->env.priv, cs->core.heap, chunk);

	return ret ? OP_LATER : OP_DONE;
}

/* The chunk in use is full, or there is none yet: have the next one. */
static enum sim_cs_op_step next_chunk(struct sim_cs *cs)
{
	struct sim_cs_job *job = &cs->core.job;
	u64 old = job->src & CHUNK_VA;
	u64 chunk = 0;

	if (cs->core.handler_frame != SIM_CS_NO_FRAME)
		return OP_LATER;
	/* Making sure of the header first, for a chunk taken is not put back. */
	if (old && sim_cs_copy(cs, old, &chunk, sizeof(chunk), SIM_ATOMIC) != STEP_NEXT)
		return OP_STUCK;

	if (!chunk) {
		if (take_free(cs, &chunk) != STEP_NEXT)
			return OP_STUCK;
		if (!chunk && grow(cs, &chunk) == OP_LATER)
			return OP_LATER;
		if (!chunk) {
			if (job->handler || !sim_cs_enter_handler(cs))
				return job_fault(cs, SIM_CS_OOM, cs->core.heap);
			job->handler = 1;
			return OP_LATER;
		}
		if (old && sim_cs_copy(cs, old, &chunk, sizeof(chunk), SIM_WRITE) != STEP_NEXT)
			return OP_STUCK;
	}
	if (!heap_chunk_size(chunk))
		return job_fault(cs, SIM_CS_DATA_INVALID, chunk);

	job->src = chunk;
	job->last = 0;
	job->handler = 0;
	cs->worked = true;

	return OP_LATER;
}

/* TILE. */
static enum sim_cs_op_step tile_chunk(struct sim_cs *cs)
{
	struct sim_cs_job *job = &cs->core.job;
	u64 size = heap_chunk_size(job->src);
	u64 dst;
	u32 len;

	if (job->last >= size)
		return next_chunk(cs);

	dst = (job->src & CHUNK_VA) + SIM_HEAP_CHUNK_HEADER + job->last;
	/* Chunks end with a page. */
	len = chunk_len(dst, job->size - job->done);
	make_content(cs, job->seed, job->last / 8, len);
	if (sim_cs_copy(cs, dst, cs->chunk, len, SIM_WRITE) != STEP_NEXT)
		return OP_STUCK;
	job->last += len;
	job->done += len;
	cs->worked = true;

	return job->done == job->size ? OP_DONE : OP_LATER;
}

static bool finished(const struct sim_cs_job *job)
{
	return job->done == job->size || (job->op == SIM_JOB_VERIFY && job->last);
}

static enum sim_cs_op_step end(struct sim_cs *cs)
{
	struct sim_cs_job *job = &cs->core.job;
	u64 wrong = job->op == SIM_JOB_VERIFY ? job->last : 0;
	u64 result[] = { job->done, wrong };

	if (job->result &&
	    sim_cs_copy(cs, job->result, result, sizeof(result), SIM_WRITE) != STEP_NEXT)
		return OP_STUCK;
	if (wrong)
		return job_fault(cs, SIM_CS_DATA_INVALID, wrong);
	*job = (struct sim_cs_job) {};

	return OP_DONE;
}

/**
 * sim_cs_job_step() - Move a chunk of the job
 * @cs: The stream.
 * @op: The operation the job is.
 *
 * Context: Any, under the GPU's lock.
 *
 * Return: What became of it.
 */
enum sim_cs_op_step sim_cs_job_step(struct sim_cs *cs, const struct sim_cs_op *op)
{
	struct sim_cs_job *job = &cs->core.job;
	enum sim_cs_op_step ret;

	if (!job->op) {
		ret = begin(cs, op->addr);
		if (ret != OP_DONE)
			return ret;
	}
	if (!finished(job)) {
		if (job->op == SIM_JOB_TILE) {
			ret = tile_chunk(cs);
		} else {
			ret = move_chunk(cs);
			cs->worked = ret != OP_STUCK;
		}
		if (ret != OP_DONE)
			return ret;
	}

	return end(cs);
}
