// SPDX-License-Identifier: GPL-2.0-only
/* Every seam of every operation fails at each of its calls, one at a time. */

#include <linux/errno.h>
#include <linux/string.h>

#include "check.h"
#include "fixture.h"
#include "reclaim.h"
#include "seam.h"
#include "sweep.h"

/**
 * struct sweep_param - A step of an operation that can fail
 * @op: The operation.
 * @id: The step.
 * @err: Errno of the step, one that nothing else returns where possible.
 * @expected: What the operation makes of it; 0 if it tries again by itself.
 */
struct sweep_param {
	const struct sweep_op *op;
	enum panthor_seam_id id;
	int err;
	int expected;
};

static const struct sweep_param sweep_params[] = {
	{ &sweep_create, SEAM_BO_ALLOC, -EIO, -ENOMEM },
	{ &sweep_create, SEAM_GEM_OBJECT_INIT, -ENFILE, -ENFILE },
	{ &sweep_create, SEAM_MMAP_OFFSET, -ENOSPC, -ENOSPC },
	{ &sweep_create, SEAM_HANDLE_CREATE, -EMFILE, -EMFILE },
	{ &sweep_pin, SEAM_GET_PAGES, -ESTALE, -ESTALE },
	{ &sweep_vmap, SEAM_GET_PAGES, -ESTALE, -ESTALE },
	{ &sweep_vmap, SEAM_PAGES_TO_SG, -EMLINK, -EMLINK },
	{ &sweep_vmap, SEAM_DMA_MAP, -EREMOTEIO, -EREMOTEIO },
	{ &sweep_vmap, SEAM_VMAP, -EIO, -ENOMEM },
	{ &sweep_get_sgt, SEAM_PAGES_TO_SG, -EMLINK, -EMLINK },
	{ &sweep_get_sgt, SEAM_DMA_MAP, -EREMOTEIO, -EREMOTEIO },
	{ &sweep_touch, SEAM_RESV_LOCK_INTR, -EINTR, 0 },
	{ &sweep_touch, SEAM_GET_PAGES, -ENOMEM, 0 },
	{ &sweep_touch, SEAM_PAGES_TO_SG, -ENOMEM, 0 },
	{ &sweep_touch, SEAM_DMA_MAP, -ENOMEM, 0 },
	{ &sweep_sync, SEAM_RESV_LOCK_INTR, -EINTR, -EINTR },
	{ &sweep_sync, SEAM_PAGES_TO_SG, -EMLINK, -EMLINK },
	{ &sweep_sync, SEAM_DMA_MAP, -EREMOTEIO, -EREMOTEIO },
	{ &sweep_vm_create, SEAM_PGTABLE_ALLOC, -EIO, -EINVAL },
	{ &sweep_map, SEAM_GET_PAGES, -ESTALE, -ESTALE },
	{ &sweep_map, SEAM_PAGES_TO_SG, -EMLINK, -EMLINK },
	{ &sweep_map, SEAM_DMA_MAP, -EREMOTEIO, -EREMOTEIO },
	{ &sweep_map, SEAM_VM_BO_CREATE, -EIO, -ENOMEM },
	{ &sweep_map, SEAM_PT_BULK, -EIO, -ENOMEM },
	{ &sweep_map_over, SEAM_GET_PAGES, -ESTALE, -ESTALE },
	{ &sweep_map_over, SEAM_PAGES_TO_SG, -EMLINK, -EMLINK },
	{ &sweep_map_over, SEAM_DMA_MAP, -EREMOTEIO, -EREMOTEIO },
	{ &sweep_map_over, SEAM_VM_BO_CREATE, -EIO, -ENOMEM },
	{ &sweep_map_over, SEAM_PT_BULK, -EIO, -ENOMEM },
	{ &sweep_unmap_middle, SEAM_PT_BULK, -EIO, -ENOMEM },
	{ &sweep_kernel_bo, SEAM_BO_ALLOC, -EIO, -ENOMEM },
	{ &sweep_kernel_bo, SEAM_GEM_OBJECT_INIT, -ENFILE, -ENFILE },
	{ &sweep_kernel_bo, SEAM_MMAP_OFFSET, -EMFILE, -EMFILE },
	{ &sweep_kernel_bo, SEAM_VA_INSERT, -ENOSPC, -ENOSPC },
	{ &sweep_kernel_bo, SEAM_GET_PAGES, -ESTALE, -ESTALE },
	{ &sweep_kernel_bo, SEAM_PAGES_TO_SG, -EMLINK, -EMLINK },
	{ &sweep_kernel_bo, SEAM_DMA_MAP, -EREMOTEIO, -EREMOTEIO },
	{ &sweep_kernel_bo, SEAM_VM_BO_CREATE, -EIO, -ENOMEM },
	{ &sweep_kernel_bo, SEAM_PT_BULK, -EIO, -ENOMEM },
	{ &sweep_fw_bo, SEAM_BO_ALLOC, -EIO, -ENOMEM },
	{ &sweep_fw_bo, SEAM_GEM_OBJECT_INIT, -ENFILE, -ENFILE },
	{ &sweep_fw_bo, SEAM_MMAP_OFFSET, -EMFILE, -EMFILE },
	{ &sweep_fw_bo, SEAM_VA_INSERT, -ENOSPC, -ENOSPC },
	{ &sweep_fw_bo, SEAM_GET_PAGES, -ESTALE, -ESTALE },
	{ &sweep_fw_bo, SEAM_PAGES_TO_SG, -EMLINK, -EMLINK },
	{ &sweep_fw_bo, SEAM_DMA_MAP, -EREMOTEIO, -EREMOTEIO },
	{ &sweep_fw_bo, SEAM_VM_BO_CREATE, -EIO, -ENOMEM },
	{ &sweep_fw_bo, SEAM_PT_BULK, -EIO, -ENOMEM },
	{ &sweep_evict, SEAM_FENCE_WAIT, PANTHOR_SEAM_TIMEOUT, -EAGAIN },
	{ &sweep_restore, SEAM_GET_PAGES, -ESTALE, -ESTALE },
	{ &sweep_restore, SEAM_PAGES_TO_SG, -EMLINK, -EMLINK },
	{ &sweep_restore, SEAM_DMA_MAP, -EREMOTEIO, -EREMOTEIO },
	{ &sweep_restore, SEAM_PT_BULK, -EIO, -ENOMEM },
	{ &sweep_restore_split, SEAM_GET_PAGES, -ESTALE, -ESTALE },
	{ &sweep_restore_split, SEAM_PAGES_TO_SG, -EMLINK, -EMLINK },
	{ &sweep_restore_split, SEAM_DMA_MAP, -EREMOTEIO, -EREMOTEIO },
	{ &sweep_restore_split, SEAM_PT_BULK, -EIO, -ENOMEM },
	{ &sweep_attach, SEAM_GET_PAGES, -ESTALE, -ESTALE },
	{ &sweep_attach_map, SEAM_PAGES_TO_SG, -EMLINK, -EMLINK },
	{ &sweep_pool, SEAM_BO_ALLOC, -EIO, -ENOMEM },
	{ &sweep_pool, SEAM_GEM_OBJECT_INIT, -ENFILE, -ENFILE },
	{ &sweep_pool, SEAM_MMAP_OFFSET, -EMFILE, -EMFILE },
	{ &sweep_pool_vm, SEAM_PGTABLE_ALLOC, -EIO, -EINVAL },
	{ &sweep_bind, SEAM_GET_PAGES, -ESTALE, -ESTALE },
	{ &sweep_bind, SEAM_PAGES_TO_SG, -EMLINK, -EMLINK },
	{ &sweep_bind, SEAM_DMA_MAP, -EREMOTEIO, -EREMOTEIO },
	{ &sweep_bind, SEAM_VM_BO_CREATE, -EIO, -ENOMEM },
	{ &sweep_bind, SEAM_PT_BULK, -EIO, -ENOMEM },
	{ &sweep_bind_unmap, SEAM_PT_BULK, -EIO, -ENOMEM },
	{ &sweep_sparse_first, SEAM_GET_PAGES, -ESTALE, -ESTALE },
	{ &sweep_sparse_first, SEAM_PAGES_TO_SG, -EMLINK, -EMLINK },
	{ &sweep_sparse_first, SEAM_DMA_MAP, -EREMOTEIO, -EREMOTEIO },
	{ &sweep_sparse_first, SEAM_VM_BO_CREATE, -EIO, -ENOMEM },
	{ &sweep_sparse_first, SEAM_PT_BULK, -EIO, -ENOMEM },
	{ &sweep_sparse, SEAM_VM_BO_CREATE, -EIO, -ENOMEM },
	{ &sweep_sparse, SEAM_PT_BULK, -EIO, -ENOMEM },
	{ &sweep_job_map, SEAM_GET_PAGES, -ESTALE, -ESTALE },
	{ &sweep_job_map, SEAM_PAGES_TO_SG, -EMLINK, -EMLINK },
	{ &sweep_job_map, SEAM_DMA_MAP, -EREMOTEIO, -EREMOTEIO },
	{ &sweep_job_map, SEAM_VM_BO_CREATE, -EIO, -ENOMEM },
	{ &sweep_job_map, SEAM_PT_BULK, -EIO, -ENOMEM },
	{ &sweep_job_map_over, SEAM_GET_PAGES, -ESTALE, -ESTALE },
	{ &sweep_job_map_over, SEAM_PAGES_TO_SG, -EMLINK, -EMLINK },
	{ &sweep_job_map_over, SEAM_DMA_MAP, -EREMOTEIO, -EREMOTEIO },
	{ &sweep_job_map_over, SEAM_VM_BO_CREATE, -EIO, -ENOMEM },
	{ &sweep_job_map_over, SEAM_PT_BULK, -EIO, -ENOMEM },
	{ &sweep_job_unmap, SEAM_PT_BULK, -EIO, -ENOMEM },
};

