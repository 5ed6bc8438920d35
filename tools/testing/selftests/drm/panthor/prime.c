// SPDX-License-Identifier: GPL-2.0-only
/*
 * BOs as dma-bufs: handed to files of the same GPU, to another GPU, and taken from
 * other drivers. Who is attached to a BO keeps it in memory.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <linux/dma-buf.h>
#include <linux/udmabuf.h>

#include "../../kselftest_harness.h"

#include "gems.h"
#include "pattern.h"

#define LABEL		"exported"
#define PAGES		16
#define SIZE		(PAGES * PAGE_BYTES)
#define BO_VA		0x10000000ULL
#define NOEXEC		DRM_PANTHOR_VM_BIND_OP_MAP_NOEXEC
#define NO_HANDLE	0xfff0

static int command(int fd, unsigned long request, void *arg)
{
	return ioctl(fd, request, arg) ? -errno : 0;
}

/* The dma-buf's file. */
static int export(int fd, uint32_t handle, uint32_t flags)
{
	struct drm_prime_handle arg = { .handle = handle, .flags = flags, .fd = -1 };
	int ret = command(fd, DRM_IOCTL_PRIME_HANDLE_TO_FD, &arg);

	return ret ?: arg.fd;
}

static int import(int fd, int dmabuf, struct bo *bo)
{
	struct drm_prime_handle arg = { .fd = dmabuf };
	int ret = command(fd, DRM_IOCTL_PRIME_FD_TO_HANDLE, &arg);

	if (ret)
		return ret;
	*bo = (struct bo){ .handle = arg.handle, .size = lseek(dmabuf, 0, SEEK_END) };
	return 0;
}

static int import_flags(int fd, uint32_t handle, uint32_t *flags)
{
	struct drm_panthor_bo_query_info arg = { .handle = handle };
	int ret = command(fd, DRM_IOCTL_PANTHOR_BO_QUERY_INFO, &arg);

	*flags = arg.extra_flags;
	return ret;
}

FIXTURE(prime) {
	struct gate gate;
	struct bo bo;
	uint32_t seed;
	int fd;
	/* For an eviction. */
	const char *needs;
};

FIXTURE_SETUP(prime)
{
	uint64_t state = seed_of_run();

	self->fd = panthor_open(0);
	if (self->fd < 0)
		SKIP(return, "no render node of a driver named panthor");
	gate_open(&self->gate, self->fd);
	self->needs = evict_needs(self->fd);
	TH_LOG("PANTHOR_SEED=%llu", (unsigned long long)state);
	self->seed = dice(&state);
	ASSERT_EQ(0, bo_create(self->fd, 0, SIZE, 0, &self->bo));
	ASSERT_EQ(0, gem_label(self->fd, &self->bo, LABEL));
	cpu_write(self->bo.map, 0, PAGES, self->seed);
}

FIXTURE_TEARDOWN(prime)
{
	if (self->bo.map)
		EXPECT_EQ(0, munmap(self->bo.map, SIZE));
	if (self->fd >= 0)
		close(self->fd);
	EXPECT_STREQ("", gate_close(&self->gate, _metadata->name));
}

/* What cannot be exported, and how not. */
TEST_F(prime, export_is_checked)
{
	struct bo own = { };
	uint32_t vm;

	ASSERT_EQ(0, vm_create(self->fd, &vm));
	ASSERT_EQ(0, bo_create(self->fd, vm, SIZE, 0, &own));
	EXPECT_EQ(-EINVAL, export(self->fd, own.handle, O_CLOEXEC));
	EXPECT_EQ(-ENOENT, export(self->fd, NO_HANDLE, O_CLOEXEC));
	EXPECT_EQ(-ENOENT, export(self->fd, 0, O_CLOEXEC));
	EXPECT_EQ(-EINVAL, export(self->fd, self->bo.handle, O_APPEND));
	EXPECT_EQ(0, bo_close(self->fd, &own));
}

/* What cannot be imported: no file, and files of other kinds. */
TEST_F(prime, import_is_checked)
{
	struct bo bo;
	int ends[2];

	EXPECT_EQ(-EBADF, import(self->fd, 9999, &bo));
	EXPECT_EQ(-EINVAL, import(self->fd, self->fd, &bo));
	ASSERT_EQ(0, pipe(ends));
	EXPECT_EQ(-EINVAL, import(self->fd, ends[0], &bo));
}

