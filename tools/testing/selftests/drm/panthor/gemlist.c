// SPDX-License-Identifier: GPL-2.0-only
/* The driver's list of BOs in debugfs, line by line. */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gemlist.h"

/* The first column: NAME/PID, with anything in the name. */
#define CREATOR_WIDTH	32

static int parse(char *line, struct gem *gem)
{
	unsigned long long size, resident, offset;
	const char *pid;

	memset(gem, 0, sizeof(*gem));
	if (strlen(line) <= CREATOR_WIDTH ||
	    sscanf(line + CREATOR_WIDTH, "%*d %u %u %llu %llu 0x%llx 0x%x 0x%*x %63[^\n]",
		   &gem->references, &gem->evictions, &size, &resident, &offset, &gem->state,
		   gem->label) < 6)
		return -EPROTO;
	line[CREATOR_WIDTH] = '\0';
	pid = strrchr(line, '/');
	if (!pid)
		return -EPROTO;
	gem->creator = atoi(pid + 1);
	gem->size = size;
	gem->resident = resident;
	gem->offset = offset;
	return 0;
}

/* BOs are between a line of dashes and one of equal signs. */
int gem_each_path(const char *path, bool (*look)(const struct gem *gem, void *data), void *data)
{
	bool listed = false, ended = false;
	struct gem gem;
	char line[512];
	int ret = 0;
	FILE *file = fopen(path, "re");

	if (!file)
		return -errno;
	while (!ret && !ended && fgets(line, sizeof(line), file)) {
		if (!strncmp(line, "----", 4)) {
			listed = true;
		} else if (!strncmp(line, "====", 4)) {
			ended = true;
		} else if (listed) {
			ret = parse(line, &gem);
			if (!ret && look(&gem, data))
				ended = true;
		}
	}
	fclose(file);
	return ret ?: ended ? 0 : -EPROTO;
}
