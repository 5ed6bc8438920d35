// SPDX-License-Identifier: GPL-2.0-only
/*
 * Seam points: counting, failing and interrupting calls.
 *
 * Locking: the points are accessed with seam_lock held, an irq-safe raw
 * spinlock, because register accessors run in hard interrupt context. Nothing
 * is called with it held.
 */

#include <linux/cleanup.h>
#include <linux/spinlock.h>
#include <linux/string.h>

#include <kunit/resource.h>
#include <kunit/test.h>

#include "seam.h"

/**
 * struct seam_point - State of one seam
 * @calls: Calls since the last reset.
 * @last: Stamp of the last call; 0 if there was none.
 * @countdown: Fails when it counts down to zero; zero means not armed.
 * @always: Fails on every call.
 * @fired: At least one call was failed since it was armed.
 * @err: Negative errno to fail with, or PANTHOR_SEAM_TIMEOUT or _NO_WAIT.
 * @owned: The test that armed it will disarm it.
 * @hook: Called when @hook_countdown gets to zero, and then forgotten.
 * @hook_data: Its argument.
 * @hook_countdown: Calls up to and including the one that runs the hook; 0 to
 *	run it at each.
 */
struct seam_point {
	unsigned int calls;
	u64 last;
	unsigned int countdown;
	bool always;
	bool fired;
	bool owned;
	int err;
	panthor_seam_hook_fn hook;
	void *hook_data;
	unsigned int hook_countdown;
};

static DEFINE_RAW_SPINLOCK(seam_lock);
static struct seam_point seam_points[SEAM_COUNT];
static u64 seam_stamp;
static const char * const seam_names[SEAM_COUNT] = {
	[SEAM_GEM_OBJECT_INIT] = "gem_object_init",
	[SEAM_MMAP_OFFSET] = "mmap_offset",
	[SEAM_GET_PAGES] = "get_pages",
	[SEAM_PUT_PAGES] = "put_pages",
	[SEAM_PAGES_TO_SG] = "pages_to_sg",
	[SEAM_DMA_MAP] = "dma_map",
	[SEAM_DMA_UNMAP] = "dma_unmap",
	[SEAM_DMA_SYNC_DEVICE] = "dma_sync_device",
	[SEAM_DMA_SYNC_CPU] = "dma_sync_cpu",
	[SEAM_CPU_UNMAP] = "cpu_unmap",
	[SEAM_BO_ALLOC] = "bo_alloc",
	[SEAM_VMAP] = "vmap",
	[SEAM_VUNMAP] = "vunmap",
	[SEAM_SWAP_PAGES] = "swap_pages",
	[SEAM_FENCE_WAIT] = "fence_wait",
	[SEAM_PGTABLE_ALLOC] = "pgtable_alloc",
	[SEAM_MMIO_READ] = "mmio_read",
	[SEAM_MMIO_WRITE] = "mmio_write",
	[SEAM_GET_IRQ] = "get_irq",
	[SEAM_REQUEST_IRQ] = "request_irq",
	[SEAM_RESV_LOCK] = "resv_lock",
	[SEAM_RESV_LOCK_INTR] = "resv_lock_intr",
	[SEAM_COUNT_SET] = "count_set",
	[SEAM_LRU_SCAN] = "lru_scan",
	[SEAM_LRU_POPPED] = "lru_popped",
	[SEAM_LRU_SHRINK] = "lru_shrink",
	[SEAM_PT_BULK] = "pt_bulk",
	[SEAM_VM_BO_CREATE] = "vm_bo_create",
	[SEAM_HANDLE_CREATE] = "handle_create",
	[SEAM_HANDLE_CREATED] = "handle_created",
	[SEAM_VA_INSERT] = "va_insert",
	[SEAM_FLUSH_CACHES] = "flush_caches",
	[SEAM_VA_STEP] = "va_step",
};

/* Takes the hook out of @p if this call is the one that runs it. */
static panthor_seam_hook_fn seam_take_hook(struct seam_point *p, void **data)
{
	panthor_seam_hook_fn hook = p->hook;

	if (!hook)
		return NULL;
	*data = p->hook_data;
	if (!p->hook_countdown)
		return hook;
	if (--p->hook_countdown)
		return NULL;

	p->hook = NULL;
	return hook;
}

