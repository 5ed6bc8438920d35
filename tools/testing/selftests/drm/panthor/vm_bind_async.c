// SPDX-License-Identifier: GPL-2.0-only
/*
 * VM_BIND as jobs of the VM's queue: what they wait for, what they signal, in which
 * order they are done, and what becomes of them when something fails half way. What
 * they wait for is a software fence that a test signals.
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
#include "peek.h"
#include "simctl.h"
#include "syncs.h"

/* Long enough for a job that does not wait to be done. */
#define NOT_YET_MS	20

FIXTURE(vm) {
	struct client client;
	struct gate gate;
	struct ledger before;
	struct bo one;
	struct bo two;
	/* Signaled by steps 1 and 2 of the gate; for the jobs. */
	uint32_t first;
	uint32_t second;
	uint32_t done[4];
	int sim;
};

FIXTURE_SETUP(vm)
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
	self->sim = sim_find(gpu->fd);
	ASSERT_EQ(0, tagged_bo(gpu, false, 1, &self->one));
	ASSERT_EQ(0, tagged_bo(gpu, true, 2, &self->two));
	ASSERT_EQ(0, gate_syncobj(&self->gate, gpu->fd, 1, &self->first));
	ASSERT_EQ(0, gate_syncobj(&self->gate, gpu->fd, 2, &self->second));
	for (unsigned int i = 0; i < 4; i++)
		ASSERT_EQ(0, syncobj_create(gpu->fd, &self->done[i]));
}

FIXTURE_TEARDOWN(vm)
{
	struct client *gpu = &self->client;

	if (self->gate.fd < 0 || gpu->fd < 0) {
		client_close(gpu);
		return;
	}
	gate_free(&self->gate);
	if (self->sim >= 0)
		EXPECT_EQ(0, sim_write(self->sim, "expect", "none"));
	for (unsigned int i = 0; i < 4; i++)
		EXPECT_EQ(0, syncobj_destroy(gpu->fd, self->done[i]));
	EXPECT_EQ(0, syncobj_destroy(gpu->fd, self->second));
	EXPECT_EQ(0, syncobj_destroy(gpu->fd, self->first));
	EXPECT_EQ(0, bo_close(gpu->fd, &self->two));
	EXPECT_EQ(0, bo_close(gpu->fd, &self->one));
	EXPECT_EQ(0, client_close(gpu));
}

static int bind_one(struct client *gpu, const struct drm_panthor_vm_bind_op *op)
{
	return vm_bind(gpu->fd, gpu->vm, op, 1, true);
}

static int done(struct client *gpu, uint32_t syncobj)
{
	int ret = syncobj_wait(gpu->fd, syncobj, JOB_MS);

	return ret ?: syncobj_status(gpu->fd, syncobj);
}

/* Succeeds if a map is done when the fence it waits for is signaled, not before. */
TEST_F(vm, waits)
{
	struct client *gpu = &self->client;
	struct drm_panthor_sync_op syncs[] = { wait_for(self->first), signals(self->done[0]) };
	struct drm_panthor_vm_bind_op op = map_op(&self->one, 0, VA, SIZE);

	WITH(op, syncs);
	ASSERT_EQ(0, bind_one(gpu, &op));
	EXPECT_EQ(-ETIME, syncobj_wait(gpu->fd, self->done[0], NOT_YET_MS));
	EXPECT_EQ(HOLE, peek_one(gpu, VA));
	ASSERT_EQ(0, gate_open(&self->gate, 1));
	ASSERT_EQ(1, done(gpu, self->done[0]));
	EXPECT_EQ(TAG(1, 0), peek_one(gpu, VA));
}

/* What waits for two fences waits for both. */
TEST_F(vm, waits_for_two)
{
	struct client *gpu = &self->client;
	struct drm_panthor_sync_op syncs[] = {
		wait_for(self->second), wait_for(self->first), signals(self->done[0]),
		signals(self->done[1]),
	};
	struct drm_panthor_vm_bind_op op = map_op(&self->one, 0, VA, PAGE);

	WITH(op, syncs);
	ASSERT_EQ(0, bind_one(gpu, &op));
	ASSERT_EQ(0, gate_open(&self->gate, 1));
	ASSERT_EQ(1, done(gpu, self->first));
	EXPECT_EQ(-ETIME, syncobj_wait(gpu->fd, self->done[0], NOT_YET_MS));
	ASSERT_EQ(0, gate_open(&self->gate, 1));
	EXPECT_EQ(1, done(gpu, self->done[0]));
	EXPECT_EQ(1, done(gpu, self->done[1]));
}

