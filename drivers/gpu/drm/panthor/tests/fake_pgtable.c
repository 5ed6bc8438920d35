// SPDX-License-Identifier: GPL-2.0-only
/*
 * Front and fake backend of a VM's page table.
 *
 * The driver calls with op_lock held, from any thread. Tests look at a table
 * and arm failures while no operation runs. The list and the violations have a
 * lock of their own, which is held for nothing else.
 */

#include <linux/bitfield.h>
#include <linux/bits.h>
#include <linux/cleanup.h>
#include <linux/iommu.h>
#include <linux/list.h>
#include <linux/log2.h>
#include <linux/mutex.h>
#include <linux/sizes.h>
#include <linux/slab.h>

#include <kunit/test.h>

#include "fake_pgtable.h"
#include "seam.h"

#define FAKE_VALID	BIT_ULL(0)
#define FAKE_TABLE	BIT_ULL(1)
#define FAKE_PROT_SHIFT	2
#define FAKE_PROT_MASK	GENMASK_ULL(7, FAKE_PROT_SHIFT)
#define FAKE_ADDR_MASK	GENMASK_ULL(63, 12)
#define FAKE_ENTRIES	512
#define FAKE_ROOT_SHIFT	39
#define FAKE_BITS	9

/* Non-cacheable, write-back and device, in the order io-pgtable uses. */
#define FAKE_MAIR	0x04ff44

#define PGT_MAX_MSGS	4
#define PGT_MSG_LEN	96

const struct panthor_pgt_param panthor_pgt_params[2] = {
	{ "fake", PANTHOR_PGT_FAKE },
	{ "real", PANTHOR_PGT_REAL },
};

static DEFINE_MUTEX(pgt_lock);
static LIST_HEAD(pgt_list);
static enum panthor_pgt_kind pgt_kind;
static unsigned int pgt_violations;
static char pgt_msgs[PGT_MAX_MSGS][PGT_MSG_LEN];

static __printf(1, 2) void pgt_violated(const char *fmt, ...)
{
	va_list args;

	guard(mutex)(&pgt_lock);

	if (pgt_violations < PGT_MAX_MSGS) {
		va_start(args, fmt);
		vscnprintf(pgt_msgs[pgt_violations], PGT_MSG_LEN, fmt, args);
		va_end(args);
	}
	pgt_violations++;
}

static struct panthor_pgt *to_pgt(struct io_pgtable_ops *ops)
{
	return container_of(ops, struct panthor_pgt, iop.ops);
}

static bool fake_is_table(u64 entry)
{
	return entry & FAKE_TABLE;
}

static u64 *fake_deref(u64 entry)
{
	return (u64 *)(uintptr_t)(entry & FAKE_ADDR_MASK);
}

static u64 *fake_table_alloc(struct panthor_pgt *pgt)
{
	if (!pgt->tables_left)
		return NULL;
	if (pgt->tables_left > 0)
		pgt->tables_left--;

	return pgt->iop.cfg.alloc(pgt->iop.cookie, SZ_4K, GFP_KERNEL);
}

static unsigned int fake_count(const u64 *table)
{
	unsigned int count = 0;

	for (unsigned int i = 0; i < FAKE_ENTRIES; i++)
		count += !!table[i];

	return count;
}

static void fake_table_free(struct panthor_pgt *pgt, u64 *table)
{
	for (unsigned int i = 0; i < FAKE_ENTRIES; i++)
		if (fake_is_table(table[i]))
			fake_table_free(pgt, fake_deref(table[i]));

	pgt->iop.cfg.free(pgt->iop.cookie, table, SZ_4K);
}

/*
 * Finds the entry for @va in the table whose entries have 1 << @shift bytes.
 * Returns NULL if there is no such table, or, with @create, if it cannot be
 * allocated; the entry of a block that is in the way is returned as it is.
 */
static u64 *fake_walk(struct panthor_pgt *pgt, u64 va, unsigned int shift,
		      bool create, unsigned int *at)
{
	u64 *table = pgt->root;

	for (*at = FAKE_ROOT_SHIFT; *at > shift; *at -= FAKE_BITS) {
		u64 *entry = &table[(va >> *at) % FAKE_ENTRIES];

		if (!*entry && create) {
			u64 *next = fake_table_alloc(pgt);

			if (next)
				*entry = (uintptr_t)next | FAKE_VALID | FAKE_TABLE;
		}
		if (!*entry)
			return NULL;
		if (!fake_is_table(*entry))
			return entry;
		table = fake_deref(*entry);
	}

	return &table[(va >> shift) % FAKE_ENTRIES];
}

