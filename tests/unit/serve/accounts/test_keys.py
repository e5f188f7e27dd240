"""API keys: their shape, their checksum, and what is stored of them."""

import re

import pytest

from serve.accounts.account import local_principal
from serve.accounts.keys import digest_of, key_id_of, make_key, matches


def test_a_key_has_a_prefix_an_id_a_secret_and_a_checksum() -> None:
    key = make_key("live")
    assert re.fullmatch(r"fg_live_[0-9a-f]{12}_[0-9a-f]{64}_[0-9a-f]{8}", key.plain)
    assert key.prefix == f"fg_live_{key.id}"
    assert key.plain.startswith(f"{key.prefix}_")
    assert key_id_of(key.plain) == key.id


def test_keys_differ() -> None:
    made = [make_key("live") for _ in range(50)]
    assert len({key.id for key in made}) == len({key.plain.split("_")[3] for key in made}) == 50


def test_any_mistyped_character_is_noticed() -> None:
    plain = make_key("test").plain
    for place, character in enumerate(plain):
        mistyped = plain[:place] + ("0" if character != "0" else "1") + plain[place + 1 :]
        assert key_id_of(mistyped) is None


@pytest.mark.parametrize("text", ["", "fg_", "fg_live_x_y_z", "sk-abc", "fg_live_\0", "é" * 94])
def test_other_texts_are_no_keys(text: str) -> None:
    assert key_id_of(text) is None


def test_a_line_break_after_a_key_is_not_part_of_it() -> None:
    assert key_id_of(make_key("live").plain + "\n") is None


def test_the_digest_recognises_its_key_only() -> None:
    key, other = make_key("live"), make_key("live")
    assert key.digest == digest_of(key.plain)
    assert matches(key.plain, key.digest)
    assert not matches(other.plain, key.digest)
    assert key.plain.split("_")[3] not in key.digest


@pytest.mark.parametrize("environment", ["", "Live", "li_ve", "a" * 13, "live1", "é"])
def test_the_environment_is_a_short_word(environment: str) -> None:
    with pytest.raises(ValueError, match="lower-case letters"):
        make_key(environment)


def test_the_local_principal_has_no_key() -> None:
    local = local_principal("pro")
    assert (local.account_id, local.tier, local.key_id) == ("local", "pro", None)
