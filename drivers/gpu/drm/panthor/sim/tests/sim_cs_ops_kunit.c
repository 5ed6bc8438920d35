// SPDX-License-Identifier: GPL-2.0-only
/* Asynchronous operations and the scoreboard. */

#include "sim_cs_fixture.h"

struct run_param {
	const char *desc;
	u64 insn;
	enum sim_cs_delay delay;
};

static const struct run_param run_params[] = {
	{ "compute", 0x0400000000000000ULL, SIM_CS_DELAY_COMPUTE },
	{ "compute_indirect", 0x2c00000000000000ULL, SIM_CS_DELAY_COMPUTE },
	{ "tiling", 0x0500000000000000ULL, SIM_CS_DELAY_TILING },
	{ "idvs", 0x0600000000000000ULL, SIM_CS_DELAY_TILING },
	{ "finish_tiling", 0x0900000000000000ULL, SIM_CS_DELAY_TILING },
	{ "fragment", 0x0700000000000000ULL, SIM_CS_DELAY_FRAGMENT },
	{ "fullscreen", 0x0800000000000000ULL, SIM_CS_DELAY_FRAGMENT },
};

KUNIT_ARRAY_PARAM_DESC(run, run_params, desc);

/*
 * A job of an endpoint, which takes 1000 ns, and a wait for its entry.
 * Succeeds if the wait is over when that time has passed, not before, and the
 * status words say what the stream is waiting for.
 */
static void run_occupies_its_entry(struct kunit *test)
{
	const struct run_param *param = test->param_value;
	struct cs_test *t = to_cs_test(test);
	struct sim_cs_status status;

	t->delay[param->delay] = 1000;
	cs_test_ring(t, INSNS(asm_set_sb(3, 1), param->insn, asm_wait(1 << 3), asm_move32(80, 1)));
	KUNIT_EXPECT_EQ(test, cs_test_run(t), SIM_CS_BLOCKED);
	status = cs_test_status(t);
	KUNIT_EXPECT_EQ(test, status.reason, 1);
	KUNIT_EXPECT_EQ(test, status.wait, 0x80008);
	KUNIT_EXPECT_EQ(test, status.scoreboards, 1 << 3);
	KUNIT_EXPECT_EQ(test, sim_cs_wake_ns(t->cs), t->now + 1000);

	t->now += 999;
	KUNIT_EXPECT_EQ(test, cs_test_run(t), SIM_CS_BLOCKED);
	t->now += 1;
	KUNIT_EXPECT_EQ(test, cs_test_run(t), SIM_CS_EMPTY);
	KUNIT_EXPECT_EQ(test, cs_test_status(t).scoreboards, 0);
	KUNIT_EXPECT_EQ(test, t->cs->core.regs[80], 1);
}

/*
 * A wait for entries that nothing is on.
 * Succeeds if it is over at once, although another entry is in use.
 */
static void idle_entries_are_not_waited_for(struct kunit *test)
{
	struct cs_test *t = to_cs_test(test);

	t->delay[SIM_CS_DELAY_COMPUTE] = 1000;
	cs_test_ring(t, INSNS(asm_set_sb(3, 1), asm_run_compute(0, 0), asm_wait(0xf7)));
	KUNIT_EXPECT_EQ(test, cs_test_run(t), SIM_CS_EMPTY);
	KUNIT_EXPECT_EQ(test, cs_test_status(t).scoreboards, 1 << 3);
	KUNIT_EXPECT_EQ(test, sim_cs_wake_ns(t->cs), t->now + 1000);
}

/*
 * Two jobs on the same entry.
 * Succeeds if it is in use until the second is done.
 */
static void entry_counts(struct kunit *test)
{
	struct cs_test *t = to_cs_test(test);

	t->delay[SIM_CS_DELAY_COMPUTE] = 1000;
	t->delay[SIM_CS_DELAY_FRAGMENT] = 2000;
	cs_test_ring(t, INSNS(asm_run_compute(0, 0), asm_run_fragment(), asm_wait(1)));
	KUNIT_EXPECT_EQ(test, cs_test_run(t), SIM_CS_BLOCKED);
	t->now += 1000;
	KUNIT_EXPECT_EQ(test, cs_test_run(t), SIM_CS_BLOCKED);
	t->now += 1000;
	KUNIT_EXPECT_EQ(test, cs_test_run(t), SIM_CS_EMPTY);
}

/*
 * A long job, then a short one on another entry.
 * Succeeds if the short one is done first.
 */
