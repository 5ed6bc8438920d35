// SPDX-License-Identifier: GPL-2.0-only
/*
 * A GPU that goes to sleep, is reset or loses its driver while its memory is
 * evicted and its clients go on. Contents survive all but the last; what a client
 * of a GPU without a driver is told is ENODEV, and nothing is left of it.
 *
 * PANTHOR_ROUNDS is how often. Who takes the driver from a GPU has to be root, and
 * nobody else should use that GPU.
 */

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../kselftest_harness.h"

#include "client.h"
#include "simctl.h"
#include "stress.h"

#define ROUNDS		6
#define RESETS		2
#define UNBINDS		2
/* Rounds of each before the driver goes. */
#define BEFORE		3
#define WORD(i)		((uint32_t)((i) * 2654435761U ^ PATTERN))
/* client_works() has one of its own. */
#define FIRST_WORD	4

FIXTURE(power) {
	struct client client;
	struct gems start;
	struct race race;
	char shrink[80];
	int64_t violations;
	int sim;
	uint64_t reclaimed;
};

FIXTURE_SETUP(power)
{
	const struct client_options options = { };
	char text[32];
	int fd = panthor_open(0);

	self->client.fd = -1;
	if (fd < 0)
		SKIP(return, NO_GPU);
	if (panthor_debugfs(fd, "shrink", self->shrink, sizeof(self->shrink)) ||
	    access(self->shrink, W_OK))
		SKIP(return, NO_SHRINK);
	if (!have_swap())
		SKIP(return, NO_SWAP);
	if (panthor_runtime_status(fd, text, sizeof(text)) || !strcmp(text, "unsupported"))
		SKIP(return, "no runtime power management: mount /sys, set CONFIG_PM");
	self->sim = sim_find(fd);
	self->violations = self->sim < 0 ? 0 : sim_counter(self->sim, "violations");
	ASSERT_EQ(0, gems_read(fd, &self->start));
	close(fd);
	ASSERT_EQ(0, client_open(&self->client, &options));
	for (unsigned int i = FIRST_WORD; i < DATA_SIZE / 4; i++)
		client_words(&self->client)[i] = WORD(i);
	ASSERT_EQ(0, bo_sync(self->client.fd, &self->client.data,
			     DRM_PANTHOR_BO_SYNC_CPU_CACHE_FLUSH));
	self->race = (struct race){ .arg = self, .rounds = setting("PANTHOR_ROUNDS", ROUNDS) };
}

FIXTURE_TEARDOWN(power)
{
	int fd;

	if (self->client.fd < 0)
		return;
	EXPECT_EQ(0, client_close(&self->client));
	fd = panthor_open(0);
	EXPECT_LE(0, fd);
	EXPECT_EQ(0, gems_wait(fd, &self->start, JOB_MS));
	close(fd);
	if (self->sim >= 0) {
		EXPECT_EQ(0, sim_write(self->sim, "expect", "none"));
		EXPECT_EQ(self->violations, sim_counter(self->sim, "violations"));
	}
}

static int check_words(const struct client *gpu)
{
	for (unsigned int i = FIRST_WORD; i < DATA_SIZE / 4; i++) {
		if (client_words(gpu)[i] != WORD(i))
			return -EILSEQ;
	}
	return 0;
}

static int op_evict(void *arg, unsigned int round)
{
	FIXTURE_DATA(power) *self = arg;
	int64_t pages = shrink_all(self->shrink);

	(void)round;
	if (pages < 0)
		return pages;
	self->reclaimed += pages;
	return 0;
}

/* The same, but not all the time. */
static int op_evict_sometimes(void *arg, unsigned int round)
{
	sleep_ms(round % 8);
	return op_evict(arg, round);
}

/* To sleep, and awake for a job. */
static int op_sleep(void *arg, unsigned int round)
{
	FIXTURE_DATA(power) *self = arg;
	int ret = client_wait_status(&self->client, "suspended", JOB_MS);

	ret = ret ?: client_works(&self->client, PATTERN + round);
	return ret ?: check_words(&self->client);
}

