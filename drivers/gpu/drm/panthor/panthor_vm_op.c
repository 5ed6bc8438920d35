// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Changes of a VM's mappings. An operation is prepared, executed and cleaned up:
 *
 * prepare
 *	Allocates and pins whatever may be needed. May block.
 * execute
 *	Changes tree and page table, in one locked region. Signals fences when it is
 *	a job, so it takes from what was prepared.
 * clean up
 *	Gives back what was not needed, and frees what is unmapped. May block.
 *
 * A VMA that leaves the tree takes a reference on its vm_bo along, hence on the
 * BO, until the GPU has forgotten it: it is on the list "gone" of the operation
 * until the region is unlocked, and if that fails in quarantine until the slot is
 * reset. Only then can the pages go anywhere.
 *
 * Locking: op_lock during execution, gpuva.lock inside it for the lists of the BO.
 */

#include <linux/dma-resv.h>
#include <linux/sizes.h>
#include <linux/slab.h>

#include <drm/drm_print.h>
#include <drm/panthor_drm.h>

#include "panthor_device.h"
#include "panthor_gem.h"
#include "panthor_mmu.h"
#include "panthor_mmu_priv.h"

/* What a mapping keeps of the flags it was made with. */
#define VMA_FLAGS	(DRM_PANTHOR_VM_BIND_OP_MAP_READONLY | \
			 DRM_PANTHOR_VM_BIND_OP_MAP_NOEXEC | \
			 DRM_PANTHOR_VM_BIND_OP_MAP_UNCACHED | \
			 DRM_PANTHOR_VM_BIND_OP_MAP_SPARSE)

static u32 op_type(const struct panthor_vm_op *op)
{
	return op->flags & DRM_PANTHOR_VM_BIND_OP_TYPE_MASK;
}

static void op_init(struct panthor_vm_op *op, struct panthor_vm *vm, u32 flags, u64 addr,
		    u64 range)
{
	*op = (struct panthor_vm_op) {
		.vm = vm,
		.flags = flags,
		.addr = addr,
		.range = range,
	};
	INIT_LIST_HEAD(&op->gone);
}

static int op_alloc_vmas(struct panthor_vm_op *op, unsigned int count)
{
	for (unsigned int i = 0; i < count; i++) {
		op->spare[i] = kzalloc_obj(*op->spare[i]);
		if (!op->spare[i])
			return -ENOMEM;
	}

	return 0;
}

static struct panthor_vma *op_take_vma(struct panthor_vm_op *op, u32 flags, bool evicted)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(op->spare); i++) {
		struct panthor_vma *vma = op->spare[i];

		if (!vma)
			continue;
		op->spare[i] = NULL;
		vma->flags = flags & VMA_FLAGS;
		vma->evicted = evicted;
		return vma;
	}

	drm_WARN_ON(&op->vm->ptdev->base, true);
	return NULL;
}

static void op_return_vma(struct panthor_vm_op *op, struct panthor_vma *vma)
{
	for (unsigned int i = 0; vma && i < ARRAY_SIZE(op->spare); i++) {
		if (op->spare[i])
			continue;
		op->spare[i] = vma;
		vma = NULL;
	}
}

static bool map_args_valid(struct panthor_vm *vm, struct panthor_gem_object *bo,
			   const struct drm_panthor_vm_bind_op *args)
{
	struct drm_gem_object *owner = bo->exclusive_vm_root_gem;

	if (args->flags & ~(VMA_FLAGS | DRM_PANTHOR_VM_BIND_OP_TYPE_MASK) ||
	    (args->flags & DRM_PANTHOR_VM_BIND_OP_TYPE_MASK) != DRM_PANTHOR_VM_BIND_OP_TYPE_MAP)
		return false;
	if (owner && owner != panthor_vm_root_gem(vm))
		return false;

	/* The memory of a sparse range is repeated, so its size does not matter. */
	if (args->flags & DRM_PANTHOR_VM_BIND_OP_MAP_SPARSE)
		return (args->flags & DRM_PANTHOR_VM_BIND_OP_MAP_NOEXEC) &&
		       !args->bo_handle && !args->bo_offset;

	return args->size <= bo->base.size && args->bo_offset <= bo->base.size - args->size;
}

