// SPDX-License-Identifier: GPL-2.0-only
/* Canaries of the gates about the run: warnings, stalls, death, and what KTAP says. */

#include <linux/bug.h>
#include <linux/err.h>
#include <linux/fs.h>
#include <linux/mount.h>
#include <linux/panic.h>
#include <linux/printk.h>
#include <linux/reboot.h>
#include <linux/sched.h>

#include "canary.h"

/*
 * No fault.
 * Succeeds always, and no gate has to see anything.
 */
static void nothing(struct kunit *test)
{
	KUNIT_SUCCEED(test);
}

/*
 * A warning.
 * Succeeds always; the gate of warnings has to see it.
 */
static void warning(struct kunit *test)
{
	WARN_ON_ONCE(test);
}

/*
 * A report of a kind that no gate was written for.
 * Succeeds always; the gate of everything else has to see it.
 */
static void unknown_report(struct kunit *test)
{
	pr_err("BUG: the flux capacitor is out of plutonium\n");
}

static int set_hung_task_timeout(const char *seconds)
{
	struct file_system_type *type = get_fs_type("proc");
	struct vfsmount *mnt;
	struct file *file;
	loff_t pos = 0;
	ssize_t ret;

	if (!type)
		return -ENODEV;
	mnt = kern_mount(type);
	put_filesystem(type);
	if (IS_ERR(mnt))
		return PTR_ERR(mnt);

	file = file_open_root_mnt(mnt, "sys/kernel/hung_task_timeout_secs", O_WRONLY, 0);
	ret = PTR_ERR_OR_ZERO(file);
	if (!ret) {
		ret = kernel_write(file, seconds, strlen(seconds), &pos);
		filp_close(file, NULL);
	}
	kern_unmount(mnt);

	return ret < 0 ? ret : 0;
}

/*
 * A thread waits for longer than the detector lets it. The detector looks twice.
 * Succeeds if its limit could be lowered; the gate of stalls has to see it.
 */
static void hung_task(struct kunit *test)
{
	KUNIT_ASSERT_EQ(test, set_hung_task_timeout("1"), 0);
	schedule_timeout_uninterruptible(4 * HZ);
	KUNIT_EXPECT_EQ(test, set_hung_task_timeout("240"), 0);
}

/*
 * The kernel follows a pointer to nowhere, and is dead.
 * Succeeds never.
 */
static void wild_pointer(struct kunit *test)
{
	u32 *nowhere = (u32 *)0x10;

	OPTIMIZER_HIDE_VAR(nowhere);
	WRITE_ONCE(*nowhere, 1);
}

/*
 * The kernel finds that it cannot go on.
 * Succeeds never.
 */
static void kernel_panic(struct kunit *test)
{
	panic("as this canary does\n");
}

/*
 * The machine is off from one moment to the next. What it said so far is fine.
 * Succeeds never.
 */
static void power_cut(struct kunit *test)
{
	machine_halt();
}

/*
 * Skips itself.
 * Succeeds never: what was not run has not passed.
 */
static void skipped(struct kunit *test)
{
	kunit_skip(test, "as this canary does");
}

/*
 * A part announces two results and has one.
 * Succeeds always; the missing one has to be seen.
 */
static void lost_result(struct kunit *test)
{
	pr_info("        KTAP version 1\n");
	pr_info("        # Subtest: %s\n", __func__);
	pr_info("        1..2\n");
	pr_info("        ok 1 here\n");
}

/*
 * A part passes although it is known not to.
 * Succeeds always; the gate has to see that nobody took it off the list.
 */
static void unexpected_pass(struct kunit *test)
{
	pr_info("        KTAP version 1\n");
	pr_info("        # Subtest: %s\n", __func__);
	pr_info("        1..1\n");
	pr_info("        ok 1 part # XPASS it works\n");
}

/*
 * No fault, in a case that the list of known failures has.
 * Succeeds always; the entry that is out of date has to be seen.
 */
static void known_failure(struct kunit *test)
{
	KUNIT_SUCCEED(test);
}

struct kunit_case canary_run_cases[] = {
	KUNIT_CASE(nothing),
	KUNIT_CASE(warning),
	KUNIT_CASE(unknown_report),
	KUNIT_CASE(hung_task),
	KUNIT_CASE(wild_pointer),
	KUNIT_CASE(kernel_panic),
	KUNIT_CASE(power_cut),
	KUNIT_CASE(skipped),
	KUNIT_CASE(lost_result),
	KUNIT_CASE(unexpected_pass),
	KUNIT_CASE(known_failure),
	{}
};
