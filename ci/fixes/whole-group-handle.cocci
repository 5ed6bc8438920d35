// SPDX-License-Identifier: GPL-2.0-only
// drm/panthor: Look at all of the group handle of a job
//
// GROUP_SUBMIT has a handle of 32 bits, of which the upper half is dropped on
// the way: a handle of no group reaches one. The other ioctls of groups
// refuse it.
//
// Defect: D112
// Files: panthor_sched.c panthor_sched.h
@@
typedef u16, u32;
identifier pfile, handle;
@@
panthor_job_create(struct panthor_file *pfile,
- u16 handle,
+ u32 handle,
 ...)
{ ... }

@@
typedef u16, u32;
identifier pfile, handle;
type T;
@@
T panthor_job_create(struct panthor_file *pfile,
- u16 handle,
+ u32 handle,
 ...);
