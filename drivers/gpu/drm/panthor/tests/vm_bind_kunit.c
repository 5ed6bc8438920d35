// SPDX-License-Identifier: GPL-2.0-only
/* VM_BIND: what is refused, and jobs that run from the VM's queue. */

#include <linux/dma-fence.h>
#include <linux/err.h>
#include <linux/sizes.h>

#include <drm/drm_file.h>
#include <drm/drm_gem.h>
#include <drm/gpu_scheduler.h>
#include <drm/panthor_drm.h>

#include <kunit/resource.h>

#include "bind.h"
#include "fixture.h"
#include "race.h"
#include "reclaim.h"
#include "seam.h"
#include "vm_walk.h"

/* GPU pages of a BO of BO_SIZE. */
#define BO_PTES		(BO_SIZE / SZ_4K)

/*
 * The simplest job.
 * Succeeds if the addresses lead to the BO's pages, its fence has no error, and
 * the BO is not pinned any more.
 */
static void job_maps(struct kunit *test)
{
	struct panthor_gem_object *bo = panthor_kunit_bo(test, BO_SIZE);
	struct panthor_vm *vm = panthor_kunit_vm(test);
	struct bind *bind = bind_map(test, vm, bo, VA(0), NULL);

	bind_wait(test, bind);
	KUNIT_EXPECT_EQ(test, dma_fence_get_status(bind->finished), 1);
	KUNIT_EXPECT_EQ(test, vm_walk_pages(vm, VA(0), BO_SIZE, bo, 0), BO_PTES);
	KUNIT_EXPECT_EQ(test, refcount_read(&bo->backing.pin_count), 0);
	expect_bo_state(test, bo, PANTHOR_GEM_GPU_MAPPED_SINGLE_VM);
}

/*
 * A job removes what was mapped.
 * Succeeds if no address leads anywhere, and the VM has forgotten the BO.
 */
static void job_unmaps(struct kunit *test)
{
	struct panthor_gem_object *bo = panthor_kunit_bo(test, BO_SIZE);
	struct panthor_vm *vm = panthor_kunit_vm(test);

	panthor_kunit_map(test, vm, bo, VA(0));
	bind_wait(test, bind_unmap(test, vm, VA(0), BO_SIZE, NULL));
	KUNIT_EXPECT_EQ(test, vm_walk_ptes(vm, VA(0), BO_SIZE), 0);
	KUNIT_EXPECT_NULL(test, vm_bo_of(vm, bo));
	expect_bo_state(test, bo, PANTHOR_GEM_UNUSED);
}

/*
 * The job waits for a fence.
 * Succeeds if nothing is mapped, and the BO has one pin, until that fence is
 * signalled, and the reverse holds when the job is over (B24).
 */
static void queued_job_pins_once_and_waits(struct kunit *test)
{
	struct panthor_gem_object *bo = panthor_kunit_bo(test, BO_SIZE);
	struct panthor_vm *vm = panthor_kunit_vm(test);
	struct dma_fence *fence = vm_fence(test);
	struct bind *bind = bind_map(test, vm, bo, VA(0), fence);

	KUNIT_EXPECT_EQ(test, refcount_read(&bo->backing.pin_count), 1);
	KUNIT_EXPECT_EQ(test, vm_walk_ptes(vm, VA(0), BO_SIZE), 0);
	KUNIT_EXPECT_FALSE(test, dma_fence_is_signaled(bind->finished));
	expect_bo_state(test, bo, PANTHOR_GEM_UNRECLAIMABLE);

	dma_fence_signal(fence);
	bind_wait(test, bind);
	KUNIT_EXPECT_EQ(test, refcount_read(&bo->backing.pin_count), 0);
	KUNIT_EXPECT_EQ(test, vm_walk_pages(vm, VA(0), BO_SIZE, bo, 0), BO_PTES);
}

/*
 * Reclaim comes while a map is queued.
 * Succeeds if the BO keeps the pages the job is going to map.
 */
static void bo_of_queued_job_is_not_evicted(struct kunit *test)
{
	struct panthor_gem_object *bo = panthor_kunit_bo(test, BO_SIZE);
	struct panthor_vm *vm = panthor_kunit_vm(test);
	struct dma_fence *fence = vm_fence(test);
	struct bind *bind = bind_map(test, vm, bo, VA(0), fence);

	KUNIT_EXPECT_EQ(test, panthor_kunit_scan(test, GFP_KERNEL, EVERYTHING), SHRINK_STOP);
	dma_fence_signal(fence);
	bind_wait(test, bind);
	KUNIT_EXPECT_EQ(test, vm_walk_pages(vm, VA(0), BO_SIZE, bo, 0), BO_PTES);
	KUNIT_EXPECT_EQ(test, panthor_kunit_scan(test, GFP_KERNEL, EVERYTHING), BO_PAGES);
}

