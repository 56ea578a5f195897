"""What the parser says, and the commands that need no run."""

import json

import pytest

from keras_transfer.cli import main


def test_a_folder_without_a_run_is_named(tmp_path, capsys):
    assert main(["predict", str(tmp_path), "x.png"]) == 1
    assert "does not hold a run" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [[], ["fly"], ["fit", "--epochs", "x"]])
def test_what_the_parser_refuses_is_exit_code_2(arguments):
    with pytest.raises(SystemExit) as exit_:
        main(arguments)
    assert exit_.value.code == 2


@pytest.mark.parametrize(
    "command",
    ["fit", "evaluate", "predict", "export", "demo", "backbones", "completion"],
)
def test_help_has_examples_and_exit_codes(command, capsys):
    with pytest.raises(SystemExit) as exit_:
        main([command, "--help"])
    assert exit_.value.code == 0
    text = capsys.readouterr().out
    assert f"keras-transfer {command}" in text
    assert "exit codes" in text


def test_backbones_lists_all_forty(capsys):
    assert main(["backbones", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert len(rows) == 40
    by_name = {row["name"]: row for row in rows}
    assert by_name["VGG16"]["num_blocks"] == 13
    assert main(["backbones", "resnet50"]) == 0
    assert "ResNet50V2" in capsys.readouterr().out
    assert main(["backbones", "resnet51"]) == 1


def test_completion_knows_the_commands(capsys):
    pytest.importorskip("shtab")
    assert main(["completion", "bash"]) == 0
    assert "--head-epochs" in capsys.readouterr().out