/* The firmware hangs, so the GPU is reset, and works again with a new group. */
static int op_reset(void *arg, unsigned int round)
{
	FIXTURE_DATA(power) *self = arg;
	int64_t resets = sim_counter(self->sim, "resets");
	uint64_t end = now_ms() + JOB_MS;
	int ret;

	/* It has to be awake: it does not hang any more once it has booted again. */
	do {
		uint32_t group;

		ret = client_works(&self->client, PATTERN);
		ret = ret ?: sim_write(self->sim, "inject", "mcu-hang");
		if (ret || now_ms() > end)
			return ret ?: -ETIMEDOUT;
		/* A group that wants a slot: the driver waits for an answer, not for long. */
		ret = group_create(self->client.fd, self->client.vm, 1, &group);
		if (ret)
			continue;
		ret = group_submit(self->client.fd, group, 0, STREAM_VA, 8, 0);
		if (!ret)
			ret = sim_wait_counter(self->sim, "resets", resets + 1, 500);
		group_destroy(self->client.fd, group);
	} while (ret);
	/* There may be no group while the firmware boots (D82). */
	do {
		ret = self->client.group ? client_new_group(&self->client) :
			group_create(self->client.fd, self->client.vm, QUEUES,
				     &self->client.group);
		if (ret)
			self->client.group = 0;
		ret = ret ?: client_works(&self->client, PATTERN + round);
		if (!ret)
			return check_words(&self->client);
		sleep_ms(20);
	} while (now_ms() < end);
	return ret;
}

static void run_pair(struct __test_metadata *_metadata, FIXTURE_DATA(power) *self,
		     int (*op)(void *arg, unsigned int round), const char *name)
{
	struct race *race = &self->race;

	race->racer[0] = (struct racer){ .name = "evict", .op = op_evict_sometimes };
	race->racer[1] = (struct racer){ .name = name, .op = op };
	EXPECT_EQ(0, race_run(race));
	for (unsigned int i = 0; i < 2; i++) {
		struct racer *racer = &race->racer[i];

		EXPECT_EQ(0, racer->ret)
			TH_LOG("%s failed in round %u", racer->name, racer->rounds - 1);
		TH_LOG("%s: %u rounds, slowest %llu ms", racer->name, racer->rounds,
		       (unsigned long long)racer->slowest_ms);
	}
	EXPECT_LT(0, race->overlaps);
	EXPECT_LT(0, self->reclaimed);
	EXPECT_EQ(0, check_words(&self->client));
	EXPECT_EQ(0, vm_state(self->client.fd, self->client.vm));
}

/* What is evicted while the GPU sleeps does not wake it, and is back for a job. */
TEST_F_TIMEOUT(power, evict_asleep, 120)
{
	struct client *gpu = &self->client;

	for (unsigned int i = 0; i < self->race.rounds; i++) {
		char text[32] = "";
		uint64_t before;

		ASSERT_EQ(0, client_works(gpu, PATTERN + i));
		ASSERT_EQ(0, client_wait_status(gpu, "suspended", JOB_MS));
		before = self->reclaimed;
		ASSERT_EQ(0, op_evict(self, 0));
		EXPECT_LT(before, self->reclaimed);
		EXPECT_EQ(0, panthor_runtime_status(gpu->fd, text, sizeof(text)));
		EXPECT_STREQ("suspended", text);
		if (i & 1)
			ASSERT_EQ(0, check_words(gpu));
	}
	ASSERT_EQ(0, client_works(gpu, PATTERN));
	EXPECT_EQ(0, check_words(gpu));
}

/* Eviction meets a GPU that falls asleep and wakes up. */
TEST_F_TIMEOUT(power, evict_suspend, 120)
{
	run_pair(_metadata, self, op_sleep, "sleep");
}

/* Eviction meets resets: no content is lost, and the VM can still be used. */
TEST_F_TIMEOUT(power, evict_reset_alone, 180)
{
	if (!getenv("PANTHOR_BY_NAME"))
		SKIP(return, "resets the GPU: set PANTHOR_BY_NAME=1");
	if (self->sim < 0)
		SKIP(return, "no software GPU, which can hang: panthor-sim in debugfs");
	/* The driver polls for a second each time. */
	self->race.rounds = setting("PANTHOR_ROUNDS", RESETS);
	/* What the driver does to a GPU in reset is for another test to judge (D80, D83). */
	ASSERT_EQ(0, sim_write(self->sim, "expect", "busy power mmu-protocol"));
	run_pair(_metadata, self, op_reset, "reset");
}

