/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef __PANTHOR_TESTS_GRAPH_H__
#define __PANTHOR_TESTS_GRAPH_H__

/**
 * DOC: All states within a few steps
 *
 * A walk over the graph whose nodes are the states that can be reached within a
 * number of steps, and whose edges are steps. It goes on from wherever it is to
 * the nearest step that was not done yet, and begins anew only where that is the
 * shorter way: most steps that are done are steps to be tested.
 *
 * States that are the same but for which BO and which VM is which are one node.
 */

#include <linux/types.h>

#include "explore.h"

/* Longest way from the beginning to a node. */
#define GRAPH_MAX_DEPTH	8

/* Steps after which the walk begins anew, so that a failure is not too long. */
#define GRAPH_LOG	2048

/**
 * struct graph_node - A state
 * @hash: What identifies it.
 * @model: The model, as it stands for all turns of it.
 * @parent: Number of the node before it; 0 for the first.
 * @by: Which step leads here from there.
 * @depth: Least number of steps from the beginning.
 * @turns: Number of states that it stands for.
 * @left: Steps from here that were not done yet.
 * @misses: How often the walk set out for it and got elsewhere.
 * @edge: Where each step leads, see &enum graph_edge; NULL before its turn comes.
 */
struct graph_node {
	u64 hash;
	struct model model;
	u32 parent;
	u8 by;
	u8 depth;
	u8 turns;
	u8 left;
	u8 misses;
	u32 *edge;
};

/**
 * struct graph - The walk
 * @ex: Driver and model.
 * @depth: Steps are tested from all nodes that are less than this away.
 * @max_nodes: Bound on the number of nodes.
 * @max_steps: Bound on the number of steps.
 * @nr_nodes: Number of nodes.
 * @nr_step: Number of steps a model has.
 * @step: All of them.
 * @node: The nodes, those that are nearer to the beginning first.
 * @table_bits: Size of @table.
 * @table: Finds a node by its hash; its number and one, 0 is free.
 * @queue: For a search, nodes to look at.
 * @came_from: For a search, per node where it was found from, and one.
 * @came_by: For a search, by which step.
 * @at: Node of the state now, or @max_nodes if it has none.
 * @turn: How that is to be turned to become the node's.
 * @todo: Steps not done, of all nodes with edges.
 * @hint: Where to look for nodes with something to do.
 * @edges: Steps that were tested.
 * @states: Nodes, if BOs and VMs are told apart.
 * @transitions: The same for @edges.
 * @missed: Steps that were not, as their node was not reached again.
 * @begins: How often the walk began anew.
 * @log: Steps since then, as the driver saw them.
 * @nr_log: Number of these.
 */
struct graph {
	struct explore *ex;
	u8 depth;
	u32 max_nodes;
	u32 max_steps;
	u32 nr_nodes;
	u32 nr_step;
	struct model_step step[256];
	struct graph_node *node;
	u32 table_bits;
	u32 *table;
	u32 *queue;
	u32 *came_from;
	u8 *came_by;
	u32 at;
	u8 turn;
	u32 todo;
	u32 hint;
	u32 edges;
	u32 states;
	u32 transitions;
	u32 missed;
	u32 begins;
	struct model_step log[GRAPH_LOG];
	u32 nr_log;
};

struct graph *graph_new(struct explore *ex, u8 depth, u32 max_nodes, u32 max_steps);
bool graph_walk(struct graph *g);

#endif
