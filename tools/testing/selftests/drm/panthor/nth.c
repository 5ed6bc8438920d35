// SPDX-License-Identifier: GPL-2.0-only
/* Failing the allocations of an operation, one after the other. */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "nth.h"

#define FAIL_NTH	"/proc/thread-self/fail-nth"
#define FAILSLAB	"/sys/kernel/debug/failslab/cache-filter"
/* Each test may be a process of its own. */
#define LINES		"/tmp/panthor-fail_nth"
/*
 * A cache that is full takes a page, and more, so an operation that got to its end may
 * have had fewer allocations than the one before.
 */
#define ENDS		2

/* Longer than a grace period of RCU takes. */
#define REST_MS		100

const char *const nth_kinds[NTH_KINDS] = { [NTH_SLAB] = "slab", [NTH_PAGE] = "page" };

static const char *const outcomes[] = {
	[DONE] = "no allocation was left to fail", [REFUSED] = "refused", [SURVIVED] = "survived",
	[BROKEN] = "could not be prepared or undone", [UNASKED] = "failed without a failure",
	[WRONG_ERRNO] = "another errno", [NOT_AGAIN] = "fails the next time, too",
	[LEFT_BEHIND] = "something was left behind",
};

const char *nth_outcome(enum outcome outcome)
{
	return outcomes[outcome];
}

/*
 * -ENODEV without a GPU, -ENOENT where nothing can be made to fail, or -EBUSY where
 * debug tools could not be spared.
 */
int nth_open(struct sweep *sweep, const struct ioctl_desc *desc)
{
	char path[80];
	int ret = user_open(&sweep->user);

	sweep->desc = desc;
	sweep->nth = -1;
	sweep->shrink = -1;
	sweep->bound = NTH_BOUND;
	if (ret)
		return ret;
	sweep->nth = open(FAIL_NTH, O_RDWR | O_CLOEXEC);
	if (sweep->nth < 0)
		return -ENOENT;
	ret = nth_prepare();
	ret = ret ?: nth_stay();
	if (ret)
		return ret;
	if (!panthor_debugfs(sweep->user.client.fd, "shrink", path, sizeof(path)))
		sweep->shrink = open(path, O_WRONLY | O_CLOEXEC);
	return 0;
}

/* The first error, if any. */
int nth_close(struct sweep *sweep)
{
	int ret = 0;

	if (sweep->nth >= 0) {
		ret = access(FAILSLAB, W_OK) ? 0 : nth_select_all();
		close(sweep->nth);
	}
	if (sweep->shrink >= 0)
		close(sweep->shrink);
	return user_close(&sweep->user) ?: ret;
}

static int run(struct sweep *sweep, const struct operation *op)
{
	if (op->arm)
		op->arm(sweep);
	return op->run(sweep);
}

/* Once without a failure: what the program has not touched yet would be in the way. */
int nth_warm_up(struct sweep *sweep, const struct operation *op)
{
	int ret = op->prepare ? op->prepare(sweep) : 0;

	ret = ret ?: run(sweep, op);
	if (!ret && op->undo)
		ret = op->undo(sweep);
	return ret;
}

/* 0 if the allocation has failed, 1 if there were not so many, or a negative errno. */
static int run_armed(struct sweep *sweep, const struct operation *op, unsigned int nth, int *result)
{
	char text[16];
	int length = snprintf(text, sizeof(text), "%u", nth), ret;

	if (op->arm)
		op->arm(sweep);
	if (pwrite(sweep->nth, text, length, 0) != length)
		return -errno;
	*result = op->run(sweep);
	ret = pread(sweep->nth, text, sizeof(text) - 1, 0);
	if (ret < 0)
		return -errno;
	text[ret] = '\0';
	if (!atoi(text))
		return 0;
	return pwrite(sweep->nth, "0", 1, 0) == 1 ? 1 : -errno;
}

/* One allocation; what the operation returned is put in @result. */
enum outcome nth_try(struct sweep *sweep, const struct operation *op, unsigned int nth, int also,
		     const struct ledger *before, unsigned int ms, int *result)
{
	struct ledger after;
	int left;

	*result = 0;
	if (nth_reserve(sweep->user.client.fd))
		return BROKEN;
	if (op->prepare && op->prepare(sweep))
		return BROKEN;
	left = run_armed(sweep, op, nth, result);
	if (left < 0)
		return BROKEN;
	if (*result && left)
		return UNASKED;
	if (*result && run(sweep, op))
		return NOT_AGAIN;
	if (op->undo && op->undo(sweep))
		return BROKEN;
	if (ledger_settle_within(sweep->user.client.fd, before, &after, ms))
		return LEFT_BEHIND;
	if (*result && *result != -ENOMEM && *result != -also)
		return WRONG_ERRNO;
	return left ? DONE : *result ? REFUSED : SURVIVED;
}

/* After these another allocation can be failed. */
static bool goes_on(enum outcome outcome)
{
	return outcome <= SURVIVED || outcome == WRONG_ERRNO || outcome == LEFT_BEHIND;
}

/* What there is when nothing goes any more that a worker was to free. */
static int at_rest(int fd, struct ledger *ledger)
{
	struct ledger before;
	int ret = ledger_read(fd, ledger);

	for (unsigned int ms = 0; !ret && ms < LEDGER_MS; ms += REST_MS) {
		before = *ledger;
		sleep_ms(REST_MS);
		ret = ledger_read(fd, ledger);
		if (!ret && ledger_same(&before, ledger))
			return 0;
	}

	return ret ?: -ETIMEDOUT;
}

/* What is wrong is in the row; an error is one of what is around the operation. */
int nth_sweep_all(struct sweep *sweep, const struct operation *op, int also,
		  struct nth_row *row)
{
	enum outcome outcome = SURVIVED;
	unsigned int nth = 1, ends = 0;
	struct ledger before;
	int result, ret = nth_warm_up(sweep, op);

	ret = ret ?: at_rest(sweep->user.client.fd, &before);
	memset(row, 0, sizeof(*row));
	for (; !ret && goes_on(outcome) && ends < ENDS && nth <= sweep->bound &&
	     row->bad_count < NTH_BAD; nth++) {
		outcome = nth_try(sweep, op, nth, also, &before, LEDGER_MS, &result);
		row->refused += outcome == REFUSED;
		row->survived += outcome == SURVIVED;
		ends = outcome == DONE ? ends + 1 : 0;
		if (outcome <= SURVIVED)
			continue;
		row->bad[row->bad_count++] = (struct nth_bad){ nth, outcome, result };
		/* What one has left behind is not the fault of the next one. */
		ret = at_rest(sweep->user.client.fd, &before);
	}
	row->ended = ends == ENDS;
	return ret;
}

int nth_keep(const char *name, enum nth_kind kind, const struct nth_row *row)
{
	struct nth_line line = {
		.kind = kind, .refused = row->refused, .survived = row->survived,
	};
	int fd = open(LINES, O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	int ret = 0;

	if (fd < 0)
		return -errno;
	snprintf(line.name, sizeof(line.name), "%s", name);
	if (write(fd, &line, sizeof(line)) != sizeof(line))
		ret = -EIO;
	close(fd);
	return ret;
}

/* How many were kept; they are no more then. */
int nth_lines(struct nth_line *lines, unsigned int size)
{
	int fd = open(LINES, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	ssize_t length;

	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	length = read(fd, lines, size * sizeof(*lines));
	close(fd);
	if (unlink(LINES))
		return -errno;
	return length < 0 ? -EIO : length / sizeof(*lines);
}
