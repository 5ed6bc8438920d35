// SPDX-License-Identifier: GPL-2.0-only
/* What single instructions do, from tables. */

#include <linux/limits.h>

#include "sim_cs_fixture.h"

/* Lists of these end where @used is not set. */
struct reg {
	u8 n;
	u32 value;
	bool used;
};

struct word {
	u32 offset;
	u32 value;
	bool used;
};

/* r0, r1 are DATA_VA in all rows. */
struct insn_param {
	const char *desc;
	u64 insn;
	struct reg regs[4];
	struct word mem[4];
	struct reg expect_regs[4];
	struct word expect_mem[4];
};

#define A	4	/* first register of operands in the rows below */

static const struct insn_param insn_params[] = {
	{ "nop_ignores_operands", 0x00ffffffffffffffULL },
	{ "move48", 0x01048899aabbccddULL, { { A, ~0, 1 }, { A + 1, ~0, 1 } }, {},
	  { { A, 0xaabbccdd, 1 }, { A + 1, 0x8899, 1 } } },
	{ "move32", 0x0204ffffaabbccddULL, { { A + 1, 7, 1 } }, {},
	  { { A, 0xaabbccdd, 1 }, { A + 1, 7, 1 } } },
	{ "move32_last_register", 0x025f000000000001ULL, {}, {}, { { 95, 1, 1 } } },
	{ "add32", 0x1006040000000005ULL, { { A, 37, 1 } }, {}, { { 6, 42, 1 }, { A, 37, 1 } } },
	{ "add32_negative", 0x10060400ffffffffULL, { { A, 0, 1 } }, {}, { { 6, ~0, 1 } } },
	{ "add32_wraps", 0x1006040000000001ULL, { { A, ~0, 1 }, { 7, 3, 1 } }, {},
	  { { 6, 0, 1 }, { 7, 3, 1 } } },
	{ "add64_carries", 0x1106040000000001ULL, { { A, ~0, 1 }, { A + 1, 1, 1 } }, {},
	  { { 6, 0, 1 }, { 7, 2, 1 } } },
	{ "add64_negative_borrows", 0x11060400ffffffffULL, { { A, 0, 1 }, { A + 1, 1, 1 } }, {},
	  { { 6, ~0, 1 }, { 7, 0, 1 } } },
	{ "min_first", 0x1206040500000000ULL, { { A, 1, 1 }, { 5, 2, 1 } }, {}, { { 6, 1, 1 } } },
	{ "min_second", 0x1206040500000000ULL, { { A, 2, 1 }, { 5, 1, 1 } }, {}, { { 6, 1, 1 } } },
	{ "min_is_unsigned", 0x1206040500000000ULL, { { A, ~0, 1 }, { 5, 1, 1 } }, {},
	  { { 6, 1, 1 } } },
	{ "load_one", 0x1404000000010000ULL, {}, { { 0, 11, 1 }, { 4, 22, 1 } },
	  { { A, 11, 1 }, { A + 1, 0, 1 } } },
	{ "load_offset", 0x1404000000030008ULL, {}, { { 8, 11, 1 }, { 12, 22, 1 } },
	  { { A, 11, 1 }, { A + 1, 22, 1 } } },
	{ "load_sparse_is_packed", 0x1404000000050000ULL, { { 5, 9, 1 } }, { { 0, 11, 1 },
	  { 4, 22, 1 } },
	  { { A, 11, 1 }, { 5, 9, 1 }, { 6, 22, 1 } } },
	{ "load_nothing", 0x1404000000000000ULL, { { A, 9, 1 } }, { { 0, 11, 1 } },
	  { { A, 9, 1 } } },
	{ "load_last_register", 0x145f000000010000ULL, {}, { { 0, 11, 1 } }, { { 95, 11, 1 } } },
	{ "load_sixteen", 0x14100000ffff0000ULL, {}, { { 0, 5, 1 }, { 4, 6, 1 }, { 60, 7, 1 } },
	  { { 16, 5, 1 }, { 17, 6, 1 }, { 31, 7, 1 } } },
	{ "load_own_address", 0x1400000000030000ULL, {}, { { 0, 5, 1 }, { 4, 6, 1 } },
	  { { 1, 6, 1 } } },
	{ "store_one", 0x1504000000010000ULL, { { A, 11, 1 }, { 5, 22, 1 } }, { { 4, 9, 1 } }, {},
	  { { 0, 11, 1 }, { 4, 9, 1 } } },
	{ "store_offset", 0x1504000000030008ULL, { { A, 11, 1 }, { 5, 22, 1 } }, {}, {},
	  { { 8, 11, 1 }, { 12, 22, 1 } } },
	{ "store_sparse_is_packed", 0x1504000000050000ULL, { { A, 11, 1 }, { 5, 22, 1 },
	  { 6, 33, 1 } },
	  { { 8, 9, 1 } }, {}, { { 0, 11, 1 }, { 4, 33, 1 }, { 8, 9, 1 } } },
	{ "store_nothing", 0x1504000000000000ULL, { { A, 11, 1 } }, { { 0, 9, 1 } }, {},
	  { { 0, 9, 1 } } },
	{ "sync_add32", 0x2500000400000000ULL, { { A, 5, 1 } },
	  { { 0, 37, 1 }, { 4, 9, 1 }, { 8, 9, 1 } }, {}, { { 0, 42, 1 }, { 4, 0, 1 },
	  { 8, 9, 1 } } },
	{ "sync_add32_wraps", 0x2500000400000000ULL, { { A, 1, 1 } }, { { 0, ~0, 1 } }, {},
	  { { 0, 0, 1 }, { 4, 0, 1 } } },
	{ "sync_set32", 0x2600000400000000ULL, { { A, 5, 1 } },
	  { { 0, 37, 1 }, { 4, 9, 1 }, { 8, 9, 1 } }, {}, { { 0, 5, 1 }, { 4, 0, 1 },
	  { 8, 9, 1 } } },
	{ "sync_add64", 0x3300000400000000ULL, { { A, 1, 1 }, { 5, 2, 1 } },
	  { { 0, ~0, 1 }, { 4, 3, 1 }, { 8, 9, 1 }, { 12, 9, 1 } }, {},
	  { { 0, 0, 1 }, { 4, 6, 1 }, { 8, 0, 1 }, { 12, 9, 1 } } },
	{ "sync_set64", 0x3400000400000000ULL, { { A, 1, 1 }, { 5, 2, 1 } },
	  { { 8, 9, 1 }, { 12, 9, 1 } }, {}, { { 0, 1, 1 }, { 4, 2, 1 }, { 8, 0, 1 },
	  { 12, 9, 1 } } },
	{ "sync_wait32_gt", 0x2700000410000000ULL, { { A, 5, 1 } }, { { 0, 6, 1 } } },
	{ "sync_wait32_is_unsigned", 0x2700000410000000ULL, { { A, 5, 1 } }, { { 0, ~0, 1 } } },
	{ "sync_wait32_le", 0x2700000400000000ULL, { { A, 5, 1 } }, { { 0, 5, 1 } } },
	{ "sync_wait64_gt", 0x3500000410000000ULL, { { A, ~0, 1 }, { 5, 0, 1 } },
	  { { 0, 0, 1 }, { 4, 1, 1 } } },
	{ "sync_wait64_le", 0x3500000400000000ULL, { { A, 0, 1 }, { 5, 1, 1 } },
	  { { 0, ~0, 1 }, { 4, 0, 1 } } },
	{ "store_state_timestamp", 0x2800000000000008ULL, {}, {}, {},
	  { { 8, 0x33334444, 1 }, { 12, 0x11112222, 1 } } },
	{ "store_state_cycles", 0x2800000100000008ULL, {}, {}, {},
	  { { 8, 0x77778888, 1 }, { 12, 0x55556666, 1 } } },
	{ "store_state_disjoint", 0x2800000200000008ULL, {}, { { 8, 9, 1 } }, {},
	  { { 8, 0, 1 }, { 12, 0, 1 } } },
	{ "store_state_no_error", 0x2800000300000008ULL, {}, { { 8, 9, 1 } }, {},
	  { { 8, 0, 1 }, { 12, 0, 1 } } },
	{ "wait_for_nothing", 0x0300000000ff0000ULL },
	{ "set_sb_entry", 0x1700000000000077ULL },
	{ "prot_region", 0x2900000000000010ULL },
	{ "error_barrier", 0x2f00000000000000ULL },
	{ "heap_operation_without_heap", 0x3100000000000000ULL },
	{ "run_compute", 0x0400000000000000ULL },
	{ "run_tiling", 0x0500000000000000ULL },
	{ "run_idvs", 0x0600000000000000ULL },
	{ "run_fragment", 0x0700000000000000ULL },
	{ "run_fullscreen", 0x0800000000000000ULL },
	{ "finish_tiling", 0x0900000000000000ULL },
	{ "run_compute_indirect", 0x2c00000000000000ULL },
	{ "finish_fragment_without_heap", 0x0b00040600000001ULL },
};

