"""What a session is worth to those that follow it."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forge import Call, ForgeError, Observation, Session, Step
from forge.session import Action
from rl.sessions import CriticValue, FittedValue, Heuristic, Trajectory
from rl.similarity import similarity


def session(question, *, reward=1.0, asked=False, remembered=(), looked=False):
    calls = (Call("retrieve_memory"),) if looked else ()
    steps = (Step(Action(calls=calls), tuple(Observation(call.name, "") for call in calls)),)
    return Session("t", question, steps=steps, score=reward, advice_count=int(asked), remembered=tuple(remembered))


def random_trajectory(draw_reward, length, seed):
    generator = np.random.default_rng(seed)
    words = ["style of velo", "style of mira", "noise of velo", "price of kesta"]
    rows = []
    for _ in range(length):
        question = words[generator.integers(4)]
        asked = bool(generator.integers(2))
        remembered = (f"{question} good",) if asked else ()
        reward, looked = draw_reward(generator), bool(generator.integers(2))
        rows.append(session(question, reward=reward, asked=asked, remembered=remembered, looked=looked))
    return Trajectory(tuple(rows))


@given(st.integers(2, 6), st.integers(1, 8), st.integers(0, 1000))
def test_proxy_rewards_telescope(count, length, seed):
    """Their sum over a trajectory is the sum of rewards, minus the value of the state in which it began."""
    trajectories = [random_trajectory(lambda g: float(g.random()), length, seed + n) for n in range(count)]
    objective = FittedValue()
    for values, bonuses in zip(objective.values(trajectories), objective.bonuses(trajectories), strict=True):
        assert values[-1] == 0.0
        assert sum(bonuses) == pytest.approx(-values[0])


def test_the_papers_heuristic_on_an_example_worked_by_hand():
    style, noise, price = "style of the velo lamp", "noise of the mira chair", "what does kesta cost"
    rows = (
        session(style, asked=True),  # comes again; nothing alike is held: 0.1 / 1
        session(noise),  # not asked
        session(style, asked=True),  # comes again; one alike is held: 0.1 / 2
        session(price, asked=True),  # never comes again
        session(style, asked=True),  # does not come again
        session(noise),
    )
    (bonuses,) = Heuristic(beta=0.1, threshold=0.9).bonuses([Trajectory(rows)])
    assert bonuses == pytest.approx([0.1, 0.0, 0.05, 0.0, 0.0, 0.0])


def test_the_heuristic_counts_what_memory_held_before_the_stream():
    style = "style of the velo lamp"
    rows = (session(style, asked=True), session(style))
    (bonuses,) = Heuristic(beta=0.1, threshold=0.9).bonuses([Trajectory(rows, remembered=(style, "noise of mira"))])
    assert bonuses == pytest.approx([0.05, 0.0])


def test_the_fitted_value_finds_what_a_note_is_worth_to_a_question_that_comes_back():
    generator = np.random.default_rng(0)

    def trajectory():
        asked = bool(generator.integers(2))
        first = session(
            "style of velo", reward=0.5, asked=asked, remembered=("style of velo modern",) if asked else (), looked=True
        )
        second = session("style of velo", reward=1.0 if asked else float(generator.random() < 0.4), looked=True)
        return Trajectory((first, second))

    trajectories = [trajectory() for _ in range(400)]
    bonuses = FittedValue().bonuses(trajectories)
    with_note = np.mean([b[0] for b, t in zip(bonuses, trajectories, strict=True) if t.sessions[0].advice_count])
    without = np.mean([b[0] for b, t in zip(bonuses, trajectories, strict=True) if not t.sessions[0].advice_count])
    assert with_note - without == pytest.approx(0.6, abs=0.12)


def test_a_question_about_something_new_is_of_the_kind_of_those_about_other_things():
    generator = np.random.default_rng(1)

    def trajectory(number):
        style, asked = f"style of product{number}", bool(generator.integers(2))
        first = session(style, reward=0.5, asked=asked, remembered=(style,) if asked else (), looked=True)
        easy = [session(f"price of product{number}x{n}", reward=1.0) for n in range(4)]
        second = session(style, reward=1.0 if asked else float(generator.random() < 0.4), looked=True)
        return Trajectory((first, *easy, second))

    trajectories = [trajectory(number) for number in range(200)]
    bonuses = FittedValue(threshold=0.9).bonuses(trajectories)
    asked = [bool(each.sessions[0].advice_count) for each in trajectories]
    with_note = np.mean([bonus[0] for bonus, a in zip(bonuses, asked, strict=True) if a])
    without = np.mean([bonus[0] for bonus, a in zip(bonuses, asked, strict=True) if not a])
    assert with_note - without == pytest.approx(0.6, abs=0.15)


def test_no_trajectory_is_valued_by_what_it_earned_itself():
    base = [random_trajectory(lambda g: 0.5, 5, n) for n in range(8)]
    lucky = [Trajectory(tuple(replace(each, score=1.0) for each in base[0].sessions)), *base[1:]]
    assert np.allclose(FittedValue().values(base)[0], FittedValue().values(lucky)[0])
    assert not np.allclose(FittedValue().values(base)[1], FittedValue().values(lucky)[1])


def test_looking_into_memory_does_not_move_the_value_that_a_session_is_held_against():
    base = [random_trajectory(lambda g: float(g.random()), 5, n) for n in range(8)]
    looking = [
        Trajectory(tuple(replace(each, steps=session("", looked=True).steps) for each in base[0].sessions)),
        *base[1:],
    ]
    assert np.allclose(FittedValue().values(base)[0], FittedValue().values(looking)[0])


def test_what_memory_held_before_the_stream_counts():
    rows = tuple(session("style of velo", looked=True, reward=1.0) for _ in range(2))
    bare = tuple(session("style of velo", looked=True, reward=0.0) for _ in range(2))
    trajectories = [Trajectory(rows, remembered=("style of velo modern",)), Trajectory(bare)] * 40
    values = FittedValue().values(trajectories)
    assert values[0][0] > values[1][0] + 1.0


def test_the_critics_value_of_the_next_start_is_discounted():
    trajectory = Trajectory((session("a"), session("b"), session("c")), start_values=(1.0, 2.0, 4.0))
    assert CriticValue(discount=0.5).bonuses([trajectory]) == [[1.0, 2.0, 0.0]]


def test_similarity_is_one_for_equal_texts_and_zero_for_strangers():
    cosines = similarity(["style of velo", "price"], ["style of velo", "noise"])
    assert cosines[0, 0] == pytest.approx(1.0)
    assert cosines[0, 1] == cosines[1, 0] == 0.0
    own = similarity(["x", "y"], ["z"], embed=lambda texts: [[1.0, 0.0], [0.0, 1.0], [1.0, 0.0]])
    assert own.tolist() == [[1.0], [0.0]]


@pytest.mark.parametrize(
    "make",
    [
        lambda: Heuristic(beta=-1),
        lambda: FittedValue(folds=1),
        lambda: CriticValue(discount=2),
        lambda: FittedValue().bonuses([Trajectory(())]),
    ],
)
def test_bad_settings_are_refused(make):
    with pytest.raises(ForgeError):
        make()
