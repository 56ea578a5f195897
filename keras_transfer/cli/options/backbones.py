"""The options of `keras-transfer backbones`."""

SUMMARY = "list the models that can be named"
EXAMPLES = """  keras-transfer backbones
  keras-transfer backbones mobile
  keras-transfer backbones --json"""


def add_options(add):
    """Adds the options of the command."""
    text = "only names that hold this, in upper or lower case"
    add("part", str, "PART", text, "", nargs="?")
