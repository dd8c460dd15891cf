"""What a preset is measured on."""

import dataclasses

import pytest

from tasks.cli.config import EvaluationConfig
from tasks.data import builders as data
from tasks.errors import UserError
from tasks.reporting import evaluation
from zoo import presets

TRAINED = {
    "dataset": "texts/short:1.0.0",
    "text_column": "body",
    "label_column": "stars",
    "test_split": "validation",
}
COLUMNS = "text_column", "label_column"


@dataclasses.dataclass
class Settings(EvaluationConfig):
    """Of a template with texts and labels."""

    text_column: str | None = None
    label_column: str | None = None


@pytest.fixture
def choose(tmp_path, monkeypatch):
    """Chooses for a preset with a record of its training, and says what."""
    monkeypatch.setattr(data, "load_builder", lambda *of: of)

    def choose(record, *columns, files="", **asked):
        presets.write_metrics(tmp_path, {"training": record}, card="")
        return evaluation.choose(tmp_path, Settings(**asked), *columns, files=files)

    return choose


def test_by_default_it_is_what_was_held_back_of_the_training(choose):
    found = choose(TRAINED, *COLUMNS, data_dir="here")
    assert found.builder == ("texts/short:1.0.0", "here")
    assert found.splits == ("validation",)
    assert found.columns == ("body", "stars")
    several = TRAINED | {"test_splits": ["validation+test", "test"]}
    assert choose(several).splits == ("validation+test", "test")
    assert choose(TRAINED | {"test_split": None}).splits == ("test",)


def test_what_is_asked_for_comes_first(choose):
    found = choose(TRAINED, *COLUMNS, split="test[:9]", label_column="class")
    assert found.splits == ("test[:9]",)
    assert found.columns == ("body", "class")


def test_of_another_dataset_the_training_tells_nothing(choose):
    found = choose(TRAINED, *COLUMNS, dataset="others", text_column="review")
    assert found.builder == ("others", None)
    assert found.splits == ("test",)
    assert found.columns == ("review", None)


@pytest.mark.parametrize("files", ["", "--files"])
def test_a_training_on_files_leaves_no_dataset(choose, files):
    with pytest.raises(UserError, match=r"on record.*--dataset") as error:
        choose({"train": "*.txt"}, files=files)
    assert ("or files with --files" in str(error.value)) == bool(files)
