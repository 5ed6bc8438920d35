// SPDX-License-Identifier: GPL-2.0-only
/*
 * What is in BOs that have no pages (I23). When pages go away a hash of their
 * content is kept, and compared with that of the pages that come back.
 *
 * Nothing is allocated: pages go away in reclaim. What does not fit the table is
 * not compared.
 */

#include <linux/cleanup.h>
#include <linux/hash.h>
#include <linux/highmem.h>
#include <linux/jhash.h>
#include <linux/lockdep.h>
#include <linux/scatterlist.h>
#include <linux/sched.h>
#include <linux/spinlock.h>

#include <drm/drm_gem.h>

#include "../panthor_device.h"
#include "../panthor_gem.h"

#include "watch.h"

#define CONTENT_BITS	10

static DEFINE_SPINLOCK(content_lock);

/**
 * struct content - A BO that was evicted
 * @obj: Its object, or NULL if this is free.
 * @hash: What was in its pages.
 */
struct content {
	const struct drm_gem_object *obj;
	u32 hash;
};

/* By address. */
static struct content content_of[BIT(CONTENT_BITS)];

/* The eviction in progress: what was there when it began. */
static struct {
	const struct page *first;
	const struct task_struct *task;
	int scan;
	u32 hash;
} content_evicting;

/* Scans so far: an eviction does not go on in the next one. */
static atomic_t content_scans;

/* An entry for an object, or a free one; NULL if there is neither. */
static struct content *content_find(const struct drm_gem_object *obj)
{
	struct content *room = NULL;
	u32 first = hash_ptr(obj, CONTENT_BITS);

	/* A few neighbours are enough, and entries can be removed at will. */
	for (u32 i = 0; i < 16; i++) {
		struct content *e = &content_of[(first + i) % BIT(CONTENT_BITS)];

		if (e->obj == obj)
			return e;
		if (!e->obj && !room)
			room = e;
	}

	return room;
}

static u32 content_hash_page(struct page *page, u32 hash)
{
	void *words = kmap_local_page(page);

	hash = jhash2(words, PAGE_SIZE / sizeof(u32), hash);
	kunmap_local(words);

	return hash;
}

static u32 content_hash(const struct drm_gem_object *obj, struct page **pages)
{
	u32 hash = 0;

	for (unsigned long i = 0; i < obj->size >> PAGE_SHIFT; i++)
		hash = content_hash_page(pages[i], hash);

	return hash;
}

/**
 * panthor_content_reset() - Forget all BOs
 *
 * Context: No driver call is in progress. Takes and releases content_lock.
 */
void panthor_content_reset(void)
{
	guard(spinlock)(&content_lock);

	memset(content_of, 0, sizeof(content_of));
	memset(&content_evicting, 0, sizeof(content_evicting));
}

/**
 * panthor_content_new() - A BO is made, where another one may have been
 * @obj: Its object.
 *
 * Context: Process context. Takes and releases content_lock.
 */
void panthor_content_new(struct drm_gem_object *obj)
{
	guard(spinlock)(&content_lock);

	struct content *e = content_find(obj);

	if (e && e->obj == obj)
		e->obj = NULL;
}

/**
 * panthor_content_scan() - Reclaim begins to look for victims
 *
 * Context: Any.
 */
void panthor_content_scan(void)
{
	atomic_inc(&content_scans);
}

static bool content_is_evicting(const struct page *first)
{
	lockdep_assert_held(&content_lock);

	return content_evicting.first == first && content_evicting.task == current &&
	       content_evicting.scan == atomic_read(&content_scans);
}

static void content_evict(const struct page *first, u32 hash)
{
	guard(spinlock)(&content_lock);

	content_evicting.first = first;
	content_evicting.task = current;
	content_evicting.scan = atomic_read(&content_scans);
	content_evicting.hash = hash;
}

/**
 * panthor_content_unmapped() - No CPU reaches the pages of an object any more
 * @obj: The object, its resv is held.
 *
 * Context: Process context, reclaim. Takes and releases content_lock.
 */
void panthor_content_unmapped(struct drm_gem_object *obj)
{
	struct page **pages = to_panthor_bo(obj)->backing.pages;

	if (pages)
		content_evict(pages[0], content_hash(obj, pages));
}

/**
 * panthor_content_unmaps_dma() - No device is about to reach some pages any more
 * @sgt: The pages, of which nothing is said yet in this eviction if no CPU could reach them.
 *
 * Context: Process context, reclaim. Takes and releases content_lock.
 */
void panthor_content_unmaps_dma(struct sg_table *sgt)
{
	const struct page *first = sg_page(sgt->sgl);
	struct sg_page_iter iter;
	u32 hash = 0;

	scoped_guard(spinlock, &content_lock)
		if (content_is_evicting(first))
			return;

	for_each_sgtable_page(sgt, &iter, 0)
		hash = content_hash_page(sg_page_iter_page(&iter), hash);
	content_evict(first, hash);
}

/**
 * panthor_content_gone() - Pages go away
 * @obj: The object they belong to. If it goes as well, its content is of no interest.
 * @pages: The pages.
 * @compare: Whether they have to be what they were when the eviction began.
 *
 * Context: As drm_gem_put_pages(). Takes and releases content_lock.
 */
void panthor_content_gone(struct drm_gem_object *obj, struct page **pages, bool compare)
{
	bool changed;
	u32 hash;

	if (!kref_read(&obj->refcount))
		return;

	hash = content_hash(obj, pages);
	scoped_guard(spinlock, &content_lock) {
		struct content *e = content_find(obj);

		changed = compare && content_is_evicting(pages[0]) &&
			  content_evicting.hash != hash;
		if (content_evicting.first == pages[0])
			content_evicting.first = NULL;
		if (e) {
			e->obj = obj;
			e->hash = hash;
		}
	}
	if (changed)
		panthor_watch_violated(23, "content changed while it was evicted");
}

/**
 * panthor_content_back() - Pages come back
 * @obj: The object they belong to.
 * @pages: The pages.
 *
 * Context: As drm_gem_get_pages(). Takes and releases content_lock.
 */
void panthor_content_back(struct drm_gem_object *obj, struct page **pages)
{
	bool known = false;
	u32 hash = 0;

	scoped_guard(spinlock, &content_lock) {
		struct content *e = content_find(obj);

		if (e && e->obj == obj) {
			known = true;
			hash = e->hash;
			e->obj = NULL;
		}
	}
	if (known && content_hash(obj, pages) != hash)
		panthor_watch_violated(23, "what came back is not what was evicted");
}
