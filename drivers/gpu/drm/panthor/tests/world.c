// SPDX-License-Identifier: GPL-2.0-only
/* The driver's objects for a model's, and what steps do to them: the CPU's side. */

#include <linux/dma-buf.h>
#include <linux/dma-fence.h>
#include <linux/err.h>
#include <linux/file.h>
#include <linux/iosys-map.h>
#include <linux/uaccess.h>

#include <drm/drm_file.h>
#include <drm/drm_gem.h>
#include <drm/drm_prime.h>

#include <kunit/resource.h>

#include "bind.h"
#include "fixture.h"
#include "foreign.h"
#include "seam.h"
#include "world.h"

/**
 * world_differs() - Note that driver and model do not agree
 * @w: The world.
 * @fmt: In what. The first one counts.
 *
 * Context: Test thread.
 */
void world_differs(struct world *w, const char *fmt, ...)
{
	va_list args;

	if (w->why[0])
		return;
	va_start(args, fmt);
	vscnprintf(w->why, sizeof(w->why), fmt, args);
	va_end(args);
}

/**
 * world_expect() - Compare what a call returned
 * @w: The world.
 * @ret: The result.
 * @expected: What it has to be.
 *
 * Context: Test thread.
 */
void world_expect(struct world *w, long ret, long expected)
{
	if (ret != expected)
		world_differs(w, "returns %ld, not %ld", ret, expected);
}

static struct drm_file *world_file(struct world *w)
{
	return to_panthor_kunit(w->test)->file;
}

static int create(struct world *w, u8 i)
{
	struct world_bo *b = &w->bo[i];
	struct drm_gem_object *obj;
	u64 size = w->size;
	int ret;

	ret = panthor_gem_create_with_handle(world_file(w), &w->ptdev->base, NULL, &size, 0,
					     &b->handle);
	if (ret) {
		b->handle = 0;
		return ret;
	}
	obj = drm_gem_object_lookup(world_file(w), b->handle);
	b->bo = to_panthor_bo(obj);
	/* The handle keeps it, and nothing else. */
	drm_gem_object_put(obj);
	b->word[MODEL_HEAD] = 0;
	b->word[MODEL_TAIL] = 0;
	b->reclaimed = 0;

	return 0;
}

static void close_handle(struct world *w, struct world_bo *b)
{
	drm_gem_handle_delete(world_file(w), b->handle);
	b->handle = 0;
	/* That of an exported BO lets go of a file, which kernel threads do later. */
	flush_delayed_fput();
}

static int pin(struct world *w, struct world_bo *b)
{
	int ret = panthor_gem_pin(b->bo);

	if (ret)
		return ret;
	b->pins++;
	panthor_kunit_count_pins(w->test, b->bo, 1);

	return 0;
}

static void unpin(struct world *w, struct world_bo *b)
{
	panthor_gem_unpin(b->bo);
	b->pins--;
	panthor_kunit_count_pins(w->test, b->bo, -1);
}

/* Writes a new word after checking that the last one is still there. */
static void use_word(struct world *w, struct world_bo *b, enum model_part part, u32 *word)
{
	if (*word != b->word[part])
		world_differs(w, "the kernel reads %#x, %#x was written", *word, b->word[part]);
	b->word[part] = ++w->words;
	*word = b->word[part];
}

static int vmap_bo(struct world *w, struct world_bo *b)
{
	struct iosys_map map;
	int ret = drm_gem_vmap(&b->bo->base, &map);

	if (ret)
		return ret;
	b->vmaps++;
	for (u8 part = 0; part < MODEL_PARTS; part++)
		use_word(w, b, part, map.vaddr + part * PAGE_SIZE);

	return 0;
}

static void vunmap_bo(struct world_bo *b)
{
	struct iosys_map map = IOSYS_MAP_INIT_VADDR(b->bo->cmap.vaddr);

	drm_gem_vunmap(&b->bo->base, &map);
	b->vmaps--;
}

static bool is_cut(const struct world_bo *b)
{
	return b->cut & BIT(b->mmaps - 1);
}

/* Nothing else may be unmapped: what was cut off may be another mapping's now. */
static void munmap_bo(struct world *w, struct world_bo *b)
{
	unsigned long gone = is_cut(b) ? PAGE_SIZE : 0;

	panthor_kunit_munmap(w->test, b->addr[b->mmaps - 1] + gone, w->size - gone);
	b->mmaps--;
	b->cut &= ~BIT(b->mmaps);
}