/* Back in its own file it is the same handle, as often as it is imported. */
TEST_F(prime, same_file_same_handle)
{
	int dmabuf = export(self->fd, self->bo.handle, O_CLOEXEC);
	int again = export(self->fd, self->bo.handle, O_CLOEXEC);
	struct bo bo;

	ASSERT_LE(0, dmabuf);
	ASSERT_LE(0, again);
	for (unsigned int i = 0; i < 3; i++) {
		ASSERT_EQ(0, import(self->fd, i & 1 ? again : dmabuf, &bo));
		EXPECT_EQ(self->bo.handle, bo.handle);
		EXPECT_EQ(SIZE, bo.size);
	}
	close(dmabuf);
	close(again);
}

/* In another file of the same GPU it is the same BO: not imported, and evictable. */
TEST_F(prime, other_file_same_bo)
{
	int dmabuf = export(self->fd, self->bo.handle, O_CLOEXEC), other = panthor_open(0);
	struct gem_sum before = { }, after = { };
	uint32_t flags;
	struct bo bo;

	ASSERT_LE(0, dmabuf);
	ASSERT_LE(0, other);
	if (self->gate.gems[0])
		ASSERT_EQ(0, gem_sum(self->fd, getpid(), &before));
	ASSERT_EQ(0, import(other, dmabuf, &bo));
	ASSERT_EQ(0, import_flags(other, bo.handle, &flags));
	EXPECT_EQ(0, flags);
	ASSERT_EQ(0, bo_map(other, &bo));
	EXPECT_EQ(0, cpu_check(bo.map, 0, PAGES, self->seed));
	if (self->gate.gems[0])
		ASSERT_EQ(0, gem_sum(self->fd, getpid(), &after));
	EXPECT_EQ(before.count, after.count);
	if (!self->needs) {
		ASSERT_EQ(0, evict(self->fd, LABEL, BY_SHRINK));
		EXPECT_EQ(0, cpu_check(bo.map, 0, PAGES, self->seed));
	}
	EXPECT_EQ(0, bo_close(other, &bo));
	close(other);
	close(dmabuf);
}

/* A dma-buf keeps a BO when its handles and files are gone, no longer. */
TEST_F(prime, dmabuf_keeps_bo)
{
	int other = panthor_open(0), dmabuf;
	struct bo bo = { };
	struct gem gem;

	ASSERT_LE(0, other);
	ASSERT_EQ(0, bo_create(other, 0, SIZE, 0, &bo));
	ASSERT_EQ(0, gem_label(other, &bo, "kept"));
	cpu_write(bo.map, 0, PAGES, ~self->seed);
	dmabuf = export(other, bo.handle, O_CLOEXEC);
	ASSERT_LE(0, dmabuf);
	ASSERT_EQ(0, bo_close(other, &bo));
	close(other);
	ASSERT_EQ(0, import(self->fd, dmabuf, &bo));
	close(dmabuf);
	ASSERT_EQ(0, bo_map(self->fd, &bo));
	EXPECT_EQ(0, cpu_check(bo.map, 0, PAGES, ~self->seed));
	ASSERT_EQ(0, bo_close(self->fd, &bo));
	if (self->gate.gems[0])
		EXPECT_EQ(-ENOENT, gem_find(self->fd, "kept", &gem));
}

/* debugfs shows who has been exported. */
TEST_F(prime, shown_as_exported)
{
	struct gem gem;
	int dmabuf;

	if (!self->gate.gems[0])
		SKIP(return, "no gems file: mount debugfs at /sys/kernel/debug, be root");
	ASSERT_EQ(0, gem_find(self->fd, LABEL, &gem));
	EXPECT_EQ(0, gem.state);
	dmabuf = export(self->fd, self->bo.handle, O_CLOEXEC);
	ASSERT_LE(0, dmabuf);
	ASSERT_EQ(0, gem_find(self->fd, LABEL, &gem));
	EXPECT_EQ(GEM_EXPORTED, gem.state);
	close(dmabuf);
}

