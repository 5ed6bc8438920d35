// SPDX-License-Identifier: GPL-2.0-only
/*
 * Checks of objects and lists at a quiescent point; those of VMs, page tables
 * and user mappings are in check_vm.c and check_map.c.
 *
 * Locks are taken in the driver's order: BO resv, gpuva.lock, gem_lru_mutex.
 * The lists are compared with gem_lru_mutex alone: at a quiescent point nobody
 * changes what the other two protect. Every object and list entry is looked at
 * once, so that a check costs what there is to look at.
 */

#include <linux/bits.h>
#include <linux/cleanup.h>
#include <linux/dma-buf.h>
#include <linux/dma-resv.h>
#include <linux/hash.h>
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/pagemap.h>
#include <linux/rcupdate.h>
#include <linux/scatterlist.h>
#include <linux/slab.h>
#include <linux/xarray.h>

#include <drm/drm_gem.h>
#include <drm/drm_gpuvm.h>

#include "check_priv.h"
#include "fixture.h"
#include "watch.h"

/**
 * check_violated() - Note that an invariant does not hold
 * @r: The report.
 * @inv: Number of the invariant.
 * @fmt: What is wrong.
 *
 * Context: Any.
 */
void check_violated(struct panthor_check_report *r, unsigned int inv, const char *fmt, ...)
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

static u32 *check_slot(struct check *c, const void *bo)
{
	u32 mask = BIT(c->hash_bits) - 1, i = hash_ptr(bo, c->hash_bits);

	while (c->hash[i] && c->bos[c->hash[i] - 1].bo != bo)
		i = (i + 1) & mask;

	return &c->hash[i];
}

/**
 * check_find_bo() - Find a BO by its address
 * @c: The check.
 * @bo: The address, not dereferenced.
 *
 * Context: Any.
 *
 * Return: The BO, or NULL if there is none at that address.
 */
struct check_bo *check_find_bo(struct check *c, const void *bo)
{
	u32 index = *check_slot(c, bo);

	return index ? &c->bos[index - 1] : NULL;
}

static void check_add_bo(struct check *c, struct panthor_gem_object *bo)
{
	if (!kref_get_unless_zero(&bo->base.refcount))
		return;
	c->nr_bos++;
	c->bos[c->nr_bos - 1] = (struct check_bo){ .bo = bo };
	*check_slot(c, bo) = c->nr_bos;
}

static void check_free(void *data)
{
	struct check *c = data;

	kvfree(c->hash);
	kvfree(c);
}

/* A check is made after every step of some cases: its memory is kept. */
static struct check *check_room(struct kunit *test, unsigned int max)
{
	struct panthor_kunit *ctx = to_panthor_kunit(test);
	struct check *c = ctx->check;

	if (c && c->max_bos >= max)
		return c;
	if (c)
		kunit_release_action(test, check_free, c);

	max = roundup_pow_of_two(max + 8);
	c = kvzalloc(struct_size(c, bos, max), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, c);
	c->max_bos = max;
	/* Half of it stays free, so that a search ends soon. */
	c->hash_bits = ilog2(max) + 1;
	c->hash = kvcalloc(BIT(c->hash_bits), sizeof(*c->hash), GFP_KERNEL);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, check_free, c), 0);
	KUNIT_ASSERT_NOT_NULL(test, c->hash);
	ctx->check = c;

	return c;
}

/**
 * check_open() - Collect and reference every BO of the device
 * @test: The test.
 * @r: Where violations are to go.
 *
 * Context: Test thread. Takes and releases gems.lock.
 *
 * Return: The check, to be ended with check_close() before the next one; a
 * failure aborts the test.
 */
struct check *check_open(struct kunit *test, struct panthor_check_report *r)
{
	struct panthor_device *ptdev = to_panthor_kunit(test)->ptdev;
	struct panthor_gem_object *bo;
	unsigned int max;
	struct check *c;

	mutex_lock(&ptdev->gems.lock);
	max = list_count_nodes(&ptdev->gems.node);
	mutex_unlock(&ptdev->gems.lock);

	c = check_room(test, max);
	c->test = test;
	c->ctx = to_panthor_kunit(test);
	c->ptdev = ptdev;
	c->r = r;
	c->nr_bos = 0;
	c->nr_vms = 0;
	c->gpu_mapped = 0;
	c->vm_bos = 0;
	c->tables = 0;
	memset(c->hash, 0, BIT(c->hash_bits) * sizeof(*c->hash));

	mutex_lock(&ptdev->gems.lock);
	list_for_each_entry(bo, &ptdev->gems.node, debugfs.node)
		if (c->nr_bos < c->max_bos)
			check_add_bo(c, bo);
	mutex_unlock(&ptdev->gems.lock);

	return c;
}

