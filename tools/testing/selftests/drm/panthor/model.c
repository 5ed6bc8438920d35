// SPDX-License-Identifier: GPL-2.0-only
/*
 * What can only be had of the software GPU: operations that take their time,
 * hang or fail when they are told to. Its debugfs folder says what and when.
 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../../../../drivers/gpu/drm/panthor/sim/sim_job.h"
#include "../../kselftest_harness.h"

#include "client.h"
#include "cs.h"
#include "simctl.h"

#define FILL_SIZE	24576

/* Staging registers of RUN_COMPUTE. */
enum { FAU = 8, TSD = 24 };

FIXTURE(gpu) {
	struct client client;
	int sim;
};

FIXTURE_VARIANT(gpu) {
	unsigned int gpu;
};

/* As the harness's VM makes them. */
FIXTURE_VARIANT_ADD(gpu, coherent) {
	.gpu = 0,
};

FIXTURE_VARIANT_ADD(gpu, noncoherent) {
	.gpu = 1,
};

/* A test before this one may have been killed. */
static int calm(int sim)
{
	int ret = sim_write(sim, "latency", "all=instant");

	ret = ret ?: sim_write(sim, "inject", "slow-memory 0");
	return ret ?: sim_write(sim, "expect", "none");
}

FIXTURE_SETUP(gpu)
{
	const struct client_options options = { .gpu = variant->gpu };
	int ret = client_open(&self->client, &options);

	if (ret == -ENODEV)
		SKIP(return, "no GPU %u of a driver named panthor", variant->gpu);
	ASSERT_EQ(0, ret);
	self->sim = sim_find(self->client.fd);
	if (self->sim < 0)
		SKIP(return, "not a software GPU: panthor-sim in debugfs");
	ASSERT_EQ(0, calm(self->sim));
}

FIXTURE_TEARDOWN(gpu)
{
	if (self->client.fd < 0 || self->sim < 0)
		return;
	EXPECT_EQ(0, calm(self->sim));
	EXPECT_EQ(0, client_close(&self->client));
}

/* Completes one operation once there is one. */
static int step(int sim, const char *op)
{
	uint64_t end = now_ms() + JOB_MS;
	int ret;

	do {
		ret = sim_write(sim, "step", op);
	} while (ret == -ENOENT && now_ms() < end);

	return ret;
}

/* A stream that says it runs, then waits for a 2 where it said so. */
static int submit_waiter(struct client *gpu, unsigned int queue)
{
	const uint64_t insns[] = {
		cs_move48(ADDR, DATA_VA),
		cs_move32(VALUE, 1),
		cs_sync_set32(ADDR, VALUE),
		cs_sync_wait32(CS_GT, ADDR, VALUE),
	};
	int ret;

	client_words(gpu)[0] = 0;
	ret = syncobj_reset(gpu->fd, gpu->syncobj);
	ret = ret ?: client_submit_all(gpu, queue, 2, insns);
	for (uint64_t end = now_ms() + JOB_MS; !ret && !client_words(gpu)[0];) {
		sleep_ms(1);
		if (now_ms() > end)
			ret = -ETIMEDOUT;
	}
	return ret;
}

/* Says how many it has done, and does not end by itself soon. */
static int submit_busy(struct client *gpu, unsigned int queue)
{
	const uint64_t insns[] = {
		cs_move48(ADDR, DATA_VA),
		cs_move32(COUNT, 50000000),
		cs_move32(COUNTER, 0),
		cs_add32(COUNTER, COUNTER, 1),
		cs_sync_set32(ADDR, COUNTER),
		cs_add32(COUNT, COUNT, -1),
		cs_branch(CS_NE, COUNT, -4),
	};
	int ret;

	client_words(gpu)[0] = 0;
	ret = syncobj_reset(gpu->fd, gpu->syncobj);
	ret = ret ?: client_submit_all(gpu, queue, 2, insns);
	for (uint64_t end = now_ms() + JOB_MS; !ret && !client_words(gpu)[0];) {
		sleep_ms(1);
		if (now_ms() > end)
			ret = -ETIMEDOUT;
	}
	return ret;
}

/* Gives the driver a reason to ask the firmware for something. */
static int ask_firmware(struct client *gpu)
{
	uint32_t group;
	int ret = group_create(gpu->fd, gpu->vm, 1, &group);

	return ret ?: group_submit(gpu->fd, group, 0, STREAM_VA, 8, 0);
}

/*
 * Until the GPU was reset, and its firmware is there again or will be when it
 * wakes up. Of @before it takes what the counters were.
 */
