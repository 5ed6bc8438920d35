/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef __PANTHOR_TESTS_FAKE_AS_PRIV_H__
#define __PANTHOR_TESTS_FAKE_AS_PRIV_H__

/* What the registers and the controls of the fake address spaces share. */

#include <linux/spinlock.h>
#include <linux/types.h>

#include "../panthor_mmu_regs.h"

#include "fake_as.h"
#include "seam.h"

/* Stands for a cache flush where otherwise a command is named. */
#define FAKE_FLUSH_CACHES	(AS_COMMAND_FLUSH_MEM + 1)
#define FAKE_COMMANDS		(AS_COMMAND_FLUSH_MEM + 1)

/**
 * struct fake_as_slot - One address space
 * @staged: Configuration as written.
 * @live: Configuration as of the last UPDATE.
 * @lockaddr: LOCKADDR as written.
 * @lock_start: First byte of the locked region.
 * @lock_size: Its size; 0 if nothing is locked.
 * @unflushed: No flush since the LOCK.
 * @faultstatus: FAULTSTATUS.
 * @faultaddress: FAULTADDRESS.
 * @active: Command that did not complete yet, or AS_COMMAND_NOP.
 * @reads: Reads of STATUS until @active completes; 0 if it never does.
 * @commands: How often each command was written.
 */
struct fake_as_slot {
	struct panthor_fake_as_config staged;
	struct panthor_fake_as_config live;
	u64 lockaddr;
	u64 lock_start;
	u64 lock_size;
	bool unflushed;
	u32 faultstatus;
	u64 faultaddress;
	u32 active;
	unsigned int reads;
	unsigned int commands[FAKE_COMMANDS];
};

/**
 * struct fake_as_arm - Behaviour of a command to come
 * @nth: Countdown to it; 0 if none is armed.
 * @mode: The behaviour.
 * @reads: Reads of STATUS that FAKE_AS_DELAYED takes.
 */
struct fake_as_arm {
	unsigned int nth;
	enum panthor_fake_as_mode mode;
	unsigned int reads;
};

/**
 * struct fake_as_event - A command or a cache flush
 * @stamp: Place in the order of all seam calls.
 * @what: Command, or FAKE_FLUSH_CACHES.
 * @as: Address space; meaningless for a cache flush.
 * @failed: The command is stuck, or the flush failed.
 * @mapped: The probed address was mapped.
 */
struct fake_as_event {
	u64 stamp;
	u32 what;
	unsigned int as;
	bool failed;
	bool mapped;
};

/**
 * struct fake_as - The fake
 * @lock: Protects everything else. Irq-safe, because register accessors run in
 *	hard interrupt context; nothing is called with it held, except for the
 *	stamp of an event.
 * @ptdev: Device whose registers these are.
 * @base: What the driver takes for their address.
 * @slots: The address spaces.
 * @arms: Behaviour of commands to come.
 * @irq_raw: INT_RAWSTAT.
 * @irq_mask: INT_MASK.
 * @violations: How many there were of each kind.
 * @last_offset: Register of the last one.
 * @probe: Address to look at with each event.
 * @probe.set: There is one.
 * @probe.as: Its address space.
 * @probe.va: The address.
 * @events: Commands and flushes.
 * @nr_events: Number of them.
 */
struct fake_as {
	raw_spinlock_t lock;
	struct panthor_device *ptdev;
	void __iomem *base;
	struct fake_as_slot slots[PANTHOR_FAKE_AS_SLOTS];
	struct fake_as_arm arms[FAKE_COMMANDS];
	u32 irq_raw;
	u32 irq_mask;
	unsigned int violations[FAKE_AS_VIOLATIONS];
	unsigned long last_offset;
	struct {
		bool set;
		unsigned int as;
		u64 va;
	} probe;
	struct fake_as_event events[PANTHOR_FAKE_AS_EVENTS];
	unsigned int nr_events;
};

extern struct fake_as panthor_fake_as_state;
extern const struct panthor_seam_mmio panthor_fake_as_mmio;

u64 panthor_fake_as_walk_locked(u64 transtab, u64 va);

#endif
