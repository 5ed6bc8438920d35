// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Address space slots: who has one, how it is programmed, and the region of it
 * that is locked while page tables change.
 *
 * A slot goes through these states; "programmed" and "tlb_stale" are in the VM:
 *
 *	free --take--> taken --program--> programmed --disable, fault--> taken
 *	any state --release, reset, suspend--> free
 *
 * A VM that has no user keeps its slot until another one needs it. One whose
 * programming failed has a slot that the next activation programs again.
 *
 * "tlb_stale" is set when a flush or a command after a change fails. From then on
 * it is not known what the GPU has cached of the VM, and nothing that was unmapped
 * is released, until the slot is disabled or reset. The region stays locked, too, and
 * is unlocked before the slot is programmed anew.
 *
 * While the GPU is reset, "resetting", no command is sent. Page tables may change, but
 * what the GPU has cached is only forgotten at the end of the reset: until then all VMs
 * with a slot count as stale once they have changed. A suspend in which the GPU does not
 * answer is the beginning of a reset, which the resume ends.
 *
 * Locking: slots_lock around all of it, inside op_lock. Nothing is allocated with
 * it held.
 */

#include <linux/iopoll.h>
#include <linux/io-pgtable.h>
#include <linux/log2.h>

#include <drm/drm_drv.h>
#include <drm/drm_print.h>

#include "panthor_device.h"
#include "panthor_gpu.h"
#include "panthor_gpu_regs.h"
#include "panthor_mmu.h"
#include "panthor_mmu_priv.h"
#include "panthor_mmu_regs.h"

/* A command takes microseconds; one that takes this long does not end. */
#define AS_POLL_US	10
#define AS_TIMEOUT_US	100000

/* The firmware's slot. */
#define AS_MCU		0

static int as_wait(struct panthor_device *ptdev, unsigned int as)
{
	u32 status;
	int ret;

	ret = gpu_read_relaxed_poll_timeout_atomic(ptdev->mmu->iomem, AS_STATUS(as), status,
						   !(status & AS_STATUS_AS_ACTIVE),
						   AS_POLL_US, AS_TIMEOUT_US);
	if (ret) {
		panthor_device_schedule_reset(ptdev);
		drm_err(&ptdev->base, "AS%u does not complete its command\n", as);
	}

	return ret;
}

static int as_command(struct panthor_device *ptdev, unsigned int as, u32 command)
{
	int ret;

	lockdep_assert_held(&ptdev->mmu->as.slots_lock);
	drm_WARN_ON_ONCE(&ptdev->base, ptdev->mmu->as.resetting);

	ret = as_wait(ptdev, as);
	if (ret)
		return ret;

	gpu_write(ptdev->mmu->iomem, AS_COMMAND(as), command);
	return as_wait(ptdev, as);
}

/* Writes back and forgets what the GPU has cached, of all address spaces. */
static int as_flush(struct panthor_device *ptdev)
{
	int ret = panthor_gpu_flush_caches(ptdev, CACHE_CLEAN | CACHE_INV,
					   CACHE_CLEAN | CACHE_INV, CACHE_INV);

	if (ret)
		panthor_device_schedule_reset(ptdev);

	return ret;
}

static void as_write_config(struct panthor_vm *vm, u64 transtab, u64 memattr, u64 transcfg)
{
	void __iomem *iomem = vm->ptdev->mmu->iomem;
	unsigned int as = vm->as.id;

	gpu_write64(iomem, AS_TRANSTAB(as), transtab);
	gpu_write64(iomem, AS_MEMATTR(as), memattr);
	gpu_write64(iomem, AS_TRANSCFG(as), transcfg);
}

/* What waits for the worker has a reference on the VM, so that no put is the last. */
static void as_queue_reap(struct panthor_vm *vm)
{
	panthor_vm_get(vm);
	if (!queue_work(panthor_cleanup_wq, &vm->as.reap_work))
		panthor_vm_put(vm);
}

