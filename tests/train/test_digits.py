"""The whole path on real data: digits, split, network, training, accuracy."""

import numpy as np

from pullback import data, nn, optim, train


def test_a_relu_network_reads_digits():
    rng = np.random.default_rng(0)
    images, labels = data.digits.load()
    dataset = data.TensorDataset((images.reshape(-1, 64) - 0.3) * 4, labels)
    training, test = data.random_split(dataset, [1297, 500], rng)
    model = nn.Sequential(
        nn.Linear(64, 64, rng=rng),
        nn.ReLU(),
        nn.Linear(64, 32, rng=rng),
        nn.ReLU(),
        nn.Linear(32, 10, rng=rng),
    )
    loss = nn.CrossEntropyLoss(label_smoothing=0.1)
    optimizer = optim.Adam(model.parameters(), lr=3e-3)
    loader = data.DataLoader(training, 32, shuffle=True, rng=rng)
    train.fit(model, loss, optimizer, loader, epochs=15, progress=False)
    scores = train.evaluate(model, loss, data.DataLoader(test, 100), metrics={"accuracy": train.accuracy})
    assert scores.metrics["accuracy"] > 0.95
