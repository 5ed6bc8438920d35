// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the driver refuses: for every field of every ioctl the values that make no
 * sense, each with its errno, and nothing has changed afterwards. And how structs
 * may grow and shrink, which old and new programs rely on.
 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../kselftest_harness.h"

#include "calls.h"
#include "ledger.h"
#include "rows.h"

FIXTURE(file) {
	struct user user;
	struct ledger before;
};

FIXTURE_SETUP(file)
{
	char path[80];
	int ret = user_open(&self->user);

	if (ret == -ENODEV)
		SKIP(return, "no render node of a driver named panthor");
	ASSERT_EQ(0, ret);
	if (panthor_debugfs(self->user.client.fd, "gems", path, sizeof(path)))
		SKIP(return, "no list of BOs: mount debugfs at /sys/kernel/debug, be root");
}

FIXTURE_TEARDOWN(file)
{
	EXPECT_EQ(0, user_close(&self->user));
}

/* All rows, then the call as it should be, which succeeds: it was the row's value. */
static void run_table(struct __test_metadata *_metadata, FIXTURE_DATA(file) *self,
		      const struct ioctl_desc *desc, const struct row *rows, unsigned int count)
{
	struct user *user = &self->user;
	int got;

	if (desc->prepare)
		ASSERT_EQ(0, desc->prepare(user));
	ASSERT_EQ(0, ledger_read(user->client.fd, &self->before));
	for (unsigned int i = 0; i < count; i++) {
		enum verdict verdict;

		if (!rows[i].error)
			continue;
		verdict = try_row(user, desc, &rows[i], &self->before, &got);
		ASSERT_EQ(AS_IT_SHOULD, verdict) {
			TH_LOG("%s, %s: returns %d, should be %d", desc->name, rows[i].why, got,
			       -rows[i].error);
		}
	}
	row_fill(user, desc);
	ASSERT_EQ(0, call_ioctl(user, desc));
	if (desc->undo)
		ASSERT_EQ(0, desc->undo(user, user->call));
	EXPECT_EQ(-1, uncovered(desc, rows, count));
}

#define RUN(id, rows)	run_table(_metadata, self, &calls[id], rows, ARRAY_SIZE(rows))

/* Each of these succeeds if the rows get their errnos, and change nothing. */

TEST_F(file, dev_query)
{
	static const struct row rows[] = {
		BAD(arg.dev_query.type, 99, EINVAL, "no such query"),
		BAD(arg.dev_query.type, 0x80000000, EINVAL, "no such query, the sign bit"),
		BAD(arg.dev_query.size, 0, EINVAL, "no room for anything"),
		BAD(arg.dev_query.size,
		    offsetof(struct drm_panthor_gpu_info, tiler_present) + 7, EINVAL,
		    "a byte too little for the first version"),
		BAD(arg.dev_query.size, 0x10000, EFAULT, "more room than there is"),
		BAD(arg.dev_query.pointer, NO_POINTER, EFAULT, "not mapped"),
		BAD(arg.dev_query.pointer, 0xffff000000000000, EFAULT, "the kernel's"),
	};

	RUN(CALL_QUERY, rows);
}

TEST_F(file, dev_query_timestamp)
{
	static const struct row rows[] = {
		ANY(arg.dev_query.type, "see dev_query"),
		BAD(arg.dev_query.size, 0, EINVAL, "no room for anything"),
		BAD(arg.dev_query.size, 15, EINVAL, "a byte too little for the first version"),
		BAD(arg.dev_query.size, 0x10000, EFAULT, "more than there is"),
		BAD(arg.dev_query.pointer, NO_POINTER, EFAULT, "not mapped"),
		BAD(info.timestamp.flags, 3 << 1, EINVAL, "no such clock"),
		BAD(info.timestamp.flags, 7 << 1, EINVAL, "no such clock, all bits"),
		BAD(info.timestamp.flags, 1 << 8, EINVAL, "no such flag"),
		BAD(info.timestamp.flags, 1U << 31, EINVAL, "no such flag, the last"),
	};

	RUN(CALL_QUERY_TIMESTAMP, rows);
}

