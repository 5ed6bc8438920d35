// SPDX-License-Identifier: GPL-2.0-only
/*
 * CPU mappings of BOs: what faults bring, what the calls on mappings do to them,
 * and that an eviction goes unnoticed by all of them. PANTHOR_SEED repeats the
 * contents.
 */

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../kselftest_harness.h"

#include "gems.h"
#include "pattern.h"

#define LABEL		"mapped"
#define PAGES		16
#define SIZE		(PAGES * PAGE_BYTES)
#define BLOCK		(512 * PAGE_BYTES)

static sigjmp_buf access_failed;
static volatile sig_atomic_t access_signal;

static void on_signal(int signal)
{
	access_signal = signal;
	siglongjmp(access_failed, 1);
}

/* The signal that an access ends with, or 0. */
static int try_access(volatile uint32_t *word, bool write)
{
	const struct sigaction action = { .sa_handler = on_signal };
	struct sigaction segv, bus;

	access_signal = 0;
	sigaction(SIGSEGV, &action, &segv);
	sigaction(SIGBUS, &action, &bus);
	if (!sigsetjmp(access_failed, 1)) {
		if (write)
			*word = PATTERN;
		else
			(void)*word;
	}
	sigaction(SIGSEGV, &segv, NULL);
	sigaction(SIGBUS, &bus, NULL);
	return access_signal;
}

static void *page(void *map, unsigned int number)
{
	return (char *)map + number * PAGE_BYTES;
}

FIXTURE(bo) {
	struct gate gate;
	struct bo bo;
	uint64_t offset;
	uint32_t seed;
	int fd;
	/* For an eviction. */
	const char *needs;
};

FIXTURE_VARIANT(bo) {
	unsigned int gpu;
};

FIXTURE_VARIANT_ADD(bo, coherent) {
	.gpu = 0,
};

/* In the harness's VM this GPU is not coherent: its BOs are mapped write-combined. */
FIXTURE_VARIANT_ADD(bo, second) {
	.gpu = 1,
};

static int map_offset(int fd, const struct bo *bo, uint64_t *offset)
{
	struct drm_panthor_bo_mmap_offset arg = { .handle = bo->handle };
	int ret = ioctl(fd, DRM_IOCTL_PANTHOR_BO_MMAP_OFFSET, &arg) ? -errno : 0;

	*offset = arg.offset;
	return ret;
}

FIXTURE_SETUP(bo)
{
	uint64_t state = seed_of_run();

	self->fd = panthor_open(variant->gpu);
	if (self->fd < 0)
		SKIP(return, "no GPU %u of a driver named panthor", variant->gpu);
	gate_open(&self->gate, self->fd);
	TH_LOG("PANTHOR_SEED=%llu", (unsigned long long)state);
	self->seed = dice(&state);
	self->needs = evict_needs(self->fd);
	ASSERT_EQ(0, bo_create(self->fd, 0, SIZE, 0, &self->bo));
	ASSERT_EQ(0, gem_label(self->fd, &self->bo, LABEL));
	ASSERT_EQ(0, map_offset(self->fd, &self->bo, &self->offset));
}

FIXTURE_TEARDOWN(bo)
{
	if (self->bo.map)
		EXPECT_EQ(0, munmap(self->bo.map, SIZE));
	if (self->fd >= 0)
		close(self->fd);
	EXPECT_STREQ("", gate_close(&self->gate, _metadata->name));
}

/* A mapping takes no memory; the first access gets all of the BO. */
TEST_F(bo, lazy)
{
	if (self->needs)
		SKIP(return, "%s", self->needs);
	EXPECT_EQ(0, resident(self->fd, LABEL));
	EXPECT_EQ(0, ((volatile uint32_t *)page(self->bo.map, 7))[0]);
	EXPECT_EQ(SIZE, resident(self->fd, LABEL));
}

