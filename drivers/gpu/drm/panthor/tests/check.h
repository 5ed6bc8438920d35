/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef __PANTHOR_TESTS_CHECK_H__
#define __PANTHOR_TESTS_CHECK_H__

/**
 * DOC: Invariant checker
 *
 * The oracle of every suite: at a quiescent point it walks all BOs, LRUs and
 * VMs it can reach and compares them with each other. Invariants have numbers,
 * documented in Documentation/gpu/panthor/invariants.rst; a violation names
 * its number. The checker calls nothing of the driver that changes state.
 */

#include <linux/types.h>

struct kunit;
struct panthor_check_snapshot;

#define PANTHOR_CHECK_MAX_MSGS	8
#define PANTHOR_CHECK_MSG_LEN	128

/**
 * struct panthor_check_report - What one check found
 * @broken: Bit n is set if invariant In does not hold.
 * @count: Number of violations.
 * @msgs: The first few, as text.
 */
struct panthor_check_report {
	u32 broken;
	unsigned int count;
	char msgs[PANTHOR_CHECK_MAX_MSGS][PANTHOR_CHECK_MSG_LEN];
};

void panthor_check(struct kunit *test, struct panthor_check_report *report);
void panthor_expect_report(struct kunit *test, const struct panthor_check_report *report);
void panthor_expect_invariants(struct kunit *test);
void panthor_check_left(struct kunit *test, struct panthor_check_report *report);

struct panthor_check_snapshot *panthor_check_snapshot(struct kunit *test);
void panthor_check_scan(struct kunit *test,
			const struct panthor_check_snapshot *before,
			unsigned long ret, struct panthor_check_report *report);
void panthor_check_count(struct kunit *test, bool can_block, unsigned long ret,
			 struct panthor_check_report *report);
void panthor_expect_scan(struct kunit *test,
			 const struct panthor_check_snapshot *before,
			 unsigned long ret);
void panthor_expect_count(struct kunit *test, bool can_block, unsigned long ret);

#endif
