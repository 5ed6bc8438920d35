// SPDX-License-Identifier: GPL-2.0-only
/*
 * What was swapped out comes back as it was: for each kind of BO and each way to
 * map it. BOs are evicted by the driver's debugfs file, and by reclaim as the kernel
 * does it; that they have really left is seen in debugfs and in the counters of
 * shared memory and swap. PANTHOR_SEED repeats the contents.
 */

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../../kselftest_harness.h"

#include "gems.h"
#include "pattern.h"

#define LABEL		"kept"
#define BO_VA		0x10000000ULL
#define OTHER_VA	0x20000000ULL
#define FEW_PAGES	32
/* More than the driver's own BOs, which are reclaimed too and counted with it. */
#define MANY_PAGES	256
#define NOEXEC		DRM_PANTHOR_VM_BIND_OP_MAP_NOEXEC

/* How the GPU sees the BO. */
enum view {
	/* All of it. */
	WHOLE,
	/* The half in the middle. */
	WINDOW,
	/* At two places: it writes through one and reads through the other. */
	TWICE,
	/* Without a page in the middle, which was unmapped. */
	SPLIT,
	/* In two VMs: one writes, the other reads. */
	TWO_VMS,
};

struct scene {
	struct client client;
	struct client other;
	struct bo bo;
	enum evict_by by;
	bool mapped;
	unsigned int pages;
	unsigned int nr_parts;
	struct part writes[2];
	struct part reads[2];
	uint64_t state;
};

static int bind(struct client *client, const struct bo *bo, const struct part *part,
		uint32_t flags)
{
	struct drm_panthor_vm_bind_op op = {
		.flags = DRM_PANTHOR_VM_BIND_OP_TYPE_MAP | NOEXEC | flags,
		.bo_handle = bo->handle, .bo_offset = part->page * PAGE_BYTES, .va = part->va,
		.size = part->pages * PAGE_BYTES,
	};

	return vm_bind(client->fd, client->vm, &op, 1, false);
}

static int bind_view(struct scene *s, enum view how, uint32_t flags)
{
	struct part all = { .va = BO_VA, .pages = s->pages }, alias = all;
	unsigned int half = s->pages / 2;
	int ret;

	alias.va = OTHER_VA;
	if (how == WINDOW) {
		all.page = s->pages / 4;
		all.pages = half;
	}
	s->nr_parts = 1;
	s->writes[0] = all;
	s->reads[0] = all;
	ret = bind(&s->client, &s->bo, &all, flags);
	if (ret)
		return ret;
	switch (how) {
	case TWICE:
		s->reads[0] = alias;
		return bind(&s->client, &s->bo, &alias, flags);
	case TWO_VMS:
		s->reads[0] = alias;
		return bind(&s->other, &s->bo, &alias, flags);
	case SPLIT:
		s->nr_parts = 2;
		s->writes[0].pages = half;
		s->writes[1] = (struct part){
			.va = BO_VA + (half + 1) * PAGE_BYTES, .page = half + 1,
			.pages = s->pages - half - 1,
		};
		memcpy(s->reads, s->writes, sizeof(s->reads));
		return vm_unmap(s->client.fd, s->client.vm, BO_VA + half * PAGE_BYTES, PAGE_BYTES);
	default:
		return 0;
	}
}

static int unbind_view(struct scene *s)
{
	int ret = vm_unmap(s->client.fd, s->client.vm, BO_VA, s->pages * PAGE_BYTES);

	ret = ret ?: vm_unmap(s->client.fd, s->client.vm, OTHER_VA, s->pages * PAGE_BYTES);
	if (!ret && s->other.fd >= 0)
		ret = vm_unmap(s->other.fd, s->other.vm, OTHER_VA, s->pages * PAGE_BYTES);
	return ret;
}

static int writes(struct scene *s, uint32_t seed)
{
	int ret = 0;

	for (unsigned int i = 0; i < s->nr_parts; i++)
		ret = ret ?: gpu_write(&s->client, &s->writes[i], seed);
	return ret;
}

static int reads(struct scene *s, uint32_t seed)
{
	struct client *reader = s->other.fd >= 0 ? &s->other : &s->client;
	int ret = 0;

	for (unsigned int i = 0; i < s->nr_parts; i++)
		ret = ret ?: gpu_check(reader, &s->reads[i], seed);
	return ret;
}

/* What the GPU has written, and what of before it could not see. */
static int looks(struct scene *s, const void *map, uint32_t seed, uint32_t before)
{
	int ret = bo_sync(s->client.fd, &s->bo, DRM_PANTHOR_BO_SYNC_CPU_CACHE_FLUSH_AND_INVALIDATE);

	for (unsigned int page = 0; page < s->pages && !ret; page++) {
		bool inside = false;

		for (unsigned int i = 0; i < s->nr_parts; i++)
			inside |= page - s->writes[i].page < s->writes[i].pages;
		ret = cpu_check((const char *)map + page * PAGE_BYTES, page, 1,
				inside ? seed : before);
	}
	return ret;
}