static int op_take_bo(struct panthor_vm_op *op, struct panthor_gem_object *bo)
{
	struct sg_table *sgt;
	int ret;

	ret = panthor_gem_pin(bo);
	if (ret)
		return ret;

	drm_gem_object_get(&bo->base);
	op->bo = bo;

	sgt = panthor_gem_get_dev_sgt(bo);
	return PTR_ERR_OR_ZERO(sgt);
}

/* No resv may be held: if there is a vm_bo already, the new one is freed. */
static int op_take_vm_bo(struct panthor_vm_op *op)
{
	struct drm_gpuvm_bo *vm_bo = drm_gpuvm_bo_create(&op->vm->base, &op->bo->base);

	if (!vm_bo)
		return -ENOMEM;

	op->vm_bo = drm_gpuvm_bo_obtain_prealloc(vm_bo);
	return 0;
}

/* All that an operation has of its own; op->bo only says from now on that there was one. */
static void op_release(struct panthor_vm_op *op)
{
	panthor_pt_release(&op->pts);
	for (unsigned int i = 0; i < ARRAY_SIZE(op->spare); i++)
		kfree(op->spare[i]);

	drm_gpuvm_bo_put_deferred(op->vm_bo);
	if (op->bo) {
		panthor_gem_unpin(op->bo);
		drm_gem_object_put(&op->bo->base);
	}
}

static void op_list_external_bo(struct panthor_vm_op *op)
{
	struct dma_resv *resv = panthor_vm_resv(op->vm);

	if (op->bo->base.resv == resv)
		return;

	dma_resv_lock(resv, NULL);
	drm_gpuvm_bo_extobj_add(op->vm_bo);
	dma_resv_unlock(resv);
}

/**
 * panthor_vm_op_prepare_map() - Prepare the mapping of a BO
 * @op: Filled in.
 * @vm: The VM, referenced by the caller until the cleanup.
 * @bo: The BO, or NULL if user space named one that is not there.
 * @args: What to map where, page aligned.
 *
 * Context: Process context, may allocate. Takes and releases resvs.
 *
 * Return: 0, -EINVAL for arguments that make no sense, -ENOMEM, or the errno of
 * getting the BO's pages. @op need not be cleaned up then.
 */
int panthor_vm_op_prepare_map(struct panthor_vm_op *op, struct panthor_vm *vm,
			      struct panthor_gem_object *bo,
			      const struct drm_panthor_vm_bind_op *args)
{
	int ret;

	if (!bo || !map_args_valid(vm, bo, args))
		return -EINVAL;

	op_init(op, vm, args->flags, args->va, args->size);
	op->bo_offset = args->bo_offset;

	/* The mapping, and what remains of those at its both ends. */
	ret = op_alloc_vmas(op, 3);
	if (!ret)
		ret = op_take_bo(op, bo);
	if (!ret)
		ret = op_take_vm_bo(op);
	if (!ret && op->range)
		ret = panthor_pt_reserve(&op->pts, panthor_pt_count(op->addr, op->range));
	if (ret) {
		op_release(op);
		/* What others have left is theirs, unless this one has come near it. */
		if (op->bo)
			drm_gpuvm_bo_deferred_cleanup(&vm->base);
		return ret;
	}

	op_list_external_bo(op);
	panthor_vm_bo_update_state(bo);
	return 0;
}

/* A table for each block of which a part stays. */
static unsigned int unmap_tables(u64 start, u64 end)
{
	unsigned int first = start % SZ_2M != 0, last = end % SZ_2M != 0;

	if (first && last && start / SZ_2M == end / SZ_2M)
		return 1;

	return first + last;
}

