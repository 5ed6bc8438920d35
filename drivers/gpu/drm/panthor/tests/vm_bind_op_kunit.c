// SPDX-License-Identifier: GPL-2.0-only
/* VM_BIND as user space asks for it: checks of arguments, and sparse ranges. */

#include <linux/sizes.h>

#include <drm/drm_gem.h>
#include <drm/panthor_drm.h>

#include <kunit/resource.h>

#include "fake_pgtable.h"
#include "fixture.h"
#include "vm_model.h"

#define PG(n)		((n) * (u64)SZ_4K)

/* Three blocks, of which sparse ranges of the cases begin inside the first. */
#define WINDOW		SZ_1G
#define WINDOW_SIZE	(3 * SZ_2M)

#define MAP		DRM_PANTHOR_VM_BIND_OP_TYPE_MAP
#define UNMAP		DRM_PANTHOR_VM_BIND_OP_TYPE_UNMAP
#define SYNC_ONLY	DRM_PANTHOR_VM_BIND_OP_TYPE_SYNC_ONLY
#define NOEXEC		DRM_PANTHOR_VM_BIND_OP_MAP_NOEXEC
#define SPARSE		(DRM_PANTHOR_VM_BIND_OP_MAP_SPARSE | NOEXEC)

/* What user space may map: below the half that create_vm leaves to the kernel. */
#define USER_END	BIT_ULL(47)

/**
 * struct bind - An open file with a VM and a BO
 * @pfile: The file, as far as VMs need it.
 * @file: The file, as far as handles need it.
 * @m: Model of the VM.
 * @bo: A BO of 8 pages.
 * @handle: Its handle.
 */
struct bind {
	struct panthor_file pfile;
	struct drm_file *file;
	struct vm_model *m;
	struct panthor_gem_object *bo;
	u32 handle;
};

KUNIT_ARRAY_PARAM_DESC(pgt, panthor_pgt_params, desc);
KUNIT_DEFINE_ACTION_WRAPPER(bind_pool_destroy, panthor_vm_pool_destroy, struct panthor_file *);
KUNIT_DEFINE_ACTION_WRAPPER(bind_vm_put, panthor_vm_put, struct panthor_vm *);
KUNIT_DEFINE_ACTION_WRAPPER(bind_obj_put, drm_gem_object_put, struct drm_gem_object *);

static void bind_handle_delete(void *data)
{
	struct bind *b = data;

	drm_gem_handle_delete(b->file, b->handle);
}

static struct bind *bind_open(struct kunit *test, enum panthor_pgt_kind kind)
{
	struct drm_panthor_vm_create args = { .user_va_range = USER_END };
	struct panthor_kunit *ctx = to_panthor_kunit(test);
	struct bind *b = kunit_kzalloc(test, sizeof(*b), GFP_KERNEL);
	struct drm_gem_object *obj;
	struct panthor_vm *vm;
	u64 size = PG(8);
	int id;

	KUNIT_ASSERT_NOT_NULL(test, b);
	panthor_pgt_install(test, kind);
	b->pfile.ptdev = ctx->ptdev;
	b->file = ctx->file;
	KUNIT_ASSERT_EQ(test, panthor_vm_pool_create(&b->pfile), 0);
	ctx->pools++;
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, bind_pool_destroy, &b->pfile), 0);

	id = panthor_vm_pool_create_vm(ctx->ptdev, b->pfile.vms, &args);
	KUNIT_ASSERT_GT(test, id, 0);
	KUNIT_ASSERT_EQ(test, args.user_va_range, USER_END);
	vm = panthor_vm_pool_get_vm(b->pfile.vms, id);
	KUNIT_ASSERT_NOT_NULL(test, vm);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, bind_vm_put, vm), 0);
	b->m = vm_model_create(test, vm, WINDOW, WINDOW_SIZE);

	KUNIT_ASSERT_EQ(test, panthor_gem_create_with_handle(ctx->file, &ctx->ptdev->base, NULL,
							     &size, 0, &b->handle), 0);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, bind_handle_delete, b), 0);
	obj = drm_gem_object_lookup(ctx->file, b->handle);
	KUNIT_ASSERT_NOT_NULL(test, obj);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, bind_obj_put, obj), 0);
	b->bo = to_panthor_bo(obj);

	return b;
}

