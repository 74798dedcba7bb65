"""The loader of MATH and its metric: the rules of its authors' scorer case by case, and where ours differs."""

import json
import shutil

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks import catalog
from benchmarks import math_competition as math
from forge.session import Session
from forge.task import Task
from functions.errors import ForgeError


def right(given, wanted, question="What is it?"):
    return math.same_answer(Task("t", question, wanted), Session("t", question, answer=given))


def row(number, boxed, type="Algebra", level="Level 3"):
    return {"problem": f"Problem {number}: $x = ?$", "level": level, "type": type, "idx": number,
            "solution": f"First \\boxed{{no}}, then $\\boxed{{{boxed}}}$."}  # fmt: skip


def write(path, rows):
    path.write_text("".join(json.dumps(each) + "\n" for each in rows), encoding="utf-8")


def test_math_takes_the_last_boxed_answer_and_shows_no_solution(tmp_path):
    write(tmp_path / "test.jsonl", [row(7, "\\frac{1}{\\sqrt{2}}", "Counting & Probability"), row(9, "4")])
    first, second = math.load("test", folder=tmp_path)
    assert (first.id, first.question, first.answer) == ("math-test-7", "Problem 7: $x = ?$", "\\frac{1}{\\sqrt{2}}")
    assert dict(first.metadata) == {"type": "counting_and_probability", "level": 3}
    assert second.answer == "4"


def test_math_reads_a_training_file_with_and_without_solutions_alike(tmp_path):
    rows = [row(0, "1"), row(1, "(2,3)", "Number Theory", "Level ?")]
    short = [{"problem": each["problem"], "level": each["level"], "type": each["type"].lower().replace(" ", "_"),
              "answer": answer} for each, answer in zip(rows, ["1", "(2,3)"], strict=True)]  # fmt: skip
    (tmp_path / "whole").mkdir()
    (tmp_path / "short").mkdir()
    write(tmp_path / "whole" / "train.jsonl", rows)
    write(tmp_path / "short" / "train_answers_only.jsonl", [*short, {**short[0], "answer": ""}])
    whole, answers = math.load("train", folder=tmp_path / "whole"), math.load("train", folder=tmp_path / "short")
    assert whole.digest == answers.digest
    assert [task.metadata["level"] for task in answers] == [3, None]


def test_math_is_loaded_by_type(tmp_path):
    write(tmp_path / "test.jsonl", [row(0, "1", "Algebra"), row(1, "2", "Intermediate Algebra")])
    dataset = math.load("test", "intermediate_algebra", tmp_path)
    assert ([task.answer for task in dataset], dataset.name) == (["2"], "math-intermediate_algebra-test")
    with pytest.raises(ForgeError, match="no problems of type 'calculus': one of prealgebra"):
        math.load("test", "calculus", tmp_path)
    with pytest.raises(ForgeError, match="no split 'dev'"):
        math.load("dev")


@pytest.mark.parametrize(
    "change", [{"solution": "no box"}, {"type": "Cooking"}, {"level": 3}, {"problem": None, "type": None}]
)
def test_math_refuses_a_row_of_another_kind(tmp_path, change):
    write(tmp_path / "test.jsonl", [{**row(0, "1"), **change}])
    with pytest.raises(ForgeError, match="math-test-0 is no MATH row"):
        math.load("test", folder=tmp_path)


def test_math_files_that_are_nowhere_are_told_by_the_name_that_the_source_gives_them(tmp_path):
    with pytest.raises(ForgeError, match=r"no train_answers_only.jsonl or train.jsonl in"):
        math.load("train", folder=tmp_path)


@pytest.fixture
def split_folder(tmp_path):
    train = [row(n, "\\frac{1}{2}" if n % 2 else "3") for n in range(60)]
    test = [row(100 + n, "\\pi" if n % 3 == 0 else str(n)) for n in range(150)]
    test.append({**row(300, "3"), "problem": "Problem 5 : x=?"})  # Problem 5 of the training split, set otherwise
    write(tmp_path / "train.jsonl", train)
    write(tmp_path / "test.jsonl", test)
    return tmp_path


