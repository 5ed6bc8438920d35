// SPDX-License-Identifier: GPL-2.0-only
/* Kernel mappings: how they nest, what they hold, and how they fail. */

#include <linux/err.h>
#include <linux/highmem.h>
#include <linux/iosys-map.h>
#include <linux/shrinker.h>
#include <linux/sizes.h>
#include <linux/string.h>

#include <drm/drm_gem.h>
#include <drm/panthor_drm.h>

#include "check.h"
#include "fixture.h"
#include "seam.h"

/* A word that tells pages of a BO and words of a page apart. */
static u32 pattern(unsigned long page, unsigned int word)
{
	return 0xc0de0000 ^ (page << 12) ^ word;
}

static void fill(struct panthor_gem_object *bo, u32 *words)
{
	for (unsigned long i = 0; i < bo->base.size / sizeof(*words); i++)
		words[i] = pattern(i / (PAGE_SIZE / sizeof(*words)),
				   i % (PAGE_SIZE / sizeof(*words)));
}

/* Index of the first word that is not what fill() wrote, or -1. */
static long first_mismatch(struct panthor_gem_object *bo, const u32 *words)
{
	for (unsigned long i = 0; i < bo->base.size / sizeof(*words); i++)
		if (words[i] != pattern(i / (PAGE_SIZE / sizeof(*words)),
					i % (PAGE_SIZE / sizeof(*words))))
			return i;

	return -1;
}

/*
 * The first mapping of a new BO gets pages, pins them and maps them.
 * Succeeds if there is one pin, one user, and the address is the BO's.
 */
static void first_vmap_pins_and_maps(struct kunit *test)
{
	struct panthor_gem_object *bo = panthor_kunit_bo(test, SZ_16K);
	void *vaddr = panthor_kunit_vmap(test, bo);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, vaddr);
	KUNIT_EXPECT_PTR_EQ(test, bo->cmap.vaddr, vaddr);
	KUNIT_EXPECT_EQ(test, refcount_read(&bo->cmap.vaddr_use_count), 1);
	KUNIT_EXPECT_EQ(test, refcount_read(&bo->backing.pin_count), 1);
	KUNIT_EXPECT_EQ(test, panthor_seam_calls(SEAM_GET_PAGES), 1);
	KUNIT_EXPECT_EQ(test, panthor_seam_calls(SEAM_VMAP), 1);
	expect_bo_state(test, bo, PANTHOR_GEM_UNRECLAIMABLE);
	expect_on_lru(test, bo, NULL);
}

/*
 * A second user of the mapping shares the first one's.
 * Succeeds if the address is the same, nothing was mapped again, and there is
 * still one pin.
 */
static void nested_vmap_shares_the_mapping(struct kunit *test)
{
	struct panthor_gem_object *bo = panthor_kunit_bo(test, SZ_16K);
	void *first = panthor_kunit_vmap(test, bo);
	void *second = panthor_kunit_vmap(test, bo);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, first);
	KUNIT_EXPECT_PTR_EQ(test, second, first);
	KUNIT_EXPECT_EQ(test, refcount_read(&bo->cmap.vaddr_use_count), 2);
	KUNIT_EXPECT_EQ(test, refcount_read(&bo->backing.pin_count), 1);
	KUNIT_EXPECT_EQ(test, panthor_seam_calls(SEAM_VMAP), 1);
}

/*
 * Two users, one of them leaves.
 * Succeeds if mapping and pin stay.
 */
static void vunmap_of_one_user_keeps_the_mapping(struct kunit *test)
{
	struct panthor_gem_object *bo = panthor_kunit_bo(test, SZ_16K);
	void *vaddr = panthor_kunit_vmap(test, bo);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, vaddr);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, panthor_kunit_vmap(test, bo));
	panthor_kunit_vunmap(test, bo);

	KUNIT_EXPECT_PTR_EQ(test, bo->cmap.vaddr, vaddr);
	KUNIT_EXPECT_EQ(test, refcount_read(&bo->cmap.vaddr_use_count), 1);
	KUNIT_EXPECT_EQ(test, refcount_read(&bo->backing.pin_count), 1);
	KUNIT_EXPECT_EQ(test, panthor_seam_calls(SEAM_VUNMAP), 0);
}

