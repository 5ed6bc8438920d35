// SPDX-License-Identifier: GPL-2.0-only
/* BOs as debugfs shows them, their eviction, and what a test must not leave behind. */

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <unistd.h>

#include "client.h"
#include "gems.h"
#include "simctl.h"

/* What keeps a BO from being evicted may be the driver's own, for a moment. */
#define EVICT_TRIES	20
#define PRESSURE_TRIES	16
/* Per-CPU counters are summed up on demand only where this file is. */
#define STAT_REFRESH	"/proc/sys/vm/stat_refresh"
/* A file that is closed leaves groups behind, which go a little later. */
#define GONE_MS		10000

struct slowest {
	char name[96];
	uint64_t ms;
};

static struct slowest *slowest;

struct search {
	const char *label;
	struct gem *gem;
	bool found;
};

static bool is_label(const struct gem *gem, void *data)
{
	struct search *search = data;

	if (gem->creator != getpid() || strcmp(gem->label, search->label))
		return false;
	*search->gem = *gem;
	search->found = true;
	return true;
}

/* A BO of this process by its label; -ENOENT if there is none. */
int gem_find(int fd, const char *label, struct gem *gem)
{
	struct search search = { .label = label, .gem = gem };
	int ret = gem_each(fd, is_label, &search);

	if (ret)
		return ret;
	return search.found ? 0 : -ENOENT;
}

struct adding {
	int creator;
	struct gem_sum *sum;
};

static bool add_up(const struct gem *gem, void *data)
{
	struct adding *adding = data;

	if (!adding->creator || gem->creator == adding->creator) {
		adding->sum->count++;
		adding->sum->size += gem->size;
		adding->sum->resident += gem->resident;
	}
	return false;
}

static int gem_sum_path(const char *path, int creator, struct gem_sum *sum)
{
	struct adding adding = { .creator = creator, .sum = sum };

	memset(sum, 0, sizeof(*sum));
	return gem_each_path(path, add_up, &adding);
}

/* The BOs that a process has created, the driver's on its behalf included; 0: of all. */
int gem_sum(int fd, int creator, struct gem_sum *sum)
{
	char path[96];
	int ret = panthor_debugfs(fd, "gems", path, sizeof(path));

	return ret ?: gem_sum_path(path, creator, sum);
}

int gem_label(int fd, const struct bo *bo, const char *label)
{
	struct drm_panthor_bo_set_label arg = {
		.handle = bo->handle, .label = (uintptr_t)label,
	};

	return ioctl(fd, DRM_IOCTL_PANTHOR_BO_SET_LABEL, &arg) ? -errno : 0;
}

/* What keeps BOs from being evicted on this machine, for SKIP; or NULL. */
const char *evict_needs(int fd)
{
	char path[96];

	if (panthor_debugfs(fd, "shrink", path, sizeof(path)))
		return NO_SHRINK;
	return have_swap() ? NULL : NO_SWAP;
}

/* How many pages the driver says it has freed. */
int64_t shrink(int fd, uint64_t pages)
{
	char path[96], text[32];
	int ret = panthor_debugfs(fd, "shrink", path, sizeof(path));

	if (ret)
		return ret;
	snprintf(text, sizeof(text), "%llu", (unsigned long long)pages);
	ret = file_write(path, text);
	ret = ret ?: file_read(path, text, sizeof(text));
	return ret ?: strtoll(text, NULL, 0);
}

/* -EBUSY if it stays. */
int shrink_until_evicted(int fd, const char *label)
{
	for (unsigned int i = 0; i < EVICT_TRIES; i++) {
		int64_t pages = shrink(fd, 1 << 20);
		struct gem gem;
		int ret = pages < 0 ? pages : gem_find(fd, label, &gem);

		if (ret || !gem.resident)
			return ret;
		sleep_ms(1);
	}

	return -EBUSY;
}

int memory_read(struct memory *memory)
{
	unsigned long long kib, total = 0, unused = 0;
	char line[128];
	FILE *file;

	memory->shmem = 0;
	file_write(STAT_REFRESH, "1");
	file = fopen("/proc/meminfo", "re");
	if (!file)
		return -errno;
	while (fgets(line, sizeof(line), file)) {
		if (sscanf(line, "Shmem: %llu", &kib) == 1)
			memory->shmem = kib * 1024;
		if (sscanf(line, "SwapTotal: %llu", &kib) == 1)
			total = kib;
		if (sscanf(line, "SwapFree: %llu", &kib) == 1)
			unused = kib;
	}
	fclose(file);
	memory->swapped = (total - unused) * 1024;
	return 0;
}

/*
 * The file that has the kernel reclaim from everybody. Where nobody has mounted
 * cgroup v2, it is mounted for this process only.
 */
static const char *pressure_file(void)
{
	static char path[64] = "/sys/fs/cgroup/memory.reclaim";
	char folder[] = "/tmp/panthor-cgroup-XXXXXX";

	if (!access(path, W_OK))
		return path;
	if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    !mkdtemp(folder))
		return NULL;
	if (mount("none", folder, "cgroup2", 0, NULL)) {
		rmdir(folder);
		return NULL;
	}
	snprintf(path, sizeof(path), "%s/memory.reclaim", folder);
	return access(path, W_OK) ? NULL : path;
}

