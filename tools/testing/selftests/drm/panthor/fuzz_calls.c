// SPDX-License-Identifier: GPL-2.0-only
/*
 * Each call is made up as a client would make it, of handles that there are, and
 * then most of the time something is wrong with it: a field, the size, a pointer,
 * the file.
 */

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../../kselftest.h"

#include "cs.h"
#include "fuzz.h"
#include "panthor.h"
#include "stress.h"

#define MEMORY		(16 * 4096)
#define ARG_MAX_SIZE	256
/* More than the largest structure, which is what the kernel takes or refuses. */
#define LARGER		64
#define VA		0x1000000ULL
#define VAS		64
#define BO_MAX		(4 * 1024 * 1024)
/* Whoever says that an array is longer than memory gets a warning (D90). */
#define ARRAY_MAX	1024

struct fuzz_type {
	const char *name;
	unsigned long request;
	void (*make)(struct fuzz *fuzz, void *arg);
	/* After success: what there is now, or is not any more. */
	void (*learn)(struct fuzz *fuzz, const void *arg);
};

static uint64_t below(struct fuzz *fuzz, uint64_t end)
{
	return dice_below(&fuzz->state, end);
}

/* One that there is, or was a moment ago; 0 if there is none. */
static uint32_t handle(struct fuzz *fuzz, enum fuzz_kind kind)
{
	return fuzz->file->pool[kind][below(fuzz, FUZZ_POOL)];
}

static int raw(struct fuzz *fuzz, unsigned long request, void *arg)
{
	return ioctl(fuzz->file->fd, request, arg);
}

/* Gives back what nobody has room for. */
static void discard(struct fuzz *fuzz, enum fuzz_kind kind, uint32_t value)
{
	switch (kind) {
	case FUZZ_VM:
		raw(fuzz, DRM_IOCTL_PANTHOR_VM_DESTROY,
		    &(struct drm_panthor_vm_destroy){ .id = value });
		break;
	case FUZZ_BO:
		raw(fuzz, DRM_IOCTL_GEM_CLOSE, &(struct drm_gem_close){ .handle = value });
		break;
	case FUZZ_GROUP:
		raw(fuzz, DRM_IOCTL_PANTHOR_GROUP_DESTROY,
		    &(struct drm_panthor_group_destroy){ .group_handle = value });
		break;
	case FUZZ_HEAP:
		raw(fuzz, DRM_IOCTL_PANTHOR_TILER_HEAP_DESTROY,
		    &(struct drm_panthor_tiler_heap_destroy){ .handle = value });
		break;
	case FUZZ_SYNCOBJ:
		raw(fuzz, DRM_IOCTL_SYNCOBJ_DESTROY,
		    &(struct drm_syncobj_destroy){ .handle = value });
		break;
	default:
		close(value);
	}
}

static void learn(struct fuzz *fuzz, enum fuzz_kind kind, uint32_t value)
{
	uint32_t old = atomic_exchange(&fuzz->file->pool[kind][below(fuzz, FUZZ_POOL)], value);

	if (old)
		discard(fuzz, kind, old);
}

static void forget(struct fuzz *fuzz, enum fuzz_kind kind, uint32_t value)
{
	for (unsigned int i = 0; i < FUZZ_POOL; i++) {
		uint32_t old = value;

		atomic_compare_exchange_strong(&fuzz->file->pool[kind][i], &old, 0);
	}
}

/* Memory for what an argument points to. */
static void *place(struct fuzz *fuzz, size_t size)
{
	char *at = below(fuzz, 4) ? fuzz->memory + below(fuzz, MEMORY - size) / 8 * 8 :
		   fuzz->end - size;

	memset(at, 0, size);
	return at;
}

static uint64_t odd_value(struct fuzz *fuzz)
{
	static const uint64_t values[] = {
		0, 1, 2, 3, 4, 7, 8, 15, 16, 31, 32, 33, 63, 64, 127, 128, 255, 256, 4095, 4096,
		4097, 0x7fff, 0x8000, 0xffff, 0x10000, 0x200000, 0x7fffffff, 0x80000000,
		0xffffffff, 0x100000000, 0xfffffffff000, 0x1000000000000, 0x7fffffffffffffff,
		0x8000000000000000, 0xfffffffffffff000, 0xffffffffffffffff,
	};

	return below(fuzz, 8) ? values[below(fuzz, ARRAY_SIZE(values))] : dice(&fuzz->state);
}