static int fake_map_one(struct panthor_pgt *pgt, u64 va, u64 pa, size_t size, int prot)
{
	unsigned int at, shift = ilog2(size);
	u64 *entry = fake_walk(pgt, va, shift, true, &at);

	if (!entry)
		return -ENOMEM;

	if (fake_is_table(*entry) && at == shift && !fake_count(fake_deref(*entry))) {
		fake_table_free(pgt, fake_deref(*entry));
		*entry = 0;
	}
	if (*entry) {
		pgt_violated("map of %#zx at %#llx, which is mapped", size, va);
		return -EEXIST;
	}

	*entry = pa | ((u64)prot << FAKE_PROT_SHIFT) | FAKE_VALID;
	return 0;
}

static bool fake_unmap_one(struct panthor_pgt *pgt, u64 va, size_t size)
{
	unsigned int at, shift = ilog2(size);
	u64 *entry = fake_walk(pgt, va, shift, false, &at);

	if (!entry || !*entry) {
		pgt_violated("unmap of %#zx at %#llx, which is not mapped", size, va);
		return false;
	}
	if (at > shift) {
		pgt_violated("unmap of a part of a block, %#zx at %#llx", size, va);
		return false;
	}

	/* A table of pages goes with its block, as in the real format. */
	if (fake_is_table(*entry)) {
		if (fake_count(fake_deref(*entry)) != FAKE_ENTRIES)
			pgt_violated("unmap of %#zx at %#llx, which has holes", size, va);
		fake_table_free(pgt, fake_deref(*entry));
	}
	*entry = 0;
	return true;
}

static bool pgt_args_valid(struct panthor_pgt *pgt, const char *what, u64 va,
			   u64 pa, size_t size, size_t count)
{
	u64 end = va + size * count;

	if (!count || !(size & pgt->iop.cfg.pgsize_bitmap) || !is_power_of_2(size) ||
	    !IS_ALIGNED(va | pa, size) || end > BIT_ULL(pgt->iop.cfg.ias) || end < va ||
	    pa >> pgt->iop.cfg.oas) {
		pgt_violated("%s of %zu times %#zx at %#llx, pa %#llx", what, count,
			     size, va, pa);
		return false;
	}
	if (va < pgt->allow_start || end > pgt->allow_end) {
		pgt_violated("%s of %#llx-%#llx outside what is allowed", what, va, end);
		return false;
	}

	return true;
}

static int fake_map_pages(struct panthor_pgt *pgt, u64 va, u64 pa, size_t size,
			  size_t count, int prot, size_t *mapped)
{
	/* As in the real format, a call does not leave the table it begins in. */
	count = min(count, FAKE_ENTRIES - (va >> ilog2(size)) % FAKE_ENTRIES);

	for (size_t i = 0; i < count; i++) {
		int ret = fake_map_one(pgt, va + i * size, pa + i * size, size, prot);

		if (ret)
			return ret;
		*mapped += size;
	}

	return 0;
}

static int pgt_map_pages(struct io_pgtable_ops *ops, unsigned long iova,
			 phys_addr_t paddr, size_t pgsize, size_t pgcount,
			 int prot, gfp_t gfp, size_t *mapped)
{
	struct panthor_pgt *pgt = to_pgt(ops);
	size_t count = pgcount, done = 0;
	bool fail = false;
	int ret = 0;

	if (!pgt_args_valid(pgt, "map", iova, paddr, pgsize, pgcount))
		return -EINVAL;
	if (!(prot & IOMMU_READ))
		pgt_violated("map of %#lx with prot %#x", iova, prot);

	if (pgt->max_entries)
		count = min(count, pgt->max_entries);
	if (pgt->fail_in && pgt->fail_in <= count) {
		count = pgt->fail_in - 1;
		fail = true;
	}

	if (count && pgt->real)
		ret = pgt->real->map_pages(pgt->real, iova, paddr, pgsize, count,
					   prot, gfp, &done);
	else if (count)
		ret = fake_map_pages(pgt, iova, paddr, pgsize, count, prot, &done);

	*mapped += done;
	pgt->mapped += done;
	if (pgt->fail_in)
		pgt->fail_in -= done / pgsize;
	if (!ret && fail && done == count * pgsize) {
		pgt->fail_in = 0;
		pgt->fired = true;
		ret = pgt->fail_err;
	}

	return ret;
}

/*
 * A block is reported unmapped as a whole, also where it was a table with
 * holes; the total is of what was there.
 */
static u64 pgt_live(struct panthor_pgt *pgt, u64 va, u64 size)
{
	struct panthor_pgt_leaf leaf;
	u64 end = va + size, live = 0;

	while (va < end) {
		bool there = panthor_pgt_lookup(pgt, va, &leaf);
		u64 step = there ? leaf.size : SZ_4K;

		live += there ? step : 0;
		va += step;
	}

	return live;
}

