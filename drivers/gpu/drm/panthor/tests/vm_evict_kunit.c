// SPDX-License-Identifier: GPL-2.0-only
/*
 * Eviction of BOs that VMs map, and how a job submission brings them back.
 */

#include <linux/shrinker.h>
#include <linux/sizes.h>

#include <drm/drm_gem.h>
#include <drm/drm_gpuvm.h>

#include "fixture.h"
#include "reclaim.h"
#include "seam.h"
#include "vm_walk.h"

/* GPU pages of a BO of BO_SIZE. */
#define BO_PTES		(BO_SIZE / SZ_4K)

/* Have the shrinker take everything it may; @bo must be part of it. */
static void evict(struct kunit *test, struct panthor_gem_object *bo)
{
	KUNIT_ASSERT_NOT_NULL(test, bo->backing.pages);
	KUNIT_ASSERT_GE(test, panthor_kunit_scan(test, GFP_KERNEL, EVERYTHING),
			panthor_kunit_pages(bo));
	KUNIT_ASSERT_NULL(test, bo->backing.pages);
}

struct owner_param {
	const char *desc;
	bool private;
};

static const struct owner_param owner_params[] = {
	{ "shared", false },
	{ "private", true },
};

KUNIT_ARRAY_PARAM_DESC(owner, owner_params, desc);

/* A BO that @vm maps at VA(0): of the kind the parameter asks for. */
static struct panthor_gem_object *mapped_bo(struct kunit *test, struct panthor_vm *vm)
{
	const struct owner_param *param = test->param_value;
	struct panthor_gem_object *bo =
		panthor_kunit_try_bo(test, param && param->private ? vm : NULL, BO_SIZE, 0);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, bo);
	panthor_kunit_map(test, vm, bo, VA(0));
	KUNIT_ASSERT_EQ(test, vm_walk_pages(vm, VA(0), BO_SIZE, bo, 0), BO_PTES);

	return bo;
}

/*
 * The simplest round trip.
 * Succeeds if after the eviction no address leads anywhere, and after the next
 * submission every address leads to the BO's new pages.
 */
static void submission_restores_evicted_bo(struct kunit *test)
{
	struct panthor_vm *vm = panthor_kunit_vm(test);
	struct panthor_gem_object *bo = mapped_bo(test, vm);

	evict(test, bo);
	KUNIT_EXPECT_EQ(test, vm_walk_ptes(vm, VA(0), BO_SIZE), 0);
	expect_bo_state(test, bo, PANTHOR_GEM_UNRECLAIMABLE);

	KUNIT_ASSERT_EQ(test, vm_submit(vm), 0);
	KUNIT_EXPECT_EQ(test, vm_walk_pages(vm, VA(0), BO_SIZE, bo, 0), BO_PTES);
	expect_bo_state(test, bo, PANTHOR_GEM_GPU_MAPPED_SINGLE_VM);
}

static struct kunit_case vm_evict_cases[] = {
	KUNIT_CASE_PARAM(submission_restores_evicted_bo, owner_gen_params),
	{}
};

static struct kunit_suite vm_evict_suite = {
	.name = "panthor_vm_evict",
	.init = reclaim_init,
	.exit = vm_walk_exit,
	.test_cases = vm_evict_cases,
};

kunit_test_suite(vm_evict_suite);
