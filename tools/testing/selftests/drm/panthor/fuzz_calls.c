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
#define SYNCS		4096
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

/* Memory for what an argument points to. */
static void *place(struct fuzz *fuzz, size_t size)
{
	char *at = fuzz_below(fuzz, 4) ? fuzz->memory + fuzz_below(fuzz, MEMORY - size) / 8 * 8 :
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

	return fuzz_below(fuzz, 8) ? values[fuzz_below(fuzz, ARRAY_SIZE(values))] : fuzz_dice(fuzz);
}

static void limit(uint32_t *count)
{
	if (*count > ARRAY_MAX)
		*count = ARRAY_MAX;
}

static uint64_t va(struct fuzz *fuzz)
{
	uint64_t small = fuzz_below(fuzz, 8) ? 0 : fuzz_below(fuzz, 16) * 4096;

	return VA + fuzz_below(fuzz, VAS) * 65536 + small;
}

/*
 * At the end of its memory, and nothing else is behind or before it: whatever the
 * count says, all the kernel can find are operations of this call. Those of a tame
 * one signal what is there for sure (D110), and do not wait for it (D94).
 */
static struct drm_panthor_obj_array syncs(struct fuzz *fuzz)
{
	unsigned int count = fuzz_below(fuzz, 3);
	struct drm_panthor_sync_op *ops = fuzz->syncs + --fuzz->slots * FUZZ_SLOT;
	const struct fuzz_file *file = fuzz->file;

	for (unsigned int i = 0; i < count; i++) {
		bool signals = fuzz_below(fuzz, 3);
		unsigned int half = file->tame ? signals ^ fuzz->half : fuzz_below(fuzz, 2);
		unsigned int kept = half * FUZZ_KEPT / 2 + fuzz_below(fuzz, FUZZ_KEPT / 2);

		ops[i] = (struct drm_panthor_sync_op){
			.flags = signals ? DRM_PANTHOR_SYNC_OP_SIGNAL : DRM_PANTHOR_SYNC_OP_WAIT,
			.handle = (signals && file->tame) || fuzz_below(fuzz, 2) ?
				  file->kept[kept] : fuzz_handle(fuzz, FUZZ_SYNCOBJ),
		};
		if (!fuzz_below(fuzz, 4)) {
			ops[i].flags |= DRM_PANTHOR_SYNC_OP_HANDLE_TYPE_TIMELINE_SYNCOBJ;
			ops[i].timeline_value = fuzz_below(fuzz, 100);
		}
	}
	return (struct drm_panthor_obj_array)DRM_PANTHOR_OBJ_ARRAY(count, ops);
}

static void make_query(struct fuzz *fuzz, void *arg)
{
	*(struct drm_panthor_dev_query *)arg = (struct drm_panthor_dev_query){
		.type = fuzz_below(fuzz, 7), .size = fuzz_below(fuzz, 200),
		.pointer = fuzz_below(fuzz, 4) ? (uintptr_t)place(fuzz, 256) : 0,
	};
}

static void make_vm_create(struct fuzz *fuzz, void *arg)
{
	((struct drm_panthor_vm_create *)arg)->user_va_range = fuzz_below(fuzz, 2) ? 0 : 1ULL << 32;
}

static void learn_vm_create(struct fuzz *fuzz, const void *arg)
{
	fuzz_learn(fuzz, FUZZ_VM, ((const struct drm_panthor_vm_create *)arg)->id);
}

static void make_vm_destroy(struct fuzz *fuzz, void *arg)
{
	/* Not often, or there would be none. */
	((struct drm_panthor_vm_destroy *)arg)->id =
		fuzz_below(fuzz, 8) ? 0 : fuzz_handle(fuzz, FUZZ_VM);
}

static void learn_vm_destroy(struct fuzz *fuzz, const void *arg)
{
	fuzz_forget(fuzz, FUZZ_VM, ((const struct drm_panthor_vm_destroy *)arg)->id);
}

