// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * BOs in debugfs: "gems" lists them, "shrink" runs the shrinker.
 *
 * Locks:
 *	The list is under gems.lock, which is taken by whoever releases a BO, reclaim
 *	included: nothing is allocated with it held. A listed BO may have lost its last
 *	reference already; its memory is there until the lock is released.
 *	What is printed of a BO is read without its resv, and may be just changing.
 */

#include <linux/debugfs.h>
#include <linux/sched.h>
#include <linux/sched/mm.h>
#include <linux/seq_file.h>
#include <linux/shrinker.h>

#include <drm/drm_debugfs.h>
#include <drm/drm_file.h>
#include <drm/drm_gem.h>

#include "panthor_gem_priv.h"

/**
 * panthor_gem_debugfs_add() - List a BO
 * @bo: The BO, complete.
 * @usage: Combination of panthor_debugfs_gem_usage_flags.
 *
 * Context: Process context. Takes and releases gems.lock.
 */
void panthor_gem_debugfs_add(struct panthor_gem_object *bo, u32 usage)
{
	struct panthor_device *ptdev = panthor_gem_device(bo);

	bo->debugfs.flags = usage;
	bo->debugfs.creator.tgid = current->tgid;
	get_task_comm(bo->debugfs.creator.process_name, current->group_leader);

	mutex_lock(&ptdev->gems.lock);
	list_add_tail(&bo->debugfs.node, &ptdev->gems.node);
	mutex_unlock(&ptdev->gems.lock);
}

/**
 * panthor_gem_debugfs_remove() - List a BO no longer
 * @bo: The BO, whose last reference is gone, and which may not have been listed.
 *
 * Context: Any that may take mutexes, reclaim included. Takes and releases gems.lock.
 */
void panthor_gem_debugfs_remove(struct panthor_gem_object *bo)
{
	struct panthor_device *ptdev = panthor_gem_device(bo);

	/* One that failed to be created is not on the list, nor can it get there. */
	if (list_empty(&bo->debugfs.node))
		return;

	mutex_lock(&ptdev->gems.lock);
	list_del_init(&bo->debugfs.node);
	mutex_unlock(&ptdev->gems.lock);
}

/**
 * struct gems_totals - Last line of the list
 * @size: Bytes of all BOs.
 * @resident: Of those in memory.
 * @reclaimable: Of those that reclaim may take.
 */
struct gems_totals {
	size_t size;
	size_t resident;
	size_t reclaimable;
};

static const char * const state_names[] = {
	[PANTHOR_DEBUGFS_GEM_STATE_IMPORTED_BIT] = "imported",
	[PANTHOR_DEBUGFS_GEM_STATE_EXPORTED_BIT] = "exported",
	[PANTHOR_DEBUGFS_GEM_STATE_EVICTED_BIT] = "evicted",
};

static const char * const usage_names[] = {
	[PANTHOR_DEBUGFS_GEM_USAGE_KERNEL_BIT] = "kernel",
	[PANTHOR_DEBUGFS_GEM_USAGE_FW_MAPPED_BIT] = "fw-mapped",
};

static void print_legend(struct seq_file *m, const char *what, const char * const *names,
			 unsigned int count)
{
	seq_printf(m, "GEM %s flags: ", what);
	for (unsigned int bit = 0; bit < count; bit++)
		seq_printf(m, "%s%s (0x%lx)", bit ? ", " : "", names[bit], BIT(bit));
	seq_putc(m, '\n');
}

static void print_rule(struct seq_file *m, char c)
{
	for (unsigned int i = 0; i < 148; i++)
		seq_putc(m, c);
	seq_putc(m, '\n');
}

static u32 state_flags(const struct panthor_gem_object *bo, bool resident)
{
	u32 flags = 0;

	if (drm_gem_is_imported(&bo->base))
		flags |= PANTHOR_DEBUGFS_GEM_STATE_FLAG_IMPORTED;
	else if (!resident && atomic_read(&bo->reclaimed_count))
		flags |= PANTHOR_DEBUGFS_GEM_STATE_FLAG_EVICTED;
	if (bo->base.dma_buf)
		flags |= PANTHOR_DEBUGFS_GEM_STATE_FLAG_EXPORTED;

	return flags;
}

