// SPDX-License-Identifier: GPL-2.0-only
/* Command stream groups: on a slot, off it, and what is refused. */

#include <linux/bitfield.h>
#include <linux/cleanup.h>

#include "../../panthor_fw_regs.h"

#include "../sim_cs.h"

#include "sim_fw_fixture.h"

#define COUNTER		FW_KUNIT_DATA

static int fw_csg_init(struct kunit *test)
{
	int ret = fw_kunit_init(test);

	if (!ret)
		fw_kunit_boot(to_fw_kunit(test));
	return ret;
}

/* Adds one to a counter, and says so to the group. */
static void emit_add(struct fw_kunit *k, struct fw_kunit_group *group, unsigned int cs, u64 va)
{
	const u64 insns[] = {
		asm_move48(2, va), asm_move32(4, 1), asm_sync_add32(2, 4, ASM_GROUP),
	};

	group_emit(k, group, cs, insns, ARRAY_SIZE(insns));
}

/* Counts for ever. */
static void emit_loop(struct fw_kunit *k, struct fw_kunit_group *group, unsigned int cs, u64 va)
{
	const u64 insns[] = {
		asm_move48(2, va), asm_move32(4, 1), asm_move32(6, 0),
		asm_sync_add32(2, 4, ASM_GROUP), asm_branch(ASM_EQ, 6, -2),
	};
	u64 *code = (u64 *)fw_kunit_word(k, group->as, FW_KUNIT_CODE + cs * SZ_4K);
	const u64 call[] = {
		asm_move48(90, FW_KUNIT_CODE + cs * SZ_4K),
		asm_move32(92, sizeof(insns)), asm_call(90, 92),
	};

	memcpy(code, insns, sizeof(insns));
	group_emit(k, group, cs, call, ARRAY_SIZE(call));
}

/* The case succeeds if a start takes the group's streams, and each runs to its end. */
static void start(struct kunit *test)
{
	struct fw_kunit_group group = { .as = 2, .streams = 3 };
	struct fw_kunit *k = to_fw_kunit(test);

	for (unsigned int cs = 0; cs < 3; cs++)
		emit_add(k, &group, cs, COUNTER + cs * 8);
	group_start(k, &group, 1, CSG_START);
	fw_kunit_run(k);
	KUNIT_EXPECT_TRUE(test, csg_acked(k, 1, CSG_REQUESTS));
	KUNIT_EXPECT_TRUE(test, fw_kunit_irqs(k) & JOB_INT_CSG_IF(1));
	for (unsigned int cs = 0; cs < 3; cs++) {
		KUNIT_EXPECT_EQ(test, 1, *fw_kunit_word(k, 2, COUNTER + cs * 8));
		KUNIT_EXPECT_EQ(test, group.insert[cs], group_extract(k, &group, cs));
		KUNIT_EXPECT_EQ(test, fw_kunit_get(k, cs_in(k, 1, cs) + CS_REQ),
				fw_kunit_get(k, cs_out(k, 1, cs) + CS_ACK));
	}
	KUNIT_EXPECT_EQ(test, 3, fw_kunit_stats(k)->jobs);
}

/* The case succeeds if new work is seen when its doorbell rings, and not before. */
static void stream_doorbell(struct kunit *test)
{
	struct fw_kunit_group group = { .as = 1, .streams = 1 };
	struct fw_kunit *k = to_fw_kunit(test);

	group_start(k, &group, 0, CSG_START);
	fw_kunit_run(k);
	emit_add(k, &group, 0, COUNTER);
	fw_kunit_pass(k, 10 * NSEC_PER_MSEC);
	KUNIT_EXPECT_EQ(test, 0, *fw_kunit_word(k, 1, COUNTER));
	fw_kunit_ring(k, 2);
	fw_kunit_run(k);
	KUNIT_EXPECT_EQ(test, 0, *fw_kunit_word(k, 1, COUNTER));
	fw_kunit_ring(k, 1);
	fw_kunit_run(k);
	KUNIT_EXPECT_EQ(test, 1, *fw_kunit_word(k, 1, COUNTER));
}