/**
 * check_close() - Put what check_open() referenced
 * @c: The check.
 *
 * Context: Process context, no resv is held.
 */
void check_close(struct check *c)
{
	for (unsigned int i = 0; i < c->nr_bos; i++)
		drm_gem_object_put(&c->bos[i].bo->base);
}

/* I1: the page array holds exactly the pages of the object's file, in order. */
static void check_pages(struct panthor_gem_object *bo, struct panthor_check_report *r)
{
	XA_STATE(xas, &bo->base.filp->f_mapping->i_pages, 0);

	if (IS_ERR(bo->backing.pages)) {
		check_violated(r, 1, "pages is the error %pe", bo->backing.pages);
		return;
	}

	/* Nobody changes the page cache of a BO that has pages; RCU is a formality. */
	guard(rcu)();
	for (pgoff_t i = 0; i < bo->base.size >> PAGE_SHIFT; i++) {
		struct folio *folio;

		xas_set(&xas, i);
		folio = xas_load(&xas);
		if (!folio || xa_is_value(folio) || xas_retry(&xas, folio)) {
			check_violated(r, 1, "page %lu is not in the page cache", i);
			return;
		}
		if (folio_file_page(folio, i) != bo->backing.pages[i]) {
			check_violated(r, 1, "page %lu is not the file's", i);
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
		check_violated(r, 2, "sg table without pages");
		return;
	}

	for_each_sgtable_page(sgt, &iter, 0) {
		if (nr >= npages || sg_page_iter_page(&iter) != bo->backing.pages[nr]) {
			check_violated(r, 2, "sg table entry for page %lu is not that page", nr);
			return;
		}
		nr++;
	}
	if (nr != npages)
		check_violated(r, 2, "sg table covers %lu of %lu pages", nr, npages);

	for_each_sgtable_dma_sg(sgt, sgl, i)
		dma_len += sg_dma_len(sgl);
	if (dma_len != bo->base.size)
		check_violated(r, 2, "%zu of %zu bytes are DMA mapped", dma_len, bo->base.size);
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
		check_violated(r, 4, "saturated counter: pin %#x vmap %#x mmap %#x",
			       pins, vmaps, mmaps);

	if (pins && !bo->backing.pages)
		check_violated(r, 3, "%u pins and no pages", pins);

	expected = panthor_kunit_pins(ctx, bo) + check_attachments(bo) + !!bo->cmap.vaddr;
	if (pins != expected)
		check_violated(r, 3, "%u pins, %lu holders", pins, expected);

	if (!!bo->cmap.vaddr != !!vmaps)
		check_violated(r, 5, "vaddr %s with %u users",
			       bo->cmap.vaddr ? "set" : "NULL", vmaps);
	if ((bo->cmap.vaddr || vmaps) && !pins)
		check_violated(r, 5, "kernel mapping without a pin");
	if (bo->cmap.vaddr && !IS_ERR_OR_NULL(bo->backing.pages))
		check_kernel_mapping(bo, r);
}

/**
 * check_derive_state() - The state as a function of what is there (I11)
 * @bo: The BO.
 * @only_vm: Set to a VM that has it mapped, if there is one.
 *
 * Written from the rules, not from the driver.
 *
 * Context: The BO's gpuva list does not change.
 *
 * Return: The state.
 */
enum panthor_gem_reclaim_state
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

/* Where a VM's LRU is in the VM: learned from a BO that is on the right one. */
static size_t check_lru_offset;

/* I12, I16: the LRU an object is on is the one its state names, and exists. */
static void check_lru_of(struct check *c, struct panthor_gem_object *bo,
			 enum panthor_gem_reclaim_state state, struct drm_gpuvm *only_vm)
{
	struct panthor_device *ptdev = c->ptdev;
	struct drm_gem_lru *lru = bo->base.lru, *expected = NULL;
	struct check_vm *on = lru ? check_find_vm(c, lru) : NULL;

	if (lru && !on && lru != &ptdev->reclaim.unused && lru != &ptdev->reclaim.mmapped &&
	    lru != &ptdev->reclaim.gpu_mapped_shared)
		check_violated(c->r, 16, "on an LRU that is of no VM");

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
		if (!on || check_gpuvm(on->vm) != only_vm)
			check_violated(c->r, 12, "mapped by one VM but not on its LRU");
		else if (!check_lru_offset)
			check_lru_offset = (void *)lru - (void *)on->vm;
		return;
	case PANTHOR_GEM_UNRECLAIMABLE:
		break;
	}

	if (lru != expected)
		check_violated(c->r, 12, "%s but on %s LRU", panthor_kunit_state_name(state),
			       lru ? "another" : "no");
}

