"""The main job from end to end on real data: define, check, train, draw, save, load."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from .. import data, nn, optim, viz
from ..autograd import GradcheckResult, Tensor, gradcheck, load, record, save
from .loop import evaluate, fit
from .metrics import accuracy

BATCH = 32
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
    """A ReLU network from 64 pixels to 10 digits, with He initialisation."""
    model = nn.Sequential(
        nn.Linear(64, 64, rng=rng), nn.ReLU(), nn.Linear(64, 32, rng=rng), nn.ReLU(), nn.Linear(32, 10, rng=rng)
    )
    for name, parameter in model.named_parameters():
        if name.endswith("weight"):
            nn.init.kaiming_normal_(parameter, nonlinearity="relu", rng=rng)
        else:
            nn.init.zeros_(parameter)
    return model


def check_gradients(model: nn.Module, images: Tensor, labels: Tensor) -> GradcheckResult:
    """Compare the gradients of the real loss in all parameters with central differences, in float64."""
    names = [name for name, _ in model.named_parameters()]
    criterion = nn.CrossEntropyLoss()
    inputs = images.astype(np.float64)

    def loss(*values: Tensor) -> Any:
        return criterion(nn.functional_call(model, dict(zip(names, values, strict=True)), inputs), labels)

    return gradcheck(loss, [parameter for _, parameter in model.named_parameters()])


def run(out: Path, epochs: int, seed: int) -> DemoResult:
    """Do the main job and print what was done.

    Args:
        out: a folder for the picture and the model; made if it is not there.
        epochs: how often to go through the training images.
        seed: of the split, the initialisation and the order of the batches.

    Raises:
        OSError: if the folder cannot be made or written.
    """
    out.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    images, labels = data.digits.load()
    digits = data.TensorDataset(images.reshape(-1, 64), labels)
    training, validation, test = data.random_split(digits, [1000, 297, 500], rng)
    loader = data.DataLoader(training, BATCH, shuffle=True, rng=rng)
    validation_loader, test_loader = data.DataLoader(validation, 500), data.DataLoader(test, 500)
    print(f"data    {len(digits)} handwritten digits of 8×8 pixels: 1000 train, 297 validate, 500 test")

    model, criterion = network(rng), nn.CrossEntropyLoss()
    first_images, first_labels = next(iter(data.DataLoader(training, BATCH)))
    check = check_gradients(model, first_images, first_labels)
    print(f"check   {check}", flush=True)

    optimizer = optim.Adam(model.parameters(), lr=3e-3, weight_decay=1e-4)
    history = fit(model, criterion, optimizer, loader, epochs=epochs, validation=validation_loader, metrics=METRICS)
    scores = evaluate(model, criterion, test_loader, metrics=METRICS)
    seconds = sum(epoch.seconds for epoch in history)
    print(f"train   {epochs} epochs in {seconds:.1f} s; test {scores}")

    with record() as recording:
        criterion(model(first_images), first_labels).backward()
    graph = viz.draw(recording, title="Digits: network and loss, forward and backward").save(out / "graph.svg")
    print(f"graph   {graph}")

    path = out / "model.safetensors"
    save(model.state_dict(), path)
    twin = network(np.random.default_rng())
    twin.load_state_dict(load(path))
    again = evaluate(twin, criterion, test_loader, metrics=METRICS)
    print(f"model   {path}, loaded again: test {again}", flush=True)
    if again != scores or not check:
        print("error: the loaded model or the gradients differ from what they should be", file=sys.stderr)
    return DemoResult(check, scores.metrics["accuracy"], again.metrics["accuracy"], graph, path)
