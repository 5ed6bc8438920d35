/* SPDX-License-Identifier: GPL-2.0-only */
/* Calls of the driver that are nearly right, and what comes of them. */

#ifndef __PANTHOR_SELFTEST_FUZZ_H__
#define __PANTHOR_SELFTEST_FUZZ_H__

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FUZZ_POOL	6
#define FUZZ_CALLS	27
/* Syncobjs to begin with. A tame call waits for one half and signals the other. */
#define FUZZ_KEPT	4
/* Lists of sync operations of a call, and how long one may be. */
#define FUZZ_SLOTS	3
#define FUZZ_SLOT	2
#define FUZZ_PARTS	6
#define FUZZ_INPUTS	1024
#define FUZZ_SEEN_BITS	18

enum fuzz_kind { FUZZ_VM, FUZZ_BO, FUZZ_GROUP, FUZZ_HEAP, FUZZ_SYNCOBJ, FUZZ_FD, FUZZ_KINDS };

/*
 * Handles that should be good; threads of a process share file and pool, and take
 * them from each other.
 */
struct fuzz_file {
	int fd;
	/* Leaves out what ends in a warning, or worse, where known defects are not mended. */
	bool tame;
	uint32_t kept[FUZZ_KEPT];
	atomic_uint pool[FUZZ_KINDS][FUZZ_POOL];
};

/* What a call came to, by its number. */
struct fuzz_result {
	unsigned int succeeded[FUZZ_CALLS];
	unsigned int failed[FUZZ_CALLS];
	/* An errno that no user should see, and of which call. */
	int strange;
	const char *strange_call;
	/* In the kernel, where no call had been, and calls that came there. */
	unsigned int places;
	unsigned int kept;
};

/* Dice of one call: from a throw on, they are others. */
struct fuzz_input {
	/* All that it took. */
	unsigned int throws;
	unsigned int parts;
	struct fuzz_part {
		unsigned int at;
		uint64_t state;
	} part[FUZZ_PARTS];
};

/* Of a thread and those that come after it. */
struct fuzz_guide {
	int fd;
	/* What the kernel writes. */
	unsigned long *cover;
	unsigned int kept;
	struct fuzz_input input[FUZZ_INPUTS];
	uint8_t seen[(1U << FUZZ_SEEN_BITS) / 8];
};

struct fuzz {
	struct fuzz_file *file;
	struct fuzz_guide *guide;
	/* Makes the inputs, and those are what a call is made of. */
	uint64_t state;
	struct fuzz_input input;
	uint64_t throwing;
	unsigned int throws;
	unsigned int part;
	struct fuzz_result *result;
	/* What arguments point to; something that is not mapped is behind it. */
	char *memory;
	char *end;
	/* The same for sync operations, with as many slots left. */
	struct drm_panthor_sync_op *syncs;
	unsigned int slots;
	unsigned int half;
};

int fuzz_file_open(struct fuzz_file *file);
void fuzz_file_close(struct fuzz_file *file);
bool fuzz_is_kept(const struct fuzz_file *file, uint32_t syncobj);
uint32_t fuzz_handle(struct fuzz *fuzz, enum fuzz_kind kind);
void fuzz_discard(struct fuzz *fuzz, enum fuzz_kind kind, uint32_t value);
void fuzz_learn(struct fuzz *fuzz, enum fuzz_kind kind, uint32_t value);
void fuzz_forget(struct fuzz *fuzz, enum fuzz_kind kind, uint32_t value);

int fuzz_guide_init(struct fuzz_guide *guide);
int fuzz_guide_on(struct fuzz_guide *guide);
void fuzz_guide_off(struct fuzz_guide *guide);
void fuzz_begin(struct fuzz *fuzz);
uint64_t fuzz_dice(struct fuzz *fuzz);
uint64_t fuzz_below(struct fuzz *fuzz, uint64_t end);
void fuzz_watch(struct fuzz *fuzz);
void fuzz_seen(struct fuzz *fuzz);

int fuzz_init(struct fuzz *fuzz, struct fuzz_file *file, struct fuzz_guide *guide, uint64_t state,
	      struct fuzz_result *result);
void fuzz_exit(struct fuzz *fuzz);
void fuzz_call(struct fuzz *fuzz);
const char *fuzz_name(unsigned int call);

#endif
