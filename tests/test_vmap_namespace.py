"""Every public function under vmap: equal to a loop over the examples, values and gradients, or refused for a reason.

Declared operations are run on their own samples. A function that is composed of operations has its calls in the
table `CALLS` below; one that is in none of the tables fails `test_every_public_function_is_looked_at`.
"""

import inspect
import itertools

import numpy as np
import pytest

import pullback as pb

F = pb.nn.functional
NAMESPACES = {"pb": pb, "linalg": pb.linalg, "fft": pb.fft, "special": pb.special, "F": F}
SIZE = 2


def integers(low, high, shape):
    return lambda rng: rng.integers(low, high, shape)


def ascending(n):
    return lambda rng: np.cumsum(rng.uniform(0.5, 1, n)) - n / 2


def distinct(*shape):
    return lambda rng: rng.permutation(int(np.prod(shape))).reshape(shape) + rng.uniform(0, 0.4, shape)


def with_nan(*shape):
    def make(rng):
        x = distinct(*shape)(rng)
        x.flat[rng.integers(0, x.size)] = np.nan
        return x

    return make


def positive(*shape):
    return lambda rng: rng.uniform(0.5, 2, shape)


# name: calls, each a function and what its arguments are made of: a shape for normal values, or a maker
CALLS = {
    "array_split": [(lambda x: pb.array_split(x, 2), (5, 2)), (lambda x: pb.array_split(x, [1], -1), (2, 3))],
    "asarray": [(lambda x: pb.asarray(x, dtype="float32"), (3,)), (lambda x: pb.asarray(x, copy=True), ())],
    "atleast_1d": [(pb.atleast_1d, ()), (pb.atleast_1d, (2,))],
    "atleast_2d": [(pb.atleast_2d, ()), (pb.atleast_2d, (2,)), (pb.atleast_2d, (1, 2))],
    "atleast_3d": [(pb.atleast_3d, ()), (pb.atleast_3d, (2,)), (pb.atleast_3d, (1, 2))],
    "average": [
        (pb.average, (2, 3)),
        (lambda x, w: pb.average(x, weights=w), (3,), positive(3)),
        (lambda x, w: pb.average(x, 0, w, keepdims=True), (2, 3), positive(2)),
    ],
    "broadcast_arrays": [(pb.broadcast_arrays, (2, 1), (3,))],
    "checkpoint": [(lambda x, w: pb.checkpoint(lambda x: pb.tanh(x @ w).sum(), x), (2, 3), (3,))],
    "column_stack": [(lambda *xs: pb.column_stack(xs), (2,), (2, 3))],
    "correlate": [(pb.correlate, (5,), (3,)), (lambda x, y: pb.correlate(x, y, "same"), (4,), (2,))],
    "cummax": [(lambda x: pb.cummax(x, 0), distinct(3, 2)), (pb.cummax, with_nan(4))],
    "cummin": [(lambda x: pb.cummin(x, -1), distinct(3, 2)), (pb.cummin, distinct(4))],
    "cumprod": [(pb.cumprod, (2, 3)), (lambda x: pb.cumprod(x, 0), (2, 3)), (pb.cumprod, ())],
    "cumsum": [(pb.cumsum, (2, 3)), (lambda x: pb.cumsum(x, -1), (2, 3)), (pb.cumsum, ())],
    "corrcoef": [(pb.corrcoef, (2, 4))],
    "cov": [(pb.cov, (2, 4)), (lambda x: pb.cov(x, correction=0, aweights=[0.3, 1.0, 2.0]), (3,))],
    "diag": [(pb.diag, (3,)), (lambda x: pb.diag(x, -1), (2,)), (lambda x: pb.diag(x, 1), (3, 3))],
    "diagonal": [(lambda x: pb.diagonal(x, 1), (3, 3)), (lambda x: pb.diagonal(x, 0, 0, 2), (2, 3, 2))],
    "diff": [
        (pb.diff, (4,)),
        (lambda x: pb.diff(x, axis=0, n=2, prepend=0.0), (3, 2)),
        (lambda x, y: pb.diff(x, append=y), (2, 3), (2, 1)),
    ],
    "dot": [(pb.dot, (2, 3), (3,)), (pb.dot, (3,), (2, 3, 4)), (pb.dot, (), (2,))],
    "dsplit": [(lambda x: pb.dsplit(x, 2), (1, 2, 4))],
    "dstack": [(lambda *xs: pb.dstack(xs), (2,), (2,))],
    "einsum": [
        (lambda x, y: pb.einsum("ij,jk->ik", x, y), (2, 3), (3, 4)),
        (lambda x, y: pb.einsum("...i,i", x, y), (2, 3), (3,)),
        (lambda x: pb.einsum("ii", x), (3, 3)),
        (lambda x, y, z: pb.einsum("i,ij,j->", x, y, z), (2,), (2, 3), (3,)),
    ],
    "empty_like": [(lambda x: pb.empty_like(x) * 0, (2, 3))],
    "fliplr": [(pb.fliplr, (2, 3))],
    "flipud": [(pb.flipud, (2, 3))],
    "full": [(lambda x: pb.full((2, 3), x), ())],
    "full_like": [(lambda x: pb.full_like(x, 2.0), (2, 3)), (pb.full_like, (3,), ())],
    "gather": [
        (lambda x, i: pb.gather(x, 0, i), (3, 2), integers(0, 3, (4, 2))),
        (lambda x, i: pb.gather(x, -1, i), (2, 3), integers(0, 3, (1, 2))),
    ],
    "hsplit": [(lambda x: pb.hsplit(x, 2), (4,)), (lambda x: pb.hsplit(x, 2), (3, 2))],
    "hstack": [(lambda *xs: pb.hstack(xs), (2,), (1,)), (lambda *xs: pb.hstack(xs), (2, 1), (2, 2))],
    "inner": [(pb.inner, (2, 3), (3,)), (pb.inner, (), (2,))],
    "interp": [
        (pb.interp, (2, 3), ascending(4), (4,)),
        (lambda x, xp, fp: pb.interp(x, xp, fp, left=x[0], right=7.0), (3,), ascending(4), (4,)),
        (pb.interp, (3,), (1,), (1,)),
    ],
    "kron": [(pb.kron, (2,), (3,)), (pb.kron, (2, 2), (3,))],
    "masked_fill": [(lambda x, y: pb.masked_fill(x, y > 0, 7.0), (3,), (3,))],
    "matrix_transpose": [(pb.matrix_transpose, (2, 3)), (pb.matrix_transpose, (4, 2, 3))],
    "median": [
        (pb.median, distinct(4)),
        (lambda x: pb.median(x, axis=0, keepdims=True), distinct(3, 2)),
        (pb.median, with_nan(3)),
    ],
    "meshgrid": [(pb.meshgrid, (2,), (3,)), (lambda x, y: pb.meshgrid(x, y, indexing="ij"), (2,), ())],
    "nanmax": [(pb.nanmax, with_nan(4)), (lambda x: pb.nanmax(x, 0, keepdims=True), with_nan(2, 3))],
    "nanmean": [(pb.nanmean, with_nan(4)), (lambda x: pb.nanmean(x, 0), with_nan(1, 3))],
    "nanmedian": [(pb.nanmedian, with_nan(4)), (lambda x: pb.nanmedian(x, 0), with_nan(1, 3))],
    "nanmin": [(pb.nanmin, with_nan(4)), (lambda x: pb.nanmin(x, -1), with_nan(2, 3))],
    "nanpercentile": [(lambda x: pb.nanpercentile(x, 30), with_nan(4))],
    "nanprod": [(pb.nanprod, with_nan(4)), (lambda x: pb.nanprod(x, (0, 1)), with_nan(2, 3))],
    "nanquantile": [(lambda x: pb.nanquantile(x, [0.3, 0.5], 0), with_nan(4, 2))],
    "nanstd": [(pb.nanstd, with_nan(4)), (lambda x: pb.nanstd(x, 0, correction=1), with_nan(3, 2))],
    "nansum": [(pb.nansum, with_nan(4)), (lambda x: pb.nansum(x, 0, keepdims=True), with_nan(2, 3))],
    "nanvar": [(pb.nanvar, with_nan(4)), (lambda x: pb.nanvar(x, 0, correction=1), with_nan(3, 2))],
    "norm": [
        (pb.norm, (2, 3)),
        (lambda x: pb.norm(x, 1, 0), (2, 3)),
        (lambda x: pb.norm(x, 2, keepdims=True), (2, 3)),
        (lambda x: pb.norm(x, "nuc", (0, 2)), (2, 2, 3)),
    ],
    "ones_like": [(pb.ones_like, (2,))],
    "outer": [(pb.outer, (2,), (3,)), (pb.outer, (2, 2), ())],
    "percentile": [
        (lambda x: pb.percentile(x, 30, axis=1), distinct(2, 4)),
        (lambda x, q: pb.percentile(x, pb.asarray(q).detach() * 9), distinct(4), positive()),
    ],
    "quantile": [
        (lambda x: pb.quantile(x, [[0.1], [0.7]]), distinct(2, 3)),
        (lambda x: pb.quantile(x, 0.3, (0, 1), keepdims=True), distinct(2, 3)),
        (lambda x, q: pb.quantile(x, pb.asarray(q).detach() / 2, 0), distinct(4, 2), positive(2)),
    ],
    "rot90": [
        (pb.rot90, (2, 3)),
        (lambda x: pb.rot90(x, 2, (0, 2)), (2, 1, 3)),
        (lambda x: pb.rot90(x, 4), (2, 2)),
    ],
    "scatter": [
        (lambda x, i, s: pb.scatter(x, 0, i, s), (3, 2), integers(0, 3, (2, 2)), (2, 3)),
        (lambda x, i: pb.scatter(x, -1, i, 7.0), (3,), integers(0, 3, (2,))),
    ],
    "scatter_add": [(lambda x, i, s: pb.scatter_add(x, 1, i, s), (2, 3), integers(0, 3, (2, 4)), (2, 4))],
    "split": [(lambda x: pb.split(x, 2), (4,)), (lambda x: pb.split(x, [1, 2], axis=1), (2, 3))],
    "tensordot": [
        (lambda x, y: pb.tensordot(x, y, axes=1), (2, 3), (3, 2)),
        (lambda x, y: pb.tensordot(x, y, axes=((0, -1), (1, 0))), (2, 3, 4), (4, 2)),
        (lambda x, y: pb.tensordot(x, y, axes=0), (2,), (3,)),
    ],
    "topk": [
        (lambda x: pb.topk(x, 2), distinct(4)),
        (lambda x: pb.topk(x, 1, axis=0, largest=False), distinct(3, 2)),
    ],
    "trapezoid": [
        (pb.trapezoid, (4,)),
        (lambda y, x: pb.trapezoid(y, x, axis=0), (3, 2), (3,)),
        (pb.trapezoid, (2, 3), (2, 3)),
    ],
    "unstack": [(pb.unstack, (2, 3)), (lambda x: pb.unstack(x, axis=-1), (2, 3))],
    "vsplit": [(lambda x: pb.vsplit(x, 2), (4, 2))],
    "vstack": [(lambda *xs: pb.vstack(xs), (2,), (1, 2))],
    "zeros_like": [(pb.zeros_like, (2,))],
    "linalg.matrix_norm": [
        *(
            (lambda x, o=o: pb.linalg.matrix_norm(x, ord=o), (2, 3))
            for o in ("fro", "nuc", 2, -2, 1, -1, np.inf, -np.inf)
        ),
        (lambda x: pb.linalg.matrix_norm(x, keepdims=True), (4, 2, 3)),
    ],
    "linalg.trace": [(pb.linalg.trace, (3, 3)), (lambda x: pb.linalg.trace(x, offset=1), (2, 3, 3))],
    **{
        f"fft.{f.__name__}": [(f, (4,)), (lambda x, f=f: f(x, n=3, axis=0, norm="ortho"), (4, 2))]
        for f in (pb.fft.fft, pb.fft.hfft, pb.fft.ifft, pb.fft.ihfft, pb.fft.irfft, pb.fft.rfft)
    },
}


