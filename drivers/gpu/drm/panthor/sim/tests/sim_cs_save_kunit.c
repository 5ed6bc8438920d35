// SPDX-License-Identifier: GPL-2.0-only
/* Interruption: short slices, suspend and resume at every instruction. */

#include <linux/array_size.h>
#include <linux/string.h>

#include "sim_cs_fixture.h"

#define OTHER_VA	(CODE_VA + SZ_4K)
#define JOBS_VA		(DATA_VA + SZ_8K)
#define JOB_BUFFER_VA	(DATA_VA + SZ_16K)

/* A program to be interrupted. It ends by itself, with time passing. */
struct program_param {
	const char *desc;
	void (*make)(struct cs_test *t);
	enum sim_cs_state end;
	unsigned int retired;
};

static void make_loop(struct cs_test *t)
{
	cs_test_ring(t, INSNS(asm_move48(0, DATA_VA), asm_move32(10, 20)));
	cs_test_call(t, INSNS(asm_add32(12, 12, 1), asm_sync_set32(0, 12, ASM_SYSTEM),
			      asm_sync_add64(0, 12, ASM_GROUP), asm_add32(10, 10, -1),
			      asm_branch(ASM_EQ, 10, 1), asm_branch(ASM_EQ, 13, -6)));
}

static void make_calls(struct cs_test *t)
{
	cs_test_code(t, OTHER_VA, INSNS(asm_add32(11, 11, 1), asm_store(11, 0, 1, 4)));
	cs_test_ring(t, INSNS(asm_move48(0, DATA_VA), asm_move32(10, 6),
			      asm_move48(20, OTHER_VA), asm_move32(22, 16)));
	cs_test_call(t, INSNS(asm_add32(10, 10, -1), asm_branch(ASM_EQ, 10, 2),
			      asm_call(20, 22), asm_call(92, 94),
			      asm_add32(12, 12, 1), asm_store(12, 0, 1, 8),
			      asm_load(14, 0, 3, 4), asm_add64(14, 14, -1),
			      asm_move32(22, 8), asm_jump(20, 22)));
}

static void make_ops(struct cs_test *t)
{
	t->delay[SIM_CS_DELAY_COMPUTE] = 30;
	t->delay[SIM_CS_DELAY_FRAGMENT] = 50;
	t->delay[SIM_CS_DELAY_FLUSH] = 20;
	cs_test_ring(t, INSNS(asm_move48(0, DATA_VA), asm_move32(4, 1), asm_heap_set(0)));
	cs_test_call(t, INSNS(asm_set_sb(3, 2), asm_run_compute(0, 0), asm_set_sb(4, 2),
			      asm_run_fragment() | BIT_ULL(32),
			      asm_sync(37, 0, 4, ASM_SYSTEM, 1, 1 << 3),
			      asm_sync(37, 0, 4, ASM_GROUP, 1, 1 << 4),
			      asm_flush(0x233, 20, 2, 1 << 1), asm_heap_op(0), asm_wait(1 << 2),
			      asm_store_state(0, 0, 64, 1, 1 << 2), asm_progress_load(30),
			      asm_wait(0xff), asm_progress_load(32)));
}

static void make_fault(struct cs_test *t)
{
	cs_test_write32(t, DATA_VA + 4, 1);
	cs_test_ring(t, INSNS(asm_move48(0, DATA_VA)));
	cs_test_call(t, INSNS(asm_nop(), asm_sync_wait32(ASM_LE, 0, 4, 0), asm_move32(10, 1)));
	cs_test_ring(t, INSNS(asm_move48(92, DATA_VA + 32), asm_move48(94, 1), asm_wait(0xff),
			      asm_sync_add64(92, 94, ASM_SYSTEM | ASM_PROPAGATE),
			      asm_error_barrier(),
			      asm_sync_add64(92, 94, ASM_SYSTEM | ASM_PROPAGATE)));
}

