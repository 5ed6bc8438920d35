// SPDX-License-Identifier: GPL-2.0-only
/*
 * The driver against the reference model: everything that can happen to two BOs
 * and two VMs within a few steps, and long random walks with more of them.
 */

#include <linux/math64.h>
#include <linux/slab.h>
#include <linux/timekeeping.h>

#include <kunit/test.h>

#include "explore.h"
#include "fixture.h"
#include "random.h"
#include "seam.h"

/* An emulated CPU does in a minute what UML does in seconds. */
#define EXHAUSTIVE_DEPTH	(IS_ENABLED(CONFIG_UML) ? 4 : 2)
#define EXHAUSTIVE_STATES	4096
#define WALK_STEPS		600
#define WALKS			(IS_ENABLED(CONFIG_UML) ? 4 : 1)

/**
 * struct explored - A state that was reached
 * @hash: What identifies it.
 * @parent: Index of the state before, or its own at the start.
 * @step: What led here from there.
 * @depth: Number of steps from the start.
 */
struct explored {
	u64 hash;
	u32 parent;
	struct model_step step;
	u8 depth;
};

static bool seen(const struct explored *nodes, const u32 *table, u64 hash, u32 *slot)
{
	for (*slot = hash % (2 * EXHAUSTIVE_STATES); table[*slot];
	     *slot = (*slot + 1) % (2 * EXHAUSTIVE_STATES))
		if (nodes[table[*slot] - 1].hash == hash)
			return true;

	return false;
}

static unsigned int path_to(const struct explored *nodes, u32 at, struct model_step *path)
{
	unsigned int nr = nodes[at].depth;

	for (unsigned int i = nr; i; i--, at = nodes[at].parent)
		path[i - 1] = nodes[at].step;

	return nr;
}

/* All steps of a model, one after the other; false after the last. */
static bool next_step(const struct model *m, struct model_step *step)
{
	if (model_op_has_vm(step->op) && ++step->vm < m->nr_vms)
		return true;
	step->vm = 0;
	if (model_op_has_bo(step->op) && ++step->bo < m->nr_bos)
		return true;
	step->bo = 0;

	return ++step->op < MODEL_OPS;
}

static void report_difference(struct explore *ex, struct model_step *steps,
			      unsigned int nr, struct explore_result *r)
{
	struct kunit *test = ex->test;

	nr = explore_shorten(ex, steps, nr);
	explore_run(ex, steps, nr, r);
	explore_print(test, steps, nr);
	KUNIT_FAIL(test, "after %u steps, %s: %s", nr,
		   nr ? model_op_name(steps[nr - 1].op) : "nothing", r->why);
}

/*
 * Every sequence of steps up to a depth, without repeating states: whatever two
 * BOs and two VMs can do to each other, driver and model must agree on it.
 * Succeeds if they do after every step, and the bounds were not hit.
 */
static void all_short_sequences_agree(struct kunit *test)
{
	struct explored *nodes = kunit_kcalloc(test, EXHAUSTIVE_STATES, sizeof(*nodes), GFP_KERNEL);
	u32 *table = kunit_kcalloc(test, 2 * EXHAUSTIVE_STATES, sizeof(*table), GFP_KERNEL);
	struct explore_result *r = kunit_kzalloc(test, sizeof(*r), GFP_KERNEL);
	struct model_step path[8];
	u32 nr_nodes = 1, transitions = 0, slot;
	u64 start_ns = ktime_get_ns(), ms;
	struct explore ex;

	static_assert(ARRAY_SIZE(path) > EXHAUSTIVE_DEPTH);
	KUNIT_ASSERT_NOT_NULL(test, nodes);
	KUNIT_ASSERT_NOT_NULL(test, table);
	KUNIT_ASSERT_NOT_NULL(test, r);
	explore_init(&ex, test, 2, 2, 1, 1);
	nodes[0].hash = model_hash(&ex.start);
	seen(nodes, table, nodes[0].hash, &slot);
	table[slot] = 1;

	for (u32 at = 0; at < nr_nodes && nodes[at].depth < EXHAUSTIVE_DEPTH; at++) {
		unsigned int nr = path_to(nodes, at, path);
		struct model_step step = {};

		do {
			path[nr] = step;
			explore_run(&ex, path, nr + 1, r);
			transitions++;
			if (r->why[0]) {
				report_difference(&ex, path, nr + 1, r);
				return;
			}
			if (seen(nodes, table, model_hash(&r->model), &slot))
				continue;
			KUNIT_ASSERT_LT_MSG(test, nr_nodes, EXHAUSTIVE_STATES,
					    "raise EXHAUSTIVE_STATES");
			nodes[nr_nodes] = (struct explored){ model_hash(&r->model), at, step, nr + 1 };
			table[slot] = ++nr_nodes;
		} while (next_step(&ex.start, &step));
		cond_resched();
	}

	ms = div_u64(ktime_get_ns() - start_ns, NSEC_PER_MSEC) ?: 1;
	kunit_info(test, "depth %u: %u distinct states, %u transitions, %llu per second\n",
		   EXHAUSTIVE_DEPTH, nr_nodes, transitions, div_u64(transitions * 1000ull, ms));
}

struct walk_param {
	const char *desc;
	u8 bos, vms, holds, pages;
};

static const struct walk_param walk_params[] = {
	{ "2_bos_2_vms", 2, 2, 1, 1 },
	{ "4_bos_1_vm", 4, 1, 2, 3 },
	{ "4_bos_3_vms", 4, 3, 2, 2 },
	{ "3_bos_3_vms_large", 3, 3, 1, 64 },
};

KUNIT_ARRAY_PARAM_DESC(walk, walk_params, desc);

/*
 * Long random sequences reach what a short depth does not. One that differs is
 * shortened and printed as a table of steps.
 * Succeeds if driver and model agree after every step of every walk.
 */
static void random_walks_agree(struct kunit *test)
{
	const struct walk_param *p = test->param_value;
	struct model_step *steps = kunit_kcalloc(test, WALK_STEPS, sizeof(*steps), GFP_KERNEL);
	struct explore_result *r = kunit_kzalloc(test, sizeof(*r), GFP_KERNEL);
	struct explore ex;

	KUNIT_ASSERT_NOT_NULL(test, steps);
	KUNIT_ASSERT_NOT_NULL(test, r);
	explore_init(&ex, test, p->bos, p->vms, p->holds, p->pages);

	for (unsigned int walk = 0; walk < WALKS; walk++) {
		for (unsigned int i = 0; i < WALK_STEPS; i++)
			steps[i] = (struct model_step){ panthor_kunit_pick(test, MODEL_OPS),
							panthor_kunit_pick(test, p->bos),
							panthor_kunit_pick(test, p->vms) };
		explore_run(&ex, steps, WALK_STEPS, r);
		if (r->why[0]) {
			report_difference(&ex, steps, r->done + 1, r);
			return;
		}
	}
}

static struct kunit_case explore_cases[] = {
	KUNIT_CASE_ATTR(all_short_sequences_agree, { .speed = KUNIT_SPEED_VERY_SLOW }),
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
