// SPDX-License-Identifier: GPL-2.0-only
/*
 * Reclaim: which state an event leads to, which LRU it puts a BO on, what the
 * shrinker counts, and whom a scan evicts in which order.
 *
 * Swap space is visible to the driver in every case that does not say otherwise.
 */

#include <linux/dma-resv.h>
#include <linux/sched.h>
#include <linux/shrinker.h>
#include <linux/sizes.h>
#include <linux/uaccess.h>

#include <drm/drm_gpuvm.h>
#include <drm/panthor_drm.h>

#include "check.h"
#include "fixture.h"
#include "seam.h"

/* Size of a BO in cases where sizes do not matter: four pages of any size. */
#define BO_SIZE		(4 * PAGE_SIZE)
#define BO_PAGES	4

/* Far more than all BOs of a case together, in pages. */
#define EVERYTHING	4096

#define VA(n)		(SZ_1G + (n) * (u64)SZ_16M)

static int reclaim_init(struct kunit *test)
{
	int ret = panthor_kunit_init(test);

	panthor_seam_set_swap(test, 1);
	return ret;
}

static struct panthor_gem_object *unused_bo(struct kunit *test, u64 size)
{
	struct panthor_gem_object *bo = panthor_kunit_bo(test, size);

	panthor_kunit_make_resident(test, bo);
	return bo;
}

static struct panthor_gem_object *mmapped_bo(struct kunit *test, u64 size)
{
	struct panthor_gem_object *bo = unused_bo(test, size);

	panthor_kunit_mmap(test, bo);
	return bo;
}

static struct panthor_gem_object *single_vm_bo(struct kunit *test, u64 size)
{
	struct panthor_gem_object *bo = panthor_kunit_bo(test, size);

	panthor_kunit_map(test, panthor_kunit_vm(test), bo, VA(0));
	return bo;
}

static struct panthor_gem_object *multi_vm_bo(struct kunit *test, u64 size)
{
	struct panthor_gem_object *bo = single_vm_bo(test, size);

	panthor_kunit_map(test, panthor_kunit_vm(test), bo, VA(0));
	return bo;
}

/**
 * struct reclaim_kind - A way to hold on to a BO's pages
 * @desc: Name in the results.
 * @make: Makes a BO held that way.
 * @state: The state that follows.
 */
struct reclaim_kind {
	const char *desc;
	struct panthor_gem_object *(*make)(struct kunit *test, u64 size);
	enum panthor_gem_reclaim_state state;
};

static const struct reclaim_kind reclaim_kinds[] = {
	{ "unused", unused_bo, PANTHOR_GEM_UNUSED },
	{ "mmapped", mmapped_bo, PANTHOR_GEM_MMAPPED },
	{ "single_vm", single_vm_bo, PANTHOR_GEM_GPU_MAPPED_SINGLE_VM },
	{ "multi_vm", multi_vm_bo, PANTHOR_GEM_GPU_MAPPED_MULTI_VM },
};

KUNIT_ARRAY_PARAM_DESC(reclaim_kind, reclaim_kinds, desc);

/*
 * What holds the pages decides the state, and the state the LRU.
 * Succeeds if state and LRU are those of the kind of holder.
 */
static void holder_decides_state_and_lru(struct kunit *test)
{
	const struct reclaim_kind *kind = test->param_value;
	struct panthor_device *ptdev = to_panthor_kunit(test)->ptdev;
	struct panthor_gem_object *bo = kind->make(test, BO_SIZE);

	expect_bo_state(test, bo, kind->state);
	switch (kind->state) {
	case PANTHOR_GEM_UNUSED:
		expect_on_lru(test, bo, &ptdev->reclaim.unused);
		break;
	case PANTHOR_GEM_MMAPPED:
		expect_on_lru(test, bo, &ptdev->reclaim.mmapped);
		break;
	case PANTHOR_GEM_GPU_MAPPED_MULTI_VM:
		expect_on_lru(test, bo, &ptdev->reclaim.gpu_mapped_shared);
		break;
	default:
		/* The LRU is the VM's own: the checker knows which VM that is. */
		KUNIT_EXPECT_NOT_NULL(test, bo->base.lru);
		KUNIT_EXPECT_FALSE(test, list_empty(&ptdev->reclaim.vms));
		break;
	}
	panthor_expect_invariants(test);
}