/* The case succeeds if a request of a slot whose doorbell bit is the same is not looked at. */
static void needs_doorbell_bit(struct kunit *test)
{
	struct fw_kunit_group group = { .as = 1, .streams = 1 };
	struct fw_kunit *k = to_fw_kunit(test);

	group_put(k, &group, 0);
	fw_kunit_set(k, csg_in(k, 0) + CSG_REQ, CSG_START);
	fw_kunit_ring(k, 0);
	fw_kunit_pass(k, NSEC_PER_MSEC);
	KUNIT_EXPECT_FALSE(test, csg_acked(k, 0, CSG_STATE));
	csg_ring(k, 0);
	fw_kunit_run(k);
	KUNIT_EXPECT_TRUE(test, csg_acked(k, 0, CSG_STATE));
}

/* The case succeeds if after the acknowledgment of TERMINATE memory is left alone. */
static void terminate(struct kunit *test)
{
	struct fw_kunit_group group = { .as = 1, .streams = 2 };
	struct fw_kunit *k = to_fw_kunit(test);
	u64 foreign;
	u32 count;

	emit_loop(k, &group, 0, COUNTER);
	emit_loop(k, &group, 1, COUNTER + 8);
	group_start(k, &group, 0, CSG_START);
	for (unsigned int i = 0; i < 20; i++)
		fw_kunit_slice(k);
	count = *fw_kunit_word(k, 1, COUNTER);
	KUNIT_EXPECT_GT(test, count, 0);
	KUNIT_EXPECT_GT(test, *fw_kunit_word(k, 1, COUNTER + 8), 0);

	csg_state(k, 0, CSG_TERMINATE);
	fw_kunit_slice(k);
	KUNIT_EXPECT_TRUE(test, csg_acked(k, 0, CSG_STATE));
	fw_kunit_run(k);
	foreign = k->foreign;
	count = *fw_kunit_word(k, 1, COUNTER);
	fw_kunit_ring(k, 1);
	fw_kunit_pass(k, 10 * NSEC_PER_MSEC);
	KUNIT_EXPECT_EQ(test, foreign, k->foreign);
	KUNIT_EXPECT_EQ(test, count, *fw_kunit_word(k, 1, COUNTER));
	KUNIT_EXPECT_EQ(test, 1, fw_kunit_stats(k)->terminates);
}

/* The case succeeds if requests are done in the next slice, with all slots and streams busy. */
static void prompt_under_load(struct kunit *test)
{
	struct fw_kunit_group groups[FW_KUNIT_GROUPS] = { };
	struct fw_kunit *k = to_fw_kunit(test);

	for (unsigned int i = 0; i < FW_KUNIT_GROUPS; i++) {
		groups[i] = (struct fw_kunit_group){ .id = i % 4, .as = 1 + i % 3, .streams = 8 };
		/* Those in one address space share code, which is the same. */
		for (unsigned int cs = 0; cs < 8; cs++)
			emit_loop(k, &groups[i], cs, COUNTER + cs * 8);
		group_start(k, &groups[i], i, CSG_START);
		fw_kunit_slice(k);
	}
	for (unsigned int i = 0; i < 200; i++)
		fw_kunit_slice(k);

	for (unsigned int i = 0; i < FW_KUNIT_GROUPS; i++) {
		csg_toggle(k, i, CSG_STATUS_UPDATE);
		glb_toggle(k, GLB_PING);
		fw_kunit_slice(k);
		KUNIT_EXPECT_TRUE(test, csg_acked(k, i, CSG_STATUS_UPDATE));
		KUNIT_EXPECT_TRUE(test, glb_acked(k, GLB_PING));
		csg_state(k, i, i & 1 ? CSG_SUSPEND : CSG_TERMINATE);
		fw_kunit_slice(k);
		KUNIT_EXPECT_TRUE(test, csg_acked(k, i, CSG_STATE));
	}
	for (unsigned int cs = 0; cs < 8; cs++)
		KUNIT_EXPECT_GT(test, *fw_kunit_word(k, 3, COUNTER + cs * 8), 0);
}

