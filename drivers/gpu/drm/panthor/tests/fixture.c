// SPDX-License-Identifier: GPL-2.0-only
/*
 * Mock device, buffer objects, pins and kernel mappings, and the shrinker's
 * entry points.
 */

#include <linux/cleanup.h>
#include <linux/dma-mapping.h>
#include <linux/file.h>
#include <linux/idr.h>
#include <linux/iosys-map.h>
#include <linux/moduleparam.h>
#include <linux/sched/mm.h>
#include <linux/shrinker.h>
#include <linux/sizes.h>

#include <drm/drm_drv.h>
#include <drm/drm_file.h>
#include <drm/drm_gem.h>
#include <drm/drm_managed.h>

#include <kunit/resource.h>

#include "check.h"
#include "fixture.h"
#include "seam.h"
#include "watch.h"

/* VA 48 bits, PA 40 bits, as a Mali-G610 reports in MMU_FEATURES. */
#define G610_MMU_FEATURES	0x2830

/* Covers the MMU interrupt and address space registers. */
#define FIXTURE_REGS_SIZE	SZ_16K

static char *kunit_fatal;
module_param(kunit_fatal, charp, 0444);
MODULE_PARM_DESC(kunit_fatal,
		 "Row of KUnit cases to run although a defect of the driver makes it crash, or all");

static const struct drm_driver fixture_driver = {
	.driver_features = DRIVER_RENDER | DRIVER_GEM | FIXTURE_GEM_GPUVA |
			   DRIVER_SYNCOBJ | DRIVER_SYNCOBJ_TIMELINE,
	.name = "panthor-kunit",
	.desc = "panthor memory core under test",
	.major = 1,
	.gem_prime_import = panthor_gem_prime_import,
	.gem_prime_import_sg_table = panthor_gem_prime_import_sg_table,
};

KUNIT_DEFINE_ACTION_WRAPPER(fixture_shrinker_unplug, panthor_gem_shrinker_unplug,
			    struct panthor_device *);
KUNIT_DEFINE_ACTION_WRAPPER(fixture_mmu_unplug, panthor_mmu_unplug,
			    struct panthor_device *);
KUNIT_DEFINE_ACTION_WRAPPER(fixture_obj_put, drm_gem_object_put,
			    struct drm_gem_object *);
KUNIT_DEFINE_ACTION_WRAPPER(fixture_xa_destroy, xa_destroy, struct xarray *);

/* Runs when all that a case made is gone, and the device is not. */
static void fixture_expect_nothing_left(void *data)
{
	struct panthor_check_report report = {};

	panthor_check_left(data, &report);
	panthor_expect_report(data, &report);
}

static void fixture_flush_files(void *unused)
{
	/* Kernel threads put files from a work item. */
	flush_delayed_fput();
}

static void fixture_file_fini(void *data)
{
	struct drm_file *file = data;

	idr_destroy(&file->object_idr);
	mutex_destroy(&file->prime.lock);
}

/* What handle creation and lookup need of a DRM file, without a device node. */
static struct drm_file *fixture_file(struct kunit *test, struct drm_device *drm)
{
	struct drm_file *file = kunit_kzalloc(test, sizeof(*file), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, file);
	file->minor = drm->render;
	idr_init_base(&file->object_idr, 1);
	spin_lock_init(&file->table_lock);
	mutex_init(&file->prime.lock);
	file->prime.dmabufs = RB_ROOT;
	file->prime.handles = RB_ROOT;
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, fixture_file_fini, file), 0);

	return file;
}

/*
 * Registering a device, and mounting the DRM file system for the first one, cost
 * more than most cases. What belongs to a case is in a devres group.
 */
static struct {
	struct device *dev;
	struct device_dma_parameters dma_parms;
	struct device *mount_dev;
	struct drm_device *mount;
} parent;

static int fixture_mount(void)
{
	/* Another device: each can have one folder in debugfs. */
	struct device *dev = root_device_register("panthor-kunit-mount");
	struct drm_device *mount;

	if (IS_ERR(dev))
		return PTR_ERR(dev);

	mount = drm_dev_alloc(&fixture_driver, dev);
	if (IS_ERR(mount)) {
		root_device_unregister(dev);
		return PTR_ERR(mount);
	}
	parent.mount_dev = dev;
	parent.mount = mount;

	return 0;
}

