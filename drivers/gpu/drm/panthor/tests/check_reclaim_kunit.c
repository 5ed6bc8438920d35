// SPDX-License-Identifier: GPL-2.0-only
/*
 * The invariant checker under seeded corruptions of the reclaim state: cached
 * states, LRUs, and what the shrinker reports. A corruption lasts for the one
 * call of the checker.
 */

#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/shrinker.h>
#include <linux/sizes.h>

#include <drm/drm_gem.h>
#include <drm/drm_gpuvm.h>

#include "check_kunit.h"
#include "fixture.h"
#include "random.h"
#include "seam.h"

static struct panthor_gem_object *resident_bo(struct kunit *test)
{
	struct panthor_gem_object *bo = panthor_kunit_bo(test, SZ_64K);

	panthor_kunit_make_resident(test, bo);
	return bo;
}

static struct panthor_gem_object *gpu_mapped_bo(struct kunit *test)
{
	struct panthor_gem_object *bo = panthor_kunit_bo(test, SZ_64K);

	panthor_kunit_map(test, panthor_kunit_vm(test), bo, 0);
	return bo;
}

static void move_to_lru(struct panthor_gem_object *bo, struct drm_gem_lru *lru)
{
	if (lru)
		drm_gem_lru_move_tail(lru, &bo->base);
	else
		drm_gem_lru_remove(&bo->base);
}

struct state_param {
	const char *desc;
	enum panthor_gem_reclaim_state state;
};

static const struct state_param state_params[] = {
	{ "mmapped", PANTHOR_GEM_MMAPPED },
	{ "single_vm", PANTHOR_GEM_GPU_MAPPED_SINGLE_VM },
	{ "multi_vm", PANTHOR_GEM_GPU_MAPPED_MULTI_VM },
	{ "unreclaimable", PANTHOR_GEM_UNRECLAIMABLE },
	{ "not_a_state", PANTHOR_GEM_UNRECLAIMABLE + 1 },
};

KUNIT_ARRAY_PARAM_DESC(state, state_params, desc);

/*
 * Seeded corruption of an unused resident BO, on its right LRU: another state
 * is cached. Succeeds if I11 and nothing else is reported.
 */
static void i11_wrong_cached_state(struct kunit *test)
{
	const struct state_param *param = test->param_value;
	struct panthor_gem_object *bo = resident_bo(test);
	struct panthor_check_report *report = panthor_check_healthy(test);

	bo->reclaim_state = param->state;
	panthor_check(test, report);
	bo->reclaim_state = PANTHOR_GEM_UNUSED;

	expect_reported(test, report, BIT(11));
}

/*
 * Seeded corruption of a BO mapped by a VM: the mapping is marked as evicted
 * and the state did not follow (B17). The BO then should be on the unused LRU,
 * and not be counted as mapped.
 * Succeeds if I11 is reported with I12 and I14, its consequences.
 */
static void i11_evicted_mapping_in_mapped_state(struct kunit *test)
{
	struct panthor_gem_object *bo = gpu_mapped_bo(test);
	struct panthor_check_report *report = panthor_check_healthy(test);
	struct drm_gpuvm_bo *vm_bo;

	vm_bo = list_first_entry(&bo->base.gpuva.list, typeof(*vm_bo), list.entry.gem);
	vm_bo->evicted = true;
	panthor_check(test, report);
	vm_bo->evicted = false;

	expect_reported(test, report, BIT(11) | BIT(12) | BIT(14));
}

/*
 * Seeded corruption of an unused BO: it is among the user-mapped ones.
 * Succeeds if I12 and nothing else is reported.
 */
static void i12_unused_bo_on_another_lru(struct kunit *test)
{
	struct panthor_device *ptdev = to_panthor_kunit(test)->ptdev;
	struct panthor_gem_object *bo = resident_bo(test);
	struct panthor_check_report *report = panthor_check_healthy(test);

	move_to_lru(bo, &ptdev->reclaim.mmapped);
	panthor_check(test, report);
	move_to_lru(bo, &ptdev->reclaim.unused);

	expect_reported(test, report, BIT(12));
}

