/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Failing the allocations of an operation, one after the other, and judging what
 * comes of it. Functions return 0 or a negative errno.
 */

#ifndef __PANTHOR_SELFTEST_NTH_H__
#define __PANTHOR_SELFTEST_NTH_H__

#include <stdbool.h>

#include "calls.h"
#include "ledger.h"

#define NO_FAULTS	\
	"no faults: CONFIG_FAULT_INJECTION, echo N >/sys/kernel/debug/fail_page_alloc/ignore-gfp-wait"
#define MERGED		"caches cannot be told apart: boot with slab_nomerge"

/* More than any operation has. To come so far is a failure. */
#define NTH_BOUND	2000

/*
 * Which allocations fail: objects of a slab, or pages; with the latter the few objects
 * that cannot wait for memory, too. One kind at a time, because it depends on what has
 * happened before whether an object takes a page.
 */
enum nth_kind { NTH_SLAB, NTH_PAGE, NTH_KINDS };

struct sweep {
	struct user user;
	/* It may have no allocation that could be failed. */
	bool idle;
	/* Of operations that are an ioctl. */
	const struct ioctl_desc *desc;
	/* What operations need. */
	struct bo bo;
	int fd;
	int other_fd;
	/* The debugfs file that evicts. */
	int shrink;
	/* The file fail-nth of this thread. */
	int nth;
	/* So many allocations are failed at most. */
	unsigned int bound;
};

/* What is swept. All functions but arm() return 0 or a negative errno. */
struct operation {
	/* That of the ioctl if there is none. */
	const char *name;
	/* Makes what it needs; not part of it. */
	int (*prepare)(struct sweep *sweep);
	/* Arguments, again each time that it is run. */
	void (*arm)(struct sweep *sweep);
	int (*run)(struct sweep *sweep);
	/* Undoes it after it has worked, and what prepare() did. */
	int (*undo)(struct sweep *sweep);
	/* Needs a place for what is evicted. */
	bool swap;
	/* Needs a second GPU. */
	bool two;
};

/* What came of it; only the first three are good. */
enum outcome { DONE, REFUSED, SURVIVED, BROKEN, UNASKED, WRONG_ERRNO, NOT_AGAIN, LEFT_BEHIND };

/* So many bad ones are told; the sweep ends there. */
#define NTH_BAD		4

/* A line of the table, and what is wrong. */
struct nth_row {
	unsigned int refused;
	unsigned int survived;
	/* No allocation was left to fail. */
	bool ended;
	unsigned int bad_count;
	struct nth_bad {
		unsigned int nth;
		enum outcome outcome;
		int result;
	} bad[NTH_BAD];
};

extern const char *const nth_kinds[NTH_KINDS];

int nth_open(struct sweep *sweep, const struct ioctl_desc *desc);
int nth_close(struct sweep *sweep);
int nth_prepare(void);
int nth_select(enum nth_kind kind);
int nth_select_all(void);
int nth_stay(void);
int nth_reserve(int fd);
int nth_warm_up(struct sweep *sweep, const struct operation *op);
enum outcome nth_try(struct sweep *sweep, const struct operation *op, unsigned int nth, int also,
		     const struct ledger *before, unsigned int ms, int *result);
int nth_sweep_all(struct sweep *sweep, const struct operation *op, int also,
		  struct nth_row *row);
const char *nth_outcome(enum outcome outcome);

/* What a line of the table came to; kept for the end of the program. */
struct nth_line {
	char name[40];
	enum nth_kind kind;
	unsigned int refused;
	unsigned int survived;
};

int nth_keep(const char *name, enum nth_kind kind, const struct nth_row *row);
int nth_lines(struct nth_line *lines, unsigned int size);

#endif
