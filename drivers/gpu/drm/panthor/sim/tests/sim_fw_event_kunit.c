// SPDX-License-Identifier: GPL-2.0-only
/* Events: told once until acknowledged, with what the driver needs to know. */

#include <linux/bitfield.h>
#include <linux/cleanup.h>

#include "../../panthor_fw_regs.h"
#include "../sim_cs.h"
#include "../sim_job.h"

#include "sim_fw_fixture.h"

#define DATA		FW_KUNIT_DATA
#define HEAP		(FW_KUNIT_DATA + 0x1000)
#define JOB		(FW_KUNIT_DATA + 0x2000)
#define CHUNK		(FW_KUNIT_DATA + 0x10000)
#define CHUNK_SIZE	SZ_16K

static int fw_event_init(struct kunit *test)
{
	int ret = fw_kunit_init(test);

	if (!ret)
		fw_kunit_boot(to_fw_kunit(test));
	return ret;
}

static void run_stream(struct fw_kunit *k, struct fw_kunit_group *group, const u64 *insns,
		       unsigned int count)
{
	bool first = !group->insert[0];

	group_emit(k, group, 0, insns, count);
	if (first)
		group_start(k, group, 0, CSG_START);
	else
		fw_kunit_ring(k, 1);
	fw_kunit_run(k);
}

static void sync(struct fw_kunit *k, struct fw_kunit_group *group, u64 scope)
{
	const u64 insns[] = {
		asm_move48(2, DATA), asm_move32(4, 1), asm_sync_add32(2, 4, scope),
	};

	run_stream(k, group, insns, ARRAY_SIZE(insns));
}

/* The case succeeds if SYNC_UPDATE is not told twice until acknowledged, and not lost. */
static void sync_update(struct kunit *test)
{
	struct fw_kunit_group group = { .as = 1, .streams = 1 };
	struct fw_kunit *k = to_fw_kunit(test);

	sync(k, &group, ASM_SYSTEM);
	KUNIT_EXPECT_EQ(test, CSG_SYNC_UPDATE, csg_events(k, 0));
	KUNIT_EXPECT_TRUE(test, fw_kunit_irqs(k) & JOB_INT_CSG_IF(0));
	sync(k, &group, ASM_SYSTEM);
	KUNIT_EXPECT_EQ(test, CSG_SYNC_UPDATE, csg_events(k, 0));
	KUNIT_EXPECT_EQ(test, 0, fw_kunit_irqs(k));

	csg_ack_events(k, 0);
	KUNIT_EXPECT_EQ(test, 0, csg_events(k, 0));
	fw_kunit_run(k);
	KUNIT_EXPECT_EQ_MSG(test, CSG_SYNC_UPDATE, csg_events(k, 0), "the second one");
	KUNIT_EXPECT_TRUE(test, fw_kunit_irqs(k) & JOB_INT_CSG_IF(0));
	csg_ack_events(k, 0);
	fw_kunit_run(k);
	KUNIT_EXPECT_EQ(test, 0, csg_events(k, 0));
}

/* The case succeeds if a write of group scope is not told to the driver. */
static void sync_group_scope(struct kunit *test)
{
	struct fw_kunit_group group = { .as = 1, .streams = 1 };
	struct fw_kunit *k = to_fw_kunit(test);

	sync(k, &group, ASM_GROUP);
	KUNIT_EXPECT_EQ(test, 1, *fw_kunit_word(k, 1, DATA));
	KUNIT_EXPECT_EQ(test, 0, csg_events(k, 0));
}

/* The case succeeds if an event whose interrupt is not wanted has none. */
static void irq_mask(struct kunit *test)
{
	struct fw_kunit_group group = { .as = 1, .streams = 1 };
	struct fw_kunit *k = to_fw_kunit(test);

	sync(k, &group, ASM_GROUP);
	fw_kunit_set(k, csg_in(k, 0) + CSG_ACK_IRQ_MASK, 0);
	csg_ring(k, 0);
	fw_kunit_run(k);
	fw_kunit_irqs(k);
	sync(k, &group, ASM_SYSTEM);
	KUNIT_EXPECT_TRUE(test, csg_events(k, 0) & CSG_SYNC_UPDATE);
	KUNIT_EXPECT_EQ(test, 0, fw_kunit_irqs(k) & JOB_INT_CSG_IF(0));
}

