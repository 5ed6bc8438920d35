// SPDX-License-Identifier: GPL-2.0-only
/*
 * Backing pages: BO creation, lazy allocation, the device's sg table and
 * swap-in, and what a failure in each of them leaves behind.
 */

#include <linux/dma-resv.h>
#include <linux/err.h>
#include <linux/idr.h>
#include <linux/kref.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/scatterlist.h>
#include <linux/shrinker.h>
#include <linux/sizes.h>
#include <linux/string.h>

#include <drm/drm_file.h>
#include <drm/drm_gem.h>
#include <drm/panthor_drm.h>

#include "check.h"
#include "fixture.h"
#include "seam.h"

/* Have the shrinker take everything it may; @bo must be part of it. */
static void evict(struct kunit *test, struct panthor_gem_object *bo)
{
	panthor_seam_set_swap(test, 1);
	KUNIT_ASSERT_EQ(test, panthor_kunit_scan(test, GFP_KERNEL, 1), panthor_kunit_pages(bo));
	KUNIT_ASSERT_NULL(test, bo->backing.pages);
}

/* As the driver does it for a job: what comes back is offered to reclaim. */
static int swapin(struct kunit *test, struct panthor_gem_object *bo)
{
	int ret;

	dma_resv_lock(bo->base.resv, NULL);
	ret = panthor_gem_swapin_locked(bo);
	if (!ret) {
		mutex_lock(&bo->base.gpuva.lock);
		panthor_gem_update_reclaim_state_locked(bo, NULL);
		mutex_unlock(&bo->base.gpuva.lock);
	}
	dma_resv_unlock(bo->base.resv);

	return ret;
}

/* As the driver does it for a GPU mapping: with a pin for as long as it takes. */
static int pin_and_get_sgt(struct kunit *test, struct panthor_gem_object *bo)
{
	int ret = panthor_gem_pin(bo);

	if (ret)
		return ret;

	ret = PTR_ERR_OR_ZERO(panthor_gem_get_dev_sgt(bo));
	panthor_gem_unpin(bo);
	return ret;
}

/* Without a pin: callers take it for granted only that an error is one. */
static int get_sgt(struct kunit *test, struct panthor_gem_object *bo)
{
	int ret = PTR_ERR_OR_ZERO(panthor_gem_get_dev_sgt(bo));

	/* Nobody but a pin tells reclaim about the pages. */
	if (!ret)
		panthor_kunit_make_resident(test, bo);
	return ret;
}

static int vmap_bo(struct kunit *test, struct panthor_gem_object *bo)
{
	return PTR_ERR_OR_ZERO(panthor_kunit_vmap(test, bo));
}

struct size_param {
	const char *desc;
	u64 size;
	u64 expected;
};

static const struct size_param size_params[] = {
	{ "one_byte", 1, PAGE_SIZE },
	{ "one_page", PAGE_SIZE, PAGE_SIZE },
	{ "page_and_a_byte", PAGE_SIZE + 1, 2 * PAGE_SIZE },
	{ "two_mib_less_a_byte", SZ_2M - 1, SZ_2M },
};

KUNIT_ARRAY_PARAM_DESC(size, size_params, desc);

/*
 * A BO of a size that need not be one of pages.
 * Succeeds if BO and caller have the size in whole pages.
 */
static void size_is_rounded_up_to_pages(struct kunit *test)
{
	const struct size_param *param = test->param_value;
	struct panthor_kunit *ctx = to_panthor_kunit(test);
	struct panthor_gem_object *bo = panthor_kunit_bo(test, param->size);
	u64 size = param->size;
	u32 handle;

	KUNIT_EXPECT_EQ(test, bo->base.size, param->expected);

	KUNIT_ASSERT_EQ(test, panthor_gem_create_with_handle(ctx->file, &ctx->ptdev->base, NULL,
							     &size, 0, &handle), 0);
	KUNIT_EXPECT_EQ(test, drm_gem_handle_delete(ctx->file, handle), 0);
	KUNIT_EXPECT_EQ(test, size, param->expected);
}

struct flags_param {
	const char *desc;
	u32 flags;
};

static const struct flags_param flags_params[] = {
	{ "none", 0 },
	{ "no_mmap", DRM_PANTHOR_BO_NO_MMAP },
	{ "wb_mmap", DRM_PANTHOR_BO_WB_MMAP },
};

KUNIT_ARRAY_PARAM_DESC(flags, flags_params, desc);

/*
 * Flags decide later how the BO is mapped.
 * Succeeds if the BO has the flags it was created with.
 */
