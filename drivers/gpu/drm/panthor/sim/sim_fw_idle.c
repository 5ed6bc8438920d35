// SPDX-License-Identifier: GPL-2.0-only
/* What time tells: groups that are idle, and streams that get nowhere. */

#include <linux/bitfield.h>
#include <linux/limits.h>
#include <linux/math64.h>
#include <linux/minmax.h>

#include "sim_fw_priv.h"

/**
 * fw_timer_ns() - A timer value of the driver
 * @fw: Firmware.
 * @value: The value.
 *
 * Context: Any.
 *
 * Return: Nanoseconds.
 */
u64 fw_timer_ns(const struct sim_fw *fw, u32 value)
{
	u64 hz = value & GLB_TIMER_CYCLES ? fw->config.clock_hz : fw->config.timestamp_hz;
	u64 ticks = (u64)FIELD_GET(GLB_TIMER_VALUE, value) << 10;

	return hz ? mul_u64_u64_div_u64(ticks, NSEC_PER_SEC, hz) : 0;
}

static bool fw_group_idle(const struct fw_group *group)
{
	const struct fw_stream *stream;

	for_each_fw_stream(stream, group, group->live) {
		if (!fw_stream_idle(stream))
			return false;
	}

	return true;
}

/* Notes whether something is idle. When it is to be told, U64_MAX for not. */
static u64 note(bool idle, bool *was, bool *told, u64 *since, u64 hysteresis, u64 now_ns)
{
	if (!idle) {
		*was = false;
		*told = false;
		return U64_MAX;
	}
	if (!*was) {
		*was = true;
		*since = now_ns;
	}

	return *told ? U64_MAX : *since + hysteresis;
}

static u64 fw_progress_check(struct fw_stream *stream, u64 now_ns)
{
	struct sim_fw *fw = stream->group->fw;
	u64 due;

	if (!fw->progress_ns || !stream->blocked_ns || stream->blocked_ns == U64_MAX)
		return U64_MAX;

	due = stream->blocked_ns + fw->progress_ns;
	if (due > now_ns)
		return due;

	stream->group->want |= CSG_PROGRESS_TIMER;
	stream->blocked_ns = U64_MAX;
	return U64_MAX;
}

static u64 fw_group_check(struct fw_group *group, u64 now_ns)
{
	struct sim_fw *fw = group->fw;
	struct fw_stream *stream;
	u64 due, next = U64_MAX;

	for_each_fw_stream(stream, group, group->blocked)
		next = min(next, fw_progress_check(stream, now_ns));

	due = note(fw_group_idle(group), &group->idle, &group->idle_told, &group->idle_ns,
		   fw->idle_hyst_ns, now_ns);
	if (due <= now_ns) {
		group->idle_told = true;
		group->want |= CSG_IDLE;
		due = U64_MAX;
	}

	return min(next, due);
}

/**
 * fw_idle_check() - See what time has made of the groups
 * @fw: Firmware.
 * @now_ns: The time.
 *
 * Context: With the lock held.
 *
 * Return: When to look again.
 */
u64 fw_idle_check(struct sim_fw *fw, u64 now_ns)
{
	u64 due, next = U64_MAX;
	bool idle = true;

	for (unsigned int i = 0; i < fw->config.groups; i++) {
		struct fw_group *group = &fw->groups[i];

		if (!group->running)
			continue;
		next = min(next, fw_group_check(group, now_ns));
		idle &= group->idle;
	}

	due = note(idle, &fw->idle, &fw->idle_told, &fw->idle_ns, fw->idle_hyst_ns, now_ns);
	if (due <= now_ns) {
		fw->idle_told = true;
		if (fw->idle_en)
			fw->want |= GLB_IDLE;
		due = U64_MAX;
	}

	return min(next, due);
}
