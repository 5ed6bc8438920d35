// SPDX-License-Identifier: GPL-2.0-only
/* Synchronisation objects, error state, and what else blocks. */

#include "sim_cs_fixture.h"

/* The driver keeps a queue's object here. */
#define SEQNO_VA	(DATA_VA + SZ_4K)

struct wait_param {
	const char *desc;
	u64 insn;
	u64 blocked;
	u64 passed;
	u32 status;
};

/* Waits for the object at d0, reference in d4, which is 0x100000005. */
static const struct wait_param wait_params[] = {
	{ "32_gt", 0x2700000410000000ULL, 5, 6, 0x81000000 },
	{ "32_le", 0x2700000400000000ULL, 6, 5, 0x80000000 },
	{ "64_gt", 0x3500000410000000ULL, 0x100000005ULL, 0x100000006ULL, 0xc1000000 },
	{ "64_le", 0x3500000400000000ULL, 0x100000006ULL, 0x100000005ULL, 0xc0000000 },
};

KUNIT_ARRAY_PARAM_DESC(wait, wait_params, desc);

/*
 * A wait that is not over, then memory changes without a word to the stream.
 * Succeeds if it is blocked in SYNC_WAIT, with status words by which the host can
 * tell what for, and goes on when it is looked at again, with no reason left.
 */
static void wait_is_polled(struct kunit *test)
{
	const struct wait_param *param = test->param_value;
	struct cs_test *t = to_cs_test(test);
	struct sim_cs_status status;

	cs_test_write64(t, DATA_VA, param->blocked);
	cs_test_ring(t, INSNS(asm_move48(0, DATA_VA), asm_move48(4, 0x100000005ULL)));
	cs_test_call(t, INSNS(param->insn, asm_move32(10, 1)));
	KUNIT_EXPECT_EQ(test, cs_test_run(t), SIM_CS_BLOCKED);
	KUNIT_EXPECT_EQ(test, cs_test_run(t), SIM_CS_BLOCKED);
	status = cs_test_status(t);
	KUNIT_EXPECT_EQ(test, status.reason, 3);
	KUNIT_EXPECT_EQ(test, status.wait, param->status);
	KUNIT_EXPECT_EQ(test, status.sync_ptr, DATA_VA);
	KUNIT_EXPECT_EQ(test, status.sync_value,
			param->status & BIT(30) ? 0x100000005ULL : 5);
	KUNIT_EXPECT_EQ(test, status.scoreboards, 0);
	KUNIT_EXPECT_EQ(test, status.cmd_ptr, CODE_VA);
	KUNIT_EXPECT_EQ(test, sim_cs_wake_ns(t->cs), U64_MAX);
	KUNIT_EXPECT_EQ(test, t->cs->core.regs[10], 0);

	cs_test_write64(t, DATA_VA, param->passed);
	KUNIT_EXPECT_EQ(test, cs_test_run(t), SIM_CS_EMPTY);
	status = cs_test_status(t);
	KUNIT_EXPECT_EQ(test, status.reason, 0);
	KUNIT_EXPECT_EQ(test, status.wait, 0);
	KUNIT_EXPECT_EQ(test, t->cs->core.regs[10], 1);
}

struct scope_param {
	const char *desc;
	u8 opcode;
	u64 scope;
	bool system;
};

static const struct scope_param scope_params[] = {
	{ "add32_system", 37, ASM_SYSTEM, true },
	{ "set32_group", 38, ASM_GROUP, false },
	{ "add64_group", 51, ASM_GROUP, false },
	{ "set64_system", 52, ASM_SYSTEM, true },
};

KUNIT_ARRAY_PARAM_DESC(scope, scope_params, desc);

/*
 * Who must be told of a write: the host only of system scope.
 * Succeeds if the write is reported once, with its scope and address.
 */
static void write_is_reported_with_scope(struct kunit *test)
{
	const struct scope_param *param = test->param_value;
	struct cs_test *t = to_cs_test(test);

	cs_test_ring(t, INSNS(asm_move48(0, DATA_VA + 16),
			      asm_sync(param->opcode, 0, 4, param->scope, 0, 0)));
	KUNIT_EXPECT_EQ(test, cs_test_run(t), SIM_CS_EMPTY);
	KUNIT_EXPECT_EQ(test, t->syncs[param->system], 1);
	KUNIT_EXPECT_EQ(test, t->syncs[!param->system], 0);
	KUNIT_EXPECT_EQ(test, t->sync_va, DATA_VA + 16);
}

