/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Assembler for tests of the command stream. It has numbers of its own, so that
 * a wrong one in the interpreter is a difference between the two.
 */

#ifndef __PANTHOR_SIM_TESTS_CS_ASM_H__
#define __PANTHOR_SIM_TESTS_CS_ASM_H__

#include <linux/types.h>

enum asm_cond { ASM_LE, ASM_GT, ASM_EQ, ASM_NE, ASM_LT, ASM_GE, ASM_ALWAYS };

#define ASM_SYSTEM	0
#define ASM_GROUP	(2ULL << 1)
#define ASM_PROPAGATE	1ULL
#define ASM_REJECT	1ULL

static inline u64 asm_insn(u8 opcode, u8 dst, u8 src, u8 src2, u32 imm)
{
	return (u64)opcode << 56 | (u64)dst << 48 | (u64)src << 40 | (u64)src2 << 32 | imm;
}

static inline u64 asm_nop(void)
{
	return 0;
}

static inline u64 asm_move48(u8 dst, u64 imm)
{
	return 1ULL << 56 | (u64)dst << 48 | (imm & 0xffffffffffffULL);
}

static inline u64 asm_move32(u8 dst, u32 imm)
{
	return asm_insn(2, dst, 0, 0, imm);
}

static inline u64 asm_wait(u16 mask)
{
	return asm_insn(3, 0, 0, 0, (u32)mask << 16);
}

static inline u64 asm_add32(u8 dst, u8 src, s32 imm)
{
	return asm_insn(16, dst, src, 0, imm);
}

static inline u64 asm_add64(u8 dst, u8 src, s32 imm)
{
	return asm_insn(17, dst, src, 0, imm);
}

static inline u64 asm_min(u8 dst, u8 a, u8 b)
{
	return asm_insn(18, dst, a, b, 0);
}

static inline u64 asm_load(u8 base, u8 addr, u16 mask, s16 offset)
{
	return asm_insn(20, base, addr, 0, (u32)mask << 16 | (u16)offset);
}

static inline u64 asm_store(u8 base, u8 addr, u16 mask, s16 offset)
{
	return asm_insn(21, base, addr, 0, (u32)mask << 16 | (u16)offset);
}

static inline u64 asm_branch(enum asm_cond cond, u8 reg, s16 insns)
{
	return asm_insn(22, 0, reg, 0, (u32)cond << 28 | (u16)insns);
}

static inline u64 asm_set_sb(u8 endpoint, u8 other)
{
	return asm_insn(23, 0, 0, 0, other << 4 | endpoint);
}

static inline u64 asm_progress_wait(u8 queue, u8 ref)
{
	return asm_insn(24, 0, ref, 0, queue);
}

static inline u64 asm_set_handler(u8 type, u8 addr, u8 len)
{
	return asm_insn(25, 0, addr, len, type);
}

static inline u64 asm_call(u8 addr, u8 len)
{
	return asm_insn(32, 0, addr, len, 0);
}

static inline u64 asm_jump(u8 addr, u8 len)
{
	return asm_insn(33, 0, addr, len, 0);
}

static inline u64 asm_req_resource(u8 mask)
{
	return asm_insn(34, 0, 0, 0, mask);
}

static inline u64 asm_flush(u32 modes, u8 id, u8 signal, u16 wait)
{
	return asm_insn(36, signal, id, 0, (u32)wait << 16 | modes);
}

static inline u64 asm_sync(u8 opcode, u8 addr, u8 data, u64 flags, u8 signal, u16 wait)
{
	return asm_insn(opcode, signal, addr, data, (u32)wait << 16 | flags);
}

static inline u64 asm_sync_add32(u8 addr, u8 data, u64 flags)
{
	return asm_sync(37, addr, data, flags, 0, 0);
}

static inline u64 asm_sync_set32(u8 addr, u8 data, u64 flags)
{
	return asm_sync(38, addr, data, flags, 0, 0);
}

static inline u64 asm_sync_wait32(enum asm_cond cond, u8 addr, u8 data, u64 flags)
{
	return asm_insn(39, 0, addr, data, (u32)cond << 28 | flags);
}

static inline u64 asm_sync_add64(u8 addr, u8 data, u64 flags)
{
	return asm_sync(51, addr, data, flags, 0, 0);
}

static inline u64 asm_sync_set64(u8 addr, u8 data, u64 flags)
{
	return asm_sync(52, addr, data, flags, 0, 0);
}

static inline u64 asm_sync_wait64(enum asm_cond cond, u8 addr, u8 data, u64 flags)
{
	return asm_insn(53, 0, addr, data, (u32)cond << 28 | flags);
}

static inline u64 asm_store_state(u8 state, u8 addr, s16 offset, u8 signal, u16 wait)
{
	return asm_insn(40, signal, addr, state, (u32)wait << 16 | (u16)offset);
}

static inline u64 asm_progress_store(u8 src)
{
	return asm_insn(42, 0, src, 0, 0);
}

static inline u64 asm_progress_load(u8 dst)
{
	return asm_insn(43, dst, 0, 0, 0);
}

static inline u64 asm_run_compute(u8 tsd, u8 fau)
{
	return 4ULL << 56 | (u64)fau << 46 | (u64)tsd << 44;
}

static inline u64 asm_run_idvs(void)
{
	return 6ULL << 56;
}

static inline u64 asm_run_fragment(void)
{
	return 7ULL << 56;
}

static inline u64 asm_finish_fragment(u8 first, u8 last, bool count)
{
	return asm_insn(11, 0, first, last, count);
}

static inline u64 asm_error_barrier(void)
{
	return 47ULL << 56;
}

static inline u64 asm_heap_set(u8 addr)
{
	return asm_insn(48, 0, addr, 0, 0);
}

static inline u64 asm_heap_op(u8 op)
{
	return asm_insn(49, 0, 0, op, 0);
}

static inline u64 asm_trace_point(u8 base, u8 count)
{
	return asm_insn(50, 0, count, base, 0);
}

#endif
