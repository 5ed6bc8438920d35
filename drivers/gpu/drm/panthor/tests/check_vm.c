// SPDX-License-Identifier: GPL-2.0-only
/*
 * Checks of VMs: mappings, page tables, and the lists in between.
 *
 * The VMs are those that have a page table, which the seams know. struct
 * panthor_vm and panthor_vma are private to the driver: that a mapping is
 * evicted shows in the page table, where there is nothing of it.
 */

#include <linux/bsearch.h>
#include <linux/dma-fence.h>
#include <linux/dma-resv.h>
#include <linux/list.h>
#include <linux/llist.h>
#include <linux/mm.h>
#include <linux/scatterlist.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/sort.h>
#include <linux/workqueue.h>

#include <drm/drm_gem.h>
#include <drm/drm_gpuvm.h>
#include <drm/gpu_scheduler.h>

#include "check_priv.h"
#include "fake_pgtable.h"
#include "fixture.h"
#include "pgt_walk.h"
#include "watch.h"

static int cmp_vms(const void *a, const void *b)
{
	const struct check_vm *va = a, *vb = b;

	return cmp_int((uintptr_t)va->vm, (uintptr_t)vb->vm);
}

/**
 * check_gather_vms() - Collect every VM of the test
 * @c: The check.
 *
 * Context: No VM is being created or freed.
 */
void check_gather_vms(struct check *c)
{
	struct panthor_vm *vms[CHECK_MAX_VMS];
	struct io_pgtable_ops *pgtables[CHECK_MAX_VMS];
	unsigned int count = panthor_seam_vms(vms, pgtables);

	if (count > CHECK_MAX_VMS)
		KUNIT_FAIL(c->test, "more than %u VMs: raise SEAM_PGTABLES", CHECK_MAX_VMS);

	c->nr_vms = min(count, CHECK_MAX_VMS);
	for (unsigned int i = 0; i < c->nr_vms; i++)
		c->vms[i] = (struct check_vm) {
			.vm = vms[i],
			.size = ksize(vms[i]),
			.pgtable = pgtables[i],
		};
	sort(c->vms, c->nr_vms, sizeof(*c->vms), cmp_vms, NULL);
}

static int cmp_inside(const void *key, const void *elt)
{
	const struct check_vm *vm = elt;

	if (key < (void *)vm->vm)
		return -1;

	return key >= (void *)vm->vm + vm->size;
}

/**
 * check_find_vm() - Find the VM that something is a part of
 * @c: The check.
 * @inside: An address, not dereferenced.
 *
 * Context: Any.
 *
 * Return: The VM, or NULL if the address is in none.
 */
struct check_vm *check_find_vm(struct check *c, const void *inside)
{
	return bsearch(inside, c->vms, c->nr_vms, sizeof(*c->vms), cmp_inside);
}

/*
 * Whether a job's fence is pending that is both the VM's and the BO's. VM_BIND
 * jobs have fences there too, but need no BO but the one they pin.
 */
static bool job_pending(struct drm_gpuvm *vm, struct dma_resv *resv)
{
	struct dma_resv_iter bo_cursor, vm_cursor;
	struct dma_fence *fence, *other;
	bool pending = false;

	dma_resv_for_each_fence(&bo_cursor, resv, DMA_RESV_USAGE_BOOKKEEP, fence) {
		if (dma_fence_is_signaled(fence) || to_drm_sched_fence(fence))
			continue;
		if (drm_gpuvm_resv(vm) == resv)
			return true;

		dma_resv_iter_begin(&vm_cursor, drm_gpuvm_resv(vm), DMA_RESV_USAGE_BOOKKEEP);
		dma_resv_for_each_fence_unlocked(&vm_cursor, other)
			pending |= other == fence;
		dma_resv_iter_end(&vm_cursor);
	}

	return pending;
}

static void check_vm_bo(struct check *c, struct panthor_gem_object *bo,
			struct drm_gpuvm_bo *vm_bo)
{
	struct check_vm *vm = check_find_vm(c, vm_bo->vm);
	bool private, listed = !list_empty(&vm_bo->list.entry.evict);
	struct panthor_check_report *r = c->r;
	unsigned int mappings = 0;
	struct drm_gpuva *va;

