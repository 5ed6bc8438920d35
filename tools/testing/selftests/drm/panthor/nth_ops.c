// SPDX-License-Identifier: GPL-2.0-only
/* Operations whose allocations are failed. All functions return 0 or a negative errno. */

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "nth_ops.h"

#define PAGE		4096
#define BLOCK		(2 << 20)
/* Blocks are there if the place is right in both address spaces. */
#define BLOCK_VA	0x10000000ULL

static int client_fd(const struct sweep *sweep)
{
	return sweep->user.client.fd;
}

static int command(int fd, unsigned long request, void *arg)
{
	return ioctl(fd, request, arg) ? -errno : 0;
}

static int prepare_call(struct sweep *sweep)
{
	return sweep->desc->prepare ? sweep->desc->prepare(&sweep->user) : 0;
}

void nth_arm_call(struct sweep *sweep)
{
	memset(sweep->user.call, 0, sizeof(*sweep->user.call));
	sweep->desc->fill(&sweep->user, sweep->user.call);
}

int nth_run_call(struct sweep *sweep)
{
	return call_ioctl(&sweep->user, sweep->desc);
}

int nth_undo_call(struct sweep *sweep)
{
	return sweep->desc->undo ? sweep->desc->undo(&sweep->user, sweep->user.call) : 0;
}

const struct operation of_calls = {
	.prepare = prepare_call, .arm = nth_arm_call, .run = nth_run_call, .undo = nth_undo_call,
};

/* The second queue is made as the first. */
static void arm_group(struct sweep *sweep)
{
	nth_arm_call(sweep);
	sweep->user.call->arg.group_create.queues.count = 1;
}

const struct operation of_group = {
	.prepare = prepare_call, .arm = arm_group, .run = nth_run_call, .undo = nth_undo_call,
};

/* The one that makes the VM's pool. */
static int prepare_first_heap(struct sweep *sweep)
{
	return vm_create(client_fd(sweep), &sweep->user.spare_vm);
}

static void arm_first_heap(struct sweep *sweep)
{
	nth_arm_call(sweep);
	sweep->user.call->arg.heap_create.vm_id = sweep->user.spare_vm;
}

static int undo_first_heap(struct sweep *sweep)
{
	int ret = nth_undo_call(sweep);

	return ret ?: vm_destroy(client_fd(sweep), sweep->user.spare_vm);
}

const struct operation first_heap = {
	.name = "TILER_HEAP_CREATE, the first", .prepare = prepare_first_heap,
	.arm = arm_first_heap, .run = nth_run_call, .undo = undo_first_heap,
};

static int make_bo(struct sweep *sweep)
{
	return bo_create(client_fd(sweep), sweep->user.client.vm, DATA_SIZE, 0, &sweep->bo);
}

static int close_bo(struct sweep *sweep)
{
	return bo_close(client_fd(sweep), &sweep->bo);
}

static int unmap_bo(struct sweep *sweep)
{
	int ret = munmap(sweep->bo.map, sweep->bo.size) ? -errno : 0;

	if (!ret)
		sweep->bo.map = NULL;
	return ret;
}

static int make_unmapped(struct sweep *sweep)
{
	int ret = make_bo(sweep);

	return ret ?: unmap_bo(sweep);
}

/* With pages, which go with it. */
static int prepare_gem_close(struct sweep *sweep)
{
	int ret = make_bo(sweep);

	if (ret)
		return ret;
	*(volatile char *)sweep->bo.map = 1;
	return unmap_bo(sweep);
}

static int run_gem_close(struct sweep *sweep)
{
	struct drm_gem_close arg = { .handle = sweep->bo.handle };

	return command(client_fd(sweep), DRM_IOCTL_GEM_CLOSE, &arg);
}

const struct operation gem_close = {
	.name = "GEM_CLOSE", .prepare = prepare_gem_close, .run = run_gem_close,
};

static int run_mmap(struct sweep *sweep)
{
	return bo_map(client_fd(sweep), &sweep->bo);
}

const struct operation mmap_bo = {
	.name = "mmap", .prepare = make_unmapped, .run = run_mmap, .undo = close_bo,
};

