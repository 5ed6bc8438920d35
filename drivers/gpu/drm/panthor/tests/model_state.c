// SPDX-License-Identifier: GPL-2.0-only
/* The reference model: when two states are the same. */

#include <linux/bits.h>
#include <linux/hash.h>
#include <linux/limits.h>
#include <linux/minmax.h>

#include "model.h"

/* A turn exchanges the BOs, the VMs, or both, where there are two of them. */
#define TURN_BOS	BIT(0)
#define TURN_VMS	BIT(1)
#define TURNS		4

static u64 fold(u64 hash, u64 bits)
{
	hash = (hash ^ bits) * GOLDEN_RATIO_64;
	return hash ^ hash >> 31;
}

static u64 hash_bo(const struct model *m, u8 i)
{
	const struct model_bo *bo = &m->bo[i];
	u64 bits = bo->open | bo->resident << 1 | bo->dma << 2 | bo->attached << 3 |
		   bo->pins << 4 | bo->vmaps << 6 | bo->mmaps << 8 | bo->cut << 10 |
		   bo->busy << 14 | bo->queue << 18;
	u8 rank = 0;

	if (bo->queue != MODEL_NOT_QUEUED)
		for (u8 j = 0; j < m->nr_bos; j++)
			rank += m->bo[j].queue == bo->queue && m->bo[j].since < bo->since;
	bits |= (u64)rank << 22;
	for (u8 vm = 0; vm < m->nr_vms; vm++)
		bits |= (u64)bo->map[vm] << (26 + 2 * vm);

	return bits;
}

static u64 hash_slot(const struct model *m, u8 slot)
{
	u64 bits = 0;

	for (u8 vm = 0; vm < m->nr_vms; vm++)
		bits = bits << 16 | m->place[vm][slot][MODEL_HEAD] << 8 |
		       m->place[vm][slot][MODEL_TAIL];

	return bits;
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
	const struct model_bind *bind = &m->bind;
	u64 hash = fold(0, m->retried | m->jobs << 1 | bind->stage << 4 | bind->maps << 6 |
			   bind->bo << 8 | bind->vm << 12 | bind->left << 16);

	for (u8 i = 0; i < m->nr_bos; i++)
		hash = fold(fold(hash, hash_bo(m, i)), hash_slot(m, i));

	return hash;
}

/**
 * model_turn() - The same step with BOs or VMs exchanged
 * @step: The step.
 * @turn: What model_canonical() returned. To do it twice is to undo it.
 *
 * Context: Any.
 *
 * Return: The step.
 */
struct model_step model_turn(struct model_step step, u8 turn)
{
	if (turn & TURN_BOS && model_op_has_bo(step.op))
		step.bo ^= 1;
	if (turn & TURN_VMS && model_op_has_vm(step.op))
		step.vm ^= 1;

	return step;
}

static u8 swap_bits(u8 bits)
{
	return (bits & 1) << 1 | (bits >> 1 & 1);
}

static u8 swap_place(u8 place)
{
	return place ? (place & MODEL_GONE) | (3 - (place & ~MODEL_GONE)) : 0;
}

static void turn_bos(struct model *m)
{
	swap(m->bo[0], m->bo[1]);
	for (u8 vm = 0; vm < m->nr_vms; vm++) {
		for (u8 part = 0; part < MODEL_PARTS; part++) {
			swap(m->place[vm][0][part], m->place[vm][1][part]);
			m->place[vm][0][part] = swap_place(m->place[vm][0][part]);
			m->place[vm][1][part] = swap_place(m->place[vm][1][part]);
		}
	}
	m->bind.left = swap_bits(m->bind.left);
	if (m->bind.stage)
		m->bind.bo ^= 1;
}

static u8 swap_queue(u8 queue)
{
	return queue >= MODEL_OF_VM && queue < MODEL_SHARED ?
	       MODEL_OF_VM + ((queue - MODEL_OF_VM) ^ 1) : queue;
}

static void turn_vms(struct model *m)
{
	for (u8 i = 0; i < m->nr_bos; i++) {
		swap(m->bo[i].map[0], m->bo[i].map[1]);
		m->bo[i].busy = swap_bits(m->bo[i].busy);
		m->bo[i].queue = swap_queue(m->bo[i].queue);
		for (u8 part = 0; part < MODEL_PARTS; part++)
			swap(m->place[0][i][part], m->place[1][i][part]);
	}
	m->jobs = swap_bits(m->jobs);
	if (m->bind.stage)
		m->bind.vm ^= 1;
}

static bool turned(const struct model *m, u8 turn, struct model *as)
{
	if ((turn & TURN_BOS && m->nr_bos != 2) || (turn & TURN_VMS && m->nr_vms != 2))
		return false;

	*as = *m;
	if (turn & TURN_BOS)
		turn_bos(as);
	if (turn & TURN_VMS)
		turn_vms(as);

	return true;
}

/**
 * model_canonical() - Identify a state, whichever BO and VM is which
 * @m: The model.
 * @canonical: Filled with the model that stands for all that are the same but
 *	for that.
 * @turn: Set to how that was made of @m, for model_turn().
 *
 * Only where there are two of them.
 *
 * Context: Any.
 *
 * Return: As model_hash().
 */
u64 model_canonical(const struct model *m, struct model *canonical, u8 *turn)
{
	u64 least = U64_MAX;
	struct model as;

	for (u8 t = 0; t < TURNS; t++) {
		u64 hash;

		if (!turned(m, t, &as))
			continue;
		hash = model_hash(&as);
		if (t && hash >= least)
			continue;
		least = hash;
		*turn = t;
		*canonical = as;
	}

	return least;
}

/**
 * model_turns() - How many states one stands for
 * @m: The model.
 *
 * Context: Any.
 *
 * Return: Number of different states that model_canonical() makes one of.
 */
u8 model_turns(const struct model *m)
{
	u64 hashes[TURNS];
	struct model as;
	u8 nr = 0;

	for (u8 t = 0; t < TURNS; t++) {
		u8 i = 0;

		if (!turned(m, t, &as))
			continue;
		hashes[nr] = model_hash(&as);
		while (hashes[i] != hashes[nr])
			i++;
		if (i == nr)
			nr++;
	}

	return nr;
}
