// SPDX-License-Identifier: GPL-2.0-only
/*
 * Every allocation of every call fails once: the first, the second, and so on until
 * there is none left that could, through /proc/thread-self/fail-nth. Each time the
 * call has to say so with the right errno, leave nothing behind, and work the next
 * time. What comes out is a table, a line for each call.
 */

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../../kselftest_harness.h"

#include "calls.h"
#include "ledger.h"

/* More than any call has. To come so far is a failure. */
#define BOUND		3000
#define FAIL_NTH	"/proc/thread-self/fail-nth"
#define NO_FAULTS	\
	"no faults: CONFIG_FAULT_INJECTION, echo N >/sys/kernel/debug/failslab/ignore-gfp-wait"

struct sweep {
	struct user user;
	const struct ioctl_desc *desc;
	struct bo bo;
	int nth;
	int fd;
};

/* What is swept. All functions return 0 or a negative errno. */
struct operation {
	const char *name;
	/* Makes what it needs; not part of it. */
	int (*prepare)(struct sweep *sweep);
	int (*run)(struct sweep *sweep);
	/* Undoes it after it has worked, and what prepare() did. */
	int (*undo)(struct sweep *sweep);
	/* Needs a place for what is evicted. */
	bool swap;
};

static int prepare_call(struct sweep *sweep)
{
	return sweep->desc->prepare ? sweep->desc->prepare(&sweep->user) : 0;
}

static int run_call(struct sweep *sweep)
{
	memset(sweep->user.call, 0, sizeof(*sweep->user.call));
	sweep->desc->fill(&sweep->user, sweep->user.call);
	return call_ioctl(&sweep->user, sweep->desc);
}

/* The second queue is made as the first. */
static int run_group_create(struct sweep *sweep)
{
	memset(sweep->user.call, 0, sizeof(*sweep->user.call));
	sweep->desc->fill(&sweep->user, sweep->user.call);
	sweep->user.call->arg.group_create.queues.count = 1;
	return call_ioctl(&sweep->user, sweep->desc);
}

static int undo_call(struct sweep *sweep)
{
	return sweep->desc->undo ? sweep->desc->undo(&sweep->user, sweep->user.call) : 0;
}

static int make_bo(struct sweep *sweep)
{
	struct client *client = &sweep->user.client;

	return bo_create(client->fd, client->vm, DATA_SIZE, 0, &sweep->bo);
}

static int close_bo(struct sweep *sweep)
{
	return bo_close(sweep->user.client.fd, &sweep->bo);
}

static int run_gem_close(struct sweep *sweep)
{
	struct drm_gem_close arg = { .handle = sweep->bo.handle };

	return ioctl(sweep->user.client.fd, DRM_IOCTL_GEM_CLOSE, &arg) ? -errno : 0;
}

/* With pages, which go with it. */
static int prepare_gem_close(struct sweep *sweep)
{
	int ret = make_bo(sweep);

	if (ret)
		return ret;
	*(volatile char *)sweep->bo.map = 1;
	ret = munmap(sweep->bo.map, sweep->bo.size) ? -errno : 0;
	sweep->bo.map = NULL;
	return ret;
}

static int prepare_mmap(struct sweep *sweep)
{
	int ret = make_bo(sweep);

	if (!ret && munmap(sweep->bo.map, sweep->bo.size))
		ret = -errno;
	sweep->bo.map = NULL;
	return ret;
}

static int run_mmap(struct sweep *sweep)
{
	return bo_map(sweep->user.client.fd, &sweep->bo);
}

static int run_munmap(struct sweep *sweep)
{
	int ret = munmap(sweep->bo.map, sweep->bo.size) ? -errno : 0;

	if (!ret)
		sweep->bo.map = NULL;
	return ret;
}

static sigjmp_buf no_memory;

static void on_sigbus(int number)
{
	siglongjmp(no_memory, number);
}