/*
 * The last user leaves. The pages stay until somebody needs the memory.
 * Succeeds if address and pin are gone and the BO is offered to the shrinker
 * with its pages.
 */
static void last_vunmap_offers_pages_to_reclaim(struct kunit *test)
{
	struct panthor_device *ptdev = to_panthor_kunit(test)->ptdev;
	struct panthor_gem_object *bo = panthor_kunit_bo(test, SZ_16K);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, panthor_kunit_vmap(test, bo));
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, panthor_kunit_vmap(test, bo));
	panthor_kunit_vunmap(test, bo);
	panthor_kunit_vunmap(test, bo);

	KUNIT_EXPECT_NULL(test, bo->cmap.vaddr);
	KUNIT_EXPECT_EQ(test, refcount_read(&bo->backing.pin_count), 0);
	KUNIT_EXPECT_EQ(test, panthor_seam_calls(SEAM_VUNMAP), 1);
	KUNIT_EXPECT_NOT_NULL(test, bo->backing.pages);
	expect_bo_state(test, bo, PANTHOR_GEM_UNUSED);
	expect_on_lru(test, bo, &ptdev->reclaim.unused);
}

/*
 * A mapping's pin is one of several: the test holds another.
 * Succeeds if the BO stays pinned when the mapping goes.
 */
static void vunmap_drops_only_its_own_pin(struct kunit *test)
{
	struct panthor_gem_object *bo = panthor_kunit_bo(test, SZ_16K);

	KUNIT_ASSERT_EQ(test, panthor_kunit_pin(test, bo), 0);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, panthor_kunit_vmap(test, bo));
	KUNIT_EXPECT_EQ(test, refcount_read(&bo->backing.pin_count), 2);
	panthor_kunit_vunmap(test, bo);

	KUNIT_EXPECT_EQ(test, refcount_read(&bo->backing.pin_count), 1);
	expect_bo_state(test, bo, PANTHOR_GEM_UNRECLAIMABLE);
}

/*
 * A BO whose mapping was dropped is mapped again.
 * Succeeds if it is mapped anew, from the pages it kept.
 */
static void vmap_again_reuses_the_pages(struct kunit *test)
{
	struct panthor_gem_object *bo = panthor_kunit_bo(test, SZ_16K);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, panthor_kunit_vmap(test, bo));
	panthor_kunit_vunmap(test, bo);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, panthor_kunit_vmap(test, bo));

	KUNIT_EXPECT_EQ(test, panthor_seam_calls(SEAM_GET_PAGES), 1);
	KUNIT_EXPECT_EQ(test, panthor_seam_calls(SEAM_VMAP), 2);
}

/*
 * The address is in use: a scan that could take everything must leave the BO.
 * Succeeds if the scan gives up and the content is still there.
 */
static void vmapped_bo_survives_scan(struct kunit *test)
{
	struct panthor_gem_object *bo = panthor_kunit_bo(test, SZ_16K);
	u32 *words = panthor_kunit_vmap(test, bo);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, words);
	fill(bo, words);
	panthor_seam_set_swap(test, 1);

	KUNIT_EXPECT_EQ(test, panthor_kunit_scan(test, GFP_KERNEL, 1024), SHRINK_STOP);
	KUNIT_EXPECT_EQ(test, atomic_read(&bo->reclaimed_count), 0);
	KUNIT_EXPECT_EQ(test, first_mismatch(bo, words), -1);
}

/*
 * The mapping shows the BO's pages in their order (B15). Cached, so that the
 * kernel's own mapping of the pages may be compared with it.
 * Succeeds if each page, read by its entry in the page array, has the words
 * that were written at its place in the mapping.
 */
