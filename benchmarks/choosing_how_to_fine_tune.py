"""How few labels are best fine-tuned: compared on training samples alone.

    python benchmarks/choosing_how_to_fine_tune.py --weights FILE.h5 \
        --shots 5 20 --draws 2 flowers5=PHOTOS questions6=TEXTS.csv \
        [--texts PRESET] [--ways plain "small head" ...]

A draw is so many labelled samples a class of the training part; what is left
of that part (at most 600) is what they are judged on. Test sets are not
opened. Photos at 128 px for MobileNetV2 with ImageNet weights (the file for
224 px, without top), texts of up to 40 tokens for a KerasHub encoder. Every
way begins with the same solved head, its strength chosen by log loss over five
folds, and ends with its last step; `fine_tune` is the function itself, with
nothing else said or with what its name adds, to compare with where it goes by
another rule or the head reads several levels. One JSON file
a data set and number of labels in `benchmarks/results/choosing/`; what is there
is not run again. Prints what each way gains over the head, in accuracy and in
log loss, each side at the temperature that suits it.
"""

import argparse
import dataclasses
import time
from pathlib import Path

import keras
import numpy as np
from cells import difference, read, write
from text_ids import ids_of

import keras_transfer as kt
from keras_transfer.data.batches import ArrayBatches
from keras_transfer.data.sampling import few_shot
from keras_transfer.recipes.head_stage import pooled_once
from keras_transfer.transferability.folds import folds_for
from keras_transfer.transferability.linear_probe import (
    fit_linear_probe,
    score,
)
from keras_transfer.transferability.temperature import (
    best_temperature,
    logits_of,
)

RESULTS = Path(__file__).resolve().parent / "results" / "choosing"
JUDGED_ON = 600
SHARES = (0.5, 1.0)


@dataclasses.dataclass(frozen=True)
class Way:
    """One way to fine-tune from a solved head.

    Attributes:
        rate: peak rate of AdamW.
        least: fewest steps.
        epochs: passes over the samples, where they are more steps than that.
        depth: share of the blocks that train.
        head: factor of the solved head at the start.
        dropout: before the head.
        batch: samples a step.
        flips: whether photos are turned left to right at random.
        ends: how many trainings, in another order of samples each, whose
            weights are averaged.
    """

    rate: float = 1e-4
    least: int = 64
    epochs: int = 10
    depth: float = 1.0
    head: float = 1.0
    dropout: float = 0.1
    batch: int = 16
    flips: bool = False
    ends: int = 1


WAYS = {
    "plain": Way(),
    "small head": Way(head=0.1),
    "third head": Way(head=0.3),
    "small head longer": Way(head=0.1, least=192, epochs=20),
    "small head faster": Way(head=0.1, rate=3e-4),
    "small head flips": Way(head=0.1, flips=True),
    "small head upper third": Way(head=0.1, rate=3e-4, depth=1 / 3),
    "small head shorter": Way(head=0.1, least=32, epochs=5),
    "small head, batches of 32": Way(head=0.1, batch=32),
    "small head, no dropout": Way(head=0.1, dropout=0.0),
    "small head, 5 passes": Way(head=0.1, dropout=0.0, epochs=5),
    "small head longer flips": Way(head=0.1, least=192, epochs=20, flips=True),
    "small head longer faster": Way(head=0.1, least=192, epochs=20, rate=3e-4),
    "3 ends": Way(head=0.1, dropout=0.0, ends=3),
    "3 ends longer flips": Way(
        head=0.1, dropout=0.0, least=192, epochs=20, flips=True, ends=3
    ),
    "3 ends longer faster flips": Way(
        head=0.1, dropout=0.0, least=192, epochs=20, rate=3e-4, flips=True,
        ends=3,
    ),
}  # fmt: skip
# `fine_tune` itself: levels of the model, and its arguments.
WHOLE = {
    "fine_tune": ("last", {}),
    "fine_tune, no folds": ("last", {"folds": 0}),
    "best, no folds": ("last", {"folds": 0, "effort": "best"}),
    "top third": ("last", {"interpolate": True}),
    "fine_tune, 5 levels": (5, {}),
    "fine_tune, levels auto": ("auto", {}),
    "fine_tune, head of 5 levels": (5, {"epochs": 0}),
}


