"""What a preset remembers of its datasets."""

from tasks.data import dataset_records

ONE = {"dataset": "a:1", "text_column": "text", "test_split": "test"}
OTHER = {"dataset": "b:1", "text_column": "body", "test_split": "test"}


def test_what_all_have_alike_is_recorded_once_and_each_is_found_again():
    found = dataset_records.together([ONE, OTHER])
    assert found == {
        "dataset": ["a:1", "b:1"],
        "text_column": ["text", "body"],
        "test_split": "test",
    }
    assert dataset_records.apart(found) == [ONE, OTHER]


def test_a_single_dataset_is_a_list_too():
    found = dataset_records.together([ONE])
    assert found["dataset"] == ["a:1"]
    assert found["text_column"] == "text"
    assert dataset_records.apart(found) == [ONE]


def test_older_records_have_a_string_and_those_of_files_nothing():
    assert dataset_records.apart(ONE) == [ONE]
    assert dataset_records.apart({"train": "*.txt"}) == []


def test_what_is_of_all_datasets_is_of_each():
    together = {"dataset": ["a:1", "b:1"], "types": ["PER", "LOC"]}
    for part in dataset_records.apart(together):
        assert part["types"] == ["PER", "LOC"]
