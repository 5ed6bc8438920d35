// SPDX-License-Identifier: GPL-2.0-only
/*
 * Pairs of operations on the same BO, VM or group, from two threads at the same
 * time. Each goes on for a number of rounds, not for a time; then contents and
 * counts are exact, and all memory is given back. A pair that never met fails.
 *
 * PANTHOR_ROUNDS is the number of rounds, PANTHOR_SEED what BOs contain.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../../kselftest_harness.h"

#include "client.h"
#include "cs.h"
#include "simctl.h"
#include "stress.h"

#define ROUNDS		25
#define PAGE		4096
#define PAGES		(DATA_SIZE / PAGE)
#define WORDS		(PAGE / 4)
/*
 * Word of a page that jobs store to. Word 0 of page 0 counts them, and has a status
 * behind it.
 */
#define JOB_WORD	2

FIXTURE(pair) {
	struct client client;
	struct gems start;
	struct race race;
	char shrink[80];
	uint32_t salt;
	bool shared;
	int64_t violations;
	int sim;
	/* Reclaimed pages, as the driver tells after each eviction. */
	uint64_t reclaimed;
	unsigned int jobs;
	/* What the threads share in some of the tests. */
	_Atomic uint32_t group;
	struct client other;
};

FIXTURE_VARIANT(pair) {
	struct client_options options;
};

FIXTURE_VARIANT_ADD(pair, exclusive) {
	.options = { },
};

FIXTURE_VARIANT_ADD(pair, shared_wb) {
	.options = { .shared = true, .bo_flags = DRM_PANTHOR_BO_WB_MMAP },
};

#define SELF(arg) ((FIXTURE_DATA(pair) *)(arg))

static uint32_t pattern(uint32_t salt, unsigned int word)
{
	return (salt ^ word) * 2654435761U;
}

FIXTURE_SETUP(pair)
{
	int fd = panthor_open(0);

	self->client.fd = -1;
	self->other.fd = -1;
	if (fd < 0)
		SKIP(return, NO_GPU);
	if (sysconf(_SC_NPROCESSORS_ONLN) < 2)
		SKIP(return, "one CPU: threads that race need two");
	if (panthor_debugfs(fd, "shrink", self->shrink, sizeof(self->shrink)) ||
	    access(self->shrink, W_OK))
		SKIP(return, NO_SHRINK);
	if (!have_swap())
		SKIP(return, NO_SWAP);
	self->salt = seed_of_run();
	self->shared = variant->options.shared;
	self->sim = sim_find(fd);
	self->violations = self->sim < 0 ? 0 : sim_counter(self->sim, "violations");
	ASSERT_EQ(0, gems_read(fd, &self->start));
	close(fd);
	ASSERT_EQ(0, client_open(&self->client, &variant->options));
	for (unsigned int i = 0; i < DATA_SIZE / 4; i++)
		client_words(&self->client)[i] = pattern(self->salt, i);
	client_words(&self->client)[0] = 0;
	ASSERT_EQ(0, bo_sync(self->client.fd, &self->client.data,
			     DRM_PANTHOR_BO_SYNC_CPU_CACHE_FLUSH));
	self->group = self->client.group;
	self->race = (struct race){
		.arg = self, .rounds = setting("PANTHOR_ROUNDS", ROUNDS),
	};
}

FIXTURE_TEARDOWN(pair)
{
	int fd;

	if (self->client.fd < 0)
		return;
	EXPECT_EQ(0, client_close(&self->other));
	EXPECT_EQ(0, client_close(&self->client));
	fd = panthor_open(0);
	EXPECT_LE(0, fd);
	EXPECT_EQ(0, gems_wait(fd, &self->start, JOB_MS));
	close(fd);
	if (self->sim >= 0)
		EXPECT_EQ(self->violations, sim_counter(self->sim, "violations"));
}

/* Everything that can be taken, as much as memory has. */
static int op_evict(void *arg, unsigned int round)
{
	FIXTURE_DATA(pair) *self = SELF(arg);
	int64_t pages = shrink_all(self->shrink);

	(void)round;
	if (pages < 0)
		return pages;
	self->reclaimed += pages;
	return 0;
}

