// SPDX-License-Identifier: GPL-2.0-only
/*
 * Watches what leaves no trace: see watch.h. Called by the driver's threads
 * through the seams, so that what is found is collected under a lock of its own.
 */

#include <linux/atomic.h>
#include <linux/cleanup.h>
#include <linux/dma-resv.h>
#include <linux/mutex.h>
#include <linux/slab.h>
#include <linux/spinlock.h>

#include <drm/drm_gem.h>
#include <drm/drm_gpuvm.h>

#include "check_priv.h"
#include "fixture.h"
#include "watch.h"

static DEFINE_SPINLOCK(watch_lock);
static struct panthor_check_report watch_found;
static atomic_long_t watch_objects, watch_page_tables;

/**
 * panthor_watch_reset() - Forget everything: a new device begins
 *
 * Context: No driver call is in progress. Takes and releases watch_lock.
 */
void panthor_watch_reset(void)
{
	panthor_content_reset();

	guard(spinlock)(&watch_lock);

	memset(&watch_found, 0, sizeof(watch_found));
	atomic_long_set(&watch_objects, 0);
	atomic_long_set(&watch_page_tables, 0);
}

/**
 * panthor_watch_report() - Move what was found into a report
 * @report: Empty report.
 *
 * Context: Any. Takes and releases watch_lock.
 */
void panthor_watch_report(struct panthor_check_report *report)
{
	guard(spinlock)(&watch_lock);

	*report = watch_found;
	if (watch_found.count)
		memset(&watch_found, 0, sizeof(watch_found));
}

/**
 * panthor_watch_violated() - Note that an invariant does not hold
 * @inv: Number of the invariant.
 * @fmt: What is wrong. The next check reports it.
 *
 * Context: Any. Takes and releases watch_lock.
 */
void panthor_watch_violated(unsigned int inv, const char *fmt, ...)
{
	char what[PANTHOR_CHECK_MSG_LEN];
	va_list args;

	va_start(args, fmt);
	vscnprintf(what, sizeof(what), fmt, args);
	va_end(args);

	guard(spinlock)(&watch_lock);
	check_violated(&watch_found, inv, "%s", what);
}

static const char *watch_judge(struct panthor_gem_object *bo)
{
	struct drm_gpuvm_bo *vm_bo;

	if (!dma_resv_is_locked(bo->base.resv))
		return "without the resv";
	if (!mutex_is_locked(&bo->base.gpuva.lock))
		return "without gpuva.lock";
	if (refcount_read(&bo->backing.pin_count))
		return "although pinned";

	drm_gem_for_each_gpuvm_bo(vm_bo, &bo->base) {
		if (!dma_resv_is_locked(drm_gpuvm_resv(vm_bo->vm)))
			return "without the resv of a VM that maps them";
		if (!vm_bo->evicted)
			return "although a VM maps them";
	}

	/* The state is that of before until the eviction is over. */
	if ((bo->reclaim_state == PANTHOR_GEM_GPU_MAPPED_SINGLE_VM ||
	     bo->reclaim_state == PANTHOR_GEM_GPU_MAPPED_MULTI_VM) &&
	    !dma_resv_test_signaled(bo->base.resv, DMA_RESV_USAGE_BOOKKEEP))
		return "although a job uses them";

	return NULL;
}

/**
 * panthor_watch_put_pages() - Pages go away (I18)
 * @obj: Object they belong to. Nobody but the last put may do without locks.
 *
 * Context: As drm_gem_put_pages(). Takes and releases watch_lock.
 */
void panthor_watch_put_pages(struct drm_gem_object *obj)
{
	const char *what;

	if (!kref_read(&obj->refcount))
		return;

	what = watch_judge(to_panthor_bo(obj));
	if (what)
		panthor_watch_violated(18, "pages went away %s", what);
}

/**
 * panthor_watch_object() - An object was made or freed
 * @n: 1 or -1.
 *
 * Context: Any.
 */
void panthor_watch_object(int n)
{
	atomic_long_add(n, &watch_objects);
}

/**
 * panthor_watch_tables() - Page tables were taken from their cache, or given back
 * @n: How many; negative if given back.
 *
 * Context: Any.
 */
void panthor_watch_tables(long n)
{
	atomic_long_add(n, &watch_page_tables);
}

/**
 * panthor_watch_objects_left() - Objects that were made and not freed
 *
 * Context: Any.
 *
 * Return: The number of VMs, vm_bos, mappings, jobs, arrays and pools.
 */
long panthor_watch_objects_left(void)
{
	return atomic_long_read(&watch_objects);
}

/**
 * panthor_watch_tables_left() - Page tables that are not in their cache
 *
 * Context: Any.
 *
 * Return: The number of tables, without roots.
 */
long panthor_watch_tables_left(void)
{
	return atomic_long_read(&watch_page_tables);
}

/* Wrappers. They have the contract of the function they stand for. */

void panthor_watch_pt_free(struct kmem_cache *cache, void *p)
{
	panthor_watch_tables(-1);
	kmem_cache_free(cache, p);
}

void panthor_watch_pt_free_bulk(struct kmem_cache *cache, size_t count, void **objs)
{
	panthor_watch_tables(-(long)count);
	kmem_cache_free_bulk(cache, count, objs);
}
