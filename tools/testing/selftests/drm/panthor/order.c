// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which BOs are evicted, in which order and how many; what is left alone; and
 * what can be done to a BO that is evicted.
 */

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../../kselftest_harness.h"

#include "cs.h"
#include "gems.h"
#include "pattern.h"

#define PAGES		16
#define BOS		4
#define BO_VA		0x10000000ULL
#define OTHER_VA	0x20000000ULL
#define MIB		(1024 * 1024ULL)
#define NOEXEC		DRM_PANTHOR_VM_BIND_OP_MAP_NOEXEC
/* More than anybody has BOs, so that a loop has an end. */
#define MANY		2000

FIXTURE(lru) {
	struct gate gate;
	struct client client;
	struct client other;
	struct bo bo[BOS];
	uint32_t seed;
};

FIXTURE_SETUP(lru)
{
	const struct client_options options = { };
	const char *needs;
	uint64_t state;
	int ret;

	self->other.fd = -1;
	ret = client_open(&self->client, &options);
	if (ret == -ENODEV)
		SKIP(return, "no render node of a driver named panthor");
	ASSERT_EQ(0, ret);
	needs = evict_needs(self->client.fd);
	if (needs)
		SKIP(return, "%s", needs);
	ASSERT_EQ(0, client_open_beside(&self->other, &self->client, &options));
	gate_open(&self->gate, self->client.fd);
	state = seed_of_run();
	TH_LOG("PANTHOR_SEED=%llu", (unsigned long long)state);
	self->seed = dice(&state);
}

/* What a test has made by handle goes with the file. */
FIXTURE_TEARDOWN(lru)
{
	for (unsigned int i = 0; i < BOS; i++)
		if (self->bo[i].map)
			munmap(self->bo[i].map, self->bo[i].size);
	EXPECT_EQ(0, panthor_stay_awake(self->client.fd, false));
	EXPECT_EQ(0, client_close(&self->other));
	EXPECT_EQ(0, client_close(&self->client));
	EXPECT_STREQ("", gate_close(&self->gate, _metadata->name));
}

static const char *name(unsigned int i)
{
	static const char * const names[BOS] = { "bo-0", "bo-1", "bo-2", "bo-3" };

	return names[i];
}

/* With contents, and mapped by the CPU. */
static int make(struct client *client, struct bo *bo, unsigned int i, bool shared,
		unsigned int pages, uint32_t seed)
{
	int ret;

	bo->va = BO_VA + i * 16 * MIB;
	ret = bo_create(client->fd, shared ? 0 : client->vm, pages * PAGE_BYTES, 0, bo);
	ret = ret ?: gem_label(client->fd, bo, name(i));
	if (!ret)
		cpu_write(bo->map, 0, pages, seed);
	return ret;
}

static int drop_map(struct bo *bo)
{
	int ret = munmap(bo->map, bo->size) ? -errno : 0;

	bo->map = NULL;
	return ret;
}

/* Evicts page by page; the names of the BOs in the order in which they went. */
static int order(int fd, unsigned int bos, char *text)
{
	unsigned int gone = 0;

	*text = '\0';
	for (unsigned int i = 0; i < MANY; i++) {
		int64_t freed = shrink(fd, 1);

		if (freed < 0)
			return freed;
		for (unsigned int n = 0; n < bos; n++) {
			int64_t bytes = resident(fd, name(n));

			if (bytes < 0)
				return bytes;
			if (bytes || gone & 1U << n)
				continue;
			gone |= 1U << n;
			strcat(text, *text ? " " : "");
			strcat(text, name(n));
		}
		if (gone == (1U << bos) - 1)
			return 0;
	}

	return -EBUSY;
}

