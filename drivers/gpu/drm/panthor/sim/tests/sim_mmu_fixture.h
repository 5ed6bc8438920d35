/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef __PANTHOR_SIM_TESTS_MMU_FIXTURE_H__
#define __PANTHOR_SIM_TESTS_MMU_FIXTURE_H__

/**
 * DOC: An MMU of its own for each case
 *
 * No GPU is around it: the fixture is the environment, and the tests are the
 * driver, with page tables of the kernel's io-pgtable code. Violations have to
 * be asked for; one that is left when a case ends fails it.
 */

#include <kunit/test.h>

#include <linux/io-pgtable.h>
#include <linux/iommu.h>
#include <linux/mm_types.h>
#include <linux/spinlock.h>

#include "../sim_mmu.h"

#define MMU_KUNIT_TABLES	64
#define MMU_KUNIT_VA_BITS	48
#define MMU_KUNIT_PA_BITS	40
#define MMU_KUNIT_RW		(IOMMU_READ | IOMMU_WRITE | IOMMU_CACHE)

/**
 * struct mmu_kunit - The fixture, test->priv
 * @test: The test.
 * @lock: The GPU's lock.
 * @mmu: The MMU.
 * @irq: Interrupt line as last told, RAWSTAT & MASK.
 * @irqs: How often that was told.
 * @changed: Mask of address spaces that were said to have changed.
 * @violations: Violations that were not asked for yet.
 * @text: Text of the last one.
 * @now: The time.
 * @delay: How long a command takes.
 * @dev: Device of the page tables.
 * @ops: The page tables.
 * @cfg: Their configuration.
 * @tables: Pages that they are made of.
 */
struct mmu_kunit {
	struct kunit *test;
	raw_spinlock_t lock;
	struct sim_mmu *mmu;
	u32 irq;
	unsigned int irqs;
	u32 changed;
	unsigned int violations[SIM_MMU_VIOLATIONS];
	char text[320];
	u64 now;
	u64 delay;
	struct device *dev;
	struct io_pgtable_ops *ops;
	struct io_pgtable_cfg cfg;
	struct page *tables[MMU_KUNIT_TABLES];
};

int mmu_kunit_init(struct kunit *test);
void mmu_kunit_exit(struct kunit *test);
void mmu_kunit_create(struct mmu_kunit *k, unsigned int entries, unsigned int check_every);

unsigned int mmu_kunit_take(struct mmu_kunit *k, enum sim_mmu_violation kind);
void mmu_kunit_expect(struct mmu_kunit *k, enum sim_mmu_violation kind);
void mmu_kunit_expect_none(struct mmu_kunit *k);

u32 mmu_kunit_read(struct mmu_kunit *k, u32 offset);
u64 mmu_kunit_read64(struct mmu_kunit *k, u32 offset);
void mmu_kunit_write(struct mmu_kunit *k, u32 offset, u32 value);
void mmu_kunit_write64(struct mmu_kunit *k, u32 offset, u64 value);
void mmu_kunit_command(struct mmu_kunit *k, unsigned int as, u32 cmd);
void mmu_kunit_config(struct mmu_kunit *k, unsigned int as);
void mmu_kunit_enable(struct mmu_kunit *k, unsigned int as);
void mmu_kunit_disable(struct mmu_kunit *k, unsigned int as);
void mmu_kunit_lock(struct mmu_kunit *k, unsigned int as, u64 va, unsigned int bits);
void mmu_kunit_flush(struct mmu_kunit *k);
void mmu_kunit_unlock(struct mmu_kunit *k, unsigned int as);
void mmu_kunit_reset(struct mmu_kunit *k);

void mmu_kunit_tables(struct mmu_kunit *k, unsigned int va_bits);
struct page *mmu_kunit_page(struct kunit *test, unsigned int order);
void mmu_kunit_free(struct kunit *test, struct page *page);
void mmu_kunit_hold(struct kunit *test, struct page *page);
void mmu_kunit_map(struct mmu_kunit *k, u64 va, phys_addr_t pa, size_t size, int prot);
void mmu_kunit_unmap(struct mmu_kunit *k, u64 va, size_t size);
u64 *mmu_kunit_entry(struct mmu_kunit *k, u64 va);

int mmu_kunit_copy(struct mmu_kunit *k, unsigned int as, u64 va, void *buf, size_t len,
		   enum sim_access access);
int mmu_kunit_touch(struct mmu_kunit *k, unsigned int as, u64 va, enum sim_access access);

static inline struct mmu_kunit *to_mmu_kunit(struct kunit *test)
{
	return test->priv;
}

static inline const struct sim_mmu_stats *mmu_kunit_stats(struct mmu_kunit *k)
{
	return sim_mmu_stats(k->mmu);
}

#endif
