/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The memory that firmware and driver share: where its blocks are, and what is
 * in them. Offsets are in bytes, from the start of a block.
 */

#ifndef __SIM_FW_ABI_H__
#define __SIM_FW_ABI_H__

#include <linux/bits.h>
#include <linux/types.h>

/* Addresses of the firmware's address space. */
#define FW_AS			0
#define FW_TEXT_VA		0x00000000
#define FW_DATA_VA		0x00010000
#define FW_SHARED_VA		0x04000000
/* The driver puts ring interfaces and suspend buffers up to here. */
#define FW_SHARED_END		0x08000000

/*
 * The generated image, mkfw.py: text is words that count up from its magic, so
 * that the model sees whether it was loaded and still is; data begins with a
 * word that a boot changes, and that loading the image anew changes back.
 */
#define FW_TEXT_MAGIC		0x4d495350
#define FW_TEXT_WORDS		1024
#define FW_DATA_COLD		0x444c4f43
#define FW_DATA_WARM		0x4d524157

/* Where the driver expects control blocks, in the shared section. */
#define FW_CSG_CONTROL		0x1000
#define FW_CS_CONTROL		0x40

/* GLB control. */
#define GLB_VERSION		0x00
#define GLB_CONTROL_SIZE	0x20
/* The version from which on GLB_STATE takes the place of GLB_HALT. */
#define GLB_VERSION_STATE	0x04010000
#define GLB_VERSION_EP_REQ2	0x04000000

/* GLB input. */
#define GLB_REQ			0x00
#define GLB_ACK_IRQ_MASK	0x04
#define GLB_DOORBELL_REQ	0x08
#define GLB_PROGRESS_TIMER	0x10
#define GLB_POWEROFF_TIMER	0x14
#define GLB_CORE_EN_MASK	0x18
#define GLB_IDLE_TIMER		0x80
#define GLB_INPUT_SIZE		0x88

/* GLB output. */
#define GLB_ACK			0x00
#define GLB_DOORBELL_ACK	0x08
#define GLB_HALT_STATUS		0x10
#define GLB_OUTPUT_SIZE		0x1c

/* GLB requests. */
#define GLB_HALT		BIT(0)
#define GLB_CFG_PROGRESS_TIMER	BIT(1)
#define GLB_CFG_ALLOC_EN	BIT(2)
#define GLB_CFG_POWEROFF_TIMER	BIT(3)
#define GLB_COUNTER_EN		BIT(7)
#define GLB_PING		BIT(8)
#define GLB_FWCFG_UPDATE	BIT(9)
#define GLB_IDLE_EN		BIT(10)
#define GLB_STATE		GENMASK(14, 12)
#define   GLB_STATE_ACTIVE	0
#define   GLB_STATE_HALT	1
#define GLB_IDLE		BIT(26)

/* Those that are taken; protected mode and performance counters are not modelled. */
#define GLB_REQUESTS		(GLB_CFG_PROGRESS_TIMER | GLB_CFG_ALLOC_EN | \
				 GLB_CFG_POWEROFF_TIMER | GLB_COUNTER_EN | GLB_PING | \
				 GLB_FWCFG_UPDATE | GLB_IDLE_EN)
#define GLB_EVENTS		GLB_IDLE

/* Values of timers: units of 1024 ticks. */
#define GLB_TIMER_VALUE		GENMASK(30, 0)
#define GLB_TIMER_CYCLES	BIT(31)

/* CSG control. */
#define CSG_CONTROL_SIZE	0x1c

/* CSG input. */
#define CSG_REQ			0x00
#define CSG_ACK_IRQ_MASK	0x04
#define CSG_DOORBELL_REQ	0x08
#define CSG_CS_IRQ_ACK		0x0c
#define CSG_ALLOW_COMPUTE	0x20
#define CSG_ALLOW_FRAGMENT	0x28
#define CSG_ALLOW_OTHER		0x30
#define CSG_EP_REQ		0x34
#define CSG_EP_REQ2		0x38
#define CSG_SUSPEND_BUF		0x40
#define CSG_CONFIG		0x50
#define CSG_INPUT_SIZE		0x58

