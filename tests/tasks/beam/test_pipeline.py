"""Answers of many files by Apache Beam's runners, beside those of the commands."""

import bz2
import contextlib
import gzip
import json
import lzma
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tasks import ner, sentiment, text, translation
from tasks.beam import leftovers
from tasks.cli import templates
from tasks.errors import UserError
from tests.benchmarks import pipelines
from tests.tasks.spoilt import spoil
from zoo.models import SequenceClassifier

pytest.importorskip("apache_beam")
pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[3]
RUNNER = "--runner", "DirectRunner"
# What answers: a template, its command, a preset, flags.
CASES = [
    (sentiment.TEMPLATE, "predict", "sentiment_imdb", ()),
    (ner.TEMPLATE, "predict", "ner_conll2002_es", ()),
    (text.TEMPLATE, "score", "text_shakespeare", ()),
    (translation.TEMPLATE, "translate", "translation_multi30k_de_en", ("--n-best", 3)),
]
LINES = [
    "Ein Hund läuft.",
    "",
    "Anna vive en León.",
    "Two men, one dog.",
    "\u200b",
    "?",
]


@pytest.fixture
def files(tmp_path):
    (tmp_path / "a.txt").write_text("\n".join(LINES[:3]) + "\n", "utf-8")
    with gzip.open(tmp_path / "b.txt.gz", "wt", encoding="utf-8") as file:
        file.write("\r\n".join(LINES[3:]))
    return tmp_path


def answers(folder, prefix="out"):
    """Returns the written lines by file and line."""
    found = {}
    for path in sorted(folder.glob(f"{prefix}-*.jsonl")):
        for line in path.read_text("utf-8").splitlines():
            row = json.loads(line)
            key = Path(row.pop("file")).name, row.pop("line")
            assert key not in found
            found[key] = row
    return found


def assert_alike(found, expected):
    """Checks JSON, numbers to what batches of other lengths make of them."""
    if isinstance(expected, dict):
        assert list(found) == list(expected)
        for name, value in expected.items():
            assert_alike(found[name], value)
    elif isinstance(expected, list):
        assert len(found) == len(expected)
        for one, other in zip(found, expected, strict=True):
            assert_alike(one, other)
    elif isinstance(expected, float):
        assert found == pytest.approx(expected, rel=1e-4, abs=1e-5)
    else:
        assert found == expected


@pytest.mark.parametrize("case", CASES, ids=lambda case: case[0].name)
def test_answers_are_those_of_the_command(case, files, run):
    template, command, preset, flags = case
    given = command, "--model", preset, *map(str, flags)
    plain = files / "plain.txt"
    plain.write_text("\n".join(LINES), "utf-8")
    outcome = run(*given, "--input", plain, "--json", template=template)
    assert outcome.code == 0, outcome.err
    expected = [json.loads(line) for line in outcome.out.splitlines()]
    plain.unlink()

    outcome = run(
        *given, "--input", files / "*.txt*", "--output", files / "out", *RUNNER,
        template=template,
    )  # fmt: skip
    assert outcome.code == 0, outcome.err
    assert "texts       6," in outcome.err
    found = answers(files)
    places = [("a.txt", n) for n in (1, 2, 3)] + [("b.txt.gz", n) for n in (1, 2, 3)]
    assert sorted(found) == places
    for place, row in zip(places, expected, strict=True):
        if "unknown" in row:  # their spelling is not in a SavedModel
            unknown = found[place].pop("unknown_places")
            assert len(unknown) == len(row.pop("unknown"))
            for each in unknown:
                row["tokens"][each] = found[place]["tokens"][each]
        assert_alike(found[place], row)