/* Counts in word 0, and stores the round in a page. */
static int op_submit(void *arg, unsigned int round)
{
	FIXTURE_DATA(pair) *self = SELF(arg);
	struct client *gpu = &self->client;
	const uint64_t insns[] = {
		cs_move48(ADDR, DATA_VA),
		cs_move32(ONE, 1),
		cs_sync_add32(ADDR, ONE),
		cs_move48(ADDR, DATA_VA + round % PAGES * PAGE),
		cs_move32(VALUE, round),
		cs_store(VALUE, ADDR, 1, JOB_WORD * 4),
		cs_wait(CS_ALL_SCOREBOARDS),
		cs_move32(FLUSH_ID, 0),
		cs_flush(FLUSH_ID, 1),
		cs_wait(CS_ALL_SCOREBOARDS),
	};
	int ret = syncobj_reset(gpu->fd, gpu->syncobj);

	ret = ret ?: client_submit_all(gpu, 0, 0, insns);
	ret = ret ?: syncobj_wait(gpu->fd, gpu->syncobj, JOB_MS);
	if (!ret && syncobj_status(gpu->fd, gpu->syncobj) != 1)
		ret = -EPROTO;
	if (!ret)
		self->jobs++;
	return ret;
}

/* A second mapping of the BO comes, loses its middle, and goes. */
static int op_bind(void *arg, unsigned int round)
{
	FIXTURE_DATA(pair) *self = SELF(arg);
	struct client *gpu = &self->client;
	struct bo alias = gpu->data;
	int ret;

	alias.va = UNMAPPED_VA;
	ret = vm_map(gpu->fd, gpu->vm, &alias, DRM_PANTHOR_VM_BIND_OP_MAP_NOEXEC);
	ret = ret ?: vm_unmap(gpu->fd, gpu->vm,
			      UNMAPPED_VA + (1 + round % (PAGES - 2)) * PAGE, PAGE);
	return ret ?: vm_unmap(gpu->fd, gpu->vm, UNMAPPED_VA, DATA_SIZE);
}

/* All words as they were written, but those of jobs. */
static int check_words(const volatile uint32_t *words, uint32_t salt)
{
	for (unsigned int i = 2; i < DATA_SIZE / 4; i++) {
		if (i % WORDS != JOB_WORD && words[i] != pattern(salt, i))
			return -EILSEQ;
	}
	return 0;
}

/* A mapping of its own, of which each page faults. */
static int op_fault(void *arg, unsigned int round)
{
	FIXTURE_DATA(pair) *self = SELF(arg);
	struct client *gpu = &self->client;
	struct bo view = gpu->data;
	int ret = bo_map(gpu->fd, &view);

	(void)round;
	if (ret)
		return ret;
	ret = check_words(view.map, self->salt);
	if (munmap(view.map, view.size) && !ret)
		ret = -errno;
	return ret;
}

/* A BO comes, is used by both sides, and goes without being unmapped. */
static int op_close(void *arg, unsigned int round)
{
	FIXTURE_DATA(pair) *self = SELF(arg);
	struct client *gpu = &self->client;
	bool shared = round & 1;
	struct bo bo = { .va = UNMAPPED_VA };
	int ret = bo_create(gpu->fd, shared ? 0 : gpu->vm, DATA_SIZE,
			    round & 2 ? DRM_PANTHOR_BO_WB_MMAP : 0, &bo);

	if (ret)
		return ret;
	for (unsigned int i = 0; i < DATA_SIZE / 4; i++)
		((volatile uint32_t *)bo.map)[i] = pattern(self->salt + round, i);
	ret = vm_map(gpu->fd, gpu->vm, &bo, DRM_PANTHOR_VM_BIND_OP_MAP_NOEXEC);
	if (!ret && check_words(bo.map, self->salt + round))
		ret = -EILSEQ;
	if (round & 4)
		ret = ret ?: vm_unmap(gpu->fd, gpu->vm, bo.va, bo.size);
	ret = bo_close(gpu->fd, &bo) ?: ret;
	/* A mapping keeps the BO: it goes when the next one takes its place, or here. */
	return ret ?: vm_unmap(gpu->fd, gpu->vm, bo.va, bo.size);
}

