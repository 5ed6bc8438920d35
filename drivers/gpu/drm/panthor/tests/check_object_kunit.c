// SPDX-License-Identifier: GPL-2.0-only
/*
 * The invariant checker under seeded corruptions of what outlives an operation:
 * LRUs and lists of VMs that are gone, fences of jobs, imported and private BOs,
 * pages that go away, and the balance of everything that is made.
 */

#include <linux/dma-buf.h>
#include <linux/dma-fence.h>
#include <linux/dma-resv.h>
#include <linux/err.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/sizes.h>

#include <drm/drm_gem.h>
#include <drm/drm_gpuvm.h>

#include "check_kunit.h"
#include "fixture.h"
#include "foreign.h"
#include "reclaim.h"
#include "seam.h"
#include "vm_walk.h"
#include "watch.h"

/*
 * Seeded corruption of an LRU: something is on it that is no BO of the device.
 * Succeeds if I13 and nothing else is reported.
 */
static void i13_member_is_no_bo(struct kunit *test)
{
	struct panthor_device *ptdev = to_panthor_kunit(test)->ptdev;
	struct panthor_gem_object *stranger = kunit_kzalloc(test, sizeof(*stranger), GFP_KERNEL);
	struct panthor_check_report *report = panthor_check_healthy(test);

	KUNIT_ASSERT_NOT_NULL(test, stranger);
	stranger->base.dev = &ptdev->base;
	stranger->base.size = PAGE_SIZE;
	drm_gem_lru_move_tail(&ptdev->reclaim.unused, &stranger->base);
	panthor_check(test, report);
	drm_gem_lru_remove(&stranger->base);

	expect_reported(test, report, BIT(13));
}

/*
 * Seeded corruption of an unused BO: it was taken off its LRU, which counts it no
 * more, but believes to be on it. Succeeds if I13 and nothing else is reported.
 */
static void i13_bo_is_not_where_it_points(struct kunit *test)
{
	struct panthor_gem_object *bo = reclaim_unused_bo(test, BO_SIZE);
	struct panthor_check_report *report = panthor_check_healthy(test);
	struct drm_gem_lru *lru = bo->base.lru;

	drm_gem_lru_remove(&bo->base);
	bo->base.lru = lru;
	panthor_check(test, report);
	bo->base.lru = NULL;
	drm_gem_lru_move_tail(lru, &bo->base);

	expect_reported(test, report, BIT(13));
}

/*
 * Seeded corruption of an unused BO: it is on an LRU that no VM has, as if that
 * VM had been freed (D30).
 * Succeeds if I16 is reported, with I12 and I13, its consequences.
 */
static void i16_lru_of_a_vm_that_is_gone(struct kunit *test)
{
	struct panthor_device *ptdev = to_panthor_kunit(test)->ptdev;
	struct panthor_gem_object *bo = reclaim_unused_bo(test, BO_SIZE);
	struct drm_gem_lru *lru = kunit_kzalloc(test, sizeof(*lru), GFP_KERNEL);
	struct panthor_check_report *report = panthor_check_healthy(test);

	KUNIT_ASSERT_NOT_NULL(test, lru);
	drm_gem_lru_init(lru);
	drm_gem_lru_move_tail(lru, &bo->base);
	panthor_check(test, report);
	drm_gem_lru_move_tail(&ptdev->reclaim.unused, &bo->base);

	expect_reported(test, report, BIT(16) | BIT(12) | BIT(13));
}

/*
 * Seeded corruption of the device: it lists a VM that does not exist.
 * Succeeds if I16 and nothing else is reported.
 */
static void i16_vm_that_is_gone_is_listed(struct kunit *test)
{
	struct panthor_device *ptdev = to_panthor_kunit(test)->ptdev;
	struct panthor_check_report *report = panthor_check_healthy(test);
	struct list_head node;

	mutex_lock(&ptdev->base.gem_lru_mutex);
	list_add(&node, &ptdev->reclaim.vms);
	mutex_unlock(&ptdev->base.gem_lru_mutex);

	panthor_check(test, report);

	mutex_lock(&ptdev->base.gem_lru_mutex);
	list_del(&node);
	mutex_unlock(&ptdev->base.gem_lru_mutex);

	expect_reported(test, report, BIT(16));
}

