// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a VM's page table says, compared with what its mappings say.
 *
 * The tables are read through the operations the driver was given. GPU pages
 * have 4K here, whatever PAGE_SIZE is.
 */

#include <linux/dma-fence.h>
#include <linux/dma-resv.h>
#include <linux/io-pgtable.h>
#include <linux/list.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/spinlock.h>

#include <drm/drm_exec.h>
#include <drm/drm_gem.h>
#include <drm/drm_gpuvm.h>

#include <kunit/resource.h>

#include "check.h"
#include "fixture.h"
#include "seam.h"
#include "vm_walk.h"

/**
 * vm_walk_phys() - Where a GPU address leads
 * @vm: The VM.
 * @va: GPU address.
 *
 * Context: Process context; nobody else changes the VM's page table.
 *
 * Return: The physical address, 0 if nothing is mapped there.
 */
phys_addr_t vm_walk_phys(struct panthor_vm *vm, u64 va)
{
	struct io_pgtable_ops *ops = panthor_seam_pgtable(vm);

	return ops ? ops->iova_to_phys(ops, va) : 0;
}

/**
 * vm_walk_ptes() - Count the GPU pages of a range that lead anywhere
 * @vm: The VM.
 * @va: GPU address of the range.
 * @size: Size of the range in bytes.
 *
 * Context: As vm_walk_phys().
 *
 * Return: The number of GPU pages.
 */
unsigned long vm_walk_ptes(struct panthor_vm *vm, u64 va, u64 size)
{
	unsigned long count = 0;

	for (u64 i = 0; i < size; i += SZ_4K)
		count += !!vm_walk_phys(vm, va + i);

	return count;
}

/**
 * vm_walk_pages() - Count the GPU pages of a range that lead to a BO's pages
 * @vm: The VM.
 * @va: GPU address of the range.
 * @size: Size of the range in bytes.
 * @bo: The BO.
 * @offset: Offset in the BO to which @va has to lead. Behind the BO's end it
 *	begins anew, as it does in a sparse mapping.
 *
 * Context: As vm_walk_phys(). The pages of @bo stay.
 *
 * Return: The number of GPU pages; 0 if @bo has no pages.
 */
unsigned long vm_walk_pages(struct panthor_vm *vm, u64 va, u64 size,
			    struct panthor_gem_object *bo, u64 offset)
{
	unsigned long count = 0;

	if (!bo->backing.pages)
		return 0;

	for (u64 i = 0; i < size; i += SZ_4K) {
		u64 at = (offset + i) % bo->base.size;
		phys_addr_t want = page_to_phys(bo->backing.pages[at >> PAGE_SHIFT]) +
				   offset_in_page(at);

		count += vm_walk_phys(vm, va + i) == want;
	}

	return count;
}

/**
 * vm_walk_expect_consistent() - Compare all mappings with the page tables
 * @test: Test whose device it is; fails if they disagree (I7 to I9).
 *
 * For cases that are about mappings while something else is known to be wrong.
 *
 * Context: As panthor_check().
 */
void vm_walk_expect_consistent(struct kunit *test)
{
	struct panthor_check_report report;

	panthor_check(test, &report);
	KUNIT_EXPECT_EQ_MSG(test, report.broken & (BIT(7) | BIT(8) | BIT(9)), 0, "%s",
			    report.msgs[0]);
}

/**
 * vm_bo_of() - What ties a BO to a VM
 * @vm: The VM.
 * @bo: The BO.
 *
 * Context: Process context; nobody else changes the BO's list.
 *
 * Return: The vm_bo, or NULL if @bo is not mapped there. Not referenced.
 */
struct drm_gpuvm_bo *vm_bo_of(struct panthor_vm *vm, struct panthor_gem_object *bo)
{
	struct drm_gpuvm_bo *vm_bo, *found = NULL;

	mutex_lock(&bo->base.gpuva.lock);
	drm_gem_for_each_gpuvm_bo(vm_bo, &bo->base) {
		if (vm_bo->vm->r_obj == panthor_vm_root_gem(vm))
			found = vm_bo;
	}
	mutex_unlock(&bo->base.gpuva.lock);

	return found;
}

/**
 * vm_evicted() - Whether a VM has to restore a BO before it can run
 * @vm: The VM.
 * @bo: The BO.
 *
 * Context: As vm_bo_of().
 *
 * Return: true if @bo is mapped there and evicted.
 */
bool vm_evicted(struct panthor_vm *vm, struct panthor_gem_object *bo)
{
	struct drm_gpuvm_bo *vm_bo = vm_bo_of(vm, bo);

	return vm_bo && vm_bo->evicted;
}

/**
 * vm_submit_fence() - A job submission, up to the push of the job
 * @vm: The VM; its evicted BOs are restored.
 * @fence: The job's fence, or NULL for a submission that ends early.
 *
 * Context: Process context. Takes and releases the resvs of the VM and its BOs.
 *
 * Return: What panthor_vm_prepare_mapped_bos_resvs() returned.
 */
int vm_submit_fence(struct panthor_vm *vm, struct dma_fence *fence)
{
	struct drm_exec exec;
	int ret = 0;

	drm_exec_init(&exec, 0, 0);
	drm_exec_until_all_locked(&exec) {
		ret = panthor_vm_prepare_mapped_bos_resvs(&exec, vm, 1);
		drm_exec_retry_on_contention(&exec);
	}
	if (!ret && fence)
		panthor_vm_update_resvs(vm, &exec, fence, DMA_RESV_USAGE_BOOKKEEP,
					DMA_RESV_USAGE_BOOKKEEP);
	drm_exec_fini(&exec);

	return ret;
}

/**
 * vm_submit() - What a job submission does to a VM before the job may run
 * @vm: The VM; its evicted BOs are restored.
 *
 * Context: Process context. Takes and releases the resvs of the VM and its BOs.
 *
 * Return: What panthor_vm_prepare_mapped_bos_resvs() returned.
 */
int vm_submit(struct panthor_vm *vm)
{
	return vm_submit_fence(vm, NULL);
}

static const char *test_fence_name(struct dma_fence *fence)
{
	return "panthor-kunit";
}

static const struct dma_fence_ops test_fence_ops = {
	.get_driver_name = test_fence_name,
	.get_timeline_name = test_fence_name,
};

/**
 * struct test_fence - A fence of the test
 * @base: The fence.
 * @lock: Lock for @base, which wants one from its creator.
 */
struct test_fence {
	struct dma_fence base;
	spinlock_t lock; /* protects @base */
};

static void test_fence_end(void *data)
{
	struct dma_fence *fence = data;

	dma_fence_signal(fence);
	dma_fence_put(fence);
}

/**
 * vm_fence_new() - Create a fence
 *
 * Context: Process context.
 *
 * Return: The fence, to be signalled and put, or NULL.
 */
struct dma_fence *vm_fence_new(void)
{
	struct test_fence *fence = kzalloc_obj(*fence);

	if (!fence)
		return NULL;
	spin_lock_init(&fence->lock);
	dma_fence_init(&fence->base, &test_fence_ops, &fence->lock,
		       dma_fence_context_alloc(1), 1);

	return &fence->base;
}

/**
 * vm_fence() - Create a fence that is signalled by the test
 * @test: The test; signals and puts the fence when it ends.
 *
 * Context: Process context.
 *
 * Return: The fence; a failure aborts the test.
 */
struct dma_fence *vm_fence(struct kunit *test)
{
	struct dma_fence *fence = vm_fence_new();

	KUNIT_ASSERT_NOT_NULL(test, fence);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, test_fence_end, fence), 0);

	return fence;
}
