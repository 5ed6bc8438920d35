// SPDX-License-Identifier: GPL-2.0-only
/*
 * Checks over everything that ran before. Linked last, so it runs last; only
 * for drivers built in, where there is no user space to ask the same questions.
 *
 * The lines printed here are read by the harness: a run in which they are
 * missing is a run that stopped early.
 */

#define pr_fmt(fmt) "panthor-harness: " fmt

#include <linux/debug_locks.h>
#include <linux/err.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/kallsyms.h>
#include <linux/mman.h>
#include <linux/mount.h>
#include <linux/module.h>
#include <linux/printk.h>
#include <linux/sched.h>
#include <linux/string.h>
#include <linux/uaccess.h>

#include <kunit/resource.h>
#include <kunit/test.h>

/* kmemleak does not report an object younger than this, in milliseconds. */
#define KMEMLEAK_MIN_AGE_MS	5000
#define KMEMLEAK_MIN_AGE_SYM	"jiffies_min_age"
#define GATE_BUF_SIZE		SZ_16K
#define GATE_KMEMLEAK_OFF	UINT_MAX

/*
 * Lockdep switches itself off at its first report, and then sees nothing.
 * Succeeds if it is still on.
 */
static void lockdep_is_still_on(struct kunit *test)
{
	if (!IS_ENABLED(CONFIG_PROVE_LOCKING))
		kunit_skip(test, "needs CONFIG_PROVE_LOCKING");

	pr_info("lockdep debug_locks=%d\n", debug_locks);
	KUNIT_EXPECT_TRUE(test, debug_locks);
}

KUNIT_DEFINE_ACTION_WRAPPER(gate_unmount, kern_unmount, struct vfsmount *);
KUNIT_DEFINE_ACTION_WRAPPER(gate_fput, fput, struct file *);

/* The file a person would use; there is no other interface. */
static struct file *gate_open_kmemleak(struct kunit *test)
{
	struct file_system_type *type = get_fs_type("debugfs");
	struct vfsmount *mnt;
	struct file *file;

	KUNIT_ASSERT_NOT_NULL(test, type);
	mnt = kern_mount(type);
	put_filesystem(type);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, mnt);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, gate_unmount, mnt), 0);

	file = file_open_root_mnt(mnt, "kmemleak", O_RDWR, 0);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, file);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, gate_fput, file), 0);

	return file;
}

static bool gate_write(struct kunit *test, struct file *file, char __user *ubuf,
		       const char *what)
{
	loff_t pos = 0;

	KUNIT_ASSERT_EQ(test, copy_to_user(ubuf, what, strlen(what)), 0);
	return vfs_write(file, ubuf, strlen(what), &pos) == strlen(what);
}

/* Reads the report, and prints it if asked; returns the number of leaks in it. */
static unsigned int gate_read_leaks(struct kunit *test, struct file *file,
				    char __user *ubuf, bool print)
{
	char *buf = kunit_kzalloc(test, GATE_BUF_SIZE + 1, GFP_KERNEL);
	unsigned int leaks = 0;
	loff_t pos = 0;
	ssize_t len;
	char *line;

	KUNIT_ASSERT_NOT_NULL(test, buf);
	while ((len = vfs_read(file, ubuf, GATE_BUF_SIZE, &pos)) > 0) {
		char *rest = buf;

		KUNIT_ASSERT_EQ(test, copy_from_user(buf, ubuf, len), 0);
		buf[len] = '\0';
		while ((line = strsep(&rest, "\n")) && (*line || rest)) {
			leaks += !!strstr(line, "unreferenced object");
			if (print)
				pr_info("kmemleak| %s\n", line);
		}
	}
	KUNIT_EXPECT_EQ(test, len, 0);
	kunit_kfree(test, buf);

	return leaks;
}

static unsigned int gate_scan_twice(struct kunit *test, struct file *file,
				    char __user *ubuf)
{
	if (!gate_write(test, file, ubuf, "scan") || !gate_write(test, file, ubuf, "scan"))
		return GATE_KMEMLEAK_OFF;

	return gate_read_leaks(test, file, ubuf, false);
}

/*
 * Two scans, because an object whose content changed since the last one is not
 * reported. With the minimum age at zero nobody has to wait for objects to grow
 * old; what is found that way is confirmed the slow way.
 */
static unsigned int gate_scan(struct kunit *test, struct file *file, char __user *ubuf)
{
	unsigned long *min_age = (void *)kallsyms_lookup_name(KMEMLEAK_MIN_AGE_SYM);
	unsigned long saved;
	unsigned int leaks;

	if (min_age) {
		saved = READ_ONCE(*min_age);
		WRITE_ONCE(*min_age, 0);
		leaks = gate_scan_twice(test, file, ubuf);
		WRITE_ONCE(*min_age, saved);
		if (!leaks)
			return 0;
	}

	schedule_timeout_uninterruptible(msecs_to_jiffies(KMEMLEAK_MIN_AGE_MS) + 1);
	return gate_scan_twice(test, file, ubuf);
}

/*
 * Everything allocated by the tests that ran before is free or reachable.
 * Succeeds if kmemleak is still on and reports nothing.
 */
static void nothing_leaked(struct kunit *test)
{
	unsigned long ubuf;
	unsigned int leaks;
	struct file *file;

	if (!IS_ENABLED(CONFIG_DEBUG_KMEMLEAK))
		kunit_skip(test, "needs CONFIG_DEBUG_KMEMLEAK");

	ubuf = kunit_vm_mmap(test, NULL, 0, GATE_BUF_SIZE, PROT_READ | PROT_WRITE,
			     MAP_ANONYMOUS | MAP_PRIVATE, 0);
	KUNIT_ASSERT_NE(test, ubuf, 0);
	file = gate_open_kmemleak(test);

	leaks = gate_scan(test, file, (char __user *)ubuf);
	if (leaks == GATE_KMEMLEAK_OFF) {
		pr_info("kmemleak state=disabled leaks=0\n");
		KUNIT_FAIL(test, "kmemleak switched itself off");
		return;
	}
	if (leaks)
		gate_read_leaks(test, file, (char __user *)ubuf, true);
	pr_info("kmemleak state=enabled leaks=%u\n", leaks);
	KUNIT_EXPECT_EQ(test, leaks, 0);
}

static void gate_suite_exit(struct kunit_suite *suite)
{
	pr_info("end\n");
}

static struct kunit_case gate_cases[] = {
	KUNIT_CASE(lockdep_is_still_on),
	KUNIT_CASE(nothing_leaked),
	{}
};

static struct kunit_suite gate_suite = {
	.name = "panthor_gate",
	.suite_exit = gate_suite_exit,
	.test_cases = gate_cases,
};

kunit_test_suite(gate_suite);
