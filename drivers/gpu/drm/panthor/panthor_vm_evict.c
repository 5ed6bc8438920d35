// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * GPU mappings of BOs whose pages come and go.
 *
 * A mapping that is evicted stays in the tree but not in the page table. A vm_bo
 * is evicted if a job of its VM may not run before all of its mappings are back;
 * mappings that were made since its eviction are there already.
 *
 *	live to evicted: panthor_vm_evict_bo_mappings_locked(), by reclaim
 *	evicted to live: panthor_vm_bo_validate(), by a submission
 *
 * Both change all mappings of a BO in a VM within one locked region, so that there
 * is one flush for them. Whatever becomes of it, the BO's state is evaluated
 * afterwards: its mappings are part of it.
 *
 * Locking: the resvs of the BO and of the VM are held by the callers. They keep
 * everybody else from evicting and restoring, but not VM_BIND jobs, which only
 * take op_lock: they may split and remove mappings, evicted or not, and add live
 * ones.
 */

#include <linux/dma-resv.h>
#include <linux/refcount.h>
#include <linux/sizes.h>

#include <drm/drm_exec.h>
#include <drm/drm_print.h>
#include <drm/panthor_drm.h>

#include "panthor_device.h"
#include "panthor_gem.h"
#include "panthor_mmu.h"
#include "panthor_mmu_priv.h"

/* A sparse range goes if this many times of its memory are to be unmapped, or less. */
#define EVICT_MAX_SPARSE_RATIO	8

/**
 * panthor_vm_bo_update_state_locked() - Mappings of a BO have changed
 * @bo: The BO.
 *
 * Context: Caller holds the BO's resv and gpuva.lock. Takes and releases
 * gem_lru_mutex.
 */
void panthor_vm_bo_update_state_locked(struct panthor_gem_object *bo)
{
	dma_resv_assert_held(bo->base.resv);
	lockdep_assert_held(&bo->base.gpuva.lock);

	panthor_gem_update_reclaim_state_locked(bo, NULL);
	/* The state may be the same through another VM, which stock GEM code does not see. */
	if (bo->reclaim_state == PANTHOR_GEM_GPU_MAPPED_SINGLE_VM)
		panthor_vm_update_bo_reclaim_lru_locked(bo);
}

/**
 * panthor_vm_bo_update_state() - panthor_vm_bo_update_state_locked() with locks
 * @bo: The BO.
 *
 * Context: Process context. Takes and releases the BO's resv and gpuva.lock.
 */
void panthor_vm_bo_update_state(struct panthor_gem_object *bo)
{
	dma_resv_lock(bo->base.resv, NULL);
	scoped_guard(mutex, &bo->base.gpuva.lock)
		panthor_vm_bo_update_state_locked(bo);
	dma_resv_unlock(bo->base.resv);
}

/*
 * Bytes that live mappings of a sparse range's memory take up, in all VMs. The core's
 * shrinker leaves such BOs alone by itself; not so the stock one.
 */
static u64 sparse_mapped(struct panthor_gem_object *bo)
{
	struct drm_gpuvm_bo *vm_bo;
	struct drm_gpuva *va;
	u64 mapped = 0;

	drm_gem_for_each_gpuvm_bo(vm_bo, &bo->base) {
		if (to_panthor_vm(vm_bo->vm)->dummy != bo)
			continue;
		drm_gpuvm_bo_for_each_va(va, vm_bo)
			mapped += to_panthor_vma(va)->evicted ? 0 : va->va.range;
	}

	return mapped;
}

/* Reasons that leave the mappings of a BO alone, whatever its state was. */
static int evict_refused(struct panthor_gem_object *bo)
{
	struct drm_gpuvm_bo *vm_bo;
	bool live = false;

	if (refcount_read(&bo->backing.pin_count))
		return -EBUSY;

	drm_gem_for_each_gpuvm_bo(vm_bo, &bo->base) {
		if (vm_bo->evicted)
			continue;
		live = true;
		/* Only a hint, but a VM that lost the BO for nothing has to restore it. */
		if (mutex_is_locked(&to_panthor_vm(vm_bo->vm)->op_lock))
			return -EDEADLK;
	}
	if (live && !dma_resv_test_signaled(bo->base.resv, DMA_RESV_USAGE_BOOKKEEP))
		return -EBUSY;

	if (sparse_mapped(bo) > EVICT_MAX_SPARSE_RATIO * (u64)bo->base.size)
		return -E2BIG;

	return 0;
}

/* Range around all mappings of a vm_bo that are, or are not, evicted. */
static bool vm_bo_span(struct drm_gpuvm_bo *vm_bo, bool evicted, u64 *start, u64 *end)
{
	struct drm_gpuva *va;

	*start = U64_MAX;
	*end = 0;
	drm_gpuvm_bo_for_each_va(va, vm_bo) {
		if (to_panthor_vma(va)->evicted != evicted)
			continue;
		*start = min(*start, va->va.addr);
		*end = max(*end, va->va.addr + va->va.range);
	}

	return *end;
}

