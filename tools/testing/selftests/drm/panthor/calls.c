// SPDX-License-Identifier: GPL-2.0-only
/* Every ioctl of the driver as a call that works. */

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "calls.h"
#include "cs.h"

#define MAX_PAGE	65536UL

static void fill_query(const struct user *user, struct call *call)
{
	(void)user;
	call->arg.dev_query = (struct drm_panthor_dev_query){
		.type = DRM_PANTHOR_DEV_QUERY_GPU_INFO, .size = sizeof(call->info.gpu_info),
		.pointer = (uintptr_t)&call->info,
	};
}

static void fill_query_timestamp(const struct user *user, struct call *call)
{
	(void)user;
	call->info.timestamp.flags = DRM_PANTHOR_TIMESTAMP_GPU;
	call->arg.dev_query = (struct drm_panthor_dev_query){
		.type = DRM_PANTHOR_DEV_QUERY_TIMESTAMP_INFO,
		.size = sizeof(call->info.timestamp), .pointer = (uintptr_t)&call->info,
	};
}

static void fill_vm_create(const struct user *user, struct call *call)
{
	(void)user;
	(void)call;
}

static int undo_vm_create(struct user *user, const struct call *call)
{
	return vm_destroy(user->client.fd, call->arg.vm_create.id);
}

static int prepare_vm_destroy(struct user *user)
{
	struct bo bo = user->client.data;
	int ret = vm_create(user->client.fd, &user->spare_vm);

	if (ret)
		return ret;
	/* Something for it to unmap, also in part of a block. */
	bo.va = CALL_VA;
	return vm_map(user->client.fd, user->spare_vm, &bo, 0);
}

static void fill_vm_destroy(const struct user *user, struct call *call)
{
	call->arg.vm_destroy.id = user->spare_vm;
}

static int discard_vm_destroy(struct user *user)
{
	return vm_destroy(user->client.fd, user->spare_vm);
}

static void fill_vm_map(const struct user *user, struct call *call)
{
	call->op = (struct drm_panthor_vm_bind_op){
		.flags = DRM_PANTHOR_VM_BIND_OP_TYPE_MAP | DRM_PANTHOR_VM_BIND_OP_MAP_NOEXEC,
		.bo_handle = user->client.data.handle, .va = CALL_VA, .size = DATA_SIZE,
	};
	call->arg.vm_bind = (struct drm_panthor_vm_bind){
		.vm_id = user->client.vm, .ops = DRM_PANTHOR_OBJ_ARRAY(1, &call->op),
	};
}

static int undo_vm_map(struct user *user, const struct call *call)
{
	return vm_unmap(user->client.fd, user->client.vm, call->op.va, call->op.size);
}

static int prepare_vm_unmap(struct user *user)
{
	struct bo bo = user->client.data;

	bo.va = CALL_VA;
	return vm_map(user->client.fd, user->client.vm, &bo, DRM_PANTHOR_VM_BIND_OP_MAP_NOEXEC);
}

static int discard_vm_unmap(struct user *user)
{
	return vm_unmap(user->client.fd, user->client.vm, CALL_VA, DATA_SIZE);
}

/* From the middle, so that two mappings are left. */
static void fill_vm_unmap(const struct user *user, struct call *call)
{
	fill_vm_map(user, call);
	call->op = (struct drm_panthor_vm_bind_op){
		.flags = DRM_PANTHOR_VM_BIND_OP_TYPE_UNMAP, .va = CALL_VA + 16384, .size = 8192,
	};
}

static int undo_vm_unmap(struct user *user, const struct call *call)
{
	(void)call;
	return discard_vm_unmap(user);
}

static void fill_vm_sparse(const struct user *user, struct call *call)
{
	fill_vm_map(user, call);
	call->op.flags |= DRM_PANTHOR_VM_BIND_OP_MAP_SPARSE;
	call->op.bo_handle = 0;
	call->op.size = 2 << 20;
}

