/* SPDX-License-Identifier: GPL-2.0-only */
/* Instruction encoding of command streams, architecture 10. */

#ifndef __PANTHOR_SIM_CS_ISA_H__
#define __PANTHOR_SIM_CS_ISA_H__

#include <linux/types.h>

/* Bits 63:56. What is not here does not exist before version 11. */
enum sim_cs_opcode {
	CS_NOP			= 0,
	CS_MOVE48		= 1,
	CS_MOVE32		= 2,
	CS_WAIT			= 3,
	CS_RUN_COMPUTE		= 4,
	CS_RUN_TILING		= 5,
	CS_RUN_IDVS		= 6,
	CS_RUN_FRAGMENT		= 7,
	CS_RUN_FULLSCREEN	= 8,
	CS_FINISH_TILING	= 9,
	CS_FINISH_FRAGMENT	= 11,
	CS_ADD_IMM32		= 16,
	CS_ADD_IMM64		= 17,
	CS_COMPARE_SELECT32	= 18,
	CS_LOAD_MULTIPLE	= 20,
	CS_STORE_MULTIPLE	= 21,
	CS_BRANCH		= 22,
	CS_SET_SB_ENTRY		= 23,
	CS_PROGRESS_WAIT	= 24,
	CS_SET_EXCEPTION_HANDLER = 25,
	CS_CALL			= 32,
	CS_JUMP			= 33,
	CS_REQ_RESOURCE		= 34,
	CS_FLUSH_CACHE2		= 36,
	CS_SYNC_ADD32		= 37,
	CS_SYNC_SET32		= 38,
	CS_SYNC_WAIT32		= 39,
	CS_STORE_STATE		= 40,
	CS_PROT_REGION		= 41,
	CS_PROGRESS_STORE	= 42,
	CS_PROGRESS_LOAD	= 43,
	CS_RUN_COMPUTE_INDIRECT	= 44,
	CS_ERROR_BARRIER	= 47,
	CS_HEAP_SET		= 48,
	CS_HEAP_OPERATION	= 49,
	CS_TRACE_POINT		= 50,
	CS_SYNC_ADD64		= 51,
	CS_SYNC_SET64		= 52,
	CS_SYNC_WAIT64		= 53,
};

/* Conditions of BRANCH; SYNC_WAIT has the first two. */
enum sim_cs_cond {
	CS_LE			= 0,
	CS_GT			= 1,
	CS_EQ			= 2,
	CS_NE			= 3,
	CS_LT			= 4,
	CS_GE			= 5,
	CS_ALWAYS		= 6,
};

/* Types of SET_EXCEPTION_HANDLER. */
#define CS_EXCEPTION_TILER_OOM	2

static inline u32 cs_bits(u64 insn, unsigned int high, unsigned int low)
{
	return (insn >> low) & (~0ULL >> (63 - (high - low)));
}

static inline unsigned int cs_opcode(u64 insn)
{
	return insn >> 56;
}

/* Register fields, by the bit they start at. */
static inline unsigned int cs_dst(u64 insn)
{
	return cs_bits(insn, 55, 48);
}

static inline unsigned int cs_src(u64 insn)
{
	return cs_bits(insn, 47, 40);
}

static inline unsigned int cs_src2(u64 insn)
{
	return cs_bits(insn, 39, 32);
}

static inline unsigned int cs_signal(u64 insn)
{
	return cs_bits(insn, 51, 48);
}

static inline s32 cs_imm32(u64 insn)
{
	return (s32)insn;
}

static inline s16 cs_offset(u64 insn)
{
	return (s16)insn;
}

#endif