	if (!vm) {
		check_violated(r, 16, "vm_bo of a VM that is gone");
		return;
	}
	private = bo->base.resv == drm_gpuvm_resv(vm_bo->vm);
	c->vm_bos++;

	drm_gpuvm_bo_for_each_va(va, vm_bo) {
		mappings++;
		if (va->vm_bo != vm_bo || va->vm != vm_bo->vm || va->gem.obj != &bo->base)
			check_violated(r, 8, "mapping at %#llx is linked to another vm_bo",
				       va->va.addr);
	}
	vm->linked += mappings;
	vm->evicted += listed;

	if (!kref_read(&vm_bo->kref))
		check_violated(r, 21, "vm_bo without references is on the BO's list");
	else if (kref_read(&vm_bo->kref) != mappings)
		check_violated(r, 22, "vm_bo with %u references, %u mappings",
			       kref_read(&vm_bo->kref), mappings);

	if (listed && !vm_bo->evicted)
		check_violated(r, 10, "vm_bo is listed as evicted, but is not");
	if (private && vm_bo->evicted && !listed)
		check_violated(r, 10, "evicted vm_bo of a private BO is not listed");
	if (list_empty(&vm_bo->list.entry.extobj) != private)
		check_violated(r, 10, "vm_bo of a %s BO is%s listed as external",
			       private ? "private" : "shared", private ? "" : " not");

	if (bo->exclusive_vm_root_gem && vm_bo->vm->r_obj != bo->exclusive_vm_root_gem)
		check_violated(r, 28, "private BO is mapped by another VM");

	/* A test of all fences at once is cheap, and there are none mostly. */
	if (!drm_gem_is_imported(&bo->base) && (!bo->backing.pages || vm_bo->evicted) &&
	    !dma_resv_test_signaled(bo->base.resv, DMA_RESV_USAGE_BOOKKEEP) &&
	    job_pending(vm_bo->vm, bo->base.resv))
		check_violated(r, 17, "BO of a running job is %s",
			       bo->backing.pages ? "not mapped" : "not resident");
}

/**
 * check_vm_bos() - Check what ties a BO to VMs (I10, I16, I17, I21, I22, I28)
 * @c: The check.
 * @bo: The BO.
 *
 * Context: The BO's resv and gpuva.lock are held.
 */
void check_vm_bos(struct check *c, struct panthor_gem_object *bo)
{
	struct drm_gpuvm_bo *vm_bo;

	if (bo->exclusive_vm_root_gem && bo->base.resv != bo->exclusive_vm_root_gem->resv)
		check_violated(c->r, 28, "private BO with another resv");
	if (bo->exclusive_vm_root_gem && bo->base.dma_buf)
		check_violated(c->r, 28, "private BO is exported");

	drm_gem_for_each_gpuvm_bo(vm_bo, &bo->base)
		check_vm_bo(c, bo, vm_bo);
}

/**
 * check_imported() - Check a BO that is another driver's (I27)
 * @c: The check.
 * @bo: The BO.
 *
 * Context: Takes and releases the BO's resv and gpuva.lock.
 */
void check_imported(struct check *c, struct panthor_gem_object *bo)
{
	struct panthor_check_report *r = c->r;
	struct drm_gpuvm_bo *vm_bo;

	dma_resv_lock(bo->base.resv, NULL);
	mutex_lock(&bo->base.gpuva.lock);

	if (bo->backing.pages || refcount_read(&bo->backing.pin_count))
		check_violated(r, 27, "imported BO with %s",
			       bo->backing.pages ? "pages" : "a pin");
	if (bo->base.lru || bo->reclaim_state != PANTHOR_GEM_UNRECLAIMABLE)
		check_violated(r, 27, "imported BO can be reclaimed");
	if (!bo->dmap.sgt)
		check_violated(r, 27, "imported BO without an sg table");
	drm_gem_for_each_gpuvm_bo(vm_bo, &bo->base)
		if (vm_bo->evicted)
			check_violated(r, 27, "imported BO is evicted");
	check_vm_bos(c, bo);

	mutex_unlock(&bo->base.gpuva.lock);
	dma_resv_unlock(bo->base.resv);
}

