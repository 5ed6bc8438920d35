// SPDX-License-Identifier: GPL-2.0-only
/* What a test does with the fake address spaces, and asks them. */

#include <linux/bits.h>
#include <linux/cleanup.h>
#include <linux/io.h>
#include <linux/sprintf.h>
#include <linux/string.h>

#include <kunit/resource.h>

#include "../panthor_device.h"

#include "fake_as_priv.h"
#include "fixture.h"

static struct fake_as *const fake = &panthor_fake_as_state;

static const char * const violation_names[FAKE_AS_VIOLATIONS] = {
	[FAKE_AS_ABSENT] = "absent",
	[FAKE_AS_UNKNOWN] = "unknown",
	[FAKE_AS_READ_ONLY] = "read_only",
	[FAKE_AS_BUSY] = "busy",
	[FAKE_AS_BAD_COMMAND] = "bad_command",
	[FAKE_AS_BAD_LOCKADDR] = "bad_lockaddr",
	[FAKE_AS_RELOCK] = "relock",
	[FAKE_AS_UNLOCK] = "unlock",
	[FAKE_AS_UNFLUSHED] = "unflushed",
	[FAKE_AS_FLUSH] = "flush",
};

static const char * const event_names[] = {
	[AS_COMMAND_NOP] = "NOP",
	[AS_COMMAND_UPDATE] = "UPDATE",
	[AS_COMMAND_LOCK] = "LOCK",
	[AS_COMMAND_UNLOCK] = "UNLOCK",
	[AS_COMMAND_FLUSH_PT] = "FLUSH_PT",
	[AS_COMMAND_FLUSH_MEM] = "FLUSH_MEM",
	[FAKE_FLUSH_CACHES] = "FLUSH",
};

/* What a GPU reset clears. */
static void fake_reset_registers(void)
{
	memset(fake->slots, 0, sizeof(fake->slots));
	fake->irq_raw = 0;
	fake->irq_mask = 0;
}

/* Runs before the seam goes back to plain memory. */
static void fake_detach(void *data)
{
	struct kunit *test = data;

	for (unsigned int kind = 0; kind < FAKE_AS_VIOLATIONS; kind++)
		KUNIT_EXPECT_EQ_MSG(test, fake->violations[kind], 0,
				    "violation %s, last at offset 0x%lx",
				    violation_names[kind], fake->last_offset);
}

/**
 * panthor_fake_as_init() - .init of a suite: a device with fake address spaces
 * @test: The test.
 *
 * Context: Test thread.
 *
 * Return: 0; a failure aborts the test.
 */
int panthor_fake_as_init(struct kunit *test)
{
	struct panthor_kunit *ctx;
	int ret = panthor_kunit_init(test);

	if (ret)
		return ret;

	ctx = to_panthor_kunit(test);
	scoped_guard(raw_spinlock_irqsave, &fake->lock) {
		fake_reset_registers();
		memset(fake->arms, 0, sizeof(fake->arms));
		memset(fake->violations, 0, sizeof(fake->violations));
		memset(&fake->probe, 0, sizeof(fake->probe));
		fake->nr_events = 0;
		fake->ptdev = ctx->ptdev;
		fake->base = ctx->ptdev->iomem;
		/* What the driver wrote while registers were still memory. */
		fake->irq_mask = READ_ONCE(*(const u32 __force *)(fake->base + MMU_INT_BASE +
								 INT_MASK));
	}

	panthor_seam_set_mmio(test, &panthor_fake_as_mmio);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, fake_detach, test), 0);

	return 0;
}

/**
 * panthor_fake_as_exit() - .exit of a suite: nothing is locked, and invariants
 * @test: The test. Its objects are still alive.
 *
 * Context: Test thread, quiescent point.
 */
void panthor_fake_as_exit(struct kunit *test)
{
	KUNIT_EXPECT_EQ_MSG(test, panthor_fake_as_locked_mask(), 0,
			    "I29: locked at a quiescent point");
	panthor_kunit_exit(test);
}

/**
 * panthor_fake_as_arm() - Decide how a command to come behaves
 * @cmd: AS_COMMAND_*.
 * @nth: 1 for the next such command on any AS, 2 for the one after it; 0 takes
 *	back what was armed.
 * @mode: Behaviour of that one command.
 * @reads: For FAKE_AS_DELAYED: reads of STATUS, at least 1, that see it active.
 *
 * Context: Any.
 */
