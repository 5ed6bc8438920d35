// SPDX-License-Identifier: GPL-2.0-only
/*
 * Set-associative TLB of one address space. It knows nothing of commands: what
 * invalidates is the business of its user.
 *
 * A block has one entry, so that one access makes all of it cached; blocks
 * larger than 2 MiB have one for each 2 MiB.
 */

#include <linux/bits.h>
#include <linux/log2.h>
#include <linux/minmax.h>
#include <linux/slab.h>

#include "sim_tlb.h"

#define PAGE_BITS	12
#define BLOCK_BITS	21

/**
 * sim_tlb_init() - Make an empty TLB
 * @tlb: The TLB.
 * @capacity: Number of entries, rounded up to a power of two.
 *
 * Context: Process context, may sleep.
 *
 * Return: 0, or -ENOMEM.
 */
int sim_tlb_init(struct sim_tlb *tlb, unsigned int capacity)
{
	capacity = roundup_pow_of_two(max(capacity, SIM_TLB_WAYS));

	*tlb = (struct sim_tlb){ .sets = capacity / SIM_TLB_WAYS };
	tlb->entries = kvcalloc(capacity, sizeof(*tlb->entries), GFP_KERNEL);
	tlb->victims = kvcalloc(tlb->sets, sizeof(*tlb->victims), GFP_KERNEL);
	if (!tlb->entries || !tlb->victims) {
		sim_tlb_destroy(tlb);
		return -ENOMEM;
	}

	return 0;
}

/**
 * sim_tlb_destroy() - Free what a TLB has
 * @tlb: The TLB, or zeroes.
 *
 * Context: Process context, may sleep.
 */
void sim_tlb_destroy(struct sim_tlb *tlb)
{
	kvfree(tlb->entries);
	kvfree(tlb->victims);
	*tlb = (struct sim_tlb){};
}

static unsigned int set_of(const struct sim_tlb *tlb, u64 va, u8 shift)
{
	return (va >> shift) & (tlb->sets - 1);
}

static struct sim_tlb_entry *find(struct sim_tlb *tlb, u64 va, u8 shift)
{
	struct sim_tlb_entry *set = &tlb->entries[set_of(tlb, va, shift) * SIM_TLB_WAYS];

	for (unsigned int way = 0; way < SIM_TLB_WAYS; way++)
		if (set[way].shift == shift && set[way].va >> shift == va >> shift)
			return &set[way];

	return NULL;
}

/**
 * sim_tlb_lookup() - Find the translation of an address
 * @tlb: The TLB.
 * @va: GPU address.
 *
 * Context: Any; the caller serialises.
 *
 * Return: The entry, NULL if there is none.
 */
struct sim_tlb_entry *sim_tlb_lookup(struct sim_tlb *tlb, u64 va)
{
	struct sim_tlb_entry *entry = find(tlb, va, PAGE_BITS);

	if (!entry && tlb->blocks)
		entry = find(tlb, va, BLOCK_BITS);

	return entry;
}

/**
 * sim_tlb_drop() - Forget a translation
 * @tlb: The TLB.
 * @entry: Entry of it that is in use.
 *
 * Context: Any; the caller serialises.
 */
void sim_tlb_drop(struct sim_tlb *tlb, struct sim_tlb_entry *entry)
{
	if (entry->shift == BLOCK_BITS)
		tlb->blocks--;
	entry->shift = 0;
}

/**
 * sim_tlb_insert() - Remember a translation
 * @tlb: The TLB, in which the address is not found.
 * @va: GPU address.
 * @walk: Where it leads.
 * @replaced: Set to whether another translation had to go.
 *
 * Context: Any; the caller serialises.
 *
 * Return: The entry. Its owner is for the caller to fill.
 */
struct sim_tlb_entry *sim_tlb_insert(struct sim_tlb *tlb, u64 va, const struct sim_walk *walk,
				     bool *replaced)
{
	u8 shift = walk->shift < BLOCK_BITS ? PAGE_BITS : BLOCK_BITS;
	unsigned int set = set_of(tlb, va, shift), way;
	u64 offset = va & (BIT_ULL(shift) - 1);
	struct sim_tlb_entry *entry;

	for (way = 0; way < SIM_TLB_WAYS; way++)
		if (!tlb->entries[set * SIM_TLB_WAYS + way].shift)
			break;

	*replaced = way == SIM_TLB_WAYS;
	if (*replaced)
		way = tlb->victims[set]++ % SIM_TLB_WAYS;

	entry = &tlb->entries[set * SIM_TLB_WAYS + way];
	if (*replaced)
		sim_tlb_drop(tlb, entry);

	*entry = (struct sim_tlb_entry){
		.va = va - offset,
		.pa = walk->pa - offset,
		.shift = shift,
		.level = walk->level,
		.attr = walk->attr,
		.read_only = walk->read_only,
		.no_exec = walk->no_exec,
	};
	if (shift == BLOCK_BITS)
		tlb->blocks++;

	return entry;
}

static bool overlaps(const struct sim_tlb_entry *entry, u64 first, u64 last)
{
	return entry->shift && entry->va <= last &&
	       entry->va + BIT_ULL(entry->shift) - 1 >= first;
}

/**
 * sim_tlb_invalidate() - Forget all translations of a range
 * @tlb: The TLB.
 * @first: First GPU address. A block goes even if only a part of it is in
 *	the range.
 * @last: Last GPU address.
 *
 * Context: Any; the caller serialises.
 *
 * Return: How many there were.
 */
unsigned int sim_tlb_invalidate(struct sim_tlb *tlb, u64 first, u64 last)
{
	unsigned int count = 0;

	for (unsigned int i = 0; i < tlb->sets * SIM_TLB_WAYS; i++) {
		if (!overlaps(&tlb->entries[i], first, last))
			continue;
		sim_tlb_drop(tlb, &tlb->entries[i]);
		count++;
	}

	return count;
}

/**
 * sim_tlb_keep_unflushed() - Note why the translations of a range are still there
 * @tlb: The TLB.
 * @first: First GPU address.
 * @last: Last GPU address.
 *
 * Context: Any; the caller serialises.
 */
void sim_tlb_keep_unflushed(struct sim_tlb *tlb, u64 first, u64 last)
{
	for (unsigned int i = 0; i < tlb->sets * SIM_TLB_WAYS; i++)
		if (overlaps(&tlb->entries[i], first, last))
			tlb->entries[i].unflushed = true;
}
