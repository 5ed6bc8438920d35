// SPDX-License-Identifier: GPL-2.0-only
/*
 * BOs as objects: how they are made, what they tell, and what is refused. Which
 * errno a refusal has is part of the interface.
 */

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../../kselftest_harness.h"

#include "gems.h"
#include "pattern.h"

#define MIB		(1024 * 1024ULL)
#define GIB		(1024 * MIB)
/* A label with its NUL. */
#define LABEL_BYTES	4096
#define NO_HANDLE	0xfff0

static int command(int fd, unsigned long request, void *arg)
{
	return ioctl(fd, request, arg) ? -errno : 0;
}

static int create(int fd, uint64_t size, uint32_t flags, uint32_t vm, struct bo *bo)
{
	struct drm_panthor_bo_create arg = {
		.size = size, .flags = flags, .exclusive_vm_id = vm,
	};
	int ret = command(fd, DRM_IOCTL_PANTHOR_BO_CREATE, &arg);

	*bo = (struct bo){ .handle = arg.handle, .size = arg.size };
	return ret;
}

static int mmap_offset(int fd, uint32_t handle, uint32_t pad, uint64_t *offset)
{
	struct drm_panthor_bo_mmap_offset arg = { .handle = handle, .pad = pad };
	int ret = command(fd, DRM_IOCTL_PANTHOR_BO_MMAP_OFFSET, &arg);

	*offset = arg.offset;
	return ret;
}

static int sync_part(int fd, uint32_t handle, uint32_t type, uint64_t offset, uint64_t size)
{
	struct drm_panthor_bo_sync_op op = {
		.handle = handle, .type = type, .offset = offset, .size = size,
	};
	struct drm_panthor_bo_sync arg = { .ops = DRM_PANTHOR_OBJ_ARRAY(1, &op) };

	return command(fd, DRM_IOCTL_PANTHOR_BO_SYNC, &arg);
}

static int info(int fd, uint32_t handle, struct drm_panthor_bo_query_info *arg)
{
	*arg = (struct drm_panthor_bo_query_info){ .handle = handle };
	return command(fd, DRM_IOCTL_PANTHOR_BO_QUERY_INFO, arg);
}

FIXTURE(gem) {
	struct gate gate;
	int fd;
};

FIXTURE_SETUP(gem)
{
	self->fd = panthor_open(0);
	if (self->fd < 0)
		SKIP(return, "no render node of a driver named panthor");
	gate_open(&self->gate, self->fd);
}

FIXTURE_TEARDOWN(gem)
{
	if (self->fd >= 0)
		close(self->fd);
	EXPECT_STREQ("", gate_close(&self->gate, _metadata->name));
}

/* Sizes come back as multiples of a page, not smaller than asked for. */
TEST_F(gem, size_is_rounded_up)
{
	const uint64_t sizes[] = { 1, 4095, 4096, 4097, 2 * MIB - 1, 2 * MIB, 2 * MIB + 1 };

	for (unsigned int i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		struct bo bo;

		ASSERT_EQ(0, create(self->fd, sizes[i], 0, 0, &bo));
		EXPECT_EQ((sizes[i] + 4095) & ~4095ULL, bo.size);
		EXPECT_NE(0, bo.handle);
		ASSERT_EQ(0, bo_close(self->fd, &bo));
	}
}

/* What cannot be a size is refused, and leaves no BO. */
TEST_F(gem, size_that_cannot_be)
{
	struct gem_sum before = { }, after = { };
	struct bo bo;

	/* The driver has one for each file. */
	if (self->gate.gems[0])
		ASSERT_EQ(0, gem_sum(self->fd, getpid(), &before));
	EXPECT_EQ(-EINVAL, create(self->fd, 0, 0, 0, &bo));
	/* More than there are offsets for, and what rounds up to 0. */
	EXPECT_EQ(-ENOSPC, create(self->fd, 4096 * GIB, 0, 0, &bo));
	EXPECT_EQ(-ENOSPC, create(self->fd, UINT64_MAX, 0, 0, &bo));
	EXPECT_EQ(-EINVAL, create(self->fd, 1ULL << 63, 0, 0, &bo));
	if (self->gate.gems[0])
		ASSERT_EQ(0, gem_sum(self->fd, getpid(), &after));
	EXPECT_EQ(before.count, after.count);
}

