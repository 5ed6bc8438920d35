// SPDX-License-Identifier: GPL-2.0-only
/* What of the GPU's memory goes to swap when it is reclaimed, and comes back. */

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bench_memory.h"

#define CGROUPS		"/tmp/cgroups"
#define CGROUP		CGROUPS "/bench"

static uint64_t vm_event(const char *event)
{
	FILE *file = fopen("/proc/vmstat", "re");
	unsigned long long value;
	char name[64];

	while (file && fscanf(file, "%63s %llu", name, &value) == 2) {
		if (strcmp(name, event))
			continue;
		fclose(file);
		return value;
	}
	fail("/proc/vmstat: no %s", event);
}

/* What is charged from here on can be reclaimed for itself; this process cannot. */
static void cgroup_enter(void)
{
	char pid[16];

	mkdir(CGROUPS, 0700);
	if (mount("none", CGROUPS, "cgroup2", 0, NULL))
		fail("cgroup2: %s", strerror(errno));
	must(file_write(CGROUPS "/cgroup.subtree_control", "+memory"), "memory controller");
	if (mkdir(CGROUP, 0700))
		fail(CGROUP ": %s", strerror(errno));
	snprintf(pid, sizeof(pid), "%d", getpid());
	must(file_write(CGROUP "/cgroup.procs", pid), "cgroup.procs");
	if (mlockall(MCL_CURRENT | MCL_FUTURE))
		fail("mlockall: %s", strerror(errno));
}

static void cgroup_leave(void)
{
	char pid[16];

	munlockall();
	snprintf(pid, sizeof(pid), "%d", getpid());
	must(file_write(CGROUPS "/cgroup.procs", pid), "cgroup.procs");
	rmdir(CGROUP);
	umount(CGROUPS);
}

/* Pages written to swap and read from it while all goes and what a job needs comes back. */
static double swapped(struct client *gpu)
{
	uint64_t before = vm_event("pswpout") + vm_event("pswpin");

	evict_all();
	/* Fails when there is less than that, having taken it. */
	for (unsigned int i = 0; i < 3; i++)
		file_write(CGROUP "/memory.reclaim", "64M swappiness=200");
	run_nothing(gpu);
	return vm_event("pswpout") + vm_event("pswpin") - before;
}

void bench_swap(void)
{
	const uint64_t chunk = 2 * MIB;
	struct drm_panthor_tiler_heap_create heap = {
		.initial_chunk_count = 1, .chunk_size = chunk, .max_chunks = 1,
		.target_in_flight = 1,
	};
	struct drm_panthor_vm_bind_op sparse = {
		.flags = DRM_PANTHOR_VM_BIND_OP_TYPE_MAP | DRM_PANTHOR_VM_BIND_OP_MAP_SPARSE |
			 DRM_PANTHOR_VM_BIND_OP_MAP_NOEXEC,
		.va = AREA, .size = 2 * MIB,
	};
	struct drm_panthor_tiler_heap_destroy destroy = { };
	struct client gpu;
	struct bo bo;
	double idle;

	cgroup_enter();
	memory_open(&gpu);
	/* What swaps anyway: streams and the like, after the first jobs have written. */
	run_fill(&gpu, DATA_VA + DATA_SIZE / 2, DATA_SIZE / 2);
	swapped(&gpu);
	idle = swapped(&gpu);
	result("swap_nothing", idle, "pages");

	must(bo_alloc(gpu.fd, gpu.vm, 2 * MIB, 0, &bo), "BO_CREATE");
	bo.va = AREA + 2 * MIB;
	must(vm_map(gpu.fd, gpu.vm, &bo, DRM_PANTHOR_VM_BIND_OP_MAP_NOEXEC), "VM_BIND");
	run_fill(&gpu, bo.va, bo.size);
	result("swap_bo", swapped(&gpu) - idle, "pages");
	must(vm_unmap(gpu.fd, gpu.vm, bo.va, bo.size), "VM_BIND");
	must(bo_close(gpu.fd, &bo), "GEM_CLOSE");

	must(vm_bind(gpu.fd, gpu.vm, &sparse, 1, false), "VM_BIND");
	run_fill(&gpu, AREA, 2 * MIB);
	result("swap_sparse", swapped(&gpu) - idle, "pages");
	must(vm_unmap(gpu.fd, gpu.vm, AREA, 2 * MIB), "VM_BIND");
	/* What was behind it is still there. */
	swapped(&gpu);

	heap.vm_id = gpu.vm;
	if (ioctl(gpu.fd, DRM_IOCTL_PANTHOR_TILER_HEAP_CREATE, &heap))
		fail("TILER_HEAP_CREATE: %s", strerror(errno));
	/* All but the header, as a tiler does. */
	run_fill(&gpu, heap.first_heap_chunk_gpu_va + PAGE, chunk - PAGE);
	result("swap_heap", swapped(&gpu) - idle, "pages");
	destroy.handle = heap.handle;
	if (ioctl(gpu.fd, DRM_IOCTL_PANTHOR_TILER_HEAP_DESTROY, &destroy))
		fail("TILER_HEAP_DESTROY: %s", strerror(errno));

	memory_close(&gpu);
	cgroup_leave();
}
