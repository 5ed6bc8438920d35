// SPDX-License-Identifier: GPL-2.0-only
/* Operations for the fault sweeps: VMs of a file, and VM_BIND in both ways. */

#include <linux/dma-fence.h>
#include <linux/err.h>
#include <linux/sizes.h>
#include <linux/workqueue.h>

#include <drm/drm_exec.h>
#include <drm/gpu_scheduler.h>
#include <drm/panthor_drm.h>

#include <kunit/resource.h>

#include "fixture.h"
#include "reclaim.h"
#include "sweep.h"

/* A job that takes this long does not end at all. */
#define JOB_TIMEOUT	(10 * HZ)

#define MAP		DRM_PANTHOR_VM_BIND_OP_TYPE_MAP
#define UNMAP		DRM_PANTHOR_VM_BIND_OP_TYPE_UNMAP
#define SPARSE		(DRM_PANTHOR_VM_BIND_OP_MAP_SPARSE | DRM_PANTHOR_VM_BIND_OP_MAP_NOEXEC)

/* Ends inside a block that it does not fill. */
#define SPARSE_SIZE	(SZ_2M + SZ_64K)

static void setup_pool(struct sweep_state *s)
{
	s->pool = kunit_kzalloc(s->test, sizeof(*s->pool), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(s->test, s->pool);
	s->pool->ptdev = to_panthor_kunit(s->test)->ptdev;
}

/* What opening the device does. */
static int op_pool(struct sweep_state *s)
{
	return panthor_vm_pool_create(s->pool);
}

static void undo_pool(struct sweep_state *s)
{
	panthor_vm_pool_destroy(s->pool);
}

const struct sweep_op sweep_pool = { "pool", setup_pool, op_pool, undo_pool };

KUNIT_DEFINE_ACTION_WRAPPER(bind_pool_destroy, panthor_vm_pool_destroy, struct panthor_file *);

static void setup_opened(struct sweep_state *s)
{
	setup_pool(s);
	KUNIT_ASSERT_EQ(s->test, op_pool(s), 0);
	KUNIT_ASSERT_EQ(s->test,
			kunit_add_action_or_reset(s->test, bind_pool_destroy, s->pool), 0);
	to_panthor_kunit(s->test)->pools++;
}

/* The BOs of one attempt in each next one would make the checker slow. */
static void undo_bind(struct sweep_state *s)
{
	kunit_release_action(s->test, bind_pool_destroy, s->pool);
	to_panthor_kunit(s->test)->pools--;
}

static int op_pool_vm(struct sweep_state *s)
{
	struct drm_panthor_vm_create args = {};
	int ret = panthor_vm_pool_create_vm(s->pool->ptdev, s->pool->vms, &args);

	if (ret < 0)
		return ret;

	s->vm = panthor_vm_pool_get_vm(s->pool->vms, ret);
	/* The pool has the reference that keeps it. */
	panthor_vm_put(s->vm);
	return 0;
}

const struct sweep_op sweep_pool_vm = { "pool_vm", setup_opened, op_pool_vm, undo_bind };

static void setup_bind(struct sweep_state *s)
{
	setup_opened(s);
	KUNIT_ASSERT_EQ(s->test, op_pool_vm(s), 0);
	s->bo = panthor_kunit_bo(s->test, BO_SIZE);
	sweep_setup_handle(s);
}

static int bind_sync(struct sweep_state *s, struct drm_panthor_vm_bind_op op)
{
	return panthor_vm_bind_exec_sync_op(to_panthor_kunit(s->test)->file, s->vm, &op);
}

static int op_bind(struct sweep_state *s)
{
	return bind_sync(s, (struct drm_panthor_vm_bind_op) {
		.flags = MAP, .bo_handle = s->handle, .va = VA(0), .size = BO_SIZE });
}

const struct sweep_op sweep_bind = { "bind", setup_bind, op_bind, undo_bind };

static void setup_bound(struct sweep_state *s)
{
	setup_bind(s);
	KUNIT_ASSERT_EQ(s->test, op_bind(s), 0);
}

static int op_bind_unmap(struct sweep_state *s)
{
	return bind_sync(s, (struct drm_panthor_vm_bind_op) {
		.flags = UNMAP, .va = VA(0) + PAGE_SIZE, .size = PAGE_SIZE });
}

const struct sweep_op sweep_bind_unmap = { "bind_unmap", setup_bound, op_bind_unmap, undo_bind };

static int op_sparse(struct sweep_state *s)
{
	return bind_sync(s, (struct drm_panthor_vm_bind_op) {
		.flags = MAP | SPARSE, .va = VA(1) + SZ_64K, .size = SPARSE_SIZE });
}

const struct sweep_op sweep_sparse_first = { "sparse_first", setup_bind, op_sparse, undo_bind };

/* All sparse ranges of a file share their pages: now they are there. */
static void setup_sparse(struct sweep_state *s)
{
	setup_bind(s);
	KUNIT_ASSERT_EQ(s->test, op_sparse(s), 0);
	KUNIT_ASSERT_EQ(s->test, panthor_vm_unmap_range(s->vm, VA(1), SZ_4M), 0);
}

const struct sweep_op sweep_sparse = { "sparse", setup_sparse, op_sparse, undo_bind };

static int bind_lock(struct drm_exec *exec, struct drm_sched_job *job)
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

/* Waits until everything that belongs to the job is gone. */
static int bind_finish(struct dma_fence *finished, struct drm_gpu_scheduler *sched)
{
	int ret = -ETIMEDOUT;

	if (dma_fence_wait_timeout(finished, false, JOB_TIMEOUT) > 0)
		ret = min(dma_fence_get_status(finished), 0);
	/* Freeing is queued by running, and cleaning up by freeing. */
	drain_workqueue(sched->submit_wq);
	flush_workqueue(panthor_cleanup_wq);
	dma_fence_put(finished);

	return ret;
}

/* From the ioctl to the end of the cleanup, in the order of the driver's ioctl. */
static int bind_async(struct sweep_state *s, struct drm_panthor_vm_bind_op op)
{
	struct dma_fence *finished = NULL;
	struct drm_gpu_scheduler *sched;
	struct drm_sched_job *job;
	struct drm_exec exec;
	int ret;

	job = panthor_vm_bind_job_create(to_panthor_kunit(s->test)->file, s->vm, &op);
	if (IS_ERR(job))
		return PTR_ERR(job);

	sched = job->sched;
	drm_exec_init(&exec, 0, 1);
	ret = bind_lock(&exec, job);
	if (!ret) {
		drm_sched_job_arm(job);
		sched = job->sched;
		finished = dma_fence_get(&job->s_fence->finished);
		panthor_vm_bind_job_update_resvs(&exec, job);
		drm_sched_entity_push_job(job);
	}
	drm_exec_fini(&exec);
	if (ret) {
		panthor_vm_bind_job_put(job);
		return ret;
	}

	return bind_finish(finished, sched);
}

static void setup_job(struct sweep_state *s)
{
	s->bo = panthor_kunit_bo(s->test, BO_SIZE);
	s->vm = panthor_kunit_vm(s->test);
	sweep_setup_handle(s);
}

static int op_job_map(struct sweep_state *s)
{
	return bind_async(s, (struct drm_panthor_vm_bind_op) {
		.flags = MAP, .bo_handle = s->handle, .va = VA(0) + BO_SIZE, .size = BO_SIZE });
}

const struct sweep_op sweep_job_map = { "job_map", setup_job, op_job_map };

/* A mapping around the place, so that the new one splits it in three. */
static void setup_job_over(struct sweep_state *s)
{
	setup_job(s);
	s->other = panthor_kunit_bo(s->test, 4 * BO_SIZE);
	panthor_kunit_map(s->test, s->vm, s->other, VA(0));
}

const struct sweep_op sweep_job_map_over = { "job_map_over", setup_job_over, op_job_map };

static int op_job_unmap(struct sweep_state *s)
{
	return bind_async(s, (struct drm_panthor_vm_bind_op) {
		.flags = UNMAP, .va = VA(0) + BO_SIZE, .size = BO_SIZE });
}

const struct sweep_op sweep_job_unmap = { "job_unmap", setup_job_over, op_job_unmap };
