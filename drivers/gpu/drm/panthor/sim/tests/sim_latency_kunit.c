// SPDX-License-Identifier: GPL-2.0-only
/* Latencies: each kind, their text, and what cancels an operation. */

#include <linux/cleanup.h>
#include <linux/delay.h>

#include <kunit/test.h>

#include "../sim_inject.h"
#include "../sim_latency.h"

/* Enough for a timer on a loaded machine. */
#define PATIENCE_MS	10000

struct latency_test {
	raw_spinlock_t lock;
	struct sim_latency latency;
	struct test_op {
		struct sim_delayed delayed;
		struct latency_test *owner;
		unsigned int done;
		u64 at;
	} ops[4];
	unsigned int order[8];
	unsigned int nr_done;
};

static void op_done(struct sim_delayed *delayed)
{
	struct test_op *op = container_of(delayed, struct test_op, delayed);
	struct latency_test *priv = op->owner;

	op->done++;
	op->at = ktime_get_ns();
	priv->order[priv->nr_done++ % ARRAY_SIZE(priv->order)] = op - priv->ops;
}

static int latency_init(struct kunit *test)
{
	struct latency_test *priv = kunit_kzalloc(test, sizeof(*priv), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, priv);
	raw_spin_lock_init(&priv->lock);
	sim_latency_init(&priv->latency, &priv->lock);
	for (unsigned int i = 0; i < ARRAY_SIZE(priv->ops); i++) {
		priv->ops[i].owner = priv;
		sim_delayed_init(&priv->ops[i].delayed, i % 2 ? SIM_OP_FLUSH : SIM_OP_AS, op_done);
	}
	test->priv = priv;
	return 0;
}

static void latency_exit(struct kunit *test)
{
	struct latency_test *priv = test->priv;

	if (priv)
		sim_latency_fini(&priv->latency);
}

static void set(struct latency_test *priv, enum sim_op op, enum sim_latency_kind kind, u64 ns)
{
	guard(raw_spinlock_irqsave)(&priv->lock);
	priv->latency.setting[op] = (struct sim_latency_setting){ .kind = kind, .ns = ns };
}

static void start(struct latency_test *priv, unsigned int i)
{
	guard(raw_spinlock_irqsave)(&priv->lock);
	sim_delayed_start(&priv->latency, &priv->ops[i].delayed);
}

/* Under the lock, where nothing ends, however long the host lets the guest wait. */
static u64 start_timed(struct latency_test *priv, unsigned int i, u64 ns)
{
	struct sim_latency_setting timed = { .kind = SIM_TIMED, .ns = ns };

	priv->latency.setting[i % 2 ? SIM_OP_FLUSH : SIM_OP_AS] = timed;
	sim_delayed_start(&priv->latency, &priv->ops[i].delayed);
	return priv->ops[i].delayed.due_ns;
}

static unsigned int step(struct latency_test *priv, enum sim_op op, unsigned int count)
{
	guard(raw_spinlock_irqsave)(&priv->lock);
	return sim_latency_step(&priv->latency, op, count);
}

static bool busy(struct latency_test *priv, unsigned int i)
{
	guard(raw_spinlock_irqsave)(&priv->lock);
	return sim_delayed_busy(&priv->ops[i].delayed);
}

static bool wait_done(struct latency_test *priv, unsigned int i)
{
	for (unsigned int ms = 0; busy(priv, i); ms++) {
		if (ms == PATIENCE_MS)
			return false;
		usleep_range(1000, 1500);
	}

	return true;
}

/*
 * An instant operation is started. Succeeds if it is done once when the start
 * returns.
 */
static void instant_is_done_at_once(struct kunit *test)
{
	struct latency_test *priv = test->priv;

	start(priv, 0);
	KUNIT_EXPECT_EQ(test, priv->ops[0].done, 1);
	KUNIT_EXPECT_FALSE(test, busy(priv, 0));
}

/*
 * An operation takes 20 ms. Succeeds if it is done once, no earlier, and was in
 * flight after its start.
 */
