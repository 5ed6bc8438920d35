// SPDX-License-Identifier: GPL-2.0-only
/*
 * Eviction of BOs that VMs map, and how a job submission brings them back.
 */

#include <linux/highmem.h>
#include <linux/list.h>
#include <linux/mm.h>
#include <linux/sizes.h>
#include <linux/string.h>

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

/* A BO that @vm maps at VA(0); @param says whether it is the VM's alone. */
static struct panthor_gem_object *
mapped_bo(struct kunit *test, struct panthor_vm *vm, const struct owner_param *param)
{
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
	struct panthor_gem_object *bo = mapped_bo(test, vm, test->param_value);

	evict(test, bo);
	KUNIT_EXPECT_EQ(test, vm_walk_ptes(vm, VA(0), BO_SIZE), 0);
	expect_bo_state(test, bo, PANTHOR_GEM_UNRECLAIMABLE);

	KUNIT_ASSERT_EQ(test, vm_submit(vm), 0);
	KUNIT_EXPECT_EQ(test, vm_walk_pages(vm, VA(0), BO_SIZE, bo, 0), BO_PTES);
	expect_bo_state(test, bo, PANTHOR_GEM_GPU_MAPPED_SINGLE_VM);
}

/*
 * A BO private to a VM is known to it by one list, a shared one by another.
 * Succeeds if the private one waits on the VM's evict list, the shared one is
 * left out until a submission collects it, and neither stays there (I10).
 */
static void evict_list_holds_private_bos_only(struct kunit *test)
{
	const struct owner_param *param = test->param_value;
	struct panthor_vm *vm = panthor_kunit_vm(test);
	struct panthor_gem_object *bo = mapped_bo(test, vm, param);
	struct drm_gpuvm_bo *vm_bo = vm_bo_of(vm, bo);

	KUNIT_ASSERT_NOT_NULL(test, vm_bo);
	KUNIT_EXPECT_TRUE(test, list_empty(&vm_bo->list.entry.evict));
	evict(test, bo);
	KUNIT_EXPECT_TRUE(test, vm_bo->evicted);
	KUNIT_EXPECT_EQ(test, list_empty(&vm_bo->list.entry.evict), !param->private);
	KUNIT_ASSERT_EQ(test, vm_submit(vm), 0);
	KUNIT_EXPECT_FALSE(test, vm_bo->evicted);
	KUNIT_EXPECT_TRUE(test, list_empty(&vm_bo->list.entry.evict));
}

/*
 * The GPU reads what the CPU wrote before the pages went to swap.
 * Succeeds if every page, found through the page table, has its content.
 */
static void content_survives_and_is_found_through_page_table(struct kunit *test)
{
	struct panthor_vm *vm = panthor_kunit_vm(test);
	struct panthor_gem_object *bo = mapped_bo(test, vm, NULL);
	u8 *bytes = panthor_kunit_vmap(test, bo);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, bytes);
	for (u64 at = 0; at < BO_SIZE; at += SZ_4K)
		memset(bytes + at, 1 + at / SZ_4K, SZ_4K);
	panthor_kunit_vunmap(test, bo);

	evict(test, bo);
	KUNIT_ASSERT_EQ(test, vm_submit(vm), 0);

	for (u64 at = 0; at < BO_SIZE; at += SZ_4K) {
		phys_addr_t phys = vm_walk_phys(vm, VA(0) + at);

		KUNIT_ASSERT_NE(test, phys, 0);
		bytes = kmap_local_page(phys_to_page(phys));
		bytes += offset_in_page(phys);
		KUNIT_EXPECT_NULL(test, memchr_inv(bytes, 1 + at / SZ_4K, SZ_4K));
		kunmap_local(bytes);
	}
}

/*
 * One VM maps different parts of a BO at several addresses.
 * Succeeds if eviction clears all of them, and submission restores each with
 * the offset it had.
 */