/* A BO takes no memory before it is used: one may be larger than all memory. */
TEST_F(gem, creation_takes_no_memory)
{
	struct gem_sum before, after;
	struct bo bo;

	if (!self->gate.gems[0])
		SKIP(return, "no gems file: mount debugfs at /sys/kernel/debug, be root");
	ASSERT_EQ(0, gem_sum(self->fd, getpid(), &before));
	ASSERT_EQ(0, create(self->fd, 256 * GIB, 0, 0, &bo));
	ASSERT_EQ(0, gem_sum(self->fd, getpid(), &after));
	EXPECT_EQ(before.count + 1, after.count);
	EXPECT_EQ(before.size + 256 * GIB, after.size);
	EXPECT_EQ(before.resident, after.resident);
}

/* Flags that are not known, or exclude each other, are refused one by one. */
TEST_F(gem, flags)
{
	const uint32_t known = DRM_PANTHOR_BO_NO_MMAP | DRM_PANTHOR_BO_WB_MMAP;
	struct drm_panthor_bo_create arg = { .size = 4096, .pad = 1 };
	struct bo bo;

	for (unsigned int bit = 0; bit < 32; bit++) {
		if (known & 1U << bit)
			continue;
		EXPECT_EQ(-EINVAL, create(self->fd, 4096, 1U << bit, 0, &bo));
	}
	EXPECT_EQ(-EINVAL, create(self->fd, 4096, known, 0, &bo));
	EXPECT_EQ(-EINVAL, command(self->fd, DRM_IOCTL_PANTHOR_BO_CREATE, &arg));
	EXPECT_EQ(0, create(self->fd, 4096, DRM_PANTHOR_BO_NO_MMAP, 0, &bo));
	EXPECT_EQ(0, create(self->fd, 4096, DRM_PANTHOR_BO_WB_MMAP, 0, &bo));
}

/* A BO for a VM that does not exist, any more or at all, is refused. */
TEST_F(gem, exclusive_vm_must_exist)
{
	struct bo bo;
	uint32_t vm;

	EXPECT_EQ(-EINVAL, create(self->fd, 4096, 0, 77, &bo));
	ASSERT_EQ(0, vm_create(self->fd, &vm));
	EXPECT_EQ(0, create(self->fd, 4096, 0, vm, &bo));
	ASSERT_EQ(0, vm_destroy(self->fd, vm));
	EXPECT_EQ(-EINVAL, create(self->fd, 4096, 0, vm, &bo));
}

/* An exclusive BO cannot be mapped by another VM, a shared one by both. */
TEST_F(gem, exclusive_bo_has_one_vm)
{
	struct bo own = { }, shared = { };
	uint32_t first, second;

	ASSERT_EQ(0, vm_create(self->fd, &first));
	ASSERT_EQ(0, vm_create(self->fd, &second));
	ASSERT_EQ(0, create(self->fd, 65536, 0, first, &own));
	ASSERT_EQ(0, create(self->fd, 65536, 0, 0, &shared));
	own.va = DATA_VA;
	shared.va = DATA_VA + MIB;
	EXPECT_EQ(0, vm_map(self->fd, first, &own, DRM_PANTHOR_VM_BIND_OP_MAP_NOEXEC));
	EXPECT_EQ(-EINVAL, vm_map(self->fd, second, &own, DRM_PANTHOR_VM_BIND_OP_MAP_NOEXEC));
	EXPECT_EQ(0, vm_map(self->fd, first, &shared, DRM_PANTHOR_VM_BIND_OP_MAP_NOEXEC));
	EXPECT_EQ(0, vm_map(self->fd, second, &shared, DRM_PANTHOR_VM_BIND_OP_MAP_NOEXEC));
}

