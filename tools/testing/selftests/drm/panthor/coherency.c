// SPDX-License-Identifier: GPL-2.0-only
/*
 * A GPU that does not snoop the CPU's cache: what the CPU stores through a cached
 * mapping, and what the GPU stores, is seen by the other once the cache was maintained,
 * by BO_SYNC or by the driver. The software GPU keeps what is in the cache and what is
 * in memory apart, see Documentation/gpu/panthor/sim.rst.
 */

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../../kselftest_harness.h"

#include "gems.h"
#include "peek.h"
#include "simctl.h"

#define LABEL		"cached"
#define PAGES		4
#define LINE		64
#define LINES		(PAGES * PAGE / LINE)
#define GARBAGE		0xcbcbcbcbU
#define NOEXEC		DRM_PANTHOR_VM_BIND_OP_MAP_NOEXEC
#define FLUSH		DRM_PANTHOR_BO_SYNC_CPU_CACHE_FLUSH
#define INVALIDATE	DRM_PANTHOR_BO_SYNC_CPU_CACHE_FLUSH_AND_INVALIDATE
#define NO_GPU		"no GPU of a driver named panthor that is not coherent"
#define NO_MODEL	"a real cache: what it does by itself nobody knows"

/* First word of each line; of the BO's first fill, of the CPU, of the GPU. */
#define OLD(line)	(0x10000000U + (line))
#define BY_CPU(line)	(0x20000000U + (line))
#define BY_GPU(line)	(0x30000000U + (line))

struct scene {
	struct gate gate;
	struct client client;
	struct bo bo;
	int sim;
};

/* The first GPU with a cache that it does not snoop; a real one may be any. */
static int find_gpu(unsigned int *index, int *sim)
{
	for (*index = 0;; (*index)++) {
		int fd = panthor_open(*index);
		char path[96], text[512];

		if (fd < 0)
			return fd;
		*sim = sim_find(fd);
		close(fd);
		snprintf(path, sizeof(path), "/sys/kernel/debug/panthor-sim/%d/cache", *sim);
		if (*sim < 0 || (!file_read(path, text, sizeof(text)) &&
				 strncmp(text, "mode off", 8)))
			return 0;
	}
}

static int sync_part(struct scene *s, uint32_t type, uint64_t offset, uint64_t size)
{
	struct drm_panthor_bo_sync_op op = {
		.handle = s->bo.handle, .type = type, .offset = offset, .size = size,
	};
	struct drm_panthor_bo_sync arg = {
		.ops = DRM_PANTHOR_OBJ_ARRAY(1, &op),
	};

	return ioctl(s->client.fd, DRM_IOCTL_PANTHOR_BO_SYNC, &arg) ? -errno : 0;
}

static volatile uint32_t *line_of(const struct bo *bo, unsigned int line)
{
	return (uint32_t *)((char *)bo->map + line * LINE);
}

static int gpu_store(struct scene *s, unsigned int line, uint32_t value)
{
	int ret = syncobj_reset(s->client.fd, s->client.syncobj);

	ret = ret ?: client_store(&s->client, VA + line * LINE, value);
	ret = ret ?: syncobj_wait(s->client.fd, s->client.syncobj, JOB_MS);
	return ret ?: syncobj_status(s->client.fd, s->client.syncobj) == 1 ? 0 : -EPROTO;
}

static int64_t gpu_load(struct scene *s, unsigned int line)
{
	uint64_t va = VA + line * LINE;
	uint32_t word;

	return peek(&s->client, &va, 1, &word) ?: (int64_t)word;
}

/* What the GPU does not find in some lines, -1 if it finds all. */
static int64_t gpu_misses(struct scene *s, unsigned int first, unsigned int last, uint32_t want)
{
	while (first <= last) {
		unsigned int count = last - first + 1 < PEEKS ? last - first + 1 : PEEKS;
		uint32_t words[PEEKS];
		uint64_t va[PEEKS];
		int ret;

		for (unsigned int i = 0; i < count; i++)
			va[i] = VA + (first + i) * LINE;
		ret = peek(&s->client, va, count, words);
		if (ret)
			return ret - 1000;
		for (unsigned int i = 0; i < count; i++) {
			if (words[i] != want + first + i)
				return words[i];
		}
		first += count;
	}
	return -1;
}

/* The same for the CPU. */
static int64_t cpu_misses(const struct scene *s, uint32_t want)
{
	for (unsigned int line = 0; line < LINES; line++) {
		uint32_t word = *line_of(&s->bo, line);

		if (word != want + line)
			return word;
	}
	return -1;
}

static void cpu_stores(const struct scene *s, uint32_t first_value)
{
	for (unsigned int line = 0; line < LINES; line++)
		*line_of(&s->bo, line) = first_value + line;
}

