// SPDX-License-Identifier: GPL-2.0-only
/*
 * What an interpreter gets of the GPU. These are called in the midst of a slice,
 * so a death of the firmware has to wait for the end of it.
 */

#include <linux/errno.h>

#include "sim_fw_priv.h"

static int stream_copy(void *priv, u64 va, void *buf, size_t len, enum sim_access access)
{
	struct fw_stream *stream = priv;
	struct sim_fw *fw = stream->group->fw;
	unsigned int as = stream->group->as;
	int ret;

	ret = fw->env.copy(fw->env.priv, as, va, buf, len, access, stream->name);
	if (ret == -EFAULT)
		fw->as_faulted |= BIT(as);
	if (ret == -ENXIO) {
		if (!(fw->as_faulted & BIT(as)))
			fw_blame(fw, "%s runs in AS %u, which is off", stream->name, as);
		/* Once is enough; it cannot come back for this group. */
		fw->as_faulted |= BIT(as);
	}
	return ret;
}

/* A word of the ring interface; what cannot be had now is as it was. */
static void ring_access(struct fw_stream *stream, u64 va, u64 *value, enum sim_access access)
{
	struct sim_fw *fw = stream->group->fw;
	u64 word = *value;
	int ret;

	ret = fw->env.copy(fw->env.priv, FW_AS, va, &word, sizeof(word), access, "firmware");
	if (!ret) {
		*value = word;
	} else if (ret != -EAGAIN) {
		fw_blame(fw, "%s: no ring interface at %#llx", stream->name, va);
		fw->dying = true;
	}
	if (access == SIM_WRITE)
		stream->extract_due = ret;
	else
		stream->insert_due = ret;
}

static u64 stream_insert(void *priv)
{
	struct fw_stream *stream = priv;

	ring_access(stream, stream->ring_in + RING_INSERT, &stream->insert, SIM_READ);
	return stream->insert;
}

static void stream_extract(void *priv, u64 extract)
{
	struct fw_stream *stream = priv;

	stream->extract = extract;
	ring_access(stream, stream->ring_out + RING_EXTRACT, &stream->extract, SIM_WRITE);
}

static u64 stream_timestamp(void *priv)
{
	const struct fw_stream *stream = priv;
	const struct sim_fw_env *env = &stream->group->fw->env;

	return env->timestamp ? env->timestamp(env->priv) : 0;
}

static u64 stream_cycles(void *priv)
{
	const struct fw_stream *stream = priv;
	const struct sim_fw_env *env = &stream->group->fw->env;

	return env->cycles ? env->cycles(env->priv) : 0;
}

static u32 stream_flush_id(void *priv)
{
	const struct fw_stream *stream = priv;
	const struct sim_fw_env *env = &stream->group->fw->env;

	return env->flush_id ? env->flush_id(env->priv) : 0;
}

static void stream_flush(void *priv, u32 modes)
{
	const struct fw_stream *stream = priv;
	const struct sim_fw_env *env = &stream->group->fw->env;

	if (env->flush)
		env->flush(env->priv);
}

static u64 stream_delay(void *priv, enum sim_cs_delay what)
{
	const struct fw_stream *stream = priv;
	struct sim_latency *latency = stream->group->fw->env.latency;
	enum sim_op op = what == SIM_CS_DELAY_FLUSH ? SIM_OP_FLUSH : SIM_OP_RUN;

	if (what == SIM_CS_DELAY_SYNC)
		return stream->group->fw->config.sync_pace_ns;

	if (latency->once_stuck[op]) {
		latency->once_stuck[op]--;
		return SIM_CS_NEVER;
	}

	switch (latency->setting[op].kind) {
	case SIM_INSTANT:
		return 0;
	case SIM_TIMED:
		return sim_latency_ns(latency, op);
	case SIM_MANUAL:
		return SIM_CS_MANUAL;
	default:
		return SIM_CS_NEVER;
	}
}

static void stream_sync_written(void *priv, bool system_scope, u64 va)
{
	struct fw_stream *stream = priv;
	struct fw_group *group = stream->group;
	struct sim_fw *fw = group->fw;
	struct fw_stream *waiter;

	if (system_scope)
		group->want |= CSG_SYNC_UPDATE;

	/* Whoever waits for it may be in any group, unless that is the scope. */
	for (unsigned int i = 0; i < fw->config.groups; i++) {
		if (!system_scope && &fw->groups[i] != group)
			continue;
		for_each_fw_stream(waiter, &fw->groups[i], fw->groups[i].blocked)
			waiter->wake_ns = 0;
	}
}

static bool stream_progress(void *priv, unsigned int queue, u64 *value)
{
	const struct fw_stream *stream = priv;
	const struct fw_group *group = stream->group;

	if (queue >= group->fw->config.streams || group->streams[queue].state == FW_CS_OFF)
		return false;

	*value = sim_cs_progress(&group->streams[queue].cs);
	return true;
}

/**
 * fw_stream_env() - What the interpreter of a stream needs
 * @stream: Stream.
 * @env: Where to put it.
 *
 * Context: Any.
 */
void fw_stream_env(struct fw_stream *stream, struct sim_cs_env *env)
{
	*env = (struct sim_cs_env){
		.priv = stream,
		.copy = stream_copy,
		.insert = stream_insert,
		.extract = stream_extract,
		.timestamp = stream_timestamp,
		.cycles = stream_cycles,
		.flush_id = stream_flush_id,
		.flush = stream_flush,
		.delay_ns = stream_delay,
		.sync_written = stream_sync_written,
		.progress = stream_progress,
		.heap_grow = fw_heap_grow,
	};
}
