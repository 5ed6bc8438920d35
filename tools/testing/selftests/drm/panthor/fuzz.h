/* SPDX-License-Identifier: GPL-2.0-only */
/* Calls of the driver that are nearly right, and what comes of them. */

#ifndef __PANTHOR_SELFTEST_FUZZ_H__
#define __PANTHOR_SELFTEST_FUZZ_H__

#include <stddef.h>
#include <stdint.h>

#define FUZZ_POOL	6
#define FUZZ_CALLS	27

enum fuzz_kind { FUZZ_VM, FUZZ_BO, FUZZ_GROUP, FUZZ_HEAP, FUZZ_SYNCOBJ, FUZZ_FD, FUZZ_KINDS };

/*
 * Handles that should be good; threads of a process share file and pool, and take
 * them from each other.
 */
struct fuzz_file {
	int fd;
	_Atomic uint32_t pool[FUZZ_KINDS][FUZZ_POOL];
};

/* What a call came to, by its number. */
struct fuzz_result {
	unsigned int succeeded[FUZZ_CALLS];
	unsigned int failed[FUZZ_CALLS];
	/* An errno that no user should see, and of which call. */
	int strange;
	const char *strange_call;
};

struct fuzz {
	struct fuzz_file *file;
	uint64_t state;
	struct fuzz_result *result;
	/* What arguments point to; something that is not mapped is behind it. */
	char *memory;
	char *end;
};

int fuzz_init(struct fuzz *fuzz, struct fuzz_file *file, uint64_t state,
	      struct fuzz_result *result);
void fuzz_exit(struct fuzz *fuzz);
void fuzz_call(struct fuzz *fuzz);
const char *fuzz_name(unsigned int call);

#endif