/* A client in a process of its own, of a GPU whose driver goes. */
struct victim {
	_Atomic unsigned int rounds;
	/* The driver is on its way out, or has gone. */
	_Atomic int leaving;
	_Atomic int gone;
	/* First error before, and of a call after. */
	int before;
	int after;
};

FIXTURE(unbind) {
	unsigned int gpu;
	char device[NAME_MAX + 1];
	char driver[PATH_MAX];
	struct gems start;
	struct victim *victim;
	int64_t violations;
	int sim;
};

FIXTURE_VARIANT(unbind) {
	int (*op)(struct client *client, unsigned int round);
};

static int do_submit(struct client *client, unsigned int round)
{
	return client_works(client, PATTERN + round);
}

static int do_bind(struct client *client, unsigned int round)
{
	struct bo alias = client->data;
	int ret;

	(void)round;
	alias.va = UNMAPPED_VA;
	ret = vm_map(client->fd, client->vm, &alias, DRM_PANTHOR_VM_BIND_OP_MAP_NOEXEC);
	ret = ret ?: vm_unmap(client->fd, client->vm, UNMAPPED_VA + 4096, 4096);
	return ret ?: vm_unmap(client->fd, client->vm, UNMAPPED_VA, DATA_SIZE);
}

static int do_fault(struct client *client, unsigned int round)
{
	struct bo view = client->data;
	int ret = bo_map(client->fd, &view);

	if (ret)
		return ret;
	for (unsigned int i = 0; i < DATA_SIZE / 4; i += 1024)
		((volatile uint32_t *)view.map)[i + 5] = round;
	return munmap(view.map, view.size) ? -errno : 0;
}

static int do_evict(struct client *client, unsigned int round)
{
	char path[80];
	int ret = panthor_debugfs(client->fd, "shrink", path, sizeof(path));

	(void)round;
	ret = ret ?: file_write(path, "100000");
	/* The file goes with the driver. */
	if (ret == -ENOENT)
		ret = -ENODEV;
	return ret ?: bo_sync(client->fd, &client->data, DRM_PANTHOR_BO_SYNC_CPU_CACHE_FLUSH);
}

static int do_create(struct client *client, unsigned int round)
{
	struct bo bo = { .va = UNMAPPED_VA };
	uint32_t vm;
	int ret = vm_create(client->fd, &vm);

	ret = ret ?: bo_create(client->fd, round & 1 ? vm : 0, DATA_SIZE, 0, &bo);
	ret = ret ?: vm_map(client->fd, vm, &bo, 0);
	ret = ret ?: bo_close(client->fd, &bo);
	return ret ?: vm_destroy(client->fd, vm);
}

static int do_open(struct client *client, unsigned int round)
{
	const struct client_options options = { .gpu = 1 };
	struct client other;
	int ret = client_open(&other, &options);

	(void)client;
	(void)round;
	return ret ?: client_close(&other);
}

FIXTURE_VARIANT_ADD(unbind, submit) {
	.op = do_submit,
};

FIXTURE_VARIANT_ADD(unbind, bind) {
	.op = do_bind,
};

FIXTURE_VARIANT_ADD(unbind, fault) {
	.op = do_fault,
};

FIXTURE_VARIANT_ADD(unbind, evict) {
	.op = do_evict,
};

FIXTURE_VARIANT_ADD(unbind, create) {
	.op = do_create,
};

FIXTURE_VARIANT_ADD(unbind, open) {
	.op = do_open,
};

