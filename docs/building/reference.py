"""The reference: a page for each kind of thing in each public namespace, all of it from docstrings.

`NAMESPACES` says which namespaces are public and how a large one is divided: by the files that its names come from.
What a name is, and what it does, is said in its docstring and nowhere else.
"""

from __future__ import annotations

import importlib
import inspect
import textwrap
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

from .docstrings import escape, to_markup


class Page(NamedTuple):
    """One page: its title, and the files (or, for constants, the names) whose public names stand on it."""

    title: str
    of: str = "*"


class Namespace(NamedTuple):
    """A module whose `__all__` is public, by the name that users say."""

    name: str
    title: str
    pages: tuple[Page, ...] = ()


NAMESPACES = (
    Namespace(
        "pullback",
        "Tensors and their functions",
        (
            Page(
                "Tensors, dtypes, files",
                "tensor convert creation dtypes random io settings bool complex64 complex128 float32 float64 int8 int16"
                " int32 int64 uint8 uint16 uint32 uint64 e inf nan newaxis pi __array_api_version__ __version__",
            ),
            Page(
                "Derivatives and transforms",
                "transforms jacobian tape vmap checkpoint function mode gradcheck.run gradcheck.report",
            ),
            Page("Recording, profiling, finding nan", "record anomaly profile expression gate"),
            Page(
                "Functions of each element",
                "ops.elementwise ops.arithmetic ops.angles ops.entropy ops.complex ops.gamma ops.special",
            ),
            Page(
                "Sums, means, extremes, orders",
                "ops.reduce ops.missing ops.cumulative ops.order ops.norm ops.covariance ops.sort",
            ),
            Page("Shapes, joining and cutting", "ops.shape ops.arrange ops.join ops.turn"),
            Page("Picking elements and comparing", "ops.gather ops.compare"),
            Page("Products, sequences", "ops.linalg ops.einsum ops.signal"),
        ),
    ),
    Namespace("pullback.linalg", "Linear algebra"),
    Namespace("pullback.fft", "Fourier transforms"),
    Namespace("pullback.special", "Special functions"),
    Namespace(
        "pullback.nn",
        "Layers and losses",
        (
            Page(
                "Modules and containers",
                "module container parameter parameter_container shape torch_file utils.functional_call",
            ),
            Page("Linear layers and embeddings", "linear embedding positional distance"),
            Page("Convolution, padding, images of other sizes", "conv fold padding upsampling"),
            Page("Pooling", "pool unpool"),
            Page("Activations", "activation rectifier"),
            Page("Normalisation and dropout", "norm running_norm dropout dropconnect"),
            Page(
                "Recurrent layers and attention",
                "recurrent recurrent_base recurrent_cell attention transformer transformer_layer",
            ),
            Page("Losses", "loss margin_loss regression_loss"),
        ),
    ),
    Namespace(
        "pullback.nn.functional",
        "Functions behind the layers",
        (
            Page(
                "Linear maps, embeddings, distances",
                "linear bilinear embedding embedding_bag encoding distance cdist",
            ),
            Page("Convolution, padding, images of other sizes", "conv fold padding interpolate shuffle"),
            Page("Pooling", "pooling lp_pool unpool fractional_pool"),
            Page("Activations", "activation inplace rectifier shares elementwise special"),
            Page("Normalisation and dropout", "batch_norm group_norm norm response_norm dropout"),
            Page("Recurrent steps and attention", "rnn lstm gru attention multi_head"),
            Page(
                "Losses",
                "loss.binary loss.classes loss.ctc loss.embedding loss.margin loss.nll loss.penalty loss.regression",
            ),
        ),
    ),
    Namespace("pullback.nn.init", "Initialisers"),
    Namespace("pullback.nn.utils", "Tools around modules"),
    Namespace("pullback.nn.utils.parametrizations", "Parametrisations by name"),
    Namespace("pullback.nn.utils.parametrize", "Parametrisations of one's own"),
    Namespace("pullback.nn.utils.rnn", "Sequences of several lengths"),
    Namespace("pullback.nn.models", "Whole models"),
    Namespace("pullback.optim", "Optimisers"),
    Namespace("pullback.optim.lr_scheduler", "Learning-rate schedulers"),
    Namespace("pullback.optim.schedules", "Schedules as functions"),
    Namespace("pullback.optim.swa_utils", "Averages by PyTorch's names"),
    Namespace("pullback.viz", "Pictures"),
    Namespace("pullback.viz.figures", "Figures of training, and their data"),
    Namespace("pullback.data", "Data sets, samplers, loaders, readers"),
    Namespace("pullback.data.augment", "Augmentation"),
    Namespace("pullback.data.digits", "The shipped digits"),
    Namespace("pullback.data.preprocess", "Preprocessing"),
    Namespace("pullback.train", "Training, evaluation, search"),
    Namespace("pullback.train.estimators", "Networks with scikit-learn's methods"),
    Namespace("pullback.autograd.extend", "Declaring operations, layers and optimisers"),
    Namespace("pullback.testing", "Checks in tests, and the grader of exercises"),
)


