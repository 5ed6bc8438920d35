// SPDX-License-Identifier: GPL-2.0-only
/*
 * Seams at locks and in LRU scans: places where another thread can come in
 * between. They are there for panthor_seam_hook().
 */

#include <linux/dma-resv.h>
#include <linux/sched.h>
#include <linux/ww_mutex.h>

#include "../panthor_device.h"

#include "seam.h"
#include "seam_gem.h"
#include "seam_mmu.h"
#include "watch.h"

#undef dma_resv_lock
#undef dma_resv_lock_interruptible
#undef drm_gem_lru_scan
#undef refcount_set

typedef bool (*seam_shrink_fn)(struct drm_gem_object *obj, struct ww_acquire_ctx *ticket);

/*
 * The scan whose objects are shown to hooks, and its callback. There is one:
 * scans by other threads meanwhile are forwarded as they are. Only the owner
 * writes @seam_scan_shrink.
 */
static struct task_struct *seam_scan_owner;
static seam_shrink_fn seam_scan_shrink;

int panthor_seam_resv_lock(struct dma_resv *resv, struct ww_acquire_ctx *ctx)
{
	panthor_seam_enter(SEAM_RESV_LOCK);
	return dma_resv_lock(resv, ctx);
}

int panthor_seam_resv_lock_intr(struct dma_resv *resv, struct ww_acquire_ctx *ctx)
{
	return panthor_seam_enter(SEAM_RESV_LOCK_INTR) ?: dma_resv_lock_interruptible(resv, ctx);
}

void panthor_seam_count_set(refcount_t *count, int value)
{
	panthor_seam_enter(SEAM_COUNT_SET);
	refcount_set(count, value);
}

/*
 * The helper calls back with the resv locked. To get to before its trylock,
 * unlock, and try again after the hook: the same steps as those of a scan that
 * is delayed between the two, with one trylock more that nobody sees.
 */
static bool seam_shrink(struct drm_gem_object *obj, struct ww_acquire_ctx *ticket)
{
	if (panthor_seam_hooked(SEAM_LRU_POPPED)) {
		dma_resv_unlock(obj->resv);
		panthor_seam_enter(SEAM_LRU_POPPED);
		/* A hook that leaves it locked would have to be skipped by the helper. */
		while (!ww_mutex_trylock(&obj->resv->lock, ticket))
			cond_resched();
	}
	if (panthor_seam_hooked(SEAM_LRU_SHRINK))
		panthor_seam_enter(SEAM_LRU_SHRINK);

	return seam_scan_shrink(obj, ticket);
}

unsigned long panthor_seam_lru_scan(struct drm_device *dev, struct drm_gem_lru *lru,
				    unsigned int nr_to_scan, unsigned long *remaining,
				    seam_shrink_fn shrink, struct ww_acquire_ctx *ticket)
{
	unsigned long freed;

	panthor_seam_enter(SEAM_LRU_SCAN);
	panthor_content_scan();
	if (!panthor_seam_hooked(SEAM_LRU_POPPED) && !panthor_seam_hooked(SEAM_LRU_SHRINK))
		return drm_gem_lru_scan(dev, lru, nr_to_scan, remaining, shrink, ticket);
	if (cmpxchg(&seam_scan_owner, NULL, current))
		return drm_gem_lru_scan(dev, lru, nr_to_scan, remaining, shrink, ticket);

	seam_scan_shrink = shrink;
	freed = drm_gem_lru_scan(dev, lru, nr_to_scan, remaining, seam_shrink, ticket);
	/* The next owner may write the callback after this one read it. */
	smp_store_release(&seam_scan_owner, NULL);

	return freed;
}
