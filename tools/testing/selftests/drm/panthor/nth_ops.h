/* SPDX-License-Identifier: GPL-2.0-only */
/* Operations that are not an ioctl of the driver, or one where it is not as usual. */

#ifndef __PANTHOR_SELFTEST_NTH_OPS_H__
#define __PANTHOR_SELFTEST_NTH_OPS_H__

#include "nth.h"

/* An ioctl of calls.h. */
extern const struct operation of_calls;
extern const struct operation of_group;

extern const struct operation first_heap;
extern const struct operation gem_close;
extern const struct operation mmap_bo;
extern const struct operation munmap_bo;
extern const struct operation mmap_flush_id;
extern const struct operation fault_read;
extern const struct operation fault_write;
extern const struct operation fault_flush_id;
extern const struct operation refault;
extern const struct operation restore;
extern const struct operation map_evicted;
extern const struct operation split_block;
extern const struct operation evict_bo;
extern const struct operation open_file;
extern const struct operation close_file;
extern const struct operation export_bo;
extern const struct operation import_bo;
extern const struct operation import_self;
extern const struct operation mmap_dmabuf;
extern const struct operation close_dmabuf;

void nth_arm_call(struct sweep *sweep);
int nth_run_call(struct sweep *sweep);
int nth_undo_call(struct sweep *sweep);

#endif
