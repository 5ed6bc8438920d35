// SPDX-License-Identifier: GPL-2.0-only
/* Debugfs, and threads that do two things at the same time. */

#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client.h"
#include "stress.h"

/* So many times the rounds asked for, while the other one is slower. */
#define MORE_ROUNDS	50

/* The number behind a word at the start of a line. */
int64_t proc_value(const char *path, const char *name)
{
	size_t length = strlen(name);
	int64_t value = -ENOENT;
	char line[256];
	FILE *file = fopen(path, "re");

	if (!file)
		return -errno;
	while (value == -ENOENT && fgets(line, sizeof(line), file)) {
		if (!strncmp(line, name, length) && strchr(" :\t", line[length]))
			value = strtoll(line + length + 1, NULL, 10);
	}
	fclose(file);
	return value;
}

/*
 * For who waits meanwhile: the harness's VM hears of it at once through the kernel
 * log, and takes a long silence for a hang.
 */
void progress(const char *format, ...)
{
	char text[256] = "    # ";
	va_list args;

	va_start(args, format);
	vsnprintf(text + 6, sizeof(text) - 7, format, args);
	va_end(args);
	strcat(text, "\n");
	if (!getenv("PANTHOR_KMSG") || file_write("/dev/kmsg", text))
		fputs(text, stderr);
}

static bool add_gem(const struct gem *gem, void *data)
{
	struct gems *gems = data;

	gems->bos++;
	gems->size += gem->size;
	gems->resident += gem->resident;
	gems->evictions += gem->evictions;
	return false;
}

int gems_read(int fd, struct gems *gems)
{
	memset(gems, 0, sizeof(*gems));
	return gem_each(fd, add_gem, gems);
}

/* Has reclaim take what it can, by the file that panthor_debugfs() calls shrink; pages. */
int64_t shrink_all(const char *shrink)
{
	char text[32];
	int ret = file_write(shrink, "100000") ?: file_read(shrink, text, sizeof(text));

	return ret ?: strtoll(text, NULL, 0);
}

/* Until there are no more BOs than before; some are freed by a worker. */
int gems_wait(int fd, const struct gems *start, unsigned int ms)
{
	uint64_t end = now_ms() + ms;
	struct gems now;

	do {
		int ret = gems_read(fd, &now);

		if (ret || (now.bos == start->bos && now.size == start->size))
			return ret;
		sleep_ms(10);
	} while (now_ms() < end);

	return -EBUSY;
}

struct thread {
	struct race *race;
	unsigned int me;
};

static atomic_bool running[2], stop;
static atomic_uint done[2], overlaps;
static pthread_barrier_t start;

static void *race_thread(void *arg)
{
	const struct thread *thread = arg;
	struct race *race = thread->race;
	unsigned int me = thread->me, other = !me;
	struct racer *racer = &race->racer[me];

	pthread_barrier_wait(&start);
	do {
		uint64_t begin = now_ms(), took;

		atomic_store(&running[me], true);
		if (atomic_load(&running[other]))
			atomic_fetch_add(&overlaps, 1);
		racer->ret = racer->op(race->arg, racer->rounds);
		atomic_store(&running[me], false);
		took = now_ms() - begin;
		if (took > racer->slowest_ms)
			racer->slowest_ms = took;
		if (racer->ret)
			atomic_store(&stop, true);
		atomic_store(&done[me], ++racer->rounds);
	} while (!atomic_load(&stop) && racer->rounds < race->rounds * MORE_ROUNDS &&
		 (racer->rounds < race->rounds || atomic_load(&done[other]) < race->rounds));

	return NULL;
}

/* Until both did at least so many rounds, or one has failed: the first error. */
int race_run(struct race *race)
{
	struct thread thread[2] = { { race, 0 }, { race, 1 } };
	pthread_t id[2];

	atomic_store(&stop, false);
	atomic_store(&overlaps, 0);
	for (unsigned int i = 0; i < 2; i++) {
		atomic_store(&running[i], false);
		atomic_store(&done[i], 0);
	}
	if (pthread_barrier_init(&start, NULL, 2))
		return -ENOMEM;
	for (unsigned int i = 0; i < 2; i++) {
		/* Nobody would ever come to the barrier for a thread that is not there. */
		if (pthread_create(&id[i], NULL, race_thread, &thread[i]))
			abort();
	}
	for (unsigned int i = 0; i < 2; i++)
		pthread_join(id[i], NULL);
	pthread_barrier_destroy(&start);
	race->overlaps = atomic_load(&overlaps);

	return race->racer[0].ret ?: race->racer[1].ret;
}
