// SPDX-License-Identifier: GPL-2.0-only
/*
 * Checks of objects and lists at a quiescent point.
 *
 * Locks are taken in the driver's order: BO resv, gpuva.lock, gem_lru_mutex.
 * The lists are compared with gem_lru_mutex alone: at a quiescent point nobody
 * changes what the other two protect.
 */

#include <linux/bits.h>
#include <linux/dma-buf.h>
#include <linux/dma-resv.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/pagemap.h>
#include <linux/scatterlist.h>
#include <linux/shrinker.h>
#include <linux/slab.h>

#include <drm/drm_gem.h>
#include <drm/drm_gpuvm.h>

#include "check.h"
#include "fixture.h"
#include "seam.h"

/* More objects than any case creates; hitting it is an error, not a limit. */
#define CHECK_MAX_BOS	2048

/**
 * struct check_bos - Every BO of the device at one moment, referenced
 * @count: Number of BOs.
 * @bos: The BOs.
 */
struct check_bos {
	unsigned int count;
	struct panthor_gem_object *bos[CHECK_MAX_BOS];
};

/**
 * struct panthor_check_snapshot - What the objects looked like before a scan
 * @count: Number of BOs.
 * @bos: Per BO: the pointer (not referenced), whether it had pages, how often
 *	it had been evicted.
 */
struct panthor_check_snapshot {
	unsigned int count;
	struct {
		struct panthor_gem_object *bo;
		bool resident;
		int reclaimed;
	} bos[] __counted_by(count);
};

static __printf(3, 4) void violated(struct panthor_check_report *r,
				    unsigned int inv, const char *fmt, ...)
{
	va_list args;
	int len;

	r->broken |= BIT(inv);
	if (r->count++ >= PANTHOR_CHECK_MAX_MSGS)
		return;

	len = scnprintf(r->msgs[r->count - 1], PANTHOR_CHECK_MSG_LEN, "I%u: ", inv);
	va_start(args, fmt);
	vscnprintf(r->msgs[r->count - 1] + len, PANTHOR_CHECK_MSG_LEN - len, fmt, args);
	va_end(args);
}

static void check_bos_put(void *data)
{
	struct check_bos *all = data;

	for (unsigned int i = 0; i < all->count; i++)
		drm_gem_object_put(&all->bos[i]->base);
	kvfree(all);
}

static struct check_bos *check_bos_get(struct kunit *test)
{
	struct panthor_device *ptdev = to_panthor_kunit(test)->ptdev;
	struct check_bos *all = kvzalloc(sizeof(*all), GFP_KERNEL);
	struct panthor_gem_object *bo;
	bool overflow = false;

	KUNIT_ASSERT_NOT_NULL(test, all);

	mutex_lock(&ptdev->gems.lock);
	list_for_each_entry(bo, &ptdev->gems.node, debugfs.node) {
		if (all->count == CHECK_MAX_BOS) {
			overflow = true;
			break;
		}
		if (kref_get_unless_zero(&bo->base.refcount))
			all->bos[all->count++] = bo;
	}
	mutex_unlock(&ptdev->gems.lock);

	if (overflow)
		KUNIT_FAIL(test, "more than %u BOs: raise CHECK_MAX_BOS", CHECK_MAX_BOS);

	return all;
}

/* I1: the page array holds exactly the pages of the object's file, in order. */
static void check_pages(struct panthor_gem_object *bo, struct panthor_check_report *r)
{
	struct address_space *mapping = bo->base.filp->f_mapping;

	if (IS_ERR(bo->backing.pages)) {
		violated(r, 1, "pages is the error %pe", bo->backing.pages);
		return;
	}

	for (pgoff_t i = 0; i < bo->base.size >> PAGE_SHIFT; i++) {
		struct folio *folio = filemap_get_folio(mapping, i);
		bool same;

		if (IS_ERR(folio)) {
			violated(r, 1, "page %lu is not in the page cache", i);
			return;
		}
		same = folio_file_page(folio, i) == bo->backing.pages[i];
		folio_put(folio);
		if (!same) {
			violated(r, 1, "page %lu is not the file's", i);
			return;
		}
	}
}

