"""What all augmentations share: kinds, dtypes, labels, randomness, composition, refusals."""

import numpy as np
import pytest

import pullback as pb
from pullback import data
from pullback.data import augment

ANY_RANGE = {
    "horizontal flip": lambda **k: augment.RandomHorizontalFlip(**k),
    "vertical flip": lambda **k: augment.RandomVerticalFlip(**k),
    "crop": lambda **k: augment.RandomCrop((6, 5), padding=1, **k),
    "crop, reflected": lambda **k: augment.RandomCrop(8, padding=(2, 1), padding_mode="reflect", **k),
    "resized crop": lambda **k: augment.RandomResizedCrop(6, **k),
    "resized crop, nearest": lambda **k: augment.RandomResizedCrop(6, interpolation="nearest", **k),
    "rotation": lambda **k: augment.RandomRotation(30, **k),
    "rotation, bilinear": lambda **k: augment.RandomRotation(30, interpolation="bilinear", **k),
    "affine": lambda **k: augment.RandomAffine(
        20, (0.2, 0.1), (0.7, 1.4), 15, interpolation="bilinear", padding_mode="reflect", **k
    ),
    "noise": lambda **k: augment.GaussianNoise(clip=False, **k),
    "erasing": lambda **k: augment.RandomErasing(**k),
    "erasing, noise": lambda **k: augment.RandomErasing(value="random", **k),
    "cutout": lambda **k: augment.Cutout(4, p=0.7, **k),
}
UNIT_RANGE = {
    "jitter": lambda **k: augment.ColorJitter(0.4, 0.4, 0.4, 0.2, **k),
    "clipped noise": lambda **k: augment.GaussianNoise(**k),
    "colour noise": lambda **k: augment.PCAColorNoise([0.3, 0.1, 0.01], np.eye(3), std=0.5, **k),
}
COMPOSED = {
    "composition": lambda **k: augment.Compose(
        [augment.RandomCrop(8, 1), augment.RandomHorizontalFlip(), UNIT_RANGE["jitter"]()], **k
    ),
    "at times": lambda **k: augment.RandomApply(
        [augment.RandomRotation(90), augment.RandomErasing(1)], 0.4, **k
    ),
    "choice": lambda **k: augment.RandomChoice(
        [augment.RandomVerticalFlip(1), augment.Compose([augment.RandomErasing()]), lambda x: x / 2], **k
    ),
}
MIXING = {
    "mixup": lambda **k: augment.MixUp(num_classes=5, alpha=0.4, **k),
    "cutmix": lambda **k: augment.CutMix(num_classes=5, **k),
}
FIXED = {
    "centre crop": lambda **k: augment.CenterCrop(5),
    "resize": lambda **k: augment.Resize((5, 9)),
}
RANDOM = ANY_RANGE | UNIT_RANGE | COMPOSED
ALL = RANDOM | MIXING | FIXED


@pytest.fixture
def images(rng):
    return rng.random((20, 3, 8, 8), dtype=np.float32)


@pytest.fixture
def labels(rng):
    return rng.integers(0, 5, 20)


@pytest.mark.parametrize("name", ALL)
def test_kinds_dtypes_and_untouched_input(name, images, labels):
    for dtype in (np.float16, np.float32, np.float64):
        x = images.astype(dtype)
        before, known = x.copy(), labels.copy()
        result, targets = ALL[name](rng=np.random.default_rng(3))(x, labels)
        assert isinstance(result, np.ndarray)
        assert result.dtype == dtype
        assert len(result) == len(targets) == 20
        assert np.isfinite(result).all()
        assert not np.shares_memory(result, x)
        result[...] = 7
        assert np.array_equal(x, before)
        assert np.array_equal(labels, known)
        again, soft = ALL[name](rng=np.random.default_rng(3))(pb.asarray(x), pb.asarray(labels))
        assert isinstance(again, pb.Tensor)
        assert isinstance(soft, pb.Tensor)
        assert again.dtype == dtype
        if name not in MIXING:
            assert targets is labels


