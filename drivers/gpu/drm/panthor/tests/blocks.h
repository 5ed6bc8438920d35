/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef __PANTHOR_TESTS_BLOCKS_H__
#define __PANTHOR_TESTS_BLOCKS_H__

struct drm_gem_object;
struct kunit;
struct page;

/* For panthor_seam_set_get_pages(): memory in aligned runs of 2 MiB. */
struct page **blocks_get_huge(struct drm_gem_object *obj);
struct page **blocks_get_small(struct drm_gem_object *obj);
void blocks_exit(struct kunit *test);

#endif
