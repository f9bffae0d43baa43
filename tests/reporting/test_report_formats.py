"""The registry of formats: every record says what it is, and whatever it is for has a writer."""

from __future__ import annotations

import inspect
import subprocess
import sys
from typing import get_args

import pytest

from checker.reporting import FORMATS, formats, writer
from checker.reporting.formats import Document

DOCUMENTS = get_args(Document)


@pytest.mark.parametrize("name, document", [(name, one) for name in FORMATS for one in FORMATS[name].writers])
def test_each_format_has_a_writer_of_each_document_that_it_is_for(name, document):
    assert document in DOCUMENTS
    found = writer(name, document)
    assert list(inspect.signature(found.write).parameters)[1:] == ["out", "options"]
    assert (found.parts is not None) == (bool(FORMATS[name].parts) and document == "run")


def test_each_format_says_what_it_is_and_each_document_has_one():
    assert all(record.doc and record.writers for record in FORMATS.values())
    assert all("json" in formats(document) for document in DOCUMENTS)


def test_the_names_of_formats_are_known_before_a_report_is_imported():
    program = "import sys, checker.reporting as r; r.formats('run'); print(*(n for n in sys.modules if n.startswith(r.__name__)))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    modules = {name.rpartition(".")[2] for name in done.stdout.split()}
    assert modules == {"reporting", "delivery", "formats", "report_options"}
