"""Plot: a figure with the data that it shows; and the look that all figures share, light and dark."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import cycle
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, TypeVar

from ...autograd.extend import write_atomically
from ..theme import DARK, LIGHT, Theme

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.colors import Colormap
    from matplotlib.figure import Figure

Data = TypeVar("Data")

_SERIES = {
    "light": ("#0b5fb8", "#b3261e", "#0b6b3a", "#8a5a00", "#6d3fb0", "#0f766e", "#a8327a", "#444c5a"),
    "dark": ("#7fb0ff", "#ff9a92", "#6fdc9f", "#e2bd54", "#c3a3ff", "#5fd0c2", "#ff9fd6", "#b9c0cc"),
}
_DASHES: tuple[Any, ...] = (
    "-",
    (0, (6, 2)),
    (0, (6, 2, 1, 2)),
    (0, (1.5, 1.5)),
    (0, (9, 2, 3, 2)),
    (0, (4, 1, 1, 1, 1, 1)),
)
_LOOK = ("axes", "figure", "font", "grid", "image", "legend", "lines", "text", "xtick", "ytick")
_MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")


class Plot(NamedTuple, Generic[Data]):
    """A figure and the data that it shows: `figure, data = viz.schedule(...)`. A notebook shows the figure."""

    figure: Figure
    """A matplotlib figure, to be changed further or put into a page."""
    data: Data
    """What is drawn, as numbers."""

    def save(self, path: str | os.PathLike[str], dpi: float = 200) -> None:
        """Write the figure to exactly this path, as PNG, SVG or PDF by its suffix.

        The same figure gives the same bytes.

        Args:
            path: where to.
            dpi: dots per inch, for PNG.

        Raises:
            ValueError: for another suffix.
            OSError: if the path cannot be written.
        """
        kind = Path(path).suffix.lower().removeprefix(".")
        if kind not in ("png", "svg", "pdf"):
            raise ValueError(
                f"a figure is saved as .png, .svg or .pdf, and {os.fspath(path)!r} is none of them"
            )
        write_atomically(path, self._rendered(kind, dpi))

    def _rendered(self, kind: str, dpi: float) -> bytes:
        from matplotlib import rc_context

        undated: dict[str, dict[str, Any]] = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}
        buffer = io.BytesIO()
        with rc_context({"svg.hashsalt": "pullback"}):
            self.figure.savefig(buffer, format=kind, dpi=dpi, metadata=undated.get(kind))
        return buffer.getvalue()

    def _repr_png_(self) -> bytes:
        return _smaller(self._rendered("png", 80))  # a notebook stores some tens of them

    def __repr__(self) -> str:
        width, height = self.figure.get_size_inches()
        return f"<Plot: {width:g} × {height:g} inches, of {type(self.data).__name__}>"


def _smaller(png: bytes) -> bytes:
    """The picture with 256 colours, where that is hardly seen: lines and their smoothed edges get by with them."""
    from PIL import Image, ImageChops, ImageStat

    picture = Image.open(io.BytesIO(png)).convert("RGB")
    reduced = picture.quantize(256, dither=Image.Dither.NONE)
    if max(ImageStat.Stat(ImageChops.difference(picture, reduced.convert("RGB"))).mean) > 1:  # of 255
        return png
    buffer = io.BytesIO()
    reduced.save(buffer, "PNG", optimize=True)
    return min(png, buffer.getvalue(), key=len)


class Style(NamedTuple):
    """How one of several lines is drawn; lines are told apart by dashes and markers as well as by colour."""

    color: str
    linestyle: Any
    marker: str


class Look(NamedTuple):
    """The colours of a figure."""

    name: str
    theme: Theme

    def styles(self) -> Iterator[Style]:
        """Styles for one line after the other, without end."""
        return (
            Style(*parts)
            for parts in zip(cycle(_SERIES[self.name]), cycle(_DASHES), cycle(_MARKERS), strict=False)
        )

    @property
    def ink(self) -> str:
        """The colour of text."""
        return self.theme.inks["ink"]

    @property
    def muted(self) -> str:
        """The colour of what is said beside."""
        return self.theme.inks["muted"]

    @property
    def faint(self) -> str:
        """The colour of grids and contours."""
        return self.theme.lines["faint"]

    @property
    def paper(self) -> str:
        """The colour behind everything."""
        return self.theme.paints["panel"].fill

    def on(self, color: Any) -> str:
        """The colour of text on some colour: the ink or the paper, whichever stands out more."""
        behind, ink, paper = (luminance(one) + 0.05 for one in (color, self.ink, self.paper))
        by_ink, by_paper = (max(behind, one) / min(behind, one) for one in (ink, paper))
        return self.ink if by_ink >= by_paper else self.paper

    def map(self, signed: bool) -> Colormap:
        """Colours of numbers: from the paper's to the ink's; for signed ones blue below zero and red above it."""
        from matplotlib.colors import LinearSegmentedColormap

        blue, red = _SERIES[self.name][:2]
        return LinearSegmentedColormap.from_list(
            "pullback", [blue, self.paper, red] if signed else [self.paper, self.ink]
        )


@contextmanager
def drawing(theme: str) -> Iterator[Look]:
    """The colours of a theme, within which matplotlib draws in them; its settings are afterwards as before.

    Raises:
        ValueError: for a theme that is neither "light" nor "dark".
        ImportError: without matplotlib.
    """
    if theme not in _SERIES:
        raise ValueError(f"theme is 'light' or 'dark', not {theme!r}")
    require_matplotlib()
    from matplotlib import rc_context, rcParamsDefault

    look = Look(theme, LIGHT if theme == "light" else DARK)
    # A user's own settings of the look would break the contrast that is chosen here.
    settings: dict[Any, Any] = {
        name: value
        for name, value in rcParamsDefault.items()
        if name.split(".")[0]
        in ("axes", "font", "grid", "legend", "lines", "text", "xtick", "ytick", "figure", "image")
    }
    settings |= {
        "figure.facecolor": look.paper,
        "figure.constrained_layout.use": True,
        "axes.facecolor": look.paper,
        "axes.edgecolor": look.faint,
        "axes.labelcolor": look.ink,
        "axes.titlecolor": look.ink,
        "axes.titlesize": 11,
        "axes.titlelocation": "left",
        "axes.labelsize": 10,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "text.color": look.ink,
        "xtick.color": look.faint,
        "ytick.color": look.faint,
        "xtick.labelcolor": look.ink,
        "ytick.labelcolor": look.ink,
        "xtick.labelsize": 9,
        "ytick.labelsize": 9,
        "grid.color": look.theme.paints["panel"].stroke,
        "grid.linewidth": 0.8,
        "legend.frameon": False,
        "legend.labelcolor": look.ink,
        "legend.fontsize": 9,
    }
    with rc_context(settings):
        yield look


def require_matplotlib() -> None:
    """Raise ImportError with the way to mend it, where matplotlib is missing."""
    try:
        import matplotlib as mpl  # noqa: F401 - only whether it is there
    except ImportError as error:
        raise ImportError(
            "figures need matplotlib, which the extra 'plots' brings: pip install 'pullback[plots]'"
        ) from error


def luminance(color: Any) -> float:
    """The relative luminance of a colour, after WCAG."""
    from matplotlib.colors import to_rgb

    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in to_rgb(color)]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def new_figure(width: float, height: float) -> Figure:
    """A figure of that many inches, that no window or global list knows of."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height))


def tidy(axes: Axes, title: str, x: str, y: str) -> None:
    """Title, labels and a quiet grid."""
    axes.set_title(title)
    axes.set_xlabel(x)
    axes.set_ylabel(y)
    axes.grid(True)
    axes.set_axisbelow(True)


def legend_below(figure: Figure, axes: Axes, columns: int) -> None:
    """The names of the lines of some axes, in rows of about equal length under the figure."""
    handles, labels = axes.get_legend_handles_labels()
    rows = -(-len(labels) // columns)
    figure.legend(handles, labels, loc="outside lower center", ncols=-(-len(labels) // max(rows, 1)))


def rows_and_columns(count: int, columns: int | None) -> tuple[int, int]:
    """Rows and columns for so many pictures: as square as may be, or with the columns that are asked for."""
    wide = columns if columns is not None else max(1, round((count * 1.4) ** 0.5))
    wide = min(wide, max(1, count))
    return -(-count // wide), wide