/* The slot has nothing cached of the VM, and nothing locked. */
static void as_tlb_is_clean(struct panthor_vm *vm)
{
	lockdep_assert_held(&vm->ptdev->mmu->as.slots_lock);

	vm->as.hw_start = 0;
	vm->as.hw_end = 0;
	WRITE_ONCE(vm->as.tlb_stale, false);
	if (!list_empty(&vm->as.quarantine) || vm->as.doomed)
		as_queue_reap(vm);
}

/* Whether a reset is going on that makes all slots forget what they have cached. */
static bool as_waits_for_reset(struct panthor_vm *vm)
{
	lockdep_assert_held(&vm->ptdev->mmu->as.slots_lock);

	if (!vm->ptdev->mmu->as.resetting)
		return false;

	WRITE_ONCE(vm->as.tlb_stale, true);
	return true;
}

/*
 * Makes the GPU forget what it has cached, then unlocks the region, if one is locked:
 * what was not flushed is not unlocked either.
 */
static int as_flush_unlock(struct panthor_vm *vm)
{
	int ret = as_flush(vm->ptdev);

	if (!ret && vm->as.hw_end)
		ret = as_command(vm->ptdev, vm->as.id, AS_COMMAND_UNLOCK);
	if (ret) {
		WRITE_ONCE(vm->as.tlb_stale, true);
		return ret;
	}

	vm->as.hw_start = 0;
	vm->as.hw_end = 0;
	return 0;
}

/**
 * panthor_as_disable() - Keep a VM's slot from translating
 * @vm: The VM; it has a slot, and keeps it.
 *
 * If the flush fails, the slot is disabled nevertheless, unless it has a region locked:
 * what an UPDATE does then is not known. That is left to the reset.
 *
 * Context: Process context. Caller holds slots_lock and has the device entered.
 *
 * Return: 0 if the GPU has nothing cached of the VM, -ETIMEDOUT or -EIO if that
 * is not known; then a reset is scheduled, or going on.
 */
int panthor_as_disable(struct panthor_vm *vm)
{
	struct panthor_device *ptdev = vm->ptdev;
	int ret, err;

	lockdep_assert_held(&ptdev->mmu->as.slots_lock);

	if (as_waits_for_reset(vm))
		return -EIO;

	ret = as_flush_unlock(vm);
	panthor_mmu_fault_irq_disable(ptdev, vm->as.id);
	vm->as.programmed = false;
	if (vm->as.hw_end)
		return ret;

	as_write_config(vm, 0, 0, AS_TRANSCFG_ADRMODE_UNMAPPED);
	err = as_command(ptdev, vm->as.id, AS_COMMAND_UPDATE);
	ret = ret ?: err;
	if (ret)
		WRITE_ONCE(vm->as.tlb_stale, true);
	else
		as_tlb_is_clean(vm);

	return ret;
}

/**
 * panthor_as_release() - Take a VM's slot
 * @vm: The VM; it has a slot, from which the GPU has nothing cached, or which it is
 *	going to lose in the reset that is scheduled.
 *
 * A slot in which a region is still locked is nobody's until then.
 *
 * Context: Caller holds slots_lock.
 */
void panthor_as_release(struct panthor_vm *vm)
{
	struct panthor_mmu *mmu = vm->ptdev->mmu;

	lockdep_assert_held(&mmu->as.slots_lock);

	mmu->as.slots[vm->as.id] = NULL;
	if (!vm->as.hw_end)
		mmu->as.taken &= ~BIT(vm->as.id);
	refcount_set(&vm->as.active, 0);
	list_del_init(&vm->as.idle_node);
	WRITE_ONCE(vm->as.id, -1);
	vm->as.programmed = false;
	as_tlb_is_clean(vm);
}

/**
 * panthor_as_release_all() - Take the slots of all VMs
 * @ptdev: The device. The GPU was reset, or is never used again.
 *
 * Context: Process context. Takes and releases slots_lock.
 */
