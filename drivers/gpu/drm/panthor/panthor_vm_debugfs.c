// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * debugfs "gpuvas": the mappings of all VMs.
 *
 * Locking: vm.lock keeps the VMs, op_lock of each its mappings.
 */

#include <linux/seq_file.h>

#include <drm/drm_debugfs.h>
#include <drm/drm_drv.h>
#include <drm/drm_file.h>

#include "panthor_device.h"
#include "panthor_mmu.h"
#include "panthor_mmu_priv.h"

#ifdef CONFIG_DEBUG_FS
static int gpuvas_show(struct seq_file *m, void *unused)
{
	struct drm_info_node *node = m->private;
	struct panthor_device *ptdev = container_of(node->minor->dev, struct panthor_device, base);
	struct panthor_vm *vm;
	int ret;

	guard(mutex)(&ptdev->mmu->vm.lock);

	list_for_each_entry(vm, &ptdev->mmu->vm.list, node) {
		scoped_guard(mutex, &vm->op_lock)
			ret = drm_debugfs_gpuva_info(m, &vm->base);
		if (ret < 0)
			return ret;
		seq_puts(m, "\n");
	}

	return 0;
}

static struct drm_info_list gpuvas_files[] = {
	DRM_DEBUGFS_GPUVA_INFO(gpuvas_show, NULL),
};

/**
 * panthor_mmu_debugfs_init() - Create the debugfs files of VMs
 * @minor: Where.
 *
 * Context: Process context, may allocate.
 */
void panthor_mmu_debugfs_init(struct drm_minor *minor)
{
	drm_debugfs_create_files(gpuvas_files, ARRAY_SIZE(gpuvas_files), minor->debugfs_root,
				 minor);
}
#endif
