// SPDX-License-Identifier: GPL-2.0-only
/* Slices, fetch, errors and status of a command stream. */

#include <linux/errno.h>
#include <linux/log2.h>
#include <linux/minmax.h>
#include <linux/string.h>

#include "sim_cs_priv.h"

static u64 ring_offset(const struct sim_cs *cs, u64 position)
{
	return position & (cs->config.ring_size - 1);
}

/**
 * sim_cs_ip() - Address of the instruction in work
 * @cs: The stream.
 *
 * Context: Any, under the GPU's lock.
 *
 * Return: Its GPU address.
 */
u64 sim_cs_ip(const struct sim_cs *cs)
{
	const struct sim_cs_core *core = &cs->core;

	if (!core->depth)
		return cs->config.ring_base + ring_offset(cs, core->frames[0].ip);

	return core->frames[core->depth].ip;
}

/*
 * Position in the ring as the host sees it. In called code it is the CALL, so
 * that it lies in the job. A handler that interrupted the ring has no CALL.
 */
static u64 cs_extract(const struct sim_cs *cs)
{
	const struct sim_cs_core *core = &cs->core;

	if (!core->depth || core->handler_frame == 1)
		return core->frames[0].ip;

	return core->frames[0].ip - 8;
}

static void publish(struct sim_cs *cs)
{
	u64 extract = cs_extract(cs);

	if (extract == cs->published)
		return;

	cs->published = extract;
	cs->env.extract(cs->env.priv, extract);
}

/**
 * sim_cs_block() - An instruction has to wait
 * @cs: The stream.
 * @reason: Why.
 * @wait: status_wait.
 *
 * Context: Any, under the GPU's lock.
 *
 * Return: %STEP_STAY.
 */
enum sim_cs_step sim_cs_block(struct sim_cs *cs, enum sim_cs_reason reason, u32 wait)
{
	cs->core.state = SIM_CS_BLOCKED;
	cs->core.reason = reason;
	cs->core.wait_req = wait;

	return STEP_STAY;
}

/**
 * sim_cs_fatal() - Fatal fault
 * @cs: The stream, which ends here.
 * @code: Type of the fault.
 * @info: Its companion word, an address.
 *
 * Context: Any, under the GPU's lock.
 *
 * Return: %STEP_STAY.
 */
enum sim_cs_step sim_cs_fatal(struct sim_cs *cs, u32 code, u64 info)
{
	cs->core.state = SIM_CS_FATAL;
	cs->core.code = code;
	cs->core.info = info;

	return STEP_STAY;
}

/**
 * sim_cs_invalid() - The instruction in work is none
 * @cs: The stream.
 *
 * Context: Any, under the GPU's lock.
 *
 * Return: %STEP_STAY.
 */
enum sim_cs_step sim_cs_invalid(struct sim_cs *cs)
{
	return sim_cs_fatal(cs, SIM_CS_INSTR_INVALID, sim_cs_ip(cs));
}

/**
 * sim_cs_op_fault() - Fault of an asynchronous operation
 * @cs: The stream.
 * @code: Type of the fault.
 * @info: Its companion word.
 *
 * Called code ends. The instruction that is next in the ring is not skipped, as
 * it was not the one.
 *
 * Context: Any, under the GPU's lock.
 */
void sim_cs_op_fault(struct sim_cs *cs, u32 code, u64 info)
{
	struct sim_cs_core *core = &cs->core;

	core->depth = 0;
	core->handler_frame = SIM_CS_NO_FRAME;
	core->state = SIM_CS_FAULT;
	core->error = code;
	core->code = code;
	core->info = info;
}

/**
 * sim_cs_fault() - Fault of the instruction in work
 * @cs: The stream.
 * @code: Type of the fault.
 * @info: Its companion word.
 *
 * Context: Any, under the GPU's lock.
 *
 * Return: %STEP_STAY.
 */
enum sim_cs_step sim_cs_fault(struct sim_cs *cs, u32 code, u64 info)
{
	/* In called code the ring is already past the CALL. */
	if (!cs->core.depth)
		cs->core.frames[0].ip += 8;
	sim_cs_op_fault(cs, code, info);

	return STEP_STAY;
}

