// SPDX-License-Identifier: GPL-2.0-only
/*
 * What every module has to say about itself. Not in sim_drv.c, as parts of the model
 * and their tests make a module without a driver, too.
 */

#include <linux/module.h>

MODULE_DESCRIPTION("Software Mali CSF GPU");
MODULE_LICENSE("GPL");
