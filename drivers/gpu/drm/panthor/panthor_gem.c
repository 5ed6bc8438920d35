// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * BOs from creation to release: user space's, each with a handle, and the driver's
 * own, each mapped into a VM. The other files of the GEM code are
 *
 *	panthor_gem_reclaim.c	state of a BO and LRU, from what is there
 *	panthor_gem_pages.c	pages, pins, DMA mapping, cache maintenance
 *	panthor_gem_map.c	CPU mappings
 *	panthor_gem_prime.c	dma-buf
 *	panthor_gem_shrink.c	the shrinker
 *	panthor_gem_debugfs.c	debugfs
 *
 * Locks, each behind those above it:
 *	mmap_lock
 *	resv of a VM
 *	resv of a BO		that of the VM, if the BO is private to it
 *	gpuva.lock		GPU mappings of a BO
 *	gem_lru_mutex		LRUs and counters of the shrinker, one per device
 *
 *	Reclaim has the resv of a BO, which it got by trying, and may only try to get
 *	other resvs and gpuva.lock. Whatever puts the last reference on a BO may be in
 *	reclaim, or have a resv, so that releasing one takes none.
 *	gems.lock (debugfs) and label.lock are leaves.
 */

#include <linux/align.h>
#include <linux/cleanup.h>
#include <linux/err.h>
#include <linux/mm.h>
#include <linux/pagemap.h>
#include <linux/refcount.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/string_choices.h>

#include <drm/drm_file.h>
#include <drm/drm_gem.h>
#include <drm/drm_prime.h>
#include <drm/drm_print.h>
#include <drm/panthor_drm.h>

#include "panthor_drv.h"
#include "panthor_fw.h"
#include "panthor_gem_priv.h"
#include "panthor_mmu.h"

/**
 * panthor_gem_init() - Have huge pages for BOs, if wanted and possible
 * @ptdev: The device.
 *
 * Context: Probe.
 */
void panthor_gem_init(struct panthor_device *ptdev)
{
	int ret;

	if (IS_ENABLED(CONFIG_TRANSPARENT_HUGEPAGE) && !panthor_transparent_hugepage)
		return;

	ret = drm_gem_huge_mnt_create(&ptdev->base, "within_size");
	if (drm_gem_get_huge_mnt(&ptdev->base))
		drm_info(&ptdev->base, "Using Transparent Hugepage\n");
	else if (ret)
		drm_warn(&ptdev->base, "Can't use Transparent Hugepage (%d)\n", ret);
}

static void panthor_gem_free(struct drm_gem_object *obj)
{
	struct panthor_gem_object *bo = to_panthor_bo(obj);
	struct drm_gem_object *root = bo->exclusive_vm_root_gem;

	panthor_gem_debugfs_remove(bo);
	panthor_gem_reclaim_forget(bo);

	if (drm_gem_is_imported(obj)) {
		drm_prime_gem_destroy(obj, bo->dmap.sgt);
	} else {
		panthor_gem_vunmap_final(bo);
		panthor_gem_pages_drop(bo);
	}

	kfree_const(bo->label.str);
	mutex_destroy(&bo->label.lock);
	drm_gem_object_release(obj);
	kfree(bo);

	/* The resv was its, until here. */
	drm_gem_object_put(root);
}

static void panthor_gem_print_info(struct drm_printer *p, unsigned int indent,
				   const struct drm_gem_object *obj)
{
	const struct panthor_gem_object *bo = to_panthor_bo(obj);

	if (drm_gem_is_imported(obj))
		return;

	drm_printf_indent(p, indent, "resident=%s\n",
			  str_true_false(READ_ONCE(bo->backing.pages)));
	drm_printf_indent(p, indent, "pages_pin_count=%u\n", refcount_read(&bo->backing.pin_count));
	drm_printf_indent(p, indent, "vmap_use_count=%u\n",
			  refcount_read(&bo->cmap.vaddr_use_count));
	/* Who asks holds no lock, and wants to know what it is just now. */
	drm_printf_indent(p, indent, "vaddr=%p\n", data_race(bo->cmap.vaddr));
	drm_printf_indent(p, indent, "mmap_count=%u\n", refcount_read(&bo->cmap.mmap_count));
}

/* For the sizes in fdinfo. */
static enum drm_gem_object_status panthor_gem_status(struct drm_gem_object *obj)
{
	struct panthor_gem_object *bo = to_panthor_bo(obj);