def module_of(namespace: Namespace) -> ModuleType:
    """The module of a namespace."""
    name = namespace.name
    for alias in ("linalg", "fft", "special"):
        if name == f"pullback.{alias}":
            name = f"pullback.autograd.{alias}"
    return importlib.import_module(name)


def names_of(namespace: Namespace) -> list[str]:
    """The public names of a namespace but the modules, which have pages of their own."""
    module = module_of(namespace)
    names = getattr(module, "__all__", None)
    if names is None:
        names = [name for name, value in vars(module).items() if _is_made_here(value, module)]
    return sorted((name for name in names if not inspect.ismodule(getattr(module, name))), key=str.lower)


def _is_made_here(thing: Any, module: ModuleType) -> bool:
    made = inspect.isclass(thing) or inspect.isroutine(thing)
    return made and thing.__module__ == module.__name__ and not thing.__name__.startswith("_")


def divided(namespace: Namespace) -> dict[Page, list[str]]:
    """The public names of a namespace, page by page.

    Raises:
        LookupError: if a name comes from a file that no page takes, or a page has no names.
    """
    names = names_of(namespace)
    if not namespace.pages:
        return {Page(namespace.title): names}
    module = module_of(namespace)
    places = {place: page for page in namespace.pages for place in page.of.split()}
    result: dict[Page, list[str]] = {page: [] for page in namespace.pages}
    for name in names:
        origin = getattr(getattr(module, name), "__module__", None) or ""
        fitting = [place for place in places if place == name or f".{origin}".endswith(f".{place}")]
        if not fitting:
            raise LookupError(
                f"no page of {namespace.name} takes {name}, which comes from {origin or 'nowhere'}"
            )
        result[places[max(fitting, key=len)]].append(name)
    empty = [page.title for page, names in result.items() if not names]
    if empty:
        raise LookupError(f"{namespace.name} has nothing for its pages {empty}")
    return result


def sources() -> Iterator[tuple[str, str]]:
    """The pages of the reference, each as its path in `docs/reference` and its text."""
    yield "index.rst", _index()
    for namespace in NAMESPACES:
        parts = divided(namespace)
        intro = _introduction(namespace)
        if not namespace.pages:
            (names,) = parts.values()
            yield (
                f"{_file(namespace)}.rst",
                f"{intro}{_table(namespace, names)}\n{_entries(namespace, names)}",
            )
            continue
        inside = "".join(f"   {_file(namespace)}-{_slug(page.title)}\n" for page in parts)
        tables = "".join(
            f"{_title(page.title, '-')}\n{_table(namespace, names)}\n" for page, names in parts.items()
        )
        yield f"{_file(namespace)}.rst", f"{intro}.. toctree::\n   :hidden:\n\n{inside}\n{tables}"
        for page, names in parts.items():
            head = _title(f"{page.title} ({namespace.name.replace('pullback', 'pb')})", "=")
            entries = f".. py:currentmodule:: {namespace.name}\n\n{_entries(namespace, names)}"
            yield f"{_file(namespace)}-{_slug(page.title)}.rst", f"{head}\n{entries}"


