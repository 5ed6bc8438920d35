// SPDX-License-Identifier: GPL-2.0-only
/* Operations of the stress: the CPU's side, reclaim, and life of objects. */

#include <linux/dma-buf.h>
#include <linux/err.h>
#include <linux/iosys-map.h>
#include <linux/sched/mm.h>
#include <linux/shrinker.h>
#include <linux/sizes.h>
#include <linux/uaccess.h>

#include <drm/drm_file.h>
#include <drm/drm_gem.h>
#include <drm/panthor_drm.h>

#include "fixture.h"
#include "stress.h"
#include "vm_walk.h"

/**
 * stress_pick() - Choose one of several
 * @t: The thread.
 * @n: Number of choices.
 *
 * Context: The thread.
 *
 * Return: A number below @n.
 */
u32 stress_pick(struct stress_thread *t, u32 n)
{
	return prandom_u32_state(&t->rnd) % n;
}

/* Few holds at a time: a BO that somebody holds is not evicted. */
static bool stress_drops(struct stress_thread *t)
{
	return stress_pick(t, 4);
}

static void op_pin(struct stress_thread *t)
{
	struct panthor_gem_object *bo = t->stress->bo[stress_pick(t, STRESS_BOS)];
	int ret;

	if (t->pinned) {
		if (stress_drops(t)) {
			panthor_gem_unpin(t->pinned);
			t->pinned = NULL;
		}
		return;
	}

	stress_enter(t->stress, STRESS_PIN);
	ret = panthor_gem_pin(bo);
	stress_leave(t->stress, STRESS_PIN);
	if (ret)
		stress_error(t, "pin: %d", ret);
	else if (!READ_ONCE(bo->backing.pages))
		stress_error(t, "pinned, and no pages");
	else
		t->pinned = bo;
}

static u32 *stress_word(struct stress_thread *t, void *vaddr, unsigned int page)
{
	return vaddr + page * PAGE_SIZE + t->id * sizeof(u32);
}

/**
 * stress_check_content() - Look for what the thread wrote last
 * @t: The thread.
 * @bo: Number of the BO.
 * @vaddr: Its content.
 *
 * Each thread has a word per page, so none has to know of the others.
 *
 * Context: Any thread, as long as @t does not change the content.
 */
void stress_check_content(struct stress_thread *t, unsigned int bo, void *vaddr)
{
	for (unsigned int page = 0; page < BO_PAGES; page++) {
		u32 is = READ_ONCE(*stress_word(t, vaddr, page));

		if (is != t->stamp[bo][page])
			stress_error(t, "BO %u page %u: %#x, %#x was written", bo, page, is,
				     t->stamp[bo][page]);
	}
}

static void stress_vunmap(struct stress_thread *t)
{
	struct iosys_map map = IOSYS_MAP_INIT_VADDR(t->vaddr);

	stress_check_content(t, t->vmapped, t->vaddr);
	drm_gem_vunmap(&t->stress->bo[t->vmapped]->base, &map);
	t->vmapped = -1;
}

static void op_vmap(struct stress_thread *t)
{
	unsigned int i = stress_pick(t, STRESS_BOS);
	struct panthor_gem_object *bo = t->stress->bo[i];
	struct iosys_map map;
	bool evicted;
	int ret;

	if (t->vmapped >= 0) {
		if (stress_drops(t))
			stress_vunmap(t);
		return;
	}

	stress_enter(t->stress, STRESS_PIN);
	evicted = !READ_ONCE(bo->backing.pages) && atomic_read(&bo->reclaimed_count);
	ret = drm_gem_vmap(&bo->base, &map);
	stress_leave(t->stress, STRESS_PIN);
	if (ret) {
		stress_error(t, "vmap: %d", ret);
		return;
	}

	t->vmapped = i;
	t->vaddr = map.vaddr;
	stress_check_content(t, i, t->vaddr);
	if (evicted)
		atomic_inc(&t->stress->swapped_in);
	for (unsigned int page = 0; page < BO_PAGES; page++) {
		t->stamp[i][page] = prandom_u32_state(&t->rnd);
		WRITE_ONCE(*stress_word(t, t->vaddr, page), t->stamp[i][page]);
	}
}

static void stress_detach(struct stress_thread *t)
{
	dma_buf_unmap_attachment_unlocked(t->attach, t->sgt, DMA_BIDIRECTIONAL);
	dma_buf_detach(t->attach->dmabuf, t->attach);
	t->attach = NULL;
}

