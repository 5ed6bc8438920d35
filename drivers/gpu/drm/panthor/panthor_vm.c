// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Life of a VM, and what it has beside mappings: kernel addresses, tiler heaps.
 *
 * A VM lives as long as somebody has a reference: its users, each vm_bo (hence
 * each mapping), and jobs. The file that owns it destroys it, which removes all
 * mappings and forbids new ones, so that the rest of the references go.
 *
 * Locking: heaps.lock and mm_lock, which are held around allocations. See
 * panthor_mmu_priv.h for the order of all.
 */

#include <linux/dma-fence.h>
#include <linux/io-pgtable.h>
#include <linux/sizes.h>
#include <linux/slab.h>

#include <drm/drm_drv.h>
#include <drm/drm_print.h>
#include <drm/panthor_drm.h>

#include "panthor_device.h"
#include "panthor_gem.h"
#include "panthor_gpu_regs.h"
#include "panthor_heap.h"
#include "panthor_mmu.h"
#include "panthor_mmu_priv.h"
#include "panthor_sched.h"

static const struct drm_gpuvm_ops panthor_gpuvm_ops = {
	.vm_free = panthor_vm_free,
	.vm_bo_free = panthor_vm_bo_free,
	.vm_bo_validate = panthor_vm_bo_validate,
	.sm_step_map = panthor_vm_sm_step_map,
	.sm_step_remap = panthor_vm_sm_step_remap,
	.sm_step_unmap = panthor_vm_sm_step_unmap,
};

static void vm_put_work(struct work_struct *work)
{
	panthor_vm_put(container_of(work, struct panthor_vm, reclaim.put_work));
}

/* Removes all mappings, the last step of the destruction. */
static void vm_unmap_all(struct panthor_vm *vm)
{
	int ret = panthor_vm_unmap_range(vm, vm->base.mm_start, vm->base.mm_range);

	/* Mappings have references: those that stay would keep the VM for ever. */
	if (ret == -ETIMEDOUT)
		panthor_vm_doom(vm);
	else if (!drm_WARN_ON(&vm->ptdev->base, ret))
		panthor_vm_put(vm);
}

/* The slot was disabled or reset: what was unmapped before is out of its TLB. */
static void vm_reap_work(struct work_struct *work)
{
	struct panthor_vm *vm = container_of(work, struct panthor_vm, as.reap_work);
	bool doomed = false;
	LIST_HEAD(vmas);

	scoped_guard(mutex, &vm->ptdev->mmu->as.slots_lock) {
		if (!vm->as.tlb_stale) {
			list_splice_init(&vm->as.quarantine, &vmas);
			swap(doomed, vm->as.doomed);
		}
	}
	panthor_vm_release_vmas(&vmas);
	drm_gpuvm_bo_deferred_cleanup(&vm->base);
	if (doomed)
		vm_unmap_all(vm);
	panthor_vm_put(vm);
}

static int vm_init_queue(struct panthor_vm *vm)
{
	const struct drm_sched_init_args args = {
		.ops = &panthor_vm_bind_sched_ops,
		.submit_wq = vm->ptdev->mmu->vm.wq,
		.num_rqs = 1,
		.credit_limit = 1,
		/* An operation is over when it returns. */
		.timeout = MAX_SCHEDULE_TIMEOUT,
		.name = "panthor-vm-bind",
		.dev = vm->ptdev->base.dev,
	};
	struct drm_gpu_scheduler *sched = &vm->sched;
	int ret;

	ret = drm_sched_init(sched, &args);
	if (ret)
		return ret;

	ret = drm_sched_entity_init(&vm->entity, 0, &sched, 1, NULL);
	if (ret)
		drm_sched_fini(sched);

	return ret;
}

/* What lockdep would else learn only when it is too late. */
static void vm_prime_lockdep(struct panthor_vm *vm)
{
	bool cookie;

	if (!IS_ENABLED(CONFIG_LOCKDEP))
		return;

	cookie = dma_fence_begin_signalling();
	might_lock(&vm->op_lock);
	dma_fence_end_signalling(cookie);
}