static int wait_reset(FIXTURE_DATA(gpu) *self, const int64_t *before)
{
	uint64_t end = now_ms() + JOB_MS;
	int ret = sim_wait_counter(self->sim, "resets", before[0] + 1, JOB_MS);

	while (!ret && sim_counter(self->sim, "boots") <= before[1] &&
	       client_wait_status(&self->client, "suspended", 0)) {
		sleep_ms(5);
		if (now_ms() > end)
			ret = -ETIMEDOUT;
	}
	return ret;
}

/*
 * Before a reset is caused. What groups and their memory do to address spaces
 * meanwhile is for no_commands_during_reset() to judge, and what is left of it when
 * the GPU is back, too: only the end of the test takes the exception away.
 */
static int count_resets(FIXTURE_DATA(gpu) *self, int64_t *before)
{
	before[0] = sim_counter(self->sim, "resets");
	before[1] = sim_counter(self->sim, "boots");
	return sim_write(self->sim, "expect", "busy power mmu-protocol");
}

/* A job with manual latency ends when it is told to, not earlier, and once. */
TEST_F(gpu, run_ends_with_a_step)
{
	struct client *gpu = &self->client;
	const uint64_t insns[] = {
		cs_run_compute(),
		cs_wait(1),
		cs_move48(ADDR, DATA_VA),
		cs_move32(VALUE, PATTERN),
		cs_store(VALUE, ADDR, 1, 0),
		cs_wait(CS_ALL_SCOREBOARDS),
	};

	ASSERT_EQ(0, sim_write(self->sim, "latency", "run=manual"));
	ASSERT_EQ(0, client_submit_all(gpu, 0, 0, insns));
	EXPECT_EQ(-ETIME, syncobj_wait(gpu->fd, gpu->syncobj, 50));
	EXPECT_EQ(0, client_words(gpu)[0]);
	ASSERT_EQ(0, step(self->sim, "run"));
	ASSERT_EQ(0, syncobj_wait(gpu->fd, gpu->syncobj, JOB_MS));
	EXPECT_EQ(1, syncobj_status(gpu->fd, gpu->syncobj));
	EXPECT_EQ(PATTERN, client_words(gpu)[0]);
	EXPECT_EQ(-ENOENT, sim_write(self->sim, "step", "run"));
}

/* What a job fills and copies arrives whole, through either memory path. */
TEST_F(gpu, fill_and_copy)
{
	struct client *gpu = &self->client;
	const uint64_t insns[] = {
		cs_move32(TSD, (uint32_t)SIM_JOB_MAGIC),
		cs_move32(TSD + 1, SIM_JOB_MAGIC >> 32),
		cs_move48(FAU, DATA_VA),
		cs_run_compute(),
		cs_wait(1),
		cs_move48(FAU, DATA_VA + sizeof(struct sim_job)),
		cs_run_compute(),
		cs_wait(1),
	};
	struct sim_job jobs[] = {
		{
			.magic = SIM_JOB_MAGIC, .op = SIM_JOB_FILL, .seed = 7,
			.dst = DATA_VA + 4096, .size = FILL_SIZE,
		}, {
			.magic = SIM_JOB_MAGIC, .op = SIM_JOB_COPY,
			.dst = DATA_VA + 4096 + FILL_SIZE, .src = DATA_VA + 4096, .size = FILL_SIZE,
		},
	};
	volatile uint64_t *filled = (void *)((char *)gpu->data.map + 4096);

	memcpy(gpu->data.map, jobs, sizeof(jobs));
	ASSERT_EQ(0, bo_sync(gpu->fd, &gpu->data, DRM_PANTHOR_BO_SYNC_CPU_CACHE_FLUSH));
	ASSERT_EQ(0, client_submit_all(gpu, 0, 0, insns));
	ASSERT_EQ(0, syncobj_wait(gpu->fd, gpu->syncobj, JOB_MS));
	ASSERT_EQ(1, syncobj_status(gpu->fd, gpu->syncobj));
	ASSERT_EQ(0, bo_sync(gpu->fd, &gpu->data,
			     DRM_PANTHOR_BO_SYNC_CPU_CACHE_FLUSH_AND_INVALIDATE));
	EXPECT_NE(filled[0], filled[1]);
	for (unsigned int i = 0; i < FILL_SIZE / 8; i++)
		ASSERT_EQ(filled[i], filled[i + FILL_SIZE / 8]);
	EXPECT_EQ(0, filled[2 * FILL_SIZE / 8]);
}

/* With operations taking their time jobs, suspend and resume work as ever. */
TEST_F(gpu, slow_operations)
{
	struct client *gpu = &self->client;

	/* But for power, which has a test of its own. */
	ASSERT_EQ(0, sim_write(self->sim, "latency", "all=~300us,boot=~5ms,power=instant"));
	ASSERT_EQ(0, sim_write(self->sim, "inject", "slow-memory 2000"));
	for (unsigned int i = 0; i < 2; i++) {
		ASSERT_EQ(0, client_works(gpu, PATTERN + i));
		ASSERT_EQ(0, vm_unmap(gpu->fd, gpu->vm, DATA_VA, DATA_SIZE));
		ASSERT_EQ(0, vm_map(gpu->fd, gpu->vm, &gpu->data,
				    DRM_PANTHOR_VM_BIND_OP_MAP_NOEXEC));
		ASSERT_EQ(0, client_wait_status(gpu, "suspended", JOB_MS));
	}
}

