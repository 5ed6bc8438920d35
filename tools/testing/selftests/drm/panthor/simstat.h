/* SPDX-License-Identifier: GPL-2.0-only */
/* The counters of the first software GPU, from debugfs. */

#ifndef __PANTHOR_SELFTEST_SIMSTAT_H__
#define __PANTHOR_SELFTEST_SIMSTAT_H__

#include <stdint.h>

struct sim_stats {
	uint64_t mmio_reads;
	uint64_t mmio_writes;
	uint64_t tlb_misses;
	uint64_t as_commands;
	uint64_t flushes;
	uint64_t instructions;
	uint64_t slices;
	uint64_t bytes;
	uint64_t irqs_job;
	uint64_t violations;
};

/* 0, or a negative errno; -ENODATA if a counter is not there. */
int sim_stats_read(struct sim_stats *stats);

#endif
