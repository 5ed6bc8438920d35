// SPDX-License-Identifier: GPL-2.0-only
/*
 * Reclaim states: which one an event leads to, which LRU that means, and what
 * an eviction leaves behind.
 *
 * Swap space is visible to the driver in every case.
 */

#include <linux/dma-resv.h>
#include <linux/shrinker.h>
#include <linux/uaccess.h>

#include <drm/drm_gpuvm.h>

#include "check.h"
#include "fixture.h"
#include "reclaim.h"
#include "seam.h"

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
 * The driver's other files may ask for the state anew, and what it was.
 * Succeeds if a BO that gets and loses a pin behind the driver's back changes its state,
 * and each time the one before is told.
 */
static void update_tells_the_state_before(struct kunit *test)
{
	struct panthor_gem_object *bo = reclaim_unused_bo(test, BO_SIZE);
	enum panthor_gem_reclaim_state before = PANTHOR_GEM_UNRECLAIMABLE;

	dma_resv_lock(bo->base.resv, NULL);
	mutex_lock(&bo->base.gpuva.lock);
	refcount_set(&bo->backing.pin_count, 1);
	panthor_gem_update_reclaim_state_locked(bo, &before);
	KUNIT_EXPECT_EQ(test, before, PANTHOR_GEM_UNUSED);
	expect_bo_state(test, bo, PANTHOR_GEM_UNRECLAIMABLE);

	refcount_set(&bo->backing.pin_count, 0);
	panthor_gem_update_reclaim_state_locked(bo, &before);
	KUNIT_EXPECT_EQ(test, before, PANTHOR_GEM_UNRECLAIMABLE);
	expect_bo_state(test, bo, PANTHOR_GEM_UNUSED);
	mutex_unlock(&bo->base.gpuva.lock);
	dma_resv_unlock(bo->base.resv);
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
 * as there is something left the core is asked to try once more, then to stop
 * (B31).
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
	struct panthor_gem_object *bo = reclaim_unused_bo(test, BO_SIZE);
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
	struct panthor_gem_object *bo = reclaim_unused_bo(test, 3 * PAGE_SIZE);
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
	struct panthor_gem_object *bo = reclaim_mmapped_bo(test, BO_SIZE);
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
	struct panthor_gem_object *bo = reclaim_single_vm_bo(test, BO_SIZE);

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
 * The count of evictions is what users see; it must not wrap (I25).
 * Succeeds if it saturates at INT_MAX.
 */
static void eviction_count_saturates(struct kunit *test)
{
	struct panthor_gem_object *bo = reclaim_unused_bo(test, BO_SIZE);

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
	KUNIT_CASE(firmware_bo_is_never_evicted),
	KUNIT_CASE(kernel_bo_of_user_vm_is_reclaimable),
	KUNIT_CASE(eviction_count_saturates),
	KUNIT_CASE(update_tells_the_state_before),
	{}
};

static struct kunit_suite gem_reclaim_suite = {
	.name = "panthor_gem_reclaim",
	.init = reclaim_init,
	.exit = panthor_kunit_exit,
	.suite_exit = panthor_kunit_suite_exit,
	.test_cases = gem_reclaim_cases,
};

kunit_test_suite(gem_reclaim_suite);