static int bind_op(struct kunit *test, struct bind *b, struct drm_panthor_vm_bind_op op)
{
	return panthor_vm_bind_exec_sync_op(b->file, b->m->vm, &op);
}

/* Maps a sparse range; the dummy behind it belongs to the file. */
static void bind_sparse(struct kunit *test, struct bind *b, u64 va, u64 size)
{
	struct panthor_gem_object *dummy;
	u64 offset;

	KUNIT_ASSERT_EQ(test, bind_op(test, b, (struct drm_panthor_vm_bind_op) {
		.flags = MAP | SPARSE, .va = va, .size = size }), 0);
	dummy = panthor_vm_get_bo_for_va(b->m->vm, va, &offset);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, dummy);
	drm_gem_object_put(&dummy->base);
	KUNIT_EXPECT_EQ(test, offset, va % SZ_2M);

	vm_model_set(b->m, dummy, 0, size, va, SPARSE);
	vm_model_check(b->m);
}

/*
 * The plain use: a handle is mapped, then unmapped.
 * Succeeds if the model agrees after each.
 */
static void bind_maps_and_unmaps_a_handle(struct kunit *test)
{
	const struct panthor_pgt_param *p = test->param_value;
	struct bind *b = bind_open(test, p->kind);

	KUNIT_EXPECT_EQ(test, bind_op(test, b, (struct drm_panthor_vm_bind_op) {
		.flags = MAP | NOEXEC, .bo_handle = b->handle, .bo_offset = PG(2),
		.va = WINDOW, .size = PG(6) }), 0);
	vm_model_set(b->m, b->bo, PG(2), PG(6), WINDOW, NOEXEC);
	vm_model_check(b->m);

	KUNIT_EXPECT_EQ(test, bind_op(test, b, (struct drm_panthor_vm_bind_op) {
		.flags = UNMAP, .va = WINDOW + PG(2), .size = PG(2) }), 0);
	vm_model_clear(b->m, WINDOW + PG(2), PG(2));
	vm_model_check(b->m);
}

/**
 * struct refused_param - An operation that must be refused
 * @desc: Description.
 * @op: The operation. A bo_handle of 1 stands for that of the BO.
 * @expected: What is returned.
 */
struct refused_param {
	const char *desc;
	struct drm_panthor_vm_bind_op op;
	int expected;
};

static const struct refused_param refused_params[] = {
	{ "map-unaligned-va",
	  { .flags = MAP, .bo_handle = 1, .va = WINDOW + 1, .size = PG(8) }, -EINVAL },
	{ "map-half-page-va",
	  { .flags = MAP, .bo_handle = 1, .va = WINDOW + SZ_2K, .size = PG(8) }, -EINVAL },
	{ "map-unaligned-size",
	  { .flags = MAP, .bo_handle = 1, .va = WINDOW, .size = PG(8) - 1 }, -EINVAL },
	{ "map-unaligned-offset",
	  { .flags = MAP, .bo_handle = 1, .va = WINDOW, .size = PG(4), .bo_offset = SZ_2K },
	  -EINVAL },
	{ "map-behind-the-user-range",
	  { .flags = MAP, .bo_handle = 1, .va = USER_END, .size = PG(8) }, -EINVAL },
	{ "map-over-the-end-of-the-user-range",
	  { .flags = MAP, .bo_handle = 1, .va = USER_END - PG(4), .size = PG(8) }, -EINVAL },
	{ "map-wraps",
	  { .flags = MAP, .bo_handle = 1, .va = -PG(4), .size = PG(8) }, -EINVAL },
	{ "map-without-handle", { .flags = MAP, .va = WINDOW, .size = PG(8) }, -EINVAL },
	{ "map-unknown-handle",
	  { .flags = MAP, .bo_handle = 4711, .va = WINDOW, .size = PG(8) }, -EINVAL },
	{ "map-beyond-the-bo",
	  { .flags = MAP, .bo_handle = 1, .va = WINDOW, .size = PG(9) }, -EINVAL },
	{ "map-unknown-flag",
	  { .flags = MAP | BIT(20), .bo_handle = 1, .va = WINDOW, .size = PG(8) }, -EINVAL },
	{ "map-with-syncs",
	  { .flags = MAP, .bo_handle = 1, .va = WINDOW, .size = PG(8), .syncs.count = 1 },
	  -EINVAL },
	{ "sparse-executable",
	  { .flags = MAP | DRM_PANTHOR_VM_BIND_OP_MAP_SPARSE, .va = WINDOW, .size = PG(8) },
	  -EINVAL },
	{ "sparse-with-handle",
	  { .flags = MAP | SPARSE, .bo_handle = 1, .va = WINDOW, .size = PG(8) }, -EINVAL },
	{ "sparse-with-offset",
	  { .flags = MAP | SPARSE, .va = WINDOW, .size = PG(8), .bo_offset = PG(1) }, -EINVAL },
	{ "sparse-behind-the-user-range",
	  { .flags = MAP | SPARSE, .va = USER_END, .size = PG(8) }, -EINVAL },
	{ "unmap-unaligned",
	  { .flags = UNMAP, .va = WINDOW + 1, .size = PG(8) }, -EINVAL },
	{ "unmap-with-handle",
	  { .flags = UNMAP, .bo_handle = 1, .va = WINDOW, .size = PG(8) }, -EINVAL },
	{ "unmap-with-flag",
	  { .flags = UNMAP | NOEXEC, .va = WINDOW, .size = PG(8) }, -EINVAL },
	{ "unmap-behind-the-user-range",
	  { .flags = UNMAP, .va = USER_END, .size = PG(8) }, -EINVAL },
	{ "sync-only-without-syncs",
	  { .flags = SYNC_ONLY, .size = PG(8) }, -EINVAL },
	{ "unknown-type",
	  { .flags = 3u << 28, .va = WINDOW, .size = PG(8) }, -EINVAL },
	{ "empty-map", { .flags = MAP, .bo_handle = 1, .va = WINDOW }, 0 },
	{ "empty-unmap", { .flags = UNMAP, .va = WINDOW }, 0 },
};

