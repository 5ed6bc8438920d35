// SPDX-License-Identifier: GPL-2.0-only
/*
 * The seams themselves: a suite that believes a seam that does nothing proves
 * nothing.
 */

#include <linux/dma-resv.h>
#include <linux/err.h>
#include <linux/shrinker.h>
#include <linux/sizes.h>
#include <linux/string.h>

#include <drm/drm_gem.h>
#include <drm/panthor_drm.h>

#include <kunit/resource.h>

#include "check.h"
#include "fixture.h"
#include "seam.h"

/*
 * Nothing is armed, nothing has called the driver's allocator yet.
 * Succeeds if each of three pins of fresh BOs adds one to the counter.
 */
static void counter_counts_each_call(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, panthor_seam_calls(SEAM_GET_PAGES), 0);

	panthor_kunit_make_resident(test, panthor_kunit_bo(test, SZ_16K));
	KUNIT_EXPECT_EQ(test, panthor_seam_calls(SEAM_GET_PAGES), 1);

	panthor_kunit_make_resident(test, panthor_kunit_bo(test, SZ_16K));
	panthor_kunit_make_resident(test, panthor_kunit_bo(test, SZ_16K));
	KUNIT_EXPECT_EQ(test, panthor_seam_calls(SEAM_GET_PAGES), 3);
}

/*
 * A call that the seam fails was still made by the driver.
 * Succeeds if the failed call is counted.
 */
static void counter_counts_failed_calls(struct kunit *test)
{
	struct panthor_gem_object *bo = panthor_kunit_bo(test, SZ_16K);

	panthor_seam_fail_once(test, SEAM_GET_PAGES, -ENOMEM);
	KUNIT_EXPECT_EQ(test, panthor_kunit_pin(test, bo), -ENOMEM);
	KUNIT_EXPECT_EQ(test, panthor_seam_calls(SEAM_GET_PAGES), 1);
}

/*
 * One-shot failure with an errno the real function would not pick.
 * Succeeds if the next call fails with exactly that errno and the one after it
 * reaches the real allocator.
 */
static void fail_once_fails_the_next_call_only(struct kunit *test)
{
	struct panthor_gem_object *bo = panthor_kunit_bo(test, SZ_16K);

	panthor_seam_fail_once(test, SEAM_GET_PAGES, -ESTALE);
	KUNIT_EXPECT_EQ(test, panthor_kunit_pin(test, bo), -ESTALE);
	KUNIT_EXPECT_EQ(test, panthor_kunit_pin(test, bo), 0);
	KUNIT_EXPECT_NOT_ERR_OR_NULL(test, bo->backing.pages);
}

struct nth_param {
	const char *desc;
	unsigned int nth;
};

static const struct nth_param nth_params[] = {
	{ "first", 1 },
	{ "second", 2 },
	{ "third", 3 },
};

KUNIT_ARRAY_PARAM_DESC(nth, nth_params, desc);

/*
 * A failure armed for the n-th of three calls, each from a BO of its own.
 * Succeeds if that call fails, and the calls before and after it work.
 */
static void fail_nth_fails_that_call_only(struct kunit *test)
{
	const struct nth_param *param = test->param_value;

	panthor_seam_fail_nth(test, SEAM_GET_PAGES, param->nth, -EDOM);
	for (unsigned int call = 1; call <= 3; call++) {
		struct panthor_gem_object *bo = panthor_kunit_bo(test, SZ_16K);

		KUNIT_EXPECT_EQ_MSG(test, panthor_kunit_pin(test, bo),
				    call == param->nth ? -EDOM : 0, "call %u", call);
	}
}

/*
 * A permanent failure, then a disarm.
 * Succeeds if every call fails until the disarm and the first one after it
 * works.
 */
static void fail_always_fails_until_disarmed(struct kunit *test)
{
	struct panthor_gem_object *bo = panthor_kunit_bo(test, SZ_16K);

	panthor_seam_fail_always(test, SEAM_GET_PAGES, -EIO);
	KUNIT_EXPECT_EQ(test, panthor_kunit_pin(test, bo), -EIO);
	KUNIT_EXPECT_EQ(test, panthor_kunit_pin(test, bo), -EIO);
	KUNIT_EXPECT_EQ(test, panthor_kunit_pin(test, bo), -EIO);

	panthor_seam_disarm(SEAM_GET_PAGES);
	KUNIT_EXPECT_EQ(test, panthor_kunit_pin(test, bo), 0);
}