static void make_vm_bind(struct fuzz *fuzz, void *arg)
{
	unsigned int count = 1 + fuzz_below(fuzz, 3);
	struct drm_panthor_vm_bind_op *ops = place(fuzz, 4 * sizeof(*ops));

	for (unsigned int i = 0; i < count; i++) {
		bool unmap = !fuzz_below(fuzz, 3), sparse = !unmap && !fuzz_below(fuzz, 6);

		ops[i] = (struct drm_panthor_vm_bind_op){
			.flags = unmap ? DRM_PANTHOR_VM_BIND_OP_TYPE_UNMAP :
				 DRM_PANTHOR_VM_BIND_OP_TYPE_MAP | fuzz_below(fuzz, 8) |
				 (sparse ? DRM_PANTHOR_VM_BIND_OP_MAP_SPARSE : 0),
			.bo_handle = unmap || sparse ? 0 : fuzz_handle(fuzz, FUZZ_BO),
			.bo_offset = sparse || fuzz_below(fuzz, 2) ? 0 : fuzz_below(fuzz, 16) * 4096,
			.va = va(fuzz), .size = (1 + fuzz_below(fuzz, 32)) * 4096,
		};
		if (!fuzz_below(fuzz, 6))
			ops[i].syncs = syncs(fuzz);
	}
	*(struct drm_panthor_vm_bind *)arg = (struct drm_panthor_vm_bind){
		.vm_id = fuzz_handle(fuzz, FUZZ_VM),
		.flags = fuzz_below(fuzz, 3) ? 0 : DRM_PANTHOR_VM_BIND_ASYNC,
		.ops = DRM_PANTHOR_OBJ_ARRAY(count, ops),
	};
	if (!fuzz_below(fuzz, 16)) {
		/* A sparse range takes tables for all of it (D12), and a test no hour. */
		size_t field = fuzz_below(fuzz, sizeof(*ops) / 8 - 3);

		((uint64_t *)&ops[fuzz_below(fuzz, count)])[field] = odd_value(fuzz);
	}
}

static void make_vm_state(struct fuzz *fuzz, void *arg)
{
	((struct drm_panthor_vm_get_state *)arg)->vm_id = fuzz_handle(fuzz, FUZZ_VM);
}

static void make_bo_create(struct fuzz *fuzz, void *arg)
{
	*(struct drm_panthor_bo_create *)arg = (struct drm_panthor_bo_create){
		.size = (1 + fuzz_below(fuzz, 64)) * 4096, .flags = fuzz_below(fuzz, 4),
		.exclusive_vm_id = fuzz_below(fuzz, 2) ? fuzz_handle(fuzz, FUZZ_VM) : 0,
	};
}

static void learn_bo_create(struct fuzz *fuzz, const void *arg)
{
	const struct drm_panthor_bo_create *bo = arg;

	/* To bind one means memory for all of it. */
	if (bo->size > BO_MAX)
		fuzz_discard(fuzz, FUZZ_BO, bo->handle);
	else
		fuzz_learn(fuzz, FUZZ_BO, bo->handle);
}

static void make_mmap_offset(struct fuzz *fuzz, void *arg)
{
	((struct drm_panthor_bo_mmap_offset *)arg)->handle = fuzz_handle(fuzz, FUZZ_BO);
}

static void make_group_create(struct fuzz *fuzz, void *arg)
{
	unsigned int count = 1 + fuzz_below(fuzz, 2);
	struct drm_panthor_queue_create *queues = place(fuzz, 2 * sizeof(*queues));

	for (unsigned int i = 0; i < count; i++)
		queues[i] = (struct drm_panthor_queue_create){
			.priority = fuzz_below(fuzz, 16), .ringbuf_size = 4096U << fuzz_below(fuzz, 5),
		};
	*(struct drm_panthor_group_create *)arg = (struct drm_panthor_group_create){
		.queues = DRM_PANTHOR_OBJ_ARRAY(count, queues),
		.max_compute_cores = 1, .max_fragment_cores = 1, .max_tiler_cores = 1,
		.priority = fuzz_below(fuzz, 3), .compute_core_mask = 1, .fragment_core_mask = 1,
		.tiler_core_mask = 1, .vm_id = fuzz_handle(fuzz, FUZZ_VM),
	};
}

static void learn_group_create(struct fuzz *fuzz, const void *arg)
{
	fuzz_learn(fuzz, FUZZ_GROUP, ((const struct drm_panthor_group_create *)arg)->group_handle);
}

static void make_group_destroy(struct fuzz *fuzz, void *arg)
{
	((struct drm_panthor_group_destroy *)arg)->group_handle =
		fuzz_below(fuzz, 4) ? 0 : fuzz_handle(fuzz, FUZZ_GROUP);
}

