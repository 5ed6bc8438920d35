// SPDX-License-Identifier: GPL-2.0-only
/* The global interface: requests, doorbells, halt. */

#include <linux/bitfield.h>
#include <linux/errno.h>

#include "../panthor_fw_regs.h"

#include "sim_fw_priv.h"

/**
 * fw_glb_halts() - Whether a request word asks to halt
 * @fw: Firmware.
 * @req: GLB_REQ.
 *
 * Context: Any.
 *
 * Return: True if so.
 */
bool fw_glb_halts(const struct sim_fw *fw, u32 req)
{
	if (fw->config.version >= GLB_VERSION_STATE)
		return FIELD_GET(GLB_STATE, req) == GLB_STATE_HALT;

	return req & GLB_HALT;
}

static int fw_glb_halt(struct sim_fw *fw)
{
	int ret;

	/* HALT is told by MCU_STATUS; the state of later versions by both. */
	if (fw->config.version >= GLB_VERSION_STATE) {
		u32 ack = (fw->ack & ~GLB_STATE) | FIELD_PREP(GLB_STATE, GLB_STATE_HALT);

		ret = fw_write32(fw, fw_glb_output(fw) + GLB_ACK, ack);
		if (ret)
			return ret;
		fw->ack = ack;
	}
	ret = fw_write32(fw, fw_glb_output(fw) + GLB_HALT_STATUS, 0);
	if (ret)
		return ret;

	fw_stop(fw, MCU_STATUS_HALT);
	return 0;
}

/**
 * fw_glb_ack() - Write an acknowledgment that is due
 * @fw: Firmware.
 *
 * Context: With the lock held.
 *
 * Return: As fw_read().
 */
int fw_glb_ack(struct sim_fw *fw)
{
	u32 ack = (fw->ack & ~fw->ack_bits) | fw->ack_value;
	int ret;

	ret = fw_write32(fw, fw_glb_output(fw) + GLB_ACK, ack);
	fw->ack_late = ret == -EAGAIN;
	if (ret)
		return ret;

	fw->ack = ack;
	if (fw->ack_bits & fw->irq_mask)
		fw->env.irq(fw->env.priv, JOB_INT_GLOBAL_IF);
	/* What came meanwhile has waited for this. */
	fw->attend = true;
	fw->env.kick(fw->env.priv);
	return 0;
}

/**
 * fw_glb_acked() - The time of an acknowledgment has come
 * @delayed: &sim_fw.acker.
 *
 * Context: With the lock held.
 */
void fw_glb_acked(struct sim_delayed *delayed)
{
	fw_glb_ack(container_of(delayed, struct sim_fw, acker));
}

/* What the driver wants once and for all, or can never want. */
static void fw_glb_check(struct sim_fw *fw, const u32 *in, u32 bits)
{
	u64 cores = in[GLB_CORE_EN_MASK / 4] | (u64)in[GLB_CORE_EN_MASK / 4 + 1] << 32;
	u32 unknown, unasked;

	if ((bits & GLB_CFG_ALLOC_EN) && (!cores || (cores & ~fw->config.shader_present)))
		fw_blame(fw, "core_en_mask %#llx of cores %#llx", cores,
			 fw->config.shader_present);
	if (bits & GLB_CFG_PROGRESS_TIMER)
		fw->progress_ns = fw_timer_ns(fw, in[GLB_PROGRESS_TIMER / 4] | GLB_TIMER_CYCLES);
	if (bits & GLB_PING)
		fw->stats.pings++;
	if (bits & GLB_IDLE_EN)
		fw->idle_en = in[GLB_REQ / 4] & GLB_IDLE_EN;
	fw->idle_hyst_ns = fw_timer_ns(fw, in[GLB_IDLE_TIMER / 4]);

	unknown = (in[GLB_REQ / 4] ^ fw->ack) & ~(GLB_REQUESTS | GLB_EVENTS | GLB_HALT | GLB_STATE);
	unasked = (in[GLB_REQ / 4] ^ fw->ack) & GLB_EVENTS & ~fw->raised;
	if ((unknown | unasked) & ~fw->blamed) {
		fw_blame(fw, "GLB_REQ %#x, GLB_ACK %#x: %s %#x", in[GLB_REQ / 4], fw->ack,
			 unknown ? "no such request" : "acknowledges no event", unknown | unasked);
		fw->blamed |= unknown | unasked;
	}
}

/**
 * fw_glb_serve() - Take what the driver asks for
 * @fw: Firmware.
 *
 * Context: With the lock held.
 *
 * Return: As fw_read().
 */
int fw_glb_serve(struct sim_fw *fw)
{
	u32 in[GLB_INPUT_SIZE / 4], doorbells, bits;
	int ret;

	ret = fw_read(fw, fw_glb_input(fw) + GLB_DOORBELL_REQ, &doorbells, sizeof(doorbells));
	if (ret)
		return ret;
	if (doorbells != fw->doorbell_ack) {
		u32 rung = doorbells ^ fw->doorbell_ack;

		ret = fw_write32(fw, fw_glb_output(fw) + GLB_DOORBELL_ACK, doorbells);
		if (ret)
			return ret;
		fw->doorbell_ack = doorbells;
		if (rung & ~GENMASK(fw->config.groups - 1, 0))
			fw_blame(fw, "doorbell of groups %#x, of %u", rung, fw->config.groups);
		for (unsigned int i = 0; i < fw->config.groups; i++) {
			if (rung & BIT(i))
				fw->groups[i].attend = true;
		}
	}

	ret = fw_read(fw, fw_glb_input(fw), in, sizeof(in));
	if (ret)
		return ret;

	fw->irq_mask = in[GLB_ACK_IRQ_MASK / 4];
	fw->raised &= in[GLB_REQ / 4] ^ fw->ack;
	if (fw_glb_halts(fw, in[GLB_REQ / 4]))
		return fw_glb_halt(fw);

	fw->attend = false;
	if (sim_delayed_busy(&fw->acker) || fw->ack_late)
		return 0;

	bits = (in[GLB_REQ / 4] ^ fw->ack) & GLB_REQUESTS;
	fw_glb_check(fw, in, bits);
	if (!bits)
		return 0;

	fw->ack_bits = bits;
	fw->ack_value = in[GLB_REQ / 4] & bits;
	sim_delayed_start(fw->env.latency, &fw->acker);
	return 0;
}

/**
 * fw_glb_events() - Tell the driver of events
 * @fw: Firmware.
 *
 * Context: With the lock held.
 *
 * Return: As fw_read().
 */
int fw_glb_events(struct sim_fw *fw)
{
	u32 req, ready;
	int ret;

	if (!fw->want)
		return 0;

	ret = fw_read(fw, fw_glb_input(fw) + GLB_REQ, &req, sizeof(req));
	if (ret)
		return ret;
	fw->raised &= req ^ fw->ack;
	ready = fw->want & ~(req ^ fw->ack);
	if (!ready)
		return 0;

	ret = fw_write32(fw, fw_glb_output(fw) + GLB_ACK, fw->ack ^ ready);
	if (ret)
		return ret;
	fw->ack ^= ready;
	fw->raised |= ready;
	fw->want &= ~ready;
	if (ready & fw->irq_mask)
		fw->env.irq(fw->env.priv, JOB_INT_GLOBAL_IF);
	return 0;
}
