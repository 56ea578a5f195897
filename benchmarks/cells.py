"""Measured cells of a table as small JSON files: what is there is not rerun."""

import argparse
import json
from pathlib import Path

import keras
import numpy as np
from paired import machine


def read(path):
    """Returns the cells of a file by seed; none if there is no file."""
    return json.loads(path.read_text())["seeds"] if path.exists() else {}


def write(path, cells):
    """Writes the cells of a file, and what they were measured with."""
    path.parent.mkdir(parents=True, exist_ok=True)
    about = {
        "device": machine(),
        "keras": keras.__version__,
        "backend": keras.backend.backend(),
        "seeds": cells,
    }
    path.write_text(json.dumps(about, indent=1) + "\n")


def arguments(description):
    """Reads the command line of a table over folders of photos."""
    parser = argparse.ArgumentParser(description=description.splitlines()[0])
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--weights", default="imagenet")
    parser.add_argument("--seeds", type=int, default=5)
    return parser.parse_args()


def tables(description, run_missing, header, rows):
    """Measures what is missing, folder after folder, and prints the table.

    Args:
        description: the script's docstring.
        run_missing: called with a folder, the weights and the number of seeds.
        header: the table's columns.
        rows: function from a folder's name to the table's lines.
    """
    given = arguments(description)
    for folder in given.folders:
        run_missing(folder, given.weights, given.seeds)
    print(f"| {' | '.join(header)} |")
    print(f"| {' | '.join('---' for _ in header)} |")
    for folder in given.folders:
        print("\n".join(rows(folder.name)))


def tests(path):
    """The test accuracies in a file, seed by seed."""
    return np.array([cell["test"] for cell in read(path).values()])


def difference(ours, base):
    """The mean difference in pairs, and its standard error, as text."""
    gain = ours - base
    error = gain.std(ddof=1) / len(gain) ** 0.5
    return f"{gain.mean():+.3f} ± {error:.3f}"
