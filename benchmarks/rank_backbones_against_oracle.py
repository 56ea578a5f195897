"""Does a ranking find the source that fine-tuning would find?

    python benchmarks/rank_backbones_against_oracle.py \
        flowers5=PHOTOS trashnet6=PHOTOS ... --weights KERAS_MODELS \
        --models FILE.keras FILE.keras --own sketch=PHOTOS art=PHOTOS \
        --nets FOLDER [--size 96] [--shots 100] [--seeds 2] [--table]

Ten sources (`source_zoo.py`): MobileNets with ImageNet weights, the models in
the files, two networks with random weights, small ones that the script trains
on other photos. On each target 100 labels a class, drawn by the seed. The
oracle fine-tunes every source on these (`fine_tune`, all labels, without the
folds that judge it) and reads the test accuracy. `rank_backbones` gets the
same labels: once to rank, once with `fine_tune=True`.

Of every score: Kendall's weighted tau with the oracle, and the regret, which
is how many points of test accuracy its first choice is below the best. The
oracle's own noise is the regret of what the oracle of the other seed picks.
LEEP and NCE need the source's classes, which half of the sources do not have.
Times are CPU seconds, which other processes disturb less.
One JSON file a target in `benchmarks/results/rank_backbones/`; what is there
is not run again. Prints the table; `--table` prints it and runs nothing.
"""

import argparse
import time
from pathlib import Path

import keras
import numpy as np
from cells import read, write
from gradual_unfreezing import photos
from source_zoo import UNTRAINED, Zoo

import keras_transfer as kt
from keras_transfer import transferability
from keras_transfer.data.sampling import few_shot

RESULTS = Path(__file__).resolve().parent / "results" / "rank_backbones"
SCORES = {
    "LogME": transferability.log_me,
    "H-score": transferability.h_score,
    "H-score, shrinkage": lambda x, y: transferability.h_score(
        x, y, shrinkage=True
    ),
    "TransRate": transferability.transrate,
    "NLEEP": transferability.nleep,
    "5 neighbours": transferability.knn_accuracy,
    "linear probe": transferability.linear_probe_accuracy,
}


def oracle_cell(zoo, name, train, test, seed):
    """Scores of a source's features, and its fine-tuned test accuracy."""
    keras.utils.clear_session()
    keras.utils.set_random_seed(seed)
    model = kt.TransferModel(
        zoo.source(name), head=int(train[1].max()) + 1,
        input_shape=zoo.shape, weights=zoo.weights(name),
    )  # fmt: skip
    found = kt.feature_cache.features(model, train, verbose=0)
    x, scores = np.asarray(found.take(found.rows)), {}
    for score, function in SCORES.items():
        started = time.perf_counter()
        value = float(function(x, train[1]))
        scores[score] = [value, round(time.perf_counter() - started, 2)]
    started = time.process_time()
    kt.fine_tune(model, train, folds=0, seed=seed, verbose=0)
    seconds = time.process_time() - started
    predicted = model.predict(test[0], verbose=0).argmax(axis=1)
    return {
        "test": round(float(np.mean(predicted == test[1])), 4),
        "cpu seconds": round(seconds, 1),
        "scores": scores,
    }


def ranking_cell(zoo, train, seed, *, fine_tune):
    """What `rank_backbones` finds, and how long it takes."""
    keras.utils.clear_session()
    candidates = {name: zoo.source(name) for name in zoo.names}
    started = time.process_time()
    ranking = kt.rank_backbones(
        candidates, train,
        weights={name: zoo.weights(name) for name in zoo.names},
        prior=zoo.prior(), fine_tune=fine_tune, seed=seed, verbose=0,
    )  # fmt: skip
    return {
        "best": ranking.best(),
        "to fine-tune": ranking.to_finetune,
        "order": [row.name for row in ranking.rows],
        "failed": [row.error for row in ranking.rows if row.error],
        "cpu seconds": round(time.process_time() - started, 1),
    }


def run_missing(given, zoo, target, folder):
    """Runs the cells of a target that are not there, one after the other."""
    path, parts = RESULTS / f"{target}.json", None
    for seed in range(given.seeds):
        for name in (*zoo.names, "ranking", "ranking, fine-tuned"):
            key = f"{seed} {name}"
            if key in read(path):
                continue
            parts = parts or photos(folder, given.size)
            (x, y), test = parts
            rows = few_shot(y, given.shots, seed)
            train = x[rows], y[rows]
            if name.startswith("ranking"):
                found = ranking_cell(
                    zoo, train, seed, fine_tune=name != "ranking"
                )
            else:
                found = oracle_cell(zoo, name, train, test, seed)
            write(path, read(path) | {key: found})
            print(target, key, found, flush=True)


