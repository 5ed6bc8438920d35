// SPDX-License-Identifier: GPL-2.0-only
/*
 * Calls nobody would make, from clients who mean harm: the right handles with the
 * wrong sizes, boundary values, files that are closed, threads that take BOs from
 * each other. Another client does not notice.
 *
 * PANTHOR_SEED repeats the dice of each thread, though not who comes first;
 * PANTHOR_CALLS is the number of calls of all. PANTHOR_TAME=1 leaves out what is
 * known to end in a warning or worse (D94, D110). PANTHOR_BY_NAME=1 also runs a
 * million.
 */

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../kselftest_harness.h"

#include "client.h"
#include "fuzz.h"
#include "simctl.h"
#include "stress.h"

#define CLIENTS		2
#define THREADS		2
#define SHORT_CALLS	8000
#define LONG_CALLS	1000000
/* A file lives for so many calls of a thread. */
#define FILE_CALLS	1000

/* One per thread of all clients, in memory that they share with the test. */
struct progress {
	struct fuzz_result result;
	unsigned int calls;
};

FIXTURE(ioctls) {
	struct client bystander;
	struct gems start;
	struct progress *progress;
	uint64_t seed;
	int64_t violations;
	int sim;
};

FIXTURE_SETUP(ioctls)
{
	const struct client_options options = { };
	int fd = panthor_open(0);

	self->bystander.fd = -1;
	if (fd < 0)
		SKIP(return, NO_GPU);
	self->sim = sim_find(fd);
	self->violations = self->sim < 0 ? 0 : sim_counter(self->sim, "violations");
	if (gems_read(fd, &self->start))
		SKIP(return, "no file gems: mount debugfs at /sys/kernel/debug, be root");
	close(fd);
	ASSERT_EQ(0, client_open(&self->bystander, &options));
	self->progress = mmap(NULL, CLIENTS * THREADS * sizeof(*self->progress),
			      PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, (void *)self->progress);
	self->seed = seed_of_run();
	TH_LOG("PANTHOR_SEED=%llu", (unsigned long long)self->seed);
}

FIXTURE_TEARDOWN(ioctls)
{
	int fd;

	if (self->bystander.fd < 0)
		return;
	EXPECT_EQ(0, client_close(&self->bystander));
	fd = panthor_open(0);
	EXPECT_LE(0, fd);
	EXPECT_EQ(0, gems_wait(fd, &self->start, 3 * JOB_MS));
	close(fd);
	if (self->sim >= 0)
		EXPECT_EQ(self->violations, sim_counter(self->sim, "violations"));
}

struct caller {
	struct fuzz_file *file;
	struct fuzz_guide *guide;
	struct progress *progress;
	uint64_t state;
	unsigned int calls;
};

static void *caller_thread(void *arg)
{
	struct caller *caller = arg;
	struct fuzz fuzz;

	if (fuzz_init(&fuzz, caller->file, caller->guide, caller->state,
		      &caller->progress->result))
		return NULL;
	for (unsigned int i = 0; i < caller->calls; i++) {
		fuzz_call(&fuzz);
		caller->progress->calls++;
	}
	fuzz_exit(&fuzz);
	return NULL;
}

/* Files one after the other; what is left in each goes with it. */
static void client_main(struct progress *progress, uint64_t state, unsigned int calls)
{
	static struct fuzz_guide guide[THREADS];

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (unsigned int i = 0; i < THREADS; i++)
		fuzz_guide_init(&guide[i]);
	while (calls) {
		unsigned int turn = calls < FILE_CALLS ? calls : FILE_CALLS;
		static struct fuzz_file file;
		struct caller caller[THREADS];
		pthread_t id[THREADS];

		if (fuzz_file_open(&file))
			_exit(1);
		for (unsigned int i = 0; i < THREADS; i++) {
			caller[i] = (struct caller){
				.file = &file, .guide = &guide[i], .progress = &progress[i],
				.calls = turn, .state = dice(&state),
			};
			if (pthread_create(&id[i], NULL, caller_thread, &caller[i]))
				_exit(2);
		}
		for (unsigned int i = 0; i < THREADS; i++)
			pthread_join(id[i], NULL);
		fuzz_file_close(&file);
		calls -= turn;
	}
	_exit(0);
}

/* How far they are, now and then. */
static unsigned int calls_made(const FIXTURE_DATA(ioctls) *self)
{
	unsigned int made = 0;

	for (unsigned int i = 0; i < CLIENTS * THREADS; i++)
		made += __atomic_load_n(&self->progress[i].calls, __ATOMIC_RELAXED);
	return made;
}

