"""The main job from end to end on real data: define, check, train, draw, save, load."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from .. import data, nn, optim, viz
from ..autograd import GradcheckResult, Tensor, gradcheck, load, record, save
from .evaluation import evaluate
from .loop import fit
from .metrics import accuracy

BATCH = 32
SMOOTHING = 0.1  # of the labels in the loss
METRICS = {"accuracy": accuracy}


@dataclass(frozen=True)
class DemoResult:
    """What the demo found and where it put it."""

    gradcheck: GradcheckResult
    test_accuracy: float
    reloaded_accuracy: float
    graph: Path
    model: Path


def network(rng: np.random.Generator) -> nn.Sequential:
    """A ReLU network from 64 pixels to 10 digits."""
    return nn.Sequential(
        nn.Linear(64, 128, rng=rng),
        nn.ReLU(),
        nn.Linear(128, 64, rng=rng),
        nn.ReLU(),
        nn.Linear(64, 10, rng=rng),
    )


def check_gradients(
    model: nn.Module, criterion: nn.Module, images: Tensor, labels: Tensor
) -> GradcheckResult:
    """Compare the gradients of the real loss in all parameters with central differences, in float64."""
    names = [name for name, _ in model.named_parameters()]
    inputs = images.astype(np.float64)

    def loss(*values: Tensor) -> Any:
        return criterion(nn.functional_call(model, dict(zip(names, values, strict=True)), inputs), labels)

    return gradcheck(loss, [parameter for _, parameter in model.named_parameters()])


def with_shifts(images: np.ndarray, labels: np.ndarray) -> data.TensorDataset:
    """The images as rows of pixels, each also moved by one pixel up, down, left and right."""
    padded = np.pad(images, ((0, 0), (1, 1), (1, 1)))
    corners = ((1, 1), (0, 1), (2, 1), (1, 0), (1, 2))
    moved = [padded[:, row : row + 8, column : column + 8] for row, column in corners]
    return data.TensorDataset(np.concatenate(moved).reshape(-1, 64), np.tile(labels, len(corners)))


def run(
    out: Path, epochs: int, seed: int, checkpoint: Path | None = None, resume: bool = False
) -> DemoResult:
    """Do the main job and print what was done.

    Args:
        out: a folder for the picture and the model; made if it is not there.
        epochs: how often to go through the training images.
        seed: of the split, the initialisation and the order of the batches.
        checkpoint: a folder for the state of the training.
        resume: go on with the training in that folder; it must have been begun with the same seed.

    Raises:
        OSError: if the folder cannot be made or written.
    """
    out.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    images, labels = data.digits.load()
    order = rng.permutation(len(images))
    training, validation, test = order[:1297], order[1297:1497], order[1497:]
    loader = data.DataLoader(with_shifts(images[training], labels[training]), BATCH, shuffle=True, rng=rng)
    rows = data.TensorDataset(images.reshape(-1, 64), labels)
    validation_loader = data.DataLoader(data.Subset(rows, validation), len(validation))
    test_loader = data.DataLoader(data.Subset(rows, test), len(test))
    print(
        f"data    {len(images)} handwritten digits of 8×8 pixels: {len(training)} to train on (each also shifted by "
        f"one pixel four ways), {len(validation)} to validate, {len(test)} to test"
    )

    model, criterion = network(rng), nn.CrossEntropyLoss(label_smoothing=SMOOTHING)
    first_images, first_labels = next(iter(data.DataLoader(data.Subset(rows, training), BATCH)))
    check = check_gradients(model, criterion, first_images, first_labels)
    print(f"check   {check}", flush=True)

    optimizer = optim.Adam(model.parameters(), lr=3e-3)
    history = fit(
        model,
        criterion,
        optimizer,
        loader,
        epochs=epochs,
        validation=validation_loader,
        metrics=METRICS,
        checkpoint=checkpoint,
        resume=resume,
    )
    scores = evaluate(model, criterion, test_loader, metrics=METRICS)
    seconds = sum(epoch.seconds for epoch in history)
    print(f"train   {epochs} epochs in {seconds:.1f} s; test {scores}")

    with record() as recording:
        loss = criterion(model(first_images), first_labels)
        loss.backward()
    names = {"images": first_images, "labels": first_labels, "loss": loss}
    title = "Digits: network and loss, forward and backward"
    graph = viz.draw(recording, title=title, names=names).save(out / "graph.svg")
    print(f"graph   {graph}")

    path = out / "model.safetensors"
    save(model.state_dict(), path)
    twin = network(np.random.default_rng())
    twin.load_state_dict(load(path))
    again = evaluate(twin, criterion, test_loader, metrics=METRICS)
    print(f"model   {path}; loaded again: {again}", flush=True)
    return DemoResult(check, scores.metrics["accuracy"], again.metrics["accuracy"], graph, path)
