// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * The shrinker: evicts BOs, cheapest first, until enough pages are free.
 *
 * A BO is taken off its LRU before it is locked, and may have come to be used in
 * between. What counts is therefore not the LRU that it was found on, but the state
 * that is derived with all locks held: a BO that would cost more than those on
 * that LRU do stays.
 *
 * Locks:
 *	The scan of an LRU has the resv of the BO, by trying. Here gpuva.lock and the
 *	resvs of VMs are tried, never waited for: allocations are made with each of
 *	them held. Fences are waited for with no lock but the BO's resv, since jobs of
 *	VM_BIND take gpuva.lock, and not for long. Mappings of user space are removed
 *	without gpuva.lock, behind which i_mmap_rwsem must not be taken.
 *	scans_lock is a leaf.
 */

#include <linux/dma-resv.h>
#include <linux/jiffies.h>
#include <linux/list.h>
#include <linux/minmax.h>
#include <linux/sched/mm.h>
#include <linux/shrinker.h>
#include <linux/spinlock.h>
#include <linux/swap.h>

#include <drm/drm_gem.h>
#include <drm/drm_gpuvm.h>
#include <drm/drm_print.h>
#include <drm/drm_vma_manager.h>

#include "panthor_gem_priv.h"
#include "panthor_mmu.h"

/* Longest wait for the fences of one BO, and for all in one scan. */
#define WAIT_MS			10
#define WAIT_ALL_MS		40

/* Busy VMs that a scan remembers; with more, the oldest are forgotten. */
#define BUSY_VMS		16

/* To unmap more than this many times a BO's size is not worth its pages. */
#define MAX_UNMAP_RATIO		8

/**
 * struct gem_scan - A scan in progress
 * @node: In the list of scans.
 * @task: Thread that scans: the callbacks are given nothing they could know it by.
 * @waited: Jiffies for which fences were waited for.
 * @moved: Pages of BOs that could not be evicted and went to another LRU.
 * @busy: Resvs with fences that were waited for in vain. Only compared.
 * @nr_busy: How many there were.
 */
struct gem_scan {
	struct list_head node;
	struct task_struct *task;
	unsigned long waited;
	unsigned long moved;
	const struct dma_resv *busy[BUSY_VMS];
	unsigned int nr_busy;
};

static DEFINE_SPINLOCK(scans_lock);
static LIST_HEAD(scans);

static void scan_begin(struct gem_scan *scan)
{
	scan->task = current;
	guard(spinlock)(&scans_lock);
	list_add(&scan->node, &scans);
}

static void scan_end(struct gem_scan *scan)
{
	guard(spinlock)(&scans_lock);
	list_del(&scan->node);
}

/* The scan of this thread. It goes on as long as its callbacks are called. */
static struct gem_scan *scan_current(void)
{
	struct gem_scan *scan;

	guard(spinlock)(&scans_lock);
	list_for_each_entry(scan, &scans, node)
		if (scan->task == current)
			return scan;

	return NULL;
}

static bool scan_knows_busy(const struct gem_scan *scan, const struct dma_resv *resv)
{
	for (unsigned int i = 0; i < min(scan->nr_busy, BUSY_VMS); i++)
		if (scan->busy[i] == resv)
			return true;

	return false;
}

static void scan_note_busy(struct gem_scan *scan, const struct dma_resv *resv)
{
	if (!scan_knows_busy(scan, resv))
		scan->busy[scan->nr_busy++ % BUSY_VMS] = resv;
}

/*
 * The BO of sparse ranges is repeated over ranges of any size. All of that would have
 * to be unmapped for its pages, and mapped again before the next job may run.
 */
static bool costs_more_than_it_gives(struct panthor_gem_object *bo)
{
	u64 size = bo->base.size, repeated = 0;
	struct drm_gpuvm_bo *vm_bo;
	struct drm_gpuva *va;

	lockdep_assert_held(&bo->base.gpuva.lock);

	drm_gem_for_each_gpuvm_bo(vm_bo, &bo->base) {
		if (vm_bo->evicted)
			continue;
		drm_gpuvm_bo_for_each_va(va, vm_bo) {
			if (va->va.range > size)
				repeated += va->va.range;
			if (repeated > MAX_UNMAP_RATIO * size)
				return true;
		}
	}

	return false;
}

