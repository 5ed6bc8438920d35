// SPDX-License-Identifier: GPL-2.0-only
/* Mapping, unmapping, and splitting of mappings, against the flat model. */

#include <linux/err.h>
#include <linux/list.h>
#include <linux/sizes.h>

#include <drm/drm_gem.h>
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

/*
 * Two BOs side by side, mapped in the order that makes the second the lower.
 * Succeeds if each address translates to its own BO and there are two VMAs.
 */
static void adjacent_bos_do_not_disturb_each_other(struct kunit *test)
{
	struct vm_model *m = window(test);
	struct panthor_gem_object *a = pages_bo(test, 8), *b = pages_bo(test, 8);

	KUNIT_EXPECT_EQ(test, vm_model_map(m, a, 0, PG(8), VA(12), 0), 0);
	KUNIT_EXPECT_EQ(test, vm_model_map(m, b, 0, PG(8), VA(4), 0), 0);
	KUNIT_EXPECT_EQ(test, vm_model_vmas(m), 2);
}

/*
 * The second mapping of a private BO finds the first one's vm_bo and has to
 * throw away the one it prepared, whose free hook takes the resv (B36).
 * Succeeds if both mappings are there, under one vm_bo.
 */
static void private_bo_maps_twice(struct kunit *test)
{
	struct vm_model *m = window(test);
	struct panthor_gem_object *bo = panthor_kunit_try_bo(test, m->vm, PG(8), 0);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, bo);
	KUNIT_EXPECT_EQ(test, vm_model_map(m, bo, 0, PG(8), VA(0), 0), 0);
	KUNIT_EXPECT_EQ(test, vm_model_map(m, bo, 0, PG(8), VA(16), 0), 0);
	KUNIT_EXPECT_EQ(test, vm_model_vmas(m), 2);
	KUNIT_EXPECT_EQ(test, list_count_nodes(&bo->base.gpuva.list), 1);
}

/*
 * One of two mappings of a BO goes.
 * Succeeds if the other still translates and the BO counts as GPU mapped.
 */
static void unmap_of_one_mapping_keeps_the_other(struct kunit *test)
{
	struct vm_model *m = window(test);
	struct panthor_gem_object *bo = pages_bo(test, 8);

	KUNIT_ASSERT_EQ(test, vm_model_map(m, bo, 0, PG(8), VA(0), 0), 0);
	KUNIT_ASSERT_EQ(test, vm_model_map(m, bo, 0, PG(8), VA(16), 0), 0);
	KUNIT_EXPECT_EQ(test, vm_model_unmap(m, VA(0), PG(8)), 0);
	expect_bo_state(test, bo, PANTHOR_GEM_GPU_MAPPED_SINGLE_VM);
}

/*
 * A BO is reclaimable without a GPU wait once its last mapping is gone, and
 * not a mapping earlier.
 * Succeeds if half an unmap leaves it GPU mapped and the rest makes it unused.
 */
static void last_unmap_makes_the_bo_unused(struct kunit *test)
{
	struct vm_model *m = window(test);
	struct panthor_gem_object *bo = pages_bo(test, 8);

	KUNIT_ASSERT_EQ(test, vm_model_map(m, bo, 0, PG(8), VA(0), 0), 0);
	KUNIT_ASSERT_EQ(test, vm_model_unmap(m, VA(0), PG(4)), 0);
	expect_bo_state(test, bo, PANTHOR_GEM_GPU_MAPPED_SINGLE_VM);
	KUNIT_ASSERT_EQ(test, vm_model_unmap(m, VA(4), PG(4)), 0);
	expect_bo_state(test, bo, PANTHOR_GEM_UNUSED);
}

/**
 * struct part_param - A range over a mapping of pages [8, 24)
 * @desc: Description.
 * @kind: Page table.
 * @first: First page of the range.
 * @count: Number of pages.
 * @left: VMAs of the mapping that are left.
 */
struct part_param {
	const char *desc;
	enum panthor_pgt_kind kind;
	unsigned int first;
	unsigned int count;
	unsigned int left;
};

