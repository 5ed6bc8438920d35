// SPDX-License-Identifier: GPL-2.0-only
/*
 * What buffers cost: page faults, eviction, restore, submission, reclaim of a VM
 * that is busy, kernel memory; swap is in bench_swap.c. Drivers are compared by
 * these, on a clock that counts instructions.
 */

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "../../../../../drivers/gpu/drm/panthor/sim/sim_job.h"

#include "bench_memory.h"
#include "cs.h"
#include "panthor.h"

#define MAX_BOS		4000
#define SMALL		(16 * 1024ULL)
/* Pages that the kernel asks a shrinker for at a time. */
#define BATCH		128
#define EVERYTHING	(1024 * 1024ULL)
#define SW_SYNC		"/sys/kernel/debug/sync/sw_sync"

/* Of the debugfs file. */
struct sw_sync_fence {
	uint32_t value;
	char name[32];
	int32_t fence;
};

#define SW_SYNC_CREATE	_IOWR('W', 0, struct sw_sync_fence)
#define SW_SYNC_ADVANCE	_IOW('W', 1, uint32_t)

static struct bo bos[MAX_BOS];
static char shrink_file[PATH_MAX], device[NAME_MAX + 1];

/* A VM that has an address space, on a GPU that stays awake. */
void memory_open(struct client *gpu)
{
	if (!have_swap())
		fail("no swap: nothing can be evicted");
	gpu_open(gpu, DATA_SIZE);
	device_name(device, sizeof(device));
	device_power(device, "on");
	must(panthor_debugfs(gpu->fd, "shrink", shrink_file, sizeof(shrink_file)), "debugfs");
}

void memory_close(struct client *gpu)
{
	gpu_close(gpu);
	device_power(device, "auto");
	/* The stock driver warns if it is unloaded while the GPU is awake (D92). */
	sleep_ms(500);
}

/* Runs @count instructions, none is a job of fences only; the ioctl takes so many ns of the CPU. */
static uint64_t run(struct client *gpu, const uint64_t *insns, unsigned int count)
{
	uint64_t start, ns;

	memcpy(gpu->stream.map, insns, count * sizeof(*insns));
	start = cpu_ns();
	must(group_submit(gpu->fd, gpu->group, 0, count ? STREAM_VA : 0, count * 8, gpu->syncobj),
	     "GROUP_SUBMIT");
	ns = cpu_ns() - start;
	must(syncobj_wait(gpu->fd, gpu->syncobj, JOB_MS), "wait for a job");
	if (syncobj_status(gpu->fd, gpu->syncobj) != 1)
		fail("a job ended with an error");

	return ns;
}

uint64_t run_nothing(struct client *gpu)
{
	const uint64_t insns[] = { cs_move32(76, 1) };

	return run(gpu, insns, 1);
}

/* The GPU writes to each word; no two are the same. */
void run_fill(struct client *gpu, uint64_t va, uint64_t size)
{
	const uint64_t insns[] = {
		cs_move48(8, DATA_VA),
		cs_move32(24, (uint32_t)SIM_JOB_MAGIC),
		cs_move32(25, SIM_JOB_MAGIC >> 32),
		cs_op(4, 0, 0, 0, 0),
		cs_wait(CS_ALL_SCOREBOARDS),
	};
	struct sim_job *job = gpu->data.map;
	uint64_t *done = gpu->data.map + 256;

	*job = (struct sim_job){
		.magic = SIM_JOB_MAGIC, .op = SIM_JOB_FILL, .seed = va, .size = size,
		.src = va, .dst = va, .result = DATA_VA + 256,
	};
	done[0] = 0;
	run(gpu, insns, 5);
	if (done[0] != size)
		fail("the job has done %llu bytes", (unsigned long long)done[0]);
}

/* One scan, as reclaim makes it; so many pages were freed. */
static uint64_t scan(uint64_t pages)
{
	char text[32];

	snprintf(text, sizeof(text), "%llu", (unsigned long long)pages);
	must(file_write(shrink_file, text), "shrink");
	must(file_read(shrink_file, text, sizeof(text)), "shrink");
	return strtoull(text, NULL, 0);
}

