// SPDX-License-Identifier: GPL-2.0-only
/* The driver's ioctls as functions. */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>

#include <linux/sync_file.h>

#include "panthor.h"

#define RENDER_MINOR	128
#define RENDER_MINORS	64
#define RING_SIZE	4096

static int call(int fd, unsigned long request, void *arg)
{
	int ret;

	do {
		ret = ioctl(fd, request, arg);
	} while (ret < 0 && errno == EINTR);

	return ret < 0 ? -errno : ret;
}

/* The driver's nodes in order, from 0. */
int panthor_open(unsigned int index)
{
	for (unsigned int i = 0; i < RENDER_MINORS; i++) {
		char path[32], name[16] = "";
		struct drm_version version = { .name = name, .name_len = sizeof(name) - 1 };
		int fd;

		snprintf(path, sizeof(path), "/dev/dri/renderD%u", RENDER_MINOR + i);
		fd = open(path, O_RDWR | O_CLOEXEC);
		if (fd < 0)
			continue;
		if (!call(fd, DRM_IOCTL_VERSION, &version) && !strcmp(name, "panthor") && !index--)
			return fd;
		close(fd);
	}

	return -ENODEV;
}

int panthor_debugfs(int fd, const char *name, char *path, size_t size)
{
	struct stat st;

	if (fstat(fd, &st))
		return -errno;
	snprintf(path, size, "/sys/kernel/debug/dri/%u/%s", minor(st.st_rdev), name);
	return access(path, F_OK) ? -errno : 0;
}

static int power_file(int fd, const char *name, char *path, size_t size)
{
	struct stat st;

	if (fstat(fd, &st))
		return -errno;
	snprintf(path, size, "/sys/dev/char/%u:%u/device/power/%s", major(st.st_rdev),
		 minor(st.st_rdev), name);
	return 0;
}

int panthor_runtime_status(int fd, char *text, size_t size)
{
	char path[80];
	int ret = power_file(fd, "runtime_status", path, sizeof(path));

	return ret ?: file_read(path, text, size);
}

int panthor_stay_awake(int fd, bool awake)
{
	char path[80];
	int ret = power_file(fd, "control", path, sizeof(path));

	return ret ?: file_write(path, awake ? "on" : "auto");
}

int file_write(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC), ret = 0;

	if (fd < 0)
		return -errno;
	if (write(fd, text, strlen(text)) < 0)
		ret = -errno;
	close(fd);
	return ret;
}

int file_read(const char *path, char *text, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t len;

	if (fd < 0)
		return -errno;
	len = read(fd, text, size - 1);
	close(fd);
	if (len < 0)
		return -errno;
	text[len] = '\0';
	text[strcspn(text, "\n")] = '\0';
	return 0;
}

bool have_swap(void)
{
	char text[1024];
	int fd = open("/proc/swaps", O_RDONLY | O_CLOEXEC);
	ssize_t len;

	if (fd < 0)
		return false;
	len = read(fd, text, sizeof(text) - 1);
	close(fd);
	if (len <= 0)
		return false;
	text[len] = '\0';
	/* One line is the heading. */
	return strchr(text, '\n') && strchr(text, '\n')[1];
}

int query(int fd, uint32_t type, void *out, uint32_t size)
{
	struct drm_panthor_dev_query arg = {
		.type = type, .size = size, .pointer = (uintptr_t)out,
	};

	return call(fd, DRM_IOCTL_PANTHOR_DEV_QUERY, &arg);
}

int vm_create(int fd, uint32_t *vm)
{
	struct drm_panthor_vm_create arg = { };
	int ret = call(fd, DRM_IOCTL_PANTHOR_VM_CREATE, &arg);

	*vm = arg.id;
	return ret;
}

int vm_destroy(int fd, uint32_t vm)
{
	struct drm_panthor_vm_destroy arg = { .id = vm };

	return call(fd, DRM_IOCTL_PANTHOR_VM_DESTROY, &arg);
}

int vm_state(int fd, uint32_t vm)
{
	struct drm_panthor_vm_get_state arg = { .vm_id = vm };
	int ret = call(fd, DRM_IOCTL_PANTHOR_VM_GET_STATE, &arg);

	return ret ?: (int)arg.state;
}