static void make_job(struct cs_test *t)
{
	struct sim_job job = {
		.magic = SIM_JOB_MAGIC,
		.op = SIM_JOB_FILL,
		.dst = JOB_BUFFER_VA + 8,
		.size = SZ_16K - 64,
		.seed = 5,
		.result = DATA_VA + 32,
	};

	memcpy(cs_test_mem(t, JOBS_VA), &job, sizeof(job));
	job.op = SIM_JOB_COPY;
	job.src = JOB_BUFFER_VA + 8;
	job.dst = JOB_BUFFER_VA + SZ_8K;
	job.size = SZ_4K + 8;
	job.result = DATA_VA + 48;
	memcpy(cs_test_mem(t, JOBS_VA + 64), &job, sizeof(job));

	cs_test_ring(t, INSNS(asm_move48(8, JOBS_VA), asm_move48(10, JOBS_VA + 64),
			      asm_move32(24, (u32)SIM_JOB_MAGIC),
			      asm_move32(25, SIM_JOB_MAGIC >> 32)));
	cs_test_call(t, INSNS(asm_run_compute(0, 0), asm_run_compute(0, 1), asm_add32(40, 40, 1),
			      asm_wait(1), asm_add32(40, 40, 1)));
}

/* A tiler job whose second chunk is linked, and whose third the handler gives. */
static void make_tiler(struct cs_test *t)
{
	struct sim_job job = {
		.magic = SIM_JOB_MAGIC,
		.op = SIM_JOB_TILE,
		.src = JOB_BUFFER_VA | 1,
		.size = 3 * SZ_4K - 3 * SIM_HEAP_CHUNK_HEADER - 8,
		.result = DATA_VA + 48,
	};

	memcpy(cs_test_mem(t, JOBS_VA), &job, sizeof(job));
	cs_test_write64(t, JOB_BUFFER_VA, (JOB_BUFFER_VA + SZ_4K) | 1);
	cs_test_code(t, OTHER_VA, INSNS(asm_add32(40, 40, 1), asm_finish_fragment(42, 42, 0)));
	cs_test_ring(t, INSNS(asm_move48(42, (JOB_BUFFER_VA + SZ_8K) | 1),
			      asm_move48(44, OTHER_VA), asm_move32(46, 16),
			      asm_set_handler(2, 44, 46), asm_move48(2, DATA_VA),
			      asm_heap_set(2), asm_move48(8, JOBS_VA),
			      asm_move32(24, (u32)SIM_JOB_MAGIC),
			      asm_move32(25, SIM_JOB_MAGIC >> 32)));
	cs_test_call(t, INSNS(asm_run_idvs(), asm_add32(41, 40, 5), asm_wait(1)));
}

static void make_fatal(struct cs_test *t)
{
	cs_test_call(t, INSNS(asm_move32(10, 1), asm_call(92, 94)));
}

static const struct program_param program_params[] = {
	{ "loop", make_loop, SIM_CS_EMPTY, 124 },
	{ "calls", make_calls, SIM_CS_EMPTY, 81 },
	{ "operations", make_ops, SIM_CS_EMPTY, 19 },
	{ "fault", make_fault, SIM_CS_EMPTY, 11 },
	{ "test_job", make_job, SIM_CS_EMPTY, 12 },
	{ "tiler", make_tiler, SIM_CS_EMPTY, 17 },
	{ "fatal", make_fatal, SIM_CS_FATAL, 16 },
};

KUNIT_ARRAY_PARAM_DESC(program, program_params, desc);

/* One slice, then whatever the stream waits for: time, or the host's ack. */
static bool go_on(struct cs_test *t, unsigned int slice)
{
	u64 wake;

	switch (sim_cs_run(t->cs, slice, t->now)) {
	case SIM_CS_FATAL:
		return false;
	case SIM_CS_FAULT:
		sim_cs_fault_ack(t->cs);
		return true;
	default:
		break;
	}
	wake = sim_cs_wake_ns(t->cs);
	if (wake == U64_MAX)
		return false;
	if (wake)
		t->now = wake;

	return true;
}

/* What a program leaves behind, but for the time it took. */
struct outcome {
	struct sim_cs_core core;
	u8 mem[MEM_SIZE];
	unsigned int steps;
};

