// SPDX-License-Identifier: GPL-2.0-only
/* Life of the MCU: made, booted, halted, stopped, reset. */

#include <linux/errno.h>
#include <linux/mm.h>
#include <linux/overflow.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "../panthor_fw_regs.h"

#include "sim_fw_priv.h"

/* Where the blocks are in the shared section, besides the control blocks. */
#define GLB_INPUT		0x9000
#define GLB_OUTPUT		0x9100
#define CSG_BLOCKS		0x9200
#define CSG_BLOCKS_STRIDE	0x100
#define CSG_BLOCKS_OUTPUT	0x80
#define CS_BLOCKS		0x10000
#define CS_BLOCKS_STRIDE	0x200
#define CS_BLOCKS_OUTPUT	0x100
#define CSG_CONTROL_STRIDE	0x400
#define CS_CONTROL_STRIDE	0x10

static_assert(FW_CSG_CONTROL + SIM_FW_MAX_GROUPS * CSG_CONTROL_STRIDE <= GLB_INPUT);
static_assert(FW_CS_CONTROL + SIM_FW_MAX_STREAMS * CS_CONTROL_STRIDE <= CSG_CONTROL_STRIDE);
static_assert(GLB_INPUT + GLB_INPUT_SIZE <= GLB_OUTPUT);
static_assert(GLB_OUTPUT + GLB_OUTPUT_SIZE <= CSG_BLOCKS);
static_assert(CSG_INPUT_SIZE <= CSG_BLOCKS_OUTPUT);
static_assert(CSG_BLOCKS_OUTPUT + CSG_OUTPUT_SIZE <= CSG_BLOCKS_STRIDE);
static_assert(CSG_BLOCKS + SIM_FW_MAX_GROUPS * CSG_BLOCKS_STRIDE <= CS_BLOCKS);
static_assert(CS_INPUT_SIZE <= CS_BLOCKS_OUTPUT);
static_assert(CS_BLOCKS_OUTPUT + CS_OUTPUT_SIZE <= CS_BLOCKS_STRIDE);
static_assert(CS_BLOCKS + SIM_FW_MAX_GROUPS * SIM_FW_MAX_STREAMS * CS_BLOCKS_STRIDE <=
	      SIM_FW_SHARED_SIZE);
static_assert(sizeof(struct fw_cs_status) == CS_STATUS_SIZE);

/* CS_FEATURES: 96 registers, 8 scoreboards, and all kinds of endpoints. */
#define CS_FEATURES		(95 | 8 << 8 | BIT(16) | BIT(17) | BIT(18))

static void fw_set_status(struct sim_fw *fw, u32 status)
{
	fw->status = status;
	fw_trace(fw, SIM_FW_TRACE_MCU, 0, status);
}

/**
 * fw_glb_input() - Address of the driver's global block
 * @fw: Firmware.
 *
 * Context: Any.
 *
 * Return: The address.
 */
u32 fw_glb_input(const struct sim_fw *fw)
{
	return FW_SHARED_VA + GLB_INPUT;
}

/**
 * fw_glb_output() - Address of the firmware's global block
 * @fw: Firmware.
 *
 * Context: Any.
 *
 * Return: The address.
 */
u32 fw_glb_output(const struct sim_fw *fw)
{
	return FW_SHARED_VA + GLB_OUTPUT;
}

/* Forgets all there was to do, as the MCU no longer runs. */
static void fw_quiesce(struct sim_fw *fw)
{
	fw->running = false;
	fw->attend = false;
	fw->ack_late = false;
	fw->want = 0;
	fw->burst_ns = 0;
	sim_delayed_cancel(fw->env.latency, &fw->acker);
	for (unsigned int i = 0; i < fw->config.groups; i++) {
		struct fw_group *group = &fw->groups[i];

		sim_delayed_cancel(fw->env.latency, &group->acker);
		group->attend = false;
		group->ack_late = false;
		fw_group_drop(group);
	}
}

/**
 * fw_die() - The firmware has crashed
 * @fw: Firmware.
 *
 * Context: With the lock held.
 */
