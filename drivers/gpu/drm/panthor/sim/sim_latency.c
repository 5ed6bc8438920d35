// SPDX-License-Identifier: GPL-2.0-only
/* Operations in flight and when they are done. */

#include <linux/cleanup.h>
#include <linux/kstrtox.h>
#include <linux/lockdep.h>
#include <linux/math64.h>
#include <linux/string.h>
#include <linux/timekeeping.h>

#include "sim_latency.h"

/* Longer than any deadline of the driver, which is what SIM_STUCK is for. */
#define SIM_LATENCY_MAX_NS	(60ULL * NSEC_PER_SEC)

static const char *const sim_op_names[SIM_OPS] = {
	[SIM_OP_AS] = "as",
	[SIM_OP_FLUSH] = "flush",
	[SIM_OP_RESET] = "reset",
	[SIM_OP_POWER] = "power",
	[SIM_OP_BOOT] = "boot",
	[SIM_OP_HALT] = "halt",
	[SIM_OP_ACK] = "ack",
	[SIM_OP_RUN] = "run",
};

/**
 * sim_op_name() - Name of an operation
 * @op: Operation.
 *
 * Context: Any.
 *
 * Return: The name, as in parameters and debugfs.
 */
const char *sim_op_name(enum sim_op op)
{
	return op < SIM_OPS ? sim_op_names[op] : "unknown";
}

/**
 * sim_latency_parse() - Read a setting
 * @text: "instant", "manual", "stuck" or a time: "250ns", "10us", "5ms", "1s"; it
 *	varies with "~10us".
 * @setting: Where to put it.
 *
 * Context: Any.
 *
 * Return: 0, or -EINVAL, which leaves @setting alone.
 */
int sim_latency_parse(const char *text, struct sim_latency_setting *setting)
{
	static const struct { const char *suffix; u64 ns; } units[] = {
		{ "ns", 1 }, { "us", NSEC_PER_USEC },
		{ "ms", NSEC_PER_MSEC }, { "s", NSEC_PER_SEC },
	};
	static const struct { const char *text; enum sim_latency_kind kind; } words[] = {
		{ "instant", SIM_INSTANT }, { "manual", SIM_MANUAL }, { "stuck", SIM_STUCK },
	};
	bool vary = *text == '~';
	char number[20];
	size_t digits;
	u64 value;

	for (unsigned int i = 0; i < ARRAY_SIZE(words); i++) {
		if (!strcmp(text, words[i].text)) {
			*setting = (struct sim_latency_setting){ .kind = words[i].kind };
			return 0;
		}
	}

	text += vary;
	digits = strspn(text, "0123456789");
	if (!digits || digits >= sizeof(number))
		return -EINVAL;

	memcpy(number, text, digits);
	number[digits] = '\0';
	if (kstrtou64(number, 10, &value))
		return -EINVAL;

	for (unsigned int i = 0; i < ARRAY_SIZE(units); i++) {
		if (strcmp(text + digits, units[i].suffix))
			continue;
		if (value > SIM_LATENCY_MAX_NS / units[i].ns)
			return -EINVAL;
		*setting = (struct sim_latency_setting){
			.kind = value ? SIM_TIMED : SIM_INSTANT,
			.ns = value * units[i].ns,
			.vary = vary,
		};
		return 0;
	}

	return -EINVAL;
}

static void sim_delayed_finish(struct sim_delayed *delayed)
{
	list_del_init(&delayed->link);
	delayed->due_ns = 0;
	delayed->done(delayed);
}

/* The timed operation that is due first, NULL if none is in flight. */
static struct sim_delayed *sim_latency_next(struct sim_latency *latency)
{
	struct sim_delayed *delayed, *next = NULL;

	list_for_each_entry(delayed, &latency->pending, link) {
		if (delayed->kind == SIM_TIMED && (!next || delayed->due_ns < next->due_ns))
			next = delayed;
	}

	return next;
}

static void sim_latency_arm(struct sim_latency *latency, struct sim_delayed *delayed, u64 due_ns)
{
	delayed->due_ns = due_ns;
	if (sim_latency_next(latency) == delayed)
		hrtimer_start(&latency->timer, ns_to_ktime(due_ns), HRTIMER_MODE_ABS_HARD);
}

static enum hrtimer_restart sim_latency_expired(struct hrtimer *timer)
{
	struct sim_latency *latency = container_of(timer, struct sim_latency, timer);
	struct sim_delayed *next;

	guard(raw_spinlock_irqsave)(latency->lock);
	while ((next = sim_latency_next(latency))) {
		if (next->due_ns > ktime_get_ns()) {
			hrtimer_start(timer, ns_to_ktime(next->due_ns), HRTIMER_MODE_ABS_HARD);
			break;
		}
		sim_delayed_finish(next);
	}

	return HRTIMER_NORESTART;
}

/**
 * sim_latency_init() - Make it ready, everything instant
 * @latency: What to initialise.
 * @lock: The GPU's lock.
 *
 * Context: Process.
 */
