/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef __PANTHOR_TESTS_SEAM_H__
#define __PANTHOR_TESTS_SEAM_H__

/**
 * DOC: Test seams
 *
 * A seam is one external call of the driver that a test wants to see, fail or
 * answer itself. The driver is not edited: seam_gem.h and seam_mmu.h are force
 * included into panthor_gem.o and panthor_mmu.o and rename the calls to the
 * wrappers below. A wrapper counts, then either fails as armed or forwards to
 * the real function.
 *
 * State is global because the driver calls from any thread; KUnit runs one
 * case at a time. Everything a test arms is disarmed by a KUnit action.
 */

#include <linux/dma-direction.h>
#include <linux/io-pgtable.h>
#include <linux/interrupt.h>
#include <linux/types.h>

struct drm_gem_object;
struct io_pgtable_ops;
struct kunit;
struct page;
struct panthor_device;
struct panthor_vm;

/**
 * enum panthor_seam_id - Calls that can be counted and made to fail
 * @SEAM_GEM_OBJECT_INIT: drm_gem_object_init(), fails with the armed errno.
 * @SEAM_MMAP_OFFSET: drm_gem_create_mmap_offset(), fails with the armed errno.
 * @SEAM_GET_PAGES: drm_gem_get_pages(), fails with ERR_PTR(armed errno).
 * @SEAM_PUT_PAGES: drm_gem_put_pages(), counted only.
 * @SEAM_PAGES_TO_SG: drm_prime_pages_to_sg(), fails with ERR_PTR(armed errno).
 * @SEAM_DMA_MAP: dma_map_sgtable(), fails with the armed errno.
 * @SEAM_DMA_UNMAP: dma_unmap_sgtable(), counted only.
 * @SEAM_DMA_SYNC_DEVICE: dma_sync_single_for_device() or its sgtable sibling,
 *	counted only.
 * @SEAM_DMA_SYNC_CPU: dma_sync_single_for_cpu() or its sgtable sibling, counted
 *	only.
 * @SEAM_CPU_UNMAP: drm_vma_node_unmap(), counted only.
 * @SEAM_BO_ALLOC: kzalloc_obj() of the GEM code, fails with NULL.
 * @SEAM_VMAP: vmap(), fails with NULL.
 * @SEAM_VUNMAP: vunmap(), counted only.
 * @SEAM_SWAP_PAGES: get_nr_swap_pages(), answered by panthor_seam_set_swap().
 * @SEAM_FENCE_WAIT: dma_resv_wait_timeout(), fails with the armed errno; arm
 *	with PANTHOR_SEAM_TIMEOUT to have it report an expired wait, with
 *	PANTHOR_SEAM_NO_WAIT to have it not wait for that.
 * @SEAM_PGTABLE_ALLOC: alloc_io_pgtable_ops(), fails with NULL.
 * @SEAM_MMIO_READ: any register read, counted only.
 * @SEAM_MMIO_WRITE: any register write, counted only.
 * @SEAM_GET_IRQ: platform_get_irq_byname(), fails with the armed errno.
 * @SEAM_REQUEST_IRQ: devm_request_threaded_irq(), fails with the armed errno.
 * @SEAM_RESV_LOCK: dma_resv_lock(), counted only; a hook runs before the lock
 *	is taken, hence between a lockless check and the one under the lock.
 * @SEAM_RESV_LOCK_INTR: dma_resv_lock_interruptible(), fails with the armed errno.
 * @SEAM_COUNT_SET: refcount_set() of the GEM code, counted only; a hook runs before
 *	the count is stored, hence between a look at it and a store that goes by it.
 * @SEAM_LRU_SCAN: drm_gem_lru_scan(), counted only.
 * @SEAM_LRU_POPPED: a scanned object was taken off its LRU, its resv is not
 *	locked yet; only visited while it has a hook.
 * @SEAM_LRU_SHRINK: a scan is about to call the driver's callback, resv locked;
 *	only visited while it has a hook.
 * @SEAM_PT_BULK: kmem_cache_alloc_bulk() of page tables, fails with false.
 * @SEAM_VM_BO_CREATE: drm_gpuvm_bo_create(), fails with NULL.
 * @SEAM_HANDLE_CREATE: drm_gem_handle_create(), fails with the armed errno.
 * @SEAM_HANDLE_CREATED: the handle exists, the driver does not know yet; only
 *	visited while it has a hook.
 * @SEAM_VA_INSERT: drm_mm_insert_node_in_range(), fails with the armed errno.
 * @SEAM_FLUSH_CACHES: panthor_gpu_flush_caches() of the MMU code, fails with the
 *	armed errno; -ETIMEDOUT schedules a reset, as the real one does.
 * @SEAM_VA_STEP: drm_gpuvm_bo_for_each_va(), counted at its beginning and in each
 *	step, which includes the one that finds the end.
 * @SEAM_COUNT: Number of seams.
 */
