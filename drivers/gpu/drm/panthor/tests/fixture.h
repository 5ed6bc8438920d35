/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef __PANTHOR_TESTS_FIXTURE_H__
#define __PANTHOR_TESTS_FIXTURE_H__

/**
 * DOC: Fixture
 *
 * A panthor device without a GPU: the driver's own GEM, MMU and shrinker code
 * on a mock device whose registers are plain memory. Enough for everything
 * that happens before an address space goes live; fake_as.h has what it takes
 * from there on.
 *
 * All objects are released by KUnit actions. Suites use panthor_kunit_init(),
 * panthor_kunit_exit() and panthor_kunit_suite_exit() as their .init, .exit and
 * .suite_exit; the second runs the invariant checker, so a case that leaves a
 * false state fails even if it did not look.
 */

#include <kunit/test.h>

#include <linux/device.h>
#include <linux/gfp_types.h>
#include <linux/types.h>
#include <linux/xarray.h>

#include "../panthor_device.h"
#include "../panthor_gem.h"
#include "../panthor_mmu.h"

struct check;
struct drm_file;
struct file;
struct mm_struct;

/* VA space of a test VM, in bytes: [0, USER) is free for the test's mappings. */
#define PANTHOR_KUNIT_VA_USER	SZ_1T
#define PANTHOR_KUNIT_VA_KERNEL	SZ_1G

/**
 * struct panthor_kunit - State behind one test case
 * @test: The test.
 * @dev: Mock device without DMA limits, so that a table has one segment per folio.
 *	The cases of a suite share it.
 * @ptdev: Driver's device.
 * @file: DRM file for calls that want one; owns no handles between calls.
 * @mm: Address space of the test's user mappings, referenced; NULL before the
 *	first one.
 * @pins: Pins taken by the test itself, per BO: the checker has to know.
 * @imports: Imported BOs, by address; the device has no list of those.
 * @pools: VM pools of the test's own.
 * @check: Memory of the invariant checker, or NULL before the first check.
 */
struct panthor_kunit {
	struct kunit *test;
	struct device *dev;
	struct panthor_device *ptdev;
	struct drm_file *file;
	struct mm_struct *mm;
	struct xarray pins;
	struct xarray imports;
	unsigned int pools;
	struct check *check;
};

int panthor_kunit_init(struct kunit *test);
int panthor_kunit_init_coherent(struct kunit *test);
void panthor_kunit_exit(struct kunit *test);
void panthor_kunit_suite_exit(struct kunit_suite *suite);

static inline struct panthor_kunit *to_panthor_kunit(struct kunit *test)
{
	return test->priv;
}

struct panthor_gem_object *
panthor_kunit_try_bo(struct kunit *test, struct panthor_vm *exclusive_vm,
		     u64 size, u32 flags);
struct panthor_gem_object *panthor_kunit_bo(struct kunit *test, u64 size);
struct panthor_gem_object *
panthor_kunit_bo_flags(struct kunit *test, u64 size, u32 flags);
void panthor_kunit_bo_put(struct kunit *test, struct panthor_gem_object *bo);

int panthor_kunit_pin(struct kunit *test, struct panthor_gem_object *bo);
void panthor_kunit_unpin(struct kunit *test, struct panthor_gem_object *bo);
void panthor_kunit_count_pins(struct kunit *test, struct panthor_gem_object *bo, long delta);
void panthor_kunit_expect_pin(struct kunit *test, struct panthor_gem_object *bo);
unsigned long panthor_kunit_pins(struct panthor_kunit *ctx,
				 struct panthor_gem_object *bo);
void *panthor_kunit_vmap(struct kunit *test, struct panthor_gem_object *bo);
void panthor_kunit_vunmap(struct kunit *test, struct panthor_gem_object *bo);
void panthor_kunit_make_resident(struct kunit *test, struct panthor_gem_object *bo);

struct panthor_vm *panthor_kunit_vm(struct kunit *test);
void panthor_kunit_vm_put(struct kunit *test, struct panthor_vm *vm);
int panthor_kunit_prepare_job(struct panthor_vm *vm);
void panthor_kunit_map(struct kunit *test, struct panthor_vm *vm,
		       struct panthor_gem_object *bo, u64 va);
void panthor_kunit_unmap(struct kunit *test, struct panthor_vm *vm,
			 struct panthor_gem_object *bo, u64 va);
struct panthor_kernel_bo *
panthor_kunit_kernel_bo(struct kunit *test, struct panthor_vm *vm, u64 size);
struct file *panthor_kunit_mmap_file(struct panthor_gem_object *bo);
unsigned long panthor_kunit_mmap(struct kunit *test, struct panthor_gem_object *bo);
void panthor_kunit_munmap(struct kunit *test, unsigned long addr, size_t size);

bool panthor_kunit_can_block(gfp_t gfp);
unsigned long panthor_kunit_count(struct kunit *test, gfp_t gfp);
unsigned long panthor_kunit_scan(struct kunit *test, gfp_t gfp, unsigned long nr);

static inline unsigned long panthor_kunit_pages(struct panthor_gem_object *bo)
{
	return bo->base.size >> PAGE_SHIFT;
}

void panthor_kunit_need_fatal(struct kunit *test, const char *row);

const char *panthor_kunit_state_name(enum panthor_gem_reclaim_state state);

/* Macros, so that a failure names the line of the case. */
#define expect_bo_state(test, bo, want)						\
do {										\
	enum panthor_gem_reclaim_state __is = (bo)->reclaim_state, __want = (want); \
										\
	KUNIT_EXPECT_EQ_MSG(test, __is, __want, "is %s, not %s",		\
			    panthor_kunit_state_name(__is),			\
			    panthor_kunit_state_name(__want));			\
} while (0)

#define expect_on_lru(test, bo, lrup)						\
	KUNIT_EXPECT_PTR_EQ(test, (bo)->base.lru, lrup)

#endif
