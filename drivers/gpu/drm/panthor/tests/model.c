// SPDX-License-Identifier: GPL-2.0-only
/* The reference model. See model.h for what it is; nothing here can sleep. */

#include <linux/bitops.h>
#include <linux/hash.h>
#include <linux/string.h>

#include "model.h"

static const char * const op_names[MODEL_OPS] = {
	[MODEL_PIN] = "pin",
	[MODEL_UNPIN] = "unpin",
	[MODEL_VMAP] = "vmap",
	[MODEL_VUNMAP] = "vunmap",
	[MODEL_MMAP] = "mmap",
	[MODEL_MUNMAP] = "munmap",
	[MODEL_TOUCH] = "touch",
	[MODEL_MAP] = "map",
	[MODEL_UNMAP] = "unmap",
	[MODEL_SUBMIT] = "submit",
	[MODEL_SHRINK_ONE] = "shrink_one",
	[MODEL_SHRINK_ALL] = "shrink_all",
	[MODEL_SHRINK_ATOMIC] = "shrink_atomic",
	[MODEL_SHRINK_NO_SWAP] = "shrink_no_swap",
	[MODEL_PIN_FAILS] = "pin_fails",
	[MODEL_MAP_FAILS] = "map_fails",
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
	return op_names[op];
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
	return op != MODEL_SUBMIT && !model_op_shrinks(op);
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
	return op == MODEL_MAP || op == MODEL_UNMAP || op == MODEL_SUBMIT ||
	       op == MODEL_MAP_FAILS;
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
	return op >= MODEL_SHRINK_ONE && op <= MODEL_SHRINK_NO_SWAP;
}

static u8 queue_of(const struct model *m, const struct model_bo *bo)
{
	u8 live = 0, last = 0;

	if (!bo->resident || bo->pins || bo->vmaps)
		return MODEL_NOT_QUEUED;

	for (u8 vm = 0; vm < m->nr_vms; vm++) {
		if (bo->map[vm] == MODEL_LIVE) {
			last = vm;
			live++;
		}
	}
	if (live > 1)
		return MODEL_SHARED;
	if (live)
		return MODEL_OF_VM + last;

	return bo->mmaps ? MODEL_MMAPPED : MODEL_UNUSED;
}

/* A change of queue puts a BO last in the new one. */
static void settle(struct model *m, struct model_bo *bo)
{
	u8 queue = queue_of(m, bo);

	if (queue == bo->queue)
		return;
	bo->queue = queue;
	bo->since = ++m->now;
}

/* All that come back with one job join their queues at once. */
static void submit(struct model *m, u8 vm)
{
	u32 now = m->now;

	for (u8 i = 0; i < m->nr_bos; i++) {
		if (m->bo[i].map[vm] != MODEL_EVICTED)
			continue;
		m->bo[i].resident = true;
		m->bo[i].map[vm] = MODEL_LIVE;
		m->now = now;
		settle(m, &m->bo[i]);
	}
	m->now = now + m->nr_bos;
}

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

/**
 * model_init() - Buffers without pages, VMs without mappings
 * @m: The model.
 * @nr_bos: Buffers.
 * @nr_vms: VMs.
 * @max_holds: Most pins, kernel and user mappings of each kind per BO.
 * @pages: Size of each BO, in pages.
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
	for (u8 i = 0; i < nr_bos; i++)
		m->bo[i].queue = MODEL_NOT_QUEUED;
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
	const struct model_bo *bo = &m->bo[step.bo];

	switch ((enum model_op)step.op) {
	case MODEL_PIN:
		return bo->pins < m->max_holds;
	case MODEL_UNPIN:
		return bo->pins;
	case MODEL_VMAP:
		return bo->vmaps < m->max_holds;
	case MODEL_VUNMAP:
		return bo->vmaps;
	case MODEL_MMAP:
		return bo->mmaps < m->max_holds;
	case MODEL_MUNMAP:
	case MODEL_TOUCH:
		return bo->mmaps;
	case MODEL_MAP:
		return bo->map[step.vm] == MODEL_NOT_MAPPED;
	case MODEL_UNMAP:
		return bo->map[step.vm] != MODEL_NOT_MAPPED;
	case MODEL_PIN_FAILS:
		return !bo->resident;
	case MODEL_MAP_FAILS:
		return !bo->resident && bo->map[step.vm] == MODEL_NOT_MAPPED;
	default:
		return true;
	}
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
	struct model_bo *bo = &m->bo[step.bo];

	switch ((enum model_op)step.op) {
	case MODEL_PIN:
		bo->resident = true;
		bo->pins++;
		break;
	case MODEL_UNPIN:
		bo->pins--;
		break;
	case MODEL_VMAP:
		bo->resident = true;
		bo->vmaps++;
		break;
	case MODEL_VUNMAP:
		bo->vmaps--;
		break;
	case MODEL_MMAP:
		bo->mmaps++;
		break;
	case MODEL_MUNMAP:
		bo->mmaps--;
		break;
	case MODEL_TOUCH:
		bo->resident = true;
		break;
	case MODEL_MAP:
		bo->resident = true;
		/* It is pinned while the mapping is made, and so leaves its queue. */
		bo->queue = MODEL_NOT_QUEUED;
		bo->map[step.vm] = MODEL_LIVE;
		break;
	case MODEL_UNMAP:
		bo->map[step.vm] = MODEL_NOT_MAPPED;
		break;
	case MODEL_SUBMIT:
		submit(m, step.vm);
		return;
	default:
		return;
	}
	settle(m, bo);
}

