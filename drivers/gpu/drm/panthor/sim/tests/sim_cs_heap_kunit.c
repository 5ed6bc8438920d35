// SPDX-License-Identifier: GPL-2.0-only
/* Tiler heaps: counters, chunks, the exception handler. */

#include "sim_cs_fixture.h"

#define HEAP_VA		(DATA_VA + 256)
#define HANDLER_VA	(CODE_VA + SZ_4K)
/* Chunks of one page. */
#define CHUNK_VA(n)	(DATA_VA + SZ_16K + (n) * SZ_4K)
#define CHUNK(n)	(CHUNK_VA(n) | 1)
#define CHUNK_BYTES	(SZ_4K - SIM_HEAP_CHUNK_HEADER)

/*
 * HEAP_OPERATION and FINISH_FRAGMENT count in the heap context.
 * Succeeds if each has its counter.
 */
static void heap_operations_count(struct kunit *test)
{
	struct cs_test *t = to_cs_test(test);

	cs_test_ring(t, INSNS(asm_move48(2, HEAP_VA), asm_heap_set(2), asm_heap_op(0),
			      asm_heap_op(0), asm_heap_op(0), asm_heap_op(0), asm_heap_op(1),
			      asm_heap_op(1), asm_heap_op(1), asm_heap_op(3),
			      asm_finish_fragment(20, 20, true),
			      asm_finish_fragment(20, 20, false)));
	KUNIT_EXPECT_EQ(test, cs_test_run(t), SIM_CS_EMPTY);
	KUNIT_EXPECT_EQ(test, cs_test_status(t).heap, HEAP_VA);
	KUNIT_EXPECT_EQ(test, cs_test_read32(t, HEAP_VA + SIM_HEAP_VT_START), 4);
	KUNIT_EXPECT_EQ(test, cs_test_read32(t, HEAP_VA + SIM_HEAP_VT_END), 3);
	KUNIT_EXPECT_EQ(test, cs_test_read32(t, HEAP_VA + SIM_HEAP_FRAG_END), 2);
}

/*
 * Lists of chunks are given back, one with two chunks, then one with one.
 * Succeeds if the free list has them all, the last list first.
 */
static void chunks_are_given_back(struct kunit *test)
{
	struct cs_test *t = to_cs_test(test);

	cs_test_write64(t, CHUNK_VA(0), CHUNK(1));
	cs_test_ring(t, INSNS(asm_move48(2, HEAP_VA), asm_heap_set(2), asm_move48(4, CHUNK(0)),
			      asm_move48(6, CHUNK(1)), asm_finish_fragment(4, 6, false),
			      asm_move48(4, CHUNK(2)), asm_finish_fragment(4, 4, false)));
	KUNIT_EXPECT_EQ(test, cs_test_run(t), SIM_CS_EMPTY);
	KUNIT_EXPECT_EQ(test, cs_test_read64(t, HEAP_VA + SIM_HEAP_FREE), CHUNK(2));
	KUNIT_EXPECT_EQ(test, cs_test_read64(t, CHUNK_VA(2)), CHUNK(0));
	KUNIT_EXPECT_EQ(test, cs_test_read64(t, CHUNK_VA(0)), CHUNK(1));
	KUNIT_EXPECT_EQ(test, cs_test_read64(t, CHUNK_VA(1)), 0);
}

/*
 * Lists that have no first or no last chunk.
 * Succeeds if nothing is given back.
 */
static void half_a_list_is_none(struct kunit *test)
{
	struct cs_test *t = to_cs_test(test);

	cs_test_ring(t, INSNS(asm_move48(2, HEAP_VA), asm_heap_set(2), asm_move48(4, CHUNK(0)),
			      asm_finish_fragment(4, 20, false),
			      asm_finish_fragment(20, 4, false)));
	cs_test_write64(t, CHUNK_VA(0), 9);
	KUNIT_EXPECT_EQ(test, cs_test_run(t), SIM_CS_EMPTY);
	KUNIT_EXPECT_EQ(test, cs_test_read64(t, HEAP_VA + SIM_HEAP_FREE), 0);
	KUNIT_EXPECT_EQ(test, cs_test_read64(t, CHUNK_VA(0)), 9);
}

