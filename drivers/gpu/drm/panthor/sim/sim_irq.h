/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Interrupt blocks and lines. A line is high while RAWSTAT & MASK of its block
 * is not 0, and a high line is handled again and again, as a level is.
 */

#ifndef __SIM_IRQ_H__
#define __SIM_IRQ_H__

#include <linux/types.h>

struct device_node;
struct irq_domain;
struct sim_gpu;

/** enum sim_irq_line - Blocks and their lines, in the order of the device tree. */
enum sim_irq_line {
	/** @SIM_IRQ_JOB: Firmware to host. */
	SIM_IRQ_JOB,
	/** @SIM_IRQ_MMU: Faults of address spaces. */
	SIM_IRQ_MMU,
	/** @SIM_IRQ_GPU: Reset, flush, power. */
	SIM_IRQ_GPU,
	/** @SIM_IRQ_LINES: Number of lines. */
	SIM_IRQ_LINES
};

/* Registers of an interrupt block. */
#define SIM_INT_RAWSTAT		0x0
#define SIM_INT_CLEAR		0x4
#define SIM_INT_MASK		0x8
#define SIM_INT_STAT		0xc

/** struct sim_irq_block - One block. Under the GPU's lock. */
struct sim_irq_block {
	/** @raw: RAWSTAT. */
	u32 raw;
	/** @mask: MASK. */
	u32 mask;
	/** @lose: So many times that the line goes high nobody is told. */
	unsigned int lose;
	/** @repeats: Deliveries since the driver last wrote to the block. */
	unsigned int repeats;
	/** @lost: The line is high and nobody was told, by @lose. */
	bool lost;
	/** @chip_masked: The interrupt core does not want the line now. */
	bool chip_masked;
	/** @high: Level as of the last evaluation. */
	bool high;
	/** @delivered: Interrupts delivered. */
	u64 delivered;
};

int sim_irq_init(struct sim_gpu *gpu, struct device_node *np);
void sim_irq_fini(struct sim_gpu *gpu);
void sim_irq_deliver(struct sim_gpu *gpu);

/* All of these under the GPU's lock. */
void sim_irq_raise(struct sim_gpu *gpu, enum sim_irq_line line, u32 bits);
void sim_irq_set_stat(struct sim_gpu *gpu, enum sim_irq_line line, u32 stat);
void sim_irq_reset(struct sim_gpu *gpu, bool masks);
u32 sim_irq_read(struct sim_gpu *gpu, enum sim_irq_line line, u32 offset);
void sim_irq_write(struct sim_gpu *gpu, enum sim_irq_line line, u32 offset, u32 value);
bool sim_irq_level(const struct sim_gpu *gpu, enum sim_irq_line line);

#endif