void evict_all(void)
{
	unsigned int tries = 3;

	while (tries--)
		scan(EVERYTHING);
}

/* BOs with memory, each mapped in blocks of its own; private to the VM or not. */
static void make_bos_from(struct client *gpu, unsigned int first, unsigned int end,
			  uint64_t size, bool private)
{
	for (unsigned int i = first; i < end; i++) {
		must(bo_alloc(gpu->fd, private ? gpu->vm : 0, size, 0, &bos[i]), "BO_CREATE");
		bos[i].va = AREA + i * (size + PAGE);
		if (size >= 2 * MIB)
			bos[i].va = AREA + i * size;
		must(vm_map(gpu->fd, gpu->vm, &bos[i], DRM_PANTHOR_VM_BIND_OP_MAP_NOEXEC),
		     "VM_BIND");
	}
}

static void make_bos(struct client *gpu, unsigned int count, uint64_t size, bool private)
{
	make_bos_from(gpu, 0, count, size, private);
}

static void drop_bos(struct client *gpu, unsigned int count)
{
	for (unsigned int i = 0; i < count; i++) {
		must(vm_unmap(gpu->fd, gpu->vm, bos[i].va, bos[i].size), "VM_BIND");
		must(bo_close(gpu->fd, &bos[i]), "GEM_CLOSE");
	}
}

/* --- page faults ----------------------------------------------------------------- */

struct touched {
	double faults;
	double us;
};

/* The CPU writes to each page of 64 MiB, at an address where blocks are possible. */
static struct touched touch(void)
{
	const uint64_t size = 64 * MIB, block = 2 * MIB;
	struct drm_panthor_bo_mmap_offset offset = { };
	struct rusage before, after;
	int fd = panthor_open(0);
	uint64_t start, addr;
	struct touched found;
	struct bo bo = { };
	char *hole, *map;

	if (fd < 0)
		fail("no render node of a driver named panthor");
	must(bo_alloc(fd, 0, size, DRM_PANTHOR_BO_WB_MMAP, &bo), "BO_CREATE");
	offset.handle = bo.handle;
	if (ioctl(fd, DRM_IOCTL_PANTHOR_BO_MMAP_OFFSET, &offset))
		fail("BO_MMAP_OFFSET: %s", strerror(errno));
	hole = mmap(NULL, size + block, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (hole == MAP_FAILED)
		fail("mmap: %s", strerror(errno));
	addr = ((uintptr_t)hole + block - 1) & ~(block - 1);
	map = mmap((void *)addr, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd,
		   offset.offset);
	if (map == MAP_FAILED)
		fail("mmap: %s", strerror(errno));

	getrusage(RUSAGE_SELF, &before);
	start = now_ns();
	for (uint64_t i = 0; i < size; i += PAGE)
		__atomic_store_n(map + i, 1, __ATOMIC_RELAXED);
	found.us = (now_ns() - start) / 1e3;
	getrusage(RUSAGE_SELF, &after);
	found.faults = after.ru_minflt - before.ru_minflt;

	munmap(hole, size + block);
	must(bo_close(fd, &bo), "GEM_CLOSE");
	close(fd);
	return found;
}

static void bench_faults(void)
{
	struct touched found = touch();

	result("faults_2m", found.faults, "faults");
	result("touch_2m_us", found.us, "us");
}

/* The driver was loaded to have no huge pages. */
static void bench_faults_small(void)
{
	struct touched found = touch();

	result("faults_4k", found.faults, "faults");
	result("touch_4k_us", found.us, "us");
}

/* --- eviction and restore -------------------------------------------------------- */

struct cost {
	double us;
	double commands;
	double flushes;
};

static struct cost since(uint64_t ns, struct sim_stats before)
{
	struct sim_stats after = stats();

