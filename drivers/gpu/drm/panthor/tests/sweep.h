/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef __PANTHOR_TESTS_SWEEP_H__
#define __PANTHOR_TESTS_SWEEP_H__

/**
 * DOC: Fault sweeps
 *
 * An operation of the driver and everything it needs, so that it can be run
 * again and again from a fresh state, each time with another step failing.
 */

#include <linux/types.h>

#include "fixture.h"

struct dma_buf;
struct dma_buf_attachment;
struct file;
struct panthor_file;

/* More failures than any operation has steps: hitting it is an error. */
#define SWEEP_MAX	256

/**
 * struct sweep_state - What an operation works on
 * @test: The test.
 * @bo: BO of the operation.
 * @other: Second BO, for operations that need two.
 * @vm: VM of the operation.
 * @addr: User address of a mapping of @bo.
 * @file: What a mapping of @bo is made of.
 * @handle: Handle of @bo, or 0.
 * @buf: dma-buf of @bo, or of another driver.
 * @attach: Attachment of another device to it.
 * @pool: A file's VMs.
 * @made: What the operation made; its undo() releases it.
 */
struct sweep_state {
	struct kunit *test;
	struct panthor_gem_object *bo;
	struct panthor_gem_object *other;
	struct panthor_vm *vm;
	unsigned long addr;
	struct file *file;
	u32 handle;
	struct dma_buf *buf;
	struct dma_buf_attachment *attach;
	struct panthor_file *pool;
	void *made;
};

/**
 * struct sweep_op - An operation of the driver
 * @name: Name in the results.
 * @setup: Makes what it needs; runs before each attempt. May abort the test.
 * @op: The operation: 0 or an errno. Must not allocate on the test's behalf,
 *	because its own allocations are failed.
 * @undo: Releases what a successful operation made, or NULL.
 */
struct sweep_op {
	const char *name;
	void (*setup)(struct sweep_state *s);
	int (*op)(struct sweep_state *s);
	void (*undo)(struct sweep_state *s);
};

extern const struct sweep_op sweep_create, sweep_pin, sweep_vmap, sweep_get_sgt,
			     sweep_touch, sweep_sync, sweep_vm_create, sweep_map,
			     sweep_map_over, sweep_unmap_middle, sweep_kernel_bo,
			     sweep_fw_bo, sweep_evict, sweep_restore, sweep_restore_split;

/* sweep_share.c */
extern const struct sweep_op sweep_mmap, sweep_export, sweep_attach, sweep_attach_map,
			     sweep_import;

/* sweep_bind.c */
extern const struct sweep_op sweep_pool, sweep_pool_vm, sweep_bind, sweep_bind_unmap,
			     sweep_sparse_first, sweep_sparse, sweep_job_map, sweep_job_map_over,
			     sweep_job_unmap;

void sweep_setup_handle(struct sweep_state *s);
void sweep_begin(struct kunit *test, struct sweep_state *s, const struct sweep_op *op);
unsigned int sweep_count_bos(struct kunit *test);
void sweep_expect_works(struct sweep_state *s, const struct sweep_op *op,
			const char *what, unsigned int n);

#endif