def seeded(function, **options):
    """With the same random numbers for each example."""

    def call(*args):
        pb.manual_seed(5)
        return function(*args, **options)

    return call


signs = lambda *shape: lambda rng: rng.choice([-1.0, 1.0], shape)
steps = [3, 2]  # of the sequences of a batch, how many are still running
gates = lambda n: [(3, 2), (3, 2), (n * 2, 2), (n * 2, 2), (n * 2,), (n * 2,)]
layer = lambda n: [(5, 2), (3, 2), (n * 2, 2), (n * 2, 2), (n * 2,), (n * 2,)]


def heads(query, key, value, in_weight, in_bias, out_weight, out_bias):
    return F.multi_head_attention_forward(
        query, key, value, 4, 2, in_weight, in_bias, None, None, False, 0.0, out_weight, out_bias
    )


CALLS |= {
    "F.adaptive_avg_pool1d": [(lambda x: F.adaptive_avg_pool1d(x, 2), (2, 1, 5))],
    "F.adaptive_avg_pool2d": [(lambda x: F.adaptive_avg_pool2d(x, (2, 3)), (2, 4, 5))],
    "F.adaptive_avg_pool3d": [(lambda x: F.adaptive_avg_pool3d(x, 2), (1, 1, 3, 2, 4))],
    "F.adaptive_max_pool1d": [
        (lambda x: F.adaptive_max_pool1d(x, 2, return_indices=True), distinct(2, 1, 5))
    ],
    "F.adaptive_max_pool2d": [(lambda x: F.adaptive_max_pool2d(x, (2, 3)), distinct(2, 4, 5))],
    "F.adaptive_max_pool3d": [(lambda x: F.adaptive_max_pool3d(x, 2), distinct(1, 1, 3, 2, 4))],
    "F.alpha_dropout": [(seeded(F.alpha_dropout, training=True), (4,))],
    "F.avg_pool1d": [(lambda x: F.avg_pool1d(x, 2), (2, 1, 5))],
    "F.avg_pool2d": [(lambda x: F.avg_pool2d(x, 3, 1, padding=1, count_include_pad=False), (2, 4, 3))],
    "F.avg_pool3d": [(lambda x: F.avg_pool3d(x, 2, 1), (1, 1, 2, 3, 2))],
    "F.batch_norm": [
        (lambda x, w, b: F.batch_norm(x, None, None, w, b, training=True), (4, 2), (2,), (2,)),
        (lambda x, m, v: F.batch_norm(x, m, v), (3, 2, 2), (2,), positive(2)),
    ],
    "F.cdist": [(F.cdist, (3, 2), (4, 2)), (lambda x, y: F.cdist(x, y, 1.0), (2, 3, 2), (4, 2))],
    "F.channel_shuffle": [(lambda x: F.channel_shuffle(x, 2), (1, 4, 2))],
    "F.conv1d": [
        (F.conv1d, (2, 2, 5), (3, 2, 2), (3,)),
        (lambda x, w: F.conv1d(x, w, groups=2), (2, 5), (4, 1, 2)),
    ],
    "F.conv2d": [(lambda x, w: F.conv2d(x, w, stride=2, padding=1), (1, 2, 4, 3), (3, 2, 3, 2))],
    "F.conv3d": [(F.conv3d, (1, 1, 2, 3, 3), (2, 1, 2, 2, 2))],
    "F.conv_transpose1d": [(F.conv_transpose1d, (2, 2, 3), (2, 3, 2), (3,))],
    "F.conv_transpose2d": [(lambda x, w: F.conv_transpose2d(x, w, stride=2), (1, 2, 2, 3), (2, 1, 2, 2))],
    "F.conv_transpose3d": [(F.conv_transpose3d, (1, 1, 2, 2, 2), (1, 1, 2, 1, 2))],
    "F.cosine_embedding_loss": [(F.cosine_embedding_loss, (3, 2), (3, 2), signs(3))],
    "F.cosine_similarity": [
        (F.cosine_similarity, (3, 2), (3, 2)),
        (lambda x, y: F.cosine_similarity(x, y, 0), (3,), (3,)),
    ],
    "F.ctc_loss": [
        (lambda x: F.ctc_loss(pb.log_softmax(x), [[1, 2], [1, 1]], [4, 4], [2, 1]), (4, 2, 3)),
        (lambda x, y: F.ctc_loss(pb.log_softmax(x), y, [4, 3], [1, 2]), (4, 2, 3), integers(1, 3, (2, 2))),
        (
            lambda x, n: F.ctc_loss(pb.log_softmax(x), [1, 2], 4, n, reduction="none"),
            (4, 3),
            integers(2, 3, ()),
        ),
    ],
    "F.dropout": [(seeded(F.dropout), (4,))],
    "F.dropout1d": [(seeded(F.dropout1d), (2, 3, 2))],
    "F.dropout2d": [(seeded(F.dropout2d), (2, 3, 2, 1))],
    "F.dropout3d": [(seeded(F.dropout3d), (2, 3, 2, 1, 1))],
    "F.elastic_net_penalty": [(lambda *xs: F.elastic_net_penalty(xs), (3,), (2, 2))],
    "F.embedding": [
        (F.embedding, integers(0, 4, (2, 3)), (4, 2)),
        (
            lambda i, w: F.embedding(i, w, padding_idx=1, scale_grad_by_freq=True),
            integers(0, 4, (5,)),
            (4, 2),
        ),
    ],
    "F.embedding_bag": [
        (F.embedding_bag, integers(0, 4, (2, 3)), (4, 2)),
        (
            lambda i, w, s: F.embedding_bag(i, w, mode="sum", per_sample_weights=s),
            integers(0, 4, (2, 3)),
            (4, 2),
            (2, 3),
        ),
    ],
    "F.feature_alpha_dropout": [(seeded(F.feature_alpha_dropout, training=True), (2, 3, 2))],
    "F.fold": [(lambda x: F.fold(x, (3, 3), 2), (1, 4, 4))],
    "F.fractional_max_pool2d": [
        (seeded(F.fractional_max_pool2d, kernel_size=2, output_size=2), distinct(1, 1, 4, 5))
    ],
    "F.fractional_max_pool3d": [
        (seeded(F.fractional_max_pool3d, kernel_size=2, output_size=2), distinct(1, 1, 4, 4, 5))
    ],
    "F.glu": [(F.glu, (2, 4))],
    "F.group_norm": [(lambda x, w, b: F.group_norm(x, 2, w, b), (2, 4, 2), (4,), (4,))],
    "F.gru_cell": [(F.gru_cell, *gates(3))],
    "F.gru_layer": [(lambda *xs: F.gru_layer(*xs, batch_sizes=steps), *layer(3))],
    "F.hinge_embedding_loss": [(F.hinge_embedding_loss, (3,), signs(3))],
    "F.huber_loss": [(F.huber_loss, (2, 3), (2, 3)), (lambda x, y: F.huber_loss(x, y, "none"), (3,), (3,))],
    "F.instance_norm": [(lambda x, w: F.instance_norm(x, weight=w), (2, 3, 4), (3,))],
    "F.interpolate": [
        (lambda x: F.interpolate(x, scale_factor=2, mode="bilinear"), (1, 2, 2, 3)),
        (lambda x: F.interpolate(x, 5), (1, 2, 3)),
    ],
    "F.layer_norm": [(lambda x, w, b: F.layer_norm(x, (3,), w, b), (2, 3), (3,), (3,))],
    "F.linear": [(lambda x, w, b: F.linear(x, w, b, activation="relu"), (2, 3), (4, 3), (4,))],
    "F.lp_pool1d": [(lambda x: F.lp_pool1d(x, 2, 2), (1, 2, 5))],
    "F.lp_pool2d": [(lambda x: F.lp_pool2d(x, 3, 2), positive(1, 2, 4, 2))],
    "F.lp_pool3d": [(lambda x: F.lp_pool3d(x, 2, 2), (1, 1, 2, 2, 4))],
    "F.lstm_cell": [(lambda x, h, c, *w: F.lstm_cell(x, (h, c), *w), *gates(4)[:2], *gates(4)[1:])],
    "F.lstm_layer": [
        (lambda x, h, c, *w: F.lstm_layer(x, h, c, *w, batch_sizes=steps), *layer(4)[:2], *layer(4)[1:])
    ],
    "F.margin_ranking_loss": [(F.margin_ranking_loss, (3,), (3,), signs(3))],
    "F.max_pool1d": [(lambda x: F.max_pool1d(x, 2, return_indices=True), distinct(2, 1, 5))],
    "F.max_pool2d": [(lambda x: F.max_pool2d(x, 3, 2, padding=1), distinct(1, 2, 4, 3))],
    "F.max_pool3d": [(lambda x: F.max_pool3d(x, 2, 1), distinct(1, 1, 2, 3, 2))],
    "F.max_unpool1d": [
        (lambda x: F.max_unpool1d(*F.max_pool1d(x, 2, return_indices=True), 2), distinct(1, 2, 4))
    ],
    "F.max_unpool2d": [
        (lambda x: F.max_unpool2d(*F.max_pool2d(x, 2, return_indices=True), 2), distinct(1, 1, 4, 2))
    ],
    "F.max_unpool3d": [
        (lambda x: F.max_unpool3d(*F.max_pool3d(x, 2, return_indices=True), 2), distinct(1, 1, 2, 2, 4))
    ],
    "F.maxout": [(lambda x: F.maxout(x, 2), distinct(3, 4))],
    "F.multi_head_attention_forward": [
        (heads, (3, 1, 4), (2, 1, 4), (2, 1, 4), (12, 4), (12,), (4, 4), (4,))
    ],
    "F.multi_margin_loss": [(F.multi_margin_loss, (3, 4), integers(0, 4, (3,)))],
    "F.multilabel_soft_margin_loss": [
        (lambda x, y: F.multilabel_soft_margin_loss(x, y), (3, 2), positive(3, 2))
    ],
    "F.normalize": [(F.normalize, (2, 3)), (lambda x: F.normalize(x, 1.0, 0), (3,))],
    "F.pad": [(lambda x: F.pad(x, (1, 2)), (2, 3)), (lambda x: F.pad(x, (1, 0, 2, 1), "reflect"), (1, 3, 2))],
    "F.pairwise_distance": [(F.pairwise_distance, (3, 2), (3, 2))],
    "F.pdist": [(F.pdist, (4, 2))],
    "F.pixel_shuffle": [(lambda x: F.pixel_shuffle(x, 2), (1, 4, 2, 1))],
    "F.pixel_unshuffle": [(lambda x: F.pixel_unshuffle(x, 2), (1, 1, 2, 4))],
    "F.rms_norm": [(lambda x, w: F.rms_norm(x, (3,), w), (2, 3), (3,))],
    "F.rnn_layer": [(lambda *xs: F.rnn_layer(*xs, batch_sizes=steps), *layer(1))],
    "F.rnn_relu_cell": [(F.rnn_relu_cell, *gates(1))],
    "F.rnn_tanh_cell": [(F.rnn_tanh_cell, *gates(1))],
    "F.rrelu": [(seeded(F.rrelu, training=True), (4,))],
    "F.scaled_dot_product_attention": [
        (F.scaled_dot_product_attention, (3, 2), (4, 2), (4, 2)),
        (
            seeded(F.scaled_dot_product_attention, dropout_p=0.5, is_causal=True),
            (2, 3, 2),
            (2, 3, 2),
            (2, 3, 2),
        ),
    ],
    "F.log_softmax": [(F.log_softmax, (2, 3))],
    "F.softmax": [(F.softmax, (2, 3))],
    "F.softmin": [(F.softmin, (2, 3))],
    "F.stochastic_depth": [(seeded(F.stochastic_depth, p=0.5, mode="row"), (4, 2))],
    "F.triplet_margin_loss": [(F.triplet_margin_loss, (3, 2), (3, 2), (3, 2))],
    "F.triplet_margin_with_distance_loss": [(F.triplet_margin_with_distance_loss, (3, 2), (3, 2), (3, 2))],
    "F.unfold": [(lambda x: F.unfold(x, 2), (1, 2, 3, 3))],
}

