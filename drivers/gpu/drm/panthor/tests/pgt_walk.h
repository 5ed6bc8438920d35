/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef __PANTHOR_TESTS_PGT_WALK_H__
#define __PANTHOR_TESTS_PGT_WALK_H__

#include <linux/types.h>

struct io_pgtable_ops;
struct panthor_pgt_leaf;

/**
 * enum panthor_pgt_entry - What an entry of a table is
 * @PGT_ENTRY_NONE: Nothing.
 * @PGT_ENTRY_TABLE: The next table.
 * @PGT_ENTRY_LEAF: A translation.
 */
enum panthor_pgt_entry {
	PGT_ENTRY_NONE,
	PGT_ENTRY_TABLE,
	PGT_ENTRY_LEAF,
};

/* Called for each translation, in the order of addresses. */
typedef void (*panthor_pgt_visit_fn)(void *data, u64 va, const struct panthor_pgt_leaf *leaf);

void panthor_pgt_lpae_leaf(u64 desc, unsigned int shift, struct panthor_pgt_leaf *leaf);
unsigned int panthor_pgt_walk(struct io_pgtable_ops *ops, panthor_pgt_visit_fn visit,
			      void *data);

#endif