static void jobs_end_out_of_order(struct kunit *test)
{
	struct cs_test *t = to_cs_test(test);

	t->delay[SIM_CS_DELAY_COMPUTE] = 2000;
	t->delay[SIM_CS_DELAY_FRAGMENT] = 1000;
	cs_test_ring(t, INSNS(asm_set_sb(3, 0), asm_run_compute(0, 0), asm_set_sb(4, 0),
			      asm_run_fragment(), asm_wait(1 << 4), asm_wait(1 << 3)));
	KUNIT_EXPECT_EQ(test, cs_test_run(t), SIM_CS_BLOCKED);
	t->now += 1000;
	KUNIT_EXPECT_EQ(test, cs_test_run(t), SIM_CS_BLOCKED);
	KUNIT_EXPECT_EQ(test, cs_test_status(t).scoreboards, 1 << 3);
	KUNIT_EXPECT_EQ(test, cs_test_status(t).wait, 0x80008);
	t->now += 1000;
	KUNIT_EXPECT_EQ(test, cs_test_run(t), SIM_CS_EMPTY);
}

/*
 * A job that hangs.
 * Succeeds if the stream stays blocked, and does not ask to be called for it.
 */
static void hung_job_blocks_forever(struct kunit *test)
{
	struct cs_test *t = to_cs_test(test);

	t->delay[SIM_CS_DELAY_COMPUTE] = SIM_CS_NEVER;
	cs_test_ring(t, INSNS(asm_run_compute(0, 0), asm_wait(1)));
	KUNIT_EXPECT_EQ(test, cs_test_run(t), SIM_CS_BLOCKED);
	KUNIT_EXPECT_EQ(test, sim_cs_wake_ns(t->cs), U64_MAX);
	t->now += 1ULL << 60;
	KUNIT_EXPECT_EQ(test, cs_test_run(t), SIM_CS_BLOCKED);
}

/*
 * Jobs and a flush that wait for a step.
 * Succeeds if each step is for one operation of its kind, the oldest first, and
 * time does nothing for them.
 */
static void stepped_operations_end_one_by_one(struct kunit *test)
{
	struct cs_test *t = to_cs_test(test);

	t->delay[SIM_CS_DELAY_COMPUTE] = SIM_CS_MANUAL;
	t->delay[SIM_CS_DELAY_FLUSH] = SIM_CS_MANUAL;
	cs_test_ring(t, INSNS(asm_set_sb(3, 0), asm_run_compute(0, 0), asm_set_sb(4, 0),
			      asm_run_compute(0, 0), asm_flush(0x211, 20, 5, 0),
			      asm_wait(1 << 3 | 1 << 4 | 1 << 5)));
	KUNIT_EXPECT_EQ(test, cs_test_run(t), SIM_CS_BLOCKED);
	KUNIT_EXPECT_EQ(test, sim_cs_wake_ns(t->cs), U64_MAX);
	t->now += 1ULL << 60;
	KUNIT_EXPECT_EQ(test, cs_test_run(t), SIM_CS_BLOCKED);
	KUNIT_EXPECT_EQ(test, cs_test_status(t).scoreboards, 1 << 3 | 1 << 4 | 1 << 5);
	KUNIT_EXPECT_EQ(test, sim_cs_step(t->cs, false, 1), 1);
	KUNIT_EXPECT_EQ(test, cs_test_run(t), SIM_CS_BLOCKED);
	KUNIT_EXPECT_EQ(test, cs_test_status(t).scoreboards, 1 << 4 | 1 << 5);
	KUNIT_EXPECT_EQ(test, sim_cs_step(t->cs, true, 9), 1);
	KUNIT_EXPECT_EQ(test, cs_test_run(t), SIM_CS_BLOCKED);
	KUNIT_EXPECT_EQ(test, cs_test_status(t).scoreboards, 1 << 4);
	KUNIT_EXPECT_EQ(test, sim_cs_step(t->cs, true, 9), 0);
	KUNIT_EXPECT_EQ(test, sim_cs_step(t->cs, false, 9), 1);
	KUNIT_EXPECT_EQ(test, cs_test_run(t), SIM_CS_EMPTY);
}

/*
 * A cache flush that takes its time.
 * Succeeds if it is on its signal slot, and is done with its modes at the end.
 */