static size_t pgt_unmap_pages(struct io_pgtable_ops *ops, unsigned long iova,
			      size_t pgsize, size_t pgcount,
			      struct iommu_iotlb_gather *gather)
{
	struct panthor_pgt *pgt = to_pgt(ops);
	size_t done = 0;
	u64 live;

	if (!pgt_args_valid(pgt, "unmap", iova, 0, pgsize, pgcount))
		return 0;

	live = pgsize == SZ_4K ? 0 : pgt_live(pgt, iova, pgsize * pgcount);

	if (pgt->real) {
		done = pgt->real->unmap_pages(pgt->real, iova, pgsize, pgcount, gather);
	} else {
		pgcount = min(pgcount, FAKE_ENTRIES - (iova >> ilog2(pgsize)) % FAKE_ENTRIES);
		while (done < pgcount * pgsize && fake_unmap_one(pgt, iova + done, pgsize))
			done += pgsize;
	}
	if (pgsize == SZ_4K)
		pgt->mapped -= done;
	else
		pgt->mapped -= live - pgt_live(pgt, iova, pgsize * pgcount);

	return done;
}

static phys_addr_t pgt_iova_to_phys(struct io_pgtable_ops *ops, unsigned long iova)
{
	struct panthor_pgt_leaf leaf;

	return panthor_pgt_lookup(to_pgt(ops), iova, &leaf) ? leaf.pa : 0;
}

static struct io_pgtable_ops *pgt_alloc(enum io_pgtable_fmt fmt,
					struct io_pgtable_cfg *cfg, void *cookie)
{
	struct panthor_pgt *pgt = kzalloc_obj(*pgt);

	if (!pgt)
		return NULL;

	if (pgt_kind == PANTHOR_PGT_REAL) {
		pgt->real = alloc_io_pgtable_ops(fmt, cfg, cookie);
	} else {
		pgt->root = cfg->alloc(cookie, SZ_4K, GFP_KERNEL);
		cfg->arm_lpae_s1_cfg.mair = FAKE_MAIR;
	}
	if (!pgt->real && !pgt->root) {
		kfree(pgt);
		return NULL;
	}

	pgt->iop.fmt = fmt;
	pgt->iop.cookie = cookie;
	pgt->iop.cfg = *cfg;
	pgt->iop.ops.map_pages = pgt_map_pages;
	pgt->iop.ops.unmap_pages = pgt_unmap_pages;
	pgt->iop.ops.iova_to_phys = pgt_iova_to_phys;
	pgt->allow_end = U64_MAX;
	pgt->tables_left = -1;

	guard(mutex)(&pgt_lock);
	list_add(&pgt->node, &pgt_list);

	return &pgt->iop.ops;
}

static bool pgt_free(struct io_pgtable_ops *ops)
{
	struct panthor_pgt *pgt = to_pgt(ops);

	if (ops->map_pages != pgt_map_pages)
		return false;

	if (pgt->mapped)
		pgt_violated("freed with %#llx bytes mapped", pgt->mapped);

	scoped_guard(mutex, &pgt_lock)
		list_del(&pgt->node);

	if (pgt->real)
		free_io_pgtable_ops(pgt->real);
	else
		fake_table_free(pgt, pgt->root);
	kfree(pgt);

	return true;
}

static const struct panthor_seam_pgtable pgt_seam = {
	.alloc = pgt_alloc,
	.free = pgt_free,
};

/* Runs after the VMs of the test are gone: they were made later. */
static void pgt_expect_clean(void *data)
{
	struct kunit *test = data;
	unsigned int count = panthor_pgt_take_violations();

	for (unsigned int i = 0; i < min(count, PGT_MAX_MSGS); i++)
		KUNIT_FAIL(test, "page table: %s", pgt_msgs[i]);
	if (count > PGT_MAX_MSGS)
		KUNIT_FAIL(test, "page table: and %u more", count - PGT_MAX_MSGS);
	KUNIT_EXPECT_TRUE_MSG(test, list_empty(&pgt_list), "a page table was not freed");
}

/**
 * panthor_pgt_install() - Watch the page tables of VMs created from now on
 * @test: The test; fails at its end if there were violations.
 * @kind: Backend.
 *
 * Context: Test thread, before the first VM.
 */
void panthor_pgt_install(struct kunit *test, enum panthor_pgt_kind kind)
{
	pgt_kind = kind;
	panthor_pgt_take_violations();
	KUNIT_ASSERT_EQ(test, kunit_add_action(test, pgt_expect_clean, test), 0);
	panthor_seam_set_pgtable(test, &pgt_seam);
}

/**
 * panthor_pgt_of() - Page table of a VM
 * @test: The test; a VM without one aborts it.
 * @vm: The VM.
 *
 * Context: Test thread.
 *
 * Return: The page table.
 */