TEST_F(file, vm_create)
{
	static const struct row rows[] = {
		BAD(arg.vm_create.flags, 1, EINVAL, "no such flag"),
		BAD(arg.vm_create.flags, 0x80000000, EINVAL, "no such flag, the last"),
		ANY(arg.vm_create.id, "output"),
		BAD(arg.vm_create.user_va_range, ~0ULL, EINVAL, "all there is"),
		BAD_BY(arg.vm_create.user_va_range, FULL_VA, 0, EINVAL,
		       "nothing left to the kernel"),
		BAD_BY(arg.vm_create.user_va_range, FULL_VA, -(256ULL << 20) + 1, EINVAL,
		       "a byte of what the kernel needs"),
	};

	RUN(CALL_VM_CREATE, rows);
}

TEST_F(file, vm_destroy)
{
	static const struct row rows[] = {
		BAD(arg.vm_destroy.id, 0, EINVAL, "never a number"),
		BAD(arg.vm_destroy.id, NO_HANDLE, EINVAL, "no such VM"),
		BAD(arg.vm_destroy.id, ~0U, EINVAL, "no such VM, all bits"),
		BAD(arg.vm_destroy.pad, 1, EINVAL, "padding"),
		BAD(arg.vm_destroy.pad, 0x80000000, EINVAL, "padding, the last bit"),
	};

	RUN(CALL_VM_DESTROY, rows);
}

/* Flags are in vm_bind_unknown_flag. */
#define VM_BIND_ROWS \
	BAD(arg.vm_bind.vm_id, 0, EINVAL, "never a number"), \
	BAD(arg.vm_bind.vm_id, NO_HANDLE, EINVAL, "no such VM"), \
	ANY(arg.vm_bind.flags, "see vm_bind_unknown_flag"), \
	BAD(arg.vm_bind.ops.stride, 0, EINVAL, "elements of no size"), \
	BAD(arg.vm_bind.ops.stride, sizeof(struct drm_panthor_vm_bind_op) - 1, EINVAL, \
	    "a byte too little for the first version"), \
	BAD(arg.vm_bind.ops.count, 2000, EFAULT, "more than there are"), \
	BAD(arg.vm_bind.ops.array, NO_POINTER, EFAULT, "not mapped"), \
	BAD(arg.vm_bind.ops.array, 0, EFAULT, "no array"), \
	BAD(op.flags, 3U << 28, EINVAL, "no such operation"), \
	BAD(op.flags, 15U << 28, EINVAL, "no such operation, the last")

#define MAP_ROWS \
	VM_BIND_ROWS, \
	BAD(op.flags, 1 << 4, EINVAL, "no such flag"), \
	BAD(op.flags, 1 << 27, EINVAL, "no such flag, the last"), \
	BAD(op.bo_handle, 0, EINVAL, "never a handle"), \
	BAD(op.bo_handle, NO_HANDLE, EINVAL, "no such BO"), \
	BAD_BY(op.bo_handle, OTHERS, 0, EINVAL, "another VM's own"), \
	BAD(op.bo_offset, 1, EINVAL, "not a page"), \
	BAD(op.bo_offset, 4096, EINVAL, "a page beyond the end"), \
	BAD(op.bo_offset, DATA_SIZE, EINVAL, "beyond the end"), \
	BAD(op.bo_offset, ~0xfffULL, EINVAL, "beyond everything"), \
	BAD(op.va, CALL_VA + 1, EINVAL, "not a page"), \
	BAD_BY(op.va, VA_END, 0, EINVAL, "the kernel's"), \
	BAD_BY(op.va, VA_END, 4096 - DATA_SIZE, EINVAL, "a page into the kernel's"), \
	BAD(op.va, ~0xfffULL, EINVAL, "wraps around"), \
	BAD(op.size, DATA_SIZE - 1, EINVAL, "not a page"), \
	BAD(op.size, DATA_SIZE + 4096, EINVAL, "larger than the BO"), \
	BAD(op.size, ~0xfffULL, EINVAL, "larger than everything")

TEST_F(file, vm_bind_map)
{
	static const struct row rows[] = {
		MAP_ROWS,
		BAD(op.flags, DRM_PANTHOR_VM_BIND_OP_MAP_SPARSE, EINVAL,
		    "sparse, and a BO, and executable"),
		ANY(op.syncs.stride, "no syncs in synchronous calls"),
		BAD(op.syncs.count, 1, EINVAL, "a sync in a synchronous call"),
		ANY(op.syncs.array, "no syncs in synchronous calls"),
	};

	RUN(CALL_VM_MAP, rows);
}