static void op_attach(struct stress_thread *t)
{
	struct dma_buf *buf = t->stress->buf[stress_pick(t, STRESS_BOS)];
	struct dma_buf_attachment *attach;
	struct sg_table *sgt;

	if (t->attach) {
		if (stress_drops(t))
			stress_detach(t);
		return;
	}
	if (!buf)
		return;

	stress_enter(t->stress, STRESS_PIN);
	attach = dma_buf_attach(buf, t->dev);
	stress_leave(t->stress, STRESS_PIN);
	if (IS_ERR(attach)) {
		stress_error(t, "attach: %pe", attach);
		return;
	}

	sgt = dma_buf_map_attachment_unlocked(attach, DMA_BIDIRECTIONAL);
	if (IS_ERR(sgt)) {
		stress_error(t, "map of attachment: %pe", sgt);
		dma_buf_detach(buf, attach);
		return;
	}
	t->attach = attach;
	t->sgt = sgt;
}

static void op_sync(struct stress_thread *t)
{
	struct panthor_gem_object *bo = t->stress->bo[stress_pick(t, STRESS_BOS)];
	int ret;

	ret = panthor_gem_sync(&bo->base, DRM_PANTHOR_BO_SYNC_CPU_CACHE_FLUSH_AND_INVALIDATE,
			       stress_pick(t, BO_PAGES) * PAGE_SIZE, PAGE_SIZE);
	if (ret)
		stress_error(t, "sync: %d", ret);
}

static gfp_t stress_gfp(struct stress_thread *t)
{
	static const gfp_t gfps[] = { GFP_KERNEL, GFP_NOFS, GFP_NOWAIT, GFP_ATOMIC };

	return gfps[stress_pick(t, ARRAY_SIZE(gfps))];
}

static void op_scan(struct stress_thread *t)
{
	struct shrinker *shrinker = to_panthor_kunit(t->stress->test)->ptdev->reclaim.shrinker;
	struct shrink_control sc = {
		.gfp_mask = stress_gfp(t),
		.nr_to_scan = stress_pick(t, 4) ? BO_PAGES + stress_pick(t, 32) : EVERYTHING,
	};
	unsigned int noreclaim = memalloc_noreclaim_save();
	unsigned long ret;

	stress_enter(t->stress, STRESS_SCAN);
	fs_reclaim_acquire(GFP_KERNEL);
	ret = shrinker->scan_objects(shrinker, &sc);
	fs_reclaim_release(GFP_KERNEL);
	stress_leave(t->stress, STRESS_SCAN);
	memalloc_noreclaim_restore(noreclaim);

	if (ret != SHRINK_STOP)
		atomic_long_add(ret, &t->stress->reported);
}

static void op_count(struct stress_thread *t)
{
	struct shrinker *shrinker = to_panthor_kunit(t->stress->test)->ptdev->reclaim.shrinker;
	struct shrink_control sc = { .gfp_mask = stress_gfp(t) };

	fs_reclaim_acquire(GFP_KERNEL);
	shrinker->count_objects(shrinker, &sc);
	fs_reclaim_release(GFP_KERNEL);
}

/* A BO that nobody else knows, and reclaim finds nevertheless. */
static struct panthor_gem_object *stress_create(struct stress_thread *t)
{
	struct panthor_kunit *ctx = to_panthor_kunit(t->stress->test);
	struct drm_gem_object *obj;
	u64 size = BO_SIZE;
	u32 handle;
	int ret;

	ret = panthor_gem_create_with_handle(ctx->file, &ctx->ptdev->base, NULL, &size, 0,
					     &handle);
	if (ret) {
		stress_error(t, "create: %d", ret);
		return NULL;
	}

	obj = drm_gem_object_lookup(ctx->file, handle);
	drm_gem_handle_delete(ctx->file, handle);
	atomic_long_add(BO_PAGES, &t->stress->unseen);

	return obj ? to_panthor_bo(obj) : NULL;
}

static void op_create(struct stress_thread *t)
{
	struct panthor_gem_object *bo = stress_create(t);
	int ret;

	if (!bo)
		return;

	stress_enter(t->stress, STRESS_PIN);
	ret = panthor_gem_pin(bo);
	stress_leave(t->stress, STRESS_PIN);
	if (ret)
		stress_error(t, "pin of a new BO: %d", ret);
	else
		panthor_gem_unpin(bo);
	drm_gem_object_put(&bo->base);
}

static void stress_use_vm(struct stress_thread *t, struct panthor_vm *vm,
			  struct panthor_gem_object *bo)
{
	int ret;

	stress_enter(t->stress, STRESS_PIN);
	ret = panthor_vm_map_bo_range(vm, bo, 0, BO_SIZE, VA(0), 0);
	stress_leave(t->stress, STRESS_PIN);
	if (ret)
		stress_error(t, "map into a new VM: %d", ret);
	ret = panthor_vm_unmap_range(vm, 0, PANTHOR_KUNIT_VA_USER);
	if (ret)
		stress_error(t, "unmap from a new VM: %d", ret);
}