static int fixture_parent(void)
{
	struct device *dev;
	int ret;

	if (parent.dev)
		return 0;

	dev = root_device_register("panthor-kunit");
	if (IS_ERR(dev))
		return PTR_ERR(dev);
	dev->dma_mask = &dev->coherent_dma_mask;
	dev->dma_parms = &parent.dma_parms;
	dma_set_mask_and_coherent(dev, DMA_BIT_MASK(40));
	dma_set_max_seg_size(dev, UINT_MAX);

	ret = fixture_mount();
	if (ret)
		root_device_unregister(dev);
	else
		parent.dev = dev;

	return ret;
}

/**
 * panthor_kunit_suite_exit() - .suite_exit of a suite that uses the fixture
 * @suite: The suite.
 *
 * Context: Process context, no case is running.
 */
void panthor_kunit_suite_exit(struct kunit_suite *suite)
{
	if (!parent.dev)
		return;

	drm_dev_put(parent.mount);
	root_device_unregister(parent.mount_dev);
	root_device_unregister(parent.dev);
	parent.dev = NULL;
}

static void fixture_close_group(void *data)
{
	devres_release_group(parent.dev, data);
}

static void fixture_device(struct kunit *test, bool coherent)
{
	struct panthor_kunit *ctx = to_panthor_kunit(test);
	struct panthor_device *ptdev;
	void *regs;

	KUNIT_ASSERT_EQ(test, fixture_parent(), 0);
	ctx->dev = parent.dev;
	KUNIT_ASSERT_NOT_NULL(test, devres_open_group(ctx->dev, ctx, GFP_KERNEL));
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, fixture_close_group, ctx), 0);

	regs = kunit_kzalloc(test, FIXTURE_REGS_SIZE, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, regs);

	ptdev = devm_drm_dev_alloc(ctx->dev, &fixture_driver, struct panthor_device, base);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, ptdev);
	ctx->ptdev = ptdev;
	INIT_LIST_HEAD(&ptdev->gems.node);
	KUNIT_ASSERT_EQ(test, kunit_add_action(test, fixture_expect_nothing_left, test), 0);

	ptdev->iomem = (void __iomem *)regs;
	ptdev->coherent = coherent;
	ptdev->gpu_info.mmu_features = G610_MMU_FEATURES;
	ptdev->gpu_info.as_present = GENMASK(7, 0);
	mutex_init(&ptdev->pm.mmio_lock);
	KUNIT_ASSERT_EQ(test, drmm_mutex_init(&ptdev->base, &ptdev->unplug.lock), 0);
	KUNIT_ASSERT_EQ(test, drmm_mutex_init(&ptdev->base, &ptdev->gems.lock), 0);
	init_completion(&ptdev->unplug.done);

	ctx->file = fixture_file(test, &ptdev->base);
	panthor_gem_init(ptdev);

	KUNIT_ASSERT_EQ(test, panthor_mmu_init(ptdev), 0);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, fixture_mmu_unplug, ptdev), 0);
	KUNIT_ASSERT_EQ(test, panthor_gem_shrinker_init(ptdev), 0);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, fixture_shrinker_unplug, ptdev), 0);
	KUNIT_ASSERT_EQ(test, kunit_add_action(test, fixture_flush_files, NULL), 0);
}

static int fixture_init(struct kunit *test, bool coherent)
{
	struct panthor_kunit *ctx = kunit_kzalloc(test, sizeof(*ctx), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, ctx);
	ctx->test = test;
	test->priv = ctx;
	panthor_seam_reset();
	panthor_watch_reset();
	xa_init(&ctx->pins);
	KUNIT_ASSERT_EQ(test, kunit_add_action(test, fixture_xa_destroy, &ctx->pins), 0);
	xa_init(&ctx->imports);
	KUNIT_ASSERT_EQ(test, kunit_add_action(test, fixture_xa_destroy, &ctx->imports), 0);
	fixture_device(test, coherent);

	return 0;
}

