/* SPDX-License-Identifier: GPL-2.0-only */
/* Failures on request, as lines of text. */

#ifndef __SIM_INJECT_H__
#define __SIM_INJECT_H__

#include "sim_latency.h"

struct seq_file;
struct sim_gpu;

int sim_inject(struct sim_gpu *gpu, char *line);
int sim_inject_latency(struct sim_gpu *gpu, char *line);
int sim_inject_expect(struct sim_gpu *gpu, char *line);
int sim_inject_step(struct sim_gpu *gpu, char *line);
int sim_latency_parse_list(const char *text, struct sim_latency_setting *settings);
void sim_inject_help(struct seq_file *m);

#endif