class Data:
    """The training part of one data set, and the models for it."""

    def __init__(self, place, weights, preset):
        self.weights, self.preset = weights, preset
        self.is_text = place.endswith(".csv")
        if self.is_text:
            self.x, self.y = ids_of(place, preset)
        else:
            loaded = kt.data.load(
                place, image_size=128, batch_size=64, validation_split=0.0
            )
            rows = np.arange(loaded.train.num_samples)
            self.x, self.y = loaded.train.read(rows)
        self.num_classes = int(self.y.max()) + 1

    def take(self, rows):
        return keras.tree.map_structure(lambda a: a[rows], self.x), self.y[rows]

    def drawn(self, shots, seed):
        """The samples to train on, and others to judge by."""
        chosen = few_shot(self.y, shots, seed)
        rest = np.setdiff1d(np.arange(len(self.y)), chosen)
        np.random.default_rng(seed).shuffle(rest)
        return self.take(chosen), self.take(rest[:JUDGED_ON])

    def model(self, dropout, flips, levels="last"):
        head = kt.ClassificationHead(self.num_classes, dropout=dropout)
        if self.is_text:
            return kt.TransferModel(f"hub:{self.preset}", head, levels=levels)
        base = keras.applications.MobileNetV2(
            input_shape=(128, 128, 3), include_top=False, weights=self.weights
        )
        flip = keras.layers.RandomFlip("horizontal") if flips else None
        return kt.TransferModel(
            base, head, preprocessing="tf", augmentation=flip, levels=levels
        )


def judged(probabilities, labels):
    logits = logits_of("softmax", probabilities)
    temperature = best_temperature("softmax", logits, labels)
    found = score("softmax", logits / temperature, labels)
    return {name: round(value, 4) for name, value in found.items()}