/* The queue of a VM is in order: who waits for nothing waits for those before. */
TEST_F(vm, in_order)
{
	struct client *gpu = &self->client;
	struct drm_panthor_sync_op waits[] = { wait_for(self->first), signals(self->done[0]) };
	struct drm_panthor_sync_op waits_not[] = { signals(self->done[1]) };
	struct drm_panthor_vm_bind_op op = map_op(&self->one, 0, VA, SIZE);

	WITH(op, waits);
	ASSERT_EQ(0, bind_one(gpu, &op));
	op = map_op(&self->two, 0, VA, BLOCK);
	WITH(op, waits_not);
	ASSERT_EQ(0, bind_one(gpu, &op));
	EXPECT_EQ(-ETIME, syncobj_wait(gpu->fd, self->done[1], NOT_YET_MS));
	ASSERT_EQ(0, gate_open(&self->gate, 1));
	ASSERT_EQ(1, done(gpu, self->done[1]));
	EXPECT_EQ(1, syncobj_status(gpu->fd, self->done[0]));
	EXPECT_EQ(TAG(2, 0), peek_one(gpu, VA));
	EXPECT_EQ(TAG(1, 512), peek_one(gpu, VA + BLOCK));
}

/* In an array, what one signals another behind it can wait for. */
TEST_F(vm, chain)
{
	struct client *gpu = &self->client;
	struct drm_panthor_sync_op syncs[4][2];
	struct drm_panthor_vm_bind_op ops[] = {
		map_op(&self->one, 0, VA, SIZE), unmap_op(VA, BLOCK),
		map_op(&self->two, 0, VA + PAGE, BLOCK), unmap_op(VA + PAGE, PAGE),
	};

	for (unsigned int i = 0; i < 4; i++) {
		syncs[i][0] = wait_for(i ? self->done[i - 1] : self->first);
		syncs[i][1] = signals(self->done[i]);
		WITH(ops[i], syncs[i]);
	}
	ASSERT_EQ(0, vm_bind(gpu->fd, gpu->vm, ops, ARRAY_SIZE(ops), true));
	EXPECT_EQ(-ETIME, syncobj_wait(gpu->fd, self->done[0], NOT_YET_MS));
	ASSERT_EQ(0, gate_open(&self->gate, 1));
	for (unsigned int i = 0; i < 4; i++)
		EXPECT_EQ(1, done(gpu, self->done[i]));
	EXPECT_EQ(HOLE, peek_one(gpu, VA + PAGE));
	EXPECT_EQ(TAG(2, 1), peek_one(gpu, VA + 2 * PAGE));
	EXPECT_EQ(TAG(1, 513), peek_one(gpu, VA + BLOCK + PAGE));
}

/* Points of a timeline are signaled one after the other, each when its job is done. */
TEST_F(vm, timeline)
{
	struct client *gpu = &self->client;
	uint32_t timeline = self->done[0];
	struct drm_panthor_sync_op syncs[3][2] = {
		{ wait_for(self->first), point(timeline, 2, DRM_PANTHOR_SYNC_OP_SIGNAL) },
		{ point(timeline, 2, 0), point(timeline, 5, DRM_PANTHOR_SYNC_OP_SIGNAL) },
		{ wait_for(self->second), point(timeline, 9, DRM_PANTHOR_SYNC_OP_SIGNAL) },
	};
	struct drm_panthor_vm_bind_op ops[] = {
		map_op(&self->one, 0, VA, PAGE), map_op(&self->one, PAGE, VA + PAGE, PAGE),
		map_op(&self->one, 2 * PAGE, VA + 2 * PAGE, PAGE),
	};
	uint64_t value = ~0ULL;

	for (unsigned int i = 0; i < 3; i++)
		WITH(ops[i], syncs[i]);
	ASSERT_EQ(0, vm_bind(gpu->fd, gpu->vm, ops, ARRAY_SIZE(ops), true));
	ASSERT_EQ(0, timeline_query(gpu->fd, timeline, &value));
	EXPECT_EQ(0, value);
	ASSERT_EQ(0, gate_open(&self->gate, 1));
	ASSERT_EQ(0, timeline_wait(gpu->fd, timeline, 5, JOB_MS));
	ASSERT_EQ(0, timeline_query(gpu->fd, timeline, &value));
	EXPECT_EQ(5, value);
	EXPECT_EQ(-ETIME, timeline_wait(gpu->fd, timeline, 9, NOT_YET_MS));
	ASSERT_EQ(0, gate_open(&self->gate, 1));
	ASSERT_EQ(0, timeline_wait(gpu->fd, timeline, 9, JOB_MS));
	EXPECT_EQ(TAG(1, 2), peek_one(gpu, VA + 2 * PAGE));
}

