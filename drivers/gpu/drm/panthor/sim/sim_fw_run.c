// SPDX-License-Identifier: GPL-2.0-only
/* Doorbells, and whose turn it is. */

#include <linux/errno.h>
#include <linux/limits.h>
#include <linux/minmax.h>

#include "../panthor_fw_regs.h"

#include "sim_fw_priv.h"

/* With one CPU: so long it may be busy, then the driver has to get its turn. */
#define BURST_NS		(2 * NSEC_PER_MSEC)
#define PAUSE_NS		(500 * NSEC_PER_USEC)

/* Takes what is asked for, tells what is to be told. As fw_read(). */
static int fw_serve_group(struct fw_group *group)
{
	struct fw_stream *stream;
	int ret = 0;

	if (group->ack_late)
		ret = fw_group_ack(group);
	if (!ret && group->attend) {
		group->attend = false;
		ret = fw_group_serve(group);
		/* A dead one has nothing to attend to. */
		if (ret == -EAGAIN)
			group->attend = true;
	}
	for_each_fw_stream(stream, group, group->live) {
		if (!ret)
			ret = fw_stream_events(stream);
	}
	if (!ret)
		ret = fw_group_events(group);
	return ret;
}

static int fw_serve(struct sim_fw *fw)
{
	int ret = 0;

	if (fw->ack_late)
		ret = fw_glb_ack(fw);
	if (!ret && fw->attend)
		ret = fw_glb_serve(fw);
	for (unsigned int i = 0; !ret && fw->running && i < fw->config.groups; i++)
		ret = fw_serve_group(&fw->groups[i]);
	if (!ret && fw->running)
		ret = fw_glb_events(fw);
	return ret;
}

static bool fw_stream_runnable(const struct fw_stream *stream)
{
	switch (stream->state) {
	case FW_CS_READY:
	case FW_CS_EMPTY:
	case FW_CS_BLOCKED:
	case FW_CS_STALLED:
		return true;
	default:
		return false;
	}
}

/* The next stream that has something to do; if none, @next is when one has. */
static struct fw_stream *fw_pick(struct sim_fw *fw, u64 now_ns, u64 *next)
{
	unsigned int count = fw->config.groups * fw->config.streams;

	for (unsigned int i = 0; i < count; i++) {
		unsigned int turn = (fw->turn + i) % count;
		struct fw_stream *stream = &fw->streams[turn];

		if (!stream->group->running) {
			/* Nor is any other of that group. */
			i += fw->config.streams - 1 - stream->id;
			continue;
		}
		if (!fw_stream_runnable(stream))
			continue;
		if (stream->wake_ns <= now_ns) {
			fw->turn = (turn + 1) % count;
			return stream;
		}
		*next = min(*next, stream->wake_ns);
	}

	return NULL;
}

/**
 * sim_fw_run() - Do one slice of work
 * @fw: Firmware.
 * @now_ns: The time.
 *
 * Context: With the lock held.
 *
 * Return: When it wants to be called again: 0 for at once, U64_MAX for when it
 * kicks.
 */
u64 sim_fw_run(struct sim_fw *fw, u64 now_ns)
{
	struct fw_stream *stream;
	u64 next;
	int ret;

	fw_assert_held(fw);

	if (fw->boot_due && fw_boot_try(fw) == -EAGAIN)
		return now_ns + FW_POLL_NS;
	if (!fw->running || fw->hung)
		return U64_MAX;

	next = fw_idle_check(fw, now_ns);
	ret = fw_serve(fw);
	if (!fw->running)
		return U64_MAX;
	/* The MMU says when memory is there again; this is for safety. */
	if (ret == -EAGAIN)
		next = min(next, now_ns + FW_POLL_NS);

	stream = fw_pick(fw, now_ns, &next);
	if (stream) {
		fw_stream_run(stream, now_ns);
		if (fw->dying)
			fw_die(fw);
		fw->dying = false;
		next = 0;
	}

	if (next) {
		fw->burst_ns = 0;
	} else if (fw->config.pause) {
		if (!fw->burst_ns)
			fw->burst_ns = now_ns;
		if (now_ns - fw->burst_ns > BURST_NS) {
			fw->burst_ns = 0;
			return now_ns + PAUSE_NS;
		}
	}

	return next;
}