static void flags_are_kept(struct kunit *test)
{
	const struct flags_param *param = test->param_value;

	KUNIT_EXPECT_EQ(test, panthor_kunit_bo_flags(test, SZ_16K, param->flags)->flags,
			param->flags);
}

/*
 * Memory of others must not be readable in a new BO.
 * Succeeds if every byte of it is zero.
 */
static void content_of_new_bo_is_zero(struct kunit *test)
{
	struct panthor_gem_object *bo = panthor_kunit_bo(test, SZ_64K);
	void *vaddr = panthor_kunit_vmap(test, bo);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, vaddr);
	KUNIT_EXPECT_NULL(test, memchr_inv(vaddr, 0, bo->base.size));
}

/*
 * Creation promises an address range, not memory.
 * Succeeds if creating, also private to a VM, gets no page and makes no table.
 */
static void creation_allocates_no_pages(struct kunit *test)
{
	struct panthor_gem_object *bo = panthor_kunit_bo(test, SZ_2M);
	struct panthor_gem_object *private =
		panthor_kunit_try_bo(test, panthor_kunit_vm(test), SZ_2M, 0);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, private);
	KUNIT_EXPECT_NULL(test, bo->backing.pages);
	KUNIT_EXPECT_NULL(test, private->backing.pages);
	KUNIT_EXPECT_EQ(test, panthor_seam_calls(SEAM_GET_PAGES), 0);
	KUNIT_EXPECT_EQ(test, panthor_seam_calls(SEAM_PAGES_TO_SG), 0);
}

struct create_param {
	const char *desc;
	enum panthor_seam_id seam;
	int err;
};

static const struct create_param create_params[] = {
	{ "object_init", SEAM_GEM_OBJECT_INIT, -ENFILE },
	{ "mmap_offset", SEAM_MMAP_OFFSET, -ENOSPC },
};

KUNIT_ARRAY_PARAM_DESC(create, create_params, desc);

/*
 * A step of creating a BO, private to a VM, fails.
 * Succeeds if the errno is the step's, size and handles are as before, the BO
 * is on no list, and the VM has no reference more than it had.
 */
static void failed_creation_leaves_no_trace(struct kunit *test)
{
	const struct create_param *param = test->param_value;
	struct panthor_kunit *ctx = to_panthor_kunit(test);
	struct panthor_vm *vm = panthor_kunit_vm(test);
	unsigned int refs = kref_read(&panthor_vm_root_gem(vm)->refcount);
	u64 size = 1;
	u32 handle;

	panthor_seam_fail_once(test, param->seam, param->err);
	KUNIT_EXPECT_EQ(test, panthor_gem_create_with_handle(ctx->file, &ctx->ptdev->base, vm,
							     &size, 0, &handle), param->err);
	KUNIT_EXPECT_TRUE(test, panthor_seam_fired(param->seam));

	KUNIT_EXPECT_EQ(test, size, 1);
	KUNIT_EXPECT_TRUE(test, idr_is_empty(&ctx->file->object_idr));
	KUNIT_EXPECT_TRUE(test, list_empty(&ctx->ptdev->gems.node));
	KUNIT_EXPECT_EQ(test, kref_read(&panthor_vm_root_gem(vm)->refcount), refs);
	KUNIT_EXPECT_NOT_ERR_OR_NULL(test, panthor_kunit_try_bo(test, vm, SZ_16K, 0));
}

/*
 * The table is made when it is first asked for.
 * Succeeds if the second caller gets the same one and nothing is mapped twice.
 */
static void sgt_is_made_once(struct kunit *test)
{
	struct panthor_gem_object *bo = panthor_kunit_bo(test, SZ_64K);
	struct sg_table *sgt;

	KUNIT_ASSERT_EQ(test, panthor_kunit_pin(test, bo), 0);
	sgt = panthor_gem_get_dev_sgt(bo);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, sgt);
	KUNIT_EXPECT_PTR_EQ(test, panthor_gem_get_dev_sgt(bo), sgt);
	KUNIT_EXPECT_EQ(test, panthor_seam_calls(SEAM_PAGES_TO_SG), 1);
	KUNIT_EXPECT_EQ(test, panthor_seam_calls(SEAM_DMA_MAP), 1);
}

/*
 * The table is what the GPU's page table is made from.
 * Succeeds if it lists the BO's pages, all of them, in order.
 */
