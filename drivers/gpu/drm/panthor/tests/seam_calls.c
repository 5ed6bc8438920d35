// SPDX-License-Identifier: GPL-2.0-only
/*
 * The wrappers behind the renamed calls, and what tests put in the place of the
 * functions they forward to.
 *
 * An answer is set before and read during driver calls, as a single word. The
 * list of page tables has a lock of its own, because VMs come and go in any
 * thread.
 */

#include <kunit/resource.h>
#include <kunit/test.h>

#include "../panthor_device.h"

#include "seam.h"
#include "seam_gem.h"
#include "seam_mmu.h"
#include "watch.h"

/* From here on the names mean the real functions again. */
#undef drm_gem_object_init
#undef drm_gem_create_mmap_offset
#undef drm_gem_get_pages
#undef drm_gem_put_pages
#undef drm_prime_pages_to_sg
#undef dma_map_sgtable
#undef dma_unmap_sgtable
#undef dma_sync_single_for_device
#undef dma_sync_single_for_cpu
#undef dma_sync_sgtable_for_device
#undef dma_sync_sgtable_for_cpu
#undef drm_vma_node_unmap
#undef vmap
#undef vunmap
#undef get_nr_swap_pages
#undef dma_resv_wait_timeout
#undef panthor_fw_vm
#undef alloc_io_pgtable_ops
#undef free_io_pgtable_ops
#undef panthor_gpu_flush_caches
#undef drm_gem_handle_create
#undef drm_gpuvm_bo_create
#undef drm_mm_insert_node_in_range
#undef kmem_cache_alloc_bulk
#undef kmem_cache_free
#undef kmem_cache_free_bulk
#undef kfree

/* An interrupt number no other device of a test machine can have. */
#define SEAM_FAKE_IRQ	1000

static long seam_swap_pages = -1;
static struct panthor_vm *seam_fw_vm_ptr;
static const struct panthor_seam_pgtable *seam_pgtable;
static struct page **(*seam_get_pages)(struct drm_gem_object *obj);
static const struct panthor_seam_mmio *seam_mmio;
static panthor_seam_dma_fn seam_dma_fn;
static void *seam_dma_data;

/* What the driver asked to be called for its interrupt. */
static struct {
	irq_handler_t handler;
	irq_handler_t thread_fn;
	void *data;
} seam_irq;

/* Page tables that exist, by the VM they were made for, latest last. */
static DEFINE_SPINLOCK(pgtables_lock);
static struct {
	void *cookie;
	struct io_pgtable_ops *ops;
} seam_pgtables[SEAM_PGTABLES];
static unsigned int seam_pgtable_count;

/**
 * panthor_seam_reset_answers() - Let every wrapper forward to the real function
 *
 * Context: No driver call is in progress. Takes and releases pgtables_lock.
 */
void panthor_seam_reset_answers(void)
{
	WRITE_ONCE(seam_swap_pages, -1);
	WRITE_ONCE(seam_fw_vm_ptr, NULL);
	memset(&seam_irq, 0, sizeof(seam_irq));

	guard(spinlock)(&pgtables_lock);
	seam_pgtable_count = 0;
	memset(seam_pgtables, 0, sizeof(seam_pgtables));
}

static void seam_swap_action(void *data)
{
	WRITE_ONCE(seam_swap_pages, -1);
}

/**
 * panthor_seam_set_swap() - Decide how much free swap space the driver sees
 * @test: Test on whose behalf; undone when it ends.
 * @pages: Number of free swap slots, in pages; 0 for a full or absent swap.
 *
 * Test machines have no swap, on which a shrinker of swappable buffers rightly
 * does nothing.
 *
 * Context: Test thread.
 */
void panthor_seam_set_swap(struct kunit *test, long pages)
{
	/* Some cases change it often. */
	if (seam_swap_pages < 0)
		KUNIT_ASSERT_EQ(test, kunit_add_action(test, seam_swap_action, NULL), 0);
	WRITE_ONCE(seam_swap_pages, pages);
}

/**
 * panthor_seam_swap() - Free swap space as the driver sees it
 *
 * Context: Any.
 *
 * Return: Pages.
 */
long panthor_seam_swap(void)
{
	long pages = READ_ONCE(seam_swap_pages);

	return pages < 0 ? get_nr_swap_pages() : pages;
}

static void seam_fw_vm_action(void *data)
{
	WRITE_ONCE(seam_fw_vm_ptr, NULL);
}

