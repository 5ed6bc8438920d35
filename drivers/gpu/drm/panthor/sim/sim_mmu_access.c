// SPDX-License-Identifier: GPL-2.0-only
/* Accesses of the GPU to memory: translation, checks, faults. */

#include <linux/bits.h>
#include <linux/errno.h>
#include <linux/minmax.h>
#include <linux/printk.h>
#include <linux/sizes.h>
#include <linux/stdarg.h>

#include "../panthor_mmu_regs.h"

#include "sim_cache.h"
#include "sim_mmu.h"
#include "sim_mmu_priv.h"

/* What a Mali-G610 was seen to report; what it means is not public. */
#define FAULT_SOURCE		(0x2440u << 16)

/**
 * struct access - An access to memory of one page
 * @as: Address space.
 * @nr: Its number.
 * @va: GPU address.
 * @how: What is done.
 * @who: Who does it.
 */
struct access {
	struct sim_as *as;
	unsigned int nr;
	u64 va;
	enum sim_access how;
	const char *who;
};

static const char *const access_names[] = {
	[SIM_READ] = "read",
	[SIM_WRITE] = "write",
	[SIM_EXEC] = "exec",
	[SIM_ATOMIC] = "atomic",
};

static const u32 access_codes[] = {
	[SIM_READ] = AS_FAULTSTATUS_ACCESS_TYPE_READ,
	[SIM_WRITE] = AS_FAULTSTATUS_ACCESS_TYPE_WRITE,
	[SIM_EXEC] = AS_FAULTSTATUS_ACCESS_TYPE_EX,
	[SIM_ATOMIC] = AS_FAULTSTATUS_ACCESS_TYPE_ATOMIC,
};

static __printf(5, 6)
void violated(struct sim_mmu *mmu, const struct access *a, enum sim_mmu_violation kind,
	      u64 pa, const char *fmt, ...)
{
	struct va_format vaf = { .fmt = fmt };
	va_list args;

	va_start(args, fmt);
	vaf.va = &args;
	sim_mmu_violated(mmu, kind, "AS%u VA %#llx PA %#llx %s by %s: %pV", a->nr, a->va, pa,
			 access_names[a->how], a->who, &vaf);
	va_end(args);
}

static int fault(struct sim_mmu *mmu, const struct access *a, u8 type)
{
	sim_mmu_fault(mmu, a->nr, a->va, a->how, type);
	return -EFAULT;
}

/* Says that an entry is not what the page tables say, and why it is there. */
static void stale(struct sim_mmu *mmu, const struct access *a, enum sim_mmu_violation kind,
		  const struct sim_tlb_entry *entry, u64 pa, const char *what, u64 arg)
{
	const struct sim_as *as = a->as;

	if (entry->unflushed)
		violated(mmu, a, kind, pa,
			 "cached, %s %#llx; no flush between LOCK and UNLOCK", what, arg);
	else if (as->ever_locked)
		violated(mmu, a, kind, pa,
			 "cached, %s %#llx; no LOCK, flush, UNLOCK of it since (last %#llx-%#llx)",
			 what, arg, as->lock_first, as->lock_last);
	else
		violated(mmu, a, kind, pa,
			 "cached, %s %#llx; no LOCK, flush, UNLOCK of it since", what, arg);
}

/* Says that a page table is gone. Returns false if it is not. */
static bool dead_table(struct sim_mmu *mmu, const struct access *a, const struct sim_walk *walk)
{
	if (walk->dead)
		violated(mmu, a, SIM_MMU_DEAD_TABLE, walk->table,
			 "page table of level %u is free memory", walk->level);

	return walk->dead;
}

/* Says what is wrong with the page behind an address that the tables map. */
static bool page_lives(struct sim_mmu *mmu, const struct access *a, u64 pa,
		       struct sim_page_owner *owner)
{
	switch (sim_mem_life(pa, owner)) {
	case SIM_PAGE_LIVE:
		return true;
	case SIM_PAGE_SLAB:
		violated(mmu, a, SIM_MMU_FREED, pa, "the page was freed, and now is slab memory");
		break;
	case SIM_PAGE_FREE:
		violated(mmu, a, SIM_MMU_FREED, pa, "the page is free, but in the page tables");
		break;
	case SIM_PAGE_HOLE:
		violated(mmu, a, SIM_MMU_NO_MEMORY, pa, "the page tables lead where no memory is");
		break;
	}

	return false;
}

