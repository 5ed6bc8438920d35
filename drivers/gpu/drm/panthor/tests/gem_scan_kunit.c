// SPDX-License-Identifier: GPL-2.0-only
/*
 * The shrinker: what it counts, whom a scan takes in which order, how much of
 * it, and when it gives up.
 */

#include <linux/dma-resv.h>
#include <linux/sched.h>
#include <linux/shrinker.h>

#include <drm/drm_gpuvm.h>

#include "check.h"
#include "fixture.h"
#include "reclaim.h"
#include "seam.h"

/* One BO of each kind; sizes are distinct powers of two, so sums tell who. */
struct one_of_each {
	struct panthor_gem_object *unused, *mmapped, *single, *multi;
};

static struct one_of_each one_of_each(struct kunit *test)
{
	/* Made in the reverse of the order in which they are to be evicted. */
	struct panthor_gem_object *multi = reclaim_multi_vm_bo(test, 8 * PAGE_SIZE);
	struct panthor_gem_object *single = reclaim_single_vm_bo(test, 4 * PAGE_SIZE);
	struct panthor_gem_object *mmapped = reclaim_mmapped_bo(test, 2 * PAGE_SIZE);

	return (struct one_of_each){ reclaim_unused_bo(test, PAGE_SIZE), mmapped, single, multi };
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
 * shrinker until something is added (B31).
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
	reclaim_single_vm_bo(test, BO_SIZE);
	reclaim_multi_vm_bo(test, BO_SIZE);

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
	struct panthor_gem_object *first = reclaim_unused_bo(test, BO_SIZE);
	struct panthor_gem_object *second = reclaim_unused_bo(test, BO_SIZE);
	struct panthor_gem_object *third = reclaim_unused_bo(test, BO_SIZE);

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
 * BOs are evicted whole, until as many pages are gone as were asked for, and that
 * is what the scan returns (B31).
 * Succeeds if the number of victims is that of the row, oldest first.
 */
static void scan_stops_when_it_has_enough(struct kunit *test)
{
	const struct scan_size *size = test->param_value;
	struct panthor_gem_object *bo[4];
	unsigned long ret;

	for (int i = 0; i < ARRAY_SIZE(bo); i++)
		bo[i] = reclaim_unused_bo(test, 4 * PAGE_SIZE);

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
	struct panthor_gem_object *locked = reclaim_unused_bo(test, BO_SIZE);
	struct panthor_gem_object *other = reclaim_unused_bo(test, BO_SIZE);
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
 * A VM is a candidate for as long as it has something to give.
 * Succeeds if the device's list of VMs is empty after the VM's last BO went.
 */
static void vm_without_bos_leaves_the_list(struct kunit *test)
{
	struct panthor_device *ptdev = to_panthor_kunit(test)->ptdev;

	reclaim_single_vm_bo(test, BO_SIZE);
	KUNIT_ASSERT_FALSE(test, list_empty(&ptdev->reclaim.vms));
	KUNIT_ASSERT_EQ(test, panthor_kunit_scan(test, GFP_KERNEL, 1), BO_PAGES);

	KUNIT_EXPECT_TRUE(test, list_empty(&ptdev->reclaim.vms));
}

static struct kunit_case gem_scan_cases[] = {
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
	KUNIT_CASE(vm_without_bos_leaves_the_list),
	{}
};

static struct kunit_suite gem_scan_suite = {
	.name = "panthor_gem_scan",
	.init = reclaim_init,
	.exit = panthor_kunit_exit,
	.suite_exit = panthor_kunit_suite_exit,
	.test_cases = gem_scan_cases,
};

kunit_test_suite(gem_scan_suite);
