"""Cross-validation: train on a part of the data and measure on the rest, for one part after another."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..autograd import asarray
from ..autograd.extend import drawing_from
from ..data import DataLoader, Subset, TensorDataset
from .evaluation import Metrics, evaluate
from .extras import require_sklearn
from .history import History, Scores
from .intervals import Interval, interval_of_mean
from .numbers_given import is_whole
from .once import Build, as_dataset, train_once
from .outputs import Outputs, outputs_of
from .parallel import as_they_come
from .saying import say

Prepare = Callable[[Any, Any], tuple[Any, Any]]
Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Fold:
    """One training of a cross-validation.

    Attributes:
        number: from 0 on, through all repetitions.
        test: the numbers of the samples that were held out.
        scores: on those samples.
        history: of the training on the others.
        outputs: what the model gave for those samples, where outputs and targets are tensors; else None.
    """

    number: int
    test: Array
    scores: Scores
    history: History
    outputs: Outputs | None

    def value(self, name: str) -> float:
        """The loss, or a metric by its name."""
        return float(self.scores.loss if name == "loss" else self.scores.metrics[name])


@dataclass(frozen=True)
class CrossValidation:
    """The folds of a cross-validation, with means and error bars of their scores."""

    folds: list[Fold]

    def values(self, name: str = "loss") -> Array:
        """The loss or a metric of each fold.

        Raises:
            KeyError: for a name that is none of them.
        """
        return np.array([fold.value(name) for fold in self.folds])

    def mean(self, name: str = "loss") -> float:
        """The mean over the folds."""
        return float(np.mean(self.values(name)))

    def std(self, name: str = "loss") -> float:
        """The standard deviation between the folds (with n − 1); 0 for a single one."""
        values = self.values(name)
        return float(np.std(values, ddof=1)) if len(values) > 1 else 0.0

    def interval(
        self,
        name: str = "loss",
        *,
        confidence: float = 0.95,
        resamples: int = 2000,
        rng: np.random.Generator | int | None = None,
    ) -> Interval:
        """The mean over the folds with error bars, by drawing folds again with replacement.

        Folds share most of their training data, so that the bars are rather too short (Y. Bengio and Y. Grandvalet, "No
        unbiased estimator of the variance of k-fold cross-validation", JMLR 5, 2004), and with few folds they are
        rough. For bars over the samples, see `pooled`.

        Args:
            name: "loss" or a metric.
            confidence: of the interval.
            resamples: how often folds are drawn.
            rng: a generator or a seed.

        Raises:
            ValueError: for a single fold.
        """
        return interval_of_mean(self.values(name), confidence, resamples, rng)

    def pooled(self) -> Outputs:
        """What each sample got from the model that had not seen it, with the targets, in the order of the data set.

        Of several repetitions the first counts. With it, `train.bootstrap(metric, *result.pooled())` gives a score over
        all samples with error bars.

        Raises:
            TypeError: where outputs or targets are no tensors.
        """
        found: dict[int, tuple[Array, Array]] = {}
        for fold in self.folds:
            if fold.outputs is None:
                raise TypeError("the outputs or targets are no tensors, so they cannot be put together")
            output, target = (part.numpy() for part in fold.outputs)
            for place, sample in enumerate(fold.test):
                found.setdefault(int(sample), (output[place], target[place]))
        ordered = [found[sample] for sample in sorted(found)]
        return Outputs(*(asarray(np.stack(parts)) for parts in zip(*ordered, strict=True)))

    def rows(self) -> list[dict[str, float]]:
        """The scores of each fold as a flat dict, as a data frame takes them."""
        return [
            {"fold": fold.number, "samples": len(fold.test), "loss": fold.scores.loss, **fold.scores.metrics}
            for fold in self.folds
        ]

    def __str__(self) -> str:
        names = [
            "loss",
            *(name for name, value in self.folds[0].scores.metrics.items() if np.ndim(value) == 0),
        ]
        scores = ", ".join(f"{name} {self.mean(name):.4f} ± {self.std(name):.4f}" for name in names)
        return f"{len(self.folds)} folds: {scores}"


def cross_validate(
    build: Build,
    dataset: Any,
    *,
    config: Mapping[str, Any] | None = None,
    folds: Any = 5,
    stratified: Any = False,
    repeats: int = 1,
    groups: Any = None,
    epochs: int = 10,
    batch_size: int = 32,
    metrics: Metrics | None = None,
    prepare: Prepare | None = None,
    workers: int | None = None,
    seed: int = 0,
    progress: bool = False,
) -> CrossValidation:
    """Train a model on all folds but one and measure it on that one, for each of them.

    Each fold has a generator of its own, made from the seed and its number, so that the scores do not depend on the
    number of workers. scikit-learn makes the folds.

    Args:
        build: a function of a generator and of the hyper-parameters by name, `build(rng, lr=...)`, that gives
            (model, loss, optimizer), or these and a dict of further arguments of `fit`, such as
            `{"scheduler": ..., "clip": 1.0}`.
        dataset: a data set of pairs, or a pair of arrays (inputs, targets).
        config: the hyper-parameters, such as `SearchResult.config`; `epochs` and `batch_size` among them are taken for
            those below.
        folds: how many; or "leave-one-out"; or a splitter of scikit-learn, such as `GroupKFold(5)`.
        stratified: True for the same share of each class in every fold; or the class of each sample.
        repeats: how often the data are divided anew.
        groups: the group of each sample, for splitters that heed them.
        epochs: how often to go through the training part.
        batch_size: samples per update.
        metrics: metrics by name, as for `fit`.
        prepare: a function of (training part, held-out part), two data sets, that gives two others; what it learns,
            such as means and scales, it learns from the training part alone.
        workers: how many folds run at the same time; −1 for one per core; what `joblib.parallel_config` says if not
            given, else one. That also chooses the backend: processes, threads, Dask or Ray.
        seed: of the folds and of the trainings.
        progress: write a line for each fold on standard error.

    Returns:
        The folds, with means and error bars of their scores.

    Raises:
        ImportError: without scikit-learn.
        ValueError: for folds that cannot be made.
        TypeError: for a build function that gives something else.

    >>> import numpy as np
    >>> from pullback import nn, optim, train
    >>> x = np.linspace(-1, 1, 60).reshape(-1, 1)
    >>> def build(rng):
    ...     model = nn.Linear(1, 2, rng=rng)
    ...     return model, nn.CrossEntropyLoss(), optim.Adam(model.parameters(), lr=0.1)
    >>> result = train.cross_validate(
    ...     build, (x, (x[:, 0] > 0).astype(int)), folds=3, stratified=True, metrics={"accuracy": train.accuracy}
    ... )
    >>> len(result.folds), result.mean("accuracy") > 0.9
    (3, True)
    """
    require_sklearn("cross-validation and error bars")
    from joblib import delayed

    data = as_dataset(dataset)
    splits = _splits(len(data), _labels(data, stratified), folds, repeats, groups, seed)

    def one(number: int, training: Array, test: Array) -> Fold:
        rng = np.random.default_rng([seed, number])
        parts: tuple[Any, Any] = Subset(data, training), Subset(data, test)
        with drawing_from(rng):
            if prepare is not None:
                parts = prepare(*parts)
            model, loss, history = train_once(
                build,
                config or {},
                parts[0],
                None,
                epochs=epochs,
                batch_size=batch_size,
                metrics=metrics,
                rng=rng,
            )
            loader = DataLoader(parts[1], 256)
            scores = evaluate(model, loss, loader, metrics=metrics)
            try:
                outputs = outputs_of(model, loader)
            except TypeError:
                outputs = None
        return Fold(number, test, scores, history, outputs)

    done: list[Fold] = []
    tasks = (delayed(one)(number, *split) for number, split in enumerate(splits))
    for fold in as_they_come(tasks, workers):
        done.append(fold)
        if progress:
            say(f"fold {fold.number}, {len(done)}/{len(splits)}: {fold.scores}")
    return CrossValidation(sorted(done, key=lambda fold: fold.number))


def _labels(data: Any, stratified: Any) -> Array | None:
    """The class of each sample, where folds are to be stratified."""
    if stratified is False or stratified is None:
        return None
    if stratified is not True:
        labels = np.asarray(stratified)
    elif isinstance(data, TensorDataset):
        labels = np.asarray(data.tensors[-1].numpy())
    else:
        labels = np.array([int(data[index][1]) for index in range(len(data))])
    if labels.shape != (len(data),):
        raise ValueError(
            f"stratified folds need one class for each of the {len(data)} samples, and there are classes of shape "
            f"{labels.shape}"
        )
    return labels


def _splits(
    count: int, labels: Array | None, folds: Any, repeats: int, groups: Any, seed: int
) -> list[tuple[Array, Array]]:
    """The numbers of the samples to train on and to hold out, for each fold of each repetition."""
    from sklearn.model_selection import LeaveOneOut, RepeatedKFold, RepeatedStratifiedKFold

    if not is_whole(repeats, 1):
        raise ValueError(f"repeats is a whole number from 1 on, not {repeats!r}")
    splitter: Any
    if isinstance(folds, int) and not isinstance(folds, bool):
        if not 2 <= folds <= count:
            raise ValueError(f"{count} samples are divided into 2 to {count} folds, and not into {folds}")
        kind = RepeatedKFold if labels is None else RepeatedStratifiedKFold
        splitter = kind(n_splits=folds, n_repeats=repeats, random_state=seed)
    elif folds == "leave-one-out":
        splitter = LeaveOneOut()
    elif hasattr(folds, "split") and not isinstance(folds, str):
        splitter = folds
    else:
        raise ValueError(
            f"folds is a number, 'leave-one-out' or a splitter of scikit-learn, and not {folds!r}"
        )
    if repeats > 1 and not isinstance(folds, int):
        raise ValueError(
            "repeats divides the data anew for a number of folds; a splitter says itself how often"
        )
    rows = np.zeros((count, 1))
    return [(training, test) for training, test in splitter.split(rows, labels, groups)]
