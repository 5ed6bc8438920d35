// SPDX-License-Identifier: GPL-2.0-only
/*
 * The driver against the reference model: everything that can happen to two BOs
 * and two VMs within a few steps, and long random walks with more of them.
 */

#include <linux/math64.h>
#include <linux/timekeeping.h>

#include <kunit/test.h>

#include "explore.h"
#include "fixture.h"
#include "graph.h"
#include "random.h"

#define EXHAUSTIVE_STATES	8192
#define EXHAUSTIVE_STEPS	60000
#define WALK_STEPS		2000
#define WALKS			(IS_ENABLED(CONFIG_UML) ? 4 : 1)
#define MAX_STEPS		8

/**
 * struct start - Where a walk begins
 * @desc: Name in the results.
 * @depth: How many steps from there; less where the CPU is emulated.
 * @nr: Number of @steps.
 * @steps: How to get there.
 */
struct start {
	const char *desc;
	u8 depth;
	u8 nr;
	struct model_step steps[MAX_STEPS];
};

static const struct start starts[] = {
	{ "fresh", 3, 0 },
	{ "shared", 2, 3, {
		{ MODEL_MAP, 0, 0 },
		{ MODEL_MAP, 0, 1 },
		{ MODEL_MAP, 1, 0 },
	} },
	{ "evicted", 2, 4, {
		{ MODEL_MAP, 0, 0 },
		{ MODEL_MAP, 0, 1 },
		{ MODEL_MMAP, 0, 0 },
		{ MODEL_SHRINK_ALL, 0, 0 },
	} },
	{ "evicted_in_part", 2, 4, {
		{ MODEL_MAP, 0, 0 },
		{ MODEL_MAP_OVER, 1, 0 },
		{ MODEL_SHRINK_ALL, 0, 0 },
		{ MODEL_MAP_OVER, 0, 0 },
	} },
	{ "vm_bind", 2, 5, {
		{ MODEL_MAP, 0, 0 },
		{ MODEL_MAP, 0, 1 },
		{ MODEL_SHRINK_ALL, 0, 0 },
		{ MODEL_SUBMIT, 0, 0 },
		{ MODEL_BIND_UNMAP, 0, 0 },
	} },
	{ "job", 2, 4, {
		{ MODEL_MAP, 0, 0 },
		{ MODEL_MAP, 1, 0 },
		{ MODEL_MAP, 1, 1 },
		{ MODEL_RUN, 0, 0 },
	} },
};

KUNIT_ARRAY_PARAM_DESC(start, starts, desc);

static struct graph *new_graph(struct kunit *test, const struct start *start, u8 depth)
{
	struct explore *ex = explore_new(test, 2, 2, 1, 2);

	ex->first = start->steps;
	ex->nr_first = start->nr;
	return graph_new(ex, depth, EXHAUSTIVE_STATES, EXHAUSTIVE_STEPS);
}

static void print_walk(struct graph *g, u64 start_ns)
{
	u64 ms = div_u64(ktime_get_ns() - start_ns, NSEC_PER_MSEC) ?: 1;
	struct kunit *test = g->ex->test;

	kunit_info(test, "depth %u: %u distinct states (%u with BOs and VMs told apart)\n",
		   g->depth, g->nr_nodes, g->states);
	kunit_info(test, "%u transitions (%u), %llu per second; %u not reached again\n",
		   g->edges, g->transitions, div_u64(g->edges * 1000ull, ms), g->missed);
	kunit_info(test, "%u beginnings, %llu ms\n", g->begins, ms);
	explore_print(g->ex);
}

static void walk_all(struct kunit *test, const struct start *start, u8 depth)
{
	struct graph *g = new_graph(test, start, depth);
	u64 start_ns = ktime_get_ns();

	if (!graph_walk(g))
		explore_report(g->ex, g->log, g->nr_log);
	explore_end(g->ex);
	print_walk(g, start_ns);
	KUNIT_EXPECT_EQ(test, g->missed, 0);
}

/*
 * What can happen within two steps, in each order. For every run.
 * Succeeds if driver and model agree after every step.
 */
static void two_steps_agree(struct kunit *test)
{
	walk_all(test, &starts[0], 2);
}

/*
 * Every sequence of steps up to a depth, without repeating states, from where
 * nothing happened and from where much did: whatever two BOs and two VMs can do to
 * each other, driver and model must agree on it.
 * Succeeds if they do after every step, no step that has to be tested is left out,
 * and the bounds were not hit.
 */