/*
 * Seeded corruption of an unused BO: reclaim cannot find it.
 * Succeeds if I12 and nothing else is reported.
 */
static void i12_unused_bo_on_no_lru(struct kunit *test)
{
	struct panthor_device *ptdev = to_panthor_kunit(test)->ptdev;
	struct panthor_gem_object *bo = resident_bo(test);
	struct panthor_check_report *report = panthor_check_healthy(test);

	move_to_lru(bo, NULL);
	panthor_check(test, report);
	move_to_lru(bo, &ptdev->reclaim.unused);

	expect_reported(test, report, BIT(12));
}

/*
 * Seeded corruption of a pinned BO: reclaim can find it.
 * Succeeds if I12 and nothing else is reported.
 */
static void i12_pinned_bo_on_an_lru(struct kunit *test)
{
	struct panthor_device *ptdev = to_panthor_kunit(test)->ptdev;
	struct panthor_gem_object *bo = panthor_kunit_bo(test, SZ_64K);
	struct panthor_check_report *report;

	KUNIT_ASSERT_EQ(test, panthor_kunit_pin(test, bo), 0);
	report = panthor_check_healthy(test);

	move_to_lru(bo, &ptdev->reclaim.unused);
	panthor_check(test, report);
	move_to_lru(bo, NULL);

	expect_reported(test, report, BIT(12));
}

/*
 * Seeded corruption of two BOs, each mapped by a VM of its own: any one of them
 * is on the other VM's LRU (B45). Succeeds if I12 and nothing else is reported.
 */
static void i12_single_vm_bo_on_lru_of_another_vm(struct kunit *test)
{
	struct panthor_gem_object *bos[] = { gpu_mapped_bo(test), gpu_mapped_bo(test) };
	struct panthor_check_report *report = panthor_check_healthy(test);
	u32 i = panthor_kunit_pick(test, 2);
	struct drm_gem_lru *lru = bos[i]->base.lru;

	move_to_lru(bos[i], bos[!i]->base.lru);
	panthor_check(test, report);
	move_to_lru(bos[i], lru);

	expect_reported(test, report, BIT(12));
}

struct lru_param {
	const char *desc;
	struct drm_gem_lru *(*lru)(struct kunit *test);
	long delta;
};

static struct drm_gem_lru *lru_unused(struct kunit *test)
{
	return &to_panthor_kunit(test)->ptdev->reclaim.unused;
}

static struct drm_gem_lru *lru_mmapped(struct kunit *test)
{
	return &to_panthor_kunit(test)->ptdev->reclaim.mmapped;
}

static struct drm_gem_lru *lru_shared(struct kunit *test)
{
	return &to_panthor_kunit(test)->ptdev->reclaim.gpu_mapped_shared;
}

static struct drm_gem_lru *lru_of_vm(struct kunit *test)
{
	return gpu_mapped_bo(test)->base.lru;
}

static const struct lru_param lru_params[] = {
	{ "unused_one_more", lru_unused, 1 },
	{ "unused_one_less", lru_unused, -1 },
	{ "mmapped_one_more", lru_mmapped, 1 },
	{ "mmapped_one_less", lru_mmapped, -1 },
	{ "shared_one_more", lru_shared, 1 },
	{ "shared_one_less", lru_shared, -1 },
	{ "of_a_vm_one_more", lru_of_vm, 1 },
	{ "of_a_vm_one_less", lru_of_vm, -1 },
};

KUNIT_ARRAY_PARAM_DESC(lru, lru_params, desc);

/*
 * Seeded corruption of an LRU, empty or not: its page count is off by one.
 * Succeeds if I13 and nothing else is reported.
 */
