// SPDX-License-Identifier: GPL-2.0-only
/* Everything at once, on several threads, with the checker at each barrier. */

#include <linux/atomic.h>
#include <linux/bits.h>
#include <linux/cleanup.h>
#include <linux/cpumask.h>
#include <linux/err.h>
#include <linux/list.h>
#include <linux/shrinker.h>

#include <kunit/test.h>

#include "check.h"
#include "fixture.h"
#include "reclaim.h"
#include "stress.h"
#include "vm_walk.h"

/* Of each thread. An operation takes up to two milliseconds of UML. */
#define STRESS_ROUND_OPS	60

/**
 * struct stress_param - What there is much of
 * @desc: Name in the results.
 * @weight: How often each operation is done, relative to the others.
 */
struct stress_param {
	const char *desc;
	u8 weight[STRESS_OPS];
};

/* In the order of enum stress_op. */
static const struct stress_param stress_params[] = {
	{ "everything",	{ 4, 8, 4, 4, 6, 4, 8, 4, 4, 8, 2, 2, 1, 6, 16 } },
	{ "holds",	{ 16, 16, 12, 4, 4, 1, 4, 1, 2, 16, 2, 1, 1, 4, 16 } },
	{ "mappings",	{ 2, 4, 1, 1, 12, 8, 16, 8, 8, 12, 1, 1, 2, 0, 0 } },
	{ "reclaim",	{ 2, 6, 2, 2, 3, 2, 8, 2, 4, 32, 4, 2, 1, 4, 24 } },
};

KUNIT_ARRAY_PARAM_DESC(stress, stress_params, desc);

static long stress_reclaimed(struct stress *s)
{
	long pages = 0;

	for (unsigned int i = 0; i < STRESS_BOS; i++)
		pages += atomic_read(&s->bo[i]->reclaimed_count) * (long)BO_PAGES;

	return pages;
}

/*
 * Scans report what left memory: what the BOs counted, and what may have been of
 * BOs that are closed (I24, I25).
 */
static void check_reports(struct stress *s)
{
	long reported = atomic_long_read(&s->reported), seen = stress_reclaimed(s);

	KUNIT_EXPECT_GE(s->test, reported, seen);
	KUNIT_EXPECT_LE(s->test, reported, seen + atomic_long_read(&s->unseen));
}

/* Every word that any thread wrote is still there. */
static void check_contents(struct stress *s)
{
	for (unsigned int i = 0; i < STRESS_BOS; i++) {
		void *vaddr = panthor_kunit_vmap(s->test, s->bo[i]);

		KUNIT_ASSERT_NOT_ERR_OR_NULL(s->test, vaddr);
		for (unsigned int id = 0; id < STRESS_THREADS; id++) {
			struct stress_thread *t = &s->thread[id];

			stress_check_content(t, i, vaddr);
			if (t->err[0])
				KUNIT_FAIL_AND_ABORT(s->test, "thread %u: %s", id, t->err);
		}
		panthor_kunit_vunmap(s->test, s->bo[i]);
	}
}

/*
 * All threads rest. The content is looked at last: for that everything comes
 * back to memory.
 */
static void check_barrier(struct stress *s)
{
	struct kunit *test = s->test;

	panthor_expect_invariants(test);
	vm_walk_expect_consistent(test);
	check_reports(s);
	panthor_kunit_count(test, GFP_KERNEL);
	check_contents(s);
	panthor_expect_invariants(test);
}

/* In quiet nothing holds what a scan asks for. */
static void evict_all(struct stress *s)
{
	unsigned long ret = panthor_kunit_scan(s->test, GFP_KERNEL, EVERYTHING);

	if (ret != SHRINK_STOP)
		atomic_long_add(ret, &s->reported);
	for (unsigned int i = 0; i < STRESS_BOS; i++)
		KUNIT_EXPECT_NULL_MSG(s->test, s->bo[i]->backing.pages, "BO %u", i);
}

static void print_done(struct stress *s)
{
	for (unsigned int op = 0; op < STRESS_OPS; op++)
		kunit_info(s->test, "%6d %s\n", atomic_read(&s->done[op]),
			   stress_op_name(op));
	kunit_info(s->test, "%ld pages evicted, %d mappings restored, %d contents back, %u CPUs\n",
		   atomic_long_read(&s->reported), atomic_read(&s->restored),
		   atomic_read(&s->swapped_in), num_online_cpus());
}

/*
 * Threads do everything that can be done to BOs and VMs, at the same time.
 * Succeeds if each operation succeeds; jobs find their BOs mapped and keep them;
 * at each barrier every invariant holds, page tables follow the mappings, scans
 * reported what they freed and each word is the one that was written last; all
 * can be evicted then; and if meanwhile something was evicted, restored and
 * swapped in.
 */
static void threads_leave_a_valid_state(struct kunit *test)
{
	const struct stress_param *p = test->param_value;
	struct stress *s = stress_new(test, p->weight, STRESS_ROUND_OPS);
	long evicted;

	for (unsigned int round = 0; round < stress_rounds(); round++) {
		if (!stress_round(s))
			break;
		check_barrier(s);
		if (round % 2)
			evict_all(s);
	}
	evicted = atomic_long_read(&s->reported);
	print_done(s);

	KUNIT_EXPECT_GT(test, evicted, STRESS_BOS * BO_PAGES * stress_rounds() / 2);
	KUNIT_EXPECT_GT(test, atomic_read(&s->restored), 0);
	KUNIT_EXPECT_GT(test, atomic_read(&s->swapped_in), 0);
	for (unsigned int op = 0; op < STRESS_OPS; op++)
		KUNIT_EXPECT_EQ_MSG(test, !atomic_read(&s->done[op]), !p->weight[op], "%s",
				    stress_op_name(op));
}

static struct kunit_case stress_cases[] = {
	KUNIT_CASE_PARAM_ATTR(threads_leave_a_valid_state, stress_gen_params,
			      { .speed = KUNIT_SPEED_SLOW }),
	{}
};

static struct kunit_suite stress_suite = {
	.name = "panthor_stress",
	.init = reclaim_init,
	.exit = panthor_kunit_exit,
	.suite_exit = panthor_kunit_suite_exit,
	.test_cases = stress_cases,
};

kunit_test_suite(stress_suite);