/* Each ioctl that takes a handle says so if there is no such BO. */
TEST_F(gem, handle_must_exist)
{
	const uint32_t handles[] = { 0, NO_HANDLE, UINT32_MAX };
	struct drm_panthor_bo_query_info query;
	uint64_t offset;

	for (unsigned int i = 0; i < 3; i++) {
		struct bo bo = { .handle = handles[i], .size = 4096 };

		EXPECT_EQ(-ENOENT, mmap_offset(self->fd, handles[i], 0, &offset));
		EXPECT_EQ(-ENOENT, info(self->fd, handles[i], &query));
		EXPECT_EQ(-ENOENT, gem_label(self->fd, &bo, "label"));
		EXPECT_EQ(-ENOENT, bo_sync(self->fd, &bo, DRM_PANTHOR_BO_SYNC_CPU_CACHE_FLUSH));
		EXPECT_EQ(-EINVAL, bo_close(self->fd, &bo));
	}
}

/* A handle is gone once it was closed, and cannot be closed again. */
TEST_F(gem, closed_handle)
{
	struct drm_panthor_bo_query_info query;
	struct bo bo;

	ASSERT_EQ(0, create(self->fd, 4096, 0, 0, &bo));
	ASSERT_EQ(0, bo_close(self->fd, &bo));
	EXPECT_EQ(-ENOENT, info(self->fd, bo.handle, &query));
	EXPECT_EQ(-EINVAL, bo_close(self->fd, &bo));
}

/* Handles and offsets are of the file that made them, and nobody else's. */
TEST_F(gem, handles_are_of_one_file)
{
	struct drm_panthor_bo_query_info query;
	int other = panthor_open(0);
	uint64_t offset;
	struct bo bo;

	ASSERT_LE(0, other);
	ASSERT_EQ(0, create(self->fd, 4096, 0, 0, &bo));
	EXPECT_EQ(-ENOENT, info(other, bo.handle, &query));
	ASSERT_EQ(0, mmap_offset(self->fd, bo.handle, 0, &offset));
	EXPECT_EQ(MAP_FAILED, mmap(NULL, 4096, PROT_READ, MAP_SHARED, other, offset));
	EXPECT_EQ(EACCES, errno);
	close(other);
}

/* The flags of the creation are what a query returns, whatever they are. */
TEST_F(gem, query_returns_flags)
{
	const uint32_t flags[] = { 0, DRM_PANTHOR_BO_NO_MMAP, DRM_PANTHOR_BO_WB_MMAP };

	for (unsigned int i = 0; i < 3; i++) {
		struct drm_panthor_bo_query_info query;
		struct bo bo;

		ASSERT_EQ(0, create(self->fd, 4096, flags[i], 0, &bo));
		ASSERT_EQ(0, info(self->fd, bo.handle, &query));
		EXPECT_EQ(flags[i], query.create_flags);
		EXPECT_EQ(0, query.extra_flags);
		EXPECT_EQ(0, query.pad);
	}
}

/* The offset of a BO is always the same, and nobody else's. */
TEST_F(gem, offset_is_of_one_bo)
{
	uint64_t first, again, second;
	struct bo bo, other;

	ASSERT_EQ(0, create(self->fd, 8192, 0, 0, &bo));
	ASSERT_EQ(0, create(self->fd, 8192, 0, 0, &other));
	ASSERT_EQ(0, mmap_offset(self->fd, bo.handle, 0, &first));
	ASSERT_EQ(0, mmap_offset(self->fd, bo.handle, 0, &again));
	ASSERT_EQ(0, mmap_offset(self->fd, other.handle, 0, &second));
	EXPECT_EQ(first, again);
	EXPECT_EQ(0, first % 4096);
	EXPECT_TRUE(second >= first + 8192 || first >= second + 8192);
	EXPECT_EQ(-EINVAL, mmap_offset(self->fd, bo.handle, 1, &again));
}

/* Whoever creates a BO without mmap gets no offset for it. */
TEST_F(gem, no_offset_without_mmap)
{
	uint64_t offset;
	struct bo bo;

	ASSERT_EQ(0, create(self->fd, 4096, DRM_PANTHOR_BO_NO_MMAP, 0, &bo));
	EXPECT_EQ(-EPERM, mmap_offset(self->fd, bo.handle, 0, &offset));
}

