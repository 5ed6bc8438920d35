// SPDX-License-Identifier: GPL-2.0-only
/*
 * Contents of a BO that the CPU caches and the device does not snoop: what each
 * of them wrote, and the other is to see, and what eviction makes of it.
 */

#include <linux/err.h>
#include <linux/string.h>
#include <linux/uaccess.h>

#include <drm/panthor_drm.h>

#include "cache.h"
#include "fixture.h"
#include "reclaim.h"
#include "seam.h"

#define FLUSH			DRM_PANTHOR_BO_SYNC_CPU_CACHE_FLUSH
#define FLUSH_AND_INVALIDATE	DRM_PANTHOR_BO_SYNC_CPU_CACHE_FLUSH_AND_INVALIDATE

/**
 * struct cached - A cached BO that a user maps
 * @test: The test.
 * @bo: The BO.
 * @cache: The cache over it.
 * @addr: Where the user maps it.
 */
struct cached {
	struct kunit *test;
	struct panthor_gem_object *bo;
	struct panthor_cache *cache;
	unsigned long addr;
};

static u32 word_of(char who, unsigned long page)
{
	return who << 24 | page;
}

static struct cached cached_bo(struct kunit *test)
{
	struct cached c = { .test = test };

	c.bo = panthor_kunit_bo_flags(test, BO_SIZE, DRM_PANTHOR_BO_WB_MMAP);
	c.addr = panthor_kunit_mmap(test, c.bo);
	panthor_kunit_make_resident(test, c.bo);
	c.cache = panthor_cache_new(test, c.bo);

	return c;
}

static void map_for_gpu(struct cached *c)
{
	panthor_kunit_map(c->test, panthor_kunit_vm(c->test), c->bo, VA(0));
	KUNIT_ASSERT_NOT_NULL(c->test, c->bo->dmap.sgt);
}

static void user_stores(struct cached *c)
{
	for (unsigned long i = 0; i < BO_PAGES; i++) {
		void __user *p = (void __user *)(c->addr + i * PAGE_SIZE);
		u32 word = word_of('u', i);

		KUNIT_ASSERT_EQ(c->test, copy_to_user(p, &word, sizeof(word)), 0);
		panthor_cache_cpu_wrote(c->cache, i);
	}
}

static void user_expects(struct cached *c, char who)
{
	for (unsigned long i = 0; i < BO_PAGES; i++) {
		const void __user *p = (const void __user *)(c->addr + i * PAGE_SIZE);
		u32 word = 0;

		KUNIT_ASSERT_EQ(c->test, copy_from_user(&word, p, sizeof(word)), 0);
		KUNIT_EXPECT_EQ_MSG(c->test, word, word_of(who, i), "page %lu", i);
	}
}

static void kernel_stores(struct cached *c)
{
	u8 *vaddr = panthor_kunit_vmap(c->test, c->bo);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(c->test, vaddr);
	for (unsigned long i = 0; i < BO_PAGES; i++) {
		u32 word = word_of('u', i);

		memcpy(vaddr + i * PAGE_SIZE, &word, sizeof(word));
		panthor_cache_cpu_wrote(c->cache, i);
	}
	panthor_kunit_vunmap(c->test, c->bo);
}

static void gpu_stores(struct cached *c)
{
	for (unsigned long i = 0; i < BO_PAGES; i++)
		panthor_cache_device_store(c->cache, i, word_of('g', i));
}

static void bo_sync(struct cached *c, u32 type)
{
	KUNIT_ASSERT_EQ(c->test, panthor_gem_sync(&c->bo->base, type, 0, BO_SIZE), 0);
}

/* The next access of the user brings it back. */
static void evict(struct cached *c)
{
	KUNIT_ASSERT_EQ(c->test, panthor_kunit_scan(c->test, GFP_KERNEL, EVERYTHING), BO_PAGES);
	KUNIT_ASSERT_NULL(c->test, c->bo->dmap.sgt);
}

/*
 * What BO_SYNC is there for, in one direction. It is also what the cache of this
 * suite is worth.
 * Succeeds if the GPU sees none of a user's stores before a flush, which nothing
 * but the flush makes it see, and all after it.
 */
