"""Set-ups with nothing wrong."""

import numpy as np
from doctor_parts import basic, clouds, curve, healthy, mlp, pixels, with_optimizer

import pullback as pb
from pullback import data, nn, optim, train


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
