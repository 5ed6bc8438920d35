// SPDX-License-Identifier: GPL-2.0-only
/* Handles that there are: threads of a process share them, and take them from each other. */

#include <sys/ioctl.h>
#include <unistd.h>

#include "dice.h"
#include "fuzz.h"
#include "panthor.h"

static int call(struct fuzz_file *file, unsigned long request, void *arg)
{
	return ioctl(file->fd, request, arg);
}

/* With some syncobjs, which nobody destroys who is tame; 0 if it succeeds. */
int fuzz_file_open(struct fuzz_file *file)
{
	*file = (struct fuzz_file){ .fd = panthor_open(0), .tame = setting("PANTHOR_TAME", 0) };
	if (file->fd < 0)
		return file->fd;
	for (unsigned int i = 0; i < FUZZ_KEPT; i++) {
		int ret = syncobj_create(file->fd, &file->kept[i]);

		if (ret)
			return ret;
	}
	return 0;
}

void fuzz_file_close(struct fuzz_file *file)
{
	for (unsigned int i = 0; i < FUZZ_POOL; i++) {
		if (file->pool[FUZZ_FD][i])
			close(file->pool[FUZZ_FD][i]);
	}
	close(file->fd);
}

bool fuzz_is_kept(const struct fuzz_file *file, uint32_t syncobj)
{
	for (unsigned int i = 0; i < FUZZ_KEPT; i++) {
		if (file->kept[i] == syncobj)
			return true;
	}
	return false;
}

/* One that there is, or was a moment ago; 0 if there is none. */
uint32_t fuzz_handle(struct fuzz *fuzz, enum fuzz_kind kind)
{
	return fuzz->file->pool[kind][fuzz_below(fuzz, FUZZ_POOL)];
}

/* Gives back what nobody has room for. */
void fuzz_discard(struct fuzz *fuzz, enum fuzz_kind kind, uint32_t value)
{
	switch (kind) {
	case FUZZ_VM:
		call(fuzz->file, DRM_IOCTL_PANTHOR_VM_DESTROY,
		     &(struct drm_panthor_vm_destroy){ .id = value });
		break;
	case FUZZ_BO:
		call(fuzz->file, DRM_IOCTL_GEM_CLOSE, &(struct drm_gem_close){ .handle = value });
		break;
	case FUZZ_GROUP:
		call(fuzz->file, DRM_IOCTL_PANTHOR_GROUP_DESTROY,
		     &(struct drm_panthor_group_destroy){ .group_handle = value });
		break;
	case FUZZ_HEAP:
		call(fuzz->file, DRM_IOCTL_PANTHOR_TILER_HEAP_DESTROY,
		     &(struct drm_panthor_tiler_heap_destroy){ .handle = value });
		break;
	case FUZZ_SYNCOBJ:
		call(fuzz->file, DRM_IOCTL_SYNCOBJ_DESTROY,
		     &(struct drm_syncobj_destroy){ .handle = value });
		break;
	default:
		close(value);
	}
}

void fuzz_learn(struct fuzz *fuzz, enum fuzz_kind kind, uint32_t value)
{
	atomic_uint *place = &fuzz->file->pool[kind][fuzz_below(fuzz, FUZZ_POOL)];
	unsigned int old = atomic_exchange(place, value);

	if (old)
		fuzz_discard(fuzz, kind, old);
}

void fuzz_forget(struct fuzz *fuzz, enum fuzz_kind kind, uint32_t value)
{
	for (unsigned int i = 0; i < FUZZ_POOL; i++) {
		unsigned int old = value;

		atomic_compare_exchange_strong(&fuzz->file->pool[kind][i], &old, 0);
	}
}
