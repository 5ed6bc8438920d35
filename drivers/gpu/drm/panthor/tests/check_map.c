// SPDX-License-Identifier: GPL-2.0-only
/*
 * Checks of the CPU's mappings: those of user space in the address space of the test
 * (I6, I7), those of the kernel (I23).
 */

#include <linux/mm.h>

#include <drm/drm_gem.h>
#include <drm/drm_vma_manager.h>

#include "check_priv.h"
#include "fixture.h"

/* A page that user space reaches is the BO's, and there is none without pages. */
static void check_ptes(struct check *c, struct panthor_gem_object *bo,
		       struct vm_area_struct *vma)
{
	unsigned long first = vma->vm_pgoff - drm_vma_node_start(&bo->base.vma_node);

	for (unsigned long addr = vma->vm_start; addr < vma->vm_end; addr += PAGE_SIZE) {
		unsigned long nr = first + ((addr - vma->vm_start) >> PAGE_SHIFT);
		struct follow_pfnmap_args args = { .vma = vma, .address = addr };
		unsigned long pfn;

		if (follow_pfnmap_start(&args))
			continue;
		pfn = args.pfn;
		follow_pfnmap_end(&args);

		if (!bo->backing.pages) {
			check_violated(c->r, 7, "user space reaches page %lu without pages", nr);
			return;
		}
		if (nr >= bo->base.size >> PAGE_SHIFT ||
		    pfn != page_to_pfn(bo->backing.pages[nr])) {
			check_violated(c->r, 7, "user space reaches another page than %lu", nr);
			return;
		}
	}
}

/**
 * check_user_mappings() - Count user mappings of all BOs, check their pages (I7)
 * @c: The check; the test's address space is the only one it knows.
 *
 * Context: Test thread. Takes and releases mmap_lock.
 */
void check_user_mappings(struct check *c)
{
	struct mm_struct *mm = c->ctx->mm;
	struct vm_area_struct *vma;

	if (!mm)
		return;

	mmap_read_lock(mm);
	VMA_ITERATOR(vmi, mm, 0);
	for_each_vma(vmi, vma) {
		struct drm_gem_object *obj = vma->vm_private_data;
		struct check_bo *cb = obj ? check_find_bo(c, to_panthor_bo(obj)) : NULL;

		if (!cb || vma->vm_ops != obj->funcs->vm_ops)
			continue;
		cb->vmas++;
		check_ptes(c, cb->bo, vma);
	}
	mmap_read_unlock(mm);
}

/**
 * check_kernel_mapping() - Check where a BO's kernel mapping leads (I23)
 * @bo: The BO, with pages and a kernel mapping.
 * @r: Where violations go.
 *
 * Context: The BO's resv is held.
 */
void check_kernel_mapping(struct panthor_gem_object *bo, struct panthor_check_report *r)
{
	for (unsigned long i = 0; i < bo->base.size >> PAGE_SHIFT; i++) {
		if (vmalloc_to_page(bo->cmap.vaddr + i * PAGE_SIZE) == bo->backing.pages[i])
			continue;
		check_violated(r, 23, "kernel mapping leads elsewhere than to page %lu", i);
		return;
	}
}
