// SPDX-License-Identifier: GPL-2.0-only
/* Ring of the last events. */

#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "sim.h"
#include "sim_events.h"

#define CREATE_TRACE_POINTS
#include "sim_trace.h"

#define SIM_EVENTS_KEPT		1024

struct sim_event_entry {
	u64 ns;
	u64 value;
	u32 what;
	u8 kind;
};

struct sim_events {
	/* Events so far; the ring has the last of them. */
	u64 count;
	struct sim_event_entry ring[SIM_EVENTS_KEPT];
};

static const char *const sim_event_names[SIM_EVENTS] = {
	[SIM_EVENT_READ] = "read",
	[SIM_EVENT_WRITE] = "write",
	[SIM_EVENT_IRQ] = "irq",
	[SIM_EVENT_POWER] = "power",
	[SIM_EVENT_CLOCK] = "clock",
	[SIM_EVENT_RESET] = "reset",
	[SIM_EVENT_FLUSH] = "flush",
	[SIM_EVENT_MCU] = "mcu",
	[SIM_EVENT_FAULT] = "fault",
	[SIM_EVENT_CSG] = "csg",
	[SIM_EVENT_CS] = "cs",
	[SIM_EVENT_VIOLATION] = "violation",
};

/**
 * sim_events_init() - Make the ring
 * @gpu: GPU.
 *
 * Context: Process.
 *
 * Return: 0 or -ENOMEM.
 */
int sim_events_init(struct sim_gpu *gpu)
{
	gpu->events = kvzalloc_obj(*gpu->events);
	return gpu->events ? 0 : -ENOMEM;
}

/**
 * sim_events_fini() - Free the ring
 * @gpu: GPU.
 *
 * Context: Process.
 */
void sim_events_fini(struct sim_gpu *gpu)
{
	kvfree(gpu->events);
}

/**
 * sim_event() - Note that something happened
 * @gpu: GPU.
 * @kind: What.
 * @what: First value, see &enum sim_event_kind.
 * @value: Second value.
 *
 * Context: Under the GPU's lock.
 */
void sim_event(struct sim_gpu *gpu, enum sim_event_kind kind, u32 what, u64 value)
{
	struct sim_events *events = gpu->events;

	lockdep_assert_held(&gpu->lock);

	events->ring[events->count++ % SIM_EVENTS_KEPT] = (struct sim_event_entry){
		.ns = sim_gpu_now(),
		.kind = kind,
		.what = what,
		.value = value,
	};
	trace_sim_event(gpu->id, sim_event_names[kind], what, value);
}

/**
 * sim_events_show() - Print the ring, oldest first
 * @gpu: GPU.
 * @m: Where to.
 *
 * Context: Process.
 */
void sim_events_show(struct sim_gpu *gpu, struct seq_file *m)
{
	struct sim_events *copy = kvmalloc(sizeof(*copy), GFP_KERNEL);
	u64 first;

	if (!copy)
		return;

	scoped_guard(raw_spinlock_irqsave, &gpu->lock)
		memcpy(copy, gpu->events, sizeof(*copy));

	first = copy->count > SIM_EVENTS_KEPT ? copy->count - SIM_EVENTS_KEPT : 0;
	for (u64 i = first; i < copy->count; i++) {
		const struct sim_event_entry *entry = &copy->ring[i % SIM_EVENTS_KEPT];

		seq_printf(m, "%llu.%09llu %s %#x %#llx\n", entry->ns / NSEC_PER_SEC,
			   entry->ns % NSEC_PER_SEC, sim_event_names[entry->kind],
			   entry->what, entry->value);
	}
	kvfree(copy);
}
