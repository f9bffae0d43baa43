"""Numbers are written alike in every format, with commas, and nouns agree with them."""

import io
import re

import pytest
from account_runs import accounts
from lenient_runs import lenient
from lxml import html
from report_runs import NO_FORCE, clean_run, found, governed, ordinary, run_of, stores_only, subject
from test_report_html import many

from checker.judgement.gate import Gate
from checker.judgement.run import SubjectVerdict, UnreadableImageSet
from checker.model import Coverage, Verdict
from checker.reporting import Options, formats, writer

NOUNS = "answer|account|call|control|data store|day|fail|finding|image set|parameter|policy|row|rule|run|target|unknown|verdict|version|waiver|group"


def single():
    """One of each: a fail, an unknown, an image set that was not read."""
    gate = Gate()
    lost = subject(2, version_id=None)
    rows = [
        found(NO_FORCE, subject(1), Verdict.FAIL, gate, "forced", overrides__forced=True),
        found(NO_FORCE, lost, Verdict.UNKNOWN, gate, "", "AccessDeniedException"),
        SubjectVerdict(subject(3), Verdict.PASS),
    ]
    unread = (UnreadableImageSet(lost, "AccessDeniedException", "no"),)
    return run_of([(NO_FORCE, rows)], gate, Coverage(3, 0, 1), unread_sets=unread, calls={"GetImageSet": 1})


RUNS = (single, accounts, clean_run, governed, lenient, ordinary, stores_only)
READABLE = sorted({"html", "text", "markdown"} & set(formats("run")))


def readable(run, kind: str) -> str:
    """What people read of a report, in one line."""
    out = io.StringIO()
    writer(kind).write(run, out, Options())
    if kind != "html":
        return " ".join(out.getvalue().split())
    tree = html.document_fromstring(out.getvalue())
    for item in tree.xpath("//script | //style | //code | //time"):
        item.drop_tree()
    return " ".join(" ".join(tree.itertext()).split())


@pytest.mark.parametrize("kind", READABLE)
@pytest.mark.parametrize("run", RUNS)
def test_nouns_agree_with_their_numbers(run, kind):
    text = readable(run(), kind)
    assert not re.findall(rf"(?<![\d.,-])1 (?:{NOUNS.replace('policy', 'policie')})s\b", text)
    # `2 unknown` is what they are, `2 fail` what they do, and a number before `version` is that of another one
    nouns = "|".join(noun for noun in NOUNS.split("|") if noun not in ("unknown", "fail", "version"))
    assert not re.findall(rf"(?<![\d.,:-])(?:0|[2-9]|\d[\d,]*\d) (?:{nouns})\b(?! \w+s\b)", text)


@pytest.mark.parametrize("kind", READABLE)
def test_numbers_of_a_thousand_and_more_have_their_commas(kind):
    text = readable(many(1_234), kind)
    assert "1,234" in text
    plain = re.sub(r"\d{4}-\d\d-\d\d\S*|\b\w*\d\w*[a-z]\w*\b|\b\d{8}T\S+|\b\d{12}\b", "", text)
    assert not re.findall(r"(?<![\w.,/-])\d{4,}(?![\w/-])", plain)