/* I2: the scatter list covers exactly those pages and is DMA mapped once. */
static void check_sgt(struct panthor_gem_object *bo, struct panthor_check_report *r)
{
	struct sg_table *sgt = bo->dmap.sgt;
	unsigned long nr = 0, npages = bo->base.size >> PAGE_SHIFT;
	struct sg_page_iter iter;
	struct scatterlist *sgl;
	size_t dma_len = 0;
	unsigned int i;

	if (!bo->backing.pages) {
		violated(r, 2, "sg table without pages");
		return;
	}

	for_each_sgtable_page(sgt, &iter, 0) {
		if (nr >= npages || sg_page_iter_page(&iter) != bo->backing.pages[nr]) {
			violated(r, 2, "sg table entry for page %lu is not that page", nr);
			return;
		}
		nr++;
	}
	if (nr != npages)
		violated(r, 2, "sg table covers %lu of %lu pages", nr, npages);

	for_each_sgtable_dma_sg(sgt, sgl, i)
		dma_len += sg_dma_len(sgl);
	if (dma_len != bo->base.size)
		violated(r, 2, "%zu of %zu bytes are DMA mapped", dma_len, bo->base.size);
}

static unsigned int check_attachments(struct panthor_gem_object *bo)
{
	struct dma_buf *buf = bo->base.dma_buf;

	/* The caller holds the resv, which is what protects the list. */
	return buf ? list_count_nodes(&buf->attachments) : 0;
}

/* I3, I4, I5: who holds the pages, and that the counters can be believed. */
static void check_pins(struct panthor_kunit *ctx, struct panthor_gem_object *bo,
		       struct panthor_check_report *r)
{
	unsigned int pins = refcount_read(&bo->backing.pin_count);
	unsigned int vmaps = refcount_read(&bo->cmap.vaddr_use_count);
	unsigned int mmaps = refcount_read(&bo->cmap.mmap_count);
	unsigned long expected;

	if (pins > INT_MAX || vmaps > INT_MAX || mmaps > INT_MAX)
		violated(r, 4, "saturated counter: pin %#x vmap %#x mmap %#x",
			 pins, vmaps, mmaps);

	if (pins && !bo->backing.pages)
		violated(r, 3, "%u pins and no pages", pins);

	expected = panthor_kunit_pins(ctx, bo) + check_attachments(bo) + !!bo->cmap.vaddr;
	if (pins != expected)
		violated(r, 3, "%u pins, %lu holders", pins, expected);

	if (!!bo->cmap.vaddr != !!vmaps)
		violated(r, 5, "vaddr %s with %u users", bo->cmap.vaddr ? "set" : "NULL", vmaps);
	if ((bo->cmap.vaddr || vmaps) && !pins)
		violated(r, 5, "kernel mapping without a pin");
}

/* User VMAs of @bo; the test's address space is the only one there is. */
static unsigned int check_count_vmas(struct panthor_kunit *ctx,
				     struct panthor_gem_object *bo)
{
	struct mm_struct *mm = ctx->mm;
	struct vm_area_struct *vma;
	unsigned int count = 0;

	if (!mm)
		return 0;

	mmap_read_lock(mm);
	VMA_ITERATOR(vmi, mm, 0);
	for_each_vma(vmi, vma)
		count += vma->vm_private_data == &bo->base &&
			 vma->vm_ops == bo->base.funcs->vm_ops;
	mmap_read_unlock(mm);

	return count;
}

/* I11: the state as a function of what is there, written from the rules. */
static enum panthor_gem_reclaim_state
check_derive_state(struct panthor_gem_object *bo, struct drm_gpuvm **only_vm)
{
	struct drm_gpuvm_bo *vm_bo;
	unsigned int live = 0;

	*only_vm = NULL;
	if (!bo->backing.pages || refcount_read(&bo->backing.pin_count))
		return PANTHOR_GEM_UNRECLAIMABLE;

	drm_gem_for_each_gpuvm_bo(vm_bo, &bo->base) {
		if (!vm_bo->evicted) {
			*only_vm = vm_bo->vm;
			live++;
		}
	}
	if (live > 1)
		return PANTHOR_GEM_GPU_MAPPED_MULTI_VM;
	if (live)
		return PANTHOR_GEM_GPU_MAPPED_SINGLE_VM;

	return refcount_read(&bo->cmap.mmap_count) ? PANTHOR_GEM_MMAPPED : PANTHOR_GEM_UNUSED;
}

