// SPDX-License-Identifier: GPL-2.0-only
// drm/panthor: Take groups off their slots when the device is unplugged
//
// A group that has a slot is released by the scheduler's tick, which unplug
// disables. When the client closes its file later, nobody releases the group
// any more, nor its VM with all that it maps. Suspend the scheduler, as
// before a reset: then no group has a slot.
//
// Defect: D116
// Files: panthor_sched.c
@@
identifier ptdev, sched;
@@
panthor_sched_unplug(struct panthor_device *ptdev)
{
...
disable_work_sync(&sched->sync_upd_work);
+ panthor_sched_suspend(ptdev);
...
}
