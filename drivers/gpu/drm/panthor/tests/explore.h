/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef __PANTHOR_TESTS_EXPLORE_H__
#define __PANTHOR_TESTS_EXPLORE_H__

#include <linux/types.h>

#include "model.h"

struct kunit;
struct panthor_vm;

#define EXPLORE_WHY_LEN	160

/**
 * struct explore_result - How the driver did on a sequence of steps
 * @model: The model after the last step that agreed.
 * @done: Number of steps that agreed.
 * @why: What did not agree at the next one; empty if all did.
 */
struct explore_result {
	struct model model;
	unsigned int done;
	char why[EXPLORE_WHY_LEN];
};

/**
 * struct explore - What the runs of one case share
 * @test: The test.
 * @start: The model every run starts from: no pages, no mappings.
 * @vm: The VMs. They are used again, empty, because making one takes longer
 *	than all that happens in it; buffers are new in each run.
 */
struct explore {
	struct kunit *test;
	struct model start;
	struct panthor_vm *vm[MODEL_MAX_VMS];
};

void explore_init(struct explore *ex, struct kunit *test, u8 nr_bos, u8 nr_vms,
		  u8 max_holds, u8 pages);
void explore_run(struct explore *ex, const struct model_step *steps,
		 unsigned int nr, struct explore_result *result);
unsigned int explore_shorten(struct explore *ex, struct model_step *steps,
			     unsigned int nr);
void explore_print(struct kunit *test, const struct model_step *steps, unsigned int nr);

#endif