/**
 * panthor_seam_set_fw_vm() - Decide which VM is the firmware's
 * @test: Test on whose behalf; undone when it ends.
 * @vm: The VM panthor_fw_vm() reports. The caller keeps it alive.
 *
 * Context: Test thread.
 */
void panthor_seam_set_fw_vm(struct kunit *test, struct panthor_vm *vm)
{
	KUNIT_ASSERT_EQ(test, kunit_add_action(test, seam_fw_vm_action, NULL), 0);
	WRITE_ONCE(seam_fw_vm_ptr, vm);
}

static void seam_pgtable_action(void *data)
{
	WRITE_ONCE(seam_pgtable, NULL);
}

/**
 * panthor_seam_set_pgtable() - Put something else in the place of page tables
 * @test: Test on whose behalf; undone when it ends.
 * @pgtable: The replacement. All VMs created with it must be gone by then.
 *
 * Context: Test thread.
 */
void panthor_seam_set_pgtable(struct kunit *test,
			      const struct panthor_seam_pgtable *pgtable)
{
	KUNIT_ASSERT_EQ(test, kunit_add_action(test, seam_pgtable_action, NULL), 0);
	WRITE_ONCE(seam_pgtable, pgtable);
}

static void seam_get_pages_action(void *data)
{
	WRITE_ONCE(seam_get_pages, NULL);
}

/**
 * panthor_seam_set_get_pages() - Decide what pages new buffers get
 * @test: Test on whose behalf; undone when it ends.
 * @get_pages: Contract of drm_gem_get_pages(); drm_gem_put_pages() must be able
 *	to undo it.
 *
 * Context: Test thread.
 */
void panthor_seam_set_get_pages(struct kunit *test,
				struct page **(*get_pages)(struct drm_gem_object *obj))
{
	KUNIT_ASSERT_EQ(test, kunit_add_action(test, seam_get_pages_action, NULL), 0);
	WRITE_ONCE(seam_get_pages, get_pages);
}

static void seam_dma_action(void *data)
{
	WRITE_ONCE(seam_dma_fn, NULL);
}

/**
 * panthor_seam_set_dma() - See what the driver does about caches
 * @test: Test on whose behalf; undone when it ends.
 * @fn: Called for each segment of a table, or for the piece of a sync.
 * @data: Its argument. The caller keeps it.
 *
 * Context: Test thread.
 */
void panthor_seam_set_dma(struct kunit *test, panthor_seam_dma_fn fn, void *data)
{
	KUNIT_ASSERT_EQ(test, kunit_add_action(test, seam_dma_action, NULL), 0);
	seam_dma_data = data;
	WRITE_ONCE(seam_dma_fn, fn);
}

static void seam_mmio_action(void *data)
{
	WRITE_ONCE(seam_mmio, NULL);
}

/**
 * panthor_seam_set_mmio() - Put something behind the registers
 * @test: Test on whose behalf; registers are plain memory again when it ends.
 * @mmio: The callbacks. The caller keeps them.
 *
 * Context: Test thread.
 */
void panthor_seam_set_mmio(struct kunit *test, const struct panthor_seam_mmio *mmio)
{
	KUNIT_ASSERT_EQ(test, kunit_add_action(test, seam_mmio_action, NULL), 0);
	WRITE_ONCE(seam_mmio, mmio);
}

/**
 * panthor_seam_raise_irq() - Deliver the MMU interrupt
 *
 * The raw handler runs with interrupts off, the threaded one after it in the
 * caller's thread, so that all is done on return.
 *
 * Context: Process context.
 *
 * Return: What the last handler that ran returned; IRQ_NONE without a handler.
 */
irqreturn_t panthor_seam_raise_irq(void)
{
	unsigned long flags;
	irqreturn_t ret;

	if (!seam_irq.handler)
		return IRQ_NONE;

	local_irq_save(flags);
	ret = seam_irq.handler(SEAM_FAKE_IRQ, seam_irq.data);
	local_irq_restore(flags);
	if (ret != IRQ_WAKE_THREAD)
		return ret;

	return seam_irq.thread_fn(SEAM_FAKE_IRQ, seam_irq.data);
}

static void seam_remember_pgtable(void *cookie, struct io_pgtable_ops *ops)
{
	guard(spinlock)(&pgtables_lock);

	/* One that does not fit stays counted, so that panthor_seam_vms() tells of it. */
	if (seam_pgtable_count++ >= SEAM_PGTABLES)
		return;
	seam_pgtables[seam_pgtable_count - 1].cookie = cookie;
	seam_pgtables[seam_pgtable_count - 1].ops = ops;
}

