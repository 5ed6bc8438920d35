/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef __PANTHOR_SIM_TESTS_SEED_H__
#define __PANTHOR_SIM_TESTS_SEED_H__

#include <linux/prandom.h>

struct kunit;

u32 sim_seed(struct kunit *test, struct rnd_state *rnd);

#endif