# what reads values, or gives a shape that depends on them: refused, with the words that say so
REFUSED = {
    "allclose": (lambda x: pb.allclose(x, x), "cannot be read"),
    "argwhere": (pb.argwhere, "shapes that depend on the values"),
    "array_equal": (lambda x: pb.array_equal(x, x), "cannot be read"),
    "nonzero": (pb.nonzero, "shapes that depend on the values"),
    "tensor": (pb.tensor, "cannot be read"),
    "unique_all": (pb.unique_all, "shapes that depend on the values"),
    "unique_counts": (pb.unique_counts, "shapes that depend on the values"),
    "unique_inverse": (pb.unique_inverse, "shapes that depend on the values"),
    "unique_values": (pb.unique_values, "shapes that depend on the values"),
}

# no functions of tensors
OTHERS = {
    *("arange", "can_cast", "default_generator", "empty", "enable_grad", "eye", "finfo", "from_dlpack"),
    *(
        "get_default_dtype",
        "iinfo",
        "is_grad_enabled",
        "isdtype",
        "linspace",
        "load",
        "manual_seed",
        "no_grad",
    ),
    *(
        "ones",
        "rand",
        "randn",
        "result_type",
        "save",
        "set_default_dtype",
        "zeros",
        "fft.fftfreq",
        "fft.rfftfreq",
    ),
    # transforms and instruments, which tests of their own compose with vmap
    *(
        "detect_anomaly",
        "elementwise_grad",
        "grad",
        "gradcheck",
        "gradients",
        "hessian",
        "hvp",
        "jacobian",
        "jvp",
    ),
    *("once_differentiable", "profile", "record", "trace", "value_and_grad", "vjp", "vmap"),
}


