// SPDX-License-Identifier: GPL-2.0-only
/* Operations for the fault sweeps: from creation to restoring after eviction. */

#include <linux/dma-resv.h>
#include <linux/err.h>
#include <linux/iosys-map.h>
#include <linux/list.h>
#include <linux/sched/mm.h>
#include <linux/shrinker.h>
#include <linux/sizes.h>
#include <linux/uaccess.h>

#include <drm/drm_exec.h>
#include <drm/drm_file.h>
#include <drm/drm_gem.h>
#include <drm/panthor_drm.h>

#include <kunit/resource.h>

#include "fixture.h"
#include "reclaim.h"
#include "seam.h"
#include "sweep.h"

/**
 * struct sweep_handle - A handle that goes with the test
 * @file: File it is of.
 * @handle: The handle.
 */
struct sweep_handle {
	struct drm_file *file;
	u32 handle;
};

static void setup_bo(struct sweep_state *s)
{
	s->bo = panthor_kunit_bo(s->test, BO_SIZE);
}

static void setup_nothing(struct sweep_state *s)
{
}

/* BO_CREATE, and back: the handle is all that is left of it. */
static int op_create(struct sweep_state *s)
{
	struct panthor_kunit *ctx = to_panthor_kunit(s->test);
	u64 size = BO_SIZE;
	u32 handle;
	int ret;

	ret = panthor_gem_create_with_handle(ctx->file, &ctx->ptdev->base, NULL, &size, 0, &handle);
	if (!ret)
		s->made = (void *)(uintptr_t)handle;

	return ret;
}

static void undo_create(struct sweep_state *s)
{
	drm_gem_handle_delete(to_panthor_kunit(s->test)->file, (uintptr_t)s->made);
}

const struct sweep_op sweep_create = { "create", setup_nothing, op_create, undo_create };

static int op_pin(struct sweep_state *s)
{
	return panthor_gem_pin(s->bo);
}

static void undo_pin(struct sweep_state *s)
{
	panthor_gem_unpin(s->bo);
}

const struct sweep_op sweep_pin = { "pin", setup_bo, op_pin, undo_pin };

static int op_vmap(struct sweep_state *s)
{
	struct iosys_map map;

	return drm_gem_vmap(&s->bo->base, &map);
}

static void undo_vmap(struct sweep_state *s)
{
	struct iosys_map map = IOSYS_MAP_INIT_VADDR(s->bo->cmap.vaddr);

	drm_gem_vunmap(&s->bo->base, &map);
}

const struct sweep_op sweep_vmap = { "vmap", setup_bo, op_vmap, undo_vmap };

/* A caller of get_dev_sgt() has a pin, as the driver's own has. */
static void setup_pinned_bo(struct sweep_state *s)
{
	setup_bo(s);
	KUNIT_ASSERT_EQ(s->test, panthor_kunit_pin(s->test, s->bo), 0);
}

static int op_get_sgt(struct sweep_state *s)
{
	return PTR_ERR_OR_ZERO(panthor_gem_get_dev_sgt(s->bo));
}

const struct sweep_op sweep_get_sgt = { "get_sgt", setup_pinned_bo, op_get_sgt };

static void setup_mmap(struct sweep_state *s)
{
	setup_bo(s);
	s->addr = panthor_kunit_mmap(s->test, s->bo);
}

static int op_touch(struct sweep_state *s)
{
	return put_user(1, (u32 __user *)s->addr);
}

const struct sweep_op sweep_touch = { "touch", setup_mmap, op_touch };

static void setup_cached(struct sweep_state *s)
{
	s->bo = panthor_kunit_bo_flags(s->test, BO_SIZE, DRM_PANTHOR_BO_WB_MMAP);
	panthor_kunit_make_resident(s->test, s->bo);
}

static int op_sync(struct sweep_state *s)
{
	return panthor_gem_sync(&s->bo->base, DRM_PANTHOR_BO_SYNC_CPU_CACHE_FLUSH, 0, BO_SIZE);
}

