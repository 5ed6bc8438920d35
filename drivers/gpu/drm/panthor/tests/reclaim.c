// SPDX-License-Identifier: GPL-2.0-only
/* The ways to hold a BO's pages, cheapest to reclaim first. */

#include "fixture.h"
#include "reclaim.h"
#include "seam.h"

/**
 * reclaim_init() - .init of suites that reclaim: swap space is visible
 * @test: The test.
 *
 * Context: Test thread.
 *
 * Return: 0; a failure aborts the test.
 */
int reclaim_init(struct kunit *test)
{
	int ret = panthor_kunit_init(test);

	panthor_seam_set_swap(test, 1);
	return ret;
}

/**
 * reclaim_unused_bo() - A resident BO that nothing holds
 * @test: The test; puts the BO when it ends.
 * @size: Size in bytes.
 *
 * Context: Test thread.
 *
 * Return: The BO, in state PANTHOR_GEM_UNUSED; a failure aborts the test.
 */
struct panthor_gem_object *reclaim_unused_bo(struct kunit *test, u64 size)
{
	struct panthor_gem_object *bo = panthor_kunit_bo(test, size);

	panthor_kunit_make_resident(test, bo);
	return bo;
}

/**
 * reclaim_mmapped_bo() - A resident BO mapped into the test's address space
 * @test: The test; puts the BO when it ends.
 * @size: Size in bytes.
 *
 * Context: Test thread.
 *
 * Return: The BO, in state PANTHOR_GEM_MMAPPED; a failure aborts the test.
 */
struct panthor_gem_object *reclaim_mmapped_bo(struct kunit *test, u64 size)
{
	struct panthor_gem_object *bo = reclaim_unused_bo(test, size);

	panthor_kunit_mmap(test, bo);
	return bo;
}

/**
 * reclaim_single_vm_bo() - A BO mapped by a VM of its own
 * @test: The test; puts the BO when it ends.
 * @size: Size in bytes.
 *
 * Context: Test thread.
 *
 * Return: The BO, in state PANTHOR_GEM_GPU_MAPPED_SINGLE_VM; a failure aborts the test.
 */
struct panthor_gem_object *reclaim_single_vm_bo(struct kunit *test, u64 size)
{
	struct panthor_gem_object *bo = panthor_kunit_bo(test, size);

	panthor_kunit_map(test, panthor_kunit_vm(test), bo, VA(0));
	return bo;
}

/**
 * reclaim_multi_vm_bo() - A BO mapped by two VMs
 * @test: The test; puts the BO when it ends.
 * @size: Size in bytes.
 *
 * Context: Test thread.
 *
 * Return: The BO, in state PANTHOR_GEM_GPU_MAPPED_MULTI_VM; a failure aborts the test.
 */
struct panthor_gem_object *reclaim_multi_vm_bo(struct kunit *test, u64 size)
{
	struct panthor_gem_object *bo = reclaim_single_vm_bo(test, size);

	panthor_kunit_map(test, panthor_kunit_vm(test), bo, VA(0));
	return bo;
}

const struct reclaim_kind reclaim_kinds[RECLAIM_KINDS] = {
	{ "unused", reclaim_unused_bo, PANTHOR_GEM_UNUSED },
	{ "mmapped", reclaim_mmapped_bo, PANTHOR_GEM_MMAPPED },
	{ "single_vm", reclaim_single_vm_bo, PANTHOR_GEM_GPU_MAPPED_SINGLE_VM },
	{ "multi_vm", reclaim_multi_vm_bo, PANTHOR_GEM_GPU_MAPPED_MULTI_VM },
};