/*
 * A heap context at an address that is no multiple of 8.
 * Succeeds if counting in it is CS_BUS_FAULT.
 */
static void misaligned_heap_is_fatal(struct kunit *test)
{
	struct cs_test *t = to_cs_test(test);

	cs_test_ring(t, INSNS(asm_move48(2, HEAP_VA + 4), asm_heap_set(2), asm_heap_op(0)));
	expect_fatal(t, 0x48, HEAP_VA + 4);
}

/* A tiler job of so many chunks, minus a word, that starts in chunk 0. */
static enum sim_cs_state run_tiler(struct cs_test *t, unsigned int chunks)
{
	struct sim_job job = cs_test_job(SIM_JOB_TILE);

	job.src = CHUNK(0);
	job.size = chunks * CHUNK_BYTES - 8;
	cs_test_put_job(t, &job);
	cs_test_ring(t, INSNS(asm_move48(2, HEAP_VA), asm_heap_set(2), asm_move48(8, JOB_VA),
			      asm_move32(24, (u32)SIM_JOB_MAGIC),
			      asm_move32(25, SIM_JOB_MAGIC >> 32), asm_run_idvs(), asm_wait(1)));

	return cs_test_run(t);
}

static void expect_chunk(struct cs_test *t, unsigned int n, u64 next, unsigned int words)
{
	KUNIT_EXPECT_EQ_MSG(t->test, cs_test_read64(t, CHUNK_VA(n)), next, "chunk %u", n);
	KUNIT_EXPECT_EQ_MSG(t->test,
			    cs_test_content(t, CHUNK_VA(n) + SIM_HEAP_CHUNK_HEADER,
					    CHUNK_BYTES / 8), words, "chunk %u", n);
}

/*
 * A tiler job with two chunks linked, one on the free list, and a host that has
 * one more.
 * Succeeds if it fills them in that order, links them, and leaves the last word
 * of the last alone.
 */
static void tiler_takes_chunks(struct kunit *test)
{
	struct cs_test *t = to_cs_test(test);

	cs_test_write64(t, CHUNK_VA(0), CHUNK(1));
	cs_test_write64(t, HEAP_VA + SIM_HEAP_FREE, CHUNK(2));
	t->grow = CHUNK(3);
	KUNIT_EXPECT_EQ(test, run_tiler(t, 4), SIM_CS_EMPTY);
	expect_chunk(t, 0, CHUNK(1), CHUNK_BYTES / 8);
	expect_chunk(t, 1, CHUNK(2), CHUNK_BYTES / 8);
	expect_chunk(t, 2, CHUNK(3), CHUNK_BYTES / 8);
	expect_chunk(t, 3, 0, CHUNK_BYTES / 8 - 1);
	KUNIT_EXPECT_EQ(test, cs_test_read64(t, HEAP_VA + SIM_HEAP_FREE), 0);
	KUNIT_EXPECT_EQ(test, t->grown, 1);
	expect_result(t, 4 * CHUNK_BYTES - 8, 0);
}

/*
 * A chunk on the free list that has another behind it.
 * Succeeds if only the first is taken, unlinked from the second.
 */
static void tiler_takes_one_free_chunk(struct kunit *test)
{
	struct cs_test *t = to_cs_test(test);

	cs_test_write64(t, HEAP_VA + SIM_HEAP_FREE, CHUNK(1));
	cs_test_write64(t, CHUNK_VA(1), CHUNK(2));
	KUNIT_EXPECT_EQ(test, run_tiler(t, 2), SIM_CS_EMPTY);
	expect_chunk(t, 0, CHUNK(1), CHUNK_BYTES / 8);
	expect_chunk(t, 1, 0, CHUNK_BYTES / 8 - 1);
	KUNIT_EXPECT_EQ(test, cs_test_read64(t, HEAP_VA + SIM_HEAP_FREE), CHUNK(2));
	KUNIT_EXPECT_EQ(test, t->grown, 0);
}

