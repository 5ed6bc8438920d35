/* SPDX-License-Identifier: GPL-2.0-only */
/* A client whose memory is measured. What fails ends the program and says why. */

#ifndef __PANTHOR_SELFTEST_BENCH_MEMORY_H__
#define __PANTHOR_SELFTEST_BENCH_MEMORY_H__

#include <stdint.h>

#include "bench.h"
#include "panthor.h"

/* Buffers that are measured, from here on. */
#define AREA		0x100000000ULL
#define PAGE		4096ULL
#define MIB		(1024 * 1024ULL)

void memory_open(struct client *gpu);
void memory_close(struct client *gpu);
uint64_t run_nothing(struct client *gpu);
void run_fill(struct client *gpu, uint64_t va, uint64_t size);
void evict_all(void);

/* bench_swap.c */
void bench_swap(void);

#endif
