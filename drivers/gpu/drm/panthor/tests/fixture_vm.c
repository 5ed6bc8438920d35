// SPDX-License-Identifier: GPL-2.0-only
/* GPU address spaces and user mappings of a test. */

#include <linux/anon_inodes.h>
#include <linux/err.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/kthread.h>
#include <linux/mm.h>
#include <linux/mman.h>
#include <linux/module.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/sizes.h>

#include <drm/drm_exec.h>
#include <drm/drm_gem.h>
#include <drm/drm_gpuvm.h>
#include <drm/drm_vma_manager.h>
#include <drm/panthor_drm.h>

#include <kunit/resource.h>

#include "fixture.h"
#include "seam.h"

static void fixture_vm_destroy(void *data)
{
	struct panthor_vm *vm = data;

	/* What is still mapped holds references on BOs; idle VMs cannot fail here. */
	WARN_ON(panthor_vm_unmap_range(vm, 0, PANTHOR_KUNIT_VA_USER));
	panthor_vm_put(vm);
}

/**
 * panthor_kunit_vm() - Create a user VM that is on no address space slot
 * @test: The test; unmaps everything and puts the VM when it ends.
 *
 * Context: Process context.
 *
 * Return: The VM; a failure aborts the test.
 */
struct panthor_vm *panthor_kunit_vm(struct kunit *test)
{
	struct panthor_kunit *ctx = to_panthor_kunit(test);
	struct panthor_vm *vm;

	vm = panthor_vm_create(ctx->ptdev, false, PANTHOR_KUNIT_VA_USER,
			       PANTHOR_KUNIT_VA_KERNEL, PANTHOR_KUNIT_VA_USER,
			       PANTHOR_KUNIT_VA_KERNEL);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, vm);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, fixture_vm_destroy, vm), 0);

	return vm;
}

/**
 * panthor_kunit_vm_put() - Unmap everything and put a VM now
 * @test: The test that created it.
 * @vm: The VM; freed if nothing else holds it.
 *
 * Context: Process context.
 */
void panthor_kunit_vm_put(struct kunit *test, struct panthor_vm *vm)
{
	kunit_release_action(test, fixture_vm_destroy, vm);
}

/**
 * panthor_kunit_prepare_job() - Do to a VM's BOs what a job submission does
 * @vm: The VM.
 *
 * Context: Process context. Takes and releases the resvs of the VM and its BOs.
 *
 * Return: 0, or the driver's errno.
 */
int panthor_kunit_prepare_job(struct panthor_vm *vm)
{
	struct drm_exec exec;
	int ret = 0;

	drm_exec_init(&exec, 0, 0);
	drm_exec_until_all_locked(&exec) {
		ret = panthor_vm_prepare_mapped_bos_resvs(&exec, vm, 1);
		drm_exec_retry_on_contention(&exec);
	}
	drm_exec_fini(&exec);

	return ret;
}

/**
 * panthor_kunit_map() - Map a whole BO into a VM
 * @test: The test; a failure aborts it.
 * @vm: The VM.
 * @bo: The BO.
 * @va: GPU address in bytes.
 *
 * Context: Process context. Takes and releases VM and BO locks.
 */
void panthor_kunit_map(struct kunit *test, struct panthor_vm *vm,
		       struct panthor_gem_object *bo, u64 va)
{
	int ret = panthor_vm_map_bo_range(vm, bo, 0, bo->base.size, va, 0);

	KUNIT_ASSERT_EQ(test, ret, 0);
}

/**
 * panthor_kunit_unmap() - Unmap what panthor_kunit_map() mapped
 * @test: The test; a failure aborts it.
 * @vm: The VM.
 * @bo: The BO.
 * @va: GPU address in bytes.
 *
 * Context: Process context. Takes and releases VM and BO locks.
 */
void panthor_kunit_unmap(struct kunit *test, struct panthor_vm *vm,
			 struct panthor_gem_object *bo, u64 va)
{
	int ret = panthor_vm_unmap_range(vm, va, bo->base.size);

	KUNIT_ASSERT_EQ(test, ret, 0);
}

static void fixture_kernel_bo_destroy(void *data)
{
	panthor_kernel_bo_destroy(data);
}

/**
 * panthor_kunit_kernel_bo() - Create a kernel BO in a VM's kernel range
 * @test: The test; destroys the BO when it ends.
 * @vm: The VM. If it is the firmware's, the driver pins the BO for good.
 * @size: Size in bytes.
 *
 * Context: Process context.
 *
 * Return: The kernel BO; a failure aborts the test.
 */
