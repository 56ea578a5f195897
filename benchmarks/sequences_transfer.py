"""Sequence sources: fine-tuned on a few labels they beat the net from scratch.

    python benchmarks/sequences_transfer.py

scikit-learn's digits as 8 steps of 8 features. The LSTM and the self-attention
encoder of `examples/` learn 0 to 4, then 5 to 9 with 5 and 20 labels a class,
beside the same net from scratch: same samples, same split, same steps, in 5
paired seeds (each with a source of its own). Every side's learning rate is the
best of the same three on 20 validation samples a class; the test set, half of
all 5 to 9, is looked at once, with that rate.

One JSON file for each source and label count in `benchmarks/results/`; what is
there is not run again. Prints the table of `docs/sequences.md`.
"""

import argparse
import sys
import tempfile
import time
from pathlib import Path

import keras
import numpy as np
from cells import read, write
from sklearn.model_selection import train_test_split

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "examples"))

import lstm_source  # noqa: E402
import self_attention_source  # noqa: E402

RESULTS = HERE / "results" / "sequences_transfer"
SOURCES = {
    "LSTM": lstm_source.source_model,
    "self-attention": self_attention_source.source_model,
}
SHOTS = (5, 20)
RATES = (1e-3, 3e-3, 1e-2)


def parts(shots, seed):
    """`(x, y)` for training, validation and test of the digits 5 to 9."""
    x, y = lstm_source.digits_as_steps()
    x, y = x[y >= 5], y[y >= 5] - 5
    pool, test = train_test_split(
        np.arange(len(y)), test_size=0.5, stratify=y, random_state=0
    )
    held_out, rest = lstm_source.few_shots(y[pool], 20, seed)
    few, _ = lstm_source.few_shots(y[pool][rest], shots, seed)
    indices = {
        "train": pool[rest][few],
        "validation": pool[held_out],
        "test": test,
    }
    return {name: (x[index], y[index]) for name, index in indices.items()}


def measure(model, data, seed):
    """Picks the learning rate on validation; tests with that one alone."""
    start = model.get_weights()
    found = []
    for rate in RATES:
        model.set_weights(start)
        lstm_source.fine_tune(model, *data["train"], rate=rate, seed=seed)
        loss, accuracy = model.evaluate(
            *data["validation"], batch_size=256, verbose=0
        )
        found.append((accuracy, -loss, rate, model.get_weights()))
    accuracy, _, rate, weights = max(found, key=lambda row: row[:2])
    model.set_weights(weights)
    return {
        "rate": rate,
        "validation": {str(row[2]): round(row[0], 4) for row in found},
        "test": model.evaluate(*data["test"], batch_size=256, verbose=0)[1],
    }


def run_missing(name, seeds, folder):
    """Fills the files of one source, a pair of cells after the other."""
    build = SOURCES[name]
    for seed in range(seeds):
        path = str(Path(folder, f"{name}-{seed}.keras"))
        for shots in SHOTS:
            cells = read(file_of(name, shots))
            if str(seed) in cells:
                continue
            if not Path(path).exists():
                lstm_source.train_source(build, path, seed)
            started = time.process_time()
            data = parts(shots, seed)
            sides = lstm_source.two_sides(build, path, seed)
            cell = {k: measure(m, data, seed) for k, m in sides.items()}
            cell["cpu_s"] = round(time.process_time() - started, 1)
            write(file_of(name, shots), cells | {str(seed): cell})
            keras.utils.clear_session()


def file_of(name, shots):
    return RESULTS / f"{name.lower()}_{shots}.json"


def row(name, shots):
    """One line of the table: means, and the paired difference."""
    cells = read(file_of(name, shots)).values()
    pairs = np.array(
        [
            [cell[side]["test"] for side in ("transfer", "scratch")]
            for cell in cells
        ]
    )
    difference = pairs[:, 0] - pairs[:, 1]
    error = difference.std(ddof=1) / len(difference) ** 0.5
    transfer, scratch = pairs.mean(0)
    return (
        f"| {name} | {shots} | {transfer:.3f} | {scratch:.3f} | "
        f"{difference.mean():+.3f} ± {error:.3f} | "
        f"{(difference > 0).sum()} of {len(difference)} |"
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--source", choices=SOURCES, action="append")
    arguments = parser.parse_args()
    names = arguments.source or list(SOURCES)
    with tempfile.TemporaryDirectory() as folder:
        for name in names:
            run_missing(name, arguments.seeds, folder)
    print(
        "| source | labels a class | fine-tuned | from scratch | "
        "difference ± standard error | better in |\n"
        "| --- | --- | --- | --- | --- | --- |"
    )
    for name in names:
        for shots in SHOTS:
            print(row(name, shots))


if __name__ == "__main__":
    main()