static void every_mapping_of_a_vm_is_evicted_and_restored(struct kunit *test)
{
	struct panthor_vm *vm = panthor_kunit_vm(test);
	struct panthor_gem_object *bo = mapped_bo(test, vm, NULL);
	u64 half = BO_SIZE / 2;

	KUNIT_ASSERT_EQ(test, panthor_vm_map_bo_range(vm, bo, half, half, VA(1), 0), 0);
	KUNIT_ASSERT_EQ(test, panthor_vm_map_bo_range(vm, bo, 0, half, VA(2), 0), 0);

	evict(test, bo);
	KUNIT_EXPECT_EQ(test, vm_walk_ptes(vm, VA(0), BO_SIZE), 0);
	KUNIT_EXPECT_EQ(test, vm_walk_ptes(vm, VA(1), half), 0);
	KUNIT_EXPECT_EQ(test, vm_walk_ptes(vm, VA(2), half), 0);

	KUNIT_ASSERT_EQ(test, vm_submit(vm), 0);
	KUNIT_EXPECT_EQ(test, vm_walk_pages(vm, VA(0), BO_SIZE, bo, 0), BO_PTES);
	KUNIT_EXPECT_EQ(test, vm_walk_pages(vm, VA(1), half, bo, half), BO_PTES / 2);
	KUNIT_EXPECT_EQ(test, vm_walk_pages(vm, VA(2), half, bo, 0), BO_PTES / 2);
}

/*
 * Only VM one of two submits.
 * Succeeds if the BO is its alone, on its LRU, and nothing is mapped in the
 * other.
 */
static void restore_in_one_vm_leaves_the_other_evicted(struct kunit *test)
{
	struct panthor_vm *vm = panthor_kunit_vm(test), *other = panthor_kunit_vm(test);
	struct panthor_gem_object *bo = mapped_bo(test, vm, NULL);

	panthor_kunit_map(test, other, bo, VA(1));
	expect_bo_state(test, bo, PANTHOR_GEM_GPU_MAPPED_MULTI_VM);
	evict(test, bo);
	KUNIT_EXPECT_TRUE(test, vm_evicted(vm, bo));
	KUNIT_EXPECT_TRUE(test, vm_evicted(other, bo));

	KUNIT_ASSERT_EQ(test, vm_submit(other), 0);
	KUNIT_EXPECT_TRUE(test, vm_evicted(vm, bo));
	KUNIT_EXPECT_FALSE(test, vm_evicted(other, bo));
	KUNIT_EXPECT_EQ(test, vm_walk_ptes(vm, VA(0), BO_SIZE), 0);
	KUNIT_EXPECT_EQ(test, vm_walk_pages(other, VA(1), BO_SIZE, bo, 0), BO_PTES);
	expect_bo_state(test, bo, PANTHOR_GEM_GPU_MAPPED_SINGLE_VM);
}

/*
 * Both VMs of a BO submit, one after the other.
 * Succeeds if the BO is shared again and both page tables lead to its pages.
 */
static void restore_in_both_vms_shares_the_pages(struct kunit *test)
{
	struct panthor_vm *vm = panthor_kunit_vm(test), *other = panthor_kunit_vm(test);
	struct panthor_gem_object *bo = mapped_bo(test, vm, NULL);

	panthor_kunit_map(test, other, bo, VA(1));
	evict(test, bo);
	KUNIT_ASSERT_EQ(test, vm_submit(vm), 0);
	KUNIT_ASSERT_EQ(test, vm_submit(other), 0);

	expect_bo_state(test, bo, PANTHOR_GEM_GPU_MAPPED_MULTI_VM);
	KUNIT_EXPECT_EQ(test, vm_walk_pages(vm, VA(0), BO_SIZE, bo, 0), BO_PTES);
	KUNIT_EXPECT_EQ(test, vm_walk_pages(other, VA(1), BO_SIZE, bo, 0), BO_PTES);
	KUNIT_EXPECT_EQ(test, panthor_seam_calls(SEAM_GET_PAGES), 2);
}

