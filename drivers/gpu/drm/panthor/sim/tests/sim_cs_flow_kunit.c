// SPDX-License-Identifier: GPL-2.0-only
/* Ring, calls, jumps, branches. */

#include "sim_cs_fixture.h"

#define OTHER_VA	(CODE_VA + SZ_4K)

/*
 * Code that is called, with an instruction behind it in memory.
 * Succeeds if it is executed, that instruction is not, and the ring goes on.
 */
static void called_code_returns_at_its_end(struct kunit *test)
{
	struct cs_test *t = to_cs_test(test);

	cs_test_code(t, CODE_VA + 8, INSNS(asm_move32(11, 1)));
	cs_test_call(t, INSNS(asm_move32(10, 1)));
	cs_test_ring(t, INSNS(asm_move32(12, 1)));
	KUNIT_EXPECT_EQ(test, cs_test_run(t), SIM_CS_EMPTY);
	KUNIT_EXPECT_EQ(test, t->cs->core.regs[10], 1);
	KUNIT_EXPECT_EQ(test, t->cs->core.regs[11], 0);
	KUNIT_EXPECT_EQ(test, t->cs->core.regs[12], 1);
}

/*
 * A call of no instructions at all, to an address that cannot be accessed.
 * Succeeds if the ring goes on.
 */
static void call_of_nothing_returns(struct kunit *test)
{
	struct cs_test *t = to_cs_test(test);

	cs_test_ring(t, INSNS(asm_call(20, 22), asm_move32(12, 1)));
	KUNIT_EXPECT_EQ(test, cs_test_run(t), SIM_CS_EMPTY);
	KUNIT_EXPECT_EQ(test, t->cs->core.regs[12], 1);
}

/*
 * Code that calls itself until a counter says no, after each call counting back.
 * Succeeds if seven calls are nested, and each returns to where it came from.
 */
static void seven_calls_nest(struct kunit *test)
{
	struct cs_test *t = to_cs_test(test);

	cs_test_ring(t, INSNS(asm_move32(10, 7)));
	cs_test_call(t, INSNS(asm_add32(10, 10, -1), asm_branch(ASM_EQ, 10, 1), asm_call(92, 94),
			      asm_add32(11, 11, 1)));
	KUNIT_EXPECT_EQ(test, cs_test_run(t), SIM_CS_EMPTY);
	KUNIT_EXPECT_EQ(test, t->cs->core.regs[11], 7);
}

/*
 * Code that calls itself.
 * Succeeds if the eighth call is CS_CALL_STACK_OVERFLOW, with its address.
 */
static void eighth_call_overflows(struct kunit *test)
{
	struct cs_test *t = to_cs_test(test);

	cs_test_call(t, INSNS(asm_add32(10, 10, 1), asm_call(92, 94)));
	expect_fatal(t, 0x4a, CODE_VA + 8);
	KUNIT_EXPECT_EQ(test, t->cs->core.regs[10], 7);
}

struct target_param {
	const char *desc;
	u64 addr;
	u32 len;
	u32 code;
};

static const struct target_param target_params[] = {
	{ "length_7", CODE_VA, 7, 0x49 },
	{ "length_12", CODE_VA, 12, 0x49 },
	{ "address_4", CODE_VA + 4, 8, 0x48 },
	{ "end_of_address_space", 0xfffffffffffffff8ULL, 16, 0x48 },
};

KUNIT_ARRAY_PARAM_DESC(target, target_params, desc);

static void expect_bad_target(struct kunit *test, u64 insn)
{
	const struct target_param *param = test->param_value;
	struct cs_test *t = to_cs_test(test);

	cs_test_call(t, INSNS(insn));
	t->cs->core.regs[20] = (u32)param->addr;
	t->cs->core.regs[21] = param->addr >> 32;
	t->cs->core.regs[22] = param->len;
	expect_fatal(t, param->code, param->code == 0x49 ? CODE_VA : param->addr);
}

/*
 * A call of a buffer that cannot be.
 * Succeeds if that is the fault of the row.
 */
static void call_checks_target(struct kunit *test)
{
	expect_bad_target(test, asm_call(20, 22));
}

/*
 * The same with a jump.
 * Succeeds if that is the fault of the row.
 */
static void jump_checks_target(struct kunit *test)
{
	expect_bad_target(test, asm_jump(20, 22));
}