static const struct part_param part_params[] = {
	{ "head-fake", PANTHOR_PGT_FAKE, 8, 3, 1 },
	{ "head-real", PANTHOR_PGT_REAL, 8, 3, 1 },
	{ "first-page-fake", PANTHOR_PGT_FAKE, 8, 1, 1 },
	{ "first-page-real", PANTHOR_PGT_REAL, 8, 1, 1 },
	{ "middle-fake", PANTHOR_PGT_FAKE, 13, 5, 2 },
	{ "middle-real", PANTHOR_PGT_REAL, 13, 5, 2 },
	{ "at-the-table-boundary-fake", PANTHOR_PGT_FAKE, 16, 1, 2 },
	{ "at-the-table-boundary-real", PANTHOR_PGT_REAL, 16, 1, 2 },
	{ "tail-fake", PANTHOR_PGT_FAKE, 20, 4, 1 },
	{ "tail-real", PANTHOR_PGT_REAL, 20, 4, 1 },
	{ "whole-fake", PANTHOR_PGT_FAKE, 8, 16, 0 },
	{ "whole-real", PANTHOR_PGT_REAL, 8, 16, 0 },
	{ "whole-and-around-fake", PANTHOR_PGT_FAKE, 4, 24, 0 },
	{ "whole-and-around-real", PANTHOR_PGT_REAL, 4, 24, 0 },
	{ "head-and-before-fake", PANTHOR_PGT_FAKE, 4, 6, 1 },
	{ "head-and-before-real", PANTHOR_PGT_REAL, 4, 6, 1 },
	{ "tail-and-behind-fake", PANTHOR_PGT_FAKE, 22, 6, 1 },
	{ "tail-and-behind-real", PANTHOR_PGT_REAL, 22, 6, 1 },
	{ "only-before-fake", PANTHOR_PGT_FAKE, 2, 6, 1 },
	{ "only-before-real", PANTHOR_PGT_REAL, 2, 6, 1 },
	{ "only-behind-fake", PANTHOR_PGT_FAKE, 24, 6, 1 },
	{ "only-behind-real", PANTHOR_PGT_REAL, 24, 6, 1 },
};

KUNIT_ARRAY_PARAM_DESC(part, part_params, desc);

/*
 * Unmapping a part splits the mapping; what is left keeps its offset. The page
 * table is changed nowhere else.
 * Succeeds if the model agrees and the number of remaining VMAs is right.
 */
static void unmap_of_a_part_keeps_the_rest(struct kunit *test)
{
	const struct part_param *p = test->param_value;
	struct panthor_gem_object *bo = pages_bo(test, 18);
	struct vm_model *m;

	panthor_pgt_install(test, p->kind);
	m = vm_model_create(test, panthor_kunit_vm(test), WINDOW, WINDOW_SIZE);
	KUNIT_ASSERT_EQ(test, vm_model_map(m, bo, PG(2), PG(16), VA(8), 0), 0);

	panthor_pgt_allow(m->pgt, VA(p->first), PG(p->count));
	KUNIT_EXPECT_EQ(test, vm_model_unmap(m, VA(p->first), PG(p->count)), 0);
	panthor_pgt_allow(m->pgt, 0, 0);
	KUNIT_EXPECT_EQ(test, vm_model_vmas(m), p->left);
}

/*
 * Mapping over a mapping replaces what is below and keeps what is beside.
 * Succeeds if the model agrees and the number of VMAs is right.
 */
static void map_over_a_part_keeps_the_rest(struct kunit *test)
{
	const struct part_param *p = test->param_value;
	struct panthor_gem_object *a = pages_bo(test, 18), *b = pages_bo(test, p->count + 1);
	struct vm_model *m;

	panthor_pgt_install(test, p->kind);
	m = vm_model_create(test, panthor_kunit_vm(test), WINDOW, WINDOW_SIZE);
	KUNIT_ASSERT_EQ(test, vm_model_map(m, a, PG(2), PG(16), VA(8), 0), 0);

	panthor_pgt_allow(m->pgt, VA(p->first), PG(p->count));
	KUNIT_EXPECT_EQ(test, vm_model_map(m, b, PG(1), PG(p->count), VA(p->first), 0), 0);
	panthor_pgt_allow(m->pgt, 0, 0);
	KUNIT_EXPECT_EQ(test, vm_model_vmas(m), p->left + 1);
}

/*
 * A BO is mapped over a part of its own mapping, with another offset: the
 * vm_bo is dropped by the old VMA and taken by three others in one operation.
 * Succeeds if the model agrees and there is one vm_bo.
 */