static void limit(uint32_t *count)
{
	if (*count > ARRAY_MAX)
		*count = ARRAY_MAX;
}

static uint64_t va(struct fuzz *fuzz)
{
	return VA + below(fuzz, VAS) * 65536 + (below(fuzz, 8) ? 0 : below(fuzz, 16) * 4096);
}

static struct drm_panthor_obj_array syncs(struct fuzz *fuzz)
{
	unsigned int count = below(fuzz, 3);
	struct drm_panthor_sync_op *ops = place(fuzz, 4 * sizeof(*ops));

	for (unsigned int i = 0; i < count; i++) {
		ops[i] = (struct drm_panthor_sync_op){
			.flags = below(fuzz, 3) ? DRM_PANTHOR_SYNC_OP_SIGNAL :
				 DRM_PANTHOR_SYNC_OP_WAIT,
			.handle = handle(fuzz, FUZZ_SYNCOBJ),
		};
		if (!below(fuzz, 4)) {
			ops[i].flags |= DRM_PANTHOR_SYNC_OP_HANDLE_TYPE_TIMELINE_SYNCOBJ;
			ops[i].timeline_value = below(fuzz, 100);
		}
	}
	return (struct drm_panthor_obj_array)DRM_PANTHOR_OBJ_ARRAY(count, ops);
}

static void make_query(struct fuzz *fuzz, void *arg)
{
	*(struct drm_panthor_dev_query *)arg = (struct drm_panthor_dev_query){
		.type = below(fuzz, 7), .size = below(fuzz, 200),
		.pointer = below(fuzz, 4) ? (uintptr_t)place(fuzz, 256) : 0,
	};
}

static void make_vm_create(struct fuzz *fuzz, void *arg)
{
	((struct drm_panthor_vm_create *)arg)->user_va_range = below(fuzz, 2) ? 0 : 1ULL << 32;
}

static void learn_vm_create(struct fuzz *fuzz, const void *arg)
{
	learn(fuzz, FUZZ_VM, ((const struct drm_panthor_vm_create *)arg)->id);
}

static void make_vm_destroy(struct fuzz *fuzz, void *arg)
{
	/* Not often, or there would be none. */
	((struct drm_panthor_vm_destroy *)arg)->id = below(fuzz, 8) ? 0 : handle(fuzz, FUZZ_VM);
}

static void learn_vm_destroy(struct fuzz *fuzz, const void *arg)
{
	forget(fuzz, FUZZ_VM, ((const struct drm_panthor_vm_destroy *)arg)->id);
}

static void make_vm_bind(struct fuzz *fuzz, void *arg)
{
	unsigned int count = 1 + below(fuzz, 3);
	struct drm_panthor_vm_bind_op *ops = place(fuzz, 4 * sizeof(*ops));

	for (unsigned int i = 0; i < count; i++) {
		bool unmap = !below(fuzz, 3), sparse = !unmap && !below(fuzz, 6);

		ops[i] = (struct drm_panthor_vm_bind_op){
			.flags = unmap ? DRM_PANTHOR_VM_BIND_OP_TYPE_UNMAP :
				 DRM_PANTHOR_VM_BIND_OP_TYPE_MAP | below(fuzz, 8) |
				 (sparse ? DRM_PANTHOR_VM_BIND_OP_MAP_SPARSE : 0),
			.bo_handle = unmap || sparse ? 0 : handle(fuzz, FUZZ_BO),
			.bo_offset = sparse || below(fuzz, 2) ? 0 : below(fuzz, 16) * 4096,
			.va = va(fuzz), .size = (1 + below(fuzz, 32)) * 4096,
		};
		if (!below(fuzz, 6))
			ops[i].syncs = syncs(fuzz);
	}
	*(struct drm_panthor_vm_bind *)arg = (struct drm_panthor_vm_bind){
		.vm_id = handle(fuzz, FUZZ_VM),
		.flags = below(fuzz, 3) ? 0 : DRM_PANTHOR_VM_BIND_ASYNC,
		.ops = DRM_PANTHOR_OBJ_ARRAY(count, ops),
	};
	if (!below(fuzz, 16)) {
		/* A sparse range takes tables for all of it (D12), and a test no hour. */
		size_t field = below(fuzz, sizeof(*ops) / 8 - 3);

		((uint64_t *)&ops[below(fuzz, count)])[field] = odd_value(fuzz);
	}
}

