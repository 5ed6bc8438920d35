/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef __PANTHOR_TESTS_SEAM_MMU_H__
#define __PANTHOR_TESTS_SEAM_MMU_H__

/*
 * Force included into panthor_mmu.o: registers are plain memory of the fixture,
 * or what a test puts behind them, and there is no interrupt line to ask for.
 * Accessors the driver does not use today are made to fail the build, so that a
 * new one cannot bypass the seam.
 */

#include <linux/interrupt.h>
#include <linux/io.h>
#include <linux/io-pgtable.h>
#include <linux/iopoll.h>
#include <linux/platform_device.h>
#include <linux/dma-resv.h>
#include <linux/slab.h>

#include <drm/drm_exec.h>
#include <drm/drm_file.h>
#include <drm/drm_gem.h>
#include <drm/drm_gpuvm.h>
#include <drm/drm_mm.h>

#include "watch.h"

struct panthor_device;

u32 panthor_seam_readl(const void __iomem *addr);
void panthor_seam_writel(u32 value, void __iomem *addr);
int panthor_seam_get_irq(struct platform_device *pdev, const char *name);
int panthor_seam_request_irq(struct device *dev, unsigned int irq,
			     irq_handler_t handler, irq_handler_t thread_fn,
			     unsigned long flags, const char *name, void *data);
struct io_pgtable_ops *panthor_seam_pgtable_alloc(enum io_pgtable_fmt fmt,
						  struct io_pgtable_cfg *cfg,
						  void *cookie);
void panthor_seam_pgtable_free(struct io_pgtable_ops *ops);
int panthor_seam_flush_caches(struct panthor_device *ptdev, u32 l2, u32 lsc,
			      u32 other);
bool panthor_seam_pt_bulk(struct kmem_cache *cache, gfp_t gfp, size_t count, void **objs);
struct drm_gpuvm_bo *panthor_seam_vm_bo_create(struct drm_gpuvm *gpuvm,
					       struct drm_gem_object *obj);
void panthor_seam_kfree(const void *obj);
void *panthor_seam_kzalloc(size_t size, gfp_t gfp);
struct list_head *panthor_seam_va_step(struct list_head *head);
int panthor_seam_va_insert(struct drm_mm *mm, struct drm_mm_node *node, u64 size,
			   u64 alignment, unsigned long color, u64 start, u64 end,
			   enum drm_mm_insert_mode mode);
int panthor_seam_resv_lock(struct dma_resv *resv, struct ww_acquire_ctx *ctx);
unsigned long panthor_seam_lru_scan(struct drm_device *dev, struct drm_gem_lru *lru,
				    unsigned int nr_to_scan, unsigned long *remaining,
				    bool (*shrink)(struct drm_gem_object *obj,
						   struct ww_acquire_ctx *ticket),
				    struct ww_acquire_ctx *ticket);

#undef readl
#undef readl_relaxed
#undef writel
#undef writel_relaxed
#define readl(addr)			panthor_seam_readl(addr)
#define readl_relaxed(addr)		panthor_seam_readl(addr)
#define writel(value, addr)		panthor_seam_writel(value, addr)
#define writel_relaxed(value, addr)	panthor_seam_writel(value, addr)

#undef readb
#undef readw
#undef readq
#undef writeb
#undef writew
#undef writeq
#define readb(addr)			panthor_seam_has_no_8bit_mmio(addr)
#define readw(addr)			panthor_seam_has_no_16bit_mmio(addr)
#define readq(addr)			panthor_seam_has_no_64bit_mmio(addr)
#define writeb(value, addr)		panthor_seam_has_no_8bit_mmio(value, addr)
#define writew(value, addr)		panthor_seam_has_no_16bit_mmio(value, addr)
#define writeq(value, addr)		panthor_seam_has_no_64bit_mmio(value, addr)

#define platform_get_irq_byname(pdev, name) panthor_seam_get_irq(pdev, name)
#define devm_request_threaded_irq(dev, irq, handler, thread_fn, flags, name, data) \
	panthor_seam_request_irq(dev, irq, handler, thread_fn, flags, name, data)
#define synchronize_irq(irq)		((void)(irq))
#define alloc_io_pgtable_ops(fmt, cfg, cookie) \
	panthor_seam_pgtable_alloc(fmt, cfg, cookie)
#define free_io_pgtable_ops(ops)	panthor_seam_pgtable_free(ops)

/* Also renames the prototype in panthor_gpu.h, as panthor_fw_vm() in seam_gem.h. */
#define panthor_gpu_flush_caches(ptdev, l2, lsc, other) \
	panthor_seam_flush_caches(ptdev, l2, lsc, other)

#undef kmem_cache_alloc_bulk
#define kmem_cache_alloc_bulk(cache, gfp, count, objs) \
	panthor_seam_pt_bulk(cache, gfp, count, objs)

#define kmem_cache_free(cache, p)	panthor_watch_pt_free(cache, p)
#define kmem_cache_free_bulk(cache, count, objs) \
	panthor_watch_pt_free_bulk(cache, count, objs)

#define drm_gpuvm_bo_create(gpuvm, obj)	panthor_seam_vm_bo_create(gpuvm, obj)
#define drm_mm_insert_node_in_range(mm, node, size, alignment, color, start, end, mode) \
	panthor_seam_va_insert(mm, node, size, alignment, color, start, end, mode)

/*
 * What kzalloc_obj() and the like come down to. What the driver makes here it
 * frees here: the numbers have to balance.
 */
#undef kzalloc
#define kzalloc(size, gfp)		panthor_seam_kzalloc(size, gfp)
#define kfree(obj)			panthor_seam_kfree(obj)

/* As the original, which looks at the head at the beginning and in each step. */
#undef drm_gpuvm_bo_for_each_va
#define drm_gpuvm_bo_for_each_va(va, vm_bo) \
	list_for_each_entry(va, panthor_seam_va_step(&(vm_bo)->list.gpuva), gem.entry)

#define dma_resv_lock(resv, ctx)		panthor_seam_resv_lock(resv, ctx)
#define drm_gem_lru_scan(dev, lru, nr, remaining, shrink, ticket) \
	panthor_seam_lru_scan(dev, lru, nr, remaining, shrink, ticket)

#endif
