// SPDX-License-Identifier: GPL-2.0-only
/*
 * Page tables that fail, and what the driver makes of it: it flags the VM
 * unusable, refuses further mappings, and must still be able to take it down.
 */

#include <linux/errno.h>
#include <linux/list.h>
#include <linux/sizes.h>

#include "fake_pgtable.h"
#include "fixture.h"
#include "seam.h"
#include "vm_model.h"

#define WINDOW		(SZ_1G - SZ_64K)
#define WINDOW_SIZE	SZ_128K
#define PG(n)		((n) * (u64)SZ_4K)
#define VA(n)		(WINDOW + PG(n))

KUNIT_ARRAY_PARAM_DESC(pgt, panthor_pgt_params, desc);

/**
 * struct fail_param - An entry of a mapping of 16 pages that fails
 * @desc: Description.
 * @kind: Page table.
 * @nth: Which entry.
 * @err: What the page table reports.
 * @expected: What the operation reports.
 */
struct fail_param {
	const char *desc;
	enum panthor_pgt_kind kind;
	unsigned int nth;
	int err;
	int expected;
};

static const struct fail_param fail_params[] = {
	{ "first-fake", PANTHOR_PGT_FAKE, 1, -ENOMEM, -ENOMEM },
	{ "first-real", PANTHOR_PGT_REAL, 1, -ENOMEM, -ENOMEM },
	{ "second-fake", PANTHOR_PGT_FAKE, 2, -ENOMEM, -ENOMEM },
	{ "second-real", PANTHOR_PGT_REAL, 2, -ENOMEM, -ENOMEM },
	{ "before-the-table-boundary-fake", PANTHOR_PGT_FAKE, 8, -ENOSPC, -ENOSPC },
	{ "before-the-table-boundary-real", PANTHOR_PGT_REAL, 8, -ENOSPC, -ENOSPC },
	{ "behind-the-table-boundary-fake", PANTHOR_PGT_FAKE, 9, -ENOSPC, -ENOSPC },
	{ "behind-the-table-boundary-real", PANTHOR_PGT_REAL, 9, -ENOSPC, -ENOSPC },
	{ "last-fake", PANTHOR_PGT_FAKE, 16, -EEXIST, -EEXIST },
	{ "last-real", PANTHOR_PGT_REAL, 16, -EEXIST, -EEXIST },
	{ "first-nothing-mapped-fake", PANTHOR_PGT_FAKE, 1, 0, -ENOMEM },
	{ "first-nothing-mapped-real", PANTHOR_PGT_REAL, 1, 0, -ENOMEM },
};

KUNIT_ARRAY_PARAM_DESC(fail, fail_params, desc);

static struct vm_model *window(struct kunit *test, enum panthor_pgt_kind kind)
{
	panthor_pgt_install(test, kind);
	return vm_model_create(test, panthor_kunit_vm(test), WINDOW, WINDOW_SIZE);
}

/* Maps pages [8, 24) with the failure armed; the driver warns about it. */
static void failing_map(struct vm_model *m, struct panthor_gem_object *bo,
			const struct fail_param *p)
{
	panthor_pgt_fail_entry(m->pgt, p->nth, p->err);
	kunit_warning_suppress(m->test)
		KUNIT_EXPECT_EQ(m->test, vm_model_map(m, bo, 0, PG(16), VA(8), 0), p->expected);
	KUNIT_ASSERT_TRUE(m->test, panthor_pgt_fired(m->pgt));
}

/*
 * What was mapped before the failure is taken back.
 * Succeeds if the errno is the page table's and nothing is mapped.
 */
static void failed_map_leaves_nothing_mapped(struct kunit *test)
{
	const struct fail_param *p = test->param_value;
	struct vm_model *m = window(test, p->kind);

	failing_map(m, panthor_kunit_bo(test, PG(16)), p);
	KUNIT_EXPECT_EQ(test, panthor_pgt_mapped(m->pgt), 0);
	KUNIT_EXPECT_EQ(test, vm_model_vmas(m), 0);
}

/*
 * The BO of a failed mapping has pages but no mapping.
 * Succeeds if it is not pinned, has no vm_bo and can be reclaimed.
 */
static void failed_map_lets_go_of_the_bo(struct kunit *test)
{
	const struct fail_param *p = test->param_value;
	struct vm_model *m = window(test, p->kind);
	struct panthor_gem_object *bo = panthor_kunit_bo(test, PG(16));

	failing_map(m, bo, p);
	KUNIT_EXPECT_EQ(test, refcount_read(&bo->backing.pin_count), 0);
	KUNIT_EXPECT_TRUE(test, list_empty(&bo->base.gpuva.list));
	expect_bo_state(test, bo, PANTHOR_GEM_UNUSED);
}

/*
 * The driver does not know what state the page table is in, and says so.
 * Succeeds if the VM is unusable and refuses the same mapping with -EINVAL.
 */