/*
 * Seeded corruption of a mapped BO: what ties it to its VM names another one,
 * which does not exist.
 * Succeeds if I16 is reported, with I8, I12 and I26: the BO is on the LRU of a VM
 * it does not know, whose mapping and vm_bo nobody has.
 */
static void i16_vm_bo_of_a_vm_that_is_gone(struct kunit *test)
{
	struct panthor_gem_object *bo = reclaim_single_vm_bo(test, BO_SIZE);
	struct drm_gpuvm *gone = kunit_kzalloc(test, sizeof(*gone), GFP_KERNEL);
	struct panthor_check_report *report = panthor_check_healthy(test);
	struct drm_gpuvm_bo *vm_bo;
	struct drm_gpuvm *vm;

	KUNIT_ASSERT_NOT_NULL(test, gone);
	vm_bo = list_first_entry(&bo->base.gpuva.list, typeof(*vm_bo), list.entry.gem);
	vm = vm_bo->vm;

	vm_bo->vm = gone;
	panthor_check(test, report);
	vm_bo->vm = vm;

	expect_reported(test, report, BIT(16) | BIT(8) | BIT(12) | BIT(26));
}

static int add_fence(struct dma_resv *resv, struct dma_fence *fence)
{
	int ret;

	dma_resv_lock(resv, NULL);
	ret = dma_resv_reserve_fences(resv, 1);
	if (!ret)
		dma_resv_add_fence(resv, fence, DMA_RESV_USAGE_BOOKKEEP);
	dma_resv_unlock(resv);

	return ret;
}

struct job_param {
	const char *desc;
	bool private;
	bool in_vm;
	bool signalled;
	u32 broken;
};

static const struct job_param job_params[] = {
	{ "shared", false, true, false, BIT(17) },
	{ "private", true, true, false, BIT(17) },
	/* The controls: a job of another VM, and one that is over. */
	{ "shared_not_in_this_vm", false, false, false, 0 },
	{ "shared_signalled", false, true, true, 0 },
	{ "private_signalled", true, true, true, 0 },
};

KUNIT_ARRAY_PARAM_DESC(job, job_params, desc);

/*
 * Seeded corruption of a BO that was evicted: there is a job that was submitted
 * while it was mapped.
 * Succeeds if I17 and nothing else is reported, and nothing for the controls.
 */
static void i17_bo_of_a_job_is_evicted(struct kunit *test)
{
	const struct job_param *param = test->param_value;
	struct panthor_vm *vm = panthor_kunit_vm(test);
	struct panthor_gem_object *bo =
		panthor_kunit_try_bo(test, param->private ? vm : NULL, BO_SIZE, 0);
	struct dma_fence *fence = vm_fence(test);
	struct panthor_check_report *report;

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, bo);
	panthor_kunit_map(test, vm, bo, VA(0));
	panthor_seam_set_swap(test, 1);
	KUNIT_ASSERT_EQ(test, panthor_kunit_scan(test, GFP_KERNEL, 1), BO_PAGES);
	report = panthor_check_healthy(test);

	KUNIT_ASSERT_EQ(test, add_fence(bo->base.resv, fence), 0);
	if (param->in_vm && !param->private)
		KUNIT_ASSERT_EQ(test, add_fence(panthor_vm_resv(vm), fence), 0);
	if (param->signalled)
		dma_fence_signal(fence);
	panthor_check(test, report);
	dma_fence_signal(fence);

	expect_reported(test, report, param->broken);
}

struct put_param {
	const char *desc;
	bool resv, gpuva, pinned, mapped;
	bool vm_resv;
	u32 broken;
};

static const struct put_param put_params[] = {
	{ .desc = "as_it_should_be", .resv = true, .gpuva = true },
	{ .desc = "no_resv", .gpuva = true, .broken = BIT(18) },
	{ .desc = "no_gpuva_lock", .resv = true, .broken = BIT(18) },
	{ .desc = "pinned", .resv = true, .gpuva = true, .pinned = true, .broken = BIT(18) },
	{ .desc = "no_resv_of_the_vm", .resv = true, .gpuva = true, .mapped = true,
	  .broken = BIT(18) },
	{ .desc = "mapped", .resv = true, .gpuva = true, .mapped = true, .vm_resv = true,
	  .broken = BIT(18) },
};