static void vmap_shows_the_pages_in_order(struct kunit *test)
{
	struct panthor_gem_object *bo =
		panthor_kunit_bo_flags(test, SZ_64K, DRM_PANTHOR_BO_WB_MMAP);
	u32 *words = panthor_kunit_vmap(test, bo);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, words);
	fill(bo, words);

	for (unsigned long i = 0; i < panthor_kunit_pages(bo); i++) {
		void *page = kmap_local_page(bo->backing.pages[i]);
		int differs = memcmp(page, (void *)words + i * PAGE_SIZE, PAGE_SIZE);

		kunmap_local(page);
		KUNIT_ASSERT_EQ_MSG(test, differs, 0, "page %lu", i);
	}
}

/*
 * The other direction: what is in the pages is what the mapping shows.
 * Succeeds if a word stored in each page is read at its place in the mapping.
 */
static void vmap_shows_stores_to_the_pages(struct kunit *test)
{
	struct panthor_gem_object *bo =
		panthor_kunit_bo_flags(test, SZ_64K, DRM_PANTHOR_BO_WB_MMAP);
	u32 *words = panthor_kunit_vmap(test, bo);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, words);
	for (unsigned long i = 0; i < panthor_kunit_pages(bo); i++) {
		u32 *page = kmap_local_page(bo->backing.pages[i]);

		page[i] = pattern(i, i);
		kunmap_local(page);
	}

	for (unsigned long i = 0; i < panthor_kunit_pages(bo); i++)
		KUNIT_ASSERT_EQ_MSG(test, words[i * (PAGE_SIZE / sizeof(*words)) + i],
				    pattern(i, i), "page %lu", i);
}

/*
 * A BO was written, unmapped and evicted; mapping brings it back (B08).
 * Succeeds if the mapping works, every word is the one written, and the BO is
 * pinned again.
 */
static void vmap_of_evicted_bo_restores_content(struct kunit *test)
{
	struct panthor_gem_object *bo = panthor_kunit_bo(test, SZ_64K);
	u32 *words = panthor_kunit_vmap(test, bo);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, words);
	fill(bo, words);
	panthor_kunit_vunmap(test, bo);
	panthor_seam_set_swap(test, 1);
	KUNIT_ASSERT_EQ(test, panthor_kunit_scan(test, GFP_KERNEL, 1), panthor_kunit_pages(bo));
	KUNIT_ASSERT_NULL(test, bo->backing.pages);

	words = panthor_kunit_vmap(test, bo);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, words);
	KUNIT_EXPECT_EQ(test, first_mismatch(bo, words), -1);
	KUNIT_EXPECT_EQ(test, refcount_read(&bo->backing.pin_count), 1);
	KUNIT_EXPECT_EQ(test, panthor_seam_calls(SEAM_GET_PAGES), 2);
}

/*
 * The owner of the last reference forgot to unmap. Freeing has to undo the
 * mapping and its pin, without the resv: nobody else can see the BO (B11).
 * Succeeds if the mapping and the pages are given back once and nothing warns.
 */
static void free_of_vmapped_bo_unmaps(struct kunit *test)
{
	struct panthor_gem_object *bo = panthor_kunit_bo(test, SZ_16K);
	struct iosys_map map;

	KUNIT_ASSERT_EQ(test, drm_gem_vmap(&bo->base, &map), 0);
	kunit_warning_suppress(test) {
		panthor_kunit_bo_put(test, bo);
		KUNIT_EXPECT_SUPPRESSED_WARNING_COUNT(test, 0);
	}

	KUNIT_EXPECT_EQ(test, panthor_seam_calls(SEAM_VUNMAP), 1);
	KUNIT_EXPECT_EQ(test, panthor_seam_calls(SEAM_DMA_UNMAP), 1);
	KUNIT_EXPECT_EQ(test, panthor_seam_calls(SEAM_PUT_PAGES), 1);
}

/**
 * struct fail_param - A step of a kernel mapping that fails
 * @desc: Description.
 * @flags: DRM_PANTHOR_BO_* flags of the BO.
 * @seam: The step.
 * @expected: Errno, of the step and of the mapping.
 */
struct fail_param {
	const char *desc;
	u32 flags;
	enum panthor_seam_id seam;
	int expected;
};