static void make_vm_state(struct fuzz *fuzz, void *arg)
{
	((struct drm_panthor_vm_get_state *)arg)->vm_id = handle(fuzz, FUZZ_VM);
}

static void make_bo_create(struct fuzz *fuzz, void *arg)
{
	*(struct drm_panthor_bo_create *)arg = (struct drm_panthor_bo_create){
		.size = (1 + below(fuzz, 64)) * 4096, .flags = below(fuzz, 4),
		.exclusive_vm_id = below(fuzz, 2) ? handle(fuzz, FUZZ_VM) : 0,
	};
}

static void learn_bo_create(struct fuzz *fuzz, const void *arg)
{
	const struct drm_panthor_bo_create *bo = arg;

	/* To bind one means memory for all of it. */
	if (bo->size > BO_MAX)
		discard(fuzz, FUZZ_BO, bo->handle);
	else
		learn(fuzz, FUZZ_BO, bo->handle);
}

static void make_mmap_offset(struct fuzz *fuzz, void *arg)
{
	((struct drm_panthor_bo_mmap_offset *)arg)->handle = handle(fuzz, FUZZ_BO);
}

static void make_group_create(struct fuzz *fuzz, void *arg)
{
	unsigned int count = 1 + below(fuzz, 2);
	struct drm_panthor_queue_create *queues = place(fuzz, 2 * sizeof(*queues));

	for (unsigned int i = 0; i < count; i++)
		queues[i] = (struct drm_panthor_queue_create){
			.priority = below(fuzz, 16), .ringbuf_size = 4096U << below(fuzz, 5),
		};
	*(struct drm_panthor_group_create *)arg = (struct drm_panthor_group_create){
		.queues = DRM_PANTHOR_OBJ_ARRAY(count, queues),
		.max_compute_cores = 1, .max_fragment_cores = 1, .max_tiler_cores = 1,
		.priority = below(fuzz, 3), .compute_core_mask = 1, .fragment_core_mask = 1,
		.tiler_core_mask = 1, .vm_id = handle(fuzz, FUZZ_VM),
	};
}

static void learn_group_create(struct fuzz *fuzz, const void *arg)
{
	learn(fuzz, FUZZ_GROUP, ((const struct drm_panthor_group_create *)arg)->group_handle);
}

static void make_group_destroy(struct fuzz *fuzz, void *arg)
{
	((struct drm_panthor_group_destroy *)arg)->group_handle =
		below(fuzz, 4) ? 0 : handle(fuzz, FUZZ_GROUP);
}

static void learn_group_destroy(struct fuzz *fuzz, const void *arg)
{
	forget(fuzz, FUZZ_GROUP, ((const struct drm_panthor_group_destroy *)arg)->group_handle);
}

static void make_group_submit(struct fuzz *fuzz, void *arg)
{
	unsigned int count = 1 + below(fuzz, 2);
	struct drm_panthor_queue_submit *submits = place(fuzz, 2 * sizeof(*submits));

	for (unsigned int i = 0; i < count; i++) {
		submits[i] = (struct drm_panthor_queue_submit){
			.queue_index = below(fuzz, 2), .stream_addr = va(fuzz),
			/* Most streams are where nothing is; the driver tells a lot of each. */
			.stream_size = below(fuzz, 8) ? 0 : below(fuzz, 16) * 8,
			.latest_flush = below(fuzz, 2),
		};
		if (!submits[i].stream_size)
			submits[i].stream_addr = 0;
		if (below(fuzz, 2))
			submits[i].syncs = syncs(fuzz);
	}
	*(struct drm_panthor_group_submit *)arg = (struct drm_panthor_group_submit){
		.group_handle = handle(fuzz, FUZZ_GROUP),
		.queue_submits = DRM_PANTHOR_OBJ_ARRAY(count, submits),
	};
	if (!below(fuzz, 16))
		((uint64_t *)submits)[below(fuzz, count * sizeof(*submits) / 8)] = odd_value(fuzz);
	for (unsigned int i = 0; i < count; i++)
		limit(&submits[i].syncs.count);
}

static void make_group_state(struct fuzz *fuzz, void *arg)
{
	((struct drm_panthor_group_get_state *)arg)->group_handle = handle(fuzz, FUZZ_GROUP);
}

static void make_heap_create(struct fuzz *fuzz, void *arg)
{
	*(struct drm_panthor_tiler_heap_create *)arg = (struct drm_panthor_tiler_heap_create){
		.vm_id = handle(fuzz, FUZZ_VM), .initial_chunk_count = 1 + below(fuzz, 2),
		.chunk_size = 131072U << below(fuzz, 2), .max_chunks = 2 + below(fuzz, 8),
		.target_in_flight = 1 + below(fuzz, 4),
	};
}

