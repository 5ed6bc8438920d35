// SPDX-License-Identifier: GPL-2.0-only
/*
 * Runs sequences of steps on the driver and on the model side by side, compares
 * after each, and shortens a sequence on which they differ.
 */

#include <linux/bitops.h>
#include <linux/ctype.h>
#include <linux/shrinker.h>
#include <linux/sizes.h>
#include <linux/uaccess.h>

#include <drm/drm_gem.h>
#include <drm/drm_gpuvm.h>

#include <kunit/test.h>

#include "check.h"
#include "explore.h"
#include "fixture.h"
#include "seam.h"

#define VA(bo)	((u64)SZ_1G + (bo) * (u64)SZ_16M)

/**
 * struct world - The driver's objects for a model's
 * @bo: Buffers.
 * @vm: VMs, of the &struct explore.
 * @addr: Per BO and user mapping, its address.
 * @stamp: Per BO, what user space wrote last, or 0.
 */
struct world {
	struct panthor_gem_object *bo[MODEL_MAX_BOS];
	struct panthor_vm *const *vm;
	unsigned long addr[MODEL_MAX_BOS][4];
	u32 stamp[MODEL_MAX_BOS];
};

static __printf(2, 3) void differs(struct explore_result *r, const char *fmt, ...)
{
	va_list args;

	if (r->why[0])
		return;
	va_start(args, fmt);
	vscnprintf(r->why, sizeof(r->why), fmt, args);
	va_end(args);
}

static void world_make(struct explore *ex, struct world *w)
{
	memset(w, 0, sizeof(*w));
	w->vm = ex->vm;
	for (u8 i = 0; i < ex->start.nr_bos; i++)
		w->bo[i] = panthor_kunit_bo(ex->test, ex->start.pages * PAGE_SIZE);
}

static void world_destroy(struct explore *ex, const struct model *m, struct world *w)
{
	struct kunit *test = ex->test;

	for (u8 i = 0; i < m->nr_bos; i++) {
		for (u8 n = 0; n < m->bo[i].pins; n++)
			panthor_kunit_unpin(test, w->bo[i]);
		for (u8 n = 0; n < m->bo[i].vmaps; n++)
			panthor_kunit_vunmap(test, w->bo[i]);
		for (u8 n = 0; n < m->bo[i].mmaps; n++)
			panthor_kunit_munmap(test, w->addr[i][n], w->bo[i]->base.size);
		for (u8 vm = 0; vm < m->nr_vms; vm++)
			if (m->bo[i].map[vm] != MODEL_NOT_MAPPED)
				panthor_kunit_unmap(test, w->vm[vm], w->bo[i], VA(i));
	}
	for (u8 i = 0; i < m->nr_bos; i++)
		panthor_kunit_bo_put(test, w->bo[i]);
}

/* Writes a new value after checking that the last one is still there. */
static void touch_mapping(struct world *w, struct model_step step, u8 mapping,
			  struct explore_result *r)
{
	u32 __user *p = (u32 __user *)w->addr[step.bo][mapping];
	u32 value;

	if (get_user(value, p))
		differs(r, "the touch faults");
	else if (value != w->stamp[step.bo])
		differs(r, "reads %#x, %#x was written", value, w->stamp[step.bo]);
	else if (put_user(value + 1, p))
		differs(r, "the store faults");
	w->stamp[step.bo]++;
}

static void expect_ret(struct explore_result *r, long ret, long expected)
{
	if (ret != expected)
		differs(r, "returns %ld, not %ld", ret, expected);
}

static void world_step(struct kunit *test, struct model *m, struct world *w,
		       struct model_step step, struct explore_result *r)
{
	struct panthor_gem_object *bo = w->bo[step.bo];
	struct panthor_vm *vm = w->vm[step.vm];
	u8 mmaps = m->bo[step.bo].mmaps;

	switch ((enum model_op)step.op) {
	case MODEL_PIN:
		expect_ret(r, panthor_kunit_pin(test, bo), 0);
		break;
	case MODEL_UNPIN:
		panthor_kunit_unpin(test, bo);
		break;
	case MODEL_VMAP:
		expect_ret(r, PTR_ERR_OR_ZERO(panthor_kunit_vmap(test, bo)), 0);
		break;
	case MODEL_VUNMAP:
		panthor_kunit_vunmap(test, bo);
		break;
	case MODEL_MMAP:
		w->addr[step.bo][mmaps] = panthor_kunit_mmap(test, bo);
		break;
	case MODEL_MUNMAP:
		panthor_kunit_munmap(test, w->addr[step.bo][mmaps - 1], bo->base.size);
		break;
	case MODEL_TOUCH:
		touch_mapping(w, step, mmaps - 1, r);
		break;
	case MODEL_MAP:
		expect_ret(r, panthor_vm_map_bo_range(vm, bo, 0, bo->base.size, VA(step.bo), 0), 0);
		break;
	case MODEL_UNMAP:
		expect_ret(r, panthor_vm_unmap_range(vm, VA(step.bo), bo->base.size), 0);
		break;
	case MODEL_SUBMIT:
		expect_ret(r, panthor_kunit_prepare_job(vm), 0);
		break;
	case MODEL_PIN_FAILS:
		panthor_seam_fail_once(test, SEAM_GET_PAGES, -ENOSPC);
		expect_ret(r, panthor_gem_pin(bo), -ENOSPC);
		break;
	case MODEL_MAP_FAILS:
		panthor_seam_fail_once(test, SEAM_GET_PAGES, -ENOSPC);
		expect_ret(r, panthor_vm_map_bo_range(vm, bo, 0, bo->base.size, VA(step.bo), 0),
			   -ENOSPC);
		break;
	default:
		break;
	}
}

