// SPDX-License-Identifier: GPL-2.0-only
/* The page table's fake and the flat model see what is wrong. */

#include <linux/iommu.h>
#include <linux/sizes.h>

#include <drm/panthor_drm.h>

#include "fake_pgtable.h"
#include "fixture.h"
#include "vm_model.h"

#define WINDOW		SZ_1G
#define WINDOW_SIZE	SZ_64K
#define PG(n)		((n) * (u64)SZ_4K)
#define VA(n)		(WINDOW + PG(n))

KUNIT_ARRAY_PARAM_DESC(pgt, panthor_pgt_params, desc);

/* A window with a BO of 8 pages at [4, 12). */
static struct vm_model *window(struct kunit *test, enum panthor_pgt_kind kind)
{
	struct vm_model *m;

	panthor_pgt_install(test, kind);
	m = vm_model_create(test, panthor_kunit_vm(test), WINDOW, WINDOW_SIZE);
	KUNIT_ASSERT_EQ(test, vm_model_map(m, panthor_kunit_bo(test, PG(8)), 0, PG(8), VA(4), 0),
			0);

	return m;
}

static int poke_map(struct vm_model *m, u64 va, u64 pa, size_t size, int prot)
{
	struct io_pgtable_ops *ops = panthor_pgt_ops(m->pgt);
	size_t mapped = 0;

	return ops->map_pages(ops, va, pa, size, 1, prot, GFP_KERNEL, &mapped);
}

static size_t poke_unmap(struct vm_model *m, u64 va, size_t size)
{
	struct io_pgtable_ops *ops = panthor_pgt_ops(m->pgt);

	return ops->unmap_pages(ops, va, size, 1, NULL);
}

/**
 * struct poke_param - A call that no correct driver makes
 * @desc: Description.
 * @va: Address; pages [4, 12) of the window are mapped.
 * @pa: Physical address to map, or 0 to unmap.
 * @size: Size of the entry.
 * @prot: Protection.
 * @expected: Errno of the map; an unmap unmaps nothing.
 */
struct poke_param {
	const char *desc;
	u64 va;
	u64 pa;
	size_t size;
	int prot;
	int expected;
};

static const struct poke_param poke_params[] = {
	{ "double-map", VA(4), SZ_1M, SZ_4K, IOMMU_READ, -EEXIST },
	{ "block-over-pages", VA(0), SZ_2M, SZ_2M, IOMMU_READ, -EEXIST },
	{ "unaligned-va", VA(1) + 16, SZ_1M, SZ_4K, IOMMU_READ, -EINVAL },
	{ "unaligned-pa", VA(1), SZ_1M + 16, SZ_4K, IOMMU_READ, -EINVAL },
	{ "size-of-no-page", VA(0), SZ_1M, SZ_64K, IOMMU_READ, -EINVAL },
	{ "pa-out-of-range", VA(1), BIT_ULL(40), SZ_4K, IOMMU_READ, -EINVAL },
	{ "va-out-of-range", BIT_ULL(48), SZ_1M, SZ_4K, IOMMU_READ, -EINVAL },
	{ "va-outside-the-allowed", VA(15), SZ_1M, SZ_4K, IOMMU_READ, -EINVAL },
	{ "unmap-of-a-hole", VA(1), 0, SZ_4K, 0, 0 },
	{ "unmap-of-nothing-at-all", VA(0) + SZ_1G, 0, SZ_4K, 0, 0 },
	{ "unmap-outside-the-allowed", VA(15), 0, SZ_4K, 0, 0 },
};

KUNIT_ARRAY_PARAM_DESC(poke, poke_params, desc);

/*
 * The fake is the judge of the driver's calls.
 * Succeeds if the call is refused, counted once, and changed nothing.
 */
static void fake_refuses_what_is_wrong(struct kunit *test)
{
	const struct poke_param *p = test->param_value;
	struct vm_model *m = window(test, PANTHOR_PGT_FAKE);

	panthor_pgt_allow(m->pgt, VA(0) - SZ_1M, SZ_1M + PG(15));
	if (p->va >= VA(0) + SZ_1G || p->size > SZ_4K)
		panthor_pgt_allow(m->pgt, 0, 0);

	if (p->pa)
		KUNIT_EXPECT_EQ(test, poke_map(m, p->va, p->pa, p->size, p->prot), p->expected);
	else
		KUNIT_EXPECT_EQ(test, poke_unmap(m, p->va, p->size), 0);

	panthor_pgt_allow(m->pgt, 0, 0);
	KUNIT_EXPECT_EQ(test, panthor_pgt_take_violations(), 1);
	vm_model_check(m);
}

