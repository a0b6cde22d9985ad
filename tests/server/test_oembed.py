"""oEmbed: from the address of a page to its frame, and the link by which a consumer finds out."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from running import Running

from server.oembed import HEIGHTS, TITLES, discovery, find, is_private

PUBLIC = "https://belt.example"
HEAD = '<!doctype html><html><head><title>x</title></head><body><main></main><script src="a.js"></script></body></html>'


@pytest.fixture(scope="module")
def public_belt(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A service that a proxy calls by its own address and readers by PUBLIC; its pages are as good as built."""
    data = tmp_path_factory.mktemp("data")
    web = data / "web"
    (web / "embed").mkdir(parents=True)
    for path in ("index.html", "embed/index.html", "share.html"):
        (web / path).write_text(HEAD)
    with Running(data, web_dir=web, allowed_origins=(PUBLIC,)) as running:
        yield running


class First(HTMLParser):
    """The attributes of the first tag of a kind."""

    def __init__(self, tag: str, text: str) -> None:
        super().__init__()
        self.tag = tag
        self.found: list[dict[str, str | None]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == self.tag:
            self.found.append(dict(attrs))


def ask(belt: Running, url: str, **query: object) -> httpx.Response:
    said = {name: str(value) for name, value in query.items()}
    return httpx.get(f"{belt.url}/oembed", params={"url": url, **said})


def frame(answer: httpx.Response) -> dict[str, str | None]:
    assert answer.status_code == 200, answer.text
    [attributes] = First("iframe", answer.json()["html"]).found
    return attributes


@pytest.mark.parametrize("name", TITLES)
def test_every_piece_has_its_frame(public_belt: Running, name: str) -> None:
    answer = ask(public_belt, f"{PUBLIC}/embed/{name}")
    said = answer.json()
    assert (said["type"], said["version"], said["provider_name"]) == ("rich", "1.0", "Sushibelt")
    assert said["provider_url"] == f"{PUBLIC}/"
    assert said["title"] == f"{TITLES[name]}, training live"
    found = frame(answer)
    assert (found["src"], found["title"]) == (f"{PUBLIC}/embed/{name}", said["title"])
    assert (found["width"], found["height"]) == (str(said["width"]), str(said["height"]))
    assert (said["width"], said["height"]) == (800, HEIGHTS[name])
    assert "script" not in said["html"]
    assert "allow" not in found


@pytest.mark.parametrize(
    ("url", "src"),
    [
        (f"{PUBLIC}/", "/embed/lesson"),
        (f"{PUBLIC}/index.html?live&compare=momentum", "/embed/lesson"),
        (f"{PUBLIC}/?recording=recordings/", "/embed/lesson?recording=recordings%2F"),
        (f"{PUBLIC}/#belt", "/embed/belt"),
        (f"{PUBLIC}/#top", "/embed/lesson"),
        (f"{PUBLIC}/embed/belt.html", "/embed/belt"),
        (f"{PUBLIC}/embed/index.html?piece=meter&run=a%26b", "/embed/meter?run=a%26b"),
        (f"{PUBLIC}/embed/belt?run=r1&hide=words%2Cfoot&theme=dark", "/embed/belt?run=r1&hide=words%2Cfoot&theme=dark"),
        (f"{PUBLIC}/lab/embed/belt?run=r1#anything", "/lab/embed/belt?run=r1"),
        ("http://belt.example/embed/belt", "/embed/belt"),
        ("HTTPS://BELT.EXAMPLE/embed/belt", "/embed/belt"),
    ],
)
def test_what_the_address_says_stays(public_belt: Running, url: str, src: str) -> None:
    """And a page of https gets a frame of https, where the operator says that we are there."""
    assert frame(httpx.get(f"{public_belt.url}/oembed", params={"url": url}, headers={"Host": "belt.example"}))[
        "src"
    ] == (PUBLIC + src)


@pytest.mark.parametrize(
    "url",
    [
        "https://elsewhere.example/embed/belt",
        "https://belt.example.elsewhere.example/embed/belt",
        "https://belt.example:444/embed/belt",
        "https://me@belt.example/embed/belt",
        f"{PUBLIC}/embed/kitchen",
        f"{PUBLIC}/embed/",
        f"{PUBLIC}/embed/index.html?piece=kitchen",
        f"{PUBLIC}/embed/belt/more",
        f"{PUBLIC}/docs/",
        f"{PUBLIC}/api/v1/runs",
        "javascript:alert(1)//belt.example/embed/belt",
        "ftp://belt.example/embed/belt",
        "//belt.example/embed/belt",
        "https://[belt.example/embed/belt",
        "/embed/belt",
        "belt",
        f"{PUBLIC}/embed/belt?" + "&".join(f"a{n}=1" for n in range(60)),
    ],
)
def test_what_is_not_ours_is_not_found(public_belt: Running, url: str) -> None:
    answer = ask(public_belt, url)
    assert (answer.status_code, answer.json()["code"]) == (404, "no_such_piece")


@pytest.mark.parametrize(
    ("limits", "size"),
    [
        ({}, (800, 480)),
        ({"maxwidth": 500}, (500, 480)),
        ({"maxwidth": 200}, (320, 480)),
        ({"maxwidth": 5_000, "maxheight": 5_000}, (800, 480)),
        ({"maxwidth": 640, "maxheight": 300}, (640, 300)),
    ],
)
def test_it_keeps_within_the_limits(public_belt: Running, limits: dict[str, int], size: tuple[int, int]) -> None:
    answer = ask(public_belt, f"{PUBLIC}/embed/belt", **limits)
    said, found = answer.json(), frame(answer)
    assert (said["width"], said["height"]) == size == (int(found["width"] or 0), int(found["height"] or 0))


def test_formats_and_wrong_values(public_belt: Running) -> None:
    url = f"{PUBLIC}/embed/belt"
    assert ask(public_belt, url, format="json").status_code == 200
    answer = ask(public_belt, url, format="xml")
    assert (answer.status_code, answer.json()["code"]) == (501, "not_implemented")
    assert answer.headers["content-type"] == "application/problem+json"
    for wrong in ({"format": "yaml"}, {"maxwidth": 0}, {"maxheight": "tall"}):
        answer = ask(public_belt, url, **wrong)
        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, next(iter(wrong)))
    answer = httpx.get(f"{public_belt.url}/oembed")
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "url")
    assert ask(public_belt, f"{url}?run={'x' * 2_000}").status_code == 422


