// SPDX-License-Identifier: GPL-2.0-only
/* The walk, on page tables of the kernel's io-pgtable code. */

#include <linux/mm.h>
#include <linux/sizes.h>
#include <linux/slab.h>

#include <kunit/resource.h>
#include <kunit/test.h>

#include "../../panthor_mmu_regs.h"

#include "../sim_walk.h"
#include "sim_mmu_fixture.h"

#define VA		(SZ_1G + SZ_2M)
#define DESC_AF		BIT_ULL(10)

static struct sim_walk_config config_of(struct kunit *test)
{
	struct mmu_kunit *k = to_mmu_kunit(test);

	return (struct sim_walk_config){
		.root = k->cfg.arm_lpae_s1_cfg.ttbr,
		.va_bits = k->cfg.ias,
		.pa_bits = MMU_KUNIT_PA_BITS,
	};
}

static struct sim_walk walk_of(struct kunit *test, u64 va)
{
	struct sim_walk_config config = config_of(test);
	struct sim_walk walk;
	bool mapped = sim_walk(&config, va, &walk);

	KUNIT_EXPECT_EQ(test, mapped, !walk.fault);
	return walk;
}

/*
 * A page and a block, anywhere in them.
 * Succeeds if each address leads where io-pgtable's own walk says.
 */
static void page_and_block_translate(struct kunit *test)
{
	struct mmu_kunit *k = to_mmu_kunit(test);
	static const u64 offsets[] = { 0, 4, SZ_4K - 1, SZ_2M, SZ_2M + SZ_4K, SZ_4M - 1 };

	mmu_kunit_map(k, VA, SZ_64K, SZ_4K, MMU_KUNIT_RW);
	mmu_kunit_map(k, VA + SZ_2M, SZ_1G, SZ_2M, MMU_KUNIT_RW);
	for (unsigned int i = 0; i < ARRAY_SIZE(offsets); i++) {
		struct sim_walk walk = walk_of(test, VA + offsets[i]);

		KUNIT_EXPECT_EQ(test, walk.fault, 0);
		KUNIT_EXPECT_EQ(test, walk.pa, k->ops->iova_to_phys(k->ops, VA + offsets[i]));
		KUNIT_EXPECT_EQ(test, walk.shift, offsets[i] < SZ_2M ? 12 : 21);
		KUNIT_EXPECT_EQ(test, walk.level, offsets[i] < SZ_2M ? 3 : 2);
	}
}

/*
 * Tables for fewer address bits begin at a deeper level.
 * Succeeds if a page at their top is found in three levels.
 */
static void narrow_addresses_need_fewer_levels(struct kunit *test)
{
	struct mmu_kunit *k = to_mmu_kunit(test);

	mmu_kunit_tables(k, 39);
	mmu_kunit_map(k, SZ_512G - SZ_4K, SZ_64K, SZ_4K, MMU_KUNIT_RW);
	KUNIT_EXPECT_EQ(test, walk_of(test, SZ_512G - SZ_4K).pa, SZ_64K);
	KUNIT_EXPECT_EQ(test, walk_of(test, 0).fault, SIM_FAULT_TRANSLATION + 1);
	KUNIT_EXPECT_EQ(test, walk_of(test, SZ_512G).fault, SIM_FAULT_ADDRESS_IN);
}

/*
 * Each level at which an address can turn out not to be mapped.
 * Succeeds if the fault names the level.
 */
static void hole_faults_with_its_level(struct kunit *test)
{
	mmu_kunit_map(to_mmu_kunit(test), VA, SZ_64K, SZ_4K, MMU_KUNIT_RW);
	KUNIT_EXPECT_EQ(test, walk_of(test, SZ_512G).fault, SIM_FAULT_TRANSLATION);
	KUNIT_EXPECT_EQ(test, walk_of(test, 0).fault, SIM_FAULT_TRANSLATION + 1);
	KUNIT_EXPECT_EQ(test, walk_of(test, VA + SZ_2M).fault, SIM_FAULT_TRANSLATION + 2);
	KUNIT_EXPECT_EQ(test, walk_of(test, VA + SZ_4K).fault, SIM_FAULT_TRANSLATION + 3);
	KUNIT_EXPECT_EQ(test, walk_of(test, BIT_ULL(48)).fault, SIM_FAULT_ADDRESS_IN);
	KUNIT_EXPECT_EQ(test, walk_of(test, U64_MAX).fault, SIM_FAULT_ADDRESS_IN);
}

/*
 * Unmapping leaves the table behind.
 * Succeeds if the address faults at the level of the page.
 */