static void begin(struct cs_test *t)
{
	const struct program_param *param = t->test->param_value;

	memset(t->mem, 0, MEM_SIZE);
	t->insert = 0;
	t->flushes = 0;
	cs_test_start(t);
	param->make(t);
}

static void finish(struct cs_test *t, unsigned int slice, struct outcome *outcome)
{
	unsigned int n;

	for (n = 0; n < 10000 && go_on(t, slice); n++)
		;
	KUNIT_ASSERT_LT(t->test, n, 10000);

	outcome->steps = n;
	outcome->core = t->cs->core;
	outcome->core.time = 0;
	memcpy(outcome->mem, t->mem, MEM_SIZE);
}

static void expect_outcome(struct kunit *test, const struct outcome *got,
			   const struct outcome *want, unsigned int at)
{
	KUNIT_EXPECT_EQ_MSG(test, memcmp(&got->core, &want->core, sizeof(got->core)), 0,
			    "registers or state differ, %u", at);
	KUNIT_EXPECT_EQ_MSG(test, memcmp(got->mem, want->mem, MEM_SIZE), 0,
			    "memory differs, %u", at);
}

static struct outcome *alloc_outcome(struct kunit *test)
{
	struct outcome *outcome = kunit_kzalloc(test, sizeof(*outcome), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, outcome);

	return outcome;
}

/*
 * A program in slices of several lengths.
 * Succeeds if it ends as it should after the number of instructions that can be
 * counted in it, and memory, registers and that number are always the same.
 */
static void length_of_slices_makes_no_difference(struct kunit *test)
{
	static const unsigned int slices[] = { 1, 2, 3, 7, 63, 65 };
	const struct program_param *param = test->param_value;
	struct outcome *want = alloc_outcome(test), *got = alloc_outcome(test);
	struct cs_test *t = to_cs_test(test);
	unsigned int i;

	begin(t);
	finish(t, 1000, want);
	KUNIT_EXPECT_EQ(test, want->core.state, param->end);
	KUNIT_EXPECT_EQ(test, want->core.retired, param->retired);

	for (i = 0; i < ARRAY_SIZE(slices); i++) {
		begin(t);
		finish(t, slices[i], got);
		expect_outcome(test, got, want, slices[i]);
	}
}

/*
 * A program that is saved after each of its steps in turn, and goes on in another
 * stream, after its own was stopped, an hour later.
 * Succeeds if memory, registers and the number of instructions are the same at
 * the end.
 */
static void resume_goes_on_where_suspended(struct kunit *test)
{
	struct outcome *want = alloc_outcome(test), *got = alloc_outcome(test);
	struct cs_test *t = to_cs_test(test);
	struct sim_cs *cs[2] = { t->cs };
	unsigned int steps, n;
	void *buf;

	cs[1] = kunit_kzalloc(test, sizeof(*cs[1]), GFP_KERNEL);
	buf = kunit_kzalloc(test, sim_cs_state_size(), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, cs[1]);
	KUNIT_ASSERT_NOT_NULL(test, buf);
	sim_cs_init(cs[1], &cs[0]->env);

	begin(t);
	finish(t, 1, want);
	steps = want->steps;
	KUNIT_ASSERT_GT(test, steps, 5);

	for (n = 0; n < steps; n++) {
		u64 insert;
		unsigned int i;

		t->cs = cs[0];
		begin(t);
		for (i = 0; i < n; i++)
			go_on(t, 1);

		sim_cs_save(t->cs, buf);
		sim_cs_stop(t->cs);
		t->cs = cs[1];
		t->now += 3600ULL * 1000000000;
		insert = t->insert;
		t->insert = 0;
		cs_test_start(t);
		t->insert = insert;
		KUNIT_ASSERT_EQ(test, sim_cs_restore(t->cs, buf, sim_cs_state_size()), 0);
		finish(t, 1, got);
		expect_outcome(test, got, want, n);
	}
}

/*
 * A job of 1000 ns that is suspended after 400, and resumed much later.
 * Succeeds if it takes another 600.
 */