/* The case succeeds if one stream's write wakes one of the same group, at once. */
static void sync_wakes(struct kunit *test)
{
	const u64 waiter[] = {
		asm_move48(2, DATA), asm_move32(4, 0), asm_sync_wait32(ASM_GT, 2, 4, 0),
		asm_move32(4, 9), asm_store(4, 2, 1, 16),
	};
	const u64 setter[] = {
		asm_move48(2, DATA), asm_move32(4, 1), asm_sync_set32(2, 4, ASM_GROUP),
	};
	struct fw_kunit_group group = { .as = 1, .streams = 2 };
	struct fw_kunit *k = to_fw_kunit(test);

	group_emit(k, &group, 0, waiter, ARRAY_SIZE(waiter));
	group_start(k, &group, 0, CSG_START);
	fw_kunit_run(k);
	group_emit(k, &group, 1, setter, ARRAY_SIZE(setter));
	fw_kunit_ring(k, 1);
	fw_kunit_run(k);
	KUNIT_EXPECT_EQ(test, 9, *fw_kunit_word(k, 1, DATA + 16));
}

/* The case succeeds if a wait that only memory ends, ends within 2 ms. */
static void sync_polled(struct kunit *test)
{
	const u64 insns[] = {
		asm_move48(2, DATA), asm_move32(4, 0), asm_sync_wait32(ASM_GT, 2, 4, 0),
		asm_move32(4, 9), asm_store(4, 2, 1, 16),
	};
	struct fw_kunit_group group = { .as = 1, .streams = 1 };
	struct fw_kunit *k = to_fw_kunit(test);

	run_stream(k, &group, insns, ARRAY_SIZE(insns));
	fw_kunit_pass(k, 50 * NSEC_PER_MSEC);
	KUNIT_EXPECT_EQ(test, 0, *fw_kunit_word(k, 1, DATA + 16));
	*fw_kunit_word(k, 1, DATA) = 1;
	fw_kunit_pass(k, 2 * NSEC_PER_MSEC);
	KUNIT_EXPECT_EQ(test, 9, *fw_kunit_word(k, 1, DATA + 16));
}

/* The case succeeds if CSG_IDLE comes once, after the hysteresis, and again after work. */
static void idle_empty(struct kunit *test)
{
	struct fw_kunit_group group = { .as = 1, .streams = 2 };
	struct fw_kunit *k = to_fw_kunit(test);

	sync(k, &group, ASM_GROUP);
	fw_kunit_pass(k, FW_KUNIT_IDLE_NS / 2);
	KUNIT_EXPECT_EQ(test, 0, csg_events(k, 0));
	fw_kunit_pass(k, FW_KUNIT_IDLE_NS);
	KUNIT_EXPECT_EQ(test, CSG_IDLE, csg_events(k, 0));
	csg_ack_events(k, 0);
	fw_kunit_pass(k, 100 * NSEC_PER_MSEC);
	KUNIT_EXPECT_EQ(test, 0, csg_events(k, 0));
	sync(k, &group, ASM_GROUP);
	fw_kunit_pass(k, 2 * FW_KUNIT_IDLE_NS);
	KUNIT_EXPECT_EQ(test, CSG_IDLE, csg_events(k, 0));
}

/* The case succeeds if a wait is idleness by the stream's policy, and only by that. */
static void idle_sync_wait(struct kunit *test)
{
	const u64 insns[] = {
		asm_move48(2, DATA), asm_move32(4, 0), asm_sync_wait32(ASM_GT, 2, 4, 0),
	};
	struct fw_kunit_group group = { .as = 1, .streams = 1 };
	struct fw_kunit *k = to_fw_kunit(test);

	run_stream(k, &group, insns, ARRAY_SIZE(insns));
	fw_kunit_pass(k, 3 * NSEC_PER_MSEC);
	KUNIT_EXPECT_EQ(test, CSG_IDLE, csg_events(k, 0));
	csg_state(k, 0, CSG_TERMINATE);
	fw_kunit_run(k);
	csg_ack_events(k, 0);
	fw_kunit_run(k);

	group_put(k, &group, 0);
	fw_kunit_set(k, cs_in(k, 0, 0) + CS_REQ, CS_START | CS_IDLE_EMPTY);
	csg_state(k, 0, CSG_START);
	fw_kunit_pass(k, 100 * NSEC_PER_MSEC);
	KUNIT_EXPECT_EQ(test, 0, csg_events(k, 0));
}

