"""The doctor on a collection of set-ups: what is broken is recognised, and what is healthy raises no alarm.

Every set-up is a function of a generator and a width. Thresholds were chosen on the seeds and widths of `TUNED`; the
tests run on others, `HELD_OUT`, and so do the set-ups of `UNSEEN`, which were written afterwards.
"""

import itertools

import numpy as np
import pytest

import pullback as pb
from pullback import data, nn, optim, train

TUNED = [(seed, width) for seed in range(4) for width in (16, 32)]
HELD_OUT = [(101, 24), (102, 40)]

HEALTHY = {}
BROKEN = {}


def healthy(make):
    HEALTHY[make.__name__] = make
    return make


def broken(*checks):
    def note(make):
        BROKEN[make.__name__] = (make, set(checks))
        return make

    return note


def clouds(rng, count=96, features=10, classes=4, apart=2.0):
    """Points around centres, one for each class."""
    y = rng.integers(0, classes, count)
    centres = rng.normal(size=(classes, features)) * apart
    x = rng.normal(size=(count, features)) + centres[y]
    return (x - x.mean(0)) / x.std(0), y


def pixels(rng, count=96):
    """Handwritten digits, from 0 to 1."""
    images, labels = data.digits.load()
    chosen = rng.permutation(len(labels))[:count]
    return np.asarray(images)[chosen].astype(np.float64), np.asarray(labels)[chosen]


def curve(rng, count=80, features=6):
    """A smooth function of some numbers, of unit variance."""
    x = rng.normal(size=(count, features))
    y = np.sin(x @ rng.normal(size=features)) + 0.5 * x[:, 0]
    return x, ((y - y.mean()) / y.std())[:, None]


def mlp(rng, sizes, act=nn.ReLU, end=None):
    parts = []
    for before, after in itertools.pairwise(sizes):
        parts += [nn.Linear(before, after, rng=rng), act()]
    return nn.Sequential(*parts[:-1], *([] if end is None else [end]))


def weights(model, change):
    for name, p in model.named_parameters():
        if p.ndim >= 2:
            p.data.copy_(pb.asarray(change(p.shape).astype(np.float32)))
        elif name.endswith("bias"):
            p.data.copy_(pb.zeros(p.shape))
    return model


def basic(rng, width, **more):
    """What most set-ups start from."""
    x, y = clouds(rng)
    model = mlp(rng, (10, width, width, 4))
    return {"model": model, "loss": nn.CrossEntropyLoss(), "batch": (x, y), **more}


def with_optimizer(rng, width, **more):
    case = basic(rng, width, **more)
    return case | {"optimizer": optim.Adam(case["model"].parameters(), lr=1e-3)}


# healthy ones


@healthy
def digits_mlp(rng, width):
    x, y = pixels(rng)
    model = mlp(rng, (64, 4 * width, 2 * width, 10))
    optimizer = optim.Adam(model.parameters(), lr=1e-3)
    return {
        "model": model,
        "loss": nn.CrossEntropyLoss(),
        "batch": (x.reshape(-1, 64), y),
        "optimizer": optimizer,
    }


@healthy
def clouds_sgd(rng, width):
    case = basic(rng, width)
    return case | {
        "optimizer": optim.SGD(case["model"].parameters(), lr=0.05, momentum=0.9, weight_decay=1e-4)
    }


