// SPDX-License-Identifier: GPL-2.0-only
/* Command stream groups: requests, states, events. */

#include <linux/align.h>
#include <linux/bitfield.h>
#include <linux/errno.h>
#include <linux/sizes.h>

#include "../panthor_fw_regs.h"

#include "sim_fw_priv.h"

static u64 in64(const u32 *in, unsigned int offset)
{
	return in[offset / 4] | (u64)in[offset / 4 + 1] << 32;
}

/**
 * fw_group_drop() - Take a group off its slot
 * @group: Group. Its streams touch no memory any more.
 *
 * Context: With the lock held.
 */
void fw_group_drop(struct fw_group *group)
{
	for (unsigned int i = 0; i < group->fw->config.streams; i++)
		fw_stream_drop(&group->streams[i]);
	group->running = false;
	group->rung = 0;
	group->want = 0;
	group->idle = false;
	group->idle_told = false;
}

/* Says that a request makes no sense, once. */
static void refuse(struct fw_group *group, const u32 *in, u32 bits, const char *why, u64 what)
{
	if (!(bits & ~group->blamed))
		return;
	group->blamed |= bits;
	fw_blame(group->fw, "CSG %u REQ %#x ACK %#x: %s (%#llx)", group->id, in[CSG_REQ / 4],
		 group->ack, why, what);
}

static bool suspend_buf_ok(const struct fw_group *group, u64 va)
{
	return va > FW_SHARED_VA && IS_ALIGNED(va, SZ_4K) &&
	       va + group->fw->suspend_size <= FW_SHARED_END;
}

/* Puts a group on its slot. 0, -EAGAIN, or -EINVAL for what cannot be. */
static int fw_group_start(struct fw_group *group, const u32 *in, bool resume)
{
	struct sim_fw *fw = group->fw;
	u32 as = in[CSG_CONFIG / 4], started = 0;
	int ret;

	if (group->running) {
		refuse(group, in, CSG_STATE, "start of a group that runs", group->as);
		return -EINVAL;
	}
	if (as == FW_AS || as >= 32 || !(fw->config.as_present & BIT(as))) {
		refuse(group, in, CSG_STATE, "start in an address space that is not there", as);
		return -EINVAL;
	}
	/*
	 * The driver switches an AS off for a fault of one group there while it
	 * starts another one: that is not its mistake, and that group's end.
	 */
	if (!fw->env.as_enabled(fw->env.priv, as) && !(fw->as_faulted & BIT(as))) {
		refuse(group, in, CSG_STATE, "start in an address space that is off", as);
		return -EINVAL;
	}
	if (!suspend_buf_ok(group, in64(in, CSG_SUSPEND_BUF))) {
		refuse(group, in, CSG_STATE, "no such suspend buffer", in64(in, CSG_SUSPEND_BUF));
		return -EINVAL;
	}

	group->as = as;
	group->suspend_buf = in64(in, CSG_SUSPEND_BUF);
	if (resume) {
		ret = fw_group_load(group, group->suspend_buf);
		if (ret == -EILSEQ)
			refuse(group, in, CSG_STATE, "no suspended group in the buffer",
			       group->suspend_buf);
		if (ret)
			return ret == -EILSEQ ? -EINVAL : ret;
	}

	for (unsigned int i = 0; i < fw->config.streams; i++) {
		u32 req;

		ret = fw_stream_configure(&group->streams[i], &req);
		if (ret)
			return ret;
		if (FIELD_GET(CS_STATE, req) == CS_START)
			started |= BIT(i);
	}
	if (!started) {
		refuse(group, in, CSG_STATE, "start without streams", 0);
		return -EINVAL;
	}

	if (resume) {
		ret = fw_group_loaded(group, group->suspend_buf);
		if (ret)
			return ret;
	}

	group->running = true;
	group->rung = 0;
	group->want = 0;
	group->idle = false;
	group->idle_told = false;
	fw->idle = false;
	fw->idle_told = false;
	for (unsigned int i = 0; i < fw->config.streams; i++) {
		if (started & BIT(i))
			fw_stream_start(&group->streams[i],
					resume ? fw_saved_stream(group, i) : NULL);
	}
	if (resume)
		fw->stats.resumes++;
	else
		fw->stats.starts++;
	return 0;
}

