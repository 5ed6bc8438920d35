// SPDX-License-Identifier: GPL-2.0-only
/* A cache that writes nothing back unless it is told to. */

#include <linux/dma-direction.h>
#include <linux/highmem.h>
#include <linux/mm.h>
#include <linux/string.h>

#include <kunit/resource.h>
#include <kunit/test.h>

#include "cache.h"
#include "fixture.h"
#include "seam.h"

/* What is in memory before anything was written back. */
#define CACHE_STALE	0xdb

/* A range that is in one page. */
struct cache_piece {
	unsigned long page;
	size_t offset;
	size_t size;
};

static void cache_clean(struct panthor_cache *cache, struct cache_piece p)
{
	u8 *memory = cache->memory + p.page * PAGE_SIZE + p.offset;

	if (!cache->dirty[p.page])
		return;

	memcpy_from_page(memory, cache->pages[p.page], p.offset, p.size);
	cache->dirty[p.page] = p.size != PAGE_SIZE;
}

static void cache_invalidate(struct panthor_cache *cache, struct cache_piece p)
{
	const u8 *memory = cache->memory + p.page * PAGE_SIZE + p.offset;

	cache->lost += cache->dirty[p.page];
	memcpy_to_page(cache->pages[p.page], p.offset, memory, p.size);
	if (p.size == PAGE_SIZE)
		cache->dirty[p.page] = false;
}

/* Both directions clean what the device is going to read, and so on. */
static void cache_maintain(struct panthor_cache *cache, enum panthor_seam_id id,
			   struct cache_piece p, enum dma_data_direction dir)
{
	bool for_device = id == SEAM_DMA_MAP || id == SEAM_DMA_SYNC_DEVICE;

	if (for_device && dir != DMA_FROM_DEVICE)
		cache_clean(cache, p);
	if (!for_device && dir != DMA_TO_DEVICE)
		cache_invalidate(cache, p);
}

/* DMA addresses are physical ones in all lanes. */
static void cache_event(enum panthor_seam_id id, dma_addr_t addr, size_t size,
			enum dma_data_direction dir, void *data)
{
	struct panthor_cache *cache = data;

	for (unsigned long i = 0; i < cache->nr_pages; i++) {
		phys_addr_t start = page_to_phys(cache->pages[i]);
		phys_addr_t first = max_t(phys_addr_t, start, addr);
		phys_addr_t end = min_t(phys_addr_t, start + PAGE_SIZE, addr + size);

		if (first < end)
			cache_maintain(cache, id,
				       (struct cache_piece) { i, first - start, end - first }, dir);
	}
}

static void cache_free(void *data)
{
	struct panthor_cache *cache = data;

	for (unsigned long i = 0; i < cache->nr_pages; i++)
		put_page(cache->pages[i]);
}

/**
 * panthor_cache_new() - Put a cache over a BO of a device that does not snoop
 * @test: The test; the cache is gone when it ends.
 * @bo: The BO, resident and not mapped for DMA yet. Its pages are dirty, having
 *	been cleared by the CPU, and stay the same ones when it is evicted.
 *
 * Context: Test thread.
 *
 * Return: The cache; a failure aborts the test.
 */
struct panthor_cache *panthor_cache_new(struct kunit *test, struct panthor_gem_object *bo)
{
	struct panthor_cache *cache = kunit_kzalloc(test, sizeof(*cache), GFP_KERNEL);
	unsigned long nr_pages = panthor_kunit_pages(bo);

	KUNIT_ASSERT_NOT_NULL(test, cache);
	KUNIT_ASSERT_NOT_NULL(test, bo->backing.pages);
	KUNIT_ASSERT_NULL(test, bo->dmap.sgt);
	cache->pages = kunit_kcalloc(test, nr_pages, sizeof(*cache->pages), GFP_KERNEL);
	cache->memory = kunit_kmalloc(test, bo->base.size, GFP_KERNEL);
	cache->dirty = kunit_kcalloc(test, nr_pages, sizeof(*cache->dirty), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, cache->pages);
	KUNIT_ASSERT_NOT_NULL(test, cache->memory);
	KUNIT_ASSERT_NOT_NULL(test, cache->dirty);

	memset(cache->memory, CACHE_STALE, bo->base.size);
	for (; cache->nr_pages < nr_pages; cache->nr_pages++) {
		cache->pages[cache->nr_pages] = bo->backing.pages[cache->nr_pages];
		get_page(cache->pages[cache->nr_pages]);
		cache->dirty[cache->nr_pages] = true;
	}
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, cache_free, cache), 0);
	panthor_seam_set_dma(test, cache_event, cache);

	return cache;
}

/**
 * panthor_cache_cpu_wrote() - The CPU wrote to a page, through any cached mapping
 * @cache: The cache.
 * @page: Number of the page in the BO.
 *
 * Context: Test thread.
 */
void panthor_cache_cpu_wrote(struct panthor_cache *cache, unsigned long page)
{
	cache->dirty[page] = true;
}

/**
 * panthor_cache_device_store() - The device writes the first word of a page
 * @cache: The cache.
 * @page: Number of the page in the BO.
 * @word: The word.
 *
 * Context: Test thread.
 */
void panthor_cache_device_store(struct panthor_cache *cache, unsigned long page, u32 word)
{
	memcpy(cache->memory + page * PAGE_SIZE, &word, sizeof(word));
}

/**
 * panthor_cache_device_load() - The device reads the first word of a page
 * @cache: The cache.
 * @page: Number of the page in the BO.
 *
 * Context: Test thread.
 *
 * Return: The word.
 */
u32 panthor_cache_device_load(struct panthor_cache *cache, unsigned long page)
{
	u32 word;

	memcpy(&word, cache->memory + page * PAGE_SIZE, sizeof(word));
	return word;
}
