/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the driver must not do, and what no correct driver can do to this GPU.
 * Each case is counted and logged; a run with one of them has failed.
 */

#ifndef __SIM_VIOLATION_H__
#define __SIM_VIOLATION_H__

#include <linux/types.h>

struct sim_gpu;

/** enum sim_violation_kind - Kinds, counted each on its own. */
enum sim_violation_kind {
	/** @SIM_V_REG_UNKNOWN: Access to an offset that has no register. */
	SIM_V_REG_UNKNOWN,
	/** @SIM_V_REG_READONLY: Write to a register that is read-only. */
	SIM_V_REG_READONLY,
	/** @SIM_V_REG_WRITEONLY: Read of a register that is write-only. */
	SIM_V_REG_WRITEONLY,
	/** @SIM_V_UNMAPPED: Access while no driver has the registers mapped. */
	SIM_V_UNMAPPED,
	/** @SIM_V_CLOCK_OFF: Access while a clock is off. */
	SIM_V_CLOCK_OFF,
	/** @SIM_V_BUSY: Command while the one before it is not done. */
	SIM_V_BUSY,
	/** @SIM_V_BAD_VALUE: A command or value that does not exist. */
	SIM_V_BAD_VALUE,
	/** @SIM_V_POWER: Work for a block that has no power, or power off under work. */
	SIM_V_POWER,
	/** @SIM_V_IRQ_STORM: An interrupt that stays high however often it is handled. */
	SIM_V_IRQ_STORM,
	/** @SIM_V_MMU_PROTOCOL: Address space commands in an order that is wrong. */
	SIM_V_MMU_PROTOCOL,
	/** @SIM_V_STALE_TRANSLATION: Use of a translation the page tables no longer have. */
	SIM_V_STALE_TRANSLATION,
	/** @SIM_V_FREED_MEMORY: Access to a page that is free. */
	SIM_V_FREED_MEMORY,
	/** @SIM_V_FW_PROTOCOL: Firmware interface used against its rules. */
	SIM_V_FW_PROTOCOL,
	/** @SIM_V_HEAP: Tiler heap chunks used against their rules. */
	SIM_V_HEAP,
	/** @SIM_V_INTERNAL: The model is in a state it excludes: a defect of its own. */
	SIM_V_INTERNAL,
	/** @SIM_V_KINDS: Number of kinds. */
	SIM_V_KINDS
};

/** struct sim_violations - Violations of one GPU. Under the GPU's lock. */
struct sim_violations {
	/** @count: How many, per kind. */
	u64 count[SIM_V_KINDS];
	/** @logged: Log lines so far; they end after a while, counting does not. */
	unsigned int logged;
	/** @quiet: Only count: a test that provokes them. */
	bool quiet;
	/** @expected: Mask of kinds that a test counts by itself. */
	u32 expected;
	/** @expected_count: How many of those there were. */
	u64 expected_count;
	/** @last: Text of the last one. */
	char last[160];
};

/*
 * Context: Any; with or without the GPU's lock is the difference of the two.
 */
__printf(3, 4)
void sim_violation(struct sim_gpu *gpu, enum sim_violation_kind kind, const char *fmt, ...);
__printf(3, 4)
void sim_violation_locked(struct sim_gpu *gpu, enum sim_violation_kind kind, const char *fmt, ...);

u64 sim_violation_total(struct sim_gpu *gpu);
const char *sim_violation_name(enum sim_violation_kind kind);

#endif
