// SPDX-License-Identifier: GPL-2.0-only
/*
 * Jobs: in which order they run, what they wait for and signal, and who suffers when
 * one of them goes wrong. Most are links of a chain: link n reads word n and stores
 * one more in word n + 1, so that the last word tells whether all ran in order.
 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../../kselftest_harness.h"

#include "calls.h"
#include "cs.h"
#include "gate.h"
#include "ledger.h"
#include "syncs.h"

#define LINKS		6
#define NOT_YET_MS	20

FIXTURE(jobs) {
	struct client client;
	struct gate gate;
	struct ledger before;
	/* Another group of the same VM. */
	uint32_t other;
	/* Signaled by steps 1 and 2 of the gate; for the jobs. */
	uint32_t first;
	uint32_t second;
	uint32_t done[LINKS];
};

FIXTURE_SETUP(jobs)
{
	const struct client_options options = { };
	struct client *gpu = &self->client;
	int ret;

	self->gate.fd = -1;
	ret = client_open(gpu, &options);
	if (ret == -ENODEV)
		SKIP(return, "no render node of a driver named panthor");
	ASSERT_EQ(0, ret);
	ret = gate_make(&self->gate);
	if (ret)
		SKIP(return, "no software fences: CONFIG_SW_SYNC, debugfs mounted, be root");
	ASSERT_EQ(0, group_create(gpu->fd, gpu->vm, QUEUES, &self->other));
	ASSERT_EQ(0, gate_syncobj(&self->gate, gpu->fd, 1, &self->first));
	ASSERT_EQ(0, gate_syncobj(&self->gate, gpu->fd, 2, &self->second));
	for (unsigned int i = 0; i < LINKS; i++)
		ASSERT_EQ(0, syncobj_create(gpu->fd, &self->done[i]));
}

FIXTURE_TEARDOWN(jobs)
{
	gate_free(&self->gate);
	EXPECT_EQ(0, client_close(&self->client));
}

/* Streams of the links, one per place, and the first word. */
static void make_links(struct client *gpu)
{
	for (unsigned int i = 0; i < LINKS; i++) {
		const uint64_t insns[] = {
			cs_move48(ADDR, DATA_VA + i * 4),
			cs_load(LOADED, ADDR, 1, 0),
			cs_wait(CS_ALL_SCOREBOARDS),
			cs_add32(LOADED, LOADED, 1),
			cs_store(LOADED, ADDR, 1, 4),
			cs_wait(CS_ALL_SCOREBOARDS),
		};

		memcpy((char *)gpu->stream.map + i * PLACE_SIZE, insns, sizeof(insns));
		client_words(gpu)[i + 1] = 0;
	}
	client_words(gpu)[0] = 100;
}

static struct drm_panthor_queue_submit link_job(unsigned int link, unsigned int queue)
{
	return (struct drm_panthor_queue_submit){
		.queue_index = queue, .stream_size = 6 * 8,
		.stream_addr = STREAM_VA + link * PLACE_SIZE,
	};
}

static int submit(struct client *gpu, uint32_t group, const struct drm_panthor_queue_submit *jobs,
		  unsigned int count)
{
	struct drm_panthor_group_submit arg = {
		.group_handle = group, .queue_submits = DRM_PANTHOR_OBJ_ARRAY(count, jobs),
	};

	return ioctl(gpu->fd, DRM_IOCTL_PANTHOR_GROUP_SUBMIT, &arg) ? -errno : 0;
}

static int done(struct client *gpu, uint32_t syncobj)
{
	int ret = syncobj_wait(gpu->fd, syncobj, JOB_MS);

	return ret ?: syncobj_status(gpu->fd, syncobj);
}