/**
 * struct compare - A page table while it is compared with the mappings
 * @c: The check.
 * @vm: The VM.
 * @va: The mapping that the next translation may be in, or NULL after the last.
 * @found: Bytes of it that are in the page table.
 * @prot: Protection of those.
 */
struct compare {
	struct check *c;
	struct check_vm *vm;
	struct drm_gpuva *va;
	u64 found;
	int prot;
};

static struct drm_gpuva *next_va(struct drm_gpuvm *vm, struct drm_gpuva *va)
{
	struct list_head *node = va ? &va->rb.entry : &vm->rb.list;

	if (list_is_last(node, &vm->rb.list))
		return NULL;

	return list_next_entry(list_entry(node, struct drm_gpuva, rb.entry), rb.entry);
}

/* I7 to I9: all of a mapping is there or nothing, and that is for a reason. */
static void leave_va(struct compare *cmp)
{
	struct drm_gpuva *va = cmp->va;
	struct panthor_gem_object *bo = to_panthor_bo(va->gem.obj);
	struct panthor_check_report *r = cmp->c->r;

	if (cmp->found && cmp->found != va->va.range)
		check_violated(r, 8, "%llu of %llu bytes at %#llx are mapped",
			       cmp->found, va->va.range, va->va.addr);
	else if (cmp->found && !bo->backing.pages && !drm_gem_is_imported(&bo->base))
		check_violated(r, 7, "mapping at %#llx outlived the pages", va->va.addr);
	else if (!cmp->found && va->vm_bo && !va->vm_bo->evicted)
		check_violated(r, 9, "mapping at %#llx of a live vm_bo is evicted",
			       va->va.addr);
}

static void enter_va(struct compare *cmp, struct drm_gpuva *va)
{
	/* What the VM keeps for itself has no BO. */
	while (va && !va->gem.obj)
		va = next_va(check_gpuvm(cmp->vm->vm), va);
	cmp->va = va;
	cmp->found = 0;
}

static bool leads_to(struct panthor_gem_object *bo, u64 offset, u64 pa, u64 size)
{
	struct sg_table *sgt = bo->dmap.sgt;
	struct scatterlist *sgl;
	unsigned int i;

	if (bo->backing.pages) {
		for (u64 at = 0; at < size; at += PAGE_SIZE - (offset + at) % PAGE_SIZE) {
			u64 in_bo = (offset + at) % bo->base.size;

			if (page_to_phys(bo->backing.pages[in_bo >> PAGE_SHIFT]) +
			    offset_in_page(in_bo) != pa + at)
				return false;
		}
		return true;
	}

	if (!sgt)
		return false;
	for_each_sgtable_dma_sg(sgt, sgl, i) {
		if (offset < sg_dma_len(sgl))
			return sg_dma_address(sgl) + offset == pa;
		offset -= sg_dma_len(sgl);
	}

	return false;
}

static void compare_leaf(void *data, u64 addr, const struct panthor_pgt_leaf *leaf)
{
	struct compare *cmp = data;
	struct panthor_check_report *r = cmp->c->r;
	struct panthor_gem_object *bo;
	struct drm_gpuva *va;

	while (cmp->va && cmp->va->va.addr + cmp->va->va.range <= addr) {
		leave_va(cmp);
		enter_va(cmp, next_va(check_gpuvm(cmp->vm->vm), cmp->va));
	}

	va = cmp->va;
	if (!va || addr < va->va.addr || addr + leaf->size > va->va.addr + va->va.range) {
		check_violated(r, 8, "%#zx at %#llx are mapped without a mapping",
			       leaf->size, addr);
		return;
	}

	bo = to_panthor_bo(va->gem.obj);
	/* I7 is about those without pages. */
	if ((bo->backing.pages || drm_gem_is_imported(&bo->base)) &&
	    !leads_to(bo, va->gem.offset + addr - va->va.addr, leaf->pa, leaf->size))
		check_violated(r, 8, "address %#llx leads elsewhere", addr);
	if (!cmp->found)
		cmp->prot = leaf->prot;
	if (leaf->prot != cmp->prot)
		check_violated(r, 8, "protection changes at %#llx", addr);
	cmp->found += leaf->size;
}

