/* SPDX-License-Identifier: GPL-2.0-only */
/* Command stream instructions of arch 10, as words. */

#ifndef __PANTHOR_SELFTEST_CS_H__
#define __PANTHOR_SELFTEST_CS_H__

#include <stdint.h>

/* Conditions of BRANCH, which compares with 0, and of SYNC_WAIT. */
enum cs_cond { CS_LE, CS_GT, CS_EQ, CS_NE, CS_LT, CS_GE, CS_ALWAYS };

#define CS_ALL_SCOREBOARDS	0xff

static inline uint64_t cs_op(unsigned int op, unsigned int dst, unsigned int src,
			     unsigned int src2, uint32_t imm)
{
	return (uint64_t)op << 56 | (uint64_t)dst << 48 | (uint64_t)src << 40 |
	       (uint64_t)src2 << 32 | imm;
}

/* 64-bit values are in register pairs; the number is that of the lower one. */
static inline uint64_t cs_move48(unsigned int dst, uint64_t value)
{
	return cs_op(1, dst, 0, 0, 0) | (value & 0xffffffffffffULL);
}

static inline uint64_t cs_move32(unsigned int dst, uint32_t value)
{
	return cs_op(2, dst, 0, 0, value);
}

static inline uint64_t cs_wait(unsigned int mask)
{
	return cs_op(3, 0, 0, 0, mask << 16);
}

/* With the pointers of staging registers 0; WAIT for scoreboard entry 0. */
static inline uint64_t cs_run_compute(void)
{
	return cs_op(4, 0, 0, 0, 1);
}

static inline uint64_t cs_add32(unsigned int dst, unsigned int src, int32_t value)
{
	return cs_op(16, dst, src, 0, value);
}

static inline uint64_t cs_load(unsigned int base, unsigned int addr, uint16_t mask, int16_t offset)
{
	return cs_op(20, base, addr, 0, (uint32_t)mask << 16 | (uint16_t)offset);
}

static inline uint64_t cs_store(unsigned int base, unsigned int addr, uint16_t mask,
				int16_t offset)
{
	return cs_op(21, base, addr, 0, (uint32_t)mask << 16 | (uint16_t)offset);
}

/* The offset counts instructions, from the one after this. */
static inline uint64_t cs_branch(enum cs_cond cond, unsigned int value, int16_t offset)
{
	return cs_op(22, 0, value, 0, (uint32_t)cond << 28 | (uint16_t)offset);
}

/* The length is that in a register, in bytes. */
static inline uint64_t cs_call(unsigned int addr, unsigned int length)
{
	return cs_op(32, 0, addr, length, 0);
}

static inline uint64_t cs_jump(unsigned int addr, unsigned int length)
{
	return cs_op(33, 0, addr, length, 0);
}

/* All caches, by the scoreboard entry that WAIT then waits for. */
static inline uint64_t cs_flush(unsigned int id, unsigned int scoreboard)
{
	return cs_op(36, scoreboard, id, 0, 0x233);
}

static inline uint64_t cs_sync_add32(unsigned int addr, unsigned int value)
{
	return cs_op(37, 0, addr, value, 0);
}

static inline uint64_t cs_sync_set32(unsigned int addr, unsigned int value)
{
	return cs_op(38, 0, addr, value, 0);
}

static inline uint64_t cs_sync_wait32(enum cs_cond cond, unsigned int addr, unsigned int value)
{
	return cs_op(39, 0, addr, value, (uint32_t)cond << 28);
}

/* No such instruction. */
static inline uint64_t cs_invalid(void)
{
	return cs_op(0xff, 0, 0, 0, 0);
}

#endif
