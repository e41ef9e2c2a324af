"""An arrangement in layers of our own: for graphs too large for Graphviz, and where there is none.

The classical steps, all of them about linear in the size of the graph: columns by longest path, points
where long wires pass a column, order within a column by the middles of the neighbours, then places that
lie as near to the neighbours as the sizes allow.
"""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

_GAP = 12.0  # between neighbours in a column
_PASS = 8.0  # breadth left for a passing wire
_SWEEPS = 8


class Block(NamedTuple):
    """A box to be placed: its length along the flow, its breadth across it, and its input ports across it."""

    length: float
    breadth: float
    ports: tuple[float, ...]
    scope: str
    label: int | None  # the wire that it labels, if it is no node
    pin: int = 0  # −1: stands in the first column, before all others; 1: in the last one


class Link(NamedTuple):
    """A connection from a block to an input port of another, part of the wire of an edge."""

    tail: int
    head: int
    slot: int
    edge: int


class Arrangement(NamedTuple):
    """For each block its column and its place across; for each link its places in the columns between."""

    column: tuple[int, ...]
    place: tuple[float, ...]
    passes: tuple[tuple[float, ...], ...]


def arrange_layers(blocks: list[Block], links: list[Link]) -> Arrangement:
    """Arrange blocks whose links all run from earlier to later in the order of computation."""
    column = _pinned(columns(len(blocks), links), blocks)
    # with points on all of its long wires a graph may grow quadratically: the longest do without
    budget = max(8 * len(blocks) + 200, 8000)
    chains: list[list[int]] = [[] for _ in links]  # the passing points of each link, as further items
    breadths = [block.breadth for block in blocks]
    item_column = list(column)
    for index in sorted(range(len(links)), key=lambda i: column[links[i].head] - column[links[i].tail]):
        between = range(column[links[index].tail] + 1, column[links[index].head])
        if len(between) > budget:
            break
        budget -= len(between)
        for level in between:
            chains[index].append(len(breadths))
            breadths.append(_PASS)
            item_column.append(level)
    before, after = _neighbours(len(breadths), blocks, links, chains)
    layers = _ordered(item_column, before, after)
    place = _places(layers, breadths, before, after)
    return Arrangement(
        tuple(column),
        tuple(place[: len(blocks)]),
        tuple(tuple(place[item] for item in chain) for chain in chains),
    )


def _topological(count: int, links: list[Link]) -> list[int]:
    waiting = [0] * count
    followers: list[list[int]] = [[] for _ in range(count)]
    for link in links:
        waiting[link.head] += 1
        followers[link.tail].append(link.head)
    order = [index for index in range(count) if not waiting[index]]
    for index in order:  # grows while it is read
        for follower in followers[index]:
            waiting[follower] -= 1
            if not waiting[follower]:
                order.append(follower)
    return order


def columns(count: int, links: list[Link]) -> list[int]:
    """The longest path to each block; blocks without inputs move up to their first consumer."""
    incoming: list[list[Link]] = [[] for _ in range(count)]
    outgoing: list[list[Link]] = [[] for _ in range(count)]
    for link in links:
        incoming[link.head].append(link)
        outgoing[link.tail].append(link)
    column = [0] * count
    for index in _topological(count, links):
        column[index] = max((column[link.tail] + 1 for link in incoming[index]), default=0)
    for index in range(count):
        if not incoming[index] and outgoing[index]:
            column[index] = min(column[link.head] - 1 for link in outgoing[index])
    return column


def _pinned(column: list[int], blocks: list[Block]) -> list[int]:
    """The columns with one more at either end for what is pinned there."""
    if any(block.pin < 0 for block in blocks):
        column = [0 if block.pin < 0 else level + 1 for level, block in zip(column, blocks, strict=True)]
    last = max(column) + 1
    return [last if block.pin > 0 else level for level, block in zip(column, blocks, strict=True)]


Neighbours = list[list[tuple[int, float]]]