@pytest.mark.parametrize("name", ALL)
def test_a_seed_repeats_exactly(name, images, labels):
    def run(seed):
        transform = ALL[name](rng=np.random.default_rng(seed))
        return [transform(images, labels) for _ in range(2)]

    first, second = run(5), run(5)
    for one, other in zip(first, second, strict=True):
        assert np.array_equal(one[0], other[0])
        assert np.array_equal(one[1], other[1])
    if name not in FIXED:
        assert not np.array_equal(first[0][0], run(6)[0][0])
        assert not np.array_equal(first[0][0], first[1][0])


@pytest.mark.parametrize("name", ALL)
def test_the_programs_generator_serves(name, images, labels):
    transform = ALL[name]()
    pb.manual_seed(4)
    first = transform(images, labels)
    pb.manual_seed(4)
    second = transform(images, labels)
    assert np.array_equal(first[0], second[0])
    assert np.array_equal(first[1], second[1])


@pytest.mark.parametrize("name", RANDOM)
def test_an_image_does_not_depend_on_how_batches_are_cut(name, images):
    whole = RANDOM[name](rng=np.random.default_rng(1))(images)
    cut = RANDOM[name](rng=np.random.default_rng(1))
    parts = [cut(images[start:stop]) for start, stop in ((0, 7), (7, 7), (7, 8), (8, 20))]
    np.testing.assert_allclose(np.concatenate(parts), whole, atol=1e-6)


@pytest.mark.parametrize("name", ALL)
def test_batches_without_images(name, images, labels):
    whole = ALL[name]()(images, labels)
    result, targets = ALL[name]()(images[:0], labels[:0])
    assert result.shape == (0, *whole[0].shape[1:])
    assert targets.shape == (0, *whole[1].shape[1:])
    assert result.dtype == np.float32


@pytest.mark.parametrize("name", [*ANY_RANGE, *FIXED])
def test_whole_numbers(name, images):
    whole = (images * 255).astype(np.uint8)
    if any(word in name for word in ("bilinear", "noise", "affine")) or name in ("resized crop", "resize"):
        with pytest.raises(TypeError, match=r"images.astype\('float32'\) / 255"):
            ALL[name]()(whole)
    else:
        assert ALL[name]()(whole).dtype == np.uint8


def test_whole_numbers_are_filled_with_such(images):
    whole = (images * 255).astype(np.uint8)
    assert (augment.Cutout(17, fill=200)(whole) == 200).all()
    assert (augment.Cutout(17, fill=[True, False, True])(whole > 9)[:, 1] == 0).all()
    for fill in (0.5, 300, -1, np.nan):
        with pytest.raises(ValueError, match="images of uint8 cannot be filled with"):
            augment.Cutout(3, fill=fill)(whole)
    with pytest.raises(ValueError, match="images of bool cannot be filled with 7"):
        augment.rotate(whole > 9, 10, fill=7)


@pytest.mark.parametrize("name", UNIT_RANGE)
def test_colours_have_a_range(name, images):
    with pytest.raises(
        ValueError, match=r"takes values in \[0, 1\], and these go from 0\.\S+ to 25\S+; divide by 255"
    ):
        UNIT_RANGE[name]()(images * 255)
    with pytest.raises(ValueError, match=r"takes values in \[0, 1\]"):
        UNIT_RANGE[name]()(np.where(images > 0.5, np.nan, images))
    assert UNIT_RANGE[name](rng=np.random.default_rng(0))(images).min() >= 0
    assert UNIT_RANGE[name](rng=np.random.default_rng(0))(images).max() <= 1


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize(
    ("shape", "hint"),
    [
        ((8, 8), r"give images\[None, None\]"),
        ((3, 8, 8), r"images\[:, None\] for grey"),
        ((2, 3, 0, 8), "batch of"),
    ],
)
def test_other_shapes_are_refused(name, shape, hint):
    with pytest.raises(ValueError, match=hint):
        ALL[name]()(np.zeros(shape), None)


