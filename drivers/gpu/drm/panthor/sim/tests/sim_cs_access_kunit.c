// SPDX-License-Identifier: GPL-2.0-only
/* Accesses to memory that have to wait, or fail. */

#include "sim_cs_fixture.h"

struct access_param {
	const char *desc;
	u64 insn;
	u64 va;
	bool write;
	u64 before;
	u64 after;
};

/*
 * d0 is DATA_VA, as is d2; d4 is 5, which is also the length of nothing. The
 * double word at DATA_VA is "before", then "after".
 */
static const struct access_param access_params[] = {
	{ "load", 0x1406000000030000ULL, DATA_VA, false, 3, 3 },
	{ "store", 0x1504000000030000ULL, DATA_VA, true, 3, 5 },
	{ "sync_add32", 0x2500000400000000ULL, DATA_VA, true, 3, 8 },
	{ "sync_set32", 0x2600000400000000ULL, DATA_VA, true, 3, 5 },
	{ "sync_add64", 0x3300000400000000ULL, DATA_VA, true, 3, 8 },
	{ "sync_add64_status", 0x3300000400000000ULL, DATA_VA + 8, true, 3, 8 },
	{ "sync_wait32", 0x2700000400000000ULL, DATA_VA, false, 3, 3 },
	{ "sync_deferred", 0x2501000400010000ULL, DATA_VA, true, 3, 8 },
	{ "store_state", 0x2800000300000000ULL, DATA_VA, true, 3, 0 },
	{ "heap_operation", 0x3100000000000000ULL, DATA_VA, true, 3, 4 },
	{ "finish_fragment", 0x0b000a0c00000001ULL, DATA_VA + 8, true, 3, 3 },
	{ "fetch", 0x1504000000030000ULL, CODE_VA + 24, false, 3, 5 },
	{ "fetch_in_ring", 0x1504000000030000ULL, RING_VA, false, 3, 5 },
};

KUNIT_ARRAY_PARAM_DESC(access, access_params, desc);

static void prepare(struct cs_test *t, const struct access_param *param, int err)
{
	cs_test_write64(t, DATA_VA, param->before);
	cs_test_call(t, INSNS(asm_move48(0, DATA_VA), asm_heap_set(0), asm_move48(4, 5),
			      param->insn, asm_move32(20, 1)));
	t->bad_va = param->va;
	t->bad_len = 8;
	t->bad_err = err;
	t->bad_write = param->write;
}

/*
 * Memory that is locked while its mapping is edited.
 * Succeeds if the stream stalls without having done half of it, and does it once
 * when the lock is gone.
 */
static void locked_memory_stalls(struct kunit *test)
{
	const struct access_param *param = test->param_value;
	struct cs_test *t = to_cs_test(test);

	prepare(t, param, -EAGAIN);
	KUNIT_EXPECT_EQ(test, cs_test_run(t), SIM_CS_STALLED);
	KUNIT_EXPECT_EQ(test, cs_test_run(t), SIM_CS_STALLED);
	KUNIT_EXPECT_EQ(test, cs_test_read64(t, DATA_VA), param->before);
	KUNIT_EXPECT_EQ(test, t->cs->core.regs[20], 0);
	KUNIT_EXPECT_EQ(test, sim_cs_wake_ns(t->cs), U64_MAX);
	KUNIT_EXPECT_EQ(test, cs_test_status(t).reason, 0);

	t->bad_len = 0;
	KUNIT_EXPECT_EQ(test, cs_test_run(t), SIM_CS_EMPTY);
	KUNIT_EXPECT_EQ(test, cs_test_read64(t, DATA_VA), param->after);
	KUNIT_EXPECT_EQ(test, t->cs->core.regs[20], 1);
}

/*
 * Memory that faults.
 * Succeeds if the stream freezes, nothing is written, and the end of the address
 * space makes it CS_BUS_FAULT.
 */
static void faulting_memory_freezes(struct kunit *test)
{
	const struct access_param *param = test->param_value;
	struct cs_test *t = to_cs_test(test);

	prepare(t, param, -EFAULT);
	KUNIT_EXPECT_EQ(test, cs_test_run(t), SIM_CS_FROZEN);
	KUNIT_EXPECT_EQ(test, cs_test_run(t), SIM_CS_FROZEN);
	KUNIT_EXPECT_EQ(test, cs_test_status(t).code, 0);
	KUNIT_EXPECT_EQ(test, cs_test_read64(t, DATA_VA), param->before);

	sim_cs_bus_error(t->cs);
	expect_fatal(t, 0x48, t->cs->core.info);
	KUNIT_EXPECT_EQ(test, cs_test_read64(t, DATA_VA), param->before);
}

