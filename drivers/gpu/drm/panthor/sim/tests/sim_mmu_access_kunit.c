// SPDX-License-Identifier: GPL-2.0-only
/* Accesses of the GPU: copies, stalls and faults. */

#include <linux/mm.h>
#include <linux/sizes.h>
#include <linux/string.h>

#include <kunit/test.h>

#include "../../panthor_mmu_regs.h"

#include "../sim_walk.h"
#include "sim_mmu_fixture.h"

#define AS(reg)		(MMU_AS_BASE + (reg))
#define RAWSTAT		(MMU_INT_BASE + 0)
#define CLEAR		(MMU_INT_BASE + 4)

/* The first page of a region of the smallest size. */
#define VA		((u64)SZ_1G)

static struct page *map_new(struct mmu_kunit *k, u64 va, int prot)
{
	struct page *page = mmu_kunit_page(k->test, 0);

	mmu_kunit_map(k, va, page_to_phys(page), SZ_4K, prot);
	return page;
}

/*
 * A copy over the border of two pages that do not follow each other in memory,
 * at an odd address.
 * Succeeds if each byte is where it belongs, on the way there and back.
 */
static void copy_crosses_pages(struct kunit *test)
{
	struct mmu_kunit *k = to_mmu_kunit(test);
	static const char text[] = "seventeen letters";
	struct page *second = map_new(k, VA + SZ_4K, MMU_KUNIT_RW);
	struct page *first = map_new(k, VA, MMU_KUNIT_RW);
	char buf[sizeof(text)] = {};

	mmu_kunit_enable(k, 1);
	KUNIT_EXPECT_EQ(test, mmu_kunit_copy(k, 1, VA + SZ_4K - 5, (void *)text, sizeof(text),
					     SIM_WRITE), 0);
	KUNIT_EXPECT_MEMEQ(test, page_address(first) + SZ_4K - 5, text, 5);
	KUNIT_EXPECT_MEMEQ(test, page_address(second), text + 5, sizeof(text) - 5);
	KUNIT_EXPECT_EQ(test, mmu_kunit_copy(k, 1, VA + SZ_4K - 5, buf, sizeof(buf), SIM_READ), 0);
	KUNIT_EXPECT_STREQ(test, buf, text);
	KUNIT_EXPECT_EQ(test, mmu_kunit_stats(k)->bytes, 2 * sizeof(text));
	KUNIT_EXPECT_EQ(test, mmu_kunit_stats(k)->misses, 2);
	KUNIT_EXPECT_EQ(test, mmu_kunit_stats(k)->hits, 2);
}

/*
 * Copies of all small sizes at all small offsets.
 * Succeeds if they change what they should, and no byte next to it.
 */
static void copy_has_exact_bounds(struct kunit *test)
{
	struct mmu_kunit *k = to_mmu_kunit(test);
	u8 *mem = page_address(map_new(k, VA, MMU_KUNIT_RW)), buf[24] __aligned(8), want[40];

	mmu_kunit_enable(k, 1);
	for (unsigned int offset = 1; offset < 9; offset++) {
		for (unsigned int len = 0; len <= sizeof(buf); len++) {
			memset(mem, 0xaa, sizeof(want));
			memset(want, 0xaa, sizeof(want));
			memset(want + offset, 0x55, len);
			memset(buf, 0x55, sizeof(buf));
			KUNIT_EXPECT_EQ(test, mmu_kunit_copy(k, 1, VA + offset, buf, len,
							     SIM_WRITE), 0);
			KUNIT_ASSERT_MEMEQ(test, mem, want, sizeof(want));

			memset(buf, 0, sizeof(buf));
			KUNIT_EXPECT_EQ(test, mmu_kunit_copy(k, 1, VA + offset, buf, len,
							     SIM_READ), 0);
			KUNIT_ASSERT_MEMEQ(test, buf, want + offset, len);
		}
	}
}

/*
 * A block, and the same memory seen through a page at another address.
 * Succeeds if what is written through one is read through the other.
 */
static void block_and_alias_are_the_same_memory(struct kunit *test)
{
	struct mmu_kunit *k = to_mmu_kunit(test);
	struct page *huge = mmu_kunit_page(test, 9);
	u64 in = 0x0123456789abcdefull, out = 0;

	mmu_kunit_map(k, VA, page_to_phys(huge), SZ_2M, MMU_KUNIT_RW);
	mmu_kunit_map(k, VA + SZ_2M, page_to_phys(huge) + SZ_1M, SZ_4K, MMU_KUNIT_RW);
	mmu_kunit_enable(k, 1);
	KUNIT_EXPECT_EQ(test, mmu_kunit_copy(k, 1, VA + SZ_1M + 8, &in, 8, SIM_WRITE), 0);
	KUNIT_EXPECT_EQ(test, mmu_kunit_copy(k, 1, VA + SZ_2M + 8, &out, 8, SIM_ATOMIC), 0);
	KUNIT_EXPECT_EQ(test, out, in);
	KUNIT_EXPECT_EQ(test, mmu_kunit_touch(k, 1, VA, SIM_READ), 0);
	KUNIT_EXPECT_EQ(test, mmu_kunit_stats(k)->misses, 2);
}

