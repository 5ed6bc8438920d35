// SPDX-License-Identifier: GPL-2.0-only
/*
 * Everything of the driver's uAPI once, from the query to the recovery after a
 * reset: jobs are streams that load and store, which the CPU sees through mmap.
 */

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../../kselftest_harness.h"

#include "cs.h"
#include "panthor.h"

#define STREAM_VA	0x1000000ULL
#define STREAM_SIZE	4096
#define DATA_VA		0x2000000ULL
#define DATA_SIZE	65536
#define UNMAPPED_VA	0x8000000ULL
#define JOB_MS		10000
#define INJECT		"/sys/kernel/debug/panthor-sim/0/inject"
#define PATTERN		0xdeadbeef
/* Long enough that groups meet on the slots. */
#define LOOPS		1000

/* Registers: address pairs, values, and for the id of FLUSH. */
enum { ADDR = 68, VALUE = 70, COUNT = 72, COUNTER = 74, ONE = 76, FLUSH_ID = 78, LOADED = 80 };

FIXTURE(gpu) {
	int fd;
	uint32_t vm;
	uint32_t group;
	uint32_t syncobj;
	struct bo stream;
	struct bo data;
};

FIXTURE_VARIANT(gpu) {
	uint32_t bo_flags;
	bool exclusive;
	uint32_t map_flags;
};

FIXTURE_VARIANT_ADD(gpu, exclusive) {
	.exclusive = true,
};

FIXTURE_VARIANT_ADD(gpu, shared_wb) {
	.bo_flags = DRM_PANTHOR_BO_WB_MMAP,
};

FIXTURE_VARIANT_ADD(gpu, uncached) {
	.exclusive = true,
	.map_flags = DRM_PANTHOR_VM_BIND_OP_MAP_UNCACHED,
};

FIXTURE_SETUP(gpu)
{
	uint32_t owner;

	self->fd = panthor_open();
	if (self->fd < 0)
		SKIP(return, "no render node of a driver named panthor");

	ASSERT_EQ(0, vm_create(self->fd, &self->vm));
	owner = variant->exclusive ? self->vm : 0;
	ASSERT_EQ(0, bo_create(self->fd, self->vm, STREAM_SIZE, 0, &self->stream));
	ASSERT_EQ(0, bo_create(self->fd, owner, DATA_SIZE, variant->bo_flags, &self->data));
	self->stream.va = STREAM_VA;
	self->data.va = DATA_VA;
	ASSERT_EQ(0, vm_map(self->fd, self->vm, &self->stream, 0));
	ASSERT_EQ(0, vm_map(self->fd, self->vm, &self->data,
			    DRM_PANTHOR_VM_BIND_OP_MAP_NOEXEC | variant->map_flags));
	ASSERT_EQ(0, group_create(self->fd, self->vm, 2, &self->group));
	ASSERT_EQ(0, syncobj_create(self->fd, &self->syncobj));
}

FIXTURE_TEARDOWN(gpu)
{
	if (self->fd < 0)
		return;
	EXPECT_EQ(0, syncobj_destroy(self->fd, self->syncobj));
	if (self->group)
		EXPECT_EQ(0, group_destroy(self->fd, self->group));
	EXPECT_EQ(0, bo_close(self->fd, &self->data));
	EXPECT_EQ(0, bo_close(self->fd, &self->stream));
	EXPECT_EQ(0, vm_destroy(self->fd, self->vm));
	EXPECT_EQ(0, close(self->fd));
}

static volatile uint32_t *words(const struct bo *bo)
{
	return bo->map;
}

/* Puts a stream at a place of its own in the stream BO. */
static int submit(FIXTURE_DATA(gpu) *self, unsigned int queue, unsigned int place,
		  const uint64_t *insns, unsigned int count)
{
	unsigned int offset = place * 1024;

	memcpy((char *)self->stream.map + offset, insns, count * sizeof(*insns));
	return group_submit(self->fd, self->group, queue, STREAM_VA + offset,
			    count * sizeof(*insns), self->syncobj);
}

