// SPDX-License-Identifier: GPL-2.0-only
/*
 * drm_gem_lru_scan() itself, with an LRU and a callback of the test's own: what
 * it reports, on which the shrinker decides whether to try again.
 */

#include <linux/completion.h>
#include <linux/dma-resv.h>
#include <linux/err.h>
#include <linux/kthread.h>
#include <linux/mutex.h>
#include <linux/sched.h>
#include <linux/sched/mm.h>
#include <linux/sched/task.h>

#include <drm/drm_gem.h>

#include <kunit/resource.h>

#include "fixture.h"
#include "reclaim.h"

#define LRU_BOS	3

/* In jiffies: much longer than it takes to get to a mutex, on any machine. */
#define LRU_TIMEOUT	(20 * HZ)

/**
 * struct lru_param - A callback's answer and what follows from it
 * @desc: Name in the results.
 * @shrink: The callback.
 * @freed: Pages the scan must report as freed, of LRU_BOS objects.
 * @remaining: Pages it must report as still reclaimable.
 * @calls: Times the callback is called.
 * @left: Objects that must be on the LRU afterwards.
 */
struct lru_param {
	const char *desc;
	bool (*shrink)(struct drm_gem_object *obj, struct ww_acquire_ctx *ticket);
	unsigned long freed;
	unsigned long remaining;
	unsigned int calls;
	unsigned int left;
};

/* Of one case at a time. */
static unsigned int lru_calls;
static struct drm_gem_lru *lru_elsewhere;

static bool refuse(struct drm_gem_object *obj, struct ww_acquire_ctx *ticket)
{
	lru_calls++;
	return false;
}

static bool refuse_and_move(struct drm_gem_object *obj, struct ww_acquire_ctx *ticket)
{
	lru_calls++;
	drm_gem_lru_move_tail(lru_elsewhere, obj);
	return false;
}

static bool refuse_and_remove(struct drm_gem_object *obj, struct ww_acquire_ctx *ticket)
{
	lru_calls++;
	drm_gem_lru_remove(obj);
	return false;
}

static bool accept(struct drm_gem_object *obj, struct ww_acquire_ctx *ticket)
{
	lru_calls++;
	drm_gem_lru_remove(obj);
	return true;
}

static const struct lru_param lru_params[] = {
	{ "refused", refuse, 0, LRU_BOS * BO_PAGES, LRU_BOS, LRU_BOS },
	{ "moved", refuse_and_move, 0, 0, LRU_BOS, 0 },
	{ "removed", refuse_and_remove, 0, 0, LRU_BOS, 0 },
	{ "shrunk", accept, LRU_BOS * BO_PAGES, 0, LRU_BOS, 0 },
};

KUNIT_ARRAY_PARAM_DESC(lru, lru_params, desc);

static void lru_empty(void *data)
{
	struct drm_gem_lru *lru = data;
	struct drm_gem_object *obj, *next;

	list_for_each_entry_safe(obj, next, &lru->list, lru_node)
		drm_gem_lru_remove(obj);
}

/* Objects without pages are on no LRU of the driver. */
static void lru_fill(struct kunit *test, struct drm_gem_lru *lru,
		     struct panthor_gem_object *bos[LRU_BOS])
{
	drm_gem_lru_init(lru);
	for (int i = 0; i < LRU_BOS; i++) {
		bos[i] = panthor_kunit_bo(test, BO_SIZE);
		drm_gem_lru_move_tail(lru, &bos[i]->base);
	}
}

static unsigned int lru_length(struct drm_gem_lru *lru)
{
	return list_count_nodes(&lru->list);
}

static unsigned long lru_scan(struct kunit *test, struct drm_gem_lru *lru,
			      unsigned long *remaining,
			      bool (*shrink)(struct drm_gem_object *, struct ww_acquire_ctx *))
{
	struct panthor_device *ptdev = to_panthor_kunit(test)->ptdev;
	unsigned long freed;

	lru_calls = 0;
	fs_reclaim_acquire(GFP_KERNEL);
	freed = drm_gem_lru_scan(&ptdev->base, lru, EVERYTHING, remaining, shrink, NULL);
	fs_reclaim_release(GFP_KERNEL);

	return freed;
}

