"""The command line: `python -m pullback demo`, `graph`, `check`, `charlm`, `grade`."""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

from . import __version__
from .autograd import Expression, Tensor, gradcheck, record


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; return its exit status: 0, 1 where a check failed, 2 for bad input."""
    parser = _parser()
    options = parser.parse_args(_shield_minus(sys.argv[1:] if arguments is None else list(arguments)))
    try:
        status: int = options.run(options)
    except (OSError, ValueError) as error:
        print(f"pullback {options.command}: {_one_line(error)}", file=sys.stderr)
        return 2
    except KeyboardInterrupt as stop:
        print(f"pullback {options.command}: {_one_line(stop) or 'stopped'}", file=sys.stderr)
        return 130
    return status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m pullback", description="Gradients that you can see, check and train with."
    )
    parser.add_argument("--version", action="version", version=f"pullback {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="command")

    demo = commands.add_parser("demo", help="train a network on handwritten digits, check and draw it")
    demo.add_argument(
        "--out", type=Path, default=Path("pullback-demo"), help="folder for the files (%(default)s)"
    )
    demo.add_argument("--epochs", type=_positive, default=30, help="passes through the data (%(default)s)")
    demo.add_argument("--seed", type=_seed, default=0, help="of everything random (%(default)s)")
    demo.add_argument("--checkpoint", type=Path, help="folder for the state of the training")
    demo.add_argument("--resume", action="store_true", help="go on with the training in that folder")
    demo.set_defaults(run=_demo)

    _add_charlm(commands)

    graph = commands.add_parser("graph", help="draw an expression with its values and gradients")
    _add_expression(graph)
    graph.add_argument(
        "-o", "--output", type=Path, help="the file to write, such as .svg, .html or .dot (graph.svg)"
    )
    graph.add_argument(
        "--replay", action="store_true", help="write a page that steps through it, as .html (graph.html)"
    )
    graph.set_defaults(run=_graph)

    check = commands.add_parser("check", help="compare an expression's gradients with numerical ones")
    _add_expression(check)
    check.add_argument("-o", "--output", type=Path, help="also write the report, as .html or .json")
    check.add_argument("--order", type=int, choices=(1, 2), default=1, help="2: the double backward too")
    check.set_defaults(run=_check)

    marks = commands.add_parser("grade", help="grade a file of forward and backward functions, which is run")
    marks.add_argument("file", type=Path, help="the functions, such as affine_forward and affine_backward")
    marks.add_argument(
        "exercises", nargs="*", help="names of the catalogue (default: those with functions in the file)"
    )
    marks.add_argument("--json", type=Path, help="also write the scores, as JSON")
    marks.add_argument("--seed", type=_seed, default=0, help="draws other inputs (%(default)s)")
    marks.set_defaults(run=_grade)
    return parser


def _add_expression(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("expression", help='such as "(x + y) * z"')
    parser.add_argument("values", nargs="*", help="a value for each name, such as x=-2 y=5 z=-4")


def _add_charlm(commands: Any) -> None:
    charlm = commands.add_parser(
        "charlm", help="train a character language model on a text file, and let it write"
    )
    add = charlm.add_argument
    add(
        "file",
        type=Path,
        nargs="?",
        help="a text in UTF-8; the modules of Python's standard library if left out",
    )
    add(
        "--out",
        type=Path,
        default=Path("pullback-charlm"),
        help="folder of the model and its checkpoints (%(default)s)",
    )
    add(
        "--epochs",
        type=_count,
        default=2,
        help="passes through the text, with those of an earlier training (%(default)s)",
    )
    add("--seed", type=_seed, default=0, help="of everything random (%(default)s)")
    add("--cell", choices=("rnn", "lstm", "gru"), help="the kind of recurrent layer (default: lstm)")
    add("--hidden", type=_positive, help="features of the state (default: 128)")
    add("--layers", type=_positive, help="recurrent layers (default: 1)")
    add("--batch", type=_positive, default=32, help="pieces of the text side by side (%(default)s)")
    add("--length", type=_positive, default=64, help="characters that backward goes through (%(default)s)")
    add("--lr", type=_rate, default=4e-3, help="learning rate of Adam (%(default)s)")
    add("--characters", type=_positive, help="use no more of the text than these (default: all)")
    add(
        "--sample", type=_count, default=400, metavar="N", help="characters to write at the end (%(default)s)"
    )
    add(
        "--temperature",
        type=_temperature,
        default=0.7,
        help="of the writing; 0 takes the likeliest (%(default)s)",
    )
    add("--top-k", type=_positive, metavar="K", help="write only with the K likeliest (default: all)")
    add("--prime", metavar="TEXT", help="what the writing goes on from (default: the start of the text)")
    add("--unit", type=_count, help="the hidden unit of the picture (default: a steady one)")
    again = charlm.add_mutually_exclusive_group()
    again.add_argument("--resume", action="store_true", help="go on with the training in the folder")
    again.add_argument("--fresh", action="store_true", help="remove the training in the folder")
    charlm.set_defaults(run=_charlm)


def _charlm(options: argparse.Namespace) -> int:
    from .train.charlm import CharLMOptions, run

    if options.out.exists() and not options.out.is_dir():
        raise ValueError(f"{options.out} is a file, and --out is a folder for the model and its checkpoints")
    names = (field.name for field in fields(CharLMOptions))
    run(CharLMOptions(**{name: getattr(options, name) for name in names}))
    return 0


def _demo(options: argparse.Namespace) -> int:
    from .train.demo import run

    if options.out.exists() and not options.out.is_dir():
        raise ValueError(f"{options.out} is a file, and --out is a folder for the files that the demo makes")
    result = run(options.out, options.epochs, options.seed, options.checkpoint, options.resume)
    return 0 if result.gradcheck and result.test_accuracy == result.reloaded_accuracy else 1


def _graph(options: argparse.Namespace) -> int:
    from .viz import draw, replay

    expression, leaves = _read(options)
    with record() as recording:
        result = expression(leaves)
        if result.requires_grad:
            result.backward()
    if not any(entry.operation for entry in recording.entries):
        raise ValueError(f"{expression.text!r} computes nothing, so there is no graph to draw")
    output = options.output or Path("graph.html" if options.replay else "graph.svg")
    path = (replay if options.replay else draw)(recording, title=expression.text).save(output)
    print(f"{expression.text} = {result.item():.6g}")
    for name, leaf in leaves.items():
        print(f"d/d{name} = {leaf.grad.item() if leaf.grad is not None else 0.0:.6g}")
    print(f"graph: {path}")
    return 0


def _check(options: argparse.Namespace) -> int:
    expression, leaves = _read(options)
    if not leaves:
        raise ValueError(f"{expression.text!r} has no names, so there is no gradient to check")
    names = list(leaves)
    result = gradcheck(
        lambda *values: expression(dict(zip(names, values, strict=True))),
        list(leaves.values()),
        elementwise=True,
        order=options.order,
        curves=options.output is not None,
    )
    print(result)
    if options.output:
        print(f"report: {result.save(options.output)}")
    return 0 if result else 1


def _grade(options: argparse.Namespace) -> int:
    from .testing import grade

    result = grade(options.file, options.exercises or None, seed=options.seed)
    print(result)
    if options.json:
        print(f"scores: {result.save(options.json)}")
    return 0 if result else 1


def _read(options: argparse.Namespace) -> tuple[Expression, dict[str, Tensor]]:
    expression = Expression(options.expression)
    values: dict[str, float] = {}
    for text in options.values:
        if text.strip().startswith("-"):
            raise ValueError(
                f"{text.strip()!r} is no option here; see python -m pullback {options.command} --help"
            )
        name, equals, number = text.partition("=")
        name = name.strip()
        if not equals or not name.isidentifier():
            raise ValueError(f"{text!r} gives no value; write name=number, such as x=-2")
        if name in values:
            raise ValueError(f"{name} is given twice")
        try:
            values[name] = float(number)
        except ValueError:
            raise ValueError(f"{number!r} is not a number, in {text!r}") from None
    leaves = {
        name: Tensor(value, requires_grad=True, dtype="float64", name=name) for name, value in values.items()
    }
    expression(
        leaves
    )  # names that have no value, or values without a name, are found before anything is done
    return expression, leaves


def _shield_minus(arguments: list[str]) -> list[str]:
    """Let an expression begin with a minus sign: a leading blank tells argparse that it is no option."""
    if len(arguments) > 1 and arguments[0] in ("graph", "check"):
        known = ("-h", "--help", "-o", "--output", "--order", "--replay", "--")
        return [
            f" {text}"
            if text.startswith("-") and text.split("=")[0] not in known and not text.startswith("-o")
            else text
            for text in arguments
        ]
    return arguments


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} is not a positive number")
    return number


def _count(text: str) -> int:
    number = int(text)
    if number < 0:
        raise argparse.ArgumentTypeError(f"{text} is negative")
    return number


def _rate(text: str) -> float:
    number = float(text)
    if not 0 < number < math.inf:
        raise argparse.ArgumentTypeError(f"{text} is not a positive number")
    return number


def _temperature(text: str) -> float:
    number = float(text)
    if not 0 <= number < math.inf:
        raise argparse.ArgumentTypeError(f"{text} is not a number from 0 on")
    return number


def _seed(text: str) -> int:
    number = int(text)
    if number < 0:
        raise argparse.ArgumentTypeError("a seed is not negative")
    return number


for _whole in (_positive, _count, _seed):
    _whole.__name__ = "whole number"  # so argparse calls them where a text is none
for _real in (_rate, _temperature):
    _real.__name__ = "number"


def _one_line(error: BaseException) -> str:
    if isinstance(error, OSError) and error.strerror and error.filename:
        return f"{error.filename}: {error.strerror}"
    return " ".join(str(error).split()).replace("resume=True", "--resume")  # as it is called here


if __name__ == "__main__":
    sys.exit(main())