static int evict_live(struct panthor_vm *vm, struct drm_gpuvm_bo *vm_bo)
{
	struct drm_gpuva *va;
	u64 start, end;
	int ret;

	lockdep_assert_held(&vm->op_lock);

	/* What was unmapped before may still be cached. */
	if (READ_ONCE(vm->as.tlb_stale))
		return -EBUSY;

	if (vm_bo_span(vm_bo, false, &start, &end)) {
		ret = panthor_vm_lock_region(vm, start, end - start);
		if (ret)
			return ret;
	}
	if (!vm_bo->evicted)
		drm_gpuvm_bo_evict(vm_bo, true);
	if (!end)
		return 0;

	drm_gpuvm_bo_for_each_va(va, vm_bo) {
		if (to_panthor_vma(va)->evicted)
			continue;
		panthor_vm_pt_unmap(vm, va->va.addr, va->va.range);
		to_panthor_vma(va)->evicted = true;
	}

	return panthor_vm_unlock_region(vm);
}

/* A VM in the middle of an operation is not waited for: that may allocate. */
static int evict_vm_bo(struct drm_gpuvm_bo *vm_bo)
{
	struct panthor_vm *vm = to_panthor_vm(vm_bo->vm);
	int ret;

	dma_resv_assert_held(panthor_vm_resv(vm));

	if (!mutex_trylock(&vm->op_lock))
		return -EDEADLK;

	ret = evict_live(vm, vm_bo);
	mutex_unlock(&vm->op_lock);
	return ret;
}

/**
 * panthor_vm_evict_bo_mappings_locked() - Take a BO out of all page tables
 * @bo: The BO.
 *
 * On failure some VMs may have lost it; it has to keep its pages.
 *
 * Context: Process context, also reclaim. Caller holds the resvs of the BO and of
 * each VM that maps it, and the BO's gpuva.lock. Tries op_lock; takes and releases
 * slots_lock and gem_lru_mutex.
 *
 * Return: 0 if no GPU knows its pages any more. -EBUSY if it is pinned, in use by
 * a job, or perhaps still in a TLB; -EDEADLK if a VM is in use; -E2BIG if it is
 * not worth it; -ETIMEDOUT or -EIO if the GPU does not answer.
 */
int panthor_vm_evict_bo_mappings_locked(struct panthor_gem_object *bo)
{
	struct drm_gpuvm_bo *vm_bo;
	bool changed = false;
	int ret;

	dma_resv_assert_held(bo->base.resv);
	lockdep_assert_held(&bo->base.gpuva.lock);

	ret = evict_refused(bo);
	drm_gem_for_each_gpuvm_bo(vm_bo, &bo->base) {
		bool live = !vm_bo->evicted;

		if (ret)
			break;
		ret = evict_vm_bo(vm_bo);
		changed |= live && vm_bo->evicted;
	}

	/*
	 * On success the pages go next, and the state with them. A BO that is as it
	 * was must stay on the list of the scan, or that finds it again.
	 */
	if (ret && changed)
		panthor_vm_bo_update_state_locked(bo);

	return ret;
}

/*
 * Page tables for the evicted mappings of a vm_bo. Neighbours of which one
 * follows the other in the list share tables.
 */
static u64 restore_tables(struct drm_gpuvm_bo *vm_bo, u64 *start, u64 *end)
{
	u64 tables = 0, last = U64_MAX;
	struct drm_gpuva *va;

	lockdep_assert_held(&to_panthor_vm(vm_bo->vm)->op_lock);

	*start = U64_MAX;
	*end = 0;
	drm_gpuvm_bo_for_each_va(va, vm_bo) {
		if (!to_panthor_vma(va)->evicted)
			continue;

		tables += panthor_pt_count(va->va.addr, va->va.range);
		for (unsigned int shift = 21; shift <= 39 && last != U64_MAX; shift += 9)
			tables -= va->va.addr >> shift == last >> shift;
		last = va->va.addr + va->va.range - 1;

		*start = min(*start, va->va.addr);
		*end = max(*end, va->va.addr + va->va.range);
	}

	return tables;
}

static int restore_evicted(struct panthor_vm *vm, struct drm_gpuvm_bo *vm_bo,
			   struct panthor_pt_reserve *pts, u64 start, u64 end)
{
	struct sg_table *sgt = to_panthor_bo(vm_bo->obj)->dmap.sgt;
	struct drm_gpuva *va;
	int ret;

	lockdep_assert_held(&vm->op_lock);

