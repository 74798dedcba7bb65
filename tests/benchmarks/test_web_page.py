"""The tool that fetches pages: from a real HTTP server, within its limits, and from nowhere but the public web."""

import gzip
import http.server
import socket
import threading
import time

import pytest

from benchmarks.web_page import Web, html_text, is_public, web_tool
from forge.task import Task
from forge.tools import World
from functions.errors import ForgeError

HERE = Web(seconds=10, allows=lambda address: address == "127.0.0.1")
PAGE = "<title>Pens</title><script>var x = '<p>'</script><p>Twelve   pens\ncost&nbsp;&pound;18</p><p>&Uuml;ber</p>"


@pytest.fixture
def server():
    """Its address, the answers that it gives by path (status, headers, body), and the requests that came."""
    answers, asked = {}, []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append((self.path, dict(self.headers)))
            status, headers, body = answers.get(self.path, (404, {}, b""))
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            for part in [body] if isinstance(body, bytes) else body:
                try:
                    self.wfile.write(part)
                except OSError:
                    break

        def log_message(self, *_):
            pass

    running = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    running.daemon_threads = True
    threading.Thread(target=running.serve_forever, args=(0.01,), daemon=True).start()
    yield f"http://127.0.0.1:{running.server_port}", answers, asked
    running.shutdown()
    running.server_close()


def fetch(url, web=HERE, **arguments):
    return web_tool(web).call({"url": url, **arguments}, World(Task("a", "q")))


def test_a_page_is_read_as_its_text(server):
    address, answers, asked = server
    answers["/"] = (200, {"Content-Type": "text/html; charset=utf-8"}, PAGE.encode())
    answers["/latin"] = (200, {"Content-Type": "text/plain; charset=latin-1"}, "über".encode("latin-1"))
    answers["/odd"] = (200, {"Content-Type": "text/plain; charset=none"}, "über".encode())
    answers["/json"] = (200, {"Content-Type": "application/json", "Content-Encoding": "gzip"}, gzip.compress(b"[1]"))
    assert fetch(address) == "Pens\nTwelve pens cost £18\nÜber"
    assert [fetch(f"{address}/{path}") for path in ("latin", "odd", "json")] == ["über", "über", "[1]"]
    assert asked[0][1]["Host"] == address.removeprefix("http://")


def test_a_long_page_comes_in_pieces(server):
    address, answers, _ = server
    answers["/"] = (200, {"Content-Type": "text/plain"}, b"a" * 6_000 + b"b" * 10)
    assert "[characters 0 to 6000 of 6010; start=6000 goes on]" in fetch(address)
    assert fetch(address, start=6_000) == "b" * 10


def test_tables_and_hidden_parts_of_a_page():
    table = "<table><tr><th>pen<th>price</tr><tr><td>red</td><td><b>3</b></td></tr></table>"
    assert html_text(f"<style>p {{}}</style>{table}<svg><text>no</text></svg>") == "| pen | price\n| red | 3"
    assert html_text("<noscript><p>no<noscript>no</p></noscript>yes<script>no") == "yes"
    assert html_text("</p></script>a<br>b<br/>c</div></td>") == "a\nb\nc"


def test_redirects_are_followed_a_few_times(server):
    address, answers, asked = server
    answers["/a"] = (302, {"Location": "/b"}, b"")
    answers["/b"] = (301, {"Location": f"{address}/c#part"}, b"")
    answers["/c"] = (200, {}, b"found")
    answers["/loop"] = (307, {"Location": "/loop"}, b"")
    assert fetch(f"{address}/a") == "found"
    with pytest.raises(ForgeError, match="more than 5 redirects"):
        fetch(f"{address}/loop")
    assert [path for path, _ in asked].count("/loop") == 6


@pytest.mark.parametrize(
    "location",
    ["http://127.0.0.2/", "http://localhost.:1/", "http://[::1]/", "http://10.0.0.1/", "http://169.254.169.254/latest",
     "//192.168.0.1/x", "http://2130706434/", "http://0x7f000002/", "http://0/", "http://[::ffff:7f00:1]/",
     "file:///etc/passwd", "ftp://127.0.0.1/", "gopher://127.0.0.1/", "http://me:secret@127.0.0.1/"],
)  # fmt: skip
def test_a_redirect_to_where_a_page_may_not_come_from_is_refused(location, server):
    address, answers, asked = server
    answers["/"] = (302, {"Location": location}, b"")
    with pytest.raises(ForgeError, match=r"not on the public internet|begins with http|user name in it|no address"):
        fetch(address)
    assert len(asked) == 1


