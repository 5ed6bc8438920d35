// SPDX-License-Identifier: GPL-2.0-only
/*
 * A process with more BOs than memory. They are in sets, each with a VM and a
 * group of its own: a job needs all that its VM maps, so that of a set has to fit.
 */

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "client.h"
#include "cs.h"
#include "stress.h"
#include "worker.h"

#define BO_SIZE		(1024 * 1024)
#define PAGE		4096
#define PAGES		(BO_SIZE / PAGE)
#define SET_BOS		3
#define SETS		24
#define BO_VA		0x40000000ULL
/* A BO moves between two places. */
#define OTHER_VA	0x80000000ULL
/* Words of a page: what the CPU writes, and what jobs do. */
#define FIRST		0
#define STORED		512
#define LAST		1023

/* What pages should contain follows from the seed, and from what jobs did. */
struct tracked {
	struct bo bo;
	uint32_t salt;
	uint32_t stored[PAGES];
};

struct set {
	uint32_t vm;
	uint32_t group;
	uint32_t syncobj;
	struct bo stream;
	unsigned int bos;
	struct tracked tracked[SET_BOS];
};

struct worker {
	const struct worker_plan *plan;
	struct worker_report report;
	uint64_t state;
	int out;
	int fd;
	/* Has what fits. */
	bool modest;
	unsigned int sets;
	struct set set[SETS];
};

/* What fails ends the worker, and is in its report. */
static void must(struct worker *worker, int ret, const char *what)
{
	if (!ret)
		return;
	trouble_note(&worker->report.trouble, what, worker->report.jobs, ret);
	tell(worker->out, &worker->report, sizeof(worker->report));
}

static uint32_t pattern(const struct tracked *tracked, unsigned int page, unsigned int word)
{
	return (tracked->salt ^ page * 1024 ^ word) * 2654435761U | 1;
}

/* Where memory may end, that is no error; true if it did. */
static bool refused(struct worker *worker, int ret, const char *what)
{
	if (ret != -ENOMEM || !worker->plan->fill) {
		must(worker, ret, what);
		return false;
	}
	worker->report.refused++;
	return true;
}

static void fill_bo(struct worker *worker, struct tracked *tracked)
{
	volatile uint32_t *words = tracked->bo.map;

	tracked->salt = dice(&worker->state);
	memset(tracked->stored, 0, sizeof(tracked->stored));
	for (unsigned int i = 0; i < PAGES; i++) {
		/* It was somebody else's before. */
		must(worker, words[i * 1024 + STORED] ? -EILSEQ : 0, "zeroes of a new BO");
		words[i * 1024 + FIRST] = pattern(tracked, i, FIRST);
		words[i * 1024 + LAST] = pattern(tracked, i, LAST);
	}
	must(worker, bo_sync(worker->fd, &tracked->bo, DRM_PANTHOR_BO_SYNC_CPU_CACHE_FLUSH),
	     "bo_sync");
	must(worker, munmap(tracked->bo.map, BO_SIZE), "munmap");
	tracked->bo.map = NULL;
}

/* False if there is no memory for it. */
static bool add_bo(struct worker *worker, struct set *set, struct tracked *tracked, uint64_t va)
{
	uint32_t flags = dice_below(&worker->state, 2) ? DRM_PANTHOR_BO_WB_MMAP : 0;
	int ret = bo_create(worker->fd, set->vm, BO_SIZE, flags, &tracked->bo);

	if (refused(worker, ret, "bo_create"))
		return false;
	tracked->bo.va = va;
	ret = vm_map(worker->fd, set->vm, &tracked->bo, DRM_PANTHOR_VM_BIND_OP_MAP_NOEXEC);
	if (refused(worker, ret, "vm_map")) {
		must(worker, bo_close(worker->fd, &tracked->bo), "bo_close");
		return false;
	}
	fill_bo(worker, tracked);
	worker->report.bos++;
	return true;
}