void fw_die(struct sim_fw *fw)
{
	sim_delayed_cancel(fw->env.latency, &fw->boot);
	sim_delayed_cancel(fw->env.latency, &fw->stop);
	fw->boot_due = false;
	fw_quiesce(fw);
	fw_set_status(fw, MCU_STATUS_FATAL);
}

/* Whether the image is in memory as it was loaded. 0, or an error of fw_read(). */
static int fw_check_image(struct sim_fw *fw)
{
	u32 words[16], state;
	int ret;

	for (unsigned int i = 0; i < FW_TEXT_WORDS; i += ARRAY_SIZE(words)) {
		ret = fw->env.copy(fw->env.priv, FW_AS, FW_TEXT_VA + i * 4, words, sizeof(words),
				   SIM_EXEC, "firmware boot");
		if (ret == -EAGAIN)
			return ret;
		for (unsigned int j = 0; !ret && j < ARRAY_SIZE(words); j++) {
			if (words[j] != FW_TEXT_MAGIC + i + j)
				ret = -EILSEQ;
		}
		if (ret) {
			fw_blame(fw, "boot of what is not the image: word %u of the text%s", i,
				 ret == -EILSEQ ? "" : " cannot be executed");
			fw_die(fw);
			return ret;
		}
	}

	ret = fw_read(fw, FW_DATA_VA, &state, sizeof(state));
	if (ret)
		return ret;
	if (state != FW_DATA_COLD && (state != FW_DATA_WARM || fw->loaded)) {
		fw_blame(fw, "boot %s: data section starts with %#x",
			 fw->loaded ? "after a reset without the image loaded anew" :
			 "of what is not the image", state);
		fw_die(fw);
		return -EILSEQ;
	}

	return fw_write32(fw, FW_DATA_VA, FW_DATA_WARM);
}

static int fw_boot_stream(struct fw_stream *stream, u64 control)
{
	struct sim_fw *fw = stream->group->fw;
	u32 words[CS_CONTROL_SIZE / 4] = { CS_FEATURES, stream->input, stream->output };
	int ret;

	ret = fw_write(fw, control, words, sizeof(words));
	if (ret)
		return ret;

	return fw_read(fw, stream->output + CS_ACK, &stream->ack, 4);
}

static int fw_boot_group(struct fw_group *group)
{
	struct sim_fw *fw = group->fw;
	u64 control = FW_SHARED_VA + FW_CSG_CONTROL + group->id * CSG_CONTROL_STRIDE;
	u32 words[CSG_CONTROL_SIZE / 4] = {
		0, group->input, group->output, fw->suspend_size, PAGE_SIZE,
		fw->config.streams, CS_CONTROL_STRIDE,
	};
	u32 out[4], req;
	int ret;

	ret = fw_write(fw, control, words, sizeof(words));
	if (!ret)
		ret = fw_read(fw, group->output, out, sizeof(out));
	if (!ret)
		ret = fw_read(fw, group->input + CSG_REQ, &req, sizeof(req));
	if (ret)
		return ret;

	group->ack = out[CSG_ACK / 4];
	group->doorbell_ack = out[CSG_DOORBELL_ACK / 4];
	group->cs_irq_req = out[CSG_CS_IRQ_REQ / 4];
	group->raised = (req ^ group->ack) & CSG_EVENTS;
	group->blamed = 0;

	for (unsigned int i = 0; i < fw->config.streams; i++) {
		ret = fw_boot_stream(&group->streams[i],
				     control + FW_CS_CONTROL + i * CS_CONTROL_STRIDE);
		if (ret)
			return ret;
	}

	return 0;
}

