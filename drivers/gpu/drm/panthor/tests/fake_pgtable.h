/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef __PANTHOR_TESTS_FAKE_PGTABLE_H__
#define __PANTHOR_TESTS_FAKE_PGTABLE_H__

/**
 * DOC: Page tables under observation
 *
 * After panthor_pgt_install() each VM of the test gets a front that counts,
 * limits and fails what the driver asks of its page table, and a backend:
 *
 * - the fake, a four level table of this file. It refuses, and counts as a
 *   violation, what no correct driver does: mapping what is mapped, unmapping
 *   what is not, taking a part out of a 2 MiB block, addresses or protections
 *   that are out of range, and mappings that are left when it is freed. Its
 *   tables live in the memory that the driver's allocator hands out, one per
 *   2 MiB, 1 GiB and 512 GiB as in the real format, so the driver's
 *   preallocation is consumed, and found short, like with the real one;
 * - the real ARM_64_LPAE_S1 code, which reports the same by WARN.
 *
 * A violation fails the test when it ends, after its VMs are gone, unless it
 * was taken with panthor_pgt_take_violations().
 */

#include <linux/io-pgtable.h>
#include <linux/list.h>
#include <linux/types.h>

#include "pgt_walk.h"

struct kunit;
struct panthor_vm;

/**
 * enum panthor_pgt_kind - Backends
 * @PANTHOR_PGT_FAKE: The fake.
 * @PANTHOR_PGT_REAL: io-pgtable's ARM_64_LPAE_S1.
 */
enum panthor_pgt_kind {
	PANTHOR_PGT_FAKE,
	PANTHOR_PGT_REAL,
};

/**
 * struct panthor_pgt_leaf - One translation
 * @pa: Physical address of the byte that was looked up.
 * @size: Size of the entry, 4 KiB or 2 MiB.
 * @prot: IOMMU_WRITE, IOMMU_CACHE and IOMMU_NOEXEC; a leaf can always be read.
 */
struct panthor_pgt_leaf {
	phys_addr_t pa;
	size_t size;
	int prot;
};

/**
 * struct panthor_pgt - Page table of one VM
 * @iop: What the driver sees.
 * @real: The real page table, or NULL for the fake.
 * @root: Root table of the fake.
 * @node: In the list of all.
 * @mapped: Bytes that are mapped, by what map and unmap reported.
 * @allow_start: First address that may be changed.
 * @allow_end: End of the range that may be changed.
 * @fail_in: Number of the entry that fails, counted down; zero is not armed.
 * @fail_err: Errno it fails with; 0 maps nothing and reports success.
 * @fired: The failure happened.
 * @max_entries: Most entries one call maps; zero is no limit.
 * @tables_left: Tables the fake may still take; negative is no limit.
 */
struct panthor_pgt {
	struct io_pgtable iop;
	struct io_pgtable_ops *real;
	u64 *root;
	struct list_head node;
	u64 mapped;
	u64 allow_start;
	u64 allow_end;
	unsigned int fail_in;
	int fail_err;
	bool fired;
	unsigned int max_entries;
	int tables_left;
};

/* Parameter of the suites that run on both. */
struct panthor_pgt_param {
	const char *desc;
	enum panthor_pgt_kind kind;
};

extern const struct panthor_pgt_param panthor_pgt_params[2];

void panthor_pgt_install(struct kunit *test, enum panthor_pgt_kind kind);
struct panthor_pgt *panthor_pgt_of(struct kunit *test, struct panthor_vm *vm);
struct panthor_pgt *panthor_pgt_front(struct io_pgtable_ops *ops);
enum panthor_pgt_entry panthor_pgt_fake_entry(u64 entry, unsigned int shift, const u64 **next,
					      struct panthor_pgt_leaf *leaf);

bool panthor_pgt_lookup(struct panthor_pgt *pgt, u64 va, struct panthor_pgt_leaf *leaf);

void panthor_pgt_allow(struct panthor_pgt *pgt, u64 start, u64 size);
void panthor_pgt_fail_entry(struct panthor_pgt *pgt, unsigned int nth, int err);
unsigned int panthor_pgt_take_violations(void);

/* Bytes that are mapped, wherever that is. */
static inline u64 panthor_pgt_mapped(const struct panthor_pgt *pgt)
{
	return pgt->mapped;
}

/* What the driver calls, to change the page table behind its back. */
static inline struct io_pgtable_ops *panthor_pgt_ops(struct panthor_pgt *pgt)
{
	return &pgt->iop.ops;
}

/* Whether the failure armed with panthor_pgt_fail_entry() happened. */
static inline bool panthor_pgt_fired(const struct panthor_pgt *pgt)
{
	return pgt->fired;
}

/* Most entries that one call maps, 0 for no limit. */
static inline void panthor_pgt_limit_entries(struct panthor_pgt *pgt, unsigned int max)
{
	pgt->max_entries = max;
}

/* Number of tables that the fake can still have. */
static inline void panthor_pgt_limit_tables(struct panthor_pgt *pgt, unsigned int max)
{
	pgt->tables_left = max;
}

#endif
