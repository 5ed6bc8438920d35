// SPDX-License-Identifier: GPL-2.0-only
/*
 * Use of memory that is not the GPU's any more: stale translations, pages that
 * were freed or given to somebody else. Each is seen, and what the driver does
 * rightly is not taken for it.
 */

#include <linux/mm.h>
#include <linux/sizes.h>
#include <linux/string.h>

#include <kunit/test.h>

#include "../../panthor_mmu_regs.h"

#include "sim_mmu_fixture.h"

#define VA		((u64)SZ_1G)
#define REGION		15

static void map(struct mmu_kunit *k, struct page *page)
{
	mmu_kunit_map(k, VA, page_to_phys(page), SZ_4K, MMU_KUNIT_RW);
}

/* Maps a page whose first word is @word, and has the GPU use it. */
static struct page *use_new(struct mmu_kunit *k, u32 word)
{
	struct page *page = mmu_kunit_page(k->test, 0);

	*(u32 *)page_address(page) = word;
	map(k, page);
	mmu_kunit_enable(k, 1);
	KUNIT_ASSERT_EQ(k->test, mmu_kunit_touch(k, 1, VA, SIM_READ), 0);

	return page;
}

static void swap_pages(struct mmu_kunit *k)
{
	struct page *page = mmu_kunit_page(k->test, 0);

	*(u32 *)page_address(page) = 2;
	mmu_kunit_unmap(k, VA, SZ_4K);
	map(k, page);
}

static void no_command(struct mmu_kunit *k)
{
	swap_pages(k);
}

static void right_commands(struct mmu_kunit *k)
{
	mmu_kunit_lock(k, 1, VA, REGION);
	swap_pages(k);
	mmu_kunit_unlock(k, 1);
}

static void flush_alone(struct mmu_kunit *k)
{
	swap_pages(k);
	mmu_kunit_flush(k);
}

static void lock_beside(struct mmu_kunit *k)
{
	mmu_kunit_lock(k, 1, VA + SZ_32K, REGION);
	swap_pages(k);
	mmu_kunit_unlock(k, 1);
}

static void lock_before(struct mmu_kunit *k)
{
	mmu_kunit_lock(k, 1, VA, REGION);
	mmu_kunit_unlock(k, 1);
	KUNIT_EXPECT_EQ(k->test, mmu_kunit_touch(k, 1, VA, SIM_READ), 0);
	swap_pages(k);
}

static void lock_of_another(struct mmu_kunit *k)
{
	mmu_kunit_lock(k, 2, VA, REGION);
	swap_pages(k);
	mmu_kunit_unlock(k, 2);
}

static void larger_lock(struct mmu_kunit *k)
{
	mmu_kunit_lock(k, 1, 0, MMU_KUNIT_VA_BITS);
	swap_pages(k);
	mmu_kunit_unlock(k, 1);
}

static void as_flush(struct mmu_kunit *k)
{
	mmu_kunit_lock(k, 1, VA, REGION);
	swap_pages(k);
	mmu_kunit_command(k, 1, AS_COMMAND_FLUSH_PT);
	mmu_kunit_command(k, 1, AS_COMMAND_UNLOCK);
}

static void update(struct mmu_kunit *k)
{
	swap_pages(k);
	mmu_kunit_command(k, 1, AS_COMMAND_UPDATE);
}

static void reset(struct mmu_kunit *k)
{
	swap_pages(k);
	mmu_kunit_reset(k);
	mmu_kunit_enable(k, 1);
}

static void update_of_another(struct mmu_kunit *k)
{
	swap_pages(k);
	mmu_kunit_enable(k, 2);
}

/**
 * struct command_param - Commands around a change of page tables
 * @name: Name of the case.
 * @change: Has another page in the place of the one that was used.
 * @stale: The old translation is still there.
 */
struct command_param {
	const char *name;
	void (*change)(struct mmu_kunit *k);
	bool stale;
};

static const struct command_param command_params[] = {
	{ "none", no_command, true },
	{ "flush-alone", flush_alone, true },
	{ "lock-beside", lock_beside, true },
	{ "lock-before", lock_before, true },
	{ "lock-of-another", lock_of_another, true },
	{ "update-of-another", update_of_another, true },
	{ "lock-flush-unlock", right_commands, false },
	{ "larger-lock", larger_lock, false },
	{ "as-flush", as_flush, false },
	{ "update", update, false },
	{ "reset", reset, false },
};

