"""The options of `keras-transfer export`."""

SUMMARY = "write a SavedModel for serving"
EXAMPLES = """  keras-transfer export run/
  keras-transfer export run/ --output /srv/models/flowers/1"""


def add_options(add):
    """Adds the options of the command."""
    add("run_dir")
    add("--output", text="folder to write [DIR/saved_model]")
