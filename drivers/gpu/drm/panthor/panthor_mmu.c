// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * The MMU of a device: probe to unplug, power, reset, and its fault interrupt.
 *
 * Locking: as.slots_lock for what faults and power do to slots, which
 * panthor_as.c does; vm.lock around the list of VMs. The first is also taken by
 * the interrupt thread and neither is held when the interrupt is waited for.
 */

#include <linux/interrupt.h>
#include <linux/platform_device.h>
#include <linux/pm_runtime.h>
#include <linux/sched/mm.h>
#include <linux/sizes.h>

#include <drm/drm_managed.h>
#include <drm/drm_print.h>

#include "panthor_device.h"
#include "panthor_gpu_regs.h"
#include "panthor_mmu.h"
#include "panthor_mmu_priv.h"
#include "panthor_mmu_regs.h"
#include "panthor_sched.h"

/* Bits from 16 on tell of commands, which are waited for by polling. */
#define MMU_INT_FAULTS	GENMASK(15, 0)

static const char *fault_access(u32 status)
{
	switch (status & AS_FAULTSTATUS_ACCESS_TYPE_MASK) {
	case AS_FAULTSTATUS_ACCESS_TYPE_ATOMIC:
		return "ATOMIC";
	case AS_FAULTSTATUS_ACCESS_TYPE_EX:
		return "EXECUTE";
	case AS_FAULTSTATUS_ACCESS_TYPE_READ:
		return "READ";
	default:
		return "WRITE";
	}
}

static void fault_report(struct panthor_device *ptdev, unsigned int as)
{
	void __iomem *iomem = ptdev->mmu->iomem;
	u32 status = gpu_read(iomem, AS_FAULTSTATUS(as));
	u64 addr = gpu_read64(iomem, AS_FAULTADDRESS(as));
	u32 type = status & GENMASK(7, 0);

	drm_err(&ptdev->base,
		"Unhandled Page fault in AS%u at VA 0x%016llX\n"
		"raw fault status: 0x%X\n"
		"decoded fault status: %s\n"
		"exception type 0x%X: %s\n"
		"access type 0x%X: %s\n"
		"source id 0x%X\n",
		as, addr, status, status & BIT(10) ? "DECODER FAULT" : "SLAVE FAULT",
		type, panthor_exception_name(ptdev, type),
		(status & AS_FAULTSTATUS_ACCESS_TYPE_MASK) >> 8, fault_access(status),
		status >> 16);
}

/* Nothing is paged in: a fault ends the jobs of the VM. */
static void panthor_mmu_irq_handler(struct panthor_device *ptdev, u32 status)
{
	unsigned long faults = status & MMU_INT_FAULTS;
	unsigned int as;

	for_each_set_bit(as, &faults, 16) {
		fault_report(ptdev, as);
		panthor_as_fault(ptdev, as);
	}

	if (faults)
		panthor_sched_report_mmu_fault(ptdev);
}

PANTHOR_IRQ_HANDLER(mmu, panthor_mmu_irq_handler);

/**
 * panthor_mmu_fault_irq_enable() - Let a slot report faults
 * @ptdev: The device.
 * @as: The slot.
 *
 * Context: Any.
 */
void panthor_mmu_fault_irq_enable(struct panthor_device *ptdev, unsigned int as)
{
	panthor_mmu_irq_enable_events(&ptdev->mmu->irq, BIT(as));
}

/**
 * panthor_mmu_fault_irq_disable() - Keep a slot from reporting faults
 * @ptdev: The device.
 * @as: The slot.
 *
 * Context: Any.
 */
void panthor_mmu_fault_irq_disable(struct panthor_device *ptdev, unsigned int as)
{
	panthor_mmu_irq_disable_events(&ptdev->mmu->irq, BIT(as));
}

/**
 * panthor_mmu_fault_irq_clear() - Acknowledge the fault of a slot
 * @ptdev: The device.
 * @as: The slot.
 *
 * Context: Any.
 */
void panthor_mmu_fault_irq_clear(struct panthor_device *ptdev, unsigned int as)
{
	gpu_write(ptdev->mmu->irq.iomem, INT_CLEAR, BIT(as));
}

/**
 * panthor_mmu_suspend() - Power is about to go
 * @ptdev: The device.
 *
 * All VMs lose their slots, so that what the GPU has cached is written back. If it does
 * not answer, it is to be reset, but the work that does it was cancelled for the suspend:
 * it is done by what comes next, and the resume takes the slots.
 *
 * Context: Process context. Takes and releases slots_lock.
 */
void panthor_mmu_suspend(struct panthor_device *ptdev)
{
	/* In a resume that failed, the second attempt is as good as a reset. */
	if (panthor_as_disable_all(ptdev) &&
	    atomic_read(&ptdev->pm.state) == PANTHOR_DEVICE_PM_STATE_SUSPENDING)
		ptdev->reset.fast = false;
	panthor_mmu_irq_suspend(&ptdev->mmu->irq);
}

/**
 * panthor_mmu_resume() - Power is back
 * @ptdev: The device.
 *
 * VMs get slots as they are activated.
 *
 * Context: Process context. Takes and releases slots_lock.
 */
void panthor_mmu_resume(struct panthor_device *ptdev)
{
	panthor_as_release_all(ptdev);
	panthor_mmu_irq_resume(&ptdev->mmu->irq);
}

