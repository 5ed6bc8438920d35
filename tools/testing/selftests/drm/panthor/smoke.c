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

#include "client.h"
#include "cs.h"
#include "panthor.h"

/* Long enough that groups meet on the slots, and all done before the first times out. */
#define LOOPS		200

FIXTURE(gpu) {
	struct client client;
};

FIXTURE_VARIANT(gpu) {
	struct client_options options;
};

FIXTURE_VARIANT_ADD(gpu, exclusive) {
	.options = { },
};

FIXTURE_VARIANT_ADD(gpu, shared_wb) {
	.options = { .shared = true, .bo_flags = DRM_PANTHOR_BO_WB_MMAP },
};

FIXTURE_VARIANT_ADD(gpu, uncached) {
	.options = { .map_flags = DRM_PANTHOR_VM_BIND_OP_MAP_UNCACHED },
};

/* In the harness's VM this one is not coherent. */
FIXTURE_VARIANT_ADD(gpu, second) {
	.options = { .gpu = 1 },
};

FIXTURE_VARIANT_ADD(gpu, second_wb) {
	.options = { .gpu = 1, .shared = true, .bo_flags = DRM_PANTHOR_BO_WB_MMAP },
};

FIXTURE_SETUP(gpu)
{
	int ret = client_open(&self->client, &variant->options);

	if (ret == -ENODEV)
		SKIP(return, "no GPU %u of a driver named panthor", variant->options.gpu);
	ASSERT_EQ(0, ret);
}

FIXTURE_TEARDOWN(gpu)
{
	EXPECT_EQ(0, client_close(&self->client));
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

/*
 * Keeps GPU and group busy until the group is destroyed: what only waits is put to
 * sleep soon, with the GPU, and on a slow machine before a test gets its turn.
 */
static int keep_busy(struct client *gpu, unsigned int queue)
{
	uint64_t insns[16], end = now_ms() + JOB_MS;
	unsigned int n = counted_loop(insns, DATA_VA + DATA_SIZE - 8, 50000000);
	int ret = client_submit(gpu, queue, 7, insns, n);

	while (!ret && !client_words(gpu)[DATA_SIZE / 4 - 2]) {
		sleep_ms(1);
		if (now_ms() > end)
			ret = -ETIMEDOUT;
	}
	return ret;
}

/* A new BO reads as zeros. */
TEST_F(gpu, bo_zeroed)
{
	for (unsigned int i = 0; i < DATA_SIZE / 4; i++)
		ASSERT_EQ(0, client_words(&self->client)[i]);
}

/* What a stream stores is seen through mmap once its fence has signaled. */
TEST_F(gpu, store)
{
	ASSERT_EQ(0, client_works(&self->client, PATTERN));
}

/* A stream reads what the CPU wrote before it was submitted. */
TEST_F(gpu, load)
{
	struct client *gpu = &self->client;
	const uint64_t insns[] = {
		cs_move48(ADDR, DATA_VA),
		cs_load(LOADED, ADDR, 1, 0),
		cs_wait(CS_ALL_SCOREBOARDS),
		cs_store(LOADED, ADDR, 1, 4096),
		cs_wait(CS_ALL_SCOREBOARDS),
	};

	client_words(gpu)[0] = PATTERN;
	ASSERT_EQ(0, bo_sync(gpu->fd, &gpu->data, DRM_PANTHOR_BO_SYNC_CPU_CACHE_FLUSH));
	ASSERT_EQ(0, client_submit_all(gpu, 0, 0, insns));
	ASSERT_EQ(0, syncobj_wait(gpu->fd, gpu->syncobj, JOB_MS));
	ASSERT_EQ(0, bo_sync(gpu->fd, &gpu->data,
			     DRM_PANTHOR_BO_SYNC_CPU_CACHE_FLUSH_AND_INVALIDATE));
	EXPECT_EQ(PATTERN, client_words(gpu)[1024]);
}

FIXTURE(one) {
	struct client client;
};

/* The rest has no variants. */
FIXTURE_SETUP(one)
{
	const struct client_options options = { };
	int ret = client_open(&self->client, &options);

	if (ret == -ENODEV)
		SKIP(return, "no render node of a driver named panthor");
	ASSERT_EQ(0, ret);
}

FIXTURE_TEARDOWN(one)
{
	EXPECT_EQ(0, client_close(&self->client));
}

/* The queries return what a GPU must have. */
TEST_F(one, query)
{
	struct drm_panthor_timestamp_info before = { }, after = { };
	struct drm_panthor_csif_info csif = { };
	struct drm_panthor_gpu_info gpu = { };
	int fd = self->client.fd;

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
	/* The driver knows it on Arm only. */
#ifdef __aarch64__
	EXPECT_NE(0, before.timestamp_frequency);
#endif
	EXPECT_GE(after.current_timestamp, before.current_timestamp);
	EXPECT_EQ(-EINVAL, query(fd, 99, &gpu, sizeof(gpu)));
}

/* The page of LATEST_FLUSH can be read, and not written. */
TEST_F(one, flush_id_page)
{
	const uint64_t offset = DRM_PANTHOR_USER_FLUSH_ID_MMIO_OFFSET;
	volatile uint32_t *page;

	page = mmap(NULL, 4096, PROT_READ, MAP_SHARED, self->client.fd, offset);
	ASSERT_NE(MAP_FAILED, (void *)page);
	EXPECT_NE(0, *page);
	EXPECT_EQ(0, munmap((void *)page, 4096));
	EXPECT_EQ(MAP_FAILED, mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, self->client.fd,
				   offset));
}

