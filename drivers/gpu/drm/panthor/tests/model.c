// SPDX-License-Identifier: GPL-2.0-only
/* The reference model: what there is, and what can happen to it. See model.h. */

#include <linux/bits.h>
#include <linux/string.h>

#include "model.h"

#define HAS_BO	BIT(0)
#define HAS_VM	BIT(1)
#define SHRINKS	BIT(2)

static const struct {
	const char *name;
	u8 is;
} model_ops[MODEL_OPS] = {
	[MODEL_CREATE] = { "create", HAS_BO },
	[MODEL_CLOSE] = { "close", HAS_BO },
	[MODEL_NEW_VM] = { "new_vm", HAS_VM },
	[MODEL_PIN] = { "pin", HAS_BO },
	[MODEL_UNPIN] = { "unpin", HAS_BO },
	[MODEL_VMAP] = { "vmap", HAS_BO },
	[MODEL_VUNMAP] = { "vunmap", HAS_BO },
	[MODEL_MMAP] = { "mmap", HAS_BO },
	[MODEL_MUNMAP] = { "munmap", HAS_BO },
	[MODEL_CUT] = { "cut", HAS_BO },
	[MODEL_TOUCH] = { "touch", HAS_BO },
	[MODEL_ATTACH] = { "attach", HAS_BO },
	[MODEL_DETACH] = { "detach", HAS_BO },
	[MODEL_MAP] = { "map", HAS_BO | HAS_VM },
	[MODEL_MAP_OVER] = { "map_over", HAS_BO | HAS_VM },
	[MODEL_UNMAP] = { "unmap", HAS_BO | HAS_VM },
	[MODEL_UNMAP_PART] = { "unmap_part", HAS_BO | HAS_VM },
	[MODEL_SUBMIT] = { "submit", HAS_VM },
	[MODEL_RUN] = { "run", HAS_VM },
	[MODEL_SIGNAL] = { "signal", HAS_VM },
	[MODEL_BIND_MAP] = { "bind_map", HAS_BO | HAS_VM },
	[MODEL_BIND_UNMAP] = { "bind_unmap", HAS_BO | HAS_VM },
	[MODEL_BIND_RUN] = { "bind_run" },
	[MODEL_BIND_CLEANUP] = { "bind_cleanup" },
	[MODEL_SHRINK_ONE] = { "shrink_one", SHRINKS },
	[MODEL_SHRINK_MORE] = { "shrink_more", SHRINKS },
	[MODEL_SHRINK_ALL] = { "shrink_all", SHRINKS },
	[MODEL_SHRINK_NOWAIT] = { "shrink_nowait", SHRINKS },
	[MODEL_SHRINK_KSWAPD] = { "shrink_kswapd", SHRINKS },
	[MODEL_SHRINK_NO_SWAP] = { "shrink_no_swap", SHRINKS },
	[MODEL_SHRINK_TIMEOUT] = { "shrink_timeout", SHRINKS },
	[MODEL_SHRINK_BO_HELD] = { "shrink_bo_held", SHRINKS | HAS_BO },
	[MODEL_SHRINK_VM_HELD] = { "shrink_vm_held", SHRINKS | HAS_VM },
	[MODEL_CREATE_FAILS] = { "create_fails", HAS_BO },
	[MODEL_VM_FAILS] = { "vm_fails" },
	[MODEL_PIN_FAILS] = { "pin_fails", HAS_BO },
	[MODEL_VMAP_FAILS] = { "vmap_fails", HAS_BO },
	[MODEL_VMAP_NO_DMA] = { "vmap_no_dma", HAS_BO },
	[MODEL_TOUCH_FAILS] = { "touch_fails", HAS_BO },
	[MODEL_TOUCH_NO_DMA] = { "touch_no_dma", HAS_BO },
	[MODEL_ATTACH_FAILS] = { "attach_fails", HAS_BO },
	[MODEL_MAP_NO_PAGES] = { "map_no_pages", HAS_BO | HAS_VM },
	[MODEL_MAP_NO_DMA] = { "map_no_dma", HAS_BO | HAS_VM },
	[MODEL_MAP_NO_VM_BO] = { "map_no_vm_bo", HAS_BO | HAS_VM },
	[MODEL_MAP_NO_TABLES] = { "map_no_tables", HAS_BO | HAS_VM },
	[MODEL_UNMAP_FAILS] = { "unmap_fails", HAS_BO | HAS_VM },
	[MODEL_BIND_FAILS] = { "bind_fails", HAS_BO | HAS_VM },
	[MODEL_SUBMIT_NO_PAGES] = { "submit_no_pages", HAS_VM },
	[MODEL_SUBMIT_NO_DMA] = { "submit_no_dma", HAS_VM },
	[MODEL_SUBMIT_NO_TABLES] = { "submit_no_tables", HAS_VM },
};

