// SPDX-License-Identifier: GPL-2.0-only
/*
 * Reclaim in the driver, judged by the model, and the comparison of both. It looks
 * at every field that the model has and allocates nothing, so that it can be made
 * after every step; what it does not see, lists and sg tables and page tables as a
 * whole, is for the invariant checker.
 */

#include <linux/bitops.h>
#include <linux/io-pgtable.h>
#include <linux/sched.h>
#include <linux/sched/mm.h>
#include <linux/shrinker.h>

#include <drm/drm_gem.h>
#include <drm/drm_gpuvm.h>

#include <kunit/test.h>

#include "fixture.h"
#include "seam.h"
#include "world.h"

static gfp_t scan_gfp(enum model_op op)
{
	switch (op) {
	case MODEL_SHRINK_MORE:
		return GFP_NOFS;
	case MODEL_SHRINK_NOWAIT:
		return GFP_NOWAIT;
	case MODEL_SHRINK_KSWAPD:
		return __GFP_KSWAPD_RECLAIM;
	default:
		return GFP_KERNEL;
	}
}

static unsigned long scan_pages(const struct world *w, enum model_op op)
{
	if (op == MODEL_SHRINK_ONE)
		return 1;

	return op == MODEL_SHRINK_MORE ? (w->size >> PAGE_SHIFT) + 1 : U32_MAX >> 1;
}

static unsigned long scan(struct world *w, enum model_op op)
{
	struct shrinker *shrinker = w->ptdev->reclaim.shrinker;
	struct shrink_control sc = { .gfp_mask = scan_gfp(op), .nr_to_scan = scan_pages(w, op) };
	bool kswapd = op == MODEL_SHRINK_KSWAPD;
	unsigned long ret;

	if (kswapd)
		current->flags |= PF_KSWAPD;
	fs_reclaim_acquire(GFP_KERNEL);
	ret = shrinker->scan_objects(shrinker, &sc);
	fs_reclaim_release(GFP_KERNEL);
	if (kswapd)
		current->flags &= ~PF_KSWAPD;

	return ret;
}

/* Around a scan: what keeps it from getting at something. */
static void hinder(struct world *w, struct model_step step, bool begin)
{
	struct dma_resv *resv;

	switch ((enum model_op)step.op) {
	case MODEL_SHRINK_NO_SWAP:
		panthor_seam_set_swap(w->test, !begin);
		break;
	case MODEL_SHRINK_TIMEOUT:
		panthor_seam_fail_always(w->test, SEAM_FENCE_WAIT,
					 begin ? PANTHOR_SEAM_TIMEOUT : PANTHOR_SEAM_NO_WAIT);
		break;
	case MODEL_SHRINK_BO_HELD:
	case MODEL_SHRINK_VM_HELD:
		resv = step.op == MODEL_SHRINK_BO_HELD ? w->bo[step.bo].bo->base.resv :
							 panthor_vm_resv(w->vm[step.vm]);
		if (begin)
			dma_resv_lock(resv, NULL);
		else
			dma_resv_unlock(resv);
		break;
	default:
		break;
	}
}

/**
 * world_scan() - Reclaim
 * @w: The world. Told by world_differs() if a scan did or said something wrong.
 * @m: The model before it.
 * @step: The kind of reclaim.
 *
 * Context: Test thread. Enters fs_reclaim, so that lockdep judges what is locked.
 *
 * Return: The BOs that lost their pages, as bits.
 */
u32 world_scan(struct world *w, const struct model *m, struct model_step step)
{
	unsigned long ret, expected;
	u32 victims = 0;

	hinder(w, step, true);
	ret = scan(w, step.op);
	hinder(w, step, false);

	for (u8 i = 0; i < m->nr_bos; i++) {
		struct world_bo *b = &w->bo[i];

		if (!b->bo || !m->bo[i].resident || b->bo->backing.pages)
			continue;
		victims |= BIT(i);
		if (atomic_read(&b->bo->reclaimed_count) != ++b->reclaimed)
			world_differs(w, "BO %u counts %d evictions, not %d", i,
				      atomic_read(&b->bo->reclaimed_count), b->reclaimed);
	}

	expected = hweight32(victims) * (w->size >> PAGE_SHIFT);
	if (!victims)
		expected = model_asks_again(m, step, 0) ? 0 : SHRINK_STOP;
	if (!model_victims_allowed(m, step, victims))
		world_differs(w, "evicts BOs %#x", victims);
	else if (ret != expected)
		world_differs(w, "returns %#lx, not %#lx, and evicts BOs %#x", ret, expected,
			      victims);

	return victims;
}

static enum panthor_gem_reclaim_state state_of(u8 queue)
{
	if (queue == MODEL_UNUSED)
		return PANTHOR_GEM_UNUSED;
	if (queue == MODEL_MMAPPED)
		return PANTHOR_GEM_MMAPPED;
	if (queue == MODEL_SHARED)
		return PANTHOR_GEM_GPU_MAPPED_MULTI_VM;
	if (queue == MODEL_NOT_QUEUED)
		return PANTHOR_GEM_UNRECLAIMABLE;

