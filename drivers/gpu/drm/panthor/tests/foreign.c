// SPDX-License-Identifier: GPL-2.0-only
/* Another driver, as far as sharing of buffers is concerned. */

#include <linux/dma-buf.h>
#include <linux/dma-mapping.h>
#include <linux/err.h>
#include <linux/file.h>
#include <linux/gfp.h>
#include <linux/iosys-map.h>
#include <linux/limits.h>
#include <linux/module.h>
#include <linux/scatterlist.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>
#include <linux/xarray.h>

#include <drm/drm_gem.h>

#include <kunit/device.h>
#include <kunit/resource.h>

#include "fixture.h"
#include "foreign.h"

static int foreign_attach(struct dma_buf *dmabuf, struct dma_buf_attachment *attach)
{
	struct foreign_buf *buf = dmabuf->priv;

	buf->attachments++;
	return 0;
}

static void foreign_detach(struct dma_buf *dmabuf, struct dma_buf_attachment *attach)
{
	struct foreign_buf *buf = dmabuf->priv;

	buf->attachments--;
}

static struct sg_table *foreign_map(struct dma_buf_attachment *attach,
				    enum dma_data_direction dir)
{
	struct foreign_buf *buf = attach->dmabuf->priv;
	struct sg_table *sgt = kzalloc_obj(*sgt);
	int ret;

	if (!sgt)
		return ERR_PTR(-ENOMEM);

	ret = sg_alloc_table_from_pages(sgt, buf->pages, buf->nr_pages, 0,
					buf->nr_pages * PAGE_SIZE, GFP_KERNEL);
	if (ret)
		goto err_free;

	ret = dma_map_sgtable(attach->dev, sgt, dir, 0);
	if (ret)
		goto err_free_table;

	buf->maps++;
	return sgt;

err_free_table:
	sg_free_table(sgt);
err_free:
	kfree(sgt);
	return ERR_PTR(ret);
}

static void foreign_unmap(struct dma_buf_attachment *attach, struct sg_table *sgt,
			  enum dma_data_direction dir)
{
	struct foreign_buf *buf = attach->dmabuf->priv;

	dma_unmap_sgtable(attach->dev, sgt, dir, 0);
	sg_free_table(sgt);
	kfree(sgt);
	buf->maps--;
}

static int foreign_vmap(struct dma_buf *dmabuf, struct iosys_map *map)
{
	struct foreign_buf *buf = dmabuf->priv;
	void *vaddr = vmap(buf->pages, buf->nr_pages, VM_MAP, PAGE_KERNEL);

	if (!vaddr)
		return -ENOMEM;

	iosys_map_set_vaddr(map, vaddr);
	return 0;
}

static void foreign_vunmap(struct dma_buf *dmabuf, struct iosys_map *map)
{
	vunmap(map->vaddr);
}

static void foreign_release(struct dma_buf *dmabuf)
{
	struct foreign_buf *buf = dmabuf->priv;

	while (buf->nr_pages)
		__free_page(buf->pages[--buf->nr_pages]);
	kfree(buf->pages);
	kfree(buf);
}

static const struct dma_buf_ops foreign_ops = {
	.attach = foreign_attach,
	.detach = foreign_detach,
	.map_dma_buf = foreign_map,
	.unmap_dma_buf = foreign_unmap,
	.release = foreign_release,
	.vmap = foreign_vmap,
	.vunmap = foreign_vunmap,
};

static void foreign_put(void *data)
{
	dma_buf_put(data);
	/* Kernel threads put files from a work item. */
	flush_delayed_fput();
}

/**
 * foreign_buf() - Create a dma-buf that is not panthor's
 * @test: The test; puts the dma-buf when it ends.
 * @nr_pages: Its size. Its pages are zeroed.
 *
 * Context: Process context.
 *
 * Return: The buffer, as long as its dma-buf lives; a failure aborts the test.
 */
struct foreign_buf *foreign_buf(struct kunit *test, unsigned int nr_pages)
{
	struct foreign_buf *buf = kzalloc_obj(*buf);
	DEFINE_DMA_BUF_EXPORT_INFO(info);

	KUNIT_ASSERT_NOT_NULL(test, buf);
	buf->pages = kzalloc_objs(*buf->pages, nr_pages);
	KUNIT_ASSERT_NOT_NULL(test, buf->pages);

	while (buf->nr_pages < nr_pages) {
		struct page *page = alloc_page(GFP_KERNEL | __GFP_ZERO);

		KUNIT_ASSERT_NOT_NULL(test, page);
		buf->pages[buf->nr_pages++] = page;
	}

	info.ops = &foreign_ops;
	info.size = nr_pages * PAGE_SIZE;
	info.flags = O_RDWR;
	info.priv = buf;
	buf->dmabuf = dma_buf_export(&info);
	KUNIT_ASSERT_FALSE(test, IS_ERR(buf->dmabuf));
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, foreign_put, buf->dmabuf), 0);

	return buf;
}

/**
 * struct foreign_import - An import that is put at the end
 * @obj: The object.
 * @ctx: Fixture that tells the checker of it.
 */
struct foreign_import {
	struct drm_gem_object *obj;
	struct panthor_kunit *ctx;
};

static void foreign_import_put(void *data)
{
	struct foreign_import *import = data;

	xa_erase(&import->ctx->imports, (unsigned long)import->obj);
	drm_gem_object_put(import->obj);
}

/**
 * foreign_import() - Import a dma-buf into the fixture's device
 * @test: The test; puts the BO when it ends.
 * @buf: The buffer.
 *
 * Context: Process context.
 *
 * Return: The BO; a failure aborts the test.
 */
struct panthor_gem_object *foreign_import(struct kunit *test, struct foreign_buf *buf)
{
	struct panthor_kunit *ctx = to_panthor_kunit(test);
	struct foreign_import *import = kunit_kzalloc(test, sizeof(*import), GFP_KERNEL);
	struct drm_gem_object *obj;

	KUNIT_ASSERT_NOT_NULL(test, import);
	obj = panthor_gem_prime_import(&ctx->ptdev->base, buf->dmabuf);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, obj);
	import->obj = obj;
	import->ctx = ctx;
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, foreign_import_put, import), 0);
	KUNIT_ASSERT_TRUE(test, drm_gem_is_imported(obj));
	KUNIT_ASSERT_EQ(test, xa_err(xa_store(&ctx->imports, (unsigned long)obj,
					      to_panthor_bo(obj), GFP_KERNEL)), 0);

	return to_panthor_bo(obj);
}

/**
 * foreign_device() - A device that buffers can be shared with
 * @test: The test; unregisters the device when it ends.
 * @name: Name, unlike that of any other device of the test.
 *
 * Context: Process context.
 *
 * Return: The device; a failure aborts the test.
 */
struct device *foreign_device(struct kunit *test, const char *name)
{
	struct device_dma_parameters *parms = kunit_kzalloc(test, sizeof(*parms), GFP_KERNEL);
	struct device *dev = kunit_device_register(test, name);

	KUNIT_ASSERT_NOT_NULL(test, parms);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, dev);
	KUNIT_ASSERT_EQ(test, dma_set_mask_and_coherent(dev, DMA_BIT_MASK(64)), 0);
	dev->dma_parms = parms;
	dma_set_max_seg_size(dev, UINT_MAX);

	return dev;
}
