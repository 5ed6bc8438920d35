// SPDX-License-Identifier: GPL-2.0-only
/* A command stream with nothing around it. */

#include <linux/errno.h>
#include <linux/minmax.h>
#include <linux/string.h>

#include "sim_cs_fixture.h"

/* Steps after which a stream is taken to be endless. */
#define MANY_SLICES	100000

static bool in_memory(u64 va, size_t len)
{
	return va >= MEM_VA && va < MEM_VA + MEM_SIZE && len <= MEM_VA + MEM_SIZE - va;
}

static int test_copy(void *priv, u64 va, void *buf, size_t len, enum sim_access access)
{
	struct cs_test *t = priv;
	bool write = access == SIM_WRITE || access == SIM_ATOMIC;

	t->copies++;
	if (t->bad_len && va < t->bad_va + t->bad_len && t->bad_va < va + len &&
	    (write || !t->bad_write))
		return t->bad_err;
	if (!in_memory(va, len))
		return -EFAULT;

	if (access == SIM_WRITE)
		memcpy(t->mem + (va - MEM_VA), buf, len);
	else
		memcpy(buf, t->mem + (va - MEM_VA), len);

	return 0;
}

static u64 test_insert(void *priv)
{
	return ((struct cs_test *)priv)->insert;
}

static void test_extract(void *priv, u64 extract)
{
	((struct cs_test *)priv)->extract = extract;
}

static u64 test_timestamp(void *priv)
{
	return 0x1111222233334444ULL;
}

static u64 test_cycles(void *priv)
{
	return 0x5555666677778888ULL;
}

static u32 test_flush_id(void *priv)
{
	return ((struct cs_test *)priv)->flush_id;
}

static void test_flush(void *priv, u32 modes)
{
	struct cs_test *t = priv;

	t->flushes++;
	t->flush_modes = modes;
}

static u64 test_delay(void *priv, enum sim_cs_delay what)
{
	return ((struct cs_test *)priv)->delay[what];
}

static void test_sync_written(void *priv, bool system_scope, u64 va)
{
	struct cs_test *t = priv;

	t->syncs[system_scope]++;
	t->sync_va = va;
}

static bool test_resource(void *priv, u32 mask)
{
	return !((struct cs_test *)priv)->deny;
}

static bool test_progress(void *priv, unsigned int queue, u64 *value)
{
	*value = ((struct cs_test *)priv)->progress;

	return queue < 2;
}

static int test_heap_grow(void *priv, u64 heap, u64 *chunk)
{
	struct cs_test *t = priv;

	t->grown++;
	if (!t->grow_err)
		*chunk = t->grow;

	return t->grow_err;
}

static void test_trace(void *priv, const u32 *regs, unsigned int count)
{
	struct cs_test *t = priv;

	t->traced += count;
	memcpy(t->trace, regs, min_t(size_t, count * 4, sizeof(t->trace)));
}

/**
 * cs_test_start() - Start the stream anew, at the ring's insert offset
 * @t: The fixture.
 *
 * Context: Test thread.
 */
void cs_test_start(struct cs_test *t)
{
	const struct sim_cs_config config = {
		.ring_base = RING_VA,
		.ring_size = RING_SIZE,
		.extract_init = t->insert,
	};

	sim_cs_start(t->cs, &config);
}

/**
 * cs_test_init() - Suite's init
 * @test: The test.
 *
 * Context: Test thread.
 *
 * Return: 0 or errno.
 */
