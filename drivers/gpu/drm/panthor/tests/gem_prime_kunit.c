// SPDX-License-Identifier: GPL-2.0-only
/*
 * Sharing buffers with other drivers: export, attachments, import.
 */

#include <linux/dma-buf.h>
#include <linux/dma-mapping.h>
#include <linux/err.h>
#include <linux/file.h>
#include <linux/iosys-map.h>
#include <linux/kref.h>
#include <linux/mm.h>
#include <linux/mman.h>
#include <linux/scatterlist.h>
#include <linux/shrinker.h>
#include <linux/sizes.h>
#include <linux/string.h>
#include <linux/uaccess.h>

#include <drm/drm_file.h>
#include <drm/drm_gem.h>
#include <drm/drm_prime.h>
#include <drm/panthor_drm.h>

#include <kunit/resource.h>

#include "check.h"
#include "fixture.h"
#include "foreign.h"
#include "reclaim.h"
#include "seam.h"
#include "vm_walk.h"

/* GPU pages of a BO of BO_SIZE. */
#define BO_PTES		(BO_SIZE / SZ_4K)

/* The handle of an exported BO: exporting is for those who have one. */
struct export {
	struct kunit *test;
	u32 handle;
};

static void export_end(void *data)
{
	struct export *export = data;
	struct panthor_kunit *ctx = to_panthor_kunit(export->test);

	drm_gem_handle_delete(ctx->file, export->handle);
}

static void export_put(void *data)
{
	dma_buf_put(data);
	/* Kernel threads put files from a work item. */
	flush_delayed_fput();
}

/* Export, as PRIME_HANDLE_TO_FD does; may return an error. */
static struct dma_buf *try_export(struct kunit *test, struct panthor_gem_object *bo)
{
	struct panthor_kunit *ctx = to_panthor_kunit(test);
	struct export *export = kunit_kzalloc(test, sizeof(*export), GFP_KERNEL);
	struct dma_buf *buf;

	KUNIT_ASSERT_NOT_NULL(test, export);
	export->test = test;
	KUNIT_ASSERT_EQ(test, drm_gem_handle_create(ctx->file, &bo->base, &export->handle), 0);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, export_end, export), 0);

	buf = drm_gem_prime_handle_to_dmabuf(&ctx->ptdev->base, ctx->file, export->handle,
					     DRM_CLOEXEC | DRM_RDWR);
	if (!IS_ERR(buf))
		KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, export_put, buf), 0);

	return buf;
}

static struct dma_buf *export_bo(struct kunit *test, struct panthor_gem_object *bo)
{
	struct dma_buf *buf = try_export(test, bo);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, buf);
	return buf;
}

static void attachment_end(void *data)
{
	struct dma_buf_attachment *attach = data;

	dma_buf_detach(attach->dmabuf, attach);
}

/* Attach a device of another driver; a test has one of each name. */
static struct dma_buf_attachment *
attach_named(struct kunit *test, struct dma_buf *buf, const char *name)
{
	struct dma_buf_attachment *attach = dma_buf_attach(buf, foreign_device(test, name));

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, attach);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, attachment_end, attach), 0);

	return attach;
}

static struct dma_buf_attachment *attach_to(struct kunit *test, struct dma_buf *buf)
{
	return attach_named(test, buf, "panthor-kunit-importer");
}

static void detach(struct kunit *test, struct dma_buf_attachment *attach)
{
	kunit_release_action(test, attachment_end, attach);
}

/*
 * Exporting promises a buffer, not pages.
 * Succeeds if the dma-buf has the BO's size and lock, and the BO got no page.
 */
static void export_allocates_no_pages(struct kunit *test)
{
	struct panthor_gem_object *bo = panthor_kunit_bo(test, BO_SIZE);
	struct dma_buf *buf = export_bo(test, bo);

	KUNIT_EXPECT_EQ(test, buf->size, BO_SIZE);
	KUNIT_EXPECT_PTR_EQ(test, buf->resv, bo->base.resv);
	KUNIT_EXPECT_NULL(test, bo->backing.pages);
}

