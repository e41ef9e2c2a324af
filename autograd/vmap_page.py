"""The page `docs/vmap.md`, made from the declarations: `python -m pullback.autograd.vmap_page` writes it."""

from __future__ import annotations

import inspect
import textwrap
from pathlib import Path

from .op import REGISTRY, Op
from .vmap import vmap

_HEAD = """\
<!-- Made from the declarations by `python -m pullback.autograd.vmap_page`; do not edit. -->

# What vmap does with each operation

`pb.vmap(f)` runs a function of one example on a whole batch. Most operations compute the batch at once; the others
are called once per example, which gives the same values and gradients and takes the time of a loop.
"""


def page() -> str:
    """The text of the page."""
    ops = sorted(
        (op for op in REGISTRY.values() if op.module.startswith("pullback.")), key=lambda op: op.name
    )
    whole = [op for op in ops if op.batch is not None or op.composed is not None]
    looping = [op for op in ops if op.batch is None and op.composed is None]
    return (
        f"{_HEAD}\n## The whole batch at once\n\n{_names(whole)}\n\n## Once per example\n\n{_names(looping)}\n\n"
        "An operation of your own belongs to the first list if its samples name a family (`elementwise`, `reduction`, "
        "`along`) or\nif it is declared with `batch=`.\n"
    )


def _names(ops: list[Op]) -> str:
    return textwrap.fill(", ".join(f"`{op.name}`" for op in ops) or "None.", 118)


def main() -> None:
    """Write the page into the checkout."""
    root = Path(inspect.getfile(inspect.unwrap(vmap))).resolve().parent.parent
    (root / "docs" / "vmap.md").write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