KUNIT_ARRAY_PARAM_DESC(command, command_params, name);

/*
 * Page tables are changed, with what the driver has to send, or without.
 * Succeeds if exactly what does not invalidate lets the GPU use a stale
 * translation, once, and if it reads the new page nevertheless.
 */
static void stale_translation_is_seen(struct kunit *test)
{
	const struct command_param *param = test->param_value;
	struct mmu_kunit *k = to_mmu_kunit(test);
	u32 word;

	use_new(k, 1);
	param->change(k);
	for (unsigned int i = 0; i < 2; i++) {
		KUNIT_EXPECT_EQ(test, mmu_kunit_copy(k, 1, VA, &word, sizeof(word), SIM_READ), 0);
		KUNIT_EXPECT_EQ(test, word, 2);
		KUNIT_EXPECT_EQ(test, mmu_kunit_take(k, SIM_MMU_STALE), param->stale && !i);
	}
}

/*
 * The same without a new page.
 * Succeeds if what was cached is seen to be used, and the access faults.
 */
static void unmapped_page_is_seen(struct kunit *test)
{
	struct mmu_kunit *k = to_mmu_kunit(test);

	use_new(k, 1);
	mmu_kunit_unmap(k, VA, SZ_4K);
	KUNIT_EXPECT_EQ(test, mmu_kunit_touch(k, 1, VA, SIM_READ), -EFAULT);
	mmu_kunit_expect(k, SIM_MMU_UNMAPPED);
	KUNIT_EXPECT_EQ(test, mmu_kunit_touch(k, 1, VA, SIM_READ), -EFAULT);
}

/*
 * A page is mapped where nothing was. What was not mapped was not cached.
 * Succeeds if nothing is seen.
 */
static void map_alone_is_no_violation(struct kunit *test)
{
	struct mmu_kunit *k = to_mmu_kunit(test);
	struct page *page = mmu_kunit_page(test, 0);

	mmu_kunit_enable(k, 1);
	KUNIT_EXPECT_EQ(test, mmu_kunit_touch(k, 1, VA, SIM_READ), -EFAULT);
	map(k, page);
	KUNIT_EXPECT_EQ(test, mmu_kunit_touch(k, 1, VA, SIM_READ), 0);
}

/*
 * The same page in the same place, which may not be written any more.
 * Succeeds if that is seen, and the write does not happen.
 */
static void lost_permission_is_seen(struct kunit *test)
{
	struct mmu_kunit *k = to_mmu_kunit(test);
	struct page *page = use_new(k, 1);

	mmu_kunit_unmap(k, VA, SZ_4K);
	mmu_kunit_map(k, VA, page_to_phys(page), SZ_4K, IOMMU_READ | IOMMU_CACHE);
	KUNIT_EXPECT_EQ(test, mmu_kunit_touch(k, 1, VA, SIM_WRITE), -EFAULT);
	mmu_kunit_expect(k, SIM_MMU_STALE);
	KUNIT_EXPECT_EQ(test, *(u32 *)page_address(page), 1);
}

/*
 * Taken away and put back as it was, without a command.
 * Succeeds if nothing is seen: what is cached is right.
 */
static void same_translation_is_not_stale(struct kunit *test)
{
	struct mmu_kunit *k = to_mmu_kunit(test);
	struct page *page = use_new(k, 1);

	mmu_kunit_unmap(k, VA, SZ_4K);
	map(k, page);
	KUNIT_EXPECT_EQ(test, mmu_kunit_touch(k, 1, VA, SIM_READ), 0);
}

/*
 * A block is cached as a whole by the use of one page. It is split, and what
 * is not to remain is left out; only its own part was locked.
 * Succeeds if the use of another page than the cached one is seen where the
 * lock missed the block, and not where it touched it.
 */
