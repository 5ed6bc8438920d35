/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef __PANTHOR_SIM_MEM_H__
#define __PANTHOR_SIM_MEM_H__

#include <linux/types.h>

/**
 * enum sim_access - What the GPU does to memory
 * @SIM_READ: Read, which includes the fetch of command stream instructions.
 * @SIM_WRITE: Write.
 * @SIM_EXEC: Fetch of a shader or firmware instruction.
 * @SIM_ATOMIC: First half of an atomic update: reads, and faults where a write
 *	would. The second half is a SIM_WRITE under the same lock.
 */
enum sim_access {
	SIM_READ,
	SIM_WRITE,
	SIM_EXEC,
	SIM_ATOMIC,
};

/**
 * enum sim_page_life - What a page frame is at the moment
 * @SIM_PAGE_LIVE: Somebody holds it.
 * @SIM_PAGE_SLAB: It belongs to the slab allocator.
 * @SIM_PAGE_FREE: Nobody holds it.
 * @SIM_PAGE_HOLE: There is no memory.
 */
enum sim_page_life {
	SIM_PAGE_LIVE,
	SIM_PAGE_SLAB,
	SIM_PAGE_FREE,
	SIM_PAGE_HOLE,
};

/**
 * struct sim_page_owner - Which object a page belongs to
 * @mapping: Page cache it is in, NULL for a page that is in none.
 * @index: Where in @mapping; 0 without one.
 * @huge: It is part of a folio of 2 MiB or more.
 */
struct sim_page_owner {
	const void *mapping;
	unsigned long index;
	bool huge;
};

enum sim_page_life sim_mem_life(u64 pa, struct sim_page_owner *owner);
bool sim_mem_readable(u64 pa);
void sim_mem_copy(void *mem, void *buf, size_t len, enum sim_access access);

#endif
