// SPDX-License-Identifier: GPL-2.0-only
/*
 * Streams are made by user space, which may put anything into them. Whatever it
 * is, the model stays in its bounds, which KASAN and UBSAN watch, and the state
 * is one that can be saved and restored.
 */

#include <linux/string.h>

#include "sim_cs_fixture.h"
#include "sim_seed.h"

#define CODE_WORDS	48
#define MAX_STEPS	200

/* All opcodes that exist. */
static const u8 opcodes[] = {
	0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 16, 17, 18, 20, 21, 22, 23, 24, 25, 32, 33, 34, 36, 37,
	38, 39, 40, 41, 42, 43, 44, 47, 48, 49, 50, 51, 52, 53,
};

struct fuzz {
	struct cs_test *t;
	struct rnd_state rnd;
	void *saved;
	unsigned int states[SIM_CS_STATES];
	u64 retired;
};

static u32 below(struct fuzz *f, u32 n)
{
	return prandom_u32_state(&f->rnd) % n;
}

static u64 word(struct fuzz *f)
{
	return (u64)prandom_u32_state(&f->rnd) << 32 | prandom_u32_state(&f->rnd);
}

/* Mostly a multiple of 8 in memory, so that streams get somewhere. */
static u64 address(struct fuzz *f)
{
	switch (below(f, 64)) {
	case 0:
		return word(f);
	case 1:
		return MEM_VA + below(f, MEM_SIZE);
	case 2:
		return ~7ULL;
	default:
		return CODE_VA + below(f, (MEM_SIZE - SZ_4K) / 8) * 8;
	}
}

/* Low bits that an instruction can have, its wait mask left out. */
static u32 immediate(struct fuzz *f, u8 opcode)
{
	switch (opcode) {
	case 22: /* BRANCH */
		return below(f, 7) << 28 | (u16)(below(f, 16) - 8);
	case 23: /* SET_SB_ENTRY */
		return below(f, 256) & 0x77;
	case 24: /* PROGRESS_WAIT */
		return below(f, 2);
	case 25: /* SET_EXCEPTION_HANDLER */
		return 2;
	case 36: /* FLUSH_CACHE2 */
		return below(f, 2) ? 0x233 : 0x211;
	case 37: /* SYNC_* */
	case 38:
	case 39:
	case 51:
	case 52:
	case 53:
		return below(f, 8) & 5;
	case 20: /* LOAD_MULTIPLE, STORE_MULTIPLE */
	case 21:
		return below(f, 256) << 16 | (u16)((below(f, 64) - 32) * 4);
	case 40: /* STORE_STATE */
		return (u16)((below(f, 64) - 32) * 8);
	default:
		return below(f, 2) ? below(f, 256) * 8 : prandom_u32_state(&f->rnd);
	}
}

/* An instruction that is mostly valid. */
static u64 instruction(struct fuzz *f)
{
	u8 opcode = opcodes[below(f, sizeof(opcodes))];
	u64 insn = (u64)opcode << 56 | immediate(f, opcode);
	bool small = opcode == 40 || opcode == 49;

	if (!below(f, 100))
		return (u64)opcode << 56 | (word(f) >> 8);
	if (opcode == 1 && below(f, 4))
		return insn >> 56 << 56 | (u64)(below(f, 48) * 2) << 48 | address(f) << 16 >> 16;
	if (opcode == 50)
		return insn >> 56 << 56 | (u64)below(f, 64) << 32 | (u64)below(f, 32) << 40;

	insn |= (u64)(below(f, 48) * 2) << 40;
	insn |= (u64)(small ? below(f, 2) : below(f, 48) * 2) << 32;
	switch (opcode) {
	case 3: /* With wait mask, and but for the first signal slot. */
	case 11:
	case 36:
	case 37:
	case 38:
	case 40:
	case 49:
	case 51:
	case 52:
		if (below(f, 2))
			insn |= BIT(16 + below(f, 8));
		return insn | (u64)below(f, 8) << 48;
	case 39: /* SYNC_WAIT: mostly LE, which lets through. */
	case 53:
		return insn | (below(f, 8) ? 0 : BIT(28));
	default:
		return insn | (u64)(below(f, 40) * 2) << 48;
	}
}

