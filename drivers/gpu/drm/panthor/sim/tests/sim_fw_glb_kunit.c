// SPDX-License-Identifier: GPL-2.0-only
/* The global interface: requests, acknowledgments, what is refused, idleness. */

#include <linux/bitfield.h>
#include <linux/cleanup.h>

#include "../../panthor_fw_regs.h"

#include "sim_fw_fixture.h"

static int fw_glb_init(struct kunit *test)
{
	int ret = fw_kunit_init(test);

	if (!ret)
		fw_kunit_boot(to_fw_kunit(test));
	return ret;
}

/* The case succeeds if each request is acknowledged by itself, with an interrupt. */
static void requests(struct kunit *test)
{
	struct fw_kunit *k = to_fw_kunit(test);

	for (u32 bit = 1; bit; bit <<= 1) {
		if (!(bit & GLB_REQUESTS))
			continue;
		glb_toggle(k, bit);
		KUNIT_EXPECT_FALSE(test, glb_acked(k, bit));
		fw_kunit_run(k);
		KUNIT_EXPECT_TRUE_MSG(test, glb_acked(k, ~0), "%#x", bit);
		KUNIT_EXPECT_EQ(test, JOB_INT_GLOBAL_IF, fw_kunit_irqs(k));
	}
	KUNIT_EXPECT_EQ(test, 1, fw_kunit_stats(k)->pings);
}

/* The case succeeds if an acknowledgment that nobody wants to be told of has no interrupt. */
static void irq_mask(struct kunit *test)
{
	struct fw_kunit *k = to_fw_kunit(test);

	fw_kunit_set(k, glb_in(k) + GLB_ACK_IRQ_MASK, (u32)~GLB_PING);
	glb_toggle(k, GLB_PING);
	fw_kunit_run(k);
	KUNIT_EXPECT_TRUE(test, glb_acked(k, GLB_PING));
	KUNIT_EXPECT_EQ(test, 0, fw_kunit_irqs(k));
}

/* The case succeeds if a request without doorbell is not looked at. */
static void needs_doorbell(struct kunit *test)
{
	struct fw_kunit *k = to_fw_kunit(test);

	fw_kunit_set(k, glb_in(k) + GLB_REQ, fw_kunit_get(k, glb_in(k) + GLB_REQ) ^ GLB_PING);
	fw_kunit_pass(k, NSEC_PER_SEC);
	KUNIT_EXPECT_FALSE(test, glb_acked(k, GLB_PING));
	fw_kunit_ring(k, 0);
	fw_kunit_run(k);
	KUNIT_EXPECT_TRUE(test, glb_acked(k, GLB_PING));
}

/* The case succeeds if an acknowledgment takes its time, and the next request waits for it. */
static void ack_latency(struct kunit *test)
{
	struct fw_kunit *k = to_fw_kunit(test);

	k->latency.setting[SIM_OP_ACK].kind = SIM_MANUAL;
	glb_toggle(k, GLB_PING);
	fw_kunit_run(k);
	KUNIT_EXPECT_FALSE(test, glb_acked(k, GLB_PING));
	glb_toggle(k, GLB_FWCFG_UPDATE);
	fw_kunit_run(k);
	fw_kunit_step(k, SIM_OP_ACK);
	KUNIT_EXPECT_TRUE(test, glb_acked(k, GLB_PING));
	KUNIT_EXPECT_FALSE(test, glb_acked(k, GLB_FWCFG_UPDATE));
	fw_kunit_run(k);
	fw_kunit_step(k, SIM_OP_ACK);
	KUNIT_EXPECT_TRUE(test, glb_acked(k, GLB_FWCFG_UPDATE));
}

/* The case succeeds if an acknowledgment that has to wait for memory is not lost. */
static void ack_waits_for_memory(struct kunit *test)
{
	struct fw_kunit *k = to_fw_kunit(test);

	k->latency.setting[SIM_OP_ACK].kind = SIM_MANUAL;
	glb_toggle(k, GLB_PING);
	fw_kunit_run(k);
	k->locked = BIT(FW_AS);
	fw_kunit_step(k, SIM_OP_ACK);
	KUNIT_EXPECT_FALSE(test, glb_acked(k, GLB_PING));
	k->locked = 0;
	fw_kunit_changed(k, FW_AS);
	fw_kunit_run(k);
	KUNIT_EXPECT_TRUE(test, glb_acked(k, GLB_PING));
	KUNIT_EXPECT_EQ(test, JOB_INT_GLOBAL_IF, fw_kunit_irqs(k));
}

static const struct refused {
	const char *name;
	u32 bits;
	const char *text;
} refused_glb[] = {
	{ "protected_mode", BIT(4), "no such request" },
	{ "perfcnt", BIT(5) | BIT(6), "no such request" },
	{ "reserved", BIT(17), "no such request" },
	{ "idle_event", GLB_IDLE, "acknowledges no event" },
};

KUNIT_ARRAY_PARAM_DESC(refused_glb, refused_glb, name);

/* The case succeeds if what cannot be asked for is one violation and not acknowledged. */
static void refused(struct kunit *test)
{
	const struct refused *refused = test->param_value;
	struct fw_kunit *k = to_fw_kunit(test);

	glb_toggle(k, refused->bits);
	fw_kunit_run(k);
	fw_kunit_ring(k, 0);
	fw_kunit_run(k);
	fw_kunit_blamed(k, refused->text);
	KUNIT_EXPECT_FALSE(test, glb_acked(k, refused->bits));
	glb_toggle(k, GLB_PING);
	fw_kunit_run(k);
	KUNIT_EXPECT_TRUE(test, glb_acked(k, GLB_PING));
}