/*
 * The BO's only live mapping goes away while another VM's is still evicted, and
 * then that one is restored: the state is the same, the VM is another (B45).
 * Succeeds if the BO is on the LRU of the VM that maps it.
 */
static void single_vm_changes_through_unmap(struct kunit *test)
{
	struct panthor_vm *vm = panthor_kunit_vm(test), *other = panthor_kunit_vm(test);
	struct panthor_gem_object *bo = mapped_bo(test, vm, NULL);

	panthor_kunit_map(test, other, bo, VA(1));
	evict(test, bo);
	KUNIT_ASSERT_EQ(test, vm_submit(vm), 0);
	panthor_kunit_unmap(test, vm, bo, VA(0));
	expect_bo_state(test, bo, PANTHOR_GEM_UNUSED);

	KUNIT_ASSERT_EQ(test, vm_submit(other), 0);
	expect_bo_state(test, bo, PANTHOR_GEM_GPU_MAPPED_SINGLE_VM);
	KUNIT_EXPECT_EQ(test, vm_walk_pages(other, VA(1), BO_SIZE, bo, 0), BO_PTES);
}

/*
 * The CPU has pages allocated between two evictions; no VM submits (B18).
 * Succeeds if the second eviction frees the pages without touching the page
 * table, and a submission restores the BO.
 */
static void second_eviction_finds_nothing_to_unmap(struct kunit *test)
{
	struct panthor_vm *vm = panthor_kunit_vm(test);
	struct panthor_gem_object *bo = mapped_bo(test, vm, test->param_value);

	evict(test, bo);
	panthor_kunit_make_resident(test, bo);
	expect_bo_state(test, bo, PANTHOR_GEM_UNUSED);
	evict(test, bo);
	KUNIT_EXPECT_EQ(test, atomic_read(&bo->reclaimed_count), 2);

	KUNIT_ASSERT_EQ(test, vm_submit(vm), 0);
	KUNIT_EXPECT_EQ(test, vm_walk_pages(vm, VA(0), BO_SIZE, bo, 0), BO_PTES);
}

/*
 * An evicted BO is mapped a second time into its VM, which makes one live
 * mapping beside an evicted one, and evicted again (B19).
 * Succeeds if the second mapping does not outlive the pages.
 */
static void mapping_made_after_eviction_is_evicted(struct kunit *test)
{
	struct panthor_vm *vm = panthor_kunit_vm(test);
	struct panthor_gem_object *bo = mapped_bo(test, vm, test->param_value);

	evict(test, bo);
	panthor_kunit_map(test, vm, bo, VA(1));
	KUNIT_ASSERT_EQ(test, vm_walk_pages(vm, VA(1), BO_SIZE, bo, 0), BO_PTES);
	KUNIT_ASSERT_EQ(test, vm_walk_ptes(vm, VA(0), BO_SIZE), 0);

	evict(test, bo);
	KUNIT_EXPECT_EQ(test, vm_walk_ptes(vm, VA(1), BO_SIZE), 0);

	KUNIT_ASSERT_EQ(test, vm_submit(vm), 0);
	KUNIT_EXPECT_EQ(test, vm_walk_pages(vm, VA(0), BO_SIZE, bo, 0), BO_PTES);
	KUNIT_EXPECT_EQ(test, vm_walk_pages(vm, VA(1), BO_SIZE, bo, 0), BO_PTES);
}

/*
 * As before, but a job comes before the second eviction.
 * Succeeds if the evicted mapping is restored and the live one left as it is.
 */