static void job_descriptor(struct fuzz *f)
{
	struct sim_job job = {
		.magic = SIM_JOB_MAGIC,
		.op = below(f, 5),
		.dst = address(f),
		.src = below(f, 2) ? address(f) : (address(f) & ~0xfffULL) | below(f, 4),
		.size = below(f, 2) ? below(f, 2 * SZ_8K) & ~7 : word(f),
		.seed = 1,
		.result = below(f, 2) ? address(f) : 0,
	};

	memcpy(cs_test_mem(f->t, DATA_VA), &job, sizeof(job));
}

static void make_stream(struct fuzz *f)
{
	struct cs_test *t = f->t;
	u32 kind = below(f, 16);
	unsigned int i;

	for (i = 0; i < CODE_WORDS; i++)
		cs_test_write64(t, CODE_VA + 8 * i, kind ? instruction(f) : word(f));
	cs_test_start(t);
	for (i = 0; i < SIM_CS_REGS; i += 2) {
		u64 value = below(f, 8) ? address(f) : below(f, 32) * 8;

		t->cs->core.regs[i] = (u32)value;
		t->cs->core.regs[i + 1] = value >> 32;
	}
	if (kind > 11) {
		job_descriptor(f);
		for (i = 0; i < 4; i++) {
			t->cs->core.regs[8 + 2 * i] = (u32)DATA_VA;
			t->cs->core.regs[9 + 2 * i] = 0;
			t->cs->core.regs[24 + 2 * i] = (u32)SIM_JOB_MAGIC;
			t->cs->core.regs[25 + 2 * i] = SIM_JOB_MAGIC >> 32;
		}
	}
	for (i = 0; i < SIM_CS_DELAYS; i++)
		t->delay[i] = below(f, 4) ? below(f, 50) : SIM_CS_NEVER;
	t->deny = !below(f, 4);
	t->grow_err = below(f, 2) ? -EAGAIN : 0;
	t->grow = below(f, 2) ? DATA_VA | 1 : 0;
	cs_test_ring(t, INSNS(asm_move48(92, CODE_VA), asm_move32(94, 8 * CODE_WORDS),
			      asm_call(92, 94), asm_wait(0xff), asm_error_barrier()));
}

/* Every state that occurs is one that restoring takes, and that it reproduces. */
static void save_and_restore(struct fuzz *f)
{
	struct cs_test *t = f->t;
	struct sim_cs_core *core = f->saved + sim_cs_state_size();
	u64 insert = t->insert;

	sim_cs_save(t->cs, f->saved);
	*core = t->cs->core;
	t->insert = 0;
	cs_test_start(t);
	t->insert = insert;
	KUNIT_EXPECT_EQ(t->test, sim_cs_restore(t->cs, f->saved, sim_cs_state_size()), 0);
	KUNIT_EXPECT_EQ(t->test, memcmp(core, &t->cs->core, sizeof(*core)), 0);
}

static void run_stream(struct fuzz *f)
{
	struct cs_test *t = f->t;
	enum sim_cs_state state = SIM_CS_RUNNING;
	unsigned int steps = 0;

	while (steps < MAX_STEPS) {
		u32 slice = 1 + below(f, 40);

		state = sim_cs_run(t->cs, slice, t->now);
		steps += slice;
		t->now += below(f, 40);
		if (state == SIM_CS_FATAL)
			break;
		if (state == SIM_CS_FAULT)
			sim_cs_fault_ack(t->cs);
		if (state == SIM_CS_FROZEN && below(f, 2))
			sim_cs_bus_error(t->cs);
		if (state == SIM_CS_EMPTY && sim_cs_wake_ns(t->cs) == U64_MAX)
			break;
		KUNIT_EXPECT_LE(t->test, t->extract, t->insert);
	}
	cs_test_status(t);
	f->states[state]++;
	f->retired += t->cs->core.retired;
}