def test_one_file_is_answered_in_its_order_and_what_is_no_text_is_told(
    preset, tmp_path, run, monkeypatch
):
    from tasks.beam import writing

    monkeypatch.setattr(writing, "_BLOCK", 8)
    lines = [f"good film {'very ' * (number % 7)}{number}" for number in range(30)]
    lines[4] = "bad \udcff"
    (tmp_path / "in.txt").write_text("\n".join(lines), "utf-8", "surrogateescape")
    given = "predict", "--model", preset, "--input", tmp_path / "in.txt", *RUNNER
    outcome = run(*given, "--keep-order", "--output", tmp_path / "out")
    assert outcome.code == 0, outcome.err
    assert "1 couldn't be read" in outcome.err
    paths = sorted(tmp_path.glob("out-*"))
    assert len(paths) == 4
    rows = [json.loads(li) for p in paths for li in p.read_text("utf-8").splitlines()]
    assert [row["line"] for row in rows] == [*range(1, 31)]
    assert [row.get("text") for row in rows] == [*lines[:4], None, *lines[5:]]
    assert "UTF-8" in rows[4]["error"]

    outcome = run(*given, "--output", tmp_path / "out")
    assert outcome.code == 2
    assert "there are answers already" in outcome.err
    assert sorted(tmp_path.glob("out-*")) == paths


@pytest.mark.parametrize(
    ("argv", "sentence"),
    [
        (["--input", "{}/none*", "--output", "{}/o"], "there is no such file"),
        (["--input", "{}/*.txt*"], "give --input and --output"),
        (["--output", "{}/o", "a text"], "give --input and --output"),
        (["--input", "{}/*", "--output", "{}/o", "--keep-order"], "is of one file"),
        (["--input", "{}/*", "--output", "{}/o", "--encoding", "utf-16"], "iconv"),
        (["--input", "{}/*", "--output", "{}/o", "--text-column", "t"], "no table"),
        (["--input", "{}/*", "--output", "{}/o", "--no_such_flag", "3"], "no_such"),
        (["--input", "{}/*", "--output", "{}/o", "--model", "nowhere"], "preset"),
        (["--input", "{}/r/*", "--output", "{}/o"], "train.tfrecord-00000-of-00001"),
        (
            ["--input", "{}/*", "--output", "{}/o", "--runner", "DirectRuner"],
            "--runner DirectRuner: Unexpected pipeline runner",
        ),
        (
            ["--input", "{}/*", "--output", "{}/o", "--runner", "no.such.Runner"],
            "--runner no.such.Runner: ",
        ),
        (
            ["--input", "{}/*", "--output", "{}/o", "--direct_num_workers", "x"],
            "invalid int value: 'x'",
        ),
    ],
)
def test_mistakes_are_told_before_there_is_work(argv, sentence, preset, files, run):
    (files / "r").mkdir()
    (files / "r" / "train.tfrecord-00000-of-00001").touch()
    given = [each.format(files) for each in argv]
    model = () if "--model" in argv else ("--model", preset)
    runner = () if "--runner" in argv else RUNNER
    outcome = run("predict", *model, *given, *runner)
    assert outcome.code == 2
    assert sentence in outcome.err
    assert outcome.err.count("\n") == 1
    assert {path.name for path in files.iterdir()} == {"a.txt", "b.txt.gz", "r"}


@pytest.mark.parametrize(
    ("template", "command", "flags", "sentence"),
    [
        (ner.TEMPLATE, "predict", ["--conll"], "leave --conll out"),
        (translation.TEMPLATE, "translate", ["--beam", "3"], "--beam 4, or 1"),
        (translation.TEMPLATE, "translate", ["--resume"], "--resume"),
        (
            translation.TEMPLATE,
            "translate",
            ["--beam", "1", "--max-length", "9"],
            "without --max-length: leave that out, or take --beam 4",
        ),
    ],
)
def test_what_a_saved_model_cannot_do_is_refused(
    template, command, flags, sentence, files, run
):
    where = "--input", files / "*", "--output", files / "out"
    outcome = run(command, *where, *flags, *RUNNER, template=template)
    assert outcome.code == 2
    assert sentence in outcome.err


@pytest.fixture
def job_service():
    """The address of a job server of Beam's own, in another process."""
    with pipelines.job_server() as (address, _):
        yield address


