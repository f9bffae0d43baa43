"""Secrets are taken out of text that others wrote, however it writes them; words stay."""

from __future__ import annotations

import base64

import pytest

from checker.redaction import REDACTED, redact, register_secrets, register_url_secrets

SECRET = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYPLANTEDKEY"
TOKEN = "IQoJb3JpZ2luX2VjEPLANTEDTOKEN//////////wEaCXVzLWVhc3QtMSJ="


@pytest.mark.parametrize(
    "text",
    [
        "Could not connect to http://bob:PLANTED@127.0.0.1:1/",
        "Failed to parse: http://bob:s3cr#PLANTED@host:1",
        "socks5://bob:PLANTED@proxy is not supported",
        "http://bob:a/PLANTED?x@y@host",
        "Proxy 'socks5h://PLANTED@h'",
        "{'Authorization': 'AWS4-HMAC-SHA256 Credential=AKIAPLANTED123456/20260101/us-east-1, Signature=PLANTED'}",
        "authorization:Bearer PLANTED",
        "Proxy-Authorization: Basic PLANTED==",
        "x-amz-security-token:PLANTED\nx-amz-date:20260101T000000Z",
        "?X-Amz-Signature=PLANTED&X-Amz-Security-Token=PLANTED&a=b",
        '{"SecretAccessKey": "PLANTED", "SessionToken": "PLANTED"}',
        r"{\"SecretAccessKey\": \"PLANTED\"}",
        "<SecretAccessKey>PLANTED</SecretAccessKey><SessionToken>PLANTED</SessionToken>",
        "invalid XML received. Further retries may succeed:\nb'<a>PLANTED'",
        "aws_secret_access_key = PLANTED",
        "the key AKIAPLANTED123456 is not known",
        f"odd token {TOKEN}",
        "The Canonical String for this request should have been\n'GET\n/\n\nhost:x\nPLANTED'",
        "The String-to-Sign should have been 'PLANTED'",
        "eyJhbGciOiJIUzI1NiJ9.PLANTED.PLANTED",
    ],
)
def test_what_looks_like_a_secret_is_not_shown(text: str) -> None:
    assert "PLANTED" not in redact(text)


@pytest.mark.parametrize(
    "text",
    [
        "The security token included in the request is expired",
        "Signature expired: 20260101T000000Z is now earlier than 20260102T000000Z",
        "User: arn:aws:sts::111122223333:assumed-role/Audit/x is not authorized to perform: medical-imaging:GetImageSet",
        "no AWS credentials were found",
        "runs: s3://bucket/prefix@2026 and https://docs.aws.amazon.com/healthimaging/",
        "write to someone@example.org about basic information",
        "AWS_SESSION_TOKEN ends in white space or a line break",
    ],
)
def test_what_is_no_secret_stays(text: str) -> None:
    assert redact(text) == text


@pytest.mark.parametrize(
    "shown",
    [
        SECRET,
        SECRET.replace("/", "%2F").replace("+", "%2B"),
        repr(SECRET.encode()),
        f"{SECRET} and {SECRET}",
        f"Invalid header value b'{SECRET}\\n'",
    ],
)
def test_a_known_secret_is_shown_nowhere(shown: str) -> None:
    register_secrets(SECRET + "\n", None, "")
    assert "PLANTED" not in redact(shown)
    assert REDACTED in redact(shown)


def test_a_word_that_happens_to_be_a_key_is_left_alone() -> None:
    register_secrets("demo")
    assert redact("wrote demo/report.html") == "wrote demo/report.html"


@pytest.mark.parametrize(
    "shown",
    [
        "Port could not be cast to integer value as 's3cr'",
        "b0b:s3cr#t/PLANTED",
        "'b0b:s3cr' is not a valid host or port",
        "s3cr%23t%2FPLANTED",
        base64.b64encode(b"b0b:s3cr#t/PLANTED").decode(),
    ],
)
def test_no_piece_of_a_password_in_a_url_is_shown(shown: str) -> None:
    register_url_secrets("http://b0b:s3cr#t/PLANTED@proxy:3128")
    register_url_secrets("b0b:s3cr#t/PLANTED@proxy:3128")
    register_url_secrets("http://proxy:3128")
    register_url_secrets(None)
    assert not {"PLANTED", "s3cr", "czNjci"} & {
        item for item in ("PLANTED", "s3cr", "czNjci") if item in redact(shown)
    }


def test_a_short_password_and_a_token_in_the_place_of_a_user_are_known() -> None:
    register_url_secrets("http://al1ce:PW@proxy")
    register_url_secrets("http://ghpT0ken@proxy")
    assert redact("'al1ce:PW' is no host, nor ghpT0ken") == "'***' is no host, nor ***"
