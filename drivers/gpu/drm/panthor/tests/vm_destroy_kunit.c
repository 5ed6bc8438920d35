// SPDX-License-Identifier: GPL-2.0-only
/*
 * VMs made through a file's pool, as user space makes them: sparse mappings,
 * which need the pool's dummy BO, and destruction.
 */

#include <linux/err.h>
#include <linux/io-pgtable.h>
#include <linux/sched.h>
#include <linux/sched/mm.h>
#include <linux/shrinker.h>
#include <linux/sizes.h>
#include <linux/workqueue.h>

#include <drm/drm_file.h>
#include <drm/drm_gem.h>
#include <drm/panthor_drm.h>

#include <kunit/resource.h>

#include "../panthor_heap.h"

#include "check.h"
#include "fake_pgtable.h"
#include "fixture.h"
#include "race.h"
#include "reclaim.h"
#include "seam.h"
#include "vm_walk.h"

/* GPU pages of a BO of BO_SIZE. */
#define BO_PTES		(BO_SIZE / SZ_4K)

/**
 * struct pool_file - A file that has a pool of VMs
 * @base: What the driver knows of the file.
 * @ctx: Fixture, which counts pools.
 */
struct pool_file {
	struct panthor_file base;
	struct panthor_kunit *ctx;
};

static void pool_end(void *data)
{
	struct pool_file *file = data;

	panthor_vm_pool_destroy(&file->base);
	file->ctx->pools--;
}

/* A file without VMs. */
static struct panthor_file *pool(struct kunit *test)
{
	struct pool_file *file = kunit_kzalloc(test, sizeof(*file), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, file);
	file->ctx = to_panthor_kunit(test);
	file->base.ptdev = file->ctx->ptdev;
	KUNIT_ASSERT_EQ(test, panthor_vm_pool_create(&file->base), 0);
	file->ctx->pools++;
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, pool_end, file), 0);

	return &file->base;
}

static void pool_vm_put(void *data)
{
	panthor_vm_put(data);
}

/**
 * struct pool_vm - A VM of a file
 * @vm: The VM; the test holds a reference until the end.
 * @id: Its number.
 */
struct pool_vm {
	struct panthor_vm *vm;
	int id;
};

static struct pool_vm pool_vm(struct kunit *test, struct panthor_file *pfile)
{
	struct drm_panthor_vm_create args = {};
	struct pool_vm pvm;

	pvm.id = panthor_vm_pool_create_vm(pfile->ptdev, pfile->vms, &args);
	KUNIT_ASSERT_GT(test, pvm.id, 0);
	pvm.vm = panthor_vm_pool_get_vm(pfile->vms, pvm.id);
	KUNIT_ASSERT_NOT_NULL(test, pvm.vm);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, pool_vm_put, pvm.vm), 0);

	return pvm;
}

static struct panthor_vm *only_vm(struct kunit *test)
{
	return pool_vm(test, pool(test)).vm;
}

static int map_sparse(struct kunit *test, struct panthor_vm *vm, u64 va, u64 size, u32 flags)
{
	struct drm_panthor_vm_bind_op op = {
		.flags = DRM_PANTHOR_VM_BIND_OP_TYPE_MAP | DRM_PANTHOR_VM_BIND_OP_MAP_SPARSE |
			 flags,
		.va = va,
		.size = size,
	};

	return panthor_vm_bind_exec_sync_op(to_panthor_kunit(test)->file, vm, &op);
}

struct range_param {
	const char *desc;
	u64 start;
	u64 size;
};

static const struct range_param range_params[] = {
	{ "one_page", SZ_64K, SZ_64K },
	{ "aligned_4M", 0, SZ_4M },
	{ "unaligned_across_2M", SZ_1M + SZ_64K, SZ_2M },
};

KUNIT_ARRAY_PARAM_DESC(range, range_params, desc);

/*
 * A range without memory of its own.
 * Succeeds if every address leads somewhere.
 */
