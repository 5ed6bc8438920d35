// SPDX-License-Identifier: GPL-2.0-only
/*
 * The invariant checker under seeded corruptions of VMs: page tables, mappings,
 * and the lists of a VM. As in check_kunit.c, a corruption lasts for one call
 * of the checker.
 */

#include <linux/err.h>
#include <linux/io-pgtable.h>
#include <linux/iommu.h>
#include <linux/list.h>
#include <linux/llist.h>
#include <linux/mm.h>
#include <linux/sizes.h>

#include <drm/drm_gem.h>
#include <drm/drm_gpuvm.h>
#include <drm/drm_vma_manager.h>

#include "check_kunit.h"
#include "fake_pgtable.h"
#include "fixture.h"
#include "random.h"
#include "reclaim.h"
#include "seam.h"
#include "vm_walk.h"

/* What a mapping without flags has. */
#define PROT		(IOMMU_READ | IOMMU_WRITE | IOMMU_CACHE)

/* GPU pages of a BO of BO_SIZE. */
#define BO_PTES		(BO_SIZE / SZ_4K)

/**
 * struct mapped - A BO in a VM
 * @bo: The BO.
 * @vm: The VM.
 * @vm_bo: What ties both.
 * @ops: Page table of the VM.
 */
struct mapped {
	struct panthor_gem_object *bo;
	struct panthor_vm *vm;
	struct drm_gpuvm_bo *vm_bo;
	struct io_pgtable_ops *ops;
};

static struct mapped map_bo(struct kunit *test, struct panthor_vm *vm,
			    struct panthor_gem_object *bo)
{
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, bo);
	panthor_kunit_map(test, vm, bo, VA(0));

	return (struct mapped) { bo, vm, vm_bo_of(vm, bo), panthor_seam_pgtable(vm) };
}

static struct mapped mapped_shared(struct kunit *test)
{
	return map_bo(test, panthor_kunit_vm(test), panthor_kunit_bo(test, BO_SIZE));
}

static struct mapped mapped_private(struct kunit *test)
{
	struct panthor_vm *vm = panthor_kunit_vm(test);

	return map_bo(test, vm, panthor_kunit_try_bo(test, vm, BO_SIZE, 0));
}

static struct mapped evicted(struct kunit *test, struct mapped m)
{
	panthor_seam_set_swap(test, 1);
	KUNIT_ASSERT_EQ(test, panthor_kunit_scan(test, GFP_KERNEL, 1), BO_PAGES);
	KUNIT_ASSERT_NULL(test, m.bo->backing.pages);

	return m;
}

static struct drm_gpuvm *gpuvm_of(struct mapped m)
{
	return m.vm_bo->vm;
}

static struct drm_gpuva *va_of(struct mapped m)
{
	return list_first_entry(&m.vm_bo->list.gpuva, struct drm_gpuva, gem.entry);
}

/* The tables are there: pages come and go, tables stay until all of them go. */
static void poke_map(struct kunit *test, struct mapped m, u64 va, phys_addr_t pa, int prot)
{
	size_t done = 0;

	KUNIT_ASSERT_EQ(test, m.ops->map_pages(m.ops, va, pa, SZ_4K, 1, prot, GFP_KERNEL,
					       &done), 0);
	KUNIT_ASSERT_EQ(test, done, SZ_4K);
}

static phys_addr_t poke_unmap(struct kunit *test, struct mapped m, u64 va)
{
	phys_addr_t pa = m.ops->iova_to_phys(m.ops, va);

	KUNIT_ASSERT_EQ(test, m.ops->unmap_pages(m.ops, va, SZ_4K, 1, NULL), SZ_4K);
	return pa;
}

static void install(struct kunit *test)
{
	const struct panthor_pgt_param *p = test->param_value;

	panthor_pgt_install(test, p->kind);
}

KUNIT_ARRAY_PARAM_DESC(pgt, panthor_pgt_params, desc);