/* Those of an array of syncs that signals. */
#define SYNC_ROWS(syncs) \
	BAD(syncs.stride, 0, EINVAL, "elements of no size"), \
	BAD(syncs.stride, sizeof(struct drm_panthor_sync_op) - 1, EINVAL, \
	    "a byte too little for the first version"), \
	BAD(syncs.count, 5000, EFAULT, "more than there are"), \
	BAD(syncs.array, NO_POINTER, EFAULT, "not mapped"), \
	BAD(syncs.array, 0, EFAULT, "no array"), \
	BAD(sync.flags, DRM_PANTHOR_SYNC_OP_SIGNAL | 1 << 8, EINVAL, "no such flag"), \
	BAD(sync.flags, DRM_PANTHOR_SYNC_OP_SIGNAL | 1 << 30, EINVAL, \
	    "no such flag, the last"), \
	BAD(sync.flags, DRM_PANTHOR_SYNC_OP_SIGNAL | 2, EINVAL, "no such kind of handle"), \
	BAD(sync.flags, DRM_PANTHOR_SYNC_OP_SIGNAL | 255, EINVAL, \
	    "no such kind of handle, the last"), \
	ANY(sync.handle, "see signal_unknown_syncobj_fatal"), \
	BAD(sync.timeline_value, 1, EINVAL, "a point of what is no timeline")

TEST_F(file, vm_bind_map_async)
{
	static const struct row rows[] = { MAP_ROWS, SYNC_ROWS(op.syncs) };

	RUN(CALL_VM_MAP_ASYNC, rows);
}

#define UNMAP_ROWS \
	VM_BIND_ROWS, \
	BAD(op.flags, DRM_PANTHOR_VM_BIND_OP_TYPE_UNMAP | 1, EINVAL, "a flag of maps"), \
	BAD(op.flags, DRM_PANTHOR_VM_BIND_OP_TYPE_UNMAP | 1 << 27, EINVAL, "no such flag"), \
	BAD(op.bo_handle, 1, EINVAL, "unmaps addresses, not BOs"), \
	BAD(op.bo_offset, 4096, EINVAL, "unmaps addresses, not BOs"), \
	BAD(op.va, CALL_VA + 1, EINVAL, "not a page"), \
	BAD_BY(op.va, VA_END, 0, EINVAL, "the kernel's"), \
	BAD_BY(op.va, VA_END, -4096, EINVAL, "a page into the kernel's"), \
	BAD(op.va, ~0xfffULL, EINVAL, "wraps around"), \
	BAD(op.size, 4097, EINVAL, "not a page"), \
	BAD_BY(op.size, VA_END, 0, EINVAL, "into the kernel's")

TEST_F(file, vm_bind_unmap)
{
	static const struct row rows[] = {
		UNMAP_ROWS,
		ANY(op.syncs.stride, "no syncs in synchronous calls"),
		BAD(op.syncs.count, 1, EINVAL, "a sync in a synchronous call"),
		ANY(op.syncs.array, "no syncs in synchronous calls"),
	};

	RUN(CALL_VM_UNMAP, rows);
}

TEST_F(file, vm_bind_unmap_async)
{
	static const struct row rows[] = { UNMAP_ROWS, SYNC_ROWS(op.syncs) };

	RUN(CALL_VM_UNMAP_ASYNC, rows);
}

TEST_F(file, vm_bind_sparse)
{
	static const struct row rows[] = {
		VM_BIND_ROWS,
		BAD(op.flags, DRM_PANTHOR_VM_BIND_OP_MAP_SPARSE, EINVAL, "executable"),
		BAD(op.flags, DRM_PANTHOR_VM_BIND_OP_MAP_SPARSE |
		    DRM_PANTHOR_VM_BIND_OP_MAP_NOEXEC | 1 << 4, EINVAL, "no such flag"),
		BAD(op.bo_handle, 1, EINVAL, "sparse, and a BO"),
		BAD(op.bo_offset, 4096, EINVAL, "sparse, and a place in a BO"),
		BAD(op.va, CALL_VA + 1, EINVAL, "not a page"),
		BAD_BY(op.va, VA_END, -(1ULL << 20), EINVAL, "into the kernel's"),
		BAD(op.size, 4097, EINVAL, "not a page"),
		BAD_BY(op.size, VA_END, 0, EINVAL, "into the kernel's"),
		ANY(op.syncs.stride, "no syncs in synchronous calls"),
		BAD(op.syncs.count, 1, EINVAL, "a sync in a synchronous call"),
		ANY(op.syncs.array, "no syncs in synchronous calls"),
	};

	RUN(CALL_VM_SPARSE, rows);
}