struct panthor_pgt *panthor_pgt_of(struct kunit *test, struct panthor_vm *vm)
{
	struct panthor_pgt *pgt, *found = NULL;

	scoped_guard(mutex, &pgt_lock)
		list_for_each_entry(pgt, &pgt_list, node)
			if (pgt->iop.cookie == vm)
				found = pgt;
	KUNIT_ASSERT_NOT_NULL(test, found);

	return found;
}

/**
 * panthor_pgt_front() - Front of a page table
 * @ops: What the driver was given.
 *
 * Context: Any.
 *
 * Return: The front, or NULL if the page table was made without.
 */
struct panthor_pgt *panthor_pgt_front(struct io_pgtable_ops *ops)
{
	return ops->map_pages == pgt_map_pages ? to_pgt(ops) : NULL;
}

static void fake_leaf(u64 entry, unsigned int shift, struct panthor_pgt_leaf *leaf)
{
	leaf->size = BIT(shift);
	leaf->pa = entry & FAKE_ADDR_MASK;
	leaf->prot = FIELD_GET(FAKE_PROT_MASK, entry) &
		     (IOMMU_WRITE | IOMMU_CACHE | IOMMU_NOEXEC);
}

/**
 * panthor_pgt_fake_entry() - What an entry of the fake is
 * @entry: The entry.
 * @shift: log2 of the bytes it is for.
 * @next: Set to the next table, if it is one.
 * @leaf: Filled, if it is a translation.
 *
 * Context: Any.
 *
 * Return: Which of both, if any.
 */
enum panthor_pgt_entry panthor_pgt_fake_entry(u64 entry, unsigned int shift, const u64 **next,
					      struct panthor_pgt_leaf *leaf)
{
	if (!entry)
		return PGT_ENTRY_NONE;
	if (fake_is_table(entry)) {
		*next = fake_deref(entry);
		return PGT_ENTRY_TABLE;
	}
	fake_leaf(entry, shift, leaf);

	return PGT_ENTRY_LEAF;
}

static bool pgt_lookup_real(struct panthor_pgt *pgt, u64 va, struct panthor_pgt_leaf *leaf)
{
	struct arm_lpae_io_pgtable_walk_data wd = {};

	if (pgt->real->pgtable_walk(pgt->real, va, &wd))
		return false;

	panthor_pgt_lpae_leaf(wd.ptes[3] ?: wd.ptes[2], ilog2(wd.ptes[3] ? SZ_4K : SZ_2M), leaf);
	leaf->pa += va % leaf->size;

	return true;
}

/**
 * panthor_pgt_lookup() - Translate an address as the GPU would
 * @pgt: Page table.
 * @va: GPU address.
 * @leaf: Filled if there is a translation.
 *
 * Context: No operation on the VM may run, or the caller is one.
 *
 * Return: true if @va is mapped.
 */
bool panthor_pgt_lookup(struct panthor_pgt *pgt, u64 va, struct panthor_pgt_leaf *leaf)
{
	unsigned int at;
	u64 *entry;

	if (pgt->real)
		return pgt_lookup_real(pgt, va, leaf);

	entry = fake_walk(pgt, va, ilog2(SZ_4K), false, &at);
	if (!entry || !*entry)
		return false;

	fake_leaf(*entry, at, leaf);
	leaf->pa += va % leaf->size;

	return true;
}

/**
 * panthor_pgt_allow() - Declare the only range that may be changed
 * @pgt: Page table.
 * @start: First address.
 * @size: Size in bytes; 0 lifts the restriction.
 *
 * Context: No operation on the VM may run.
 */
void panthor_pgt_allow(struct panthor_pgt *pgt, u64 start, u64 size)
{
	pgt->allow_start = size ? start : 0;
	pgt->allow_end = size ? start + size : U64_MAX;
}

/**
 * panthor_pgt_fail_entry() - Fail the mapping of one entry
 * @pgt: Page table.
 * @nth: 1 is the next page or block that is mapped.
 * @err: Negative errno; 0 reports success without the entry being mapped.
 *
 * What comes before the entry in the same call stays mapped and is reported.
 *
 * Context: No operation on the VM may run.
 */
void panthor_pgt_fail_entry(struct panthor_pgt *pgt, unsigned int nth, int err)
{
	pgt->fail_in = nth;
	pgt->fail_err = err;
	pgt->fired = false;
}

/**
 * panthor_pgt_take_violations() - Number of violations, which are forgotten
 *
 * Context: Test thread; takes a mutex.
 *
 * Return: The number.
 */
unsigned int panthor_pgt_take_violations(void)
{
	unsigned int count;

	guard(mutex)(&pgt_lock);
	count = pgt_violations;
	pgt_violations = 0;

	return count;
}
