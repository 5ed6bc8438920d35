// SPDX-License-Identifier: GPL-2.0-only
/*
 * Counters of a BO whose first and last step take the resv while the steps
 * between do not: a second thread steps in between a lockless check that failed
 * and the one under the lock.
 */

#include <linux/completion.h>
#include <linux/err.h>
#include <linux/file.h>
#include <linux/kthread.h>
#include <linux/mm.h>
#include <linux/mman.h>
#include <linux/refcount.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/shrinker.h>
#include <linux/workqueue.h>

#include <drm/drm_vma_manager.h>

#include <kunit/resource.h>

#include "check.h"
#include "fixture.h"
#include "race.h"
#include "reclaim.h"
#include "seam.h"

static int race_pin(void *data)
{
	return panthor_gem_pin(data);
}

static int race_unpin(void *data)
{
	panthor_gem_unpin(data);
	return 0;
}

static void end_pin(void *data)
{
	panthor_gem_unpin(data);
}

static int race_pin_and_unpin(void *data)
{
	return race_pin(data) ?: race_unpin(data);
}

/**
 * struct pin_param - Two operations on the pins of a BO
 * @desc: Name in the results.
 * @pins: Pins before.
 * @first: Operation that gets past the lockless check and waits for the lock.
 * @second: What a second thread does then.
 * @left: Pins afterwards.
 */
struct pin_param {
	const char *desc;
	unsigned int pins;
	panthor_race_op first;
	panthor_race_op second;
	unsigned int left;
};

static const struct pin_param pin_params[] = {
	{ "pin-pin", 0, race_pin, race_pin, 2 },
	{ "pin-pin_unpin", 0, race_pin, race_pin_and_unpin, 1 },
	{ "unpin-pin", 1, race_unpin, race_pin, 1 },
	{ "unpin-pin_unpin", 1, race_unpin, race_pin_and_unpin, 0 },
};

KUNIT_ARRAY_PARAM_DESC(pin, pin_params, desc);

/*
 * The last unpin and the first pin decide under the lock (B06), on a count that
 * may have changed since they looked at it (B02).
 * Succeeds if the count is the balance of both threads, the BO's state follows,
 * and a scan takes the pages exactly if no pin is left.
 */
static void pin_count_is_the_balance_of_both_threads(struct kunit *test)
{
	const struct pin_param *p = test->param_value;
	struct panthor_gem_object *bo = panthor_kunit_bo(test, BO_SIZE);
	struct panthor_race *race;
	unsigned long ret;

	for (unsigned int i = 0; i < p->pins; i++)
		KUNIT_ASSERT_EQ(test, panthor_gem_pin(bo), 0);
	race = panthor_race_at(test, SEAM_RESV_LOCK, 1, p->second, bo);
	KUNIT_ASSERT_EQ(test, p->first(bo), 0);
	panthor_race_expect(race);

	KUNIT_EXPECT_EQ(test, refcount_read(&bo->backing.pin_count), p->left);
	for (unsigned int i = 0; i < p->left; i++) {
		panthor_kunit_expect_pin(test, bo);
		KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, end_pin, bo), 0);
	}
	panthor_expect_invariants(test);
	ret = panthor_kunit_scan(test, GFP_KERNEL, EVERYTHING);
	KUNIT_EXPECT_EQ(test, ret, p->left ? SHRINK_STOP : BO_PAGES);
}

/**
 * struct race_user - A process of its own that maps a BO
 * @mm: Its address space; NULL when the mapping is gone.
 * @bo: The BO.
 * @file: What it maps.
 */
struct race_user {
	struct mm_struct *mm;
	struct panthor_gem_object *bo;
	struct file *file;
};

static void race_user_end(void *data)
{
	struct race_user *user = data;

	if (user->mm)
		mmput(user->mm);
	user->mm = NULL;
	fput(user->file);
}

static struct race_user *race_user_new(struct kunit *test, struct panthor_gem_object *bo)
{
	struct race_user *user = kunit_kzalloc(test, sizeof(*user), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, user);
	user->bo = bo;
	user->file = panthor_kunit_mmap_file(bo);
	KUNIT_ASSERT_FALSE(test, IS_ERR(user->file));
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, race_user_end, user), 0);

	return user;
}