/*
 * Three jobs in the queue: map, map another BO over it, unmap the first half.
 * Succeeds if the result is that of this order.
 */
static void jobs_run_in_order(struct kunit *test)
{
	struct panthor_gem_object *first = panthor_kunit_bo(test, BO_SIZE);
	struct panthor_gem_object *second = panthor_kunit_bo(test, BO_SIZE);
	struct panthor_vm *vm = panthor_kunit_vm(test);
	struct dma_fence *fence = vm_fence(test);
	u64 half = BO_SIZE / 2;
	struct bind *last;

	bind_map(test, vm, first, VA(0), fence);
	bind_map(test, vm, second, VA(0), NULL);
	last = bind_unmap(test, vm, VA(0), half, NULL);
	KUNIT_EXPECT_EQ(test, vm_walk_ptes(vm, VA(0), BO_SIZE), 0);

	dma_fence_signal(fence);
	bind_wait(test, last);
	KUNIT_EXPECT_EQ(test, vm_walk_ptes(vm, VA(0), half), 0);
	KUNIT_EXPECT_EQ(test, vm_walk_pages(vm, VA(0) + half, half, second, half), BO_PTES / 2);
	KUNIT_EXPECT_NULL(test, vm_bo_of(vm, first));
	expect_bo_state(test, first, PANTHOR_GEM_UNUSED);
}

/*
 * A map is queued, and the same VM is asked for a synchronous map elsewhere.
 * Succeeds if the synchronous one is done at once.
 */
static void synchronous_map_does_not_wait_for_queue(struct kunit *test)
{
	struct panthor_gem_object *bo = panthor_kunit_bo(test, BO_SIZE);
	struct panthor_gem_object *other = panthor_kunit_bo(test, BO_SIZE);
	struct panthor_vm *vm = panthor_kunit_vm(test);
	struct dma_fence *fence = vm_fence(test);
	struct bind *bind = bind_map(test, vm, bo, VA(0), fence);

	panthor_kunit_map(test, vm, other, VA(1));
	KUNIT_EXPECT_EQ(test, vm_walk_pages(vm, VA(1), BO_SIZE, other, 0), BO_PTES);
	KUNIT_EXPECT_EQ(test, vm_walk_ptes(vm, VA(0), BO_SIZE), 0);

	dma_fence_signal(fence);
	bind_wait(test, bind);
	KUNIT_EXPECT_EQ(test, vm_walk_pages(vm, VA(0), BO_SIZE, bo, 0), BO_PTES);
}

/*
 * Jobs map a BO into the middle of another's mapping, then unmap all (B24).
 * Succeeds if neither is pinned after any of them.
 */
static void split_by_jobs_keeps_pins_balanced(struct kunit *test)
{
	struct panthor_gem_object *bo = panthor_kunit_bo(test, BO_SIZE);
	struct panthor_gem_object *over = panthor_kunit_bo(test, PAGE_SIZE);
	struct panthor_vm *vm = panthor_kunit_vm(test);

	panthor_kunit_map(test, vm, bo, VA(0));
	bind_wait(test, bind_map(test, vm, over, VA(0) + PAGE_SIZE, NULL));
	KUNIT_EXPECT_EQ(test, refcount_read(&bo->backing.pin_count), 0);
	KUNIT_EXPECT_EQ(test, refcount_read(&over->backing.pin_count), 0);
	KUNIT_EXPECT_EQ(test, vm_walk_pages(vm, VA(0), PAGE_SIZE, bo, 0), PAGE_SIZE / SZ_4K);
	KUNIT_EXPECT_EQ(test, vm_walk_pages(vm, VA(0) + PAGE_SIZE, PAGE_SIZE, over, 0),
			PAGE_SIZE / SZ_4K);
	vm_walk_expect_consistent(test);

	bind_wait(test, bind_unmap(test, vm, VA(0), BO_SIZE, NULL));
	KUNIT_EXPECT_EQ(test, refcount_read(&bo->backing.pin_count), 0);
	expect_bo_state(test, bo, PANTHOR_GEM_UNUSED);
	expect_bo_state(test, over, PANTHOR_GEM_UNUSED);
}

