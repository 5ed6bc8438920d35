// SPDX-License-Identifier: GPL-2.0-only
/*
 * The MMU against a reference that is too simple to be wrong: for each page the
 * GPU looks at, what the tables say, and what may be cached. A long random
 * sequence of what a driver does, right and wrong, goes to both.
 */

#include <linux/mm.h>
#include <linux/prandom.h>
#include <linux/sizes.h>

#include <kunit/test.h>

#include "../../panthor_mmu_regs.h"

#include "sim_mmu_fixture.h"
#include "sim_seed.h"

#define AS		1
#define STEPS		20000
#define FRAMES		6

/* Pages around the border of two smallest regions, then pages of one block. */
#define PAGES		12
#define BLOCK_PROBES	4
#define PROBES		(PAGES + BLOCK_PROBES)
#define PAGES_VA	((u64)SZ_1G)
#define BLOCK_VA	((u64)SZ_1G + SZ_2M)

static const u64 block_offsets[BLOCK_PROBES] = { 0, SZ_4K, SZ_1M, SZ_2M - SZ_4K };

/**
 * struct ref_map - A translation of a page
 * @valid: There is one.
 * @pa: Where it leads.
 * @read_only: It must not be written.
 */
struct ref_map {
	bool valid;
	u64 pa;
	bool read_only;
};

/**
 * struct ref - The reference
 * @k: The fixture.
 * @rnd: Random numbers.
 * @seed: Their seed.
 * @exact: The TLB is so large that nothing has to make room.
 * @frames: Memory for pages.
 * @huge: Memory for the block.
 * @live: What the tables say of each page.
 * @live_block: The pages of the block are mapped as one.
 * @cached: What may be cached of each page.
 * @block: What may be cached of the block.
 * @locked: A region is locked.
 * @flushed: There was a flush since.
 * @first: First byte of the region.
 * @last: Last byte of it.
 * @hits: Accesses that the TLB served.
 * @misses: Accesses that it did not.
 */
struct ref {
	struct mmu_kunit *k;
	struct rnd_state rnd;
	u32 seed;
	bool exact;
	struct page *frames[FRAMES];
	struct page *huge;
	struct ref_map live[PROBES];
	bool live_block;
	struct ref_map cached[PROBES];
	struct ref_map block;
	bool locked;
	bool flushed;
	u64 first;
	u64 last;
	u64 hits;
	u64 misses;
};

static u32 pick(struct ref *ref, u32 n)
{
	return prandom_u32_state(&ref->rnd) % n;
}

static u64 va_of(unsigned int probe)
{
	return probe < PAGES ? PAGES_VA + probe * SZ_4K :
	       BLOCK_VA + block_offsets[probe - PAGES];
}

static bool in_region(struct ref *ref, u64 va)
{
	return ref->locked && va >= ref->first && va <= ref->last;
}

static bool same(const struct ref_map *a, const struct ref_map *b)
{
	return a->valid && b->valid && a->pa == b->pa && a->read_only == b->read_only;
}

static void forget(struct ref *ref, u64 first, u64 last)
{
	for (unsigned int i = 0; i < PROBES; i++)
		if (va_of(i) >= first && va_of(i) <= last)
			ref->cached[i].valid = false;
	if (first < BLOCK_VA + SZ_2M && last >= BLOCK_VA)
		ref->block.valid = false;
}

/* What the block's entry says of one of its pages. */
static struct ref_map part_of_block(struct ref *ref, unsigned int probe)
{
	struct ref_map map = ref->block;

	map.pa += block_offsets[probe - PAGES];
	return map;
}

static void do_map(struct ref *ref)
{
	unsigned int probe = pick(ref, PROBES);
	int prot = IOMMU_READ | (pick(ref, 4) ? IOMMU_WRITE : 0);
	phys_addr_t pa = page_to_phys(ref->frames[pick(ref, FRAMES)]);

	if (probe >= PAGES && ref->live_block)
		return;
	if (ref->live[probe].valid)
		mmu_kunit_unmap(ref->k, va_of(probe), SZ_4K);
	mmu_kunit_map(ref->k, va_of(probe), pa, SZ_4K, prot);
	ref->live[probe] = (struct ref_map){ true, pa, !(prot & IOMMU_WRITE) };
}

static void do_unmap(struct ref *ref)
{
	unsigned int probe = pick(ref, PROBES);

	if (!ref->live[probe].valid || (probe >= PAGES && ref->live_block))
		return;
	mmu_kunit_unmap(ref->k, va_of(probe), SZ_4K);
	ref->live[probe].valid = false;
}

