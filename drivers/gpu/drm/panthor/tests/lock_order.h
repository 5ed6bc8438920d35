/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef __PANTHOR_TESTS_LOCK_ORDER_H__
#define __PANTHOR_TESTS_LOCK_ORDER_H__

void panthor_lock_order_print(void);

#endif