static void failed_map_makes_the_vm_unusable(struct kunit *test)
{
	const struct fail_param *p = test->param_value;
	struct vm_model *m = window(test, p->kind);
	struct panthor_gem_object *bo = panthor_kunit_bo(test, PG(16));

	KUNIT_EXPECT_FALSE(test, panthor_vm_is_unusable(m->vm));
	failing_map(m, bo, p);
	KUNIT_EXPECT_TRUE(test, panthor_vm_is_unusable(m->vm));
	KUNIT_EXPECT_EQ(test, vm_model_map(m, bo, 0, PG(16), VA(8), 0), -EINVAL);
}

/*
 * Other mappings of the VM are not to blame, and can be removed.
 * Succeeds if a mapping made before is there after the failure, and goes when
 * it is unmapped.
 */
static void failed_map_keeps_other_mappings(struct kunit *test)
{
	const struct fail_param *p = test->param_value;
	struct vm_model *m = window(test, p->kind);

	KUNIT_ASSERT_EQ(test, vm_model_map(m, panthor_kunit_bo(test, PG(4)), 0, PG(4),
					   VA(2), 0), 0);
	failing_map(m, panthor_kunit_bo(test, PG(16)), p);
	KUNIT_EXPECT_EQ(test, vm_model_unmap(m, VA(2), PG(4)), 0);
	KUNIT_EXPECT_EQ(test, vm_model_vmas(m), 0);
}

/*
 * The operation takes down what is in the way before it maps, and does not
 * undo that: user space has to make a new VM anyway.
 * Succeeds if what was in the way is gone and what was beside it is not, in
 * tree and page table alike.
 */
static void failed_map_over_keeps_the_rest(struct kunit *test)
{
	const struct fail_param *p = test->param_value;
	struct vm_model *m = window(test, p->kind);

	KUNIT_ASSERT_EQ(test, vm_model_map(m, panthor_kunit_bo(test, PG(24)), 0, PG(24),
					   VA(4), 0), 0);
	panthor_pgt_fail_entry(m->pgt, p->nth, p->err);
	kunit_warning_suppress(test)
		KUNIT_EXPECT_EQ(test, panthor_vm_map_bo_range(m->vm,
							      panthor_kunit_bo(test, PG(16)),
							      0, PG(16), VA(8), 0), p->expected);
	KUNIT_ASSERT_TRUE(test, panthor_pgt_fired(m->pgt));

	vm_model_clear(m, VA(8), PG(16));
	vm_model_check(m);
	KUNIT_EXPECT_EQ(test, vm_model_vmas(m), 2);
}

/*
 * A page table may map less than it was asked for; the rest is asked for again.
 * Succeeds if each page is mapped although three at a time are the most.
 */
static void short_map_is_continued(struct kunit *test)
{
	const struct panthor_pgt_param *p = test->param_value;
	struct vm_model *m = window(test, p->kind);

	panthor_pgt_limit_entries(m->pgt, 3);
	KUNIT_EXPECT_EQ(test, vm_model_map(m, panthor_kunit_bo(test, PG(16)), 0, PG(16),
					   VA(8), 0), 0);
	KUNIT_EXPECT_FALSE(test, panthor_vm_is_unusable(m->vm));
}

/* Tables for pages [8, 24): 1 GiB and 2 MiB on both sides of the boundary. */
struct tables_param {
	const char *desc;
	unsigned int tables;
};

static const struct tables_param tables_params[] = {
	{ "none", 0 },
	{ "one", 1 },
	{ "first-side-only", 3 },
	{ "all-but-one", 4 },
};

KUNIT_ARRAY_PARAM_DESC(tables, tables_params, desc);

/*
 * The page table runs out of memory half way.
 * Succeeds if the operation reports -ENOMEM, and nothing is mapped.
 */
static void out_of_tables_leaves_nothing_mapped(struct kunit *test)
{
	const struct tables_param *p = test->param_value;
	struct vm_model *m = window(test, PANTHOR_PGT_FAKE);

	panthor_pgt_limit_tables(m->pgt, p->tables);
	kunit_warning_suppress(test)
		KUNIT_EXPECT_EQ(test, vm_model_map(m, panthor_kunit_bo(test, PG(16)), 0,
						   PG(16), VA(8), 0), -ENOMEM);
	KUNIT_EXPECT_TRUE(test, panthor_vm_is_unusable(m->vm));
	KUNIT_EXPECT_EQ(test, panthor_pgt_mapped(m->pgt), 0);
}

/*
 * The five tables that suffice, so that the case above is one table short.
 * Succeeds if the mapping works.
 */
static void enough_tables_are_enough(struct kunit *test)
{
	struct vm_model *m = window(test, PANTHOR_PGT_FAKE);

	panthor_pgt_limit_tables(m->pgt, 5);
	KUNIT_EXPECT_EQ(test, vm_model_map(m, panthor_kunit_bo(test, PG(16)), 0, PG(16),
					   VA(8), 0), 0);
}

/*
 * Pages cannot be had: that is no reason to give up the VM.
 * Succeeds if the errno is the allocator's, no trace is left, and the same
 * request succeeds afterwards.
 */
