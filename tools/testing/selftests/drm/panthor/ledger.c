// SPDX-License-Identifier: GPL-2.0-only
/* What a GPU's driver holds, through debugfs. */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "client.h"
#include "ledger.h"

#define FNV_BASIS	0xcbf29ce484222325ULL
#define FNV_PRIME	0x100000001b3ULL

static bool add_gem(const struct gem *gem, void *data)
{
	struct ledger *ledger = data;

	ledger->bos++;
	ledger->refs += gem->references;
	ledger->bytes += gem->size;
	return false;
}

static int read_mappings(int fd, struct ledger *ledger)
{
	char path[80], line[512];
	FILE *file;
	int ret = panthor_debugfs(fd, "gpuvas", path, sizeof(path));

	if (ret)
		return ret;
	file = fopen(path, "re");
	if (!file)
		return -errno;
	while (fgets(line, sizeof(line), file)) {
		if (!strncmp(line, "DRM GPU VA space", 16))
			ledger->vms++;
		for (const char *c = line; *c; c++)
			ledger->mappings = (ledger->mappings ^ (unsigned char)*c) * FNV_PRIME;
	}
	fclose(file);

	return 0;
}

int ledger_read(int fd, struct ledger *ledger)
{
	int ret;

	memset(ledger, 0, sizeof(*ledger));
	ledger->mappings = FNV_BASIS;
	ret = gem_each(fd, add_gem, ledger);
	return ret ?: read_mappings(fd, ledger);
}

bool ledger_same(const struct ledger *a, const struct ledger *b)
{
	return a->bos == b->bos && a->refs == b->refs && a->bytes == b->bytes &&
	       a->mappings == b->mappings && a->vms == b->vms;
}

/* Until it is as wanted, -ETIMEDOUT if it does not get there. The last wait is of @last_ms. */
int ledger_settle_within(int fd, const struct ledger *want, struct ledger *got,
			 unsigned int last_ms)
{
	for (unsigned int ms = 1; ms <= last_ms; ms *= 2) {
		int ret = ledger_read(fd, got);

		if (ret || ledger_same(want, got))
			return ret;
		sleep_ms(ms);
	}

	return -ETIMEDOUT;
}

int ledger_settle(int fd, const struct ledger *want, struct ledger *got)
{
	return ledger_settle_within(fd, want, got, LEDGER_MS);
}

void ledger_print(const struct ledger *ledger, char *text, unsigned int size)
{
	snprintf(text, size, "%u BOs, %u references, %llu bytes, %u VMs, mappings %016llx",
		 ledger->bos, ledger->refs, (unsigned long long)ledger->bytes, ledger->vms,
		 (unsigned long long)ledger->mappings);
}