/*
 * Writes with system scope have a pace.
 * Succeeds if the second is done when its time has come, and the stream says when
 * that is.
 */
static void system_scope_is_paced(struct kunit *test)
{
	struct cs_test *t = to_cs_test(test);

	t->delay[SIM_CS_DELAY_SYNC] = 2000;
	cs_test_ring(t, INSNS(asm_move48(0, DATA_VA), asm_move32(4, 1),
			      asm_sync_add32(0, 4, ASM_SYSTEM), asm_sync_add32(0, 4, ASM_SYSTEM)));
	KUNIT_EXPECT_EQ(test, cs_test_run(t), SIM_CS_RUNNING);
	KUNIT_EXPECT_EQ(test, cs_test_read32(t, DATA_VA), 1);
	KUNIT_EXPECT_EQ(test, sim_cs_wake_ns(t->cs), t->now + 2000);

	t->now += 1999;
	KUNIT_EXPECT_EQ(test, cs_test_run(t), SIM_CS_RUNNING);
	KUNIT_EXPECT_EQ(test, cs_test_read32(t, DATA_VA), 1);
	t->now++;
	cs_test_run(t);
	KUNIT_EXPECT_EQ(test, cs_test_read32(t, DATA_VA), 2);
}

/*
 * Nobody but the host needs the pace.
 * Succeeds if writes with group scope are done at once.
 */
static void group_scope_is_not_paced(struct kunit *test)
{
	struct cs_test *t = to_cs_test(test);

	t->delay[SIM_CS_DELAY_SYNC] = 2000;
	cs_test_ring(t, INSNS(asm_move48(0, DATA_VA), asm_move32(4, 1),
			      asm_sync_add32(0, 4, ASM_GROUP), asm_sync_add32(0, 4, ASM_GROUP)));
	KUNIT_EXPECT_EQ(test, cs_test_run(t), SIM_CS_EMPTY);
	KUNIT_EXPECT_EQ(test, cs_test_read32(t, DATA_VA), 2);
}

/*
 * A stream of writes that nobody called for 10 ms.
 * Succeeds if it catches up with 1 ms of them, not more.
 */
static void pace_is_caught_up(struct kunit *test)
{
	struct cs_test *t = to_cs_test(test);

	t->delay[SIM_CS_DELAY_SYNC] = 2000;
	cs_test_ring(t, INSNS(asm_move48(0, DATA_VA), asm_move32(4, 1)));
	KUNIT_EXPECT_EQ(test, cs_test_run(t), SIM_CS_EMPTY);
	cs_test_call(t, INSNS(asm_sync_add32(0, 4, ASM_SYSTEM), asm_branch(ASM_ALWAYS, 0, -2)));
	t->now += 10000000;
	KUNIT_EXPECT_EQ(test, cs_test_run(t), SIM_CS_RUNNING);
	KUNIT_EXPECT_EQ(test, cs_test_read32(t, DATA_VA), 501);
	t->now += 20000;
	KUNIT_EXPECT_EQ(test, cs_test_run(t), SIM_CS_RUNNING);
	KUNIT_EXPECT_EQ(test, cs_test_read32(t, DATA_VA), 511);
}

/* Has the stream wait for an object with an error, which is a fault. */
static void make_fault(struct cs_test *t)
{
	cs_test_write32(t, DATA_VA + 12, ~0);
	cs_test_ring(t, INSNS(asm_move48(0, DATA_VA + 8)));
	cs_test_call(t, INSNS(asm_sync_wait32(ASM_LE, 0, 20, 0), asm_move32(10, 1)));
}

/*
 * A wait for an object whose status word is not 0.
 * Succeeds if that is CS_INHERIT_FAULT with the object's address.
 */
