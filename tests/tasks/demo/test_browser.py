"""The page in a real browser: one process that serves it, one Chromium."""

import contextlib
import os
import re
import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

import zoo
from tests.free_port import free_port
from tests.promises.test_readme import DOCUMENTS, blocks
from zoo.music import read_midi, write_midi

pytest.importorskip("gradio")
sync_api = pytest.importorskip("playwright.sync_api")

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium here"),
]
ROOT = Path(__file__).parents[3]
SECONDS = 300  # that anything may take on a busy machine
sync_api.expect.set_options(timeout=SECONDS * 1000)
REVIEW = "A wonderful film, but too long."
SENTENCE = "Teddy Roosevelt was born in New York."

# Writes down each address that the process asks for.
_LISTENING = """
import os, sys

def heard(event, arguments):
    if event in ("socket.connect", "socket.getaddrinfo"):
        with open(os.environ["HEARD"], "a") as file:
            print(event, arguments[event == "socket.connect"], file=file)

sys.addaudithook(heard)
"""


@pytest.fixture(scope="module")
def heard(tmp_path_factory):
    """A file of the addresses that the page's process asks for."""
    return tmp_path_factory.mktemp("heard") / "addresses"


@pytest.fixture(scope="module")
def address(heard):
    """Serves the page in a process of its own."""
    (heard.parent / "sitecustomize.py").write_text(_LISTENING)
    port = free_port()
    places = [str(heard.parent), str(ROOT), os.environ.get("PYTHONPATH", "")]
    process = subprocess.Popen(
        [sys.executable, "-m", "tasks.demo", "--port", str(port)],
        cwd=ROOT,
        env={
            **os.environ,
            **dict.fromkeys(("http_proxy", "all_proxy"), "socks5://127.0.0.1:9"),
            "HEARD": str(heard),
            "PYTHONPATH": os.pathsep.join(places),
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    line = process.stdout.readline()
    if not line.startswith("page "):
        pytest.fail(f"{line}{process.communicate()[1]}")
    yield line.split()[1]
    process.terminate()
    _, told = process.communicate(timeout=SECONDS)
    assert "tasks/demo" not in told, told  # no fault of the page's own


@pytest.fixture(scope="module")
def browser(address):
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox"]
        )
        yield browser
        browser.close()


class Page:
    """A page in the browser, its mistakes and what it would fetch from elsewhere."""

    def __init__(self, browser, address, **how):
        self.context = browser.new_context(**{"color_scheme": "light", **how})
        self.context.set_default_timeout(SECONDS * 1000)
        self.foreign, self.errors = [], []
        self.context.route(lambda url: not url.startswith(address), self._refuse)
        self.page = self.context.new_page()
        self.page.on(
            "console",
            lambda said: (
                self.errors.append(said.text) if said.type == "error" else None
            ),
        )
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.goto(address)
        self.page.get_by_role("tab", name="Sentiment").wait_for()

    def _refuse(self, route):
        self.foreign.append(route.request.url)
        route.abort()

    def open(self, *tabs, preset=None):
        """Opens a tab, or one in it, and chooses a preset."""
        for tab in tabs:
            self.page.get_by_role("tab", name=tab, exact=True).click()
        if preset:
            self.choose(preset)

    def choose(self, preset):
        """Chooses a preset on the tab that is open."""
        chooser = self.find("input[aria-label='Preset']")
        if not chooser.input_value().startswith(f"{preset} "):
            chooser.click()
            option = self.page.get_by_role("option", name=re.compile(rf"^.?{preset} "))
            option.click()

    def find(self, selector):
        """Returns what is seen."""
        return self.page.locator(f"{selector}:visible").first

    def field(self, label):
        """Returns the field that is seen whose label begins so; a hint may follow."""
        found = self.page.get_by_label(re.compile(rf"^\s*{re.escape(label)}"))
        return found.locator("visible=true").first

    def fill(self, label, text):
        """Writes into a field, once it stays as it is: what opens may be set anew."""
        field = self.field(label)
        field.wait_for()
        self.settle()
        field.fill(text)

    def click(self, button):
        """Clicks the button that is seen whose name begins so; a sign may follow."""
        self.button(button).click()

    def button(self, name):
        """Returns the button that is seen whose name begins so; a sign may follow."""
        name = re.compile(rf"^\s*{re.escape(name)}\b")
        found = self.page.get_by_role("button", name=name)
        return found.locator("visible=true").first

    def rest(self, field):
        """Returns what a field holds once it has stayed so for a second."""
        ends, found = time.monotonic() + SECONDS, None
        while found != (found := field.input_value()):
            assert time.monotonic() < ends, f"It is written on and on: {found}"
            self.page.wait_for_timeout(1000)
        return found

    def took(self):
        """Returns where the time is told that the last answer took."""
        told = self.page.locator(".aside p:not([data-old])")
        return told.filter(has_text="Answered in").locator("visible=true").first

    def ask(self, button):
        """Clicks a button, and waits for the answer."""
        self.settle()
        # What tells the time of the answer before is not waited for; however busy the
        # browser is, and late to take it away.
        self.page.evaluate(
            "document.querySelectorAll('.aside p').forEach(p => p.dataset.old = '')"
        )
        self.click(button)
        self.took().wait_for()
        self.settle()  # for all of it to be shown

    def settle(self):
        """Waits until what was filled in or has come is everywhere on the page."""
        self.page.wait_for_timeout(300)
        # A busy browser takes longer: until it has drawn twice.
        self.page.evaluate(
            "() => new Promise(drawn =>"
            " requestAnimationFrame(() => requestAnimationFrame(drawn)))"
        )

    def choose_example(self, name):
        """Clicks an example, and waits until its text has taken the last one's place.

        Else what is asked next may be asked of that.
        """
        field = self.field("Text")
        before = field.input_value()
        self.click(name)
        sync_api.expect(field).not_to_have_value(before)

    def rows(self):
        """Returns the cells of the table that is seen."""
        found = {}
        for place, text in self.page.locator(
            "[data-testid^=cell-]:visible"
        ).evaluate_all(
            "cells => cells.map(cell => [cell.dataset.testid, cell.innerText.trim()])"
        ):
            found.setdefault(int(place.split("-")[1]), []).append(text)
        return [found[row] for row in sorted(found)]

    def told(self):
        """Returns the sentence in which a mistake is told, and closes it."""
        sentence = self.find("[data-testid='toast-text']")
        sentence.wait_for()
        text = sentence.inner_text()
        self.find("[data-testid='toast-close']").click()
        sentence.wait_for(state="hidden")
        return text


@pytest.fixture(scope="module")
def page(browser, address):
    """One page for all tests but those that need several."""
    shown = Page(browser, address)
    yield shown
    assert shown.foreign == []
    assert shown.errors == []
    shown.context.close()


def test_sentiment_shows_the_presets_answer(page):
    page.open("Sentiment", preset="sentiment_imdb")
    page.fill("Text", REVIEW)
    page.ask("Classify")
    found = zoo.from_preset("sentiment_imdb").classify([REVIEW])
    label = found["label"].numpy()[0].decode()
    assert page.find("[data-testid='label-output-value']").inner_text().strip() == label
    percents = page.page.locator(".confidence:visible").all_inner_texts()
    expected = sorted(found["probabilities"].numpy()[0], reverse=True)
    assert [int(text.rstrip("%")) for text in percents] == [
        round(100 * float(p)) for p in expected
    ]
    marked = page.page.locator(".highlighted:visible").all_inner_texts()
    assert "wonderful" in [text.strip() for text in marked]
    assert page.rows()[0][1] in ("neg", "pos")
    assert re.match(r"Answered in \d+\.\d\d s", page.took().inner_text())


def test_names_are_highlighted_with_their_types_and_places(page):
    page.open("Names", preset="ner_wikiann_en")
    page.fill("Text", SENTENCE)
    page.ask("Find names")
    found = zoo.from_preset("ner_wikiann_en").tag([SENTENCE])
    rows = page.rows()
    assert [row[:2] for row in rows] == [
        ["Teddy Roosevelt", "PER"],
        ["New York", "LOC"],
    ]
    scores = found["scores"].numpy()[0]
    first = float(min(scores[:2]))
    assert float(rows[0][2]) == pytest.approx(first, abs=1e-3)
    assert [row[3:] for row in rows] == [["0", "15"], ["28", "36"]]
    marked = page.page.locator(".highlighted:visible").all_inner_texts()
    assert re.sub(r"\s+", " ", marked[0]).strip() == f"Teddy Roosevelt PER {first:.0%}"


def test_names_in_spanish_are_found_by_an_example(page):
    page.open("Names")
    page.choose_example("Spanish")
    page.ask("Find names")
    names = {row[0] for row in page.rows()}
    assert {"Federico García Lorca", "Granada"} <= names


def test_a_text_is_written_as_the_preset_writes_it(page):
    page.open("Text", "Write", preset="text_shakespeare")
    page.fill("Prompt", "ROMEO:")
    page.click("How daringly")
    page.fill("Seed", "7")
    page.fill("number input for Length", "40")
    page.ask("Write")
    how = {"temperature": 0.8, "seed": 7}
    [rest] = zoo.from_preset("text_shakespeare").generate(["ROMEO:"], 40, **how).numpy()
    field = page.field("Text")
    sync_api.expect(field).to_have_value(f"ROMEO:{rest.decode()}")


def test_a_stop_stops(page):
    page.open("Text", "Write", preset="text_shakespeare")
    page.fill("number input for Length", "1000")
    field = page.field("Text")
    before = field.input_value()
    stop = page.button("Stop").element_handle()
    page.click("Write")
    # In the browser: Playwright waits for a button that moves, as while a text grows.
    page.page.wait_for_function(
        "([field, before, stop]) => field.value !== before && field.value.length > 20"
        " && (stop.click(), true)",
        arg=[field.element_handle(), before, stop],
    )
    stopped = page.rest(field)
    assert 20 < len(stopped) < 1000


def test_a_stop_ends_the_waiting_for_what_comes_whole(page):
    page.open("Translation", preset="translation_multi30k_de_en")
    page.fill("Text", "Zwei Hunde spielen im Schnee. " * 300)
    page.click("Translate")
    waiting = page.find(".progress-text")
    waiting.wait_for()
    page.click("Stop")
    waiting.wait_for(state="hidden")
    assert not page.took().is_visible()
    page.fill("Text", "Ein Hund schläft.")
    page.ask("Translate")
    best = page.page.get_by_label("Translation", exact=True).locator("visible=true")
    assert best.input_value() == "A dog is sleeping."


def test_of_two_texts_the_more_probable_is_first(page):
    page.open("Text", "Compare", preset="text_shakespeare")
    page.fill("First text", "kqx zzv")
    page.fill("Second text", "the king")
    page.ask("Compare")
    rows = page.rows()
    assert [row[0] for row in rows] == ["the king", "kqx zzv"]
    scored = zoo.from_preset("text_shakespeare").score(["the king"])
    expected = float(scored["log_probability"][0])
    assert float(rows[0][1]) == pytest.approx(expected, abs=6e-3)


def shown(page):
    """Says whether a picture is seen whose pixels have come."""
    picture = page.find(".picture img")
    picture.wait_for()
    page.page.wait_for_function(
        "picture => picture.complete && picture.naturalWidth > 100",
        arg=picture.element_handle(),
    )
    return True


def test_gates_are_drawn(page):
    page.open("Text", "Gates", preset="text_shakespeare")
    page.ask("Look")
    assert shown(page)
    assert [row[0] for row in page.rows()] == ["was", "were"]


def downloaded(page, button, name):
    """Returns the bytes of the file of a name that a button gives, once it does."""
    until = time.monotonic() + SECONDS
    while time.monotonic() < until:
        with page.page.expect_download() as waiting:
            page.click(button)
        if waiting.value.suggested_filename == name:
            return waiting.value.path().read_bytes()
        page.page.wait_for_timeout(300)  # it was that of the answer before
    pytest.fail(f"{button} gives {waiting.value.suggested_filename}, not {name}.")


def test_music_is_seen_heard_and_downloaded(page):
    page.open("Music", preset="music_jsb")
    page.fill("Chord to begin with", "C E G")
    page.click("How long, and how daringly")
    page.fill("number input for Time steps", "24")
    page.fill("Seed", "3")
    page.ask("Compose")
    model = zoo.from_preset("music_jsb")
    begins = np.zeros((1, 1, 88))
    begins[0, 0, [key - 9 for key in (60, 64, 67)]] = 1  # its lowest key is 9
    [roll], [length] = model.generate(begins, 24, seed=3)
    midi = downloaded(page, "Download MIDI", "001.mid")
    found = read_midi(midi, steps_per_quarter=1, lowest=9, keys=88).roll
    np.testing.assert_array_equal(found, roll.numpy()[: int(length)][: len(found)])
    assert downloaded(page, "Download WAV", "001.wav")[:4] == b"RIFF"
    assert shown(page)
    seconds = "document.querySelector('audio')?.duration > 5"
    heard = "!!document.querySelector('[data-testid=waveform-Sound]')"
    page.page.wait_for_function(f"{seconds} || {heard}")


def test_a_melody_is_harmonized_and_other_files_are_told_in_a_sentence(page, tmp_path):
    page.open("Music", preset="music_jsb")
    upload = page.page.locator("input[type=file][accept*='.mid']").first
    melody = np.zeros((8, 88), np.uint8)
    melody[:, 72 - 21] = 1
    write_midi(melody, tmp_path / "tune.mid", steps_per_quarter=1)
    upload.set_input_files(tmp_path / "tune.mid")
    page.page.get_by_text("tune", exact=False).locator("visible=true").first.wait_for()
    page.ask("Harmonize the file")
    midi = downloaded(page, "Download MIDI", "tune-harmonized.mid")
    roll = read_midi(midi, steps_per_quarter=1).roll
    assert roll[:, 72 - 21].all()
    assert roll.sum() > len(roll)
    assert not roll[:, 73 - 21 :].any()
    page.page.get_by_label("Clear").locator("visible=true").first.click()
    (tmp_path / "song.mid").write_bytes(b"ID3, which is no MIDI")
    upload.set_input_files(tmp_path / "song.mid")
    page.page.get_by_text("song", exact=False).locator("visible=true").first.wait_for()
    page.click("Harmonize the file")
    assert re.match(r"song\.mid .*an MP3 file", page.told())


def test_a_text_is_translated_both_ways_with_its_attention(page):
    page.open("Translation", preset="translation_multi30k_de_en")
    text = "Zwei Hunde spielen im Schnee."
    page.fill("Text", text)
    page.ask("Translate")
    model = zoo.from_preset("translation_multi30k_de_en")
    expected = model.translate([text], n_best=3)["translations"].numpy()[0]
    assert [row[0] for row in page.rows()] == [each.decode() for each in expected]
    assert shown(page)
    best = page.page.get_by_label("Translation", exact=True).locator("visible=true")
    assert best.input_value() == expected[0].decode()
    page.choose_example("English")
    page.ask("Translate")
    assert "Hunde" in best.input_value()


@pytest.mark.parametrize(
    ("tab", "field", "button", "given", "told"),
    [
        ("Sentiment", "Text", "Classify", " ", "There is no text yet: write one."),
        ("Names", "Text", "Find names", "", "There is no text yet: write one."),
        ("Translation", "Text", "Translate", "", "There is no text yet: write one."),
        ("Sentiment", "Text", "Classify", "x" * 10**6, "at most 20,000 characters"),
        ("Music", "Chord to begin with", "Compose", "<b>H", "There is no note '<b>H'"),
    ],
)
def test_a_mistake_is_told_in_a_sentence(page, tab, field, button, given, told):
    page.open(tab)
    if tab == "Music":  # without the file of the test before
        page.page.reload()
        page.open(tab)
    page.fill(field, given)
    page.click(button)
    assert told in page.told()


def test_the_card_of_the_preset_that_is_chosen_is_shown(page):
    page.open("Names", preset="ner_conll2002_es")
    page.click("Model card")
    card = page.find(".card")
    sync_api.expect(card).to_contain_text("conll2002")
    page.choose("ner_wikiann_en")
    sync_api.expect(card).to_contain_text("wikiann")


def test_a_phone_shows_all_tabs_and_keys_are_enough(browser, address):
    phone = Page(
        browser, address, viewport={"width": 400, "height": 800}, color_scheme="dark"
    )
    with contextlib.closing(phone.context):
        for tab in ("Names", "Text", "Music", "Translation", "Sentiment"):
            phone.open(tab)
            width = phone.page.evaluate("document.documentElement.scrollWidth")
            assert width <= 400, tab
            nameless = phone.page.evaluate(
                """() => [...document.querySelectorAll('input, textarea, button')]
                  .filter(e => e.offsetParent && !e.labels?.length && !e.title
                    && !e.getAttribute('aria-label') && !e.innerText.trim()
                    && !e.getAttribute('aria-labelledby')).map(e => e.outerHTML)"""
            )
            assert nameless == [], tab
        phone.field("Text").focus()
        phone.page.keyboard.press("ControlOrMeta+a")
        phone.page.keyboard.type("Dull.")
        phone.page.keyboard.press("Shift+Enter")
        phone.took().wait_for()
        background = phone.page.evaluate(
            "getComputedStyle(document.body).backgroundColor"
        )
        assert max(map(int, re.findall(r"\d+", background)[:3])) < 60
        assert (phone.foreign, phone.errors) == ([], [])


def test_several_pages_at_once_get_their_own_answers(browser, address):
    texts = ["Dull, and badly acted.", "I loved it, all of it."] * 3
    pages = [Page(browser, address) for _ in texts]
    for number, (page, text) in enumerate(zip(pages, texts, strict=True)):
        page.fill("Text", f"{text} {number}")
    for page in pages:
        page.click("Classify")
    for number, page in enumerate(pages):
        page.took().wait_for()
        shown = page.find("[data-testid='label-output-value']").inner_text().strip()
        assert shown.startswith(("neg", "pos")[number % 2])
        marked = page.page.locator(".textfield:visible").inner_text()
        assert str(number) in marked.split()
        assert (page.foreign, page.errors) == ([], [])
        page.context.close()


def test_twenty_callers_at_once_get_their_own_answers(address):
    from gradio_client import Client

    client = Client(address, verbose=False, httpx_kwargs={"timeout": SECONDS})
    words = ["alpha", "beta", "gamma", "delta", "epsilon"]
    texts = [f"{word} {number}" for word in words for number in range(4)]

    def asked(text):
        shown = client.predict("sentiment_imdb", text, api_name="/classify")[1]
        return "".join(part["token"] for part in shown)

    with ThreadPoolExecutor(20) as pool:
        assert list(pool.map(asked, texts)) == texts


def test_the_readmes_lines_call_the_api(address, capsys):
    [lines] = blocks("py", DOCUMENTS["tasks/demo/README.md"])[:1]
    exec(lines.replace("http://127.0.0.1:7860", address), {})
    assert "{'label': 'pos', " in capsys.readouterr().out


def called(address, name, *given):
    """Returns what the API answers, without a client, which would upload files."""
    import httpx

    asked = f"{address}gradio_api/call/{name}"
    answer = httpx.post(asked, json={"data": given}, timeout=SECONDS)
    event = answer.json()["event_id"]
    where = f"{address}gradio_api/call/{name}/{event}"
    return httpx.get(where, timeout=SECONDS).text


def test_files_of_the_machine_are_neither_read_nor_fetched(address, tmp_path):
    import httpx

    own = tmp_path / "own.mid"
    write_midi(np.ones((4, 88)), own)
    for path in (own, "/etc/passwd", ROOT / "README.md", "../x", "/proc/self/environ"):
        answer = httpx.get(f"{address}gradio_api/file={path}", timeout=SECONDS)
        assert answer.status_code in (403, 404), path
    posted = {"data": ["sentiment_imdb", "x"]}
    where = f"{address}gradio_api/run/classify"
    answer = httpx.post(where, json=posted, timeout=SECONDS)
    assert answer.status_code >= 400  # the queue can't be passed by
    assert "event: complete" in called(address, "classify", *posted["data"])
    for path in (str(own), "/etc/passwd", "http://example.com/tune.mid"):
        file = {"path": path, "meta": {"_type": "gradio.FileData"}}
        answer = called(address, "harmonize", "music_jsb", file, False, 1, 1)
        assert "event: error" in answer, path
        assert "event: complete" not in answer, path


def test_nothing_of_what_was_asked_is_kept_in_the_browser(page, address):
    import httpx

    page.open("Sentiment", preset="sentiment_imdb")
    page.fill("Text", REVIEW)
    page.ask("Classify")
    kept = page.page.evaluate("Object.values(localStorage).join()")
    assert REVIEW not in kept

    runs = httpx.get(f"{address}gradio_api/runs", timeout=SECONDS)
    assert runs.status_code == 404


def test_the_process_asked_for_no_other_host(heard):
    asked = heard.read_text().splitlines()
    assert asked  # it listens
    own = r"localhost|127\.0\.0\.1|::1|^socket\.getaddrinfo None$|/"
    assert [line for line in asked if not re.search(own, line)] == []