/* A fault that finds no memory is a SIGBUS, or is tried again by the kernel. */
static int touch(volatile char *byte, bool write)
{
	struct sigaction action = { .sa_handler = on_sigbus }, old;
	int ret = 0;

	sigaction(SIGBUS, &action, &old);
	if (sigsetjmp(no_memory, 1))
		ret = -ENOMEM;
	else if (write)
		*byte = 1;
	else
		(void)*byte;
	sigaction(SIGBUS, &old, NULL);
	return ret;
}

static int run_fault_read(struct sweep *sweep)
{
	return touch((char *)sweep->bo.map + 8192, false);
}

static int run_fault_write(struct sweep *sweep)
{
	return touch((char *)sweep->bo.map + 8192, true);
}

static int run_evict(struct sweep *sweep)
{
	char path[80];
	int ret = panthor_debugfs(sweep->user.client.fd, "shrink", path, sizeof(path));

	return ret ?: file_write(path, "100000");
}

/* -ENODATA if nothing went. */
static int evict(struct sweep *sweep)
{
	char path[80], text[32];
	int ret = run_evict(sweep);

	ret = ret ?: panthor_debugfs(sweep->user.client.fd, "shrink", path, sizeof(path));
	ret = ret ?: file_read(path, text, sizeof(text));
	return ret ?: strtoull(text, NULL, 0) ? 0 : -ENODATA;
}

static int prepare_refault(struct sweep *sweep)
{
	int ret = make_bo(sweep);

	ret = ret ?: touch(sweep->bo.map, true);
	return ret ?: evict(sweep);
}

static int run_refault(struct sweep *sweep)
{
	return touch(sweep->bo.map, false);
}

/* Everything the VM has is out; nothing of it is mapped by the CPU. */
static int prepare_restore(struct sweep *sweep)
{
	struct client *client = &sweep->user.client;
	int ret = make_bo(sweep);

	sweep->bo.va = CALL_VA;
	ret = ret ?: vm_map(client->fd, client->vm, &sweep->bo, 0);
	return ret ?: evict(sweep);
}

static int undo_restore(struct sweep *sweep)
{
	struct client *client = &sweep->user.client;
	int ret = undo_call(sweep);

	ret = ret ?: vm_unmap(client->fd, client->vm, CALL_VA, DATA_SIZE);
	return ret ?: close_bo(sweep);
}

static int prepare_evict(struct sweep *sweep)
{
	int ret = prepare_restore(sweep);
	struct client *client = &sweep->user.client;

	/* A job has brought it back. */
	return ret ?: client_works(client, PATTERN);
}

static int undo_evict(struct sweep *sweep)
{
	struct client *client = &sweep->user.client;
	int ret = vm_unmap(client->fd, client->vm, CALL_VA, DATA_SIZE);

	return ret ?: close_bo(sweep);
}

static int run_open(struct sweep *sweep)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", sweep->user.client.fd);
	sweep->fd = open(path, O_RDWR | O_CLOEXEC);
	return sweep->fd < 0 ? -errno : 0;
}

static int run_close(struct sweep *sweep)
{
	return close(sweep->fd) ? -errno : 0;
}

/* All that a file can have, for its close. */
static int prepare_close(struct sweep *sweep)
{
	struct drm_panthor_bo_create bo = { .size = DATA_SIZE };
	struct drm_panthor_tiler_heap_create heap = {
		.initial_chunk_count = 1, .chunk_size = CHUNK_SIZE, .max_chunks = 1,
	};
	struct drm_panthor_vm_bind_op op = {
		.flags = DRM_PANTHOR_VM_BIND_OP_TYPE_MAP, .va = CALL_VA, .size = DATA_SIZE,
	};
	uint32_t vm, group;
	int ret = run_open(sweep);

	ret = ret ?: vm_create(sweep->fd, &vm);
	ret = ret ?: ioctl(sweep->fd, DRM_IOCTL_PANTHOR_BO_CREATE, &bo) ? -errno : 0;
	op.bo_handle = bo.handle;
	ret = ret ?: vm_bind(sweep->fd, vm, &op, 1, false);
	ret = ret ?: group_create(sweep->fd, vm, 1, &group);
	heap.vm_id = vm;
	return ret ?: ioctl(sweep->fd, DRM_IOCTL_PANTHOR_TILER_HEAP_CREATE, &heap) ? -errno : 0;
}