static void map_without_pages_leaves_no_trace(struct kunit *test)
{
	const struct panthor_pgt_param *p = test->param_value;
	struct vm_model *m = window(test, p->kind);
	struct panthor_gem_object *bo = panthor_kunit_bo(test, PG(16));

	panthor_seam_fail_once(test, SEAM_GET_PAGES, -ENOSPC);
	KUNIT_EXPECT_EQ(test, vm_model_map(m, bo, 0, PG(16), VA(8), 0), -ENOSPC);
	KUNIT_EXPECT_TRUE(test, panthor_seam_fired(SEAM_GET_PAGES));
	KUNIT_EXPECT_FALSE(test, panthor_vm_is_unusable(m->vm));
	KUNIT_EXPECT_TRUE(test, list_empty(&bo->base.gpuva.list));
	KUNIT_EXPECT_EQ(test, vm_model_map(m, bo, 0, PG(16), VA(8), 0), 0);
}

/**
 * struct hole_param - Pages that vanish from the page table
 * @desc: Description.
 * @kind: Page table.
 * @first: First hole, in pages of a mapping of 16.
 * @second: Second hole.
 */
struct hole_param {
	const char *desc;
	enum panthor_pgt_kind kind;
	unsigned int first;
	unsigned int second;
};

static const struct hole_param hole_params[] = {
	{ "first-page-fake", PANTHOR_PGT_FAKE, 0, 0 },
	{ "first-page-real", PANTHOR_PGT_REAL, 0, 0 },
	{ "second-page-fake", PANTHOR_PGT_FAKE, 1, 1 },
	{ "second-page-real", PANTHOR_PGT_REAL, 1, 1 },
	{ "neighbours-fake", PANTHOR_PGT_FAKE, 2, 3 },
	{ "neighbours-real", PANTHOR_PGT_REAL, 2, 3 },
	{ "two-holes-fake", PANTHOR_PGT_FAKE, 1, 4 },
	{ "two-holes-real", PANTHOR_PGT_REAL, 1, 4 },
	{ "behind-the-table-boundary-fake", PANTHOR_PGT_FAKE, 8, 8 },
	{ "behind-the-table-boundary-real", PANTHOR_PGT_REAL, 8, 8 },
	{ "late-behind-the-table-boundary-fake", PANTHOR_PGT_FAKE, 12, 12 },
	{ "late-behind-the-table-boundary-real", PANTHOR_PGT_REAL, 12, 12 },
};

KUNIT_ARRAY_PARAM_DESC(hole, hole_params, desc);

/* Takes a page out behind the driver's back. */
static void poke_hole(struct vm_model *m, u64 va)
{
	struct io_pgtable_ops *ops = panthor_pgt_ops(m->pgt);

	KUNIT_ASSERT_EQ(m->test, ops->unmap_pages(ops, va, SZ_4K, 1, NULL), SZ_4K);
}

/*
 * The driver promises to get over a page table that is out of step with the
 * tree: what is there must be unmapped before the pages are released (I7).
 * Succeeds if nothing is left mapped and the VM is flagged unusable.
 */
static void unmap_gets_over_holes(struct kunit *test)
{
	const struct hole_param *p = test->param_value;
	struct vm_model *m = window(test, p->kind);

	KUNIT_ASSERT_EQ(test, vm_model_map(m, panthor_kunit_bo(test, PG(16)), 0, PG(16),
					   VA(8), 0), 0);
	poke_hole(m, VA(8 + p->first));
	if (p->second != p->first)
		poke_hole(m, VA(8 + p->second));

	kunit_warning_suppress(test)
		KUNIT_EXPECT_EQ(test, vm_model_unmap(m, VA(8), PG(16)), 0);
	KUNIT_EXPECT_TRUE(test, panthor_vm_is_unusable(m->vm));
	KUNIT_EXPECT_EQ(test, panthor_pgt_mapped(m->pgt), 0);
	/* The holes are the case's. */
	panthor_pgt_take_violations();
}

static struct kunit_case vm_fail_cases[] = {
	KUNIT_CASE_PARAM(failed_map_leaves_nothing_mapped, fail_gen_params),
	KUNIT_CASE_PARAM(failed_map_lets_go_of_the_bo, fail_gen_params),
	KUNIT_CASE_PARAM(failed_map_makes_the_vm_unusable, fail_gen_params),
	KUNIT_CASE_PARAM(failed_map_keeps_other_mappings, fail_gen_params),
	KUNIT_CASE_PARAM(failed_map_over_keeps_the_rest, fail_gen_params),
	KUNIT_CASE_PARAM(short_map_is_continued, pgt_gen_params),
	KUNIT_CASE_PARAM(out_of_tables_leaves_nothing_mapped, tables_gen_params),
	KUNIT_CASE(enough_tables_are_enough),
	KUNIT_CASE_PARAM(map_without_pages_leaves_no_trace, pgt_gen_params),
	KUNIT_CASE_PARAM(unmap_gets_over_holes, hole_gen_params),
	{}
};

static struct kunit_suite vm_fail_suite = {
	.name = "panthor_vm_fail",
	.init = panthor_kunit_init,
	.exit = panthor_kunit_exit,
	.suite_exit = panthor_kunit_suite_exit,
	.test_cases = vm_fail_cases,
};

kunit_test_suite(vm_fail_suite);
