/* SPDX-License-Identifier: GPL-2.0-only */
/* Dice that can be thrown again, and what the environment says. */

#ifndef __PANTHOR_SELFTEST_DICE_H__
#define __PANTHOR_SELFTEST_DICE_H__

#include <stdint.h>

uint64_t seed_of_run(void);
uint64_t dice(uint64_t *state);
uint64_t dice_below(uint64_t *state, uint64_t end);
unsigned int setting(const char *name, unsigned int otherwise);

#endif