static void learn_heap_create(struct fuzz *fuzz, const void *arg)
{
	learn(fuzz, FUZZ_HEAP, ((const struct drm_panthor_tiler_heap_create *)arg)->handle);
}

static void make_heap_destroy(struct fuzz *fuzz, void *arg)
{
	((struct drm_panthor_tiler_heap_destroy *)arg)->handle = handle(fuzz, FUZZ_HEAP);
}

static void learn_heap_destroy(struct fuzz *fuzz, const void *arg)
{
	forget(fuzz, FUZZ_HEAP, ((const struct drm_panthor_tiler_heap_destroy *)arg)->handle);
}

static void make_label(struct fuzz *fuzz, void *arg)
{
	char *text = place(fuzz, 4500);

	memset(text, 'a' + below(fuzz, 26),
	       below(fuzz, 4) ? below(fuzz, 40) : 4096 + below(fuzz, 300));
	*(struct drm_panthor_bo_set_label *)arg = (struct drm_panthor_bo_set_label){
		.handle = handle(fuzz, FUZZ_BO), .label = below(fuzz, 4) ? (uintptr_t)text : 0,
	};
}

static void make_mmio_offset(struct fuzz *fuzz, void *arg)
{
	static const uint64_t offsets[] = {
		DRM_PANTHOR_USER_MMIO_OFFSET_32BIT, DRM_PANTHOR_USER_MMIO_OFFSET_64BIT,
	};

	((struct drm_panthor_set_user_mmio_offset *)arg)->offset = offsets[below(fuzz, 2)];
}

static void make_bo_sync(struct fuzz *fuzz, void *arg)
{
	unsigned int count = 1 + below(fuzz, 2);
	struct drm_panthor_bo_sync_op *ops = place(fuzz, 2 * sizeof(*ops));

	for (unsigned int i = 0; i < count; i++)
		ops[i] = (struct drm_panthor_bo_sync_op){
			.handle = handle(fuzz, FUZZ_BO), .type = below(fuzz, 2),
			.offset = below(fuzz, 8192), .size = below(fuzz, 16384),
		};
	((struct drm_panthor_bo_sync *)arg)->ops =
		(struct drm_panthor_obj_array)DRM_PANTHOR_OBJ_ARRAY(count, ops);
	if (!below(fuzz, 16))
		((uint64_t *)ops)[below(fuzz, count * sizeof(*ops) / 8)] = odd_value(fuzz);
}

static void make_bo_info(struct fuzz *fuzz, void *arg)
{
	((struct drm_panthor_bo_query_info *)arg)->handle = handle(fuzz, FUZZ_BO);
}

static void make_gem_close(struct fuzz *fuzz, void *arg)
{
	((struct drm_gem_close *)arg)->handle = below(fuzz, 4) ? 0 : handle(fuzz, FUZZ_BO);
}

static void learn_gem_close(struct fuzz *fuzz, const void *arg)
{
	forget(fuzz, FUZZ_BO, ((const struct drm_gem_close *)arg)->handle);
}

static void make_export(struct fuzz *fuzz, void *arg)
{
	*(struct drm_prime_handle *)arg = (struct drm_prime_handle){
		.handle = handle(fuzz, FUZZ_BO), .flags = DRM_CLOEXEC | DRM_RDWR,
	};
}

static void learn_export(struct fuzz *fuzz, const void *arg)
{
	learn(fuzz, FUZZ_FD, ((const struct drm_prime_handle *)arg)->fd);
}

static void make_import(struct fuzz *fuzz, void *arg)
{
	((struct drm_prime_handle *)arg)->fd = handle(fuzz, FUZZ_FD);
}

static void learn_import(struct fuzz *fuzz, const void *arg)
{
	learn(fuzz, FUZZ_BO, ((const struct drm_prime_handle *)arg)->handle);
}

static void make_syncobj_create(struct fuzz *fuzz, void *arg)
{
	((struct drm_syncobj_create *)arg)->flags = below(fuzz, 2);
}

static void learn_syncobj_create(struct fuzz *fuzz, const void *arg)
{
	learn(fuzz, FUZZ_SYNCOBJ, ((const struct drm_syncobj_create *)arg)->handle);
}

