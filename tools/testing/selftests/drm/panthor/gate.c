// SPDX-License-Identifier: GPL-2.0-only
/* Software fences as syncobjs, and timelines. */

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <drm/drm.h>
#include <linux/types.h>

#include "gate.h"
#include "panthor.h"

/* The ABI of this debugfs file is not in a header for user space. */
#define SW_SYNC		"/sys/kernel/debug/sync/sw_sync"

struct sw_sync_create_fence_data {
	__u32 value;
	char name[32];
	__s32 fence;
};

#define SW_SYNC_IOC_CREATE_FENCE	_IOWR('W', 0, struct sw_sync_create_fence_data)
#define SW_SYNC_IOC_INC			_IOW('W', 1, __u32)

/* -ENOENT where the kernel has none: CONFIG_SW_SYNC, debugfs, root. */
int gate_make(struct gate *gate)
{
	gate->fd = open(SW_SYNC, O_RDWR | O_CLOEXEC);
	return gate->fd < 0 ? -errno : 0;
}

/* A syncobj that is signaled after so many steps. */
int gate_syncobj(const struct gate *gate, int fd, unsigned int when, uint32_t *syncobj)
{
	struct sw_sync_create_fence_data data = { .value = when, .name = "gate" };
	struct drm_syncobj_handle arg = {
		.flags = DRM_SYNCOBJ_FD_TO_HANDLE_FLAGS_IMPORT_SYNC_FILE,
	};
	int ret = syncobj_create(fd, syncobj);

	if (ret)
		return ret;
	if (ioctl(gate->fd, SW_SYNC_IOC_CREATE_FENCE, &data))
		return -errno;
	arg.handle = *syncobj;
	arg.fd = data.fence;
	if (ioctl(fd, DRM_IOCTL_SYNCOBJ_FD_TO_HANDLE, &arg))
		ret = -errno;
	close(data.fence);
	return ret;
}

int gate_open(const struct gate *gate, unsigned int steps)
{
	__u32 value = steps;

	return ioctl(gate->fd, SW_SYNC_IOC_INC, &value) ? -errno : 0;
}

/* What still waits gets an error. */
void gate_free(struct gate *gate)
{
	if (gate->fd >= 0)
		close(gate->fd);
	gate->fd = -1;
}

int timeline_wait(int fd, uint32_t syncobj, uint64_t point, unsigned int ms)
{
	struct drm_syncobj_timeline_wait arg = {
		.handles = (uintptr_t)&syncobj, .points = (uintptr_t)&point, .count_handles = 1,
		.timeout_nsec = (now_ms() + ms) * 1000000LL,
	};

	return ioctl(fd, DRM_IOCTL_SYNCOBJ_TIMELINE_WAIT, &arg) ? -errno : 0;
}

/* The last point that is signaled. */
int timeline_query(int fd, uint32_t syncobj, uint64_t *point)
{
	struct drm_syncobj_timeline_array arg = {
		.handles = (uintptr_t)&syncobj, .points = (uintptr_t)point, .count_handles = 1,
	};

	return ioctl(fd, DRM_IOCTL_SYNCOBJ_QUERY, &arg) ? -errno : 0;
}