static void all_short_sequences_agree(struct kunit *test)
{
	const struct start *start = test->param_value;

	walk_all(test, start, IS_ENABLED(CONFIG_UML) ? start->depth : start->depth - 1);
}

struct walk_param {
	const char *desc;
	u8 bos, vms, holds, pages;
};

static const struct walk_param walk_params[] = {
	{ "2_bos_2_vms", 2, 2, 1, 2 },
	{ "4_bos_1_vm", 4, 1, 2, 3 },
	{ "4_bos_3_vms", 4, 3, 2, 2 },
	{ "3_bos_3_vms_large", 3, 3, 1, 64 },
};

KUNIT_ARRAY_PARAM_DESC(walk, walk_params, desc);

static struct model_step *random_steps(struct kunit *test, const struct walk_param *p)
{
	struct model_step *steps = kunit_kcalloc(test, WALK_STEPS, sizeof(*steps), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, steps);
	for (unsigned int i = 0; i < WALK_STEPS; i++)
		steps[i] = (struct model_step){ panthor_kunit_pick(test, MODEL_OPS),
						panthor_kunit_pick(test, p->bos),
						panthor_kunit_pick(test, p->vms) };

	return steps;
}

/*
 * Long random sequences reach what a short depth does not. One that differs is
 * shortened and printed as a table of steps.
 * Succeeds if driver and model agree after every step of every walk.
 */
static void random_walks_agree(struct kunit *test)
{
	const struct walk_param *p = test->param_value;
	struct explore *ex = explore_new(test, p->bos, p->vms, p->holds, p->pages);

	for (unsigned int walk = 0; walk < WALKS; walk++) {
		struct model_step *steps = random_steps(test, p);
		unsigned int done = explore_run(ex, steps, WALK_STEPS);

		if (done < WALK_STEPS) {
			explore_report(ex, steps, done + 1);
			break;
		}
		kunit_kfree(test, steps);
	}
	explore_end(ex);
	explore_print(ex);
}

/*
 * A scan that finds a VM busy may leave the rest of it alone, and not that of another
 * VM, of whose job no BO of the scan knows. Found by a random walk.
 * Succeeds if the model takes either for right.
 */
static void busy_vms_are_judged_one_by_one(struct kunit *test)
{
	static const struct model_step steps[] = {
		{ MODEL_RUN, 0, 2 },
		{ MODEL_MAP_OVER, 3, 2 },
		{ MODEL_MAP_OVER, 0, 1 },
		{ MODEL_RUN, 0, 1 },
		{ MODEL_MAP_OVER, 2, 1 },
		{ MODEL_SHRINK_ALL, 2, 2 },
	};
	struct explore *ex = explore_new(test, 4, 3, 2, 2);
	unsigned int done = explore_run(ex, steps, ARRAY_SIZE(steps));

	if (done < ARRAY_SIZE(steps))
		explore_report(ex, steps, done + 1);
	explore_end(ex);
}

/**
 * struct recipe - The shortest way to a defect
 * @desc: Name of the defect.
 * @defect: The defect.
 * @nr: Number of @steps; driver and model differ at the last.
 * @steps: The steps.
 */
struct recipe {
	const char *desc;
	enum model_defect defect;
	u8 nr;
	struct model_step steps[MAX_STEPS];
};

static const struct recipe recipes[] = {
	{ "D1_touch", MODEL_D1, 2, {
		{ MODEL_MMAP, 0, 0 },
		{ MODEL_TOUCH_NO_DMA, 0, 0 },
	} },
	{ "D1_submit", MODEL_D1, 3, {
		{ MODEL_MAP, 0, 0 },
		{ MODEL_SHRINK_ALL, 0, 0 },
		{ MODEL_SUBMIT_NO_DMA, 0, 0 },
	} },
	{ "D2", MODEL_D2, 3, {
		{ MODEL_PIN, 0, 0 },
		{ MODEL_MMAP, 0, 0 },
		{ MODEL_TOUCH, 0, 0 },
	} },
	{ "D30", MODEL_D30, 8, {
		{ MODEL_MAP, 0, 0 },
		{ MODEL_MAP, 0, 1 },
		{ MODEL_SHRINK_ALL, 0, 0 },
		{ MODEL_SUBMIT, 0, 0 },
		{ MODEL_BIND_UNMAP, 0, 0 },
		{ MODEL_BIND_RUN, 0, 0 },
		{ MODEL_SUBMIT, 0, 1 },
		{ MODEL_BIND_CLEANUP, 0, 0 },
	} },
	{ "D43", MODEL_D43, 3, {
		{ MODEL_MAP, 0, 0 },
		{ MODEL_SHRINK_ALL, 0, 0 },
		{ MODEL_SUBMIT_NO_TABLES, 0, 0 },
	} },
	{ "D50", MODEL_D50, 5, {
		{ MODEL_MMAP, 0, 0 },
		{ MODEL_TOUCH, 0, 0 },
		{ MODEL_CUT, 0, 0 },
		{ MODEL_SHRINK_ALL, 0, 0 },
		{ MODEL_TOUCH, 0, 0 },
	} },
};

