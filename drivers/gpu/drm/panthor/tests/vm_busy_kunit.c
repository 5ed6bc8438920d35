// SPDX-License-Identifier: GPL-2.0-only
/*
 * Reclaim that meets a VM which is in use: jobs that have not ended, and an
 * operation of another thread in progress.
 */

#include <linux/completion.h>
#include <linux/dma-fence.h>
#include <linux/err.h>
#include <linux/io-pgtable.h>
#include <linux/kthread.h>
#include <linux/sched/mm.h>
#include <linux/sched/task.h>
#include <linux/shrinker.h>
#include <linux/sizes.h>

#include <drm/drm_gem.h>

#include <kunit/resource.h>

#include "check.h"
#include "fixture.h"
#include "reclaim.h"
#include "seam.h"
#include "vm_walk.h"

/* GPU pages of a BO of BO_SIZE. */
#define BO_PTES		(BO_SIZE / SZ_4K)

struct owner_param {
	const char *desc;
	bool private;
	bool multi;
};

static const struct owner_param owner_params[] = {
	{ "shared", false },
	{ "private", true },
	{ "multi_vm", false, true },
};

KUNIT_ARRAY_PARAM_DESC(owner, owner_params, desc);

/* A BO of the kind the parameter asks for, which @vm maps at VA(0). */
static struct panthor_gem_object *mapped_bo(struct kunit *test, struct panthor_vm *vm)
{
	const struct owner_param *param = test->param_value;
	struct panthor_gem_object *bo =
		panthor_kunit_try_bo(test, param->private ? vm : NULL, BO_SIZE, 0);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, bo);
	panthor_kunit_map(test, vm, bo, VA(0));
	if (param->multi)
		panthor_kunit_map(test, panthor_kunit_vm(test), bo, VA(0));

	return bo;
}

/*
 * A job of the VM does not end while reclaim waits for it (I17).
 * Succeeds if the BO stays with the page table that leads to it, and nothing is
 * reported as freed.
 */
static void bo_of_running_job_is_not_evicted(struct kunit *test)
{
	struct panthor_vm *vm = panthor_kunit_vm(test);
	struct panthor_gem_object *bo = mapped_bo(test, vm);

	KUNIT_ASSERT_EQ(test, vm_submit_fence(vm, vm_fence(test)), 0);
	KUNIT_EXPECT_EQ(test, panthor_kunit_scan(test, GFP_KERNEL, EVERYTHING), 0);
	KUNIT_EXPECT_EQ(test, panthor_seam_calls(SEAM_FENCE_WAIT), 1);
	KUNIT_EXPECT_EQ(test, vm_walk_pages(vm, VA(0), BO_SIZE, bo, 0), BO_PTES);
	KUNIT_EXPECT_FALSE(test, vm_evicted(vm, bo));
}

/*
 * The job has ended.
 * Succeeds if the BO is evicted then.
 */
static void bo_of_ended_job_is_evicted(struct kunit *test)
{
	struct panthor_vm *vm = panthor_kunit_vm(test);
	struct panthor_gem_object *bo = mapped_bo(test, vm);
	struct dma_fence *fence = vm_fence(test);

	KUNIT_ASSERT_EQ(test, vm_submit_fence(vm, fence), 0);
	dma_fence_signal(fence);
	KUNIT_EXPECT_EQ(test, panthor_kunit_scan(test, GFP_KERNEL, EVERYTHING), BO_PAGES);
	KUNIT_EXPECT_NULL(test, bo->backing.pages);
	KUNIT_EXPECT_EQ(test, vm_walk_ptes(vm, VA(0), BO_SIZE), 0);
}

/*
 * The job that brought an evicted BO back does not end.
 * Succeeds if the BO is not evicted a second time before it does.
 */
static void restored_bo_waits_for_its_job(struct kunit *test)
{
	struct panthor_vm *vm = panthor_kunit_vm(test);
	struct panthor_gem_object *bo = mapped_bo(test, vm);
	struct dma_fence *fence = vm_fence(test);

	KUNIT_ASSERT_EQ(test, panthor_kunit_scan(test, GFP_KERNEL, EVERYTHING), BO_PAGES);
	KUNIT_ASSERT_EQ(test, vm_submit_fence(vm, fence), 0);
	KUNIT_EXPECT_EQ(test, panthor_kunit_scan(test, GFP_KERNEL, EVERYTHING), 0);
	KUNIT_EXPECT_EQ(test, vm_walk_pages(vm, VA(0), BO_SIZE, bo, 0), BO_PTES);

	dma_fence_signal(fence);
	KUNIT_EXPECT_EQ(test, panthor_kunit_scan(test, GFP_KERNEL, EVERYTHING), BO_PAGES);
}

/*
 * A BO is mapped into a VM after its job was submitted, and that job does not
 * end. For a private BO the VM's jobs are the BO's.
 * Succeeds if the shared one is evicted, as no job knows it, and the private one
 * is not.
 */