/* Cheap ones go first: unused, mapped by the CPU, by a VM, by several. */
TEST_F(lru, cheapest_first)
{
	struct client *gpu = &self->client;
	struct bo *bo = self->bo;
	struct bo alias;
	char text[64];

	/* Made in the opposite order, which must not matter. */
	ASSERT_EQ(0, make(gpu, &bo[0], 0, true, PAGES, self->seed));
	alias = bo[0];
	ASSERT_EQ(0, vm_map(gpu->fd, gpu->vm, &alias, NOEXEC));
	ASSERT_EQ(0, vm_map(gpu->fd, self->other.vm, &alias, NOEXEC));
	ASSERT_EQ(0, make(gpu, &bo[1], 1, false, PAGES, self->seed));
	ASSERT_EQ(0, vm_map(gpu->fd, gpu->vm, &bo[1], NOEXEC));
	ASSERT_EQ(0, make(gpu, &bo[2], 2, false, PAGES, self->seed));
	ASSERT_EQ(0, make(gpu, &bo[3], 3, false, PAGES, self->seed));
	ASSERT_EQ(0, drop_map(&bo[3]));

	ASSERT_EQ(0, order(gpu->fd, 4, text));
	EXPECT_STREQ("bo-3 bo-2 bo-1 bo-0", text);
}

/* Of those that nobody uses the one goes first that has been unused for longest. */
TEST_F(lru, longest_unused_first)
{
	const unsigned int dropped[BOS] = { 2, 0, 3, 1 };
	char text[64];

	for (unsigned int i = 0; i < BOS; i++)
		ASSERT_EQ(0, make(&self->client, &self->bo[i], i, false, PAGES, self->seed));
	for (unsigned int i = 0; i < BOS; i++)
		ASSERT_EQ(0, drop_map(&self->bo[dropped[i]]));

	ASSERT_EQ(0, order(self->client.fd, 4, text));
	EXPECT_STREQ("bo-2 bo-0 bo-3 bo-1", text);
}

/* Of two VMs that one's BOs go first whose last job is longer ago. */
TEST_F(lru, idle_vm_first)
{
	struct client *first = &self->client, *second = &self->other;
	struct bo *bo = self->bo;
	char text[64];

	ASSERT_EQ(0, make(first, &bo[0], 0, false, PAGES, self->seed));
	ASSERT_EQ(0, make(second, &bo[1], 1, false, PAGES, self->seed));
	ASSERT_EQ(0, vm_map(first->fd, first->vm, &bo[0], NOEXEC));
	ASSERT_EQ(0, vm_map(second->fd, second->vm, &bo[1], NOEXEC));

	/* An address space is given up when the GPU sleeps; a job then takes one again. */
	for (unsigned int round = 0; round < 2; round++) {
		struct client *old = round ? first : second;
		struct client *young = round ? second : first;

		ASSERT_EQ(0, client_wait_status(first, "suspended", JOB_MS));
		/* If it slept in between, the old one's group would get a slot again, too. */
		ASSERT_EQ(0, panthor_stay_awake(first->fd, true));
		ASSERT_EQ(0, client_works(old, PATTERN));
		ASSERT_EQ(0, client_works(young, PATTERN));
		ASSERT_EQ(0, panthor_stay_awake(first->fd, false));
		ASSERT_EQ(0, client_wait_status(first, "suspended", JOB_MS));
		ASSERT_EQ(0, order(first->fd, 2, text));
		EXPECT_STREQ(round ? "bo-0 bo-1" : "bo-1 bo-0", text);
	}
}

static int start_waiting(struct client *client)
{
	const uint64_t insns[] = {
		cs_move48(ADDR, DATA_VA),
		cs_move32(VALUE, 0),
		cs_sync_wait32(CS_GT, ADDR, VALUE),
	};

	return client_submit_all(client, 0, 0, insns);
}

static int end_waiting(struct client *client)
{
	const uint64_t insns[] = {
		cs_move48(ADDR, DATA_VA),
		cs_move32(ONE, 1),
		cs_sync_add32(ADDR, ONE),
	};
	uint32_t waits = client->syncobj;
	int ret = syncobj_create(client->fd, &client->syncobj);

	ret = ret ?: client_submit_all(client, 1, 1, insns);
	ret = ret ?: syncobj_wait(client->fd, client->syncobj, JOB_MS);
	ret = ret ?: syncobj_wait(client->fd, waits, JOB_MS);
	return ret ?: syncobj_destroy(client->fd, waits);
}

