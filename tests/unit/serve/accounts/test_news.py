"""What is told of changed accounts, and what may be believed by it."""

from serve.accounts import news
from serve.accounts.news import AccountNews

FIRST = AccountNews(since=7, upto=7)


def test_what_did_not_change_still_holds() -> None:
    later = FIRST.with_later([("ann", 8), ("bob", 9)])
    assert later == AccountNews(since=7, upto=9, changed={"ann": 8, "bob": 9})
    assert later.still_holds("cyd", 7)
    assert later.still_holds("ann", 8)
    assert later.still_holds("ann", 7) is False
    assert later.still_holds("bob", 8) is False
    assert later.with_later([]) is later


def test_only_the_last_change_of_an_account_counts() -> None:
    later = FIRST.with_later([("ann", 8)]).with_later([("ann", 9)])
    assert later.changed == {"ann": 9}
    assert later.still_holds("ann", 8) is False
    assert later.still_holds("ann", 9)


def test_nobody_can_say_what_was_before_or_will_be() -> None:
    assert FIRST.still_holds("ann", None) is None
    assert FIRST.still_holds("ann", 6) is None
    assert FIRST.still_holds("ann", 8) is None, "as after an older database was put back"


def test_too_many_changes_leave_the_oldest_out() -> None:
    changes = [(f"acct_{number}", number) for number in range(8, 8 + news.MOST_TOLD + 3)]
    later = FIRST.with_later(changes)
    assert (later.since, later.upto, len(later.changed)) == (10, changes[-1][1], news.MOST_TOLD)
    assert later.still_holds("ann", 9) is None
    assert later.still_holds("ann", 10)
