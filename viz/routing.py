"""From an arrangement to coordinates: columns side by side, wires through the gaps between them.

Inside a column a wire runs straight along the flow, and only in the gaps does it bend: so it never
touches a block or a label on its way, however much it slants.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

from .graph import Graph
from .layers import Arrangement, Block, Link
from .shapes import Shape, Text

Point = tuple[float, float]

_PAD = 12.0  # inside a frame
_CAPTION = 24.0  # the line of its name, and room below it for a wire that comes in from the side
_CLEAR = 7.0  # between a passing wire and its neighbours


class Frame(NamedTuple):
    """The box behind the nodes of one module."""

    scope: str
    left: float
    top: float
    right: float
    bottom: float


class Layout(NamedTuple):
    """Coordinates in pixels from the upper left corner, y downwards."""

    width: float
    height: float
    nodes: tuple[Point, ...]  # the centre of each node
    labels: dict[int, Point]  # the centre of the label of an edge, by its key
    wires: tuple[tuple[Point, ...], ...]  # for each edge a start, then three points for each cubic curve
    frames: tuple[Frame, ...]  # outer ones first
    shapes: tuple[Shape, ...]  # of each node
    label_shapes: dict[int, Shape]
    loops: dict[int, tuple[Text, Point]]  # what stands beside a wire that leads back, by its edge


def assemble(
    graph: Graph,
    node_shapes: list[Shape],
    label_shapes: dict[int, Shape],
    blocks: list[Block],
    links: list[Link],
    arrangement: Arrangement,
) -> Layout:
    """Coordinates for everything: the flow runs to the right in circuit style, downwards in tensor style."""
    circuit = graph.style == "circuit"
    column, place, passes = arrangement
    shape_of = [*node_shapes, *(label_shapes[b.label] for b in blocks if b.label is not None)]

    def oriented(point: Point) -> Point:
        """(along the flow, across it) to (x, y), and back."""
        return point if circuit else (point[1], point[0])

    routes = [
        (
            place[link.tail] + oriented(shape_of[link.tail].exit)[1],
            *passing,
            place[link.head] + oriented(shape_of[link.head].ports[link.slot])[1],
        )
        for link, passing in zip(links, passes, strict=True)
    ]
    spans = _column_spans(blocks, links, routes, column, circuit)
    centres = []
    for block, level, across in zip(blocks, column, place, strict=True):
        _, begin, end = spans[level]
        # blocks of a column begin together in a circuit, so that gates stand in line; cards stand centred
        centres.append((begin + block.length / 2 if circuit else (begin + end) / 2, across))

    wires: list[list[Point]] = [[] for _ in graph.edges]
    for link, route in zip(links, routes, strict=True):
        begin = centres[link.tail][0] + oriented(shape_of[link.tail].exit)[0]
        end = centres[link.head][0] + oriented(shape_of[link.head].ports[link.slot])[0]
        crossed = spans[column[link.tail] : column[link.head] + 1]
        if len(route) < len(crossed):  # too long for passing points: one bow from end to end
            crossed = [crossed[0], crossed[-1]]
        wire = wires[link.edge]
        curve = _curve(begin, end, crossed, route)
        wire += [wire[-1], curve[0], *curve] if wire else curve  # straight on through the label

    loops: dict[int, tuple[Text, Point]] = {}
    for edge in graph.edges:
        if edge.loop:
            begin = centres[edge.tail][0] + oriented(shape_of[edge.tail].exit)[0]
            end = centres[edge.head][0] + oriented(shape_of[edge.head].ports[edge.slot])[0]
            ends = (
                (begin, place[edge.tail] + oriented(shape_of[edge.tail].exit)[1]),
                (end, place[edge.head] + oriented(shape_of[edge.head].ports[edge.slot])[1]),
            )
            low, high = sorted((column[edge.head], column[edge.tail]))
            near, far = _reach(blocks, links, routes, column, place, low, high)
            step = _PAD + 14.0 * (len(loops) + 1)
            after = far - ends[0][1] <= ends[0][1] - near  # on which side of everything
            lane = far + step if after else near - step
            wires[edge.key], middle = _around(
                *ends, spans[column[edge.tail]].end, spans[column[edge.head]].begin, lane
            )
            content = f"{edge.loop} ×"
            if circuit:
                text = Text(0.0, 14.0 if after else -6.0, content, "muted", 11.0, "middle", bold=True)
            else:
                text = Text(
                    5.0 if after else -5.0,
                    4.0,
                    content,
                    "muted",
                    11.0,
                    "start" if after else "end",
                    bold=True,
                )
            loops[edge.key] = (text, oriented(middle))

    return _trimmed(
        graph,
        loops,
        [oriented(centre) for centre in centres],
        [[oriented(point) for point in wire] for wire in wires],
        node_shapes,
        {block.label: index for index, block in enumerate(blocks) if block.label is not None},
        label_shapes,
    )


def _reach(
    blocks: list[Block],
    links: list[Link],
    routes: list[tuple[float, ...]],
    column: tuple[int, ...],
    place: tuple[float, ...],
    low: int,
    high: int,
) -> tuple[float, float]:
    """From where to where across everything in these columns reaches."""
    around = [
        (across - block.breadth / 2, across + block.breadth / 2)
        for block, level, across in zip(blocks, column, place, strict=True)
        if low <= level <= high
    ]
    around += [
        (min(route), max(route)) for link, route in zip(links, routes, strict=True)
        if column[link.tail] <= high and column[link.head] >= low
    ]  # fmt: skip
    return min(begin for begin, _ in around), max(end for _, end in around)


def _around(begin: Point, end: Point, below: float, above: float, lane: float) -> tuple[list[Point], Point]:
    """A wire that leads back, in flow coordinates: out behind its column, along a lane beside all, and in again."""
    out, back = below + 9.0, above - 12.0
    corners = [begin, (out, begin[1]), (out, lane), (back, lane), (back, end[1]), end]
    points = [begin]
    for before, corner, after in zip(corners, corners[1:], corners[2:], strict=False):
        enter, leave = _towards(corner, before), _towards(corner, after)
        points += [points[-1], enter, enter, corner, corner, leave]
    return [*points, points[-1], end, end], ((out + back) / 2, lane)


def _towards(corner: Point, other: Point) -> Point:
    """A point a little way from a corner, where its rounding begins."""
    length = abs(other[0] - corner[0]) + abs(other[1] - corner[1])
    share = min(7.0, length / 2) / length if length else 0.0
    return corner[0] + share * (other[0] - corner[0]), corner[1] + share * (other[1] - corner[1])


def straightened(blocks: list[Block], links: list[Link], arrangement: Arrangement) -> Arrangement:
    """The arrangement with long wires made straight, as far as their neighbours in each column let them.

    A wire keeps the place where it starts as long as it can, then takes the place where it ends; the order
    within the columns stays as it is.
    """
    column, place, passes = arrangement
    middle = [*place, *(p for passing in passes for p in passing)]
    half = [block.breadth / 2 for block in blocks] + [0.0] * (len(middle) - len(place))
    level = list(column)
    chains = []
    for link, passing in zip(links, passes, strict=True):
        chains.append(range(len(level), len(level) + len(passing)))
        level += range(column[link.tail] + 1, column[link.tail] + 1 + len(passing))
    above: list[int | None] = [None] * len(middle)
    below: list[int | None] = [None] * len(middle)
    in_order = sorted(range(len(middle)), key=lambda item: (level[item], middle[item]))
    for upper, lower in pairwise(in_order):
        if level[upper] == level[lower]:
            above[lower], below[upper] = upper, lower

    def free(item: int, wish: float) -> bool:
        upper, lower = above[item], below[item]
        return (upper is None or middle[upper] + half[upper] + _CLEAR <= wish) and (
            lower is None or wish <= middle[lower] - half[lower] - _CLEAR
        )

    for link, chain in zip(links, chains, strict=True):
        wish = place[link.tail]
        ahead = list(chain)
        while ahead and free(ahead[0], wish):
            middle[ahead.pop(0)] = wish
        wish = place[link.head] + blocks[link.head].ports[link.slot]
        while ahead and free(ahead[-1], wish):
            middle[ahead.pop()] = wish
        for before, item in pairwise(ahead):
            if free(item, middle[before]):
                middle[item] = middle[before]
    return Arrangement(column, place, tuple(tuple(middle[item] for item in chain) for chain in chains))


class _Span(NamedTuple):
    """A column along the flow: where its frames begin, where its blocks begin, and where they end."""

    opens: float
    begin: float
    end: float


def _column_spans(
    blocks: list[Block],
    links: list[Link],
    routes: list[tuple[float, ...]],
    column: tuple[int, ...],
    circuit: bool,
) -> list[_Span]:
    """Where each column lies along the flow; steep wires and frames widen the gap before it."""
    count = max(column) + 1
    lengths = [0.0] * count
    steepest = [0.0] * count
    for block, level in zip(blocks, column, strict=True):
        lengths[level] = max(lengths[level], block.length)
    for link, route in zip(links, routes, strict=True):
        for step, (here, there) in enumerate(pairwise(route)):
            level = column[link.tail] + 1 + step
            steepest[level] = max(steepest[level], abs(there - here))
    opening = [0.0] * count
    closing = [0.0] * (count + 1)
    for scope, members in _members([block.scope for block in blocks if block.label is None]).items():
        levels = [column[index] for index in members]
        opening[min(levels)] += _PAD if circuit or not scope else _PAD + _CAPTION
        closing[max(levels) + 1] += _PAD
    smallest, largest = (26.0, 80.0) if circuit else (30.0, 80.0)
    spans = []
    end = 0.0
    for level in range(count):
        gap = min(max(smallest, 0.5 * steepest[level]), largest) if level else 0.0
        opens = end + closing[level] + gap
        begin = opens + opening[level]
        end = begin + lengths[level]
        spans.append(_Span(opens, begin, end))
    return spans


def _curve(begin: float, end: float, spans: Sequence[_Span], route: Sequence[float]) -> list[Point]:
    """A wire in flow coordinates: straight through each column and its frames' names, a smooth bend in each gap."""
    points = [(begin, route[0])]
    for index in range(len(spans) - 1):
        leave, arrive = spans[index].end, min(spans[index + 1].opens, end)
        here, there = route[index], route[index + 1]
        if here == there:
            continue
        if points[-1][0] < leave:
            points += [points[-1], (leave, here), (leave, here)]
        middle = (leave + arrive) / 2
        points += [(middle, here), (middle, there), (arrive, there)]
    if points[-1][0] < end:
        points += [points[-1], (end, route[-1]), (end, route[-1])]
    return points


