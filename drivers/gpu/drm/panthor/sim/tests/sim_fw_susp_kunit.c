// SPDX-License-Identifier: GPL-2.0-only
/* Suspend and resume: all a group is goes through its buffer. */

#include <linux/bitfield.h>
#include <linux/cleanup.h>

#include "../../panthor_fw_regs.h"
#include "../sim_cs.h"

#include "sim_fw_fixture.h"

#define DATA		FW_KUNIT_DATA
#define CODE		FW_KUNIT_CODE
#define IMAGE		SZ_4K
#define MANY_CUTS	500

static int fw_susp_init(struct kunit *test)
{
	int ret = fw_kunit_init(test);

	if (!ret)
		fw_kunit_boot(to_fw_kunit(test));
	return ret;
}

/* Calls, loops, loads, stores and sync objects, between two streams. */
static void emit_work(struct fw_kunit *k, struct fw_kunit_group *group)
{
	const u64 inner[] = {
		asm_load(20, 2, 3, 64), asm_wait(0xff), asm_add32(20, 20, 5),
		asm_store(20, 2, 3, 64), asm_wait(0xff),
	};
	const u64 outer[] = {
		asm_move32(10, 3), asm_move48(90, CODE), asm_move32(92, sizeof(inner)),
		asm_call(90, 92), asm_add32(10, 10, -1), asm_branch(ASM_NE, 10, -3),
		asm_move32(4, 1), asm_sync_add32(2, 4, ASM_GROUP),
	};
	const u64 ring[] = {
		asm_move48(2, DATA), asm_move32(21, 0x1234), asm_move48(94, CODE + SZ_1K),
		asm_move32(93, sizeof(outer)), asm_call(94, 93), asm_store(10, 2, 1, 32),
		asm_wait(0xff), asm_move32(4, 1), asm_sync_add64(2, 4, 0),
	};
	const u64 other[] = {
		asm_move48(2, DATA), asm_move32(4, 0), asm_sync_wait32(ASM_GT, 2, 4, 0),
		asm_move32(4, 77), asm_store(4, 2, 1, 48), asm_wait(0xff),
	};

	memcpy(fw_kunit_word(k, group->as, CODE), inner, sizeof(inner));
	memcpy(fw_kunit_word(k, group->as, CODE + SZ_1K), outer, sizeof(outer));
	group_emit(k, group, 0, ring, ARRAY_SIZE(ring));
	group_emit(k, group, 1, other, ARRAY_SIZE(other));
}

/* A group that has just been made. */
static void fresh(struct fw_kunit *k, struct fw_kunit_group *group)
{
	*group = (struct fw_kunit_group){ .as = 1, .streams = 2 };
	memset(fw_kunit_word(k, 1, DATA), 0, IMAGE);
	for (unsigned int cs = 0; cs < 2; cs++)
		fw_kunit_set64(k, group_iface(group, cs) + SZ_4K, 0);
	emit_work(k, group);
}

static bool drained(struct fw_kunit *k, const struct fw_kunit_group *group)
{
	return group_extract(k, group, 0) == group->insert[0] &&
	       group_extract(k, group, 1) == group->insert[1];
}

/*
 * The case succeeds if a group that is cut off after any number of instructions
 * and resumed on another slot, in another address space, leaves the same memory.
 */