KUNIT_ARRAY_PARAM_DESC(recipe, recipes, desc);

/*
 * A step that is left out because of a defect is one on which driver and model
 * differ: when the defect is gone, the step has to be tested.
 * Succeeds if they differ at the last step of the recipe, and not before; on a driver
 * without the defect, if they do not differ at all.
 */
static void left_out_step_is_wrong(struct kunit *test)
{
	const struct recipe *recipe = test->param_value;
	struct explore *ex = explore_new(test, 2, 2, 1, 2);
	unsigned int right = recipe->nr, done;

	KUNIT_EXPECT_EQ(test, explore_run(ex, recipe->steps, recipe->nr), recipe->nr);
	if (ex->start.defects & BIT(recipe->defect))
		right--;
	ex->start.defects &= ~BIT(recipe->defect);
	done = explore_run(ex, recipe->steps, recipe->nr);
	kunit_info(test, "%s\n", ex->world->why);
	explore_end(ex);

	KUNIT_EXPECT_EQ(test, done, right);
}

/*
 * What is wrong is found, and what is found can be understood: the driver is made
 * to forget to restore what a job needs.
 * Succeeds if a random walk gets to it, and after shortening no step can be left
 * out, the last of which is the submission.
 */
static void failing_walk_is_shortened(struct kunit *test)
{
	struct explore *ex = explore_new(test, 2, 2, 1, 2);
	struct model_step *steps, less[MAX_STEPS];
	unsigned int nr, walks = 0;

	ex->world->without = MODEL_SUBMIT;
	do {
		steps = random_steps(test, &walk_params[0]);
		nr = explore_run(ex, steps, WALK_STEPS);
	} while (nr == WALK_STEPS && ++walks < 16);
	explore_end(ex);
	KUNIT_ASSERT_LT(test, nr, WALK_STEPS);
	nr = explore_shorten(ex, steps, nr + 1);
	explore_print_steps(test, steps, nr);
	KUNIT_EXPECT_EQ(test, steps[nr - 1].op, MODEL_SUBMIT);
	KUNIT_ASSERT_LE(test, nr, MAX_STEPS);

	for (unsigned int out = 0; out < nr; out++) {
		memcpy(less, steps, out * sizeof(*less));
		memcpy(less + out, steps + out + 1, (nr - out - 1) * sizeof(*less));
		KUNIT_EXPECT_EQ_MSG(test, explore_run(ex, less, nr - 1), nr - 1, "without %u", out);
	}
	explore_end(ex);
}

/*
 * The same for the walk over all states.
 * Succeeds if it ends at the first submission that has something to restore.
 */
static void walk_finds_what_is_not_done(struct kunit *test)
{
	struct graph *g = new_graph(test, &starts[2], 1);

	g->ex->world->without = MODEL_SUBMIT;
	KUNIT_EXPECT_FALSE(test, graph_walk(g));
	KUNIT_ASSERT_GT(test, g->nr_log, 0);
	KUNIT_EXPECT_EQ(test, g->log[g->nr_log - 1].op, MODEL_SUBMIT);
	explore_end(g->ex);
}

static struct kunit_case explore_cases[] = {
	KUNIT_CASE(two_steps_agree),
	KUNIT_CASE(busy_vms_are_judged_one_by_one),
	KUNIT_CASE_PARAM(left_out_step_is_wrong, recipe_gen_params),
	KUNIT_CASE(failing_walk_is_shortened),
	KUNIT_CASE(walk_finds_what_is_not_done),
	KUNIT_CASE_PARAM_ATTR(all_short_sequences_agree, start_gen_params,
			      { .speed = KUNIT_SPEED_VERY_SLOW }),
	KUNIT_CASE_PARAM_ATTR(random_walks_agree, walk_gen_params,
			      { .speed = KUNIT_SPEED_VERY_SLOW }),
	{}
};

static struct kunit_suite explore_suite = {
	.name = "panthor_explore",
	.init = panthor_kunit_init,
	.exit = panthor_kunit_exit,
	.suite_exit = panthor_kunit_suite_exit,
	.test_cases = explore_cases,
};

kunit_test_suite(explore_suite);