static void sparse_range_is_mapped(struct kunit *test)
{
	const struct range_param *param = test->param_value;
	struct panthor_vm *vm = only_vm(test);
	u64 va = VA(0) + param->start;

	KUNIT_ASSERT_EQ(test, map_sparse(test, vm, va, param->size,
					 DRM_PANTHOR_VM_BIND_OP_MAP_NOEXEC), 0);
	KUNIT_EXPECT_EQ(test, vm_walk_ptes(vm, VA(0), SZ_8M), param->size / SZ_4K);
	vm_walk_expect_consistent(test);
}

/*
 * A range without memory of its own must not be executable.
 * Succeeds if it is refused with -EINVAL.
 */
static void executable_sparse_range_is_refused(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, map_sparse(test, only_vm(test), VA(0), SZ_4M, 0), -EINVAL);
}

/*
 * Reclaim takes the dummy BO behind a sparse range, and a job comes.
 * Succeeds if nothing of the range is mapped in between, and all of it after.
 */
static void sparse_range_is_evicted_and_restored(struct kunit *test)
{
	const struct range_param *param = test->param_value;
	struct panthor_vm *vm = only_vm(test);
	u64 va = VA(0) + param->start;

	KUNIT_ASSERT_EQ(test, map_sparse(test, vm, va, param->size,
					 DRM_PANTHOR_VM_BIND_OP_MAP_NOEXEC), 0);
	KUNIT_EXPECT_EQ(test, panthor_kunit_scan(test, GFP_KERNEL, EVERYTHING),
			SZ_2M / PAGE_SIZE);
	KUNIT_EXPECT_EQ(test, vm_walk_ptes(vm, VA(0), SZ_8M), 0);

	KUNIT_ASSERT_EQ(test, vm_submit(vm), 0);
	KUNIT_EXPECT_EQ(test, vm_walk_ptes(vm, VA(0), SZ_8M), param->size / SZ_4K);
	vm_walk_expect_consistent(test);
}

/*
 * A BO is mapped into a sparse range that is evicted.
 * Succeeds if the BO is all that is mapped, and a submission restores the rest
 * around it.
 */
static void evicted_sparse_range_can_be_populated(struct kunit *test)
{
	struct panthor_vm *vm = only_vm(test);
	struct panthor_gem_object *bo = panthor_kunit_bo(test, SZ_64K);
	u64 va = VA(0) + SZ_1M;

	KUNIT_ASSERT_EQ(test, map_sparse(test, vm, VA(0), SZ_4M,
					 DRM_PANTHOR_VM_BIND_OP_MAP_NOEXEC), 0);
	KUNIT_ASSERT_EQ(test, panthor_kunit_scan(test, GFP_KERNEL, EVERYTHING),
			SZ_2M / PAGE_SIZE);
	panthor_kunit_map(test, vm, bo, va);
	KUNIT_EXPECT_EQ(test, vm_walk_ptes(vm, VA(0), SZ_8M), SZ_64K / SZ_4K);

	KUNIT_ASSERT_EQ(test, vm_submit(vm), 0);
	KUNIT_EXPECT_EQ(test, vm_walk_ptes(vm, VA(0), SZ_8M), SZ_4M / SZ_4K);
	KUNIT_EXPECT_EQ(test, vm_walk_pages(vm, va, SZ_64K, bo, 0), SZ_64K / SZ_4K);
	vm_walk_expect_consistent(test);
}

/*
 * User space destroys a VM that maps a BO.
 * Succeeds if nothing is mapped any more, and the BO is nobody's.
 */
static void destroyed_vm_unmaps(struct kunit *test)
{
	struct panthor_file *pfile = pool(test);
	struct pool_vm pvm = pool_vm(test, pfile);
	struct panthor_gem_object *bo = panthor_kunit_bo(test, BO_SIZE);

	panthor_kunit_map(test, pvm.vm, bo, VA(0));
	KUNIT_ASSERT_EQ(test, panthor_vm_pool_destroy_vm(pfile->vms, pvm.id), 0);
	KUNIT_EXPECT_EQ(test, vm_walk_ptes(pvm.vm, VA(0), BO_SIZE), 0);
	KUNIT_EXPECT_NULL(test, vm_bo_of(pvm.vm, bo));
	expect_bo_state(test, bo, PANTHOR_GEM_UNUSED);
}

