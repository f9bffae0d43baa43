"""Findings on data stores and on versions, in every format."""

import dataclasses
import io
import json
import re
from datetime import timedelta

from lxml import etree, html
from report_runs import (
    AS_OF,
    BEFORE,
    CREATED_AT,
    RETURNED,
    SHARE,
    STATE,
    STORE,
    found,
    governed,
    leaf,
    run_of,
    stores_only,
    subject,
)

from checker import instants
from checker.judgement.gate import Gate
from checker.model import Aggregate, Coverage, Test, Verdict
from checker.reporting import Options, condition_text, writer
from checker.reporting.normal_form import finding_id


def written(run, kind: str, **options) -> str:
    out = io.StringIO()
    writer(kind).write(run, out, Options(**options))
    return out.getvalue()


def test_aggregates_in_words():
    assert condition_text.expected(SHARE) == (
        "the share of image sets where isPrimary is false, among those where imageSetState is ACTIVE, is at most 1%"
    )
    number = Aggregate("count", None, None, (Test("gte", 1), Test("lt", 9)))
    assert condition_text.phrase(number) == "the number of image sets is at least 1 and is below 9"
    assert (
        condition_text.phrase(number, negated=True) == "the number of image sets is below 1 or is at least 9"
    )
    deleted = dataclasses.replace(number, of=leaf(STATE, "eq", "DELETED"), if_absent="match")
    assert condition_text.phrase(deleted) == (
        "the number of image sets where imageSetState is DELETED, is at least 1 and is below 9 [if_absent: match]"
    )


def test_names_and_ids_tell_versions_and_data_stores_apart():
    cases = [
        case.get("name") for case in etree.fromstring(written(governed(), "junit").encode()).iter("testcase")
    ]
    item = f"{1:032x}"
    assert cases[:6] == [
        "archive", f"research/{STORE[::-1]}", f"archive/{item}@v1", f"archive/{item}@v2", f"archive/{item}@v10",
        f"archive/{2:032x}",
    ]  # fmt: skip
    stores = [subject(0, image_set_id=None, version_id=None, datastore_id=name) for name in ("a", "b")]
    versions = [subject(1, version_id=number, exact=True) for number in (1, 2)]
    ids = [finding_id(SHARE, store) for store in stores] + [
        finding_id(RETURNED, version) for version in versions
    ]
    assert len(set(ids)) == 4
    assert finding_id(SHARE, dataclasses.replace(stores[0], exact=True)) == ids[0]


def test_what_a_ratio_came_to_is_numbers_for_machines_and_words_for_people():
    document = json.loads(written(governed(), "json"))
    first = document["findings"][0]
    assert first["observed"]["ratio"]["matched"] == 3
    assert (first["imageSetId"], first["versionId"], first["scope"]) == (None, None, "datastore")
    tree = html.document_fromstring(written(governed(), "html"))
    row = " ".join(tree.xpath("//tbody[@id='rows']/tr")[0].text_content().split())
    assert f"archive{STORE}" in row
    assert "ratio = 2.5% (3 of 120, 2 undecided); for example" in row
    heads = [th.text for th in tree.xpath("//table[@class='findings']//th")]
    assert "Image set or data store" in heads


def test_a_run_on_data_stores_alone_needs_no_image_set():
    run = stores_only()
    assert run.complete
    assert run.sentence.endswith("no image set was asked for, since no rule needs one.")
    assert "nothing-evaluated" not in written(run, "junit")
    assert "1 data store passed" in written(run, "junit", junit_passes="aggregate")
    page = written(run, "html")
    assert "The rules needed no image set, and no verdict is unknown." in page
    assert "one per rule and data store." in page
    nothing = run_of([(SHARE, [])], Gate(), Coverage())
    assert "no data store was evaluated" in written(nothing, "junit")
    assert 'type="nothing-evaluated"' in written(nothing, "junit")


def test_every_version_of_many_image_sets_fits_one_page():
    gate = Gate()
    rule = dataclasses.replace(RETURNED, fields=(BEFORE, CREATED_AT))

    def finding(number: int):
        item, version = divmod(number, 20)
        at = AS_OF - timedelta(milliseconds=number * 7919)
        seen = {BEFORE.path: "DELETED", CREATED_AT.path: at}
        message = f"version {version + 1} was written at {instants.iso(at)}"
        who = subject(item * 6_700_417, version_id=version + 1, exact=True)
        return found(rule, who, Verdict.FAIL, gate, message, **seen)

    page = written(run_of([(rule, [finding(n) for n in range(20_000)])], gate, Coverage(1_000)), "html")
    data = json.loads(re.search(r'id="data">(.*?)</script>', page, re.DOTALL)[1])
    assert (data["total"], data["rows"], data["ids"]["n"]) == (20_000, 20_000, 1_000)
    # so that 100,000 of them are less than 5 MB with everything else
    assert len(json.dumps(data)) / 20_000 < 44