static void submission_completes_half_evicted_bo(struct kunit *test)
{
	struct panthor_vm *vm = panthor_kunit_vm(test);
	struct panthor_gem_object *bo = mapped_bo(test, vm, test->param_value);

	evict(test, bo);
	panthor_kunit_map(test, vm, bo, VA(1));

	KUNIT_ASSERT_EQ(test, vm_submit(vm), 0);
	KUNIT_EXPECT_FALSE(test, vm_evicted(vm, bo));
	KUNIT_EXPECT_EQ(test, vm_walk_pages(vm, VA(0), BO_SIZE, bo, 0), BO_PTES);
	KUNIT_EXPECT_EQ(test, vm_walk_pages(vm, VA(1), BO_SIZE, bo, 0), BO_PTES);
	expect_bo_state(test, bo, PANTHOR_GEM_GPU_MAPPED_SINGLE_VM);
}

/*
 * Somebody pinned the evicted BO before the job came, so it has pages (B09).
 * Succeeds if submission maps these pages, and the BO can be evicted again once
 * the pin is gone.
 */
static void submission_maps_pages_of_pinned_bo(struct kunit *test)
{
	struct panthor_vm *vm = panthor_kunit_vm(test);
	struct panthor_gem_object *bo = mapped_bo(test, vm, test->param_value);

	evict(test, bo);
	KUNIT_ASSERT_EQ(test, panthor_kunit_pin(test, bo), 0);
	KUNIT_ASSERT_EQ(test, vm_submit(vm), 0);
	KUNIT_EXPECT_EQ(test, vm_walk_pages(vm, VA(0), BO_SIZE, bo, 0), BO_PTES);
	expect_bo_state(test, bo, PANTHOR_GEM_UNRECLAIMABLE);

	panthor_kunit_unpin(test, bo);
	expect_bo_state(test, bo, PANTHOR_GEM_GPU_MAPPED_SINGLE_VM);
	evict(test, bo);
}

/*
 * Nobody needs an evicted BO whose mappings are gone.
 * Succeeds if the unmap finds nothing in the page table, and the next submission
 * does not get pages for it.
 */
static void unmapped_while_evicted_is_not_restored(struct kunit *test)
{
	struct panthor_vm *vm = panthor_kunit_vm(test);
	struct panthor_gem_object *bo = mapped_bo(test, vm, test->param_value);

	evict(test, bo);
	panthor_kunit_unmap(test, vm, bo, VA(0));
	KUNIT_EXPECT_NULL(test, vm_bo_of(vm, bo));
	KUNIT_ASSERT_EQ(test, vm_submit(vm), 0);
	KUNIT_EXPECT_NULL(test, bo->backing.pages);
}

/*
 * The second of three evicted BOs cannot be brought back.
 * Succeeds if the submission fails with the errno, and the next one restores
 * what is missing.
 */
static void failed_restore_is_completed_by_next_submission(struct kunit *test)
{
	struct panthor_vm *vm = panthor_kunit_vm(test);
	struct panthor_gem_object *bo[3];
	unsigned int evicted = 0;

	for (unsigned int i = 0; i < ARRAY_SIZE(bo); i++) {
		bo[i] = panthor_kunit_bo(test, BO_SIZE);
		panthor_kunit_map(test, vm, bo[i], VA(i));
	}
	KUNIT_ASSERT_EQ(test, panthor_kunit_scan(test, GFP_KERNEL, EVERYTHING), 3 * BO_PAGES);

	panthor_seam_fail_nth(test, SEAM_GET_PAGES, 2, -ENOSPC);
	KUNIT_EXPECT_EQ(test, vm_submit(vm), -ENOSPC);
	for (unsigned int i = 0; i < ARRAY_SIZE(bo); i++)
		evicted += vm_evicted(vm, bo[i]);
	KUNIT_EXPECT_EQ(test, evicted, 2);
	vm_walk_expect_consistent(test);

	KUNIT_ASSERT_EQ(test, vm_submit(vm), 0);
	for (unsigned int i = 0; i < ARRAY_SIZE(bo); i++)
		KUNIT_EXPECT_EQ(test, vm_walk_pages(vm, VA(i), BO_SIZE, bo[i], 0), BO_PTES);
}