/*
 * A mapping that nobody can read is no mapping.
 * Succeeds if it is counted; it is made nevertheless.
 */
static void fake_counts_mappings_that_cannot_be_read(struct kunit *test)
{
	struct vm_model *m = window(test, PANTHOR_PGT_FAKE);

	KUNIT_EXPECT_EQ(test, poke_map(m, VA(1), SZ_1M, SZ_4K, IOMMU_CACHE), 0);
	KUNIT_EXPECT_EQ(test, panthor_pgt_take_violations(), 1);
	KUNIT_EXPECT_EQ(test, poke_unmap(m, VA(1), SZ_4K), SZ_4K);
}

/*
 * Taking a page of a mapping away.
 * Succeeds if the model misses the page, and the total.
 */
static void model_misses_a_page(struct kunit *test)
{
	const struct panthor_pgt_param *p = test->param_value;
	struct vm_model *m = window(test, p->kind);
	struct panthor_pgt_leaf leaf;

	KUNIT_ASSERT_TRUE(test, panthor_pgt_lookup(m->pgt, VA(7), &leaf));
	KUNIT_ASSERT_EQ(test, poke_unmap(m, VA(7), SZ_4K), SZ_4K);
	KUNIT_EXPECT_EQ(test, vm_model_mismatches(m, false), 2);
	KUNIT_ASSERT_EQ(test, poke_map(m, VA(7), leaf.pa, SZ_4K,
				       IOMMU_READ | IOMMU_WRITE | IOMMU_CACHE), 0);
	KUNIT_EXPECT_EQ(test, vm_model_mismatches(m, false), 0);
}

/*
 * A page in the page table that the tree does not know: what a mapping of
 * pages that were freed looks like.
 * Succeeds if the model finds the page, and the total.
 */
static void model_finds_a_stray_page(struct kunit *test)
{
	const struct panthor_pgt_param *p = test->param_value;
	struct vm_model *m = window(test, p->kind);

	KUNIT_ASSERT_EQ(test, poke_map(m, VA(13), SZ_1M, SZ_4K, IOMMU_READ), 0);
	KUNIT_EXPECT_EQ(test, vm_model_mismatches(m, false), 2);
	KUNIT_ASSERT_EQ(test, poke_unmap(m, VA(13), SZ_4K), SZ_4K);
	KUNIT_EXPECT_EQ(test, vm_model_mismatches(m, false), 0);
}

/*
 * The same outside of the window.
 * Succeeds if the model finds it by the total.
 */
static void model_finds_a_stray_page_elsewhere(struct kunit *test)
{
	const struct panthor_pgt_param *p = test->param_value;
	struct vm_model *m = window(test, p->kind);

	KUNIT_ASSERT_EQ(test, poke_map(m, VA(99), SZ_1M, SZ_4K, IOMMU_READ), 0);
	KUNIT_EXPECT_EQ(test, vm_model_mismatches(m, false), 1);
	KUNIT_ASSERT_EQ(test, poke_unmap(m, VA(99), SZ_4K), SZ_4K);
}

/*
 * The right address with the wrong page behind it.
 * Succeeds if the model finds it.
 */
static void model_finds_a_wrong_page(struct kunit *test)
{
	const struct panthor_pgt_param *p = test->param_value;
	int prot = IOMMU_READ | IOMMU_WRITE | IOMMU_CACHE;
	struct vm_model *m = window(test, p->kind);
	struct panthor_pgt_leaf right;

	KUNIT_ASSERT_TRUE(test, panthor_pgt_lookup(m->pgt, VA(7), &right));
	KUNIT_ASSERT_EQ(test, poke_unmap(m, VA(7), SZ_4K), SZ_4K);
	KUNIT_ASSERT_EQ(test, poke_map(m, VA(7), SZ_1M, SZ_4K, prot), 0);
	KUNIT_EXPECT_EQ(test, vm_model_mismatches(m, false), 1);

	KUNIT_ASSERT_EQ(test, poke_unmap(m, VA(7), SZ_4K), SZ_4K);
	KUNIT_ASSERT_EQ(test, poke_map(m, VA(7), right.pa, SZ_4K, prot), 0);
}

