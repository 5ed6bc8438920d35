// SPDX-License-Identifier: GPL-2.0-only
/* Dice that can be thrown again, and what the environment says. */

#include <stdlib.h>

#include "dice.h"
#include "panthor.h"

/* Given by whoever wants a run repeated, else by the clock. */
uint64_t seed_of_run(void)
{
	const char *text = getenv("PANTHOR_SEED");

	return text && *text ? strtoull(text, NULL, 0) : now_ms();
}

uint64_t dice(uint64_t *state)
{
	uint64_t x = *state += 0x9e3779b97f4a7c15ULL;

	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
	return x ^ (x >> 31);
}

uint64_t dice_below(uint64_t *state, uint64_t end)
{
	return dice(state) % end;
}

/* A number from the environment. */
unsigned int setting(const char *name, unsigned int otherwise)
{
	const char *text = getenv(name);

	return text && *text ? strtoul(text, NULL, 0) : otherwise;
}
