// SPDX-License-Identifier: GPL-2.0-only
/*
 * around COMMAND [ARGUMENT...]: runs a command, and fails if it leaves the
 * machine in another state than it found it: BOs, VMs and open files that are
 * still there, new warnings, an oops, lockdep switched off, misuse that the
 * software GPU has seen, and with AROUND_LEAKS=1 or PANTHOR_LEAKS=1 what kmemleak
 * finds. Else the status is that of the command. What the kernel does not have is not
 * looked at; a list of BOs that is none is a failure.
 *
 * AROUND_ROOT is a folder in place of / with what would be in /proc and /sys;
 * AROUND_MS is how long things may take to be freed, AROUND_AGE_MS how old a leak
 * is that kmemleak finds. With AROUND_FILES=0 open files do not count.
 */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "gemlist.h"

#define LEFT_BEHIND	1
#define FREED_MS	20000U
#define STEP_MS		20
/* An object has to be so old before kmemleak takes it for a leak. */
#define LEAK_AGE_MS	5500U
#define LEAK_LINES	60

enum {
	BOS, BO_BYTES, MAPPINGS, FILES, VIOLATIONS, WARNINGS, OOPSES, TAINT, UNLOCKDEP, LEAKS,
	STATES
};

static const struct {
	const char *name;
	/* Some things are freed by workers; what has happened stays so. */
	bool waits;
} states[STATES] = {
	[BOS] = { "BOs in debugfs gems", true },
	[BO_BYTES] = { "bytes in debugfs gems", true },
	[MAPPINGS] = { "lines of VMs and mappings in debugfs gpuvas", true },
	[FILES] = { "open files", true },
	[VIOLATIONS] = { "violations seen by software GPUs", false },
	[WARNINGS] = { "kernel warnings", false },
	[OOPSES] = { "oopses", false },
	[TAINT] = { "taint flags", false },
	[UNLOCKDEP] = { "lockdep switched off", false },
	[LEAKS] = { "leaks found by kmemleak", false },
};

struct look {
	int64_t state[STATES];
};

static const char *root = "";
/* Something that cannot be judged has been seen. */
static bool unreadable;

static unsigned int setting(const char *name, unsigned int otherwise)
{
	const char *text = getenv(name);

	return text && *text ? strtoul(text, NULL, 0) : otherwise;
}

static FILE *open_file(const char *path)
{
	char full[PATH_MAX];

	snprintf(full, sizeof(full), "%s%s", root, path);
	return fopen(full, "re");
}

static int64_t number(const char *path, const char *prefix)
{
	size_t length = strlen(prefix);
	int64_t value = 0;
	char line[512];
	FILE *file = open_file(path);

	if (!file)
		return 0;
	while (fgets(line, sizeof(line), file)) {
		if (!strncmp(line, prefix, length)) {
			value = strtoll(line + length, NULL, 10);
			break;
		}
	}
	fclose(file);
	return value;
}

static bool add_gem(const struct gem *gem, void *data)
{
	struct look *look = data;

	look->state[BOS]++;
	look->state[BO_BYTES] += gem->size;
	return false;
}

static void look_gems(const char *path, struct look *look)
{
	char full[PATH_MAX];
	int ret;

	snprintf(full, sizeof(full), "%s%s", root, path);
	ret = gem_each_path(full, add_gem, look);
	/* Not all that is in the folder is a GPU. */
	if (!ret || ret == -ENOENT || ret == -ENOTDIR)
		return;
	if (!unreadable)
		printf("# around: %s: %s\n", path, strerror(-ret));
	unreadable = true;
}

static void look_vas(const char *path, struct look *look)
{
	FILE *file = open_file(path);
	int c;

	if (!file)
		return;
	while ((c = getc(file)) != EOF)
		look->state[MAPPINGS] += c == '\n';
	fclose(file);
}

static void look_violations(const char *path, struct look *look)
{
	look->state[VIOLATIONS] += number(path, "violations ");
}

/* The same file of each GPU. */
static void each(const char *folder, const char *file,
		 void (*fn)(const char *path, struct look *look), struct look *look)
{
	char full[PATH_MAX];
	struct dirent *entry;
	DIR *dir;

	snprintf(full, sizeof(full), "%s%s", root, folder);
	dir = opendir(full);
	if (!dir)
		return;
	while ((entry = readdir(dir))) {
		/* Other names of a GPU are links. */
		if (entry->d_name[0] == '.' || entry->d_type == DT_LNK)
			continue;
		snprintf(full, sizeof(full), "%s/%s/%s", folder, entry->d_name, file);
		fn(full, look);
	}
	closedir(dir);
}

