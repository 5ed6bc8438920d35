// SPDX-License-Identifier: GPL-2.0-only
/* The MCU's life: boot, halt, stop, reset, and the blocks a boot makes. */

#include <linux/bitfield.h>
#include <linux/cleanup.h>
#include <linux/sort.h>

#include "../../panthor_fw_regs.h"

#include "sim_fw_fixture.h"

#define GLB_BLOCKS	2
#define MAX_BLOCKS	(GLB_BLOCKS + 2 * SIM_FW_MAX_GROUPS * (1 + SIM_FW_MAX_STREAMS))

static const struct boot_variant {
	const char *name;
	u32 version;
	unsigned int groups;
	unsigned int streams;
} boot_variants[] = {
	{ "smallest", 0x01010000, SIM_FW_MIN_GROUPS, SIM_FW_MIN_STREAMS },
	{ "usual", 0x01010000, 8, 8 },
	{ "largest", 0x01010000, SIM_FW_MAX_GROUPS, SIM_FW_MAX_STREAMS },
	{ "v4.1", 0x04010000, 8, 8 },
};

KUNIT_ARRAY_PARAM_DESC(boot, boot_variants, name);

static int compare(const void *a, const void *b)
{
	const u32 *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

/* The case succeeds if a boot describes what was asked for, and no two blocks overlap. */
static void boot_blocks(struct kunit *test)
{
	const struct boot_variant *variant = test->param_value;
	struct fw_kunit *k = to_fw_kunit(test);
	unsigned int count = 0, wrong = 0;
	u32 (*block)[2];

	block = kunit_kcalloc(test, MAX_BLOCKS, sizeof(*block), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, block);
	k->config.version = variant->version;
	k->config.groups = variant->groups;
	k->config.streams = variant->streams;
	fw_kunit_create(k);
	fw_kunit_boot(k);

	KUNIT_EXPECT_EQ(test, variant->version, fw_kunit_get(k, FW_SHARED_VA + GLB_VERSION));
	KUNIT_EXPECT_EQ(test, variant->groups, fw_kunit_get(k, FW_SHARED_VA + 0x10));
	block[count][0] = glb_in(k);
	block[count++][1] = GLB_INPUT_SIZE;
	block[count][0] = glb_out(k);
	block[count++][1] = GLB_OUTPUT_SIZE;
	for (unsigned int g = 0; g < variant->groups; g++) {
		u32 control = FW_SHARED_VA + FW_CSG_CONTROL +
			      g * fw_kunit_get(k, FW_SHARED_VA + 0x14);

		if (fw_kunit_get(k, control + 0x14) != variant->streams ||
		    !fw_kunit_get(k, control + 0xc) || !fw_kunit_get(k, control + 0x10))
			wrong++;
		block[count][0] = csg_in(k, g);
		block[count++][1] = CSG_INPUT_SIZE;
		block[count][0] = csg_out(k, g);
		block[count++][1] = CSG_OUTPUT_SIZE;
		for (unsigned int c = 0; c < variant->streams; c++) {
			block[count][0] = cs_in(k, g, c);
			block[count++][1] = CS_INPUT_SIZE;
			block[count][0] = cs_out(k, g, c);
			block[count++][1] = CS_OUTPUT_SIZE;
		}
	}
	KUNIT_EXPECT_EQ_MSG(test, 0, wrong, "CSG controls that are wrong");

	sort(block, count, sizeof(*block), compare, NULL);
	KUNIT_EXPECT_GE(test, block[0][0], FW_SHARED_VA + FW_CSG_CONTROL);
	for (unsigned int i = 1; i < count; i++)
		KUNIT_ASSERT_GE(test, block[i][0], block[i - 1][0] + block[i - 1][1]);
	KUNIT_EXPECT_LE(test, block[count - 1][0] + block[count - 1][1],
			FW_SHARED_VA + SIM_FW_SHARED_SIZE);
}

/* The case succeeds if a boot waits until AS 0 can be accessed. */
static void boot_waits_for_memory(struct kunit *test)
{
	struct fw_kunit *k = to_fw_kunit(test);

	k->locked = BIT(FW_AS);
	fw_kunit_control(k, MCU_CONTROL_AUTO);
	KUNIT_EXPECT_EQ(test, MCU_STATUS_DISABLED, fw_kunit_status(k));
	k->locked = 0;
	fw_kunit_changed(k, FW_AS);
	KUNIT_EXPECT_EQ(test, 1, k->kicks);
	fw_kunit_run(k);
	KUNIT_EXPECT_EQ(test, MCU_STATUS_ENABLED, fw_kunit_status(k));
	KUNIT_EXPECT_EQ(test, JOB_INT_GLOBAL_IF, fw_kunit_irqs(k));
}

/* The case succeeds if a boot of a text that was not loaded is a violation. */
static void boot_bad_text(struct kunit *test)
{
	struct fw_kunit *k = to_fw_kunit(test);

	k->text[SZ_4K - 1] ^= 1;
	fw_kunit_control(k, MCU_CONTROL_AUTO);
	fw_kunit_blamed(k, "not the image");
	KUNIT_EXPECT_EQ(test, MCU_STATUS_FATAL, fw_kunit_status(k));
	KUNIT_EXPECT_EQ(test, 0, fw_kunit_irqs(k));
}

/* The case succeeds if a boot without an address space is a violation. */
static void boot_without_as(struct kunit *test)
{
	struct fw_kunit *k = to_fw_kunit(test);

	k->enabled &= ~BIT(FW_AS);
	fw_kunit_control(k, MCU_CONTROL_AUTO);
	fw_kunit_blamed(k, "cannot be executed");
	KUNIT_EXPECT_EQ(test, MCU_STATUS_FATAL, fw_kunit_status(k));
}

/* The case succeeds if a boot after a reset wants the image to be loaded anew. */
static void boot_after_reset(struct kunit *test)
{
	struct fw_kunit *k = to_fw_kunit(test);

	fw_kunit_boot(k);
	fw_kunit_reset(k);
	fw_kunit_control(k, MCU_CONTROL_AUTO);
	fw_kunit_blamed(k, "after a reset");
	KUNIT_EXPECT_EQ(test, MCU_STATUS_FATAL, fw_kunit_status(k));

	fw_kunit_reset(k);
	fw_kunit_load(k);
	fw_kunit_boot(k);
}

/* The case succeeds if a fast reset, which loads nothing, leaves requests as they were. */
static void boot_fast(struct kunit *test)
{
	struct fw_kunit *k = to_fw_kunit(test);
	u32 ack;

	fw_kunit_boot(k);
	glb_toggle(k, GLB_PING);
	csg_toggle(k, 1, CSG_ENDPOINT_CONFIG | CSG_STATUS_UPDATE);
	fw_kunit_run(k);
	ack = fw_kunit_get(k, glb_out(k) + GLB_ACK);
	KUNIT_ASSERT_TRUE(test, ack & GLB_PING);

	fw_kunit_set(k, glb_in(k) + GLB_REQ, fw_kunit_get(k, glb_in(k) + GLB_REQ) | GLB_HALT);
	fw_kunit_ring(k, 0);
	fw_kunit_control(k, MCU_CONTROL_DISABLE);
	KUNIT_ASSERT_EQ(test, MCU_STATUS_DISABLED, fw_kunit_status(k));
	fw_kunit_set(k, glb_in(k) + GLB_REQ, fw_kunit_get(k, glb_in(k) + GLB_REQ) & ~GLB_HALT);
	fw_kunit_control(k, MCU_CONTROL_AUTO);
	fw_kunit_irqs(k);
	fw_kunit_ring(k, 0);
	csg_ring(k, 1);
	fw_kunit_run(k);
	KUNIT_EXPECT_EQ(test, ack, fw_kunit_get(k, glb_out(k) + GLB_ACK));
	KUNIT_EXPECT_EQ(test, 0, fw_kunit_irqs(k));
	KUNIT_EXPECT_EQ(test, CSG_ENDPOINT_CONFIG | CSG_STATUS_UPDATE,
			fw_kunit_get(k, csg_out(k, 1) + CSG_ACK));
}

/* The case succeeds if a halt is done when the doorbell has rung, without the thread. */
static void halt_at_once(struct kunit *test)
{
	struct fw_kunit *k = to_fw_kunit(test);

	fw_kunit_boot(k);
	fw_kunit_set(k, glb_in(k) + GLB_REQ, fw_kunit_get(k, glb_in(k) + GLB_REQ) | GLB_HALT);
	KUNIT_EXPECT_EQ(test, MCU_STATUS_ENABLED, fw_kunit_status(k));
	fw_kunit_ring(k, 0);
	KUNIT_EXPECT_EQ(test, MCU_STATUS_HALT, fw_kunit_status(k));
	KUNIT_EXPECT_FALSE(test, glb_acked(k, GLB_HALT));
}

/* The case succeeds if an interface of version 4.1 halts by its state field, acknowledged. */
static void halt_by_state(struct kunit *test)
{
	struct fw_kunit *k = to_fw_kunit(test);
	u32 req;

	k->config.version = GLB_VERSION_STATE;
	fw_kunit_create(k);
	fw_kunit_boot(k);
	req = fw_kunit_get(k, glb_in(k) + GLB_REQ);
	fw_kunit_set(k, glb_in(k) + GLB_REQ, req | FIELD_PREP(GLB_STATE, GLB_STATE_HALT));
	fw_kunit_ring(k, 0);
	KUNIT_EXPECT_EQ(test, MCU_STATUS_HALT, fw_kunit_status(k));
	KUNIT_EXPECT_TRUE(test, glb_acked(k, GLB_STATE));

	fw_kunit_control(k, MCU_CONTROL_DISABLE);
	fw_kunit_set(k, glb_in(k) + GLB_REQ, req);
	fw_kunit_control(k, MCU_CONTROL_AUTO);
	KUNIT_EXPECT_EQ(test, MCU_STATUS_ENABLED, fw_kunit_status(k));
	KUNIT_EXPECT_TRUE(test, glb_acked(k, GLB_STATE));
}

/* The case succeeds if a halt that has to wait for memory is done by the thread. */
static void halt_waits_for_memory(struct kunit *test)
{
	struct fw_kunit *k = to_fw_kunit(test);

	fw_kunit_boot(k);
	fw_kunit_set(k, glb_in(k) + GLB_REQ, fw_kunit_get(k, glb_in(k) + GLB_REQ) | GLB_HALT);
	k->locked = BIT(FW_AS);
	fw_kunit_ring(k, 0);
	fw_kunit_run(k);
	KUNIT_EXPECT_EQ(test, MCU_STATUS_ENABLED, fw_kunit_status(k));
	k->locked = 0;
	fw_kunit_changed(k, FW_AS);
	fw_kunit_run(k);
	KUNIT_EXPECT_EQ(test, MCU_STATUS_HALT, fw_kunit_status(k));
}

/* The case succeeds if a halted MCU touches no memory, whatever there is to do. */
static void halt_is_quiet(struct kunit *test)
{
	const u64 loop[] = { asm_move32(2, 0), asm_branch(ASM_EQ, 2, -2) };
	struct fw_kunit_group group = { .as = 1, .streams = 1 };
	struct fw_kunit *k = to_fw_kunit(test);
	u64 accesses;

	fw_kunit_boot(k);
	group_emit(k, &group, 0, loop, 2);
	group_start(k, &group, 0, CSG_START);
	for (unsigned int i = 0; i < 10; i++)
		fw_kunit_slice(k);
	fw_kunit_set(k, glb_in(k) + GLB_REQ, fw_kunit_get(k, glb_in(k) + GLB_REQ) | GLB_HALT);
	fw_kunit_ring(k, 0);

	accesses = k->accesses;
	glb_toggle(k, GLB_PING);
	csg_state(k, 0, CSG_SUSPEND);
	fw_kunit_ring(k, 1);
	fw_kunit_pass(k, NSEC_PER_SEC);
	KUNIT_EXPECT_EQ(test, accesses, k->accesses);
	KUNIT_EXPECT_EQ(test, U64_MAX, k->next);
}

/* The case succeeds if boot and halt take the time they are given, and a stop ends both. */
static void latency(struct kunit *test)
{
	struct fw_kunit *k = to_fw_kunit(test);

	k->latency.setting[SIM_OP_BOOT].kind = SIM_MANUAL;
	k->latency.setting[SIM_OP_HALT].kind = SIM_MANUAL;
	fw_kunit_control(k, MCU_CONTROL_AUTO);
	KUNIT_EXPECT_EQ(test, MCU_STATUS_DISABLED, fw_kunit_status(k));
	fw_kunit_step(k, SIM_OP_BOOT);
	KUNIT_EXPECT_EQ(test, MCU_STATUS_ENABLED, fw_kunit_status(k));

	fw_kunit_set(k, glb_in(k) + GLB_REQ, GLB_HALT);
	fw_kunit_ring(k, 0);
	KUNIT_EXPECT_EQ(test, MCU_STATUS_ENABLED, fw_kunit_status(k));
	fw_kunit_control(k, MCU_CONTROL_DISABLE);
	fw_kunit_step(k, SIM_OP_HALT);
	KUNIT_EXPECT_EQ(test, MCU_STATUS_DISABLED, fw_kunit_status(k));

	fw_kunit_control(k, MCU_CONTROL_AUTO);
	fw_kunit_reset(k);
	KUNIT_EXPECT_EQ(test, MCU_STATUS_DISABLED, fw_kunit_status(k));
	scoped_guard(raw_spinlock_irqsave, &k->lock)
		KUNIT_EXPECT_EQ(test, 0, sim_latency_step(&k->latency, SIM_OPS, 1));
}

/* The case succeeds if an MCU that hangs does nothing until it boots anew. */
static void hang(struct kunit *test)
{
	struct fw_kunit *k = to_fw_kunit(test);

	fw_kunit_boot(k);
	scoped_guard(raw_spinlock_irqsave, &k->lock)
		sim_fw_hang(k->fw);
	glb_toggle(k, GLB_PING);
	fw_kunit_pass(k, NSEC_PER_SEC);
	KUNIT_EXPECT_FALSE(test, glb_acked(k, GLB_PING));

	fw_kunit_control(k, MCU_CONTROL_DISABLE);
	fw_kunit_control(k, MCU_CONTROL_AUTO);
	fw_kunit_ring(k, 0);
	fw_kunit_run(k);
	KUNIT_EXPECT_TRUE(test, glb_acked(k, GLB_PING));
}

/* The case succeeds if switching on what is on is a violation, and does nothing. */
static void on_twice(struct kunit *test)
{
	struct fw_kunit *k = to_fw_kunit(test);

	fw_kunit_boot(k);
	fw_kunit_control(k, MCU_CONTROL_AUTO);
	fw_kunit_blamed(k, "switched on");
	KUNIT_EXPECT_EQ(test, MCU_STATUS_ENABLED, fw_kunit_status(k));
	KUNIT_EXPECT_EQ(test, 1, fw_kunit_stats(k)->boots);
}

/* The case succeeds if an access that fails is the end of the firmware, and a violation. */
static void loses_memory(struct kunit *test)
{
	struct fw_kunit *k = to_fw_kunit(test);

	fw_kunit_boot(k);
	k->enabled &= ~BIT(FW_AS);
	glb_toggle(k, GLB_PING);
	fw_kunit_blamed(k, "AS 0 is off");
	fw_kunit_run(k);
	KUNIT_EXPECT_EQ(test, MCU_STATUS_FATAL, fw_kunit_status(k));
}

static struct kunit_case sim_fw_boot_cases[] = {
	KUNIT_CASE_PARAM(boot_blocks, boot_gen_params),
	KUNIT_CASE(boot_waits_for_memory),
	KUNIT_CASE(boot_bad_text),
	KUNIT_CASE(boot_without_as),
	KUNIT_CASE(boot_after_reset),
	KUNIT_CASE(boot_fast),
	KUNIT_CASE(halt_at_once),
	KUNIT_CASE(halt_by_state),
	KUNIT_CASE(halt_waits_for_memory),
	KUNIT_CASE(halt_is_quiet),
	KUNIT_CASE(latency),
	KUNIT_CASE(hang),
	KUNIT_CASE(on_twice),
	KUNIT_CASE(loses_memory),
	{}
};

static struct kunit_suite sim_fw_boot_suite = {
	.name = "panthor_sim_fw_boot",
	.init = fw_kunit_init,
	.exit = fw_kunit_exit,
	.test_cases = sim_fw_boot_cases,
};

kunit_test_suite(sim_fw_boot_suite);