/* A VM with BOs of its own, and with the shared one if that can be. */
static int op_vm_destroy(void *arg, unsigned int round)
{
	FIXTURE_DATA(pair) *self = SELF(arg);
	struct client *gpu = &self->client;
	struct bo own = { .va = UNMAPPED_VA };
	uint32_t vm = 0;
	int ret = vm_create(gpu->fd, &vm);

	if (ret)
		return ret;
	ret = bo_create(gpu->fd, vm, DATA_SIZE, 0, &own);
	ret = ret ?: vm_map(gpu->fd, vm, &own, DRM_PANTHOR_VM_BIND_OP_MAP_NOEXEC);
	/* Else the BO belongs to the other VM alone. */
	if (self->shared)
		ret = ret ?: vm_map(gpu->fd, vm, &gpu->data, DRM_PANTHOR_VM_BIND_OP_MAP_NOEXEC);
	else if (!ret && vm_map(gpu->fd, vm, &gpu->data, 0) != -EINVAL)
		ret = -EEXIST;
	if (!ret && round & 1)
		ret = vm_unmap(gpu->fd, vm, own.va, own.size / 2);
	ret = vm_destroy(gpu->fd, vm) ?: ret;
	return own.handle ? bo_close(gpu->fd, &own) ?: ret : ret;
}

static int prime(int fd, unsigned long request, struct drm_prime_handle *arg)
{
	return ioctl(fd, request, arg) ? -errno : 0;
}

/* The other GPU attaches to the BO, which must stay while it is attached; or may not. */
static int op_attach(void *arg, unsigned int round)
{
	FIXTURE_DATA(pair) *self = SELF(arg);
	struct drm_prime_handle handle = {
		.handle = self->client.data.handle, .flags = DRM_CLOEXEC | DRM_RDWR,
	};
	struct bo imported = { .va = UNMAPPED_VA, .size = DATA_SIZE };
	int ret = prime(self->client.fd, DRM_IOCTL_PRIME_HANDLE_TO_FD, &handle), dmabuf;

	if (!self->shared) {
		/* A BO of one VM alone. */
		if (!ret)
			close(handle.fd);
		return ret == -EINVAL ? 0 : -EEXIST;
	}
	if (ret)
		return ret;
	dmabuf = handle.fd;
	handle.handle = 0;
	ret = prime(self->other.fd, DRM_IOCTL_PRIME_FD_TO_HANDLE, &handle);
	close(dmabuf);
	if (ret)
		return ret;
	imported.handle = handle.handle;
	if (round & 1) {
		ret = vm_map(self->other.fd, self->other.vm, &imported,
			     DRM_PANTHOR_VM_BIND_OP_MAP_NOEXEC);
		ret = ret ?: vm_unmap(self->other.fd, self->other.vm, imported.va, imported.size);
	}
	return bo_close(self->other.fd, &imported) ?: ret;
}

/* The same address shows the same BO again: whoever touches it faults anew. */
static int op_remap(void *arg, unsigned int round)
{
	struct client *gpu = &SELF(arg)->client;
	struct drm_panthor_bo_mmap_offset offset = { .handle = gpu->data.handle };

	(void)round;
	if (ioctl(gpu->fd, DRM_IOCTL_PANTHOR_BO_MMAP_OFFSET, &offset))
		return -errno;
	if (mmap(gpu->data.map, DATA_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED,
		 gpu->fd, offset.offset) == MAP_FAILED)
		return -errno;
	return 0;
}

static int op_touch(void *arg, unsigned int round)
{
	FIXTURE_DATA(pair) *self = SELF(arg);

	(void)round;
	return check_words(client_words(&self->client), self->salt);
}

/* Whatever comes of the group: a fence signals, with or without an error. */
static int op_submit_any(void *arg, unsigned int round)
{
	FIXTURE_DATA(pair) *self = SELF(arg);
	struct client *gpu = &self->client;
	int ret = syncobj_reset(gpu->fd, gpu->syncobj);

	(void)round;
	ret = ret ?: group_submit(gpu->fd, self->group, 0, STREAM_VA, 8, gpu->syncobj);
	/* It was destroyed in between. */
	if (ret == -EINVAL)
		return 0;
	return ret ?: syncobj_wait(gpu->fd, gpu->syncobj, JOB_MS);
}

static int op_new_group(void *arg, unsigned int round)
{
	FIXTURE_DATA(pair) *self = SELF(arg);
	struct client *gpu = &self->client;
	uint32_t group;
	int ret = group_create(gpu->fd, gpu->vm, QUEUES, &group);

	(void)round;
	if (ret)
		return ret;
	return group_destroy(gpu->fd, atomic_exchange(&self->group, group));
}