static void world_shrink(struct kunit *test, struct model *m, struct world *w,
			 enum model_op op, struct explore_result *r)
{
	gfp_t gfp = op == MODEL_SHRINK_ATOMIC ? GFP_ATOMIC : GFP_KERNEL;
	bool found = model_reclaimable(m, op);
	unsigned long ret;
	u32 victims = 0;

	panthor_seam_set_swap(test, op != MODEL_SHRINK_NO_SWAP);
	ret = panthor_kunit_scan(test, gfp, op == MODEL_SHRINK_ONE ? 1 : U32_MAX >> 1);

	for (u8 i = 0; i < m->nr_bos; i++)
		if (m->bo[i].resident && !w->bo[i]->backing.pages)
			victims |= BIT(i);
	if (!model_victims_allowed(m, op, victims))
		differs(r, "evicts BOs %#x", victims);
	else if (found ? ret != hweight32(victims) * m->pages : ret != SHRINK_STOP)
		differs(r, "the scan returns %#lx after evicting BOs %#x", ret, victims);
	model_evict(m, victims);
}

static u8 world_map(struct panthor_gem_object *bo, struct panthor_vm *vm)
{
	struct drm_gpuvm_bo *vm_bo;

	/* The gpuvm is the first member, see panthor_vm_resv() for the contract. */
	drm_gem_for_each_gpuvm_bo(vm_bo, &bo->base)
		if (vm_bo->vm == (struct drm_gpuvm *)vm)
			return vm_bo->evicted ? MODEL_EVICTED : MODEL_LIVE;

	return MODEL_NOT_MAPPED;
}

static enum panthor_gem_reclaim_state state_of(u8 queue)
{
	if (queue == MODEL_UNUSED)
		return PANTHOR_GEM_UNUSED;
	if (queue == MODEL_MMAPPED)
		return PANTHOR_GEM_MMAPPED;
	if (queue == MODEL_SHARED)
		return PANTHOR_GEM_GPU_MAPPED_MULTI_VM;
	if (queue == MODEL_NOT_QUEUED)
		return PANTHOR_GEM_UNRECLAIMABLE;

	return PANTHOR_GEM_GPU_MAPPED_SINGLE_VM;
}

/* Of two BOs in one queue, the older one stands nearer to the head of the LRU. */
static bool stands_before(struct panthor_gem_object *a, struct panthor_gem_object *b)
{
	struct drm_gem_object *obj;

	if (!a->base.lru)
		return false;
	list_for_each_entry(obj, &a->base.lru->list, lru_node) {
		if (obj == &a->base)
			return true;
		if (obj == &b->base)
			return false;
	}

	return false;
}

/* Where the model leaves the order open, takes it from the driver. */
static void world_adopt_order(struct model *m, struct world *w)
{
	struct model before = *m;

	for (u8 i = 0; i < m->nr_bos; i++)
		for (u8 j = 0; j < m->nr_bos; j++)
			if (i != j && before.bo[i].queue != MODEL_NOT_QUEUED &&
			    before.bo[i].queue == before.bo[j].queue &&
			    before.bo[i].since == before.bo[j].since &&
			    stands_before(w->bo[i], w->bo[j]))
				model_order(m, j);
}