/* Succeeds if nothing is asked of a GPU that wakes up before its L2 has power. */
TEST_F(gpu, power_is_waited_for)
{
	struct client *gpu = &self->client;

	ASSERT_EQ(0, client_wait_status(gpu, "suspended", JOB_MS));
	ASSERT_EQ(0, sim_write(self->sim, "expect", "power"));
	/* The firmware itself needs the L2, so it boots late enough. */
	ASSERT_EQ(0, sim_write(self->sim, "latency", "power=5ms,boot=100ms"));
	EXPECT_EQ(0, client_works(gpu, PATTERN));
	ASSERT_EQ(0, client_wait_status(gpu, "suspended", JOB_MS));
	EXPECT_EQ(0, sim_counter(self->sim, "expected"));
}

/* A fault of the GPU that nobody caused is told and passes. */
TEST_F(gpu, gpu_fault)
{
	struct client *gpu = &self->client;

	ASSERT_EQ(0, submit_busy(gpu, 0));
	ASSERT_EQ(0, sim_write(self->sim, "inject", "gpu-fault 0x88 0x1000"));
	ASSERT_EQ(0, client_new_group(gpu));
	ASSERT_EQ(0, syncobj_wait(gpu->fd, gpu->syncobj, JOB_MS));
	EXPECT_EQ(0, client_works(gpu, PATTERN));
}

/* A fault of its address space ends a group; a new one of the same VM works. */
TEST_F(gpu, mmu_fault)
{
	struct client *gpu = &self->client;

	ASSERT_EQ(0, submit_busy(gpu, 0));
	/* One of them is that of the group; 0 is the firmware's. */
	for (unsigned int as = 1; as < 8; as++) {
		char text[32];

		snprintf(text, sizeof(text), "mmu-fault %u 0x%llx", as, UNMAPPED_VA);
		ASSERT_EQ(0, sim_write(self->sim, "inject", text));
	}
	ASSERT_EQ(0, syncobj_wait(gpu->fd, gpu->syncobj, JOB_MS));
	EXPECT_EQ(-EINVAL, syncobj_status(gpu->fd, gpu->syncobj));
	EXPECT_EQ(DRM_PANTHOR_GROUP_STATE_FATAL_FAULT, group_state(gpu->fd, gpu->group, NULL));
	ASSERT_EQ(0, client_new_group(gpu));
	EXPECT_EQ(0, client_works(gpu, PATTERN));
}

/* After a hang of the firmware the GPU is reset, and a new group runs. */
TEST_F_TIMEOUT(gpu, mcu_hang, 90)
{
	struct client *gpu = &self->client;
	int64_t before[2];

	ASSERT_EQ(0, submit_busy(gpu, 1));
	ASSERT_EQ(0, count_resets(self, before));
	ASSERT_EQ(0, sim_write(self->sim, "inject", "mcu-hang"));
	ASSERT_EQ(0, ask_firmware(gpu));
	EXPECT_EQ(0, wait_reset(self, before));
	ASSERT_EQ(0, syncobj_wait(gpu->fd, gpu->syncobj, JOB_MS));
	EXPECT_GT(0, syncobj_status(gpu->fd, gpu->syncobj));
	EXPECT_NE(0, group_state(gpu->fd, gpu->group, NULL));
	ASSERT_EQ(0, client_new_group(gpu));
	EXPECT_EQ(0, client_works(gpu, PATTERN));
}

/* A request that the firmware never acknowledges is a hang, too. */
TEST_F_TIMEOUT(gpu, stuck_ack, 90)
{
	struct client *gpu = &self->client;
	int64_t before[2];

	ASSERT_EQ(0, submit_busy(gpu, 0));
	ASSERT_EQ(0, count_resets(self, before));
	ASSERT_EQ(0, sim_write(self->sim, "inject", "stuck ack 1"));
	ASSERT_EQ(0, ask_firmware(gpu));
	EXPECT_EQ(0, wait_reset(self, before));
	/* It may be one of those that survive. */
	ASSERT_EQ(0, client_new_group(gpu));
	ASSERT_EQ(0, syncobj_wait(gpu->fd, gpu->syncobj, JOB_MS));
	EXPECT_EQ(0, client_works(gpu, PATTERN));
}

