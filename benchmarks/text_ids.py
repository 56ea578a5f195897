"""Texts of a CSV file as ids, by KerasHub's packer."""

import csv

import numpy as np

TOKENS = 40


def ids_of(path, preset):
    """`(x, y)` of a CSV file: dicts of ids, and labels in sorted order."""
    import keras_hub

    with open(path, newline="") as file:
        lines = list(csv.DictReader(file))
    names = sorted({line["label"] for line in lines})
    packer = keras_hub.models.BertTextClassifierPreprocessor.from_preset(
        preset, sequence_length=TOKENS
    )
    x = packer([line["text"] for line in lines])
    x = {name: np.asarray(value) for name, value in x.items()}
    return x, np.array([names.index(line["label"]) for line in lines])
