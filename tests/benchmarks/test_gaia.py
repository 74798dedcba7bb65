"""GAIA's loader, scorer and file tools, on made-up questions in its format."""

import io
import json
import sys
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile

import pytest
from hypothesis import given
from hypothesis import strategies as st

import forge
from benchmarks import attachment, catalog, gaia
from benchmarks.web_page import Web
from forge.executor import Executor
from forge.models.scripted import ScriptedModel
from forge.session import Action, Call, Session
from forge.task import Task
from forge.tools import World
from functions import Library
from functions.errors import ForgeError

STEPS = {"Steps": "add the second column", "Number of steps": "1", "Tools": "a spreadsheet"}


def row(identity, level=1, answer="7", file="", question="How many pens are there?"):
    return {"task_id": identity, "Question": question, "Level": str(level), "Final answer": answer,
            "file_name": file, "Annotator Metadata": STEPS}  # fmt: skip


@pytest.fixture
def place(tmp_path):
    def written(*rows, **files):
        (tmp_path / "metadata.jsonl").write_text("".join(json.dumps(each) + "\n" for each in rows), encoding="utf-8")
        for name, content in files.items():
            content = content if isinstance(content, bytes) else content.encode()
            (tmp_path / name.replace("_", ".")).write_bytes(content)
        return tmp_path

    return written


def test_questions_are_chosen_by_level_and_the_annotators_steps_stay_out(place):
    folder = place(row("a"), row("b", level=2, file="pens.csv"), row("c", level=3, answer="x"), pens_csv="red,3\n")
    assert [task.id for task in gaia.load("validation", folder=folder)] == ["a", "b", "c"]
    assert [task.id for level in (3, 1) for task in gaia.load("validation", level, folder)] == ["c", "a"]
    (task,) = dataset = gaia.load("validation", level=2, folder=folder)
    assert dataset.name == "gaia-validation-level-2"
    assert task.question == "How many pens are there?\n\nThis file comes with the question: pens.csv"
    assert dict(task.metadata) == {"level": 2, "file": str(folder / "pens.csv")}
    assert "second column" not in repr(gaia.load("validation", folder=folder).tasks)


def test_a_level_by_name_is_tested_whole_and_learns_from_the_others(monkeypatch):
    fixture = Path(__file__).parent / "data"
    monkeypatch.setenv("FORGE_DATA", str(fixture))
    for level in (1, 2, 3):
        found = catalog.load(f"gaia-{level}")
        whole = gaia.load("validation", level, fixture / "gaia" / "2023" / "validation")
        assert found.test.digest == whole.digest
        assert {task.metadata["level"] for task in found.train} == {1, 2, 3} - {level}
        assert len(found.train) == 10
        assert list(found.published) == ["GPT-4 with plugins chosen by hand"]


def test_the_folder_of_the_data_set_is_found_as_its_repository_lays_it_out(place, tmp_path, monkeypatch):
    monkeypatch.setenv("FORGE_DATA", str(tmp_path / "data"))
    split = tmp_path / "data" / "gaia" / "2023" / "validation"
    split.mkdir(parents=True)
    place(row("a")).joinpath("metadata.jsonl").rename(split / "metadata.jsonl")
    assert len(gaia.load()) == 1
    told = (
        r"no metadata.jsonl or metadata.parquet in .*GAIA is gated: accept its terms at https://huggingface.co.*folder="
    )
    with pytest.raises(ForgeError, match=told):
        gaia.load("test")