/*
 * A pin hides a BO from the shrinker whatever else holds it, and its last
 * unpin brings back what would have been without it.
 * Succeeds if the BO is unreclaimable in between and as before afterwards.
 */
static void pin_overrides_any_state(struct kunit *test)
{
	const struct reclaim_kind *kind = test->param_value;
	struct panthor_gem_object *bo = kind->make(test, BO_SIZE);
	struct drm_gem_lru *lru = bo->base.lru;

	KUNIT_ASSERT_EQ(test, panthor_kunit_pin(test, bo), 0);
	expect_bo_state(test, bo, PANTHOR_GEM_UNRECLAIMABLE);
	expect_on_lru(test, bo, NULL);
	panthor_expect_invariants(test);

	panthor_kunit_unpin(test, bo);
	expect_bo_state(test, bo, kind->state);
	expect_on_lru(test, bo, lru);
}

/*
 * A BO that is reclaimable in any way can be evicted, and then is no more.
 * Succeeds if one scan takes exactly its pages and it ends on no LRU.
 */
static void scan_evicts_any_state(struct kunit *test)
{
	const struct reclaim_kind *kind = test->param_value;
	struct panthor_gem_object *bo = kind->make(test, BO_SIZE);
	struct drm_gpuvm_bo *vm_bo;

	KUNIT_EXPECT_EQ(test, panthor_kunit_scan(test, GFP_KERNEL, 1), panthor_kunit_pages(bo));

	KUNIT_EXPECT_NULL(test, bo->backing.pages);
	KUNIT_EXPECT_NULL(test, bo->dmap.sgt);
	expect_bo_state(test, bo, PANTHOR_GEM_UNRECLAIMABLE);
	expect_on_lru(test, bo, NULL);
	drm_gem_for_each_gpuvm_bo(vm_bo, &bo->base)
		KUNIT_EXPECT_TRUE(test, vm_bo->evicted);
	KUNIT_EXPECT_EQ(test, panthor_kunit_count(test, GFP_KERNEL), SHRINK_EMPTY);
}

/*
 * A failing fence wait or a busy GPU concerns those whom the GPU may use.
 * Succeeds if only GPU-mapped BOs are waited for, once, and stay when the wait
 * expires.
 */
static void only_gpu_mapped_bos_wait_for_fences(struct kunit *test)
{
	const struct reclaim_kind *kind = test->param_value;
	bool waits = kind->state >= PANTHOR_GEM_GPU_MAPPED_SINGLE_VM;
	struct panthor_gem_object *bo = kind->make(test, BO_SIZE);
	unsigned long ret;

	panthor_seam_fail_always(test, SEAM_FENCE_WAIT, PANTHOR_SEAM_TIMEOUT);
	ret = panthor_kunit_scan(test, GFP_KERNEL, 1);

	KUNIT_EXPECT_EQ(test, panthor_seam_calls(SEAM_FENCE_WAIT), waits);
	KUNIT_EXPECT_EQ(test, ret, waits ? 0 : panthor_kunit_pages(bo));
	KUNIT_EXPECT_EQ(test, !bo->backing.pages, !waits);
}

/*
 * Reclaim runs while any lock may be held, so a locked BO is skipped. As long
 * as there is something left the core is asked to try once more, then to stop.
 * Succeeds if scans of a locked BO return 0, then SHRINK_STOP, then 0 again.
 */
static void contended_bo_is_retried_once(struct kunit *test)
{
	const struct reclaim_kind *kind = test->param_value;
	struct panthor_gem_object *bo = kind->make(test, BO_SIZE);
	unsigned long ret[3];

	dma_resv_lock(bo->base.resv, NULL);
	for (int i = 0; i < ARRAY_SIZE(ret); i++)
		ret[i] = panthor_kunit_scan(test, GFP_KERNEL, 1);
	dma_resv_unlock(bo->base.resv);

	KUNIT_EXPECT_EQ(test, ret[0], 0);
	KUNIT_EXPECT_EQ(test, ret[1], SHRINK_STOP);
	KUNIT_EXPECT_EQ(test, ret[2], 0);
	KUNIT_EXPECT_NOT_NULL(test, bo->backing.pages);
	expect_bo_state(test, bo, kind->state);
}