const struct operation munmap_bo = {
	.name = "munmap", .prepare = make_bo, .run = unmap_bo, .undo = close_bo,
};

static int run_mmap_flush_id(struct sweep *sweep)
{
	void *map = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, client_fd(sweep),
			 DRM_PANTHOR_USER_FLUSH_ID_MMIO_OFFSET);

	if (map == MAP_FAILED)
		return -errno;
	sweep->bo = (struct bo){ .size = PAGE, .map = map };
	return 0;
}

const struct operation mmap_flush_id = {
	.name = "mmap of LATEST_FLUSH", .run = run_mmap_flush_id, .undo = unmap_bo,
};

static sigjmp_buf no_memory;

static void on_sigbus(int number)
{
	siglongjmp(no_memory, number);
}

/* A fault that finds no memory is a SIGBUS, or is tried again by the kernel. */
static int touch(volatile char *byte, bool write)
{
	struct sigaction action = { .sa_handler = on_sigbus }, old;
	int ret = 0;

	sigaction(SIGBUS, &action, &old);
	if (sigsetjmp(no_memory, 1))
		ret = -ENOMEM;
	else if (write)
		*byte = 1;
	else
		(void)*byte;
	sigaction(SIGBUS, &old, NULL);
	return ret;
}

static int run_fault_read(struct sweep *sweep)
{
	return touch((char *)sweep->bo.map + 2 * PAGE, false);
}

static int run_fault_write(struct sweep *sweep)
{
	return touch((char *)sweep->bo.map + 2 * PAGE, true);
}

static int run_fault(struct sweep *sweep)
{
	return touch(sweep->bo.map, false);
}

const struct operation fault_read = {
	.name = "fault, read", .prepare = make_bo, .run = run_fault_read, .undo = close_bo,
};

const struct operation fault_write = {
	.name = "fault, write", .prepare = make_bo, .run = run_fault_write, .undo = close_bo,
};

const struct operation fault_flush_id = {
	.name = "fault, LATEST_FLUSH", .prepare = run_mmap_flush_id, .run = run_fault,
	.undo = unmap_bo,
};

static int run_evict(struct sweep *sweep)
{
	return write(sweep->shrink, "100000", 6) == 6 ? 0 : -errno;
}

/* -ENODATA if nothing went. The file can be read once each time it is opened. */
static int evict(struct sweep *sweep)
{
	char path[80], text[32];
	int ret = panthor_debugfs(client_fd(sweep), "shrink", path, sizeof(path));

	ret = ret ?: run_evict(sweep);
	ret = ret ?: file_read(path, text, sizeof(text));
	return ret ?: strtoull(text, NULL, 0) ? 0 : -ENODATA;
}

static int prepare_refault(struct sweep *sweep)
{
	int ret = make_bo(sweep);

	ret = ret ?: touch(sweep->bo.map, true);
	return ret ?: evict(sweep);
}

const struct operation refault = {
	.name = "fault after eviction", .prepare = prepare_refault, .run = run_fault,
	.undo = close_bo, .swap = true,
};

static int map_bo(struct sweep *sweep, uint64_t va, uint64_t offset, uint64_t size)
{
	struct drm_panthor_vm_bind_op op = {
		.flags = DRM_PANTHOR_VM_BIND_OP_TYPE_MAP, .bo_handle = sweep->bo.handle,
		.bo_offset = offset, .va = va, .size = size,
	};

	return vm_bind(client_fd(sweep), sweep->user.client.vm, &op, 1, false);
}

static int unmap_va(struct sweep *sweep, uint64_t va, uint64_t size)
{
	return vm_unmap(client_fd(sweep), sweep->user.client.vm, va, size);
}

/* Everything the VM has is out; nothing of it is mapped by the CPU. */
static int prepare_restore(struct sweep *sweep)
{
	int ret = make_bo(sweep);

	ret = ret ?: map_bo(sweep, CALL_VA, 0, DATA_SIZE);
	return ret ?: evict(sweep);
}

static int undo_evict(struct sweep *sweep)
{
	int ret = unmap_va(sweep, CALL_VA, DATA_SIZE);

	return ret ?: close_bo(sweep);
}