static int fw_boot_blocks(struct sim_fw *fw)
{
	u32 words[GLB_CONTROL_SIZE / 4] = {
		fw->config.version, 0, fw_glb_input(fw), fw_glb_output(fw),
		fw->config.groups, CSG_CONTROL_STRIDE, 0, 0,
	};
	u32 out[3], req;
	int ret;

	for (unsigned int i = 0; i < fw->config.groups; i++) {
		ret = fw_boot_group(&fw->groups[i]);
		if (ret)
			return ret;
	}

	ret = fw_read(fw, fw_glb_output(fw), out, sizeof(out));
	if (!ret)
		ret = fw_read(fw, fw_glb_input(fw) + GLB_REQ, &req, sizeof(req));
	if (ret)
		return ret;

	fw->ack = out[GLB_ACK / 4];
	if (fw->config.version >= GLB_VERSION_STATE)
		fw->ack &= ~GLB_STATE;
	fw->doorbell_ack = out[GLB_DOORBELL_ACK / 4];
	fw->raised = (req ^ fw->ack) & GLB_EVENTS;
	fw->blamed = 0;
	ret = fw_write32(fw, fw_glb_output(fw) + GLB_ACK, fw->ack);
	if (!ret)
		ret = fw_write(fw, FW_SHARED_VA, words, sizeof(words));

	return ret;
}

/**
 * fw_boot_try() - Boot, as far as memory lets
 * @fw: Firmware, whose boot is due.
 *
 * Context: With the lock held.
 *
 * Return: As fw_read().
 */
int fw_boot_try(struct sim_fw *fw)
{
	int ret;

	ret = fw_check_image(fw);
	if (!ret)
		ret = fw_boot_blocks(fw);
	if (ret)
		return ret;

	fw->boot_due = false;
	fw->loaded = false;
	fw->hung = false;
	fw->running = true;
	fw->idle = true;
	fw->idle_told = true;
	fw->as_faulted = 0;
	fw->as_off = 0;
	fw->stats.boots++;
	fw_set_status(fw, MCU_STATUS_ENABLED);
	fw->env.irq(fw->env.priv, JOB_INT_GLOBAL_IF);
	return 0;
}

static void fw_booted(struct sim_delayed *delayed)
{
	struct sim_fw *fw = container_of(delayed, struct sim_fw, boot);

	fw->boot_due = true;
	fw_boot_try(fw);
}

static void fw_stopped(struct sim_delayed *delayed)
{
	struct sim_fw *fw = container_of(delayed, struct sim_fw, stop);

	fw_set_status(fw, fw->stop_status);
}

/**
 * fw_stop() - Halt or stop the MCU
 * @fw: Firmware.
 * @status: MCU_STATUS afterwards.
 *
 * Nothing is done and no memory is touched from now on.
 *
 * Context: With the lock held.
 */
void fw_stop(struct sim_fw *fw, u32 status)
{
	sim_delayed_cancel(fw->env.latency, &fw->boot);
	sim_delayed_cancel(fw->env.latency, &fw->stop);
	fw->boot_due = false;
	fw_quiesce(fw);
	fw->stop_status = status;
	sim_delayed_start(fw->env.latency, &fw->stop);
}

/**
 * sim_fw_mcu_control() - The driver writes MCU_CONTROL
 * @fw: Firmware.
 * @value: What.
 *
 * Context: With the lock held.
 */
void sim_fw_mcu_control(struct sim_fw *fw, u32 value)
{
	fw_assert_held(fw);

	if (value == MCU_CONTROL_DISABLE) {
		fw_stop(fw, MCU_STATUS_DISABLED);
		return;
	}

	if (sim_delayed_busy(&fw->boot) || fw->boot_due || sim_delayed_busy(&fw->stop) ||
	    fw->status != MCU_STATUS_DISABLED) {
		fw_blame(fw, "MCU switched on in state %u", fw->status);
		return;
	}
	sim_delayed_start(fw->env.latency, &fw->boot);
}

/**
 * sim_fw_mcu_status() - The driver reads MCU_STATUS
 * @fw: Firmware.
 *
 * Context: With the lock held.
 *
 * Return: Its value.
 */
u32 sim_fw_mcu_status(const struct sim_fw *fw)
{
	fw_assert_held(fw);
	return fw->status;
}

/**
 * sim_fw_reset() - The GPU was reset
 * @fw: Firmware.
 *
 * Context: With the lock held.
 */
