"""The options of `keras-transfer fit`."""

from collections.abc import Callable

from keras_transfer.cli.options.rank import SMALL

SUMMARY = "fine-tune a source model on your own data and keep all of the run"
EXAMPLES = """  keras-transfer fit photos/ --backbone MobileNetV2 --output run/
  keras-transfer fit photos/ --backbone auto              (the best of five)
  keras-transfer fit photos/ --effort quick --levels auto (head only)
  keras-transfer fit tfds:beans --backbone ResNet50 --head 256 --dropout 0.3
  keras-transfer fit --config run/config.json --seed 1 --output run-1/
  keras-transfer fit --output run/ --resume       (after a kill, or further)"""

# Of a recipe that was searched; these come by --config alone.
DEFAULTS = {"hyperparameters": None, "objective": "val_accuracy"}


def add_options(add: Callable[..., None]) -> None:
    """Adds the options, in the order in which a run uses them."""
    add("data", nargs="?")
    add("--config", str, "FILE",
        "config.json of an earlier run; options given here go "
        "before it")  # fmt: skip
    add("--output", default="transfer_run")
    add("--overwrite")
    add("--resume",
        text="go on with the run in --output: end what was interrupted, as it "
        "was begun; train the top blocks of a whole one further")  # fmt: skip
    add("--data-dir")
    add("--task")
    add("--shots")
    add("--validation-split", default=None,
        text="part of the training data held out [none below 50 samples a "
        "class, else 0.1]")  # fmt: skip
    add("--image-size")
    add("--batch-size")
    add("--backbone",
        text="keras.applications name, hub: preset or .keras file; auto: the "
        f"best of {len(SMALL)} small ones for these data, as `rank` finds "
        "it")  # fmt: skip
    add("--weights")
    add("--head")
    add("--dropout")
    add("--levels", str, "N",
        "depths that the head reads: last, auto (several if that lowers the "
        "loss) or how many [last; auto with --effort quick]")  # fmt: skip
    add("--augmentation", str, None,
        "changed photos in each epoch, light: flips, shifts and crops; strong: "
        "RandAugment; leave it out where left is not right [none]",
        choices=("light", "strong"))  # fmt: skip
    add("--mixing", str, None,
        "auto: photos of a batch are mixed with each other while blocks train "
        "[none]", choices=("mixup", "cutmix"))  # fmt: skip
    add("--class-weights")
    add("--loss", str, "NAME", "a Keras loss [what fits the labels]")
    _add_training_options(add)


def _add_training_options(add: Callable[..., None]) -> None:
    add("--recipe", str, None,
        "auto: fine-tunes unless the head alone is better; two-stage: "
        "always, at a fixed rate; searched: as a trial of `tune`, whose "
        "best_recipe.json is the --config", "auto",
        choices=("auto", "two-stage", "searched"))  # fmt: skip
    add("--effort", str, None,
        "auto: quick is the head alone, in seconds; best averages three ends "
        "of twice the length, for about six times the time", "normal",
        choices=("quick", "normal", "best"))  # fmt: skip
    add("--unlabelled", str, "DIR",
        "auto: folder of photos without labels, to whose style the model is "
        "set in the end; with --levels [none]")  # fmt: skip
    add("--epochs",
        text="epochs for the top blocks, 0 for the head alone [auto by the "
        "number of samples; two-stage 3]")  # fmt: skip
    add("--blocks", _number_or_share, "N",
        "how many blocks to fine-tune, or a share as 0.5 [all with few "
        "labels, else a third]")  # fmt: skip
    add("--learning-rate",
        text="learning rate of the top blocks [auto by the number of samples; "
        "two-stage 3e-5]")  # fmt: skip
    add("--max-minutes", float, "M",
        "auto: ends fine-tuning in time and keeps the best so "
        "far")  # fmt: skip
    add("--layer-decay", float, "F",
        "factor of the rate from a block to the one below it")  # fmt: skip
    add("--gradual", bool, None, "let the blocks join one after the other")
    add("--l2sp", float, "S", "strength of the pull to the source's weights")
    add("--optimizer", str, None,
        "optimizer of the top blocks [adamw with few labels, else adam]",
        choices=("adam", "adamw", "sgd"))  # fmt: skip
    add("--weight-decay", float, "W", "weight decay of AdamW [0.01]")
    add("--head-epochs",
        text="most epochs for a head that is trained, not solved [auto 20; "
        "two-stage 30]")  # fmt: skip
    add("--head-learning-rate", float, "R",
        "learning rate of such a head [auto the best of three; two-stage "
        "1e-3]")  # fmt: skip
    add("--no-assess", bool, None,
        "auto: leave out the assessment of the data before "
        "training")  # fmt: skip
    add("--no-unknown", bool, None,
        "keep no unknown score, which predict shows beside the "
        "scores")  # fmt: skip
    add("--seed")
    add("--strategy")


def _number_or_share(text: str) -> int | float:
    """A number of blocks, or a share of them."""
    return int(text) if text.strip().isdigit() else float(text)
