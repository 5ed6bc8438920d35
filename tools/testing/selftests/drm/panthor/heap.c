// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tiler heaps: what they are made of, how many there can be, and how they grow when
 * a job asks for more. Jobs that fill chunks are a thing of the software GPU.
 */

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>

#include "../../../../../drivers/gpu/drm/panthor/sim/sim_job.h"
#include "../../kselftest_harness.h"

#include "client.h"
#include "cs.h"
#include "ledger.h"
#include "simctl.h"

#define CHUNK_SIZE	(128U << 10)
#define CHUNK_ROOM	(CHUNK_SIZE - SIM_HEAP_CHUNK_HEADER)
#define MAX_HEAPS	128
/* Places in the data BO. */
#define RESULT		128

/* Staging registers of RUN_COMPUTE. */
enum { FAU = 8, TSD = 24 };

/* What HEAP_OPERATION counts: passes that were begun, tiled, done. */
enum { VT_START, VT_END, FRAG_END = 3 };

FIXTURE(heap) {
	struct client client;
	struct ledger before;
	struct ledger after;
	struct drm_panthor_tiler_heap_create heap;
};

static int heap_create(struct client *gpu, struct drm_panthor_tiler_heap_create *heap,
		       unsigned int initial, unsigned int most, unsigned int in_flight)
{
	*heap = (struct drm_panthor_tiler_heap_create){
		.vm_id = gpu->vm, .initial_chunk_count = initial, .chunk_size = CHUNK_SIZE,
		.max_chunks = most, .target_in_flight = in_flight,
	};
	return ioctl(gpu->fd, DRM_IOCTL_PANTHOR_TILER_HEAP_CREATE, heap) ? -errno : 0;
}

static int heap_destroy(struct client *gpu, uint32_t handle)
{
	struct drm_panthor_tiler_heap_destroy arg = { .handle = handle };

	return ioctl(gpu->fd, DRM_IOCTL_PANTHOR_TILER_HEAP_DESTROY, &arg) ? -errno : 0;
}

FIXTURE_SETUP(heap)
{
	const struct client_options options = { };
	int ret = client_open(&self->client, &options);

	if (ret == -ENODEV)
		SKIP(return, "no render node of a driver named panthor");
	ASSERT_EQ(0, ret);
	/* The first one makes the VM's pool, which stays. */
	ASSERT_EQ(0, heap_create(&self->client, &self->heap, 1, 1, 1));
	ASSERT_EQ(0, heap_destroy(&self->client, self->heap.handle));
	ret = ledger_read(self->client.fd, &self->before);
	if (ret)
		SKIP(return, "no list of BOs: mount debugfs at /sys/kernel/debug, be root");
}

FIXTURE_TEARDOWN(heap)
{
	EXPECT_EQ(0, client_close(&self->client));
}

static uint64_t cs_heap_set(unsigned int heap)
{
	return cs_op(48, 0, heap, 0, 0);
}

static uint64_t cs_heap_operation(unsigned int what)
{
	return cs_op(49, 0, 0, what, 0);
}

/* A pass that fills so many bytes, after so many were begun. */
static int tile(struct client *gpu, const struct drm_panthor_tiler_heap_create *heap,
		uint64_t bytes, unsigned int begun)
{
	struct sim_job job = {
		.magic = SIM_JOB_MAGIC, .op = SIM_JOB_TILE, .size = bytes, .seed = 1,
		.src = heap->first_heap_chunk_gpu_va | heap->chunk_size >> 12,
		.result = DATA_VA + RESULT,
	};
	uint64_t insns[16];
	unsigned int n = 0;
	int ret;

	memcpy(gpu->data.map, &job, sizeof(job));
	insns[n++] = cs_move48(ADDR, heap->tiler_heap_ctx_gpu_va);
	insns[n++] = cs_heap_set(ADDR);
	for (unsigned int i = 0; i < begun; i++)
		insns[n++] = cs_heap_operation(VT_START);
	insns[n++] = cs_move32(TSD, (uint32_t)SIM_JOB_MAGIC);
	insns[n++] = cs_move32(TSD + 1, SIM_JOB_MAGIC >> 32);
	insns[n++] = cs_move48(FAU, DATA_VA);
	insns[n++] = cs_run_compute();
	insns[n++] = cs_wait(1);
	insns[n++] = cs_heap_operation(VT_END);
	insns[n++] = cs_heap_operation(FRAG_END);
	ret = syncobj_reset(gpu->fd, gpu->syncobj);
	ret = ret ?: client_submit(gpu, 0, 0, insns, n);
	return ret ?: syncobj_wait(gpu->fd, gpu->syncobj, JOB_MS);
}