/* From block to no block, and back over whatever pages there are. */
static void do_block(struct ref *ref)
{
	int prot = IOMMU_READ | (pick(ref, 2) ? IOMMU_WRITE : 0);
	u64 pa = page_to_phys(ref->huge);

	for (unsigned int i = PAGES; i < PROBES; i++) {
		if (ref->live[i].valid && !ref->live_block)
			mmu_kunit_unmap(ref->k, va_of(i), SZ_4K);
		ref->live[i] = (struct ref_map){ !ref->live_block, pa + block_offsets[i - PAGES],
						 !(prot & IOMMU_WRITE) };
	}
	if (ref->live_block)
		mmu_kunit_unmap(ref->k, BLOCK_VA, SZ_2M);
	else
		mmu_kunit_map(ref->k, BLOCK_VA, pa, SZ_2M, prot);
	ref->live_block = !ref->live_block;
}

static void do_lock(struct ref *ref)
{
	unsigned int bits = 15 + pick(ref, 8);
	u64 va = va_of(pick(ref, PROBES));
	u64 first = va & ~(BIT_ULL(bits) - 1), last = first + BIT_ULL(bits) - 1;

	/* Only what covers the old region: the rest is a violation by itself. */
	if (ref->locked && (first > ref->first || last < ref->last))
		return;
	mmu_kunit_lock(ref->k, AS, va, bits);
	ref->locked = true;
	ref->flushed = false;
	ref->first = first;
	ref->last = last;
}

static void do_flush(struct ref *ref)
{
	if (ref->locked && !pick(ref, 4)) {
		mmu_kunit_command(ref->k, AS, AS_COMMAND_FLUSH_PT + pick(ref, 2));
		forget(ref, ref->first, ref->last);
	} else {
		mmu_kunit_flush(ref->k);
	}
	ref->flushed = true;
}

static void do_unlock(struct ref *ref)
{
	if (!ref->locked)
		return;
	mmu_kunit_command(ref->k, AS, AS_COMMAND_UNLOCK);
	if (ref->flushed)
		forget(ref, ref->first, ref->last);
	else
		mmu_kunit_expect(ref->k, SIM_MMU_UNFLUSHED);
	ref->locked = false;
}

static void do_update(struct ref *ref)
{
	if (ref->locked && pick(ref, 2))
		return;
	if (ref->locked)
		mmu_kunit_reset(ref->k);
	mmu_kunit_enable(ref->k, AS);
	forget(ref, 0, U64_MAX);
	ref->locked = false;
}

/* How many translations of a page may be cached that are wrong now. */
static unsigned int ref_stale(struct ref *ref, unsigned int probe)
{
	unsigned int stale = ref->cached[probe].valid &&
			     !same(&ref->cached[probe], &ref->live[probe]);

	if (probe >= PAGES && ref->block.valid) {
		struct ref_map part = part_of_block(ref, probe);

		stale += !same(&part, &ref->live[probe]);
	}

	return stale;
}

/* Serves an access from what is cached; returns the violations that makes. */
static unsigned int ref_lookup(struct ref *ref, unsigned int probe, bool *found)
{
	const struct ref_map *live = &ref->live[probe];
	unsigned int stale = 0;
	struct ref_map part;

	*found = false;
	if (ref->cached[probe].valid) {
		*found = same(&ref->cached[probe], live);
		stale += !*found;
		ref->cached[probe].valid = *found;
	}
	if (!*found && probe >= PAGES && ref->block.valid) {
		part = part_of_block(ref, probe);
		*found = same(&part, live);
		stale += !*found;
		ref->block.valid = *found;
	}

	return stale;
}

static void ref_fill(struct ref *ref, unsigned int probe)
{
	if (probe < PAGES || !ref->live_block)
		ref->cached[probe] = ref->live[probe];
	else
		ref->block = (struct ref_map){ true, page_to_phys(ref->huge),
					       ref->live[probe].read_only };
}

static void do_access(struct ref *ref)
{
	enum sim_access access = pick(ref, 3) ? SIM_READ : SIM_WRITE;
	unsigned int probe = pick(ref, PROBES);
	const struct ref_map *live = &ref->live[probe];
	enum sim_mmu_violation kind = live->valid ? SIM_MMU_STALE : SIM_MMU_UNMAPPED;
	struct kunit *test = ref->k->test;
	unsigned int most, stale, seen;
	bool hit, found;
	u64 word = 0;
	int ret;

	if (access == SIM_WRITE && live->valid)
		word = *(u64 *)phys_to_virt(live->pa);
	ret = mmu_kunit_copy(ref->k, AS, va_of(probe), &word, sizeof(word), access);
	if (in_region(ref, va_of(probe))) {
		KUNIT_EXPECT_EQ(test, ret, -EAGAIN);
		return;
	}

	hit = ref->cached[probe].valid || (probe >= PAGES && ref->block.valid);
	most = ref_stale(ref, probe);
	stale = ref_lookup(ref, probe, &found);
	seen = mmu_kunit_take(ref->k, kind);
	if (ref->exact)
		KUNIT_EXPECT_EQ(test, seen, stale);
	else
		KUNIT_EXPECT_LE(test, seen, most);
	ref->hits += hit;
	ref->misses += !found;
	if (!found && live->valid)
		ref_fill(ref, probe);

	if (!live->valid || (access == SIM_WRITE && live->read_only)) {
		KUNIT_EXPECT_EQ(test, ret, -EFAULT);
		KUNIT_EXPECT_EQ(test, mmu_kunit_read64(ref->k, MMU_AS_BASE + AS_FAULTADDRESS(AS)),
				va_of(probe));
		mmu_kunit_write(ref->k, MMU_INT_BASE + 4, BIT(AS));
		return;
	}
	KUNIT_EXPECT_EQ(test, ret, 0);
	KUNIT_EXPECT_EQ(test, word, live->pa);
}

