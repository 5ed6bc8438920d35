// SPDX-License-Identifier: GPL-2.0-only
// drm/panthor: Keep the size of suspend buffers over a reset
//
// A slow reset clears the firmware's interface before it boots the firmware
// again. A group that is created meanwhile reads a size of zero from there,
// and user space gets ENOSPC. All slots have the same size, as the driver
// checks at the first boot; keep it from then on.
//
// Defect: D82
// Files: panthor_fw.h panthor_fw.c panthor_sched.c
@@
typedef u32;
@@
struct panthor_fw_csg_iface {
	...
+
+	/** @suspend_size: Bytes of a suspend buffer, as of the first boot. */
+	u32 suspend_size;
+
+	/** @protm_suspend_size: The same for protected mode. */
+	u32 protm_suspend_size;
};

@@
identifier csg_iface;
@@
panthor_init_csg_iface(...)
{
<...
	csg_iface->output = ...;
+	csg_iface->suspend_size = csg_iface->control->suspend_size;
+	csg_iface->protm_suspend_size = csg_iface->control->protm_suspend_size;
...>
}

@@
identifier csg_iface;
@@
panthor_group_create(...)
{
<...
(
- csg_iface->control->suspend_size
+ csg_iface->suspend_size
|
- csg_iface->control->protm_suspend_size
+ csg_iface->protm_suspend_size
)
...>
}
