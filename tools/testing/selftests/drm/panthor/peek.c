// SPDX-License-Identifier: GPL-2.0-only
/* What a VM maps where, as the GPU sees it. */

#include <errno.h>
#include <string.h>

#include "cs.h"
#include "peek.h"

/* Address pair that peek() stores through. */
#define TO		84

/* A BO whose pages can be told from each other. */
int tagged_bo(struct client *client, bool shared, unsigned int tag, struct bo *bo)
{
	int ret = bo_create(client->fd, shared ? 0 : client->vm, SIZE, 0, bo);

	for (uint64_t page = 0; !ret && page < SIZE / PAGE; page++)
		*(volatile uint32_t *)((char *)bo->map + page * PAGE) = TAG(tag, page);
	bo->va = VA;
	return ret;
}

/* Reads words as the GPU sees them. -EFAULT, and a new group, if it sees none. */
int peek(struct client *gpu, const uint64_t *va, unsigned int count, uint32_t *words)
{
	uint64_t insns[6 * PEEKS];
	unsigned int n = 0;
	int ret;

	for (unsigned int i = 0; i < count; i++) {
		insns[n++] = cs_move48(ADDR, va[i]);
		insns[n++] = cs_load(LOADED, ADDR, 1, 0);
		insns[n++] = cs_wait(CS_ALL_SCOREBOARDS);
		insns[n++] = cs_move48(TO, DATA_VA + i * 4);
		insns[n++] = cs_store(LOADED, TO, 1, 0);
		insns[n++] = cs_wait(CS_ALL_SCOREBOARDS);
		client_words(gpu)[i] = 0;
	}
	ret = syncobj_reset(gpu->fd, gpu->syncobj);
	ret = ret ?: client_submit(gpu, 0, 0, insns, n);
	ret = ret ?: syncobj_wait(gpu->fd, gpu->syncobj, JOB_MS);
	if (ret)
		return ret;
	if (syncobj_status(gpu->fd, gpu->syncobj) != 1)
		return client_new_group(gpu) ?: -EFAULT;
	for (unsigned int i = 0; i < count; i++)
		words[i] = client_words(gpu)[i];
	return 0;
}

/* The word at an address, HOLE where nothing is mapped, a negative errno. */
int64_t peek_one(struct client *gpu, uint64_t va)
{
	uint32_t word;
	int ret = peek(gpu, &va, 1, &word);

	return ret == -EFAULT ? HOLE : ret ?: (int64_t)word;
}

struct drm_panthor_vm_bind_op map_op(const struct bo *bo, uint64_t offset, uint64_t va,
				     uint64_t size)
{
	return (struct drm_panthor_vm_bind_op){
		.flags = DRM_PANTHOR_VM_BIND_OP_TYPE_MAP | DRM_PANTHOR_VM_BIND_OP_MAP_NOEXEC,
		.bo_handle = bo->handle, .bo_offset = offset, .va = va, .size = size,
	};
}

struct drm_panthor_vm_bind_op unmap_op(uint64_t va, uint64_t size)
{
	return (struct drm_panthor_vm_bind_op){
		.flags = DRM_PANTHOR_VM_BIND_OP_TYPE_UNMAP, .va = va, .size = size,
	};
}
