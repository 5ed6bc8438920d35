// SPDX-License-Identifier: GPL-2.0-only
/* Commands to an address space: what they do, and when. */

#include <linux/bitfield.h>
#include <linux/bits.h>
#include <linux/kernel.h>
#include <linux/log2.h>

#include "../panthor_mmu_regs.h"

#include "sim_mmu.h"
#include "sim_mmu_priv.h"

/* Fields of LOCKADDR: base, and log2 of the size, less one. */
#define LOCKADDR_WIDTH		GENMASK_ULL(5, 0)
#define LOCKADDR_STRAY		GENMASK_ULL(11, 6)

/* Fields of TRANSCFG. */
#define TRANSCFG_MODE		GENMASK_ULL(3, 0)
#define TRANSCFG_INA		GENMASK_ULL(10, 6)
#define TRANSCFG_INA_BASE	55

#define TRANSTAB_ADDR		GENMASK_ULL(47, 12)

/* Bits of the interrupt: faults below, then completed commands. */
#define IRQ_COMPLETED(as)	BIT(SIM_MMU_AS_COUNT + (as))

static const char *const names[SIM_MMU_COMMANDS] = {
	[AS_COMMAND_NOP] = "NOP",
	[AS_COMMAND_UPDATE] = "UPDATE",
	[AS_COMMAND_LOCK] = "LOCK",
	[AS_COMMAND_UNLOCK] = "UNLOCK",
	[AS_COMMAND_FLUSH_PT] = "FLUSH_PT",
	[AS_COMMAND_FLUSH_MEM] = "FLUSH_MEM",
};

static void invalidate(struct sim_mmu *mmu, struct sim_as *as, u64 first, u64 last)
{
	mmu->stats.invalidations += sim_tlb_invalidate(&as->tlb, first, last);
}

static bool config_valid(const struct sim_mmu *mmu, const struct sim_as_config *config)
{
	unsigned int va_bits = TRANSCFG_INA_BASE - FIELD_GET(TRANSCFG_INA, config->transcfg);

	switch (FIELD_GET(TRANSCFG_MODE, config->transcfg)) {
	case AS_TRANSCFG_ADRMODE_UNMAPPED:
		return true;
	case AS_TRANSCFG_ADRMODE_AARCH64_4K:
		return va_bits >= 25 && va_bits <= mmu->config.va_bits &&
		       config->transtab && !(config->transtab & ~TRANSTAB_ADDR);
	default:
		return false;
	}
}

static void update(struct sim_mmu *mmu, struct sim_as *as)
{
	const struct sim_as_config *config = &as->latched;

	as->translates = config_valid(mmu, config) &&
			 FIELD_GET(TRANSCFG_MODE, config->transcfg) ==
			 AS_TRANSCFG_ADRMODE_AARCH64_4K;
	as->walk = (struct sim_walk_config){
		.root = config->transtab,
		.memattr = config->memattr,
		.va_bits = TRANSCFG_INA_BASE - FIELD_GET(TRANSCFG_INA, config->transcfg),
		.pa_bits = mmu->config.pa_bits,
		.ignore_af = config->transcfg & AS_TRANSCFG_DISABLE_AF_FAULT,
	};
	invalidate(mmu, as, 0, U64_MAX);
}

static void unlock(struct sim_mmu *mmu, struct sim_as *as)
{
	if (!as->locked)
		return;

	if (as->unflushed)
		sim_tlb_keep_unflushed(&as->tlb, as->lock_first, as->lock_last);
	else
		invalidate(mmu, as, as->lock_first, as->lock_last);
	as->locked = false;
	as->unflushed = false;
}

static void complete(struct sim_mmu *mmu, struct sim_as *as)
{
	unsigned int nr = sim_mmu_as_number(mmu, as);
	u32 cmd = as->active;

	as->active = AS_COMMAND_NOP;
	switch (cmd) {
	case AS_COMMAND_UPDATE:
		update(mmu, as);
		break;
	case AS_COMMAND_LOCK:
		if (as->wanted_last) {
			as->lock_first = as->wanted_first;
			as->lock_last = as->wanted_last;
			as->locked = true;
			as->unflushed = true;
			as->ever_locked = true;
		}
		break;
	case AS_COMMAND_UNLOCK:
		unlock(mmu, as);
		break;
	case AS_COMMAND_FLUSH_PT:
	case AS_COMMAND_FLUSH_MEM:
		if (as->locked)
			invalidate(mmu, as, as->lock_first, as->lock_last);
		as->unflushed = false;
		break;
	}

	mmu->irq_raw |= IRQ_COMPLETED(nr);
	sim_mmu_update_irq(mmu);
	sim_mmu_as_changed(mmu, as);
}

/* Decodes LOCKADDR. The hardware does not look at base bits below the size. */
static void want_region(struct sim_mmu *mmu, struct sim_as *as)
{
	unsigned int nr = sim_mmu_as_number(mmu, as);
	unsigned int bits = FIELD_GET(LOCKADDR_WIDTH, as->lockaddr) + 1;

	as->wanted_last = 0;
	if (bits < ilog2(AS_LOCK_REGION_MIN_SIZE) || bits > mmu->config.va_bits ||
	    as->lockaddr & LOCKADDR_STRAY || as->lockaddr >> mmu->config.va_bits) {
		sim_mmu_violated(mmu, SIM_MMU_BAD_LOCKADDR, "AS%u LOCK with LOCKADDR %#llx",
				 nr, as->lockaddr);
		return;
	}

	as->wanted_first = as->lockaddr & ~(BIT_ULL(bits) - 1);
	as->wanted_last = as->wanted_first + BIT_ULL(bits) - 1;
	if (as->locked &&
	    (as->wanted_first > as->lock_first || as->wanted_last < as->lock_last))
		sim_mmu_violated(mmu, SIM_MMU_RELOCK,
				 "AS%u LOCK of %#llx-%#llx, but %#llx-%#llx is locked", nr,
				 as->wanted_first, as->wanted_last, as->lock_first, as->lock_last);
}

