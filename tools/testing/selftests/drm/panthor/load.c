// SPDX-License-Identifier: GPL-2.0-only
/*
 * Clients that share a GPU with fewer slots and address spaces than they need
 * together. Each counts in memory, and none may miss a count or have one twice.
 *
 * PANTHOR_SECONDS is how long a test runs; PANTHOR_SEED repeats its choices.
 * A test with _long in its name takes ten minutes, and PANTHOR_BY_NAME=1 to run.
 */

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../kselftest_harness.h"

#include "cs.h"
#include "dice.h"
#include "panthor.h"
#include "simctl.h"
#include "tell.h"

#define CLIENTS		8
#define GROUPS		3
#define STREAM_VA	0x1000000ULL
#define STREAM_PLACE	512
#define DATA_VA		0x2000000ULL
#define DATA_PLACE	64
#define MAX_LOOPS	400
/* A group lives for so many rounds, then a new one takes its place. */
#define ROUNDS		20
#define JOB_MS		60000
#define SHORT_SECONDS	4
#define LONG_SECONDS	600

/* Registers: an address pair and values. */
enum { ADDR = 68, COUNT = 72, ONE = 76 };

/* What a worker tells when it is done. */
struct report {
	unsigned int rounds;
	uint64_t counts;
	struct trouble trouble;
};

struct worker {
	struct report report;
	int out;
	uint64_t state;
	int fd;
	uint32_t vm;
	uint32_t group[GROUPS];
	uint32_t syncobj[GROUPS];
	uint32_t want[GROUPS];
	struct bo stream;
	struct bo data;
};

/* What fails ends the worker, and is in its report. */
static void must(struct worker *worker, int ret, const char *what)
{
	if (!ret)
		return;
	trouble_note(&worker->report.trouble, what, worker->report.rounds, ret);
	tell(worker->out, &worker->report, sizeof(worker->report));
}

static void worker_open(struct worker *worker)
{
	worker->fd = panthor_open(0);
	must(worker, worker->fd < 0, "open");
	must(worker, vm_create(worker->fd, &worker->vm), "vm_create");
	must(worker, bo_create(worker->fd, worker->vm, 4096, 0, &worker->stream), "bo_create");
	must(worker, bo_create(worker->fd, worker->vm, 4096, 0, &worker->data), "bo_create");
	worker->stream.va = STREAM_VA;
	worker->data.va = DATA_VA;
	must(worker, vm_map(worker->fd, worker->vm, &worker->stream, 0), "vm_map");
	must(worker, vm_map(worker->fd, worker->vm, &worker->data,
			    DRM_PANTHOR_VM_BIND_OP_MAP_NOEXEC), "vm_map");
	for (unsigned int i = 0; i < GROUPS; i++) {
		must(worker, group_create(worker->fd, worker->vm, 1, &worker->group[i]),
		     "group_create");
		must(worker, syncobj_create(worker->fd, &worker->syncobj[i]), "syncobj_create");
	}
}

/* Counts up a word of the group, some hundred times. */
static unsigned int put_stream(struct worker *worker, unsigned int group, uint32_t loops)
{
	const uint64_t insns[] = {
		cs_move48(ADDR, DATA_VA + group * DATA_PLACE),
		cs_move32(ONE, 1),
		cs_move32(COUNT, loops),
		cs_sync_add32(ADDR, ONE),
		cs_add32(COUNT, COUNT, -1),
		cs_branch(CS_NE, COUNT, -3),
	};

	memcpy((char *)worker->stream.map + group * STREAM_PLACE, insns, sizeof(insns));
	return sizeof(insns);
}

static uint32_t counted(const struct worker *worker, unsigned int group)
{
	return ((uint32_t *)worker->data.map)[group * DATA_PLACE / 4];
}

static void worker_round(struct worker *worker)
{
	int fd = worker->fd;

	for (unsigned int i = 0; i < GROUPS; i++) {
		uint32_t loops = 1 + dice_below(&worker->state, MAX_LOOPS);
		unsigned int size = put_stream(worker, i, loops);

		must(worker, group_submit(fd, worker->group[i], 0, STREAM_VA + i * STREAM_PLACE,
					  size, worker->syncobj[i]), "group_submit");
		worker->want[i] += loops;
		worker->report.counts += loops;
	}
	for (unsigned int i = 0; i < GROUPS; i++) {
		must(worker, syncobj_wait(fd, worker->syncobj[i], JOB_MS), "syncobj_wait");
		must(worker, syncobj_status(fd, worker->syncobj[i]) != 1, "fence");
		must(worker, counted(worker, i) - worker->want[i], "counts");
	}
	if (++worker->report.rounds % ROUNDS == 0) {
		unsigned int old = dice_below(&worker->state, GROUPS);

		must(worker, group_destroy(fd, worker->group[old]), "group_destroy");
		must(worker, group_create(fd, worker->vm, 1, &worker->group[old]), "group_create");
	}
}

