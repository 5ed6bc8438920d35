// SPDX-License-Identifier: GPL-2.0-only
/* Operations for the fault sweeps: user mappings, and sharing with other drivers. */

#include <linux/dma-buf.h>
#include <linux/err.h>
#include <linux/file.h>
#include <linux/mm.h>
#include <linux/mman.h>

#include <drm/drm_drv.h>
#include <drm/drm_gem.h>
#include <drm/drm_prime.h>
#include <drm/drm_vma_manager.h>

#include <kunit/resource.h>

#include "fixture.h"
#include "foreign.h"
#include "reclaim.h"
#include "sweep.h"

#define SWEEP_DEVICE	"panthor-kunit-sweep"

KUNIT_DEFINE_ACTION_WRAPPER(share_fput, fput, struct file *);

static void setup_file(struct sweep_state *s)
{
	/* For the address space that comes with a first mapping. */
	panthor_kunit_mmap(s->test, panthor_kunit_bo(s->test, PAGE_SIZE));

	s->bo = panthor_kunit_bo(s->test, BO_SIZE);
	s->file = panthor_kunit_mmap_file(s->bo);
	KUNIT_ASSERT_FALSE(s->test, IS_ERR(s->file));
	KUNIT_ASSERT_EQ(s->test, kunit_add_action_or_reset(s->test, share_fput, s->file), 0);
}

static int op_mmap(struct sweep_state *s)
{
	s->addr = vm_mmap(s->file, 0, BO_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED,
			  drm_vma_node_offset_addr(&s->bo->base.vma_node));

	return IS_ERR_VALUE(s->addr) ? (int)s->addr : 0;
}

static void undo_mmap(struct sweep_state *s)
{
	panthor_kunit_munmap(s->test, s->addr, BO_SIZE);
}

const struct sweep_op sweep_mmap = { "mmap", setup_file, op_mmap, undo_mmap };

static void setup_shared(struct sweep_state *s)
{
	s->bo = panthor_kunit_bo(s->test, BO_SIZE);
	sweep_setup_handle(s);
}

static int op_export(struct sweep_state *s)
{
	struct panthor_kunit *ctx = to_panthor_kunit(s->test);

	s->buf = drm_gem_prime_handle_to_dmabuf(&ctx->ptdev->base, ctx->file, s->handle,
						DRM_CLOEXEC | DRM_RDWR);

	return PTR_ERR_OR_ZERO(s->buf);
}

static void undo_export(struct sweep_state *s)
{
	dma_buf_put(s->buf);
	/* Kernel threads put files from a work item. */
	flush_delayed_fput();
}

const struct sweep_op sweep_export = { "export", setup_shared, op_export, undo_export };

static void share_buf_end(void *data)
{
	dma_buf_put(data);
	flush_delayed_fput();
}

/* One per test: its name would be taken. */
static struct device *share_device(struct kunit *test)
{
	struct kunit_resource *res = kunit_find_named_resource(test, SWEEP_DEVICE);
	struct device *dev;

	if (res) {
		dev = res->data;
		kunit_put_resource(res);
		return dev;
	}

	dev = foreign_device(test, SWEEP_DEVICE);
	res = kunit_kzalloc(test, sizeof(*res), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, res);
	KUNIT_ASSERT_EQ(test, kunit_add_named_resource(test, NULL, NULL, res, SWEEP_DEVICE, dev),
			0);

	return dev;
}

static void setup_exported(struct sweep_state *s)
{
	setup_shared(s);
	share_device(s->test);
	KUNIT_ASSERT_EQ(s->test, op_export(s), 0);
	KUNIT_ASSERT_EQ(s->test, kunit_add_action_or_reset(s->test, share_buf_end, s->buf), 0);
}

static int op_attach(struct sweep_state *s)
{
	s->attach = dma_buf_attach(s->buf, share_device(s->test));

	return PTR_ERR_OR_ZERO(s->attach);
}

static void undo_attach(struct sweep_state *s)
{
	dma_buf_detach(s->buf, s->attach);
}

const struct sweep_op sweep_attach = { "attach", setup_exported, op_attach, undo_attach };

static void share_attach_end(void *data)
{
	struct dma_buf_attachment *attach = data;

	dma_buf_detach(attach->dmabuf, attach);
}

static void setup_attached(struct sweep_state *s)
{
	setup_exported(s);
	KUNIT_ASSERT_EQ(s->test, op_attach(s), 0);
	KUNIT_ASSERT_EQ(s->test,
			kunit_add_action_or_reset(s->test, share_attach_end, s->attach), 0);
}

static int op_attach_map(struct sweep_state *s)
{
	struct sg_table *sgt = dma_buf_map_attachment_unlocked(s->attach, DMA_BIDIRECTIONAL);

	if (IS_ERR(sgt))
		return PTR_ERR(sgt);

	s->made = sgt;
	return 0;
}

static void undo_attach_map(struct sweep_state *s)
{
	dma_buf_unmap_attachment_unlocked(s->attach, s->made, DMA_BIDIRECTIONAL);
}

const struct sweep_op sweep_attach_map = { "attach_map", setup_attached, op_attach_map,
					   undo_attach_map };

static void setup_foreign(struct sweep_state *s)
{
	s->buf = foreign_buf(s->test, BO_PAGES)->dmabuf;
}

static int op_import(struct sweep_state *s)
{
	struct drm_device *drm = &to_panthor_kunit(s->test)->ptdev->base;
	struct drm_gem_object *obj = panthor_gem_prime_import(drm, s->buf);

	if (IS_ERR(obj))
		return PTR_ERR(obj);

	s->made = obj;
	return 0;
}

static void undo_import(struct sweep_state *s)
{
	drm_gem_object_put(s->made);
}

const struct sweep_op sweep_import = { "import", setup_foreign, op_import, undo_import };