/**
 * panthor_kunit_init() - .init of a suite: a device that is not coherent
 * @test: The test.
 *
 * Buffers are mapped write-combined, as on the boards.
 *
 * Context: Test thread.
 *
 * Return: 0; a failure aborts the test.
 */
int panthor_kunit_init(struct kunit *test)
{
	return fixture_init(test, false);
}

/**
 * panthor_kunit_init_coherent() - .init of a suite: an I/O coherent device
 * @test: The test.
 *
 * Context: Test thread.
 *
 * Return: 0; a failure aborts the test.
 */
int panthor_kunit_init_coherent(struct kunit *test)
{
	return fixture_init(test, true);
}

/**
 * panthor_kunit_exit() - .exit of a suite: check every invariant
 * @test: The test. Its objects are still alive.
 *
 * Context: Test thread, quiescent point.
 */
void panthor_kunit_exit(struct kunit *test)
{
	struct panthor_kunit *ctx = to_panthor_kunit(test);

	if (ctx && ctx->ptdev && ctx->ptdev->reclaim.shrinker)
		panthor_expect_invariants(test);
}

/**
 * panthor_kunit_try_bo() - Create a user BO, as BO_CREATE does
 * @test: The test; puts the BO when it ends.
 * @exclusive_vm: VM the BO is private to, or NULL.
 * @size: Size in bytes, rounded up to pages by the driver.
 * @flags: DRM_PANTHOR_BO_* flags.
 *
 * The handle is gone on return: the reference is all that keeps the BO.
 *
 * Context: Process context.
 *
 * Return: The BO, or an ERR_PTR() with the driver's errno.
 */
struct panthor_gem_object *
panthor_kunit_try_bo(struct kunit *test, struct panthor_vm *exclusive_vm,
		     u64 size, u32 flags)
{
	struct panthor_kunit *ctx = to_panthor_kunit(test);
	struct drm_gem_object *obj;
	u32 handle;
	int ret;

	ret = panthor_gem_create_with_handle(ctx->file, &ctx->ptdev->base,
					     exclusive_vm, &size, flags, &handle);
	if (ret)
		return ERR_PTR(ret);

	obj = drm_gem_object_lookup(ctx->file, handle);
	ret = drm_gem_handle_delete(ctx->file, handle);
	KUNIT_ASSERT_NOT_NULL(test, obj);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, fixture_obj_put, obj), 0);
	KUNIT_ASSERT_EQ(test, ret, 0);

	return to_panthor_bo(obj);
}

/**
 * panthor_kunit_bo_flags() - Create a shareable BO
 * @test: The test; puts the BO when it ends.
 * @size: Size in bytes.
 * @flags: DRM_PANTHOR_BO_* flags.
 *
 * Context: Process context.
 *
 * Return: The BO; a failure aborts the test.
 */
struct panthor_gem_object *
panthor_kunit_bo_flags(struct kunit *test, u64 size, u32 flags)
{
	struct panthor_gem_object *bo = panthor_kunit_try_bo(test, NULL, size, flags);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, bo);
	return bo;
}

/**
 * panthor_kunit_bo() - Create a shareable BO without flags
 * @test: The test; puts the BO when it ends.
 * @size: Size in bytes.
 *
 * Context: Process context.
 *
 * Return: The BO; a failure aborts the test.
 */
struct panthor_gem_object *panthor_kunit_bo(struct kunit *test, u64 size)
{
	return panthor_kunit_bo_flags(test, size, 0);
}

/**
 * panthor_kunit_bo_put() - Put a BO now instead of at the end
 * @test: The test that created it.
 * @bo: The BO; freed if nothing else holds it.
 *
 * Context: Process context. Must not hold the BO's resv.
 */
void panthor_kunit_bo_put(struct kunit *test, struct panthor_gem_object *bo)
{
	kunit_release_action(test, fixture_obj_put, &bo->base);
}

/**
 * panthor_kunit_count_pins() - Tell the checker of pins it cannot see
 * @test: The test.
 * @bo: The BO.
 * @delta: How many more, or fewer, than before.
 *
 * Context: Process context.
 */
