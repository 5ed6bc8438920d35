// SPDX-License-Identifier: GPL-2.0-only
/* Allocations of the test's thread that fail. */

#include <linux/gfp.h>
#include <linux/kconfig.h>
#include <linux/sched.h>
#include <linux/slab.h>

#include <kunit/test.h>

#include "sweep_inject.h"

/* What was left when sweep_inject_stop() disarmed. */
static unsigned int sweep_left;

#ifdef CONFIG_FAULT_INJECTION
static unsigned int sweep_set(unsigned int n)
{
	unsigned int was = READ_ONCE(current->fail_nth);

	WRITE_ONCE(current->fail_nth, n);
	return was;
}
#else
static unsigned int sweep_set(unsigned int n)
{
	return 0;
}
#endif

/**
 * sweep_inject_arm() - Fail an allocation of this thread
 * @n: 1 for the next one, 2 for the one after it, and so on.
 *
 * Context: Test thread.
 */
void sweep_inject_arm(unsigned int n)
{
	sweep_left = 0;
	sweep_set(n);
}

/**
 * sweep_inject_fired() - Whether that allocation failed
 *
 * Context: Test thread, which armed. Disarms.
 *
 * Return: true if there was one and it failed.
 */
bool sweep_inject_fired(void)
{
	return !sweep_set(0) && !sweep_left;
}

/**
 * sweep_inject_seen() - How many allocations there were since the arming
 * @n: What it was armed with: more than there can be, so that none fails.
 *
 * Context: Test thread, which armed. Disarms.
 *
 * Return: Number of slab and page allocations of this thread.
 */
unsigned int sweep_inject_seen(unsigned int n)
{
	return n - sweep_set(0);
}

/**
 * sweep_inject_stop() - No more failures from here on
 * @unused: For use as a hook of a seam.
 *
 * Context: Test thread, which armed.
 */
void sweep_inject_stop(void *unused)
{
	sweep_left = sweep_set(0);
}

/* Fails on purpose, so there is nothing to free unless it did not. */
static bool sweep_slab_fails(void)
{
	void *p;

	sweep_inject_arm(1);
	p = kmalloc(32, GFP_KERNEL);
	kfree(p);
	return sweep_inject_fired() && !p;
}

static bool sweep_page_fails(void)
{
	struct page *page;

	sweep_inject_arm(1);
	page = alloc_page(GFP_HIGHUSER);
	if (page)
		__free_page(page);
	return sweep_inject_fired() && !page;
}

/**
 * sweep_inject_init() - Get ready to fail allocations
 * @test: The test; skipped if the kernel or its user space is not prepared.
 *
 * Context: Test thread.
 */
void sweep_inject_init(struct kunit *test)
{
	if (!IS_ENABLED(CONFIG_FAILSLAB) || !IS_ENABLED(CONFIG_FAIL_PAGE_ALLOC) ||
	    !IS_ENABLED(CONFIG_FAULT_INJECTION_DEBUG_FS))
		kunit_skip(test, "needs the fault injection of slab and page allocations");

	sweep_switch_on(test);
	if (!sweep_slab_fails())
		kunit_skip(test, "needs N in failslab/ignore-gfp-wait, in debugfs");
	if (!sweep_page_fails())
		kunit_skip(test, "needs fail_page_alloc/ignore-gfp-* N, min-order 0, in debugfs");
}
