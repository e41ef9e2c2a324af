"""Averages over several views of each image."""

import numpy as np
import pytest

import pullback as pb
from pullback import nn, train
from pullback.data import augment


@pytest.fixture
def images(rng):
    return rng.random((7, 3, 8, 8), dtype=np.float32)


@pytest.fixture
def model():
    return nn.Sequential(
        nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Dropout(0.5), nn.Linear(64, 5)
    )


@pytest.mark.parametrize("batch_size", [None, 3, 100])
def test_the_mean_of_the_probabilities(model, images, batch_size):
    crops = augment.MultiScaleCrop(augment.TenCrop(6), (8, 6))
    model.train()
    model[0].eval()
    before = {name: value.tolist() for name, value in model.state_dict().items()}
    found = train.average_predictions(model, images, crops, batch_size=batch_size)
    assert [module.training for module in model] == [False, True, True, True, True, True]
    assert before == {name: value.tolist() for name, value in model.state_dict().items()}
    model.eval()
    expected = np.mean(
        [nn.functional.softmax(model(pb.asarray(view)), dim=1).detach().numpy() for view in crops(images)],
        axis=0,
    )
    np.testing.assert_allclose(found.numpy(), expected, atol=1e-6)
    assert found.dtype == np.float32
    assert not found.requires_grad
    as_tensor = train.average_predictions(model, pb.asarray(images), crops)
    np.testing.assert_allclose(as_tensor.numpy(), expected, atol=1e-6)


def test_mirrored_images_are_predicted_alike(model, images):
    one = train.average_predictions(model, images, augment.TenCrop(6))
    other = train.average_predictions(model, images[..., ::-1], augment.TenCrop(6))
    np.testing.assert_allclose(one.numpy(), other.numpy(), atol=1e-6)


def test_probabilities_as_they_are(images):
    model = nn.Sequential(nn.Flatten(), nn.Linear(108, 5), nn.Softmax(dim=1))
    found = train.average_predictions(model, images, augment.FiveCrop(6), from_logits=False)
    expected = np.mean(
        [model(pb.asarray(view)).detach().numpy() for view in augment.FiveCrop(6)(images)], axis=0
    )
    np.testing.assert_allclose(found.numpy(), expected, atol=1e-6)


def test_no_images(model, images):
    assert train.average_predictions(model, images[:0], augment.FiveCrop(6)).shape == (0, 5)


def test_what_cannot_be_averaged(model, images):
    with pytest.raises(
        ValueError, match=r"7 images have views of shape \(K, 7, ...\), and the crops have \(7, 3"
    ):
        train.average_predictions(model, images, augment.CenterCrop(6))
    with pytest.raises(ValueError, match="views of shape"):
        train.average_predictions(model, images, lambda x: np.zeros((0, 7, 3, 6, 6)))
    with pytest.raises(ValueError, match=r"scores \(N, classes\), not over shape \(7, 4, 4, 4\)"):
        train.average_predictions(model[:2], images, augment.FiveCrop(6))
    with pytest.raises(ValueError, match="batch_size"):
        train.average_predictions(model, images, augment.FiveCrop(6), batch_size=0)