static void check_table(struct check *c, struct check_vm *vm)
{
	struct compare cmp = { .c = c, .vm = vm };

	enter_va(&cmp, next_va(check_gpuvm(vm->vm), NULL));
	c->tables += panthor_pgt_walk(vm->pgtable, compare_leaf, &cmp);
	while (cmp.va) {
		leave_va(&cmp);
		enter_va(&cmp, next_va(check_gpuvm(vm->vm), cmp.va));
	}
}

static void count_leaf(void *data, u64 addr, const struct panthor_pgt_leaf *leaf)
{
}

static void check_tree(struct check *c, struct check_vm *vm)
{
	struct drm_gpuvm *gpuvm = check_gpuvm(vm->vm);
	struct panthor_check_report *r = c->r;
	struct drm_gpuva *va;
	u64 end = 0;

	drm_gpuvm_for_each_va(va, gpuvm) {
		if (va == &gpuvm->kernel_alloc_node)
			continue;
		vm->mappings++;
		if (va->va.addr < end)
			check_violated(r, 8, "mappings overlap at %#llx", va->va.addr);
		end = va->va.addr + va->va.range;
		if (!va->vm_bo || va->vm_bo->obj != va->gem.obj)
			check_violated(r, 8, "mapping at %#llx without a vm_bo", va->va.addr);
	}

	if (vm->mappings != vm->linked)
		check_violated(r, 8, "VM has %u mappings, its BOs have %u", vm->mappings,
			       vm->linked);
}

static void check_vm(struct check *c, struct check_vm *vm)
{
	struct drm_gpuvm *gpuvm = check_gpuvm(vm->vm);

	check_tree(c, vm);
	if (list_count_nodes(&gpuvm->evict.list) != vm->evicted)
		check_violated(c->r, 10, "VM lists %zu vm_bos as evicted, BOs have %u",
			       list_count_nodes(&gpuvm->evict.list), vm->evicted);
	if (!llist_empty(&gpuvm->bo_defer))
		check_violated(c->r, 21, "a vm_bo waits for its cleanup");

	/* What became of the page table of a VM that failed is not specified. */
	if (panthor_vm_is_unusable(vm->vm))
		c->tables += panthor_pgt_walk(vm->pgtable, count_leaf, NULL);
	else
		check_table(c, vm);
}

/**
 * check_vms() - Check every VM (I7 to I10, I21), and the objects of all (I26)
 * @c: The check, after that of the BOs.
 *
 * Context: No operation on a VM runs.
 */
void check_vms(struct check *c)
{
	long objects = c->nr_vms + c->ctx->pools;
	struct panthor_gem_object *bo;
	unsigned long index;

	xa_for_each(&c->ctx->imports, index, bo)
		check_imported(c, bo);
	for (unsigned int i = 0; i < c->nr_vms; i++) {
		check_vm(c, &c->vms[i]);
		objects += c->vms[i].mappings;
	}

	if (panthor_watch_tables_left() != c->tables)
		check_violated(c->r, 26, "%ld page tables taken, %u in use",
			       panthor_watch_tables_left(), c->tables);
	objects += c->vm_bos;
	if (panthor_watch_objects_left() != objects)
		check_violated(c->r, 26, "%ld VMs, vm_bos, mappings and others made, %ld in use",
			       panthor_watch_objects_left(), objects);
}

/**
 * panthor_check_left() - Look for what was not released (I22)
 * @test: Test whose device is about to go.
 * @report: What is left is added to it.
 *
 * Context: Test thread, after everything that the test made was put.
 */
void panthor_check_left(struct kunit *test, struct panthor_check_report *report)
{
	struct panthor_vm *vms[CHECK_MAX_VMS];
	struct io_pgtable_ops *pgtables[CHECK_MAX_VMS];
	struct panthor_device *ptdev = to_panthor_kunit(test)->ptdev;
	long objects, tables;
	unsigned int nr_vms;
	size_t bos;

	/* Workers let go of what they have, too. */
	flush_workqueue(panthor_cleanup_wq);
	nr_vms = panthor_seam_vms(vms, pgtables);
	objects = panthor_watch_objects_left();
	tables = panthor_watch_tables_left();
	bos = list_count_nodes(&ptdev->gems.node);
	if (bos || nr_vms || objects || tables)
		check_violated(report, 22, "left: %zu BOs, %u VMs, their %ld objects, %ld tables",
			       bos, nr_vms, objects, tables);
}
