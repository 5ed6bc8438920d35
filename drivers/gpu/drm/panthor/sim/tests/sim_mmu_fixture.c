// SPDX-License-Identifier: GPL-2.0-only
/* Environment, driver and memory of the MMU in its tests. */

#include <linux/cleanup.h>
#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/string.h>

#include <kunit/device.h>
#include <kunit/resource.h>

#include "../../panthor_mmu_regs.h"

#include "sim_mmu_fixture.h"

#define AS(reg)		(MMU_AS_BASE + (reg))

static void env_irq(void *priv, u32 stat)
{
	struct mmu_kunit *k = priv;

	k->irq = stat;
	k->irqs++;
}

static void env_violation(void *priv, enum sim_mmu_violation kind, const char *text)
{
	struct mmu_kunit *k = priv;

	k->violations[kind]++;
	strscpy(k->text, text);
}

static void env_as_changed(void *priv, unsigned int as)
{
	struct mmu_kunit *k = priv;

	k->changed |= BIT(as);
}

static u64 env_delay_ns(void *priv, unsigned int as, u32 cmd)
{
	struct mmu_kunit *k = priv;

	return k->delay;
}

static u64 env_now_ns(void *priv)
{
	struct mmu_kunit *k = priv;

	return k->now;
}

static void destroy_mmu(void *mmu)
{
	sim_mmu_destroy(mmu);
}

/**
 * mmu_kunit_create() - Make the MMU anew
 * @k: The fixture.
 * @entries: Entries of a TLB.
 * @check_every: Check every nth use of one.
 *
 * Context: Test thread.
 */
void mmu_kunit_create(struct mmu_kunit *k, unsigned int entries, unsigned int check_every)
{
	const struct sim_mmu_env env = {
		.priv = k,
		.lock = &k->lock,
		.irq = env_irq,
		.violation = env_violation,
		.as_changed = env_as_changed,
		.delay_ns = env_delay_ns,
		.now_ns = env_now_ns,
	};
	const struct sim_mmu_config config = {
		.as_present = 0xff,
		.va_bits = MMU_KUNIT_VA_BITS,
		.pa_bits = MMU_KUNIT_PA_BITS,
		.tlb_entries = entries,
		.check_every = check_every,
	};

	if (k->mmu)
		kunit_release_action(k->test, destroy_mmu, k->mmu);
	k->mmu = sim_mmu_create(&config, &env);
	KUNIT_ASSERT_NOT_NULL(k->test, k->mmu);
	KUNIT_ASSERT_EQ(k->test, kunit_add_action_or_reset(k->test, destroy_mmu, k->mmu), 0);
}

/**
 * mmu_kunit_init() - .init of a suite: an MMU with eight AS and page tables
 * @test: The test.
 *
 * Context: Test thread.
 *
 * Return: 0; failures abort the test.
 */
int mmu_kunit_init(struct kunit *test)
{
	struct mmu_kunit *k = kunit_kzalloc(test, sizeof(*k), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, k);
	k->test = test;
	test->priv = k;
	raw_spin_lock_init(&k->lock);
	k->dev = kunit_device_register(test, "sim-mmu");
	KUNIT_ASSERT_FALSE(test, IS_ERR(k->dev));
	mmu_kunit_create(k, 64, 1);
	mmu_kunit_tables(k, MMU_KUNIT_VA_BITS);

	return 0;
}

/**
 * mmu_kunit_exit() - .exit of a suite: no violation is left
 * @test: The test.
 *
 * Context: Test thread.
 */
void mmu_kunit_exit(struct kunit *test)
{
	struct mmu_kunit *k = to_mmu_kunit(test);

	if (k && k->mmu)
		mmu_kunit_expect_none(k);
}

/**
 * mmu_kunit_take() - Number of violations of a kind, which are forgotten
 * @k: The fixture.
 * @kind: The kind.
 *
 * Context: Test thread.
 *
 * Return: The number.
 */
unsigned int mmu_kunit_take(struct mmu_kunit *k, enum sim_mmu_violation kind)
{
	unsigned int count = k->violations[kind];

	k->violations[kind] = 0;
	return count;
}

