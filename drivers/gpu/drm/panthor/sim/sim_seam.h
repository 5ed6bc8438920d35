/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Forced include of the driver's objects, ahead of their own includes: register
 * accesses, and the one call that maps registers, go to the software GPU. What is
 * done to pages of BOs and to the CPU's cache is done as ever, and the model is told.
 *
 * The headers come first, so that their own uses of the names stay as they are.
 */

#ifndef __SIM_SEAM_H__
#define __SIM_SEAM_H__

#include <linux/dma-buf.h>
#include <linux/dma-mapping.h>
#include <linux/io.h>
#include <linux/iopoll.h>
#include <linux/mm.h>
#include <linux/pgtable.h>
#include <linux/platform_device.h>
#include <linux/scatterlist.h>
#include <linux/vmalloc.h>

#include <drm/drm_device.h>
#include <drm/drm_gem.h>

#include "sim_calls.h"

u32 panthor_sim_readl(const volatile void __iomem *addr);
void panthor_sim_writel(u32 value, volatile void __iomem *addr);
void __iomem *panthor_sim_ioremap(struct platform_device *pdev, unsigned int index,
				  struct resource **res);

#undef readl
#undef readl_relaxed
#undef writel
#undef writel_relaxed
#define readl(addr) panthor_sim_readl(addr)
#define readl_relaxed(addr) panthor_sim_readl(addr)
#define writel(value, addr) panthor_sim_writel(value, addr)
#define writel_relaxed(value, addr) panthor_sim_writel(value, addr)

#define devm_platform_get_and_ioremap_resource(pdev, index, res) \
	panthor_sim_ioremap(pdev, index, res)

/* An access of another kind has to be modelled first: this fails to compile. */
#undef readb
#undef readw
#undef readq
#undef writeb
#undef writew
#undef writeq
#define readb(addr) panthor_sim_has_no_readb(addr)
#define readw(addr) panthor_sim_has_no_readw(addr)
#define readq(addr) panthor_sim_has_no_readq(addr)
#define writeb(value, addr) panthor_sim_has_no_writeb(value, addr)
#define writew(value, addr) panthor_sim_has_no_writew(value, addr)
#define writeq(value, addr) panthor_sim_has_no_writeq(value, addr)

static inline struct page **sim_seam_get_pages(struct drm_gem_object *obj)
{
	struct page **pages = drm_gem_get_pages(obj);

	if (!IS_ERR(pages))
		panthor_sim_pages_new(obj->dev->dev, pages, obj->size >> PAGE_SHIFT);
	return pages;
}

static inline void sim_seam_put_pages(struct drm_gem_object *obj, struct page **pages,
				      bool dirty, bool accessed)
{
	panthor_sim_pages_gone(obj->dev->dev, pages, obj->size >> PAGE_SHIFT);
	drm_gem_put_pages(obj, pages, dirty, accessed);
}

static inline int sim_seam_dma_map(struct device *dev, struct sg_table *sgt,
				   enum dma_data_direction dir, unsigned long attrs)
{
	int ret = dma_map_sgtable(dev, sgt, dir, attrs);

	if (!ret && !(attrs & DMA_ATTR_SKIP_CPU_SYNC))
		panthor_sim_dma_table(dev, sgt, dir, true);
	return ret;
}

static inline void sim_seam_dma_unmap(struct device *dev, struct sg_table *sgt,
				      enum dma_data_direction dir, unsigned long attrs)
{
	if (!(attrs & DMA_ATTR_SKIP_CPU_SYNC))
		panthor_sim_dma_table(dev, sgt, dir, false);
	dma_unmap_sgtable(dev, sgt, dir, attrs);
}

static inline void sim_seam_sync_sgt_device(struct device *dev, struct sg_table *sgt,
					    enum dma_data_direction dir)
{
	dma_sync_sgtable_for_device(dev, sgt, dir);
	panthor_sim_dma_table(dev, sgt, dir, true);
}