void sim_latency_init(struct sim_latency *latency, raw_spinlock_t *lock)
{
	memset(latency, 0, sizeof(*latency));
	latency->lock = lock;
	INIT_LIST_HEAD(&latency->pending);
	hrtimer_setup(&latency->timer, sim_latency_expired, CLOCK_MONOTONIC,
		      HRTIMER_MODE_ABS_HARD);
}

/**
 * sim_latency_seed() - Have times that vary be repeated
 * @latency: Operations of the GPU.
 * @seed: The same seed gives the same times, in the order they are asked for.
 *
 * Context: Process, before any operation.
 */
void sim_latency_seed(struct sim_latency *latency, u32 seed)
{
	prandom_seed_state(&latency->random, seed);
}

/**
 * sim_latency_ns() - How long the next operation takes
 * @latency: Operations of the GPU.
 * @op: Operation whose setting is a time.
 *
 * Context: Under the GPU's lock.
 *
 * Return: Nanoseconds.
 */
u64 sim_latency_ns(struct sim_latency *latency, enum sim_op op)
{
	const struct sim_latency_setting *setting = &latency->setting[op];

	if (!setting->vary)
		return setting->ns;
	return mul_u64_u32_shr(2 * setting->ns, prandom_u32_state(&latency->random), 32);
}

/**
 * sim_latency_fini() - Drop what is in flight
 * @latency: What to end. Nothing may be started any more.
 *
 * Context: Process, without the GPU's lock.
 */
void sim_latency_fini(struct sim_latency *latency)
{
	struct sim_delayed *delayed, *tmp;

	scoped_guard(raw_spinlock_irqsave, latency->lock) {
		list_for_each_entry_safe(delayed, tmp, &latency->pending, link)
			list_del_init(&delayed->link);
	}
	hrtimer_cancel(&latency->timer);
}

/**
 * sim_delayed_init() - Make an operation ready to be started
 * @delayed: Operation.
 * @op: Its kind.
 * @done: Called under the lock when it is done.
 *
 * Context: Any.
 */
void sim_delayed_init(struct sim_delayed *delayed, enum sim_op op,
		      void (*done)(struct sim_delayed *delayed))
{
	memset(delayed, 0, sizeof(*delayed));
	INIT_LIST_HEAD(&delayed->link);
	delayed->op = op;
	delayed->done = done;
}

/**
 * sim_delayed_start() - Start an operation
 * @latency: Operations of the GPU.
 * @delayed: Operation, not in flight.
 *
 * An instant one is done when this returns.
 *
 * Context: Under the GPU's lock.
 */
void sim_delayed_start(struct sim_latency *latency, struct sim_delayed *delayed)
{
	const struct sim_latency_setting *setting = &latency->setting[delayed->op];

	lockdep_assert_held(latency->lock);

	delayed->kind = setting->kind;
	if (latency->once_stuck[delayed->op]) {
		latency->once_stuck[delayed->op]--;
		delayed->kind = SIM_STUCK;
	}

	list_add_tail(&delayed->link, &latency->pending);
	if (delayed->kind == SIM_INSTANT) {
		sim_delayed_finish(delayed);
		return;
	}
	if (delayed->kind != SIM_TIMED)
		return;

	sim_latency_arm(latency, delayed, ktime_get_ns() + sim_latency_ns(latency, delayed->op));
}

/**
 * sim_delayed_start_at() - Start an operation whose end is known
 * @latency: Operations of the GPU.
 * @delayed: Operation, not in flight.
 * @due_ns: When it is done, of ktime_get_ns().
 *
 * Context: Under the GPU's lock.
 */
void sim_delayed_start_at(struct sim_latency *latency, struct sim_delayed *delayed, u64 due_ns)
{
	lockdep_assert_held(latency->lock);

	delayed->kind = SIM_TIMED;
	list_add_tail(&delayed->link, &latency->pending);
	sim_latency_arm(latency, delayed, due_ns);
}

/**
 * sim_delayed_cancel() - Forget an operation; it will not be done
 * @latency: Operations of the GPU.
 * @delayed: Operation, in flight or not.
 *
 * Context: Under the GPU's lock.
 */
void sim_delayed_cancel(struct sim_latency *latency, struct sim_delayed *delayed)
{
	lockdep_assert_held(latency->lock);

	list_del_init(&delayed->link);
	delayed->due_ns = 0;
}

/**
 * sim_latency_step() - Complete operations that wait for a step
 * @latency: Operations of the GPU.
 * @op: Which kind, %SIM_OPS for all.
 * @count: At most so many, the oldest first.
 *
 * Stuck ones stay stuck.
 *
 * Context: Under the GPU's lock.
 *
 * Return: How many were completed.
 */
unsigned int sim_latency_step(struct sim_latency *latency, enum sim_op op, unsigned int count)
{
	unsigned int done = 0;

	lockdep_assert_held(latency->lock);

	while (done < count) {
		struct sim_delayed *delayed, *found = NULL;

		list_for_each_entry(delayed, &latency->pending, link) {
			if (delayed->kind == SIM_MANUAL && (op == SIM_OPS || delayed->op == op)) {
				found = delayed;
				break;
			}
		}
		if (!found)
			break;
		sim_delayed_finish(found);
		done++;
	}

	return done;
}
