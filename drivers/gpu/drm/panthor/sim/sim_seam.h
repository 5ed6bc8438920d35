/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Forced include of the driver's objects, ahead of their own includes: register
 * accesses, and the one call that maps registers, go to the software GPU.
 *
 * The headers come first, so that their own uses of the names stay as they are.
 */

#ifndef __SIM_SEAM_H__
#define __SIM_SEAM_H__

#include <linux/io.h>
#include <linux/iopoll.h>
#include <linux/platform_device.h>

u32 panthor_sim_readl(const volatile void __iomem *addr);
void panthor_sim_writel(u32 value, volatile void __iomem *addr);
void __iomem *panthor_sim_ioremap(struct platform_device *pdev, unsigned int index,
				  struct resource **res);

#undef readl
#undef readl_relaxed
#undef writel
#undef writel_relaxed
#define readl(addr) panthor_sim_readl(addr)
#define readl_relaxed(addr) panthor_sim_readl(addr)
#define writel(value, addr) panthor_sim_writel(value, addr)
#define writel_relaxed(value, addr) panthor_sim_writel(value, addr)

#define devm_platform_get_and_ioremap_resource(pdev, index, res) \
	panthor_sim_ioremap(pdev, index, res)

/* An access of another kind has to be modelled first: this fails to compile. */
#undef readb
#undef readw
#undef readq
#undef writeb
#undef writew
#undef writeq
#define readb(addr) panthor_sim_has_no_readb(addr)
#define readw(addr) panthor_sim_has_no_readw(addr)
#define readq(addr) panthor_sim_has_no_readq(addr)
#define writeb(value, addr) panthor_sim_has_no_writeb(value, addr)
#define writew(value, addr) panthor_sim_has_no_writew(value, addr)
#define writeq(value, addr) panthor_sim_has_no_writeq(value, addr)

#endif