def write(folder: Path) -> None:
    """Write the pages of the reference into an empty folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in sources():
        (folder / name).write_text(text, encoding="utf-8")


def _index() -> str:
    rows = "".join(
        f"   * - :doc:`{n.name} <{_file(n)}>`\n     - {n.title}\n     - {len(names_of(n))}\n"
        for n in NAMESPACES
    )
    inside = "".join(f"   {n.name} <{_file(n)}>\n" for n in NAMESPACES)
    return (
        f"{_title('Reference', '=')}\nEvery public name, from its docstring. The examples run in the tests. What stands"
        " in ``pullback.autograd`` is what ``pullback`` hands out, and is listed there.\n\n"
        f".. toctree::\n   :hidden:\n\n{inside}\n"
        f".. list-table::\n   :header-rows: 1\n\n   * - namespace\n     - what is in it\n     - names\n{rows}"
    )


def _introduction(namespace: Namespace) -> str:
    text = "\n".join(to_markup(inspect.cleandoc(module_of(namespace).__doc__ or "").splitlines()))
    return f"{_title(namespace.name, '=')}\n.. py:module:: {namespace.name}\n\n{text}\n\n"


def _table(namespace: Namespace, names: list[str]) -> str:
    module = module_of(namespace)
    rows = "".join(
        f"   * - :py:obj:`~{namespace.name}.{name}`\n     - {summary(getattr(module, name))}\n"
        for name in names
    )
    return f".. list-table::\n   :class: names\n   :widths: 30 70\n\n{rows}"


def _entries(namespace: Namespace, names: list[str]) -> str:
    return "\n".join(_entry(namespace, name) for name in names)


def _entry(namespace: Namespace, name: str) -> str:
    thing = getattr(module_of(namespace), name)
    if inspect.isclass(thing) or inspect.isroutine(thing):
        first = full_name(thing)
        kind = "class" if inspect.isclass(thing) else "function"
        if first != f"{namespace.name}.{name}":
            return f".. py:{kind}:: {name}\n\n   The same as :py:obj:`{first}`.\n"
        members = "   :members:\n   :exclude-members: extra_repr\n" if kind == "class" else ""
        example = textwrap.indent(_example(first), "   ")
        return f".. auto{kind}:: {namespace.name}.{name}\n{members}\n{example}"
    text = _constant(thing) or "\n".join(to_markup((inspect.getdoc(thing) or "").splitlines()))
    return f".. py:data:: {name}\n\n{textwrap.indent(text, '   ')}\n"


@cache
def examples() -> dict[str, str]:
    """From `examples.txt`: an example for each name whose docstring has none, or `see` and where one is."""
    found: dict[str, str] = {}
    for block in (Path(__file__).parent / "examples.txt").read_text(encoding="utf-8").split("\n\n")[1:]:
        name, _, text = block.strip().partition("\n")
        found[name] = textwrap.dedent(text)
    return found


def _example(name: str) -> str:
    text = examples().get(name, "")
    if not text.startswith("see "):
        return f"{text}\n" if text else ""
    place = text.removeprefix("see ")
    if place.startswith("pullback."):
        return f"There is an example with :py:obj:`{place}`.\n"
    page, mark, anchor = place.partition("#")
    return f"There are examples in the `guide <../{page}.html{mark}{anchor}>`__.\n"


@cache
def _full_names() -> dict[int, str]:
    """Under which name each class and function stands in full: the first, for some have several."""
    result: dict[int, str] = {}
    for namespace in NAMESPACES:
        for name in names_of(namespace):
            result.setdefault(id(getattr(module_of(namespace), name)), f"{namespace.name}.{name}")
    return result


def full_name(thing: Any) -> str:
    """The first of the names under which a class or a function is public."""
    return _full_names()[id(thing)]


def _constant(thing: Any) -> str:
    """What a constant is, if there is no more to say."""
    kind = type(thing)
    if thing is None or kind in (str, float, int):
        return f"The constant ``{thing!r}``."
    if kind.__module__.startswith("numpy.dtypes"):
        return f"``numpy.{thing!r}``."
    return "A dict by name." if kind is dict else ""


def summary(thing: Any) -> str:
    """What a thing is, in a line: the first paragraph of its docstring, or what a constant is."""
    first = (inspect.getdoc(thing) or "").split("\n\n")[0]
    return _constant(thing) or escape(" ".join(first.splitlines()))


def _title(text: str, line: str) -> str:
    return f"{text}\n{line * len(text)}\n"


def _file(namespace: Namespace) -> str:
    return namespace.name.replace(".", "-")


def _slug(title: str) -> str:
    return "-".join("".join(c if c.isalnum() else " " for c in title.lower()).split())
