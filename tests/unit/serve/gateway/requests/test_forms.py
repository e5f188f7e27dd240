"""Multipart forms, however they are cut and nested."""

import pytest

from serve.gateway.errors import ApiError
from serve.gateway.requests.forms import MAX_PARTS, read_form

KIND = "multipart/form-data; boundary=B"


def part(disposition: str, value: bytes = b"x", more: str = "") -> bytes:
    head = f"--B\r\nContent-Disposition: form-data; {disposition}\r\n{more}\r\n"
    return head.encode() + value + b"\r\n"


def form(*parts: bytes) -> bytes:
    return b"".join(parts) + b"--B--"


def test_texts_files_and_brackets() -> None:
    body = form(
        part('name="prompt"', "Zürich\r\n--not a boundary".encode()),
        part('name="picture"; filename="a.png"', b"\xff\x00\r\n", "Content-Type: image/png\r\n"),
        part('name="input_reference[image_url]"', b"http://x"),
        part('name="extra_params[seed]"', b"1"),
        part('name="extra_params[fps]"', b"8"),
        part("name=unquoted", b""),
        part('name="tags[]"', b"1"),
        part('name="a[b][c]"', b"1"),
    )
    assert read_form(KIND, body) == {
        "prompt": "Zürich\r\n--not a boundary",
        "picture": b"\xff\x00\r\n",
        "input_reference": {"image_url": "http://x"},
        "extra_params": {"seed": "1", "fps": "8"},
        "unquoted": "",
        "tags": ["1"],
        "a[b][c]": "1",
    }


def test_a_file_field_without_a_file_is_not_there() -> None:
    body = form(part('name="input_reference"; filename=""', b""), part('name="a"'))
    assert read_form(KIND, body) == {"a": "x"}


def test_an_unnamed_file_with_content_is_a_file() -> None:
    assert read_form(KIND, form(part('name="f"; filename=""', b"x"))) == {"f": b"x"}


def test_quotes_in_names_and_a_quoted_boundary() -> None:
    body = form(part('name="say \\"hi\\""'))
    assert read_form('multipart/form-data; boundary="B"; charset=utf-8', body) == {'say "hi"': "x"}


def test_a_form_without_fields() -> None:
    assert read_form(KIND, b"--B--\r\n") == {}


@pytest.mark.parametrize(
    ("kind", "body", "why"),
    [
        ("multipart/form-data", form(part('name="a"')), "names no boundary"),
        (f"multipart/form-data; boundary={'B' * 500}", b"x", "its own boundary"),
        (KIND, b"", "closing boundary"),
        (KIND, part('name="a"'), "closing boundary"),
        (KIND, b"nonsense", "its own boundary"),
        (KIND, form(part('filename="a"')), "no name"),
        (KIND, form(b"--B\r\n\r\nx\r\n"), "no name"),
        (KIND, form(part('name="a"', b"\xff")), "not UTF-8"),
        (KIND, form(part('name="a"', b"x", "X: " + "y" * 100_000 + "\r\n")), "its own boundary"),
        (KIND, form(*[part(f'name="f{n}"') for n in range(MAX_PARTS + 1)]), "more than 64"),
    ],
)
def test_what_is_no_form(kind: str, body: bytes, why: str) -> None:
    with pytest.raises(ApiError) as caught:
        read_form(kind, body)
    assert (caught.value.status, caught.value.code) == (400, "invalid_multipart")
    assert why in caught.value.message


@pytest.mark.parametrize(
    "names", [["a", "a"], ["a[b]", "a[b]"], ["a", "a[b]"], ["a[b]", "a"]], ids=str
)
def test_a_field_may_be_given_once(names: list[str]) -> None:
    body = form(*[part(f'name="{name}"') for name in names])
    with pytest.raises(ApiError) as caught:
        read_form(KIND, body)
    assert (caught.value.code, caught.value.param) == ("duplicate_field", "a")
