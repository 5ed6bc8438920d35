// SPDX-License-Identifier: GPL-2.0-only
/* Pins: when pages are taken, how pins nest, and what the last one leaves. */

#include <linux/completion.h>
#include <linux/dma-resv.h>
#include <linux/kthread.h>
#include <linux/shrinker.h>
#include <linux/sizes.h>

#include "check.h"
#include "fixture.h"
#include "seam.h"

/*
 * A BO has no pages until somebody needs them, so there is nothing to reclaim.
 * Succeeds if a new BO has no pages, no pin, and is on no LRU.
 */
static void new_bo_has_nothing_to_reclaim(struct kunit *test)
{
	struct panthor_gem_object *bo = panthor_kunit_bo(test, SZ_16K);

	KUNIT_EXPECT_NULL(test, bo->backing.pages);
	KUNIT_EXPECT_EQ(test, refcount_read(&bo->backing.pin_count), 0);
	KUNIT_EXPECT_EQ(test, panthor_seam_calls(SEAM_GET_PAGES), 0);
	expect_bo_state(test, bo, PANTHOR_GEM_UNRECLAIMABLE);
	expect_on_lru(test, bo, NULL);
}

/*
 * The first pin allocates. Pinned pages must not be offered to the shrinker.
 * Succeeds if one allocation happened and the BO is on no LRU.
 */
static void first_pin_allocates_pages(struct kunit *test)
{
	struct panthor_gem_object *bo = panthor_kunit_bo(test, SZ_16K);

	KUNIT_ASSERT_EQ(test, panthor_kunit_pin(test, bo), 0);

	KUNIT_EXPECT_NOT_NULL(test, bo->backing.pages);
	KUNIT_EXPECT_EQ(test, refcount_read(&bo->backing.pin_count), 1);
	KUNIT_EXPECT_EQ(test, panthor_seam_calls(SEAM_GET_PAGES), 1);
	expect_bo_state(test, bo, PANTHOR_GEM_UNRECLAIMABLE);
	expect_on_lru(test, bo, NULL);
}

/*
 * Pins nest; only the first allocates and only the last lets go.
 * Succeeds if three pins allocate once and two unpins change nothing.
 */
static void pins_nest(struct kunit *test)
{
	struct panthor_gem_object *bo = panthor_kunit_bo(test, SZ_16K);

	for (int i = 0; i < 3; i++)
		KUNIT_ASSERT_EQ(test, panthor_kunit_pin(test, bo), 0);
	KUNIT_EXPECT_EQ(test, refcount_read(&bo->backing.pin_count), 3);
	KUNIT_EXPECT_EQ(test, panthor_seam_calls(SEAM_GET_PAGES), 1);

	panthor_kunit_unpin(test, bo);
	panthor_kunit_unpin(test, bo);
	KUNIT_EXPECT_EQ(test, refcount_read(&bo->backing.pin_count), 1);
	expect_bo_state(test, bo, PANTHOR_GEM_UNRECLAIMABLE);
}

/*
 * The last unpin keeps the pages, because they may be wanted again soon, but
 * must offer them to the shrinker at once.
 * Succeeds if the pages stay and the BO is on the unused LRU.
 */
static void last_unpin_offers_pages_to_reclaim(struct kunit *test)
{
	struct panthor_device *ptdev = to_panthor_kunit(test)->ptdev;
	struct panthor_gem_object *bo = panthor_kunit_bo(test, SZ_16K);

	KUNIT_ASSERT_EQ(test, panthor_kunit_pin(test, bo), 0);
	panthor_kunit_unpin(test, bo);

	KUNIT_EXPECT_NOT_NULL(test, bo->backing.pages);
	KUNIT_EXPECT_EQ(test, panthor_seam_calls(SEAM_PUT_PAGES), 0);
	expect_bo_state(test, bo, PANTHOR_GEM_UNUSED);
	expect_on_lru(test, bo, &ptdev->reclaim.unused);
}

/*
 * A BO that is still resident is pinned without a new allocation, and leaves
 * the LRU before anybody may rely on the pin.
 * Succeeds if the page array is the same one and the BO is on no LRU.
 */
