/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef __SIM_FW_H__
#define __SIM_FW_H__

/**
 * DOC: Firmware of the software GPU
 *
 * What the microcontroller (MCU) of a CSF GPU does: it talks to the driver
 * through blocks in shared memory, puts command stream groups (CSG) on slots and
 * takes them off, and lets their command streams (CS) run. The image that the
 * driver loads has no code for it; it only shows whether it was loaded.
 *
 * All memory is accessed through an address space of the MMU: the blocks, ring
 * interfaces and suspend buffers through AS 0, rings and streams through the AS
 * of their group. An access that has to wait ends the work on a request, which
 * is then begun anew once the MMU says that the AS has changed: what a request
 * has been read from is not changed before all of it has been read, and the
 * acknowledgment is the last thing that is written. An access through AS 0 that
 * fails is the end of the firmware until the next boot, as it would be of a real
 * one, and a violation.
 *
 * Words that only the firmware writes (ack, doorbell_ack, cs_irq_req) are kept
 * here and never read back, but for the boot: after a fast reset they are still
 * in memory, and the driver compares its requests with them.
 *
 * A request is taken in this order: doorbell_ack is written, then the request is
 * read. So a request made after that makes the doorbell words differ again.
 *
 * An event flips a bit of ack. It is not flipped again before the driver has
 * made req equal to it; what happens meanwhile is remembered and told then.
 *
 * Deviations, all on the strict side: a CSG whose doorbell bit is not set is not
 * looked at, and a request that no driver can mean is a violation (see
 * sim_fw_env.violation) besides being ignored.
 *
 * Not modelled: performance counters, protected mode, core power (the mask of
 * enabled cores is only checked), priorities of CSGs: all run in turns.
 */

#include <linux/spinlock_types.h>
#include <linux/types.h>

#include "sim_latency.h"
#include "sim_mem.h"

/* A firmware may have no more than that; the driver's limits. */
#define SIM_FW_MIN_GROUPS	3
#define SIM_FW_MAX_GROUPS	31
#define SIM_FW_MIN_STREAMS	8
#define SIM_FW_MAX_STREAMS	32

/* Bytes of the image's section that is shared with the driver. */
#define SIM_FW_SHARED_SIZE	0x90000

struct sim_fw;

/**
 * enum sim_fw_trace - What is told to &sim_fw_env.trace
 * @SIM_FW_TRACE_MCU: The MCU is in state @value.
 * @SIM_FW_TRACE_CSG: Group @what has taken state request @value.
 * @SIM_FW_TRACE_CS: Stream @what & 0xff of group @what >> 8 is in state @value.
 * @SIM_FW_TRACE_JOB: That stream has come to the end of what is in its ring.
 */
enum sim_fw_trace {
	SIM_FW_TRACE_MCU,
	SIM_FW_TRACE_CSG,
	SIM_FW_TRACE_CS,
	SIM_FW_TRACE_JOB,
};

/**
 * struct sim_fw_env - What the firmware needs of the rest of the GPU
 * @priv: Passed to each of the functions, which are called with the lock held.
 * @lock: The GPU's lock.
 * @latency: Operations in flight, whose lock that is: boot, halt, ack, run.
 * @copy: Access to memory, as sim_mmu_copy().
 * @as_enabled: Whether an AS translates at all.
 * @irq: Raise bits of the JOB interrupt.
 * @kick: Have sim_fw_run() called soon.
 * @violation: The driver did what it must not. @text is gone afterwards.
 * @now_ns: The time.
 * @timestamp: TIMESTAMP. NULL for 0, as the following.
 * @cycles: CYCLE_COUNT.
 * @flush_id: LATEST_FLUSH.
 * @flush: A stream has flushed the caches.
 * @trace: Tell what happens. May be NULL.
 */
struct sim_fw_env {
	void *priv;
	raw_spinlock_t *lock;
	struct sim_latency *latency;
	int (*copy)(void *priv, unsigned int as, u64 va, void *buf, size_t len,
		    enum sim_access access, const char *who);
	bool (*as_enabled)(void *priv, unsigned int as);
	void (*irq)(void *priv, u32 bits);
	void (*kick)(void *priv);
	void (*violation)(void *priv, const char *text);
	u64 (*now_ns)(void *priv);
	u64 (*timestamp)(void *priv);
	u64 (*cycles)(void *priv);
	u32 (*flush_id)(void *priv);
	void (*flush)(void *priv);
	void (*trace)(void *priv, enum sim_fw_trace kind, u32 what, u64 value);
};

/**
 * struct sim_fw_config - Variant
 * @version: Version of the interface: major 31:24, minor 23:16, patch 15:0.
 * @groups: Number of CSG slots.
 * @streams: Number of CS of each.
 * @as_present: Mask of address spaces.
 * @shader_present: Mask of shader cores.
 * @timestamp_hz: Rate of TIMESTAMP.
 * @clock_hz: Rate of CYCLE_COUNT.
 * @slice: Instructions that a stream may execute before others get a turn.
 * @sync_pace_ns: How far apart writes to sync objects of system scope are.
 * @pause: Leave the CPU to others now and then: there is only one.
 */
struct sim_fw_config {
	u32 version;
	unsigned int groups;
	unsigned int streams;
	u32 as_present;
	u64 shader_present;
	u64 timestamp_hz;
	u64 clock_hz;
	unsigned int slice;
	u64 sync_pace_ns;
	bool pause;
};

/**
 * struct sim_fw_stats - Counters since creation
 * @boots: Boots of the MCU.
 * @instructions: Instructions executed.
 * @jobs: Times that a stream came to the end of its ring.
 * @starts: CSGs started.
 * @resumes: CSGs resumed.
 * @suspends: CSGs suspended.
 * @terminates: CSGs terminated while running.
 * @faults: CS_FAULT events.
 * @fatals: CS_FATAL events.
 * @ooms: TILER_OOM events.
 * @chunks: Heap chunks the driver gave.
 * @pings: PINGs answered.
 * @violations: Violations.
 */
struct sim_fw_stats {
	u64 boots;
	u64 instructions;
	u64 jobs;
	u64 starts;
	u64 resumes;
	u64 suspends;
	u64 terminates;
	u64 faults;
	u64 fatals;
	u64 ooms;
	u64 chunks;
	u64 pings;
	u64 violations;
};

struct sim_fw *sim_fw_create(const struct sim_fw_config *config, const struct sim_fw_env *env);
void sim_fw_destroy(struct sim_fw *fw);

/* All of these with the lock held. */
void sim_fw_reset(struct sim_fw *fw);
void sim_fw_mcu_control(struct sim_fw *fw, u32 value);
u32 sim_fw_mcu_status(const struct sim_fw *fw);
void sim_fw_doorbell(struct sim_fw *fw, unsigned int index);
void sim_fw_as_changed(struct sim_fw *fw, unsigned int as);
unsigned int sim_fw_step(struct sim_fw *fw, enum sim_op op, unsigned int count);
void sim_fw_as_faulted(struct sim_fw *fw, unsigned int as);
void sim_fw_hang(struct sim_fw *fw);
u64 sim_fw_run(struct sim_fw *fw, u64 now_ns);
const struct sim_fw_stats *sim_fw_stats(const struct sim_fw *fw);

#endif