/*
 * A job unmaps part of a BO that is evicted while the job is queued.
 * Succeeds if a submission restores the rest only.
 */
static void queued_unmap_meets_evicted_bo(struct kunit *test)
{
	struct panthor_gem_object *bo = panthor_kunit_bo(test, BO_SIZE);
	struct panthor_vm *vm = panthor_kunit_vm(test);
	struct dma_fence *fence = vm_fence(test);
	struct bind *bind;

	panthor_kunit_map(test, vm, bo, VA(0));
	bind = bind_unmap(test, vm, VA(0), PAGE_SIZE, fence);
	KUNIT_ASSERT_EQ(test, panthor_kunit_scan(test, GFP_KERNEL, EVERYTHING), BO_PAGES);
	dma_fence_signal(fence);
	bind_wait(test, bind);
	KUNIT_EXPECT_EQ(test, vm_walk_ptes(vm, VA(0), BO_SIZE), 0);

	KUNIT_ASSERT_EQ(test, vm_submit(vm), 0);
	KUNIT_EXPECT_EQ(test, vm_walk_ptes(vm, VA(0), PAGE_SIZE), 0);
	KUNIT_EXPECT_EQ(test, vm_walk_pages(vm, VA(0) + PAGE_SIZE, BO_SIZE - PAGE_SIZE, bo,
					    PAGE_SIZE), BO_PTES - PAGE_SIZE / SZ_4K);
}

/*
 * A job that is given up before it is pushed.
 * Succeeds if it mapped nothing and pins nothing.
 */
static void abandoned_job_leaves_no_trace(struct kunit *test)
{
	struct panthor_gem_object *bo = panthor_kunit_bo(test, BO_SIZE);
	struct panthor_vm *vm = panthor_kunit_vm(test);
	struct drm_panthor_vm_bind_op op = {
		.flags = DRM_PANTHOR_VM_BIND_OP_TYPE_MAP,
		.bo_handle = bind_alloc(test, bo)->handle,
		.va = VA(0),
		.size = BO_SIZE,
	};
	struct drm_sched_job *job =
		panthor_vm_bind_job_create(to_panthor_kunit(test)->file, vm, &op);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, job);
	KUNIT_EXPECT_EQ(test, refcount_read(&bo->backing.pin_count), 1);
	panthor_vm_bind_job_put(job);
	KUNIT_EXPECT_EQ(test, refcount_read(&bo->backing.pin_count), 0);
	KUNIT_EXPECT_EQ(test, vm_walk_ptes(vm, VA(0), BO_SIZE), 0);
	KUNIT_EXPECT_NULL(test, vm_bo_of(vm, bo));
	expect_bo_state(test, bo, PANTHOR_GEM_UNUSED);
}

/**
 * struct refused_param - An operation the driver must not accept
 * @desc: Name in the results.
 * @op: The operation.
 * @bo: It names a BO, of BO_SIZE.
 */
struct refused_param {
	const char *desc;
	struct drm_panthor_vm_bind_op op;
	bool bo;
};

#define OP_MAP		DRM_PANTHOR_VM_BIND_OP_TYPE_MAP
#define OP_UNMAP	DRM_PANTHOR_VM_BIND_OP_TYPE_UNMAP
#define OP_SYNC		DRM_PANTHOR_VM_BIND_OP_TYPE_SYNC_ONLY

static const struct refused_param refused_params[] = {
	{ "map-no_bo", { .flags = OP_MAP, .va = VA(0), .size = BO_SIZE } },
	{ "map-va_unaligned", { .flags = OP_MAP, .va = VA(0) + 1, .size = BO_SIZE }, true },
	{ "map-size_unaligned", { .flags = OP_MAP, .va = VA(0), .size = BO_SIZE - 1 }, true },
	{ "map-beyond_bo", { .flags = OP_MAP, .va = VA(0), .size = 2 * BO_SIZE }, true },
	{ "map-offset_beyond_bo",
	  { .flags = OP_MAP, .va = VA(0), .size = BO_SIZE, .bo_offset = SZ_4K }, true },
	{ "map-kernel_range",
	  { .flags = OP_MAP, .va = PANTHOR_KUNIT_VA_USER, .size = BO_SIZE }, true },
	{ "map-wraps", { .flags = OP_MAP, .va = -(u64)SZ_4K, .size = BO_SIZE }, true },
	{ "map-unknown_flag", { .flags = OP_MAP | BIT(20), .va = VA(0), .size = BO_SIZE }, true },
	{ "unmap-bo", { .flags = OP_UNMAP, .va = VA(0), .size = BO_SIZE }, true },
	{ "unmap-map_flag",
	  { .flags = OP_UNMAP | DRM_PANTHOR_VM_BIND_OP_MAP_READONLY, .va = VA(0),
	    .size = BO_SIZE } },
	{ "sync_only-no_syncs", { .flags = OP_SYNC } },
	{ "unknown_type", { .flags = DRM_PANTHOR_VM_BIND_OP_TYPE_MASK, .va = VA(0),
			    .size = BO_SIZE } },
};

