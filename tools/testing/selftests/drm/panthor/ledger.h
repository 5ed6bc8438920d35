/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a GPU's driver holds, through debugfs: for tests that say that nothing has
 * changed, or that all was given back. Functions return 0 or a negative errno.
 */

#ifndef __PANTHOR_SELFTEST_LEDGER_H__
#define __PANTHOR_SELFTEST_LEDGER_H__

#include <stdbool.h>
#include <stdint.h>

/* The last of the waits for workers that free what was destroyed, each twice the one before. */
#define LEDGER_MS	4096

struct ledger {
	/* BOs of all files and the driver's own, their references and their bytes. */
	unsigned int bos;
	unsigned int refs;
	uint64_t bytes;
	/* A hash of the mappings of all VMs: addresses, BOs, offsets. */
	uint64_t mappings;
	unsigned int vms;
};

int ledger_read(int fd, struct ledger *ledger);
bool ledger_same(const struct ledger *a, const struct ledger *b);
int ledger_settle(int fd, const struct ledger *want, struct ledger *got);
int ledger_settle_within(int fd, const struct ledger *want, struct ledger *got,
			 unsigned int last_ms);
void ledger_print(const struct ledger *ledger, char *text, unsigned int size);

#endif