static void vm_init(struct panthor_vm *vm, struct panthor_device *ptdev, bool for_mcu)
{
	vm->ptdev = ptdev;
	vm->for_mcu = for_mcu;
	mutex_init(&vm->op_lock);
	mutex_init(&vm->mm_lock);
	mutex_init(&vm->heaps.lock);
	INIT_LIST_HEAD(&vm->node);

	vm->as.id = -1;
	refcount_set(&vm->as.active, 0);
	INIT_LIST_HEAD(&vm->as.idle_node);
	INIT_LIST_HEAD(&vm->as.quarantine);
	INIT_WORK(&vm->as.reap_work, vm_reap_work);

	drm_gem_lru_init(&vm->reclaim.lru);
	INIT_LIST_HEAD(&vm->reclaim.node);
	INIT_WORK(&vm->reclaim.put_work, vm_put_work);

	vm_prime_lockdep(vm);
}

/* From here on a reset stops and starts the queue of the VM. */
static void vm_announce(struct panthor_vm *vm)
{
	struct panthor_mmu *mmu = vm->ptdev->mmu;

	guard(mutex)(&mmu->vm.lock);

	list_add_tail(&vm->node, &mmu->vm.list);
	if (mmu->vm.reset_in_progress)
		drm_sched_stop(&vm->sched, NULL);
}

/**
 * panthor_vm_create() - Create a VM
 * @ptdev: The device.
 * @for_mcu: It is the firmware's.
 * @kernel_va_start: First byte of the kernel's part of the address range.
 * @kernel_va_size: Size of that part in bytes.
 * @kernel_auto_va_start: First byte of what the kernel may choose from.
 * @kernel_auto_va_size: Size of that in bytes.
 *
 * Context: Process context, may allocate.
 *
 * Return: The VM, ERR_PTR(-ENOMEM), or ERR_PTR() with the errno of the page
 * table or the scheduler.
 */
struct panthor_vm *panthor_vm_create(struct panthor_device *ptdev, bool for_mcu,
				     u64 kernel_va_start, u64 kernel_va_size,
				     u64 kernel_auto_va_start, u64 kernel_auto_va_size)
{
	/* The MCU has 32-bit addresses. */
	u64 va_range = for_mcu ? SZ_4G :
		       BIT_ULL(GPU_MMU_FEATURES_VA_BITS(ptdev->gpu_info.mmu_features));
	struct drm_gem_object *root;
	struct panthor_vm *vm;
	int ret;

	vm = kzalloc_obj(*vm);
	if (!vm)
		return ERR_PTR(-ENOMEM);

	root = drm_gpuvm_resv_object_alloc(&ptdev->base);
	if (!root) {
		ret = -ENOMEM;
		goto err_free;
	}

	vm_init(vm, ptdev, for_mcu);
	vm->user_va_range = kernel_va_start;
	vm->auto_va.start = kernel_auto_va_start;
	vm->auto_va.end = kernel_auto_va_start + kernel_auto_va_size;

	ret = panthor_vm_pt_create(vm);
	if (ret)
		goto err_put_root;

	ret = vm_init_queue(vm);
	if (ret)
		goto err_destroy_pt;

	drm_mm_init(&vm->mm, kernel_va_start, kernel_va_size);
	/* No range is reserved: mappings of the kernel are like any others. */
	drm_gpuvm_init(&vm->base, for_mcu ? "panthor-MCU-VM" : "panthor-GPU-VM",
		       DRM_GPUVM_RESV_PROTECTED | DRM_GPUVM_IMMEDIATE_MODE, &ptdev->base, root,
		       0, va_range, 0, 0, &panthor_gpuvm_ops);
	drm_gem_object_put(root);
	vm_announce(vm);

	return vm;

err_destroy_pt:
	panthor_vm_pt_destroy(vm);
err_put_root:
	drm_gem_object_put(root);
err_free:
	kfree(vm);
	return ERR_PTR(ret);
}

static void vm_end_queue(struct panthor_vm *vm)
{
	struct panthor_mmu *mmu = vm->ptdev->mmu;

	/* Without jobs it can be started although the reset is not over. */
	scoped_guard(mutex, &mmu->vm.lock) {
		list_del(&vm->node);
		if (mmu->vm.reset_in_progress)
			drm_sched_start(&vm->sched, 0);
	}

	drm_sched_entity_destroy(&vm->entity);
	drm_sched_fini(&vm->sched);
}