/*
 * A BO of one VM has the VM's lock, which nobody else may wait for (I28).
 * Succeeds if exporting it is refused.
 */
static void export_of_private_bo_is_refused(struct kunit *test)
{
	struct panthor_gem_object *bo =
		panthor_kunit_try_bo(test, panthor_kunit_vm(test), BO_SIZE, 0);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, bo);
	KUNIT_EXPECT_EQ(test, PTR_ERR_OR_ZERO(try_export(test, bo)), -EINVAL);
	KUNIT_EXPECT_NULL(test, bo->base.dma_buf);
}

/*
 * A buffer comes back to the device it is from.
 * Succeeds if the import is the BO itself, with one reference more.
 */
static void import_of_own_buffer_is_the_bo(struct kunit *test)
{
	struct drm_device *drm = &to_panthor_kunit(test)->ptdev->base;
	struct panthor_gem_object *bo = panthor_kunit_bo(test, BO_SIZE);
	struct dma_buf *buf = export_bo(test, bo);
	unsigned int refs = kref_read(&bo->base.refcount);
	struct drm_gem_object *obj = panthor_gem_prime_import(drm, buf);

	KUNIT_ASSERT_PTR_EQ(test, obj, &bo->base);
	KUNIT_EXPECT_EQ(test, kref_read(&bo->base.refcount), refs + 1);
	KUNIT_EXPECT_FALSE(test, drm_gem_is_imported(obj));
	drm_gem_object_put(obj);
}

/*
 * Another device may access the buffer as long as it is attached (I3).
 * Succeeds if attaching allocates and pins, and detaching lets go.
 */
static void attachment_pins(struct kunit *test)
{
	struct panthor_gem_object *bo = panthor_kunit_bo(test, BO_SIZE);
	struct dma_buf_attachment *attach = attach_to(test, export_bo(test, bo));

	KUNIT_EXPECT_NOT_NULL(test, bo->backing.pages);
	KUNIT_EXPECT_EQ(test, refcount_read(&bo->backing.pin_count), 1);
	expect_bo_state(test, bo, PANTHOR_GEM_UNRECLAIMABLE);

	detach(test, attach);
	KUNIT_EXPECT_EQ(test, refcount_read(&bo->backing.pin_count), 0);
	expect_bo_state(test, bo, PANTHOR_GEM_UNUSED);
}

/*
 * Two devices attach, one detaches.
 * Succeeds if the BO stays pinned for the other.
 */
static void each_attachment_has_its_pin(struct kunit *test)
{
	struct panthor_gem_object *bo = panthor_kunit_bo(test, BO_SIZE);
	struct dma_buf *buf = export_bo(test, bo);
	struct dma_buf_attachment *first = attach_to(test, buf);

	attach_named(test, buf, "panthor-kunit-other");
	KUNIT_EXPECT_EQ(test, refcount_read(&bo->backing.pin_count), 2);
	detach(test, first);
	KUNIT_EXPECT_EQ(test, refcount_read(&bo->backing.pin_count), 1);
	expect_bo_state(test, bo, PANTHOR_GEM_UNRECLAIMABLE);
}

/*
 * There are no pages for a device that wants to attach.
 * Succeeds if it gets the allocator's errno, and nothing is pinned.
 */
static void failed_attach_pins_nothing(struct kunit *test)
{
	struct panthor_gem_object *bo = panthor_kunit_bo(test, BO_SIZE);
	struct dma_buf *buf = export_bo(test, bo);
	struct device *dev = foreign_device(test, "panthor-kunit-importer");

	panthor_seam_fail_once(test, SEAM_GET_PAGES, -ENOSPC);
	KUNIT_EXPECT_EQ(test, PTR_ERR_OR_ZERO(dma_buf_attach(buf, dev)), -ENOSPC);
	KUNIT_EXPECT_EQ(test, refcount_read(&bo->backing.pin_count), 0);
	KUNIT_EXPECT_NULL(test, bo->backing.pages);
}

static const struct reclaim_kind *kind_param(struct kunit *test)
{
	return test->param_value;
}

