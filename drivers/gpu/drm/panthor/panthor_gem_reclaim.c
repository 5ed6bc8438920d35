// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Reclaim state of a BO: the rule it follows from, and the LRU that follows
 * from it. Nothing else writes either of them.
 *
 * Locks:
 *	The state is derived and written with the BO's resv and gpuva.lock held. The
 *	first makes pages and the zero of the counters stable, the second the GPU
 *	mappings. LRUs and gpu_mapped_count are the device's, under gem_lru_mutex,
 *	which is taken behind both.
 *
 *	An asynchronous unmap changes GPU mappings without the resv, where it cannot
 *	be taken. The state is late then, until the cleanup of the job.
 */

#include <linux/dma-resv.h>
#include <linux/lockdep.h>
#include <linux/mutex.h>

#include <drm/drm_gem.h>
#include <drm/drm_gpuvm.h>
#include <drm/drm_print.h>

#include "panthor_gem_priv.h"
#include "panthor_mmu.h"

/**
 * struct gem_state - What a state means for a BO that is in it
 * @name: For messages.
 * @gpu_mapped: Its pages are part of gpu_mapped_count.
 * @lru: Offset in struct panthor_device of the LRU it is on; 0 if it is none of
 *	the device's.
 */
struct gem_state {
	const char *name;
	bool gpu_mapped;
	size_t lru;
};

static const struct gem_state gem_states[] = {
	[PANTHOR_GEM_UNUSED] = {
		.name = "unused",
		.lru = offsetof(struct panthor_device, reclaim.unused),
	},
	[PANTHOR_GEM_MMAPPED] = {
		.name = "mmapped",
		.lru = offsetof(struct panthor_device, reclaim.mmapped),
	},
	/* On the LRU of that VM. */
	[PANTHOR_GEM_GPU_MAPPED_SINGLE_VM] = {
		.name = "gpu-mapped by a VM",
		.gpu_mapped = true,
	},
	[PANTHOR_GEM_GPU_MAPPED_MULTI_VM] = {
		.name = "gpu-mapped by VMs",
		.gpu_mapped = true,
		.lru = offsetof(struct panthor_device, reclaim.gpu_mapped_shared),
	},
	/* On no LRU. */
	[PANTHOR_GEM_UNRECLAIMABLE] = {
		.name = "unreclaimable",
	},
};

#define U	PANTHOR_GEM_UNUSED
#define C	PANTHOR_GEM_MMAPPED
#define S	PANTHOR_GEM_GPU_MAPPED_SINGLE_VM
#define M	PANTHOR_GEM_GPU_MAPPED_MULTI_VM
#define N	PANTHOR_GEM_UNRECLAIMABLE

/*
 * What happened, by state before and after. Where several things lead from one to
 * the other, both are named.
 */
static const char * const gem_events[][PANTHOR_GEM_UNRECLAIMABLE + 1] = {
	[N][U] = "populate/unpin",
	[N][C] = "fault/unpin",
	[N][S] = "unpin",
	[N][M] = "unpin",
	[U][N] = "pin/evict",
	[C][N] = "pin/evict",
	[S][N] = "pin/evict",
	[M][N] = "pin/evict",
	[U][C] = "mmap",
	[C][U] = "munmap",
	[U][S] = "gpu-map/restore",
	[C][S] = "gpu-map/restore",
	[S][S] = "move to the other VM",
	[S][M] = "gpu-map/restore",
	[U][M] = "gpu-map/restore",
	[C][M] = "gpu-map/restore",
	[M][S] = "gpu-unmap",
	[M][C] = "gpu-unmap",
	[M][U] = "gpu-unmap",
	[S][C] = "gpu-unmap",
	[S][U] = "gpu-unmap",
};

#undef U
#undef C
#undef S
#undef M
#undef N

/**
 * panthor_gem_state_is_gpu_mapped() - Whether the GPU may use a BO in a state
 * @state: The state.
 *
 * Context: Any.
 *
 * Return: true if it may.
 */
bool panthor_gem_state_is_gpu_mapped(enum panthor_gem_reclaim_state state)
{
	return gem_states[state].gpu_mapped;
}

/*
 * The rule. @vm is set to the VM if there is exactly one that has the BO mapped
 * and nothing stronger decides; mappings that are evicted hold nothing.
 */
static enum panthor_gem_reclaim_state
reclaim_derive(struct panthor_gem_object *bo, struct drm_gpuvm **vm)
{
	struct drm_gpuvm *found = NULL;
	struct drm_gpuvm_bo *vm_bo;

	*vm = NULL;
	if (!bo->backing.pages || refcount_read(&bo->backing.pin_count))
		return PANTHOR_GEM_UNRECLAIMABLE;

	drm_gem_for_each_gpuvm_bo(vm_bo, &bo->base) {
		if (vm_bo->evicted)
			continue;
		if (found)
			return PANTHOR_GEM_GPU_MAPPED_MULTI_VM;
		found = vm_bo->vm;
	}
	if (found) {
		*vm = found;
		return PANTHOR_GEM_GPU_MAPPED_SINGLE_VM;
	}

	return refcount_read(&bo->cmap.mmap_count) ? PANTHOR_GEM_MMAPPED : PANTHOR_GEM_UNUSED;
}

