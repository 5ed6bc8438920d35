// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Sharing with other drivers by dma-buf, in both directions.
 *
 * An exported BO is pinned for as long as somebody is attached to its buffer. An
 * imported one belongs to its exporter: it has a table, for its whole life, but
 * neither pages nor pins, is on no LRU and cannot be evicted.
 *
 * Locks:
 *	The buffer has the BO's resv. A BO that is locked with the resv of a VM is not
 *	exported, as that would have strangers wait for the VM's jobs, and the other
 *	way round. Attachments, and what they have mapped, change under the resv.
 */

#include <linux/dma-buf.h>
#include <linux/dma-mapping.h>
#include <linux/dma-resv.h>
#include <linux/err.h>
#include <linux/highmem.h>
#include <linux/module.h>

#include <drm/drm_device.h>
#include <drm/drm_gem.h>
#include <drm/drm_prime.h>
#include <drm/drm_print.h>

#include "panthor_gem_priv.h"

/**
 * panthor_gem_prime_pin() - Keep a BO's pages for a device that attaches
 * @obj: The BO.
 *
 * Context: Process context, not in reclaim. The caller holds the BO's resv.
 *
 * Return: 0, or the errno of panthor_gem_pages_get().
 */
int panthor_gem_prime_pin(struct drm_gem_object *obj)
{
	if (drm_gem_is_imported(obj))
		return 0;

	CLASS(panthor_gem_held, s)(to_panthor_bo(obj));
	return panthor_gem_pages_pin(&s);
}

/**
 * panthor_gem_prime_unpin() - Undo one panthor_gem_prime_pin()
 * @obj: The BO.
 *
 * Context: Process context, not in reclaim. The caller holds the BO's resv.
 */
void panthor_gem_prime_unpin(struct drm_gem_object *obj)
{
	if (drm_gem_is_imported(obj))
		return;

	CLASS(panthor_gem_held, s)(to_panthor_bo(obj));
	panthor_gem_pages_unpin(&s);
}

/**
 * panthor_gem_prime_get_sg_table() - Table of a BO's pages, for another device
 * @obj: The BO, pinned.
 *
 * Context: Process context, not in reclaim.
 *
 * Return: A table, not mapped for DMA, which is the caller's; or ERR_PTR() of -ENOMEM
 * or, if the BO is not pinned, -EINVAL.
 */
struct sg_table *panthor_gem_prime_get_sg_table(struct drm_gem_object *obj)
{
	struct panthor_gem_object *bo = to_panthor_bo(obj);

	if (drm_WARN_ON_ONCE(obj->dev, !refcount_read(&bo->backing.pin_count)))
		return ERR_PTR(-EINVAL);

	return drm_prime_pages_to_sg(obj->dev, bo->backing.pages, panthor_gem_nr_pages(bo));
}

/* What a device has mapped is remembered, for the accesses of the CPU in between. */
static struct sg_table *prime_map(struct dma_buf_attachment *attach, enum dma_data_direction dir)
{
	struct sg_table *sgt = drm_gem_map_dma_buf(attach, dir);

	dma_resv_assert_held(attach->dmabuf->resv);

	attach->priv = IS_ERR(sgt) ? NULL : sgt;
	return sgt;
}

static void prime_unmap(struct dma_buf_attachment *attach, struct sg_table *sgt,
			enum dma_data_direction dir)
{
	dma_resv_assert_held(attach->dmabuf->resv);

	attach->priv = NULL;
	drm_gem_unmap_dma_buf(attach, sgt, dir);
}

static int prime_begin_cpu_access(struct dma_buf *dma_buf, enum dma_data_direction dir)
{
	struct panthor_gem_object *bo = to_panthor_bo((struct drm_gem_object *)dma_buf->priv);
	struct dma_buf_attachment *attach;

	dma_resv_lock(bo->base.resv, NULL);
	if (bo->dmap.sgt)
		dma_sync_sgtable_for_cpu(drm_dev_dma_dev(bo->base.dev), bo->dmap.sgt, dir);
	list_for_each_entry(attach, &dma_buf->attachments, node)
		if (attach->priv)
			dma_sync_sgtable_for_cpu(attach->dev, attach->priv, dir);
	if (bo->cmap.vaddr)
		invalidate_kernel_vmap_range(bo->cmap.vaddr, bo->base.size);
	dma_resv_unlock(bo->base.resv);

	return 0;
}

