/* SPDX-License-Identifier: GPL-2.0 OR MIT */
#ifndef __PANTHOR_GEM_H__
#define __PANTHOR_GEM_H__

/*
 * GEM objects as the rest of the driver sees them. What the files of the GEM
 * code share among themselves is in panthor_gem_priv.h.
 */

#include <linux/atomic.h>
#include <linux/bits.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/refcount.h>
#include <linux/sched.h>

#include <drm/drm_gem.h>
#include <drm/drm_mm.h>

struct dma_buf;
struct dma_buf_attachment;
struct drm_file;
struct drm_gpuvm;
struct drm_minor;
struct panthor_device;
struct panthor_vm;
struct sg_table;

/* Bytes of a label, with its terminator. */
#define PANTHOR_BO_LABEL_MAXLEN	4096

/**
 * enum panthor_debugfs_gem_state_flags - Column "state" of the debugfs file gems
 * @PANTHOR_DEBUGFS_GEM_STATE_IMPORTED_BIT: Number of the bit.
 * @PANTHOR_DEBUGFS_GEM_STATE_EXPORTED_BIT: Number of the bit.
 * @PANTHOR_DEBUGFS_GEM_STATE_EVICTED_BIT: Number of the bit.
 * @PANTHOR_DEBUGFS_GEM_STATE_FLAG_IMPORTED: The BO is another driver's buffer.
 * @PANTHOR_DEBUGFS_GEM_STATE_FLAG_EXPORTED: The BO has a dma-buf.
 * @PANTHOR_DEBUGFS_GEM_STATE_FLAG_EVICTED: Reclaim took the pages, nobody brought
 *	them back yet.
 */
enum panthor_debugfs_gem_state_flags {
	PANTHOR_DEBUGFS_GEM_STATE_IMPORTED_BIT = 0,
	PANTHOR_DEBUGFS_GEM_STATE_EXPORTED_BIT = 1,
	PANTHOR_DEBUGFS_GEM_STATE_EVICTED_BIT = 2,

	PANTHOR_DEBUGFS_GEM_STATE_FLAG_IMPORTED = BIT(PANTHOR_DEBUGFS_GEM_STATE_IMPORTED_BIT),
	PANTHOR_DEBUGFS_GEM_STATE_FLAG_EXPORTED = BIT(PANTHOR_DEBUGFS_GEM_STATE_EXPORTED_BIT),
	PANTHOR_DEBUGFS_GEM_STATE_FLAG_EVICTED = BIT(PANTHOR_DEBUGFS_GEM_STATE_EVICTED_BIT),
};

/**
 * enum panthor_debugfs_gem_usage_flags - Column "usage" of the debugfs file gems
 * @PANTHOR_DEBUGFS_GEM_USAGE_KERNEL_BIT: Number of the bit.
 * @PANTHOR_DEBUGFS_GEM_USAGE_FW_MAPPED_BIT: Number of the bit.
 * @PANTHOR_DEBUGFS_GEM_USAGE_FLAG_KERNEL: A BO of the driver.
 * @PANTHOR_DEBUGFS_GEM_USAGE_FLAG_FW_MAPPED: A BO of the firmware's VM.
 */
enum panthor_debugfs_gem_usage_flags {
	PANTHOR_DEBUGFS_GEM_USAGE_KERNEL_BIT = 0,
	PANTHOR_DEBUGFS_GEM_USAGE_FW_MAPPED_BIT = 1,

	PANTHOR_DEBUGFS_GEM_USAGE_FLAG_KERNEL = BIT(PANTHOR_DEBUGFS_GEM_USAGE_KERNEL_BIT),
	PANTHOR_DEBUGFS_GEM_USAGE_FLAG_FW_MAPPED = BIT(PANTHOR_DEBUGFS_GEM_USAGE_FW_MAPPED_BIT),
};