def test_what_stands_in_the_address_cannot_leave_its_attribute(public_belt: Running) -> None:
    bad = '"><script>alert(1)</script>'
    answer = httpx.get(f"{public_belt.url}/oembed?url={PUBLIC}/embed/belt?run={bad}")
    text = answer.json()["html"]
    assert First("script", text).found == []
    src = frame(answer)["src"] or ""
    assert parse_qs(urlsplit(src).query) == {"run": [bad]}


def test_a_frame_of_a_private_address_passes_the_permission_on(public_belt: Running) -> None:
    found = frame(ask(public_belt, f"{public_belt.url}/embed/belt"))
    assert found["allow"] == "local-network-access"
    assert found["src"] == f"{public_belt.url}/embed/belt"


@pytest.mark.parametrize(
    ("host", "private"),
    [
        ("127.0.0.1:8000", True),
        ("[::1]:8000", True),
        ("192.168.1.20", True),
        ("10.0.0.1", True),
        ("[fe80::1]", True),
        ("localhost", True),
        ("belt.local", True),
        ("belt", True),
        ("belt.example", False),
        ("8.8.8.8", False),
        ("[2606:4700::1]", False),
    ],
)
def test_private_addresses(host: str, private: bool) -> None:
    assert is_private(f"http://{host}/") is private


