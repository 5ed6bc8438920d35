/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef __PANTHOR_SIM_MMU_PRIV_H__
#define __PANTHOR_SIM_MMU_PRIV_H__

/* What the registers and the accesses of the MMU share. */

#include <linux/lockdep.h>
#include <linux/types.h>

#include "sim_mmu.h"
#include "sim_tlb.h"
#include "sim_walk.h"

#define SIM_MMU_TEXT	320

/**
 * struct sim_as_config - What UPDATE latches
 * @transtab: TRANSTAB.
 * @memattr: MEMATTR.
 * @transcfg: TRANSCFG.
 */
struct sim_as_config {
	u64 transtab;
	u64 memattr;
	u64 transcfg;
};

/**
 * struct sim_as - One address space
 * @staged: Configuration as written.
 * @latched: Configuration as of the last UPDATE command, active or done.
 * @walk: How it translates, as of the last UPDATE that is done.
 * @translates: It does; without, there is nothing behind it.
 * @lockaddr: LOCKADDR as written.
 * @locked: A region is locked.
 * @unflushed: There was no flush since.
 * @lock_first: First byte of the region that is or was locked last.
 * @lock_last: Its last byte.
 * @ever_locked: There was one.
 * @wanted_first: First byte of the region that an active LOCK will lock.
 * @wanted_last: Its last byte.
 * @active: Command that did not complete yet, or AS_COMMAND_NOP.
 * @due: When it completes, or %SIM_MMU_NEVER.
 * @faultstatus: FAULTSTATUS.
 * @faultaddress: FAULTADDRESS.
 * @uses: Uses of the TLB since the last check.
 * @tlb: Its translations.
 */
struct sim_as {
	struct sim_as_config staged;
	struct sim_as_config latched;
	struct sim_walk_config walk;
	bool translates;
	u64 lockaddr;
	bool locked;
	bool unflushed;
	u64 lock_first;
	u64 lock_last;
	bool ever_locked;
	u64 wanted_first;
	u64 wanted_last;
	u32 active;
	u64 due;
	u32 faultstatus;
	u64 faultaddress;
	unsigned int uses;
	struct sim_tlb tlb;
};

/**
 * struct sim_mmu - The MMU
 * @config: Variant.
 * @env: The rest of the GPU.
 * @as: The address spaces.
 * @irq_raw: INT_RAWSTAT.
 * @irq_mask: INT_MASK.
 * @stats: Counters.
 * @text: Where the text of a violation is made.
 */
struct sim_mmu {
	struct sim_mmu_config config;
	struct sim_mmu_env env;
	struct sim_as as[SIM_MMU_AS_COUNT];
	u32 irq_raw;
	u32 irq_mask;
	struct sim_mmu_stats stats;
	char text[SIM_MMU_TEXT];
};

static inline void sim_mmu_assert_held(const struct sim_mmu *mmu)
{
	lockdep_assert_held(mmu->env.lock);
}

static inline unsigned int sim_mmu_as_number(const struct sim_mmu *mmu, const struct sim_as *as)
{
	return as - mmu->as;
}

__printf(3, 4)
void sim_mmu_violated(struct sim_mmu *mmu, enum sim_mmu_violation kind, const char *fmt, ...);
void sim_mmu_update_irq(struct sim_mmu *mmu);
void sim_mmu_as_changed(struct sim_mmu *mmu, struct sim_as *as);
void sim_mmu_command(struct sim_mmu *mmu, struct sim_as *as, u32 cmd);

#endif
