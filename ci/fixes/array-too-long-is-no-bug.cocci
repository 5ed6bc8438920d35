// SPDX-License-Identifier: GPL-2.0-only
// drm/panthor: Let no array of user space warn in the allocator
//
// How long an array is, user space says, and nothing bounds it: more than
// INT_MAX bytes make the allocator warn, which anybody who may open the
// render node can do, and less is taken from nobody's account.
//
// Defect: D90
// Files: panthor_drv.c
@@
identifier in;
@@
panthor_get_uobj_array(...)
{
<...
kvmalloc_array(in->count, obj_size,
- GFP_KERNEL
+ GFP_KERNEL_ACCOUNT | __GFP_NOWARN
 )
...>
}
