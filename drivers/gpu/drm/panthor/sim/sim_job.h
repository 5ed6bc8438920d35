/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef __PANTHOR_SIM_JOB_H__
#define __PANTHOR_SIM_JOB_H__

/**
 * DOC: Test jobs
 *
 * The model runs no shaders: a RUN_COMPUTE, RUN_TILING or RUN_IDVS takes its
 * time and does nothing. So that tests can have the GPU move data, one of these
 * instructions is a test job if the TSD pointer it selects, d24 + 2 * sel, is
 * %SIM_JOB_MAGIC. That is no address, so no client has it there by accident, and
 * without it memory is not looked at. The FAU pointer, d8 + 2 * sel, is then the
 * address of a &struct sim_job, whose first word must be the same number. It is
 * read when the job starts; jobs of a stream run one after the other.
 *
 * FILL writes @size bytes at @dst, VERIFY compares them, COPY copies them from
 * @src. Addresses and size are multiples of 8. The content is
 * sim_job_word(@seed, n) for the nth 64-bit word.
 *
 * TILE, which is for RUN_TILING and RUN_IDVS but not limited to them, fills
 * @size bytes of heap chunks. It takes the chunk whose address is @src, then
 * those its header links, then those of the heap context's free list, then asks
 * the host. The first 64 bytes of a chunk, its header, are left alone but for the
 * first word, which links the next: its address, with the size in pages in the
 * low 12 bits. Word n of the content starts at 0 anew in each chunk. If the host
 * refuses, the exception handler for tiler OOM is called, once per chunk; if
 * there still is none, that is a fault of type 0x60.
 *
 * At its end the job writes two words to @result, unless that is 0: the bytes
 * done, and the address of the first wrong word of a VERIFY, 0 if all were
 * right. A wrong word is a fault of type 0x58 with that address, a descriptor
 * that makes no sense one with the descriptor's address.
 *
 * The heap context, as the model has it: three 32-bit counters, vertex/tiler
 * starts, vertex/tiler ends, fragment ends, then at offset 16 the first chunk of
 * the free list.
 *
 * This header has no dependencies besides the types, for user space to use.
 */

#include <linux/types.h>

#define SIM_JOB_MAGIC		0xd0c5b0b55ca1ab1eULL
#define SIM_JOB_MAX_SIZE	0x10000000000ULL

#define SIM_JOB_FILL		1
#define SIM_JOB_COPY		2
#define SIM_JOB_VERIFY		3
#define SIM_JOB_TILE		4

#define SIM_HEAP_VT_START	0
#define SIM_HEAP_VT_END		4
#define SIM_HEAP_FRAG_END	8
#define SIM_HEAP_FREE		16
#define SIM_HEAP_CHUNK_HEADER	64

/**
 * struct sim_job - Descriptor of a test job
 * @magic: %SIM_JOB_MAGIC.
 * @op: %SIM_JOB_FILL and so on.
 * @flags: 0.
 * @dst: Address of the destination.
 * @src: Address of the source.
 * @size: Bytes.
 * @seed: Content.
 * @result: Address of two words of results, or 0.
 * @pad: 0.
 */
struct sim_job {
	__u64 magic;
	__u32 op;
	__u32 flags;
	__u64 dst;
	__u64 src;
	__u64 size;
	__u64 seed;
	__u64 result;
	__u64 pad;
};

/**
 * sim_job_word() - Content of a test buffer
 * @seed: Seed.
 * @n: Which 64-bit word.
 *
 * Context: Any.
 *
 * Return: The word. Neighbours in @seed or @n have nothing in common.
 */
static inline __u64 sim_job_word(__u64 seed, __u64 n)
{
	__u64 x = seed * 0x9e3779b97f4a7c15ULL + n;

	x = (x ^ (x >> 31)) * 0xd6e8feb86659fd93ULL;
	x = (x ^ (x >> 32)) * 0xd6e8feb86659fd93ULL;

	return x ^ (x >> 32);
}

#endif
