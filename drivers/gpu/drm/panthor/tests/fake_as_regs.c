// SPDX-License-Identifier: GPL-2.0-only
/* Registers of the MMU: what reads, writes and commands do. */

#include <linux/bits.h>
#include <linux/cleanup.h>
#include <linux/io.h>
#include <linux/log2.h>

#include "../panthor_device.h"

#include "fake_as_priv.h"

#define FAKE_REG(off)		((off) & (BIT(MMU_AS_SHIFT) - 1))

/* Fields of LOCKADDR: base, and log2 of the size, less one. */
#define FAKE_LOCK_WIDTH		GENMASK_ULL(5, 0)
#define FAKE_LOCK_BASE		GENMASK_ULL(63, 12)

/* Page tables: 4 KiB granule, four levels. */
#define FAKE_PTE_VALID		BIT_ULL(0)
#define FAKE_PTE_TABLE		BIT_ULL(1)
#define FAKE_PTE_ADDR		GENMASK_ULL(47, 12)

struct fake_as panthor_fake_as_state = {
	.lock = __RAW_SPIN_LOCK_UNLOCKED(panthor_fake_as_state.lock),
};

static struct fake_as *const fake = &panthor_fake_as_state;

static void fake_violation(enum panthor_fake_as_violation kind, unsigned long offset)
{
	fake->violations[kind]++;
	fake->last_offset = offset;
}

/**
 * panthor_fake_as_walk_locked() - Walk page tables
 * @transtab: TRANSTAB.
 * @va: GPU address.
 *
 * Context: Any, while nobody changes the page tables.
 *
 * Return: Physical address, 0 if there is none.
 */
u64 panthor_fake_as_walk_locked(u64 transtab, u64 va)
{
	u64 table = transtab & FAKE_PTE_ADDR;

	if (!table)
		return 0;

	for (unsigned int level = 0; level < 4; level++) {
		unsigned int shift = 39 - 9 * level;
		const u64 *entry = (const u64 *)phys_to_virt(table) +
				   ((va >> shift) & GENMASK(8, 0));
		u64 pte = READ_ONCE(*entry);

		if (!(pte & FAKE_PTE_VALID))
			return 0;

		table = pte & FAKE_PTE_ADDR;
		if (level == 3 || !(pte & FAKE_PTE_TABLE))
			return table + (va & (BIT_ULL(shift) - 1));
	}

	return 0;
}

static void fake_event(unsigned int as, u32 what, bool failed)
{
	const struct fake_as_slot *slot = &fake->slots[fake->probe.as];
	struct fake_as_event *event = &fake->events[fake->nr_events];

	/* A story that was cut is no story that any case expects. */
	if (fake->nr_events == PANTHOR_FAKE_AS_EVENTS)
		return;

	fake->nr_events++;
	*event = (struct fake_as_event){
		.stamp = panthor_seam_stamp(),
		.what = what,
		.as = as,
		.failed = failed,
	};
	if (fake->probe.set)
		event->mapped = panthor_fake_as_walk_locked(slot->live.transtab, fake->probe.va);
}

static void fake_lock_region(struct fake_as_slot *slot, unsigned long offset)
{
	u64 width = slot->lockaddr & FAKE_LOCK_WIDTH;
	u64 start, size;

	if (width + 1 < ilog2(AS_LOCK_REGION_MIN_SIZE) || width + 1 > 48 ||
	    slot->lockaddr & ~(FAKE_LOCK_WIDTH | FAKE_LOCK_BASE)) {
		fake_violation(FAKE_AS_BAD_LOCKADDR, offset);
		return;
	}

	/* The hardware does not look at the bits below the size. */
	start = slot->lockaddr & GENMASK_ULL(63, width + 1);
	size = BIT_ULL(width + 1);
	if (slot->lock_size &&
	    (start > slot->lock_start ||
	     start + size < slot->lock_start + slot->lock_size))
		fake_violation(FAKE_AS_RELOCK, offset);

	slot->lock_start = start;
	slot->lock_size = size;
	slot->unflushed = true;
}

