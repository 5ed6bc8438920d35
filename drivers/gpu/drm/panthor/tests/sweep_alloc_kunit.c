// SPDX-License-Identifier: GPL-2.0-only
/* Every slab and page allocation of every operation fails, one at a time. */

#include <linux/errno.h>
#include <linux/limits.h>
#include <linux/minmax.h>
#include <linux/string.h>

#include "check.h"
#include "fixture.h"
#include "reclaim.h"
#include "seam.h"
#include "sweep.h"
#include "sweep_inject.h"

/* Tries to release what an operation made without an allocation of others. */
#define RELEASES	3

static int sweep_alloc_init(struct kunit *test)
{
	int ret = reclaim_init(test);

	sweep_inject_init(test);
	return ret;
}

/**
 * struct alloc_param - An operation and what a failed allocation makes of it
 * @op: The operation.
 * @err: The errno; 0 if it tries again by itself.
 * @other: Another errno: that of a callee which does not say ENOMEM.
 * @stop: Spare what comes from SEAM_VMAP on.
 * @passes: How often to go through all of them, 0 for once. A slab cache that
 *	happens to be refilled shifts the numbers of what comes after it, so
 *	that one pass can miss an allocation.
 */
struct alloc_param {
	const struct sweep_op *op;
	int err;
	int other;
	bool stop;
	unsigned int passes;
};

/*
 * shmem has no space if it gets no inode, and alloc_io_pgtable_ops() does not
 * say why it failed. Allocations of vmap() itself are spared: kmemleak takes it
 * for an error of its own if the memory for its notes is what fails. That
 * vmap() fails as a whole is a row of the seam sweep.
 */
static const struct alloc_param alloc_params[] = {
	{ &sweep_create, -ENOMEM, -ENOSPC },
	{ &sweep_pin, -ENOMEM, -ENOMEM },
	{ &sweep_vmap, -ENOMEM, -ENOMEM, .stop = true },
	{ &sweep_get_sgt, -ENOMEM, -ENOMEM },
	{ &sweep_mmap, -ENOMEM, -ENOMEM },
	{ &sweep_touch, 0, 0, .passes = 4 },
	{ &sweep_sync, -ENOMEM, -ENOMEM },
	{ &sweep_vm_create, -ENOMEM, -EINVAL },
	{ &sweep_map, -ENOMEM, -ENOMEM },
	{ &sweep_map_over, -ENOMEM, -ENOMEM },
	{ &sweep_unmap_middle, -ENOMEM, -ENOMEM },
	{ &sweep_kernel_bo, -ENOMEM, -ENOSPC },
	{ &sweep_fw_bo, -ENOMEM, -ENOSPC },
	{ &sweep_restore, -ENOMEM, -ENOMEM, .passes = 4 },
	{ &sweep_restore_split, -ENOMEM, -ENOMEM, .passes = 4 },
	{ &sweep_export, -ENOMEM, -ENOMEM },
	{ &sweep_attach, -ENOMEM, -ENOMEM },
	{ &sweep_attach_map, -ENOMEM, -ENOMEM },
	{ &sweep_import, -ENOMEM, -ENOMEM },
	{ &sweep_pool, -ENOMEM, -ENOSPC },
	{ &sweep_pool_vm, -ENOMEM, -EINVAL },
	{ &sweep_bind, -ENOMEM, -ENOMEM },
	{ &sweep_bind_unmap, -ENOMEM, -ENOMEM },
	{ &sweep_sparse, -ENOMEM, -ENOMEM },
	{ &sweep_job_map, -ENOMEM, -ENOMEM },
	{ &sweep_job_map_over, -ENOMEM, -ENOMEM },
	{ &sweep_job_unmap, -ENOMEM, -ENOMEM },
};

