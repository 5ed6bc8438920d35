// SPDX-License-Identifier: GPL-2.0-only
/* Command streams: started, run, and what became of it told. */

#include <linux/align.h>
#include <linux/bitfield.h>
#include <linux/errno.h>
#include <linux/log2.h>
#include <linux/sizes.h>

#include "../panthor_fw_regs.h"

#include "sim_fw_priv.h"

#define RING_MIN		SZ_4K
#define RING_MAX		SZ_64K

/**
 * fw_stream_set() - Change what a stream does
 * @stream: Stream.
 * @state: What it does now.
 *
 * Context: With the lock held.
 */
void fw_stream_set(struct fw_stream *stream, enum fw_stream_state state)
{
	struct fw_group *group = stream->group;

	if (stream->state == state)
		return;
	stream->state = state;
	if (state == FW_CS_OFF)
		group->live &= ~BIT(stream->id);
	else
		group->live |= BIT(stream->id);
	if (state == FW_CS_BLOCKED)
		group->blocked |= BIT(stream->id);
	else
		group->blocked &= ~BIT(stream->id);
	fw_trace(group->fw, SIM_FW_TRACE_CS, group->id << 8 | stream->id, state);
}

/**
 * fw_stream_ring() - The doorbell of a stream rang
 * @stream: Stream.
 *
 * Context: With the lock held.
 */
void fw_stream_ring(struct fw_stream *stream)
{
	if (stream->state == FW_CS_BLOCKED || stream->state == FW_CS_EMPTY)
		stream->wake_ns = 0;
}

/* An interface page the driver made: in its part of the firmware's memory. */
static bool iface_ok(u64 va)
{
	return va >= FW_SHARED_VA && va < FW_SHARED_END && IS_ALIGNED(va, 16);
}

static bool ring_ok(const struct sim_cs_config *config)
{
	return is_power_of_2(config->ring_size) && config->ring_size >= RING_MIN &&
	       config->ring_size <= RING_MAX && IS_ALIGNED(config->ring_base, SZ_4K) &&
	       IS_ALIGNED(config->extract_init, 8);
}

/**
 * fw_stream_configure() - Read how the driver wants a stream
 * @stream: Stream of a group that is not running.
 * @req: Where to put CS_REQ, for whether it wants it at all.
 *
 * Context: With the lock held.
 *
 * Return: As fw_read(), -EINVAL for what cannot be.
 */
int fw_stream_configure(struct fw_stream *stream, u32 *req)
{
	struct fw_group *group = stream->group;
	struct sim_fw *fw = group->fw;
	u32 in[CS_INPUT_SIZE / 4];
	u64 ring[2];
	int ret;

	ret = fw_read(fw, stream->input, in, sizeof(in));
	if (ret)
		return ret;
	*req = in[CS_REQ / 4];
	if (FIELD_GET(CS_STATE, *req) == CS_STOP)
		return 0;

	stream->ring_in = in[CS_RING_INPUT / 4] | (u64)in[CS_RING_INPUT / 4 + 1] << 32;
	stream->ring_out = in[CS_RING_OUTPUT / 4] | (u64)in[CS_RING_OUTPUT / 4 + 1] << 32;
	if (FIELD_GET(CS_STATE, *req) != CS_START || !iface_ok(stream->ring_in) ||
	    !iface_ok(stream->ring_out)) {
		fw_blame(fw, "%s: REQ %#x, ring interface %#llx %#llx", stream->name, *req,
			 stream->ring_in, stream->ring_out);
		return -EINVAL;
	}
	ret = fw_read(fw, stream->ring_in, ring, sizeof(ring));
	if (ret)
		return ret;

	stream->config.ring_base = in[CS_RING_BASE / 4] | (u64)in[CS_RING_BASE / 4 + 1] << 32;
	stream->config.ring_size = in[CS_RING_SIZE / 4];
	stream->config.extract_init = ring[RING_EXTRACT_INIT / 8];
	stream->insert = ring[RING_INSERT / 8];
	if (!ring_ok(&stream->config) || stream->insert < stream->config.extract_init ||
	    stream->insert - stream->config.extract_init >
	    stream->config.ring_size + SIM_CS_RING_TAIL) {
		fw_blame(fw, "%s: ring %#llx, %#llx bytes, from %#llx to %#llx", stream->name,
			 stream->config.ring_base,
			 stream->config.ring_size, stream->config.extract_init, stream->insert);
		return -EINVAL;
	}

	stream->doorbell = FIELD_GET(CS_DOORBELL, in[CS_CONFIG / 4]);
	stream->irq_mask = in[CS_ACK_IRQ_MASK / 4];
	stream->policy = *req;
	/* An event of the group that was here before is not this one's. */
	ret = fw_write32(fw, stream->output + CS_ACK, *req);
	if (!ret) {
		stream->ack = *req;
		stream->raised = 0;
	}
	return ret;
}