def choices(cells, names, seed, prior):
    """Scores by name, each a dict of values by source; `None` is worst."""
    of_seed = {name: cells[f"{seed} {name}"] for name in names}
    found = {
        score: {
            name: cell["scores"][score][0] for name, cell in of_seed.items()
        }
        for score in SCORES
    }
    found["prior"] = {name: prior.get(name, 0.0) for name in names}
    order = cells[f"{seed} ranking"]["order"]
    found["rank_backbones, by its rows"] = {
        name: -order.index(name) for name in names
    }
    if all(f"{1 - seed} {name}" in cells for name in names):
        found["oracle of the other seed"] = {
            name: cells[f"{1 - seed} {name}"]["test"] for name in names
        }
    return found


def judged(cells, names, seed, prior):
    """Rows `(score, tau, regret)` of one target and seed."""
    from scipy.stats import weightedtau

    truth = {name: cells[f"{seed} {name}"]["test"] for name in names}
    best = max(truth.values())
    rows = []
    for score, values in choices(cells, names, seed, prior).items():
        tau = weightedtau(
            [values[name] for name in names], [truth[name] for name in names]
        )
        first = max(names, key=values.get)
        rows.append((score, tau.statistic, 100 * (best - truth[first])))
    for text, key in (
        ("rank_backbones, .best()", f"{seed} ranking"),
        ("rank_backbones, fine_tune=True", f"{seed} ranking, fine-tuned"),
    ):
        rows.append((text, np.nan, 100 * (best - truth[cells[key]["best"]])))
    return rows


def is_complete(cells, names, seed):
    keys = ("ranking", "ranking, fine-tuned", *names)
    return all(f"{seed} {key}" in cells for key in keys)


def print_table(targets, names, prior):
    """Means over targets and seeds that are complete."""
    tables, times, pairs = [], [], []
    for target in targets:
        cells = read(RESULTS / f"{target}.json")
        for seed in (0, 1):
            if is_complete(cells, names, seed):
                tables.append(judged(cells, names, seed, prior))
                times.append(_times(cells, names, seed))
                pairs += _untrained(cells, seed)
    print(f"Targets and seeds: {len(tables)}.")
    print("| score | weighted tau | regret, points | largest |")
    print("| --- | --- | --- | --- |")
    for score in dict.fromkeys(row[0] for rows in tables for row in rows):
        found = [row[1:] for rows in tables for row in rows if row[0] == score]
        taus, regrets = zip(*found, strict=True)
        tau = "" if np.isnan(taus[0]) else f"{np.mean(taus):.2f}"
        print(
            f"| {score} | {tau} | {np.mean(regrets):.1f} | "
            f"{np.max(regrets):.1f} |"
        )
    if tables:
        ranking, tuned = np.mean(times, axis=0)
        print(
            "CPU seconds over those of fine-tuning all: ranking "
            f"{ranking:.3f}, with fine_tune=True {tuned:.3f}. An untrained "
            "network ranked last of its architecture: "
            f"{sum(pairs)} of {len(pairs)}."
        )


def _times(cells, names, seed):
    every = sum(cells[f"{seed} {name}"]["cpu seconds"] for name in names)
    return [
        cells[f"{seed} {key}"]["cpu seconds"] / every
        for key in ("ranking", "ranking, fine-tuned")
    ]


def _untrained(cells, seed):
    order = cells[f"{seed} ranking"]["order"]
    return [
        order.index(untrained) > order.index(trained)
        for untrained, trained in UNTRAINED.items()
    ]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", nargs="+", metavar="NAME=FOLDER")
    parser.add_argument("--weights", required=True)
    parser.add_argument("--models", nargs="*", default=[])
    parser.add_argument("--own", nargs="*", default=[], metavar="NAME=FOLDER")
    parser.add_argument("--nets", required=True)
    parser.add_argument("--size", type=int, default=96)
    parser.add_argument("--shots", type=int, default=100)
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--table", action="store_true")
    given = parser.parse_args()
    own = dict(each.split("=", 1) for each in given.own)
    zoo = Zoo(given.size, given.weights, given.models, own, given.nets)
    targets = dict(each.split("=", 1) for each in given.data)
    for target, folder in targets.items():
        if not given.table:
            run_missing(given, zoo, target, folder)
    print_table(targets, zoo.names, zoo.prior())


if __name__ == "__main__":
    main()