static int leaves(struct scene *s)
{
	return evict(s->client.fd, LABEL, s->by);
}

static int64_t resident_pages(struct scene *s)
{
	int64_t bytes = resident(s->client.fd, LABEL);

	return bytes < 0 ? bytes : bytes / PAGE_BYTES;
}

FIXTURE(kept) {
	struct gate gate;
	struct scene scene;
};

FIXTURE_VARIANT(kept) {
	bool shared;
	uint32_t flags;
	uint32_t bind_flags;
	enum view view;
	unsigned int gpu;
};

FIXTURE_VARIANT_ADD(kept, exclusive_whole) { .view = WHOLE };
FIXTURE_VARIANT_ADD(kept, exclusive_window) { .view = WINDOW };
FIXTURE_VARIANT_ADD(kept, exclusive_twice) { .view = TWICE };
FIXTURE_VARIANT_ADD(kept, exclusive_split) { .view = SPLIT };
FIXTURE_VARIANT_ADD(kept, exclusive_uncached) {
	.bind_flags = DRM_PANTHOR_VM_BIND_OP_MAP_UNCACHED,
};

FIXTURE_VARIANT_ADD(kept, shared_whole) { .shared = true, .view = WHOLE };
FIXTURE_VARIANT_ADD(kept, shared_window) { .shared = true, .view = WINDOW };
FIXTURE_VARIANT_ADD(kept, shared_twice) { .shared = true, .view = TWICE };
FIXTURE_VARIANT_ADD(kept, shared_split) { .shared = true, .view = SPLIT };
FIXTURE_VARIANT_ADD(kept, shared_two_vms) { .shared = true, .view = TWO_VMS };
FIXTURE_VARIANT_ADD(kept, wb_whole) { .flags = DRM_PANTHOR_BO_WB_MMAP, .view = WHOLE };
FIXTURE_VARIANT_ADD(kept, wb_split) { .flags = DRM_PANTHOR_BO_WB_MMAP, .view = SPLIT };
FIXTURE_VARIANT_ADD(kept, wb_two_vms) {
	.shared = true, .flags = DRM_PANTHOR_BO_WB_MMAP, .view = TWO_VMS,
};

FIXTURE_VARIANT_ADD(kept, unmappable_whole) { .flags = DRM_PANTHOR_BO_NO_MMAP, .view = WHOLE };
FIXTURE_VARIANT_ADD(kept, unmappable_twice) { .flags = DRM_PANTHOR_BO_NO_MMAP, .view = TWICE };
FIXTURE_VARIANT_ADD(kept, unmappable_split) { .flags = DRM_PANTHOR_BO_NO_MMAP, .view = SPLIT };
/* In the harness's VM this GPU is not coherent. */
FIXTURE_VARIANT_ADD(kept, second_whole) { .gpu = 1, .view = WHOLE };
FIXTURE_VARIANT_ADD(kept, second_wb_split) {
	.gpu = 1, .flags = DRM_PANTHOR_BO_WB_MMAP, .view = SPLIT,
};

FIXTURE_SETUP(kept)
{
	const struct client_options options = { .gpu = variant->gpu };
	struct scene *s = &self->scene;
	const char *needs;
	int ret;

	s->other.fd = -1;
	ret = client_open(&s->client, &options);
	if (ret == -ENODEV)
		SKIP(return, "no GPU %u of a driver named panthor", variant->gpu);
	ASSERT_EQ(0, ret);
	needs = evict_needs(s->client.fd);
	if (needs)
		SKIP(return, "%s", needs);
	if (variant->view == TWO_VMS)
		ASSERT_EQ(0, client_open_beside(&s->other, &s->client, &options));
	gate_open(&self->gate, s->client.fd);
	s->state = seed_of_run();
	TH_LOG("PANTHOR_SEED=%llu", (unsigned long long)s->state);
}

FIXTURE_TEARDOWN(kept)
{
	EXPECT_EQ(0, client_close(&self->scene.other));
	EXPECT_EQ(0, client_close(&self->scene.client));
	EXPECT_STREQ("", gate_close(&self->gate, _metadata->name));
}

static int scene_make(struct scene *s, bool shared, uint32_t flags, unsigned int pages)
{
	struct drm_panthor_bo_create arg = {
		.size = pages * PAGE_BYTES, .flags = flags,
		.exclusive_vm_id = shared ? 0 : s->client.vm,
	};

	s->pages = pages;
	s->mapped = !(flags & DRM_PANTHOR_BO_NO_MMAP);
	if (ioctl(s->client.fd, DRM_IOCTL_PANTHOR_BO_CREATE, &arg))
		return -errno;
	s->bo.handle = arg.handle;
	s->bo.size = arg.size;
	if (s->mapped && bo_map(s->client.fd, &s->bo))
		return -ENOMEM;
	return gem_label(s->client.fd, &s->bo, LABEL);
}

