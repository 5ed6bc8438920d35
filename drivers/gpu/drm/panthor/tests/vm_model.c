// SPDX-License-Identifier: GPL-2.0-only
/* Flat model of a VM, and its comparison with the driver's. */

#include <linux/iommu.h>
#include <linux/mm.h>
#include <linux/sizes.h>

#include <drm/drm_gpuvm.h>
#include <drm/panthor_drm.h>

#include <kunit/test.h>

#include "fake_pgtable.h"
#include "fixture.h"
#include "vm_model.h"

/* Pages that do not match and are reported in words. */
#define MODEL_MAX_MSGS	4

/* GPU pages have 4 KiB, whatever the kernel's have. */
#define GPU_PAGE	SZ_4K

/* struct panthor_vm is private to its file, but begins with the gpuvm. */
static struct drm_gpuvm *to_gpuvm(struct panthor_vm *vm)
{
	return (struct drm_gpuvm *)vm;
}

/**
 * vm_model_create() - Model an empty window of a VM
 * @test: The test; owns the model.
 * @vm: A VM created after panthor_pgt_install(), with nothing mapped.
 * @base: GPU address of the window.
 * @size: Its size in bytes. Nothing may be mapped elsewhere.
 *
 * Context: Process context.
 *
 * Return: The model; a failure aborts the test.
 */
struct vm_model *vm_model_create(struct kunit *test, struct panthor_vm *vm,
				 u64 base, u64 size)
{
	struct vm_model *m = kunit_kzalloc(test, sizeof(*m), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, m);
	m->test = test;
	m->vm = vm;
	m->pgt = panthor_pgt_of(test, vm);
	m->base = base;
	m->count = size / GPU_PAGE;
	m->pages = kunit_kcalloc(test, m->count, sizeof(*m->pages), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, m->pages);

	return m;
}

static struct vm_model_page *model_page(struct vm_model *m, u64 va)
{
	KUNIT_ASSERT_GE(m->test, va, m->base);
	KUNIT_ASSERT_LT(m->test, va, m->base + m->count * GPU_PAGE);

	return &m->pages[(va - m->base) / GPU_PAGE];
}

/**
 * vm_model_set() - Map in the model alone
 * @m: The model.
 * @bo: BO.
 * @offset: Offset in it. For a sparse mapping what lies at an address is
 *	decided by the address.
 * @size: Size in bytes.
 * @va: GPU address in the window.
 * @flags: DRM_PANTHOR_VM_BIND_OP_MAP_* flags.
 *
 * Context: Test thread.
 */
void vm_model_set(struct vm_model *m, struct panthor_gem_object *bo, u64 offset,
		  u64 size, u64 va, u32 flags)
{
	for (u64 done = 0; done < size; done += GPU_PAGE) {
		u64 at = flags & DRM_PANTHOR_VM_BIND_OP_MAP_SPARSE ?
			 (va + done) % SZ_2M : offset + done;

		*model_page(m, va + done) = (struct vm_model_page) {
			.bo = bo,
			.index = at / GPU_PAGE,
			.flags = flags,
		};
	}
}

/**
 * vm_model_clear() - Unmap in the model alone
 * @m: The model.
 * @va: GPU address in the window.
 * @size: Size in bytes.
 *
 * Context: Test thread.
 */
void vm_model_clear(struct vm_model *m, u64 va, u64 size)
{
	for (u64 done = 0; done < size; done += GPU_PAGE)
		*model_page(m, va + done) = (struct vm_model_page) {};
}

/**
 * vm_model_set_evicted() - Tell the model that a BO lost or got back its pages
 * @m: The model.
 * @bo: The BO.
 * @evicted: Which of the two.
 *
 * Context: Test thread.
 */
void vm_model_set_evicted(struct vm_model *m, struct panthor_gem_object *bo, bool evicted)
{
	for (unsigned long i = 0; i < m->count; i++)
		if (m->pages[i].bo == bo)
			m->pages[i].evicted = evicted;
}

/*
 * Mapped to what the pages say. There is no IOMMU behind a mock device, so DMA
 * addresses are physical ones; that the sg table has the pages in order is I2.
 */
static phys_addr_t model_pa(const struct vm_model_page *p)
{
	u64 offset = (u64)p->index * GPU_PAGE;

	return page_to_phys(p->bo->backing.pages[offset >> PAGE_SHIFT]) + offset % PAGE_SIZE;
}

static int model_prot(u32 flags)
{
	return (flags & DRM_PANTHOR_VM_BIND_OP_MAP_READONLY ? 0 : IOMMU_WRITE) |
	       (flags & DRM_PANTHOR_VM_BIND_OP_MAP_UNCACHED ? 0 : IOMMU_CACHE) |
	       (flags & DRM_PANTHOR_VM_BIND_OP_MAP_NOEXEC ? IOMMU_NOEXEC : 0);
}

static const char *model_check_tree(const struct vm_model_page *p, struct drm_gpuva *va, u64 addr)
{
	u64 offset;

	if (!p->bo)
		return va ? "a VMA where nothing is mapped" : NULL;
	if (!va)
		return "no VMA";
	if (va->gem.obj != &p->bo->base)
		return "VMA of another BO";

	offset = va->gem.offset + addr - va->va.addr;
	if (p->flags & DRM_PANTHOR_VM_BIND_OP_MAP_SPARSE)
		offset %= SZ_2M;
	if (offset != (u64)p->index * GPU_PAGE)
		return "VMA with another offset";

	return NULL;
}

