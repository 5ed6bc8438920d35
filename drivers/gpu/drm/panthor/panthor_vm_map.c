// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * The page table of a VM: its memory, and what is mapped in it.
 *
 * Page tables change while fences wait for it, so the tables are set aside by the
 * operation beforehand (struct panthor_pt_reserve).
 *
 * A block of 2 MiB cannot be unmapped in part. Whether an address lies in one is
 * asked of the page table itself, not of the memory behind it: neighbouring
 * pages make a block whatever they were allocated as, or whoever's they are.
 *
 * Locking: op_lock, except while a VM is created or freed. All changes are within
 * the region that panthor_vm_lock_region() locked.
 */

#include <linux/io-pgtable.h>
#include <linux/iommu.h>
#include <linux/kmemleak.h>
#include <linux/mm.h>
#include <linux/scatterlist.h>
#include <linux/sizes.h>
#include <linux/slab.h>

#include <drm/drm_print.h>
#include <drm/panthor_drm.h>

#include "panthor_device.h"
#include "panthor_gpu_regs.h"
#include "panthor_mmu.h"
#include "panthor_mmu_priv.h"
#include "panthor_mmu_regs.h"

/* More tables than this are not worth that something is killed for them. */
#define PT_MANY		512

/* Reservations are for the worst case, so most of the tables come back soon. */
static struct kmem_cache *pt_cache;

/**
 * panthor_mmu_pt_cache_init() - Set up the allocator of page tables
 *
 * Context: Module load.
 *
 * Return: 0 or -ENOMEM.
 */
int panthor_mmu_pt_cache_init(void)
{
	pt_cache = kmem_cache_create("panthor-mmu-pt", SZ_4K, SZ_4K, 0, NULL);

	return pt_cache ? 0 : -ENOMEM;
}

/**
 * panthor_mmu_pt_cache_fini() - Undo panthor_mmu_pt_cache_init()
 *
 * Context: Module unload; all VMs are gone.
 */
void panthor_mmu_pt_cache_fini(void)
{
	kmem_cache_destroy(pt_cache);
}

static u64 pt_spans(u64 va, u64 size, unsigned int shift)
{
	return ((va + size - 1) >> shift) - (va >> shift) + 1;
}

/**
 * panthor_pt_count() - Number of tables that a mapping may need
 * @va: First byte.
 * @size: Size in bytes, not 0.
 *
 * Context: Any.
 *
 * Return: Tables of all levels but the first, if there are none and no block can
 * be used.
 */
u64 panthor_pt_count(u64 va, u64 size)
{
	return pt_spans(va, size, 39) + pt_spans(va, size, 30) + pt_spans(va, size, 21);
}

/**
 * panthor_pt_reserve() - Set page tables aside
 * @pts: Where to, zeroed.
 * @count: How many; user space may have chosen it.
 *
 * Context: Process context, may allocate.
 *
 * Return: 0, or -ENOMEM with nothing reserved.
 */
int panthor_pt_reserve(struct panthor_pt_reserve *pts, u64 count)
{
	gfp_t gfp = GFP_KERNEL;

	if (!count)
		return 0;
	/* A sparse range can be larger than any memory for its tables. */
	if (count > totalram_pages() / 2)
		return -ENOMEM;
	if (count > PT_MANY)
		gfp |= __GFP_RETRY_MAYFAIL | __GFP_NOWARN;

	pts->tables = kvmalloc_array(count, sizeof(*pts->tables), gfp);
	if (!pts->tables)
		return -ENOMEM;

	if (!kmem_cache_alloc_bulk(pt_cache, gfp, count, pts->tables)) {
		kvfree(pts->tables);
		pts->tables = NULL;
		return -ENOMEM;
	}

	pts->count = count;
	return 0;
}

/**
 * panthor_pt_release() - Give back page tables that were not used
 * @pts: The reserve, empty afterwards.
 *
 * Context: Process context.
 */