static void kind_desc(const struct reclaim_kind *kind, char *desc)
{
	strscpy(desc, kind->desc, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(kind, reclaim_kinds, kind_desc);

/*
 * Reclaim comes while another device is attached, whatever else holds the BO.
 * Succeeds if the BO is left alone until the device is gone.
 */
static void attached_bo_is_not_evicted(struct kunit *test)
{
	struct panthor_gem_object *bo = kind_param(test)->make(test, BO_SIZE);
	struct dma_buf_attachment *attach = attach_to(test, export_bo(test, bo));

	KUNIT_EXPECT_EQ(test, panthor_kunit_scan(test, GFP_KERNEL, EVERYTHING), SHRINK_STOP);
	KUNIT_EXPECT_NOT_NULL(test, bo->backing.pages);

	detach(test, attach);
	expect_bo_state(test, bo, kind_param(test)->state);
	KUNIT_EXPECT_EQ(test, panthor_kunit_scan(test, GFP_KERNEL, EVERYTHING), BO_PAGES);
}

/*
 * The BO went to swap before the other device attached.
 * Succeeds if that device finds the content.
 */
static void attachment_brings_evicted_bo_back(struct kunit *test)
{
	struct panthor_gem_object *bo = panthor_kunit_bo(test, BO_SIZE);
	struct dma_buf *buf = export_bo(test, bo);
	u8 *bytes = panthor_kunit_vmap(test, bo);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, bytes);
	memset(bytes, 0x5a, BO_SIZE);
	panthor_kunit_vunmap(test, bo);
	KUNIT_ASSERT_EQ(test, panthor_kunit_scan(test, GFP_KERNEL, EVERYTHING), BO_PAGES);

	attach_to(test, buf);
	KUNIT_ASSERT_NOT_NULL(test, bo->backing.pages);
	bytes = panthor_kunit_vmap(test, bo);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, bytes);
	KUNIT_EXPECT_NULL(test, memchr_inv(bytes, 0x5a, BO_SIZE));
}

/*
 * The other device asks for addresses.
 * Succeeds if its table lists the BO's pages, all of them, in order.
 */
static void attachment_maps_all_pages_in_order(struct kunit *test)
{
	struct panthor_gem_object *bo = panthor_kunit_bo(test, BO_SIZE);
	struct dma_buf_attachment *attach = attach_to(test, export_bo(test, bo));
	struct sg_table *sgt = dma_buf_map_attachment_unlocked(attach, DMA_BIDIRECTIONAL);
	unsigned long nr = 0, wrong = 0;
	struct sg_page_iter iter;

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, sgt);
	for_each_sgtable_page(sgt, &iter, 0) {
		wrong += nr >= BO_PAGES ||
			 sg_page_iter_page(&iter) != bo->backing.pages[nr];
		nr++;
	}
	dma_buf_unmap_attachment_unlocked(attach, sgt, DMA_BIDIRECTIONAL);
	KUNIT_EXPECT_EQ(test, nr, BO_PAGES);
	KUNIT_EXPECT_EQ(test, wrong, 0);
}

/**
 * struct access_param - Who uses a BO whose dma-buf the CPU accesses
 * @desc: Name in the results.
 * @vmapped: The kernel.
 * @attached: Another device.
 * @mapped: That device's DMA.
 * @evicted: Nobody, the pages are gone.
 */
struct access_param {
	const char *desc;
	bool vmapped;
	bool attached;
	bool mapped;
	bool evicted;
};

static const struct access_param access_params[] = {
	{ "new" },
	{ "vmapped", .vmapped = true },
	{ "attached", .attached = true },
	{ "attached-mapped", .attached = true, .mapped = true },
	{ "evicted", .evicted = true },
};

KUNIT_ARRAY_PARAM_DESC(access, access_params, desc);

/*
 * The CPU accesses a dma-buf between a begin and an end.
 * Succeeds if both work and leave pages, pins and state as they were.
 */