struct hole_param {
	const char *desc;
	u64 start;
	u64 end;
	bool mapped_over;
};

/* In pages of a BO of BO_PAGES. */
static const struct hole_param hole_params[] = {
	{ "unmap-first", 0, 1 },
	{ "unmap-middle", 1, 2 },
	{ "unmap-last", 3, 4 },
	{ "map_over-first", 0, 1, true },
	{ "map_over-middle", 1, 2, true },
	{ "map_over-last", 3, 4, true },
};

KUNIT_ARRAY_PARAM_DESC(hole, hole_params, desc);

static void make_hole(struct kunit *test, struct panthor_vm *vm,
		      struct panthor_gem_object *over, u64 va, u64 size)
{
	int ret = over ? panthor_vm_map_bo_range(vm, over, 0, size, va, 0) :
			 panthor_vm_unmap_range(vm, va, size);

	KUNIT_ASSERT_EQ(test, ret, 0);
}

/*
 * A part of an evicted mapping is replaced, by nothing or by another BO (B21).
 * Succeeds if nothing of the evicted BO gets into the page table, and then a
 * submission restores what is left of the mapping, each part with its offset.
 */
static void evicted_mapping_can_be_split(struct kunit *test)
{
	const struct hole_param *param = test->param_value;
	u64 start = param->start * PAGE_SIZE, end = param->end * PAGE_SIZE;
	struct panthor_vm *vm = panthor_kunit_vm(test);
	struct panthor_gem_object *bo = mapped_bo(test, vm, NULL);
	struct panthor_gem_object *over = NULL;
	unsigned long live = 0;

	evict(test, bo);
	if (param->mapped_over) {
		over = panthor_kunit_bo(test, PAGE_SIZE);
		live = PAGE_SIZE / SZ_4K;
	}
	make_hole(test, vm, over, VA(0) + start, end - start);
	KUNIT_EXPECT_NULL(test, bo->backing.pages);
	KUNIT_EXPECT_EQ(test, vm_walk_ptes(vm, VA(0), BO_SIZE), live);

	KUNIT_ASSERT_EQ(test, vm_submit(vm), 0);
	KUNIT_EXPECT_EQ(test, vm_walk_pages(vm, VA(0), start, bo, 0), start / SZ_4K);
	KUNIT_EXPECT_EQ(test, vm_walk_pages(vm, VA(0) + end, BO_SIZE - end, bo, end),
			(BO_SIZE - end) / SZ_4K);
	if (over)
		KUNIT_EXPECT_EQ(test, vm_walk_pages(vm, VA(0) + start, PAGE_SIZE, over, 0), live);
	else
		KUNIT_EXPECT_EQ(test, vm_walk_ptes(vm, VA(0) + start, end - start), 0);
}

static const struct hole_param big_hole_params[] = {
	{ "unmap", SZ_1M, SZ_1M + SZ_64K },
	{ "unmap-across_2M", SZ_2M - SZ_64K, SZ_2M + SZ_64K },
	{ "map_over", SZ_1M, SZ_1M + SZ_64K, true },
};

KUNIT_ARRAY_PARAM_DESC(big_hole, big_hole_params, desc);

/*
 * The same with a BO that could be mapped by huge pages; whether it is cannot
 * be found out from pages that are gone (B22).
 * Succeeds if both parts are restored and nothing else is.
 */