static void sgt_covers_all_pages_in_order(struct kunit *test)
{
	struct panthor_gem_object *bo = panthor_kunit_bo(test, SZ_64K);
	unsigned long i = 0, wrong = 0;
	struct sg_page_iter iter;
	struct sg_table *sgt;

	KUNIT_ASSERT_EQ(test, panthor_kunit_pin(test, bo), 0);
	sgt = panthor_gem_get_dev_sgt(bo);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, sgt);

	for_each_sgtable_page(sgt, &iter, 0) {
		wrong += i >= panthor_kunit_pages(bo) ||
			 sg_page_iter_page(&iter) != bo->backing.pages[i];
		i++;
	}
	KUNIT_EXPECT_EQ(test, i, panthor_kunit_pages(bo));
	KUNIT_EXPECT_EQ(test, wrong, 0);
}

/*
 * Pages stay after the last unpin, so the table that lists them may stay too.
 * Succeeds if the next user gets the same table.
 */
static void sgt_survives_last_unpin(struct kunit *test)
{
	struct panthor_gem_object *bo = panthor_kunit_bo(test, SZ_64K);
	struct sg_table *sgt;

	KUNIT_ASSERT_EQ(test, pin_and_get_sgt(test, bo), 0);
	sgt = bo->dmap.sgt;
	KUNIT_ASSERT_NOT_NULL(test, sgt);
	KUNIT_ASSERT_EQ(test, panthor_kunit_pin(test, bo), 0);
	KUNIT_EXPECT_PTR_EQ(test, panthor_gem_get_dev_sgt(bo), sgt);
	KUNIT_EXPECT_EQ(test, panthor_seam_calls(SEAM_DMA_UNMAP), 0);
}

/*
 * Eviction takes the pages, and with them the table.
 * Succeeds if the table is unmapped once, and made anew when it is wanted.
 */
static void sgt_goes_with_eviction_and_comes_back(struct kunit *test)
{
	struct panthor_gem_object *bo = panthor_kunit_bo(test, SZ_64K);

	KUNIT_ASSERT_EQ(test, pin_and_get_sgt(test, bo), 0);
	evict(test, bo);
	KUNIT_EXPECT_NULL(test, bo->dmap.sgt);
	KUNIT_EXPECT_EQ(test, panthor_seam_calls(SEAM_DMA_UNMAP), 1);

	KUNIT_EXPECT_EQ(test, pin_and_get_sgt(test, bo), 0);
	KUNIT_EXPECT_NOT_NULL(test, bo->dmap.sgt);
	KUNIT_EXPECT_EQ(test, panthor_seam_calls(SEAM_DMA_MAP), 2);
}

/*
 * Freeing a BO that has pages and table.
 * Succeeds if each is given back once.
 */
static void free_gives_back_sgt_and_pages(struct kunit *test)
{
	struct panthor_gem_object *bo = panthor_kunit_bo(test, SZ_64K);

	KUNIT_ASSERT_EQ(test, pin_and_get_sgt(test, bo), 0);
	panthor_kunit_bo_put(test, bo);
	KUNIT_EXPECT_EQ(test, panthor_seam_calls(SEAM_DMA_UNMAP), 1);
	KUNIT_EXPECT_EQ(test, panthor_seam_calls(SEAM_PUT_PAGES), 1);
}

/**
 * struct enter_param - A way into the backing pages, and a step that fails
 * @desc: Description.
 * @enter: The way in.
 * @seam: The step; all of them on a write-combined BO.
 * @expected: Errno, of the step and of the way in.
 */
struct enter_param {
	const char *desc;
	int (*enter)(struct kunit *test, struct panthor_gem_object *bo);
	enum panthor_seam_id seam;
	int expected;
};

static const struct enter_param no_pages_params[] = {
	{ "pin", panthor_kunit_pin, SEAM_GET_PAGES, -ENOSPC },
	{ "get_dev_sgt", get_sgt, SEAM_GET_PAGES, -ENOSPC },
	{ "vmap", vmap_bo, SEAM_GET_PAGES, -ENOSPC },
	{ "swapin", swapin, SEAM_GET_PAGES, -ENOSPC },
};

KUNIT_ARRAY_PARAM_DESC(no_pages, no_pages_params, desc);

/*
 * The allocation fails twice in a row. The error of the first must not be taken
 * for pages by the second (B01).
 * Succeeds if both fail with the allocator's errno, the BO has no pages after
 * either, and the third attempt works.
 */
static void failed_allocation_is_not_taken_for_pages(struct kunit *test)
{
	const struct enter_param *param = test->param_value;
	struct panthor_gem_object *bo = panthor_kunit_bo(test, SZ_16K);

	panthor_seam_fail_always(test, param->seam, param->expected);
	KUNIT_EXPECT_EQ(test, param->enter(test, bo), param->expected);
	KUNIT_ASSERT_NULL(test, bo->backing.pages);
	KUNIT_EXPECT_EQ(test, param->enter(test, bo), param->expected);
	KUNIT_ASSERT_NULL(test, bo->backing.pages);
	KUNIT_EXPECT_EQ(test, panthor_seam_calls(param->seam), 2);

	panthor_seam_disarm(param->seam);
	KUNIT_EXPECT_EQ(test, param->enter(test, bo), 0);
}

