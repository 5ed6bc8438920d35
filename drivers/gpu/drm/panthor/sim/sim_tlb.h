/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef __PANTHOR_SIM_TLB_H__
#define __PANTHOR_SIM_TLB_H__

#include <linux/types.h>

#include "sim_mem.h"
#include "sim_walk.h"

#define SIM_TLB_WAYS	4

/**
 * struct sim_tlb_entry - A translation that was used and may be used again
 * @va: First address of the page or block.
 * @pa: Where that leads.
 * @owner: Whose the memory was, at the page in @owner_va.
 * @owner_va: GPU address of the page that @owner was taken from.
 * @shift: log2 of its size; 0 if the entry is free.
 * @level: Level of the table it is from.
 * @attr: Index of its memory attributes.
 * @read_only: It must not be written.
 * @no_exec: Nothing in it is to be executed.
 * @unflushed: It survived an UNLOCK that no cache flush preceded.
 */
struct sim_tlb_entry {
	u64 va;
	u64 pa;
	struct sim_page_owner owner;
	u64 owner_va;
	u8 shift;
	u8 level;
	u8 attr;
	bool read_only;
	bool no_exec;
	bool unflushed;
};

/**
 * struct sim_tlb - Translations of one address space
 * @entries: The sets, %SIM_TLB_WAYS entries each.
 * @victims: The way of each set that is replaced next.
 * @sets: Number of sets, a power of two.
 * @blocks: Number of entries for blocks; with none, there is one set to look at.
 */
struct sim_tlb {
	struct sim_tlb_entry *entries;
	u8 *victims;
	unsigned int sets;
	unsigned int blocks;
};

int sim_tlb_init(struct sim_tlb *tlb, unsigned int capacity);
void sim_tlb_destroy(struct sim_tlb *tlb);

struct sim_tlb_entry *sim_tlb_lookup(struct sim_tlb *tlb, u64 va);
struct sim_tlb_entry *sim_tlb_insert(struct sim_tlb *tlb, u64 va, const struct sim_walk *walk,
				     bool *replaced);
void sim_tlb_drop(struct sim_tlb *tlb, struct sim_tlb_entry *entry);
unsigned int sim_tlb_invalidate(struct sim_tlb *tlb, u64 first, u64 last);
void sim_tlb_keep_unflushed(struct sim_tlb *tlb, u64 first, u64 last);

#endif
