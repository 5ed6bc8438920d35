// SPDX-License-Identifier: GPL-2.0-only
/* A process that a test starts has a report for it, which may be of an error. */

#include <stdio.h>
#include <unistd.h>

#include "tell.h"

void trouble_note(struct trouble *trouble, const char *what, unsigned int rounds, int ret)
{
	snprintf(trouble->text, sizeof(trouble->text), "%s after %u: %d", what, rounds, ret);
}

void tell(int out, const void *report, size_t size)
{
	_exit(write(out, report, size) != (ssize_t)size);
}
