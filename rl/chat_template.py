"""Actions as a pretrained chat model writes them: through its tokenizer's own template and response parsing."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from itertools import pairwise
from typing import Any

from forge.builtin_tools import SUBMIT
from forge.dialect import tool_schema
from forge.models.protocol import Context, ToolSpec
from forge.session import Action, Call, Step
from functions.errors import ForgeError

_MARK = "qzForgeMark{}zq"  # stands for a text while a template is rendered
_PROBE = ToolSpec("qzforgeprobe", "Probes.", {"type": "object", "properties": {"x": {"type": "string"}}})


class ChatTemplate:
    """Tool calls as the tokenizer's chat template has them. A reply without a call is the answer.

    Only the text of the template may become special tokens: questions and observations that spell one stay text.

    Args:
        tokenizer: a fast tokenizer of transformers with a chat template that shows tools, and with a
            `response_template`, or a chat template whose responses TRL knows how to parse.

    Raises:
        ForgeError: there is no template, it shows no tools, nothing ends a message, or its responses cannot be parsed.
    """

    name = "chat_template"

    def __init__(self, tokenizer: Any) -> None:  # PreTrainedTokenizerFast
        self.tokenizer = tokenizer
        if not tokenizer.chat_template:
            raise ForgeError("the tokenizer has no chat template: set tokenizer.chat_template to the model's own, or "
                             "let the policy use dialect=rl.FunctionTokens")  # fmt: skip
        spelled = sorted(map(re.escape, tokenizer.get_added_vocab()), key=len, reverse=True)
        self._added = re.compile(f"(?={'|'.join(spelled)})" if spelled else "(?!)")
        self._encoded = lru_cache(maxsize=65_536)(self._encode)
        self._opened: dict[str, tuple[Sequence[ToolSpec], list[str | int]]] = {}
        if _PROBE.name not in self._render([_user("u")], [_PROBE]):
            raise ForgeError("the tokenizer's chat template does not show tools to the model: use a template that "
                             "does, or let the policy use dialect=rl.FunctionTokens")  # fmt: skip
        self._end, self._end_text = self._find_end()
        self.end_ids = frozenset({self._end} | ({tokenizer.eos_token_id} - {None}))
        asked = [_user("u")]
        self._opening = self._special(self._render(asked, (), ask=True)[len(self._render(asked, ())) :])
        self._call_begins = self._find_call()
        self._require_parser()

    def prompt(self, context: Context) -> list[int]:
        ids = self._open(context)
        for step in context.steps:
            ids += list(step.action.token_ids) or self.write(step.action, context.tools)
            ids += self._answered(step, ids[-1] in self.end_ids)
        return ids

    def read(self, ids: Sequence[int], tools: Sequence[ToolSpec], *, cut: bool) -> tuple[str, tuple[Call, ...]]:
        from trl.chat_template_utils import parse_response

        message = parse_response(self.tokenizer, list(ids), prefix=self._opening, tools=[tool_schema(t) for t in tools])
        text = str(message.get("content") or "").strip()
        calls = tuple(_call(each["function"]) for each in message.get("tool_calls") or ())
        if not calls and text and not cut and self._call_begins not in ids:
            calls = (Call(SUBMIT.name, {"answer": text}, text=text),)
        return text, calls

    def write(self, action: Action, tools: Sequence[ToolSpec]) -> list[int]:
        """Raises:
        ForgeError: the template does not write a message where it has the model begin one.
        """
        asked = [_user("u")]
        before, whole = self._render(asked, (), ask=True), self._render([*asked, _assistant(action)], ())
        if not whole.startswith(before):
            raise ForgeError("the chat template writes a past message unlike one that the model is about to write: "
                             "take the training template that trl.chat_template_utils has for this model")  # fmt: skip
        ids: list[int] = self.tokenizer.encode(whole[len(before) :], add_special_tokens=False)
        return ids[: ids.index(self._end) + 1]

    def choice_length(self, ids: Sequence[int]) -> int:
        return len(ids)

    def _open(self, context: Context) -> list[int]:
        """The prompt before the first action."""
        known = self._opened.get(context.instructions)
        if known is None or known[0] != context.tools:
            known = self._opened[context.instructions] = (context.tools, self._parts(context))
        question = self._encoded(context.question)
        return [token for part in known[1] for token in (question if isinstance(part, str) else [part])]

    def _parts(self, context: Context) -> list[str | int]:
        """Token ids, and a text where the question goes."""
        system = [{"role": "system", "content": context.instructions}] if context.instructions else []
        question = _MARK.format(0)
        try:
            text = self._render([*system, _user(question)], context.tools, ask=True)
        except ForgeError:  # some templates have no system message
            text = self._render([_user(f"{context.instructions}\n\n{question}")], context.tools, ask=True)
        before, found, after = text.partition(question)
        if not found:
            raise ForgeError("the chat template does not show the user's message as it is")
        return [*self._special(before), question, *self._special(after)]

    def _answered(self, step: Step, ended: bool) -> list[int]:
        """What the executor appends: the end of a message that was cut, the observations, the head of the next one."""
        texts = [seen.text for seen in step.observations]
        head, pieces = self._after_action(len(step.action.calls), len(texts))
        ids = [] if ended else [self._end]
        ids += head
        for text, (quoted, after) in zip(texts, pieces, strict=True):
            ids += self._encoded(json.dumps(text, ensure_ascii=False)[1:-1] if quoted else text)
            ids += after
        return ids

    @lru_cache(maxsize=256)  # noqa: B019  # a handful of shapes, for as long as the dialect lives
    def _after_action(self, calls: int, observations: int) -> tuple[list[int], list[tuple[bool, list[int]]]]:
        """Ids between an action and its first observation; for each, whether it is quoted, and the ids behind it."""
        marks = [_MARK.format(place + 1) for place in range(observations)]
        mark = _MARK.format(0)
        if calls:
            made = Action(calls=tuple(Call(_PROBE.name, {"x": mark}) for _ in range(calls)))
            seen = [{"role": "tool", "name": _PROBE.name, "tool_call_id": _identity(n), "content": text}
                    for n, text in enumerate(marks)]  # fmt: skip
        else:
            made, seen = Action(mark), [_user(text) for text in marks]
        text = self._render([_user("u"), _assistant(made), *seen], [_PROBE], ask=True)
        rest = text[text.rindex(mark) :]
        rest = rest[rest.index(self._end_text) + len(self._end_text) :]
        head = rest
        pieces: list[tuple[bool, list[int]]] = []
        for number, each in enumerate(marks):
            before, found, after = rest.partition(each)
            if not found:
                raise ForgeError("the chat template does not show what a tool answers as it is: use another template, "
                                 "or dialect=rl.FunctionTokens")  # fmt: skip
            if number == 0:
                head = before
            else:
                pieces[-1] = (pieces[-1][0], self._special(before))
            pieces.append((before.endswith('"') and after.startswith('"'), []))
            rest = after
        if pieces:
            pieces[-1] = (pieces[-1][0], self._special(rest))
        return self._special(head), pieces

    def _find_end(self) -> tuple[int, str]:
        mark = _MARK.format(0)
        text = self._render([_user("u"), {"role": "assistant", "content": mark}, _user("v")], ())
        special = set(self.tokenizer.all_special_ids) | set(self.tokenizer.added_tokens_decoder)
        for token in self._special(text.partition(mark)[2]):
            if token in special:
                return token, str(self.tokenizer.decode([token]))
        raise ForgeError("the chat template puts no special token behind a message, so that nothing ends an action: "
                         "use another template, or dialect=rl.FunctionTokens")  # fmt: skip

    def _find_call(self) -> int:
        """The token with which a call begins."""
        mark = _MARK.format(0)
        written = self.write(Action(mark, (Call(_PROBE.name, {"x": "y"}),)), (_PROBE,))
        before = str(self.tokenizer.decode(written)).partition(_PROBE.name)[0]
        return self._special(before.rpartition(mark)[2].strip())[0]  # some templates leave the free text out

    def _require_parser(self) -> None:
        if getattr(self.tokenizer, "response_template", None) is not None:
            return
        os.environ.setdefault("TRL_EXPERIMENTAL_SILENCE", "1")
        from trl.chat_template_utils import add_response_schema

        try:
            add_response_schema(self.tokenizer)
        except ValueError as error:
            raise ForgeError("neither the tokenizer nor TRL says how responses of this chat template are parsed: set "
                             "tokenizer.response_template, or use dialect=rl.FunctionTokens") from error  # fmt: skip

    def _render(self, messages: Sequence[Mapping[str, Any]], tools: Sequence[ToolSpec], *, ask: bool = False) -> str:
        from jinja2 import TemplateError

        try:
            text: str = self.tokenizer.apply_chat_template(
                list(messages), tools=[tool_schema(tool) for tool in tools] or None, tokenize=False,
                add_generation_prompt=ask,
            )  # fmt: skip
        except (TemplateError, TypeError) as error:
            raise ForgeError(f"the chat template cannot render a conversation with tools: {error}") from error
        return text

    def _special(self, text: str) -> list[int]:
        """The template's own text, in which special tokens count."""
        ids: list[int] = self.tokenizer.encode(text, add_special_tokens=False)
        return ids

    def _encode(self, text: str) -> list[int]:
        """Text of users and tools, in which no added token counts, special or not: each that it spells is cut apart."""
        cuts = [0, *(match.start() + 1 for match in self._added.finditer(text)), len(text)]
        ids: list[int] = []
        for start, stop in pairwise(cuts):
            ids += self.tokenizer.encode(text[start:stop], add_special_tokens=False, split_special_tokens=True)
        return ids


def _user(text: str) -> dict[str, Any]:
    return {"role": "user", "content": text}


def _identity(place: int) -> str:
    return f"call{place:05d}"  # nine letters and digits, which is what the strictest template wants


def _assistant(action: Action) -> dict[str, Any]:
    calls = [
        {"id": _identity(place), "type": "function", "function": {"name": call.name, "arguments": dict(call.arguments)}}
        for place, call in enumerate(action.calls)
    ]
    return {"role": "assistant", "content": action.text, **({"tool_calls": calls} if calls else {})}


def _call(function: Mapping[str, Any]) -> Call:
    name, arguments = str(function.get("name", "")), function.get("arguments")
    text = json.dumps(arguments, ensure_ascii=False)
    if not isinstance(arguments, Mapping):
        return Call(name, error="the arguments are no JSON object", text=text)
    return Call(name, dict(arguments), text=text)