static int scene_open(struct scene *s, unsigned int gpu, uint32_t flags)
{
	const struct client_options options = { .gpu = gpu };
	int ret = client_open(&s->client, &options);

	if (ret)
		return ret;
	gate_open(&s->gate, s->client.fd);
	ret = bo_create(s->client.fd, s->client.vm, PAGES * PAGE, flags, &s->bo);
	s->bo.va = VA;
	ret = ret ?: gem_label(s->client.fd, &s->bo, LABEL);
	return ret ?: vm_map(s->client.fd, s->client.vm, &s->bo, NOEXEC);
}

/* All lines hold OLD, for CPU and GPU. */
static int scene_fill(struct scene *s)
{
	cpu_stores(s, OLD(0));
	return bo_sync(s->client.fd, &s->bo, INVALIDATE);
}

static void scene_close(struct __test_metadata *_metadata, struct scene *s)
{
	if (s->sim >= 0)
		EXPECT_EQ(0, sim_write(s->sim, "cache", "random"));
	if (s->client.fd < 0)
		return;
	EXPECT_EQ(0, bo_close(s->client.fd, &s->bo));
	EXPECT_EQ(0, client_close(&s->client));
	EXPECT_STREQ("", gate_close(&s->gate, _metadata->name));
}

/* What has to be so whatever the cache does by itself. */
FIXTURE(wb) {
	struct scene scene;
};

FIXTURE_VARIANT(wb) {
	const char *mode;
};

FIXTURE_VARIANT_ADD(wb, lazy) { .mode = "lazy" };
FIXTURE_VARIANT_ADD(wb, random) { .mode = "random" };
FIXTURE_VARIANT_ADD(wb, eager) { .mode = "eager" };

FIXTURE_SETUP(wb)
{
	struct scene *s = &self->scene;
	unsigned int gpu;

	s->client.fd = -1;
	s->sim = -1;
	if (find_gpu(&gpu, &s->sim))
		SKIP(return, NO_GPU);
	if (s->sim < 0 && strcmp(variant->mode, "lazy"))
		SKIP(return, "a real cache has one mode, which lazy stands for");
	if (s->sim >= 0)
		ASSERT_EQ(0, sim_write(s->sim, "cache", variant->mode));
	ASSERT_EQ(0, scene_open(s, gpu, DRM_PANTHOR_BO_WB_MMAP));
	ASSERT_EQ(0, scene_fill(s));
}

FIXTURE_TEARDOWN(wb)
{
	scene_close(_metadata, &self->scene);
}

/* What the CPU stored is seen by the GPU after FLUSH. */
TEST_F(wb, flush)
{
	struct scene *s = &self->scene;

	EXPECT_EQ(-1, gpu_misses(s, 0, LINES - 1, OLD(0)));
	cpu_stores(s, BY_CPU(0));
	ASSERT_EQ(0, bo_sync(s->client.fd, &s->bo, FLUSH));
	EXPECT_EQ(-1, gpu_misses(s, 0, LINES - 1, BY_CPU(0)));
}

/* What the GPU stored is seen by the CPU after FLUSH_AND_INVALIDATE, its neighbours stay. */
TEST_F(wb, invalidate)
{
	struct scene *s = &self->scene;

	ASSERT_EQ(0, gpu_store(s, 5, BY_GPU(5)));
	ASSERT_EQ(0, bo_sync(s->client.fd, &s->bo, INVALIDATE));
	EXPECT_EQ(OLD(4), *line_of(&s->bo, 4));
	EXPECT_EQ(BY_GPU(5), *line_of(&s->bo, 5));
	EXPECT_EQ(OLD(6), *line_of(&s->bo, 6));
}

/* FLUSH_AND_INVALIDATE loses nothing that the CPU stored and did not flush. */
TEST_F(wb, invalidate_keeps_stores)
{
	struct scene *s = &self->scene;

	cpu_stores(s, BY_CPU(0));
	ASSERT_EQ(0, bo_sync(s->client.fd, &s->bo, INVALIDATE));
	EXPECT_EQ(-1, cpu_misses(s, BY_CPU(0)));
	EXPECT_EQ(-1, gpu_misses(s, 0, LINES - 1, BY_CPU(0)));
}

/* A part that begins and ends within lines, over the end of a page: all of them are flushed. */
TEST_F(wb, flush_of_a_part)
{
	struct scene *s = &self->scene;
	unsigned int first = PAGE / LINE - 2, last = PAGE / LINE + 1;

	cpu_stores(s, BY_CPU(0));
	ASSERT_EQ(0, sync_part(s, FLUSH, first * LINE + 4, (last - first) * LINE));
	EXPECT_EQ(-1, gpu_misses(s, first, last, BY_CPU(0)));
}

