// SPDX-License-Identifier: GPL-2.0-only
/* The reference model: whom reclaim takes, and what it reports. */

#include <linux/bitops.h>
#include <linux/limits.h>

#include "model.h"

/**
 * model_order() - Learn in which order two BOs joined at once were queued
 * @m: The model, in which both have joined at the same time.
 * @later: The one that stands behind the other.
 *
 * The order is policy, but later evictions follow it.
 *
 * Context: Any.
 */
void model_order(struct model *m, u8 later)
{
	m->bo[later].since++;
}

static bool may_block(enum model_op op)
{
	return op != MODEL_SHRINK_NOWAIT;
}

static bool of_gpu(u8 queue)
{
	return queue >= MODEL_OF_VM && queue <= MODEL_SHARED;
}

/* Whom a scan has to leave, although it finds it. */
static u32 stuck(const struct model *m, struct model_step step)
{
	u32 bos = 0;

	for (u8 i = 0; i < m->nr_bos; i++) {
		const struct model_bo *bo = &m->bo[i];

		if ((of_gpu(bo->queue) && (bo->busy || step.op == MODEL_SHRINK_TIMEOUT)) ||
		    (step.op == MODEL_SHRINK_BO_HELD && step.bo == i) ||
		    (step.op == MODEL_SHRINK_VM_HELD && bo->map[step.vm] != MODEL_NOT_MAPPED))
			bos |= BIT(i);
	}

	return bos;
}

/* Those with a job, and those that map what the job of another one uses, which may be gone. */
static u32 busy_vms(const struct model *m)
{
	u32 vms = m->jobs;

	for (u8 i = 0; i < m->nr_bos; i++)
		for (u8 vm = 0; vm < m->nr_vms; vm++)
			if (m->bo[i].busy && m->bo[i].map[vm] == MODEL_LIVE)
				vms |= BIT(vm);

	return vms;
}

/* BOs that the job of one of @vms may have got to since it began; it is not known to use them. */
static u32 in_busy_vms(const struct model *m, u32 vms)
{
	u32 busy = busy_vms(m) & vms, bos = 0;

	for (u8 i = 0; i < m->nr_bos; i++)
		for (u8 vm = 0; vm < m->nr_vms; vm++)
			if (of_gpu(m->bo[i].queue) && busy & BIT(vm) &&
			    m->bo[i].map[vm] == MODEL_LIVE)
				bos |= BIT(i);

	return bos;
}

/* Oldest BO of @queue that is not among @out, or nr_bos. */
static u8 oldest(const struct model *m, u8 queue, u32 out)
{
	u8 found = m->nr_bos;

	for (u8 i = 0; i < m->nr_bos; i++)
		if (m->bo[i].queue == queue && !(out & BIT(i)) &&
		    (found == m->nr_bos || m->bo[i].since < m->bo[found].since))
			found = i;

	return found;
}

/**
 * struct request - A scan in the model
 * @m: The model.
 * @wanted: Pages that are asked for.
 * @stuck: BOs that it cannot have, as bits.
 * @victims: BOs that it took in the driver, as bits.
 */
struct request {
	const struct model *m;
	u32 wanted;
	u32 stuck;
	u32 victims;
};

static u32 take(const struct request *r, u8 queue, u32 taken)
{
	u8 i;

	while (hweight32(taken) * r->m->pages < r->wanted &&
	       (i = oldest(r->m, queue, taken | r->stuck)) < r->m->nr_bos)
		taken |= BIT(i);

	return taken;
}

/* Tries every order of VMs: which VM goes first is policy, not contract. */
static bool vms_then_shared(const struct request *r, u32 taken, u32 vms_left)
{
	if (!vms_left)
		return take(r, MODEL_SHARED, taken) == r->victims;

	for (u8 vm = 0; vm < r->m->nr_vms; vm++)
		if (vms_left & BIT(vm) &&
		    vms_then_shared(r, take(r, MODEL_OF_VM + vm, taken), vms_left & ~BIT(vm)))
			return true;

	return false;
}

static u32 pages_wanted(const struct model *m, enum model_op op)
{
	if (op == MODEL_SHRINK_ONE)
		return 1;

	return op == MODEL_SHRINK_MORE ? m->pages + 1 : U32_MAX;
}

