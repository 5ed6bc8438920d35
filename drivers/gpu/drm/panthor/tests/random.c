// SPDX-License-Identifier: GPL-2.0-only
/*
 * Choices of randomised cases. One seed serves a whole boot and is printed once,
 * in a line the harness reads. What a case gets depends on the seed and its own
 * name, so that it gets the same when it is repeated alone.
 */

#include <linux/module.h>
#include <linux/prandom.h>
#include <linux/printk.h>
#include <linux/random.h>
#include <linux/stringhash.h>

#include <kunit/test.h>

#include "random.h"

static unsigned int kunit_seed;
module_param(kunit_seed, uint, 0444);
MODULE_PARM_DESC(kunit_seed, "Seed of randomised KUnit cases, 0 for a new one");

static u32 random_seed(void)
{
	static bool printed;

	if (!kunit_seed)
		kunit_seed = get_random_u32_inclusive(1, U32_MAX);
	if (!printed)
		pr_info("panthor-harness: seed=%u\n", kunit_seed);
	printed = true;

	return kunit_seed;
}

/**
 * panthor_kunit_pick() - Choose one of several, at random
 * @test: The test.
 * @n: Number of choices.
 *
 * Context: Test thread.
 *
 * Return: A number below @n, the same for the same seed, case and call.
 */
u32 panthor_kunit_pick(struct kunit *test, u32 n)
{
	static struct kunit *last_test;
	static u32 nth;
	struct rnd_state rnd;

	nth = test == last_test ? nth + 1 : 0;
	last_test = test;
	prandom_seed_state(&rnd, random_seed() + nth +
			   full_name_hash(NULL, test->name, strlen(test->name)));

	return prandom_u32_state(&rnd) % n;
}