/* Pages are found that the kernel, not the program, is the first to access. */
TEST_F(bo, kernel_is_first)
{
	uint32_t text[4] = { 1, 2, 3, self->seed };
	int ends[2];

	ASSERT_EQ(0, pipe(ends));
	ASSERT_EQ(sizeof(text), write(ends[1], text, sizeof(text)));
	ASSERT_EQ(sizeof(text), read(ends[0], page(self->bo.map, 3), sizeof(text)));
	EXPECT_EQ(0, memcmp(text, page(self->bo.map, 3), sizeof(text)));
	ASSERT_EQ(sizeof(text), write(ends[1], page(self->bo.map, 3), sizeof(text)));
	ASSERT_EQ(sizeof(text), read(ends[0], text, sizeof(text)));
	EXPECT_EQ(self->seed, text[3]);
}

/* Each page of the mapping is that page of the BO, for a second mapping too. */
TEST_F(bo, two_mappings)
{
	void *second = mmap(NULL, SIZE, PROT_READ, MAP_SHARED, self->fd, self->offset);

	ASSERT_NE(MAP_FAILED, second);
	cpu_write(self->bo.map, 0, PAGES, self->seed);
	EXPECT_EQ(0, cpu_check(second, 0, PAGES, self->seed));
	EXPECT_EQ(SIGSEGV, try_access(second, true));
	EXPECT_EQ(0, munmap(second, SIZE));
}

/* Nothing is mapped that is not the BO's: more, other offsets. */
TEST_F(bo, only_what_is_there)
{
	const uint64_t offset = self->offset;

	EXPECT_EQ(MAP_FAILED, mmap(NULL, SIZE + 4096, PROT_READ, MAP_SHARED, self->fd, offset));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(MAP_FAILED, mmap(NULL, 4096, PROT_READ, MAP_SHARED, self->fd, offset + 4096));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(MAP_FAILED, mmap(NULL, SIZE, PROT_READ, MAP_SHARED, self->fd, offset - 4096));
	EXPECT_EQ(EINVAL, errno);
}

/* A mapping of the first pages has those only, and does not grow. */
TEST_F(bo, shorter_than_bo)
{
	char *map = mmap(NULL, SIZE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	ASSERT_NE(MAP_FAILED, (void *)map);
	cpu_write(self->bo.map, 0, PAGES, self->seed);
	ASSERT_EQ(map, mmap(map, 4 * PAGE_BYTES, PROT_READ, MAP_SHARED | MAP_FIXED, self->fd,
			    self->offset));
	EXPECT_EQ(0, cpu_check(map, 0, 4, self->seed));
	EXPECT_EQ(SIGSEGV, try_access(page(map, 4), false));
	EXPECT_EQ(MAP_FAILED, mremap(map, 4 * PAGE_BYTES, SIZE, MREMAP_MAYMOVE));
	EXPECT_EQ(EFAULT, errno);
	EXPECT_EQ(0, munmap(map, SIZE));
}

/* Private mappings, of which pages would be copied, are refused. */
TEST_F(bo, no_private_mapping)
{
	EXPECT_EQ(MAP_FAILED, mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE, self->fd,
				   self->offset));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(MAP_FAILED, mmap(NULL, SIZE, PROT_READ, MAP_PRIVATE, self->fd, self->offset));
	EXPECT_EQ(EINVAL, errno);
}

/* Who may only read the file cannot get a mapping to write, nor make it one. */
TEST_F(bo, read_only_file)
{
	struct drm_prime_handle arg = { .handle = self->bo.handle, .flags = O_CLOEXEC, .fd = -1 };
	int reader;
	void *map;

	/* A dma-buf is the file that one can have for reading. */
	ASSERT_EQ(0, ioctl(self->fd, DRM_IOCTL_PRIME_HANDLE_TO_FD, &arg));
	reader = arg.fd;
	EXPECT_EQ(MAP_FAILED, mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, reader, 0));
	EXPECT_EQ(EACCES, errno);
	map = mmap(NULL, SIZE, PROT_READ, MAP_SHARED, reader, 0);
	ASSERT_NE(MAP_FAILED, map);
	cpu_write(self->bo.map, 0, PAGES, self->seed);
	EXPECT_EQ(0, cpu_check(map, 0, PAGES, self->seed));
	EXPECT_EQ(-1, mprotect(map, SIZE, PROT_READ | PROT_WRITE));
	EXPECT_EQ(EACCES, errno);
	EXPECT_EQ(SIGSEGV, try_access(map, true));
	EXPECT_EQ(0, munmap(map, SIZE));
	close(reader);
}

