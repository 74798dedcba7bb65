"""The files of tau-bench, prepared as JSON or as its authors have them: Python, which is read and never run."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

from benchmarks.data import DataFile, Source, find_any, rows, whole_text
from functions.errors import ForgeError

Domain = Literal["airline", "retail"]

SOURCE = Source("sierra-research/tau-bench", "59a200c6d575d595120f1cb70fea53cef0632f6b", "MIT")
_TASKS: Mapping[tuple[Domain, str], str] = {
    ("airline", "test"): "47f394333743aaa48292bd447977eae86e16ffe9",
    ("retail", "train"): "4fe71adafdbae7b6683f9d5beb65275172699bb6",
    ("retail", "dev"): "aa5acf7f771b6e903bf795e436e03ee6ebe2c03d",
    ("retail", "test"): "d0e4936ef9d523c04debf4ecd9f6d92eb39923a0",
}
SPLITS = tuple(_TASKS)  # each a domain and a split
_WIKI = {"airline": "1601b26472674661fc07b48940e86674854ff2e3", "retail": "2a23f004bbde6a5e3392585d0fedbb4ac2ee0a11"}
_TRAJECTORIES = DataFile("tau_bench", "gpt-4o-airline_trajectories.json", SOURCE,
                         "historical_trajectories/gpt-4o-airline.json",
                         "a5f0d91569e740b949b37a181993b3f1822a86f4")  # fmt: skip
TOOLS: Mapping[Domain, Mapping[str, str]] = {
    "airline": {
        "book_reservation": "74f9c069680fd3ad423ebf4e5bf9ecfe1037b551",
        "calculate": "7fc917eb31a7c218545fff19f574bba32d456569",
        "cancel_reservation": "3925304bd42a49a4136e6610bdf137a4797142d5",
        "get_reservation_details": "b3ba46aef20f86bd13bc586c42ed9c1b0fa286c2",
        "get_user_details": "db6e72f27200514f104b017c0a5dda8800b6c41b",
        "list_all_airports": "4f0b5a2394cbf65952799f5d43db8f0222d33022",
        "search_direct_flight": "3dfa8e0f7cc11b4d474dd79fd1bc7bc1bb28d800",
        "search_onestop_flight": "098fa780a7bd3ee7912323e477525727d19c70fb",
        "send_certificate": "2b79e718297ffd2c29e72cfe4901ea1432157672",
        "think": "29c1319d2e1cb1ae741ff10e9a9990d60937cc60",
        "transfer_to_human_agents": "26db4e9b71a6814c4c1d667de2eb7a5502985bc9",
        "update_reservation_baggages": "e0a79c4aa37d5e0f3ebd1a0d9e01196098cc1f25",
        "update_reservation_flights": "388f0ceedf14def68f7485bc149a509b10bddec3",
        "update_reservation_passengers": "0255fcf3ae4e042e6bf1e6fc4ee83d67578e0835",
    },
    "retail": {
        "calculate": "7efe98dae6e81d1ca9c7b1b35173735df2f8e199",
        "cancel_pending_order": "efec9ed731dba1defe965979b79014a862458dc0",
        "exchange_delivered_order_items": "0924719643635166f61c8c130ce78bf41390abf5",
        "find_user_id_by_email": "1715831cb0c24ba406732411dcc8ff1a8e5e612b",
        "find_user_id_by_name_zip": "01bfeae05af078758dc2974f31a79ccdd3d6e172",
        "get_order_details": "f1597decc302f88d3dfb59cd6817efa4d56d45eb",
        "get_product_details": "6d5e3b1a8035d95e3495086100caab1de5329ff7",
        "get_user_details": "f9a31d2a2642a4842af7e1d2c3dc7cbbc088c0f7",
        "list_all_product_types": "18c002711d050e3f3f4b2724a3de94c44b34bc62",
        "modify_pending_order_address": "80870fb0cfcc279243d8ef2ffbd52e3c16ad2e69",
        "modify_pending_order_items": "725dff3e78724ad6f6076b7a69e10301f6b51704",
        "modify_pending_order_payment": "e497dbed7ad3b059abd64b3ea5ffe5b6ddaa84a3",
        "modify_user_address": "5605e20d365f53cfec2ea8aba267b46e6e34f2ed",
        "return_delivered_order_items": "d13d199f6ebeea6a4c151813b0bc91eb76b02298",
        "think": "585cababfa623b62faff3efcf76f49e496824463",
        "transfer_to_human_agents": "84d8d1052ffa3acdbb56717513238b1b2e78262d",
    },
}


def task_rows(domain: Domain, split: str, folder: Path | None = None) -> Iterator[Mapping[str, Any]]:
    """The tasks of a split: instruction, actions (gold), outputs, and "i", its place, where it is given.

    Raises:
        ForgeError: no such domain or split, or no such file.
    """
    if (domain, split) not in _TASKS:
        known = ", ".join(f"{kind} {part}" for kind, part in _TASKS)
        raise ForgeError(f"tau-bench has no {domain!r} {split!r}: it has {known}")
    original = _original(f"{domain}_tasks_{split}.py", f"{domain}/tasks_{split}.py", _TASKS[domain, split])
    path = _find(f"{domain}_tasks_{split}.jsonl", original, folder)
    return _written_tasks(path) if path.name.removesuffix(".gz").endswith(".py") else rows(path)


def tool_schemas(domain: Domain, folder: Path | None = None) -> list[dict[str, Any]]:
    """The domain's tools (14 of the airline, 16 of retail) as the OpenAI chat protocol describes them.

    Raises:
        ForgeError: no such domain, or no such files.
    """
    if domain not in TOOLS:
        raise ForgeError(f"tau-bench has no domain {domain!r}: it has 'airline' and 'retail'")
    if (path := DataFile("tau_bench", f"{domain}_tools.json").at_hand(folder)) is not None:
        return list(rows(path))
    return [_written_schema(file.find(folder)) for file in _tool_files(domain)]  # the source has one for each tool


def policy(domain: Domain, folder: Path | None = None) -> str:
    """What an agent of the domain may do and must not.

    Raises:
        ForgeError: no such domain, or no such file.
    """
    if domain not in _WIKI:
        raise ForgeError(f"tau-bench has no domain {domain!r}: it has 'airline' and 'retail'")
    return whole_text(_original(f"{domain}_wiki.md", f"{domain}/wiki.md", _WIKI[domain]).find(folder))


def trajectories(folder: Path | None = None) -> Iterator[Mapping[str, Any]]:
    """The recorded dialogues of GPT-4o with airline customers (200 at the source): task_id, trial, reward, traj.

    Raises:
        ForgeError: no such file.
    """
    return rows(_find("gpt-4o-airline_trajectories.jsonl", _TRAJECTORIES, folder))


def _original(name: str, path: str, blob: str) -> DataFile:
    return DataFile("tau_bench", name, SOURCE, f"tau_bench/envs/{path}", blob)


def _find(name: str, original: DataFile, folder: Path | None) -> Path:
    """The file as JSON lines, where it was prepared so, else as its authors have it."""
    return find_any(DataFile("tau_bench", name), original, folder=folder)


def _tool_files(domain: Domain) -> Iterator[DataFile]:
    return (_original(f"{domain}_tools/{name}.py", f"{domain}/tools/{name}.py", blob)
            for name, blob in TOOLS[domain].items())  # fmt: skip


def _written_tasks(path: Path) -> Iterator[dict[str, Any]]:
    """The tasks of a Python file, which is read and not run: one list of Task(...) with Action(...) inside."""
    yield from _read(path, lambda tree: next(_data(node.value) for node in tree.body if isinstance(node, ast.Assign)))


def _written_schema(path: Path) -> dict[str, Any]:
    """What get_info() of a tool's Python file gives; the file is not run."""
    schema: dict[str, Any] = _read(path, lambda tree: next(
        _data(node.body[-1].value) for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef) and node.name == "get_info" and isinstance(node.body[-1], ast.Return)
    ))  # fmt: skip
    return schema


def _read(path: Path, part: Callable[[ast.Module], Any]) -> Any:  # whatever is written there as data
    try:
        return part(ast.parse(whole_text(path)))
    except (ValueError, SyntaxError, StopIteration) as error:
        raise ForgeError(f"cannot read {path}: {error or 'it is laid out in another way'}") from None


def _data(node: ast.expr | None) -> Any:
    """A literal, in which a call stands for its keywords."""
    if isinstance(node, ast.Call):
        return {str(word.arg): _data(word.value) for word in node.keywords}
    if isinstance(node, ast.List):
        return [_data(item) for item in node.elts]
    return ast.literal_eval(node) if node is not None else None
