/* SPDX-License-Identifier: GPL-2.0 OR MIT */
#ifndef __PANTHOR_GEM_PRIV_H__
#define __PANTHOR_GEM_PRIV_H__

/**
 * DOC: Sections
 *
 * The reclaim state of a BO follows from its pages, pins and mappings. Whoever
 * changes one of them on a BO that others can see does so in a *section*: the
 * functions that change pages and pins want one as an argument, and the end of
 * a section, on whatever path it is reached, makes the state true. There is no
 * call to forget on an error path, because there is no call.
 *
 * A section has the BO's resv. At its end it takes gpuva.lock, behind the resv, to
 * look at the GPU mappings; a section of reclaim has it all along, as reclaim
 * may only try to get it::
 *
 *	CLASS(panthor_gem_locked, s)(bo);	takes the resv
 *	CLASS(panthor_gem_held, s)(bo);		the caller has the resv
 *	CLASS(panthor_gem_reclaim, s)(bo);	the caller has the resv, tries gpuva.lock;
 *						s.bo is NULL if that was taken
 *
 * A BO whose last reference is gone has no state. panthor_gem_pages_drop() is
 * called for it without a section and without the resv, which reclaim, as one
 * that may put the last reference, must not wait for.
 */

#include <linux/cleanup.h>
#include <linux/dma-resv.h>
#include <linux/lockdep.h>

#include "panthor_device.h"
#include "panthor_gem.h"

struct drm_gem_object_funcs;
struct seq_file;
struct vm_operations_struct;

/**
 * struct panthor_gem_section - The right to change what a BO's state follows from
 * @bo: The BO; NULL in a section that could not begin.
 * @resv: The section took the resv.
 * @gpuva: The section took gpuva.lock at its beginning.
 */
struct panthor_gem_section {
	struct panthor_gem_object *bo;
	bool resv;
	bool gpuva;
};

struct panthor_gem_section panthor_gem_section_lock(struct panthor_gem_object *bo);
struct panthor_gem_section panthor_gem_section_held(struct panthor_gem_object *bo);
struct panthor_gem_section panthor_gem_section_reclaim(struct panthor_gem_object *bo);
void panthor_gem_section_end(const struct panthor_gem_section *s);

DEFINE_CLASS(panthor_gem_locked, struct panthor_gem_section, panthor_gem_section_end(&_T),
	     panthor_gem_section_lock(bo), struct panthor_gem_object *bo)
DEFINE_CLASS(panthor_gem_held, struct panthor_gem_section, panthor_gem_section_end(&_T),
	     panthor_gem_section_held(bo), struct panthor_gem_object *bo)
DEFINE_CLASS(panthor_gem_reclaim, struct panthor_gem_section, panthor_gem_section_end(&_T),
	     panthor_gem_section_reclaim(bo), struct panthor_gem_object *bo)

/* panthor_gem_reclaim.c */
bool panthor_gem_state_is_gpu_mapped(enum panthor_gem_reclaim_state state);
void panthor_gem_reclaim_forget(struct panthor_gem_object *bo);

/* panthor_gem_pages.c */
int panthor_gem_pages_get(const struct panthor_gem_section *s);
int panthor_gem_pages_map_dma(const struct panthor_gem_section *s);
void panthor_gem_pages_drop(struct panthor_gem_object *bo);
int panthor_gem_pages_pin(const struct panthor_gem_section *s);
bool panthor_gem_pages_unpin(const struct panthor_gem_section *s);

/* panthor_gem_map.c */
extern const struct vm_operations_struct panthor_gem_vm_ops;
bool panthor_gem_maps_wc(const struct panthor_gem_object *bo);
int panthor_gem_mmap(struct drm_gem_object *obj, struct vm_area_struct *vma);
int panthor_gem_vmap_locked(struct drm_gem_object *obj, struct iosys_map *map);
void panthor_gem_vunmap_locked(struct drm_gem_object *obj, struct iosys_map *map);
void panthor_gem_vunmap_final(struct panthor_gem_object *bo);

/* panthor_gem_prime.c */
struct dma_buf *panthor_gem_prime_export(struct drm_gem_object *obj, int flags);
int panthor_gem_prime_pin(struct drm_gem_object *obj);
void panthor_gem_prime_unpin(struct drm_gem_object *obj);
struct sg_table *panthor_gem_prime_get_sg_table(struct drm_gem_object *obj);

/* panthor_gem.c */
struct panthor_gem_object *panthor_gem_alloc(u32 flags);

/* panthor_gem_debugfs.c */
#ifdef CONFIG_DEBUG_FS
void panthor_gem_debugfs_add(struct panthor_gem_object *bo, u32 usage);
void panthor_gem_debugfs_remove(struct panthor_gem_object *bo);
#else
static inline void panthor_gem_debugfs_add(struct panthor_gem_object *bo, u32 usage)
{
}

static inline void panthor_gem_debugfs_remove(struct panthor_gem_object *bo)
{
}
#endif

static inline struct panthor_device *panthor_gem_device(const struct panthor_gem_object *bo)
{
	return container_of(bo->base.dev, struct panthor_device, base);
}

/*
 * One user less. One step, down to zero too: others may count up from one, though not
 * from zero, at the same time. The answer, whether that was the last one, need not be
 * asked for where the end of a section asks.
 */
static inline bool panthor_gem_count_put(refcount_t *count)
{
	return refcount_dec_and_test(count);
}

static inline unsigned long panthor_gem_nr_pages(const struct panthor_gem_object *bo)
{
	return bo->base.size >> PAGE_SHIFT;
}

#endif