static void time_off_the_slot_does_not_count(struct kunit *test)
{
	struct cs_test *t = to_cs_test(test);
	void *buf = kunit_kzalloc(test, sim_cs_state_size(), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, buf);
	t->delay[SIM_CS_DELAY_COMPUTE] = 1000;
	cs_test_ring(t, INSNS(asm_run_compute(0, 0), asm_wait(1)));
	KUNIT_EXPECT_EQ(test, cs_test_run(t), SIM_CS_BLOCKED);
	t->now += 400;
	KUNIT_EXPECT_EQ(test, cs_test_run(t), SIM_CS_BLOCKED);
	sim_cs_save(t->cs, buf);

	t->now += 1000000;
	cs_test_start(t);
	KUNIT_EXPECT_EQ(test, sim_cs_restore(t->cs, buf, sim_cs_state_size()), 0);
	KUNIT_EXPECT_EQ(test, sim_cs_wake_ns(t->cs), 0);
	KUNIT_EXPECT_EQ(test, cs_test_run(t), SIM_CS_BLOCKED);
	KUNIT_EXPECT_EQ(test, sim_cs_wake_ns(t->cs), t->now + 600);
	t->now += 599;
	KUNIT_EXPECT_EQ(test, cs_test_run(t), SIM_CS_BLOCKED);
	t->now += 1;
	KUNIT_EXPECT_EQ(test, cs_test_run(t), SIM_CS_EMPTY);
}

/*
 * A stream that is suspended while it keeps to the pace of its writes.
 * Succeeds if it is to be called at once when resumed, and then waits as long as
 * it had to.
 */
static void pace_outlasts_suspend(struct kunit *test)
{
	struct cs_test *t = to_cs_test(test);
	void *buf = kunit_kzalloc(test, sim_cs_state_size(), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, buf);
	t->delay[SIM_CS_DELAY_SYNC] = 2000;
	cs_test_ring(t, INSNS(asm_move48(0, DATA_VA), asm_sync_add32(0, 4, ASM_SYSTEM),
			      asm_nop()));
	KUNIT_EXPECT_EQ(test, cs_test_run(t), SIM_CS_RUNNING);
	t->now += 500;
	KUNIT_EXPECT_EQ(test, cs_test_run(t), SIM_CS_RUNNING);
	sim_cs_save(t->cs, buf);

	t->now += 1000000;
	cs_test_start(t);
	KUNIT_EXPECT_EQ(test, sim_cs_restore(t->cs, buf, sim_cs_state_size()), 0);
	KUNIT_EXPECT_EQ(test, sim_cs_wake_ns(t->cs), 0);
	KUNIT_EXPECT_EQ(test, cs_test_run(t), SIM_CS_RUNNING);
	KUNIT_EXPECT_EQ(test, sim_cs_wake_ns(t->cs), t->now + 1500);
}

/*
 * A stream that is suspended while the host has a fault to take note of.
 * Succeeds if it still waits for that when resumed, with the same words.
 */
static void fault_outlasts_suspend(struct kunit *test)
{
	struct cs_test *t = to_cs_test(test);
	void *buf = kunit_kzalloc(test, sim_cs_state_size(), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, buf);
	make_fault(t);
	KUNIT_EXPECT_EQ(test, cs_test_run(t), SIM_CS_FAULT);
	sim_cs_save(t->cs, buf);
	cs_test_start(t);
	KUNIT_EXPECT_EQ(test, sim_cs_restore(t->cs, buf, sim_cs_state_size()), 0);
	KUNIT_EXPECT_EQ(test, cs_test_run(t), SIM_CS_FAULT);
	KUNIT_EXPECT_EQ(test, cs_test_status(t).code, 0x4b);
	KUNIT_EXPECT_EQ(test, cs_test_status(t).info, DATA_VA);
}

/* A stream in the middle of called code, with operations in flight. */
static void busy_stream(struct cs_test *t)
{
	t->delay[SIM_CS_DELAY_COMPUTE] = 1000;
	cs_test_call(t, INSNS(asm_run_compute(0, 0), asm_branch(ASM_ALWAYS, 20, -1)));
	sim_cs_run(t->cs, 20, t->now);
	KUNIT_ASSERT_EQ(t->test, t->cs->core.depth, 1);
	KUNIT_ASSERT_EQ(t->test, t->cs->core.nr_ops, 1);
}