/* BOs of a VM with a job stay until the job is done, whether they are used or not. */
TEST_F(lru, busy_stays)
{
	struct client *gpu = &self->client;
	struct part part = { .va = BO_VA, .pages = PAGES };

	ASSERT_EQ(0, make(gpu, &self->bo[0], 0, false, PAGES, self->seed));
	ASSERT_EQ(0, vm_map(gpu->fd, gpu->vm, &self->bo[0], NOEXEC));
	ASSERT_EQ(0, make(gpu, &self->bo[1], 1, true, PAGES, self->seed));
	ASSERT_EQ(0, vm_map(gpu->fd, gpu->vm, &self->bo[1], NOEXEC));
	ASSERT_EQ(0, start_waiting(gpu));
	for (unsigned int i = 0; i < 3; i++) {
		ASSERT_LE(0, shrink(gpu->fd, 1 << 20));
		ASSERT_EQ(PAGES * PAGE_BYTES, resident(gpu->fd, name(0)));
		ASSERT_EQ(PAGES * PAGE_BYTES, resident(gpu->fd, name(1)));
	}
	ASSERT_EQ(0, end_waiting(gpu));
	EXPECT_EQ(0, evict(gpu->fd, name(0), BY_SHRINK));
	EXPECT_EQ(0, gpu_check(gpu, &part, self->seed));
}

/* A busy VM does not keep the BOs of others. */
TEST_F(lru, busy_keeps_nobody_else)
{
	struct client *gpu = &self->client;

	ASSERT_EQ(0, make(&self->other, &self->bo[0], 0, false, PAGES, self->seed));
	ASSERT_EQ(0, vm_map(gpu->fd, self->other.vm, &self->bo[0], NOEXEC));
	ASSERT_EQ(0, start_waiting(gpu));
	EXPECT_EQ(0, evict(gpu->fd, name(0), BY_SHRINK));
	ASSERT_EQ(0, end_waiting(gpu));
}

/* What is asked for is what goes, in whole BOs. */
TEST_F(lru, no_more_than_asked_for)
{
	int fd = self->client.fd;
	unsigned int left = 0;

	for (unsigned int i = 0; i < BOS; i++) {
		ASSERT_EQ(0, make(&self->client, &self->bo[i], i, false, PAGES, self->seed));
		ASSERT_EQ(0, drop_map(&self->bo[i]));
	}
	EXPECT_EQ(PAGES, shrink(fd, 1));
	EXPECT_EQ(0, resident(fd, name(0)));
	EXPECT_EQ(2 * PAGES, shrink(fd, PAGES + 1));
	EXPECT_EQ(0, resident(fd, name(1)));
	EXPECT_EQ(0, resident(fd, name(2)));
	left = resident(fd, name(3)) / PAGE_BYTES;
	EXPECT_EQ(PAGES, left);
}

/* The driver reports as many pages as have gone, and none when nothing is left. */
TEST_F(lru, report_is_true)
{
	struct gem_sum before, after;
	int fd = self->client.fd;
	int64_t freed;

	for (unsigned int i = 0; i < BOS; i++) {
		ASSERT_EQ(0, make(&self->client, &self->bo[i], i, i & 1, PAGES << i, self->seed));
		ASSERT_EQ(0, vm_map(fd, self->client.vm, &self->bo[i], NOEXEC));
	}
	for (unsigned int i = 0; i < 3; i++) {
		ASSERT_EQ(0, gem_sum(fd, 0, &before));
		freed = shrink(fd, i ? 1 << 20 : 3);
		ASSERT_LE(0, freed);
		ASSERT_EQ(0, gem_sum(fd, 0, &after));
		EXPECT_EQ(before.resident - after.resident, freed * PAGE_BYTES);
		EXPECT_EQ(i < 2, freed != 0);
	}
}

FIXTURE(evicted) {
	struct gate gate;
	struct client client;
	struct bo bo;
	struct part part;
	uint32_t seed;
};