/*
 * struct panthor_vm is private to its file, but it is one allocation that
 * begins with the gpuvm: what lies inside that allocation belongs to the VM.
 */
static bool check_inside_vm(struct drm_gpuvm *vm, const void *p)
{
	return p >= (void *)vm && p < (void *)vm + ksize(vm);
}

/* I12: the LRU an object is on is the one its state names. */
static void check_lru_of(struct panthor_device *ptdev, struct panthor_gem_object *bo,
			 enum panthor_gem_reclaim_state state,
			 struct drm_gpuvm *only_vm, struct panthor_check_report *r)
{
	struct drm_gem_lru *expected = NULL;

	switch (state) {
	case PANTHOR_GEM_UNUSED:
		expected = &ptdev->reclaim.unused;
		break;
	case PANTHOR_GEM_MMAPPED:
		expected = &ptdev->reclaim.mmapped;
		break;
	case PANTHOR_GEM_GPU_MAPPED_MULTI_VM:
		expected = &ptdev->reclaim.gpu_mapped_shared;
		break;
	case PANTHOR_GEM_GPU_MAPPED_SINGLE_VM:
		if (!bo->base.lru || !check_inside_vm(only_vm, bo->base.lru))
			violated(r, 12, "mapped by one VM but not on its LRU");
		return;
	case PANTHOR_GEM_UNRECLAIMABLE:
		break;
	}

	if (bo->base.lru != expected)
		violated(r, 12, "%s but on %s LRU", panthor_kunit_state_name(state),
			 bo->base.lru ? "another" : "no");
}

static void check_bo(struct kunit *test, struct panthor_gem_object *bo,
		     long *gpu_mapped, struct panthor_check_report *r)
{
	struct panthor_kunit *ctx = to_panthor_kunit(test);
	unsigned int vmas = check_count_vmas(ctx, bo);
	enum panthor_gem_reclaim_state state;
	struct drm_gpuvm *only_vm;

	dma_resv_lock(bo->base.resv, NULL);
	mutex_lock(&bo->base.gpuva.lock);

	if (bo->backing.pages)
		check_pages(bo, r);
	if (bo->dmap.sgt)
		check_sgt(bo, r);
	check_pins(ctx, bo, r);

	if (refcount_read(&bo->cmap.mmap_count) != vmas)
		violated(r, 6, "mmap_count %u with %u VMAs",
			 refcount_read(&bo->cmap.mmap_count), vmas);

	state = check_derive_state(bo, &only_vm);
	if (bo->reclaim_state != state)
		violated(r, 11, "state %s, evaluates to %s",
			 panthor_kunit_state_name(bo->reclaim_state),
			 panthor_kunit_state_name(state));
	check_lru_of(ctx->ptdev, bo, state, only_vm, r);

	if (state == PANTHOR_GEM_GPU_MAPPED_SINGLE_VM ||
	    state == PANTHOR_GEM_GPU_MAPPED_MULTI_VM)
		*gpu_mapped += bo->base.size >> PAGE_SHIFT;

	mutex_unlock(&bo->base.gpuva.lock);
	dma_resv_unlock(bo->base.resv);
}

/* I13: a list's page count is that of its members, who all know it. */
static void check_lru(struct drm_gem_lru *lru, const char *name,
		      struct panthor_check_report *r)
{
	struct drm_gem_object *obj;
	long pages = 0;

	list_for_each_entry(obj, &lru->list, lru_node) {
		pages += obj->size >> PAGE_SHIFT;
		if (obj->lru != lru)
			violated(r, 13, "member of LRU %s points to another", name);
	}
	if (lru->count != pages)
		violated(r, 13, "LRU %s counts %ld pages, has %ld", name, lru->count, pages);
}

/* I15: a VM with something to reclaim is on the device's list, once. */
static void check_vm_listed(struct panthor_device *ptdev, struct drm_gpuvm *vm,
			    struct panthor_check_report *r)
{
	unsigned int listed = 0;
	struct list_head *node;