/* A VM that may use the BO was waited for already, and will not be done now either. */
static bool known_to_be_busy(struct panthor_gem_object *bo, const struct gem_scan *scan)
{
	struct drm_gpuvm_bo *vm_bo;

	if (scan_knows_busy(scan, bo->base.resv))
		return true;

	drm_gem_for_each_gpuvm_bo(vm_bo, &bo->base)
		if (!vm_bo->evicted && scan_knows_busy(scan, drm_gpuvm_resv(vm_bo->vm)))
			return true;

	return false;
}

/*
 * Which VM it is that the BO waits for in vain: the one whose own fences have not
 * signalled. If that cannot be looked up, the BO at least is known.
 */
static void note_busy_vms(struct panthor_gem_object *bo, struct gem_scan *scan)
{
	struct drm_gpuvm_bo *vm_bo;

	CLASS(panthor_gem_reclaim, s)(bo);

	scan_note_busy(scan, bo->base.resv);
	if (!s.bo)
		return;

	drm_gem_for_each_gpuvm_bo(vm_bo, &bo->base) {
		struct dma_resv *resv = drm_gpuvm_resv(vm_bo->vm);

		if (!dma_resv_test_signaled(resv, DMA_RESV_USAGE_BOOKKEEP))
			scan_note_busy(scan, resv);
	}
}

/* Whether the GPU is done with the BO; waits a little. */
static bool gpu_is_done(struct panthor_gem_object *bo, struct gem_scan *scan)
{
	unsigned long start = jiffies, timeout = msecs_to_jiffies(WAIT_MS);
	struct dma_resv *resv = bo->base.resv;
	long ret;

	if (scan->waited >= msecs_to_jiffies(WAIT_ALL_MS))
		return dma_resv_test_signaled(resv, DMA_RESV_USAGE_BOOKKEEP);

	ret = dma_resv_wait_timeout(resv, DMA_RESV_USAGE_BOOKKEEP, false, timeout);
	scan->waited += min(jiffies - start, timeout);
	if (ret > 0)
		return true;

	note_busy_vms(bo, scan);
	return false;
}

/**
 * struct verdict - What a look at a BO says
 * @evict: It may be evicted.
 * @wait: But the GPU may use it.
 */
struct verdict {
	bool evict;
	bool wait;
};

/* Derives the state anew, and compares it with what the caller is prepared for. */
static struct verdict judge(const struct panthor_gem_section *s,
			    enum panthor_gem_reclaim_state ceiling)
{
	struct panthor_gem_object *bo = s->bo;

	panthor_gem_update_reclaim_state_locked(bo, NULL);
	return (struct verdict) {
		.evict = bo->reclaim_state <= ceiling && !costs_more_than_it_gives(bo),
		.wait = panthor_gem_state_is_gpu_mapped(bo->reclaim_state),
	};
}

/*
 * Unlocks what lock_vms() locked: the resvs of the VMs in front of @end, or of all if
 * that is NULL. gpuva.lock, held throughout, keeps the list as it is.
 */
static void unlock_vms(struct panthor_gem_object *bo, const struct drm_gpuvm_bo *end)
{
	struct drm_gpuvm_bo *vm_bo;

	drm_gem_for_each_gpuvm_bo(vm_bo, &bo->base) {
		if (vm_bo == end)
			return;
		if (drm_gpuvm_resv(vm_bo->vm) != bo->base.resv)
			dma_resv_unlock(drm_gpuvm_resv(vm_bo->vm));
	}
}

/* With the resv of each VM that maps the BO no job of it can be submitted. */
static bool lock_vms(struct panthor_gem_object *bo)
{
	struct drm_gpuvm_bo *vm_bo;

	drm_gem_for_each_gpuvm_bo(vm_bo, &bo->base) {
		struct dma_resv *resv = drm_gpuvm_resv(vm_bo->vm);

		if (resv != bo->base.resv && !dma_resv_trylock(resv)) {
			unlock_vms(bo, vm_bo);
			return false;
		}
	}

	return true;
}

/* The eviction itself. Nobody but a section can call it, and that sees to the state. */
static bool evict(const struct panthor_gem_section *s)
{
	struct panthor_gem_object *bo = s->bo;
	int ret;

	dma_resv_assert_held(bo->base.resv);
	lockdep_assert_held(&bo->base.gpuva.lock);

	if (!lock_vms(bo))
		return false;

	ret = panthor_vm_evict_bo_mappings_locked(bo);
	if (!ret) {
		panthor_gem_pages_drop(bo);
		atomic_add_unless(&bo->reclaimed_count, 1, INT_MAX);
	}
	unlock_vms(bo, NULL);

	return !ret;
}