static bool add_set(struct worker *worker)
{
	struct set *set = &worker->set[worker->sets];
	int fd = worker->fd, ret;

	memset(set, 0, sizeof(*set));
	ret = vm_create(fd, &set->vm);
	if (refused(worker, ret, "vm_create"))
		return false;
	ret = bo_create(fd, set->vm, PAGE, 0, &set->stream);
	set->stream.va = STREAM_VA;
	if (!ret)
		ret = vm_map(fd, set->vm, &set->stream, 0);
	ret = ret ?: group_create(fd, set->vm, 1, &set->group);
	ret = ret ?: syncobj_create(fd, &set->syncobj);
	if (refused(worker, ret, "a VM and a group")) {
		if (set->group)
			must(worker, group_destroy(fd, set->group), "group_destroy");
		if (set->stream.handle)
			must(worker, bo_close(fd, &set->stream), "bo_close");
		must(worker, vm_destroy(fd, set->vm), "vm_destroy");
		return false;
	}
	worker->sets++;
	while (set->bos < SET_BOS) {
		if (!add_bo(worker, set, &set->tracked[set->bos], BO_VA + set->bos * BO_SIZE))
			return false;
		set->bos++;
	}
	return true;
}

/* One less, so that there is memory for what comes. */
static void drop_bo(struct worker *worker, struct set *set)
{
	struct tracked *tracked = &set->tracked[--set->bos];

	must(worker, vm_unmap(worker->fd, set->vm, tracked->bo.va, BO_SIZE), "vm_unmap");
	must(worker, bo_close(worker->fd, &tracked->bo), "bo_close");
}

/* Copies a word from one BO to another. False if there was no memory to run it. */
static bool job(struct worker *worker, struct set *set)
{
	struct tracked *from = &set->tracked[dice_below(&worker->state, set->bos)];
	struct tracked *to = &set->tracked[dice_below(&worker->state, set->bos)];
	unsigned int source = dice_below(&worker->state, PAGES);
	unsigned int target = dice_below(&worker->state, PAGES);
	const uint64_t insns[] = {
		cs_move48(ADDR, from->bo.va + source * PAGE),
		cs_load(LOADED, ADDR, 1, FIRST * 4),
		cs_wait(CS_ALL_SCOREBOARDS),
		cs_move48(ADDR, to->bo.va + target * PAGE),
		cs_store(LOADED, ADDR, 1, STORED * 4),
		cs_wait(CS_ALL_SCOREBOARDS),
		cs_move32(FLUSH_ID, 0),
		cs_flush(FLUSH_ID, 1),
		cs_wait(CS_ALL_SCOREBOARDS),
	};
	uint64_t begin;
	int ret;

	memcpy(set->stream.map, insns, sizeof(insns));
	must(worker, bo_sync(worker->fd, &set->stream, DRM_PANTHOR_BO_SYNC_CPU_CACHE_FLUSH),
	     "bo_sync");
	must(worker, syncobj_reset(worker->fd, set->syncobj), "syncobj_reset");
	begin = now_ms();
	ret = group_submit(worker->fd, set->group, 0, STREAM_VA, sizeof(insns), set->syncobj);
	if (now_ms() - begin > worker->report.slowest_ms)
		worker->report.slowest_ms = now_ms() - begin;
	if (refused(worker, ret, "group_submit"))
		return false;
	must(worker, syncobj_wait(worker->fd, set->syncobj, JOB_MS), "syncobj_wait");
	must(worker, syncobj_status(worker->fd, set->syncobj) != 1, "fence");
	to->stored[target] = pattern(from, source, FIRST);
	worker->report.jobs++;
	return true;
}

/* All of a BO through a mapping of its own. */
static void fault(struct worker *worker, struct tracked *tracked)
{
	volatile uint32_t *words;

	must(worker, bo_map(worker->fd, &tracked->bo), "bo_map");
	words = tracked->bo.map;
	must(worker, bo_sync(worker->fd, &tracked->bo,
			     DRM_PANTHOR_BO_SYNC_CPU_CACHE_FLUSH_AND_INVALIDATE), "bo_sync");
	for (unsigned int i = 0; i < PAGES; i++) {
		if (words[i * 1024 + FIRST] != pattern(tracked, i, FIRST) ||
		    words[i * 1024 + STORED] != tracked->stored[i] ||
		    words[i * 1024 + LAST] != pattern(tracked, i, LAST))
			must(worker, -EILSEQ, "contents");
	}
	must(worker, munmap(tracked->bo.map, BO_SIZE), "munmap");
	tracked->bo.map = NULL;
	worker->report.faults++;
}