static void run_pair(struct __test_metadata *_metadata, FIXTURE_DATA(pair) *self,
		     const char *name0, int (*op0)(void *arg, unsigned int round),
		     const char *name1, int (*op1)(void *arg, unsigned int round))
{
	struct client *gpu = &self->client;
	struct race *race = &self->race;

	race->racer[0] = (struct racer){ .name = name0, .op = op0 };
	race->racer[1] = (struct racer){ .name = name1, .op = op1 };
	TH_LOG("PANTHOR_SEED=%u", self->salt);
	EXPECT_EQ(0, race_run(race));
	for (unsigned int i = 0; i < 2; i++) {
		struct racer *racer = &race->racer[i];

		EXPECT_EQ(0, racer->ret)
			TH_LOG("%s failed in round %u", racer->name, racer->rounds - 1);
		TH_LOG("%s: %u rounds, slowest %llu ms", racer->name, racer->rounds,
		       (unsigned long long)racer->slowest_ms);
	}
	/* Else they were no pair. */
	EXPECT_LT(0, race->overlaps);

	/* The BO is whole, the VM usable, and jobs run. */
	EXPECT_EQ(0, bo_sync(gpu->fd, &gpu->data,
			     DRM_PANTHOR_BO_SYNC_CPU_CACHE_FLUSH_AND_INVALIDATE));
	EXPECT_EQ(0, check_words(client_words(gpu), self->salt));
	EXPECT_EQ(self->jobs, client_words(gpu)[0]);
	EXPECT_EQ(0, vm_state(gpu->fd, gpu->vm));
	gpu->group = self->group;
	EXPECT_EQ(0, client_works(gpu, PATTERN));
}

#define RUN_PAIR(one, two) \
	run_pair(_metadata, self, #one, op_##one, #two, op_##two)

/* Jobs run with their memory, each once, while it is taken again and again. */
TEST_F_TIMEOUT(pair, evict_submit, 120)
{
	RUN_PAIR(evict, submit);
	EXPECT_LT(0, self->reclaimed);
	for (unsigned int page = 0; page < PAGES && page < self->jobs; page++) {
		unsigned int last = self->jobs - 1 - (self->jobs - 1 - page) % PAGES;

		EXPECT_EQ(last, client_words(&self->client)[page * WORDS + JOB_WORD]);
	}
}

/* Mappings come and go while the memory behind them does. */
TEST_F_TIMEOUT(pair, evict_bind, 120)
{
	RUN_PAIR(evict, bind);
	EXPECT_LT(0, self->reclaimed);
}

/* The CPU reads what was written, whether the memory has just gone or not. */
TEST_F_TIMEOUT(pair, evict_fault, 120)
{
	RUN_PAIR(evict, fault);
	EXPECT_LT(0, self->reclaimed);
}

/* A BO that is freed while it is evicted is freed once. */
TEST_F_TIMEOUT(pair, evict_close, 120)
{
	RUN_PAIR(evict, close);
	EXPECT_LT(0, self->reclaimed);
}

/* A VM that is destroyed while BOs of it are evicted takes its mappings along. */
TEST_F_TIMEOUT(pair, evict_vm_destroy, 120)
{
	RUN_PAIR(evict, vm_destroy);
	EXPECT_LT(0, self->reclaimed);
}

/* What another device has attached to stays where it is. */
TEST_F_TIMEOUT(pair, evict_attach, 120)
{
	const struct client_options second = { .gpu = 1 };
	int ret;

	ret = client_open(&self->other, &second);
	if (ret == -ENODEV)
		SKIP(return, "no second GPU to share with: panthor_sim.gpus=2");
	ASSERT_EQ(0, ret);
	RUN_PAIR(evict, attach);
	EXPECT_LT(0, self->reclaimed);
}

/* Pages fault in while the mapping is replaced under the reader. */
TEST_F_TIMEOUT(pair, fault_munmap, 120)
{
	RUN_PAIR(touch, remap);
}

/* Eviction and jobs with CPU mappings that come and go. */
TEST_F_TIMEOUT(pair, submit_fault, 120)
{
	RUN_PAIR(submit, fault);
}

/* Mappings come and go beside jobs of the same VM. */
TEST_F_TIMEOUT(pair, submit_bind, 120)
{
	RUN_PAIR(submit, bind);
}

/* Fences of a group that goes away under its jobs signal all the same. */
TEST_F_TIMEOUT(pair, submit_destroy, 120)
{
	/* A job that does nothing for longer. */
	*(volatile uint64_t *)self->client.stream.map = cs_wait(CS_ALL_SCOREBOARDS);
	RUN_PAIR(submit_any, new_group);
}

TEST_HARNESS_MAIN
