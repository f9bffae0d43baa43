"""The bytecode of templates, which takes as long to make as a small page itself: it lies where Python has that of a module, and
under the same conditions (PYTHONDONTWRITEBYTECODE, PYTHONPYCACHEPREFIX, a folder that can be written)."""

from __future__ import annotations

import hashlib
import marshal
import sys
from contextlib import suppress
from importlib.util import cache_from_source
from pathlib import Path

import jinja2
from jinja2 import Environment
from jinja2.bccache import Bucket, BytecodeCache

from checker import temporary_files

_SETTINGS = (
    "block_start_string", "block_end_string", "variable_start_string", "variable_end_string", "comment_start_string",
    "comment_end_string", "line_statement_prefix", "line_comment_prefix", "trim_blocks", "lstrip_blocks", "newline_sequence",
    "keep_trailing_newline", "optimized", "autoescape", "sandboxed", "is_async",
)  # fmt: skip
"""What of an environment decides how a template is compiled. So would filters, and what each value goes through before it is
printed, where they are given constants; a test shows that no template has any."""


class TemplateBytecode(BytecodeCache):
    """Bytecode beside the templates, used for the same text, the same version of Jinja and the same settings alone."""

    def get_bucket(self, environment: Environment, name: str, filename: str | None, source: str) -> Bucket:
        """The bytecode of a template: its key is a path, empty where it has none."""
        del name  # a template is where its file is
        path = ""
        with suppress(NotImplementedError):  # a Python that has no bytecode
            path = cache_from_source(filename) if filename else ""
        settings = [getattr(environment, setting) for setting in _SETTINGS]
        of = hashlib.sha256(repr((jinja2.__version__, settings, source)).encode()).hexdigest()
        bucket = Bucket(environment, path, of)
        self.load_bytecode(bucket)
        return bucket

    def load_bytecode(self, bucket: Bucket) -> None:
        """Reads it, where it is there and whole."""
        with suppress(OSError, EOFError, ValueError, TypeError):
            of, _, code = Path(bucket.key).read_bytes().partition(b"\n")
            if bucket.key and of.decode() == bucket.checksum:
                bucket.code = marshal.loads(code)  # noqa: S302 - as trustworthy as the template, beside which it lies

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Writes it, where Python would; all of it, or nothing."""
        if sys.dont_write_bytecode or not bucket.key or bucket.code is None:
            return
        path = Path(bucket.key)
        draft = temporary_files.draft(path)
        with suppress(OSError):
            path.parent.mkdir(parents=True, exist_ok=True)
            draft.write_bytes(bucket.checksum.encode() + b"\n" + marshal.dumps(bucket.code))
            draft.replace(path)
        temporary_files.discard(draft)
