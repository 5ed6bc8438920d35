// SPDX-License-Identifier: GPL-2.0-only
// drm/panthor: Tear down no scheduler that was not set up
//
// Whether a queue has a scheduler is told by its callbacks, but those are
// there before drm_sched_init() can fail for want of memory. Then the
// teardown cancels work that was never initialized and follows a list of
// NULL. What drm_sched_init() sets when all is done is "ready".
//
// Defect: D117
// Files: panthor_sched.c
@@
identifier queue;
statement S;
@@
group_free_queue(..., struct panthor_queue *queue)
{
<...
- if (queue->scheduler.ops)
+ if (queue->scheduler.ready)
	S
...>
}
