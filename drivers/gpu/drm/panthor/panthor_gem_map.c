// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * CPU mappings of a BO: those of user space, which get their pages by faults and
 * may lose them to reclaim, and the kernel's one, which pins.
 *
 * Locks:
 *	mmap_lock, or the VMA's, is held in front of the resv. A fault that has to
 *	wait for the resv or for memory lets go of it if it may, and is retried.
 *	Entries are inserted with the resv held, so that a BO whose resv is held, and
 *	whose entries were removed, gets no new ones.
 *	The first and the last VMA are counted under the resv, in a section
 *	(panthor_gem_priv.h), those in between without.
 */

#include <linux/align.h>
#include <linux/dma-buf.h>
#include <linux/dma-resv.h>
#include <linux/err.h>
#include <linux/huge_mm.h>
#include <linux/iosys-map.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/mmap_lock.h>
#include <linux/pgtable.h>
#include <linux/vmalloc.h>

#include <drm/drm_gem.h>
#include <drm/drm_print.h>
#include <drm/drm_vma_manager.h>
#include <drm/panthor_drm.h>

#include "panthor_gem_priv.h"

/* Pages that a fault maps, aligned; a power of two. */
#define FAULT_AROUND_PAGES	64UL

/**
 * panthor_gem_maps_wc() - Whether the CPU maps a BO write-combined
 * @bo: The BO.
 *
 * Pages are zeroed through the kernel's cached mapping. On a device that does not
 * snoop, mapping them for DMA is what brings the zeroes to memory; on one that does
 * it is nothing, and another attribute would expose what was in memory before.
 *
 * Context: Any.
 *
 * Return: true if it does, false if mappings are cached.
 */
bool panthor_gem_maps_wc(const struct panthor_gem_object *bo)
{
	return !panthor_gem_device(bo)->coherent && !(bo->flags & DRM_PANTHOR_BO_WB_MMAP);
}

/* The pages may be mapped: they are there and what was zeroed is in memory. */
static bool mappable(const struct panthor_gem_object *bo)
{
	return bo->backing.pages && (bo->dmap.sgt || !panthor_gem_maps_wc(bo));
}

static int make_mappable(const struct panthor_gem_section *s)
{
	return panthor_gem_maps_wc(s->bo) ? panthor_gem_pages_map_dma(s) : panthor_gem_pages_get(s);
}

/*
 * The page of the BO at an address. A VMA need not begin with the first page, and one
 * that was split does not; its offset always is one in the space of the device.
 */
static pgoff_t fault_page(const struct vm_fault *vmf, const struct panthor_gem_object *bo)
{
	return vmf->pgoff - drm_vma_node_start(&bo->base.vma_node);
}

/*
 * Where the CPU does not set dirty bits, clean entries of a writable mapping fault
 * once more, each for itself. Nobody else looks at the bit: all pages are given back
 * dirty.
 */
static pgprot_t entry_prot(struct vm_area_struct *vma)
{
	pgprot_t prot = vma->vm_page_prot, dirty;

	if (!(vma->vm_flags & VM_WRITE))
		return prot;

	/* Nothing, on architectures that cannot tell. */
	dirty = pte_pgprot(pte_mkdirty(pfn_pte(0, prot)));
	return pgprot_val(dirty) ? dirty : prot;
}

/*
 * All pages of a BO come together: where one was touched others will be, and the
 * fault has found them too. What cannot be inserted waits for its own fault.
 */
