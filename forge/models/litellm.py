"""Any model that LiteLLM knows, and any OpenAI-compatible server: retries, back-off, cache, usage and price."""

from __future__ import annotations

import asyncio
import json
import os
import random
import time
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any

from forge.dialect import Dialect, ToolCalls
from forge.models import background
from forge.models.cache import ReplyCache, request_key
from forge.models.chat import ChatRequest, Reply
from forge.models.completion import estimated_usage, read_completion
from forge.models.failures import Remedy, advice, in_words, remedy, wait_seconds
from forge.models.protocol import Context
from forge.session import Action, Usage
from functions.errors import ForgeError


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
        concurrency: requests of this model in flight at most.

    Warns:
        UserWarning: no price is known, and calls count 0 dollars; or the server counts no tokens, and they are
            estimated at 4 characters each.

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
        concurrency: int = 64,
    ) -> None:
        if retries < 0 or backoff_seconds < 0 or not timeout_seconds > 0 or concurrency < 1:
            raise ForgeError(
                f"LiteLLM(retries={retries}, backoff_seconds={backoff_seconds}, timeout_seconds={timeout_seconds}, "
                f"concurrency={concurrency}): give 0 or more, 0 or more, above 0, and 1 or more"
            )
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
        self._slots = asyncio.Semaphore(concurrency)
        self._served = False  # whether it has answered before

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

    @property
    def settings(self) -> dict[str, Any]:
        """What decides its replies, apart from the requests; no key is in it."""
        return {"api_base": self.api_base, "temperature": self.temperature, "max_tokens": self.max_tokens}

    def price(self, input_tokens: int, output_tokens: int) -> float | None:
        """US dollars for so many tokens, as listed; None where no price is known."""
        litellm = _litellm()
        try:
            prices = litellm.cost_per_token(
                model=self.name, prompt_tokens=input_tokens, completion_tokens=output_tokens
            )
        except Exception:  # noqa: BLE001 - litellm raises a bare Exception for a model that is not in its table
            return None
        return float(sum(prices))

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
        jitter = random.Random(f"{self.name}:{request.seed}")
        began = time.monotonic()
        for attempt in count(1):
            try:
                async with self._slots:
                    reply = await self._attempt(request)
                return replace(reply, usage=replace(reply.usage, seconds=time.monotonic() - began))
            except _Failed as failed:
                error, what_to_do = failed.error, failed.remedy
            if what_to_do is Remedy.STOP:
                raise ForgeError(advice(self.name, error)) from error
            if what_to_do is Remedy.GIVE_UP or attempt > self.retries:
                break
            planned = self.backoff_seconds * 2 ** (attempt - 1) * (1 + jitter.random() / 2)
            await asyncio.sleep(wait_seconds(error, planned))
        usage = Usage(calls=attempt, seconds=time.monotonic() - began)
        return Reply(error=f"no reply after {attempt} attempts: {in_words(error)}", finish_reason="error", usage=usage)

    async def _attempt(self, request: ChatRequest) -> Reply:
        from openai import OpenAIError

        litellm = _litellm()
        try:
            response = await litellm.acompletion(**self._arguments(request))
        except OpenAIError as error:  # the root of LiteLLM's errors, whatever the provider
            raise _Failed(error, remedy(litellm, error, served=self._served)) from error
        try:
            reply = read_completion(response.model_dump())
        except ValueError as error:
            raise _Failed(error, Remedy.RETRY) from error
        self._served = True
        return replace(reply, usage=self._usage(request, reply, response))

    def _usage(self, request: ChatRequest, reply: Reply, response: Any) -> Usage:
        usage = reply.usage
        if not usage.tokens:
            warnings.warn(f"the server of {self.name!r} counts no tokens: they are estimated at 4 characters each, and "
                          "the calls count 0 dollars; give the budget in tokens", stacklevel=2)  # fmt: skip
            return estimated_usage(request, reply)
        usd = response._hidden_params.get("response_cost")
        if usd is None:
            warnings.warn(f"no price is known for {self.name!r}: its calls count 0 dollars, and a limit in dollars "
                          "does not hold it; give the budget in tokens", stacklevel=2)  # fmt: skip
        return replace(usage, usd=usd or 0.0)

    def _arguments(self, request: ChatRequest) -> dict[str, Any]:
        key = self._api_key
        if key is None and self.api_base is not None:
            key = os.environ.get("OPENAI_API_KEY", "none")  # a local server wants no key, its client wants a text
        settings = {
            "tools": _sendable(request.tools) or None,
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
            "messages": _sendable(request.messages),
            "timeout": self.timeout_seconds,
            "num_retries": 0,
            "max_retries": 0,
            "drop_params": True,  # a provider without seeds is asked without one
            "_skip_mcp_handler": True,  # LiteLLM's own MCP gateway, which needs a package that is not installed with it
            **{name: value for name, value in settings.items() if value is not None},
        }


class _Failed(Exception):
    """One attempt came to nothing."""

    def __init__(self, error: Exception, remedy: Remedy) -> None:
        super().__init__(str(error))
        self.error, self.remedy = error, remedy


def _sendable(parts: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """As they are; half a character (a lone surrogate), which no request can carry, becomes a question mark."""
    text = json.dumps(parts, ensure_ascii=False)
    whole = text.encode(errors="replace").decode()
    return [dict(part) for part in (parts if whole == text else json.loads(whole))]


@cache
def _litellm() -> Any:  # the module; it has no useful types
    os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")  # no price list is fetched at import
    import litellm

    litellm.suppress_debug_info = True
    litellm.telemetry = False
    return litellm


def _unknown_provider(name: str, providers: Sequence[Any]) -> str:
    import difflib

    known = sorted(str(getattr(provider, "value", provider)) for provider in providers)
    close = difflib.get_close_matches(name.split("/")[0], known, n=1)
    hint = f" (did you mean {close[0]}/...?)" if close else ""
    return (f"no provider is known for the model {name!r}{hint}. Write provider/model, such as openai/gpt-5-mini, or "
            "'router' for the offline one")  # fmt: skip
