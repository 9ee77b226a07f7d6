"""The parts of a page, and the page itself: sections of sentences, tables and figures.

A figure is an SVG drawing. The page also describes the figure in words, with its numbers, for screen readers.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from shared.report.axes import Axis

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_TEMPLATES = Path(__file__).parent / "templates"
# Size of a drawing with axes, in pixels. A drawing of this size fits the screen of a phone, so its text is not scaled
# down.
WIDTH, HEIGHT = 340, 230
# Width of the margins around the area between the axes, in pixels.
LEFT, RIGHT, TOP, BOTTOM = 52, 20, 10, 40
# Height of a row of Spreads, in pixels.
ROW = 30


@dataclass(frozen=True)
class Table:
    """A table. The first cell of each row is the row's heading. If `numbers` is True, other cells are right-aligned.

    Raises:
        ValueError: a column has no name, which screen readers need.
    """

    kind: ClassVar[str] = "table"

    title: str
    head: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]
    numbers: bool = True

    def __post_init__(self) -> None:
        """Check the names of the columns."""
        if not all(self.head):
            message = f"the table {self.title!r} has a column without a name: {self.head}"
            raise ValueError(message)


@dataclass(frozen=True)
class Figure:
    """A drawing. `words` describes it in sentences, with its numbers."""

    kind: ClassVar[str]

    title: str
    words: str


@dataclass(frozen=True)
class Line:
    """A line through points (x, y), in the units of the axes; `name` is the line's name in the legend."""

    name: str
    points: Sequence[tuple[float, float]]


@dataclass(frozen=True)
class Lines(Figure):
    """Lines over two axes. `reference` is a thin line without a name, e.g. the diagonal of a random ranking."""

    kind = "lines"

    x: Axis
    y: Axis
    lines: Sequence[Line]
    reference: Sequence[tuple[float, float]] = ()
    has_marks: bool = False

    def at(self, point: tuple[float, float]) -> tuple[float, float]:
        """Return the coordinates of a point in the drawing, in pixels."""
        return self.x.place(point[0], LEFT, WIDTH - RIGHT), self.y.place(point[1], HEIGHT - BOTTOM, TOP)

    def path(self, points: Sequence[tuple[float, float]]) -> str:
        """Return the SVG path through the points."""
        return "M" + " L".join(f"{x:g} {y:g}" for x, y in map(self.at, points))


@dataclass(frozen=True)
class Bars(Figure):
    """Groups of bars. `bars` maps the name of each series to the heights of its bars, in the order of `labels`."""

    kind = "bars"

    x_title: str
    y: Axis
    labels: Sequence[str]
    bars: Mapping[str, Sequence[float]]

    @property
    def step(self) -> float:
        """The width of a group of bars and of the gap to the next group, in pixels."""
        return (WIDTH - LEFT - RIGHT) / max(len(self.labels), 1)

    def bar(self, series: int, group: int) -> tuple[float, float, float, float]:
        """Return x, y, width and height of a bar in pixels; `series` and `group` count from 0."""
        width = 0.8 * self.step / len(self.bars)
        x = LEFT + self.step * (group + 0.1) + width * series
        top = self.y.place(list(self.bars.values())[series][group], HEIGHT - BOTTOM, TOP)
        return round(x, 2), top, round(width, 2), round(HEIGHT - BOTTOM - top, 2)

    def shown(self) -> list[tuple[float, str]]:
        """Return (x coordinate, text) of each label to show. If there is no space for all, show every n-th label."""
        longest = max((len(label) for label in self.labels), default=1)
        every = max(1, -(-int(longest * 6.5 + 6) // max(int(self.step), 1)))
        return [
            (round(LEFT + self.step * (number + 0.5), 2), label)
            for number, label in enumerate(self.labels)
            if number % every == 0
        ]


@dataclass(frozen=True)
class Spread:
    """A value with its interval: one row of Spreads. The row has the heading `name`.

    `text` gives the value and the interval in words.
    """

    name: str
    value: float
    lower: float
    upper: float
    text: str


@dataclass(frozen=True)
class Spreads(Figure):
    """Values with their intervals, one below the other.

    `marks` holds a second value for each row, e.g. the predicted value. `marks` is empty if there are no second values.
    """

    kind = "spreads"

    x: Axis
    spreads: Sequence[Spread]
    marks: Sequence[float] = ()
    legend: tuple[str, str] = ("value with 95 % interval", "")

    @property
    def height(self) -> int:
        """The drawing's height, in pixels."""
        return TOP + ROW * len(self.spreads) + BOTTOM

    def at(self, value: float) -> float:
        """Return the x coordinate of a value, in pixels."""
        return self.x.place(value, 14, WIDTH - 14)


@dataclass(frozen=True)
class Node:
    """A step of the run: its start in seconds after the run was opened, and its duration in seconds.

    `state` is done, failed or not reached. Only a step that is done has times.
    """

    name: str
    state: str
    begin: float = 0.0
    seconds: float = 0.0
    text: str = ""


@dataclass(frozen=True)
class Graph(Figure):
    """The steps of a run in their order. A bar shows the time from the start of a step to its end."""

    kind = "graph"

    nodes: Sequence[Node]

    @property
    def height(self) -> int:
        """The drawing's height, in pixels."""
        return 8 + 34 * len(self.nodes)

    def span(self, node: Node) -> tuple[float, float]:
        """Return the x coordinate and the width of a node's bar, in pixels."""
        end = max((one.begin + one.seconds for one in self.nodes), default=0) or 1
        time = Axis("", 0, end)
        x = time.place(node.begin, 34, WIDTH - 6)
        return x, max(round(time.place(node.begin + node.seconds, 34, WIDTH - 6) - x, 2), 2)


@dataclass(frozen=True)
class Section:
    """A section of the page. `words` are its paragraphs, and `key` is its anchor in the page."""

    key: str
    title: str
    words: Sequence[str]
    parts: Sequence[Table | Figure] = ()


def render(title: str, sections: Sequence[Section], made_of: str = "") -> bytes:
    """Return the page as HTML in UTF-8. The page contains its style sheet and drawings, and loads no other file.

    The page's head contains `made_of`, a hash of the steps and failures that the page shows.
    """
    sizes = {"WIDTH": WIDTH, "HEIGHT": HEIGHT, "LEFT": LEFT, "RIGHT": RIGHT, "TOP": TOP, "BOTTOM": BOTTOM, "ROW": ROW}
    return (
        _templates().get_template("page.html").render(title=title, sections=sections, made_of=made_of, **sizes).encode()
    )


@cache
def _templates() -> Environment:
    # Escape all values, because others choose the names of traffic sources and products.
    return Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