static int run_export(struct sweep *sweep)
{
	struct drm_prime_handle arg = {
		.handle = sweep->user.client.data.handle, .flags = DRM_CLOEXEC | DRM_RDWR,
	};
	int ret = ioctl(sweep->user.client.fd, DRM_IOCTL_PRIME_HANDLE_TO_FD, &arg) ? -errno : 0;

	sweep->fd = arg.fd;
	return ret;
}

static const struct operation of_calls = {
	.prepare = prepare_call, .run = run_call, .undo = undo_call,
};

static const struct operation of_group = { NULL, NULL, run_group_create, undo_call, false };

static const struct operation gem_close = {
	"GEM_CLOSE", prepare_gem_close, run_gem_close, NULL, false,
};

static const struct operation mmap_bo = { "mmap", prepare_mmap, run_mmap, close_bo, false };
static const struct operation munmap_bo = { "munmap", make_bo, run_munmap, close_bo, false };
static const struct operation fault_read = { "fault, read", make_bo, run_fault_read, close_bo, false };

static const struct operation fault_write = {
	"fault, write", make_bo, run_fault_write, close_bo, false,
};

static const struct operation refault = {
	"fault after eviction", prepare_refault, run_refault, close_bo, true,
};

static const struct operation restore = {
	"GROUP_SUBMIT after eviction", prepare_restore, run_call, undo_restore, true,
};

static const struct operation shrink = {
	"eviction", prepare_evict, run_evict, undo_evict, true,
};

static const struct operation open_file = { "open", NULL, run_open, run_close, false };
static const struct operation close_file = { "close", prepare_close, run_close, NULL, false };
static const struct operation export_bo = { "PRIME_HANDLE_TO_FD", NULL, run_export, run_close, false };

/* 0 if the allocation has failed, 1 if there were not so many, or a negative errno. */
static int armed(struct sweep *sweep, const struct operation *op, unsigned int nth, int *result)
{
	char text[16];
	int length = snprintf(text, sizeof(text), "%u", nth), ret;

	if (pwrite(sweep->nth, text, length, 0) != length)
		return -errno;
	*result = op->run(sweep);
	ret = pread(sweep->nth, text, sizeof(text) - 1, 0);
	if (ret < 0)
		return -errno;
	text[ret] = '\0';
	if (!atoi(text))
		return 0;
	return pwrite(sweep->nth, "0", 1, 0) == 1 ? 1 : -errno;
}

/* What came of it; only the first three are good. */
enum outcome { DONE, REFUSED, SURVIVED, BROKEN, UNASKED, WRONG_ERRNO, NOT_AGAIN, LEFT_BEHIND };

static const char *const outcomes[] = {
	[DONE] = "no allocation was left to fail", [REFUSED] = "refused", [SURVIVED] = "survived",
	[BROKEN] = "could not be prepared or undone", [UNASKED] = "failed without a failure",
	[WRONG_ERRNO] = "another errno", [NOT_AGAIN] = "fails the next time, too",
	[LEFT_BEHIND] = "something was left behind",
};

/* One allocation; what the operation returned is put in @result. */
static enum outcome try_nth(struct sweep *sweep, const struct operation *op, unsigned int nth,
			    int also, const struct ledger *before, int *result)
{
	struct ledger after;
	int left;

	if (op->prepare && op->prepare(sweep))
		return BROKEN;
	left = armed(sweep, op, nth, result);
	if (left < 0)
		return BROKEN;
	if (*result && left)
		return UNASKED;
	if (*result && op->run(sweep))
		return NOT_AGAIN;
	if (op->undo && op->undo(sweep))
		return BROKEN;
	if (ledger_settle(sweep->user.client.fd, before, &after))
		return LEFT_BEHIND;
	if (*result && *result != -ENOMEM && *result != -also)
		return WRONG_ERRNO;
	return left ? DONE : *result ? REFUSED : SURVIVED;
}

