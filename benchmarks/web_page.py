"""A tool that fetches a page of the public web as text. It runs no scripts, follows no links and does not search."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Callable
from dataclasses import dataclass
from html.parser import HTMLParser
from typing import TYPE_CHECKING

from benchmarks.attachment import piece
from forge.tools import Tool
from functions.errors import ForgeError

if TYPE_CHECKING:
    import httpx

_GLOBAL_UNICAST = ipaddress.IPv6Network("2000::/3")
_CARRIES_IPV4 = ipaddress.IPv6Network("2002::/16")  # 6to4: an address of any kind may hide in it


def is_public(address: str) -> bool:
    """Whether an IP address belongs to the public internet: not to a private network, this machine or a group."""
    try:
        known = ipaddress.ip_address(address)
    except ValueError:
        return False
    if isinstance(known, ipaddress.IPv6Address):
        return known in _GLOBAL_UNICAST and known not in _CARRIES_IPV4 and known.is_global
    return known.is_global and not known.is_multicast and not known.is_reserved


@dataclass(frozen=True, slots=True)
class Web:
    """Limits on fetching a page.

    Args:
        seconds: for one page, redirects and all.
        megabytes: of its body; a longer one is refused.
        redirects: at most.
        allows: which IP addresses may be connected to; every one that a name stands for must be.

    Raises:
        ForgeError: a limit is not positive.
    """

    seconds: float = 20.0
    megabytes: float = 2.0
    redirects: int = 5
    allows: Callable[[str], bool] = is_public

    def __post_init__(self) -> None:
        if not (self.seconds > 0 and self.megabytes > 0 and self.redirects >= 0):
            raise ForgeError(f"{self}: seconds and megabytes above 0, redirects 0 or more")


def web_tool(web: Web | None = None) -> Tool:
    """`fetch_page(url, start)`: the text of a page, within limits."""
    limits = web or Web()

    async def fetch_page(url: str, start: int = 0) -> str:
        """Fetch a page of the public web as text; a long one comes in pieces.

        Args:
            url: beginning with http:// or https://
            start: how many characters to leave out at the start.
        """
        return piece(await page_text(url, limits), start)

    return Tool(fetch_page)


async def page_text(url: str, web: Web) -> str:
    """The text of a page.

    Raises:
        ForgeError: it may not be asked for, does not answer in time, is too large, or holds no text.
    """
    import httpx

    try:
        async with (
            asyncio.timeout(web.seconds),
            # no proxy and no netrc of the environment: what is checked is what is connected to, without credentials
            httpx.AsyncClient(trust_env=False, timeout=web.seconds) as client,
        ):
            return await _followed(client, httpx.URL(url), web)
    except TimeoutError as error:
        raise ForgeError(f"{url[:200]} took more than {web.seconds:g} seconds") from error
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise ForgeError(f"{url[:200]} cannot be fetched: {str(error) or type(error).__name__}") from error


async def _followed(client: httpx.AsyncClient, url: httpx.URL, web: Web) -> str:
    for _ in range(web.redirects + 1):
        response = await client.send(await _request(client, url, web), stream=True)
        try:
            if response.has_redirect_location:
                url = url.join(response.headers["location"])
                continue
            if not response.is_success:
                raise ForgeError(f"{url} answers {response.status_code} {response.reason_phrase}")
            return await _text(response, url, web)
        finally:
            await response.aclose()
    raise ForgeError(f"{url}: more than {web.redirects} redirects")


async def _request(client: httpx.AsyncClient, url: httpx.URL, web: Web) -> httpx.Request:
    """A request to the very address that was checked: a name asked for twice may stand for another the second time."""
    if url.scheme not in {"http", "https"} or not url.host:
        raise ForgeError(f"{str(url)[:200]!r}: give an address that begins with http:// or https://")
    if url.userinfo:
        raise ForgeError(f"{url.host}: an address with a user name in it is not fetched")
    host = url.raw_host.decode("ascii")
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise ForgeError(f"no address is known for {host!r}: {error}") from error
    addresses = [str(entry[4][0]) for entry in found]
    if refused := [address for address in addresses if not web.allows(address)]:
        raise ForgeError(f"{host} stands for {refused[0]}, which is not on the public internet: not fetched")
    return client.build_request(
        "GET",
        url.copy_with(host=addresses[0], fragment=None),
        headers={"Host": url.netloc.decode("ascii"), "User-Agent": "forge-agents", "Accept-Encoding": "gzip, deflate"},
        extensions={"sni_hostname": host},  # certificates are checked for the name
    )


async def _text(response: httpx.Response, url: httpx.URL, web: Web) -> str:
    kind = response.headers.get("content-type", "text/plain").partition(";")[0].strip().lower()
    if not (kind.startswith("text/") or kind.endswith(("/json", "/xml", "+json", "+xml"))):
        raise ForgeError(f"{url} is {kind}, which is not text")
    if response.headers.get("content-encoding", "identity").lower() not in {"identity", "gzip", "deflate"}:
        raise ForgeError(f"{url} is packed in a way that was not asked for")
    body = bytearray()
    async for part in response.aiter_bytes():
        body += part
        if len(body) > web.megabytes * 1e6:
            raise ForgeError(f"{url} has more than {web.megabytes:g} MB")
    try:
        text = body.decode(response.charset_encoding or "utf-8", errors="replace")
    except LookupError:
        text = body.decode("utf-8", errors="replace")
    return html_text(text) if kind in {"text/html", "application/xhtml+xml"} else text


def html_text(page: str) -> str:
    """What a reader of an HTML page sees, a line for each block."""
    parser = _Reader()
    parser.feed(page)
    parser.close()
    lines = (" ".join(line.split()) for line in "".join(parser.parts).splitlines())
    return "\n".join(line for line in lines if line)


class _Reader(HTMLParser):
    """Collects the visible text. Mutable."""

    _HIDDEN = frozenset({"script", "style", "noscript", "template", "svg"})
    _INLINE = frozenset({"a", "abbr", "b", "bdi", "cite", "code", "em", "i", "img", "kbd", "label", "mark", "q", "s",
                         "small", "span", "strong", "sub", "sup", "time", "u", "var", "wbr"})  # fmt: skip
    _CELLS = frozenset({"td", "th"})

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self._hidden: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in self._HIDDEN:
            self._hidden.append(tag)
        if tag not in self._INLINE:
            self.parts.append(" | " if tag in self._CELLS else "\n")

    def handle_endtag(self, tag: str) -> None:
        if tag in self._hidden:
            del self._hidden[self._hidden.index(tag) :]
        if tag not in self._INLINE | self._CELLS:
            self.parts.append("\n")

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self.parts.append(" ".join(data.splitlines()))