static int submit_store(FIXTURE_DATA(gpu) *self, uint64_t va, uint32_t value)
{
	const uint64_t insns[] = {
		cs_move48(ADDR, va),
		cs_move32(VALUE, value),
		cs_store(VALUE, ADDR, 1, 0),
		cs_wait(CS_ALL_SCOREBOARDS),
		cs_move32(FLUSH_ID, 0),
		cs_flush(FLUSH_ID, 1),
		cs_wait(CS_ALL_SCOREBOARDS),
	};

	return submit(self, 0, 0, insns, sizeof(insns) / sizeof(*insns));
}

/* Runs a store and looks at it; the way to see that all is well. */
static void expect_works(struct __test_metadata *_metadata, FIXTURE_DATA(gpu) *self,
			 uint32_t value)
{
	words(&self->data)[3] = 0;
	ASSERT_EQ(0, syncobj_reset(self->fd, self->syncobj));
	ASSERT_EQ(0, submit_store(self, DATA_VA + 12, value));
	ASSERT_EQ(0, syncobj_wait(self->fd, self->syncobj, JOB_MS));
	EXPECT_EQ(1, syncobj_status(self->fd, self->syncobj));
	EXPECT_EQ(value, words(&self->data)[3]);
	EXPECT_EQ(0, group_state(self->fd, self->group, NULL));
}

static void new_group(struct __test_metadata *_metadata, FIXTURE_DATA(gpu) *self)
{
	ASSERT_EQ(0, group_destroy(self->fd, self->group));
	self->group = 0;
	ASSERT_EQ(0, group_create(self->fd, self->vm, 2, &self->group));
}

/* A new BO reads as zeros. */
TEST_F(gpu, bo_zeroed)
{
	for (unsigned int i = 0; i < DATA_SIZE / 4; i++)
		ASSERT_EQ(0, words(&self->data)[i]);
}

/* What a stream stores is seen through mmap once its fence has signaled. */
TEST_F(gpu, store)
{
	expect_works(_metadata, self, PATTERN);
}

/* A stream reads what the CPU wrote before it was submitted. */
TEST_F(gpu, load)
{
	const uint64_t insns[] = {
		cs_move48(ADDR, DATA_VA),
		cs_load(LOADED, ADDR, 1, 0),
		cs_wait(CS_ALL_SCOREBOARDS),
		cs_store(LOADED, ADDR, 1, 4096),
		cs_wait(CS_ALL_SCOREBOARDS),
	};

	words(&self->data)[0] = PATTERN;
	ASSERT_EQ(0, bo_sync(self->fd, &self->data, DRM_PANTHOR_BO_SYNC_CPU_CACHE_FLUSH));
	ASSERT_EQ(0, submit(self, 0, 0, insns, 5));
	ASSERT_EQ(0, syncobj_wait(self->fd, self->syncobj, JOB_MS));
	ASSERT_EQ(0, bo_sync(self->fd, &self->data,
			     DRM_PANTHOR_BO_SYNC_CPU_CACHE_FLUSH_AND_INVALIDATE));
	EXPECT_EQ(PATTERN, words(&self->data)[1024]);
}

FIXTURE(one) {
	FIXTURE_DATA(gpu) gpu;
};

/* The rest has no variants. */
FIXTURE_SETUP(one)
{
	static const FIXTURE_VARIANT(gpu) plain = { .exclusive = true };

	gpu_setup(_metadata, &self->gpu, &plain);
}

FIXTURE_TEARDOWN(one)
{
	static const FIXTURE_VARIANT(gpu) plain = { .exclusive = true };

	gpu_teardown(_metadata, &self->gpu, &plain);
}

