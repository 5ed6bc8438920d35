// SPDX-License-Identifier: GPL-2.0-only
/* Mappings of imported BOs, whose pages the driver does not know, cut in parts. */

#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/sizes.h>

#include "fake_pgtable.h"
#include "fixture.h"
#include "foreign.h"
#include "reclaim.h"
#include "vm_walk.h"

#define WINDOW		SZ_1G

/**
 * struct import_param - A range that goes from the mapping of an imported BO
 * @desc: Description.
 * @va: Where the BO is mapped, in the window.
 * @size: Its size.
 * @first: Start of the range in the window.
 * @range: Size of the range.
 * @over: Another BO is mapped there, instead of an unmap.
 * @fatal: A whole block of 2 MiB remains before or after the range, or would if
 *	the range were not cut out of it: stock dereferences NULL there (D60).
 */
struct import_param {
	const char *desc;
	u64 va;
	u64 size;
	u64 first;
	u64 range;
	bool over;
	bool fatal;
};

static const struct import_param import_params[] = {
	{ "block_in_part", SZ_512K, SZ_1M, SZ_1M, SZ_64K },
	{ "block_in_part-map", SZ_512K, SZ_1M, SZ_1M, SZ_64K, true },
	{ "whole_block", 0, SZ_4M, 0, SZ_2M },
	{ "whole_block-map", 0, SZ_4M, SZ_2M, SZ_2M, true },
	{ "middle_of_block", 0, SZ_4M, SZ_1M, SZ_64K, false, true },
	{ "middle_of_block-map", 0, SZ_4M, SZ_1M, SZ_64K, true, true },
	{ "end_of_block", 0, SZ_4M, SZ_1M, SZ_1M, false, true },
	{ "begin_of_block", 0, SZ_4M, SZ_2M, SZ_1M, false, true },
};

KUNIT_ARRAY_PARAM_DESC(import, import_params, desc);

/* Whether page @i of @buf is where the mapping at @va has it. */
static bool is_mapped(struct panthor_vm *vm, struct foreign_buf *buf, u64 va, unsigned int i)
{
	return vm_walk_phys(vm, va + i * PAGE_SIZE) == page_to_phys(buf->pages[i]);
}

/*
 * A part of an imported BO's mapping goes. The BO has no array of pages in which
 * the driver could look up how it is mapped (B50).
 * Succeeds if what is left leads to the exporter's pages, page by page, and the
 * range to nothing or to the BO that was mapped over it.
 */
static void part_of_imported_bo_goes(struct kunit *test)
{
	const struct import_param *p = test->param_value;
	struct foreign_buf *buf = foreign_buf(test, p->size / PAGE_SIZE);
	struct panthor_gem_object *bo, *other = NULL;
	unsigned int left = 0, want = (p->size - p->range) / PAGE_SIZE;
	u64 va = WINDOW + p->va, first = WINDOW + p->first;
	struct panthor_vm *vm;

	if (p->fatal)
		panthor_kunit_need_fatal(test, p->desc);

	/* No neighbours, no blocks: those of small folios are D10. */
	for (unsigned int i = 0; i + 1 < buf->nr_pages; i += 2)
		swap(buf->pages[i], buf->pages[i + 1]);
	bo = foreign_import(test, buf);
	panthor_pgt_install(test, PANTHOR_PGT_FAKE);
	vm = panthor_kunit_vm(test);
	panthor_kunit_map(test, vm, bo, va);
	for (unsigned int i = 0; i < buf->nr_pages; i++)
		KUNIT_ASSERT_TRUE(test, is_mapped(vm, buf, va, i));

	if (p->over) {
		other = panthor_kunit_bo(test, p->range);
		KUNIT_EXPECT_EQ(test, panthor_vm_map_bo_range(vm, other, 0, p->range, first, 0), 0);
		KUNIT_EXPECT_EQ(test, vm_walk_pages(vm, first, p->range, other, 0),
				p->range / SZ_4K);
	} else {
		KUNIT_EXPECT_EQ(test, panthor_vm_unmap_range(vm, first, p->range), 0);
		KUNIT_EXPECT_EQ(test, vm_walk_ptes(vm, first, p->range), 0);
	}
	for (unsigned int i = 0; i < buf->nr_pages; i++)
		left += is_mapped(vm, buf, va, i);
	KUNIT_EXPECT_EQ(test, left, want);
}

static struct kunit_case vm_import_cases[] = {
	KUNIT_CASE_PARAM(part_of_imported_bo_goes, import_gen_params),
	{}
};

static struct kunit_suite vm_import_suite = {
	.name = "panthor_vm_import",
	.init = panthor_kunit_init,
	.exit = panthor_kunit_exit,
	.suite_exit = panthor_kunit_suite_exit,
	.test_cases = vm_import_cases,
};

kunit_test_suite(vm_import_suite);
