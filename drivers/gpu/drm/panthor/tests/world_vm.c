// SPDX-License-Identifier: GPL-2.0-only
/* What steps do to the driver: VMs, jobs and VM_BIND jobs. */

#include <linux/dma-fence.h>
#include <linux/err.h>
#include <linux/file.h>
#include <linux/io-pgtable.h>
#include <linux/mm.h>
#include <linux/sizes.h>
#include <linux/workqueue.h>

#include <drm/drm_gem.h>
#include <drm/drm_gpuvm.h>
#include <drm/gpu_scheduler.h>
#include <drm/panthor_drm.h>

#include <kunit/resource.h>

#include "bind.h"
#include "fixture.h"
#include "reclaim.h"
#include "seam.h"
#include "vm_walk.h"
#include "world.h"

/**
 * world_va() - GPU address of a place
 * @slot: Slot, as the number of its BO.
 * @part: Part of the BO that belongs there.
 *
 * Context: Any.
 *
 * Return: The address.
 */
u64 world_va(u8 slot, enum model_part part)
{
	return VA(slot) + part * PAGE_SIZE;
}

static struct panthor_vm *create_vm(struct world *w)
{
	return panthor_vm_create(w->ptdev, false, PANTHOR_KUNIT_VA_USER,
				 PANTHOR_KUNIT_VA_KERNEL, PANTHOR_KUNIT_VA_USER,
				 PANTHOR_KUNIT_VA_KERNEL);
}

/**
 * world_new_vm() - Make a VM
 * @w: The world; a failure aborts the test.
 * @vm: Number of the VM. What was there is gone.
 *
 * Context: Test thread.
 */
void world_new_vm(struct world *w, u8 vm)
{
	w->vm[vm] = create_vm(w);
	KUNIT_ASSERT_FALSE(w->test, IS_ERR(w->vm[vm]));
	w->pgt[vm] = panthor_seam_pgtable(w->vm[vm]);
	w->dirty &= ~BIT(vm);
}

static void replace_vm(struct world *w, u8 vm)
{
	world_expect(w, panthor_vm_unmap_range(w->vm[vm], 0, PANTHOR_KUNIT_VA_USER), 0);
	panthor_vm_put(w->vm[vm]);
	world_new_vm(w, vm);
}

static long make_vm(struct world *w)
{
	struct panthor_vm *vm = create_vm(w);

	if (!IS_ERR(vm))
		panthor_vm_put(vm);

	return PTR_ERR_OR_ZERO(vm);
}

static int map(struct world *w, struct model_step step)
{
	struct panthor_gem_object *bo = w->bo[step.bo].bo;
	bool over = step.op == MODEL_MAP_OVER;

	w->dirty |= BIT(step.vm);
	return panthor_vm_map_bo_range(w->vm[step.vm], bo, 0, over ? PAGE_SIZE : w->size,
				       VA(over ? (step.bo + 1) % w->nr_bos : step.bo), 0);
}

static int unmap(struct world *w, struct model_step step, u64 size)
{
	return panthor_vm_unmap_range(w->vm[step.vm], VA(step.bo), size);
}

/* The job's side of a place: reads and writes what the page table leads to. */
static void gpu_word(struct world *w, u8 vm, u8 slot, enum model_part part)
{
	struct io_pgtable_ops *pgt = w->pgt[vm];
	phys_addr_t pa = pgt->iova_to_phys(pgt, world_va(slot, part));
	u32 *word;

	if (!pa)
		return;
	word = phys_to_virt(pa);
	for (u8 i = 0; i < w->nr_bos; i++) {
		struct world_bo *b = &w->bo[i];
		struct page **pages = b->bo ? b->bo->backing.pages : NULL;

		if (!pages || pa != page_to_phys(pages[part]))
			continue;
		if (*word != b->word[part])
			world_differs(w, "GPU reads %#x, %#x was written", *word, b->word[part]);
		b->word[part] = ++w->words;
		*word = b->word[part];
		return;
	}
	world_differs(w, "slot %u of VM %u leads to no BO's part %u", slot, vm, part);
}

static void run_job(struct world *w, u8 vm)
{
	struct dma_fence *fence = vm_fence_new();

	KUNIT_ASSERT_NOT_NULL(w->test, fence);
	w->job[vm] = fence;
	world_expect(w, vm_submit_fence(w->vm[vm], fence), 0);
	for (u8 slot = 0; slot < w->nr_bos; slot++)
		for (u8 part = 0; part < MODEL_PARTS; part++)
			gpu_word(w, vm, slot, part);
}

static void end_job(struct world *w, u8 vm)
{
	dma_fence_signal(w->job[vm]);
	dma_fence_put(w->job[vm]);
	w->job[vm] = NULL;
}

/* A case that is aborted loses what belongs to the job before the world. */
static void abandon_bind(void *data)
{
	world_bind_end(data);
}