def test_a_job_server_answers_as_the_direct_runner_does(
    job_service, preset, files, run
):
    given = "predict", "--model", preset, "--input", files / "*.txt*"
    portable = "--runner", "PortableRunner", "--job_endpoint", job_service
    for name, runner in (
        ("direct", RUNNER),
        ("portable", (*portable, "--environment_type", "LOOPBACK")),
    ):
        outcome = run(*given, "--output", files / name, *runner)
        assert outcome.code == 0, outcome.err
        assert "texts       6," in outcome.err
    found, expected = (answers(files, name) for name in ("portable", "direct"))
    assert found.keys() == expected.keys()
    for place, row in expected.items():  # whichever texts a batch of either has
        assert_alike(found[place], row)


def test_a_job_may_take_longer_than_its_server_to_answer(
    job_service, monkeypatch, capsys
):
    from apache_beam.options.pipeline_options import PortableOptions

    from tasks.beam import pipeline

    endpoint = f"--job_endpoint={job_service}"
    for flags, seconds in (
        ([endpoint], 30 * 24 * 3600),
        ([endpoint, "--job_server_timeout=7"], 7),
    ):
        made = pipeline._pipeline("PortableRunner", flags)
        assert made._options.view_as(PortableOptions).job_server_timeout == seconds

    monkeypatch.setattr(pipeline, "_SILENT_SECONDS", 0.2)
    nowhere = ["--job_endpoint=localhost:1", "--job_server_timeout=1"]
    with pytest.raises(UserError, match="localhost:1: no job server has answered"):
        pipeline._pipeline("PortableRunner", nowhere)
    assert "note: waiting up to 1 seconds" in capsys.readouterr().err


def test_what_a_failed_call_of_a_server_says_is_told():
    import grpc

    from tasks.beam import pipeline

    class Call(grpc.RpcError, grpc.Call):
        """As grpc's own, but for what it doesn't tell here."""

        def code(self):
            return grpc.StatusCode.DEADLINE_EXCEEDED

        def details(self):
            return "too late"

        add_callback = cancel = initial_metadata = is_active = None
        time_remaining = trailing_metadata = None

    assert pipeline._reason(Call()) == "DEADLINE_EXCEEDED: too late"
    assert pipeline._reason(RuntimeError("a\nTypeError: b\n")) == "TypeError: b"
    assert pipeline._reason(ValueError()) == "ValueError"


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="Linux")
@pytest.mark.parametrize("order", [(), ("--keep-order",)])
def test_where_a_worker_is_killed_no_answers_are_written(order, preset, tmp_path):
    pipe, out = tmp_path / "in.txt", tmp_path / "out"
    os.mkfifo(pipe)
    workers = "--direct_num_workers", "2", "--direct_running_mode", "multi_processing"
    command = subprocess.Popen(
        [sys.executable, "-m", "tasks.sentiment", "predict", "--model", preset,
         "--input", pipe, "--output", out / "part", *RUNNER, *workers, *order],
        cwd=ROOT, stderr=subprocess.PIPE, text=True, encoding="utf-8",
        start_new_session=True,
    )  # fmt: skip
    try:
        descriptor = _opened(pipe, command)
        os.kill(_reader(pipe), signal.SIGKILL)
        told = command.communicate(timeout=600)[1]
        os.close(descriptor)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(command.pid, signal.SIGKILL)
    assert command.returncode == 1
    assert told.splitlines()[-1].endswith("No answers were written.")
    assert "the pipeline failed: " in told.splitlines()[-1]
    assert "note: Worker subprocess exited with " in told
    assert "Traceback" not in told
    assert not out.exists() or not list(out.iterdir())


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="Linux")
def test_workers_that_are_left_behind_are_ended():
    waits = "import time; time.sleep(60)  # {}"
    of_beam, other = (
        # In a shell, as Beam starts its workers.
        subprocess.Popen(
            f"{sys.executable} -c '{waits.format(name)}'; true", shell=True
        )
        for name in (leftovers._WORKER.decode(), "no worker")
    )
    try:
        while not list(leftovers.descendants(of_beam.pid)):
            time.sleep(0.01)
        leftovers.end_workers()
        assert of_beam.wait(timeout=600) != 0
        assert other.poll() is None
    finally:
        for process in [*leftovers.descendants(other.pid), other.pid]:
            os.kill(process, signal.SIGKILL)
        other.wait()


