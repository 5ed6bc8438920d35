/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef __SIM_FW_PRIV_H__
#define __SIM_FW_PRIV_H__

#include <linux/bitops.h>
#include <linux/lockdep.h>

#include "sim_cs.h"
#include "sim_fw.h"
#include "sim_fw_abi.h"

/* A blocked stream looks again after that long, as nobody may tell it to. */
#define FW_POLL_NS		NSEC_PER_MSEC

struct fw_group;

/**
 * enum fw_stream_state - What a stream does
 * @FW_CS_OFF: Not started.
 * @FW_CS_READY: Has instructions to execute.
 * @FW_CS_EMPTY: At the end of its ring; waits for a doorbell.
 * @FW_CS_BLOCKED: Waits for something that is polled.
 * @FW_CS_STALLED: An access to memory waits for the AS.
 * @FW_CS_FROZEN: An access to memory faulted; waits for the end of the AS.
 * @FW_CS_FAULTED: A CS_FAULT was told; waits for the driver to have seen it.
 * @FW_CS_DEAD: A CS_FATAL was told; waits for the end of the group.
 */
enum fw_stream_state {
	FW_CS_OFF,
	FW_CS_READY,
	FW_CS_EMPTY,
	FW_CS_BLOCKED,
	FW_CS_STALLED,
	FW_CS_FROZEN,
	FW_CS_FAULTED,
	FW_CS_DEAD,
};

/**
 * struct fw_stream - One stream of a group
 * @group: Its group.
 * @id: Number in the group.
 * @name: What it is called in reports.
 * @input: Address of the driver's block.
 * @output: Address of the firmware's block.
 * @state: What it does.
 * @cs: Its interpreter.
 * @ack: CS_ACK.
 * @raised: Events that the driver has not acknowledged.
 * @want: Events that are to be told once their bit is free.
 * @irq_due: Events were told in @ack, but the interrupt is not.
 * @irq_mask: CS_ACK_IRQ_MASK.
 * @policy: Requests, for what counts as idle.
 * @doorbell: Doorbell that rings for it.
 * @ring_in: Address of the driver's page of the ring interface.
 * @ring_out: Address of the firmware's.
 * @config: Its ring.
 * @insert: How far the driver has written the ring, as last seen.
 * @extract: How far the stream has got.
 * @extract_due: The driver is yet to be told.
 * @insert_due: It could not be read how far the ring is written.
 * @wake_ns: When it has its next turn, if it is to have one.
 * @blocked_ns: Since when it waits for scoreboards, 0 if it does not.
 * @heap: Heap context that memory was asked for.
 * @heap_counters: Its counters: starts, ends, fragment ends.
 * @heap_answered: The driver has answered with @heap_chunk.
 * @heap_chunk: Chunk, 0 for none.
 */
struct fw_stream {
	struct fw_group *group;
	unsigned int id;
	char name[32];
	u32 input;
	u32 output;
	enum fw_stream_state state;
	struct sim_cs cs;
	u32 ack;
	u32 raised;
	u32 want;
	bool irq_due;
	u32 irq_mask;
	u32 policy;
	unsigned int doorbell;
	u64 ring_in;
	u64 ring_out;
	struct sim_cs_config config;
	u64 insert;
	u64 extract;
	bool extract_due;
	bool insert_due;
	u64 wake_ns;
	u64 blocked_ns;
	u64 heap;
	u32 heap_counters[3];
	bool heap_answered;
	u64 heap_chunk;
};

