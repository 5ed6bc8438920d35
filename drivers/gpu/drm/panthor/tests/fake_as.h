/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef __PANTHOR_TESTS_FAKE_AS_H__
#define __PANTHOR_TESTS_FAKE_AS_H__

/**
 * DOC: Fake address spaces
 *
 * The MMU's register blocks behind the MMIO seam: the interrupt registers and
 * sixteen address spaces (AS), of which the device's as_present says what there
 * is. A command takes effect when it completes, which a test can delay or
 * prevent. What the driver must not do is counted as a violation, and a
 * violation that no case asked for fails the case when it ends.
 *
 * Every command and cache flush is an event, stamped in the order of all seam
 * calls. A story is the text of the events since the last look: "1:LOCK FLUSH
 * 1:UNLOCK". A command that never completes has a "!" behind it, as has a flush
 * that failed. With a probe set, "+" or "-" tells whether the page tables map
 * the probed address at that moment.
 *
 * One fake at a time, as of the seams.
 */

#include <kunit/test.h>

#include <linux/irqreturn.h>
#include <linux/types.h>

struct panthor_device;

#define PANTHOR_FAKE_AS_SLOTS	16
#define PANTHOR_FAKE_AS_EVENTS	256
#define PANTHOR_FAKE_AS_STORY	256

/**
 * enum panthor_fake_as_violation - What the driver must not do
 * @FAKE_AS_ABSENT: Access to an AS that the GPU does not have.
 * @FAKE_AS_UNKNOWN: Access to an offset where there is no register.
 * @FAKE_AS_READ_ONLY: Write to a register that cannot be written.
 * @FAKE_AS_BUSY: Command while another one is active.
 * @FAKE_AS_BAD_COMMAND: Command that does not exist.
 * @FAKE_AS_BAD_LOCKADDR: LOCK of a region that is too small or not aligned.
 * @FAKE_AS_RELOCK: LOCK that does not cover what is locked already.
 * @FAKE_AS_UNLOCK: UNLOCK without LOCK.
 * @FAKE_AS_UNFLUSHED: UNLOCK without a flush since the LOCK.
 * @FAKE_AS_FLUSH: FLUSH command without LOCK.
 * @FAKE_AS_VIOLATIONS: Number of kinds.
 */
enum panthor_fake_as_violation {
	FAKE_AS_ABSENT,
	FAKE_AS_UNKNOWN,
	FAKE_AS_READ_ONLY,
	FAKE_AS_BUSY,
	FAKE_AS_BAD_COMMAND,
	FAKE_AS_BAD_LOCKADDR,
	FAKE_AS_RELOCK,
	FAKE_AS_UNLOCK,
	FAKE_AS_UNFLUSHED,
	FAKE_AS_FLUSH,
	FAKE_AS_VIOLATIONS,
};

/**
 * enum panthor_fake_as_mode - How a command behaves
 * @FAKE_AS_INSTANT: Completes at once.
 * @FAKE_AS_DELAYED: Completes after some reads of STATUS.
 * @FAKE_AS_STUCK: Stays active until the GPU is reset, without effect.
 * @FAKE_AS_DROPPED: Completes at once, without effect.
 */
enum panthor_fake_as_mode {
	FAKE_AS_INSTANT,
	FAKE_AS_DELAYED,
	FAKE_AS_STUCK,
	FAKE_AS_DROPPED,
};

/**
 * struct panthor_fake_as_config - What UPDATE latches
 * @transtab: TRANSTAB.
 * @memattr: MEMATTR.
 * @transcfg: TRANSCFG.
 */
struct panthor_fake_as_config {
	u64 transtab;
	u64 memattr;
	u64 transcfg;
};

int panthor_fake_as_init(struct kunit *test);
void panthor_fake_as_exit(struct kunit *test);

void panthor_fake_as_arm(u32 cmd, unsigned int nth, enum panthor_fake_as_mode mode,
			 unsigned int reads);
void panthor_fake_as_gpu_reset(void);

const char *panthor_fake_as_violation_name(enum panthor_fake_as_violation kind);
unsigned int panthor_fake_as_take_violations(enum panthor_fake_as_violation kind);

struct panthor_fake_as_config panthor_fake_as_live(unsigned int as);
struct panthor_fake_as_config panthor_fake_as_staged(unsigned int as);
u64 panthor_fake_as_lockaddr(unsigned int as);
bool panthor_fake_as_locked(unsigned int as, u64 *start, u64 *size);
u32 panthor_fake_as_locked_mask(void);
unsigned int panthor_fake_as_commands(unsigned int as, u32 cmd);
u32 panthor_fake_as_irq_mask(void);
u32 panthor_fake_as_irq_raw(void);

void panthor_fake_as_probe(unsigned int as, u64 va);
u64 panthor_fake_as_walk(unsigned int as, u64 va);

void panthor_fake_as_forget(void);
const char *panthor_fake_as_story(void);
u64 panthor_fake_as_last(unsigned int as, u32 cmd);

void panthor_fake_as_fault(unsigned int as, u32 status, u64 addr);
void panthor_fake_as_raise(u32 bits);
irqreturn_t panthor_fake_as_deliver(void);

/* Macros, so that a failure names the line of the case. */
#define expect_as_story(test, want)						\
	KUNIT_EXPECT_STREQ(test, panthor_fake_as_story(), want)

#define expect_no_as_locked(test)						\
	KUNIT_EXPECT_EQ(test, panthor_fake_as_locked_mask(), 0)

#endif
