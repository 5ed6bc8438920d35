// SPDX-License-Identifier: GPL-2.0-only
/*
 * See sim_cache.h. The lock is raw, for GPUs come with their own, which is. The array
 * of pages has a lock that is not, so it changes outside: a page that is removed is
 * taken from the array first, then the lock is gone through once, after which nobody
 * has it any more.
 */

#include <linux/cleanup.h>
#include <linux/err.h>
#include <linux/io.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/prandom.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/string.h>
#include <linux/xarray.h>

#include "sim_cache.h"

/* In random mode, one access out of so many has some lines written back or fetched. */
#define EARLY_EVERY		8
/* And a line of a new page is one of so many that are in memory already. */
#define WRITTEN_EVERY		4

#define LINES			(PAGE_SIZE / SIM_CACHE_LINE)
#define SHADOW_GFP		(GFP_KERNEL | __GFP_NOWARN | __GFP_NORETRY)

struct sim_cache_set;

/**
 * struct sim_cache_page - A page that is known
 * @set: Those it came with.
 * @memory: What is in memory, if that may be something else than what the CPU sees.
 * @last: With @memory, what was in the cache when it was last the same as memory.
 * @unclean: Without @memory, none of the page has been written back.
 */
struct sim_cache_page {
	struct sim_cache_set *set;
	u8 *memory;
	u8 *last;
	bool unclean;
};

/* Pages that come and go together. */
struct sim_cache_set {
	unsigned long count;
	struct sim_cache_page pages[] __counted_by(count);
};

struct sim_cache {
	raw_spinlock_t lock;
	struct xarray pages;
	enum sim_cache_mode mode;
	bool deaf_clean;
	bool deaf_invalidate;
	struct rnd_state rnd;
	struct sim_cache_stats stats;
};

static const char *const mode_names[SIM_CACHE_MODES] = {
	[SIM_CACHE_LAZY] = "lazy",
	[SIM_CACHE_RANDOM] = "random",
	[SIM_CACHE_EAGER] = "eager",
};

/**
 * sim_cache_create() - Make a cache over no page
 * @seed: Of what is random.
 * @mode: What it does by itself.
 *
 * Context: Process.
 *
 * Return: The cache, or NULL without memory.
 */
struct sim_cache *sim_cache_create(u32 seed, enum sim_cache_mode mode)
{
	struct sim_cache *cache = kzalloc_obj(*cache);

	if (!cache)
		return NULL;

	raw_spin_lock_init(&cache->lock);
	xa_init(&cache->pages);
	prandom_seed_state(&cache->rnd, seed);
	cache->mode = mode;
	return cache;
}

/**
 * sim_cache_destroy() - Free a cache; nobody uses it any more
 * @cache: The cache, or NULL. Pages may be left, of BOs that a driver has lost.
 *
 * Context: Process.
 */
void sim_cache_destroy(struct sim_cache *cache)
{
	struct sim_cache_page *page;
	unsigned long pfn;

	if (!cache)
		return;

	xa_for_each(&cache->pages, pfn, page) {
		kfree(page->memory);
		if (!--page->set->count)
			kvfree(page->set);
	}
	xa_destroy(&cache->pages);
	kfree(cache);
}

/**
 * sim_cache_mode_parse() - Find a mode by name
 * @name: Name.
 * @mode: Set to the mode.
 *
 * Context: Any.
 *
 * Return: 0, or -EINVAL.
 */
int sim_cache_mode_parse(const char *name, enum sim_cache_mode *mode)
{
	int index = match_string(mode_names, SIM_CACHE_MODES, name);

	if (index >= 0)
		*mode = index;
	return index < 0 ? index : 0;
}

/**
 * sim_cache_mode_name() - Name of a mode
 * @mode: The mode.
 *
 * Context: Any.
 *
 * Return: The name.
 */
const char *sim_cache_mode_name(enum sim_cache_mode mode)
{
	return mode_names[mode];
}

/**
 * sim_cache_mode() - What a cache does by itself
 * @cache: The cache.
 *
 * Context: Any.
 *
 * Return: The mode.
 */
enum sim_cache_mode sim_cache_mode(struct sim_cache *cache)
{
	guard(raw_spinlock_irqsave)(&cache->lock);
	return cache->mode;
}

