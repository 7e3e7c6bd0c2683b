"""Signature Version 4, against the vectors that AWS publishes and the rules it writes down."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from trimtab.providers.sigv4 import (
    Credentials,
    Scope,
    canonical_request,
    signed_headers,
    signing_key,
)

ORIGIN = "https://example.amazonaws.com"
KEY = Credentials(
    access_key_id="AKIDEXAMPLE", secret_access_key="wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
)
SCOPE = Scope("us-east-1", "service")
AT = datetime(2015, 8, 30, 12, 36, tzinfo=UTC)
UNRESERVED = "-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


def sign(
    method: str,
    target: str,
    headers: dict[str, str] | None = None,
    body: bytes = b"",
    credentials: Credentials = KEY,
) -> dict[str, str]:
    return signed_headers(
        credentials,
        SCOPE,
        method=method,
        url=ORIGIN + target,
        headers=headers or {},
        body=body,
        at=AT,
    )


# Signatures: AWS Signature Version 4 test suite (AWS General Reference), by the names used there.
VECTORS: list[Any] = [
    pytest.param(
        "GET",
        "/",
        {},
        b"",
        "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31",
        id="get-vanilla",
    ),
    pytest.param(
        "POST",
        "/",
        {},
        b"",
        "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b",
        id="post-vanilla",
    ),
    pytest.param(
        "GET",
        f"/{UNRESERVED}",
        {},
        b"",
        "07ef7494c76fa4850883e2b006601f940f8a34d404d0cfa977f52a65bbf5f24f",
        id="get-unreserved",
    ),
    pytest.param(
        "GET",
        "//example//",
        {},
        b"",
        "9a624bd73a37c9a373b5312afbebe7a714a789de108f0bdfe846570885f57e84",
        id="get-slashes",
    ),
    pytest.param(
        "GET",
        "/?Param2=value2&Param1=value1",
        {},
        b"",
        "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500",
        id="get-vanilla-query-order-key-case",
    ),
    pytest.param(
        "GET",
        "/?Param1=value2&Param1=value1",
        {},
        b"",
        "5772eed61e12b33fae39ee5e7012498b51d56abc0abb7c60486157bd471c4694",
        id="get-vanilla-query-order-value",
    ),
    pytest.param(
        "GET",
        f"/?{UNRESERVED}={UNRESERVED}",
        {},
        b"",
        "9c3e54bfcdf0b19771a7f523ee5669cdf59bc7cc0884027167c21bb143a40197",
        id="get-vanilla-query-unreserved",
    ),
    pytest.param(
        "GET",
        "/?\u1234=bar",
        {},
        b"",
        "2cdec8eed098649ff3a119c94853b13c643bcf08f8b0a1d91e12c9027818dd04",
        id="get-vanilla-utf8-query",
    ),
    pytest.param(
        "GET",
        "/",
        {"my-header1": "value4,value1,value3,value2"},
        b"",
        "08c7e5a9acfcfeb3ab6b2185e75ce8b1deb5e634ec47601a50643f830c755c01",
        id="get-header-value-order",
    ),
    pytest.param(
        "GET",
        "/",
        {"My-Header2": '"a   b   c"', "My-Header1": " value1"},
        b"",
        "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736",
        id="get-header-value-trim",
    ),
    pytest.param(
        "POST",
        "/",
        {"Content-Type": "application/x-www-form-urlencoded"},
        b"Param1=value1",
        "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a",
        id="post-x-www-form-urlencoded",
    ),
]


@pytest.mark.parametrize(("method", "target", "headers", "body", "signature"), VECTORS)
def test_a_published_vector_gets_its_published_signature(
    method: str, target: str, headers: dict[str, str], body: bytes, signature: str
) -> None:
    added = sign(method, target, headers, body)
    names = ";".join(sorted({"host", "x-amz-date", *(name.lower() for name in headers)}))
    assert added["authorization"] == (
        "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, "
        f"SignedHeaders={names}, Signature={signature}"
    )
    assert added["x-amz-date"] == "20150830T123600Z"


def test_a_session_token_is_sent_and_signed() -> None:
    token = "6e86291e8372ff2a2260956d9b8aae1d763fbf315fa00fa31553b73ebf194267"
    credentials = Credentials(
        access_key_id=KEY.access_key_id,
        secret_access_key=KEY.secret_access_key,
        session_token=token,
    )
    added = sign("GET", "/", credentials=credentials)
    assert added["x-amz-security-token"] == token
    assert added["authorization"].endswith(
        "SignedHeaders=host;x-amz-date;x-amz-security-token, "
        "Signature=07ec1639c89043aa0e3e2de82b96708f198cceab042d4a97044c66dd9f74e7f8"
    )


def test_the_signing_key_is_the_one_of_the_documentation() -> None:
    # AWS, "Examples of how to derive a signing key for Signature Version 4".
    key = signing_key(KEY.secret_access_key, "20150830", Scope("us-east-1", "iam"))
    assert key.hex() == "c4afb1cc5771d871763a393e44b703571b55cc28424d1a5e86da6ed3c154a4b9"


@pytest.mark.parametrize(
    ("path", "canonical"),
    [
        ("", "/"),
        ("/\u1234", "/%E1%88%B4"),
        ("/example space/", "/example%20space/"),
        ("/example/..", "/"),
        ("/./example", "/example"),
        ("/example1/example2/../..", "/"),
        # Once encoded on the wire, twice in what is signed.
        (
            "/model/anthropic.claude-sonnet-4-20250514-v1%3A0/converse",
            "/model/anthropic.claude-sonnet-4-20250514-v1%253A0/converse",
        ),
        ("/model/arn%3Aaws%3Abedrock%2Fx/invoke", "/model/arn%253Aaws%253Abedrock%252Fx/invoke"),
        ("/model/a:0/converse", "/model/a%3A0/converse"),
    ],
)
def test_a_path_is_normalised_and_encoded(path: str, canonical: str) -> None:
    _, request = canonical_request("GET", path, "", {"host": "example.amazonaws.com"}, b"")
    assert request.split("\n")[1] == canonical


@pytest.mark.parametrize(
    ("path", "token", "signature"),
    [
        (
            "/model/anthropic.claude-3-5-sonnet-20240620-v1%3A0/converse",
            None,
            "dcbdc1573599d07edeb3c39c650a09c9ee91c9fcfe348added2c5190fe1c5fff",
        ),
        (
            (
                "/model/arn%3Aaws%3Abedrock%3Aus-east-1%3A123456789012%3A"
                "application-inference-profile%2Fabc/invoke-with-response-stream"
            ),
            "TOKEN/+=",
            "2ea03c0340446561ac80d60b5993ee579feb5c9bc0730384ae6737717ac27724",
        ),
    ],
)
def test_calls_of_bedrock_are_signed_as_the_aws_sdk_signs_them(
    path: str, token: str | None, signature: str
) -> None:
    # The signatures are those of botocore 1.44.5.
    added = signed_headers(
        Credentials(access_key_id="AKID", secret_access_key="SECRET", session_token=token),
        Scope("us-east-1", "bedrock"),
        method="POST",
        url=f"https://bedrock-runtime.us-east-1.amazonaws.com{path}",
        headers={"content-type": "application/json"},
        body=b'{"a":1}',
        at=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
    )
    assert added["authorization"].endswith(f"Signature={signature}")


@pytest.mark.parametrize(
    ("query", "canonical"),
    [
        ("b&a=1", "a=1&b="),
        ("q=a%20b", "q=a%20b"),
        ("x=a.b&x=a%2Fb", "x=a%2Fb&x=a.b"),
        ("a=1=2", "a=1%3D2"),
        ("a=10&a=9", "a=10&a=9"),
    ],
)
def test_a_query_is_sorted_and_encoded_once(query: str, canonical: str) -> None:
    _, request = canonical_request("GET", "/", query, {"host": "example.amazonaws.com"}, b"")
    assert request.split("\n")[2] == canonical


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://Example.com:443/", "example.com"),
        ("https://example.com:8443/", "example.com:8443"),
        ("http://127.0.0.1:8080/", "127.0.0.1:8080"),
        ("http://example.com:80/", "example.com"),
    ],
)
def test_the_host_is_signed_as_the_header_says_it(url: str, host: str) -> None:
    def signature(headers: dict[str, str]) -> str:
        return signed_headers(KEY, SCOPE, method="GET", url=url, headers=headers, body=b"", at=AT)[
            "authorization"
        ]

    assert signature({}) == signature({"host": host})


def test_the_body_is_signed() -> None:
    assert sign("POST", "/", body=b"{}") != sign("POST", "/", body=b"{ }")


def test_credentials_do_not_show() -> None:
    assert KEY.secret_access_key not in repr(KEY)
    assert KEY.secret_access_key not in str([KEY])