/*
 * Code that jumps to other code, as a chain of command buffers does.
 * Succeeds if the rest of the first is not executed, and the second returns to
 * the ring.
 */
static void jump_replaces_buffer(struct kunit *test)
{
	struct cs_test *t = to_cs_test(test);

	cs_test_code(t, OTHER_VA, INSNS(asm_move32(11, 1)));
	cs_test_call(t, INSNS(asm_move48(20, OTHER_VA), asm_move32(22, 8), asm_jump(20, 22),
			      asm_move32(10, 1)));
	cs_test_ring(t, INSNS(asm_move32(12, 1)));
	KUNIT_EXPECT_EQ(test, cs_test_run(t), SIM_CS_EMPTY);
	KUNIT_EXPECT_EQ(test, t->cs->core.regs[10], 0);
	KUNIT_EXPECT_EQ(test, t->cs->core.regs[11], 1);
	KUNIT_EXPECT_EQ(test, t->cs->core.regs[12], 1);
}

/*
 * Code that jumps to its own start a hundred times.
 * Succeeds if that is no nesting.
 */
static void jumps_do_not_nest(struct kunit *test)
{
	struct cs_test *t = to_cs_test(test);

	cs_test_ring(t, INSNS(asm_move32(10, 100)));
	cs_test_call(t, INSNS(asm_add32(11, 11, 1), asm_add32(10, 10, -1),
			      asm_branch(ASM_EQ, 10, 1), asm_jump(92, 94)));
	KUNIT_EXPECT_EQ(test, cs_test_run(t), SIM_CS_EMPTY);
	KUNIT_EXPECT_EQ(test, t->cs->core.regs[11], 100);
}

struct ring_insn_param {
	const char *desc;
	u64 insn;
};

static const struct ring_insn_param ring_insn_params[] = {
	{ "jump", 0x2100141600000000ULL },
	{ "branch", 0x1600000060000000ULL },
};

KUNIT_ARRAY_PARAM_DESC(ring_insn, ring_insn_params, desc);

/*
 * What would leave the ring without a way back.
 * Succeeds if that is CS_INSTR_INVALID.
 */
static void ring_cannot_be_left(struct kunit *test)
{
	const struct ring_insn_param *param = test->param_value;
	struct cs_test *t = to_cs_test(test);

	cs_test_ring(t, INSNS(asm_nop(), param->insn, asm_nop(), asm_nop()));
	expect_fatal(t, 0x49, RING_VA + 8);
}

struct offset_param {
	const char *desc;
	s16 offset;
	u32 executed;
};

/* The branch is the second of four instructions, the others set bits. */
static const struct offset_param offset_params[] = {
	{ "next", 0, 0xd },
	{ "over_one", 1, 0x9 },
	{ "to_end", 2, 0x1 },
	{ "past_end", 3, 0x1 },
	{ "far_past_end", 32767, 0x1 },
};

KUNIT_ARRAY_PARAM_DESC(offset, offset_params, desc);

/*
 * A branch forward in four instructions.
 * Succeeds if it counts from the next instruction, and past the end is the end.
 */
static void branch_goes_forward(struct kunit *test)
{
	const struct offset_param *param = test->param_value;
	struct cs_test *t = to_cs_test(test);

	cs_test_call(t, INSNS(asm_add32(10, 10, 1), asm_branch(ASM_ALWAYS, 0, param->offset),
			      asm_add32(10, 10, 4), asm_add32(10, 10, 8)));
	KUNIT_EXPECT_EQ(test, cs_test_run(t), SIM_CS_EMPTY);
	KUNIT_EXPECT_EQ(test, t->cs->core.regs[10], param->executed);
}

/*
 * A loop that counts in memory, as the tests of other projects have it: out with
 * a branch to the end, back with a branch to the start.
 * Succeeds if the count is exact.
 */
static void counted_loop_is_exact(struct kunit *test)
{
	struct cs_test *t = to_cs_test(test);

	cs_test_ring(t, INSNS(asm_move48(0, DATA_VA), asm_move32(10, 1000)));
	cs_test_call(t, INSNS(asm_add32(12, 12, 1), asm_sync_set32(0, 12, ASM_SYSTEM),
			      asm_add32(10, 10, -1), asm_branch(ASM_EQ, 10, 1),
			      asm_branch(ASM_EQ, 13, -5)));
	KUNIT_EXPECT_EQ(test, cs_test_run(t), SIM_CS_EMPTY);
	KUNIT_EXPECT_EQ(test, cs_test_read32(t, DATA_VA), 1000);
	KUNIT_EXPECT_EQ(test, t->syncs[true], 1000);
}