	if (drm_gem_is_imported(obj) || READ_ONCE(bo->backing.pages))
		return DRM_GEM_OBJECT_RESIDENT;

	return 0;
}

static const struct drm_gem_object_funcs panthor_gem_funcs = {
	.free = panthor_gem_free,
	.print_info = panthor_gem_print_info,
	.status = panthor_gem_status,
	.export = panthor_gem_prime_export,
	.pin = panthor_gem_prime_pin,
	.unpin = panthor_gem_prime_unpin,
	.get_sg_table = panthor_gem_prime_get_sg_table,
	.vmap = panthor_gem_vmap_locked,
	.vunmap = panthor_gem_vunmap_locked,
	.mmap = panthor_gem_mmap,
	.vm_ops = &panthor_gem_vm_ops,
};

/**
 * panthor_gem_alloc() - Memory of a BO that has none yet
 * @flags: Combination of drm_panthor_bo_flags.
 *
 * Context: Process context, not in reclaim.
 *
 * Return: The BO, whose GEM object is not initialised; or ERR_PTR(-ENOMEM).
 */
struct panthor_gem_object *panthor_gem_alloc(u32 flags)
{
	struct panthor_gem_object *bo = kzalloc_obj(*bo);

	if (!bo)
		return ERR_PTR(-ENOMEM);

	bo->base.funcs = &panthor_gem_funcs;
	bo->flags = flags;
	bo->reclaim_state = PANTHOR_GEM_UNRECLAIMABLE;
	mutex_init(&bo->label.lock);
#ifdef CONFIG_DEBUG_FS
	INIT_LIST_HEAD(&bo->debugfs.node);
#endif

	return bo;
}

/*
 * A BO as it will be: what comes next makes it known, to debugfs by this function
 * and to user space by a handle.
 */
static struct panthor_gem_object *panthor_gem_create(struct drm_device *dev, u64 size, u32 flags,
						     struct panthor_vm *exclusive_vm, u32 usage)
{
	struct panthor_gem_object *bo = panthor_gem_alloc(flags);
	int ret;

	if (IS_ERR(bo))
		return bo;

	ret = drm_gem_object_init(dev, &bo->base, PAGE_ALIGN(size));
	if (ret)
		goto put;

	/*
	 * Pages stay where they are as long as the GPU has them, so they must not be in
	 * the way of those who count on moving them. Failing is better than killing a
	 * process: whoever allocates can say so.
	 */
	mapping_set_gfp_mask(bo->base.filp->f_mapping,
			     GFP_HIGHUSER | __GFP_RETRY_MAYFAIL | __GFP_NOWARN);

	ret = drm_gem_create_mmap_offset(&bo->base);
	if (ret)
		goto put;

	if (exclusive_vm) {
		struct drm_gem_object *root = panthor_vm_root_gem(exclusive_vm);

		drm_gem_object_get(root);
		bo->exclusive_vm_root_gem = root;
		bo->base.resv = root->resv;
	}

	panthor_gem_debugfs_add(bo, usage);
	return bo;

put:
	drm_gem_object_put(&bo->base);
	return ERR_PTR(ret);
}

/**
 * panthor_gem_create_with_handle() - Create a BO for user space
 * @file: File that gets the handle.
 * @ddev: The device.
 * @exclusive_vm: The only VM that may map the BO, or NULL if it can be shared.
 * @size: Size in bytes; set to what it was rounded up to, if this succeeds.
 * @flags: Combination of drm_panthor_bo_flags.
 * @handle: Set to the handle, if this succeeds.
 *
 * Context: Process context, not in reclaim.
 *
 * Return: 0, or an errno: -ENOMEM, -ENOSPC, or another one of shmem.
 */
int panthor_gem_create_with_handle(struct drm_file *file, struct drm_device *ddev,
				   struct panthor_vm *exclusive_vm, u64 *size, u32 flags,
				   u32 *handle)
{
	struct panthor_gem_object *bo = panthor_gem_create(ddev, *size, flags, exclusive_vm, 0);
	int ret;

	if (IS_ERR(bo))
		return PTR_ERR(bo);

	/* From here on another thread may have guessed the handle and closed it. */
	ret = drm_gem_handle_create(file, &bo->base, handle);
	if (!ret)
		*size = bo->base.size;
	drm_gem_object_put(&bo->base);

	return ret;
}