static void world_compare(const struct model *m, struct world *w, struct explore_result *r)
{
	for (u8 i = 0; i < m->nr_bos; i++) {
		const struct model_bo *want = &m->bo[i];
		struct panthor_gem_object *bo = w->bo[i];

		if (!!bo->backing.pages != want->resident)
			differs(r, "BO %u is %sresident", i, bo->backing.pages ? "" : "not ");
		if (refcount_read(&bo->backing.pin_count) != want->pins + !!want->vmaps)
			differs(r, "BO %u has %u pins", i, refcount_read(&bo->backing.pin_count));
		if (bo->reclaim_state != state_of(want->queue))
			differs(r, "BO %u is %s, not %s", i,
				panthor_kunit_state_name(bo->reclaim_state),
				panthor_kunit_state_name(state_of(want->queue)));
		for (u8 vm = 0; vm < m->nr_vms; vm++)
			if (world_map(bo, w->vm[vm]) != want->map[vm])
				differs(r, "BO %u in VM %u is %u, not %u", i, vm,
					world_map(bo, w->vm[vm]), want->map[vm]);
		for (u8 j = 0; j < m->nr_bos && !r->why[0]; j++)
			if (want->queue != MODEL_NOT_QUEUED && m->bo[j].queue == want->queue &&
			    want->since < m->bo[j].since && !stands_before(bo, w->bo[j]))
				differs(r, "BO %u is queued behind BO %u", i, j);
	}
}

/**
 * explore_init() - Make what the runs of a case share
 * @ex: Filled in.
 * @test: The test, with a device of the fixture.
 * @nr_bos: Buffers.
 * @nr_vms: VMs.
 * @max_holds: Most pins, kernel and user mappings of each kind per BO.
 * @pages: Size of each BO, in pages.
 *
 * Context: Test thread.
 */
void explore_init(struct explore *ex, struct kunit *test, u8 nr_bos, u8 nr_vms,
		  u8 max_holds, u8 pages)
{
	ex->test = test;
	model_init(&ex->start, nr_bos, nr_vms, max_holds, pages);
	for (u8 i = 0; i < nr_vms; i++)
		ex->vm[i] = panthor_kunit_vm(test);
}

/**
 * explore_run() - Run steps on the driver and on the model
 * @ex: What the runs share.
 * @steps: The steps. Those that the model does not allow are left out.
 * @nr: Number of steps.
 * @result: How it went.
 *
 * Context: Test thread. Makes its objects and destroys them.
 */
void explore_run(struct explore *ex, const struct model_step *steps,
		 unsigned int nr, struct explore_result *result)
{
	struct kunit *test = ex->test;
	struct panthor_check_report report;
	struct world w;

	result->model = ex->start;
	result->done = 0;
	result->why[0] = '\0';
	world_make(ex, &w);

	while (result->done < nr) {
		struct model_step step = steps[result->done];
		struct model *m = &result->model;

		if (!model_allows(m, step)) {
			result->done++;
			continue;
		}
		if (model_op_shrinks(step.op)) {
			world_shrink(test, m, &w, step.op, result);
		} else {
			world_step(test, m, &w, step, result);
			model_apply(m, step);
			world_adopt_order(m, &w);
		}
		world_compare(m, &w, result);
		panthor_check(test, &report);
		if (report.count)
			differs(result, "%s", report.msgs[0]);
		if (result->why[0])
			break;
		result->done++;
	}

	world_destroy(ex, &result->model, &w);
}

/**
 * explore_shorten() - Leave out what a failure does not need
 * @ex: What the runs share.
 * @steps: Steps that fail; shortened in place.
 * @nr: Number of steps.
 *
 * Drops runs of steps, half of them at first and single ones at last, for as
 * long as what is left still fails in some way.
 *
 * Context: As explore_run().
 *
 * Return: The number of steps that are left; each of them is needed.
 */
unsigned int explore_shorten(struct explore *ex, struct model_step *steps,
			     unsigned int nr)
{
	struct kunit *test = ex->test;
	struct explore_result *r = kunit_kzalloc(test, sizeof(*r), GFP_KERNEL);
	struct model_step *less = kunit_kcalloc(test, nr, sizeof(*less), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, r);
	KUNIT_ASSERT_NOT_NULL(test, less);

	for (unsigned int run = max(nr / 2, 1u); run; run /= 2) {
		for (unsigned int at = 0; at + run <= nr;) {
			memcpy(less, steps, at * sizeof(*less));
			memcpy(less + at, steps + at + run, (nr - at - run) * sizeof(*less));
			explore_run(ex, less, nr - run, r);
			if (!r->why[0]) {
				at += run;
				continue;
			}
			nr = r->done + 1;
			memcpy(steps, less, nr * sizeof(*less));
		}
	}

	return nr;
}

/**
 * explore_print() - Print steps as a table that can be pasted into a case
 * @test: The test.
 * @steps: The steps.
 * @nr: Number of steps.
 *
 * Context: Any.
 */
void explore_print(struct kunit *test, const struct model_step *steps, unsigned int nr)
{
	for (unsigned int i = 0; i < nr; i++) {
		const struct model_step *s = &steps[i];
		char name[24] = {};

		for (unsigned int c = 0; c < sizeof(name) - 1 && model_op_name(s->op)[c]; c++)
			name[c] = toupper(model_op_name(s->op)[c]);
		kunit_info(test, "\t{ MODEL_%s, %u, %u },\n", name, s->bo, s->vm);
	}
}