/**
 * mmu_kunit_expect() - Expect one violation, and none of another kind
 * @k: The fixture.
 * @kind: Its kind.
 *
 * Context: Test thread.
 */
void mmu_kunit_expect(struct mmu_kunit *k, enum sim_mmu_violation kind)
{
	KUNIT_EXPECT_EQ_MSG(k->test, mmu_kunit_take(k, kind), 1, "violation: %s",
			    sim_mmu_violation_name(kind));
	mmu_kunit_expect_none(k);
}

/**
 * mmu_kunit_expect_none() - Expect that no violation is left
 * @k: The fixture.
 *
 * Context: Test thread.
 */
void mmu_kunit_expect_none(struct mmu_kunit *k)
{
	for (unsigned int kind = 0; kind < SIM_MMU_VIOLATIONS; kind++)
		KUNIT_EXPECT_EQ_MSG(k->test, mmu_kunit_take(k, kind), 0, "violation: %s: %s",
				    sim_mmu_violation_name(kind), k->text);
}

/**
 * mmu_kunit_read() - Read a register
 * @k: The fixture.
 * @offset: The register.
 *
 * Context: Test thread.
 *
 * Return: The value.
 */
u32 mmu_kunit_read(struct mmu_kunit *k, u32 offset)
{
	guard(raw_spinlock_irqsave)(&k->lock);
	return sim_mmu_read(k->mmu, offset);
}

/**
 * mmu_kunit_read64() - Read a register of two words
 * @k: The fixture.
 * @offset: The register.
 *
 * Context: Test thread.
 *
 * Return: The value.
 */
u64 mmu_kunit_read64(struct mmu_kunit *k, u32 offset)
{
	return mmu_kunit_read(k, offset) | (u64)mmu_kunit_read(k, offset + 4) << 32;
}

/**
 * mmu_kunit_write() - Write a register
 * @k: The fixture.
 * @offset: The register.
 * @value: The value.
 *
 * Context: Test thread.
 */
void mmu_kunit_write(struct mmu_kunit *k, u32 offset, u32 value)
{
	guard(raw_spinlock_irqsave)(&k->lock);
	sim_mmu_write(k->mmu, offset, value);
}

/**
 * mmu_kunit_write64() - Write a register of two words
 * @k: The fixture.
 * @offset: The register.
 * @value: The value.
 *
 * Context: Test thread.
 */
void mmu_kunit_write64(struct mmu_kunit *k, u32 offset, u64 value)
{
	mmu_kunit_write(k, offset, lower_32_bits(value));
	mmu_kunit_write(k, offset + 4, upper_32_bits(value));
}

/**
 * mmu_kunit_command() - Write a command
 * @k: The fixture.
 * @as: Address space.
 * @cmd: The command.
 *
 * Context: Test thread.
 */
void mmu_kunit_command(struct mmu_kunit *k, unsigned int as, u32 cmd)
{
	mmu_kunit_write(k, AS(AS_COMMAND(as)), cmd);
}

/**
 * mmu_kunit_config() - Write the configuration that the page tables need
 * @k: The fixture.
 * @as: Address space.
 *
 * Context: Test thread.
 */
void mmu_kunit_config(struct mmu_kunit *k, unsigned int as)
{
	mmu_kunit_write64(k, AS(AS_TRANSTAB(as)), k->cfg.arm_lpae_s1_cfg.ttbr);
	mmu_kunit_write64(k, AS(AS_MEMATTR(as)), 0x9f9f9f9f9c4c9f4c);
	mmu_kunit_write64(k, AS(AS_TRANSCFG(as)),
			  AS_TRANSCFG_PTW_MEMATTR_WB | AS_TRANSCFG_PTW_RA |
			  AS_TRANSCFG_ADRMODE_AARCH64_4K | AS_TRANSCFG_INA_BITS(55 - k->cfg.ias));
}

/**
 * mmu_kunit_enable() - Have an address space use the page tables
 * @k: The fixture.
 * @as: Address space.
 *
 * Context: Test thread.
 */
void mmu_kunit_enable(struct mmu_kunit *k, unsigned int as)
{
	mmu_kunit_config(k, as);
	mmu_kunit_command(k, as, AS_COMMAND_UPDATE);
}