static void alloc_desc(const struct alloc_param *p, char *desc)
{
	strscpy(desc, p->op->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(alloc, alloc_params, alloc_desc);

/*
 * One attempt from a fresh state, in which the n-th allocation fails. Not every
 * failed allocation fails the operation: caches are refilled in vain, and there
 * are second tries. Returns false when there is no n-th allocation.
 */
static bool alloc_attempt(struct kunit *test, const struct alloc_param *p, unsigned int n,
			  unsigned int *failed)
{
	struct sweep_state s;
	unsigned int bos;
	bool fired;
	int ret;

	sweep_begin(test, &s, p->op);
	bos = sweep_count_bos(test);
	if (p->stop)
		panthor_seam_hook(test, SEAM_VMAP, 1, sweep_inject_stop, NULL);
	sweep_inject_arm(n);
	ret = p->op->op(&s);
	fired = sweep_inject_fired();

	if (!ret) {
		if (p->op->undo)
			p->op->undo(&s);
		panthor_expect_invariants(test);
		return fired;
	}

	++*failed;
	KUNIT_EXPECT_TRUE_MSG(test, fired && (ret == p->err || ret == p->other),
			      "%s with allocation %u failed: %d", p->op->name, n, ret);
	KUNIT_EXPECT_EQ_MSG(test, sweep_count_bos(test), bos, "%s with allocation %u failed",
			    p->op->name, n);
	panthor_expect_invariants(test);
	sweep_expect_works(&s, p->op, "allocation", n);
	panthor_expect_invariants(test);

	return fired;
}

/*
 * Memory is short at the first allocation of an operation, at the second, and
 * so on, until it has no more of them.
 * Succeeds if there was at least one; and if each time the operation works
 * nevertheless, or returns an errno of the row, leaves no BO behind and no
 * invariant broken, and works when it is repeated.
 */
static void failed_allocation_is_undone(struct kunit *test)
{
	const struct alloc_param *p = test->param_value;
	unsigned int pass = 0, n, failed;

	do {
		failed = 0;
		for (n = 1; n <= SWEEP_MAX && alloc_attempt(test, p, n, &failed);)
			n++;

		KUNIT_EXPECT_GT_MSG(test, n, 1, "%s never allocates", p->op->name);
		KUNIT_EXPECT_LE_MSG(test, n, SWEEP_MAX, "no end of %s", p->op->name);
		kunit_info(test, "%s: %u allocations failed, %u times the operation\n",
			   p->op->name, n - 1, failed);
	} while (++pass < p->passes);
}

static void kind_desc(const struct reclaim_kind *kind, char *desc)
{
	strscpy(desc, kind->desc, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(kind, reclaim_kinds, kind_desc);

/*
 * Memory is freed when there is none.
 * Succeeds if the eviction of a BO allocates nothing, whatever holds it.
 */
static void eviction_allocates_nothing(struct kunit *test)
{
	const struct reclaim_kind *kind = test->param_value;
	struct sweep_state s = { .test = test, .bo = kind->make(test, BO_SIZE) };
	int ret;

	sweep_inject_arm(1);
	ret = sweep_evict.op(&s);

	KUNIT_EXPECT_FALSE(test, sweep_inject_fired());
	KUNIT_EXPECT_EQ(test, ret, 0);
}

static const struct sweep_op *const release_params[] = {
	&sweep_create, &sweep_pin, &sweep_vmap, &sweep_vm_create, &sweep_attach,
	&sweep_attach_map, &sweep_import, &sweep_kernel_bo, &sweep_fw_bo, &sweep_bind,
	&sweep_sparse,
};

static void release_desc(const struct sweep_op *const *op, char *desc)
{
	strscpy(desc, (*op)->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(release, release_params, release_desc);

/*
 * What cannot report a failure must not have one. Allocations are counted, not failed:
 * a VM that cannot be unmapped would stay, and with it all that comes after the case.
 * Succeeds if the way back from an operation allocates nothing.
 */
static void release_allocates_nothing(struct kunit *test)
{
	const struct sweep_op *op = *(const struct sweep_op *const *)test->param_value;
	unsigned int least = UINT_MAX;
	struct sweep_state s;

	/* Debug options refill pools of theirs now and then, but not each time. */
	for (unsigned int i = 0; least && i < RELEASES; i++) {
		sweep_begin(test, &s, op);
		KUNIT_ASSERT_EQ(test, op->op(&s), 0);
		sweep_inject_arm(SWEEP_MAX);
		op->undo(&s);
		least = min(least, sweep_inject_seen(SWEEP_MAX));
	}
	KUNIT_EXPECT_EQ(test, least, 0);
}

static struct kunit_case sweep_alloc_cases[] = {
	KUNIT_CASE_PARAM_ATTR(failed_allocation_is_undone, alloc_gen_params,
			      { .speed = KUNIT_SPEED_VERY_SLOW }),
	KUNIT_CASE_PARAM(eviction_allocates_nothing, kind_gen_params),
	KUNIT_CASE_PARAM(release_allocates_nothing, release_gen_params),
	{}
};

static struct kunit_suite sweep_alloc_suite = {
	.name = "panthor_sweep_alloc",
	.init = sweep_alloc_init,
	.exit = panthor_kunit_exit,
	.suite_exit = panthor_kunit_suite_exit,
	.test_cases = sweep_alloc_cases,
};

kunit_test_suite(sweep_alloc_suite);