def test_what_is_no_data_is_refused(images, labels):
    flip = augment.RandomHorizontalFlip()
    with pytest.raises(TypeError, match="part of a graph"):
        flip(pb.tensor(images, requires_grad=True))
    with pytest.raises(TypeError, match="real numbers, not of complex"):
        flip(images * 1j)
    with pytest.raises(ValueError, match=r"labels of 20 images .* shape \(19,\)"):
        flip(images, labels[:-1])
    with pytest.raises(ValueError, match="masks, is no label"):
        flip(images, images)
    with pytest.raises(TypeError, match=r"use np\.random\.default_rng"):
        augment.RandomHorizontalFlip(rng=3)
    with pytest.raises(NotImplementedError, match="has no apply"):
        augment.Transform()(images)


# composition


def marked(count):
    """Images that know their number, and labels that are it."""
    numbers = np.arange(count)
    return np.broadcast_to(numbers[:, None, None, None] / count, (count, 1, 6, 6)), numbers


def test_labels_stay_with_their_images():
    images, labels = marked(30)
    transform = augment.Compose(
        [
            augment.RandomHorizontalFlip(),
            augment.RandomApply([augment.RandomRotation(90)], 0.5),
            augment.RandomChoice([augment.RandomCrop(4), augment.CenterCrop(4)]),
            augment.RandomCrop(3),
        ],
        rng=np.random.default_rng(0),
    )
    result, targets = transform(images, labels)
    middle = np.rint(result[:, 0].max((1, 2)) * 30)
    assert np.array_equal(middle, targets)
    mix = augment.Compose([transform, augment.MixUp(num_classes=30)], rng=np.random.default_rng(1))
    result, soft = mix(images, labels)
    np.testing.assert_allclose(result[:, 0].max((1, 2)), soft @ (np.arange(30) / 30), atol=0.35)


def test_steps_of_a_composition_run_in_order():
    images = np.array([[[[0.25, 0.5]]]])
    transform = augment.Compose(
        [lambda x: x + 1, augment.RandomHorizontalFlip(1), lambda x: pb.asarray(x) * 2]
    )
    assert transform(images).tolist() == [[[[3.0, 2.5]]]]
    assert augment.Compose([])(images).tolist() == images.tolist()
    for wrong in (3, augment.RandomHorizontalFlip):
        with pytest.raises(TypeError, match=r"a step is a transform"):
            augment.Compose([wrong])


def test_a_generator_of_a_steps_own_goes_first(images):
    def run(inner, outer):
        own = augment.GaussianNoise(rng=np.random.default_rng(inner))
        return augment.Compose([own], rng=np.random.default_rng(outer))(images)

    assert np.array_equal(run(1, 2), run(1, 3))
    assert not np.array_equal(run(1, 2), run(2, 2))
    inner = [augment.Compose([augment.GaussianNoise()], rng=np.random.default_rng(1)) for _ in range(2)]
    outer = [augment.Compose([step], rng=np.random.default_rng(seed)) for seed, step in enumerate(inner)]
    assert np.array_equal(outer[0](images), outer[1](images))
    noise = augment.GaussianNoise()
    pair = [augment.Compose([noise], rng=np.random.default_rng(seed)) for seed in (0, 0, 1)]
    results = [transform(images) for transform in pair]
    assert np.array_equal(results[0], results[1])
    assert not np.array_equal(results[0], results[2])


def test_steps_of_one_composition_draw_apart(images):
    twice = augment.Compose([augment.GaussianNoise(clip=False), augment.GaussianNoise(clip=False)])
    once = augment.GaussianNoise(clip=False)
    two = augment.Compose([once, once], rng=np.random.default_rng(0))(images) - images
    assert abs(two.std() - np.sqrt(2) * 0.1) < 0.01
    assert abs((twice(images) - images).std() - np.sqrt(2) * 0.1) < 0.01


def test_how_often_a_transform_is_applied():
    images = np.zeros((4000, 1, 1, 1))
    applied = augment.RandomApply([lambda x: x + 1], 0.3, rng=np.random.default_rng(0))(images)
    assert set(np.unique(applied)) == {0, 1}
    assert abs(applied.mean() - 0.3) < 0.03
    for p in (0, 1):
        assert (augment.RandomApply([lambda x: x + 1], p)(images) == p).all()
    steps = [lambda x: x, lambda x: x + 1, lambda x: x + 2]
    chosen = augment.RandomChoice(steps, [3, 0, 1], rng=np.random.default_rng(0))(images)
    assert set(np.unique(chosen)) == {0, 2}
    assert abs((chosen == 0).mean() - 0.75) < 0.03
    assert abs((augment.RandomChoice(steps)(images) == 1).mean() - 1 / 3) < 0.03


