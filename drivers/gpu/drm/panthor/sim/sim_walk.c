// SPDX-License-Identifier: GPL-2.0-only
/*
 * Walk of page tables in the Arm 64-bit format, stage 1, 4 KiB granule.
 *
 * What the driver's tables never have is not looked at: attributes of table
 * descriptors that apply to all below them, and contiguous hints.
 */

#include <linux/bitfield.h>
#include <linux/bits.h>
#include <linux/io.h>
#include <linux/kernel.h>

#include "../panthor_mmu_regs.h"

#include "sim_mem.h"
#include "sim_walk.h"

#define DESC_VALID	BIT_ULL(0)
#define DESC_TABLE	BIT_ULL(1)
#define DESC_ATTR	GENMASK_ULL(4, 2)
#define DESC_READ_ONLY	BIT_ULL(7)
#define DESC_AF		BIT_ULL(10)
#define DESC_ADDR	GENMASK_ULL(47, 12)
#define DESC_XN		BIT_ULL(54)

#define PAGE_BITS	12
#define LEVEL_BITS	9
#define LEVELS		4

static u8 leaf(const struct sim_walk_config *config, u64 va, u64 desc, struct sim_walk *walk)
{
	u64 size = BIT_ULL(walk->shift);
	u8 memattr;

	walk->attr = FIELD_GET(DESC_ATTR, desc);
	walk->read_only = desc & DESC_READ_ONLY;
	walk->no_exec = desc & DESC_XN;
	walk->pa = (desc & DESC_ADDR & ~(size - 1)) | (va & (size - 1));

	memattr = config->memattr >> (BITS_PER_BYTE * walk->attr);
	if (walk->pa >> config->pa_bits)
		return SIM_FAULT_ADDRESS_OUT + walk->level;
	if (!(desc & DESC_AF) && !config->ignore_af)
		return SIM_FAULT_ACCESS_FLAG + walk->level;
	if ((memattr & AS_MEMATTR_AARCH64_FAULT) == AS_MEMATTR_AARCH64_FAULT)
		return SIM_FAULT_MEMATTR + walk->level;

	return 0;
}

static u8 fault_of(const struct sim_walk_config *config, u64 va, struct sim_walk *walk)
{
	u64 table = config->root & DESC_ADDR;

	if (va >> config->va_bits)
		return SIM_FAULT_ADDRESS_IN;

	walk->level = LEVELS - DIV_ROUND_UP(config->va_bits - PAGE_BITS, LEVEL_BITS);
	for (;; walk->level++) {
		const u64 *entry;
		u64 desc;

		walk->table = table;
		if (table >> config->pa_bits)
			return SIM_FAULT_ADDRESS_OUT + walk->level;
		walk->dead = !sim_mem_readable(table);
		if (walk->dead)
			return SIM_FAULT_TRANSLATION + walk->level;

		walk->shift = PAGE_BITS + LEVEL_BITS * (LEVELS - 1 - walk->level);
		entry = phys_to_virt(table);
		desc = READ_ONCE(entry[(va >> walk->shift) & (BIT(LEVEL_BITS) - 1)]);
		if (!(desc & DESC_VALID))
			break;
		if (walk->level == LEVELS - 1 ? desc & DESC_TABLE : !(desc & DESC_TABLE)) {
			/* There are no blocks of 512 GiB. */
			if (!walk->level)
				break;
			return leaf(config, va, desc, walk);
		}
		if (walk->level == LEVELS - 1)
			break;
		table = desc & DESC_ADDR;
	}

	return SIM_FAULT_TRANSLATION + walk->level;
}

/**
 * sim_walk() - Translate an address by what the tables say now
 * @config: How the address space translates.
 * @va: GPU address.
 * @walk: Filled.
 *
 * Context: Any.
 *
 * Return: true if the address is mapped.
 */
bool sim_walk(const struct sim_walk_config *config, u64 va, struct sim_walk *walk)
{
	*walk = (struct sim_walk){};
	walk->fault = fault_of(config, va, walk);

	return !walk->fault;
}