/**
 * mmu_kunit_disable() - Have an address space use nothing
 * @k: The fixture.
 * @as: Address space.
 *
 * Context: Test thread.
 */
void mmu_kunit_disable(struct mmu_kunit *k, unsigned int as)
{
	mmu_kunit_write64(k, AS(AS_TRANSTAB(as)), 0);
	mmu_kunit_write64(k, AS(AS_TRANSCFG(as)), AS_TRANSCFG_ADRMODE_UNMAPPED);
	mmu_kunit_command(k, as, AS_COMMAND_UPDATE);
}

/**
 * mmu_kunit_lock() - Lock a region
 * @k: The fixture.
 * @as: Address space.
 * @va: An address in it.
 * @bits: log2 of its size.
 *
 * Context: Test thread.
 */
void mmu_kunit_lock(struct mmu_kunit *k, unsigned int as, u64 va, unsigned int bits)
{
	mmu_kunit_write64(k, AS(AS_LOCKADDR(as)), (va & ~(u64)(SZ_4K - 1)) | (bits - 1));
	mmu_kunit_command(k, as, AS_COMMAND_LOCK);
}

/**
 * mmu_kunit_flush() - Flush the GPU's caches
 * @k: The fixture.
 *
 * Context: Test thread.
 */
void mmu_kunit_flush(struct mmu_kunit *k)
{
	guard(raw_spinlock_irqsave)(&k->lock);
	sim_mmu_flush_done(k->mmu);
}

/**
 * mmu_kunit_unlock() - Flush the GPU's caches and unlock, as the driver does
 * @k: The fixture.
 * @as: Address space.
 *
 * Context: Test thread.
 */
void mmu_kunit_unlock(struct mmu_kunit *k, unsigned int as)
{
	mmu_kunit_flush(k);
	mmu_kunit_command(k, as, AS_COMMAND_UNLOCK);
}

/**
 * mmu_kunit_reset() - Reset the GPU
 * @k: The fixture.
 *
 * Context: Test thread.
 */
void mmu_kunit_reset(struct mmu_kunit *k)
{
	guard(raw_spinlock_irqsave)(&k->lock);
	sim_mmu_reset(k->mmu);
}

static void *table_alloc(void *cookie, size_t size, gfp_t gfp)
{
	struct mmu_kunit *k = cookie;

	for (unsigned int i = 0; i < ARRAY_SIZE(k->tables); i++) {
		if (k->tables[i])
			continue;
		k->tables[i] = alloc_pages(gfp | __GFP_ZERO, get_order(size));
		return k->tables[i] ? page_address(k->tables[i]) : NULL;
	}

	return NULL;
}

static void table_free(void *cookie, void *table, size_t size)
{
	struct mmu_kunit *k = cookie;

	for (unsigned int i = 0; i < ARRAY_SIZE(k->tables); i++)
		if (k->tables[i] == virt_to_page(table))
			k->tables[i] = NULL;
	free_pages((unsigned long)table, get_order(size));
}

static void free_tables(void *ops)
{
	free_io_pgtable_ops(ops);
}

/**
 * mmu_kunit_tables() - Make the page tables anew
 * @k: The fixture.
 * @va_bits: Width of their addresses.
 *
 * Context: Test thread.
 */
void mmu_kunit_tables(struct mmu_kunit *k, unsigned int va_bits)
{
	if (k->ops)
		kunit_release_action(k->test, free_tables, k->ops);

	k->cfg = (struct io_pgtable_cfg){
		.pgsize_bitmap = SZ_4K | SZ_2M,
		.ias = va_bits,
		.oas = MMU_KUNIT_PA_BITS,
		.coherent_walk = true,
		.iommu_dev = k->dev,
		.alloc = table_alloc,
		.free = table_free,
	};
	k->ops = alloc_io_pgtable_ops(ARM_64_LPAE_S1, &k->cfg, k);
	KUNIT_ASSERT_NOT_NULL(k->test, k->ops);
	KUNIT_ASSERT_EQ(k->test, kunit_add_action_or_reset(k->test, free_tables, k->ops), 0);
}

static void free_page_of(void *page)
{
	__free_pages(page, compound_order(page));
}