static void timed_is_done_in_time(struct kunit *test)
{
	struct latency_test *priv = test->priv;
	u64 begin;

	set(priv, SIM_OP_AS, SIM_TIMED, 20 * NSEC_PER_MSEC);
	begin = ktime_get_ns();
	start(priv, 0);
	KUNIT_ASSERT_TRUE(test, wait_done(priv, 0));
	KUNIT_EXPECT_EQ(test, priv->ops[0].done, 1);
	KUNIT_EXPECT_GE(test, priv->ops[0].at, begin + 20 * NSEC_PER_MSEC);
}

/*
 * A long operation is started, then a short one. Succeeds if the one that is due
 * first is done first, which is the short one but on a host that stood still in
 * between: the timer follows the next one due, not the first one started.
 */
static void short_overtakes_long(struct kunit *test)
{
	struct latency_test *priv = test->priv;
	unsigned int first;
	u64 due;

	scoped_guard(raw_spinlock_irqsave, &priv->lock) {
		due = start_timed(priv, 0, 100 * NSEC_PER_MSEC);
		first = start_timed(priv, 2, NSEC_PER_MSEC) < due ? 2 : 0;
	}
	KUNIT_ASSERT_TRUE(test, wait_done(priv, 0));
	KUNIT_ASSERT_TRUE(test, wait_done(priv, 2));
	KUNIT_EXPECT_EQ(test, priv->order[0], first);
	KUNIT_EXPECT_EQ(test, priv->order[1], 2 - first);
}

/*
 * Three operations wait for steps. Succeeds if a step of a kind completes the
 * oldest of that kind only, and steps of all kinds go by age.
 */
static void manual_goes_step_by_step(struct kunit *test)
{
	struct latency_test *priv = test->priv;

	set(priv, SIM_OP_AS, SIM_MANUAL, 0);
	set(priv, SIM_OP_FLUSH, SIM_MANUAL, 0);
	for (unsigned int i = 0; i < 4; i++)
		start(priv, i);

	KUNIT_EXPECT_EQ(test, step(priv, SIM_OP_FLUSH, 1), 1);
	KUNIT_EXPECT_EQ(test, priv->nr_done, 1);
	KUNIT_EXPECT_EQ(test, priv->order[0], 1);
	KUNIT_EXPECT_EQ(test, step(priv, SIM_OPS, 2), 2);
	KUNIT_EXPECT_EQ(test, priv->order[1], 0);
	KUNIT_EXPECT_EQ(test, priv->order[2], 2);
	KUNIT_EXPECT_EQ(test, step(priv, SIM_OP_AS, 1), 0);
	KUNIT_EXPECT_EQ(test, step(priv, SIM_OPS, 5), 1);
	KUNIT_EXPECT_EQ(test, priv->order[3], 3);
}

/*
 * An operation is stuck. Succeeds if no step completes it, and it can be
 * cancelled and then be started anew.
 */
static void stuck_stays_stuck(struct kunit *test)
{
	struct latency_test *priv = test->priv;

	set(priv, SIM_OP_AS, SIM_STUCK, 0);
	start(priv, 0);
	KUNIT_EXPECT_EQ(test, step(priv, SIM_OPS, 10), 0);
	KUNIT_EXPECT_TRUE(test, busy(priv, 0));

	scoped_guard(raw_spinlock_irqsave, &priv->lock)
		sim_delayed_cancel(&priv->latency, &priv->ops[0].delayed);
	KUNIT_EXPECT_FALSE(test, busy(priv, 0));
	set(priv, SIM_OP_AS, SIM_INSTANT, 0);
	start(priv, 0);
	KUNIT_EXPECT_EQ(test, priv->ops[0].done, 1);
}

/*
 * One operation of two is to be stuck, by injection. Succeeds if the first one
 * of that kind is, the other kind and the second one are not.
 */