static void pin_of_resident_bo_reuses_pages(struct kunit *test)
{
	struct panthor_gem_object *bo = panthor_kunit_bo(test, SZ_16K);
	struct page **pages;

	panthor_kunit_make_resident(test, bo);
	pages = bo->backing.pages;
	KUNIT_ASSERT_EQ(test, panthor_kunit_pin(test, bo), 0);

	KUNIT_EXPECT_PTR_EQ(test, bo->backing.pages, pages);
	KUNIT_EXPECT_EQ(test, panthor_seam_calls(SEAM_GET_PAGES), 1);
	expect_on_lru(test, bo, NULL);
}

/*
 * A pin is a promise: a scan that could take everything must leave the BO.
 * Succeeds if the scan gives up and the pages are still the same.
 */
static void pinned_bo_survives_scan(struct kunit *test)
{
	struct panthor_gem_object *bo = panthor_kunit_bo(test, SZ_16K);
	struct page **pages;

	panthor_seam_set_swap(test, 1);
	KUNIT_ASSERT_EQ(test, panthor_kunit_pin(test, bo), 0);
	pages = bo->backing.pages;

	KUNIT_EXPECT_EQ(test, panthor_kunit_scan(test, GFP_KERNEL, 1024), SHRINK_STOP);
	KUNIT_EXPECT_PTR_EQ(test, bo->backing.pages, pages);
	KUNIT_EXPECT_EQ(test, atomic_read(&bo->reclaimed_count), 0);
}

/*
 * Eviction ends with the pages at shmem, and the next pin gets their content
 * back: nothing may be lost in between (I23).
 * Succeeds if every word written before the eviction is read after it.
 */
static void pin_after_evict_restores_content(struct kunit *test)
{
	struct panthor_gem_object *bo = panthor_kunit_bo(test, SZ_16K);
	u32 *words;

	panthor_seam_set_swap(test, 1);
	words = panthor_kunit_vmap(test, bo);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, words);
	for (u32 i = 0; i < bo->base.size / sizeof(*words); i++)
		words[i] = i ^ 0x5a5a0000;
	panthor_kunit_vunmap(test, bo);

	KUNIT_ASSERT_EQ(test, panthor_kunit_scan(test, GFP_KERNEL, 1), panthor_kunit_pages(bo));
	KUNIT_ASSERT_NULL(test, bo->backing.pages);

	words = panthor_kunit_vmap(test, bo);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, words);
	for (u32 i = 0; i < bo->base.size / sizeof(*words); i++)
		KUNIT_ASSERT_EQ_MSG(test, words[i], i ^ 0x5a5a0000, "word %u", i);
}

/*
 * A pin that cannot get pages must leave the BO as it was (B01): no error
 * pointer, no half-taken pin, and the next attempt works.
 * Succeeds if the errno is the allocator's and the retry pins.
 */
static void failed_pin_leaves_no_trace(struct kunit *test)
{
	struct panthor_gem_object *bo = panthor_kunit_bo(test, SZ_16K);

	panthor_seam_fail_once(test, SEAM_GET_PAGES, -ENOSPC);
	KUNIT_EXPECT_EQ(test, panthor_kunit_pin(test, bo), -ENOSPC);
	KUNIT_ASSERT_NULL(test, bo->backing.pages);
	KUNIT_EXPECT_EQ(test, refcount_read(&bo->backing.pin_count), 0);
	expect_bo_state(test, bo, PANTHOR_GEM_UNRECLAIMABLE);
	panthor_expect_invariants(test);

	KUNIT_EXPECT_EQ(test, panthor_kunit_pin(test, bo), 0);
	KUNIT_EXPECT_NOT_NULL(test, bo->backing.pages);
}

/*
 * The GEM core pins through the object's functions with the resv held.
 * Succeeds if both ways share one counter and one set of pages.
 */
static void locked_pin_counts_like_unlocked(struct kunit *test)
{
	struct panthor_gem_object *bo = panthor_kunit_bo(test, SZ_16K);
	struct drm_gem_object *obj = &bo->base;
	int ret;

	KUNIT_ASSERT_EQ(test, panthor_kunit_pin(test, bo), 0);

	dma_resv_lock(obj->resv, NULL);
	ret = obj->funcs->pin(obj);
	dma_resv_unlock(obj->resv);
	KUNIT_ASSERT_EQ(test, ret, 0);
	KUNIT_EXPECT_EQ(test, refcount_read(&bo->backing.pin_count), 2);
	KUNIT_EXPECT_EQ(test, panthor_seam_calls(SEAM_GET_PAGES), 1);

	dma_resv_lock(obj->resv, NULL);
	obj->funcs->unpin(obj);
	dma_resv_unlock(obj->resv);
	KUNIT_EXPECT_EQ(test, refcount_read(&bo->backing.pin_count), 1);
}

