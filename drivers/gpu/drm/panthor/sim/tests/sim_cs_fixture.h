/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef __PANTHOR_SIM_TESTS_CS_FIXTURE_H__
#define __PANTHOR_SIM_TESTS_CS_FIXTURE_H__

/*
 * A command stream with nothing around it: flat memory, a ring in it, and
 * answers to all that it asks for.
 */

#include <linux/sizes.h>
#include <linux/types.h>

#include <kunit/test.h>

#include "../sim_cs.h"
#include "../sim_job.h"
#include "cs_asm.h"

/* Memory, and what lies where in it. */
#define MEM_VA		0x1000000ULL
#define MEM_SIZE	SZ_64K
#define RING_SIZE	SZ_4K
#define RING_VA		MEM_VA
#define CODE_VA		(MEM_VA + SZ_4K)
#define DATA_VA		(MEM_VA + SZ_16K)
/* A test job's descriptor, its two words of results, its destination. */
#define JOB_VA		DATA_VA
#define RESULT_VA	(DATA_VA + 128)
#define BUFFER_VA	(DATA_VA + SZ_8K)

/**
 * struct insns - Instructions, as INSNS() makes them
 * @words: The instructions.
 * @count: How many.
 */
struct insns {
	const u64 *words;
	unsigned int count;
};

#define INSNS(...) \
	((struct insns){ (const u64[]){ __VA_ARGS__ }, \
			 sizeof((const u64[]){ __VA_ARGS__ }) / sizeof(u64) })

/**
 * struct cs_test - The stream and its surroundings
 * @test: The test.
 * @cs: The stream.
 * @mem: Memory, MEM_SIZE from MEM_VA.
 * @insert: End of the ring.
 * @extract: What the stream last told of its position.
 * @now: Time of the next slice.
 * @slice: Length of slices of cs_test_run().
 * @bad_va: Start of a range that cannot be accessed.
 * @bad_len: Its length, 0 for none.
 * @bad_err: What an access to it returns.
 * @bad_write: Writes only.
 * @delay: Delays.
 * @deny: REQ_RESOURCE blocks.
 * @progress: Progress counter of streams 0 and 1; there are no others.
 * @flush_id: LATEST_FLUSH.
 * @flushes: Flushes so far.
 * @flush_modes: Modes of the last.
 * @syncs: Writes of synchronisation objects, by scope: group, system.
 * @sync_va: The last one.
 * @copies: Accesses to memory.
 * @grow: What the host answers to a full heap.
 * @grow_err: Errno instead.
 * @grown: How often it was asked.
 * @traced: Registers traced.
 * @trace: The first two of them.
 */
struct cs_test {
	struct kunit *test;
	struct sim_cs *cs;
	u8 *mem;
	u64 insert;
	u64 extract;
	u64 now;
	unsigned int slice;
	u64 bad_va;
	u64 bad_len;
	int bad_err;
	bool bad_write;
	u64 delay[SIM_CS_DELAYS];
	bool deny;
	u64 progress;
	u32 flush_id;
	unsigned int flushes;
	u32 flush_modes;
	unsigned int syncs[2];
	u64 sync_va;
	unsigned int copies;
	u64 grow;
	int grow_err;
	unsigned int grown;
	unsigned int traced;
	u32 trace[2];
};

int cs_test_init(struct kunit *test);
void cs_test_start(struct cs_test *t);
void *cs_test_mem(struct cs_test *t, u64 va);
u32 cs_test_read32(struct cs_test *t, u64 va);
u64 cs_test_read64(struct cs_test *t, u64 va);
void cs_test_write32(struct cs_test *t, u64 va, u32 value);
void cs_test_write64(struct cs_test *t, u64 va, u64 value);
u64 cs_test_reg64(struct cs_test *t, unsigned int reg);

void cs_test_code(struct cs_test *t, u64 va, struct insns insns);
void cs_test_ring(struct cs_test *t, struct insns insns);
void cs_test_call(struct cs_test *t, struct insns insns);
enum sim_cs_state cs_test_run(struct cs_test *t);
struct sim_cs_status cs_test_status(struct cs_test *t);

struct sim_job cs_test_job(u32 op);
void cs_test_put_job(struct cs_test *t, const struct sim_job *job);
unsigned int cs_test_content(struct cs_test *t, u64 va, unsigned int words);
void expect_result(struct cs_test *t, u64 bytes, u64 wrong);
void expect_fatal(struct cs_test *t, u32 code, u64 info);

static inline struct cs_test *to_cs_test(struct kunit *test)
{
	return test->priv;
}

#endif