static void unmapped_page_faults(struct kunit *test)
{
	struct mmu_kunit *k = to_mmu_kunit(test);

	mmu_kunit_map(k, VA, SZ_64K, SZ_4K, MMU_KUNIT_RW);
	mmu_kunit_unmap(k, VA, SZ_4K);
	KUNIT_EXPECT_EQ(test, walk_of(test, VA).fault, SIM_FAULT_TRANSLATION + 3);
}

/**
 * struct prot_param - What a mapping allows
 * @name: Name of the case.
 * @prot: As the driver asks for it.
 * @read_only: As the walk should find it.
 * @no_exec: As the walk should find it.
 * @attr: As the walk should find it.
 */
struct prot_param {
	const char *name;
	int prot;
	bool read_only;
	bool no_exec;
	u8 attr;
};

static const struct prot_param prot_params[] = {
	{ "all", IOMMU_READ | IOMMU_WRITE | IOMMU_CACHE, false, false, 1 },
	{ "read", IOMMU_READ | IOMMU_CACHE, true, false, 1 },
	{ "noexec", IOMMU_READ | IOMMU_WRITE | IOMMU_CACHE | IOMMU_NOEXEC, false, true, 1 },
	{ "uncached", IOMMU_READ | IOMMU_WRITE, false, false, 0 },
	{ "least", IOMMU_READ | IOMMU_NOEXEC, true, true, 0 },
};

KUNIT_ARRAY_PARAM_DESC(prot, prot_params, name);

/*
 * Permissions and attributes as the driver passes them to io-pgtable.
 * Succeeds if the walk of a page and of a block finds them.
 */
static void protection_is_found(struct kunit *test)
{
	const struct prot_param *param = test->param_value;
	struct mmu_kunit *k = to_mmu_kunit(test);

	mmu_kunit_map(k, VA, SZ_64K, SZ_4K, param->prot);
	mmu_kunit_map(k, VA + SZ_2M, SZ_1G, SZ_2M, param->prot);
	for (u64 va = VA; va < VA + SZ_4M; va += SZ_2M) {
		struct sim_walk walk = walk_of(test, va);

		KUNIT_EXPECT_EQ(test, walk.read_only, param->read_only);
		KUNIT_EXPECT_EQ(test, walk.no_exec, param->no_exec);
		KUNIT_EXPECT_EQ(test, walk.attr, param->attr);
	}
}

/*
 * A descriptor whose access flag is clear.
 * Succeeds if it faults, and translates where that is not asked for.
 */
static void access_flag_is_needed(struct kunit *test)
{
	struct sim_walk_config config = config_of(test);
	struct mmu_kunit *k = to_mmu_kunit(test);
	struct sim_walk walk;

	mmu_kunit_map(k, VA, SZ_64K, SZ_4K, MMU_KUNIT_RW);
	*mmu_kunit_entry(k, VA) &= ~DESC_AF;
	KUNIT_EXPECT_EQ(test, walk_of(test, VA).fault, SIM_FAULT_ACCESS_FLAG + 3);

	config.ignore_af = true;
	KUNIT_EXPECT_TRUE(test, sim_walk(&config, VA, &walk));
	KUNIT_EXPECT_EQ(test, walk.pa, SZ_64K);
}

/*
 * A page beyond the addresses that the GPU can put out.
 * Succeeds if it faults, and the last one before does not.
 */
static void address_must_fit(struct kunit *test)
{
	struct mmu_kunit *k = to_mmu_kunit(test);

	mmu_kunit_map(k, VA, BIT_ULL(MMU_KUNIT_PA_BITS) - SZ_4K, SZ_4K, MMU_KUNIT_RW);
	KUNIT_EXPECT_EQ(test, walk_of(test, VA).fault, 0);
	*mmu_kunit_entry(k, VA) += SZ_4K;
	KUNIT_EXPECT_EQ(test, walk_of(test, VA).fault, SIM_FAULT_ADDRESS_OUT + 3);
}

/*
 * Memory attributes that stand for a fault.
 * Succeeds if only a page with their index faults.
 */
static void attributes_can_fault(struct kunit *test)
{
	struct sim_walk_config config = config_of(test);
	struct mmu_kunit *k = to_mmu_kunit(test);
	struct sim_walk walk;

	config.memattr = (u64)AS_MEMATTR_AARCH64_FAULT << 8;
	mmu_kunit_map(k, VA, SZ_64K, SZ_4K, IOMMU_READ | IOMMU_CACHE);
	mmu_kunit_map(k, VA + SZ_4K, SZ_64K, SZ_4K, IOMMU_READ);
	KUNIT_EXPECT_FALSE(test, sim_walk(&config, VA, &walk));
	KUNIT_EXPECT_EQ(test, walk.fault, SIM_FAULT_MEMATTR + 3);
	KUNIT_EXPECT_TRUE(test, sim_walk(&config, VA + SZ_4K, &walk));
}

