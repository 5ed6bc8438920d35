// SPDX-License-Identifier: GPL-2.0-only
/* Test jobs, see sim_job.h. */

#include <linux/string.h>

#include "sim_cs_fixture.h"

#define COPY_VA		(DATA_VA + SZ_16K)
#define CHUNK_VA	(DATA_VA + SZ_32K)

static enum sim_cs_state run_job(struct cs_test *t, const struct sim_job *job)
{
	cs_test_put_job(t, job);
	cs_test_ring(t, INSNS(asm_run_compute(2, 3), asm_wait(1)));

	return cs_test_run(t);
}

struct size_param {
	const char *desc;
	u64 offset;
	u64 size;
};

static const struct size_param size_params[] = {
	{ "nothing", 0, 0 },
	{ "one_word", 0, 8 },
	{ "page", 0, SZ_4K },
	{ "across_pages", SZ_4K - 8, 16 },
	{ "odd_start_and_end", 8, SZ_8K - 24 },
};

KUNIT_ARRAY_PARAM_DESC(size, size_params, desc);

/*
 * Buffers of several sizes and places are filled.
 * Succeeds if all of it has the content, and nothing before or behind it.
 */
static void fill_writes_its_buffer(struct kunit *test)
{
	const struct size_param *param = test->param_value;
	struct cs_test *t = to_cs_test(test);
	struct sim_job job = cs_test_job(SIM_JOB_FILL);

	job.dst += param->offset;
	job.size = param->size;
	KUNIT_EXPECT_EQ(test, run_job(t, &job), SIM_CS_EMPTY);
	KUNIT_EXPECT_EQ(test, cs_test_content(t, job.dst, job.size / 8 + 1), job.size / 8);
	KUNIT_EXPECT_EQ(test, cs_test_read64(t, job.dst - 8), 0);
	KUNIT_EXPECT_EQ(test, cs_test_read64(t, job.dst + job.size), 0);
	expect_result(t, job.size, 0);
}

/*
 * The same buffers are copied.
 * Succeeds if all of it is there, and nothing before or behind it.
 */
static void copy_copies_its_buffer(struct kunit *test)
{
	const struct size_param *param = test->param_value;
	struct cs_test *t = to_cs_test(test);
	struct sim_job job = cs_test_job(SIM_JOB_COPY);
	unsigned int i;

	for (i = 0; i < SZ_8K; i += 8)
		cs_test_write64(t, COPY_VA + i, sim_job_word(5, i / 8));
	job.dst += param->offset;
	job.size = param->size;
	KUNIT_EXPECT_EQ(test, run_job(t, &job), SIM_CS_EMPTY);
	KUNIT_EXPECT_EQ(test, cs_test_content(t, job.dst, job.size / 8 + 1), job.size / 8);
	KUNIT_EXPECT_EQ(test, cs_test_read64(t, job.dst - 8), 0);
	expect_result(t, job.size, 0);
}

/*
 * A buffer that was filled is verified.
 * Succeeds if there is no fault, and the result says so.
 */
static void verify_takes_what_fill_wrote(struct kunit *test)
{
	const struct size_param *param = test->param_value;
	struct cs_test *t = to_cs_test(test);
	struct sim_job job = cs_test_job(SIM_JOB_FILL);

	job.dst += param->offset;
	job.size = param->size;
	KUNIT_EXPECT_EQ(test, run_job(t, &job), SIM_CS_EMPTY);
	job.op = SIM_JOB_VERIFY;
	cs_test_write64(t, RESULT_VA, 9);
	KUNIT_EXPECT_EQ(test, run_job(t, &job), SIM_CS_EMPTY);
	expect_result(t, job.size, 0);
}

struct wrong_param {
	const char *desc;
	u64 at;
};

static const struct wrong_param wrong_params[] = {
	{ "first", 0 },
	{ "middle", SZ_4K + 64 },
	{ "last", SZ_8K - 8 },
};