/*
 * Compares the owner of a page with that at the last look. Pages of a huge
 * folio follow each other in the object, so one of them tells of all; of other
 * blocks only the page that was looked at last is known.
 */
static bool same_owner(const struct sim_tlb_entry *entry, u64 va,
		       const struct sim_page_owner *owner)
{
	u64 page = va & ~(u64)(SZ_4K - 1);
	unsigned long want = entry->owner.index;

	if (page != entry->owner_va) {
		if (!entry->owner.huge)
			return true;
		want += (page >> PAGE_SHIFT) - (entry->owner_va >> PAGE_SHIFT);
	}

	return owner->mapping == entry->owner.mapping &&
	       (!owner->mapping || owner->index == want);
}

static void set_owner(struct sim_tlb_entry *entry, u64 va, const struct sim_page_owner *owner)
{
	if (entry->owner.huge)
		return;

	entry->owner = *owner;
	entry->owner_va = va & ~(u64)(SZ_4K - 1);
}

/*
 * Compares a cached translation with the page tables. Returns -ESTALE if they
 * are to be asked anew.
 */
static int check_tables(struct sim_mmu *mmu, const struct access *a,
			struct sim_tlb_entry *entry, u64 pa)
{
	struct sim_walk walk;
	bool mapped;

	mmu->stats.walks++;
	mapped = sim_walk(&a->as->walk, a->va, &walk);
	if (dead_table(mmu, a, &walk)) {
		sim_tlb_drop(&a->as->tlb, entry);
		return fault(mmu, a, walk.fault);
	}

	if (!mapped)
		stale(mmu, a, SIM_MMU_UNMAPPED, entry, pa,
		      "no longer in the page tables, which fault with", walk.fault);
	else if (walk.pa != pa)
		stale(mmu, a, SIM_MMU_STALE, entry, pa, "but the page tables lead to", walk.pa);
	else if (walk.read_only != entry->read_only || walk.no_exec != entry->no_exec ||
		 walk.attr != entry->attr)
		stale(mmu, a, SIM_MMU_STALE, entry, pa,
		      "with other attributes than in the page tables, of level", walk.level);
	else
		return 0;

	sim_tlb_drop(&a->as->tlb, entry);
	return -ESTALE;
}

/* Compares the page behind a cached translation with the one it was made for. */
static int check_page(struct sim_mmu *mmu, const struct access *a,
		      struct sim_tlb_entry *entry, u64 pa)
{
	u8 type = SIM_FAULT_TRANSLATION + entry->level;
	struct sim_page_owner owner;

	if (page_lives(mmu, a, pa, &owner)) {
		if (same_owner(entry, a->va, &owner)) {
			set_owner(entry, a->va, &owner);
			return 0;
		}
		violated(mmu, a, SIM_MMU_REUSED, pa,
			 "the page is another object's, but in the page tables");
	}

	sim_tlb_drop(&a->as->tlb, entry);
	return fault(mmu, a, type);
}

/*
 * Checks a cached translation. The page tables may be asked only now and then,
 * but memory that is not ours is never touched. Errors as check_tables().
 */
static int check(struct sim_mmu *mmu, const struct access *a, struct sim_tlb_entry *entry,
		 bool tables)
{
	u64 pa = entry->pa + (a->va - entry->va);
	int ret = tables ? check_tables(mmu, a, entry, pa) : 0;

	return ret ?: check_page(mmu, a, entry, pa);
}

static int fill(struct sim_mmu *mmu, const struct access *a, struct sim_tlb_entry **entry)
{
	struct sim_page_owner owner;
	struct sim_walk walk;
	bool replaced;

	mmu->stats.misses++;
	mmu->stats.walks++;
	if (!sim_walk(&a->as->walk, a->va, &walk)) {
		dead_table(mmu, a, &walk);
		return fault(mmu, a, walk.fault);
	}
	if (!page_lives(mmu, a, walk.pa, &owner))
		return fault(mmu, a, SIM_FAULT_TRANSLATION + walk.level);

	*entry = sim_tlb_insert(&a->as->tlb, a->va, &walk, &replaced);
	set_owner(*entry, a->va, &owner);
	mmu->stats.evictions += replaced;

	return 0;
}

