"""Lines in a frame, as SVG: drawn here, so that a report needs no script. Pure.

Colours are the style sheet's, by class; each line has its own dashes as well, for those who do not tell
colours apart and for printers. A drawing is 460 by 240 units, and as wide as the page lets it be.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from loadtest.report.html import Html, element
from loadtest.report.scale import Scale

WIDTH, HEIGHT = 460.0, 240.0
LEFT, RIGHT, TOP, BOTTOM = 52.0, 12.0, 10.0, 40.0
LABEL = 5.0  # between an axis and its numbers
LINES = 8  # that the style sheet tells apart

Point = tuple[float, float | None]


@dataclass(frozen=True, slots=True)
class Series:
    """A line; where a value is None it has a gap. `line` is its place in the style sheet, None: an earlier
    test's.
    """

    name: str
    points: Sequence[Point]
    line: int | None = 0

    @property
    def style(self) -> str:
        return "earlier" if self.line is None else f"line{self.line % LINES}"


@dataclass(frozen=True, slots=True)
class Band:
    """A part of the x axis that is told apart, such as the measured window."""

    begins: float
    ends: float


@dataclass(frozen=True, slots=True)
class Note:
    """What a reader sees who points at the part of the plot around `x`."""

    x: float
    says: str


@dataclass(frozen=True, slots=True)
class Plot:
    """`about` is a sentence for those who do not see it."""

    id: str
    title: str
    about: str
    x: Scale
    y: Scale
    series: Sequence[Series]
    band: Band | None = None
    notes: Sequence[Note] = ()
    dots: bool = False
    """Whether each point is marked."""

    def svg(self) -> Html:
        middle = (LEFT + WIDTH - RIGHT) / 2
        return element(
            "svg",
            element("title", self.title, id=f"{self.id}-title"),
            element("desc", self.about, id=f"{self.id}-about"),
            self._band(),
            *self._grid(),
            element("text", self.x.name, class_="axis", x=middle, y=HEIGHT - 6, text_anchor="middle"),
            *(_line(series, self) for series in self.series),
            *(dot for series in self.series if self.dots for dot in _dots(series, self)),
            *self._notes(),
            role="img",
            aria_labelledby=f"{self.id}-title {self.id}-about",
            viewBox=f"0 0 {WIDTH:g} {HEIGHT:g}",
        )

    def figure(self) -> Html:
        """With its title, and a legend where there are several lines."""
        several = len(self.series) > 1 or any(series.line is None for series in self.series)
        return element(
            "figure",
            element("figcaption", element("b", self.title), " ", element("span", self.y.name, class_="unit")),
            _legend(self.series) if several else None,
            self.svg(),
        )

    def left(self, x: float) -> float:
        return LEFT + self.x.at(x) * (WIDTH - LEFT - RIGHT)

    def top(self, y: float) -> float:
        return TOP + (1 - self.y.at(y)) * (HEIGHT - TOP - BOTTOM)

    def _grid(self) -> Iterator[Html]:
        bottom = HEIGHT - BOTTOM
        for value, said in self.y.ticks:
            y = self.top(value)
            yield element("line", class_="grid", x1=LEFT, x2=WIDTH - RIGHT, y1=y, y2=y)
            yield element("text", said, class_="tick", x=LEFT - LABEL, y=y + 4, text_anchor="end")
        for value, said in self.x.ticks:
            x = self.left(value)
            yield element("line", class_="grid", x1=x, x2=x, y1=bottom, y2=bottom + 4)
            yield element("text", said, class_="tick", x=x, y=bottom + 16, text_anchor="middle")
        yield element("line", class_="base", x1=LEFT, x2=WIDTH - RIGHT, y1=bottom, y2=bottom)

    def _band(self) -> Html | None:
        if self.band is None:
            return None
        begins, ends = self.left(self.band.begins), self.left(self.band.ends)
        height = HEIGHT - TOP - BOTTOM
        return element("rect", class_="band", x=begins, width=ends - begins, y=TOP, height=height)

    def _notes(self) -> Iterator[Html]:
        """Strips that meet halfway between two notes."""
        places = [self.left(note.x) for note in self.notes]
        for number, note in enumerate(self.notes):
            before = (places[number - 1] + places[number]) / 2 if number else LEFT
            after = (places[number] + places[number + 1]) / 2 if number + 1 < len(places) else WIDTH - RIGHT
            yield element(
                "rect",
                element("title", note.says),
                class_="note",
                x=round(before, 1),
                width=round(max(0.0, after - before), 1),
                y=TOP,
                height=HEIGHT - TOP - BOTTOM,
            )


def _line(series: Series, plot: Plot) -> Html:
    path: list[str] = []
    pen_down = False
    for x, y in series.points:
        if y is None:
            pen_down = False
            continue
        path.append(f"{'L' if pen_down else 'M'}{plot.left(x):.1f} {plot.top(y):.1f}")
        pen_down = True
    # A line of one point is a dot: round caps draw it.
    return element("path", class_=series.style, d=" ".join(_with_dots(path)))


def _with_dots(path: Sequence[str]) -> Iterator[str]:
    for number, step in enumerate(path):
        yield step
        alone = step[0] == "M" and (number + 1 == len(path) or path[number + 1][0] == "M")
        if alone:
            yield "h0"


def _dots(series: Series, plot: Plot) -> Iterator[Html]:
    for x, y in series.points:
        if y is not None:
            left, top = round(plot.left(x), 1), round(plot.top(y), 1)
            yield element("circle", class_=f"{series.style} dot", cx=left, cy=top, r=3.5)


def _legend(series: Sequence[Series]) -> Html:
    return element(
        "ul",
        *(
            element(
                "li",
                element(
                    "svg",
                    element("path", class_=each.style, d="M1 5 H27"),
                    aria_hidden="true",
                    viewBox="0 0 28 10",
                    width="28",
                    height="10",
                ),
                each.name,
            )
            for each in series
        ),
        class_="legend",
    )