static inline void sim_seam_sync_sgt_cpu(struct device *dev, struct sg_table *sgt,
					 enum dma_data_direction dir)
{
	dma_sync_sgtable_for_cpu(dev, sgt, dir);
	panthor_sim_dma_table(dev, sgt, dir, false);
}

static inline void sim_seam_sync_device(struct device *dev, dma_addr_t addr, size_t size,
					enum dma_data_direction dir)
{
	dma_sync_single_for_device(dev, addr, size, dir);
	panthor_sim_dma_range(dev, addr, size, dir, true);
}

static inline void sim_seam_sync_cpu(struct device *dev, dma_addr_t addr, size_t size,
				     enum dma_data_direction dir)
{
	dma_sync_single_for_cpu(dev, addr, size, dir);
	panthor_sim_dma_range(dev, addr, size, dir, false);
}

static inline void *sim_seam_vmap(struct page **pages, unsigned int count, unsigned long flags,
				  pgprot_t prot)
{
	panthor_sim_kernel_maps(pages, count, prot);
	return vmap(pages, count, flags, prot);
}

static inline vm_fault_t sim_seam_insert(struct vm_area_struct *vma, unsigned long addr,
					 unsigned long pfn)
{
	panthor_sim_user_maps(vma, pfn, 1);
	return vmf_insert_pfn(vma, addr, pfn);
}

static inline vm_fault_t sim_seam_insert_prot(struct vm_area_struct *vma, unsigned long addr,
					      unsigned long pfn, pgprot_t prot)
{
	panthor_sim_user_maps(vma, pfn, 1);
	return vmf_insert_pfn_prot(vma, addr, pfn, prot);
}

#ifdef CONFIG_ARCH_SUPPORTS_PMD_PFNMAP
static inline vm_fault_t sim_seam_insert_pmd(struct vm_fault *vmf, unsigned long pfn, bool write)
{
	panthor_sim_user_maps(vmf->vma, pfn, PMD_SIZE >> PAGE_SHIFT);
	return vmf_insert_pfn_pmd(vmf, pfn, write);
}

#define vmf_insert_pfn_pmd(vmf, pfn, write)	sim_seam_insert_pmd(vmf, pfn, write)
#endif

/* With arguments, as members of the same names stay what they are. */
#define drm_gem_get_pages(obj)			sim_seam_get_pages(obj)
#define drm_gem_put_pages(obj, pages, dirty, accessed) \
	sim_seam_put_pages(obj, pages, dirty, accessed)
#undef dma_map_sgtable
#undef dma_unmap_sgtable
#undef dma_sync_sgtable_for_device
#undef dma_sync_sgtable_for_cpu
#undef dma_sync_single_for_device
#undef dma_sync_single_for_cpu
#define dma_map_sgtable(dev, sgt, dir, attrs)	sim_seam_dma_map(dev, sgt, dir, attrs)
#define dma_unmap_sgtable(dev, sgt, dir, attrs)	sim_seam_dma_unmap(dev, sgt, dir, attrs)
#define dma_sync_sgtable_for_device(dev, sgt, dir) sim_seam_sync_sgt_device(dev, sgt, dir)
#define dma_sync_sgtable_for_cpu(dev, sgt, dir)	sim_seam_sync_sgt_cpu(dev, sgt, dir)
#define dma_sync_single_for_device(dev, addr, size, dir) sim_seam_sync_device(dev, addr, size, dir)
#define dma_sync_single_for_cpu(dev, addr, size, dir) sim_seam_sync_cpu(dev, addr, size, dir)
#define vmf_insert_pfn(vma, addr, pfn)		sim_seam_insert(vma, addr, pfn)
#define vmf_insert_pfn_prot(vma, addr, pfn, prot) sim_seam_insert_prot(vma, addr, pfn, prot)
#define vmap(pages, count, flags, prot)		sim_seam_vmap(pages, count, flags, prot)
#undef pgprot_writecombine
#define pgprot_writecombine(prot)		panthor_sim_writecombine(&(prot))

#endif