static void run_clients(struct __test_metadata *_metadata, FIXTURE_DATA(ioctls) *self,
			unsigned int calls)
{
	const unsigned int guard = DATA_SIZE / 4 - 1;
	struct client *bystander = &self->bystander;
	unsigned int running = CLIENTS, looks = 0, places = 0, kept = 0;
	uint64_t state = self->seed, begin = now_ms();

	calls = setting("PANTHOR_CALLS", calls);
	client_words(bystander)[guard] = PATTERN;
	for (unsigned int i = 0; i < CLIENTS; i++) {
		uint64_t own = dice(&state);
		pid_t pid = fork();

		ASSERT_LE(0, pid);
		if (!pid)
			client_main(&self->progress[i * THREADS], own,
				    calls / CLIENTS / THREADS);
	}
	while (running) {
		int status;

		/* A reset, which a job without end comes to, is not for ever. */
		if (group_state(bystander->fd, bystander->group, NULL) &&
		    client_new_group(bystander)) {
			bystander->group = 0;
			ASSERT_EQ(0, group_create(bystander->fd, bystander->vm, QUEUES,
						  &bystander->group));
		}
		EXPECT_EQ(0, client_works(bystander, running));
		ASSERT_EQ(PATTERN, client_words(bystander)[guard]);
		sleep_ms(100);
		if (looks++ % 100 == 0)
			progress("%u calls", calls_made(self));
		while (running && waitpid(-1, &status, WNOHANG) > 0) {
			EXPECT_EQ(0, status);
			running--;
		}
	}
	EXPECT_EQ(0, vm_state(bystander->fd, bystander->vm));
	TH_LOG("%u calls in %llu ms", calls_made(self), (unsigned long long)(now_ms() - begin));

	for (unsigned int call = 0; call < FUZZ_CALLS; call++) {
		unsigned int succeeded = 0, failed = 0;

		for (unsigned int i = 0; i < CLIENTS * THREADS; i++) {
			succeeded += self->progress[i].result.succeeded[call];
			failed += self->progress[i].result.failed[call];
		}
		TH_LOG("%s: %u, refused %u", fuzz_name(call), succeeded, failed);
		/* Else it was noise, and got no further than the door. */
		EXPECT_NE(0, succeeded);
		EXPECT_NE(0, failed);
	}
	for (unsigned int i = 0; i < CLIENTS * THREADS; i++) {
		const struct fuzz_result *result = &self->progress[i].result;

		places += result->places;
		kept += result->kept;
		EXPECT_EQ(0, result->strange)
			TH_LOG("errno %d of %s", result->strange, result->strange_call);
	}
	EXPECT_EQ(calls / CLIENTS / THREADS * CLIENTS * THREADS, calls_made(self));
	if (access("/sys/kernel/debug/kcov", R_OK | W_OK)) {
		TH_LOG("not guided: no /sys/kernel/debug/kcov (CONFIG_KCOV)");
		return;
	}
	TH_LOG("%u places in the kernel; %u calls came where no call of their thread had been",
	       places, kept);
	/* More than each kind of call comes to alone. */
	EXPECT_LT(FUZZ_CALLS * CLIENTS * THREADS, kept);
}

/* Thousands of calls, and nobody else notices; unless one makes the kernel fall (D110). */
TEST_F_TIMEOUT(ioctls, calls_alone, 300)
{
	if (!getenv("PANTHOR_BY_NAME"))
		SKIP(return, "may end the machine: set PANTHOR_BY_NAME=1");
	run_clients(_metadata, self, SHORT_CALLS);
}

/* A million. */
TEST_F_TIMEOUT(ioctls, calls_long, 7000)
{
	if (!getenv("PANTHOR_BY_NAME"))
		SKIP(return, "takes long: set PANTHOR_BY_NAME=1");
	run_clients(_metadata, self, LONG_CALLS);
}

/* What the dice have found: single calls that are to be refused, and no more. */
FIXTURE(found) {
	struct client client;
	char warnings[32];
};

FIXTURE_SETUP(found)
{
	const struct client_options options = { };
	int ret;

	self->client.fd = -1;
	if (!getenv("PANTHOR_BY_NAME"))
		SKIP(return, "may end the machine: set PANTHOR_BY_NAME=1");
	if (file_read("/sys/kernel/warn_count", self->warnings, sizeof(self->warnings)))
		SKIP(return, "no /sys/kernel/warn_count: mount /sys");
	ret = client_open(&self->client, &options);
	if (ret == -ENODEV)
		SKIP(return, NO_GPU);
	ASSERT_EQ(0, ret);
}

FIXTURE_TEARDOWN(found)
{
	char warnings[32] = "";

	if (self->client.fd < 0)
		return;
	EXPECT_EQ(0, client_close(&self->client));
	EXPECT_EQ(0, file_read("/sys/kernel/warn_count", warnings, sizeof(warnings)));
	EXPECT_STREQ(self->warnings, warnings);
}

static int submit_syncs(struct client *gpu, struct drm_panthor_sync_op *ops, unsigned int count)
{
	struct drm_panthor_queue_submit submit = {
		.syncs = { .stride = sizeof(*ops), .count = count, .array = (uintptr_t)ops },
	};
	struct drm_panthor_group_submit arg = {
		.group_handle = gpu->group, .queue_submits = DRM_PANTHOR_OBJ_ARRAY(1, &submit),
	};

	return ioctl(gpu->fd, DRM_IOCTL_PANTHOR_GROUP_SUBMIT, &arg) ? -errno : 0;
}

/* Who waits for a fence that is not there, and would bring it, is refused (D94). */
TEST_F(found, wait_before_signal_fatal)
{
	struct drm_panthor_sync_op ops[] = {
		{ .flags = DRM_PANTHOR_SYNC_OP_WAIT, .handle = self->client.syncobj },
		{ .flags = DRM_PANTHOR_SYNC_OP_SIGNAL, .handle = self->client.syncobj },
	};

	EXPECT_EQ(-EINVAL, submit_syncs(&self->client, ops, 2));
}

/* Who says that there are two thousand million operations is told off (D90). */
TEST_F(found, huge_count_fatal)
{
	const struct drm_panthor_vm_bind_op op = { };

	EXPECT_GT(0, vm_bind(self->client.fd, self->client.vm, &op, 0x7fffffff, false));
}

/* What signals has to be there (D110). */
TEST_F(found, signal_without_syncobj_fatal)
{
	struct drm_panthor_sync_op op = {
		.flags = DRM_PANTHOR_SYNC_OP_SIGNAL, .handle = 0x12345,
	};

	EXPECT_EQ(-EINVAL, submit_syncs(&self->client, &op, 1));
}

TEST_HARNESS_MAIN