const char *pressure_needs(int fd)
{
	return evict_needs(fd) ?: pressure_file() ? NULL : NO_PRESSURE;
}

/*
 * Has the kernel reclaim until the pages of a BO are in swap, as far as the
 * system's counters tell. -EBUSY if the BO stays resident, -ETIMEDOUT if the
 * counters do not move as they should.
 */
int pressure_until_evicted(int fd, const char *label, const struct memory *before)
{
	const char *path = pressure_file();
	struct memory now;
	char text[64];
	struct gem gem;
	int ret = gem_find(fd, label, &gem);

	if (ret || !path)
		return ret ?: -ENODEV;
	/* Of anonymous and shared memory only: boards have a lot of other. */
	snprintf(text, sizeof(text), "%llu swappiness=max", (unsigned long long)gem.size);
	for (unsigned int i = 0; i < PRESSURE_TRIES; i++) {
		/* That there is less than asked for is no failure. */
		ret = file_write(path, text);
		if (ret && ret != -EAGAIN)
			return ret;
		ret = gem_find(fd, label, &gem);
		ret = ret ?: memory_read(&now);
		if (ret)
			return ret;
		if (!gem.resident && now.shmem + gem.size <= before->shmem &&
		    now.swapped >= before->swapped + gem.size)
			return 0;
	}

	printf("# of %llu bytes %llu are resident; shared memory %llu -> %llu, swap %llu -> %llu\n",
	       (unsigned long long)gem.size, (unsigned long long)gem.resident,
	       (unsigned long long)before->shmem, (unsigned long long)now.shmem,
	       (unsigned long long)before->swapped, (unsigned long long)now.swapped);
	return gem.resident ? -EBUSY : -ETIMEDOUT;
}

/*
 * Has a BO of this process evicted, once, and looks whether it was: -ENODATA if it
 * was not resident before, -ERANGE if it was not evicted exactly once, -EPROTO if
 * it is not shown as evicted; else as the functions above.
 */
int evict(int fd, const char *label, enum evict_by by)
{
	struct gem before, after;
	struct memory memory;
	int ret = gem_find(fd, label, &before);

	if (ret)
		return ret;
	if (!before.resident)
		return -ENODATA;
	ret = memory_read(&memory);
	if (!ret)
		ret = by == BY_PRESSURE ? pressure_until_evicted(fd, label, &memory) :
					  shrink_until_evicted(fd, label);
	ret = ret ?: gem_find(fd, label, &after);
	if (ret)
		return ret;
	if (after.evictions != before.evictions + 1)
		return -ERANGE;
	return after.state & GEM_EVICTED ? 0 : -EPROTO;
}

/* Bytes that are in memory of a BO of this process. */
int64_t resident(int fd, const char *label)
{
	struct gem gem;
	int ret = gem_find(fd, label, &gem);

	return ret ?: (int64_t)gem.resident;
}

/* Of this process until now. */
unsigned int page_faults(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return usage.ru_minflt + usage.ru_majflt;
}

/* Tests are processes of their own, what they find is for their parent. */
static void __attribute__((constructor)) slowest_init(void)
{
	slowest = mmap(NULL, sizeof(*slowest), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
		       -1, 0);
	if (slowest == MAP_FAILED)
		slowest = NULL;
}

static void __attribute__((destructor)) slowest_print(void)
{
	if (slowest && slowest->name[0])
		printf("# slowest test: %s, %llu ms\n", slowest->name,
		       (unsigned long long)slowest->ms);
}

/* The file is that of the GPU that the test uses. */
void gate_open(struct gate *gate, int fd)
{
	gate->start_ms = now_ms();
	gate->patience_ms = GONE_MS;
	if (panthor_debugfs(fd, "gems", gate->gems, sizeof(gate->gems)))
		gate->gems[0] = '\0';
	gate->sim = sim_find(fd);
	gate->violations = gate->sim < 0 ? 0 : sim_counter(gate->sim, "violations");
}

/*
 * After the test has closed all it had: what is wrong, or an empty string. The
 * name is for the slowest test.
 */
const char *gate_close(struct gate *gate, const char *name)
{
	uint64_t end = now_ms() + gate->patience_ms;
	struct gem_sum sum = { };
	static char text[128];

	if (!gate->start_ms)
		return "";
	if (slowest && now_ms() - gate->start_ms >= slowest->ms) {
		slowest->ms = now_ms() - gate->start_ms;
		snprintf(slowest->name, sizeof(slowest->name), "%s", name);
	}
	if (gate->sim >= 0 && sim_counter(gate->sim, "violations") != gate->violations)
		return "the software GPU has seen violations";
	while (gate->gems[0]) {
		int ret = gem_sum_path(gate->gems, getpid(), &sum);

		if (!ret && !sum.count)
			break;
		if (now_ms() > end) {
			snprintf(text, sizeof(text), "%u BOs left in %s, %d", sum.count, gate->gems,
				 ret);
			return text;
		}
		sleep_ms(1);
	}
	return "";
}
