/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef __PANTHOR_SIM_CS_H__
#define __PANTHOR_SIM_CS_H__

/**
 * DOC: One command stream of the software GPU
 *
 * Fetches instructions from a ring, and from the buffers that these call, and
 * executes them. It knows nothing of groups, doorbells and requests: the
 * firmware model calls sim_cs_run() for a slice of bounded length, again and
 * again, and tells the host what became of it.
 *
 * A step is one instruction plus what is due of the asynchronous operations.
 * The state between two steps is all in &struct sim_cs_core, so a stream can be
 * interrupted, saved and restored anywhere, and the length of slices makes no
 * difference to what it does. What cannot be done yet (a wait that is not over,
 * memory that is locked) is executed anew by the next slice.
 *
 * Asynchronous operations are in a table, each on one scoreboard entry, which
 * is the number of operations on it. An instruction takes its operands when it
 * is issued; an operation with a wait mask starts when all entries of the mask
 * are 0. It is counted before the mask is looked at, so one that waits for its
 * own entry never starts. If the table is full, the stream blocks.
 *
 * LOAD_MULTIPLE and STORE_MULTIPLE are done at once. Their registers or words
 * are packed: the nth set bit of the mask is the nth word in memory.
 *
 * Time is that of the calls, while the stream is on a slot. It decides when a
 * RUN_* or a flush is done, and how fast synchronisation objects are written
 * with system scope; nothing else.
 *
 * Errors: a fault (CS_FAULT) ends the code that was called, back to the ring,
 * and the stream stops until sim_cs_fault_ack(). It then goes on in error
 * state, which ends at ERROR_BARRIER. After a fatal one (CS_FATAL) nothing more
 * is executed.
 *
 * Everything that a stream contains is hostile. Registers, offsets and
 * addresses are taken modulo nothing: what is out of range is an error of the
 * stream.
 *
 * All functions are called with the GPU's lock held, or whatever else
 * serialises them; none sleeps or allocates.
 */

#include <linux/bits.h>
#include <linux/types.h>

#include "sim_mem.h"

#define SIM_CS_REGS		96
#define SIM_CS_SBS		8
/* The ring, seven nested calls, and the exception handler's own. */
#define SIM_CS_FRAMES		8
#define SIM_CS_MAX_FRAMES	(SIM_CS_FRAMES + 1)
#define SIM_CS_OPS		16
#define SIM_CS_NO_FRAME		0xff

/* Delay of an operation that never ends. */
#define SIM_CS_NEVER		U64_MAX
/* Not before sim_cs_step(). */
#define SIM_CS_MANUAL		(SIM_CS_NEVER - 1)

/* Bytes that a test job moves in one step, and what that counts as. */
#define SIM_CS_CHUNK		4096
#define SIM_CS_CHUNK_COST	64

/* Types of faults: low byte of CS_FAULT and CS_FATAL. */
#define SIM_CS_CONFIG_FAULT	0x40
#define SIM_CS_BUS_FAULT	0x48
#define SIM_CS_INSTR_INVALID	0x49
#define SIM_CS_CALL_STACK_OVERFLOW 0x4a
#define SIM_CS_INHERIT_FAULT	0x4b
#define SIM_CS_DATA_INVALID	0x58
#define SIM_CS_OOM		0x60

/* Status word of a synchronisation object after an error. */
#define SIM_CS_SYNC_ERROR	1

/**
 * enum sim_cs_state - What a stream is doing
 * @SIM_CS_STOPPED: Not started.
 * @SIM_CS_RUNNING: There is more to do, now or at sim_cs_wake_ns().
 * @SIM_CS_EMPTY: The ring is drained.
 * @SIM_CS_BLOCKED: An instruction waits, see &struct sim_cs_status.
 * @SIM_CS_STALLED: Memory is locked. Try again when an address space changed.
 * @SIM_CS_FROZEN: An access has faulted. Try again when the address space
 *	changed, or have it end with sim_cs_bus_error().
 * @SIM_CS_FAULT: Fault that waits for sim_cs_fault_ack().
 * @SIM_CS_FATAL: Fatal fault; the end.
 * @SIM_CS_STATES: Number of states.
 */
