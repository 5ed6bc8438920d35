/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef __PANTHOR_SIM_WALK_H__
#define __PANTHOR_SIM_WALK_H__

#include <linux/types.h>

/*
 * Types of fault, as in FAULTSTATUS. The level of the walk is added to the
 * first of a kind.
 */
#define SIM_FAULT_TRANSLATION	0xc0
#define SIM_FAULT_PERMISSION	0xc8
#define SIM_FAULT_ACCESS_FLAG	0xd8
#define SIM_FAULT_ADDRESS_IN	0xe0
#define SIM_FAULT_ADDRESS_OUT	0xe4
#define SIM_FAULT_MEMATTR	0xe8

/**
 * struct sim_walk_config - How an address space translates
 * @root: Physical address of the root table.
 * @memattr: Attributes by the index that descriptors have.
 * @va_bits: Width of GPU addresses, 25 to 48.
 * @pa_bits: Width of physical addresses.
 * @ignore_af: No fault if a descriptor's access flag is clear.
 */
struct sim_walk_config {
	u64 root;
	u64 memattr;
	u8 va_bits;
	u8 pa_bits;
	bool ignore_af;
};

/**
 * struct sim_walk - Outcome of a walk
 * @pa: Where the address leads, if there is no fault.
 * @table: Physical address of the last table that was looked at.
 * @fault: Type of fault, 0 if the address is mapped.
 * @dead: @table is not anybody's memory; the walk ended before it.
 * @level: Level of @table, 0 to 3.
 * @shift: log2 of the size of the page or block.
 * @attr: Index of its memory attributes.
 * @read_only: It must not be written.
 * @no_exec: Nothing in it is to be executed.
 */
struct sim_walk {
	u64 pa;
	u64 table;
	u8 fault;
	bool dead;
	u8 level;
	u8 shift;
	u8 attr;
	bool read_only;
	bool no_exec;
};

bool sim_walk(const struct sim_walk_config *config, u64 va, struct sim_walk *walk);

#endif