/*
 * A one-shot failure that is taken back before anybody called.
 * Succeeds if the call works and no failure is reported as fired.
 */
static void disarm_cancels_a_pending_failure(struct kunit *test)
{
	struct panthor_gem_object *bo = panthor_kunit_bo(test, SZ_16K);

	panthor_seam_fail_once(test, SEAM_GET_PAGES, -ENOMEM);
	panthor_seam_disarm(SEAM_GET_PAGES);

	KUNIT_EXPECT_EQ(test, panthor_kunit_pin(test, bo), 0);
	KUNIT_EXPECT_FALSE(test, panthor_seam_fired(SEAM_GET_PAGES));
}

/*
 * A case that arms a failure nobody reaches would test nothing, so it can ask.
 * Succeeds if fired is false until the failure happened, and false again after
 * the seam is armed anew.
 */
static void fired_tells_whether_the_failure_happened(struct kunit *test)
{
	struct panthor_gem_object *bo = panthor_kunit_bo(test, SZ_16K);

	panthor_seam_fail_once(test, SEAM_GET_PAGES, -ENOMEM);
	KUNIT_EXPECT_FALSE(test, panthor_seam_fired(SEAM_GET_PAGES));
	KUNIT_EXPECT_EQ(test, panthor_kunit_pin(test, bo), -ENOMEM);
	KUNIT_EXPECT_TRUE(test, panthor_seam_fired(SEAM_GET_PAGES));

	panthor_seam_fail_once(test, SEAM_GET_PAGES, -ENOMEM);
	KUNIT_EXPECT_FALSE(test, panthor_seam_fired(SEAM_GET_PAGES));
}

/*
 * Arming one seam must not touch its neighbours.
 * Succeeds if a BO gets pages while the sg table seam always fails.
 */
static void seams_are_independent(struct kunit *test)
{
	struct panthor_gem_object *bo = panthor_kunit_bo(test, SZ_16K);

	panthor_seam_fail_always(test, SEAM_PAGES_TO_SG, -ENOMEM);
	KUNIT_EXPECT_EQ(test, panthor_kunit_pin(test, bo), 0);
	KUNIT_EXPECT_FALSE(test, panthor_seam_fired(SEAM_PAGES_TO_SG));
}

/*
 * A test within the test, to see what the end of a test undoes. The end also
 * forgets which test runs; put that back.
 */
static struct kunit *inner_test(struct kunit *test)
{
	struct kunit *inner = kunit_kzalloc(test, sizeof(*inner), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, inner);
	kunit_init_test(inner, "inner", NULL);

	return inner;
}

static void inner_test_end(struct kunit *test, struct kunit *inner)
{
	kunit_cleanup(inner);
	current->kunit_test = test;
}

/*
 * A test that ends with a failure armed, as one that aborts does.
 * Succeeds if the seam forwards again as soon as that test has ended.
 */
static void failure_ends_with_its_test(struct kunit *test)
{
	struct panthor_gem_object *bo = panthor_kunit_bo(test, SZ_16K);
	struct kunit *inner = inner_test(test);
	int armed;

	panthor_seam_fail_always(inner, SEAM_GET_PAGES, -ENOMEM);
	armed = panthor_kunit_pin(test, bo);
	inner_test_end(test, inner);

	KUNIT_EXPECT_EQ(test, armed, -ENOMEM);
	KUNIT_EXPECT_EQ(test, panthor_kunit_pin(test, bo), 0);
}

/*
 * A test that ends with swap space pretended.
 * Succeeds if the driver sees the machine's own swap, of which there is none,
 * as soon as that test has ended.
 */