/**
 * sim_cache_set_mode() - Say what a cache does by itself from now on
 * @cache: The cache.
 * @mode: The mode.
 *
 * Context: Any.
 */
void sim_cache_set_mode(struct sim_cache *cache, enum sim_cache_mode mode)
{
	guard(raw_spinlock_irqsave)(&cache->lock);
	cache->mode = mode;
}

/**
 * sim_cache_set_deaf() - Have maintenance do nothing from now on, or do it again
 * @cache: The cache.
 * @clean: sim_cache_clean() does nothing.
 * @invalidate: sim_cache_invalidate() does nothing.
 *
 * Context: Any.
 */
void sim_cache_set_deaf(struct sim_cache *cache, bool clean, bool invalidate)
{
	guard(raw_spinlock_irqsave)(&cache->lock);
	cache->deaf_clean = clean;
	cache->deaf_invalidate = invalidate;
}

/**
 * sim_cache_stats() - What happened so far
 * @cache: The cache.
 *
 * Context: Any.
 *
 * Return: The counters.
 */
struct sim_cache_stats sim_cache_stats(struct sim_cache *cache)
{
	guard(raw_spinlock_irqsave)(&cache->lock);
	return cache->stats;
}

/* --- lines, all under the lock ------------------------------------------------ */

/* A line as the CPU sees it now; a CPU may write it meanwhile, in words. */
static void get_line(u8 *copy, const u8 *cpu)
{
	for (unsigned int i = 0; i < SIM_CACHE_LINE; i += sizeof(u64))
		*(u64 *)(copy + i) = READ_ONCE(*(const u64 *)(cpu + i));
}

static void set_line(u8 *cpu, const u8 *copy)
{
	for (unsigned int i = 0; i < SIM_CACHE_LINE; i += sizeof(u64))
		WRITE_ONCE(*(u64 *)(cpu + i), *(const u64 *)(copy + i));
}

/* Returns true if the CPU wrote the line. */
static bool clean_line(struct sim_cache_page *page, const u8 *cpu, size_t at)
{
	u8 line[SIM_CACHE_LINE] __aligned(sizeof(u64));

	get_line(line, cpu + at);
	if (!memcmp(line, page->last + at, SIM_CACHE_LINE))
		return false;

	memcpy(page->last + at, line, SIM_CACHE_LINE);
	memcpy(page->memory + at, line, SIM_CACHE_LINE);
	return true;
}

static void invalidate_line(struct sim_cache *cache, struct sim_cache_page *page, u8 *cpu,
			    size_t at)
{
	u8 line[SIM_CACHE_LINE] __aligned(sizeof(u64));

	get_line(line, cpu + at);
	cache->stats.lost += !!memcmp(line, page->last + at, SIM_CACHE_LINE);
	memcpy(page->last + at, page->memory + at, SIM_CACHE_LINE);
	if (memcmp(line, page->memory + at, SIM_CACHE_LINE)) {
		set_line(cpu + at, page->memory + at);
		cache->stats.invalidated++;
	}
}

/* A line goes from the cache by chance, and is read again. */
static void replace_line(struct sim_cache *cache, struct sim_cache_page *page, u8 *cpu,
			 size_t at)
{
	if (clean_line(page, cpu, at)) {
		cache->stats.early++;
	} else if (memcmp(page->last + at, page->memory + at, SIM_CACHE_LINE)) {
		memcpy(page->last + at, page->memory + at, SIM_CACHE_LINE);
		set_line(cpu + at, page->memory + at);
		cache->stats.early++;
	}
}

static void chance(struct sim_cache *cache, struct sim_cache_page *page, u8 *cpu)
{
	unsigned int first = 0, last = LINES - 1;

	if (cache->mode == SIM_CACHE_LAZY)
		return;
	if (cache->mode == SIM_CACHE_RANDOM) {
		u32 dice = prandom_u32_state(&cache->rnd);

		if (dice % EARLY_EVERY)
			return;
		first = (dice >> 8) % LINES;
		last = first + (dice >> 20) % (LINES - first);
	}
	for (unsigned int i = first; i <= last; i++)
		replace_line(cache, page, cpu, i * SIM_CACHE_LINE);
}