static void fill_signal(const struct user *user, struct call *call)
{
	call->sync = (struct drm_panthor_sync_op){
		.flags = DRM_PANTHOR_SYNC_OP_SIGNAL, .handle = user->client.syncobj,
	};
}

static void fill_async(const struct user *user, struct call *call)
{
	fill_signal(user, call);
	call->arg.vm_bind.flags = DRM_PANTHOR_VM_BIND_ASYNC;
	call->op.syncs = (struct drm_panthor_obj_array)DRM_PANTHOR_OBJ_ARRAY(1, &call->sync);
}

static void fill_vm_map_async(const struct user *user, struct call *call)
{
	fill_vm_map(user, call);
	fill_async(user, call);
}

static void fill_vm_unmap_async(const struct user *user, struct call *call)
{
	fill_vm_unmap(user, call);
	fill_async(user, call);
}

static void fill_vm_sync_only(const struct user *user, struct call *call)
{
	fill_vm_map(user, call);
	call->op = (struct drm_panthor_vm_bind_op){
		.flags = DRM_PANTHOR_VM_BIND_OP_TYPE_SYNC_ONLY,
	};
	fill_async(user, call);
}

static int wait_signal(struct user *user, const struct call *call)
{
	int ret = syncobj_wait(user->client.fd, user->client.syncobj, JOB_MS);

	(void)call;
	if (!ret && syncobj_status(user->client.fd, user->client.syncobj) != 1)
		ret = -EPROTO;
	return ret ?: syncobj_reset(user->client.fd, user->client.syncobj);
}

static int undo_vm_map_async(struct user *user, const struct call *call)
{
	int ret = wait_signal(user, call);

	return ret ?: undo_vm_map(user, call);
}

static int undo_vm_unmap_async(struct user *user, const struct call *call)
{
	int ret = wait_signal(user, call);

	return ret ?: discard_vm_unmap(user);
}

static void fill_vm_get_state(const struct user *user, struct call *call)
{
	call->arg.vm_get_state.vm_id = user->client.vm;
}

static void fill_bo_create(const struct user *user, struct call *call)
{
	(void)user;
	call->arg.bo_create.size = DATA_SIZE;
}

static void fill_bo_create_private(const struct user *user, struct call *call)
{
	call->arg.bo_create = (struct drm_panthor_bo_create){
		.size = DATA_SIZE, .flags = DRM_PANTHOR_BO_WB_MMAP,
		.exclusive_vm_id = user->client.vm,
	};
}

static int undo_bo_create(struct user *user, const struct call *call)
{
	struct bo bo = { .handle = call->arg.bo_create.handle };

	return bo_close(user->client.fd, &bo);
}

static void fill_bo_mmap_offset(const struct user *user, struct call *call)
{
	call->arg.bo_mmap_offset.handle = user->client.data.handle;
}

static void fill_group_create(const struct user *user, struct call *call)
{
	struct drm_panthor_gpu_info info = { };

	/* Fails only where the fixture has failed. */
	query(user->client.fd, DRM_PANTHOR_DEV_QUERY_GPU_INFO, &info, sizeof(info));
	for (unsigned int i = 0; i < 2; i++)
		call->queue[i] = (struct drm_panthor_queue_create){ .ringbuf_size = 4096 };
	call->arg.group_create = (struct drm_panthor_group_create){
		.queues = DRM_PANTHOR_OBJ_ARRAY(2, call->queue),
		.max_compute_cores = 1, .max_fragment_cores = 1, .max_tiler_cores = 1,
		.priority = PANTHOR_GROUP_PRIORITY_MEDIUM, .vm_id = user->client.vm,
		.compute_core_mask = info.shader_present & -info.shader_present,
		.fragment_core_mask = info.shader_present & -info.shader_present,
		.tiler_core_mask = info.tiler_present & -info.tiler_present,
	};
}

static int undo_group_create(struct user *user, const struct call *call)
{
	return group_destroy(user->client.fd, call->arg.group_create.group_handle);
}