/*
 * A mapping that nobody touched has no pages behind it yet.
 * Succeeds if the BO becomes MMAPPED only with the first touch.
 */
static void untouched_mmap_is_not_reclaimable(struct kunit *test)
{
	struct panthor_gem_object *bo = panthor_kunit_bo(test, BO_SIZE);
	unsigned long addr = panthor_kunit_mmap(test, bo);

	expect_bo_state(test, bo, PANTHOR_GEM_UNRECLAIMABLE);
	expect_on_lru(test, bo, NULL);

	KUNIT_ASSERT_EQ(test, put_user(1, (u8 __user *)addr), 0);
	expect_bo_state(test, bo, PANTHOR_GEM_MMAPPED);
	panthor_expect_invariants(test);
}

/*
 * The last unmap of user space leaves pages behind that nobody uses.
 * Succeeds if the BO is MMAPPED with one of two mappings, UNUSED with none.
 */
static void last_munmap_makes_unused(struct kunit *test)
{
	struct panthor_gem_object *bo = unused_bo(test, BO_SIZE);
	unsigned long first = panthor_kunit_mmap(test, bo);
	unsigned long second = panthor_kunit_mmap(test, bo);

	panthor_kunit_munmap(test, first, bo->base.size);
	expect_bo_state(test, bo, PANTHOR_GEM_MMAPPED);
	panthor_kunit_munmap(test, second, bo->base.size);
	expect_bo_state(test, bo, PANTHOR_GEM_UNUSED);
}

/*
 * Splitting a user mapping makes two of it; both have to go.
 * Succeeds if the count follows and the BO is UNUSED only after the second.
 */
static void split_mmap_counts_twice(struct kunit *test)
{
	struct panthor_gem_object *bo = unused_bo(test, 3 * PAGE_SIZE);
	unsigned long addr = panthor_kunit_mmap(test, bo);

	panthor_kunit_munmap(test, addr + PAGE_SIZE, PAGE_SIZE);
	KUNIT_EXPECT_EQ(test, refcount_read(&bo->cmap.mmap_count), 2);
	panthor_expect_invariants(test);

	panthor_kunit_munmap(test, addr, PAGE_SIZE);
	expect_bo_state(test, bo, PANTHOR_GEM_MMAPPED);
	panthor_kunit_munmap(test, addr + 2 * PAGE_SIZE, PAGE_SIZE);
	expect_bo_state(test, bo, PANTHOR_GEM_UNUSED);
}

/*
 * With a second VM a BO is shared; when one lets go, the other owns it alone.
 * Succeeds if the BO ends on the LRU of the VM that still maps it.
 */
static void unmap_from_one_vm_returns_bo_to_the_other(struct kunit *test)
{
	struct panthor_gem_object *bo = panthor_kunit_bo(test, BO_SIZE);
	struct panthor_vm *a = panthor_kunit_vm(test), *b = panthor_kunit_vm(test);
	struct drm_gem_lru *lru_of_a;

	panthor_kunit_map(test, a, bo, VA(0));
	lru_of_a = bo->base.lru;
	panthor_kunit_map(test, b, bo, VA(1));
	expect_bo_state(test, bo, PANTHOR_GEM_GPU_MAPPED_MULTI_VM);

	panthor_kunit_unmap(test, a, bo, VA(0));
	expect_bo_state(test, bo, PANTHOR_GEM_GPU_MAPPED_SINGLE_VM);
	KUNIT_EXPECT_PTR_NE(test, bo->base.lru, lru_of_a);
	panthor_expect_invariants(test);
}

/*
 * The GPU's hold is stronger than user space's: it decides while it lasts.
 * Succeeds if a mmapped BO is SINGLE_VM while mapped and MMAPPED after it.
 */
static void gpu_unmap_uncovers_mmap(struct kunit *test)
{
	struct panthor_gem_object *bo = mmapped_bo(test, BO_SIZE);
	struct panthor_vm *vm = panthor_kunit_vm(test);

	panthor_kunit_map(test, vm, bo, VA(0));
	expect_bo_state(test, bo, PANTHOR_GEM_GPU_MAPPED_SINGLE_VM);
	panthor_kunit_unmap(test, vm, bo, VA(0));
	expect_bo_state(test, bo, PANTHOR_GEM_MMAPPED);
}

