// SPDX-License-Identifier: GPL-2.0-only
/* Operations of the stress: the GPU's side. */

#include <linux/cleanup.h>
#include <linux/dma-fence.h>
#include <linux/err.h>
#include <linux/slab.h>
#include <linux/sizes.h>

#include <drm/drm_exec.h>
#include <drm/drm_gem.h>
#include <drm/drm_gpuvm.h>
#include <drm/gpu_scheduler.h>
#include <drm/panthor_drm.h>

#include "fixture.h"
#include "stress.h"
#include "vm_walk.h"

/* A job that takes this long does not end at all. */
#define BIND_TIMEOUT	(20 * HZ)

#define BO_PTES		(BO_SIZE / SZ_4K)

/**
 * struct stress_fence - A GPU job that runs until its thread says so
 * @base: The fence.
 * @lock: Lock for @base, which wants one from its creator.
 */
struct stress_fence {
	struct dma_fence base;
	spinlock_t lock; /* protects @base */
};

static const char *stress_fence_name(struct dma_fence *fence)
{
	return "panthor-kunit";
}

static const struct dma_fence_ops stress_fence_ops = {
	.get_driver_name = stress_fence_name,
	.get_timeline_name = stress_fence_name,
};

static struct dma_fence *stress_fence(void)
{
	struct stress_fence *fence = kzalloc_obj(*fence);

	if (!fence)
		return NULL;

	spin_lock_init(&fence->lock);
	dma_fence_init(&fence->base, &stress_fence_ops, &fence->lock,
		       dma_fence_context_alloc(1), 1);
	return &fence->base;
}

static struct panthor_gem_object *own_bo(struct stress_thread *t, unsigned int i)
{
	return t->stress->bo[t->id * STRESS_OWN + i];
}

/**
 * stress_wait_bind() - Wait for the thread's last VM_BIND job
 * @t: The thread.
 *
 * Context: The thread, or the test's when @t does nothing.
 */
void stress_wait_bind(struct stress_thread *t)
{
	if (!t->bind)
		return;

	if (dma_fence_wait_timeout(t->bind, false, BIND_TIMEOUT) <= 0)
		stress_error(t, "a VM_BIND job does not end");
	else if (dma_fence_get_status(t->bind) < 0)
		stress_error(t, "a VM_BIND job fails: %d", dma_fence_get_status(t->bind));
	dma_fence_put(t->bind);
	t->bind = NULL;
}

/* What is next for a mapping: all of it, all but a page, or nothing. */
static struct drm_panthor_vm_bind_op next_bind(struct stress_thread *t, enum stress_map *map,
					       u64 va, u32 handle)
{
	*map = stress_pick(t, 3);
	if (*map == STRESS_WHOLE)
		return (struct drm_panthor_vm_bind_op) {
			.flags = DRM_PANTHOR_VM_BIND_OP_TYPE_MAP,
			.bo_handle = handle, .va = va, .size = BO_SIZE };
	if (*map == STRESS_PART)
		return (struct drm_panthor_vm_bind_op) {
			.flags = DRM_PANTHOR_VM_BIND_OP_TYPE_UNMAP,
			.va = va + PAGE_SIZE, .size = PAGE_SIZE };

	return (struct drm_panthor_vm_bind_op) {
		.flags = DRM_PANTHOR_VM_BIND_OP_TYPE_UNMAP, .va = va, .size = BO_SIZE };
}

static void own_map_follows(struct stress_thread *t, unsigned int i, enum stress_map map)
{
	/* Nothing is left of nothing. */
	if (map != STRESS_PART || t->map[i] != STRESS_NOT_MAPPED)
		t->map[i] = map;
}

/**
 * stress_op_bind() - Change a mapping of the thread's VM
 * @t: The thread.
 *
 * Context: The thread.
 */
void stress_op_bind(struct stress_thread *t)
{
	struct panthor_kunit *ctx = to_panthor_kunit(t->stress->test);
	unsigned int i = stress_pick(t, STRESS_OWN);
	struct drm_panthor_vm_bind_op op;
	enum stress_map map;
	int ret;

	stress_wait_bind(t);
	op = next_bind(t, &map, VA(i), t->stress->handle[t->id * STRESS_OWN + i]);
	/* Preparing a map takes a pin, which may be the first. */
	if (map == STRESS_WHOLE)
		stress_enter(t->stress, STRESS_PIN);
	ret = panthor_vm_bind_exec_sync_op(ctx->file, t->vm, &op);
	if (map == STRESS_WHOLE)
		stress_leave(t->stress, STRESS_PIN);
	if (ret)
		stress_error(t, "bind: %d", ret);
	own_map_follows(t, i, map);
}

static int lock_bind(struct drm_exec *exec, struct drm_sched_job *job)
{
	int ret = 0;

	drm_exec_until_all_locked(exec) {
		ret = panthor_vm_bind_job_prepare_resvs(exec, job);
		drm_exec_retry_on_contention(exec);
		if (ret)
			break;
	}

	return ret;
}

static int push_bind(struct stress_thread *t, struct drm_sched_job *job)
{
	struct drm_exec exec;
	int ret;

	/* A private BO has the VM's lock. */
	drm_exec_init(&exec, DRM_EXEC_IGNORE_DUPLICATES, 1);
	ret = lock_bind(&exec, job);
	if (!ret) {
		drm_sched_job_arm(job);
		WRITE_ONCE(t->stress->bind_wq, job->sched->submit_wq);
		t->bind = dma_fence_get(&job->s_fence->finished);
		panthor_vm_bind_job_update_resvs(&exec, job);
		drm_sched_entity_push_job(job);
	}
	drm_exec_fini(&exec);
	if (ret)
		panthor_vm_bind_job_put(job);

	return ret;
}