	return PANTHOR_GEM_GPU_MAPPED_SINGLE_VM;
}

/* Of two BOs in one queue, the older one stands nearer to the head of the LRU. */
static bool stands_before(struct panthor_gem_object *a, struct panthor_gem_object *b)
{
	struct drm_gem_object *obj;

	if (!a->base.lru)
		return false;
	list_for_each_entry(obj, &a->base.lru->list, lru_node) {
		if (obj == &a->base)
			return true;
		if (obj == &b->base)
			return false;
	}

	return false;
}

/* Whether the driver has put a BO back to where it was before a step that failed. */
static bool stayed(struct world *w, const struct model *m, u8 i)
{
	const struct model_bo *bo = &m->bo[i];

	for (u8 j = 0; j < m->nr_bos; j++)
		if (i != j && m->bo[j].queue == bo->queue && m->bo[j].since + 1 >= bo->was &&
		    stands_before(w->bo[i].bo, w->bo[j].bo))
			return true;

	return false;
}

/**
 * world_adopt() - Take from the driver what the model leaves open
 * @w: The world after a step.
 * @m: The model after it.
 * @left_open: model_left_open() said so of the step.
 *
 * Context: Test thread.
 */
void world_adopt(struct world *w, struct model *m, bool left_open)
{
	struct model before;

	for (u8 i = 0; i < m->nr_bos; i++) {
		struct panthor_gem_object *bo = w->bo[i].bo;

		if (!model_alive(m, i)) {
			w->bo[i].bo = NULL;
			continue;
		}
		if (left_open && bo->backing.pages && !m->bo[i].resident) {
			m->bo[i].resident = true;
			model_settle(m, i);
		}
		if (left_open)
			m->bo[i].dma = m->bo[i].resident && bo->dmap.sgt;
		/* A VM_BIND job left it, and something else looked at it since. */
		if (m->bind.left & BIT(i) && bo->reclaim_state != state_of(m->bo[i].queue)) {
			model_settle(m, i);
			/* With others, or after them: its place is left open. */
			for (u8 j = 0; j < m->nr_bos; j++)
				if (m->bo[j].queue == m->bo[i].queue)
					m->bo[j].since = 0;
		}
		if (m->bo[i].was && stayed(w, m, i))
			m->bo[i].since = m->bo[i].was - 1;
		m->bo[i].was = 0;
	}

	before = *m;
	for (u8 i = 0; i < m->nr_bos; i++)
		for (u8 j = 0; j < m->nr_bos; j++)
			if (i != j && before.bo[i].queue != MODEL_NOT_QUEUED &&
			    before.bo[i].queue == before.bo[j].queue &&
			    before.bo[i].since == before.bo[j].since &&
			    stands_before(w->bo[i].bo, w->bo[j].bo))
				model_order(m, j);
}

static u8 map_of(struct panthor_gem_object *bo, struct panthor_vm *vm)
{
	struct drm_gpuvm_bo *vm_bo;

	/* The gpuvm is the first member, see panthor_vm_resv() for the contract. */
	drm_gem_for_each_gpuvm_bo(vm_bo, &bo->base)
		if (vm_bo->vm == (struct drm_gpuvm *)vm)
			return vm_bo->evicted ? MODEL_EVICTED : MODEL_LIVE;

	return MODEL_NOT_MAPPED;
}

static void compare_bo(struct world *w, const struct model *m, u8 i)
{
	struct panthor_gem_object *bo = w->bo[i].bo;
	const struct model_bo *want = &m->bo[i];
	unsigned int pins = want->pins + !!want->vmaps + want->attached;

	if (m->bind.stage && m->bind.maps && m->bind.bo == i)
		pins++;
	if (!!bo->backing.pages != want->resident)
		world_differs(w, "BO %u is %sresident", i, bo->backing.pages ? "" : "not ");
	if (!!bo->dmap.sgt != want->dma)
		world_differs(w, "BO %u is %smapped for DMA", i, bo->dmap.sgt ? "" : "not ");
	if (refcount_read(&bo->backing.pin_count) != pins)
		world_differs(w, "BO %u has %u pins, not %u", i,
			      refcount_read(&bo->backing.pin_count), pins);
	if (refcount_read(&bo->cmap.vaddr_use_count) != want->vmaps)
		world_differs(w, "BO %u has %u kernel mappings", i,
			      refcount_read(&bo->cmap.vaddr_use_count));
	if (refcount_read(&bo->cmap.mmap_count) != want->mmaps)
		world_differs(w, "BO %u has %u user mappings", i,
			      refcount_read(&bo->cmap.mmap_count));
	if (atomic_read(&bo->reclaimed_count) != w->bo[i].reclaimed)
		world_differs(w, "BO %u counts %d evictions, not %d", i,
			      atomic_read(&bo->reclaimed_count), w->bo[i].reclaimed);
	if (bo->reclaim_state != state_of(want->queue))
		world_differs(w, "BO %u is %s, not %s", i,
			      panthor_kunit_state_name(bo->reclaim_state),
			      panthor_kunit_state_name(state_of(want->queue)));
	for (u8 vm = 0; vm < m->nr_vms; vm++)
		if (map_of(bo, w->vm[vm]) != want->map[vm])
			world_differs(w, "BO %u in VM %u is %u, not %u", i, vm,
				      map_of(bo, w->vm[vm]), want->map[vm]);
}

