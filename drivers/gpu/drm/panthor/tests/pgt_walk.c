// SPDX-License-Identifier: GPL-2.0-only
/*
 * Everything that is in a page table, in the order of addresses: in the fake, or
 * in the real format, whose descriptors are read as the GPU reads them.
 */

#include <linux/bits.h>
#include <linux/io.h>
#include <linux/io-pgtable.h>
#include <linux/iommu.h>
#include <linux/sizes.h>
#include <linux/string.h>

#include "fake_pgtable.h"
#include "pgt_walk.h"

#define TABLE_ENTRIES	512
#define TABLE_BITS	9
#define PAGE_BITS	12

/* Fields of a stage 1 descriptor, from the Arm ARM. */
#define LPAE_VALID	BIT_ULL(0)
#define LPAE_TABLE	BIT_ULL(1)
#define LPAE_ADDR	GENMASK_ULL(47, 12)
#define LPAE_ATTRINDX	GENMASK_ULL(4, 2)
#define LPAE_AP_RDONLY	BIT_ULL(7)
#define LPAE_XN		BIT_ULL(54)

/**
 * struct walk - A walk in progress
 * @pgt: The front of the fake, or NULL.
 * @visit: Called for each translation.
 * @data: Its argument.
 * @tables: Tables that were entered, but the root.
 */
struct walk {
	const struct panthor_pgt *pgt;
	panthor_pgt_visit_fn visit;
	void *data;
	unsigned int tables;
};

/**
 * panthor_pgt_lpae_leaf() - Decode a descriptor that translates
 * @desc: The descriptor.
 * @shift: log2 of the bytes it is for.
 * @leaf: Filled with the translation of the first byte.
 *
 * Context: Any.
 */
void panthor_pgt_lpae_leaf(u64 desc, unsigned int shift, struct panthor_pgt_leaf *leaf)
{
	leaf->pa = desc & LPAE_ADDR;
	leaf->size = BIT(shift);
	leaf->prot = (desc & LPAE_AP_RDONLY ? 0 : IOMMU_WRITE) |
		     (desc & LPAE_ATTRINDX ? IOMMU_CACHE : 0) |
		     (desc & LPAE_XN ? IOMMU_NOEXEC : 0);
}

static enum panthor_pgt_entry lpae_entry(u64 desc, unsigned int shift, const u64 **next,
					 struct panthor_pgt_leaf *leaf)
{
	if (!(desc & LPAE_VALID))
		return PGT_ENTRY_NONE;
	if (shift > PAGE_BITS && desc & LPAE_TABLE) {
		*next = phys_to_virt(desc & LPAE_ADDR);
		return PGT_ENTRY_TABLE;
	}
	panthor_pgt_lpae_leaf(desc, shift, leaf);

	return PGT_ENTRY_LEAF;
}

static void walk_table(struct walk *w, const u64 *table, unsigned int shift, u64 va)
{
	const u64 *end = table + TABLE_ENTRIES;

	/* Most of a table is empty, and looking at each entry is what a check costs. */
	for (const u64 *e = table; e < end; e++) {
		struct panthor_pgt_leaf leaf;
		enum panthor_pgt_entry kind;
		const u64 *next = NULL;
		u64 at;

		e = memchr_inv(e, 0, (end - e) * sizeof(*e));
		if (!e)
			break;
		e = PTR_ALIGN_DOWN(e, sizeof(*e));
		at = va + ((u64)(e - table) << shift);
		kind = w->pgt ? panthor_pgt_fake_entry(*e, shift, &next, &leaf) :
				lpae_entry(*e, shift, &next, &leaf);
		if (kind == PGT_ENTRY_LEAF)
			w->visit(w->data, at, &leaf);
		if (kind != PGT_ENTRY_TABLE)
			continue;
		w->tables++;
		walk_table(w, next, shift - TABLE_BITS, at);
	}
}

/**
 * panthor_pgt_walk() - Visit all that a page table maps
 * @ops: What the driver was given for a page table.
 * @visit: Called for each translation, in the order of addresses.
 * @data: Its argument.
 *
 * Context: No operation on the page table may run.
 *
 * Return: The number of tables below the root.
 */
unsigned int panthor_pgt_walk(struct io_pgtable_ops *ops, panthor_pgt_visit_fn visit,
			      void *data)
{
	struct panthor_pgt *front = panthor_pgt_front(ops);
	struct walk w = { .visit = visit, .data = data };
	const struct io_pgtable_cfg *cfg;
	unsigned int shift = PAGE_BITS;
	const u64 *root;

	if (front && !front->real) {
		w.pgt = front;
		root = front->root;
		cfg = &front->iop.cfg;
	} else {
		cfg = &io_pgtable_ops_to_pgtable(front ? front->real : ops)->cfg;
		root = phys_to_virt(cfg->arm_lpae_s1_cfg.ttbr & LPAE_ADDR);
	}
	while (shift + TABLE_BITS < cfg->ias)
		shift += TABLE_BITS;

	walk_table(&w, root, shift, 0);

	return w.tables;
}