	return (struct cost){
		.us = ns / 1e3,
		.commands = after.as_commands - before.as_commands,
		.flushes = after.flushes - before.flushes,
	};
}

/* A BO of @count pages, each mapped for itself, goes and comes back. */
static void evict_and_restore(unsigned int count, struct cost *evict, struct cost *restore)
{
	struct sim_stats before;
	struct client gpu;
	uint64_t ns;

	memory_open(&gpu);
	must(bo_alloc(gpu.fd, gpu.vm, count * PAGE, 0, &bos[0]), "BO_CREATE");
	for (unsigned int i = 0; i < count; i++) {
		struct drm_panthor_vm_bind_op op = {
			.flags = DRM_PANTHOR_VM_BIND_OP_TYPE_MAP |
				 DRM_PANTHOR_VM_BIND_OP_MAP_NOEXEC,
			.bo_handle = bos[0].handle,
			.bo_offset = i * PAGE, .va = AREA + 2 * i * PAGE, .size = PAGE,
		};

		must(vm_bind(gpu.fd, gpu.vm, &op, 1, false), "VM_BIND");
	}
	/* With an address space there are caches to be flushed. */
	run_nothing(&gpu);

	/* Workers free what the run before had. */
	settle();
	before = stats();
	ns = now_ns();
	if (scan(EVERYTHING) < count)
		fail("%u pages were not evicted", count);
	*evict = since(now_ns() - ns, before);

	settle();
	before = stats();
	ns = now_ns();
	must(group_submit(gpu.fd, gpu.group, 0, 0, 0, gpu.syncobj), "GROUP_SUBMIT");
	*restore = since(now_ns() - ns, before);
	must(syncobj_wait(gpu.fd, gpu.syncobj, JOB_MS), "wait for a job");

	must(vm_unmap(gpu.fd, gpu.vm, AREA, 2 * count * PAGE), "VM_BIND");
	must(bo_close(gpu.fd, &bos[0]), "GEM_CLOSE");
	memory_close(&gpu);
}

static void bench_restore(void)
{
	struct cost evict, restore, evict_one, restore_one;

	/* The scan takes, and the job needs, streams and the like too. */
	evict_and_restore(1, &evict_one, &restore_one);
	evict_and_restore(128, &evict, &restore);
	result("evict_128_us", evict.us, "us");
	result("restore_128_us", restore.us, "us");
	evict_and_restore(1024, &evict, &restore);
	result("evict_1024_us", evict.us, "us");
	result("evict_1024_commands", evict.commands - evict_one.commands, "commands");
	result("evict_1024_flushes", evict.flushes - evict_one.flushes, "flushes");
	result("restore_1024_us", restore.us, "us");
	result("restore_1024_commands", restore.commands - restore_one.commands, "commands");
	result("restore_1024_flushes", restore.flushes - restore_one.flushes, "flushes");
}

/* --- reclaim of a VM that is busy ------------------------------------------------ */

/* A fence that signals when it is told to, as a syncobj. */
static int fence_create(int fd, uint32_t syncobj)
{
	struct sw_sync_fence fence = { .value = 1, .name = "bench" };
	struct drm_syncobj_handle import = {
		.handle = syncobj, .flags = DRM_SYNCOBJ_FD_TO_HANDLE_FLAGS_IMPORT_SYNC_FILE,
	};
	int timeline = open(SW_SYNC, O_RDWR | O_CLOEXEC);

	if (timeline < 0)
		fail(SW_SYNC ": %s", strerror(errno));
	if (ioctl(timeline, SW_SYNC_CREATE, &fence))
		fail("sw_sync: %s", strerror(errno));
	import.fd = fence.fence;
	if (ioctl(fd, DRM_IOCTL_SYNCOBJ_FD_TO_HANDLE, &import))
		fail("SYNCOBJ_FD_TO_HANDLE: %s", strerror(errno));
	close(fence.fence);
	return timeline;
}

static void fence_signal(int timeline)
{
	uint32_t steps = 1;

	if (ioctl(timeline, SW_SYNC_ADVANCE, &steps))
		fail("sw_sync: %s", strerror(errno));
	close(timeline);
}

static void submit_behind(struct client *gpu, uint32_t wait)
{
	struct drm_panthor_sync_op syncs[] = {
		{ .flags = DRM_PANTHOR_SYNC_OP_WAIT, .handle = wait },
		{ .flags = DRM_PANTHOR_SYNC_OP_SIGNAL, .handle = gpu->syncobj },
	};
	struct drm_panthor_queue_submit submit = {
		.stream_addr = STREAM_VA, .stream_size = 8,
		.syncs = DRM_PANTHOR_OBJ_ARRAY(2, syncs),
	};
	struct drm_panthor_group_submit arg = {
		.group_handle = gpu->group, .queue_submits = DRM_PANTHOR_OBJ_ARRAY(1, &submit),
	};

	if (ioctl(gpu->fd, DRM_IOCTL_PANTHOR_GROUP_SUBMIT, &arg))
		fail("GROUP_SUBMIT: %s", strerror(errno));
}

/* 1,000 BOs of a VM whose job does not end: median and maximum of some scans, in ms. */
static void busy(bool private, double *median, double *most)
{
	enum { BOS = 1000, SCANS = 20 };
	uint64_t ns[SCANS], start;
	unsigned int scans = 0;
	uint32_t wait;
	struct client gpu;
	int timeline;

	memory_open(&gpu);
	make_bos(&gpu, BOS, SMALL, private);
	/* Whatever else there is goes now, and does not come back. */
	sleep_ms(500);
	evict_all();
	run_nothing(&gpu);
	must(syncobj_create(gpu.fd, &wait), "SYNCOBJ_CREATE");
	timeline = fence_create(gpu.fd, wait);
	submit_behind(&gpu, wait);

	start = now_ns();
	while (scans < SCANS && now_ns() - start < 60 * NS) {
		uint64_t begin = now_ns(), freed = scan(BATCH);

		ns[scans++] = now_ns() - begin;
		if (freed)
			fail("scan %u took %llu pages that are in use", scans,
			     (unsigned long long)freed);
	}
	*median = percentile_us(ns, scans, 50) / 1e3;
	*most = percentile_us(ns, scans, 100) / 1e3;

	fence_signal(timeline);
	must(syncobj_wait(gpu.fd, gpu.syncobj, JOB_MS), "wait for a job");
	must(syncobj_destroy(gpu.fd, wait), "SYNCOBJ_DESTROY");
	drop_bos(&gpu, BOS);
	memory_close(&gpu);
}

static void bench_busy(void)
{
	double median, most;

	busy(true, &median, &most);
	result("busy_private_median", median, "ms");
	result("busy_private_max", most, "ms");
	busy(false, &median, &most);
	result("busy_shared_median", median, "ms");
	result("busy_shared_max", most, "ms");
}

/* --- scans that find something --------------------------------------------------- */

/* BOs of an idle VM, twice as large as what is asked for, until all are gone. */
static void bench_scan(void)
{
	enum { BOS = 200, PAGES = 2 * BATCH };
	uint64_t ns = 0, freed = 0, most = 0;
	unsigned int scans = 0;
	struct client gpu;

	memory_open(&gpu);
	evict_all();
	make_bos(&gpu, BOS, PAGES * PAGE, true);
	run_nothing(&gpu);
	while (freed < (uint64_t)BOS * PAGES) {
		uint64_t begin, one;

		sleep_ms(20);
		begin = now_ns();
		one = scan(BATCH);
		ns += now_ns() - begin;
		if (!one)
			fail("%llu of %u pages were freed", (unsigned long long)freed,
			     BOS * PAGES);
		freed += one;
		most = one > most ? one : most;
		scans++;
	}
	result("scan_page_ns", (double)ns / freed, "ns");
	result("scan_pages", (double)freed / scans, "pages");
	result("scan_pages_max", most, "pages");
	drop_bos(&gpu, BOS);
	memory_close(&gpu);
}

/* --- kernel memory --------------------------------------------------------------- */

/* What the kernel uses for itself, of the kinds that BOs and page tables are made of. */
static double kernel_bytes(void)
{
	static const char * const kinds[] = {
		"Slab:", "PageTables:", "SecPageTables:", "VmallocUsed:", "Percpu:",
	};
	unsigned long long value, sum = 0;
	char name[64], line[128];
	FILE *file;

	/* What each CPU has counted is added up once a second. */
	sleep_ms(2500);
	file = fopen("/proc/meminfo", "re");
	while (file && fgets(line, sizeof(line), file)) {
		if (sscanf(line, "%63s %llu", name, &value) != 2)
			continue;
		for (unsigned int i = 0; i < ARRAY_SIZE(kinds); i++)
			sum += strcmp(name, kinds[i]) ? 0 : value;
	}
	if (!file || !sum)
		fail("/proc/meminfo");
	fclose(file);
	return sum * 1024.0;
}

/*
 * The allocator keeps some of what was freed. What is measured comes behind so many BOs
 * that nothing of that is left, else it would depend on what ran before.
 */
enum { FILL_BOS = 1000 };

static double mapped_bytes_behind(unsigned int fill)
{
	const unsigned int first = fill + 128, end = first + 192;
	struct client gpu;
	double before;

	memory_open(&gpu);
	make_bos(&gpu, fill, PAGE, true);
	make_bos_from(&gpu, fill, first, 2 * MIB, true);
	before = kernel_bytes();
	make_bos_from(&gpu, first, end, 2 * MIB, true);
	before = (kernel_bytes() - before) / (end - first);
	drop_bos(&gpu, end);
	memory_close(&gpu);
	return before;
}

/*
 * It takes memory in pieces of many objects, a different number for each kind: the mean
 * of rounds that do not begin at the same place in them.
 */
static double mapped_bytes(void)
{
	enum { ROUNDS = 4, STEP = 13 };
	double sum = 0;

	for (unsigned int i = 0; i < ROUNDS; i++)
		sum += mapped_bytes_behind(FILL_BOS + i * STEP);

	return sum / ROUNDS;
}

static void bench_footprint(void)
{
	struct client gpu;
	double before = 0;

	memory_open(&gpu);
	for (unsigned int i = 0; i < MAX_BOS; i++) {
		if (i == FILL_BOS)
			before = kernel_bytes();
		must(bo_alloc(gpu.fd, 0, PAGE, 0, &bos[i]), "BO_CREATE");
	}
	result("footprint_idle", (kernel_bytes() - before) / (MAX_BOS - FILL_BOS), "bytes");
	for (unsigned int i = 0; i < MAX_BOS; i++)
		must(bo_close(gpu.fd, &bos[i]), "GEM_CLOSE");
	memory_close(&gpu);
	result("footprint_2m", mapped_bytes(), "bytes");
}

static void bench_footprint_small(void)
{
	result("footprint_2m_4k", mapped_bytes(), "bytes");
}

/* --- submission ------------------------------------------------------------------ */

/* Median of the ioctl with that many BOs that are there, in us. */
static double submit(unsigned int count, bool private)
{
	enum { JOBS = 50 };
	uint64_t ns[JOBS];
	struct client gpu;

	memory_open(&gpu);
	make_bos(&gpu, count, SMALL, private);
	for (unsigned int i = 0; i < JOBS; i++)
		run_nothing(&gpu);
	for (unsigned int i = 0; i < JOBS; i++) {
		/* CPUs take turns: what the last job has left to others is over then. */
		sleep_ms(20);
		ns[i] = run_nothing(&gpu);
	}
	drop_bos(&gpu, count);
	memory_close(&gpu);
	return percentile_us(ns, JOBS, 50);
}

static void bench_submit(void)
{
	result("submit_private", submit(1000, true), "us");
	result("submit_shared", submit(1000, false), "us");
}

const struct bench_case bench_memory_cases[] = {
	{ "faults", bench_faults },
	{ "restore", bench_restore },
	{ "busy", bench_busy },
	{ "scan", bench_scan },
	{ "footprint", bench_footprint },
	{ "submit", bench_submit },
	{ "swap", bench_swap },
	{ "faults_small", bench_faults_small },
	{ "footprint_small", bench_footprint_small },
	{ }
};
