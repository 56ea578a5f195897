"""`log_me` against the published algorithm, written as it is published.

    python benchmarks/log_me_is_fast.py [--samples 5000] [--dimensions 1280]

You et al. 2021, algorithm 1: one singular value decomposition, then for each
class the fixed point of alpha and beta with the posterior mean of all
dimensions. Both sides alternate in one process; prints the seconds, the median
ratio with its 95 % interval and the largest difference of the two values.
"""

import argparse

import numpy as np
from paired import line, machine, paired

from keras_transfer.transferability import log_me


def published(features, labels):
    """Algorithm 1 of the paper, class by class."""
    n, d = features.shape
    _, values, directions = np.linalg.svd(features, full_matrices=True)
    squares = np.zeros(d)
    squares[: len(values)] = values**2
    found = []
    for label in np.unique(labels):
        y = (labels == label).astype("float64")
        alpha = beta = 1.0
        for _ in range(100):
            spread = alpha + beta * squares
            mean = (
                beta * directions.T @ ((directions @ (features.T @ y)) / spread)
            )
            gamma = (beta * squares / spread).sum()
            ratio = alpha / beta
            error = ((features @ mean - y) ** 2).sum()
            alpha, beta = gamma / (mean @ mean), (n - gamma) / error
            if abs(alpha / beta - ratio) <= 1e-5 * ratio:
                break
        evidence = (
            d / 2 * np.log(alpha)
            + n / 2 * np.log(beta)
            - n / 2 * np.log(2 * np.pi)
            - np.log(alpha + beta * squares).sum() / 2
            - beta / 2 * error
            - alpha / 2 * mean @ mean
        )
        found.append(evidence / n)
    return float(np.mean(found))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--samples", type=int, default=5000)
    parser.add_argument("--dimensions", type=int, default=1280)
    parser.add_argument("--pairs", type=int, default=5)
    given = parser.parse_args()
    random = np.random.default_rng(0)
    for num_classes in (10, 100):
        labels = np.arange(given.samples) % num_classes
        centres = random.normal(size=(num_classes, given.dimensions))
        noise = random.normal(size=(given.samples, given.dimensions))
        # Rectified, as pooled features of a network are.
        features = np.maximum(0.3 * centres[labels] + noise, 0.0)
        result = paired(
            lambda f=features, y=labels: log_me(f, y),
            lambda f=features, y=labels: published(f, y),
            pairs=given.pairs,
            warm_up=1,
        )
        print(line(f"{num_classes} classes", result))
        difference = log_me(features, labels) - published(features, labels)
        print(f"  difference of the values {difference:.1e}")
    print(machine())


if __name__ == "__main__":
    main()