/* Each of these is refused, and a part of the BO is not. */
TEST_F(gem, sync_must_be_inside)
{
	const uint32_t flush = DRM_PANTHOR_BO_SYNC_CPU_CACHE_FLUSH;
	struct bo bo;

	ASSERT_EQ(0, create(self->fd, 8192, DRM_PANTHOR_BO_WB_MMAP, 0, &bo));
	EXPECT_EQ(0, sync_part(self->fd, bo.handle, flush, 0, 8192));
	EXPECT_EQ(0, sync_part(self->fd, bo.handle, flush, 100, 1));
	EXPECT_EQ(0, sync_part(self->fd, bo.handle, flush, 8192, 0));
	EXPECT_EQ(-EINVAL, sync_part(self->fd, bo.handle, flush, 0, 8193));
	EXPECT_EQ(-EINVAL, sync_part(self->fd, bo.handle, flush, 8193, 0));
	EXPECT_EQ(-EINVAL, sync_part(self->fd, bo.handle, flush, 4096, UINT64_MAX - 4095));
	EXPECT_EQ(-EINVAL, sync_part(self->fd, bo.handle, 2, 0, 8192));
	EXPECT_EQ(-EINVAL, sync_part(self->fd, bo.handle, UINT32_MAX, 0, 8192));
}

/* An array of syncs may be empty, and ends with the first that is refused. */
TEST_F(gem, sync_of_many)
{
	struct drm_panthor_bo_sync_op ops[3] = { };
	struct drm_panthor_bo_sync arg = { .ops = DRM_PANTHOR_OBJ_ARRAY(0, ops) };
	struct bo bo;

	ASSERT_EQ(0, create(self->fd, 4096, DRM_PANTHOR_BO_WB_MMAP, 0, &bo));
	for (unsigned int i = 0; i < 3; i++)
		ops[i] = (struct drm_panthor_bo_sync_op){ .handle = bo.handle, .size = 4096 };
	EXPECT_EQ(0, command(self->fd, DRM_IOCTL_PANTHOR_BO_SYNC, &arg));
	arg.ops.count = 3;
	EXPECT_EQ(0, command(self->fd, DRM_IOCTL_PANTHOR_BO_SYNC, &arg));
	ops[1].handle = NO_HANDLE;
	ops[2].type = 9;
	EXPECT_EQ(-ENOENT, command(self->fd, DRM_IOCTL_PANTHOR_BO_SYNC, &arg));
	arg.ops.stride = 4;
	EXPECT_EQ(-EINVAL, command(self->fd, DRM_IOCTL_PANTHOR_BO_SYNC, &arg));
	arg.ops = (struct drm_panthor_obj_array){ .stride = sizeof(*ops), .count = 1, .array = 8 };
	EXPECT_EQ(-EFAULT, command(self->fd, DRM_IOCTL_PANTHOR_BO_SYNC, &arg));
}

/* What a label may be, and what not. */
TEST_F(gem, label_is_checked)
{
	struct drm_panthor_bo_set_label arg = { };
	char label[LABEL_BYTES + 1];
	struct bo bo;

	ASSERT_EQ(0, create(self->fd, 4096, 0, 0, &bo));
	memset(label, 'x', sizeof(label));
	label[LABEL_BYTES] = '\0';
	EXPECT_EQ(-E2BIG, gem_label(self->fd, &bo, label));
	label[LABEL_BYTES - 1] = '\0';
	EXPECT_EQ(0, gem_label(self->fd, &bo, label));
	EXPECT_EQ(0, gem_label(self->fd, &bo, ""));
	EXPECT_EQ(0, gem_label(self->fd, &bo, NULL));
	EXPECT_EQ(-EFAULT, gem_label(self->fd, &bo, (const char *)8));
	arg.handle = bo.handle;
	arg.pad = 1;
	EXPECT_EQ(-EINVAL, command(self->fd, DRM_IOCTL_PANTHOR_BO_SET_LABEL, &arg));
}

/* debugfs shows the last label that was accepted, and none if it was removed. */
TEST_F(gem, label_is_shown)
{
	struct gem gem;
	struct bo bo;

	if (!self->gate.gems[0])
		SKIP(return, "no gems file: mount debugfs at /sys/kernel/debug, be root");
	ASSERT_EQ(0, create(self->fd, 12288, 0, 0, &bo));
	ASSERT_EQ(0, gem_label(self->fd, &bo, "first"));
	ASSERT_EQ(0, gem_find(self->fd, "first", &gem));
	EXPECT_EQ(12288, gem.size);
	EXPECT_EQ(0, gem.resident);
	EXPECT_EQ(0, gem.evictions);
	EXPECT_EQ(0, gem.state);
	ASSERT_EQ(0, gem_label(self->fd, &bo, "second one"));
	EXPECT_EQ(-ENOENT, gem_find(self->fd, "first", &gem));
	EXPECT_EQ(0, gem_find(self->fd, "second one", &gem));
	EXPECT_EQ(-EFAULT, gem_label(self->fd, &bo, (const char *)8));
	EXPECT_EQ(0, gem_find(self->fd, "second one", &gem));
	ASSERT_EQ(0, gem_label(self->fd, &bo, NULL));
	EXPECT_EQ(-ENOENT, gem_find(self->fd, "second one", &gem));
}

