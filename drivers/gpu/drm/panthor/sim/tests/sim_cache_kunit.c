// SPDX-License-Identifier: GPL-2.0-only
/*
 * The model of the CPU's cache by itself. The test is both CPU, which writes the page,
 * and GPU. Words are at the start of lines unless a case is about the rest of them.
 */

#include <linux/gfp.h>
#include <linux/io.h>
#include <linux/mm.h>
#include <linux/prandom.h>
#include <linux/string.h>

#include <kunit/resource.h>
#include <kunit/test.h>

#include "../sim_cache.h"
#include "sim_seed.h"

#define LINES		(PAGE_SIZE / SIM_CACHE_LINE)
#define GARBAGE		(SIM_CACHE_GARBAGE * 0x01010101U)
#define STEPS		20000

#define OLD		0x1000U
#define CPU		0x2000U
#define GPU		0x3000U

struct bench {
	struct sim_cache *cache;
	struct page *page;
	u32 *cpu;
	bool known;
};

static void bench_free(void *data)
{
	struct bench *b = data;

	if (b->known)
		sim_cache_remove(b->cache, &b->page, 1);
	sim_cache_destroy(b->cache);
	if (b->page)
		__free_page(b->page);
}

/* One new page, with OLD + the number of the line in the first word of each line. */
static struct bench *bench_of(struct kunit *test, u32 seed, enum sim_cache_mode mode)
{
	struct bench *b = kunit_kzalloc(test, sizeof(*b), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, b);
	b->page = alloc_page(GFP_KERNEL | __GFP_ZERO);
	b->cache = sim_cache_create(seed, mode);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, bench_free, b), 0);
	KUNIT_ASSERT_NOT_NULL(test, b->page);
	KUNIT_ASSERT_NOT_NULL(test, b->cache);
	b->cpu = page_address(b->page);
	for (unsigned int line = 0; line < LINES; line++)
		b->cpu[line * SIM_CACHE_LINE / 4] = OLD + line;

	sim_cache_add(b->cache, &b->page, 1);
	b->known = true;
	return b;
}

static u64 addr(const struct bench *b, unsigned int line)
{
	return page_to_phys(b->page) + line * SIM_CACHE_LINE;
}

/* The same page, in memory and mapped cached by the CPU. */
static struct bench *cached_of(struct kunit *test, enum sim_cache_mode mode)
{
	struct bench *b = bench_of(test, 1, mode);

	sim_cache_clean(b->cache, addr(b, 0), PAGE_SIZE);
	sim_cache_cpu_maps(b->cache, page_to_pfn(b->page), true);
	KUNIT_ASSERT_EQ(test, sim_cache_stats(b->cache).cached, 1);
	return b;
}

static u32 cpu_reads(const struct bench *b, unsigned int line)
{
	return READ_ONCE(b->cpu[line * SIM_CACHE_LINE / 4]);
}

static void cpu_writes(struct bench *b, unsigned int line, u32 value)
{
	WRITE_ONCE(b->cpu[line * SIM_CACHE_LINE / 4], value);
}

static u32 gpu_reads(struct bench *b, unsigned int line)
{
	u32 value;

	sim_cache_copy(b->cache, addr(b, line), &value, sizeof(value), SIM_READ);
	return value;
}

static void gpu_writes(struct bench *b, unsigned int line, u32 value)
{
	sim_cache_copy(b->cache, addr(b, line), &value, sizeof(value), SIM_WRITE);
}

/*
 * A page of nobody's.
 * Succeeds if GPU and CPU see what the other writes at once.
 */
static void unknown_page_is_shared(struct kunit *test)
{
	struct bench *b = bench_of(test, 1, SIM_CACHE_LAZY);

	sim_cache_remove(b->cache, &b->page, 1);
	b->known = false;
	sim_cache_cpu_maps(b->cache, page_to_pfn(b->page), true);
	KUNIT_EXPECT_EQ(test, gpu_reads(b, 1), OLD + 1);
	cpu_writes(b, 1, CPU);
	KUNIT_EXPECT_EQ(test, gpu_reads(b, 1), CPU);
	gpu_writes(b, 1, GPU);
	KUNIT_EXPECT_EQ(test, cpu_reads(b, 1), GPU);
}

