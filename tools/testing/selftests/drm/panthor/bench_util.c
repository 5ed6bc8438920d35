// SPDX-License-Identifier: GPL-2.0-only
/* What the measuring programs share. */

#include <dirent.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "bench.h"
#include "panthor.h"

void fail(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	putchar('\n');
	exit(1);
}

void must(int ret, const char *what)
{
	if (ret < 0)
		fail("%s: %s", what, strerror(-ret));
}

void result(const char *name, double value, const char *unit)
{
	printf("bench: %s %.*f %s\n", name, value < 100 ? 2 : 0, value, unit);
}

uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * NS + ts.tv_nsec;
}

/* Of this thread: a worker that it wakes may take its CPU, and its time on the clock. */
uint64_t cpu_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return ts.tv_sec * NS + ts.tv_nsec;
}

struct sim_stats stats(void)
{
	struct sim_stats now;

	must(sim_stats_read(&now), "counters of the software GPU");
	return now;
}

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

double percentile_us(uint64_t *ns, unsigned int count, unsigned int percent)
{
	qsort(ns, count, sizeof(*ns), compare);
	return ns[(count - 1) * percent / 100] / 1e3;
}

/* Name of the driver's only device. */
void device_name(char *name, size_t size)
{
	struct dirent *entry;
	DIR *dir = opendir(DRIVER);
	unsigned int found = 0;

	while (dir && (entry = readdir(dir))) {
		if (!strstr(entry->d_name, ".gpu"))
			continue;
		snprintf(name, size, "%s", entry->d_name);
		found++;
	}
	if (dir)
		closedir(dir);
	if (found != 1)
		fail("%u GPUs have the driver, want 1", found);
}

void device_power(const char *device, const char *control)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), DRIVER "%s/power/control", device);
	must(file_write(path, control), path);
}

void settle(void)
{
	struct sim_stats last, now = stats();

	do {
		last = now;
		sleep_ms(50);
		now = stats();
	} while (now.as_commands != last.as_commands || now.flushes != last.flushes);
}

void gpu_open(struct client *gpu, uint64_t data_size)
{
	const struct client_options options = {
		.bo_flags = DRM_PANTHOR_BO_WB_MMAP, .data_size = data_size,
	};

	must(client_open(gpu, &options), "open a GPU of a driver named panthor");
}

void gpu_close(struct client *gpu)
{
	must(client_close(gpu), "close the GPU");
}
