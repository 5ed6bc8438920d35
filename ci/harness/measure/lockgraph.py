# SPDX-License-Identifier: GPL-2.0-only
"""Draws the lock order as SVG, outer locks on top.

A small layered layout: ranks by the longest way from the top, crossings reduced by
barycentres, long edges led through the ranks between. An edge that follows from
others is left out, which is most of them.
"""

from __future__ import annotations

import dataclasses
import html
from pathlib import Path
from typing import Iterable, Mapping, Optional, Sequence, Union

from ..build.prepare import say
from ..settings import Settings
from ..verdict import judge, ktap, lockorder

Edge = tuple[str, str]
Node = Union[str, tuple[str, str, int]]
"""A lock, or the place where an edge goes through a rank."""
COLOURS = {"driver": "#cfe3ff", "drm": "#d8f2d0", "mm": "#ffe7bf", "work": "#ecdcf7"}
TITLES = {"driver": "locks of the driver", "drm": "DRM, GPUVM, dma-buf", "mm": "memory management, reclaim",
          "work": "work, flushed or waited for under a lock"}
SWEEPS = 24
CHAR, HEIGHT, RANK, GAP, THIN = 7.3, 28, 74, 26, 16


def reduced(edges: Iterable[Edge]) -> set[Edge]:
    """Edges that do not follow from others. Those of a cycle stay."""
    kept = set(edges)
    after: dict[str, set[str]] = {}
    for first, second in kept:
        after.setdefault(first, set()).add(second)

    def reaches(start: str, end: str) -> bool:
        queue, been = [start], {start}
        for at in queue:
            if at == end:
                return True
            fresh = after.get(at, set()) - been
            been |= fresh
            queue += fresh
        return False

    for first, second in sorted(kept):
        others = after[first] - {second}
        if not reaches(second, first) and any(reaches(other, second) for other in others if other != first):
            kept.discard((first, second))
            after[first].discard(second)
    return kept


def acyclic(edges: Iterable[Edge]) -> tuple[set[Edge], set[Edge]]:
    """Edges without those that close a cycle, and those."""
    after: dict[str, list[str]] = {}
    for first, second in sorted(edges):
        after.setdefault(first, []).append(second)
    state: dict[str, int] = {}
    back: set[Edge] = set()

    def visit(node: str) -> None:
        state[node] = 1
        for other in after.get(node, []):
            if state.get(other) == 1:
                back.add((node, other))
            elif other not in state:
                visit(other)
        state[node] = 2

    for node in sorted(after):
        if node not in state:
            visit(node)
    return {(a, b) for a, many in after.items() for b in many} - back, back


def ranks(nodes: Iterable[str], edges: Iterable[Edge]) -> dict[str, int]:
    """Rank of each node, as close to its successors as they allow."""
    edges = set(edges)
    depth: dict[str, int] = {}

    def down(node: str) -> int:
        if node not in depth:
            depth[node] = max((down(a) + 1 for a, b in edges if b == node), default=0)
        return depth[node]

    found = {node: down(node) for node in nodes}
    for node in sorted(found, key=lambda one: -found[one]):
        below = [found[b] for a, b in edges if a == node]
        if below:
            found[node] = min(below) - 1
    return found


@dataclasses.dataclass
class Layout:
    """Where everything goes."""

    rows: list[list[Node]]
    links: list[tuple[Node, Node]]
    x: dict[Node, float] = dataclasses.field(default_factory=dict)

    def width(self, node: Node) -> float:
        """Room that a node takes in its row."""
        return len(node) * CHAR + 16 if isinstance(node, str) else 2

    def neighbours(self, node: Node, step: int) -> list[Node]:
        """Nodes a row above (-1) or below (1)."""
        return [a for a, b in self.links if b == node] if step < 0 else \
            [b for a, b in self.links if a == node]