enum sim_cs_state {
	SIM_CS_STOPPED,
	SIM_CS_RUNNING,
	SIM_CS_EMPTY,
	SIM_CS_BLOCKED,
	SIM_CS_STALLED,
	SIM_CS_FROZEN,
	SIM_CS_FAULT,
	SIM_CS_FATAL,
	SIM_CS_STATES,
};

/**
 * enum sim_cs_reason - Why a stream is blocked, as status_blocked_reason has it
 * @SIM_CS_UNBLOCKED: It is not.
 * @SIM_CS_SB_WAIT: WAIT.
 * @SIM_CS_PROGRESS_WAIT: PROGRESS_WAIT.
 * @SIM_CS_SYNC_WAIT: SYNC_WAIT32 or SYNC_WAIT64.
 * @SIM_CS_DEFERRED: Too many operations in flight.
 * @SIM_CS_RESOURCE: REQ_RESOURCE.
 * @SIM_CS_FLUSH: Too many operations in flight for a cache flush.
 * @SIM_CS_REASONS: Number of reasons.
 */
enum sim_cs_reason {
	SIM_CS_UNBLOCKED,
	SIM_CS_SB_WAIT,
	SIM_CS_PROGRESS_WAIT,
	SIM_CS_SYNC_WAIT,
	SIM_CS_DEFERRED,
	SIM_CS_RESOURCE,
	SIM_CS_FLUSH,
	SIM_CS_REASONS,
};

/* status_wait, besides the scoreboard mask in its low half. */
#define SIM_CS_WAIT_SOURCE_WAIT	(8u << 16)
#define SIM_CS_WAIT_COND_SHIFT	24
#define SIM_CS_WAIT_PROGRESS	BIT(28)
#define SIM_CS_WAIT_64		BIT(30)
#define SIM_CS_WAIT_SYNC	BIT(31)

/**
 * enum sim_cs_delay - What takes time
 * @SIM_CS_DELAY_COMPUTE: RUN_COMPUTE, RUN_COMPUTE_INDIRECT.
 * @SIM_CS_DELAY_TILING: RUN_TILING, RUN_IDVS, FINISH_TILING.
 * @SIM_CS_DELAY_FRAGMENT: RUN_FRAGMENT, RUN_FULLSCREEN.
 * @SIM_CS_DELAY_FLUSH: FLUSH_CACHE2.
 * @SIM_CS_DELAY_SYNC: SYNC_ADD and SYNC_SET with system scope. Not a delay
 *	but a pace: so far apart they are in the long run.
 * @SIM_CS_DELAYS: Number of them.
 */
enum sim_cs_delay {
	SIM_CS_DELAY_COMPUTE,
	SIM_CS_DELAY_TILING,
	SIM_CS_DELAY_FRAGMENT,
	SIM_CS_DELAY_FLUSH,
	SIM_CS_DELAY_SYNC,
	SIM_CS_DELAYS,
};

/**
 * struct sim_cs_env - What a stream needs of the rest of the GPU
 * @priv: Passed to each of the functions.
 * @copy: Access to the group's memory. 0; -EAGAIN: not now; -EFAULT: faulted,
 *	and reported; anything else: there is no address space. After a read
 *	with %SIM_ATOMIC a write to the same bytes does not fail.
 * @insert: Where the host has written up to, in bytes since the ring exists.
 * @extract: The stream has got to this offset. Called at the end of slices, and
 *	before an error is known.
 * @timestamp: GPU timestamp. NULL for 0, like all that follow.
 * @cycles: GPU cycle counter.
 * @flush_id: Value of LATEST_FLUSH.
 * @flush: Flush caches. @modes as bits 11:0 of FLUSH_CACHE2.
 * @delay_ns: How long something takes, %SIM_CS_MANUAL or %SIM_CS_NEVER.
 * @sync_written: A synchronisation object was written.
 * @resource: May the stream have this set of endpoints? NULL for yes.
 * @progress: Progress counter of another stream of the group, false if there
 *	is none. NULL if there is none.
 * @heap_grow: A chunk for a tiler heap: 0 and the chunk, VA and in the low 12
 *	bits its size in pages; 0 and 0: refused; -EAGAIN: the host was asked,
 *	ask again. NULL refuses.
 * @trace: TRACE_POINT. NULL ignores it.
 */
