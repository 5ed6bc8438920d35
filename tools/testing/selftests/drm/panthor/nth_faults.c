// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which allocations fail. Not those of debug tools: kmemleak, debugobjects and the
 * debugging of DMA would say that they are blind now, and some would be.
 */

#include <dirent.h>
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "nth.h"

#define DEBUGFS		"/sys/kernel/debug/"
#define GFP_WAIT	DEBUGFS "failslab/ignore-gfp-wait"
#define CACHE_FILTER	DEBUGFS "failslab/cache-filter"
#define PAGE_WAIT	DEBUGFS "fail_page_alloc/ignore-gfp-wait"
#define MIN_ORDER	DEBUGFS "fail_page_alloc/min-order"
#define CACHES		"/sys/kernel/slab"
/* Comes with the driver and goes with it. Is marked last, so that all are if it is. */
#define OF_DRIVER	"panthor-mmu-pt"
/* What cannot wait takes them, the debugging of DMA above all. */
#define NODES		"radix_tree_node"
#define PAGE		4096

/* Of kmemleak and debugobjects, which no other code takes objects from. */
static const char *const spared[] = {
	"kmemleak_object", "kmemleak_scan_area", "debug_objects_cache", NULL,
};

static bool is_spared(const char *cache)
{
	for (const char *const *name = spared; *name; name++) {
		if (!strcmp(cache, *name))
			return true;
	}
	return false;
}

/* -EINVAL if the cache is also another one's. */
static int mark(const char *cache, bool fails)
{
	char path[300];

	snprintf(path, sizeof(path), CACHES "/%s/failslab", cache);
	return file_write(path, fails ? "1" : "0");
}

static bool is_marked(const char *cache)
{
	char path[300], text[8];

	snprintf(path, sizeof(path), CACHES "/%s/failslab", cache);
	return !file_read(path, text, sizeof(text)) && text[0] == '1';
}

/*
 * All but those of debug tools; where the filter is on, only marked ones fail. They
 * stay so, which takes long and means nothing without the filter.
 */
static int mark_caches(void)
{
	DIR *dir = opendir(CACHES);
	struct dirent *entry;
	int ret = 0;

	if (!dir)
		return -errno;
	while (!ret && (entry = readdir(dir))) {
		if (entry->d_name[0] != '.' && !is_spared(entry->d_name) &&
		    strcmp(entry->d_name, OF_DRIVER))
			ret = mark(entry->d_name, true);
		/* It has gone meanwhile. */
		if (ret == -ENOENT)
			ret = 0;
	}
	closedir(dir);
	ret = ret ?: mark(OF_DRIVER, true);
	return ret == -EINVAL ? -EBUSY : ret;
}

/*
 * Prepares for nth_select(). -ENOENT where nothing can be made to fail, -EBUSY where
 * caches are merged.
 */
int nth_prepare(void)
{
	char text[8];

	if (access(CACHE_FILTER, W_OK) || access(MIN_ORDER, W_OK) || access(CACHES, X_OK) ||
	    file_read(PAGE_WAIT, text, sizeof(text)) || text[0] != 'N')
		return -ENOENT;
	return is_marked(OF_DRIVER) ? 0 : mark_caches();
}

/* Either no page is as large as that, or no object is one that fails. */
int nth_select(enum nth_kind kind)
{
	bool slab = kind == NTH_SLAB;
	int ret = file_write(CACHE_FILTER, "Y");

	ret = ret ?: mark(NODES, slab);
	ret = ret ?: file_write(GFP_WAIT, slab ? "N" : "Y");
	return ret ?: file_write(MIN_ORDER, slab ? "99" : "0");
}

/* Both kinds can be failed again, as for others. */
int nth_select_all(void)
{
	int ret = file_write(GFP_WAIT, "N");

	ret = file_write(CACHE_FILTER, "N") ?: ret;
	return file_write(MIN_ORDER, "0") ?: ret;
}

/* The thread stays on the CPU that it is on. */
int nth_stay(void)
{
	cpu_set_t set;
	int cpu = sched_getcpu();

	CPU_ZERO(&set);
	CPU_SET(cpu < 0 ? 0 : cpu, &set);
	return sched_setaffinity(0, sizeof(set), &set) ? -errno : 0;
}

/*
 * The debugging of DMA switches itself off when it gets no node for a radix tree. Each
 * CPU has some in reserve for that, which are made up for when a handle is made.
 */
int nth_reserve(int fd)
{
	struct bo bo;
	int ret = bo_alloc(fd, 0, PAGE, DRM_PANTHOR_BO_NO_MMAP, &bo);

	return ret ?: bo_close(fd, &bo);
}
