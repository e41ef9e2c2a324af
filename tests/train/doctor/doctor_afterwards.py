"""Set-ups that were written when the thresholds had been chosen, to see whether these hold for others."""

import numpy as np
from doctor_broken import steps
from doctor_healthy import digits_cnn, digits_mlp, lstm, regression, sequences, transformer
from doctor_parts import basic, broken, clouds, curve, healthy, mlp, pixels, weights, with_optimizer

import pullback as pb
from pullback import data, nn, optim


def classifier(model, batch, optimizer=None):
    case = {"model": model, "loss": nn.CrossEntropyLoss(), "batch": batch}
    return case if optimizer is None else case | {"optimizer": optimizer(model.parameters())}


# healthy ones

for kind in (nn.GELU, nn.LeakyReLU, nn.ELU, nn.PReLU, nn.SiLU, nn.Softplus):

    def make(rng, width, kind=kind):
        return classifier(mlp(rng, (10, width, width, 4), kind), clouds(rng), optim.Adam)

    make.__name__ = f"activation_{kind.__name__}"
    healthy(make)

OPTIMIZERS = {
    "sgd": lambda p: optim.SGD(p, lr=0.01),
    "nesterov": lambda p: optim.SGD(p, lr=0.01, momentum=0.9, nesterov=True),
    "slow_adam": lambda p: optim.Adam(p, lr=1e-4),
    "quick_adam": lambda p: optim.Adam(p, lr=1e-2),
    "adamw": lambda p: optim.AdamW(p, lr=3e-4, weight_decay=0.1),
    "adadelta": optim.Adadelta,
    "lion": lambda p: optim.Lion(p, lr=1e-4),
    "radam": optim.RAdam,
    "lbfgs": optim.LBFGS,
}
for name, rule in OPTIMIZERS.items():

    def make(rng, width, rule=rule):
        return classifier(mlp(rng, (10, width, width, 4)), clouds(rng), rule)

    make.__name__ = f"optimizer_{name}"
    healthy(make)


@healthy
def convolutional_autoencoder(rng, width):
    x, _ = pixels(rng, 32)
    x = x[:, None]
    model = nn.Sequential(
        nn.Conv2d(1, 8, 3, stride=2, padding=1, rng=rng),
        nn.ReLU(),
        nn.ConvTranspose2d(8, 1, 4, stride=2, padding=1, rng=rng),
        nn.Sigmoid(),
    )
    return {"model": model, "loss": nn.BCELoss(), "batch": (x, x)}


@healthy
def spiral(rng, width):
    radius = np.tile(np.linspace(0, 1, 100), 3)
    y = np.repeat(np.arange(3), 100)
    angle = 4 * (y + radius) + rng.normal(size=300) * 0.2
    x = np.stack([radius * np.sin(angle), radius * np.cos(angle)], 1)
    return classifier(mlp(rng, (2, 100, 3)), (x, y), lambda p: optim.SGD(p, lr=1.0))


@healthy
def four_points(rng, width):
    x = np.array([[0.0, 0], [0, 1], [1, 0], [1, 1]])
    y = np.array([[0.0], [1], [1], [0]])
    return {"model": mlp(rng, (2, width, 1), nn.Tanh), "loss": nn.BCEWithLogitsLoss(), "batch": (x, y)}


@healthy
def one_line(rng, width):
    x = np.linspace(-1, 1, 32)[:, None]
    model = nn.Linear(1, 1, rng=rng)
    optimizer = optim.SGD(model.parameters(), lr=0.1)
    return {"model": model, "loss": nn.MSELoss(), "batch": (x, 2 * x + 1), "optimizer": optimizer}


@healthy
def already_trained(rng, width):
    case = with_optimizer(rng, width)
    x, y = (pb.asarray(part) for part in case["batch"])
    model, optimizer = case["model"], optim.Adam(case["model"].parameters(), lr=3e-3)
    for _ in range(60):
        optimizer.zero_grad()
        case["loss"](model(x.astype("float32")), y).backward()
        optimizer.step()
    return case