static void i13_count_off_by_a_page(struct kunit *test)
{
	const struct lru_param *param = test->param_value;
	struct panthor_gem_object *bo = resident_bo(test);
	struct drm_gem_lru *lru = param->lru(test);
	struct panthor_check_report *report = panthor_check_healthy(test);

	KUNIT_ASSERT_NOT_NULL(test, bo->base.lru);
	lru->count += param->delta;
	panthor_check(test, report);
	lru->count -= param->delta;

	expect_reported(test, report, BIT(13));
}

/*
 * Seeded corruption of several unused BOs: any one of them names another LRU
 * than the one it is linked into, so for its state it is on the wrong one.
 * Succeeds if I13 and I12 are reported.
 */
static void i13_member_points_to_another_lru(struct kunit *test)
{
	struct panthor_device *ptdev = to_panthor_kunit(test)->ptdev;
	struct panthor_gem_object *bos[] = {
		resident_bo(test), resident_bo(test), resident_bo(test),
	};
	struct panthor_check_report *report = panthor_check_healthy(test);
	struct panthor_gem_object *bo = bos[panthor_kunit_pick(test, ARRAY_SIZE(bos))];

	bo->base.lru = &ptdev->reclaim.mmapped;
	panthor_check(test, report);
	bo->base.lru = &ptdev->reclaim.unused;

	expect_reported(test, report, BIT(13) | BIT(12));
}

struct delta_param {
	const char *desc;
	long delta;
};

static const struct delta_param delta_params[] = {
	{ "one_more", 1 },
	{ "one_less", -1 },
};

KUNIT_ARRAY_PARAM_DESC(delta, delta_params, desc);

/*
 * Seeded corruption of the device with one mapped BO: the count of mapped pages
 * is off by one. Succeeds if I14 and nothing else is reported.
 */
static void i14_gpu_mapped_count_off_by_a_page(struct kunit *test)
{
	const struct delta_param *param = test->param_value;
	struct panthor_gem_object *bo = gpu_mapped_bo(test);
	struct panthor_device *ptdev = to_panthor_kunit(test)->ptdev;
	struct panthor_check_report *report = panthor_check_healthy(test);

	ptdev->reclaim.gpu_mapped_count += param->delta;
	panthor_check(test, report);
	ptdev->reclaim.gpu_mapped_count -= param->delta;

	expect_reported(test, report, BIT(14));
	expect_bo_state(test, bo, PANTHOR_GEM_GPU_MAPPED_SINGLE_VM);
}

/*
 * Seeded corruption of two VMs with a mapped BO each: any one of them has left
 * the device's list. Succeeds if I15 and nothing else is reported.
 */
static void i15_vm_not_listed(struct kunit *test)
{
	struct panthor_device *ptdev = to_panthor_kunit(test)->ptdev;
	struct panthor_gem_object *bos[] = { gpu_mapped_bo(test), gpu_mapped_bo(test) };
	struct panthor_check_report *report = panthor_check_healthy(test);
	struct list_head *prev = &ptdev->reclaim.vms, *node;
	u32 i = panthor_kunit_pick(test, ARRAY_SIZE(bos));

	mutex_lock(&ptdev->base.gem_lru_mutex);
	while (i--)
		prev = prev->next;
	node = prev->next;
	list_del_init(node);
	mutex_unlock(&ptdev->base.gem_lru_mutex);

	panthor_check(test, report);

	mutex_lock(&ptdev->base.gem_lru_mutex);
	list_add(node, prev);
	mutex_unlock(&ptdev->base.gem_lru_mutex);

	expect_reported(test, report, BIT(15));
}

/*
 * Seeded corruption of two VMs with a mapped BO each: the device's list has
 * been emptied (B56). Succeeds if I15 and nothing else is reported, per VM.
 */