/* The case succeeds if STATUS_UPDATE writes why a stream waits, and that it waits no more. */
static void status_update(struct kunit *test)
{
	const u64 insns[] = {
		asm_move48(2, COUNTER), asm_move32(4, 7), asm_sync_wait32(ASM_GT, 2, 4, 0),
	};
	struct fw_kunit_group group = { .as = 1, .streams = 1 };
	struct fw_kunit *k = to_fw_kunit(test);
	u32 out;

	group_emit(k, &group, 0, insns, ARRAY_SIZE(insns));
	group_start(k, &group, 0, CSG_START);
	fw_kunit_run(k);
	out = cs_out(k, 0, 0) + CS_STATUS;
	csg_toggle(k, 0, CSG_STATUS_UPDATE);
	fw_kunit_run(k);
	KUNIT_EXPECT_TRUE(test, csg_acked(k, 0, CSG_STATUS_UPDATE));
	KUNIT_EXPECT_EQ(test, SIM_CS_SYNC_WAIT, fw_kunit_get(k, out + 0x20));
	KUNIT_EXPECT_EQ(test, COUNTER, fw_kunit_get64(k, out + 0x10));
	KUNIT_EXPECT_EQ(test, 7, fw_kunit_get(k, out + 0x18));
	KUNIT_EXPECT_EQ(test, BIT(31) | BIT(24), fw_kunit_get(k, out + 0x8));
	KUNIT_EXPECT_EQ(test, group.insert[0] - 8, group_extract(k, &group, 0));

	*fw_kunit_word(k, 1, COUNTER) = 8;
	fw_kunit_pass(k, 2 * NSEC_PER_MSEC);
	csg_toggle(k, 0, CSG_STATUS_UPDATE);
	fw_kunit_run(k);
	KUNIT_EXPECT_EQ(test, 0, fw_kunit_get(k, out + 0x20));
	KUNIT_EXPECT_EQ(test, group.insert[0], group_extract(k, &group, 0));
}

/* The case succeeds if the endpoints asked for are those that are reported. */
static void endpoint_config(struct kunit *test)
{
	struct fw_kunit_group group = { .as = 1, .streams = 1 };
	struct fw_kunit *k = to_fw_kunit(test);

	group_start(k, &group, 0, CSG_START);
	fw_kunit_run(k);
	fw_kunit_set(k, csg_in(k, 0) + CSG_EP_REQ, 0x30010101);
	csg_toggle(k, 0, CSG_ENDPOINT_CONFIG);
	fw_kunit_run(k);
	KUNIT_EXPECT_TRUE(test, csg_acked(k, 0, CSG_ENDPOINT_CONFIG));
	KUNIT_EXPECT_EQ(test, 0x30010101, fw_kunit_get(k, csg_out(k, 0) + CSG_STATUS_EP_CURRENT));

	fw_kunit_set64(k, csg_in(k, 0) + CSG_ALLOW_COMPUTE, 0x2);
	csg_toggle(k, 0, CSG_ENDPOINT_CONFIG);
	fw_kunit_run(k);
	fw_kunit_blamed(k, "cores that are not there");
}

/* The case succeeds if a request that is cut off by a lock is done as if it was not. */
static void start_waits_for_memory(struct kunit *test)
{
	struct fw_kunit_group group = { .as = 1, .streams = 2 };
	struct fw_kunit *k = to_fw_kunit(test);

	emit_add(k, &group, 0, COUNTER);
	emit_add(k, &group, 1, COUNTER + 8);
	group_start(k, &group, 0, CSG_START);
	k->locked = BIT(FW_AS);
	fw_kunit_run(k);
	KUNIT_EXPECT_FALSE(test, csg_acked(k, 0, CSG_STATE));
	k->locked = 0;
	fw_kunit_changed(k, FW_AS);
	fw_kunit_run(k);
	KUNIT_EXPECT_TRUE(test, csg_acked(k, 0, CSG_REQUESTS));
	KUNIT_EXPECT_EQ(test, 1, *fw_kunit_word(k, 1, COUNTER));
	KUNIT_EXPECT_EQ(test, 1, *fw_kunit_word(k, 1, COUNTER + 8));
	KUNIT_EXPECT_EQ(test, 1, fw_kunit_stats(k)->starts);
}