/**
 * model_op_name() - Name of an operation
 * @op: The operation.
 *
 * Context: Any.
 *
 * Return: A static string.
 */
const char *model_op_name(enum model_op op)
{
	return model_ops[op].name;
}

/**
 * model_op_has_bo() - Whether an operation is about one BO
 * @op: The operation.
 *
 * Context: Any.
 *
 * Return: true if it is.
 */
bool model_op_has_bo(enum model_op op)
{
	return model_ops[op].is & HAS_BO;
}

/**
 * model_op_has_vm() - Whether an operation is about one VM
 * @op: The operation.
 *
 * Context: Any.
 *
 * Return: true if it is.
 */
bool model_op_has_vm(enum model_op op)
{
	return model_ops[op].is & HAS_VM;
}

/**
 * model_op_shrinks() - Whether an operation is reclaim
 * @op: The operation.
 *
 * Context: Any.
 *
 * Return: true if it is.
 */
bool model_op_shrinks(enum model_op op)
{
	return model_ops[op].is & SHRINKS;
}

/**
 * model_init() - Open buffers without pages, VMs without mappings
 * @m: The model.
 * @nr_bos: Buffers.
 * @nr_vms: VMs.
 * @max_holds: Most pins, kernel and user mappings of each kind per BO.
 * @pages: Size of each BO, in pages; at least 2.
 *
 * Context: Any.
 */
void model_init(struct model *m, u8 nr_bos, u8 nr_vms, u8 max_holds, u8 pages)
{
	memset(m, 0, sizeof(*m));
	m->nr_bos = nr_bos;
	m->nr_vms = nr_vms;
	m->max_holds = max_holds;
	m->pages = pages;
	for (u8 i = 0; i < nr_bos; i++) {
		m->bo[i].open = true;
		m->bo[i].queue = MODEL_NOT_QUEUED;
	}
}

static bool job_holds(const struct model *m, u8 bo)
{
	return m->bind.stage != MODEL_NO_JOB && m->bind.maps && m->bind.bo == bo;
}

/**
 * model_pinned() - Whether something keeps a BO's pages
 * @m: The model.
 * @bo: Number of the BO.
 *
 * Context: Any.
 *
 * Return: true if there is a pin, whoever holds it.
 */
bool model_pinned(const struct model *m, u8 bo)
{
	const struct model_bo *b = &m->bo[bo];

	return b->pins || b->vmaps || b->attached || job_holds(m, bo);
}

/**
 * model_alive() - Whether a BO exists
 * @m: The model.
 * @bo: Its number.
 *
 * Context: Any.
 *
 * Return: true if a handle, a mapping or a job keeps it.
 */
bool model_alive(const struct model *m, u8 bo)
{
	const struct model_bo *b = &m->bo[bo];

	if (b->open || b->mmaps || job_holds(m, bo) || m->bind.left & BIT(bo))
		return true;
	for (u8 vm = 0; vm < m->nr_vms; vm++)
		if (b->map[vm] != MODEL_NOT_MAPPED)
			return true;

	return false;
}

/* The BO whose eviction a submission has to undo, if there is exactly one. */
static const struct model_bo *only_evicted(const struct model *m, u8 vm)
{
	const struct model_bo *only = NULL;

	for (u8 i = 0; i < m->nr_bos; i++) {
		if (m->bo[i].map[vm] != MODEL_EVICTED)
			continue;
		if (only)
			return NULL;
		only = &m->bo[i];
	}

	return only;
}

static bool any_gone(const struct model *m, u8 vm)
{
	for (u8 slot = 0; slot < m->nr_bos; slot++)
		for (u8 part = 0; part < MODEL_PARTS; part++)
			if (m->place[vm][slot][part] & MODEL_GONE)
				return true;

	return false;
}

