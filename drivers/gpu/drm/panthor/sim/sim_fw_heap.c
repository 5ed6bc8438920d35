// SPDX-License-Identifier: GPL-2.0-only
/* Tiler out of memory: the driver is asked for a chunk of heap. */

#include <linux/errno.h>
#include <linux/sizes.h>

#include "sim_fw_priv.h"
#include "sim_job.h"

/* A chunk: its address, and its size in pages where the address is 0. */
#define CHUNK_PAGES		GENMASK_ULL(11, 0)

/**
 * fw_heap_grow() - A stream needs a chunk
 * @priv: Stream.
 * @heap: Address of its heap context.
 * @chunk: Where to put the chunk; 0 if there is none to be had.
 *
 * Context: With the lock held.
 *
 * Return: 0, or -EAGAIN as long as the driver has not answered.
 */
int fw_heap_grow(void *priv, u64 heap, u64 *chunk)
{
	struct fw_stream *stream = priv;
	struct sim_fw *fw = stream->group->fw;
	int ret;

	if (stream->heap) {
		if (!stream->heap_answered)
			return -EAGAIN;
		*chunk = stream->heap_chunk;
		stream->heap = 0;
		stream->heap_answered = false;
		return 0;
	}

	*chunk = 0;
	if (!heap)
		return 0;
	/* The driver bases its answer on them. */
	static_assert(SIM_HEAP_VT_END == 4 && SIM_HEAP_FRAG_END == 8);
	ret = fw->env.copy(fw->env.priv, stream->group->as, heap + SIM_HEAP_VT_START,
			   stream->heap_counters, sizeof(stream->heap_counters), SIM_READ,
			   "heap context");
	if (ret)
		return ret == -EAGAIN ? ret : 0;

	stream->heap = heap;
	stream->heap_answered = false;
	stream->want |= CS_TILER_OOM;
	return -EAGAIN;
}

/**
 * fw_heap_report() - Write what the driver needs to answer
 * @stream: Stream.
 *
 * Context: With the lock held.
 *
 * Return: As fw_read().
 */
int fw_heap_report(struct fw_stream *stream)
{
	struct sim_fw *fw = stream->group->fw;
	u64 out = stream->output;
	int ret;

	ret = fw_write32(fw, out + CS_HEAP_VT_START, stream->heap_counters[0]);
	if (!ret)
		ret = fw_write32(fw, out + CS_HEAP_VT_END, stream->heap_counters[1]);
	if (!ret)
		ret = fw_write32(fw, out + CS_HEAP_FRAG_END, stream->heap_counters[2]);
	if (!ret)
		ret = fw_write(fw, out + CS_HEAP_ADDRESS, &stream->heap, sizeof(stream->heap));
	return ret;
}

/**
 * fw_heap_answer() - The driver has answered
 * @stream: Stream.
 * @in: The driver's block of it.
 *
 * Context: With the lock held.
 */
void fw_heap_answer(struct fw_stream *stream, const u32 *in)
{
	struct sim_fw *fw = stream->group->fw;
	u64 start = in[CS_HEAP_START / 4] | (u64)in[CS_HEAP_START / 4 + 1] << 32;
	u64 end = in[CS_HEAP_END / 4] | (u64)in[CS_HEAP_END / 4 + 1] << 32;

	if (!stream->heap || stream->heap_answered)
		return;

	if (start != end || (start && (!(start & CHUNK_PAGES) || !(start & ~CHUNK_PAGES)))) {
		fw_blame(fw, "%s: heap chunk %#llx to %#llx", stream->name, start, end);
		start = 0;
	}
	if (start)
		fw->stats.chunks++;
	stream->heap_chunk = start;
	stream->heap_answered = true;
	/* Whatever else it does, the tiler goes on. */
	if (stream->state == FW_CS_READY)
		stream->wake_ns = 0;
	fw_stream_ring(stream);
}
