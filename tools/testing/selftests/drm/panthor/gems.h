/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the driver tells of its BOs in debugfs, ways to have them evicted, and a
 * gate around each test. Functions return 0 or a positive value if they succeed,
 * else a negative errno.
 */

#ifndef __PANTHOR_SELFTEST_GEMS_H__
#define __PANTHOR_SELFTEST_GEMS_H__

#include <stdbool.h>
#include <stdint.h>

#include "gemlist.h"
#include "panthor.h"

#define GEM_IMPORTED	0x1
#define GEM_EXPORTED	0x2
#define GEM_EVICTED	0x4

#define NO_PRESSURE	"no memory.reclaim in the root cgroup: be root, set CONFIG_MEMCG, leave the memory controller to cgroup v2"

/* All lines of a process, or of all. */
struct gem_sum {
	unsigned int count;
	uint64_t size;
	uint64_t resident;
};

/* Memory of the system, in bytes. */
struct memory {
	uint64_t shmem;
	uint64_t swapped;
};

/* The driver's own file, or reclaim as the kernel does it. */
enum evict_by { BY_SHRINK, BY_PRESSURE };

/* What a test must leave as it was. */
struct gate {
	char gems[96];
	int sim;
	int64_t violations;
	uint64_t start_ms;
	/* What is left may go for so long. */
	unsigned int patience_ms;
};

int gem_label(int fd, const struct bo *bo, const char *label);
int gem_find(int fd, const char *label, struct gem *gem);
int gem_sum(int fd, int creator, struct gem_sum *sum);

const char *evict_needs(int fd);
int64_t shrink(int fd, uint64_t pages);
int shrink_until_evicted(int fd, const char *label);

int memory_read(struct memory *memory);
const char *pressure_needs(int fd);
int pressure_until_evicted(int fd, const char *label, const struct memory *before);

int evict(int fd, const char *label, enum evict_by by);
int64_t resident(int fd, const char *label);

unsigned int page_faults(void);

void gate_open(struct gate *gate, int fd);
const char *gate_close(struct gate *gate, const char *name);

#endif
