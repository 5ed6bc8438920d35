/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The software GPU behind a render node, through debugfs: see
 * Documentation/gpu/panthor/sim.rst. Functions return 0 or a positive value if
 * they succeed, else a negative errno.
 */

#ifndef __PANTHOR_SELFTEST_SIMCTL_H__
#define __PANTHOR_SELFTEST_SIMCTL_H__

#include <stdint.h>

int sim_find(int fd);
int sim_write(int sim, const char *file, const char *text);
int64_t sim_counter(int sim, const char *name);
int sim_wait_counter(int sim, const char *name, int64_t value, unsigned int ms);

#endif