static void cpu_access_changes_no_state(struct kunit *test)
{
	const struct access_param *param = test->param_value;
	struct panthor_gem_object *bo = panthor_kunit_bo(test, BO_SIZE);
	struct dma_buf *buf = export_bo(test, bo);
	struct dma_buf_attachment *attach = NULL;
	enum panthor_gem_reclaim_state state;
	struct sg_table *sgt = NULL;
	unsigned int pins;
	struct page **pages;

	if (param->vmapped)
		KUNIT_ASSERT_NOT_ERR_OR_NULL(test, panthor_kunit_vmap(test, bo));
	if (param->attached)
		attach = attach_to(test, buf);
	if (param->mapped)
		sgt = dma_buf_map_attachment_unlocked(attach, DMA_BIDIRECTIONAL);
	KUNIT_ASSERT_FALSE(test, IS_ERR(sgt));
	if (param->evicted) {
		panthor_kunit_make_resident(test, bo);
		KUNIT_ASSERT_EQ(test, panthor_kunit_scan(test, GFP_KERNEL, EVERYTHING), BO_PAGES);
	}

	pages = bo->backing.pages;
	state = bo->reclaim_state;
	pins = refcount_read(&bo->backing.pin_count);
	KUNIT_EXPECT_EQ(test, dma_buf_begin_cpu_access(buf, DMA_BIDIRECTIONAL), 0);
	KUNIT_EXPECT_EQ(test, dma_buf_end_cpu_access(buf, DMA_BIDIRECTIONAL), 0);
	if (sgt)
		dma_buf_unmap_attachment_unlocked(attach, sgt, DMA_BIDIRECTIONAL);

	KUNIT_EXPECT_PTR_EQ(test, bo->backing.pages, pages);
	KUNIT_EXPECT_EQ(test, refcount_read(&bo->backing.pin_count), pins);
	expect_bo_state(test, bo, state);
}

/*
 * A buffer of another driver (I27).
 * Succeeds if the BO has its size, lock and table, no pages or pins of its own,
 * and counts as resident.
 */
static void imported_bo_is_the_exporters(struct kunit *test)
{
	struct foreign_buf *buf = foreign_buf(test, BO_PAGES);
	struct panthor_gem_object *bo = foreign_import(test, buf);

	KUNIT_EXPECT_EQ(test, bo->base.size, BO_SIZE);
	KUNIT_EXPECT_PTR_EQ(test, bo->base.resv, buf->dmabuf->resv);
	KUNIT_EXPECT_NOT_NULL(test, bo->dmap.sgt);
	KUNIT_EXPECT_NULL(test, bo->backing.pages);
	KUNIT_EXPECT_EQ(test, panthor_gem_pin(bo), 0);
	KUNIT_EXPECT_EQ(test, refcount_read(&bo->backing.pin_count), 0);
	panthor_gem_unpin(bo);
	KUNIT_EXPECT_EQ(test, bo->base.funcs->status(&bo->base), DRM_GEM_OBJECT_RESIDENT);
	KUNIT_EXPECT_EQ(test, buf->maps, 1);
}

/*
 * The last reference of an imported BO goes.
 * Succeeds if the exporter has no attachment left.
 */
static void freed_import_detaches(struct kunit *test)
{
	struct drm_device *drm = &to_panthor_kunit(test)->ptdev->base;
	struct foreign_buf *buf = foreign_buf(test, BO_PAGES);
	struct drm_gem_object *obj = panthor_gem_prime_import(drm, buf->dmabuf);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, obj);
	drm_gem_object_put(obj);
	KUNIT_EXPECT_EQ(test, buf->maps, 0);
	KUNIT_EXPECT_EQ(test, buf->attachments, 0);
}

/*
 * The last step of an import fails.
 * Succeeds if the errno is the step's, the exporter has no attachment left, and
 * the next import works.
 */
static void failed_import_detaches(struct kunit *test)
{
	struct drm_device *drm = &to_panthor_kunit(test)->ptdev->base;
	struct foreign_buf *buf = foreign_buf(test, BO_PAGES);

	panthor_seam_fail_once(test, SEAM_MMAP_OFFSET, -ENOSPC);
	KUNIT_EXPECT_EQ(test, PTR_ERR_OR_ZERO(panthor_gem_prime_import(drm, buf->dmabuf)),
			-ENOSPC);
	KUNIT_EXPECT_EQ(test, buf->maps, 0);
	KUNIT_EXPECT_EQ(test, buf->attachments, 0);
	foreign_import(test, buf);
}

