/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef __PANTHOR_SIM_DMA_H__
#define __PANTHOR_SIM_DMA_H__

#include "sim_cache.h"

int sim_dma_init(u32 seed, const char *mode);
void sim_dma_fini(void);
struct sim_cache *sim_dma_cache(void);

#endif