static void block_is_stale_as_a_whole(struct kunit *test)
{
	struct mmu_kunit *k = to_mmu_kunit(test);
	struct page *huge = mmu_kunit_page(test, 9);

	for (unsigned int hit = 0; hit < 2; hit++) {
		mmu_kunit_map(k, VA, page_to_phys(huge), SZ_2M, MMU_KUNIT_RW);
		mmu_kunit_enable(k, 1);
		KUNIT_EXPECT_EQ(test, mmu_kunit_touch(k, 1, VA, SIM_READ), 0);

		mmu_kunit_lock(k, 1, hit ? VA + SZ_2M - SZ_4K : VA + SZ_2M, REGION);
		mmu_kunit_unmap(k, VA, SZ_2M);
		mmu_kunit_unlock(k, 1);
		KUNIT_EXPECT_EQ(test, mmu_kunit_touch(k, 1, VA + SZ_1M, SIM_READ), -EFAULT);
		KUNIT_EXPECT_EQ(test, mmu_kunit_take(k, SIM_MMU_UNMAPPED), !hit);
	}
}

/*
 * UNLOCK without a flush.
 * Succeeds if the translation is still there, and the text says why.
 */
static void unflushed_translation_stays(struct kunit *test)
{
	struct mmu_kunit *k = to_mmu_kunit(test);

	use_new(k, 1);
	mmu_kunit_lock(k, 1, VA, REGION);
	swap_pages(k);
	mmu_kunit_command(k, 1, AS_COMMAND_UNLOCK);
	mmu_kunit_expect(k, SIM_MMU_UNFLUSHED);

	KUNIT_EXPECT_EQ(test, mmu_kunit_touch(k, 1, VA, SIM_READ), 0);
	mmu_kunit_expect(k, SIM_MMU_STALE);
	KUNIT_EXPECT_NOT_NULL(test, strstr(k->text, "no flush between LOCK and UNLOCK"));
}

/*
 * What a report has to tell: which AS, which address, where it led, who used
 * it, how, what the tables say, and what was locked instead.
 * Succeeds if the text says that.
 */
static void violation_names_everything(struct kunit *test)
{
	struct mmu_kunit *k = to_mmu_kunit(test);
	struct page *page = use_new(k, 1);
	char *want = kunit_kzalloc(test, sizeof(k->text), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, want);
	scnprintf(want, sizeof(k->text),
		  "AS1 VA %#llx PA %#llx read by CSG 2 CS 1: cached, no longer in the page tables, which fault with 0xc3; no LOCK, flush, UNLOCK of it since (last %#llx-%#llx)",
		  VA + 8, (u64)page_to_phys(page) + 8, VA + SZ_32K, VA + SZ_64K - 1);
	mmu_kunit_lock(k, 1, VA + SZ_32K, REGION);
	mmu_kunit_unmap(k, VA, SZ_4K);
	mmu_kunit_unlock(k, 1);
	KUNIT_EXPECT_EQ(test, mmu_kunit_touch(k, 1, VA + 8, SIM_READ), -EFAULT);
	mmu_kunit_expect(k, SIM_MMU_UNMAPPED);
	KUNIT_EXPECT_STREQ(test, k->text, want);
}

/*
 * A page that nobody holds, mapped still, cached or not.
 * Succeeds if that is seen both times, and the page is not written.
 */
static void freed_page_is_seen(struct kunit *test)
{
	struct mmu_kunit *k = to_mmu_kunit(test);
	struct page *page = use_new(k, 1);

	mmu_kunit_free(test, page);
	for (unsigned int i = 0; i < 2; i++) {
		KUNIT_EXPECT_EQ(test, mmu_kunit_touch(k, 1, VA, SIM_WRITE), -EFAULT);
		mmu_kunit_expect(k, SIM_MMU_FREED);
	}
	mmu_kunit_hold(test, page);
	KUNIT_EXPECT_EQ(test, *(u32 *)page_address(page), 1);
	KUNIT_EXPECT_EQ(test, mmu_kunit_touch(k, 1, VA, SIM_WRITE), 0);
}

/*
 * Memory of the slab allocator: no GEM object has such.
 * Succeeds if that is seen, and said.
 */