static uint64_t filled(const struct client *gpu)
{
	return *(volatile uint64_t *)((char *)gpu->data.map + RESULT);
}

/* A heap is one BO for each of its first chunks, and nothing when it is gone. */
TEST_F(heap, chunks)
{
	struct client *gpu = &self->client;

	ASSERT_EQ(0, heap_create(gpu, &self->heap, 3, 5, 1));
	ASSERT_EQ(0, ledger_read(gpu->fd, &self->after));
	EXPECT_EQ(self->before.bos + 3, self->after.bos);
	EXPECT_EQ(self->before.bytes + 3 * CHUNK_SIZE, self->after.bytes);
	ASSERT_EQ(0, heap_destroy(gpu, self->heap.handle));
	EXPECT_EQ(0, ledger_settle(gpu->fd, &self->before, &self->after));
}

/* Context and chunks of two heaps are in the kernel's part, each at its own address. */
TEST_F(heap, addresses)
{
	struct drm_panthor_tiler_heap_create one, two;
	struct drm_panthor_vm_create vm = { };
	struct client *gpu = &self->client;

	ASSERT_EQ(0, ioctl(gpu->fd, DRM_IOCTL_PANTHOR_VM_CREATE, &vm));
	ASSERT_EQ(0, vm_destroy(gpu->fd, vm.id));
	ASSERT_EQ(0, heap_create(gpu, &one, 1, 1, 1));
	ASSERT_EQ(0, heap_create(gpu, &two, 1, 1, 1));
	EXPECT_LE(vm.user_va_range, one.tiler_heap_ctx_gpu_va);
	EXPECT_LE(vm.user_va_range, one.first_heap_chunk_gpu_va);
	EXPECT_NE(one.tiler_heap_ctx_gpu_va, two.tiler_heap_ctx_gpu_va);
	EXPECT_NE(one.first_heap_chunk_gpu_va, two.first_heap_chunk_gpu_va);
	EXPECT_EQ(0, one.first_heap_chunk_gpu_va % 4096);
	ASSERT_EQ(0, heap_destroy(gpu, one.handle));
	ASSERT_EQ(0, heap_destroy(gpu, two.handle));
}

/* The smallest and the largest size of chunks, and one between. */
TEST_F(heap, chunk_sizes)
{
	static const uint32_t sizes[] = { CHUNK_SIZE, CHUNK_SIZE + 4096, 8 << 20 };
	struct client *gpu = &self->client;

	for (unsigned int i = 0; i < ARRAY_SIZE(sizes); i++) {
		struct drm_panthor_tiler_heap_create heap = {
			.vm_id = gpu->vm, .initial_chunk_count = 1, .chunk_size = sizes[i],
			.max_chunks = 1,
		};

		ASSERT_EQ(0, ioctl(gpu->fd, DRM_IOCTL_PANTHOR_TILER_HEAP_CREATE, &heap));
		ASSERT_EQ(0, ledger_read(gpu->fd, &self->after));
		EXPECT_EQ(self->before.bytes + sizes[i], self->after.bytes);
		ASSERT_EQ(0, heap_destroy(gpu, heap.handle));
	}
}