/* The queries return what a GPU must have. */
TEST_F(one, query)
{
	struct drm_panthor_timestamp_info before = { }, after = { };
	struct drm_panthor_csif_info csif = { };
	struct drm_panthor_gpu_info gpu = { };
	int fd = self->gpu.fd;

	ASSERT_EQ(0, query(fd, DRM_PANTHOR_DEV_QUERY_GPU_INFO, &gpu, sizeof(gpu)));
	EXPECT_NE(0, gpu.gpu_id);
	EXPECT_NE(0, gpu.shader_present);
	ASSERT_EQ(0, query(fd, DRM_PANTHOR_DEV_QUERY_CSIF_INFO, &csif, sizeof(csif)));
	EXPECT_NE(0, csif.csg_slot_count);
	EXPECT_NE(0, csif.cs_slot_count);
	EXPECT_NE(0, csif.cs_reg_count);
	EXPECT_NE(0, csif.scoreboard_slot_count);
	ASSERT_EQ(0, query(fd, DRM_PANTHOR_DEV_QUERY_TIMESTAMP_INFO, &before, sizeof(before)));
	ASSERT_EQ(0, query(fd, DRM_PANTHOR_DEV_QUERY_TIMESTAMP_INFO, &after, sizeof(after)));
	EXPECT_NE(0, before.timestamp_frequency);
	EXPECT_GE(after.current_timestamp, before.current_timestamp);
	EXPECT_EQ(-EINVAL, query(fd, 99, &gpu, sizeof(gpu)));
}

/* The page of LATEST_FLUSH can be read, and not written. */
TEST_F(one, flush_id_page)
{
	const uint64_t offset = DRM_PANTHOR_USER_FLUSH_ID_MMIO_OFFSET;
	volatile uint32_t *page;

	page = mmap(NULL, 4096, PROT_READ, MAP_SHARED, self->gpu.fd, offset);
	ASSERT_NE(MAP_FAILED, (void *)page);
	EXPECT_NE(0, *page);
	EXPECT_EQ(0, munmap((void *)page, 4096));
	EXPECT_EQ(MAP_FAILED, mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, self->gpu.fd,
				   offset));
}

/* An asynchronous bind signals its fence, and a job behind it sees the mapping. */
TEST_F(one, bind_async)
{
	FIXTURE_DATA(gpu) *gpu = &self->gpu;
	uint32_t bound;
	struct drm_panthor_sync_op sync = { .flags = DRM_PANTHOR_SYNC_OP_SIGNAL };
	struct drm_panthor_vm_bind_op op = {
		.flags = DRM_PANTHOR_VM_BIND_OP_TYPE_MAP | DRM_PANTHOR_VM_BIND_OP_MAP_NOEXEC,
		.bo_handle = gpu->data.handle, .va = UNMAPPED_VA, .size = DATA_SIZE,
		.syncs = DRM_PANTHOR_OBJ_ARRAY(1, &sync),
	};

	ASSERT_EQ(0, syncobj_create(gpu->fd, &bound));
	sync.handle = bound;
	ASSERT_EQ(0, vm_bind(gpu->fd, gpu->vm, &op, 1, true));
	ASSERT_EQ(0, syncobj_wait(gpu->fd, bound, JOB_MS));
	ASSERT_EQ(0, submit_store(gpu, UNMAPPED_VA + 20, PATTERN));
	ASSERT_EQ(0, syncobj_wait(gpu->fd, gpu->syncobj, JOB_MS));
	EXPECT_EQ(PATTERN, words(&gpu->data)[5]);

	ASSERT_EQ(0, syncobj_reset(gpu->fd, bound));
	op.flags = DRM_PANTHOR_VM_BIND_OP_TYPE_UNMAP;
	op.bo_handle = 0;
	ASSERT_EQ(0, vm_bind(gpu->fd, gpu->vm, &op, 1, true));
	ASSERT_EQ(0, syncobj_wait(gpu->fd, bound, JOB_MS));
	EXPECT_EQ(1, syncobj_status(gpu->fd, bound));
	EXPECT_EQ(0, vm_state(gpu->fd, gpu->vm));
	EXPECT_EQ(0, syncobj_destroy(gpu->fd, bound));
}

