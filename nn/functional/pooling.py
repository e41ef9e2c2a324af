"""Pooling over one, two and three axes, with PyTorch's names; the operations are those of `pool.py`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ...autograd import Tensor, asarray
from .axis_map import AxisMap, average_map, region_map, region_maximum_map, window_map
from .check import check_axes, check_floating, whole, whole_per_axis
from .pool import avg_pool, max_pool, max_pool_indices

PerAxis = int | tuple[int, ...]
Sizes = tuple[int, ...]
WithIndices = tuple[Tensor, Tensor]

LAYOUTS = {
    1: ("(C, L)", "(N, C, L)"),
    2: ("(C, H, W)", "(N, C, H, W)"),
    3: ("(C, D, H, W)", "(N, C, D, H, W)"),
}


def images(where: str, input: Any, axes: int) -> Tensor:
    """The input as a tensor, checked: floating, with channels and perhaps a batch in front of its last axes."""
    tensor = asarray(input)
    check_floating(where, "the input", tensor)
    check_axes(where, tensor, LAYOUTS[axes])
    if 0 in tensor.shape[tensor.ndim - axes :]:
        raise ValueError(f"{where}: input of shape {tensor.shape} has nothing to pool")
    return tensor


def windows(
    where: str,
    input: Tensor,
    axes: int,
    kernel_size: PerAxis,
    stride: PerAxis | None,
    padding: PerAxis,
    dilation: PerAxis = 1,
) -> list[tuple[int, int, int, int, int]]:
    """Size, kernel, step, border and spacing for each axis, checked."""
    kernel = whole_per_axis(f"{where}: kernel_size", kernel_size, axes)
    step = kernel if stride is None else whole_per_axis(f"{where}: stride", stride, axes)
    border = whole_per_axis(f"{where}: padding", padding, axes, 0)
    space = whole_per_axis(f"{where}: dilation", dilation, axes)
    if any(p > k // 2 for k, p in zip(kernel, border, strict=True)):
        raise ValueError(
            f"{where}: padding {border} is more than half of a window of size {kernel}, so that windows would lie in "
            "the border alone"
        )
    return list(zip(input.shape[input.ndim - axes :], kernel, step, border, space, strict=True))


def _maxima(
    where: str, input: Any, axes: int, settings: tuple[Any, ...], ceil_mode: bool, return_indices: bool
) -> Tensor | WithIndices:
    x = images(where, input, axes)
    each = windows(where, x, axes, *settings)
    maps = tuple(window_map(*numbers, bool(ceil_mode)) for numbers in each)
    _check_places(where, x, maps, each)
    return _with_indices(x, maps, return_indices)


def _with_indices(x: Tensor, maps: tuple[AxisMap, ...], return_indices: bool) -> Tensor | WithIndices:
    largest = max_pool(x, maps=maps)
    return (largest, max_pool_indices(x.detach(), maps=maps)) if return_indices else largest


def _averages(
    where: str,
    input: Any,
    axes: int,
    settings: tuple[Any, ...],
    ceil_mode: bool,
    count_include_pad: bool,
    divisor_override: float | None = None,
) -> Tensor:
    x = images(where, input, axes)
    if divisor_override is not None and not divisor_override:
        raise ValueError(f"{where}: divisor_override is a number other than 0, or None")
    each = windows(where, x, axes, *settings)
    maps = []
    for i, (size, kernel, step, border, _) in enumerate(each):
        divisor = None if divisor_override is None else divisor_override if i == 0 else 1
        maps.append(
            average_map(size, kernel, step, border, bool(ceil_mode), bool(count_include_pad), divisor)
        )
    _check_places(where, x, tuple(maps), each)
    return avg_pool(x, maps=tuple(maps))


def _check_places(where: str, x: Tensor, maps: tuple[AxisMap, ...], each: Sequence[tuple[int, ...]]) -> None:
    if min(one.places for one in maps) < 1:
        kernel, border = tuple(numbers[1] for numbers in each), tuple(numbers[3] for numbers in each)
        raise ValueError(
            f"{where}: a window of size {kernel} does not fit into input of shape {x.shape} with padding {border}"
        )
    if not all(one.reads_everywhere for one in maps):
        raise ValueError(
            f"{where}: the dilation {tuple(numbers[4] for numbers in each)} lets windows miss all of input of shape "
            f"{x.shape}"
        )


def _regions(where: str, input: Any, output_size: Any, axes: int) -> tuple[Tensor, list[tuple[int, int]]]:
    """The input, and its size and the wanted one for each axis; None stands for the input's."""
    x = images(where, input, axes)
    wanted = output_size if isinstance(output_size, (tuple, list)) else (output_size,) * axes
    if len(wanted) != axes:
        raise ValueError(
            f"{where}: output_size is one number or {axes}, or None for the input's, not {output_size!r}"
        )
    sizes = x.shape[x.ndim - axes :]
    return x, [
        (n, n if m is None else whole(f"{where}: output_size", m)) for n, m in zip(sizes, wanted, strict=True)
    ]