/*
 * An object that the callback refuses and leaves where it is can be had later;
 * one that it moved belongs to another list (B33).
 * Succeeds if freed, remaining, the number of calls, and what is left on the
 * LRU are those of the row.
 */
static void scan_reports_what_the_callback_did(struct kunit *test)
{
	const struct lru_param *p = test->param_value;
	struct panthor_gem_object *bos[LRU_BOS];
	struct drm_gem_lru lru, elsewhere;
	unsigned long remaining = 0, freed;

	drm_gem_lru_init(&elsewhere);
	lru_elsewhere = &elsewhere;
	lru_fill(test, &lru, bos);
	freed = lru_scan(test, &lru, &remaining, p->shrink);

	KUNIT_EXPECT_EQ(test, freed, p->freed);
	KUNIT_EXPECT_EQ(test, remaining, p->remaining);
	KUNIT_EXPECT_EQ(test, lru_calls, p->calls);
	KUNIT_EXPECT_EQ(test, lru_length(&lru), p->left);
	KUNIT_EXPECT_EQ(test, lru.count, p->left * BO_PAGES);

	lru_empty(&lru);
	lru_empty(&elsewhere);
}

/*
 * A scan adds to what the scans before it left behind.
 * Succeeds if the total of two scans is the sum.
 */
static void remaining_adds_up(struct kunit *test)
{
	struct panthor_gem_object *bos[LRU_BOS];
	unsigned long remaining = 0;
	struct drm_gem_lru lru;

	lru_fill(test, &lru, bos);
	lru_scan(test, &lru, &remaining, refuse);
	lru_scan(test, &lru, &remaining, refuse);

	KUNIT_EXPECT_EQ(test, remaining, 2 * LRU_BOS * BO_PAGES);
	lru_empty(&lru);
}

/*
 * A locked object is skipped, and can be had later.
 * Succeeds if the callback sees the two others, and its pages are remaining.
 */
static void locked_object_remains(struct kunit *test)
{
	struct panthor_gem_object *bos[LRU_BOS];
	unsigned long remaining = 0, freed;
	struct drm_gem_lru lru;

	lru_fill(test, &lru, bos);
	dma_resv_lock(bos[1]->base.resv, NULL);
	freed = lru_scan(test, &lru, &remaining, accept);
	dma_resv_unlock(bos[1]->base.resv);

	KUNIT_EXPECT_EQ(test, freed, 2 * BO_PAGES);
	KUNIT_EXPECT_EQ(test, remaining, BO_PAGES);
	KUNIT_EXPECT_EQ(test, lru_length(&lru), 1);
	KUNIT_EXPECT_PTR_EQ(test, bos[1]->base.lru, &lru);
	lru_empty(&lru);
}

/*
 * Skipped objects go back behind those that were not looked at, in order.
 * Succeeds if the order of the LRU is the old one after all were refused.
 */
static void refused_objects_keep_their_order(struct kunit *test)
{
	struct panthor_gem_object *bos[LRU_BOS];
	struct drm_gem_object *obj;
	unsigned long remaining = 0;
	struct drm_gem_lru lru;
	unsigned int i = 0;

	lru_fill(test, &lru, bos);
	lru_scan(test, &lru, &remaining, refuse);

	list_for_each_entry(obj, &lru.list, lru_node)
		KUNIT_EXPECT_PTR_EQ(test, obj, &bos[i++]->base);
	KUNIT_EXPECT_EQ(test, i, LRU_BOS);
	lru_empty(&lru);
}

/**
 * struct lru_race - A scan and a removal that wait for the same mutex
 * @drm: The device.
 * @lru: The LRU that is scanned.
 * @obj: Its only object.
 * @remove: The callback takes @obj off the LRU.
 * @called: The callback was called.
 * @go: It may return.
 */
struct lru_race {
	struct drm_device *drm;
	struct drm_gem_lru lru;
	struct drm_gem_object *obj;
	bool remove;
	struct completion called;
	struct completion go;
};

/* Of one case at a time: a callback has no argument. */
static struct lru_race *lru_race;

static bool lru_pause(struct drm_gem_object *obj, struct ww_acquire_ctx *ticket)
{
	struct lru_race *r = lru_race;

	complete(&r->called);
	wait_for_completion(&r->go);
	if (r->remove)
		drm_gem_lru_remove(obj);

	return r->remove;
}