def _opened(pipe, command):
    """Opens a pipe for writing once a process reads it, a worker of a command."""
    for _ in range(6000):
        assert command.poll() is None, command.stderr.read()
        with contextlib.suppress(OSError):  # nobody reads
            return os.open(pipe, os.O_WRONLY | os.O_NONBLOCK)
        time.sleep(0.1)
    raise AssertionError(f"Nobody reads {pipe}.")


def _reader(pipe):
    """Returns the number of the process that has a pipe open, beside this one.

    A pipe can be written to a moment before its reader's call of open has returned.
    """
    for _ in range(600):
        for link in Path("/proc").glob("[0-9]*/fd/*"):
            with contextlib.suppress(OSError):
                process = int(link.parts[2])
                if process != os.getpid() and link.samefile(pipe):
                    return process
        time.sleep(0.1)
    raise AssertionError(f"Nobody reads {pipe}.")


def test_a_pipeline_that_fails_is_no_mistake_of_the_users(preset, files, run):
    where = "--input", files / "a.txt", "--output", files / "out"
    nowhere = "--saved-model", files / "nowhere"
    outcome = run("predict", "--model", preset, *where, *nowhere, *RUNNER)
    assert outcome.code == 1
    assert "sentiment: the pipeline failed: " in outcome.err.splitlines()[-1]
    assert "Traceback" not in outcome.err


def test_answers_that_a_runner_loses_are_missed(preset, files, run, monkeypatch):
    from tasks.beam import writing

    whole = writing._name

    def losing(parts, output):
        parts = list(parts)
        for part, _ in filter(None, parts):
            lines = Path(part).read_text("utf-8").splitlines(keepends=True)
            Path(part).write_text("".join(lines[:-1]), "utf-8")
        whole(parts, output)

    monkeypatch.setattr(writing, "_name", losing)
    where = "--input", files / "*.txt*", "--output", files / "out"
    outcome = run("predict", "--model", preset, *where, *RUNNER)
    assert outcome.code == 1
    assert "the runner has written 5 answers for 6 texts. Delete" in outcome.err


def test_answers_are_named_by_output_whatever_it_holds(preset, files, run):
    (files / "o[2]").mkdir()
    (files / "o[2]" / "a*b-c-00000-of-00001.jsonl").write_text("another's\n")
    given = "predict", "--model", preset, "--input", files / "*.txt*"
    outcome = run(*given, "--output", files / "o[2]" / "a*b", *RUNNER)
    assert outcome.code == 0, outcome.err
    names = {path.name for path in (files / "o[2]").iterdir()}
    assert names == {"a*b-c-00000-of-00001.jsonl", "a*b-00000-of-00001.jsonl"}
    outcome = run(*given, "--output", files / "o[2]" / "a*b", *RUNNER)
    assert outcome.code == 2
    assert "there are answers already" in outcome.err
    outcome = run(*given, "--output", f"{files}/new/", *RUNNER)
    assert outcome.code == 2
    assert "new/part, say" in outcome.err


@pytest.mark.parametrize("order", [(), ("--keep-order",)])
def test_no_texts_have_a_file_of_no_answers(order, preset, tmp_path, run):
    (tmp_path / "in.txt").touch()
    where = "--input", tmp_path / "in.txt", "--output", tmp_path / "out"
    outcome = run("predict", "--model", preset, *where, *RUNNER, *order)
    assert outcome.code == 0, outcome.err
    [path] = tmp_path.glob("out*")
    assert path.name == "out-00000-of-00001.jsonl"
    assert path.read_text() == ""


def test_what_an_interrupted_try_has_written_goes(tmp_path):
    from tasks.beam import writing

    output = str(tmp_path / "out")
    parts = writing.parts_folder(output)
    writer = writing._WriteBundle(parts)
    made = []
    for _ in range(2):  # as runners do a bundle again
        writer.start_bundle()
        writer.process((("a.txt", 1), "{}"))
        made += [each.value[1] for each in writer.finish_bundle()]
    writer.start_bundle()
    assert list(writer.finish_bundle()) == []
    for _ in range(2):
        writing._name([None, made[0]], output)
    assert writing.written(output) == [f"{output}-00000-of-00001.jsonl"]
    assert writing.count(output) == 1
    writing.clear(parts)
    writing.clear(parts)
    assert [path.name for path in tmp_path.iterdir()] == ["out-00000-of-00001.jsonl"]


