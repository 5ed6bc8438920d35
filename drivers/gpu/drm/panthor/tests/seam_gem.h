/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef __PANTHOR_TESTS_SEAM_GEM_H__
#define __PANTHOR_TESTS_SEAM_GEM_H__

/*
 * Force included into panthor_gem.o. Each header that declares or uses one of
 * the names comes first, so that only the driver's own calls are renamed. The
 * macros take arguments: struct members of the same name stay what they are.
 */

#include <linux/dma-buf.h>
#include <linux/dma-mapping.h>
#include <linux/dma-resv.h>
#include <linux/kref.h>
#include <linux/refcount.h>
#include <linux/slab.h>
#include <linux/swap.h>
#include <linux/vmalloc.h>

#include <drm/drm_gem.h>
#include <drm/drm_gpuvm.h>
#include <drm/drm_prime.h>
#include <drm/drm_vma_manager.h>

struct panthor_device;
struct panthor_vm;

int panthor_seam_gem_object_init(struct drm_device *dev,
				 struct drm_gem_object *obj, size_t size);
int panthor_seam_create_mmap_offset(struct drm_gem_object *obj);
struct page **panthor_seam_get_pages(struct drm_gem_object *obj);
void panthor_seam_put_pages(struct drm_gem_object *obj, struct page **pages,
			    bool dirty, bool accessed);
struct sg_table *panthor_seam_pages_to_sg(struct drm_device *dev,
					  struct page **pages,
					  unsigned int nr_pages);
int panthor_seam_dma_map(struct device *dev, struct sg_table *sgt,
			 enum dma_data_direction dir, unsigned long attrs);
void panthor_seam_dma_unmap(struct device *dev, struct sg_table *sgt,
			    enum dma_data_direction dir, unsigned long attrs);
void panthor_seam_sync_single_device(struct device *dev, dma_addr_t addr, size_t size,
				     enum dma_data_direction dir);
void panthor_seam_sync_single_cpu(struct device *dev, dma_addr_t addr, size_t size,
				  enum dma_data_direction dir);
void panthor_seam_sync_sgt_device(struct device *dev, struct sg_table *sgt,
				  enum dma_data_direction dir);
void panthor_seam_sync_sgt_cpu(struct device *dev, struct sg_table *sgt,
			       enum dma_data_direction dir);
void panthor_seam_cpu_unmap(struct drm_vma_offset_node *node, struct address_space *mapping);
int panthor_seam_bo_alloc(void);
void *panthor_seam_vmap(struct page **pages, unsigned int count,
			unsigned long flags, pgprot_t prot);
void panthor_seam_vunmap(const void *addr);
long panthor_seam_nr_swap_pages(void);
long panthor_seam_fence_wait(struct dma_resv *resv, enum dma_resv_usage usage,
			     bool intr, unsigned long timeout);
int panthor_seam_resv_lock(struct dma_resv *resv, struct ww_acquire_ctx *ctx);
int panthor_seam_resv_lock_intr(struct dma_resv *resv, struct ww_acquire_ctx *ctx);
void panthor_seam_count_set(refcount_t *count, int value);
int panthor_seam_handle_create(struct drm_file *file, struct drm_gem_object *obj, u32 *handle);
unsigned long panthor_seam_lru_scan(struct drm_device *dev, struct drm_gem_lru *lru,
				    unsigned int nr_to_scan, unsigned long *remaining,
				    bool (*shrink)(struct drm_gem_object *obj,
						   struct ww_acquire_ctx *ticket),
				    struct ww_acquire_ctx *ticket);

#define drm_gem_object_init(dev, obj, size) \
	panthor_seam_gem_object_init(dev, obj, size)
#define drm_gem_create_mmap_offset(obj)	panthor_seam_create_mmap_offset(obj)
#define drm_gem_get_pages(obj)		panthor_seam_get_pages(obj)
#define drm_gem_put_pages(obj, pages, dirty, accessed) \
	panthor_seam_put_pages(obj, pages, dirty, accessed)
#define drm_prime_pages_to_sg(dev, pages, nr_pages) \
	panthor_seam_pages_to_sg(dev, pages, nr_pages)
#define dma_map_sgtable(dev, sgt, dir, attrs) \
	panthor_seam_dma_map(dev, sgt, dir, attrs)
#define dma_unmap_sgtable(dev, sgt, dir, attrs) \
	panthor_seam_dma_unmap(dev, sgt, dir, attrs)
#define dma_sync_single_for_device(dev, addr, size, dir) \
	panthor_seam_sync_single_device(dev, addr, size, dir)
#define dma_sync_single_for_cpu(dev, addr, size, dir) \
	panthor_seam_sync_single_cpu(dev, addr, size, dir)
#define dma_sync_sgtable_for_device(dev, sgt, dir) \
	panthor_seam_sync_sgt_device(dev, sgt, dir)
#define dma_sync_sgtable_for_cpu(dev, sgt, dir) \
	panthor_seam_sync_sgt_cpu(dev, sgt, dir)
#define drm_vma_node_unmap(node, mapping)	panthor_seam_cpu_unmap(node, mapping)
#define vmap(pages, count, flags, prot)	panthor_seam_vmap(pages, count, flags, prot)
#define vunmap(addr)			panthor_seam_vunmap(addr)
#define get_nr_swap_pages()		panthor_seam_nr_swap_pages()
#define dma_resv_wait_timeout(resv, usage, intr, timeout) \
	panthor_seam_fence_wait(resv, usage, intr, timeout)
#define dma_resv_lock(resv, ctx)		panthor_seam_resv_lock(resv, ctx)
#define refcount_set(count, value)		panthor_seam_count_set(count, value)
#define drm_gem_lru_scan(dev, lru, nr, remaining, shrink, ticket) \
	panthor_seam_lru_scan(dev, lru, nr, remaining, shrink, ticket)
#define dma_resv_lock_interruptible(resv, ctx) \
	panthor_seam_resv_lock_intr(resv, ctx)
#define drm_gem_handle_create(file, obj, handle) \
	panthor_seam_handle_create(file, obj, handle)

#undef kzalloc_obj
#define kzalloc_obj(P, ...) \
	(panthor_seam_bo_alloc() ? NULL : \
	 __alloc_objs(kzalloc, default_gfp(__VA_ARGS__), typeof(P), 1))

/* Also renames the prototype in panthor_fw.h, which is the point. */
#define panthor_fw_vm(ptdev)		panthor_seam_fw_vm(ptdev)

#endif
