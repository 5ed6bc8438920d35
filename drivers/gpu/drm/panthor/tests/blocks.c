// SPDX-License-Identifier: GPL-2.0-only
/* Memory in blocks of 2 MiB, whether or not shmem has any to give. */

#include <linux/bits.h>
#include <linux/err.h>
#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/pagemap.h>
#include <linux/sizes.h>
#include <linux/slab.h>

#include <drm/drm_gem.h>

#include <kunit/test.h>

#include "blocks.h"
#include "check.h"
#include "fixture.h"

#define BLOCK_ORDER	get_order(SZ_2M)
#define BLOCK_PAGES	(SZ_2M >> PAGE_SHIFT)

static void blocks_put(struct page **pages, unsigned long count)
{
	for (unsigned long i = 0; i < count; i += folio_nr_pages(page_folio(pages[i])))
		folio_put(page_folio(pages[i]));
	kvfree(pages);
}

static struct page **blocks_get(struct drm_gem_object *obj, bool huge)
{
	gfp_t gfp = GFP_HIGHUSER | __GFP_ZERO | (huge ? __GFP_COMP : 0);
	unsigned long count = obj->size >> PAGE_SHIFT;
	struct page **pages = kvmalloc_objs(*pages, count);

	if (!pages)
		return ERR_PTR(-ENOMEM);

	for (unsigned long i = 0; i < count; i += BLOCK_PAGES) {
		struct page *page = alloc_pages(gfp, BLOCK_ORDER);

		if (!page) {
			blocks_put(pages, i);
			return ERR_PTR(-ENOMEM);
		}
		if (!huge)
			split_page(page, BLOCK_ORDER);
		for (unsigned long k = 0; k < BLOCK_PAGES; k++)
			pages[i + k] = page + k;
	}

	return pages;
}

/**
 * blocks_get_huge() - Get pages of a BO as folios of 2 MiB
 * @obj: The BO; its size is a multiple of that.
 *
 * Context: Process context.
 *
 * Return: The pages, for drm_gem_put_pages(), or an ERR_PTR().
 */
struct page **blocks_get_huge(struct drm_gem_object *obj)
{
	return blocks_get(obj, true);
}

/**
 * blocks_get_small() - Get pages of a BO that merely are neighbours
 * @obj: The BO; its size is a multiple of 2 MiB.
 *
 * Context: Process context.
 *
 * Return: The pages, for drm_gem_put_pages(), or an ERR_PTR().
 */
struct page **blocks_get_small(struct drm_gem_object *obj)
{
	return blocks_get(obj, false);
}

/**
 * blocks_exit() - .exit of suites with such BOs: check every invariant but I1
 * @test: The test. I1 complains that the pages are not shmem's, rightly.
 *
 * Context: Test thread, quiescent point.
 */
void blocks_exit(struct kunit *test)
{
	struct panthor_check_report report;

	if (!to_panthor_kunit(test) || !to_panthor_kunit(test)->ptdev)
		return;

	panthor_check(test, &report);
	KUNIT_EXPECT_EQ_MSG(test, report.broken & ~BIT(1), 0, "%s", report.msgs[0]);
}
