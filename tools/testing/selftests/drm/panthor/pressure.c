// SPDX-License-Identifier: GPL-2.0-only
/*
 * Several times as much memory in BOs as the machine has: processes that submit,
 * bind and fault, beside one that holds nearly all memory. What is in the BOs is
 * looked at throughout.
 *
 * PANTHOR_SEED repeats the dice, PANTHOR_ROUNDS is how often each process throws
 * them. A test with _long in its name goes on for PANTHOR_SECONDS and runs with
 * PANTHOR_BY_NAME=1. Swap and memory are those of the machine, which should have
 * nothing else to do.
 */

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/swap.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../kselftest_harness.h"

#include "memory.h"
#include "panthor.h"
#include "simctl.h"
#include "stress.h"
#include "worker.h"

#define MIB		(1024ULL * 1024)
/* What is left of the memory for BOs and all else. */
#define LEFT_MIB	24
/* With BOs of so many times as much. */
#define TIMES		3
#define SMALL_SWAP_MIB	4
#define ROUNDS		12
#define LONG_SECONDS	600
/* A job whose memory comes from swap has to be submitted by then. */
#define SUBMIT_MS	5000
#define GROUP		"/sys/fs/cgroup/panthor-pressure"
#define GROUP_MIB	8

FIXTURE(memory) {
	struct gems start;
	struct memory memory;
	struct worker_plan plan;
	int64_t violations;
	int fd;
	int sim;
	/* What was seen while they ran. */
	uint64_t most_size;
	uint64_t most_evictions;
	int64_t least_swap;
	/* Processes that the kernel had to kill. */
	unsigned int killed;
};

FIXTURE_SETUP(memory)
{
	self->fd = panthor_open(0);
	memory_init(&self->memory);
	if (self->fd < 0)
		SKIP(return, NO_GPU);
	if (gems_read(self->fd, &self->start))
		SKIP(return, "no file gems: mount debugfs at /sys/kernel/debug, be root");
	if (geteuid())
		SKIP(return, "memory is locked and swap switched: be root");
	self->sim = sim_find(self->fd);
	self->violations = self->sim < 0 ? 0 : sim_counter(self->sim, "violations");
	self->plan = (struct worker_plan){
		.seed = seed_of_run(), .rounds = setting("PANTHOR_ROUNDS", ROUNDS),
		.bytes = TIMES * LEFT_MIB * MIB / WORKERS,
	};
	TH_LOG("PANTHOR_SEED=%llu", (unsigned long long)self->plan.seed);
}

FIXTURE_TEARDOWN(memory)
{
	EXPECT_EQ(0, memory_restore(&self->memory));
	if (self->fd < 0)
		return;
	EXPECT_EQ(0, gems_wait(self->fd, &self->start, 30000));
	if (self->sim >= 0)
		EXPECT_EQ(self->violations, sim_counter(self->sim, "violations"));
	close(self->fd);
}

static void watch(FIXTURE_DATA(memory) *self)
{
	int64_t swap = proc_value("/proc/meminfo", "SwapFree");
	struct gems now;

	if (gems_read(self->fd, &now))
		return;
	if (now.size - self->start.size > self->most_size)
		self->most_size = now.size - self->start.size;
	if (now.evictions > self->most_evictions)
		self->most_evictions = now.evictions;
	if (swap < self->least_swap)
		self->least_swap = swap;
}

/* Starts them, watches, and adds up what they report. Returns how many did. */
static unsigned int run_workers(struct __test_metadata *_metadata, FIXTURE_DATA(memory) *self,
				struct worker_report *sum)
{
	struct worker_report report;
	unsigned int reports = 0;
	pid_t pid[WORKERS], ended;
	int out[2], status;

	memset(sum, 0, sizeof(*sum));
	self->least_swap = INT64_MAX;
	ASSERT_EQ(0, pipe2(out, O_CLOEXEC));
	self->plan.over = mmap(NULL, sizeof(*self->plan.over), PROT_READ | PROT_WRITE,
			       MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, (void *)self->plan.over);
	for (unsigned int i = 0; i < WORKERS; i++) {
		pid[i] = fork();
		ASSERT_LE(0, pid[i]);
		if (!pid[i])
			worker_main(&self->plan, i, out[1]);
	}
	close(out[1]);
	for (unsigned int left = WORKERS, looks = 0; left; looks++) {
		sleep_ms(100);
		watch(self);
		if (looks % 20 == 0)
			progress("%u processes, %llu MiB of BOs, %llu evictions", left,
				 (unsigned long long)(self->most_size / MIB),
				 (unsigned long long)self->most_evictions);
		while (left && (ended = waitpid(-1, &status, WNOHANG)) > 0) {
			left--;
			self->killed += WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
			if (ended == pid[0])
				atomic_store(self->plan.over, 1);
		}
	}
	while (read(out[0], &report, sizeof(report)) == sizeof(report)) {
		reports++;
		EXPECT_STREQ("", report.trouble.text);
		sum->jobs += report.jobs;
		sum->binds += report.binds;
		sum->faults += report.faults;
		sum->bos += report.bos;
		sum->refused += report.refused;
		if (report.slowest_ms > sum->slowest_ms)
			sum->slowest_ms = report.slowest_ms;
	}
	close(out[0]);
	TH_LOG("%u jobs, %u binds, %u faults, %u BOs made, %u times no memory",
	       sum->jobs, sum->binds, sum->faults, sum->bos, sum->refused);
	TH_LOG("slowest submit %u ms", sum->slowest_ms);
	TH_LOG("at most %llu MiB of BOs, %llu evictions, at least %lld MiB of swap free",
	       (unsigned long long)(self->most_size / MIB),
	       (unsigned long long)self->most_evictions, (long long)(self->least_swap / 1024));
	return reports;
}