void panthor_fake_as_arm(u32 cmd, unsigned int nth, enum panthor_fake_as_mode mode,
			 unsigned int reads)
{
	guard(raw_spinlock_irqsave)(&fake->lock);

	fake->arms[cmd] = (struct fake_as_arm){ nth, mode, reads };
}

/**
 * panthor_fake_as_gpu_reset() - What a reset does to the registers
 *
 * Stuck commands, locks, configuration and interrupts are gone. Events and
 * violations stay. The driver knows nothing of it.
 *
 * Context: Any.
 */
void panthor_fake_as_gpu_reset(void)
{
	guard(raw_spinlock_irqsave)(&fake->lock);

	fake_reset_registers();
}

/**
 * panthor_fake_as_violation_name() - Name of a violation for messages
 * @kind: Which one.
 *
 * Context: Any.
 *
 * Return: A static string.
 */
const char *panthor_fake_as_violation_name(enum panthor_fake_as_violation kind)
{
	return violation_names[kind];
}

/**
 * panthor_fake_as_take_violations() - Count violations a case asked for
 * @kind: Which kind.
 *
 * Those counted do not fail the case any more.
 *
 * Context: Any.
 *
 * Return: How many there were since the last call.
 */
unsigned int panthor_fake_as_take_violations(enum panthor_fake_as_violation kind)
{
	unsigned int count;

	guard(raw_spinlock_irqsave)(&fake->lock);

	count = fake->violations[kind];
	fake->violations[kind] = 0;
	return count;
}

/**
 * panthor_fake_as_live() - Configuration that an AS translates with
 * @as: Which AS.
 *
 * Context: Any.
 *
 * Return: What the last UPDATE latched; zeroes before the first.
 */
struct panthor_fake_as_config panthor_fake_as_live(unsigned int as)
{
	guard(raw_spinlock_irqsave)(&fake->lock);

	return fake->slots[as].live;
}

/**
 * panthor_fake_as_staged() - Configuration as written
 * @as: Which AS.
 *
 * Context: Any.
 *
 * Return: The registers, latched or not.
 */
struct panthor_fake_as_config panthor_fake_as_staged(unsigned int as)
{
	guard(raw_spinlock_irqsave)(&fake->lock);

	return fake->slots[as].staged;
}

/**
 * panthor_fake_as_lockaddr() - LOCKADDR as written
 * @as: Which AS.
 *
 * Context: Any.
 *
 * Return: The register.
 */
u64 panthor_fake_as_lockaddr(unsigned int as)
{
	guard(raw_spinlock_irqsave)(&fake->lock);

	return fake->slots[as].lockaddr;
}

/**
 * panthor_fake_as_locked() - Region that an AS has locked
 * @as: Which AS.
 * @start: Its first byte, if there is one.
 * @size: Its size, if there is one.
 *
 * Context: Any.
 *
 * Return: true if a region is locked.
 */
bool panthor_fake_as_locked(unsigned int as, u64 *start, u64 *size)
{
	guard(raw_spinlock_irqsave)(&fake->lock);

	*start = fake->slots[as].lock_start;
	*size = fake->slots[as].lock_size;
	return *size;
}

/**
 * panthor_fake_as_locked_mask() - Address spaces with a locked region
 *
 * Context: Any.
 *
 * Return: Bit n is set if AS n has one.
 */
u32 panthor_fake_as_locked_mask(void)
{
	u32 mask = 0;

	guard(raw_spinlock_irqsave)(&fake->lock);

	for (unsigned int as = 0; as < PANTHOR_FAKE_AS_SLOTS; as++)
		mask |= fake->slots[as].lock_size ? BIT(as) : 0;

	return mask;
}

/**
 * panthor_fake_as_commands() - How often a command was written
 * @as: Which AS.
 * @cmd: AS_COMMAND_*.
 *
 * Context: Any.
 *
 * Return: The count since the last GPU reset, refused ones included.
 */
unsigned int panthor_fake_as_commands(unsigned int as, u32 cmd)
{
	guard(raw_spinlock_irqsave)(&fake->lock);

	return fake->slots[as].commands[cmd];
}

/**
 * panthor_fake_as_irq_mask() - Interrupts that are enabled
 *
 * Context: Any.
 *
 * Return: INT_MASK.
 */
u32 panthor_fake_as_irq_mask(void)
{
	guard(raw_spinlock_irqsave)(&fake->lock);

	return fake->irq_mask;
}

/**
 * panthor_fake_as_irq_raw() - Interrupts that are not acknowledged
 *
 * Context: Any.
 *
 * Return: INT_RAWSTAT.
 */