static int prime_end_cpu_access(struct dma_buf *dma_buf, enum dma_data_direction dir)
{
	struct panthor_gem_object *bo = to_panthor_bo((struct drm_gem_object *)dma_buf->priv);
	struct dma_buf_attachment *attach;

	dma_resv_lock(bo->base.resv, NULL);
	if (bo->cmap.vaddr)
		flush_kernel_vmap_range(bo->cmap.vaddr, bo->base.size);
	list_for_each_entry(attach, &dma_buf->attachments, node)
		if (attach->priv)
			dma_sync_sgtable_for_device(attach->dev, attach->priv, dir);
	if (bo->dmap.sgt)
		dma_sync_sgtable_for_device(drm_dev_dma_dev(bo->base.dev), bo->dmap.sgt, dir);
	dma_resv_unlock(bo->base.resv);

	return 0;
}

static const struct dma_buf_ops panthor_gem_dma_buf_ops = {
	.attach = drm_gem_map_attach,
	.detach = drm_gem_map_detach,
	.map_dma_buf = prime_map,
	.unmap_dma_buf = prime_unmap,
	.mmap = drm_gem_dmabuf_mmap,
	.vmap = drm_gem_dmabuf_vmap,
	.vunmap = drm_gem_dmabuf_vunmap,
	.begin_cpu_access = prime_begin_cpu_access,
	.end_cpu_access = prime_end_cpu_access,
	.release = drm_gem_dmabuf_release,
};

/**
 * panthor_gem_prime_export() - Make a dma-buf of a BO
 * @obj: The BO.
 * @flags: Flags of the buffer's file: O_CLOEXEC, O_RDWR.
 *
 * Context: Process context, not in reclaim.
 *
 * Return: The buffer, or ERR_PTR(): -EINVAL if the BO is private to a VM, -ENOMEM, or
 * another errno of dma_buf_export().
 */
struct dma_buf *panthor_gem_prime_export(struct drm_gem_object *obj, int flags)
{
	DEFINE_DMA_BUF_EXPORT_INFO(info);

	if (to_panthor_bo(obj)->exclusive_vm_root_gem)
		return ERR_PTR(-EINVAL);

	info.ops = &panthor_gem_dma_buf_ops;
	info.size = obj->size;
	info.flags = flags;
	info.resv = obj->resv;
	info.priv = obj;

	return drm_gem_dmabuf_export(obj->dev, &info);
}

/**
 * panthor_gem_prime_import() - GEM object of a dma-buf
 * @dev: The device that imports.
 * @dma_buf: The buffer.
 *
 * Context: Process context, not in reclaim.
 *
 * Return: A reference on a new object, or on the BO that was exported if it is of
 * the same device; ERR_PTR() of an errno if the buffer cannot be attached or mapped.
 */
struct drm_gem_object *panthor_gem_prime_import(struct drm_device *dev, struct dma_buf *dma_buf)
{
	struct drm_gem_object *obj;

	if (dma_buf->ops != &panthor_gem_dma_buf_ops)
		return drm_gem_prime_import(dev, dma_buf);

	obj = dma_buf->priv;
	if (obj->dev != dev)
		return drm_gem_prime_import(dev, dma_buf);

	drm_gem_object_get(obj);
	return obj;
}

/**
 * panthor_gem_prime_import_sg_table() - BO for a buffer that was attached and mapped
 * @dev: The device that imports.
 * @attach: The attachment.
 * @sgt: Its table, which becomes the BO's if this succeeds.
 *
 * Context: Process context, not in reclaim.
 *
 * Return: The BO, or ERR_PTR(): -ENOMEM, -ENOSPC.
 */
struct drm_gem_object *
panthor_gem_prime_import_sg_table(struct drm_device *dev, struct dma_buf_attachment *attach,
				  struct sg_table *sgt)
{
	struct panthor_gem_object *bo = panthor_gem_alloc(0);
	int ret;

	if (IS_ERR(bo))
		return ERR_CAST(bo);

	drm_gem_private_object_init(dev, &bo->base, attach->dmabuf->size);
	ret = drm_gem_create_mmap_offset(&bo->base);
	if (ret) {
		drm_gem_object_put(&bo->base);
		return ERR_PTR(ret);
	}

	bo->dmap.sgt = sgt;
	return &bo->base;
}
