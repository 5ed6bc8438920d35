// SPDX-License-Identifier: GPL-2.0-only
// drm/panthor: Wait until all of a block has power
//
// The poll of the READY register ends as soon as its value is part of the
// mask, and zero is part of every mask: nothing is ever waited for. Wait
// until the whole mask is ready. The value that is read has 64 bits.
//
// Defect: D83
// Files: panthor_gpu.c
@@
typedef u32, u64;
identifier val;
@@
panthor_gpu_block_power_on(...)
{
...
- u32 val;
+ u64 val;
...
}

@@
identifier val;
@@
panthor_gpu_block_power_on(...)
{
<...
- (mask & val) == val
+ (mask & val) == mask
...>
}