/*
 * The BO is evicted before the VM is destroyed.
 * Succeeds if the VM forgets the BO, which has no pages still.
 */
static void destroyed_vm_forgets_evicted_bo(struct kunit *test)
{
	struct panthor_file *pfile = pool(test);
	struct pool_vm pvm = pool_vm(test, pfile);
	struct panthor_gem_object *bo = panthor_kunit_bo(test, BO_SIZE);

	panthor_kunit_map(test, pvm.vm, bo, VA(0));
	KUNIT_ASSERT_EQ(test, panthor_kunit_scan(test, GFP_KERNEL, EVERYTHING), BO_PAGES);
	KUNIT_ASSERT_EQ(test, panthor_vm_pool_destroy_vm(pfile->vms, pvm.id), 0);
	KUNIT_EXPECT_NULL(test, vm_bo_of(pvm.vm, bo));
	KUNIT_EXPECT_NULL(test, bo->backing.pages);
}

/*
 * One of two VMs of a BO is destroyed.
 * Succeeds if the BO is the other's alone, and can be evicted from it.
 */
static void destroyed_vm_leaves_bo_to_the_other(struct kunit *test)
{
	struct panthor_file *pfile = pool(test);
	struct pool_vm pvm = pool_vm(test, pfile), other = pool_vm(test, pfile);
	struct panthor_gem_object *bo = panthor_kunit_bo(test, BO_SIZE);

	panthor_kunit_map(test, pvm.vm, bo, VA(0));
	panthor_kunit_map(test, other.vm, bo, VA(1));
	KUNIT_ASSERT_EQ(test, panthor_vm_pool_destroy_vm(pfile->vms, pvm.id), 0);
	expect_bo_state(test, bo, PANTHOR_GEM_GPU_MAPPED_SINGLE_VM);
	KUNIT_EXPECT_EQ(test, vm_walk_pages(other.vm, VA(1), BO_SIZE, bo, 0), BO_PTES);
	panthor_expect_invariants(test);
	KUNIT_EXPECT_EQ(test, panthor_kunit_scan(test, GFP_KERNEL, EVERYTHING), BO_PAGES);
}

/*
 * A job is created for a VM that was destroyed but is still referenced.
 * Succeeds if that is refused with -EINVAL.
 */
static void destroyed_vm_takes_no_jobs(struct kunit *test)
{
	struct panthor_file *pfile = pool(test);
	struct pool_vm pvm = pool_vm(test, pfile);
	struct drm_panthor_vm_bind_op op = {
		.flags = DRM_PANTHOR_VM_BIND_OP_TYPE_UNMAP,
		.va = VA(0),
		.size = BO_SIZE,
	};
	struct drm_sched_job *job;

	KUNIT_ASSERT_EQ(test, panthor_vm_pool_destroy_vm(pfile->vms, pvm.id), 0);
	job = panthor_vm_bind_job_create(to_panthor_kunit(test)->file, pvm.vm, &op);
	KUNIT_EXPECT_EQ(test, PTR_ERR_OR_ZERO(job), -EINVAL);
}

/*
 * A VM that is not there is destroyed, one that was never and one that was.
 * Succeeds if both are refused with -EINVAL.
 */
static void missing_vm_cannot_be_destroyed(struct kunit *test)
{
	struct panthor_file *pfile = pool(test);
	struct pool_vm pvm = pool_vm(test, pfile);

	KUNIT_EXPECT_EQ(test, panthor_vm_pool_destroy_vm(pfile->vms, pvm.id + 1), -EINVAL);
	KUNIT_EXPECT_EQ(test, panthor_vm_pool_destroy_vm(pfile->vms, pvm.id), 0);
	KUNIT_EXPECT_EQ(test, panthor_vm_pool_destroy_vm(pfile->vms, pvm.id), -EINVAL);
}

