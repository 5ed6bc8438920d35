// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Memory of a BO: pages, the pins that hold them, the table for the device, and
 * the maintenance of CPU caches, which goes by that table.
 *
 * Pages come with the first use of the BO and stay when the last one ends, until
 * reclaim or the end of the BO takes them. The table comes and goes with them.
 *
 * Locks:
 *	Pages, the table, and the first and the last pin change under the resv, in a
 *	section (panthor_gem_priv.h). Pins in between need no lock, which is why the
 *	step from one to none has to be atomic even under the resv.
 *	Allocations are made with the resv held, so reclaim only tries to get it.
 */

#include <linux/dma-mapping.h>
#include <linux/dma-resv.h>
#include <linux/err.h>
#include <linux/overflow.h>
#include <linux/scatterlist.h>
#include <linux/shmem_fs.h>
#include <linux/slab.h>

#include <drm/drm_device.h>
#include <drm/drm_gem.h>
#include <drm/drm_prime.h>
#include <drm/drm_print.h>
#include <drm/panthor_drm.h>

#include "panthor_gem_priv.h"

/**
 * panthor_gem_pages_get() - Have the pages of a BO in memory
 * @s: A section of the BO, which is not imported.
 *
 * Context: Process context, not in reclaim.
 *
 * Return: 0, or the errno of the allocation: -ENOMEM, -ENOSPC, -EINTR.
 */
int panthor_gem_pages_get(const struct panthor_gem_section *s)
{
	struct panthor_gem_object *bo = s->bo;
	struct page **pages;

	dma_resv_assert_held(bo->base.resv);

	if (bo->backing.pages)
		return 0;

	pages = drm_gem_get_pages(&bo->base);
	if (IS_ERR(pages))
		return PTR_ERR(pages);

	WRITE_ONCE(bo->backing.pages, pages);
	return 0;
}

static void free_table(struct sg_table *sgt)
{
	sg_free_table(sgt);
	kfree(sgt);
}

/**
 * panthor_gem_pages_map_dma() - Have a table of the pages that the device can use
 * @s: A section of the BO, which is not imported.
 *
 * Context: Process context, not in reclaim.
 *
 * Return: 0, or an errno: that of panthor_gem_pages_get(), -ENOMEM, or that of the
 * DMA layer.
 */
int panthor_gem_pages_map_dma(const struct panthor_gem_section *s)
{
	struct panthor_gem_object *bo = s->bo;
	struct sg_table *sgt;
	int ret;

	if (bo->dmap.sgt)
		return 0;

	ret = panthor_gem_pages_get(s);
	if (ret)
		return ret;

	sgt = drm_prime_pages_to_sg(bo->base.dev, bo->backing.pages, panthor_gem_nr_pages(bo));
	if (IS_ERR(sgt))
		return PTR_ERR(sgt);

	ret = dma_map_sgtable(drm_dev_dma_dev(bo->base.dev), sgt, DMA_BIDIRECTIONAL, 0);
	if (ret) {
		free_table(sgt);
		return ret;
	}

	bo->dmap.sgt = sgt;
	return 0;
}

/*
 * Pages that are not dirty are not written to swap, but would wait until reclaim finds
 * them. Those of a BO that is freed go with its file.
 */
static void put_pages(struct panthor_gem_object *bo, bool alive)
{
	drm_gem_put_pages(&bo->base, bo->backing.pages, !bo->scratch, false);
	WRITE_ONCE(bo->backing.pages, NULL);

	if (alive && bo->scratch)
		shmem_truncate_range(file_inode(bo->base.filp), 0, (loff_t)-1);
}

/**
 * panthor_gem_pages_drop() - Give the pages and their table back
 * @bo: The BO: in a section in which it may be evicted, or about to be freed.
 *
 * Context: Any that may take mutexes, reclaim included.
 */
void panthor_gem_pages_drop(struct panthor_gem_object *bo)
{
	struct device *dev = drm_dev_dma_dev(bo->base.dev);
	struct sg_table *sgt = bo->dmap.sgt;
	bool alive = kref_read(&bo->base.refcount);

	if (alive)
		dma_resv_assert_held(bo->base.resv);

	if (sgt) {
		/*
		 * What the CPU wrote since the last flush is only in its cache, whose
		 * lines the unmap invalidates: it takes what the device wrote for the
		 * truth. Write-combined mappings leave no lines behind.
		 */
		if (alive && !panthor_gem_maps_wc(bo))
			dma_sync_sgtable_for_device(dev, sgt, DMA_TO_DEVICE);
		dma_unmap_sgtable(dev, sgt, DMA_BIDIRECTIONAL, 0);
		free_table(sgt);
		bo->dmap.sgt = NULL;
	}

	if (bo->backing.pages)
		put_pages(bo, alive);
}

/**
 * panthor_gem_pages_pin() - Have the pages in memory and keep them there
 * @s: A section of the BO, which is not imported.
 *
 * Context: Process context, not in reclaim.
 *
 * Return: 0, or the errno of panthor_gem_pages_get().
 */
int panthor_gem_pages_pin(const struct panthor_gem_section *s)
{
	int ret;

	if (refcount_inc_not_zero(&s->bo->backing.pin_count))
		return 0;

	ret = panthor_gem_pages_get(s);
	if (!ret)
		refcount_set(&s->bo->backing.pin_count, 1);

	return ret;
}

/**
 * panthor_gem_pages_unpin() - Undo one panthor_gem_pages_pin()
 * @s: A section of the BO.
 *
 * Pages stay after the last one; the end of the section offers them to reclaim.
 *
 * Context: Process context, not in reclaim.
 *
 * Return: true if that was the last one.
 */
