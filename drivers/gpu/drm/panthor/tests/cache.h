/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef __PANTHOR_TESTS_CACHE_H__
#define __PANTHOR_TESTS_CACHE_H__

/**
 * DOC: A write-back cache
 *
 * What a CPU and a device that does not snoop see of a BO. The BO's pages are the
 * CPU's view, cache included; what the memory behind it holds, and the device
 * sees, is kept beside them. A page that the CPU wrote is dirty until the driver
 * cleans it, which copies it to memory; invalidating a page, which an unmap or a
 * sync for the CPU does, copies memory over it, dirty or not.
 *
 * That is the least that the DMA API promises: on hardware a dirty line may have
 * been written back by chance, here none is. Nothing is fetched by chance either.
 */

#include <linux/types.h>

struct kunit;
struct page;
struct panthor_gem_object;

/**
 * struct panthor_cache - The cache over one BO
 * @nr_pages: Pages of the BO.
 * @pages: The pages, referenced.
 * @memory: What is behind each.
 * @dirty: The CPU wrote it, and it was not cleaned since.
 * @lost: Dirty pages that were invalidated.
 */
struct panthor_cache {
	unsigned long nr_pages;
	struct page **pages;
	u8 *memory;
	bool *dirty;
	unsigned int lost;
};

struct panthor_cache *panthor_cache_new(struct kunit *test, struct panthor_gem_object *bo);
void panthor_cache_cpu_wrote(struct panthor_cache *cache, unsigned long page);
void panthor_cache_device_store(struct panthor_cache *cache, unsigned long page, u32 word);
u32 panthor_cache_device_load(struct panthor_cache *cache, unsigned long page);

#endif
