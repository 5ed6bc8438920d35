// SPDX-License-Identifier: GPL-2.0-only
/*
 * Wrappers behind the renamed calls, and the state that tests arm.
 *
 * Locking: the seam points are accessed with seam_lock held, an irq-safe raw
 * spinlock, because register accessors run in hard interrupt context. Nothing
 * is called with it held. The answers for swap space and the firmware's VM are
 * single words, set before and read during a driver call.
 */

#include <kunit/test.h>

#include "../panthor_device.h"

#include "seam.h"
#include "seam_gem.h"
#include "seam_mmu.h"

/* From here on the names mean the real functions again. */
#undef drm_gem_object_init
#undef drm_gem_create_mmap_offset
#undef drm_gem_get_pages
#undef drm_gem_put_pages
#undef drm_prime_pages_to_sg
#undef dma_map_sgtable
#undef dma_unmap_sgtable
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

/* An interrupt number no other device of a test machine can have. */
#define SEAM_FAKE_IRQ	1000

/* Page tables that are remembered: more than a case has VMs at a time. */
#define SEAM_PGTABLES	64

/**
 * struct seam_point - State of one seam
 * @calls: Calls since the last reset.
 * @last: Stamp of the last call; 0 if there was none.
 * @countdown: Fails when it counts down to zero; zero means not armed.
 * @always: Fails on every call.
 * @fired: At least one call was failed since it was armed.
 * @err: Negative errno to fail with, or PANTHOR_SEAM_TIMEOUT.
 * @hook: Called when @hook_countdown gets to zero, and then forgotten.
 * @hook_data: Its argument.
 * @hook_countdown: Calls up to and including the one that runs the hook.
 */
struct seam_point {
	unsigned int calls;
	u64 last;
	unsigned int countdown;
	bool always;
	bool fired;
	int err;
	panthor_seam_hook_fn hook;
	void *hook_data;
	unsigned int hook_countdown;
};

static DEFINE_RAW_SPINLOCK(seam_lock);
static struct seam_point seam_points[SEAM_COUNT];
static long seam_swap_pages = -1;
static struct panthor_vm *seam_fw_vm_ptr;
static const struct panthor_seam_pgtable *seam_pgtable;
static struct page **(*seam_get_pages)(struct drm_gem_object *obj);
static u64 seam_stamp;
static const struct panthor_seam_mmio *seam_mmio;

/* What the driver asked to be called for its interrupt. */
static struct {
	irq_handler_t handler;
	irq_handler_t thread_fn;
	void *data;
} seam_irq;
static struct {
	const void *cookie;
	struct io_pgtable_ops *ops;
} seam_pgtables[SEAM_PGTABLES];
static unsigned int seam_pgtable_count;

static const char * const seam_names[SEAM_COUNT] = {
	[SEAM_GEM_OBJECT_INIT] = "gem_object_init",
	[SEAM_MMAP_OFFSET] = "mmap_offset",
	[SEAM_GET_PAGES] = "get_pages",
	[SEAM_PUT_PAGES] = "put_pages",
	[SEAM_PAGES_TO_SG] = "pages_to_sg",
	[SEAM_DMA_MAP] = "dma_map",
	[SEAM_DMA_UNMAP] = "dma_unmap",
	[SEAM_VMAP] = "vmap",
	[SEAM_VUNMAP] = "vunmap",
	[SEAM_SWAP_PAGES] = "swap_pages",
	[SEAM_FENCE_WAIT] = "fence_wait",
	[SEAM_PGTABLE_ALLOC] = "pgtable_alloc",
	[SEAM_MMIO_READ] = "mmio_read",
	[SEAM_MMIO_WRITE] = "mmio_write",
	[SEAM_GET_IRQ] = "get_irq",
	[SEAM_REQUEST_IRQ] = "request_irq",
	[SEAM_RESV_LOCK] = "resv_lock",
	[SEAM_RESV_LOCK_INTR] = "resv_lock_intr",
	[SEAM_LRU_SCAN] = "lru_scan",
	[SEAM_LRU_POPPED] = "lru_popped",
	[SEAM_LRU_SHRINK] = "lru_shrink",
	[SEAM_PT_BULK] = "pt_bulk",
	[SEAM_VM_BO_CREATE] = "vm_bo_create",
	[SEAM_HANDLE_CREATE] = "handle_create",
	[SEAM_VA_INSERT] = "va_insert",
	[SEAM_FLUSH_CACHES] = "flush_caches",
};

