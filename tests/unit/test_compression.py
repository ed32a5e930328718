"""Answers in gzip: who gets them, and that they are made once."""

from __future__ import annotations

import gzip
from collections.abc import Callable

import pytest

from pistat.compression import MIN_COMPRESSED_BYTES, Body, PrecompressedTemplate
from pistat.formats import page
from pistat.web.headers import accepts_gzip
from support.daemon import Daemon


def test_the_gzip_form_is_made_once() -> None:
    """Whoever asks for it gets the same bytes, which unpack to the original."""
    body = Body(b"abc" * 1000)

    assert gzip.decompress(body.compressed()) == body.plain
    assert body.compressed() is body.compressed()
    assert len(body.compressed()) < 100


def test_what_is_packed_has_both_forms() -> None:
    """Without gzip, a document that is held compressed is the same bytes; it holds less."""
    plain = b"".join(b"%d," % number for number in range(5000))
    body = Body(plain).pack()

    assert body.plain == plain
    assert gzip.decompress(body.compressed()) == plain
    assert body.worth_compressing()
    assert sum(len(getattr(body, name) or b"") for name in Body.__slots__) < len(plain) / 2


@pytest.mark.parametrize(
    ("header", "accepted"),
    [
        ("gzip", True),
        ("gzip, deflate, br, zstd", True),
        ("deflate;q=1, GZIP ; q=0.5", True),
        ("gzip;q=1.0", True),
        ("gzip;q=0", False),
        ("gzip; q=0.000, br", False),
        ("", False),
        ("identity", False),
        ("*", False),  # it would do, and nobody asks so
        ("xgzip, gzipped", False),
        ("," * 8000 + " " * 8000, False),
    ],
)
def test_who_accepts_it(header: str, accepted: bool) -> None:
    """Whoever names gzip, unless with a weight of zero."""
    assert accepts_gzip({"HTTP_ACCEPT_ENCODING": header}) == accepted
    assert not accepts_gzip({})


@pytest.mark.parametrize("path", ["/", "/docs", "/openapi.json", "/stats", "/history", "/history?format=csv"])
def test_large_answers_are_compressed(shared: Daemon, path: str) -> None:
    """Documents and large JSON come in gzip to whoever accepts it, and plain to others; caches know it."""
    plain = shared.get(path)
    packed = shared.get(path, headers={"Accept-Encoding": "gzip"})

    assert "content-encoding" not in plain.headers
    assert packed.headers["content-encoding"] == "gzip"
    for each in (plain, packed):
        assert "Accept-Encoding" in each.headers["vary"]
        assert int(each.headers["content-length"]) == len(each.body)
    assert plain.headers.get("etag") == packed.headers.get("etag")
    unpacked = gzip.decompress(packed.body)
    assert unpacked == plain.body or path not in {"/docs", "/openapi.json"}  # the others have new readings
    assert len(unpacked) >= MIN_COMPRESSED_BYTES
    assert len(packed.body) < len(unpacked) / 1.5
    head = shared.get(path, method="HEAD", headers={"Accept-Encoding": "gzip"})
    assert (head.headers["content-encoding"], head.body) == ("gzip", b"")


def test_small_answers_are_not(shared: Daemon) -> None:
    """What fits into a packet comes as it is."""
    for path in ("/health", "/stats?fields=uptime", "/nowhere"):
        answer = shared.get(path, headers={"Accept-Encoding": "gzip"})
        assert "content-encoding" not in answer.headers
        assert "Accept-Encoding" not in answer.headers.get("vary", "")


def test_one_answer_is_compressed_once(start: Callable[..., Daemon]) -> None:
    """All who get the same cached answer get the same bytes."""
    daemon = start(PISTAT_CACHE_SECONDS="60")
    bodies = {daemon.get("/stats", headers={"Accept-Encoding": "gzip"}).body for _ in range(5)}

    assert len(bodies) == 1


def test_the_page_can_be_closed() -> None:
    """Neither style nor script holds what would end it within the page."""
    assert "</" not in page.script() + page.style()


@pytest.mark.parametrize("middle", [b"", b"x", bytes(range(256)), b"<b>" * 5000])
def test_a_frame_is_one_document(middle: bytes) -> None:
    """Pieces that were compressed by themselves are one gzip file, of the same bytes as the plain one."""
    before, after = b"before " * 900, b" after" * 700
    template = PrecompressedTemplate(before, after)

    for _ in range(2):
        body = template.render(middle)
        assert body.plain == before + middle + after
        assert gzip.decompress(body.compressed()) == body.plain