/**
 * panthor_vm_op_prepare_unmap() - Prepare to unmap a range
 * @op: Filled in.
 * @vm: The VM, referenced by the caller until the cleanup.
 * @va: First byte, page aligned.
 * @size: Size in bytes, page aligned.
 *
 * Context: Process context, may allocate.
 *
 * Return: 0 or -ENOMEM. @op need not be cleaned up then.
 */
int panthor_vm_op_prepare_unmap(struct panthor_vm_op *op, struct panthor_vm *vm, u64 va,
				u64 size)
{
	int ret;

	op_init(op, vm, DRM_PANTHOR_VM_BIND_OP_TYPE_UNMAP, va, size);

	/* What remains of the mappings at both ends. */
	ret = op_alloc_vmas(op, 2);
	if (!ret)
		ret = panthor_pt_reserve(&op->pts, unmap_tables(va, va + size));
	if (ret)
		panthor_vm_op_cleanup(op);

	return ret;
}

/**
 * panthor_vm_op_prepare_sync_only() - Prepare to do nothing, in order
 * @op: Filled in.
 * @vm: The VM, referenced by the caller until the cleanup.
 *
 * Context: Any.
 */
void panthor_vm_op_prepare_sync_only(struct panthor_vm_op *op, struct panthor_vm *vm)
{
	op_init(op, vm, DRM_PANTHOR_VM_BIND_OP_TYPE_SYNC_ONLY, 0, 0);
}

/**
 * panthor_vm_release_vmas() - Free VMAs that the GPU has forgotten
 * @vmas: VMAs with a reference on their vm_bo each; empty afterwards.
 *
 * What was the last mapping of a BO is left to drm_gpuvm_bo_deferred_cleanup().
 *
 * Context: Process context, also fence signalling. Takes and releases gpuva.lock.
 */
void panthor_vm_release_vmas(struct list_head *vmas)
{
	struct drm_gpuva *va, *next;

	list_for_each_entry_safe(va, next, vmas, gem.entry) {
		drm_gpuvm_bo_put_deferred(va->vm_bo);
		kfree(to_panthor_vma(va));
	}
	INIT_LIST_HEAD(vmas);
}

/**
 * panthor_vm_op_cleanup() - Give back what an operation has left
 * @op: The operation, executed or not.
 *
 * Context: Process context, no resv is held. Takes and releases resvs and
 * gpuva.lock; may free BOs.
 */
void panthor_vm_op_cleanup(struct panthor_vm_op *op)
{
	drm_WARN_ON(&op->vm->ptdev->base, !list_empty(&op->gone));

	op_release(op);
	drm_gpuvm_bo_deferred_cleanup(&op->vm->base);
}

static void vma_link(struct panthor_vma *vma, struct drm_gpuvm_bo *vm_bo)
{
	guard(mutex)(&vm_bo->obj->gpuva.lock);

	drm_gpuva_link(&vma->base, vm_bo);
}

/* Unlinks a VMA that is out of the tree; its vm_bo stays with it. */
static void vma_retire(struct panthor_vm_op *op, struct panthor_vma *vma)
{
	struct drm_gpuvm_bo *vm_bo = drm_gpuvm_bo_get(vma->base.vm_bo);

	drm_gpuva_unlink_defer(&vma->base);
	vma->base.vm_bo = vm_bo;
	list_add_tail(&vma->base.gem.entry, &op->gone);
}

/* Where in its memory a sparse mapping begins follows from its address. */
static void fix_sparse_offset(struct drm_gpuva_op_map *map, u32 flags)
{
	if (map && (flags & DRM_PANTHOR_VM_BIND_OP_MAP_SPARSE))
		map->gem.offset = map->va.addr % SZ_2M;
}

static struct sg_table *map_sgt(const struct drm_gpuva_op_map *map)
{
	return to_panthor_bo(map->gem.obj)->dmap.sgt;
}

