/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How long the GPU takes: per operation at once, after a time, when a test says
 * so, or never.
 */

#ifndef __SIM_LATENCY_H__
#define __SIM_LATENCY_H__

#include <linux/hrtimer.h>
#include <linux/list.h>
#include <linux/prandom.h>
#include <linux/spinlock.h>
#include <linux/types.h>

/** enum sim_op - Operations that take time. */
enum sim_op {
	/** @SIM_OP_AS: Command of an address space. */
	SIM_OP_AS,
	/** @SIM_OP_FLUSH: Cache flush of GPU_CMD. */
	SIM_OP_FLUSH,
	/** @SIM_OP_RESET: Soft or hard reset. */
	SIM_OP_RESET,
	/** @SIM_OP_POWER: Power transition of L2, tiler or shader cores. */
	SIM_OP_POWER,
	/** @SIM_OP_BOOT: Boot of the MCU. */
	SIM_OP_BOOT,
	/** @SIM_OP_HALT: Halt or stop of the MCU. */
	SIM_OP_HALT,
	/** @SIM_OP_ACK: Acknowledgment of a request by the firmware. */
	SIM_OP_ACK,
	/** @SIM_OP_RUN: RUN_* and FINISH_* instructions. */
	SIM_OP_RUN,
	/** @SIM_OPS: Number of operations. */
	SIM_OPS
};

/** enum sim_latency_kind - When an operation is done. */
enum sim_latency_kind {
	/** @SIM_INSTANT: Before the access that started it returns. */
	SIM_INSTANT,
	/** @SIM_TIMED: After &sim_latency_setting.ns. */
	SIM_TIMED,
	/** @SIM_MANUAL: When sim_latency_step() is called. */
	SIM_MANUAL,
	/** @SIM_STUCK: Never; a reset cancels it. */
	SIM_STUCK,
};

/** struct sim_latency_setting - Latency of one operation. */
struct sim_latency_setting {
	/** @kind: When it is done. */
	enum sim_latency_kind kind;
	/** @ns: Time it takes, for %SIM_TIMED. */
	u64 ns;
	/** @vary: Each time another, of any length below twice that. */
	bool vary;
};

/** struct sim_delayed - An operation in flight; embedded where it belongs. */
struct sim_delayed {
	/** @link: In &sim_latency.pending, empty when nothing is in flight. */
	struct list_head link;
	/** @done: Called under the lock, once, when the operation is done. */
	void (*done)(struct sim_delayed *delayed);
	/** @due_ns: When; 0 if not timed. */
	u64 due_ns;
	/** @op: Which operation. */
	enum sim_op op;
	/** @kind: Setting at its start. */
	enum sim_latency_kind kind;
};

/** struct sim_latency - All operations of one GPU. */
struct sim_latency {
	/** @lock: The GPU's lock, which protects all of this. */
	raw_spinlock_t *lock;
	/** @setting: Latency per operation; may change while operations are in flight. */
	struct sim_latency_setting setting[SIM_OPS];
	/** @once_stuck: The next so many operations get stuck, whatever the setting. */
	unsigned int once_stuck[SIM_OPS];
	/** @pending: Operations in flight, in the order of their start. */
	struct list_head pending;
	/** @random: For times that vary. */
	struct rnd_state random;
	/** @timer: Fires when the next timed one is due. */
	struct hrtimer timer;
};

void sim_latency_init(struct sim_latency *latency, raw_spinlock_t *lock);
void sim_latency_seed(struct sim_latency *latency, u32 seed);
u64 sim_latency_ns(struct sim_latency *latency, enum sim_op op);
void sim_latency_fini(struct sim_latency *latency);
void sim_delayed_init(struct sim_delayed *delayed, enum sim_op op,
		      void (*done)(struct sim_delayed *delayed));
void sim_delayed_start(struct sim_latency *latency, struct sim_delayed *delayed);
void sim_delayed_start_at(struct sim_latency *latency, struct sim_delayed *delayed, u64 due_ns);
void sim_delayed_cancel(struct sim_latency *latency, struct sim_delayed *delayed);
unsigned int sim_latency_step(struct sim_latency *latency, enum sim_op op, unsigned int count);
int sim_latency_parse(const char *text, struct sim_latency_setting *setting);
const char *sim_op_name(enum sim_op op);

/* Whether the operation is in flight. */
static inline bool sim_delayed_busy(const struct sim_delayed *delayed)
{
	return !list_empty(&delayed->link);
}

#endif
