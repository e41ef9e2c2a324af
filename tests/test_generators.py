"""Everything random takes a generator as `rng`, and nothing else in silence: least of all a seed of 0."""

import numpy as np
import pytest

import pullback as pb
from pullback import data, nn, train, viz

RANDOM = {
    "rand": lambda rng: pb.rand(3, rng=rng),
    "randn": lambda rng: pb.randn(3, rng=rng),
    "dropout": lambda rng: nn.functional.dropout(pb.ones((2, 8)), 0.5, rng=rng),
    "rrelu": lambda rng: nn.functional.rrelu(-pb.ones(3), training=True, rng=rng),
    "attention": lambda rng: nn.functional.scaled_dot_product_attention(
        *[pb.ones((1, 4, 4))] * 3, dropout_p=0.5, rng=rng
    ),
    "fractional pooling": lambda rng: nn.functional.fractional_max_pool2d(
        pb.tensor(np.arange(64.0).reshape(1, 8, 8)), 2, output_size=3, rng=rng
    ),
    "initialiser": lambda rng: nn.init.normal_(pb.zeros(3), rng=rng),
    "orthogonal": lambda rng: nn.init.orthogonal_(pb.zeros((3, 3)), rng=rng),
    "layer": lambda rng: nn.Linear(2, 2, rng=rng).weight,
    "Dropout": lambda rng: nn.Dropout(rng=rng)(pb.ones((2, 8))),
    "RReLU": lambda rng: nn.RReLU(rng=rng)(-pb.ones(3)),
    "tokens": lambda rng: nn.models.sample_tokens(np.zeros((4, 9)), rng=rng),
    "split": lambda rng: data.random_split(range(9), [8, 1], rng)[0].indices,
    "loader": lambda rng: next(iter(data.DataLoader(range(9), 9, shuffle=True, rng=rng))),
    "sampler": lambda rng: list(data.WeightedRandomSampler(np.ones(9), 9, rng=rng)),
    "augmentation": lambda rng: data.augment.GaussianNoise(rng=rng)(np.full((1, 1, 3, 3), 0.5)),
    "composition": lambda rng: data.augment.Compose([data.augment.GaussianNoise()], rng=rng)(
        np.full((1, 1, 3, 3), 0.5)
    ),
}


@pytest.mark.parametrize("name", RANDOM)
def test_a_generator_repeats_what_it_gave(name):
    def drawn(seed):
        return np.asarray(pb.asarray(RANDOM[name](np.random.default_rng(seed))).detach())

    assert np.array_equal(drawn(3), drawn(3))


@pytest.mark.parametrize("seed", [0, 1, np.random.RandomState(0)])
@pytest.mark.parametrize("name", RANDOM)
def test_what_is_no_generator_is_refused(name, seed):
    with pytest.raises(TypeError, match=r"rng is a numpy\.random\.Generator, not .*default_rng"):
        RANDOM[name](seed)


def test_also_where_much_is_done_before(tmp_path):
    model = nn.Linear(2, 2)
    with pytest.raises(TypeError, match="rng is a numpy"):
        train.Trainer(model, nn.MSELoss(), pb.optim.SGD(model.parameters(), lr=0.1), rng=0)
    with pytest.raises(TypeError, match="rng is a numpy"):
        viz.maximal_input(nn.Conv2d(1, 2, 3), (1, 8, 8), 0, steps=1, rng=0)
