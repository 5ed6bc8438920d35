// SPDX-License-Identifier: GPL-2.0-only
/* Mapping, unmapping, and splitting of mappings, against the flat model. */

#include <linux/sizes.h>

#include <drm/panthor_drm.h>

#include "fake_pgtable.h"
#include "fixture.h"
#include "seam.h"
#include "vm_model.h"

/* Window of the cases: small, and with a 2 MiB boundary in the middle. */
#define WINDOW		(SZ_1G - SZ_64K)
#define WINDOW_SIZE	SZ_128K
#define PG(n)		((n) * (u64)SZ_4K)
#define VA(n)		(WINDOW + PG(n))

KUNIT_ARRAY_PARAM_DESC(pgt, panthor_pgt_params, desc);

static struct vm_model *window(struct kunit *test)
{
	const struct panthor_pgt_param *param = test->param_value;

	panthor_pgt_install(test, param->kind);
	return vm_model_create(test, panthor_kunit_vm(test), WINDOW, WINDOW_SIZE);
}

/* A BO of @count GPU pages, rounded up to the kernel's. */
static struct panthor_gem_object *pages_bo(struct kunit *test, unsigned int count)
{
	return panthor_kunit_bo(test, PG(count));
}

/*
 * The plainest mapping: a whole BO, over the boundary of a table.
 * Succeeds if each page of the BO is where it should be and nothing else is.
 */
static void map_translates_each_page(struct kunit *test)
{
	struct vm_model *m = window(test);
	struct panthor_gem_object *bo = pages_bo(test, 16);

	KUNIT_EXPECT_EQ(test, vm_model_map(m, bo, 0, bo->base.size, VA(8), 0), 0);
	KUNIT_EXPECT_EQ(test, vm_model_vmas(m), 1);
}

/*
 * Unmapping exactly what was mapped.
 * Succeeds if tree and page table are empty.
 */
static void unmap_removes_each_page(struct kunit *test)
{
	struct vm_model *m = window(test);
	struct panthor_gem_object *bo = pages_bo(test, 16);

	KUNIT_ASSERT_EQ(test, vm_model_map(m, bo, 0, bo->base.size, VA(8), 0), 0);
	KUNIT_EXPECT_EQ(test, vm_model_unmap(m, VA(8), bo->base.size), 0);
	KUNIT_EXPECT_EQ(test, vm_model_vmas(m), 0);
}

static struct kunit_case vm_map_cases[] = {
	KUNIT_CASE_PARAM(map_translates_each_page, pgt_gen_params),
	KUNIT_CASE_PARAM(unmap_removes_each_page, pgt_gen_params),
	{}
};

static struct kunit_suite vm_map_suite = {
	.name = "panthor_vm_map",
	.init = panthor_kunit_init,
	.exit = panthor_kunit_exit,
	.test_cases = vm_map_cases,
};

kunit_test_suite(vm_map_suite);