def public():
    """Every public function, under the shortest name that it has."""
    found = {}
    for label, namespace in NAMESPACES.items():
        for name in namespace.__all__:
            value = getattr(namespace, name)
            known = any(value is other for other in found.values())
            if callable(value) and not inspect.isclass(value) and not name.startswith("_") and not known:
                found[name if label == "pb" else f"{label}.{name}"] = value
    return found


PUBLIC = public()
DECLARED = {name: f.op for name, f in PUBLIC.items() if hasattr(f, "op") and name not in REFUSED}


def test_every_public_function_is_looked_at():
    missing = PUBLIC.keys() - DECLARED.keys() - CALLS.keys() - REFUSED.keys() - OTHERS
    assert not missing, (
        f"{', '.join(sorted(missing))}: public functions that no table of {__name__} knows. Give each a call in CALLS "
        "(what it is run on under vmap), or list it in REFUSED or OTHERS"
    )
    unknown = (CALLS.keys() | REFUSED.keys() | OTHERS) - PUBLIC.keys()
    assert not unknown, f"{', '.join(sorted(unknown))}: in a table, and not public"


def made(item, rng):
    return item(rng) if callable(item) else rng.normal(size=item)


def parts(result):
    return list(result) if isinstance(result, (tuple, list)) else [result]


