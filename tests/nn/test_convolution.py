"""Convolutions, folding and borders: known values, every order, memory, layouts, vmap, and what is refused."""

import tracemalloc

import numpy as np
import pytest

import pullback as pb
from pullback import nn
from pullback.nn import functional as F  # noqa: N812 - as everyone calls it
from pullback.nn.functional import windows as kernels

RNG = np.random.default_rng(0)


def by_hand(x, w, stride, padding, dilation, groups):
    """A convolution in plain loops."""
    (n, _, height, width), (filters, depth, k, m) = x.shape, w.shape
    x = np.pad(x, ((0, 0), (0, 0), (padding, padding), (padding, padding)))
    rows = (height + 2 * padding - dilation * (k - 1) - 1) // stride + 1
    columns = (width + 2 * padding - dilation * (m - 1) - 1) // stride + 1
    out = np.zeros((n, filters, rows, columns))
    for o in range(filters):
        first = o // (filters // groups) * depth
        for i in range(rows):
            for j in range(columns):
                window = x[:, first : first + depth, i * stride :, j * stride :]
                window = window[
                    :, :, : dilation * (k - 1) + 1 : dilation, : dilation * (m - 1) + 1 : dilation
                ]
                out[:, o, i, j] = (window * w[o]).sum((1, 2, 3))
    return out


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("padding", [0, 2])
@pytest.mark.parametrize("dilation", [1, 2])
@pytest.mark.parametrize("groups", [1, 2])
def test_conv2d_is_the_sum_of_products(stride, padding, dilation, groups):
    x, w = RNG.normal(size=(2, 4, 7, 6)), RNG.normal(size=(6, 4 // groups, 3, 2))
    y = F.conv2d(x, w, None, stride, padding, dilation, groups)
    np.testing.assert_allclose(y.numpy(), by_hand(x, w, stride, padding, dilation, groups), atol=1e-12)


def test_the_example_of_the_notes():
    """32×32×3 with ten 5×5 filters, padding 2."""
    layer = nn.Conv2d(3, 10, 5, stride=1, padding=2)
    assert layer(pb.zeros((1, 3, 32, 32))).shape == (1, 10, 32, 32)
    assert sum(p.size for p in layer.parameters()) == 760


@pytest.mark.parametrize("tile", [1, 300, 1 << 20])
@pytest.mark.parametrize("few", [1, 1000])
def test_tiles_make_no_difference(monkeypatch, tile, few):
    """Images one by one, rows one by one, all at once; apart or in one product."""
    monkeypatch.setattr(kernels, "TILE", tile)
    monkeypatch.setattr(kernels, "FEW", few)
    monkeypatch.setattr(kernels, "LONG", 1)
    x = pb.tensor(RNG.normal(size=(3, 4, 6, 5)), requires_grad=True)
    w = pb.tensor(RNG.normal(size=(2, 2, 3, 3)), requires_grad=True)
    y = F.conv2d(x, w, None, 2, 1, 1, 2)
    np.testing.assert_allclose(
        y.detach().numpy(), by_hand(x.detach().numpy(), w.detach().numpy(), 2, 1, 1, 2)
    )
    pb.gradcheck(lambda x, w: F.conv2d(x, w, None, 2, 1, 1, 2), (x, w)).assert_ok()


def test_memory_is_bounded():
    """The windows of this layer are nine times its input of 8 MB."""
    x = pb.zeros((1, 32, 256, 256))
    w = pb.zeros((4, 32, 3, 3))
    F.conv2d(x, w)
    tracemalloc.start()
    F.conv2d(x, w, padding=1)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 5e6


@pytest.mark.parametrize("kernel", [1, 3])
def test_any_memory_layout(kernel):
    plain = RNG.normal(size=(2, 3, 9, 8))
    w = RNG.normal(size=(4, 3, kernel, kernel))
    expected = F.conv2d(plain, w, padding=kernel // 2)
    last = np.ascontiguousarray(plain.transpose(0, 2, 3, 1)).transpose(0, 3, 1, 2)
    wide = np.zeros((2, 3, 18, 16))
    wide[:, :, ::2, ::-2] = plain
    for layout in (last, wide[:, :, ::2, ::-2], np.asfortranarray(plain)):
        for filters in (w, np.asfortranarray(w), w[..., ::-1][..., ::-1]):
            x = pb.asarray(layout).requires_grad_()
            y = F.conv2d(x, filters, padding=kernel // 2)
            np.testing.assert_allclose(y.detach().numpy(), expected.numpy(), atol=1e-12)


def test_no_images_and_a_single_one():
    layer = nn.Conv2d(3, 4, 3)
    assert layer(pb.zeros((0, 3, 5, 5))).shape == (0, 4, 3, 3)
    layer(pb.zeros((0, 3, 5, 5)).requires_grad_()).sum().backward()
    assert not layer.weight.grad.numpy().any()
    x = pb.randn(3, 5, 5)
    np.testing.assert_array_equal(layer(x).detach().numpy(), layer(x[None])[0].detach().numpy())


def test_float32_stays():
    layer = nn.Conv2d(3, 4, 3)
    x = pb.randn(2, 3, 5, 5).requires_grad_()
    y = layer(x)
    y.sum().backward()
    assert {y.dtype, x.grad.dtype, layer.weight.grad.dtype, layer.bias.grad.dtype} == {np.dtype("float32")}


@pytest.mark.parametrize("function", [F.conv2d, F.conv_transpose2d])
def test_every_order(function):
    x, w = RNG.normal(size=(1, 2, 4, 3)), RNG.normal(size=(2, 2, 2, 2))
    loss = lambda x, w: (function(x, w, None, 2, 1) ** 3).sum()
    pb.gradcheck(pb.grad(loss, (0, 1)), (x, w)).assert_ok()
    twice = lambda x, w: pb.jvp(lambda w: pb.grad(loss)(x, w), (w,), (pb.ones(w.shape, dtype=w.dtype),))[1]
    pb.gradcheck(twice, (pb.tensor(x), pb.tensor(w))).assert_ok()


@pytest.mark.parametrize("function", [F.conv1d, F.conv_transpose1d])
@pytest.mark.parametrize("groups", [1, 2])
def test_vmap_over_inputs_filters_and_biases(function, groups):
    x, w, b = (pb.tensor(RNG.normal(size=s)) for s in [(3, 2, 4, 5), (3, 4, 4 // groups, 2), (3, 4)])
    run = lambda x, w, b: function(x, w, b, stride=2, padding=1, groups=groups)
    for axes in [(0, None, None), (None, 0, None), (0, 0, 0), (0, None, 0), (None, None, 0), (0, 0, None)]:
        given = [v if axis == 0 else v[0] for v, axis in zip((x, w, b), axes, strict=True)]
        rows = pb.vmap(run, in_axes=axes)(*given)
        for i, row in enumerate(rows):
            expected = run(*(v[i] if axis == 0 else v for v, axis in zip(given, axes, strict=True)))
            np.testing.assert_allclose(row.numpy(), expected.numpy(), atol=1e-12)


def test_gradients_per_example():
    x, w = pb.tensor(RNG.normal(size=(3, 2, 5, 5))), pb.tensor(RNG.normal(size=(4, 2, 3, 3)))
    loss = lambda w, x: (F.conv2d(x, w, padding=1) ** 2).sum()
    each = pb.vmap(pb.grad(loss), in_axes=(None, 0))(w, x)
    for i in range(3):
        np.testing.assert_allclose(each[i].numpy(), pb.grad(loss)(w, x[i]).numpy())


def test_start_values():
    layer = nn.Conv2d(16, 32, 3, groups=2, rng=np.random.default_rng(0))
    bound = 1 / np.sqrt(8 * 9)
    for p in layer.parameters():
        assert 0.9 * bound < np.abs(p.detach().numpy()).max() <= bound
    assert {name: p.shape for name, p in layer.named_parameters()} == {"weight": (32, 8, 3, 3), "bias": (32,)}
    transposed = nn.ConvTranspose1d(4, 6, 5, groups=2, bias=False)
    assert {name: p.shape for name, p in transposed.named_parameters()} == {"weight": (4, 3, 5)}


def test_layers_show_their_settings():
    assert repr(nn.Conv2d(3, 6, 3)) == "Conv2d(3, 6, kernel_size=(3, 3), stride=(1, 1))"
    layer = nn.Conv1d(4, 6, 3, padding="same", dilation=2, groups=2, bias=False, padding_mode="circular")
    assert layer.extra_repr() == (
        "4, 6, kernel_size=(3,), stride=(1,), padding=same, dilation=(2,), groups=2, bias=False, "
        "padding_mode=circular"
    )
    assert nn.ConvTranspose2d(3, 6, 3, 2, 1, 1).extra_repr() == (
        "3, 6, kernel_size=(3, 3), stride=(2, 2), padding=(1, 1), output_padding=(1, 1)"
    )


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: F.conv2d(pb.zeros((1, 3, 5, 5)), pb.zeros((4, 2, 3, 3))),
            r"3 channels.*\(4, 2, 3, 3\) is for 2 \(its second axis\)",
        ),
        (
            lambda: F.conv2d(pb.zeros((5, 5)), pb.zeros((4, 2, 3, 3))),
            r"must be \(C, H, W\) or \(N, C, H, W\)",
        ),
        (lambda: F.conv2d(pb.zeros((2, 5, 5)), pb.zeros((4, 2, 3))), r"weight has shape \(4, 2, 3\).*4 axes"),
        (lambda: F.conv2d(pb.zeros((2, 2, 5)), pb.zeros((4, 2, 3, 3))), "does not fit into input of shape"),
        (
            lambda: F.conv2d(pb.zeros((2, 5, 5)), pb.zeros((4, 2, 3, 3)), pb.zeros(3)),
            r"the bias.*\(3,\).*\(4,\)",
        ),
        (
            lambda: F.conv2d(pb.zeros((2, 5, 5)), pb.zeros((3, 1, 3, 3)), groups=2),
            "3 filters do not fall into 2",
        ),
        (
            lambda: F.conv1d(pb.zeros((2, 5)), pb.zeros((3, 2, 3)), stride=0),
            "conv1d: stride is a whole number",
        ),
        (
            lambda: F.conv1d(pb.zeros((2, 5)), pb.zeros((3, 2, 3)), padding=-1),
            "conv1d: padding is a whole number",
        ),
        (lambda: F.conv1d(pb.zeros((2, 5)), pb.zeros((3, 2, 3)), padding=(1, 2)), "padding has one number"),
        (
            lambda: F.conv1d(pb.zeros((2, 5)), pb.zeros((3, 2, 3)), padding="full"),
            "'same', 'valid' or numbers",
        ),
        (
            lambda: F.conv1d(pb.zeros((2, 5)), pb.zeros((3, 2, 3)), padding="same", stride=2),
            "only with stride 1",
        ),
        (lambda: F.conv_transpose1d(pb.zeros((2, 5)), pb.zeros((3, 2, 3))), "2 channels.*is for 3"),
        (
            lambda: F.conv_transpose1d(pb.zeros((2, 5)), pb.zeros((2, 2, 3)), output_padding=1),
            "output_padding.*less than",
        ),
        (
            lambda: F.conv_transpose1d(pb.zeros((2, 1)), pb.zeros((2, 2, 3)), padding=3),
            "leave a result of size",
        ),
        (
            lambda: nn.ConvTranspose1d(2, 2, 3, stride=2)(pb.zeros((2, 4)), output_size=(11,)),
            r"from \(9,\) to \(10,\)",
        ),
        (lambda: nn.Conv2d(3, 4, 3, groups=2), "in_channels 3 do not fall into 2 groups"),
        (lambda: nn.Conv2d(3, 4, 3, padding_mode="mirror"), "padding_mode is one of zeros, reflect"),
        (lambda: nn.ConvTranspose2d(3, 4, 3, padding_mode="reflect"), "padding_mode is one of zeros, not"),
        (lambda: nn.Conv2d(0, 4, 3), "in_channels is a whole number"),
        (lambda: nn.Conv2d(3, 4, (3, 3, 3)), "kernel_size has one number, or 2"),
    ],
)
def test_refusals(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_dtypes_that_differ_are_refused_with_the_layer():
    model = nn.Sequential(nn.Conv2d(3, 4, 3))
    with pytest.raises(TypeError, match=r"conv2d: the input is float64 .*astype\('float32'\)") as caught:
        model(pb.zeros((1, 3, 5, 5), dtype="float64"))
    assert "in layer '0', Conv2d(3, 4" in caught.value.__notes__[0]


# borders


@pytest.mark.parametrize("mode", ["reflect", "replicate", "circular"])
def test_padding_modes_of_layers(mode):
    layer = nn.Conv2d(2, 3, 3, padding=(1, 2), padding_mode=mode, dtype="float64")
    plain = nn.Conv2d(2, 3, 3, dtype="float64")
    plain.load_state_dict(layer.state_dict())
    x = pb.tensor(RNG.normal(size=(2, 2, 5, 4)))
    np.testing.assert_array_equal(
        layer(x).detach().numpy(), plain(F.pad(x, (2, 2, 1, 1), mode=mode)).detach().numpy()
    )


def test_pad_counts_from_the_last_axis_and_cuts_off():
    x = pb.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
    assert F.pad(x, (1, -1, 0, 1), value=9).tolist() == [[9, 1, 2], [9, 4, 5], [9, 9, 9]]
    assert F.pad(x, (-1, -1), mode="circular").tolist() == [[2], [5]]
    assert F.pad(x, (2, -2), mode="reflect").tolist() == [[3, 2, 1], [6, 5, 4]]
    assert F.pad(x, (-3, 1), mode="replicate").tolist() == [[3], [6]]
    assert F.pad(x, (1, -3), value=9).tolist() == [[9], [9]]
    assert F.pad(x, (2, -1), mode="circular").tolist() == [[1, 2, 1, 2], [4, 5, 4, 5]]
    assert F.pad(x, (0, 0)) is x
    for widths, mode, message in [
        ((3, 0), "reflect", "at most 2"),
        ((4, 0), "circular", "at most 3"),
        ((3, -1), "circular", "at most 2"),
        ((-2, -2), "constant", "cuts off more"),
        ((1,), "constant", "pairs"),
        ((1,) * 6, "constant", "pairs"),
        ((1.5, 0), "constant", "whole number"),
        ((1, 0), "mirror", "mode is one of"),
    ]:
        with pytest.raises(ValueError, match=message):
            F.pad(x, widths, mode)
    with pytest.raises(ValueError, match="no meaning"):
        F.pad(x, (1, 1), "reflect", 2.0)


def test_padding_layers():
    x = pb.tensor([[[1.0, 2.0, 3.0]]])
    assert nn.ZeroPad1d(1)(x).tolist() == [[[0, 1, 2, 3, 0]]]
    assert nn.ConstantPad1d((2, 0), 7.0)(x).tolist() == [[[7, 7, 1, 2, 3]]]
    assert nn.ReflectionPad1d(2)(x).tolist() == [[[3, 2, 1, 2, 3, 2, 1]]]
    assert nn.ReplicationPad1d((0, 2))(x).tolist() == [[[1, 2, 3, 3, 3]]]
    assert nn.CircularPad1d((1, 1))(x).tolist() == [[[3, 1, 2, 3, 1]]]
    assert repr(nn.ConstantPad2d(1, 0.5)) == "ConstantPad2d(padding=(1, 1, 1, 1), value=0.5)"
    assert repr(nn.ReflectionPad3d((1, 2, 3, 4, 5, 6))) == "ReflectionPad3d((1, 2, 3, 4, 5, 6))"
    with pytest.raises(ValueError, match=r"ZeroPad2d: padding is one number, or 4"):
        nn.ZeroPad2d((1, 2))


def test_vmap_over_borders():
    x = pb.tensor(RNG.normal(size=(3, 2, 4)))
    rows = pb.vmap(lambda x: F.pad(x, (2, 1), mode="reflect"))(x)
    np.testing.assert_array_equal(rows.numpy(), np.pad(x.numpy(), ((0, 0), (0, 0), (2, 1)), "reflect"))


# folding


def test_unfold_and_fold_are_transposes():
    x, c = RNG.normal(size=(2, 3, 5, 6)), RNG.normal(size=(2, 12, 12))
    options = {"kernel_size": (2, 2), "dilation": (2, 1), "padding": (1, 0), "stride": (2, 1)}
    columns = F.unfold(x, **options).numpy()
    options_c = F.unfold(pb.ones((1, 1, 5, 6)), **options).shape
    c = RNG.normal(size=columns.shape)
    assert options_c[1:] == (4, columns.shape[2])
    back = F.fold(c, (5, 6), **options).numpy()
    np.testing.assert_allclose((columns * c).sum(), (back * x).sum())


def test_a_convolution_is_unfold_and_a_product():
    x, w = RNG.normal(size=(2, 3, 6, 5)), RNG.normal(size=(4, 3, 3, 2))
    product = w.reshape(4, -1) @ F.unfold(x, (3, 2), stride=2).numpy()
    np.testing.assert_allclose(product, F.conv2d(x, w, stride=2).numpy().reshape(2, 4, -1))


def test_folding_refuses_what_does_not_fit():
    with pytest.raises(ValueError, match=r"2 × 2 windows.*3 columns"):
        F.fold(pb.zeros((4, 3)), (3, 3), 2)
    with pytest.raises(ValueError, match="no multiple of the 4"):
        F.fold(pb.zeros((5, 4)), (3, 3), 2)
    with pytest.raises(ValueError, match="no window of size"):
        F.unfold(pb.zeros((1, 2, 2)), 3)
    assert repr(nn.Unfold(2)) == "Unfold(kernel_size=2, dilation=1, padding=0, stride=1)"
    assert repr(nn.Fold((3, 3), 2)).startswith("Fold(output_size=(3, 3), kernel_size=2")
