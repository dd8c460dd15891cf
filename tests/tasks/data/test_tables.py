"""CSV, TSV and JSON lines: as Python's csv and json write them, and as people do."""

import csv
import gzip
import io
import json
import os

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.data import tables
from tasks.errors import UserError

HARD = ['a, "b"; c', "two\nlines", "\ttab", "", "😀 e\u0301té", "'", "=1+1", " x "]


def write(folder, name, content):
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def cells(path, *encoding):
    return [record.cells for record in tables.read(path, *encoding).records()]


def as_csv(rows, **dialect):
    file = io.StringIO()
    csv.writer(file, **dialect).writerows([["text", "label"], *rows])
    return file.getvalue()


@pytest.mark.parametrize("ends", ["\n", "\r\n"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
@pytest.mark.parametrize(("name", "delimiter"), [("a.csv", ","), ("a.CSV", ";")])
def test_csv_is_read_as_excel_writes_it(tmp_path, ends, mark, name, delimiter):
    content = mark + as_csv(
        [[text, "1"] for text in HARD], delimiter=delimiter, lineterminator=ends
    )
    path = write(tmp_path, name, content)
    assert cells(path) == [{"text": text, "label": "1"} for text in HARD]


def test_the_line_that_tells_excel_the_delimiter_is_no_header(tmp_path):
    path = write(tmp_path, "a.csv", "sep=;\r\ntext;label\r\na,b;1\r\n")
    [record] = tables.read(path).records()
    assert record == tables.Record(3, {"text": "a,b", "label": "1"})


@pytest.mark.parametrize("name", ["a.tsv.gz", "a.TSV.GZ"])
def test_a_packed_table_is_known_by_the_ending_before_gz(tmp_path, name):
    content = gzip.compress(b"text\tlabel\na\t1\n")
    assert cells(write(tmp_path, name, content)) == [{"text": "a", "label": "1"}]


@pytest.mark.parametrize("ends", ["\r", "\r\n"])
def test_other_encodings_and_line_ends_are_read(tmp_path, ends):
    content = f"text,label{ends}été,1{ends}".encode("latin-1")
    path = write(tmp_path, "a.csv", content)
    assert cells(path, "latin-1") == [{"text": "été", "label": "1"}]
    with pytest.raises(UserError, match=r"in line .*--encoding"):
        cells(path)


def test_tsv_may_be_quoted(tmp_path):
    path = write(tmp_path, "a.tsv", as_csv([["a\tb", "1"]], delimiter="\t"))
    assert cells(path) == [{"text": "a\tb", "label": "1"}]


def test_quotes_of_tsv_that_do_not_fit_together_are_text(tmp_path):
    content = 'text\tlabel\n"good\t1\n"a" film\t0\n'
    found = [row["text"] for row in cells(write(tmp_path, "a.tsv", content))]
    assert found == ['"good', '"a" film']


def test_json_lines_keep_what_json_has(tmp_path):
    rows = [{"text": text, "n": [1, None], "é": True} for text in HARD]
    content = "\n\n".join(json.dumps(row, ensure_ascii=False) for row in rows)
    assert cells(write(tmp_path, "a.jsonl", content)) == rows


@pytest.mark.parametrize("name", ["a.csv", "a.tsv"])
def test_a_carriage_return_that_ends_no_line_is_a_cells(tmp_path, name):
    """Without quotes, as Python's csv writes it where lines end with LF."""
    delimiter = "\t" if name == "a.tsv" else ","
    rows = ["text,label", "a\rb,1", '"c\rd ""e""\n\rf",0', "\r\r,\r1", "g,0"]
    content = "\n".join(rows).replace(",", delimiter)
    expected = [("a\rb", "1"), ('c\rd "e"\n\rf', "0"), ("\r\r", "\r1"), ("g", "0")]
    for text in (content, content.replace("\n", "\r\n")):
        found = cells(write(tmp_path, name, text))
        assert [(row["text"], row["label"]) for row in found] == expected
    # Where quotes are text, too.
    path = write(tmp_path, "b.tsv", 'text\tlabel\n"a\rb\t1\n')
    assert cells(path) == [{"text": '"a\rb', "label": "1"}]


def test_records_know_the_line_that_they_begin_in(tmp_path):
    path = write(tmp_path, "a.csv", 'text,label\n"a\nb",1\n\nc,0\n')
    assert [record.line for record in tables.read(path).records()] == [2, 5]


def test_a_cell_of_a_megabyte_is_one(tmp_path):
    path = write(tmp_path, "a.csv", as_csv([["x" * 2**20, "1"]]))
    assert len(cells(path)[0]["text"]) == 2**20


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.txt", "text,label\n", r"no table by its name.*\.csv"),
        ("a", "text,label\n", "no table by its name"),
        ("a.xlsx", "PK", "no table by its name"),
        ("a.csv", b"PK\x03\x04", r"a ZIP archive.*\.xlsx"),
        ("a.csv", "", "is empty: a first line"),
        ("a.csv", "\n", "is empty: a first line"),
        ("a.csv", "\n\ntext,label\n", "begins with a blank line: a first line"),
        ("a.csv", "text,label,,\na,b,,\n", "several columns without a name"),
        ("a.jsonl", " \n", "is empty: a JSON object"),
        ("a.csv", "text,text\na,b\n", "two columns 'text'"),
        ("a.csv", "text,label\na,b,c\n", "line 2: 3 cells, but .* 2 columns.* a comma"),
        ("a.csv", "text;label\na\n", "line 2: 1 cells.* a semicolon"),
        ("a.csv", 'text,label\na,1\n"b,1\nc,1\n', "never closed, .* line 3 on"),
        ("a.csv", 'text,label\n"a" b,1\n', "behind a closing quote .* line 2 on"),
        ("a.csv", "text,label\na\0,1\n", "holds a NUL in line 2"),
        ("a.jsonl", '{"text": "a"}\n{"text"\n', "line 2 is no JSON"),
        ("a.jsonl", '["a"]\n', "line 1 is a list, no object"),
        ("a.json", "[\n", "line 1 is no JSON"),
        ("a.jsonl", '{"text": "a"}\n7\n', "line 2 is 7, no object"),
        ("a.jsonl", '{"a":' + "[" * 200_000 + "\n", "line 1 is"),
    ],
)
def test_what_is_no_table_is_told_with_its_line(tmp_path, name, content, message):
    path = write(tmp_path, name, content)
    with pytest.raises(UserError, match=message):
        cells(path)