static void learn_group_destroy(struct fuzz *fuzz, const void *arg)
{
	fuzz_forget(fuzz, FUZZ_GROUP, ((const struct drm_panthor_group_destroy *)arg)->group_handle);
}

static void make_group_submit(struct fuzz *fuzz, void *arg)
{
	unsigned int count = 1 + fuzz_below(fuzz, 2);
	struct drm_panthor_queue_submit *submits = place(fuzz, 2 * sizeof(*submits));

	for (unsigned int i = 0; i < count; i++) {
		submits[i] = (struct drm_panthor_queue_submit){
			.queue_index = fuzz_below(fuzz, 2), .stream_addr = va(fuzz),
			/* Most streams are where nothing is; the driver tells a lot of each. */
			.stream_size = fuzz_below(fuzz, 8) ? 0 : fuzz_below(fuzz, 16) * 8,
			.latest_flush = fuzz_below(fuzz, 2),
		};
		if (!submits[i].stream_size)
			submits[i].stream_addr = 0;
		if (fuzz_below(fuzz, 2))
			submits[i].syncs = syncs(fuzz);
	}
	*(struct drm_panthor_group_submit *)arg = (struct drm_panthor_group_submit){
		.group_handle = fuzz_handle(fuzz, FUZZ_GROUP),
		.queue_submits = DRM_PANTHOR_OBJ_ARRAY(count, submits),
	};
	if (!fuzz_below(fuzz, 16))
		((uint64_t *)submits)[fuzz_below(fuzz, count * sizeof(*submits) / 8)] = odd_value(fuzz);
	for (unsigned int i = 0; i < count; i++)
		limit(&submits[i].syncs.count);
}

static void make_group_state(struct fuzz *fuzz, void *arg)
{
	((struct drm_panthor_group_get_state *)arg)->group_handle = fuzz_handle(fuzz, FUZZ_GROUP);
}

static void make_heap_create(struct fuzz *fuzz, void *arg)
{
	*(struct drm_panthor_tiler_heap_create *)arg = (struct drm_panthor_tiler_heap_create){
		.vm_id = fuzz_handle(fuzz, FUZZ_VM), .initial_chunk_count = 1 + fuzz_below(fuzz, 2),
		.chunk_size = 131072U << fuzz_below(fuzz, 2), .max_chunks = 2 + fuzz_below(fuzz, 8),
		.target_in_flight = 1 + fuzz_below(fuzz, 4),
	};
}

static void learn_heap_create(struct fuzz *fuzz, const void *arg)
{
	fuzz_learn(fuzz, FUZZ_HEAP, ((const struct drm_panthor_tiler_heap_create *)arg)->handle);
}

static void make_heap_destroy(struct fuzz *fuzz, void *arg)
{
	((struct drm_panthor_tiler_heap_destroy *)arg)->handle = fuzz_handle(fuzz, FUZZ_HEAP);
}

static void learn_heap_destroy(struct fuzz *fuzz, const void *arg)
{
	fuzz_forget(fuzz, FUZZ_HEAP, ((const struct drm_panthor_tiler_heap_destroy *)arg)->handle);
}

static void make_label(struct fuzz *fuzz, void *arg)
{
	char *text = place(fuzz, 4500);

	memset(text, 'a' + fuzz_below(fuzz, 26),
	       fuzz_below(fuzz, 4) ? fuzz_below(fuzz, 40) : 4096 + fuzz_below(fuzz, 300));
	*(struct drm_panthor_bo_set_label *)arg = (struct drm_panthor_bo_set_label){
		.handle = fuzz_handle(fuzz, FUZZ_BO), .label = fuzz_below(fuzz, 4) ? (uintptr_t)text : 0,
	};
}

static void make_mmio_offset(struct fuzz *fuzz, void *arg)
{
	static const uint64_t offsets[] = {
		DRM_PANTHOR_USER_MMIO_OFFSET_32BIT, DRM_PANTHOR_USER_MMIO_OFFSET_64BIT,
	};

	((struct drm_panthor_set_user_mmio_offset *)arg)->offset = offsets[fuzz_below(fuzz, 2)];
}