/* Protection may change, of all and of a part, and the contents do not. */
TEST_F(bo, mprotect)
{
	void *map = self->bo.map;

	cpu_write(map, 0, PAGES, self->seed);
	ASSERT_EQ(0, mprotect(map, SIZE, PROT_READ));
	EXPECT_EQ(SIGSEGV, try_access(map, true));
	EXPECT_EQ(0, cpu_check(map, 0, PAGES, self->seed));
	ASSERT_EQ(0, mprotect(page(map, 5), PAGE_BYTES, PROT_NONE));
	EXPECT_EQ(0, try_access(page(map, 4), false));
	EXPECT_EQ(SIGSEGV, try_access(page(map, 5), false));
	EXPECT_EQ(0, try_access(page(map, 6), false));
	ASSERT_EQ(0, mprotect(map, SIZE, PROT_READ | PROT_WRITE));
	EXPECT_EQ(0, cpu_check(map, 0, PAGES, self->seed));
	EXPECT_EQ(0, try_access(map, true));
}

/* What mprotect has made a mapping of its own still is that part of the BO. */
TEST_F(bo, mprotect_then_evict)
{
	void *map = self->bo.map;

	if (self->needs)
		SKIP(return, "%s", self->needs);
	cpu_write(map, 0, PAGES, self->seed);
	ASSERT_EQ(0, mprotect(page(map, 4), 4 * PAGE_BYTES, PROT_READ));
	ASSERT_EQ(0, evict(self->fd, LABEL, BY_SHRINK));
	EXPECT_EQ(0, cpu_check(map, 0, PAGES, self->seed));
}

/* What is left of a mapping still is that part of the BO. */
TEST_F(bo, munmap_first_then_evict)
{
	void *map = self->bo.map;

	if (self->needs)
		SKIP(return, "%s", self->needs);
	cpu_write(map, 0, PAGES, self->seed);
	ASSERT_EQ(0, munmap(map, 3 * PAGE_BYTES));
	ASSERT_EQ(0, evict(self->fd, LABEL, BY_SHRINK));
	EXPECT_EQ(0, cpu_check(page(map, 3), 3, PAGES - 3, self->seed));
	EXPECT_EQ(SIGSEGV, try_access(page(map, 2), false));
}

/* The same with a hole in the middle and without the end. */
TEST_F(bo, munmap_middle_then_evict)
{
	void *map = self->bo.map;

	if (self->needs)
		SKIP(return, "%s", self->needs);
	cpu_write(map, 0, PAGES, self->seed);
	ASSERT_EQ(0, munmap(page(map, 5), PAGE_BYTES));
	ASSERT_EQ(0, munmap(page(map, PAGES - 1), PAGE_BYTES));
	ASSERT_EQ(0, evict(self->fd, LABEL, BY_SHRINK));
	EXPECT_EQ(0, cpu_check(map, 0, 5, self->seed));
	EXPECT_EQ(0, cpu_check(page(map, 6), 6, PAGES - 7, self->seed));
	EXPECT_EQ(SIGSEGV, try_access(page(map, 5), false));
	EXPECT_EQ(SIGSEGV, try_access(page(map, PAGES - 1), false));
}

/* The last mapping that goes lets the BO go, however it was split before. */
TEST_F(bo, munmap_piece_by_piece)
{
	struct bo handle = { .handle = self->bo.handle };
	struct gem gem;

	cpu_write(self->bo.map, 0, PAGES, self->seed);
	ASSERT_EQ(0, bo_close(self->fd, &handle));
	for (unsigned int i = 0; i < PAGES; i++) {
		unsigned int number = i * 7 % PAGES;

		if (self->gate.gems[0])
			EXPECT_EQ(0, gem_find(self->fd, LABEL, &gem));
		ASSERT_EQ(0, cpu_check(page(self->bo.map, number), number, 1, self->seed));
		ASSERT_EQ(0, munmap(page(self->bo.map, number), PAGE_BYTES));
	}
	self->bo.map = NULL;
	if (self->gate.gems[0])
		EXPECT_EQ(-ENOENT, gem_find(self->fd, LABEL, &gem));
}

