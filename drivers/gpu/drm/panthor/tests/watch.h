/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef __PANTHOR_TESTS_WATCH_H__
#define __PANTHOR_TESTS_WATCH_H__

/**
 * DOC: What can only be seen while it happens
 *
 * Some invariants leave no trace at a quiescent point: which locks were held
 * when pages went away, what was in them, and how many objects were made and
 * freed. The seams report here, the checker reads what is left.
 */

#include <linux/types.h>

struct drm_gem_object;
struct kmem_cache;
struct page;
struct sg_table;
struct panthor_check_report;

void panthor_watch_reset(void);
void panthor_watch_report(struct panthor_check_report *report);
__printf(2, 3) void panthor_watch_violated(unsigned int inv, const char *fmt, ...);
void panthor_watch_put_pages(struct drm_gem_object *obj);

void panthor_content_reset(void);
void panthor_content_new(struct drm_gem_object *obj);
void panthor_content_scan(void);
void panthor_content_unmapped(struct drm_gem_object *obj);
void panthor_content_unmaps_dma(struct sg_table *sgt);
void panthor_content_gone(struct drm_gem_object *obj, struct page **pages, bool compare);
void panthor_content_back(struct drm_gem_object *obj, struct page **pages);

void panthor_watch_object(int n);
void panthor_watch_tables(long n);
long panthor_watch_objects_left(void);
long panthor_watch_tables_left(void);

void panthor_watch_pt_free(struct kmem_cache *cache, void *p);
void panthor_watch_pt_free_bulk(struct kmem_cache *cache, size_t count, void **objs);

#endif