/* A dma-buf shows the BO's pages, from the first or from a later one. */
TEST_F(prime, dmabuf_mmap)
{
	int dmabuf = export(self->fd, self->bo.handle, O_CLOEXEC | O_RDWR);
	void *map;

	ASSERT_LE(0, dmabuf);
	map = mmap(NULL, SIZE, PROT_READ, MAP_SHARED, dmabuf, 0);
	ASSERT_NE(MAP_FAILED, map);
	EXPECT_EQ(0, cpu_check(map, 0, PAGES, self->seed));
	EXPECT_EQ(0, munmap(map, SIZE));
	EXPECT_EQ(MAP_FAILED, mmap(NULL, SIZE + 4096, PROT_READ, MAP_SHARED, dmabuf, 0));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(MAP_FAILED, mmap(NULL, SIZE, PROT_READ, MAP_SHARED, dmabuf, 4096));
	EXPECT_EQ(EINVAL, errno);
	close(dmabuf);
}

/* A mapping of a dma-buf with an offset begins there. */
TEST_F(prime, dmabuf_mmap_offset)
{
	int dmabuf = export(self->fd, self->bo.handle, O_CLOEXEC | O_RDWR);
	void *map;

	ASSERT_LE(0, dmabuf);
	map = mmap(NULL, 4 * PAGE_BYTES, PROT_READ, MAP_SHARED, dmabuf, 5 * PAGE_BYTES);
	ASSERT_NE(MAP_FAILED, map);
	EXPECT_EQ(0, cpu_check(map, 5, 4, self->seed));
	EXPECT_EQ(0, munmap(map, 4 * PAGE_BYTES));
	close(dmabuf);
}

/* A dma-buf's mapping loses its pages to an eviction, and gets them back. */
TEST_F(prime, dmabuf_mmap_of_evicted)
{
	int dmabuf = export(self->fd, self->bo.handle, O_CLOEXEC | O_RDWR);
	void *map;

	if (self->needs)
		SKIP(return, "%s", self->needs);
	ASSERT_LE(0, dmabuf);
	map = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, dmabuf, 0);
	ASSERT_NE(MAP_FAILED, map);
	cpu_write(map, 0, PAGES, ~self->seed);
	ASSERT_EQ(0, evict(self->fd, LABEL, BY_SHRINK));
	EXPECT_EQ(0, cpu_check(map, 0, PAGES, ~self->seed));
	ASSERT_EQ(0, evict(self->fd, LABEL, BY_SHRINK));
	EXPECT_EQ(0, cpu_check(self->bo.map, 0, PAGES, ~self->seed));
	EXPECT_EQ(0, munmap(map, SIZE));
	close(dmabuf);
}

/* The brackets of CPU accesses are accepted, in memory or not; other flags are not. */
TEST_F(prime, dmabuf_sync)
{
	struct dma_buf_sync sync = { .flags = DMA_BUF_SYNC_START | DMA_BUF_SYNC_RW };
	int dmabuf = export(self->fd, self->bo.handle, O_CLOEXEC | O_RDWR);

	ASSERT_LE(0, dmabuf);
	EXPECT_EQ(0, command(dmabuf, DMA_BUF_IOCTL_SYNC, &sync));
	sync.flags |= DMA_BUF_SYNC_END;
	EXPECT_EQ(0, command(dmabuf, DMA_BUF_IOCTL_SYNC, &sync));
	sync.flags = 0x80;
	EXPECT_EQ(-EINVAL, command(dmabuf, DMA_BUF_IOCTL_SYNC, &sync));
	if (!self->needs) {
		ASSERT_EQ(0, evict(self->fd, LABEL, BY_SHRINK));
		sync.flags = DMA_BUF_SYNC_START | DMA_BUF_SYNC_RW;
		EXPECT_EQ(0, command(dmabuf, DMA_BUF_IOCTL_SYNC, &sync));
		sync.flags |= DMA_BUF_SYNC_END;
		EXPECT_EQ(0, command(dmabuf, DMA_BUF_IOCTL_SYNC, &sync));
		EXPECT_EQ(0, resident(self->fd, LABEL));
	}
	close(dmabuf);
}

/* A BO of one GPU, imported by another, which is attached to it then. */
FIXTURE(two_gpus) {
	struct gate gate;
	struct gate importers;
	struct client importer;
	struct bo bo;
	struct bo imported;
	struct part part;
	uint32_t seed;
	int fd;
	int dmabuf;
};