@healthy
def scaled_inside(rng, width):
    class Model(nn.Module):
        def __init__(self):
            super().__init__()
            self.body = mlp(rng, (64, width, 10))

        def forward(self, x):
            return self.body((x.reshape((len(x), 64)) / 255 - 0.3) / 0.35)

    x, y = pixels(rng, 80)
    return classifier(Model(), (np.round(255 * x), y))


@healthy
def tensors_of_a_loader(rng, width):
    x, y = pixels(rng, 200)
    loader = data.DataLoader(data.TensorDataset(x.reshape(-1, 64), y), 32, shuffle=True, rng=rng)
    return classifier(mlp(rng, (64, width, 10)), next(iter(loader)), optim.Adam) | {"loader": loader}


@healthy
def dict_of_inputs(rng, width):
    class Model(nn.Module):
        def __init__(self):
            super().__init__()
            self.first, self.embed = nn.Linear(10, width, rng=rng), nn.Embedding(4, width, rng=rng)
            self.head = nn.Linear(width, 4, rng=rng)

        def forward(self, given):
            return self.head(pb.relu(self.first(given["x"]) + self.embed(given["kind"])))

    x, y = clouds(rng)
    return classifier(Model(), ({"x": x, "kind": rng.integers(0, 4, len(x))}, y), optim.Adam)


@healthy
def first_axis_is_time(rng, width):
    class Model(nn.Module):
        def __init__(self):
            super().__init__()
            self.cells, self.head = nn.LSTM(4, width, rng=rng), nn.Linear(width, 2, rng=rng)

        def forward(self, x):
            return self.head(self.cells(x)[0][-1])

    x, y = sequences(rng)
    return classifier(Model(), (np.ascontiguousarray(x.swapaxes(0, 1)), y), optim.Adam)


@healthy
def zero_grad_at_the_end(rng, width):
    case = with_optimizer(rng, width)

    def step(batch):
        x, y = batch
        case["loss"](case["model"](x), y).backward()
        optim.clip_grad_norm_(case["model"].parameters(), 1.0)
        case["optimizer"].step()
        case["optimizer"].zero_grad(set_to_none=False)

    return case | {"step": step}


# broken ones

RATES = {
    "convolution_high": (digits_cnn, lambda p: optim.Adam(p, lr=0.5)),
    "convolution_low": (digits_cnn, lambda p: optim.Adam(p, lr=1e-5)),
    "transformer_high": (transformer, lambda p: optim.Adam(p, lr=0.3)),
    "transformer_low": (transformer, lambda p: optim.Adam(p, lr=3e-6)),
    "lstm_high": (lstm, lambda p: optim.SGD(p, lr=100.0)),
    "lstm_low": (lstm, lambda p: optim.Adam(p, lr=1e-6)),
    "regression_high": (regression, lambda p: optim.SGD(p, lr=10.0)),
    "regression_low": (regression, lambda p: optim.SGD(p, lr=1e-5)),
    "zero": (basic, lambda p: optim.SGD(p, lr=0.0)),
}
for name, (base, rule) in RATES.items():

    def make(rng, width, base=base, rule=rule):
        case = base(rng, width)
        return case | {"optimizer": rule(case["model"].parameters())}

    make.__name__ = f"rate_{name}"
    broken("learning rate")(make)


@broken("signal")
def digits_shuffled(rng, width):
    case = digits_mlp(rng, width)
    x, y = case["batch"]
    return case | {"batch": (x, rng.permutation(y))}


@broken("signal")
def numbers_shuffled(rng, width):
    case = regression(rng, width)
    x, y = case["batch"]
    return case | {"batch": (x, rng.permutation(y))}


@broken("output")
def own_softmax_in_forward(rng, width):
    class Model(nn.Module):
        def __init__(self):
            super().__init__()
            self.body = mlp(rng, (10, width, 4))

        def forward(self, x):
            raised = pb.exp(self.body(x))
            return raised / raised.sum(axis=1, keepdims=True)

    return classifier(Model(), clouds(rng))


@broken("output")
def logarithm_missing(rng, width):
    return classifier(mlp(rng, (10, width, 4), end=nn.Softmax(-1)), clouds(rng)) | {"loss": nn.NLLLoss()}


@broken("independence")
def softmax_over_the_batch(rng, width):
    return classifier(mlp(rng, (10, width, 4), end=nn.Softmax(0)), clouds(rng))


