"""Right answers again, in other styles: plain pairs, staged steps, loops, views into memory, dicts of gradients."""

import numpy as np


def affine(x, w, b):
    return np.einsum("nd,dm->nm", x, w) + b[None]


def affine_backward(g, x, w):
    return np.einsum("nm,dm->nd", g, w), np.einsum("nd,nm->dm", x, g), np.ones(len(g), g.dtype) @ g


def sigmoid(x):
    return np.where(x > 0, 1 / (1 + np.exp(-np.abs(x))), np.exp(-np.abs(x)) / (1 + np.exp(-np.abs(x))))


def sigmoid_backward(g, x):
    s = sigmoid(x)
    return [g * s * (1 - s)]


def relu_forward(x):
    mask = x > 0
    return mask * x, mask


def relu_backward(dout, mask):
    return np.where(mask, dout, 0)


def softmax_forward(x):
    p = np.exp(x - np.max(x, axis=1, keepdims=True))
    p /= np.sum(p, axis=1, keepdims=True)
    return p, p


def softmax_backward(dout, p):
    dx = np.empty_like(p)
    for i in range(len(p)):
        jacobian = np.diag(p[i]) - np.outer(p[i], p[i])
        dx[i] = jacobian.T @ dout[i]
    return dx


def batchnorm_forward(x, gamma, beta, bn_param):
    n = len(x)
    mu = 1.0 / n * np.sum(x, axis=0)
    xmu = x - mu
    sq = xmu**2
    var = 1.0 / n * np.sum(sq, axis=0)
    sqrtvar = np.sqrt(var + bn_param["eps"])
    ivar = 1.0 / sqrtvar
    xhat = xmu * ivar
    return gamma * xhat + beta, (xhat, gamma, xmu, ivar, sqrtvar)


def batchnorm_backward(dout, cache):
    xhat, gamma, xmu, ivar, sqrtvar = cache
    n = len(dout)
    dbeta = np.sum(dout, axis=0)
    dgamma = np.sum(dout * xhat, axis=0)
    dxhat = dout * gamma
    divar = np.sum(dxhat * xmu, axis=0)
    dxmu1 = dxhat * ivar
    dsqrtvar = -1.0 / sqrtvar**2 * divar
    dvar = 0.5 / sqrtvar * dsqrtvar
    dsq = 1.0 / n * np.ones(dout.shape, dout.dtype) * dvar
    dxmu2 = 2 * xmu * dsq
    dx1 = dxmu1 + dxmu2
    dmu = -np.sum(dxmu1 + dxmu2, axis=0)
    return {"x": dx1 + 1.0 / n * np.ones(dout.shape, dout.dtype) * dmu, "gamma": dgamma, "beta": dbeta}


def layer_norm_forward(x, gamma, beta, ln_param):
    out, cache = batchnorm_forward(x.T, gamma[:, None], beta[:, None], ln_param)
    return out.T, cache


def layer_norm_backward(dout, cache):
    xhat, gamma = cache[0], cache[1]
    whole = batchnorm_backward(dout.T, cache)
    return whole["x"].T, np.sum(dout.T * xhat, axis=1), np.sum(dout, axis=0) + 0 * gamma[:, 0]


def softmax_loss(x, y):
    one_hot = np.eye(x.shape[1])[y]
    top = np.max(x, axis=1, keepdims=True)
    logs = x - top - np.log(np.sum(np.exp(x - top), axis=1, keepdims=True))
    return float(-np.sum(one_hot * logs) / len(x)), {"dx": (np.exp(logs) - one_hot) / len(x)}


def svm_loss(x, y):
    loss, dx = 0.0, np.zeros_like(x)
    for i, right in enumerate(y):
        for j in range(x.shape[1]):
            margin = x[i, j] - x[i, right] + 1
            if j != right and margin >= 0:  # at the margin itself any slope from 0 to 1 is right
                loss += margin
                dx[i, j] += 1
                dx[i, right] -= 1
    return loss / len(x), dx / len(x)


def windows(x, height, width, stride):
    return np.lib.stride_tricks.sliding_window_view(x, (height, width), axis=(2, 3))[:, :, ::stride, ::stride]