/*
 * A mapping that was evicted is no hold: pages that came back for somebody
 * else are reclaimable without the GPU (B17).
 * Succeeds if the repopulated BO is UNUSED and can be evicted again.
 */
static void evicted_gpu_mapping_is_no_hold(struct kunit *test)
{
	struct panthor_gem_object *bo = single_vm_bo(test, BO_SIZE);

	KUNIT_ASSERT_EQ(test, panthor_kunit_scan(test, GFP_KERNEL, 1), BO_PAGES);
	panthor_kunit_make_resident(test, bo);
	expect_bo_state(test, bo, PANTHOR_GEM_UNUSED);
	panthor_expect_invariants(test);

	KUNIT_EXPECT_EQ(test, panthor_kunit_scan(test, GFP_KERNEL, 1), BO_PAGES);
	KUNIT_EXPECT_EQ(test, atomic_read(&bo->reclaimed_count), 2);
}

/*
 * User space must not notice an eviction: the next touch gets the pages back.
 * Succeeds if the touch allocates again and reads what was written.
 */
static void evicted_mmap_refaults_with_content(struct kunit *test)
{
	struct panthor_gem_object *bo = panthor_kunit_bo(test, BO_SIZE);
	unsigned long addr = panthor_kunit_mmap(test, bo);
	u32 value = 0;

	for (unsigned long i = 0; i < panthor_kunit_pages(bo); i++)
		KUNIT_ASSERT_EQ(test, put_user((u32)(0xc0de0000 + i),
					       (u32 __user *)(addr + i * PAGE_SIZE)), 0);
	KUNIT_ASSERT_EQ(test, panthor_kunit_scan(test, GFP_KERNEL, 1), panthor_kunit_pages(bo));
	KUNIT_ASSERT_EQ(test, panthor_seam_calls(SEAM_GET_PAGES), 1);

	for (unsigned long i = 0; i < panthor_kunit_pages(bo); i++) {
		KUNIT_ASSERT_EQ(test, get_user(value, (u32 __user *)(addr + i * PAGE_SIZE)), 0);
		KUNIT_EXPECT_EQ_MSG(test, value, (u32)(0xc0de0000 + i), "page %lu", i);
	}
	KUNIT_EXPECT_EQ(test, panthor_seam_calls(SEAM_GET_PAGES), 2);
	expect_bo_state(test, bo, PANTHOR_GEM_MMAPPED);
}

/* One BO of each kind; sizes are distinct powers of two, so sums tell who. */
struct one_of_each {
	struct panthor_gem_object *unused, *mmapped, *single, *multi;
};

static struct one_of_each one_of_each(struct kunit *test)
{
	/* Made in the reverse of the order in which they are to be evicted. */
	struct panthor_gem_object *multi = multi_vm_bo(test, 8 * PAGE_SIZE);
	struct panthor_gem_object *single = single_vm_bo(test, 4 * PAGE_SIZE);
	struct panthor_gem_object *mmapped = mmapped_bo(test, 2 * PAGE_SIZE);

	return (struct one_of_each){ unused_bo(test, PAGE_SIZE), mmapped, single, multi };
}

/* Pages of those of @all that are not resident. */
static unsigned long evicted_pages(const struct one_of_each *all)
{
	return (all->unused->backing.pages ? 0 : 1) + (all->mmapped->backing.pages ? 0 : 2) +
	       (all->single->backing.pages ? 0 : 4) + (all->multi->backing.pages ? 0 : 8);
}

/**
 * struct reclaim_context - A row of the truth table of who may be reclaimed
 * @desc: Name in the results.
 * @gfp: Allocation context.
 * @kswapd: Run as if in kswapd.
 * @swap: Free swap pages the driver sees.
 * @pages: Pages of one_of_each() that may go.
 */
struct reclaim_context {
	const char *desc;
	gfp_t gfp;
	bool kswapd;
	long swap;
	unsigned long pages;
};