/*
 * A stream with as many operations in flight as there may be.
 * Succeeds if they are all there when it is resumed.
 */
static void full_table_is_saved(struct kunit *test)
{
	struct cs_test *t = to_cs_test(test);
	void *buf = kunit_kzalloc(test, sim_cs_state_size(), GFP_KERNEL);
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, buf);
	t->delay[SIM_CS_DELAY_COMPUTE] = 1000;
	for (i = 0; i < SIM_CS_OPS; i++)
		cs_test_ring(t, INSNS(asm_set_sb(i % 8, 0), asm_run_compute(0, 0)));
	KUNIT_EXPECT_EQ(test, cs_test_run(t), SIM_CS_EMPTY);
	sim_cs_save(t->cs, buf);
	cs_test_start(t);
	KUNIT_EXPECT_EQ(test, sim_cs_restore(t->cs, buf, sim_cs_state_size()), 0);
	KUNIT_EXPECT_EQ(test, cs_test_status(t).scoreboards, 0xff);
	KUNIT_EXPECT_EQ(test, cs_test_run(t), SIM_CS_EMPTY);
	t->now += 1000;
	KUNIT_EXPECT_EQ(test, cs_test_run(t), SIM_CS_EMPTY);
	KUNIT_EXPECT_EQ(test, cs_test_status(t).scoreboards, 0);
}

/*
 * Size of the state.
 * Succeeds if saving writes so much and no more, and a buffer that is larger is
 * as good.
 */
static void state_has_its_size(struct kunit *test)
{
	struct cs_test *t = to_cs_test(test);
	size_t size = sim_cs_state_size();
	u8 *buf = kunit_kzalloc(test, size + 8, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, buf);
	KUNIT_EXPECT_EQ(test, size % 8, 0);
	buf[size] = 0x5a;
	busy_stream(t);
	sim_cs_save(t->cs, buf);
	KUNIT_EXPECT_EQ(test, buf[size], 0x5a);
	KUNIT_EXPECT_EQ(test, sim_cs_restore(t->cs, buf, size + 8), 0);
	KUNIT_EXPECT_EQ(test, sim_cs_restore(t->cs, buf, size - 1), -EINVAL);
}

/*
 * Each byte of a saved state changed in turn, except for padding.
 * Succeeds if none is taken, and the stream is stopped.
 */
static void damaged_state_is_refused(struct kunit *test)
{
	struct cs_test *t = to_cs_test(test);
	size_t size = sim_cs_state_size(), i;
	u8 *buf = kunit_kzalloc(test, size, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, buf);
	busy_stream(t);
	sim_cs_save(t->cs, buf);
	for (i = 0; i < size; i++) {
		if (i >= 12 && i < 16)
			continue;
		buf[i] ^= 0x80;
		KUNIT_EXPECT_EQ_MSG(test, sim_cs_restore(t->cs, buf, size), -EINVAL, "byte %zu", i);
		KUNIT_EXPECT_EQ(test, t->cs->core.state, SIM_CS_STOPPED);
		buf[i] ^= 0x80;
	}
	KUNIT_EXPECT_EQ(test, sim_cs_restore(t->cs, buf, size), 0);
}

struct field_param {
	const char *desc;
	void (*damage)(struct sim_cs_core *core);
};

#define DAMAGE(name, statement) \
	static void damage_##name(struct sim_cs_core *core) { statement; }

