// SPDX-License-Identifier: GPL-2.0-only
/*
 * What reclaim costs, and how much it takes. Counted, not timed: waits for the
 * GPU, commands to the address space, steps along lists, pages.
 */

#include <linux/dma-fence.h>
#include <linux/err.h>
#include <linux/fs.h>
#include <linux/minmax.h>
#include <linux/sched/mm.h>
#include <linux/shrinker.h>
#include <linux/sizes.h>

#include "../panthor_mmu_regs.h"

#include "check.h"
#include "fake_as.h"
#include "fixture.h"
#include "mmu_as.h"
#include "reclaim.h"
#include "seam.h"
#include "vm_walk.h"

static int cost_init(struct kunit *test)
{
	int ret = panthor_fake_as_init(test);

	panthor_seam_set_swap(test, 1);
	return ret;
}

/**
 * struct count_param - How many there are of something
 * @desc: Name in the results.
 * @n: The number.
 */
struct count_param {
	const char *desc;
	unsigned int n;
};

static const struct count_param busy_params[] = {
	{ "one_bo", 1 },
	{ "eight_bos", 8 },
	{ "32_bos", 32 },
};

KUNIT_ARRAY_PARAM_DESC(busy, busy_params, desc);

/* A VM with a job that does not end, and with BOs that are private to it or not. */
static void busy_vm(struct kunit *test, unsigned int bos, bool private)
{
	struct panthor_vm *vm = panthor_kunit_vm(test);
	struct panthor_gem_object *bo;

	for (unsigned int i = 0; i < bos; i++) {
		bo = panthor_kunit_try_bo(test, private ? vm : NULL, BO_SIZE, 0);
		KUNIT_ASSERT_NOT_ERR_OR_NULL(test, bo);
		panthor_kunit_map(test, vm, bo, VA(i));
	}
	KUNIT_ASSERT_EQ(test, vm_submit_fence(vm, vm_fence(test)), 0);
}

/*
 * A job of a VM does not end, and the BOs of the VM, being private, all have its
 * fences (B54). A wait that expired once will expire for each of them, and the
 * caller's allocation waits as long.
 * Succeeds if one scan waits once for the VM, and no BO goes.
 */
static void busy_vm_is_waited_for_once(struct kunit *test)
{
	const struct count_param *param = test->param_value;

	busy_vm(test, param->n, true);
	panthor_seam_fail_always(test, SEAM_FENCE_WAIT, PANTHOR_SEAM_TIMEOUT);

	KUNIT_EXPECT_EQ(test, panthor_kunit_scan(test, GFP_KERNEL, EVERYTHING), 0);
	KUNIT_EXPECT_EQ(test, panthor_seam_calls(SEAM_FENCE_WAIT), 1);
}

/*
 * The same for BOs that other VMs could map too: each has fences of its own, but the
 * job is one (B54).
 * Succeeds if one scan waits once for the VM, and no BO goes.
 */
static void busy_vm_is_waited_for_once_with_shared_bos(struct kunit *test)
{
	const struct count_param *param = test->param_value;

	busy_vm(test, param->n, false);
	panthor_seam_fail_always(test, SEAM_FENCE_WAIT, PANTHOR_SEAM_TIMEOUT);

	KUNIT_EXPECT_EQ(test, panthor_kunit_scan(test, GFP_KERNEL, EVERYTHING), 0);
	KUNIT_EXPECT_EQ(test, panthor_seam_calls(SEAM_FENCE_WAIT), 1);
}

/*
 * Of many VMs, all but the last looked at are busy; nothing is faked here, the waits
 * take their time (B54).
 * Succeeds if a scan waits for less than half of the busy ones, and finds the BO of
 * the one that is not.
 */
static void waits_for_busy_vms_do_not_add_up(struct kunit *test)
{
	const unsigned int vms = 12;
	struct panthor_gem_object *bo = panthor_kunit_bo(test, BO_SIZE);
	struct panthor_vm *idle = panthor_kunit_vm(test);

	/* A VM with its first BO is put in front of the others. */
	panthor_kunit_map(test, idle, bo, VA(0));
	for (unsigned int i = 0; i < vms; i++)
		busy_vm(test, 1, true);

	KUNIT_EXPECT_EQ(test, panthor_kunit_scan(test, GFP_KERNEL, EVERYTHING), BO_PAGES);
	KUNIT_EXPECT_NULL(test, bo->backing.pages);
	KUNIT_EXPECT_LT(test, panthor_seam_calls(SEAM_FENCE_WAIT), vms / 2);
}

/* What the core asks for at a time, unless a shrinker says otherwise. */
#define SHRINK_BATCH	128L

/**
 * struct slab_reclaim - What the core asked of a shrinker and what it got
 * @asked: Pages to be scanned.
 * @freed: Pages freed.
 */
struct slab_reclaim {
	unsigned long asked;
	unsigned long freed;
};