static const struct reclaim_context reclaim_contexts[] = {
	{ "direct", GFP_KERNEL, false, 1, 15 },
	{ "direct_nofs", GFP_NOFS, false, 1, 15 },
	{ "direct_only", __GFP_DIRECT_RECLAIM, false, 1, 15 },
	{ "kswapd", __GFP_KSWAPD_RECLAIM, true, 1, 15 },
	{ "kswapd_flag_elsewhere", __GFP_KSWAPD_RECLAIM, false, 1, 3 },
	{ "atomic", GFP_ATOMIC, false, 1, 3 },
	{ "no_reclaim", 0, false, 1, 3 },
	{ "no_reclaim_in_kswapd", 0, true, 1, 3 },
	{ "direct_no_swap", GFP_KERNEL, false, 0, 0 },
	{ "kswapd_no_swap", __GFP_KSWAPD_RECLAIM, true, 0, 0 },
	{ "atomic_no_swap", GFP_ATOMIC, false, 0, 0 },
};

KUNIT_ARRAY_PARAM_DESC(reclaim_context, reclaim_contexts, desc);

/* Is reset by the end of the kthread at the latest: an abort cannot leak it. */
static void pretend_kswapd(bool on)
{
	if (on)
		current->flags |= PF_KSWAPD;
	else
		current->flags &= ~PF_KSWAPD;
}

/*
 * What may be reclaimed depends on swap space, as contents must go somewhere,
 * and on whether the caller may wait for the GPU.
 * Succeeds if the count is that of the row.
 */
static void count_follows_context(struct kunit *test)
{
	const struct reclaim_context *c = test->param_value;
	unsigned long ret;

	one_of_each(test);
	panthor_seam_set_swap(test, c->swap);
	pretend_kswapd(c->kswapd);
	ret = panthor_kunit_count(test, c->gfp);
	pretend_kswapd(false);

	KUNIT_EXPECT_EQ(test, ret, c->pages);
}

/*
 * A scan must take what the count promised and nothing else (B29).
 * Succeeds if exactly the BOs of the row are evicted.
 */
static void scan_follows_context(struct kunit *test)
{
	const struct reclaim_context *c = test->param_value;
	struct one_of_each all = one_of_each(test);
	unsigned long ret;

	panthor_seam_set_swap(test, c->swap);
	pretend_kswapd(c->kswapd);
	ret = panthor_kunit_scan(test, c->gfp, EVERYTHING);
	pretend_kswapd(false);

	KUNIT_EXPECT_EQ(test, evicted_pages(&all), c->pages);
	KUNIT_EXPECT_EQ(test, ret, c->pages ?: SHRINK_STOP);
}

/*
 * Nothing at all is not the same as nothing now: the core may skip the
 * shrinker until something is added.
 * Succeeds if an empty device counts SHRINK_EMPTY and scans SHRINK_STOP.
 */
static void empty_device_says_so(struct kunit *test)
{
	panthor_kunit_bo(test, BO_SIZE);

	KUNIT_EXPECT_EQ(test, panthor_kunit_count(test, GFP_KERNEL), SHRINK_EMPTY);
	KUNIT_EXPECT_EQ(test, panthor_kunit_scan(test, GFP_KERNEL, 1), SHRINK_STOP);
}

/*
 * What can only be had by waiting is nothing to those who cannot wait.
 * Succeeds if GPU-mapped BOs alone count SHRINK_EMPTY in atomic context.
 */
static void gpu_mapped_alone_is_empty_for_atomic(struct kunit *test)
{
	single_vm_bo(test, BO_SIZE);
	multi_vm_bo(test, BO_SIZE);

	KUNIT_EXPECT_EQ(test, panthor_kunit_count(test, GFP_ATOMIC), SHRINK_EMPTY);
}

/*
 * The cheapest victims go first: unused, then mmapped, then those of one VM,
 * then those of several.
 * Succeeds if four scans for one page each take one BO, in that order.
 */
static void scan_takes_cheapest_first(struct kunit *test)
{
	struct one_of_each all = one_of_each(test);

	KUNIT_EXPECT_EQ(test, panthor_kunit_scan(test, GFP_KERNEL, 1), 1);
	KUNIT_EXPECT_EQ(test, evicted_pages(&all), 1);
	KUNIT_EXPECT_EQ(test, panthor_kunit_scan(test, GFP_KERNEL, 1), 2);
	KUNIT_EXPECT_EQ(test, evicted_pages(&all), 1 + 2);
	KUNIT_EXPECT_EQ(test, panthor_kunit_scan(test, GFP_KERNEL, 1), BO_PAGES);
	KUNIT_EXPECT_EQ(test, evicted_pages(&all), 1 + 2 + 4);
	KUNIT_EXPECT_EQ(test, panthor_kunit_scan(test, GFP_KERNEL, 1), 8);
	KUNIT_EXPECT_EQ(test, evicted_pages(&all), 1 + 2 + 4 + 8);
}

