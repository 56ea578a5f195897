"""The options of `keras-transfer adapt`."""

from collections.abc import Callable

SUMMARY = "set a trained run to photos of another style, without labels"
EXAMPLES = """  keras-transfer adapt run/ sketches/
  keras-transfer adapt run/ sketches/ --validation photos/ --output sketched/"""


def add_options(add: Callable[..., None]) -> None:
    """Adds the options of the command."""
    add("run_dir", text="a run of fit --levels auto, or of another number")
    add("photos", str, "PHOTOS",
        "folder of photos without labels, of all classes in about their "
        "shares")  # fmt: skip
    add("--batch-norm", bool, None,
        "take the statistics of batch normalisation anew too")  # fmt: skip
    add("--validation", str, "DATA",
        "labelled photos like those of the training, for an estimate of the "
        "accuracy [none]")  # fmt: skip
    add("--output", text="folder to write [DIR_adapted]")
    add("--overwrite")
    add("--seed")