void panthor_as_release_all(struct panthor_device *ptdev)
{
	struct panthor_mmu *mmu = ptdev->mmu;

	guard(mutex)(&mmu->as.slots_lock);

	for (unsigned int as = 0; as < PANTHOR_AS_SLOTS; as++)
		if (mmu->as.slots[as])
			panthor_as_release(mmu->as.slots[as]);
	mmu->as.taken = 0;
	mmu->as.faulty = 0;
	mmu->as.resetting = false;
}

/**
 * panthor_as_disable_all() - Disable and take the slots of all VMs
 * @ptdev: The device.
 *
 * Context: Process context. Takes and releases slots_lock.
 *
 * Return: 0, or the errno of panthor_as_disable() for one of them. Then all VMs keep
 * their slots, which are left alone, as in a reset, until panthor_as_release_all().
 */
int panthor_as_disable_all(struct panthor_device *ptdev)
{
	struct panthor_mmu *mmu = ptdev->mmu;
	int ret = 0;

	guard(mutex)(&mmu->as.slots_lock);

	for (unsigned int as = 0; as < PANTHOR_AS_SLOTS; as++) {
		struct panthor_vm *vm = mmu->as.slots[as];
		int err;

		if (!(mmu->as.taken & BIT(as)))
			continue;
		/* One that is nobody's waits for a reset already. */
		err = vm ? panthor_as_disable(vm) : -EIO;
		if (err)
			drm_err(&ptdev->base, "AS%u could not be disabled in order\n", as);
		ret = ret ?: err;
	}
	if (ret) {
		mmu->as.resetting = true;
		return ret;
	}

	for (unsigned int as = 0; as < PANTHOR_AS_SLOTS; as++)
		if (mmu->as.slots[as])
			panthor_as_release(mmu->as.slots[as]);

	return 0;
}

/**
 * panthor_as_begin_reset() - Leave the slots alone until they are reset
 * @ptdev: The device; panthor_as_release_all() follows the reset.
 *
 * Context: Process context. Takes and releases slots_lock.
 */
void panthor_as_begin_reset(struct panthor_device *ptdev)
{
	guard(mutex)(&ptdev->mmu->as.slots_lock);

	ptdev->mmu->as.resetting = true;
}

/**
 * panthor_as_fault() - Charge a fault to the VM of a slot
 * @ptdev: The device.
 * @as: The slot, which is disabled.
 *
 * Context: Interrupt thread. Takes and releases slots_lock.
 */
void panthor_as_fault(struct panthor_device *ptdev, unsigned int as)
{
	struct panthor_mmu *mmu = ptdev->mmu;
	struct panthor_vm *vm;

	guard(mutex)(&mmu->as.slots_lock);

	mmu->as.faulty |= BIT(as);
	panthor_mmu_fault_irq_disable(ptdev, as);
	panthor_mmu_fault_irq_clear(ptdev, as);

	vm = mmu->as.slots[as];
	if (!vm)
		return;

	WRITE_ONCE(vm->unhandled_fault, true);
	/* Jobs die of it; if it fails, of the reset. */
	panthor_as_disable(vm);
}

/* Finds the VM that needs its slot least. */
static struct panthor_vm *as_victim(struct panthor_mmu *mmu)
{
	struct panthor_vm *vm;

	list_for_each_entry(vm, &mmu->as.idle, as.idle_node)
		if (vm->as.id != AS_MCU)
			return vm;

	return NULL;
}

/* Makes the slot of an idle VM free. It stays with that VM if that fails. */
static int as_steal(struct panthor_device *ptdev)
{
	struct panthor_vm *victim = as_victim(ptdev->mmu);
	int ret;

	if (!victim) {
		drm_WARN_ON(&ptdev->base, !panthor_device_reset_is_pending(ptdev));
		return -EBUSY;
	}
	drm_WARN_ON(&ptdev->base, refcount_read(&victim->as.active));

	/* The next UPDATE of the slot forgets the page table, not the lock. */
	if (victim->as.hw_end || victim->as.tlb_stale)
		ret = panthor_as_disable(victim);
	else
		ret = as_flush(ptdev);
	if (!ret)
		panthor_as_release(victim);

	return ret;
}