static void flush_shows_the_gpu_what_the_user_wrote(struct kunit *test)
{
	struct cached c = cached_bo(test);

	map_for_gpu(&c);
	user_stores(&c);
	for (unsigned long i = 0; i < BO_PAGES; i++)
		KUNIT_EXPECT_EQ_MSG(test, panthor_cache_device_load(c.cache, i), 0, "page %lu", i);
	bo_sync(&c, FLUSH);
	for (unsigned long i = 0; i < BO_PAGES; i++)
		KUNIT_EXPECT_EQ_MSG(test, panthor_cache_device_load(c.cache, i), word_of('u', i),
				    "page %lu", i);
	KUNIT_EXPECT_EQ(test, c.cache->lost, 0);
}

/*
 * And in the other.
 * Succeeds if the user sees the GPU's stores after an invalidate, and his own
 * before.
 */
static void invalidate_shows_the_user_what_the_gpu_wrote(struct kunit *test)
{
	struct cached c = cached_bo(test);

	map_for_gpu(&c);
	user_stores(&c);
	bo_sync(&c, FLUSH);
	gpu_stores(&c);
	user_expects(&c, 'u');
	bo_sync(&c, FLUSH_AND_INVALIDATE);
	user_expects(&c, 'g');
}

/**
 * struct wrote_param - How a BO came to have dirty cache lines
 * @desc: Name in the results.
 * @mapped: A VM maps it, which has mapped it for DMA before.
 * @synced: So has a BO_SYNC.
 * @kernel: It was the kernel who wrote.
 * @flushed: There are none, they were flushed.
 */
struct wrote_param {
	const char *desc;
	bool mapped;
	bool synced;
	bool kernel;
	bool flushed;
};

static const struct wrote_param wrote_params[] = {
	{ "user" },
	{ "user-synced", .synced = true },
	{ "user-mapped", .mapped = true },
	{ "user-mapped-flushed", .mapped = true, .flushed = true },
	{ "kernel", .kernel = true },
	{ "kernel-mapped", .kernel = true, .mapped = true },
	{ "kernel-mapped-flushed", .kernel = true, .mapped = true, .flushed = true },
};

KUNIT_ARRAY_PARAM_DESC(wrote, wrote_params, desc);

/*
 * The CPU wrote to a BO and may flush it when it likes: before the GPU is to see
 * it. Until then eviction must not cost it what it wrote (B52, I23).
 * Succeeds if each word is there when the user has brought the BO back, and no
 * dirty page was invalidated.
 */
static void eviction_keeps_what_the_cpu_wrote(struct kunit *test)
{
	const struct wrote_param *p = test->param_value;
	struct cached c = cached_bo(test);

	if (p->mapped)
		map_for_gpu(&c);
	if (p->synced)
		bo_sync(&c, FLUSH);
	if (p->kernel)
		kernel_stores(&c);
	else
		user_stores(&c);
	if (p->flushed)
		bo_sync(&c, FLUSH);

	evict(&c);
	user_expects(&c, 'u');
	KUNIT_EXPECT_EQ(test, c.cache->lost, 0);
}

/*
 * The GPU wrote to a BO that is then evicted, which goes through the CPU: what is
 * swapped out is what the CPU sees.
 * Succeeds if the user finds the GPU's words, not what he wrote and flushed
 * before.
 */
static void eviction_keeps_what_the_gpu_wrote(struct kunit *test)
{
	struct cached c = cached_bo(test);

	map_for_gpu(&c);
	user_stores(&c);
	bo_sync(&c, FLUSH);
	gpu_stores(&c);

	evict(&c);
	user_expects(&c, 'g');
}

static struct kunit_case gem_cache_cases[] = {
	KUNIT_CASE(flush_shows_the_gpu_what_the_user_wrote),
	KUNIT_CASE(invalidate_shows_the_user_what_the_gpu_wrote),
	KUNIT_CASE_PARAM(eviction_keeps_what_the_cpu_wrote, wrote_gen_params),
	KUNIT_CASE(eviction_keeps_what_the_gpu_wrote),
	{}
};

static struct kunit_suite gem_cache_suite = {
	.name = "panthor_gem_cache",
	.init = reclaim_init,
	.exit = panthor_kunit_exit,
	.suite_exit = panthor_kunit_suite_exit,
	.test_cases = gem_cache_cases,
};

kunit_test_suite(gem_cache_suite);