static void flush_is_on_its_signal_slot(struct kunit *test)
{
	struct cs_test *t = to_cs_test(test);

	t->delay[SIM_CS_DELAY_FLUSH] = 1000;
	cs_test_ring(t, INSNS(asm_flush(0x211, 20, 5, 0), asm_wait(1 << 5)));
	KUNIT_EXPECT_EQ(test, cs_test_run(t), SIM_CS_BLOCKED);
	KUNIT_EXPECT_EQ(test, cs_test_status(t).scoreboards, 1 << 5);
	KUNIT_EXPECT_EQ(test, t->flushes, 0);
	t->now += 1000;
	KUNIT_EXPECT_EQ(test, cs_test_run(t), SIM_CS_EMPTY);
	KUNIT_EXPECT_EQ(test, t->flushes, 1);
	KUNIT_EXPECT_EQ(test, t->flush_modes, 0x211);
}

struct flush_param {
	const char *desc;
	u32 id;
	u32 current_id;
	bool flushed;
};

static const struct flush_param flush_params[] = {
	{ "no_id", 0, 5, true },
	{ "same", 5, 5, true },
	{ "since", 5, 6, false },
	{ "not_yet", 6, 5, true },
	{ "wrapped", 0xfffffe, 1, false },
	{ "wrapped_not_yet", 1, 0xfffffe, true },
};

KUNIT_ARRAY_PARAM_DESC(flush, flush_params, desc);

/*
 * A flush for data written when LATEST_FLUSH was so and so.
 * Succeeds if it is left out exactly if there was one since.
 */
static void flush_of_flushed_data_is_left_out(struct kunit *test)
{
	const struct flush_param *param = test->param_value;
	struct cs_test *t = to_cs_test(test);

	t->flush_id = param->current_id;
	cs_test_ring(t, INSNS(asm_move32(20, param->id), asm_flush(0x233, 20, 1, 0),
			      asm_wait(2)));
	KUNIT_EXPECT_EQ(test, cs_test_run(t), SIM_CS_EMPTY);
	KUNIT_EXPECT_EQ(test, t->flushes, param->flushed);
}

struct deferred_param {
	const char *desc;
	u64 insn;
};

/* Signal slot 2, wait for slot 0, address d0, data d4 or r4. */
static const struct deferred_param deferred_params[] = {
	{ "sync_add32", 0x2502000400010000ULL },
	{ "sync_set32", 0x2602000400010000ULL },
	{ "sync_add64", 0x3302000400010000ULL },
	{ "sync_set64", 0x3402000400010000ULL },
	{ "store_state", 0x2802000000010000ULL },
	{ "heap_operation", 0x3102000000010000ULL },
	{ "finish_fragment", 0x0b02060600010001ULL },
};

KUNIT_ARRAY_PARAM_DESC(deferred, deferred_params, desc);

/* Has a deferred instruction wait for a job of 1000 ns. */
static void defer(struct cs_test *t, u64 insn)
{
	t->delay[SIM_CS_DELAY_COMPUTE] = 1000;
	cs_test_ring(t, INSNS(asm_move48(0, DATA_VA), asm_heap_set(0), asm_move32(4, 7),
			      asm_run_compute(0, 0), insn));
}

/*
 * An instruction that waits for an entry in use.
 * Succeeds if the stream goes on meanwhile, its signal slot is in use, and it is
 * done when the entry is 0.
 */
static void deferred_instruction_waits_aside(struct kunit *test)
{
	const struct deferred_param *param = test->param_value;
	struct cs_test *t = to_cs_test(test);
	static const u8 nothing[24];

	defer(t, param->insn);
	KUNIT_EXPECT_EQ(test, cs_test_run(t), SIM_CS_EMPTY);
	KUNIT_EXPECT_EQ(test, cs_test_status(t).scoreboards, 1 | 1 << 2);
	KUNIT_EXPECT_EQ(test, memcmp(cs_test_mem(t, DATA_VA), nothing, 24), 0);
	t->now += 1000;
	KUNIT_EXPECT_EQ(test, cs_test_run(t), SIM_CS_EMPTY);
	KUNIT_EXPECT_EQ(test, cs_test_status(t).scoreboards, 0);
	KUNIT_EXPECT_NE(test, memcmp(cs_test_mem(t, DATA_VA), nothing, 24), 0);
}

/*
 * A deferred flush.
 * Succeeds if it starts when the entry is 0, and then takes its time.
 */