/**
 * stress_op_bind_job() - Queue a change of a mapping of the thread's VM
 * @t: The thread.
 *
 * Context: The thread.
 */
void stress_op_bind_job(struct stress_thread *t)
{
	struct panthor_kunit *ctx = to_panthor_kunit(t->stress->test);
	unsigned int i = stress_pick(t, STRESS_OWN);
	struct drm_panthor_vm_bind_op op;
	struct drm_sched_job *job;
	enum stress_map map;
	int ret;

	stress_wait_bind(t);
	op = next_bind(t, &map, VA(i), t->stress->handle[t->id * STRESS_OWN + i]);
	stress_enter(t->stress, STRESS_PIN);
	job = panthor_vm_bind_job_create(ctx->file, t->vm, &op);
	stress_leave(t->stress, STRESS_PIN);
	ret = IS_ERR(job) ? PTR_ERR(job) : push_bind(t, job);
	if (ret)
		stress_error(t, "VM_BIND job: %d", ret);
	own_map_follows(t, i, map);
}

/* The job runs: all that its VM maps has to be there until it ends. */
static void check_job(struct stress_thread *t, unsigned int i)
{
	struct panthor_gem_object *bo = own_bo(t, i);
	unsigned long ptes;

	if (t->map[i] == STRESS_NOT_MAPPED)
		return;
	if (!READ_ONCE(bo->backing.pages)) {
		stress_error(t, "BO %u has no pages under a job (as of D40)", i);
		return;
	}

	ptes = vm_walk_pages(t->vm, VA(i), PAGE_SIZE, bo, 0);
	if (ptes != PAGE_SIZE / SZ_4K)
		stress_error(t, "BO %u: %lu entries of its first page under a job", i, ptes);
	ptes = vm_walk_ptes(t->vm, VA(i), BO_SIZE);
	if (ptes != (t->map[i] == STRESS_WHOLE ? BO_PTES : BO_PTES - PAGE_SIZE / SZ_4K))
		stress_error(t, "BO %u: %lu entries under a job", i, ptes);
}

/* The lock, as a cleanup that is pending may free another vm_bo. */
static bool own_evicted(struct stress_thread *t, unsigned int i)
{
	struct panthor_gem_object *bo = own_bo(t, i);
	struct drm_gpuvm_bo *vm_bo;

	if (t->map[i] == STRESS_NOT_MAPPED)
		return false;

	guard(mutex)(&bo->base.gpuva.lock);

	drm_gem_for_each_gpuvm_bo(vm_bo, &bo->base)
		if (vm_bo->vm->r_obj == panthor_vm_root_gem(t->vm) && vm_bo->evicted)
			return true;

	return false;
}

/**
 * stress_op_job() - Submit a job to the thread's VM, and run it
 * @t: The thread.
 *
 * Context: The thread.
 */
void stress_op_job(struct stress_thread *t)
{
	struct dma_fence *fence = stress_fence();
	unsigned int evicted = 0;
	int ret;

	if (!fence)
		return;

	stress_wait_bind(t);
	stress_enter(t->stress, STRESS_JOB);
	for (unsigned int i = 0; i < STRESS_OWN; i++)
		evicted += own_evicted(t, i);
	ret = vm_submit_fence(t->vm, fence);
	stress_leave(t->stress, STRESS_JOB);
	if (ret)
		stress_error(t, "submission: %d", ret);
	/* The job runs. */
	stress_linger(t->stress);
	for (unsigned int i = 0; i < STRESS_OWN && !ret; i++)
		check_job(t, i);
	atomic_add(evicted, &t->stress->restored);

	dma_fence_signal(fence);
	dma_fence_put(fence);
}

static struct panthor_vm *shared_vm(struct stress_thread *t)
{
	return t->stress->vm[stress_pick(t, STRESS_VMS)];
}

/**
 * stress_op_shared_bind() - Change a mapping of a VM that all threads use
 * @t: The thread.
 *
 * Context: The thread.
 */
void stress_op_shared_bind(struct stress_thread *t)
{
	struct panthor_kunit *ctx = to_panthor_kunit(t->stress->test);
	unsigned int i = stress_pick(t, STRESS_SHARED);
	struct drm_panthor_vm_bind_op op;
	enum stress_map map;
	int ret;

	op = next_bind(t, &map, VA(i), t->stress->handle[STRESS_THREADS * STRESS_OWN + i]);
	stress_enter(t->stress, STRESS_SHARED_BIND);
	ret = panthor_vm_bind_exec_sync_op(ctx->file, shared_vm(t), &op);
	stress_leave(t->stress, STRESS_SHARED_BIND);
	if (ret)
		stress_error(t, "bind to a shared VM: %d", ret);
}

/**
 * stress_op_shared_job() - Prepare a job in a VM that all threads use
 * @t: The thread.
 *
 * Context: The thread.
 */
void stress_op_shared_job(struct stress_thread *t)
{
	int ret;

	stress_enter(t->stress, STRESS_SHARED_JOB);
	ret = vm_submit(shared_vm(t));
	stress_leave(t->stress, STRESS_SHARED_JOB);
	if (ret)
		stress_error(t, "submission to a shared VM: %d", ret);
}