static void ref_step(struct ref *ref)
{
	switch (pick(ref, 32)) {
	case 0 ... 3:
		return do_map(ref);
	case 4 ... 5:
		return do_unmap(ref);
	case 6:
		return do_block(ref);
	case 7 ... 8:
		return do_lock(ref);
	case 9 ... 10:
		return do_flush(ref);
	case 11 ... 13:
		return do_unlock(ref);
	case 14:
		if (!pick(ref, 8))
			do_update(ref);
		return;
	default:
		return do_access(ref);
	}
}

static bool failed(struct kunit *test)
{
	return READ_ONCE(test->status) == KUNIT_FAILURE;
}

/**
 * struct ref_param - Size of the TLB
 * @name: Name of the case.
 * @entries: Entries.
 * @exact: They are always enough.
 */
struct ref_param {
	const char *name;
	unsigned int entries;
	bool exact;
};

static const struct ref_param ref_params[] = {
	{ "roomy", 256, true },
	{ "tight", 8, false },
	{ "tiny", 4, false },
};

KUNIT_ARRAY_PARAM_DESC(ref, ref_params, name);

/*
 * Random maps, unmaps, LOCKs, flushes, UNLOCKs, UPDATEs and accesses. Each word
 * of memory has its own address, so that a wrong translation shows.
 * Succeeds if every access ends as the reference says, and if, in a TLB with
 * room for all, each use of something stale is seen and nothing else is. A
 * smaller one may have lost what is stale, but invents nothing.
 */
static void random_driver_agrees_with_reference(struct kunit *test)
{
	const struct ref_param *param = test->param_value;
	struct mmu_kunit *k = to_mmu_kunit(test);
	struct ref *ref = kunit_kzalloc(test, sizeof(*ref), GFP_KERNEL);
	unsigned int step;

	KUNIT_ASSERT_NOT_NULL(test, ref);
	ref->k = k;
	ref->exact = param->exact;
	ref->seed = sim_seed(test, &ref->rnd);
	for (unsigned int i = 0; i < FRAMES; i++) {
		ref->frames[i] = mmu_kunit_page(test, 0);
		*(u64 *)page_address(ref->frames[i]) = page_to_phys(ref->frames[i]);
	}
	ref->huge = mmu_kunit_page(test, 9);
	for (unsigned int i = 0; i < BLOCK_PROBES; i++)
		*(u64 *)(page_address(ref->huge) + block_offsets[i]) =
			page_to_phys(ref->huge) + block_offsets[i];

	mmu_kunit_create(k, param->entries, 1);
	mmu_kunit_enable(k, AS);
	for (step = 0; step < STEPS && !failed(test); step++) {
		ref_step(ref);
		mmu_kunit_expect_none(k);
	}

	if (param->exact) {
		KUNIT_EXPECT_EQ(test, mmu_kunit_stats(k)->hits, ref->hits);
		KUNIT_EXPECT_EQ(test, mmu_kunit_stats(k)->misses, ref->misses);
		KUNIT_EXPECT_EQ(test, mmu_kunit_stats(k)->evictions, 0);
		KUNIT_EXPECT_GT(test, mmu_kunit_stats(k)->violations[SIM_MMU_STALE], STEPS / 200);
	} else {
		KUNIT_EXPECT_GT(test, mmu_kunit_stats(k)->evictions, STEPS / 200);
	}
	if (failed(test))
		kunit_err(test, "step %u, panthor_sim.kunit_seed=%u", step, ref->seed);
}

static struct kunit_case sim_mmu_ref_cases[] = {
	KUNIT_CASE_PARAM(random_driver_agrees_with_reference, ref_gen_params),
	{}
};

static struct kunit_suite sim_mmu_ref_suite = {
	.name = "panthor_sim_mmu_ref",
	.init = mmu_kunit_init,
	.exit = mmu_kunit_exit,
	.test_cases = sim_mmu_ref_cases,
};

kunit_test_suite(sim_mmu_ref_suite);