static void stuck_once(struct kunit *test)
{
	struct latency_test *priv = test->priv;

	scoped_guard(raw_spinlock_irqsave, &priv->lock)
		priv->latency.once_stuck[SIM_OP_AS] = 1;
	start(priv, 1);
	start(priv, 0);
	start(priv, 2);
	KUNIT_EXPECT_FALSE(test, busy(priv, 1));
	KUNIT_EXPECT_TRUE(test, busy(priv, 0));
	KUNIT_EXPECT_FALSE(test, busy(priv, 2));
}

/*
 * An operation that takes time is cancelled before its end. Succeeds if it is
 * never done, while a later one still is.
 */
static void cancelled_is_never_done(struct kunit *test)
{
	struct latency_test *priv = test->priv;

	scoped_guard(raw_spinlock_irqsave, &priv->lock) {
		start_timed(priv, 0, 50 * NSEC_PER_MSEC);
		sim_delayed_cancel(&priv->latency, &priv->ops[0].delayed);
		start_timed(priv, 2, 60 * NSEC_PER_MSEC);
	}
	KUNIT_ASSERT_TRUE(test, wait_done(priv, 2));
	KUNIT_EXPECT_EQ(test, priv->ops[0].done, 0);
}

/*
 * Operations are in flight when all ends. Succeeds if none of them is done, and
 * all can be freed.
 */
static void end_drops_all(struct kunit *test)
{
	struct latency_test *priv = test->priv;

	set(priv, SIM_OP_AS, SIM_MANUAL, 0);
	set(priv, SIM_OP_FLUSH, SIM_TIMED, 30 * NSEC_PER_SEC);
	start(priv, 0);
	start(priv, 1);
	sim_latency_fini(&priv->latency);
	KUNIT_EXPECT_EQ(test, priv->nr_done, 0);
	KUNIT_EXPECT_FALSE(test, busy(priv, 0));
	KUNIT_EXPECT_FALSE(test, busy(priv, 1));
	KUNIT_EXPECT_FALSE(test, hrtimer_active(&priv->latency.timer));
}

struct parse_row {
	const char *text;
	int ret;
	enum sim_latency_kind kind;
	u64 ns;
};

static const struct parse_row parse_rows[] = {
	{ "instant", 0, SIM_INSTANT, 0 },
	{ "manual", 0, SIM_MANUAL, 0 },
	{ "stuck", 0, SIM_STUCK, 0 },
	{ "250ns", 0, SIM_TIMED, 250 },
	{ "10us", 0, SIM_TIMED, 10 * NSEC_PER_USEC },
	{ "5ms", 0, SIM_TIMED, 5 * NSEC_PER_MSEC },
	{ "60s", 0, SIM_TIMED, 60 * NSEC_PER_SEC },
	{ "0us", 0, SIM_INSTANT, 0 },
	{ "~10us", 0, SIM_TIMED, 10 * NSEC_PER_USEC },
	{ "~", -EINVAL },
	{ "~stuck", -EINVAL },
	{ "~~1us", -EINVAL },
	{ "61s", -EINVAL },
	{ "99999999999999999999s", -EINVAL },
	{ "18446744073709551615s", -EINVAL },
	{ "10", -EINVAL },
	{ "10 us", -EINVAL },
	{ "10usx", -EINVAL },
	{ "-5ms", -EINVAL },
	{ "us", -EINVAL },
	{ "", -EINVAL },
	{ "Instant", -EINVAL },
};

KUNIT_ARRAY_PARAM_DESC(parse, parse_rows, text);

/*
 * The text of a latency is read. Succeeds if it gives the setting of the table,
 * or is refused and changes nothing.
 */
static void text_of_a_latency(struct kunit *test)
{
	const struct parse_row *row = test->param_value;
	struct sim_latency_setting setting = { .kind = SIM_STUCK, .ns = 77 };

	KUNIT_EXPECT_EQ(test, sim_latency_parse(row->text, &setting), row->ret);
	KUNIT_EXPECT_EQ(test, setting.kind, row->ret ? SIM_STUCK : row->kind);
	KUNIT_EXPECT_EQ(test, setting.ns, row->ret ? 77 : row->ns);
}

