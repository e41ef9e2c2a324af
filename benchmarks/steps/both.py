"""The workloads in pullback and in PyTorch: one text for both, which have the same names."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from scalars import layers_of, loss_of, numbers_of
from work import Work

Step = Callable[[], float]


def step(lib: Any, name: str, work: Work) -> Step:
    """A training step as a function that returns its loss, or a number that depends on everything computed."""
    make = _STEPS[name]
    return make(lib, work)


def _tensor(lib: Any, array: Any) -> Any:
    return lib.asarray(array)


def _leaves(lib: Any, work: Work) -> dict[str, Any]:
    return {name: lib.asarray(array.copy()).requires_grad_() for name, array in work.parameters.items()}


def _scalars(lib: Any, work: Work) -> Step:
    parameters = {name: lib.tensor(number, requires_grad=True) for name, number in numbers_of(work).items()}
    layers = layers_of(work, parameters)
    optimizer = lib.optim.SGD(list(parameters.values()), lr=0.01)

    def run() -> float:
        optimizer.zero_grad()
        loss = loss_of(layers, work, lib.tanh)
        loss.backward()
        optimizer.step()
        return loss.item()

    return run


def _chain(lib: Any, work: Work) -> Step:
    w, b = _leaves(lib, work).values()
    x = _tensor(lib, work.data["x"])
    links = work.sizes["links"]
    optimizer = lib.optim.SGD([w, b], lr=0.01)

    def run() -> float:
        optimizer.zero_grad()
        y = x
        for _ in range(links):
            y = (y * w + b).tanh()
        loss = y.sum()
        loss.backward()
        optimizer.step()
        return loss.item()

    return run


def _trained(lib: Any, model: Any, optimizer: Any, loss: Callable[[Any, Any], Any], work: Work) -> Step:
    x, y = _tensor(lib, work.data["x"]), _tensor(lib, work.data["y"])

    def run() -> float:
        optimizer.zero_grad()
        value = loss(model(x), y)
        value.backward()
        optimizer.step()
        return value.item()

    return run


def _loaded(lib: Any, model: Any, work: Work) -> Any:
    missing, unexpected = model.load_state_dict(
        {name: _tensor(lib, array) for name, array in work.parameters.items()}, strict=False
    )
    assert not unexpected, unexpected
    assert all("running" in key or "num_batches" in key for key in missing), missing
    return model


def _mlp(lib: Any, work: Work) -> Step:
    nn = lib.nn
    widths = [work.parameters[f"{layer}.weight"].shape for layer in (0, 2, 4)]
    (b, a), (c, _), (d, _) = widths
    model = _loaded(
        lib, nn.Sequential(nn.Linear(a, b), nn.ReLU(), nn.Linear(b, c), nn.ReLU(), nn.Linear(c, d)), work
    )
    return _trained(lib, model, lib.optim.Adam(model.parameters(), lr=1e-3), nn.CrossEntropyLoss(), work)


def _cnn(lib: Any, work: Work) -> Step:
    nn = lib.nn
    model = nn.Sequential(
        nn.Conv2d(3, 32, 3, padding=1), nn.BatchNorm2d(32), nn.ReLU(),
        nn.Conv2d(32, 32, 3, padding=1), nn.BatchNorm2d(32), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(32, 64, 3, padding=1), nn.BatchNorm2d(64), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(work.sizes["features"], 10),
    )  # fmt: skip
    _loaded(lib, model, work)
    optimizer = lib.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
    return _trained(lib, model, optimizer, nn.CrossEntropyLoss(), work)


def _characters(lib: Any, work: Work, cell: str) -> Step:
    nn = lib.nn
    sizes = work.sizes

    class Characters(nn.Module):  # type: ignore[misc]  # of either library
        def __init__(self) -> None:
            super().__init__()
            self.embedding = nn.Embedding(sizes["vocabulary"], sizes["embedding"])
            self.rnn = getattr(nn, cell)(sizes["embedding"], sizes["hidden"], batch_first=True)
            self.head = nn.Linear(sizes["hidden"], sizes["vocabulary"])

        def forward(self, tokens: Any) -> Any:
            return self.head(self.rnn(self.embedding(tokens))[0])

    model = _loaded(lib, Characters(), work)
    return _trained(lib, model, lib.optim.Adam(model.parameters(), lr=1e-3), _next_token(lib), work)


def _next_token(lib: Any) -> Callable[[Any, Any], Any]:
    cross_entropy = lib.nn.functional.cross_entropy
    return lambda logits, y: cross_entropy(logits.reshape((-1, logits.shape[-1])), y.reshape((-1,)))


def _gpt(lib: Any, work: Work) -> Step:
    nn = lib.nn
    functional = nn.functional
    width, heads = work.sizes["width"], work.sizes["heads"]

    class Block(nn.Module):  # type: ignore[misc]  # of either library
        def __init__(self) -> None:
            super().__init__()
            self.ln_1, self.ln_2 = nn.LayerNorm(width), nn.LayerNorm(width)
            self.qkv, self.proj = nn.Linear(width, 3 * width), nn.Linear(width, width)
            self.fc, self.out = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

        def forward(self, x: Any) -> Any:
            n, length, _ = x.shape
            parts = (
                self.qkv(self.ln_1(x)).reshape((n, length, 3, heads, width // heads)).permute((2, 0, 3, 1, 4))
            )
            y = functional.scaled_dot_product_attention(parts[0], parts[1], parts[2], is_causal=True)
            x = x + self.proj(y.permute((0, 2, 1, 3)).reshape((n, length, width)))
            return x + self.out(functional.gelu(self.fc(self.ln_2(x))))

    class GPT(nn.Module):  # type: ignore[misc]  # of either library
        def __init__(self) -> None:
            super().__init__()
            self.wte = nn.Embedding(work.sizes["vocabulary"], width)
            self.wpe = nn.Embedding(work.sizes["length"], width)
            self.blocks = nn.ModuleList([Block() for _ in range(work.sizes["blocks"])])
            self.ln_f, self.head = nn.LayerNorm(width), nn.Linear(width, work.sizes["vocabulary"])
            self.places = lib.arange(work.sizes["length"])

        def forward(self, tokens: Any) -> Any:
            x = self.wte(tokens) + self.wpe(self.places)
            for block in self.blocks:
                x = block(x)
            return self.head(self.ln_f(x))

    model = _loaded(lib, GPT(), work)
    return _trained(lib, model, lib.optim.AdamW(model.parameters(), lr=1e-3), _next_token(lib), work)


def _differentiated(leaves: dict[str, Any], loss: Callable[..., Any]) -> Step:
    def run() -> float:
        for leaf in leaves.values():
            leaf.grad = None
        value = loss(**leaves)
        value.backward()
        return value.item()

    return run


def _elementwise(lib: Any, work: Work) -> Step:
    return _differentiated(
        _leaves(lib, work), lambda x, y: lib.sigmoid(lib.tanh(x * y) + lib.exp(-(x**2))).sum()
    )


def _product(lib: Any, work: Work) -> Step:
    return _differentiated(_leaves(lib, work), lambda a, b: (a @ b).sum())


def _normalised(lib: Any, work: Work) -> Step:
    functional = lib.nn.functional
    leaves = _leaves(lib, work)
    x, weight, bias = leaves.values()
    upstream = _tensor(lib, work.data["g"])

    def run() -> float:
        for leaf in leaves.values():
            leaf.grad = None
        y = functional.layer_norm(lib.log(functional.softmax(x, dim=-1)), (x.shape[-1],), weight, bias)
        y.backward(upstream)
        return x.grad[0].sum().item() + y[0, 0].item()

    return run


def _update(lib: Any, work: Work) -> Step:
    leaves = _leaves(lib, work)
    for name, leaf in leaves.items():
        leaf.grad = _tensor(lib, work.data[name])
    optimizer = lib.optim.Adam(list(leaves.values()), lr=1e-3)
    last = leaves[name]

    def run() -> float:
        optimizer.step()
        return last[0].item()

    return run


_STEPS: dict[str, Callable[[Any, Work], Step]] = {
    "W1": _scalars,
    "W2": _chain,
    "W3": _mlp,
    "W4": _cnn,
    "W5": lambda lib, work: _characters(lib, work, "LSTM"),
    "W5r": lambda lib, work: _characters(lib, work, "RNN"),
    "W6": _gpt,
    "W7": _elementwise,
    "W8": _product,
    "W9": _normalised,
    "W10": _update,
}
