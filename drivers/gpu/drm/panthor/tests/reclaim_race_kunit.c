// SPDX-License-Identifier: GPL-2.0-only
/*
 * A scan and a second thread, in an order that is forced: the object or the VM
 * at which the scan works changes under it.
 */

#include <linux/dma-fence.h>
#include <linux/dma-resv.h>
#include <linux/kref.h>
#include <linux/refcount.h>
#include <linux/shrinker.h>
#include <linux/slab.h>
#include <linux/spinlock.h>

#include <drm/drm_gem.h>
#include <drm/drm_gpuvm.h>

#include <kunit/resource.h>

#include "check.h"
#include "fake_pgtable.h"
#include "fixture.h"
#include "race.h"
#include "reclaim.h"
#include "seam.h"
#include "vm_walk.h"

static const char *race_fence_name(struct dma_fence *fence)
{
	return "panthor-kunit";
}

static const struct dma_fence_ops race_fence_ops = {
	.get_driver_name = race_fence_name,
	.get_timeline_name = race_fence_name,
};

static DEFINE_SPINLOCK(race_fence_lock);

static void race_fence_end(void *data)
{
	struct dma_fence *fence = data;

	dma_fence_signal(fence);
	dma_fence_put(fence);
}

/* A GPU job that runs until the end of the test. */
static struct dma_fence *race_fence(struct kunit *test)
{
	struct dma_fence *fence = kzalloc_obj(*fence);

	KUNIT_ASSERT_NOT_NULL(test, fence);
	dma_fence_init(fence, &race_fence_ops, &race_fence_lock,
		       dma_fence_context_alloc(1), 1);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, race_fence_end, fence), 0);

	return fence;
}

static void race_unpin(void *data)
{
	panthor_gem_unpin(data);
}

/**
 * struct busy - What the second thread does to a BO
 * @bo: The BO.
 * @vm: VM that maps it.
 * @fence: Job that uses it.
 */
struct busy {
	struct panthor_gem_object *bo;
	struct panthor_vm *vm;
	struct dma_fence *fence;
};

static int map(void *data)
{
	struct busy *busy = data;

	return panthor_vm_map_bo_range(busy->vm, busy->bo, 0, busy->bo->base.size, VA(0), 0);
}

/* What a submission leaves behind: a fence of the job. */
static int submit(void *data)
{
	struct busy *busy = data;
	struct dma_resv *resv = busy->bo->base.resv;
	int ret;

	dma_resv_lock(resv, NULL);
	ret = dma_resv_reserve_fences(resv, 1);
	if (!ret)
		dma_resv_add_fence(resv, busy->fence, DMA_RESV_USAGE_BOOKKEEP);
	dma_resv_unlock(resv);

	return ret;
}

static int map_and_submit(void *data)
{
	return map(data) ?: submit(data);
}

static int pin(void *data)
{
	struct busy *busy = data;

	return panthor_gem_pin(busy->bo);
}

static int map_and_pin(void *data)
{
	return map(data) ?: pin(data);
}

/**
 * struct busy_param - A way in which a BO on its way out becomes busy
 * @desc: Name in the results.
 * @make: Makes the BO, on the LRU it is taken from.
 * @op: Runs after the BO was taken off the LRU, before its resv is locked.
 * @gfp: Allocation context in which that LRU is scanned.
 * @pins: @op leaves a pin.
 * @live: VMs that map the BO afterwards.
 */
struct busy_param {
	const char *desc;
	struct panthor_gem_object *(*make)(struct kunit *test, u64 size);
	panthor_race_op op;
	gfp_t gfp;
	bool pins;
	unsigned int live;
};