/* Nothing signals the point: EINVAL at once, and the queue goes on. */
TEST_F(vm, wait_before_signal)
{
	struct client *gpu = &self->client;
	struct drm_panthor_sync_op syncs[] = { point(self->done[0], 3, 0) };
	struct drm_panthor_sync_op good[] = { signals(self->done[1]) };
	struct drm_panthor_vm_bind_op op = map_op(&self->one, 0, VA, PAGE);

	WITH(op, syncs);
	EXPECT_EQ(-EINVAL, bind_one(gpu, &op));
	WITH(op, good);
	ASSERT_EQ(0, bind_one(gpu, &op));
	EXPECT_EQ(1, done(gpu, self->done[1]));
}

/* An array with one bad operation is refused as a whole. */
TEST_F(vm, all_or_nothing)
{
	struct client *gpu = &self->client;
	struct drm_panthor_sync_op syncs[] = { signals(self->done[0]) };
	struct drm_panthor_vm_bind_op ops[] = {
		map_op(&self->one, 0, VA, PAGE), map_op(&self->one, SIZE, VA, PAGE),
	};
	struct ledger after;

	WITH(ops[0], syncs);
	ASSERT_EQ(0, ledger_read(gpu->fd, &self->before));
	EXPECT_EQ(-EINVAL, vm_bind(gpu->fd, gpu->vm, ops, ARRAY_SIZE(ops), true));
	EXPECT_EQ(0, ledger_settle(gpu->fd, &self->before, &after));
	/* Without a fence there is nothing to export. */
	EXPECT_EQ(-EINVAL, syncobj_status(gpu->fd, self->done[0]));
	EXPECT_EQ(DRM_PANTHOR_VM_STATE_USABLE, vm_state(gpu->fd, gpu->vm));
}

/* The same if it is the last wait that is bad, which is seen last. */
TEST_F(vm, all_or_nothing_by_the_last_wait)
{
	struct client *gpu = &self->client;
	struct drm_panthor_sync_op good[] = { signals(self->done[0]) };
	struct drm_panthor_sync_op bad[] = { wait_for(NO_HANDLE) };
	struct drm_panthor_vm_bind_op ops[] = {
		map_op(&self->one, 0, VA, PAGE), map_op(&self->two, 0, VA, PAGE),
	};
	struct ledger after;

	WITH(ops[0], good);
	WITH(ops[1], bad);
	ASSERT_EQ(0, ledger_read(gpu->fd, &self->before));
	EXPECT_EQ(-ENOENT, vm_bind(gpu->fd, gpu->vm, ops, ARRAY_SIZE(ops), true));
	EXPECT_EQ(0, ledger_settle(gpu->fd, &self->before, &after));
	EXPECT_EQ(-EINVAL, syncobj_status(gpu->fd, self->done[0]));
	/* Fences of jobs that never were do not hold up those that are. */
	ASSERT_EQ(0, bind_one(gpu, &ops[0]));
	EXPECT_EQ(1, done(gpu, self->done[0]));
	EXPECT_EQ(TAG(1, 0), peek_one(gpu, VA));
}

/* An operation that only syncs has its place in the queue. */
TEST_F(vm, sync_only)
{
	struct client *gpu = &self->client;
	struct drm_panthor_sync_op waits[] = { wait_for(self->first) };
	struct drm_panthor_sync_op tells[] = { signals(self->done[0]) };
	struct drm_panthor_vm_bind_op ops[] = {
		map_op(&self->one, 0, VA, PAGE),
		{ .flags = DRM_PANTHOR_VM_BIND_OP_TYPE_SYNC_ONLY },
	};

	WITH(ops[0], waits);
	WITH(ops[1], tells);
	ASSERT_EQ(0, vm_bind(gpu->fd, gpu->vm, ops, ARRAY_SIZE(ops), true));
	EXPECT_EQ(-ETIME, syncobj_wait(gpu->fd, self->done[0], NOT_YET_MS));
	ASSERT_EQ(0, gate_open(&self->gate, 1));
	EXPECT_EQ(1, done(gpu, self->done[0]));
	EXPECT_EQ(TAG(1, 0), peek_one(gpu, VA));
}