/* Takes the hook out of @p if this call is the one that runs it. */
static panthor_seam_hook_fn seam_take_hook(struct seam_point *p, void **data)
{
	panthor_seam_hook_fn hook = p->hook;

	if (!hook || --p->hook_countdown)
		return NULL;

	p->hook = NULL;
	*data = p->hook_data;
	return hook;
}

/* Counts a call; returns the error it must fail with, or 0 to forward it. */
static int seam_count(struct seam_point *p)
{
	p->calls++;
	p->last = ++seam_stamp;
	if (!p->always && (!p->countdown || --p->countdown))
		return 0;

	p->fired = true;
	return p->err;
}

/**
 * panthor_seam_enter() - A wrapper was called
 * @id: Its seam.
 *
 * Context: Any; takes and releases seam_lock. A hook runs without it.
 *
 * Return: The error the call must fail with, or 0 to forward it.
 */
int panthor_seam_enter(enum panthor_seam_id id)
{
	panthor_seam_hook_fn hook;
	void *data;
	int err;

	scoped_guard(raw_spinlock_irqsave, &seam_lock) {
		hook = seam_take_hook(&seam_points[id], &data);
		err = seam_count(&seam_points[id]);
	}

	if (hook)
		hook(data);

	return err;
}

/**
 * panthor_seam_name() - Name of a seam for messages and parameters
 * @id: Which seam.
 *
 * Context: Any.
 *
 * Return: A static string.
 */
const char *panthor_seam_name(enum panthor_seam_id id)
{
	return seam_names[id];
}

/**
 * panthor_seam_reset() - Disarm every seam and clear every counter
 *
 * Context: Any; takes and releases seam_lock.
 */
void panthor_seam_reset(void)
{
	guard(raw_spinlock_irqsave)(&seam_lock);

	memset(seam_points, 0, sizeof(seam_points));
	seam_swap_pages = -1;
	seam_fw_vm_ptr = NULL;
	seam_stamp = 0;
	memset(&seam_irq, 0, sizeof(seam_irq));
	seam_pgtable_count = 0;
}

/**
 * panthor_seam_calls() - Number of calls since the last reset
 * @id: Which seam.
 *
 * Context: Any; takes and releases seam_lock.
 *
 * Return: The count, failed calls included.
 */
unsigned int panthor_seam_calls(enum panthor_seam_id id)
{
	guard(raw_spinlock_irqsave)(&seam_lock);

	return seam_points[id].calls;
}

/**
 * panthor_seam_fired() - Tell whether an armed failure happened
 * @id: Which seam.
 *
 * Context: Any; takes and releases seam_lock.
 *
 * Return: true if a call was failed since the seam was last armed.
 */
bool panthor_seam_fired(enum panthor_seam_id id)
{
	guard(raw_spinlock_irqsave)(&seam_lock);

	return seam_points[id].fired;
}

/**
 * panthor_seam_disarm() - Let calls through again
 * @id: Which seam.
 *
 * Context: Any; takes and releases seam_lock.
 */
void panthor_seam_disarm(enum panthor_seam_id id)
{
	guard(raw_spinlock_irqsave)(&seam_lock);

	seam_points[id].countdown = 0;
	seam_points[id].always = false;
}

static void seam_disarm_action(void *data)
{
	panthor_seam_disarm((enum panthor_seam_id)(uintptr_t)data);
}

/**
 * panthor_seam_can_fail() - Whether a seam can be armed
 * @id: Which seam.
 *
 * Arming a call without a way to fail would pretend that a failure happened.
 *
 * Context: Any.
 *
 * Return: false for calls that are only counted.
 */
bool panthor_seam_can_fail(enum panthor_seam_id id)
{
	switch (id) {
	case SEAM_PUT_PAGES:
	case SEAM_DMA_UNMAP:
	case SEAM_VUNMAP:
	case SEAM_SWAP_PAGES:
	case SEAM_MMIO_READ:
	case SEAM_MMIO_WRITE:
	case SEAM_RESV_LOCK:
	case SEAM_LRU_SCAN:
	case SEAM_LRU_POPPED:
	case SEAM_LRU_SHRINK:
		return false;
	default:
		return true;
	}
}