/*
 * Address spaces that are not there, that were never told anything, that were
 * told but not commanded, that are live, that are so no more.
 * Succeeds if only the live one reaches memory.
 */
static void update_decides_what_is_behind(struct kunit *test)
{
	struct mmu_kunit *k = to_mmu_kunit(test);

	map_new(k, VA, MMU_KUNIT_RW);
	KUNIT_EXPECT_EQ(test, mmu_kunit_touch(k, 8, VA, SIM_READ), -ENXIO);
	KUNIT_EXPECT_EQ(test, mmu_kunit_touch(k, 16, VA, SIM_READ), -ENXIO);
	KUNIT_EXPECT_EQ(test, mmu_kunit_touch(k, 1, VA, SIM_READ), -ENXIO);
	mmu_kunit_config(k, 1);
	KUNIT_EXPECT_EQ(test, mmu_kunit_touch(k, 1, VA, SIM_READ), -ENXIO);
	mmu_kunit_command(k, 1, AS_COMMAND_UPDATE);
	KUNIT_EXPECT_EQ(test, mmu_kunit_touch(k, 1, VA, SIM_READ), 0);
	KUNIT_EXPECT_EQ(test, mmu_kunit_touch(k, 2, VA, SIM_READ), -ENXIO);
	mmu_kunit_write64(k, AS(AS_TRANSTAB(1)), 0);
	KUNIT_EXPECT_EQ(test, mmu_kunit_touch(k, 1, VA, SIM_READ), 0);
	mmu_kunit_disable(k, 1);
	KUNIT_EXPECT_EQ(test, mmu_kunit_touch(k, 1, VA, SIM_READ), -ENXIO);
	KUNIT_EXPECT_EQ(test, mmu_kunit_read(k, RAWSTAT) & GENMASK(15, 0), 0);
}

/**
 * struct fault_param - An access to a mapping
 * @name: Name of the case.
 * @size: Size of the mapping, 0 for none.
 * @prot: What it allows, IOMMU_* bits.
 * @access: What is tried.
 * @status: FAULTSTATUS, without the source; 0 if that is allowed.
 */
struct fault_param {
	const char *name;
	size_t size;
	int prot;
	enum sim_access access;
	u32 status;
};

#define RO	(IOMMU_READ | IOMMU_CACHE)
#define NX	(IOMMU_READ | IOMMU_WRITE | IOMMU_CACHE | IOMMU_NOEXEC)

static const struct fault_param fault_params[] = {
	{ "hole-read", 0, 0, SIM_READ, 0x2c0 },
	{ "hole-write", 0, 0, SIM_WRITE, 0x3c0 },
	{ "hole-exec", 0, 0, SIM_EXEC, 0x1c0 },
	{ "hole-atomic", 0, 0, SIM_ATOMIC, 0x0c0 },
	{ "rw-read", SZ_4K, MMU_KUNIT_RW, SIM_READ, 0 },
	{ "rw-write", SZ_4K, MMU_KUNIT_RW, SIM_WRITE, 0 },
	{ "rw-exec", SZ_4K, MMU_KUNIT_RW, SIM_EXEC, 0 },
	{ "rw-atomic", SZ_4K, MMU_KUNIT_RW, SIM_ATOMIC, 0 },
	{ "ro-read", SZ_4K, RO, SIM_READ, 0 },
	{ "ro-write", SZ_4K, RO, SIM_WRITE, 0x3cb },
	{ "ro-exec", SZ_4K, RO, SIM_EXEC, 0 },
	{ "ro-atomic", SZ_4K, RO, SIM_ATOMIC, 0x0cb },
	{ "ro-block-read", SZ_2M, RO, SIM_READ, 0 },
	{ "ro-block-write", SZ_2M, RO, SIM_WRITE, 0x3ca },
	{ "nx-read", SZ_4K, NX, SIM_READ, 0 },
	{ "nx-write", SZ_4K, NX, SIM_WRITE, 0 },
	{ "nx-exec", SZ_4K, NX, SIM_EXEC, 0x1cb },
	{ "nx-block-exec", SZ_2M, NX, SIM_EXEC, 0x1ca },
};

KUNIT_ARRAY_PARAM_DESC(fault, fault_params, name);

/*
 * Each kind of access to each kind of mapping, by a miss and by a hit.
 * Succeeds if what is not allowed faults with the right status, at the right
 * address, both times, and what is allowed does not fault.
 */
