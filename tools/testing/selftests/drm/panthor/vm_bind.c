// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a VM maps where, as the GPU sees it: a job reads words through the mappings
 * and stores them where the CPU finds them. Every page of every BO begins with a
 * word of its own, so that it matters which page is where.
 */

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "../../kselftest_harness.h"

#include "peek.h"

FIXTURE(vm) {
	struct client client;
	/* The VM's own, and one to be shared; pages begin with TAG(1, page), TAG(2, page). */
	struct bo one;
	struct bo two;
};

FIXTURE_SETUP(vm)
{
	const struct client_options options = { };
	int ret = client_open(&self->client, &options);

	if (ret == -ENODEV)
		SKIP(return, "no render node of a driver named panthor");
	ASSERT_EQ(0, ret);
	ASSERT_EQ(0, tagged_bo(&self->client, false, 1, &self->one));
	ASSERT_EQ(0, tagged_bo(&self->client, true, 2, &self->two));
}

FIXTURE_TEARDOWN(vm)
{
	if (self->client.fd < 0)
		return;
	EXPECT_EQ(0, bo_close(self->client.fd, &self->two));
	EXPECT_EQ(0, bo_close(self->client.fd, &self->one));
	EXPECT_EQ(0, client_close(&self->client));
}

struct place {
	uint64_t va;
	uint32_t word;
};

/* Words all in one job, holes each in its own. */
static void check(struct __test_metadata *_metadata, struct client *gpu,
		  const struct place *places, unsigned int count)
{
	uint32_t words[PEEKS], want[PEEKS];
	uint64_t va[PEEKS];
	unsigned int n = 0;

	ASSERT_LE(count, PEEKS);
	for (unsigned int i = 0; i < count; i++) {
		if (places[i].word == HOLE)
			continue;
		va[n] = places[i].va;
		want[n++] = places[i].word;
	}
	if (n)
		ASSERT_EQ(0, peek(gpu, va, n, words));
	for (unsigned int i = 0; i < n; i++) {
		EXPECT_EQ(want[i], words[i]) {
			TH_LOG("at %llx", (unsigned long long)va[i]);
		}
	}
	for (unsigned int i = 0; i < count; i++) {
		if (places[i].word != HOLE)
			continue;
		EXPECT_EQ(HOLE, peek_one(gpu, places[i].va)) {
			TH_LOG("at %llx", (unsigned long long)places[i].va);
		}
	}
}

#define CHECK(...) do { \
	const struct place places[] = { __VA_ARGS__ }; \
	check(_metadata, &self->client, places, ARRAY_SIZE(places)); \
} while (0)

static int map(struct client *gpu, const struct bo *bo, uint64_t offset, uint64_t va,
	       uint64_t size)
{
	struct drm_panthor_vm_bind_op op = map_op(bo, offset, va, size);

	return vm_bind(gpu->fd, gpu->vm, &op, 1, false);
}

static int unmap(struct client *gpu, uint64_t va, uint64_t size)
{
	return vm_unmap(gpu->fd, gpu->vm, va, size);
}

/* Succeeds if the GPU finds each page where it was mapped, and nothing once unmapped. */
TEST_F(vm, map_and_unmap)
{
	struct client *gpu = &self->client;

	ASSERT_EQ(0, map(gpu, &self->one, 0, VA, SIZE));
	CHECK({ VA, TAG(1, 0) }, { VA + PAGE, TAG(1, 1) }, { VA + BLOCK, TAG(1, 512) },
	      { VA + SIZE - PAGE, TAG(1, 2047) }, { VA - PAGE, HOLE }, { VA + SIZE, HOLE });
	ASSERT_EQ(0, unmap(gpu, VA, SIZE));
	CHECK({ VA, HOLE }, { VA + SIZE - PAGE, HOLE });
}

/* A part of a BO is found where it was mapped, at an address that is not congruent. */
TEST_F(vm, map_a_part)
{
	struct client *gpu = &self->client;

	ASSERT_EQ(0, map(gpu, &self->one, 3 * PAGE, VA, BLOCK));
	CHECK({ VA, TAG(1, 3) }, { VA + BLOCK - PAGE, TAG(1, 514) }, { VA + BLOCK, HOLE });
	ASSERT_EQ(0, unmap(gpu, VA, BLOCK));
}