u32 panthor_fake_as_irq_raw(void)
{
	guard(raw_spinlock_irqsave)(&fake->lock);

	return fake->irq_raw;
}

/**
 * panthor_fake_as_probe() - Look at one address with each event to come
 * @as: AS whose page tables are walked.
 * @va: GPU address.
 *
 * Context: Any.
 */
void panthor_fake_as_probe(unsigned int as, u64 va)
{
	guard(raw_spinlock_irqsave)(&fake->lock);

	fake->probe.set = true;
	fake->probe.as = as;
	fake->probe.va = va;
}

/**
 * panthor_fake_as_walk() - Translate as the GPU would, without a TLB
 * @as: Which AS; its live configuration counts.
 * @va: GPU address.
 *
 * Context: Any, while nobody changes the page tables.
 *
 * Return: Physical address, 0 if there is none.
 */
u64 panthor_fake_as_walk(unsigned int as, u64 va)
{
	guard(raw_spinlock_irqsave)(&fake->lock);

	return panthor_fake_as_walk_locked(fake->slots[as].live.transtab, va);
}

/**
 * panthor_fake_as_forget() - Start a new story
 *
 * Context: Any.
 */
void panthor_fake_as_forget(void)
{
	guard(raw_spinlock_irqsave)(&fake->lock);

	fake->nr_events = 0;
}

/**
 * panthor_fake_as_story() - Tell what happened, and forget it
 *
 * Context: Test thread.
 *
 * Return: Events in their order, until the next call; see the DOC section for
 * the form.
 */
const char *panthor_fake_as_story(void)
{
	static char story[PANTHOR_FAKE_AS_STORY];
	size_t len = 0;

	story[0] = '\0';
	guard(raw_spinlock_irqsave)(&fake->lock);

	for (unsigned int i = 0; i < fake->nr_events; i++) {
		const struct fake_as_event *event = &fake->events[i];

		if (i)
			len += scnprintf(story + len, PANTHOR_FAKE_AS_STORY - len, " ");
		if (event->what != FAKE_FLUSH_CACHES)
			len += scnprintf(story + len, PANTHOR_FAKE_AS_STORY - len, "%u:",
					 event->as);
		len += scnprintf(story + len, PANTHOR_FAKE_AS_STORY - len, "%s%s%s",
				 event_names[event->what],
				 fake->probe.set ? (event->mapped ? "+" : "-") : "",
				 event->failed ? "!" : "");
	}
	fake->nr_events = 0;

	return story;
}

/**
 * panthor_fake_as_last() - When a command was written last
 * @as: Which AS.
 * @cmd: AS_COMMAND_*.
 *
 * Context: Any. The story of it must not have been told yet.
 *
 * Return: Its stamp, see panthor_seam_last(); 0 if there was none.
 */
u64 panthor_fake_as_last(unsigned int as, u32 cmd)
{
	guard(raw_spinlock_irqsave)(&fake->lock);

	for (unsigned int i = fake->nr_events; i; i--)
		if (fake->events[i - 1].what == cmd && fake->events[i - 1].as == as)
			return fake->events[i - 1].stamp;

	return 0;
}

/**
 * panthor_fake_as_fault() - Have the GPU fault
 * @as: AS that the access went through.
 * @status: FAULTSTATUS.
 * @addr: FAULTADDRESS.
 *
 * Nothing is delivered yet.
 *
 * Context: Any.
 */
void panthor_fake_as_fault(unsigned int as, u32 status, u64 addr)
{
	guard(raw_spinlock_irqsave)(&fake->lock);

	fake->slots[as].faultstatus = status;
	fake->slots[as].faultaddress = addr;
	fake->irq_raw |= BIT(as);
}

/**
 * panthor_fake_as_raise() - Report something that is not a fault
 * @bits: Bits to set in INT_RAWSTAT.
 *
 * Context: Any.
 */
void panthor_fake_as_raise(u32 bits)
{
	guard(raw_spinlock_irqsave)(&fake->lock);

	fake->irq_raw |= bits;
}

/**
 * panthor_fake_as_deliver() - Interrupt the CPU if the line is raised
 *
 * Context: Process context, without the locks that the handler takes.
 *
 * Return: What the driver's handler returned; IRQ_NONE if the line is low.
 */
irqreturn_t panthor_fake_as_deliver(void)
{
	scoped_guard(raw_spinlock_irqsave, &fake->lock) {
		if (!(fake->irq_raw & fake->irq_mask))
			return IRQ_NONE;
	}

	return panthor_seam_raise_irq();
}