static void poke_pte(struct kunit *test, struct panthor_gem_object *bo, unsigned long addr,
		     struct page *page)
{
	struct mm_struct *mm = to_panthor_kunit(test)->mm;
	vm_fault_t ret = VM_FAULT_SIGSEGV;
	struct vm_area_struct *vma;

	mmap_read_lock(mm);
	vma = vma_lookup(mm, addr);
	if (vma)
		ret = vmf_insert_pfn(vma, addr, page_to_pfn(page));
	mmap_read_unlock(mm);
	KUNIT_ASSERT_EQ(test, ret, VM_FAULT_NOPAGE);
}

static void repair_ptes(struct panthor_gem_object *bo)
{
	drm_vma_node_unmap(&bo->base.vma_node, bo->base.dev->anon_inode->i_mapping);
}

/*
 * Seeded corruption of a BO without pages: user space reaches a page that is not
 * the BO's. Succeeds if I7 and nothing else is reported.
 */
static void i7_user_page_outlives_the_pages(struct kunit *test)
{
	struct panthor_gem_object *other = panthor_kunit_bo(test, BO_SIZE);
	struct panthor_gem_object *bo = panthor_kunit_bo(test, BO_SIZE);
	unsigned long addr = panthor_kunit_mmap(test, bo);
	struct panthor_check_report *report;

	panthor_kunit_make_resident(test, other);
	report = panthor_check_healthy(test);

	poke_pte(test, bo, addr + panthor_kunit_pick(test, BO_PAGES) * PAGE_SIZE,
		 other->backing.pages[0]);
	panthor_check(test, report);
	repair_ptes(bo);

	expect_reported(test, report, BIT(7));
}

/*
 * Seeded corruption of a BO that user space maps: any page of the mapping leads
 * to a neighbour (B15). Succeeds if I7 and nothing else is reported.
 */
static void i7_user_page_is_another(struct kunit *test)
{
	struct panthor_gem_object *bo = panthor_kunit_bo(test, BO_SIZE);
	unsigned long addr = panthor_kunit_mmap(test, bo);
	struct panthor_check_report *report;
	u32 i = panthor_kunit_pick(test, BO_PAGES);

	panthor_kunit_make_resident(test, bo);
	report = panthor_check_healthy(test);

	poke_pte(test, bo, addr + i * PAGE_SIZE, bo->backing.pages[(i + 1) % BO_PAGES]);
	panthor_check(test, report);
	repair_ptes(bo);

	expect_reported(test, report, BIT(7));
}

/*
 * Seeded corruption of an evicted BO: all of its mapping is in the page table.
 * Succeeds if I7 and nothing else is reported.
 */
static void i7_gpu_mapping_outlives_the_pages(struct kunit *test)
{
	struct panthor_check_report *report;
	struct mapped m;

	install(test);
	m = evicted(test, mapped_shared(test));
	report = panthor_check_healthy(test);

	for (u64 i = 0; i < BO_PTES; i++)
		poke_map(test, m, VA(0) + i * SZ_4K, SZ_1M + i * SZ_4K, PROT);
	panthor_check(test, report);
	for (u64 i = 0; i < BO_PTES; i++)
		poke_unmap(test, m, VA(0) + i * SZ_4K);

	expect_reported(test, report, BIT(7));
}

/*
 * Seeded corruption of a mapping: any one page of it leads elsewhere.
 * Succeeds if I8 and nothing else is reported.
 */
static void i8_page_leads_elsewhere(struct kunit *test)
{
	struct panthor_check_report *report;
	struct mapped m;
	phys_addr_t pa;
	u64 va;

	install(test);
	m = mapped_shared(test);
	report = panthor_check_healthy(test);
	va = VA(0) + panthor_kunit_pick(test, BO_PTES) * SZ_4K;

	pa = poke_unmap(test, m, va);
	poke_map(test, m, va, pa ^ SZ_4K, PROT);
	panthor_check(test, report);
	poke_unmap(test, m, va);
	poke_map(test, m, va, pa, PROT);

	expect_reported(test, report, BIT(8));
}

