/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef __PANTHOR_SIM_MMU_H__
#define __PANTHOR_SIM_MMU_H__

/**
 * DOC: MMU of the software GPU
 *
 * Sixteen address spaces (AS), of which a mask says what there is, and their
 * interrupt. The GPU's memory accesses go through sim_mmu_copy(), which walks
 * the driver's page tables and remembers translations in a TLB.
 *
 * Only these make the TLB forget, because only of these the driver may expect
 * it:
 *
 * =====================  ====================================================
 * UPDATE                 everything of the AS
 * UNLOCK                 the locked region, if there was a flush since LOCK
 * FLUSH_PT, FLUSH_MEM    the locked region
 * reset                  everything
 * =====================  ====================================================
 *
 * A flush is a FLUSH command, or a flush of the GPU's caches, which the driver
 * uses: it edits page tables between LOCK and cache flush, then UNLOCKs. Page
 * tables are read through the GPU's caches, which do not see what the CPU
 * writes. Without the flush the entries that UNLOCK drops would come back as
 * they were, so the model keeps them and marks them. LOCK alone drops nothing;
 * it only stalls accesses. A cache flush alone drops no translation either.
 *
 * A translation from the TLB is compared with the page tables and with the
 * page it leads to each time it is used. If they differ, that is a violation.
 * The access then does not go where the TLB says, since the memory there may be
 * anybody's: a stale entry is dropped and the page tables decide; memory that
 * is free or another object's is not touched, and the access faults. Thus the
 * model reports damage and never does it. Only a model that has to be fast asks
 * the page tables at every nth use; the page is looked at each time even then.
 *
 * Limits: data caches of the GPU are not modelled, stores are in memory at once;
 * that of the CPU is in sim_cache.h. Nor is a stale copy of a table that was
 * invalid when it was read, so a map without flush is only seen by the UNLOCK
 * that lacks it. A page that was freed and is allocated again looks like a live
 * one; it is told from the old one if either is in a page cache, which all memory
 * of GEM objects is.
 *
 * One lock, the GPU's, serialises everything. Nothing here sleeps, allocates
 * or takes a lock.
 */

#include <linux/spinlock_types.h>
#include <linux/types.h>

#include "sim_mem.h"

#define SIM_MMU_AS_COUNT	16
#define SIM_MMU_COMMANDS	6

/* Delays of a command that mean something else. */
#define SIM_MMU_NEVER		U64_MAX

struct sim_cache;
struct sim_mmu;

/**
 * enum sim_mmu_violation - What the driver must not do
 * @SIM_MMU_NO_REGISTER: Access to an offset where there is no register.
 * @SIM_MMU_ABSENT: Access to an AS that the GPU does not have.
 * @SIM_MMU_READ_ONLY: Write to a register that cannot be written.
 * @SIM_MMU_BUSY: Command while another one is active.
 * @SIM_MMU_BAD_COMMAND: Command that does not exist.
 * @SIM_MMU_BAD_CONFIG: UPDATE to a configuration the GPU cannot have.
 * @SIM_MMU_BAD_LOCKADDR: LOCK of a region that cannot be.
 * @SIM_MMU_RELOCK: LOCK that does not cover what is locked already.
 * @SIM_MMU_UPDATE_LOCKED: UPDATE while a region is locked.
 * @SIM_MMU_UNLOCK: UNLOCK without LOCK.
 * @SIM_MMU_UNFLUSHED: UNLOCK without a flush since LOCK.
 * @SIM_MMU_FLUSH: FLUSH command without LOCK.
 * @SIM_MMU_STALE: Use of a translation that the page tables have otherwise.
 * @SIM_MMU_UNMAPPED: Use of a translation that the page tables have no more.
 * @SIM_MMU_FREED: Use of memory that nobody holds.
 * @SIM_MMU_REUSED: Use of memory that now is another object's.
 * @SIM_MMU_NO_MEMORY: Use of an address where there is no memory.
 * @SIM_MMU_DEAD_TABLE: Use of a page table in memory that nobody holds.
 * @SIM_MMU_VIOLATIONS: Number of kinds.
 */