static u32 as_free_slots(struct panthor_device *ptdev, struct panthor_vm *vm)
{
	const u32 mcu = BIT(AS_MCU);

	return ptdev->gpu_info.as_present & (vm->for_mcu ? mcu : ~mcu) & ~ptdev->mmu->as.taken;
}

static int as_take(struct panthor_vm *vm)
{
	struct panthor_device *ptdev = vm->ptdev;
	struct panthor_mmu *mmu = ptdev->mmu;
	int ret;

	if (!as_free_slots(ptdev, vm)) {
		if (drm_WARN_ON(&ptdev->base, vm->for_mcu))
			return -EBUSY;
		ret = as_steal(ptdev);
		if (ret)
			return ret;
	}

	WRITE_ONCE(vm->as.id, __ffs(as_free_slots(ptdev, vm)));
	mmu->as.taken |= BIT(vm->as.id);
	mmu->as.slots[vm->as.id] = vm;
	return 0;
}

static int as_program(struct panthor_vm *vm)
{
	const struct io_pgtable_cfg *cfg = &io_pgtable_ops_to_pgtable(vm->pgtbl_ops)->cfg;
	struct panthor_device *ptdev = vm->ptdev;
	u32 va_bits = GPU_MMU_FEATURES_VA_BITS(ptdev->gpu_info.mmu_features);
	u64 transcfg = AS_TRANSCFG_PTW_MEMATTR_WB | AS_TRANSCFG_PTW_RA |
		       AS_TRANSCFG_ADRMODE_AARCH64_4K | AS_TRANSCFG_INA_BITS(55 - va_bits);
	u32 bit = BIT(vm->as.id);
	int ret;

	if (ptdev->coherent)
		transcfg |= AS_TRANSCFG_PTW_SH_OS;

	if (vm->as.hw_end) {
		ret = as_flush_unlock(vm);
		if (ret)
			return ret;
		as_tlb_is_clean(vm);
	}

	/* The VM starts anew, and so does the slot, whoever left a fault there. */
	WRITE_ONCE(vm->unhandled_fault, false);
	if (ptdev->mmu->as.faulty & bit) {
		panthor_mmu_fault_irq_clear(ptdev, vm->as.id);
		ptdev->mmu->as.faulty &= ~bit;
	}
	panthor_mmu_fault_irq_enable(ptdev, vm->as.id);

	/* The page table of an unusable VM may lead to memory of others. */
	if (vm->unusable)
		as_write_config(vm, 0, 0, AS_TRANSCFG_ADRMODE_UNMAPPED);
	else
		as_write_config(vm, cfg->arm_lpae_s1_cfg.ttbr, vm->memattr, transcfg);

	ret = as_command(ptdev, vm->as.id, AS_COMMAND_UPDATE);
	vm->as.programmed = !ret;
	return ret;
}

static int as_activate(struct panthor_vm *vm)
{
	struct panthor_mmu *mmu = vm->ptdev->mmu;
	int ret = 0;

	lockdep_assert_held(&vm->op_lock);
	lockdep_assert_held(&mmu->as.slots_lock);

	if (mmu->as.resetting)
		return -EBUSY;

	if (vm->as.id < 0)
		ret = as_take(vm);
	if (!ret && !vm->as.programmed)
		ret = as_program(vm);

	if (!ret) {
		refcount_set(&vm->as.active, 1);
		list_del_init(&vm->as.idle_node);
	} else if (vm->as.id >= 0 && list_empty(&vm->as.idle_node)) {
		list_add_tail(&vm->as.idle_node, &mmu->as.idle);
	}

	return ret;
}