static void make_syncobj_destroy(struct fuzz *fuzz, void *arg)
{
	((struct drm_syncobj_destroy *)arg)->handle =
		below(fuzz, 4) ? 0 : handle(fuzz, FUZZ_SYNCOBJ);
}

static void learn_syncobj_destroy(struct fuzz *fuzz, const void *arg)
{
	forget(fuzz, FUZZ_SYNCOBJ, ((const struct drm_syncobj_destroy *)arg)->handle);
}

static void make_syncobj_array(struct fuzz *fuzz, void *arg)
{
	uint32_t *handles = place(fuzz, 2 * sizeof(*handles));

	handles[0] = handle(fuzz, FUZZ_SYNCOBJ);
	*(struct drm_syncobj_array *)arg = (struct drm_syncobj_array){
		.handles = (uintptr_t)handles, .count_handles = 1,
	};
}

#define PANTHOR(name) #name, DRM_IOCTL_PANTHOR_##name

static const struct fuzz_type types[] = {
	{ PANTHOR(DEV_QUERY), make_query, NULL },
	{ PANTHOR(VM_CREATE), make_vm_create, learn_vm_create },
	{ PANTHOR(VM_DESTROY), make_vm_destroy, learn_vm_destroy },
	{ PANTHOR(VM_BIND), make_vm_bind, NULL },
	{ PANTHOR(VM_BIND), make_vm_bind, NULL },
	{ PANTHOR(VM_GET_STATE), make_vm_state, NULL },
	{ PANTHOR(BO_CREATE), make_bo_create, learn_bo_create },
	{ PANTHOR(BO_MMAP_OFFSET), make_mmap_offset, NULL },
	{ PANTHOR(GROUP_CREATE), make_group_create, learn_group_create },
	{ PANTHOR(GROUP_DESTROY), make_group_destroy, learn_group_destroy },
	{ PANTHOR(GROUP_SUBMIT), make_group_submit, NULL },
	{ PANTHOR(GROUP_SUBMIT), make_group_submit, NULL },
	{ PANTHOR(GROUP_GET_STATE), make_group_state, NULL },
	{ PANTHOR(TILER_HEAP_CREATE), make_heap_create, learn_heap_create },
	{ PANTHOR(TILER_HEAP_DESTROY), make_heap_destroy, learn_heap_destroy },
	{ PANTHOR(BO_SET_LABEL), make_label, NULL },
	{ PANTHOR(SET_USER_MMIO_OFFSET), make_mmio_offset, NULL },
	{ PANTHOR(BO_SYNC), make_bo_sync, NULL },
	{ PANTHOR(BO_QUERY_INFO), make_bo_info, NULL },
	{ "GEM_CLOSE", DRM_IOCTL_GEM_CLOSE, make_gem_close, learn_gem_close },
	{ "PRIME_HANDLE_TO_FD", DRM_IOCTL_PRIME_HANDLE_TO_FD, make_export, learn_export },
	{ "PRIME_FD_TO_HANDLE", DRM_IOCTL_PRIME_FD_TO_HANDLE, make_import, learn_import },
	{ "SYNCOBJ_CREATE", DRM_IOCTL_SYNCOBJ_CREATE, make_syncobj_create, learn_syncobj_create },
	{ "SYNCOBJ_CREATE", DRM_IOCTL_SYNCOBJ_CREATE, make_syncobj_create, learn_syncobj_create },
	{ "SYNCOBJ_DESTROY", DRM_IOCTL_SYNCOBJ_DESTROY, make_syncobj_destroy,
	  learn_syncobj_destroy },
	{ "SYNCOBJ_RESET", DRM_IOCTL_SYNCOBJ_RESET, make_syncobj_array, NULL },
	{ "SYNCOBJ_SIGNAL", DRM_IOCTL_SYNCOBJ_SIGNAL, make_syncobj_array, NULL },
};

_Static_assert(ARRAY_SIZE(types) == FUZZ_CALLS, "FUZZ_CALLS is their number");

const char *fuzz_name(unsigned int call)
{
	return types[call].name;
}

/* What a call that the driver knows may say. */
static bool strange(int error)
{
	static const int good[] = {
		EPERM, ENOENT, EINTR, EIO, EBADF, EAGAIN, ENOMEM, EACCES, EFAULT, EBUSY, EEXIST,
		ENODEV, EINVAL, ENFILE, EMFILE, ENOTTY, ENOSPC, E2BIG, ERANGE, EOVERFLOW, ENOSYS,
		EOPNOTSUPP, ETIME, ETIMEDOUT, ECANCELED, EMSGSIZE, ENAMETOOLONG, EDEADLK,
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(good); i++) {
		if (error == good[i])
			return false;
	}
	return true;
}

