"""What the example programs share: options, training that can be stopped and resumed, results, pictures."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pullback import train


def parser(description: str | None, epochs: int) -> argparse.ArgumentParser:
    """A parser with the options that every program has."""
    p = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    name = Path(sys.argv[0]).stem
    p.add_argument("--seed", type=at_least(0), default=0, help="of everything random (%(default)s)")
    p.add_argument("--epochs", type=at_least(0), default=epochs, help="passes through the data (%(default)s)")
    p.add_argument(
        "--out",
        type=Path,
        default=Path("runs") / name,
        help="folder of the results and checkpoints (%(default)s)",
    )
    p.add_argument(
        "--resume",
        action="store_true",
        help="go on from the checkpoint in the folder, if there is one; otherwise the run begins anew",
    )
    return p


def at_least(least: int) -> Callable[[str], int]:
    """What reads an option that is a whole number, from `least` on."""

    def whole(text: str) -> int:
        number = int(text)
        if number < least:
            raise argparse.ArgumentTypeError(f"{text} is less than {least}")
        return number

    whole.__name__ = "whole number"  # so argparse calls it where text is none
    return whole


def fit(
    options: argparse.Namespace,
    model: Any,
    loss: Callable[[Any, Any], Any],
    optimizer: Any,
    loader: Iterable[Any],
    validation: Iterable[Any] | None = None,
    metrics: dict[str, Callable[[Any, Any], float]] | None = None,
    scheduler: Any = None,
    clip: float | None = None,
    callbacks: Sequence[train.Callback] = (),
) -> train.History:
    """Train with checkpoints in the folder of the run. After Ctrl-C, `--resume` goes on where it was."""
    options.out.mkdir(parents=True, exist_ok=True)
    folder = options.out / "checkpoints"
    if not options.resume:
        forget(folder)
    return train.fit(
        model,
        loss,
        optimizer,
        loader,
        epochs=options.epochs,
        validation=validation,
        metrics=metrics,
        scheduler=scheduler,
        clip=clip,
        callbacks=callbacks,
        checkpoint=folder,
        resume=options.resume,
        rng=np.random.default_rng([options.seed, 99]),  # of dropout
    )


def forget(folder: Path) -> None:
    """Remove the checkpoints of an earlier run, and nothing else."""
    for pattern in ("step-*.safetensors", "best.safetensors"):
        for file in folder.glob(pattern):
            file.unlink()


def picture(options: argparse.Namespace, name: str, make: Callable[[], Any]) -> None:
    """Save a picture in the folder of the run, or say why not."""
    path = options.out / name
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        make().save(path)
    except ImportError as error:
        print(f"picture none: {error}")
    else:
        print(f"picture {path}")


def finish(options: argparse.Namespace, result: dict[str, Any]) -> dict[str, Any]:
    """Write the result into the folder of the run, as results.json."""
    options.out.mkdir(parents=True, exist_ok=True)
    path = options.out / "results.json"
    path.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    print(f"results {path}", flush=True)
    return result


def start(main: Callable[[], Any]) -> None:
    """Run a program: mistakes in what it was given are one line, and Ctrl-C is no accident."""
    try:
        main()
    except KeyboardInterrupt:
        print("stopped; --resume goes on from the last checkpoint", file=sys.stderr)
        sys.exit(130)
    except (OSError, ValueError) as error:
        print(f"{Path(sys.argv[0]).name}: {' '.join(str(error).split())}", file=sys.stderr)
        sys.exit(2)