KUNIT_ARRAY_PARAM_DESC(wrong, wrong_params, desc);

/*
 * One bit of a filled buffer is not what it was.
 * Succeeds if verifying it is a fault with the address of the word, which the
 * result has too, and the stream goes on when the host has seen it.
 */
static void verify_finds_one_wrong_bit(struct kunit *test)
{
	const struct wrong_param *param = test->param_value;
	struct cs_test *t = to_cs_test(test);
	struct sim_job job = cs_test_job(SIM_JOB_FILL);

	job.size = SZ_8K;
	KUNIT_EXPECT_EQ(test, run_job(t, &job), SIM_CS_EMPTY);
	*(u8 *)cs_test_mem(t, BUFFER_VA + param->at) ^= 1;
	job.op = SIM_JOB_VERIFY;
	KUNIT_EXPECT_EQ(test, run_job(t, &job), SIM_CS_FAULT);
	KUNIT_EXPECT_EQ(test, cs_test_status(t).code, 0x58);
	KUNIT_EXPECT_EQ(test, cs_test_status(t).info, BUFFER_VA + param->at);
	expect_result(t, param->at, BUFFER_VA + param->at);

	sim_cs_fault_ack(t->cs);
	KUNIT_EXPECT_EQ(test, cs_test_run(t), SIM_CS_EMPTY);
	KUNIT_EXPECT_EQ(test, cs_test_status(t).scoreboards, 0);
}

/*
 * The seed is part of the content.
 * Succeeds if a buffer filled with one is not what another wants.
 */
static void seed_makes_the_content(struct kunit *test)
{
	struct cs_test *t = to_cs_test(test);
	struct sim_job job = cs_test_job(SIM_JOB_FILL);

	KUNIT_EXPECT_EQ(test, run_job(t, &job), SIM_CS_EMPTY);
	job.op = SIM_JOB_VERIFY;
	job.seed++;
	KUNIT_EXPECT_EQ(test, run_job(t, &job), SIM_CS_FAULT);
}

struct client_param {
	const char *desc;
	u64 insn;
	u64 tsd;
};

static const struct client_param client_params[] = {
	{ "tsd_is_an_address", 0x0400e00000000000ULL, BUFFER_VA },
	{ "tsd_is_nearly_magic", 0x0400e00000000000ULL, SIM_JOB_MAGIC ^ 1 },
	{ "other_tsd_selected", 0x0400d00000000000ULL, SIM_JOB_MAGIC },
	{ "fragment", 0x0700e00000000000ULL, SIM_JOB_MAGIC },
};

KUNIT_ARRAY_PARAM_DESC(client, client_params, desc);

/*
 * A job of a client that knows nothing of test jobs, with a descriptor in memory
 * all the same.
 * Succeeds if the job does nothing: memory is not even read.
 */
static void other_jobs_touch_no_memory(struct kunit *test)
{
	const struct client_param *param = test->param_value;
	struct cs_test *t = to_cs_test(test);
	struct sim_job job = cs_test_job(SIM_JOB_FILL);

	cs_test_put_job(t, &job);
	KUNIT_EXPECT_EQ(test, cs_test_run(t), SIM_CS_EMPTY);
	t->cs->core.regs[28] = (u32)param->tsd;
	t->cs->core.regs[29] = param->tsd >> 32;
	cs_test_ring(t, INSNS(param->insn));
	t->copies = 0;
	KUNIT_EXPECT_EQ(test, cs_test_run(t), SIM_CS_EMPTY);
	/* The fetch. */
	KUNIT_EXPECT_EQ(test, t->copies, 1);
	KUNIT_EXPECT_EQ(test, cs_test_status(t).scoreboards, 0);
}

struct bad_param {
	const char *desc;
	u32 offset;
	u64 value;
};

