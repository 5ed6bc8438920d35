/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Tables of bad values: what an ioctl is to say to them, and that nothing changes.
 */

#ifndef __PANTHOR_SELFTEST_ROWS_H__
#define __PANTHOR_SELFTEST_ROWS_H__

#include <stddef.h>
#include <stdint.h>

#include "calls.h"
#include "ledger.h"

/* To what a value is to be added. */
enum base { NOTHING, VA_END, FULL_VA, NO_MMAP, OTHERS, EMPTY, TIMELINE, LABEL, HEAP, OTHER_VM };

/* A field that gets a value. An errno of 0 says that any value is right. */
struct row {
	size_t offset;
	size_t size;
	uint64_t value;
	enum base base;
	int error;
	const char *why;
};

#define BAD_BY(field, base, value, error, why) \
	{ offsetof(struct call, field), sizeof(((struct call *)0)->field), value, base, error, why }
#define BAD(field, value, error, why)	BAD_BY(field, NOTHING, value, error, why)
#define ANY(field, why)			BAD_BY(field, NOTHING, 0, 0, why)

enum verdict { AS_IT_SHOULD, WRONG_ERRNO, CHANGED, NO_LEDGER };

void row_fill(struct user *user, const struct ioctl_desc *desc);
enum verdict try_row(struct user *user, const struct ioctl_desc *desc, const struct row *row,
		     const struct ledger *before, int *got);
long uncovered(const struct ioctl_desc *desc, const struct row *rows, unsigned int count);

#endif