/* What is unmapped from the middle leaves both sides, whatever blocks it cuts. */
TEST_F(vm, unmap_the_middle)
{
	struct client *gpu = &self->client;

	ASSERT_EQ(0, map(gpu, &self->one, 0, VA, SIZE));
	ASSERT_EQ(0, unmap(gpu, VA + BLOCK / 2, PAGE));
	CHECK({ VA, TAG(1, 0) }, { VA + BLOCK / 2 - PAGE, TAG(1, 255) },
	      { VA + BLOCK / 2, HOLE }, { VA + BLOCK / 2 + PAGE, TAG(1, 257) },
	      { VA + BLOCK, TAG(1, 512) });
	/* From the middle of a block to the middle of another. */
	ASSERT_EQ(0, unmap(gpu, VA + BLOCK + BLOCK / 2, BLOCK));
	CHECK({ VA + BLOCK + BLOCK / 2 - PAGE, TAG(1, 767) }, { VA + BLOCK + BLOCK / 2, HOLE },
	      { VA + 2 * BLOCK + BLOCK / 2 - PAGE, HOLE },
	      { VA + 2 * BLOCK + BLOCK / 2, TAG(1, 1280) }, { VA + SIZE - PAGE, TAG(1, 2047) });
	ASSERT_EQ(0, unmap(gpu, VA, SIZE));
}

/* Both ends of a mapping can go, page by page and block by block. */
TEST_F(vm, unmap_the_ends)
{
	struct client *gpu = &self->client;

	ASSERT_EQ(0, map(gpu, &self->one, 0, VA, SIZE));
	ASSERT_EQ(0, unmap(gpu, VA, PAGE));
	ASSERT_EQ(0, unmap(gpu, VA + SIZE - PAGE, PAGE));
	CHECK({ VA, HOLE }, { VA + PAGE, TAG(1, 1) }, { VA + SIZE - 2 * PAGE, TAG(1, 2046) },
	      { VA + SIZE - PAGE, HOLE });
	ASSERT_EQ(0, unmap(gpu, VA, BLOCK));
	ASSERT_EQ(0, unmap(gpu, VA + SIZE - BLOCK, BLOCK));
	CHECK({ VA + BLOCK - PAGE, HOLE }, { VA + BLOCK, TAG(1, 512) },
	      { VA + SIZE - BLOCK - PAGE, TAG(1, 1535) }, { VA + SIZE - BLOCK, HOLE });
	ASSERT_EQ(0, unmap(gpu, VA, SIZE));
}

/* To unmap where there is nothing, or more than there is, is no error. */
TEST_F(vm, unmap_nothing)
{
	struct client *gpu = &self->client;

	EXPECT_EQ(0, unmap(gpu, VA, SIZE));
	ASSERT_EQ(0, map(gpu, &self->one, 0, VA + BLOCK, PAGE));
	ASSERT_EQ(0, map(gpu, &self->two, 0, VA + 2 * BLOCK + PAGE, PAGE));
	EXPECT_EQ(0, unmap(gpu, VA, SIZE));
	CHECK({ VA + BLOCK, HOLE }, { VA + 2 * BLOCK + PAGE, HOLE });
	EXPECT_EQ(0, unmap(gpu, VA, SIZE));
}

/* A map replaces what is in its way, and only that. */
TEST_F(vm, map_over)
{
	struct client *gpu = &self->client;

	ASSERT_EQ(0, map(gpu, &self->one, 0, VA, SIZE));
	ASSERT_EQ(0, map(gpu, &self->two, 0, VA + BLOCK - PAGE, 2 * PAGE));
	CHECK({ VA + BLOCK - 2 * PAGE, TAG(1, 510) }, { VA + BLOCK - PAGE, TAG(2, 0) },
	      { VA + BLOCK, TAG(2, 1) }, { VA + BLOCK + PAGE, TAG(1, 513) });
	/* The same again, then all of it. */
	ASSERT_EQ(0, map(gpu, &self->two, PAGE, VA + BLOCK - PAGE, 2 * PAGE));
	CHECK({ VA + BLOCK - PAGE, TAG(2, 1) }, { VA + BLOCK, TAG(2, 2) });
	ASSERT_EQ(0, map(gpu, &self->two, 0, VA, SIZE));
	CHECK({ VA, TAG(2, 0) }, { VA + BLOCK, TAG(2, 512) }, { VA + SIZE - PAGE, TAG(2, 2047) });
	ASSERT_EQ(0, unmap(gpu, VA, SIZE));
}

/* A map over the end of one mapping, a hole and the beginning of another. */
TEST_F(vm, map_over_two)
{
	struct client *gpu = &self->client;

	ASSERT_EQ(0, map(gpu, &self->one, 0, VA, BLOCK));
	ASSERT_EQ(0, map(gpu, &self->one, BLOCK, VA + 2 * BLOCK, BLOCK));
	ASSERT_EQ(0, map(gpu, &self->two, 0, VA + BLOCK - PAGE, BLOCK + 2 * PAGE));
	CHECK({ VA + BLOCK - 2 * PAGE, TAG(1, 510) }, { VA + BLOCK - PAGE, TAG(2, 0) },
	      { VA + 2 * BLOCK, TAG(2, 513) }, { VA + 2 * BLOCK + PAGE, TAG(1, 513) });
	ASSERT_EQ(0, unmap(gpu, VA, SIZE));
}