static const struct bad_param bad_params[] = {
	{ "magic", 0, SIM_JOB_MAGIC + 1 },
	{ "no_operation", 8, 0 },
	{ "unknown_operation", 8, 5 },
	{ "flags", 8, SIM_JOB_FILL | 1ULL << 32 },
	{ "dst", 16, BUFFER_VA + 4 },
	{ "src", 24, COPY_VA + 4 },
	{ "size", 32, 12 },
	{ "size_too_large", 32, SIM_JOB_MAX_SIZE + 8 },
	{ "result", 48, RESULT_VA + 4 },
	{ "pad", 56, 1 },
};

KUNIT_ARRAY_PARAM_DESC(bad, bad_params, desc);

/*
 * A descriptor that makes no sense.
 * Succeeds if that is a fault with its address, and memory is as it was.
 */
static void bad_descriptor_is_a_fault(struct kunit *test)
{
	const struct bad_param *param = test->param_value;
	struct cs_test *t = to_cs_test(test);
	struct sim_job job = cs_test_job(SIM_JOB_FILL);

	memcpy((u8 *)&job + param->offset, &param->value, 8);
	KUNIT_EXPECT_EQ(test, run_job(t, &job), SIM_CS_FAULT);
	KUNIT_EXPECT_EQ(test, cs_test_status(t).code, 0x58);
	KUNIT_EXPECT_EQ(test, cs_test_status(t).info, JOB_VA);
	KUNIT_EXPECT_EQ(test, cs_test_read64(t, BUFFER_VA), 0);
	KUNIT_EXPECT_EQ(test, cs_test_status(t).scoreboards, 0);
}

/*
 * A descriptor at an address that is no multiple of 8.
 * Succeeds if that is CS_BUS_FAULT.
 */
static void misaligned_descriptor_is_fatal(struct kunit *test)
{
	struct cs_test *t = to_cs_test(test);
	struct sim_job job = cs_test_job(SIM_JOB_FILL);

	cs_test_put_job(t, &job);
	cs_test_ring(t, INSNS(asm_move48(14, JOB_VA + 4), asm_run_compute(2, 3)));
	expect_fatal(t, 0x48, JOB_VA + 4);
}

/*
 * A job of many chunks, in slices of one step.
 * Succeeds if each slice moves one chunk, and the entry is in use until the last.
 */
static void job_is_done_in_chunks(struct kunit *test)
{
	struct cs_test *t = to_cs_test(test);
	struct sim_job job = cs_test_job(SIM_JOB_FILL);
	unsigned int i;

	job.size = 3 * SIM_CS_CHUNK;
	cs_test_put_job(t, &job);
	cs_test_ring(t, INSNS(asm_run_compute(2, 3), asm_wait(1)));
	for (i = 0; i < 4; i++)
		sim_cs_run(t->cs, 1, t->now);

	for (i = 0; i < 3; i++) {
		KUNIT_EXPECT_EQ(test, cs_test_status(t).scoreboards, 1);
		KUNIT_EXPECT_EQ(test, cs_test_content(t, BUFFER_VA, 3 * SIM_CS_CHUNK / 8),
				i * SIM_CS_CHUNK / 8);
		KUNIT_EXPECT_EQ(test, sim_cs_wake_ns(t->cs), 0);
		sim_cs_run(t->cs, 1, t->now);
	}
	KUNIT_EXPECT_EQ(test, cs_test_status(t).scoreboards, 0);
	expect_result(t, job.size, 0);
}

/*
 * A chunk is more work than an instruction: forty jobs of one chunk each, in a
 * slice of 1000.
 * Succeeds if it gets as far as the sixteenth.
 */
static void chunks_cost_more(struct kunit *test)
{
	struct cs_test *t = to_cs_test(test);
	struct sim_job job = cs_test_job(SIM_JOB_FILL);
	unsigned int i;

	job.size = SIM_CS_CHUNK;
	cs_test_put_job(t, &job);
	for (i = 0; i < 40; i++)
		cs_test_ring(t, INSNS(asm_run_compute(2, 3), asm_wait(1)));
	KUNIT_EXPECT_EQ(test, sim_cs_run(t->cs, 1000, t->now), SIM_CS_RUNNING);
	KUNIT_EXPECT_EQ(test, cs_test_status(t).retired, 3 + 16 * 2);
}