/**
 * panthor_mmu_pre_reset() - A reset is about to happen
 * @ptdev: The device.
 *
 * Stops all VM_BIND queues. Slots are left alone: the reset may be for one that
 * does not answer.
 *
 * Context: Process context, no lock of this file is held. Takes and releases
 * slots_lock and vm.lock.
 */
void panthor_mmu_pre_reset(struct panthor_device *ptdev)
{
	struct panthor_mmu *mmu = ptdev->mmu;
	struct panthor_vm *vm;

	panthor_mmu_irq_suspend(&mmu->irq);
	panthor_as_begin_reset(ptdev);

	guard(mutex)(&mmu->vm.lock);

	mmu->vm.reset_in_progress = true;
	list_for_each_entry(vm, &mmu->vm.list, node)
		drm_sched_stop(&vm->sched, NULL);
}

/**
 * panthor_mmu_post_reset() - A reset has happened
 * @ptdev: The device.
 *
 * No slot is set up and nothing is cached any more. VMs lose their slots, and
 * the queues go on.
 *
 * Context: Process context, no lock of this file is held. Takes and releases
 * slots_lock and vm.lock.
 */
void panthor_mmu_post_reset(struct panthor_device *ptdev)
{
	struct panthor_mmu *mmu = ptdev->mmu;
	struct panthor_vm *vm;

	panthor_as_release_all(ptdev);
	panthor_mmu_irq_resume(&mmu->irq);

	guard(mutex)(&mmu->vm.lock);

	list_for_each_entry(vm, &mmu->vm.list, node)
		drm_sched_start(&vm->sched, 0);
	mmu->vm.reset_in_progress = false;
}

/**
 * panthor_mmu_unplug() - The device is about to go
 * @ptdev: The device.
 *
 * No register is touched after this.
 *
 * Context: Process context. Takes and releases slots_lock.
 */
void panthor_mmu_unplug(struct panthor_device *ptdev)
{
	if (!IS_ENABLED(CONFIG_PM) || pm_runtime_active(ptdev->base.dev))
		panthor_mmu_irq_suspend(&ptdev->mmu->irq);

	/* Slots that did not answer go, too: no reset will come to take them. */
	panthor_as_disable_all(ptdev);
	panthor_as_release_all(ptdev);
}

/*
 * VMs have a reference on the device, so nothing of theirs is to be done any more. The
 * last one may have gone in a worker of panthor_cleanup_wq, which cannot be waited for.
 */
static void mmu_release(struct drm_device *ddev, void *wq)
{
	destroy_workqueue(wq);
}

/* What lockdep would else learn only when it is too late. */
static void mmu_prime_lockdep(struct panthor_mmu *mmu)
{
	bool cookie;

	if (!IS_ENABLED(CONFIG_LOCKDEP))
		return;

	fs_reclaim_acquire(GFP_KERNEL);
	might_lock(&mmu->as.slots_lock);
	fs_reclaim_release(GFP_KERNEL);

	cookie = dma_fence_begin_signalling();
	might_lock(&mmu->as.slots_lock);
	dma_fence_end_signalling(cookie);
}

/**
 * panthor_mmu_init() - Set up the MMU of a device
 * @ptdev: The device; its GPU features are known.
 *
 * Context: Process context, probe.
 *
 * Return: 0, -ENOMEM, -ENODEV without an interrupt, or the errno of requesting
 * it.
 */
int panthor_mmu_init(struct panthor_device *ptdev)
{
	u32 va_bits = GPU_MMU_FEATURES_VA_BITS(ptdev->gpu_info.mmu_features);
	struct panthor_mmu *mmu;
	int ret, irq;

#ifdef PANTHOR_HAS_MMU_INFO
	ptdev->mmu_info.page_size_bitmap = SZ_4K | SZ_2M;
#endif

	mmu = drmm_kzalloc(&ptdev->base, sizeof(*mmu), GFP_KERNEL);
	if (!mmu)
		return -ENOMEM;

	INIT_LIST_HEAD(&mmu->as.idle);
	INIT_LIST_HEAD(&mmu->vm.list);
	INIT_LIST_HEAD(&mmu->reclaim.scans);
	ret = drmm_mutex_init(&ptdev->base, &mmu->as.slots_lock);
	if (ret)
		return ret;

	ret = drmm_mutex_init(&ptdev->base, &mmu->vm.lock);
	if (ret)
		return ret;

	mmu_prime_lockdep(mmu);
	mmu->iomem = ptdev->iomem + MMU_AS_BASE;
	ptdev->mmu = mmu;

	irq = platform_get_irq_byname(to_platform_device(ptdev->base.dev), "mmu");
	if (irq <= 0)
		return -ENODEV;

	ret = panthor_request_mmu_irq(ptdev, &mmu->irq, irq, ptdev->iomem + MMU_INT_BASE);
	if (ret)
		return ret;

	mmu->vm.wq = alloc_workqueue("panthor-vm-bind", WQ_UNBOUND, 0);
	if (!mmu->vm.wq)
		return -ENOMEM;

	ret = drmm_add_action_or_reset(&ptdev->base, mmu_release, mmu->vm.wq);
	if (ret)
		return ret;

	/* A page table takes addresses as unsigned long: user space gets no more. */
	if (va_bits > BITS_PER_LONG) {
		ptdev->gpu_info.mmu_features &= ~GENMASK(7, 0);
		ptdev->gpu_info.mmu_features |= BITS_PER_LONG;
	}

	panthor_mmu_irq_enable_events(&mmu->irq, MMU_INT_FAULTS);
	panthor_mmu_irq_resume(&mmu->irq);
	return 0;
}
