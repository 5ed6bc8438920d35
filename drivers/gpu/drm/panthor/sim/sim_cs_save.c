// SPDX-License-Identifier: GPL-2.0-only
/*
 * State of a stream in a suspend buffer. That lies in memory which the stream
 * must not reach, but in a system that works; so nothing of it is believed.
 */

#include <linux/build_bug.h>
#include <linux/errno.h>
#include <linux/limits.h>
#include <linux/string.h>

#include "sim_cs_priv.h"

#define SAVED_MAGIC	0x73637331	/* "scs1" */
#define SAVED_VERSION	1

/**
 * struct saved - Layout of the saved state
 * @magic: SAVED_MAGIC.
 * @version: SAVED_VERSION.
 * @size: Size of all this.
 * @pad: 0.
 * @sum: Checksum of @core.
 * @core: The state.
 */
struct saved {
	u32 magic;
	u32 version;
	u32 size;
	u32 pad;
	u64 sum;
	struct sim_cs_core core;
};

/* FNV-1a by words: finds damage, not malice. */
static u64 checksum(const struct sim_cs_core *core)
{
	const u64 *word = (const u64 *)core;
	u64 sum = 0xcbf29ce484222325ULL;
	unsigned int i;

	BUILD_BUG_ON(sizeof(*core) % sizeof(*word));
	for (i = 0; i < sizeof(*core) / sizeof(*word); i++)
		sum = (sum ^ word[i]) * 0x100000001b3ULL;

	return sum;
}

static bool frames_ok(const struct sim_cs_core *core)
{
	bool handler = core->handler_frame != SIM_CS_NO_FRAME;
	unsigned int i;

	if (core->depth >= SIM_CS_FRAMES + handler || core->frames[0].ip % 8)
		return false;
	if (handler && (!core->handler_frame || core->handler_frame > core->depth))
		return false;

	for (i = 1; i <= core->depth; i++) {
		const struct sim_cs_frame *frame = &core->frames[i];

		if (frame->base % 8 || frame->ip % 8 || frame->len % 8 ||
		    frame->len > U64_MAX - frame->base || frame->ip < frame->base ||
		    frame->ip - frame->base > frame->len)
			return false;
	}

	return true;
}

static bool ops_ok(const struct sim_cs_core *core)
{
	unsigned int i;

	if (core->nr_ops > SIM_CS_OPS)
		return false;

	for (i = 0; i < core->nr_ops; i++) {
		const struct sim_cs_op *op = &core->ops[i];

		if (op->kind >= OP_KINDS || op->sb >= SIM_CS_SBS || op->started > 1)
			return false;
		/* Its operands are registers. */
		if (op->kind == OP_TRACE && cs_src2(op->insn) + cs_src(op->insn) > SIM_CS_REGS)
			return false;
	}

	return true;
}

static bool core_ok(const struct sim_cs_core *core)
{
	return core->state < SIM_CS_STATES && core->reason < SIM_CS_REASONS &&
	       core->ep_sb < SIM_CS_SBS && core->ls_sb < SIM_CS_SBS &&
	       !(core->handler % 8) && !(core->handler_len % 8) &&
	       core->handler_len <= U64_MAX - core->handler &&
	       frames_ok(core) && ops_ok(core) && sim_cs_job_ok(&core->job);
}

/**
 * sim_cs_state_size() - Size of the saved state of one stream
 *
 * Context: Any.
 *
 * Return: Bytes, a multiple of 8.
 */
size_t sim_cs_state_size(void)
{
	return sizeof(struct saved);
}

/**
 * sim_cs_save() - Save a stream
 * @cs: The stream, which is not changed.
 * @buf: For sim_cs_state_size() bytes, aligned to 8.
 *
 * Context: Any, under the GPU's lock.
 */
void sim_cs_save(const struct sim_cs *cs, void *buf)
{
	struct saved *saved = buf;

	saved->magic = SAVED_MAGIC;
	saved->version = SAVED_VERSION;
	saved->size = sizeof(*saved);
	saved->pad = 0;
	saved->core = cs->core;
	saved->sum = checksum(&saved->core);
}

/**
 * sim_cs_restore() - Have a stream go on where it was saved
 * @cs: The stream, which sim_cs_start() was called for.
 * @buf: What sim_cs_save() wrote, aligned to 8.
 * @len: Size of the buffer, which may be larger than needed.
 *
 * Context: Any, under the GPU's lock.
 *
 * Return: 0, or -EINVAL for what is no saved state, in which case the stream is
 * stopped.
 */
int sim_cs_restore(struct sim_cs *cs, const void *buf, size_t len)
{
	const struct saved *saved = buf;

	if (len < sizeof(*saved) || saved->magic != SAVED_MAGIC ||
	    saved->version != SAVED_VERSION || saved->size != sizeof(*saved))
		goto stop;

	/* What is checked is the copy, which nobody else can change. */
	cs->core = saved->core;
	if (saved->sum != checksum(&cs->core) || !core_ok(&cs->core))
		goto stop;

	/* Off the slot no time has passed. */
	cs->clock = false;
	cs->worked = false;
	cs->published = ~cs->core.frames[0].ip;

	return 0;

stop:
	sim_cs_stop(cs);

	return -EINVAL;
}