KUNIT_ARRAY_PARAM_DESC(insn, insn_params, desc);

/*
 * One instruction with given registers and memory.
 * Succeeds if the registers and words of the row have their values afterwards,
 * and the stream goes on.
 */
static void instruction_does_what_it_says(struct kunit *test)
{
	const struct insn_param *param = test->param_value;
	struct cs_test *t = to_cs_test(test);
	unsigned int i;

	t->cs->core.regs[0] = (u32)DATA_VA;
	t->cs->core.regs[1] = DATA_VA >> 32;
	for (i = 0; i < 4 && param->regs[i].used; i++)
		t->cs->core.regs[param->regs[i].n] = param->regs[i].value;
	for (i = 0; i < 4 && param->mem[i].used; i++)
		cs_test_write32(t, DATA_VA + param->mem[i].offset, param->mem[i].value);

	cs_test_ring(t, INSNS(param->insn));
	KUNIT_EXPECT_EQ(test, cs_test_run(t), SIM_CS_EMPTY);

	for (i = 0; i < 4 && param->expect_regs[i].used; i++)
		KUNIT_EXPECT_EQ_MSG(test, t->cs->core.regs[param->expect_regs[i].n],
				    param->expect_regs[i].value, "r%u", param->expect_regs[i].n);
	for (i = 0; i < 4 && param->expect_mem[i].used; i++)
		KUNIT_EXPECT_EQ_MSG(test,
				    cs_test_read32(t, DATA_VA + param->expect_mem[i].offset),
				    param->expect_mem[i].value, "at %u",
				    param->expect_mem[i].offset);
	KUNIT_EXPECT_EQ(test, t->cs->core.retired, 1);
}