/* CSG output. */
#define CSG_ACK			0x00
#define CSG_DOORBELL_ACK	0x08
#define CSG_CS_IRQ_REQ		0x0c
#define CSG_STATUS_EP_CURRENT	0x10
#define CSG_STATUS_EP_REQ	0x14
#define CSG_STATUS_STATE	0x18
#define CSG_OUTPUT_SIZE		0x20

/* CSG requests and events. */
#define CSG_STATE		GENMASK(2, 0)
#define   CSG_TERMINATE		0
#define   CSG_START		1
#define   CSG_SUSPEND		2
#define   CSG_RESUME		3
#define CSG_ENDPOINT_CONFIG	BIT(4)
#define CSG_STATUS_UPDATE	BIT(5)
#define CSG_REQUESTS		(CSG_STATE | CSG_ENDPOINT_CONFIG | CSG_STATUS_UPDATE)
#define CSG_SYNC_UPDATE		BIT(28)
#define CSG_IDLE		BIT(29)
#define CSG_PROGRESS_TIMER	BIT(31)
#define CSG_EVENTS		(CSG_SYNC_UPDATE | CSG_IDLE | CSG_PROGRESS_TIMER)

/* CS control. */
#define CS_CONTROL_SIZE		0x0c

/* CS input. */
#define CS_REQ			0x00
#define CS_CONFIG		0x04
#define CS_ACK_IRQ_MASK		0x0c
#define CS_RING_BASE		0x10
#define CS_RING_SIZE		0x18
#define CS_HEAP_START		0x20
#define CS_HEAP_END		0x28
#define CS_RING_INPUT		0x30
#define CS_RING_OUTPUT		0x38
#define CS_INPUT_SIZE		0x58

/* CS output. */
#define CS_ACK			0x00
#define CS_STATUS		0x40
#define CS_STATUS_SIZE		0x28
#define CS_FAULT_WORD		0x80
#define CS_FATAL_WORD		0x84
#define CS_FAULT_INFO		0x88
#define CS_FATAL_INFO		0x90
#define CS_HEAP_VT_START	0xc0
#define CS_HEAP_VT_END		0xc4
#define CS_HEAP_FRAG_END	0xcc
#define CS_HEAP_ADDRESS		0xd0
#define CS_OUTPUT_SIZE		0xd8

/* CS requests and events. */
#define CS_STATE		GENMASK(2, 0)
#define   CS_STOP		0
#define   CS_START		1
#define CS_EXTRACT_EVENT	BIT(4)
#define CS_IDLE_SYNC_WAIT	BIT(8)
#define CS_IDLE_PROTM_PENDING	BIT(9)
#define CS_IDLE_EMPTY		BIT(10)
#define CS_IDLE_RESOURCE	BIT(11)
#define CS_REQUESTS		(CS_STATE | CS_EXTRACT_EVENT | CS_IDLE_SYNC_WAIT | \
				 CS_IDLE_PROTM_PENDING | CS_IDLE_EMPTY | CS_IDLE_RESOURCE)
#define CS_TILER_OOM		BIT(26)
#define CS_FATAL		BIT(30)
#define CS_FAULT		BIT(31)
#define CS_EVENTS		(CS_TILER_OOM | CS_FATAL | CS_FAULT)

#define CS_DOORBELL		GENMASK(15, 8)

/** struct fw_cs_status - CS output from %CS_STATUS on. */
struct fw_cs_status {
	/** @cmd_ptr: Address of the instruction. */
	u64 cmd_ptr;
	/** @wait: What is waited for. */
	u32 wait;
	/** @req_resource: Resources asked for. */
	u32 req_resource;
	/** @sync_ptr: Address of the sync object waited for. */
	u64 sync_ptr;
	/** @sync_value: Low word of the value it is compared with. */
	u32 sync_value;
	/** @scoreboards: Scoreboards that are not 0. */
	u32 scoreboards;
	/** @blocked_reason: Why it does not go on. */
	u32 blocked_reason;
	/** @sync_value_hi: High word of the value. */
	u32 sync_value_hi;
};

/* Ring interface: the driver's page and the firmware's. */
#define RING_INSERT		0x00
#define RING_EXTRACT_INIT	0x08
#define RING_EXTRACT		0x00
#define RING_ACTIVE		0x08

/* Exceptions that the firmware itself reports. */
#define FW_EXC_CS_CONFIG_FAULT	0x40
#define FW_EXC_CS_BUS_FAULT	0x48
#define FW_EXC_OOM		0x60

#endif