/*
 * The address space ends without a word to the stream.
 * Succeeds if its next try makes that CS_BUS_FAULT.
 */
static void missing_address_space_is_fatal(struct kunit *test)
{
	const struct access_param *param = test->param_value;
	struct cs_test *t = to_cs_test(test);

	prepare(t, param, -EFAULT);
	KUNIT_EXPECT_EQ(test, cs_test_run(t), SIM_CS_FROZEN);
	t->bad_err = -ENXIO;
	KUNIT_EXPECT_EQ(test, cs_test_run(t), SIM_CS_FATAL);
	KUNIT_EXPECT_EQ(test, cs_test_status(t).code, 0x48);
	KUNIT_EXPECT_EQ(test, cs_test_read64(t, DATA_VA), param->before);
}

/*
 * The companion word of a bus fault.
 * Succeeds if it is the address that was accessed.
 */
static void bus_fault_names_the_address(struct kunit *test)
{
	struct cs_test *t = to_cs_test(test);

	cs_test_call(t, INSNS(asm_move48(0, 0x123456789000ULL), asm_store(4, 0, 1, 4)));
	KUNIT_EXPECT_EQ(test, cs_test_run(t), SIM_CS_FROZEN);
	sim_cs_bus_error(t->cs);
	expect_fatal(t, 0x48, 0x123456789004ULL);
}

/*
 * A stream after a fatal fault.
 * Succeeds if nothing makes it go on.
 */
static void fatal_is_the_end(struct kunit *test)
{
	struct cs_test *t = to_cs_test(test);

	cs_test_call(t, INSNS(0xff00000000000000ULL));
	cs_test_ring(t, INSNS(asm_move32(10, 1)));
	expect_fatal(t, 0x49, CODE_VA);
	sim_cs_fault_ack(t->cs);
	sim_cs_bus_error(t->cs);
	t->copies = 0;
	expect_fatal(t, 0x49, CODE_VA);
	KUNIT_EXPECT_EQ(test, t->copies, 0);
	KUNIT_EXPECT_EQ(test, t->cs->core.regs[10], 0);
	KUNIT_EXPECT_EQ(test, sim_cs_wake_ns(t->cs), U64_MAX);
}

/*
 * The end of an address space, for a stream that is not in an access.
 * Succeeds if it does not notice.
 */
static void bus_error_needs_an_access(struct kunit *test)
{
	struct cs_test *t = to_cs_test(test);

	cs_test_ring(t, INSNS(asm_move32(10, 1)));
	sim_cs_bus_error(t->cs);
	KUNIT_EXPECT_EQ(test, cs_test_run(t), SIM_CS_EMPTY);
	KUNIT_EXPECT_EQ(test, t->cs->core.regs[10], 1);
}

/*
 * A stream that was stopped in the middle.
 * Succeeds if it executes nothing and tells the host nothing.
 */
static void stopped_stream_does_nothing(struct kunit *test)
{
	struct cs_test *t = to_cs_test(test);

	cs_test_call(t, INSNS(asm_branch(ASM_ALWAYS, 0, -1)));
	sim_cs_run(t->cs, 10, t->now);
	sim_cs_stop(t->cs);
	t->copies = 0;
	t->extract = 99;
	KUNIT_EXPECT_EQ(test, cs_test_run(t), SIM_CS_STOPPED);
	KUNIT_EXPECT_EQ(test, t->copies, 0);
	KUNIT_EXPECT_EQ(test, t->extract, 99);
	KUNIT_EXPECT_EQ(test, cs_test_status(t).scoreboards, 0);
}

static struct kunit_case sim_cs_access_cases[] = {
	KUNIT_CASE_PARAM(locked_memory_stalls, access_gen_params),
	KUNIT_CASE_PARAM(faulting_memory_freezes, access_gen_params),
	KUNIT_CASE_PARAM(missing_address_space_is_fatal, access_gen_params),
	KUNIT_CASE(bus_fault_names_the_address),
	KUNIT_CASE(fatal_is_the_end),
	KUNIT_CASE(bus_error_needs_an_access),
	KUNIT_CASE(stopped_stream_does_nothing),
	{}
};

static struct kunit_suite sim_cs_access_suite = {
	.name = "panthor_sim_cs_access",
	.init = cs_test_init,
	.test_cases = sim_cs_access_cases,
};

kunit_test_suite(sim_cs_access_suite);