struct branch_param {
	const char *desc;
	enum asm_cond cond;
	bool negative;
	bool zero;
	bool positive;
};

static const struct branch_param branch_params[] = {
	{ "le", ASM_LE, true, true, false },
	{ "gt", ASM_GT, false, false, true },
	{ "eq", ASM_EQ, false, true, false },
	{ "ne", ASM_NE, true, false, true },
	{ "lt", ASM_LT, true, false, false },
	{ "ge", ASM_GE, false, true, true },
	{ "always", ASM_ALWAYS, true, true, true },
};

KUNIT_ARRAY_PARAM_DESC(branch, branch_params, desc);

static void expect_branch(struct cs_test *t, enum asm_cond cond, u32 value, bool taken)
{
	t->cs->core.regs[10] = 0;
	cs_test_call(t, INSNS(asm_move32(4, value), asm_branch(cond, 4, 1), asm_move32(10, 1)));
	KUNIT_EXPECT_EQ(t->test, cs_test_run(t), SIM_CS_EMPTY);
	KUNIT_EXPECT_EQ_MSG(t->test, t->cs->core.regs[10], !taken, "value %#x", value);
}

/*
 * A branch over one instruction, for registers around 0 and at the ends.
 * Succeeds if it is taken exactly if the register, as a signed number, meets the
 * condition.
 */
static void branch_compares_signed_with_zero(struct kunit *test)
{
	const struct branch_param *param = test->param_value;
	struct cs_test *t = to_cs_test(test);

	expect_branch(t, param->cond, 0, param->zero);
	expect_branch(t, param->cond, 1, param->positive);
	expect_branch(t, param->cond, S32_MAX, param->positive);
	expect_branch(t, param->cond, ~0, param->negative);
	expect_branch(t, param->cond, 1u << 31, param->negative);
}

struct bad_param {
	const char *desc;
	u64 insn;
};