static void map_over_itself_keeps_the_rest(struct kunit *test)
{
	const struct part_param *p = test->param_value;
	struct panthor_gem_object *bo = pages_bo(test, 32);
	struct vm_model *m;

	panthor_pgt_install(test, p->kind);
	m = vm_model_create(test, panthor_kunit_vm(test), WINDOW, WINDOW_SIZE);
	KUNIT_ASSERT_EQ(test, vm_model_map(m, bo, PG(2), PG(16), VA(8), 0), 0);
	KUNIT_EXPECT_EQ(test, vm_model_map(m, bo, PG(1), PG(p->count), VA(p->first), 0), 0);
	KUNIT_EXPECT_EQ(test, vm_model_vmas(m), p->left + 1);
	KUNIT_EXPECT_EQ(test, list_count_nodes(&bo->base.gpuva.list), 1);
}

/*
 * One operation that cuts the end of a mapping, swallows a second one and cuts
 * the beginning of a third, with holes between.
 * Succeeds if the model agrees and the swallowed BO is unused.
 */
static void unmap_spans_several_mappings(struct kunit *test)
{
	struct vm_model *m = window(test);
	struct panthor_gem_object *a = pages_bo(test, 6), *b = pages_bo(test, 6);
	struct panthor_gem_object *c = pages_bo(test, 6);

	KUNIT_ASSERT_EQ(test, vm_model_map(m, a, 0, PG(6), VA(2), 0), 0);
	KUNIT_ASSERT_EQ(test, vm_model_map(m, b, 0, PG(6), VA(12), 0), 0);
	KUNIT_ASSERT_EQ(test, vm_model_map(m, c, 0, PG(6), VA(20), 0), 0);

	KUNIT_EXPECT_EQ(test, vm_model_unmap(m, VA(4), PG(19)), 0);
	KUNIT_EXPECT_EQ(test, vm_model_vmas(m), 2);
	expect_bo_state(test, b, PANTHOR_GEM_UNUSED);
}

/*
 * The same with a mapping.
 * Succeeds if the model agrees and the swallowed BO is unused.
 */
static void map_spans_several_mappings(struct kunit *test)
{
	struct vm_model *m = window(test);
	struct panthor_gem_object *a = pages_bo(test, 6), *b = pages_bo(test, 6);
	struct panthor_gem_object *c = pages_bo(test, 6), *d = pages_bo(test, 20);

	KUNIT_ASSERT_EQ(test, vm_model_map(m, a, 0, PG(6), VA(2), 0), 0);
	KUNIT_ASSERT_EQ(test, vm_model_map(m, b, 0, PG(6), VA(12), 0), 0);
	KUNIT_ASSERT_EQ(test, vm_model_map(m, c, 0, PG(6), VA(20), 0), 0);

	KUNIT_EXPECT_EQ(test, vm_model_map(m, d, 0, PG(19), VA(4), 0), 0);
	KUNIT_EXPECT_EQ(test, vm_model_vmas(m), 3);
	expect_bo_state(test, b, PANTHOR_GEM_UNUSED);
}

/*
 * Unmapping what is not mapped is allowed to user space and is not a reason
 * to touch a page table.
 * Succeeds if it reports success with the whole page table out of bounds.
 */
static void unmap_of_a_hole_does_nothing(struct kunit *test)
{
	struct vm_model *m = window(test);

	panthor_pgt_allow(m->pgt, 0, SZ_4K);
	KUNIT_EXPECT_EQ(test, vm_model_unmap(m, VA(4), PG(20)), 0);
	panthor_pgt_allow(m->pgt, 0, 0);
	KUNIT_EXPECT_FALSE(test, panthor_vm_is_unusable(m->vm));
}

/*
 * What the driver does when a VM is destroyed: one unmap of everything.
 * Succeeds if nothing is left of three mappings, one of them split.
 */
static void unmap_of_everything_leaves_nothing(struct kunit *test)
{
	struct vm_model *m = window(test);
	struct panthor_gem_object *a = pages_bo(test, 6), *b = pages_bo(test, 20);

	KUNIT_ASSERT_EQ(test, vm_model_map(m, b, 0, PG(20), VA(8), 0), 0);
	KUNIT_ASSERT_EQ(test, vm_model_map(m, a, 0, PG(6), VA(0), 0), 0);
	KUNIT_ASSERT_EQ(test, vm_model_unmap(m, VA(13), PG(3)), 0);

	KUNIT_EXPECT_EQ(test, panthor_vm_unmap_range(m->vm, 0, PANTHOR_KUNIT_VA_USER), 0);
	vm_model_clear(m, WINDOW, WINDOW_SIZE);
	vm_model_check(m);
}

