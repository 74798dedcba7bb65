"""The report, looked at in a real browser: light and dark, on a wide screen and on a phone's."""

import re
import shutil

import pytest
from toy import Caller, Ladder, dataset

import forge
import optim
from functions import ForgeError
from functions.edits import Add

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
SPITEFUL = '<script>document.title = "taken over"</script>'


class Spiteful(Ladder):
    """Its first function carries markup and very long words."""

    def propose(self, library, evidence):
        edits = super().propose(library, evidence)
        if len(self.evidence) == 1:
            word = "x" * 300
            source = f'def spite(n: int) -> str:\n    """{SPITEFUL} {word}"""\n    return {SPITEFUL!r}\n'
            edits.append(Add(name="spite", source=source))
        return edits


@pytest.fixture(scope="module")
def result():
    agent, optimizer = forge.Agent(model=Caller()), Spiteful([30, 20, 55, 54, 60])
    return forge.train(agent, dataset(60), optimizer=optimizer, schedule=optim.Schedule(patience=1), seed=1)


@pytest.fixture(scope="module")
def page(result, tmp_path_factory):
    path = tmp_path_factory.mktemp("report") / "report.html"
    ablation = forge.ablate(result)
    return result.report(path, ablation=ablation, baselines=forge.baselines(result.start, result.measured, rollouts=60))


@pytest.fixture(scope="module")
def browser():
    if CHROMIUM is None:
        pytest.skip("there is no Chromium: .ci/run installs it, or apt install chromium")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield running
        running.close()


def opened(browser, path, *, width=1200, scheme="light"):
    tab = browser.new_page(viewport={"width": width, "height": 800}, color_scheme=scheme)
    tab.wrong = []
    tab.on("console", lambda message: tab.wrong.append(message.text))
    tab.on("request", lambda request: request.url.startswith("file:") or tab.wrong.append(request.url))
    tab.goto(path.as_uri())
    return tab


def test_it_says_what_is_shipped_and_how_sure_that_is(result, browser, page):
    tab = opened(browser, page)
    said = tab.inner_text("main")
    for words in ("(certified)", "P(better)", "smallest that would show", f"{result.score:.3f}", "95% interval"):
        assert words in said
    for heading in ("Learning curve", "Versions", "Edits", "Functions", "Cost", "Free filters"):
        assert tab.locator("h2", has_text=heading).count() == 1
    assert "best of" in said
    assert "served a solved task" in said  # why a change was refused
    assert tab.wrong == []


def test_every_step_is_there_with_its_diff_and_can_be_reached_from_the_tree(result, browser, page):
    tab = opened(browser, page)
    steps = [trial for trial in result.history if trial.decision != "none"]
    assert tab.locator("details").count() == len(steps)
    assert tab.locator("svg[aria-label='Versions as a tree'] circle").count() == len(steps) + 1
    tab.locator("svg a").first.click()
    assert tab.url.endswith("#step-1")
    assert tab.locator("details").first.locator("span.add").first.is_visible()


def test_what_functions_hold_is_shown_and_never_run(browser, page):
    tab = opened(browser, page)
    assert tab.title().startswith("Training of")
    assert tab.locator("script").count() == 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [375, 1200])
def test_nothing_sticks_out_and_all_words_can_be_read(browser, page, width, scheme):
    tab = opened(browser, page, width=width, scheme=scheme)
    for each in tab.locator("summary").all():
        each.click()
    assert tab.evaluate("document.documentElement.scrollWidth") == width
    ground = luminance(tab.evaluate("getComputedStyle(document.body).backgroundColor"))
    assert (ground < 0.1) == (scheme == "dark")
    colours = tab.evaluate(
        "[...document.querySelectorAll('p, td, th, b, summary, summary span, h2, strong')]"
        ".filter(e => e.innerText && e.innerText.trim()).map(e => getComputedStyle(e).color)"
    )
    for colour in set(colours):
        light, dark = sorted([luminance(colour), ground], reverse=True)
        assert (light + 0.05) / (dark + 0.05) >= 4.5, colour  # WCAG 2 AA


def luminance(colour):
    channels = [int(number) / 255 for number in re.findall(r"\d+", colour)[:3]]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_it_stands_alone_in_one_file(page):
    text = page.read_text()
    assert not re.search(r"(?:src|href)=[\"'](?!#)", text)
    assert "url(" not in text


def test_a_training_in_which_nothing_happened_has_a_report_too(tmp_path):
    idle = forge.train(forge.Agent(model=Caller()), dataset(6), optimizer=Ladder([], deterministic=True))
    text = idle.report(tmp_path / "idle.html").read_text()
    assert "No candidate was played." in text
    assert "The start is shipped" in text


def test_a_report_that_cannot_be_written_is_told(result, tmp_path):
    with pytest.raises(ForgeError, match="cannot write"):
        result.report(tmp_path / "none" / "report.html")