static void i15_list_of_vms_empty(struct kunit *test)
{
	struct panthor_device *ptdev = to_panthor_kunit(test)->ptdev;
	struct panthor_gem_object *bos[] = { gpu_mapped_bo(test), gpu_mapped_bo(test) };
	struct panthor_check_report *report = panthor_check_healthy(test);
	LIST_HEAD(taken);

	mutex_lock(&ptdev->base.gem_lru_mutex);
	list_splice_init(&ptdev->reclaim.vms, &taken);
	mutex_unlock(&ptdev->base.gem_lru_mutex);

	panthor_check(test, report);

	mutex_lock(&ptdev->base.gem_lru_mutex);
	list_splice(&taken, &ptdev->reclaim.vms);
	mutex_unlock(&ptdev->base.gem_lru_mutex);

	expect_reported(test, report, BIT(15));
	KUNIT_EXPECT_EQ(test, report->count, ARRAY_SIZE(bos));
}

/**
 * struct scanned - A scan that took one BO of two
 * @taken: The BO that lost its pages.
 * @kept: A pinned BO.
 * @before: State before the scan.
 * @ret: What the scan returned.
 * @report: Empty report.
 */
struct scanned {
	struct panthor_gem_object *taken, *kept;
	struct panthor_check_snapshot *before;
	unsigned long ret;
	struct panthor_check_report *report;
};

static struct scanned scan_one_of_two(struct kunit *test, int reclaimed)
{
	struct scanned s = {
		.taken = resident_bo(test),
		.kept = panthor_kunit_bo(test, SZ_64K),
	};

	KUNIT_ASSERT_EQ(test, panthor_kunit_pin(test, s.kept), 0);
	atomic_set(&s.taken->reclaimed_count, reclaimed);
	panthor_seam_set_swap(test, 1);
	s.report = panthor_check_healthy(test);
	s.before = panthor_check_snapshot(test);
	s.ret = panthor_kunit_scan(test, GFP_KERNEL, 1);
	KUNIT_ASSERT_NULL(test, s.taken->backing.pages);
	panthor_check_scan(test, s.before, s.ret, s.report);
	KUNIT_ASSERT_EQ_MSG(test, s.report->broken, 0, "%s", s.report->msgs[0]);

	return s;
}

/*
 * A scan that took one BO, reported with a page more or less than it has.
 * Succeeds if I24 and nothing else is reported.
 */
static void i24_scan_reports_wrong_number(struct kunit *test)
{
	const struct delta_param *param = test->param_value;
	struct scanned s = scan_one_of_two(test, 0);

	panthor_check_scan(test, s.before, s.ret + param->delta, s.report);
	expect_reported(test, s.report, BIT(24));
}

/*
 * A scan that took one BO, reported as one that gave up (B31).
 * Succeeds if I24 and nothing else is reported.
 */
static void i24_scan_stops_although_it_freed(struct kunit *test)
{
	struct scanned s = scan_one_of_two(test, 0);

	panthor_check_scan(test, s.before, SHRINK_STOP, s.report);
	expect_reported(test, s.report, BIT(24));
}

struct count_param {
	const char *desc;
	bool resident;
	bool mapped;
	bool can_block;
	unsigned long ret;
};

#define BO_PAGES	(SZ_64K / PAGE_SIZE)

static const struct count_param count_params[] = {
	{ "one_more", true, true, true, 2 * BO_PAGES + 1 },
	{ "one_less", true, true, true, 2 * BO_PAGES - 1 },
	{ "without_gpu_mapped", true, true, true, BO_PAGES },
	{ "gpu_mapped_but_no_block", true, true, false, 2 * BO_PAGES },
	{ "empty_although_resident", true, false, true, SHRINK_EMPTY },
	{ "pages_although_empty", false, false, true, BO_PAGES },
};

KUNIT_ARRAY_PARAM_DESC(count, count_params, desc);

/*
 * An unused BO, a GPU-mapped BO, both or none, and a count that is not theirs.
 * Succeeds if I24 and nothing else is reported.
 */
