/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef __PANTHOR_TESTS_CHECK_KUNIT_H__
#define __PANTHOR_TESTS_CHECK_KUNIT_H__

/* What the suites of seeded corruptions share. */

#include <linux/types.h>

#include "check.h"

struct kunit;

struct panthor_check_report *panthor_check_healthy(struct kunit *test);

/* A macro so that a failure names the line of the case. */
#define expect_reported(test, report, bits) do {				\
	const struct panthor_check_report *__r = (report);			\
										\
	KUNIT_EXPECT_EQ_MSG(test, __r->broken, (u32)(bits), "%s",		\
			    __r->count ? __r->msgs[0] : "nothing reported");	\
} while (0)

#endif