static void sweep_desc(const struct sweep_param *p, char *desc)
{
	snprintf(desc, KUNIT_PARAM_DESC_SIZE, "%s-%s", p->op->name, panthor_seam_name(p->id));
}

KUNIT_ARRAY_PARAM(sweep, sweep_params, sweep_desc);

/*
 * One attempt from a fresh state, in which the n-th call of the seam fails.
 * Returns false when the operation has no n-th call.
 */
static bool sweep_attempt(struct kunit *test, const struct sweep_param *p, unsigned int n)
{
	const char *seam = panthor_seam_name(p->id);
	struct sweep_state s;
	unsigned int bos;
	bool fired;
	int ret;

	sweep_begin(test, &s, p->op);
	bos = sweep_count_bos(test);
	panthor_seam_fail_nth(test, p->id, n, p->err);
	ret = p->op->op(&s);
	fired = panthor_seam_fired(p->id);
	panthor_seam_disarm(p->id);

	KUNIT_EXPECT_EQ_MSG(test, ret, fired ? p->expected : 0, "%s with %s %u failed",
			    p->op->name, seam, n);
	if (!ret) {
		if (p->op->undo)
			p->op->undo(&s);
		panthor_expect_invariants(test);
		return fired;
	}

	KUNIT_EXPECT_EQ_MSG(test, sweep_count_bos(test), bos, "%s with %s %u failed",
			    p->op->name, seam, n);
	panthor_expect_invariants(test);
	sweep_expect_works(&s, p->op, seam, n);
	panthor_expect_invariants(test);

	return fired;
}