/*
 * The same BO at the same address of two VMs.
 * Succeeds if an unmap in one leaves the other, and the state follows.
 */
static void vms_do_not_share_mappings(struct kunit *test)
{
	struct vm_model *m = window(test);
	struct vm_model *n = vm_model_create(test, panthor_kunit_vm(test), WINDOW, WINDOW_SIZE);
	struct panthor_gem_object *bo = pages_bo(test, 8);

	KUNIT_ASSERT_EQ(test, vm_model_map(m, bo, 0, PG(8), VA(2), 0), 0);
	KUNIT_ASSERT_EQ(test, vm_model_map(n, bo, 0, PG(8), VA(2), 0), 0);
	expect_bo_state(test, bo, PANTHOR_GEM_GPU_MAPPED_MULTI_VM);

	KUNIT_EXPECT_EQ(test, vm_model_unmap(m, VA(2), PG(8)), 0);
	vm_model_check(n);
	expect_bo_state(test, bo, PANTHOR_GEM_GPU_MAPPED_SINGLE_VM);
}

#define READONLY	DRM_PANTHOR_VM_BIND_OP_MAP_READONLY
#define NOEXEC		DRM_PANTHOR_VM_BIND_OP_MAP_NOEXEC
#define UNCACHED	DRM_PANTHOR_VM_BIND_OP_MAP_UNCACHED

/**
 * struct flags_param - Flags of a mapping
 * @desc: Description.
 * @kind: Page table.
 * @flags: DRM_PANTHOR_VM_BIND_OP_MAP_* flags.
 */
struct flags_param {
	const char *desc;
	enum panthor_pgt_kind kind;
	u32 flags;
};

static const struct flags_param flags_params[] = {
	{ "readonly-fake", PANTHOR_PGT_FAKE, READONLY },
	{ "readonly-real", PANTHOR_PGT_REAL, READONLY },
	{ "noexec-fake", PANTHOR_PGT_FAKE, NOEXEC },
	{ "noexec-real", PANTHOR_PGT_REAL, NOEXEC },
	{ "uncached-fake", PANTHOR_PGT_FAKE, UNCACHED },
	{ "uncached-real", PANTHOR_PGT_REAL, UNCACHED },
	{ "readonly-noexec-uncached-fake", PANTHOR_PGT_FAKE, READONLY | NOEXEC | UNCACHED },
	{ "readonly-noexec-uncached-real", PANTHOR_PGT_REAL, READONLY | NOEXEC | UNCACHED },
};

KUNIT_ARRAY_PARAM_DESC(flags, flags_params, desc);

/*
 * What user space asked for is what the GPU gets, and a neighbour in the same
 * table gets what it asked for.
 * Succeeds if the protection of each page is that of its mapping.
 */
static void flags_decide_the_protection(struct kunit *test)
{
	const struct flags_param *p = test->param_value;
	struct panthor_gem_object *bo = pages_bo(test, 8);
	struct vm_model *m;

	panthor_pgt_install(test, p->kind);
	m = vm_model_create(test, panthor_kunit_vm(test), WINDOW, WINDOW_SIZE);
	KUNIT_EXPECT_EQ(test, vm_model_map(m, bo, 0, PG(8), VA(0), p->flags), 0);
	KUNIT_EXPECT_EQ(test, vm_model_map(m, bo, 0, PG(8), VA(8), 0), 0);
}

/*
 * A split makes new VMAs, which inherit.
 * Succeeds if both remainders have the protection of the mapping.
 */
static void split_keeps_the_protection(struct kunit *test)
{
	const struct flags_param *p = test->param_value;
	struct panthor_gem_object *bo = pages_bo(test, 16);
	struct vm_model *m;

	panthor_pgt_install(test, p->kind);
	m = vm_model_create(test, panthor_kunit_vm(test), WINDOW, WINDOW_SIZE);
	KUNIT_ASSERT_EQ(test, vm_model_map(m, bo, 0, PG(16), VA(0), p->flags), 0);
	KUNIT_EXPECT_EQ(test, vm_model_map(m, bo, 0, PG(4), VA(6), 0), 0);
	KUNIT_EXPECT_EQ(test, vm_model_vmas(m), 3);
}