/* Runs in a kernel thread without address space. */
static int race_user_map(void *data)
{
	struct race_user *user = data;
	struct drm_gem_object *obj = &user->bo->base;
	unsigned long addr;

	user->mm = mm_alloc();
	if (!user->mm)
		return -ENOMEM;

	user->mm->task_size = TASK_SIZE;
	arch_pick_mmap_layout(user->mm, &current->signal->rlim[RLIMIT_STACK]);
	kthread_use_mm(user->mm);
	addr = vm_mmap(user->file, 0, obj->size, PROT_READ | PROT_WRITE, MAP_SHARED,
		       drm_vma_node_offset_addr(&obj->vma_node));
	kthread_unuse_mm(user->mm);

	return IS_ERR_VALUE(addr) ? (int)addr : 0;
}

static int race_user_unmap(void *data)
{
	struct race_user *user = data;

	mmput(user->mm);
	user->mm = NULL;
	return 0;
}

static int race_user_map_and_unmap(void *data)
{
	return race_user_map(data) ?: race_user_unmap(data);
}

/**
 * struct mmap_param - Two operations on the user mappings of a BO
 * @desc: Name in the results.
 * @unmap: The first operation removes the only mapping, else it adds the first.
 * @second: What a second process does when the first waits for the lock.
 * @left: Mappings afterwards.
 */
struct mmap_param {
	const char *desc;
	bool unmap;
	panthor_race_op second;
	unsigned int left;
};

static const struct mmap_param mmap_params[] = {
	{ "mmap-mmap", false, race_user_map, 2 },
	{ "mmap-mmap_munmap", false, race_user_map_and_unmap, 1 },
	{ "munmap-mmap", true, race_user_map, 1 },
	{ "munmap-mmap_munmap", true, race_user_map_and_unmap, 0 },
};

KUNIT_ARRAY_PARAM_DESC(mmap, mmap_params, desc);

/*
 * The same for user mappings: the last close and the first mapping decide under
 * the lock (B03).
 * Succeeds if the count is the balance of both processes, and the BO counts as
 * mapped exactly if a mapping is left.
 */
static void mmap_count_is_the_balance_of_both_processes(struct kunit *test)
{
	const struct mmap_param *p = test->param_value;
	struct panthor_gem_object *bo = reclaim_unused_bo(test, BO_SIZE);
	struct race_user *user = race_user_new(test, bo);
	struct panthor_race *race;
	unsigned long addr = 0;

	if (p->unmap)
		addr = panthor_kunit_mmap(test, bo);
	race = panthor_race_at(test, SEAM_RESV_LOCK, 1, p->second, user);
	if (p->unmap)
		panthor_kunit_munmap(test, addr, bo->base.size);
	else
		panthor_kunit_mmap(test, bo);
	panthor_race_expect(race);

	KUNIT_EXPECT_EQ(test, refcount_read(&bo->cmap.mmap_count), p->left);
	expect_bo_state(test, bo, p->left ? PANTHOR_GEM_MMAPPED : PANTHOR_GEM_UNUSED);

	/* The checker looks at the mappings of the test's own process. */
	if (user->mm)
		race_user_unmap(user);
	panthor_expect_invariants(test);
}

/*
 * One pin more needs no lock as long as there is one, so the last one cannot be dropped
 * by a look and a store (B02): a pin taken in between would be lost.
 * Succeeds if there is no store, or if the pin that comes before it stays.
 */
static void last_unpin_is_one_step(struct kunit *test)
{
	struct panthor_gem_object *bo = panthor_kunit_bo(test, BO_SIZE);
	struct panthor_race *race;
	unsigned int left;

	KUNIT_ASSERT_EQ(test, panthor_gem_pin(bo), 0);
	race = panthor_race_at(test, SEAM_COUNT_SET, 1, race_pin, bo);
	panthor_gem_unpin(bo);
	left = refcount_read(&bo->backing.pin_count);

	KUNIT_EXPECT_EQ(test, left, race->ran);
	if (left)
		panthor_gem_unpin(bo);
}

/*
 * The same for the last user mapping (B03), of which a fork makes one more without
 * any lock of the BO.
 * Succeeds if there is no store, or if the mapping that comes before it counts.
 */
static void last_munmap_is_one_step(struct kunit *test)
{
	struct panthor_gem_object *bo = reclaim_unused_bo(test, BO_SIZE);
	struct race_user *user = race_user_new(test, bo);
	unsigned long addr = panthor_kunit_mmap(test, bo);
	struct panthor_race *race;

	race = panthor_race_at(test, SEAM_COUNT_SET, 1, race_user_map, user);
	panthor_kunit_munmap(test, addr, bo->base.size);

	KUNIT_EXPECT_EQ(test, refcount_read(&bo->cmap.mmap_count), race->ran);
	KUNIT_EXPECT_EQ(test, race->ret, 0);
	if (user->mm)
		race_user_unmap(user);
}