@pytest.mark.parametrize(
    "path", ["/", "/index.html", *(f"/embed/{name}" for name in TITLES), "/embed/belt?run=r1&theme=dark"]
)
def test_a_consumer_finds_the_answer_by_the_page(public_belt: Running, path: str) -> None:
    page = httpx.get(public_belt.url + path)
    assert page.headers["content-type"].startswith("text/html")
    assert page.headers["cache-control"] == "no-cache"
    [link] = [link for link in First("link", page.text).found if link["rel"] == "alternate"]
    assert link["type"] == "application/json+oembed"
    href = link["href"] or ""
    assert href.startswith(f"{public_belt.url}/oembed?")
    answer = httpx.get(href)
    name = "lesson" if "embed" not in path else re.split(r"[/?]", path)[2]
    assert answer.json()["title"] == link["title"] == f"{TITLES[name]}, training live"
    query = path.partition("?")[2]
    assert frame(answer)["src"] == f"{public_belt.url}/embed/{name}" + f"?{query}" * bool(query)
    again = httpx.get(public_belt.url + path, headers={"If-None-Match": page.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    head = httpx.head(public_belt.url + path)
    assert (head.status_code, head.content, head.headers["etag"]) == (200, b"", page.headers["etag"])


def test_the_link_is_of_the_address_that_readers_use(public_belt: Running) -> None:
    page = httpx.get(f"{public_belt.url}/embed/belt", headers={"Host": "belt.example"})
    [link] = [link for link in First("link", page.text).found if link["rel"] == "alternate"]
    assert link["href"] == f"{PUBLIC}/oembed?url=https%3A%2F%2Fbelt.example%2Fembed%2Fbelt&format=json"
    # A proxy on this machine says which scheme it was asked by.
    page = httpx.get(f"{public_belt.url}/embed/belt", headers={"X-Forwarded-Proto": "https"})
    [link] = [link for link in First("link", page.text).found if link["rel"] == "alternate"]
    assert (link["href"] or "").startswith(public_belt.url.replace("http:", "https:"))


@pytest.mark.parametrize("path", ["share", "embed/belt", "embed/lesson"])
def test_a_page_is_beside_what_it_loads(public_belt: Running, path: str) -> None:
    """Below the page's own name the relative addresses in it would lead nowhere."""
    page = f"{public_belt.url}/{path}"
    answer = httpx.get(f"{page}/?run=r1&theme=dark")
    assert answer.status_code == 308
    # Without the service's own address, which a proxy before it may have changed.
    assert answer.headers["location"] == f"../{path.rpartition('/')[2]}?run=r1&theme=dark"
    followed = httpx.get(f"{page}/", follow_redirects=True)
    assert str(followed.url) == page
    assert followed.text == httpx.get(page).text
    assert "<main></main>" in followed.text


def test_other_pages_have_no_link(public_belt: Running) -> None:
    for path in ("/share", "/share.html", "/docs/"):
        page = httpx.get(public_belt.url + path)
        assert page.status_code == 200
        assert "oembed" not in html.unescape(page.text.partition("</head>")[0])


@pytest.mark.parametrize("host", ["", "belt.example<", 'belt.example"', "belt.example/x", "a b", "belt.example:80:80"])
def test_a_host_that_is_none_gets_no_link(host: str) -> None:
    assert discovery("/embed/belt", "", "http", host, ()) == ""


def test_what_a_query_says_cannot_leave_the_link() -> None:
    link = discovery("/embed/belt", 'run="><script>', "http", "belt.example", ())
    assert "<script" not in link
    assert link.count('"') == 8
    assert discovery("/embed/belt", "run=" + "x" * 2_000, "http", "belt.example", ()) == ""


def test_a_service_answers_for_the_name_that_it_was_asked_by() -> None:
    assert find("http://belt.example:8000/embed/belt", "belt.example:8000", ()) is not None
    assert find("https://belt.example/embed/belt", "belt.example", ()) is not None
    assert find("https://belt.example/embed/belt", "127.0.0.1:8000", ()) is None
    assert find("https://belt.example/embed/belt", "127.0.0.1:8000", (PUBLIC,)) is not None