/*
 * A host that takes its time to answer.
 * Succeeds if the stream stays blocked, without asking to be called, and the job
 * goes on with the answer.
 */
static void tiler_waits_for_the_host(struct kunit *test)
{
	struct cs_test *t = to_cs_test(test);

	t->grow_err = -EAGAIN;
	KUNIT_EXPECT_EQ(test, run_tiler(t, 2), SIM_CS_BLOCKED);
	KUNIT_EXPECT_EQ(test, sim_cs_wake_ns(t->cs), U64_MAX);
	KUNIT_EXPECT_EQ(test, cs_test_run(t), SIM_CS_BLOCKED);
	t->grow_err = 0;
	t->grow = CHUNK(1);
	KUNIT_EXPECT_EQ(test, cs_test_run(t), SIM_CS_EMPTY);
	expect_chunk(t, 1, 0, CHUNK_BYTES / 8 - 1);
}

/*
 * A host that refuses, and no exception handler.
 * Succeeds if that is a fault of type OOM with the heap context's address.
 */
static void refused_chunk_is_a_fault(struct kunit *test)
{
	struct cs_test *t = to_cs_test(test);

	KUNIT_EXPECT_EQ(test, run_tiler(t, 2), SIM_CS_FAULT);
	KUNIT_EXPECT_EQ(test, cs_test_status(t).code, 0x60);
	KUNIT_EXPECT_EQ(test, cs_test_status(t).info, HEAP_VA);
	expect_chunk(t, 0, 0, CHUNK_BYTES / 8);
}

/* Registers a handler that counts in r40, and gives back the chunk in d42. */
static void set_handler(struct cs_test *t, u64 chunk)
{
	cs_test_code(t, HANDLER_VA, INSNS(asm_add32(40, 40, 1), asm_finish_fragment(42, 42, 0)));
	cs_test_ring(t, INSNS(asm_move48(42, chunk), asm_move48(44, HANDLER_VA),
			      asm_move32(46, 16), asm_set_handler(2, 44, 46)));
}

/*
 * A host that refuses, and an exception handler that gives a chunk back, while
 * the ring waits for the job.
 * Succeeds if the handler is called once, and the job ends with that chunk.
 */
static void handler_makes_room(struct kunit *test)
{
	struct cs_test *t = to_cs_test(test);

	set_handler(t, CHUNK(1));
	KUNIT_EXPECT_EQ(test, run_tiler(t, 2), SIM_CS_EMPTY);
	KUNIT_EXPECT_EQ(test, t->cs->core.regs[40], 1);
	expect_chunk(t, 0, CHUNK(1), CHUNK_BYTES / 8);
	expect_chunk(t, 1, 0, CHUNK_BYTES / 8 - 1);
}

/*
 * A handler that gives nothing back.
 * Succeeds if it is called once, then the job faults.
 */
static void handler_may_fail(struct kunit *test)
{
	struct cs_test *t = to_cs_test(test);

	set_handler(t, 0);
	KUNIT_EXPECT_EQ(test, run_tiler(t, 2), SIM_CS_FAULT);
	KUNIT_EXPECT_EQ(test, cs_test_status(t).code, 0x60);
	KUNIT_EXPECT_EQ(test, t->cs->core.regs[40], 1);
}

/* Has the handler called so many calls below the ring. */
static void run_nested(struct cs_test *t, unsigned int calls)
{
	struct sim_job job = cs_test_job(SIM_JOB_TILE);

	job.src = CHUNK(0);
	job.size = 2 * CHUNK_BYTES;
	cs_test_put_job(t, &job);
	cs_test_ring(t, INSNS(asm_move48(2, HEAP_VA), asm_heap_set(2), asm_move48(8, JOB_VA),
			      asm_move32(24, (u32)SIM_JOB_MAGIC),
			      asm_move32(25, SIM_JOB_MAGIC >> 32), asm_move32(10, calls)));
	cs_test_call(t, INSNS(asm_add32(10, 10, -1), asm_branch(ASM_EQ, 10, 2),
			      asm_call(92, 94), asm_branch(ASM_ALWAYS, 0, 99),
			      asm_run_idvs(), asm_wait(1)));
}