#define TAINT_SOFTLOCKUP	14

static void look_at(struct look *look)
{
	memset(look, 0, sizeof(*look));
	each("/sys/kernel/debug/dri", "gems", look_gems, look);
	each("/sys/kernel/debug/dri", "gpuvas", look_vas, look);
	each("/sys/kernel/debug/panthor-sim", "counters", look_violations, look);
	/* All of them: on a machine that does other things, they come and go. */
	if (setting("AROUND_FILES", 1))
		look->state[FILES] = number("/proc/sys/fs/file-nr", "");
	look->state[WARNINGS] = number("/sys/kernel/warn_count", "");
	look->state[OOPSES] = number("/sys/kernel/oops_count", "");
	/* Whoever uses sw_sync is said to have had a lockup. */
	look->state[TAINT] = number("/proc/sys/kernel/tainted", "") & ~(1L << TAINT_SOFTLOCKUP);
	/* Where lockdep was never there it is not switched off. */
	look->state[UNLOCKDEP] = number("/proc/lockdep_stats", " lock-classes: ") &&
				 !number("/proc/lockdep_stats", " debug_locks: ");
}

static void sleep_ms(unsigned int ms)
{
	struct timespec ts = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L };

	nanosleep(&ts, NULL);
}

/* The first one with more than before, or STATES. */
static unsigned int grown(const struct look *before, const struct look *now)
{
	for (unsigned int i = 0; i < STATES; i++) {
		if (now->state[i] > before->state[i])
			return i;
	}
	return STATES;
}

static bool settles(unsigned int state)
{
	return state < STATES && states[state].waits;
}

static void ask_kmemleak(const char *what)
{
	char full[PATH_MAX];
	int fd;

	snprintf(full, sizeof(full), "%s/sys/kernel/debug/kmemleak", root);
	fd = open(full, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	/* It is off if this fails, which the run's own gate notices. */
	if (write(fd, what, strlen(what)) < 0)
		fprintf(stderr, "# around: kmemleak does not %s: %s\n", what, strerror(errno));
	close(fd);
}

static int64_t count_leaks(bool show)
{
	FILE *file = open_file("/sys/kernel/debug/kmemleak");
	unsigned int lines = 0;
	int64_t count = 0;
	char line[512];

	if (!file)
		return 0;
	while (fgets(line, sizeof(line), file)) {
		count += !strncmp(line, "unreferenced object", 19);
		if (show && lines++ < LEAK_LINES)
			printf("# %s", line);
	}
	fclose(file);
	return count;
}

/* Checksums, age, and a scan that confirms. */
static int64_t leaks(void)
{
	ask_kmemleak("scan");
	sleep_ms(setting("AROUND_AGE_MS", LEAK_AGE_MS));
	ask_kmemleak("scan");
	if (!count_leaks(false))
		return 0;
	ask_kmemleak("scan");
	return count_leaks(false);
}

static int run(char **argv)
{
	pid_t pid = fork();
	int status;

	if (pid < 0)
		return 126;
	if (!pid) {
		execvp(argv[0], argv);
		fprintf(stderr, "around: %s: %s\n", argv[0], strerror(errno));
		_exit(127);
	}
	while (waitpid(pid, &status, 0) < 0) {
		if (errno != EINTR)
			return 126;
	}
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int main(int argc, char **argv)
{
	unsigned int left = setting("AROUND_MS", FREED_MS);
	bool with_leaks = setting("AROUND_LEAKS", setting("PANTHOR_LEAKS", 0));
	const char *given = getenv("AROUND_ROOT");
	struct look before, now;
	int ret;

	if (argc < 2) {
		fprintf(stderr, "usage: around COMMAND [ARGUMENT...]\n");
		return 2;
	}
	if (given)
		root = given;
	look_at(&before);
	if (with_leaks)
		before.state[LEAKS] = leaks();
	ret = run(argv + 1);
	look_at(&now);
	while (settles(grown(&before, &now)) && left) {
		unsigned int step = left < STEP_MS ? left : STEP_MS;

		sleep_ms(step);
		left -= step;
		look_at(&now);
	}
	if (with_leaks)
		now.state[LEAKS] = leaks();
	if (grown(&before, &now) == STATES)
		return ret ?: unreadable ? LEFT_BEHIND : 0;

	for (unsigned int i = 0; i < STATES; i++) {
		if (now.state[i] > before.state[i])
			printf("# left behind: %s: %lld before, %lld after\n", states[i].name,
			       (long long)before.state[i], (long long)now.state[i]);
	}
	if (now.state[LEAKS] > before.state[LEAKS])
		count_leaks(true);
	return ret ?: LEFT_BEHIND;
}
