// SPDX-License-Identifier: GPL-2.0-only
/* Loads and stores. */

#include <linux/bitops.h>

#include "sim_cs_priv.h"

/* Where a load or store of registers goes; words is 0 if it moves nothing. */
struct transfer {
	u64 addr;
	u16 mask;
	unsigned int base;
	unsigned int words;
};

static enum sim_cs_step decode_transfer(struct sim_cs *cs, u64 insn, struct transfer *t)
{
	t->mask = cs_bits(insn, 31, 16);
	t->base = cs_dst(insn);
	t->words = hweight16(t->mask);

	if (!cs_pair_ok(cs_src(insn)) || t->base + fls(t->mask) > SIM_CS_REGS)
		return sim_cs_invalid(cs);
	t->addr = cs_pair(cs, cs_src(insn)) + (u64)(s64)cs_offset(insn);
	if (t->words && t->addr % 4)
		return sim_cs_fatal(cs, SIM_CS_BUS_FAULT, t->addr);

	return STEP_NEXT;
}

/**
 * sim_cs_exec_load() - LOAD_MULTIPLE
 * @cs: The stream.
 * @insn: The instruction.
 *
 * Context: Any, under the GPU's lock.
 *
 * Return: What became of it.
 */
enum sim_cs_step sim_cs_exec_load(struct sim_cs *cs, u64 insn)
{
	unsigned int i, n = 0;
	struct transfer t;
	u32 words[16];

	if (decode_transfer(cs, insn, &t) != STEP_NEXT)
		return STEP_STAY;
	if (!t.words)
		return STEP_NEXT;
	if (sim_cs_copy(cs, t.addr, words, t.words * 4, SIM_READ) != STEP_NEXT)
		return STEP_STAY;

	for (i = 0; i < 16; i++) {
		if (t.mask & BIT(i))
			cs->core.regs[t.base + i] = words[n++];
	}

	return STEP_NEXT;
}

/**
 * sim_cs_exec_store() - STORE_MULTIPLE
 * @cs: The stream.
 * @insn: The instruction.
 *
 * Context: Any, under the GPU's lock.
 *
 * Return: What became of it.
 */
enum sim_cs_step sim_cs_exec_store(struct sim_cs *cs, u64 insn)
{
	unsigned int i, n = 0;
	struct transfer t;
	u32 words[16];

	if (decode_transfer(cs, insn, &t) != STEP_NEXT)
		return STEP_STAY;
	if (!t.words)
		return STEP_NEXT;

	for (i = 0; i < 16; i++) {
		if (t.mask & BIT(i))
			words[n++] = cs->core.regs[t.base + i];
	}

	return sim_cs_copy(cs, t.addr, words, t.words * 4, SIM_WRITE);
}

static u64 state_value(struct sim_cs *cs, u32 state)
{
	switch (state) {
	case 0:
		return cs->env.timestamp ? cs->env.timestamp(cs->env.priv) : 0;
	case 1:
		return cs->env.cycles ? cs->env.cycles(cs->env.priv) : 0;
	case 3:
		return cs->core.error;
	default:
		/* The timestamp is never disjoint. */
		return 0;
	}
}

/**
 * sim_cs_store_state() - Work of STORE_STATE
 * @cs: The stream.
 * @insn: The instruction, known to be valid.
 * @addr: Where to.
 *
 * Context: Any, under the GPU's lock.
 *
 * Return: What became of it.
 */
enum sim_cs_step sim_cs_store_state(struct sim_cs *cs, u64 insn, u64 addr)
{
	u64 value = state_value(cs, cs_src2(insn));

	if (addr % 8)
		return sim_cs_fatal(cs, SIM_CS_BUS_FAULT, addr);

	return sim_cs_copy(cs, addr, &value, sizeof(value), SIM_WRITE);
}

/**
 * sim_cs_exec_store_state() - STORE_STATE
 * @cs: The stream.
 * @insn: The instruction.
 *
 * Context: Any, under the GPU's lock.
 *
 * Return: What became of it.
 */
enum sim_cs_step sim_cs_exec_store_state(struct sim_cs *cs, u64 insn)
{
	u64 addr;

	if (!cs_pair_ok(cs_src(insn)) || cs_src2(insn) > 3)
		return sim_cs_invalid(cs);
	addr = cs_pair(cs, cs_src(insn)) + (u64)(s64)cs_offset(insn);
	if (cs_bits(insn, 23, 16))
		return sim_cs_defer(cs, OP_STATE, insn, addr, 0);

	return sim_cs_store_state(cs, insn, addr);
}
