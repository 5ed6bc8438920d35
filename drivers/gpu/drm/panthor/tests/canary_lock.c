// SPDX-License-Identifier: GPL-2.0-only
/* Canaries of the gates about locks and contexts. */

#include <linux/debug_locks.h>
#include <linux/mutex.h>
#include <linux/slab.h>
#include <linux/spinlock.h>

#include "canary.h"

static DEFINE_MUTEX(canary_first);
static DEFINE_MUTEX(canary_second);
static DEFINE_MUTEX(canary_left);
static DEFINE_SPINLOCK(canary_spin);

/*
 * Two locks in one order, then in the other. Nothing deadlocks.
 * Succeeds always; lockdep has to see it.
 */
static void lock_inversion(struct kunit *test)
{
	mutex_lock(&canary_first);
	mutex_lock(&canary_second);
	mutex_unlock(&canary_second);
	mutex_unlock(&canary_first);

	mutex_lock(&canary_second);
	mutex_lock(&canary_first);
	mutex_unlock(&canary_first);
	mutex_unlock(&canary_second);
}

/*
 * The thread ends with a lock that nobody else wants.
 * Succeeds always; lockdep has to see it.
 */
static void missing_unlock(struct kunit *test)
{
	mutex_lock(&canary_left);
}

/*
 * A lock is freed while it is held.
 * Succeeds always; lockdep has to see it.
 */
static void held_lock_freed(struct kunit *test)
{
	struct mutex *lock = kmalloc_obj(*lock);

	KUNIT_ASSERT_NOT_NULL(test, lock);
	mutex_init(lock);
	mutex_lock(lock);
	kfree(lock);
}

/*
 * Lockdep is switched off, without a word: what comes behind is not checked.
 * Succeeds always; the marker at the end has to say it.
 */
static void lockdep_gone(struct kunit *test)
{
	debug_locks_off();
}

/*
 * An allocation that may sleep, under a spinlock.
 * Succeeds always; the check of the context has to see it.
 */
static void sleep_in_atomic(struct kunit *test)
{
	void *mem;

	spin_lock(&canary_spin);
	mem = kmalloc(16, GFP_KERNEL);
	spin_unlock(&canary_spin);
	kfree(mem);
}

/*
 * An allocation that may reclaim, under a lock with the name of one of the driver's,
 * under which nothing is to be allocated. No cycle, so that lockdep has no objection.
 * Succeeds always; the comparison with the reviewed order has to see it.
 */
static void new_lock_order(struct kunit *test)
{
	struct { struct mutex op_lock; } *vm = kzalloc(sizeof(*vm), GFP_KERNEL);
	void *mem;

	KUNIT_ASSERT_NOT_NULL(test, vm);
	mutex_init(&vm->op_lock);
	mutex_lock(&vm->op_lock);
	mem = kmalloc(16, GFP_KERNEL);
	mutex_unlock(&vm->op_lock);
	kfree(mem);
	kfree(vm);
}

struct kunit_case canary_lock_cases[] = {
	KUNIT_CASE(lock_inversion),
	KUNIT_CASE(missing_unlock),
	KUNIT_CASE(held_lock_freed),
	KUNIT_CASE(lockdep_gone),
	KUNIT_CASE(sleep_in_atomic),
	KUNIT_CASE(new_lock_order),
	{}
};