/**
 * panthor_vm_sm_step_map() - drm_gpuvm_ops::sm_step_map
 * @step: What to map; there is nothing in the way.
 * @priv: The operation.
 *
 * Context: Process context, also fence signalling. Caller holds op_lock.
 *
 * Return: 0 or the errno of the page table.
 */
int panthor_vm_sm_step_map(struct drm_gpuva_op *step, void *priv)
{
	struct panthor_vm_op *op = priv;
	struct drm_gpuva_op_map *map = &step->map;
	struct panthor_vma *vma = op_take_vma(op, op->flags, false);
	int ret;

	if (!vma)
		return -ENOMEM;

	fix_sparse_offset(map, vma->flags);
	ret = panthor_vm_pt_map(op->vm, vma->flags, map_sgt(map), map->gem.offset,
				map->va.addr, map->va.range);
	if (ret) {
		op_return_vma(op, vma);
		return ret;
	}

	drm_gpuva_map(&op->vm->base, &vma->base, map);
	vma_link(vma, op->vm_bo);
	/* From here on the VMA keeps it: until the cleanup the BO may be unmapped. */
	drm_gpuvm_bo_put_deferred(op->vm_bo);
	op->vm_bo = NULL;
	return 0;
}

/*
 * Takes [start, end) out of a mapping. A block that is cut has to go as a whole;
 * what belongs to a remainder comes back as pages.
 */
static int remap_pt(struct panthor_vm *vm, struct panthor_vma *vma,
		    const struct drm_gpuva_op_remap *remap, u64 start, u64 end)
{
	u64 first = vma->base.va.addr, last = first + vma->base.va.range;
	u64 lower = ALIGN_DOWN(start, SZ_2M), upper = ALIGN(end, SZ_2M);
	const struct drm_gpuva_op_map *prev = remap->prev, *next = remap->next;
	int ret = 0;

	/* Two mappings do not share a block. */
	if (lower == start || lower < first || lower + SZ_2M > last ||
	    !panthor_vm_pt_maybe_block(vm, lower))
		lower = start;
	if (upper == end || upper > last || upper - SZ_2M < first ||
	    !panthor_vm_pt_maybe_block(vm, upper - SZ_2M))
		upper = end;

	panthor_vm_pt_unmap(vm, lower, upper - lower);
	if (lower < start)
		ret = panthor_vm_pt_map(vm, vma->flags, map_sgt(prev),
					prev->gem.offset + lower - first, lower, start - lower);
	if (!ret && end < upper)
		ret = panthor_vm_pt_map(vm, vma->flags, map_sgt(next), next->gem.offset, end,
					upper - end);

	return ret;
}

/**
 * panthor_vm_sm_step_remap() - drm_gpuvm_ops::sm_step_remap
 * @step: The mapping of which a part goes, and what remains of it.
 * @priv: The operation.
 *
 * Context: Process context, also fence signalling. Caller holds op_lock.
 *
 * Return: 0 or the errno of the page table; the VM is unusable then.
 */
int panthor_vm_sm_step_remap(struct drm_gpuva_op *step, void *priv)
{
	struct panthor_vm_op *op = priv;
	struct drm_gpuva_op_remap *remap = &step->remap;
	struct panthor_vma *vma = to_panthor_vma(remap->unmap->va);
	struct panthor_vma *prev = NULL, *next = NULL;
	u64 start, size;
	int ret = 0;

	drm_gpuva_op_remap_to_unmap_range(remap, &start, &size);
	fix_sparse_offset(remap->next, vma->flags);

	if (remap->prev)
		prev = op_take_vma(op, vma->flags, vma->evicted);
	if (remap->next)
		next = op_take_vma(op, vma->flags, vma->evicted);
	if (!prev != !remap->prev || !next != !remap->next)
		ret = -ENOMEM;
	if (!ret && !vma->evicted)
		ret = remap_pt(op->vm, vma, remap, start, start + size);
	if (ret) {
		op_return_vma(op, prev);
		op_return_vma(op, next);
		return ret;
	}

	drm_gpuva_remap(prev ? &prev->base : NULL, next ? &next->base : NULL, remap);
	if (prev)
		vma_link(prev, vma->base.vm_bo);
	if (next)
		vma_link(next, vma->base.vm_bo);
	vma_retire(op, vma);
	return 0;
}