static void cut_anywhere(struct kunit *test)
{
	struct fw_kunit *k = to_fw_kunit(test);
	struct fw_kunit_group group;
	unsigned int cut;
	bool over = false;
	u8 *image;

	/* Two address spaces with the same memory. */
	k->memory[2] = k->memory[1];
	k->config.slice = 1;
	fw_kunit_create(k);
	fw_kunit_load(k);
	fw_kunit_boot(k);

	fresh(k, &group);
	group_start(k, &group, 0, CSG_START);
	fw_kunit_pass(k, 10 * NSEC_PER_MSEC);
	KUNIT_ASSERT_TRUE(test, drained(k, &group));
	image = kunit_kmalloc(test, IMAGE, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, image);
	memcpy(image, fw_kunit_word(k, 1, DATA), IMAGE);
	KUNIT_ASSERT_EQ(test, 2, ((u32 *)image)[0]);
	KUNIT_ASSERT_EQ(test, 77, ((u32 *)image)[12]);
	KUNIT_ASSERT_EQ(test, 15, ((u32 *)image)[16]);
	csg_state(k, 0, CSG_TERMINATE);
	fw_kunit_run(k);

	for (cut = 1; !over && cut < MANY_CUTS; cut++) {
		fresh(k, &group);
		group_start(k, &group, 0, CSG_START);
		for (unsigned int i = 0; i < cut; i++)
			fw_kunit_slice(k);
		over = drained(k, &group);
		csg_state(k, 0, CSG_SUSPEND);
		fw_kunit_slice(k);
		KUNIT_ASSERT_TRUE_MSG(test, csg_acked(k, 0, CSG_STATE), "cut %u", cut);
		memset(fw_kunit_word(k, 1, FW_KUNIT_RING) + SZ_4K * 16, 0, SZ_4K);
		csg_ack_events(k, 0);
		fw_kunit_run(k);

		group.as = 2;
		group_start(k, &group, 1, CSG_RESUME);
		fw_kunit_pass(k, 10 * NSEC_PER_MSEC);
		KUNIT_ASSERT_TRUE_MSG(test, csg_acked(k, 1, CSG_STATE), "cut %u", cut);
		KUNIT_ASSERT_TRUE_MSG(test, drained(k, &group), "cut %u", cut);
		KUNIT_ASSERT_MEMEQ_MSG(test, image, (u8 *)fw_kunit_word(k, 1, DATA), IMAGE,
				       "cut %u", cut);
		csg_state(k, 1, CSG_TERMINATE);
		fw_kunit_run(k);
		csg_ack_events(k, 1);
		fw_kunit_run(k);
	}
	KUNIT_EXPECT_TRUE(test, over);
	KUNIT_EXPECT_GT(test, cut, 40);
}

/* The case succeeds if at the acknowledgment of SUSPEND the driver can see what is blocked. */
static void blocked_status(struct kunit *test)
{
	const u64 insns[] = {
		asm_move48(2, DATA), asm_move48(4, 0x100000009), asm_sync_wait64(ASM_GT, 2, 4, 0),
	};
	struct fw_kunit_group group = { .as = 1, .streams = 1 };
	struct fw_kunit *k = to_fw_kunit(test);
	u32 out;
	u64 foreign;

	group_emit(k, &group, 0, insns, ARRAY_SIZE(insns));
	group_start(k, &group, 0, CSG_START);
	fw_kunit_run(k);
	csg_state(k, 0, CSG_SUSPEND);
	fw_kunit_run(k);
	KUNIT_ASSERT_TRUE(test, csg_acked(k, 0, CSG_STATE));
	out = cs_out(k, 0, 0) + CS_STATUS;
	KUNIT_EXPECT_EQ(test, SIM_CS_SYNC_WAIT, fw_kunit_get(k, out + 0x20));
	KUNIT_EXPECT_EQ(test, DATA, fw_kunit_get64(k, out + 0x10));
	KUNIT_EXPECT_EQ(test, 9, fw_kunit_get(k, out + 0x18));
	KUNIT_EXPECT_EQ(test, 1, fw_kunit_get(k, out + 0x24));
	KUNIT_EXPECT_EQ(test, 0, fw_kunit_get(k, out + 0x1c));

	foreign = k->foreign;
	fw_kunit_pass(k, 10 * NSEC_PER_MSEC);
	KUNIT_EXPECT_EQ_MSG(test, foreign, k->foreign, "touches memory after the suspend");
}

