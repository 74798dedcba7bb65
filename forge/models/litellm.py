"""Any model that LiteLLM knows, and any OpenAI-compatible server: retries, back-off, cache, usage and price."""

from __future__ import annotations

import asyncio
import os
import random
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

from forge.dialect import Dialect, ToolCalls
from forge.models import background
from forge.models.cache import ReplyCache, request_key
from forge.models.chat import ChatRequest, Reply, ToolCall
from forge.models.protocol import Context
from forge.session import Action, Usage
from functions.errors import ForgeError

REFUSED = frozenset({400, 401, 403, 404, 405, 413, 422})
"""HTTP statuses that the same request will meet again."""
LONGEST_WAIT = 60.0  # seconds; a server that asks for more patience is as good as down


class LiteLLM:
    """A chat model by its LiteLLM id. Calls may come from any thread or event loop.

    Args:
        name: such as "openai/gpt-5-mini", "anthropic/claude-sonnet-4-5", "ollama/llama3".
        api_base: address of an OpenAI-compatible server; then no key is needed.
        api_key: None reads the provider's variable in the environment.
        dialect: how the model writes actions, where the agent does not say; None is `ToolCalls()`.
        temperature: None leaves it to the provider.
        max_tokens: of one reply; None leaves it to the provider.
        timeout_seconds: for one attempt.
        retries: further attempts after a 429, a 5xx, a time-out or a broken connection, with exponential back-off.
        backoff_seconds: before the first of them; each further one waits twice as long, or as the server asks.
        cache: a folder in which replies are kept by the exact request; None keeps none.

    Raises:
        ForgeError: an argument is out of range, or the cache folder cannot be made.
    """

    def __init__(
        self,
        name: str,
        *,
        api_base: str | None = None,
        api_key: str | None = None,
        dialect: Dialect | None = None,
        temperature: float | None = None,
        max_tokens: int | None = None,
        timeout_seconds: float = 60.0,
        retries: int = 4,
        backoff_seconds: float = 0.5,
        cache: str | Path | None = None,
    ) -> None:
        if retries < 0 or backoff_seconds < 0 or not timeout_seconds > 0:
            raise ForgeError(f"LiteLLM(retries={retries}, backoff_seconds={backoff_seconds}, timeout_seconds="
                             f"{timeout_seconds}): 0 or more, 0 or more, and above 0")  # fmt: skip
        self.name = name
        self.api_base = api_base
        self.dialect: Dialect = dialect if dialect is not None else ToolCalls()
        self.temperature = temperature
        self.max_tokens = max_tokens
        self.timeout_seconds = timeout_seconds
        self.retries = retries
        self.backoff_seconds = backoff_seconds
        self._api_key = api_key
        self._cache = ReplyCache(cache) if cache is not None else None

    def __repr__(self) -> str:
        return f"LiteLLM({self.name!r})"

    def check(self) -> None:
        """Raise if the id names no provider or its key is missing; nothing is sent.

        Raises:
            ForgeError: names the fix.
        """
        litellm = _litellm()
        try:
            _, provider, _, _ = litellm.get_llm_provider(self.name, api_base=self.api_base)
        except litellm.exceptions.BadRequestError:
            raise ForgeError(_unknown_provider(self.name, litellm.provider_list)) from None
        if self.api_base is not None or self._api_key is not None:
            return
        environment = litellm.validate_environment(self.name)
        if missing := environment["missing_keys"]:
            raise ForgeError(f"the model {self.name!r} needs {' and '.join(missing)} in the environment ({provider}'s "
                             f"key): export {missing[0]}=..., or use model='router', which needs no key")  # fmt: skip

    def act(self, contexts: Sequence[Context]) -> list[Action]:
        """One action a context, asked for at the same time."""

        async def all_of_them() -> list[Action]:
            return list(await asyncio.gather(*map(self._act, contexts)))

        return background.run_sync(all_of_them())

    async def act_async(self, context: Context) -> Action:
        return await background.run(self._act(context))

    async def complete(self, request: ChatRequest) -> Reply:
        """The reply to one request; after all retries, a reply whose `error` says why there is none.

        Raises:
            ForgeError: the server refuses for good: a wrong key, an unknown model, a request it cannot take.
        """
        return await background.run(self._complete(request))

    def complete_sync(self, request: ChatRequest) -> Reply:
        """`complete`, from synchronous code."""
        return background.run_sync(self._complete(request))

    async def _act(self, context: Context) -> Action:
        dialect = context.dialect or self.dialect
        return dialect.parse(await self._complete(dialect.request(context)), context)

    async def _complete(self, request: ChatRequest) -> Reply:
        request = replace(
            request,
            temperature=self.temperature if request.temperature is None else request.temperature,
            max_tokens=self.max_tokens if request.max_tokens is None else request.max_tokens,
        )
        key = request_key(request, {"name": self.name, "api_base": self.api_base}) if self._cache else ""
        if self._cache and (known := self._cache.get(key)) is not None:
            return known
        reply = await self._with_retries(request)
        if self._cache and not reply.error:
            self._cache.put(key, reply)
        return reply

    async def _with_retries(self, request: ChatRequest) -> Reply:
        from openai import OpenAIError

        litellm = _litellm()
        jitter = random.Random(f"{self.name}:{request.seed}")
        began = time.monotonic()
        for attempt in range(self.retries + 1):
            try:
                response = await litellm.acompletion(**self._arguments(request))
                return read_response(response, time.monotonic() - began)
            except _given_up(litellm) as error:
                usage = Usage(calls=1, seconds=time.monotonic() - began)
                return Reply(error=_words(error), finish_reason="error", usage=usage)
            except OpenAIError as error:  # the root of LiteLLM's errors, whatever the provider
                if getattr(error, "status_code", None) in REFUSED:
                    raise ForgeError(self._refusal(error)) from error
                failure: Exception = error
            if attempt < self.retries:
                await asyncio.sleep(_wait(failure, self.backoff_seconds * 2**attempt * (1 + jitter.random() / 2)))
        usage = Usage(calls=self.retries + 1, seconds=time.monotonic() - began)
        why = f"no reply after {self.retries + 1} attempts: {_words(failure)}"
        return Reply(error=why, finish_reason="error", usage=usage)

    def _arguments(self, request: ChatRequest) -> dict[str, Any]:
        key = self._api_key
        if key is None and self.api_base is not None:
            key = os.environ.get("OPENAI_API_KEY", "none")  # a local server wants no key, its client wants a text
        settings = {
            "tools": [dict(tool) for tool in request.tools] or None,
            "tool_choice": request.tool_choice,
            "stop": list(request.stop) or None,
            "temperature": request.temperature,
            "max_tokens": request.max_tokens,
            "seed": request.seed,
            "api_base": self.api_base,
            "api_key": key,
        }
        return {
            "model": self.name,
            "messages": [dict(message) for message in request.messages],
            "timeout": self.timeout_seconds,
            "num_retries": 0,
            "max_retries": 0,
            "drop_params": True,  # a provider without seeds is asked without one
            "_skip_mcp_handler": True,  # LiteLLM's own MCP gateway, which needs a package that is not installed with it
            **{name: value for name, value in settings.items() if value is not None},
        }

    def _refusal(self, error: Exception) -> str:
        status = getattr(error, "status_code", None)
        if status in (401, 403):
            return f"the provider of {self.name!r} refuses the key ({_words(error)}): check the key in the environment"
        if status == 404:
            return f"the provider knows no model {self.name!r} ({_words(error)}): check the id, or api_base"
        return f"{self.name!r} cannot take this request ({_words(error)})"