TEST_F(file, vm_bind_sync_only)
{
	static const struct row rows[] = {
		VM_BIND_ROWS,
		BAD(op.flags, DRM_PANTHOR_VM_BIND_OP_TYPE_SYNC_ONLY | 1, EINVAL,
		    "a flag of maps"),
		BAD(op.bo_handle, 1, EINVAL, "syncs nothing but syncs"),
		BAD(op.bo_offset, 4096, EINVAL, "syncs nothing but syncs"),
		BAD(op.va, 4096, EINVAL, "syncs nothing but syncs"),
		BAD(op.size, 4096, EINVAL, "syncs nothing but syncs"),
		BAD(op.syncs.count, 0, EINVAL, "syncs nothing"),
		SYNC_ROWS(op.syncs),
	};

	RUN(CALL_VM_SYNC_ONLY, rows);
}

TEST_F(file, vm_get_state)
{
	static const struct row rows[] = {
		BAD(arg.vm_get_state.vm_id, 0, EINVAL, "never a number"),
		BAD(arg.vm_get_state.vm_id, NO_HANDLE, EINVAL, "no such VM"),
		ANY(arg.vm_get_state.state, "output"),
	};

	RUN(CALL_VM_GET_STATE, rows);
}

TEST_F(file, bo_create)
{
	static const struct row rows[] = {
		BAD(arg.bo_create.size, 0, EINVAL, "nothing"),
		BAD(arg.bo_create.size, 1ULL << 63, EINVAL, "not a size of files"),
		BAD(arg.bo_create.size, 1ULL << 62, ENOSPC, "no such offset for mmap()"),
		BAD(arg.bo_create.size, ~0ULL, ENOSPC, "no such offset for mmap(), rounded up"),
		BAD(arg.bo_create.flags, 3, EINVAL, "a kind of mmap() and none"),
		BAD(arg.bo_create.flags, 4, EINVAL, "no such flag"),
		BAD(arg.bo_create.flags, 0x80000000, EINVAL, "no such flag, the last"),
		BAD(arg.bo_create.exclusive_vm_id, NO_HANDLE, EINVAL, "no such VM"),
		ANY(arg.bo_create.handle, "output"),
		BAD(arg.bo_create.pad, 1, EINVAL, "padding"),
		BAD(arg.bo_create.pad, 0x80000000, EINVAL, "padding, the last bit"),
	};

	RUN(CALL_BO_CREATE, rows);
	RUN(CALL_BO_CREATE_PRIVATE, rows);
}

TEST_F(file, bo_mmap_offset)
{
	static const struct row rows[] = {
		BAD(arg.bo_mmap_offset.handle, 0, ENOENT, "never a handle"),
		BAD(arg.bo_mmap_offset.handle, NO_HANDLE, ENOENT, "no such BO"),
		BAD_BY(arg.bo_mmap_offset.handle, NO_MMAP, 0, EPERM, "created without mmap()"),
		BAD(arg.bo_mmap_offset.pad, 1, EINVAL, "padding"),
		BAD(arg.bo_mmap_offset.pad, 0x80000000, EINVAL, "padding, the last bit"),
		ANY(arg.bo_mmap_offset.offset, "output"),
	};

	RUN(CALL_BO_MMAP_OFFSET, rows);
}

