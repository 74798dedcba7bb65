"""Sources are read by many threads at once."""

import gc
import sys
import time
from concurrent.futures import ThreadPoolExecutor

from functions.source import parse

SOURCE = "def f(x: int) -> int:\n    return (x + 1) * [x, x, x][0] + 3\n\n\n" * 10


def test_threads_do_not_disturb_each_other_where_garbage_is_collected_while_a_tree_is_built():
    def lets_another_thread_run(phase, info):
        time.sleep(0)

    threshold, interval = gc.get_threshold(), sys.getswitchinterval()
    gc.callbacks.append(lets_another_thread_run)
    gc.set_threshold(20)
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(6) as pool:
            trees = list(pool.map(lambda _: parse(SOURCE), range(400)))
    finally:
        gc.callbacks.remove(lets_another_thread_run)
        gc.set_threshold(*threshold)
        sys.setswitchinterval(interval)
    assert all(len(tree.body) == 10 for tree in trees)
