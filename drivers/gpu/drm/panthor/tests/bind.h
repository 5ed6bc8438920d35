/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef __PANTHOR_TESTS_BIND_H__
#define __PANTHOR_TESTS_BIND_H__

/**
 * DOC: VM_BIND jobs
 *
 * Jobs in the queue of a VM, made and pushed by the calls, and in the order, of
 * the asynchronous ioctl.
 */

#include <linux/completion.h>
#include <linux/types.h>
#include <linux/workqueue.h>

#include <drm/panthor_drm.h>

struct dma_fence;
struct drm_gpu_scheduler;
struct kunit;
struct panthor_gem_object;
struct panthor_vm;

/**
 * struct bind - One job in the queue of a VM
 * @test: The test.
 * @finished: Signalled when the job has run; referenced.
 * @after: What the job waits for, or NULL; referenced.
 * @sched: Scheduler of the VM; NULL when the VM is gone.
 * @handle: Handle of the BO to map, 0 for none.
 */
struct bind {
	struct kunit *test;
	struct dma_fence *finished;
	struct dma_fence *after;
	struct drm_gpu_scheduler *sched;
	u32 handle;
};

/**
 * struct bind_block - An item that keeps the cleanup worker busy
 * @work: The item.
 * @release: Lets it go.
 */
struct bind_block {
	struct work_struct work;
	struct completion release;
};

struct bind *bind_alloc(struct kunit *test, struct panthor_gem_object *bo);
struct bind *bind_push(struct kunit *test, struct panthor_vm *vm,
		       struct panthor_gem_object *bo, struct drm_panthor_vm_bind_op op,
		       struct dma_fence *after);
struct bind *bind_map(struct kunit *test, struct panthor_vm *vm,
		      struct panthor_gem_object *bo, u64 va, struct dma_fence *after);
struct bind *bind_unmap(struct kunit *test, struct panthor_vm *vm, u64 va, u64 size,
			struct dma_fence *after);
int bind_release(void *data);
void bind_run(struct kunit *test, struct bind *bind);
void bind_wait(struct kunit *test, struct bind *bind);
void bind_put(struct kunit *test, struct bind *bind);
struct bind_block *bind_block(struct kunit *test);
void bind_unblock(struct kunit *test, struct bind_block *block, struct bind *bind);

#endif