/**
 * panthor_vm_sm_step_unmap() - drm_gpuvm_ops::sm_step_unmap
 * @step: The mapping that goes.
 * @priv: The operation.
 *
 * Context: Process context, also fence signalling. Caller holds op_lock.
 *
 * Return: 0.
 */
int panthor_vm_sm_step_unmap(struct drm_gpuva_op *step, void *priv)
{
	struct panthor_vm_op *op = priv;
	struct panthor_vma *vma = to_panthor_vma(step->unmap.va);

	if (!vma->evicted)
		panthor_vm_pt_unmap(op->vm, vma->base.va.addr, vma->base.va.range);

	drm_gpuva_unmap(&step->unmap);
	vma_retire(op, vma);
	return 0;
}

/* The blocks at both ends may have to go, although only a part of each is meant. */
static int op_lock_region(struct panthor_vm_op *op)
{
	u64 start = op->addr, end = op->addr + op->range;
	u64 lower = ALIGN_DOWN(start, SZ_2M), upper = ALIGN(end, SZ_2M);

	if (lower != start && panthor_vm_pt_maybe_block(op->vm, lower))
		start = lower;
	if (upper != end && panthor_vm_pt_maybe_block(op->vm, upper - SZ_2M))
		end = upper;

	return panthor_vm_lock_region(op->vm, start, end - start);
}

static int op_change(struct panthor_vm_op *op)
{
	struct drm_gpuvm *gpuvm = &op->vm->base;
	struct drm_gpuvm_map_req req = {
		.map.va.addr = op->addr,
		.map.va.range = op->range,
	};

	if (op_type(op) == DRM_PANTHOR_VM_BIND_OP_TYPE_UNMAP)
		return drm_gpuvm_sm_unmap(gpuvm, op, op->addr, op->range);

	req.map.gem.obj = &op->bo->base;
	req.map.gem.offset = op->bo_offset;
	return drm_gpuvm_sm_map(gpuvm, op, &req);
}

/* Whether a mapping goes on before or behind the range. */
static bool op_leaves_rest(struct panthor_vm_op *op)
{
	u64 start = op->addr, end = op->addr + op->range;
	struct drm_gpuva *first = drm_gpuva_find_first(&op->vm->base, start, 1);
	struct drm_gpuva *last = drm_gpuva_find_first(&op->vm->base, end - 1, 1);

	return (first && first->va.addr < start) ||
	       (last && last->va.addr + last->va.range > end);
}

/**
 * panthor_vm_op_exec() - Execute an operation
 * @op: The operation, prepared.
 *
 * Context: Process context, also fence signalling. Takes and releases op_lock.
 *
 * Return: 0, -EINVAL for a mapping in a VM that was destroyed or is unusable, -ENOMEM
 * for an unmap that is not prepared and would leave a part of a mapping, -ETIMEDOUT if
 * the GPU does not answer, or the errno of the page table. A failed unlock is no error:
 * the change is made, and a reset will tell the GPU.
 */
int panthor_vm_op_exec(struct panthor_vm_op *op)
{
	struct panthor_vm *vm = op->vm;
	int ret;

	if (op_type(op) == DRM_PANTHOR_VM_BIND_OP_TYPE_SYNC_ONLY || !op->range)
		return 0;

	guard(mutex)(&vm->op_lock);

	/* Whatever were mapped into a destroyed VM would keep it for ever. */
	if (op_type(op) == DRM_PANTHOR_VM_BIND_OP_TYPE_MAP &&
	    (vm->destroyed || panthor_vm_is_unusable(vm)))
		return -EINVAL;

	if (op_type(op) == DRM_PANTHOR_VM_BIND_OP_TYPE_UNMAP && !op->spare[0] && op_leaves_rest(op))
		return -ENOMEM;

	ret = op_lock_region(op);
	if (ret)
		return ret;

	vm->pts = &op->pts;
	ret = op_change(op);
	vm->pts = NULL;

	panthor_vm_unlock_region(vm);
	if (!panthor_vm_quarantine(vm, &op->gone))
		panthor_vm_release_vmas(&op->gone);

	return ret;
}