/* A job without a stream only passes on fences. */
TEST_F(one, submit_nothing)
{
	ASSERT_EQ(0, group_submit(self->gpu.fd, self->gpu.group, 0, 0, 0, self->gpu.syncobj));
	ASSERT_EQ(0, syncobj_wait(self->gpu.fd, self->gpu.syncobj, JOB_MS));
	EXPECT_EQ(1, syncobj_status(self->gpu.fd, self->gpu.syncobj));
}

/* More jobs than the ring holds all run, in order and once. */
TEST_F(one, ring_wraps)
{
	FIXTURE_DATA(gpu) *gpu = &self->gpu;
	const uint64_t insns[] = {
		cs_move48(ADDR, DATA_VA),
		cs_move32(ONE, 1),
		cs_sync_add32(ADDR, ONE),
	};

	memcpy(gpu->stream.map, insns, sizeof(insns));
	for (unsigned int i = 0; i < 200; i++)
		ASSERT_EQ(0, group_submit(gpu->fd, gpu->group, 0, STREAM_VA, sizeof(insns),
					  gpu->syncobj));
	ASSERT_EQ(0, syncobj_wait(gpu->fd, gpu->syncobj, JOB_MS));
	EXPECT_EQ(200, words(&gpu->data)[0]);
}

static unsigned int counted_loop(uint64_t *insns, uint64_t va, uint32_t count)
{
	unsigned int n = 0;

	insns[n++] = cs_move48(ADDR, va);
	insns[n++] = cs_move32(COUNT, count);
	insns[n++] = cs_move32(COUNTER, 0);
	insns[n++] = cs_add32(COUNTER, COUNTER, 1);
	insns[n++] = cs_sync_set32(ADDR, COUNTER);
	insns[n++] = cs_add32(COUNT, COUNT, -1);
	insns[n++] = cs_branch(CS_NE, COUNT, -4);
	return n;
}

/* More groups than there are slots all come to their end, none misses a count. */
TEST_F_TIMEOUT(one, more_groups_than_slots, 60)
{
	FIXTURE_DATA(gpu) *gpu = &self->gpu;
	struct drm_panthor_csif_info csif = { };
	uint32_t group[34], syncobj[34];
	unsigned int groups, n;
	uint64_t insns[16];

	ASSERT_EQ(0, query(gpu->fd, DRM_PANTHOR_DEV_QUERY_CSIF_INFO, &csif, sizeof(csif)));
	groups = csif.csg_slot_count + 2;
	ASSERT_LE(groups, 34);
	/* Each stream with its own counter, and all streams in a BO of 4 KiB. */
	ASSERT_LE(groups * 128, STREAM_SIZE);
	for (unsigned int i = 0; i < groups; i++) {
		n = counted_loop(insns, DATA_VA + i * 8, LOOPS);
		memcpy((char *)gpu->stream.map + i * 128, insns, n * sizeof(*insns));
		ASSERT_EQ(0, group_create(gpu->fd, gpu->vm, 1, &group[i]));
		ASSERT_EQ(0, syncobj_create(gpu->fd, &syncobj[i]));
	}
	for (unsigned int i = 0; i < groups; i++)
		ASSERT_EQ(0, group_submit(gpu->fd, group[i], 0, STREAM_VA + i * 128,
					  n * sizeof(*insns), syncobj[i]));
	for (unsigned int i = 0; i < groups; i++) {
		EXPECT_EQ(0, syncobj_wait(gpu->fd, syncobj[i], 30000));
		EXPECT_EQ(1, syncobj_status(gpu->fd, syncobj[i]));
		EXPECT_EQ(LOOPS, words(&gpu->data)[i * 2]);
		EXPECT_EQ(0, group_destroy(gpu->fd, group[i]));
		EXPECT_EQ(0, syncobj_destroy(gpu->fd, syncobj[i]));
	}
}

