// SPDX-License-Identifier: GPL-2.0-only
/* Canaries of the gates about memory, and what lies in it. */

#include <linux/device.h>
#include <linux/dma-mapping.h>
#include <linux/kallsyms.h>
#include <linux/kmemleak.h>
#include <linux/list.h>
#include <linux/refcount.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/timer.h>

#include "canary.h"

#define OBJECT_SIZE	64
#define LEAKS		8

static u8 *object(struct kunit *test)
{
	u8 *mem = kzalloc(OBJECT_SIZE, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, mem);
	/* The compiler is not to know what it is. */
	OPTIMIZER_HIDE_VAR(mem);

	return mem;
}

/*
 * An object is read after it was freed.
 * Succeeds never: KASAN has to see it, and KUnit asks KASAN.
 */
static void use_after_free(struct kunit *test)
{
	u8 *mem = object(test), *stale = mem;

	OPTIMIZER_HIDE_VAR(stale);
	kfree(mem);
	READ_ONCE(*stale);
}

/*
 * One byte behind an object is written, which belongs to nobody.
 * Succeeds never, as above.
 */
static void out_of_bounds(struct kunit *test)
{
	u8 *mem = object(test);

	WRITE_ONCE(mem[OBJECT_SIZE], 1);
	kfree(mem);
}

/*
 * An object is freed twice.
 * Succeeds never, as above.
 */
static void double_free(struct kunit *test)
{
	u8 *mem = object(test), *stale = mem;

	OPTIMIZER_HIDE_VAR(stale);
	kfree(mem);
	kfree(stale);
}

/*
 * Objects that nobody has a pointer to. Several, lest an old word on some stack
 * save the only one.
 * Succeeds always; the scan for leaks has to see it.
 */
static void leak(struct kunit *test)
{
	for (unsigned int i = 0; i < LEAKS; i++)
		object(test);
}

/*
 * Kmemleak gives up, without a word.
 * Succeeds if there is the switch; the marker at the end has to say it.
 */
static void kmemleak_off(struct kunit *test)
{
	int *enabled = (int *)kallsyms_lookup_name("kmemleak_enabled");

	KUNIT_ASSERT_NOT_NULL(test, enabled);
	KUNIT_ASSERT_TRUE(test, *enabled);
	WRITE_ONCE(*enabled, 0);
}

/*
 * Kmemleak is told of the same object twice, and switches itself off.
 * Succeeds always; its message has to be seen.
 */
static void kmemleak_gives_up(struct kunit *test)
{
	u8 *mem = object(test);

	kmemleak_alloc(mem, OBJECT_SIZE, 1, GFP_KERNEL);
	kfree(mem);
}

/*
 * More references are put than were taken.
 * Succeeds always; refcount_t has to see it.
 */
static void refcount_underflow(struct kunit *test)
{
	refcount_t count = REFCOUNT_INIT(1);
	bool last = refcount_dec_and_test(&count);

	KUNIT_EXPECT_TRUE(test, last);
	last = refcount_dec_and_test(&count);
	KUNIT_EXPECT_FALSE(test, last);
}

/*
 * An entry is deleted from its list twice.
 * Succeeds always; the checks of lists have to see it.
 */
static void list_corruption(struct kunit *test)
{
	struct list_head list, entry;

	INIT_LIST_HEAD(&list);
	list_add(&entry, &list);
	list_del(&entry);
	list_del(&entry);
}

static void canary_timer_expired(struct timer_list *timer)
{
}

/*
 * An object is freed whose timer runs.
 * Succeeds always; debugobjects has to see it.
 */
static void active_timer_freed(struct kunit *test)
{
	struct timer_list *timer = kmalloc_obj(*timer);

	KUNIT_ASSERT_NOT_NULL(test, timer);
	timer_setup(timer, canary_timer_expired, 0);
	mod_timer(timer, jiffies + 100 * HZ);
	kfree(timer);
}

/*
 * A device unmaps what it has not mapped.
 * Succeeds if there is a device; the DMA debug code has to see it.
 */
static void dma_not_mapped(struct kunit *test)
{
	struct device *dev = root_device_register("panthor-canary");

	KUNIT_ASSERT_FALSE(test, IS_ERR(dev));
	dev->dma_mask = &dev->coherent_dma_mask;
	dma_set_mask_and_coherent(dev, DMA_BIT_MASK(40));
	dma_unmap_page(dev, SZ_1M, SZ_4K, DMA_TO_DEVICE);
	root_device_unregister(dev);
}

/*
 * A number is shifted by more than its width.
 * Succeeds never: UBSAN has to see it, and KUnit asks UBSAN.
 */
static void shift_out_of_bounds(struct kunit *test)
{
	u32 bits = 32, value = 1;

	OPTIMIZER_HIDE_VAR(bits);
	value <<= bits;
	OPTIMIZER_HIDE_VAR(value);
}

/*
 * An array is read behind its end, still within its object.
 * Succeeds never: UBSAN has to see it, and KUnit asks UBSAN.
 */
static void index_out_of_bounds(struct kunit *test)
{
	struct { u32 first[4], second[4]; } both = {};
	unsigned int index = ARRAY_SIZE(both.first) + 1;
	u32 value;

	OPTIMIZER_HIDE_VAR(index);
	value = both.first[index];
	OPTIMIZER_HIDE_VAR(value);
}

struct kunit_case canary_memory_cases[] = {
	KUNIT_CASE(use_after_free),
	KUNIT_CASE(out_of_bounds),
	KUNIT_CASE(double_free),
	KUNIT_CASE(leak),
	KUNIT_CASE(kmemleak_off),
	KUNIT_CASE(kmemleak_gives_up),
	KUNIT_CASE(refcount_underflow),
	KUNIT_CASE(list_corruption),
	KUNIT_CASE(active_timer_freed),
	KUNIT_CASE(dma_not_mapped),
	KUNIT_CASE(shift_out_of_bounds),
	KUNIT_CASE(index_out_of_bounds),
	{}
};
