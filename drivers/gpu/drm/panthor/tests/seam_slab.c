// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory that comes back: a freed object whose memory the driver gets for a new
 * one. Allocators do that when they like, and KASAN keeps them from it.
 */

#include <linux/atomic.h>
#include <linux/slab.h>
#include <linux/string.h>

#include <drm/drm_gpuvm.h>

#include <kunit/resource.h>
#include <kunit/test.h>

#include "seam.h"
#include "seam_mmu.h"
#include "watch.h"

#undef kfree
#undef kzalloc

/*
 * The object that is to be kept when it is freed, then its memory until it is
 * handed out again. Each moves on by one atomic exchange.
 */
static const void *recycle_want;
static void *recycle_have;
static bool recycle_done;

static void recycle_action(void *unused)
{
	WRITE_ONCE(recycle_want, NULL);
	kfree(xchg(&recycle_have, NULL));
}

/**
 * panthor_seam_recycle() - Have an object's memory used again
 * @test: Test on whose behalf; undone when it ends.
 * @obj: Object of panthor_mmu.o. When that frees it, its next kzalloc() of about
 *	the same size gets the same memory.
 *
 * Context: Test thread.
 */
void panthor_seam_recycle(struct kunit *test, const void *obj)
{
	KUNIT_ASSERT_EQ(test, kunit_add_action(test, recycle_action, NULL), 0);
	WRITE_ONCE(recycle_done, false);
	WRITE_ONCE(recycle_want, obj);
}

/**
 * panthor_seam_recycled() - Whether it was
 *
 * Context: Any.
 *
 * Return: true if the object was freed and its memory handed out again.
 */
bool panthor_seam_recycled(void)
{
	return READ_ONCE(recycle_done);
}

void panthor_seam_kfree(const void *obj)
{
	if (obj)
		panthor_watch_object(-1);
	if (obj && cmpxchg(&recycle_want, obj, NULL) == obj)
		xchg(&recycle_have, (void *)obj);
	else
		kfree(obj);
}

void *panthor_seam_kzalloc(size_t size, gfp_t gfp)
{
	void *obj = READ_ONCE(recycle_have);

	if (!obj || ksize(obj) != kmalloc_size_roundup(size) ||
	    cmpxchg(&recycle_have, obj, NULL) != obj)
		obj = kmalloc(size, gfp | __GFP_ZERO);
	else
		WRITE_ONCE(recycle_done, true);
	if (!obj)
		return NULL;

	panthor_watch_object(1);
	return memset(obj, 0, size);
}

struct list_head *panthor_seam_va_step(struct list_head *head)
{
	panthor_seam_enter(SEAM_VA_STEP);
	return head;
}