bool panthor_gem_pages_unpin(const struct panthor_gem_section *s)
{
	dma_resv_assert_held(s->bo->base.resv);

	return panthor_gem_count_put(&s->bo->backing.pin_count);
}

/**
 * panthor_gem_pin() - Have the pages of a BO in memory and keep them there
 * @bo: The BO. An imported one is kept by its exporter.
 *
 * Context: Process context, not in reclaim. May take the BO's resv.
 *
 * Return: 0, or an errno: -ENOMEM, -ENOSPC, -EINTR.
 */
int panthor_gem_pin(struct panthor_gem_object *bo)
{
	if (drm_gem_is_imported(&bo->base))
		return 0;
	if (refcount_inc_not_zero(&bo->backing.pin_count))
		return 0;

	CLASS(panthor_gem_locked, s)(bo);
	return panthor_gem_pages_pin(&s);
}

/**
 * panthor_gem_unpin() - Undo one panthor_gem_pin()
 * @bo: The BO.
 *
 * Context: Process context, not in reclaim. May take the BO's resv.
 */
void panthor_gem_unpin(struct panthor_gem_object *bo)
{
	if (drm_gem_is_imported(&bo->base))
		return;
	if (refcount_dec_not_one(&bo->backing.pin_count))
		return;

	CLASS(panthor_gem_locked, s)(bo);
	panthor_gem_pages_unpin(&s);
}

/**
 * panthor_gem_get_dev_sgt() - Table of a BO's pages, mapped for the device
 * @bo: The BO. The table is valid as long as the caller has a pin.
 *
 * Context: Process context, not in reclaim. Takes and releases the BO's resv.
 *
 * Return: The table, which stays the BO's; or ERR_PTR() of the errno of
 * panthor_gem_pages_map_dma().
 */
struct sg_table *panthor_gem_get_dev_sgt(struct panthor_gem_object *bo)
{
	int ret;

	if (drm_gem_is_imported(&bo->base))
		return bo->dmap.sgt;

	CLASS(panthor_gem_locked, s)(bo);
	ret = panthor_gem_pages_map_dma(&s);
	return ret ? ERR_PTR(ret) : bo->dmap.sgt;
}

/**
 * panthor_gem_swapin_locked() - Bring back what was evicted, for a job
 * @bo: The BO. Having been evicted is no requirement, nor is it to have no pins.
 *
 * The pages are offered to reclaim, which the caller keeps away by the resv until
 * the job's fence is in there.
 *
 * Context: Process context, not in reclaim. The caller holds the BO's resv. Takes and
 * releases gpuva.lock.
 *
 * Return: 0, -EINVAL for an imported BO, or the errno of panthor_gem_pages_map_dma().
 */
int panthor_gem_swapin_locked(struct panthor_gem_object *bo)
{
	if (drm_WARN_ON_ONCE(bo->base.dev, drm_gem_is_imported(&bo->base)))
		return -EINVAL;

	CLASS(panthor_gem_held, s)(bo);
	return panthor_gem_pages_map_dma(&s);
}

static void sync_piece(struct device *dev, dma_addr_t addr, size_t size, bool invalidate)
{
	/*
	 * No single call of the DMA API cleans and invalidates on all architectures;
	 * each of these has one half of it as its least effect.
	 */
	dma_sync_single_for_device(dev, addr, size, DMA_TO_DEVICE);
	if (invalidate)
		dma_sync_single_for_cpu(dev, addr, size, DMA_FROM_DEVICE);
}

static void sync_range(struct panthor_gem_object *bo, u64 start, u64 end, bool invalidate)
{
	struct device *dev = drm_dev_dma_dev(bo->base.dev);
	struct scatterlist *sgl;
	unsigned int i;
	u64 pos = 0;

	for_each_sgtable_dma_sg(bo->dmap.sgt, sgl, i) {
		u64 next = pos + sg_dma_len(sgl);
		u64 from = max(start, pos), to = min(end, next);

		if (from < to)
			sync_piece(dev, sg_dma_address(sgl) + (from - pos), to - from, invalidate);
		if (next >= end)
			break;
		pos = next;
	}
}

/**
 * panthor_gem_sync() - Maintain the CPU's caches for a part of a BO
 * @obj: The BO.
 * @type: DRM_PANTHOR_BO_SYNC_*: what to do.
 * @offset: Where the part begins, in bytes.
 * @size: Its size in bytes.
 *
 * Nothing is to be done for memory that is not cached, or not there.
 *
 * Context: Process context, not in reclaim. Takes and releases the BO's resv.
 *
 * Return: 0, -EINVAL for a range that is not in the BO, an unknown type or an
 * imported BO, -EINTR, or the errno of panthor_gem_pages_map_dma().
 */
int panthor_gem_sync(struct drm_gem_object *obj, u32 type, u64 offset, u64 size)
{
	struct panthor_gem_object *bo = to_panthor_bo(obj);
	bool invalidate = type == DRM_PANTHOR_BO_SYNC_CPU_CACHE_FLUSH_AND_INVALIDATE;
	u64 end;
	int ret;

	if (check_add_overflow(offset, size, &end) || end > obj->size)
		return -EINVAL;
	if (drm_gem_is_imported(obj))
		return -EINVAL;
	if (!invalidate && type != DRM_PANTHOR_BO_SYNC_CPU_CACHE_FLUSH)
		return -EINVAL;
	if (panthor_gem_maps_wc(bo) || !size)
		return 0;

	ret = dma_resv_lock_interruptible(obj->resv, NULL);
	if (ret)
		return ret;

	if (bo->backing.pages) {
		CLASS(panthor_gem_held, s)(bo);

		ret = panthor_gem_pages_map_dma(&s);
		if (!ret)
			sync_range(bo, offset, end, invalidate);
	}
	dma_resv_unlock(obj->resv);

	return ret;
}
