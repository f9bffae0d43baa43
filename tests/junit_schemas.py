"""The schemas that JUnit is held to: one of our own, which accepts nothing that the two do not accept which consumers use, and
these two where they are beside the checkout."""

from __future__ import annotations

from pathlib import Path

from lxml import etree

OURS = etree.XMLSchema(etree.parse(Path(__file__).with_name("junit-strict.xsd")))
_SHARED = Path(__file__).parents[2] / "shared" / "schemas"
ORIGINALS = {
    path.name: etree.XMLSchema(etree.parse(path))
    for path in (_SHARED / "junit-10.xsd", _SHARED / "windyroad.xsd")
    if path.exists()
}


def assert_valid(document: etree._Element | etree._ElementTree) -> None:
    """Fails where a schema that is at hand refuses a document."""
    for schema in (OURS, *ORIGINALS.values()):
        schema.assertValid(document)