static void run_streams(struct kunit *test, unsigned int count)
{
	struct fuzz *f = kunit_kzalloc(test, sizeof(*f), GFP_KERNEL);
	unsigned int i;
	u32 seed;

	KUNIT_ASSERT_NOT_NULL(test, f);
	f->t = to_cs_test(test);
	f->saved = kunit_kzalloc(test, sim_cs_state_size() + sizeof(struct sim_cs_core),
				 GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, f->saved);

	seed = sim_seed(test, &f->rnd);
	for (i = 0; i < count; i++) {
		make_stream(f);
		run_stream(f);
		if (i % 8 == 0)
			save_and_restore(f);
		if (test->status == KUNIT_FAILURE)
			break;
	}
	kunit_info(test, "seed=%u, %u streams, %llu instructions; ended %u, blocked %u, running %u, fatal %u, frozen %u, fault %u",
		   seed, i, f->retired, f->states[SIM_CS_EMPTY], f->states[SIM_CS_BLOCKED],
		   f->states[SIM_CS_RUNNING], f->states[SIM_CS_FATAL], f->states[SIM_CS_FROZEN],
		   f->states[SIM_CS_FAULT]);

	/* A generator that makes nothing but garbage would prove little. */
	KUNIT_EXPECT_GT(test, f->retired, 4 * i);
	KUNIT_EXPECT_GT(test, f->states[SIM_CS_EMPTY], i / 100);
	KUNIT_EXPECT_GT(test, f->states[SIM_CS_FATAL], i / 100);
}

/*
 * Streams of arbitrary words, and of instructions with arbitrary operands, in
 * slices of arbitrary length.
 * Succeeds if the position in the ring never passes its end, each state that is
 * saved can be restored and is the same, and the kernel finds nothing to report.
 */
static void random_streams_do_no_harm(struct kunit *test)
{
	run_streams(test, 3000);
}

/*
 * The same, many more.
 * Succeeds if that holds for all of them.
 */
static void many_random_streams_do_no_harm(struct kunit *test)
{
	run_streams(test, 100000);
}

/*
 * A saved state in which some bytes are arbitrary, with a good checksum, as if
 * it had been made to deceive.
 * Succeeds if it is refused, or what it makes of the stream stays in its bounds.
 */
static void random_states_do_no_harm(struct kunit *test)
{
	struct fuzz *f = kunit_kzalloc(test, sizeof(*f), GFP_KERNEL);
	struct cs_test *t = to_cs_test(test);
	unsigned int i, n, taken = 0;
	u32 seed;

	KUNIT_ASSERT_NOT_NULL(test, f);
	f->t = t;
	f->saved = kunit_kzalloc(test, sim_cs_state_size(), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, f->saved);

	seed = sim_seed(test, &f->rnd);
	for (i = 0; i < 5000; i++) {
		make_stream(f);
		sim_cs_run(t->cs, 1 + below(f, 40), t->now);
		for (n = below(f, 4) + 1; n; n--) {
			u32 at = below(f, sizeof(t->cs->core));

			/* Most of it is registers and the table; aim at the rest. */
			if (below(f, 2))
				at = offsetof(struct sim_cs_core, depth) + below(f, 16);
			((u8 *)&t->cs->core)[at] = below(f, 2) ? below(f, 16) : below(f, 256);
		}
		sim_cs_save(t->cs, f->saved);
		if (sim_cs_restore(t->cs, f->saved, sim_cs_state_size()))
			continue;
		taken++;
		for (n = 0; n < 4; n++) {
			sim_cs_run(t->cs, 20, t->now);
			sim_cs_fault_ack(t->cs);
			cs_test_status(t);
			t->now += 20;
		}
	}
	kunit_info(test, "seed=%u, %u of %u states taken", seed, taken, i);
	KUNIT_EXPECT_GT(test, taken, i / 20);
	KUNIT_EXPECT_LT(test, taken, i - i / 20);
}

static struct kunit_case sim_cs_random_cases[] = {
	KUNIT_CASE(random_streams_do_no_harm),
	KUNIT_CASE_ATTR(many_random_streams_do_no_harm, { .speed = KUNIT_SPEED_VERY_SLOW }),
	KUNIT_CASE(random_states_do_no_harm),
	{}
};

static struct kunit_suite sim_cs_random_suite = {
	.name = "panthor_sim_cs_random",
	.init = cs_test_init,
	.test_cases = sim_cs_random_cases,
};

kunit_test_suite(sim_cs_random_suite);