static bool switched_off(const struct sim_as *as)
{
	return FIELD_GET(TRANSCFG_MODE, as->latched.transcfg) ==
	       AS_TRANSCFG_ADRMODE_UNMAPPED;
}

/* Judges a command when it is written; that is what the driver can decide. */
static void judge(struct sim_mmu *mmu, struct sim_as *as, u32 cmd)
{
	unsigned int nr = sim_mmu_as_number(mmu, as);

	switch (cmd) {
	case AS_COMMAND_UPDATE:
		as->latched = as->staged;
		if (!config_valid(mmu, &as->latched))
			sim_mmu_violated(mmu, SIM_MMU_BAD_CONFIG,
					 "AS%u UPDATE with TRANSTAB %#llx, TRANSCFG %#llx",
					 nr, as->latched.transtab, as->latched.transcfg);
		if (as->locked)
			sim_mmu_violated(mmu, SIM_MMU_UPDATE_LOCKED,
					 "AS%u UPDATE while %#llx-%#llx is locked",
					 nr, as->lock_first, as->lock_last);
		break;
	case AS_COMMAND_LOCK:
		want_region(mmu, as);
		break;
	case AS_COMMAND_UNLOCK:
		/* Who locked it may meet the one who switched it off because of a fault. */
		if (!as->locked && !switched_off(as))
			sim_mmu_violated(mmu, SIM_MMU_UNLOCK, "AS%u UNLOCK without LOCK", nr);
		else if (as->locked && as->unflushed)
			sim_mmu_violated(mmu, SIM_MMU_UNFLUSHED,
					 "AS%u UNLOCK of %#llx-%#llx without a flush since LOCK",
					 nr, as->lock_first, as->lock_last);
		break;
	case AS_COMMAND_FLUSH_PT:
	case AS_COMMAND_FLUSH_MEM:
		if (!as->locked)
			sim_mmu_violated(mmu, SIM_MMU_FLUSH, "AS%u %s without LOCK", nr,
					 names[cmd]);
		break;
	}
}

/**
 * sim_mmu_command() - A command was written
 * @mmu: The MMU.
 * @as: The address space.
 * @cmd: The command.
 *
 * Context: Any, with the lock held.
 */
void sim_mmu_command(struct sim_mmu *mmu, struct sim_as *as, u32 cmd)
{
	unsigned int nr = sim_mmu_as_number(mmu, as);
	u64 delay;

	if (cmd >= SIM_MMU_COMMANDS) {
		sim_mmu_violated(mmu, SIM_MMU_BAD_COMMAND, "AS%u command %#x", nr, cmd);
		return;
	}

	mmu->stats.commands[cmd]++;
	if (as->active) {
		sim_mmu_violated(mmu, SIM_MMU_BUSY, "AS%u %s while %s is active", nr, names[cmd],
				 names[as->active]);
		return;
	}
	if (cmd == AS_COMMAND_NOP)
		return;

	judge(mmu, as, cmd);
	as->active = cmd;
	delay = mmu->env.delay_ns ? mmu->env.delay_ns(mmu->env.priv, nr, cmd) : 0;
	if (!delay) {
		complete(mmu, as);
		return;
	}
	as->due = delay == SIM_MMU_NEVER ? SIM_MMU_NEVER :
		  mmu->env.now_ns(mmu->env.priv) + delay;
}

/**
 * sim_mmu_tick() - Complete the commands whose time has come
 * @mmu: The MMU.
 * @now: The time.
 *
 * Context: Any, with the lock held.
 *
 * Return: When the next one will be due, %SIM_MMU_NEVER if there is none.
 */
u64 sim_mmu_tick(struct sim_mmu *mmu, u64 now)
{
	u64 next = SIM_MMU_NEVER;

	sim_mmu_assert_held(mmu);

	for (unsigned int i = 0; i < SIM_MMU_AS_COUNT; i++) {
		struct sim_as *as = &mmu->as[i];

		if (!as->active)
			continue;
		if (as->due <= now && as->due != SIM_MMU_NEVER)
			complete(mmu, as);
		else
			next = min(next, as->due);
	}

	return next;
}

/**
 * sim_mmu_step() - Complete a command by hand
 * @mmu: The MMU.
 * @as: Number of the address space.
 *
 * Context: Any, with the lock held.
 *
 * Return: true if there was one.
 */
bool sim_mmu_step(struct sim_mmu *mmu, unsigned int as)
{
	sim_mmu_assert_held(mmu);

	if (as >= SIM_MMU_AS_COUNT || !mmu->as[as].active)
		return false;

	complete(mmu, &mmu->as[as]);
	return true;
}

/**
 * sim_mmu_flush_done() - A flush of the GPU's caches has completed
 * @mmu: The MMU.
 *
 * Context: Any, with the lock held.
 */
void sim_mmu_flush_done(struct sim_mmu *mmu)
{
	sim_mmu_assert_held(mmu);

	mmu->stats.flushes++;
	for (unsigned int as = 0; as < SIM_MMU_AS_COUNT; as++)
		mmu->as[as].unflushed = false;
}
