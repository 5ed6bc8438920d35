// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the driver does to pages and the CPU's cache, told by the seam: see
 * sim_seam.h. There is one cache, whatever the number of GPUs that do not snoop it.
 *
 * DMA addresses are physical ones: no machine that a software GPU runs on has an
 * IOMMU for it, or less memory than it can address.
 *
 * What the DMA API leaves open is taken as the least: a buffer that the device only
 * writes need not be cleaned for it, one that it only reads not be invalidated.
 */

#include <linux/dma-direction.h>
#include <linux/errno.h>
#include <linux/mm.h>
#include <linux/pgtable.h>
#include <linux/scatterlist.h>
#include <linux/sched/task_stack.h>
#include <linux/string.h>

#include "sim.h"
#include "sim_calls.h"
#include "sim_dma.h"
#include "sim_io.h"

/*
 * UML has nothing but cached mappings. Bits for which it has no use say which ones
 * should not be: in a VMA's flags, as its protection is made anew from those, and in
 * the protection of a mapping of the kernel.
 */
#define VM_WC		BIT_ULL(33)
#define PROT_WC		0x200UL

static struct sim_cache *the_cache;

/**
 * sim_dma_init() - Have a cache
 * @seed: Its seed.
 * @mode: What it does by itself; "off" for no cache.
 *
 * Context: Process.
 *
 * Return: 0, -EINVAL for an unknown mode, or -ENOMEM.
 */
int sim_dma_init(u32 seed, const char *mode)
{
	enum sim_cache_mode value;

	if (!strcmp(mode, "off"))
		return 0;
	if (sim_cache_mode_parse(mode, &value))
		return -EINVAL;

	the_cache = sim_cache_create(seed, value);
	return the_cache ? 0 : -ENOMEM;
}

/**
 * sim_dma_fini() - Free the cache; there is no driver any more
 *
 * Context: Process.
 */
void sim_dma_fini(void)
{
	sim_cache_destroy(the_cache);
	the_cache = NULL;
}

/**
 * sim_dma_cache() - The CPU's cache
 *
 * Context: Any.
 *
 * Return: The cache, or NULL if there is none.
 */
struct sim_cache *sim_dma_cache(void)
{
	return the_cache;
}

/**
 * panthor_sim_pages_new() - The driver got pages for a BO
 * @dev: Its device.
 * @pages: The pages.
 * @count: Their number.
 *
 * Context: Process.
 */
void panthor_sim_pages_new(struct device *dev, struct page **pages, unsigned long count)
{
	struct sim_cache *cache = sim_io_cache(dev);

	if (cache)
		sim_cache_add(cache, pages, count);
}
EXPORT_SYMBOL_GPL(panthor_sim_pages_new);

/**
 * panthor_sim_pages_gone() - The driver gives them back
 * @dev: Its device.
 * @pages: The pages.
 * @count: Their number.
 *
 * Context: Process, reclaim included.
 */
void panthor_sim_pages_gone(struct device *dev, struct page **pages, unsigned long count)
{
	struct sim_cache *cache = sim_io_cache(dev);

	if (cache)
		sim_cache_remove(cache, pages, count);
}
EXPORT_SYMBOL_GPL(panthor_sim_pages_gone);

static void cpu_maps(unsigned long pfn, unsigned long count, bool cached)
{
	for (unsigned long i = 0; the_cache && i < count; i++)
		sim_cache_cpu_maps(the_cache, pfn + i, cached);
}

#ifndef CONFIG_UML
static bool is_cached(pgprot_t prot)
{
	return pgprot_val(prot) != pgprot_val(pgprot_writecombine(prot));
}
#endif

/**
 * panthor_sim_user_maps() - The driver inserts pages in a mapping of user space
 * @vma: The mapping.
 * @pfn: The first page; need not be one of a BO.
 * @count: Their number.
 *
 * Context: Process.
 */
void panthor_sim_user_maps(const struct vm_area_struct *vma, unsigned long pfn,
			   unsigned long count)
{
#ifdef CONFIG_UML
	cpu_maps(pfn, count, !(vma->vm_flags & VM_WC));
#else
	cpu_maps(pfn, count, is_cached(vma->vm_page_prot));
#endif
}
EXPORT_SYMBOL_GPL(panthor_sim_user_maps);

/**
 * panthor_sim_kernel_maps() - The driver maps pages into the kernel
 * @pages: The pages.
 * @count: Their number.
 * @prot: How.
 *
 * Context: Process.
 */
void panthor_sim_kernel_maps(struct page **pages, unsigned long count, pgprot_t prot)
{
#ifdef CONFIG_UML
	bool cached = !(pgprot_val(prot) & PROT_WC);
#else
	bool cached = is_cached(prot);
#endif

	for (unsigned long i = 0; i < count; i++)
		cpu_maps(page_to_pfn(pages[i]), 1, cached);
}
EXPORT_SYMBOL_GPL(panthor_sim_kernel_maps);

/**
 * panthor_sim_writecombine() - pgprot_writecombine() of the driver
 * @prot: How something is mapped: a VMA's own, or a variable on the stack.
 *
 * Context: Process.
 *
 * Return: The same, but around the cache.
 */
pgprot_t panthor_sim_writecombine(pgprot_t *prot)
{
#ifdef CONFIG_UML
	if (object_is_on_stack(prot))
		return __pgprot(pgprot_val(*prot) | PROT_WC);

	vm_flags_set(container_of(prot, struct vm_area_struct, vm_page_prot), VM_WC);
	return *prot;
#else
	return pgprot_writecombine(*prot);
#endif
}
EXPORT_SYMBOL_GPL(panthor_sim_writecombine);

/**
 * panthor_sim_dma_range() - The driver hands a range to the device, or back
 * @dev: Its device.
 * @addr: DMA address.
 * @size: Number of bytes.
 * @dir: Who writes it meanwhile.
 * @to_device: Which of the two.
 *
 * Context: Any.
 */
void panthor_sim_dma_range(struct device *dev, dma_addr_t addr, size_t size,
			   enum dma_data_direction dir, bool to_device)
{
	struct sim_cache *cache = sim_io_cache(dev);

	if (cache && to_device && dir != DMA_FROM_DEVICE)
		sim_cache_clean(cache, addr, size);
	if (cache && !to_device && dir != DMA_TO_DEVICE)
		sim_cache_invalidate(cache, addr, size);
}
EXPORT_SYMBOL_GPL(panthor_sim_dma_range);

/**
 * panthor_sim_dma_table() - The driver hands a table of pages to the device, or back
 * @dev: Its device.
 * @sgt: The table.
 * @dir: As for panthor_sim_dma_range().
 * @to_device: As there.
 *
 * Context: Any.
 */
void panthor_sim_dma_table(struct device *dev, struct sg_table *sgt,
			   enum dma_data_direction dir, bool to_device)
{
	struct scatterlist *sg;
	unsigned int i;

	for_each_sgtable_sg(sgt, sg, i)
		panthor_sim_dma_range(dev, sg_phys(sg), sg->length, dir, to_device);
}
EXPORT_SYMBOL_GPL(panthor_sim_dma_table);
