// SPDX-License-Identifier: GPL-2.0-only
/* The MMU as a whole: its life, its reports, and the registers. */

#include <linux/bits.h>
#include <linux/kernel.h>
#include <linux/slab.h>
#include <linux/stdarg.h>
#include <linux/wordpart.h>

#include "../panthor_mmu_regs.h"

#include "sim_mmu.h"
#include "sim_mmu_priv.h"

/* Registers of an interrupt block. */
#define INT_RAWSTAT	0x0
#define INT_CLEAR	0x4
#define INT_MASK	0x8
#define INT_STAT	0xc

#define AS_REG(offset)	((offset) & (BIT(MMU_AS_SHIFT) - 1))

static const char *const violation_names[SIM_MMU_VIOLATIONS] = {
	[SIM_MMU_NO_REGISTER] = "no-register",
	[SIM_MMU_ABSENT] = "absent",
	[SIM_MMU_READ_ONLY] = "read-only",
	[SIM_MMU_BUSY] = "busy",
	[SIM_MMU_BAD_COMMAND] = "bad-command",
	[SIM_MMU_BAD_CONFIG] = "bad-config",
	[SIM_MMU_BAD_LOCKADDR] = "bad-lockaddr",
	[SIM_MMU_RELOCK] = "relock",
	[SIM_MMU_UPDATE_LOCKED] = "update-locked",
	[SIM_MMU_UNLOCK] = "unlock",
	[SIM_MMU_UNFLUSHED] = "unflushed",
	[SIM_MMU_FLUSH] = "flush",
	[SIM_MMU_STALE] = "stale",
	[SIM_MMU_UNMAPPED] = "unmapped",
	[SIM_MMU_FREED] = "freed",
	[SIM_MMU_REUSED] = "reused",
	[SIM_MMU_NO_MEMORY] = "no-memory",
	[SIM_MMU_DEAD_TABLE] = "dead-table",
};

/**
 * sim_mmu_violation_name() - Short name of a kind of violation
 * @kind: The kind.
 *
 * Context: Any.
 *
 * Return: The name.
 */
const char *sim_mmu_violation_name(enum sim_mmu_violation kind)
{
	return violation_names[kind];
}

/**
 * sim_mmu_stats() - Counters
 * @mmu: The MMU.
 *
 * Context: Any. They are consistent with the lock held.
 *
 * Return: The counters.
 */
const struct sim_mmu_stats *sim_mmu_stats(const struct sim_mmu *mmu)
{
	return &mmu->stats;
}

/**
 * sim_mmu_violated() - Report a violation
 * @mmu: The MMU.
 * @kind: Kind.
 * @fmt: Text.
 *
 * Context: Any, with the lock held.
 */
void sim_mmu_violated(struct sim_mmu *mmu, enum sim_mmu_violation kind, const char *fmt, ...)
{
	va_list args;

	mmu->stats.violations[kind]++;

	va_start(args, fmt);
	vscnprintf(mmu->text, sizeof(mmu->text), fmt, args);
	va_end(args);
	mmu->env.violation(mmu->env.priv, kind, mmu->text);
}

/**
 * sim_mmu_update_irq() - Tell what the interrupt line is
 * @mmu: The MMU.
 *
 * Context: Any, with the lock held.
 */
void sim_mmu_update_irq(struct sim_mmu *mmu)
{
	mmu->env.irq(mmu->env.priv, mmu->irq_raw & mmu->irq_mask);
}

/**
 * sim_mmu_as_changed() - Tell that accesses may have another outcome now
 * @mmu: The MMU.
 * @as: The address space.
 *
 * Context: Any, with the lock held.
 */
void sim_mmu_as_changed(struct sim_mmu *mmu, struct sim_as *as)
{
	if (mmu->env.as_changed)
		mmu->env.as_changed(mmu->env.priv, sim_mmu_as_number(mmu, as));
}

/* Finds the AS an offset belongs to; without one, that is a violation. */
static struct sim_as *as_of(struct sim_mmu *mmu, u32 offset, const char *how)
{
	unsigned int as;

