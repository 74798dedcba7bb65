"""StoreQA: a made-up shop in streams, for both regimes: `streams` makes tasks, `agent` the shop assistant, and the
`Oracle` reports the best that can be reached."""

from benchmarks.storeqa.assistant import SAME, agent, embed, search
from benchmarks.storeqa.demonstrator import Demonstrator
from benchmarks.storeqa.oracle import Oracle
from benchmarks.storeqa.streams import LENGTH, right, streams, texts

__all__ = ["LENGTH", "SAME", "Demonstrator", "Oracle", "agent", "embed", "right", "search", "streams", "texts"]