/**
 * fw_stream_start() - Start a stream that was configured
 * @stream: Stream.
 * @saved: Its state if it was suspended, else NULL.
 *
 * Context: With the lock held.
 */
void fw_stream_start(struct fw_stream *stream, const void *saved)
{
	struct sim_cs_status status;

	stream->want = 0;
	stream->irq_due = false;
	stream->extract = stream->config.extract_init;
	stream->extract_due = true;
	stream->insert_due = false;
	stream->wake_ns = 0;
	stream->blocked_ns = 0;
	stream->heap = 0;
	stream->heap_answered = false;

	sim_cs_start(&stream->cs, &stream->config);
	if (saved && sim_cs_restore(&stream->cs, saved, sim_cs_state_size())) {
		const struct sim_cs_config none = { };

		fw_blame(stream->group->fw, "%s: a saved state that cannot be", stream->name);
		/* This ends in a fatal fault of the configuration. */
		sim_cs_start(&stream->cs, &none);
	}
	sim_cs_status(&stream->cs, &status);
	stream->extract = status.extract;

	/* Before a group is suspended the driver sees to its events. */
	if (status.state == SIM_CS_FAULT)
		sim_cs_fault_ack(&stream->cs);
	if (status.state == SIM_CS_FATAL) {
		stream->want |= CS_FATAL;
		fw_stream_set(stream, FW_CS_DEAD);
		return;
	}
	fw_stream_set(stream, FW_CS_READY);
}

/**
 * fw_stream_drop() - Stop a stream
 * @stream: Stream.
 *
 * Context: With the lock held.
 */
void fw_stream_drop(struct fw_stream *stream)
{
	if (stream->state != FW_CS_OFF)
		sim_cs_stop(&stream->cs);
	stream->want = 0;
	stream->irq_due = false;
	stream->extract_due = false;
	stream->blocked_ns = 0;
	fw_stream_set(stream, FW_CS_OFF);
}

/**
 * fw_stream_publish() - Write what the driver reads of a stream
 * @stream: Stream.
 *
 * Context: With the lock held.
 *
 * Return: As fw_read().
 */
int fw_stream_publish(struct fw_stream *stream)
{
	struct sim_fw *fw = stream->group->fw;
	struct fw_cs_status out = { };
	struct sim_cs_status status;
	int ret;

	if (stream->state == FW_CS_OFF)
		return 0;

	sim_cs_status(&stream->cs, &status);
	out.cmd_ptr = status.cmd_ptr;
	out.wait = status.wait;
	out.req_resource = status.resources;
	out.sync_ptr = status.sync_ptr;
	out.sync_value = lower_32_bits(status.sync_value);
	out.sync_value_hi = upper_32_bits(status.sync_value);
	out.scoreboards = status.scoreboards;
	out.blocked_reason = status.reason;

	ret = fw_write(fw, stream->output + CS_STATUS, &out, sizeof(out));
	if (ret || !stream->extract_due)
		return ret;
	ret = fw_write(fw, stream->ring_out + RING_EXTRACT, &stream->extract,
		       sizeof(stream->extract));
	stream->extract_due = ret;
	return ret;
}

static int fw_stream_report(struct fw_stream *stream, u32 ready)
{
	struct sim_fw *fw = stream->group->fw;
	struct sim_cs_status status;
	int ret = 0;

	sim_cs_status(&stream->cs, &status);
	if (ready & CS_FAULT) {
		ret = fw_write32(fw, stream->output + CS_FAULT_WORD, status.code);
		if (!ret)
			ret = fw_write(fw, stream->output + CS_FAULT_INFO, &status.info, 8);
	}
	if (!ret && (ready & CS_FATAL)) {
		ret = fw_write32(fw, stream->output + CS_FATAL_WORD, status.code);
		if (!ret)
			ret = fw_write(fw, stream->output + CS_FATAL_INFO, &status.info, 8);
	}
	if (!ret && (ready & CS_TILER_OOM))
		ret = fw_heap_report(stream);
	/* The driver finds the job that is at fault by this. */
	if (!ret && stream->extract_due)
		ret = fw_stream_publish(stream);
	return ret;
}