/* The first contents of a part of a page never got to memory. */
static void forget(struct sim_cache *cache, u8 *cpu, size_t at, size_t len)
{
	size_t end = at + len;

	cache->stats.unclean++;
	for (; at < end; at += SIM_CACHE_LINE) {
		if (cache->mode == SIM_CACHE_EAGER ||
		    (cache->mode == SIM_CACHE_RANDOM &&
		     !(prandom_u32_state(&cache->rnd) % WRITTEN_EVERY)))
			continue;
		memset(cpu + at, SIM_CACHE_GARBAGE, SIM_CACHE_LINE);
	}
}

/* --- pages -------------------------------------------------------------------- */

static void remove_set(struct sim_cache *cache, struct sim_cache_set *set,
		       struct page *const *pages, unsigned long count)
{
	unsigned long flags;

	for (unsigned long i = 0; i < count; i++) {
		if (xa_load(&cache->pages, page_to_pfn(pages[i])) == &set->pages[i])
			xa_erase(&cache->pages, page_to_pfn(pages[i]));
	}
	raw_spin_lock_irqsave(&cache->lock, flags);
	raw_spin_unlock_irqrestore(&cache->lock, flags);
	for (unsigned long i = 0; i < set->count; i++)
		kfree(set->pages[i].memory);
	kvfree(set);
}

/**
 * sim_cache_add() - The CPU has filled new pages, through its cache
 * @cache: The cache.
 * @pages: The pages.
 * @count: Their number.
 *
 * Without memory the pages stay unknown, and the same for CPU and GPU.
 *
 * Context: Process.
 */
void sim_cache_add(struct sim_cache *cache, struct page *const *pages, unsigned long count)
{
	struct sim_cache_set *set = kvzalloc_flex(*set, pages, count, SHADOW_GFP);
	unsigned long i = 0;

	if (set)
		set->count = count;
	for (; set && i < count; i++) {
		set->pages[i].set = set;
		set->pages[i].unclean = true;
		if (xa_is_err(xa_store(&cache->pages, page_to_pfn(pages[i]), &set->pages[i],
				       SHADOW_GFP)))
			break;
	}
	if (i == count)
		return;

	if (set)
		remove_set(cache, set, pages, i);
	guard(raw_spinlock_irqsave)(&cache->lock);
	cache->stats.untracked += count;
}

/**
 * sim_cache_remove() - Pages go; what the CPU sees is what is in them
 * @cache: The cache.
 * @pages: The pages, as they were added.
 * @count: Their number.
 *
 * Context: Process, reclaim included.
 */
void sim_cache_remove(struct sim_cache *cache, struct page *const *pages,
		      unsigned long count)
{
	struct sim_cache_page *page = count ? xa_load(&cache->pages, page_to_pfn(pages[0])) : NULL;

	if (page && !WARN_ON(page->set->count != count))
		remove_set(cache, page->set, pages, count);
}

/**
 * sim_cache_cpu_maps() - The CPU is going to get a mapping of a page
 * @cache: The cache.
 * @pfn: The page.
 * @cached: The mapping goes through the cache.
 *
 * Context: Process.
 */
void sim_cache_cpu_maps(struct sim_cache *cache, unsigned long pfn, bool cached)
{
	struct sim_cache_page *page = xa_load(&cache->pages, pfn);
	u8 *cpu = phys_to_virt(PFN_PHYS(pfn)), *shadow = NULL;

	if (!page)
		return;
	if (cached && !page->memory)
		shadow = kmalloc(2 * PAGE_SIZE, SHADOW_GFP);

	scoped_guard(raw_spinlock_irqsave, &cache->lock) {
		if (cached && !shadow && !page->memory) {
			cache->stats.untracked++;
		} else if (cached && !page->memory) {
			page->memory = shadow;
			page->last = shadow + PAGE_SIZE;
			memcpy(page->last, cpu, PAGE_SIZE);
			if (page->unclean) {
				memset(page->memory, SIM_CACHE_GARBAGE, PAGE_SIZE);
				/* Other than the page, in each line: the CPU wrote all. */
				for (size_t at = 0; at < PAGE_SIZE; at += SIM_CACHE_LINE)
					page->last[at] = ~page->last[at];
			} else {
				memcpy(page->memory, cpu, PAGE_SIZE);
			}
			page->unclean = false;
			cache->stats.cached++;
			shadow = NULL;
		} else if (!cached && page->unclean) {
			forget(cache, cpu, 0, PAGE_SIZE);
			page->unclean = false;
		}
	}
	kfree(shadow);
}