/*
 * A job whose endpoint takes its time, then one of another endpoint that reads
 * what the first writes, and no wait between.
 * Succeeds if they run one after the other.
 */
static void jobs_run_in_order(struct kunit *test)
{
	struct cs_test *t = to_cs_test(test);
	struct sim_job job = cs_test_job(SIM_JOB_FILL);

	t->delay[SIM_CS_DELAY_COMPUTE] = 1000;
	job.size = SZ_8K;
	cs_test_put_job(t, &job);
	job.op = SIM_JOB_COPY;
	job.src = BUFFER_VA;
	job.dst = COPY_VA;
	memcpy(cs_test_mem(t, JOB_VA + 64), &job, sizeof(job));
	/* RUN_TILING with TSD 2 and FAU 2. */
	cs_test_ring(t, INSNS(asm_move48(12, JOB_VA + 64), asm_run_compute(2, 3),
			      0x0500a00000000000ULL));
	KUNIT_EXPECT_EQ(test, cs_test_run(t), SIM_CS_EMPTY);
	KUNIT_EXPECT_EQ(test, cs_test_read64(t, COPY_VA), 0);
	t->now += 1000;
	KUNIT_EXPECT_EQ(test, cs_test_run(t), SIM_CS_EMPTY);
	KUNIT_EXPECT_EQ(test, cs_test_content(t, COPY_VA, SZ_8K / 8), SZ_8K / 8);
}

/*
 * A job of several chunks that is to count as progress.
 * Succeeds if it counts once; and not at all without that bit.
 */
static void job_counts_as_progress(struct kunit *test)
{
	struct cs_test *t = to_cs_test(test);
	struct sim_job job = cs_test_job(SIM_JOB_FILL);

	job.size = SZ_8K;
	cs_test_put_job(t, &job);
	cs_test_ring(t, INSNS(asm_run_compute(2, 3)));
	KUNIT_EXPECT_EQ(test, cs_test_run(t), SIM_CS_EMPTY);
	KUNIT_EXPECT_EQ(test, sim_cs_progress(t->cs), 0);
	cs_test_ring(t, INSNS(asm_run_compute(2, 3) | BIT_ULL(32)));
	KUNIT_EXPECT_EQ(test, cs_test_run(t), SIM_CS_EMPTY);
	KUNIT_EXPECT_EQ(test, sim_cs_progress(t->cs), 1);
}

/*
 * A job on an endpoint that takes its time.
 * Succeeds if memory changes after that.
 */
static void job_takes_its_time(struct kunit *test)
{
	struct cs_test *t = to_cs_test(test);
	struct sim_job job = cs_test_job(SIM_JOB_FILL);

	t->delay[SIM_CS_DELAY_COMPUTE] = 1000;
	KUNIT_EXPECT_EQ(test, run_job(t, &job), SIM_CS_BLOCKED);
	KUNIT_EXPECT_EQ(test, sim_cs_wake_ns(t->cs), t->now + 1000);
	KUNIT_EXPECT_EQ(test, cs_test_content(t, BUFFER_VA, 32), 0);
	t->now += 1000;
	KUNIT_EXPECT_EQ(test, cs_test_run(t), SIM_CS_EMPTY);
	KUNIT_EXPECT_EQ(test, cs_test_content(t, BUFFER_VA, 32), 32);
}

struct failing_param {
	const char *desc;
	u32 op;
	u64 va;
};