/**
 * panthor_vm_active() - The GPU is about to use a VM
 * @vm: The VM.
 *
 * It gets an address space slot, and keeps it until as many calls of
 * panthor_vm_idle(), a reset or a suspend.
 *
 * Context: Process context. Takes and releases gem_lru_mutex, op_lock and
 * slots_lock.
 *
 * Return: 0, -ENODEV if the device is gone, -EBUSY if all slots are in use or the
 * GPU is being reset, -ETIMEDOUT or -EIO if the GPU does not answer.
 */
int panthor_vm_active(struct panthor_vm *vm)
{
	struct panthor_device *ptdev = vm->ptdev;
	int ret = 0, cookie;

	if (!drm_dev_enter(&ptdev->base, &cookie))
		return -ENODEV;

	panthor_vm_reclaim_touch(vm);

	/* Changes of the page table lock a region of a slot that must not change. */
	if (!refcount_inc_not_zero(&vm->as.active)) {
		mutex_lock(&vm->op_lock);
		mutex_lock(&ptdev->mmu->as.slots_lock);
		if (!refcount_inc_not_zero(&vm->as.active))
			ret = as_activate(vm);
		mutex_unlock(&ptdev->mmu->as.slots_lock);
		mutex_unlock(&vm->op_lock);
	}

	drm_dev_exit(cookie);
	return ret;
}

/**
 * panthor_vm_idle() - The GPU is done with a VM
 * @vm: The VM; panthor_vm_active() succeeded.
 *
 * With the last user gone, the slot may be taken by another VM.
 *
 * Context: Process context. Takes and releases slots_lock.
 */
void panthor_vm_idle(struct panthor_vm *vm)
{
	struct panthor_mmu *mmu = vm->ptdev->mmu;

	if (!refcount_dec_and_mutex_lock(&vm->as.active, &mmu->as.slots_lock))
		return;

	if (!drm_WARN_ON(&vm->ptdev->base, vm->as.id < 0 || !list_empty(&vm->as.idle_node)))
		list_add_tail(&vm->as.idle_node, &mmu->as.idle);
	mutex_unlock(&mmu->as.slots_lock);
}

/**
 * panthor_vm_as() - Slot of a VM
 * @vm: The VM.
 *
 * Context: Any. The answer is stable while the VM is active.
 *
 * Return: The slot, or -1 if it has none.
 */
int panthor_vm_as(struct panthor_vm *vm)
{
	return READ_ONCE(vm->as.id);
}

/*
 * The GPU locks a power of two of at least 32 KiB, aligned to its size. The low
 * bits of the register say which: log2 of the size, less one. Widens the range to
 * what is locked.
 */
static u64 as_lockaddr(u64 *start, u64 *end)
{
	unsigned int width = max_t(unsigned int, fls64(*start ^ (*end - 1)),
				   ilog2(AS_LOCK_REGION_MIN_SIZE));

	*start &= ~(BIT_ULL(width) - 1);
	*end = *start + BIT_ULL(width);
	return *start | (width - 1);
}

/**
 * panthor_vm_lock_region() - Begin to change the page table of a VM
 * @vm: The VM.
 * @start: First byte of the range that changes.
 * @size: Its size in bytes, not 0.
 *
 * The GPU's accesses to the range wait until panthor_vm_unlock_region().
 *
 * Context: Process context, also reclaim and fence signalling. Caller holds
 * op_lock. Takes and releases slots_lock.
 *
 * Return: 0, or -ETIMEDOUT if the GPU does not answer; then a reset is
 * scheduled and nothing is locked.
 */