struct sim_cs_env {
	void *priv;
	int (*copy)(void *priv, u64 va, void *buf, size_t len, enum sim_access access);
	u64 (*insert)(void *priv);
	void (*extract)(void *priv, u64 extract);
	u64 (*timestamp)(void *priv);
	u64 (*cycles)(void *priv);
	u32 (*flush_id)(void *priv);
	void (*flush)(void *priv, u32 modes);
	u64 (*delay_ns)(void *priv, enum sim_cs_delay what);
	void (*sync_written)(void *priv, bool system_scope, u64 va);
	bool (*resource)(void *priv, u32 mask);
	bool (*progress)(void *priv, unsigned int queue, u64 *value);
	int (*heap_grow)(void *priv, u64 heap, u64 *chunk);
	void (*trace)(void *priv, const u32 *regs, unsigned int count);
};

/*
 * The driver gives away the space of a job when its fence is signaled, which is
 * some instructions before the end of its last line. A stream that is suspended
 * between the two comes back to a ring that is fuller than full.
 */
#define SIM_CS_RING_TAIL	64

/**
 * struct sim_cs_config - What the host configures of a stream
 * @ring_base: GPU address of the ring.
 * @ring_size: Its size, a power of two of at least 64.
 * @extract_init: Offset to start at.
 */
struct sim_cs_config {
	u64 ring_base;
	u64 ring_size;
	u64 extract_init;
};

/**
 * struct sim_cs_frame - Buffer in execution
 * @base: Its address. Of the ring: 0.
 * @ip: Address of the next instruction. Of the ring: its offset.
 * @len: Length in bytes, a multiple of 8. Of the ring: 0.
 * @pad: 0.
 */
struct sim_cs_frame {
	u64 base;
	u64 ip;
	u32 len;
	u32 pad;
};

/**
 * struct sim_cs_op - Asynchronous operation
 * @insn: The instruction.
 * @addr: Its address operand.
 * @data: Its data operand.
 * @deadline: When it is done, in time of the stream.
 * @kind: See enum sim_cs_op_kind.
 * @sb: Scoreboard entry.
 * @wait: Entries that must be 0 for it to start.
 * @started: It has.
 * @pad: 0.
 */
struct sim_cs_op {
	u64 insn;
	u64 addr;
	u64 data;
	u64 deadline;
	u8 kind;
	u8 sb;
	u8 wait;
	u8 started;
	u32 pad;
};

/**
 * struct sim_cs_job - Progress of the test job, see sim_job.h
 * @dst: From the descriptor, as the following.
 * @src: Source. Of a tiler job: the chunk in use.
 * @size: Size.
 * @seed: Seed.
 * @result: Where to report.
 * @done: Bytes done.
 * @last: Tiler job: bytes done of the chunk in use.
 * @op: Which operation, 0 if there is none.
 * @handler: Tiler job: the exception handler was tried for the missing chunk.
 */
struct sim_cs_job {
	u64 dst;
	u64 src;
	u64 size;
	u64 seed;
	u64 result;
	u64 done;
	u64 last;
	u32 op;
	u32 handler;
};

/**
 * struct sim_cs_core - All that a stream is made of; what is saved
 * @time: Time spent on a slot.
 * @busy_until: Nothing is executed before that time.
 * @frames: Buffers in execution; the first is the ring.
 * @depth: Index of the innermost.
 * @handler_frame: Index of the exception handler's, or %SIM_CS_NO_FRAME.
 * @ep_sb: Scoreboard entry of RUN_*.
 * @ls_sb: Scoreboard entry of loads and stores.
 * @nr_ops: Operations in flight.
 * @state: enum sim_cs_state.
 * @reason: enum sim_cs_reason.
 * @error: In error state: type of the fault, else 0.
 * @resources: Endpoints it has.
 * @regs: Registers.
 * @code: FAULT, FATAL: type.
 * @info: FAULT, FATAL: companion word.
 * @wait_req: BLOCKED: status_wait; for RESOURCE: the set asked for.
 * @pad: 0.
 * @wait_addr: BLOCKED in SYNC_WAIT: address.
 * @wait_value: BLOCKED in SYNC_WAIT: reference.
 * @heap: Heap context.
 * @handler: Exception handler, address.
 * @handler_len: Its length, 0 if there is none.
 * @pad2: 0.
 * @progress: Progress counter.
 * @retired: Instructions executed.
 * @ops: Operations in flight, in order of issue.
 * @job: Test job in work.
 */
