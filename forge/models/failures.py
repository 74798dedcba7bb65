"""What to do about a failed call to a provider: try again, give this conversation up, or stop everything."""

from __future__ import annotations

import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from enum import Enum
from typing import Any

LONGEST_WAIT = 60.0  # seconds; a server that asks for more patience is as good as down
ACCOUNT = frozenset({401, 402, 403, 404})  # no request of ours will fare better
REQUEST = frozenset({400, 405, 413, 422})  # this request will not fare better


class Remedy(Enum):
    """RETRY: the next attempt may succeed. GIVE_UP: another conversation may. STOP: none will, without the user."""

    RETRY = "retry"
    GIVE_UP = "give up"
    STOP = "stop"


def remedy(litellm: Any, error: Exception, *, served: bool) -> Remedy:
    """What an error of LiteLLM calls for.

    Args:
        litellm: the module.
        served: whether this model has answered before: then a refused request is this conversation's own fault.
    """
    own_fault = (litellm.exceptions.ContextWindowExceededError, litellm.exceptions.ContentPolicyViolationError)
    if isinstance(error, own_fault):
        return Remedy.GIVE_UP
    status, code = getattr(error, "status_code", None), _code(error)
    if status in ACCOUNT or code == "insufficient_quota":  # sent as a 429, but only money helps
        return Remedy.STOP
    if status in REQUEST and code != "tool_use_failed":  # Groq's 400 for a call that the model wrote badly
        return Remedy.GIVE_UP if served or status == 413 else Remedy.STOP
    return Remedy.RETRY


def advice(name: str, error: Exception) -> str:
    """Why the provider will not serve the model `name`, and the way out."""
    status = getattr(error, "status_code", None)
    if status in (401, 403):
        return f"the provider of {name!r} refuses the key ({in_words(error)}): check the key in the environment"
    if status == 402 or _code(error) == "insufficient_quota":
        return f"the account for {name!r} has no credit left ({in_words(error)}): add credit, or take another model"
    if status == 404:
        return f"the provider knows no model {name!r} ({in_words(error)}): check the id, or api_base"
    return f"{name!r} cannot take this request ({in_words(error)})"


def in_words(error: Exception) -> str:
    text = " ".join(str(error).split())
    return text if len(text) <= 300 else f"{text[:300]}..."


def wait_seconds(error: Exception, planned: float) -> float:
    """Until the next attempt: as planned, or what the server asks for if that is longer, up to LONGEST_WAIT."""
    headers: Mapping[str, str] = getattr(error, "litellm_response_headers", None) or {}
    return min(max(_asked(headers.get("retry-after") or ""), planned), LONGEST_WAIT)


def _asked(retry_after: str) -> float:
    """Seconds, from a number or an HTTP date (RFC 9110, section 10.2.3); 0 where it is neither."""
    try:
        return float(retry_after)
    except ValueError:
        pass
    try:
        return parsedate_to_datetime(retry_after).timestamp() - time.time()
    except ValueError:
        return 0.0


def _code(error: Exception) -> str:
    """The provider's own word for the error, where there is one."""
    body = getattr(error, "body", None)
    found = body.get("code") if isinstance(body, Mapping) else None
    return str(found or getattr(error, "code", None) or "")