/**
 * sim_fw_doorbell() - The driver rings a doorbell
 * @fw: Firmware.
 * @index: Which; 0 is that of the global interface.
 *
 * A halt is taken at once, since the driver waits for it without sleeping, and
 * on a machine with one CPU nothing else would run.
 *
 * Context: With the lock held.
 */
void sim_fw_doorbell(struct sim_fw *fw, unsigned int index)
{
	u32 req;

	fw_assert_held(fw);

	if (!fw->running || fw->hung)
		return;

	if (index == CSF_GLB_DOORBELL_ID) {
		fw->attend = true;
		if (!fw_read(fw, fw_glb_input(fw) + GLB_REQ, &req, sizeof(req)) &&
		    fw_glb_halts(fw, req)) {
			fw_glb_serve(fw);
			return;
		}
	} else {
		for (unsigned int i = 0; i < fw->config.groups * fw->config.streams; i++) {
			struct fw_stream *stream = &fw->streams[i];

			if (stream->group->running && stream->doorbell == index)
				fw_stream_ring(stream);
		}
	}
	fw->env.kick(fw->env.priv);
}

/**
 * sim_fw_as_changed() - Accesses through an AS may have another outcome now
 * @fw: Firmware.
 * @as: Which.
 *
 * Context: With the lock held.
 */
void sim_fw_as_changed(struct sim_fw *fw, unsigned int as)
{
	struct fw_stream *stream;

	fw_assert_held(fw);

	if (!fw->boot_due && !fw->running)
		return;

	for (unsigned int i = 0; as != FW_AS && i < fw->config.groups; i++) {
		struct fw_group *group = &fw->groups[i];

		if (group->as != as)
			continue;
		for_each_fw_stream(stream, group, group->live)
			fw_stream_as_changed(stream);
	}
	/* A flush or a LOCK on the way to its end is not the end of a fault. */
	if (!fw->env.as_enabled(fw->env.priv, as)) {
		fw->as_off |= BIT(as);
	} else if (fw->as_off & BIT(as)) {
		fw->as_off &= ~BIT(as);
		fw->as_faulted &= ~BIT(as);
	}
	fw->env.kick(fw->env.priv);
}

/**
 * sim_fw_step() - Complete operations of streams that wait for a step
 * @fw: Firmware.
 * @op: %SIM_OP_RUN or %SIM_OP_FLUSH.
 * @count: At most so many.
 *
 * Those of a group that is off its slot do not count: nothing works on them.
 *
 * Context: With the lock held.
 *
 * Return: How many were completed.
 */
unsigned int sim_fw_step(struct sim_fw *fw, enum sim_op op, unsigned int count)
{
	unsigned int done = 0;

	fw_assert_held(fw);

	for (unsigned int i = 0; done < count && i < fw->config.groups * fw->config.streams; i++) {
		struct fw_stream *stream = &fw->streams[i];
		unsigned int now;

		if (!stream->group->running || stream->state == FW_CS_OFF)
			continue;
		now = sim_cs_step(&stream->cs, op == SIM_OP_FLUSH, count - done);
		if (now)
			stream->wake_ns = 0;
		done += now;
	}
	if (done)
		fw->env.kick(fw->env.priv);
	return done;
}

/**
 * sim_fw_as_faulted() - An AS has a fault that no stream caused
 * @fw: Firmware.
 * @as: Which.
 *
 * The driver will switch it off under the groups that use it.
 *
 * Context: With the lock held.
 */
void sim_fw_as_faulted(struct sim_fw *fw, unsigned int as)
{
	fw_assert_held(fw);
	fw->as_faulted |= BIT(as);
}