struct sim_cs_core {
	u64 time;
	u64 busy_until;
	struct sim_cs_frame frames[SIM_CS_MAX_FRAMES];
	u8 depth;
	u8 handler_frame;
	u8 ep_sb;
	u8 ls_sb;
	u8 nr_ops;
	u8 state;
	u8 reason;
	u8 error;
	u32 resources;
	u32 regs[SIM_CS_REGS];
	u32 code;
	u64 info;
	u32 wait_req;
	u32 pad;
	u64 wait_addr;
	u64 wait_value;
	u64 heap;
	u64 handler;
	u32 handler_len;
	u32 pad2;
	u64 progress;
	u64 retired;
	struct sim_cs_op ops[SIM_CS_OPS];
	struct sim_cs_job job;
};

/**
 * struct sim_cs - A command stream
 * @env: Its surroundings.
 * @config: Its ring.
 * @core: Its state.
 * @now: Time of the last slice.
 * @clock: @now is set.
 * @worked: The step moved data of a job.
 * @insert: Where the ring ends, as last read.
 * @published: Offset that the host was last told.
 * @line: Instructions fetched in this slice.
 * @line_va: Address of the first.
 * @line_len: Bytes of them.
 * @chunk: Data on its way through a job.
 */
struct sim_cs {
	struct sim_cs_env env;
	struct sim_cs_config config;
	struct sim_cs_core core;
	u64 now;
	bool clock;
	bool worked;
	u64 insert;
	u64 published;
	u64 line[8];
	u64 line_va;
	u32 line_len;
	u64 chunk[SIM_CS_CHUNK / 8];
};

/**
 * struct sim_cs_status - What the host may read of a stream
 * @state: The state.
 * @reason: status_blocked_reason.
 * @wait: status_wait.
 * @resources: status_req_resource.
 * @scoreboards: status_scoreboards: mask of the entries that are not 0.
 * @code: FAULT, FATAL: the fault word.
 * @info: FAULT, FATAL: its companion.
 * @sync_ptr: status_wait_sync_ptr.
 * @sync_value: status_wait_sync_value and _hi.
 * @cmd_ptr: Address of the instruction.
 * @extract: Offset in the ring.
 * @heap: Heap context.
 * @retired: Instructions executed.
 */
struct sim_cs_status {
	enum sim_cs_state state;
	enum sim_cs_reason reason;
	u32 wait;
	u32 resources;
	u32 scoreboards;
	u32 code;
	u64 info;
	u64 sync_ptr;
	u64 sync_value;
	u64 cmd_ptr;
	u64 extract;
	u64 heap;
	u64 retired;
};

void sim_cs_init(struct sim_cs *cs, const struct sim_cs_env *env);
void sim_cs_start(struct sim_cs *cs, const struct sim_cs_config *config);
void sim_cs_stop(struct sim_cs *cs);
enum sim_cs_state sim_cs_run(struct sim_cs *cs, unsigned int max_instructions, u64 now_ns);
u64 sim_cs_wake_ns(const struct sim_cs *cs);
unsigned int sim_cs_step(struct sim_cs *cs, bool flush, unsigned int count);
void sim_cs_fault_ack(struct sim_cs *cs);
void sim_cs_bus_error(struct sim_cs *cs);
void sim_cs_status(const struct sim_cs *cs, struct sim_cs_status *status);
u64 sim_cs_progress(const struct sim_cs *cs);

size_t sim_cs_state_size(void);
void sim_cs_save(const struct sim_cs *cs, void *buf);
int sim_cs_restore(struct sim_cs *cs, const void *buf, size_t len);

#endif