/**
 * panthor_gem_bo_set_label() - Name a BO
 * @obj: The BO.
 * @label: The name, which becomes the BO's and is freed by kfree_const(); NULL to
 *	remove it.
 *
 * Context: Process context. Takes and releases label.lock.
 */
void panthor_gem_bo_set_label(struct drm_gem_object *obj, const char *label)
{
	struct panthor_gem_object *bo = to_panthor_bo(obj);

	scoped_guard(mutex, &bo->label.lock)
		swap(bo->label.str, label);
	kfree_const(label);
}

/**
 * panthor_gem_kernel_bo_set_label() - Name a BO of the driver's own
 * @bo: The BO.
 * @label: The name, of which a copy is made unless it is a constant; NULL to leave
 *	the BO as it is.
 *
 * Without memory for it the BO stays without.
 *
 * Context: Process context, not in reclaim.
 */
void panthor_gem_kernel_bo_set_label(struct panthor_kernel_bo *bo, const char *label)
{
	const char *copy;

	/* Labels of the others are user space's. */
	if (drm_WARN_ON(bo->obj->dev, bo->obj->handle_count > 0))
		return;
	if (!label)
		return;

	copy = kstrdup_const(label, GFP_KERNEL);
	if (copy)
		panthor_gem_bo_set_label(bo->obj, copy);
	else
		drm_warn(bo->obj->dev, "Not enough memory to allocate BO label");
}

/* The firmware uses its BOs at any time, and nobody asks before. */
static bool kernel_bo_is_pinned(struct panthor_device *ptdev, struct panthor_vm *vm)
{
	return vm == panthor_fw_vm(ptdev);
}

static u32 kernel_bo_usage(struct panthor_device *ptdev, struct panthor_vm *vm)
{
	u32 usage = PANTHOR_DEBUGFS_GEM_USAGE_FLAG_KERNEL;

	if (vm == panthor_fw_vm(ptdev))
		usage |= PANTHOR_DEBUGFS_GEM_USAGE_FLAG_FW_MAPPED;

	return usage;
}

/* Memory and address; what is left after a failure is what was there before. */
static int kernel_bo_map(struct panthor_device *ptdev, struct panthor_kernel_bo *kbo,
			 struct panthor_vm *vm, u64 size, u32 vm_map_flags, u64 gpu_va)
{
	struct panthor_gem_object *bo = to_panthor_bo(kbo->obj);
	bool pinned = kernel_bo_is_pinned(ptdev, vm);
	int ret;

	if (pinned) {
		ret = panthor_gem_pin(bo);
		if (ret)
			return ret;
	}

	ret = panthor_vm_alloc_va(vm, gpu_va, size, &kbo->va_node);
	if (ret)
		goto unpin;

	ret = panthor_vm_map_bo_range(vm, bo, 0, size, kbo->va_node.start, vm_map_flags);
	if (ret)
		goto free_va;

	return 0;

free_va:
	panthor_vm_free_va(vm, &kbo->va_node);
unpin:
	if (pinned)
		panthor_gem_unpin(bo);
	return ret;
}

/**
 * panthor_kernel_bo_create() - Create a BO of the driver's own and map it
 * @ptdev: The device.
 * @vm: VM to map it into; the only one that will.
 * @size: Size in bytes. The BO is made of pages of the CPU, but no more is mapped than
 *	@size in pages of the GPU: firmware has sections closer to each other.
 * @bo_flags: Combination of drm_panthor_bo_flags.
 * @vm_map_flags: Combination of drm_panthor_vm_bind_op_flags, of a mapping.
 * @gpu_va: Where to map it, or PANTHOR_VM_KERNEL_AUTO_VA for anywhere.
 * @name: Name for whoever debugs, or NULL.
 *
 * Context: Process context, not in reclaim. No resv is held.
 *
 * Return: The BO; or ERR_PTR(): -EINVAL without a VM, -ENOMEM, -ENOSPC if the address
 * is not free, or another errno of panthor_vm_map_bo_range().
 */
