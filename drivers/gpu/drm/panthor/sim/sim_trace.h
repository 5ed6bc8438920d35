/* SPDX-License-Identifier: GPL-2.0-only */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM panthor_sim

#if !defined(__SIM_TRACE_H__) || defined(TRACE_HEADER_MULTI_READ)
#define __SIM_TRACE_H__

#include <linux/tracepoint.h>

TRACE_EVENT(sim_event,
	TP_PROTO(unsigned int gpu, const char *kind, u32 what, u64 value),
	TP_ARGS(gpu, kind, what, value),
	TP_STRUCT__entry(
		__field(unsigned int, gpu)
		__string(kind, kind)
		__field(u32, what)
		__field(u64, value)
	),
	TP_fast_assign(
		__entry->gpu = gpu;
		__assign_str(kind);
		__entry->what = what;
		__entry->value = value;
	),
	TP_printk("gpu=%u %s %#x %#llx", __entry->gpu, __get_str(kind),
		  __entry->what, __entry->value)
);

#endif

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE sim_trace
#include <trace/define_trace.h>