def test_a_metadata_file_that_lies_in_the_folder_itself_is_the_validation_split(place, tmp_path, monkeypatch):
    monkeypatch.setenv("FORGE_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (tmp_path / "data" / "gaia").mkdir(parents=True)
    place(row("a")).joinpath("metadata.jsonl").rename(tmp_path / "data" / "gaia" / "metadata.jsonl")
    assert [task.id for task in gaia.load()] == ["a"]
    with pytest.raises(ForgeError, match=r"no metadata.jsonl or metadata.parquet in .*test"):
        gaia.load("test")
    split = tmp_path / "data" / "gaia" / "2023" / "validation"
    split.mkdir(parents=True)
    place(row("b")).joinpath("metadata.jsonl").rename(split / "metadata.jsonl")
    assert [task.id for task in gaia.load()] == ["b"]


def test_a_few_questions_are_all_there_to_test_and_too_few_to_train_on(place):
    few = place(*(row(f"{number}") for number in range(5)))
    assert len(gaia.drawn("test", folder=few)) == 5
    with pytest.raises(ForgeError, match=r"metadata has 5 questions, and training takes 10 .* or evaluate alone"):
        gaia.drawn("train", folder=few)
    some = place(*(row(f"{number}") for number in range(14)))
    train, test = (gaia.drawn(part, 3, some) for part in ("train", "test"))
    assert (len(train), len(test)) == (10, 4)
    assert not {task.id for task in train} & {task.id for task in test}


def test_the_parquet_of_newer_revisions_reads_the_same(place, tmp_path):
    parquet, pyarrow = pytest.importorskip("pyarrow.parquet"), pytest.importorskip("pyarrow")
    rows = [row("a"), row("b", level=2, file="pens.csv", answer="?")]
    folder = place(*rows, pens_csv="red,3\n")
    lines = gaia.load(folder=folder).tasks
    (folder / "metadata.jsonl").unlink()
    parquet.write_table(pyarrow.Table.from_pylist(rows), folder / "metadata.parquet")
    assert gaia.load(folder=folder).tasks == lines
    (folder / "metadata.parquet").write_bytes(b"PAR1")
    with pytest.raises(ForgeError, match=r"cannot read .*metadata.parquet"):
        gaia.load(folder=folder)


def test_answers_that_are_not_published_cannot_be_scored(place):
    hidden = gaia.load("test", folder=place(row("a", answer="?"), row("b", answer=""), row("c", answer=None)))
    assert [task.answer for task in hidden] == [None] * 3
    task = hidden[0]
    with pytest.raises(ForgeError, match=r"task 'a' has no answer.*leaderboard"):
        gaia.quasi_exact(task, Session("a", "", answer="?"))


@pytest.mark.parametrize("file", ["../pens.csv", "/etc/passwd", "..", ".", "a/b.csv", "a\\b.csv", "pens.csv\0", "a\0b"])
def test_a_row_whose_file_lies_elsewhere_is_refused(file, place):
    with pytest.raises(ForgeError, match="it must be the name of a file beside it"):
        gaia.load(folder=place(row("a", file=file)))


def test_rows_files_splits_and_levels_that_are_not_there_are_told(place):
    with pytest.raises(ForgeError, match=r"row 0 comes with pens.csv, which is not in"):
        gaia.load(folder=place(row("a", file="pens.csv")))
    with pytest.raises(ForgeError, match="row 0 needs task_id, Question, Level, Final answer and file_name"):
        gaia.load(folder=place({"question": "q"}))
    with pytest.raises(ForgeError, match="no split 'dev'"):
        gaia.load("dev")
    with pytest.raises(ForgeError, match="no level 4"):
        gaia.load(level=4)


RIGHT = [  # given, gold
    ("17", "17"), ("17.0", "17"), ("$1,700", "1700"), ("17%", "17"), (17, "17"), (17.0, "17"), (" 17 ", "17"),
    ("1.7e1", "17"), ("-3", "-3"), ("sea gull", "Seagull"), ("St. Petersburg", "st petersburg"), ("don't", "DONT"),
    ("a, b", "a,b"), ("A; b", "a;b"), ("a,b", "a;b"), ("red, 3.0", "red,3"), ("$5, 10%", "5,10"),
    (["a", "b"], "a, b"), ([3, 4.0], "3,4"), (None, "none"), ("(4, 5)", "(4,5)"), ("1,234", "1,234"),
]  # fmt: skip
WRONG = [
    ("seventeen", "17"), ("17 pens", "17"), ("17.01", "17"), ("€17", "17"), (None, "17"), ("", "17"), ("1 7", "17"),
    ("the seagull", "seagull"), ("a", "a,b"), ("a,b,c", "a,b"), ("b,a", "a,b"), ("a.,b", "a,b"), ("4,5", "(4,5)"),
    ("red, three", "red,3"), ("1234", "1,234"), ("infinite", "inf"), ("nan", "nan"), ({"a": 1}, "a"),
]  # fmt: skip


@pytest.mark.parametrize(("answer", "gold", "right"), [(*pair, True) for pair in RIGHT] + [(*p, False) for p in WRONG])
def test_the_scorer_by_the_rules_of_its_authors(answer, gold, right):
    assert gaia.quasi_exact(Task("a", "q", gold), Session("a", "q", answer=answer)) is right


@given(st.lists(st.text("ab 1.,;%$-'", min_size=1), min_size=1).map(",".join))
def test_every_answer_is_right_for_itself(gold):
    try:
        same = float(gold) == float(gold)
    except ValueError:
        same = True
    assert gaia.quasi_exact(Task("a", "q", gold), Session("a", "q", answer=gold)) is same


def call(agent, task, tool, /, **arguments):
    executor = Executor(Library(), agent.all_tools, agent.sandbox)
    return executor.execute(Call(tool, arguments), World(task))


def test_the_agent_reads_the_file_of_its_question_and_no_other(place):
    folder = place(row("a", file="pens.csv"), row("b", file="b.txt"), row("c"), pens_csv="red,3\nblue,4\n", b_txt="B")
    tasks, agent = gaia.load(folder=folder).tasks, gaia.agent()
    assert call(agent, tasks[0], "list_files").value == [{"name": "pens.csv", "bytes": 13}]
    assert call(agent, tasks[0], "read_file", name="pens.csv").text == "red,3\nblue,4\n"
    assert call(agent, tasks[2], "list_files").value == []
    hostile = ["b.txt", "../pens.csv", "./pens.csv", str(folder / "pens.csv"), "metadata.jsonl", "", ".", "PENS.CSV",
               "pens.csv/", "pens.csv\0", "/etc/passwd", "~/pens.csv", "file:///x", "pens.csv/../b.txt"]  # fmt: skip
    for name in hostile:
        seen = call(agent, tasks[0], "read_file", name=name)
        assert seen.error == "raised"
        assert seen.text.endswith("comes with this question; there is: 'pens.csv'")
    assert "there is: none" in call(agent, tasks[2], "read_file", name="pens.csv").text


@given(st.text())
def test_no_name_but_the_files_own_is_read(name):
    world = World(Task("a", "q", metadata={"file": __file__}))
    if name != "test_gaia.py":
        with pytest.raises(ForgeError, match="comes with this question"):
            attachment.read_file(name, world)
    assert attachment.read_file("test_gaia.py", world).startswith('"""GAIA')


def test_a_long_file_comes_in_pieces_that_join_to_the_whole(tmp_path):
    path = tmp_path / "long.txt"
    path.write_text(text := "".join(f"line {number}\n" for number in range(3_000)), encoding="utf-8")
    world, read, start = World(Task("a", "q", metadata={"file": str(path)})), "", 0
    while start < len(text):
        seen = attachment.read_file("long.txt", world, start)
        read += seen[: attachment.PIECE] if "goes on]" in seen else seen
        start += attachment.PIECE
    assert read == text
    assert f"[characters 0 to 6000 of {len(text)}; start=6000 goes on]" in attachment.read_file("long.txt", world)
    for beyond in (len(text), -1):
        with pytest.raises(ForgeError, match=f"start={beyond}: the text has {len(text)} characters"):
            attachment.read_file("long.txt", world, beyond)


def test_what_is_no_text_or_too_large_is_told(tmp_path, monkeypatch):
    for name, content in {"a.mp3": b"ID3\xff\xfb", "b.bin": b"a\0b"}.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(ForgeError, match=f"{name} is not text: give the agent a forge.Tool of your own"):
            attachment.text_of(tmp_path / name)
    monkeypatch.setattr(attachment, "LARGEST", 4)
    with pytest.raises(ForgeError, match=r"a.mp3 has 5 bytes: more than 4 are not read"):
        attachment.text_of(tmp_path / "a.mp3")


@pytest.mark.parametrize(("suffix", "package"), [("xlsx", "openpyxl"), ("pdf", "pypdf")])
def test_a_package_that_is_not_installed_is_named(suffix, package, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, package, None)
    (tmp_path / f"a.{suffix}").write_bytes(b"content")
    told = rf"reading a.{suffix} needs the package {package}: pip install 'forge-agents\[gaia\]'"
    with pytest.raises(ForgeError, match=told):
        attachment.text_of(tmp_path / f"a.{suffix}")


def test_a_workbook_is_read_sheet_by_sheet(tmp_path):
    book = pytest.importorskip("openpyxl").Workbook()
    book.active.title = "Pens"
    book.active.append(["red", 3])
    book.create_sheet("Ink").append(["a, b", None, 1.5])
    book.save(tmp_path / "a.xlsx")
    assert attachment.text_of(tmp_path / "a.xlsx") == '## Pens\nred,3\n## Ink\n"a, b",,1.5\n'


def test_a_workbook_with_a_mangled_part_is_told(tmp_path):
    pytest.importorskip("openpyxl").Workbook().save(tmp_path / "whole.xlsx")
    with ZipFile(tmp_path / "whole.xlsx") as whole, ZipFile(tmp_path / "a.xlsx", "w") as mangled:
        for part in whole.namelist():
            mangled.writestr(part, whole.read(part).replace(b"firstSheet", b"f9rstSheet"))
    with pytest.raises(ForgeError, match=r"a.xlsx is damaged.*f9rstSheet"):
        attachment.text_of(tmp_path / "a.xlsx")


def test_a_pdf_is_read_page_by_page(tmp_path):
    writer = pytest.importorskip("pypdf").PdfWriter()
    writer.add_blank_page(width=72, height=72)
    writer.add_blank_page(width=72, height=72)
    writer.write(tmp_path / "a.pdf")
    assert attachment.text_of(tmp_path / "a.pdf") == "## page 1\n\n## page 2\n"


def test_a_pdf_that_is_cut_off_or_empty_is_told(tmp_path):
    writer = pytest.importorskip("pypdf").PdfWriter()
    writer.add_blank_page(width=72, height=72)
    writer.write(whole := io.BytesIO())
    for content in (b"", b"%PDF-1.7 and no more", whole.getvalue()[:100]):
        (tmp_path / "a.pdf").write_bytes(content)
        with pytest.raises(ForgeError, match=r"a.pdf is damaged"):
            attachment.text_of(tmp_path / "a.pdf")


WORD = """<w:document xmlns:w="word"><w:body>
<w:p><w:pPr><w:tabs><w:tab w:pos="9"/></w:tabs></w:pPr><w:r>
<w:t>Red</w:t><w:tab/><w:t> pens</w:t></w:r></w:p>
<w:tbl><w:tr><w:tc><w:p><w:r><w:t>a</w:t></w:r></w:p><w:p><w:r><w:t>b</w:t></w:r></w:p></w:tc>
<w:tc><w:p><w:r><w:t>c</w:t></w:r></w:p></w:tc></w:tr></w:tbl><w:p><w:r><w:t>x</w:t><w:br/><w:t>é</w:t></w:r></w:p>
</w:body></w:document>"""
SLIDE = """<p:sld xmlns:p="slide" xmlns:a="drawing"><p:cSld><p:sp><p:txBody><a:p><a:r><a:t>Slide {0}</a:t></a:r></a:p>
<a:p><a:r><a:t>two</a:t></a:r><a:br/><a:fld><a:t>three</a:t></a:fld></a:p></p:txBody></p:sp></p:cSld></p:sld>"""


def archive(path, **parts):
    with ZipFile(path, "w", compression=ZIP_DEFLATED) as written:
        for name, text in parts.items():
            written.writestr(name.replace("__", "/").replace("_", "."), text)
    return path


def test_a_document_is_read_by_paragraphs_and_rows(tmp_path):
    text = attachment.text_of(archive(tmp_path / "a.docx", word__document_xml=WORD))
    assert text == "Red\t pens\na b\tc\nx\né"


def test_slides_are_read_by_number(tmp_path):
    slides = {f"ppt__slides__slide{n}_xml": SLIDE.format(n) for n in (10, 2)}
    text = attachment.text_of(archive(tmp_path / "a.PPTX", ppt__slides___rels="", **slides))
    assert text == "## slide 2\nSlide 2\ntwo\nthree\n## slide 10\nSlide 10\ntwo\nthree"


def test_of_an_archive_the_files_are_listed_and_not_unpacked(tmp_path):
    text = attachment.text_of(archive(tmp_path / "a.zip", a__pens_csv="red,3\n", b_txt=""))
    assert text == "## files in a.zip, name and bytes\na/pens.csv\t6\nb.txt\t0"


@pytest.mark.parametrize("suffix", ["xlsx", "docx", "pptx", "zip"])
def test_a_damaged_file_is_told(suffix, tmp_path):
    if suffix == "xlsx":
        pytest.importorskip("openpyxl")
    whole = archive(tmp_path / f"whole.{suffix}", ppt__slides__slide1_xml=SLIDE, word__document_xml=WORD).read_bytes()
    for content in (b"", b"no archive", whole[:60], whole[:-30]):
        (tmp_path / f"a.{suffix}").write_bytes(content)
        with pytest.raises(ForgeError, match=f"a.{suffix} is damaged, or no {suffix} at all"):
            attachment.text_of(tmp_path / f"a.{suffix}")


@pytest.mark.parametrize("part", ["word/document.xml", "ppt/slides/slide1.xml"])
def test_a_document_of_other_parts_or_broken_ones_is_told(part, tmp_path):
    name = part.replace("/", "__").replace(".", "_")
    suffix = "docx" if "word" in part else "pptx"
    with pytest.raises(ForgeError, match="is damaged"):
        attachment.text_of(archive(tmp_path / f"a.{suffix}", **{name: "<w"}))
    if suffix == "docx":
        with pytest.raises(ForgeError, match=r"is damaged.*document.xml"):
            attachment.text_of(archive(tmp_path / "a.docx", other_xml="<a/>"))


def test_a_document_that_unpacks_to_too_much_is_told(tmp_path, monkeypatch):
    path = archive(tmp_path / "a.docx", word__document_xml=f"<w>{' ' * 9_000}</w>")
    monkeypatch.setattr(attachment, "LARGEST", 1_000)
    with pytest.raises(ForgeError, match=r"a.docx has 9,007 bytes in word/document.xml: more than 1,000 are not read"):
        attachment.text_of(path)


def test_a_text_in_the_signs_of_old_windows_is_read(tmp_path):
    for name in ("a.txt", "a.CSV"):
        (tmp_path / name).write_bytes("caf\xe9, \u201cl\xe0\u201d".encode("cp1252"))
        assert attachment.text_of(tmp_path / name) == "caf\xe9, \u201cl\xe0\u201d"
    (tmp_path / "b.txt").write_bytes(b"a\xff\0")
    with pytest.raises(ForgeError, match=r"b.txt is not text"):
        attachment.text_of(tmp_path / "b.txt")


def test_the_web_is_off_unless_asked_for_and_search_is_the_users_own(monkeypatch):
    def search(query: str) -> str:
        """Search the web."""
        return query

    names = [tool.name for tool in gaia.agent().all_tools]
    assert names == ["list_files", "read_file", "submit"]
    with monkeypatch.context() as environment:  # the way of the command line
        environment.setenv("FORGE_GAIA_WEB", "1")
        assert "fetch_page" in [tool.name for tool in catalog.load("gaia").agent("router").all_tools]
        assert "fetch_page" not in [tool.name for tool in gaia.agent(web=False).all_tools]
    own = gaia.agent(web=True, tools=[forge.Tool(search)])
    assert [tool.name for tool in own.all_tools] == ["list_files", "read_file", "fetch_page", "search", "submit"]
    task = Task("a", "q")
    assert "which is not on the public internet" in call(own, task, "fetch_page", url="http://127.0.0.1:1/").text
    near = gaia.agent(web=Web(allows=lambda address: True))
    without_network = call(near, task, "fetch_page", url="http://127.0.0.1:1/")  # an observation, as any failure
    assert (without_network.error, "cannot be fetched" in without_network.text) == ("raised", True)


def test_an_agent_plays_a_question_with_a_file_and_is_shown_no_annotation(place):
    folder = place(row("a", file="pens.csv"), pens_csv="red,3\nblue,4\n")
    actions = [
        Action(calls=(Call("read_file", {"name": "pens.csv"}),)),
        Action(calls=(Call("python", {"code": "3 + 4"}),)),
        Action(calls=(Call("submit", {"answer": "7 "}),)),
    ]
    shown = []

    def play(context):
        shown.append(context)
        return actions[len(shown) - 1]

    evaluation = forge.evaluate(gaia.agent(ScriptedModel(play)), gaia.load(folder=folder), concurrency=1)
    assert evaluation.score == 1.0
    assert [seen.text for _, seen in evaluation.sessions[0].calls] == ["red,3\nblue,4\n", "7\n", "submitted"]
    assert "second column" not in repr(shown)


def test_the_catalog_draws_ten_questions_to_train_on_and_a_hundred_to_test(place, tmp_path, monkeypatch):
    monkeypatch.setenv("FORGE_DATA", str(tmp_path / "data"))
    split = tmp_path / "data" / "gaia" / "2023" / "validation"
    split.mkdir(parents=True)
    place(*(row(f"{number}") for number in range(120))).joinpath("metadata.jsonl").rename(split / "metadata.jsonl")
    first, second = catalog.load("gaia", seed=0), catalog.load("gaia", seed=1)
    assert (len(first.train), len(first.test)) == (10, 100)
    assert not {task.id for task in first.train} & {task.id for task in first.test}
    assert first.train.tasks != second.train.tasks


def test_the_offline_router_plays_to_an_end(place):
    folder = place(row("a", file="pens.csv"), row("b", question="What is 3 plus 4?"), pens_csv="red,3\n")
    evaluation = forge.evaluate(gaia.agent(), gaia.load(folder=folder))
    assert evaluation.complete