/**
 * model_evict() - Take the pages of some BOs
 * @m: The model.
 * @victims: Bit mask of BOs.
 *
 * Context: Any.
 */
void model_evict(struct model *m, u32 victims)
{
	for (u8 i = 0; i < m->nr_bos; i++) {
		if (!(victims & BIT(i)))
			continue;
		m->bo[i].resident = false;
		for (u8 vm = 0; vm < m->nr_vms; vm++)
			if (m->bo[i].map[vm] == MODEL_LIVE)
				m->bo[i].map[vm] = MODEL_EVICTED;
		settle(m, &m->bo[i]);
	}
}

/* Oldest BO of @queue that is not yet among @taken, or nr_bos. */
static u8 oldest(const struct model *m, u8 queue, u32 taken)
{
	u8 found = m->nr_bos;

	for (u8 i = 0; i < m->nr_bos; i++)
		if (m->bo[i].queue == queue && !(taken & BIT(i)) &&
		    (found == m->nr_bos || m->bo[i].since < m->bo[found].since))
			found = i;

	return found;
}

static u32 take(const struct model *m, u8 queue, u32 taken, u32 wanted)
{
	u8 i;

	while (hweight32(taken) * m->pages < wanted &&
	       (i = oldest(m, queue, taken)) < m->nr_bos)
		taken |= BIT(i);

	return taken;
}

static bool may_block(enum model_op op)
{
	return op == MODEL_SHRINK_ONE || op == MODEL_SHRINK_ALL;
}

/* Tries every order of VMs: which VM goes first is policy, not contract. */
static bool vms_then_shared(const struct model *m, u32 taken, u32 wanted,
			    u32 vms_left, u32 victims)
{
	if (!vms_left)
		return take(m, MODEL_SHARED, taken, wanted) == victims;

	for (u8 vm = 0; vm < m->nr_vms; vm++)
		if (vms_left & BIT(vm) &&
		    vms_then_shared(m, take(m, MODEL_OF_VM + vm, taken, wanted), wanted,
				    vms_left & ~BIT(vm), victims))
			return true;

	return false;
}

/**
 * model_victims_allowed() - Judge whom a reclaim took
 * @m: The model before it.
 * @op: The kind of reclaim.
 * @victims: Bit mask of the BOs that lost their pages.
 *
 * Cheaper queues go before dearer ones, older BOs before younger ones, until
 * there is enough.
 *
 * Context: Any.
 *
 * Return: true if these, and no fewer or others, had to go.
 */
bool model_victims_allowed(const struct model *m, enum model_op op, u32 victims)
{
	u32 wanted = op == MODEL_SHRINK_ONE ? 1 : U32_MAX;
	u32 taken = 0;

	if (op == MODEL_SHRINK_NO_SWAP)
		return !victims;

	taken = take(m, MODEL_UNUSED, taken, wanted);
	taken = take(m, MODEL_MMAPPED, taken, wanted);
	if (!may_block(op))
		return taken == victims;

	return vms_then_shared(m, taken, wanted, BIT(m->nr_vms) - 1, victims);
}

/**
 * model_reclaimable() - Whether a reclaim would find anything
 * @m: The model.
 * @op: The kind of reclaim.
 *
 * Context: Any.
 *
 * Return: true if at least one BO may go.
 */
bool model_reclaimable(const struct model *m, enum model_op op)
{
	return !model_victims_allowed(m, op, 0);
}

/**
 * model_hash() - Identify a state
 * @m: The model.
 *
 * States that differ only in how long ago things happened are the same.
 *
 * Context: Any.
 *
 * Return: Equal for equal states; different for different ones, but for the
 * collisions of a 64 bit hash.
 */
u64 model_hash(const struct model *m)
{
	u64 hash = 0;

	for (u8 i = 0; i < m->nr_bos; i++) {
		const struct model_bo *bo = &m->bo[i];
		u64 bits = bo->resident | bo->pins << 1 | bo->vmaps << 3 | bo->mmaps << 5 |
			   bo->queue << 7;
		u8 rank = 0;

		for (u8 vm = 0; vm < m->nr_vms; vm++)
			bits |= (u64)bo->map[vm] << (12 + 2 * vm);
		for (u8 j = 0; j < m->nr_bos; j++)
			rank += m->bo[j].queue == bo->queue && m->bo[j].since < bo->since;
		if (bo->queue != MODEL_NOT_QUEUED)
			bits |= (u64)rank << 20;
		hash = (hash ^ bits) * GOLDEN_RATIO_64 + (hash >> 29);
	}

	return hash;
}