def test_math_paper_split_draws_20_and_80_numbers_to_be_found_and_no_problem_twice(split_folder):
    train, test = math.paper_split("algebra", seed=0, folder=split_folder)
    assert (len(train), len(test)) == (20, 80)
    assert all(task.answer.isdigit() for task in test)
    assert any(not task.answer.isdigit() for task in train)
    other, _ = math.paper_split("algebra", seed=1, folder=split_folder)
    assert {task.id for task in other} != {task.id for task in train}
    drawn = {task.id for seed in range(40) for task in math.paper_split("algebra", seed, split_folder)[0]}
    assert drawn == {f"math-train-{n}" for n in range(60)} - {"math-train-5"}


def test_a_type_by_name_has_the_papers_split_and_figures(split_folder, tmp_path, monkeypatch):
    monkeypatch.setenv("FORGE_DATA", str(tmp_path / "data"))
    shutil.copytree(split_folder, tmp_path / "data" / "math")
    found = catalog.load("math-algebra", seed=3)
    train, test = math.paper_split("algebra", 3, split_folder)
    assert (found.train.digest, found.test.digest) == (train.digest, test.digest)
    assert found.published == math.PUBLISHED_BY_TYPE["algebra"]
    names = {name.removeprefix("math-").replace("-", "_") for name in catalog.names() if name.startswith("math-")}
    assert names == set(math.TYPES)


def test_math_paper_split_is_the_same_whatever_the_order_of_the_file(split_folder, tmp_path_factory):
    other = tmp_path_factory.mktemp("reversed")
    shutil.copy(split_folder / "test.jsonl", other)
    lines = (split_folder / "train.jsonl").read_text().splitlines()
    (other / "train.jsonl").write_text("\n".join(reversed(lines)))
    here, there = math.paper_split("algebra", 3, split_folder)[0], math.paper_split("algebra", 3, other)[0]
    assert {task.id for task in here} == {task.id for task in there}


def test_math_paper_split_of_too_few_problems_is_refused(tmp_path):
    write(tmp_path / "train.jsonl", [row(n, "1") for n in range(30)])
    write(tmp_path / "test.jsonl", [row(100 + n, "1") for n in range(79)])
    with pytest.raises(ForgeError, match="math-algebra-test has 79 problems to draw 80 from"):
        math.paper_split("algebra", folder=tmp_path)


@pytest.mark.parametrize(
    ("text", "inside"),
    [("so \\boxed{\\frac{1}{2}}$.", "\\frac{1}{2}"), ("\\boxed{1} or \\fbox{ 2 }", "2"), ("$\\boxed 7$.", "7"),
     ("\\boxed{\\left\\{1, \\{2\\}\\right\\}}", "\\left\\{1, \\{2\\}\\right\\}"), ("no", None), ("\\boxed{1", None),
     ("\\boxed", None), ("\\boxedness{1}", None),
     ("\\boxed 7 $.", "7")],
)  # fmt: skip
def test_the_box_is_the_last_one_to_its_own_brace(text, inside):
    assert math.boxed(text) == inside


@given(st.recursive(st.text("ab1+,", min_size=1), lambda inner: inner.map(lambda text: f"x{{{text}}}y"), max_leaves=4))
def test_whatever_is_boxed_comes_out_of_the_box(text):
    assert math.boxed(f"so $\\boxed{{{text}}}$ {{}}") == text


SAME_TO_THE_AUTHORS = [  # each rule of their scorer, by a case of our own; and the cases of their own test of it
    ("1\n2", "12"),  # lines
    ("10,\\!000", "10,000"),
    ("\\\\frac{1}{2}", "\\frac{1}{2}"),
    ("\\tfrac{1}{2}", "\\frac{1}{2}"),
    ("\\dfrac{1}{2}", "\\frac{1}{2}"),
    ("\\left( 1, 2 \\right)", "(1,2)"),
    ("90^\\circ", "90"),
    ("90^{\\circ}", "90"),
    ("\\$10", "10"),
    ("10\\text{ units}", "10 "),
    ("12\\text{ cm}^2", "12"),
    ("10\\%", "10"),
    (".1", "0.1"),
    ("\\frac{.5}{3}", "\\frac{0.5}{3}"),
    ("x = 5", "5"),
    ("k=\\frac12", "\\frac{1}{2}"),
    ("10\\sqrt3 + \\sqrt{4}", "10\\sqrt{3} + \\sqrt4"),
    ("\\frac12", "\\frac{1}{2}"),
    ("\\frac1{72}", "\\frac{1}{72}"),
    ("\\frac 34i", "\\frac{3}{4}i"),
    ("0.5", "\\frac{1}{2}"),
    ("1/2", "\\frac{1}{2}"),
    ("\\left(x-2\\right)\\left(x+2\\right)", "(x-2)(x+2)"),
    ("\\\\dfrac{1}{2} +\\frac{1}{72}", "\\tfrac{1}{2} +\\! \\frac1{72}"),
    ("\\tfrac83", "\\frac{8}{3}"),
]