static const char *model_check_table(struct vm_model *m, const struct vm_model_page *p, u64 addr)
{
	struct panthor_pgt_leaf leaf;
	bool there = panthor_pgt_lookup(m->pgt, addr, &leaf);

	if (!p->bo || p->evicted)
		return there ? "in the page table, but should not" : NULL;
	if (!p->bo->backing.pages)
		return "mapped, but the BO has no pages";
	if (!there)
		return "not in the page table";
	if (leaf.pa != model_pa(p))
		return "another page is in the page table";
	if (leaf.prot != model_prot(p->flags))
		return "other protection in the page table";

	return NULL;
}

static void model_mismatch(struct vm_model *m, unsigned int *count, bool report,
			   u64 addr, const char *what)
{
	if (what && report && *count < MODEL_MAX_MSGS)
		KUNIT_FAIL(m->test, "invariant violated: I8: %#llx: %s", addr, what);
	*count += !!what;
}

/**
 * vm_model_mismatches() - Compare tree and page table with the model
 * @m: The model.
 * @report: Fail the test for what does not match.
 *
 * Context: Test thread, no operation on the VM runs.
 *
 * Return: Number of pages and totals that do not match.
 */
unsigned int vm_model_mismatches(struct vm_model *m, bool report)
{
	u64 end = m->base + m->count * GPU_PAGE, live = 0;
	unsigned int count = 0;
	struct drm_gpuva *va;

	for (unsigned long i = 0; i < m->count; i++) {
		const struct vm_model_page *p = &m->pages[i];
		u64 addr = m->base + i * GPU_PAGE;

		va = drm_gpuva_find_first(to_gpuvm(m->vm), addr, GPU_PAGE);
		model_mismatch(m, &count, report, addr, model_check_tree(p, va, addr));
		model_mismatch(m, &count, report, addr, model_check_table(m, p, addr));
		live += p->bo && !p->evicted ? GPU_PAGE : 0;
	}

	drm_gpuvm_for_each_va(va, to_gpuvm(m->vm)) {
		if (va == &to_gpuvm(m->vm)->kernel_alloc_node)
			continue;
		if (va->va.addr < m->base || va->va.addr + va->va.range > end)
			model_mismatch(m, &count, report, va->va.addr, "VMA outside the window");
	}

	if (panthor_pgt_mapped(m->pgt) != live) {
		if (report)
			KUNIT_FAIL(m->test, "invariant violated: I8: %llu bytes mapped, not %llu",
				   panthor_pgt_mapped(m->pgt), live);
		count++;
	}

	return count;
}

/**
 * vm_model_check() - Fail the test if the VM is not what the model says
 * @m: The model.
 *
 * Context: Test thread, no operation on the VM runs.
 */
void vm_model_check(struct vm_model *m)
{
	unsigned int count = vm_model_mismatches(m, true);

	if (count > MODEL_MAX_MSGS)
		KUNIT_FAIL(m->test, "%u mismatches in all", count);
}

/**
 * vm_model_map() - Map in the VM and, if that worked, in the model
 * @m: The model. Compared afterwards.
 * @bo: BO.
 * @offset: Offset in it.
 * @size: Size in bytes.
 * @va: GPU address.
 * @flags: DRM_PANTHOR_VM_BIND_OP_MAP_* flags.
 *
 * Context: Test thread. Takes and releases VM and BO locks.
 *
 * Return: What panthor_vm_map_bo_range() returned.
 */
int vm_model_map(struct vm_model *m, struct panthor_gem_object *bo, u64 offset,
		 u64 size, u64 va, u32 flags)
{
	int ret = panthor_vm_map_bo_range(m->vm, bo, offset, size, va, flags);

	if (!ret)
		vm_model_set(m, bo, offset, size, va, flags);
	vm_model_check(m);

	return ret;
}

/**
 * vm_model_unmap() - Unmap in the VM and, if that worked, in the model
 * @m: The model. Compared afterwards.
 * @va: GPU address.
 * @size: Size in bytes.
 *
 * Context: Test thread. Takes and releases VM and BO locks.
 *
 * Return: What panthor_vm_unmap_range() returned.
 */
int vm_model_unmap(struct vm_model *m, u64 va, u64 size)
{
	int ret = panthor_vm_unmap_range(m->vm, va, size);

	if (!ret)
		vm_model_clear(m, va, size);
	vm_model_check(m);

	return ret;
}

/**
 * vm_model_vmas() - Number of mappings the driver has
 * @m: The model.
 *
 * Context: Test thread, no operation on the VM runs.
 *
 * Return: The number.
 */
unsigned int vm_model_vmas(struct vm_model *m)
{
	unsigned int count = 0;
	struct drm_gpuva *va;

	drm_gpuvm_for_each_va(va, to_gpuvm(m->vm))
		count += va != &to_gpuvm(m->vm)->kernel_alloc_node;

	return count;
}