static const struct {
	const char *text;
	int ret;
	enum sim_latency_kind as, flush, power;
} list_rows[] = {
	{ "", 0, SIM_INSTANT, SIM_INSTANT, SIM_INSTANT },
	{ "flush=manual", 0, SIM_INSTANT, SIM_MANUAL, SIM_INSTANT },
	{ "all=manual,power=1us", 0, SIM_MANUAL, SIM_MANUAL, SIM_TIMED },
	{ "power=1us,all=stuck", 0, SIM_STUCK, SIM_STUCK, SIM_STUCK },
	{ "as=manual\n", 0, SIM_MANUAL, SIM_INSTANT, SIM_INSTANT },
	{ "as=manual,flush", -EINVAL },
	{ "as=manual,flush=", -EINVAL },
	{ "as=manual,nothing=stuck", -EINVAL },
};

KUNIT_ARRAY_PARAM_DESC(list, list_rows, text);

/*
 * A list of latencies is read. Succeeds if the later word wins, and a list with
 * a mistake in it changes nothing at all.
 */
static void list_of_latencies(struct kunit *test)
{
	const typeof(*list_rows) *row = test->param_value;
	struct sim_latency_setting settings[SIM_OPS] = {};

	KUNIT_EXPECT_EQ(test, sim_latency_parse_list(row->text, settings), row->ret);
	KUNIT_EXPECT_EQ(test, settings[SIM_OP_AS].kind, row->as);
	KUNIT_EXPECT_EQ(test, settings[SIM_OP_FLUSH].kind, row->flush);
	KUNIT_EXPECT_EQ(test, settings[SIM_OP_POWER].kind, row->power);
}

/*
 * A time that varies is asked for many times, from two seeds. Succeeds if it is
 * always below twice what was set, spread over all of that, the same for the
 * same seed, and another for another.
 */
static void time_varies_by_the_seed(struct kunit *test)
{
	struct sim_latency *latency = kunit_kzalloc(test, 3 * sizeof(*latency), GFP_KERNEL);
	unsigned int differ = 0, high = 0;

	KUNIT_ASSERT_NOT_NULL(test, latency);
	for (unsigned int i = 0; i < 3; i++) {
		struct sim_latency_setting *setting = &latency[i].setting[SIM_OP_ACK];

		sim_latency_seed(&latency[i], i < 2 ? 5 : 6);
		KUNIT_ASSERT_EQ(test, 0, sim_latency_parse("~10us", setting));
	}
	for (unsigned int n = 0; n < 1000; n++) {
		u64 ns = sim_latency_ns(&latency[0], SIM_OP_ACK);

		KUNIT_ASSERT_LT(test, ns, 20 * NSEC_PER_USEC);
		KUNIT_ASSERT_EQ(test, ns, sim_latency_ns(&latency[1], SIM_OP_ACK));
		differ += ns != sim_latency_ns(&latency[2], SIM_OP_ACK);
		high += ns > 10 * NSEC_PER_USEC;
	}
	KUNIT_EXPECT_GT(test, differ, 900);
	KUNIT_EXPECT_GT(test, high, 400);
	KUNIT_EXPECT_LT(test, high, 600);
}

static struct kunit_case panthor_sim_latency_cases[] = {
	KUNIT_CASE(instant_is_done_at_once),
	KUNIT_CASE(timed_is_done_in_time),
	KUNIT_CASE(short_overtakes_long),
	KUNIT_CASE(manual_goes_step_by_step),
	KUNIT_CASE(stuck_stays_stuck),
	KUNIT_CASE(stuck_once),
	KUNIT_CASE(cancelled_is_never_done),
	KUNIT_CASE(end_drops_all),
	KUNIT_CASE(time_varies_by_the_seed),
	KUNIT_CASE_PARAM(text_of_a_latency, parse_gen_params),
	KUNIT_CASE_PARAM(list_of_latencies, list_gen_params),
	{}
};

static struct kunit_suite panthor_sim_latency_suite = {
	.name = "panthor_sim_latency",
	.init = latency_init,
	.exit = latency_exit,
	.test_cases = panthor_sim_latency_cases,
};

kunit_test_suite(panthor_sim_latency_suite);
