// SPDX-License-Identifier: GPL-2.0-only
/* Runs the one canary that the kernel's command line names, and halts. */

#include <linux/init.h>
#include <linux/module.h>
#include <linux/reboot.h>
#include <linux/string.h>

#include "canary.h"

static char *kunit_canary;
module_param(kunit_canary, charp, 0444);
MODULE_PARM_DESC(kunit_canary, "Fault that this boot makes instead of running tests");

/*
 * Comes behind the fault.
 * Succeeds always: the run went on, and only a gate can tell that it is worthless.
 */
static void goes_on(struct kunit *test)
{
	KUNIT_SUCCEED(test);
}

/* Without a case for the name, the one that a run needs never runs. */
static struct kunit_case canary_cases[3] = {
	KUNIT_CASE(goes_on),
};

static struct kunit_suite canary_suite = {
	.name = "panthor_canary",
	.test_cases = canary_cases,
};

static void __init canary_choose(struct kunit_case *table)
{
	for (; table->run_case; table++) {
		if (!strcmp(table->name, kunit_canary)) {
			canary_cases[1] = canary_cases[0];
			canary_cases[0] = *table;
		}
	}
}

/* Not in the list of suites, where every run would have to leave it out. */
static int __init canary_init(void)
{
	static struct kunit_suite *suites[] = { &canary_suite };
	struct kunit_suite_set set = { suites, suites + ARRAY_SIZE(suites) };

	if (!kunit_canary)
		return 0;

	canary_choose(canary_lock_cases);
	canary_choose(canary_memory_cases);
	canary_choose(canary_run_cases);
	kunit_exec_run_tests(&set, true);
	kernel_halt();

	return 0;
}
late_initcall_sync(canary_init);
