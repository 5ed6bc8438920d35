// SPDX-License-Identifier: GPL-2.0-only
/* Tables of bad values for ioctls. */

#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>

#include "rows.h"

static uint64_t base_value(const struct user *user, enum base base)
{
	switch (base) {
	case VA_END:
		return user->va_end;
	case FULL_VA:
		return user->full_va;
	case NO_MMAP:
		return user->no_mmap.handle;
	case OTHERS:
		return user->others.handle;
	case EMPTY:
		return user->empty;
	case TIMELINE:
		return user->timeline;
	case LABEL:
		return (uintptr_t)user->call->label;
	case HEAP:
		return user->heap;
	case OTHER_VM:
		return user->other_vm;
	default:
		return 0;
	}
}

/* Arguments with which it succeeds. */
void row_fill(struct user *user, const struct ioctl_desc *desc)
{
	memset(user->call, 0, sizeof(*user->call));
	desc->fill(user, user->call);
}

/* One bad value in a call that is good otherwise; what it returned is put in @got. */
enum verdict try_row(struct user *user, const struct ioctl_desc *desc, const struct row *row,
		     const struct ledger *before, int *got)
{
	uint64_t value = row->value + base_value(user, row->base);
	struct ledger after;
	int ret;

	row_fill(user, desc);
	memcpy((char *)user->call + row->offset, &value, row->size);
	*got = call_ioctl(user, desc);
	ret = ledger_settle(user->client.fd, before, &after);
	if (ret && ret != -ETIMEDOUT)
		return NO_LEDGER;
	if (ret)
		return CHANGED;
	return *got == -row->error ? AS_IT_SHOULD : WRONG_ERRNO;
}

static void cover(char *covered, const struct row *rows, unsigned int count)
{
	memset(covered, 0, sizeof(struct call));
	for (unsigned int i = 0; i < count; i++)
		memset(covered + rows[i].offset, 1, rows[i].size);
}

/* First byte of the ioctl's arguments that no row is about, -1 if there is none. */
long uncovered(const struct ioctl_desc *desc, const struct row *rows, unsigned int count)
{
	static char covered[sizeof(struct call)];
	size_t size = _IOC_SIZE(desc->request);
	const char *hole;

	cover(covered, rows, count);
	hole = memchr(covered, 0, size);
	for (unsigned int i = 0; !hole && i < 3 && desc->nested[i].name; i++)
		hole = memchr(covered + desc->nested[i].offset, 0, desc->nested[i].size);
	return hole ? hole - covered : -1;
}
