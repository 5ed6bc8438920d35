// SPDX-License-Identifier: GPL-2.0-only
/*
 * Random numbers of randomised cases. What a case gets depends on the seed of
 * the boot and on its own name, so that it gets the same when repeated alone.
 */

#include <linux/moduleparam.h>
#include <linux/random.h>
#include <linux/string.h>
#include <linux/stringhash.h>

#include <kunit/test.h>

#include "sim_seed.h"

static unsigned int kunit_seed;
module_param(kunit_seed, uint, 0444);
MODULE_PARM_DESC(kunit_seed, "Seed of randomised KUnit cases, 0 for a new one");

/**
 * sim_seed() - Begin a sequence of random numbers
 * @test: The test.
 * @rnd: Initialised.
 *
 * Context: Test thread.
 *
 * Return: The seed, for messages: panthor_sim.kunit_seed= repeats it.
 */
u32 sim_seed(struct kunit *test, struct rnd_state *rnd)
{
	if (!kunit_seed)
		kunit_seed = get_random_u32_inclusive(1, U32_MAX);

	prandom_seed_state(rnd, kunit_seed +
			   full_name_hash(NULL, test->name, strlen(test->name)));

	return kunit_seed;
}
