/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The software GPU as a whole.
 *
 * Lock rules. Each GPU has one lock, &sim_gpu.lock, a raw one taken with
 * interrupts off; it serialises the whole model. The driver's register accesses
 * come in hard interrupts and under the driver's own spinlocks, so:
 *
 * - under the lock nothing sleeps and nothing is allocated, except with
 *   GFP_NOWAIT where failure is handled;
 * - the lock is innermost: under it no lock is taken but those of timers and
 *   printk, and no function of the driver or of the interrupt core is called;
 * - what has to be told to others (interrupts, the MCU thread) is left in a
 *   field, and sim_gpu_kick() has the hard irq_work look at it;
 * - the MCU thread takes the lock for one slice of bounded length at a time;
 * - memory of the driver is only touched under the lock, as a translation is
 *   good only that long.
 */

#ifndef __SIM_H__
#define __SIM_H__

#include <linux/irq_work.h>
#include <linux/lockdep.h>
#include <linux/spinlock.h>
#include <linux/types.h>

#include "sim_irq.h"
#include "sim_latency.h"
#include "sim_power.h"
#include "sim_violation.h"

struct dentry;
struct device_node;
struct irq_domain;
struct page;
struct sim_cache;
struct sim_clocks;
struct sim_events;
struct sim_fw;
struct sim_mmu;
struct sim_of;
struct task_struct;

/* Registers of one GPU, the doorbells at their end included. */
#define SIM_MMIO_SIZE		0x200000
#define SIM_MAX_GPUS		4
#define SIM_MAX_AS		16
#define SIM_MAX_CSG		31

/** struct sim_model - A GPU that exists, as its registers describe it. */
struct sim_model {
	/** @name: Value of the module parameter "model". */
	const char *name;
	/** @gpu_id: GPU_ID. */
	u32 gpu_id;
	/** @csf_id: GPU_CSF_ID. */
	u32 csf_id;
	/** @revid: GPU_REVID. */
	u32 revid;
	/** @core_features: GPU_CORE_FEATURES. */
	u32 core_features;
	/** @l2_features: GPU_L2_FEATURES. */
	u32 l2_features;
	/** @tiler_features: GPU_TILER_FEATURES. */
	u32 tiler_features;
	/** @mem_features: GPU_MEM_FEATURES. */
	u32 mem_features;
	/** @mmu_features: GPU_MMU_FEATURES. */
	u32 mmu_features;
	/** @thread_features: GPU_THREAD_FEATURES. */
	u32 thread_features;
	/** @max_threads: GPU_THREAD_MAX_THREADS. */
	u32 max_threads;
	/** @max_workgroup: GPU_THREAD_MAX_WORKGROUP_SIZE. */
	u32 max_workgroup;
	/** @max_barrier: GPU_THREAD_MAX_BARRIER_SIZE. */
	u32 max_barrier;
	/** @texture_features: GPU_TEXTURE_FEATURES. */
	u32 texture_features[4];
	/** @gpu_features: GPU_FEATURES. */
	u64 gpu_features;
	/** @present: SHADER_PRESENT, TILER_PRESENT, L2_PRESENT. */
	u64 present[SIM_DOMAINS];
	/** @fw_version: Version of the firmware interface. */
	u32 fw_version;
};

/** struct sim_config - What a GPU is made to. Does not change later. */
struct sim_config {
	/** @model: Which GPU. */
	const struct sim_model *model;
	/** @as_present: Mask of address spaces. */
	u32 as_present;
	/** @csg_slots: Command stream groups. */
	unsigned int csg_slots;
	/** @cs_per_csg: Command streams of each. */
	unsigned int cs_per_csg;
	/** @coherent: Has a coherent path to memory. */
	bool coherent;
	/** @cache: Cache of the CPU that it does not snoop; NULL if it does. */
	struct sim_cache *cache;
	/** @seed: For everything that is random. */
	u32 seed;
	/** @latency: Latencies at the start. */
	struct sim_latency_setting latency[SIM_OPS];
};

/** struct sim_counters - What happened so far; debugfs shows it. Under the lock. */
struct sim_counters {
	/** @mmio_reads: Register reads. */
	u64 mmio_reads;
	/** @mmio_writes: Register writes. */
	u64 mmio_writes;
	/** @tlb_hits: Translations found in the TLB. */
	u64 tlb_hits;
	/** @tlb_misses: Translations that were walked. */
	u64 tlb_misses;
	/** @as_commands: Commands of address spaces. */
	u64 as_commands;
	/** @flushes: Cache flushes of GPU_CMD. */
	u64 flushes;
	/** @faults: Faults of address spaces. */
	u64 faults;
	/** @resets: Soft and hard resets. */
	u64 resets;
	/** @boots: Boots of the MCU. */
	u64 boots;
	/** @doorbells: Doorbells rung. */
	u64 doorbells;
	/** @instructions: Instructions executed. */
	u64 instructions;
	/** @jobs: Jobs that reached their end. */
	u64 jobs;
	/** @slices: Slices of the MCU thread. */
	u64 slices;
	/** @bytes: Bytes read or written through the MMU. */
	u64 bytes;
};