static void swap_value_ends_with_its_test(struct kunit *test)
{
	struct kunit *inner = inner_test(test);
	unsigned long pretended;

	panthor_seam_set_swap(inner, 1);
	pretended = panthor_kunit_count(test, GFP_KERNEL);
	inner_test_end(test, inner);

	KUNIT_EXPECT_EQ(test, pretended, SHRINK_EMPTY);
	KUNIT_EXPECT_EQ(test, panthor_kunit_count(test, GFP_KERNEL), 0);
}

struct swap_param {
	const char *desc;
	long pages;
	unsigned long count;
};

static const struct swap_param swap_params[] = {
	{ "full", 0, 0 },
	{ "one_page_left", 1, SZ_16K / PAGE_SIZE },
	{ "plenty", LONG_MAX, SZ_16K / PAGE_SIZE },
};

KUNIT_ARRAY_PARAM_DESC(swap, swap_params, desc);

/*
 * One resident BO, and an answer to how much swap is free.
 * Succeeds if the shrinker counts the BO exactly when there is any.
 */
static void swap_value_reaches_the_driver(struct kunit *test)
{
	const struct swap_param *param = test->param_value;

	panthor_kunit_make_resident(test, panthor_kunit_bo(test, SZ_16K));
	panthor_seam_set_swap(test, param->pages);
	KUNIT_EXPECT_EQ(test, panthor_kunit_count(test, GFP_KERNEL), param->count);
}

/**
 * struct reach_param - A driver operation and the seam it goes through
 * @id: The seam.
 * @prepare: Brings @bo to where the operation makes sense, or NULL.
 * @operate: The operation; NULL if device creation is.
 * @err: Errno to arm the seam with; 0 if it cannot fail.
 * @expected: What the operation returns then.
 */
struct reach_param {
	enum panthor_seam_id id;
	void (*prepare)(struct kunit *test, struct panthor_gem_object *bo);
	int (*operate)(struct kunit *test, struct panthor_gem_object *bo);
	int err;
	int expected;
};

static void with_sgt(struct kunit *test, struct panthor_gem_object *bo)
{
	panthor_kunit_make_resident(test, bo);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, panthor_gem_get_dev_sgt(bo));
}

static void with_vmap(struct kunit *test, struct panthor_gem_object *bo)
{
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, panthor_kunit_vmap(test, bo));
}

static void with_gpu_mapping(struct kunit *test, struct panthor_gem_object *bo)
{
	panthor_kunit_map(test, panthor_kunit_vm(test), bo, 0);
	panthor_seam_set_swap(test, 1);
}

static void with_user_mapping(struct kunit *test, struct panthor_gem_object *bo)
{
	panthor_kunit_mmap(test, bo);
	with_gpu_mapping(test, bo);
}

static int op_create(struct kunit *test, struct panthor_gem_object *bo)
{
	return PTR_ERR_OR_ZERO(panthor_kunit_try_bo(test, NULL, SZ_16K, 0));
}

static int op_get_sgt(struct kunit *test, struct panthor_gem_object *bo)
{
	return PTR_ERR_OR_ZERO(panthor_gem_get_dev_sgt(bo));
}

static int op_vmap(struct kunit *test, struct panthor_gem_object *bo)
{
	return PTR_ERR_OR_ZERO(panthor_kunit_vmap(test, bo));
}

static int op_vunmap(struct kunit *test, struct panthor_gem_object *bo)
{
	panthor_kunit_vunmap(test, bo);
	return 0;
}

static int op_free(struct kunit *test, struct panthor_gem_object *bo)
{
	panthor_kunit_bo_put(test, bo);
	return 0;
}

static int op_count(struct kunit *test, struct panthor_gem_object *bo)
{
	panthor_kunit_count(test, GFP_KERNEL);
	return 0;
}

/* Not a word of the driver: pages that came free, or an error as -EAGAIN. */
static int op_scan(struct kunit *test, struct panthor_gem_object *bo)
{
	panthor_kunit_scan(test, GFP_KERNEL, panthor_kunit_pages(bo));
	return bo->backing.pages ? -EAGAIN : 0;
}