FIXTURE_VARIANT(evicted) {
	bool shared;
	uint32_t flags;
	unsigned int pages;
};

FIXTURE_VARIANT_ADD(evicted, exclusive) {
	.pages = PAGES,
};

/* Two blocks, if memory comes in such. */
FIXTURE_VARIANT_ADD(evicted, large_shared_wb) {
	.pages = 1024, .shared = true, .flags = DRM_PANTHOR_BO_WB_MMAP,
};

/* What the GPU has written is evicted when a test begins. */
FIXTURE_SETUP(evicted)
{
	const struct client_options options = { };
	struct client *gpu = &self->client;
	const char *needs;
	uint64_t state;
	int ret;

	ret = client_open(gpu, &options);
	if (ret == -ENODEV)
		SKIP(return, "no render node of a driver named panthor");
	ASSERT_EQ(0, ret);
	needs = evict_needs(gpu->fd);
	if (needs)
		SKIP(return, "%s", needs);
	gate_open(&self->gate, gpu->fd);
	state = seed_of_run();
	TH_LOG("PANTHOR_SEED=%llu", (unsigned long long)state);
	self->seed = dice(&state);

	self->part = (struct part){ .va = BO_VA, .pages = variant->pages };
	ASSERT_EQ(0, bo_create(gpu->fd, variant->shared ? 0 : gpu->vm,
			       variant->pages * PAGE_BYTES, variant->flags, &self->bo));
	ASSERT_EQ(0, gem_label(gpu->fd, &self->bo, name(0)));
	self->bo.va = BO_VA;
	ASSERT_EQ(0, vm_map(gpu->fd, gpu->vm, &self->bo, NOEXEC));
	ASSERT_EQ(0, gpu_write(gpu, &self->part, self->seed));
	ASSERT_EQ(0, evict(gpu->fd, name(0), BY_SHRINK));
	/* That it can tell. */
	ASSERT_EQ(-ENODATA, evict(gpu->fd, name(0), BY_SHRINK));
}

FIXTURE_TEARDOWN(evicted)
{
	if (self->bo.map)
		munmap(self->bo.map, self->bo.size);
	EXPECT_EQ(0, client_close(&self->client));
	EXPECT_STREQ("", gate_close(&self->gate, _metadata->name));
}

/* One access by the CPU brings all of the BO back, by a fault; a second one has none. */
TEST_F(evicted, touch_restores)
{
	volatile uint32_t *words = self->bo.map;
	unsigned int before = page_faults(), first, second;

	/* The functions that count have been used once. */
	before = page_faults();
	(void)words[0];
	first = page_faults() - before;
	before = page_faults();
	(void)words[0];
	second = page_faults() - before;
	EXPECT_EQ(1, first);
	EXPECT_EQ(0, second);
	EXPECT_EQ(self->bo.size, resident(self->client.fd, name(0)));
	EXPECT_EQ(0, cpu_check(self->bo.map, 0, variant->pages, self->seed));
}

/* No page stays mapped by the CPU: after each eviction the first access faults. */
TEST_F(evicted, cpu_mappings_go_each_time)
{
	volatile uint32_t *words = self->bo.map;
	unsigned int before;

	for (unsigned int i = 0; i < 3; i++) {
		before = page_faults();
		before = page_faults();
		(void)words[(variant->pages - 1) * PAGE_BYTES / 4];
		EXPECT_EQ(1, page_faults() - before);
		ASSERT_EQ(0, evict(self->client.fd, name(0), BY_SHRINK));
	}
	EXPECT_EQ(0, gpu_check(&self->client, &self->part, self->seed));
}

/* Cache maintenance has nothing to do, and brings nothing back. */
TEST_F(evicted, sync_leaves_it)
{
	ASSERT_EQ(0, bo_sync(self->client.fd, &self->bo,
			     DRM_PANTHOR_BO_SYNC_CPU_CACHE_FLUSH_AND_INVALIDATE));
	EXPECT_EQ(0, resident(self->client.fd, name(0)));
}