/*
 * A branch to before the start of the buffer, where there is code as well.
 * Succeeds if that is CS_BUS_FAULT with the target, and nothing is executed there.
 */
static void branch_before_start_is_fatal(struct kunit *test)
{
	struct cs_test *t = to_cs_test(test);

	cs_test_code(t, OTHER_VA - 8, INSNS(asm_move32(10, 1)));
	cs_test_code(t, OTHER_VA, INSNS(asm_branch(ASM_ALWAYS, 0, -2)));
	cs_test_ring(t, INSNS(asm_move48(20, OTHER_VA), asm_move32(22, 8), asm_call(20, 22)));
	expect_fatal(t, 0x48, OTHER_VA - 8);
	KUNIT_EXPECT_EQ(test, t->cs->core.regs[10], 0);
}

/*
 * Three times as many instructions as the ring holds, in portions that do not
 * divide its size.
 * Succeeds if each is executed once, and the host is told the ring is drained.
 */
static void ring_wraps(struct kunit *test)
{
	struct cs_test *t = to_cs_test(test);
	unsigned int i, n;

	for (i = 0; i < 15; i++) {
		for (n = 0; n < 100; n++)
			cs_test_ring(t, INSNS(asm_add32(10, 10, 1)));
		KUNIT_EXPECT_EQ(test, cs_test_run(t), SIM_CS_EMPTY);
		KUNIT_EXPECT_EQ(test, t->extract, t->insert);
	}
	KUNIT_EXPECT_EQ(test, t->cs->core.regs[10], 1500);
}

/*
 * Instructions behind the end that the host has set.
 * Succeeds if they are executed when it moves the end, and not before.
 */
static void ring_ends_at_insert(struct kunit *test)
{
	struct cs_test *t = to_cs_test(test);

	cs_test_ring(t, INSNS(asm_move32(10, 1), asm_move32(11, 1)));
	t->insert -= 8;
	KUNIT_EXPECT_EQ(test, cs_test_run(t), SIM_CS_EMPTY);
	KUNIT_EXPECT_EQ(test, t->extract, t->insert);
	KUNIT_EXPECT_EQ(test, t->cs->core.regs[11], 0);

	t->insert += 8;
	KUNIT_EXPECT_EQ(test, cs_test_run(t), SIM_CS_EMPTY);
	KUNIT_EXPECT_EQ(test, t->extract, t->insert);
	KUNIT_EXPECT_EQ(test, t->cs->core.regs[11], 1);
}

/*
 * The driver finds the job of a fault by the position in the ring.
 * Succeeds if that is the CALL while called code is executed, also of a call in
 * that, and the end of the job afterwards.
 */
static void position_is_the_call(struct kunit *test)
{
	struct cs_test *t = to_cs_test(test);
	u64 call, at[12];
	unsigned int i;

	cs_test_code(t, OTHER_VA, INSNS(asm_nop(), asm_nop()));
	cs_test_call(t, INSNS(asm_move48(20, OTHER_VA), asm_move32(22, 16), asm_call(20, 22),
			      asm_nop()));
	call = t->insert - 8;
	cs_test_ring(t, INSNS(asm_nop()));

	for (i = 0; i < 12; i++) {
		sim_cs_run(t->cs, 1, t->now);
		at[i] = t->extract;
	}
	/* The ring is at the CALL after two steps; in it from the third to the eighth. */
	for (i = 1; i < 8; i++)
		KUNIT_EXPECT_EQ_MSG(test, at[i], call, "step %u", i + 1);
	KUNIT_EXPECT_EQ(test, at[8], call + 8);
	KUNIT_EXPECT_EQ(test, at[9], t->insert);
	KUNIT_EXPECT_EQ(test, at[11], t->insert);
}

struct ring_param {
	const char *desc;
	u64 base;
	u64 size;
	u64 extract;
};