def max_pool1d(
    input: Any,
    kernel_size: PerAxis,
    stride: PerAxis | None = None,
    padding: PerAxis = 0,
    dilation: PerAxis = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Tensor | WithIndices:
    """The largest element of every window of sequences, (N, C, L) or (C, L); see `max_pool2d`.

    >>> import pullback as pb
    >>> from pullback.nn import functional as F
    >>> F.max_pool1d(pb.tensor([[1.0, 3.0, 2.0, 0.0]]), 2, stride=1)
    tensor([[3., 3., 2.]], dtype=float32)
    """
    settings = (kernel_size, stride, padding, dilation)
    return _maxima("max_pool1d", input, 1, settings, ceil_mode, return_indices)


def max_pool2d(
    input: Any,
    kernel_size: PerAxis,
    stride: PerAxis | None = None,
    padding: PerAxis = 0,
    dilation: PerAxis = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Tensor | WithIndices:
    """The largest element of every window.

    All of a window's gradient goes to its largest element, the first one if several are equal. A nan counts as the
    largest. See https://cs231n.github.io/convolutional-networks/#pool.

    Args:
        input: images of shape (N, C, H, W) or (C, H, W), floating.
        kernel_size: of a window, one number or one for each axis; so are the following.
        stride: the step of the windows; the kernel size if not given.
        padding: how far windows reach over the edge, where nothing is; at most half a window.
        dilation: the spacing of a window's elements.
        ceil_mode: also let the last window reach over the end, if it begins before it.
        return_indices: return where the largest elements lie, too, as `max_unpool2d` takes it.

    Returns:
        A tensor of shape (N, C, H', W'), H' = ⌊(H + 2·padding − dilation·(K − 1) − 1)/stride⌋ + 1 (⌈⌉ with
        ceil_mode), or without N; with `return_indices`, a pair of it and the indices, which count the elements of a
        channel row by row.

    Raises:
        ValueError: for shapes and settings that do not fit.

    >>> import pullback as pb
    >>> from pullback.nn import functional as F
    >>> F.max_pool2d(pb.tensor([[[1.0, 3.0, 2.0, 0.0], [0.0, 2.0, 5.0, 1.0]]]), 2)
    tensor([[[3., 5.]]], dtype=float32)
    """
    settings = (kernel_size, stride, padding, dilation)
    return _maxima("max_pool2d", input, 2, settings, ceil_mode, return_indices)


def max_pool3d(
    input: Any,
    kernel_size: PerAxis,
    stride: PerAxis | None = None,
    padding: PerAxis = 0,
    dilation: PerAxis = 1,
    ceil_mode: bool = False,
    return_indices: bool = False,
) -> Tensor | WithIndices:
    """The largest element of every window of volumes, (N, C, D, H, W) or (C, D, H, W); see `max_pool2d`.

    >>> import pullback as pb
    >>> from pullback.nn import functional as F
    >>> F.max_pool3d(pb.ones((1, 4, 4, 4)), (1, 2, 2)).shape
    (1, 4, 2, 2)
    """
    settings = (kernel_size, stride, padding, dilation)
    return _maxima("max_pool3d", input, 3, settings, ceil_mode, return_indices)


def avg_pool1d(
    input: Any,
    kernel_size: PerAxis,
    stride: PerAxis | None = None,
    padding: PerAxis = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
) -> Tensor:
    """The average of every window of sequences, (N, C, L) or (C, L); see `avg_pool2d`.

    >>> import pullback as pb
    >>> from pullback.nn import functional as F
    >>> F.avg_pool1d(pb.tensor([[1.0, 3.0, 2.0]]), 2, stride=1)
    tensor([[2. , 2.5]], dtype=float32)
    """
    settings = (kernel_size, stride, padding)
    return _averages("avg_pool1d", input, 1, settings, ceil_mode, count_include_pad)


def avg_pool2d(
    input: Any,
    kernel_size: PerAxis,
    stride: PerAxis | None = None,
    padding: PerAxis = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: float | None = None,
) -> Tensor:
    """The average of every window.

    Args:
        input: images of shape (N, C, H, W) or (C, H, W), floating.
        kernel_size: of a window, one number or one for each axis; so are the following.
        stride: the step of the windows; the kernel size if not given.
        padding: how many zeros on each side; at most half a window.
        ceil_mode: also let the last window reach over the end, if it begins before it.
        count_include_pad: whether the zeros of the border count as elements.
        divisor_override: divide the sums by this instead of the number of elements.

    Returns:
        A tensor of shape (N, C, H', W'), sizes as for `max_pool2d`; or without N.

    Raises:
        ValueError: for shapes and settings that do not fit.

    >>> import pullback as pb
    >>> from pullback.nn import functional as F
    >>> F.avg_pool2d(pb.tensor([[[1.0, 3.0, 2.0, 0.0], [0.0, 2.0, 5.0, 1.0]]]), 2)
    tensor([[[1.5, 2. ]]], dtype=float32)
    """
    settings = (kernel_size, stride, padding)
    return _averages("avg_pool2d", input, 2, settings, ceil_mode, count_include_pad, divisor_override)


def avg_pool3d(
    input: Any,
    kernel_size: PerAxis,
    stride: PerAxis | None = None,
    padding: PerAxis = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: float | None = None,
) -> Tensor:
    """The average of every window of volumes, (N, C, D, H, W) or (C, D, H, W); see `avg_pool2d`.

    >>> import pullback as pb
    >>> from pullback.nn import functional as F
    >>> F.avg_pool3d(pb.ones((1, 2, 2, 2)), 2).tolist()
    [[[[1.0]]]]
    """
    settings = (kernel_size, stride, padding)
    return _averages("avg_pool3d", input, 3, settings, ceil_mode, count_include_pad, divisor_override)


def adaptive_max_pool1d(input: Any, output_size: Any, return_indices: bool = False) -> Tensor | WithIndices:
    """The largest element of every region of sequences, (N, C, L) or (C, L); see `adaptive_max_pool2d`.

    >>> import pullback as pb
    >>> from pullback.nn import functional as F
    >>> F.adaptive_max_pool1d(pb.tensor([[1.0, 3.0, 2.0]]), 2)
    tensor([[3., 3.]], dtype=float32)
    """
    x, sizes = _regions("adaptive_max_pool1d", input, output_size, 1)
    return _with_indices(x, tuple(region_maximum_map(*pair) for pair in sizes), return_indices)


def adaptive_max_pool2d(input: Any, output_size: Any, return_indices: bool = False) -> Tensor | WithIndices:
    """The largest element of every region, for a result of a given size.

    Along an axis of n elements, place i of m takes from ⌊i·n/m⌋ to ⌈(i + 1)·n/m⌉. With `output_size` 1 it is global
    pooling.

    Args:
        input: images of shape (N, C, H, W) or (C, H, W), floating.
        output_size: (H', W'), or one number for both; None for an axis keeps its size.
        return_indices: return where the largest elements lie, too.

    Raises:
        ValueError: for shapes and sizes that do not fit.

    >>> import pullback as pb
    >>> from pullback.nn import functional as F
    >>> F.adaptive_max_pool2d(pb.tensor([[[1.0, 3.0, 2.0], [0.0, 2.0, 5.0]]]), 1).tolist()
    [[[5.0]]]
    """
    x, sizes = _regions("adaptive_max_pool2d", input, output_size, 2)
    return _with_indices(x, tuple(region_maximum_map(*pair) for pair in sizes), return_indices)


def adaptive_max_pool3d(input: Any, output_size: Any, return_indices: bool = False) -> Tensor | WithIndices:
    """The largest element of every region of volumes, (N, C, D, H, W) or (C, D, H, W); see `adaptive_max_pool2d`.

    >>> import pullback as pb
    >>> from pullback.nn import functional as F
    >>> F.adaptive_max_pool3d(pb.ones((1, 4, 5, 6)), (2, None, 1)).shape
    (1, 2, 5, 1)
    """
    x, sizes = _regions("adaptive_max_pool3d", input, output_size, 3)
    return _with_indices(x, tuple(region_maximum_map(*pair) for pair in sizes), return_indices)


def adaptive_avg_pool1d(input: Any, output_size: Any) -> Tensor:
    """The average of every region of sequences, (N, C, L) or (C, L); see `adaptive_avg_pool2d`.

    >>> import pullback as pb
    >>> from pullback.nn import functional as F
    >>> F.adaptive_avg_pool1d(pb.tensor([[1.0, 3.0, 2.0]]), 2)
    tensor([[2. , 2.5]], dtype=float32)
    """
    x, sizes = _regions("adaptive_avg_pool1d", input, output_size, 1)
    return avg_pool(x, maps=tuple(region_map(*pair) for pair in sizes))


def adaptive_avg_pool2d(input: Any, output_size: Any) -> Tensor:
    """The average of every region, for a result of a given size.

    The regions are those of `adaptive_max_pool2d`. With `output_size` 1 it is global average pooling. Lin, Chen and
    Yan, "Network in network", 2013.

    Args:
        input: images of shape (N, C, H, W) or (C, H, W), floating.
        output_size: (H', W'), or one number for both; None for an axis keeps its size.

    Raises:
        ValueError: for shapes and sizes that do not fit.

    >>> import pullback as pb
    >>> from pullback.nn import functional as F
    >>> F.adaptive_avg_pool2d(pb.tensor([[[1.0, 3.0, 2.0], [0.0, 2.0, 4.0]]]), 1).tolist()
    [[[2.0]]]
    """
    x, sizes = _regions("adaptive_avg_pool2d", input, output_size, 2)
    return avg_pool(x, maps=tuple(region_map(*pair) for pair in sizes))


def adaptive_avg_pool3d(input: Any, output_size: Any) -> Tensor:
    """The average of every region of volumes, (N, C, D, H, W) or (C, D, H, W); see `adaptive_avg_pool2d`.

    >>> import pullback as pb
    >>> from pullback.nn import functional as F
    >>> F.adaptive_avg_pool3d(pb.ones((1, 4, 5, 6)), (2, None, 1)).shape
    (1, 2, 5, 1)
    """
    x, sizes = _regions("adaptive_avg_pool3d", input, output_size, 3)
    return avg_pool(x, maps=tuple(region_map(*pair) for pair in sizes))
