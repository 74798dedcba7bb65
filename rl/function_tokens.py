"""AGILE's dialect (arXiv 2405.14751): each function is a token, and what follows it is the argument."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any

from forge.arguments import read_bare
from forge.builtin_tools import SUBMIT
from forge.models.protocol import Context, ToolSpec
from forge.session import Action, Call, Step
from functions.errors import ForgeError
from rl.names import Names

QUESTION, OBSERVATION, ACT = "<|question|>", "<|observation|>", "<|act|>"
LEARNED_NAMES = "forge_functions"  # in the tokenizer's settings: which of its tokens are functions


class FunctionTokens:
    """`[name] argument <|end|>`, after free text if the policy plans first. Bound to a tokenizer, which it extends.

    A value alone is the argument of a function whose only, or only required, parameter it is; else the arguments are
    a JSON object. Functions are found by their ids, never by text.

    Text of questions, observations and arguments never becomes a mark or a function, even if it spells one.

    Args:
        tokenizer: a fast tokenizer of transformers with a pad and an end token.
        instructions: show the agent's instructions before the question; a policy from scratch learns without.
        spelled: write functions and marks with the ids that the tokenizer has, several each, instead of new ones, where
            a vocabulary must stay as it is.

    Raises:
        ForgeError: the tokenizer has no end token.
    """

    name = "function_tokens"

    def __init__(
        self,
        tokenizer: Any,  # PreTrainedTokenizerFast
        *,
        instructions: bool = False,
        spelled: bool = False,
    ) -> None:
        if tokenizer.eos_token_id is None:
            raise ForgeError("the tokenizer has no end token: set tokenizer.eos_token to one of its tokens")
        self.tokenizer, self.instructions, self.spelled = tokenizer, instructions, spelled
        self.end_ids = frozenset({int(tokenizer.eos_token_id)})
        self._encoded = lru_cache(maxsize=65_536)(self._encode)
        self.functions = Names({})
        known = tokenizer.init_kwargs.get(LEARNED_NAMES, [])
        self.new_tokens = 0 if spelled else self._add_tokens([QUESTION, OBSERVATION, ACT])
        self._question, self._observation, self._act = map(self._mark, (QUESTION, OBSERVATION, ACT))
        self.learn(known)

    def learn(self, names: Iterable[str]) -> int:
        """Give functions a token each, where they have none yet; returns how many tokens the vocabulary has gained.

        Raises:
            ForgeError: the tokenizer splits an added token.
        """
        wanted = [name for name in dict.fromkeys(names) if name not in self.functions]
        if not wanted:
            return 0
        added = 0 if self.spelled else self._add_tokens([f"[{name}]" for name in wanted])
        ids = {name: self.functions.ids_of(name) for name in self.functions}
        self.functions = Names(ids | {name: self._mark(f"[{name}]") for name in wanted})
        self.tokenizer.init_kwargs[LEARNED_NAMES] = list(self.functions)
        return added

    def _add_tokens(self, marks: list[str]) -> int:
        self._encoded.cache_clear()
        new = {"additional_special_tokens": marks}
        return int(self.tokenizer.add_special_tokens(new, replace_extra_special_tokens=False))

    def _mark(self, text: str) -> tuple[int, ...]:
        ids = tuple(self.tokenizer.encode(text, add_special_tokens=False))
        if len(ids) != 1 and not self.spelled:
            raise ForgeError(f"the tokenizer writes {text!r} as {len(ids)} tokens: it must take added tokens, or say "
                             "FunctionTokens(tokenizer, spelled=True)")  # fmt: skip
        return ids

    def prompt(self, context: Context) -> list[int]:
        ids = [] if self.tokenizer.bos_token_id is None else [int(self.tokenizer.bos_token_id)]
        if self.instructions:
            ids += self._encoded(context.instructions)
        ids += [*self._question, *self._encoded(context.question), *self._act]
        for step in context.steps:
            ids += self._step(step, context.tools)
        return ids

    def _step(self, step: Step, tools: Sequence[ToolSpec]) -> list[int]:
        ids = list(step.action.token_ids) or self.write(step.action, tools)
        seen = "\n".join(observation.text for observation in step.observations)
        return [*ids, *self._observation, *self._encoded(seen), *self._act]

    def read(self, ids: Sequence[int], tools: Sequence[ToolSpec], *, cut: bool) -> tuple[str, tuple[Call, ...]]:
        body = [token for token in ids if token not in self.end_ids]
        found = self.functions.find(body)
        if found is None:
            return self._decode(body), ()
        plan, name, written = self._decode(body[: found.start]), found.name, self._decode(body[found.end :])
        if cut:
            return plan, (Call(name, error="the argument was cut off at the length limit; write less", text=written),)
        if name == SUBMIT.name:
            return plan, (Call(name, {"answer": written} if written else {}, text=written),)
        schema = next((spec.parameters for spec in tools if spec.name == name), {})
        arguments, error = read_bare(written, schema)
        return plan, (Call(name, arguments, error=error, text=written),)

    def write(self, action: Action, tools: Sequence[ToolSpec]) -> list[int]:
        """Raises:
        ForgeError: the action calls more than one function.
        """
        if len(action.calls) > 1:
            raise ForgeError(f"this dialect makes one call a turn, and the action makes {len(action.calls)}")
        ids = self._encoded(action.text) if action.text.strip() else []
        if action.calls:
            call = action.calls[0]
            self.learn([call.name])
            ids = [*ids, *self.ids_of(call.name), *self._encoded(_argument_text(call))]
        return [*ids, *self.end_ids]

    def choice_length(self, ids: Sequence[int]) -> int:
        found = self.functions.find(ids)
        return len(ids) if found is None else found.end

    @property
    def own_ids(self) -> tuple[int, ...]:
        """The marks and functions, which no pretrained model has seen; none if they are spelled."""
        if self.spelled:
            return ()
        names = (self.functions.ids_of(name) for name in self.functions)
        return tuple(token for ids in (self._question, self._observation, self._act, *names) for token in ids)

    def ids_of(self, name: str) -> tuple[int, ...]:
        """How a known function is written."""
        return self.functions.ids_of(name)

    def _encode(self, text: str) -> list[int]:
        ids: list[int] = self.tokenizer.encode(text, add_special_tokens=False, split_special_tokens=True)
        return ids

    def _decode(self, ids: Sequence[int]) -> str:
        text: str = self.tokenizer.decode(list(ids), skip_special_tokens=True) if ids else ""
        return text.strip()


def _argument_text(call: Call) -> str:
    """A value alone where it can stand alone, else JSON."""
    if call.text:
        return call.text
    if len(call.arguments) == 1:
        (value,) = call.arguments.values()
        return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return json.dumps(call.arguments, ensure_ascii=False) if call.arguments else ""