static void seam_arm(struct kunit *test, enum panthor_seam_id id,
		     unsigned int nth, bool always, int err)
{
	KUNIT_ASSERT_TRUE_MSG(test, panthor_seam_can_fail(id), "%s cannot fail",
			      seam_names[id]);
	KUNIT_ASSERT_EQ(test, kunit_add_action(test, seam_disarm_action,
					       (void *)(uintptr_t)id), 0);

	guard(raw_spinlock_irqsave)(&seam_lock);

	seam_points[id].countdown = nth;
	seam_points[id].always = always;
	seam_points[id].fired = false;
	seam_points[id].err = err;
}

/**
 * panthor_seam_fail_nth() - Fail one call, counted from now
 * @test: Test on whose behalf; the seam is disarmed when it ends.
 * @id: Which seam.
 * @nth: 1 fails the next call, 2 the one after it, and so on.
 * @err: Negative errno, or PANTHOR_SEAM_TIMEOUT for SEAM_FENCE_WAIT.
 *
 * Context: Test thread. Takes and releases seam_lock.
 */
void panthor_seam_fail_nth(struct kunit *test, enum panthor_seam_id id,
			   unsigned int nth, int err)
{
	seam_arm(test, id, nth, false, err);
}

/**
 * panthor_seam_fail_once() - Fail the next call and no other
 * @test: Test on whose behalf; the seam is disarmed when it ends.
 * @id: Which seam.
 * @err: Negative errno, or PANTHOR_SEAM_TIMEOUT for SEAM_FENCE_WAIT.
 *
 * Context: Test thread. Takes and releases seam_lock.
 */
void panthor_seam_fail_once(struct kunit *test, enum panthor_seam_id id, int err)
{
	seam_arm(test, id, 1, false, err);
}

/**
 * panthor_seam_fail_always() - Fail every call until disarmed
 * @test: Test on whose behalf; the seam is disarmed when it ends.
 * @id: Which seam.
 * @err: Negative errno, or PANTHOR_SEAM_TIMEOUT for SEAM_FENCE_WAIT.
 *
 * Context: Test thread. Takes and releases seam_lock.
 */
void panthor_seam_fail_always(struct kunit *test, enum panthor_seam_id id, int err)
{
	seam_arm(test, id, 0, true, err);
}

static void seam_unhook_action(void *data)
{
	guard(raw_spinlock_irqsave)(&seam_lock);

	seam_points[(enum panthor_seam_id)(uintptr_t)data].hook = NULL;
}

/**
 * panthor_seam_hook() - Run something at a seam, before the call is forwarded
 * @test: Test on whose behalf; a hook that did not run is removed when it ends.
 * @id: Which seam. It has one hook: a new one replaces one that did not run.
 * @nth: 1 to run at the next call, 2 at the one after it, and so on.
 * @fn: The hook, called once. Calls it makes itself are counted as any others.
 * @data: Its argument.
 *
 * Context: Test thread. Takes and releases seam_lock.
 */
void panthor_seam_hook(struct kunit *test, enum panthor_seam_id id,
		       unsigned int nth, panthor_seam_hook_fn fn, void *data)
{
	KUNIT_ASSERT_EQ(test, kunit_add_action(test, seam_unhook_action,
					       (void *)(uintptr_t)id), 0);

	guard(raw_spinlock_irqsave)(&seam_lock);

	seam_points[id].hook = fn;
	seam_points[id].hook_data = data;
	seam_points[id].hook_countdown = nth;
}

/**
 * panthor_seam_hooked() - Whether a hook waits at a seam
 * @id: Which seam.
 *
 * Context: Any; takes and releases seam_lock.
 *
 * Return: true from panthor_seam_hook() until the hook is called.
 */
