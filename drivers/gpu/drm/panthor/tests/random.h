/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef __PANTHOR_TESTS_RANDOM_H__
#define __PANTHOR_TESTS_RANDOM_H__

#include <linux/types.h>

struct kunit;

u32 panthor_kunit_pick(struct kunit *test, u32 n);

#endif