TEST_F(file, group_create)
{
	static const struct row rows[] = {
		BAD(arg.group_create.queues.stride, 0, EINVAL, "elements of no size"),
		BAD(arg.group_create.queues.stride, 7, EINVAL,
		    "a byte too little for the first version"),
		BAD(arg.group_create.queues.count, 0, EINVAL, "no queue"),
		BAD(arg.group_create.queues.count, 33, EINVAL, "more than any GPU has"),
		BAD(arg.group_create.queues.count, ~0U, EINVAL, "more than anything has"),
		BAD(arg.group_create.queues.array, NO_POINTER, EFAULT, "not mapped"),
		BAD(arg.group_create.queues.array, 0, EFAULT, "no array"),
		BAD(arg.group_create.max_compute_cores, 2, EINVAL, "more than in the mask"),
		BAD(arg.group_create.max_fragment_cores, 2, EINVAL, "more than in the mask"),
		BAD(arg.group_create.max_tiler_cores, 2, EINVAL, "more than in the mask"),
		BAD(arg.group_create.priority, 4, EINVAL, "no such priority"),
		BAD(arg.group_create.priority, 255, EINVAL, "no such priority, the last"),
		BAD(arg.group_create.pad, 1, EINVAL, "padding"),
		BAD(arg.group_create.pad, 0x80000000, EINVAL, "padding, the last bit"),
		BAD(arg.group_create.compute_core_mask, 1ULL << 63, EINVAL, "no such core"),
		BAD(arg.group_create.compute_core_mask, 0, EINVAL, "fewer than the most"),
		BAD(arg.group_create.fragment_core_mask, 1ULL << 63, EINVAL, "no such core"),
		BAD(arg.group_create.fragment_core_mask, 0, EINVAL, "fewer than the most"),
		BAD(arg.group_create.tiler_core_mask, 1ULL << 63, EINVAL, "no such core"),
		BAD(arg.group_create.tiler_core_mask, 0, EINVAL, "fewer than the most"),
		BAD(arg.group_create.vm_id, 0, EINVAL, "never a number"),
		BAD(arg.group_create.vm_id, NO_HANDLE, EINVAL, "no such VM"),
		ANY(arg.group_create.group_handle, "output"),
		BAD(queue[0].priority, 16, EINVAL, "no such priority"),
		BAD(queue[0].priority, 255, EINVAL, "no such priority, the last"),
		BAD(queue[0].pad[0], 1, EINVAL, "padding"),
		BAD(queue[0].pad[1], 1, EINVAL, "padding"),
		BAD(queue[0].pad[2], 128, EINVAL, "padding"),
		BAD(queue[0].ringbuf_size, 0, EINVAL, "no ring"),
		BAD(queue[0].ringbuf_size, 2048, EINVAL, "too small a ring"),
		BAD(queue[0].ringbuf_size, 4104, EINVAL, "not a power of two"),
		BAD(queue[0].ringbuf_size, 131072, EINVAL, "too large a ring"),
		BAD(queue[0].ringbuf_size, 0x80000000, EINVAL, "far too large a ring"),
		BAD(queue[1].pad[0], 1, EINVAL, "padding of the second, when the first is made"),
		BAD(queue[1].ringbuf_size, 0, EINVAL, "no second ring, when the first is made"),
	};

	RUN(CALL_GROUP_CREATE, rows);
}

TEST_F(file, group_destroy)
{
	static const struct row rows[] = {
		BAD(arg.group_destroy.group_handle, 0, EINVAL, "never a handle"),
		BAD(arg.group_destroy.group_handle, NO_HANDLE, EINVAL, "no such group"),
		BAD(arg.group_destroy.group_handle, ~0U, EINVAL, "no such group, all bits"),
		BAD(arg.group_destroy.pad, 1, EINVAL, "padding"),
		BAD(arg.group_destroy.pad, 0x80000000, EINVAL, "padding, the last bit"),
	};

	RUN(CALL_GROUP_DESTROY, rows);
}

#define SUBMIT_ROWS \
	BAD(arg.group_submit.group_handle, 0, EINVAL, "never a handle"), \
	BAD(arg.group_submit.group_handle, NO_HANDLE, EINVAL, "no such group"), \
	BAD(arg.group_submit.pad, 1, EINVAL, "padding"), \
	BAD(arg.group_submit.pad, 0x80000000, EINVAL, "padding, the last bit"), \
	BAD(arg.group_submit.queue_submits.stride, 0, EINVAL, "elements of no size"), \
	BAD(arg.group_submit.queue_submits.stride, \
	    sizeof(struct drm_panthor_queue_submit) - 1, EINVAL, \
	    "a byte too little for the first version"), \
	BAD(arg.group_submit.queue_submits.count, 2000, EFAULT, "more than there are"), \
	BAD(arg.group_submit.queue_submits.array, NO_POINTER, EFAULT, "not mapped"), \
	BAD(arg.group_submit.queue_submits.array, 0, EFAULT, "no array"), \
	BAD(submit.queue_index, QUEUES, EINVAL, "no such queue"), \
	BAD(submit.queue_index, 32, EINVAL, "no such queue of any group"), \
	BAD(submit.queue_index, ~0U, EINVAL, "no such queue, all bits"), \
	BAD(submit.stream_size, 0, EINVAL, "a stream of no size"), \
	BAD(submit.stream_size, 4, EINVAL, "half an instruction"), \
	BAD(submit.stream_size, 12, EINVAL, "one and a half instructions"), \
	BAD(submit.stream_addr, 0, EINVAL, "a stream of no address"), \
	BAD(submit.stream_addr, STREAM_VA + 8, EINVAL, "not a cache line"), \
	BAD(submit.latest_flush, 1 << 24, EINVAL, "not a number of a flush"), \
	BAD(submit.latest_flush, 1 << 30, EINVAL, "not a number of a flush, the last"), \
	BAD(submit.pad, 1, EINVAL, "padding"), \
	BAD(submit.pad, 0x80000000, EINVAL, "padding, the last bit")