/*
 * Nobody cleaned a new page, and the GPU gets at it.
 * Succeeds if none of what the CPU filled it with is seen, by the CPU neither.
 */
static void new_page_is_garbage(struct kunit *test)
{
	struct bench *b = bench_of(test, 1, SIM_CACHE_LAZY);

	KUNIT_EXPECT_EQ(test, gpu_reads(b, 0), GARBAGE);
	KUNIT_EXPECT_NULL(test, memchr_inv(b->cpu, SIM_CACHE_GARBAGE, PAGE_SIZE));
	KUNIT_EXPECT_EQ(test, sim_cache_stats(b->cache).unclean, 1);
}

/*
 * A new page is mapped around the cache; once before it was cleaned, once after.
 * Succeeds if the first shows none of the contents, the second all, and whether
 * CPU and GPU see what the other writes.
 */
static void uncached_mapping_shows_memory(struct kunit *test)
{
	struct bench *before = bench_of(test, 1, SIM_CACHE_LAZY);
	struct bench *after = bench_of(test, 1, SIM_CACHE_LAZY);

	sim_cache_cpu_maps(before->cache, page_to_pfn(before->page), false);
	KUNIT_EXPECT_EQ(test, cpu_reads(before, 1), GARBAGE);

	sim_cache_clean(after->cache, addr(after, 0), PAGE_SIZE);
	sim_cache_cpu_maps(after->cache, page_to_pfn(after->page), false);
	KUNIT_EXPECT_EQ(test, cpu_reads(after, 1), OLD + 1);
	cpu_writes(after, 1, CPU);
	KUNIT_EXPECT_EQ(test, gpu_reads(after, 1), CPU);
	gpu_writes(after, 2, GPU);
	KUNIT_EXPECT_EQ(test, cpu_reads(after, 2), GPU);
}

/*
 * A second mapping around the cache, of a page that the CPU wrote through the first.
 * Succeeds if what it wrote is still there.
 */
static void second_uncached_mapping_changes_nothing(struct kunit *test)
{
	struct bench *b = bench_of(test, 1, SIM_CACHE_LAZY);

	sim_cache_cpu_maps(b->cache, page_to_pfn(b->page), false);
	cpu_writes(b, 1, CPU);
	sim_cache_cpu_maps(b->cache, page_to_pfn(b->page), false);
	KUNIT_EXPECT_EQ(test, cpu_reads(b, 1), CPU);
}

/*
 * The CPU maps a new page cached before it was cleaned.
 * Succeeds if the CPU finds its contents, the GPU garbage, and after a clean both the
 * contents, though the CPU has written nothing since.
 */
static void new_page_is_dirty(struct kunit *test)
{
	struct bench *b = bench_of(test, 1, SIM_CACHE_LAZY);

	sim_cache_cpu_maps(b->cache, page_to_pfn(b->page), true);
	KUNIT_EXPECT_EQ(test, cpu_reads(b, 3), OLD + 3);
	KUNIT_EXPECT_EQ(test, gpu_reads(b, 3), GARBAGE);
	sim_cache_clean(b->cache, addr(b, 0), PAGE_SIZE);
	KUNIT_EXPECT_EQ(test, cpu_reads(b, 3), OLD + 3);
	KUNIT_EXPECT_EQ(test, gpu_reads(b, 3), OLD + 3);
	KUNIT_EXPECT_EQ(test, sim_cache_stats(b->cache).cleaned, LINES);
}

/*
 * The CPU writes two lines, of which one is cleaned.
 * Succeeds if the GPU sees that one, and the other as it was.
 */