/* Finds where an access goes. Errors as sim_mmu_copy(). */
static int translate(struct sim_mmu *mmu, const struct access *a, u64 *pa)
{
	struct sim_as *as = a->as;
	struct sim_tlb_entry *entry;
	int ret;

	/* A region has no parts of pages, so the first byte tells of all. */
	if (as->active || (as->locked && a->va >= as->lock_first && a->va <= as->lock_last)) {
		mmu->stats.stalls++;
		return -EAGAIN;
	}
	if (!as->translates)
		return -ENXIO;

	entry = sim_tlb_lookup(&as->tlb, a->va);
	if (entry) {
		bool tables = ++as->uses >= mmu->config.check_every;

		mmu->stats.hits++;
		if (tables)
			as->uses = 0;
		ret = check(mmu, a, entry, tables);
		/* A page may be cached by itself and as part of a block. */
		while (ret == -ESTALE) {
			entry = sim_tlb_lookup(&as->tlb, a->va);
			if (!entry)
				break;
			ret = check(mmu, a, entry, true);
		}
		if (ret && ret != -ESTALE)
			return ret;
	}
	if (!entry) {
		ret = fill(mmu, a, &entry);
		if (ret)
			return ret;
	}

	if ((entry->read_only && (a->how == SIM_WRITE || a->how == SIM_ATOMIC)) ||
	    (entry->no_exec && a->how == SIM_EXEC))
		return fault(mmu, a, SIM_FAULT_PERMISSION + entry->level);

	*pa = entry->pa + (a->va - entry->va);
	return 0;
}

/**
 * sim_mmu_translates() - Whether there is something behind an address space
 * @mmu: The MMU.
 * @as: Number of the address space.
 *
 * Context: Any, with the lock held.
 *
 * Return: False if an access would find nothing there, were it not to wait.
 */
bool sim_mmu_translates(const struct sim_mmu *mmu, unsigned int as)
{
	return as < SIM_MMU_AS_COUNT && (mmu->config.as_present & BIT(as)) &&
	       mmu->as[as].translates;
}

/**
 * sim_mmu_copy() - Access memory through an address space
 * @mmu: The MMU.
 * @as: Number of the address space.
 * @va: GPU address.
 * @buf: What is written, or where to put what is read.
 * @len: Number of bytes. Aligned words are not torn if @buf is aligned too.
 * @access: What is done.
 * @who: Who does it, for the text of a violation.
 *
 * Pages are accessed one after the other, so an access that does not succeed
 * may have been done in part; done again it begins anew.
 *
 * Context: Any, with the lock held.
 *
 * Return: 0; -EAGAIN if the access has to wait for UNLOCK or the end of a
 * command; -EFAULT if it faulted, whereupon the AS has a fault latched; -ENXIO
 * if there is nothing behind the AS.
 */
int sim_mmu_copy(struct sim_mmu *mmu, unsigned int as, u64 va, void *buf, size_t len,
		 enum sim_access access, const char *who)
{
	struct access a = { .nr = as, .va = va, .how = access, .who = who };

	sim_mmu_assert_held(mmu);

	if (as >= SIM_MMU_AS_COUNT || !(mmu->config.as_present & BIT(as)))
		return -ENXIO;

	a.as = &mmu->as[as];
	while (len) {
		size_t part = min_t(size_t, len, SZ_4K - (a.va & (SZ_4K - 1)));
		u64 pa;
		int ret;

		ret = translate(mmu, &a, &pa);
		if (ret)
			return ret;

		sim_cache_copy(mmu->config.cache, pa, buf, part, access);
		mmu->stats.bytes += part;
		a.va += part;
		buf += part;
		len -= part;
	}

	return 0;
}

/**
 * sim_mmu_fault() - Report a fault
 * @mmu: The MMU.
 * @as: Number of the address space.
 * @va: GPU address.
 * @access: What was done.
 * @type: Type of fault, as in FAULTSTATUS.
 *
 * As long as the driver has not cleared the interrupt of the last fault of an
 * AS, a further one is counted and otherwise lost.
 *
 * Context: Any, with the lock held.
 */
void sim_mmu_fault(struct sim_mmu *mmu, unsigned int as, u64 va, enum sim_access access,
		   u8 type)
{
	sim_mmu_assert_held(mmu);

	if (mmu->irq_raw & BIT(as)) {
		mmu->stats.shadowed++;
		return;
	}

	mmu->stats.faults++;
	mmu->as[as].faultstatus = type | access_codes[access] | FAULT_SOURCE;
	mmu->as[as].faultaddress = va;
	mmu->irq_raw |= BIT(as);
	sim_mmu_update_irq(mmu);
}