/*
 * The scheduler finds ring buffers by their GPU address. Splits must not
 * confuse it.
 * Succeeds if BO and offset behind a split are right, and a hole has none.
 */
static void lookup_by_address_knows_splits(struct kunit *test)
{
	struct vm_model *m = window(test);
	struct panthor_gem_object *bo = pages_bo(test, 16), *found;
	u64 offset = 0;

	KUNIT_ASSERT_EQ(test, vm_model_map(m, bo, PG(1), PG(15), VA(0), 0), 0);
	KUNIT_ASSERT_EQ(test, vm_model_unmap(m, VA(4), PG(4)), 0);

	found = panthor_vm_get_bo_for_va(m->vm, VA(9) + 16, &offset);
	KUNIT_ASSERT_PTR_EQ(test, found, bo);
	drm_gem_object_put(&found->base);
	KUNIT_EXPECT_EQ(test, offset, PG(10) + 16);
	KUNIT_EXPECT_EQ(test, PTR_ERR(panthor_vm_get_bo_for_va(m->vm, VA(5), &offset)), -ENOENT);
}

/**
 * struct refused_param - A mapping that the driver must refuse
 * @desc: Description.
 * @offset: Offset in a BO of 8 pages, in pages.
 * @count: Number of pages.
 * @va: GPU address.
 * @flags: Flags.
 * @expected: Errno.
 */
struct refused_param {
	const char *desc;
	u64 offset;
	u64 count;
	u64 va;
	u32 flags;
	int expected;
};

static const struct refused_param refused_params[] = {
	{ "longer-than-the-bo", 0, 9, VA(0), 0, -EINVAL },
	{ "offset-behind-the-bo", 8, 1, VA(0), 0, -EINVAL },
	{ "end-behind-the-bo", 4, 5, VA(0), 0, -EINVAL },
	{ "offset-wraps", U64_MAX >> 12, 2, VA(0), 0, -EINVAL },
	{ "behind-the-address-space", 0, 8, BIT_ULL(48), 0, -EINVAL },
	{ "over-the-end-of-the-address-space", 0, 8, BIT_ULL(48) - SZ_4K, 0, -EINVAL },
	{ "unknown-flag", 0, 8, VA(0), BIT(27), -EINVAL },
	{ "type-unmap", 0, 8, VA(0), DRM_PANTHOR_VM_BIND_OP_TYPE_UNMAP, -EINVAL },
};

KUNIT_ARRAY_PARAM_DESC(refused, refused_params, desc);

/*
 * A request that cannot be granted leaves no trace: no mapping, no pin, a VM
 * that works.
 * Succeeds if the errno is right and a correct request succeeds afterwards.
 */
static void impossible_map_is_refused(struct kunit *test)
{
	const struct refused_param *p = test->param_value;
	struct panthor_gem_object *bo = pages_bo(test, 8);
	struct vm_model *m;

	panthor_pgt_install(test, PANTHOR_PGT_FAKE);
	m = vm_model_create(test, panthor_kunit_vm(test), WINDOW, WINDOW_SIZE);
	KUNIT_EXPECT_EQ(test, vm_model_map(m, bo, PG(p->offset), PG(p->count), p->va, p->flags),
			p->expected);
	KUNIT_EXPECT_EQ(test, refcount_read(&bo->backing.pin_count), 0);
	KUNIT_EXPECT_TRUE(test, list_empty(&bo->base.gpuva.list));
	KUNIT_EXPECT_FALSE(test, panthor_vm_is_unusable(m->vm));
	KUNIT_EXPECT_EQ(test, vm_model_map(m, bo, 0, PG(8), VA(0), 0), 0);
}

/*
 * A private BO shares its VM's lock; in another VM it would be unprotected
 * (I28).
 * Succeeds if the other VM refuses it and its own takes it.
 */
