/* SPDX-License-Identifier: GPL-2.0-only */
/* A process that a test starts has a report for it, which may be of an error. */

#ifndef __PANTHOR_SELFTEST_TELL_H__
#define __PANTHOR_SELFTEST_TELL_H__

#include <stddef.h>

/* Empty if there is none. */
struct trouble {
	char text[96];
};

/* What has failed, and after how many rounds, or whatever was counted. */
void trouble_note(struct trouble *trouble, const char *what, unsigned int rounds, int ret);

/* Ends the process, with the status 1 if the report cannot be written. */
void tell(int out, const void *report, size_t size) __attribute__((noreturn));

#endif