def stacked(results):
    return [pb.stack(group) for group in zip(*map(parts, results), strict=True)]


def close(found, expected):
    for x, y in zip(found, expected, strict=True):
        assert x.shape == y.shape
        assert x.dtype == y.dtype
        np.testing.assert_allclose(x.detach().numpy(), y.detach().numpy(), rtol=1e-9, atol=1e-12)


def ways(count):
    """Every choice of arguments that have a batch axis; of many arguments all, or one."""
    if count > 3:
        return [(0,) * count, *(tuple(0 if i == j else None for i in range(count)) for j in range(count))]
    return [way for way in itertools.product((0, None), repeat=count) if any(axis == 0 for axis in way)]


def one(arrays, way, i):
    return [pb.asarray(x[i] if axis == 0 else x) for x, axis in zip(arrays, way, strict=True)]


COMPOSED = [
    pytest.param(function, items, id=f"{name}-{i}")
    for name, calls in CALLS.items()
    for i, (function, *items) in enumerate(calls)
]


WAYS = [pytest.param(*p.values, way, id=f"{p.id}-{way}") for p in COMPOSED for way in ways(len(p.values[1]))]


def batches(items, way, rng):
    return [
        np.stack([made(item, rng) for _ in range(SIZE)]) if axis == 0 else made(item, rng)
        for item, axis in zip(items, way, strict=True)
    ]