static const struct fail_param fail_params[] = {
	{ "wc-get_pages", 0, SEAM_GET_PAGES, -ENOSPC },
	{ "wc-pages_to_sg", 0, SEAM_PAGES_TO_SG, -EMLINK },
	{ "wc-dma_map", 0, SEAM_DMA_MAP, -EREMOTEIO },
	{ "wc-vmap", 0, SEAM_VMAP, -ENOMEM },
	{ "wb-get_pages", DRM_PANTHOR_BO_WB_MMAP, SEAM_GET_PAGES, -ENOSPC },
	{ "wb-vmap", DRM_PANTHOR_BO_WB_MMAP, SEAM_VMAP, -ENOMEM },
};

KUNIT_ARRAY_PARAM_DESC(fail, fail_params, desc);

static const struct fail_param coherent_fail_params[] = {
	{ "get_pages", 0, SEAM_GET_PAGES, -ENOSPC },
	{ "vmap", 0, SEAM_VMAP, -ENOMEM },
};

KUNIT_ARRAY_PARAM_DESC(coherent_fail, coherent_fail_params, desc);

/*
 * A step fails once. No pin and no user may be left (B05), or the BO could
 * never be reclaimed.
 * Succeeds if the errno is the step's, no invariant is broken, and the next
 * attempt maps.
 */
static void failed_vmap_leaves_no_trace(struct kunit *test)
{
	const struct fail_param *param = test->param_value;
	struct panthor_gem_object *bo = panthor_kunit_bo_flags(test, SZ_16K, param->flags);

	panthor_seam_fail_once(test, param->seam, param->expected);
	KUNIT_EXPECT_EQ(test, PTR_ERR_OR_ZERO(panthor_kunit_vmap(test, bo)), param->expected);
	KUNIT_EXPECT_TRUE(test, panthor_seam_fired(param->seam));
	KUNIT_EXPECT_NULL(test, bo->cmap.vaddr);
	KUNIT_EXPECT_EQ(test, refcount_read(&bo->cmap.vaddr_use_count), 0);
	KUNIT_EXPECT_EQ(test, refcount_read(&bo->backing.pin_count), 0);
	panthor_expect_invariants(test);

	KUNIT_EXPECT_NOT_ERR_OR_NULL(test, panthor_kunit_vmap(test, bo));
}

/*
 * The same, with a pin of somebody else on the BO.
 * Succeeds if that pin, and no other, is left.
 */
static void failed_vmap_keeps_foreign_pin(struct kunit *test)
{
	struct panthor_gem_object *bo = panthor_kunit_bo(test, SZ_16K);

	KUNIT_ASSERT_EQ(test, panthor_kunit_pin(test, bo), 0);
	panthor_seam_fail_once(test, SEAM_VMAP, -ENOMEM);
	KUNIT_EXPECT_EQ(test, PTR_ERR_OR_ZERO(panthor_kunit_vmap(test, bo)), -ENOMEM);

	KUNIT_EXPECT_EQ(test, refcount_read(&bo->backing.pin_count), 1);
	expect_bo_state(test, bo, PANTHOR_GEM_UNRECLAIMABLE);
}

/*
 * Pages are zeroed through a cached mapping. Before the CPU writes to them with
 * another attribute, the zeroes have to reach memory: that is what mapping them
 * for the device does.
 * Succeeds if a write-combined mapping maps for DMA first.
 */
static void write_combined_vmap_maps_for_dma(struct kunit *test)
{
	struct panthor_gem_object *bo = panthor_kunit_bo(test, SZ_16K);

	panthor_seam_fail_once(test, SEAM_VMAP, -ENOMEM);
	KUNIT_EXPECT_EQ(test, PTR_ERR_OR_ZERO(panthor_kunit_vmap(test, bo)), -ENOMEM);
	KUNIT_EXPECT_EQ(test, panthor_seam_calls(SEAM_DMA_MAP), 1);
	KUNIT_EXPECT_NOT_NULL(test, bo->dmap.sgt);
}

/*
 * The table is made once, whoever needed it first.
 * Succeeds if a second write-combined mapping uses the first one's.
 */