static void later_mapping_is_judged_by_its_own_fences(struct kunit *test)
{
	const struct owner_param *param = test->param_value;
	struct panthor_vm *vm = panthor_kunit_vm(test);
	struct panthor_gem_object *bo;

	KUNIT_ASSERT_EQ(test, vm_submit_fence(vm, vm_fence(test)), 0);
	bo = mapped_bo(test, vm);
	KUNIT_EXPECT_EQ(test, panthor_kunit_scan(test, GFP_KERNEL, EVERYTHING),
			param->private ? 0 : BO_PAGES);
	KUNIT_EXPECT_EQ(test, !bo->backing.pages, !param->private);
}

/**
 * struct busy_hook - A scan while a VM is in the middle of an operation
 * @map_pages: What the hook stands for.
 * @ops: Page table of the VM.
 * @shrinker: Shrinker to call.
 * @thread: Thread that calls it; made beforehand, as nothing may be allocated
 *	while the VM's op_lock is held.
 * @go: The scan may begin.
 * @done: The scan is over.
 * @ret: What it returned.
 * @ran: The hook was reached.
 */
struct busy_hook {
	int (*map_pages)(struct io_pgtable_ops *ops, unsigned long iova, phys_addr_t paddr,
			 size_t pgsize, size_t pgcount, int prot, gfp_t gfp, size_t *mapped);
	struct io_pgtable_ops *ops;
	struct shrinker *shrinker;
	struct task_struct *thread;
	struct completion go;
	struct completion done;
	unsigned long ret;
	bool ran;
};

static struct busy_hook *busy_hook;

/* Not the fixture's scan: that one may end the thread it runs in. */
static int busy_scan(void *data)
{
	struct shrink_control sc = { .gfp_mask = GFP_KERNEL, .nr_to_scan = EVERYTHING };
	struct busy_hook *hook = data;

	wait_for_completion(&hook->go);
	fs_reclaim_acquire(GFP_KERNEL);
	hook->ret = hook->shrinker->scan_objects(hook->shrinker, &sc);
	fs_reclaim_release(GFP_KERNEL);
	complete(&hook->done);

	return 0;
}

/* Called with the VM's op_lock held. The other thread runs to its end here. */
static int busy_map_pages(struct io_pgtable_ops *ops, unsigned long iova, phys_addr_t paddr,
			  size_t pgsize, size_t pgcount, int prot, gfp_t gfp, size_t *mapped)
{
	struct busy_hook *hook = busy_hook;

	if (!hook->ran) {
		hook->ran = true;
		complete(&hook->go);
		wait_for_completion(&hook->done);
	}

	return hook->map_pages(ops, iova, paddr, pgsize, pgcount, prot, gfp, mapped);
}

static void busy_unhook(void *data)
{
	struct busy_hook *hook = data;

	hook->ops->map_pages = hook->map_pages;
	busy_hook = NULL;
	complete(&hook->go);
	kthread_stop_put(hook->thread);
}

/* Scan while @vm is mapping; returns what the scan returned. */
static unsigned long scan_while_mapping(struct kunit *test, struct panthor_vm *vm)
{
	struct busy_hook *hook = kunit_kzalloc(test, sizeof(*hook), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, hook);
	hook->ops = panthor_seam_pgtable(vm);
	KUNIT_ASSERT_NOT_NULL(test, hook->ops);
	hook->map_pages = hook->ops->map_pages;
	hook->shrinker = to_panthor_kunit(test)->ptdev->reclaim.shrinker;
	init_completion(&hook->go);
	init_completion(&hook->done);
	hook->thread = kthread_run(busy_scan, hook, "panthor-kunit-scan");
	KUNIT_ASSERT_FALSE(test, IS_ERR(hook->thread));
	get_task_struct(hook->thread);

	busy_hook = hook;
	hook->ops->map_pages = busy_map_pages;
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, busy_unhook, hook), 0);
	panthor_kunit_map(test, vm, panthor_kunit_bo(test, PAGE_SIZE), VA(9));
	kunit_release_action(test, busy_unhook, hook);
	KUNIT_ASSERT_TRUE(test, hook->ran);

	return hook->ret;
}

/*
 * The only VM of a BO is mapping something else when reclaim comes.
 * Succeeds if the BO is left alone, and evicted by the next scan.
 */
static void bo_of_mapping_vm_is_not_evicted(struct kunit *test)
{
	struct panthor_vm *vm = panthor_kunit_vm(test);
	struct panthor_gem_object *bo = panthor_kunit_bo(test, BO_SIZE);

	panthor_kunit_map(test, vm, bo, VA(0));
	KUNIT_EXPECT_EQ(test, scan_while_mapping(test, vm), 0);
	KUNIT_EXPECT_EQ(test, vm_walk_pages(vm, VA(0), BO_SIZE, bo, 0), BO_PTES);
	panthor_expect_invariants(test);
	KUNIT_EXPECT_EQ(test, panthor_kunit_scan(test, GFP_KERNEL, EVERYTHING), BO_PAGES + 1);
}