/* Counts a call; returns the error it must fail with, or 0 to forward it. */
static int seam_count(struct seam_point *p)
{
	p->calls++;
	p->last = ++seam_stamp;
	if (!p->always && (!p->countdown || --p->countdown))
		return 0;

	p->fired = true;
	return p->err;
}

/**
 * panthor_seam_enter() - A wrapper was called
 * @id: Its seam.
 *
 * Context: Any; takes and releases seam_lock. A hook runs without it.
 *
 * Return: The error the call must fail with, or 0 to forward it.
 */
int panthor_seam_enter(enum panthor_seam_id id)
{
	panthor_seam_hook_fn hook;
	void *data;
	int err;

	scoped_guard(raw_spinlock_irqsave, &seam_lock) {
		hook = seam_take_hook(&seam_points[id], &data);
		err = seam_count(&seam_points[id]);
	}

	if (hook)
		hook(data);

	return err;
}

/**
 * panthor_seam_name() - Name of a seam for messages and parameters
 * @id: Which seam.
 *
 * Context: Any.
 *
 * Return: A static string.
 */
const char *panthor_seam_name(enum panthor_seam_id id)
{
	return seam_names[id];
}

/**
 * panthor_seam_reset() - Disarm every seam and clear every counter
 *
 * Context: Any; takes and releases seam_lock.
 */
void panthor_seam_reset(void)
{
	panthor_seam_reset_answers();

	guard(raw_spinlock_irqsave)(&seam_lock);

	memset(seam_points, 0, sizeof(seam_points));
	seam_stamp = 0;
}

/**
 * panthor_seam_calls() - Number of calls since the last reset
 * @id: Which seam.
 *
 * Context: Any; takes and releases seam_lock.
 *
 * Return: The count, failed calls included.
 */
unsigned int panthor_seam_calls(enum panthor_seam_id id)
{
	guard(raw_spinlock_irqsave)(&seam_lock);

	return seam_points[id].calls;
}

/**
 * panthor_seam_fired() - Tell whether an armed failure happened
 * @id: Which seam.
 *
 * Context: Any; takes and releases seam_lock.
 *
 * Return: true if a call was failed since the seam was last armed.
 */
bool panthor_seam_fired(enum panthor_seam_id id)
{
	guard(raw_spinlock_irqsave)(&seam_lock);

	return seam_points[id].fired;
}

/**
 * panthor_seam_disarm() - Let calls through again
 * @id: Which seam.
 *
 * Context: Any; takes and releases seam_lock.
 */
void panthor_seam_disarm(enum panthor_seam_id id)
{
	guard(raw_spinlock_irqsave)(&seam_lock);

	seam_points[id].countdown = 0;
	seam_points[id].always = false;
}

static void seam_disarm_action(void *data)
{
	enum panthor_seam_id id = (uintptr_t)data;

	panthor_seam_disarm(id);
	seam_points[id].owned = false;
}

/**
 * panthor_seam_can_fail() - Whether a seam can be armed
 * @id: Which seam.
 *
 * Arming a call without a way to fail would pretend that a failure happened.
 *
 * Context: Any.
 *
 * Return: false for calls that are only counted.
 */
bool panthor_seam_can_fail(enum panthor_seam_id id)
{
	switch (id) {
	case SEAM_PUT_PAGES:
	case SEAM_DMA_UNMAP:
	case SEAM_DMA_SYNC_DEVICE:
	case SEAM_DMA_SYNC_CPU:
	case SEAM_CPU_UNMAP:
	case SEAM_VUNMAP:
	case SEAM_SWAP_PAGES:
	case SEAM_MMIO_READ:
	case SEAM_MMIO_WRITE:
	case SEAM_RESV_LOCK:
	case SEAM_COUNT_SET:
	case SEAM_LRU_SCAN:
	case SEAM_LRU_POPPED:
	case SEAM_LRU_SHRINK:
	case SEAM_HANDLE_CREATED:
	case SEAM_VA_STEP:
		return false;
	default:
		return true;
	}
}

static void seam_arm(struct kunit *test, enum panthor_seam_id id,
		     unsigned int nth, bool always, int err)
{
	KUNIT_ASSERT_TRUE_MSG(test, panthor_seam_can_fail(id), "%s cannot fail",
			      seam_names[id]);
	/* Some cases arm it often. */
	if (!seam_points[id].owned)
		KUNIT_ASSERT_EQ(test, kunit_add_action(test, seam_disarm_action,
						       (void *)(uintptr_t)id), 0);
	seam_points[id].owned = true;

	guard(raw_spinlock_irqsave)(&seam_lock);

	seam_points[id].countdown = nth;
	seam_points[id].always = always;
	seam_points[id].fired = false;
	seam_points[id].err = err;
}