@pytest.mark.parametrize(("given", "wanted"), SAME_TO_THE_AUTHORS)
def test_what_the_authors_scorer_takes_for_the_same_has_one_normal_form(given, wanted):
    assert math.normal_form(given) == math.normal_form(wanted)
    assert right(given, wanted)
    assert right(wanted, given)


@pytest.mark.parametrize(
    ("given", "wanted"),
    [("100 ", "10\\text{ units}"), ("4, 12, 2", "10, 4, 2"), ("\\\\frac{1}{2} + 2/3", "\\tfrac{1}{2} + \\frac1{72}"),
     ("x + y - z + 2 = 0", "5x - 7y + 11z + 4 = 0"), ("(2,1)", "(1,2)"), ("(1,2)", "[1,2]"), ("[1,2)", "(1,2]"),
     ("\\text{odd}", "\\text{even}"), ("-i", "i"), ("5, 6", "5"), ("5 or 6", "5"), ("10\\text{ or }12", "10"),
     ("7\\text{ or 8}", "7"),
     ("$5$ or $7$", "7"), ("$5$, $7$", "7"), ("$5$ or $7$.", "5"), ("5\n6\n7", "7"),
     ("2", "\\frac \\pi4 + 2 - \\sqrt2"), ("111", "111, \\! 111, \\! 111"), ("A, C", "\\text{A,D}"),
     ("\\boxed{5} or \\boxed{6}", "5"), ("3.14", "\\pi"), ("0.33", "\\frac13"), ("", "5"), (None, "5")],
)  # fmt: skip
def test_another_answer_is_wrong(given, wanted):
    assert not right(given, wanted)


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ("2/4", "\\frac{1}{2}"),
        ("0.3333333333333333", "\\frac13"),
        (1 / 3, "\\frac13"),
        (10000, "10,\\!000"),
        ("\\boxed{\\frac{-1}{2}}", "-\\frac{1}{2}"),
        ("4, 10, -2", "10, 4, -2"),  # another answer to the authors, as is the next
        ("4, .1, 2", "0.1, 4, 2"),
        ([-1, 1], "\\pm 1"),
        ([1, 2], "(1,2)"),
        ("(x+2)(x-2)", "x^2-4"),
        ("10x-14y+22z+8=0", "5x-7y+11z+4=0"),
        ("(7,9)\\cup(2,5)", "(2,5)\\cup(7,9)"),
        ("\\begin{bmatrix}1&2\\\\3&4\\end{bmatrix}", "\\begin{pmatrix} 1 & 2 \\\\ 3 & 4 \\end{pmatrix}"),
        ("not \\boxed{6} but \\boxed{5}", "5"),
        ("Evelyn", "\\text{Evelyn}"),
        ("(B)", "\\text{B}"),
        ("June 6", "\\text{June 6}"),
        ("A, D", "\\text{A,D}"),
        ("1:03 PM", "\\text{1:03 PM}"),
        ("\\frac{\\pi}{4}+2-\\sqrt{2}", "\\frac \\pi4 + 2 - \\sqrt2"),
        ("2007 + pi/2", "2007 + \\frac\\pi 2"),
        ("111111111", "111, \\! 111, \\! 111"),
        ("The answer is $\\frac12$.", "\\frac12"),
        ("The answer is $5.", "\\$5"),
        ("\\[\n  x + 1.\n\\].", "1+x"),
        ("$5,\\ 7$.", "5,7"),
        ("50%", "50\\%"),
        ("$2.5", "\\$2.50"),
        ("5 cm", "5\\text{ cm}"),
        ("pi/4", "\\frac{\\pi}{4}"),  # as functions write
        ("x**10 + 2*sqrt(3)", "x^{10}+2\\sqrt{3}"),
        ("(-oo, 3]", "(-\\infty,3]"),
        ("1/5 + 3/5i", "\\frac15+\\frac35i"),
        ("-5/3", "-\\frac{5}{3}."),
        ("$ \\frac{-5}{3}.$", "-\\frac{5}{3}."),
    ],
)
def test_the_same_object_in_other_words_is_right(given, wanted):
    assert right(given, wanted)