/* One queue waits for the other, without the CPU. */
TEST_F(one, queues_wait_for_each_other)
{
	FIXTURE_DATA(gpu) *gpu = &self->gpu;
	const uint64_t waiter[] = {
		cs_move48(ADDR, DATA_VA),
		cs_move32(VALUE, 0),
		cs_sync_wait32(CS_GT, ADDR, VALUE),
		cs_move32(VALUE, PATTERN),
		cs_store(VALUE, ADDR, 1, 64),
		cs_wait(CS_ALL_SCOREBOARDS),
	};
	const uint64_t setter[] = {
		cs_move48(ADDR, DATA_VA),
		cs_move32(ONE, 1),
		cs_sync_add32(ADDR, ONE),
	};
	uint32_t second;

	ASSERT_EQ(0, submit(gpu, 0, 0, waiter, 6));
	EXPECT_EQ(-ETIME, syncobj_wait(gpu->fd, gpu->syncobj, 20));
	EXPECT_EQ(0, words(&gpu->data)[16]);

	second = gpu->syncobj;
	ASSERT_EQ(0, syncobj_create(gpu->fd, &gpu->syncobj));
	ASSERT_EQ(0, submit(gpu, 1, 1, setter, 3));
	ASSERT_EQ(0, syncobj_wait(gpu->fd, gpu->syncobj, JOB_MS));
	ASSERT_EQ(0, syncobj_wait(gpu->fd, second, JOB_MS));
	EXPECT_EQ(PATTERN, words(&gpu->data)[16]);
	EXPECT_EQ(0, syncobj_destroy(gpu->fd, second));
}

/* A stream that waits goes on soon after the CPU has written what it waits for. */
TEST_F(one, cpu_releases_wait)
{
	FIXTURE_DATA(gpu) *gpu = &self->gpu;
	const uint64_t insns[] = {
		cs_move48(ADDR, DATA_VA),
		cs_move32(VALUE, 0),
		cs_sync_wait32(CS_GT, ADDR, VALUE),
	};

	ASSERT_EQ(0, submit(gpu, 0, 0, insns, 3));
	EXPECT_EQ(-ETIME, syncobj_wait(gpu->fd, gpu->syncobj, 10));
	words(&gpu->data)[0] = 1;
	EXPECT_EQ(0, syncobj_wait(gpu->fd, gpu->syncobj, JOB_MS));
	EXPECT_EQ(1, syncobj_status(gpu->fd, gpu->syncobj));
}

/* A store to nowhere is fatal for its group, and for nothing else of the VM. */
TEST_F(one, page_fault)
{
	FIXTURE_DATA(gpu) *gpu = &self->gpu;
	uint32_t queues = 0;

	ASSERT_EQ(0, submit_store(gpu, UNMAPPED_VA, PATTERN));
	ASSERT_EQ(0, syncobj_wait(gpu->fd, gpu->syncobj, JOB_MS));
	EXPECT_EQ(-EINVAL, syncobj_status(gpu->fd, gpu->syncobj));
	EXPECT_EQ(DRM_PANTHOR_GROUP_STATE_FATAL_FAULT,
		  group_state(gpu->fd, gpu->group, &queues));
	EXPECT_EQ(1, queues);
	EXPECT_EQ(0, vm_state(gpu->fd, gpu->vm));
	EXPECT_EQ(-EINVAL, submit_store(gpu, DATA_VA, PATTERN));

	new_group(_metadata, gpu);
	expect_works(_metadata, gpu, PATTERN);
}

/* A store through a read-only mapping is fatal, and does not store. */
TEST_F(one, read_only)
{
	FIXTURE_DATA(gpu) *gpu = &self->gpu;
	struct bo alias = gpu->data;

	alias.va = UNMAPPED_VA;
	ASSERT_EQ(0, vm_map(gpu->fd, gpu->vm, &alias, DRM_PANTHOR_VM_BIND_OP_MAP_READONLY));
	ASSERT_EQ(0, submit_store(gpu, UNMAPPED_VA, PATTERN));
	ASSERT_EQ(0, syncobj_wait(gpu->fd, gpu->syncobj, JOB_MS));
	EXPECT_EQ(-EINVAL, syncobj_status(gpu->fd, gpu->syncobj));
	EXPECT_EQ(0, words(&gpu->data)[0]);

	new_group(_metadata, gpu);
	expect_works(_metadata, gpu, PATTERN);
}

