"""Faults as the load server's command line takes them."""

from __future__ import annotations

import pytest
from load_server.__main__ import _parser


def test_a_fault_is_written_as_help_shows_it(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        _parser().parse_args(["--help"])
    shown = " ".join(capsys.readouterr().out.split())
    example = shown[shown.index("'[{") + 1 : shown.index("}]'") + 2]
    (item,) = _parser().parse_args(["--faults", example]).faults
    assert (item.action, item.times) == ("SearchImageSets", 3)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ('[{"action": "X", "code": "Y"}]', "a fault has no member code; it has action, answer, match"),
        ('[{"answer": {"code": "Y"}}]', "a fault needs an action"),
        ('[{"action": "X", "answer": {"message": "Y"}}]', 'answer is {"code": ..., "message": ...} or'),
        ('[{"action": "X", "answer": "Y"}]', 'answer is {"code": ..., "message": ...} or'),
        ('[{"action": "X", "breaks": "Y"}]', "breaks must be reset, truncate or hang"),
        ('["X"]', "'X' is no fault"),
        ('{"action": "X"}', "this is no list of faults"),
        ("[", "Expecting value"),
    ],
)
def test_what_is_no_fault_is_refused_with_the_reason(
    capsys: pytest.CaptureFixture[str], given: str, message: str
) -> None:
    with pytest.raises(SystemExit, match="2"):
        _parser().parse_args(["--faults", given])
    assert message in " ".join(capsys.readouterr().err.split())