/* The upper half of the handle is in group_handle_of_submit. */
TEST_F(file, group_submit)
{
	static const struct row rows[] = { SUBMIT_ROWS, SYNC_ROWS(submit.syncs) };

	RUN(CALL_SUBMIT, rows);
}

TEST_F(file, group_submit_wait)
{
	static const struct row rows[] = {
		SUBMIT_ROWS,
		BAD(submit.syncs.stride, 0, EINVAL, "elements of no size"),
		BAD(submit.syncs.count, 5000, EFAULT, "more than there are"),
		BAD(submit.syncs.array, NO_POINTER, EFAULT, "not mapped"),
		BAD(sync.flags, 1 << 8, EINVAL, "no such flag"),
		BAD(sync.flags, 2, EINVAL, "no such kind of handle"),
		BAD(sync.handle, 0, ENOENT, "never a handle"),
		BAD(sync.handle, NO_HANDLE, ENOENT, "no such syncobj"),
		BAD_BY(sync.handle, EMPTY, 0, EINVAL, "nothing to wait for"),
		BAD(sync.timeline_value, 1, EINVAL, "a point of what is no timeline"),
	};

	RUN(CALL_SUBMIT_WAIT, rows);
}

TEST_F(file, group_submit_timeline)
{
	static const struct row rows[] = {
		SUBMIT_ROWS,
		ANY(submit.syncs, "see group_submit"),
		BAD(sync.flags, DRM_PANTHOR_SYNC_OP_SIGNAL, EINVAL, "not said to be a timeline"),
		BAD(sync.flags, DRM_PANTHOR_SYNC_OP_HANDLE_TYPE_TIMELINE_SYNCOBJ, EINVAL,
		    "waits for a point that nobody will signal"),
		ANY(sync.handle, "see signal_unknown_syncobj_fatal"),
		ANY(sync.timeline_value, "each is a point"),
	};

	RUN(CALL_SUBMIT_TIMELINE, rows);
}

TEST_F(file, group_get_state)
{
	static const struct row rows[] = {
		BAD(arg.group_get_state.group_handle, 0, EINVAL, "never a handle"),
		BAD(arg.group_get_state.group_handle, NO_HANDLE, EINVAL, "no such group"),
		ANY(arg.group_get_state.state, "output"),
		ANY(arg.group_get_state.fatal_queues, "output"),
		BAD(arg.group_get_state.pad, 1, EINVAL, "padding"),
		BAD(arg.group_get_state.pad, 0x80000000, EINVAL, "padding, the last bit"),
	};

	RUN(CALL_GROUP_GET_STATE, rows);
}

TEST_F(file, heap_create)
{
	static const struct row rows[] = {
		BAD(arg.heap_create.vm_id, 0, EINVAL, "never a number"),
		BAD(arg.heap_create.vm_id, NO_HANDLE, EINVAL, "no such VM"),
		BAD(arg.heap_create.initial_chunk_count, 0, EINVAL, "nothing to begin with"),
		BAD(arg.heap_create.initial_chunk_count, 5, EINVAL, "more than the most"),
		BAD(arg.heap_create.initial_chunk_count, ~0U, EINVAL, "far more than the most"),
		BAD(arg.heap_create.chunk_size, 0, EINVAL, "no chunk"),
		BAD(arg.heap_create.chunk_size, CHUNK_SIZE - 4096, EINVAL, "too small a chunk"),
		BAD(arg.heap_create.chunk_size, CHUNK_SIZE + 1, EINVAL, "not a page"),
		BAD(arg.heap_create.chunk_size, (8 << 20) + 4096, EINVAL, "too large a chunk"),
		BAD(arg.heap_create.chunk_size, 0x80000000, EINVAL, "far too large a chunk"),
		BAD(arg.heap_create.max_chunks, 0, EINVAL, "no chunk at all"),
		BAD(arg.heap_create.max_chunks, 1, EINVAL, "fewer than to begin with"),
		ANY(arg.heap_create.target_in_flight, "each is a number of passes"),
		ANY(arg.heap_create.handle, "output"),
		ANY(arg.heap_create.tiler_heap_ctx_gpu_va, "output"),
		ANY(arg.heap_create.first_heap_chunk_gpu_va, "output"),
	};

	RUN(CALL_HEAP_CREATE, rows);
}