static void permissions_are_checked(struct kunit *test)
{
	const struct fault_param *param = test->param_value;
	struct mmu_kunit *k = to_mmu_kunit(test);
	struct page *page;

	if (param->size) {
		page = mmu_kunit_page(test, get_order(param->size));
		mmu_kunit_map(k, VA, page_to_phys(page), param->size, param->prot);
	}
	mmu_kunit_enable(k, 1);

	for (unsigned int i = 0; i < 2; i++) {
		int ret = mmu_kunit_touch(k, 1, VA + 0x128, param->access);
		u16 status = mmu_kunit_read(k, AS(AS_FAULTSTATUS(1)));
		u64 address = mmu_kunit_read64(k, AS(AS_FAULTADDRESS(1)));
		u16 faults = mmu_kunit_read(k, RAWSTAT);

		KUNIT_EXPECT_EQ(test, ret, param->status ? -EFAULT : 0);
		KUNIT_EXPECT_EQ(test, faults, param->status ? BIT(1) : 0);
		KUNIT_EXPECT_EQ(test, status, param->status);
		KUNIT_EXPECT_EQ(test, address, param->status ? VA + 0x128 : 0);
		mmu_kunit_write(k, CLEAR, BIT(1));
	}
}

/*
 * A copy that begins in a page and ends behind it, where nothing is.
 * Succeeds if the fault is at the first byte that cannot be reached.
 */
static void fault_address_is_where_it_failed(struct kunit *test)
{
	struct mmu_kunit *k = to_mmu_kunit(test);
	u64 buf[2] = {};

	map_new(k, VA, MMU_KUNIT_RW);
	mmu_kunit_enable(k, 1);
	KUNIT_EXPECT_EQ(test, mmu_kunit_copy(k, 1, VA + SZ_4K - 8, buf, sizeof(buf), SIM_READ),
			-EFAULT);
	KUNIT_EXPECT_EQ(test, mmu_kunit_read64(k, AS(AS_FAULTADDRESS(1))), VA + SZ_4K);
	mmu_kunit_write(k, CLEAR, BIT(1));

	KUNIT_EXPECT_EQ(test, mmu_kunit_copy(k, 1, U64_MAX - 7, buf, sizeof(buf), SIM_READ),
			-EFAULT);
	KUNIT_EXPECT_EQ(test, mmu_kunit_read64(k, AS(AS_FAULTADDRESS(1))), U64_MAX - 7);
	KUNIT_EXPECT_EQ(test, mmu_kunit_read(k, AS(AS_FAULTSTATUS(1))), 0x244002e0);
}

/*
 * Two faults of an AS before the driver looks, and one of another AS.
 * Succeeds if the first is kept until it is cleared, and the other AS has its
 * own.
 */
static void first_fault_is_kept(struct kunit *test)
{
	struct mmu_kunit *k = to_mmu_kunit(test);

	map_new(k, VA, MMU_KUNIT_RW);
	mmu_kunit_enable(k, 1);
	mmu_kunit_enable(k, 2);
	mmu_kunit_write(k, MMU_INT_BASE + 8, GENMASK(15, 0));
	KUNIT_EXPECT_EQ(test, mmu_kunit_touch(k, 1, VA + SZ_4K, SIM_READ), -EFAULT);
	KUNIT_EXPECT_EQ(test, mmu_kunit_touch(k, 1, VA + SZ_8K, SIM_WRITE), -EFAULT);
	KUNIT_EXPECT_EQ(test, mmu_kunit_touch(k, 2, VA + SZ_16K, SIM_WRITE), -EFAULT);
	KUNIT_EXPECT_EQ(test, mmu_kunit_touch(k, 1, VA, SIM_READ), 0);

	KUNIT_EXPECT_EQ(test, k->irq, BIT(1) | BIT(2));
	KUNIT_EXPECT_EQ(test, mmu_kunit_read64(k, AS(AS_FAULTADDRESS(1))), VA + SZ_4K);
	KUNIT_EXPECT_EQ(test, mmu_kunit_read(k, AS(AS_FAULTSTATUS(1))), 0x244002c3);
	KUNIT_EXPECT_EQ(test, mmu_kunit_read64(k, AS(AS_FAULTADDRESS(2))), VA + SZ_16K);
	KUNIT_EXPECT_EQ(test, mmu_kunit_stats(k)->faults, 2);
	KUNIT_EXPECT_EQ(test, mmu_kunit_stats(k)->shadowed, 1);

	k->changed = 0;
	mmu_kunit_write(k, CLEAR, BIT(1));
	KUNIT_EXPECT_EQ(test, k->changed, BIT(1));
	KUNIT_EXPECT_EQ(test, mmu_kunit_touch(k, 1, VA + SZ_8K, SIM_WRITE), -EFAULT);
	KUNIT_EXPECT_EQ(test, mmu_kunit_read64(k, AS(AS_FAULTADDRESS(1))), VA + SZ_8K);
}

