// SPDX-License-Identifier: GPL-2.0-only
/*
 * Locks of a page fault: the handler is entered with one, and has to return with
 * the same, or without it if it says so. It is called directly, because the
 * kernel's own accesses do not fault under the lock of a single VMA.
 */

#include <linux/mm.h>
#include <linux/mmap_lock.h>
#include <linux/pagemap.h>
#include <linux/rwsem.h>
#include <linux/sizes.h>

#include <drm/panthor_drm.h>

#include "fixture.h"
#include "reclaim.h"
#include "seam.h"

#define RETRY		FAULT_FLAG_ALLOW_RETRY
#define NOWAIT		(FAULT_FLAG_ALLOW_RETRY | FAULT_FLAG_RETRY_NOWAIT)
#define SECOND		(FAULT_FLAG_ALLOW_RETRY | FAULT_FLAG_TRIED)

/**
 * struct lock_param - A way into the fault handler
 * @desc: Name in the results.
 * @flags: Flags of the fault.
 * @resident: The BO has pages that are mapped for DMA: nothing to wait for.
 * @ret: What the handler returns.
 * @released: It has released the lock.
 * @pages: The BO has pages afterwards.
 */
struct lock_param {
	const char *desc;
	unsigned int flags;
	bool resident;
	vm_fault_t ret;
	bool released;
	bool pages;
};

static const struct lock_param lock_params[] = {
	{ "mm-retry", RETRY, false, VM_FAULT_RETRY, true, true },
	{ "mm-nowait", NOWAIT, false, VM_FAULT_RETRY, false, false },
	{ "mm-second", SECOND, false, VM_FAULT_NOPAGE, false, true },
	{ "mm-no_retry", 0, false, VM_FAULT_NOPAGE, false, true },
	{ "mm-resident", RETRY, true, VM_FAULT_NOPAGE, false, true },
	{ "vma-retry", FAULT_FLAG_VMA_LOCK | RETRY, false, VM_FAULT_RETRY, true, true },
	{ "vma-nowait", FAULT_FLAG_VMA_LOCK | NOWAIT, false, VM_FAULT_RETRY, false, false },
	{ "vma-second", FAULT_FLAG_VMA_LOCK | SECOND, false, VM_FAULT_NOPAGE, false, true },
	{ "vma-resident", FAULT_FLAG_VMA_LOCK | RETRY, true, VM_FAULT_NOPAGE, false, true },
};

KUNIT_ARRAY_PARAM_DESC(lock, lock_params, desc);

#ifdef CONFIG_PER_VMA_LOCK
static unsigned int vma_readers(struct vm_area_struct *vma)
{
	return refcount_read(&vma->vm_refcnt);
}

static bool vma_lock(struct vm_area_struct *vma)
{
	return vma_start_read_locked(vma);
}
#else
/* Nothing to hold: of a fault with the flag, only the mm's lock can be judged. */
static unsigned int vma_readers(struct vm_area_struct *vma)
{
	return 0;
}

static bool vma_lock(struct vm_area_struct *vma)
{
	return true;
}
#endif

/**
 * struct lock_result - What a fault did
 * @ret: What it returned.
 * @mm_held: The lock of the mm was held afterwards.
 * @vma_held: So was that of the VMA.
 */
struct lock_result {
	vm_fault_t ret;
	bool mm_held;
	bool vma_held;
};

/*
 * The lock of the mm is held in any case, to see whether it is left alone. The
 * mm is the test's own, so it is nobody else who holds or takes it.
 */
static int lock_fault(unsigned long addr, unsigned int flags, struct lock_result *res)
{
	struct mm_struct *mm = current->mm;
	struct vm_area_struct *vma;
	unsigned int readers;

	mmap_read_lock(mm);
	vma = vma_lookup(mm, addr);
	if (!vma) {
		mmap_read_unlock(mm);
		return -EFAULT;
	}

	struct vm_fault vmf = {
		.vma = vma,
		.address = addr,
		.real_address = addr,
		.pgoff = linear_page_index(vma, addr),
		.gfp_mask = GFP_KERNEL,
		.flags = flags,
	};

	readers = vma_readers(vma);
	if (flags & FAULT_FLAG_VMA_LOCK && !vma_lock(vma)) {
		mmap_read_unlock(mm);
		return -EBUSY;
	}

	res->ret = vma->vm_ops->fault(&vmf);
	res->mm_held = rwsem_is_locked(&mm->mmap_lock);
	res->vma_held = vma_readers(vma) != readers;
	if (res->vma_held)
		vma_end_read(vma);
	if (res->mm_held)
		mmap_read_unlock(mm);

	return 0;
}

/*
 * A fault comes with the lock of the mm, or of the VMA only. To wait without it
 * the handler has to know which (B13).
 * Succeeds if it releases that one, and no other, exactly when it waits and has
 * the fault retried; and the BO got its pages unless the fault must not wait.
 */
static void fault_releases_the_lock_it_came_with(struct kunit *test)
{
	const struct lock_param *p = test->param_value;
	bool by_vma = p->flags & FAULT_FLAG_VMA_LOCK;
	struct panthor_gem_object *bo = panthor_kunit_bo(test, BO_SIZE);
	unsigned long addr = panthor_kunit_mmap(test, bo);
	struct lock_result res = {};

	if (p->resident) {
		panthor_kunit_make_resident(test, bo);
		KUNIT_ASSERT_NOT_ERR_OR_NULL(test, panthor_gem_get_dev_sgt(bo));
	}
	KUNIT_ASSERT_EQ(test, lock_fault(addr, p->flags, &res), 0);

	KUNIT_EXPECT_EQ(test, res.ret, p->ret);
	KUNIT_EXPECT_EQ(test, res.mm_held, by_vma || !p->released);
	if (IS_ENABLED(CONFIG_PER_VMA_LOCK))
		KUNIT_EXPECT_EQ(test, res.vma_held, by_vma && !p->released);
	KUNIT_EXPECT_EQ(test, !!bo->backing.pages, p->pages);
}

static struct kunit_case gem_lock_cases[] = {
	KUNIT_CASE_PARAM(fault_releases_the_lock_it_came_with, lock_gen_params),
	{}
};

static struct kunit_suite gem_lock_suite = {
	.name = "panthor_gem_lock",
	.init = panthor_kunit_init,
	.exit = panthor_kunit_exit,
	.suite_exit = panthor_kunit_suite_exit,
	.test_cases = gem_lock_cases,
};

kunit_test_suite(gem_lock_suite);