/* A mapping that has moved shows the same, and its old place nothing. */
TEST_F(bo, mremap_moves)
{
	void *place = mmap(NULL, SIZE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	void *map = self->bo.map;

	ASSERT_NE(MAP_FAILED, place);
	cpu_write(map, 0, PAGES, self->seed);
	ASSERT_EQ(place, mremap(map, SIZE, SIZE, MREMAP_MAYMOVE | MREMAP_FIXED, place));
	self->bo.map = place;
	EXPECT_EQ(0, cpu_check(place, 0, PAGES, self->seed));
	EXPECT_EQ(SIGSEGV, try_access(map, false));
	if (!self->needs) {
		ASSERT_EQ(0, evict(self->fd, LABEL, BY_SHRINK));
		EXPECT_EQ(0, cpu_check(place, 0, PAGES, self->seed));
	}
}

/* A part that has moved still is that part of the BO. */
TEST_F(bo, mremap_part_then_evict)
{
	char *place = mmap(NULL, SIZE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	void *map = self->bo.map;

	if (self->needs)
		SKIP(return, "%s", self->needs);
	ASSERT_NE(MAP_FAILED, (void *)place);
	cpu_write(map, 0, PAGES, self->seed);
	ASSERT_EQ(place, mremap(page(map, 8), 4 * PAGE_BYTES, 4 * PAGE_BYTES,
				MREMAP_MAYMOVE | MREMAP_FIXED, place));
	ASSERT_EQ(0, evict(self->fd, LABEL, BY_SHRINK));
	EXPECT_EQ(0, cpu_check(place, 8, 4, self->seed));
	EXPECT_EQ(0, cpu_check(map, 0, 8, self->seed));
	EXPECT_EQ(0, cpu_check(page(map, 12), 12, 4, self->seed));
	EXPECT_EQ(0, munmap(place, SIZE));
}

/* What is left of a mapping that has shrunk keeps its contents. */
TEST_F(bo, mremap_shrinks)
{
	void *map = self->bo.map;

	cpu_write(map, 0, PAGES, self->seed);
	ASSERT_EQ(map, mremap(map, SIZE, 6 * PAGE_BYTES, 0));
	EXPECT_EQ(0, cpu_check(map, 0, 6, self->seed));
	EXPECT_EQ(SIGSEGV, try_access(page(map, 6), false));
	if (!self->needs) {
		ASSERT_EQ(0, evict(self->fd, LABEL, BY_SHRINK));
		EXPECT_EQ(0, cpu_check(map, 0, 6, self->seed));
	}
}

/* Runs a check in a child, which has all mappings too. */
static int in_child(int (*check)(void *map, uint32_t seed), void *map, uint32_t seed)
{
	pid_t pid = fork();
	int status;

	if (pid < 0)
		return -errno;
	if (!pid)
		_exit(check(map, seed) ? 1 : 0);
	if (waitpid(pid, &status, 0) != pid)
		return -errno;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -ECHILD;
}

static int child_checks_and_writes(void *map, uint32_t seed)
{
	int ret = cpu_check(map, 0, PAGES, seed);

	cpu_write(map, 0, PAGES, ~seed);
	return ret;
}

/* A child has the same pages, not copies; what it writes is there when it is gone. */
TEST_F(bo, fork_shares)
{
	cpu_write(self->bo.map, 0, PAGES, self->seed);
	ASSERT_EQ(0, in_child(child_checks_and_writes, self->bo.map, self->seed));
	EXPECT_EQ(0, cpu_check(self->bo.map, 0, PAGES, ~self->seed));
}

/* A child brings a BO back for both, and one that ends takes nothing away. */
TEST_F(bo, fork_of_evicted)
{
	if (self->needs)
		SKIP(return, "%s", self->needs);
	cpu_write(self->bo.map, 0, PAGES, self->seed);
	ASSERT_EQ(0, evict(self->fd, LABEL, BY_SHRINK));
	ASSERT_EQ(0, in_child(child_checks_and_writes, self->bo.map, self->seed));
	EXPECT_EQ(SIZE, resident(self->fd, LABEL));
	EXPECT_EQ(0, cpu_check(self->bo.map, 0, PAGES, ~self->seed));
	ASSERT_EQ(0, evict(self->fd, LABEL, BY_SHRINK));
	EXPECT_EQ(0, cpu_check(self->bo.map, 0, PAGES, ~self->seed));
}

/* A mapping may be all that is left of a file and its handles. */
TEST_F(bo, outlives_its_file)
{
	int other = panthor_open(variant->gpu);
	struct bo bo = { };

	ASSERT_LE(0, other);
	ASSERT_EQ(0, bo_create(other, 0, SIZE, 0, &bo));
	ASSERT_EQ(0, gem_label(other, &bo, "orphan"));
	cpu_write(bo.map, 0, PAGES, self->seed);
	close(other);
	if (!self->needs)
		ASSERT_EQ(0, evict(self->fd, "orphan", BY_SHRINK));
	EXPECT_EQ(0, cpu_check(bo.map, 0, PAGES, self->seed));
	EXPECT_EQ(0, munmap(bo.map, SIZE));
}

/* Two processes see each other's writes in turn, with an eviction between any two. */
TEST_F_TIMEOUT(bo, two_processes, 60)
{
	uint32_t seed = self->seed, got;
	int down[2], up[2], status;
	pid_t pid;

	if (self->needs)
		SKIP(return, "%s", self->needs);
	ASSERT_EQ(0, pipe(down));
	ASSERT_EQ(0, pipe(up));
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		close(down[1]);
		while (read(down[0], &got, sizeof(got)) == sizeof(got)) {
			if (cpu_check(self->bo.map, 0, PAGES, got))
				_exit(1);
			got = ~got;
			cpu_write(self->bo.map, 0, PAGES, got);
			if (write(up[1], &got, sizeof(got)) != sizeof(got))
				_exit(2);
		}
		_exit(0);
	}
	close(up[1]);
	close(down[0]);
	for (unsigned int i = 0; i < 4; i++) {
		cpu_write(self->bo.map, 0, PAGES, ++seed);
		ASSERT_EQ(0, evict(self->fd, LABEL, BY_SHRINK));
		ASSERT_EQ(sizeof(seed), write(down[1], &seed, sizeof(seed)));
		ASSERT_EQ(sizeof(got), read(up[0], &got, sizeof(got)));
		ASSERT_EQ(0, evict(self->fd, LABEL, BY_SHRINK));
		ASSERT_EQ(0, cpu_check(self->bo.map, 0, PAGES, ~seed));
	}
	close(down[1]);
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_TRUE(WIFEXITED(status) && !WEXITSTATUS(status));
}

FIXTURE(large) {
	struct gate gate;
	struct bo bo;
	uint32_t seed;
	int fd;
	/* For an eviction. */
	const char *needs;
};

FIXTURE_VARIANT(large) {
	/* Of the mapping, to a place where a block could be. */
	unsigned int away;
	bool write_first;
};

FIXTURE_VARIANT_ADD(large, aligned) {
	.write_first = true,
};

FIXTURE_VARIANT_ADD(large, read_first) {
	.away = 0,
};

FIXTURE_VARIANT_ADD(large, askew) {
	.away = 3 * PAGE_BYTES, .write_first = true,
};

/* Four blocks, of which memory may or may not have made some. */
FIXTURE_SETUP(large)
{
	uint64_t state = seed_of_run();
	uint64_t offset;
	uintptr_t place;
	void *room;

	self->fd = panthor_open(0);
	if (self->fd < 0)
		SKIP(return, "no render node of a driver named panthor");
	gate_open(&self->gate, self->fd);
	TH_LOG("PANTHOR_SEED=%llu", (unsigned long long)state);
	self->seed = dice(&state);
	self->needs = evict_needs(self->fd);
	ASSERT_EQ(0, bo_create(self->fd, 0, 4 * BLOCK, 0, &self->bo));
	ASSERT_EQ(0, gem_label(self->fd, &self->bo, LABEL));
	ASSERT_EQ(0, munmap(self->bo.map, self->bo.size));
	room = mmap(NULL, 6 * BLOCK, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, room);
	ASSERT_EQ(0, map_offset(self->fd, &self->bo, &offset));
	place = (((uintptr_t)room + BLOCK - 1) & ~(uintptr_t)(BLOCK - 1)) + variant->away;
	self->bo.map = mmap((void *)place, 4 * BLOCK, PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_FIXED, self->fd, offset);
	ASSERT_EQ(place, (uintptr_t)self->bo.map);
}

FIXTURE_TEARDOWN(large)
{
	if (self->bo.map)
		EXPECT_EQ(0, munmap(self->bo.map, self->bo.size));
	if (self->fd >= 0)
		close(self->fd);
	EXPECT_STREQ("", gate_close(&self->gate, _metadata->name));
}

/* Each small page of a large BO is where it belongs, also when it comes back. */
TEST_F(large, contents)
{
	unsigned int before = page_faults(), pages = self->bo.size / PAGE_BYTES;

	if (!variant->write_first)
		EXPECT_EQ(0, *(volatile uint32_t *)page(self->bo.map, pages - 1));
	cpu_write(self->bo.map, 0, pages, self->seed);
	TH_LOG("%u faults for %u pages", page_faults() - before, pages);
	EXPECT_EQ(0, cpu_check(self->bo.map, 0, pages, self->seed));
	if (self->needs)
		SKIP(return, "%s", self->needs);
	ASSERT_EQ(0, evict(self->fd, LABEL, BY_SHRINK));
	EXPECT_EQ(0, cpu_check(self->bo.map, 0, pages, self->seed));
}

/* A page in the middle of a block goes, and all around it stays. */
TEST_F(large, hole)
{
	unsigned int pages = self->bo.size / PAGE_BYTES, hole = 512 + 200;

	cpu_write(self->bo.map, 0, pages, self->seed);
	ASSERT_EQ(0, munmap(page(self->bo.map, hole), PAGE_BYTES));
	EXPECT_EQ(SIGSEGV, try_access(page(self->bo.map, hole), false));
	EXPECT_EQ(0, cpu_check(self->bo.map, 0, hole, self->seed));
	EXPECT_EQ(0, cpu_check(page(self->bo.map, hole + 1), hole + 1, pages - hole - 1,
			       self->seed));
	if (self->needs)
		SKIP(return, "%s", self->needs);
	ASSERT_EQ(0, evict(self->fd, LABEL, BY_SHRINK));
	EXPECT_EQ(SIGSEGV, try_access(page(self->bo.map, hole), false));
	EXPECT_EQ(0, cpu_check(self->bo.map, 0, hole, self->seed));
	EXPECT_EQ(0, cpu_check(page(self->bo.map, hole + 1), hole + 1, pages - hole - 1,
			       self->seed));
}

/* No block shows more than a mapping has: one of less than a block, first or last. */
TEST_F(large, less_than_a_block)
{
	unsigned int pages = self->bo.size / PAGE_BYTES;

	ASSERT_EQ(0, munmap(page(self->bo.map, 256), (pages - 512) * PAGE_BYTES));
	cpu_write(self->bo.map, 0, 256, self->seed);
	cpu_write(page(self->bo.map, pages - 256), pages - 256, 256, self->seed);
	EXPECT_EQ(0, cpu_check(self->bo.map, 0, 256, self->seed));
	EXPECT_EQ(0, cpu_check(page(self->bo.map, pages - 256), pages - 256, 256, self->seed));
	EXPECT_EQ(SIGSEGV, try_access(page(self->bo.map, 256), false));
	EXPECT_EQ(SIGSEGV, try_access(page(self->bo.map, pages - 257), false));
}

TEST_HARNESS_MAIN
