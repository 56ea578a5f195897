"""The options of `keras-transfer evaluate`."""

SUMMARY = "measure a run on labelled data"
EXAMPLES = """  keras-transfer evaluate run/ photos/
  keras-transfer evaluate run/ other_photos/ --split all --json"""


def add_options(add):
    """Adds the options of the command."""
    add("run_dir")
    add("data", text="folder of photos")
    add("--split", str, None,
        "the run's own part of DATA, or all [the test samples of the run; of "
        "data that it does not know, all]",
        None, choices=("test", "validation", "train", "all"))  # fmt: skip
