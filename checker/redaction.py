"""Secrets in text that others wrote: exceptions of libraries, messages of services, what a debug log shows.

One function takes them out of whatever goes to an output, a record or a log: those that are known, because the
process signs or connects with them, and whatever looks like one.
"""

from __future__ import annotations

import base64
import json
import re
import threading
from collections.abc import Iterator
from urllib.parse import quote, unquote

REDACTED = "***"
SHORTEST_SECRET = 8
"""Characters of a key or token below which it is no secret of AWS, but perhaps a word of a message: the simulator's is `demo`."""
SHORTEST_PASSWORD = 3
MOST_KNOWN = 4096
"""Secrets that are remembered: a run over thousands of accounts has so many sessions, one after the other."""

_NAMES = (
    "aws_?secret_?access_?key|secret_?access_?key|aws_?session_?token|session_?token|aws_?security_?token|aws_?access_?key_?id"
    "|access_?key_?id|x-amz-security-token|x-amz-signature|x-amz-credential|signature|credential|client_?secret|refresh_?token"
    "|access_?token|id_?token|password|passwd|pwd|secret"
)
_RULES: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern), shown)
    for pattern, shown in (
        # what quotes the request that was signed, or an answer with credentials in it, whole
        (r"(?is)\bthe (?:canonical (?:string|request)|string-to-sign)\b.*", "(the request that it quotes is left out)"),
        (r"(?s)\bAWS4-[A-Z0-9-]+.*", REDACTED),
        (r"(?is)(invalid XML received).*", r"\1"),
        # the last @ ends it: a password may hold any of : / ? # @
        (r"(?i)\b((?!s3:)[a-z][a-z0-9+.-]*:/{2,})[^\s<>\"'`]*@", rf"\1{REDACTED}@"),
        (r"(?i)\b((?:proxy-)?authorization[\"']?\s*[:=]\s*)[^\r\n]+", rf"\1{REDACTED}"),
        (r"(?i)\b(bearer|basic)\s+(?=\S*[0-9=])[\w.~+/-]{8,}=*", rf"\1 {REDACTED}"),
        (rf"(?i)(<(?:{_NAMES})>)[^<]*", rf"\1{REDACTED}"),
        (rf"(?i)(?<![a-z0-9])((?:{_NAMES})\\?[\"']?\s*[:=]\s*\\?[\"']?)[^\s\"'&,;<>\\]+", rf"\1{REDACTED}"),
        # key ids, session tokens of STS, tokens of OpenID
        (r"\b(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{8,}\b", REDACTED),
        (r"\b(?:IQoJ|FwoG|FQoG|AQoD)[\w+/=%-]{16,}", REDACTED),
        (r"\beyJ[\w-]{8,}\.[\w-]*\.?[\w-]*", REDACTED),
    )
)  # fmt: skip
_USERINFO = re.compile(r"(?s)^(?:[A-Za-z][A-Za-z0-9+.-]*:)?/*(.*)@")
_URL_MARKS = re.compile(r"[:/?#@\[\]\\]")
_CONTROL = re.compile(r"[\x00-\x20\x7f]+")

_known: dict[str, None] = {}
_lock = threading.Lock()


def register_secrets(*secrets: object) -> None:
    """Takes keys and tokens that the process uses, those that are texts: `redact` knows them from now on."""
    _add(
        variant
        for secret in secrets
        if isinstance(secret, str)
        for variant in _variants(secret, SHORTEST_SECRET)
    )


def register_url_secrets(url: str | None) -> None:
    """Takes the user name and password of a URL that the process uses, if it has any; it may be no good URL."""
    found = _USERINFO.match(url or "")
    if not found:
        return
    user, _, password = found[1].partition(":")
    password = password or user  # a token alone
    basic = {base64.b64encode(item.encode()).decode() for item in (found[1], unquote(found[1]))}
    # what takes the URL apart at a wrong place shows a piece of the password
    begun = [found[1][: mark.start()] for mark in _URL_MARKS.finditer(found[1]) if mark.start() > len(user)]
    pieces = [found[1], *begun, password, *_URL_MARKS.split(password), *basic]
    _add(variant for piece in pieces for variant in _variants(piece, SHORTEST_PASSWORD))


def redact(text: str) -> str:
    """Text without secrets: those that are remembered, and what looks like one."""
    with _lock:
        known = sorted((item for item in _known if item in text), key=len, reverse=True)
    for secret in known:
        text = text.replace(secret, REDACTED)
    for pattern, shown in _RULES:
        text = pattern.sub(shown, text)
    return text


def _add(secrets: Iterator[str]) -> None:
    every = list(secrets)
    with _lock:
        for secret in every:
            _known.pop(secret, None)
            _known[secret] = None
        for secret in list(_known)[: max(0, len(_known) - MOST_KNOWN)]:
            del _known[secret]


def _variants(secret: str, shortest: int) -> Iterator[str]:
    """A secret as messages may write it: quoted for a URL or a text, or in part where it has a control character."""
    whole = {secret, unquote(secret)}
    for plain in whole.union(*(_CONTROL.split(row) for row in whole)):
        for written in (
            plain,
            quote(plain),
            quote(plain, safe=""),
            json.dumps(plain)[1:-1],
            repr(plain)[1:-1],
        ):
            if len(written.strip()) >= shortest:
                yield written