static int fw_group_publish(struct fw_group *group)
{
	u32 state = group->idle;
	int ret;

	for (unsigned int i = 0; i < group->fw->config.streams; i++) {
		ret = fw_stream_publish(&group->streams[i]);
		if (ret)
			return ret;
	}

	return fw_write32(group->fw, group->output + CSG_STATUS_STATE, state);
}

static int fw_group_suspend(struct fw_group *group, const u32 *in)
{
	int ret;

	if (!group->running) {
		refuse(group, in, CSG_STATE, "suspend of a slot without a group", 0);
		return -EINVAL;
	}
	/* The driver may change its mind about where to, unlike about what. */
	if (!suspend_buf_ok(group, in64(in, CSG_SUSPEND_BUF))) {
		refuse(group, in, CSG_STATE, "no such suspend buffer", in64(in, CSG_SUSPEND_BUF));
		return -EINVAL;
	}

	/* What has happened is told first; afterwards nothing is. */
	for (unsigned int i = 0; i < group->fw->config.streams; i++) {
		ret = fw_stream_events(&group->streams[i]);
		if (ret)
			return ret;
	}
	ret = fw_group_events(group);
	if (!ret)
		ret = fw_group_publish(group);
	if (!ret)
		ret = fw_group_save(group, in64(in, CSG_SUSPEND_BUF));
	if (ret)
		return ret;

	fw_group_drop(group);
	group->fw->stats.suspends++;
	return 0;
}

/* Goes to the state that is asked for. As fw_group_start(). */
static int fw_group_state(struct fw_group *group, const u32 *in)
{
	u32 state = FIELD_GET(CSG_STATE, in[CSG_REQ / 4]);
	int ret;

	switch (state) {
	case CSG_TERMINATE:
		if (group->running)
			group->fw->stats.terminates++;
		fw_group_drop(group);
		ret = 0;
		break;
	case CSG_START:
	case CSG_RESUME:
		ret = fw_group_start(group, in, state == CSG_RESUME);
		break;
	case CSG_SUSPEND:
		ret = fw_group_suspend(group, in);
		break;
	default:
		refuse(group, in, CSG_STATE, "no such state", state);
		return -EINVAL;
	}

	if (!ret)
		fw_trace(group->fw, SIM_FW_TRACE_CSG, group->id, state);
	return ret;
}

static int fw_group_endpoints(struct fw_group *group, const u32 *in)
{
	struct sim_fw *fw = group->fw;
	u64 cores = in64(in, CSG_ALLOW_COMPUTE) | in64(in, CSG_ALLOW_FRAGMENT);
	int ret;

	if (cores & ~fw->config.shader_present)
		refuse(group, in, CSG_ENDPOINT_CONFIG, "cores that are not there", cores);
	group->endpoints = fw->config.version >= GLB_VERSION_EP_REQ2 ?
			   in64(in, CSG_EP_REQ2) : in[CSG_EP_REQ / 4];
	ret = fw_write32(fw, group->output + CSG_STATUS_EP_CURRENT, group->endpoints);
	if (!ret)
		ret = fw_write32(fw, group->output + CSG_STATUS_EP_REQ, group->endpoints);
	return ret;
}

/*
 * Does what is asked for and acknowledges it. What may have to wait for memory
 * comes before what cannot be done twice.
 */
static int fw_group_take(struct fw_group *group, const u32 *in)
{
	u32 req = in[CSG_REQ / 4], bits = (req ^ group->ack) & CSG_REQUESTS;
	u32 wrong = (req ^ group->ack) & ~(CSG_REQUESTS | (CSG_EVENTS & group->raised));
	int ret;

	if (wrong)
		refuse(group, in, wrong, wrong & CSG_EVENTS ? "acknowledges no event" :
		       "no such request", wrong);
	if (!bits)
		return 0;

	if (bits & CSG_ENDPOINT_CONFIG) {
		ret = fw_group_endpoints(group, in);
		if (ret)
			return ret;
	}
	if (bits & CSG_STATUS_UPDATE) {
		ret = fw_group_publish(group);
		if (ret)
			return ret;
	}
	if (bits & CSG_STATE) {
		ret = fw_group_state(group, in);
		/* What cannot be is not acknowledged, and the driver gives up. */
		if (ret == -EINVAL)
			bits &= ~CSG_STATE;
		else if (!ret)
			group->blamed &= ~CSG_STATE;
		else
			return ret;
	}
	if (!bits)
		return 0;

	group->ack_bits = bits;
	group->ack_value = req & bits;
	sim_delayed_start(group->fw->env.latency, &group->acker);
	return 0;
}

