// SPDX-License-Identifier: GPL-2.0-only
/* The TLB by itself: what is found, what goes, what has to make room. */

#include <linux/prandom.h>
#include <linux/sizes.h>

#include <kunit/resource.h>
#include <kunit/test.h>

#include "../sim_tlb.h"
#include "sim_seed.h"

#define STEPS	20000
#define PAGES	32
#define BLOCKS	4

static void destroy_tlb(void *tlb)
{
	sim_tlb_destroy(tlb);
}

static struct sim_tlb *tlb_of(struct kunit *test, unsigned int capacity)
{
	struct sim_tlb *tlb = kunit_kzalloc(test, sizeof(*tlb), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, tlb);
	KUNIT_ASSERT_EQ(test, sim_tlb_init(tlb, capacity), 0);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, destroy_tlb, tlb), 0);

	return tlb;
}

static bool insert(struct sim_tlb *tlb, u64 va, u64 pa, u8 shift)
{
	const struct sim_walk walk = {
		.pa = pa, .shift = shift, .level = shift == 12 ? 3 : 2, .attr = 5,
		.no_exec = true,
	};
	bool replaced;

	sim_tlb_insert(tlb, va, &walk, &replaced);
	return replaced;
}

/*
 * A page is cached when one address in it was used.
 * Succeeds if all of it is found, with what the walk said, and nothing else.
 */
static void page_is_found(struct kunit *test)
{
	struct sim_tlb *tlb = tlb_of(test, 64);
	struct sim_tlb_entry *entry;

	KUNIT_EXPECT_FALSE(test, insert(tlb, SZ_1G + SZ_4K + 8, SZ_64K + 8, 12));
	KUNIT_EXPECT_NULL(test, sim_tlb_lookup(tlb, SZ_1G + SZ_4K - 1));
	KUNIT_EXPECT_NULL(test, sim_tlb_lookup(tlb, SZ_1G + SZ_8K));
	KUNIT_EXPECT_NULL(test, sim_tlb_lookup(tlb, SZ_4K));
	KUNIT_EXPECT_PTR_EQ(test, sim_tlb_lookup(tlb, SZ_1G + SZ_4K),
			    sim_tlb_lookup(tlb, SZ_1G + SZ_8K - 1));
	entry = sim_tlb_lookup(tlb, SZ_1G + SZ_4K);
	KUNIT_ASSERT_NOT_NULL(test, entry);
	KUNIT_EXPECT_EQ(test, entry->va, SZ_1G + SZ_4K);
	KUNIT_EXPECT_EQ(test, entry->pa, SZ_64K);
	KUNIT_EXPECT_EQ(test, entry->level, 3);
	KUNIT_EXPECT_EQ(test, entry->attr, 5);
	KUNIT_EXPECT_TRUE(test, entry->no_exec);
	KUNIT_EXPECT_FALSE(test, entry->read_only);
}

/*
 * A block has one entry, and a larger one an entry for each 2 MiB.
 * Succeeds if all of those 2 MiB is found, and the page that has an entry of
 * its own by that one.
 */
static void block_is_found(struct kunit *test)
{
	struct sim_tlb *tlb = tlb_of(test, 64);

	insert(tlb, SZ_2M + SZ_1M, SZ_1G + SZ_2M + SZ_1M, 30);
	KUNIT_ASSERT_NOT_NULL(test, sim_tlb_lookup(tlb, SZ_2M));
	KUNIT_EXPECT_EQ(test, sim_tlb_lookup(tlb, SZ_2M)->pa, SZ_1G + SZ_2M);
	KUNIT_EXPECT_PTR_EQ(test, sim_tlb_lookup(tlb, SZ_2M), sim_tlb_lookup(tlb, SZ_4M - 1));
	KUNIT_EXPECT_NULL(test, sim_tlb_lookup(tlb, SZ_2M - 1));
	KUNIT_EXPECT_NULL(test, sim_tlb_lookup(tlb, SZ_4M));

	insert(tlb, SZ_2M, SZ_64K, 12);
	KUNIT_EXPECT_EQ(test, sim_tlb_lookup(tlb, SZ_2M)->pa, SZ_64K);
	KUNIT_EXPECT_EQ(test, sim_tlb_lookup(tlb, SZ_2M + SZ_4K)->pa, SZ_1G + SZ_2M);
}

/*
 * One set, which is full.
 * Succeeds if each further page takes the place of the one that was there
 * longest.
 */
static void full_set_makes_room(struct kunit *test)
{
	struct sim_tlb *tlb = tlb_of(test, SIM_TLB_WAYS);

	for (unsigned int i = 0; i < SIM_TLB_WAYS; i++)
		KUNIT_EXPECT_FALSE(test, insert(tlb, i * SZ_4K, SZ_64K, 12));
	for (unsigned int i = 0; i < 2 * SIM_TLB_WAYS; i++) {
		KUNIT_EXPECT_NOT_NULL(test, sim_tlb_lookup(tlb, i * SZ_4K));
		KUNIT_EXPECT_TRUE(test, insert(tlb, (i + SIM_TLB_WAYS) * SZ_4K, SZ_64K, 12));
		KUNIT_EXPECT_NULL(test, sim_tlb_lookup(tlb, i * SZ_4K));
	}
}

/*
 * A block that has to make room.
 * Succeeds if it is not found any more, nor counted.
 */
static void block_makes_room(struct kunit *test)
{
	struct sim_tlb *tlb = tlb_of(test, SIM_TLB_WAYS);

	insert(tlb, 0, SZ_1G, 21);
	KUNIT_EXPECT_EQ(test, tlb->blocks, 1);
	for (unsigned int i = 0; i < SIM_TLB_WAYS; i++)
		insert(tlb, SZ_1G + i * SZ_4K, SZ_64K, 12);
	KUNIT_EXPECT_EQ(test, tlb->blocks, 0);
	KUNIT_EXPECT_NULL(test, sim_tlb_lookup(tlb, 0));
}