static int lru_race_scan(void *data)
{
	struct lru_race *r = data;
	unsigned long remaining = 0;

	drm_gem_lru_scan(r->drm, &r->lru, EVERYTHING, &remaining, lru_pause, NULL);
	return 0;
}

static int lru_race_remove(void *data)
{
	struct lru_race *r = data;

	drm_gem_lru_remove(r->obj);
	return 0;
}

static struct task_struct *lru_race_run(struct kunit *test, struct lru_race *r,
					int (*fn)(void *data))
{
	struct task_struct *task = kthread_create(fn, r, "panthor-lru");

	KUNIT_ASSERT_FALSE(test, IS_ERR(task));
	return get_task_struct(task);
}

/*
 * Until a thread waits in the queue of the mutex that this one holds. As long as
 * this one is on a CPU the other may spin instead, so get out of its way.
 */
static bool lru_race_waits(struct task_struct *task)
{
	for (unsigned int i = 0; i < LRU_TIMEOUT; i++) {
		if (READ_ONCE(task->__state) == TASK_UNINTERRUPTIBLE)
			return true;
		schedule_timeout_uninterruptible(1);
	}

	return false;
}

struct lru_race_param {
	const char *desc;
	bool remove;
};

static const struct lru_race_param lru_race_params[] = {
	{ "scan-ends", false },
	{ "scan-removes", true },
};

KUNIT_ARRAY_PARAM_DESC(lru_race, lru_race_params, desc);

/*
 * An object is removed from whatever LRU it is on while a scan has it on a list
 * of its own, on its stack. Both wait for the mutex, the scan first: it puts the
 * object back and returns, or takes it off (B34).
 * Succeeds if the object is on no LRU at the end, and the LRU is empty and
 * counts no page; a removal that decided before it had the mutex counts those of
 * a list that is gone.
 */
static void removal_waits_for_the_end_of_a_scan(struct kunit *test)
{
	const struct lru_race_param *p = test->param_value;
	struct lru_race r = { .remove = p->remove };
	struct task_struct *scan, *remove;
	bool scan_waits, remove_waits;

	r.drm = &to_panthor_kunit(test)->ptdev->base;
	r.obj = &panthor_kunit_bo(test, BO_SIZE)->base;
	drm_gem_lru_init(&r.lru);
	init_completion(&r.called);
	init_completion(&r.go);
	lru_race = &r;
	scan = lru_race_run(test, &r, lru_race_scan);
	remove = lru_race_run(test, &r, lru_race_remove);

	drm_gem_lru_move_tail(&r.lru, r.obj);
	wake_up_process(scan);
	wait_for_completion(&r.called);
	mutex_lock(&r.drm->gem_lru_mutex);
	complete(&r.go);
	scan_waits = lru_race_waits(scan);
	wake_up_process(remove);
	remove_waits = lru_race_waits(remove);
	mutex_unlock(&r.drm->gem_lru_mutex);
	kthread_stop_put(scan);
	kthread_stop_put(remove);

	KUNIT_EXPECT_TRUE(test, scan_waits);
	KUNIT_EXPECT_TRUE(test, remove_waits);
	KUNIT_EXPECT_PTR_EQ(test, r.obj->lru, NULL);
	KUNIT_EXPECT_TRUE(test, list_empty(&r.lru.list));
	KUNIT_EXPECT_EQ(test, r.lru.count, 0);
}

static struct kunit_case lru_cases[] = {
	KUNIT_CASE_PARAM(scan_reports_what_the_callback_did, lru_gen_params),
	KUNIT_CASE(remaining_adds_up),
	KUNIT_CASE(locked_object_remains),
	KUNIT_CASE(refused_objects_keep_their_order),
	KUNIT_CASE_PARAM(removal_waits_for_the_end_of_a_scan, lru_race_gen_params),
	{}
};

static struct kunit_suite lru_suite = {
	.name = "panthor_lru",
	.init = panthor_kunit_init,
	.exit = panthor_kunit_exit,
	.suite_exit = panthor_kunit_suite_exit,
	.test_cases = lru_cases,
};

kunit_test_suite(lru_suite);
