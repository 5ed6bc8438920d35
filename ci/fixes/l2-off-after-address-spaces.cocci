// SPDX-License-Identifier: GPL-2.0-only
// drm/panthor: Keep the L2 on until address spaces are disabled
//
// When the driver goes from its device, the firmware's part switches the L2
// off before the MMU's part disables the address spaces that clients use:
// flushes time out, and what the L2 holds of them is not written. Let the
// GPU's part, which comes last, switch it off.
//
// Defect: D92
// Files: panthor_fw.c panthor_gpu.c
@@
identifier ptdev;
@@
panthor_fw_unplug(struct panthor_device *ptdev)
{
...
- if (!IS_ENABLED(CONFIG_PM) || pm_runtime_active(ptdev->base.dev))
- 	panthor_hw_l2_power_off(ptdev);
}

@@
identifier ptdev;
expression irq;
@@
panthor_gpu_unplug(struct panthor_device *ptdev)
{
<...
if (...)
-	panthor_gpu_irq_suspend(irq);
+{
+	panthor_gpu_irq_suspend(irq);
+	panthor_hw_l2_power_off(ptdev);
+}
...>
}