DAMAGE(depth, core->depth = SIM_CS_FRAMES)
DAMAGE(handler_frame_0, core->handler_frame = 0)
DAMAGE(handler_frame_beyond, core->handler_frame = core->depth + 1)
DAMAGE(ring_position, core->frames[0].ip = 4)
DAMAGE(position_misaligned, core->frames[1].ip += 4)
DAMAGE(position_before, core->frames[1].ip = core->frames[1].base - 8)
DAMAGE(position_behind, core->frames[1].ip = core->frames[1].base + core->frames[1].len + 8)
DAMAGE(frame_length, core->frames[1].len = 12)
DAMAGE(frame_overflow, core->frames[1].base = core->frames[1].ip = ~7ULL)
DAMAGE(endpoint_entry, core->ep_sb = SIM_CS_SBS)
DAMAGE(other_entry, core->ls_sb = SIM_CS_SBS)
DAMAGE(operations, core->nr_ops = SIM_CS_OPS + 1)
DAMAGE(operation_kind, core->ops[0].kind = 8)
DAMAGE(operation_entry, core->ops[0].sb = SIM_CS_SBS)
DAMAGE(operation_started, core->ops[0].started = 2)
DAMAGE(trace_registers, (core->ops[0].kind = 7, core->ops[0].insn = 0x3200025f00000000ULL))
DAMAGE(state, core->state = SIM_CS_STATES)
DAMAGE(reason, core->reason = SIM_CS_REASONS)
DAMAGE(handler, core->handler = 4)
DAMAGE(handler_length, core->handler_len = 4)
DAMAGE(job_kind, core->job.op = 99)
DAMAGE(job_size, (core->job.op = SIM_JOB_FILL, core->job.size = ~7ULL))
DAMAGE(job_done, (core->job.op = SIM_JOB_FILL, core->job.done = 8))

#define FIELD(name)	{ #name, damage_##name }

static const struct field_param field_params[] = {
	FIELD(depth),
	FIELD(handler_frame_0),
	FIELD(handler_frame_beyond),
	FIELD(ring_position),
	FIELD(position_misaligned),
	FIELD(position_before),
	FIELD(position_behind),
	FIELD(frame_length),
	FIELD(frame_overflow),
	FIELD(endpoint_entry),
	FIELD(other_entry),
	FIELD(operations),
	FIELD(operation_kind),
	FIELD(operation_entry),
	FIELD(operation_started),
	FIELD(trace_registers),
	FIELD(state),
	FIELD(reason),
	FIELD(handler),
	FIELD(handler_length),
	FIELD(job_kind),
	FIELD(job_size),
	FIELD(job_done),
};

KUNIT_ARRAY_PARAM_DESC(field, field_params, desc);

/*
 * A state with a good checksum and one value that cannot be.
 * Succeeds if it is not taken.
 */
static void impossible_state_is_refused(struct kunit *test)
{
	const struct field_param *param = test->param_value;
	struct cs_test *t = to_cs_test(test);
	void *buf = kunit_kzalloc(test, sim_cs_state_size(), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, buf);
	busy_stream(t);
	sim_cs_save(t->cs, buf);
	KUNIT_ASSERT_EQ(test, sim_cs_restore(t->cs, buf, sim_cs_state_size()), 0);

	param->damage(&t->cs->core);
	sim_cs_save(t->cs, buf);
	KUNIT_EXPECT_EQ(test, sim_cs_restore(t->cs, buf, sim_cs_state_size()), -EINVAL);
	KUNIT_EXPECT_EQ(test, t->cs->core.state, SIM_CS_STOPPED);
}

static struct kunit_case sim_cs_save_cases[] = {
	KUNIT_CASE_PARAM(length_of_slices_makes_no_difference, program_gen_params),
	KUNIT_CASE_PARAM(resume_goes_on_where_suspended, program_gen_params),
	KUNIT_CASE(time_off_the_slot_does_not_count),
	KUNIT_CASE(pace_outlasts_suspend),
	KUNIT_CASE(fault_outlasts_suspend),
	KUNIT_CASE(full_table_is_saved),
	KUNIT_CASE(state_has_its_size),
	KUNIT_CASE(damaged_state_is_refused),
	KUNIT_CASE_PARAM(impossible_state_is_refused, field_gen_params),
	{}
};

static struct kunit_suite sim_cs_save_suite = {
	.name = "panthor_sim_cs_save",
	.init = cs_test_init,
	.test_cases = sim_cs_save_cases,
};

kunit_test_suite(sim_cs_save_suite);