/* The last mapping; one that was cut has no first part. */
static void touch(struct world *w, struct world_bo *b, int expected)
{
	for (u8 part = is_cut(b) ? MODEL_TAIL : MODEL_HEAD; part < MODEL_PARTS; part++) {
		unsigned long addr = b->addr[b->mmaps - 1] + part * PAGE_SIZE;
		u32 __user *p = (u32 __user *)addr;
		int ret;
		u32 word;

		ret = get_user(word, p);
		world_expect(w, ret, expected);
		if (ret)
			return;
		if (word != b->word[part])
			world_differs(w, "user reads %#x, %#x was written", word, b->word[part]);
		b->word[part] = ++w->words;
		world_expect(w, put_user(b->word[part], p), 0);
	}
}

static void detach(struct world_bo *b)
{
	if (b->sgt)
		dma_buf_unmap_attachment_unlocked(b->attach, b->sgt, DMA_BIDIRECTIONAL);
	dma_buf_detach(b->buf, b->attach);
	b->attach = NULL;
	b->sgt = NULL;
	dma_buf_put(b->buf);
	b->buf = NULL;
	flush_delayed_fput();
}

static long attach(struct world *w, struct world_bo *b)
{
	struct dma_buf_attachment *attach;
	struct sg_table *sgt;
	struct dma_buf *buf;

	buf = drm_gem_prime_handle_to_dmabuf(&w->ptdev->base, world_file(w), b->handle,
					     DRM_CLOEXEC | DRM_RDWR);
	if (IS_ERR(buf))
		return PTR_ERR(buf);

	attach = dma_buf_attach(buf, w->other);
	if (IS_ERR(attach)) {
		dma_buf_put(buf);
		flush_delayed_fput();
		return PTR_ERR(attach);
	}
	b->buf = buf;
	b->attach = attach;
	sgt = dma_buf_map_attachment_unlocked(attach, DMA_BIDIRECTIONAL);
	if (IS_ERR(sgt))
		return PTR_ERR(sgt);
	b->sgt = sgt;

	return 0;
}

static void fails_to_touch(struct world *w, struct world_bo *b, enum panthor_seam_id seam)
{
	panthor_seam_fail_always(w->test, seam, -ENOSPC);
	touch(w, b, -EFAULT);
	if (!panthor_seam_fired(seam))
		world_differs(w, "does not get to %s", panthor_seam_name(seam));
	panthor_seam_disarm(seam);
}

static void step_failure(struct world *w, struct model_step step, struct world_bo *b)
{
	enum panthor_seam_id seam = SEAM_GET_PAGES;
	int err = -ENOSPC;
	long ret;

	if (step.op == MODEL_CREATE_FAILS) {
		seam = SEAM_GEM_OBJECT_INIT;
		err = -ENOMEM;
	} else if (step.op == MODEL_VMAP_FAILS) {
		seam = SEAM_VMAP;
		err = -ENOMEM;
	} else if (step.op == MODEL_VMAP_NO_DMA) {
		seam = SEAM_DMA_MAP;
		err = -EIO;
	}
	panthor_seam_fail_once(w->test, seam, err);
	if (step.op == MODEL_CREATE_FAILS)
		ret = create(w, step.bo);
	else if (step.op == MODEL_PIN_FAILS)
		ret = pin(w, b);
	else if (step.op == MODEL_ATTACH_FAILS)
		ret = attach(w, b);
	else
		ret = vmap_bo(w, b);
	world_expect(w, ret, err);
	if (!panthor_seam_fired(seam))
		world_differs(w, "does not get to %s", panthor_seam_name(seam));
	panthor_seam_disarm(seam);
}

static void cut(struct world *w, struct world_bo *b)
{
	panthor_kunit_munmap(w->test, b->addr[b->mmaps - 1], PAGE_SIZE);
	b->cut |= BIT(b->mmaps - 1);
}

static void step_cpu(struct world *w, struct model_step step, struct world_bo *b)
{
	switch ((enum model_op)step.op) {
	case MODEL_CREATE:
		world_expect(w, create(w, step.bo), 0);
		break;
	case MODEL_CLOSE:
		close_handle(w, b);
		break;
	case MODEL_PIN:
		world_expect(w, pin(w, b), 0);
		break;
	case MODEL_UNPIN:
		unpin(w, b);
		break;
	case MODEL_VMAP:
		world_expect(w, vmap_bo(w, b), 0);
		break;
	case MODEL_VUNMAP:
		vunmap_bo(b);
		break;
	case MODEL_MMAP:
		b->addr[b->mmaps++] = panthor_kunit_mmap(w->test, b->bo);
		break;
	case MODEL_MUNMAP:
		munmap_bo(w, b);
		break;
	case MODEL_CUT:
		cut(w, b);
		break;
	case MODEL_TOUCH:
		touch(w, b, 0);
		break;
	case MODEL_ATTACH:
		world_expect(w, attach(w, b), 0);
		break;
	case MODEL_DETACH:
		detach(b);
		break;
	case MODEL_TOUCH_FAILS:
		fails_to_touch(w, b, SEAM_GET_PAGES);
		break;
	case MODEL_TOUCH_NO_DMA:
		fails_to_touch(w, b, SEAM_DMA_MAP);
		break;
	default:
		step_failure(w, step, b);
		break;
	}
}