static int op_create_vm(struct kunit *test, struct panthor_gem_object *bo)
{
	struct panthor_kunit *ctx = to_panthor_kunit(test);
	struct panthor_vm *vm;

	vm = panthor_vm_create(ctx->ptdev, false, PANTHOR_KUNIT_VA_USER,
			       PANTHOR_KUNIT_VA_KERNEL, PANTHOR_KUNIT_VA_USER,
			       PANTHOR_KUNIT_VA_KERNEL);
	if (IS_ERR(vm))
		return PTR_ERR(vm);

	panthor_vm_put(vm);
	return 0;
}

static int op_sync(struct kunit *test, struct panthor_gem_object *bo)
{
	/* Only a device with cached CPU mappings has something to do. */
	to_panthor_kunit(test)->ptdev->coherent = true;
	return panthor_gem_sync(&bo->base, DRM_PANTHOR_BO_SYNC_CPU_CACHE_FLUSH_AND_INVALIDATE, 0,
				bo->base.size);
}

static int op_map(struct kunit *test, struct panthor_gem_object *bo)
{
	return panthor_vm_map_bo_range(panthor_kunit_vm(test), bo, 0, bo->base.size, 0, 0);
}

static int op_kernel_bo(struct kunit *test, struct panthor_gem_object *bo)
{
	struct panthor_device *ptdev = to_panthor_kunit(test)->ptdev;
	struct panthor_kernel_bo *kbo;

	kbo = panthor_kernel_bo_create(ptdev, panthor_kunit_vm(test), SZ_16K, 0, 0,
				       PANTHOR_VM_KERNEL_AUTO_VA, "kunit");
	if (IS_ERR(kbo))
		return PTR_ERR(kbo);

	panthor_kernel_bo_destroy(kbo);
	return 0;
}

static int op_map_live(struct kunit *test, struct panthor_gem_object *bo)
{
	struct panthor_vm *vm = panthor_kunit_vm(test);
	int ret = panthor_vm_active(vm);

	if (ret)
		return ret;

	ret = panthor_vm_map_bo_range(vm, bo, 0, bo->base.size, 0, 0);
	panthor_vm_idle(vm);
	return ret;
}

static const struct reach_param reach_params[] = {
	{ SEAM_GEM_OBJECT_INIT, NULL, op_create, -ENFILE, -ENFILE },
	{ SEAM_MMAP_OFFSET, NULL, op_create, -ENOSPC, -ENOSPC },
	{ SEAM_GET_PAGES, NULL, panthor_kunit_pin, -ESTALE, -ESTALE },
	{ SEAM_PUT_PAGES, panthor_kunit_make_resident, op_free },
	{ SEAM_PAGES_TO_SG, panthor_kunit_make_resident, op_get_sgt, -EMLINK, -EMLINK },
	{ SEAM_DMA_MAP, panthor_kunit_make_resident, op_get_sgt, -EREMOTEIO, -EREMOTEIO },
	{ SEAM_DMA_UNMAP, with_sgt, op_free },
	{ SEAM_DMA_SYNC_DEVICE, with_sgt, op_sync },
	{ SEAM_DMA_SYNC_CPU, with_sgt, op_sync },
	{ SEAM_CPU_UNMAP, with_user_mapping, op_scan },
	{ SEAM_BO_ALLOC, NULL, op_create, -EIO, -ENOMEM },
	{ SEAM_VMAP, NULL, op_vmap, -EINVAL, -ENOMEM },
	{ SEAM_VUNMAP, with_vmap, op_vunmap },
	{ SEAM_SWAP_PAGES, NULL, op_count },
	{ SEAM_FENCE_WAIT, with_gpu_mapping, op_scan, PANTHOR_SEAM_TIMEOUT, -EAGAIN },
	{ SEAM_PGTABLE_ALLOC, NULL, op_create_vm, -ENOMEM, -EINVAL },
	{ SEAM_RESV_LOCK, NULL, panthor_kunit_pin },
	{ SEAM_RESV_LOCK_INTR, NULL, op_sync, -EINTR, -EINTR },
	{ SEAM_COUNT_SET, NULL, panthor_kunit_pin },
	{ SEAM_LRU_SCAN, with_gpu_mapping, op_scan },
	{ SEAM_PT_BULK, NULL, op_map, -EIO, -ENOMEM },
	{ SEAM_VM_BO_CREATE, NULL, op_map, -EIO, -ENOMEM },
	{ SEAM_HANDLE_CREATE, NULL, op_create, -EMFILE, -EMFILE },
	{ SEAM_VA_INSERT, NULL, op_kernel_bo, -ENOSPC, -ENOSPC },
	{ SEAM_MMIO_READ, NULL, op_map_live },
	{ SEAM_FLUSH_CACHES, NULL, op_map_live },
	{ SEAM_VA_STEP, with_gpu_mapping, op_scan },
	{ SEAM_MMIO_WRITE },
	{ SEAM_GET_IRQ },
	{ SEAM_REQUEST_IRQ },
};