void panthor_kunit_count_pins(struct kunit *test, struct panthor_gem_object *bo, long delta)
{
	struct panthor_kunit *ctx = to_panthor_kunit(test);
	unsigned long pins = panthor_kunit_pins(ctx, bo) + delta;
	void *ret;

	ret = xa_store(&ctx->pins, (unsigned long)bo, xa_mk_value(pins), GFP_KERNEL);
	KUNIT_ASSERT_FALSE(test, xa_is_err(ret));
}

/**
 * panthor_kunit_pins() - Pins a test holds on a BO
 * @ctx: The fixture.
 * @bo: The BO.
 *
 * Context: Any.
 *
 * Return: The number of pins.
 */
unsigned long panthor_kunit_pins(struct panthor_kunit *ctx,
				 struct panthor_gem_object *bo)
{
	void *entry = xa_load(&ctx->pins, (unsigned long)bo);

	return entry ? xa_to_value(entry) : 0;
}

/**
 * panthor_kunit_expect_pin() - Tell the checker of a pin the driver took
 * @test: The test.
 * @bo: BO with one more lasting pin than its maps and attachments explain.
 *
 * Context: Process context.
 */
void panthor_kunit_expect_pin(struct kunit *test, struct panthor_gem_object *bo)
{
	panthor_kunit_count_pins(test, bo, 1);
}

static void fixture_unpin(void *data)
{
	panthor_gem_unpin(data);
}

/**
 * panthor_kunit_pin() - Pin a BO
 * @test: The test; unpins when it ends, unless done before.
 * @bo: The BO.
 *
 * Context: Process context. Takes and releases the BO's resv.
 *
 * Return: What panthor_gem_pin() returned.
 */
int panthor_kunit_pin(struct kunit *test, struct panthor_gem_object *bo)
{
	int ret = panthor_gem_pin(bo);

	if (ret)
		return ret;

	panthor_kunit_count_pins(test, bo, 1);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, fixture_unpin, bo), 0);
	return 0;
}

/**
 * panthor_kunit_unpin() - Drop a pin taken with panthor_kunit_pin()
 * @test: The test.
 * @bo: The BO.
 *
 * Context: Process context. Takes and releases the BO's resv.
 */
void panthor_kunit_unpin(struct kunit *test, struct panthor_gem_object *bo)
{
	kunit_release_action(test, fixture_unpin, bo);
	panthor_kunit_count_pins(test, bo, -1);
}

static void fixture_vunmap(void *data)
{
	struct panthor_gem_object *bo = data;
	struct iosys_map map = IOSYS_MAP_INIT_VADDR(bo->cmap.vaddr);

	drm_gem_vunmap(&bo->base, &map);
}

/**
 * panthor_kunit_vmap() - Map a BO into the kernel
 * @test: The test; unmaps when it ends, unless done before.
 * @bo: The BO.
 *
 * Context: Process context. Takes and releases the BO's resv.
 *
 * Return: The address, or an ERR_PTR() with the driver's errno.
 */
void *panthor_kunit_vmap(struct kunit *test, struct panthor_gem_object *bo)
{
	struct iosys_map map;
	int ret = drm_gem_vmap(&bo->base, &map);

	if (ret)
		return ERR_PTR(ret);

	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, fixture_vunmap, bo), 0);
	return map.vaddr;
}

/**
 * panthor_kunit_vunmap() - Undo one panthor_kunit_vmap()
 * @test: The test.
 * @bo: The BO.
 *
 * Context: Process context. Takes and releases the BO's resv.
 */
void panthor_kunit_vunmap(struct kunit *test, struct panthor_gem_object *bo)
{
	kunit_release_action(test, fixture_vunmap, bo);
}

/**
 * panthor_kunit_make_resident() - Give a BO pages and leave nothing else behind
 * @test: The test.
 * @bo: The BO; PANTHOR_GEM_UNUSED afterwards if nothing maps it.
 *
 * Context: Process context. Takes and releases the BO's resv.
 */
void panthor_kunit_make_resident(struct kunit *test, struct panthor_gem_object *bo)
{
	KUNIT_ASSERT_EQ(test, panthor_gem_pin(bo), 0);
	panthor_gem_unpin(bo);
	KUNIT_ASSERT_NOT_NULL(test, bo->backing.pages);
}