void panthor_pt_release(struct panthor_pt_reserve *pts)
{
	if (pts->count > pts->used)
		kmem_cache_free_bulk(pt_cache, pts->count - pts->used, pts->tables + pts->used);
	kvfree(pts->tables);
	memset(pts, 0, sizeof(*pts));
}

static void *pt_alloc_root(struct panthor_vm *vm, size_t size, gfp_t gfp)
{
	struct page *page = alloc_pages_node(dev_to_node(vm->ptdev->base.dev), gfp | __GFP_ZERO,
					     get_order(size));

	vm->root_table = page ? page_address(page) : NULL;
	return vm->root_table;
}

/* Contract of io_pgtable_cfg::alloc. Nothing can be allocated but the root. */
static void *pt_alloc(void *cookie, size_t size, gfp_t gfp)
{
	struct panthor_vm *vm = cookie;
	struct panthor_pt_reserve *pts = vm->pts;
	void *table;

	if (!vm->root_table)
		return pt_alloc_root(vm, size, gfp);

	lockdep_assert_held(&vm->op_lock);
	if (drm_WARN_ON(&vm->ptdev->base, size != SZ_4K || !pts || pts->used == pts->count))
		return NULL;

	table = memset(pts->tables[pts->used++], 0, SZ_4K);
	/* Only a physical address leads to it from now on. */
	kmemleak_ignore(table);
	return table;
}

/* Contract of io_pgtable_cfg::free. */
static void pt_free(void *cookie, void *table, size_t size)
{
	struct panthor_vm *vm = cookie;

	if (table == vm->root_table) {
		free_pages((unsigned long)table, get_order(size));
		vm->root_table = NULL;
	} else if (!drm_WARN_ON(&vm->ptdev->base, size != SZ_4K)) {
		kmem_cache_free(pt_cache, table);
	}
}

/* TLBs are flushed by panthor_vm_unlock_region(), for a whole operation. */
static void pt_no_flush_all(void *cookie)
{
}

static void pt_no_flush_walk(unsigned long iova, size_t size, size_t granule, void *cookie)
{
}

static const struct iommu_flush_ops pt_no_flush = {
	.tlb_flush_all = pt_no_flush_all,
	.tlb_flush_walk = pt_no_flush_walk,
};

/*
 * A CPU's memory attribute as the GPU's: write-back if both caches are, else not
 * cached at all. Inner shareable means what it means to the CPU only if the GPU
 * is coherent; else the GPU must keep to its own.
 */
static u8 pt_attr(u8 mair, bool coherent)
{
	u8 outer = mair >> 4, inner = mair & 0xf;

	if (!(outer & 3) || !(outer & 4) || !(inner & 4))
		return AS_MEMATTR_AARCH64_INNER_OUTER_NC |
		       AS_MEMATTR_AARCH64_SH_MIDGARD_INNER |
		       AS_MEMATTR_AARCH64_INNER_ALLOC_EXPL(false, false);

	return AS_MEMATTR_AARCH64_INNER_OUTER_WB |
	       AS_MEMATTR_AARCH64_INNER_ALLOC_EXPL(inner & 1, inner & 2) |
	       (coherent ? AS_MEMATTR_AARCH64_SH_CPU_INNER : AS_MEMATTR_AARCH64_SH_MIDGARD_INNER);
}

/**
 * panthor_vm_pt_create() - Create the page table of a VM
 * @vm: The VM.
 *
 * Context: Process context, may allocate. Nobody else knows the VM.
 *
 * Return: 0, or -EINVAL if the page table code refuses.
 */
