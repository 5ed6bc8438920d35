// SPDX-License-Identifier: GPL-2.0-only
/*
 * What is to be compared between drivers, for the command bench: exact counts of
 * calls, steps, commands and bytes, as "bench: NAME VALUE UNIT". What the values
 * should be is asserted elsewhere, above all in reclaim_cost_kunit.c; here only that
 * the work was done, and sizes, as the command has a kernel on which they count.
 */

#include <linux/minmax.h>
#include <linux/sched/mm.h>
#include <linux/shrinker.h>
#include <linux/sizes.h>
#include <linux/slab.h>

#include <drm/drm_gpuvm.h>

#include "../panthor_mmu_regs.h"

#include "fake_as.h"
#include "fixture.h"
#include "mmu_as.h"
#include "reclaim.h"
#include "seam.h"
#include "vm_walk.h"

static void measured(struct kunit *test, const char *name, u64 value, const char *unit)
{
	kunit_info(test, "bench: %s %llu %s\n", name, value, unit);
}

static int measure_init(struct kunit *test)
{
	int ret = panthor_fake_as_init(test);

	panthor_seam_set_swap(test, 1);
	return ret;
}

/**
 * struct measure_calls - Calls so far
 * @locks: LOCK commands to address space 1.
 * @unlocks: UNLOCK commands to it.
 * @flushes: Cache flushes.
 * @steps: Steps along the mappings of vm_bos.
 */
struct measure_calls {
	unsigned int locks;
	unsigned int unlocks;
	unsigned int flushes;
	unsigned int steps;
};

static struct measure_calls calls_now(void)
{
	return (struct measure_calls) {
		.locks = panthor_fake_as_commands(1, AS_COMMAND_LOCK),
		.unlocks = panthor_fake_as_commands(1, AS_COMMAND_UNLOCK),
		.flushes = panthor_seam_calls(SEAM_FLUSH_CACHES),
		.steps = panthor_seam_calls(SEAM_VA_STEP),
	};
}

static struct measure_calls calls_since(struct measure_calls then)
{
	struct measure_calls calls = calls_now();

	calls.locks -= then.locks;
	calls.unlocks -= then.unlocks;
	calls.flushes -= then.flushes;
	calls.steps -= then.steps;
	panthor_fake_as_forget();

	return calls;
}

/* A VM on address space 1 maps one BO @n times; it goes and comes back. */
static void evict_and_restore(struct kunit *test, unsigned int n, struct measure_calls *evict,
			      struct measure_calls *restore)
{
	struct panthor_gem_object *bo = panthor_kunit_bo(test, BO_SIZE);
	struct panthor_vm *vm = mmu_as_active_vm(test);
	struct measure_calls then;

	for (unsigned int i = 0; i < n; i++)
		panthor_kunit_map(test, vm, bo, VA(i));
	panthor_fake_as_forget();

	then = calls_now();
	KUNIT_ASSERT_EQ(test, panthor_kunit_scan(test, GFP_KERNEL, 1), BO_PAGES);
	*evict = calls_since(then);
	then = calls_now();
	KUNIT_ASSERT_EQ(test, vm_submit(vm), 0);
	*restore = calls_since(then);
	KUNIT_ASSERT_NOT_NULL(test, bo->backing.pages);
}

/* Succeeds if a BO with 32 mappings is evicted and restored. */
static void of_32_mappings(struct kunit *test)
{
	struct measure_calls evict, restore;

	evict_and_restore(test, 32, &evict, &restore);
	measured(test, "evict_32_steps", evict.steps, "steps");
	measured(test, "restore_32_steps", restore.steps, "steps");
}

/* Succeeds if a BO with 256 mappings is evicted and restored. */
static void of_256_mappings(struct kunit *test)
{
	struct measure_calls evict, restore;

	evict_and_restore(test, 256, &evict, &restore);
	measured(test, "evict_256_steps", evict.steps, "steps");
	measured(test, "evict_256_locks", evict.locks, "LOCK");
	measured(test, "evict_256_flushes", evict.flushes, "flushes");
	measured(test, "evict_256_unlocks", evict.unlocks, "UNLOCK");
	measured(test, "restore_256_steps", restore.steps, "steps");
	measured(test, "restore_256_locks", restore.locks, "LOCK");
	measured(test, "restore_256_flushes", restore.flushes, "flushes");
	measured(test, "restore_256_unlocks", restore.unlocks, "UNLOCK");
}

/* Waits of one scan for a VM with 100 BOs whose job does not end. */
static unsigned int waits_for_busy_vm(struct kunit *test, bool private)
{
	struct panthor_vm *vm = panthor_kunit_vm(test);
	struct panthor_gem_object *bo;

	for (unsigned int i = 0; i < 100; i++) {
		bo = panthor_kunit_try_bo(test, private ? vm : NULL, BO_SIZE, 0);
		KUNIT_ASSERT_NOT_ERR_OR_NULL(test, bo);
		panthor_kunit_map(test, vm, bo, VA(i));
	}
	KUNIT_ASSERT_EQ(test, vm_submit_fence(vm, vm_fence(test)), 0);
	panthor_seam_fail_always(test, SEAM_FENCE_WAIT, PANTHOR_SEAM_TIMEOUT);

	KUNIT_ASSERT_EQ(test, panthor_kunit_scan(test, GFP_KERNEL, EVERYTHING), 0);
	return panthor_seam_calls(SEAM_FENCE_WAIT);
}