/*
 * There is no memory for the page table of a new VM.
 * Succeeds if user space is told so, and gets its VM at the next attempt.
 */
static void failed_creation_leaves_no_vm(struct kunit *test)
{
	struct panthor_file *pfile = pool(test);
	struct drm_panthor_vm_create args = {};

	panthor_seam_fail_once(test, SEAM_PGTABLE_ALLOC, -ENOMEM);
	KUNIT_EXPECT_EQ(test, panthor_vm_pool_create_vm(pfile->ptdev, pfile->vms, &args), -EINVAL);
	args = (struct drm_panthor_vm_create) {};
	KUNIT_EXPECT_GT(test, panthor_vm_pool_create_vm(pfile->ptdev, pfile->vms, &args), 0);
}

static const struct drm_panthor_vm_create create_params[] = {
	{ .flags = 1 },
	{ .user_va_range = BIT_ULL(48) },
	{ .user_va_range = BIT_ULL(48) - SZ_64M },
	{ .user_va_range = U64_MAX },
};

static void create_desc(const struct drm_panthor_vm_create *args, char *desc)
{
	snprintf(desc, KUNIT_PARAM_DESC_SIZE, "flags_%u_range_%llx", args->flags,
		 args->user_va_range);
}

KUNIT_ARRAY_PARAM(create, create_params, create_desc);

/*
 * Flags that do not exist, and addresses of which the kernel would have none.
 * Succeeds if the VM is refused with -EINVAL.
 */
static void impossible_vm_is_refused(struct kunit *test)
{
	struct drm_panthor_vm_create args =
		*(const struct drm_panthor_vm_create *)test->param_value;
	struct panthor_file *pfile = pool(test);

	KUNIT_EXPECT_EQ(test, panthor_vm_pool_create_vm(pfile->ptdev, pfile->vms, &args), -EINVAL);
}

/*
 * A file that makes VMs without end would have the kernel's memory.
 * Succeeds if some creation is refused with -EBUSY and leaves no VM behind, and one
 * more works when another VM was destroyed.
 */
static void file_has_so_many_vms(struct kunit *test)
{
	struct io_pgtable_ops *pgtables[SEAM_PGTABLES];
	struct panthor_vm *vms[SEAM_PGTABLES];
	struct panthor_file *pfile = pool(test);
	unsigned int made = 0;
	int id, last = 0;

	for (;;) {
		struct drm_panthor_vm_create args = {};

		id = panthor_vm_pool_create_vm(pfile->ptdev, pfile->vms, &args);
		if (id < 0 || made == SEAM_PGTABLES)
			break;
		last = id;
		made++;
	}
	KUNIT_EXPECT_EQ(test, id, -EBUSY);
	KUNIT_EXPECT_EQ(test, panthor_seam_vms(vms, pgtables), made);

	KUNIT_ASSERT_EQ(test, panthor_vm_pool_destroy_vm(pfile->vms, last), 0);
	pool_vm(test, pfile);
}

/*
 * What tiler heaps take is told by fdinfo, as they are in no list of BOs of the file.
 * Succeeds if it is what the heaps of both VMs say, and nothing of it is active while
 * no VM has a slot.
 */
static void heaps_of_a_file_are_added_up(struct kunit *test)
{
	struct panthor_file *pfile = pool(test);
	struct drm_memory_stats stats = {};
	size_t size = 0;

	for (unsigned int i = 0; i < 2; i++) {
		struct panthor_heap_pool *heaps =
			panthor_vm_get_heap_pool(pool_vm(test, pfile).vm, true);

		KUNIT_ASSERT_NOT_ERR_OR_NULL(test, heaps);
		size += panthor_heap_pool_size(heaps);
		panthor_heap_pool_put(heaps);
	}
	pool_vm(test, pfile);

	panthor_vm_heaps_sizes(pfile, &stats);
	KUNIT_EXPECT_GT(test, size, 0);
	KUNIT_EXPECT_EQ(test, stats.resident, size);
	KUNIT_EXPECT_EQ(test, stats.active, 0);
}

