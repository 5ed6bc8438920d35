// SPDX-License-Identifier: GPL-2.0-only
// drm/panthor: Make the chunks of a heap in the VM that was looked up
//
// A heap is created with a reference on the VM, taken under the lock of the
// pool, but its chunks go to the VM that the pool names by then: none, if
// the VM is destroyed meanwhile. That makes panthor_kernel_bo_create() warn,
// which anybody with the render node can have. Hand the VM down.
//
// Defect: D119
// Files: panthor_heap.c
@@
identifier pool;
@@
panthor_alloc_heap_chunk(struct panthor_heap_pool *pool,
+ struct panthor_vm *vm,
 ...)
{
<...
- pool->vm
+ vm
...>
}

@@
identifier pool;
@@
panthor_alloc_heap_chunks(struct panthor_heap_pool *pool,
+ struct panthor_vm *vm,
 ...)
{
<...
panthor_alloc_heap_chunk(
- pool,
+ pool, vm,
 ...)
...>
}

@@
identifier pool;
@@
panthor_heap_create(struct panthor_heap_pool *pool, ...)
{
<...
panthor_alloc_heap_chunks(
- pool,
+ pool, vm,
 ...)
...>
}

@@
identifier pool;
@@
panthor_heap_grow(struct panthor_heap_pool *pool, ...)
{
<...
panthor_alloc_heap_chunk(
- pool,
+ pool, pool->vm,
 ...)
...>
}