/*
 * Among equals the one that was used longest ago goes first; a new use and its
 * end move a BO back to the end of the queue.
 * Succeeds if the victim is the second BO, because the first was used again.
 */
static void oldest_unused_bo_goes_first(struct kunit *test)
{
	struct panthor_gem_object *first = unused_bo(test, BO_SIZE);
	struct panthor_gem_object *second = unused_bo(test, BO_SIZE);
	struct panthor_gem_object *third = unused_bo(test, BO_SIZE);

	panthor_kunit_make_resident(test, first);
	KUNIT_EXPECT_EQ(test, panthor_kunit_scan(test, GFP_KERNEL, 1), BO_PAGES);

	KUNIT_EXPECT_NOT_NULL(test, first->backing.pages);
	KUNIT_EXPECT_NULL(test, second->backing.pages);
	KUNIT_EXPECT_NOT_NULL(test, third->backing.pages);
}

/*
 * Within one VM, BOs are queued as they were mapped.
 * Succeeds if two scans take the first and then the second.
 */
static void oldest_bo_of_a_vm_goes_first(struct kunit *test)
{
	struct panthor_vm *vm = panthor_kunit_vm(test);
	struct panthor_gem_object *bo[3];

	for (int i = 0; i < ARRAY_SIZE(bo); i++) {
		bo[i] = panthor_kunit_bo(test, BO_SIZE);
		panthor_kunit_map(test, vm, bo[i], VA(i));
	}

	KUNIT_EXPECT_EQ(test, panthor_kunit_scan(test, GFP_KERNEL, 1), BO_PAGES);
	KUNIT_EXPECT_NULL(test, bo[0]->backing.pages);
	KUNIT_EXPECT_NOT_NULL(test, bo[1]->backing.pages);
	KUNIT_EXPECT_EQ(test, panthor_kunit_scan(test, GFP_KERNEL, 1), BO_PAGES);
	KUNIT_EXPECT_NULL(test, bo[1]->backing.pages);
	KUNIT_EXPECT_NOT_NULL(test, bo[2]->backing.pages);
}

/**
 * struct scan_size - How many of four BOs of four pages a request takes
 * @desc: Name in the results.
 * @nr_to_scan: Pages asked for.
 * @victims: BOs that must go.
 */
struct scan_size {
	const char *desc;
	unsigned long nr_to_scan;
	unsigned int victims;
};

static const struct scan_size scan_sizes[] = {
	{ "0_pages", 0, 0 },
	{ "1_page", 1, 1 },
	{ "exactly_one_bo", 4, 1 },
	{ "one_page_more", 5, 2 },
	{ "exactly_two_bos", 8, 2 },
	{ "all_but_a_page", 15, 4 },
	{ "more_than_there_is", 1000, 4 },
};

KUNIT_ARRAY_PARAM_DESC(scan_size, scan_sizes, desc);

/*
 * BOs are evicted whole, until as many pages are gone as were asked for.
 * Succeeds if the number of victims is that of the row, oldest first.
 */
static void scan_stops_when_it_has_enough(struct kunit *test)
{
	const struct scan_size *size = test->param_value;
	struct panthor_gem_object *bo[4];
	unsigned long ret;

	for (int i = 0; i < ARRAY_SIZE(bo); i++)
		bo[i] = unused_bo(test, 4 * PAGE_SIZE);

	ret = panthor_kunit_scan(test, GFP_KERNEL, size->nr_to_scan);

	KUNIT_EXPECT_EQ(test, ret, size->victims ? 4 * size->victims : SHRINK_STOP);
	for (int i = 0; i < ARRAY_SIZE(bo); i++)
		KUNIT_EXPECT_EQ_MSG(test, !bo[i]->backing.pages, i < size->victims, "BO %d", i);
}

/*
 * One contended BO must not keep the scan from the next.
 * Succeeds if the oldest, locked, stays and the other goes.
 */
