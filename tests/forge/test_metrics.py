"""Hand-worked cases of every metric."""

import math
import resource
import signal
import threading
import time

import pytest

import forge
from forge import math_worker
from forge.metrics import exact_match, math_equivalent, numeric, one_of, read_number
from functions import ForgeError


def scored(metric, given, wanted):
    return metric(forge.Task("t", "q", wanted), forge.Session("t", "q", answer=given))


@pytest.mark.parametrize(
    ("text", "number"),
    [("$1,234.50", 1234.5), ("3/4", 0.75), ("-5", -5), ("1e3", 1000), ("so 12 pens", 12), ("50%", 50), ("5-12", 12),
     ("A-3", 3), ("12.", 12), (".5", 0.5), ("\u22127", -7), ("The answer is 42.", 42), ("-$5", -5), ("2 - 3", 3),
     ("1,2,3", 3), ("3 / 4 cups", 0.75), (7, 7), (2.5, 2.5), ("1,000/4", 250), ("1.5/3", 0.5), ("3/1.5", 2),
     ("\u22123/4", -0.75), ("1/3", 1 / 3)],
)  # fmt: skip
def test_numbers_are_read_from_answers(text, number):
    assert read_number(text) == number


@pytest.mark.parametrize("nothing", ["", "x", None, True, "12/0", "1e999", float("nan"), [1], "2/0.0"])
def test_what_holds_no_finite_number_reads_as_none(nothing):
    assert read_number(nothing) is None


@pytest.mark.parametrize("digits", [400, 5000])
def test_a_number_that_no_float_holds_is_none_and_no_mistake(digits):
    text = "9" * digits
    for large in (10**digits, -(10**digits), text, f"{text}/3", f"{text}/{text}"):
        assert read_number(large) is None


def test_a_text_of_many_digits_is_read_at_once():
    began = time.process_time()
    assert read_number("1" * 50_000) is None
    assert time.process_time() - began < 1


@pytest.mark.parametrize(
    ("given", "wanted", "right"),
    [("12 pens", 12, True), (12.0004, 12, True), (12.1, 12, False), (None, 12, False), ("no idea", 12, False),
     ("1000.5", 1000, True), ("0.0005", 0, True), ("0.002", 0, False)],
)  # fmt: skip
def test_numeric_is_relative_above_one_and_absolute_below(given, wanted, right):
    assert scored(numeric(1e-3), given, wanted) is right


def test_a_label_without_a_number_is_an_error_not_a_zero():
    with pytest.raises(ForgeError, match="'twelve'"):
        scored(numeric(), "12", "twelve")


@pytest.mark.parametrize(
    ("given", "wanted", "right"),
    [(" Rome ", "rome", True), (5.0, 5, True), ("5", 5, True), (None, "None", False), ("Rome, Italy", "Rome", False)],
)
def test_exact_match_folds_case_and_space_only(given, wanted, right):
    assert scored(exact_match, given, wanted) is right


@pytest.mark.parametrize(
    ("given", "right"),
    [("B", True), ("(B)", True), ("The answer is b.", True), ("A or B", False), ("Bob", False), (None, False)],
)
def test_one_of_wants_exactly_the_right_choice_named(given, right):
    assert scored(one_of("A", "B", "C"), given, "B") is right


@pytest.mark.parametrize(
    ("given", "wanted", "right"),
    [("0.5", "\\frac{1}{2}", True), ("1/2", "\\frac12", True), ("$\\boxed{3}$", "3", True), ("x=3", "3", True),
     ("(1,2)", "(1, 2)", True), ("2\\sqrt{2}", "\\sqrt{8}", True), ("4", "3", False), ("gibberish ((", "3", False),
     (None, "3", False), ("[1,2)", "(1,2)", False)],
)  # fmt: skip
def test_math_equivalence_knows_the_same_object_in_other_words(given, wanted, right):
    assert scored(math_equivalent, given, wanted) is right


@pytest.mark.parametrize(
    ("given", "wanted"),
    [(111 * math.pi, "111\\pi"), (619 * math.sqrt(486), "619\\sqrt{486}"), (-989 * 689**0.5, "-989\\sqrt{689}"),
     ([math.pi * 195, 2], "[195\\pi, 2]"), (1234567 / 9, "\\frac{1234567}{9}")],
)  # fmt: skip
def test_floats_of_irrational_numbers_keep_their_digits(given, wanted):
    assert scored(math_equivalent, given, wanted)


@pytest.mark.parametrize(
    ("given", "wanted"),
    [(2.9999999999999996, "3"), (-110.00000000000001, "-110"), (1234567.0000000002, "1234567"), (1e-05, "0.00001"),
     (1e22, "10^{22}"), ("1e22", "10^{22}"), ([1.0000000000000002, 2], "[1,2]"), ("x + 2.9999999999999996", "x+3"),
     (6.123233995736766e-17, "0"), (-1.8e-16, "0"), (0.30000000000000004, "0.3"), ("0.99999999999.", "1"),
     (1e-13, "1e-13"), (1.0000000000000001e-13, "1e-13"), (2e-07, "0.0000002"), ("0.30000000000000004x", "0.3x"),
     (12345678901.0, "12345678901"), (3, "2.9999999999999996")],
)  # fmt: skip
def test_floats_are_the_numbers_that_they_are_meant_to_be(given, wanted):
    assert scored(math_equivalent, given, wanted)