KUNIT_ARRAY_PARAM_DESC(put, put_params, desc);

/*
 * Pages of a BO are reported to go away, although a lock is missing, or somebody
 * holds them. Succeeds if I18 is reported, and nothing if all is as it should be.
 */
static void i18_pages_go_although_they_must_not(struct kunit *test)
{
	const struct put_param *param = test->param_value;
	struct panthor_gem_object *bo = reclaim_unused_bo(test, BO_SIZE);
	struct panthor_vm *vm = panthor_kunit_vm(test);
	struct panthor_check_report *report;

	if (param->pinned)
		KUNIT_ASSERT_EQ(test, panthor_kunit_pin(test, bo), 0);
	if (param->mapped)
		panthor_kunit_map(test, vm, bo, VA(0));
	report = panthor_check_healthy(test);

	if (param->vm_resv)
		dma_resv_lock(panthor_vm_resv(vm), NULL);
	if (param->resv && !dma_resv_trylock(bo->base.resv))
		KUNIT_FAIL(test, "somebody has the resv");
	if (param->gpuva)
		mutex_lock(&bo->base.gpuva.lock);
	panthor_watch_put_pages(&bo->base);
	if (param->gpuva)
		mutex_unlock(&bo->base.gpuva.lock);
	if (param->resv)
		dma_resv_unlock(bo->base.resv);
	if (param->vm_resv)
		dma_resv_unlock(panthor_vm_resv(vm));
	panthor_check(test, report);

	expect_reported(test, report, param->broken);
}

/*
 * Pages of a BO go away while a job is known to use them.
 * Succeeds if I18 is reported; the same after the job is not.
 */
static void i18_pages_go_under_a_job(struct kunit *test)
{
	struct panthor_vm *vm = panthor_kunit_vm(test);
	struct panthor_gem_object *bo = panthor_kunit_try_bo(test, vm, BO_SIZE, 0);
	struct panthor_check_report *report;
	struct dma_fence *fence = vm_fence(test);
	struct drm_gpuvm_bo *vm_bo;

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, bo);
	panthor_kunit_map(test, vm, bo, VA(0));
	KUNIT_ASSERT_EQ(test, vm_submit_fence(vm, fence), 0);
	report = panthor_check_healthy(test);
	vm_bo = vm_bo_of(vm, bo);

	dma_resv_lock(bo->base.resv, NULL);
	mutex_lock(&bo->base.gpuva.lock);
	vm_bo->evicted = true;
	panthor_watch_put_pages(&bo->base);
	dma_fence_signal(fence);
	panthor_watch_put_pages(&bo->base);
	vm_bo->evicted = false;
	mutex_unlock(&bo->base.gpuva.lock);
	dma_resv_unlock(bo->base.resv);
	panthor_check(test, report);

	expect_reported(test, report, BIT(18));
	KUNIT_EXPECT_EQ(test, report->count, 1);
}

struct left_param {
	const char *desc;
	bool bo, vm;
	int objects, tables;
	u32 broken;
};

static const struct left_param left_params[] = {
	{ .desc = "nothing" },
	{ .desc = "bo", .bo = true, .broken = BIT(22) },
	{ .desc = "vm", .vm = true, .broken = BIT(22) },
	{ .desc = "object_leaked", .objects = 1, .broken = BIT(22) },
	{ .desc = "object_freed_twice", .objects = -1, .broken = BIT(22) },
	{ .desc = "table_leaked", .tables = 1, .broken = BIT(22) },
	{ .desc = "table_freed_twice", .tables = -1, .broken = BIT(22) },
};

KUNIT_ARRAY_PARAM_DESC(left, left_params, desc);

/*
 * Something is not released at the end of a case, or too often.
 * Succeeds if I22 is reported, and nothing if nothing is left.
 */