	list_for_each(node, &ptdev->reclaim.vms)
		listed += check_inside_vm(vm, node);
	if (listed != 1)
		violated(r, 15, "VM with reclaimable BOs listed %u times", listed);
}

static void check_lists(struct panthor_device *ptdev, struct check_bos *all,
			long gpu_mapped, struct panthor_check_report *r)
{
	mutex_lock(&ptdev->base.gem_lru_mutex);

	check_lru(&ptdev->reclaim.unused, "unused", r);
	check_lru(&ptdev->reclaim.mmapped, "mmapped", r);
	check_lru(&ptdev->reclaim.gpu_mapped_shared, "gpu_mapped_shared", r);

	for (unsigned int i = 0; i < all->count; i++) {
		struct panthor_gem_object *bo = all->bos[i];
		struct drm_gpuvm *only_vm;

		/* Nobody else runs: the gpuva list does not change. */
		if (check_derive_state(bo, &only_vm) != PANTHOR_GEM_GPU_MAPPED_SINGLE_VM ||
		    !bo->base.lru || !check_inside_vm(only_vm, bo->base.lru))
			continue;
		check_lru(bo->base.lru, "of a VM", r);
		check_vm_listed(ptdev, only_vm, r);
	}

	mutex_unlock(&ptdev->base.gem_lru_mutex);

	if (ptdev->reclaim.gpu_mapped_count != gpu_mapped)
		violated(r, 14, "gpu_mapped_count %ld, %ld pages are",
			 ptdev->reclaim.gpu_mapped_count, gpu_mapped);
}

/**
 * panthor_check() - Check every invariant the fixture can observe
 * @test: Test whose device is checked.
 * @report: Filled with what does not hold.
 *
 * Context: Test thread at a quiescent point. Takes and releases BO resvs,
 * gpuva.lock and gem_lru_mutex.
 */
void panthor_check(struct kunit *test, struct panthor_check_report *report)
{
	struct panthor_device *ptdev = to_panthor_kunit(test)->ptdev;
	struct check_bos *all = check_bos_get(test);
	long gpu_mapped = 0;

	memset(report, 0, sizeof(*report));
	for (unsigned int i = 0; i < all->count; i++)
		check_bo(test, all->bos[i], &gpu_mapped, report);
	check_lists(ptdev, all, gpu_mapped, report);
	check_bos_put(all);
}

static void expect_none(struct kunit *test, const struct panthor_check_report *report)
{
	for (unsigned int i = 0; i < min(report->count, PANTHOR_CHECK_MAX_MSGS); i++)
		KUNIT_FAIL(test, "invariant violated: %s", report->msgs[i]);
	if (report->count > PANTHOR_CHECK_MAX_MSGS)
		KUNIT_FAIL(test, "and %u more", report->count - PANTHOR_CHECK_MAX_MSGS);
}

/**
 * panthor_expect_invariants() - Fail the test for each invariant that is broken
 * @test: Test whose device is checked.
 *
 * Context: As panthor_check().
 */
void panthor_expect_invariants(struct kunit *test)
{
	struct panthor_check_report report;

	panthor_check(test, &report);
	expect_none(test, &report);
}

/**
 * panthor_check_snapshot() - Remember which BOs have pages
 * @test: Test whose device it is; owns the memory.
 *
 * Context: Test thread. Other threads must be quiet; the caller may hold resvs.
 *
 * Return: The snapshot.
 */
struct panthor_check_snapshot *panthor_check_snapshot(struct kunit *test)
{
	struct check_bos *all = check_bos_get(test);
	struct panthor_check_snapshot *snap;

	snap = kunit_kzalloc(test, struct_size(snap, bos, all->count), GFP_KERNEL);
	if (snap) {
		snap->count = all->count;
		for (unsigned int i = 0; i < all->count; i++) {
			snap->bos[i].bo = all->bos[i];
			snap->bos[i].resident = all->bos[i]->backing.pages;
			snap->bos[i].reclaimed = atomic_read(&all->bos[i]->reclaimed_count);
		}
	}
	check_bos_put(all);
	KUNIT_ASSERT_NOT_NULL(test, snap);

