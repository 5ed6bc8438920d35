// SPDX-License-Identifier: GPL-2.0-only
/*
 * Who puts a BO's pages: eviction, unmapping, closing and destroying in every
 * order, each of which may be the one, and only one of which is.
 */

#include <linux/list.h>
#include <linux/shrinker.h>
#include <linux/string.h>

#include <kunit/resource.h>

#include "fixture.h"
#include "reclaim.h"
#include "seam.h"
#include "vm_walk.h"

/**
 * struct order_param - Steps, in this order, after a BO was mapped into a VM
 * @steps: E evicts whatever can be, R submits and so restores, U unmaps, C
 *	closes the BO, D destroys the VM. Also the name in the results.
 */
struct order_param {
	const char *steps;
};

static const struct order_param order_params[] = {
	{ "CD" }, { "DC" }, { "CUD" }, { "UCD" }, { "UDC" },
	{ "ECD" }, { "EDC" }, { "CED" }, { "CDE" }, { "DEC" }, { "DCE" },
	{ "EUCD" }, { "EUDC" }, { "ECUD" }, { "CEUD" },
	{ "UECD" }, { "UEDC" }, { "UCED" }, { "CUED" },
	{ "UDEC" }, { "UCDE" }, { "UDCE" }, { "CUDE" },
	{ "EECD" }, { "ERCD" }, { "ERECD" }, { "ERUCD" }, { "ERUECD" }, { "CEREUD" },
};

KUNIT_ARRAY_PARAM_DESC(order, order_params, steps);

/**
 * struct order - What is to be true after each step
 * @test: The test.
 * @vm: The VM, NULL when destroyed.
 * @bo: The BO.
 * @closed: The test let go of it.
 * @mapped: The VM did not.
 * @resident: It has pages.
 * @gets: Times they were got.
 * @puts: Times they were put.
 */
struct order {
	struct kunit *test;
	struct panthor_vm *vm;
	struct panthor_gem_object *bo;
	bool closed;
	bool mapped;
	bool resident;
	unsigned int gets;
	unsigned int puts;
};

static bool order_alive(struct order *o)
{
	return !o->closed || o->mapped;
}

static void order_put_pages(struct order *o)
{
	o->puts += o->resident;
	o->resident = false;
}

static void order_step(struct order *o, char step)
{
	struct kunit *test = o->test;

	switch (step) {
	case 'E':
		KUNIT_EXPECT_EQ(test, panthor_kunit_scan(test, GFP_KERNEL, EVERYTHING),
				o->resident ? BO_PAGES : SHRINK_STOP);
		order_put_pages(o);
		break;
	case 'R':
		KUNIT_EXPECT_EQ(test, vm_submit(o->vm), 0);
		o->gets += o->mapped && !o->resident;
		o->resident |= o->mapped;
		break;
	case 'U':
		KUNIT_EXPECT_EQ(test, panthor_vm_unmap_range(o->vm, VA(0), BO_SIZE), 0);
		o->mapped = false;
		break;
	case 'C':
		panthor_kunit_bo_put(test, o->bo);
		o->closed = true;
		break;
	case 'D':
		panthor_kunit_vm_put(test, o->vm);
		o->vm = NULL;
		o->mapped = false;
		break;
	}
	if (!order_alive(o))
		order_put_pages(o);
}

static void order_expect(struct order *o, char step)
{
	struct kunit *test = o->test;

	KUNIT_EXPECT_EQ_MSG(test, panthor_seam_calls(SEAM_GET_PAGES), o->gets, "at %c", step);
	KUNIT_EXPECT_EQ_MSG(test, panthor_seam_calls(SEAM_PUT_PAGES), o->puts, "at %c", step);
	if (!order_alive(o))
		return;

	KUNIT_EXPECT_EQ_MSG(test, !!o->bo->backing.pages, o->resident, "at %c", step);
	KUNIT_EXPECT_EQ_MSG(test, !!o->bo->base.lru, o->resident, "at %c", step);
}

static void order_run(struct kunit *test, bool private)
{
	const struct order_param *p = test->param_value;
	struct panthor_device *ptdev = to_panthor_kunit(test)->ptdev;
	struct order o = { .test = test, .mapped = true, .resident = true, .gets = 1 };

	o.vm = panthor_kunit_vm(test);
	o.bo = panthor_kunit_try_bo(test, private ? o.vm : NULL, BO_SIZE, 0);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, o.bo);
	panthor_kunit_map(test, o.vm, o.bo, VA(0));
	for (const char *step = p->steps; *step; step++) {
		order_step(&o, *step);
		order_expect(&o, *step);
	}

	KUNIT_EXPECT_TRUE(test, list_empty(&ptdev->gems.node));
	KUNIT_EXPECT_EQ(test, o.gets, o.puts);
}

/*
 * The pages belong to the BO. Reclaim takes them away and a submission gets
 * others; a mapping, evicted or not, neither has nor puts any (B38).
 * Succeeds if after each step pages were got and put as often as the steps say,
 * a BO without pages is on no LRU, and in the end nothing is left.
 */
static void pages_are_put_once(struct kunit *test)
{
	order_run(test, false);
}

/*
 * The same for a BO that is private to the VM, with the VM's lock (B38).
 * Succeeds if the same is true.
 */
static void pages_of_private_bo_are_put_once(struct kunit *test)
{
	order_run(test, true);
}

static struct kunit_case gem_order_cases[] = {
	KUNIT_CASE_PARAM(pages_are_put_once, order_gen_params),
	KUNIT_CASE_PARAM(pages_of_private_bo_are_put_once, order_gen_params),
	{}
};

static struct kunit_suite gem_order_suite = {
	.name = "panthor_gem_order",
	.init = reclaim_init,
	.exit = panthor_kunit_exit,
	.suite_exit = panthor_kunit_suite_exit,
	.test_cases = gem_order_cases,
};

kunit_test_suite(gem_order_suite);