/* A job does not run before the fence it waits for is signaled. */
TEST_F(jobs, waits)
{
	struct client *gpu = &self->client;
	struct drm_panthor_sync_op syncs[] = { wait_for(self->first), signals(self->done[0]) };
	struct drm_panthor_queue_submit job = link_job(0, 0);

	make_links(gpu);
	WITH(job, syncs);
	ASSERT_EQ(0, submit(gpu, gpu->group, &job, 1));
	EXPECT_EQ(-ETIME, syncobj_wait(gpu->fd, self->done[0], NOT_YET_MS));
	EXPECT_EQ(0, client_words(gpu)[1]);
	ASSERT_EQ(0, gate_open(&self->gate, 1));
	EXPECT_EQ(1, done(gpu, self->done[0]));
	EXPECT_EQ(101, client_words(gpu)[1]);
}

/* Jobs of a queue run in their order, one that waits before one that does not. */
TEST_F(jobs, in_order)
{
	struct client *gpu = &self->client;
	struct drm_panthor_sync_op waits[] = { wait_for(self->first) };
	struct drm_panthor_sync_op tells[] = { signals(self->done[0]) };
	struct drm_panthor_queue_submit jobs[LINKS];

	make_links(gpu);
	for (unsigned int i = 0; i < LINKS; i++)
		jobs[i] = link_job(i, 0);
	WITH(jobs[0], waits);
	WITH(jobs[LINKS - 1], tells);
	ASSERT_EQ(0, submit(gpu, gpu->group, jobs, LINKS));
	EXPECT_EQ(-ETIME, syncobj_wait(gpu->fd, self->done[0], NOT_YET_MS));
	ASSERT_EQ(0, gate_open(&self->gate, 1));
	EXPECT_EQ(1, done(gpu, self->done[0]));
	EXPECT_EQ(100 + LINKS, client_words(gpu)[LINKS]);
}

/* Links on two queues in turn, in one call: each waits for the fence of the one before. */
TEST_F(jobs, chain_over_queues)
{
	struct client *gpu = &self->client;
	struct drm_panthor_sync_op syncs[LINKS][2];
	struct drm_panthor_queue_submit jobs[LINKS];

	make_links(gpu);
	for (unsigned int i = 0; i < LINKS; i++) {
		syncs[i][0] = wait_for(i ? self->done[i - 1] : self->first);
		syncs[i][1] = signals(self->done[i]);
		jobs[i] = link_job(i, i % QUEUES);
		WITH(jobs[i], syncs[i]);
	}
	ASSERT_EQ(0, submit(gpu, gpu->group, jobs, LINKS));
	ASSERT_EQ(0, gate_open(&self->gate, 1));
	for (unsigned int i = 0; i < LINKS; i++)
		EXPECT_EQ(1, done(gpu, self->done[i]));
	EXPECT_EQ(100 + LINKS, client_words(gpu)[LINKS]);
}

/* The same over two groups, a call for each link. */
TEST_F(jobs, chain_over_groups)
{
	struct client *gpu = &self->client;

	make_links(gpu);
	for (unsigned int i = 0; i < LINKS; i++) {
		struct drm_panthor_sync_op syncs[] = {
			wait_for(i ? self->done[i - 1] : self->first), signals(self->done[i]),
		};
		struct drm_panthor_queue_submit job = link_job(i, 0);

		WITH(job, syncs);
		ASSERT_EQ(0, submit(gpu, i % 2 ? self->other : gpu->group, &job, 1));
	}
	ASSERT_EQ(0, gate_open(&self->gate, 1));
	EXPECT_EQ(1, done(gpu, self->done[LINKS - 1]));
	EXPECT_EQ(100 + LINKS, client_words(gpu)[LINKS]);
}