static vm_fault_t insert_around(struct vm_fault *vmf, const struct panthor_gem_object *bo,
				pgoff_t page)
{
	struct vm_area_struct *vma = vmf->vma;
	/* All of the window is in one page table, which the first insertion makes. */
	const unsigned long window = min(FAULT_AROUND_PAGES << PAGE_SHIFT, PMD_SIZE);
	unsigned long addr = vmf->address & PAGE_MASK;
	unsigned long before = min(addr - max(ALIGN_DOWN(addr, window), vma->vm_start),
				   page << PAGE_SHIFT);
	unsigned long behind = min(min(ALIGN_DOWN(addr, window) + window, vma->vm_end) - addr,
				   (panthor_gem_nr_pages(bo) - page) << PAGE_SHIFT);
	unsigned long first = addr - before, end = addr + behind;
	pgprot_t prot = entry_prot(vma);
	vm_fault_t ret;

	ret = vmf_insert_pfn_prot(vma, addr, page_to_pfn(bo->backing.pages[page]), prot);
	if (ret != VM_FAULT_NOPAGE)
		return ret;

	page -= before >> PAGE_SHIFT;
	for (unsigned long a = first; a < end; a += PAGE_SIZE, page++) {
		if (a != addr &&
		    vmf_insert_pfn_prot(vma, a, page_to_pfn(bo->backing.pages[page]), prot) !=
		    VM_FAULT_NOPAGE)
			break;
	}

	return VM_FAULT_NOPAGE;
}

#ifdef CONFIG_ARCH_SUPPORTS_PMD_PFNMAP
/* A block, if it is one in memory and all of it is in the VMA. */
static vm_fault_t insert_block(struct vm_fault *vmf, const struct panthor_gem_object *bo,
			       pgoff_t page)
{
	struct vm_area_struct *vma = vmf->vma;
	unsigned long start = ALIGN_DOWN(vmf->address, PMD_SIZE);
	pgoff_t into = (vmf->address - start) >> PAGE_SHIFT;
	unsigned long pfn;

	if (start < vma->vm_start || vma->vm_end - start < PMD_SIZE || page < into)
		return VM_FAULT_FALLBACK;

	/* A folio that large is aligned to its size, in memory and in the file. */
	pfn = page_to_pfn(bo->backing.pages[page - into]);
	if (!IS_ALIGNED(pfn, PMD_SIZE >> PAGE_SHIFT) ||
	    !folio_test_pmd_mappable(page_folio(bo->backing.pages[page - into])))
		return VM_FAULT_FALLBACK;

	return vmf_insert_pfn_pmd(vmf, pfn, vmf->flags & FAULT_FLAG_WRITE);
}
#else
static vm_fault_t insert_block(struct vm_fault *vmf, const struct panthor_gem_object *bo,
			       pgoff_t page)
{
	return VM_FAULT_FALLBACK;
}
#endif

static vm_fault_t insert(struct vm_fault *vmf, unsigned int order,
			 const struct panthor_gem_object *bo, pgoff_t page)
{
	dma_resv_assert_held(bo->base.resv);

	return order ? insert_block(vmf, bo, page) : insert_around(vmf, bo, page);
}

/* Without waiting; VM_FAULT_RETRY if it takes that. */
static vm_fault_t fault_at_once(struct vm_fault *vmf, unsigned int order,
				struct panthor_gem_object *bo, pgoff_t page)
{
	vm_fault_t ret = VM_FAULT_RETRY;

	if (!dma_resv_trylock(bo->base.resv))
		return VM_FAULT_RETRY;
	if (mappable(bo))
		ret = insert(vmf, order, bo, page);
	dma_resv_unlock(bo->base.resv);

	return ret;
}

/*
 * Gets the pages with the lock of the address space released. What comes of it is
 * seen by the second attempt, so is an error: it will be met again, or it is over.
 */
static void fault_prepare(struct vm_fault *vmf, struct panthor_gem_object *bo)
{
	drm_gem_object_get(&bo->base);

	/* The VMA may be gone from here on. */
	if (vmf->flags & FAULT_FLAG_VMA_LOCK)
		vma_end_read(vmf->vma);
	else
		mmap_read_unlock(vmf->vma->vm_mm);

	if (!dma_resv_lock_interruptible(bo->base.resv, NULL)) {
		scoped_class(panthor_gem_held, s, bo)
			make_mappable(&s);
		dma_resv_unlock(bo->base.resv);
	}
	drm_gem_object_put(&bo->base);
}

/* With the lock of the address space held. */
static vm_fault_t fault_in_place(struct vm_fault *vmf, unsigned int order,
				 struct panthor_gem_object *bo, pgoff_t page)
{
	vm_fault_t ret = VM_FAULT_SIGBUS;