/*
 * A BO private to a VM is locked by the VM's resv, in pins as elsewhere.
 * Succeeds if pin and unpin work and end in the unused state.
 */
static void private_bo_pins_under_vm_resv(struct kunit *test)
{
	struct panthor_vm *vm = panthor_kunit_vm(test);
	struct panthor_gem_object *bo = panthor_kunit_try_bo(test, vm, SZ_16K, 0);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, bo);
	KUNIT_EXPECT_PTR_EQ(test, bo->base.resv, panthor_vm_resv(vm));
	KUNIT_ASSERT_EQ(test, panthor_kunit_pin(test, bo), 0);
	panthor_kunit_unpin(test, bo);
	expect_bo_state(test, bo, PANTHOR_GEM_UNUSED);
}

/*
 * Freeing a BO whose pages nobody gave back must give them back, once.
 * Succeeds if exactly one put_pages() balances the get_pages().
 */
static void free_of_resident_bo_puts_pages(struct kunit *test)
{
	struct panthor_gem_object *bo = panthor_kunit_bo(test, SZ_16K);

	panthor_kunit_make_resident(test, bo);
	panthor_kunit_bo_put(test, bo);

	KUNIT_EXPECT_EQ(test, panthor_seam_calls(SEAM_GET_PAGES), 1);
	KUNIT_EXPECT_EQ(test, panthor_seam_calls(SEAM_PUT_PAGES), 1);
}

#define PARALLEL_THREADS	4
#define PARALLEL_PINS		2000

struct pin_worker {
	struct panthor_gem_object *bo;
	struct completion done;
	int failures;
};

static int pin_worker_fn(void *data)
{
	struct pin_worker *w = data;

	for (int i = 0; i < PARALLEL_PINS; i++) {
		if (panthor_gem_pin(w->bo))
			w->failures++;
		else
			panthor_gem_unpin(w->bo);
	}
	complete(&w->done);

	return 0;
}

/*
 * Transitions between 0 and 1 pin happen under the resv, others without; mixed
 * from several threads no pin may get lost (B02).
 * Succeeds if all pins succeed, none is left, and the BO is reclaimable.
 */
static void parallel_pins_balance(struct kunit *test)
{
	struct panthor_gem_object *bo = panthor_kunit_bo(test, SZ_16K);
	struct pin_worker *w;
	int started = 0;

	w = kunit_kcalloc(test, PARALLEL_THREADS, sizeof(*w), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, w);
	for (int i = 0; i < PARALLEL_THREADS; i++) {
		w[i].bo = bo;
		init_completion(&w[i].done);
		if (IS_ERR(kthread_run(pin_worker_fn, &w[i], "panthor-pin/%d", i)))
			break;
		started++;
	}
	for (int i = 0; i < started; i++) {
		wait_for_completion(&w[i].done);
		KUNIT_EXPECT_EQ(test, w[i].failures, 0);
	}

	KUNIT_EXPECT_EQ(test, started, PARALLEL_THREADS);
	KUNIT_EXPECT_EQ(test, refcount_read(&bo->backing.pin_count), 0);
	expect_bo_state(test, bo, PANTHOR_GEM_UNUSED);
}

static struct kunit_case gem_pin_cases[] = {
	KUNIT_CASE(new_bo_has_nothing_to_reclaim),
	KUNIT_CASE(first_pin_allocates_pages),
	KUNIT_CASE(pins_nest),
	KUNIT_CASE(last_unpin_offers_pages_to_reclaim),
	KUNIT_CASE(pin_of_resident_bo_reuses_pages),
	KUNIT_CASE(pinned_bo_survives_scan),
	KUNIT_CASE(pin_after_evict_restores_content),
	KUNIT_CASE(failed_pin_leaves_no_trace),
	KUNIT_CASE(locked_pin_counts_like_unlocked),
	KUNIT_CASE(private_bo_pins_under_vm_resv),
	KUNIT_CASE(free_of_resident_bo_puts_pages),
	KUNIT_CASE(parallel_pins_balance),
	{}
};

static struct kunit_suite gem_pin_suite = {
	.name = "panthor_gem_pin",
	.init = panthor_kunit_init,
	.exit = panthor_kunit_exit,
	.suite_exit = panthor_kunit_suite_exit,
	.test_cases = gem_pin_cases,
};

kunit_test_suite(gem_pin_suite);