/* What is no instruction is fatal for its queue only, by name. */
TEST_F(one, invalid_instruction)
{
	FIXTURE_DATA(gpu) *gpu = &self->gpu;
	const uint64_t insns[] = { cs_invalid() };
	uint32_t queues = 0;

	ASSERT_EQ(0, submit(gpu, 1, 0, insns, 1));
	ASSERT_EQ(0, syncobj_wait(gpu->fd, gpu->syncobj, JOB_MS));
	EXPECT_EQ(-EINVAL, syncobj_status(gpu->fd, gpu->syncobj));
	EXPECT_EQ(DRM_PANTHOR_GROUP_STATE_FATAL_FAULT,
		  group_state(gpu->fd, gpu->group, &queues));
	EXPECT_EQ(2, queues);

	new_group(_metadata, gpu);
	expect_works(_metadata, gpu, PATTERN);
}

/* A job that waits for ever is ended by the driver, and the next group runs. */
TEST_F_TIMEOUT(one, job_timeout, 60)
{
	FIXTURE_DATA(gpu) *gpu = &self->gpu;
	const uint64_t insns[] = {
		cs_move48(ADDR, DATA_VA),
		cs_move32(VALUE, 0),
		cs_sync_wait32(CS_GT, ADDR, VALUE),
	};

	ASSERT_EQ(0, submit(gpu, 0, 0, insns, 3));
	ASSERT_EQ(0, syncobj_wait(gpu->fd, gpu->syncobj, 20000));
	EXPECT_EQ(-ETIMEDOUT, syncobj_status(gpu->fd, gpu->syncobj));
	EXPECT_EQ(DRM_PANTHOR_GROUP_STATE_TIMEDOUT, group_state(gpu->fd, gpu->group, NULL));

	new_group(_metadata, gpu);
	expect_works(_metadata, gpu, PATTERN);
}

/* A group that is destroyed while it runs is off the GPU then. */
TEST_F(one, destroy_running)
{
	FIXTURE_DATA(gpu) *gpu = &self->gpu;
	uint64_t insns[16];
	unsigned int n = counted_loop(insns, DATA_VA, 50000000);
	uint32_t seen;

	ASSERT_EQ(0, submit(gpu, 0, 0, insns, n));
	for (unsigned int i = 0; i < 1000 && !words(&gpu->data)[0]; i++)
		sleep_ms(1);
	ASSERT_NE(0, words(&gpu->data)[0]);
	new_group(_metadata, gpu);
	ASSERT_EQ(0, syncobj_wait(gpu->fd, gpu->syncobj, JOB_MS));
	EXPECT_GT(0, syncobj_status(gpu->fd, gpu->syncobj));
	seen = words(&gpu->data)[0];
	sleep_ms(20);
	EXPECT_EQ(seen, words(&gpu->data)[0]);
	expect_works(_metadata, gpu, PATTERN);
}

static int wait_runtime_status(int fd, const char *want, unsigned int ms)
{
	uint64_t end = now_ms() + ms;
	char text[32] = "";

	do {
		int ret = panthor_runtime_status(fd, text, sizeof(text));

		if (ret)
			return ret;
		if (!strcmp(text, want))
			return 0;
		sleep_ms(10);
	} while (now_ms() < end);

	return -ETIMEDOUT;
}

/* The GPU is switched off when idle, and a job switches it on with all it knew. */
TEST_F(one, suspend_resume)
{
	FIXTURE_DATA(gpu) *gpu = &self->gpu;
	char text[32];

	if (panthor_runtime_status(gpu->fd, text, sizeof(text)) || !strcmp(text, "unsupported"))
		SKIP(return, "no runtime power management: mount /sys, set CONFIG_PM");

	for (unsigned int i = 0; i < 3; i++) {
		expect_works(_metadata, gpu, PATTERN + i);
		ASSERT_EQ(0, wait_runtime_status(gpu->fd, "suspended", JOB_MS));
		EXPECT_EQ(PATTERN + i, words(&gpu->data)[3]);
	}
}