	/* A signal is handled first, then the access is made again. */
	if (dma_resv_lock_interruptible(bo->base.resv, NULL))
		return VM_FAULT_NOPAGE;

	scoped_class(panthor_gem_held, s, bo)
		if (!make_mappable(&s))
			ret = insert(vmf, order, bo, page);
	dma_resv_unlock(bo->base.resv);

	return ret;
}

static vm_fault_t panthor_gem_fault_order(struct vm_fault *vmf, unsigned int order)
{
	struct panthor_gem_object *bo = to_panthor_bo(vmf->vma->vm_private_data);
	pgoff_t page = fault_page(vmf, bo);
	vm_fault_t ret;

	if (order && order != PMD_ORDER)
		return VM_FAULT_FALLBACK;
	if (page >= panthor_gem_nr_pages(bo))
		return VM_FAULT_SIGBUS;

	ret = fault_at_once(vmf, order, bo, page);
	if (ret != VM_FAULT_RETRY)
		return ret;
	if (!fault_flag_allow_retry_first(vmf->flags))
		return fault_in_place(vmf, order, bo, page);

	/* Whoever must not wait keeps the lock, and comes back when he may. */
	if (!(vmf->flags & FAULT_FLAG_RETRY_NOWAIT))
		fault_prepare(vmf, bo);

	return VM_FAULT_RETRY;
}

static vm_fault_t panthor_gem_fault(struct vm_fault *vmf)
{
	return panthor_gem_fault_order(vmf, 0);
}

static void panthor_gem_vm_open(struct vm_area_struct *vma)
{
	struct panthor_gem_object *bo = to_panthor_bo(vma->vm_private_data);

	/* A copy, or a part, of a VMA that is there and counted. */
	drm_WARN_ON(bo->base.dev, !refcount_inc_not_zero(&bo->cmap.mmap_count));
	drm_gem_vm_open(vma);
}

static void panthor_gem_vm_close(struct vm_area_struct *vma)
{
	struct panthor_gem_object *bo = to_panthor_bo(vma->vm_private_data);

	if (!refcount_dec_not_one(&bo->cmap.mmap_count)) {
		CLASS(panthor_gem_locked, s)(bo);

		panthor_gem_count_put(&bo->cmap.mmap_count);
	}
	drm_gem_vm_close(vma);
}

const struct vm_operations_struct panthor_gem_vm_ops = {
	.fault = panthor_gem_fault,
#ifdef CONFIG_ARCH_SUPPORTS_PMD_PFNMAP
	.huge_fault = panthor_gem_fault_order,
#endif
	.open = panthor_gem_vm_open,
	.close = panthor_gem_vm_close,
};

static int mmap_imported(struct drm_gem_object *obj, struct vm_area_struct *vma)
{
	int ret;

	/* The exporter may leave them alone, and then they are not ours. */
	vma->vm_private_data = NULL;
	vma->vm_ops = NULL;

	/* The mapping keeps the buffer, which keeps what it is of; so not the BO. */
	ret = dma_buf_mmap(obj->dma_buf, vma, 0);
	if (!ret)
		drm_gem_object_put(obj);

	return ret;
}

/**
 * panthor_gem_mmap() - Have a VMA show a BO
 * @obj: The BO; the VMA gets the caller's reference on it.
 * @vma: The VMA, with its offset in the space of the device.
 *
 * No page is mapped, nor got: that is done by faults.
 *
 * Context: Process context, mmap_lock held for writing. May take the BO's resv.
 *
 * Return: 0, -EINVAL for a private mapping of which pages could be copied, or the
 * errno of an imported BO's exporter.
 */