static void slab_page_is_seen(struct kunit *test)
{
	struct mmu_kunit *k = to_mmu_kunit(test);
	void *object = kunit_kzalloc(test, 256, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, object);
	mmu_kunit_map(k, VA, virt_to_phys(object) & PAGE_MASK, SZ_4K, MMU_KUNIT_RW);
	mmu_kunit_enable(k, 1);
	KUNIT_EXPECT_EQ(test, mmu_kunit_touch(k, 1, VA, SIM_WRITE), -EFAULT);
	mmu_kunit_expect(k, SIM_MMU_FREED);
	KUNIT_EXPECT_NOT_NULL(test, strstr(k->text, "slab"));
}

/*
 * An address where no memory is.
 * Succeeds if that is seen.
 */
static void hole_in_memory_is_seen(struct kunit *test)
{
	struct mmu_kunit *k = to_mmu_kunit(test);

	mmu_kunit_map(k, VA, BIT_ULL(MMU_KUNIT_PA_BITS) - SZ_4K, SZ_4K, MMU_KUNIT_RW);
	mmu_kunit_enable(k, 1);
	KUNIT_EXPECT_EQ(test, mmu_kunit_touch(k, 1, VA, SIM_READ), -EFAULT);
	mmu_kunit_expect(k, SIM_MMU_NO_MEMORY);
}

/*
 * The last table on the way to a page is freed, the page cached or not.
 * Succeeds if that is seen both times.
 */
static void freed_table_is_seen(struct kunit *test)
{
	struct mmu_kunit *k = to_mmu_kunit(test);

	use_new(k, 1);
	mmu_kunit_free(test, k->tables[3]);
	for (unsigned int i = 0; i < 2; i++) {
		KUNIT_EXPECT_EQ(test, mmu_kunit_touch(k, 1, VA, SIM_READ), -EFAULT);
		mmu_kunit_expect(k, SIM_MMU_DEAD_TABLE);
	}
	mmu_kunit_hold(test, k->tables[3]);
	KUNIT_EXPECT_EQ(test, mmu_kunit_touch(k, 1, VA, SIM_READ), 0);
}

static void give(struct page *page, const void *mapping, unsigned long index)
{
	struct folio *folio = page_folio(page);

	folio->mapping = (struct address_space *)mapping;
	folio->index = index;
}

/**
 * struct owner_param - Who has a page, before and after
 * @name: Name of the case.
 * @was: In a page cache before.
 * @was_index: Its place there.
 * @is: In a page cache after.
 * @is_index: Its place there.
 * @other: In another page cache than before.
 * @reused: That is another owner.
 */
struct owner_param {
	const char *name;
	bool was;
	unsigned long was_index;
	bool is;
	unsigned long is_index;
	bool other;
	bool reused;
};

static const struct owner_param owner_params[] = {
	{ "same", true, 3, true, 3, false, false },
	{ "other-object", true, 3, true, 3, true, true },
	{ "other-index", true, 3, true, 4, false, true },
	{ "left-object", true, 3, false, 3, false, true },
	{ "joined-object", false, 0, true, 0, false, true },
	/* Whoever has such a page uses the index as he likes. */
	{ "never-in-object", false, 1, false, 2, false, false },
};

KUNIT_ARRAY_PARAM_DESC(owner, owner_params, name);

/*
 * A page that lives, but is in another place of a page cache than when the GPU
 * used it first.
 * Succeeds if exactly that is seen, once, and the page is not written.
 */
static void reused_page_is_seen(struct kunit *test)
{
	const struct owner_param *param = test->param_value;
	struct mmu_kunit *k = to_mmu_kunit(test);
	struct page *page = mmu_kunit_page(test, 0);
	int first, second;
	u32 word;

	*(u32 *)page_address(page) = 1;
	map(k, page);
	mmu_kunit_enable(k, 1);
	give(page, param->was ? k : NULL, param->was_index);
	first = mmu_kunit_touch(k, 1, VA, SIM_READ);
	give(page, !param->is ? NULL : param->other ? (void *)test : k, param->is_index);
	second = mmu_kunit_touch(k, 1, VA, SIM_WRITE);
	word = *(u32 *)page_address(page);
	give(page, NULL, 0);

	KUNIT_EXPECT_EQ(test, first, 0);
	KUNIT_EXPECT_EQ(test, second, param->reused ? -EFAULT : 0);
	KUNIT_EXPECT_EQ(test, word, param->reused);
	KUNIT_EXPECT_EQ(test, mmu_kunit_take(k, SIM_MMU_REUSED), param->reused);
}

