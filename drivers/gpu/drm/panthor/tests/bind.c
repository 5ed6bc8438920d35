// SPDX-License-Identifier: GPL-2.0-only
/* Jobs in the queue of a VM, and the worker that cleans up after them. */

#include <linux/dma-fence.h>
#include <linux/err.h>
#include <linux/jiffies.h>

#include <drm/drm_exec.h>
#include <drm/drm_file.h>
#include <drm/drm_gem.h>
#include <drm/gpu_scheduler.h>
#include <drm/panthor_drm.h>

#include <kunit/resource.h>

#include "bind.h"
#include "fixture.h"

/* A job that takes this long does not end at all. */
#define BIND_TIMEOUT	(10 * HZ)

static void bind_end(void *data)
{
	struct bind *bind = data;
	struct panthor_kunit *ctx = to_panthor_kunit(bind->test);

	if (bind->finished) {
		/* In a case that failed the job may still be there. */
		if (bind->after)
			dma_fence_signal(bind->after);
		dma_fence_wait_timeout(bind->finished, false, BIND_TIMEOUT);
		if (bind->sched)
			drain_workqueue(bind->sched->submit_wq);
		flush_workqueue(panthor_cleanup_wq);
		dma_fence_put(bind->finished);
		dma_fence_put(bind->after);
	}
	if (bind->handle)
		drm_gem_handle_delete(ctx->file, bind->handle);
}

/**
 * bind_alloc() - Begin a job: give its BO a handle
 * @test: The test; waits for the job and closes the handle when it ends.
 * @bo: The BO, or NULL.
 *
 * Context: Test thread.
 *
 * Return: The job-to-be; a failure aborts the test.
 */
struct bind *bind_alloc(struct kunit *test, struct panthor_gem_object *bo)
{
	struct panthor_kunit *ctx = to_panthor_kunit(test);
	struct bind *bind = kunit_kzalloc(test, sizeof(*bind), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, bind);
	bind->test = test;
	if (bo)
		KUNIT_ASSERT_EQ(test, drm_gem_handle_create(ctx->file, &bo->base,
							    &bind->handle), 0);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, bind_end, bind), 0);

	return bind;
}

static int bind_lock(struct drm_exec *exec, struct drm_sched_job *job)
{
	int ret = 0;

	drm_exec_until_all_locked(exec) {
		ret = panthor_vm_bind_job_prepare_resvs(exec, job);
		drm_exec_retry_on_contention(exec);
	}

	return ret;
}

/**
 * bind_push() - Queue an operation
 * @test: The test; waits for the job when it ends.
 * @vm: The VM.
 * @bo: BO that the operation maps, or NULL.
 * @op: The operation, without handle.
 * @after: What the job waits for, or NULL.
 *
 * Context: Test thread. Takes and releases the resvs of the VM and the BO.
 *
 * Return: The job; a failure aborts the test.
 */
struct bind *bind_push(struct kunit *test, struct panthor_vm *vm,
		       struct panthor_gem_object *bo, struct drm_panthor_vm_bind_op op,
		       struct dma_fence *after)
{
	struct bind *bind = bind_alloc(test, bo);
	struct drm_sched_job *job;
	struct drm_exec exec;
	int ret;

	op.bo_handle = bind->handle;
	job = panthor_vm_bind_job_create(to_panthor_kunit(test)->file, vm, &op);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, job);

	drm_exec_init(&exec, 0, 1);
	ret = bind_lock(&exec, job);
	if (!ret && after)
		ret = drm_sched_job_add_dependency(job, dma_fence_get(after));
	if (!ret) {
		drm_sched_job_arm(job);
		bind->sched = job->sched;
		bind->finished = dma_fence_get(&job->s_fence->finished);
		bind->after = dma_fence_get(after);
		panthor_vm_bind_job_update_resvs(&exec, job);
		drm_sched_entity_push_job(job);
	}
	drm_exec_fini(&exec);
	if (ret)
		panthor_vm_bind_job_put(job);
	KUNIT_ASSERT_EQ(test, ret, 0);

	return bind;
}

/**
 * bind_map() - Queue a map of a whole BO
 * @test: The test; waits for the job when it ends.
 * @vm: The VM.
 * @bo: The BO.
 * @va: GPU address in bytes.
 * @after: What the job waits for, or NULL.
 *
 * Context: Test thread. Takes and releases VM and BO locks.
 *
 * Return: The job; a failure aborts the test.
 */