/**
 * panthor_seam_fail_nth() - Fail one call, counted from now
 * @test: Test on whose behalf; the seam is disarmed when it ends.
 * @id: Which seam.
 * @nth: 1 fails the next call, 2 the one after it, and so on.
 * @err: Negative errno, or PANTHOR_SEAM_TIMEOUT for SEAM_FENCE_WAIT.
 *
 * Context: Test thread. Takes and releases seam_lock.
 */
void panthor_seam_fail_nth(struct kunit *test, enum panthor_seam_id id,
			   unsigned int nth, int err)
{
	seam_arm(test, id, nth, false, err);
}

/**
 * panthor_seam_fail_once() - Fail the next call and no other
 * @test: Test on whose behalf; the seam is disarmed when it ends.
 * @id: Which seam.
 * @err: Negative errno, or PANTHOR_SEAM_TIMEOUT for SEAM_FENCE_WAIT.
 *
 * Context: Test thread. Takes and releases seam_lock.
 */
void panthor_seam_fail_once(struct kunit *test, enum panthor_seam_id id, int err)
{
	seam_arm(test, id, 1, false, err);
}

/**
 * panthor_seam_fail_always() - Fail every call until disarmed
 * @test: Test on whose behalf; the seam is disarmed when it ends.
 * @id: Which seam.
 * @err: Negative errno, or PANTHOR_SEAM_TIMEOUT for SEAM_FENCE_WAIT.
 *
 * Context: Test thread. Takes and releases seam_lock.
 */
void panthor_seam_fail_always(struct kunit *test, enum panthor_seam_id id, int err)
{
	seam_arm(test, id, 0, true, err);
}

static void seam_unhook_action(void *data)
{
	guard(raw_spinlock_irqsave)(&seam_lock);

	seam_points[(enum panthor_seam_id)(uintptr_t)data].hook = NULL;
}

/**
 * panthor_seam_hook() - Run something at a seam, before the call is forwarded
 * @test: Test on whose behalf; a hook that did not run is removed when it ends.
 * @id: Which seam. It has one hook: a new one replaces one that did not run.
 * @nth: 1 to run at the next call, 2 at the one after it, and so on; 0 to run at
 *	every call.
 * @fn: The hook. Calls it makes itself are counted as any others.
 * @data: Its argument.
 *
 * Context: Test thread. Takes and releases seam_lock.
 */
void panthor_seam_hook(struct kunit *test, enum panthor_seam_id id,
		       unsigned int nth, panthor_seam_hook_fn fn, void *data)
{
	KUNIT_ASSERT_EQ(test, kunit_add_action(test, seam_unhook_action,
					       (void *)(uintptr_t)id), 0);

	guard(raw_spinlock_irqsave)(&seam_lock);

	seam_points[id].hook = fn;
	seam_points[id].hook_data = data;
	seam_points[id].hook_countdown = nth;
}

/**
 * panthor_seam_hooked() - Whether a hook waits at a seam
 * @id: Which seam.
 *
 * Context: Any; takes and releases seam_lock.
 *
 * Return: true from panthor_seam_hook() until the hook is called.
 */
bool panthor_seam_hooked(enum panthor_seam_id id)
{
	guard(raw_spinlock_irqsave)(&seam_lock);

	return seam_points[id].hook;
}

/**
 * panthor_seam_stamp() - Take the next number of the order of all events
 *
 * Each call through a seam takes one; what a fake records takes its own, so
 * that the order of both can be compared.
 *
 * Context: Any; takes and releases seam_lock.
 *
 * Return: A number greater than any before, since the last reset.
 */
u64 panthor_seam_stamp(void)
{
	guard(raw_spinlock_irqsave)(&seam_lock);

	return ++seam_stamp;
}

/**
 * panthor_seam_last() - When a seam was called last
 * @id: Which seam.
 *
 * Context: Any; takes and releases seam_lock.
 *
 * Return: The stamp of the last call, 0 if there was none since the last reset.
 */
u64 panthor_seam_last(enum panthor_seam_id id)
{
	guard(raw_spinlock_irqsave)(&seam_lock);

	return seam_points[id].last;
}