TEST_F(file, heap_destroy)
{
	static const struct row rows[] = {
		BAD(arg.heap_destroy.handle, 0, EINVAL, "no such VM"),
		BAD(arg.heap_destroy.handle, ~0U, EINVAL, "no such VM, all bits"),
		BAD_BY(arg.heap_destroy.handle, HEAP, 100, EINVAL, "no such heap of the VM"),
		BAD(arg.heap_destroy.pad, 1, EINVAL, "padding"),
		BAD(arg.heap_destroy.pad, 0x80000000, EINVAL, "padding, the last bit"),
	};

	RUN(CALL_HEAP_DESTROY, rows);
}

TEST_F(file, bo_set_label)
{
	static const struct row rows[] = {
		BAD(arg.bo_set_label.handle, 0, ENOENT, "never a handle"),
		BAD(arg.bo_set_label.handle, NO_HANDLE, ENOENT, "no such BO"),
		BAD(arg.bo_set_label.pad, 1, EINVAL, "padding"),
		BAD(arg.bo_set_label.pad, 0x80000000, EINVAL, "padding, the last bit"),
		BAD(arg.bo_set_label.label, NO_POINTER, EFAULT, "not mapped"),
		BAD(arg.bo_set_label.label, 0xffff000000000000, EFAULT, "the kernel's"),
	};

	RUN(CALL_SET_LABEL, rows);
}

TEST_F(file, set_user_mmio_offset)
{
	static const struct row rows[] = {
		BAD(arg.mmio_offset.offset, 0, EINVAL, "where BOs are"),
		BAD(arg.mmio_offset.offset, 1ULL << 44, EINVAL, "neither of the two"),
		BAD(arg.mmio_offset.offset, DRM_PANTHOR_USER_MMIO_OFFSET_64BIT + 4096, EINVAL,
		    "a page beside"),
		BAD(arg.mmio_offset.offset, ~0ULL, EINVAL, "all bits"),
	};

	RUN(CALL_MMIO_OFFSET, rows);
}

TEST_F(file, bo_sync)
{
	static const struct row rows[] = {
		BAD(arg.bo_sync.ops.stride, 0, EINVAL, "elements of no size"),
		BAD(arg.bo_sync.ops.stride, sizeof(struct drm_panthor_bo_sync_op) - 1, EINVAL,
		    "a byte too little for the first version"),
		BAD(arg.bo_sync.ops.count, 3000, EFAULT, "more than there are"),
		BAD(arg.bo_sync.ops.array, NO_POINTER, EFAULT, "not mapped"),
		BAD(arg.bo_sync.ops.array, 0, EFAULT, "no array"),
		BAD(sync_op.handle, 0, ENOENT, "never a handle"),
		BAD(sync_op.handle, NO_HANDLE, ENOENT, "no such BO"),
		BAD(sync_op.type, 2, EINVAL, "no such operation"),
		BAD(sync_op.type, ~0U, EINVAL, "no such operation, all bits"),
		BAD(sync_op.offset, 4097, EINVAL, "a byte beyond the end"),
		BAD(sync_op.offset, DATA_SIZE + 1, EINVAL, "beyond the end"),
		BAD(sync_op.offset, -4096ULL, EINVAL, "wraps around"),
		BAD(sync_op.size, DATA_SIZE - 4095, EINVAL, "a byte beyond the end"),
		BAD(sync_op.size, -4096ULL, EINVAL, "wraps around"),
		BAD(sync_op.size, -4097ULL, EINVAL, "all there is"),
	};

	RUN(CALL_BO_SYNC, rows);
}

TEST_F(file, bo_query_info)
{
	static const struct row rows[] = {
		BAD(arg.bo_query_info.handle, 0, ENOENT, "never a handle"),
		BAD(arg.bo_query_info.handle, NO_HANDLE, ENOENT, "no such BO"),
		ANY(arg.bo_query_info.extra_flags, "output"),
		ANY(arg.bo_query_info.create_flags, "output"),
		ANY(arg.bo_query_info.pad, "output"),
	};

	RUN(CALL_QUERY_INFO, rows);
}

/*
 * Succeeds if wrong tables are found out: one with another errno, one whose call
 * changes something, one that leaves a field out.
 */
