// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * VM_BIND: operations that user space asks for, at once or as jobs of the VM's
 * queue.
 *
 * A job that fails leaves user space with a VM it does not know the state of, so
 * the VM becomes unusable. Jobs execute where fences are signalled; what they
 * leave to clean up is done by panthor_cleanup_wq, which may lock resvs.
 *
 * Locking: nothing of its own. The resvs of VM and BO are locked for the fence of a
 * job, by the caller's drm_exec.
 */

#include <linux/dma-fence.h>
#include <linux/overflow.h>
#include <linux/slab.h>

#include <drm/drm_exec.h>
#include <drm/drm_file.h>
#include <drm/drm_gem.h>
#include <drm/drm_print.h>
#include <drm/panthor_drm.h>

#include "panthor_device.h"
#include "panthor_gem.h"
#include "panthor_mmu.h"
#include "panthor_mmu_priv.h"

/**
 * struct panthor_vm_bind_job - An operation in the queue
 * @base: What the scheduler knows of it.
 * @refcount: The submitter's reference, which becomes the queue's.
 * @work: Drops the queue's reference.
 * @op: The operation, with a reference on its VM.
 */
struct panthor_vm_bind_job {
	struct drm_sched_job base;
	struct kref refcount;
	struct work_struct work;
	struct panthor_vm_op op;
};

static struct panthor_vm_bind_job *to_bind_job(struct drm_sched_job *job)
{
	return container_of(job, struct panthor_vm_bind_job, base);
}

static int bind_prepare_map(struct drm_file *file, struct panthor_vm *vm,
			    const struct drm_panthor_vm_bind_op *args, struct panthor_vm_op *op)
{
	struct drm_gem_object *obj;
	int ret;

	if (args->flags & DRM_PANTHOR_VM_BIND_OP_MAP_SPARSE) {
		/* The firmware's VM has none. */
		if (!vm->dummy)
			return -EINVAL;
		obj = &vm->dummy->base;
		drm_gem_object_get(obj);
	} else {
		obj = drm_gem_object_lookup(file, args->bo_handle);
		if (!obj)
			return -EINVAL;
	}

	ret = panthor_vm_op_prepare_map(op, vm, to_panthor_bo(obj), args);
	drm_gem_object_put(obj);
	return ret;
}

static int bind_prepare(struct drm_file *file, struct panthor_vm *vm,
			const struct drm_panthor_vm_bind_op *args, struct panthor_vm_op *op)
{
	u32 type = args->flags & DRM_PANTHOR_VM_BIND_OP_TYPE_MASK;

	if (!IS_ALIGNED(args->va | args->size | args->bo_offset, panthor_vm_page_size(vm)))
		return -EINVAL;
	/* What is behind is the kernel's. */
	if (range_overflows(args->va, args->size, vm->user_va_range))
		return -EINVAL;

	if (type == DRM_PANTHOR_VM_BIND_OP_TYPE_MAP)
		return bind_prepare_map(file, vm, args, op);

	if (args->flags != type || args->bo_handle || args->bo_offset)
		return -EINVAL;

	if (type == DRM_PANTHOR_VM_BIND_OP_TYPE_UNMAP)
		return panthor_vm_op_prepare_unmap(op, vm, args->va, args->size);

	if (type != DRM_PANTHOR_VM_BIND_OP_TYPE_SYNC_ONLY || args->va || args->size ||
	    !args->syncs.count)
		return -EINVAL;

	panthor_vm_op_prepare_sync_only(op, vm);
	return 0;
}

/**
 * panthor_vm_bind_exec_sync_op() - Execute an operation at once
 * @file: File that asks for it.
 * @vm: The VM.
 * @op: The operation, without syncs.
 *
 * Context: Process context, may allocate. No resv is held.
 *
 * Return: 0, -EINVAL for arguments that make no sense, or as
 * panthor_vm_op_prepare_map() and panthor_vm_op_exec().
 */
int panthor_vm_bind_exec_sync_op(struct drm_file *file, struct panthor_vm *vm,
				 struct drm_panthor_vm_bind_op *op)
{
	struct panthor_vm_op vm_op;
	int ret;

	if (op->syncs.count)
		return -EINVAL;
	if (!op->size)
		return 0;

	ret = bind_prepare(file, vm, op, &vm_op);
	if (ret)
		return ret;

	ret = panthor_vm_op_exec(&vm_op);
	panthor_vm_op_cleanup(&vm_op);
	return ret;
}

static void bind_job_release(struct kref *ref)
{
	struct panthor_vm_bind_job *job = container_of(ref, struct panthor_vm_bind_job, refcount);
	struct panthor_vm *vm = job->op.vm;

	if (job->base.s_fence)
		drm_sched_job_cleanup(&job->base);
	panthor_vm_op_cleanup(&job->op);
	kfree(job);
	panthor_vm_put(vm);
}

