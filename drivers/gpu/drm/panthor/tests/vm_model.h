/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef __PANTHOR_TESTS_VM_MODEL_H__
#define __PANTHOR_TESTS_VM_MODEL_H__

/**
 * DOC: Reference model of a VM
 *
 * A window of the address space as a flat array, one entry per page: which
 * page of which BO is there, with which flags, evicted or not. The model knows
 * no VMAs, no splitting and no blocks; that is what it is compared with.
 *
 * vm_model_check() compares the driver's tree of mappings (I7, I8) and the
 * page table with it, page by page and in both directions: everything that is
 * in the model is there, and nothing else is, in or outside of the window.
 */

#include <linux/types.h>

struct kunit;
struct panthor_gem_object;
struct panthor_pgt;
struct panthor_vm;

/**
 * struct vm_model_page - One page of the window
 * @bo: BO that is mapped here, or NULL.
 * @index: Index of the page in the BO.
 * @flags: DRM_PANTHOR_VM_BIND_OP_MAP_* flags.
 * @evicted: The BO has lost its pages: mapped for the driver, not for the GPU.
 */
struct vm_model_page {
	struct panthor_gem_object *bo;
	unsigned long index;
	u32 flags;
	bool evicted;
};

/**
 * struct vm_model - The window
 * @test: The test.
 * @vm: The VM.
 * @pgt: Its page table.
 * @base: GPU address of the first page.
 * @count: Number of pages.
 * @pages: The pages.
 */
struct vm_model {
	struct kunit *test;
	struct panthor_vm *vm;
	struct panthor_pgt *pgt;
	u64 base;
	unsigned long count;
	struct vm_model_page *pages;
};

struct vm_model *vm_model_create(struct kunit *test, struct panthor_vm *vm,
				 u64 base, u64 size);
unsigned int vm_model_mismatches(struct vm_model *m, bool report);
void vm_model_check(struct vm_model *m);

void vm_model_set(struct vm_model *m, struct panthor_gem_object *bo, u64 offset,
		  u64 size, u64 va, u32 flags);
void vm_model_clear(struct vm_model *m, u64 va, u64 size);
void vm_model_set_evicted(struct vm_model *m, struct panthor_gem_object *bo, bool evicted);

int vm_model_map(struct vm_model *m, struct panthor_gem_object *bo, u64 offset,
		 u64 size, u64 va, u32 flags);
int vm_model_unmap(struct vm_model *m, u64 va, u64 size);
unsigned int vm_model_vmas(struct vm_model *m);

#endif