static void clean_shows_line_to_gpu(struct kunit *test)
{
	struct bench *b = cached_of(test, SIM_CACHE_LAZY);

	cpu_writes(b, 1, CPU);
	cpu_writes(b, 2, CPU);
	KUNIT_EXPECT_EQ(test, gpu_reads(b, 1), OLD + 1);
	sim_cache_clean(b->cache, addr(b, 1), SIM_CACHE_LINE);
	KUNIT_EXPECT_EQ(test, gpu_reads(b, 1), CPU);
	KUNIT_EXPECT_EQ(test, gpu_reads(b, 2), OLD + 2);
	KUNIT_EXPECT_EQ(test, cpu_reads(b, 2), CPU);
}

/*
 * The GPU writes two lines, of which one is invalidated.
 * Succeeds if the CPU sees that one, and the other as it was.
 */
static void invalidate_shows_line_to_cpu(struct kunit *test)
{
	struct bench *b = cached_of(test, SIM_CACHE_LAZY);

	gpu_writes(b, 1, GPU);
	gpu_writes(b, 2, GPU);
	KUNIT_EXPECT_EQ(test, cpu_reads(b, 1), OLD + 1);
	sim_cache_invalidate(b->cache, addr(b, 1), SIM_CACHE_LINE);
	KUNIT_EXPECT_EQ(test, cpu_reads(b, 1), GPU);
	KUNIT_EXPECT_EQ(test, cpu_reads(b, 2), OLD + 2);
	KUNIT_EXPECT_EQ(test, gpu_reads(b, 2), GPU);
}

/*
 * The CPU writes a line, which is invalidated and not cleaned before.
 * Succeeds if what it wrote is lost, and that is counted.
 */
static void invalidate_loses_what_the_cpu_wrote(struct kunit *test)
{
	struct bench *b = cached_of(test, SIM_CACHE_LAZY);

	cpu_writes(b, 1, CPU);
	sim_cache_invalidate(b->cache, addr(b, 0), PAGE_SIZE);
	KUNIT_EXPECT_EQ(test, cpu_reads(b, 1), OLD + 1);
	KUNIT_EXPECT_EQ(test, sim_cache_stats(b->cache).lost, 1);
	sim_cache_clean(b->cache, addr(b, 0), PAGE_SIZE);
	KUNIT_EXPECT_EQ(test, gpu_reads(b, 1), OLD + 1);
}

/*
 * The GPU writes a line that the CPU has not written, and it is cleaned.
 * Succeeds if what the GPU wrote is still there: a clean line is not written back.
 */
static void clean_leaves_lines_the_cpu_did_not_write(struct kunit *test)
{
	struct bench *b = cached_of(test, SIM_CACHE_LAZY);

	gpu_writes(b, 1, GPU);
	sim_cache_clean(b->cache, addr(b, 0), PAGE_SIZE);
	KUNIT_EXPECT_EQ(test, gpu_reads(b, 1), GPU);
	KUNIT_EXPECT_EQ(test, sim_cache_stats(b->cache).cleaned, 0);
}

/*
 * CPU and GPU write different words of one line, which is then cleaned.
 * Succeeds if the GPU's word is gone: lines are written back whole.
 */
static void clean_writes_whole_lines(struct kunit *test)
{
	struct bench *b = cached_of(test, SIM_CACHE_LAZY);

	gpu_writes(b, 1, GPU);
	b->cpu[SIM_CACHE_LINE / 4 + 1] = CPU;
	sim_cache_clean(b->cache, addr(b, 1) + 4, 4);
	KUNIT_EXPECT_EQ(test, gpu_reads(b, 1), OLD + 1);
}

struct range_row {
	const char *desc;
	unsigned int offset;
	unsigned int size;
	unsigned int first;
	unsigned int last;
};