/**
 * sim_cs_copy() - Access to the group's memory
 * @cs: The stream.
 * @va: GPU address.
 * @buf: From or to here.
 * @len: Bytes.
 * @access: Kind of access.
 *
 * Context: Any, under the GPU's lock.
 *
 * Return: %STEP_NEXT, or %STEP_STAY with the stream stalled, frozen or at its
 * end.
 */
enum sim_cs_step sim_cs_copy(struct sim_cs *cs, u64 va, void *buf, size_t len,
			     enum sim_access access)
{
	int ret;

	/* What the stream writes it may be about to execute. */
	if (access == SIM_WRITE && va < cs->line_va + cs->line_len && cs->line_va < va + len)
		cs->line_len = 0;

	ret = cs->env.copy(cs->env.priv, va, buf, len, access);
	switch (ret) {
	case 0:
		return STEP_NEXT;
	case -EAGAIN:
		cs->core.state = SIM_CS_STALLED;
		return STEP_STAY;
	case -EFAULT:
		cs->core.state = SIM_CS_FROZEN;
		cs->core.info = va;
		return STEP_STAY;
	default:
		return sim_cs_fatal(cs, SIM_CS_BUS_FAULT, va);
	}
}

/**
 * sim_cs_delay() - How long something takes
 * @cs: The stream.
 * @what: What.
 *
 * Context: Any, under the GPU's lock.
 *
 * Return: Nanoseconds, %SIM_CS_MANUAL or %SIM_CS_NEVER.
 */
u64 sim_cs_delay(struct sim_cs *cs, enum sim_cs_delay what)
{
	return cs->env.delay_ns ? cs->env.delay_ns(cs->env.priv, what) : 0;
}

/**
 * sim_cs_after() - Point in time
 * @time: From when.
 * @delay: How much later.
 *
 * Context: Any.
 *
 * Return: The sum; what is no time stays what it is.
 */
u64 sim_cs_after(u64 time, u64 delay)
{
	if (delay == SIM_CS_MANUAL)
		return delay;
	return time + min(delay, SIM_CS_NEVER - time);
}

static void pop_finished(struct sim_cs_core *core)
{
	while (core->depth) {
		const struct sim_cs_frame *frame = &core->frames[core->depth];

		if (frame->ip < frame->base + frame->len)
			return;
		if (core->handler_frame == core->depth)
			core->handler_frame = SIM_CS_NO_FRAME;
		core->depth--;
	}
}

/* Is there an instruction in the ring? If not, the state says so. */
static bool ring_has_more(struct sim_cs *cs)
{
	struct sim_cs_core *core = &cs->core;
	u64 ip = core->frames[0].ip;

	if (ip == cs->insert)
		cs->insert = cs->env.insert(cs->env.priv);
	if (ip == cs->insert) {
		core->state = SIM_CS_EMPTY;
		return false;
	}
	if (cs->insert % 8 || cs->insert - ip > cs->config.ring_size + SIM_CS_RING_TAIL) {
		sim_cs_fatal(cs, SIM_CS_CONFIG_FAULT, cs->insert);
		return false;
	}

	return true;
}

/* Bytes that may be fetched from the position of the stream on. */
static u64 left_in_buffer(const struct sim_cs *cs)
{
	const struct sim_cs_frame *frame = &cs->core.frames[cs->core.depth];

	if (cs->core.depth)
		return frame->base + frame->len - frame->ip;

	/* Lines do not reach past the end of the ring, which is aligned as they are. */
	return cs->insert - frame->ip;
}

/*
 * Instructions come in lines of 64 bytes that are good for one slice, and never
 * reach past the end of the buffer or into another page.
 */
static enum sim_cs_step fetch(struct sim_cs *cs, u64 *insn)
{
	u64 va = sim_cs_ip(cs);
	enum sim_cs_step step;
	u32 len;

	if (va < cs->line_va || va - cs->line_va >= cs->line_len) {
		len = min_t(u64, sizeof(cs->line) - va % sizeof(cs->line), left_in_buffer(cs));
		cs->line_len = 0;
		step = sim_cs_copy(cs, va, cs->line, len, SIM_READ);
		if (step != STEP_NEXT)
			return step;
		cs->line_va = va;
		cs->line_len = len;
	}
	*insn = cs->line[(va - cs->line_va) / 8];