/* A VM has 128 heaps; one more is EBUSY, and leaves no chunk behind. */
TEST_F(heap, too_many)
{
	struct client *gpu = &self->client;
	uint32_t handle[MAX_HEAPS];
	struct ledger full;

	for (unsigned int i = 0; i < MAX_HEAPS; i++) {
		ASSERT_EQ(0, heap_create(gpu, &self->heap, 1, 1, 1));
		handle[i] = self->heap.handle;
		EXPECT_EQ(gpu->vm, handle[i] >> 16);
	}
	ASSERT_EQ(0, ledger_read(gpu->fd, &full));
	EXPECT_EQ(-EBUSY, heap_create(gpu, &self->heap, 2, 2, 1));
	EXPECT_EQ(0, ledger_settle(gpu->fd, &full, &self->after));
	/* The number of one that is gone is free again. */
	ASSERT_EQ(0, heap_destroy(gpu, handle[7]));
	ASSERT_EQ(0, heap_create(gpu, &self->heap, 1, 1, 1));
	EXPECT_EQ(handle[7], self->heap.handle);
	for (unsigned int i = 0; i < MAX_HEAPS; i++)
		EXPECT_EQ(0, heap_destroy(gpu, handle[i]));
	EXPECT_EQ(0, ledger_settle(gpu->fd, &self->before, &self->after));
}

/* A VM that never had a heap has none to destroy: ENOENT, not EINVAL. */
TEST_F(heap, vm_without)
{
	struct client *gpu = &self->client;
	uint32_t vm;

	ASSERT_EQ(0, vm_create(gpu->fd, &vm));
	EXPECT_EQ(-ENOENT, heap_destroy(gpu, vm << 16));
	ASSERT_EQ(0, vm_destroy(gpu->fd, vm));
	EXPECT_EQ(-EINVAL, heap_destroy(gpu, vm << 16));
}

/* The heaps of a VM go with it. */
TEST_F(heap, vm_destroyed)
{
	struct client *gpu = &self->client;
	struct client other = { .fd = gpu->fd };

	ASSERT_EQ(0, vm_create(gpu->fd, &other.vm));
	ASSERT_EQ(0, heap_create(&other, &self->heap, 4, 4, 1));
	ASSERT_EQ(0, vm_destroy(gpu->fd, other.vm));
	EXPECT_EQ(-EINVAL, heap_destroy(gpu, self->heap.handle));
	EXPECT_EQ(0, ledger_settle(gpu->fd, &self->before, &self->after));
}

FIXTURE(tiler) {
	struct client client;
	struct ledger before;
	struct ledger after;
	struct drm_panthor_tiler_heap_create heap;
};

/* One chunk, three at most, two passes in flight. */
FIXTURE_SETUP(tiler)
{
	const struct client_options options = { };
	struct client *gpu = &self->client;
	int ret = client_open(gpu, &options);

	if (ret == -ENODEV)
		SKIP(return, "no render node of a driver named panthor");
	ASSERT_EQ(0, ret);
	if (sim_find(gpu->fd) < 0)
		SKIP(return, "not a software GPU: panthor-sim in debugfs");
	ASSERT_EQ(0, heap_create(gpu, &self->heap, 1, 3, 2));
	/* Whoever holds BOs for a job does so for all tests. */
	ASSERT_EQ(0, client_works(gpu, PATTERN));
	ASSERT_EQ(0, ledger_read(gpu->fd, &self->before));
}

FIXTURE_TEARDOWN(tiler)
{
	struct client *gpu = &self->client;

	EXPECT_EQ(0, client_close(gpu));
}

/* A job that asks for more gets a chunk for each time, and keeps none it has not used. */
TEST_F(tiler, grows)
{
	struct client *gpu = &self->client;

	ASSERT_EQ(0, tile(gpu, &self->heap, 2 * CHUNK_ROOM, 1));
	EXPECT_EQ(1, syncobj_status(gpu->fd, gpu->syncobj));
	EXPECT_EQ(2 * CHUNK_ROOM, filled(gpu));
	ASSERT_EQ(0, ledger_read(gpu->fd, &self->after));
	EXPECT_EQ(self->before.bos + 1, self->after.bos);
	EXPECT_EQ(self->before.bytes + CHUNK_SIZE, self->after.bytes);
	EXPECT_EQ(0, group_state(gpu->fd, gpu->group, NULL));
	ASSERT_EQ(0, heap_destroy(gpu, self->heap.handle));
}

