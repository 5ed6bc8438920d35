// SPDX-License-Identifier: GPL-2.0-only
/*
 * Runs sequences of steps on the driver and on the model side by side, compares
 * after each, and shortens a sequence on which they differ.
 */

#include <linux/bits.h>
#include <linux/ctype.h>
#include <linux/math64.h>
#include <linux/moduleparam.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/timekeeping.h>

#include <kunit/test.h>

#include "check.h"
#include "explore.h"

static bool kunit_defects = true;
module_param(kunit_defects, bool, 0444);
MODULE_PARM_DESC(kunit_defects, "The driver has the defects of the stock driver; leave out steps that meet them");

/**
 * explore_new() - Begin an exploration
 * @test: The test, with a device of the fixture; releases everything when it ends.
 * @nr_bos: Buffers.
 * @nr_vms: VMs.
 * @max_holds: Most pins, kernel and user mappings of each kind per BO.
 * @pages: Size of each BO, in pages; at least 2.
 *
 * Context: Test thread.
 *
 * Return: The exploration; a failure aborts the test.
 */
struct explore *explore_new(struct kunit *test, u8 nr_bos, u8 nr_vms, u8 max_holds, u8 pages)
{
	struct explore *ex = kunit_kzalloc(test, sizeof(*ex), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, ex);
	ex->test = test;
	model_init(&ex->start, nr_bos, nr_vms, max_holds, pages);
	if (kunit_defects)
		ex->start.defects = BIT(MODEL_DEFECTS) - 1;
	ex->world = world_new(test, nr_bos, nr_vms, pages);

	return ex;
}

/**
 * explore_begin() - Go back to the beginning, and do the first steps
 * @ex: The exploration.
 *
 * Context: Test thread.
 */
void explore_begin(struct explore *ex)
{
	world_begin(ex->world);
	ex->model = ex->start;
	for (unsigned int i = 0; i < ex->nr_first; i++)
		if (!explore_step(ex, ex->first[i], false))
			return;
}

/**
 * explore_end() - Leave nothing behind for the checker that ends the case
 * @ex: The exploration.
 *
 * Context: Test thread.
 */
void explore_end(struct explore *ex)
{
	world_empty(ex->world);
}

/**
 * explore_may() - Whether a step can be done
 * @ex: The exploration; counts steps that are left out because of a defect.
 * @m: The model before it.
 * @step: The step.
 *
 * Context: Any.
 *
 * Return: false if it makes no sense, or the driver is known to be wrong.
 */
bool explore_may(struct explore *ex, const struct model *m, struct model_step step)
{
	enum model_defect defect;

	if (!model_allows(m, step))
		return false;
	defect = model_meets(m, step);
	if (defect == MODEL_DEFECTS)
		return true;
	ex->met[defect][step.op]++;

	return defect == MODEL_D2;
}

/* The checker is for quiescent points, and a VM_BIND job is none. */
static void run_checker(struct explore *ex)
{
	struct panthor_check_report report;

	if (ex->model.bind.stage != MODEL_NO_JOB)
		return;
	ex->checks++;
	ex->check_ns -= ktime_get_ns();
	panthor_check(ex->test, &report);
	ex->check_ns += ktime_get_ns();
	if (report.count)
		world_differs(ex->world, "%s", report.msgs[0]);
}

/**
 * explore_step() - Do a step
 * @ex: The exploration.
 * @step: The step; explore_may() allowed it.
 * @check: Run the invariant checker after it, too.
 *
 * Context: Test thread.
 *
 * Return: true if driver and model agree; else ex->world->why says why not.
 */
bool explore_step(struct explore *ex, struct model_step step, bool check)
{
	struct world *w = ex->world;
	struct model *m = &ex->model;
	bool left_open = model_left_open(m, step);
	u64 now;

	ex->steps++;
	ex->step_ns -= ktime_get_ns();
	if (model_op_shrinks(step.op)) {
		model_evict(m, step, world_scan(w, m, step));
	} else {
		world_step(w, step);
		model_apply(m, step);
	}
	now = ktime_get_ns();
	ex->step_ns += now;
	world_adopt(w, m, left_open);
	world_compare(w, m);
	ex->compare_ns += ktime_get_ns() - now;
	if (check && !w->why[0])
		run_checker(ex);

	return !w->why[0];
}

/**
 * explore_run() - Do a sequence of steps, from the beginning
 * @ex: The exploration.
 * @steps: The steps. Those that cannot be done are left out.
 * @nr: Number of steps.
 *
 * Context: Test thread.
 *
 * Return: Number of the first step at which driver and model differ, @nr if they
 * agree on all.
 */
unsigned int explore_run(struct explore *ex, const struct model_step *steps, unsigned int nr)
{
	explore_begin(ex);
	if (ex->world->why[0])
		return 0;
	for (unsigned int i = 0; i < nr; i++)
		if (explore_may(ex, &ex->model, steps[i]) &&
		    !explore_step(ex, steps[i], true))
			return i;

	return nr;
}