/**
 * panthor_kunit_can_block() - Whether reclaim may wait in an allocation context
 * @gfp: Allocation context.
 *
 * Waiting for the GPU is for those who allocate and can wait, and for kswapd.
 *
 * Context: Any.
 *
 * Return: true if it may.
 */
bool panthor_kunit_can_block(gfp_t gfp)
{
	if (gfp & __GFP_DIRECT_RECLAIM)
		return true;

	return (gfp & __GFP_KSWAPD_RECLAIM) && current_is_kswapd();
}

/**
 * panthor_kunit_count() - Ask the driver's shrinker what it could free
 * @test: The test. Fails if the answer contradicts the objects' states (I24).
 * @gfp: Allocation context to pretend.
 *
 * Context: Process context. Enters fs_reclaim as a GFP_KERNEL allocation does,
 * so that lockdep judges what the shrinker locks.
 *
 * Return: Pages, 0 or SHRINK_EMPTY as count_objects() answered.
 */
unsigned long panthor_kunit_count(struct kunit *test, gfp_t gfp)
{
	struct panthor_kunit *ctx = to_panthor_kunit(test);
	struct shrinker *shrinker = ctx->ptdev->reclaim.shrinker;
	struct shrink_control sc = { .gfp_mask = gfp };
	unsigned long ret;

	fs_reclaim_acquire(GFP_KERNEL);
	ret = shrinker->count_objects(shrinker, &sc);
	fs_reclaim_release(GFP_KERNEL);
	panthor_expect_count(test, panthor_kunit_can_block(gfp), ret);

	return ret;
}

/**
 * panthor_kunit_scan() - Have the driver's shrinker free pages
 * @test: The test. Fails if what is reported is not what left memory (I24), or
 *	an eviction counter did not follow (I25).
 * @gfp: Allocation context to pretend.
 * @nr: Number of pages asked for.
 *
 * Context: Process context. Enters fs_reclaim as a GFP_KERNEL allocation does,
 * so that lockdep judges what the shrinker locks.
 *
 * Return: Pages, 0 or SHRINK_STOP as scan_objects() answered.
 */
unsigned long panthor_kunit_scan(struct kunit *test, gfp_t gfp, unsigned long nr)
{
	struct panthor_kunit *ctx = to_panthor_kunit(test);
	struct shrinker *shrinker = ctx->ptdev->reclaim.shrinker;
	struct shrink_control sc = { .gfp_mask = gfp, .nr_to_scan = nr };
	struct panthor_check_snapshot *before;
	unsigned long ret;

	before = panthor_check_snapshot(test);
	fs_reclaim_acquire(GFP_KERNEL);
	ret = shrinker->scan_objects(shrinker, &sc);
	fs_reclaim_release(GFP_KERNEL);
	panthor_expect_scan(test, before, ret);
	kunit_kfree(test, before);

	return ret;
}

/**
 * panthor_kunit_need_fatal() - Skip what a known defect makes fatal for the run
 * @test: The test. Goes on only if panthor.kunit_fatal is @row or "all": the kernel
 *	may crash, or lockdep switch itself off.
 * @row: Name of the row of the case.
 *
 * Context: Test thread.
 */
void panthor_kunit_need_fatal(struct kunit *test, const char *row)
{
	if (!kunit_fatal || (strcmp(kunit_fatal, "all") && strcmp(kunit_fatal, row)))
		kunit_skip(test, "ends the run on a driver with the defect: panthor.kunit_fatal=%s",
			   row);
}

/**
 * panthor_kunit_state_name() - Name of a reclaim state
 * @state: The state.
 *
 * Context: Any.
 *
 * Return: A static string.
 */
const char *panthor_kunit_state_name(enum panthor_gem_reclaim_state state)
{
	switch (state) {
	case PANTHOR_GEM_UNUSED:
		return "UNUSED";
	case PANTHOR_GEM_MMAPPED:
		return "MMAPPED";
	case PANTHOR_GEM_GPU_MAPPED_SINGLE_VM:
		return "GPU_MAPPED_SINGLE_VM";
	case PANTHOR_GEM_GPU_MAPPED_MULTI_VM:
		return "GPU_MAPPED_MULTI_VM";
	case PANTHOR_GEM_UNRECLAIMABLE:
		return "UNRECLAIMABLE";
	}

	return "not a state";
}