/**
 * struct panthor_gem_debugfs - What debugfs tells of a BO
 * @node: In the device's list of BOs, under gems.lock; empty while not in it.
 * @creator: Who made the BO.
 * @flags: Combination of panthor_debugfs_gem_usage_flags.
 */
struct panthor_gem_debugfs {
	struct list_head node;
	struct {
		/** @creator.process_name: Name of the process, that is, of its first thread. */
		char process_name[TASK_COMM_LEN];
		/** @creator.tgid: Its PID. */
		pid_t tgid;
	} creator;
	u32 flags;
};

/**
 * struct panthor_gem_backing - Memory of a BO
 * @pages: Its pages, or NULL: not needed yet, or evicted. Written under the resv.
 * @pin_count: Who needs the pages to stay. 0 -> 1 and 1 -> 0 under the resv, so
 *	that zero is stable under it; other steps need no lock.
 */
struct panthor_gem_backing {
	struct page **pages;
	refcount_t pin_count;
};

/**
 * struct panthor_gem_cpu_map - CPU mappings of a BO
 * @vaddr: The kernel's mapping, or NULL. It holds a pin. Under the resv.
 * @vaddr_use_count: Users of @vaddr. Under the resv.
 * @mmap_count: VMAs of user space. As &panthor_gem_backing.pin_count.
 */
struct panthor_gem_cpu_map {
	void *vaddr;
	refcount_t vaddr_use_count;
	refcount_t mmap_count;
};

/**
 * struct panthor_gem_dev_map - DMA mapping of a BO
 * @sgt: Table of the pages, mapped for the device, or NULL. Written under the
 *	resv; valid under the resv or with a pin. Of an imported BO: for its life.
 */
struct panthor_gem_dev_map {
	struct sg_table *sgt;
};

/**
 * enum panthor_gem_reclaim_state - What it takes to reclaim a BO
 * @PANTHOR_GEM_UNUSED: It has pages that nobody uses.
 * @PANTHOR_GEM_MMAPPED: Mappings of user space have to be removed.
 * @PANTHOR_GEM_GPU_MAPPED_SINGLE_VM: One VM has to be done with it.
 * @PANTHOR_GEM_GPU_MAPPED_MULTI_VM: Several VMs have to be.
 * @PANTHOR_GEM_UNRECLAIMABLE: There are no pages, or they are pinned.
 *
 * Ordered by effort, which is relied upon. The state follows from the rest of the
 * BO; panthor_gem_reclaim.c has the rule and the only place where it is written.
 */
enum panthor_gem_reclaim_state {
	PANTHOR_GEM_UNUSED,
	PANTHOR_GEM_MMAPPED,
	PANTHOR_GEM_GPU_MAPPED_SINGLE_VM,
	PANTHOR_GEM_GPU_MAPPED_MULTI_VM,
	PANTHOR_GEM_UNRECLAIMABLE,
};

/**
 * struct panthor_gem_object - A BO
 * @base: The GEM object.
 * @backing: Its memory.
 * @cmap: Its CPU mappings.
 * @dmap: Its DMA mapping.
 * @reclaim_vm: In PANTHOR_GEM_GPU_MAPPED_SINGLE_VM, the VM on whose LRU the BO was
 *	put, else NULL. Only compared: the VM may be gone when it is another one's
 *	turn. As @reclaim_state.
 * @reclaim_state: What follows from @backing, @cmap and the GPU mappings. Written under
 *	the resv and gpuva.lock; read without by debugfs only.
 * @reclaimed_count: Evictions, up to INT_MAX.
 * @exclusive_vm_root_gem: Referenced object of the only VM that may map the BO, with
 *	whose resv the BO is locked; NULL for a BO that can be shared.
 * @flags: Combination of drm_panthor_bo_flags.
 * @scratch: What is in the pages need not outlive them. Set before anybody else knows
 *	the BO.
 * @label: Text for whoever debugs.
 * @debugfs: What debugfs tells of the BO.
 *
 * On 64-bit kernels without debug options this is 512 bytes, and one more would cost
 * as many again: the allocator has no size in between.
 */