struct first_param {
	const char *desc;
	bool busy_first;
};

static const struct first_param first_params[] = {
	{ "busy_vm_first", true },
	{ "busy_vm_last", false },
};

KUNIT_ARRAY_PARAM_DESC(first, first_params, desc);

/*
 * One of two VMs of a BO is mapping something else when reclaim comes, so that
 * the eviction cannot be completed. It may have begun with the other VM.
 * Succeeds if the pages stay, no invariant is broken, and submissions put both
 * VMs in order.
 */
static void interrupted_eviction_breaks_no_invariant(struct kunit *test)
{
	const struct first_param *param = test->param_value;
	struct panthor_vm *vm = panthor_kunit_vm(test), *busy = panthor_kunit_vm(test);
	struct panthor_gem_object *bo = panthor_kunit_bo(test, BO_SIZE);

	panthor_kunit_map(test, param->busy_first ? busy : vm, bo, VA(0));
	panthor_kunit_map(test, param->busy_first ? vm : busy, bo, VA(0));

	KUNIT_EXPECT_EQ(test, scan_while_mapping(test, busy), 0);
	KUNIT_ASSERT_NOT_NULL(test, bo->backing.pages);
	KUNIT_EXPECT_FALSE(test, vm_evicted(busy, bo));
	vm_walk_expect_consistent(test);
	panthor_expect_invariants(test);

	KUNIT_ASSERT_EQ(test, vm_submit(vm), 0);
	KUNIT_ASSERT_EQ(test, vm_submit(busy), 0);
	expect_bo_state(test, bo, PANTHOR_GEM_GPU_MAPPED_MULTI_VM);
}

/*
 * Two VMs map a BO, all of it is evicted, and one VM restores it. The next
 * eviction begins with that VM and is interrupted, as the other one is mapping.
 * Then the other one restores the BO: it is mapped by a single VM as before, but
 * by another one (B45).
 * Succeeds if the BO left the LRU of the VM that does not map it.
 */
static void single_vm_changes_through_interrupted_eviction(struct kunit *test)
{
	struct panthor_vm *vm = panthor_kunit_vm(test), *busy = panthor_kunit_vm(test);
	struct panthor_gem_object *bo = panthor_kunit_bo(test, BO_SIZE);
	struct drm_gem_lru *old;

	panthor_kunit_map(test, vm, bo, VA(0));
	panthor_kunit_map(test, busy, bo, VA(0));
	KUNIT_ASSERT_EQ(test, panthor_kunit_scan(test, GFP_KERNEL, EVERYTHING), BO_PAGES);
	KUNIT_ASSERT_EQ(test, vm_submit(vm), 0);
	expect_bo_state(test, bo, PANTHOR_GEM_GPU_MAPPED_SINGLE_VM);
	old = bo->base.lru;
	KUNIT_ASSERT_NOT_NULL(test, old);

	KUNIT_ASSERT_EQ(test, scan_while_mapping(test, busy), 0);
	KUNIT_ASSERT_TRUE(test, vm_evicted(vm, bo));
	KUNIT_ASSERT_EQ(test, vm_submit(busy), 0);
	expect_bo_state(test, bo, PANTHOR_GEM_GPU_MAPPED_SINGLE_VM);
	KUNIT_EXPECT_PTR_NE_MSG(test, bo->base.lru, old, "on the LRU of a VM that does not map it");

	/* No VM may be freed with the BO on its LRU. */
	KUNIT_ASSERT_EQ(test, vm_submit(vm), 0);
	expect_on_lru(test, bo, &to_panthor_kunit(test)->ptdev->reclaim.gpu_mapped_shared);
}

static struct kunit_case vm_busy_cases[] = {
	KUNIT_CASE_PARAM(bo_of_running_job_is_not_evicted, owner_gen_params),
	KUNIT_CASE_PARAM(bo_of_ended_job_is_evicted, owner_gen_params),
	KUNIT_CASE_PARAM(restored_bo_waits_for_its_job, owner_gen_params),
	KUNIT_CASE_PARAM(later_mapping_is_judged_by_its_own_fences, owner_gen_params),
	KUNIT_CASE(bo_of_mapping_vm_is_not_evicted),
	KUNIT_CASE_PARAM(interrupted_eviction_breaks_no_invariant, first_gen_params),
	KUNIT_CASE(single_vm_changes_through_interrupted_eviction),
	{}
};

static struct kunit_suite vm_busy_suite = {
	.name = "panthor_vm_busy",
	.init = reclaim_init,
	.exit = panthor_kunit_exit,
	.suite_exit = panthor_kunit_suite_exit,
	.test_cases = vm_busy_cases,
};

kunit_test_suite(vm_busy_suite);
