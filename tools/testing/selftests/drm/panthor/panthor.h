/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The driver's ioctls as functions. All return 0 or a positive value if they
 * succeed, else a negative errno; none prints or exits.
 */

#ifndef __PANTHOR_SELFTEST_H__
#define __PANTHOR_SELFTEST_H__

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <drm/panthor_drm.h>

/* What a test may lack, for SKIP. */
#define NO_SHRINK	"no shrink file: mount debugfs at /sys/kernel/debug, be root"
#define NO_SWAP		"no swap: modprobe zram; echo 64M >/sys/block/zram0/disksize; mkswap and swapon /dev/zram0"

/* A buffer object that is mapped for CPU and GPU. */
struct bo {
	uint32_t handle;
	uint64_t size;
	uint64_t va;
	void *map;
};

int panthor_open(unsigned int index);
int panthor_debugfs(int fd, const char *name, char *path, size_t size);
int panthor_runtime_status(int fd, char *text, size_t size);
int panthor_stay_awake(int fd, bool awake);
int file_write(const char *path, const char *text);
int file_read(const char *path, char *text, size_t size);
bool have_swap(void);

int query(int fd, uint32_t type, void *out, uint32_t size);

int vm_create(int fd, uint32_t *vm);
int vm_destroy(int fd, uint32_t vm);
int vm_state(int fd, uint32_t vm);
int vm_bind(int fd, uint32_t vm, const struct drm_panthor_vm_bind_op *ops, unsigned int count,
	    bool async);
int vm_map(int fd, uint32_t vm, const struct bo *bo, uint32_t flags);
int vm_unmap(int fd, uint32_t vm, uint64_t va, uint64_t size);

int bo_alloc(int fd, uint32_t vm, uint64_t size, uint32_t flags, struct bo *bo);
int bo_create(int fd, uint32_t vm, uint64_t size, uint32_t flags, struct bo *bo);
int bo_map(int fd, struct bo *bo);
int bo_close(int fd, struct bo *bo);
int bo_sync(int fd, const struct bo *bo, uint32_t type);

int group_create(int fd, uint32_t vm, unsigned int queues, uint32_t *group);
int group_destroy(int fd, uint32_t group);
int group_state(int fd, uint32_t group, uint32_t *fatal_queues);
int group_submit(int fd, uint32_t group, unsigned int queue, uint64_t va, uint32_t size,
		 uint32_t syncobj);
int group_submit_flush(int fd, uint32_t group, unsigned int queue, uint64_t va, uint32_t size,
		       uint32_t flush_id, uint32_t syncobj);

int syncobj_create(int fd, uint32_t *syncobj);
int syncobj_reset(int fd, uint32_t syncobj);
int syncobj_destroy(int fd, uint32_t syncobj);
int syncobj_wait(int fd, uint32_t syncobj, unsigned int ms);
int syncobj_status(int fd, uint32_t syncobj);

uint64_t now_ms(void);
void sleep_ms(unsigned int ms);

#endif
