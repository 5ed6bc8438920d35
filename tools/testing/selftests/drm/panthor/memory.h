/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Memory and swap of the machine, changed for a test and put back after it.
 * Functions return 0 or a negative errno.
 */

#ifndef __PANTHOR_SELFTEST_MEMORY_H__
#define __PANTHOR_SELFTEST_MEMORY_H__

#include <sys/types.h>

#define SWAPS	4

struct memory {
	/* Who holds the memory. */
	pid_t hog;
	/* Swap that was switched off. */
	char swap[SWAPS][64];
	unsigned int swaps;
	/* Swap that was made. */
	char small[32];
	int zram;
	char group[64];
};

void memory_init(struct memory *memory);
int memory_restore(struct memory *memory);
int memory_hold(struct memory *memory, unsigned int left_mib);
int memory_swap_off(struct memory *memory);
int memory_swap_small(struct memory *memory, unsigned int mib);
int memory_group(struct memory *memory, const char *path);

#endif