static const struct bad_param bad_params[] = {
	{ "move48_odd", 0x0105000000000000ULL },
	{ "move48_past_end", 0x0160000000000000ULL },
	{ "move32_past_end", 0x0260000000000000ULL },
	{ "add32_dst", 0x1060000000000000ULL },
	{ "add32_src", 0x1000600000000000ULL },
	{ "add64_dst_odd", 0x1101000000000000ULL },
	{ "add64_src_odd", 0x1100010000000000ULL },
	{ "min_dst", 0x1260000000000000ULL },
	{ "min_src", 0x1200600000000000ULL },
	{ "min_src2", 0x120000ff00000000ULL },
	{ "load_past_end", 0x145f000000030000ULL },
	{ "load_address_odd", 0x1404010000010000ULL },
	{ "load_address_past_end", 0x1404600000010000ULL },
	{ "store_past_end", 0x1551000080000000ULL },
	{ "branch_register", 0x1600600060000000ULL },
	{ "branch_condition", 0x1600000070000000ULL },
	{ "set_sb_entry_endpoint", 0x1700000000000008ULL },
	{ "set_sb_entry_other", 0x1700000000000080ULL },
	{ "progress_wait_of_nobody", 0x1800000000000002ULL },
	{ "progress_wait_odd", 0x1800010000000001ULL },
	{ "exception_handler_type", 0x1900000000000001ULL },
	{ "exception_handler_odd", 0x1900010400000002ULL },
	{ "call_odd", 0x2000010400000000ULL },
	{ "call_length_register", 0x2000006000000000ULL },
	{ "jump_odd", 0x2100010400000000ULL },
	{ "flush_l2_mode", 0x2400000000000002ULL },
	{ "flush_lsc_mode", 0x2400000000000020ULL },
	{ "flush_other_mode", 0x2400000000000100ULL },
	{ "flush_register", 0x2400600000000233ULL },
	{ "flush_signal", 0x2408000000000233ULL },
	{ "sync_scope_1", 0x2500000400000002ULL },
	{ "sync_scope_3", 0x2500000400000006ULL },
	{ "sync_address_odd", 0x2500010400000000ULL },
	{ "sync32_data", 0x2500006000000000ULL },
	{ "sync64_data_odd", 0x3300000500000000ULL },
	{ "sync_deferred_signal", 0x2508000400010000ULL },
	{ "sync_wait_condition", 0x2700000420000000ULL },
	{ "store_state_kind", 0x2800000400000000ULL },
	{ "store_state_odd", 0x2800010000000000ULL },
	{ "progress_store_odd", 0x2a00010000000000ULL },
	{ "progress_load_past_end", 0x2b60000000000000ULL },
	{ "heap_set_odd", 0x3000010000000000ULL },
	{ "heap_operation_2", 0x3100000200000000ULL },
	{ "finish_fragment_odd", 0x0b00010400000000ULL },
	{ "trace_point_base", 0x3200006000000000ULL },
	{ "trace_point_count", 0x3200025f00000000ULL },
};

KUNIT_ARRAY_PARAM_DESC(bad, bad_params, desc);

/*
 * An operand that does not exist, in called code.
 * Succeeds if that is CS_INSTR_INVALID with the instruction's address, and
 * memory is as it was.
 */
static void bad_operand_is_fatal(struct kunit *test)
{
	const struct bad_param *param = test->param_value;
	struct cs_test *t = to_cs_test(test);

	cs_test_call(t, INSNS(asm_move48(0, DATA_VA), asm_move32(4, 8), param->insn));
	expect_fatal(t, 0x49, CODE_VA + 16);
	KUNIT_EXPECT_EQ(test, cs_test_read64(t, DATA_VA), 0);
}

/*
 * All opcodes there are, with operands 0.
 * Succeeds if those of architecture 10 are known and all others are
 * CS_INSTR_INVALID.
 */
static void unknown_opcodes_are_invalid(struct kunit *test)
{
	/* As the table of the facts has them, in bits 0 to 63. */
	const u64 known = 0x003f9ff703f70bffULL;
	struct cs_test *t = to_cs_test(test);
	unsigned int opcode;

	for (opcode = 0; opcode < 256; opcode++) {
		struct sim_cs_status status;

		cs_test_start(t);
		/* Handlers are of a type, which is the only one there is. */
		cs_test_call(t, INSNS(asm_move48(0, DATA_VA),
				      (u64)opcode << 56 | (opcode == 25 ? 2 : 0)));
		cs_test_run(t);
		status = cs_test_status(t);
		KUNIT_EXPECT_EQ_MSG(test, status.code == 0x49 && status.info == CODE_VA + 8,
				    opcode > 63 || !(known & BIT_ULL(opcode)), "opcode %u",
				    opcode);
	}
}

struct misaligned_param {
	const char *desc;
	u64 insn;
	u32 by;
};