struct panthor_kernel_bo *
panthor_kunit_kernel_bo(struct kunit *test, struct panthor_vm *vm, u64 size)
{
	struct panthor_device *ptdev = to_panthor_kunit(test)->ptdev;
	struct panthor_kernel_bo *kbo;

	kbo = panthor_kernel_bo_create(ptdev, vm, size, DRM_PANTHOR_BO_NO_MMAP, 0,
				       PANTHOR_VM_KERNEL_AUTO_VA, "kunit");
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, kbo);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, fixture_kernel_bo_destroy, kbo), 0);
	if (vm == panthor_seam_fw_vm(ptdev))
		panthor_kunit_expect_pin(test, to_panthor_bo(kbo->obj));

	return kbo;
}

static int fixture_file_mmap(struct file *file, struct vm_area_struct *vma)
{
	struct drm_gem_object *obj = file->private_data;

	return drm_gem_mmap_obj(obj, obj->size, vma);
}

static const struct file_operations fixture_file_ops = {
	.owner = THIS_MODULE,
	.mmap = fixture_file_mmap,
};

/*
 * The thread of a test drops its address space some time after it reported the
 * end, when the device may be gone already. So mappings are removed here, and
 * with them the last reason to look at the address space.
 */
static void fixture_release_mm(void *data)
{
	struct mm_struct *mm = data;
	bool borrow = current->mm != mm;

	if (borrow)
		kthread_use_mm(mm);
	vm_munmap(0, TASK_SIZE);
	if (borrow)
		kthread_unuse_mm(mm);

	mmput(mm);
	/* What kthread_use_mm() took in the test's thread, which only exits. */
	mmdrop(mm);
}

/*
 * kunit_attach_mm() would do, but leaves behind the reference that only
 * kthread_unuse_mm() drops: a leaked address space per case.
 */
static void fixture_attach_mm(struct kunit *test)
{
	struct panthor_kunit *ctx = to_panthor_kunit(test);
	struct mm_struct *mm;

	if (ctx->mm)
		return;

	KUNIT_ASSERT_NULL(test, current->mm);
	mm = mm_alloc();
	KUNIT_ASSERT_NOT_NULL(test, mm);
	mm->task_size = TASK_SIZE;
	arch_pick_mmap_layout(mm, &current->signal->rlim[RLIMIT_STACK]);
	kthread_use_mm(mm);

	mmget(mm);
	ctx->mm = mm;
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, fixture_release_mm, mm), 0);
}

/**
 * panthor_kunit_mmap_file() - Open a file whose mappings are those of a BO
 * @bo: The BO, created without DRM_PANTHOR_BO_NO_MMAP.
 *
 * A mapping at the BO's fake offset belongs to the device's inode, as one made
 * through the device node does: eviction finds it.
 *
 * Context: Process context.
 *
 * Return: The file, or an ERR_PTR().
 */
struct file *panthor_kunit_mmap_file(struct panthor_gem_object *bo)
{
	struct drm_gem_object *obj = &bo->base;
	struct file *file;

	file = anon_inode_getfile("panthor-kunit", &fixture_file_ops, obj, O_RDWR);
	if (!IS_ERR(file))
		file->f_mapping = obj->dev->anon_inode->i_mapping;

	return file;
}

/**
 * panthor_kunit_mmap() - Map a BO into the test's address space
 * @test: The test; unmaps when it ends.
 * @bo: The BO, created without DRM_PANTHOR_BO_NO_MMAP.
 *
 * Context: Test thread.
 *
 * Return: User address; a failure aborts the test.
 */
unsigned long panthor_kunit_mmap(struct kunit *test, struct panthor_gem_object *bo)
{
	struct drm_gem_object *obj = &bo->base;
	unsigned long addr;
	struct file *file;

	fixture_attach_mm(test);
	file = panthor_kunit_mmap_file(bo);
	KUNIT_ASSERT_FALSE(test, IS_ERR(file));

	addr = vm_mmap(file, 0, obj->size, PROT_READ | PROT_WRITE, MAP_SHARED,
		       drm_vma_node_offset_addr(&obj->vma_node));
	fput(file);
	KUNIT_ASSERT_FALSE(test, IS_ERR_VALUE(addr));

	return addr;
}

/**
 * panthor_kunit_munmap() - Unmap part of the test's address space
 * @test: The test; a failure aborts it.
 * @addr: User address.
 * @size: Size in bytes.
 *
 * Context: Test thread.
 */
void panthor_kunit_munmap(struct kunit *test, unsigned long addr, size_t size)
{
	KUNIT_ASSERT_EQ(test, vm_munmap(addr, size), 0);
}

MODULE_IMPORT_NS("EXPORTED_FOR_KUNIT_TESTING");