static void run_sweep(struct __test_metadata *_metadata, struct sweep *sweep,
		      const struct operation *op, int also)
{
	const char *name = op->name ?: sweep->desc->name;
	unsigned int refused = 0, survived = 0;
	enum outcome outcome = SURVIVED;
	struct ledger before;
	int result = 0;

	ASSERT_EQ(0, ledger_read(sweep->user.client.fd, &before));
	for (unsigned int nth = 1; nth <= BOUND && outcome != DONE; nth++) {
		outcome = try_nth(sweep, op, nth, also, &before, &result);
		ASSERT_LE(outcome, SURVIVED) {
			TH_LOG("%s, allocation %u, returns %d: %s", name, nth, result,
			       outcomes[outcome]);
		}
		refused += outcome == REFUSED;
		survived += outcome == SURVIVED;
	}
	TH_LOG("| %-28s | %4u points | %4u refused | %4u survived |", name,
	       refused + survived, refused, survived);
	EXPECT_EQ(DONE, outcome) {
		TH_LOG("%s: still no end after %u allocations", name, BOUND);
	}
	EXPECT_EQ(0, client_works(&sweep->user.client, PATTERN));
}

/* 0, -ENODEV, or -ENOENT where nothing can be made to fail. */
static int sweep_open(struct sweep *sweep, const struct ioctl_desc *desc)
{
	char text[8];
	int ret = user_open(&sweep->user);

	sweep->nth = -1;
	sweep->desc = desc;
	if (ret)
		return ret;
	sweep->nth = open(FAIL_NTH, O_RDWR | O_CLOEXEC);
	if (sweep->nth < 0)
		return -ENOENT;
	return file_read("/sys/kernel/debug/failslab/ignore-gfp-wait", text, sizeof(text)) ||
	       text[0] != 'N' ? -ENOENT : 0;
}

static int sweep_close(struct sweep *sweep)
{
	if (sweep->nth >= 0)
		close(sweep->nth);
	return user_close(&sweep->user);
}

FIXTURE(wrong) {
	struct sweep sweep;
};

FIXTURE_SETUP(wrong)
{
	int ret = sweep_open(&self->sweep, &calls[CALL_BO_CREATE]);

	if (ret == -ENODEV)
		SKIP(return, "no render node of a driver named panthor");
	if (ret == -ENOENT)
		SKIP(return, NO_FAULTS);
	ASSERT_EQ(0, ret);
}

FIXTURE_TEARDOWN(wrong)
{
	EXPECT_EQ(0, sweep_close(&self->sweep));
}

static int run_wrong_errno(struct sweep *sweep)
{
	return run_call(sweep) ? -EPERM : 0;
}

static int run_unasked(struct sweep *sweep)
{
	(void)sweep;
	return -ENOMEM;
}

/* After it has failed once it does so for ever. */
static int run_not_again(struct sweep *sweep)
{
	if (!sweep->fd && run_call(sweep))
		sweep->fd = 1;
	return sweep->fd ? -ENOMEM : 0;
}

/* What it fails to create it creates, and forgets. */
static int run_left_behind(struct sweep *sweep)
{
	if (!run_call(sweep))
		return 0;
	return run_call(sweep) ?: -ENOMEM;
}

/* Succeeds if operations that do what none may do are found out. */
TEST_F(wrong, operations_are_found_out)
{
	static const struct {
		struct operation op;
		enum outcome outcome;
	} wrong[] = {
		{ { "errno", NULL, run_wrong_errno, undo_call, false }, WRONG_ERRNO },
		{ { "unasked", NULL, run_unasked, NULL, false }, UNASKED },
		{ { "not again", NULL, run_not_again, undo_call, false }, NOT_AGAIN },
		{ { "left behind", NULL, run_left_behind, undo_call, false }, LEFT_BEHIND },
	};
	struct sweep *sweep = &self->sweep;
	struct ledger before;
	int result;

	for (unsigned int i = 0; i < ARRAY_SIZE(wrong); i++) {
		ASSERT_EQ(0, ledger_read(sweep->user.client.fd, &before));
		EXPECT_EQ(wrong[i].outcome,
			  try_nth(sweep, &wrong[i].op, 1, ENOMEM, &before, &result)) {
			TH_LOG("%s", wrong[i].op.name);
		}
	}
}

