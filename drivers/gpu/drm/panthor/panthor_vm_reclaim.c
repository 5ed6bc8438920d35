// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Which VMs have BOs to reclaim, and in which order they are asked for them.
 *
 * A VM is on the device's list if and only if its LRU has BOs; scans that have
 * taken some off that LRU put this right when they are done. The VM that was used
 * longest ago comes first. A VM stays in its place while it is scanned, so that a
 * scan cannot hide it from another one; a number tells which VMs a scan has seen.
 *
 * Locking: gem_lru_mutex. It is dropped around the scan of a VM, which has a
 * reference meanwhile.
 */

#include <linux/dma-resv.h>
#include <linux/sched.h>

#include <drm/drm_gem.h>
#include <drm/drm_print.h>

#include "panthor_device.h"
#include "panthor_gem.h"
#include "panthor_mmu.h"
#include "panthor_mmu_priv.h"

/*
 * A scan may wait for the GPU this often, and each time for as long as the
 * callback does. Allocations of anybody wait for the scan. The core's callbacks have a
 * tighter limit of their own; stock ones have none.
 */
#define SCAN_MAX_WAITS	8

/**
 * struct panthor_vm_scan - A scan in progress
 * @node: In panthor_mmu::reclaim::scans.
 * @task: Who scans. Callbacks have nothing else to tell scans apart.
 * @shrink: Evicts a BO, and may wait for jobs that use it.
 * @remaining: Pages of BOs that stay for now.
 * @waits: Waits that are left.
 * @vm_busy: Jobs of the VM that is scanned were waited for in vain.
 */
struct panthor_vm_scan {
	struct list_head node;
	struct task_struct *task;
	bool (*shrink)(struct drm_gem_object *obj, struct ww_acquire_ctx *ticket);
	unsigned long *remaining;
	unsigned int waits;
	bool vm_busy;
};

/* Makes membership of the device's list follow from what the VM has. */
static void reclaim_settle(struct panthor_vm *vm)
{
	struct panthor_device *ptdev = vm->ptdev;

	lockdep_assert_held(&ptdev->base.gem_lru_mutex);

	if (!vm->reclaim.lru.count)
		list_del_init(&vm->reclaim.node);
	else if (!list_empty(&vm->reclaim.node))
		return;
	else if (refcount_read(&vm->as.active))
		list_add_tail(&vm->reclaim.node, &ptdev->reclaim.vms);
	else
		list_add(&vm->reclaim.node, &ptdev->reclaim.vms);
}

/**
 * panthor_vm_reclaim_touch() - A VM is used, and so the last to be asked for BOs
 * @vm: The VM.
 *
 * Context: Process context. Takes and releases gem_lru_mutex.
 */
void panthor_vm_reclaim_touch(struct panthor_vm *vm)
{
	struct panthor_device *ptdev = vm->ptdev;

	guard(mutex)(&ptdev->base.gem_lru_mutex);

	if (!list_empty(&vm->reclaim.node))
		list_move_tail(&vm->reclaim.node, &ptdev->reclaim.vms);
}

/**
 * panthor_vm_reclaim_fini() - A VM is about to be freed
 * @vm: The VM; it maps nothing.
 *
 * Context: Process context. Takes and releases gem_lru_mutex.
 */
void panthor_vm_reclaim_fini(struct panthor_vm *vm)
{
	guard(mutex)(&vm->ptdev->base.gem_lru_mutex);

	drm_WARN_ON(&vm->ptdev->base, !list_empty(&vm->reclaim.lru.list));
	list_del_init(&vm->reclaim.node);
}

/**
 * panthor_vm_update_bo_reclaim_lru_locked() - Put a BO on the LRU of its VM
 * @bo: The BO; one VM maps it. It becomes the last unless it is there already.
 *
 * Context: Caller holds the BO's resv and gpuva.lock. Takes and releases
 * gem_lru_mutex.
 */
void panthor_vm_update_bo_reclaim_lru_locked(struct panthor_gem_object *bo)
{
	struct panthor_vm *vm = NULL;
	struct drm_gpuvm_bo *vm_bo;

	dma_resv_assert_held(bo->base.resv);
	lockdep_assert_held(&bo->base.gpuva.lock);

	drm_gem_for_each_gpuvm_bo(vm_bo, &bo->base) {
		if (vm_bo->evicted)
			continue;
		drm_WARN_ON(bo->base.dev, vm);
		vm = to_panthor_vm(vm_bo->vm);
	}
	if (drm_WARN_ON(bo->base.dev, !vm))
		return;

	guard(mutex)(&bo->base.dev->gem_lru_mutex);

	if (bo->base.lru == &vm->reclaim.lru)
		return;
	drm_gem_lru_move_tail_locked(&vm->reclaim.lru, &bo->base);
	reclaim_settle(vm);
}

static struct panthor_vm_scan *scan_of(struct panthor_device *ptdev, struct task_struct *task)
{
	struct panthor_vm_scan *scan;