static void wait_inherits_error(struct kunit *test)
{
	struct cs_test *t = to_cs_test(test);
	struct sim_cs_status status;

	make_fault(t);
	KUNIT_EXPECT_EQ(test, cs_test_run(t), SIM_CS_FAULT);
	status = cs_test_status(t);
	KUNIT_EXPECT_EQ(test, status.code, 0x4b);
	KUNIT_EXPECT_EQ(test, status.info, DATA_VA + 8);
}

/*
 * The same with a 64-bit object, whose status word is elsewhere.
 * Succeeds if that is CS_INHERIT_FAULT.
 */
static void wait64_inherits_error(struct kunit *test)
{
	struct cs_test *t = to_cs_test(test);

	cs_test_write32(t, DATA_VA + 8, 1);
	cs_test_ring(t, INSNS(asm_move48(0, DATA_VA), asm_sync_wait64(ASM_LE, 0, 20, 0)));
	KUNIT_EXPECT_EQ(test, cs_test_run(t), SIM_CS_FAULT);
	KUNIT_EXPECT_EQ(test, cs_test_status(t).code, 0x4b);
}

/*
 * A wait that rejects errors.
 * Succeeds if the stream goes on.
 */
static void wait_rejects_error(struct kunit *test)
{
	struct cs_test *t = to_cs_test(test);

	cs_test_write32(t, DATA_VA + 4, 1);
	cs_test_ring(t, INSNS(asm_move48(0, DATA_VA),
			      asm_sync_wait32(ASM_LE, 0, 20, ASM_REJECT)));
	KUNIT_EXPECT_EQ(test, cs_test_run(t), SIM_CS_EMPTY);
}

/*
 * An object with an error that has not got its value yet.
 * Succeeds if the stream waits for it.
 */
static void error_is_inherited_with_the_value(struct kunit *test)
{
	struct cs_test *t = to_cs_test(test);

	cs_test_write32(t, DATA_VA + 4, 1);
	cs_test_ring(t, INSNS(asm_move48(0, DATA_VA), asm_sync_wait32(ASM_GT, 0, 20, 0)));
	KUNIT_EXPECT_EQ(test, cs_test_run(t), SIM_CS_BLOCKED);
	cs_test_write32(t, DATA_VA, 1);
	KUNIT_EXPECT_EQ(test, cs_test_run(t), SIM_CS_FAULT);
}

/* The end of a job as the driver writes it. */
static void end_job(struct cs_test *t)
{
	cs_test_ring(t, INSNS(asm_move48(92, SEQNO_VA), asm_move48(94, 1), asm_wait(0xff),
			      asm_sync_add64(92, 94, ASM_SYSTEM | ASM_PROPAGATE),
			      asm_error_barrier()));
}

/*
 * The fault of a job, which the host has to take note of first.
 * Succeeds if nothing more of the stream is executed before that.
 */
static void fault_waits_for_the_host(struct kunit *test)
{
	struct cs_test *t = to_cs_test(test);

	make_fault(t);
	end_job(t);
	KUNIT_EXPECT_EQ(test, cs_test_run(t), SIM_CS_FAULT);
	KUNIT_EXPECT_EQ(test, cs_test_run(t), SIM_CS_FAULT);
	KUNIT_EXPECT_EQ(test, cs_test_read64(t, SEQNO_VA), 0);
	KUNIT_EXPECT_EQ(test, sim_cs_wake_ns(t->cs), U64_MAX);
}

/*
 * The same when it has.
 * Succeeds if the rest of the job's own code is not executed, but its end is,
 * which writes an error to the sequence number.
 */
static void faulted_job_ends(struct kunit *test)
{
	struct cs_test *t = to_cs_test(test);

	make_fault(t);
	end_job(t);
	KUNIT_EXPECT_EQ(test, cs_test_run(t), SIM_CS_FAULT);
	sim_cs_fault_ack(t->cs);
	KUNIT_EXPECT_EQ(test, cs_test_run(t), SIM_CS_EMPTY);
	KUNIT_EXPECT_EQ(test, t->cs->core.regs[10], 0);
	KUNIT_EXPECT_EQ(test, cs_test_read64(t, SEQNO_VA), 1);
	KUNIT_EXPECT_EQ(test, cs_test_read32(t, SEQNO_VA + 8), 1);
	KUNIT_EXPECT_EQ(test, t->extract, t->insert);
}

/*
 * A job after one that faulted.
 * Succeeds if it runs, and its end writes no error.
 */