/*
 * A locked region, and the bytes on both sides of it.
 * Succeeds if what touches the region has to wait, in this AS only, and until
 * UNLOCK, of which the GPU is told.
 */
static void lock_stalls_its_region(struct kunit *test)
{
	struct mmu_kunit *k = to_mmu_kunit(test);
	u64 buf[2];

	for (u64 va = VA - SZ_4K; va <= VA + SZ_32K; va += SZ_4K)
		map_new(k, va, MMU_KUNIT_RW);
	mmu_kunit_enable(k, 1);
	mmu_kunit_enable(k, 2);
	KUNIT_EXPECT_EQ(test, mmu_kunit_touch(k, 1, VA, SIM_READ), 0);
	mmu_kunit_lock(k, 1, VA + SZ_16K, 15);

	KUNIT_EXPECT_EQ(test, mmu_kunit_touch(k, 1, VA, SIM_READ), -EAGAIN);
	KUNIT_EXPECT_EQ(test, mmu_kunit_touch(k, 1, VA + SZ_32K - 4, SIM_WRITE), -EAGAIN);
	KUNIT_EXPECT_EQ(test, mmu_kunit_copy(k, 1, VA - 8, buf, 16, SIM_READ), -EAGAIN);
	KUNIT_EXPECT_EQ(test, mmu_kunit_stats(k)->stalls, 3);
	KUNIT_EXPECT_EQ(test, mmu_kunit_touch(k, 1, VA - 4, SIM_READ), 0);
	KUNIT_EXPECT_EQ(test, mmu_kunit_touch(k, 1, VA + SZ_32K, SIM_WRITE), 0);
	KUNIT_EXPECT_EQ(test, mmu_kunit_touch(k, 2, VA, SIM_READ), 0);

	k->changed = 0;
	mmu_kunit_unlock(k, 1);
	KUNIT_EXPECT_EQ(test, k->changed, BIT(1));
	KUNIT_EXPECT_EQ(test, mmu_kunit_touch(k, 1, VA, SIM_READ), 0);
}

/*
 * The commands of a map, an unmap and a remap, as the driver sends them.
 * Succeeds if each access sees the new state.
 */
static void bracketed_edits_are_seen(struct kunit *test)
{
	struct mmu_kunit *k = to_mmu_kunit(test);
	struct page *page, *other = mmu_kunit_page(test, 0);
	u32 word = 0;

	*(u32 *)page_address(other) = 42;
	mmu_kunit_enable(k, 1);
	mmu_kunit_lock(k, 1, VA, 15);
	page = map_new(k, VA, MMU_KUNIT_RW);
	mmu_kunit_unlock(k, 1);
	KUNIT_EXPECT_EQ(test, mmu_kunit_touch(k, 1, VA, SIM_WRITE), 0);

	mmu_kunit_lock(k, 1, VA, 15);
	mmu_kunit_unmap(k, VA, SZ_4K);
	mmu_kunit_unlock(k, 1);
	mmu_kunit_free(test, page);
	KUNIT_EXPECT_EQ(test, mmu_kunit_touch(k, 1, VA, SIM_WRITE), -EFAULT);

	mmu_kunit_lock(k, 1, VA, 15);
	mmu_kunit_map(k, VA, page_to_phys(other), SZ_4K, MMU_KUNIT_RW);
	mmu_kunit_unlock(k, 1);
	KUNIT_EXPECT_EQ(test, mmu_kunit_copy(k, 1, VA, &word, sizeof(word), SIM_READ), 0);
	KUNIT_EXPECT_EQ(test, word, 42);
}

static struct kunit_case sim_mmu_access_cases[] = {
	KUNIT_CASE(copy_crosses_pages),
	KUNIT_CASE(copy_has_exact_bounds),
	KUNIT_CASE(block_and_alias_are_the_same_memory),
	KUNIT_CASE(update_decides_what_is_behind),
	KUNIT_CASE_PARAM(permissions_are_checked, fault_gen_params),
	KUNIT_CASE(fault_address_is_where_it_failed),
	KUNIT_CASE(first_fault_is_kept),
	KUNIT_CASE(lock_stalls_its_region),
	KUNIT_CASE(bracketed_edits_are_seen),
	{}
};

static struct kunit_suite sim_mmu_access_suite = {
	.name = "panthor_sim_mmu_access",
	.init = mmu_kunit_init,
	.exit = mmu_kunit_exit,
	.test_cases = sim_mmu_access_cases,
};

kunit_test_suite(sim_mmu_access_suite);
