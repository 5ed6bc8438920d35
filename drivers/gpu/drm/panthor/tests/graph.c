// SPDX-License-Identifier: GPL-2.0-only
/* A walk that does every step from every state within a depth. See graph.h. */

#include <linux/hash.h>
#include <linux/log2.h>
#include <linux/sched.h>
#include <linux/slab.h>

#include <kunit/resource.h>
#include <kunit/test.h>

#include "graph.h"

/**
 * enum graph_edge - What is known of a step from a node
 * @EDGE_TODO: Nothing yet.
 * @EDGE_NONE: It makes no sense there, or meets a defect.
 * @EDGE_TO: It leads to the node with the number that is added to this.
 */
enum graph_edge {
	EDGE_TODO,
	EDGE_NONE,
	EDGE_TO,
};

/* Beginning anew takes about as long as this many steps. */
#define BEGIN_COST	3

/* A search that looked at so many nodes ends, and the walk begins anew. */
#define SEARCH_NODES	256

static void graph_free(void *data)
{
	struct graph *g = data;

	for (u32 i = 0; i < g->nr_nodes; i++)
		kfree(g->node[i].edge);
	kvfree(g->node);
	kvfree(g->table);
	kvfree(g->queue);
	kvfree(g->came_from);
	kvfree(g->came_by);
	kfree(g);
}

/**
 * graph_new() - Get ready for a walk
 * @ex: Driver and model.
 * @depth: Steps are tested from all states that are less than this away.
 * @max_nodes: Bound on the number of states; hitting it fails the test.
 * @max_steps: Bound on the number of steps; the same.
 *
 * Context: Test thread.
 *
 * Return: The graph, freed when the test ends; a failure aborts the test.
 */
struct graph *graph_new(struct explore *ex, u8 depth, u32 max_nodes, u32 max_steps)
{
	struct graph *g = kzalloc_obj(*g);
	struct kunit *test = ex->test;
	struct model_step step = {};

	KUNIT_ASSERT_NOT_NULL(test, g);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, graph_free, g), 0);
	KUNIT_ASSERT_LT(test, depth, GRAPH_MAX_DEPTH);
	g->ex = ex;
	g->depth = depth;
	g->max_nodes = max_nodes;
	g->max_steps = max_steps;
	g->table_bits = ilog2(max_nodes) + 2;
	g->node = kvcalloc(max_nodes, sizeof(*g->node), GFP_KERNEL);
	g->table = kvcalloc(BIT(g->table_bits), sizeof(*g->table), GFP_KERNEL);
	g->queue = kvcalloc(max_nodes, sizeof(*g->queue), GFP_KERNEL);
	g->came_from = kvcalloc(max_nodes, sizeof(*g->came_from), GFP_KERNEL);
	g->came_by = kvcalloc(max_nodes, sizeof(*g->came_by), GFP_KERNEL);
	KUNIT_ASSERT_TRUE(test, g->node && g->table && g->queue && g->came_from && g->came_by);
	do {
		KUNIT_ASSERT_LT(test, g->nr_step, ARRAY_SIZE(g->step));
		g->step[g->nr_step++] = step;
	} while (explore_next(&ex->start, &step));

	return g;
}

static u32 *graph_slot(struct graph *g, u64 hash)
{
	u32 mask = BIT(g->table_bits) - 1, i = hash_64(hash, g->table_bits);

	while (g->table[i] && g->node[g->table[i] - 1].hash != hash)
		i = (i + 1) & mask;

	return &g->table[i];
}

/* Steps of a node are those of the model that it has, not of its turns. */
static struct model_step here(const struct graph *g, u32 step)
{
	return model_turn(g->step[step], g->turn);
}

