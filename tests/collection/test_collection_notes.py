"""Notes that say the same of many targets are one."""

from __future__ import annotations

from checker.collection.collection_notes import fold_notes

ASKED = "asked at http://127.0.0.1:5000, which was configured in place of AWS's own endpoint."


def test_what_is_said_alike_of_many_targets_is_said_once_with_their_number():
    notes = [f"all/{number:012}: {ASKED}" for number in range(38)]
    assert fold_notes(notes) == (
        f"38 targets: {ASKED[:-1]} (all/000000000000, all/000000000001, all/000000000002 and 35 more).",
    )


def test_texts_that_differ_in_ids_alone_are_of_one_kind():
    notes = [f"all/{number:032}: the data store {number:032} is CREATING." for number in range(5)]
    (only,) = fold_notes(notes)
    assert only.startswith("5 targets: the data store … is CREATING (all/")


def test_few_targets_and_other_notes_stand_as_they_are():
    notes = [*(f"t{number}: {ASKED}" for number in range(3)), "The run was resumed.", "t1: another thing."]
    assert fold_notes(notes) == tuple(notes)


def test_a_note_stands_where_the_first_of_its_kind_did_and_none_twice():
    notes = ["first", *(f"t{number}: {ASKED}" for number in range(4)), "last", "first"]
    assert [item.partition(" ")[0] for item in fold_notes(notes)] == ["first", "4", "last"]