static bool victims_allowed(const struct model *m, struct model_step step, u32 stuck, u32 victims)
{
	struct request r = {
		.m = m,
		.wanted = pages_wanted(m, step.op),
		.stuck = stuck,
		.victims = victims,
	};
	u32 taken;

	if (step.op == MODEL_SHRINK_NO_SWAP)
		return !victims;

	taken = take(&r, MODEL_MMAPPED, take(&r, MODEL_UNUSED, 0));
	if (!may_block(step.op))
		return taken == victims;

	return vms_then_shared(&r, taken, BIT(m->nr_vms) - 1);
}

/*
 * Finds whom the scan passed by, given whom it took. Two things are policy: whether BOs
 * are left alone that only share a VM with a job, or with a BO that one uses, which may
 * depend on what else the scan has found in that VM, and whether what a VM_BIND job left is known already, or found
 * out by the scan.
 */
static bool explain(const struct model *m, struct model_step step, u32 victims, u32 *passed)
{
	struct model settled = *m;
	const struct model *views[2] = { m, &settled };

	*passed = stuck(m, step);
	if (victims_allowed(m, step, *passed, victims))
		return true;

	for (u8 i = 0; i < m->nr_bos; i++)
		if (m->bind.left & BIT(i))
			model_settle(&settled, i);

	for (u32 i = 0; i < BIT(m->nr_vms + 2); i++) {
		const struct model *knows = views[i & 1];

		*passed = stuck(knows, step) | in_busy_vms(knows, i >> 1);
		if (victims_allowed(views[i >> (m->nr_vms + 1)], step, *passed, victims))
			return true;
	}

	*passed = stuck(m, step);
	return false;
}

/**
 * model_victims_allowed() - Judge whom a reclaim took
 * @m: The model before it.
 * @step: The kind of reclaim.
 * @victims: Bit mask of the BOs that lost their pages.
 *
 * Cheaper queues go before dearer ones, older BOs before younger ones, until
 * there is enough.
 *
 * Context: Any.
 *
 * Return: true if these, and no fewer or others, had to go.
 */
bool model_victims_allowed(const struct model *m, struct model_step step, u32 victims)
{
	u32 passed;

	return explain(m, step, victims, &passed);
}

/**
 * model_evict() - Take the pages of some BOs
 * @m: The model.
 * @step: The kind of reclaim.
 * @victims: Bit mask of BOs.
 *
 * Context: Any.
 */
void model_evict(struct model *m, struct model_step step, u32 victims)
{
	u32 passed_by;

	explain(m, step, victims, &passed_by);
	m->retried = model_asks_again(m, step, victims);
	for (u8 i = 0; i < m->nr_bos; i++) {
		struct model_bo *bo = &m->bo[i];

		/* Those that were passed by may stand behind others now. */
		if (passed_by)
			bo->since = 0;
		if (!(victims & BIT(i)))
			continue;
		bo->resident = false;
		bo->dma = false;
		for (u8 vm = 0; vm < m->nr_vms; vm++) {
			if (bo->map[vm] == MODEL_LIVE)
				bo->map[vm] = MODEL_EVICTED;
			for (u8 slot = 0; slot < m->nr_bos; slot++)
				for (u8 part = 0; part < MODEL_PARTS; part++)
					if (m->place[vm][slot][part] == i + 1)
						m->place[vm][slot][part] |= MODEL_GONE;
		}
		model_settle(m, i);
	}
}

/**
 * model_asks_again() - Whether a scan that took nothing has to say 0
 * @m: The model before it.
 * @step: The kind of reclaim.
 * @victims: Bit mask of the BOs that it took.
 *
 * 0 tells the caller to try once more, as something remains; not twice in a row.
 *
 * Context: Any.
 *
 * Return: true if it is 0, false if it is SHRINK_STOP or the pages that it took.
 */
bool model_asks_again(const struct model *m, struct model_step step, u32 victims)
{
	u32 left;

	explain(m, step, victims, &left);
	if (victims || m->retried || step.op == MODEL_SHRINK_NO_SWAP)
		return false;
	for (u8 i = 0; i < m->nr_bos; i++)
		if (left & BIT(i) && m->bo[i].queue != MODEL_NOT_QUEUED &&
		    (may_block(step.op) || !of_gpu(m->bo[i].queue)))
			return true;

	return false;
}