/* Memory that was swapped out is back for the GPU when a job needs it. */
TEST_F_TIMEOUT(one, shrink, 60)
{
	FIXTURE_DATA(gpu) *gpu = &self->gpu;
	const uint64_t insns[] = {
		cs_move48(ADDR, DATA_VA),
		cs_load(LOADED, ADDR, 0xf, 16384),
		cs_wait(CS_ALL_SCOREBOARDS),
		cs_store(LOADED, ADDR, 0xf, 0),
		cs_wait(CS_ALL_SCOREBOARDS),
	};
	char path[80];

	if (panthor_debugfs(gpu->fd, "shrink", path, sizeof(path)))
		SKIP(return, "no shrink file: mount debugfs at /sys/kernel/debug, be root");
	if (!have_swap())
		SKIP(return, "no swap: modprobe zram; echo 64M >/sys/block/zram0/disksize; mkswap and swapon /dev/zram0");

	for (unsigned int i = 4096; i < DATA_SIZE / 4; i++)
		words(&gpu->data)[i] = i;
	expect_works(_metadata, gpu, PATTERN);
	/* What the CPU has mapped, or a job is about to use, is not taken. */
	ASSERT_EQ(0, munmap(gpu->data.map, gpu->data.size));
	gpu->data.map = NULL;
	ASSERT_EQ(0, file_write(path, "100000"));

	ASSERT_EQ(0, syncobj_reset(gpu->fd, gpu->syncobj));
	ASSERT_EQ(0, submit(gpu, 0, 1, insns, 5));
	ASSERT_EQ(0, syncobj_wait(gpu->fd, gpu->syncobj, JOB_MS));
	EXPECT_EQ(1, syncobj_status(gpu->fd, gpu->syncobj));
	ASSERT_EQ(0, bo_map(gpu->fd, &gpu->data));
	for (unsigned int i = 0; i < 4; i++)
		EXPECT_EQ(4096 + i, words(&gpu->data)[i]);
	for (unsigned int i = 4096; i < DATA_SIZE / 4; i++)
		ASSERT_EQ(i, words(&gpu->data)[i]);
}

/* After a hang of the firmware the GPU is reset, and a new group runs. */
TEST_F_TIMEOUT(one, reset, 60)
{
	FIXTURE_DATA(gpu) *gpu = &self->gpu;
	/* Says that it runs, then waits for ever. */
	const uint64_t insns[] = {
		cs_move48(ADDR, DATA_VA),
		cs_move32(VALUE, 1),
		cs_sync_set32(ADDR, VALUE),
		cs_sync_wait32(CS_GT, ADDR, VALUE),
	};

	if (!panthor_is_sim())
		SKIP(return, "a hang can only be had of the software GPU: panthor-sim in debugfs");

	/* The firmware hangs while the driver waits for it to switch to another group. */
	expect_works(_metadata, gpu, PATTERN);
	ASSERT_EQ(0, wait_runtime_status(gpu->fd, "suspended", JOB_MS));
	ASSERT_EQ(0, syncobj_reset(gpu->fd, gpu->syncobj));
	ASSERT_EQ(0, submit(gpu, 1, 1, insns, 4));
	for (unsigned int i = 0; i < 1000 && !words(&gpu->data)[0]; i++)
		sleep_ms(1);
	ASSERT_NE(0, words(&gpu->data)[0]);
	ASSERT_EQ(0, file_write(INJECT, "mcu-hang"));
	ASSERT_EQ(0, syncobj_wait(gpu->fd, gpu->syncobj, 40000));
	EXPECT_GT(0, syncobj_status(gpu->fd, gpu->syncobj));
	EXPECT_NE(0, group_state(gpu->fd, gpu->group, NULL));

	new_group(_metadata, gpu);
	expect_works(_metadata, gpu, PATTERN);
}

TEST_HARNESS_MAIN
