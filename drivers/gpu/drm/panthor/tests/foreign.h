/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef __PANTHOR_TESTS_FOREIGN_H__
#define __PANTHOR_TESTS_FOREIGN_H__

#include <kunit/test.h>

#include <linux/types.h>

#include "../panthor_gem.h"

struct device;
struct dma_buf;
struct page;

/**
 * struct foreign_buf - A dma-buf that another driver exports
 * @dmabuf: The dma-buf; the test holds a reference.
 * @pages: Its pages.
 * @nr_pages: Number of pages.
 * @maps: Attachments that are mapped now.
 * @attachments: Attachments there are now.
 */
struct foreign_buf {
	struct dma_buf *dmabuf;
	struct page **pages;
	unsigned int nr_pages;
	unsigned int maps;
	unsigned int attachments;
};

struct foreign_buf *foreign_buf(struct kunit *test, unsigned int nr_pages);
struct panthor_gem_object *foreign_import(struct kunit *test, struct foreign_buf *buf);
struct device *foreign_device(struct kunit *test, const char *name);

#endif
