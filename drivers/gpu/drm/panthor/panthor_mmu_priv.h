/* SPDX-License-Identifier: GPL-2.0 OR MIT */
#ifndef __PANTHOR_MMU_PRIV_H__
#define __PANTHOR_MMU_PRIV_H__

/**
 * DOC: Locks of VMs and address spaces
 *
 * Outside of reclaim, outer to inner::
 *
 *	VM resv > BO resv > op_lock > gpuva.lock > gem_lru_mutex
 *	                    op_lock > slots_lock
 *	mmu->vm.lock > op_lock
 *
 * op_lock
 *	The mappings of a VM: tree, page table, what of it is evicted. Taken by
 *	VM_BIND jobs, which signal fences, so nothing is allocated and no fence
 *	waited for with it held.
 * gpuva.lock
 *	Lists of a BO: vm_bos and the VMAs of each.
 * gem_lru_mutex
 *	LRUs, the device's list of VMs that have something to reclaim.
 * slots_lock
 *	Who has which address space slot, and its registers.
 * mmu->vm.lock
 *	List of all VMs, and whether a reset stopped their queues.
 * heaps.lock, mm_lock
 *	The heap pool, the kernel's part of the address range. Held around
 *	allocations: never taken in reclaim.
 *
 * Reclaim comes with a BO's resv, the resvs of the VMs that map it and its
 * gpuva.lock, all by trylock, and tries op_lock. The reference of a VM that is
 * looked at is put by a worker, as the last one takes most of these locks.
 */

#include <linux/bits.h>
#include <linux/kref.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/refcount.h>
#include <linux/workqueue.h>
#include <linux/xarray.h>

#include <drm/drm_gem.h>
#include <drm/drm_gpuvm.h>
#include <drm/drm_mm.h>
#include <drm/gpu_scheduler.h>

#include "panthor_device.h"
#include "panthor_mmu.h"

struct io_pgtable_ops;
struct sg_table;

#define PANTHOR_AS_SLOTS	32

/**
 * struct panthor_mmu - Address spaces and VMs of a device
 * @iomem: Registers of the address space slots.
 * @irq: Fault interrupt.
 */
struct panthor_mmu {
	void __iomem *iomem;
	struct panthor_irq irq;

	/** @as: Address space slots, protected by @as.slots_lock. */
	struct {
		/** @as.slots_lock: See the list of locks. */
		struct mutex slots_lock;

		/** @as.taken: Slots that belong to a VM, or wait for a reset. */
		u32 taken;

		/** @as.faulty: Slots whose fault is not dealt with. */
		u32 faulty;

		/** @as.resetting: The GPU is, or will be, reset; no slot may be touched. */
		bool resetting;

		/** @as.slots: VM of each slot, NULL if it is free. */
		struct panthor_vm *slots[PANTHOR_AS_SLOTS];

		/** @as.idle: VMs that could lose their slot, longest idle first. */
		struct list_head idle;
	} as;

	/** @vm: All VMs, protected by @vm.lock. */
	struct {
		/** @vm.lock: See the list of locks. */
		struct mutex lock;

		/** @vm.list: The VMs. */
		struct list_head list;

		/** @vm.reset_in_progress: Queues are stopped. */
		bool reset_in_progress;

		/** @vm.wq: Runs the VM_BIND queues. */
		struct workqueue_struct *wq;
	} vm;

	/** @reclaim: Scans in progress, protected by gem_lru_mutex. */
	struct {
		/** @reclaim.scans: &struct panthor_vm_scan of each. */
		struct list_head scans;

		/** @reclaim.last: Number of the last scan that began. */
		u64 last;
	} reclaim;
};

/**
 * struct panthor_pt_reserve - Page tables set aside for an operation
 * @tables: The tables; those before @used are in a page table.
 * @count: How many there were.
 * @used: How many were taken.
 */
struct panthor_pt_reserve {
	void **tables;
	u32 count;
	u32 used;
};

/**
 * struct panthor_vma - A mapping
 * @base: What drm_gpuvm knows of it. A mapping that is out of the tree is on a
 *	list by its gem.entry, and its vm_bo is a reference.
 * @flags: DRM_PANTHOR_VM_BIND_OP_MAP_*.
 * @evicted: It is not in the page table, as its BO was evicted. Changes under
 *	op_lock and the BO's resv.
 */
struct panthor_vma {
	struct drm_gpuva base;
	u32 flags;
	bool evicted;
};

#define to_panthor_vma(va)	container_of_const(va, struct panthor_vma, base)

