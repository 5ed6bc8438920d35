/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef __PANTHOR_TESTS_MMU_AS_H__
#define __PANTHOR_TESTS_MMU_AS_H__

/**
 * DOC: VMs with an address space
 *
 * What the suites around address spaces share. A VM that the case activates is
 * idle again before it is put.
 */

#include <kunit/test.h>

struct panthor_vm;

/**
 * struct mmu_as_flag_param - A parameter that is true or false
 * @desc: Name in the results.
 * @flag: Which of both.
 */
struct mmu_as_flag_param {
	const char *desc;
	bool flag;
};

/**
 * struct mmu_as_errno_param - How something fails
 * @desc: Name in the results.
 * @err: Negative errno.
 */
struct mmu_as_errno_param {
	const char *desc;
	int err;
};

void mmu_as_activate(struct kunit *test, struct panthor_vm *vm);
void mmu_as_reactivate(struct kunit *test, struct panthor_vm *vm);
void mmu_as_deactivate(struct kunit *test, struct panthor_vm *vm);
struct panthor_vm *mmu_as_active_vm(struct kunit *test);
void mmu_as_put_vm(void *data);
void mmu_as_begin_reset(struct kunit *test);
void mmu_as_end_reset(struct kunit *test);
void mmu_as_reset(struct kunit *test);

#endif
