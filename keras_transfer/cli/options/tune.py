"""The options of `keras-transfer tune`."""

from collections.abc import Callable

SUMMARY = "search hyperparameters with KerasTuner and keep the best model"
EXAMPLES = """  keras-transfer tune photos/ --trials 15
  keras-transfer tune photos/ --backbone MobileNetV2,MobileNet --space full
  keras-transfer tune photos/ --trials 30        (goes on from the first 15)
  keras-transfer fit --config tuned_run/best_recipe.json --output again/"""


def add_options(add: Callable[..., None]) -> None:
    """Adds the options of the command."""
    add("data")
    add("--output", default="tuned_run",
        text="folder to write; a search that is in it goes on")  # fmt: skip
    add("--overwrite", text="begin anew whatever search is in --output")
    _add_search_options(add)
    add("--shots")
    add("--data-dir")
    add("--task")
    add("--validation-split")
    add("--image-size")
    add("--seed", text="seed of splits, order, weights and trials")


def _add_search_options(add: Callable[..., None]) -> None:
    add("--trials", int, "N", "number of trials", 15)
    add("--backbone", metavar="A,B,...",
        text="keras.applications names, hub: presets or .keras files, with "
        "commas")  # fmt: skip
    add("--weights")
    add("--space", str, None, "what is searched", "small",
        choices=("small", "full"))  # fmt: skip
    add("--tuner", str, None, "how the trials are drawn", "random",
        choices=("random", "bayesian", "grid"))  # fmt: skip
    add("--objective", str, "NAME",
        "what is compared: val_accuracy or val_loss [val_accuracy; val_loss "
        "with --class-weights]")  # fmt: skip
    add("--class-weights")
    add("--epochs", text="epochs of a trial that train [as many as fit takes]")
    add("--head-epochs",
        text="how many of them for a head with hidden layers [three "
        "fifths]")  # fmt: skip
    add("--keep-checkpoints", int, "N",
        "keep the weights of the best N trials", 1)  # fmt: skip
    add("--tensorboard", bool, None, "write TensorBoard logs and HParams")
    add("--strategy")