static int prepare_group_destroy(struct user *user)
{
	return group_create(user->client.fd, user->client.vm, 1, &user->spare_group);
}

static void fill_group_destroy(const struct user *user, struct call *call)
{
	call->arg.group_destroy.group_handle = user->spare_group;
}

static int discard_group_destroy(struct user *user)
{
	return group_destroy(user->client.fd, user->spare_group);
}

static void fill_submit(const struct user *user, struct call *call)
{
	fill_signal(user, call);
	call->submit = (struct drm_panthor_queue_submit){
		.stream_size = 8, .stream_addr = STREAM_VA + CALL_PLACE * PLACE_SIZE,
		.syncs = DRM_PANTHOR_OBJ_ARRAY(1, &call->sync),
	};
	call->arg.group_submit = (struct drm_panthor_group_submit){
		.group_handle = user->client.group,
		.queue_submits = DRM_PANTHOR_OBJ_ARRAY(1, &call->submit),
	};
}

static void fill_submit_wait(const struct user *user, struct call *call)
{
	fill_submit(user, call);
	call->sync = (struct drm_panthor_sync_op){ .handle = user->signaled };
}

static void fill_submit_timeline(const struct user *user, struct call *call)
{
	fill_submit(user, call);
	call->sync = (struct drm_panthor_sync_op){
		.flags = DRM_PANTHOR_SYNC_OP_SIGNAL |
			 DRM_PANTHOR_SYNC_OP_HANDLE_TYPE_TIMELINE_SYNCOBJ,
		.handle = user->timeline, .timeline_value = 1,
	};
}

/* The ring of the queue in order, so that what comes next is later. */
static int drain(struct user *user, const struct call *call)
{
	int ret = group_submit(user->client.fd, user->client.group, 0, 0, 0, user->client.syncobj);

	return ret ?: wait_signal(user, call);
}

static int undo_submit_timeline(struct user *user, const struct call *call)
{
	int ret = drain(user, call);

	return ret ?: syncobj_reset(user->client.fd, user->timeline);
}

static void fill_group_get_state(const struct user *user, struct call *call)
{
	call->arg.group_get_state.group_handle = user->client.group;
}

static void fill_heap_create(const struct user *user, struct call *call)
{
	call->arg.heap_create = (struct drm_panthor_tiler_heap_create){
		.vm_id = user->client.vm, .initial_chunk_count = 2, .chunk_size = CHUNK_SIZE,
		.max_chunks = 4, .target_in_flight = 4,
	};
}

static int heap_destroy(struct user *user, uint32_t heap)
{
	struct drm_panthor_tiler_heap_destroy arg = { .handle = heap };

	return ioctl(user->client.fd, DRM_IOCTL_PANTHOR_TILER_HEAP_DESTROY, &arg) ? -errno : 0;
}

static int heap_create(struct user *user, uint32_t *heap)
{
	struct call call = { };
	int ret;

	fill_heap_create(user, &call);
	ret = ioctl(user->client.fd, DRM_IOCTL_PANTHOR_TILER_HEAP_CREATE, &call.arg);
	*heap = call.arg.heap_create.handle;
	return ret ? -errno : 0;
}

static int undo_heap_create(struct user *user, const struct call *call)
{
	return heap_destroy(user, call->arg.heap_create.handle);
}

static int prepare_heap_destroy(struct user *user)
{
	return heap_create(user, &user->spare_heap);
}

static void fill_heap_destroy(const struct user *user, struct call *call)
{
	call->arg.heap_destroy.handle = user->spare_heap;
}

static int discard_heap_destroy(struct user *user)
{
	return heap_destroy(user, user->spare_heap);
}

static void fill_set_label(const struct user *user, struct call *call)
{
	memcpy(call->label, "label", sizeof("label"));
	call->arg.bo_set_label = (struct drm_panthor_bo_set_label){
		.handle = user->client.data.handle, .label = (uintptr_t)call->label,
	};
}

static void fill_mmio_offset(const struct user *user, struct call *call)
{
	(void)user;
	call->arg.mmio_offset.offset = DRM_PANTHOR_USER_MMIO_OFFSET;
}