/*
 * A huge folio, mapped as a block, changes hands.
 * Succeeds if the use of a page that was not used before shows that, and if
 * the use of all of its pages before does not.
 */
static void reused_huge_page_is_seen(struct kunit *test)
{
	struct mmu_kunit *k = to_mmu_kunit(test);
	struct page *huge = mmu_kunit_page(test, 9);
	unsigned int wrong = 0;

	mmu_kunit_map(k, VA, page_to_phys(huge), SZ_2M, MMU_KUNIT_RW);
	mmu_kunit_enable(k, 1);
	give(huge, k, 512);
	for (u64 offset = SZ_1M; offset < SZ_2M + SZ_1M; offset += SZ_4K)
		wrong += !!mmu_kunit_touch(k, 1, VA + offset % SZ_2M, SIM_READ);
	KUNIT_EXPECT_EQ(test, wrong, 0);
	mmu_kunit_expect_none(k);
	give(huge, test, 512);
	wrong = mmu_kunit_touch(k, 1, VA + SZ_8K, SIM_READ);
	give(huge, NULL, 0);

	KUNIT_EXPECT_EQ(test, (int)wrong, -EFAULT);
	mmu_kunit_expect(k, SIM_MMU_REUSED);
}

/*
 * A model that asks the page tables at every fourth use.
 * Succeeds if a stale translation is seen then and not before, and a freed page
 * at once.
 */
static void sampling_checks_every_nth_use(struct kunit *test)
{
	struct mmu_kunit *k = to_mmu_kunit(test);
	struct page *page;
	u32 word;

	mmu_kunit_create(k, 64, 4);
	page = use_new(k, 1);
	swap_pages(k);
	for (unsigned int i = 1; i <= 4; i++) {
		KUNIT_EXPECT_EQ(test, mmu_kunit_copy(k, 1, VA, &word, sizeof(word), SIM_READ), 0);
		KUNIT_EXPECT_EQ(test, word, i < 4 ? 1 : 2);
		KUNIT_EXPECT_EQ(test, mmu_kunit_take(k, SIM_MMU_STALE), i == 4);
	}

	mmu_kunit_unmap(k, VA, SZ_4K);
	map(k, page);
	mmu_kunit_command(k, 1, AS_COMMAND_UPDATE);
	KUNIT_EXPECT_EQ(test, mmu_kunit_touch(k, 1, VA, SIM_READ), 0);
	mmu_kunit_free(test, page);
	KUNIT_EXPECT_EQ(test, mmu_kunit_touch(k, 1, VA, SIM_READ), -EFAULT);
	mmu_kunit_expect(k, SIM_MMU_FREED);
}

static struct kunit_case sim_mmu_stale_cases[] = {
	KUNIT_CASE_PARAM(stale_translation_is_seen, command_gen_params),
	KUNIT_CASE(unmapped_page_is_seen),
	KUNIT_CASE(map_alone_is_no_violation),
	KUNIT_CASE(lost_permission_is_seen),
	KUNIT_CASE(same_translation_is_not_stale),
	KUNIT_CASE(block_is_stale_as_a_whole),
	KUNIT_CASE(unflushed_translation_stays),
	KUNIT_CASE(violation_names_everything),
	KUNIT_CASE(freed_page_is_seen),
	KUNIT_CASE(slab_page_is_seen),
	KUNIT_CASE(hole_in_memory_is_seen),
	KUNIT_CASE(freed_table_is_seen),
	KUNIT_CASE_PARAM(reused_page_is_seen, owner_gen_params),
	KUNIT_CASE(reused_huge_page_is_seen),
	KUNIT_CASE(sampling_checks_every_nth_use),
	{}
};

static struct kunit_suite sim_mmu_stale_suite = {
	.name = "panthor_sim_mmu_stale",
	.init = mmu_kunit_init,
	.exit = mmu_kunit_exit,
	.test_cases = sim_mmu_stale_cases,
};

kunit_test_suite(sim_mmu_stale_suite);
