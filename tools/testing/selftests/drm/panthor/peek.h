/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a VM maps where, as the GPU sees it: a job reads words through the mappings
 * and stores them where the CPU finds them. Functions return as those of panthor.h.
 */

#ifndef __PANTHOR_SELFTEST_PEEK_H__
#define __PANTHOR_SELFTEST_PEEK_H__

#include <stdbool.h>
#include <stdint.h>

#include "client.h"

#define PAGE		4096ULL
#define BLOCK		(2ULL << 20)
#define SIZE		(4 * BLOCK)
/* Where things are mapped; the beginning of a block. */
#define VA		0x40000000ULL
/* As many as a job can do. */
#define PEEKS		16
#define HOLE		0

/* The first word of a page of a BO; other words are 0. */
#define TAG(bo, page)	((bo) << 24 | (uint32_t)(page) | 1 << 23)

int tagged_bo(struct client *client, bool shared, unsigned int tag, struct bo *bo);
int peek(struct client *gpu, const uint64_t *va, unsigned int count, uint32_t *words);
int64_t peek_one(struct client *gpu, uint64_t va);

struct drm_panthor_vm_bind_op map_op(const struct bo *bo, uint64_t offset, uint64_t va,
				     uint64_t size);
struct drm_panthor_vm_bind_op unmap_op(uint64_t va, uint64_t size);

#endif