@cache
def _litellm() -> Any:  # the module; it has no useful types
    os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")  # no price list is fetched at import
    import litellm

    litellm.suppress_debug_info = True
    litellm.telemetry = False
    return litellm


def _given_up(litellm: Any) -> tuple[type[Exception], ...]:
    """What another attempt cannot mend, but another session may not meet."""
    return (litellm.exceptions.ContextWindowExceededError, litellm.exceptions.ContentPolicyViolationError)


def _wait(error: Exception, seconds: float) -> float:
    """Seconds until the next attempt: `seconds`, or what the server asks for if that is longer."""
    headers: Mapping[str, str] = getattr(error, "litellm_response_headers", None) or {}
    try:
        asked = float(headers.get("retry-after", ""))
    except ValueError:
        asked = 0.0  # not said, or said as a date
    return min(max(asked, seconds), LONGEST_WAIT)


def _words(error: Exception) -> str:
    text = " ".join(str(error).split())
    return text if len(text) <= 300 else f"{text[:300]}..."


def _unknown_provider(name: str, providers: Sequence[Any]) -> str:
    import difflib

    known = sorted(str(getattr(provider, "value", provider)) for provider in providers)
    close = difflib.get_close_matches(name.split("/")[0], known, n=1)
    hint = f" (did you mean {close[0]}/...?)" if close else ""
    return (f"no provider is known for the model {name!r}{hint}. Write provider/model, such as openai/gpt-5-mini, or "
            "'router' for the offline one")  # fmt: skip


def read_response(response: Any, seconds: float = 0.0) -> Reply:
    """What LiteLLM's response object says, as a reply."""
    choice = response.choices[0]
    message = choice.message
    calls = tuple(
        ToolCall(call.id or "", call.function.name or "", call.function.arguments or "")
        for call in message.tool_calls or ()
    )
    return Reply(_text(message.content), calls, choice.finish_reason or "stop", _usage(response, seconds))


def _text(content: Any) -> str:  # None, a text, or a list of parts
    if isinstance(content, list):
        return "".join(str(part.get("text", "")) for part in content if isinstance(part, dict))
    return content or ""


def _usage(response: Any, seconds: float) -> Usage:
    usage = getattr(response, "usage", None)
    try:
        usd: float = _litellm().completion_cost(completion_response=response)
    except Exception:  # noqa: BLE001 - LiteLLM raises bare Exception for a model without a price
        usd = 0.0
    return Usage(
        calls=1,
        input_tokens=getattr(usage, "prompt_tokens", 0) or 0,
        output_tokens=getattr(usage, "completion_tokens", 0) or 0,
        usd=usd,
        seconds=seconds,
    )