FIXTURE_VARIANT(two_gpus) {
	unsigned int exporter;
};

FIXTURE_VARIANT_ADD(two_gpus, from_first) {
	.exporter = 0,
};

FIXTURE_VARIANT_ADD(two_gpus, from_second) {
	.exporter = 1,
};

FIXTURE_SETUP(two_gpus)
{
	const struct client_options options = { .gpu = !variant->exporter };
	uint64_t state = seed_of_run();
	const char *needs;

	self->importer.fd = -1;
	self->fd = panthor_open(variant->exporter);
	if (self->fd < 0 || client_open(&self->importer, &options))
		SKIP(return, "takes two GPUs of a driver named panthor");
	needs = evict_needs(self->fd);
	if (needs)
		SKIP(return, "%s", needs);
	gate_open(&self->gate, self->fd);
	gate_open(&self->importers, self->importer.fd);
	TH_LOG("PANTHOR_SEED=%llu", (unsigned long long)state);
	self->seed = dice(&state);
	self->part = (struct part){ .va = BO_VA, .pages = PAGES };
	ASSERT_EQ(0, bo_create(self->fd, 0, SIZE, 0, &self->bo));
	ASSERT_EQ(0, gem_label(self->fd, &self->bo, LABEL));
	cpu_write(self->bo.map, 0, PAGES, self->seed);
	self->dmabuf = export(self->fd, self->bo.handle, O_CLOEXEC | O_RDWR);
	ASSERT_LE(0, self->dmabuf);
	ASSERT_EQ(0, import(self->importer.fd, self->dmabuf, &self->imported));
	self->imported.va = BO_VA;
}

FIXTURE_TEARDOWN(two_gpus)
{
	if (self->bo.map)
		EXPECT_EQ(0, munmap(self->bo.map, SIZE));
	if (self->imported.map)
		EXPECT_EQ(0, munmap(self->imported.map, SIZE));
	if (self->dmabuf > 0)
		close(self->dmabuf);
	EXPECT_EQ(0, client_close(&self->importer));
	if (self->fd >= 0)
		close(self->fd);
	EXPECT_STREQ("", gate_close(&self->importers, _metadata->name));
	EXPECT_STREQ("", gate_close(&self->gate, _metadata->name));
}

/* Both GPUs' clients see the same memory. */
TEST_F(two_gpus, contents)
{
	struct client *gpu = &self->importer;

	ASSERT_EQ(0, vm_map(gpu->fd, gpu->vm, &self->imported, NOEXEC));
	ASSERT_EQ(0, bo_sync(self->fd, &self->bo, DRM_PANTHOR_BO_SYNC_CPU_CACHE_FLUSH));
	EXPECT_EQ(0, gpu_check(gpu, &self->part, self->seed));
	ASSERT_EQ(0, gpu_write(gpu, &self->part, ~self->seed));
	ASSERT_EQ(0, bo_sync(self->fd, &self->bo,
			     DRM_PANTHOR_BO_SYNC_CPU_CACHE_FLUSH_AND_INVALIDATE));
	EXPECT_EQ(0, cpu_check(self->bo.map, 0, PAGES, ~self->seed));
}

/* Nothing evicts a BO that another device is attached to, until it is not any more. */
TEST_F(two_gpus, attached_stays)
{
	struct client *gpu = &self->importer;
	struct gem gem;

	EXPECT_EQ(-EBUSY, evict(self->fd, LABEL, BY_SHRINK));
	ASSERT_LE(0, shrink(gpu->fd, 1 << 20));
	EXPECT_EQ(SIZE, resident(self->fd, LABEL));
	ASSERT_EQ(0, gem_find(self->fd, LABEL, &gem));
	EXPECT_EQ(0, gem.evictions);
	ASSERT_EQ(0, bo_close(gpu->fd, &self->imported));
	ASSERT_EQ(0, evict(self->fd, LABEL, BY_SHRINK));
	EXPECT_EQ(0, cpu_check(self->bo.map, 0, PAGES, self->seed));
}