static void check_bo(struct check *c, struct check_bo *cb)
{
	struct panthor_gem_object *bo = cb->bo;
	enum panthor_gem_reclaim_state state;
	struct panthor_check_report *r = c->r;
	struct drm_gpuvm *only_vm;

	dma_resv_lock(bo->base.resv, NULL);
	mutex_lock(&bo->base.gpuva.lock);

	if (bo->backing.pages)
		check_pages(bo, r);
	if (bo->dmap.sgt)
		check_sgt(bo, r);
	check_pins(c->ctx, bo, r);

	if (refcount_read(&bo->cmap.mmap_count) != cb->vmas)
		check_violated(r, 6, "mmap_count %u with %u VMAs",
			       refcount_read(&bo->cmap.mmap_count), cb->vmas);

	state = check_derive_state(bo, &only_vm);
	if (bo->reclaim_state != state)
		check_violated(r, 11, "state %s, evaluates to %s",
			       panthor_kunit_state_name(bo->reclaim_state),
			       panthor_kunit_state_name(state));
	check_lru_of(c, bo, state, only_vm);
	check_vm_bos(c, bo);

	if (state == PANTHOR_GEM_GPU_MAPPED_SINGLE_VM ||
	    state == PANTHOR_GEM_GPU_MAPPED_MULTI_VM)
		c->gpu_mapped += bo->base.size >> PAGE_SHIFT;

	mutex_unlock(&bo->base.gpuva.lock);
	dma_resv_unlock(bo->base.resv);
}

/* I13: a list's page count is that of its members, who all know it and exist. */
static void check_lru(struct check *c, struct drm_gem_lru *lru, const char *name)
{
	struct drm_gem_object *obj;
	long pages = 0;

	list_for_each_entry(obj, &lru->list, lru_node) {
		struct check_bo *cb = check_find_bo(c, to_panthor_bo(obj));

		pages += obj->size >> PAGE_SHIFT;
		if (obj->lru != lru)
			check_violated(c->r, 13, "member of LRU %s points to another", name);
		if (cb)
			cb->on_lru = true;
		else
			check_violated(c->r, 13, "member of LRU %s is no BO", name);
	}
	if (lru->count != pages)
		check_violated(c->r, 13, "LRU %s counts %ld pages, has %ld",
			       name, lru->count, pages);
}

/* I15, I16: what the device lists are VMs, and all that have something to reclaim. */
static void check_listed_vms(struct check *c)
{
	struct list_head *node;

	list_for_each(node, &c->ptdev->reclaim.vms) {
		struct check_vm *vm = check_find_vm(c, node);

		if (vm)
			vm->listed++;
		else
			check_violated(c->r, 16, "a VM that is gone is listed");
	}

	for (unsigned int i = 0; i < c->nr_vms; i++) {
		struct check_vm *vm = &c->vms[i];

		if (vm->listed > 1 || (!vm->listed && vm->lru && !list_empty(&vm->lru->list)))
			check_violated(c->r, 15, "VM with reclaimable BOs listed %u times",
				       vm->listed);
	}
}

static void check_lists(struct check *c)
{
	struct panthor_device *ptdev = c->ptdev;

	mutex_lock(&ptdev->base.gem_lru_mutex);

	check_lru(c, &ptdev->reclaim.unused, "unused");
	check_lru(c, &ptdev->reclaim.mmapped, "mmapped");
	check_lru(c, &ptdev->reclaim.gpu_mapped_shared, "gpu_mapped_shared");
	for (unsigned int i = 0; check_lru_offset && i < c->nr_vms; i++) {
		c->vms[i].lru = (void *)c->vms[i].vm + check_lru_offset;
		check_lru(c, c->vms[i].lru, "of a VM");
	}
	check_listed_vms(c);

	for (unsigned int i = 0; i < c->nr_bos; i++)
		if (c->bos[i].bo->base.lru && !c->bos[i].on_lru)
			check_violated(c->r, 13, "BO is not on the LRU it points to");

	mutex_unlock(&ptdev->base.gem_lru_mutex);

	if (ptdev->reclaim.gpu_mapped_count != c->gpu_mapped)
		check_violated(c->r, 14, "gpu_mapped_count %ld, %ld pages are",
			       ptdev->reclaim.gpu_mapped_count, c->gpu_mapped);
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
	struct check *c = check_open(test, report);

	panthor_watch_report(report);
	check_gather_vms(c);
	check_user_mappings(c);
	for (unsigned int i = 0; i < c->nr_bos; i++)
		check_bo(c, &c->bos[i]);
	check_lists(c);
	check_vms(c);
	check_close(c);
}

/**
 * panthor_expect_report() - Fail the test for what a report has
 * @test: The test.
 * @report: The report.
 *
 * Context: Any.
 */
void panthor_expect_report(struct kunit *test, const struct panthor_check_report *report)
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
	panthor_expect_report(test, &report);
}
