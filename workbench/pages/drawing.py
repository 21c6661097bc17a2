"""Where the boxes of a process stand on its drawing, and which way its lines take: sizes and places only.

Levels stand below each other, the ways out of a step to its right. A line to the next level bends in the gutter between
the two, on a track of its own; one that passes a level, or goes back, takes a lane of its own at the left.
"""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from workbench.pilot.process import Process, followers, levels

BOX, GAP, EXIT, LANE, TRACK = 250, 34, 320, 13, 9  # widths in pixels; TRACK is a height
LINE, PAD, BEFORE_BEND, AFTER_BEND = 16, 9, 15, 12
SIGNS, BOLD_SIGNS = 33, 29  # in a line of a box, at the size that the page gives them in a wide type
EXIT_SIGNS, BOLD_EXIT_SIGNS = 44, 39
AT_LEFT = 90  # of a box's edge: where lines by a lane begin and end
MOST_BESIDE, MOST_BEFORE_EXITS = 3, 1  # boxes in a row, so that the drawing is as wide as the page


@dataclass(frozen=True, slots=True)
class ExitText:
    """A way out of a step: what decides and for whom, the rules that lead there, and whether people take it."""

    title: tuple[str, ...]
    lines: tuple[str, ...]
    is_to_person: bool

    @property
    def height(self) -> int:
        """Height of its pill in pixels."""
        return LINE * (len(self.title) + len(self.lines)) + PAD + 3


@dataclass(frozen=True, slots=True)
class PlacedBox:
    """A step or decision on the drawing: its upper left corner and size in pixels, and its lines of text."""

    id: str
    x: int
    y: int
    height: int
    title: tuple[str, ...]
    lines: tuple[str, ...]
    is_decision: bool
    is_end: bool
    width: int = BOX


@dataclass(frozen=True, slots=True)
class PlacedExit:
    """A way out on the drawing, and where its line leaves the step."""

    text: ExitText
    x: int
    y: int
    from_x: int
    from_y: int


@dataclass(frozen=True, slots=True)
class PlacedLine:
    """A line between boxes: its corners, whether it goes back, and the number of the branch where there is one."""

    points: tuple[tuple[int, int], ...]
    is_back: bool
    number: int | None


@dataclass(frozen=True, slots=True)
class Drawing:
    """A process drawn: width and height in pixels, boxes, ways out and lines."""

    width: int
    height: int
    boxes: tuple[PlacedBox, ...]
    exits: tuple[PlacedExit, ...]
    lines: tuple[PlacedLine, ...]


def drawing_of(process: Process) -> Drawing:
    """Return where everything of a process stands; nothing on it where there are no steps."""
    exits = {step.id: exits_of(process, step.id) for step in process.steps}
    rows = _rows(process, exits)
    if not rows:
        return Drawing(0, 0, (), (), ())
    texts = {name: _text(process, name) for row in rows for name in row}
    edges = _edges(process, rows)
    n_lanes = sum(not edge.is_next for edge in edges)
    left = PAD + LANE * (n_lanes + 1 if n_lanes else 0)
    tops, gutters = _tops(rows, texts, exits, edges)
    boxes = {
        name: _placed(name, left + place * (BOX + GAP), tops[number], texts[name], process)
        for number, row in enumerate(rows)
        for place, name in enumerate(row)
    }
    placed = [one for name, box in boxes.items() for one in _exits(box, exits.get(name, ()))]
    lines = _lines(edges, boxes, rows, gutters)
    bottom = max([box.y + box.height for box in boxes.values()] + [one.y + one.text.height for one in placed])
    width = max([box.x + box.width for box in boxes.values()] + [one.x + EXIT for one in placed]) + PAD
    return Drawing(width, bottom + PAD + TRACK * 2, tuple(boxes.values()), tuple(placed), tuple(lines))


def exits_of(process: Process, step: str) -> tuple[ExitText, ...]:
    """Return the ways out of a step: of its rules by decision and whom it goes to, and those that no rule knows."""
    found: dict[tuple[str, str], list[str]] = {}
    tried = next((one.rules for one in process.steps if one.id == step), ())
    for rule in (rule for rule in process.rules if rule.id in tried):
        found.setdefault((rule.decision, rule.to or ""), []).append(rule.id)
    exits = [
        ExitText(_wrapped(_way(decision, to), BOLD_EXIT_SIGNS), _wrapped(", ".join(ids), EXIT_SIGNS), bool(to))
        for (decision, to), ids in found.items()
    ]
    by_hand = [one for one in process.exception_paths if one.step == step and one.rule is None]
    exits += [
        ExitText(
            _wrapped(f"by hand: {one.to or one.id}", BOLD_EXIT_SIGNS), _wrapped(one.happens, EXIT_SIGNS), bool(one.to)
        )
        for one in by_hand
    ]
    return tuple(exits)


def _way(decision: str, to: str) -> str:
    return f"{decision}: {to}" if to else decision


@dataclass(frozen=True, slots=True)
class _Edge:
    start: str
    end: str
    from_row: int
    to_row: int
    number: int | None

    @property
    def is_next(self) -> bool:
        return self.to_row == self.from_row + 1


def _rows(process: Process, exits: Mapping[str, Sequence[ExitText]]) -> list[tuple[str, ...]]:
    """Return the levels as rows: a step with ways out stands last in one, and a long level takes several."""
    rows: list[tuple[str, ...]] = []
    for level in levels(process):
        with_exits = [name for name in level if exits.get(name)]
        others = [name for name in level if not exits.get(name)]
        beside = len(others) if len(others) <= MOST_BEFORE_EXITS and with_exits else 0
        if not beside:
            rows += [tuple(others[at : at + MOST_BESIDE]) for at in range(0, len(others), MOST_BESIDE)]
        rows += [(*others[:beside], *with_exits[:1])] if with_exits else []
        rows += [(name,) for name in with_exits[1:]]
    return rows