static int undo_restore(struct sweep *sweep)
{
	int ret = nth_undo_call(sweep);

	return ret ?: undo_evict(sweep);
}

const struct operation restore = {
	.name = "GROUP_SUBMIT after eviction", .prepare = prepare_restore, .arm = nth_arm_call,
	.run = nth_run_call, .undo = undo_restore, .swap = true,
};

static int prepare_evict(struct sweep *sweep)
{
	int ret = prepare_restore(sweep);

	/* A job has brought it back. */
	return ret ?: client_works(&sweep->user.client, PATTERN);
}

const struct operation evict_bo = {
	.name = "eviction", .prepare = prepare_evict, .run = run_evict, .undo = undo_evict,
	.swap = true,
};

static int run_map_evicted(struct sweep *sweep)
{
	return map_bo(sweep, CALL_VA, 0, DATA_SIZE);
}

const struct operation map_evicted = {
	.name = "VM_BIND map of an evicted BO", .prepare = prepare_refault,
	.run = run_map_evicted, .undo = undo_evict, .swap = true,
};

/* Two blocks where memory allows it, with pages, so that they are not in the sweep. */
static int prepare_split(struct sweep *sweep)
{
	int ret = bo_create(client_fd(sweep), sweep->user.client.vm, 2 * BLOCK, 0, &sweep->bo);

	return ret ?: map_bo(sweep, BLOCK_VA, 0, 2 * BLOCK);
}

/* From within the first one into the second one. */
static int run_split(struct sweep *sweep)
{
	return unmap_va(sweep, BLOCK_VA + BLOCK / 2, BLOCK);
}

static int undo_split(struct sweep *sweep)
{
	int ret = unmap_va(sweep, BLOCK_VA, 2 * BLOCK);

	return ret ?: close_bo(sweep);
}

const struct operation split_block = {
	.name = "VM_BIND unmap of half blocks", .prepare = prepare_split, .run = run_split,
	.undo = undo_split,
};

static char node[64];

/* What procfs allocates for the name of a file is not the driver's. */
static int prepare_open(struct sweep *sweep)
{
	char path[64];
	ssize_t length;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", client_fd(sweep));
	length = readlink(path, node, sizeof(node) - 1);
	if (length < 0)
		return -errno;
	node[length] = '\0';
	return 0;
}

static int run_open(struct sweep *sweep)
{
	sweep->fd = open(node, O_RDWR | O_CLOEXEC);
	return sweep->fd < 0 ? -errno : 0;
}

static int run_close(struct sweep *sweep)
{
	return close(sweep->fd) ? -errno : 0;
}

const struct operation open_file = {
	.name = "open", .prepare = prepare_open, .run = run_open, .undo = run_close,
};

/* All that a file can have, for its close. */
static int prepare_close(struct sweep *sweep)
{
	struct drm_panthor_bo_create bo = { .size = DATA_SIZE };
	struct drm_panthor_tiler_heap_create heap = {
		.initial_chunk_count = 1, .chunk_size = CHUNK_SIZE, .max_chunks = 1,
	};
	struct drm_panthor_vm_bind_op op = {
		.flags = DRM_PANTHOR_VM_BIND_OP_TYPE_MAP, .va = CALL_VA, .size = DATA_SIZE,
	};
	uint32_t vm, group;
	int ret = prepare_open(sweep);

	ret = ret ?: run_open(sweep);
	ret = ret ?: vm_create(sweep->fd, &vm);
	ret = ret ?: command(sweep->fd, DRM_IOCTL_PANTHOR_BO_CREATE, &bo);
	op.bo_handle = bo.handle;
	ret = ret ?: vm_bind(sweep->fd, vm, &op, 1, false);
	ret = ret ?: group_create(sweep->fd, vm, 1, &group);
	heap.vm_id = vm;
	return ret ?: command(sweep->fd, DRM_IOCTL_PANTHOR_TILER_HEAP_CREATE, &heap);
}

const struct operation close_file = {
	.name = "close", .prepare = prepare_close, .run = run_close,
};

