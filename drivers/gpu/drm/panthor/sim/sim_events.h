/* SPDX-License-Identifier: GPL-2.0-only */
/* What happened last: a ring of events per GPU, and the tracepoint of each. */

#ifndef __SIM_EVENTS_H__
#define __SIM_EVENTS_H__

#include <linux/types.h>

struct seq_file;
struct sim_gpu;

/** enum sim_event_kind - What an event tells; its two values in brackets. */
enum sim_event_kind {
	/** @SIM_EVENT_READ: Register read (offset, value). */
	SIM_EVENT_READ,
	/** @SIM_EVENT_WRITE: Register write (offset, value). */
	SIM_EVENT_WRITE,
	/** @SIM_EVENT_IRQ: Level of an interrupt line (line, level). */
	SIM_EVENT_IRQ,
	/** @SIM_EVENT_POWER: End of a power transition (domain, cores ready). */
	SIM_EVENT_POWER,
	/** @SIM_EVENT_CLOCK: Clock (number, rate or 0 for off). */
	SIM_EVENT_CLOCK,
	/** @SIM_EVENT_RESET: End of a reset (command, 0). */
	SIM_EVENT_RESET,
	/** @SIM_EVENT_FLUSH: End of a cache flush (0, flush id). */
	SIM_EVENT_FLUSH,
	/** @SIM_EVENT_MCU: State of the MCU (state, 0). */
	SIM_EVENT_MCU,
	/** @SIM_EVENT_FAULT: Fault of an address space (number, address). */
	SIM_EVENT_FAULT,
	/** @SIM_EVENT_CSG: State of a command stream group (slot, state). */
	SIM_EVENT_CSG,
	/** @SIM_EVENT_CS: State of a command stream (slot << 8 | stream, state). */
	SIM_EVENT_CS,
	/** @SIM_EVENT_VIOLATION: Violation (kind, how many of it). */
	SIM_EVENT_VIOLATION,
	/** @SIM_EVENTS: Number of kinds. */
	SIM_EVENTS
};

int sim_events_init(struct sim_gpu *gpu);
void sim_events_fini(struct sim_gpu *gpu);
void sim_events_show(struct sim_gpu *gpu, struct seq_file *m);

/* Under the GPU's lock. */
void sim_event(struct sim_gpu *gpu, enum sim_event_kind kind, u32 what, u64 value);

#endif