/* The case succeeds if a fault stops the stream until acknowledged, and it then drains. */
static void fault(struct kunit *test)
{
	const u64 insns[] = {
		asm_move48(2, DATA), asm_move32(4, 0),
		/* The object has an error, which the wait inherits. */
		asm_sync_wait32(ASM_GT, 2, 4, 0),
		asm_move32(4, 5), asm_store(4, 2, 1, 32), asm_wait(0xff), asm_error_barrier(),
	};
	struct fw_kunit_group group = { .as = 1, .streams = 1 };
	struct fw_kunit *k = to_fw_kunit(test);
	u32 out;

	*fw_kunit_word(k, 1, DATA) = 1;
	*fw_kunit_word(k, 1, DATA + 4) = 1;
	run_stream(k, &group, insns, ARRAY_SIZE(insns));
	out = cs_out(k, 0, 0);
	KUNIT_EXPECT_EQ(test, CS_FAULT, cs_events(k, 0, 0));
	KUNIT_EXPECT_EQ(test, SIM_CS_INHERIT_FAULT, fw_kunit_get(k, out + CS_FAULT_WORD));
	KUNIT_EXPECT_TRUE(test, fw_kunit_irqs(k) & JOB_INT_CSG_IF(0));
	fw_kunit_pass(k, 10 * NSEC_PER_MSEC);
	KUNIT_EXPECT_EQ(test, 0, *fw_kunit_word(k, 1, DATA + 32));
	KUNIT_EXPECT_EQ(test, 1, fw_kunit_stats(k)->faults);

	cs_ack_events(k, 0, 0, CS_FAULT);
	fw_kunit_run(k);
	KUNIT_EXPECT_EQ(test, 0, cs_events(k, 0, 0));
	KUNIT_EXPECT_EQ(test, 5, *fw_kunit_word(k, 1, DATA + 32));
	KUNIT_EXPECT_EQ(test, group.insert[0], group_extract(k, &group, 0));
}

/* The case succeeds if a fatal fault ends its stream, and no other of the group. */
static void fatal(struct kunit *test)
{
	const u64 bad[] = { asm_nop(), asm_insn(0xff, 0, 0, 0, 0), asm_nop() };
	const u64 good[] = {
		asm_move48(2, DATA), asm_move32(4, 1), asm_sync_add32(2, 4, ASM_GROUP),
	};
	struct fw_kunit_group group = { .as = 1, .streams = 3 };
	struct fw_kunit *k = to_fw_kunit(test);
	u32 out;

	group_emit(k, &group, 2, bad, ARRAY_SIZE(bad));
	group_start(k, &group, 1, CSG_START);
	fw_kunit_run(k);
	out = cs_out(k, 1, 2);
	KUNIT_EXPECT_EQ(test, CS_FATAL, cs_events(k, 1, 2));
	KUNIT_EXPECT_EQ(test, 0, cs_events(k, 1, 0));
	KUNIT_EXPECT_EQ(test, SIM_CS_INSTR_INVALID, fw_kunit_get(k, out + CS_FATAL_WORD));
	KUNIT_EXPECT_EQ(test, 8, group_extract(k, &group, 2));

	cs_ack_events(k, 1, 2, CS_FATAL);
	group_emit(k, &group, 2, good, ARRAY_SIZE(good));
	group_emit(k, &group, 0, good, ARRAY_SIZE(good));
	fw_kunit_ring(k, 2);
	fw_kunit_run(k);
	KUNIT_EXPECT_EQ(test, 1, *fw_kunit_word(k, 1, DATA));
	KUNIT_EXPECT_EQ(test, 1, fw_kunit_stats(k)->fatals);
}

static void touch(struct fw_kunit *k, struct fw_kunit_group *group, u64 va)
{
	const u64 insns[] = {
		asm_move48(2, va), asm_move32(4, 1), asm_store(4, 2, 1, 0), asm_wait(0xff),
	};

	run_stream(k, group, insns, ARRAY_SIZE(insns));
}