static void seam_forget_pgtable(struct io_pgtable_ops *ops)
{
	unsigned int nr, i;

	guard(spinlock)(&pgtables_lock);

	nr = min(seam_pgtable_count, SEAM_PGTABLES);
	for (i = 0; i < nr && seam_pgtables[i].ops != ops; i++)
		;
	if (i == nr)
		return;
	memmove(&seam_pgtables[i], &seam_pgtables[i + 1], (nr - i - 1) * sizeof(*seam_pgtables));
	seam_pgtable_count--;
}

/**
 * panthor_seam_pgtable() - Page table of a VM
 * @vm: The VM, alive and created since the last reset.
 *
 * Context: Process context. Takes and releases pgtables_lock.
 *
 * Return: The operations the driver was given, or NULL if @vm is not known.
 */
struct io_pgtable_ops *panthor_seam_pgtable(struct panthor_vm *vm)
{
	guard(spinlock)(&pgtables_lock);

	for (unsigned int i = 0; i < min(seam_pgtable_count, SEAM_PGTABLES); i++)
		if (seam_pgtables[i].cookie == vm)
			return seam_pgtables[i].ops;

	return NULL;
}

/**
 * panthor_seam_vms() - All VMs there are
 * @vms: Filled with the VMs, in the order of their creation.
 * @pgtables: Filled with their page tables. Both have SEAM_PGTABLES entries.
 *
 * Context: Process context, no VM is being created or freed. Takes and releases
 * pgtables_lock.
 *
 * Return: The number of VMs; more than SEAM_PGTABLES if that is too small.
 */
unsigned int panthor_seam_vms(struct panthor_vm **vms, struct io_pgtable_ops **pgtables)
{
	guard(spinlock)(&pgtables_lock);

	for (unsigned int i = 0; i < min(seam_pgtable_count, SEAM_PGTABLES); i++) {
		vms[i] = seam_pgtables[i].cookie;
		pgtables[i] = seam_pgtables[i].ops;
	}

	return seam_pgtable_count;
}

/* Wrappers. They have the contract of the function they stand for. */

int panthor_seam_gem_object_init(struct drm_device *dev,
				 struct drm_gem_object *obj, size_t size)
{
	int err = panthor_seam_enter(SEAM_GEM_OBJECT_INIT);

	panthor_content_new(obj);
	if (!err)
		return drm_gem_object_init(dev, obj, size);

	/* A failed init leaves an object that the caller can and must put. */
	drm_gem_private_object_init(dev, obj, size);
	return err;
}

int panthor_seam_create_mmap_offset(struct drm_gem_object *obj)
{
	int err = panthor_seam_enter(SEAM_MMAP_OFFSET);

	return err ?: drm_gem_create_mmap_offset(obj);
}

struct page **panthor_seam_get_pages(struct drm_gem_object *obj)
{
	struct page **(*get_pages)(struct drm_gem_object *obj) = READ_ONCE(seam_get_pages);
	int err = panthor_seam_enter(SEAM_GET_PAGES);

	struct page **pages;

	if (err)
		return ERR_PTR(err);
	/* Those keep no content. */
	if (get_pages)
		return get_pages(obj);

	pages = drm_gem_get_pages(obj);
	if (!IS_ERR(pages))
		panthor_content_back(obj, pages);

	return pages;
}

void panthor_seam_put_pages(struct drm_gem_object *obj, struct page **pages,
			    bool dirty, bool accessed)
{
	panthor_seam_enter(SEAM_PUT_PAGES);
	panthor_watch_put_pages(obj);
	/* A model of a cache makes the CPU see what a device wrote. */
	if (!READ_ONCE(seam_get_pages))
		panthor_content_gone(obj, pages, !READ_ONCE(seam_dma_fn));
	drm_gem_put_pages(obj, pages, dirty, accessed);
}

struct sg_table *panthor_seam_pages_to_sg(struct drm_device *dev,
					  struct page **pages,
					  unsigned int nr_pages)
{
	int err = panthor_seam_enter(SEAM_PAGES_TO_SG);

	return err ? ERR_PTR(err) : drm_prime_pages_to_sg(dev, pages, nr_pages);
}

static void seam_dma_single(enum panthor_seam_id id, dma_addr_t addr, size_t size,
			    enum dma_data_direction dir)
{
	panthor_seam_dma_fn fn = READ_ONCE(seam_dma_fn);

	if (fn)
		fn(id, addr, size, dir, seam_dma_data);
}