/**
 * struct panthor_vm_op - A change of a VM's mappings
 * @vm: The VM.
 * @flags: DRM_PANTHOR_VM_BIND_OP_*.
 * @addr: First byte of the range.
 * @range: Its size in bytes.
 * @pts: Page tables it may take.
 * @spare: VMAs it may take.
 * @gone: VMAs it took out of the tree, until the TLB has forgotten them.
 * @vm_bo: What is to be mapped, referenced.
 * @bo: The BO of it, referenced and pinned.
 * @bo_offset: Where in the BO the mapping begins, in bytes.
 */
struct panthor_vm_op {
	struct panthor_vm *vm;
	u32 flags;
	u64 addr;
	u64 range;
	struct panthor_pt_reserve pts;
	struct panthor_vma *spare[3];
	struct list_head gone;
	struct drm_gpuvm_bo *vm_bo;
	struct panthor_gem_object *bo;
	u64 bo_offset;
};

/**
 * struct panthor_vm - Address space of a GPU or of its MCU
 * @base: Mappings. First, as everything that only has the drm_gpuvm relies on.
 * @sched: Runs the VM_BIND queue.
 * @entity: The queue.
 * @ptdev: The device.
 * @pgtbl_ops: Page table.
 * @root_table: Its first level, NULL until there is one.
 * @memattr: Value for AS_MEMATTR.
 * @pts: Page tables of the operation that holds @op_lock, NULL if it has none.
 * @mm: Addresses the kernel gave out. Protected by @mm_lock.
 * @node: In panthor_mmu::vm::list.
 * @user_va_range: End of what user space may map, in bytes.
 * @for_mcu: It is the firmware's.
 * @destroyed: User space let go of it. Nothing more is mapped; set once.
 * @unusable: Page table and tree may differ. The GPU never translates with it
 *	again; set once.
 * @unhandled_fault: The GPU faulted since the VM became active. Protected by
 *	slots_lock for writing.
 * @dummy: What sparse mappings lead to, shared with the VMs of the file.
 */
struct panthor_vm {
	struct drm_gpuvm base;
	struct drm_gpu_scheduler sched;
	struct drm_sched_entity entity;
	struct panthor_device *ptdev;

	struct io_pgtable_ops *pgtbl_ops;
	void *root_table;
	u64 memattr;

	/** @op_lock: See the list of locks. */
	struct mutex op_lock;

	struct panthor_pt_reserve *pts;

	/** @locked: Range that the operation may change; empty without one. op_lock. */
	struct {
		/** @locked.start: First byte. */
		u64 start;

		/** @locked.end: Byte behind the last. */
		u64 end;
	} locked;

	struct drm_mm mm;

	/** @mm_lock: See the list of locks. */
	struct mutex mm_lock;

	/** @auto_va: Where the kernel takes addresses from if it may choose. */
	struct {
		/** @auto_va.start: First byte. */
		u64 start;

		/** @auto_va.end: Byte behind the last. */
		u64 end;
	} auto_va;

	/** @as: Address space slot, protected by slots_lock but for @as.active. */
	struct {
		/** @as.id: The slot, -1 without one. */
		int id;

		/** @as.active: Users that need the slot. Leaves 0 under slots_lock. */
		refcount_t active;

		/** @as.idle_node: In panthor_mmu::as::idle if @as.active is 0. */
		struct list_head idle_node;

		/** @as.programmed: The slot translates with this VM's page table. */
		bool programmed;

		/** @as.tlb_stale: What the slot has cached is not known. */
		bool tlb_stale;

		/** @as.hw_start: First byte of the region that the slot has locked. */
		u64 hw_start;

		/** @as.hw_end: Byte behind its last, 0 if there is none. */
		u64 hw_end;

		/**
		 * @as.quarantine: VMAs that were unmapped but may be cached. They
		 * keep their BOs, hence the pages, until the slot was reset.
		 */
		struct list_head quarantine;

		/**
		 * @as.doomed: The VM was destroyed, but could not be locked to unmap
		 * everything. Has a reference.
		 */
		bool doomed;

		/** @as.reap_work: Does what had to wait for the slot. */
		struct work_struct reap_work;
	} as;

	/** @heaps: Tiler heaps. */
	struct {
		/** @heaps.lock: See the list of locks. */
		struct mutex lock;

		/** @heaps.pool: The heaps, NULL until there is one. */
		struct panthor_heap_pool *pool;
	} heaps;

	struct list_head node;
	u64 user_va_range;
	bool for_mcu;
	bool destroyed;
	bool unusable;
	bool unhandled_fault;

