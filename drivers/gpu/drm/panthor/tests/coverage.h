/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef __PANTHOR_TESTS_COVERAGE_H__
#define __PANTHOR_TESTS_COVERAGE_H__

/* In gcc's libgcov, with which a kernel is linked that counts. */
void __gcov_dump(void);

#endif