	return STEP_NEXT;
}

/* Whether the next step can follow at once. */
static bool step(struct sim_cs *cs)
{
	struct sim_cs_core *core = &cs->core;
	u64 insn;

	core->state = SIM_CS_RUNNING;
	core->reason = SIM_CS_UNBLOCKED;
	cs->worked = false;

	/* First, as a job may wait for the end of the exception handler. */
	pop_finished(core);
	if (core->nr_ops && sim_cs_advance(cs) != STEP_NEXT)
		return false;
	if (core->busy_until > core->time)
		return cs->worked;

	if (!core->depth && !ring_has_more(cs))
		return cs->worked && core->state == SIM_CS_EMPTY;
	if (fetch(cs, &insn) != STEP_NEXT)
		return false;

	switch (sim_cs_exec(cs, insn)) {
	case STEP_NEXT:
		cs_frame(cs)->ip += 8;
		fallthrough;
	case STEP_JUMP:
		core->retired++;
		return true;
	default:
		return cs->worked && core->state == SIM_CS_BLOCKED;
	}
}

static bool at_its_end(const struct sim_cs_core *core)
{
	return core->state == SIM_CS_STOPPED || core->state == SIM_CS_FAULT ||
	       core->state == SIM_CS_FATAL;
}

static void tick(struct sim_cs *cs, u64 now_ns)
{
	if (cs->clock && now_ns > cs->now)
		cs->core.time = sim_cs_after(cs->core.time, now_ns - cs->now);
	if (!cs->clock || now_ns > cs->now)
		cs->now = now_ns;
	cs->clock = true;
}

/**
 * sim_cs_run() - Execute a slice
 * @cs: The stream.
 * @max_instructions: Steps at most. One that moves a chunk of a test job counts
 *	as %SIM_CS_CHUNK_COST.
 * @now_ns: The time. It does not go on within a slice.
 *
 * Context: Any, under the GPU's lock.
 *
 * Return: The state. If it is %SIM_CS_RUNNING or %SIM_CS_BLOCKED,
 * sim_cs_wake_ns() says when to call again.
 */
enum sim_cs_state sim_cs_run(struct sim_cs *cs, unsigned int max_instructions, u64 now_ns)
{
	unsigned int cost;

	tick(cs, now_ns);
	if (at_its_end(&cs->core))
		return cs->core.state;

	/* Both may be out of date. */
	cs->line_len = 0;
	cs->insert = cs->core.frames[0].ip;

	while (max_instructions) {
		if (!step(cs))
			break;
		cost = cs->worked ? SIM_CS_CHUNK_COST : 1;
		max_instructions -= min(cost, max_instructions);
	}
	/* A buffer that has been executed to its end is left before anybody looks. */
	if (!at_its_end(&cs->core))
		pop_finished(&cs->core);
	publish(cs);

	return cs->core.state;
}

/**
 * sim_cs_wake_ns() - When there is something to do
 * @cs: The stream.
 *
 * What others do is not foreseen: memory that changes, a ring that is filled,
 * address spaces that are unlocked.
 *
 * Context: Any, under the GPU's lock.
 *
 * Return: When sim_cs_run() should be called again: 0 for at once, U64_MAX for
 * not before something happens.
 */
u64 sim_cs_wake_ns(const struct sim_cs *cs)
{
	const struct sim_cs_core *core = &cs->core;
	u64 next = SIM_CS_NEVER;

	switch (core->state) {
	case SIM_CS_RUNNING:
		if (!cs->clock || cs->worked || core->busy_until <= core->time)
			return 0;
		next = core->busy_until;
		break;
	case SIM_CS_EMPTY:
	case SIM_CS_BLOCKED:
		if (!cs->clock || cs->worked)
			return 0;
		break;
	default:
		return SIM_CS_NEVER;
	}

	next = min(next, sim_cs_next_deadline(cs));
	if (next == SIM_CS_NEVER)
		return SIM_CS_NEVER;

	return sim_cs_after(cs->now, next - core->time);
}

/**
 * sim_cs_init() - Make a stream
 * @cs: Memory for it.
 * @env: Its surroundings, copied.
 *
 * Context: Any.
 */
