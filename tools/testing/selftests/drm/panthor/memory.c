// SPDX-License-Identifier: GPL-2.0-only
/* Memory and swap of the machine, for a while. */

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/swap.h>
#include <sys/wait.h>
#include <unistd.h>

#include "memory.h"
#include "panthor.h"
#include "stress.h"

#define MIB		(1024ULL * 1024)
#define CHUNK		(2 * MIB)
#define SWAP_PAGE	4096

void memory_init(struct memory *memory)
{
	memset(memory, 0, sizeof(*memory));
	memory->zram = -1;
}

static uint64_t available_mib(void)
{
	int64_t kib = proc_value("/proc/meminfo", "MemAvailable");

	return kib < 0 ? 0 : kib / 1024;
}

/* Locks memory until so much is available; large pages, or it would take long. */
static void hog_main(unsigned int left_mib, int ready)
{
	const size_t most = 64ULL * 1024 * MIB;
	char *mem, answer = 0;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	/* It has most of all, and is not to be killed for it. */
	file_write("/proc/self/oom_score_adj", "-1000");
	mem = mmap(NULL, most, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (mem == MAP_FAILED)
		_exit(1);
	madvise(mem, most, MADV_HUGEPAGE);
	for (size_t at = 0; at < most && available_mib() > left_mib; at += CHUNK) {
		if (mlock(mem + at, CHUNK))
			_exit(1);
	}
	if (write(ready, &answer, 1) != 1)
		_exit(1);
	close(ready);
	for (;;)
		pause();
}

/* Until memory_restore(), no more than so much is available. */
int memory_hold(struct memory *memory, unsigned int left_mib)
{
	int ready[2];
	char answer;
	ssize_t got;

	if (pipe2(ready, O_CLOEXEC))
		return -errno;
	memory->hog = fork();
	if (memory->hog < 0) {
		memory->hog = 0;
		return -errno;
	}
	if (!memory->hog) {
		close(ready[0]);
		hog_main(left_mib, ready[1]);
	}
	close(ready[1]);
	got = read(ready[0], &answer, 1);
	close(ready[0]);
	progress("%llu MiB left of the memory", (unsigned long long)available_mib());
	return got == 1 ? 0 : -ENOMEM;
}

/* All there is. */
int memory_swap_off(struct memory *memory)
{
	char line[256];
	FILE *file = fopen("/proc/swaps", "re");
	int ret = 0;

	if (!file)
		return errno == ENOENT ? 0 : -errno;
	/* The heading. */
	if (!fgets(line, sizeof(line), file))
		line[0] = '\0';
	while (!ret && fgets(line, sizeof(line), file)) {
		line[strcspn(line, " \t\n")] = '\0';
		if (memory->swaps == SWAPS || strlen(line) >= sizeof(memory->swap[0]))
			ret = -E2BIG;
		else
			strcpy(memory->swap[memory->swaps++], line);
	}
	fclose(file);
	for (unsigned int i = 0; !ret && i < memory->swaps; i++) {
		if (swapoff(memory->swap[i]))
			ret = -errno;
	}
	return ret;
}

/* What mkswap writes. */
static int make_swap(const char *path, uint32_t pages)
{
	char page[SWAP_PAGE] = "";
	uint32_t version = 1, last = pages - 1;
	int fd = open(path, O_WRONLY | O_CLOEXEC), ret = 0;

	if (fd < 0)
		return -errno;
	memcpy(page + 1024, &version, sizeof(version));
	memcpy(page + 1028, &last, sizeof(last));
	memcpy(page + SWAP_PAGE - 10, "SWAPSPACE2", 10);
	if (write(fd, page, sizeof(page)) != sizeof(page))
		ret = -errno;
	if (close(fd) && !ret)
		ret = -errno;
	return ret;
}

/* Of a zram device of its own; -ENOENT if there is no zram. */
int memory_swap_small(struct memory *memory, unsigned int mib)
{
	char text[32], path[64];
	int ret = file_read("/sys/class/zram-control/hot_add", text, sizeof(text));

	if (ret)
		return ret;
	memory->zram = strtol(text, NULL, 10);
	snprintf(path, sizeof(path), "/sys/block/zram%d/disksize", memory->zram);
	snprintf(text, sizeof(text), "%uM", mib);
	ret = file_write(path, text);
	if (ret)
		return ret;
	snprintf(memory->small, sizeof(memory->small), "/dev/zram%d", memory->zram);
	ret = make_swap(memory->small, mib * MIB / SWAP_PAGE);
	if (!ret && swapon(memory->small, 0))
		ret = -errno;
	return ret;
}

/* Made for processes to be put into. */
int memory_group(struct memory *memory, const char *path)
{
	if (mkdir(path, 0755))
		return -errno;
	snprintf(memory->group, sizeof(memory->group), "%s", path);
	return 0;
}

/* The first error, if any, and all as it was. */
int memory_restore(struct memory *memory)
{
	char text[16];
	int ret = 0;

	if (memory->hog) {
		kill(memory->hog, SIGKILL);
		waitpid(memory->hog, NULL, 0);
	}
	if (memory->small[0] && swapoff(memory->small))
		ret = -errno;
	if (memory->zram >= 0) {
		snprintf(text, sizeof(text), "%d", memory->zram);
		ret = ret ?: file_write("/sys/class/zram-control/hot_remove", text);
	}
	for (unsigned int i = 0; i < memory->swaps; i++) {
		if (swapon(memory->swap[i], 0) && errno != EBUSY && !ret)
			ret = -errno;
	}
	if (memory->group[0] && rmdir(memory->group) && !ret)
		ret = -errno;
	memory_init(memory);
	return ret;
}
