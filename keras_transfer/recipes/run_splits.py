"""Which sample was in which part of a run: `splits.csv`.

Columns: `split` (train, validation or test), `file` (its name, or its number
where it is none) and `digest`, by which a sample is known again in another
folder and under another name.
"""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Self

from keras_transfer._private.types import PathLike
from keras_transfer.data.sample_digests import sample_digests, sample_names
from keras_transfer.recipes.writers import write_rows

if TYPE_CHECKING:
    from keras_transfer.data.dataset import Dataset

NAME = "splits.csv"


class RunSplits:
    """The samples of a run by their digests.

    Args:
        rows: dicts with `split`, `file` and `digest`.
    """

    def __init__(self, rows: Iterable[dict[str, str]]):
        self.rows = list(rows)
        self._splits = {}
        for row in self.rows:
            self._splits.setdefault(row["digest"], set()).add(row["split"])

    @classmethod
    def of(cls, data: Dataset) -> Self:
        """Returns those of a `Dataset`."""
        return cls(
            {"split": split, "file": file, "digest": digest}
            for split, part in data.parts().items()
            for file, digest in zip(
                sample_names(part), sample_digests(part), strict=True
            )
        )

    @classmethod
    def read(cls, folder: PathLike) -> Self:
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

    def write(self, folder: PathLike) -> None:
        """Writes `splits.csv` into the folder of a run."""
        write_rows(Path(folder) / NAME, self.rows)

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def counts(self) -> Counter[str]:
        """How many samples each part has."""
        return Counter(row["split"] for row in self.rows)

    def knows(self, digest: str) -> bool:
        """Whether a sample was in any part of the run."""
        return digest in self._splits

    def has(self, split: str, digest: str) -> bool:
        """Whether a sample was in a part of the run."""
        return split in self._splits.get(digest, ())