def _members(scopes: Sequence[str]) -> dict[str, list[int]]:
    """For each module path, also those that only hold others, the indices of all that lie inside."""
    members: dict[str, list[int]] = {}
    for index, scope in enumerate(scopes):
        for path in _paths(scope):
            members.setdefault(path, []).append(index)
    return members


def _paths(scope: str) -> Iterator[str]:
    parts = scope.split(".") if scope else []
    for depth in range(1, len(parts) + 1):
        yield ".".join(parts[:depth])


def _frames(graph: Graph, centres: Sequence[Point], node_shapes: Sequence[Shape]) -> list[Frame]:
    """Frames around the modules, outer ones first; one that would take in strangers is left out."""
    boxes = [
        (x - shape.width / 2, y - shape.height / 2, x + shape.width / 2, y + shape.height / 2)
        for (x, y), shape in zip(centres, node_shapes, strict=False)
    ]
    members = _members([node.scope for node in graph.nodes])
    found: dict[str, Frame] = {}
    for scope in sorted(members, key=lambda path: (-path.count("."), path)):
        inside = set(members[scope])
        parts = [boxes[index] for index in inside]
        parts += [frame[1:] for path, frame in found.items() if path.startswith(f"{scope}.")]
        frame = Frame(
            scope,
            min(part[0] for part in parts) - _PAD,
            min(part[1] for part in parts) - _PAD - _CAPTION,
            max(part[2] for part in parts) + _PAD,
            max(part[3] for part in parts) + _PAD,
        )
        others = [box for index, box in enumerate(boxes) if index not in inside]
        others += [other[1:] for path, other in found.items() if not path.startswith(f"{scope}.")]
        if not any(_touch(frame[1:], other) for other in others):
            found[scope] = frame
    return sorted(found.values(), key=lambda frame: (frame.scope.count("."), frame.scope))