static void seam_dma_sgt(enum panthor_seam_id id, struct sg_table *sgt,
			 enum dma_data_direction dir, unsigned long attrs)
{
	struct scatterlist *sgl;
	unsigned int i;

	if (attrs & DMA_ATTR_SKIP_CPU_SYNC)
		return;

	for_each_sgtable_dma_sg(sgt, sgl, i)
		seam_dma_single(id, sg_dma_address(sgl), sg_dma_len(sgl), dir);
}

int panthor_seam_dma_map(struct device *dev, struct sg_table *sgt,
			 enum dma_data_direction dir, unsigned long attrs)
{
	int err = panthor_seam_enter(SEAM_DMA_MAP) ?: dma_map_sgtable(dev, sgt, dir, attrs);

	if (!err)
		seam_dma_sgt(SEAM_DMA_MAP, sgt, dir, attrs);

	return err;
}

void panthor_seam_dma_unmap(struct device *dev, struct sg_table *sgt,
			    enum dma_data_direction dir, unsigned long attrs)
{
	if (!READ_ONCE(seam_get_pages))
		panthor_content_unmaps_dma(sgt);
	panthor_seam_enter(SEAM_DMA_UNMAP);
	seam_dma_sgt(SEAM_DMA_UNMAP, sgt, dir, attrs);
	dma_unmap_sgtable(dev, sgt, dir, attrs);
}

void panthor_seam_sync_single_device(struct device *dev, dma_addr_t addr, size_t size,
				     enum dma_data_direction dir)
{
	panthor_seam_enter(SEAM_DMA_SYNC_DEVICE);
	seam_dma_single(SEAM_DMA_SYNC_DEVICE, addr, size, dir);
	dma_sync_single_for_device(dev, addr, size, dir);
}

void panthor_seam_sync_single_cpu(struct device *dev, dma_addr_t addr, size_t size,
				  enum dma_data_direction dir)
{
	panthor_seam_enter(SEAM_DMA_SYNC_CPU);
	seam_dma_single(SEAM_DMA_SYNC_CPU, addr, size, dir);
	dma_sync_single_for_cpu(dev, addr, size, dir);
}

void panthor_seam_sync_sgt_device(struct device *dev, struct sg_table *sgt,
				  enum dma_data_direction dir)
{
	panthor_seam_enter(SEAM_DMA_SYNC_DEVICE);
	seam_dma_sgt(SEAM_DMA_SYNC_DEVICE, sgt, dir, 0);
	dma_sync_sgtable_for_device(dev, sgt, dir);
}

void panthor_seam_sync_sgt_cpu(struct device *dev, struct sg_table *sgt,
			       enum dma_data_direction dir)
{
	panthor_seam_enter(SEAM_DMA_SYNC_CPU);
	seam_dma_sgt(SEAM_DMA_SYNC_CPU, sgt, dir, 0);
	dma_sync_sgtable_for_cpu(dev, sgt, dir);
}

void panthor_seam_cpu_unmap(struct drm_vma_offset_node *node, struct address_space *mapping)
{
	panthor_seam_enter(SEAM_CPU_UNMAP);
	drm_vma_node_unmap(node, mapping);
	if (!READ_ONCE(seam_get_pages))
		panthor_content_unmapped(container_of(node, struct drm_gem_object, vma_node));
}

int panthor_seam_bo_alloc(void)
{
	return panthor_seam_enter(SEAM_BO_ALLOC);
}

void *panthor_seam_vmap(struct page **pages, unsigned int count,
			unsigned long flags, pgprot_t prot)
{
	return panthor_seam_enter(SEAM_VMAP) ? NULL : vmap(pages, count, flags, prot);
}

void panthor_seam_vunmap(const void *addr)
{
	panthor_seam_enter(SEAM_VUNMAP);
	vunmap(addr);
}

long panthor_seam_nr_swap_pages(void)
{
	panthor_seam_enter(SEAM_SWAP_PAGES);
	return panthor_seam_swap();
}

long panthor_seam_fence_wait(struct dma_resv *resv, enum dma_resv_usage usage,
			     bool intr, unsigned long timeout)
{
	int err = panthor_seam_enter(SEAM_FENCE_WAIT);

	if (err == PANTHOR_SEAM_TIMEOUT)
		return 0;
	if (err == PANTHOR_SEAM_NO_WAIT)
		return dma_resv_test_signaled(resv, usage) ? timeout : 0;

	return err ?: dma_resv_wait_timeout(resv, usage, intr, timeout);
}

struct panthor_vm *panthor_seam_fw_vm(struct panthor_device *ptdev)
{
	return READ_ONCE(seam_fw_vm_ptr);
}