/*
 * There is no memory for the BO of an import; its caller takes what it gets for
 * a BO or an error (B07).
 * Succeeds if that is -ENOMEM, the exporter has no attachment left, and the next
 * import works.
 */
static void import_without_memory_for_a_bo_is_refused(struct kunit *test)
{
	struct drm_device *drm = &to_panthor_kunit(test)->ptdev->base;
	struct foreign_buf *buf = foreign_buf(test, BO_PAGES);

	panthor_seam_fail_once(test, SEAM_BO_ALLOC, -ENOMEM);
	KUNIT_EXPECT_EQ(test, PTR_ERR_OR_ZERO(panthor_gem_prime_import(drm, buf->dmabuf)),
			-ENOMEM);
	KUNIT_EXPECT_TRUE(test, panthor_seam_fired(SEAM_BO_ALLOC));
	KUNIT_EXPECT_EQ(test, buf->maps, 0);
	KUNIT_EXPECT_EQ(test, buf->attachments, 0);
	foreign_import(test, buf);
}

/*
 * A dma-buf is mapped from its second page on, as any file can be (B49).
 * Succeeds if the first page of the mapping is the second of the BO.
 */
static void mmap_of_exported_buffer_honours_its_offset(struct kunit *test)
{
	struct panthor_gem_object *bo =
		panthor_kunit_bo_flags(test, BO_SIZE, DRM_PANTHOR_BO_WB_MMAP);
	struct dma_buf *buf = export_bo(test, bo);
	unsigned long whole = panthor_kunit_mmap(test, bo), addr;
	u32 word;

	for (word = 0; word < BO_PAGES; word++)
		KUNIT_ASSERT_EQ(test, copy_to_user((void __user *)(whole + word * PAGE_SIZE),
						   &word, sizeof(word)), 0);

	addr = vm_mmap(buf->file, 0, BO_SIZE - PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED,
		       PAGE_SIZE);
	KUNIT_ASSERT_FALSE(test, IS_ERR_VALUE(addr));
	KUNIT_ASSERT_EQ(test, copy_from_user(&word, (void __user *)addr, sizeof(word)), 0);
	KUNIT_EXPECT_EQ(test, word, 1);
}

/*
 * The kernel maps an imported BO.
 * Succeeds if what it writes is in the exporter's pages, and nothing is pinned.
 */
static void vmap_of_imported_bo_is_the_exporters(struct kunit *test)
{
	struct foreign_buf *buf = foreign_buf(test, BO_PAGES);
	struct panthor_gem_object *bo = foreign_import(test, buf);
	struct iosys_map map;

	KUNIT_ASSERT_EQ(test, drm_gem_vmap(&bo->base, &map), 0);
	memset(map.vaddr, 0xc3, BO_SIZE);
	KUNIT_EXPECT_NULL(test, bo->cmap.vaddr);
	drm_gem_vunmap(&bo->base, &map);
	for (unsigned int i = 0; i < BO_PAGES; i++)
		KUNIT_EXPECT_NULL(test, memchr_inv(page_address(buf->pages[i]), 0xc3, PAGE_SIZE));
}

/*
 * Caches of a foreign buffer are its exporter's business.
 * Succeeds if BO_SYNC refuses an imported BO.
 */
static void sync_of_imported_bo_is_refused(struct kunit *test)
{
	struct panthor_gem_object *bo = foreign_import(test, foreign_buf(test, BO_PAGES));

	KUNIT_EXPECT_EQ(test, panthor_gem_sync(&bo->base, DRM_PANTHOR_BO_SYNC_CPU_CACHE_FLUSH,
					       0, BO_SIZE), -EINVAL);
}

/*
 * Reclaim comes while a VM maps an imported BO, whose pages are not panthor's
 * to give away (I27).
 * Succeeds if it is on no LRU, nothing is freed, and the GPU still finds the
 * exporter's pages.
 */
