"""The options of `keras-transfer predict`."""

SUMMARY = "name what is on photos"
EXAMPLES = """  keras-transfer predict run/ new.jpg other.png
  keras-transfer predict run/ photos/ --csv named.csv
  keras-transfer predict run/ new.jpg --json"""


def add_options(add):
    """Adds the options of the command."""
    add("run_dir")
    add("images", str, "PHOTO", "photos, or folders with photos at any depth",
        nargs="+")  # fmt: skip
    add("--csv", str, "FILE",
        "write a row for each photo to FILE, and print how many there are of "
        "each class")  # fmt: skip
