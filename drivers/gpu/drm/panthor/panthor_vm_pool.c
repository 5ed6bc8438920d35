// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * The VMs of a file, by the numbers that user space knows them by.
 *
 * Locking: the xarray's own. Whoever erases a VM from it has the reference that it
 * held; what else is done to the VM is done without the lock.
 */

#include <linux/err.h>
#include <linux/log2.h>
#include <linux/sched.h>
#include <linux/sizes.h>
#include <linux/slab.h>

#include <drm/drm_file.h>
#include <drm/panthor_drm.h>

#include "panthor_device.h"
#include "panthor_gem.h"
#include "panthor_gpu_regs.h"
#include "panthor_heap.h"
#include "panthor_mmu.h"
#include "panthor_mmu_priv.h"

/* More than user space needs: it can share one among all its contexts. */
#define POOL_MAX_VMS		32

/* The least of the addresses that the kernel keeps for what it maps itself. */
#define POOL_MIN_KERNEL_VA	SZ_256M

/**
 * struct panthor_vm_pool - The VMs of a file
 * @xa: They, by number.
 * @dummy: What their sparse mappings lead to. GPU writes there can be read back,
 *	so that files do not share it.
 */
struct panthor_vm_pool {
	struct xarray xa;
	struct panthor_gem_object *dummy;
};

/**
 * panthor_vm_pool_create() - Let a file have VMs
 * @pfile: The file.
 *
 * Context: Process context, may allocate.
 *
 * Return: 0, -ENOMEM, or the errno of creating a BO.
 */
int panthor_vm_pool_create(struct panthor_file *pfile)
{
	struct panthor_vm_pool *pool = kzalloc_obj(*pool);

	if (!pool)
		return -ENOMEM;

	pool->dummy = panthor_dummy_bo_create(pfile->ptdev);
	if (IS_ERR(pool->dummy)) {
		int ret = PTR_ERR(pool->dummy);

		kfree(pool);
		return ret;
	}

	xa_init_flags(&pool->xa, XA_FLAGS_ALLOC1);
	pfile->vms = pool;
	return 0;
}

/**
 * panthor_vm_pool_destroy() - A file is gone, and its VMs with it
 * @pfile: The file. Others may have references on its VMs.
 *
 * Context: Process context, no resv is held.
 */
void panthor_vm_pool_destroy(struct panthor_file *pfile)
{
	struct panthor_vm_pool *pool = pfile->vms;
	struct panthor_vm *vm;
	unsigned long id;

	if (!pool)
		return;

	xa_for_each(&pool->xa, id, vm) {
		xa_erase(&pool->xa, id);
		panthor_vm_destroy(vm);
	}
	xa_destroy(&pool->xa);
	drm_gem_object_put(&pool->dummy->base);
	kfree(pool);
}

/*
 * Where user space's part of the addresses ends, if it has no wish: at the end of
 * its own addresses, so that it can have a buffer at the same address on both
 * sides, else half way, or near the end if there are few.
 */
static u64 pool_default_user_va(u64 full)
{
	if (TASK_SIZE_OF(current) < full)
		return TASK_SIZE_OF(current);

	return full > SZ_4G ? full / 2 : full - POOL_MIN_KERNEL_VA;
}

/* Size of the kernel's part, at the end of @full bytes; 0 if that is impossible. */
static u64 pool_kernel_va(u64 full, u64 wish)
{
	u64 user;

	if (full < POOL_MIN_KERNEL_VA || wish > full - POOL_MIN_KERNEL_VA)
		return 0;

	user = min(wish ?: pool_default_user_va(full), full - POOL_MIN_KERNEL_VA);
	if (!user)
		return 0;

	/* A power of two, so that a bit of the address tells whose it is. */
	return BIT_ULL(ilog2(full - user));
}

/**
 * panthor_vm_pool_create_vm() - VM_CREATE ioctl
 * @ptdev: The device.
 * @pool: VMs of the file.
 * @args: Arguments; user_va_range becomes the end of what user space may map.
 *
 * Context: Process context, may allocate.
 *
 * Return: The number of the VM, -EINVAL for impossible arguments, -ENOMEM,
 * -EBUSY if there are too many VMs, or the errno of creating one.
 */
int panthor_vm_pool_create_vm(struct panthor_device *ptdev, struct panthor_vm_pool *pool,
			      struct drm_panthor_vm_create *args)
{
	u64 full = BIT_ULL(GPU_MMU_FEATURES_VA_BITS(ptdev->gpu_info.mmu_features));
	u64 size = pool_kernel_va(full, args->user_va_range);
	struct panthor_vm *vm;
	u32 id;
	int ret;

	if (args->flags || !size)
		return -EINVAL;

	vm = panthor_vm_create(ptdev, false, full - size, size, full - size, size);
	if (IS_ERR(vm))
		return PTR_ERR(vm);

	drm_gem_object_get(&pool->dummy->base);
	vm->dummy = pool->dummy;

	ret = xa_alloc(&pool->xa, &id, vm, XA_LIMIT(1, POOL_MAX_VMS), GFP_KERNEL);
	if (ret) {
		panthor_vm_put(vm);
		return ret;
	}

	args->user_va_range = full - size;
	return id;
}

/**
 * panthor_vm_pool_destroy_vm() - VM_DESTROY ioctl
 * @pool: VMs of the file.
 * @handle: Number of the VM.
 *
 * Context: Process context, no resv is held.
 *
 * Return: 0, or -EINVAL if there is no such VM.
 */
int panthor_vm_pool_destroy_vm(struct panthor_vm_pool *pool, u32 handle)
{
	struct panthor_vm *vm = xa_erase(&pool->xa, handle);

	if (!vm)
		return -EINVAL;

	panthor_vm_destroy(vm);
	return 0;
}

/**
 * panthor_vm_pool_get_vm() - Find a VM by its number
 * @pool: VMs of the file.
 * @handle: The number.
 *
 * Context: Process context.
 *
 * Return: The VM, to be put by panthor_vm_put(), or NULL.
 */
struct panthor_vm *panthor_vm_pool_get_vm(struct panthor_vm_pool *pool, u32 handle)
{
	struct panthor_vm *vm;

	xa_lock(&pool->xa);
	vm = panthor_vm_get(xa_load(&pool->xa, handle));
	xa_unlock(&pool->xa);

	return vm;
}

/**
 * panthor_vm_heaps_sizes() - Add up the tiler heaps of a file
 * @pfile: The file.
 * @stats: Their bytes are added to resident, and to active if the VM has a slot.
 *
 * Context: Process context.
 */
void panthor_vm_heaps_sizes(struct panthor_file *pfile, struct drm_memory_stats *stats)
{
	struct panthor_vm_pool *pool = pfile->vms;
	struct panthor_vm *vm;
	unsigned long id;

	if (!pool)
		return;

	/* The pool of a VM goes after the VM was erased, which waits for the lock. */
	xa_lock(&pool->xa);
	xa_for_each(&pool->xa, id, vm) {
		size_t size = panthor_heap_pool_size(READ_ONCE(vm->heaps.pool));

		stats->resident += size;
		if (panthor_vm_as(vm) >= 0)
			stats->active += size;
	}
	xa_unlock(&pool->xa);
}