def test_a_runner_is_of_commands_that_take_texts(run):
    outcome = run("evaluate", *RUNNER)
    assert outcome.code == 2
    assert "Unknown flag '--runner'" in outcome.err


def test_flags_of_beam_are_told_from_ours():
    from tasks.beam import flags

    argv = "predict --runner X --direct_num_workers 2 --streaming a --output=o "
    argv += "--job_name=n b"
    ours, of_beam = flags.split(argv.split())
    assert ours == ["predict", "--runner", "X", "a", "--output=o", "b"]
    assert of_beam == ["--direct_num_workers", "2", "--streaming", "--job_name=n"]


WORKER = """
import sys

class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("zoo", "tasks"):
            raise ImportError(f"{name} is not on this worker")

sys.meta_path.insert(0, Blocked())
from apache_beam.internal import cloudpickle
for handler, row in cloudpickle.load(open(sys.argv[1], "rb")):
    model = handler.load_model()
    for each in handler.run_inference(["Anna ging.", ""], model):
        print(row(each.inference))
assert "zoo" not in sys.modules
"""


def test_penalties_are_of_models_that_attend(tmp_path):
    config = {"class": "zoo.models.translator.Translator", "config": {}}
    chosen = translation.TEMPLATE.all_commands()["translate"]
    call, asked = templates.function(chosen.served), chosen.config(coverage_penalty=0.1)
    for attention, refused in (("general", False), (None, True)):
        config["config"]["attention"] = attention
        (tmp_path / "config.json").write_text(json.dumps(config))
        outcome = pytest.raises(UserError, match="this model has none of")
        with outcome if refused else contextlib.nullcontext():
            assert call(tmp_path, asked).arguments["coverage_penalty"] == 0.1


def test_what_is_damaged_fails_no_pipeline(preset, tmp_path, run):
    """By Beam's own opening of files: cut off, no gzip, or of other quotes."""
    lines = [f"good film {number} {number**9}" for number in range(2_000)]
    content = gzip.compress("\n".join(lines).encode())
    (tmp_path / "a.csv.gz").write_bytes(
        gzip.compress(b'text\ngood\n"bad" film\nfine\n')
    )
    (tmp_path / "b.csv.gz").write_bytes(b"text\nplain\n")
    (tmp_path / "c.csv.gz").write_bytes(gzip.compress(b"text\n") + content[:-9])
    given = "--input", tmp_path / "*.csv.gz", "--text-column", "text"
    outcome = run(
        "predict", "--model", preset, *given, "--output", tmp_path / "out", *RUNNER
    )
    assert outcome.code == 0, outcome.err
    assert "note: 3 couldn't be read" in outcome.err
    found = answers(tmp_path)
    rows = {key: row.get("text") for key, row in found.items() if key[0] != "c.csv.gz"}
    assert rows == {("a.csv.gz", 2): "good", ("a.csv.gz", 3): None,
                    ("a.csv.gz", 4): "fine", ("b.csv.gz", 1): None}  # fmt: skip
    cut = {line: row for (name, line), row in found.items() if name == "c.csv.gz"}
    assert sorted(cut) == [*range(2, max(cut) + 1)]
    assert "are cut off" in cut[max(cut)]["error"]
    for line, row in cut.items():
        assert line == max(cut) or row["text"] == lines[line - 2]


def test_what_gzip_has_not_packed_is_told_as_the_commands_tell_it(
    preset, tmp_path, run
):
    (tmp_path / "a.bz2").write_bytes(bz2.compress(b"good\n"))
    (tmp_path / "b.xz").write_bytes(lzma.compress(b"good\n"))
    (tmp_path / "c.deflate").write_bytes(b"good\n")
    outcome = run(
        "predict", "--model", preset, "--input", tmp_path / "*", "--output",
        tmp_path / "out", *RUNNER,
    )  # fmt: skip
    assert outcome.code == 0, outcome.err
    found = answers(tmp_path)
    assert "packed by bzip2" in found["a.bz2", 1]["error"]
    assert "packed by xz" in found["b.xz", 1]["error"]
    assert found["c.deflate", 1]["text"] == "good"