def _edges(process: Process, rows: Sequence[Sequence[str]]) -> list[_Edge]:
    row_of = {name: number for number, row in enumerate(rows) for name in row}
    found = []
    for step in process.steps:
        numbers = {branch.to: number for number, branch in enumerate(step.branches, 1)}
        found += [
            _Edge(step.id, name, row_of[step.id], row_of[name], numbers.get(name))
            for name in followers(process)[step.id]
        ]
    return found


def _text(process: Process, name: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return title and lines of a step or decision."""
    step = next((one for one in process.steps if one.id == name), None)
    if step is None:
        return _wrapped(name, BOLD_SIGNS), ()
    minutes = "" if step.minutes is None else f"{step.minutes:g} min"
    about = " · ".join(filter(None, (step.who, minutes)))
    ways = [f"{number} {branch.when}" for number, branch in enumerate(step.branches, 1)]
    lines = (line for text in (about, step.system, *ways) for line in _wrapped(text, SIGNS))
    return _wrapped(step.title, BOLD_SIGNS), tuple(lines)


def _wrapped(text: str, width: int) -> tuple[str, ...]:
    return tuple(textwrap.wrap(text, width, break_long_words=True))


def _tops(
    rows: Sequence[Sequence[str]],
    texts: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]],
    exits: Mapping[str, Sequence[ExitText]],
    edges: Sequence[_Edge],
) -> tuple[list[int], list[int]]:
    """Return the top of each row, and of the gutter above each; a gutter is as high as its tracks need."""
    tops, gutters, at = [], [], PAD
    for number, row in enumerate(rows):
        tracks = sum(edge.to_row == number or edge.from_row == number - 1 for edge in edges)
        gutters.append(at)
        at += BEFORE_BEND + TRACK * tracks + AFTER_BEND if number else TRACK * sum(edge.to_row == 0 for edge in edges)
        tops.append(at)
        heights = [_height(texts[name]) for name in row]
        beside = [sum(one.height + 7 for one in exits.get(name, ())) for name in row]
        at += max([*heights, *beside])
    return tops, gutters


def _height(text: tuple[tuple[str, ...], tuple[str, ...]]) -> int:
    return LINE * (len(text[0]) + len(text[1])) + 2 * PAD


def _placed(name: str, x: int, y: int, text: tuple[tuple[str, ...], tuple[str, ...]], process: Process) -> PlacedBox:
    decides = any(step.id == name and step.branches for step in process.steps)
    is_end = all(step.id != name for step in process.steps)
    return PlacedBox(name, x, y, _height(text), *text, decides, is_end)


def _exits(box: PlacedBox, texts: Sequence[ExitText]) -> list[PlacedExit]:
    found, x, y = [], box.x + box.width + 2 * GAP, box.y
    for text in texts:
        found.append(PlacedExit(text, x, y, box.x + box.width, box.y + PAD + LINE // 2))
        y += text.height + 7
    return found


def _lines(
    edges: Sequence[_Edge],
    boxes: Mapping[str, PlacedBox],
    rows: Sequence[Sequence[str]],
    gutters: Sequence[int],
) -> list[PlacedLine]:
    """Return the lines, each on a track of its own in the gutters it bends in."""
    used = dict.fromkeys(range(len(rows) + 1), 0)
    found, lanes = [], 0
    for edge in edges:
        start, end = boxes[edge.start], boxes[edge.end]
        out_x, in_x = _door(edge, edges, start, "start"), _door(edge, edges, end, "end")
        base = start.y + start.height
        if edge.is_next and out_x == in_x:
            points = [(out_x, base), (in_x, end.y)]
        elif edge.is_next:
            y = _track(used, edge.to_row, gutters)
            points = [(out_x, base), (out_x, y), (in_x, y), (in_x, end.y)]
        else:
            lanes += 1
            x = PAD + LANE * (lanes - 1)
            below = _track(used, edge.from_row + 1, gutters) if edge.from_row + 1 < len(rows) else base + TRACK
            above = _track(used, edge.to_row, gutters)
            points = [(out_x, base), (out_x, below), (x, below), (x, above), (in_x, above), (in_x, end.y)]
        found.append(PlacedLine(tuple(points), edge.to_row <= edge.from_row, edge.number))
    return found


def _track(used: dict[int, int], gutter: int, gutters: Sequence[int]) -> int:
    used[gutter] += 1
    return gutters[gutter] + (BEFORE_BEND if gutter else 0) + TRACK * (used[gutter] - 1)


def _door(edge: _Edge, edges: Sequence[_Edge], box: PlacedBox, side: str) -> int:
    """Return where on a box's edge a line begins or ends, so that no two share a place.

    Lines by a lane have theirs at the left, those that begin before those that end; the others are spread evenly.
    """
    at_box = [one for one in edges if getattr(one, side) == getattr(edge, side)]
    beside = [one for one in at_box if one.is_next == edge.is_next]
    if edge.is_next:
        free = box.width - AT_LEFT
        is_one_of_several = side == "end" and sum(one.start == edge.start and one.is_next for one in edges) > 1
        aside = PAD if is_one_of_several else 0  # else it would end where another one begins
        return box.x + AT_LEFT + free * (beside.index(edge) + 1) // (len(beside) + 1) + aside
    first = LANE if side == "start" else AT_LEFT // 2
    return box.x + first + (AT_LEFT // 2 - LANE) * beside.index(edge) // len(beside)