/* Attaching brings back a BO that was evicted, with its contents. */
TEST_F(two_gpus, attach_restores)
{
	struct client *gpu = &self->importer;

	ASSERT_EQ(0, bo_close(gpu->fd, &self->imported));
	ASSERT_EQ(0, evict(self->fd, LABEL, BY_SHRINK));
	ASSERT_EQ(0, import(gpu->fd, self->dmabuf, &self->imported));
	EXPECT_EQ(SIZE, resident(self->fd, LABEL));
	self->imported.va = BO_VA;
	ASSERT_EQ(0, vm_map(gpu->fd, gpu->vm, &self->imported, NOEXEC));
	EXPECT_EQ(0, gpu_check(gpu, &self->part, self->seed));
}

/* What an imported BO says of itself, and that cache maintenance is not for it. */
TEST_F(two_gpus, imported_says_so)
{
	struct client *gpu = &self->importer;
	uint32_t flags;

	ASSERT_EQ(0, import_flags(gpu->fd, self->imported.handle, &flags));
	EXPECT_EQ(DRM_PANTHOR_BO_IS_IMPORTED, flags);
	EXPECT_EQ(-EINVAL, bo_sync(gpu->fd, &self->imported, DRM_PANTHOR_BO_SYNC_CPU_CACHE_FLUSH));
	EXPECT_EQ(SIZE, self->imported.size);
}

/* The importer's mapping is of the exporter's pages. */
TEST_F(two_gpus, imported_mmap)
{
	struct client *gpu = &self->importer;

	ASSERT_EQ(0, bo_map(gpu->fd, &self->imported));
	EXPECT_EQ(0, cpu_check(self->imported.map, 0, PAGES, self->seed));
	cpu_write(self->imported.map, 0, PAGES, ~self->seed);
	EXPECT_EQ(0, cpu_check(self->bo.map, 0, PAGES, ~self->seed));
}

/* The importer's mapping may be all that is left, of both files too. */
TEST_F(two_gpus, imported_mmap_is_last)
{
	struct client *gpu = &self->importer;

	ASSERT_EQ(0, bo_map(gpu->fd, &self->imported));
	ASSERT_EQ(0, munmap(self->bo.map, SIZE));
	self->bo.map = NULL;
	close(self->dmabuf);
	self->dmabuf = 0;
	close(self->fd);
	self->fd = -1;
	EXPECT_EQ(0, client_close(gpu));
	EXPECT_EQ(0, cpu_check(self->imported.map, 0, PAGES, self->seed));
}

/*
 * A page of an imported mapping that may consist of blocks goes, and the rest stays.
 * Drivers were seen to crash.
 */
TEST_F(two_gpus, partial_unmap_fatal)
{
	const unsigned int pages = 1024, hole = 256;
	struct part head = { .va = 2 * BO_VA, .pages = hole };
	struct part tail = {
		.va = 2 * BO_VA + (hole + 1) * PAGE_BYTES, .page = hole + 1,
		.pages = pages - hole - 1,
	};
	struct client *gpu = &self->importer;
	struct bo large = { }, imported;
	int dmabuf;

	if (!getenv("PANTHOR_BY_NAME"))
		SKIP(return, "may crash the kernel: set PANTHOR_BY_NAME=1");
	ASSERT_EQ(0, bo_create(self->fd, 0, pages * PAGE_BYTES, 0, &large));
	cpu_write(large.map, 0, pages, self->seed);
	ASSERT_EQ(0, munmap(large.map, large.size));
	dmabuf = export(self->fd, large.handle, O_CLOEXEC);
	ASSERT_LE(0, dmabuf);
	ASSERT_EQ(0, import(gpu->fd, dmabuf, &imported));
	close(dmabuf);
	imported.va = head.va;
	ASSERT_EQ(0, vm_map(gpu->fd, gpu->vm, &imported, NOEXEC));
	ASSERT_EQ(0, vm_unmap(gpu->fd, gpu->vm, head.va + hole * PAGE_BYTES, PAGE_BYTES));
	EXPECT_EQ(0, gpu_check(gpu, &head, self->seed));
	EXPECT_EQ(0, gpu_check(gpu, &tail, self->seed));
	EXPECT_EQ(0, vm_state(gpu->fd, gpu->vm));
}

FIXTURE(udmabuf) {
	struct gate gate;
	struct client client;
	struct bo bo;
	struct part part;
	char *map;
	uint32_t seed;
};