def _rows(rank: Mapping[str, int], edges: Iterable[Edge]) -> Layout:
    rows: list[list[Node]] = [[] for _ in range(max(rank.values(), default=0) + 1)]
    for node in sorted(rank):
        rows[rank[node]].append(node)
    links: list[tuple[Node, Node]] = []
    for first, second in sorted(edges):
        at: Node = first
        for row in range(rank[first] + 1, rank[second]):
            place = (first, second, row)
            rows[row].append(place)
            links.append((at, place))
            at = place
        links.append((at, second))
    return Layout(rows, links)


def _order(plan: Layout) -> None:
    for sweep in range(SWEEPS):
        step = -1 if sweep % 2 == 0 else 1
        turn = range(1, len(plan.rows)) if step < 0 else range(len(plan.rows) - 2, -1, -1)
        for number in turn:
            place = {node: at for at, node in enumerate(plan.rows[number + step])}
            row = plan.rows[number]
            weight: dict[Node, float] = {}
            for at, node in enumerate(row):
                near = [place[one] for one in plan.neighbours(node, step)]
                weight[node] = sum(near) / len(near) if near else at
            row.sort(key=lambda node: weight[node])  # pylint: disable=cell-var-from-loop


def _place(plan: Layout) -> None:
    for row in plan.rows:
        at = 0.0
        for node in row:
            plan.x[node] = at + plan.width(node) / 2
            at += plan.width(node) + GAP
    for sweep in range(SWEEPS * 4):
        step = -1 if sweep % 2 == 0 else 1
        for row in plan.rows if step < 0 else reversed(plan.rows):
            wish = {}
            for node in row:
                near = [plan.x[one] for one in plan.neighbours(node, step)]
                wish[node] = sum(near) / len(near) if near else plan.x[node]
            _settle(plan, row, wish)


def _settle(plan: Layout, row: Sequence[Node], wish: Mapping[Node, float]) -> None:
    """Puts a row where it wants to be, in its order: the mean of packing from both sides."""
    def room(one: Node, two: Node) -> float:
        gap = GAP if isinstance(one, str) or isinstance(two, str) else THIN
        return (plan.width(one) + plan.width(two)) / 2 + gap

    left: list[float] = []
    for at, node in enumerate(row):
        left.append(max(wish[node], left[-1] + room(row[at - 1], node)) if left else wish[node])
    right: list[float] = [0.0] * len(row)
    for at in range(len(row) - 1, -1, -1):
        right[at] = wish[row[at]] if at == len(row) - 1 else \
            min(wish[row[at]], right[at + 1] - room(row[at], row[at + 1]))
    for at, node in enumerate(row):
        plan.x[node] = (left[at] + right[at]) / 2


def _path(points: Sequence[tuple[float, float]]) -> str:
    text = f"M{points[0][0]:.0f},{points[0][1]:.0f}"
    for (x, y), (nx, ny) in zip(points, points[1:]):
        middle = (y + ny) / 2
        text += f" C{x:.0f},{middle:.0f} {nx:.0f},{middle:.0f} {nx:.0f},{ny:.0f}"
    return text