/* Succeeds if a scan of a busy VM with private BOs frees nothing. */
static void waits_with_private_bos(struct kunit *test)
{
	measured(test, "waits_private", waits_for_busy_vm(test, true), "waits");
}

/* Succeeds if a scan of a busy VM with BOs that can be shared frees nothing. */
static void waits_with_shared_bos(struct kunit *test)
{
	measured(test, "waits_shared", waits_for_busy_vm(test, false), "waits");
}

/*
 * The core asks for 1,024 pages, 128 at a time, less what the shrinker says that it
 * has scanned beyond that (include/linux/shrinker.h).
 * Succeeds if there are at least as many.
 */
static void pages_freed_for_1024(struct kunit *test)
{
	struct shrinker *shrinker = to_panthor_kunit(test)->ptdev->reclaim.shrinker;
	struct shrink_control sc = { .gfp_mask = GFP_KERNEL };
	unsigned long freed = 0;
	long todo = 1024;

	for (unsigned int i = 0; i < 32; i++)
		reclaim_unused_bo(test, 256 * PAGE_SIZE);

	fs_reclaim_acquire(GFP_KERNEL);
	while (todo >= 128) {
		sc.nr_to_scan = 128;
		sc.nr_scanned = sc.nr_to_scan;
		freed += shrinker->scan_objects(shrinker, &sc);
		todo -= sc.nr_scanned;
	}
	fs_reclaim_release(GFP_KERNEL);

	KUNIT_EXPECT_GE(test, freed, 1024);
	measured(test, "freed_for_1024", freed, "pages");
}

/**
 * struct plain_bo - What a BO of either driver is made of
 * @base: The GEM object.
 * @backing: Its memory.
 * @cmap: Its CPU mappings.
 * @dmap: Its DMA mapping.
 * @state: What reclaim has to know.
 * @evictions: Counted.
 * @owner: The only VM that may map it.
 * @flags: Flags of the uAPI.
 * @label: Text, and its lock.
 * @debugfs: What debugfs tells of it.
 */
struct plain_bo {
	struct drm_gem_object base;
	struct panthor_gem_backing backing;
	struct panthor_gem_cpu_map cmap;
	struct panthor_gem_dev_map dmap;
	enum panthor_gem_reclaim_state state;
	atomic_t evictions;
	struct drm_gem_object *owner;
	u32 flags;
	struct {
		const char *str;
		struct mutex lock; /* Of the text. */
	} label;
#ifdef CONFIG_DEBUG_FS
	struct panthor_gem_debugfs debugfs;
#endif
};

/**
 * struct plain_mapping - What a mapping of either driver is made of
 * @base: What drm_gpuvm knows of it.
 * @node: In a list of those that are to be freed.
 * @flags: How it is mapped.
 * @evicted: It is not in the page table.
 */
struct plain_mapping {
	struct drm_gpuva base;
	struct list_head node;
	u32 flags;
	bool evicted;
};

/*
 * What the allocator gives for the driver's own objects; those of DRM and of shmem
 * are the same for all. It rounds up, so that a byte may cost as much as the rest:
 * kernels without debug options are those that count.
 * Succeeds if BOs and mappings take no more than what they cannot do without.
 */
static void sizes_of_objects(struct kunit *test)
{
	struct panthor_vm *vm = panthor_kunit_vm(test);
	struct panthor_gem_object *bo = panthor_kunit_bo(test, SZ_2M);
	struct drm_gpuvm_bo *vm_bo;
	struct drm_gpuva *va;

	panthor_kunit_map(test, vm, bo, VA(0));
	vm_bo = vm_bo_of(vm, bo);
	KUNIT_ASSERT_NOT_NULL(test, vm_bo);
	va = list_first_entry_or_null(&vm_bo->list.gpuva, struct drm_gpuva, gem.entry);
	KUNIT_ASSERT_NOT_NULL(test, va);

	KUNIT_EXPECT_LE(test, ksize(bo), kmalloc_size_roundup(sizeof(struct plain_bo)));
	KUNIT_EXPECT_LE(test, ksize(va), kmalloc_size_roundup(sizeof(struct plain_mapping)));

	measured(test, "size_bo", ksize(bo), "bytes");
	/* The first member of a mapping of either driver. */
	measured(test, "size_mapping", ksize(va), "bytes");
	measured(test, "size_vm", ksize(vm), "bytes");
}

static struct kunit_case measure_cases[] = {
	KUNIT_CASE(of_32_mappings),
	KUNIT_CASE(of_256_mappings),
	KUNIT_CASE(waits_with_private_bos),
	KUNIT_CASE(waits_with_shared_bos),
	KUNIT_CASE(pages_freed_for_1024),
	KUNIT_CASE(sizes_of_objects),
	{}
};

static struct kunit_suite measure_suite = {
	.name = "panthor_measure",
	.init = measure_init,
	.exit = panthor_fake_as_exit,
	.suite_exit = panthor_kunit_suite_exit,
	.test_cases = measure_cases,
};

kunit_test_suite(measure_suite);