static void error_ends_at_the_barrier(struct kunit *test)
{
	struct cs_test *t = to_cs_test(test);

	make_fault(t);
	end_job(t);
	cs_test_run(t);
	sim_cs_fault_ack(t->cs);
	KUNIT_EXPECT_EQ(test, cs_test_run(t), SIM_CS_EMPTY);

	cs_test_call(t, INSNS(asm_move32(11, 1)));
	end_job(t);
	KUNIT_EXPECT_EQ(test, cs_test_run(t), SIM_CS_EMPTY);
	KUNIT_EXPECT_EQ(test, t->cs->core.regs[11], 1);
	KUNIT_EXPECT_EQ(test, cs_test_read64(t, SEQNO_VA), 2);
	KUNIT_EXPECT_EQ(test, cs_test_read32(t, SEQNO_VA + 8), 0);
}

/*
 * Writes in error state, with and without the bit that propagates it, and what
 * STORE_STATE says of it.
 * Succeeds if only the one with the bit says error, and the state is the type.
 */
static void error_goes_where_propagated(struct kunit *test)
{
	struct cs_test *t = to_cs_test(test);

	make_fault(t);
	cs_test_ring(t, INSNS(asm_move48(2, DATA_VA + 32), asm_move48(4, DATA_VA + 48),
			      asm_sync_add32(2, 20, ASM_GROUP),
			      asm_sync_set32(4, 20, ASM_GROUP | ASM_PROPAGATE),
			      asm_store_state(3, 2, 32, 0, 0)));
	cs_test_write32(t, DATA_VA + 36, 9);
	cs_test_run(t);
	sim_cs_fault_ack(t->cs);
	KUNIT_EXPECT_EQ(test, cs_test_run(t), SIM_CS_EMPTY);
	KUNIT_EXPECT_EQ(test, cs_test_read32(t, DATA_VA + 36), 0);
	KUNIT_EXPECT_EQ(test, cs_test_read32(t, DATA_VA + 52), 1);
	KUNIT_EXPECT_EQ(test, cs_test_read64(t, DATA_VA + 64), 0x4b);
}

/*
 * A fault of an instruction in the ring itself.
 * Succeeds if the stream goes on behind it, not with it.
 */
static void fault_in_the_ring_is_passed(struct kunit *test)
{
	struct cs_test *t = to_cs_test(test);

	cs_test_write32(t, DATA_VA + 4, 1);
	cs_test_ring(t, INSNS(asm_move48(0, DATA_VA), asm_sync_wait32(ASM_LE, 0, 20, 0),
			      asm_move32(10, 1)));
	KUNIT_EXPECT_EQ(test, cs_test_run(t), SIM_CS_FAULT);
	sim_cs_fault_ack(t->cs);
	KUNIT_EXPECT_EQ(test, cs_test_run(t), SIM_CS_EMPTY);
	KUNIT_EXPECT_EQ(test, t->cs->core.regs[10], 1);
}

/*
 * The driver looks up the job of a fault by the position in the ring.
 * Succeeds if it lies in the job, before its end.
 */
static void fault_lies_in_its_job(struct kunit *test)
{
	struct cs_test *t = to_cs_test(test);
	u64 start, end;

	cs_test_ring(t, INSNS(asm_nop(), asm_nop()));
	start = t->insert;
	make_fault(t);
	end_job(t);
	end = t->insert;
	cs_test_ring(t, INSNS(asm_nop(), asm_nop()));
	KUNIT_EXPECT_EQ(test, cs_test_run(t), SIM_CS_FAULT);
	KUNIT_EXPECT_GE(test, t->extract, start);
	KUNIT_EXPECT_LT(test, t->extract, end);
}

/*
 * Endpoints that are not to be had.
 * Succeeds if the stream is blocked, says for which, and has them later.
 */