/*
 * Each of the four tables of a page in turn is in free memory.
 * Succeeds if the walk ends there and says at which level.
 */
static void table_in_free_memory_is_not_read(struct kunit *test)
{
	struct mmu_kunit *k = to_mmu_kunit(test);

	mmu_kunit_map(k, VA, SZ_64K, SZ_4K, MMU_KUNIT_RW);
	/* They were allocated from the root down. */
	for (unsigned int level = 0; level < 4; level++) {
		struct sim_walk walk;

		mmu_kunit_free(test, k->tables[level]);
		walk = walk_of(test, VA);
		mmu_kunit_hold(test, k->tables[level]);

		KUNIT_EXPECT_TRUE(test, walk.dead);
		KUNIT_EXPECT_EQ(test, walk.level, level);
		KUNIT_EXPECT_EQ(test, walk.table, page_to_phys(k->tables[level]));
	}
	KUNIT_EXPECT_FALSE(test, walk_of(test, VA).dead);
}

static void destroy_cache(void *cache)
{
	kmem_cache_destroy(cache);
}

/*
 * The driver takes its tables from a slab cache, whose slabs have several
 * pages.
 * Succeeds if the memory of a table counts as somebody's in each of them.
 */
static void tables_of_a_slab_are_readable(struct kunit *test)
{
	struct kmem_cache *cache = kmem_cache_create("panthor-sim-kunit", SZ_4K, SZ_4K, 0, NULL);
	unsigned int dead = 0, tails = 0;
	void *tables[16] = {};

	KUNIT_ASSERT_NOT_NULL(test, cache);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, destroy_cache, cache), 0);
	for (unsigned int i = 0; i < ARRAY_SIZE(tables); i++) {
		tables[i] = kmem_cache_alloc(cache, GFP_KERNEL);
		if (!tables[i])
			continue;
		dead += !sim_mem_readable(virt_to_phys(tables[i]));
		tails += PageTail(virt_to_page(tables[i]));
	}
	for (unsigned int i = 0; i < ARRAY_SIZE(tables); i++)
		if (tables[i])
			kmem_cache_free(cache, tables[i]);

	KUNIT_EXPECT_EQ(test, dead, 0);
	/* The case is about them. */
	KUNIT_EXPECT_GT(test, tails, 0);
}

/*
 * Tables that are no tables: the root beyond all memory, and each descriptor a
 * level can have that means nothing.
 * Succeeds if the walk faults.
 */
static void nonsense_faults(struct kunit *test)
{
	struct sim_walk_config config = config_of(test);
	struct mmu_kunit *k = to_mmu_kunit(test);
	u64 *root = phys_to_virt(config.root);
	u64 old;
	struct sim_walk walk;

	mmu_kunit_map(k, VA, SZ_64K, SZ_4K, MMU_KUNIT_RW);
	*mmu_kunit_entry(k, VA) &= ~2ull;
	KUNIT_EXPECT_EQ(test, walk_of(test, VA).fault, SIM_FAULT_TRANSLATION + 3);

	old = root[0];
	root[0] &= ~2ull;
	walk = walk_of(test, VA);
	root[0] = old;
	KUNIT_EXPECT_EQ(test, walk.fault, SIM_FAULT_TRANSLATION);

	config.root = BIT_ULL(MMU_KUNIT_PA_BITS) - SZ_4K;
	KUNIT_EXPECT_FALSE(test, sim_walk(&config, VA, &walk));
	KUNIT_EXPECT_TRUE(test, walk.dead);
	config.root += SZ_4K;
	KUNIT_EXPECT_FALSE(test, sim_walk(&config, VA, &walk));
	KUNIT_EXPECT_EQ(test, walk.fault, SIM_FAULT_ADDRESS_OUT);
}

static struct kunit_case sim_walk_cases[] = {
	KUNIT_CASE(page_and_block_translate),
	KUNIT_CASE(narrow_addresses_need_fewer_levels),
	KUNIT_CASE(hole_faults_with_its_level),
	KUNIT_CASE(unmapped_page_faults),
	KUNIT_CASE_PARAM(protection_is_found, prot_gen_params),
	KUNIT_CASE(access_flag_is_needed),
	KUNIT_CASE(address_must_fit),
	KUNIT_CASE(attributes_can_fault),
	KUNIT_CASE(table_in_free_memory_is_not_read),
	KUNIT_CASE(tables_of_a_slab_are_readable),
	KUNIT_CASE(nonsense_faults),
	{}
};

static struct kunit_suite sim_walk_suite = {
	.name = "panthor_sim_walk",
	.init = mmu_kunit_init,
	.exit = mmu_kunit_exit,
	.test_cases = sim_walk_cases,
};

kunit_test_suite(sim_walk_suite);