/* The case succeeds if a stream is frozen by a page fault, and fatal once its AS is off. */
static void page_fault(struct kunit *test)
{
	struct fw_kunit_group group = { .as = 1, .streams = 1 };
	struct fw_kunit *k = to_fw_kunit(test);
	u64 foreign;
	u32 out;

	touch(k, &group, FW_KUNIT_HOLE);
	KUNIT_EXPECT_EQ(test, BIT(1), k->faulted);
	KUNIT_EXPECT_EQ(test, 0, cs_events(k, 0, 0));
	foreign = k->foreign;
	fw_kunit_pass(k, 10 * NSEC_PER_MSEC);
	KUNIT_EXPECT_EQ_MSG(test, foreign, k->foreign, "tries again");
	/* Of any change but that. */
	fw_kunit_changed(k, 1);
	fw_kunit_run(k);
	KUNIT_EXPECT_EQ(test, 0, cs_events(k, 0, 0));

	k->enabled &= ~BIT(1);
	fw_kunit_changed(k, 1);
	fw_kunit_run(k);
	out = cs_out(k, 0, 0);
	KUNIT_EXPECT_EQ(test, CS_FATAL, cs_events(k, 0, 0));
	KUNIT_EXPECT_EQ(test, SIM_CS_BUS_FAULT, fw_kunit_get(k, out + CS_FATAL_WORD));
	KUNIT_EXPECT_EQ(test, FW_KUNIT_HOLE, fw_kunit_get64(k, out + CS_FATAL_INFO));
	csg_state(k, 0, CSG_TERMINATE);
	fw_kunit_run(k);
	KUNIT_EXPECT_TRUE(test, csg_acked(k, 0, CSG_STATE));
}

/* The case succeeds if a frozen group is terminated as fast as any. */
static void terminate_frozen(struct kunit *test)
{
	struct fw_kunit_group group = { .as = 1, .streams = 1 };
	struct fw_kunit *k = to_fw_kunit(test);

	touch(k, &group, FW_KUNIT_HOLE);
	csg_state(k, 0, CSG_TERMINATE);
	fw_kunit_slice(k);
	KUNIT_EXPECT_TRUE(test, csg_acked(k, 0, CSG_STATE));
	k->enabled &= ~BIT(1);
	fw_kunit_changed(k, 1);
	fw_kunit_run(k);
	KUNIT_EXPECT_EQ(test, 0, cs_events(k, 0, 0));
}

/*
 * The driver learns of a fault, and switches the AS off, while it starts another
 * group there. The case succeeds if that one is started, to be fatal at once.
 */
static void start_after_fault(struct kunit *test)
{
	struct fw_kunit_group first = { .as = 1, .streams = 1 };
	struct fw_kunit_group second = { .id = 1, .as = 1, .streams = 1 };
	const u64 insns[] = { asm_move32(4, 1) };
	struct fw_kunit *k = to_fw_kunit(test);

	touch(k, &first, FW_KUNIT_HOLE);
	k->enabled &= ~BIT(1);
	fw_kunit_changed(k, 1);
	group_emit(k, &second, 0, insns, ARRAY_SIZE(insns));
	group_start(k, &second, 1, CSG_START);
	fw_kunit_run(k);
	KUNIT_EXPECT_TRUE(test, csg_acked(k, 1, CSG_STATE));
	KUNIT_EXPECT_EQ(test, CS_FATAL, cs_events(k, 1, 0));
}

/* The case succeeds if to run in an AS that nothing has faulted in, but is off, is a violation. */
static void as_off(struct kunit *test)
{
	struct fw_kunit_group group = { .as = 1, .streams = 1 };
	struct fw_kunit *k = to_fw_kunit(test);

	sync(k, &group, ASM_GROUP);
	k->enabled &= ~BIT(1);
	fw_kunit_changed(k, 1);
	sync(k, &group, ASM_GROUP);
	fw_kunit_blamed(k, "is off");
	KUNIT_EXPECT_EQ(test, CS_FATAL, cs_events(k, 0, 0));
}

/*
 * An AS that has a fault is flushed and then switched off, with a group on it.
 * The case succeeds if what the group does then is no violation.
 */
static void fault_outlives_a_flush(struct kunit *test)
{
	struct fw_kunit_group group = { .as = 1, .streams = 1 };
	struct fw_kunit *k = to_fw_kunit(test);

	sync(k, &group, ASM_GROUP);
	scoped_guard(raw_spinlock_irqsave, &k->lock)
		sim_fw_as_faulted(k->fw, 1);
	fw_kunit_changed(k, 1);
	k->enabled &= ~BIT(1);
	fw_kunit_changed(k, 1);
	sync(k, &group, ASM_GROUP);
	KUNIT_EXPECT_EQ(test, 0, k->violations);
	KUNIT_EXPECT_EQ(test, CS_FATAL, cs_events(k, 0, 0));
}