enum panthor_seam_id {
	SEAM_GEM_OBJECT_INIT,
	SEAM_MMAP_OFFSET,
	SEAM_GET_PAGES,
	SEAM_PUT_PAGES,
	SEAM_PAGES_TO_SG,
	SEAM_DMA_MAP,
	SEAM_DMA_UNMAP,
	SEAM_DMA_SYNC_DEVICE,
	SEAM_DMA_SYNC_CPU,
	SEAM_CPU_UNMAP,
	SEAM_BO_ALLOC,
	SEAM_VMAP,
	SEAM_VUNMAP,
	SEAM_SWAP_PAGES,
	SEAM_FENCE_WAIT,
	SEAM_PGTABLE_ALLOC,
	SEAM_MMIO_READ,
	SEAM_MMIO_WRITE,
	SEAM_GET_IRQ,
	SEAM_REQUEST_IRQ,
	SEAM_RESV_LOCK,
	SEAM_RESV_LOCK_INTR,
	SEAM_COUNT_SET,
	SEAM_LRU_SCAN,
	SEAM_LRU_POPPED,
	SEAM_LRU_SHRINK,
	SEAM_PT_BULK,
	SEAM_VM_BO_CREATE,
	SEAM_HANDLE_CREATE,
	SEAM_HANDLE_CREATED,
	SEAM_VA_INSERT,
	SEAM_FLUSH_CACHES,
	SEAM_VA_STEP,
	SEAM_COUNT,
};

/**
 * struct panthor_seam_pgtable - What stands in for io-pgtable
 * @alloc: Contract of alloc_io_pgtable_ops().
 * @free: Contract of free_io_pgtable_ops(), but returns false for page tables
 *	that are not its own; those are freed by the real function.
 */
struct panthor_seam_pgtable {
	struct io_pgtable_ops *(*alloc)(enum io_pgtable_fmt fmt,
					struct io_pgtable_cfg *cfg, void *cookie);
	bool (*free)(struct io_pgtable_ops *ops);
};

/* Page tables that exist at a time: more than any case has VMs. */
#define SEAM_PGTABLES	64

/* Not an errno: makes SEAM_FENCE_WAIT return 0, as an expired wait does. */
#define PANTHOR_SEAM_TIMEOUT	1

/* Not an errno: makes SEAM_FENCE_WAIT expire at once where it would have to wait. */
#define PANTHOR_SEAM_NO_WAIT	2

/**
 * struct panthor_seam_mmio - Something that answers instead of plain memory
 * @read: Register read. May be called in any context.
 * @write: Register write. May be called in any context.
 * @flush: panthor_gpu_flush_caches() returned @err. Process context.
 */
struct panthor_seam_mmio {
	u32 (*read)(const void __iomem *addr);
	void (*write)(u32 value, void __iomem *addr);
	void (*flush)(int err);
};

/*
 * What the driver did about the caches of a piece of memory: one of
 * SEAM_DMA_MAP, SEAM_DMA_UNMAP, SEAM_DMA_SYNC_DEVICE, SEAM_DMA_SYNC_CPU. Process
 * context, after the call of the first, before those of the others.
 */
typedef void (*panthor_seam_dma_fn)(enum panthor_seam_id id, dma_addr_t addr, size_t size,
				    enum dma_data_direction dir, void *data);

/* Runs in the thread that entered the seam, with the locks this thread holds. */
typedef void (*panthor_seam_hook_fn)(void *data);

const char *panthor_seam_name(enum panthor_seam_id id);
void panthor_seam_reset(void);
void panthor_seam_reset_answers(void);
unsigned int panthor_seam_calls(enum panthor_seam_id id);
void panthor_seam_fail_nth(struct kunit *test, enum panthor_seam_id id,
			   unsigned int nth, int err);
void panthor_seam_fail_once(struct kunit *test, enum panthor_seam_id id, int err);
void panthor_seam_fail_always(struct kunit *test, enum panthor_seam_id id, int err);
bool panthor_seam_fired(enum panthor_seam_id id);
void panthor_seam_disarm(enum panthor_seam_id id);
int panthor_seam_enter(enum panthor_seam_id id);
bool panthor_seam_can_fail(enum panthor_seam_id id);
void panthor_seam_hook(struct kunit *test, enum panthor_seam_id id,
		       unsigned int nth, panthor_seam_hook_fn fn, void *data);
bool panthor_seam_hooked(enum panthor_seam_id id);
void panthor_seam_set_swap(struct kunit *test, long pages);
long panthor_seam_swap(void);
void panthor_seam_set_fw_vm(struct kunit *test, struct panthor_vm *vm);
struct panthor_vm *panthor_seam_fw_vm(struct panthor_device *ptdev);
void panthor_seam_set_pgtable(struct kunit *test,
			      const struct panthor_seam_pgtable *pgtable);
void panthor_seam_set_dma(struct kunit *test, panthor_seam_dma_fn fn, void *data);
void panthor_seam_set_get_pages(struct kunit *test,
				struct page **(*get_pages)(struct drm_gem_object *obj));

u64 panthor_seam_stamp(void);
u64 panthor_seam_last(enum panthor_seam_id id);
void panthor_seam_set_mmio(struct kunit *test, const struct panthor_seam_mmio *mmio);
irqreturn_t panthor_seam_raise_irq(void);
struct io_pgtable_ops *panthor_seam_pgtable(struct panthor_vm *vm);
unsigned int panthor_seam_vms(struct panthor_vm **vms, struct io_pgtable_ops **pgtables);

void panthor_seam_recycle(struct kunit *test, const void *obj);
bool panthor_seam_recycled(void);

#endif
