"""Our schema of strict JUnit refuses what breaks a reader, and whatever either of the two published schemas refuses."""

from __future__ import annotations

import copy
import io
from collections.abc import Iterator

import pytest
from lxml import etree
from report_runs import ordinary

from checker.reporting import Options, writer
from tests.junit_schemas import ORIGINALS, OURS

BAD = (
    "",
    " ",
    "x",
    "1.5",
    "-1",
    "1e3",
    "0.0001",
    "1,000.000",
    "2026-01-01",
    "2026-01-02T03:04:05Z",
    "99999999999",
)


def document() -> etree._Element:
    out = io.StringIO()
    writer("junit").write(ordinary(), out, Options("aggregate"))
    return etree.fromstring(out.getvalue().encode())


def at(root: etree._Element, path: str) -> etree._Element:
    (found, *_) = root.xpath(path)
    return found


@pytest.mark.parametrize(
    ("path", "change"),
    [
        (".", lambda node: node.set("tests", "1")),
        ("testsuite", lambda node: node.attrib.pop("package")),
        ("testsuite", lambda node: node.set("timestamp", "2026-01-02T03:04:05Z")),
        ("testsuite", lambda node: node.set("tests", "many")),
        ("testsuite", lambda node: node.append(node[0])),
        ("testsuite", lambda node: node.remove(node[-1])),
        ("//testcase", lambda node: node.set("file", "policy.yaml")),
        ("//testcase", lambda node: node.set("time", "")),
        ("//testcase[failure]", lambda node: node.append(copy.deepcopy(node[0]))),
        ("//failure", lambda node: node.attrib.pop("type")),
        ("//failure", lambda node: etree.SubElement(node, "b")),
        ("//skipped", lambda node: node.set("type", "high")),
        ("//property", lambda node: node.set("name", " ")),
    ],
)  # fmt: skip
def test_ours_refuses(path, change):
    root = document()
    OURS.assertValid(root)
    change(at(root, path))
    assert not OURS.validate(root)


def mutants() -> Iterator[etree._Element]:
    """The document with one thing altered: an attribute or an element of each kind that there is."""
    whole = document()
    paths = {
        node.getroottree().getpath(node)
        for kind in {node.tag for node in whole.iter()}
        for node in whole.findall(f".//{kind}")[:1] or [whole]
    }
    for path in sorted(paths):
        for name in whole.xpath(path)[0].attrib:
            for value in (None, *BAD):
                root = copy.deepcopy(whole)
                attributes = root.xpath(path)[0].attrib
                attributes.pop(name) if value is None else attributes.update({name: value})
                yield root
        for alter in (_with_attribute, _with_child, _with_text, _twice, _without, _last):
            root = copy.deepcopy(whole)
            if alter(root.xpath(path)[0]) is not False:
                yield root


def _with_attribute(node: etree._Element) -> None:
    node.set("more", "1")


def _with_child(node: etree._Element) -> None:
    etree.SubElement(node, "more")


def _with_text(node: etree._Element) -> None:
    node.text = f"{node.text or ''}more"


def _twice(node: etree._Element) -> object:
    return False if node.getparent() is None else node.addnext(copy.deepcopy(node))


def _without(node: etree._Element) -> object:
    return False if node.getparent() is None else node.getparent().remove(node)


def _last(node: etree._Element) -> object:
    return False if node.getparent() is None else node.getparent().append(node)


def test_what_either_original_refuses_ours_refuses():
    if len(ORIGINALS) < 2:
        pytest.skip("the two published schemas are not beside this checkout")
    refused = 0
    for root in mutants():
        ours = OURS.validate(root)
        for name, schema in ORIGINALS.items():
            if not schema.validate(root):
                refused += 1
                assert not ours, f"{name}: {schema.error_log.last_error}"
    assert refused > 100