/* A BO can be mapped twice; what is stored through one is read through the other. */
TEST_F(vm, alias)
{
	struct client *gpu = &self->client;

	ASSERT_EQ(0, map(gpu, &self->one, 0, VA, SIZE));
	ASSERT_EQ(0, map(gpu, &self->one, 0, VA + 2 * SIZE, SIZE));
	ASSERT_EQ(0, syncobj_reset(gpu->fd, gpu->syncobj));
	ASSERT_EQ(0, client_store(gpu, VA + PAGE, PATTERN));
	ASSERT_EQ(0, syncobj_wait(gpu->fd, gpu->syncobj, JOB_MS));
	CHECK({ VA + 2 * SIZE + PAGE, PATTERN });
	ASSERT_EQ(0, unmap(gpu, VA, SIZE));
	CHECK({ VA, HOLE }, { VA + 2 * SIZE + PAGE, PATTERN }, { VA + 2 * SIZE, TAG(1, 0) });
	ASSERT_EQ(0, unmap(gpu, VA + 2 * SIZE, SIZE));
}

/* A mapping stays when the handle of its BO is closed. */
TEST_F(vm, handle_closed)
{
	struct client *gpu = &self->client;
	struct bo bo;

	ASSERT_EQ(0, bo_create(gpu->fd, gpu->vm, BLOCK, 0, &bo));
	*(volatile uint32_t *)bo.map = PATTERN;
	ASSERT_EQ(0, map(gpu, &bo, 0, VA, BLOCK));
	ASSERT_EQ(0, bo_close(gpu->fd, &bo));
	CHECK({ VA, PATTERN });
	ASSERT_EQ(0, unmap(gpu, VA, BLOCK));
	CHECK({ VA, HOLE });
}

/* The last page that user space may map is one. */
TEST_F(vm, last_page)
{
	struct drm_panthor_vm_create arg = { };
	struct client *gpu = &self->client;

	ASSERT_EQ(0, ioctl(gpu->fd, DRM_IOCTL_PANTHOR_VM_CREATE, &arg));
	ASSERT_EQ(0, vm_destroy(gpu->fd, arg.id));
	ASSERT_EQ(0, map(gpu, &self->one, PAGE, arg.user_va_range - PAGE, PAGE));
	CHECK({ arg.user_va_range - PAGE, TAG(1, 1) });
	ASSERT_EQ(0, unmap(gpu, arg.user_va_range - PAGE, PAGE));
}

/* A sparse range reads without a fault, and stores go nowhere that matters. */
TEST_F(vm, sparse)
{
	struct client *gpu = &self->client;
	struct drm_panthor_vm_bind_op op = map_op(&self->one, 0, VA, 4 * SIZE);
	const uint64_t va[] = { VA, VA + PAGE, VA + 3 * SIZE, VA + 4 * SIZE - PAGE };
	uint32_t words[ARRAY_SIZE(va)];

	op.flags |= DRM_PANTHOR_VM_BIND_OP_MAP_SPARSE;
	op.bo_handle = 0;
	ASSERT_EQ(0, vm_bind(gpu->fd, gpu->vm, &op, 1, false));
	EXPECT_EQ(0, peek(gpu, va, ARRAY_SIZE(va), words));
	ASSERT_EQ(0, syncobj_reset(gpu->fd, gpu->syncobj));
	ASSERT_EQ(0, client_store(gpu, VA + SIZE, PATTERN));
	ASSERT_EQ(0, syncobj_wait(gpu->fd, gpu->syncobj, JOB_MS));
	EXPECT_EQ(1, syncobj_status(gpu->fd, gpu->syncobj));
	/* A BO in it, and what is on both sides stays. */
	ASSERT_EQ(0, map(gpu, &self->one, 0, VA + SIZE + PAGE, SIZE));
	CHECK({ VA + SIZE + PAGE, TAG(1, 0) }, { VA + 2 * SIZE, TAG(1, 2047) });
	EXPECT_EQ(0, peek(gpu, va, ARRAY_SIZE(va), words));
	/* And sparse again, out of the middle of the BO. */
	op.va = VA + SIZE + BLOCK;
	op.size = BLOCK;
	ASSERT_EQ(0, vm_bind(gpu->fd, gpu->vm, &op, 1, false));
	CHECK({ VA + SIZE + BLOCK - PAGE, TAG(1, 510) }, { VA + SIZE + 2 * BLOCK, TAG(1, 1023) });
	EXPECT_NE(HOLE, peek_one(gpu, VA + SIZE + PAGE));
	EXPECT_EQ(TAG(1, 0), *(volatile uint32_t *)self->one.map);
	ASSERT_EQ(0, unmap(gpu, VA, 4 * SIZE));
	CHECK({ VA, HOLE }, { VA + 4 * SIZE - PAGE, HOLE });
}

