/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef __PANTHOR_TESTS_WORLD_H__
#define __PANTHOR_TESTS_WORLD_H__

/**
 * DOC: The driver beside the model
 *
 * The objects of the driver that a model describes, what a step does to them, and
 * the comparison of both. No KUnit action per object: walks make thousands.
 */

#include <linux/types.h>

#include "model.h"

struct bind;
struct bind_block;
struct device;
struct dma_buf;
struct dma_buf_attachment;
struct dma_fence;
struct io_pgtable_ops;
struct kunit;
struct panthor_device;
struct panthor_gem_object;
struct panthor_vm;
struct sg_table;

#define WORLD_MAX_HOLDS	4
#define WORLD_WHY_LEN	160

/**
 * struct world_bo - A BO, and what the world holds of it
 * @bo: The BO, or NULL. The handle, a mapping or a job keeps it.
 * @handle: Its handle, or 0.
 * @pins: Pins.
 * @vmaps: Kernel mappings.
 * @mmaps: User mappings.
 * @cut: Those of them that lost their first page, as bits.
 * @addr: Their addresses, with the first page or without.
 * @buf: Its dma-buf while a device is attached; referenced.
 * @attach: The attachment, or NULL.
 * @sgt: DMA mapping of that.
 * @word: What was written last to the first word of each part.
 * @reclaimed: Evictions that it counted before the step.
 */
struct world_bo {
	struct panthor_gem_object *bo;
	u32 handle;
	u8 pins;
	u8 vmaps;
	u8 mmaps;
	u8 cut;
	unsigned long addr[WORLD_MAX_HOLDS];
	struct dma_buf *buf;
	struct dma_buf_attachment *attach;
	struct sg_table *sgt;
	u32 word[MODEL_PARTS];
	int reclaimed;
};

/**
 * struct world - All of it
 * @test: The test.
 * @ptdev: The device.
 * @size: Size of each BO, in bytes.
 * @nr_bos: Number of BOs.
 * @nr_vms: Number of VMs.
 * @without: Operation that is left out, as if the driver did nothing; or
 *	MODEL_OPS. For tests of what finds that.
 * @other: A device to share buffers with.
 * @bo: BOs.
 * @vm: VMs; used again when the world is emptied.
 * @pgt: Their page tables.
 * @dirty: VMs in which something may be mapped, as bits.
 * @job: Per VM, the fence of its job, or NULL.
 * @words: Words that were written; no two are the same.
 * @bind: The VM_BIND job, or NULL.
 * @after: What that waits for.
 * @block: What keeps the worker from cleaning up.
 * @why: The first thing that was wrong; empty if nothing was.
 */
struct world {
	struct kunit *test;
	struct panthor_device *ptdev;
	u64 size;
	u8 nr_bos;
	u8 nr_vms;
	u8 without;
	struct device *other;
	struct world_bo bo[MODEL_MAX_BOS];
	struct panthor_vm *vm[MODEL_MAX_VMS];
	struct io_pgtable_ops *pgt[MODEL_MAX_VMS];
	u8 dirty;
	struct dma_fence *job[MODEL_MAX_VMS];
	u32 words;
	struct bind *bind;
	struct dma_fence *after;
	struct bind_block *block;
	char why[WORLD_WHY_LEN];
};

struct world *world_new(struct kunit *test, u8 nr_bos, u8 nr_vms, u8 pages);
void world_begin(struct world *w);
void world_empty(struct world *w);
void world_step(struct world *w, struct model_step step);
__printf(2, 3) void world_differs(struct world *w, const char *fmt, ...);
void world_expect(struct world *w, long ret, long expected);

/* world_vm.c */
void world_new_vm(struct world *w, u8 vm);
void world_bind_end(struct world *w);
void world_step_vm(struct world *w, struct model_step step);
u64 world_va(u8 slot, enum model_part part);

/* world_compare.c */
u32 world_scan(struct world *w, const struct model *m, struct model_step step);
void world_adopt(struct world *w, struct model *m, bool left_open);
void world_compare(struct world *w, const struct model *m);

#endif