static void imported_bo_is_never_evicted(struct kunit *test)
{
	struct foreign_buf *buf = foreign_buf(test, BO_PAGES);
	struct panthor_gem_object *bo = foreign_import(test, buf);
	struct panthor_vm *vm = panthor_kunit_vm(test);

	panthor_kunit_map(test, vm, bo, VA(0));
	expect_bo_state(test, bo, PANTHOR_GEM_UNRECLAIMABLE);
	expect_on_lru(test, bo, NULL);

	KUNIT_EXPECT_EQ(test, panthor_kunit_scan(test, GFP_KERNEL, EVERYTHING), SHRINK_STOP);
	KUNIT_EXPECT_FALSE(test, vm_evicted(vm, bo));
	for (unsigned int i = 0; i < BO_PAGES; i++)
		KUNIT_EXPECT_EQ(test, vm_walk_phys(vm, VA(0) + i * PAGE_SIZE),
				page_to_phys(buf->pages[i]));
}

/*
 * A small part of a small imported BO is unmapped: no huge page could be there.
 * Succeeds if the rest leads where it did.
 */
static void mapping_of_imported_bo_can_be_split(struct kunit *test)
{
	struct foreign_buf *buf = foreign_buf(test, BO_PAGES);
	struct panthor_gem_object *bo = foreign_import(test, buf);
	struct panthor_vm *vm = panthor_kunit_vm(test);

	panthor_kunit_map(test, vm, bo, VA(0) + PAGE_SIZE);
	KUNIT_ASSERT_EQ(test, panthor_vm_unmap_range(vm, VA(0) + 2 * PAGE_SIZE, PAGE_SIZE), 0);
	KUNIT_EXPECT_EQ(test, vm_walk_ptes(vm, VA(0), BO_SIZE + PAGE_SIZE),
			BO_PTES - PAGE_SIZE / SZ_4K);
	KUNIT_EXPECT_EQ(test, vm_walk_phys(vm, VA(0) + PAGE_SIZE), page_to_phys(buf->pages[0]));
	KUNIT_EXPECT_EQ(test, vm_walk_phys(vm, VA(0) + 3 * PAGE_SIZE),
			page_to_phys(buf->pages[2]));
}

static struct kunit_case gem_prime_cases[] = {
	KUNIT_CASE(export_allocates_no_pages),
	KUNIT_CASE(export_of_private_bo_is_refused),
	KUNIT_CASE(import_of_own_buffer_is_the_bo),
	KUNIT_CASE(attachment_pins),
	KUNIT_CASE(each_attachment_has_its_pin),
	KUNIT_CASE(failed_attach_pins_nothing),
	KUNIT_CASE_PARAM(attached_bo_is_not_evicted, kind_gen_params),
	KUNIT_CASE(attachment_brings_evicted_bo_back),
	KUNIT_CASE(attachment_maps_all_pages_in_order),
	KUNIT_CASE_PARAM(cpu_access_changes_no_state, access_gen_params),
	KUNIT_CASE(imported_bo_is_the_exporters),
	KUNIT_CASE(freed_import_detaches),
	KUNIT_CASE(failed_import_detaches),
	KUNIT_CASE(import_without_memory_for_a_bo_is_refused),
	KUNIT_CASE(mmap_of_exported_buffer_honours_its_offset),
	KUNIT_CASE(vmap_of_imported_bo_is_the_exporters),
	KUNIT_CASE(sync_of_imported_bo_is_refused),
	KUNIT_CASE(imported_bo_is_never_evicted),
	KUNIT_CASE(mapping_of_imported_bo_can_be_split),
	{}
};

static struct kunit_suite gem_prime_suite = {
	.name = "panthor_gem_prime",
	.init = reclaim_init,
	.exit = panthor_kunit_exit,
	.suite_exit = panthor_kunit_suite_exit,
	.test_cases = gem_prime_cases,
};

kunit_test_suite(gem_prime_suite);

MODULE_IMPORT_NS("DMA_BUF");