static const struct enter_param enter_params[] = {
	{ "pin-get_pages", panthor_kunit_pin, SEAM_GET_PAGES, -ENOSPC },
	{ "get_dev_sgt-get_pages", pin_and_get_sgt, SEAM_GET_PAGES, -ENOSPC },
	{ "get_dev_sgt-pages_to_sg", pin_and_get_sgt, SEAM_PAGES_TO_SG, -EMLINK },
	{ "get_dev_sgt-dma_map", pin_and_get_sgt, SEAM_DMA_MAP, -EREMOTEIO },
	{ "vmap-get_pages", vmap_bo, SEAM_GET_PAGES, -ENOSPC },
	{ "vmap-pages_to_sg", vmap_bo, SEAM_PAGES_TO_SG, -EMLINK },
	{ "vmap-dma_map", vmap_bo, SEAM_DMA_MAP, -EREMOTEIO },
	{ "vmap-vmap", vmap_bo, SEAM_VMAP, -ENOMEM },
	{ "swapin-get_pages", swapin, SEAM_GET_PAGES, -ENOSPC },
	{ "swapin-pages_to_sg", swapin, SEAM_PAGES_TO_SG, -EMLINK },
	{ "swapin-dma_map", swapin, SEAM_DMA_MAP, -EREMOTEIO },
};

KUNIT_ARRAY_PARAM_DESC(enter, enter_params, desc);

/*
 * Each step of each way in, on a BO that never had pages. Pages that were got
 * before a later step failed may stay, but reclaim has to know them.
 * Succeeds if the errno is the step's and no invariant is broken.
 */
static void failed_step_breaks_no_invariant(struct kunit *test)
{
	const struct enter_param *param = test->param_value;
	struct panthor_gem_object *bo = panthor_kunit_bo(test, SZ_16K);

	panthor_seam_fail_once(test, param->seam, param->expected);
	KUNIT_EXPECT_EQ(test, param->enter(test, bo), param->expected);
	KUNIT_EXPECT_TRUE(test, panthor_seam_fired(param->seam));
	if (param->seam != SEAM_VMAP)
		KUNIT_EXPECT_NULL(test, bo->dmap.sgt);
	KUNIT_EXPECT_EQ(test, refcount_read(&bo->backing.pin_count), 0);
}

/*
 * Each step of each way in, repeated once it no longer fails.
 * Succeeds if the retry works.
 */
static void retry_after_failed_step_works(struct kunit *test)
{
	const struct enter_param *param = test->param_value;
	struct panthor_gem_object *bo = panthor_kunit_bo(test, SZ_16K);

	panthor_seam_fail_once(test, param->seam, param->expected);
	KUNIT_EXPECT_EQ(test, param->enter(test, bo), param->expected);
	KUNIT_EXPECT_EQ(test, param->enter(test, bo), 0);
	KUNIT_EXPECT_NOT_ERR_OR_NULL(test, bo->backing.pages);
}

/*
 * A BO whose pages went to swap is needed by a job.
 * Succeeds if it has pages and table again, and the content it had.
 */
static void swapin_restores_evicted_bo(struct kunit *test)
{
	struct panthor_gem_object *bo = panthor_kunit_bo(test, SZ_64K);
	u8 *bytes = panthor_kunit_vmap(test, bo);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, bytes);
	memset(bytes, 0xa5, bo->base.size);
	panthor_kunit_vunmap(test, bo);
	evict(test, bo);

	KUNIT_ASSERT_EQ(test, swapin(test, bo), 0);
	KUNIT_EXPECT_NOT_NULL(test, bo->backing.pages);
	KUNIT_EXPECT_NOT_NULL(test, bo->dmap.sgt);
	expect_bo_state(test, bo, PANTHOR_GEM_UNUSED);

	bytes = panthor_kunit_vmap(test, bo);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, bytes);
	KUNIT_EXPECT_NULL(test, memchr_inv(bytes, 0xa5, bo->base.size));
}

/*
 * Somebody pinned the evicted BO before the job came, so it has pages (B09).
 * Succeeds if swap-in works with these pages and leaves the pin alone.
 */