static const struct range_row range_rows[] = {
	{ "one_byte", 2 * SIM_CACHE_LINE, 1, 2, 2 },
	{ "last_byte", 3 * SIM_CACHE_LINE - 1, 1, 2, 2 },
	{ "line", 2 * SIM_CACHE_LINE, SIM_CACHE_LINE, 2, 2 },
	{ "over_a_border", 3 * SIM_CACHE_LINE - 1, 2, 2, 3 },
	{ "some", SIM_CACHE_LINE + 8, 3 * SIM_CACHE_LINE, 1, 4 },
};

KUNIT_ARRAY_PARAM_DESC(range, range_rows, desc);

/*
 * The CPU writes all lines, a range is cleaned.
 * Succeeds if the GPU sees each line of which a byte is in the range, and no other.
 */
static void clean_is_by_line(struct kunit *test)
{
	const struct range_row *row = test->param_value;
	struct bench *b = cached_of(test, SIM_CACHE_LAZY);

	for (unsigned int line = 0; line < LINES; line++)
		cpu_writes(b, line, CPU);
	sim_cache_clean(b->cache, addr(b, 0) + row->offset, row->size);
	for (unsigned int line = 0; line < LINES; line++) {
		bool in = line >= row->first && line <= row->last;

		KUNIT_EXPECT_EQ_MSG(test, gpu_reads(b, line), in ? CPU : OLD + line,
				    "line %u", line);
	}
}

/*
 * The GPU writes all lines, a range is invalidated.
 * Succeeds if the CPU sees each line of which a byte is in the range, and no other.
 */
static void invalidate_is_by_line(struct kunit *test)
{
	const struct range_row *row = test->param_value;
	struct bench *b = cached_of(test, SIM_CACHE_LAZY);

	for (unsigned int line = 0; line < LINES; line++)
		gpu_writes(b, line, GPU);
	sim_cache_invalidate(b->cache, addr(b, 0) + row->offset, row->size);
	for (unsigned int line = 0; line < LINES; line++) {
		bool in = line >= row->first && line <= row->last;

		KUNIT_EXPECT_EQ_MSG(test, cpu_reads(b, line), in ? GPU : OLD + line,
				    "line %u", line);
	}
}

/*
 * The CPU writes the first word of two lines, and all from the second word of the one
 * to the first of the other, that excluded, is invalidated.
 * Succeeds if neither word is lost.
 */
static void invalidate_spares_the_rest_of_a_line(struct kunit *test)
{
	struct bench *b = cached_of(test, SIM_CACHE_LAZY);

	cpu_writes(b, 1, CPU);
	cpu_writes(b, 3, CPU);
	sim_cache_invalidate(b->cache, addr(b, 1) + 4, 2 * SIM_CACHE_LINE - 4);
	KUNIT_EXPECT_EQ(test, cpu_reads(b, 1), CPU);
	KUNIT_EXPECT_EQ(test, cpu_reads(b, 3), CPU);
	KUNIT_EXPECT_EQ(test, sim_cache_stats(b->cache).lost, 0);
}

/*
 * A page goes while CPU and GPU see different things.
 * Succeeds if it has what the CPU saw, and is the same for both.
 */
static void removed_page_is_what_the_cpu_saw(struct kunit *test)
{
	struct bench *b = cached_of(test, SIM_CACHE_LAZY);

	gpu_writes(b, 1, GPU);
	cpu_writes(b, 2, CPU);
	sim_cache_remove(b->cache, &b->page, 1);
	b->known = false;
	KUNIT_EXPECT_EQ(test, gpu_reads(b, 1), OLD + 1);
	KUNIT_EXPECT_EQ(test, gpu_reads(b, 2), CPU);
}

/*
 * A cache that is deaf to what it is told, then not any more.
 * Succeeds if cleaning and invalidating change nothing while it is, each for itself.
 */