KUNIT_ARRAY_PARAM_DESC(refused, refused_params, desc);

/*
 * User space may ask for anything. Nothing it is refused may leave a trace, and
 * an empty range is nothing.
 * Succeeds if the result is right, no VMA was made, nothing is pinned and the
 * VM is usable.
 */
static void impossible_bind_is_refused(struct kunit *test)
{
	const struct refused_param *p = test->param_value;
	struct bind *b = bind_open(test, PANTHOR_PGT_FAKE);
	struct drm_panthor_vm_bind_op op = p->op;

	if (op.bo_handle == 1)
		op.bo_handle = b->handle;

	KUNIT_EXPECT_EQ(test, bind_op(test, b, op), p->expected);
	vm_model_check(b->m);
	KUNIT_EXPECT_EQ(test, vm_model_vmas(b->m), 0);
	KUNIT_EXPECT_TRUE(test, list_empty(&b->bo->base.gpuva.list));
	KUNIT_EXPECT_EQ(test, refcount_read(&b->bo->backing.pin_count), 0);
	KUNIT_EXPECT_FALSE(test, panthor_vm_is_unusable(b->m->vm));
}

/**
 * struct sparse_param - A part of a sparse range [1 MiB, 6 MiB) of the window
 * @desc: Description.
 * @kind: Page table.
 * @first: Start in the window.
 * @size: Size in bytes.
 */
struct sparse_param {
	const char *desc;
	enum panthor_pgt_kind kind;
	u64 first;
	u64 size;
};

static const struct sparse_param sparse_params[] = {
	{ "first-page-fake", PANTHOR_PGT_FAKE, SZ_1M, SZ_4K },
	{ "first-page-real", PANTHOR_PGT_REAL, SZ_1M, SZ_4K },
	{ "page-in-a-block-fake", PANTHOR_PGT_FAKE, SZ_2M + SZ_64K, SZ_4K },
	{ "page-in-a-block-real", PANTHOR_PGT_REAL, SZ_2M + SZ_64K, SZ_4K },
	{ "block-fake", PANTHOR_PGT_FAKE, SZ_2M, SZ_2M },
	{ "block-real", PANTHOR_PGT_REAL, SZ_2M, SZ_2M },
	{ "over-a-boundary-fake", PANTHOR_PGT_FAKE, 2 * SZ_2M - SZ_64K, SZ_128K },
	{ "over-a-boundary-real", PANTHOR_PGT_REAL, 2 * SZ_2M - SZ_64K, SZ_128K },
	{ "block-and-more-fake", PANTHOR_PGT_FAKE, SZ_2M - SZ_64K, SZ_2M + SZ_128K },
	{ "block-and-more-real", PANTHOR_PGT_REAL, SZ_2M - SZ_64K, SZ_2M + SZ_128K },
	{ "everything-fake", PANTHOR_PGT_FAKE, SZ_1M, 5 * SZ_1M },
	{ "everything-real", PANTHOR_PGT_REAL, SZ_1M, 5 * SZ_1M },
};