/*
 * Seeded corruption of a mapping: any one page of it cannot be written.
 * Succeeds if I8 and nothing else is reported.
 */
static void i8_page_has_another_protection(struct kunit *test)
{
	struct panthor_check_report *report;
	struct mapped m;
	phys_addr_t pa;
	u64 va;

	install(test);
	m = mapped_shared(test);
	report = panthor_check_healthy(test);
	va = VA(0) + panthor_kunit_pick(test, BO_PTES) * SZ_4K;

	pa = poke_unmap(test, m, va);
	poke_map(test, m, va, pa, PROT & ~IOMMU_WRITE);
	panthor_check(test, report);
	poke_unmap(test, m, va);
	poke_map(test, m, va, pa, PROT);

	expect_reported(test, report, BIT(8));
}

/*
 * Seeded corruption of a mapping: any one page of it is not in the page table.
 * Succeeds if I8 and nothing else is reported.
 */
static void i8_page_is_missing(struct kunit *test)
{
	struct panthor_check_report *report;
	struct mapped m;
	phys_addr_t pa;
	u64 va;

	install(test);
	m = mapped_shared(test);
	report = panthor_check_healthy(test);
	va = VA(0) + panthor_kunit_pick(test, BO_PTES) * SZ_4K;

	pa = poke_unmap(test, m, va);
	panthor_check(test, report);
	poke_map(test, m, va, pa, PROT);

	expect_reported(test, report, BIT(8));
}

/*
 * Seeded corruption of a VM: a page is in the page table, before or behind the
 * only mapping. Succeeds if I8 and nothing else is reported.
 */
static void i8_page_without_a_mapping(struct kunit *test)
{
	struct panthor_check_report *report;
	struct mapped m;
	u64 va;

	install(test);
	m = mapped_shared(test);
	panthor_kunit_map(test, m.vm, m.bo, VA(0) + 2 * BO_SIZE);
	panthor_kunit_unmap(test, m.vm, m.bo, VA(0));
	m.vm_bo = vm_bo_of(m.vm, m.bo);
	report = panthor_check_healthy(test);
	va = VA(0) + (panthor_kunit_pick(test, 2) ? 0 : 3 * BO_SIZE);

	poke_map(test, m, va, page_to_phys(m.bo->backing.pages[0]), PROT);
	panthor_check(test, report);
	poke_unmap(test, m, va);

	expect_reported(test, report, BIT(8));
}

/*
 * Seeded corruption of two neighbours in a VM: the first reaches into the second.
 * Succeeds if I8 and nothing else is reported.
 */
static void i8_mappings_overlap(struct kunit *test)
{
	struct mapped m = mapped_shared(test);
	struct panthor_check_report *report;
	struct drm_gpuva *va = va_of(m);

	panthor_kunit_map(test, m.vm, panthor_kunit_bo(test, BO_SIZE), VA(0) + BO_SIZE);
	report = panthor_check_healthy(test);

	va->va.range += SZ_4K;
	panthor_check(test, report);
	va->va.range -= SZ_4K;

	expect_reported(test, report, BIT(8));
}

/*
 * Seeded corruption of a mapping: it is in the VM's tree, but its BO does not
 * know of it. Succeeds if I8 is reported, and I22, as the vm_bo has a reference
 * that nothing explains.
 */
static void i8_mapping_is_not_linked(struct kunit *test)
{
	struct mapped m = mapped_shared(test);
	struct panthor_check_report *report = panthor_check_healthy(test);
	struct drm_gpuva *va = va_of(m);

	list_del_init(&va->gem.entry);
	panthor_check(test, report);
	list_add(&va->gem.entry, &m.vm_bo->list.gpuva);

	expect_reported(test, report, BIT(8) | BIT(22));
}

/*
 * Seeded corruption of a mapping: it belongs to the vm_bo of another BO.
 * Succeeds if I8 and nothing else is reported.
 */