/* The end of a cache flush that never comes is waited for, then the GPU is reset. */
TEST_F_TIMEOUT(gpu, stuck_flush, 90)
{
	struct client *gpu = &self->client;
	int64_t before[2];

	ASSERT_EQ(0, submit_busy(gpu, 0));
	ASSERT_EQ(0, count_resets(self, before));
	ASSERT_EQ(0, sim_write(self->sim, "inject", "stuck flush 1"));
	/* Whether the caller is told is not asked here. */
	vm_unmap(gpu->fd, gpu->vm, UNMAPPED_VA, 4096);
	EXPECT_EQ(0, wait_reset(self, before));
	ASSERT_EQ(0, client_new_group(gpu));
	ASSERT_EQ(0, syncobj_wait(gpu->fd, gpu->syncobj, JOB_MS));
	EXPECT_EQ(0, client_works(gpu, PATTERN));
}

/*
 * The same while the GPU goes to sleep, which cancels the work that resets it (D121).
 * Succeeds if the GPU wakes up and works, and no address space is programmed while a
 * region of it is locked.
 */
TEST_F_TIMEOUT(gpu, stuck_flush_at_suspend_fatal, 90)
{
	struct client *gpu = &self->client;

	if (!getenv("PANTHOR_BY_NAME"))
		SKIP(return, "spoils a run, set PANTHOR_BY_NAME=1");
	ASSERT_EQ(0, submit_waiter(gpu, 0));
	ASSERT_EQ(0, sim_write(self->sim, "inject", "stuck flush 1"));
	vm_unmap(gpu->fd, gpu->vm, UNMAPPED_VA, 4096);
	ASSERT_EQ(0, client_wait_status(gpu, "suspended", JOB_MS));
	client_words(gpu)[0] = 2;
	ASSERT_EQ(0, syncobj_wait(gpu->fd, gpu->syncobj, JOB_MS));
	ASSERT_EQ(0, client_new_group(gpu));
	EXPECT_EQ(0, client_works(gpu, PATTERN));
}

/*
 * Mappings change while the GPU is reset, which takes its time. Succeeds if no
 * address space gets a command before the GPU has its power back.
 */
TEST_F_TIMEOUT(gpu, no_commands_during_reset, 90)
{
	struct client *gpu = &self->client;
	int64_t before[2];

	ASSERT_EQ(0, submit_busy(gpu, 0));
	ASSERT_EQ(0, count_resets(self, before));
	ASSERT_EQ(0, sim_write(self->sim, "latency", "reset=40ms"));
	ASSERT_EQ(0, sim_write(self->sim, "inject", "mcu-hang"));
	ASSERT_EQ(0, ask_firmware(gpu));
	for (uint64_t end = now_ms() + JOB_MS; now_ms() < end;) {
		if (sim_counter(self->sim, "resets") > before[0])
			break;
		EXPECT_EQ(0, vm_map(gpu->fd, gpu->vm, &gpu->data, 0));
		/*
		 * Where one thread of the host is all CPUs, each turn of the driver's
		 * polling loops would wait for this one to be idle.
		 */
		sleep_ms(1);
	}
	EXPECT_EQ(0, wait_reset(self, before));
	EXPECT_EQ(0, sim_counter(self->sim, "expected"));
	ASSERT_EQ(0, client_new_group(gpu));
	ASSERT_EQ(0, syncobj_wait(gpu->fd, gpu->syncobj, JOB_MS));
	EXPECT_EQ(0, client_works(gpu, PATTERN));
}

/* Succeeds if groups can be created while the firmware boots after a reset. */
TEST_F_TIMEOUT(gpu, group_created_during_reset, 90)
{
	struct client *gpu = &self->client;
	unsigned int created = 0;
	int64_t before[2];
	int ret = 0;

	ASSERT_EQ(0, submit_busy(gpu, 0));
	ASSERT_EQ(0, count_resets(self, before));
	ASSERT_EQ(0, sim_write(self->sim, "latency", "boot=200ms"));
	ASSERT_EQ(0, sim_write(self->sim, "inject", "mcu-hang"));
	ASSERT_EQ(0, ask_firmware(gpu));
	ASSERT_EQ(0, sim_wait_counter(self->sim, "resets", before[0] + 1, JOB_MS));
	for (; !ret && sim_counter(self->sim, "boots") == before[1]; created++) {
		uint32_t group;

		ret = group_create(gpu->fd, gpu->vm, 1, &group);
		if (!ret)
			ret = group_destroy(gpu->fd, group);
	}
	EXPECT_EQ(0, ret);
	EXPECT_NE(0, created);
	EXPECT_EQ(0, wait_reset(self, before));
	ASSERT_EQ(0, client_new_group(gpu));
	ASSERT_EQ(0, syncobj_wait(gpu->fd, gpu->syncobj, JOB_MS));
	EXPECT_EQ(0, client_works(gpu, PATTERN));
}

TEST_HARNESS_MAIN
