/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef __PANTHOR_TESTS_RECLAIM_H__
#define __PANTHOR_TESTS_RECLAIM_H__

#include <kunit/test.h>

#include <linux/sizes.h>
#include <linux/types.h>

#include "../panthor_gem.h"

/* Size of a BO in cases where sizes do not matter: four pages of any size. */
#define BO_SIZE		(4 * PAGE_SIZE)
#define BO_PAGES	4

/* Far more than all BOs of a case together, in pages. */
#define EVERYTHING	4096

/* GPU addresses far enough from each other for any BO of a case. */
#define VA(n)		(SZ_1G + (n) * (u64)SZ_16M)

/**
 * struct reclaim_kind - A way to hold on to a BO's pages
 * @desc: Name in the results.
 * @make: Makes a BO held that way.
 * @state: The state that follows.
 */
struct reclaim_kind {
	const char *desc;
	struct panthor_gem_object *(*make)(struct kunit *test, u64 size);
	enum panthor_gem_reclaim_state state;
};

#define RECLAIM_KINDS	4

extern const struct reclaim_kind reclaim_kinds[RECLAIM_KINDS];

int reclaim_init(struct kunit *test);
struct panthor_gem_object *reclaim_unused_bo(struct kunit *test, u64 size);
struct panthor_gem_object *reclaim_mmapped_bo(struct kunit *test, u64 size);
struct panthor_gem_object *reclaim_single_vm_bo(struct kunit *test, u64 size);
struct panthor_gem_object *reclaim_multi_vm_bo(struct kunit *test, u64 size);

#endif
