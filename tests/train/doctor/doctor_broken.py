"""Set-ups with a fault, and the checks that should see it."""

import numpy as np
from doctor_healthy import digits_mlp, dropout_and_loaders
from doctor_parts import basic, broken, clouds, curve, mlp, weights, with_optimizer

import pullback as pb
from pullback import data, nn, optim, train


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


@broken("initial loss")
def prices(rng, width):
    x, y = curve(rng)
    return {"model": mlp(rng, (6, width, 1)), "loss": nn.L1Loss(), "batch": (x, 200_000 + 50_000 * y)}


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