int vm_bind(int fd, uint32_t vm, const struct drm_panthor_vm_bind_op *ops, unsigned int count,
	    bool async)
{
	struct drm_panthor_vm_bind arg = {
		.vm_id = vm,
		.flags = async ? DRM_PANTHOR_VM_BIND_ASYNC : 0,
		.ops = DRM_PANTHOR_OBJ_ARRAY(count, ops),
	};

	return call(fd, DRM_IOCTL_PANTHOR_VM_BIND, &arg);
}

int vm_map(int fd, uint32_t vm, const struct bo *bo, uint32_t flags)
{
	struct drm_panthor_vm_bind_op op = {
		.flags = DRM_PANTHOR_VM_BIND_OP_TYPE_MAP | flags,
		.bo_handle = bo->handle, .va = bo->va, .size = bo->size,
	};

	return vm_bind(fd, vm, &op, 1, false);
}

int vm_unmap(int fd, uint32_t vm, uint64_t va, uint64_t size)
{
	struct drm_panthor_vm_bind_op op = {
		.flags = DRM_PANTHOR_VM_BIND_OP_TYPE_UNMAP, .va = va, .size = size,
	};

	return vm_bind(fd, vm, &op, 1, false);
}

int bo_map(int fd, struct bo *bo)
{
	struct drm_panthor_bo_mmap_offset arg = { .handle = bo->handle };
	int ret = call(fd, DRM_IOCTL_PANTHOR_BO_MMAP_OFFSET, &arg);

	if (ret)
		return ret;
	bo->map = mmap(NULL, bo->size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, arg.offset);
	if (bo->map == MAP_FAILED) {
		bo->map = NULL;
		return -errno;
	}
	return 0;
}

/* Not mapped; an address that was chosen for it stays. */
int bo_alloc(int fd, uint32_t vm, uint64_t size, uint32_t flags, struct bo *bo)
{
	struct drm_panthor_bo_create arg = {
		.size = size, .flags = flags, .exclusive_vm_id = vm,
	};
	int ret = call(fd, DRM_IOCTL_PANTHOR_BO_CREATE, &arg);

	if (ret)
		return ret;
	bo->handle = arg.handle;
	bo->size = arg.size;
	bo->map = NULL;
	return 0;
}

int bo_create(int fd, uint32_t vm, uint64_t size, uint32_t flags, struct bo *bo)
{
	return bo_alloc(fd, vm, size, flags, bo) ?: bo_map(fd, bo);
}

int bo_close(int fd, struct bo *bo)
{
	struct drm_gem_close arg = { .handle = bo->handle };

	if (bo->map && munmap(bo->map, bo->size))
		return -errno;
	bo->map = NULL;
	return call(fd, DRM_IOCTL_GEM_CLOSE, &arg);
}

int bo_sync(int fd, const struct bo *bo, uint32_t type)
{
	struct drm_panthor_bo_sync_op op = {
		.handle = bo->handle, .type = type, .size = bo->size,
	};
	struct drm_panthor_bo_sync arg = { .ops = DRM_PANTHOR_OBJ_ARRAY(1, &op) };

	return call(fd, DRM_IOCTL_PANTHOR_BO_SYNC, &arg);
}

int group_create(int fd, uint32_t vm, unsigned int queues, uint32_t *group)
{
	struct drm_panthor_queue_create queue[32] = { };
	struct drm_panthor_gpu_info info = { };
	struct drm_panthor_group_create arg = {
		.max_compute_cores = 1, .max_fragment_cores = 1, .max_tiler_cores = 1,
		.priority = PANTHOR_GROUP_PRIORITY_MEDIUM, .vm_id = vm,
	};
	int ret = query(fd, DRM_PANTHOR_DEV_QUERY_GPU_INFO, &info, sizeof(info));

	if (ret)
		return ret;
	if (queues > 32)
		return -EINVAL;
	for (unsigned int i = 0; i < queues; i++)
		queue[i] = (struct drm_panthor_queue_create){ .ringbuf_size = RING_SIZE };
	arg.queues = (struct drm_panthor_obj_array)DRM_PANTHOR_OBJ_ARRAY(queues, queue);
	arg.compute_core_mask = info.shader_present & -info.shader_present;
	arg.fragment_core_mask = arg.compute_core_mask;
	arg.tiler_core_mask = info.tiler_present & -info.tiler_present;
	ret = call(fd, DRM_IOCTL_PANTHOR_GROUP_CREATE, &arg);
	*group = arg.group_handle;
	return ret;
}

