/* SPDX-License-Identifier: GPL-2.0-only */
/* What the measuring programs share. What fails ends the program and says why. */

#ifndef __PANTHOR_SELFTEST_BENCH_H__
#define __PANTHOR_SELFTEST_BENCH_H__

#include <stddef.h>
#include <stdint.h>

#include "../../kselftest.h"
#include "client.h"
#include "simstat.h"

#define DRIVER	"/sys/bus/platform/drivers/panthor/"
#define NS	1000000000ULL

/* Something to measure, by name. */
struct bench_case {
	const char *name;
	void (*run)(void);
};

/* What drivers are compared by; the last one has no name. */
extern const struct bench_case bench_memory_cases[];

void fail(const char *format, ...) __printf(1, 2) __noreturn;
void must(int ret, const char *what);
void result(const char *name, double value, const char *unit);
uint64_t now_ns(void);
uint64_t cpu_ns(void);
struct sim_stats stats(void);
/* Waits until no command is sent any more. */
void settle(void);
double percentile_us(uint64_t *ns, unsigned int count, unsigned int percent);
void gpu_open(struct client *gpu, uint64_t data_size);
void gpu_close(struct client *gpu);
void device_name(char *name, size_t size);
void device_power(const char *device, const char *control);

#endif