FIXTURE(nth) {
	struct sweep sweep;
};

FIXTURE_VARIANT(nth) {
	enum call_id id;
	const struct operation *op;
	/*
	 * Another errno that says the same: shmem has ENOSPC when it gets no inode, and
	 * why there is no page table is not known to the driver, which says EINVAL.
	 */
	int also;
};

FIXTURE_SETUP(nth)
{
	int ret = sweep_open(&self->sweep, &calls[variant->id]);

	if (ret == -ENODEV)
		SKIP(return, "no render node of a driver named panthor");
	if (ret == -ENOENT)
		SKIP(return, NO_FAULTS);
	ASSERT_EQ(0, ret);
	if (variant->op->swap && !have_swap())
		SKIP(return, "no swap: modprobe zram; echo 64M >/sys/block/zram0/disksize; mkswap and swapon /dev/zram0");
}

FIXTURE_TEARDOWN(nth)
{
	EXPECT_EQ(0, sweep_close(&self->sweep));
}

FIXTURE_VARIANT_ADD(nth, query) { .id = CALL_QUERY, .op = &of_calls };
FIXTURE_VARIANT_ADD(nth, query_timestamp) { .id = CALL_QUERY_TIMESTAMP, .op = &of_calls };
FIXTURE_VARIANT_ADD(nth, vm_create) {
	.id = CALL_VM_CREATE, .op = &of_calls, .also = EINVAL,
};
FIXTURE_VARIANT_ADD(nth, vm_map) { .id = CALL_VM_MAP, .op = &of_calls };
FIXTURE_VARIANT_ADD(nth, vm_unmap) { .id = CALL_VM_UNMAP, .op = &of_calls };
FIXTURE_VARIANT_ADD(nth, vm_sparse) { .id = CALL_VM_SPARSE, .op = &of_calls };
FIXTURE_VARIANT_ADD(nth, vm_map_async) { .id = CALL_VM_MAP_ASYNC, .op = &of_calls };
FIXTURE_VARIANT_ADD(nth, vm_unmap_async) { .id = CALL_VM_UNMAP_ASYNC, .op = &of_calls };
FIXTURE_VARIANT_ADD(nth, vm_sync_only) { .id = CALL_VM_SYNC_ONLY, .op = &of_calls };
FIXTURE_VARIANT_ADD(nth, vm_get_state) { .id = CALL_VM_GET_STATE, .op = &of_calls };
FIXTURE_VARIANT_ADD(nth, bo_create) {
	.id = CALL_BO_CREATE, .op = &of_calls, .also = ENOSPC,
};
FIXTURE_VARIANT_ADD(nth, bo_create_private) {
	.id = CALL_BO_CREATE_PRIVATE, .op = &of_calls, .also = ENOSPC,
};
FIXTURE_VARIANT_ADD(nth, bo_mmap_offset) { .id = CALL_BO_MMAP_OFFSET, .op = &of_calls };
FIXTURE_VARIANT_ADD(nth, group_destroy) { .id = CALL_GROUP_DESTROY, .op = &of_calls };
FIXTURE_VARIANT_ADD(nth, submit) { .id = CALL_SUBMIT, .op = &of_calls };
FIXTURE_VARIANT_ADD(nth, submit_wait) { .id = CALL_SUBMIT_WAIT, .op = &of_calls };
FIXTURE_VARIANT_ADD(nth, group_get_state) { .id = CALL_GROUP_GET_STATE, .op = &of_calls };
FIXTURE_VARIANT_ADD(nth, heap_destroy) { .id = CALL_HEAP_DESTROY, .op = &of_calls };
FIXTURE_VARIANT_ADD(nth, set_label) { .id = CALL_SET_LABEL, .op = &of_calls };
FIXTURE_VARIANT_ADD(nth, mmio_offset) { .id = CALL_MMIO_OFFSET, .op = &of_calls };
FIXTURE_VARIANT_ADD(nth, bo_sync) { .id = CALL_BO_SYNC, .op = &of_calls };
FIXTURE_VARIANT_ADD(nth, query_info) { .id = CALL_QUERY_INFO, .op = &of_calls };
FIXTURE_VARIANT_ADD(nth, gem_close) { .id = CALL_SUBMIT, .op = &gem_close };
FIXTURE_VARIANT_ADD(nth, mmap) { .id = CALL_SUBMIT, .op = &mmap_bo };
FIXTURE_VARIANT_ADD(nth, munmap) { .id = CALL_SUBMIT, .op = &munmap_bo };
FIXTURE_VARIANT_ADD(nth, fault_read) { .id = CALL_SUBMIT, .op = &fault_read };
FIXTURE_VARIANT_ADD(nth, fault_write) { .id = CALL_SUBMIT, .op = &fault_write };
FIXTURE_VARIANT_ADD(nth, open) { .id = CALL_SUBMIT, .op = &open_file, .also = ENOSPC };
FIXTURE_VARIANT_ADD(nth, export) { .id = CALL_SUBMIT, .op = &export_bo };
FIXTURE_VARIANT_ADD(nth, heap_create) {
	.id = CALL_HEAP_CREATE, .op = &of_calls, .also = ENOSPC,
};
FIXTURE_VARIANT_ADD(nth, refault) { .id = CALL_SUBMIT, .op = &refault };
FIXTURE_VARIANT_ADD(nth, evict) { .id = CALL_SUBMIT, .op = &shrink };
FIXTURE_VARIANT_ADD(nth, restore) { .id = CALL_SUBMIT, .op = &restore };
FIXTURE_VARIANT_ADD(nth, group_create) {
	.id = CALL_GROUP_CREATE, .op = &of_group, .also = ENOSPC,
};