FIXTURE_SETUP(unbind)
{
	char path[80], target[PATH_MAX];
	int fd = panthor_open(1);
	struct stat st;

	self->victim = MAP_FAILED;
	self->gpu = 1;
	if (fd < 0)
		SKIP(return, "no second GPU to take the driver from: panthor_sim.gpus=2");
	if (geteuid())
		SKIP(return, "a driver is taken from its device: be root");
	self->sim = sim_find(fd);
	self->violations = self->sim < 0 ? 0 : sim_counter(self->sim, "violations");
	ASSERT_EQ(0, gems_read(fd, &self->start));
	ASSERT_EQ(0, fstat(fd, &st));
	close(fd);
	snprintf(path, sizeof(path), "/sys/dev/char/%u:%u/device", major(st.st_rdev),
		 minor(st.st_rdev));
	ASSERT_NE(NULL, realpath(path, target));
	snprintf(self->device, sizeof(self->device), "%s", strrchr(target, '/') + 1);
	strcat(path, "/driver");
	ASSERT_NE(NULL, realpath(path, self->driver));
	self->victim = mmap(NULL, sizeof(*self->victim), PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, (void *)self->victim);
}

FIXTURE_TEARDOWN(unbind)
{
	int fd;

	if (self->victim == MAP_FAILED)
		return;
	fd = panthor_open(self->gpu);
	EXPECT_LE(0, fd);
	EXPECT_EQ(0, gems_wait(fd, &self->start, JOB_MS));
	close(fd);
	if (self->sim >= 0)
		EXPECT_EQ(self->violations, sim_counter(self->sim, "violations"));
}

static int driver_write(FIXTURE_DATA(unbind) *self, const char *file)
{
	char path[PATH_MAX + 16];

	snprintf(path, sizeof(path), "%s/%s", self->driver, file);
	return file_write(path, self->device);
}

/* Goes on until the driver has gone, and then asks for one thing more. */
static void victim_main(FIXTURE_DATA(unbind) *self,
			int (*op)(struct client *client, unsigned int round))
{
	const struct client_options options = { .gpu = self->gpu };
	struct victim *victim = self->victim;
	struct client client;
	uint32_t vm;
	int ret;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	ret = client_open(&client, &options);
	while (!ret && !atomic_load(&victim->gone)) {
		ret = op(&client, atomic_load(&victim->rounds));
		/* From then on any error will do, and not all of the steps. */
		if (ret && atomic_load(&victim->leaving)) {
			while (!atomic_load(&victim->gone))
				sleep_ms(1);
			ret = 0;
		}
		atomic_fetch_add(&victim->rounds, 1);
	}
	victim->before = ret;
	victim->after = vm_create(client.fd, &vm);
	close(client.fd);
	_exit(0);
}

/*
 * The driver goes while a client is at it, and comes back for the next one. A stock
 * kernel is not the same afterwards (D92, D116).
 */
TEST_F_TIMEOUT(unbind, client_fatal, 120)
{
	const struct client_options options = { .gpu = self->gpu };
	struct client client;

	if (!getenv("PANTHOR_BY_NAME"))
		SKIP(return, "takes the driver from a GPU: set PANTHOR_BY_NAME=1");
	for (unsigned int i = 0; i < UNBINDS; i++) {
		struct victim *victim = self->victim;
		uint64_t end = now_ms() + JOB_MS;
		int status = -1;
		pid_t pid;

		memset(victim, 0, sizeof(*victim));
		pid = fork();
		ASSERT_LE(0, pid);
		if (!pid)
			victim_main(self, variant->op);
		while (atomic_load(&victim->rounds) < BEFORE && now_ms() < end)
			sleep_ms(1);
		EXPECT_LE(BEFORE, atomic_load(&victim->rounds));
		atomic_store(&victim->leaving, 1);
		EXPECT_EQ(0, driver_write(self, "unbind"));
		atomic_store(&victim->gone, 1);
		ASSERT_EQ(pid, waitpid(pid, &status, 0));
		EXPECT_EQ(0, status);
		EXPECT_EQ(0, victim->before);
		EXPECT_EQ(-ENODEV, victim->after);
		ASSERT_EQ(0, driver_write(self, "bind"));

		ASSERT_EQ(0, client_open(&client, &options));
		EXPECT_EQ(0, client_works(&client, PATTERN + i));
		EXPECT_EQ(0, client_close(&client));
	}
}

TEST_HARNESS_MAIN