TEST_F(file, wrong_tables_are_found_out)
{
	static const struct row errno_row = BAD(arg.bo_create.pad, 1, EPERM, "another errno");
	static const struct row change_row = BAD(arg.bo_create.pad, 0, EINVAL, "a good value");
	static const struct row holes[] = {
		ANY(arg.bo_create.size, ""), ANY(arg.bo_create.flags, ""),
		ANY(arg.bo_create.exclusive_vm_id, ""), ANY(arg.bo_create.handle, ""),
	};
	const struct ioctl_desc *desc = &calls[CALL_BO_CREATE];
	struct user *user = &self->user;
	int got;

	ASSERT_EQ(0, ledger_read(user->client.fd, &self->before));
	EXPECT_EQ(WRONG_ERRNO, try_row(user, desc, &errno_row, &self->before, &got));
	EXPECT_EQ(-EINVAL, got);
	EXPECT_EQ(CHANGED, try_row(user, desc, &change_row, &self->before, &got));
	EXPECT_EQ(0, got);
	ASSERT_EQ(0, desc->undo(user, user->call));
	EXPECT_EQ(offsetof(struct call, arg.bo_create.pad),
		  uncovered(desc, holes, ARRAY_SIZE(holes)));
	EXPECT_EQ(0, uncovered(desc, NULL, 0));
}

/*
 * What drivers of today do not refuse, although they should. Each a test of its own,
 * so that the others show what they can.
 */

/* Succeeds if VM_BIND refuses flags it does not know, as every other ioctl does. */
TEST_F(file, vm_bind_unknown_flag)
{
	static const uint32_t flags[] = { 1 << 1, 1U << 31 };
	const struct ioctl_desc *desc = &calls[CALL_VM_MAP];
	struct user *user = &self->user;

	for (unsigned int i = 0; i < ARRAY_SIZE(flags); i++) {
		row_fill(user, desc);
		user->call->arg.vm_bind.flags = flags[i];
		/* If it is accepted after all, nothing is mapped. */
		user->call->arg.vm_bind.ops.count = 0;
		EXPECT_EQ(-EINVAL, call_ioctl(user, desc));
	}
}

/* Succeeds if a submission to a group that there is not reaches none. */
TEST_F(file, group_handle_of_submit)
{
	static const uint32_t beyond[] = { 1U << 16, 1U << 31, 0xffff0000 };
	const struct ioctl_desc *desc = &calls[CALL_SUBMIT];
	struct user *user = &self->user;

	for (unsigned int i = 0; i < ARRAY_SIZE(beyond); i++) {
		row_fill(user, desc);
		user->call->arg.group_submit.group_handle |= beyond[i];
		EXPECT_EQ(-EINVAL, call_ioctl(user, desc));
	}
	ASSERT_EQ(0, client_works(&user->client, PATTERN));
}

/* Succeeds if a syncobj that there is not cannot be signaled: EINVAL. */
TEST_F(file, signal_unknown_syncobj_fatal)
{
	static const struct row row = BAD(sync.handle, NO_HANDLE, EINVAL, "no such syncobj");
	int got;

	if (!getenv("PANTHOR_BY_NAME"))
		SKIP(return, "may end the kernel, set PANTHOR_BY_NAME=1");
	ASSERT_EQ(0, ledger_read(self->user.client.fd, &self->before));
	EXPECT_EQ(AS_IT_SHOULD, try_row(&self->user, &calls[CALL_SUBMIT], &row, &self->before,
					&got));
}

/* Succeeds if an array of more than the kernel can have is refused without a warning. */
TEST_F(file, array_too_large_fatal)
{
	static const struct row rows[] = {
		BAD(arg.vm_bind.ops.count, 0x7fffffff, ENOMEM, "more than INT_MAX bytes"),
		BAD(arg.vm_bind.ops.count, ~0U, ENOMEM, "all bits"),
	};
	int got;

	if (!getenv("PANTHOR_BY_NAME"))
		SKIP(return, "may make the kernel warn, set PANTHOR_BY_NAME=1");
	ASSERT_EQ(0, ledger_read(self->user.client.fd, &self->before));
	for (unsigned int i = 0; i < ARRAY_SIZE(rows); i++)
		EXPECT_EQ(AS_IT_SHOULD, try_row(&self->user, &calls[CALL_VM_MAP], &rows[i],
						&self->before, &got));
}

TEST_HARNESS_MAIN