struct bind *bind_map(struct kunit *test, struct panthor_vm *vm,
		      struct panthor_gem_object *bo, u64 va, struct dma_fence *after)
{
	return bind_push(test, vm, bo, (struct drm_panthor_vm_bind_op) {
		.flags = DRM_PANTHOR_VM_BIND_OP_TYPE_MAP,
		.va = va,
		.size = bo->base.size,
	}, after);
}

/**
 * bind_unmap() - Queue an unmap
 * @test: The test; waits for the job when it ends.
 * @vm: The VM.
 * @va: GPU address in bytes.
 * @size: Size in bytes.
 * @after: What the job waits for, or NULL.
 *
 * Context: Test thread. Takes and releases the VM's lock.
 *
 * Return: The job; a failure aborts the test.
 */
struct bind *bind_unmap(struct kunit *test, struct panthor_vm *vm, u64 va, u64 size,
			struct dma_fence *after)
{
	return bind_push(test, vm, NULL, (struct drm_panthor_vm_bind_op) {
		.flags = DRM_PANTHOR_VM_BIND_OP_TYPE_UNMAP,
		.va = va,
		.size = size,
	}, after);
}

/**
 * bind_release() - Let a job run that waits for a fence
 * @data: The job.
 *
 * An operation for panthor_race_at().
 *
 * Context: Any thread; holds nothing the job needs.
 *
 * Return: 0 when it has run, -ETIMEDOUT if it cannot.
 */
int bind_release(void *data)
{
	struct bind *bind = data;

	dma_fence_signal(bind->after);
	return dma_fence_wait_timeout(bind->finished, false, BIND_TIMEOUT) > 0 ? 0 : -ETIMEDOUT;
}

/**
 * bind_run() - Wait until a job has run
 * @test: The test; a job that does not run aborts it.
 * @bind: The job. What it used may not be cleaned up yet.
 *
 * Context: Test thread.
 */
void bind_run(struct kunit *test, struct bind *bind)
{
	KUNIT_ASSERT_GT(test, dma_fence_wait_timeout(bind->finished, false, BIND_TIMEOUT), 0);
}

/**
 * bind_wait() - Wait until a job is over with everything that belongs to it
 * @test: The test; a job that does not run aborts it.
 * @bind: The job.
 *
 * Context: Test thread.
 */
void bind_wait(struct kunit *test, struct bind *bind)
{
	bind_run(test, bind);
	/* Freeing is queued by running, and cleaning up by freeing. */
	drain_workqueue(bind->sched->submit_wq);
	flush_workqueue(panthor_cleanup_wq);
}

/**
 * bind_put() - Forget a job now, instead of at the end
 * @test: The test.
 * @bind: The job. It can run, or has, and its cleanup is not blocked.
 *
 * Context: Test thread.
 */
void bind_put(struct kunit *test, struct bind *bind)
{
	kunit_release_action(test, bind_end, bind);
	kunit_kfree(test, bind);
}

static void bind_block_fn(struct work_struct *work)
{
	wait_for_completion(&container_of(work, struct bind_block, work)->release);
}

static void bind_block_end(void *data)
{
	struct bind_block *block = data;

	complete(&block->release);
	flush_work(&block->work);
	workqueue_set_max_active(panthor_cleanup_wq, WQ_DFL_ACTIVE);
	flush_workqueue(panthor_cleanup_wq);
}

/**
 * bind_block() - From here on jobs run but are not cleaned up
 * @test: The test; unblocks when it ends.
 *
 * Context: Test thread.
 *
 * Return: For bind_unblock(); a failure aborts the test.
 */
struct bind_block *bind_block(struct kunit *test)
{
	struct bind_block *block = kunit_kzalloc(test, sizeof(*block), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, block);
	init_completion(&block->release);
	INIT_WORK(&block->work, bind_block_fn);
	workqueue_set_max_active(panthor_cleanup_wq, 1);
	queue_work(panthor_cleanup_wq, &block->work);
	KUNIT_ASSERT_EQ(test, kunit_add_action(test, bind_block_end, block), 0);

	return block;
}

/**
 * bind_unblock() - Let the worker clean up, and wait until it has
 * @test: The test.
 * @block: What bind_block() returned.
 * @bind: The last job pushed since; it can run, or has. That its fence has
 *        signaled does not mean its cleanup is queued, so this waits for both.
 *
 * Context: Test thread.
 */
void bind_unblock(struct kunit *test, struct bind_block *block, struct bind *bind)
{
	kunit_release_action(test, bind_block_end, block);
	bind_wait(test, bind);
}
