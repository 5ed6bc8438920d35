// SPDX-License-Identifier: GPL-2.0-only
/* What a VM_BIND job holds, pins and fences, and how it lets go of it. */

#include <linux/dma-fence.h>
#include <linux/err.h>
#include <linux/kref.h>
#include <linux/refcount.h>
#include <linux/workqueue.h>

#include <drm/drm_file.h>
#include <drm/drm_gem.h>
#include <drm/gpu_scheduler.h>
#include <drm/panthor_drm.h>

#include <kunit/resource.h>

#include "bind.h"
#include "fixture.h"
#include "reclaim.h"
#include "seam.h"
#include "vm_walk.h"

/*
 * A job is over and its fences with it: the one it waited for, and the one that
 * those wait for who come after it (B37).
 * Succeeds if nobody but the test holds either when BO and VM are gone.
 */
static void job_lets_go_of_its_fences(struct kunit *test)
{
	struct panthor_gem_object *bo = panthor_kunit_bo(test, BO_SIZE);
	struct panthor_vm *vm = panthor_kunit_vm(test);
	struct dma_fence *after = vm_fence(test);
	unsigned int refs = kref_read(&after->refcount);
	struct bind *bind = bind_map(test, vm, bo, VA(0), after);

	dma_fence_signal(after);
	bind_wait(test, bind);
	KUNIT_EXPECT_EQ(test, kref_read(&after->refcount), refs + 1);

	drm_gem_handle_delete(to_panthor_kunit(test)->file, bind->handle);
	bind->handle = 0;
	panthor_kunit_vm_put(test, vm);
	panthor_kunit_bo_put(test, bo);
	flush_workqueue(panthor_cleanup_wq);
	KUNIT_EXPECT_EQ(test, kref_read(&bind->finished->refcount), 1);
	bind->sched = NULL;
}

/*
 * The same for a job that is given up after it was told what to wait for (B37).
 * Succeeds if nobody but the test holds that fence.
 */
static void abandoned_job_lets_go_of_its_fence(struct kunit *test)
{
	struct panthor_gem_object *bo = panthor_kunit_bo(test, BO_SIZE);
	struct drm_panthor_vm_bind_op op = {
		.flags = DRM_PANTHOR_VM_BIND_OP_TYPE_MAP,
		.bo_handle = bind_alloc(test, bo)->handle,
		.va = VA(0),
		.size = BO_SIZE,
	};
	struct dma_fence *after = vm_fence(test);
	unsigned int refs = kref_read(&after->refcount);
	struct drm_sched_job *job =
		panthor_vm_bind_job_create(to_panthor_kunit(test)->file, panthor_kunit_vm(test),
					   &op);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, job);
	KUNIT_EXPECT_EQ(test, drm_sched_job_add_dependency(job, dma_fence_get(after)), 0);
	KUNIT_EXPECT_EQ(test, kref_read(&after->refcount), refs + 1);
	panthor_vm_bind_job_put(job);
	KUNIT_EXPECT_EQ(test, kref_read(&after->refcount), refs);
}

/* The job's BO, at a time when its lock is about to be taken. */
struct bind_seen {
	struct panthor_gem_object *bo;
	bool ran;
	unsigned int pins;
};

static void bind_look(void *data)
{
	struct bind_seen *seen = data;

	seen->ran = true;
	seen->pins = refcount_read(&seen->bo->backing.pin_count);
}

/*
 * The worker drops the pin of a job. That it is the last one is for those to see
 * who hold the BO's lock, reclaim above all (B06).
 * Succeeds if the worker gets to a lock with the pin still there, and it is gone
 * afterwards; lockdep sees to it that it is the right one.
 */
static void last_unpin_of_a_job_takes_the_lock(struct kunit *test)
{
	struct bind_seen seen = { .bo = panthor_kunit_bo(test, BO_SIZE) };
	struct bind_block *block = bind_block(test);
	struct bind *bind;

	bind = bind_map(test, panthor_kunit_vm(test), seen.bo, VA(0), NULL);
	bind_run(test, bind);
	KUNIT_ASSERT_EQ(test, refcount_read(&seen.bo->backing.pin_count), 1);
	panthor_seam_hook(test, SEAM_RESV_LOCK, 1, bind_look, &seen);
	bind_unblock(test, block, bind);

	KUNIT_EXPECT_TRUE(test, seen.ran);
	KUNIT_EXPECT_EQ(test, seen.pins, 1);
	KUNIT_EXPECT_EQ(test, refcount_read(&seen.bo->backing.pin_count), 0);
}

static struct kunit_case vm_bind_job_cases[] = {
	KUNIT_CASE(job_lets_go_of_its_fences),
	KUNIT_CASE(abandoned_job_lets_go_of_its_fence),
	KUNIT_CASE(last_unpin_of_a_job_takes_the_lock),
	{}
};

static struct kunit_suite vm_bind_job_suite = {
	.name = "panthor_vm_bind_job",
	.init = reclaim_init,
	.exit = panthor_kunit_exit,
	.suite_exit = panthor_kunit_suite_exit,
	.test_cases = vm_bind_job_cases,
};

kunit_test_suite(vm_bind_job_suite);
