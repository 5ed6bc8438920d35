/* SPDX-License-Identifier: GPL-2.0-only */
/* A process with more BOs than memory, in VMs that fit into it one by one. */

#ifndef __PANTHOR_SELFTEST_WORKER_H__
#define __PANTHOR_SELFTEST_WORKER_H__

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "tell.h"

#define WORKERS	4

/* The same for all. */
struct worker_plan {
	uint64_t seed;
	/* For so many rounds, and then until that time. */
	unsigned int rounds;
	uint64_t end_ms;
	/* Of BOs, each. */
	uint64_t bytes;
	/*
	 * Only the first gets so many, and more than there is memory for; the others
	 * have a few, and go on until it is over.
	 */
	bool fill;
	/* Shared: the first has ended, by itself or not. */
	atomic_uint *over;
	/* The file that the first writes to, to be in a cgroup. */
	const char *group;
};

struct worker_report {
	unsigned int jobs;
	unsigned int binds;
	unsigned int faults;
	unsigned int bos;
	/* How often there was no memory. */
	unsigned int refused;
	unsigned int slowest_ms;
	struct trouble trouble;
};

/* Writes a report, and does not return. */
void worker_main(const struct worker_plan *plan, unsigned int number, int out);

#endif