/* The case succeeds if enabling cores that are not there is a violation. */
static void bad_cores(struct kunit *test)
{
	struct fw_kunit *k = to_fw_kunit(test);

	fw_kunit_set64(k, glb_in(k) + GLB_CORE_EN_MASK, 0x50007);
	glb_toggle(k, GLB_CFG_ALLOC_EN);
	fw_kunit_run(k);
	fw_kunit_blamed(k, "core_en_mask");
}

/* The case succeeds if the doorbell of a slot that is not there is a violation. */
static void bad_doorbell(struct kunit *test)
{
	struct fw_kunit *k = to_fw_kunit(test);

	csg_ring(k, FW_KUNIT_GROUPS - 1);
	fw_kunit_run(k);
	KUNIT_EXPECT_EQ(test, 0, k->violations);
	fw_kunit_set(k, glb_in(k) + GLB_DOORBELL_REQ,
		     fw_kunit_get(k, glb_in(k) + GLB_DOORBELL_REQ) ^ BIT(FW_KUNIT_GROUPS));
	fw_kunit_ring(k, 0);
	fw_kunit_run(k);
	fw_kunit_blamed(k, "doorbell");
}

/* The case succeeds if a doorbell is acknowledged, so that the next one differs again. */
static void doorbell_acked(struct kunit *test)
{
	struct fw_kunit *k = to_fw_kunit(test);

	for (unsigned int i = 0; i < 3; i++) {
		csg_ring(k, 2);
		fw_kunit_run(k);
		KUNIT_EXPECT_EQ(test, fw_kunit_get(k, glb_in(k) + GLB_DOORBELL_REQ),
				fw_kunit_get(k, glb_out(k) + GLB_DOORBELL_ACK));
	}
}

static void run_to_the_end(struct fw_kunit *k, struct fw_kunit_group *group)
{
	const u64 nop[] = { asm_nop(), asm_nop() };

	group_emit(k, group, 0, nop, 2);
	if (group->insert[0] == 16)
		group_start(k, group, 0, CSG_START);
	else
		fw_kunit_ring(k, 1);
	fw_kunit_run(k);
}

static bool glb_idle(struct fw_kunit *k)
{
	return !glb_acked(k, GLB_IDLE);
}

/* The case succeeds if GLB_IDLE comes once, after the hysteresis, and again after work. */
static void idle_event(struct kunit *test)
{
	struct fw_kunit_group group = { .as = 1, .streams = 1 };
	struct fw_kunit *k = to_fw_kunit(test);

	fw_kunit_pass(k, NSEC_PER_SEC);
	KUNIT_EXPECT_FALSE_MSG(test, glb_idle(k), "nothing has run yet");
	run_to_the_end(k, &group);
	fw_kunit_pass(k, FW_KUNIT_IDLE_NS / 2);
	KUNIT_EXPECT_FALSE(test, glb_idle(k));
	fw_kunit_irqs(k);
	fw_kunit_pass(k, FW_KUNIT_IDLE_NS);
	KUNIT_EXPECT_TRUE(test, glb_idle(k));
	KUNIT_EXPECT_TRUE(test, fw_kunit_irqs(k) & JOB_INT_GLOBAL_IF);

	fw_kunit_set(k, glb_in(k) + GLB_REQ, fw_kunit_get(k, glb_in(k) + GLB_REQ) ^ GLB_IDLE);
	fw_kunit_pass(k, NSEC_PER_SEC);
	KUNIT_EXPECT_FALSE(test, glb_idle(k));
	run_to_the_end(k, &group);
	fw_kunit_pass(k, 2 * FW_KUNIT_IDLE_NS);
	KUNIT_EXPECT_TRUE(test, glb_idle(k));
}

/* The case succeeds if GLB_IDLE does not come when it is not enabled. */
static void idle_disabled(struct kunit *test)
{
	struct fw_kunit_group group = { .as = 1, .streams = 1 };
	struct fw_kunit *k = to_fw_kunit(test);

	glb_toggle(k, GLB_IDLE_EN);
	fw_kunit_run(k);
	KUNIT_ASSERT_FALSE(test, fw_kunit_get(k, glb_in(k) + GLB_REQ) & GLB_IDLE_EN);
	run_to_the_end(k, &group);
	fw_kunit_pass(k, NSEC_PER_SEC);
	KUNIT_EXPECT_FALSE(test, glb_idle(k));
}

static struct kunit_case sim_fw_glb_cases[] = {
	KUNIT_CASE(requests),
	KUNIT_CASE(irq_mask),
	KUNIT_CASE(needs_doorbell),
	KUNIT_CASE(ack_latency),
	KUNIT_CASE(ack_waits_for_memory),
	KUNIT_CASE_PARAM(refused, refused_glb_gen_params),
	KUNIT_CASE(bad_cores),
	KUNIT_CASE(bad_doorbell),
	KUNIT_CASE(doorbell_acked),
	KUNIT_CASE(idle_event),
	KUNIT_CASE(idle_disabled),
	{}
};

static struct kunit_suite sim_fw_glb_suite = {
	.name = "panthor_sim_fw_glb",
	.init = fw_glb_init,
	.exit = fw_kunit_exit,
	.test_cases = sim_fw_glb_cases,
};

kunit_test_suite(sim_fw_glb_suite);
