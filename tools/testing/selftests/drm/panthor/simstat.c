// SPDX-License-Identifier: GPL-2.0-only
/* The counters of the first software GPU, from debugfs. */

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "../../kselftest.h"
#include "simstat.h"

static const struct {
	const char *name;
	size_t offset;
} counters[] = {
#define COUNTER(name) { #name, offsetof(struct sim_stats, name) }
	COUNTER(mmio_reads),
	COUNTER(mmio_writes),
	COUNTER(tlb_misses),
	COUNTER(as_commands),
	COUNTER(flushes),
	COUNTER(instructions),
	COUNTER(slices),
	COUNTER(bytes),
	COUNTER(irqs_job),
	COUNTER(violations),
#undef COUNTER
};

int sim_stats_read(struct sim_stats *stats)
{
	FILE *file = fopen("/sys/kernel/debug/panthor-sim/0/counters", "re");
	unsigned int found = 0;
	char name[64];
	unsigned long long value;

	if (!file)
		return -errno;
	while (fscanf(file, "%63s %llu", name, &value) == 2) {
		for (unsigned int i = 0; i < ARRAY_SIZE(counters); i++) {
			if (strcmp(name, counters[i].name))
				continue;
			*(uint64_t *)((char *)stats + counters[i].offset) = value;
			found++;
		}
	}
	fclose(file);

	return found == ARRAY_SIZE(counters) ? 0 : -ENODATA;
}