/* To the other place, in memory or not. */
static bool move(struct worker *worker, struct set *set, struct tracked *tracked)
{
	int ret = vm_unmap(worker->fd, set->vm, tracked->bo.va, BO_SIZE);

	must(worker, ret, "vm_unmap");
	tracked->bo.va ^= BO_VA ^ OTHER_VA;
	do {
		ret = vm_map(worker->fd, set->vm, &tracked->bo, DRM_PANTHOR_VM_BIND_OP_MAP_NOEXEC);
		/* It cannot go on without, but somebody will give something back. */
	} while (refused(worker, ret, "vm_map again") && worker->report.refused < 10000);
	must(worker, ret, "vm_map again");
	worker->report.binds++;
	return true;
}

static void replace(struct worker *worker, struct set *set, struct tracked *tracked)
{
	uint64_t va = tracked->bo.va;

	must(worker, vm_unmap(worker->fd, set->vm, va, BO_SIZE), "vm_unmap");
	must(worker, bo_close(worker->fd, &tracked->bo), "bo_close");
	must(worker, !add_bo(worker, set, tracked, va), "memory that was just given back");
}

static void play(struct worker *worker)
{
	struct set *set = &worker->set[dice_below(&worker->state, worker->sets)];
	struct tracked *tracked;

	if (!set->bos)
		return;
	tracked = &set->tracked[dice_below(&worker->state, set->bos)];
	switch (dice_below(&worker->state, 8)) {
	case 0 ... 3:
		job(worker, set);
		break;
	case 4:
		move(worker, set, tracked);
		break;
	case 5:
		/* Somebody else may have taken what was given back. */
		if (!worker->plan->fill)
			replace(worker, set, tracked);
		break;
	default:
		/* A fault is not told that there is no memory, it is repeated. */
		if (!worker->plan->fill || job(worker, set))
			fault(worker, tracked);
	}
}

static void get_all(struct worker *worker)
{
	const uint64_t set_bytes = SET_BOS * BO_SIZE;
	uint64_t bytes = worker->modest ? set_bytes : worker->plan->bytes;
	unsigned int sets = (bytes + set_bytes - 1) / set_bytes;

	while (worker->sets < sets && worker->sets < SETS) {
		if (!add_set(worker))
			break;
	}
	if (!worker->plan->fill || worker->modest)
		return;
	for (unsigned int i = worker->sets; i--;) {
		if (worker->set[i].bos) {
			drop_bo(worker, &worker->set[i]);
			break;
		}
	}
}

static void put_all(struct worker *worker)
{
	int fd = worker->fd;

	for (unsigned int i = 0; i < worker->sets; i++) {
		struct set *set = &worker->set[i];

		/* Whatever the dice said, each BO is looked at. */
		for (unsigned int n = 0; n < set->bos; n++) {
			if (!worker->plan->fill || job(worker, set))
				fault(worker, &set->tracked[n]);
		}
		while (set->bos)
			drop_bo(worker, set);
		must(worker, group_destroy(fd, set->group), "group_destroy");
		must(worker, syncobj_destroy(fd, set->syncobj), "syncobj_destroy");
		must(worker, bo_close(fd, &set->stream), "bo_close");
		must(worker, vm_destroy(fd, set->vm), "vm_destroy");
	}
	must(worker, close(fd), "close");
}

void worker_main(const struct worker_plan *plan, unsigned int number, int out)
{
	static struct worker worker;
	unsigned int round = 0;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	worker = (struct worker){
		.plan = plan, .out = out, .state = plan->seed ^ (number + 1) * 0x100000001b3ULL,
		.modest = plan->fill && number,
	};
	/* The one to go, if somebody has to. */
	if (!number)
		must(&worker, file_write("/proc/self/oom_score_adj", "1000"), "oom_score_adj");
	if (!number && plan->group)
		must(&worker, file_write(plan->group, "0"), "cgroup");
	worker.fd = panthor_open(0);
	must(&worker, worker.fd < 0 ? worker.fd : 0, "open");
	get_all(&worker);
	while (worker.sets && (round < plan->rounds || now_ms() < plan->end_ms ||
			       (worker.modest && !atomic_load(plan->over)))) {
		play(&worker);
		round++;
	}
	put_all(&worker);
	tell(worker.out, &worker.report, sizeof(worker.report));
}