static void suspended(struct fw_kunit *k, struct fw_kunit_group *group)
{
	*group = (struct fw_kunit_group){ .as = 1, .streams = 1 };
	group_start(k, group, 0, CSG_START);
	fw_kunit_run(k);
	csg_state(k, 0, CSG_SUSPEND);
	fw_kunit_run(k);
	KUNIT_ASSERT_TRUE(k->test, csg_acked(k, 0, CSG_STATE));
}

/* The case succeeds if a group cannot be resumed twice from one suspend. */
static void resumed_twice(struct kunit *test)
{
	struct fw_kunit *k = to_fw_kunit(test);
	struct fw_kunit_group group;

	suspended(k, &group);
	group_start(k, &group, 0, CSG_RESUME);
	fw_kunit_run(k);
	KUNIT_EXPECT_TRUE(test, csg_acked(k, 0, CSG_STATE));
	group_start(k, &group, 1, CSG_RESUME);
	fw_kunit_run(k);
	fw_kunit_blamed(k, "no suspended group");
	KUNIT_EXPECT_FALSE(test, csg_acked(k, 1, CSG_STATE));
}

/* The case succeeds if a group is not resumed from what is no suspended one. */
static void resume_of_nothing(struct kunit *test)
{
	struct fw_kunit_group group = { .as = 1, .streams = 1 };
	struct fw_kunit *k = to_fw_kunit(test);

	group_start(k, &group, 0, CSG_RESUME);
	fw_kunit_run(k);
	fw_kunit_blamed(k, "no suspended group");
	KUNIT_EXPECT_FALSE(test, csg_acked(k, 0, CSG_STATE));
	KUNIT_EXPECT_EQ(test, 0, fw_kunit_stats(k)->resumes);
}

/* The case succeeds if damage in a suspend buffer is noticed. */
static void damaged_buffer(struct kunit *test)
{
	struct fw_kunit *k = to_fw_kunit(test);
	struct fw_kunit_group group;
	u32 va;

	suspended(k, &group);
	va = group_suspend_buf(&group) + 512;
	fw_kunit_set(k, va, fw_kunit_get(k, va) ^ 1);
	group_start(k, &group, 0, CSG_RESUME);
	fw_kunit_run(k);
	fw_kunit_blamed(k, "cannot be");
	KUNIT_EXPECT_EQ(test, CS_FATAL, cs_events(k, 0, 0));
}

/* The case succeeds if a suspend that is cut off by a lock is done as if it was not. */
static void waits_for_memory(struct kunit *test)
{
	struct fw_kunit_group group = { .as = 1, .streams = 1 };
	struct fw_kunit *k = to_fw_kunit(test);

	group_start(k, &group, 0, CSG_START);
	fw_kunit_run(k);
	csg_state(k, 0, CSG_SUSPEND);
	k->locked = BIT(FW_AS);
	fw_kunit_run(k);
	KUNIT_EXPECT_FALSE(test, csg_acked(k, 0, CSG_STATE));
	k->locked = 0;
	fw_kunit_changed(k, FW_AS);
	fw_kunit_run(k);
	KUNIT_EXPECT_TRUE(test, csg_acked(k, 0, CSG_STATE));
	KUNIT_EXPECT_EQ(test, 1, fw_kunit_stats(k)->suspends);
	group_start(k, &group, 0, CSG_RESUME);
	fw_kunit_run(k);
	KUNIT_EXPECT_TRUE(test, csg_acked(k, 0, CSG_STATE));
}

static struct kunit_case sim_fw_susp_cases[] = {
	KUNIT_CASE(cut_anywhere),
	KUNIT_CASE(blocked_status),
	KUNIT_CASE(resumed_twice),
	KUNIT_CASE(resume_of_nothing),
	KUNIT_CASE(damaged_buffer),
	KUNIT_CASE(waits_for_memory),
	{}
};

static struct kunit_suite sim_fw_susp_suite = {
	.name = "panthor_sim_fw_susp",
	.init = fw_susp_init,
	.exit = fw_kunit_exit,
	.test_cases = sim_fw_susp_cases,
};

kunit_test_suite(sim_fw_susp_suite);