	guard(mutex)(&ptdev->base.gem_lru_mutex);

	list_for_each_entry(scan, &ptdev->mmu->reclaim.scans, node)
		if (scan->task == task)
			return scan;

	return NULL;
}

static struct drm_gem_lru *lru_of(struct drm_gem_object *obj)
{
	guard(mutex)(&obj->dev->gem_lru_mutex);

	return obj->lru;
}

/*
 * The caller counts what stays on its list. A BO that went to another LRU, having
 * lost some of its mappings, can be reclaimed too.
 */
static bool scan_shrink(struct panthor_vm_scan *scan, struct drm_gem_object *obj,
			struct ww_acquire_ctx *ticket)
{
	struct drm_gem_lru *before = lru_of(obj), *after;

	if (scan->shrink(obj, ticket))
		return true;

	after = lru_of(obj);
	if (after && after != before)
		*scan->remaining += obj->size >> PAGE_SHIFT;

	return false;
}

/*
 * Private BOs have the fences of their VM, and those of others come from there
 * too. If one wait was in vain, the next one would be.
 */
static bool scan_bo(struct drm_gem_object *obj, struct ww_acquire_ctx *ticket)
{
	struct panthor_device *ptdev = container_of(obj->dev, struct panthor_device, base);
	struct panthor_vm_scan *scan = scan_of(ptdev, current);

	if (drm_WARN_ON_ONCE(&ptdev->base, !scan))
		return false;

	if (dma_resv_test_signaled(obj->resv, DMA_RESV_USAGE_BOOKKEEP))
		return scan_shrink(scan, obj, ticket);

	if (scan->vm_busy || !scan->waits)
		return false;

	scan->waits--;
	if (scan_shrink(scan, obj, ticket))
		return true;

	scan->vm_busy = !dma_resv_test_signaled(obj->resv, DMA_RESV_USAGE_BOOKKEEP);
	return false;
}

/*
 * The VM that comes next, referenced. @from is where the last one stood; as VMs
 * move, those in front of it are looked at too before the scan is over.
 */
static struct panthor_vm *scan_next_vm(struct panthor_device *ptdev, u64 number,
				       struct panthor_vm *from)
{
	struct list_head *vms = &ptdev->reclaim.vms;
	bool wrapped = !from || list_empty(&from->reclaim.node);
	struct list_head *node = wrapped ? vms->next : from->reclaim.node.next;

	lockdep_assert_held(&ptdev->base.gem_lru_mutex);

	for (;;) {
		struct panthor_vm *vm = container_of(node, struct panthor_vm, reclaim.node);

		if (node == vms) {
			if (wrapped)
				return NULL;
			wrapped = true;
		} else if (vm->reclaim.seen < number) {
			vm->reclaim.seen = number;
			/* One that is being freed leaves the list by itself. */
			if (kref_get_unless_zero(&vm->base.kref))
				return vm;
		}
		node = node->next;
	}
}

/**
 * panthor_mmu_reclaim_priv_bos() - Evict BOs that a single VM maps
 * @ptdev: The device.
 * @nr_to_scan: Pages that are wanted.
 * @remaining: Pages of BOs that stay for now are added.
 * @shrink: Evicts a BO whose resv is held. May wait for jobs that use it; is
 *	called for a few BOs at most for which it has to.
 *
 * Context: Reclaim, where it may block. Takes and releases gem_lru_mutex.
 *
 * Return: Pages that were freed.
 */
unsigned long panthor_mmu_reclaim_priv_bos(struct panthor_device *ptdev,
					   unsigned int nr_to_scan, unsigned long *remaining,
					   bool (*shrink)(struct drm_gem_object *obj,
							  struct ww_acquire_ctx *ticket))
{
	struct panthor_vm_scan scan = {
		.task = current,
		.shrink = shrink,
		.remaining = remaining,
		.waits = SCAN_MAX_WAITS,
	};
	struct mutex *lock = &ptdev->base.gem_lru_mutex;
	struct panthor_vm *vm = NULL, *last;
	unsigned long freed = 0;
	u64 number;

	mutex_lock(lock);
	number = ++ptdev->mmu->reclaim.last;
	list_add(&scan.node, &ptdev->mmu->reclaim.scans);

	while (freed < nr_to_scan) {
		last = vm;
		vm = scan_next_vm(ptdev, number, last);
		if (last)
			panthor_vm_put_in_reclaim(last);
		if (!vm)
			break;

		scan.vm_busy = false;
		mutex_unlock(lock);
		freed += drm_gem_lru_scan(&ptdev->base, &vm->reclaim.lru, nr_to_scan - freed,
					  remaining, scan_bo, NULL);
		mutex_lock(lock);
		reclaim_settle(vm);
	}
	if (vm)
		panthor_vm_put_in_reclaim(vm);

	list_del(&scan.node);
	mutex_unlock(lock);

	return freed;
}