def test_labels_that_change_for_some(images, labels):
    soft = np.eye(5, dtype=np.float32)[labels]
    transform = augment.RandomApply([augment.MixUp()], 0.5, rng=np.random.default_rng(0))
    result, targets = transform(images, soft)
    alone = (result == images).all((1, 2, 3))
    assert 0 < alone.sum() < 20
    assert np.array_equal(targets[alone], soft[alone])
    np.testing.assert_allclose(targets.sum(1), 1, atol=1e-6)
    with pytest.raises(ValueError, match="labels would be of different kinds"):
        augment.RandomApply([augment.MixUp(num_classes=5)], 0.5)(images, labels)
    with pytest.raises(ValueError, match="images would be of different kinds"):
        augment.RandomApply([augment.CenterCrop(3)], 0.5)(images)


@pytest.mark.parametrize(
    "make",
    [
        lambda: augment.RandomApply([], p=1.1),
        lambda: augment.RandomHorizontalFlip(-0.1),
        lambda: augment.RandomErasing(p=np.nan),
        lambda: augment.RandomChoice([]),
        lambda: augment.RandomChoice([abs], [0]),
        lambda: augment.RandomChoice([abs], [1, 2]),
        lambda: augment.RandomCrop(0),
        lambda: augment.RandomCrop((2, 2, 2)),
        lambda: augment.RandomCrop(2, padding=-1),
        lambda: augment.RandomCrop(2, padding=(1, 2, 3)),
        lambda: augment.RandomCrop(2, padding_mode="wrap"),
        lambda: augment.CenterCrop(2.5),
        lambda: augment.Resize(True),
        lambda: augment.RandomResizedCrop(2, scale=(0.5, 0.2)),
        lambda: augment.RandomResizedCrop(2, ratio=(0, 1)),
        lambda: augment.RandomResizedCrop(2, scale=0.5),
        lambda: augment.RandomAffine(0, translate=0.1),
        lambda: augment.RandomResizedCrop(2, interpolation="bicubic"),
        lambda: augment.RandomRotation(-3),
        lambda: augment.RandomRotation((3, 1)),
        lambda: augment.RandomRotation(3, padding_mode="symmetric"),
        lambda: augment.RandomAffine(0, translate=(1.2, 0)),
        lambda: augment.RandomAffine(0, scale=(0, 1)),
        lambda: augment.RandomAffine(0, shear=90),
        lambda: augment.RandomAffine(0, shear=(1, 2, 3)),
        lambda: augment.RandomAffine(0, center=(1, 2, 3)),
        lambda: augment.ColorJitter(brightness=-1),
        lambda: augment.ColorJitter(contrast=(0.5, 0.2)),
        lambda: augment.ColorJitter(hue=0.6),
        lambda: augment.GaussianNoise(sigma=-1),
        lambda: augment.PCAColorNoise([1, 2], np.eye(3)),
        lambda: augment.PCAColorNoise([1], [[1]], std=-1),
        lambda: augment.PCAColorNoise.from_images(np.zeros((0, 3, 2, 2))),
        lambda: augment.RandomErasing(value="noise"),
        lambda: augment.RandomErasing(scale=(0.5, 1.2)),
        lambda: augment.Cutout((0, 2)),
        lambda: augment.MixUp(alpha=0),
        lambda: augment.CutMix(num_classes=0),
        lambda: augment.FiveCrop(-1),
        lambda: augment.MultiScaleCrop(augment.FiveCrop(2), []),
    ],
)
def test_options_out_of_range(make):
    with pytest.raises(ValueError, match=r" is | has | lie | have | needs |there are "):
        make()


# with a loader