/**
 * mmu_kunit_page() - Allocate memory for the GPU
 * @test: The test.
 * @order: log2 of the number of pages, which are one folio.
 *
 * Context: Test thread.
 *
 * Return: The first page.
 */
struct page *mmu_kunit_page(struct kunit *test, unsigned int order)
{
	struct page *page = alloc_pages(GFP_KERNEL | __GFP_ZERO | __GFP_COMP, order);

	KUNIT_ASSERT_NOT_NULL(test, page);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, free_page_of, page), 0);

	return page;
}

static void hold(void *page)
{
	page_ref_unfreeze(page, 1);
}

/**
 * mmu_kunit_free() - Have a page look like a free one
 * @test: The test.
 * @page: The page. Really freed, it could be anything by the next line.
 *
 * Context: Test thread.
 */
void mmu_kunit_free(struct kunit *test, struct page *page)
{
	KUNIT_ASSERT_TRUE(test, page_ref_freeze(page, 1));
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, hold, page), 0);
}

/**
 * mmu_kunit_hold() - End what mmu_kunit_free() began
 * @test: The test.
 * @page: The page.
 *
 * Context: Test thread.
 */
void mmu_kunit_hold(struct kunit *test, struct page *page)
{
	kunit_release_action(test, hold, page);
}

/**
 * mmu_kunit_map() - Map one page or block
 * @k: The fixture.
 * @va: GPU address.
 * @pa: Physical address.
 * @size: 4 KiB or 2 MiB.
 * @prot: IOMMU_* bits.
 *
 * Context: Test thread.
 */
void mmu_kunit_map(struct mmu_kunit *k, u64 va, phys_addr_t pa, size_t size, int prot)
{
	size_t mapped = 0;

	KUNIT_ASSERT_EQ(k->test, k->ops->map_pages(k->ops, va, pa, size, 1, prot, GFP_KERNEL,
						   &mapped), 0);
	KUNIT_ASSERT_EQ(k->test, mapped, size);
}

/**
 * mmu_kunit_unmap() - Unmap one page or block
 * @k: The fixture.
 * @va: GPU address.
 * @size: 4 KiB or 2 MiB.
 *
 * Context: Test thread.
 */
void mmu_kunit_unmap(struct mmu_kunit *k, u64 va, size_t size)
{
	KUNIT_ASSERT_EQ(k->test, k->ops->unmap_pages(k->ops, va, size, 1, NULL), size);
}

/**
 * mmu_kunit_entry() - Find the descriptor of a page
 * @k: The fixture, with tables of four levels.
 * @va: GPU address of the page, which is mapped.
 *
 * Context: Test thread.
 *
 * Return: The descriptor.
 */
u64 *mmu_kunit_entry(struct mmu_kunit *k, u64 va)
{
	u64 *table = phys_to_virt(k->cfg.arm_lpae_s1_cfg.ttbr);

	for (unsigned int shift = 39; shift > 12; shift -= 9)
		table = phys_to_virt(table[(va >> shift) & 511] & GENMASK_ULL(47, 12));

	return &table[(va >> 12) & 511];
}

/**
 * mmu_kunit_copy() - Access memory as the GPU
 * @k: The fixture.
 * @as: Address space.
 * @va: GPU address.
 * @buf: The GPU's side.
 * @len: Number of bytes.
 * @access: What is done.
 *
 * Context: Test thread.
 *
 * Return: What sim_mmu_copy() returned.
 */
int mmu_kunit_copy(struct mmu_kunit *k, unsigned int as, u64 va, void *buf, size_t len,
		   enum sim_access access)
{
	guard(raw_spinlock_irqsave)(&k->lock);
	return sim_mmu_copy(k->mmu, as, va, buf, len, access, "CSG 2 CS 1");
}

/**
 * mmu_kunit_touch() - Access a word as the GPU
 * @k: The fixture.
 * @as: Address space.
 * @va: GPU address.
 * @access: What is done. A write writes 0.
 *
 * Context: Test thread.
 *
 * Return: What sim_mmu_copy() returned.
 */
int mmu_kunit_touch(struct mmu_kunit *k, unsigned int as, u64 va, enum sim_access access)
{
	u32 word = 0;

	return mmu_kunit_copy(k, as, va, &word, sizeof(word), access);
}
