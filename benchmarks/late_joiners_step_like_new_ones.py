"""A block that joins late takes steps of the size of a new optimizer's.

    KERAS_BACKEND=torch python benchmarks/late_joiners_step_like_new_ones.py

One variable of three joins at step 1000, all with random gradients. Printed are
its first eight steps over those of a new optimizer on the same gradients, with
`LayerwiseOptimizer(correct_late_joiners=...)` off and on: the table of
`docs/schedules.md`. 1 is the goal. Takes a minute.
"""

import argparse
from types import SimpleNamespace

import keras
import numpy as np

import keras_transfer as kt

OPTIMIZERS = ("Adam", "Adamax", "Nadam")
NUM_STEPS = 8


def gradients(number, count):
    rng = np.random.default_rng(number)
    every = [rng.normal(size=(2, 2)).astype("float32") for _ in range(3)]
    return [keras.ops.convert_to_tensor(g) for g in every[-count:]]


def variables():
    return [keras.Variable(np.full((2, 2), 1.0 + i)) for i in range(3)]


def layerwise(inner, known, correct):
    optimizer = kt.LayerwiseOptimizer(inner, correct_late_joiners=correct)
    block = SimpleNamespace(
        name="all", layers=[SimpleNamespace(variables=known)]
    )
    optimizer._know_blocks([block], [], known)
    optimizer.build(known)
    return optimizer


def step(optimizer, known, number):
    """One step; returns the mean size of the first variable's."""
    before = keras.ops.convert_to_numpy(known[0]).copy()
    optimizer.apply(gradients(number, len(known)), known)
    return np.abs(keras.ops.convert_to_numpy(known[0]) - before).mean()


def ratios(name, correct, joins_at):
    make = getattr(keras.optimizers, name)
    known, fresh = variables(), variables()
    late = layerwise(make(0.01), known, correct)
    late.follow(known[1:])
    for number in range(joins_at):
        step(late, known[1:], number)
    late.follow(known)
    new = make(0.01)
    new.build(fresh)
    numbers = range(joins_at, joins_at + NUM_STEPS)
    return [step(late, known, n) / step(new, fresh, n) for n in numbers]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--joins-at", type=int, default=1000)
    joins_at = parser.parse_args().joins_at
    for name in OPTIMIZERS:
        for correct in (False, True):
            shown = " ".join(
                f"{r:.2f}" for r in ratios(name, correct, joins_at)
            )
            print(f"{name:8s} {'own' if correct else 'shared'} clock: {shown}")


if __name__ == "__main__":
    main()
