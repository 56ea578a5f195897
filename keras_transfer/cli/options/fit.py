"""The options of `keras-transfer fit`."""

from keras_transfer.cli.options.rank import SMALL

SUMMARY = "fine-tune a source model on your own data and keep all of the run"
EXAMPLES = """  keras-transfer fit photos/ --backbone MobileNetV2 --output run/
  keras-transfer fit photos/ --backbone auto              (the best of five)
  keras-transfer fit photos/ --shots 20 --epochs 0        (head only)
  keras-transfer fit tfds:beans --backbone ResNet50 --head 256 --dropout 0.3
  keras-transfer fit --config run/config.json --seed 1 --output run-1/
  keras-transfer fit --output run/ --resume       (after a kill, or further)"""

# Of a recipe that was searched; these come by --config alone.
DEFAULTS = {"hyperparameters": None, "objective": "val_accuracy"}


def add_options(add):
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
    add("--loss", str, "NAME", "a Keras loss [what fits the labels]")
    _add_training_options(add)


def _add_training_options(add):
    add("--recipe", str, None,
        "auto: fine-tunes unless the head alone is better; two-stage: "
        "always, at a fixed rate; searched: as a trial of `tune`, whose "
        "best_recipe.json is the --config", "auto",
        choices=("auto", "two-stage", "searched"))  # fmt: skip
    add("--epochs",
        text="epochs for the top blocks, 0 for the head alone [auto by the "
        "number of samples; two-stage 3]")  # fmt: skip
    add(
        "--blocks",
        int,
        "N",
        "how many blocks to fine-tune [all with few labels, else a third]",
    )
    add("--learning-rate",
        text="learning rate of the top blocks [auto by the number of samples; "
        "two-stage 3e-5]")  # fmt: skip
    add("--max-minutes", float, "M",
        "auto: ends fine-tuning in time and keeps the best so "
        "far")  # fmt: skip
    add("--head-epochs", default=30,
        text="two-stage: most epochs for a head that is trained")  # fmt: skip
    add("--head-learning-rate", float, "R",
        "two-stage: learning rate of the head", 1e-3)  # fmt: skip
    add("--no-assess", bool, None,
        "auto: leave out the assessment of the data before "
        "training")  # fmt: skip
    add("--no-unknown", bool, None,
        "keep no unknown score, which predict shows beside the "
        "scores")  # fmt: skip
    add("--seed")
    add("--strategy")