/*
 * LATEST_FLUSH as user space sees it: 1 while the GPU sleeps, later with each
 * flush while it works. A stream may say up to which flush it needs none.
 */
TEST_F(one, flush_id_moves)
{
	const uint64_t offset = DRM_PANTHOR_USER_FLUSH_ID_MMIO_OFFSET;
	struct client *gpu = &self->client;
	const uint64_t flush[] = {
		cs_move32(FLUSH_ID, 0),
		cs_flush(FLUSH_ID, 1),
		cs_wait(CS_ALL_SCOREBOARDS),
	};
	volatile uint32_t *page;
	uint32_t first;

	page = mmap(NULL, 4096, PROT_READ, MAP_SHARED, gpu->fd, offset);
	ASSERT_NE(MAP_FAILED, (void *)page);
	ASSERT_EQ(0, client_wait_status(gpu, "suspended", JOB_MS));
	EXPECT_EQ(1, *page);

	ASSERT_EQ(0, keep_busy(gpu, 0));
	first = *page;
	ASSERT_EQ(0, syncobj_reset(gpu->fd, gpu->syncobj));
	ASSERT_EQ(0, client_submit_all(gpu, 1, 1, flush));
	ASSERT_EQ(0, syncobj_wait(gpu->fd, gpu->syncobj, JOB_MS));
	EXPECT_LT(first, *page);

	ASSERT_EQ(0, syncobj_reset(gpu->fd, gpu->syncobj));
	ASSERT_EQ(0, group_submit_flush(gpu->fd, gpu->group, 1, STREAM_VA + PLACE_SIZE,
					sizeof(flush), *page, gpu->syncobj));
	ASSERT_EQ(0, syncobj_wait(gpu->fd, gpu->syncobj, JOB_MS));
	EXPECT_EQ(1, syncobj_status(gpu->fd, gpu->syncobj));
	EXPECT_EQ(0, munmap((void *)page, 4096));
}

/* An asynchronous bind signals its fence, and a job behind it sees the mapping. */
TEST_F(one, bind_async)
{
	struct client *gpu = &self->client;
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
	ASSERT_EQ(0, client_store(gpu, UNMAPPED_VA + 20, PATTERN));
	ASSERT_EQ(0, syncobj_wait(gpu->fd, gpu->syncobj, JOB_MS));
	EXPECT_EQ(PATTERN, client_words(gpu)[5]);

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
	struct client *gpu = &self->client;

	ASSERT_EQ(0, group_submit(gpu->fd, gpu->group, 0, 0, 0, gpu->syncobj));
	ASSERT_EQ(0, syncobj_wait(gpu->fd, gpu->syncobj, JOB_MS));
	EXPECT_EQ(1, syncobj_status(gpu->fd, gpu->syncobj));
}

/* More jobs than the ring holds all run, in order and once. */
TEST_F(one, ring_wraps)
{
	struct client *gpu = &self->client;
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
	EXPECT_EQ(200, client_words(gpu)[0]);
}

/* More groups than there are slots all come to their end, none misses a count. */
TEST_F_TIMEOUT(one, more_groups_than_slots, 60)
{
	struct client *gpu = &self->client;
	struct drm_panthor_csif_info csif = { };
	uint32_t group[34], syncobj[34];
	unsigned int groups, n;
	uint64_t insns[16];

	ASSERT_EQ(0, query(gpu->fd, DRM_PANTHOR_DEV_QUERY_CSIF_INFO, &csif, sizeof(csif)));
	groups = csif.csg_slot_count + 2;
	ASSERT_LE(groups, 34);
	/* Each stream with its own counter, and all streams in one BO. */
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
		EXPECT_EQ(LOOPS, client_words(gpu)[i * 2]);
		EXPECT_EQ(0, group_destroy(gpu->fd, group[i]));
		EXPECT_EQ(0, syncobj_destroy(gpu->fd, syncobj[i]));
	}
}