static void i8_mapping_of_another_vm_bo(struct kunit *test)
{
	struct mapped m = mapped_shared(test), other = mapped_shared(test);
	struct panthor_check_report *report = panthor_check_healthy(test);
	struct drm_gpuva *va = va_of(m);

	va->vm_bo = other.vm_bo;
	panthor_check(test, report);
	va->vm_bo = m.vm_bo;

	expect_reported(test, report, BIT(8));
}

/*
 * Seeded corruption of a mapping of a live vm_bo: nothing of it is in the page
 * table, as after an eviction. Succeeds if I9 and nothing else is reported.
 */
static void i9_evicted_mapping_of_live_vm_bo(struct kunit *test)
{
	struct panthor_check_report *report;
	phys_addr_t pa[BO_PTES];
	struct mapped m;

	static_assert(BO_PTES <= 64);
	install(test);
	m = mapped_shared(test);
	report = panthor_check_healthy(test);

	for (u64 i = 0; i < BO_PTES; i++)
		pa[i] = poke_unmap(test, m, VA(0) + i * SZ_4K);
	panthor_check(test, report);
	for (u64 i = 0; i < BO_PTES; i++)
		poke_map(test, m, VA(0) + i * SZ_4K, pa[i], PROT);

	expect_reported(test, report, BIT(9));
}

/*
 * Seeded corruption of a private BO that was evicted: the VM has forgotten that
 * it has to be validated. Succeeds if I10 and nothing else is reported.
 */
static void i10_evicted_private_bo_is_not_listed(struct kunit *test)
{
	struct mapped m = evicted(test, mapped_private(test));
	struct panthor_check_report *report = panthor_check_healthy(test);

	list_del_init(&m.vm_bo->list.entry.evict);
	panthor_check(test, report);
	list_add(&m.vm_bo->list.entry.evict, &gpuvm_of(m)->evict.list);

	expect_reported(test, report, BIT(10));
}

/*
 * Seeded corruption of a BO that is mapped: its VM lists it as evicted.
 * Succeeds if I10 and nothing else is reported.
 */
static void i10_live_vm_bo_is_listed(struct kunit *test)
{
	struct mapped m = panthor_kunit_pick(test, 2) ? mapped_shared(test) : mapped_private(test);
	struct panthor_check_report *report = panthor_check_healthy(test);

	list_add(&m.vm_bo->list.entry.evict, &gpuvm_of(m)->evict.list);
	panthor_check(test, report);
	list_del_init(&m.vm_bo->list.entry.evict);

	expect_reported(test, report, BIT(10));
}

/*
 * Seeded corruption of a VM: its list of evicted vm_bos has something that is
 * no BO's. Succeeds if I10 and nothing else is reported.
 */
static void i10_stranger_is_listed(struct kunit *test)
{
	struct mapped m = mapped_shared(test);
	struct panthor_check_report *report = panthor_check_healthy(test);
	LIST_HEAD(stranger);

	list_add(&stranger, &gpuvm_of(m)->evict.list);
	panthor_check(test, report);
	list_del(&stranger);

	expect_reported(test, report, BIT(10));
}

/*
 * Seeded corruption of a shared BO: jobs of the VM do not lock it.
 * Succeeds if I10 and nothing else is reported.
 */
static void i10_shared_bo_is_not_external(struct kunit *test)
{
	struct mapped m = mapped_shared(test);
	struct panthor_check_report *report = panthor_check_healthy(test);

	list_del_init(&m.vm_bo->list.entry.extobj);
	panthor_check(test, report);
	list_add(&m.vm_bo->list.entry.extobj, &gpuvm_of(m)->extobj.list);

	expect_reported(test, report, BIT(10));
}

/*
 * Seeded corruption of a private BO: jobs of the VM lock its resv twice.
 * Succeeds if I10 and nothing else is reported.
 */