KUNIT_ARRAY_PARAM_DESC(refused, refused_params, desc);

/*
 * An operation that makes no sense, as a job and synchronously.
 * Succeeds if both are refused with -EINVAL, and the BO is not pinned.
 */
static void senseless_operation_is_refused(struct kunit *test)
{
	const struct refused_param *param = test->param_value;
	struct drm_file *file = to_panthor_kunit(test)->file;
	struct panthor_gem_object *bo = panthor_kunit_bo(test, BO_SIZE);
	struct panthor_vm *vm = panthor_kunit_vm(test);
	struct drm_panthor_vm_bind_op op = param->op;
	struct drm_sched_job *job;

	if (param->bo)
		op.bo_handle = bind_alloc(test, bo)->handle;
	job = panthor_vm_bind_job_create(file, vm, &op);
	KUNIT_EXPECT_EQ(test, PTR_ERR_OR_ZERO(job), -EINVAL);
	if (op.size)
		KUNIT_EXPECT_EQ(test, panthor_vm_bind_exec_sync_op(file, vm, &op), -EINVAL);
	KUNIT_EXPECT_EQ(test, refcount_read(&bo->backing.pin_count), 0);
}

/*
 * A synchronous operation is asked to signal something.
 * Succeeds if it is refused with -EINVAL.
 */
static void synchronous_operation_takes_no_syncs(struct kunit *test)
{
	struct drm_panthor_vm_bind_op op = {
		.flags = DRM_PANTHOR_VM_BIND_OP_TYPE_UNMAP,
		.va = VA(0),
		.size = BO_SIZE,
		.syncs.count = 1,
	};

	KUNIT_EXPECT_EQ(test, panthor_vm_bind_exec_sync_op(to_panthor_kunit(test)->file,
							   panthor_kunit_vm(test), &op), -EINVAL);
}

/*
 * A job has unmapped a BO, but the worker that cleans up after it did not come
 * to it; then the VM submits (B35).
 * Succeeds if the submission restores another BO of the VM, and the worker can
 * do its work then.
 */
static void submission_before_cleanup_of_unmap_job(struct kunit *test)
{
	struct panthor_gem_object *gone = panthor_kunit_bo(test, BO_SIZE);
	struct panthor_gem_object *bo = panthor_kunit_bo(test, BO_SIZE);
	struct panthor_vm *vm = panthor_kunit_vm(test);
	struct bind_block *block;
	struct bind *bind;

	panthor_kunit_map(test, vm, bo, VA(0));
	panthor_kunit_map(test, vm, gone, VA(1));
	KUNIT_ASSERT_EQ(test, panthor_kunit_scan(test, GFP_KERNEL, EVERYTHING), 2 * BO_PAGES);
	block = bind_block(test);
	bind = bind_unmap(test, vm, VA(1), BO_SIZE, NULL);
	bind_run(test, bind);

	KUNIT_ASSERT_EQ(test, vm_submit(vm), 0);
	KUNIT_EXPECT_EQ(test, vm_walk_pages(vm, VA(0), BO_SIZE, bo, 0), BO_PTES);
	KUNIT_EXPECT_NULL(test, gone->backing.pages);
	bind_unblock(test, block, bind);
	KUNIT_EXPECT_NULL(test, vm_bo_of(vm, gone));
}

/*
 * A job of one VM has unmapped a BO, and before the worker cleans up after it,
 * another VM restores the BO: it is mapped by a single VM as before, but by
 * another one (B45).
 * Succeeds if the BO left the LRU of the VM that does not map it.
 */
