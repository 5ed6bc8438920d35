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

void gpu_open(struct gpu *gpu, uint64_t data_va, uint64_t data_size)
{
	*gpu = (struct gpu){ .fd = panthor_open(0) };
	if (gpu->fd < 0)
		fail("no render node of a driver named panthor");
	must(vm_create(gpu->fd, &gpu->vm), "VM_CREATE");
	must(bo_create(gpu->fd, gpu->vm, STREAM_SIZE, 0, &gpu->stream), "BO_CREATE");
	must(bo_create(gpu->fd, gpu->vm, data_size, DRM_PANTHOR_BO_WB_MMAP, &gpu->data),
	     "BO_CREATE");
	gpu->stream.va = STREAM_VA;
	gpu->data.va = data_va;
	must(vm_map(gpu->fd, gpu->vm, &gpu->stream, 0), "VM_BIND");
	must(vm_map(gpu->fd, gpu->vm, &gpu->data, DRM_PANTHOR_VM_BIND_OP_MAP_NOEXEC), "VM_BIND");
	must(group_create(gpu->fd, gpu->vm, 1, &gpu->group), "GROUP_CREATE");
	must(syncobj_create(gpu->fd, &gpu->syncobj), "SYNCOBJ_CREATE");
}

void gpu_close(struct gpu *gpu)
{
	must(syncobj_destroy(gpu->fd, gpu->syncobj), "SYNCOBJ_DESTROY");
	must(group_destroy(gpu->fd, gpu->group), "GROUP_DESTROY");
	must(bo_close(gpu->fd, &gpu->data), "GEM_CLOSE");
	must(bo_close(gpu->fd, &gpu->stream), "GEM_CLOSE");
	must(vm_destroy(gpu->fd, gpu->vm), "VM_DESTROY");
	close(gpu->fd);
}