int panthor_vm_pt_create(struct panthor_vm *vm)
{
	struct panthor_device *ptdev = vm->ptdev;
	struct io_pgtable_cfg cfg = {
		.pgsize_bitmap = SZ_4K | SZ_2M,
		.ias = GPU_MMU_FEATURES_VA_BITS(ptdev->gpu_info.mmu_features),
		.oas = GPU_MMU_FEATURES_PA_BITS(ptdev->gpu_info.mmu_features),
		.coherent_walk = ptdev->coherent,
		.tlb = &pt_no_flush,
		.iommu_dev = ptdev->base.dev,
		.alloc = pt_alloc,
		.free = pt_free,
	};
	u64 mair;

	vm->pgtbl_ops = alloc_io_pgtable_ops(ARM_64_LPAE_S1, &cfg, vm);
	if (!vm->pgtbl_ops)
		return -EINVAL;

	mair = io_pgtable_ops_to_pgtable(vm->pgtbl_ops)->cfg.arm_lpae_s1_cfg.mair;
	for (unsigned int i = 0; i < 64; i += 8)
		vm->memattr |= (u64)pt_attr(mair >> i, ptdev->coherent) << i;

	return 0;
}

/**
 * panthor_vm_pt_destroy() - Free the page table of a VM
 * @vm: The VM; no slot walks its page table.
 *
 * Context: Process context.
 */
void panthor_vm_pt_destroy(struct panthor_vm *vm)
{
	free_io_pgtable_ops(vm->pgtbl_ops);
}

/**
 * panthor_vm_page_size() - Smallest unit of a VM's mappings
 * @vm: The VM.
 *
 * Context: Any.
 *
 * Return: Bytes.
 */
u32 panthor_vm_page_size(struct panthor_vm *vm)
{
	return BIT(__ffs(io_pgtable_ops_to_pgtable(vm->pgtbl_ops)->cfg.pgsize_bitmap));
}

/*
 * The page table does several entries at a time, of one size, in one table.
 * Returns that size for what begins at @va, which may be combined with what it
 * is mapped to, and how many entries there are in the next @size bytes.
 */
static size_t pt_entries(u64 va, u64 size, size_t *count)
{
	u64 to_block = -va & (SZ_2M - 1);

	if (to_block || size < SZ_2M) {
		*count = min(to_block ?: SZ_2M, size) / SZ_4K;
		return SZ_4K;
	}

	*count = min(SZ_1G - (va & (SZ_1G - 1)), size) / SZ_2M;
	return SZ_2M;
}

static void pt_check_locked(struct panthor_vm *vm, u64 va, u64 size)
{
	lockdep_assert_held(&vm->op_lock);
	drm_WARN_ON(&vm->ptdev->base, va < vm->locked.start || va + size > vm->locked.end);
}

/**
 * panthor_vm_pt_maybe_block() - Whether 2 MiB may be one entry of the page table
 * @vm: The VM.
 * @va: Address, a multiple of 2 MiB.
 *
 * Context: Caller holds op_lock.
 *
 * Return: true if they lead to 2 MiB as a block would. Pages that happen to look
 * like one are not told apart.
 */
bool panthor_vm_pt_maybe_block(struct panthor_vm *vm, u64 va)
{
	struct io_pgtable_ops *ops = vm->pgtbl_ops;
	phys_addr_t first, last;

	lockdep_assert_held(&vm->op_lock);

	first = ops->iova_to_phys(ops, va);
	last = ops->iova_to_phys(ops, va + SZ_2M - SZ_4K);

	return IS_ALIGNED(first, SZ_2M) && last == first + SZ_2M - SZ_4K;
}

/* Bytes from @va on that are not mapped. */
static u64 pt_hole(struct panthor_vm *vm, u64 va, u64 size)
{
	struct io_pgtable_ops *ops = vm->pgtbl_ops;
	u64 hole = 0;

	while (hole < size && !ops->iova_to_phys(ops, va + hole))
		hole += SZ_4K;

	return hole;
}

/**
 * panthor_vm_pt_unmap() - Remove a range from the page table
 * @vm: The VM.
 * @va: First byte.
 * @size: Size in bytes.
 *
 * All of it should be mapped, and no block only in part. Where that is not so,
 * the VM becomes unusable, and what can be removed is.
 *
 * Context: Process context, also reclaim and fence signalling. Caller holds
 * op_lock and has the region locked.
 */