bool panthor_seam_hooked(enum panthor_seam_id id)
{
	guard(raw_spinlock_irqsave)(&seam_lock);

	return seam_points[id].hook;
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

/**
 * panthor_seam_stamp() - Take the next number of the order of all events
 *
 * Each call through a seam takes one; what a fake records takes its own, so
 * that the order of both can be compared.
 *
 * Context: Any; takes and releases seam_lock.
 *
 * Return: A number greater than any before, since the last reset.
 */
u64 panthor_seam_stamp(void)
{
	guard(raw_spinlock_irqsave)(&seam_lock);

	return ++seam_stamp;
}

/**
 * panthor_seam_last() - When a seam was called last
 * @id: Which seam.
 *
 * Context: Any; takes and releases seam_lock.
 *
 * Return: The stamp of the last call, 0 if there was none since the last reset.
 */
u64 panthor_seam_last(enum panthor_seam_id id)
{
	guard(raw_spinlock_irqsave)(&seam_lock);

	return seam_points[id].last;
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

/* The latest table of a VM is the one that counts: its address may be reused. */
static void seam_remember_pgtable(const void *cookie, struct io_pgtable_ops *ops)
{
	guard(raw_spinlock_irqsave)(&seam_lock);

	seam_pgtables[seam_pgtable_count % SEAM_PGTABLES].cookie = cookie;
	seam_pgtables[seam_pgtable_count % SEAM_PGTABLES].ops = ops;
	seam_pgtable_count++;
}

/**
 * panthor_seam_pgtable() - Page table of a VM
 * @vm: The VM, alive and created since the last reset.
 *
 * Context: Any; takes and releases seam_lock.
 *
 * Return: The operations the driver was given, or NULL if @vm is not known.
 */
struct io_pgtable_ops *panthor_seam_pgtable(struct panthor_vm *vm)
{
	guard(raw_spinlock_irqsave)(&seam_lock);

	for (unsigned int i = 0; i < min(seam_pgtable_count, SEAM_PGTABLES); i++) {
		unsigned int slot = (seam_pgtable_count - 1 - i) % SEAM_PGTABLES;

		if (seam_pgtables[slot].cookie == vm)
			return seam_pgtables[slot].ops;
	}

	return NULL;
}

/* Wrappers. They have the contract of the function they stand for. */

int panthor_seam_gem_object_init(struct drm_device *dev,
				 struct drm_gem_object *obj, size_t size)
{
	int err = panthor_seam_enter(SEAM_GEM_OBJECT_INIT);

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

	if (err)
		return ERR_PTR(err);

	return get_pages ? get_pages(obj) : drm_gem_get_pages(obj);
}

void panthor_seam_put_pages(struct drm_gem_object *obj, struct page **pages,
			    bool dirty, bool accessed)
{
	panthor_seam_enter(SEAM_PUT_PAGES);
	drm_gem_put_pages(obj, pages, dirty, accessed);
}

struct sg_table *panthor_seam_pages_to_sg(struct drm_device *dev,
					  struct page **pages,
					  unsigned int nr_pages)
{
	int err = panthor_seam_enter(SEAM_PAGES_TO_SG);

	return err ? ERR_PTR(err) : drm_prime_pages_to_sg(dev, pages, nr_pages);
}

int panthor_seam_dma_map(struct device *dev, struct sg_table *sgt,
			 enum dma_data_direction dir, unsigned long attrs)
{
	int err = panthor_seam_enter(SEAM_DMA_MAP);

	return err ?: dma_map_sgtable(dev, sgt, dir, attrs);
}

void panthor_seam_dma_unmap(struct device *dev, struct sg_table *sgt,
			    enum dma_data_direction dir, unsigned long attrs)
{
	panthor_seam_enter(SEAM_DMA_UNMAP);
	dma_unmap_sgtable(dev, sgt, dir, attrs);
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

	if (!pgtable || !pgtable->free(ops))
		free_io_pgtable_ops(ops);
}

bool panthor_seam_pt_bulk(struct kmem_cache *cache, gfp_t gfp, size_t count, void **objs)
{
	if (panthor_seam_enter(SEAM_PT_BULK))
		return false;

	return alloc_hooks(kmem_cache_alloc_bulk_noprof(cache, gfp, count, objs));
}

struct drm_gpuvm_bo *panthor_seam_vm_bo_create(struct drm_gpuvm *gpuvm,
					       struct drm_gem_object *obj)
{
	return panthor_seam_enter(SEAM_VM_BO_CREATE) ? NULL : drm_gpuvm_bo_create(gpuvm, obj);
}

int panthor_seam_handle_create(struct drm_file *file, struct drm_gem_object *obj, u32 *handle)
{
	return panthor_seam_enter(SEAM_HANDLE_CREATE) ?: drm_gem_handle_create(file, obj, handle);
}

int panthor_seam_va_insert(struct drm_mm *mm, struct drm_mm_node *node, u64 size,
			   u64 alignment, unsigned long color, u64 start, u64 end,
			   enum drm_mm_insert_mode mode)
{
	int err = panthor_seam_enter(SEAM_VA_INSERT);

	return err ?: drm_mm_insert_node_in_range(mm, node, size, alignment, color,
						  start, end, mode);
}