static void bind_job_work(struct work_struct *work)
{
	struct panthor_vm_bind_job *job = container_of(work, struct panthor_vm_bind_job, work);

	kref_put(&job->refcount, bind_job_release);
}

/**
 * panthor_vm_bind_job_put() - Drop a reference on a job
 * @sched_job: The job, or NULL.
 *
 * Context: Process context, no resv is held.
 */
void panthor_vm_bind_job_put(struct drm_sched_job *sched_job)
{
	if (sched_job)
		kref_put(&to_bind_job(sched_job)->refcount, bind_job_release);
}

/**
 * panthor_vm_bind_job_create() - Make an operation a job
 * @file: File that asks for it.
 * @vm: The VM.
 * @op: The operation.
 *
 * Context: Process context, may allocate. No resv is held.
 *
 * Return: The job, to be put by panthor_vm_bind_job_put() or pushed.
 * ERR_PTR(-EINVAL) without a VM, for one that was destroyed or is unusable, or
 * for arguments that make no sense; ERR_PTR() with the errno of preparing it.
 */
struct drm_sched_job *panthor_vm_bind_job_create(struct drm_file *file, struct panthor_vm *vm,
						 const struct drm_panthor_vm_bind_op *op)
{
	struct panthor_vm_bind_job *job;
	int ret;

	if (!vm || READ_ONCE(vm->destroyed) || panthor_vm_is_unusable(vm))
		return ERR_PTR(-EINVAL);

	job = kzalloc_obj(*job);
	if (!job)
		return ERR_PTR(-ENOMEM);

	ret = bind_prepare(file, vm, op, &job->op);
	if (ret) {
		kfree(job);
		return ERR_PTR(ret);
	}

	kref_init(&job->refcount);
	INIT_WORK(&job->work, bind_job_work);
	panthor_vm_get(vm);

	ret = drm_sched_job_init(&job->base, &vm->entity, 1, vm, file->client_id);
	if (ret) {
		panthor_vm_bind_job_put(&job->base);
		return ERR_PTR(ret);
	}

	return &job->base;
}

/**
 * panthor_vm_bind_job_prepare_resvs() - Make room for a job's fence
 * @exec: Locks the resvs of the VM, and of the BO that is mapped.
 * @sched_job: The job.
 *
 * Context: Process context, in a loop of drm_exec_until_all_locked().
 *
 * Return: 0, -ENOMEM, or that of drm_exec.
 */
int panthor_vm_bind_job_prepare_resvs(struct drm_exec *exec, struct drm_sched_job *sched_job)
{
	struct panthor_vm_op *op = &to_bind_job(sched_job)->op;
	int ret;

	ret = drm_gpuvm_prepare_vm(&op->vm->base, exec, 1);
	if (ret || !op->bo)
		return ret;

	return drm_exec_prepare_obj(exec, &op->bo->base, 1);
}

/**
 * panthor_vm_bind_job_update_resvs() - Add a job's fence
 * @exec: Has the resvs locked.
 * @sched_job: The job, armed.
 *
 * Synchronisation is explicit, so that nobody waits for it but reclaim.
 *
 * Context: Process context. The resvs of @exec are held.
 */
void panthor_vm_bind_job_update_resvs(struct drm_exec *exec, struct drm_sched_job *sched_job)
{
	panthor_vm_update_resvs(to_bind_job(sched_job)->op.vm, exec, &sched_job->s_fence->finished,
				DMA_RESV_USAGE_BOOKKEEP, DMA_RESV_USAGE_BOOKKEEP);
}

static struct dma_fence *bind_run_job(struct drm_sched_job *sched_job)
{
	struct panthor_vm_op *op = &to_bind_job(sched_job)->op;
	bool cookie = dma_fence_begin_signalling();
	int ret = panthor_vm_op_exec(op);

	if (ret)
		panthor_vm_set_unusable(op->vm);
	dma_fence_end_signalling(cookie);

	return ERR_PTR(ret);
}

static void bind_free_job(struct drm_sched_job *sched_job)
{
	/* Fences are signalled here too. */
	queue_work(panthor_cleanup_wq, &to_bind_job(sched_job)->work);
}

static enum drm_gpu_sched_stat bind_timedout_job(struct drm_sched_job *sched_job)
{
	drm_WARN(&to_bind_job(sched_job)->op.vm->ptdev->base, true,
		 "a VM_BIND job cannot time out");
	return DRM_GPU_SCHED_STAT_RESET;
}

const struct drm_sched_backend_ops panthor_vm_bind_sched_ops = {
	.run_job = bind_run_job,
	.free_job = bind_free_job,
	.timedout_job = bind_timedout_job,
};