static void evicted_huge_mapping_can_be_split(struct kunit *test)
{
	const struct hole_param *param = test->param_value;
	u64 size = param->end - param->start;
	struct panthor_vm *vm = panthor_kunit_vm(test);
	struct panthor_gem_object *bo = panthor_kunit_bo(test, SZ_4M);

	panthor_kunit_map(test, vm, bo, VA(0));
	evict(test, bo);
	make_hole(test, vm, param->mapped_over ? panthor_kunit_bo(test, size) : NULL,
		  VA(0) + param->start, size);
	KUNIT_EXPECT_EQ(test, vm_walk_ptes(vm, VA(0), SZ_4M),
			param->mapped_over ? size / SZ_4K : 0);

	KUNIT_ASSERT_EQ(test, vm_submit(vm), 0);
	KUNIT_EXPECT_EQ(test, vm_walk_pages(vm, VA(0), param->start, bo, 0),
			param->start / SZ_4K);
	KUNIT_EXPECT_EQ(test, vm_walk_pages(vm, VA(0) + param->end, SZ_4M - param->end,
					    bo, param->end), (SZ_4M - param->end) / SZ_4K);
	KUNIT_EXPECT_EQ(test, vm_walk_pages(vm, VA(0) + param->start, size, bo, param->start), 0);
}

/*
 * A mapping is split, the BO evicted, and the larger part unmapped before the
 * job comes.
 * Succeeds if only the part that is left comes back.
 */
static void part_unmapped_after_eviction_stays_away(struct kunit *test)
{
	struct panthor_vm *vm = panthor_kunit_vm(test);
	struct panthor_gem_object *bo = mapped_bo(test, vm, NULL);

	KUNIT_ASSERT_EQ(test, panthor_vm_unmap_range(vm, VA(0) + PAGE_SIZE, PAGE_SIZE), 0);
	evict(test, bo);
	KUNIT_ASSERT_EQ(test, panthor_vm_unmap_range(vm, VA(0) + 2 * PAGE_SIZE,
						     2 * PAGE_SIZE), 0);
	KUNIT_ASSERT_EQ(test, vm_submit(vm), 0);
	KUNIT_EXPECT_EQ(test, vm_walk_pages(vm, VA(0), PAGE_SIZE, bo, 0), PAGE_SIZE / SZ_4K);
	KUNIT_EXPECT_EQ(test, vm_walk_ptes(vm, VA(0), BO_SIZE), PAGE_SIZE / SZ_4K);
}

static struct kunit_case vm_evict_cases[] = {
	KUNIT_CASE_PARAM(submission_restores_evicted_bo, owner_gen_params),
	KUNIT_CASE_PARAM(evict_list_holds_private_bos_only, owner_gen_params),
	KUNIT_CASE(content_survives_and_is_found_through_page_table),
	KUNIT_CASE(every_mapping_of_a_vm_is_evicted_and_restored),
	KUNIT_CASE(restore_in_one_vm_leaves_the_other_evicted),
	KUNIT_CASE(restore_in_both_vms_shares_the_pages),
	KUNIT_CASE(single_vm_changes_through_unmap),
	KUNIT_CASE_PARAM(second_eviction_finds_nothing_to_unmap, owner_gen_params),
	KUNIT_CASE_PARAM(mapping_made_after_eviction_is_evicted, owner_gen_params),
	KUNIT_CASE_PARAM(submission_completes_half_evicted_bo, owner_gen_params),
	KUNIT_CASE_PARAM(submission_maps_pages_of_pinned_bo, owner_gen_params),
	KUNIT_CASE_PARAM(unmapped_while_evicted_is_not_restored, owner_gen_params),
	KUNIT_CASE(failed_restore_is_completed_by_next_submission),
	KUNIT_CASE_PARAM(evicted_mapping_can_be_split, hole_gen_params),
	KUNIT_CASE_PARAM(evicted_huge_mapping_can_be_split, big_hole_gen_params),
	KUNIT_CASE(part_unmapped_after_eviction_stays_away),
	{}
};

static struct kunit_suite vm_evict_suite = {
	.name = "panthor_vm_evict",
	.init = reclaim_init,
	.exit = panthor_kunit_exit,
	.suite_exit = panthor_kunit_suite_exit,
	.test_cases = vm_evict_cases,
};

kunit_test_suite(vm_evict_suite);