/*
 * A range that ends one byte before a page, or begins behind it, and one that
 * has one byte of it; the same with a block.
 * Succeeds if what overlaps goes, and is counted.
 */
static void invalidation_is_exact(struct kunit *test)
{
	struct sim_tlb *tlb = tlb_of(test, 64);

	insert(tlb, SZ_8K, SZ_64K, 12);
	insert(tlb, SZ_4M, SZ_1G, 21);
	KUNIT_EXPECT_EQ(test, sim_tlb_invalidate(tlb, 0, SZ_8K - 1), 0);
	KUNIT_EXPECT_EQ(test, sim_tlb_invalidate(tlb, SZ_8K + SZ_4K, SZ_4M - 1), 0);
	KUNIT_EXPECT_EQ(test, sim_tlb_invalidate(tlb, SZ_4M + SZ_2M, U64_MAX), 0);
	KUNIT_EXPECT_NOT_NULL(test, sim_tlb_lookup(tlb, SZ_8K));
	KUNIT_EXPECT_NOT_NULL(test, sim_tlb_lookup(tlb, SZ_4M));

	KUNIT_EXPECT_EQ(test, sim_tlb_invalidate(tlb, 0, SZ_8K), 1);
	KUNIT_EXPECT_NULL(test, sim_tlb_lookup(tlb, SZ_8K));
	KUNIT_EXPECT_EQ(test, sim_tlb_invalidate(tlb, SZ_4M + SZ_2M - 1, U64_MAX), 1);
	KUNIT_EXPECT_NULL(test, sim_tlb_lookup(tlb, SZ_4M));
	KUNIT_EXPECT_EQ(test, sim_tlb_invalidate(tlb, 0, U64_MAX), 0);
}

/* An unsorted list, and what it says of an address. */
struct list {
	u64 pages[PAGES];
	u64 blocks[BLOCKS];
};

static u64 list_block(const struct list *list, u64 va)
{
	u64 pa = list->blocks[va / SZ_2M];

	return pa ? pa + va % SZ_2M : 0;
}

static u64 list_find(const struct list *list, u64 va)
{
	/* Pages are spread over the blocks, eight in each. */
	return list->pages[va / SZ_4K % PAGES] ?: list_block(list, va);
}

static u64 page_va(unsigned int page)
{
	return page / 8 * SZ_2M + page * SZ_4K;
}

static void list_invalidate(struct list *list, u64 first, u64 last)
{
	for (unsigned int i = 0; i < PAGES; i++)
		if (page_va(i) + SZ_4K > first && page_va(i) <= last)
			list->pages[i] = 0;
	for (unsigned int i = 0; i < BLOCKS; i++)
		if ((u64)(i + 1) * SZ_2M > first && (u64)i * SZ_2M <= last)
			list->blocks[i] = 0;
}

/*
 * Random insertions and invalidations, against a plain list. A large TLB
 * has room for all of them.
 * Succeeds if it finds what the list has; a small one finds it or nothing.
 */
static void random_use_agrees_with_list(struct kunit *test)
{
	struct sim_tlb *roomy = tlb_of(test, 1024), *tight = tlb_of(test, 8);
	struct list list = {};
	struct rnd_state rnd;
	u32 seed = sim_seed(test, &rnd);

	for (unsigned int step = 0; step < STEPS; step++) {
		unsigned int page = prandom_u32_state(&rnd) % PAGES;
		u64 first = page_va(page), pa, want = list_find(&list, first);
		struct sim_tlb_entry *entry = sim_tlb_lookup(roomy, first);
		struct sim_tlb_entry *other = sim_tlb_lookup(tight, first);
		u8 shift = prandom_u32_state(&rnd) % 4 ? 12 : 21;
		u64 got = entry ? entry->pa + (first - entry->va) : 0;

		KUNIT_ASSERT_EQ_MSG(test, got, want, "step %u, panthor_sim.kunit_seed=%u", step,
				    seed);
		/* Where a page had to make room, the block is found. */
		got = other ? other->pa + (first - other->va) : want;
		KUNIT_ASSERT_TRUE_MSG(test, got == want || got == list_block(&list, first),
				      "step %u, panthor_sim.kunit_seed=%u", step, seed);

		if (prandom_u32_state(&rnd) % 8 == 0) {
			u64 last = first + (prandom_u32_state(&rnd) % SZ_2M);

			sim_tlb_invalidate(roomy, first, last);
			sim_tlb_invalidate(tight, first, last);
			list_invalidate(&list, first, last);
			continue;
		}
		if (want)
			continue;
		pa = (u64)(step + 1) * SZ_2M;
		insert(roomy, first, pa + first % BIT_ULL(shift), shift);
		insert(tight, first, pa + first % BIT_ULL(shift), shift);
		if (shift == 12)
			list.pages[page] = pa;
		else
			list.blocks[first / SZ_2M] = pa;
	}
}

static struct kunit_case sim_tlb_cases[] = {
	KUNIT_CASE(page_is_found),
	KUNIT_CASE(block_is_found),
	KUNIT_CASE(full_set_makes_room),
	KUNIT_CASE(block_makes_room),
	KUNIT_CASE(invalidation_is_exact),
	KUNIT_CASE(random_use_agrees_with_list),
	{}
};

static struct kunit_suite sim_tlb_suite = {
	.name = "panthor_sim_tlb",
	.test_cases = sim_tlb_cases,
};

kunit_test_suite(sim_tlb_suite);