/* An operation on no bytes at all has its place too, and does nothing. */
TEST_F(vm, no_bytes)
{
	struct client *gpu = &self->client;
	struct drm_panthor_sync_op syncs[] = { signals(self->done[0]) };
	struct drm_panthor_vm_bind_op op = map_op(&self->one, 0, VA, 0);
	struct ledger after;

	WITH(op, syncs);
	ASSERT_EQ(0, ledger_read(gpu->fd, &self->before));
	ASSERT_EQ(0, bind_one(gpu, &op));
	EXPECT_EQ(1, done(gpu, self->done[0]));
	EXPECT_EQ(0, ledger_settle(gpu->fd, &self->before, &after));
}

/* A job that waits for a bind finds what it has mapped. */
TEST_F(vm, job_waits_for_bind)
{
	struct client *gpu = &self->client;
	struct drm_panthor_sync_op binds[] = { wait_for(self->first), signals(self->done[0]) };
	struct drm_panthor_sync_op runs[] = { wait_for(self->done[0]), signals(self->done[1]) };
	struct drm_panthor_vm_bind_op op = map_op(&self->one, 0, VA, SIZE);
	struct drm_panthor_queue_submit submit = {
		.stream_addr = STREAM_VA, .stream_size = 7 * 8,
		.syncs = DRM_PANTHOR_OBJ_ARRAY(2, runs),
	};
	struct drm_panthor_group_submit arg = {
		.group_handle = gpu->group, .queue_submits = DRM_PANTHOR_OBJ_ARRAY(1, &submit),
	};

	/* Leaves its stream, that of 7 instructions, in place 0. */
	ASSERT_EQ(0, client_store(gpu, DATA_VA, PATTERN));
	ASSERT_EQ(1, done(gpu, gpu->syncobj));
	*(volatile uint64_t *)gpu->stream.map = cs_move48(ADDR, VA + BLOCK + 4);

	WITH(op, binds);
	ASSERT_EQ(0, bind_one(gpu, &op));
	ASSERT_EQ(0, ioctl(gpu->fd, DRM_IOCTL_PANTHOR_GROUP_SUBMIT, &arg));
	EXPECT_EQ(-ETIME, syncobj_wait(gpu->fd, self->done[1], NOT_YET_MS));
	ASSERT_EQ(0, gate_open(&self->gate, 1));
	ASSERT_EQ(1, done(gpu, self->done[1]));
	EXPECT_EQ(PATTERN, *(volatile uint32_t *)((char *)self->one.map + BLOCK + 4));
}

/*
 * A VM that is destroyed takes along what is in its queue, and leaves nothing. What
 * would be left is never freed, and so spoils a run.
 */
TEST_F(vm, destroyed_with_a_queue_alone)
{
	struct client *gpu = &self->client;
	struct drm_panthor_sync_op syncs[] = { wait_for(self->first), signals(self->done[0]) };
	struct drm_panthor_vm_bind_op op = map_op(&self->two, 0, VA, SIZE);
	struct ledger after;
	uint32_t vm;

	if (!getenv("PANTHOR_BY_NAME"))
		SKIP(return, "may leave a VM behind for ever, set PANTHOR_BY_NAME=1");
	ASSERT_EQ(0, ledger_read(gpu->fd, &self->before));
	ASSERT_EQ(0, vm_create(gpu->fd, &vm));
	WITH(op, syncs);
	ASSERT_EQ(0, vm_bind(gpu->fd, vm, &op, 1, true));
	ASSERT_EQ(0, vm_destroy(gpu->fd, vm));
	EXPECT_EQ(-EINVAL, vm_bind(gpu->fd, vm, &op, 1, true));
	ASSERT_EQ(0, gate_open(&self->gate, 1));
	/* Whether it was done is of no interest to anybody. */
	EXPECT_EQ(0, syncobj_wait(gpu->fd, self->done[0], JOB_MS));
	EXPECT_EQ(0, ledger_settle(gpu->fd, &self->before, &after)) {
		char text[2][128];

		ledger_print(&self->before, text[0], sizeof(text[0]));
		ledger_print(&after, text[1], sizeof(text[1]));
		TH_LOG("before: %s; after: %s", text[0], text[1]);
	}
}