static const struct busy_param busy_params[] = {
	{ "unused-submit", reclaim_unused_bo, map_and_submit, GFP_ATOMIC, false, 1 },
	{ "unused-pin", reclaim_unused_bo, pin, GFP_ATOMIC, true, 0 },
	{ "unused-map_and_pin", reclaim_unused_bo, map_and_pin, GFP_ATOMIC, true, 1 },
	{ "mmapped-submit", reclaim_mmapped_bo, map_and_submit, GFP_ATOMIC, false, 1 },
	{ "mmapped-pin", reclaim_mmapped_bo, pin, GFP_ATOMIC, true, 0 },
	{ "mmapped-map_and_pin", reclaim_mmapped_bo, map_and_pin, GFP_ATOMIC, true, 1 },
	{ "single_vm-submit", reclaim_single_vm_bo, submit, GFP_KERNEL, false, 1 },
	{ "single_vm-pin", reclaim_single_vm_bo, pin, GFP_KERNEL, true, 1 },
	{ "multi_vm-submit", reclaim_multi_vm_bo, submit, GFP_KERNEL, false, 2 },
	{ "multi_vm-pin", reclaim_multi_vm_bo, pin, GFP_KERNEL, true, 2 },
};

KUNIT_ARRAY_PARAM_DESC(busy, busy_params, desc);

/* Makes a BO, has @p->op done to it in a scan, and returns what the scan did. */
static unsigned long scan_while_it_becomes_busy(struct kunit *test,
						const struct busy_param *p,
						struct busy *busy)
{
	struct panthor_race *race;
	unsigned long ret = 0;

	busy->bo = p->make(test, BO_SIZE);
	busy->vm = panthor_kunit_vm(test);
	busy->fence = race_fence(test);

	race = panthor_race_at(test, SEAM_LRU_POPPED, 1, p->op, busy);
	kunit_warning_suppress(test) {
		ret = panthor_kunit_scan(test, p->gfp, 1);
		KUNIT_EXPECT_SUPPRESSED_WARNING_COUNT(test, 0);
	}
	panthor_race_expect(race);
	if (p->pins) {
		panthor_kunit_expect_pin(test, busy->bo);
		KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, race_unpin, busy->bo), 0);
	}

	return ret;
}

/*
 * A BO is used by a job or pinned after the scan took it off its LRU and before
 * it locked it (B44). Its pages are in use, and are not to go before those who
 * use them do.
 * Succeeds if the pages stay, and the scan neither warns nor claims to have
 * freed any.
 */
static void bo_that_became_busy_keeps_its_pages(struct kunit *test)
{
	struct busy busy;
	unsigned long ret;

	ret = scan_while_it_becomes_busy(test, test->param_value, &busy);

	KUNIT_EXPECT_TRUE_MSG(test, !ret || ret == SHRINK_STOP, "%lu pages reported", ret);
	KUNIT_EXPECT_NOT_NULL(test, busy.bo->backing.pages);
}

static const void *maps_gen_params(struct kunit *test, const void *prev, char *desc)
{
	const struct busy_param *p = prev ? (const struct busy_param *)prev + 1 : busy_params;

	for (; p < busy_params + ARRAY_SIZE(busy_params); p++) {
		if (!p->live)
			continue;
		strscpy(desc, p->desc, KUNIT_PARAM_DESC_SIZE);
		return p;
	}

	return NULL;
}

/*
 * The same for the GPU's mapping, which the job needs as much (B44).
 * Succeeds if no VM lost its mapping.
 */
static void bo_that_became_busy_keeps_its_mapping(struct kunit *test)
{
	const struct busy_param *p = test->param_value;
	struct drm_gpuvm_bo *vm_bo;
	unsigned int live = 0;
	struct busy busy;

	scan_while_it_becomes_busy(test, p, &busy);

	drm_gem_for_each_gpuvm_bo(vm_bo, &busy.bo->base)
		live += !vm_bo->evicted;
	KUNIT_EXPECT_EQ(test, live, p->live);
}

static int nothing(void *data)
{
	return 0;
}

/*
 * A scan that is delayed at the same place while nothing happens to the BO. The
 * cases above would prove little if this kept the BO.
 * Succeeds if the BO is evicted.
 */
static void delay_alone_does_not_save_a_bo(struct kunit *test)
{
	struct panthor_gem_object *bo = reclaim_unused_bo(test, BO_SIZE);
	struct panthor_race *race = panthor_race_at(test, SEAM_LRU_POPPED, 1, nothing, NULL);

	KUNIT_EXPECT_EQ(test, panthor_kunit_scan(test, GFP_ATOMIC, 1), BO_PAGES);
	panthor_race_expect(race);
	KUNIT_EXPECT_NULL(test, bo->backing.pages);
}