/* The same by the points of one timeline, which counts the links that are done. */
TEST_F(jobs, timeline)
{
	struct client *gpu = &self->client;
	uint32_t timeline = self->done[0];
	struct drm_panthor_sync_op syncs[LINKS][2];
	struct drm_panthor_queue_submit jobs[LINKS];
	uint64_t value = ~0ULL;

	make_links(gpu);
	for (unsigned int i = 0; i < LINKS; i++) {
		syncs[i][0] = i == 3 ? wait_for(self->second) : i ? point(timeline, i * 10, 0) :
			      wait_for(self->first);
		syncs[i][1] = point(timeline, (i + 1) * 10, DRM_PANTHOR_SYNC_OP_SIGNAL);
		jobs[i] = link_job(i, i % QUEUES);
		WITH(jobs[i], syncs[i]);
	}
	ASSERT_EQ(0, submit(gpu, gpu->group, jobs, LINKS));
	ASSERT_EQ(0, gate_open(&self->gate, 1));
	ASSERT_EQ(0, timeline_wait(gpu->fd, timeline, 30, JOB_MS));
	EXPECT_EQ(103, client_words(gpu)[3]);
	EXPECT_EQ(-ETIME, timeline_wait(gpu->fd, timeline, 40, NOT_YET_MS));
	ASSERT_EQ(0, timeline_query(gpu->fd, timeline, &value));
	EXPECT_EQ(30, value);
	ASSERT_EQ(0, gate_open(&self->gate, 1));
	ASSERT_EQ(0, timeline_wait(gpu->fd, timeline, 60, JOB_MS));
	EXPECT_EQ(100 + LINKS, client_words(gpu)[LINKS]);
}

/* A job without a stream signals when those before it in its queue are done. */
TEST_F(jobs, empty_job)
{
	struct client *gpu = &self->client;
	struct drm_panthor_sync_op waits[] = { wait_for(self->first) };
	struct drm_panthor_sync_op tells[] = { signals(self->done[0]) };
	struct drm_panthor_queue_submit jobs[2] = { link_job(0, 0) };

	make_links(gpu);
	WITH(jobs[0], waits);
	WITH(jobs[1], tells);
	ASSERT_EQ(0, submit(gpu, gpu->group, jobs, 2));
	EXPECT_EQ(-ETIME, syncobj_wait(gpu->fd, self->done[0], NOT_YET_MS));
	ASSERT_EQ(0, gate_open(&self->gate, 1));
	EXPECT_EQ(1, done(gpu, self->done[0]));
	EXPECT_EQ(101, client_words(gpu)[1]);
}

/* A call with one bad job is refused as a whole: the good one before it does not run. */
TEST_F(jobs, all_or_nothing)
{
	struct client *gpu = &self->client;
	struct drm_panthor_sync_op tells[] = { signals(self->done[0]) };
	struct drm_panthor_queue_submit jobs[] = { link_job(0, 0), link_job(1, QUEUES) };

	make_links(gpu);
	WITH(jobs[0], tells);
	EXPECT_EQ(-EINVAL, submit(gpu, gpu->group, jobs, 2));
	/* Without a fence there is nothing to export. */
	EXPECT_EQ(-EINVAL, syncobj_status(gpu->fd, self->done[0]));
	ASSERT_EQ(0, submit(gpu, gpu->group, jobs, 0));
	ASSERT_EQ(0, client_works(gpu, PATTERN));
	EXPECT_EQ(0, client_words(gpu)[1]);
}

/* The same if it is the last wait that is bad, when the first job has its fence. */
TEST_F(jobs, all_or_nothing_by_the_last_wait)
{
	struct client *gpu = &self->client;
	struct drm_panthor_sync_op good[] = { signals(self->done[0]) };
	struct drm_panthor_sync_op bad[] = { wait_for(NO_HANDLE) };
	struct drm_panthor_queue_submit jobs[] = { link_job(0, 0), link_job(1, 1) };

	make_links(gpu);
	WITH(jobs[0], good);
	WITH(jobs[1], bad);
	EXPECT_EQ(-ENOENT, submit(gpu, gpu->group, jobs, 2));
	EXPECT_EQ(-EINVAL, syncobj_status(gpu->fd, self->done[0]));
	/* Fences of jobs that never were do not hold up those that are. */
	ASSERT_EQ(0, submit(gpu, gpu->group, jobs, 1));
	EXPECT_EQ(1, done(gpu, self->done[0]));
	EXPECT_EQ(101, client_words(gpu)[1]);
	EXPECT_EQ(0, client_words(gpu)[2]);
}