static const struct ring_param ring_params[] = {
	{ "no_size", RING_VA, 0, 0 },
	{ "size_not_power_of_two", RING_VA, 4096 + 64, 0 },
	{ "size_32", RING_VA, 32, 0 },
	{ "base_misaligned", RING_VA + 8, 4096, 0 },
	{ "end_overflows", ~63ULL, 4096, 0 },
	{ "extract_misaligned", RING_VA, 4096, 4 },
};

KUNIT_ARRAY_PARAM_DESC(ring, ring_params, desc);

/*
 * A ring that cannot be.
 * Succeeds if that is CS_CONFIG_FAULT, and memory is not accessed.
 */
static void bad_ring_is_fatal(struct kunit *test)
{
	const struct ring_param *param = test->param_value;
	const struct sim_cs_config config = { param->base, param->size, param->extract };
	struct cs_test *t = to_cs_test(test);

	sim_cs_start(t->cs, &config);
	expect_fatal(t, 0x40, param->base);
	KUNIT_EXPECT_EQ(test, t->copies, 0);
}

struct insert_param {
	const char *desc;
	u64 insert;
	bool good;
};

static const struct insert_param insert_params[] = {
	{ "full", RING_SIZE, true },
	{ "last_line_of_a_job", RING_SIZE + SIM_CS_RING_TAIL, true },
	{ "more_than_full", RING_SIZE + SIM_CS_RING_TAIL + 8, false },
	{ "misaligned", 12, false },
	{ "before_extract", ~7ULL, false },
};

KUNIT_ARRAY_PARAM_DESC(insert, insert_params, desc);

/*
 * An end of the ring that can or cannot be.
 * Succeeds if the latter is CS_CONFIG_FAULT.
 */
static void insert_must_be_in_ring(struct kunit *test)
{
	const struct insert_param *param = test->param_value;
	struct cs_test *t = to_cs_test(test);

	t->insert = param->insert;
	if (param->good)
		KUNIT_EXPECT_EQ(test, cs_test_run(t), SIM_CS_EMPTY);
	else
		expect_fatal(t, 0x40, param->insert);
}

/*
 * Two jobs, the second of which uses what the first left in registers.
 * Succeeds if it is still there; and gone after a start.
 */
static void registers_last_until_start(struct kunit *test)
{
	struct cs_test *t = to_cs_test(test);

	cs_test_call(t, INSNS(asm_move32(10, 7)));
	KUNIT_EXPECT_EQ(test, cs_test_run(t), SIM_CS_EMPTY);
	cs_test_call(t, INSNS(asm_add32(11, 10, 1)));
	KUNIT_EXPECT_EQ(test, cs_test_run(t), SIM_CS_EMPTY);
	KUNIT_EXPECT_EQ(test, t->cs->core.regs[11], 8);

	cs_test_start(t);
	KUNIT_EXPECT_EQ(test, t->cs->core.regs[10], 0);
}

/*
 * A stream that is started where it has been before, with nothing to do.
 * Succeeds if the host is told the position again.
 */
static void start_tells_the_position(struct kunit *test)
{
	struct cs_test *t = to_cs_test(test);

	cs_test_ring(t, INSNS(asm_nop()));
	KUNIT_EXPECT_EQ(test, cs_test_run(t), SIM_CS_EMPTY);
	t->extract = 99;
	cs_test_start(t);
	KUNIT_EXPECT_EQ(test, cs_test_run(t), SIM_CS_EMPTY);
	KUNIT_EXPECT_EQ(test, t->extract, t->insert);
}

/*
 * Code that overwrites its next instruction, which may have been fetched already.
 * Succeeds if what was written is executed.
 */
static void written_code_is_executed(struct kunit *test)
{
	struct cs_test *t = to_cs_test(test);
	u64 insn = asm_move32(10, 2);

	cs_test_ring(t, INSNS(asm_move48(0, CODE_VA + 8), asm_move32(2, insn),
			      asm_move32(3, insn >> 32)));
	cs_test_call(t, INSNS(asm_store(2, 0, 3, 0), asm_move32(10, 1)));
	KUNIT_EXPECT_EQ(test, cs_test_run(t), SIM_CS_EMPTY);
	KUNIT_EXPECT_EQ(test, t->cs->core.regs[10], 2);
}

