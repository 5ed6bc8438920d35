// SPDX-License-Identifier: GPL-2.0-only
/*
 * User mappings by blocks of 2 MiB: when the fault handlers make one, and when
 * they leave it to single pages.
 *
 * The handlers are called directly, as the core of memory management would not
 * call them for a block that reaches out of its mapping, and would hide a wrong
 * answer by asking again.
 */

#include <linux/err.h>
#include <linux/file.h>
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/mman.h>
#include <linux/mmap_lock.h>
#include <linux/pagemap.h>
#include <linux/pgtable.h>
#include <linux/sizes.h>
#include <linux/uaccess.h>

#include <drm/drm_vma_manager.h>

#include <kunit/resource.h>

#include "blocks.h"
#include "fixture.h"
#include "seam.h"

#define HUGE_BLOCKS	3
#define HUGE_SIZE	(HUGE_BLOCKS * PMD_SIZE)

/**
 * struct huge - A BO mapped at an address that is aligned for blocks
 * @test: The test.
 * @bo: The BO.
 * @addr: The address. Its last block is in use, hence the table of blocks is
 *	there; the others are not.
 */
struct huge {
	struct kunit *test;
	struct panthor_gem_object *bo;
	unsigned long addr;
};

static void huge_touch(struct huge *h, unsigned long offset)
{
	u32 word = 1;

	KUNIT_ASSERT_EQ(h->test, copy_to_user((void __user *)(h->addr + offset), &word,
					      sizeof(word)), 0);
}

static struct huge huge_mmap(struct kunit *test,
			     struct page **(*get_pages)(struct drm_gem_object *obj))
{
	struct huge h = { .test = test };
	unsigned long hole;
	struct file *file;

	panthor_seam_set_get_pages(test, get_pages);
	h.bo = panthor_kunit_bo(test, HUGE_SIZE);
	panthor_kunit_make_resident(test, h.bo);

	/* Brings an address space; where in it is up to the kernel, and of no use. */
	panthor_kunit_munmap(test, panthor_kunit_mmap(test, h.bo), HUGE_SIZE);
	hole = vm_mmap(NULL, 0, 4 * HUGE_SIZE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, 0);
	KUNIT_ASSERT_FALSE(test, IS_ERR_VALUE(hole));
	/* All of one entry of the next level, as all is in one half of it. */
	h.addr = ALIGN(hole, roundup_pow_of_two(HUGE_SIZE));

	file = panthor_kunit_mmap_file(h.bo);
	KUNIT_ASSERT_FALSE(test, IS_ERR(file));
	h.addr = vm_mmap(file, h.addr, HUGE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED,
			 drm_vma_node_offset_addr(&h.bo->base.vma_node));
	fput(file);
	KUNIT_ASSERT_FALSE(test, IS_ERR_VALUE(h.addr));
	huge_touch(&h, HUGE_SIZE - PAGE_SIZE);

	return h;
}

static pmd_t *huge_pmd(struct huge *h, unsigned long offset)
{
	return pmd_off(current->mm, h->addr + offset);
}

/* A fault of some order at an offset of the mapping; the BO has its pages. */
static vm_fault_t huge_fault(struct huge *h, unsigned long offset, unsigned int order,
			     unsigned int flags)
{
	unsigned long addr = h->addr + offset;
	struct mm_struct *mm = current->mm;
	vm_fault_t ret = VM_FAULT_SIGSEGV;
	struct vm_area_struct *vma;

	mmap_read_lock(mm);
	vma = vma_lookup(mm, addr);
	if (vma) {
		struct vm_fault vmf = {
			.vma = vma,
			.address = addr,
			.real_address = addr,
			.pgoff = linear_page_index(vma, addr),
			.gfp_mask = GFP_KERNEL,
			.flags = flags,
			.pmd = huge_pmd(h, offset),
		};

		ret = order ? vma->vm_ops->huge_fault(&vmf, order) : vma->vm_ops->fault(&vmf);
	}
	mmap_read_unlock(mm);

	return ret;
}

struct access_param {
	const char *desc;
	unsigned int flags;
};

static const struct access_param access_params[] = {
	{ "read", 0 },
	{ "write", FAULT_FLAG_WRITE },
};

KUNIT_ARRAY_PARAM_DESC(access, access_params, desc);

/*
 * The fault is one for a block, in a BO of blocks (B14).
 * Succeeds if a block is inserted, dirty exactly if the access was a write, as it
 * else would fault for ever.
 */
static void block_fault_inserts_a_block(struct kunit *test)
{
	const struct access_param *p = test->param_value;
	struct huge h = huge_mmap(test, blocks_get_huge);
	pmd_t pmd;

	KUNIT_ASSERT_TRUE(test, pmd_none(pmdp_get(huge_pmd(&h, 0))));
	KUNIT_EXPECT_EQ(test, huge_fault(&h, PAGE_SIZE, PMD_ORDER, p->flags), VM_FAULT_NOPAGE);
	pmd = pmdp_get(huge_pmd(&h, 0));
	KUNIT_ASSERT_TRUE(test, pmd_leaf(pmd));
	KUNIT_EXPECT_EQ(test, pmd_pfn(pmd), page_to_pfn(h.bo->backing.pages[0]));
	KUNIT_EXPECT_EQ(test, pmd_dirty(pmd), p->flags == FAULT_FLAG_WRITE);
}