const struct sweep_op sweep_sync = { "sync", setup_cached, op_sync };

static int op_vm_create(struct sweep_state *s)
{
	struct panthor_vm *vm;

	vm = panthor_vm_create(to_panthor_kunit(s->test)->ptdev, false, PANTHOR_KUNIT_VA_USER,
			       PANTHOR_KUNIT_VA_KERNEL, PANTHOR_KUNIT_VA_USER,
			       PANTHOR_KUNIT_VA_KERNEL);
	if (IS_ERR(vm))
		return PTR_ERR(vm);

	s->made = vm;
	return 0;
}

static void undo_vm_create(struct sweep_state *s)
{
	panthor_vm_put(s->made);
}

const struct sweep_op sweep_vm_create = { "vm_create", setup_nothing, op_vm_create,
					  undo_vm_create };

static void setup_vm(struct sweep_state *s)
{
	setup_bo(s);
	s->vm = panthor_kunit_vm(s->test);
}

static int op_map(struct sweep_state *s)
{
	return panthor_vm_map_bo_range(s->vm, s->bo, 0, BO_SIZE, VA(0) + SZ_4K, 0);
}

const struct sweep_op sweep_map = { "map", setup_vm, op_map };

/* A mapping around the place, so that the new one splits it in three. */
static void setup_map_over(struct sweep_state *s)
{
	setup_vm(s);
	s->other = panthor_kunit_bo(s->test, 4 * BO_SIZE);
	panthor_kunit_map(s->test, s->vm, s->other, VA(0));
}

static int op_map_over(struct sweep_state *s)
{
	return panthor_vm_map_bo_range(s->vm, s->bo, 0, BO_SIZE, VA(0) + BO_SIZE, 0);
}

const struct sweep_op sweep_map_over = { "map_over", setup_map_over, op_map_over };

static int op_unmap_middle(struct sweep_state *s)
{
	return panthor_vm_unmap_range(s->vm, VA(0) + BO_SIZE, BO_SIZE);
}

const struct sweep_op sweep_unmap_middle = { "unmap_middle", setup_map_over, op_unmap_middle };

static int op_kernel_bo(struct sweep_state *s)
{
	struct panthor_device *ptdev = to_panthor_kunit(s->test)->ptdev;
	struct panthor_kernel_bo *kbo;

	kbo = panthor_kernel_bo_create(ptdev, s->vm, BO_SIZE, DRM_PANTHOR_BO_NO_MMAP, 0,
				       PANTHOR_VM_KERNEL_AUTO_VA, "sweep");
	if (IS_ERR(kbo))
		return PTR_ERR(kbo);

	s->made = kbo;
	return 0;
}

static void undo_kernel_bo(struct sweep_state *s)
{
	panthor_kernel_bo_destroy(s->made);
}

const struct sweep_op sweep_kernel_bo = { "kernel_bo", setup_vm, op_kernel_bo, undo_kernel_bo };

static void setup_fw_vm(struct sweep_state *s)
{
	setup_vm(s);
	panthor_seam_set_fw_vm(s->test, s->vm);
}

const struct sweep_op sweep_fw_bo = { "fw_bo", setup_fw_vm, op_kernel_bo, undo_kernel_bo };

static void setup_mapped(struct sweep_state *s)
{
	setup_vm(s);
	panthor_kunit_map(s->test, s->vm, s->bo, VA(0));
}

/* Not a word of the driver: -EAGAIN if the BO stays. */
static int op_evict(struct sweep_state *s)
{
	struct shrinker *shrinker = to_panthor_kunit(s->test)->ptdev->reclaim.shrinker;
	struct shrink_control sc = { .gfp_mask = GFP_KERNEL, .nr_to_scan = EVERYTHING };
	unsigned int noreclaim;

	/* Reclaim does not reclaim for itself. */
	noreclaim = memalloc_noreclaim_save();
	shrinker->scan_objects(shrinker, &sc);
	memalloc_noreclaim_restore(noreclaim);

	return s->bo->backing.pages ? -EAGAIN : 0;
}