static void i10_private_bo_is_external(struct kunit *test)
{
	struct mapped m = mapped_private(test);
	struct panthor_check_report *report = panthor_check_healthy(test);

	list_add(&m.vm_bo->list.entry.extobj, &gpuvm_of(m)->extobj.list);
	panthor_check(test, report);
	list_del_init(&m.vm_bo->list.entry.extobj);

	expect_reported(test, report, BIT(10));
}

/*
 * Seeded corruption of a mapped BO: what ties it to the VM has been let go, and
 * is still found. Succeeds if I21 and nothing else is reported.
 */
static void i21_vm_bo_without_references(struct kunit *test)
{
	struct mapped m = mapped_shared(test);
	struct panthor_check_report *report = panthor_check_healthy(test);

	refcount_set(&m.vm_bo->kref.refcount, 0);
	panthor_check(test, report);
	refcount_set(&m.vm_bo->kref.refcount, 1);

	expect_reported(test, report, BIT(21));
}

/*
 * Seeded corruption of a VM: a vm_bo waits for a cleanup that nobody will do.
 * Succeeds if I21 and nothing else is reported.
 */
static void i21_cleanup_is_left(struct kunit *test)
{
	struct mapped m = mapped_shared(test);
	struct panthor_check_report *report = panthor_check_healthy(test);
	struct llist_node node;

	llist_add(&node, &gpuvm_of(m)->bo_defer);
	panthor_check(test, report);
	llist_del_all(&gpuvm_of(m)->bo_defer);

	expect_reported(test, report, BIT(21));
}

/*
 * Seeded corruption of a mapped BO: a reference of what ties it to the VM is
 * leaked. Succeeds if I22 and nothing else is reported.
 */
static void i22_vm_bo_has_a_reference_more(struct kunit *test)
{
	struct mapped m = mapped_shared(test);
	struct panthor_check_report *report = panthor_check_healthy(test);

	refcount_set(&m.vm_bo->kref.refcount, 2);
	panthor_check(test, report);
	refcount_set(&m.vm_bo->kref.refcount, 1);

	expect_reported(test, report, BIT(22));
}

static struct kunit_case check_vm_cases[] = {
	KUNIT_CASE(i7_user_page_outlives_the_pages),
	KUNIT_CASE(i7_user_page_is_another),
	KUNIT_CASE_PARAM(i7_gpu_mapping_outlives_the_pages, pgt_gen_params),
	KUNIT_CASE_PARAM(i8_page_leads_elsewhere, pgt_gen_params),
	KUNIT_CASE_PARAM(i8_page_has_another_protection, pgt_gen_params),
	KUNIT_CASE_PARAM(i8_page_is_missing, pgt_gen_params),
	KUNIT_CASE_PARAM(i8_page_without_a_mapping, pgt_gen_params),
	KUNIT_CASE(i8_mappings_overlap),
	KUNIT_CASE(i8_mapping_is_not_linked),
	KUNIT_CASE(i8_mapping_of_another_vm_bo),
	KUNIT_CASE_PARAM(i9_evicted_mapping_of_live_vm_bo, pgt_gen_params),
	KUNIT_CASE(i10_evicted_private_bo_is_not_listed),
	KUNIT_CASE(i10_live_vm_bo_is_listed),
	KUNIT_CASE(i10_stranger_is_listed),
	KUNIT_CASE(i10_shared_bo_is_not_external),
	KUNIT_CASE(i10_private_bo_is_external),
	KUNIT_CASE(i21_vm_bo_without_references),
	KUNIT_CASE(i21_cleanup_is_left),
	KUNIT_CASE(i22_vm_bo_has_a_reference_more),
	{}
};

static struct kunit_suite check_vm_suite = {
	.name = "panthor_check_vm",
	.init = panthor_kunit_init,
	.exit = panthor_kunit_exit,
	.suite_exit = panthor_kunit_suite_exit,
	.test_cases = check_vm_cases,
};

kunit_test_suite(check_vm_suite);
