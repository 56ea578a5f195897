"""Which sample was in which part of a run: `splits.csv`.

Columns: `split` (train, validation or test), `file` (its name, or its number
where it is none) and `digest`, by which a sample is known again in another
folder and under another name.
"""

import csv
from collections import Counter
from pathlib import Path

from keras_transfer.data.sample_digests import sample_digests, sample_names
from keras_transfer.recipes.writers import write_rows

NAME = "splits.csv"


class RunSplits:
    """The samples of a run by their digests.

    Args:
        rows: dicts with `split`, `file` and `digest`.
    """

    def __init__(self, rows):
        self.rows = list(rows)
        self._splits = {}
        for row in self.rows:
            self._splits.setdefault(row["digest"], set()).add(row["split"])

    @classmethod
    def of(cls, data):
        """Returns those of a `Dataset`."""
        return cls(
            {"split": split, "file": file, "digest": digest}
            for split, part in data.parts().items()
            for file, digest in zip(
                sample_names(part), sample_digests(part), strict=True
            )
        )

    @classmethod
    def read(cls, folder):
        """Returns those of a run, none of one that keeps no `splits.csv`.

        Raises:
            ValueError: the file has other columns.
        """
        path = Path(folder) / NAME
        if not path.is_file():
            return cls([])
        with open(path, encoding="utf-8", errors="surrogateescape") as file:
            rows = list(csv.DictReader(file))
        for row in rows:
            if {"split", "digest"} - set(row) or row["digest"] is None:
                raise ValueError(
                    f"'{path}' is not what a run writes. Received the row: "
                    f"{row}. Expected the columns split, file and digest. "
                    "Remove the file to evaluate without it."
                )
        return cls(rows)

    def write(self, folder):
        """Writes `splits.csv` into the folder of a run."""
        write_rows(Path(folder) / NAME, self.rows)

    def __len__(self):
        return len(self.rows)

    @property
    def counts(self):
        """How many samples each part has."""
        return Counter(row["split"] for row in self.rows)

    def knows(self, digest) -> bool:
        """Whether a sample was in any part of the run."""
        return digest in self._splits

    def has(self, split, digest) -> bool:
        """Whether a sample was in a part of the run."""
        return split in self._splits.get(digest, ())