static void reach_desc(const struct reach_param *param, char *desc)
{
	strscpy(desc, panthor_seam_name(param->id), KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(reach, reach_params, reach_desc);

/*
 * One driver operation per seam; for three of them device creation, which the
 * fixture has done since it reset the counters.
 * Succeeds if the operation worked and adds to the seam's counter.
 */
static void driver_goes_through_the_seam(struct kunit *test)
{
	const struct reach_param *param = test->param_value;
	struct panthor_gem_object *bo = panthor_kunit_bo(test, SZ_16K);
	unsigned int before = 0;

	if (param->prepare)
		param->prepare(test, bo);
	if (param->operate) {
		before = panthor_seam_calls(param->id);
		KUNIT_EXPECT_EQ(test, param->operate(test, bo), 0);
	}
	KUNIT_EXPECT_GT(test, panthor_seam_calls(param->id), before);
}

static const void *failing_gen_params(struct kunit *test, const void *prev, char *desc)
{
	const struct reach_param *param = prev ? (const struct reach_param *)prev + 1 :
						 reach_params;

	for (; param < reach_params + ARRAY_SIZE(reach_params); param++) {
		if (!param->err)
			continue;
		reach_desc(param, desc);
		return param;
	}

	return NULL;
}

/*
 * The same operations with the seam armed.
 * Succeeds if the operation fails with the errno the driver makes of it, and
 * works when it is repeated.
 */
static void armed_failure_reaches_the_operation(struct kunit *test)
{
	const struct reach_param *param = test->param_value;
	struct panthor_gem_object *bo = panthor_kunit_bo(test, SZ_16K);

	if (param->prepare)
		param->prepare(test, bo);
	panthor_seam_fail_once(test, param->id, param->err);
	KUNIT_EXPECT_EQ(test, param->operate(test, bo), param->expected);
	KUNIT_EXPECT_TRUE(test, panthor_seam_fired(param->id));
	KUNIT_EXPECT_EQ(test, param->operate(test, bo), 0);
}

/*
 * Waiting can also end with an error, which is not the same as an expired wait.
 * Succeeds if the BO stays, and the next scan takes it.
 */
static void fence_wait_can_fail_with_an_errno(struct kunit *test)
{
	struct panthor_gem_object *bo = panthor_kunit_bo(test, SZ_16K);

	with_gpu_mapping(test, bo);
	panthor_seam_fail_once(test, SEAM_FENCE_WAIT, -ERESTARTSYS);
	KUNIT_EXPECT_EQ(test, op_scan(test, bo), -EAGAIN);
	KUNIT_EXPECT_EQ(test, op_scan(test, bo), 0);
}

static void hook_count(void *data)
{
	++*(unsigned int *)data;
}

/*
 * A hook is for one moment: the n-th call from now.
 * Succeeds if it has run after that call, and never again.
 */
static void hook_runs_at_the_nth_call_only(struct kunit *test)
{
	const struct nth_param *param = test->param_value;
	unsigned int ran = 0;

	panthor_seam_hook(test, SEAM_GET_PAGES, param->nth, hook_count, &ran);
	for (unsigned int call = 1; call <= 4; call++) {
		panthor_kunit_make_resident(test, panthor_kunit_bo(test, SZ_16K));
		KUNIT_EXPECT_EQ_MSG(test, ran, call >= param->nth, "call %u", call);
	}
}

/*
 * A test that ends before its hook ran.
 * Succeeds if the next call does not run it.
 */
static void hook_ends_with_its_test(struct kunit *test)
{
	struct kunit *inner = inner_test(test);
	unsigned int ran = 0;

	panthor_seam_hook(inner, SEAM_GET_PAGES, 1, hook_count, &ran);
	inner_test_end(test, inner);
	panthor_kunit_make_resident(test, panthor_kunit_bo(test, SZ_16K));

	KUNIT_EXPECT_EQ(test, ran, 0);
}

struct scan_hook_param {
	const char *desc;
	enum panthor_seam_id id;
	bool locked;
};

static const struct scan_hook_param scan_hook_params[] = {
	{ "popped", SEAM_LRU_POPPED, false },
	{ "shrink", SEAM_LRU_SHRINK, true },
};

KUNIT_ARRAY_PARAM_DESC(scan_hook, scan_hook_params, desc);

struct scan_hook {
	struct panthor_gem_object *bo;
	struct drm_gem_lru *lru;
	bool ran, locked, on_lru;
};

static void scan_hook(void *data)
{
	struct scan_hook *hook = data;

	hook->ran = true;
	hook->locked = dma_resv_is_locked(hook->bo->base.resv);
	hook->on_lru = hook->bo->base.lru == hook->lru;
}

/*
 * The two moments of a scan: an object was taken off its LRU, and its resv was
 * locked.
 * Succeeds if the hook runs with the object off the LRU, and the resv locked
 * for the second only.
 */
static void scan_hook_runs_at_its_moment(struct kunit *test)
{
	const struct scan_hook_param *param = test->param_value;
	struct panthor_device *ptdev = to_panthor_kunit(test)->ptdev;
	struct scan_hook hook = { .bo = panthor_kunit_bo(test, SZ_16K) };

	panthor_kunit_make_resident(test, hook.bo);
	hook.lru = &ptdev->reclaim.unused;
	expect_on_lru(test, hook.bo, hook.lru);
	panthor_seam_set_swap(test, 1);
	panthor_seam_hook(test, param->id, 1, scan_hook, &hook);
	KUNIT_EXPECT_EQ(test, op_scan(test, hook.bo), 0);

	KUNIT_EXPECT_TRUE(test, hook.ran);
	KUNIT_EXPECT_FALSE(test, hook.on_lru);
	KUNIT_EXPECT_EQ(test, hook.locked, param->locked);
}

static struct kunit_case seam_cases[] = {
	KUNIT_CASE(counter_counts_each_call),
	KUNIT_CASE(counter_counts_failed_calls),
	KUNIT_CASE(fail_once_fails_the_next_call_only),
	KUNIT_CASE_PARAM(fail_nth_fails_that_call_only, nth_gen_params),
	KUNIT_CASE(fail_always_fails_until_disarmed),
	KUNIT_CASE(disarm_cancels_a_pending_failure),
	KUNIT_CASE(fired_tells_whether_the_failure_happened),
	KUNIT_CASE(seams_are_independent),
	KUNIT_CASE(failure_ends_with_its_test),
	KUNIT_CASE(swap_value_ends_with_its_test),
	KUNIT_CASE_PARAM(swap_value_reaches_the_driver, swap_gen_params),
	KUNIT_CASE_PARAM(driver_goes_through_the_seam, reach_gen_params),
	KUNIT_CASE_PARAM(armed_failure_reaches_the_operation, failing_gen_params),
	KUNIT_CASE(fence_wait_can_fail_with_an_errno),
	KUNIT_CASE_PARAM(hook_runs_at_the_nth_call_only, nth_gen_params),
	KUNIT_CASE(hook_ends_with_its_test),
	KUNIT_CASE_PARAM(scan_hook_runs_at_its_moment, scan_hook_gen_params),
	{}
};

static struct kunit_suite seam_suite = {
	.name = "panthor_seam",
	.init = panthor_kunit_init,
	.exit = panthor_kunit_exit,
	.suite_exit = panthor_kunit_suite_exit,
	.test_cases = seam_cases,
};

kunit_test_suite(seam_suite);