FIXTURE_VARIANT(udmabuf) {
	unsigned int gpu;
	unsigned int pages;
};

FIXTURE_VARIANT_ADD(udmabuf, first) {
	.pages = PAGES,
};

FIXTURE_VARIANT_ADD(udmabuf, second) {
	.gpu = 1, .pages = PAGES,
};

FIXTURE_VARIANT_ADD(udmabuf, large) {
	.pages = 1024,
};

/*
 * A memfd's pages as a BO. The harness's VM has no such device yet, hence the names:
 * what is required there must not skip.
 */
FIXTURE_SETUP(udmabuf)
{
	const struct client_options options = { .gpu = variant->gpu };
	struct udmabuf_create arg = { .size = variant->pages * PAGE_BYTES };
	int device = open("/dev/udmabuf", O_RDWR | O_CLOEXEC), memfd, dmabuf, ret;
	uint64_t state = seed_of_run();

	self->client.fd = -1;
	if (device < 0)
		SKIP(return, "no /dev/udmabuf: set CONFIG_UDMABUF, be root");
	ret = client_open(&self->client, &options);
	if (ret == -ENODEV)
		SKIP(return, "no GPU %u of a driver named panthor", variant->gpu);
	ASSERT_EQ(0, ret);
	gate_open(&self->gate, self->client.fd);
	TH_LOG("PANTHOR_SEED=%llu", (unsigned long long)state);
	self->seed = dice(&state);
	memfd = memfd_create("panthor", MFD_ALLOW_SEALING | MFD_CLOEXEC);
	ASSERT_LE(0, memfd);
	ASSERT_EQ(0, ftruncate(memfd, arg.size));
	ASSERT_EQ(0, fcntl(memfd, F_ADD_SEALS, F_SEAL_SHRINK));
	self->map = mmap(NULL, arg.size, PROT_READ | PROT_WRITE, MAP_SHARED, memfd, 0);
	ASSERT_NE(MAP_FAILED, (void *)self->map);
	arg.memfd = memfd;
	dmabuf = ioctl(device, UDMABUF_CREATE, &arg);
	ASSERT_LE(0, dmabuf);
	ASSERT_EQ(0, import(self->client.fd, dmabuf, &self->bo));
	close(dmabuf);
	close(memfd);
	close(device);
	self->part = (struct part){ .va = BO_VA, .pages = variant->pages };
	self->bo.va = BO_VA;
	ASSERT_EQ(0, vm_map(self->client.fd, self->client.vm, &self->bo, NOEXEC));
}

FIXTURE_TEARDOWN(udmabuf)
{
	EXPECT_EQ(0, client_close(&self->client));
	EXPECT_STREQ("", gate_close(&self->gate, _metadata->name));
}

/* The GPU reads and writes another driver's pages; reclaim leaves them where they are. */
TEST_F(udmabuf, contents_alone)
{
	struct client *gpu = &self->client;

	cpu_write(self->map, 0, variant->pages, self->seed);
	EXPECT_EQ(0, gpu_check(gpu, &self->part, self->seed));
	if (!evict_needs(gpu->fd))
		ASSERT_LE(0, shrink(gpu->fd, 1 << 20));
	ASSERT_EQ(0, gpu_write(gpu, &self->part, ~self->seed));
	EXPECT_EQ(0, cpu_check(self->map, 0, variant->pages, ~self->seed));
}

/* A part of the mapping can go, and the rest stays. */
TEST_F(udmabuf, partial_unmap_alone)
{
	struct client *gpu = &self->client;
	struct part head = { .va = BO_VA, .pages = variant->pages / 4 };

	if (!getenv("PANTHOR_BY_NAME"))
		SKIP(return, "may crash the kernel: set PANTHOR_BY_NAME=1");
	cpu_write(self->map, 0, variant->pages, self->seed);
	ASSERT_EQ(0, vm_unmap(gpu->fd, gpu->vm, BO_VA + head.pages * PAGE_BYTES, PAGE_BYTES));
	EXPECT_EQ(0, gpu_check(gpu, &head, self->seed));
	EXPECT_EQ(0, vm_state(gpu->fd, gpu->vm));
}

TEST_HARNESS_MAIN