/* The case succeeds if a doorbell is not lost that rings while the ring cannot be looked at. */
static void doorbell_waits_for_memory(struct kunit *test)
{
	struct fw_kunit_group group = { .as = 1, .streams = 1 };
	struct fw_kunit *k = to_fw_kunit(test);

	group_start(k, &group, 0, CSG_START);
	fw_kunit_run(k);
	emit_add(k, &group, 0, COUNTER);
	k->locked = BIT(FW_AS);
	fw_kunit_ring(k, 1);
	fw_kunit_pass(k, 100 * NSEC_PER_MSEC);
	KUNIT_EXPECT_EQ(test, 0, *fw_kunit_word(k, 1, COUNTER));
	KUNIT_EXPECT_FALSE(test, csg_events(k, 0) & CSG_IDLE);
	k->locked = 0;
	fw_kunit_changed(k, FW_AS);
	fw_kunit_pass(k, NSEC_PER_MSEC);
	KUNIT_EXPECT_EQ(test, 1, *fw_kunit_word(k, 1, COUNTER));
	KUNIT_EXPECT_EQ(test, group.insert[0], group_extract(k, &group, 0));
}

/* The case succeeds if the driver gets to see how far a ring was read once it can be told. */
static void extract_waits_for_memory(struct kunit *test)
{
	struct fw_kunit_group group = { .as = 1, .streams = 1 };
	struct fw_kunit *k = to_fw_kunit(test);

	group_start(k, &group, 0, CSG_START);
	fw_kunit_run(k);
	emit_add(k, &group, 0, COUNTER);
	fw_kunit_ring(k, 1);
	k->locked_writes = BIT(FW_AS);
	fw_kunit_run(k);
	KUNIT_EXPECT_EQ(test, 1, *fw_kunit_word(k, 1, COUNTER));
	KUNIT_EXPECT_EQ(test, 0, group_extract(k, &group, 0));
	k->locked_writes = 0;
	fw_kunit_changed(k, FW_AS);
	fw_kunit_run(k);
	KUNIT_EXPECT_EQ(test, group.insert[0], group_extract(k, &group, 0));
}

static void wrong_as(struct fw_kunit *k, struct fw_kunit_group *group)
{
	fw_kunit_set(k, csg_in(k, 0) + CSG_CONFIG, 9);
}

static void mcu_as(struct fw_kunit *k, struct fw_kunit_group *group)
{
	fw_kunit_set(k, csg_in(k, 0) + CSG_CONFIG, FW_AS);
}

static void off_as(struct fw_kunit *k, struct fw_kunit_group *group)
{
	k->enabled &= ~BIT(1);
}

static void no_buffer(struct fw_kunit *k, struct fw_kunit_group *group)
{
	fw_kunit_set64(k, csg_in(k, 0) + CSG_SUSPEND_BUF, 0);
}

static void no_streams(struct fw_kunit *k, struct fw_kunit_group *group)
{
	fw_kunit_set(k, cs_in(k, 0, 0) + CS_REQ, CS_STOP);
}

static void odd_ring(struct fw_kunit *k, struct fw_kunit_group *group)
{
	fw_kunit_set(k, cs_in(k, 0, 0) + CS_RING_SIZE, 5000);
}

static void no_iface(struct fw_kunit *k, struct fw_kunit_group *group)
{
	fw_kunit_set64(k, cs_in(k, 0, 0) + CS_RING_INPUT, 0x1000);
}

static void ahead(struct fw_kunit *k, struct fw_kunit_group *group)
{
	fw_kunit_set64(k, group_iface(group, 0) + RING_EXTRACT_INIT, 64);
}

static const struct bad_start {
	const char *name;
	void (*spoil)(struct fw_kunit *k, struct fw_kunit_group *group);
	const char *text;
} bad_starts[] = {
	{ "as_not_there", wrong_as, "not there" },
	{ "as_of_the_firmware", mcu_as, "not there" },
	{ "as_off", off_as, "is off" },
	{ "no_suspend_buffer", no_buffer, "suspend buffer" },
	{ "no_streams", no_streams, "without streams" },
	{ "ring_of_odd_size", odd_ring, "ring" },
	{ "no_ring_interface", no_iface, "ring interface" },
	{ "extract_ahead_of_insert", ahead, "ring" },
};

