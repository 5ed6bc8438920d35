/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Every ioctl of the driver as a call that works: what it needs, its arguments,
 * and how to undo it. A test then breaks one thing of it. Functions return 0 or a
 * positive value if they succeed, else a negative errno.
 */

#ifndef __PANTHOR_SELFTEST_CALLS_H__
#define __PANTHOR_SELFTEST_CALLS_H__

#include <stddef.h>
#include <stdint.h>

#include <drm/panthor_drm.h>

#include "client.h"

/* Nobody has it as handle or number. */
#define NO_HANDLE	999
/* In a page that no process has. */
#define NO_POINTER	8
#define CHUNK_SIZE	(128 << 10)
/* Where VM_BIND calls map. */
#define CALL_VA		0x6000000ULL
/* Place of the stream in the client's BO: one instruction that does nothing. */
#define CALL_PLACE	3

struct ioctl_arg {
	union {
		struct drm_panthor_dev_query dev_query;
		struct drm_panthor_vm_create vm_create;
		struct drm_panthor_vm_destroy vm_destroy;
		struct drm_panthor_vm_bind vm_bind;
		struct drm_panthor_vm_get_state vm_get_state;
		struct drm_panthor_bo_create bo_create;
		struct drm_panthor_bo_mmap_offset bo_mmap_offset;
		struct drm_panthor_group_create group_create;
		struct drm_panthor_group_destroy group_destroy;
		struct drm_panthor_group_submit group_submit;
		struct drm_panthor_group_get_state group_get_state;
		struct drm_panthor_tiler_heap_create heap_create;
		struct drm_panthor_tiler_heap_destroy heap_destroy;
		struct drm_panthor_bo_set_label bo_set_label;
		struct drm_panthor_set_user_mmio_offset mmio_offset;
		struct drm_panthor_bo_sync bo_sync;
		struct drm_panthor_bo_query_info bo_query_info;
	};
};

/*
 * Arguments of an ioctl and all that they point to. Ends where memory ends, so
 * that an array that is longer than it says is found out.
 */
struct call {
	struct ioctl_arg arg;
	char label[5000];
	union {
		struct drm_panthor_gpu_info gpu_info;
		struct drm_panthor_timestamp_info timestamp;
		char bytes[256];
	} info;
	struct drm_panthor_sync_op sync;
	struct drm_panthor_queue_create queue[2];
	struct drm_panthor_bo_sync_op sync_op;
	struct drm_panthor_vm_bind_op op;
	struct drm_panthor_queue_submit submit;
};

/* A client and the things that some calls want to have. */
struct user {
	struct client client;
	struct call *call;
	void *pages;
	/* Signaled, never signaled, for a timeline. */
	uint32_t signaled;
	uint32_t empty;
	uint32_t timeline;
	/* Cannot be mapped by the CPU; is private to the other VM. */
	struct bo no_mmap;
	struct bo others;
	uint32_t other_vm;
	/* To be destroyed. */
	uint32_t spare_vm;
	uint32_t spare_group;
	uint32_t spare_heap;
	uint32_t heap;
	uint32_t spare_bo;
	/* End of the addresses of user space, and of all. */
	uint64_t va_end;
	uint64_t full_va;
};

/* A kind of argument that an array has, as far as it is in a struct call. */
struct nested {
	const char *name;
	size_t offset;
	size_t size;
	/* Place of the array's description. */
	size_t array;
};

struct ioctl_desc {
	const char *name;
	unsigned long request;
	/* Up to three levels of arrays, or of queries. */
	struct nested nested[3];
	/* Makes what the call uses up; may be missing. */
	int (*prepare)(struct user *user);
	/* Arguments with which it succeeds. */
	void (*fill)(const struct user *user, struct call *call);
	/* After it has; may be missing. */
	int (*undo)(struct user *user, const struct call *call);
	/* If it has not, and something was prepared. */
	int (*discard)(struct user *user);
};

enum call_id {
	CALL_QUERY, CALL_QUERY_TIMESTAMP, CALL_VM_CREATE, CALL_VM_DESTROY, CALL_VM_MAP,
	CALL_VM_UNMAP, CALL_VM_SPARSE, CALL_VM_MAP_ASYNC, CALL_VM_UNMAP_ASYNC, CALL_VM_SYNC_ONLY,
	CALL_VM_GET_STATE, CALL_BO_CREATE, CALL_BO_CREATE_PRIVATE, CALL_BO_MMAP_OFFSET,
	CALL_GROUP_CREATE, CALL_GROUP_DESTROY, CALL_SUBMIT, CALL_SUBMIT_WAIT, CALL_SUBMIT_TIMELINE,
	CALL_GROUP_GET_STATE, CALL_HEAP_CREATE, CALL_HEAP_DESTROY, CALL_SET_LABEL,
	CALL_MMIO_OFFSET, CALL_BO_SYNC, CALL_QUERY_INFO, CALLS,
};

extern const struct ioctl_desc calls[CALLS];

int user_open(struct user *user);
int user_close(struct user *user);
int call_ioctl(struct user *user, const struct ioctl_desc *desc);

#endif