static void fill_bo_sync(const struct user *user, struct call *call)
{
	call->sync_op = (struct drm_panthor_bo_sync_op){
		.handle = user->client.data.handle, .offset = 4096, .size = DATA_SIZE - 4096,
		.type = DRM_PANTHOR_BO_SYNC_CPU_CACHE_FLUSH_AND_INVALIDATE,
	};
	call->arg.bo_sync.ops = (struct drm_panthor_obj_array)
		DRM_PANTHOR_OBJ_ARRAY(1, &call->sync_op);
}

static void fill_query_info(const struct user *user, struct call *call)
{
	call->arg.bo_query_info.handle = user->client.data.handle;
}

#define NESTED(what, at) \
	{ #what, offsetof(struct call, what), sizeof(((struct call *)0)->what), \
	  offsetof(struct call, at) }
#define NESTED_QUEUE \
	{ "queue", offsetof(struct call, queue), sizeof(struct drm_panthor_queue_create), \
	  offsetof(struct call, arg.group_create.queues) }
#define BIND	NESTED(op, arg.vm_bind.ops)
#define SUBMIT	NESTED(submit, arg.group_submit.queue_submits)

const struct ioctl_desc calls[CALLS] = {
	[CALL_QUERY] = {
		.name = "DEV_QUERY", .request = DRM_IOCTL_PANTHOR_DEV_QUERY, .fill = fill_query,
	},
	[CALL_QUERY_TIMESTAMP] = {
		.name = "DEV_QUERY timestamp", .request = DRM_IOCTL_PANTHOR_DEV_QUERY,
		.fill = fill_query_timestamp,
	},
	[CALL_VM_CREATE] = {
		.name = "VM_CREATE", .request = DRM_IOCTL_PANTHOR_VM_CREATE,
		.fill = fill_vm_create, .undo = undo_vm_create,
	},
	[CALL_VM_DESTROY] = {
		.name = "VM_DESTROY", .request = DRM_IOCTL_PANTHOR_VM_DESTROY,
		.prepare = prepare_vm_destroy, .fill = fill_vm_destroy,
		.discard = discard_vm_destroy,
	},
	[CALL_VM_MAP] = {
		.name = "VM_BIND map", .request = DRM_IOCTL_PANTHOR_VM_BIND, .nested = { BIND },
		.fill = fill_vm_map, .undo = undo_vm_map,
	},
	[CALL_VM_UNMAP] = {
		.name = "VM_BIND unmap", .request = DRM_IOCTL_PANTHOR_VM_BIND, .nested = { BIND },
		.prepare = prepare_vm_unmap, .fill = fill_vm_unmap, .undo = undo_vm_unmap,
		.discard = discard_vm_unmap,
	},
	[CALL_VM_SPARSE] = {
		.name = "VM_BIND sparse", .request = DRM_IOCTL_PANTHOR_VM_BIND, .nested = { BIND },
		.fill = fill_vm_sparse, .undo = undo_vm_map,
	},
	[CALL_VM_MAP_ASYNC] = {
		.name = "VM_BIND async map", .request = DRM_IOCTL_PANTHOR_VM_BIND,
		.nested = { BIND, NESTED(sync, op.syncs) },
		.fill = fill_vm_map_async, .undo = undo_vm_map_async,
	},
	[CALL_VM_UNMAP_ASYNC] = {
		.name = "VM_BIND async unmap", .request = DRM_IOCTL_PANTHOR_VM_BIND,
		.nested = { BIND, NESTED(sync, op.syncs) }, .prepare = prepare_vm_unmap,
		.fill = fill_vm_unmap_async, .undo = undo_vm_unmap_async,
		.discard = discard_vm_unmap,
	},
	[CALL_VM_SYNC_ONLY] = {
		.name = "VM_BIND sync-only", .request = DRM_IOCTL_PANTHOR_VM_BIND,
		.nested = { BIND, NESTED(sync, op.syncs) },
		.fill = fill_vm_sync_only, .undo = wait_signal,
	},
	[CALL_VM_GET_STATE] = {
		.name = "VM_GET_STATE", .request = DRM_IOCTL_PANTHOR_VM_GET_STATE,
		.fill = fill_vm_get_state,
	},
	[CALL_BO_CREATE] = {
		.name = "BO_CREATE", .request = DRM_IOCTL_PANTHOR_BO_CREATE,
		.fill = fill_bo_create, .undo = undo_bo_create,
	},
	[CALL_BO_CREATE_PRIVATE] = {
		.name = "BO_CREATE private", .request = DRM_IOCTL_PANTHOR_BO_CREATE,
		.fill = fill_bo_create_private, .undo = undo_bo_create,
	},
	[CALL_BO_MMAP_OFFSET] = {
		.name = "BO_MMAP_OFFSET", .request = DRM_IOCTL_PANTHOR_BO_MMAP_OFFSET,
		.fill = fill_bo_mmap_offset,
	},
	[CALL_GROUP_CREATE] = {
		.name = "GROUP_CREATE", .request = DRM_IOCTL_PANTHOR_GROUP_CREATE,
		.nested = { NESTED_QUEUE }, .fill = fill_group_create, .undo = undo_group_create,
	},
	[CALL_GROUP_DESTROY] = {
		.name = "GROUP_DESTROY", .request = DRM_IOCTL_PANTHOR_GROUP_DESTROY,
		.prepare = prepare_group_destroy, .fill = fill_group_destroy,
		.discard = discard_group_destroy,
	},
	[CALL_SUBMIT] = {
		.name = "GROUP_SUBMIT", .request = DRM_IOCTL_PANTHOR_GROUP_SUBMIT,
		.nested = { SUBMIT, NESTED(sync, submit.syncs) },
		.fill = fill_submit, .undo = wait_signal,
	},
	[CALL_SUBMIT_WAIT] = {
		.name = "GROUP_SUBMIT wait", .request = DRM_IOCTL_PANTHOR_GROUP_SUBMIT,
		.nested = { SUBMIT, NESTED(sync, submit.syncs) },
		.fill = fill_submit_wait, .undo = drain,
	},
	[CALL_SUBMIT_TIMELINE] = {
		.name = "GROUP_SUBMIT timeline", .request = DRM_IOCTL_PANTHOR_GROUP_SUBMIT,
		.nested = { SUBMIT, NESTED(sync, submit.syncs) },
		.fill = fill_submit_timeline, .undo = undo_submit_timeline,
	},
	[CALL_GROUP_GET_STATE] = {
		.name = "GROUP_GET_STATE", .request = DRM_IOCTL_PANTHOR_GROUP_GET_STATE,
		.fill = fill_group_get_state,
	},
	[CALL_HEAP_CREATE] = {
		.name = "TILER_HEAP_CREATE", .request = DRM_IOCTL_PANTHOR_TILER_HEAP_CREATE,
		.fill = fill_heap_create, .undo = undo_heap_create,
	},
	[CALL_HEAP_DESTROY] = {
		.name = "TILER_HEAP_DESTROY", .request = DRM_IOCTL_PANTHOR_TILER_HEAP_DESTROY,
		.prepare = prepare_heap_destroy, .fill = fill_heap_destroy,
		.discard = discard_heap_destroy,
	},
	[CALL_SET_LABEL] = {
		.name = "BO_SET_LABEL", .request = DRM_IOCTL_PANTHOR_BO_SET_LABEL,
		.fill = fill_set_label,
	},
	[CALL_MMIO_OFFSET] = {
		.name = "SET_USER_MMIO_OFFSET",
		.request = DRM_IOCTL_PANTHOR_SET_USER_MMIO_OFFSET, .fill = fill_mmio_offset,
	},
	[CALL_BO_SYNC] = {
		.name = "BO_SYNC", .request = DRM_IOCTL_PANTHOR_BO_SYNC,
		.nested = { NESTED(sync_op, arg.bo_sync.ops) }, .fill = fill_bo_sync,
	},
	[CALL_QUERY_INFO] = {
		.name = "BO_QUERY_INFO", .request = DRM_IOCTL_PANTHOR_BO_QUERY_INFO,
		.fill = fill_query_info,
	},
};