static int fw_stream_interrupt(struct fw_stream *stream)
{
	struct fw_group *group = stream->group;
	struct sim_fw *fw = group->fw;
	u32 acked;
	int ret;

	ret = fw_read(fw, group->input + CSG_CS_IRQ_ACK, &acked, sizeof(acked));
	if (ret)
		return ret;
	/* If the last one is still to be seen, this one will be seen with it. */
	if (!((acked ^ group->cs_irq_req) & BIT(stream->id))) {
		u32 req = group->cs_irq_req ^ BIT(stream->id);

		ret = fw_write32(fw, group->output + CSG_CS_IRQ_REQ, req);
		if (ret)
			return ret;
		group->cs_irq_req = req;
	}
	stream->irq_due = false;
	fw->env.irq(fw->env.priv, JOB_INT_CSG_IF(group->id));
	return 0;
}

/**
 * fw_stream_events() - Tell the driver of events of a stream
 * @stream: Stream.
 *
 * Context: With the lock held.
 *
 * Return: As fw_read().
 */
int fw_stream_events(struct fw_stream *stream)
{
	struct sim_fw *fw = stream->group->fw;
	u32 req, ready;
	int ret;

	if (stream->want) {
		ret = fw_read(fw, stream->input + CS_REQ, &req, sizeof(req));
		if (ret)
			return ret;
		stream->raised &= req ^ stream->ack;
		ready = stream->want & ~(req ^ stream->ack);
		if (ready) {
			ret = fw_stream_report(stream, ready);
			if (!ret)
				ret = fw_write32(fw, stream->output + CS_ACK, stream->ack ^ ready);
			if (ret)
				return ret;
			stream->ack ^= ready;
			stream->raised |= ready;
			stream->want &= ~ready;
			stream->irq_due |= ready & stream->irq_mask;
			fw->stats.faults += !!(ready & CS_FAULT);
			fw->stats.fatals += !!(ready & CS_FATAL);
			fw->stats.ooms += !!(ready & CS_TILER_OOM);
		}
	}

	if (stream->extract_due && stream->state == FW_CS_EMPTY) {
		ret = fw_write(fw, stream->ring_out + RING_EXTRACT, &stream->extract,
			       sizeof(stream->extract));
		if (ret)
			return ret;
		stream->extract_due = false;
	}

	return stream->irq_due ? fw_stream_interrupt(stream) : 0;
}

/**
 * fw_stream_serve() - Look at a stream whose group's doorbell rang for it
 * @stream: Stream of a running group.
 *
 * Context: With the lock held.
 *
 * Return: As fw_read().
 */
int fw_stream_serve(struct fw_stream *stream)
{
	struct fw_group *group = stream->group;
	struct sim_fw *fw = group->fw;
	u32 in[CS_INPUT_SIZE / 4], changed, wrong;
	int ret;

	ret = fw_read(fw, stream->input, in, sizeof(in));
	if (ret)
		return ret;

	changed = in[CS_REQ / 4] ^ stream->ack;
	if (stream->state == FW_CS_OFF) {
		/* Streams of a group come and go with it. */
		if (FIELD_GET(CS_STATE, in[CS_REQ / 4]) != CS_STOP)
			fw_blame(fw, "%s: start in a group that runs", stream->name);
		return 0;
	}

	wrong = changed & ~((CS_REQUESTS & ~CS_STATE) | (CS_EVENTS & stream->raised));
	if (wrong)
		fw_blame(fw, "%s: REQ %#x, ACK %#x", stream->name, in[CS_REQ / 4], stream->ack);

	if ((stream->raised & CS_TILER_OOM) && !(changed & CS_TILER_OOM))
		fw_heap_answer(stream, in);
	if (stream->state == FW_CS_FAULTED && (stream->raised & CS_FAULT) &&
	    !(changed & CS_FAULT)) {
		sim_cs_fault_ack(&stream->cs);
		fw_stream_set(stream, FW_CS_READY);
		stream->wake_ns = 0;
	}
	stream->raised &= changed;
	stream->policy = in[CS_REQ / 4];
	stream->irq_mask = in[CS_ACK_IRQ_MASK / 4];

	if (changed & CS_REQUESTS & ~CS_STATE) {
		u32 bits = CS_REQUESTS & ~CS_STATE;
		u32 ack = (stream->ack & ~bits) | (in[CS_REQ / 4] & bits);

		ret = fw_write32(fw, stream->output + CS_ACK, ack);
		if (ret)
			return ret;
		stream->ack = ack;
	}
	fw_stream_ring(stream);
	return 0;
}