static void resource_is_waited_for(struct kunit *test)
{
	struct cs_test *t = to_cs_test(test);

	t->deny = true;
	cs_test_ring(t, INSNS(asm_req_resource(5)));
	KUNIT_EXPECT_EQ(test, cs_test_run(t), SIM_CS_BLOCKED);
	KUNIT_EXPECT_EQ(test, cs_test_status(t).reason, 5);
	KUNIT_EXPECT_EQ(test, cs_test_status(t).resources, 5);
	KUNIT_EXPECT_EQ(test, t->cs->core.resources, 0);

	t->deny = false;
	KUNIT_EXPECT_EQ(test, cs_test_run(t), SIM_CS_EMPTY);
	KUNIT_EXPECT_EQ(test, cs_test_status(t).reason, 0);
	KUNIT_EXPECT_EQ(test, t->cs->core.resources, 5);
}

/*
 * Progress of another stream that is not there yet.
 * Succeeds if the stream is blocked until the counter has the value.
 */
static void progress_is_waited_for(struct kunit *test)
{
	struct cs_test *t = to_cs_test(test);

	t->progress = 4;
	cs_test_ring(t, INSNS(asm_move48(2, 5), asm_progress_wait(1, 2)));
	KUNIT_EXPECT_EQ(test, cs_test_run(t), SIM_CS_BLOCKED);
	KUNIT_EXPECT_EQ(test, cs_test_status(t).reason, 2);
	KUNIT_EXPECT_EQ(test, cs_test_status(t).wait, BIT(28));
	t->progress = 5;
	KUNIT_EXPECT_EQ(test, cs_test_run(t), SIM_CS_EMPTY);
	KUNIT_EXPECT_EQ(test, cs_test_status(t).reason, 0);
}

/*
 * A whole job as the driver emits it.
 * Succeeds if what it stores is there, the flush was done before, the sequence
 * number counts, and the host is told once.
 */
static void job_of_the_driver_runs(struct kunit *test)
{
	struct cs_test *t = to_cs_test(test);

	cs_test_code(t, CODE_VA, INSNS(asm_move48(66, DATA_VA), asm_move32(70, 0xdeadbeef),
				       asm_store(70, 66, 1, 0), asm_wait(0xff)));
	cs_test_ring(t, INSNS(asm_move32(94, 0), asm_flush(0x233, 94, 0, 0),
			      asm_move48(92, CODE_VA), asm_move32(94, 32), asm_wait(1),
			      asm_call(92, 94)));
	end_job(t);
	KUNIT_EXPECT_EQ(test, cs_test_run(t), SIM_CS_EMPTY);
	KUNIT_EXPECT_EQ(test, cs_test_read32(t, DATA_VA), 0xdeadbeef);
	KUNIT_EXPECT_EQ(test, t->flushes, 1);
	KUNIT_EXPECT_EQ(test, t->flush_modes, 0x233);
	KUNIT_EXPECT_EQ(test, cs_test_read64(t, SEQNO_VA), 1);
	KUNIT_EXPECT_EQ(test, t->syncs[true], 1);
	KUNIT_EXPECT_EQ(test, t->sync_va, SEQNO_VA);
}

static struct kunit_case sim_cs_sync_cases[] = {
	KUNIT_CASE_PARAM(wait_is_polled, wait_gen_params),
	KUNIT_CASE_PARAM(write_is_reported_with_scope, scope_gen_params),
	KUNIT_CASE(system_scope_is_paced),
	KUNIT_CASE(group_scope_is_not_paced),
	KUNIT_CASE(pace_is_caught_up),
	KUNIT_CASE(wait_inherits_error),
	KUNIT_CASE(wait64_inherits_error),
	KUNIT_CASE(wait_rejects_error),
	KUNIT_CASE(error_is_inherited_with_the_value),
	KUNIT_CASE(fault_waits_for_the_host),
	KUNIT_CASE(faulted_job_ends),
	KUNIT_CASE(error_ends_at_the_barrier),
	KUNIT_CASE(error_goes_where_propagated),
	KUNIT_CASE(fault_in_the_ring_is_passed),
	KUNIT_CASE(fault_lies_in_its_job),
	KUNIT_CASE(resource_is_waited_for),
	KUNIT_CASE(progress_is_waited_for),
	KUNIT_CASE(job_of_the_driver_runs),
	{}
};

static struct kunit_suite sim_cs_sync_suite = {
	.name = "panthor_sim_cs_sync",
	.init = cs_test_init,
	.test_cases = sim_cs_sync_cases,
};

kunit_test_suite(sim_cs_sync_suite);