static void fake_complete(struct fake_as_slot *slot, u32 cmd, unsigned long offset)
{
	switch (cmd) {
	case AS_COMMAND_UPDATE:
		slot->live = slot->staged;
		break;
	case AS_COMMAND_LOCK:
		fake_lock_region(slot, offset);
		break;
	case AS_COMMAND_UNLOCK:
		if (!slot->lock_size)
			fake_violation(FAKE_AS_UNLOCK, offset);
		else if (slot->unflushed)
			fake_violation(FAKE_AS_UNFLUSHED, offset);
		slot->lock_start = 0;
		slot->lock_size = 0;
		slot->unflushed = false;
		break;
	case AS_COMMAND_FLUSH_PT:
	case AS_COMMAND_FLUSH_MEM:
		if (!slot->lock_size)
			fake_violation(FAKE_AS_FLUSH, offset);
		slot->unflushed = false;
		break;
	}
}

static void fake_command(unsigned int as, u32 cmd, unsigned long offset)
{
	struct fake_as_slot *slot = &fake->slots[as];
	enum panthor_fake_as_mode mode = FAKE_AS_INSTANT;
	struct fake_as_arm *arm;

	if (cmd >= FAKE_COMMANDS) {
		fake_violation(FAKE_AS_BAD_COMMAND, offset);
		return;
	}

	slot->commands[cmd]++;
	if (slot->active) {
		fake_violation(FAKE_AS_BUSY, offset);
		return;
	}

	arm = &fake->arms[cmd];
	if (arm->nth && !--arm->nth)
		mode = arm->mode;

	fake_event(as, cmd, mode == FAKE_AS_STUCK);
	switch (mode) {
	case FAKE_AS_INSTANT:
		fake_complete(slot, cmd, offset);
		break;
	case FAKE_AS_DELAYED:
		slot->active = cmd;
		slot->reads = arm->reads;
		break;
	case FAKE_AS_STUCK:
		slot->active = cmd;
		slot->reads = 0;
		break;
	case FAKE_AS_DROPPED:
		break;
	}
}

static u32 fake_status(struct fake_as_slot *slot, unsigned long offset)
{
	u32 cmd = slot->active;

	if (!cmd)
		return 0;

	if (slot->reads && !--slot->reads) {
		slot->active = AS_COMMAND_NOP;
		fake_complete(slot, cmd, offset);
	}

	return AS_STATUS_AS_ACTIVE;
}

/* Says which AS an offset belongs to, or that there is none. */
static bool fake_decode(unsigned long offset, unsigned int *as)
{
	if (offset & 3 || offset < MMU_AS_BASE ||
	    offset >= MMU_AS_BASE + MMU_AS(PANTHOR_FAKE_AS_SLOTS)) {
		fake_violation(FAKE_AS_UNKNOWN, offset);
		return false;
	}

	*as = (offset - MMU_AS_BASE) >> MMU_AS_SHIFT;
	if (fake->ptdev->gpu_info.as_present & BIT(*as))
		return true;

	fake_violation(FAKE_AS_ABSENT, offset);
	return false;
}

static u32 fake_half(u64 value, unsigned long offset)
{
	return offset & 4 ? upper_32_bits(value) : lower_32_bits(value);
}

static void fake_set_half(u64 *reg, unsigned long offset, u32 value)
{
	if (offset & 4)
		*reg = (*reg & GENMASK_ULL(31, 0)) | (u64)value << 32;
	else
		*reg = (*reg & GENMASK_ULL(63, 32)) | value;
}