/*
 * An endless loop, which the host replaces between two slices.
 * Succeeds if what has been fetched before is not executed any more.
 */
static void fetched_code_lasts_one_slice(struct kunit *test)
{
	struct cs_test *t = to_cs_test(test);

	cs_test_call(t, INSNS(asm_branch(ASM_ALWAYS, 0, -1)));
	KUNIT_EXPECT_EQ(test, sim_cs_run(t->cs, 10, t->now), SIM_CS_RUNNING);
	cs_test_code(t, CODE_VA, INSNS(asm_move32(10, 1)));
	KUNIT_EXPECT_EQ(test, cs_test_run(t), SIM_CS_EMPTY);
	KUNIT_EXPECT_EQ(test, t->cs->core.regs[10], 1);
}

/*
 * Code whose end is followed by memory that cannot be accessed, at no boundary.
 * Succeeds if that is not noticed.
 */
static void fetch_ends_with_the_buffer(struct kunit *test)
{
	struct cs_test *t = to_cs_test(test);

	cs_test_call(t, INSNS(asm_nop(), asm_move32(10, 1)));
	t->bad_va = CODE_VA + 16;
	t->bad_len = 8;
	t->bad_err = -EFAULT;
	KUNIT_EXPECT_EQ(test, cs_test_run(t), SIM_CS_EMPTY);
	KUNIT_EXPECT_EQ(test, t->cs->core.regs[10], 1);
}

/*
 * A slice is as long as was asked for.
 * Succeeds if it executes so many instructions of an endless loop.
 */
static void slice_has_a_length(struct kunit *test)
{
	struct cs_test *t = to_cs_test(test);

	cs_test_call(t, INSNS(asm_branch(ASM_ALWAYS, 0, -1)));
	KUNIT_EXPECT_EQ(test, sim_cs_run(t->cs, 0, t->now), SIM_CS_RUNNING);
	KUNIT_EXPECT_EQ(test, cs_test_status(t).retired, 0);
	KUNIT_EXPECT_EQ(test, sim_cs_run(t->cs, 1, t->now), SIM_CS_RUNNING);
	KUNIT_EXPECT_EQ(test, cs_test_status(t).retired, 1);
	KUNIT_EXPECT_EQ(test, sim_cs_run(t->cs, 1000, t->now), SIM_CS_RUNNING);
	KUNIT_EXPECT_EQ(test, cs_test_status(t).retired, 1001);
	KUNIT_EXPECT_EQ(test, sim_cs_wake_ns(t->cs), 0);
}

static struct kunit_case sim_cs_flow_cases[] = {
	KUNIT_CASE(called_code_returns_at_its_end),
	KUNIT_CASE(call_of_nothing_returns),
	KUNIT_CASE(seven_calls_nest),
	KUNIT_CASE(eighth_call_overflows),
	KUNIT_CASE_PARAM(call_checks_target, target_gen_params),
	KUNIT_CASE_PARAM(jump_checks_target, target_gen_params),
	KUNIT_CASE(jump_replaces_buffer),
	KUNIT_CASE(jumps_do_not_nest),
	KUNIT_CASE_PARAM(ring_cannot_be_left, ring_insn_gen_params),
	KUNIT_CASE_PARAM(branch_goes_forward, offset_gen_params),
	KUNIT_CASE(counted_loop_is_exact),
	KUNIT_CASE(branch_before_start_is_fatal),
	KUNIT_CASE(ring_wraps),
	KUNIT_CASE(ring_ends_at_insert),
	KUNIT_CASE(position_is_the_call),
	KUNIT_CASE_PARAM(bad_ring_is_fatal, ring_gen_params),
	KUNIT_CASE_PARAM(insert_must_be_in_ring, insert_gen_params),
	KUNIT_CASE(registers_last_until_start),
	KUNIT_CASE(start_tells_the_position),
	KUNIT_CASE(written_code_is_executed),
	KUNIT_CASE(fetched_code_lasts_one_slice),
	KUNIT_CASE(fetch_ends_with_the_buffer),
	KUNIT_CASE(slice_has_a_length),
	{}
};

static struct kunit_suite sim_cs_flow_suite = {
	.name = "panthor_sim_cs_flow",
	.init = cs_test_init,
	.test_cases = sim_cs_flow_cases,
};

kunit_test_suite(sim_cs_flow_suite);