int panthor_gem_mmap(struct drm_gem_object *obj, struct vm_area_struct *vma)
{
	struct panthor_gem_object *bo = to_panthor_bo(obj);

	if (drm_gem_is_imported(obj))
		return mmap_imported(obj, vma);
	if ((vma->vm_flags & (VM_SHARED | VM_MAYWRITE)) == VM_MAYWRITE)
		return -EINVAL;

	if (!refcount_inc_not_zero(&bo->cmap.mmap_count)) {
		CLASS(panthor_gem_locked, s)(bo);

		if (!refcount_inc_not_zero(&bo->cmap.mmap_count))
			refcount_set(&bo->cmap.mmap_count, 1);
	}

	vm_flags_set(vma, VM_PFNMAP | VM_DONTEXPAND | VM_DONTDUMP);
	vma->vm_page_prot = vm_get_page_prot(vma->vm_flags);
	if (panthor_gem_maps_wc(bo))
		vma->vm_page_prot = pgprot_writecombine(vma->vm_page_prot);

	return 0;
}

/* The first user of the kernel's mapping makes it. */
static int vmap_first(const struct panthor_gem_section *s)
{
	struct panthor_gem_object *bo = s->bo;
	pgprot_t prot = PAGE_KERNEL;
	void *vaddr;
	int ret;

	ret = panthor_gem_pages_pin(s);
	if (ret)
		return ret;

	ret = make_mappable(s);
	if (ret)
		goto unpin;

	if (panthor_gem_maps_wc(bo))
		prot = pgprot_writecombine(prot);
	vaddr = vmap(bo->backing.pages, panthor_gem_nr_pages(bo), VM_MAP, prot);
	if (!vaddr) {
		ret = -ENOMEM;
		goto unpin;
	}

	bo->cmap.vaddr = vaddr;
	refcount_set(&bo->cmap.vaddr_use_count, 1);
	return 0;

unpin:
	panthor_gem_pages_unpin(s);
	return ret;
}

/**
 * panthor_gem_vmap_locked() - Map a BO into the kernel
 * @obj: The BO.
 * @map: Set to where it is mapped.
 *
 * Context: Process context, not in reclaim. The caller holds the BO's resv.
 *
 * Return: 0, -ENOMEM, the errno of panthor_gem_pages_map_dma(), or that of an imported
 * BO's exporter.
 */
int panthor_gem_vmap_locked(struct drm_gem_object *obj, struct iosys_map *map)
{
	struct panthor_gem_object *bo = to_panthor_bo(obj);
	int ret = 0;

	dma_resv_assert_held(obj->resv);

	if (drm_gem_is_imported(obj))
		return dma_buf_vmap(obj->import_attach->dmabuf, map);

	if (!refcount_inc_not_zero(&bo->cmap.vaddr_use_count)) {
		CLASS(panthor_gem_held, s)(bo);

		ret = vmap_first(&s);
	}
	if (!ret)
		iosys_map_set_vaddr(map, bo->cmap.vaddr);

	return ret;
}

static void vunmap_pages(struct panthor_gem_object *bo)
{
	vunmap(bo->cmap.vaddr);
	bo->cmap.vaddr = NULL;
}

/**
 * panthor_gem_vunmap_locked() - Undo one panthor_gem_vmap_locked()
 * @obj: The BO.
 * @map: Where it was mapped.
 *
 * Context: Process context, not in reclaim. The caller holds the BO's resv.
 */
void panthor_gem_vunmap_locked(struct drm_gem_object *obj, struct iosys_map *map)
{
	struct panthor_gem_object *bo = to_panthor_bo(obj);

	dma_resv_assert_held(obj->resv);

	if (drm_gem_is_imported(obj)) {
		dma_buf_vunmap(obj->import_attach->dmabuf, map);
		return;
	}

	drm_WARN_ON_ONCE(obj->dev, map->vaddr != bo->cmap.vaddr);
	if (panthor_gem_count_put(&bo->cmap.vaddr_use_count)) {
		CLASS(panthor_gem_held, s)(bo);

		vunmap_pages(bo);
		panthor_gem_pages_unpin(&s);
	}
}

/**
 * panthor_gem_vunmap_final() - Remove a kernel mapping that was forgotten
 * @bo: The BO, whose last reference is gone.
 *
 * Context: Any that may take mutexes.
 */
void panthor_gem_vunmap_final(struct panthor_gem_object *bo)
{
	if (bo->cmap.vaddr)
		vunmap_pages(bo);
}
