// SPDX-License-Identifier: GPL-2.0-only
/* The canary of KCSAN: part of each run of a kernel that has it. */

#include <linux/err.h>
#include <linux/jiffies.h>
#include <linux/kthread.h>
#include <linux/sched.h>
#include <linux/sched/task.h>

#include <kunit/test.h>

/* Thousands of watched accesses, on any machine. */
#define RACE_TIME	HZ

static unsigned long race_count;

static int race_count_up(void *data)
{
	unsigned long end = jiffies + RACE_TIME;

	do {
		for (unsigned int i = 0; i < 1000; i++) {
			race_count++;
			barrier();
		}
		cond_resched();
	} while (time_before(jiffies, end));

	return 0;
}

/*
 * Two threads count with one variable and no lock, for as long as the detector needs to
 * look at both at once.
 * Succeeds if both can be started; the gate has to see a report, in each run.
 */
static void race_on_purpose(struct kunit *test)
{
	struct task_struct *other = kthread_create(race_count_up, NULL, "panthor-kcsan");

	KUNIT_ASSERT_FALSE(test, IS_ERR(other));
	get_task_struct(other);
	wake_up_process(other);
	race_count_up(NULL);
	KUNIT_EXPECT_EQ(test, kthread_stop_put(other), 0);
}

static struct kunit_case kcsan_cases[] = {
	KUNIT_CASE(race_on_purpose),
	{}
};

static struct kunit_suite kcsan_suite = {
	.name = "panthor_kcsan",
	.test_cases = kcsan_cases,
};

kunit_test_suite(kcsan_suite);