const struct sweep_op sweep_evict = { "evict", setup_mapped, op_evict };

static void setup_evicted(struct sweep_state *s)
{
	setup_mapped(s);
	KUNIT_ASSERT_EQ(s->test, op_evict(s), 0);
}

/* What a submission does about BOs that were evicted. */
static int op_restore(struct sweep_state *s)
{
	struct drm_exec exec;
	int ret = 0;

	drm_exec_init(&exec, 0, 0);
	drm_exec_until_all_locked(&exec) {
		ret = panthor_vm_prepare_mapped_bos_resvs(&exec, s->vm, 1);
		drm_exec_retry_on_contention(&exec);
		if (ret)
			break;
	}
	drm_exec_fini(&exec);

	return ret;
}

/* There are more attempts than VMs that can be watched at a time. */
static void undo_restore(struct sweep_state *s)
{
	panthor_kunit_vm_put(s->test, s->vm);
}

const struct sweep_op sweep_restore = { "restore", setup_evicted, op_restore, undo_restore };

/* Two VMAs of one BO, so that the restore can fail between them. */
static void setup_split_evicted(struct sweep_state *s)
{
	setup_mapped(s);
	KUNIT_ASSERT_EQ(s->test, panthor_vm_unmap_range(s->vm, VA(0) + PAGE_SIZE, PAGE_SIZE), 0);
	KUNIT_ASSERT_EQ(s->test, op_evict(s), 0);
}

const struct sweep_op sweep_restore_split = {
	"restore_split", setup_split_evicted, op_restore, undo_restore
};

static void sweep_handle_end(void *data)
{
	struct sweep_handle *h = data;

	drm_gem_handle_delete(h->file, h->handle);
}

/**
 * sweep_setup_handle() - Give user space a handle of the BO
 * @s: The state; the handle is deleted when the test ends.
 *
 * Context: Test thread.
 */
void sweep_setup_handle(struct sweep_state *s)
{
	struct sweep_handle *h = kunit_kzalloc(s->test, sizeof(*h), GFP_KERNEL);
	int ret;

	KUNIT_ASSERT_NOT_NULL(s->test, h);
	h->file = to_panthor_kunit(s->test)->file;
	ret = drm_gem_handle_create(h->file, &s->bo->base, &h->handle);
	KUNIT_ASSERT_EQ(s->test, ret, 0);
	KUNIT_ASSERT_EQ(s->test, kunit_add_action_or_reset(s->test, sweep_handle_end, h), 0);
	s->handle = h->handle;
}

/**
 * sweep_begin() - Fresh state for one attempt
 * @test: The test.
 * @s: The state.
 * @op: Operation it is for.
 *
 * Context: Test thread.
 */
void sweep_begin(struct kunit *test, struct sweep_state *s, const struct sweep_op *op)
{
	*s = (struct sweep_state){ .test = test };
	op->setup(s);
}

/**
 * sweep_count_bos() - Number of BOs of the device
 * @test: The test.
 *
 * Context: Process context. Takes and releases gems.lock.
 *
 * Return: The number.
 */
unsigned int sweep_count_bos(struct kunit *test)
{
	struct panthor_device *ptdev = to_panthor_kunit(test)->ptdev;

	guard(mutex)(&ptdev->gems.lock);

	return list_count_nodes(&ptdev->gems.node);
}

/**
 * sweep_expect_works() - The operation works when it is repeated
 * @s: State in which an attempt failed.
 * @op: The operation.
 * @what: What was failed, for messages.
 * @n: Which of its calls.
 *
 * Context: Test thread. Undoes the operation.
 */
void sweep_expect_works(struct sweep_state *s, const struct sweep_op *op,
			const char *what, unsigned int n)
{
	int ret = op->op(s);

	KUNIT_EXPECT_EQ_MSG(s->test, ret, 0, "%s repeated after %s %u", op->name, what, n);
	if (!ret && op->undo)
		op->undo(s);
}