static void open_node(struct graph *g, struct graph_node *node)
{
	node->edge = kcalloc(g->nr_step, sizeof(*node->edge), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(g->ex->test, node->edge);
	for (u32 s = 0; s < g->nr_step; s++) {
		if (explore_may(g->ex, &node->model, g->step[s]))
			node->left++;
		else
			node->edge[s] = EDGE_NONE;
	}
	g->todo += node->left;
}

/* Finds the node of the state now; makes one if it was reached by a known step. */
static void arrive(struct graph *g, u32 from, u32 by)
{
	struct model turned;
	u64 hash = model_canonical(&g->ex->model, &turned, &g->turn);
	u32 *slot = graph_slot(g, hash);
	struct graph_node *node;

	g->at = *slot ? *slot - 1 : g->max_nodes;
	if (*slot || from == g->max_nodes)
		return;

	KUNIT_ASSERT_LT_MSG(g->ex->test, g->nr_nodes, g->max_nodes, "raise the bound");
	g->at = g->nr_nodes;
	node = &g->node[g->nr_nodes++];
	*slot = g->nr_nodes;
	node->hash = hash;
	node->model = turned;
	node->parent = from;
	node->by = by;
	node->depth = g->at ? g->node[from].depth + 1 : 0;
	node->turns = model_turns(&turned);
	g->states += node->turns;
}

static void begin(struct graph *g)
{
	explore_begin(g->ex);
	g->begins++;
	g->nr_log = 0;
	arrive(g, 0, 0);
}

/* Does a step of the node; false if driver and model differ. */
static bool follow(struct graph *g, u32 s)
{
	struct graph_node *from = &g->node[g->at];
	struct model_step step = here(g, s);
	bool first = from->edge && from->edge[s] == EDGE_TODO;

	g->log[g->nr_log++] = step;
	if (!explore_step(g->ex, step, first))
		return false;
	arrive(g, from->edge ? g->at : g->max_nodes, s);
	if (first) {
		from->left--;
		g->todo--;
		g->edges++;
		g->transitions += from->turns;
	}
	if (from->edge)
		from->edge[s] = EDGE_TO + g->at;
	cond_resched();

	return true;
}

static u32 first_left(const struct graph *g, const struct graph_node *node)
{
	u32 s = 0;

	while (s < g->nr_step && node->edge[s] != EDGE_TODO)
		s++;

	return s;
}

/* The first of the steps that a search found to @target. */
static u32 first_of_way(struct graph *g, u32 target, u32 *length)
{
	u32 s = g->nr_step;

	for (*length = 0; target != g->at; (*length)++) {
		s = g->came_by[target];
		target = g->came_from[target] - 1;
	}

	return s;
}

static void look_around(struct graph *g, u32 node, u32 *nr)
{
	const u32 *edge = g->node[node].edge;

	for (u32 s = 0; edge && s < g->nr_step; s++) {
		u32 to = edge[s] - EDGE_TO;

		if (edge[s] < EDGE_TO || g->came_from[to] || !g->node[to].edge)
			continue;
		g->came_from[to] = node + 1;
		g->came_by[to] = s;
		g->queue[(*nr)++] = to;
	}
}

/* Nearest node with something to do; returns the step to it, or nr_step. */
static u32 search(struct graph *g)
{
	u32 nr = 1, step = g->nr_step, length;

	g->queue[0] = g->at;
	g->came_from[g->at] = g->at + 1;
	for (u32 i = 0; i < nr && i < SEARCH_NODES; i++) {
		struct graph_node *node = &g->node[g->queue[i]];

		if (node->left) {
			step = first_of_way(g, g->queue[i], &length);
			if (length > node->depth + g->ex->nr_first + BEGIN_COST)
				step = g->nr_step;
			break;
		}
		look_around(g, g->queue[i], &nr);
	}
	for (u32 i = 0; i < nr; i++)
		g->came_from[g->queue[i]] = 0;

	return step;
}

/* Where a step leads, if it is worth a try to get back by it. */
static bool leads_back(struct model *m, struct model_step step)
{
	u32 victims = 0;

	if (!model_allows(m, step) || model_meets(m, step) != MODEL_DEFECTS)
		return false;
	if (step.op < MODEL_SHRINK_ONE) {
		model_apply(m, step);
		return step.op != MODEL_NEW_VM && step.op != MODEL_CREATE;
	}
	for (u8 i = 0; i < m->nr_bos; i++)
		if (m->bo[i].queue != MODEL_NOT_QUEUED)
			victims |= BIT(i);
	if (step.op != MODEL_SHRINK_ALL || !model_victims_allowed(m, step, victims))
		return false;
	model_evict(m, step, victims);

	return true;
}

/*
 * At full depth nothing is known of the steps that lead back: asks the model for
 * one that leads to where something is to be done.
 */
static u32 way_back(struct graph *g)
{
	u32 good = g->nr_step;

	for (u32 s = 0; s < g->nr_step && g->step[s].op <= MODEL_SHRINK_ALL; s++) {
		struct model after = g->node[g->at].model, turned;
		u32 node;
		u8 turn;

		if (!leads_back(&after, g->step[s]))
			continue;
		node = *graph_slot(g, model_canonical(&after, &turned, &turn));
		if (!node || !g->node[node - 1].edge)
			continue;
		if (g->node[node - 1].left)
			return s;
		good = s;
	}

	return good;
}

/* Gives up on a node that is not where its steps lead any more. */
static void miss(struct graph *g, struct graph_node *node)
{
	if (++node->misses < 8)
		return;
	for (u32 s = first_left(g, node); s < g->nr_step; s = first_left(g, node)) {
		node->edge[s] = EDGE_NONE;
		node->left--;
		g->todo--;
		g->missed++;
	}
}

/* Begins anew and goes to a node where something is to be done. */
static bool jump(struct graph *g)
{
	u32 way[GRAPH_MAX_DEPTH + 1];
	unsigned int nr;
	u32 target;

	while (!g->node[g->hint].left)
		g->hint = (g->hint + 1) % g->nr_nodes;
	target = g->hint;
	nr = g->node[target].depth;
	for (u32 i = nr, at = target; i; i--, at = g->node[at].parent)
		way[i] = at;

	begin(g);
	for (u32 i = 1; i <= nr; i++) {
		if (!follow(g, g->node[way[i]].by))
			return false;
		/* Which VM reclaim takes first, may not be what it was the last time. */
		if (g->at != way[i])
			break;
	}
	if (g->at != target)
		miss(g, &g->node[target]);

	return true;
}

static void progress(struct graph *g, u64 *next)
{
	if (g->ex->steps < *next)
		return;
	kunit_info(g->ex->test, "%llu steps, %u states, %u transitions\n", g->ex->steps,
		   g->nr_nodes, g->edges);
	*next = g->ex->steps + 2000;
}

static bool walk_level(struct graph *g, u64 *next)
{
	while (g->todo) {
		const struct graph_node *node = &g->node[g->at];
		u32 s = g->nr_step;

		KUNIT_ASSERT_LT_MSG(g->ex->test, g->ex->steps, g->max_steps, "raise the bound");
		progress(g, next);
		if (g->at == g->max_nodes || g->nr_log >= GRAPH_LOG - GRAPH_MAX_DEPTH)
			;
		else if (node->left)
			s = first_left(g, node);
		else
			s = node->edge ? search(g) : way_back(g);
		if (s < g->nr_step ? !follow(g, s) : !jump(g))
			return false;
	}

	return true;
}

/**
 * graph_walk() - Do every step from every state within the depth
 * @g: The graph.
 *
 * Context: Test thread.
 *
 * Return: true if driver and model agree on all of them; else the log has what
 * was done until they did not.
 */
bool graph_walk(struct graph *g)
{
	u32 opened = 0;
	u64 next = 0;

	begin(g);
	for (u8 level = 0; level < g->depth; level++) {
		for (; opened < g->nr_nodes && g->node[opened].depth == level; opened++)
			open_node(g, &g->node[opened]);
		if (!walk_level(g, &next))
			return false;
	}

	return true;
}