static void print_bo(struct seq_file *m, struct panthor_gem_object *bo, struct gems_totals *totals)
{
	enum panthor_gem_reclaim_state state = READ_ONCE(bo->reclaim_state);
	unsigned int refs = kref_read(&bo->base.refcount);
	size_t size = bo->base.size;
	size_t resident = READ_ONCE(bo->backing.pages) ? size : 0;
	char creator[32];

	/* On its way out. */
	if (!refs)
		return;

	snprintf(creator, sizeof(creator), "%s/%d", bo->debugfs.creator.process_name,
		 bo->debugfs.creator.tgid);
	seq_printf(m, "%-32s%-16d%-11d%-11d%-16zd%-16zd0x%-16lx", creator, bo->base.name, refs,
		   atomic_read(&bo->reclaimed_count), size, resident,
		   drm_vma_node_start(&bo->base.vma_node));
	seq_printf(m, "0x%-8x 0x%-10x", state_flags(bo, resident), bo->debugfs.flags);
	scoped_guard(mutex, &bo->label.lock)
		seq_printf(m, "%s\n", bo->label.str ?: "");

	totals->size += size;
	totals->resident += resident;
	if (state != PANTHOR_GEM_UNRECLAIMABLE)
		totals->reclaimable += resident;
}

static int gems_show(struct seq_file *m, void *unused)
{
	struct drm_info_node *node = m->private;
	struct panthor_device *ptdev =
		container_of(node->minor->dev, struct panthor_device, base);
	struct gems_totals totals = {};
	struct panthor_gem_object *bo;

	print_legend(m, "state", state_names, ARRAY_SIZE(state_names));
	print_legend(m, "usage", usage_names, ARRAY_SIZE(usage_names));
	seq_putc(m, '\n');
	seq_printf(m, "%-32s%-16s%-11s%-11s%-16s%-16s%-18s%-11s%-12s%s\n", "created-by",
		   "global-name", "refcount", "evictions", "size", "resident-size", "file-offset",
		   "state", "usage", "label");
	print_rule(m, '-');

	scoped_guard(mutex, &ptdev->gems.lock)
		list_for_each_entry(bo, &ptdev->gems.node, debugfs.node)
			print_bo(m, bo, &totals);

	print_rule(m, '=');
	seq_printf(m, "Total size: %zd, Total resident: %zd, Total reclaimable: %zd\n", totals.size,
		   totals.resident, totals.reclaimable);
	return 0;
}

static const struct drm_info_list gems_list[] = {
	{ "gems", gems_show, 0, NULL },
};

static int shrink_read(void *data, u64 *pages)
{
	struct panthor_device *ptdev = container_of(data, struct panthor_device, base);

	*pages = READ_ONCE(ptdev->reclaim.nr_pages_reclaimed_on_last_scan);
	return 0;
}

static int shrink_write(void *data, u64 pages)
{
	struct panthor_device *ptdev = container_of(data, struct panthor_device, base);
	struct shrink_control sc = { .gfp_mask = GFP_KERNEL, .nr_to_scan = pages };
	struct shrinker *shrinker = ptdev->reclaim.shrinker;

	if (!shrinker)
		return 0;

	/* As lockdep sees reclaim. */
	fs_reclaim_acquire(GFP_KERNEL);
	shrinker->scan_objects(shrinker, &sc);
	fs_reclaim_release(GFP_KERNEL);

	return 0;
}

DEFINE_DEBUGFS_ATTRIBUTE(shrink_fops, shrink_read, shrink_write, "0x%08llx\n");

/**
 * panthor_gem_debugfs_init() - Create the files
 * @minor: Minor in whose directory they are to be; the files go with it.
 *
 * Context: Process context.
 */
void panthor_gem_debugfs_init(struct drm_minor *minor)
{
	drm_debugfs_create_files(gems_list, ARRAY_SIZE(gems_list), minor->debugfs_root, minor);
	debugfs_create_file("shrink", 0600, minor->debugfs_root, minor->dev, &shrink_fops);
}
