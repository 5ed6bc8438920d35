// SPDX-License-Identifier: GPL-2.0-only
/* The module. */

#include <linux/module.h>

MODULE_DESCRIPTION("Software Mali CSF GPU");
MODULE_LICENSE("GPL");
