/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef __PANTHOR_TESTS_EXPLORE_H__
#define __PANTHOR_TESTS_EXPLORE_H__

#include <linux/types.h>

#include "model.h"
#include "world.h"

struct kunit;

/**
 * struct explore - Driver and model, step by step
 * @test: The test.
 * @start: The model that every run begins with: no pages, no mappings.
 * @first: Steps that every run begins with; the model allows them.
 * @nr_first: Number of these.
 * @model: The model now.
 * @world: The driver's objects.
 * @steps: Steps that were done.
 * @checks: After how many of them the invariant checker ran.
 * @step_ns: Time of the steps themselves.
 * @compare_ns: Time of the comparisons of driver and model.
 * @check_ns: Time of the invariant checker.
 * @met: Steps that would have met a defect of stock, by defect and operation.
 */
struct explore {
	struct kunit *test;
	struct model start;
	const struct model_step *first;
	unsigned int nr_first;
	struct model model;
	struct world *world;
	u64 steps;
	u64 checks;
	u64 step_ns;
	u64 compare_ns;
	u64 check_ns;
	u32 met[MODEL_DEFECTS][MODEL_OPS];
};

struct explore *explore_new(struct kunit *test, u8 nr_bos, u8 nr_vms, u8 max_holds, u8 pages);
void explore_begin(struct explore *ex);
void explore_end(struct explore *ex);
bool explore_may(struct explore *ex, const struct model *m, struct model_step step);
bool explore_step(struct explore *ex, struct model_step step, bool check);
unsigned int explore_run(struct explore *ex, const struct model_step *steps, unsigned int nr);
unsigned int explore_shorten(struct explore *ex, struct model_step *steps, unsigned int nr);
void explore_print_steps(struct kunit *test, const struct model_step *steps, unsigned int nr);
void explore_report(struct explore *ex, const struct model_step *steps, unsigned int nr);
void explore_print(struct explore *ex);
bool explore_next(const struct model *m, struct model_step *step);

#endif