static void vm_end_slot(struct panthor_vm *vm)
{
	struct panthor_device *ptdev = vm->ptdev;
	int cookie;

	guard(mutex)(&ptdev->mmu->as.slots_lock);

	if (vm->as.id < 0)
		return;

	if (drm_dev_enter(&ptdev->base, &cookie)) {
		panthor_as_disable(vm);
		drm_dev_exit(cookie);
	}
	panthor_as_release(vm);
}

/**
 * panthor_vm_free() - The last reference of a VM is gone
 * @gpuvm: Its drm_gpuvm.
 *
 * Context: Process context, not in reclaim, no lock of a VM is held. Takes and
 * releases gem_lru_mutex, vm.lock and slots_lock.
 */
void panthor_vm_free(struct drm_gpuvm *gpuvm)
{
	struct panthor_vm *vm = to_panthor_vm(gpuvm);

	/* Their BOs are mapped, and mappings have references. */
	drm_WARN_ON(&vm->ptdev->base, vm->heaps.pool);
	panthor_vm_reclaim_fini(vm);
	vm_end_queue(vm);
	vm_end_slot(vm);
	panthor_vm_pt_destroy(vm);

	if (vm->dummy)
		drm_gem_object_put(&vm->dummy->base);
	drm_mm_takedown(&vm->mm);
	mutex_destroy(&vm->heaps.lock);
	mutex_destroy(&vm->mm_lock);
	mutex_destroy(&vm->op_lock);
	kfree(vm);
}

/**
 * panthor_vm_bo_free() - The last mapping of a BO in a VM is gone
 * @vm_bo: What tied them.
 *
 * Context: Process context. Takes and releases the BO's resv and gpuva.lock.
 */
void panthor_vm_bo_free(struct drm_gpuvm_bo *vm_bo)
{
	/* It was unlinked where fences are signalled, where no resv can be locked. */
	panthor_vm_bo_update_state(to_panthor_bo(vm_bo->obj));
	kfree(vm_bo);
}

/**
 * panthor_vm_get() - Take a reference on a VM
 * @vm: The VM, or NULL.
 *
 * Context: Any.
 *
 * Return: @vm.
 */
struct panthor_vm *panthor_vm_get(struct panthor_vm *vm)
{
	if (vm)
		drm_gpuvm_get(&vm->base);

	return vm;
}

/**
 * panthor_vm_put() - Drop a reference on a VM
 * @vm: The VM, or NULL.
 *
 * Context: As panthor_vm_free().
 */
void panthor_vm_put(struct panthor_vm *vm)
{
	drm_gpuvm_put(vm ? &vm->base : NULL);
}

/**
 * panthor_vm_put_in_reclaim() - Drop a reference on a VM where it must not be freed
 * @vm: The VM.
 *
 * Context: Any.
 */
void panthor_vm_put_in_reclaim(struct panthor_vm *vm)
{
	/*
	 * If this may be the last one, it is the worker's. One that is queued
	 * already has a reference, so that this is not the last then.
	 */
	if (!refcount_dec_not_one(&vm->base.kref.refcount))
		queue_work(panthor_cleanup_wq, &vm->reclaim.put_work);
}

/**
 * panthor_vm_destroy() - User space lets go of a VM
 * @vm: The VM; the caller's reference is dropped.
 *
 * Jobs that still run fault. The VM is freed with the last reference.
 *
 * Context: Process context, no resv is held.
 */
void panthor_vm_destroy(struct panthor_vm *vm)
{
	/* Under the lock: an operation has mapped, then it is unmapped here, or will not. */
	scoped_guard(mutex, &vm->op_lock)
		WRITE_ONCE(vm->destroyed, true);

	if (refcount_read(&vm->as.active))
		panthor_sched_prepare_for_vm_destruction(vm->ptdev);

	scoped_guard(mutex, &vm->heaps.lock) {
		panthor_heap_pool_destroy(vm->heaps.pool);
		vm->heaps.pool = NULL;
	}

	vm_unmap_all(vm);
}

/**
 * panthor_vm_resv() - Reservation of a VM and its private BOs
 * @vm: The VM.
 *
 * Context: Any.
 *
 * Return: The reservation, which lives as long as the VM.
 */