static void op_vm(struct stress_thread *t)
{
	struct panthor_gem_object *bo = stress_create(t);
	struct panthor_vm *vm;

	if (!bo)
		return;

	vm = panthor_vm_create(to_panthor_kunit(t->stress->test)->ptdev, false,
			       PANTHOR_KUNIT_VA_USER, PANTHOR_KUNIT_VA_KERNEL,
			       PANTHOR_KUNIT_VA_USER, PANTHOR_KUNIT_VA_KERNEL);
	if (IS_ERR(vm)) {
		stress_error(t, "VM: %pe", vm);
	} else {
		stress_use_vm(t, vm, bo);
		stress_enter(t->stress, STRESS_VM_PUT);
		panthor_vm_put(vm);
		stress_leave(t->stress, STRESS_VM_PUT);
	}
	drm_gem_object_put(&bo->base);
}

static void op_mmap(struct stress_thread *t)
{
	unsigned int i = stress_pick(t, STRESS_BOS);

	stress_enter(t->stress, STRESS_USER_MAP);
	if (t->addr[i]) {
		panthor_kunit_munmap(t->stress->test, t->addr[i], BO_SIZE);
		t->addr[i] = 0;
	} else {
		t->addr[i] = panthor_kunit_mmap(t->stress->test, t->stress->bo[i]);
	}
	stress_leave(t->stress, STRESS_USER_MAP);
}

static void op_touch(struct stress_thread *t)
{
	unsigned int i = stress_pick(t, STRESS_BOS), page = stress_pick(t, BO_PAGES);
	u32 __user *word, is;

	if (!t->addr[i])
		return;

	word = (u32 __user *)stress_word(t, (void *)t->addr[i], page);
	if (get_user(is, word)) {
		stress_error(t, "touch of BO %u faults", i);
		return;
	}
	if (is != t->stamp[i][page])
		stress_error(t, "BO %u page %u: user reads %#x, %#x was written", i, page, is,
			     t->stamp[i][page]);
	t->stamp[i][page] = prandom_u32_state(&t->rnd);
	if (put_user(t->stamp[i][page], word))
		stress_error(t, "store to BO %u faults", i);
}

/**
 * stress_let_go() - Drop pins, kernel mappings and attachments of a thread
 * @t: The thread.
 *
 * Context: The thread, or the test's when @t does nothing.
 */
void stress_let_go(struct stress_thread *t)
{
	if (t->pinned)
		panthor_gem_unpin(t->pinned);
	t->pinned = NULL;
	if (t->vmapped >= 0)
		stress_vunmap(t);
	if (t->attach)
		stress_detach(t);
}

static const struct {
	const char *name;
	void (*fn)(struct stress_thread *t);
} stress_table[STRESS_OPS] = {
	[STRESS_OP_PIN] = { "pin", op_pin },
	[STRESS_OP_VMAP] = { "vmap", op_vmap },
	[STRESS_OP_ATTACH] = { "attach", op_attach },
	[STRESS_OP_SYNC] = { "sync", op_sync },
	[STRESS_OP_BIND] = { "bind", stress_op_bind },
	[STRESS_OP_BIND_JOB] = { "bind_job", stress_op_bind_job },
	[STRESS_OP_JOB] = { "job", stress_op_job },
	[STRESS_OP_SHARED_BIND] = { "shared_bind", stress_op_shared_bind },
	[STRESS_OP_SHARED_JOB] = { "shared_job", stress_op_shared_job },
	[STRESS_OP_SCAN] = { "scan", op_scan },
	[STRESS_OP_COUNT] = { "count", op_count },
	[STRESS_OP_CREATE] = { "create", op_create },
	[STRESS_OP_VM] = { "vm", op_vm },
	[STRESS_OP_MMAP] = { "mmap", op_mmap },
	[STRESS_OP_TOUCH] = { "touch", op_touch },
};

/**
 * stress_op_name() - Name of an operation
 * @op: The operation.
 *
 * Context: Any.
 *
 * Return: A static string.
 */
const char *stress_op_name(enum stress_op op)
{
	return stress_table[op].name;
}

/**
 * stress_do() - Do one operation
 * @t: The thread.
 *
 * Context: The thread.
 */
void stress_do(struct stress_thread *t)
{
	/* Only the test's thread has user mappings. */
	unsigned int nr = t->id ? STRESS_OP_MMAP : STRESS_OPS;
	unsigned int sum = 0, op = 0, at;

	for (unsigned int i = 0; i < nr; i++)
		sum += t->stress->weight[i];
	at = stress_pick(t, sum);
	while (at >= t->stress->weight[op])
		at -= t->stress->weight[op++];

	stress_table[op].fn(t);
	atomic_inc(&t->stress->done[op]);
	atomic_inc(&t->stress->all_done);
	wake_up_all(&t->stress->rooms);
}