KUNIT_ARRAY_PARAM_DESC(sparse, sparse_params, desc);

/*
 * One BO of 2 MiB stands behind a sparse range, over and over.
 * Succeeds if each address translates to the page of the dummy with the same
 * offset in 2 MiB, also where the range does not begin at a boundary.
 */
static void sparse_range_repeats_the_dummy(struct kunit *test)
{
	const struct panthor_pgt_param *p = test->param_value;
	struct bind *b = bind_open(test, p->kind);

	bind_sparse(test, b, WINDOW + SZ_1M, 5 * SZ_1M);
	KUNIT_EXPECT_EQ(test, vm_model_vmas(b->m), 1);
}

/*
 * A part of a sparse range goes.
 * Succeeds if the rest still translates to the right pages of the dummy.
 */
static void unmap_of_a_part_keeps_the_sparse_rest(struct kunit *test)
{
	const struct sparse_param *p = test->param_value;
	struct bind *b = bind_open(test, p->kind);

	bind_sparse(test, b, WINDOW + SZ_1M, 5 * SZ_1M);
	KUNIT_EXPECT_EQ(test, vm_model_unmap(b->m, WINDOW + p->first, p->size), 0);
}

/*
 * Binding memory into a sparse range is what it is for, and so is making it
 * sparse again.
 * Succeeds if the model agrees after both.
 */
static void memory_replaces_a_part_of_a_sparse_range(struct kunit *test)
{
	const struct sparse_param *p = test->param_value;
	struct bind *b = bind_open(test, p->kind);
	struct panthor_gem_object *bo = panthor_kunit_bo(test, p->size);

	bind_sparse(test, b, WINDOW + SZ_1M, 5 * SZ_1M);
	KUNIT_EXPECT_EQ(test, vm_model_map(b->m, bo, 0, p->size, WINDOW + p->first, 0), 0);
	bind_sparse(test, b, WINDOW + p->first, p->size);
	expect_bo_state(test, bo, PANTHOR_GEM_UNUSED);
}

/*
 * A sparse range needs no memory, so nothing but the address space bounds it:
 * user space may ask for all of it. Tables for 8 TiB cannot be reserved, which
 * is -ENOMEM and no reason to warn.
 * Succeeds if that is reported, without a warning, and the VM is usable.
 */
static void huge_sparse_range_is_refused_quietly(struct kunit *test)
{
	struct bind *b = bind_open(test, PANTHOR_PGT_FAKE);

	kunit_warning_suppress(test) {
		KUNIT_EXPECT_EQ(test, bind_op(test, b, (struct drm_panthor_vm_bind_op) {
			.flags = MAP | SPARSE, .size = 8 * SZ_1T }), -ENOMEM);
		KUNIT_EXPECT_SUPPRESSED_WARNING_COUNT(test, 0);
	}
	vm_model_check(b->m);
	KUNIT_EXPECT_FALSE(test, panthor_vm_is_unusable(b->m->vm));
}

static struct kunit_case vm_bind_cases[] = {
	KUNIT_CASE_PARAM(bind_maps_and_unmaps_a_handle, pgt_gen_params),
	KUNIT_CASE_PARAM(impossible_bind_is_refused, refused_gen_params),
	KUNIT_CASE_PARAM(sparse_range_repeats_the_dummy, pgt_gen_params),
	KUNIT_CASE_PARAM(unmap_of_a_part_keeps_the_sparse_rest, sparse_gen_params),
	KUNIT_CASE_PARAM(memory_replaces_a_part_of_a_sparse_range, sparse_gen_params),
	KUNIT_CASE(huge_sparse_range_is_refused_quietly),
	{}
};

static struct kunit_suite vm_bind_suite = {
	.name = "panthor_vm_bind_op",
	.init = panthor_kunit_init,
	.exit = panthor_kunit_exit,
	.suite_exit = panthor_kunit_suite_exit,
	.test_cases = vm_bind_cases,
};

kunit_test_suite(vm_bind_suite);