static void queue_bind(struct world *w, struct model_step step)
{
	struct panthor_vm *vm = w->vm[step.vm];

	w->dirty |= BIT(step.vm);
	w->block = bind_block(w->test);
	w->after = vm_fence_new();
	KUNIT_ASSERT_NOT_NULL(w->test, w->after);
	if (step.op == MODEL_BIND_MAP)
		w->bind = bind_map(w->test, vm, w->bo[step.bo].bo, VA(step.bo), w->after);
	else
		w->bind = bind_unmap(w->test, vm, VA(step.bo), w->size, w->after);
	KUNIT_ASSERT_EQ(w->test, kunit_add_action(w->test, abandon_bind, w), 0);
}

static void run_bind(struct world *w)
{
	dma_fence_signal(w->after);
	bind_run(w->test, w->bind);
	world_expect(w, dma_fence_get_status(w->bind->finished), 1);
	/* So that all is done but for what the worker does. */
	drain_workqueue(w->bind->sched->submit_wq);
}

/**
 * world_bind_end() - Have a VM_BIND job over, however far it is
 * @w: The world.
 *
 * Context: Test thread.
 */
void world_bind_end(struct world *w)
{
	if (!w->bind)
		return;

	kunit_remove_action(w->test, abandon_bind, w);
	dma_fence_signal(w->after);
	bind_unblock(w->test, w->block, w->bind);
	bind_put(w->test, w->bind);
	/* Its handle may have been the last one of an exported BO. */
	flush_delayed_fput();
	dma_fence_put(w->after);
	w->after = NULL;
	w->block = NULL;
	w->bind = NULL;
}

static long make_bind(struct world *w, struct model_step step)
{
	struct drm_panthor_vm_bind_op op = {
		.flags = DRM_PANTHOR_VM_BIND_OP_TYPE_MAP,
		.bo_handle = w->bo[step.bo].handle,
		.va = VA(step.bo),
		.size = w->size,
	};
	struct drm_sched_job *job;

	job = panthor_vm_bind_job_create(to_panthor_kunit(w->test)->file, w->vm[step.vm], &op);
	if (!IS_ERR(job))
		panthor_vm_bind_job_put(job);

	return PTR_ERR_OR_ZERO(job);
}

static long attempt(struct world *w, struct model_step step)
{
	switch ((enum model_op)step.op) {
	case MODEL_VM_FAILS:
		return make_vm(w);
	case MODEL_UNMAP_FAILS:
		return unmap(w, step, PAGE_SIZE);
	case MODEL_BIND_FAILS:
		return make_bind(w, step);
	case MODEL_SUBMIT_NO_PAGES:
	case MODEL_SUBMIT_NO_DMA:
	case MODEL_SUBMIT_NO_TABLES:
		return vm_submit(w->vm[step.vm]);
	default:
		return map(w, step);
	}
}

static void step_failure(struct world *w, struct model_step step)
{
	enum panthor_seam_id seam = SEAM_PT_BULK;
	int err = -ENOMEM;

	switch ((enum model_op)step.op) {
	case MODEL_VM_FAILS:
		seam = SEAM_PGTABLE_ALLOC;
		err = -EINVAL;
		break;
	case MODEL_MAP_NO_PAGES:
	case MODEL_SUBMIT_NO_PAGES:
		seam = SEAM_GET_PAGES;
		err = -ENOSPC;
		break;
	case MODEL_MAP_NO_DMA:
	case MODEL_SUBMIT_NO_DMA:
		seam = SEAM_DMA_MAP;
		err = -EIO;
		break;
	case MODEL_MAP_NO_VM_BO:
		seam = SEAM_VM_BO_CREATE;
		break;
	default:
		break;
	}
	panthor_seam_fail_once(w->test, seam, err);
	world_expect(w, attempt(w, step), err);
	if (!panthor_seam_fired(seam))
		world_differs(w, "does not get to %s", panthor_seam_name(seam));
	panthor_seam_disarm(seam);
}

/**
 * world_step_vm() - The part of world_step() that is about VMs
 * @w: The world.
 * @step: The step.
 *
 * Context: Test thread.
 */
void world_step_vm(struct world *w, struct model_step step)
{
	switch ((enum model_op)step.op) {
	case MODEL_NEW_VM:
		replace_vm(w, step.vm);
		break;
	case MODEL_MAP:
	case MODEL_MAP_OVER:
		world_expect(w, map(w, step), 0);
		break;
	case MODEL_UNMAP:
		world_expect(w, unmap(w, step, w->size), 0);
		break;
	case MODEL_UNMAP_PART:
		world_expect(w, unmap(w, step, PAGE_SIZE), 0);
		break;
	case MODEL_SUBMIT:
		world_expect(w, vm_submit(w->vm[step.vm]), 0);
		break;
	case MODEL_RUN:
		run_job(w, step.vm);
		break;
	case MODEL_SIGNAL:
		end_job(w, step.vm);
		break;
	case MODEL_BIND_MAP:
	case MODEL_BIND_UNMAP:
		queue_bind(w, step);
		break;
	case MODEL_BIND_RUN:
		run_bind(w);
		break;
	case MODEL_BIND_CLEANUP:
		world_bind_end(w);
		break;
	default:
		step_failure(w, step);
		break;
	}
}