	if (offset < MMU_AS_BASE || offset >= MMU_AS_BASE + MMU_AS(SIM_MMU_AS_COUNT) ||
	    offset % sizeof(u32)) {
		sim_mmu_violated(mmu, SIM_MMU_NO_REGISTER, "%s of %#x", how, offset);
		return NULL;
	}

	as = (offset - MMU_AS_BASE) >> MMU_AS_SHIFT;
	if (mmu->config.as_present & BIT(as))
		return &mmu->as[as];

	sim_mmu_violated(mmu, SIM_MMU_ABSENT, "%s of %#x, a register of AS%u", how, offset, as);
	return NULL;
}

static u32 half(u64 value, u32 offset)
{
	return offset & sizeof(u32) ? upper_32_bits(value) : lower_32_bits(value);
}

static void set_half(u64 *reg, u32 offset, u32 value)
{
	if (offset & sizeof(u32))
		*reg = lower_32_bits(*reg) | (u64)value << 32;
	else
		*reg = (*reg & GENMASK_ULL(63, 32)) | value;
}

static u32 read_status(struct sim_mmu *mmu, struct sim_as *as)
{
	/* Whoever polls need not wait for another thread to see the time. */
	if (as->active && as->due != SIM_MMU_NEVER && mmu->env.now_ns)
		sim_mmu_tick(mmu, mmu->env.now_ns(mmu->env.priv));

	return as->active ? AS_STATUS_AS_ACTIVE : 0;
}

/**
 * sim_mmu_read() - Read a register
 * @mmu: The MMU.
 * @offset: Its place among all of the GPU's registers.
 *
 * Context: Any, with the lock held.
 *
 * Return: The value, 0 if there is no register.
 */
u32 sim_mmu_read(struct sim_mmu *mmu, u32 offset)
{
	struct sim_as *as;

	sim_mmu_assert_held(mmu);

	switch (offset) {
	case MMU_INT_BASE + INT_RAWSTAT:
		return mmu->irq_raw;
	case MMU_INT_BASE + INT_CLEAR:
		return 0;
	case MMU_INT_BASE + INT_MASK:
		return mmu->irq_mask;
	case MMU_INT_BASE + INT_STAT:
		return mmu->irq_raw & mmu->irq_mask;
	}

	as = as_of(mmu, offset, "read");
	if (!as)
		return 0;

	switch (AS_REG(offset)) {
	case AS_TRANSTAB(0):
	case AS_TRANSTAB(0) + 4:
		return half(as->staged.transtab, offset);
	case AS_MEMATTR(0):
	case AS_MEMATTR(0) + 4:
		return half(as->staged.memattr, offset);
	case AS_LOCKADDR(0):
	case AS_LOCKADDR(0) + 4:
		return half(as->lockaddr, offset);
	case AS_COMMAND(0):
		return 0;
	case AS_FAULTSTATUS(0):
		return as->faultstatus;
	case AS_FAULTADDRESS(0):
	case AS_FAULTADDRESS(0) + 4:
		return half(as->faultaddress, offset);
	case AS_STATUS(0):
		return read_status(mmu, as);
	case AS_TRANSCFG(0):
	case AS_TRANSCFG(0) + 4:
		return half(as->staged.transcfg, offset);
	case AS_FAULTEXTRA(0):
	case AS_FAULTEXTRA(0) + 4:
		return 0;
	}

	sim_mmu_violated(mmu, SIM_MMU_NO_REGISTER, "read of %#x", offset);
	return 0;
}

static void clear_irq(struct sim_mmu *mmu, u32 bits)
{
	u32 faults = mmu->irq_raw & bits & GENMASK(SIM_MMU_AS_COUNT - 1, 0);

	mmu->irq_raw &= ~bits;
	sim_mmu_update_irq(mmu);

	for (unsigned int as = 0; as < SIM_MMU_AS_COUNT; as++)
		if (faults & BIT(as))
			sim_mmu_as_changed(mmu, &mmu->as[as]);
}

/**
 * sim_mmu_write() - Write a register
 * @mmu: The MMU.
 * @offset: Its place among all of the GPU's registers.
 * @value: The value.
 *
 * Context: Any, with the lock held.
 */
