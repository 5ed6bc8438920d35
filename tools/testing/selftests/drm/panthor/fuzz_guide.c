// SPDX-License-Identifier: GPL-2.0-only
/*
 * A call is what dice make of it, so dice are what is kept of a call that came where
 * none has been, if the kernel tells where (CONFIG_KCOV). Later ones begin like one
 * of those and go on in another way.
 */

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <linux/kcov.h>

#include "fuzz.h"
#include "stress.h"

#define KCOV		"/sys/kernel/debug/kcov"
/* Places in the kernel that a call may come through; the first word is their number. */
#define COVER_WORDS	(64 * 1024)
/* Those that came last are where there is most to find. */
#define NEWEST		16

/* -ENOENT if the kernel does not tell; then all calls are new ones. */
int fuzz_guide_init(struct fuzz_guide *guide)
{
	memset(guide, 0, sizeof(*guide));
	guide->fd = open(KCOV, O_RDWR | O_CLOEXEC);
	if (guide->fd < 0)
		return -errno;
	if (!ioctl(guide->fd, KCOV_INIT_TRACE, COVER_WORDS)) {
		guide->cover = mmap(NULL, COVER_WORDS * sizeof(*guide->cover),
				    PROT_READ | PROT_WRITE, MAP_SHARED, guide->fd, 0);
		if (guide->cover != MAP_FAILED)
			return 0;
	}
	guide->cover = NULL;
	close(guide->fd);
	return -ENODEV;
}

/* For the thread that calls this, until it says the other. */
int fuzz_guide_on(struct fuzz_guide *guide)
{
	return guide->cover && ioctl(guide->fd, KCOV_ENABLE, KCOV_TRACE_PC) ? -errno : 0;
}

void fuzz_guide_off(struct fuzz_guide *guide)
{
	if (guide->cover)
		ioctl(guide->fd, KCOV_DISABLE, 0);
}

/* New dice, or those of a call that was kept until some throw, and then others. */
void fuzz_begin(struct fuzz *fuzz)
{
	struct fuzz_guide *guide = fuzz->guide;
	struct fuzz_input *input = &fuzz->input;
	uint64_t next = dice(&fuzz->state);

	fuzz->throws = 0;
	fuzz->part = 0;
	if (guide->kept && dice_below(&fuzz->state, 2)) {
		unsigned int among = dice_below(&fuzz->state, 2) ? NEWEST : FUZZ_INPUTS, at;

		if (among > guide->kept)
			among = guide->kept;
		among = 1 + dice_below(&fuzz->state, among);
		*input = guide->input[(guide->kept - among) % FUZZ_INPUTS];
		at = 1 + dice_below(&fuzz->state, input->throws);
		while (input->parts && input->part[input->parts - 1].at >= at)
			input->parts--;
		if (input->parts == FUZZ_PARTS)
			input->parts--;
		input->part[input->parts++] = (struct fuzz_part){ .at = at, .state = next };
	} else {
		*input = (struct fuzz_input){ .parts = 1, .part = { { .state = next } } };
	}
	fuzz->throwing = input->part[0].state;
}

uint64_t fuzz_dice(struct fuzz *fuzz)
{
	const struct fuzz_input *input = &fuzz->input;

	if (fuzz->part + 1 < input->parts && input->part[fuzz->part + 1].at == fuzz->throws)
		fuzz->throwing = input->part[++fuzz->part].state;
	fuzz->throws++;
	return dice(&fuzz->throwing);
}

uint64_t fuzz_below(struct fuzz *fuzz, uint64_t end)
{
	return fuzz_dice(fuzz) % end;
}

/* Before and after the call itself. */
void fuzz_watch(struct fuzz *fuzz)
{
	if (fuzz->guide->cover)
		__atomic_store_n(&fuzz->guide->cover[0], 0, __ATOMIC_RELAXED);
}

void fuzz_seen(struct fuzz *fuzz)
{
	struct fuzz_guide *guide = fuzz->guide;
	unsigned int fresh = 0;
	uint64_t count;

	if (!guide->cover)
		return;
	count = __atomic_load_n(&guide->cover[0], __ATOMIC_RELAXED);
	for (uint64_t i = 1; i <= count && i < COVER_WORDS; i++) {
		/* Two places may share a bit, that only makes it a bit blind. */
		uint32_t bit = (guide->cover[i] * 0x9e3779b97f4a7c15ULL) >> (64 - FUZZ_SEEN_BITS);

		fresh += !(guide->seen[bit / 8] & 1U << bit % 8);
		guide->seen[bit / 8] |= 1U << bit % 8;
	}
	if (!fresh)
		return;
	fuzz->result->places += fresh;
	fuzz->result->kept++;
	/* When all are in use, the oldest goes. */
	fuzz->input.throws = fuzz->throws;
	guide->input[guide->kept++ % FUZZ_INPUTS] = fuzz->input;
}