/*
 * A step of an operation fails: at its first call, at its second, and so on,
 * until the operation has no more of them.
 * Succeeds if there was at least one; and if each time the operation returns
 * the errno of the row, leaves no BO behind and no invariant broken, and works
 * when it is repeated.
 */
static void failure_of_a_step_is_undone(struct kunit *test)
{
	const struct sweep_param *p = test->param_value;
	unsigned int n = 1;

	while (n <= SWEEP_MAX && sweep_attempt(test, p, n))
		n++;

	KUNIT_EXPECT_GT_MSG(test, n, 1, "%s never calls %s", p->op->name,
			    panthor_seam_name(p->id));
	KUNIT_EXPECT_LE_MSG(test, n, SWEEP_MAX, "no end at %s", panthor_seam_name(p->id));
	kunit_info(test, "%s: %s failed %u times\n", p->op->name, panthor_seam_name(p->id), n - 1);
}

static const void *sweep_op_gen_params(struct kunit *test, const void *prev, char *desc)
{
	const struct sweep_param *p = prev ? (const struct sweep_param *)prev + 1 : sweep_params;

	for (; p < sweep_params + ARRAY_SIZE(sweep_params); p++) {
		if (p != sweep_params && p[-1].op == p->op)
			continue;
		strscpy(desc, p->op->name, KUNIT_PARAM_DESC_SIZE);
		return p;
	}

	return NULL;
}

static bool sweep_lists(const struct sweep_op *op, enum panthor_seam_id id)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(sweep_params); i++)
		if (sweep_params[i].op == op && sweep_params[i].id == id)
			return true;

	return false;
}

/*
 * A step that is missing in the table above would never be failed.
 * Succeeds if the operation goes through no seam that can fail and is not
 * listed for it.
 */
static void every_step_that_can_fail_is_listed(struct kunit *test)
{
	const struct sweep_op *op = ((const struct sweep_param *)test->param_value)->op;
	unsigned int before[SEAM_COUNT];
	struct sweep_state s;

	sweep_begin(test, &s, op);
	for (unsigned int id = 0; id < SEAM_COUNT; id++)
		before[id] = panthor_seam_calls(id);
	KUNIT_ASSERT_EQ(test, op->op(&s), 0);
	for (unsigned int id = 0; id < SEAM_COUNT; id++) {
		if (!panthor_seam_can_fail(id) || panthor_seam_calls(id) == before[id])
			continue;
		KUNIT_EXPECT_TRUE_MSG(test, sweep_lists(op, id), "%s calls %s", op->name,
				      panthor_seam_name(id));
	}
	if (op->undo)
		op->undo(&s);
}

static struct kunit_case sweep_seam_cases[] = {
	KUNIT_CASE_PARAM(every_step_that_can_fail_is_listed, sweep_op_gen_params),
	KUNIT_CASE_PARAM(failure_of_a_step_is_undone, sweep_gen_params),
	{}
};

static struct kunit_suite sweep_seam_suite = {
	.name = "panthor_sweep_seam",
	.init = reclaim_init,
	.exit = panthor_kunit_exit,
	.suite_exit = panthor_kunit_suite_exit,
	.test_cases = sweep_seam_cases,
};

kunit_test_suite(sweep_seam_suite);