static void deaf_cache_maintains_nothing(struct kunit *test)
{
	struct bench *b = cached_of(test, SIM_CACHE_LAZY);

	cpu_writes(b, 1, CPU);
	gpu_writes(b, 2, GPU);
	sim_cache_set_deaf(b->cache, true, false);
	sim_cache_clean(b->cache, addr(b, 1), SIM_CACHE_LINE);
	KUNIT_EXPECT_EQ(test, gpu_reads(b, 1), OLD + 1);
	sim_cache_set_deaf(b->cache, false, true);
	sim_cache_invalidate(b->cache, addr(b, 2), SIM_CACHE_LINE);
	KUNIT_EXPECT_EQ(test, cpu_reads(b, 2), OLD + 2);

	sim_cache_clean(b->cache, addr(b, 1), SIM_CACHE_LINE);
	KUNIT_EXPECT_EQ(test, gpu_reads(b, 1), CPU);
	sim_cache_set_deaf(b->cache, true, false);
	sim_cache_invalidate(b->cache, addr(b, 2), SIM_CACHE_LINE);
	KUNIT_EXPECT_EQ(test, cpu_reads(b, 2), GPU);
}

/*
 * A cache that keeps nothing to itself.
 * Succeeds if CPU and GPU see what the other wrote, also in a new page.
 */
static void eager_cache_hides_nothing(struct kunit *test)
{
	struct bench *fresh = bench_of(test, 1, SIM_CACHE_EAGER);
	struct bench *b = cached_of(test, SIM_CACHE_EAGER);

	KUNIT_EXPECT_EQ(test, gpu_reads(fresh, 1), OLD + 1);
	cpu_writes(b, 1, CPU);
	KUNIT_EXPECT_EQ(test, gpu_reads(b, 1), CPU);
	gpu_writes(b, 2, GPU);
	KUNIT_EXPECT_EQ(test, cpu_reads(b, 2), GPU);
}

/*
 * The CPU writes a line, does not clean it, then the GPU writes the same line, over
 * and over, in a cache that does something by chance.
 * Succeeds if either is the last at times: a write-back that comes late undoes what
 * the GPU wrote.
 */
static void late_write_back_undoes_gpu_write(struct kunit *test)
{
	struct rnd_state rnd;
	u32 seed = sim_seed(test, &rnd);
	struct bench *b = bench_of(test, seed, SIM_CACHE_RANDOM);
	unsigned int undone = 0;

	sim_cache_clean(b->cache, addr(b, 0), PAGE_SIZE);
	sim_cache_cpu_maps(b->cache, page_to_pfn(b->page), true);
	for (unsigned int i = 0; i < STEPS; i++) {
		cpu_writes(b, 1, CPU + i);
		gpu_writes(b, 1, GPU);
		undone += gpu_reads(b, 1) == CPU + i;
		sim_cache_invalidate(b->cache, addr(b, 1), SIM_CACHE_LINE);
	}
	KUNIT_EXPECT_GT_MSG(test, undone, 0, "panthor_sim.kunit_seed=%u", seed);
	KUNIT_EXPECT_LT_MSG(test, undone, STEPS, "panthor_sim.kunit_seed=%u", seed);
}

/*
 * CPU and GPU use lines in turn, and each line is handed over by the right call, in a
 * cache that does something by chance.
 * Succeeds if either always sees what the other wrote: chance harms nobody who
 * maintains the cache.
 */
static void maintenance_makes_chance_harmless(struct kunit *test)
{
	struct rnd_state rnd;
	u32 seed = sim_seed(test, &rnd);
	struct bench *b = bench_of(test, seed, SIM_CACHE_RANDOM);
	unsigned int wrong = 0;

	sim_cache_clean(b->cache, addr(b, 0), PAGE_SIZE);
	sim_cache_cpu_maps(b->cache, page_to_pfn(b->page), true);
	for (unsigned int i = 0; i < STEPS; i++) {
		unsigned int line = prandom_u32_state(&rnd) % LINES;

		cpu_writes(b, line, CPU + i);
		sim_cache_clean(b->cache, addr(b, line), SIM_CACHE_LINE);
		wrong += gpu_reads(b, line) != CPU + i;
		gpu_writes(b, line, ~i);
		sim_cache_invalidate(b->cache, addr(b, line), SIM_CACHE_LINE);
		wrong += cpu_reads(b, line) != ~i;
	}
	KUNIT_EXPECT_EQ_MSG(test, wrong, 0, "panthor_sim.kunit_seed=%u", seed);
	KUNIT_EXPECT_EQ(test, sim_cache_stats(b->cache).lost, 0);
}