@pytest.mark.parametrize(
    ("given", "wanted"),
    [(2.9999, "3"), (3.0000001, "3"), (3.00000001, "3"), (1e-05, "0.0001"), (1e22, "10^{21}"), (1e-9, "0"),
     (1e-13, "2e-13"), (1e-07, "2e-07"), (1e-7, "0.0000002"), (1e-8, "\\frac{1}{50000000}"),
     (12345678901.0, "12345678902"), ("2e-1", "0.2"), ("2e+3", "2000"), ("1e5_{16}", "100000")],
)  # fmt: skip
def test_a_number_that_is_near_is_another(given, wanted):
    assert not scored(math_equivalent, given, wanted)


def test_what_a_formula_shares_with_floats_stays_as_it_is():
    for text in (
        "2e-1",
        "2e+3",
        "x_1e5",
        "v1.0.12345678",
        "1e5_{16}",
        "3e2x",
        "0.12345678",
        "1234567.5",
        "3.14",
        "e10",
    ):
        assert math_worker.without_noise(text) == text


def test_an_answer_that_cannot_be_evaluated_in_time_is_wrong_and_the_next_one_is_scored(monkeypatch):
    monkeypatch.setattr("forge.math_worker.ANSWER_SECONDS", 1.0)
    assert scored(math_equivalent, "9^{9^{9^{9}}}", "3") is False
    assert scored(math_equivalent, "1/2", "0.5") is True


def test_an_answer_waits_for_a_busy_machine(monkeypatch):
    assert scored(math_equivalent, "1/2", "0.5") is True  # the process is there
    monkeypatch.setattr("forge.math_worker.ANSWER_SECONDS", 1.0)
    worker = math_worker._workers[0]
    worker.send_signal(signal.SIGSTOP)
    threading.Timer(2.0, worker.send_signal, [signal.SIGCONT]).start()
    assert scored(math_equivalent, "2/4", "0.5") is True


@pytest.mark.parametrize(
    "wanted",
    ["7", "2.5", "-0.125", "\\frac13", "\\sqrt{2}", "2\\pi", "10^6", "50\\%", "x=5", "\\{5\\}", "90^\\circ", "1,000",
     "5\\text{ cm}", "3+4i", "\\infty", "x", "x^2-4", "x-x+5", "f(x)", "\\text{even}", "\\text{7}",
     "x+y", "\\frac{x}{x}"],
)  # fmt: skip
def test_what_arithmetic_tells_apart_is_another_object_to_the_library_too(wanted):
    value = math_worker._value(wanted)
    value = 5.0 if value is None or value != value else value
    near = [value + step for step in (0.0, 4e-7, -2e-6, 2e-5, 1.0)]
    for given in map(str, [*near, 7, 50, 0.5, 1000]):
        if math_worker._apart(wanted, given):
            assert not math_worker._same(wanted, given)
        assert math_worker.equivalent(wanted, given) is math_worker._same(wanted, given)


def test_other_numbers_are_told_apart_without_the_library_and_nothing_is_asked_twice(monkeypatch):
    asked = []
    ask = math_worker._asked
    monkeypatch.setattr(math_worker, "_asked", lambda *texts: asked.append(texts) or ask(*texts))
    for given in ("3", "4", "-0.5", "8.001"):
        assert not math_worker.equivalent("8", given)
    assert asked == []
    for given in ("3", "4", "0.23077", "3", "3/13", "3/13"):
        math_worker.equivalent("\\frac{3}{13}", given)
    assert asked == [("\\frac{3}{13}",), ("\\frac{3}{13}", "0.23077"), ("\\frac{3}{13}", "3/13")]


class Judge:
    name = "judge"

    def __init__(self, text):
        self.text = text

    def complete_sync(self, request):
        from forge.models.chat import Reply

        return Reply(self.text)

    async def complete(self, request):
        return self.complete_sync(request)


def test_a_judges_last_line_is_the_verdict_and_its_reason_the_feedback():
    verdict = scored(forge.metrics.llm_judge(Judge("Same city.\nYES")), "Roma", "Rome")
    assert (verdict.value, "Same city" in verdict.feedback) == (1.0, True)
    assert scored(forge.metrics.llm_judge(Judge("Other.\n**No.**")), "Paris", "Rome").value == 0.0


def test_a_judge_without_a_verdict_is_an_error():
    with pytest.raises(ForgeError, match="no verdict"):
        scored(forge.metrics.llm_judge(Judge("Well, it depends")), "a", "b")


@pytest.mark.parametrize("make", [lambda: numeric(-1), lambda: one_of("a"), lambda: forge.metrics.llm_judge("router")])
def test_metrics_that_cannot_be_are_refused(make):
    with pytest.raises(ForgeError):
        make()


def test_an_answer_cannot_fill_the_machines_memory(monkeypatch):
    math_worker._stop()  # the next one is started with less
    monkeypatch.setattr(math_worker, "MEMORY_MB", 600)
    assert not math_worker.equivalent("(1+x)^{1000001}", "(1+x)^{1000000}")
    assert math_worker.equivalent("11/20", "0.55")
    (worker,) = math_worker._workers
    assert resource.prlimit(worker.pid, resource.RLIMIT_AS)[0] == 600 << 20
    math_worker._stop()