/* A mapping made while the BO is away shows its contents, also after another eviction. */
TEST_F(evicted, second_mapping)
{
	struct part second = { .va = OTHER_VA, .pages = variant->pages };
	struct client *gpu = &self->client;
	struct bo alias = self->bo;

	alias.va = OTHER_VA;
	ASSERT_EQ(0, vm_map(gpu->fd, gpu->vm, &alias, NOEXEC));
	EXPECT_EQ(self->bo.size, resident(gpu->fd, name(0)));
	ASSERT_EQ(0, evict(gpu->fd, name(0), BY_SHRINK));
	EXPECT_EQ(0, gpu_check(gpu, &second, self->seed));
	EXPECT_EQ(0, gpu_check(gpu, &self->part, self->seed));
}

/* What was cut out of a mapping is gone when the rest comes back. */
TEST_F(evicted, partial_unmap)
{
	const unsigned int hole = variant->pages / 4;
	struct client *gpu = &self->client;
	struct part head = { .va = BO_VA, .pages = hole };
	struct part tail = {
		.va = BO_VA + (hole + 1) * PAGE_BYTES, .page = hole + 1,
		.pages = variant->pages - hole - 1,
	};

	ASSERT_EQ(0, vm_unmap(gpu->fd, gpu->vm, BO_VA + hole * PAGE_BYTES, PAGE_BYTES));
	EXPECT_EQ(0, resident(gpu->fd, name(0)));
	EXPECT_EQ(0, gpu_check(gpu, &head, self->seed));
	EXPECT_EQ(0, gpu_check(gpu, &tail, self->seed));
	EXPECT_EQ(0, vm_state(gpu->fd, gpu->vm));

	ASSERT_EQ(0, syncobj_reset(gpu->fd, gpu->syncobj));
	ASSERT_EQ(0, client_store(gpu, BO_VA + hole * PAGE_BYTES, PATTERN));
	ASSERT_EQ(0, syncobj_wait(gpu->fd, gpu->syncobj, JOB_MS));
	EXPECT_EQ(-EINVAL, syncobj_status(gpu->fd, gpu->syncobj));
	EXPECT_EQ(0, cpu_check(self->bo.map, 0, variant->pages, self->seed));
}

/* Another BO in the middle of a mapping stays there when the mapping comes back. */
TEST_F(evicted, mapped_over)
{
	const unsigned int hole = variant->pages / 2;
	struct client *gpu = &self->client;
	struct part over = { .va = BO_VA + hole * PAGE_BYTES, .pages = 2 };
	struct part tail = {
		.va = BO_VA + (hole + 2) * PAGE_BYTES, .page = hole + 2,
		.pages = variant->pages - hole - 2,
	};
	struct bo bo = { .va = over.va };

	ASSERT_EQ(0, bo_create(gpu->fd, gpu->vm, 2 * PAGE_BYTES, 0, &bo));
	cpu_write(bo.map, 0, 2, ~self->seed);
	ASSERT_EQ(0, vm_map(gpu->fd, gpu->vm, &bo, NOEXEC));
	EXPECT_EQ(0, gpu_check(gpu, &tail, self->seed));
	EXPECT_EQ(0, gpu_check(gpu, &over, ~self->seed));
	EXPECT_EQ(0, cpu_check(self->bo.map, 0, variant->pages, self->seed));
	EXPECT_EQ(0, bo_close(gpu->fd, &bo));
}

/* A handle may be closed; the mappings keep the BO, which comes back for them. */
TEST_F(evicted, closed_and_mapped)
{
	struct client *gpu = &self->client;
	struct bo handle = { .handle = self->bo.handle };

	ASSERT_EQ(0, bo_close(gpu->fd, &handle));
	EXPECT_EQ(0, resident(gpu->fd, name(0)));
	EXPECT_EQ(0, gpu_check(gpu, &self->part, self->seed));
	EXPECT_EQ(0, cpu_check(self->bo.map, 0, variant->pages, self->seed));
}

TEST_HARNESS_MAIN