/* What fits in the first chunk asks for none. */
TEST_F(tiler, does_not_grow)
{
	struct client *gpu = &self->client;

	ASSERT_EQ(0, tile(gpu, &self->heap, CHUNK_ROOM, 1));
	EXPECT_EQ(1, syncobj_status(gpu->fd, gpu->syncobj));
	EXPECT_EQ(CHUNK_ROOM, filled(gpu));
	ASSERT_EQ(0, ledger_read(gpu->fd, &self->after));
	EXPECT_EQ(self->before.bos, self->after.bos);
}

/* At the most chunks a job gets no more, which is its fault and nobody else's. */
TEST_F(tiler, most_chunks)
{
	struct client *gpu = &self->client;

	ASSERT_EQ(0, tile(gpu, &self->heap, 4 * CHUNK_ROOM, 1));
	EXPECT_EQ(-EINVAL, syncobj_status(gpu->fd, gpu->syncobj));
	ASSERT_EQ(0, ledger_read(gpu->fd, &self->after));
	EXPECT_EQ(self->before.bos + 2, self->after.bos);
	ASSERT_EQ(0, client_new_group(gpu));
	EXPECT_EQ(0, client_works(gpu, PATTERN));
}

/* With more passes in flight than wanted there is no chunk, however few there are. */
TEST_F(tiler, most_in_flight)
{
	struct client *gpu = &self->client;

	ASSERT_EQ(0, tile(gpu, &self->heap, 2 * CHUNK_ROOM, 3));
	EXPECT_EQ(-EINVAL, syncobj_status(gpu->fd, gpu->syncobj));
	ASSERT_EQ(0, ledger_read(gpu->fd, &self->after));
	EXPECT_EQ(self->before.bos, self->after.bos);
}

/* A job that has begun no pass has nothing to ask for: fatal for its group. */
TEST_F(tiler, no_pass)
{
	struct client *gpu = &self->client;
	uint32_t queues = 0;

	ASSERT_EQ(0, tile(gpu, &self->heap, 2 * CHUNK_ROOM, 0));
	EXPECT_GT(0, syncobj_status(gpu->fd, gpu->syncobj));
	EXPECT_EQ(DRM_PANTHOR_GROUP_STATE_FATAL_FAULT, group_state(gpu->fd, gpu->group, &queues));
	EXPECT_EQ(1, queues);
	ASSERT_EQ(0, client_new_group(gpu));
	EXPECT_EQ(0, client_works(gpu, PATTERN));
}

/* Nor has one whose heap was destroyed. */
TEST_F(tiler, heap_is_gone)
{
	struct client *gpu = &self->client;
	struct drm_panthor_tiler_heap_create other;

	/* Its chunk is used, of a heap that is still there. */
	ASSERT_EQ(0, heap_create(gpu, &other, 1, 1, 1));
	self->heap.first_heap_chunk_gpu_va = other.first_heap_chunk_gpu_va;
	ASSERT_EQ(0, heap_destroy(gpu, self->heap.handle));
	ASSERT_EQ(0, tile(gpu, &self->heap, 2 * CHUNK_ROOM, 1));
	EXPECT_GT(0, syncobj_status(gpu->fd, gpu->syncobj));
	EXPECT_EQ(DRM_PANTHOR_GROUP_STATE_FATAL_FAULT, group_state(gpu->fd, gpu->group, NULL));
	ASSERT_EQ(0, client_new_group(gpu));
	EXPECT_EQ(0, client_works(gpu, PATTERN));
}

TEST_HARNESS_MAIN