MATRIX = "\\begin{pmatrix}1&2\\\\3&4\\end{pmatrix}"


@pytest.mark.parametrize(
    ("given", "wanted"),
    [("log(2)", "\\log 2"), ("3*ln(2)", "3\\ln 2"), ("sin(x)", "\\sin(x)"), ("cos(x)**2", "\\cos^2 x"),
     ("atan(x)", "\\arctan x"), ("tan(pi/3)", "\\sqrt3"), ("exp(2)", "e^2"), ("2**(n+1)", "2^{n+1}"),
     ("2**-1", "\\frac12"), ("4**0.5", "2"), ("2**(n*(n+1))", "2^{n^2+n}"), ("factorial(5)", "120"),
     ("[[1,2],[3,4]]", MATRIX), ("[[1, 2],\n [3, 4]]", MATRIX), ([[1, 2], [3, 4]], MATRIX), ("[(1,2),(3,4)]", MATRIX),
     ([[1.0, 1.9999999999999998], [3, "8/2"]], MATRIX), ([[1], [2]], "\\begin{pmatrix}1\\\\2\\end{pmatrix}"),
     ([[1, 2], [3, 4]], "(1,2),(3,4)")],
)  # fmt: skip
def test_what_functions_write_is_read(given, wanted):
    assert right(given, wanted)


@pytest.mark.parametrize(
    ("given", "wanted"),
    [("log(3)", "\\log 2"), ("sin(x+1)", "\\sin(x)+1"), ("2**n+1", "2^{n+1}"), ("factorial(5)", "5"),
     ("4**0.5", "1.5"), ([[1, 3], [2, 4]], MATRIX), ("[1,2,3,4]", MATRIX), ("[[1,2,3,4]]", MATRIX),
     ("[[1,2],3,4]", MATRIX), ([[1, 2], [4, 3]], "(1,2),(3,4)")],
)  # fmt: skip
def test_what_functions_write_otherwise_is_another_answer(given, wanted):
    assert not right(given, wanted)


@pytest.mark.parametrize(
    ("given", "wanted"),
    [(2.9999999999999996, "3"), (110.00000000000001, "110"), (1234567.0000000002, "1{,}234{,}567"),
     ("(1.0000000000000002, 2)", "(1,2)"), ([1.0000000000000002, 2], "(1,2)"), (1e-05, "0.00001"), (1e22, "10^{22}"),
     (0.30000000000000004, "0.3"), (3.4999999999999996, "\\frac72"), ([2.9999999999999996, 5], "5,3")],
)  # fmt: skip
def test_the_float_of_a_function_is_the_number_that_it_is_meant_to_be(given, wanted):
    assert right(given, wanted)


@pytest.mark.parametrize(
    ("question", "given", "wanted"),
    [("Factor $x^2 - 4$.", "x^2-4", "(x-2)(x+2)"), ("Expand \\[(x-2)(x+2).\\]", "(x-2)(x+2)", "x^2-4"),
     ("Evaluate $\\dfrac{6}{3}+1$.", "\\frac63 + 1", "3"), ("What is $0.75$ as a fraction?", "0.75", "\\frac34")],
)  # fmt: skip
def test_a_formula_copied_out_of_the_problem_is_no_answer(question, given, wanted):
    assert right(given, wanted)
    assert not right(given, wanted, question)
    assert right(wanted, wanted, question)