struct dma_resv *panthor_vm_resv(struct panthor_vm *vm)
{
	return drm_gpuvm_resv(&vm->base);
}

/**
 * panthor_vm_root_gem() - Object that stands for a VM
 * @vm: The VM, or NULL.
 *
 * Context: Any.
 *
 * Return: The object whose resv is the VM's; NULL without a VM.
 */
struct drm_gem_object *panthor_vm_root_gem(struct panthor_vm *vm)
{
	return vm ? vm->base.r_obj : NULL;
}

/**
 * panthor_vm_has_unhandled_faults() - Whether the GPU faulted
 * @vm: The VM.
 *
 * Context: Any.
 *
 * Return: true if it did since the VM became active.
 */
bool panthor_vm_has_unhandled_faults(struct panthor_vm *vm)
{
	return READ_ONCE(vm->unhandled_fault);
}

/**
 * panthor_vm_is_unusable() - Whether an operation failed half way
 * @vm: The VM.
 *
 * Context: Any.
 *
 * Return: true if the VM is good for nothing but to be destroyed.
 */
bool panthor_vm_is_unusable(struct panthor_vm *vm)
{
	return READ_ONCE(vm->unusable);
}

/**
 * panthor_vm_alloc_va() - Take a range of the kernel's part of the addresses
 * @vm: The VM.
 * @va: First byte, or PANTHOR_VM_KERNEL_AUTO_VA.
 * @size: Size in bytes.
 * @va_node: Zeroed; becomes the range.
 *
 * Context: Process context. Takes and releases mm_lock.
 *
 * Return: 0, -EINVAL if something is not a multiple of the page size, -ENOSPC if
 * there is no room, -ENOMEM.
 */
int panthor_vm_alloc_va(struct panthor_vm *vm, u64 va, u64 size, struct drm_mm_node *va_node)
{
	bool any = va == PANTHOR_VM_KERNEL_AUTO_VA;

	if (!size || !IS_ALIGNED(any ? size : va | size, panthor_vm_page_size(vm)))
		return -EINVAL;

	guard(mutex)(&vm->mm_lock);

	/* Aligned so that it can be mapped by blocks. */
	if (any)
		return drm_mm_insert_node_in_range(&vm->mm, va_node, size,
						   size >= SZ_2M ? SZ_2M : SZ_4K, 0,
						   vm->auto_va.start, vm->auto_va.end,
						   DRM_MM_INSERT_BEST);

	va_node->start = va;
	va_node->size = size;
	return drm_mm_reserve_node(&vm->mm, va_node);
}

/**
 * panthor_vm_free_va() - Undo panthor_vm_alloc_va()
 * @vm: The VM.
 * @va_node: The range, in which nothing is mapped.
 *
 * Context: Process context. Takes and releases mm_lock.
 */
void panthor_vm_free_va(struct panthor_vm *vm, struct drm_mm_node *va_node)
{
	guard(mutex)(&vm->mm_lock);

	drm_mm_remove_node(va_node);
}

/**
 * panthor_vm_get_heap_pool() - Tiler heaps of a VM
 * @vm: The VM.
 * @create: Create the pool if there is none.
 *
 * Context: Process context, may allocate. Takes and releases heaps.lock.
 *
 * Return: The pool, to be put by panthor_heap_pool_put(). ERR_PTR(-ENOENT) if
 * there is none, ERR_PTR(-EINVAL) if the VM was destroyed, or the errno of
 * creating it.
 */
struct panthor_heap_pool *panthor_vm_get_heap_pool(struct panthor_vm *vm, bool create)
{
	guard(mutex)(&vm->heaps.lock);

	if (!vm->heaps.pool) {
		struct panthor_heap_pool *pool;

		if (!create)
			return ERR_PTR(-ENOENT);
		if (READ_ONCE(vm->destroyed))
			return ERR_PTR(-EINVAL);

		pool = panthor_heap_pool_create(vm->ptdev, vm);
		if (IS_ERR(pool))
			return pool;
		/* For panthor_vm_heaps_sizes(), which looks into the pool without the lock. */
		smp_store_release(&vm->heaps.pool, pool);
	}

	return panthor_heap_pool_get(vm->heaps.pool);
}
