/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Contents that tell which page of which round they are: two words at the start
 * and at the end of each page. GPU and CPU write and compare them.
 */

#ifndef __PANTHOR_SELFTEST_PATTERN_H__
#define __PANTHOR_SELFTEST_PATTERN_H__

#include <stdint.h>

#include "client.h"
#include "dice.h"

#define PAGE_BYTES	4096U
/* The client's data BO takes what the GPU has read. */
#define PATTERN_PAGES	(DATA_SIZE / 16)

/* Where the GPU sees some pages of a BO. */
struct part {
	uint64_t va;
	unsigned int page;
	unsigned int pages;
};

int gpu_write(struct client *client, const struct part *part, uint32_t seed);
int gpu_read(struct client *client, const struct part *part);
int gpu_check(struct client *client, const struct part *part, uint32_t seed);

void cpu_write(void *map, unsigned int page, unsigned int pages, uint32_t seed);
int cpu_check(const void *map, unsigned int page, unsigned int pages, uint32_t seed);

#endif