/**
 * struct wrong_param - A mapping that is not what it should be
 * @desc: Description.
 * @kind: Page table.
 * @offset: Offset it should have, in pages.
 * @flags: Flags it should have.
 * @expected: Mismatches of 8 pages.
 */
struct wrong_param {
	const char *desc;
	enum panthor_pgt_kind kind;
	u64 offset;
	u32 flags;
	unsigned int expected;
};

static const struct wrong_param wrong_params[] = {
	{ "readonly-fake", PANTHOR_PGT_FAKE, 0, DRM_PANTHOR_VM_BIND_OP_MAP_READONLY, 4 },
	{ "readonly-real", PANTHOR_PGT_REAL, 0, DRM_PANTHOR_VM_BIND_OP_MAP_READONLY, 4 },
	{ "noexec-fake", PANTHOR_PGT_FAKE, 0, DRM_PANTHOR_VM_BIND_OP_MAP_NOEXEC, 4 },
	{ "noexec-real", PANTHOR_PGT_REAL, 0, DRM_PANTHOR_VM_BIND_OP_MAP_NOEXEC, 4 },
	{ "uncached-fake", PANTHOR_PGT_FAKE, 0, DRM_PANTHOR_VM_BIND_OP_MAP_UNCACHED, 4 },
	{ "uncached-real", PANTHOR_PGT_REAL, 0, DRM_PANTHOR_VM_BIND_OP_MAP_UNCACHED, 4 },
	/* In the tree and in the page table. */
	{ "offset-fake", PANTHOR_PGT_FAKE, 1, 0, 8 },
	{ "offset-real", PANTHOR_PGT_REAL, 1, 0, 8 },
};

KUNIT_ARRAY_PARAM_DESC(wrong, wrong_params, desc);

/*
 * The driver maps with other properties than it should: here, than the model
 * believes.
 * Succeeds if each of the four pages is found.
 */
static void model_finds_wrong_properties(struct kunit *test)
{
	const struct wrong_param *p = test->param_value;
	struct vm_model *m = window(test, p->kind);
	struct panthor_gem_object *bo = m->pages[4].bo;

	vm_model_set(m, bo, PG(p->offset), PG(4), VA(4), p->flags);
	KUNIT_EXPECT_EQ(test, vm_model_mismatches(m, false), p->expected);
}

/*
 * A mapping that was evicted must have left the page table, and keeps its VMA.
 * Succeeds if the model, told of an eviction that did not happen, finds each
 * page and the total.
 */
static void model_finds_pages_of_an_evicted_bo(struct kunit *test)
{
	const struct panthor_pgt_param *p = test->param_value;
	struct vm_model *m = window(test, p->kind);

	vm_model_set_evicted(m, m->pages[4].bo, true);
	KUNIT_EXPECT_EQ(test, vm_model_mismatches(m, false), 8 + 1);
}

static struct kunit_case vm_model_cases[] = {
	KUNIT_CASE_PARAM(fake_refuses_what_is_wrong, poke_gen_params),
	KUNIT_CASE(fake_counts_mappings_that_cannot_be_read),
	KUNIT_CASE_PARAM(model_misses_a_page, pgt_gen_params),
	KUNIT_CASE_PARAM(model_finds_a_stray_page, pgt_gen_params),
	KUNIT_CASE_PARAM(model_finds_a_stray_page_elsewhere, pgt_gen_params),
	KUNIT_CASE_PARAM(model_finds_a_wrong_page, pgt_gen_params),
	KUNIT_CASE_PARAM(model_finds_wrong_properties, wrong_gen_params),
	KUNIT_CASE_PARAM(model_finds_pages_of_an_evicted_bo, pgt_gen_params),
	{}
};

static struct kunit_suite vm_model_suite = {
	.name = "panthor_vm_model",
	.init = panthor_kunit_init,
	.exit = panthor_kunit_exit,
	.suite_exit = panthor_kunit_suite_exit,
	.test_cases = vm_model_cases,
};

kunit_test_suite(vm_model_suite);