static int run_export(struct sweep *sweep)
{
	struct drm_prime_handle arg = {
		.handle = sweep->bo.handle, .flags = DRM_CLOEXEC | DRM_RDWR,
	};
	int ret = command(client_fd(sweep), DRM_IOCTL_PRIME_HANDLE_TO_FD, &arg);

	sweep->fd = arg.fd;
	return ret;
}

/* The handle has a reference on the dma-buf, which so becomes another one each time. */
static int make_shared(struct sweep *sweep)
{
	return bo_create(client_fd(sweep), 0, DATA_SIZE, 0, &sweep->bo);
}

static int undo_export(struct sweep *sweep)
{
	int ret = run_close(sweep);

	return ret ?: close_bo(sweep);
}

const struct operation export_bo = {
	.name = "PRIME_HANDLE_TO_FD", .prepare = make_shared, .run = run_export,
	.undo = undo_export,
};

/* The handle that an import has made. */
static int run_import(struct sweep *sweep)
{
	struct drm_prime_handle arg = { .fd = sweep->fd };
	int ret = command(client_fd(sweep), DRM_IOCTL_PRIME_FD_TO_HANDLE, &arg);

	sweep->bo.handle = arg.handle;
	return ret;
}

/* A file of a BO that has no handle, of the GPU of @fd. */
static int make_dmabuf(struct sweep *sweep, int fd)
{
	struct drm_prime_handle arg = { .flags = DRM_CLOEXEC | DRM_RDWR };
	struct bo bo;
	int ret = bo_create(fd, 0, DATA_SIZE, 0, &bo);

	if (ret)
		return ret;
	arg.handle = bo.handle;
	ret = command(fd, DRM_IOCTL_PRIME_HANDLE_TO_FD, &arg);
	sweep->fd = arg.fd;
	sweep->bo = (struct bo){ .size = DATA_SIZE };
	return ret ?: bo_close(fd, &bo);
}

static int prepare_import(struct sweep *sweep)
{
	sweep->other_fd = panthor_open(1);
	return sweep->other_fd < 0 ? sweep->other_fd : make_dmabuf(sweep, sweep->other_fd);
}

static int undo_import_self(struct sweep *sweep)
{
	int ret = close_bo(sweep);

	return ret ?: run_close(sweep);
}

static int undo_import(struct sweep *sweep)
{
	int ret = undo_import_self(sweep);

	return ret ?: close(sweep->other_fd) ? -errno : 0;
}

const struct operation import_bo = {
	.name = "PRIME_FD_TO_HANDLE", .prepare = prepare_import, .run = run_import,
	.undo = undo_import, .two = true,
};

static int prepare_dmabuf(struct sweep *sweep)
{
	return make_dmabuf(sweep, client_fd(sweep));
}

const struct operation import_self = {
	.name = "PRIME_FD_TO_HANDLE, its own", .prepare = prepare_dmabuf, .run = run_import,
	.undo = undo_import_self,
};

static int run_mmap_dmabuf(struct sweep *sweep)
{
	void *map = mmap(NULL, DATA_SIZE, PROT_READ, MAP_SHARED, sweep->fd, 0);

	if (map == MAP_FAILED)
		return -errno;
	sweep->bo.map = map;
	return 0;
}

static int undo_mmap_dmabuf(struct sweep *sweep)
{
	int ret = unmap_bo(sweep);

	return ret ?: run_close(sweep);
}

const struct operation mmap_dmabuf = {
	.name = "mmap of a dma-buf", .prepare = prepare_dmabuf, .run = run_mmap_dmabuf,
	.undo = undo_mmap_dmabuf,
};

/* The last reference of a BO with pages. */
static int prepare_close_dmabuf(struct sweep *sweep)
{
	int ret = prepare_dmabuf(sweep);

	ret = ret ?: run_mmap_dmabuf(sweep);
	ret = ret ?: run_fault(sweep);
	return ret ?: unmap_bo(sweep);
}

const struct operation close_dmabuf = {
	.name = "close of a dma-buf", .prepare = prepare_close_dmabuf, .run = run_close,
};