def _touch(one: tuple[float, ...], other: tuple[float, ...]) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


def _trimmed(
    graph: Graph,
    loops: dict[int, tuple[Text, Point]],
    centres: list[Point],
    wires: list[list[Point]],
    node_shapes: list[Shape],
    label_index: dict[int, int],
    label_shapes: dict[int, Shape],
) -> Layout:
    """Everything moved so that it fills a box whose upper left corner is the origin."""
    frames = _frames(graph, centres, node_shapes)
    shape_of = [*node_shapes, *(label_shapes[label] for label in label_index)]
    corners = [point for frame in frames for point in ((frame.left, frame.top), (frame.right, frame.bottom))]
    for (x, y), shape in zip(centres, shape_of, strict=True):
        corners += [
            (x - shape.width / 2, y - shape.height / 2),
            (x + shape.width / 2, y + shape.height / 2),
        ]
    corners += [point for wire in wires for point in wire]
    for text, (x, y) in loops.values():
        start = x + text.x - {"start": 0.0, "middle": 0.5, "end": 1.0}[text.anchor] * text.width
        corners += [(start, y + text.y - text.size), (start + text.width, y + text.y + 3)]
    left, top = min(x for x, _ in corners), min(y for _, y in corners)

    def moved(point: Point) -> Point:
        return point[0] - left, point[1] - top

    return Layout(
        max(x for x, _ in corners) - left,
        max(y for _, y in corners) - top,
        tuple(moved(centre) for centre in centres[: len(node_shapes)]),
        {label: moved(centres[index]) for label, index in label_index.items()},
        tuple(tuple(moved(point) for point in wire) for wire in wires),
        tuple(Frame(f.scope, *moved((f.left, f.top)), *moved((f.right, f.bottom))) for f in frames),
        tuple(node_shapes),
        label_shapes,
        {key: (text, moved(point)) for key, (text, point) in loops.items()},
    )