def _neighbours(
    count: int, blocks: list[Block], links: list[Link], chains: list[list[int]]
) -> tuple[Neighbours, Neighbours]:
    """For each item the items before and after it, with how much further across their wire ends there."""
    before: Neighbours = [[] for _ in range(count)]
    after: Neighbours = [[] for _ in range(count)]
    for link, chain in zip(links, chains, strict=True):
        port = blocks[link.head].ports[link.slot]
        path = [link.tail, *chain, link.head]
        for tail, head in pairwise(path):
            shift = port if head == link.head else 0.0
            before[head].append((tail, -shift))
            after[tail].append((head, shift))
    return before, after


def _ordered(item_column: list[int], before: Neighbours, after: Neighbours) -> list[list[int]]:
    """Items by column, in an order with few crossings."""
    layers: list[list[int]] = [[] for _ in range(max(item_column) + 1)]
    for item in _depth_first(item_column, before):
        layers[item_column[item]].append(item)
    rank = [0.0] * len(item_column)
    for layer in layers:
        for position, item in enumerate(layer):
            rank[item] = float(position)
    for sweep in range(_SWEEPS):
        forward = sweep % 2 == 0
        neighbours = before if forward else after
        for layer in layers if forward else reversed(layers):
            middle = {}
            for item in layer:
                near = neighbours[item]
                # ports are told apart by a small share of a step
                places = [rank[other] + 1e-3 * shift for other, shift in near]
                middle[item] = sum(places) / len(near) if near else rank[item]
            layer.sort(key=middle.__getitem__)
            for position, item in enumerate(layer):
                rank[item] = float(position)
    return layers


def _depth_first(item_column: list[int], before: Neighbours) -> list[int]:
    """All items, each after what leads to it, operands in their order: a good first order."""
    seen = [False] * len(item_column)
    order = []
    for start in sorted(range(len(item_column)), key=lambda item: -item_column[item]):
        stack = [(start, False)]
        while stack:
            item, done = stack.pop()
            if done:
                order.append(item)
            elif not seen[item]:
                seen[item] = True
                stack.append((item, True))
                stack += [(other, False) for other, _ in reversed(before[item]) if not seen[other]]
    return order


def _places(
    layers: list[list[int]], breadths: list[float], before: Neighbours, after: Neighbours
) -> list[float]:
    """Places across: each item near the mean of its neighbours, in order and without overlap."""
    place = [0.0] * len(breadths)
    for layer in layers:
        _settle(layer, [0.0] * len(layer), breadths, place)
    for sweep in range(_SWEEPS):
        forward = sweep % 2 == 0
        for layer in layers if forward else reversed(layers):
            wishes = []
            for item in layer:
                near = (before if forward else after)[item] or (after if forward else before)[item]
                wishes.append(
                    sum(place[other] + shift for other, shift in near) / len(near) if near else place[item]
                )
            _settle(layer, wishes, breadths, place)
    return place


def _settle(layer: list[int], wishes: list[float], breadths: list[float], place: list[float]) -> None:
    """The places nearest to the wishes (least squares) that keep the order and the distances.

    Measured from the closest packing, the places must not decrease: neighbours that would pass each other
    are pooled at their mean (isotonic regression by pooling adjacent violators).
    """
    offsets = [0.0]
    for left, right in pairwise(layer):
        offsets.append(offsets[-1] + (breadths[left] + breadths[right]) / 2 + _GAP)
    pools: list[tuple[float, int]] = []  # mean and size
    for wish, offset in zip(wishes, offsets, strict=True):
        mean, size = wish - offset, 1
        while pools and pools[-1][0] > mean:
            other, more = pools.pop()
            mean = (mean * size + other * more) / (size + more)
            size += more
        pools.append((mean, size))
    shifts = [mean for mean, size in pools for _ in range(size)]
    for item, offset, shift in zip(layer, offsets, shifts, strict=True):
        place[item] = offset + shift
