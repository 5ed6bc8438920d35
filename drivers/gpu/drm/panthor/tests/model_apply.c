// SPDX-License-Identifier: GPL-2.0-only
/* The reference model: what steps do, but for those of model_reclaim.c. */

#include <linux/bits.h>
#include <linux/string.h>

#include "model.h"

/**
 * model_queue_of() - Where a BO has to wait for eviction
 * @m: The model.
 * @bo: Its number.
 *
 * Context: Any.
 *
 * Return: An &enum model_queue.
 */
u8 model_queue_of(const struct model *m, u8 bo)
{
	const struct model_bo *b = &m->bo[bo];
	u8 live = 0, last = 0;

	if (!b->resident || model_pinned(m, bo))
		return MODEL_NOT_QUEUED;

	for (u8 vm = 0; vm < m->nr_vms; vm++) {
		if (b->map[vm] == MODEL_LIVE) {
			last = vm;
			live++;
		}
	}
	if (live > 1)
		return MODEL_SHARED;
	if (live)
		return MODEL_OF_VM + last;

	return b->mmaps ? MODEL_MMAPPED : MODEL_UNUSED;
}

/**
 * model_settle() - Put a BO last in the queue it belongs to
 * @m: The model.
 * @bo: Its number. Stays where it is if that is the right one.
 *
 * Context: Any.
 */
void model_settle(struct model *m, u8 bo)
{
	u8 queue = model_queue_of(m, bo);

	if (queue == m->bo[bo].queue)
		return;
	m->bo[bo].queue = queue;
	m->bo[bo].since = ++m->now;
}

/* What waits for its cleanup may be looked at now or then. */
static void settle(struct model *m, u8 bo)
{
	if (!(m->bind.left & BIT(bo)))
		model_settle(m, bo);
}

/* All that join their queues at once; in which order, is not said. */
static void settle_all(struct model *m, u32 bos)
{
	u32 now = m->now;

	for (u8 i = 0; i < m->nr_bos; i++) {
		if (!(bos & BIT(i)))
			continue;
		m->now = now;
		model_settle(m, i);
	}
	m->now = now + m->nr_bos;
}

static bool is_at(u8 place, u8 bo)
{
	return (place & ~MODEL_GONE) == bo + 1;
}

static bool mapped_in(const struct model *m, u8 vm, u8 bo)
{
	for (u8 slot = 0; slot < m->nr_bos; slot++)
		for (u8 part = 0; part < MODEL_PARTS; part++)
			if (is_at(m->place[vm][slot][part], bo))
				return true;

	return m->bind.stage == MODEL_QUEUED && m->bind.maps && m->bind.vm == vm &&
	       m->bind.bo == bo;
}

/* Returns those that lost their last mapping in the VM. */
static u32 let_go(struct model *m, u8 vm)
{
	u32 bos = 0;

	for (u8 i = 0; i < m->nr_bos; i++) {
		if (m->bo[i].map[vm] == MODEL_NOT_MAPPED || mapped_in(m, vm, i))
			continue;
		m->bo[i].map[vm] = MODEL_NOT_MAPPED;
		bos |= BIT(i);
	}

	return bos;
}

/* What is left to do for a VM is done behind each change of its mappings. */
static void end_of_change(struct model *m, u8 vm, u32 bos)
{
	if (m->bind.stage == MODEL_RAN && m->bind.vm == vm) {
		bos |= m->bind.left;
		m->bind.left = 0;
	}
	settle_all(m, bos);
}

/* A GPU mapping wants pages that the device can reach, pinned meanwhile. */
static void prepare(struct model *m, u8 bo)
{
	m->bo[bo].resident = true;
	m->bo[bo].dma = true;
	m->bo[bo].queue = MODEL_NOT_QUEUED;
}

static void place_bo(struct model *m, u8 vm, u8 slot, u8 bo, bool all)
{
	m->place[vm][slot][MODEL_HEAD] = bo + 1;
	if (all)
		m->place[vm][slot][MODEL_TAIL] = bo + 1;
	if (m->bo[bo].map[vm] == MODEL_NOT_MAPPED)
		m->bo[bo].map[vm] = MODEL_LIVE;
}

static void map(struct model *m, struct model_step step, u8 slot, bool all)
{
	u32 others;

	prepare(m, step.bo);
	place_bo(m, step.vm, slot, step.bo, all);
	others = let_go(m, step.vm);
	model_settle(m, step.bo);
	end_of_change(m, step.vm, others);
}

static void unmap(struct model *m, u8 vm, u8 slot, bool all)
{
	m->place[vm][slot][MODEL_HEAD] = 0;
	if (all)
		m->place[vm][slot][MODEL_TAIL] = 0;
}

static void new_vm(struct model *m, u8 vm)
{
	memset(m->place[vm], 0, sizeof(m->place[vm]));
	end_of_change(m, vm, let_go(m, vm));
}