/**
 * panthor_vm_map_bo_range() - Map a part of a BO
 * @vm: The VM.
 * @bo: The BO.
 * @offset: Where in it the mapping begins, in bytes.
 * @size: Size in bytes.
 * @va: Where to map it.
 * @flags: DRM_PANTHOR_VM_BIND_OP_MAP_*, but not sparse.
 *
 * Context: Process context, may allocate. No resv is held.
 *
 * Return: 0 or as panthor_vm_op_prepare_map() and panthor_vm_op_exec().
 */
int panthor_vm_map_bo_range(struct panthor_vm *vm, struct panthor_gem_object *bo,
			    u64 offset, u64 size, u64 va, u32 flags)
{
	const struct drm_panthor_vm_bind_op args = {
		.flags = flags,
		.bo_offset = offset,
		.va = va,
		.size = size,
	};
	struct panthor_vm_op op;
	int ret;

	if (drm_WARN_ON(&vm->ptdev->base, flags & DRM_PANTHOR_VM_BIND_OP_MAP_SPARSE))
		return -EINVAL;

	ret = panthor_vm_op_prepare_map(&op, vm, bo, &args);
	if (ret)
		return ret;

	ret = panthor_vm_op_exec(&op);
	panthor_vm_op_cleanup(&op);
	return ret;
}

/**
 * panthor_vm_unmap_range() - Unmap whatever is in a range
 * @vm: The VM.
 * @va: First byte, page aligned.
 * @size: Size in bytes, page aligned.
 *
 * Those who destroy what was mapped cannot do it later, so nothing is allocated for
 * mappings of which nothing remains.
 *
 * Context: Process context, may allocate. No resv is held.
 *
 * Return: 0 or as panthor_vm_op_prepare_unmap() and panthor_vm_op_exec().
 */
int panthor_vm_unmap_range(struct panthor_vm *vm, u64 va, u64 size)
{
	struct panthor_vm_op op;
	int ret;

	op_init(&op, vm, DRM_PANTHOR_VM_BIND_OP_TYPE_UNMAP, va, size);
	ret = panthor_vm_op_exec(&op);
	if (ret == -ENOMEM) {
		ret = panthor_vm_op_prepare_unmap(&op, vm, va, size);
		if (ret)
			return ret;
		ret = panthor_vm_op_exec(&op);
	}
	panthor_vm_op_cleanup(&op);
	return ret;
}

/**
 * panthor_vm_get_bo_for_va() - Find the BO behind an address
 * @vm: The VM.
 * @va: The address.
 * @bo_offset: Where in the BO it leads to, in bytes.
 *
 * It may be unmapped again on return.
 *
 * Context: Process context. Takes and releases op_lock.
 *
 * Return: The BO, referenced, or ERR_PTR(-ENOENT).
 */
struct panthor_gem_object *panthor_vm_get_bo_for_va(struct panthor_vm *vm, u64 va,
						    u64 *bo_offset)
{
	struct drm_gpuva *gpuva;

	guard(mutex)(&vm->op_lock);

	gpuva = drm_gpuva_find_first(&vm->base, va, 1);
	if (!gpuva || !gpuva->gem.obj)
		return ERR_PTR(-ENOENT);

	if (to_panthor_vma(gpuva)->flags & DRM_PANTHOR_VM_BIND_OP_MAP_SPARSE)
		*bo_offset = va % SZ_2M;
	else
		*bo_offset = gpuva->gem.offset + va - gpuva->va.addr;
	drm_gem_object_get(gpuva->gem.obj);

	return to_panthor_bo(gpuva->gem.obj);
}