static void single_vm_changes_before_cleanup_of_unmap_job(struct kunit *test)
{
	struct panthor_vm *vm = panthor_kunit_vm(test), *other = panthor_kunit_vm(test);
	struct panthor_gem_object *bo = panthor_kunit_bo(test, BO_SIZE);
	struct bind_block *block;
	struct bind *bind;
	struct drm_gem_lru *old;

	panthor_kunit_map(test, vm, bo, VA(0));
	panthor_kunit_map(test, other, bo, VA(0));
	KUNIT_ASSERT_EQ(test, panthor_kunit_scan(test, GFP_KERNEL, EVERYTHING), BO_PAGES);
	KUNIT_ASSERT_EQ(test, vm_submit(vm), 0);
	expect_bo_state(test, bo, PANTHOR_GEM_GPU_MAPPED_SINGLE_VM);
	old = bo->base.lru;

	block = bind_block(test);
	bind = bind_unmap(test, vm, VA(0), BO_SIZE, NULL);
	bind_run(test, bind);
	KUNIT_ASSERT_EQ(test, vm_submit(other), 0);
	bind_unblock(test, block, bind);
	KUNIT_ASSERT_NULL(test, vm_bo_of(vm, bo));
	expect_bo_state(test, bo, PANTHOR_GEM_GPU_MAPPED_SINGLE_VM);
	KUNIT_EXPECT_PTR_NE_MSG(test, bo->base.lru, old, "on the LRU of a VM that does not map it");

	/* No VM may be freed with the BO on its LRU. */
	panthor_kunit_map(test, vm, bo, VA(0));
	expect_on_lru(test, bo, &to_panthor_kunit(test)->ptdev->reclaim.gpu_mapped_shared);
}

/*
 * The same within one submission: the job unmaps when the pages are there and the other
 * VM gets memory for page tables, so that nobody looks at the state in between (B45).
 * Succeeds if the BO left the LRU of the VM that does not map it.
 */
static void single_vm_changes_within_a_restore(struct kunit *test)
{
	struct panthor_vm *vm = panthor_kunit_vm(test), *other = panthor_kunit_vm(test);
	struct panthor_gem_object *bo = panthor_kunit_bo(test, BO_SIZE);
	struct panthor_race *race;
	struct drm_gem_lru *old;
	struct bind *bind;

	panthor_kunit_map(test, vm, bo, VA(0));
	panthor_kunit_map(test, other, bo, VA(0));
	KUNIT_ASSERT_EQ(test, panthor_kunit_scan(test, GFP_KERNEL, EVERYTHING), BO_PAGES);
	KUNIT_ASSERT_EQ(test, vm_submit(vm), 0);
	old = bo->base.lru;
	bind = bind_unmap(test, vm, VA(0), BO_SIZE, vm_fence(test));

	race = panthor_race_at(test, SEAM_PT_BULK, 1, bind_release, bind);
	KUNIT_EXPECT_EQ(test, vm_submit(other), 0);
	panthor_race_expect(race);
	bind_wait(test, bind);
	KUNIT_ASSERT_NULL(test, vm_bo_of(vm, bo));
	expect_bo_state(test, bo, PANTHOR_GEM_GPU_MAPPED_SINGLE_VM);
	KUNIT_EXPECT_PTR_NE_MSG(test, bo->base.lru, old, "on the LRU of a VM that does not map it");

	/* No VM may be freed with the BO on its LRU. */
	panthor_kunit_map(test, vm, bo, VA(0));
	expect_on_lru(test, bo, &to_panthor_kunit(test)->ptdev->reclaim.gpu_mapped_shared);
}

/*
 * A submission brings a BO back, and stands where it gets memory for page tables
 * when a job of the VM's queue begins. Memory may have to be reclaimed, reclaim
 * may wait for the job, and the job takes the lock of the VM's operations: it
 * must be free there (B26). Lockdep sees the circle when it is not.
 * Succeeds if the job runs meanwhile, and both BOs are mapped in the end.
 */
static void job_runs_while_a_restore_allocates(struct kunit *test)
{
	struct panthor_gem_object *bo = panthor_kunit_bo(test, BO_SIZE);
	struct panthor_gem_object *other = panthor_kunit_bo(test, BO_SIZE);
	struct panthor_vm *vm = panthor_kunit_vm(test);
	struct panthor_race *race;
	struct bind *bind;

	panthor_kunit_map(test, vm, bo, VA(0));
	KUNIT_ASSERT_EQ(test, panthor_kunit_scan(test, GFP_KERNEL, EVERYTHING), BO_PAGES);
	bind = bind_map(test, vm, other, VA(1), vm_fence(test));

	race = panthor_race_at(test, SEAM_PT_BULK, 1, bind_release, bind);
	KUNIT_EXPECT_EQ(test, vm_submit(vm), 0);
	panthor_race_expect(race);
	bind_wait(test, bind);
	KUNIT_EXPECT_EQ(test, vm_walk_pages(vm, VA(0), BO_SIZE, bo, 0), BO_PTES);
	KUNIT_EXPECT_EQ(test, vm_walk_pages(vm, VA(1), BO_SIZE, other, 0), BO_PTES);
}