/* The same for a part that is invalidated, beside lines that the CPU stored to. */
TEST_F(wb, invalidate_of_a_part)
{
	struct scene *s = &self->scene;

	ASSERT_EQ(0, gpu_store(s, 10, BY_GPU(10)));
	*line_of(&s->bo, 9) = BY_CPU(9);
	line_of(&s->bo, 11)[1] = BY_CPU(11);
	ASSERT_EQ(0, sync_part(s, INVALIDATE, 10 * LINE + 8, LINE));
	EXPECT_EQ(BY_CPU(9), *line_of(&s->bo, 9));
	EXPECT_EQ(BY_GPU(10), *line_of(&s->bo, 10));
	EXPECT_EQ(BY_CPU(11), line_of(&s->bo, 11)[1]);
}

/* An eviction keeps what the CPU stored and did not flush, for the CPU and the GPU. */
TEST_F(wb, eviction_keeps_cpu_stores)
{
	struct scene *s = &self->scene;
	const char *needs = evict_needs(s->client.fd);

	if (needs)
		SKIP(return, "%s", needs);
	cpu_stores(s, BY_CPU(0));
	ASSERT_EQ(0, evict(s->client.fd, LABEL, BY_SHRINK));
	EXPECT_EQ(-1, gpu_misses(s, 0, LINES - 1, BY_CPU(0)));
	EXPECT_EQ(-1, cpu_misses(s, BY_CPU(0)));
}

/* The same if only the CPU brings it back. */
TEST_F(wb, eviction_keeps_cpu_stores_for_cpu)
{
	struct scene *s = &self->scene;
	const char *needs = evict_needs(s->client.fd);

	if (needs)
		SKIP(return, "%s", needs);
	cpu_stores(s, BY_CPU(0));
	ASSERT_EQ(0, evict(s->client.fd, LABEL, BY_SHRINK));
	EXPECT_EQ(-1, cpu_misses(s, BY_CPU(0)));
}

/* An eviction keeps what the GPU stored, beside what the CPU did. */
TEST_F(wb, eviction_keeps_gpu_stores)
{
	struct scene *s = &self->scene;
	const char *needs = evict_needs(s->client.fd);

	if (needs)
		SKIP(return, "%s", needs);
	ASSERT_EQ(0, gpu_store(s, 7, BY_GPU(7)));
	*line_of(&s->bo, 8) = BY_CPU(8);
	ASSERT_EQ(0, evict(s->client.fd, LABEL, BY_SHRINK));
	EXPECT_EQ(OLD(6), *line_of(&s->bo, 6));
	EXPECT_EQ(BY_GPU(7), *line_of(&s->bo, 7));
	EXPECT_EQ(BY_CPU(8), *line_of(&s->bo, 8));
	EXPECT_EQ(BY_GPU(7), gpu_load(s, 7));
	EXPECT_EQ(BY_CPU(8), gpu_load(s, 8));
}

/* What the CPU sees that is not zero, 0 for nothing. */
static uint32_t cpu_not_zero(const struct scene *s)
{
	for (unsigned int word = 0; word < PAGES * PAGE / 4; word++) {
		if (((volatile uint32_t *)s->bo.map)[word])
			return ((volatile uint32_t *)s->bo.map)[word];
	}
	return 0;
}

static const uint32_t kinds[] = { 0, DRM_PANTHOR_BO_NO_MMAP, DRM_PANTHOR_BO_WB_MMAP };

/* A new BO is zero for the GPU, whatever was in its memory, and then for the CPU. */
TEST_F(wb, new_bo_is_zero)
{
	struct scene *s = &self->scene;

	for (unsigned int i = 0; i < 2 * ARRAY_SIZE(kinds); i++) {
		bool cpu_first = i >= ARRAY_SIZE(kinds);
		uint32_t flags = kinds[i % ARRAY_SIZE(kinds)];
		bool mapped = !(flags & DRM_PANTHOR_BO_NO_MMAP);

		cpu_stores(s, BY_CPU(0));
		ASSERT_EQ(0, bo_close(s->client.fd, &s->bo));
		ASSERT_EQ(0, vm_unmap(s->client.fd, s->client.vm, VA, PAGES * PAGE));
		memset(&s->bo, 0, sizeof(s->bo));
		ASSERT_EQ(0, bo_alloc(s->client.fd, s->client.vm, PAGES * PAGE, flags, &s->bo));
		s->bo.va = VA;
		if (mapped)
			ASSERT_EQ(0, bo_map(s->client.fd, &s->bo));
		if (mapped && cpu_first)
			EXPECT_EQ(0, cpu_not_zero(s));
		ASSERT_EQ(0, vm_map(s->client.fd, s->client.vm, &s->bo, NOEXEC));
		for (unsigned int line = 0; line < LINES; line += LINES / 4 - 1)
			EXPECT_EQ(0, gpu_load(s, line));
		if (mapped)
			EXPECT_EQ(0, cpu_not_zero(s));
		if (!mapped) {
			ASSERT_EQ(0, bo_close(s->client.fd, &s->bo));
			ASSERT_EQ(0, vm_unmap(s->client.fd, s->client.vm, VA, PAGES * PAGE));
			ASSERT_EQ(0, bo_create(s->client.fd, s->client.vm, PAGES * PAGE,
					       DRM_PANTHOR_BO_WB_MMAP, &s->bo));
		}
	}
}