enum sim_mmu_violation {
	SIM_MMU_NO_REGISTER,
	SIM_MMU_ABSENT,
	SIM_MMU_READ_ONLY,
	SIM_MMU_BUSY,
	SIM_MMU_BAD_COMMAND,
	SIM_MMU_BAD_CONFIG,
	SIM_MMU_BAD_LOCKADDR,
	SIM_MMU_RELOCK,
	SIM_MMU_UPDATE_LOCKED,
	SIM_MMU_UNLOCK,
	SIM_MMU_UNFLUSHED,
	SIM_MMU_FLUSH,
	SIM_MMU_STALE,
	SIM_MMU_UNMAPPED,
	SIM_MMU_FREED,
	SIM_MMU_REUSED,
	SIM_MMU_NO_MEMORY,
	SIM_MMU_DEAD_TABLE,
	SIM_MMU_VIOLATIONS,
};

/**
 * struct sim_mmu_env - What the MMU needs of the rest of the GPU
 * @priv: Passed to each of the functions, which are called with the lock held.
 * @lock: The lock.
 * @irq: The interrupt line may have changed. @stat is RAWSTAT & MASK; the line
 *	is high while that is not 0.
 * @violation: The driver did what it must not. @text is gone afterwards.
 * @as_changed: Accesses that stalled, faulted or found no AS may have another
 *	outcome now. NULL if nobody cares.
 * @delay_ns: How long a command takes: 0 to complete at once, %SIM_MMU_NEVER to
 *	wait for sim_mmu_step() or a reset. NULL for 0.
 * @now_ns: The time. May be NULL if @delay_ns never asks for another time.
 */
struct sim_mmu_env {
	void *priv;
	raw_spinlock_t *lock;
	void (*irq)(void *priv, u32 stat);
	void (*violation)(void *priv, enum sim_mmu_violation kind, const char *text);
	void (*as_changed)(void *priv, unsigned int as);
	u64 (*delay_ns)(void *priv, unsigned int as, u32 cmd);
	u64 (*now_ns)(void *priv);
};

/**
 * struct sim_mmu_config - Variant
 * @as_present: Mask of address spaces.
 * @va_bits: Width of GPU addresses, at most 48.
 * @pa_bits: Width of physical addresses, at most 48.
 * @tlb_entries: Translations that the TLB of an AS holds.
 * @check_every: Compare every nth use of a translation with the page tables; 0
 *	and 1 compare each.
 * @cache: Cache of the CPU that the GPU does not snoop; NULL if it does.
 */
struct sim_mmu_config {
	u16 as_present;
	u8 va_bits;
	u8 pa_bits;
	unsigned int tlb_entries;
	unsigned int check_every;
	struct sim_cache *cache;
};

/**
 * struct sim_mmu_stats - Counters since creation
 * @hits: Accesses to a page whose translation was in the TLB.
 * @misses: Accesses to a page whose translation was not.
 * @walks: Page-table walks, of misses and of checks.
 * @evictions: Translations that made room for others.
 * @invalidations: Translations that the driver made the TLB forget.
 * @commands: Commands written, by number.
 * @flushes: Flushes of the GPU's caches.
 * @stalls: Accesses that had to wait.
 * @faults: Faults reported.
 * @shadowed: Faults not reported, for the AS had one already.
 * @bytes: Bytes copied.
 * @violations: Violations, by kind.
 */
struct sim_mmu_stats {
	u64 hits;
	u64 misses;
	u64 walks;
	u64 evictions;
	u64 invalidations;
	u64 commands[SIM_MMU_COMMANDS];
	u64 flushes;
	u64 stalls;
	u64 faults;
	u64 shadowed;
	u64 bytes;
	u64 violations[SIM_MMU_VIOLATIONS];
};

struct sim_mmu *sim_mmu_create(const struct sim_mmu_config *config,
			       const struct sim_mmu_env *env);
void sim_mmu_destroy(struct sim_mmu *mmu);
void sim_mmu_reset(struct sim_mmu *mmu);

u32 sim_mmu_read(struct sim_mmu *mmu, u32 offset);
void sim_mmu_write(struct sim_mmu *mmu, u32 offset, u32 value);
u64 sim_mmu_tick(struct sim_mmu *mmu, u64 now);
bool sim_mmu_step(struct sim_mmu *mmu, unsigned int as);
void sim_mmu_flush_done(struct sim_mmu *mmu);

bool sim_mmu_translates(const struct sim_mmu *mmu, unsigned int as);
int sim_mmu_copy(struct sim_mmu *mmu, unsigned int as, u64 va, void *buf, size_t len,
		 enum sim_access access, const char *who);
void sim_mmu_fault(struct sim_mmu *mmu, unsigned int as, u64 va, enum sim_access access,
		   u8 type);

const struct sim_mmu_stats *sim_mmu_stats(const struct sim_mmu *mmu);
const char *sim_mmu_violation_name(enum sim_mmu_violation kind);

#endif
