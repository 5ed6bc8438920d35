// SPDX-License-Identifier: GPL-2.0-only
// drm/panthor: Refuse flags of VM_BIND that are not known
//
// Every other flags field of the driver is checked. A program cannot find
// out whether a flag of a later driver has any effect as long as this one is
// not.
//
// Defect: D111
// Files: panthor_drv.c
@@
identifier args, cookie;
@@
panthor_ioctl_vm_bind(...)
{
...
struct drm_panthor_vm_bind *args = ...;
...
+ if (args->flags & ~PANTHOR_VM_BIND_FLAGS)
+	return -EINVAL;
if (!drm_dev_enter(..., &cookie))
	return -ENODEV;
...
}