/*
 * The same accesses, twice without maintenance, by the same seed.
 * Succeeds if chance had the same effects, and had some.
 */
static void chance_repeats_by_seed(struct kunit *test)
{
	struct rnd_state rnd;
	u32 seed = sim_seed(test, &rnd);
	struct bench *one = bench_of(test, seed, SIM_CACHE_RANDOM);
	struct bench *two = bench_of(test, seed, SIM_CACHE_RANDOM);

	for (unsigned int i = 0; i < 2; i++) {
		struct bench *b = i ? two : one;

		sim_cache_cpu_maps(b->cache, page_to_pfn(b->page), true);
		for (unsigned int step = 0; step < STEPS; step++) {
			cpu_writes(b, step % LINES, step);
			gpu_writes(b, step * 7 % LINES, ~step);
		}
	}
	KUNIT_EXPECT_MEMEQ(test, one->cpu, two->cpu, PAGE_SIZE);
	KUNIT_EXPECT_EQ(test, sim_cache_stats(one->cache).early,
			sim_cache_stats(two->cache).early);
	KUNIT_EXPECT_GT(test, sim_cache_stats(one->cache).early, 0);
}

/*
 * The names of the modes, and what is none.
 * Succeeds if each name gives its mode, and another word -EINVAL.
 */
static void modes_have_names(struct kunit *test)
{
	enum sim_cache_mode mode;

	for (unsigned int i = 0; i < SIM_CACHE_MODES; i++) {
		KUNIT_EXPECT_EQ(test, sim_cache_mode_parse(sim_cache_mode_name(i), &mode), 0);
		KUNIT_EXPECT_EQ(test, mode, i);
	}
	KUNIT_EXPECT_EQ(test, sim_cache_mode_parse("laz", &mode), -EINVAL);
}

static struct kunit_case sim_cache_cases[] = {
	KUNIT_CASE(unknown_page_is_shared),
	KUNIT_CASE(new_page_is_garbage),
	KUNIT_CASE(uncached_mapping_shows_memory),
	KUNIT_CASE(second_uncached_mapping_changes_nothing),
	KUNIT_CASE(new_page_is_dirty),
	KUNIT_CASE(clean_shows_line_to_gpu),
	KUNIT_CASE(invalidate_shows_line_to_cpu),
	KUNIT_CASE(invalidate_loses_what_the_cpu_wrote),
	KUNIT_CASE(clean_leaves_lines_the_cpu_did_not_write),
	KUNIT_CASE(clean_writes_whole_lines),
	KUNIT_CASE_PARAM(clean_is_by_line, range_gen_params),
	KUNIT_CASE_PARAM(invalidate_is_by_line, range_gen_params),
	KUNIT_CASE(invalidate_spares_the_rest_of_a_line),
	KUNIT_CASE(removed_page_is_what_the_cpu_saw),
	KUNIT_CASE(deaf_cache_maintains_nothing),
	KUNIT_CASE(eager_cache_hides_nothing),
	KUNIT_CASE(late_write_back_undoes_gpu_write),
	KUNIT_CASE(maintenance_makes_chance_harmless),
	KUNIT_CASE(chance_repeats_by_seed),
	KUNIT_CASE(modes_have_names),
	{ },
};

static struct kunit_suite sim_cache_suite = {
	.name = "panthor_sim_cache",
	.test_cases = sim_cache_cases,
};

kunit_test_suite(sim_cache_suite);