static void clean(struct sim_cache *cache, struct sim_cache_page *page, const u8 *cpu,
		  size_t at, size_t end)
{
	if (!page->memory) {
		/* There is no half of this: a driver cleans new pages whole. */
		page->unclean = false;
		return;
	}
	for (at = ALIGN_DOWN(at, SIM_CACHE_LINE); at < end; at += SIM_CACHE_LINE)
		cache->stats.cleaned += clean_line(page, cpu, at);
}

/* Lines of which only a part is meant are cleaned before. */
static void invalidate(struct sim_cache *cache, struct sim_cache_page *page, u8 *cpu,
		       size_t at, size_t end)
{
	size_t first = ALIGN_DOWN(at, SIM_CACHE_LINE), last = ALIGN(end, SIM_CACHE_LINE);

	if (!page->memory) {
		if (page->unclean)
			forget(cache, cpu, first, last - first);
		page->unclean &= last - first != PAGE_SIZE;
		return;
	}
	if (first != at)
		clean(cache, page, cpu, first, at);
	if (last != end)
		clean(cache, page, cpu, end, last);
	for (at = first; at < last; at += SIM_CACHE_LINE)
		invalidate_line(cache, page, cpu, at);
}

static void maintain(struct sim_cache *cache, u64 pa, size_t len, bool discard)
{
	while (len) {
		size_t at = offset_in_page(pa), part = min(len, PAGE_SIZE - at);
		u8 *cpu = phys_to_virt(pa - at);

		scoped_guard(raw_spinlock_irqsave, &cache->lock) {
			struct sim_cache_page *page = xa_load(&cache->pages, PHYS_PFN(pa));

			if (page && discard && !cache->deaf_invalidate)
				invalidate(cache, page, cpu, at, at + part);
			else if (page && !discard && !cache->deaf_clean)
				clean(cache, page, cpu, at, at + part);
		}
		pa += part;
		len -= part;
	}
}

/**
 * sim_cache_clean() - Write back what the CPU wrote
 * @cache: The cache.
 * @pa: Physical address.
 * @len: Number of bytes. A line belongs to it if one of its bytes does.
 *
 * Context: Any.
 */
void sim_cache_clean(struct sim_cache *cache, u64 pa, size_t len)
{
	maintain(cache, pa, len, false);
}

/**
 * sim_cache_invalidate() - Have the CPU see what is in memory
 * @cache: The cache.
 * @pa: Physical address.
 * @len: Number of bytes. What the CPU wrote there and did not clean is lost, but not
 *	what it wrote around it in the same lines.
 *
 * Context: Any.
 */
void sim_cache_invalidate(struct sim_cache *cache, u64 pa, size_t len)
{
	maintain(cache, pa, len, true);
}

/**
 * sim_cache_copy() - Copy between a GPU and memory
 * @cache: The cache that the GPU does not snoop, or NULL if it does.
 * @pa: As for sim_mem_copy().
 * @buf: As there.
 * @len: As there.
 * @access: As there.
 *
 * Context: Any.
 */
void sim_cache_copy(struct sim_cache *cache, u64 pa, void *buf, size_t len,
		    enum sim_access access)
{
	size_t at = offset_in_page(pa);
	u8 *cpu = phys_to_virt(pa - at);
	struct sim_cache_page *page;

	if (!cache) {
		sim_mem_copy(cpu + at, buf, len, access);
		return;
	}

	guard(raw_spinlock_irqsave)(&cache->lock);
	page = xa_load(&cache->pages, PHYS_PFN(pa));
	if (page && page->unclean) {
		forget(cache, cpu, 0, PAGE_SIZE);
		page->unclean = false;
	}
	if (page && page->memory) {
		chance(cache, page, cpu);
		sim_mem_copy(page->memory + at, buf, len, access);
		chance(cache, page, cpu);
	} else {
		sim_mem_copy(cpu + at, buf, len, access);
	}
}