/* Same queue, same LRU, older first; another queue, another LRU. */
static void compare_queues(struct world *w, const struct model *m)
{
	for (u8 i = 0; i < m->nr_bos; i++) {
		const struct model_bo *a = &m->bo[i];
		struct panthor_gem_object *bo = w->bo[i].bo;

		bool queued = a->queue != MODEL_NOT_QUEUED, listed = bo && bo->base.lru;

		if (listed != queued)
			world_differs(w, "BO %u is on %s LRU", i, listed ? "an" : "no");
		for (u8 j = 0; j < m->nr_bos && !w->why[0]; j++) {
			const struct model_bo *b = &m->bo[j];
			bool together = a->queue == b->queue;

			if (i == j || !queued || b->queue == MODEL_NOT_QUEUED)
				continue;
			listed = bo->base.lru == w->bo[j].bo->base.lru;
			if (listed != together)
				world_differs(w, "BOs %u and %u are on %s LRU", i, j,
					      listed ? "the same" : "more than one");
			else if (together && a->since < b->since &&
				 !stands_before(bo, w->bo[j].bo))
				world_differs(w, "BO %u is queued behind BO %u", i, j);
		}
	}
}

static void compare_counts(struct world *w, const struct model *m)
{
	long pages[MODEL_NOT_QUEUED + 1] = {}, gpu = 0;
	struct panthor_device *ptdev = w->ptdev;
	/* One is the fixture's, for the test's address space. */
	size_t bos = 1;

	for (u8 i = 0; i < m->nr_bos; i++) {
		pages[m->bo[i].queue] += m->pages;
		bos += model_alive(m, i);
	}
	for (u8 queue = MODEL_OF_VM; queue <= MODEL_SHARED; queue++)
		gpu += pages[queue];

	if (list_count_nodes(&ptdev->gems.node) != bos)
		world_differs(w, "there are %zu BOs, not %zu",
			      list_count_nodes(&ptdev->gems.node), bos);
	if (ptdev->reclaim.unused.count != pages[MODEL_UNUSED] ||
	    ptdev->reclaim.mmapped.count != pages[MODEL_MMAPPED] ||
	    ptdev->reclaim.gpu_mapped_shared.count != pages[MODEL_SHARED])
		world_differs(w, "the LRUs count %ld, %ld, %ld pages",
			      ptdev->reclaim.unused.count, ptdev->reclaim.mmapped.count,
			      ptdev->reclaim.gpu_mapped_shared.count);
	if (ptdev->reclaim.gpu_mapped_count != gpu)
		world_differs(w, "%ld pages count as mapped by the GPU, not %ld",
			      ptdev->reclaim.gpu_mapped_count, gpu);
}

static void compare_place(struct world *w, const struct model *m, u8 vm, u8 slot,
			  enum model_part part)
{
	struct io_pgtable_ops *pgt = w->pgt[vm];
	u8 place = m->place[vm][slot][part];
	phys_addr_t want = 0, is = pgt->iova_to_phys(pgt, world_va(slot, part));

	if (place && !(place & MODEL_GONE))
		want = page_to_phys(w->bo[place - 1].bo->backing.pages[part]);
	if (is != want)
		world_differs(w, "slot %u of VM %u %s, part %u", slot, vm,
			      !want ? "leads somewhere" : !is ? "leads nowhere" : "leads elsewhere",
			      part);
}

/**
 * world_compare() - Compare driver and model
 * @w: The world; gets to know the first difference.
 * @m: The model.
 *
 * Context: Test thread. No thread but the worker of VM_BIND does anything.
 */
void world_compare(struct world *w, const struct model *m)
{
	compare_counts(w, m);
	/* A BO that is gone too early must not be looked at. */
	if (w->why[0])
		return;

	for (u8 i = 0; i < m->nr_bos; i++)
		if (w->bo[i].bo)
			compare_bo(w, m, i);
	if (w->why[0])
		return;

	compare_queues(w, m);
	for (u8 vm = 0; vm < m->nr_vms; vm++)
		for (u8 slot = 0; slot < m->nr_bos; slot++)
			for (u8 part = 0; part < MODEL_PARTS; part++)
				compare_place(w, m, vm, slot, part);
}