/*
 * One round of reclaim of the core, with nothing left over from earlier ones:
 * a share of what can be freed, in batches, minus what the shrinker says it
 * scanned (include/linux/shrinker.h, @nr_scanned).
 */
static struct slab_reclaim reclaim_round(struct kunit *test, int priority)
{
	struct shrinker *shrinker = to_panthor_kunit(test)->ptdev->reclaim.shrinker;
	struct shrink_control sc = { .gfp_mask = GFP_KERNEL };
	long freeable = panthor_kunit_count(test, GFP_KERNEL);
	long todo = (freeable >> priority) * 4 / shrinker->seeks;
	struct slab_reclaim result = { .asked = todo };
	unsigned long ret;

	fs_reclaim_acquire(GFP_KERNEL);
	while (todo >= SHRINK_BATCH || todo >= freeable) {
		sc.nr_to_scan = min(SHRINK_BATCH, todo);
		sc.nr_scanned = sc.nr_to_scan;
		ret = shrinker->scan_objects(shrinker, &sc);
		if (ret == SHRINK_STOP)
			break;
		result.freed += ret;
		todo -= sc.nr_scanned;
	}
	fs_reclaim_release(GFP_KERNEL);

	return result;
}

/**
 * struct batch_param - BOs of one size
 * @desc: Name in the results.
 * @pages: Size of a BO in pages.
 * @bos: How many there are; 4096 pages altogether, so that priority 5 asks for
 *	256 of them, in two batches.
 */
struct batch_param {
	const char *desc;
	unsigned int pages;
	unsigned int bos;
};

static const struct batch_param batch_params[] = {
	{ "half_a_batch", 64, 64 },
	{ "one_batch", 128, 32 },
	{ "four_batches", 512, 8 },
	{ "eight_batches", 1024, 4 },
};

KUNIT_ARRAY_PARAM_DESC(batch, batch_params, desc);

/*
 * The core asks for some pages, in batches; a BO, evicted whole, may be more than
 * a batch. What the shrinker took beyond one is to be counted for the next (B55).
 * Succeeds if at least what was asked for is freed, and the excess is less than
 * a BO.
 */
static void reclaim_takes_little_more_than_asked(struct kunit *test)
{
	const struct batch_param *param = test->param_value;
	struct slab_reclaim round;

	for (unsigned int i = 0; i < param->bos; i++)
		reclaim_unused_bo(test, param->pages * PAGE_SIZE);

	round = reclaim_round(test, 5);
	KUNIT_ASSERT_EQ(test, round.asked, 256);
	KUNIT_EXPECT_GE(test, round.freed, round.asked);
	KUNIT_EXPECT_LT(test, round.freed, round.asked + param->pages);
}

static const struct count_param vma_params[] = {
	{ "one_mapping", 1 },
	{ "8_mappings", 8 },
	{ "16_mappings", 16 },
	{ "32_mappings", 32 },
};

KUNIT_ARRAY_PARAM_DESC(vma, vma_params, desc);

/* Steps along @n mappings, with the beginning and the end. */
#define WALK(n)	((n) + 2)

/**
 * struct cost - Calls during one operation
 * @locks: LOCK commands to address space 1.
 * @flushes: Cache flushes.
 * @steps: Steps along the mappings of vm_bos.
 * @tables: Allocations of page tables, of one or more.
 */
struct cost {
	unsigned int locks;
	unsigned int flushes;
	unsigned int steps;
	unsigned int tables;
};

static struct cost cost_now(void)
{
	return (struct cost) {
		.locks = panthor_fake_as_commands(1, AS_COMMAND_LOCK),
		.flushes = panthor_seam_calls(SEAM_FLUSH_CACHES),
		.steps = panthor_seam_calls(SEAM_VA_STEP),
		.tables = panthor_seam_calls(SEAM_PT_BULK),
	};
}

static struct cost cost_since(struct kunit *test, struct cost then)
{
	struct cost cost = cost_now();

	cost.locks -= then.locks;
	cost.flushes -= then.flushes;
	cost.steps -= then.steps;
	cost.tables -= then.tables;
	kunit_info(test, "%u LOCK, %u flushes, %u steps, %u table allocations\n",
		   cost.locks, cost.flushes, cost.steps, cost.tables);
	panthor_fake_as_forget();

	return cost;
}

/* A VM on address space 1 that maps one BO @n times. */
static struct panthor_vm *vm_with_mappings(struct kunit *test, unsigned int n)
{
	struct panthor_gem_object *bo = panthor_kunit_bo(test, BO_SIZE);
	struct panthor_vm *vm = mmu_as_active_vm(test);

	for (unsigned int i = 0; i < n; i++)
		panthor_kunit_map(test, vm, bo, VA(i));
	panthor_fake_as_forget();

	return vm;
}

static struct cost cost_of_eviction(struct kunit *test)
{
	struct cost then = cost_now();

	KUNIT_ASSERT_EQ(test, panthor_kunit_scan(test, GFP_KERNEL, 1), BO_PAGES);
	return cost_since(test, then);
}