int panthor_vm_lock_region(struct panthor_vm *vm, u64 start, u64 size)
{
	struct panthor_device *ptdev = vm->ptdev;
	u64 hw_start = start, hw_end = start + size;
	int ret;

	lockdep_assert_held(&vm->op_lock);
	drm_WARN_ON_ONCE(&ptdev->base, vm->locked.end);

	guard(mutex)(&ptdev->mmu->as.slots_lock);

	if (vm->as.id >= 0 && !as_waits_for_reset(vm)) {
		u64 lockaddr;

		/* What an earlier failure left locked has to stay so. */
		if (vm->as.hw_end) {
			hw_start = min(hw_start, vm->as.hw_start);
			hw_end = max(hw_end, vm->as.hw_end);
		}
		lockaddr = as_lockaddr(&hw_start, &hw_end);
		gpu_write64(ptdev->mmu->iomem, AS_LOCKADDR(vm->as.id), lockaddr);
		ret = as_command(ptdev, vm->as.id, AS_COMMAND_LOCK);
		if (ret)
			return ret;
		vm->as.hw_start = hw_start;
		vm->as.hw_end = hw_end;
	}

	vm->locked.start = start;
	vm->locked.end = start + size;
	return 0;
}

/**
 * panthor_vm_unlock_region() - The page table of a VM was changed
 * @vm: The VM, locked by panthor_vm_lock_region().
 *
 * Context: Process context, also reclaim and fence signalling. Caller holds
 * op_lock. Takes and releases slots_lock.
 *
 * Return: 0 if the GPU has forgotten what was unmapped. -ETIMEDOUT or -EIO if
 * that is not known: then a reset is scheduled, or going on, and what was unmapped
 * must not be released.
 */
int panthor_vm_unlock_region(struct panthor_vm *vm)
{
	struct panthor_device *ptdev = vm->ptdev;
	int ret;

	lockdep_assert_held(&vm->op_lock);

	guard(mutex)(&ptdev->mmu->as.slots_lock);

	vm->locked.start = 0;
	vm->locked.end = 0;

	if (vm->as.id >= 0 && as_waits_for_reset(vm))
		return -EIO;

	/* The slot was lost or disabled meanwhile, with all that it had cached. */
	if (vm->as.id < 0 || !vm->as.hw_end)
		return 0;

	ret = as_flush_unlock(vm);
	if (!ret)
		as_tlb_is_clean(vm);

	return ret;
}

/**
 * panthor_vm_quarantine() - Keep what was unmapped until the GPU has forgotten it
 * @vm: The VM.
 * @vmas: VMAs that are out of its tree, each with a reference on its vm_bo;
 *	empty on success.
 *
 * Context: Process context, also fence signalling. Caller holds op_lock. Takes
 * and releases slots_lock.
 *
 * Return: true if they were taken, false if there is no need to.
 */
bool panthor_vm_quarantine(struct panthor_vm *vm, struct list_head *vmas)
{
	lockdep_assert_held(&vm->op_lock);

	guard(mutex)(&vm->ptdev->mmu->as.slots_lock);

	if (!vm->as.tlb_stale)
		return false;

	list_splice_tail_init(vmas, &vm->as.quarantine);
	return true;
}

/**
 * panthor_vm_doom() - Unmap everything as soon as the GPU lets us
 * @vm: The VM, destroyed; the caller's reference is taken over.
 *
 * Context: Process context. Takes and releases slots_lock.
 */
void panthor_vm_doom(struct panthor_vm *vm)
{
	guard(mutex)(&vm->ptdev->mmu->as.slots_lock);

	vm->as.doomed = true;
	if (vm->as.id < 0)
		as_queue_reap(vm);
}

/**
 * panthor_vm_set_unusable() - Give up a VM
 * @vm: The VM, whose page table is not what it should be.
 *
 * Nothing is mapped any more, and the GPU does not translate with it.
 *
 * Context: Process context, also fence signalling. Takes and releases slots_lock.
 */
void panthor_vm_set_unusable(struct panthor_vm *vm)
{
	struct panthor_device *ptdev = vm->ptdev;
	int cookie;

	guard(mutex)(&ptdev->mmu->as.slots_lock);

	if (vm->unusable)
		return;

	WRITE_ONCE(vm->unusable, true);
	if (vm->as.id >= 0 && drm_dev_enter(&ptdev->base, &cookie)) {
		panthor_as_disable(vm);
		drm_dev_exit(cookie);
	}
}