static void make_bo_sync(struct fuzz *fuzz, void *arg)
{
	unsigned int count = 1 + fuzz_below(fuzz, 2);
	struct drm_panthor_bo_sync_op *ops = place(fuzz, 2 * sizeof(*ops));

	for (unsigned int i = 0; i < count; i++)
		ops[i] = (struct drm_panthor_bo_sync_op){
			.handle = fuzz_handle(fuzz, FUZZ_BO), .type = fuzz_below(fuzz, 2),
			.offset = fuzz_below(fuzz, 8192), .size = fuzz_below(fuzz, 16384),
		};
	((struct drm_panthor_bo_sync *)arg)->ops =
		(struct drm_panthor_obj_array)DRM_PANTHOR_OBJ_ARRAY(count, ops);
	if (!fuzz_below(fuzz, 16))
		((uint64_t *)ops)[fuzz_below(fuzz, count * sizeof(*ops) / 8)] = odd_value(fuzz);
}

static void make_bo_info(struct fuzz *fuzz, void *arg)
{
	((struct drm_panthor_bo_query_info *)arg)->handle = fuzz_handle(fuzz, FUZZ_BO);
}

static void make_gem_close(struct fuzz *fuzz, void *arg)
{
	((struct drm_gem_close *)arg)->handle = fuzz_below(fuzz, 4) ? 0 : fuzz_handle(fuzz, FUZZ_BO);
}

static void learn_gem_close(struct fuzz *fuzz, const void *arg)
{
	fuzz_forget(fuzz, FUZZ_BO, ((const struct drm_gem_close *)arg)->handle);
}

static void make_export(struct fuzz *fuzz, void *arg)
{
	*(struct drm_prime_handle *)arg = (struct drm_prime_handle){
		.handle = fuzz_handle(fuzz, FUZZ_BO), .flags = DRM_CLOEXEC | DRM_RDWR,
	};
}

static void learn_export(struct fuzz *fuzz, const void *arg)
{
	fuzz_learn(fuzz, FUZZ_FD, ((const struct drm_prime_handle *)arg)->fd);
}

static void make_import(struct fuzz *fuzz, void *arg)
{
	((struct drm_prime_handle *)arg)->fd = fuzz_handle(fuzz, FUZZ_FD);
}

static void learn_import(struct fuzz *fuzz, const void *arg)
{
	fuzz_learn(fuzz, FUZZ_BO, ((const struct drm_prime_handle *)arg)->handle);
}

static void make_syncobj_create(struct fuzz *fuzz, void *arg)
{
	((struct drm_syncobj_create *)arg)->flags = fuzz_below(fuzz, 2);
}

static void learn_syncobj_create(struct fuzz *fuzz, const void *arg)
{
	fuzz_learn(fuzz, FUZZ_SYNCOBJ, ((const struct drm_syncobj_create *)arg)->handle);
}

static void make_syncobj_destroy(struct fuzz *fuzz, void *arg)
{
	((struct drm_syncobj_destroy *)arg)->handle =
		fuzz_below(fuzz, 4) ? 0 : fuzz_handle(fuzz, FUZZ_SYNCOBJ);
}

static void learn_syncobj_destroy(struct fuzz *fuzz, const void *arg)
{
	fuzz_forget(fuzz, FUZZ_SYNCOBJ, ((const struct drm_syncobj_destroy *)arg)->handle);
}