/*
 * A query without a buffer tells the size. A buffer gets as much as fits, but not
 * less than the first version of the structure, and zeros behind its end.
 */
TEST_F(gem, query_sizes)
{
	const unsigned int first = offsetof(struct drm_panthor_gpu_info, tiler_present) + 8;
	struct drm_panthor_dev_query arg = { .type = DRM_PANTHOR_DEV_QUERY_GPU_INFO };
	struct drm_panthor_gpu_info full;
	char bytes[sizeof(full) + 64], want[sizeof(full) + 64];

	ASSERT_EQ(0, command(self->fd, DRM_IOCTL_PANTHOR_DEV_QUERY, &arg));
	EXPECT_LE(first, arg.size);
	EXPECT_GE(sizeof(full), arg.size);
	ASSERT_EQ(0, query(self->fd, arg.type, &full, sizeof(full)));
	for (unsigned int size = 0; size <= sizeof(bytes); size += 4) {
		memset(bytes, 0xa5, sizeof(bytes));
		memset(want, 0xa5, sizeof(want));
		if (size >= first) {
			memset(want, 0, size);
			memcpy(want, &full, size < sizeof(full) ? size : sizeof(full));
		}
		EXPECT_EQ(size < first ? -EINVAL : 0, query(self->fd, arg.type, bytes, size));
		ASSERT_EQ(0, memcmp(bytes, want, sizeof(bytes)));
	}
	EXPECT_EQ(-EFAULT, query(self->fd, arg.type, (void *)8, sizeof(full)));
	arg.type = UINT32_MAX;
	EXPECT_EQ(-EINVAL, command(self->fd, DRM_IOCTL_PANTHOR_DEV_QUERY, &arg));
}

/* The gate behind each test is shut as long as a BO is left, and open then. */
TEST_F(gem, gate_notices)
{
	struct gate gate;
	struct bo bo;
	int other;

	if (!self->gate.gems[0])
		SKIP(return, "no gems file: mount debugfs at /sys/kernel/debug, be root");
	other = panthor_open(0);
	ASSERT_LE(0, other);
	ASSERT_EQ(0, create(other, 4096, 0, 0, &bo));
	gate_open(&gate, self->fd);
	close(self->fd);
	self->fd = -1;
	gate.patience_ms = 1;
	EXPECT_STRNE("", gate_close(&gate, "gate_notices"));
	close(other);
	gate.patience_ms = self->gate.patience_ms;
	EXPECT_STREQ("", gate_close(&gate, "gate_notices"));
}

/* No wrong word of a pattern goes unnoticed, nor does a page in another's place. */
TEST_F(gem, pattern_notices)
{
	const unsigned int pages = 4, words = PAGE_BYTES / 4;
	uint32_t *map = calloc(pages, PAGE_BYTES);
	unsigned int noticed = 0;

	ASSERT_NE(NULL, map);
	cpu_write(map, 3, pages, 99);
	EXPECT_EQ(0, cpu_check(map, 3, pages, 99));
	EXPECT_EQ(-EILSEQ, cpu_check(map, 3, pages, 98));
	EXPECT_EQ(-EILSEQ, cpu_check(map, 2, pages, 99));
	for (unsigned int i = 0; i < pages * words; i++) {
		if (!map[i])
			continue;
		map[i] ^= 1U << 31;
		noticed += cpu_check(map, 3, pages, 99) == -EILSEQ;
		map[i] ^= 1U << 31;
	}
	EXPECT_EQ(4 * pages, noticed);
	free(map);
}

FIXTURE(map) {
	struct gate gate;
	struct client client;
};