/* First look: cheap, and leaves a BO that stays as it is, user mappings included. */
static struct verdict look(struct panthor_gem_object *bo, enum panthor_gem_reclaim_state ceiling,
			   const struct gem_scan *scan)
{
	struct verdict verdict = {};

	CLASS(panthor_gem_reclaim, s)(bo);
	if (!s.bo)
		return verdict;

	verdict = judge(&s, ceiling);
	if (verdict.wait && known_to_be_busy(bo, scan))
		verdict.evict = false;

	return verdict;
}

/*
 * The resv, held throughout, keeps pages and pins, and jobs from getting new fences.
 * GPU mappings are looked at twice, as gpuva.lock cannot be held in between.
 */
static bool try_evict(struct panthor_gem_object *bo, enum panthor_gem_reclaim_state ceiling,
		      struct gem_scan *scan)
{
	struct verdict verdict = look(bo, ceiling, scan);

	if (!verdict.evict || (verdict.wait && !gpu_is_done(bo, scan)))
		return false;
	/* No wait, no fences: a GPU mapping that comes to be now keeps the BO. */
	if (!verdict.wait)
		ceiling = PANTHOR_GEM_MMAPPED;

	/* New entries are made with the resv held only. */
	if (refcount_read(&bo->cmap.mmap_count))
		drm_vma_node_unmap(&bo->base.vma_node, bo->base.dev->anon_inode->i_mapping);

	CLASS(panthor_gem_reclaim, s)(bo);
	return s.bo && judge(&s, ceiling).evict && evict(&s);
}

static const struct drm_gem_lru *lru_of(const struct drm_gem_object *obj)
{
	/* DRM changes it with a lock that is not held here. */
	return data_race(READ_ONCE(obj->lru));
}

static bool evict_up_to(struct drm_gem_object *obj, enum panthor_gem_reclaim_state ceiling)
{
	struct panthor_gem_object *bo = to_panthor_bo(obj);
	const struct drm_gem_lru *lru = lru_of(obj);
	struct gem_scan *scan = scan_current();

	dma_resv_assert_held(obj->resv);

	if (drm_WARN_ON_ONCE(obj->dev, !scan))
		return false;
	if (try_evict(bo, ceiling, scan))
		return true;

	/*
	 * Those that stayed where they were are counted as remaining by the scan of
	 * that LRU. Only compared: who else moves the BO just now does not matter.
	 */
	if (bo->reclaim_state != PANTHOR_GEM_UNRECLAIMABLE && lru_of(obj) != lru)
		scan->moved += panthor_gem_nr_pages(bo);

	return false;
}

/* Callbacks of the LRU scans, one for each price. */
static bool evict_idle(struct drm_gem_object *obj, struct ww_acquire_ctx *ticket)
{
	return evict_up_to(obj, PANTHOR_GEM_MMAPPED);
}

static bool evict_from_vm(struct drm_gem_object *obj, struct ww_acquire_ctx *ticket)
{
	return evict_up_to(obj, PANTHOR_GEM_GPU_MAPPED_SINGLE_VM);
}

static bool evict_from_vms(struct drm_gem_object *obj, struct ww_acquire_ctx *ticket)
{
	return evict_up_to(obj, PANTHOR_GEM_GPU_MAPPED_MULTI_VM);
}

/* What is evicted has to go somewhere: too little of it can be discarded. */
static bool can_swap(void)
{
	return get_nr_swap_pages() > 0;
}

/* Whether the caller may wait for the GPU: in direct reclaim, and as kswapd. */
static bool can_wait(const struct shrink_control *sc)
{
	return sc->gfp_mask & __GFP_DIRECT_RECLAIM ||
	       (sc->gfp_mask & __GFP_KSWAPD_RECLAIM && current_is_kswapd());
}

static unsigned long lru_count(const struct drm_gem_lru *lru)
{
	/* DRM counts with a lock that is not held here. */
	return data_race(READ_ONCE(lru->count));
}

/* A hint; that it may be just changing does no harm. */
static unsigned long shrinker_count(struct shrinker *shrinker, struct shrink_control *sc)
{
	struct panthor_device *ptdev = shrinker->private_data;
	unsigned long pages;

	if (!can_swap())
		return 0;

	pages = lru_count(&ptdev->reclaim.unused) + lru_count(&ptdev->reclaim.mmapped);
	if (can_wait(sc))
		pages += READ_ONCE(ptdev->reclaim.gpu_mapped_count);

	return pages ?: SHRINK_EMPTY;
}