void sim_cs_init(struct sim_cs *cs, const struct sim_cs_env *env)
{
	memset(cs, 0, sizeof(*cs));
	cs->env = *env;
	cs->core.handler_frame = SIM_CS_NO_FRAME;
}

/**
 * sim_cs_start() - Start a stream from nothing
 * @cs: The stream.
 * @config: Its ring. If it cannot be, the stream ends with a fault of type
 *	%SIM_CS_CONFIG_FAULT.
 *
 * A stream that was suspended is started the same way, then restored.
 *
 * Context: Any, under the GPU's lock.
 */
void sim_cs_start(struct sim_cs *cs, const struct sim_cs_config *config)
{
	u64 size = config->ring_size;

	memset(&cs->core, 0, sizeof(cs->core));
	cs->config = *config;
	cs->clock = false;
	cs->worked = false;
	cs->core.state = SIM_CS_RUNNING;
	cs->core.handler_frame = SIM_CS_NO_FRAME;
	cs->core.frames[0].ip = config->extract_init;
	/* What the host sees is not known. */
	cs->published = ~config->extract_init;

	if (size < 64 || !is_power_of_2(size) || config->ring_base % 64 ||
	    size > U64_MAX - config->ring_base || config->extract_init % 8)
		sim_cs_fatal(cs, SIM_CS_CONFIG_FAULT, config->ring_base);
}

/**
 * sim_cs_stop() - Forget what the stream was doing
 * @cs: The stream.
 *
 * Context: Any, under the GPU's lock.
 */
void sim_cs_stop(struct sim_cs *cs)
{
	memset(&cs->core, 0, sizeof(cs->core));
	cs->core.handler_frame = SIM_CS_NO_FRAME;
}

/**
 * sim_cs_fault_ack() - The host has taken note of a fault
 * @cs: The stream, which goes on if it was waiting for that.
 *
 * Context: Any, under the GPU's lock.
 */
void sim_cs_fault_ack(struct sim_cs *cs)
{
	if (cs->core.state == SIM_CS_FAULT)
		cs->core.state = SIM_CS_RUNNING;
}

/**
 * sim_cs_bus_error() - The address space is gone
 * @cs: The stream. If it is frozen in an access, that ends with a fatal fault.
 *
 * Context: Any, under the GPU's lock.
 */
void sim_cs_bus_error(struct sim_cs *cs)
{
	if (cs->core.state == SIM_CS_FROZEN)
		sim_cs_fatal(cs, SIM_CS_BUS_FAULT, cs->core.info);
}

/**
 * sim_cs_status() - Look at a stream
 * @cs: The stream.
 * @status: Set.
 *
 * Context: Any, under the GPU's lock.
 */
void sim_cs_status(const struct sim_cs *cs, struct sim_cs_status *status)
{
	const struct sim_cs_core *core = &cs->core;

	*status = (struct sim_cs_status) {
		.state = core->state,
		.resources = core->resources,
		.heap = core->heap,
		.retired = core->retired,
	};
	if (core->state == SIM_CS_STOPPED)
		return;

	status->scoreboards = sim_cs_scoreboards(cs);
	status->cmd_ptr = sim_cs_ip(cs);
	status->extract = cs_extract(cs);
	if (core->state == SIM_CS_FAULT || core->state == SIM_CS_FATAL) {
		status->code = core->code;
		status->info = core->info;
	}
	if (core->state != SIM_CS_BLOCKED)
		return;

	status->reason = core->reason;
	switch (core->reason) {
	case SIM_CS_SYNC_WAIT:
		status->sync_ptr = core->wait_addr;
		status->sync_value = core->wait_value;
		fallthrough;
	case SIM_CS_SB_WAIT:
	case SIM_CS_PROGRESS_WAIT:
		status->wait = core->wait_req;
		break;
	case SIM_CS_RESOURCE:
		status->resources = core->wait_req;
		break;
	}
}

/**
 * sim_cs_progress() - Progress counter
 * @cs: The stream.
 *
 * Context: Any, under the GPU's lock.
 *
 * Return: The counter.
 */
u64 sim_cs_progress(const struct sim_cs *cs)
{
	return cs->core.progress;
}