def svg(groups: Mapping[str, str], edges: Mapping[Edge, str], new: Iterable[Edge] = ()) -> str:
    """The picture: nodes by group, edges with the text of their tooltip, new ones in red."""
    new = set(new)
    forward, back = acyclic(set(edges) | new)
    drawn = reduced(forward) | (new & forward)
    nodes = {name for edge in drawn | back for name in edge}
    plan = _rows(ranks(nodes, drawn), drawn)
    _order(plan)
    _place(plan)
    low = min((plan.x[node] - plan.width(node) / 2 for row in plan.rows for node in row), default=0) - 20
    high = max((plan.x[node] + plan.width(node) / 2 for row in plan.rows for node in row), default=0) + 20
    y = {node: 60 + number * RANK for number, row in enumerate(plan.rows) for node in row}
    bottom = 60 + len(plan.rows) * RANK
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="{low:.0f} 0 {high - low:.0f} {bottom + 50:.0f}" '
           f'width="{high - low:.0f}" height="{bottom + 50:.0f}" font-family="monospace" font-size="12">',
           '<defs><marker id="a" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
           '<path d="M0,0 L8,4 L0,8 z" fill="#555"/></marker></defs>',
           f'<rect x="{low:.0f}" width="100%" height="100%" fill="white"/>',
           f'<text x="{low + 20:.0f}" y="24" font-size="15">Lock order: what is below is taken under what is above; '
           f'{len(edges)} edges, {len(drawn)} drawn, the others follow from them</text>']
    for first, second in sorted(drawn | back):
        wrong = (first, second) in new or (first, second) in back
        between = [(first, second, row) for row in range(len(plan.rows)) if (first, second, row) in plan.x]
        # Straight down between the boxes of the ranks that it goes through.
        points = [(plan.x[first], y[first] + HEIGHT / 2),
                  *((plan.x[one], y[one] + side * HEIGHT / 2) for one in between for side in (-1, 1)),
                  (plan.x[second], y[second] - HEIGHT / 2)]
        if (first, second) in back:
            points = [(plan.x[first], y[first] - HEIGHT / 2), (plan.x[second], y[second] + HEIGHT / 2)]
        why = html.escape(edges.get((first, second), "not in the reviewed list"))
        out.append(f'<path d="{_path(points)}" fill="none" stroke="{"#d00" if wrong else "#555"}" '
                   f'stroke-width="{2.5 if wrong else 1.2}" marker-end="url(#a)">'
                   f'<title>{html.escape(first)} -&gt; {html.escape(second)}: {why}</title></path>')
    for name in sorted(nodes):
        wide = plan.width(name)
        out.append(f'<rect x="{plan.x[name] - wide / 2:.0f}" y="{y[name] - HEIGHT / 2:.0f}" width="{wide:.0f}" '
                   f'height="{HEIGHT}" rx="5" fill="{COLOURS.get(groups.get(name, ""), "#eee")}" stroke="#333"/>'
                   f'<text x="{plan.x[name]:.0f}" y="{y[name] + 4:.0f}" text-anchor="middle">'
                   f'{html.escape(name)}</text>')
    at = low + 20
    for group, colour in COLOURS.items():
        out.append(f'<rect x="{at:.0f}" y="{bottom + 8}" width="16" height="16" fill="{colour}" stroke="#333"/>'
                   f'<text x="{at + 22:.0f}" y="{bottom + 20}">{TITLES[group]}</text>')
        at += len(TITLES[group]) * CHAR + 50
    return "\n".join([*out, "</svg>", ""])


def newest_log(results: Path) -> Optional[Path]:
    """The last log of the quick suites with our core that has a list of locks to its end."""
    logs = sorted(results.glob("*/core-*-um.log"), key=lambda path: path.stat().st_mtime, reverse=True)
    return next((path for path in logs if lockorder.read(ktap.clean_lines(judge.read_log(path))).complete), None)


def run(s: Settings, results: Path) -> int:
    """Draws the reviewed list, and in red what the newest run had beyond it."""
    order = lockorder.load()
    new: set[Edge] = set()
    log = newest_log(s.output / "results")
    if log:
        seen = lockorder.read(ktap.clean_lines(judge.read_log(log)))
        new = {edge for edge in seen.edges - set(order.edges) if set(edge) <= set(order.classes)}
        say(f"lockgraph: {log}: {len(seen.edges & set(order.edges))} of {len(order.edges)} reviewed edges, "
            f"{len(new)} new")
    picture = results / "lockgraph.svg"
    picture.write_text(svg({name: group for name, (group, _) in order.classes.items()},
                           {edge: f"{one.where}: {one.why}" for edge, one in order.edges.items()}, new),
                       encoding="utf-8")
    say(f"lockgraph: {picture}")
    return 0
