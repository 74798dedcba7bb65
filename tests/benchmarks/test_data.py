"""Where the files of data sets are found, and how they come there; downloads from a real HTTP server."""

import gzip
import hashlib
import http.server
import threading

import pytest

from benchmarks import data
from benchmarks.data import DataFile, Source, rows, whole_text
from functions.errors import ForgeError

CONTENT = b'{"question": "1 + 1", "answer": 2}\n'
BLOB = hashlib.sha1(b"blob %d\0" % len(CONTENT) + CONTENT).hexdigest()
FILE = DataFile("sums", "train.jsonl", Source("some/repository", "c0ffee", "MIT"), "data/sums.jsonl", BLOB)


@pytest.fixture
def asked(monkeypatch, tmp_path):
    """A server in the place of the source, an empty cache, and no FORGE_DATA; the paths that were asked for."""
    paths = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            paths.append(self.path)
            found = self.path == "/some/repository/c0ffee/data/sums.jsonl"
            self.send_response(200 if found else 404)
            self.send_header("Content-Length", str(len(CONTENT) if found else 0))
            self.end_headers()
            self.wfile.write(CONTENT if found else b"")

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setattr(data, "_HOST", f"http://127.0.0.1:{server.server_port}")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("FORGE_DATA", raising=False)
    yield paths
    server.shutdown()
    server.server_close()


def test_what_is_nowhere_is_downloaded_once_and_kept(asked, tmp_path):
    first, second = FILE.find(), FILE.find()
    assert first == second == tmp_path / "cache" / "forge" / "sums" / "train.jsonl"
    assert list(rows(first)) == [{"question": "1 + 1", "answer": 2}]
    assert asked == ["/some/repository/c0ffee/data/sums.jsonl"]
    assert [path.name for path in first.parent.iterdir()] == ["train.jsonl"]


def test_the_users_folder_comes_before_the_cache_gzipped_or_not(asked, tmp_path, monkeypatch):
    cached = FILE.find()
    monkeypatch.setenv("FORGE_DATA", str(tmp_path))
    assert FILE.find() == cached
    (tmp_path / "sums").mkdir()
    (tmp_path / "sums" / "train.jsonl.gz").write_bytes(gzip.compress(CONTENT))
    assert FILE.find() == tmp_path / "sums" / "train.jsonl.gz"
    assert list(rows(FILE.find())) == list(rows(cached))


def test_a_download_that_is_not_what_was_pinned_is_refused_and_not_kept(asked, tmp_path):
    other = DataFile("sums", "train.jsonl", FILE.source, FILE.path, "0" * 40)
    with pytest.raises(ForgeError, match="is not what it was when it was pinned"):
        other.find()
    assert list((tmp_path / "cache" / "forge" / "sums").iterdir()) == []


def test_a_source_that_does_not_answer_is_told_with_the_place_for_the_file(asked, tmp_path, monkeypatch):
    gone = DataFile("sums", "test.jsonl", FILE.source, "data/none.jsonl", BLOB)
    with pytest.raises(ForgeError, match=r"cannot be downloaded .*404.* put the file there: .*sums/test.jsonl"):
        gone.find()
    monkeypatch.setattr(data, "_HOST", "http://127.0.0.1:1")
    monkeypatch.setenv("FORGE_DATA", str(tmp_path))
    told = r"not in .*/sums nor in .*cache/forge/sums, and .*cannot be downloaded.*Without a network, put the file"
    with pytest.raises(ForgeError, match=told):
        FILE.find()
    assert list((tmp_path / "cache" / "forge" / "sums").iterdir()) == []


def test_a_cache_that_cannot_be_written_is_told(asked, tmp_path):
    (tmp_path / "cache").write_text("a file in its place")
    with pytest.raises(ForgeError, match=r"train.jsonl cannot be kept in"):
        FILE.find()


def test_a_folder_that_is_given_is_the_only_one_looked_in(asked, tmp_path):
    FILE.find()
    with pytest.raises(ForgeError, match=r"sums: no train.jsonl in .*elsewhere, gzipped or not: put it there"):
        FILE.find(tmp_path / "elsewhere")


def test_of_several_files_the_first_at_hand_is_taken_and_only_the_last_is_downloaded(asked, tmp_path, monkeypatch):
    whole, sample = DataFile("sums", "whole.jsonl", FILE.source, "data/whole.jsonl", BLOB), FILE
    assert data.find_any(whole, sample) == tmp_path / "cache" / "forge" / "sums" / "train.jsonl"
    assert asked == ["/some/repository/c0ffee/data/sums.jsonl"]
    (tmp_path / "sums").mkdir()
    (tmp_path / "sums" / "whole.jsonl").write_bytes(CONTENT)
    monkeypatch.setenv("FORGE_DATA", str(tmp_path))
    assert data.find_any(whole, sample) == tmp_path / "sums" / "whole.jsonl"
    with pytest.raises(ForgeError, match=r"no whole.jsonl or train.jsonl in .*elsewhere"):
        data.find_any(whole, sample, folder=tmp_path / "elsewhere")