def test_what_stands_in_the_problem_and_is_the_answer_as_it_is_to_be_written_is_right():
    assert right("2 + \\sqrt 5", "2+\\sqrt{5}", "Choose: $\\textbf{(A) } 2 + \\sqrt{5}$")
    assert right("12", "12_5", "Add $12$ and $0$ in base five.")
    assert right("-5", "-5.0", "Subtract $0$ from $-5$.")
    assert right("0.75", "\\frac34", "Subtract ten from $10.75$.")
    assert right("x+1", "1+x", "Subtract nine from $x+10$.")
    assert right("(1.5, 2)", "(\\frac32, 2)", 'Find $B$. [asy] label("$B$", (1.5, 2)); [/asy]')


@pytest.mark.parametrize(
    ("given", "wanted", "same"),
    [("12_{10}", "12_8", False), ("101_2", "101_3", False), ("\\text{A5}_{12}", "\\text{A5}_{11}", False),
     ("101_{2}", "101_2", True), ("12_{8}", "12_8", True), ("12", "12_8", True), ("12_8", "12", True),
     ("13_8", "12_8", False)],
)  # fmt: skip
def test_a_number_in_another_base_is_another(given, wanted, same):
    assert right(given, wanted) is same


def test_a_list_has_the_order_that_the_problem_asks_for():
    question = "List all solutions in increasing order, separated by commas."
    assert right("0.5, 1,000, 2000", "\\frac12, 1000, 2000", question)
    assert not right("1000, \\frac12, 2000", "\\frac12, 1000, 2000", question)
    assert not right("\\frac12, 1000", "\\frac12, 1000, 2000", question)
    assert right("1000, \\frac12, 2000", "\\frac12, 1000, 2000", "List all solutions.")
    for question in ("List them from least to greatest.", "Write these from the largest to the smallest.",
                     "Give the names in alphabetical order."):  # fmt: skip
        assert not right("2, 1", "1, 2", question)
        assert right("1.0, 2", "1, 2", question)


def test_the_items_of_a_list_are_told_from_what_stands_in_brackets_and_from_thousands():
    assert math._parts("(1,2), [3,4), \\{5,6\\}, 7{,}000, 8,\\!000") == [
        "(1,2)", "[3,4)", "\\{5,6\\}", "7000", "8000"]  # fmt: skip


def test_what_a_function_writes_is_the_authors_spelling_too_and_needs_no_algebra(monkeypatch):
    monkeypatch.setattr(math, "equivalent", lambda wanted, given: pytest.fail(f"{given} was left to the library"))
    assert right("(3/5, 2pi]", "\\left(\\frac{3}{5},2\\pi\\right]")
    assert right("x**10 - 1", "x^{10}-1")
    assert right("x/3 + 3/5i", "x/3 + 3/5i")  # nor does an answer that is the wanted text


@given(st.integers(-99, 99), st.integers(1, 99))
def test_a_fraction_is_one_number_however_it_is_written(over, under):
    forms = {
        math.normal_form(text.format(over, under)) for text in ("{}/{}", "\\frac{{{}}}{{{}}}", "\\dfrac{{{}}} {{{}}}")
    }
    assert len(forms) == 1


@given(st.text("\\{}fracsqt12/.=$% ()", max_size=30))
def test_a_normal_form_is_made_of_any_text(text):
    math.normal_form(text)
    math.boxed(text)


def test_the_published_figures_are_of_all_seven_types():
    assert tuple(math.PUBLISHED_BY_TYPE) == math.TYPES
    assert math.PUBLISHED_BY_TYPE["number_theory"]["GPT-4 with code, trained"].score == 0.675


def test_math_is_known_by_name_without_the_training_problems_that_are_tested(split_folder, monkeypatch):
    monkeypatch.setenv("FORGE_DATA", str(split_folder))
    (split_folder / "math").mkdir()
    for name in ("train.jsonl", "test.jsonl"):
        (split_folder / name).rename(split_folder / "math" / name)
    found = catalog.load("math")
    assert (len(found.train), len(found.test)) == (59, 151)
    assert (found.agent("router").instructions, len(found.agent("router").library)) == (math.INSTRUCTIONS, 0)
    assert "math-train-5" not in {task.id for task in found.train}