class Draw:
    """One draw: its solved head, and every way from it on."""

    def __init__(self, data, shots, seed):
        self.data, self.seed = data, seed
        (self.x, self.y), (self.rest, self.labels) = data.drawn(shots, seed)
        self.models = {}
        model, _ = self.fresh(Way())
        model.compile("auto")
        features, _ = pooled_once(
            model, ArrayBatches(self.x, self.y, shuffle=False), "training", 0
        )
        folds = folds_for(self.y, "softmax", seed)
        self.probe = fit_linear_probe(
            "softmax", (features, self.y), None, data.num_classes, folds=folds
        )

    def fresh(self, way, levels="last"):
        kind = way.dropout, way.flips, levels
        if kind not in self.models:
            model = self.data.model(*kind)
            self.models[kind] = model, model.get_weights()
        return self.models[kind]

    def start(self, way):
        keras.utils.set_random_seed(self.seed)
        model, weights = self.fresh(way)
        model.set_weights(weights)
        factor = way.head
        model.head.set_weights(
            [factor * self.probe.kernel, factor * self.probe.bias]
        )
        return model

    def judge(self, way):
        if way == "head":
            return self.head()
        if way in WHOLE:
            return self.fine_tune(*WHOLE[way])
        return self.run(WAYS[way])

    def head(self):
        """The solved head alone."""
        model = self.start(Way())
        return judged(model.predict(self.rest, verbose=0), self.labels)

    def fine_tune(self, levels, options):
        """`kt.fine_tune` as it is."""
        keras.utils.set_random_seed(self.seed)
        model, weights = self.fresh(Way(dropout=0.0), levels)
        model.set_weights(weights)
        kt.freeze(model)
        model.compile("auto")
        started = time.perf_counter()
        result = kt.fine_tune(
            model, (self.x, self.y), seed=self.seed, verbose=0, **options
        )
        seconds = time.perf_counter() - started
        found = judged(model.predict(self.rest, verbose=0), self.labels)
        told = {
            name: str(row["value"])
            for row in result.choices
            if (name := row["choice"]) in ("weights", "levels")
        }
        return {"1.0": found, "seconds": round(seconds, 1), **told}

    def run(self, way):
        started, ends = time.perf_counter(), []
        for number in range(way.ends):
            steps, losses = self.trained(way, self.seed + 1000 * number)
            ends.append(self.fresh(way)[0].get_weights())
        seconds = time.perf_counter() - started
        model = self.start(way)
        begin, found = model.get_weights(), {}
        end = [np.mean(arrays, axis=0) for arrays in zip(*ends, strict=True)]
        for share in SHARES:
            between = kt.recipes.interpolation.between_weights
            model.set_weights(between(begin, end, share))
            scores = model.predict(self.rest, verbose=0)
            found[str(share)] = judged(scores, self.labels)
        return {
            **found,
            "steps": steps * way.ends,
            "seconds": round(seconds, 1),
            "losses": losses,
        }

    def trained(self, way, seed):
        """One training from the start; number of steps, first and last loss."""
        model = self.start(way)
        keras.utils.set_random_seed(seed)
        depth = max(1, round(way.depth * len(model.blocks)))
        kt.set_trainable_depth(model, depth)
        a_pass = -(-len(self.y) // way.batch)
        epochs = max(way.epochs, -(-way.least // a_pass))
        falling = keras.optimizers.schedules.PolynomialDecay(
            way.rate, epochs * a_pass, end_learning_rate=0.0
        )
        model.compile(
            keras.optimizers.AdamW(falling, weight_decay=0.01),
            "sparse_categorical_crossentropy",
        )
        history = model.fit(
            self.x, self.y, batch_size=way.batch, epochs=epochs, verbose=0,
            seed=seed,
        ).history  # fmt: skip
        losses = [round(history["loss"][i], 4) for i in (0, -1)]
        return epochs * a_pass, losses


def run_missing(name, place, given):
    data = None
    for draw in range(given.draws):
        for shots in given.shots:
            path, current = file_of(name, shots), None
            for way in ["head", *given.ways]:
                cells = read(path)
                done = cells.get(str(draw), {})
                if way in done:
                    continue
                data = data or Data(place, given.weights, given.texts)
                if WAYS.get(way, Way()).flips and data.is_text:
                    continue
                current = current or Draw(data, shots, draw)
                found = current.judge(way)
                write(path, cells | {str(draw): done | {way: found}})
                print(name, shots, draw, way, found, flush=True)


def file_of(name, shots):
    return RESULTS / f"{name}_{shots}.json"


def rows(name, shots):
    cells = list(read(file_of(name, shots)).values())
    for way in [*WAYS, *WHOLE]:
        for share in map(str, SHARES):
            both = [
                (c["head"], c[way][share])
                for c in cells
                if share in c.get(way, {})
            ]
            if not both:
                continue
            gains = [
                np.array([sign * (b[what] - a[what]) for a, b in both])
                for what, sign in (("accuracy", 1), ("loss", -1))
            ]
            said = [
                difference(g, 0 * g) if len(g) > 1 else f"{g[0]:+.3f}"
                for g in gains
            ]
            seconds = np.median([c[way]["seconds"] for c in cells if way in c])
            base = np.mean([a["accuracy"] for a, _ in both])
            yield (
                f"| {name} | {shots} | {way} | {share} | {base:.3f} | "
                f"{said[0]} | {said[1]} | {seconds:.0f} |"
            )


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", nargs="+", metavar="NAME=PLACE")
    parser.add_argument("--weights", required=True)
    parser.add_argument("--texts", help="folder of a KerasHub preset")
    parser.add_argument("--draws", type=int, default=2)
    parser.add_argument("--shots", nargs="+", type=int, default=[5, 20])
    known = [*WAYS, *WHOLE]
    parser.add_argument("--ways", nargs="+", default=known, choices=known)
    given = parser.parse_args()
    places = dict(each.split("=", 1) for each in given.data)
    for name, place in places.items():
        run_missing(name, place, given)
    print(
        "| data | labels a class | way | share | head | accuracy gained | "
        "log loss gained | seconds |"
    )
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    for name in places:
        for shots in given.shots:
            print("\n".join(rows(name, shots)))


if __name__ == "__main__":
    main()