static void deferred_flush_starts_late(struct kunit *test)
{
	struct cs_test *t = to_cs_test(test);

	t->delay[SIM_CS_DELAY_FLUSH] = 500;
	defer(t, asm_flush(0x233, 20, 2, 1));
	KUNIT_EXPECT_EQ(test, cs_test_run(t), SIM_CS_EMPTY);
	t->now += 1000;
	KUNIT_EXPECT_EQ(test, cs_test_run(t), SIM_CS_EMPTY);
	KUNIT_EXPECT_EQ(test, t->flushes, 0);
	KUNIT_EXPECT_EQ(test, sim_cs_wake_ns(t->cs), t->now + 500);
	t->now += 500;
	KUNIT_EXPECT_EQ(test, cs_test_run(t), SIM_CS_EMPTY);
	KUNIT_EXPECT_EQ(test, t->flushes, 1);
}

/*
 * Registers that change after the instruction that uses them was issued.
 * Succeeds if it uses what they were.
 */
static void operands_are_taken_when_issued(struct kunit *test)
{
	struct cs_test *t = to_cs_test(test);

	defer(t, asm_sync(38, 0, 4, ASM_GROUP, 2, 1));
	cs_test_ring(t, INSNS(asm_move48(0, 0), asm_move32(4, 9)));
	KUNIT_EXPECT_EQ(test, cs_test_run(t), SIM_CS_EMPTY);
	t->now += 1000;
	KUNIT_EXPECT_EQ(test, cs_test_run(t), SIM_CS_EMPTY);
	KUNIT_EXPECT_EQ(test, cs_test_read32(t, DATA_VA), 7);
}

/*
 * An instruction that waits for its own signal slot.
 * Succeeds if it never starts, even when nothing else is left.
 */
static void wait_for_itself_never_ends(struct kunit *test)
{
	struct cs_test *t = to_cs_test(test);

	cs_test_ring(t, INSNS(asm_move48(0, DATA_VA), asm_move32(4, 7),
			      asm_sync(38, 0, 4, ASM_GROUP, 2, 1 << 2), asm_wait(0xff)));
	KUNIT_EXPECT_EQ(test, cs_test_run(t), SIM_CS_BLOCKED);
	t->now += 1000000;
	KUNIT_EXPECT_EQ(test, cs_test_run(t), SIM_CS_BLOCKED);
	KUNIT_EXPECT_EQ(test, cs_test_read32(t, DATA_VA), 0);
	KUNIT_EXPECT_EQ(test, sim_cs_wake_ns(t->cs), U64_MAX);
}

/*
 * Three deferred writes, each waiting for the entry of the one issued before it.
 * Succeeds if the end of the first job has all of them done, in order.
 */
static void deferred_instructions_chain(struct kunit *test)
{
	struct cs_test *t = to_cs_test(test);

	defer(t, asm_sync(38, 0, 4, ASM_GROUP, 2, 1));
	cs_test_ring(t, INSNS(asm_move32(4, 8), asm_sync(38, 0, 4, ASM_GROUP, 3, 1 << 2),
			      asm_move32(4, 9), asm_sync(38, 0, 4, ASM_GROUP, 4, 1 << 3),
			      asm_wait(1 << 4)));
	KUNIT_EXPECT_EQ(test, cs_test_run(t), SIM_CS_BLOCKED);
	t->now += 1000;
	KUNIT_EXPECT_EQ(test, cs_test_run(t), SIM_CS_EMPTY);
	KUNIT_EXPECT_EQ(test, cs_test_read32(t, DATA_VA), 9);
	KUNIT_EXPECT_EQ(test, t->syncs[false], 3);
}

/*
 * The end of an operation frees one that was issued before it.
 * Succeeds if that is done in the same slice.
 */
static void later_operation_frees_an_earlier(struct kunit *test)
{
	struct cs_test *t = to_cs_test(test);

	t->delay[SIM_CS_DELAY_COMPUTE] = 1000;
	t->delay[SIM_CS_DELAY_FRAGMENT] = 500;
	cs_test_ring(t, INSNS(asm_move48(0, DATA_VA), asm_move32(4, 7), asm_run_compute(0, 0),
			      asm_sync(38, 0, 4, ASM_GROUP, 2, 3), asm_set_sb(1, 0),
			      asm_run_compute(0, 0)));
	KUNIT_EXPECT_EQ(test, cs_test_run(t), SIM_CS_EMPTY);
	t->now += 1000;
	KUNIT_EXPECT_EQ(test, cs_test_run(t), SIM_CS_EMPTY);
	KUNIT_EXPECT_EQ(test, cs_test_read32(t, DATA_VA), 7);
	KUNIT_EXPECT_EQ(test, cs_test_status(t).scoreboards, 0);
}

/*
 * A signal slot that does not exist, in an instruction that waits for nothing.
 * Succeeds if the slot is ignored.
 */
