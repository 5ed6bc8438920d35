/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef __PANTHOR_TESTS_VM_WALK_H__
#define __PANTHOR_TESTS_VM_WALK_H__

#include <kunit/test.h>

#include <linux/types.h>

#include "../panthor_gem.h"
#include "../panthor_mmu.h"

struct dma_fence;
struct drm_gpuvm_bo;

phys_addr_t vm_walk_phys(struct panthor_vm *vm, u64 va);
unsigned long vm_walk_ptes(struct panthor_vm *vm, u64 va, u64 size);
unsigned long vm_walk_pages(struct panthor_vm *vm, u64 va, u64 size,
			    struct panthor_gem_object *bo, u64 offset);
void vm_walk_expect_consistent(struct kunit *test);

struct drm_gpuvm_bo *vm_bo_of(struct panthor_vm *vm, struct panthor_gem_object *bo);
bool vm_evicted(struct panthor_vm *vm, struct panthor_gem_object *bo);
int vm_submit(struct panthor_vm *vm);
int vm_submit_fence(struct panthor_vm *vm, struct dma_fence *fence);
struct dma_fence *vm_fence_new(void);
struct dma_fence *vm_fence(struct kunit *test);

#endif