/* The one transition there is: from whatever the BO is in to @state. */
static void reclaim_enter(struct panthor_gem_object *bo, enum panthor_gem_reclaim_state state,
			  struct drm_gpuvm *vm)
{
	const struct gem_state *from = &gem_states[bo->reclaim_state];
	const struct gem_state *to = &gem_states[state];
	struct panthor_device *ptdev = panthor_gem_device(bo);
	long pages = panthor_gem_nr_pages(bo);

	drm_dbg_driver(&ptdev->base, "BO %p: %s: %s -> %s\n", bo,
		       gem_events[bo->reclaim_state][state], from->name, to->name);

	mutex_lock(&ptdev->base.gem_lru_mutex);
	WRITE_ONCE(ptdev->reclaim.gpu_mapped_count, ptdev->reclaim.gpu_mapped_count +
		   pages * (to->gpu_mapped - from->gpu_mapped));
	if (to->lru)
		drm_gem_lru_move_tail_locked((void *)ptdev + to->lru, &bo->base);
	mutex_unlock(&ptdev->base.gem_lru_mutex);

	if (vm)
		panthor_vm_update_bo_reclaim_lru_locked(bo);
	else if (!to->lru)
		drm_gem_lru_remove(&bo->base);

	bo->reclaim_vm = vm;
	WRITE_ONCE(bo->reclaim_state, state);
}

/**
 * panthor_gem_update_reclaim_state_locked() - Make the reclaim state of a BO true
 * @bo: The BO.
 * @old_state: Set to the state before, unless it is NULL.
 *
 * To be called after a change of the BO's GPU mappings. Whatever the GEM code itself
 * changes it does in a section, at whose end this is called.
 *
 * Context: Any that may take mutexes, reclaim included. The caller holds the BO's
 * resv and gpuva.lock. Takes and releases gem_lru_mutex.
 */
void panthor_gem_update_reclaim_state_locked(struct panthor_gem_object *bo,
					     enum panthor_gem_reclaim_state *old_state)
{
	enum panthor_gem_reclaim_state state;
	struct drm_gpuvm *vm;

	dma_resv_assert_held(bo->base.resv);
	lockdep_assert_held(&bo->base.gpuva.lock);

	if (old_state)
		*old_state = bo->reclaim_state;

	/* One VM after another is not the same state: each has an LRU of its own. */
	state = reclaim_derive(bo, &vm);
	if (state != bo->reclaim_state || vm != bo->reclaim_vm)
		reclaim_enter(bo, state, vm);
}

/**
 * panthor_gem_reclaim_forget() - Take a BO out of the shrinker's books
 * @bo: The BO, whose last reference is gone.
 *
 * Context: Any that may take mutexes, reclaim included. Takes and releases
 * gem_lru_mutex.
 */
void panthor_gem_reclaim_forget(struct panthor_gem_object *bo)
{
	drm_WARN_ON_ONCE(bo->base.dev, kref_read(&bo->base.refcount));

	if (bo->reclaim_state != PANTHOR_GEM_UNRECLAIMABLE)
		reclaim_enter(bo, PANTHOR_GEM_UNRECLAIMABLE, NULL);
}

/**
 * panthor_gem_section_lock() - Begin a section and take the resv for it
 * @bo: The BO.
 *
 * Context: Process context, not in reclaim. Takes the BO's resv.
 *
 * Return: The section, to be ended with panthor_gem_section_end().
 */
struct panthor_gem_section panthor_gem_section_lock(struct panthor_gem_object *bo)
{
	dma_resv_lock(bo->base.resv, NULL);

	return (struct panthor_gem_section) { .bo = bo, .resv = true };
}

/**
 * panthor_gem_section_held() - Begin a section under the caller's resv
 * @bo: The BO. The caller holds its resv until the section has ended.
 *
 * Context: Process context, not in reclaim.
 *
 * Return: The section, to be ended with panthor_gem_section_end().
 */
struct panthor_gem_section panthor_gem_section_held(struct panthor_gem_object *bo)
{
	dma_resv_assert_held(bo->base.resv);

	return (struct panthor_gem_section) { .bo = bo };
}

/**
 * panthor_gem_section_reclaim() - Begin a section in reclaim, unless it had to wait
 * @bo: The BO. The caller holds its resv until the section has ended.
 *
 * Context: Any that may take mutexes, reclaim included. Tries gpuva.lock.
 *
 * Return: The section, to be ended with panthor_gem_section_end(); without a BO in
 * it if gpuva.lock is somebody else's.
 */
struct panthor_gem_section panthor_gem_section_reclaim(struct panthor_gem_object *bo)
{
	dma_resv_assert_held(bo->base.resv);

	if (!mutex_trylock(&bo->base.gpuva.lock))
		return (struct panthor_gem_section) {};

	return (struct panthor_gem_section) { .bo = bo, .gpuva = true };
}

/**
 * panthor_gem_section_end() - Make the state true and release what was taken
 * @s: The section.
 *
 * Context: That of the section's beginning. Takes gpuva.lock if the section has not.
 */
void panthor_gem_section_end(const struct panthor_gem_section *s)
{
	struct panthor_gem_object *bo = s->bo;

	if (!bo)
		return;

	if (!s->gpuva)
		mutex_lock(&bo->base.gpuva.lock);
	panthor_gem_update_reclaim_state_locked(bo, NULL);
	mutex_unlock(&bo->base.gpuva.lock);
	if (s->resv)
		dma_resv_unlock(bo->base.resv);
}