static void scan_goes_on_past_contended_bo(struct kunit *test)
{
	struct panthor_gem_object *locked = unused_bo(test, BO_SIZE);
	struct panthor_gem_object *other = unused_bo(test, BO_SIZE);
	unsigned long ret;

	dma_resv_lock(locked->base.resv, NULL);
	ret = panthor_kunit_scan(test, GFP_KERNEL, 1);
	dma_resv_unlock(locked->base.resv);

	KUNIT_EXPECT_EQ(test, ret, panthor_kunit_pages(other));
	KUNIT_EXPECT_NOT_NULL(test, locked->backing.pages);
	KUNIT_EXPECT_NULL(test, other->backing.pages);
	panthor_expect_invariants(test);
}

/*
 * A shared BO may only go with every VM that maps it locked (I18).
 * Succeeds if it stays, still mapped in both, while one VM is locked.
 */
static void shared_bo_stays_while_one_vm_is_locked(struct kunit *test)
{
	struct panthor_gem_object *bo = panthor_kunit_bo(test, BO_SIZE);
	struct panthor_vm *a = panthor_kunit_vm(test), *b = panthor_kunit_vm(test);
	struct drm_gpuvm_bo *vm_bo;
	unsigned long ret;

	panthor_kunit_map(test, a, bo, VA(0));
	panthor_kunit_map(test, b, bo, VA(0));

	dma_resv_lock(panthor_vm_resv(b), NULL);
	ret = panthor_kunit_scan(test, GFP_KERNEL, 1);
	dma_resv_unlock(panthor_vm_resv(b));

	KUNIT_EXPECT_EQ(test, ret, 0);
	KUNIT_EXPECT_NOT_NULL(test, bo->backing.pages);
	drm_gem_for_each_gpuvm_bo(vm_bo, &bo->base)
		KUNIT_EXPECT_FALSE(test, vm_bo->evicted);
}

/*
 * The firmware uses its buffers at any time: they are pinned from the start.
 * Succeeds if a scan for everything leaves a firmware BO alone.
 */
static void firmware_bo_is_never_evicted(struct kunit *test)
{
	struct panthor_vm *fw_vm = panthor_kunit_vm(test);
	struct panthor_kernel_bo *kbo;

	panthor_seam_set_fw_vm(test, fw_vm);
	kbo = panthor_kunit_kernel_bo(test, fw_vm, BO_SIZE);

	expect_bo_state(test, to_panthor_bo(kbo->obj), PANTHOR_GEM_UNRECLAIMABLE);
	KUNIT_EXPECT_EQ(test, panthor_kunit_scan(test, GFP_KERNEL, EVERYTHING), SHRINK_STOP);
	KUNIT_EXPECT_NOT_NULL(test, to_panthor_bo(kbo->obj)->backing.pages);
}

/*
 * Kernel BOs of other VMs hold no pin and are private to their VM.
 * Succeeds if one is reclaimable like any BO of that VM.
 */
static void kernel_bo_of_user_vm_is_reclaimable(struct kunit *test)
{
	struct panthor_vm *vm = panthor_kunit_vm(test);
	struct panthor_kernel_bo *kbo = panthor_kunit_kernel_bo(test, vm, BO_SIZE);
	struct panthor_gem_object *bo = to_panthor_bo(kbo->obj);

	expect_bo_state(test, bo, PANTHOR_GEM_GPU_MAPPED_SINGLE_VM);
	KUNIT_EXPECT_EQ(test, panthor_kunit_scan(test, GFP_KERNEL, 1), panthor_kunit_pages(bo));
	KUNIT_EXPECT_NULL(test, bo->backing.pages);
}

/*
 * A VM is a candidate for as long as it has something to give.
 * Succeeds if the device's list of VMs is empty after the VM's last BO went.
 */
static void vm_without_bos_leaves_the_list(struct kunit *test)
{
	struct panthor_device *ptdev = to_panthor_kunit(test)->ptdev;

	single_vm_bo(test, BO_SIZE);
	KUNIT_ASSERT_FALSE(test, list_empty(&ptdev->reclaim.vms));
	KUNIT_ASSERT_EQ(test, panthor_kunit_scan(test, GFP_KERNEL, 1), BO_PAGES);

	KUNIT_EXPECT_TRUE(test, list_empty(&ptdev->reclaim.vms));
}

