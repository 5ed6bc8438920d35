/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef __PANTHOR_TESTS_SWEEP_INJECT_H__
#define __PANTHOR_TESTS_SWEEP_INJECT_H__

/**
 * DOC: Failing allocations
 *
 * The n-th slab or page allocation of the test's thread fails, and no other:
 * current->fail_nth of the kernel's fault injection. By default that leaves
 * alone what can wait, which is all that the driver allocates. The switches for
 * that are files in debugfs. A driver that is built in writes them itself
 * (sweep_switch.c); where it is a module, user space did before it loaded it.
 */

#include <linux/types.h>

struct kunit;

void sweep_inject_init(struct kunit *test);
void sweep_inject_arm(unsigned int n);
bool sweep_inject_fired(void);
unsigned int sweep_inject_seen(unsigned int n);
void sweep_inject_stop(void *unused);

#if IS_BUILTIN(CONFIG_DRM_PANTHOR)
void sweep_switch_on(struct kunit *test);
#else
static inline void sweep_switch_on(struct kunit *test)
{
}
#endif

#endif