def conv_forward(x, w, b, conv_param):
    p = conv_param["pad"]
    padded = np.pad(x, [(0, 0), (0, 0), (p, p), (p, p)])
    columns = windows(padded, *w.shape[2:], conv_param["stride"])
    return np.einsum("nchwij,fcij->nfhw", columns, w) + b[:, None, None], (padded, w, conv_param)


def conv_backward(dout, cache):
    padded, w, conv_param = cache
    p, s = conv_param["pad"], conv_param["stride"]
    dw = np.einsum("nchwij,nfhw->fcij", windows(padded, *w.shape[2:], s), dout)
    dpadded = np.zeros_like(padded)
    for i in range(w.shape[2]):
        for j in range(w.shape[3]):
            rows = slice(i, i + s * dout.shape[2], s)
            columns = slice(j, j + s * dout.shape[3], s)
            dpadded[:, :, rows, columns] += np.einsum("nfhw,fc->nchw", dout, w[:, :, i, j])
    inside = slice(p, -p or None)
    return dpadded[:, :, inside, inside], dw, dout.sum(axis=(0, 2, 3))


def max_pool_forward(x, pool_param):
    w = windows(x, pool_param["pool_height"], pool_param["pool_width"], pool_param["stride"])
    return w.max(axis=(4, 5)), (x, pool_param)


def max_pool_backward(dout, cache):
    """Shares the gradient where several are the largest."""
    x, pool_param = cache
    height, width, s = (pool_param[k] for k in ("pool_height", "pool_width", "stride"))
    dx = np.zeros_like(x)
    for i in range(dout.shape[2]):
        for j in range(dout.shape[3]):
            rows, columns = slice(i * s, i * s + height), slice(j * s, j * s + width)
            window = x[:, :, rows, columns]
            top = (window == window.max(axis=(2, 3), keepdims=True)).astype(x.dtype)
            dx[:, :, rows, columns] += (
                dout[:, :, i : i + 1, j : j + 1] * top / top.sum(axis=(2, 3), keepdims=True)
            )
    return dx


def dropout(x, mask):
    return np.multiply(x, mask)


def dropout_backward(g, mask):
    return (g * mask,)


def embedding_forward(x, W):
    return W[x], (x, W.shape)


def embedding_backward(dout, cache):
    x, shape = cache
    one_hot = np.eye(shape[0], dtype=dout.dtype)[x.reshape(-1)]
    return one_hot.T @ dout.reshape(-1, shape[1])


def rnn_step(x, prev_h, Wx, Wh, b):
    return np.tanh(np.concatenate([x, prev_h], axis=1) @ np.concatenate([Wx, Wh]) + b)


def rnn_step_backward(g, x, prev_h, Wx, Wh, b):
    both, weights = np.concatenate([x, prev_h], axis=1), np.concatenate([Wx, Wh])
    da = g / np.cosh(both @ weights + b) ** 2
    dboth, dweights = da @ weights.T, both.T @ da
    k = x.shape[1]
    return dboth[:, :k], dboth[:, k:], dweights[:k], dweights[k:], np.sum(da, 0)


def attention(q, k, v):
    scores = np.einsum("ntd,nsd->nts", q, k) / q.shape[-1] ** 0.5
    p = np.exp(scores - scores.max(-1, keepdims=True))
    return np.einsum("nts,nsm->ntm", p / p.sum(-1, keepdims=True), v)


def attention_backward(g, q, k, v):
    scale = q.shape[-1] ** -0.5
    scores = np.einsum("ntd,nsd->nts", q, k) * scale
    p = np.exp(scores - scores.max(-1, keepdims=True))
    p /= p.sum(-1, keepdims=True)
    dp = np.einsum("ntm,nsm->nts", g, v)
    ds = p * (dp - np.einsum("nts,nts->nt", dp, p)[..., None]) * scale
    return np.einsum("nts,nsd->ntd", ds, k), np.einsum("nts,ntd->nsd", ds, q), np.einsum("nts,ntm->nsm", p, g)