def test_a_data_set_whose_batches_are_augmented(images, labels):
    dataset = data.AugmentedDataset(data.TensorDataset(images, labels), augment.RandomHorizontalFlip(1))
    assert len(dataset) == 20
    for _ in range(2):
        batches = list(data.DataLoader(dataset, batch_size=8))
        np.testing.assert_array_equal(np.concatenate([x.numpy() for x, _ in batches]), images[..., ::-1])
        assert np.array_equal(np.concatenate([y.numpy() for _, y in batches]), labels)
    image, label = dataset[3]
    assert np.array_equal(image.numpy(), images[3][..., ::-1])
    assert label.item() == labels[3]
    for alone in (data.TensorDataset(images), data.MapDataset(images, np.asarray)):
        only = next(
            iter(data.DataLoader(data.AugmentedDataset(alone, augment.RandomVerticalFlip(1)), batch_size=20))
        )
        np.testing.assert_array_equal(
            (only[0] if isinstance(only, tuple) else only).numpy(), images[:, :, ::-1]
        )
    assert data.AugmentedDataset(images, lambda x: 2 * x)[0].shape == (3, 8, 8)


def test_the_loader_decides_the_randomness(images, labels):
    transform = augment.Compose(
        [augment.GaussianNoise(), augment.RandomErasing(), augment.MixUp(num_classes=5)]
    )
    dataset = data.AugmentedDataset(data.TensorDataset(images, labels), transform)

    def epochs(workers):
        loader = data.DataLoader(dataset, 6, shuffle=True, num_workers=workers, rng=np.random.default_rng(2))
        return [[(x.tolist(), y.tolist()) for x, y in loader] for _ in range(2)]

    first = epochs(0)
    assert first == epochs(2)
    assert first[0] != first[1]
    loader = data.DataLoader(dataset, 6, shuffle=True, rng=np.random.default_rng(2))
    batches = iter(loader)
    next(batches)
    state = loader.state_dict()
    rest = [x.tolist() for x, _ in batches]
    later = data.DataLoader(dataset, 6, shuffle=True, rng=np.random.default_rng(7))
    later.load_state_dict(state)
    assert [x.tolist() for x, _ in later] == rest


def test_data_sets_that_cannot_be_augmented(images, labels):
    own = augment.RandomErasing(rng=np.random.default_rng(0))
    for transform in (own, augment.Compose([augment.RandomApply([own])])):
        with pytest.raises(ValueError, match="leave its rng out, and give one to the DataLoader"):
            data.AugmentedDataset(images, transform)
    with pytest.raises(TypeError, match="a transform is called"):
        data.AugmentedDataset(images, 3)
    three = data.AugmentedDataset(data.TensorDataset(images, labels, labels), augment.RandomErasing())
    with pytest.raises(ValueError, match="the samples have 3 parts"):
        three[0]


def test_mixed_labels_train_with_cross_entropy(images, labels):
    """The loss of mixed labels is the mix of the losses."""
    mixed, soft = augment.MixUp(num_classes=5, rng=np.random.default_rng(0))(images[:2], np.array([1, 3]))
    logits = pb.asarray(mixed.reshape(2, -1)[:, :5])
    together = pb.nn.functional.cross_entropy(logits, pb.asarray(soft), reduction="none").numpy()
    apart = [
        pb.nn.functional.cross_entropy(logits, pb.asarray([label] * 2), reduction="none").numpy()
        for label in (1, 3)
    ]
    np.testing.assert_allclose(together, soft[:, 1] * apart[0] + soft[:, 3] * apart[1], rtol=1e-5)


def test_transforms_say_what_they_were_made_with():
    steps = augment.Compose([augment.RandomCrop(8, padding=1), abs], rng=np.random.default_rng(0))
    assert "transforms=[RandomCrop(size=(8, 8), padding=(1, 1, 1, 1)), <built-in function abs>]" in repr(
        steps
    )
    assert repr(augment.RandomHorizontalFlip()) == "RandomHorizontalFlip()"
    assert repr(augment.TenCrop(4, vertical_flip=True)) == "TenCrop(size=(4, 4), vertical_flip=True)"
    views = augment.MultiScaleCrop(augment.FiveCrop(3), 5)
    assert repr(views) == "MultiScaleCrop(crop=FiveCrop(size=(3, 3)), scales=(5,))"
    assert views(np.zeros((2, 1, 4, 4))).shape == (5, 2, 1, 3, 3)
