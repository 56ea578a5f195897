"""The published formulas once more, in plain loops and double precision."""

import math

import numpy as np


def rows_of(x):
    """A sample's features as positions x channels."""
    return x.reshape(-1, x.shape[-1])


def mse(s, t):
    return [
        sum((a - b) ** 2 for a, b in zip(u.flat, v.flat, strict=True)) / u.size
        for u, v in zip(s, t, strict=True)
    ]


def cosine(s, t):
    found = []
    for u, v in zip(s, t, strict=True):
        terms = [
            1 - (a @ b) / math.sqrt((a @ a) * (b @ b))
            for a, b in zip(rows_of(u), rows_of(v), strict=True)
        ]
        found.append(sum(terms) / len(terms))
    return found


def attention(s, t):
    def energies(x):
        q = np.array([sum(c * c for c in p) / len(p) for p in rows_of(x)])
        return q / math.sqrt(sum(q * q))

    found = []
    for u, v in zip(s, t, strict=True):
        a, b = energies(u), energies(v)
        found.append(
            sum((x - y) ** 2 for x, y in zip(a, b, strict=True)) / len(a)
        )
    return found


def gram(s, t):
    def matrix(x):
        rows = rows_of(x)
        size = rows.shape[1]
        return [
            [
                sum(rows[p, i] * rows[p, j] for p in range(len(rows)))
                / len(rows)
                for j in range(size)
            ]
            for i in range(size)
        ]

    return [
        np.mean((np.array(matrix(u)) - np.array(matrix(v))) ** 2)
        for u, v in zip(s, t, strict=True)
    ]


def nst(s, t):
    def units(x):
        columns = rows_of(x).T
        return [c / math.sqrt(sum(c * c)) for c in columns]

    def mean_kernel(a, b):
        values = [(x @ y) ** 2 for x in a for y in b]
        return sum(values) / len(values)

    found = []
    for u, v in zip(s, t, strict=True):
        a, b = units(u), units(v)
        found.append(
            mean_kernel(a, a) + mean_kernel(b, b) - 2 * mean_kernel(a, b)
        )
    return found


def softmax(z):
    e = [math.exp(v - max(z)) for v in z]
    return [v / sum(e) for v in e]


def kl_of(p, q):
    return sum(a * math.log(a / b) for a, b in zip(p, q, strict=True))


def kl(s, t, temperature=4.0):
    return [
        temperature**2
        * kl_of(softmax(u / temperature), softmax(v / temperature))
        for u, v in zip(s, t, strict=True)
    ]


def dkd(s, t, labels=None, alpha=1.0, beta=8.0, temperature=4.0):
    found = []
    for i, (u, v) in enumerate(zip(s, t, strict=True)):
        c = int(np.argmax(u)) if labels is None else labels[i]
        p, q = softmax(u / temperature), softmax(v / temperature)
        sure = kl_of([p[c], 1 - p[c]], [q[c], 1 - q[c]])
        rest = kl_of(
            softmax(np.delete(u, c) / temperature),
            softmax(np.delete(v, c) / temperature),
        )
        found.append(temperature**2 * (alpha * sure + beta * rest))
    return found


def flat(x):
    return x.reshape(len(x), -1)


def similarity(s, t):
    def matrix(x):
        x = flat(x)
        g = np.array([[a @ b for b in x] for a in x])
        return [row / math.sqrt(sum(row * row)) for row in g]

    a, b = matrix(s), matrix(t)
    total = sum(sum((u - v) ** 2) for u, v in zip(a, b, strict=True))
    return total / len(s) ** 2


def huber(e):
    return 0.5 * e * e if abs(e) < 1 else abs(e) - 0.5


def rkd_distance(s, t):
    def matrix(x):
        x = flat(x)
        d = [[math.sqrt(sum((a - b) ** 2)) for b in x] for a in x]
        positive = [v for row in d for v in row if v > 0]
        mean = sum(positive) / len(positive)
        return [[v / mean for v in row] for row in d]

    a, b = matrix(s), matrix(t)
    n = len(s)
    return sum(
        huber(a[i][j] - b[i][j]) for i in range(n) for j in range(n)
    ) / n**2  # fmt: skip


def rkd_angle(s, t):
    def cosine_at(x, i, j, k):
        a, b = x[j] - x[i], x[k] - x[i]
        size = math.sqrt(a @ a) * math.sqrt(b @ b)
        return (a @ b) / size if size else 0.0

    s, t, n = flat(s), flat(t), len(s)
    return sum(
        huber(cosine_at(s, i, j, k) - cosine_at(t, i, j, k))
        for i in range(n) for j in range(n) for k in range(n)
    ) / n**3  # fmt: skip


def cka(s, t):
    x = flat(s) - flat(s).mean(axis=0)
    y = flat(t) - flat(t).mean(axis=0)
    norm = np.linalg.norm
    return 1 - norm(y.T @ x) ** 2 / (norm(x.T @ x) * norm(y.T @ y))


def averaged(x):
    return np.array([rows_of(u).mean(axis=0) for u in x])


def bandwidth_of(s, t):
    every = [*averaged(s), *averaged(t)]
    distances = [sum((a - b) ** 2) for a in every for b in every]
    return sum(distances) / (len(every) ** 2 - len(every))


def mmd(s, t, bandwidth=None):
    bandwidth = bandwidth or bandwidth_of(s, t)
    s, t = averaged(s), averaged(t)

    def mean_kernel(a, b):
        values = [
            sum(
                math.exp(-sum((x - y) ** 2) / (bandwidth * 2.0**i))
                for i in range(-2, 3)
            )
            for x in a
            for y in b
        ]
        return sum(values) / len(values)

    return mean_kernel(s, s) + mean_kernel(t, t) - 2 * mean_kernel(s, t)


def coral(s, t):
    s, t = averaged(s), averaged(t)
    a, b = np.cov(s, rowvar=False), np.cov(t, rowvar=False)
    channels = s.shape[1]
    return ((a - b) ** 2).sum() / (4 * channels**2)