@healthy
def digits_cnn(rng, width):
    x, y = pixels(rng, 48)
    model = nn.Sequential(
        nn.Conv2d(1, width // 2, 3, padding=1, rng=rng),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(width // 2, width, 3, padding=1, rng=rng),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(width * 16, 10, rng=rng),
    )
    optimizer = optim.AdamW(model.parameters(), lr=1e-3)
    return {"model": model, "loss": nn.CrossEntropyLoss(), "batch": (x[:, None], y), "optimizer": optimizer}


class LastState(nn.Module):
    def __init__(self, kind, features, width, classes, rng):
        super().__init__()
        self.cells = kind(features, width, batch_first=True, rng=rng)
        self.head = nn.Linear(width, classes, rng=rng)

    def forward(self, x):
        return self.head(self.cells(x)[0][:, -1])


def sequences(rng, count=64, steps=8, features=4):
    x = rng.normal(size=(count, steps, features))
    return x, (x[:, :, 0].sum(1) > 0).astype(int)


@healthy
def lstm(rng, width):
    model = LastState(nn.LSTM, 4, width, 2, rng)
    optimizer = optim.Adam(model.parameters(), lr=1e-3)
    return {"model": model, "loss": nn.CrossEntropyLoss(), "batch": sequences(rng), "optimizer": optimizer}


@healthy
def rnn(rng, width):
    model = LastState(nn.RNN, 4, width, 2, rng)
    optimizer = optim.RMSprop(model.parameters(), lr=1e-3)
    return {"model": model, "loss": nn.CrossEntropyLoss(), "batch": sequences(rng), "optimizer": optimizer}


class Encoder(nn.Module):
    def __init__(self, words, width, classes, rng):
        super().__init__()
        self.embed = nn.Embedding(words, width, rng=rng)
        self.layer = nn.TransformerEncoderLayer(width, 4, 2 * width, dropout=0.1, batch_first=True, rng=rng)
        self.head = nn.Linear(width, classes, rng=rng)

    def forward(self, x):
        return self.head(self.layer(self.embed(x)).mean(1))


def sentences(rng, count=64, words=20, length=7):
    x = rng.integers(0, words, (count, length))
    return x, ((x < words // 2).sum(1) > length // 2).astype(int)


@healthy
def transformer(rng, width):
    model = Encoder(20, width // 4 * 4, 2, rng)
    optimizer = optim.AdamW(model.parameters(), lr=5e-4)
    return {"model": model, "loss": nn.CrossEntropyLoss(), "batch": sentences(rng), "optimizer": optimizer}


@healthy
def language_model(rng, width):
    text = rng.integers(0, 15, (32, 9))
    text[:, 1::2] = (text[:, 0:-1:2] + 1) % 15
    embed, head = nn.Embedding(15, width, rng=rng), nn.Linear(width, 15, rng=rng)
    cells = nn.GRU(width, width, batch_first=True, rng=rng)

    class Model(nn.Module):
        def __init__(self):
            super().__init__()
            self.embed, self.cells, self.head = embed, cells, head

        def forward(self, x):
            return self.head(self.cells(self.embed(x))[0])

    def loss(output, target):
        return nn.functional.cross_entropy(output.reshape((-1, 15)), target.reshape((-1,)))

    model = Model()
    batch = text[:, :-1], text[:, 1:]
    return {
        "model": model,
        "loss": loss,
        "batch": batch,
        "optimizer": optim.Adam(model.parameters(), lr=3e-3),
    }


@healthy
def regression(rng, width):
    model = mlp(rng, (6, width, 1), nn.Tanh)
    optimizer = optim.Adam(model.parameters(), lr=3e-3)
    return {"model": model, "loss": nn.MSELoss(), "batch": curve(rng), "optimizer": optimizer}


@healthy
def binary(rng, width):
    x, y = clouds(rng, classes=2)
    model = mlp(rng, (10, width, 1))
    optimizer = optim.Adam(model.parameters(), lr=1e-3)
    batch = x, y[:, None].astype(np.float64)
    return {"model": model, "loss": nn.BCEWithLogitsLoss(), "batch": batch, "optimizer": optimizer}


@healthy
def hinge(rng, width):
    case = basic(rng, width)
    return case | {"loss": nn.MultiMarginLoss(), "optimizer": optim.SGD(case["model"].parameters(), lr=0.1)}


@healthy
def svm_of_the_notes(rng, width):
    x, y = clouds(rng)
    model = nn.Linear(10, 4, rng=rng)
    return {
        "model": model,
        "loss": nn.MulticlassHingeLoss(),
        "batch": (x, y),
        "optimizer": optim.SGD(model.parameters(), lr=0.01),
    }


@healthy
def autoencoder(rng, width):
    x, _ = pixels(rng)
    x = x.reshape(-1, 64)
    model = mlp(rng, (64, 2 * width, width // 2, 2 * width, 64))
    return {
        "model": model,
        "loss": nn.MSELoss(),
        "batch": (x, x),
        "optimizer": optim.Adam(model.parameters(), lr=1e-3),
    }


@healthy
def embedding_classifier(rng, width):
    x, y = sentences(rng)
    model = nn.Sequential(nn.EmbeddingBag(20, width, rng=rng), nn.Linear(width, 2, rng=rng))
    return {
        "model": model,
        "loss": nn.CrossEntropyLoss(),
        "batch": (x, y),
        "optimizer": optim.Adam(model.parameters(), lr=1e-3),
    }


class Residual(nn.Module):
    def __init__(self, width, rng):
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(width, width, 3, padding=1, bias=False, rng=rng),
            nn.BatchNorm2d(width),
            nn.ReLU(),
            nn.Conv2d(width, width, 3, padding=1, bias=False, rng=rng),
            nn.BatchNorm2d(width),
        )

    def forward(self, x):
        return pb.relu(x + self.body(x))


@healthy
def resnet(rng, width):
    x, y = pixels(rng, 32)
    model = nn.Sequential(
        nn.Conv2d(1, width // 2, 3, padding=1, bias=False, rng=rng),
        nn.BatchNorm2d(width // 2),
        nn.ReLU(),
        Residual(width // 2, rng),
        Residual(width // 2, rng),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(width // 2, 10, rng=rng),
    )
    optimizer = optim.SGD(model.parameters(), lr=0.05, momentum=0.9, weight_decay=5e-4)
    return {"model": model, "loss": nn.CrossEntropyLoss(), "batch": (x[:, None], y), "optimizer": optimizer}


@healthy
def tiny(rng, width):
    x, y = clouds(rng, count=4)
    model = mlp(rng, (10, width, 4))
    return {
        "model": model,
        "loss": nn.CrossEntropyLoss(),
        "batch": (x, y),
        "optimizer": optim.Adam(model.parameters(), lr=1e-3),
    }


@healthy
def large(rng, width):
    x, y = clouds(rng, count=1000)
    model = mlp(rng, (10, width, 4))
    return {
        "model": model,
        "loss": nn.CrossEntropyLoss(),
        "batch": (x, y),
        "optimizer": optim.SGD(model.parameters(), lr=0.1),
    }


@healthy
def double_precision(rng, width):
    case = basic(rng, width)
    case["model"].double()
    return case | {"optimizer": optim.Adam(case["model"].parameters())}


@healthy
def dropout_and_loaders(rng, width):
    x, y = clouds(rng, 200)
    model = nn.Sequential(
        nn.Linear(10, width, rng=rng),
        nn.BatchNorm1d(width),
        nn.ReLU(),
        nn.Dropout(0.3),
        nn.Linear(width, 4, rng=rng),
    )
    optimizer = optim.Adam(model.parameters(), lr=2e-3, weight_decay=1e-4)
    loss = nn.CrossEntropyLoss(label_smoothing=0.1)
    loader = data.DataLoader(data.TensorDataset(x[:150], y[:150]), 16, shuffle=True, drop_last=True)
    validation = data.DataLoader(data.TensorDataset(x[150:], y[150:]), 25)

    def step(input, target):
        optimizer.zero_grad()
        loss(model(input), target).backward()
        optimizer.step()

    def evaluate():
        return train.evaluate(model, loss, validation)

    more = {"loader": loader, "validation": validation, "step": step, "evaluate": evaluate}
    return {"model": model, "loss": loss, "batch": (x[:64], y[:64]), "optimizer": optimizer, **more}


@healthy
def log_softmax(rng, width):
    x, y = clouds(rng)
    model = mlp(rng, (10, width, 4), end=nn.LogSoftmax(-1))
    return {
        "model": model,
        "loss": nn.NLLLoss(),
        "batch": (x, y),
        "optimizer": optim.Adam(model.parameters(), lr=1e-3),
    }


@healthy
def zero_head(rng, width):
    case = with_optimizer(rng, width)
    nn.init.zeros_(case["model"][-1].weight)
    nn.init.zeros_(case["model"][-1].bias)
    return case


@healthy
def frozen_features(rng, width):
    case = basic(rng, width)
    case["model"][0].requires_grad_(False)
    kept = [p for p in case["model"].parameters() if p.requires_grad]
    return case | {"optimizer": optim.Adam(kept, lr=1e-3)}


@healthy
def several_labels(rng, width):
    x, y = clouds(rng)
    targets = np.stack([y % 2, y // 2, x[:, 0] > 0], 1).astype(np.float64)
    model = mlp(rng, (10, width, 3))
    return {
        "model": model,
        "loss": nn.BCEWithLogitsLoss(),
        "batch": (x, targets),
        "optimizer": optim.Adam(model.parameters(), lr=1e-3),
    }


@healthy
def sigmoid_network(rng, width):
    x, y = clouds(rng)
    model = mlp(rng, (10, width, 4), nn.Sigmoid)
    return {
        "model": model,
        "loss": nn.CrossEntropyLoss(),
        "batch": (x, y),
        "optimizer": optim.Adam(model.parameters(), lr=1e-2),
    }


@healthy
def deep_kaiming(rng, width):
    x, y = clouds(rng)
    model = mlp(rng, (10, *[2 * width] * 7, 4))
    for part in model:
        if isinstance(part, nn.Linear):
            nn.init.kaiming_normal_(part.weight, nonlinearity="relu", rng=rng)
    return {
        "model": model,
        "loss": nn.CrossEntropyLoss(),
        "batch": (x, y),
        "optimizer": optim.Adam(model.parameters(), lr=3e-4),
    }


@healthy
def gathered_gradients(rng, width):
    case = with_optimizer(rng, width)
    model, optimizer, loss, calls = case["model"], case["optimizer"], case["loss"], []

    def step(input, target):
        (loss(model(input), target) / 4).backward()
        calls.append(1)
        if len(calls) % 4 == 0:
            optimizer.step()
            optimizer.zero_grad()

    return case | {"step": step}


@healthy
def own_loss(rng, width):
    case = with_optimizer(rng, width)

    def loss(output, target):
        logs = output - pb.logsumexp(output, 1, keepdims=True)
        return -logs[np.arange(len(target)), target].mean()

    return case | {"loss": loss}


# broken ones


@broken("initial loss", "initialisation")
def init_too_large(rng, width):
    case = with_optimizer(rng, width)
    weights(case["model"], lambda shape: rng.normal(size=shape) * 1.5)
    return case


@broken("initialisation")
def init_too_small(rng, width):
    case = with_optimizer(rng, width)
    weights(case["model"], lambda shape: rng.normal(size=shape) * 1e-4)
    return case


@broken("initialisation")
def init_zero(rng, width):
    case = with_optimizer(rng, width)
    weights(case["model"], np.zeros)
    return case


@broken("initialisation")
def init_constant(rng, width):
    case = with_optimizer(rng, width)
    weights(case["model"], lambda shape: np.full(shape, 0.1))
    return case


@broken("dead units")
def dead_relus(rng, width):
    case = with_optimizer(rng, width)
    nn.init.constant_(case["model"][2].bias, -20.0)
    return case


@broken("loss")
def loss_stretches(rng, width):
    x, y = curve(rng)
    return {
        "model": mlp(rng, (6, width, 1)),
        "loss": lambda o, t: ((o - t) ** 2).mean(),
        "batch": (x, y[:, 0]),
    }


@broken("loss")
def loss_refuses(rng, width):
    x, y = curve(rng)
    return {"model": mlp(rng, (6, width, 1)), "loss": nn.MSELoss(), "batch": (x, y[:, 0])}


@broken("frozen")
def frozen_layer(rng, width):
    case = with_optimizer(rng, width)
    case["model"][2].requires_grad_(False)
    return case


@broken("optimizer")
def layer_left_out(rng, width):
    case = basic(rng, width)
    return case | {"optimizer": optim.Adam([*case["model"][0].parameters(), *case["model"][4].parameters()])}


@broken("optimizer")
def optimizer_of_another(rng, width):
    case = basic(rng, width)
    return case | {"optimizer": optim.Adam(basic(rng, width)["model"].parameters())}


@broken("learning rate")
def rate_too_high(rng, width):
    case = basic(rng, width)
    return case | {"optimizer": optim.SGD(case["model"].parameters(), lr=20.0)}


@broken("learning rate")
def adam_too_high(rng, width):
    case = basic(rng, width)
    return case | {"optimizer": optim.Adam(case["model"].parameters(), lr=1.0)}


@broken("learning rate")
def rate_too_low(rng, width):
    case = basic(rng, width)
    return case | {"optimizer": optim.SGD(case["model"].parameters(), lr=5e-4)}


@broken("learning rate")
def adam_too_low(rng, width):
    case = basic(rng, width)
    return case | {"optimizer": optim.Adam(case["model"].parameters(), lr=1e-5)}


@broken("signal")
def labels_shuffled(rng, width):
    x, y = clouds(rng, 200)
    case = with_optimizer(rng, width)
    return case | {"batch": (x, rng.permutation(y))}


@broken("output")
def softmax_missing(rng, width):
    case = with_optimizer(rng, width)
    return case | {"loss": nn.NLLLoss()}


@broken("output")
def softmax_twice(rng, width):
    x, y = clouds(rng)
    model = mlp(rng, (10, width, 4), end=nn.Softmax(-1))
    return {"model": model, "loss": nn.CrossEntropyLoss(), "batch": (x, y)}


@broken("output")
def sigmoid_twice(rng, width):
    x, y = clouds(rng, classes=2)
    model = mlp(rng, (10, width, 1), end=nn.Sigmoid())
    return {"model": model, "loss": nn.BCEWithLogitsLoss(), "batch": (x, y[:, None].astype(float))}


@broken("output", "loss")
def sigmoid_missing(rng, width):
    x, y = clouds(rng, classes=2)
    model = mlp(rng, (10, width, 1))
    weights(model, lambda shape: rng.normal(size=shape) * 0.5)
    return {"model": model, "loss": nn.BCELoss(), "batch": (x, y[:, None].astype(float))}


@broken("output")
def relu_at_the_end(rng, width):
    x, y = clouds(rng)
    return {"model": mlp(rng, (10, width, 4), end=nn.ReLU()), "loss": nn.CrossEntropyLoss(), "batch": (x, y)}


def steps(case, *, zero=True, backward=True, update=True, training=True):
    model, optimizer, loss = case["model"], case["optimizer"], case["loss"]

    def step(input, target):
        model.train(training)
        if zero:
            optimizer.zero_grad()
        value = loss(model(input), target)
        if backward:
            value.backward()
        if update:
            optimizer.step()

    return case | {"step": step}


@broken("training step")
def zero_grad_forgotten(rng, width):
    return steps(with_optimizer(rng, width), zero=False)


@broken("training step")
def backward_forgotten(rng, width):
    return steps(with_optimizer(rng, width), backward=False)


@broken("training step")
def backward_and_zero_forgotten(rng, width):
    return steps(with_optimizer(rng, width), backward=False, zero=False)


@broken("training step")
def update_forgotten(rng, width):
    return steps(with_optimizer(rng, width), update=False)


def dropping(rng, width):
    x, y = clouds(rng)
    model = nn.Sequential(
        nn.Linear(10, width, rng=rng), nn.ReLU(), nn.Dropout(0.5), nn.Linear(width, 4, rng=rng)
    )
    return {
        "model": model,
        "loss": nn.CrossEntropyLoss(),
        "batch": (x, y),
        "optimizer": optim.Adam(model.parameters()),
    }


@broken("training step")
def evaluation_mode_in_training(rng, width):
    return steps(dropping(rng, width), training=False)


@broken("evaluation")
def training_mode_at_test(rng, width):
    case = dropping(rng, width)

    def evaluate(input, target):
        with pb.no_grad():
            return train.accuracy(case["model"](input), target)

    return case | {"evaluate": evaluate}


@broken("modes")
def dropout_never_ends(rng, width):
    class Model(nn.Module):
        def __init__(self):
            super().__init__()
            self.first, self.second = nn.Linear(10, width, rng=rng), nn.Linear(width, 4, rng=rng)

        def forward(self, x):
            return self.second(nn.functional.dropout(pb.relu(self.first(x)), 0.5))

    return {"model": Model(), "loss": nn.CrossEntropyLoss(), "batch": clouds(rng)}


@broken("input scale")
def bytes_of_pixels(rng, width):
    case = digits_mlp(rng, width)
    x, y = case["batch"]
    return case | {"batch": (np.round(255 * x), y)}


@broken("features")
def constant_features(rng, width):
    case = with_optimizer(rng, width)
    case["batch"][0][:, 3:6] = 1.5
    return case


@broken("features")
def all_inputs_alike(rng, width):
    case = with_optimizer(rng, width)
    case["batch"][0][:] = case["batch"][0][0]
    return case


@broken("label range")
def labels_from_one(rng, width):
    case = with_optimizer(rng, width)
    x, y = case["batch"]
    return case | {"batch": (x, y + 1)}


@broken("class balance")
def one_label_only(rng, width):
    case = with_optimizer(rng, width)
    x, y = case["batch"]
    return case | {"batch": (x, 0 * y)}


@broken("label order")
def sorted_and_not_shuffled(rng, width):
    x, y = clouds(rng, 200)
    order = np.argsort(y, kind="stable")
    case = with_optimizer(rng, width)
    return case | {"loader": data.DataLoader(data.TensorDataset(x[order], y[order]), 16)}


@broken("epoch order")
def never_shuffled(rng, width):
    x, y = clouds(rng, 200)
    case = with_optimizer(rng, width)
    return case | {"batch": (x[:64], y[:64]), "loader": data.DataLoader(data.TensorDataset(x, y), 16)}


@broken("overlap")
def leakage(rng, width):
    x, y = clouds(rng, 200)
    loader = data.DataLoader(data.TensorDataset(x[:150], y[:150]), 16, shuffle=True)
    validation = data.DataLoader(data.TensorDataset(x[130:], y[130:]), 16)
    return with_optimizer(rng, width) | {
        "batch": (x[:64], y[:64]),
        "loader": loader,
        "validation": validation,
    }


@broken("validation scale")
def validation_not_scaled(rng, width):
    x, y = clouds(rng, 200)
    return with_optimizer(rng, width) | {
        "batch": (x[:100], y[:100]),
        "validation": (5 * x[100:] + 3, y[100:]),
    }


class Cut(nn.Module):
    """Two layers, with something done in between."""

    def __init__(self, rng, width, between):
        super().__init__()
        self.first, self.second, self.between = (
            nn.Linear(10, width, rng=rng),
            nn.Linear(width, 4, rng=rng),
            between,
        )

    def forward(self, x):
        return self.second(self.between(pb.relu(self.first(x))))


def cut(rng, width, between):
    return {"model": Cut(rng, width, between), "loss": nn.CrossEntropyLoss(), "batch": clouds(rng)}


@broken("gradient flow")
def detached(rng, width):
    return cut(rng, width, lambda x: x.detach())


@broken("gradient flow")
def through_numpy(rng, width):
    return cut(rng, width, lambda x: pb.tensor(x.detach().numpy() * 2.0))


@broken("gradient flow")
def under_no_grad(rng, width):
    def between(x):
        with pb.no_grad():
            return x * 2

    return cut(rng, width, between)


@broken("gradient flow")
def rounded(rng, width):
    return cut(rng, width, lambda x: pb.round(4 * x))


@broken("gradient flow")
def whole_numbers(rng, width):
    return cut(rng, width, lambda x: (8 * x).astype("int64").astype("float32"))


@broken("gradient flow")
def layer_not_used(rng, width):
    case = with_optimizer(rng, width)
    case["model"].spare = nn.Linear(3, 3)

    class Wrapped(nn.Module):
        def __init__(self):
            super().__init__()
            self.body, self.spare = mlp(rng, (10, width, 4)), nn.Linear(3, 3)

        def forward(self, x):
            return self.body(x)

    return {"model": Wrapped(), "loss": nn.CrossEntropyLoss(), "batch": clouds(rng)}


@broken("hidden layers")
def layers_in_a_list(rng, width):
    class Model(nn.Module):
        def __init__(self):
            super().__init__()
            self.layers = [nn.Linear(10, width, rng=rng)]
            self.head = nn.Linear(width, 4, rng=rng)

        def forward(self, x):
            return self.head(pb.relu(self.layers[0](x)))

    return {"model": Model(), "loss": nn.CrossEntropyLoss(), "batch": clouds(rng)}


@broken("loss")
def loss_of_answers(rng, width):
    case = basic(rng, width)
    return case | {"loss": lambda o, t: (pb.argmax(o, 1) != t).astype("float32").mean()}


@broken("loss")
def loss_not_reduced(rng, width):
    return basic(rng, width, loss=None) | {"loss": nn.CrossEntropyLoss(reduction="none")}


@broken("saturation")
def saturated(rng, width):
    x, y = clouds(rng)
    model = mlp(rng, (10, width, width, 4), nn.Sigmoid)
    weights(model, lambda shape: rng.normal(size=shape) * 5)
    return {"model": model, "loss": nn.CrossEntropyLoss(), "batch": (x, y)}


@broken("activations", "gradients", "initialisation")
def vanishing_tanh(rng, width):
    x, y = clouds(rng)
    model = mlp(rng, (10, *[width] * 9, 4), nn.Tanh)
    weights(model, lambda shape: rng.normal(size=shape) * 0.02)
    return {"model": model, "loss": nn.CrossEntropyLoss(), "batch": (x, y)}


@broken("gradients", "activations")
def vanishing_sigmoid(rng, width):
    x, y = clouds(rng)
    return {
        "model": mlp(rng, (10, *[width] * 9, 4), nn.Sigmoid),
        "loss": nn.CrossEntropyLoss(),
        "batch": (x, y),
    }


@broken("activations", "gradients")
def exploding(rng, width):
    x, y = clouds(rng)
    model = mlp(rng, (10, *[width] * 12, 4))
    weights(model, lambda shape: rng.normal(size=shape) * 3.5 / np.sqrt(shape[1]))
    return {"model": model, "loss": nn.CrossEntropyLoss(), "batch": (x, y)}


@broken("nonlinearity")
def nonlinearity_missing(rng, width):
    x, y = clouds(rng)
    return {
        "model": mlp(rng, (10, width, width, 4), nn.Identity),
        "loss": nn.CrossEntropyLoss(),
        "batch": (x, y),
    }


@broken("loss direction")
def wrong_sign(rng, width):
    case = with_optimizer(rng, width)
    return case | {"loss": lambda o, t: -nn.functional.cross_entropy(o, t)}


@broken("loss direction")
def climbing(rng, width):
    case = basic(rng, width)
    return case | {"optimizer": optim.SGD(case["model"].parameters(), lr=0.05, maximize=True)}


@broken("finite data")
def not_a_number(rng, width):
    case = with_optimizer(rng, width)
    case["batch"][0][5, 2] = np.nan
    return case


@broken("batch norm")
def batch_of_one(rng, width):
    case = dropout_and_loaders(rng, width)
    x, y = case["batch"]
    return {name: case[name] for name in ("model", "loss")} | {"batch": (x[:1], y[:1])}


@broken("batch norm")
def last_batch_of_one(rng, width):
    case = dropout_and_loaders(rng, width)
    x, y = clouds(rng, 97)
    return case | {"loader": data.DataLoader(data.TensorDataset(x, y), 16, shuffle=True)}


@broken("regulariser")
def decay_too_large(rng, width):
    case = basic(rng, width)
    return case | {"optimizer": optim.SGD(case["model"].parameters(), lr=0.01, weight_decay=1.0)}


@broken("regulariser")
def decoupled_decay_too_large(rng, width):
    case = basic(rng, width)
    return case | {"optimizer": optim.AdamW(case["model"].parameters(), weight_decay=50.0)}


@broken("regulariser")
def regulariser_lowers(rng, width):
    case = basic(rng, width)
    return case | {"regulariser": lambda model: -sum((p * p).sum() for p in model.parameters()) * 1e-3}


@broken("initial loss")
def targets_not_scaled(rng, width):
    x, y = curve(rng)
    return {"model": mlp(rng, (6, width, 1)), "loss": nn.MSELoss(), "batch": (x, 50 + 2 * y)}


@broken("output")
def targets_out_of_reach(rng, width):
    x, y = curve(rng)
    return {"model": mlp(rng, (6, width, 1), end=nn.Sigmoid()), "loss": nn.MSELoss(), "batch": (x, y)}


@broken("duplicates")
def contradictions(rng, width):
    case = with_optimizer(rng, width)
    x, y = case["batch"]
    x[48:] = x[:48]
    y[48:] = (y[:48] + 1) % 4
    return case


def examine(make, seed, width):
    rng = np.random.default_rng((seed, width))
    pb.manual_seed(seed)
    return train.preflight(**make(rng, width))


def alarms(report):
    return {finding.check for finding in (*report.problems, *report.warnings)}


@pytest.mark.parametrize("name", HEALTHY)
def test_no_alarm_on_what_is_healthy(name):
    for seed, width in HELD_OUT:
        report = examine(HEALTHY[name], seed, width)
        assert report.ok, f"seed {seed}, width {width}:\n{report}"


@pytest.mark.parametrize("name", BROKEN)
def test_what_is_broken_is_recognised(name):
    make, expected = BROKEN[name]
    for seed, width in HELD_OUT:
        report = examine(make, seed, width)
        assert alarms(report) & expected, f"seed {seed}, width {width}:\n{report}"