struct panthor_gem_object {
	struct drm_gem_object base;
	struct panthor_gem_backing backing;
	struct panthor_gem_cpu_map cmap;
	struct panthor_gem_dev_map dmap;
	struct drm_gpuvm *reclaim_vm;
	enum panthor_gem_reclaim_state reclaim_state;
	atomic_t reclaimed_count;
	struct drm_gem_object *exclusive_vm_root_gem;
	u32 flags;
	bool scratch;
	struct {
		/** @label.str: The text, or NULL; to be freed with kfree_const(). */
		const char *str;
		/** @label.lock: Protects @label.str. */
		struct mutex lock;
	} label;
#ifdef CONFIG_DEBUG_FS
	struct panthor_gem_debugfs debugfs;
#endif
};

/**
 * struct panthor_kernel_bo - A BO of the driver's own, mapped into a VM
 * @obj: The BO, referenced.
 * @vm: The VM, referenced.
 * @va_node: Where the VM has it.
 * @kmap: Kernel mapping, or NULL.
 */
struct panthor_kernel_bo {
	struct drm_gem_object *obj;
	struct panthor_vm *vm;
	struct drm_mm_node va_node;
	void *kmap;
};

#define to_panthor_bo(obj) container_of_const(obj, struct panthor_gem_object, base)

void panthor_gem_init(struct panthor_device *ptdev);
int panthor_gem_shrinker_init(struct panthor_device *ptdev);
void panthor_gem_shrinker_unplug(struct panthor_device *ptdev);

int panthor_gem_create_with_handle(struct drm_file *file, struct drm_device *ddev,
				   struct panthor_vm *exclusive_vm, u64 *size, u32 flags,
				   u32 *handle);
struct drm_gem_object *
panthor_gem_prime_import_sg_table(struct drm_device *dev, struct dma_buf_attachment *attach,
				  struct sg_table *sgt);
struct drm_gem_object *panthor_gem_prime_import(struct drm_device *dev, struct dma_buf *dma_buf);

void panthor_gem_bo_set_label(struct drm_gem_object *obj, const char *label);
void panthor_gem_kernel_bo_set_label(struct panthor_kernel_bo *bo, const char *label);
int panthor_gem_sync(struct drm_gem_object *obj, u32 type, u64 offset, u64 size);

int panthor_gem_pin(struct panthor_gem_object *bo);
void panthor_gem_unpin(struct panthor_gem_object *bo);
struct sg_table *panthor_gem_get_dev_sgt(struct panthor_gem_object *bo);
int panthor_gem_swapin_locked(struct panthor_gem_object *bo);
void panthor_gem_update_reclaim_state_locked(struct panthor_gem_object *bo,
					     enum panthor_gem_reclaim_state *old_state);

struct panthor_kernel_bo *
panthor_kernel_bo_create(struct panthor_device *ptdev, struct panthor_vm *vm, size_t size,
			 u32 bo_flags, u32 vm_map_flags, u64 gpu_va, const char *name);
void panthor_kernel_bo_destroy(struct panthor_kernel_bo *bo);
int panthor_kernel_bo_vmap(struct panthor_kernel_bo *bo);
void panthor_kernel_bo_vunmap(struct panthor_kernel_bo *bo);
struct panthor_gem_object *panthor_dummy_bo_create(struct panthor_device *ptdev);

/* GPU address of a kernel BO. */
static inline u64 panthor_kernel_bo_gpuva(struct panthor_kernel_bo *bo)
{
	return bo->va_node.start;
}

/* Size of a kernel BO in bytes. */
static inline size_t panthor_kernel_bo_size(struct panthor_kernel_bo *bo)
{
	return bo->obj->size;
}

#ifdef CONFIG_DEBUG_FS
void panthor_gem_debugfs_init(struct drm_minor *minor);
#endif

#endif