FIXTURE_VARIANT(map) {
	struct client_options options;
};

FIXTURE_VARIANT_ADD(map, coherent) {
	.options = { },
};

FIXTURE_VARIANT_ADD(map, second_wc) {
	.options = { .gpu = 1 },
};

FIXTURE_VARIANT_ADD(map, second_wb) {
	.options = { .gpu = 1, .bo_flags = DRM_PANTHOR_BO_WB_MMAP },
};

FIXTURE_SETUP(map)
{
	int ret = client_open(&self->client, &variant->options);

	if (ret == -ENODEV)
		SKIP(return, "no GPU %u of a driver named panthor", variant->options.gpu);
	ASSERT_EQ(0, ret);
	gate_open(&self->gate, self->client.fd);
}

FIXTURE_TEARDOWN(map)
{
	EXPECT_EQ(0, client_close(&self->client));
	EXPECT_STREQ("", gate_close(&self->gate, _metadata->name));
}

/* What the CPU maps is what the GPU sees, in both directions and on each page. */
TEST_F(map, cpu_and_gpu_agree)
{
	const uint32_t flags = variant->options.bo_flags;
	struct client *gpu = &self->client;
	struct part part = { .va = 0x4000000, .pages = 32 };
	uint64_t state = seed_of_run();
	uint32_t seed = dice(&state);
	struct bo bo = { };

	TH_LOG("seed %u", seed);
	ASSERT_EQ(0, bo_create(gpu->fd, gpu->vm, part.pages * PAGE_BYTES, flags, &bo));
	bo.va = part.va;
	ASSERT_EQ(0, vm_map(gpu->fd, gpu->vm, &bo, DRM_PANTHOR_VM_BIND_OP_MAP_NOEXEC));
	cpu_write(bo.map, 0, part.pages, seed);
	ASSERT_EQ(0, bo_sync(gpu->fd, &bo, DRM_PANTHOR_BO_SYNC_CPU_CACHE_FLUSH));
	EXPECT_EQ(0, gpu_check(gpu, &part, seed));
	seed = dice(&state);
	ASSERT_EQ(0, gpu_write(gpu, &part, seed));
	ASSERT_EQ(0, bo_sync(gpu->fd, &bo, DRM_PANTHOR_BO_SYNC_CPU_CACHE_FLUSH_AND_INVALIDATE));
	EXPECT_EQ(0, cpu_check(bo.map, 0, part.pages, seed));
	EXPECT_EQ(0, bo_close(gpu->fd, &bo));
}

/* A new BO has zeros, also where another one had been. */
TEST_F(map, new_bo_has_zeros)
{
	const uint32_t flags = variant->options.bo_flags;
	struct client *gpu = &self->client;
	struct bo bo = { };

	for (unsigned int round = 0; round < 4; round++) {
		const uint32_t *words;

		ASSERT_EQ(0, bo_create(gpu->fd, gpu->vm, 64 * PAGE_BYTES, flags, &bo));
		words = bo.map;
		for (unsigned int i = 0; i < 64 * PAGE_BYTES / 4; i++) {
			if (words[i])
				ASSERT_EQ(UINT32_MAX, i);
		}
		memset(bo.map, 0xa5, bo.size);
		ASSERT_EQ(0, bo_close(gpu->fd, &bo));
	}
}

/* The GPU too finds zeros in a BO that the CPU has never touched. */
TEST_F(map, gpu_finds_zeros)
{
	const uint32_t flags = variant->options.bo_flags;
	struct part part = { .va = 0x4000000, .pages = 16 };
	struct client *gpu = &self->client;
	struct bo bo = { .va = part.va };

	ASSERT_EQ(0, bo_create(gpu->fd, gpu->vm, part.pages * PAGE_BYTES, flags, &bo));
	ASSERT_EQ(0, vm_map(gpu->fd, gpu->vm, &bo, DRM_PANTHOR_VM_BIND_OP_MAP_NOEXEC));
	ASSERT_EQ(0, gpu_read(gpu, &part));
	for (unsigned int i = 0; i < part.pages * 4; i++)
		ASSERT_EQ(0, client_words(gpu)[i]);
	EXPECT_EQ(0, bo_close(gpu->fd, &bo));
}

TEST_HARNESS_MAIN