@broken("independence")
def batch_first_forgotten(rng, width):
    class Model(nn.Module):
        def __init__(self):
            super().__init__()
            self.cells, self.head = nn.LSTM(4, width, rng=rng), nn.Linear(width, 2, rng=rng)

        def forward(self, x):
            return self.head(self.cells(x)[0][:, -1])

    return classifier(Model(), sequences(rng))


@broken("causality")
def mask_forgotten(rng, width):
    size = width // 4 * 4
    model = nn.Sequential(
        nn.Embedding(16, size, rng=rng),
        nn.TransformerEncoderLayer(size, 2, 2 * size, batch_first=True, rng=rng),
        nn.Linear(size, 16, rng=rng),
    )
    text = (rng.integers(0, 4, (24, 1)) + np.arange(9)) % 16

    def loss(output, target):
        return nn.functional.cross_entropy(output.reshape((-1, 16)), target.reshape((-1,)))

    return {"model": model, "loss": loss, "batch": (text[:, :-1], text[:, 1:])}


@broken("leakage")
def the_label_as_a_feature(rng, width):
    x, y = clouds(rng)
    x[:, 4] = (y - 1.5) / 1.1
    return classifier(mlp(rng, (10, width, 4)), (x, y))


@broken("dead units")
def dead_channels(rng, width):
    case = digits_cnn(rng, width)
    nn.init.constant_(case["model"][3].bias, -30.0)
    return case


@broken("input scale")
def one_feature_is_huge(rng, width):
    x, y = clouds(rng)
    x[:, 2] *= 1000
    return classifier(mlp(rng, (10, width, 4)), (x, y))


@broken("training step")
def gradients_forgotten_too_early(rng, width):
    case = with_optimizer(rng, width)

    def step(x, y):
        case["loss"](case["model"](x), y).backward()
        case["optimizer"].zero_grad()
        case["optimizer"].step()

    return case | {"step": step}


@broken("training step")
def step_of_another_optimizer(rng, width):
    case, other = with_optimizer(rng, width), with_optimizer(rng, width)
    return case | {"step": steps(case | {"optimizer": other["optimizer"]})["step"]}


@broken("saturation")
def tanh_at_its_ends(rng, width):
    model = mlp(rng, (10, width, width, 4), nn.Tanh)
    weights(model, lambda shape: rng.normal(size=shape) * 2)
    return classifier(model, clouds(rng))


@broken("label order")
def sorted_numbers(rng, width):
    x, y = curve(rng)
    order = np.argsort(y[:, 0])
    loader = data.DataLoader(data.TensorDataset(x[order], y[order, 0]), 8)

    def loss(output, target):
        return nn.functional.mse_loss(output[:, 0], target)

    return {"model": mlp(rng, (6, width, 1)), "loss": loss, "batch": (x, y[:, 0]), "loader": loader}


@broken("loss")
def logarithm_of_zero(rng, width):
    def loss(output, target):
        return -pb.log(pb.relu(output)[np.arange(len(target)), target]).mean()

    return classifier(mlp(rng, (10, width, 4)), clouds(rng)) | {"loss": loss}


@broken("gradient flow")
def gradient_not_finite(rng, width):
    def loss(output, target):
        return nn.functional.cross_entropy(output, target) + pb.sqrt((output - output.detach()) ** 2).mean()

    return classifier(mlp(rng, (10, width, 4)), clouds(rng)) | {"loss": loss}


@broken("modes")
def keeps_three_of_a_hundred(rng, width):
    parts = nn.Linear(10, width, rng=rng), nn.ReLU(), nn.Dropout(0.97), nn.Linear(width, 4, rng=rng)
    return classifier(nn.Sequential(*parts), clouds(rng))


@broken("label range")
def signs_as_labels(rng, width):
    x, y = clouds(rng, classes=2)
    case = {"model": mlp(rng, (10, width, 1)), "loss": nn.BCEWithLogitsLoss()}
    return case | {"batch": (x, (2.0 * y - 1)[:, None])}


@broken("tiny batch")
def one_unit_only(rng, width):
    return classifier(mlp(rng, (10, 1, 4)), clouds(rng))