int cs_test_init(struct kunit *test)
{
	const struct sim_cs_env env = {
		.copy = test_copy,
		.insert = test_insert,
		.extract = test_extract,
		.timestamp = test_timestamp,
		.cycles = test_cycles,
		.flush_id = test_flush_id,
		.flush = test_flush,
		.delay_ns = test_delay,
		.sync_written = test_sync_written,
		.resource = test_resource,
		.progress = test_progress,
		.heap_grow = test_heap_grow,
		.trace = test_trace,
	};
	struct cs_test *t = kunit_kzalloc(test, sizeof(*t), GFP_KERNEL);

	if (!t)
		return -ENOMEM;
	t->test = test;
	t->cs = kunit_kzalloc(test, sizeof(*t->cs), GFP_KERNEL);
	t->mem = kunit_kzalloc(test, MEM_SIZE, GFP_KERNEL);
	if (!t->cs || !t->mem)
		return -ENOMEM;

	t->slice = 1000;
	t->now = 1000000;
	test->priv = t;
	sim_cs_init(t->cs, &env);
	t->cs->env.priv = t;
	cs_test_start(t);

	return 0;
}

/**
 * cs_test_mem() - Memory as the test sees it
 * @t: The fixture.
 * @va: Its GPU address.
 *
 * Context: Test thread.
 *
 * Return: Pointer to it.
 */
void *cs_test_mem(struct cs_test *t, u64 va)
{
	KUNIT_ASSERT_TRUE(t->test, in_memory(va, 8));

	return t->mem + (va - MEM_VA);
}

/**
 * cs_test_read32() - Read a word of memory
 * @t: The fixture.
 * @va: Its GPU address.
 *
 * Context: Test thread.
 *
 * Return: The word.
 */
u32 cs_test_read32(struct cs_test *t, u64 va)
{
	return *(u32 *)cs_test_mem(t, va);
}

/**
 * cs_test_read64() - Read a double word of memory
 * @t: The fixture.
 * @va: Its GPU address.
 *
 * Context: Test thread.
 *
 * Return: The double word.
 */
u64 cs_test_read64(struct cs_test *t, u64 va)
{
	return *(u64 *)cs_test_mem(t, va);
}

/**
 * cs_test_write32() - Write a word of memory
 * @t: The fixture.
 * @va: Its GPU address.
 * @value: The word.
 *
 * Context: Test thread.
 */
void cs_test_write32(struct cs_test *t, u64 va, u32 value)
{
	*(u32 *)cs_test_mem(t, va) = value;
}

/**
 * cs_test_write64() - Write a double word of memory
 * @t: The fixture.
 * @va: Its GPU address.
 * @value: The double word.
 *
 * Context: Test thread.
 */
void cs_test_write64(struct cs_test *t, u64 va, u64 value)
{
	*(u64 *)cs_test_mem(t, va) = value;
}

/**
 * cs_test_reg64() - Value of a pair of registers
 * @t: The fixture.
 * @reg: The first one.
 *
 * Context: Test thread.
 *
 * Return: The value.
 */
u64 cs_test_reg64(struct cs_test *t, unsigned int reg)
{
	return t->cs->core.regs[reg] | (u64)t->cs->core.regs[reg + 1] << 32;
}

/**
 * cs_test_code() - Write code somewhere
 * @t: The fixture.
 * @va: Where.
 * @insns: Instructions.
 *
 * Context: Test thread.
 */
void cs_test_code(struct cs_test *t, u64 va, struct insns insns)
{
	memcpy(cs_test_mem(t, va), insns.words, insns.count * 8);
}

/**
 * cs_test_ring() - Append instructions to the ring
 * @t: The fixture.
 * @insns: Instructions.
 *
 * Context: Test thread.
 */
void cs_test_ring(struct cs_test *t, struct insns insns)
{
	unsigned int i;

	for (i = 0; i < insns.count; i++) {
		cs_test_write64(t, RING_VA + t->insert % RING_SIZE, insns.words[i]);
		t->insert += 8;
	}
}

/**
 * cs_test_call() - Write code to CODE_VA and have the ring call it
 * @t: The fixture.
 * @insns: Instructions.
 *
 * Takes the registers that the driver takes for it, d92 and r94.
 *
 * Context: Test thread.
 */
void cs_test_call(struct cs_test *t, struct insns insns)
{
	cs_test_code(t, CODE_VA, insns);
	cs_test_ring(t, INSNS(asm_move48(92, CODE_VA), asm_move32(94, insns.count * 8),
			      asm_call(92, 94)));
}