static void private_bo_maps_in_its_vm_only(struct kunit *test)
{
	struct vm_model *m = window(test);
	struct vm_model *n = vm_model_create(test, panthor_kunit_vm(test), WINDOW, WINDOW_SIZE);
	struct panthor_gem_object *bo = panthor_kunit_try_bo(test, m->vm, PG(8), 0);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, bo);
	KUNIT_EXPECT_EQ(test, vm_model_map(n, bo, 0, PG(8), VA(0), 0), -EINVAL);
	KUNIT_EXPECT_EQ(test, vm_model_map(m, bo, 0, PG(8), VA(0), 0), 0);
}

/**
 * struct address_param - What no part of the kernel's addresses can be
 * @desc: Name in the results.
 * @va: First byte, or PANTHOR_VM_KERNEL_AUTO_VA.
 * @size: Bytes.
 */
struct address_param {
	const char *desc;
	u64 va;
	u64 size;
};

static const struct address_param address_params[] = {
	{ "nothing", PANTHOR_VM_KERNEL_AUTO_VA, 0 },
	{ "half_a_page", PANTHOR_VM_KERNEL_AUTO_VA, SZ_2K },
	{ "half_a_page_there", PANTHOR_KUNIT_VA_USER, SZ_2K },
	{ "between_pages", PANTHOR_KUNIT_VA_USER + SZ_2K, SZ_4K },
};

KUNIT_ARRAY_PARAM_DESC(address, address_params, desc);

/*
 * What cannot be mapped needs no address.
 * Succeeds if -EINVAL is returned, and the page that was named can be had then.
 */
static void impossible_address_is_refused(struct kunit *test)
{
	const struct address_param *p = test->param_value;
	struct panthor_vm *vm = panthor_kunit_vm(test);
	struct drm_mm_node node = {};

	KUNIT_ASSERT_EQ(test, panthor_vm_alloc_va(vm, p->va, p->size, &node), -EINVAL);
	KUNIT_ASSERT_EQ(test, panthor_vm_alloc_va(vm, PANTHOR_KUNIT_VA_USER, SZ_4K, &node), 0);
	panthor_vm_free_va(vm, &node);
}

static struct kunit_case vm_map_cases[] = {
	KUNIT_CASE_PARAM(map_translates_each_page, pgt_gen_params),
	KUNIT_CASE_PARAM(unmap_removes_each_page, pgt_gen_params),
	KUNIT_CASE_PARAM(adjacent_bos_do_not_disturb_each_other, pgt_gen_params),
	KUNIT_CASE_PARAM(private_bo_maps_twice, pgt_gen_params),
	KUNIT_CASE_PARAM(unmap_of_one_mapping_keeps_the_other, pgt_gen_params),
	KUNIT_CASE_PARAM(last_unmap_makes_the_bo_unused, pgt_gen_params),
	KUNIT_CASE_PARAM(unmap_of_a_part_keeps_the_rest, part_gen_params),
	KUNIT_CASE_PARAM(map_over_a_part_keeps_the_rest, part_gen_params),
	KUNIT_CASE_PARAM(map_over_itself_keeps_the_rest, part_gen_params),
	KUNIT_CASE_PARAM(unmap_spans_several_mappings, pgt_gen_params),
	KUNIT_CASE_PARAM(map_spans_several_mappings, pgt_gen_params),
	KUNIT_CASE_PARAM(unmap_of_a_hole_does_nothing, pgt_gen_params),
	KUNIT_CASE_PARAM(unmap_of_everything_leaves_nothing, pgt_gen_params),
	KUNIT_CASE_PARAM(vms_do_not_share_mappings, pgt_gen_params),
	KUNIT_CASE_PARAM(flags_decide_the_protection, flags_gen_params),
	KUNIT_CASE_PARAM(split_keeps_the_protection, flags_gen_params),
	KUNIT_CASE_PARAM(lookup_by_address_knows_splits, pgt_gen_params),
	KUNIT_CASE_PARAM(impossible_map_is_refused, refused_gen_params),
	KUNIT_CASE_PARAM(private_bo_maps_in_its_vm_only, pgt_gen_params),
	KUNIT_CASE_PARAM(impossible_address_is_refused, address_gen_params),
	{}
};

static struct kunit_suite vm_map_suite = {
	.name = "panthor_vm_map",
	.init = panthor_kunit_init,
	.exit = panthor_kunit_exit,
	.suite_exit = panthor_kunit_suite_exit,
	.test_cases = vm_map_cases,
};

kunit_test_suite(vm_map_suite);