static void worker_close(struct worker *worker)
{
	for (unsigned int i = 0; i < GROUPS; i++) {
		must(worker, syncobj_destroy(worker->fd, worker->syncobj[i]), "syncobj_destroy");
		must(worker, group_destroy(worker->fd, worker->group[i]), "group_destroy");
	}
	must(worker, bo_close(worker->fd, &worker->data), "bo_close");
	must(worker, bo_close(worker->fd, &worker->stream), "bo_close");
	must(worker, vm_destroy(worker->fd, worker->vm), "vm_destroy");
	must(worker, close(worker->fd), "close");
}

static void worker_main(uint64_t state, uint64_t end_ms, int out)
{
	struct worker worker = { .out = out, .state = state };

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	worker_open(&worker);
	/* At least one round, however slow the machine. */
	do {
		worker_round(&worker);
	} while (now_ms() < end_ms);
	worker_close(&worker);
	tell(worker.out, &worker.report, sizeof(worker.report));
}

FIXTURE(share) {
};

FIXTURE_SETUP(share)
{
}

FIXTURE_TEARDOWN(share)
{
}

static void run_clients(struct __test_metadata *_metadata, unsigned int seconds)
{
	uint64_t state = seed_of_run();
	struct drm_panthor_csif_info csif = { };
	int64_t violations = 0, instructions = 0;
	unsigned int reports = 0, rounds = 0;
	uint64_t counts = 0, end;
	struct report report;
	int fd, sim, out[2];

	fd = panthor_open(0);
	if (fd < 0)
		SKIP(return, "no render node of a driver named panthor");
	ASSERT_EQ(0, query(fd, DRM_PANTHOR_DEV_QUERY_CSIF_INFO, &csif, sizeof(csif)));
	sim = sim_find(fd);
	close(fd);
	if (csif.csg_slot_count >= CLIENTS * GROUPS)
		SKIP(return, "the GPU has a slot for every group");
	seconds = setting("PANTHOR_SECONDS", seconds);
	TH_LOG("%u s, PANTHOR_SEED=%llu", seconds, (unsigned long long)state);
	if (sim >= 0) {
		violations = sim_counter(sim, "violations");
		instructions = sim_counter(sim, "instructions");
		ASSERT_LE(0, violations);
		ASSERT_LE(0, instructions);
	}

	ASSERT_EQ(0, pipe(out));
	end = now_ms() + seconds * 1000ULL;
	for (unsigned int i = 0; i < CLIENTS; i++) {
		uint64_t own = dice(&state);
		pid_t pid = fork();

		ASSERT_LE(0, pid);
		if (!pid)
			worker_main(own, end, out[1]);
	}
	close(out[1]);
	while (read(out[0], &report, sizeof(report)) == sizeof(report)) {
		reports++;
		rounds += report.rounds;
		counts += report.counts;
		EXPECT_STREQ("", report.trouble.text);
		EXPECT_NE(0, report.rounds);
	}
	close(out[0]);
	while (wait(NULL) > 0)
		;
	EXPECT_EQ(CLIENTS, reports);
	TH_LOG("%u rounds of %u jobs, %llu counts", rounds, GROUPS, (unsigned long long)counts);

	if (sim >= 0) {
		EXPECT_EQ(violations, sim_counter(sim, "violations"));
		/* A count is three instructions, and all ran on this GPU. */
		EXPECT_LE(3 * counts, sim_counter(sim, "instructions") - instructions);
	}
}

/* Eight clients with three groups each have exact counts after some seconds. */
TEST_F_TIMEOUT(share, gpu, 300)
{
	run_clients(_metadata, SHORT_SECONDS);
}

/* The same after ten minutes. */
TEST_F_TIMEOUT(share, gpu_long, 1500)
{
	if (!getenv("PANTHOR_BY_NAME"))
		SKIP(return, "takes ten minutes: set PANTHOR_BY_NAME=1");
	run_clients(_metadata, LONG_SECONDS);
}

TEST_HARNESS_MAIN