static bool allows_bo(const struct model *m, struct model_step step)
{
	const struct model_bo *bo = &m->bo[step.bo];

	switch ((enum model_op)step.op) {
	case MODEL_CREATE:
	case MODEL_CREATE_FAILS:
		return !model_alive(m, step.bo);
	case MODEL_CLOSE:
		return bo->open && !bo->pins && !bo->vmaps && !bo->attached;
	case MODEL_PIN:
		return bo->open && bo->pins < m->max_holds;
	case MODEL_UNPIN:
		return bo->pins;
	case MODEL_VMAP:
		return bo->open && bo->vmaps < m->max_holds;
	case MODEL_VUNMAP:
		return bo->vmaps;
	case MODEL_MMAP:
		return bo->open && bo->mmaps < m->max_holds;
	case MODEL_CUT:
		return bo->mmaps && !(bo->cut & BIT(bo->mmaps - 1));
	case MODEL_MUNMAP:
	case MODEL_TOUCH:
		return bo->mmaps;
	case MODEL_ATTACH:
		return bo->open && !bo->attached;
	case MODEL_DETACH:
		return bo->attached;
	case MODEL_PIN_FAILS:
		return bo->open && !bo->resident;
	case MODEL_VMAP_FAILS:
		return bo->open && !bo->vmaps;
	case MODEL_VMAP_NO_DMA:
		return bo->open && !bo->vmaps && !bo->dma;
	case MODEL_TOUCH_FAILS:
	case MODEL_TOUCH_NO_DMA:
		return bo->mmaps && !bo->resident;
	case MODEL_ATTACH_FAILS:
		return bo->open && !bo->attached && !bo->resident;
	case MODEL_SHRINK_BO_HELD:
		return bo->queue != MODEL_NOT_QUEUED;
	default:
		return true;
	}
}

static bool allows_vm(const struct model *m, struct model_step step)
{
	const struct model_bo *bo = &m->bo[step.bo], *only;
	const u8 *slot = m->place[step.vm][step.bo];

	switch ((enum model_op)step.op) {
	case MODEL_NEW_VM:
		return m->bind.stage == MODEL_NO_JOB || m->bind.vm != step.vm;
	case MODEL_MAP:
	case MODEL_MAP_OVER:
	case MODEL_MAP_NO_VM_BO:
	case MODEL_MAP_NO_TABLES:
		return bo->open;
	case MODEL_MAP_NO_PAGES:
		return bo->open && !bo->resident;
	case MODEL_MAP_NO_DMA:
		return bo->open && !bo->dma;
	case MODEL_UNMAP:
		return slot[MODEL_HEAD] || slot[MODEL_TAIL];
	case MODEL_UNMAP_PART:
		return slot[MODEL_HEAD];
	case MODEL_UNMAP_FAILS:
		/* Of one mapping, so that something remains that wants tables. */
		return slot[MODEL_HEAD] && slot[MODEL_HEAD] == slot[MODEL_TAIL];
	case MODEL_RUN:
		return !(m->jobs & BIT(step.vm));
	case MODEL_SIGNAL:
		return m->jobs & BIT(step.vm);
	case MODEL_BIND_MAP:
	case MODEL_BIND_FAILS:
		return bo->open && m->bind.stage == MODEL_NO_JOB;
	case MODEL_BIND_UNMAP:
		return m->bind.stage == MODEL_NO_JOB && (slot[MODEL_HEAD] || slot[MODEL_TAIL]);
	case MODEL_SUBMIT_NO_PAGES:
		only = only_evicted(m, step.vm);
		return only && !only->resident;
	case MODEL_SUBMIT_NO_DMA:
		only = only_evicted(m, step.vm);
		return only && !only->dma;
	case MODEL_SUBMIT_NO_TABLES:
		return only_evicted(m, step.vm) && any_gone(m, step.vm);
	default:
		return true;
	}
}

static bool gpu_queued(const struct model *m)
{
	for (u8 i = 0; i < m->nr_bos; i++)
		if (m->bo[i].queue >= MODEL_OF_VM && m->bo[i].queue <= MODEL_SHARED)
			return true;

	return false;
}

static bool queued_in(const struct model *m, u8 vm)
{
	for (u8 i = 0; i < m->nr_bos; i++)
		if (m->bo[i].queue != MODEL_NOT_QUEUED && m->bo[i].map[vm] != MODEL_NOT_MAPPED)
			return true;

	return false;
}

/**
 * model_allows() - Whether a step makes sense now
 * @m: The model.
 * @step: The step.
 *
 * Context: Any.
 *
 * Return: true if the step can be applied.
 */
bool model_allows(const struct model *m, struct model_step step)
{
	switch ((enum model_op)step.op) {
	case MODEL_BIND_RUN:
		return m->bind.stage == MODEL_QUEUED;
	case MODEL_BIND_CLEANUP:
		return m->bind.stage == MODEL_RAN;
	case MODEL_SHRINK_TIMEOUT:
		return gpu_queued(m);
	case MODEL_SHRINK_VM_HELD:
		return queued_in(m, step.vm);
	default:
		break;
	}
	if (model_op_has_vm(step.op))
		return allows_vm(m, step);

	return allows_bo(m, step);
}