static void i24_count_reports_wrong_number(struct kunit *test)
{
	const struct count_param *param = test->param_value;
	struct panthor_check_report *report;

	if (param->resident)
		resident_bo(test);
	if (param->mapped)
		gpu_mapped_bo(test);
	report = panthor_check_healthy(test);

	panthor_check_count(test, param->can_block, param->ret, report);
	expect_reported(test, report, BIT(24));
}

/*
 * Seeded corruption after a scan: the eviction was not counted.
 * Succeeds if I25 and nothing else is reported.
 */
static void i25_eviction_not_counted(struct kunit *test)
{
	struct scanned s = scan_one_of_two(test, 0);

	atomic_dec(&s.taken->reclaimed_count);
	panthor_check_scan(test, s.before, s.ret, s.report);
	atomic_inc(&s.taken->reclaimed_count);

	expect_reported(test, s.report, BIT(25));
}

/*
 * Seeded corruption after a scan: an eviction of the pinned BO was counted.
 * Succeeds if I25 and nothing else is reported.
 */
static void i25_counted_without_eviction(struct kunit *test)
{
	struct scanned s = scan_one_of_two(test, 0);

	atomic_inc(&s.kept->reclaimed_count);
	panthor_check_scan(test, s.before, s.ret, s.report);
	atomic_dec(&s.kept->reclaimed_count);

	expect_reported(test, s.report, BIT(25));
}

/*
 * A BO that has been evicted as often as can be counted is evicted again.
 * Succeeds if the counter stays, nothing is reported, and a counter that
 * wrapped around instead is reported as I25.
 */
static void i25_counter_saturates(struct kunit *test)
{
	struct scanned s = scan_one_of_two(test, INT_MAX);

	KUNIT_EXPECT_EQ(test, atomic_read(&s.taken->reclaimed_count), INT_MAX);

	atomic_set(&s.taken->reclaimed_count, INT_MIN);
	panthor_check_scan(test, s.before, s.ret, s.report);
	atomic_set(&s.taken->reclaimed_count, INT_MAX);

	expect_reported(test, s.report, BIT(25));
}

static struct kunit_case check_reclaim_cases[] = {
	KUNIT_CASE_PARAM(i11_wrong_cached_state, state_gen_params),
	KUNIT_CASE(i11_evicted_mapping_in_mapped_state),
	KUNIT_CASE(i12_unused_bo_on_another_lru),
	KUNIT_CASE(i12_unused_bo_on_no_lru),
	KUNIT_CASE(i12_pinned_bo_on_an_lru),
	KUNIT_CASE(i12_single_vm_bo_on_lru_of_another_vm),
	KUNIT_CASE_PARAM(i13_count_off_by_a_page, lru_gen_params),
	KUNIT_CASE(i13_member_points_to_another_lru),
	KUNIT_CASE_PARAM(i14_gpu_mapped_count_off_by_a_page, delta_gen_params),
	KUNIT_CASE(i15_vm_not_listed),
	KUNIT_CASE(i15_list_of_vms_empty),
	KUNIT_CASE_PARAM(i24_scan_reports_wrong_number, delta_gen_params),
	KUNIT_CASE(i24_scan_stops_although_it_freed),
	KUNIT_CASE_PARAM(i24_count_reports_wrong_number, count_gen_params),
	KUNIT_CASE(i25_eviction_not_counted),
	KUNIT_CASE(i25_counted_without_eviction),
	KUNIT_CASE(i25_counter_saturates),
	{}
};

static struct kunit_suite check_reclaim_suite = {
	.name = "panthor_check_reclaim",
	.init = panthor_kunit_init,
	.exit = panthor_kunit_exit,
	.suite_exit = panthor_kunit_suite_exit,
	.test_cases = check_reclaim_cases,
};

kunit_test_suite(check_reclaim_suite);