def test_a_file_that_would_do_instead_is_named_where_a_download_fails(asked, monkeypatch):
    monkeypatch.setattr(data, "_HOST", "http://127.0.0.1:1")
    whole = DataFile("totals", "whole.jsonl")
    with pytest.raises(ForgeError, match=r"the file there: .*/sums/train.jsonl. Or let FORGE_DATA .* totals/whole.j"):
        data.find_any(whole, FILE)


def test_a_file_that_must_be_brought_is_told_with_the_page_that_gives_it_out(asked):
    brought = DataFile("sums", "whole.jsonl", page="https://sums.org")
    with pytest.raises(ForgeError, match=r"no whole.jsonl or part.jsonl in .*: put it there, from https://sums.org"):
        data.find_any(brought, DataFile("sums", "part.jsonl"))
    assert asked == []


def test_a_misspelt_folder_of_the_data_sets_is_told_and_nothing_is_downloaded(asked, tmp_path, monkeypatch):
    monkeypatch.setenv("FORGE_DATA", str(tmp_path / "dta"))
    for look in (FILE.find, lambda: data.data_folder("sums")):
        with pytest.raises(ForgeError, match=r"FORGE_DATA=.*/dta is no folder"):
            look()
    assert asked == []


def test_a_download_shows_how_far_it_is(asked, capsys, monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")
    FILE.find()
    assert "downloading sums/train.jsonl" in capsys.readouterr().err


def test_lists_objects_lines_and_tables_are_read_as_rows(tmp_path):
    texts = {
        "lines.jsonl": '{"a": "1"}\n\n{"a": "2"}\n',
        "list.json": '[{"a": "1"}, {"a": "2"}]',
        "table.csv": 'a\n1\n"2"\n',
    }
    for name, text in texts.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
        assert list(rows(tmp_path / name)) == [{"a": "1"}, {"a": "2"}]
        (tmp_path / name).write_text(text, encoding="utf-8-sig")  # as spreadsheets save it
        assert list(rows(tmp_path / name)) == [{"a": "1"}, {"a": "2"}]
    (tmp_path / "object.json").write_text('{"x": {"a": "1"}}', encoding="utf-8")
    assert list(rows(tmp_path / "object.json")) == [{"id": "x", "a": "1"}]


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("lines.jsonl", '{"a": 1}\n[1, 2]\n', "row 1 is \\[1, 2\\], and no object"),
        ("list.json", "[1]", "row 0 is 1, and no object"),
        ("object.json", '{"x": "y"}', 'row 0 is "y", and no object'),
        ("number.json", "5", "it holds 5, and neither a list nor an object"),
    ],
)
def test_rows_that_are_no_objects_are_refused(tmp_path, name, text, told):
    (tmp_path / name).write_text(text)
    with pytest.raises(ForgeError, match=f"cannot read .*{name}: {told}"):
        list(rows(tmp_path / name))


def test_a_text_is_read_whole_gzipped_or_not_and_what_is_none_is_refused(tmp_path):
    (tmp_path / "a.md").write_text("Be kind.")
    (tmp_path / "b.md.gz").write_bytes(gzip.compress(b"Be kind."))
    assert [whole_text(tmp_path / name) for name in ("a.md", "b.md.gz")] == ["Be kind."] * 2
    (tmp_path / "c.md.gz").write_bytes(b"Be kind.")
    (tmp_path / "d.md").write_bytes(b"\xff")
    packed = gzip.compress(CONTENT)
    (tmp_path / "e.md.gz").write_bytes(packed[:12] + b"\xff" * 9 + packed[21:])
    for name in ("c.md.gz", "d.md", "e.md.gz", "none.md"):
        with pytest.raises(ForgeError, match=f"cannot read .*{name}"):
            whole_text(tmp_path / name)


def test_a_line_that_is_no_json_is_told_by_its_number(tmp_path):
    (tmp_path / "cut.jsonl").write_text('{"a": 1}\n\n{"a": ')
    with pytest.raises(ForgeError, match=r"cannot read .*cut.jsonl: line 3: Expecting value"):
        list(rows(tmp_path / "cut.jsonl"))


def test_files_that_are_no_rows_are_refused_by_name(tmp_path):
    packed = gzip.compress(CONTENT)
    contents = {"cut.jsonl.gz": packed[:-9], "bad.jsonl": b"{", "none.csv": None, "deep.jsonl": b"[" * 100_000,
                "deep.json": b"[" * 100_000, "hurt.jsonl.gz": packed[:12] + b"\xff" * 9 + packed[21:]}  # fmt: skip
    for name, content in contents.items():
        if content is not None:
            (tmp_path / name).write_bytes(content)
        with pytest.raises(ForgeError, match=f"cannot read .*{name}"):
            list(rows(tmp_path / name))