/* A file that is closed does so too. */
TEST_F(vm, closed_with_a_queue_alone)
{
	struct client *gpu = &self->client;
	struct user user;
	struct drm_panthor_sync_op syncs[1];
	struct drm_panthor_vm_bind_op op;
	struct ledger after;

	if (!getenv("PANTHOR_BY_NAME"))
		SKIP(return, "may leave a VM behind for ever, set PANTHOR_BY_NAME=1");
	ASSERT_EQ(0, ledger_read(gpu->fd, &self->before));
	ASSERT_EQ(0, user_open(&user));
	ASSERT_EQ(0, gate_syncobj(&self->gate, user.client.fd, 1, &user.empty));
	op = map_op(&user.client.data, 0, VA, DATA_SIZE);
	syncs[0] = wait_for(user.empty);
	WITH(op, syncs);
	ASSERT_EQ(0, bind_one(&user.client, &op));
	ASSERT_EQ(0, munmap(user.client.data.map, DATA_SIZE));
	ASSERT_EQ(0, munmap(user.client.stream.map, STREAM_SIZE));
	ASSERT_EQ(0, munmap(user.others.map, 4096));
	ASSERT_EQ(0, close(user.client.fd));
	ASSERT_EQ(0, gate_open(&self->gate, 1));
	EXPECT_EQ(0, ledger_settle(gpu->fd, &self->before, &after)) {
		char text[2][128];

		ledger_print(&self->before, text[0], sizeof(text[0]));
		ledger_print(&after, text[1], sizeof(text[1]));
		TH_LOG("before: %s; after: %s", text[0], text[1]);
	}
}

/*
 * The GPU does not answer while a bind is done: its fence has the error, and the VM
 * cannot be used any more but to be destroyed, which leaves the others alone.
 */
TEST_F_TIMEOUT(vm, unusable_alone, 90)
{
	struct client *gpu = &self->client;
	const uint64_t insns[] = {
		cs_move48(ADDR, DATA_VA), cs_move32(COUNT, 50000000), cs_move32(COUNTER, 0),
		cs_add32(COUNTER, COUNTER, 1), cs_sync_set32(ADDR, COUNTER),
		cs_add32(COUNT, COUNT, -1), cs_branch(CS_NE, COUNT, -4),
	};
	struct drm_panthor_sync_op syncs[] = { signals(self->done[0]) };
	struct drm_panthor_vm_bind_op op = map_op(&self->one, 0, VA, PAGE);
	const struct client_options options = { };
	struct client other;
	int64_t resets, boots;

	if (!getenv("PANTHOR_BY_NAME"))
		SKIP(return, "resets the GPU at a bad time, set PANTHOR_BY_NAME=1");
	if (self->sim < 0)
		SKIP(return, "not a software GPU: panthor-sim in debugfs");
	ASSERT_EQ(0, client_open(&other, &options));
	WITH(op, syncs);
	resets = sim_counter(self->sim, "resets");
	boots = sim_counter(self->sim, "boots");
	/* Only a VM that runs has to ask the GPU. */
	ASSERT_EQ(0, client_submit_all(gpu, 0, 0, insns));
	for (unsigned int i = 0; i < JOB_MS && !client_words(gpu)[0]; i++)
		sleep_ms(1);
	/* The group may run once more after the reset, in an address space that is off. */
	ASSERT_EQ(0, sim_write(self->sim, "expect", "busy power mmu-protocol fw-protocol"));
	ASSERT_EQ(0, sim_write(self->sim, "inject", "stuck as 1"));
	ASSERT_EQ(0, bind_one(gpu, &op));
	EXPECT_EQ(-ETIMEDOUT, done(gpu, self->done[0]));
	EXPECT_EQ(DRM_PANTHOR_VM_STATE_UNUSABLE, vm_state(gpu->fd, gpu->vm));
	EXPECT_EQ(-EINVAL, bind_one(gpu, &op));
	op.syncs.count = 0;
	EXPECT_EQ(-EINVAL, vm_bind(gpu->fd, gpu->vm, &op, 1, false));
	EXPECT_EQ(0, sim_wait_counter(self->sim, "resets", resets + 1, JOB_MS));
	/* The firmware is there again, or will be when the GPU wakes up: D82. */
	while (sim_counter(self->sim, "boots") == boots && client_wait_status(gpu, "suspended", 0))
		sleep_ms(5);
	ASSERT_EQ(0, client_new_group(&other));
	EXPECT_EQ(0, client_works(&other, PATTERN));
	EXPECT_EQ(DRM_PANTHOR_VM_STATE_USABLE, vm_state(other.fd, other.vm));
	EXPECT_EQ(0, client_close(&other));
}

TEST_HARNESS_MAIN