static void write_combined_vmap_reuses_the_sgt(struct kunit *test)
{
	struct panthor_gem_object *bo = panthor_kunit_bo(test, SZ_16K);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, panthor_kunit_vmap(test, bo));
	panthor_kunit_vunmap(test, bo);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, panthor_kunit_vmap(test, bo));
	KUNIT_EXPECT_EQ(test, panthor_seam_calls(SEAM_PAGES_TO_SG), 1);
	KUNIT_EXPECT_EQ(test, panthor_seam_calls(SEAM_DMA_MAP), 1);
}

/*
 * A cached mapping has the attribute the pages were zeroed with.
 * Succeeds if no table is made for a BO that asks for it.
 */
static void write_back_vmap_needs_no_sgt(struct kunit *test)
{
	struct panthor_gem_object *bo =
		panthor_kunit_bo_flags(test, SZ_16K, DRM_PANTHOR_BO_WB_MMAP);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, panthor_kunit_vmap(test, bo));
	KUNIT_EXPECT_EQ(test, panthor_seam_calls(SEAM_PAGES_TO_SG), 0);
	KUNIT_EXPECT_EQ(test, panthor_seam_calls(SEAM_DMA_MAP), 0);
	KUNIT_EXPECT_NULL(test, bo->dmap.sgt);
}

/*
 * On a coherent device every mapping is cached, with or without a flag.
 * Succeeds if no table is made.
 */
static void coherent_vmap_needs_no_sgt(struct kunit *test)
{
	struct panthor_gem_object *bo = panthor_kunit_bo(test, SZ_16K);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, panthor_kunit_vmap(test, bo));
	KUNIT_EXPECT_EQ(test, panthor_seam_calls(SEAM_PAGES_TO_SG), 0);
	KUNIT_EXPECT_EQ(test, panthor_seam_calls(SEAM_DMA_MAP), 0);
}

static struct kunit_case gem_vmap_cases[] = {
	KUNIT_CASE(first_vmap_pins_and_maps),
	KUNIT_CASE(nested_vmap_shares_the_mapping),
	KUNIT_CASE(vunmap_of_one_user_keeps_the_mapping),
	KUNIT_CASE(last_vunmap_offers_pages_to_reclaim),
	KUNIT_CASE(vunmap_drops_only_its_own_pin),
	KUNIT_CASE(vmap_again_reuses_the_pages),
	KUNIT_CASE(vmapped_bo_survives_scan),
	KUNIT_CASE(vmap_shows_the_pages_in_order),
	KUNIT_CASE(vmap_shows_stores_to_the_pages),
	KUNIT_CASE(vmap_of_evicted_bo_restores_content),
	KUNIT_CASE(free_of_vmapped_bo_unmaps),
	KUNIT_CASE_PARAM(failed_vmap_leaves_no_trace, fail_gen_params),
	KUNIT_CASE(failed_vmap_keeps_foreign_pin),
	KUNIT_CASE(write_combined_vmap_maps_for_dma),
	KUNIT_CASE(write_combined_vmap_reuses_the_sgt),
	KUNIT_CASE(write_back_vmap_needs_no_sgt),
	{}
};

static struct kunit_suite gem_vmap_suite = {
	.name = "panthor_gem_vmap",
	.init = panthor_kunit_init,
	.exit = panthor_kunit_exit,
	.suite_exit = panthor_kunit_suite_exit,
	.test_cases = gem_vmap_cases,
};

static struct kunit_case gem_vmap_coherent_cases[] = {
	KUNIT_CASE(first_vmap_pins_and_maps),
	KUNIT_CASE(vmap_of_evicted_bo_restores_content),
	KUNIT_CASE_PARAM(failed_vmap_leaves_no_trace, coherent_fail_gen_params),
	KUNIT_CASE(coherent_vmap_needs_no_sgt),
	{}
};

static struct kunit_suite gem_vmap_coherent_suite = {
	.name = "panthor_gem_vmap_coherent",
	.init = panthor_kunit_init_coherent,
	.exit = panthor_kunit_exit,
	.suite_exit = panthor_kunit_suite_exit,
	.test_cases = gem_vmap_coherent_cases,
};

kunit_test_suites(&gem_vmap_suite, &gem_vmap_coherent_suite);