/* As it is: nobody interrupts a test. */
int call_ioctl(struct user *user, const struct ioctl_desc *desc)
{
	return ioctl(user->client.fd, desc->request, &user->call->arg) ? -errno : 0;
}

static int make_call(struct user *user)
{
	char *pages = mmap(NULL, 2 * MAX_PAGE, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	static_assert(sizeof(struct call) <= MAX_PAGE);
	static_assert(sizeof(struct call) % 8 == 0);
	if (pages == MAP_FAILED)
		return -errno;
	user->pages = pages;
	user->call = (struct call *)(pages + MAX_PAGE - sizeof(struct call));
	return mprotect(pages + MAX_PAGE, MAX_PAGE, PROT_NONE) ? -errno : 0;
}

static int make_objects(struct user *user)
{
	struct drm_panthor_vm_create vm = { };
	struct drm_panthor_bo_create no_mmap = {
		.size = 4096, .flags = DRM_PANTHOR_BO_NO_MMAP,
	};
	struct drm_syncobj_create signaled = { .flags = DRM_SYNCOBJ_CREATE_SIGNALED };
	struct drm_panthor_gpu_info info = { };
	int fd = user->client.fd, ret;

	if (ioctl(fd, DRM_IOCTL_PANTHOR_VM_CREATE, &vm) ||
	    ioctl(fd, DRM_IOCTL_PANTHOR_BO_CREATE, &no_mmap) ||
	    ioctl(fd, DRM_IOCTL_SYNCOBJ_CREATE, &signaled))
		return -errno;
	user->other_vm = vm.id;
	user->va_end = vm.user_va_range;
	user->no_mmap.handle = no_mmap.handle;
	user->signaled = signaled.handle;
	ret = query(fd, DRM_PANTHOR_DEV_QUERY_GPU_INFO, &info, sizeof(info));
	user->full_va = 1ULL << DRM_PANTHOR_MMU_VA_BITS(info.mmu_features);
	ret = ret ?: bo_create(fd, user->other_vm, 4096, 0, &user->others);
	ret = ret ?: syncobj_create(fd, &user->empty);
	ret = ret ?: syncobj_create(fd, &user->timeline);
	/* The first one makes the VM's pool, which stays. */
	return ret ?: heap_create(user, &user->heap);
}

/* -ENODEV without a GPU. The data BO can be mapped by any VM. */
int user_open(struct user *user)
{
	const struct client_options options = { .shared = true };
	int ret;

	memset(user, 0, sizeof(*user));
	ret = client_open(&user->client, &options);
	if (ret)
		return ret;
	*(volatile uint64_t *)((char *)user->client.stream.map + CALL_PLACE * PLACE_SIZE) = 0;
	ret = make_objects(user);
	ret = ret ?: make_call(user);
	if (ret) {
		close(user->client.fd);
		user->client.fd = -1;
	}
	return ret;
}

/* The first error, if any, and everything is given back. */
int user_close(struct user *user)
{
	int fd = user->client.fd, ret;

	if (fd < 0)
		return 0;
	ret = munmap(user->pages, 2 * MAX_PAGE) ? -errno : 0;
	ret = ret ?: heap_destroy(user, user->heap);
	ret = ret ?: syncobj_destroy(fd, user->timeline);
	ret = ret ?: syncobj_destroy(fd, user->empty);
	ret = ret ?: syncobj_destroy(fd, user->signaled);
	ret = ret ?: bo_close(fd, &user->others);
	ret = ret ?: bo_close(fd, &user->no_mmap);
	ret = ret ?: vm_destroy(fd, user->other_vm);
	return ret ?: client_close(&user->client);
}
