/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef __PANTHOR_SIM_TESTS_FW_FIXTURE_H__
#define __PANTHOR_SIM_TESTS_FW_FIXTURE_H__

/**
 * DOC: A firmware of its own for each case
 *
 * No GPU is around it: the fixture is the environment. The test is the driver:
 * it finds the blocks through the control blocks, as a driver does. Memory is
 * flat, one array for the firmware and one for each group's address space. Time
 * stands still unless a test moves it. Violations have to be asked for; one that
 * is left when a case ends fails it.
 */

#include <kunit/test.h>

#include <linux/sizes.h>
#include <linux/spinlock.h>

#include "../sim_fw.h"
#include "../sim_fw_abi.h"

#include "cs_asm.h"

#define FW_KUNIT_GROUPS		4
#define FW_KUNIT_STREAMS	8
#define FW_KUNIT_AS		0x0f
#define FW_KUNIT_MEMORY		SZ_1M
#define FW_KUNIT_SLICE		16
#define FW_KUNIT_IDLE_NS	(800 * NSEC_PER_USEC)

/* In a group's address space: rings, code, data; nothing from HOLE on. */
#define FW_KUNIT_RING		0x10000
#define FW_KUNIT_CODE		0x40000
#define FW_KUNIT_DATA		0x80000
#define FW_KUNIT_HOLE		FW_KUNIT_MEMORY

/**
 * struct fw_kunit - The fixture, test->priv
 * @test: The test.
 * @lock: The GPU's lock.
 * @latency: Operations in flight.
 * @config: What is made.
 * @fw: The firmware.
 * @text: Its section of that name.
 * @data: Its section of that name.
 * @shared: Shared section, and behind it what the driver allocates.
 * @memory: Memory of the groups' address spaces.
 * @enabled: Mask of address spaces that are on.
 * @locked: Mask of those where accesses have to wait.
 * @locked_writes: Mask of those where writes have to wait.
 * @faulted: Mask of those that have a fault.
 * @fault_va: Address of the last fault.
 * @accesses: Number of accesses to memory.
 * @foreign: Those among them that were not to the shared section.
 * @irqs: Bits of the JOB interrupt since fw_kunit_irqs().
 * @kicks: How often it wanted to run.
 * @violations: Violations that were not asked for yet.
 * @violation: Text of the last one.
 * @now: The time.
 * @next: When sim_fw_run() wants to be called again.
 */
struct fw_kunit {
	struct kunit *test;
	raw_spinlock_t lock;
	struct sim_latency latency;
	struct sim_fw_config config;
	struct sim_fw *fw;
	u8 *text;
	u8 *data;
	u8 *shared;
	u8 *memory[4];
	u32 enabled;
	u32 locked;
	u32 locked_writes;
	u32 faulted;
	u64 fault_va;
	u64 accesses;
	u64 foreign;
	u32 irqs;
	unsigned int kicks;
	unsigned int violations;
	char violation[160];
	u64 now;
	u64 next;
};

/**
 * struct fw_kunit_group - A group as the driver has it
 * @id: Which of the test's groups; decides about its memory in the MCU's VM.
 * @as: Its address space.
 * @streams: Number of streams.
 * @slot: CSG slot it is on.
 * @insert: How far the ring of each stream is written.
 */
struct fw_kunit_group {
	unsigned int id;
	unsigned int as;
	unsigned int streams;
	unsigned int slot;
	u64 insert[FW_KUNIT_STREAMS];
};

int fw_kunit_init(struct kunit *test);
void fw_kunit_exit(struct kunit *test);
void fw_kunit_create(struct fw_kunit *k);
void fw_kunit_load(struct fw_kunit *k);
void fw_kunit_boot(struct fw_kunit *k);

/* Calls of the firmware's functions, with the lock. */
void fw_kunit_control(struct fw_kunit *k, u32 value);
u32 fw_kunit_status(struct fw_kunit *k);
void fw_kunit_ring(struct fw_kunit *k, unsigned int doorbell);
void fw_kunit_reset(struct fw_kunit *k);
void fw_kunit_changed(struct fw_kunit *k, unsigned int as);
void fw_kunit_step(struct fw_kunit *k, enum sim_op op);
const struct sim_fw_stats *fw_kunit_stats(struct fw_kunit *k);
void fw_kunit_slice(struct fw_kunit *k);
void fw_kunit_run(struct fw_kunit *k);
void fw_kunit_pass(struct fw_kunit *k, u64 ns);

/* Memory of the firmware's address space, and of groups. */
u32 fw_kunit_get(struct fw_kunit *k, u32 va);
u64 fw_kunit_get64(struct fw_kunit *k, u32 va);
void fw_kunit_set(struct fw_kunit *k, u32 va, u32 value);
void fw_kunit_set64(struct fw_kunit *k, u32 va, u64 value);
u32 *fw_kunit_word(struct fw_kunit *k, unsigned int as, u64 va);

/* Blocks. */
u32 glb_in(struct fw_kunit *k);
u32 glb_out(struct fw_kunit *k);
u32 csg_in(struct fw_kunit *k, unsigned int slot);
u32 csg_out(struct fw_kunit *k, unsigned int slot);
u32 cs_in(struct fw_kunit *k, unsigned int slot, unsigned int cs);
u32 cs_out(struct fw_kunit *k, unsigned int slot, unsigned int cs);

/* What a driver does. */
void glb_toggle(struct fw_kunit *k, u32 bits);
bool glb_acked(struct fw_kunit *k, u32 bits);
void csg_ring(struct fw_kunit *k, unsigned int slot);
void csg_state(struct fw_kunit *k, unsigned int slot, u32 state);
void csg_toggle(struct fw_kunit *k, unsigned int slot, u32 bits);
bool csg_acked(struct fw_kunit *k, unsigned int slot, u32 bits);
u32 csg_events(struct fw_kunit *k, unsigned int slot);
void csg_ack_events(struct fw_kunit *k, unsigned int slot);
u32 cs_events(struct fw_kunit *k, unsigned int slot, unsigned int cs);
void cs_ack_events(struct fw_kunit *k, unsigned int slot, unsigned int cs, u32 bits);
void group_put(struct fw_kunit *k, struct fw_kunit_group *group, unsigned int slot);
void group_start(struct fw_kunit *k, struct fw_kunit_group *group, unsigned int slot, u32 state);
void group_emit(struct fw_kunit *k, struct fw_kunit_group *group, unsigned int cs,
		const u64 *insns, unsigned int count);
u64 group_extract(struct fw_kunit *k, const struct fw_kunit_group *group, unsigned int cs);
u32 group_suspend_buf(const struct fw_kunit_group *group);
u32 group_iface(const struct fw_kunit_group *group, unsigned int cs);

u32 fw_kunit_irqs(struct fw_kunit *k);
void fw_kunit_blamed(struct fw_kunit *k, const char *text);

static inline struct fw_kunit *to_fw_kunit(struct kunit *test)
{
	return test->priv;
}

#endif