@pytest.mark.parametrize("name", ["a.csv", "a.tsv", "a.jsonl"])
def test_a_pipe_is_not_waited_for_a_second_time(tmp_path, name):
    os.mkfifo(tmp_path / name)
    with pytest.raises(
        UserError, match=r"a pipe or a device, and .* into a file first"
    ):
        tables.read(tmp_path / name)


@pytest.mark.parametrize(
    ("cell", "message"),
    [("7", "is 7, not a text"), ("null", "is null"), (r'"\ud800"', "surrogate pair")],
)
def test_a_text_of_json_that_is_none_is_told_with_its_line(tmp_path, cell, message):
    path = write(tmp_path, "a.jsonl", f'{{"text": "a"}}\n{{"text": {cell}}}\n')
    _, second = tables.read(path).records()
    with pytest.raises(UserError, match=f"line 2: .*{message}"):
        tables.text_of(second, "text", path)
    with pytest.raises(UserError, match="line 2 has no 'label'"):
        tables.cell(second, "label", path)


def test_a_column_is_the_chosen_one_or_known_by_its_name(tmp_path):
    table = tables.read(write(tmp_path, "a.csv", "id, Text,Review\n"))
    assert table.column("text", "id") == "id"
    assert table.column("text", None, ("text", "review")) == " Text"
    with pytest.raises(UserError, match=r"'txt'\. Did you mean 'id'|Unknown column"):
        table.column("text", "txt")
    with pytest.raises(UserError, match=r"id,  Text, Review: .*--label-column"):
        table.column("label", None, ("label",))


CELLS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\r"))


@settings(max_examples=25)
@given(st.lists(st.fixed_dictionaries({"text": CELLS, "label": CELLS}), min_size=1))
@pytest.mark.parametrize("kind", ["csv", "tsv", "jsonl"])
def test_what_is_written_is_read_again(tmp_path_factory, kind, rows):
    path = tmp_path_factory.mktemp("written") / f"a.{kind}"
    content = "".join(tables.written(rows, ["text", "label"], kind))
    path.write_bytes(content.encode())
    assert cells(path) == rows


ANY = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))


@settings(max_examples=50)
@given(st.lists(st.fixed_dictionaries({"text": ANY, "label": ANY}), min_size=1))
@pytest.mark.parametrize(
    ("kind", "delimiter"), [("csv", ","), ("csv", ";"), ("tsv", "\t")]
)
def test_what_is_written_is_read_by_others(kind, delimiter, rows):
    content = "".join(tables.written(rows, ["text", "label"], kind, delimiter))
    # As Excel and pandas, it ends a row at a CR alone as well.
    file = io.StringIO(content, newline="")
    assert [*csv.DictReader(file, delimiter=delimiter)] == rows
    assert content.endswith("\n")
    assert not content.endswith("\r\n")


@pytest.mark.parametrize("cell", ["a\rb", "\r", "a\r", "a\r\nb", "a\nb"])
def test_a_cell_with_a_line_end_is_in_quotes(tmp_path, cell):
    rows = [{"text": cell, "id": "1"}]
    content = "".join(tables.written(rows, ["text", "id"], "csv"))
    assert content == f'text,id\n"{cell}",1\n'
    path = write(tmp_path, "a.csv", content)
    assert cells(path) == [{"text": cell.replace("\r\n", "\n"), "id": "1"}]


def test_where_quotes_are_text_they_stay_as_they_are(tmp_path):
    content = 'text\tlabel\n"good\t1\nHe said "hi"\t\n"a" film\t0\n'
    table = tables.read(write(tmp_path, "a.tsv", content))
    rows = [record.cells for record in table.records()]
    form = table.kind, table.delimiter, table.quoted
    assert "".join(tables.written(rows, table.columns, *form)) == content
    rows = [{**row, "found": ["a\tb"], "it": "c\td\r\ne"} for row in rows]
    lines = "".join(tables.written(rows, [*rows[0]], *form)).splitlines()
    assert lines[2] == "\t".join(['He said "hi"', "", r'["a\tb"]', r"c\td\r\ne"])
    path = write(tmp_path, "b.tsv", "".join(f"{line}\n" for line in lines))
    assert [row["text"] for row in cells(path)] == [row["text"] for row in rows]


def test_csv_takes_no_records_of_other_columns():
    rows = [{"a": "1"}, {"a": "2", "b": "3"}]
    with pytest.raises(UserError, match=r"other columns .* b: .*\.jsonl"):
        list(tables.written(rows, ["a"], "csv"))
    assert len(list(tables.written(rows, ["a"], "jsonl"))) == 2
