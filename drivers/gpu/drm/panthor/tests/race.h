/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef __PANTHOR_TESTS_RACE_H__
#define __PANTHOR_TESTS_RACE_H__

/**
 * DOC: Forced interleavings
 *
 * An operation of a second thread that runs, from start to end, while the
 * first one stands at a seam. No clock is involved: the order is the same in
 * each run. A second thread that does not get to its end, because it needs what
 * the first one holds, fails the case after a bounded wait.
 */

#include <linux/completion.h>
#include <linux/types.h>

#include "seam.h"

struct kunit;
struct task_struct;

/* Returns 0 or an errno. Runs in a kernel thread: no KUNIT_ASSERT. */
typedef int (*panthor_race_op)(void *data);

/**
 * struct panthor_race - One operation of a second thread
 * @test: Test it belongs to.
 * @id: Seam at which it runs.
 * @op: The operation.
 * @data: Its argument.
 * @task: The thread, referenced.
 * @go: The first thread is at the seam.
 * @done: The operation is over, or will never run.
 * @cancelled: The test is over, do not run it.
 * @ran: The operation is over.
 * @ret: What it returned.
 */
struct panthor_race {
	struct kunit *test;
	enum panthor_seam_id id;
	panthor_race_op op;
	void *data;
	struct task_struct *task;
	struct completion go;
	struct completion done;
	bool cancelled;
	bool ran;
	int ret;
};

struct panthor_race *panthor_race_at(struct kunit *test, enum panthor_seam_id id,
				     unsigned int nth, panthor_race_op op, void *data);
void panthor_race_expect(struct panthor_race *race);

#endif
