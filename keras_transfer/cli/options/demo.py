"""The options of `keras-transfer demo`."""

SUMMARY = "show a whole transfer on handwritten digits, without a download"
EXAMPLES = """  keras-transfer demo
  keras-transfer demo --seeds 1 --output demo/ --json"""


def add_options(add):
    """Adds the options of the command."""
    add("--output", default="transfer_demo")
    add("--seeds", int, "N", "repetitions of each row", 3)
