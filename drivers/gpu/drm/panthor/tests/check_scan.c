// SPDX-License-Identifier: GPL-2.0-only
/* What the shrinker reports, compared with what it does (I24, I25). */

#include <linux/shrinker.h>
#include <linux/slab.h>

#include <drm/drm_gem.h>

#include "check_priv.h"
#include "fixture.h"

/**
 * struct panthor_check_snapshot - What the objects looked like before a scan
 * @count: Number of BOs.
 * @bos: Per BO: the pointer (not referenced), whether it had pages, how often
 *	it had been evicted.
 */
struct panthor_check_snapshot {
	unsigned int count;
	struct {
		struct panthor_gem_object *bo;
		bool resident;
		int reclaimed;
	} bos[] __counted_by(count);
};

/**
 * panthor_check_snapshot() - Remember which BOs have pages
 * @test: Test whose device it is; owns the memory.
 *
 * Context: Test thread. Other threads must be quiet; the caller may hold resvs.
 *
 * Return: The snapshot.
 */
struct panthor_check_snapshot *panthor_check_snapshot(struct kunit *test)
{
	struct check *c = check_open(test, NULL);
	struct panthor_check_snapshot *snap;

	snap = kunit_kzalloc(test, struct_size(snap, bos, c->nr_bos), GFP_KERNEL);
	if (snap) {
		snap->count = c->nr_bos;
		for (unsigned int i = 0; i < c->nr_bos; i++) {
			struct panthor_gem_object *bo = c->bos[i].bo;

			snap->bos[i].bo = bo;
			snap->bos[i].resident = bo->backing.pages;
			snap->bos[i].reclaimed = atomic_read(&bo->reclaimed_count);
		}
	}
	check_close(c);
	KUNIT_ASSERT_NOT_NULL(test, snap);

	return snap;
}

/**
 * panthor_check_scan() - Compare what a scan reported with what it did
 * @test: Test whose device was scanned.
 * @before: State before the scan.
 * @ret: What scan_objects() returned.
 * @report: Violations of I24 and I25 are added to it.
 *
 * A BO that was freed meanwhile is left out.
 *
 * Context: Test thread. Other threads must be quiet; the caller may hold resvs.
 */
void panthor_check_scan(struct kunit *test,
			const struct panthor_check_snapshot *before,
			unsigned long ret, struct panthor_check_report *report)
{
	unsigned long freed = ret == SHRINK_STOP ? 0 : ret;
	struct check *c = check_open(test, report);
	unsigned long left = 0;

	for (unsigned int i = 0; i < before->count; i++) {
		struct panthor_gem_object *bo = before->bos[i].bo;
		int was = before->bos[i].reclaimed, expected = was;

		if (!check_find_bo(c, bo))
			continue;
		if (before->bos[i].resident && !bo->backing.pages) {
			left += bo->base.size >> PAGE_SHIFT;
			expected = was == INT_MAX ? INT_MAX : was + 1;
		}
		if (atomic_read(&bo->reclaimed_count) != expected)
			check_violated(report, 25, "reclaimed_count went from %d to %d, not %d",
				       was, atomic_read(&bo->reclaimed_count), expected);
	}
	check_close(c);

	if (freed != left)
		check_violated(report, 24, "scan reported %lu pages, %lu left memory", freed, left);
}

/**
 * panthor_check_count() - Compare what a count reported with what is there
 * @test: Test whose device was counted.
 * @can_block: Whether the caller could wait for the GPU.
 * @ret: What count_objects() returned.
 * @report: Violations of I24 are added to it.
 *
 * Without swap space nothing may be counted, as contents cannot go anywhere.
 *
 * Context: Test thread. Other threads must be quiet; the caller may hold resvs.
 */
void panthor_check_count(struct kunit *test, bool can_block, unsigned long ret,
			 struct panthor_check_report *report)
{
	struct check *c = check_open(test, report);
	struct drm_gpuvm *only_vm;
	unsigned long pages = 0;

	for (unsigned int i = 0; i < c->nr_bos; i++) {
		struct panthor_gem_object *bo = c->bos[i].bo;
		enum panthor_gem_reclaim_state state = check_derive_state(bo, &only_vm);

		if (state == PANTHOR_GEM_UNRECLAIMABLE ||
		    (state > PANTHOR_GEM_MMAPPED && !can_block))
			continue;
		pages += bo->base.size >> PAGE_SHIFT;
	}
	check_close(c);

	if (ret != (panthor_seam_swap() > 0 ? (pages ?: SHRINK_EMPTY) : 0))
		check_violated(report, 24, "count reported %#lx, %lu reclaimable pages, swap %ld",
			       ret, pages, panthor_seam_swap());
}

/**
 * panthor_expect_scan() - Fail the test if a scan's report is not what it did
 * @test: Test whose device was scanned.
 * @before: State before the scan.
 * @ret: What scan_objects() returned.
 *
 * Context: Test thread. Other threads must be quiet; the caller may hold resvs.
 */
void panthor_expect_scan(struct kunit *test,
			 const struct panthor_check_snapshot *before,
			 unsigned long ret)
{
	struct panthor_check_report report = {};

	panthor_check_scan(test, before, ret, &report);
	panthor_expect_report(test, &report);
}

/**
 * panthor_expect_count() - Fail the test if a count is not what is there
 * @test: Test whose device was counted.
 * @can_block: Whether the caller could wait for the GPU.
 * @ret: What count_objects() returned.
 *
 * Context: Test thread. Other threads must be quiet; the caller may hold resvs.
 */
void panthor_expect_count(struct kunit *test, bool can_block, unsigned long ret)
{
	struct panthor_check_report report = {};

	panthor_check_count(test, can_block, ret, &report);
	panthor_expect_report(test, &report);
}