/**
 * world_step() - Do a step to the driver that is not reclaim
 * @w: The world. Told by world_differs() if the driver's answer is wrong.
 * @step: The step, allowed by the model.
 *
 * Context: Test thread.
 */
void world_step(struct world *w, struct model_step step)
{
	if (step.op == w->without)
		return;
	if (model_op_has_vm(step.op) || step.op == MODEL_BIND_RUN ||
	    step.op == MODEL_BIND_CLEANUP || step.op == MODEL_VM_FAILS)
		world_step_vm(w, step);
	else
		step_cpu(w, step, &w->bo[step.bo]);
}

/**
 * world_empty() - Undo everything
 * @w: The world. Its VMs are empty then, and there are no BOs.
 *
 * Context: Test thread.
 */
void world_empty(struct world *w)
{
	world_bind_end(w);
	for (u8 vm = 0; vm < w->nr_vms; vm++) {
		if (w->job[vm]) {
			dma_fence_signal(w->job[vm]);
			dma_fence_put(w->job[vm]);
			w->job[vm] = NULL;
		}
		if (w->dirty & BIT(vm) &&
		    panthor_vm_unmap_range(w->vm[vm], 0, PANTHOR_KUNIT_VA_USER))
			world_differs(w, "VM %u cannot be emptied", vm);
	}
	w->dirty = 0;

	for (u8 i = 0; i < w->nr_bos; i++) {
		struct world_bo *b = &w->bo[i];

		if (b->attach)
			detach(b);
		while (b->vmaps)
			vunmap_bo(b);
		while (b->pins)
			unpin(w, b);
		while (b->mmaps)
			munmap_bo(w, b);
		if (b->handle)
			close_handle(w, b);
		b->bo = NULL;
	}
}

/**
 * world_begin() - Begin anew: BOs without pages, VMs without mappings
 * @w: The world.
 *
 * Context: Test thread.
 */
void world_begin(struct world *w)
{
	world_empty(w);
	w->why[0] = '\0';
	/* So that the next scan is the first one. */
	atomic_set(&w->ptdev->reclaim.retry_count, 0);
	for (u8 i = 0; i < w->nr_bos; i++)
		KUNIT_ASSERT_EQ(w->test, create(w, i), 0);
}

static void world_end(void *data)
{
	struct world *w = data;

	world_empty(w);
	for (u8 vm = 0; vm < w->nr_vms; vm++)
		panthor_vm_put(w->vm[vm]);
}

/**
 * world_new() - Make what a model describes
 * @test: The test; releases everything when it ends.
 * @nr_bos: Number of BOs.
 * @nr_vms: Number of VMs.
 * @pages: Size of each BO, in pages.
 *
 * Context: Test thread. From here on waits for the GPU expire at once if they
 * would not end.
 *
 * Return: The world, empty but for its VMs; a failure aborts the test.
 */
struct world *world_new(struct kunit *test, u8 nr_bos, u8 nr_vms, u8 pages)
{
	struct world *w = kunit_kzalloc(test, sizeof(*w), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, w);
	w->test = test;
	w->ptdev = to_panthor_kunit(test)->ptdev;
	w->size = pages * PAGE_SIZE;
	w->nr_bos = nr_bos;
	w->without = MODEL_OPS;
	w->other = foreign_device(test, "panthor-kunit-other");
	panthor_seam_set_swap(test, 1);
	panthor_seam_fail_always(test, SEAM_FENCE_WAIT, PANTHOR_SEAM_NO_WAIT);
	/* For the address space that comes with a first mapping. */
	panthor_kunit_mmap(test, panthor_kunit_bo(test, PAGE_SIZE));
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, world_end, w), 0);
	for (; w->nr_vms < nr_vms; w->nr_vms++)
		world_new_vm(w, w->nr_vms);

	return w;
}
