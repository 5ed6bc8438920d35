// SPDX-License-Identifier: GPL-2.0-only
// drm/panthor: Refuse a wait for what the same job signals without a warning
//
// A job that waits for the point it is to signal itself finds an entry
// without a fence. That is a mistake of user space, refused with EINVAL, and
// none of the driver: do not warn.
//
// Defect: D94
// Files: panthor_drv.c
@@
identifier sig_sync;
@@
panthor_submit_ctx_add_sync_deps_to_job(...)
{
<...
- if (drm_WARN_ON(&ptdev->base, !sig_sync->fence))
+ if (!sig_sync->fence)
	return -EINVAL;
...>
}

@@
@@
panthor_submit_ctx_add_sync_deps_to_job(...)
{
- struct panthor_device *ptdev = ...;
... when != ptdev
}