/**
 * struct fw_group - One CSG slot
 * @fw: The firmware.
 * @id: Its number.
 * @input: Address of the driver's block.
 * @output: Address of the firmware's block.
 * @running: A group is on the slot.
 * @attend: The driver has rung, and the requests were not all taken.
 * @rung: Streams of which that is so.
 * @ack: CSG_ACK.
 * @doorbell_ack: CSG_DOORBELL_ACK.
 * @cs_irq_req: CSG_CS_IRQ_REQ.
 * @raised: Events that the driver has not acknowledged.
 * @want: Events that are to be told once their bit is free.
 * @irq_mask: CSG_ACK_IRQ_MASK.
 * @blamed: Requests that were reported as violations.
 * @acker: The acknowledgment in flight.
 * @ack_late: It is due, but memory had to be waited for.
 * @ack_bits: What it acknowledges.
 * @ack_value: With what values.
 * @as: AS of the group.
 * @endpoints: Endpoint requests, as of the last ENDPOINT_CONFIG.
 * @suspend_buf: Address of the suspend buffer.
 * @idle: All its streams are idle.
 * @idle_told: That was told.
 * @idle_ns: Since when that is so.
 * @live: Mask of streams that are not off.
 * @blocked: Mask of streams that are blocked.
 * @streams: Its streams.
 */
struct fw_group {
	struct sim_fw *fw;
	unsigned int id;
	u32 input;
	u32 output;
	bool running;
	bool attend;
	u32 rung;
	u32 ack;
	u32 doorbell_ack;
	u32 cs_irq_req;
	u32 raised;
	u32 want;
	u32 irq_mask;
	u32 blamed;
	struct sim_delayed acker;
	bool ack_late;
	u32 ack_bits;
	u32 ack_value;
	unsigned int as;
	u64 endpoints;
	u64 suspend_buf;
	bool idle;
	bool idle_told;
	u64 idle_ns;
	u32 live;
	u32 blocked;
	struct fw_stream *streams;
};

/**
 * struct sim_fw - Firmware
 * @env: The rest of the GPU.
 * @config: Variant.
 * @stats: Counters.
 * @status: MCU_STATUS.
 * @running: It works: booted, not halted, hung or dead.
 * @hung: It does nothing until the next boot, by injection.
 * @loaded: Nothing has booted from the image as it was last loaded, for the GPU
 *	was reset.
 * @boot: Boot in flight.
 * @boot_due: It is done, but memory had to be waited for.
 * @stop: Halt or stop in flight.
 * @stop_status: MCU_STATUS after that.
 * @attend: Somebody has rung, and the global requests were not all taken.
 * @ack: GLB_ACK.
 * @doorbell_ack: GLB_DOORBELL_ACK.
 * @raised: Events that the driver has not acknowledged.
 * @want: Events that are to be told once their bit is free.
 * @irq_mask: GLB_ACK_IRQ_MASK.
 * @blamed: Requests that were reported as violations.
 * @acker: The acknowledgment in flight.
 * @ack_late: It is due, but memory had to be waited for.
 * @ack_bits: What it acknowledges.
 * @ack_value: With what values.
 * @idle_en: Whether GLB_IDLE is wanted.
 * @idle: All groups are idle.
 * @idle_told: That was told.
 * @idle_ns: Since when that is so.
 * @idle_hyst_ns: How long before it is told.
 * @progress_ns: How long an endpoint may work on one thing, 0 for ever.
 * @as_faulted: AS of which an access has faulted.
 * @as_off: AS that were seen off.
 * @dying: An access of a stream to its ring interface failed.
 * @turn: Stream that has the next turn.
 * @burst_ns: Since when it has been busy without a pause, 0 if it has not.
 * @suspend_size: Bytes of a suspend buffer.
 * @scratch: As much memory, to put one together in.
 * @groups: All CSG slots.
 * @streams: All their streams.
 */
struct sim_fw {
	struct sim_fw_env env;
	struct sim_fw_config config;
	struct sim_fw_stats stats;
	u32 status;
	bool running;
	bool hung;
	bool loaded;
	struct sim_delayed boot;
	bool boot_due;
	struct sim_delayed stop;
	u32 stop_status;
	bool attend;
	u32 ack;
	u32 doorbell_ack;
	u32 raised;
	u32 want;
	u32 irq_mask;
	u32 blamed;
	struct sim_delayed acker;
	bool ack_late;
	u32 ack_bits;
	u32 ack_value;
	bool idle_en;
	bool idle;
	bool idle_told;
	u64 idle_ns;
	u64 idle_hyst_ns;
	u64 progress_ns;
	u32 as_faulted;
	u32 as_off;
	bool dying;
	unsigned int turn;
	u64 burst_ns;
	size_t suspend_size;
	void *scratch;
	struct fw_group *groups;
	struct fw_stream *streams;
};