/* All that come back with one job join their queues at once. */
static void submit(struct model *m, u8 vm)
{
	u32 back = 0;

	for (u8 i = 0; i < m->nr_bos; i++) {
		if (m->bo[i].map[vm] != MODEL_EVICTED)
			continue;
		m->bo[i].resident = true;
		m->bo[i].dma = true;
		m->bo[i].map[vm] = MODEL_LIVE;
		for (u8 slot = 0; slot < m->nr_bos; slot++)
			for (u8 part = 0; part < MODEL_PARTS; part++)
				if (is_at(m->place[vm][slot][part], i))
					m->place[vm][slot][part] &= ~MODEL_GONE;
		back |= BIT(i);
	}
	settle_all(m, back & ~m->bind.left);
}

static void job_runs(struct model *m, u8 vm)
{
	submit(m, vm);
	m->jobs |= BIT(vm);
	for (u8 i = 0; i < m->nr_bos; i++)
		if (m->bo[i].map[vm] != MODEL_NOT_MAPPED)
			m->bo[i].busy |= BIT(vm);
}

static void job_ends(struct model *m, u8 vm)
{
	m->jobs &= ~BIT(vm);
	for (u8 i = 0; i < m->nr_bos; i++)
		m->bo[i].busy &= ~BIT(vm);
}

static void bind_queue(struct model *m, struct model_step step)
{
	m->bind = (struct model_bind) {
		.stage = MODEL_QUEUED,
		.maps = step.op == MODEL_BIND_MAP,
		.bo = step.bo,
		.vm = step.vm,
	};
	if (!m->bind.maps)
		return;

	prepare(m, step.bo);
	if (m->bo[step.bo].map[step.vm] == MODEL_NOT_MAPPED)
		m->bo[step.bo].map[step.vm] = MODEL_LIVE;
	model_settle(m, step.bo);
}

static void bind_run(struct model *m)
{
	struct model_bind *bind = &m->bind;

	if (bind->maps)
		place_bo(m, bind->vm, bind->bo, bind->bo, true);
	else
		unmap(m, bind->vm, bind->bo, true);
	bind->stage = MODEL_RAN;
	bind->left = let_go(m, bind->vm);
}

static void bind_cleanup(struct model *m)
{
	struct model_bind bind = m->bind;

	memset(&m->bind, 0, sizeof(m->bind));
	if (bind.maps)
		model_settle(m, bind.bo);
	settle_all(m, bind.left);
}

static void apply_vm(struct model *m, struct model_step step)
{
	switch ((enum model_op)step.op) {
	case MODEL_NEW_VM:
		new_vm(m, step.vm);
		break;
	case MODEL_MAP:
		map(m, step, step.bo, true);
		break;
	case MODEL_MAP_OVER:
		map(m, step, (step.bo + 1) % m->nr_bos, false);
		break;
	case MODEL_UNMAP:
	case MODEL_UNMAP_PART:
		unmap(m, step.vm, step.bo, step.op == MODEL_UNMAP);
		end_of_change(m, step.vm, let_go(m, step.vm));
		break;
	case MODEL_SUBMIT:
		submit(m, step.vm);
		break;
	case MODEL_RUN:
		job_runs(m, step.vm);
		break;
	case MODEL_SIGNAL:
		job_ends(m, step.vm);
		break;
	case MODEL_BIND_MAP:
	case MODEL_BIND_UNMAP:
		bind_queue(m, step);
		break;
	default:
		break;
	}
}

/* What a step leaves behind that fails on the way. */
static void apply_failure(struct model *m, struct model_step step)
{
	struct model_bo *bo = &m->bo[step.bo];
	u8 queue = bo->queue;
	u32 since = bo->since;

	switch ((enum model_op)step.op) {
	case MODEL_MAP_NO_DMA:
	case MODEL_VMAP_NO_DMA:
		/* The pages remain, pinned for a moment. */
		bo->resident = true;
		bo->queue = MODEL_NOT_QUEUED;
		model_settle(m, step.bo);
		break;
	case MODEL_VMAP_FAILS:
	case MODEL_MAP_NO_VM_BO:
	case MODEL_MAP_NO_TABLES:
	case MODEL_BIND_FAILS:
		prepare(m, step.bo);
		model_settle(m, step.bo);
		break;
	default:
		break;
	}

	if (bo->since != since && bo->queue == queue)
		bo->was = since + 1;

	switch ((enum model_op)step.op) {
	case MODEL_MAP_NO_DMA:
	case MODEL_MAP_NO_VM_BO:
	case MODEL_MAP_NO_TABLES:
	case MODEL_UNMAP_FAILS:
	case MODEL_BIND_FAILS:
		end_of_change(m, step.vm, 0);
		break;
	default:
		break;
	}
}

static void touch(struct model *m, u8 bo)
{
	struct model_bo *b = &m->bo[bo];

	if (!b->resident || !(m->defects & BIT(MODEL_D2)))
		b->dma = true;
	b->resident = true;
}

