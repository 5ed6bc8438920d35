/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A fence that is signaled when a test says so, without a GPU: a software fence.
 * Functions return 0 or a positive value if they succeed, else a negative errno.
 */

#ifndef __PANTHOR_SELFTEST_GATE_H__
#define __PANTHOR_SELFTEST_GATE_H__

#include <stdint.h>

struct gate {
	int fd;
};

int gate_make(struct gate *gate);
int gate_syncobj(const struct gate *gate, int fd, unsigned int when, uint32_t *syncobj);
int gate_open(const struct gate *gate, unsigned int steps);
void gate_free(struct gate *gate);

int timeline_wait(int fd, uint32_t syncobj, uint64_t point, unsigned int ms);
int timeline_query(int fd, uint32_t syncobj, uint64_t *point);

#endif
