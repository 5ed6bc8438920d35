/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef __PANTHOR_TESTS_CANARY_H__
#define __PANTHOR_TESTS_CANARY_H__

/**
 * DOC: Faults on purpose
 *
 * A gate that never goes red proves nothing. Each canary makes one fault that one
 * gate has to see although every case prints "ok". A boot that names one with
 * panthor.kunit_canary= runs that and no other suite, and halts; a boot that names
 * none has nothing of them.
 */

#include <kunit/test.h>

/* Tables of the cases, each ended by an empty one. */
extern struct kunit_case canary_lock_cases[];
extern struct kunit_case canary_memory_cases[];
extern struct kunit_case canary_run_cases[];

#endif
