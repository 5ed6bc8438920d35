// SPDX-License-Identifier: GPL-2.0-only
// drm/panthor: Let the driver wait for a group that is being created
//
// A group takes its ring buffers' interface from the VM of the firmware,
// which is given up when the driver goes from its GPU. Nothing keeps the two
// apart: panthor_kernel_bo_create() warns that there is no VM, or uses one
// that was freed. Create groups while the device is there, as VM_BIND maps.
//
// Defect: D122
// Files: panthor_drv.c
@@
identifier ddev, ret, out;
@@
panthor_ioctl_group_create(struct drm_device *ddev, ...)
{
...
int ret;
+ int cookie;
...
+ if (!drm_dev_enter(ddev, &cookie)) {
+	ret = -ENODEV;
+	goto out;
+ }
+
ret = panthor_group_create(...);
+ drm_dev_exit(cookie);
if (ret < 0)
	goto out;
...
}