/* A fault ends the jobs behind it in the group, with an error and without running. */
TEST_F(jobs, fault_ends_the_queue)
{
	struct client *gpu = &self->client;
	struct drm_panthor_sync_op syncs[3][2] = {
		{ wait_for(self->first), signals(self->done[0]) },
		{ wait_for(self->first), signals(self->done[1]) },
		{ wait_for(self->first), signals(self->done[2]) },
	};
	struct drm_panthor_queue_submit jobs[] = {
		link_job(0, 0), link_job(1, 0), link_job(2, 0),
	};

	make_links(gpu);
	*(volatile uint64_t *)gpu->stream.map = cs_move48(ADDR, UNMAPPED_VA);
	for (unsigned int i = 0; i < 3; i++)
		WITH(jobs[i], syncs[i]);
	ASSERT_EQ(0, submit(gpu, gpu->group, jobs, 3));
	ASSERT_EQ(0, gate_open(&self->gate, 1));
	for (unsigned int i = 0; i < 3; i++)
		EXPECT_GT(0, done(gpu, self->done[i]));
	EXPECT_EQ(0, client_words(gpu)[2]);
	EXPECT_EQ(0, client_words(gpu)[3]);
	EXPECT_EQ(DRM_PANTHOR_GROUP_STATE_FATAL_FAULT, group_state(gpu->fd, gpu->group, NULL));
	EXPECT_EQ(-EINVAL, submit(gpu, gpu->group, &jobs[1], 1));
}

/* A fault is its group's: one of the same VM that waited for the job runs. */
TEST_F(jobs, fault_spares_other_groups)
{
	struct client *gpu = &self->client;
	struct drm_panthor_sync_op fails[] = { wait_for(self->first), signals(self->done[0]) };
	struct drm_panthor_sync_op runs[] = { wait_for(self->done[0]), signals(self->done[1]) };
	struct drm_panthor_queue_submit bad = link_job(0, 0), good = link_job(1, 0);

	make_links(gpu);
	*(volatile uint64_t *)gpu->stream.map = cs_invalid();
	client_words(gpu)[1] = 7;
	WITH(bad, fails);
	WITH(good, runs);
	ASSERT_EQ(0, submit(gpu, gpu->group, &bad, 1));
	ASSERT_EQ(0, submit(gpu, self->other, &good, 1));
	ASSERT_EQ(0, gate_open(&self->gate, 1));
	EXPECT_EQ(-EINVAL, done(gpu, self->done[0]));
	EXPECT_EQ(1, done(gpu, self->done[1]));
	EXPECT_EQ(8, client_words(gpu)[2]);
	EXPECT_EQ(0, group_state(gpu->fd, self->other, NULL));
	EXPECT_EQ(DRM_PANTHOR_VM_STATE_USABLE, vm_state(gpu->fd, gpu->vm));
}

/* A job that never ends is ended, and what waited for it in another group runs. */
TEST_F_TIMEOUT(jobs, timeout_spares_other_groups, 90)
{
	struct client *gpu = &self->client;
	const uint64_t insns[] = {
		cs_move48(ADDR, DATA_VA + 1024),
		cs_move32(VALUE, 0),
		cs_sync_wait32(CS_GT, ADDR, VALUE),
	};
	struct drm_panthor_sync_op runs[] = { wait_for(gpu->syncobj), signals(self->done[1]) };
	struct drm_panthor_queue_submit good = link_job(1, 0);

	make_links(gpu);
	WITH(good, runs);
	ASSERT_EQ(0, client_submit_all(gpu, 0, 7, insns));
	ASSERT_EQ(0, submit(gpu, self->other, &good, 1));
	EXPECT_EQ(1, done(gpu, self->done[1]));
	EXPECT_EQ(-ETIMEDOUT, done(gpu, gpu->syncobj));
	EXPECT_EQ(1, client_words(gpu)[2]);
	EXPECT_EQ(DRM_PANTHOR_GROUP_STATE_TIMEDOUT, group_state(gpu->fd, gpu->group, NULL));
	EXPECT_EQ(0, group_state(gpu->fd, self->other, NULL));
}