static const struct misaligned_param misaligned_params[] = {
	{ "load", 0x1404000000010000ULL, 2 },
	{ "store", 0x1504000000010000ULL, 1 },
	{ "sync_add32", 0x2500000400000000ULL, 2 },
	{ "sync_set64", 0x3400000400000000ULL, 4 },
	{ "sync_wait32", 0x2700000400000000ULL, 2 },
	{ "sync_wait64", 0x3500000400000000ULL, 4 },
	{ "store_state", 0x2800000000000000ULL, 4 },
	{ "call", 0x2000000600000000ULL, 4 },
	{ "jump", 0x2100000600000000ULL, 4 },
	{ "exception_handler", 0x1900000600000002ULL, 4 },
};

KUNIT_ARRAY_PARAM_DESC(misaligned, misaligned_params, desc);

/*
 * An address that is not a multiple of what is accessed.
 * Succeeds if that is CS_BUS_FAULT with the address, and memory is as it was.
 */
static void misaligned_access_is_fatal(struct kunit *test)
{
	const struct misaligned_param *param = test->param_value;
	struct cs_test *t = to_cs_test(test);

	cs_test_call(t, INSNS(asm_move48(0, DATA_VA + param->by), asm_move32(4, ~0),
			      asm_move32(6, 8), param->insn));
	expect_fatal(t, 0x48, DATA_VA + param->by);
	KUNIT_EXPECT_EQ(test, cs_test_read64(t, DATA_VA), 0);
}

/*
 * Bits that have no meaning in version 10, among them those that have one later.
 * Succeeds if they change nothing.
 */
static void reserved_bits_are_ignored(struct kunit *test)
{
	struct cs_test *t = to_cs_test(test);

	cs_test_ring(t, INSNS(asm_move48(0, DATA_VA), asm_move32(4, 5),
			      asm_sync_set32(0, 4, ASM_GROUP) | BIT_ULL(52) | BIT_ULL(3),
			      asm_wait(0xff00) | BIT_ULL(40)));
	KUNIT_EXPECT_EQ(test, cs_test_run(t), SIM_CS_EMPTY);
	KUNIT_EXPECT_EQ(test, cs_test_read32(t, DATA_VA), 5);
}

/*
 * TRACE_POINT names registers.
 * Succeeds if those are given to whoever traces.
 */
static void trace_point_shows_registers(struct kunit *test)
{
	struct cs_test *t = to_cs_test(test);

	cs_test_ring(t, INSNS(asm_move32(10, 3), asm_move32(11, 4), asm_trace_point(10, 2)));
	KUNIT_EXPECT_EQ(test, cs_test_run(t), SIM_CS_EMPTY);
	KUNIT_EXPECT_EQ(test, t->traced, 2);
	KUNIT_EXPECT_EQ(test, t->trace[0], 3);
	KUNIT_EXPECT_EQ(test, t->trace[1], 4);
}

/*
 * The progress counter: written, read back, bumped by WAIT and by jobs with bit 32.
 * Succeeds if it counts those and no others.
 */
static void progress_counter_counts(struct kunit *test)
{
	struct cs_test *t = to_cs_test(test);

	cs_test_ring(t, INSNS(asm_move48(2, 0x500000007ULL), asm_progress_store(2),
			      asm_wait(1) | BIT_ULL(32), asm_wait(1),
			      asm_run_fragment() | BIT_ULL(32), asm_run_fragment(), asm_wait(1),
			      asm_progress_load(4)));
	KUNIT_EXPECT_EQ(test, cs_test_run(t), SIM_CS_EMPTY);
	KUNIT_EXPECT_EQ(test, cs_test_reg64(t, 4), 0x500000009ULL);
	KUNIT_EXPECT_EQ(test, sim_cs_progress(t->cs), 0x500000009ULL);
}

static struct kunit_case sim_cs_insn_cases[] = {
	KUNIT_CASE_PARAM(instruction_does_what_it_says, insn_gen_params),
	KUNIT_CASE_PARAM(branch_compares_signed_with_zero, branch_gen_params),
	KUNIT_CASE_PARAM(bad_operand_is_fatal, bad_gen_params),
	KUNIT_CASE(unknown_opcodes_are_invalid),
	KUNIT_CASE_PARAM(misaligned_access_is_fatal, misaligned_gen_params),
	KUNIT_CASE(reserved_bits_are_ignored),
	KUNIT_CASE(trace_point_shows_registers),
	KUNIT_CASE(progress_counter_counts),
	{}
};

static struct kunit_suite sim_cs_insn_suite = {
	.name = "panthor_sim_cs_insn",
	.init = cs_test_init,
	.test_cases = sim_cs_insn_cases,
};

kunit_test_suite(sim_cs_insn_suite);