static inline void fw_assert_held(const struct sim_fw *fw)
{
	lockdep_assert_held(fw->env.lock);
}

static inline void fw_trace(struct sim_fw *fw, enum sim_fw_trace kind, u32 what, u64 value)
{
	if (fw->env.trace)
		fw->env.trace(fw->env.priv, kind, what, value);
}

/* Over streams of a group by mask; the mask may change on the way. */
#define for_each_fw_stream(stream, group, mask) \
	for (unsigned long _bits = (mask); \
	     _bits && ((stream) = &(group)->streams[__ffs(_bits)], true); \
	     _bits &= _bits - 1)

/* sim_fw_mem.c */
__printf(2, 3) void fw_blame(struct sim_fw *fw, const char *fmt, ...);
int fw_read(struct sim_fw *fw, u64 va, void *buf, size_t len);
int fw_write(struct sim_fw *fw, u64 va, const void *buf, size_t len);
int fw_write32(struct sim_fw *fw, u64 va, u32 value);

/* sim_fw_boot.c */
void fw_die(struct sim_fw *fw);
void fw_stop(struct sim_fw *fw, u32 status);
int fw_boot_try(struct sim_fw *fw);
u32 fw_glb_input(const struct sim_fw *fw);
u32 fw_glb_output(const struct sim_fw *fw);

/* sim_fw_glb.c */
bool fw_glb_halts(const struct sim_fw *fw, u32 req);
int fw_glb_serve(struct sim_fw *fw);
int fw_glb_events(struct sim_fw *fw);
void fw_glb_acked(struct sim_delayed *delayed);
int fw_glb_ack(struct sim_fw *fw);

/* sim_fw_csg.c */
int fw_group_serve(struct fw_group *group);
int fw_group_ack(struct fw_group *group);
void fw_group_acked(struct sim_delayed *delayed);
int fw_group_events(struct fw_group *group);
void fw_group_drop(struct fw_group *group);

/* sim_fw_susp.c */
size_t fw_suspend_size(const struct sim_fw_config *config);
int fw_group_save(struct fw_group *group, u64 va);
int fw_group_load(struct fw_group *group, u64 va);
int fw_group_loaded(struct fw_group *group, u64 va);
const void *fw_saved_stream(const struct fw_group *group, unsigned int id);

/* sim_fw_cs.c */
void fw_stream_set(struct fw_stream *stream, enum fw_stream_state state);
int fw_stream_configure(struct fw_stream *stream, u32 *req);
void fw_stream_start(struct fw_stream *stream, const void *saved);
void fw_stream_drop(struct fw_stream *stream);
int fw_stream_serve(struct fw_stream *stream);
int fw_stream_publish(struct fw_stream *stream);
int fw_stream_events(struct fw_stream *stream);
bool fw_stream_idle(const struct fw_stream *stream);
void fw_stream_run(struct fw_stream *stream, u64 now_ns);
void fw_stream_as_changed(struct fw_stream *stream);
void fw_stream_ring(struct fw_stream *stream);

/* sim_fw_csenv.c */
void fw_stream_env(struct fw_stream *stream, struct sim_cs_env *env);

/* sim_fw_heap.c */
int fw_heap_grow(void *priv, u64 heap, u64 *chunk);
int fw_heap_report(struct fw_stream *stream);
void fw_heap_answer(struct fw_stream *stream, const u32 *in);

/* sim_fw_idle.c */
u64 fw_timer_ns(const struct sim_fw *fw, u32 value);
u64 fw_idle_check(struct sim_fw *fw, u64 now_ns);

#endif