/**
 * struct demand - How far a scan has got
 * @wanted: Pages it was asked for.
 * @freed: Pages it has freed.
 * @remaining: Pages that it looked at and could not free now.
 */
struct demand {
	unsigned long wanted;
	unsigned long freed;
	unsigned long remaining;
};

/* What is still wanted; LRUs are scanned for no more than an int of pages. */
static unsigned int missing(const struct demand *d)
{
	return min_t(unsigned long, d->wanted - min(d->wanted, d->freed), UINT_MAX);
}

static void scan_lru(struct panthor_device *ptdev, struct drm_gem_lru *lru, struct demand *d,
		     bool (*evict_fn)(struct drm_gem_object *obj, struct ww_acquire_ctx *ticket))
{
	if (missing(d))
		d->freed += drm_gem_lru_scan(&ptdev->base, lru, missing(d), &d->remaining,
					     evict_fn, NULL);
}

/* From the cheapest to the dearest. */
static void scan_all(struct panthor_device *ptdev, bool wait, struct demand *d)
{
	scan_lru(ptdev, &ptdev->reclaim.unused, d, evict_idle);
	scan_lru(ptdev, &ptdev->reclaim.mmapped, d, evict_idle);
	if (!wait)
		return;

	if (missing(d))
		d->freed += panthor_mmu_reclaim_priv_bos(ptdev, missing(d), &d->remaining,
							 evict_from_vm);
	scan_lru(ptdev, &ptdev->reclaim.gpu_mapped_shared, d, evict_from_vms);
}

static unsigned long shrinker_scan(struct shrinker *shrinker, struct shrink_control *sc)
{
	struct panthor_device *ptdev = shrinker->private_data;
	struct demand d = { .wanted = sc->nr_to_scan };
	struct gem_scan scan = {};

	if (can_swap()) {
		scan_begin(&scan);
		scan_all(ptdev, can_wait(sc), &d);
		scan_end(&scan);
	}

#ifdef CONFIG_DEBUG_FS
	WRITE_ONCE(ptdev->reclaim.nr_pages_reclaimed_on_last_scan, d.freed);
#endif

	/* A BO is evicted whole: what is more than was asked for counts for next time. */
	sc->nr_scanned = max(sc->nr_scanned, d.freed);

	/* What is in use now may not be soon: once more, but no oftener. */
	if (!d.freed && (d.remaining || scan.moved) &&
	    atomic_inc_return(&ptdev->reclaim.retry_count) < 2)
		return 0;

	atomic_set(&ptdev->reclaim.retry_count, 0);
	return d.freed ?: SHRINK_STOP;
}

/**
 * panthor_gem_shrinker_init() - Have BOs reclaimed from here on
 * @ptdev: The device. It has no BO yet.
 *
 * Context: Probe.
 *
 * Return: 0 or -ENOMEM.
 */
int panthor_gem_shrinker_init(struct panthor_device *ptdev)
{
	struct shrinker *shrinker;

	drm_gem_lru_init(&ptdev->reclaim.unused);
	drm_gem_lru_init(&ptdev->reclaim.mmapped);
	drm_gem_lru_init(&ptdev->reclaim.gpu_mapped_shared);
	INIT_LIST_HEAD(&ptdev->reclaim.vms);
	ptdev->reclaim.gpu_mapped_count = 0;

	/* What reclaim waits for must not be held when memory is allocated. */
	fs_reclaim_acquire(GFP_KERNEL);
	might_lock(&ptdev->base.gem_lru_mutex);
#ifdef CONFIG_DEBUG_FS
	might_lock(&ptdev->gems.lock);
#endif
	fs_reclaim_release(GFP_KERNEL);

	shrinker = shrinker_alloc(0, "drm-panthor-gem");
	if (!shrinker)
		return -ENOMEM;

	shrinker->count_objects = shrinker_count;
	shrinker->scan_objects = shrinker_scan;
	shrinker->private_data = ptdev;
	ptdev->reclaim.shrinker = shrinker;
	shrinker_register(shrinker);

	return 0;
}

/**
 * panthor_gem_shrinker_unplug() - Have BOs left alone from here on
 * @ptdev: The device. Its shrinker may not have been there.
 *
 * Context: Process context, not in reclaim. Waits for scans in progress.
 */
void panthor_gem_shrinker_unplug(struct panthor_device *ptdev)
{
	if (ptdev->reclaim.shrinker)
		shrinker_free(ptdev->reclaim.shrinker);
	ptdev->reclaim.shrinker = NULL;
}