/*
 * The count of evictions is what users see; it must not wrap (I25).
 * Succeeds if it saturates at INT_MAX.
 */
static void eviction_count_saturates(struct kunit *test)
{
	struct panthor_gem_object *bo = unused_bo(test, BO_SIZE);

	atomic_set(&bo->reclaimed_count, INT_MAX);
	KUNIT_ASSERT_EQ(test, panthor_kunit_scan(test, GFP_KERNEL, 1), BO_PAGES);

	KUNIT_EXPECT_EQ(test, atomic_read(&bo->reclaimed_count), INT_MAX);
}

/*
 * Contents survive any number of evictions, through each kind of holder (I23).
 * Succeeds if every word is as written after three rounds.
 */
static void content_survives_evictions(struct kunit *test)
{
	const struct reclaim_kind *kind = test->param_value;
	struct panthor_gem_object *bo = kind->make(test, BO_SIZE);
	u32 *words = panthor_kunit_vmap(test, bo);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, words);
	for (u32 i = 0; i < bo->base.size / sizeof(*words); i++)
		words[i] = i * 0x9e3779b9;
	panthor_kunit_vunmap(test, bo);

	for (int round = 0; round < 3; round++) {
		KUNIT_ASSERT_EQ(test, panthor_kunit_scan(test, GFP_KERNEL, 1), BO_PAGES);
		words = panthor_kunit_vmap(test, bo);
		KUNIT_ASSERT_NOT_ERR_OR_NULL(test, words);
		for (u32 i = 0; i < bo->base.size / sizeof(*words); i++)
			KUNIT_ASSERT_EQ_MSG(test, words[i], i * 0x9e3779b9,
					    "word %u, round %d", i, round);
		panthor_kunit_vunmap(test, bo);
	}
}

static struct kunit_case gem_reclaim_cases[] = {
	KUNIT_CASE_PARAM(holder_decides_state_and_lru, reclaim_kind_gen_params),
	KUNIT_CASE_PARAM(pin_overrides_any_state, reclaim_kind_gen_params),
	KUNIT_CASE_PARAM(scan_evicts_any_state, reclaim_kind_gen_params),
	KUNIT_CASE_PARAM(only_gpu_mapped_bos_wait_for_fences, reclaim_kind_gen_params),
	KUNIT_CASE_PARAM(contended_bo_is_retried_once, reclaim_kind_gen_params),
	KUNIT_CASE_PARAM(content_survives_evictions, reclaim_kind_gen_params),
	KUNIT_CASE(untouched_mmap_is_not_reclaimable),
	KUNIT_CASE(last_munmap_makes_unused),
	KUNIT_CASE(split_mmap_counts_twice),
	KUNIT_CASE(unmap_from_one_vm_returns_bo_to_the_other),
	KUNIT_CASE(gpu_unmap_uncovers_mmap),
	KUNIT_CASE(evicted_gpu_mapping_is_no_hold),
	KUNIT_CASE(evicted_mmap_refaults_with_content),
	KUNIT_CASE_PARAM(count_follows_context, reclaim_context_gen_params),
	KUNIT_CASE_PARAM(scan_follows_context, reclaim_context_gen_params),
	KUNIT_CASE(empty_device_says_so),
	KUNIT_CASE(gpu_mapped_alone_is_empty_for_atomic),
	KUNIT_CASE(scan_takes_cheapest_first),
	KUNIT_CASE(oldest_unused_bo_goes_first),
	KUNIT_CASE(oldest_bo_of_a_vm_goes_first),
	KUNIT_CASE_PARAM(scan_stops_when_it_has_enough, scan_size_gen_params),
	KUNIT_CASE(scan_goes_on_past_contended_bo),
	KUNIT_CASE(shared_bo_stays_while_one_vm_is_locked),
	KUNIT_CASE(firmware_bo_is_never_evicted),
	KUNIT_CASE(kernel_bo_of_user_vm_is_reclaimable),
	KUNIT_CASE(vm_without_bos_leaves_the_list),
	KUNIT_CASE(eviction_count_saturates),
	{}
};

static struct kunit_suite gem_reclaim_suite = {
	.name = "panthor_gem_reclaim",
	.init = reclaim_init,
	.exit = panthor_kunit_exit,
	.test_cases = gem_reclaim_cases,
};

kunit_test_suite(gem_reclaim_suite);