static void run_with_swap(struct __test_metadata *_metadata, FIXTURE_DATA(memory) *self)
{
	int64_t killed = proc_value("/proc/vmstat", "oom_kill");
	struct worker_report sum;

	if (proc_value("/proc/meminfo", "SwapFree") < (int64_t)(TIMES * LEFT_MIB + 32) * 1024)
		SKIP(return, "needs 104 MiB of free swap: zramctl -f -s 256M; mkswap, swapon");
	ASSERT_LE(0, killed);
	ASSERT_EQ(0, memory_hold(&self->memory, LEFT_MIB));
	EXPECT_EQ(WORKERS, run_workers(_metadata, self, &sum));

	/* It was pressure: more BOs than memory, and they went to swap and back. */
	EXPECT_LE((TIMES - 1) * LEFT_MIB * MIB, self->most_size);
	EXPECT_LT(0, self->most_evictions);
	EXPECT_LT(0, sum.jobs);
	EXPECT_LT(0, sum.binds);
	EXPECT_LT(0, sum.faults);
	EXPECT_GE(SUBMIT_MS, sum.slowest_ms);
	EXPECT_EQ(0, sum.refused);
	/* Nobody is killed while there is swap. */
	EXPECT_LT(0, self->least_swap);
	EXPECT_EQ(killed, proc_value("/proc/vmstat", "oom_kill"));
}

/* Three times the memory that is left: all contents are right and no submit takes long. */
TEST_F_TIMEOUT(memory, swap, 300)
{
	run_with_swap(_metadata, self);
}

/* The same for as long as the caller says. */
TEST_F_TIMEOUT(memory, swap_long, 7000)
{
	if (!getenv("PANTHOR_BY_NAME"))
		SKIP(return, "takes long: set PANTHOR_BY_NAME=1 and PANTHOR_SECONDS");
	self->plan.end_ms = now_ms() + 1000ULL * setting("PANTHOR_SECONDS", LONG_SECONDS);
	run_with_swap(_metadata, self);
}

/* One wants more than there is. It is told, or killed; the others do not notice. */
static void run_until_full(struct __test_metadata *_metadata, FIXTURE_DATA(memory) *self,
			   struct worker_report *sum)
{
	int64_t killed = proc_value("/proc/vmstat", "oom_kill");
	unsigned int reports;

	self->plan.fill = true;
	self->plan.bytes = TIMES * LEFT_MIB * MIB;
	reports = run_workers(_metadata, self, sum);
	killed = proc_value("/proc/vmstat", "oom_kill") - killed;
	TH_LOG("%u processes told, %lld killed", reports, (long long)killed);
	EXPECT_EQ(self->killed, killed);
	EXPECT_GE(1, self->killed);
	EXPECT_EQ(WORKERS, reports + self->killed);
	EXPECT_LT(0, sum->refused + self->killed);
	EXPECT_LT(0, sum->jobs);
	EXPECT_GE(SUBMIT_MS, sum->slowest_ms);
}

/* Without swap, who asks for more than there is gets no more, and others keep theirs. */
TEST_F_TIMEOUT(memory, no_swap_alone, 300)
{
	struct worker_report sum;

	ASSERT_EQ(0, memory_swap_off(&self->memory));
	ASSERT_EQ(0, memory_hold(&self->memory, LEFT_MIB));
	run_until_full(_metadata, self, &sum);
	EXPECT_EQ(self->start.evictions, self->most_evictions);
}

/* The same when there is swap, but too little. */
TEST_F_TIMEOUT(memory, swap_full_alone, 300)
{
	struct worker_report sum;
	int ret;

	ASSERT_EQ(0, memory_swap_off(&self->memory));
	ret = memory_swap_small(&self->memory, SMALL_SWAP_MIB);
	if (ret == -ENOENT)
		SKIP(return, "no zram to make a small swap of: CONFIG_ZRAM");
	ASSERT_EQ(0, ret);
	ASSERT_EQ(0, memory_hold(&self->memory, LEFT_MIB));
	run_until_full(_metadata, self, &sum);
	EXPECT_LT(self->start.evictions, self->most_evictions);
	EXPECT_GT(MIB / 1024, self->least_swap);
}

/*
 * The limit of a cgroup holds for the BOs of its processes: who is in it is told that
 * there is no more, or killed (D91), and who is not goes on.
 */
TEST_F_TIMEOUT(memory, cgroup_alone, 300)
{
	struct worker_report sum;
	char limit[32];

	if (access("/sys/fs/cgroup/cgroup.procs", W_OK))
		SKIP(return, "no cgroups: mount -t cgroup2 none /sys/fs/cgroup");
	file_write("/sys/fs/cgroup/cgroup.subtree_control", "+memory");
	ASSERT_EQ(0, memory_group(&self->memory, GROUP));
	if (access(GROUP "/memory.max", W_OK))
		SKIP(return, "no memory limits of cgroups: CONFIG_MEMCG");
	snprintf(limit, sizeof(limit), "%uM", GROUP_MIB);
	ASSERT_EQ(0, file_write(GROUP "/memory.max", limit));
	self->plan.group = GROUP "/cgroup.procs";
	run_until_full(_metadata, self, &sum);
	EXPECT_LT(0, proc_value(GROUP "/memory.events", "max"));
	EXPECT_EQ(self->killed, proc_value(GROUP "/memory.events", "oom_kill"));
	/* What the others have comes on top. */
	EXPECT_GT((GROUP_MIB + WORKERS * 4 + 4) * MIB, self->most_size);
}

TEST_HARNESS_MAIN
