"""Which tasks each step of a training sees."""

from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forge.task import Dataset
from functions.errors import ForgeError
from optim.schedule import Schedule


def dataset(count, streams=0):
    return Dataset(
        [{"question": f"q{n}", "answer": n, "stream": f"s{n % streams}" if streams else ""} for n in range(count)]
    )


def test_without_minibatches_every_step_sees_the_whole_set_in_order():
    tasks = dataset(5)
    assert list(islice(Schedule().batches(tasks, seed=0), 3)) == [tasks.tasks] * 3


@given(st.integers(1, 30), st.integers(1, 10), st.integers(0, 5))
def test_an_epoch_of_minibatches_shows_each_task_once(count, size, seed):
    tasks, seen = dataset(count), []
    for batch in Schedule(minibatch=size).batches(tasks, seed=seed):
        seen += [task.id for task in batch]
        assert len(batch) <= size or size >= count
        if len(seen) >= count:
            break
    assert sorted(seen) == sorted(task.id for task in tasks)


def test_minibatches_keep_the_tasks_of_a_stream_together_and_in_order():
    for batch in islice(Schedule(minibatch=4).batches(dataset(12, streams=3), seed=1), 6):
        assert len({task.stream for task in batch}) == 1
        assert [int(task.id) for task in batch] == sorted(int(task.id) for task in batch)


def test_epochs_are_shuffled_differently_and_the_same_for_the_same_seed():
    first = [list(islice(Schedule(minibatch=3).batches(dataset(12), seed=7), 8)) for _ in range(2)]
    assert first[0] == first[1]
    assert first[0][:4] != first[0][4:]


@pytest.mark.parametrize("wrong", [{"epochs": 0}, {"patience": -1}, {"minibatch": 0}])
def test_settings_that_cannot_be_are_refused_by_name(wrong):
    with pytest.raises(ForgeError, match=next(iter(wrong))):
        Schedule(**wrong)
