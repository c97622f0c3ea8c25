"""Each chapter's computation and its second statement give the same numbers; nothing is timed here."""

import pytest
from common import SLUGS
from methods import ENTRIES

from labelbook import chapters, vectors


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: f"{entry.slug}-{entry.name}")
def test_the_same_numbers(entry):
    ours, theirs = entry.make(chapters.load(entry.slug))
    assert vectors.difference(ours(), theirs(), atol=1e-8) is None  # derivatives of a mean are small numbers


def test_a_changed_method_is_noticed():
    """The comparison has teeth: the shares of a wider window are other numbers."""
    (entry,) = [entry for entry in ENTRIES if entry.name == "neighbours"]
    nacl = chapters.load("nacl")

    class Wider:
        def neighbor_proportions(self, labels, num_classes):
            return nacl.neighbor_proportions(labels, num_classes, kernel_size=5)

    ours, theirs = entry.make(Wider())
    assert "numbers differ" in vectors.difference(ours(), theirs())


def test_entries_belong_to_written_chapters():
    assert {entry.slug for entry in ENTRIES} <= set(SLUGS)
