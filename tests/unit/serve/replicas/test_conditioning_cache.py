"""The cache of conditioning keeps what is asked for, within its bytes."""

from serve.replicas.conditioning_cache import ConditioningCache


def test_what_was_put_is_found_under_its_key_alone() -> None:
    cache = ConditioningCache(10)
    cache.put("a", b"one")
    assert cache.get("a") == b"one"
    assert cache.get("b") is None


def test_the_one_that_was_not_asked_for_the_longest_goes_first() -> None:
    cache = ConditioningCache(9)
    for key in "abc":
        cache.put(key, key.encode() * 3)
    cache.get("a")
    cache.put("d", b"ddd")
    assert [key for key in "abcd" if cache.get(key)] == ["a", "c", "d"]


def test_as_many_go_as_are_in_the_way() -> None:
    cache = ConditioningCache(9)
    for key in "abc":
        cache.put(key, key.encode() * 3)
    cache.put("d", b"d" * 5)
    assert [key for key in "abcd" if cache.get(key)] == ["c", "d"]


def test_putting_a_key_again_does_not_count_it_twice() -> None:
    cache = ConditioningCache(6)
    cache.put("a", b"aaa")
    for _ in range(3):
        cache.put("b", b"bbb")
    assert cache.get("a") == b"aaa"


def test_what_is_larger_than_all_of_it_is_not_kept_and_drives_nothing_out() -> None:
    cache = ConditioningCache(3)
    cache.put("a", b"aaa")
    cache.put("b", b"bbbb")
    assert cache.get("a") == b"aaa"
    assert cache.get("b") is None


def test_a_cache_of_no_bytes_keeps_nothing() -> None:
    cache = ConditioningCache(0)
    cache.put("a", b"a")
    assert cache.get("a") is None