static u32 fake_read(const void __iomem *addr)
{
	unsigned long offset = addr - (const void __iomem *)fake->base;
	struct fake_as_slot *slot;
	unsigned int as;

	guard(raw_spinlock_irqsave)(&fake->lock);

	switch (offset) {
	case MMU_INT_BASE + INT_RAWSTAT:
		return fake->irq_raw;
	case MMU_INT_BASE + INT_CLEAR:
		return 0;
	case MMU_INT_BASE + INT_MASK:
		return fake->irq_mask;
	case MMU_INT_BASE + INT_STAT:
		return fake->irq_raw & fake->irq_mask;
	}

	if (!fake_decode(offset, &as))
		return 0;

	slot = &fake->slots[as];
	switch (FAKE_REG(offset) & ~4) {
	case AS_TRANSTAB(0):
		return fake_half(slot->staged.transtab, offset);
	case AS_MEMATTR(0):
		return fake_half(slot->staged.memattr, offset);
	case AS_LOCKADDR(0):
		return fake_half(slot->lockaddr, offset);
	case AS_COMMAND(0):
		return offset & 4 ? slot->faultstatus : 0;
	case AS_FAULTADDRESS(0):
		return fake_half(slot->faultaddress, offset);
	case AS_TRANSCFG(0):
		return fake_half(slot->staged.transcfg, offset);
	case AS_FAULTEXTRA(0):
		return 0;
	case AS_STATUS(0):
		if (!(offset & 4))
			return fake_status(slot, offset);
		break;
	}

	fake_violation(FAKE_AS_UNKNOWN, offset);
	return 0;
}

static void fake_write(u32 value, void __iomem *addr)
{
	unsigned long offset = addr - fake->base;
	struct fake_as_slot *slot;
	unsigned int as;

	guard(raw_spinlock_irqsave)(&fake->lock);

	switch (offset) {
	case MMU_INT_BASE + INT_CLEAR:
		fake->irq_raw &= ~value;
		return;
	case MMU_INT_BASE + INT_MASK:
		fake->irq_mask = value;
		return;
	case MMU_INT_BASE + INT_RAWSTAT:
	case MMU_INT_BASE + INT_STAT:
		fake_violation(FAKE_AS_READ_ONLY, offset);
		return;
	}

	if (!fake_decode(offset, &as))
		return;

	slot = &fake->slots[as];
	switch (FAKE_REG(offset)) {
	case AS_TRANSTAB(0):
	case AS_TRANSTAB(0) + 4:
		fake_set_half(&slot->staged.transtab, offset, value);
		break;
	case AS_MEMATTR(0):
	case AS_MEMATTR(0) + 4:
		fake_set_half(&slot->staged.memattr, offset, value);
		break;
	case AS_LOCKADDR(0):
	case AS_LOCKADDR(0) + 4:
		fake_set_half(&slot->lockaddr, offset, value);
		break;
	case AS_TRANSCFG(0):
	case AS_TRANSCFG(0) + 4:
		fake_set_half(&slot->staged.transcfg, offset, value);
		break;
	case AS_COMMAND(0):
		fake_command(as, value, offset);
		break;
	case AS_FAULTSTATUS(0):
	case AS_FAULTADDRESS(0):
	case AS_FAULTADDRESS(0) + 4:
	case AS_STATUS(0):
	case AS_FAULTEXTRA(0):
	case AS_FAULTEXTRA(0) + 4:
		fake_violation(FAKE_AS_READ_ONLY, offset);
		break;
	default:
		fake_violation(FAKE_AS_UNKNOWN, offset);
	}
}

static void fake_flush(int err)
{
	guard(raw_spinlock_irqsave)(&fake->lock);

	fake_event(0, FAKE_FLUSH_CACHES, err);
	if (err)
		return;

	for (unsigned int as = 0; as < PANTHOR_FAKE_AS_SLOTS; as++)
		fake->slots[as].unflushed = false;
}

const struct panthor_seam_mmio panthor_fake_as_mmio = {
	.read = fake_read,
	.write = fake_write,
	.flush = fake_flush,
};