	/** @reclaim: BOs that could go, protected by gem_lru_mutex. */
	struct {
		/** @reclaim.lru: BOs that this VM and no other maps. */
		struct drm_gem_lru lru;

		/** @reclaim.node: In panthor_device::reclaim::vms while @reclaim.lru has BOs. */
		struct list_head node;

		/** @reclaim.seen: Number of the last scan that looked at it. */
		u64 seen;

		/** @reclaim.put_work: Puts a scan's reference. */
		struct work_struct put_work;
	} reclaim;

	struct panthor_gem_object *dummy;
};

static inline struct panthor_vm *to_panthor_vm(struct drm_gpuvm *gpuvm)
{
	return container_of(gpuvm, struct panthor_vm, base);
}

/* panthor_mmu.c */
void panthor_mmu_fault_irq_enable(struct panthor_device *ptdev, unsigned int as);
void panthor_mmu_fault_irq_disable(struct panthor_device *ptdev, unsigned int as);
void panthor_mmu_fault_irq_clear(struct panthor_device *ptdev, unsigned int as);

/* panthor_as.c */
int panthor_as_disable(struct panthor_vm *vm);
void panthor_as_release(struct panthor_vm *vm);
void panthor_as_release_all(struct panthor_device *ptdev);
int panthor_as_disable_all(struct panthor_device *ptdev);
void panthor_as_begin_reset(struct panthor_device *ptdev);
void panthor_as_fault(struct panthor_device *ptdev, unsigned int as);
int panthor_vm_lock_region(struct panthor_vm *vm, u64 start, u64 size);
int panthor_vm_unlock_region(struct panthor_vm *vm);
bool panthor_vm_quarantine(struct panthor_vm *vm, struct list_head *vmas);
void panthor_vm_doom(struct panthor_vm *vm);
void panthor_vm_set_unusable(struct panthor_vm *vm);

/* panthor_vm_map.c */
u64 panthor_pt_count(u64 va, u64 size);
int panthor_pt_reserve(struct panthor_pt_reserve *pts, u64 count);
void panthor_pt_release(struct panthor_pt_reserve *pts);
int panthor_vm_pt_create(struct panthor_vm *vm);
void panthor_vm_pt_destroy(struct panthor_vm *vm);
bool panthor_vm_pt_maybe_block(struct panthor_vm *vm, u64 va);
int panthor_vm_pt_map(struct panthor_vm *vm, u32 flags, struct sg_table *sgt, u64 offset,
		      u64 va, u64 size);
void panthor_vm_pt_unmap(struct panthor_vm *vm, u64 va, u64 size);

/* panthor_vm.c */
void panthor_vm_free(struct drm_gpuvm *gpuvm);
void panthor_vm_bo_free(struct drm_gpuvm_bo *vm_bo);
void panthor_vm_put_in_reclaim(struct panthor_vm *vm);
void panthor_vm_destroy(struct panthor_vm *vm);

/* panthor_vm_op.c */
int panthor_vm_op_prepare_map(struct panthor_vm_op *op, struct panthor_vm *vm,
			      struct panthor_gem_object *bo,
			      const struct drm_panthor_vm_bind_op *args);
int panthor_vm_op_prepare_unmap(struct panthor_vm_op *op, struct panthor_vm *vm, u64 va,
				u64 size);
void panthor_vm_op_prepare_sync_only(struct panthor_vm_op *op, struct panthor_vm *vm);
int panthor_vm_op_exec(struct panthor_vm_op *op);
void panthor_vm_op_cleanup(struct panthor_vm_op *op);
void panthor_vm_release_vmas(struct list_head *vmas);
int panthor_vm_sm_step_map(struct drm_gpuva_op *op, void *priv);
int panthor_vm_sm_step_remap(struct drm_gpuva_op *op, void *priv);
int panthor_vm_sm_step_unmap(struct drm_gpuva_op *op, void *priv);

/* panthor_vm_bind.c */
extern const struct drm_sched_backend_ops panthor_vm_bind_sched_ops;

/* panthor_vm_evict.c */
void panthor_vm_bo_update_state_locked(struct panthor_gem_object *bo);
void panthor_vm_bo_update_state(struct panthor_gem_object *bo);
int panthor_vm_bo_validate(struct drm_gpuvm_bo *vm_bo, struct drm_exec *exec);

/* panthor_vm_reclaim.c */
void panthor_vm_reclaim_touch(struct panthor_vm *vm);
void panthor_vm_reclaim_fini(struct panthor_vm *vm);

#endif
