/* SPDX-License-Identifier: GPL-2.0-only */
/* The driver's list of BOs in debugfs, line by line. */

#ifndef __PANTHOR_SELFTEST_GEMLIST_H__
#define __PANTHOR_SELFTEST_GEMLIST_H__

#include <stdbool.h>
#include <stdint.h>

/* A line of the file "gems". Sizes are in bytes. */
struct gem {
	int creator;
	unsigned int references;
	unsigned int evictions;
	uint64_t size;
	uint64_t resident;
	uint64_t offset;
	uint32_t state;
	char label[64];
};

/* Calls back for each BO until that returns true; -EPROTO if it is no such list. */
int gem_each_path(const char *path, bool (*look)(const struct gem *gem, void *data), void *data);

#endif