/**
 * struct vm_race - A VM with two BOs that cannot be evicted now
 * @ptdev: The device.
 * @vm: The VM.
 * @bos: Its BOs, in the order of its LRU.
 */
struct vm_race {
	struct panthor_device *ptdev;
	struct panthor_vm *vm;
	struct panthor_gem_object *bos[2];
};

static void vm_race_init(struct kunit *test, struct vm_race *r)
{
	r->ptdev = to_panthor_kunit(test)->ptdev;
	r->vm = panthor_kunit_vm(test);
	for (int i = 0; i < ARRAY_SIZE(r->bos); i++) {
		r->bos[i] = panthor_kunit_bo(test, BO_SIZE);
		panthor_kunit_map(test, r->vm, r->bos[i], VA(i));
	}
}

static void race_idle(void *data)
{
	panthor_vm_idle(data);
}

static int activate(void *data)
{
	struct vm_race *r = data;

	return panthor_vm_active(r->vm);
}

/* A second reclaimer, such as kswapd beside direct reclaim. */
static int scan_too(void *data)
{
	struct vm_race *r = data;
	struct shrink_control sc = { .gfp_mask = GFP_KERNEL, .nr_to_scan = EVERYTHING };

	r->ptdev->reclaim.shrinker->scan_objects(r->ptdev->reclaim.shrinker, &sc);
	return 0;
}

/*
 * The VM gets a job while its BOs are scanned, which makes it the last victim
 * and takes it off the scan's private list (B32).
 * Succeeds if it is on the device's list afterwards, once, behind the other VM.
 */
static void vm_that_became_active_goes_to_the_end(struct kunit *test)
{
	struct vm_race r, other;
	struct panthor_race *race;

	vm_race_init(test, &other);
	vm_race_init(test, &r);
	panthor_seam_fail_always(test, SEAM_FENCE_WAIT, PANTHOR_SEAM_TIMEOUT);

	race = panthor_race_at(test, SEAM_LRU_SHRINK, 1, activate, &r);
	panthor_kunit_scan(test, GFP_KERNEL, EVERYTHING);
	panthor_race_expect(race);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, race_idle, r.vm), 0);

	panthor_expect_invariants(test);
	panthor_seam_disarm(SEAM_FENCE_WAIT);
	KUNIT_EXPECT_EQ(test, panthor_kunit_scan(test, GFP_KERNEL, 1), BO_PAGES);
	KUNIT_EXPECT_NULL(test, other.bos[0]->backing.pages);
}

/*
 * Two VMs have their slots, in which the first one came later. A job does not make a VM
 * that has a slot active once more.
 * Succeeds if the one that got a job last is the last to lose BOs.
 */
static void vm_with_the_later_job_goes_to_the_end(struct kunit *test)
{
	struct vm_race first, second;

	vm_race_init(test, &first);
	vm_race_init(test, &second);
	KUNIT_ASSERT_EQ(test, panthor_vm_active(second.vm), 0);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, race_idle, second.vm), 0);
	KUNIT_ASSERT_EQ(test, panthor_vm_active(first.vm), 0);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, race_idle, first.vm), 0);
	KUNIT_ASSERT_EQ(test, panthor_kunit_prepare_job(first.vm), 0);
	KUNIT_ASSERT_EQ(test, panthor_kunit_prepare_job(second.vm), 0);
	kunit_release_action(test, race_idle, first.vm);
	kunit_release_action(test, race_idle, second.vm);

	KUNIT_EXPECT_EQ(test, panthor_kunit_scan(test, GFP_KERNEL, 1), BO_PAGES);
	KUNIT_EXPECT_NULL(test, first.bos[0]->backing.pages);
	KUNIT_EXPECT_NOT_NULL(test, second.bos[0]->backing.pages);
}

/*
 * The VM gets a job while the first of its BOs is scanned, and a second scan
 * looks at it while the first one holds all of them (B56): it finds a VM that
 * has nothing. No BO goes, as all are busy.
 * Succeeds if a later scan, when they no longer are, finds them.
 */