/* The operations of an array are done in their order. */
TEST_F(vm, array)
{
	struct client *gpu = &self->client;
	const struct drm_panthor_vm_bind_op ops[] = {
		map_op(&self->one, 0, VA, SIZE),
		map_op(&self->two, 0, VA + BLOCK, BLOCK),
		unmap_op(VA + BLOCK, PAGE),
		map_op(&self->one, 0, VA + BLOCK + PAGE, PAGE),
	};

	ASSERT_EQ(0, vm_bind(gpu->fd, gpu->vm, ops, ARRAY_SIZE(ops), false));
	CHECK({ VA, TAG(1, 0) }, { VA + BLOCK, HOLE }, { VA + BLOCK + PAGE, TAG(1, 0) },
	      { VA + BLOCK + 2 * PAGE, TAG(2, 2) }, { VA + 2 * BLOCK, TAG(1, 1024) });
	ASSERT_EQ(0, unmap(gpu, VA, SIZE));
}

/* A synchronous array stops at what fails, and says how far it came. */
TEST_F(vm, array_stops)
{
	struct client *gpu = &self->client;
	struct drm_panthor_vm_bind_op ops[] = {
		map_op(&self->one, 0, VA, PAGE),
		map_op(&self->one, PAGE, VA + PAGE, PAGE),
		map_op(&self->one, SIZE, VA + 2 * PAGE, PAGE),
		map_op(&self->one, 3 * PAGE, VA + 3 * PAGE, PAGE),
	};
	struct drm_panthor_vm_bind arg = {
		.vm_id = gpu->vm, .ops = DRM_PANTHOR_OBJ_ARRAY(ARRAY_SIZE(ops), ops),
	};

	EXPECT_EQ(-1, ioctl(gpu->fd, DRM_IOCTL_PANTHOR_VM_BIND, &arg));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(2, arg.ops.count);
	CHECK({ VA, TAG(1, 0) }, { VA + PAGE, TAG(1, 1) }, { VA + 2 * PAGE, HOLE },
	      { VA + 3 * PAGE, HOLE });
	EXPECT_EQ(DRM_PANTHOR_VM_STATE_USABLE, vm_state(gpu->fd, gpu->vm));
	ASSERT_EQ(0, unmap(gpu, VA, SIZE));
}

/* Many single pages in reverse, which no run of pages helps. */
TEST_F(vm, array_of_many)
{
	struct client *gpu = &self->client;
	static struct drm_panthor_vm_bind_op ops[256];

	for (unsigned int i = 0; i < ARRAY_SIZE(ops); i++)
		ops[i] = map_op(&self->one, (255 - i) * PAGE, VA + BLOCK + i * PAGE - 128 * PAGE,
				PAGE);
	ASSERT_EQ(0, vm_bind(gpu->fd, gpu->vm, ops, ARRAY_SIZE(ops), false));
	CHECK({ VA + BLOCK - 128 * PAGE, TAG(1, 255) }, { VA + BLOCK - PAGE, TAG(1, 128) },
	      { VA + BLOCK, TAG(1, 127) }, { VA + BLOCK + 127 * PAGE, TAG(1, 0) });
	ASSERT_EQ(0, unmap(gpu, VA, SIZE));
}

/* What goes from one VM stays in the other; a VM's own BO is for no other. */
TEST_F(vm, two_vms)
{
	struct client *gpu = &self->client;
	uint32_t vm;

	ASSERT_EQ(0, vm_create(gpu->fd, &vm));
	ASSERT_EQ(0, map(gpu, &self->two, 0, VA, SIZE));
	EXPECT_EQ(0, vm_map(gpu->fd, vm, &self->two, 0));
	EXPECT_EQ(-EINVAL, vm_map(gpu->fd, vm, &self->one, 0));
	ASSERT_EQ(0, vm_unmap(gpu->fd, vm, VA, BLOCK));
	CHECK({ VA, TAG(2, 0) }, { VA + SIZE - PAGE, TAG(2, 2047) });
	ASSERT_EQ(0, vm_destroy(gpu->fd, vm));
	CHECK({ VA, TAG(2, 0) });
	ASSERT_EQ(0, unmap(gpu, VA, SIZE));
}

TEST_HARNESS_MAIN