/*
 * The handler is called in code that is nested as deep as it goes.
 * Succeeds if it has a frame of its own.
 */
static void handler_has_its_own_frame(struct kunit *test)
{
	struct cs_test *t = to_cs_test(test);

	set_handler(t, CHUNK(1));
	run_nested(t, 7);
	KUNIT_EXPECT_EQ(test, cs_test_run(t), SIM_CS_EMPTY);
	KUNIT_EXPECT_EQ(test, t->cs->core.regs[40], 1);
	KUNIT_EXPECT_EQ(test, t->extract, t->insert);
}

/* A handler that also calls code, of which there is none. */
static void set_calling_handler(struct cs_test *t)
{
	set_handler(t, CHUNK(1));
	cs_test_code(t, HANDLER_VA + 16, INSNS(asm_call(50, 52)));
	cs_test_ring(t, INSNS(asm_move32(46, 24), asm_set_handler(2, 44, 46)));
}

/*
 * The handler calls code where there is one frame left, besides its own.
 * Succeeds if it can.
 */
static void handler_may_call(struct kunit *test)
{
	struct cs_test *t = to_cs_test(test);

	set_calling_handler(t);
	run_nested(t, 6);
	KUNIT_EXPECT_EQ(test, cs_test_run(t), SIM_CS_EMPTY);
	KUNIT_EXPECT_EQ(test, t->cs->core.regs[40], 1);
}

/*
 * The same where there is none left.
 * Succeeds if that is CS_CALL_STACK_OVERFLOW.
 */
static void handler_overflows(struct kunit *test)
{
	struct cs_test *t = to_cs_test(test);

	set_calling_handler(t);
	run_nested(t, 7);
	expect_fatal(t, 0x4a, HANDLER_VA + 16);
}

/*
 * The handler interrupts the ring, which waits for the job.
 * Succeeds if the position that the host is told does not move meanwhile.
 */
static void handler_does_not_move_the_ring(struct kunit *test)
{
	struct cs_test *t = to_cs_test(test);
	u64 wait;

	set_handler(t, CHUNK(1));
	t->grow_err = -EAGAIN;
	KUNIT_EXPECT_EQ(test, run_tiler(t, 2), SIM_CS_BLOCKED);
	wait = t->insert - 8;
	KUNIT_EXPECT_EQ(test, t->extract, wait);

	t->grow_err = 0;
	KUNIT_EXPECT_EQ(test, sim_cs_run(t->cs, 1, t->now), SIM_CS_RUNNING);
	KUNIT_EXPECT_EQ(test, t->cs->core.regs[40], 1);
	KUNIT_EXPECT_EQ(test, cs_test_status(t).extract, wait);
	KUNIT_EXPECT_EQ(test, cs_test_status(t).cmd_ptr, HANDLER_VA + 8);
}

static struct kunit_case sim_cs_heap_cases[] = {
	KUNIT_CASE(heap_operations_count),
	KUNIT_CASE(chunks_are_given_back),
	KUNIT_CASE(half_a_list_is_none),
	KUNIT_CASE(misaligned_heap_is_fatal),
	KUNIT_CASE(tiler_takes_chunks),
	KUNIT_CASE(tiler_takes_one_free_chunk),
	KUNIT_CASE(tiler_waits_for_the_host),
	KUNIT_CASE(refused_chunk_is_a_fault),
	KUNIT_CASE(handler_makes_room),
	KUNIT_CASE(handler_may_fail),
	KUNIT_CASE(handler_has_its_own_frame),
	KUNIT_CASE(handler_may_call),
	KUNIT_CASE(handler_overflows),
	KUNIT_CASE(handler_does_not_move_the_ring),
	{}
};

static struct kunit_suite sim_cs_heap_suite = {
	.name = "panthor_sim_cs_heap",
	.init = cs_test_init,
	.test_cases = sim_cs_heap_cases,
};

kunit_test_suite(sim_cs_heap_suite);