/*
 * That the model has teeth: what is missing shows. The driver is not told to leave
 * something out, but what it does is ignored.
 */
FIXTURE(teeth) {
	struct scene scene;
};

FIXTURE_SETUP(teeth)
{
	struct scene *s = &self->scene;
	unsigned int gpu;

	s->client.fd = -1;
	s->sim = -1;
	if (find_gpu(&gpu, &s->sim))
		SKIP(return, NO_GPU);
	if (s->sim < 0)
		SKIP(return, NO_MODEL);
	ASSERT_EQ(0, sim_write(s->sim, "cache", "lazy"));
	ASSERT_EQ(0, scene_open(s, gpu, DRM_PANTHOR_BO_WB_MMAP));
	ASSERT_EQ(0, scene_fill(s));
}

FIXTURE_TEARDOWN(teeth)
{
	scene_close(_metadata, &self->scene);
}

/* Without FLUSH, the GPU sees what was there before. */
TEST_F(teeth, no_flush)
{
	struct scene *s = &self->scene;

	cpu_stores(s, BY_CPU(0));
	EXPECT_EQ(-1, gpu_misses(s, 0, LINES - 1, OLD(0)));
}

/* Without FLUSH_AND_INVALIDATE, the CPU does; FLUSH is not enough. */
TEST_F(teeth, no_invalidate)
{
	struct scene *s = &self->scene;

	ASSERT_EQ(0, gpu_store(s, 5, BY_GPU(5)));
	EXPECT_EQ(OLD(5), *line_of(&s->bo, 5));
	ASSERT_EQ(0, bo_sync(s->client.fd, &s->bo, FLUSH));
	EXPECT_EQ(OLD(5), *line_of(&s->bo, 5));
}

/* What is not in the part that is flushed stays unseen. */
TEST_F(teeth, flush_of_a_part)
{
	struct scene *s = &self->scene;

	cpu_stores(s, BY_CPU(0));
	ASSERT_EQ(0, sync_part(s, FLUSH, 2 * LINE, LINE));
	EXPECT_EQ(OLD(1), gpu_load(s, 1));
	EXPECT_EQ(BY_CPU(2), gpu_load(s, 2));
	EXPECT_EQ(OLD(3), gpu_load(s, 3));
}

/* An eviction that does not clean loses what the CPU stored. */
TEST_F(teeth, eviction_without_clean)
{
	struct scene *s = &self->scene;
	const char *needs = evict_needs(s->client.fd);

	if (needs)
		SKIP(return, "%s", needs);
	cpu_stores(s, BY_CPU(0));
	ASSERT_EQ(0, sim_write(s->sim, "cache", "no-clean"));
	ASSERT_EQ(0, evict(s->client.fd, LABEL, BY_SHRINK));
	ASSERT_EQ(0, sim_write(s->sim, "cache", "lazy"));
	EXPECT_EQ(-1, cpu_misses(s, OLD(0)));
}

/* One that does not invalidate loses what the GPU stored. */
TEST_F(teeth, eviction_without_invalidate)
{
	struct scene *s = &self->scene;
	const char *needs = evict_needs(s->client.fd);

	if (needs)
		SKIP(return, "%s", needs);
	ASSERT_EQ(0, gpu_store(s, 5, BY_GPU(5)));
	ASSERT_EQ(0, sim_write(s->sim, "cache", "no-invalidate"));
	ASSERT_EQ(0, evict(s->client.fd, LABEL, BY_SHRINK));
	ASSERT_EQ(0, sim_write(s->sim, "cache", "lazy"));
	EXPECT_EQ(OLD(5), *line_of(&s->bo, 5));
}

/* New pages that are not cleaned before they are mapped around the cache are not zero. */
TEST_F(teeth, new_bo_without_clean)
{
	struct scene *s = &self->scene;
	struct bo fresh = { };

	ASSERT_EQ(0, bo_create(s->client.fd, s->client.vm, PAGES * PAGE, 0, &fresh));
	ASSERT_EQ(0, sim_write(s->sim, "cache", "no-clean"));
	EXPECT_EQ(GARBAGE, *line_of(&fresh, 0));
	EXPECT_EQ(GARBAGE, *line_of(&fresh, LINES - 1));
	ASSERT_EQ(0, sim_write(s->sim, "cache", "lazy"));
	EXPECT_EQ(0, bo_close(s->client.fd, &fresh));
}

TEST_HARNESS_MAIN