/**
 * struct wait_param - What happens to the job of the GPU that reclaim waits for
 * @desc: Name in the results.
 * @ends: It ends, after the job of the VM's queue. If not, the wait expires.
 */
struct wait_param {
	const char *desc;
	bool ends;
};

static const struct wait_param wait_params[] = {
	{ "gpu_job_ends", true },
	{ "gpu_job_goes_on", false },
};

KUNIT_ARRAY_PARAM_DESC(wait, wait_params, desc);

/**
 * struct wait_race - The two jobs
 * @bind: The job of the VM's queue.
 * @fence: The job of the GPU, NULL if it does not end.
 */
struct wait_race {
	struct bind *bind;
	struct dma_fence *fence;
};

static int wait_release(void *data)
{
	struct wait_race *r = data;
	int ret = bind_release(r->bind);

	if (r->fence)
		dma_fence_signal(r->fence);
	return ret;
}

/*
 * Reclaim waits for a job of the GPU, and a job of the VM's queue unmaps the BO
 * meanwhile, for which it takes the lock of the BO's mappings. The GPU's may be
 * waiting for that one, so reclaim must not hold the lock (B28). Lockdep sees the
 * circle where the wait is a real one, that is where the GPU's job goes on.
 * Succeeds if the unmap runs during the wait, and the pages go exactly if the
 * GPU's job has ended.
 */
static void job_unmaps_while_reclaim_waits(struct kunit *test)
{
	const struct wait_param *param = test->param_value;
	struct panthor_gem_object *bo = panthor_kunit_bo(test, BO_SIZE);
	struct panthor_vm *vm = panthor_kunit_vm(test);
	struct dma_fence *fence = vm_fence(test);
	struct panthor_race *race;
	struct wait_race r = {};

	panthor_kunit_map(test, vm, bo, VA(0));
	KUNIT_ASSERT_EQ(test, vm_submit_fence(vm, fence), 0);
	r.bind = bind_unmap(test, vm, VA(0), BO_SIZE, vm_fence(test));
	if (param->ends)
		r.fence = fence;

	race = panthor_race_at(test, SEAM_FENCE_WAIT, 1, wait_release, &r);
	KUNIT_EXPECT_EQ(test, panthor_kunit_scan(test, GFP_KERNEL, EVERYTHING),
			param->ends ? BO_PAGES : 0);
	panthor_race_expect(race);
	bind_wait(test, r.bind);
	KUNIT_EXPECT_EQ(test, !bo->backing.pages, param->ends);
	KUNIT_EXPECT_EQ(test, vm_walk_ptes(vm, VA(0), BO_SIZE), 0);
	KUNIT_EXPECT_NULL(test, vm_bo_of(vm, bo));
}

static struct kunit_case vm_bind_cases[] = {
	KUNIT_CASE(job_maps),
	KUNIT_CASE(job_unmaps),
	KUNIT_CASE(queued_job_pins_once_and_waits),
	KUNIT_CASE(bo_of_queued_job_is_not_evicted),
	KUNIT_CASE(jobs_run_in_order),
	KUNIT_CASE(synchronous_map_does_not_wait_for_queue),
	KUNIT_CASE(split_by_jobs_keeps_pins_balanced),
	KUNIT_CASE(queued_unmap_meets_evicted_bo),
	KUNIT_CASE(abandoned_job_leaves_no_trace),
	KUNIT_CASE_PARAM(senseless_operation_is_refused, refused_gen_params),
	KUNIT_CASE(synchronous_operation_takes_no_syncs),
	KUNIT_CASE(submission_before_cleanup_of_unmap_job),
	KUNIT_CASE(single_vm_changes_before_cleanup_of_unmap_job),
	KUNIT_CASE(single_vm_changes_within_a_restore),
	KUNIT_CASE(job_runs_while_a_restore_allocates),
	KUNIT_CASE_PARAM(job_unmaps_while_reclaim_waits, wait_gen_params),
	{}
};

static struct kunit_suite vm_bind_suite = {
	.name = "panthor_vm_bind",
	.init = reclaim_init,
	.exit = panthor_kunit_exit,
	.suite_exit = panthor_kunit_suite_exit,
	.test_cases = vm_bind_cases,
};

kunit_test_suite(vm_bind_suite);