/* The case succeeds if a stream waits as long as its AS is locked. */
static void as_locked(struct kunit *test)
{
	struct fw_kunit_group group = { .as = 1, .streams = 1 };
	struct fw_kunit *k = to_fw_kunit(test);

	k->locked = BIT(1);
	sync(k, &group, ASM_GROUP);
	fw_kunit_pass(k, 10 * NSEC_PER_MSEC);
	KUNIT_EXPECT_EQ(test, 0, *fw_kunit_word(k, 1, DATA));
	k->locked = 0;
	fw_kunit_changed(k, 1);
	fw_kunit_run(k);
	KUNIT_EXPECT_EQ(test, 1, *fw_kunit_word(k, 1, DATA));
}

/* A tiler that needs three chunks and has one. */
static void emit_tiler(struct fw_kunit *k, struct fw_kunit_group *group)
{
	const struct sim_job job = {
		.magic = SIM_JOB_MAGIC, .op = SIM_JOB_TILE, .src = CHUNK | CHUNK_SIZE >> 12,
		.size = 3 * (CHUNK_SIZE - SIM_HEAP_CHUNK_HEADER), .seed = 1, .result = JOB + 256,
	};
	const u64 insns[] = {
		asm_move48(2, HEAP), asm_heap_set(2), asm_heap_op(0),
		asm_move48(8, JOB),
		asm_move32(24, lower_32_bits(SIM_JOB_MAGIC)),
		asm_move32(25, upper_32_bits(SIM_JOB_MAGIC)),
		asm_insn(5, 0, 0, 0, 0), asm_wait(0xff), asm_heap_op(1),
	};

	memcpy(fw_kunit_word(k, 1, JOB), &job, sizeof(job));
	run_stream(k, group, insns, ARRAY_SIZE(insns));
}

static void answer(struct fw_kunit *k, u64 chunk)
{
	u32 in = cs_in(k, 0, 0);

	fw_kunit_set64(k, in + CS_HEAP_START, chunk);
	fw_kunit_set64(k, in + CS_HEAP_END, chunk);
	cs_ack_events(k, 0, 0, CS_TILER_OOM);
	fw_kunit_pass(k, 2 * NSEC_PER_MSEC);
}

/* The case succeeds if the tiler asks for each chunk it lacks, and fills those it gets. */
static void tiler_oom(struct kunit *test)
{
	struct fw_kunit_group group = { .as = 1, .streams = 1 };
	struct fw_kunit *k = to_fw_kunit(test);
	u32 out;

	emit_tiler(k, &group);
	fw_kunit_pass(k, 10 * NSEC_PER_MSEC);
	out = cs_out(k, 0, 0);
	for (unsigned int i = 1; i < 3; i++) {
		u64 chunk = CHUNK + i * CHUNK_SIZE;

		KUNIT_ASSERT_EQ(test, CS_TILER_OOM, cs_events(k, 0, 0));
		KUNIT_EXPECT_EQ(test, HEAP, fw_kunit_get64(k, out + CS_HEAP_ADDRESS));
		KUNIT_EXPECT_EQ(test, 1, fw_kunit_get(k, out + CS_HEAP_VT_START));
		KUNIT_EXPECT_EQ(test, 0, fw_kunit_get(k, out + CS_HEAP_VT_END));
		KUNIT_EXPECT_EQ(test, 0, fw_kunit_get(k, out + CS_HEAP_FRAG_END));
		answer(k, chunk | CHUNK_SIZE >> 12);
		KUNIT_EXPECT_EQ(test, (u32)sim_job_word(1, 0),
				*fw_kunit_word(k, 1, chunk + SIM_HEAP_CHUNK_HEADER));
	}
	KUNIT_EXPECT_EQ(test, 0, cs_events(k, 0, 0));
	KUNIT_EXPECT_EQ(test, group.insert[0], group_extract(k, &group, 0));
	KUNIT_EXPECT_EQ(test, 2, fw_kunit_stats(k)->chunks);
	KUNIT_EXPECT_EQ(test, 2, fw_kunit_stats(k)->ooms);
}

/* The case succeeds if a tiler that gets no memory faults by that name. */
static void tiler_oom_refused(struct kunit *test)
{
	struct fw_kunit_group group = { .as = 1, .streams = 1 };
	struct fw_kunit *k = to_fw_kunit(test);

	emit_tiler(k, &group);
	KUNIT_ASSERT_EQ(test, CS_TILER_OOM, cs_events(k, 0, 0));
	answer(k, 0);
	KUNIT_EXPECT_EQ(test, CS_FAULT, cs_events(k, 0, 0));
	KUNIT_EXPECT_EQ(test, SIM_CS_OOM, fw_kunit_get(k, cs_out(k, 0, 0) + CS_FAULT_WORD));
}

