// SPDX-License-Identifier: GPL-2.0-only
/*
 * The switches of the fault injection, for kernels without a user space that
 * could set them. Needs what the kernel does not export to modules.
 */

#include <linux/err.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/mount.h>
#include <linux/string.h>
#include <linux/uaccess.h>

#include <kunit/resource.h>

#include "fixture.h"
#include "sweep_inject.h"

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
 * Also fail allocations that could wait, and those of single and of high pages.
 * This alone fails nothing: the probability stays zero, and only the thread that
 * asks for it is failed. ci/vm/init sets the same.
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

/**
 * sweep_switch_on() - Have allocations fail that could wait
 * @test: The test; a failure aborts it.
 *
 * Context: Test thread.
 */
void sweep_switch_on(struct kunit *test)
{
	struct vfsmount *mnt;
	void __user *ubuf;

	/* Any memory a user program could have. */
	ubuf = (void __user *)panthor_kunit_mmap(test, panthor_kunit_bo(test, PAGE_SIZE));
	mnt = sweep_debugfs(test);
	for (unsigned int i = 0; i < ARRAY_SIZE(sweep_switches); i++)
		KUNIT_ASSERT_EQ_MSG(test, sweep_write(mnt, &sweep_switches[i], ubuf), 0, "%s",
				    sweep_switches[i].path);
}
