/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef __PANTHOR_SIM_CACHE_H__
#define __PANTHOR_SIM_CACHE_H__

/**
 * DOC: The CPU's cache, for GPUs that do not snoop it
 *
 * What the CPU reads and writes is in the page itself, where no model can get in
 * between. So the page is the CPU's view, cache included, and what is in memory,
 * which is all that such a GPU sees, is kept beside it. Both are one until they may
 * differ:
 *
 * - A page that was just allocated has been cleared, or read from swap, through the
 *   kernel's cached mapping. What is in memory behind those lines is anything, here
 *   a pattern, until somebody cleans them. A GPU that gets at the page before, or a
 *   mapping of the CPU around the cache, finds the pattern.
 * - A page that the CPU has mapped cached has a second page, the memory. Cleaning a
 *   line copies it there if the CPU wrote it, invalidating one copies it from there,
 *   and loses what the CPU wrote.
 * - All others, those mapped write-combined above all, are the same for both.
 *
 * That the CPU wrote a line is seen by comparing it with what it was when both were
 * the same last. Storing the same value again is thus no write.
 *
 * A real cache may write back or fetch any line at any time. How much of that
 * happens is a mode: nothing (lazy), so that each missing clean or invalidate leaves
 * an old value; all of it whenever a GPU looks (eager), so that nothing is seen to be
 * missing; some by a seed (random), which is what maintenance at the wrong time needs
 * to be seen. It happens when a GPU accesses the page.
 *
 * To see what a driver would do to data that forgets maintenance, the cache can be
 * made deaf to it.
 */

#include <linux/types.h>

#include "sim_mem.h"

/* Bytes of a line of the cache. */
#define SIM_CACHE_LINE		64

/* What is in memory behind lines that were never written back, in each byte. */
#define SIM_CACHE_GARBAGE	0xcb

struct page;
struct sim_cache;

/**
 * enum sim_cache_mode - What the cache does by itself
 * @SIM_CACHE_LAZY: Nothing.
 * @SIM_CACHE_RANDOM: It writes back and fetches some lines.
 * @SIM_CACHE_EAGER: It writes back and fetches all lines of a page that a GPU accesses.
 * @SIM_CACHE_MODES: Number of modes.
 */
enum sim_cache_mode {
	SIM_CACHE_LAZY,
	SIM_CACHE_RANDOM,
	SIM_CACHE_EAGER,
	SIM_CACHE_MODES,
};

/**
 * struct sim_cache_stats - Counters since creation
 * @cleaned: Lines that the CPU wrote and that were cleaned.
 * @invalidated: Lines in which the CPU got to see another value.
 * @lost: Lines that the CPU wrote and that were invalidated.
 * @early: Lines that were written back or fetched by chance.
 * @unclean: Pages whose first contents went past the cache before they were in memory.
 * @cached: Pages that got a second one.
 * @untracked: Pages for which there was no memory; they are the same for both.
 */
struct sim_cache_stats {
	u64 cleaned;
	u64 invalidated;
	u64 lost;
	u64 early;
	u64 unclean;
	u64 cached;
	u64 untracked;
};

struct sim_cache *sim_cache_create(u32 seed, enum sim_cache_mode mode);
void sim_cache_destroy(struct sim_cache *cache);

int sim_cache_mode_parse(const char *name, enum sim_cache_mode *mode);
const char *sim_cache_mode_name(enum sim_cache_mode mode);
enum sim_cache_mode sim_cache_mode(struct sim_cache *cache);
void sim_cache_set_mode(struct sim_cache *cache, enum sim_cache_mode mode);
void sim_cache_set_deaf(struct sim_cache *cache, bool clean, bool invalidate);
struct sim_cache_stats sim_cache_stats(struct sim_cache *cache);

void sim_cache_add(struct sim_cache *cache, struct page *const *pages, unsigned long count);
void sim_cache_remove(struct sim_cache *cache, struct page *const *pages,
		      unsigned long count);
void sim_cache_cpu_maps(struct sim_cache *cache, unsigned long pfn, bool cached);
void sim_cache_clean(struct sim_cache *cache, u64 pa, size_t len);
void sim_cache_invalidate(struct sim_cache *cache, u64 pa, size_t len);
void sim_cache_copy(struct sim_cache *cache, u64 pa, void *buf, size_t len,
		    enum sim_access access);

#endif
