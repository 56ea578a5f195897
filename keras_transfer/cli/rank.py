"""`keras-transfer rank DATA`: which source model suits the data."""

from keras_transfer.cli import training
from keras_transfer.cli.command import chosen, progress, show
from keras_transfer.recipes import run_folder
from keras_transfer.recipes.assessment import rank_backbones

SUMMARY = "rank source models for your data, before anything is trained"
EXAMPLES = """  keras-transfer rank photos/
  keras-transfer rank photos/ --backbones MobileNetV2 ResNet50 own.keras
  keras-transfer rank photos/ --image-size 160 --shots 100 --output ranking/
  keras-transfer rank photos/ --fine-tune --json"""

# Nothing is held out: a probe is judged by cross-validation.
DEFAULTS = {"validation_split": 0.0}
# What `fit --backbone` calls a choice of these.
AUTO = "auto"
# One of each family of `keras.applications` that has a model below 8 million
# parameters with published ImageNet weights for any image size.
SMALL = (
    "MobileNet", "MobileNetV2", "MobileNetV3Large", "EfficientNetV2B0",
    "DenseNet121",
)  # fmt: skip


def add_options(add):
    """Adds the options of the command."""
    add("data")
    add("--backbones", str, "NAME",
        "keras.applications names, hub: presets and .keras files "
        f"[{' '.join(SMALL)}]", "", nargs="+")  # fmt: skip
    add("--fine-tune", bool, None,
        "fine-tune the best prior and the best probe too, and judge both on "
        "held-out photos")  # fmt: skip
    add("--output", str, "DIR",
        "folder for table, JSON, Markdown and picture", "")  # fmt: skip
    add("--image-size", int, "PX", "side of the images [224; 8 for digits]")
    add("--weights")
    add("--shots", int, "N", "rank on N samples a class only")
    add("--data-dir")
    add("--task")
    add("--batch-size", int, "N", "images a step [32]")
    add("--seed")


def run(arguments):
    """Ranks and prints."""
    if arguments.output:
        run_folder.check_writable(arguments.output)
    data = training.load_data(arguments, "")
    ranking = _ranked(
        arguments, arguments.backbones or SMALL, data,
        fine_tune=arguments.fine_tune,
        weights=training.weights_of(arguments),
    )  # fmt: skip
    text = str(ranking)
    if arguments.output:
        written = ranking.write(arguments.output)
        text += f"\n{arguments.output}: {', '.join(written)}"
    show(arguments, ranking.as_dict(), text)
    return 0


def best_of_small(arguments, data):
    """Returns the name of the best small source for `fit --backbone auto`.

    Args:
        arguments: the parsed arguments of `fit`.
        data: what `data.load` returns.

    Raises:
        ValueError: other weights than those of ImageNet are asked for.
    """
    if arguments.weights != "imagenet":
        raise ValueError(
            "--backbone auto compares sources with their ImageNet weights. "
            f"Received: --weights {arguments.weights}. Name a backbone, or "
            "leave --weights out."
        )
    progress(f"Ranking {', '.join(SMALL)} ...")
    ranking = _ranked(arguments, SMALL, data)
    ranking.write(arguments.output)
    progress(str(ranking))
    return ranking.best()


def _ranked(arguments, candidates, data, **options):
    return rank_backbones(
        candidates,
        data,
        verbose=training.verbosity(),
        **chosen(arguments, "seed"),
        **options,
    )
