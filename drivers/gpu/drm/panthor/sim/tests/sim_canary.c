// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a GPU must not do to memory, done on purpose: the gate that reads the
 * violations of a run has to go red. Only in a boot that names one of them, in
 * the place of all suites.
 */

#include <linux/array_size.h>
#include <linux/cleanup.h>
#include <linux/init.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/reboot.h>
#include <linux/sizes.h>
#include <linux/string.h>

#include "../../panthor_mmu_regs.h"

#include "../sim.h"
#include "../sim_parts.h"
#include "../sim_regs.h"
#include "sim_fixture.h"
#include "sim_mmu_fixture.h"

#define AS_NR		1
#define AS(reg)		(MMU_AS_BASE + (reg))
#define VA		((u64)SZ_1G)

static char *kunit_canary;
module_param(kunit_canary, charp, 0444);
MODULE_PARM_DESC(kunit_canary, "Fault that this boot makes instead of running tests");

static void write64(struct sim_gpu *gpu, u32 offset, u64 value)
{
	sim_regs_write(gpu, offset, lower_32_bits(value));
	sim_regs_write(gpu, offset + 4, upper_32_bits(value));
}

/* A whole GPU that has used the page at VA, and does not keep quiet. */
static struct sim_gpu *canary_gpu(struct kunit *test, struct page *page)
{
	struct mmu_kunit *k = to_mmu_kunit(test);
	struct sim_gpu *gpu = sim_kunit_gpu(test);
	u32 word;

	gpu->violations.quiet = false;
	sim_kunit_l2_on(gpu);
	mmu_kunit_map(k, VA, page_to_phys(page), SZ_4K, MMU_KUNIT_RW);
	write64(gpu, AS(AS_TRANSTAB(AS_NR)), k->cfg.arm_lpae_s1_cfg.ttbr);
	write64(gpu, AS(AS_MEMATTR(AS_NR)), 0x9f9f9f9f9c4c9f4c);
	write64(gpu, AS(AS_TRANSCFG(AS_NR)), AS_TRANSCFG_PTW_MEMATTR_WB | AS_TRANSCFG_PTW_RA |
		AS_TRANSCFG_ADRMODE_AARCH64_4K | AS_TRANSCFG_INA_BITS(55 - k->cfg.ias));
	sim_regs_write(gpu, AS(AS_COMMAND(AS_NR)), AS_COMMAND_UPDATE);

	scoped_guard(raw_spinlock_irqsave, &gpu->lock)
		KUNIT_EXPECT_EQ(test, sim_parts_copy(gpu, AS_NR, VA, &word, sizeof(word), SIM_READ,
						     "canary"), 0);

	return gpu;
}

static void use(struct sim_gpu *gpu, enum sim_access access)
{
	u32 word = 0;

	guard(raw_spinlock_irqsave)(&gpu->lock);
	sim_parts_copy(gpu, AS_NR, VA, &word, sizeof(word), access, "canary");
}

/*
 * Page tables have another page, the TLB has the old one, and nobody flushed.
 * Succeeds if the GPU could use it before; its use now has to be seen.
 */
static void stale_tlb_access(struct kunit *test)
{
	struct mmu_kunit *k = to_mmu_kunit(test);
	struct sim_gpu *gpu = canary_gpu(test, mmu_kunit_page(test, 0));

	mmu_kunit_unmap(k, VA, SZ_4K);
	mmu_kunit_map(k, VA, page_to_phys(mmu_kunit_page(test, 0)), SZ_4K, MMU_KUNIT_RW);
	use(gpu, SIM_READ);
}

/*
 * A page is freed that the GPU still has.
 * Succeeds if the GPU could use it before; the write now has to be seen.
 */
static void gpu_write_after_free(struct kunit *test)
{
	struct page *page = mmu_kunit_page(test, 0);
	struct sim_gpu *gpu = canary_gpu(test, page);

	mmu_kunit_free(test, page);
	use(gpu, SIM_WRITE);
}

static struct kunit_case canary_cases[] = {
	KUNIT_CASE(stale_tlb_access),
	KUNIT_CASE(gpu_write_after_free),
	{}
};

static struct kunit_suite canary_suite = {
	.name = "panthor_canary",
	.init = mmu_kunit_init,
	.exit = mmu_kunit_exit,
	.test_cases = canary_cases,
};

/* Not in the list of suites, where every run would have to leave it out. */
static int __init canary_init(void)
{
	static struct kunit_suite *suites[] = { &canary_suite };
	struct kunit_suite_set set = { suites, suites + ARRAY_SIZE(suites) };

	if (!kunit_canary)
		return 0;

	for (unsigned int i = 0; canary_cases[i].run_case; i++)
		if (!strcmp(canary_cases[i].name, kunit_canary))
			canary_cases[0] = canary_cases[i];
	canary_cases[1] = (struct kunit_case){};
	kunit_exec_run_tests(&set, true);
	kernel_halt();

	return 0;
}
late_initcall_sync(canary_init);