/**
 * explore_shorten() - Leave out what a failure does not need
 * @ex: The exploration.
 * @steps: Steps that fail; shortened in place.
 * @nr: Number of steps.
 *
 * Drops runs of steps, half of them at first and single ones at last, for as
 * long as what is left still fails in some way.
 *
 * Context: Test thread.
 *
 * Return: The number of steps that are left; each of them is needed.
 */
unsigned int explore_shorten(struct explore *ex, struct model_step *steps, unsigned int nr)
{
	struct kunit *test = ex->test;
	struct model_step *less = kunit_kcalloc(test, nr, sizeof(*less), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, less);

	for (unsigned int run = max(nr / 2, 1u); run;) {
		unsigned int before = nr;

		for (unsigned int at = 0; at + run <= nr;) {
			unsigned int left = nr - run, failed;

			memcpy(less, steps, at * sizeof(*less));
			memcpy(less + at, steps + at + run, (left - at) * sizeof(*less));
			failed = explore_run(ex, less, left);
			if (failed == left) {
				at += run;
				continue;
			}
			nr = failed + 1;
			memcpy(steps, less, nr * sizeof(*less));
		}
		/* What a step was needed for may have gone after it was tried. */
		if (run > 1 || nr == before)
			run /= 2;
	}

	return nr;
}

/**
 * explore_print_steps() - Print steps as a table that can be pasted into a case
 * @test: The test.
 * @steps: The steps.
 * @nr: Number of steps.
 *
 * Context: Any.
 */
void explore_print_steps(struct kunit *test, const struct model_step *steps, unsigned int nr)
{
	for (unsigned int i = 0; i < nr; i++) {
		const struct model_step *s = &steps[i];
		char name[24] = {};

		for (unsigned int c = 0; c < sizeof(name) - 1 && model_op_name(s->op)[c]; c++)
			name[c] = toupper(model_op_name(s->op)[c]);
		kunit_info(test, "\t{ MODEL_%s, %u, %u },\n", name, s->bo, s->vm);
	}
}

/**
 * explore_report() - Fail the test for steps on which driver and model differ
 * @ex: The exploration. Its first steps are shortened, too.
 * @steps: The steps.
 * @nr: Number of steps.
 *
 * Context: Test thread. Prints what is left of the steps.
 */
void explore_report(struct explore *ex, const struct model_step *steps, unsigned int nr)
{
	struct kunit *test = ex->test;
	struct model_step *all = kunit_kcalloc(test, ex->nr_first + nr, sizeof(*all), GFP_KERNEL);
	char why[WORLD_WHY_LEN];

	strscpy(why, ex->world->why);
	kunit_info(test, "after %u steps, %s: %s\n", nr,
		   nr ? model_op_name(steps[nr - 1].op) : "nothing", why);
	KUNIT_ASSERT_NOT_NULL(test, all);
	memcpy(all, ex->first, ex->nr_first * sizeof(*all));
	memcpy(all + ex->nr_first, steps, nr * sizeof(*all));
	nr += ex->nr_first;
	ex->nr_first = 0;

	nr = explore_shorten(ex, all, nr);
	if (explore_run(ex, all, nr) < nr)
		strscpy(why, ex->world->why);
	explore_print_steps(test, all, nr);
	KUNIT_FAIL(test, "after %u steps, %s: %s", nr,
		   nr ? model_op_name(all[nr - 1].op) : "nothing", why);
}

/**
 * explore_print() - Print what was done, and which steps defects of stock have cost
 * @ex: The exploration.
 *
 * Context: Any.
 */
void explore_print(struct explore *ex)
{
	u64 steps = ex->steps ?: 1, checks = ex->checks ?: 1;

	kunit_info(ex->test, "%llu steps of %llu us and %llu us of comparison, %llu checks of %llu us\n",
		   ex->steps, div64_u64(ex->step_ns, steps * NSEC_PER_USEC),
		   div64_u64(ex->compare_ns, steps * NSEC_PER_USEC), ex->checks,
		   div64_u64(ex->check_ns, checks * NSEC_PER_USEC));
	for (unsigned int d = 0; d < MODEL_DEFECTS; d++)
		for (unsigned int op = 0; op < MODEL_OPS; op++)
			if (ex->met[d][op])
				kunit_info(ex->test, "%s: %u times %s%s\n", model_defect_name(d),
					   ex->met[d][op], model_op_name(op),
					   d == MODEL_D2 ? ", done as stock does" : " left out");
	if (!ex->start.defects)
		kunit_info(ex->test, "nothing is left out because of a defect\n");
}

/**
 * explore_next() - All steps of a model, one after the other
 * @m: The model.
 * @step: The step before; set to the next one.
 *
 * Context: Any.
 *
 * Return: false after the last.
 */
bool explore_next(const struct model *m, struct model_step *step)
{
	if (model_op_has_vm(step->op) && ++step->vm < m->nr_vms)
		return true;
	step->vm = 0;
	if (model_op_has_bo(step->op) && ++step->bo < m->nr_bos)
		return true;
	step->bo = 0;

	return ++step->op < MODEL_OPS;
}