/* Succeeds if each failed allocation is told, leaves nothing behind, and is over then. */
TEST_F_TIMEOUT(nth, sweep, 300)
{
	run_sweep(_metadata, &self->sweep, variant->op, variant->also ?: ENOMEM);
}

FIXTURE(fatal) {
	struct sweep sweep;
};

FIXTURE_VARIANT(fatal) {
	enum call_id id;
	const struct operation *op;
};

/* These may end the kernel (D110), or make it warn when a VM cannot be unmapped. */
FIXTURE_VARIANT_ADD(fatal, submit_timeline) { .id = CALL_SUBMIT_TIMELINE, .op = &of_calls };
FIXTURE_VARIANT_ADD(fatal, vm_destroy) { .id = CALL_VM_DESTROY, .op = &of_calls };
FIXTURE_VARIANT_ADD(fatal, close) { .id = CALL_SUBMIT, .op = &close_file };

FIXTURE_SETUP(fatal)
{
	int ret;

	self->sweep.nth = -1;
	self->sweep.user.client.fd = -1;
	if (!getenv("PANTHOR_BY_NAME"))
		SKIP(return, "may end the kernel, set PANTHOR_BY_NAME=1");
	ret = sweep_open(&self->sweep, &calls[variant->id]);
	if (ret == -ENODEV)
		SKIP(return, "no render node of a driver named panthor");
	if (ret == -ENOENT)
		SKIP(return, NO_FAULTS);
	ASSERT_EQ(0, ret);
}

FIXTURE_TEARDOWN(fatal)
{
	EXPECT_EQ(0, sweep_close(&self->sweep));
}

/* The same. */
TEST_F_TIMEOUT(fatal, sweep_alone, 300)
{
	run_sweep(_metadata, &self->sweep, variant->op, ENOMEM);
}

TEST_HARNESS_MAIN