static void apply_cpu(struct model *m, struct model_step step)
{
	struct model_bo *bo = &m->bo[step.bo];

	switch ((enum model_op)step.op) {
	case MODEL_CREATE:
		bo->open = true;
		break;
	case MODEL_CLOSE:
		bo->open = false;
		break;
	case MODEL_PIN:
		bo->resident = true;
		bo->pins++;
		break;
	case MODEL_UNPIN:
		bo->pins--;
		break;
	case MODEL_VMAP:
		bo->resident = true;
		bo->dma = true;
		bo->vmaps++;
		break;
	case MODEL_VUNMAP:
		bo->vmaps--;
		break;
	case MODEL_MMAP:
		bo->cut &= ~BIT(bo->mmaps);
		bo->mmaps++;
		break;
	case MODEL_MUNMAP:
		bo->mmaps--;
		bo->cut &= ~BIT(bo->mmaps);
		break;
	case MODEL_CUT:
		bo->cut |= BIT(bo->mmaps - 1);
		break;
	case MODEL_TOUCH:
		touch(m, step.bo);
		break;
	case MODEL_ATTACH:
		bo->resident = true;
		bo->attached = true;
		break;
	case MODEL_DETACH:
		bo->attached = false;
		break;
	default:
		return;
	}
	settle(m, step.bo);
}

/**
 * model_apply() - Apply a step that is not reclaim
 * @m: The model.
 * @step: The step; model_allows() it.
 *
 * Context: Any.
 */
void model_apply(struct model *m, struct model_step step)
{
	if (step.op > MODEL_SHRINK_VM_HELD)
		apply_failure(m, step);
	else if (step.op == MODEL_BIND_RUN)
		bind_run(m);
	else if (step.op == MODEL_BIND_CLEANUP)
		bind_cleanup(m);
	else if (model_op_has_vm(step.op))
		apply_vm(m, step);
	else
		apply_cpu(m, step);

	/* Nothing is left of what nobody holds. */
	for (u8 i = 0; i < m->nr_bos; i++) {
		if (model_alive(m, i))
			continue;
		memset(&m->bo[i], 0, sizeof(m->bo[i]));
		m->bo[i].queue = MODEL_NOT_QUEUED;
	}
}

/**
 * model_left_open() - Whether a step may leave pages behind, or not
 * @m: The model before it.
 * @step: The step.
 *
 * A touch or a restore that fails may keep the pages it got before, or give them
 * back. If it keeps them, reclaim has to find them.
 *
 * Context: Any.
 *
 * Return: true if both are right.
 */
bool model_left_open(const struct model *m, struct model_step step)
{
	return step.op == MODEL_TOUCH_NO_DMA || step.op == MODEL_SUBMIT_NO_DMA ||
	       step.op == MODEL_SUBMIT_NO_TABLES;
}

static bool restores_pages(const struct model *m, u8 vm)
{
	for (u8 i = 0; i < m->nr_bos; i++)
		if (m->bo[i].map[vm] == MODEL_EVICTED && !m->bo[i].resident)
			return true;

	return false;
}

/* One VM's before, another one's now, and nothing in between. */
static bool changes_vm(const struct model *m, struct model_step step)
{
	struct model after = *m;

	if (m->bind.stage != MODEL_RAN || !m->bind.left)
		return false;

	model_apply(&after, step);
	for (u8 i = 0; i < m->nr_bos; i++) {
		u8 is = after.bo[i].queue, due = model_queue_of(&after, i);

		if (after.bind.left & BIT(i) && is >= MODEL_OF_VM && is < MODEL_SHARED &&
		    due >= MODEL_OF_VM && due < MODEL_SHARED && is != due)
			return true;
	}

	return false;
}

/**
 * model_meets() - Which defect of the stock driver a step would meet
 * @m: The model before it.
 * @step: The step; model_allows() it.
 *
 * All but MODEL_D2 leave behind what is wrong; with that one, the model follows.
 *
 * Context: Any.
 *
 * Return: The first of those in @m->defects, or MODEL_DEFECTS.
 */
enum model_defect model_meets(const struct model *m, struct model_step step)
{
	const struct model_bo *bo = &m->bo[step.bo];
	enum model_defect met = MODEL_DEFECTS;

	if (step.op == MODEL_TOUCH && bo->cut & BIT(bo->mmaps - 1))
		met = MODEL_D50;
	else if (step.op == MODEL_TOUCH && bo->resident && !bo->dma)
		met = MODEL_D2;
	else if (step.op == MODEL_TOUCH_NO_DMA ||
		 (step.op == MODEL_SUBMIT_NO_DMA && restores_pages(m, step.vm)))
		met = MODEL_D1;
	else if (step.op == MODEL_SUBMIT_NO_TABLES && restores_pages(m, step.vm))
		met = MODEL_D43;
	else if ((step.op == MODEL_SUBMIT || step.op == MODEL_RUN) && changes_vm(m, step))
		met = MODEL_D30;

	return met != MODEL_DEFECTS && m->defects & BIT(met) ? met : MODEL_DEFECTS;
}

/**
 * model_defect_name() - Name of a defect in stock-defects.rst
 * @defect: The defect.
 *
 * Context: Any.
 *
 * Return: A static string.
 */
const char *model_defect_name(enum model_defect defect)
{
	static const char * const names[MODEL_DEFECTS] = { "D1", "D2", "D30", "D43", "D50" };

	return names[defect];
}