@pytest.mark.parametrize(("function", "items", "way"), WAYS)
def test_composed_functions_against_a_loop(function, items, way, rng):
    arrays = batches(items, way, rng)
    found = parts(pb.vmap(function, in_axes=way)(*map(pb.asarray, arrays)))
    close(found, stacked([function(*one(arrays, way, i)) for i in range(SIZE)]))


def weighted(results, weights):
    """A real scalar that every floating element has a part in."""
    terms = [
        (w * (pb.real(y) - pb.imag(y) if y.dtype.kind == "c" else pb.nan_to_num(y))).sum()
        for w, y in zip(weights, results, strict=True)
        if y.dtype.kind in "fc"
    ]
    return sum(terms) if terms else None


@pytest.mark.parametrize(("function", "items", "way"), WAYS)
def test_gradients_of_composed_functions_against_a_loop(function, items, way, rng):
    arrays = batches(items, way, rng)
    wanted = tuple(i for i, x in enumerate(arrays) if x.dtype.kind == "f")
    results = parts(
        pb.vmap(function, way)(*[pb.tensor(x, requires_grad=i in wanted) for i, x in enumerate(arrays)])
    )
    if not any(y.requires_grad for y in results):
        return
    weights = [rng.normal(size=y.shape) for y in results]
    whole = lambda *xs: weighted(parts(pb.vmap(function, way)(*xs)), weights)
    looped = lambda *xs: weighted(stacked([function(*one(xs, way, i)) for i in range(SIZE)]), weights)
    expected = pb.grad(looped, wanted)(*arrays)
    close(pb.grad(whole, wanted)(*arrays), expected)
    batched = [i for i in wanted if way[i] == 0]
    if batched:
        single = lambda ws, *xs: weighted(parts(function(*xs)), ws)
        each = pb.grad(single, tuple(i + 1 for i in batched))
        close(
            pb.vmap(each, in_axes=(0, *way))(weights, *arrays), [expected[wanted.index(i)] for i in batched]
        )