/**
 * fw_stream_idle() - Whether there is nothing to do for a stream
 * @stream: Stream.
 *
 * Context: With the lock held.
 *
 * Return: True if so, by what the driver calls idle.
 */
bool fw_stream_idle(const struct fw_stream *stream)
{
	switch (stream->state) {
	case FW_CS_OFF:
	case FW_CS_DEAD:
		return true;
	case FW_CS_EMPTY:
		if (!(stream->policy & CS_IDLE_EMPTY))
			return false;
		break;
	case FW_CS_BLOCKED:
		if (!(stream->policy & CS_IDLE_SYNC_WAIT))
			return false;
		break;
	default:
		return false;
	}

	/* Each operation in flight is on a scoreboard. */
	return !stream->cs.core.nr_ops && stream->wake_ns && !stream->insert_due &&
	       (stream->state == FW_CS_EMPTY || stream->cs.core.reason == SIM_CS_SYNC_WAIT);
}

/**
 * fw_stream_as_changed() - The AS of a stream is not what it was
 * @stream: Stream.
 *
 * Context: With the lock held.
 */
void fw_stream_as_changed(struct fw_stream *stream)
{
	struct sim_fw *fw = stream->group->fw;

	if (stream->state == FW_CS_STALLED) {
		fw_stream_set(stream, FW_CS_READY);
		stream->wake_ns = 0;
	}

	/* The driver has seen the fault: now it learns whose it was. */
	if (stream->state == FW_CS_FROZEN &&
	    !fw->env.as_enabled(fw->env.priv, stream->group->as)) {
		sim_cs_bus_error(&stream->cs);
		stream->want |= CS_FATAL;
		fw_stream_set(stream, FW_CS_DEAD);
	}
}

/* Since when a stream makes no progress although something was to end. */
static void fw_stream_note_wait(struct fw_stream *stream, u64 now_ns)
{
	if (stream->state != FW_CS_BLOCKED || stream->cs.core.reason != SIM_CS_SB_WAIT)
		stream->blocked_ns = 0;
	else if (!stream->blocked_ns)
		stream->blocked_ns = now_ns;
}

/**
 * fw_stream_run() - Let a stream run for a slice
 * @stream: Stream.
 * @now_ns: The time.
 *
 * Context: With the lock held.
 */
void fw_stream_run(struct fw_stream *stream, u64 now_ns)
{
	struct sim_fw *fw = stream->group->fw;
	enum fw_stream_state before = stream->state;
	u64 retired = stream->cs.core.retired, wake;
	enum sim_cs_state state;

	stream->insert_due = false;
	state = sim_cs_run(&stream->cs, fw->config.slice, now_ns);
	fw->stats.instructions += stream->cs.core.retired - retired;
	wake = sim_cs_wake_ns(&stream->cs);

	switch (state) {
	case SIM_CS_RUNNING:
		fw_stream_set(stream, FW_CS_READY);
		stream->wake_ns = wake;
		break;
	case SIM_CS_EMPTY:
		fw_stream_set(stream, FW_CS_EMPTY);
		/* While the word was not to be had, a doorbell has told nothing. */
		stream->wake_ns = stream->insert_due ? min(wake, now_ns + FW_POLL_NS) : wake;
		if (before != FW_CS_EMPTY) {
			fw->stats.jobs++;
			fw_trace(fw, SIM_FW_TRACE_JOB, stream->group->id << 8 | stream->id,
				 stream->extract);
		}
		break;
	case SIM_CS_BLOCKED:
		fw_stream_set(stream, FW_CS_BLOCKED);
		stream->wake_ns = min(wake, now_ns + FW_POLL_NS);
		break;
	case SIM_CS_STALLED:
		/* To be told that the AS changed would do; this is for safety. */
		fw_stream_set(stream, FW_CS_STALLED);
		stream->wake_ns = now_ns + FW_POLL_NS;
		break;
	case SIM_CS_FROZEN:
		fw_stream_set(stream, FW_CS_FROZEN);
		break;
	case SIM_CS_FAULT:
		stream->want |= CS_FAULT;
		fw_stream_set(stream, FW_CS_FAULTED);
		break;
	case SIM_CS_FATAL:
		stream->want |= CS_FATAL;
		fw_stream_set(stream, FW_CS_DEAD);
		break;
	default:
		fw_blame(fw, "%s stopped by itself", stream->name);
		fw_stream_set(stream, FW_CS_DEAD);
		break;
	}
	fw_stream_note_wait(stream, now_ns);
}