/* One queue waits for the other, without the CPU. */
TEST_F(one, queues_wait_for_each_other)
{
	struct client *gpu = &self->client;
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

	ASSERT_EQ(0, client_submit_all(gpu, 0, 0, waiter));
	EXPECT_EQ(-ETIME, syncobj_wait(gpu->fd, gpu->syncobj, 20));
	EXPECT_EQ(0, client_words(gpu)[16]);

	second = gpu->syncobj;
	ASSERT_EQ(0, syncobj_create(gpu->fd, &gpu->syncobj));
	ASSERT_EQ(0, client_submit_all(gpu, 1, 1, setter));
	ASSERT_EQ(0, syncobj_wait(gpu->fd, gpu->syncobj, JOB_MS));
	ASSERT_EQ(0, syncobj_wait(gpu->fd, second, JOB_MS));
	EXPECT_EQ(PATTERN, client_words(gpu)[16]);
	EXPECT_EQ(0, syncobj_destroy(gpu->fd, second));
}

/* A stream that waits on the GPU goes on once the CPU has written what it waits for. */
TEST_F(one, cpu_releases_wait)
{
	struct client *gpu = &self->client;
	const uint64_t insns[] = {
		cs_move48(ADDR, DATA_VA),
		cs_move32(VALUE, 0),
		cs_sync_wait32(CS_GT, ADDR, VALUE),
	};

	ASSERT_EQ(0, keep_busy(gpu, 1));
	ASSERT_EQ(0, syncobj_reset(gpu->fd, gpu->syncobj));
	ASSERT_EQ(0, client_submit_all(gpu, 0, 0, insns));
	EXPECT_EQ(-ETIME, syncobj_wait(gpu->fd, gpu->syncobj, 10));
	client_words(gpu)[0] = 1;
	EXPECT_EQ(0, syncobj_wait(gpu->fd, gpu->syncobj, JOB_MS));
	EXPECT_EQ(1, syncobj_status(gpu->fd, gpu->syncobj));
}

/* A store to nowhere is fatal for its group, and for nothing else of the VM. */
TEST_F(one, page_fault)
{
	struct client *gpu = &self->client;
	uint32_t queues = 0;

	ASSERT_EQ(0, client_store(gpu, UNMAPPED_VA, PATTERN));
	ASSERT_EQ(0, syncobj_wait(gpu->fd, gpu->syncobj, JOB_MS));
	EXPECT_EQ(-EINVAL, syncobj_status(gpu->fd, gpu->syncobj));
	EXPECT_EQ(DRM_PANTHOR_GROUP_STATE_FATAL_FAULT,
		  group_state(gpu->fd, gpu->group, &queues));
	/* If the driver sees to the fault before the firmware tells, all are to blame. */
	EXPECT_NE(0, queues & 1);
	EXPECT_EQ(0, vm_state(gpu->fd, gpu->vm));
	EXPECT_EQ(-EINVAL, client_store(gpu, DATA_VA, PATTERN));

	ASSERT_EQ(0, client_new_group(gpu));
	ASSERT_EQ(0, client_works(gpu, PATTERN));
}

/* A store through a read-only mapping is fatal, and does not store. */
TEST_F(one, read_only)
{
	struct client *gpu = &self->client;
	struct bo alias = gpu->data;

	alias.va = UNMAPPED_VA;
	ASSERT_EQ(0, vm_map(gpu->fd, gpu->vm, &alias, DRM_PANTHOR_VM_BIND_OP_MAP_READONLY));
	ASSERT_EQ(0, client_store(gpu, UNMAPPED_VA, PATTERN));
	ASSERT_EQ(0, syncobj_wait(gpu->fd, gpu->syncobj, JOB_MS));
	EXPECT_EQ(-EINVAL, syncobj_status(gpu->fd, gpu->syncobj));
	EXPECT_EQ(0, client_words(gpu)[0]);

	ASSERT_EQ(0, client_new_group(gpu));
	ASSERT_EQ(0, client_works(gpu, PATTERN));
}