int fuzz_init(struct fuzz *fuzz, struct fuzz_file *file, uint64_t state,
	      struct fuzz_result *result)
{
	*fuzz = (struct fuzz){ .file = file, .state = state, .result = result };
	fuzz->memory = mmap(NULL, MEMORY + 4096, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (fuzz->memory == MAP_FAILED)
		return -ENOMEM;
	fuzz->end = fuzz->memory + MEMORY;
	return mprotect(fuzz->end, 4096, PROT_NONE) ? -errno : 0;
}

void fuzz_exit(struct fuzz *fuzz)
{
	munmap(fuzz->memory, MEMORY + 4096);
}

/* There would be no memory for anybody else. */
static void tame(const struct fuzz_type *type, void *arg)
{
	struct drm_panthor_tiler_heap_create *heap = arg;

	if (type->make == make_vm_bind)
		limit(&((struct drm_panthor_vm_bind *)arg)->ops.count);
	else if (type->make == make_group_create)
		limit(&((struct drm_panthor_group_create *)arg)->queues.count);
	else if (type->make == make_group_submit)
		limit(&((struct drm_panthor_group_submit *)arg)->queue_submits.count);
	else if (type->make == make_bo_sync)
		limit(&((struct drm_panthor_bo_sync *)arg)->ops.count);
	else if (type->make == make_syncobj_array)
		limit(&((struct drm_syncobj_array *)arg)->count_handles);
	else if (type->make == make_heap_create && heap->initial_chunk_count > 8)
		heap->max_chunks = heap->initial_chunk_count - 1;
}

/* Something about it is wrong from here on, or nearly. */
static void spoil(struct fuzz *fuzz, const struct fuzz_type *type, unsigned long *request,
		  uint64_t *arg, int *fd)
{
	size_t size = _IOC_SIZE(type->request);

	switch (below(fuzz, 8)) {
	case 0 ... 3:
		if (below(fuzz, 2))
			arg[below(fuzz, (size + 7) / 8)] = odd_value(fuzz);
		else
			((uint32_t *)arg)[below(fuzz, size / 4)] = odd_value(fuzz);
		break;
	case 4:
		/* Shorter, or longer with zeros behind it or something else. */
		size = below(fuzz, size + LARGER);
		*request = _IOC(_IOC_DIR(*request), _IOC_TYPE(*request), _IOC_NR(*request), size);
		if (below(fuzz, 2))
			memset((char *)arg + _IOC_SIZE(type->request), below(fuzz, 256), LARGER);
		break;
	case 5:
		*request = _IOC(below(fuzz, 4), _IOC_TYPE(*request), _IOC_NR(*request), size);
		break;
	case 6:
		*fd = below(fuzz, 2) ? -1 : (int)handle(fuzz, FUZZ_FD);
		break;
	default:
		for (size_t i = 0; i < (size + 7) / 8; i++) {
			if (!below(fuzz, 3))
				arg[i] ^= 1ULL << below(fuzz, 64);
		}
	}
	tame(type, arg);
}

void fuzz_call(struct fuzz *fuzz)
{
	unsigned int call = below(fuzz, FUZZ_CALLS);
	const struct fuzz_type *type = &types[call];
	uint64_t arg[(ARG_MAX_SIZE + LARGER) / 8] = { };
	unsigned long request = type->request;
	int fd = fuzz->file->fd;
	bool spoiled = !below(fuzz, 3);
	void *where = arg;
	int ret;

	type->make(fuzz, arg);
	if (spoiled)
		spoil(fuzz, type, &request, arg, &fd);
	if (spoiled && !below(fuzz, 16))
		where = below(fuzz, 2) ? (void *)(fuzz->end - below(fuzz, 16)) :
			(void *)(uintptr_t)odd_value(fuzz);
	ret = ioctl(fd, request, where);
	if (ret < 0) {
		fuzz->result->failed[call]++;
		if (strange(errno) && !fuzz->result->strange) {
			fuzz->result->strange = errno;
			fuzz->result->strange_call = type->name;
		}
		return;
	}
	fuzz->result->succeeded[call]++;
	if (type->learn && where == arg && fd == fuzz->file->fd)
		type->learn(fuzz, arg);
}