void panthor_vm_pt_unmap(struct panthor_vm *vm, u64 va, u64 size)
{
	struct io_pgtable_ops *ops = vm->pgtbl_ops;

	pt_check_locked(vm, va, size);

	while (size) {
		size_t count, unit = pt_entries(va, size, &count);
		u64 done = ops->unmap_pages(ops, va, unit, count, NULL);

		if (drm_WARN_ON_ONCE(&vm->ptdev->base, done != unit * count)) {
			panthor_vm_set_unusable(vm);
			/* What is mapped and yet stays is out of reach: see as_program(). */
			done = done ?: (pt_hole(vm, va, unit * count) ?: SZ_4K);
		}
		va += done;
		size -= done;
	}
}

static int pt_prot(u32 flags)
{
	int prot = IOMMU_READ;

	if (!(flags & DRM_PANTHOR_VM_BIND_OP_MAP_READONLY))
		prot |= IOMMU_WRITE;
	if (flags & DRM_PANTHOR_VM_BIND_OP_MAP_NOEXEC)
		prot |= IOMMU_NOEXEC;
	if (!(flags & DRM_PANTHOR_VM_BIND_OP_MAP_UNCACHED))
		prot |= IOMMU_CACHE;

	return prot;
}

/* Maps @size contiguous bytes; @va is moved behind what was mapped. */
static int pt_map_run(struct panthor_vm *vm, int prot, u64 *va, u64 pa, u64 size)
{
	struct io_pgtable_ops *ops = vm->pgtbl_ops;

	while (size) {
		size_t count, mapped = 0, unit = pt_entries(*va | pa, size, &count);
		int ret = ops->map_pages(ops, *va, pa, unit, count, prot, GFP_NOWAIT, &mapped);

		*va += mapped;
		pa += mapped;
		size -= mapped;
		if (ret || !mapped)
			return ret ?: -ENOMEM;
	}

	return 0;
}

static int pt_map_sgt(struct panthor_vm *vm, int prot, struct sg_table *sgt, u64 offset,
		      u64 *va, u64 end)
{
	struct scatterlist *sgl;
	unsigned int i;
	int ret;

	for_each_sgtable_dma_sg(sgt, sgl, i) {
		u64 len = sg_dma_len(sgl);

		if (offset >= len) {
			offset -= len;
			continue;
		}

		ret = pt_map_run(vm, prot, va, sg_dma_address(sgl) + offset,
				 min(len - offset, end - *va));
		if (ret || *va == end)
			return ret;
		offset = 0;
	}

	return -EINVAL;
}

/**
 * panthor_vm_pt_map() - Enter a range into the page table
 * @vm: The VM, with enough tables in its reserve.
 * @flags: DRM_PANTHOR_VM_BIND_OP_MAP_*. A sparse range repeats the 2 MiB of its
 *	memory, and has the same offset in them as its address.
 * @sgt: DMA addresses of the memory.
 * @offset: Where in the memory the range begins, in bytes.
 * @va: First byte.
 * @size: Size in bytes, not 0.
 *
 * Context: Process context, also fence signalling. Caller holds op_lock and has
 * the region locked. @sgt does not change.
 *
 * Return: 0, or the errno of the page table, -ENOMEM if it has none. Then nothing
 * of the range is mapped and the VM is unusable.
 */
int panthor_vm_pt_map(struct panthor_vm *vm, u32 flags, struct sg_table *sgt, u64 offset,
		      u64 va, u64 size)
{
	bool sparse = flags & DRM_PANTHOR_VM_BIND_OP_MAP_SPARSE;
	u64 at = va, end = va + size;
	int prot = pt_prot(flags);
	int ret = 0;

	pt_check_locked(vm, va, size);

	while (!ret && at < end) {
		u64 stop = sparse ? min(end, ALIGN(at + 1, SZ_2M)) : end;

		ret = pt_map_sgt(vm, prot, sgt, sparse ? at % SZ_2M : offset, &at, stop);
	}
	if (!drm_WARN_ON_ONCE(&vm->ptdev->base, ret))
		return 0;

	panthor_vm_pt_unmap(vm, va, at - va);
	panthor_vm_set_unusable(vm);
	return ret;
}