/* What is no instruction is fatal for its queue only, by name. */
TEST_F(one, invalid_instruction)
{
	struct client *gpu = &self->client;
	const uint64_t insns[] = { cs_invalid() };
	uint32_t queues = 0;

	ASSERT_EQ(0, client_submit_all(gpu, 1, 0, insns));
	ASSERT_EQ(0, syncobj_wait(gpu->fd, gpu->syncobj, JOB_MS));
	EXPECT_EQ(-EINVAL, syncobj_status(gpu->fd, gpu->syncobj));
	EXPECT_EQ(DRM_PANTHOR_GROUP_STATE_FATAL_FAULT,
		  group_state(gpu->fd, gpu->group, &queues));
	EXPECT_EQ(2, queues);

	ASSERT_EQ(0, client_new_group(gpu));
	ASSERT_EQ(0, client_works(gpu, PATTERN));
}

/* A job that waits for ever is ended by the driver, and the next group runs. */
TEST_F_TIMEOUT(one, job_timeout, 60)
{
	struct client *gpu = &self->client;
	const uint64_t insns[] = {
		cs_move48(ADDR, DATA_VA),
		cs_move32(VALUE, 0),
		cs_sync_wait32(CS_GT, ADDR, VALUE),
	};

	ASSERT_EQ(0, client_submit_all(gpu, 0, 0, insns));
	ASSERT_EQ(0, syncobj_wait(gpu->fd, gpu->syncobj, 20000));
	EXPECT_EQ(-ETIMEDOUT, syncobj_status(gpu->fd, gpu->syncobj));
	EXPECT_EQ(DRM_PANTHOR_GROUP_STATE_TIMEDOUT, group_state(gpu->fd, gpu->group, NULL));

	ASSERT_EQ(0, client_new_group(gpu));
	ASSERT_EQ(0, client_works(gpu, PATTERN));
}

/* A group that is destroyed while it runs is off the GPU then. */
TEST_F(one, destroy_running)
{
	struct client *gpu = &self->client;
	uint64_t insns[16];
	unsigned int n = counted_loop(insns, DATA_VA, 50000000);
	uint32_t seen;

	ASSERT_EQ(0, client_submit(gpu, 0, 0, insns, n));
	for (unsigned int i = 0; i < 1000 && !client_words(gpu)[0]; i++)
		sleep_ms(1);
	ASSERT_NE(0, client_words(gpu)[0]);
	ASSERT_EQ(0, client_new_group(gpu));
	ASSERT_EQ(0, syncobj_wait(gpu->fd, gpu->syncobj, JOB_MS));
	EXPECT_GT(0, syncobj_status(gpu->fd, gpu->syncobj));
	seen = client_words(gpu)[0];
	sleep_ms(20);
	EXPECT_EQ(seen, client_words(gpu)[0]);
	ASSERT_EQ(0, client_works(gpu, PATTERN));
}

/* The GPU is switched off when idle, and a job switches it on with all it knew. */
TEST_F(one, suspend_resume)
{
	struct client *gpu = &self->client;
	char text[32];

	if (panthor_runtime_status(gpu->fd, text, sizeof(text)) || !strcmp(text, "unsupported"))
		SKIP(return, "no runtime power management: mount /sys, set CONFIG_PM");

	for (unsigned int i = 0; i < 3; i++) {
		ASSERT_EQ(0, client_works(gpu, PATTERN + i));
		ASSERT_EQ(0, client_wait_status(gpu, "suspended", JOB_MS));
		EXPECT_EQ(PATTERN + i, client_words(gpu)[3]);
	}
}

/* Memory that was swapped out is back for the GPU when a job needs it. */
TEST_F_TIMEOUT(one, shrink, 60)
{
	struct client *gpu = &self->client;
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
		client_words(gpu)[i] = i;
	ASSERT_EQ(0, client_works(gpu, PATTERN));
	/* What the CPU has mapped, or a job is about to use, is not taken. */
	ASSERT_EQ(0, munmap(gpu->data.map, gpu->data.size));
	gpu->data.map = NULL;
	ASSERT_EQ(0, file_write(path, "100000"));

	ASSERT_EQ(0, syncobj_reset(gpu->fd, gpu->syncobj));
	ASSERT_EQ(0, client_submit_all(gpu, 0, 1, insns));
	ASSERT_EQ(0, syncobj_wait(gpu->fd, gpu->syncobj, JOB_MS));
	EXPECT_EQ(1, syncobj_status(gpu->fd, gpu->syncobj));
	ASSERT_EQ(0, bo_map(gpu->fd, &gpu->data));
	for (unsigned int i = 0; i < 4; i++)
		EXPECT_EQ(4096 + i, client_words(gpu)[i]);
	for (unsigned int i = 4096; i < DATA_SIZE / 4; i++)
		ASSERT_EQ(i, client_words(gpu)[i]);
}

TEST_HARNESS_MAIN