/* A group that is destroyed ends the jobs that still wait, and leaves nothing. */
TEST_F(jobs, destroyed_with_a_queue)
{
	struct client *gpu = &self->client;
	struct drm_panthor_sync_op syncs[] = { wait_for(self->first), signals(self->done[0]) };
	struct drm_panthor_queue_submit job = link_job(0, 0);
	struct ledger after;
	uint32_t group;

	make_links(gpu);
	WITH(job, syncs);
	ASSERT_EQ(0, ledger_read(gpu->fd, &self->before));
	ASSERT_EQ(0, group_create(gpu->fd, gpu->vm, 1, &group));
	ASSERT_EQ(0, submit(gpu, group, &job, 1));
	ASSERT_EQ(0, group_destroy(gpu->fd, group));
	EXPECT_EQ(-EINVAL, submit(gpu, group, &job, 1));
	ASSERT_EQ(0, gate_open(&self->gate, 1));
	EXPECT_GT(0, done(gpu, self->done[0]));
	EXPECT_EQ(0, client_words(gpu)[1]);
	EXPECT_EQ(0, ledger_settle(gpu->fd, &self->before, &after));
}

/* A file that is closed does so too. */
TEST_F(jobs, closed_with_a_queue)
{
	struct client *gpu = &self->client, other;
	const struct client_options options = { };
	struct drm_panthor_sync_op syncs[1];
	struct drm_panthor_queue_submit job = link_job(0, 0);
	struct ledger after;
	uint32_t gate;

	ASSERT_EQ(0, ledger_read(gpu->fd, &self->before));
	ASSERT_EQ(0, client_open(&other, &options));
	make_links(&other);
	ASSERT_EQ(0, gate_syncobj(&self->gate, other.fd, 1, &gate));
	syncs[0] = wait_for(gate);
	WITH(job, syncs);
	ASSERT_EQ(0, submit(&other, other.group, &job, 1));
	ASSERT_EQ(0, munmap(other.data.map, DATA_SIZE));
	ASSERT_EQ(0, munmap(other.stream.map, STREAM_SIZE));
	ASSERT_EQ(0, close(other.fd));
	ASSERT_EQ(0, gate_open(&self->gate, 1));
	EXPECT_EQ(0, ledger_settle(gpu->fd, &self->before, &after));
}

/* A wait for a point that nobody has promised is refused: EINVAL, and nothing runs. */
TEST_F(jobs, wait_before_signal)
{
	struct client *gpu = &self->client;
	struct drm_panthor_sync_op syncs[] = { point(self->done[0], 3, 0) };
	struct drm_panthor_queue_submit job = link_job(0, 0);

	make_links(gpu);
	WITH(job, syncs);
	EXPECT_EQ(-EINVAL, submit(gpu, gpu->group, &job, 1));
	ASSERT_EQ(0, client_works(gpu, PATTERN));
	EXPECT_EQ(0, client_words(gpu)[1]);
}

/* The same if a later job of the call would signal it, without a warning. */
TEST_F(jobs, wait_for_a_later_job_alone)
{
	struct client *gpu = &self->client;
	struct drm_panthor_sync_op waits[] = { wait_for(self->done[0]) };
	struct drm_panthor_sync_op tells[] = { signals(self->done[0]) };
	struct drm_panthor_queue_submit jobs[] = { link_job(0, 0), link_job(1, 1) };

	if (!getenv("PANTHOR_BY_NAME"))
		SKIP(return, "may make the kernel warn, set PANTHOR_BY_NAME=1");
	make_links(gpu);
	WITH(jobs[0], waits);
	WITH(jobs[1], tells);
	EXPECT_EQ(-EINVAL, submit(gpu, gpu->group, jobs, 2));
	ASSERT_EQ(0, client_works(gpu, PATTERN));
	EXPECT_EQ(0, client_words(gpu)[2]);
}

TEST_HARNESS_MAIN