/** struct sim_gpu - One GPU. */
struct sim_gpu {
	/** @lock: See above. */
	raw_spinlock_t lock;
	/** @id: Number of the instance. */
	unsigned int id;
	/** @config: What it was made to. */
	struct sim_config config;

	/** @irq: Interrupt blocks. */
	struct sim_irq_block irq[SIM_IRQ_LINES];
	/** @irq_domain: Domain of the lines, NULL in tests without one. */
	struct irq_domain *irq_domain;
	/** @irq_storm: So many calls without a write to the block are a storm. */
	unsigned int irq_storm;
	/** @work: Hard irq_work that delivers interrupts and wakes the MCU thread. */
	struct irq_work work;

	/** @latency: Operations in flight. */
	struct sim_latency latency;
	/** @power: Power domains. */
	struct sim_power_domain power[SIM_DOMAINS];
	/** @violations: Violations so far. */
	struct sim_violations violations;
	/** @counters: Statistics. */
	struct sim_counters counters;
	/** @events: Trace of the last events. */
	struct sim_events *events;

	/** @mapped: A driver has mapped the registers. */
	bool mapped;
	/** @clocks: Clocks, NULL in tests without them, which then are on. */
	struct sim_clocks *clocks;
	/** @cycles: Cycles up to @cycles_ns. */
	u64 cycles;
	/** @cycles_ns: When the clock last changed. */
	u64 cycles_ns;
	/** @clock_hz: Rate of the core clock, 0 while it is off. */
	u64 clock_hz;
	/** @timestamp_offset: TIMESTAMP_OFFSET. */
	u64 timestamp_offset;
	/** @coherency: COHERENCY_PROTOCOL. */
	u32 coherency;
	/** @l2_config: L2_CONFIG. */
	u32 l2_config;
	/** @asn_hash: ASN_HASH. */
	u32 asn_hash[3];
	/** @pwr_override: PWR_KEY, PWR_OVERRIDE0 and 1. */
	u32 pwr_override[3];
	/** @fault_status: GPU_FAULT_STATUS. */
	u32 fault_status;
	/** @fault_addr: GPU_FAULT_ADDR. */
	u64 fault_addr;

	/** @flush: GPU_CMD flush in flight. */
	struct sim_delayed flush;
	/** @reset: GPU_CMD reset in flight. */
	struct sim_delayed reset;
	/** @reset_cmd: Which reset that is, or the last one was. */
	u32 reset_cmd;
	/** @flush_page: LATEST_FLUSH page, which user space maps. */
	struct page *flush_page;
	/** @flush_id: Number of cache flushes that were done. */
	u32 flush_id;

	/** @mmu: Address spaces and TLB. */
	struct sim_mmu *mmu;
	/** @mmu_tick: When an AS command is done next. */
	struct sim_delayed mmu_tick;
	/** @as_stuck: Address spaces whose command no step completes. */
	u32 as_stuck;
	/** @fw: Firmware and command streams. */
	struct sim_fw *fw;
	/** @mcu_state: MCU_STATUS. */
	u32 mcu_state;
	/** @slow_memory_ns: Wait of the GPU per access to memory, by injection. */
	u64 slow_memory_ns;

	/** @mcu: MCU thread. */
	struct task_struct *mcu;
	/** @mcu_kicked: There is work for it. */
	bool mcu_kicked;

	/** @debugfs: Folder of this GPU. */
	struct dentry *debugfs;
	/** @of: Attachment to the device tree. */
	struct sim_of *of;
};

/* sim_gpu.c: making a GPU, its thread, time. */
struct sim_gpu *sim_gpu_create(unsigned int id, const struct sim_config *config);
void sim_gpu_destroy(struct sim_gpu *gpu);
void sim_gpu_kick(struct sim_gpu *gpu);
void sim_gpu_kick_mcu(struct sim_gpu *gpu);
u64 sim_gpu_now(void);
u64 sim_gpu_timestamp(const struct sim_gpu *gpu);
u64 sim_gpu_cycles(const struct sim_gpu *gpu);
const struct sim_model *sim_model_find(const char *name);
void sim_config_default(struct sim_config *config);

/*
 * The MCU thread calls, under the lock, over and over,
 *
 *	u64 sim_fw_run(struct sim_gpu *gpu, u64 now_ns);
 *
 * which does one slice of work and returns when it wants to be called again:
 * 0 at once, U64_MAX when kicked, else the time. The lock is dropped between
 * the calls. A kick, sim_gpu_kick_mcu(), ends a sleep early.
 */

#endif