void sim_fw_reset(struct sim_fw *fw)
{
	fw_assert_held(fw);

	sim_delayed_cancel(fw->env.latency, &fw->boot);
	sim_delayed_cancel(fw->env.latency, &fw->stop);
	fw->boot_due = false;
	fw_quiesce(fw);
	fw->loaded = true;
	fw_set_status(fw, MCU_STATUS_DISABLED);
}

/**
 * sim_fw_hang() - Do nothing until the next boot
 * @fw: Firmware.
 *
 * Context: With the lock held.
 */
void sim_fw_hang(struct sim_fw *fw)
{
	fw_assert_held(fw);
	fw->hung = true;
}

/**
 * sim_fw_stats() - Counters
 * @fw: Firmware.
 *
 * Context: With the lock held.
 *
 * Return: The counters.
 */
const struct sim_fw_stats *sim_fw_stats(const struct sim_fw *fw)
{
	fw_assert_held(fw);
	return &fw->stats;
}

static void fw_init_group(struct sim_fw *fw, unsigned int id)
{
	struct fw_group *group = &fw->groups[id];
	u32 blocks = FW_SHARED_VA + CSG_BLOCKS + id * CSG_BLOCKS_STRIDE;

	group->fw = fw;
	group->id = id;
	group->input = blocks;
	group->output = blocks + CSG_BLOCKS_OUTPUT;
	group->streams = &fw->streams[id * fw->config.streams];
	sim_delayed_init(&group->acker, SIM_OP_ACK, fw_group_acked);

	for (unsigned int i = 0; i < fw->config.streams; i++) {
		struct fw_stream *stream = &group->streams[i];
		struct sim_cs_env env;

		stream->group = group;
		stream->id = i;
		scnprintf(stream->name, sizeof(stream->name), "CSG %u CS %u", id, i);
		stream->input = FW_SHARED_VA + CS_BLOCKS +
				(id * fw->config.streams + i) * CS_BLOCKS_STRIDE;
		stream->output = stream->input + CS_BLOCKS_OUTPUT;
		fw_stream_env(stream, &env);
		sim_cs_init(&stream->cs, &env);
	}
}

/**
 * sim_fw_create() - Make a firmware, not booted
 * @config: Variant.
 * @env: The rest of the GPU.
 *
 * Context: Process.
 *
 * Return: The firmware, NULL if there is no memory.
 */
struct sim_fw *sim_fw_create(const struct sim_fw_config *config, const struct sim_fw_env *env)
{
	struct sim_fw *fw;

	if (WARN_ON(config->groups < SIM_FW_MIN_GROUPS || config->groups > SIM_FW_MAX_GROUPS ||
		    config->streams < SIM_FW_MIN_STREAMS || config->streams > SIM_FW_MAX_STREAMS))
		return NULL;

	fw = kzalloc_obj(*fw);
	if (!fw)
		return NULL;

	fw->env = *env;
	fw->config = *config;
	fw->status = MCU_STATUS_DISABLED;
	fw->suspend_size = fw_suspend_size(config);
	sim_delayed_init(&fw->boot, SIM_OP_BOOT, fw_booted);
	sim_delayed_init(&fw->stop, SIM_OP_HALT, fw_stopped);
	sim_delayed_init(&fw->acker, SIM_OP_ACK, fw_glb_acked);

	fw->scratch = kvzalloc(fw->suspend_size, GFP_KERNEL);
	fw->groups = kvcalloc(config->groups, sizeof(*fw->groups), GFP_KERNEL);
	fw->streams = kvcalloc(config->groups * config->streams, sizeof(*fw->streams),
			       GFP_KERNEL);
	if (!fw->scratch || !fw->groups || !fw->streams)
		goto err_destroy;

	for (unsigned int i = 0; i < config->groups; i++)
		fw_init_group(fw, i);

	return fw;

err_destroy:
	sim_fw_destroy(fw);
	return NULL;
}

/**
 * sim_fw_destroy() - Free a firmware
 * @fw: Firmware. Nothing of it may be in flight any more.
 *
 * Context: Process, without the lock.
 */
void sim_fw_destroy(struct sim_fw *fw)
{
	kvfree(fw->streams);
	kvfree(fw->groups);
	kvfree(fw->scratch);
	kfree(fw);
}