/*
 * CPU and GPU write, the BO is evicted, and both find what was written: whoever
 * comes first, with the mappings of before and with new ones.
 */
static void survives(struct __test_metadata *_metadata, struct scene *s)
{
	uint32_t before = dice(&s->state), seed = dice(&s->state);
	struct bo again = s->bo;

	if (s->mapped) {
		cpu_write(s->bo.map, 0, s->pages, before);
		ASSERT_EQ(0, bo_sync(s->client.fd, &s->bo, DRM_PANTHOR_BO_SYNC_CPU_CACHE_FLUSH));
	}
	ASSERT_EQ(0, writes(s, seed));
	ASSERT_EQ(s->pages, resident_pages(s));

	/* The GPU brings it back. */
	ASSERT_EQ(0, leaves(s));
	ASSERT_EQ(0, reads(s, seed));
	ASSERT_EQ(s->pages, resident_pages(s));

	/* The CPU does, and the GPU has to have its mappings back too. */
	if (s->mapped) {
		ASSERT_EQ(0, leaves(s));
		ASSERT_EQ(0, looks(s, s->bo.map, seed, before));
		ASSERT_EQ(s->pages, resident_pages(s));
	}
	/* What follows is about mappings, to which it is the same; reclaim takes its time. */
	s->by = BY_SHRINK;
	seed = dice(&s->state);
	ASSERT_EQ(0, writes(s, seed));
	if (s->mapped)
		ASSERT_EQ(0, looks(s, s->bo.map, seed, before));

	/* A mapping that is made of what is not there. */
	ASSERT_EQ(0, leaves(s));
	if (s->mapped) {
		ASSERT_EQ(0, bo_map(s->client.fd, &again));
		ASSERT_EQ(0, resident_pages(s));
		ASSERT_EQ(0, looks(s, again.map, seed, before));
		ASSERT_EQ(0, munmap(again.map, again.size));
	}
	ASSERT_EQ(0, reads(s, seed));

	/* The GPU loses it while it is not there, and later gets it anew. */
	ASSERT_EQ(0, leaves(s));
	ASSERT_EQ(0, unbind_view(s));
	ASSERT_EQ(0, resident_pages(s));
	if (s->mapped)
		ASSERT_EQ(0, looks(s, s->bo.map, seed, before));
	ASSERT_EQ(0, bind(&s->client, &s->bo, &s->writes[0], 0));
	ASSERT_EQ(0, gpu_check(&s->client, &s->writes[0], seed));

	/* It goes while it is away. */
	ASSERT_EQ(0, leaves(s));
	ASSERT_EQ(0, bo_close(s->client.fd, &s->bo));
}

/* Contents survive the driver's own evictions, of which each takes the whole BO once. */
TEST_F(kept, shrink)
{
	struct scene *s = &self->scene;

	s->by = BY_SHRINK;
	ASSERT_EQ(0, scene_make(s, variant->shared, variant->flags, FEW_PAGES));
	ASSERT_EQ(0, bind_view(s, variant->view, variant->bind_flags));
	survives(_metadata, s);
}

/* Contents survive reclaim: shared memory shrinks and swap fills by the BO's size. */
TEST_F(kept, pressure_long)
{
	struct scene *s = &self->scene;
	const char *needs = pressure_needs(s->client.fd);

	if (needs)
		SKIP(return, "%s", needs);
	s->by = BY_PRESSURE;
	ASSERT_EQ(0, scene_make(s, variant->shared, variant->flags, MANY_PAGES));
	ASSERT_EQ(0, bind_view(s, variant->view, variant->bind_flags));
	survives(_metadata, s);
}

/* What is done to the BO of a round, each once and in every order. */
enum step { CUT, MAP_AGAIN, TOUCH, LEAVE, STEPS };

static int do_step(struct client *gpu, struct bo *bo, enum step what, const char *label)
{
	struct bo alias = *bo;

	switch (what) {
	case CUT:
		return vm_unmap(gpu->fd, gpu->vm, BO_VA + PAGE_BYTES, PAGE_BYTES);
	case MAP_AGAIN:
		alias.va = OTHER_VA;
		return vm_map(gpu->fd, gpu->vm, &alias, NOEXEC);
	case TOUCH:
		bo->map = NULL;
		return bo_map(gpu->fd, bo);
	default:
		return evict(gpu->fd, label, BY_SHRINK);
	}
}