	ret = panthor_vm_lock_region(vm, start, end - start);
	if (ret)
		return ret;

	vm->pts = pts;
	drm_gpuvm_bo_for_each_va(va, vm_bo) {
		struct panthor_vma *vma = to_panthor_vma(va);

		if (!vma->evicted)
			continue;
		ret = panthor_vm_pt_map(vm, vma->flags, sgt, va->gem.offset, va->va.addr,
					va->va.range);
		if (ret)
			break;
		vma->evicted = false;
	}
	vm->pts = NULL;

	/* A reset makes up for a failure: nothing was unmapped. */
	panthor_vm_unlock_region(vm);
	return ret;
}

/*
 * Tables are allocated between two looks at the mappings. Meanwhile VM_BIND jobs
 * may have split or removed some that are evicted, so that the tables and the
 * range are enough for what is left; nothing but this function restores any, and
 * those that are not evicted are not touched, whoever's memory they have got.
 */
static int restore_vm_bo(struct drm_gpuvm_bo *vm_bo)
{
	struct panthor_vm *vm = to_panthor_vm(vm_bo->vm);
	struct panthor_pt_reserve pts = {};
	u64 tables, start, end;
	int ret;

	scoped_guard(mutex, &vm->op_lock)
		tables = restore_tables(vm_bo, &start, &end);
	if (!end)
		return 0;

	ret = panthor_pt_reserve(&pts, tables);
	if (ret)
		return ret;

	scoped_guard(mutex, &vm->op_lock)
		ret = restore_evicted(vm, vm_bo, &pts, start, end);
	panthor_pt_release(&pts);
	return ret;
}

/**
 * panthor_vm_bo_validate() - drm_gpuvm_ops::vm_bo_validate
 * @vm_bo: An evicted BO and the VM that a job is submitted to.
 * @exec: Has the resvs locked.
 *
 * Context: Process context, may allocate. Caller holds the resvs of VM and BO.
 * Takes and releases op_lock, slots_lock and gpuva.lock.
 *
 * Return: 0, -ENOMEM, -ETIMEDOUT if the GPU does not answer, or the errno of
 * getting the pages back. The vm_bo is still evicted then.
 */
int panthor_vm_bo_validate(struct drm_gpuvm_bo *vm_bo, struct drm_exec *exec)
{
	struct panthor_gem_object *bo = to_panthor_bo(vm_bo->obj);
	int ret;

	dma_resv_assert_held(bo->base.resv);
	dma_resv_assert_held(drm_gpuvm_resv(vm_bo->vm));

	ret = panthor_gem_swapin_locked(bo);
	if (!ret)
		ret = restore_vm_bo(vm_bo);
	if (!ret)
		drm_gpuvm_bo_evict(vm_bo, false);

	/* It may have got pages even if it failed. */
	scoped_guard(mutex, &bo->base.gpuva.lock)
		panthor_vm_bo_update_state_locked(bo);

	return ret;
}

/**
 * panthor_vm_prepare_mapped_bos_resvs() - Get a VM's BOs ready for a job
 * @exec: Locks the resvs of the VM and of all BOs that it maps.
 * @vm: The VM.
 * @slot_count: Fences that will be added.
 *
 * Evicted BOs come back, and stay for as long as the job's fence is pending. After that
 * the VM is the last to be asked for them: a group that has kept its slot runs the job
 * without panthor_vm_active().
 *
 * Context: Process context, in a loop of drm_exec_until_all_locked(). Takes and releases
 * gem_lru_mutex.
 *
 * Return: 0, that of drm_exec, or as panthor_vm_bo_validate().
 */
int panthor_vm_prepare_mapped_bos_resvs(struct drm_exec *exec, struct panthor_vm *vm,
					u32 slot_count)
{
	int ret;

	ret = drm_gpuvm_prepare_vm(&vm->base, exec, slot_count);
	if (!ret)
		ret = drm_gpuvm_prepare_objects(&vm->base, exec, slot_count);
	if (!ret)
		ret = drm_gpuvm_validate(&vm->base, exec);
	if (!ret)
		panthor_vm_reclaim_touch(vm);

	return ret;
}

/**
 * panthor_vm_update_resvs() - Add a fence to a VM's BOs
 * @vm: The VM.
 * @exec: Has the resvs locked.
 * @fence: The fence.
 * @private_usage: What it is to BOs that are private to the VM.
 * @extobj_usage: What it is to others.
 *
 * Context: Process context. The resvs of @exec are held.
 */
void panthor_vm_update_resvs(struct panthor_vm *vm, struct drm_exec *exec,
			     struct dma_fence *fence, enum dma_resv_usage private_usage,
			     enum dma_resv_usage extobj_usage)
{
	drm_gpuvm_resv_add_fence(&vm->base, exec, fence, private_usage, extobj_usage);
}
