// SPDX-License-Identifier: GPL-2.0-only
// drm/panthor: Put no syncobj that was not found
//
// When user space asks for a signal to a syncobj that does not exist, or
// there is no memory for the chain, the half-made object is freed with a
// syncobj of NULL, which drm_syncobj_put() does not take: anybody who may
// open the render node ends the kernel.
//
// Defect: D110
// Files: panthor_drv.c
@@
identifier sig_sync;
@@
panthor_sync_signal_free(struct panthor_sync_signal *sig_sync)
{
...
- drm_syncobj_put(sig_sync->syncobj);
+ if (sig_sync->syncobj)
+	drm_syncobj_put(sig_sync->syncobj);
...
}