/* Through every mapping that there should be now. */
static int see_all(struct client *gpu, const struct bo *bo, unsigned int done, uint32_t seed)
{
	struct part all = { .va = BO_VA, .pages = FEW_PAGES }, rest = all;
	int ret;

	if (done & 1U << CUT) {
		all.pages = 1;
		rest = (struct part){
			.va = BO_VA + 2 * PAGE_BYTES, .page = 2, .pages = FEW_PAGES - 2,
		};
	}
	ret = gpu_check(gpu, &all, seed);
	if (!ret && done & 1U << CUT)
		ret = gpu_check(gpu, &rest, seed);
	if (!ret && done & 1U << MAP_AGAIN) {
		all = (struct part){ .va = OTHER_VA, .pages = FEW_PAGES };
		ret = gpu_check(gpu, &all, seed);
	}
	if (!ret && done & 1U << TOUCH)
		ret = cpu_check(bo->map, 0, FEW_PAGES, seed);
	return ret;
}

/* The nth of the 24 orders. */
static void permute(unsigned int n, enum step *steps)
{
	unsigned int used = 0;

	for (unsigned int i = 0; i < STEPS; i++) {
		static const unsigned int below[STEPS] = { 6, 2, 1, 1 };
		unsigned int skip = n / below[i];
		unsigned int step = 0;

		n %= below[i];
		for (;; step++) {
			if (used & 1U << step)
				continue;
			if (!skip--)
				break;
		}
		used |= 1U << step;
		steps[i] = step;
	}
}

FIXTURE(every) {
	struct gate gate;
	struct client client;
	uint64_t state;
};

FIXTURE_VARIANT(every) {
	/* Look after each step, or only at the end, when states have piled up. */
	bool look;
	bool shared;
};

FIXTURE_VARIANT_ADD(every, looked_at) {
	.look = true,
};

FIXTURE_VARIANT_ADD(every, looked_at_last) {
	.shared = true,
};

FIXTURE_SETUP(every)
{
	const struct client_options options = { };
	const char *needs;
	int ret = client_open(&self->client, &options);

	if (ret == -ENODEV)
		SKIP(return, "no render node of a driver named panthor");
	ASSERT_EQ(0, ret);
	needs = evict_needs(self->client.fd);
	if (needs)
		SKIP(return, "%s", needs);
	gate_open(&self->gate, self->client.fd);
	self->state = seed_of_run();
	TH_LOG("PANTHOR_SEED=%llu", (unsigned long long)self->state);
}

FIXTURE_TEARDOWN(every)
{
	EXPECT_EQ(0, client_close(&self->client));
	EXPECT_STREQ("", gate_close(&self->gate, _metadata->name));
}

/* Unmap of a part, second mapping, mmap and eviction in all 24 orders, then the end. */
TEST_F_TIMEOUT(every, order_long, 120)
{
	struct client *gpu = &self->client;

	for (unsigned int n = 0; n < 24; n++) {
		struct part all = { .va = BO_VA, .pages = FEW_PAGES };
		uint32_t seed = dice(&self->state);
		struct bo bo = { .va = BO_VA };
		enum step steps[STEPS];
		unsigned int done = 0;

		ASSERT_EQ(0, bo_create(gpu->fd, variant->shared ? 0 : gpu->vm,
				       FEW_PAGES * PAGE_BYTES, 0, &bo));
		ASSERT_EQ(0, munmap(bo.map, bo.size));
		bo.map = NULL;
		ASSERT_EQ(0, gem_label(gpu->fd, &bo, LABEL));
		ASSERT_EQ(0, vm_map(gpu->fd, gpu->vm, &bo, NOEXEC));
		ASSERT_EQ(0, gpu_write(gpu, &all, seed));
		permute(n, steps);
		for (unsigned int i = 0; i < STEPS; i++) {
			ASSERT_EQ(0, do_step(gpu, &bo, steps[i], LABEL)) {
				TH_LOG("order %u, step %u", n, i);
			}
			done |= 1U << steps[i];
			if (!variant->look && i < STEPS - 1)
				continue;
			ASSERT_EQ(0, see_all(gpu, &bo, done, seed)) {
				TH_LOG("order %u, after step %u", n, i);
			}
		}
		/* Away or not, closed before it is unmapped or after. */
		if (n & 1)
			ASSERT_EQ(0, evict(gpu->fd, LABEL, BY_SHRINK));
		if (n & 2)
			ASSERT_EQ(0, bo_close(gpu->fd, &bo));
		ASSERT_EQ(0, vm_unmap(gpu->fd, gpu->vm, BO_VA, FEW_PAGES * PAGE_BYTES));
		ASSERT_EQ(0, vm_unmap(gpu->fd, gpu->vm, OTHER_VA, FEW_PAGES * PAGE_BYTES));
		if (!(n & 2))
			ASSERT_EQ(0, bo_close(gpu->fd, &bo));
	}
}

TEST_HARNESS_MAIN