/*
 * A file is closed, or looked at, that could not get VMs when it was opened.
 * Succeeds if it has no heaps, and goes without VMs.
 */
static void file_without_vms_has_nothing_to_give(struct kunit *test)
{
	struct panthor_file pfile = { .ptdev = to_panthor_kunit(test)->ptdev };
	struct drm_memory_stats stats = {};

	panthor_vm_heaps_sizes(&pfile, &stats);
	KUNIT_EXPECT_EQ(test, stats.resident, 0);
	panthor_vm_pool_destroy(&pfile);
}

/**
 * struct sparse_param - Sparse ranges that are dear to take down and restore
 * @desc: Name in the results.
 * @count: How many.
 * @size: Bytes of each; they do not touch.
 */
struct sparse_param {
	const char *desc;
	unsigned int count;
	u64 size;
};

static const struct sparse_param sparse_params[] = {
	{ "one_of_256M", 1, SZ_256M },
	{ "nine_of_2M", 9, SZ_2M },
};

KUNIT_ARRAY_PARAM_DESC(sparse, sparse_params, desc);

/*
 * The 2 MiB behind a sparse range are mapped over and over (B59). To take them
 * means to unmap all of the range, and to give them back to allocate tables for
 * it and to map it.
 * Succeeds if a scan unmaps no more than eight times of what it frees.
 */
static void small_gain_does_not_cost_a_huge_unmap(struct kunit *test)
{
	const struct sparse_param *param = test->param_value;
	struct panthor_vm *vm;
	unsigned long freed;
	u64 before, after;

	panthor_pgt_install(test, PANTHOR_PGT_REAL);
	vm = only_vm(test);
	for (unsigned int i = 0; i < param->count; i++)
		KUNIT_ASSERT_EQ(test, map_sparse(test, vm, VA(0) + 2 * i * param->size, param->size,
						 DRM_PANTHOR_VM_BIND_OP_MAP_NOEXEC), 0);

	before = panthor_pgt_mapped(panthor_pgt_of(test, vm));
	KUNIT_ASSERT_EQ(test, before, param->count * param->size);
	freed = panthor_kunit_scan(test, GFP_KERNEL, EVERYTHING);
	if (freed == SHRINK_STOP)
		freed = 0;
	after = panthor_pgt_mapped(panthor_pgt_of(test, vm));
	KUNIT_EXPECT_LE(test, before - after, 8 * freed * PAGE_SIZE);
}

/* Thread in which the page table of a VM was freed, that is, the VM. */
static struct task_struct *freed_by;

static struct io_pgtable_ops *last_alloc(enum io_pgtable_fmt fmt, struct io_pgtable_cfg *cfg,
					 void *cookie)
{
	return alloc_io_pgtable_ops(fmt, cfg, cookie);
}

static bool last_free(struct io_pgtable_ops *ops)
{
	WRITE_ONCE(freed_by, current);
	return false;
}

static const struct panthor_seam_pgtable last_pgtable = {
	.alloc = last_alloc,
	.free = last_free,
};

/**
 * struct last_vm - A VM that only its file holds
 * @pfile: The file.
 * @id: Its number.
 */
struct last_vm {
	struct panthor_file *pfile;
	int id;
};

static int last_destroy(void *data)
{
	struct last_vm *last = data;
	int ret = panthor_vm_pool_destroy_vm(last->pfile->vms, last->id);

	/* If nobody else has a reference, there is nothing to see. */
	return ret ?: READ_ONCE(freed_by) ? -ESTALE : 0;
}

/**
 * struct last_param - How closely lockdep looks
 * @desc: Name in the results.
 * @lockdep: A heap pool was created before, which allocates with a lock that is
 *	taken when a VM is freed, and the scan is marked as reclaim. The report
 *	would switch lockdep off.
 */
struct last_param {
	const char *desc;
	bool lockdep;
};

static const struct last_param last_params[] = {
	{ "by_thread", false },
	{ "by_lockdep", true },
};

KUNIT_ARRAY_PARAM_DESC(last, last_params, desc);