@pytest.mark.parametrize(
    "url",
    ["http://127.0.0.1/", "http://localhost/", "http://127.1/", "http://[::1]:80/", "http://0.0.0.0/",
     "http://192.168.1.1/", "http://172.16.0.1/", "http://100.64.0.1/", "http://[fe80::1]/", "http://[fd00::1]/",
     "http://[64:ff9b::7f00:1]/", "http://[2002:7f00:1::]/", "http://224.0.0.1/", "https://169.254.169.254/"],
)  # fmt: skip
def test_addresses_of_private_networks_and_of_this_machine_are_refused(url):
    with pytest.raises(ForgeError, match="which is not on the public internet"):
        fetch(url, Web())


@pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://a.example/", "javascript:1", "/etc/passwd", "", "http://",
                                 "http:///x", "data:text/plain,x", "HTTPS:x"])  # fmt: skip
def test_other_schemes_are_refused(url):
    with pytest.raises(ForgeError, match="begins with http:// or https://"):
        fetch(url, Web())


@pytest.mark.parametrize("url", ["http://a\nb/", "http://[::1/", "http://a:b/", "http://" + "a" * 300 + "/"])
def test_what_is_no_address_is_told(url):
    with pytest.raises(ForgeError, match=r"cannot be fetched|no address is known"):
        fetch(url, Web())


def test_public_addresses_are_told_from_others():
    assert all(map(is_public, ["93.184.215.14", "8.8.8.8", "2606:2800:21f:cb07:6820:80da:af6b:8b2c"]))
    others = ["240.0.0.1", "255.255.255.255", "239.1.1.1", "198.18.0.1", "192.0.2.1", "ff02::1", "::", "fec0::1",
              "2001:db8::1", "::ffff:8.8.8.8", "fe80::1%eth0", "a.example", ""]  # fmt: skip
    assert not any(map(is_public, others))


def test_the_address_that_was_checked_is_the_one_connected_to(server, monkeypatch):
    address, answers, asked = server
    port = int(address.rpartition(":")[2])
    answers["/x"] = (200, {}, b"found")
    names = []

    def changing(host, *_, **__):
        names.append(host)
        place = "127.0.0.1" if len(names) == 1 else "10.0.0.1"
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (place, 0))]

    monkeypatch.setattr(socket, "getaddrinfo", changing)
    assert fetch(f"http://shop.example:{port}/x") == "found"
    assert asked[0][1]["Host"] == f"shop.example:{port}"
    assert names[0] == "shop.example"


def test_a_name_that_stands_for_a_private_address_too_is_refused(monkeypatch):
    both = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (place, 0)) for place in ("93.184.215.14", "10.0.0.1")]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: both)
    with pytest.raises(ForgeError, match=r"shop.example stands for 10.0.0.1"):
        fetch("http://shop.example/", Web())


def test_a_body_without_end_is_cut_off(server):
    address, answers, _ = server
    answers["/"] = (200, {}, iter(lambda: b"a" * 10_000, None))
    bomb = gzip.compress(b"a" * 3_000_000)
    answers["/packed"] = (200, {"Content-Encoding": "gzip"}, bomb)
    answers["/other"] = (200, {"Content-Encoding": "br"}, b"x")
    for path in ("/", "/packed"):
        with pytest.raises(ForgeError, match="has more than 2 MB"):
            fetch(address + path)
    with pytest.raises(ForgeError, match="packed in a way that was not asked for"):
        fetch(f"{address}/other")


def test_a_body_that_drips_is_given_up(server):
    address, answers, _ = server

    def drops():
        while True:
            time.sleep(0.05)
            yield b"a"

    answers["/"] = (200, {}, drops())
    began = time.monotonic()
    with pytest.raises(ForgeError, match=r"took more than 0.5 seconds"):
        fetch(address, Web(seconds=0.5, allows=HERE.allows))
    assert time.monotonic() - began < 5


def test_pictures_errors_and_silence_are_told(server):
    address, answers, _ = server
    answers["/"] = (200, {"Content-Type": "image/png"}, b"png")
    with pytest.raises(ForgeError, match="is image/png, which is not text"):
        fetch(address)
    with pytest.raises(ForgeError, match="answers 404 Not Found"):
        fetch(f"{address}/none")
    with pytest.raises(ForgeError, match=r"http://127.0.0.1:1/ cannot be fetched"):
        fetch("http://127.0.0.1:1/")


def test_limits_are_positive():
    for limits in ({"seconds": 0}, {"megabytes": -1}, {"redirects": -1}):
        with pytest.raises(ForgeError, match="seconds and megabytes above 0"):
            Web(**limits)
