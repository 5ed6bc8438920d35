// SPDX-License-Identifier: GPL-2.0-only
/*
 * Every slab and page allocation of every operation fails, one at a time. For
 * drivers built in: a module cannot reach the switches of the fault injection,
 * which are files in debugfs.
 */

#include <linux/err.h>
#include <linux/errno.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/mount.h>
#include <linux/sched.h>
#include <linux/string.h>
#include <linux/uaccess.h>

#include <kunit/resource.h>

#include "check.h"
#include "fixture.h"
#include "reclaim.h"
#include "sweep.h"

/**
 * struct sweep_switch - A switch of the fault injection
 * @path: File in debugfs.
 * @value: What it has to be.
 */
struct sweep_switch {
	const char *path;
	const char *value;
};

/*
 * Also fail allocations that could wait, which the driver's all can, and those
 * of single and of high pages. This alone fails nothing: the probability stays
 * zero, and only the thread that asks for it is failed.
 */
static const struct sweep_switch sweep_switches[] = {
	{ "failslab/ignore-gfp-wait", "N" },
	{ "failslab/verbose", "0" },
	{ "fail_page_alloc/ignore-gfp-wait", "N" },
	{ "fail_page_alloc/ignore-gfp-highmem", "N" },
	{ "fail_page_alloc/min-order", "0" },
	{ "fail_page_alloc/verbose", "0" },
};

KUNIT_DEFINE_ACTION_WRAPPER(sweep_unmount, kern_unmount, struct vfsmount *);

static struct vfsmount *sweep_debugfs(struct kunit *test)
{
	struct file_system_type *type = get_fs_type("debugfs");
	struct vfsmount *mnt;

	KUNIT_ASSERT_NOT_NULL(test, type);
	mnt = kern_mount(type);
	put_filesystem(type);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, mnt);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, sweep_unmount, mnt), 0);

	return mnt;
}

static ssize_t sweep_write(struct vfsmount *mnt, const struct sweep_switch *sw,
			   void __user *ubuf)
{
	size_t len = strlen(sw->value);
	struct file *file;
	loff_t pos = 0;
	ssize_t ret;

	if (copy_to_user(ubuf, sw->value, len))
		return -EFAULT;

	file = file_open_root_mnt(mnt, sw->path, O_WRONLY, 0);
	if (IS_ERR(file))
		return PTR_ERR(file);

	ret = vfs_write(file, ubuf, len, &pos);
	fput(file);

	return ret == len ? 0 : -EIO;
}

static int sweep_alloc_init(struct kunit *test)
{
	int ret = reclaim_init(test);
	struct vfsmount *mnt;
	void __user *ubuf;

	if (!IS_ENABLED(CONFIG_FAILSLAB) || !IS_ENABLED(CONFIG_FAIL_PAGE_ALLOC) ||
	    !IS_ENABLED(CONFIG_FAULT_INJECTION_DEBUG_FS))
		kunit_skip(test, "needs the fault injection of slab and page allocations");

	/* Any memory a user program could have. */
	ubuf = (void __user *)panthor_kunit_mmap(test, panthor_kunit_bo(test, PAGE_SIZE));
	mnt = sweep_debugfs(test);
	for (unsigned int i = 0; i < ARRAY_SIZE(sweep_switches); i++)
		KUNIT_ASSERT_EQ_MSG(test, sweep_write(mnt, &sweep_switches[i], ubuf), 0, "%s",
				    sweep_switches[i].path);

	return ret;
}

#ifdef CONFIG_FAULT_INJECTION
static void sweep_arm(unsigned int n)
{
	WRITE_ONCE(current->fail_nth, n);
}

/* Whether the failure happened. Disarms. */
static bool sweep_fired(void)
{
	bool fired = !READ_ONCE(current->fail_nth);

	WRITE_ONCE(current->fail_nth, 0);
	return fired;
}
#else
static void sweep_arm(unsigned int n)
{
}

static bool sweep_fired(void)
{
	return false;
}
#endif

/**
 * struct alloc_param - An operation and what a failed allocation makes of it
 * @op: The operation.
 * @err: The errno; 0 if it tries again by itself.
 * @other: Another errno: that of a callee which does not say ENOMEM.
 */
struct alloc_param {
	const struct sweep_op *op;
	int err;
	int other;
};

/*
 * shmem has no space if it gets no inode, and alloc_io_pgtable_ops() does not
 * say why it failed. vmap is missing: kmemleak takes it for an error of its own
 * if the memory for its notes on vmap() is what fails.
 */
static const struct alloc_param alloc_params[] = {
	{ &sweep_create, -ENOMEM, -ENOSPC },
	{ &sweep_pin, -ENOMEM, -ENOMEM },
	{ &sweep_get_sgt, -ENOMEM, -ENOMEM },
	{ &sweep_touch, 0, 0 },
	{ &sweep_sync, -ENOMEM, -ENOMEM },
	{ &sweep_vm_create, -ENOMEM, -EINVAL },
	{ &sweep_map, -ENOMEM, -ENOMEM },
	{ &sweep_map_over, -ENOMEM, -ENOMEM },
	{ &sweep_unmap_middle, -ENOMEM, -ENOMEM },
	{ &sweep_kernel_bo, -ENOMEM, -ENOSPC },
	{ &sweep_fw_bo, -ENOMEM, -ENOSPC },
	{ &sweep_restore, -ENOMEM, -ENOMEM },
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
	sweep_arm(n);
	ret = p->op->op(&s);
	fired = sweep_fired();

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
	unsigned int n = 1, failed = 0;

	while (n <= SWEEP_MAX && alloc_attempt(test, p, n, &failed))
		n++;

	KUNIT_EXPECT_GT_MSG(test, n, 1, "%s never allocates", p->op->name);
	KUNIT_EXPECT_LE_MSG(test, n, SWEEP_MAX, "no end of %s", p->op->name);
	kunit_info(test, "%s: %u allocations failed, %u times the operation\n", p->op->name,
		   n - 1, failed);
}

/*
 * Memory is freed when there is none.
 * Succeeds if the eviction of a BO that a VM maps allocates nothing.
 */
static void eviction_allocates_nothing(struct kunit *test)
{
	struct sweep_state s;
	int ret;

	sweep_begin(test, &s, &sweep_evict);
	sweep_arm(1);
	ret = sweep_evict.op(&s);

	KUNIT_EXPECT_FALSE(test, sweep_fired());
	KUNIT_EXPECT_EQ(test, ret, 0);
}

static struct kunit_case sweep_alloc_cases[] = {
	KUNIT_CASE_PARAM(failed_allocation_is_undone, alloc_gen_params),
	KUNIT_CASE(eviction_allocates_nothing),
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