static void signal_slot_needs_a_wait(struct kunit *test)
{
	struct cs_test *t = to_cs_test(test);

	cs_test_ring(t, INSNS(asm_move48(0, DATA_VA), asm_move32(4, 7),
			      asm_sync(38, 0, 4, ASM_GROUP, 15, 0)));
	KUNIT_EXPECT_EQ(test, cs_test_run(t), SIM_CS_EMPTY);
	KUNIT_EXPECT_EQ(test, cs_test_read32(t, DATA_VA), 7);
}

struct full_param {
	const char *desc;
	u64 insn;
	enum sim_cs_reason reason;
};

static const struct full_param full_params[] = {
	{ "run", 0x0400000000000000ULL, SIM_CS_DEFERRED },
	{ "flush", 0x2401000000000233ULL, SIM_CS_FLUSH },
	{ "sync", 0x2602000400010006ULL & ~2ULL, SIM_CS_DEFERRED },
};

KUNIT_ARRAY_PARAM_DESC(full, full_params, desc);

/*
 * As many operations in flight as there may be, and one more.
 * Succeeds if the stream is blocked with it until the first are done.
 */
static void full_table_blocks(struct kunit *test)
{
	const struct full_param *param = test->param_value;
	struct cs_test *t = to_cs_test(test);
	unsigned int i;

	t->delay[SIM_CS_DELAY_FRAGMENT] = 1000;
	cs_test_ring(t, INSNS(asm_move48(0, DATA_VA)));
	for (i = 0; i < SIM_CS_OPS; i++)
		cs_test_ring(t, INSNS(asm_run_fragment()));
	KUNIT_EXPECT_EQ(test, cs_test_run(t), SIM_CS_EMPTY);

	cs_test_ring(t, INSNS(param->insn, asm_move32(10, 1)));
	KUNIT_EXPECT_EQ(test, cs_test_run(t), SIM_CS_BLOCKED);
	KUNIT_EXPECT_EQ(test, cs_test_status(t).reason, param->reason);
	KUNIT_EXPECT_EQ(test, t->cs->core.regs[10], 0);

	t->now += 1000;
	KUNIT_EXPECT_EQ(test, cs_test_run(t), SIM_CS_EMPTY);
	KUNIT_EXPECT_EQ(test, t->cs->core.regs[10], 1);
}

/*
 * The selection of entries lasts.
 * Succeeds if a job of a later submission is on the entry selected before.
 */
static void selection_of_entries_lasts(struct kunit *test)
{
	struct cs_test *t = to_cs_test(test);

	cs_test_call(t, INSNS(asm_set_sb(6, 0)));
	KUNIT_EXPECT_EQ(test, cs_test_run(t), SIM_CS_EMPTY);
	t->delay[SIM_CS_DELAY_COMPUTE] = 1000;
	cs_test_call(t, INSNS(asm_run_compute(0, 0)));
	KUNIT_EXPECT_EQ(test, cs_test_run(t), SIM_CS_EMPTY);
	KUNIT_EXPECT_EQ(test, cs_test_status(t).scoreboards, 1 << 6);
}

static struct kunit_case sim_cs_ops_cases[] = {
	KUNIT_CASE_PARAM(run_occupies_its_entry, run_gen_params),
	KUNIT_CASE(idle_entries_are_not_waited_for),
	KUNIT_CASE(entry_counts),
	KUNIT_CASE(jobs_end_out_of_order),
	KUNIT_CASE(hung_job_blocks_forever),
	KUNIT_CASE(stepped_operations_end_one_by_one),
	KUNIT_CASE(flush_is_on_its_signal_slot),
	KUNIT_CASE_PARAM(flush_of_flushed_data_is_left_out, flush_gen_params),
	KUNIT_CASE_PARAM(deferred_instruction_waits_aside, deferred_gen_params),
	KUNIT_CASE(deferred_flush_starts_late),
	KUNIT_CASE(operands_are_taken_when_issued),
	KUNIT_CASE(wait_for_itself_never_ends),
	KUNIT_CASE(deferred_instructions_chain),
	KUNIT_CASE(later_operation_frees_an_earlier),
	KUNIT_CASE(signal_slot_needs_a_wait),
	KUNIT_CASE_PARAM(full_table_blocks, full_gen_params),
	KUNIT_CASE(selection_of_entries_lasts),
	{}
};

static struct kunit_suite sim_cs_ops_suite = {
	.name = "panthor_sim_cs_ops",
	.init = cs_test_init,
	.test_cases = sim_cs_ops_cases,
};

kunit_test_suite(sim_cs_ops_suite);
