/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What tests that run things against each other share: eviction, the BOs
 * that debugfs knows, swap, and two threads that do one thing each. Functions
 * return 0 or a positive value if they succeed, else a negative errno.
 */

#ifndef __PANTHOR_SELFTEST_STRESS_H__
#define __PANTHOR_SELFTEST_STRESS_H__

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "dice.h"

#define NO_GPU		"no render node of a driver named panthor: modprobe panthor, where there is no such GPU panthor_sim first"

/* The file "gems" of a GPU, summed up. */
struct gems {
	uint64_t bos;
	uint64_t size;
	uint64_t resident;
	uint64_t evictions;
};

int gems_read(int fd, struct gems *gems);
int64_t shrink_all(const char *shrink);
int gems_wait(int fd, const struct gems *start, unsigned int ms);

int64_t proc_value(const char *path, const char *name);
void progress(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* A thing that a thread does again and again. */
struct racer {
	const char *name;
	int (*op)(void *arg, unsigned int round);
	unsigned int rounds;
	/* Of the round that failed, which is the last one. */
	int ret;
	uint64_t slowest_ms;
};

/* Two of them at the same time. */
struct race {
	void *arg;
	struct racer racer[2];
	unsigned int rounds;
	/* Starts of one while the other was at it. */
	unsigned int overlaps;
};

int race_run(struct race *race);

#endif