def test_where_nothing_can_be_read_it_is_a_mistake_and_the_answers_tell_why(
    preset, tmp_path, run
):
    for name in ("a.bz2", "b.bz2"):
        (tmp_path / name).write_bytes(bz2.compress(b"good\n"))
    outcome = run(
        "predict", "--model", preset, "--input", tmp_path / "*.bz2", "--output",
        tmp_path / "out", *RUNNER,
    )  # fmt: skip
    assert outcome.code == 2
    assert "nothing there could be read as a text: 2 errors" in outcome.err
    found = answers(tmp_path)
    assert sorted(found) == [("a.bz2", 1), ("b.bz2", 1)]
    assert all("packed by bzip2" in each["error"] for each in found.values())


def test_a_model_that_answers_nan_fails_the_pipeline(files, tmp_path, run):
    model = SequenceClassifier(["good"], ["no", "yes"], embedding_units=2, units=2)
    spoil(model).save_to_preset(tmp_path / "spoilt")
    outcome = run(
        "predict", "--model", tmp_path / "spoilt", "--input", files / "a.txt",
        "--output", files / "out", *RUNNER,
    )  # fmt: skip
    assert outcome.code == 1
    assert "gives NaN for `probabilities` and `probability`, as" in outcome.err
    assert not list(files.glob("out*"))


def test_a_runner_refuses_to_learn_from_what_it_reads():
    chosen = text.TEMPLATE.all_commands()["score"]
    with pytest.raises(UserError, match="--dynamic changes the model's weights"):
        templates.function(chosen.served)("preset", chosen.config(dynamic=True))


def printed_by_a_worker(script, sent, folder):
    """Returns what a script prints that is given objects, as Beam's workers are."""
    from apache_beam.internal import cloudpickle

    (folder / "sent").write_bytes(cloudpickle.dumps(sent))
    done = subprocess.run(
        [sys.executable, "-c", script, folder / "sent"],
        cwd=folder, capture_output=True, text=True, encoding="utf-8",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


def test_workers_need_no_zoo(tmp_path):
    from zoo.beam import Predict

    sent, expected = [], []
    for template, command, preset, _ in CASES:
        chosen = template.all_commands()[command]
        call = templates.function(chosen.served)(preset, chosen.config())
        handler = Predict(preset, call.signature, call.arguments)._handler
        sent.append((handler, call.row))
        model = handler.load_model()
        for each in handler.run_inference(["Anna ging.", ""], model):
            names = list(each.inference)
            assert names == ["text", *sorted({*names} - {"text"})]
            expected.append(str(call.row(each.inference)))
    assert printed_by_a_worker(WORKER, sent, tmp_path).splitlines() == expected


@pytest.mark.parametrize(
    ("signature", "arguments", "told"),
    [
        ("no_such", {}, "has no function 'no_such'. It has: class_names, names, serv"),
        ("class_names", {}, "'class_names' takes nothing: one of them"),
        ("serving_default", {"beam": 4}, "'serving_default' takes text: .* Found beam"),
        ("serving_default", {"text": "Dull."}, "takes text: .* Found text"),
    ],
)
def test_a_function_that_takes_something_else_is_told(signature, arguments, told):
    from zoo.beam import Predict

    handler = Predict("sentiment_en", signature, arguments)._handler
    with pytest.raises(ValueError, match=told):
        handler.load_model()


TOLD = """
import sys
from apache_beam.internal import cloudpickle
told, reading = cloudpickle.load(open(sys.argv[1], "rb"))
print(*told(("a.txt", 1), {"score": float("nan")}))
assert not {"zoo", "tasks"} & {*sys.modules}
"""


def test_what_workers_read_and_tell_by_is_sent_whole(tmp_path):
    from tasks.beam import pipeline, reading

    form = reading.Format(reading.LINES, None, "utf-8")
    sent = pipeline._Told(dict), pipeline._Read(form)
    line = '{"file": "a.txt", "line": 1, "score": null}'
    assert printed_by_a_worker(TOLD, sent, tmp_path) == f"('a.txt', 1) {line}\n"