/*
 * The fault is one for a page, in the same BO: the caller holds what it takes to
 * insert a page (B14).
 * Succeeds if what is inserted is not a block.
 */
static void page_fault_inserts_a_page(struct kunit *test)
{
	const struct access_param *p = test->param_value;
	struct huge h = huge_mmap(test, blocks_get_huge);
	pmd_t pmd;

	KUNIT_ASSERT_TRUE(test, pmd_none(pmdp_get(huge_pmd(&h, 0))));
	KUNIT_EXPECT_EQ(test, huge_fault(&h, PAGE_SIZE, 0, p->flags), VM_FAULT_NOPAGE);
	pmd = pmdp_get(huge_pmd(&h, 0));
	KUNIT_EXPECT_FALSE(test, pmd_none(pmd));
	KUNIT_EXPECT_FALSE(test, pmd_leaf(pmd));
}

/**
 * struct fallback_param - A fault for which a block would be wrong
 * @desc: Name in the results.
 * @cut: Offset of a part that is unmapped first.
 * @cut_size: Its size, 0 for none.
 * @offset: Offset of the fault.
 * @order: Its order.
 * @small: The BO is made of small folios.
 */
struct fallback_param {
	const char *desc;
	unsigned long cut;
	unsigned long cut_size;
	unsigned long offset;
	unsigned int order;
	bool small;
};

#define HALF	(PMD_SIZE / 2)

static const struct fallback_param fallback_params[] = {
	{ "ends-in-the-block", HALF, HALF, PAGE_SIZE, PMD_ORDER },
	{ "ends-a-page-early", PMD_SIZE - PAGE_SIZE, PAGE_SIZE, 0, PMD_ORDER },
	{ "begins-in-the-block", 0, HALF, HALF, PMD_ORDER },
	{ "begins-a-page-late", 0, PAGE_SIZE, PMD_SIZE - PAGE_SIZE, PMD_ORDER },
	{ "small-folios", 0, 0, PAGE_SIZE, PMD_ORDER, true },
	{ "smaller-order", 0, 0, PAGE_SIZE, PMD_ORDER - 1 },
	{ "larger-order", 0, 0, PAGE_SIZE, PUD_ORDER },
};

KUNIT_ARRAY_PARAM_DESC(fallback, fallback_params, desc);

/*
 * The block would show what is not part of the mapping, or is not what the BO is
 * made of (B14).
 * Succeeds if the handler declines and inserts nothing.
 */
static void block_that_does_not_fit_is_declined(struct kunit *test)
{
	const struct fallback_param *p = test->param_value;
	struct huge h = huge_mmap(test, p->small ? blocks_get_small : blocks_get_huge);

	if (p->cut_size)
		panthor_kunit_munmap(test, h.addr + p->cut, p->cut_size);
	KUNIT_EXPECT_EQ(test, huge_fault(&h, p->offset, p->order, FAULT_FLAG_WRITE),
			VM_FAULT_FALLBACK);
	KUNIT_EXPECT_TRUE(test, pmd_none(pmdp_get(huge_pmd(&h, 0))));
}

/*
 * The same from the outside: a write of a user to a mapping, whole or cut (B14).
 * Succeeds if the access works, by a block exactly where one fits.
 */
static void user_is_given_blocks_that_fit(struct kunit *test)
{
	struct huge h = huge_mmap(test, blocks_get_huge);

	/* Only the part that keeps its start is touched. */
	panthor_kunit_munmap(test, h.addr + 2 * PMD_SIZE - PAGE_SIZE, PAGE_SIZE);
	huge_touch(&h, PMD_SIZE);
	KUNIT_EXPECT_FALSE(test, pmd_leaf(pmdp_get(huge_pmd(&h, PMD_SIZE))));
	huge_touch(&h, 0);
	KUNIT_EXPECT_TRUE(test, pmd_leaf(pmdp_get(huge_pmd(&h, 0))));
}

static struct kunit_case gem_huge_cases[] = {
	KUNIT_CASE_PARAM(block_fault_inserts_a_block, access_gen_params),
	KUNIT_CASE_PARAM(page_fault_inserts_a_page, access_gen_params),
	KUNIT_CASE_PARAM(block_that_does_not_fit_is_declined, fallback_gen_params),
	KUNIT_CASE(user_is_given_blocks_that_fit),
	{}
};

static struct kunit_suite gem_huge_suite = {
	.name = "panthor_gem_huge",
	.init = panthor_kunit_init,
	.exit = blocks_exit,
	.suite_exit = panthor_kunit_suite_exit,
	.test_cases = gem_huge_cases,
};

kunit_test_suite(gem_huge_suite);