int group_destroy(int fd, uint32_t group)
{
	struct drm_panthor_group_destroy arg = { .group_handle = group };

	return call(fd, DRM_IOCTL_PANTHOR_GROUP_DESTROY, &arg);
}

int group_state(int fd, uint32_t group, uint32_t *fatal_queues)
{
	struct drm_panthor_group_get_state arg = { .group_handle = group };
	int ret = call(fd, DRM_IOCTL_PANTHOR_GROUP_GET_STATE, &arg);

	if (fatal_queues)
		*fatal_queues = arg.fatal_queues;
	return ret ?: (int)arg.state;
}

int group_submit_flush(int fd, uint32_t group, unsigned int queue, uint64_t va, uint32_t size,
		       uint32_t flush_id, uint32_t syncobj)
{
	struct drm_panthor_sync_op sync = {
		.flags = DRM_PANTHOR_SYNC_OP_SIGNAL, .handle = syncobj,
	};
	struct drm_panthor_queue_submit submit = {
		.queue_index = queue, .stream_size = size, .stream_addr = va,
		.latest_flush = flush_id,
		.syncs = DRM_PANTHOR_OBJ_ARRAY(syncobj ? 1 : 0, &sync),
	};
	struct drm_panthor_group_submit arg = {
		.group_handle = group, .queue_submits = DRM_PANTHOR_OBJ_ARRAY(1, &submit),
	};

	return call(fd, DRM_IOCTL_PANTHOR_GROUP_SUBMIT, &arg);
}

int group_submit(int fd, uint32_t group, unsigned int queue, uint64_t va, uint32_t size,
		 uint32_t syncobj)
{
	return group_submit_flush(fd, group, queue, va, size, 0, syncobj);
}

int syncobj_create(int fd, uint32_t *syncobj)
{
	struct drm_syncobj_create arg = { };
	int ret = call(fd, DRM_IOCTL_SYNCOBJ_CREATE, &arg);

	*syncobj = arg.handle;
	return ret;
}

int syncobj_reset(int fd, uint32_t syncobj)
{
	struct drm_syncobj_array arg = { .handles = (uintptr_t)&syncobj, .count_handles = 1 };

	return call(fd, DRM_IOCTL_SYNCOBJ_RESET, &arg);
}

int syncobj_destroy(int fd, uint32_t syncobj)
{
	struct drm_syncobj_destroy arg = { .handle = syncobj };

	return call(fd, DRM_IOCTL_SYNCOBJ_DESTROY, &arg);
}

int syncobj_wait(int fd, uint32_t syncobj, unsigned int ms)
{
	struct drm_syncobj_wait arg = {
		.handles = (uintptr_t)&syncobj, .count_handles = 1,
		.timeout_nsec = (now_ms() + ms) * 1000000LL,
	};

	return call(fd, DRM_IOCTL_SYNCOBJ_WAIT, &arg);
}

/* Of the fence in it: 1 signaled, 0 not, or its error. */
int syncobj_status(int fd, uint32_t syncobj)
{
	struct drm_syncobj_handle arg = {
		.handle = syncobj, .flags = DRM_SYNCOBJ_HANDLE_TO_FD_FLAGS_EXPORT_SYNC_FILE,
		.fd = -1,
	};
	struct sync_file_info info = { };
	int ret = call(fd, DRM_IOCTL_SYNCOBJ_HANDLE_TO_FD, &arg);

	if (ret)
		return ret;
	ret = call(arg.fd, SYNC_IOC_FILE_INFO, &info);
	close(arg.fd);
	return ret ?: info.status;
}

uint64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000ULL + ts.tv_nsec / 1000000;
}

void sleep_ms(unsigned int ms)
{
	struct timespec ts = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L };

	nanosleep(&ts, NULL);
}
