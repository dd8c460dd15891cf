"""What a preset is measured on."""

import dataclasses

import pytest

from tasks.cli.config import EvaluationConfig
from tasks.data import builders as data
from tasks.errors import UserError
from tasks.reporting import cards, evaluation
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
    monkeypatch.setattr(data, "name", lambda builder: f"{builder[0]}:9.9.9")

    def choose(record, *columns, files="", **asked):
        presets.write_metrics(tmp_path, {"training": record}, card="")
        return evaluation.choose(tmp_path, Settings(**asked), *columns, files=files)

    return choose


@pytest.fixture
def choose_one(choose):
    """The same, of what is a single dataset."""

    def choose_one(*record_and_columns, **asked):
        [found] = choose(*record_and_columns, **asked)
        return found

    return choose_one


def test_by_default_it_is_what_was_held_back_of_the_training(choose_one):
    found = choose_one(TRAINED, *COLUMNS, data_dir="here")
    assert found.builder == ("texts/short:1.0.0", "here")
    assert found.splits == ("validation",)
    assert found.columns == ("body", "stars")
    several = TRAINED | {"test_splits": ["validation+test", "test"]}
    assert choose_one(several).splits == ("validation+test", "test")
    assert choose_one(TRAINED | {"test_split": None}).splits == ("test",)


def test_what_is_asked_for_comes_first(choose_one):
    found = choose_one(TRAINED, *COLUMNS, split="test[:9]", label_column="class")
    assert found.splits == ("test[:9]",)
    assert found.columns == ("body", "class")


def test_of_another_dataset_the_training_tells_nothing(choose_one):
    found = choose_one(TRAINED, *COLUMNS, dataset="others", text_column="review")
    assert found.builder == ("others", None)
    assert found.splits == ("test",)
    assert found.columns == ("review", None)


def test_a_dataset_that_was_trained_on_is_so_by_its_name_too(choose_one):
    found = choose_one(TRAINED, *COLUMNS, dataset="texts/short", label_column="class")
    assert found.builder == ("texts/short", None)
    assert found.splits == ("validation",)
    assert found.columns == ("body", "class")
    found = choose_one(TRAINED, *COLUMNS, dataset="texts/short", split="train")
    assert found.splits == ("train",)


@pytest.mark.parametrize("files", ["", "--files"])
def test_a_training_on_files_leaves_no_dataset(choose_one, files):
    with pytest.raises(UserError, match=r"on record.*--dataset") as error:
        choose_one({"train": "*.txt"}, files=files)
    assert ("or files with --files" in str(error.value)) == bool(files)


def test_each_of_several_datasets_has_its_own_columns_and_splits(choose):
    several = {
        "dataset": ["a:1.0.0", "b:1.0.0"],
        "text_column": ["text", "body"],
        "label_column": "label",
        "test_split": ["test", "validation"],
    }
    first, second = choose(several, *COLUMNS)
    assert first == (("a:1.0.0", None), ("test",), ("text", "label"))
    assert second == (("b:1.0.0", None), ("validation",), ("body", "label"))
    both = choose(TRAINED, *COLUMNS, dataset=["x", "y"])
    assert [found.builder[0] for found in both] == ["x", "y"]
    assert {found.columns for found in both} == {(None, None)}


def test_a_file_may_be_of_a_single_dataset_or_of_files(tmp_path):
    def check(record, **asked):
        presets.write_metrics(tmp_path, {"training": record}, card="")
        evaluation.check_alone(tmp_path, Settings(**asked), "--out")

    check(TRAINED)
    check({"dataset": ["a", "b"]}, dataset=["a"])
    check({"train": "*.txt"})
    for record, asked in (({"dataset": ["a", "b"]}, None), (TRAINED, ["a", "b"])):
        with pytest.raises(UserError, match=r"^--out takes .* 2 to measure on: a, b\."):
            check(record, dataset=asked)


def test_one_dataset_may_have_several_tests_and_so_may_each_of_two(choose):
    one = {"dataset": ["a"], "test_splits": ["validation+test", "test"]}
    assert [found.splits for found in choose(one)] == [("validation+test", "test")]
    two = {"dataset": ["a", "b"], "test_splits": [["validation+test", "test"], ["x"]]}
    assert [found.splits for found in choose(two)] == [
        ("validation+test", "test"),
        ("x",),
    ]
    # Alike, and so recorded once: two splits of two datasets each.
    alike = {"dataset": ["a", "b"], "test_splits": ["validation", "test"]}
    assert {found.splits for found in choose(alike)} == {("validation", "test")}


def test_where_nothing_can_be_written_the_card_is_left(tmp_path, monkeypatch, capsys):
    assert evaluation.writes_card(tmp_path, Settings())
    monkeypatch.setattr("os.access", lambda *_: False)
    assert not evaluation.writes_card(tmp_path, Settings())
    cards.tell_unwritten(tmp_path)
    told = f"card        left as it is: nothing can be written in {tmp_path}.\n"
    assert capsys.readouterr().out == told
    with pytest.raises(UserError, match="--write-card: nothing can be written in"):
        evaluation.writes_card(tmp_path, Settings(write_card=True))


def test_what_was_trained_on_is_not_measured_on_for_want_of_what_was_held_back(
    choose, tmp_path, capsys
):
    nothing = {"dataset": ["a", "b"], "test_splits": []}
    told = "what its training held back, and that is nothing of a, b. .* --split"
    with pytest.raises(UserError, match=told):
        choose(nothing)
    assert {found.splits for found in choose(nothing, split="test")} == {("test",)}
    with pytest.raises(UserError, match=r"nothing of a\. "):
        choose(nothing, dataset=["a"])
    assert choose(nothing, dataset=["c"])[0].splits == ("test",)
    assert capsys.readouterr().err == ""
    one = {"dataset": ["a", "b"], "test_splits": [[], ["test"]]}
    [found] = choose(one)
    assert (found.builder[0], found.splits) == ("b", ("test",))
    assert "note: a is left out: the training held nothing" in capsys.readouterr().err
    evaluation.check_alone(tmp_path, Settings(), "--out")  # it is b alone