static void i22_something_is_left(struct kunit *test)
{
	const struct left_param *param = test->param_value;
	struct panthor_check_report *report = panthor_check_healthy(test);

	if (param->bo)
		panthor_kunit_bo(test, BO_SIZE);
	if (param->vm)
		panthor_kunit_vm(test);
	panthor_watch_object(param->objects);
	panthor_watch_tables(param->tables);
	panthor_check_left(test, report);
	panthor_watch_object(-param->objects);
	panthor_watch_tables(-param->tables);

	expect_reported(test, report, param->broken);
}

struct lost_param {
	const char *desc;
	int objects, tables;
};

static const struct lost_param lost_params[] = {
	{ "mapping_neither_linked_nor_freed", 1, 0 },
	{ "mapping_freed_while_linked", -1, 0 },
	{ "table_neither_used_nor_given_back", 0, 1 },
	{ "table_given_back_while_used", 0, -1 },
};

KUNIT_ARRAY_PARAM_DESC(lost, lost_params, desc);

/*
 * What was reserved for an operation got lost in it (D13), with a mapping in a VM
 * that is accounted for. Succeeds if I26 and nothing else is reported.
 */
static void i26_reserve_is_lost(struct kunit *test)
{
	const struct lost_param *param = test->param_value;
	struct panthor_check_report *report;

	reclaim_single_vm_bo(test, BO_SIZE);
	report = panthor_check_healthy(test);

	panthor_watch_object(param->objects);
	panthor_watch_tables(param->tables);
	panthor_check(test, report);
	panthor_watch_object(-param->objects);
	panthor_watch_tables(-param->tables);

	expect_reported(test, report, BIT(26));
}

static struct panthor_gem_object *imported_bo(struct kunit *test)
{
	return foreign_import(test, foreign_buf(test, BO_PAGES));
}

/*
 * Seeded corruption of an imported BO: it has pages, a pin, a state in which it
 * can be reclaimed, or lost its sg table.
 * Succeeds if I27 and nothing else is reported, each time.
 */
static void i27_imported_bo_like_an_own_one(struct kunit *test)
{
	struct panthor_gem_object *bo = imported_bo(test);
	struct panthor_check_report *report = panthor_check_healthy(test);
	struct sg_table *sgt = bo->dmap.sgt;
	struct page *pages[BO_PAGES] = {};

	bo->backing.pages = pages;
	panthor_check(test, report);
	bo->backing.pages = NULL;
	expect_reported(test, report, BIT(27));

	refcount_set(&bo->backing.pin_count, 1);
	panthor_check(test, report);
	refcount_set(&bo->backing.pin_count, 0);
	expect_reported(test, report, BIT(27));

	bo->reclaim_state = PANTHOR_GEM_UNUSED;
	panthor_check(test, report);
	bo->reclaim_state = PANTHOR_GEM_UNRECLAIMABLE;
	expect_reported(test, report, BIT(27));

	bo->dmap.sgt = NULL;
	panthor_check(test, report);
	bo->dmap.sgt = sgt;
	expect_reported(test, report, BIT(27));
}

/*
 * Seeded corruption of an imported BO: reclaim can find it.
 * Succeeds if I27 is reported, and I13, as the LRU has what is not the device's.
 */
static void i27_imported_bo_on_an_lru(struct kunit *test)
{
	struct panthor_device *ptdev = to_panthor_kunit(test)->ptdev;
	struct panthor_gem_object *bo = imported_bo(test);
	struct panthor_check_report *report = panthor_check_healthy(test);

	drm_gem_lru_move_tail(&ptdev->reclaim.unused, &bo->base);
	panthor_check(test, report);
	drm_gem_lru_remove(&bo->base);

	expect_reported(test, report, BIT(27) | BIT(13));
}

/*
 * Seeded corruption of an imported BO that a VM maps: the mapping is evicted.
 * Succeeds if I27 and nothing else is reported.
 */
static void i27_imported_bo_is_evicted(struct kunit *test)
{
	struct panthor_gem_object *bo = imported_bo(test);
	struct panthor_vm *vm = panthor_kunit_vm(test);
	struct panthor_check_report *report;
	struct drm_gpuvm_bo *vm_bo;

	panthor_kunit_map(test, vm, bo, VA(0));
	report = panthor_check_healthy(test);
	vm_bo = vm_bo_of(vm, bo);

	vm_bo->evicted = true;
	panthor_check(test, report);
	vm_bo->evicted = false;

	expect_reported(test, report, BIT(27));
}