KUNIT_ARRAY_PARAM_DESC(bad_start, bad_starts, name);

/* The case succeeds if a start that cannot be is a violation, and is not acknowledged. */
static void refused_start(struct kunit *test)
{
	const struct bad_start *bad = test->param_value;
	struct fw_kunit_group group = { .as = 1, .streams = 1 };
	struct fw_kunit *k = to_fw_kunit(test);

	group_put(k, &group, 0);
	bad->spoil(k, &group);
	csg_state(k, 0, CSG_START);
	fw_kunit_run(k);
	fw_kunit_blamed(k, bad->text);
	KUNIT_EXPECT_FALSE(test, csg_acked(k, 0, CSG_STATE));
	KUNIT_EXPECT_EQ(test, 0, fw_kunit_stats(k)->starts);
}

/* The case succeeds if a start of what runs is a violation, and it goes on running. */
static void refused_second_start(struct kunit *test)
{
	struct fw_kunit_group group = { .as = 1, .streams = 1 };
	struct fw_kunit *k = to_fw_kunit(test);

	group_start(k, &group, 0, CSG_START);
	fw_kunit_run(k);
	csg_state(k, 0, CSG_RESUME);
	fw_kunit_run(k);
	fw_kunit_blamed(k, "that runs");
	KUNIT_EXPECT_FALSE(test, csg_acked(k, 0, CSG_STATE));
	emit_add(k, &group, 0, COUNTER);
	fw_kunit_ring(k, 1);
	fw_kunit_run(k);
	KUNIT_EXPECT_EQ(test, 1, *fw_kunit_word(k, 1, COUNTER));
}

static const struct refused_state {
	const char *name;
	u32 bits;
	const char *text;
} refused_bits[] = {
	{ "suspend_of_nothing", CSG_SUSPEND, "without a group" },
	{ "no_such_state", 5, "no such state" },
	{ "no_such_request", BIT(12), "no such request" },
	{ "no_such_event", CSG_SYNC_UPDATE, "acknowledges no event" },
};

KUNIT_ARRAY_PARAM_DESC(refused_state, refused_bits, name);

/* The case succeeds if what makes no sense on an empty slot is one violation. */
static void refused_request(struct kunit *test)
{
	const struct refused_state *refused = test->param_value;
	struct fw_kunit *k = to_fw_kunit(test);

	fw_kunit_set(k, csg_in(k, 0) + CSG_REQ, refused->bits);
	csg_ring(k, 0);
	fw_kunit_run(k);
	csg_ring(k, 0);
	fw_kunit_run(k);
	fw_kunit_blamed(k, refused->text);
	KUNIT_EXPECT_FALSE(test, csg_acked(k, 0, refused->bits));
}

static struct kunit_case sim_fw_csg_cases[] = {
	KUNIT_CASE(start),
	KUNIT_CASE(stream_doorbell),
	KUNIT_CASE(needs_doorbell_bit),
	KUNIT_CASE(terminate),
	KUNIT_CASE(prompt_under_load),
	KUNIT_CASE(status_update),
	KUNIT_CASE(endpoint_config),
	KUNIT_CASE(start_waits_for_memory),
	KUNIT_CASE(doorbell_waits_for_memory),
	KUNIT_CASE(extract_waits_for_memory),
	KUNIT_CASE_PARAM(refused_start, bad_start_gen_params),
	KUNIT_CASE(refused_second_start),
	KUNIT_CASE_PARAM(refused_request, refused_state_gen_params),
	{}
};

static struct kunit_suite sim_fw_csg_suite = {
	.name = "panthor_sim_fw_csg",
	.init = fw_csg_init,
	.exit = fw_kunit_exit,
	.test_cases = sim_fw_csg_cases,
};

kunit_test_suite(sim_fw_csg_suite);
