// SPDX-License-Identifier: GPL-2.0-only
/* The firmware's own accesses to memory, and its complaints. */

#include <linux/errno.h>
#include <linux/printk.h>
#include <linux/stdarg.h>

#include <asm/barrier.h>

#include "sim_fw_priv.h"

/**
 * fw_blame() - The driver did what it must not
 * @fw: Firmware.
 * @fmt: What it did.
 *
 * Context: With the lock held.
 */
void fw_blame(struct sim_fw *fw, const char *fmt, ...)
{
	char text[120];
	va_list args;

	va_start(args, fmt);
	vscnprintf(text, sizeof(text), fmt, args);
	va_end(args);

	fw->stats.violations++;
	fw->env.violation(fw->env.priv, text);
}

static int fw_access(struct sim_fw *fw, u64 va, void *buf, size_t len, enum sim_access access)
{
	int ret;

	fw_assert_held(fw);

	ret = fw->env.copy(fw->env.priv, FW_AS, va, buf, len, access, "firmware");
	if (access == SIM_WRITE) {
		/* The driver polls without a lock: what is written is seen in that order. */
		smp_mb();
	}
	if (!ret || ret == -EAGAIN)
		return ret;

	fw_blame(fw, "firmware cannot %s %zu bytes at %#llx: %s", access == SIM_WRITE ? "write" :
		 "read", len, va, ret == -ENXIO ? "AS 0 is off" : "fault");
	fw_die(fw);
	return ret;
}

/**
 * fw_read() - Read through AS 0
 * @fw: Firmware.
 * @va: Address.
 * @buf: Where to put it.
 * @len: Number of bytes.
 *
 * Context: With the lock held.
 *
 * Return: 0, -EAGAIN if it has to wait, else the firmware is dead.
 */
int fw_read(struct sim_fw *fw, u64 va, void *buf, size_t len)
{
	return fw_access(fw, va, buf, len, SIM_READ);
}

/**
 * fw_write() - Write through AS 0
 * @fw: Firmware.
 * @va: Address.
 * @buf: What.
 * @len: Number of bytes.
 *
 * Context: With the lock held.
 *
 * Return: As fw_read().
 */
int fw_write(struct sim_fw *fw, u64 va, const void *buf, size_t len)
{
	return fw_access(fw, va, (void *)buf, len, SIM_WRITE);
}

/**
 * fw_write32() - Write a word through AS 0
 * @fw: Firmware.
 * @va: Address.
 * @value: What.
 *
 * Context: With the lock held.
 *
 * Return: As fw_read().
 */
int fw_write32(struct sim_fw *fw, u64 va, u32 value)
{
	return fw_write(fw, va, &value, sizeof(value));
}