u32 panthor_seam_readl(const void __iomem *addr)
{
	const struct panthor_seam_mmio *mmio = READ_ONCE(seam_mmio);

	panthor_seam_enter(SEAM_MMIO_READ);
	if (mmio)
		return mmio->read(addr);

	return READ_ONCE(*(const u32 __force *)addr);
}

void panthor_seam_writel(u32 value, void __iomem *addr)
{
	const struct panthor_seam_mmio *mmio = READ_ONCE(seam_mmio);

	panthor_seam_enter(SEAM_MMIO_WRITE);
	if (mmio)
		mmio->write(value, addr);
	else
		WRITE_ONCE(*(u32 __force *)addr, value);
}

int panthor_seam_get_irq(struct platform_device *pdev, const char *name)
{
	return panthor_seam_enter(SEAM_GET_IRQ) ?: SEAM_FAKE_IRQ;
}

int panthor_seam_request_irq(struct device *dev, unsigned int irq,
			     irq_handler_t handler, irq_handler_t thread_fn,
			     unsigned long flags, const char *name, void *data)
{
	int err = panthor_seam_enter(SEAM_REQUEST_IRQ);

	if (err)
		return err;

	seam_irq.handler = handler;
	seam_irq.thread_fn = thread_fn;
	seam_irq.data = data;
	return 0;
}

int panthor_seam_flush_caches(struct panthor_device *ptdev, u32 l2, u32 lsc,
			      u32 other)
{
	const struct panthor_seam_mmio *mmio = READ_ONCE(seam_mmio);
	int err = panthor_seam_enter(SEAM_FLUSH_CACHES);

	if (err == -ETIMEDOUT)
		panthor_device_schedule_reset(ptdev);
	if (mmio)
		mmio->flush(err);

	return err;
}

struct io_pgtable_ops *panthor_seam_pgtable_alloc(enum io_pgtable_fmt fmt,
						  struct io_pgtable_cfg *cfg,
						  void *cookie)
{
	const struct panthor_seam_pgtable *pgtable = READ_ONCE(seam_pgtable);
	struct io_pgtable_ops *ops;

	if (panthor_seam_enter(SEAM_PGTABLE_ALLOC))
		return NULL;

	ops = pgtable ? pgtable->alloc(fmt, cfg, cookie) : alloc_io_pgtable_ops(fmt, cfg, cookie);
	if (ops)
		seam_remember_pgtable(cookie, ops);

	return ops;
}

void panthor_seam_pgtable_free(struct io_pgtable_ops *ops)
{
	const struct panthor_seam_pgtable *pgtable = READ_ONCE(seam_pgtable);

	seam_forget_pgtable(ops);
	if (!pgtable || !pgtable->free(ops))
		free_io_pgtable_ops(ops);
}

bool panthor_seam_pt_bulk(struct kmem_cache *cache, gfp_t gfp, size_t count, void **objs)
{
	if (panthor_seam_enter(SEAM_PT_BULK) ||
	    !alloc_hooks(kmem_cache_alloc_bulk_noprof(cache, gfp, count, objs)))
		return false;

	panthor_watch_tables(count);
	return true;
}

struct drm_gpuvm_bo *panthor_seam_vm_bo_create(struct drm_gpuvm *gpuvm,
					       struct drm_gem_object *obj)
{
	struct drm_gpuvm_bo *vm_bo;

	if (panthor_seam_enter(SEAM_VM_BO_CREATE))
		return NULL;

	vm_bo = drm_gpuvm_bo_create(gpuvm, obj);
	if (vm_bo)
		panthor_watch_object(1);

	return vm_bo;
}

int panthor_seam_handle_create(struct drm_file *file, struct drm_gem_object *obj, u32 *handle)
{
	int err = panthor_seam_enter(SEAM_HANDLE_CREATE) ?:
		  drm_gem_handle_create(file, obj, handle);

	if (!err && panthor_seam_hooked(SEAM_HANDLE_CREATED))
		panthor_seam_enter(SEAM_HANDLE_CREATED);

	return err;
}

int panthor_seam_va_insert(struct drm_mm *mm, struct drm_mm_node *node, u64 size,
			   u64 alignment, unsigned long color, u64 start, u64 end,
			   enum drm_mm_insert_mode mode)
{
	int err = panthor_seam_enter(SEAM_VA_INSERT);

	return err ?: drm_mm_insert_node_in_range(mm, node, size, alignment, color,
						  start, end, mode);
}
