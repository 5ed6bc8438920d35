// SPDX-License-Identifier: GPL-2.0-only
/* A second thread that runs while the first one stands at a seam. */

#include <linux/err.h>
#include <linux/jiffies.h>
#include <linux/kthread.h>
#include <linux/sched/task.h>

#include <kunit/resource.h>
#include <kunit/test.h>

#include "race.h"

/* Much longer than any operation takes, on any machine. */
#define RACE_TIMEOUT	(20 * HZ)

static int race_thread(void *data)
{
	struct panthor_race *race = data;

	wait_for_completion(&race->go);
	if (!race->cancelled) {
		race->ret = race->op(race->data);
		race->ran = true;
	}
	complete_all(&race->done);

	return 0;
}

/* In the first thread, at the seam. Must not allocate: this can be in reclaim. */
static void race_hook(void *data)
{
	struct panthor_race *race = data;

	complete(&race->go);
	if (!wait_for_completion_timeout(&race->done, RACE_TIMEOUT))
		KUNIT_FAIL(race->test, "%s: the second thread is stuck",
			   panthor_seam_name(race->id));
}

static void race_end(void *data)
{
	struct panthor_race *race = data;

	race->cancelled = true;
	complete(&race->go);
	wait_for_completion(&race->done);
	kthread_stop_put(race->task);
}

/**
 * panthor_race_at() - Have a second thread do something at a seam
 * @test: The test; waits for the thread when it ends.
 * @id: The seam.
 * @nth: 1 for its next call, 2 for the one after it, and so on.
 * @op: What to do.
 * @data: Its argument.
 *
 * Context: Test thread.
 *
 * Return: The race, for panthor_race_expect(); a failure aborts the test.
 */
struct panthor_race *panthor_race_at(struct kunit *test, enum panthor_seam_id id,
				     unsigned int nth, panthor_race_op op, void *data)
{
	struct panthor_race *race = kunit_kzalloc(test, sizeof(*race), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, race);
	race->test = test;
	race->id = id;
	race->op = op;
	race->data = data;
	init_completion(&race->go);
	init_completion(&race->done);
	race->task = kthread_create(race_thread, race, "panthor-race");
	KUNIT_ASSERT_FALSE(test, IS_ERR(race->task));
	get_task_struct(race->task);
	wake_up_process(race->task);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, race_end, race), 0);

	panthor_seam_hook(test, id, nth, race_hook, race);
	return race;
}

/**
 * panthor_race_expect() - The second thread did what it was to do
 * @race: The race. Aborts the test if the seam was not reached, because then
 *	nothing was raced.
 *
 * Context: Test thread, after the operation that goes through the seam.
 */
void panthor_race_expect(struct panthor_race *race)
{
	KUNIT_ASSERT_TRUE_MSG(race->test, race->ran, "%s was not reached",
			      panthor_seam_name(race->id));
	KUNIT_ASSERT_EQ(race->test, race->ret, 0);
}
