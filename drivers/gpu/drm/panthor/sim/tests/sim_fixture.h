/* SPDX-License-Identifier: GPL-2.0-only */
/* A software GPU for one test case, attached to nothing. */

#ifndef __SIM_FIXTURE_H__
#define __SIM_FIXTURE_H__

#include <kunit/test.h>

#include "../sim.h"

struct sim_gpu *sim_kunit_gpu_of(struct kunit *test, const struct sim_config *config);
struct sim_gpu *sim_kunit_gpu(struct kunit *test);
void sim_kunit_latency(struct sim_gpu *gpu, enum sim_op op, enum sim_latency_kind kind, u64 ns);
unsigned int sim_kunit_step(struct sim_gpu *gpu, enum sim_op op);
u64 sim_kunit_violations(struct sim_gpu *gpu, enum sim_violation_kind kind);
void sim_kunit_raise(struct sim_gpu *gpu, enum sim_irq_line line, u32 bits);
void sim_kunit_l2_on(struct sim_gpu *gpu);

/* That kind was seen so many times, and no other kind at all. */
#define SIM_EXPECT_VIOLATIONS(test, gpu, kind, number) do {				\
	KUNIT_EXPECT_EQ_MSG(test, sim_kunit_violations(gpu, kind), number, "%s",	\
			    (gpu)->violations.last);					\
	KUNIT_EXPECT_EQ_MSG(test, sim_violation_total(gpu), number, "%s",		\
			    (gpu)->violations.last);					\
} while (0)

#define SIM_EXPECT_NO_VIOLATION(test, gpu)						\
	KUNIT_EXPECT_EQ_MSG(test, sim_violation_total(gpu), 0, "%s", (gpu)->violations.last)

#endif
