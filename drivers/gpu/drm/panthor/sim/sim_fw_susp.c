// SPDX-License-Identifier: GPL-2.0-only
/*
 * Suspend buffers: all that a group is, in memory that the driver keeps. Nothing
 * of it stays behind, so a group can be resumed on any slot, and a buffer that
 * did not survive is noticed.
 */

#include <linux/align.h>
#include <linux/errno.h>
#include <linux/math.h>
#include <linux/mm.h>
#include <linux/string.h>

#include "sim_fw_priv.h"

#define SAVED_MAGIC		0x50555347
/* What has been resumed cannot be resumed once more. */
#define SAVED_MAGIC_USED	0x45535546

/**
 * struct saved_group - Start of a suspend buffer
 * @magic: %SAVED_MAGIC.
 * @streams: Number of streams that follow.
 * @size: Bytes in all.
 * @pad: 0.
 */
struct saved_group {
	u32 magic;
	u32 streams;
	u32 size;
	u32 pad;
};

/**
 * struct saved_stream - One stream; its interpreter's state follows
 * @id: Its number.
 * @pad: 0.
 */
struct saved_stream {
	u32 id;
	u32 pad;
};

static size_t stream_size(void)
{
	return ALIGN(sizeof(struct saved_stream) + sim_cs_state_size(), 8);
}

/**
 * fw_suspend_size() - Size of a suspend buffer
 * @config: Variant.
 *
 * Context: Any.
 *
 * Return: Bytes.
 */
size_t fw_suspend_size(const struct sim_fw_config *config)
{
	return PAGE_ALIGN(sizeof(struct saved_group) + config->streams * stream_size());
}

/**
 * fw_group_save() - Write a suspend buffer
 * @group: Group.
 * @va: Address of the buffer.
 *
 * Context: With the lock held.
 *
 * Return: As fw_read().
 */
int fw_group_save(struct fw_group *group, u64 va)
{
	struct sim_fw *fw = group->fw;
	struct saved_group *head = fw->scratch;
	void *at = head + 1;

	memset(head, 0, fw->suspend_size);
	for (unsigned int i = 0; i < fw->config.streams; i++) {
		struct saved_stream *saved = at;

		if (group->streams[i].state == FW_CS_OFF)
			continue;
		saved->id = i;
		sim_cs_save(&group->streams[i].cs, saved + 1);
		head->streams++;
		at += stream_size();
	}
	head->magic = SAVED_MAGIC;
	head->size = at - fw->scratch;

	return fw_write(fw, va, head, head->size);
}

/**
 * fw_group_load() - Read a suspend buffer
 * @group: Group.
 * @va: Address of the buffer.
 *
 * Its streams are then those of fw_saved_stream().
 *
 * Context: With the lock held.
 *
 * Return: As fw_read(), -EILSEQ if that is no suspended group.
 */
int fw_group_load(struct fw_group *group, u64 va)
{
	struct sim_fw *fw = group->fw;
	struct saved_group *head = fw->scratch;
	int ret;

	ret = fw_read(fw, va, head, sizeof(*head));
	if (ret)
		return ret;
	if (head->magic != SAVED_MAGIC || head->streams > fw->config.streams ||
	    head->size != sizeof(*head) + head->streams * stream_size())
		return -EILSEQ;

	return fw_read(fw, va, head, head->size);
}

/**
 * fw_group_loaded() - What was loaded is now in use
 * @group: Group.
 * @va: Address of the buffer.
 *
 * Context: With the lock held.
 *
 * Return: As fw_read().
 */
int fw_group_loaded(struct fw_group *group, u64 va)
{
	return fw_write32(group->fw, va, SAVED_MAGIC_USED);
}

/**
 * fw_saved_stream() - A stream of what was loaded last
 * @group: Group.
 * @id: Number of the stream.
 *
 * Context: With the lock held.
 *
 * Return: For sim_cs_restore(); NULL if it was not running.
 */
const void *fw_saved_stream(const struct fw_group *group, unsigned int id)
{
	const struct saved_group *head = group->fw->scratch;
	const void *at = head + 1;

	for (unsigned int i = 0; i < head->streams; i++, at += stream_size()) {
		const struct saved_stream *saved = at;

		if (saved->id == id)
			return saved + 1;
	}

	return NULL;
}
