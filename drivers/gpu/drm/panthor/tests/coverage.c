// SPDX-License-Identifier: GPL-2.0-only
/*
 * Writes what gcc counted when UML ends. Gcc has a destructor for that, in a section
 * by its priority, which UML's linker script does not put among the destructors.
 */

#include <linux/compiler.h>
#include <linux/init.h>
#include <linux/notifier.h>
#include <linux/reboot.h>

#include "coverage.h"

static bool coverage_over;

/* Runs in exit(): that of the kernel, but also of processes that UML starts to try things. */
static void __attribute__((destructor)) coverage_dump(void)
{
	if (coverage_over)
		__gcov_dump();
}

static int coverage_reboot(struct notifier_block *nb, unsigned long action, void *data)
{
	coverage_over = true;

	return NOTIFY_DONE;
}

static struct notifier_block coverage_notifier = {
	.notifier_call = coverage_reboot,
};

static int __init coverage_init(void)
{
	return register_reboot_notifier(&coverage_notifier);
}
late_initcall(coverage_init);
