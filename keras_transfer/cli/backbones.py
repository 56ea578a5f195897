"""`keras-transfer backbones`: the source models that can be named."""

from keras_transfer.backbones.resolving import list_backbones
from keras_transfer.cli.command import show
from keras_transfer.storage.tables import format_table

_COLUMNS = [
    "name", "parameters", "smallest px", "usual px", "preprocessing", "blocks",
    "weights here",
]  # fmt: skip


def run(arguments):
    """Prints the table."""
    part = arguments.part.lower()
    rows = [row for row in list_backbones() if part in row["name"].lower()]
    if not rows:
        raise ValueError(
            f"No model of keras.applications has '{arguments.part}' in its "
            "name. `keras-transfer backbones` lists them all."
        )
    show(arguments, rows, format_table(_COLUMNS, map(_cells, rows)))
    return 0


def _cells(row):
    return [
        row["name"],
        f"{row['num_params'] / 1e6:.1f} M",
        row["min_size"],
        row["default_size"],
        row["preprocessing"],
        row["num_blocks"],
        _weights(row),
    ]


def _weights(row):
    if row["sizes_here"]:
        return f"for {', '.join(map(str, row['sizes_here']))} px"
    return "yes" if row["weights_here"] else "no"