@pytest.mark.parametrize(("function", "items"), COMPOSED)
def test_nested_vmap_of_composed_functions(function, items, rng):
    arrays = [
        np.stack([[made(item, rng) for _ in range(SIZE)] for _ in range(3)]) if callable(item)
        else rng.normal(size=(3, SIZE, *item))
        for item in items
    ]  # fmt: skip
    inner = ways(len(items))[len(items) - 1]  # one without an axis, where there are several
    flat = [x if axis == 0 else x[:, 0] for x, axis in zip(arrays, inner, strict=True)]
    found = parts(pb.vmap(pb.vmap(function, in_axes=inner))(*map(pb.asarray, flat)))
    rows = [[x[k] for x in flat] for k in range(3)]
    expected = stacked([stacked([function(*one(row, inner, i)) for i in range(SIZE)]) for row in rows])
    close(found, expected)


# inputs that are the same for all examples, since they decide about shapes
SHARED = {"repeat": 1}


@pytest.mark.parametrize("operation", [pytest.param(op, id=op.name) for op in DECLARED.values()])
def test_nested_vmap_of_operations(operation):
    groups = zip(*(operation.samples(np.random.default_rng(seed)) for seed in range(3 * SIZE)), strict=True)
    for group in groups:
        parameters = group[0].parameters
        lists = [list(s.inputs[0]) if operation.variadic else list(s.inputs) for s in group]
        at = [i for i, x in enumerate(lists[0]) if isinstance(x, np.ndarray)]
        at = [i for i in at if i != SHARED.get(operation.name)]
        if not at:
            continue

        def function(*xs, at=at, first=lists[0], parameters=parameters):
            inputs = list(first)
            for i, x in zip(at, xs, strict=True):
                inputs[i] = x
            return operation.call(*([inputs] if operation.variadic else inputs), **parameters)

        arrays = [np.stack([inputs[i] for inputs in lists]) for i in at]
        nested = [x.reshape((3, SIZE, *x.shape[1:])) for x in arrays]
        inner = [0] * len(at)
        if len(at) > 1:  # the last is batched outside only
            inner[-1] = None
            nested[-1] = nested[-1][:, 0]
            arrays[-1] = np.repeat(nested[-1], SIZE, axis=0)
        found = parts(pb.vmap(pb.vmap(function, in_axes=tuple(inner)))(*map(pb.asarray, nested)))
        expected = stacked([function(*map(pb.asarray, xs)) for xs in zip(*arrays, strict=True)])
        close(found, [pb.reshape(y, (3, SIZE, *y.shape[1:])) for y in expected])


@pytest.mark.parametrize(("function", "words"), REFUSED.values(), ids=REFUSED)
def test_what_reads_values_is_refused(function, words):
    x = np.array([[1.0, 2.0], [3.0, 4.0]])  # the shapes would even agree
    with pytest.raises(RuntimeError, match=words):
        pb.vmap(function)(x)
    with pytest.raises(RuntimeError, match=words):
        pb.vmap(lambda y: pb.vmap(function)(x) + y)(x)