/*
 * A scan has a reference on the VM it looks at, and user space destroys the VM
 * meanwhile (B57). To free a VM takes locks that are held around allocations, and
 * ends its scheduler: not in reclaim.
 * Succeeds if the VM is not freed by the thread that scans.
 */
static void vm_is_not_freed_by_reclaim(struct kunit *test)
{
	const struct last_param *param = test->param_value;
	struct shrinker *shrinker = to_panthor_kunit(test)->ptdev->reclaim.shrinker;
	struct shrink_control sc = { .gfp_mask = GFP_KERNEL, .nr_to_scan = EVERYTHING };
	struct panthor_gem_object *bo = panthor_kunit_bo(test, BO_SIZE);
	struct last_vm last = { .pfile = pool(test) };
	struct drm_panthor_vm_create args = {};
	struct panthor_heap_pool *heaps;
	struct panthor_race *race;
	struct panthor_vm *vm;
	bool here;

	if (param->lockdep)
		panthor_kunit_need_fatal(test, param->desc);

	WRITE_ONCE(freed_by, NULL);
	panthor_seam_set_pgtable(test, &last_pgtable);
	last.id = panthor_vm_pool_create_vm(last.pfile->ptdev, last.pfile->vms, &args);
	KUNIT_ASSERT_GT(test, last.id, 0);
	vm = panthor_vm_pool_get_vm(last.pfile->vms, last.id);
	KUNIT_ASSERT_NOT_NULL(test, vm);
	/* The file keeps it until the scan. */
	panthor_vm_put(vm);
	panthor_kunit_map(test, vm, bo, VA(0));
	if (param->lockdep) {
		heaps = panthor_vm_get_heap_pool(vm, true);
		KUNIT_ASSERT_NOT_ERR_OR_NULL(test, heaps);
		panthor_heap_pool_put(heaps);
	}

	race = panthor_race_at(test, SEAM_LRU_POPPED, 1, last_destroy, &last);
	if (param->lockdep)
		fs_reclaim_acquire(GFP_KERNEL);
	shrinker->scan_objects(shrinker, &sc);
	if (param->lockdep)
		fs_reclaim_release(GFP_KERNEL);
	panthor_race_expect(race);
	/* A worker may do it instead. */
	flush_workqueue(panthor_cleanup_wq);
	here = READ_ONCE(freed_by) == current;
	KUNIT_EXPECT_FALSE_MSG(test, here, "freed by the scan");
}

static struct kunit_case vm_destroy_cases[] = {
	KUNIT_CASE_PARAM(sparse_range_is_mapped, range_gen_params),
	KUNIT_CASE(executable_sparse_range_is_refused),
	KUNIT_CASE_PARAM(sparse_range_is_evicted_and_restored, range_gen_params),
	KUNIT_CASE(evicted_sparse_range_can_be_populated),
	KUNIT_CASE(destroyed_vm_unmaps),
	KUNIT_CASE(destroyed_vm_forgets_evicted_bo),
	KUNIT_CASE(destroyed_vm_leaves_bo_to_the_other),
	KUNIT_CASE(destroyed_vm_takes_no_jobs),
	KUNIT_CASE(missing_vm_cannot_be_destroyed),
	KUNIT_CASE(failed_creation_leaves_no_vm),
	KUNIT_CASE_PARAM(impossible_vm_is_refused, create_gen_params),
	KUNIT_CASE(file_has_so_many_vms),
	KUNIT_CASE(heaps_of_a_file_are_added_up),
	KUNIT_CASE(file_without_vms_has_nothing_to_give),
	KUNIT_CASE_PARAM(small_gain_does_not_cost_a_huge_unmap, sparse_gen_params),
	KUNIT_CASE_PARAM(vm_is_not_freed_by_reclaim, last_gen_params),
	{}
};

static struct kunit_suite vm_destroy_suite = {
	.name = "panthor_vm_destroy",
	.init = reclaim_init,
	.exit = panthor_kunit_exit,
	.suite_exit = panthor_kunit_suite_exit,
	.test_cases = vm_destroy_cases,
};

kunit_test_suite(vm_destroy_suite);