static const struct failing_param failing_params[] = {
	{ "descriptor", SIM_JOB_FILL, JOB_VA },
	{ "fill", SIM_JOB_FILL, BUFFER_VA + SZ_4K },
	{ "copy_source", SIM_JOB_COPY, COPY_VA + SZ_4K },
	{ "copy_destination", SIM_JOB_COPY, BUFFER_VA + SZ_4K },
	{ "verify", SIM_JOB_VERIFY, BUFFER_VA },
	{ "result", SIM_JOB_FILL, RESULT_VA },
	{ "heap_chunk", SIM_JOB_TILE, CHUNK_VA + SIM_HEAP_CHUNK_HEADER },
};

KUNIT_ARRAY_PARAM_DESC(failing, failing_params, desc);

static struct sim_job failing_job(u32 op)
{
	struct sim_job job = cs_test_job(op);

	job.size = op == SIM_JOB_TILE ? 8 : SZ_8K;
	if (op == SIM_JOB_TILE)
		job.src = CHUNK_VA | 1;

	return job;
}

/*
 * A page of the job's that is locked for a while.
 * Succeeds if the stream stalls, and the job is done when it is not.
 */
static void job_stalls_in_locked_memory(struct kunit *test)
{
	const struct failing_param *param = test->param_value;
	struct cs_test *t = to_cs_test(test);
	struct sim_job job = failing_job(param->op);
	unsigned int i;

	for (i = 0; param->op == SIM_JOB_VERIFY && i < SZ_8K; i += 8)
		cs_test_write64(t, BUFFER_VA + i, sim_job_word(5, i / 8));
	t->bad_va = param->va;
	t->bad_len = 8;
	t->bad_err = -EAGAIN;
	KUNIT_EXPECT_EQ(test, run_job(t, &job), SIM_CS_STALLED);
	KUNIT_EXPECT_EQ(test, cs_test_status(t).scoreboards, 1);
	t->bad_len = 0;
	KUNIT_EXPECT_EQ(test, cs_test_run(t), SIM_CS_EMPTY);
	expect_result(t, job.size, 0);
}

/*
 * A page of the job's that is not there.
 * Succeeds if the stream freezes, and the bus fault has the address.
 */
static void job_freezes_in_missing_memory(struct kunit *test)
{
	const struct failing_param *param = test->param_value;
	struct cs_test *t = to_cs_test(test);
	struct sim_job job = failing_job(param->op);

	t->bad_va = param->va;
	t->bad_len = 8;
	t->bad_err = -EFAULT;
	KUNIT_EXPECT_EQ(test, run_job(t, &job), SIM_CS_FROZEN);
	sim_cs_bus_error(t->cs);
	expect_fatal(t, 0x48, param->va);
}

static struct kunit_case sim_cs_job_cases[] = {
	KUNIT_CASE_PARAM(fill_writes_its_buffer, size_gen_params),
	KUNIT_CASE_PARAM(copy_copies_its_buffer, size_gen_params),
	KUNIT_CASE_PARAM(verify_takes_what_fill_wrote, size_gen_params),
	KUNIT_CASE_PARAM(verify_finds_one_wrong_bit, wrong_gen_params),
	KUNIT_CASE(seed_makes_the_content),
	KUNIT_CASE_PARAM(other_jobs_touch_no_memory, client_gen_params),
	KUNIT_CASE_PARAM(bad_descriptor_is_a_fault, bad_gen_params),
	KUNIT_CASE(misaligned_descriptor_is_fatal),
	KUNIT_CASE(job_is_done_in_chunks),
	KUNIT_CASE(chunks_cost_more),
	KUNIT_CASE(jobs_run_in_order),
	KUNIT_CASE(job_counts_as_progress),
	KUNIT_CASE(job_takes_its_time),
	KUNIT_CASE_PARAM(job_stalls_in_locked_memory, failing_gen_params),
	KUNIT_CASE_PARAM(job_freezes_in_missing_memory, failing_gen_params),
	{}
};

static struct kunit_suite sim_cs_job_suite = {
	.name = "panthor_sim_cs_job",
	.init = cs_test_init,
	.test_cases = sim_cs_job_cases,
};

kunit_test_suite(sim_cs_job_suite);