static void make_syncobj_array(struct fuzz *fuzz, void *arg)
{
	uint32_t *handles = place(fuzz, 2 * sizeof(*handles));

	handles[0] = fuzz_handle(fuzz, FUZZ_SYNCOBJ);
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

static char *map_before_nothing(size_t size)
{
	char *memory = mmap(NULL, size + 4096, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (memory == MAP_FAILED || mprotect(memory + size, 4096, PROT_NONE))
		return NULL;
	return memory + size;
}

int fuzz_init(struct fuzz *fuzz, struct fuzz_file *file, struct fuzz_guide *guide, uint64_t state,
	      struct fuzz_result *result)
{
	char *end = map_before_nothing(SYNCS);

	*fuzz = (struct fuzz){ .file = file, .guide = guide, .state = state, .result = result };
	fuzz->end = map_before_nothing(MEMORY);
	if (!end || !fuzz->end)
		return -ENOMEM;
	fuzz->memory = fuzz->end - MEMORY;
	fuzz->syncs = (struct drm_panthor_sync_op *)end - FUZZ_SLOTS * FUZZ_SLOT;
	return fuzz_guide_on(guide);
}

void fuzz_exit(struct fuzz *fuzz)
{
	fuzz_guide_off(fuzz->guide);
	munmap(fuzz->memory, MEMORY + 4096);
	munmap((char *)(fuzz->syncs + FUZZ_SLOTS * FUZZ_SLOT) - SYNCS, SYNCS + 4096);
}

/* There would be no memory for anybody else, or it is a defect that is known. */
static void tame(const struct fuzz *fuzz, const struct fuzz_type *type, void *arg)
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
	else if (type->make == make_syncobj_destroy && fuzz->file->tame &&
		 fuzz_is_kept(fuzz->file, ((struct drm_syncobj_destroy *)arg)->handle))
		((struct drm_syncobj_destroy *)arg)->handle = 0;
}

/* Something about it is wrong from here on, or nearly. */
static void spoil(struct fuzz *fuzz, const struct fuzz_type *type, unsigned long *request,
		  uint64_t *arg, int *fd)
{
	size_t size = _IOC_SIZE(type->request);

	switch (fuzz_below(fuzz, 8)) {
	case 0 ... 3:
		if (fuzz_below(fuzz, 2))
			arg[fuzz_below(fuzz, (size + 7) / 8)] = odd_value(fuzz);
		else
			((uint32_t *)arg)[fuzz_below(fuzz, size / 4)] = odd_value(fuzz);
		break;
	case 4:
		/* Shorter, or longer with zeros behind it or something else. */
		size = fuzz_below(fuzz, size + LARGER);
		*request = _IOC(_IOC_DIR(*request), _IOC_TYPE(*request), _IOC_NR(*request), size);
		if (fuzz_below(fuzz, 2))
			memset((char *)arg + _IOC_SIZE(type->request), fuzz_below(fuzz, 256), LARGER);
		break;
	case 5:
		*request = _IOC(fuzz_below(fuzz, 4), _IOC_TYPE(*request), _IOC_NR(*request), size);
		break;
	case 6:
		*fd = fuzz_below(fuzz, 2) ? -1 : (int)fuzz_handle(fuzz, FUZZ_FD);
		break;
	default:
		for (size_t i = 0; i < (size + 7) / 8; i++) {
			if (!fuzz_below(fuzz, 3))
				arg[i] ^= 1ULL << fuzz_below(fuzz, 64);
		}
	}
	tame(fuzz, type, arg);
}

void fuzz_call(struct fuzz *fuzz)
{
	uint64_t arg[(ARG_MAX_SIZE + LARGER) / 8] = { };
	const struct fuzz_type *type;
	unsigned long request;
	int fd = fuzz->file->fd, ret;
	void *where = arg;
	unsigned int call;
	bool spoiled;

	fuzz_begin(fuzz);
	memset(fuzz->syncs, 0, FUZZ_SLOTS * FUZZ_SLOT * sizeof(*fuzz->syncs));
	fuzz->slots = FUZZ_SLOTS;
	fuzz->half = fuzz_below(fuzz, 2);
	call = fuzz_below(fuzz, FUZZ_CALLS);
	spoiled = !fuzz_below(fuzz, 3);
	type = &types[call];
	request = type->request;
	type->make(fuzz, arg);
	if (spoiled)
		spoil(fuzz, type, &request, arg, &fd);
	if (spoiled && !fuzz_below(fuzz, 16)) {
		size_t before = fuzz_below(fuzz, 16);

		/* Where it begins there is memory, or there is none at all. */
		where = fuzz_below(fuzz, 2) ? memcpy(fuzz->end - before, arg, before) :
			(void *)(uintptr_t)odd_value(fuzz);
	}
	fuzz_watch(fuzz);
	ret = ioctl(fd, request, where);
	if (ret < 0)
		ret = -errno;
	fuzz_seen(fuzz);
	if (ret < 0) {
		fuzz->result->failed[call]++;
		if (strange(-ret) && !fuzz->result->strange) {
			fuzz->result->strange = -ret;
			fuzz->result->strange_call = type->name;
		}
		return;
	}
	fuzz->result->succeeded[call]++;
	if (type->learn && where == arg && fd == fuzz->file->fd)
		type->learn(fuzz, arg);
}