static void swapin_accepts_pinned_bo(struct kunit *test)
{
	struct panthor_gem_object *bo = panthor_kunit_bo(test, SZ_64K);
	struct page **pages;

	panthor_kunit_make_resident(test, bo);
	evict(test, bo);
	KUNIT_ASSERT_EQ(test, panthor_kunit_pin(test, bo), 0);
	pages = bo->backing.pages;

	KUNIT_EXPECT_EQ(test, swapin(test, bo), 0);
	KUNIT_EXPECT_PTR_EQ(test, bo->backing.pages, pages);
	KUNIT_EXPECT_NOT_NULL(test, bo->dmap.sgt);
	KUNIT_EXPECT_EQ(test, refcount_read(&bo->backing.pin_count), 1);
	expect_bo_state(test, bo, PANTHOR_GEM_UNRECLAIMABLE);
}

/*
 * A job comes, but nothing had been taken.
 * Succeeds if pages and table are the ones the BO had.
 */
static void swapin_of_resident_bo_changes_nothing(struct kunit *test)
{
	struct panthor_gem_object *bo = panthor_kunit_bo(test, SZ_64K);
	struct sg_table *sgt;
	struct page **pages;

	KUNIT_ASSERT_EQ(test, pin_and_get_sgt(test, bo), 0);
	pages = bo->backing.pages;
	sgt = bo->dmap.sgt;

	KUNIT_EXPECT_EQ(test, swapin(test, bo), 0);
	KUNIT_EXPECT_PTR_EQ(test, bo->backing.pages, pages);
	KUNIT_EXPECT_PTR_EQ(test, bo->dmap.sgt, sgt);
}

static const struct enter_param restore_params[] = {
	{ "get_pages", NULL, SEAM_GET_PAGES, -ENOSPC },
	{ "pages_to_sg", NULL, SEAM_PAGES_TO_SG, -EMLINK },
	{ "dma_map", NULL, SEAM_DMA_MAP, -EREMOTEIO },
};

KUNIT_ARRAY_PARAM_DESC(restore, restore_params, desc);

/*
 * A BO of a VM was evicted and a job submission fails to bring it back. Pages
 * that it got before the failure have to be known to reclaim, or they are lost
 * to it until somebody submits again.
 * Succeeds if the errno is the step's and no invariant is broken.
 */
static void failed_restore_breaks_no_invariant(struct kunit *test)
{
	const struct enter_param *param = test->param_value;
	struct panthor_gem_object *bo = panthor_kunit_bo(test, SZ_64K);
	struct panthor_vm *vm = panthor_kunit_vm(test);

	panthor_kunit_map(test, vm, bo, 0);
	evict(test, bo);

	panthor_seam_fail_once(test, param->seam, param->expected);
	KUNIT_EXPECT_EQ(test, panthor_kunit_prepare_job(vm), param->expected);
	panthor_expect_invariants(test);
	KUNIT_EXPECT_EQ(test, panthor_kunit_prepare_job(vm), 0);
	expect_bo_state(test, bo, PANTHOR_GEM_GPU_MAPPED_SINGLE_VM);
}

static struct kunit_case gem_backing_cases[] = {
	KUNIT_CASE_PARAM(size_is_rounded_up_to_pages, size_gen_params),
	KUNIT_CASE_PARAM(flags_are_kept, flags_gen_params),
	KUNIT_CASE(content_of_new_bo_is_zero),
	KUNIT_CASE(creation_allocates_no_pages),
	KUNIT_CASE_PARAM(failed_creation_leaves_no_trace, create_gen_params),
	KUNIT_CASE(sgt_is_made_once),
	KUNIT_CASE(sgt_covers_all_pages_in_order),
	KUNIT_CASE(sgt_survives_last_unpin),
	KUNIT_CASE(sgt_goes_with_eviction_and_comes_back),
	KUNIT_CASE(free_gives_back_sgt_and_pages),
	KUNIT_CASE_PARAM(failed_allocation_is_not_taken_for_pages, no_pages_gen_params),
	KUNIT_CASE_PARAM(failed_step_breaks_no_invariant, enter_gen_params),
	KUNIT_CASE_PARAM(retry_after_failed_step_works, enter_gen_params),
	KUNIT_CASE(swapin_restores_evicted_bo),
	KUNIT_CASE(swapin_accepts_pinned_bo),
	KUNIT_CASE(swapin_of_resident_bo_changes_nothing),
	KUNIT_CASE_PARAM(failed_restore_breaks_no_invariant, restore_gen_params),
	{}
};

static struct kunit_suite gem_backing_suite = {
	.name = "panthor_gem_backing",
	.init = panthor_kunit_init,
	.exit = panthor_kunit_exit,
	.suite_exit = panthor_kunit_suite_exit,
	.test_cases = gem_backing_cases,
};

kunit_test_suite(gem_backing_suite);
