"""The page `docs/vmap.md`, made from the declarations: `python -m pullback.autograd.vmap_page` writes it."""

from __future__ import annotations

import inspect
import sys
import textwrap
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from .op import own_operations
from .vmap import vmap

_HEAD = """\
<!-- Made from the declarations by `python -m pullback.autograd.vmap_page`; do not edit. -->

# What vmap does with each operation

`pb.vmap(f)` runs a function of one example on a whole batch. Most operations compute the batch at once; the others
are called once per example, which gives the same values and gradients and takes the time of a loop.
"""

_ALSO = """\
And `Function.apply`: the forward and the backward of one's own Functions. Also `searchsorted` and `isin` where the
elements that are looked into differ between examples, and `roll` without `axis` over several axes."""

_REFUSED = """\
The shape of their results depends on the values, and all examples must have one shape. So does that of `x[mask]`; and
what gives Python values (`bool(x)`, `x.item()`, `allclose`, `array_equal`) would have to give one for every example.
Both raise, with what to do instead. So does `repeat` with repetitions that differ between examples."""

_OWN = """\
One belongs to the first list if its samples name a family (`elementwise`, `reduction`, `along`, `matrices`), if it is
declared with `batch=`, or if it is written in other operations (`composed=`)."""

# among the public functions those that give Python values, and those that take no tensors
_OTHERS = ("allclose", "array_equal", "fftfreq", "rfftfreq")


def page() -> str:
    """The text of the page."""
    ops = sorted(own_operations(), key=lambda op: op.name)
    functions = _composed_functions()
    refused = {op.name for op in ops if _is_refused(op.batch)}
    refused |= {name for name, function in functions.items() if _is_refused(function)}
    whole = [op.name for op in ops if (op.batch or op.composed) and op.name not in refused]
    looping = [op.name for op in ops if not (op.batch or op.composed)]
    by_themselves = [name for name, function in functions.items() if getattr(function, "each_example", False)]
    looping = sorted({*looping, *by_themselves})
    sections = [
        f"{_HEAD}\n## The whole batch at once",
        _names(whole),
        "## Once per example",
        _names(looping),
        _paragraph(_ALSO),
        "## Functions that consist of operations",
        _paragraph("They do what the operations do that they call, most of which are in the first list."),
        _names(sorted(functions.keys() - refused - {*by_themselves})),
        "## Refused",
        _paragraph(_REFUSED),
        _names(sorted(refused)),
        "## Operations of your own",
        _paragraph(_OWN),
    ]
    return "\n\n".join(sections) + "\n"


def _is_refused(function: object) -> bool:
    return getattr(function, "shape_depends_on_values", False)


def _composed_functions() -> dict[str, Callable[..., Any]]:
    """The public functions of tensors that are not operations: what stands in the files of operations, by name."""
    folders = {op.module.rpartition(".")[0] for op in own_operations()}
    found: dict[str, Callable[..., Any]] = {}
    for module_name, module in sorted(sys.modules.items()):
        if not module_name.startswith("pullback.") or module_name.endswith(".extend"):
            continue
        for name in getattr(module, "__all__", ()):
            value = getattr(module, name)
            home = inspect.isfunction(value) and value.__module__.rpartition(".")[0]
            if home in folders and not hasattr(value, "op") and name not in _OTHERS:
                found[name] = value
    return found


def _names(names: Iterable[str]) -> str:
    return _paragraph(", ".join(f"`{name}`" for name in names) or "None.")


def _paragraph(text: str) -> str:
    return textwrap.fill(text, 118, break_on_hyphens=False)


def main() -> None:
    """Write the page into the checkout."""
    root = Path(inspect.getfile(inspect.unwrap(vmap))).resolve().parent.parent
    (root / "docs" / "vmap.md").write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