static struct panthor_gem_object *private_bo(struct kunit *test, struct panthor_vm *vm)
{
	struct panthor_gem_object *bo = panthor_kunit_try_bo(test, vm, BO_SIZE, 0);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, bo);
	return bo;
}

/*
 * Seeded corruption of a private BO: its resv is not that of its VM.
 * Succeeds if I28 and nothing else is reported.
 */
static void i28_private_bo_with_its_own_resv(struct kunit *test)
{
	struct panthor_gem_object *bo = private_bo(test, panthor_kunit_vm(test));
	struct panthor_check_report *report = panthor_check_healthy(test);
	struct dma_resv *resv = bo->base.resv;

	bo->base.resv = &bo->base._resv;
	panthor_check(test, report);
	bo->base.resv = resv;

	expect_reported(test, report, BIT(28));
}

/*
 * Seeded corruption of a private BO that is mapped: it is private to another VM.
 * Succeeds if I28 and nothing else is reported.
 */
static void i28_private_bo_in_another_vm(struct kunit *test)
{
	struct panthor_vm *vm = panthor_kunit_vm(test), *other = panthor_kunit_vm(test);
	struct panthor_gem_object *bo = private_bo(test, vm);
	struct panthor_check_report *report;

	panthor_kunit_map(test, vm, bo, VA(0));
	report = panthor_check_healthy(test);

	bo->exclusive_vm_root_gem = panthor_vm_root_gem(other);
	panthor_check(test, report);
	bo->exclusive_vm_root_gem = panthor_vm_root_gem(vm);

	expect_reported(test, report, BIT(28));
}

/*
 * Seeded corruption of a private BO: there is a dma-buf of it.
 * Succeeds if I28 and nothing else is reported.
 */
static void i28_private_bo_is_exported(struct kunit *test)
{
	struct panthor_gem_object *bo = private_bo(test, panthor_kunit_vm(test));
	struct dma_buf *buf = kunit_kzalloc(test, sizeof(*buf), GFP_KERNEL);
	struct panthor_check_report *report = panthor_check_healthy(test);

	KUNIT_ASSERT_NOT_NULL(test, buf);
	INIT_LIST_HEAD(&buf->attachments);
	bo->base.dma_buf = buf;
	panthor_check(test, report);
	bo->base.dma_buf = NULL;

	expect_reported(test, report, BIT(28));
}

static struct kunit_case check_object_cases[] = {
	KUNIT_CASE(i13_member_is_no_bo),
	KUNIT_CASE(i13_bo_is_not_where_it_points),
	KUNIT_CASE(i16_lru_of_a_vm_that_is_gone),
	KUNIT_CASE(i16_vm_that_is_gone_is_listed),
	KUNIT_CASE(i16_vm_bo_of_a_vm_that_is_gone),
	KUNIT_CASE_PARAM(i17_bo_of_a_job_is_evicted, job_gen_params),
	KUNIT_CASE_PARAM(i18_pages_go_although_they_must_not, put_gen_params),
	KUNIT_CASE(i18_pages_go_under_a_job),
	KUNIT_CASE_PARAM(i22_something_is_left, left_gen_params),
	KUNIT_CASE_PARAM(i26_reserve_is_lost, lost_gen_params),
	KUNIT_CASE(i27_imported_bo_like_an_own_one),
	KUNIT_CASE(i27_imported_bo_on_an_lru),
	KUNIT_CASE(i27_imported_bo_is_evicted),
	KUNIT_CASE(i28_private_bo_with_its_own_resv),
	KUNIT_CASE(i28_private_bo_in_another_vm),
	KUNIT_CASE(i28_private_bo_is_exported),
	{}
};

static struct kunit_suite check_object_suite = {
	.name = "panthor_check_object",
	.init = panthor_kunit_init,
	.exit = panthor_kunit_exit,
	.suite_exit = panthor_kunit_suite_exit,
	.test_cases = check_object_cases,
};

kunit_test_suite(check_object_suite);