/* The case succeeds if a chunk that cannot be one is a violation, and is not used. */
static void tiler_oom_bad_chunk(struct kunit *test)
{
	struct fw_kunit_group group = { .as = 1, .streams = 1 };
	struct fw_kunit *k = to_fw_kunit(test);

	emit_tiler(k, &group);
	KUNIT_ASSERT_EQ(test, CS_TILER_OOM, cs_events(k, 0, 0));
	answer(k, CHUNK + CHUNK_SIZE);
	fw_kunit_blamed(k, "heap chunk");
	KUNIT_EXPECT_EQ(test, CS_FAULT, cs_events(k, 0, 0));
}

/* The case succeeds if a group that was off the slot meanwhile asks for its chunk again. */
static void tiler_oom_resumed(struct kunit *test)
{
	struct fw_kunit_group group = { .as = 1, .streams = 1 };
	struct fw_kunit *k = to_fw_kunit(test);

	emit_tiler(k, &group);
	KUNIT_ASSERT_EQ(test, CS_TILER_OOM, cs_events(k, 0, 0));
	/* The driver takes note of the interrupt, and does not answer in time. */
	fw_kunit_set(k, csg_in(k, 0) + CSG_CS_IRQ_ACK,
		     fw_kunit_get(k, csg_out(k, 0) + CSG_CS_IRQ_REQ));
	csg_state(k, 0, CSG_SUSPEND);
	fw_kunit_run(k);
	csg_ack_events(k, 0);
	fw_kunit_run(k);
	group_start(k, &group, 0, CSG_RESUME);
	fw_kunit_pass(k, 2 * NSEC_PER_MSEC);
	KUNIT_ASSERT_EQ(test, CS_TILER_OOM, cs_events(k, 0, 0));
	answer(k, (CHUNK + CHUNK_SIZE) | CHUNK_SIZE >> 12);
	KUNIT_EXPECT_EQ(test, 1, fw_kunit_stats(k)->chunks);
}

/* The case succeeds if an endpoint that never ends is told after the progress timeout. */
static void progress_timer(struct kunit *test)
{
	const u64 insns[] = { asm_run_compute(0, 0), asm_wait(0xff) };
	struct fw_kunit_group group = { .as = 1, .streams = 1 };
	struct fw_kunit *k = to_fw_kunit(test);

	k->latency.setting[SIM_OP_RUN].kind = SIM_STUCK;
	run_stream(k, &group, insns, ARRAY_SIZE(insns));
	fw_kunit_pass(k, NSEC_PER_SEC / 2);
	KUNIT_EXPECT_EQ(test, 0, csg_events(k, 0));
	fw_kunit_pass(k, NSEC_PER_SEC);
	KUNIT_EXPECT_EQ(test, CSG_PROGRESS_TIMER, csg_events(k, 0));
	csg_ack_events(k, 0);
	fw_kunit_pass(k, 5 * NSEC_PER_SEC);
	KUNIT_EXPECT_EQ(test, 0, csg_events(k, 0));
}

static struct kunit_case sim_fw_event_cases[] = {
	KUNIT_CASE(sync_update),
	KUNIT_CASE(sync_group_scope),
	KUNIT_CASE(irq_mask),
	KUNIT_CASE(sync_wakes),
	KUNIT_CASE(sync_polled),
	KUNIT_CASE(idle_empty),
	KUNIT_CASE(idle_sync_wait),
	KUNIT_CASE(fault),
	KUNIT_CASE(fatal),
	KUNIT_CASE(page_fault),
	KUNIT_CASE(terminate_frozen),
	KUNIT_CASE(start_after_fault),
	KUNIT_CASE(as_off),
	KUNIT_CASE(fault_outlives_a_flush),
	KUNIT_CASE(as_locked),
	KUNIT_CASE(tiler_oom),
	KUNIT_CASE(tiler_oom_refused),
	KUNIT_CASE(tiler_oom_bad_chunk),
	KUNIT_CASE(tiler_oom_resumed),
	KUNIT_CASE(progress_timer),
	{}
};

static struct kunit_suite sim_fw_event_suite = {
	.name = "panthor_sim_fw_event",
	.init = fw_event_init,
	.exit = fw_kunit_exit,
	.test_cases = sim_fw_event_cases,
};

kunit_test_suite(sim_fw_event_suite);