/**
 * cs_test_run() - Run until something keeps the stream from going on
 * @t: The fixture. Time does not pass.
 *
 * Context: Test thread.
 *
 * Return: The state.
 */
enum sim_cs_state cs_test_run(struct cs_test *t)
{
	enum sim_cs_state state = SIM_CS_RUNNING;
	unsigned int n;

	for (n = 0; n < MANY_SLICES; n++) {
		state = sim_cs_run(t->cs, t->slice, t->now);
		if (sim_cs_wake_ns(t->cs) > 0)
			break;
		/* A slice that was used up says nothing yet. */
		if (state != SIM_CS_RUNNING && state != SIM_CS_EMPTY && state != SIM_CS_BLOCKED)
			break;
	}
	KUNIT_EXPECT_LT_MSG(t->test, n, MANY_SLICES, "stream has no end");

	return state;
}

/**
 * cs_test_status() - Status of the stream
 * @t: The fixture.
 *
 * Context: Test thread.
 *
 * Return: The status.
 */
struct sim_cs_status cs_test_status(struct cs_test *t)
{
	struct sim_cs_status status;

	sim_cs_status(t->cs, &status);

	return status;
}

/**
 * cs_test_job() - Descriptor of a test job
 * @op: Operation.
 *
 * Context: Test thread.
 *
 * Return: It, for 256 bytes to BUFFER_VA from 8k behind that, seed 5.
 */
struct sim_job cs_test_job(u32 op)
{
	return (struct sim_job) {
		.magic = SIM_JOB_MAGIC,
		.op = op,
		.dst = BUFFER_VA,
		.src = BUFFER_VA + SZ_8K,
		.size = 256,
		.seed = 5,
		.result = RESULT_VA,
	};
}

/**
 * cs_test_put_job() - Write a descriptor and have TSD 2 and FAU 3 select it
 * @t: The fixture.
 * @job: The descriptor.
 *
 * Context: Test thread.
 */
void cs_test_put_job(struct cs_test *t, const struct sim_job *job)
{
	memcpy(cs_test_mem(t, JOB_VA), job, sizeof(*job));
	cs_test_ring(t, INSNS(asm_move48(14, JOB_VA), asm_move32(28, (u32)SIM_JOB_MAGIC),
			      asm_move32(29, SIM_JOB_MAGIC >> 32)));
}

/**
 * cs_test_content() - Look for what a FILL with seed 5 writes
 * @t: The fixture.
 * @va: Where.
 * @words: How many double words at most.
 *
 * Context: Test thread.
 *
 * Return: How many are right, from the first on.
 */
unsigned int cs_test_content(struct cs_test *t, u64 va, unsigned int words)
{
	unsigned int i;

	for (i = 0; i < words && cs_test_read64(t, va + 8 * i) == sim_job_word(5, i); i++)
		;

	return i;
}

/**
 * expect_result() - What a test job reported
 * @t: The fixture.
 * @bytes: Bytes done.
 * @wrong: Address of the first wrong word.
 *
 * Context: Test thread.
 */
void expect_result(struct cs_test *t, u64 bytes, u64 wrong)
{
	KUNIT_EXPECT_EQ(t->test, cs_test_read64(t, RESULT_VA), bytes);
	KUNIT_EXPECT_EQ(t->test, cs_test_read64(t, RESULT_VA + 8), wrong);
}

/**
 * expect_fatal() - The stream runs into a fatal fault
 * @t: The fixture.
 * @code: Type of the fault.
 * @info: Companion word.
 *
 * Context: Test thread.
 */
void expect_fatal(struct cs_test *t, u32 code, u64 info)
{
	struct sim_cs_status status;

	KUNIT_EXPECT_EQ(t->test, cs_test_run(t), SIM_CS_FATAL);
	status = cs_test_status(t);
	KUNIT_EXPECT_EQ(t->test, status.code, code);
	KUNIT_EXPECT_EQ(t->test, status.info, info);
}