	return snap;
}

static bool check_known(struct check_bos *all, struct panthor_gem_object *bo)
{
	for (unsigned int i = 0; i < all->count; i++)
		if (all->bos[i] == bo)
			return true;

	return false;
}

/**
 * panthor_check_scan() - Compare what a scan reported with what it did
 * @test: Test whose device was scanned.
 * @before: State before the scan.
 * @ret: What scan_objects() returned.
 * @report: Violations of I24 and I25 are added to it.
 *
 * A BO that was freed meanwhile is left out.
 *
 * Context: Test thread. Other threads must be quiet; the caller may hold resvs.
 */
void panthor_check_scan(struct kunit *test,
			const struct panthor_check_snapshot *before,
			unsigned long ret, struct panthor_check_report *report)
{
	unsigned long freed = ret == SHRINK_STOP ? 0 : ret;
	struct check_bos *all = check_bos_get(test);
	unsigned long left = 0;

	for (unsigned int i = 0; i < before->count; i++) {
		struct panthor_gem_object *bo = before->bos[i].bo;
		int was = before->bos[i].reclaimed, expected = was;

		if (!check_known(all, bo))
			continue;
		if (before->bos[i].resident && !bo->backing.pages) {
			left += bo->base.size >> PAGE_SHIFT;
			expected = was == INT_MAX ? INT_MAX : was + 1;
		}
		if (atomic_read(&bo->reclaimed_count) != expected)
			violated(report, 25, "reclaimed_count went from %d to %d, not %d",
				 was, atomic_read(&bo->reclaimed_count), expected);
	}
	check_bos_put(all);

	if (freed != left)
		violated(report, 24, "scan reported %lu pages, %lu left memory", freed, left);
}

/**
 * panthor_check_count() - Compare what a count reported with what is there
 * @test: Test whose device was counted.
 * @can_block: Whether the caller could wait for the GPU.
 * @ret: What count_objects() returned.
 * @report: Violations of I24 are added to it.
 *
 * Without swap space nothing may be counted, as contents cannot go anywhere.
 *
 * Context: Test thread. Other threads must be quiet; the caller may hold resvs.
 */
void panthor_check_count(struct kunit *test, bool can_block, unsigned long ret,
			 struct panthor_check_report *report)
{
	struct check_bos *all = check_bos_get(test);
	struct drm_gpuvm *only_vm;
	unsigned long pages = 0;

	for (unsigned int i = 0; i < all->count; i++) {
		struct panthor_gem_object *bo = all->bos[i];
		enum panthor_gem_reclaim_state state = check_derive_state(bo, &only_vm);

		if (state == PANTHOR_GEM_UNRECLAIMABLE ||
		    (state > PANTHOR_GEM_MMAPPED && !can_block))
			continue;
		pages += bo->base.size >> PAGE_SHIFT;
	}
	check_bos_put(all);

	if (ret != (panthor_seam_swap() > 0 ? (pages ?: SHRINK_EMPTY) : 0))
		violated(report, 24, "count reported %#lx, %lu pages are reclaimable, swap %ld",
			 ret, pages, panthor_seam_swap());
}

/**
 * panthor_expect_scan() - Fail the test if a scan's report is not what it did
 * @test: Test whose device was scanned.
 * @before: State before the scan.
 * @ret: What scan_objects() returned.
 *
 * Context: Test thread. Other threads must be quiet; the caller may hold resvs.
 */
void panthor_expect_scan(struct kunit *test,
			 const struct panthor_check_snapshot *before,
			 unsigned long ret)
{
	struct panthor_check_report report = {};

	panthor_check_scan(test, before, ret, &report);
	expect_none(test, &report);
}

/**
 * panthor_expect_count() - Fail the test if a count is not what is there
 * @test: Test whose device was counted.
 * @can_block: Whether the caller could wait for the GPU.
 * @ret: What count_objects() returned.
 *
 * Context: Test thread. Other threads must be quiet; the caller may hold resvs.
 */
void panthor_expect_count(struct kunit *test, bool can_block, unsigned long ret)
{
	struct panthor_check_report report = {};

	panthor_check_count(test, can_block, ret, &report);
	expect_none(test, &report);
}