static struct cost cost_of_restore(struct kunit *test, struct panthor_vm *vm)
{
	struct cost then = cost_now();

	KUNIT_ASSERT_EQ(test, vm_submit(vm), 0);
	return cost_since(test, then);
}

/*
 * A BO is evicted that a VM maps several times (B59). A flush is one of the whole
 * cache, so that one after the last unmap does for all.
 * Succeeds if there is one flush.
 */
static void eviction_flushes_once(struct kunit *test)
{
	const struct count_param *param = test->param_value;

	vm_with_mappings(test, param->n);
	KUNIT_EXPECT_EQ(test, cost_of_eviction(test).flushes, 1);
}

/*
 * The BO comes back, under the lock of its VM's reservation (B59).
 * Succeeds if there is one flush.
 */
static void restore_flushes_once(struct kunit *test)
{
	const struct count_param *param = test->param_value;
	struct panthor_vm *vm = vm_with_mappings(test, param->n);

	cost_of_eviction(test);
	KUNIT_EXPECT_EQ(test, cost_of_restore(test, vm).flushes, 1);
}

/*
 * An eviction goes through the mappings of the BO, perhaps to find out first what
 * to lock (B59).
 * Succeeds if it makes the steps of one or two walks.
 */
static void eviction_visits_each_mapping_a_few_times(struct kunit *test)
{
	const struct count_param *param = test->param_value;
	struct cost cost;

	vm_with_mappings(test, param->n);
	cost = cost_of_eviction(test);
	KUNIT_EXPECT_GE(test, cost.steps, WALK(param->n));
	KUNIT_EXPECT_LE(test, cost.steps, 2 * WALK(param->n));
}

/*
 * A restore allocates between two looks at the mappings of the BO, so it may go
 * through them more often than once, but not once for each of them (B59).
 * Succeeds if it makes no more steps than four walks.
 */
static void restore_visits_each_mapping_a_few_times(struct kunit *test)
{
	const struct count_param *param = test->param_value;
	struct panthor_vm *vm = vm_with_mappings(test, param->n);

	cost_of_eviction(test);
	KUNIT_EXPECT_LE(test, cost_of_restore(test, vm).steps, 4 * WALK(param->n));
}

static void gem_put(void *obj)
{
	drm_gem_object_put(obj);
}

/* Pages of a BO that memory management has to keep, in memory or in swap. */
static unsigned long pages_kept(struct panthor_gem_object *bo)
{
	return bo->base.filp->f_mapping->nrpages;
}

/*
 * What the GPU reads in a sparse range is undefined, so the memory behind it need not
 * be swapped; that of another BO has to be.
 * Succeeds if the file of the one has no pages after the eviction, and that of the
 * other one all.
 */
static void sparse_memory_is_not_swapped(struct kunit *test)
{
	struct panthor_gem_object *bo = reclaim_unused_bo(test, SZ_64K);
	struct panthor_gem_object *dummy =
		panthor_dummy_bo_create(to_panthor_kunit(test)->ptdev);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, dummy);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, gem_put, &dummy->base), 0);
	panthor_kunit_make_resident(test, dummy);

	KUNIT_ASSERT_EQ(test, panthor_kunit_scan(test, GFP_KERNEL, EVERYTHING),
			panthor_kunit_pages(bo) + panthor_kunit_pages(dummy));
	KUNIT_EXPECT_EQ(test, pages_kept(bo), panthor_kunit_pages(bo));
	KUNIT_EXPECT_EQ(test, pages_kept(dummy), 0);

	/* It can be used again. */
	panthor_kunit_make_resident(test, dummy);
}

static struct kunit_case reclaim_cost_cases[] = {
	KUNIT_CASE_PARAM(busy_vm_is_waited_for_once, busy_gen_params),
	KUNIT_CASE_PARAM(busy_vm_is_waited_for_once_with_shared_bos, busy_gen_params),
	KUNIT_CASE(waits_for_busy_vms_do_not_add_up),
	KUNIT_CASE_PARAM(reclaim_takes_little_more_than_asked, batch_gen_params),
	KUNIT_CASE_PARAM(eviction_flushes_once, vma_gen_params),
	KUNIT_CASE_PARAM(restore_flushes_once, vma_gen_params),
	KUNIT_CASE_PARAM(eviction_visits_each_mapping_a_few_times, vma_gen_params),
	KUNIT_CASE_PARAM(restore_visits_each_mapping_a_few_times, vma_gen_params),
	KUNIT_CASE(sparse_memory_is_not_swapped),
	{}
};

static struct kunit_suite reclaim_cost_suite = {
	.name = "panthor_reclaim_cost",
	.init = cost_init,
	.exit = panthor_fake_as_exit,
	.suite_exit = panthor_kunit_suite_exit,
	.test_cases = reclaim_cost_cases,
};

kunit_test_suite(reclaim_cost_suite);