/**
 * fw_group_ack() - Write an acknowledgment that is due
 * @group: Group.
 *
 * Context: With the lock held.
 *
 * Return: As fw_read().
 */
int fw_group_ack(struct fw_group *group)
{
	u32 ack = (group->ack & ~group->ack_bits) | group->ack_value;
	struct sim_fw *fw = group->fw;
	int ret;

	ret = fw_write32(fw, group->output + CSG_ACK, ack);
	group->ack_late = ret == -EAGAIN;
	if (ret)
		return ret;

	group->ack = ack;
	if (group->ack_bits & group->irq_mask)
		fw->env.irq(fw->env.priv, JOB_INT_CSG_IF(group->id));
	/* What came meanwhile has waited for this. */
	group->attend = true;
	fw->env.kick(fw->env.priv);
	return 0;
}

/**
 * fw_group_acked() - The time of an acknowledgment has come
 * @delayed: &fw_group.acker.
 *
 * Context: With the lock held.
 */
void fw_group_acked(struct sim_delayed *delayed)
{
	fw_group_ack(container_of(delayed, struct fw_group, acker));
}

/**
 * fw_group_serve() - Take what the driver asks of a group
 * @group: Group.
 *
 * Context: With the lock held.
 *
 * Return: As fw_read().
 */
int fw_group_serve(struct fw_group *group)
{
	struct sim_fw *fw = group->fw;
	u32 in[CSG_INPUT_SIZE / 4], doorbells;
	int ret;

	ret = fw_read(fw, group->input + CSG_DOORBELL_REQ, &doorbells, sizeof(doorbells));
	if (ret)
		return ret;
	if (doorbells != group->doorbell_ack) {
		u32 rung = doorbells ^ group->doorbell_ack;

		ret = fw_write32(fw, group->output + CSG_DOORBELL_ACK, doorbells);
		if (ret)
			return ret;
		group->doorbell_ack = doorbells;
		if (rung & ~GENMASK(fw->config.streams - 1, 0))
			fw_blame(fw, "CSG %u: doorbell of streams %#x, of %u", group->id, rung,
				 fw->config.streams);
		group->rung |= rung & GENMASK(fw->config.streams - 1, 0);
	}

	ret = fw_read(fw, group->input, in, sizeof(in));
	if (ret)
		return ret;

	group->irq_mask = in[CSG_ACK_IRQ_MASK / 4];
	group->raised &= in[CSG_REQ / 4] ^ group->ack;
	if (!sim_delayed_busy(&group->acker) && !group->ack_late) {
		ret = fw_group_take(group, in);
		if (ret)
			return ret;
	}

	if (!group->running)
		group->rung = 0;
	while (group->rung) {
		unsigned int i = __ffs(group->rung);

		ret = fw_stream_serve(&group->streams[i]);
		if (ret)
			return ret;
		group->rung &= ~BIT(i);
	}

	return 0;
}

/**
 * fw_group_events() - Tell the driver of events of a group
 * @group: Group.
 *
 * Context: With the lock held.
 *
 * Return: As fw_read().
 */
int fw_group_events(struct fw_group *group)
{
	struct sim_fw *fw = group->fw;
	u32 req, ready;
	int ret;

	if (!group->want)
		return 0;

	ret = fw_read(fw, group->input + CSG_REQ, &req, sizeof(req));
	if (ret)
		return ret;
	group->raised &= req ^ group->ack;
	ready = group->want & ~(req ^ group->ack);
	if (!ready)
		return 0;

	ret = fw_write32(fw, group->output + CSG_ACK, group->ack ^ ready);
	if (ret)
		return ret;
	group->ack ^= ready;
	group->raised |= ready;
	group->want &= ~ready;
	if (ready & group->irq_mask)
		fw->env.irq(fw->env.priv, JOB_INT_CSG_IF(group->id));
	return 0;
}
