from __future__ import annotations

from recorder.diagnose.tally import Listing, Tally, remember


def test_texts_are_counted_with_the_record_they_were_first_seen_with() -> None:
    tally = Tally()
    for seq, text in enumerate(["a", "b", "b"], 7):
        tally.add(text, seq)

    assert (tally.total, tally.first) == (3, 7)
    assert str(tally) == "b (2, from record 8 on); a (record 7)"
    assert tally.texts == "a; b"


def test_five_texts_are_shown_and_the_others_counted() -> None:
    tally = Tally()
    for seq in range(1000):
        tally.add(f"t{seq % 300}", seq)

    assert str(tally).endswith("t4 (4, from record 4 on); and 980 more")
    assert str(tally).count(";") == 5
    assert tally.texts == "t0; t1; t2; t3; t4; and 45 more"


def test_a_text_that_was_taken_back_does_not_count() -> None:
    tally = Tally()
    tally.add("a", 1)
    tally.add("b", 2)
    tally.add("b", 3)
    tally.drop("a")
    tally.drop("b")

    assert (tally.total, str(tally)) == (1, "b (record 2)")


def test_a_list_shows_its_first_items_and_counts_the_others() -> None:
    listing: Listing[int] = Listing()
    for number in range(10_000):
        listing.add(number)
    listing.drop(9_999)

    assert listing.items == list(range(20))
    assert list(listing.rest("kind")) == [("kind", "all", "and 9979 times more")]


def test_a_list_forgets_the_last_item() -> None:
    listing: Listing[str] = Listing()
    listing.add("a")
    listing.drop("a")

    assert listing.items == []
    assert list(listing.rest("kind")) == []


def test_the_oldest_names_are_forgotten() -> None:
    names: dict[str, None] = {}
    for number in range(10_001):
        remember(names, str(number))

    assert len(names) == 10_000
    assert "0" not in names