struct panthor_kernel_bo *
panthor_kernel_bo_create(struct panthor_device *ptdev, struct panthor_vm *vm, size_t size,
			 u32 bo_flags, u32 vm_map_flags, u64 gpu_va, const char *name)
{
	struct panthor_kernel_bo *kbo;
	struct panthor_gem_object *bo;
	int ret;

	if (drm_WARN_ON(&ptdev->base, !vm))
		return ERR_PTR(-EINVAL);

	kbo = kzalloc_obj(*kbo);
	if (!kbo)
		return ERR_PTR(-ENOMEM);

	bo = panthor_gem_create(&ptdev->base, size, bo_flags, vm, kernel_bo_usage(ptdev, vm));
	if (IS_ERR(bo)) {
		ret = PTR_ERR(bo);
		goto free;
	}

	kbo->obj = &bo->base;
	panthor_gem_kernel_bo_set_label(kbo, name);
	ret = kernel_bo_map(ptdev, kbo, vm, ALIGN(size, panthor_vm_page_size(vm)), vm_map_flags,
			    gpu_va);
	if (ret)
		goto put;

	kbo->vm = panthor_vm_get(vm);
	return kbo;

put:
	drm_gem_object_put(&bo->base);
free:
	kfree(kbo);
	return ERR_PTR(ret);
}

/**
 * panthor_kernel_bo_destroy() - Unmap and put a BO of the driver's own
 * @bo: The BO; NULL and what panthor_kernel_bo_create() failed with are left alone.
 *
 * Context: Process context, not in reclaim. No resv is held.
 */
void panthor_kernel_bo_destroy(struct panthor_kernel_bo *bo)
{
	struct panthor_device *ptdev;
	struct panthor_gem_object *gem;

	if (IS_ERR_OR_NULL(bo))
		return;

	gem = to_panthor_bo(bo->obj);
	ptdev = panthor_gem_device(gem);
	drm_WARN_ON(&ptdev->base, gem->exclusive_vm_root_gem != panthor_vm_root_gem(bo->vm));

	panthor_kernel_bo_vunmap(bo);
	/* A GPU that does not answer keeps it mapped, and so the BO, until the VM goes. */
	panthor_vm_unmap_range(bo->vm, bo->va_node.start, bo->va_node.size);
	panthor_vm_free_va(bo->vm, &bo->va_node);
	if (kernel_bo_is_pinned(ptdev, bo->vm))
		panthor_gem_unpin(gem);

	drm_gem_object_put(bo->obj);
	panthor_vm_put(bo->vm);
	kfree(bo);
}

/**
 * panthor_kernel_bo_vmap() - Map a BO of the driver's own into the kernel
 * @bo: The BO. Its @kmap is set, unless it was mapped already.
 *
 * Context: Process context, not in reclaim. Takes and releases the BO's resv.
 *
 * Return: 0, or the errno of drm_gem_vmap().
 */
int panthor_kernel_bo_vmap(struct panthor_kernel_bo *bo)
{
	struct iosys_map map;
	int ret;

	if (bo->kmap)
		return 0;

	ret = drm_gem_vmap(bo->obj, &map);
	if (!ret)
		bo->kmap = map.vaddr;

	return ret;
}

/**
 * panthor_kernel_bo_vunmap() - Undo panthor_kernel_bo_vmap()
 * @bo: The BO, mapped or not.
 *
 * Context: Process context, not in reclaim. Takes and releases the BO's resv.
 */
void panthor_kernel_bo_vunmap(struct panthor_kernel_bo *bo)
{
	struct iosys_map map = IOSYS_MAP_INIT_VADDR(bo->kmap);

	if (!bo->kmap)
		return;

	drm_gem_vunmap(bo->obj, &map);
	bo->kmap = NULL;
}

/**
 * panthor_dummy_bo_create() - Create the BO that shows wherever nothing is bound
 * @ptdev: The device.
 *
 * It is one block, so that a VM may repeat it by blocks if memory comes as one. What a
 * GPU reads there is undefined by the uAPI, so that nothing of it has to be kept.
 *
 * Context: Process context, not in reclaim.
 *
 * Return: The BO, with a reference for the caller; or ERR_PTR() as for
 * panthor_gem_create_with_handle().
 */
struct panthor_gem_object *panthor_dummy_bo_create(struct panthor_device *ptdev)
{
	struct panthor_gem_object *bo =
		panthor_gem_create(&ptdev->base, SZ_2M, DRM_PANTHOR_BO_NO_MMAP, NULL, 0);

	if (!IS_ERR(bo))
		bo->scratch = true;

	return bo;
}