/**
 * struct race_owner - The only owner of a BO
 * @test: Test that created it.
 * @bo: The BO.
 */
struct race_owner {
	struct kunit *test;
	struct panthor_gem_object *bo;
};

static int race_put(void *data)
{
	struct race_owner *owner = data;

	panthor_kunit_bo_put(owner->test, owner->bo);
	return 0;
}

/* Not by panthor_kunit_scan(), which looks at the BOs that are left. */
static unsigned long scan_quietly(struct kunit *test)
{
	struct shrinker *shrinker = to_panthor_kunit(test)->ptdev->reclaim.shrinker;
	struct shrink_control sc = { .gfp_mask = GFP_KERNEL, .nr_to_scan = EVERYTHING };
	unsigned long ret;

	fs_reclaim_acquire(GFP_KERNEL);
	ret = shrinker->scan_objects(shrinker, &sc);
	fs_reclaim_release(GFP_KERNEL);

	return ret;
}

/*
 * A scan has a reference on the BO it looks at. If the owner lets go meanwhile it is
 * the last one, and the BO is freed in reclaim, where no resv may be waited for (B11).
 * Succeeds if the scan gets the pages, which are put once, and lockdep keeps quiet.
 */
static void bo_may_be_freed_by_a_scan(struct kunit *test)
{
	struct race_owner owner = { test, reclaim_unused_bo(test, BO_SIZE) };
	struct panthor_race *race = panthor_race_at(test, SEAM_LRU_SHRINK, 1, race_put, &owner);
	unsigned long ret = scan_quietly(test);

	panthor_race_expect(race);

	KUNIT_EXPECT_EQ(test, ret, BO_PAGES);
	KUNIT_EXPECT_EQ(test, panthor_seam_calls(SEAM_PUT_PAGES), 1);
}

/**
 * struct race_holder - A thread that looks at the GPU mappings of a BO
 * @work: Runs it.
 * @bo: The BO.
 * @holds: It has the lock.
 * @release: It may let go of it.
 */
struct race_holder {
	struct work_struct work;
	struct panthor_gem_object *bo;
	struct completion holds;
	struct completion release;
};

static void race_hold(struct work_struct *work)
{
	struct race_holder *holder = container_of(work, struct race_holder, work);

	guard(mutex)(&holder->bo->base.gpuva.lock);
	complete(&holder->holds);
	wait_for_completion(&holder->release);
}

static void race_let_go(void *data)
{
	struct race_holder *holder = data;

	complete(&holder->release);
	flush_work(&holder->work);
}

/*
 * Memory is allocated with the lock of a BO's GPU mappings held, so that reclaim must
 * not wait for it.
 * Succeeds if a scan leaves the BO alone while another thread has that lock, and takes
 * it afterwards.
 */
static void bo_whose_mappings_are_locked_is_left_alone(struct kunit *test)
{
	struct race_holder *holder = kunit_kzalloc(test, sizeof(*holder), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, holder);
	holder->bo = reclaim_unused_bo(test, BO_SIZE);
	init_completion(&holder->holds);
	init_completion(&holder->release);
	INIT_WORK(&holder->work, race_hold);
	queue_work(system_dfl_wq, &holder->work);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, race_let_go, holder), 0);
	wait_for_completion(&holder->holds);

	scan_quietly(test);
	KUNIT_EXPECT_EQ(test, panthor_seam_calls(SEAM_PUT_PAGES), 0);

	kunit_release_action(test, race_let_go, holder);
	KUNIT_EXPECT_EQ(test, panthor_kunit_scan(test, GFP_KERNEL, EVERYTHING), BO_PAGES);
}

static struct kunit_case gem_race_cases[] = {
	KUNIT_CASE_PARAM(pin_count_is_the_balance_of_both_threads, pin_gen_params),
	KUNIT_CASE_PARAM(mmap_count_is_the_balance_of_both_processes, mmap_gen_params),
	KUNIT_CASE(last_unpin_is_one_step),
	KUNIT_CASE(last_munmap_is_one_step),
	KUNIT_CASE(bo_may_be_freed_by_a_scan),
	KUNIT_CASE(bo_whose_mappings_are_locked_is_left_alone),
	{}
};

static struct kunit_suite gem_race_suite = {
	.name = "panthor_gem_race",
	.init = reclaim_init,
	.exit = panthor_kunit_exit,
	.suite_exit = panthor_kunit_suite_exit,
	.test_cases = gem_race_cases,
};

kunit_test_suite(gem_race_suite);
