// SPDX-License-Identifier: GPL-2.0-only
/* The software GPU behind a render node, through debugfs. */

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "panthor.h"
#include "simctl.h"

#define SIM_ROOT	"/sys/kernel/debug/panthor-sim"
#define SIM_GPUS	4

/* Number of the software GPU that a file is of, -ENODEV if it is a real one. */
int sim_find(int fd)
{
	char path[128], node[PATH_MAX], name[128];
	const char *base;
	struct stat st;

	if (fstat(fd, &st))
		return -errno;
	snprintf(path, sizeof(path), "/sys/dev/char/%u:%u/device/of_node", major(st.st_rdev),
		 minor(st.st_rdev));
	if (!realpath(path, node))
		return -ENODEV;
	base = strrchr(node, '/');

	for (int sim = 0; base && sim < SIM_GPUS; sim++) {
		snprintf(path, sizeof(path), SIM_ROOT "/%d/node", sim);
		if (!file_read(path, name, sizeof(name)) && !strcmp(name, base))
			return sim;
	}

	return -ENODEV;
}

int sim_write(int sim, const char *file, const char *text)
{
	char path[128];

	snprintf(path, sizeof(path), SIM_ROOT "/%d/%s", sim, file);
	return file_write(path, text);
}

/* A line of the file "counters". */
int64_t sim_counter(int sim, const char *name)
{
	size_t length = strlen(name);
	char path[128], line[128];
	int64_t value = -ENOENT;
	FILE *file;

	snprintf(path, sizeof(path), SIM_ROOT "/%d/counters", sim);
	file = fopen(path, "re");
	if (!file)
		return -errno;
	while (fgets(line, sizeof(line), file)) {
		if (!strncmp(line, name, length) && line[length] == ' ')
			value = strtoll(line + length, NULL, 10);
	}
	fclose(file);
	return value;
}

/* Until it is at least so much. */
int sim_wait_counter(int sim, const char *name, int64_t value, unsigned int ms)
{
	uint64_t end = now_ms() + ms;

	do {
		int64_t now = sim_counter(sim, name);

		if (now < 0)
			return now;
		if (now >= value)
			return 0;
		sleep_ms(2);
	} while (now_ms() < end);

	return -ETIMEDOUT;
}