void sim_mmu_write(struct sim_mmu *mmu, u32 offset, u32 value)
{
	struct sim_as *as;

	sim_mmu_assert_held(mmu);

	switch (offset) {
	case MMU_INT_BASE + INT_CLEAR:
		clear_irq(mmu, value);
		return;
	case MMU_INT_BASE + INT_MASK:
		mmu->irq_mask = value;
		sim_mmu_update_irq(mmu);
		return;
	case MMU_INT_BASE + INT_RAWSTAT:
	case MMU_INT_BASE + INT_STAT:
		sim_mmu_violated(mmu, SIM_MMU_READ_ONLY, "write of %#x to %#x", value, offset);
		return;
	}

	as = as_of(mmu, offset, "write");
	if (!as)
		return;

	switch (AS_REG(offset)) {
	case AS_TRANSTAB(0):
	case AS_TRANSTAB(0) + 4:
		set_half(&as->staged.transtab, offset, value);
		break;
	case AS_MEMATTR(0):
	case AS_MEMATTR(0) + 4:
		set_half(&as->staged.memattr, offset, value);
		break;
	case AS_LOCKADDR(0):
	case AS_LOCKADDR(0) + 4:
		set_half(&as->lockaddr, offset, value);
		break;
	case AS_TRANSCFG(0):
	case AS_TRANSCFG(0) + 4:
		set_half(&as->staged.transcfg, offset, value);
		break;
	case AS_COMMAND(0):
		sim_mmu_command(mmu, as, value);
		break;
	case AS_FAULTSTATUS(0):
	case AS_FAULTADDRESS(0):
	case AS_FAULTADDRESS(0) + 4:
	case AS_STATUS(0):
	case AS_FAULTEXTRA(0):
	case AS_FAULTEXTRA(0) + 4:
		sim_mmu_violated(mmu, SIM_MMU_READ_ONLY, "write of %#x to %#x", value, offset);
		break;
	default:
		sim_mmu_violated(mmu, SIM_MMU_NO_REGISTER, "write of %#x to %#x", value, offset);
	}
}

/**
 * sim_mmu_reset() - What a reset of the GPU does to the MMU
 * @mmu: The MMU.
 *
 * Registers, locks, translations and pending interrupts go, also a command that
 * was stuck. The interrupt mask stays, for the driver does not write it anew.
 *
 * Context: Any, with the lock held.
 */
void sim_mmu_reset(struct sim_mmu *mmu)
{
	sim_mmu_assert_held(mmu);

	for (unsigned int i = 0; i < SIM_MMU_AS_COUNT; i++) {
		struct sim_as *as = &mmu->as[i];
		struct sim_tlb tlb = as->tlb;

		if (!tlb.entries)
			continue;
		mmu->stats.invalidations += sim_tlb_invalidate(&tlb, 0, U64_MAX);
		*as = (struct sim_as){ .tlb = tlb };
		sim_mmu_as_changed(mmu, as);
	}

	mmu->irq_raw = 0;
	sim_mmu_update_irq(mmu);
}

/**
 * sim_mmu_create() - Make an MMU
 * @config: Variant.
 * @env: The rest of the GPU.
 *
 * Context: Process context, may sleep.
 *
 * Return: The MMU in the state after a reset, or NULL.
 */
struct sim_mmu *sim_mmu_create(const struct sim_mmu_config *config,
			       const struct sim_mmu_env *env)
{
	struct sim_mmu *mmu = kzalloc(sizeof(*mmu), GFP_KERNEL);

	if (!mmu)
		return NULL;

	mmu->config = *config;
	mmu->env = *env;
	for (unsigned int as = 0; as < SIM_MMU_AS_COUNT; as++) {
		if (!(config->as_present & BIT(as)))
			continue;
		if (sim_tlb_init(&mmu->as[as].tlb, config->tlb_entries)) {
			sim_mmu_destroy(mmu);
			return NULL;
		}
	}

	return mmu;
}

/**
 * sim_mmu_destroy() - Free an MMU
 * @mmu: The MMU, of which nobody else knows any more.
 *
 * Context: Process context, may sleep.
 */
void sim_mmu_destroy(struct sim_mmu *mmu)
{
	for (unsigned int as = 0; as < SIM_MMU_AS_COUNT; as++)
		sim_tlb_destroy(&mmu->as[as].tlb);
	kfree(mmu);
}