static void vm_looked_at_while_its_bos_are_out_stays_known(struct kunit *test)
{
	struct panthor_race *first, *second;
	struct vm_race r;

	vm_race_init(test, &r);
	panthor_seam_fail_always(test, SEAM_FENCE_WAIT, PANTHOR_SEAM_TIMEOUT);

	first = panthor_race_at(test, SEAM_LRU_SHRINK, 1, activate, &r);
	second = panthor_race_at(test, SEAM_FENCE_WAIT, 2, scan_too, &r);
	panthor_kunit_scan(test, GFP_KERNEL, EVERYTHING);
	panthor_race_expect(first);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, race_idle, r.vm), 0);
	panthor_race_expect(second);

	panthor_seam_disarm(SEAM_FENCE_WAIT);
	KUNIT_EXPECT_EQ(test, panthor_kunit_scan(test, GFP_KERNEL, EVERYTHING), 2 * BO_PAGES);
}

/*
 * Takes the mapping at VA(0) away, and cuts the one at VA(1) in two. The first
 * part of that is a new mapping, in the memory of the one at VA(0).
 */
static int unmap_and_split(void *data)
{
	struct panthor_vm *vm = data;

	return panthor_vm_unmap_range(vm, VA(0), BO_SIZE) ?:
	       panthor_vm_unmap_range(vm, VA(1) + 2 * PAGE_SIZE, PAGE_SIZE);
}

/*
 * A restore has chosen a mapping and gets page tables for it, without a lock on
 * the VM. Meanwhile the mapping is unmapped and its memory becomes that of a new
 * one of the same BO, which is mapped already (B25).
 * Succeeds if the restore leaves the new one alone and the old one unmapped.
 */
static void restore_does_not_take_a_new_mapping_for_the_old(struct kunit *test)
{
	struct panthor_gem_object *bo = panthor_kunit_bo(test, BO_SIZE);
	struct panthor_race *race;
	struct drm_gpuvm_bo *vm_bo;
	struct panthor_vm *vm;

	panthor_pgt_install(test, PANTHOR_PGT_FAKE);
	vm = panthor_kunit_vm(test);
	panthor_kunit_map(test, vm, bo, VA(0));
	KUNIT_ASSERT_EQ(test, panthor_kunit_scan(test, GFP_KERNEL, EVERYTHING), BO_PAGES);
	vm_bo = vm_bo_of(vm, bo);
	KUNIT_ASSERT_NOT_NULL(test, vm_bo);
	/* A VMA of the driver begins with its gpuva. */
	panthor_seam_recycle(test, list_first_entry(&vm_bo->list.gpuva, struct drm_gpuva,
						    gem.entry));
	panthor_kunit_map(test, vm, bo, VA(1));

	race = panthor_race_at(test, SEAM_PT_BULK, 1, unmap_and_split, vm);
	KUNIT_EXPECT_EQ(test, vm_submit(vm), 0);
	panthor_race_expect(race);
	KUNIT_ASSERT_TRUE(test, panthor_seam_recycled());

	KUNIT_EXPECT_EQ(test, vm_walk_ptes(vm, VA(0), BO_SIZE), 0);
	KUNIT_EXPECT_EQ(test, vm_walk_ptes(vm, VA(1), BO_SIZE),
			(BO_SIZE - PAGE_SIZE) / SZ_4K);
	vm_walk_expect_consistent(test);
}

static struct kunit_case reclaim_race_cases[] = {
	KUNIT_CASE_PARAM(bo_that_became_busy_keeps_its_pages, busy_gen_params),
	KUNIT_CASE_PARAM(bo_that_became_busy_keeps_its_mapping, maps_gen_params),
	KUNIT_CASE(delay_alone_does_not_save_a_bo),
	KUNIT_CASE(vm_that_became_active_goes_to_the_end),
	KUNIT_CASE(vm_with_the_later_job_goes_to_the_end),
	KUNIT_CASE(vm_looked_at_while_its_bos_are_out_stays_known),
	KUNIT_CASE(restore_does_not_take_a_new_mapping_for_the_old),
	{}
};

static struct kunit_suite reclaim_race_suite = {
	.name = "panthor_reclaim_race",
	.init = reclaim_init,
	.exit = panthor_kunit_exit,
	.suite_exit = panthor_kunit_suite_exit,
	.test_cases = reclaim_race_cases,
};

kunit_test_suite(reclaim_race_suite);
