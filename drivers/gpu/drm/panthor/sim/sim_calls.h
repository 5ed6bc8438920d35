/* SPDX-License-Identifier: GPL-2.0-only */
/* What the seam tells the model of pages and the CPU's cache: see sim_dma.c. */

#ifndef __SIM_CALLS_H__
#define __SIM_CALLS_H__

#include <linux/dma-direction.h>
#include <linux/mm_types.h>

struct device;
struct sg_table;

void panthor_sim_pages_new(struct device *dev, struct page **pages, unsigned long count);
void panthor_sim_pages_gone(struct device *dev, struct page **pages, unsigned long count);
void panthor_sim_user_maps(const struct vm_area_struct *vma, unsigned long pfn,
			   unsigned long count);
void panthor_sim_kernel_maps(struct page **pages, unsigned long count, pgprot_t prot);
pgprot_t panthor_sim_writecombine(pgprot_t *prot);
void panthor_sim_dma_range(struct device *dev, dma_addr_t addr, size_t size,
			   enum dma_data_direction dir, bool to_device);
void panthor_sim_dma_table(struct device *dev, struct sg_table *sgt,
			   enum dma_data_direction dir, bool to_device);

#endif
