"""What an API key looks like: `fg_<environment>_<id>_<secret>_<checksum>`. Pure but for chance.

The secret has 256 random bits, so a plain SHA-256 is enough to store it by; slow hashes are for
passwords. The checksum lets a mistyped key be refused unseen, and secret scanners find real ones.
"""

import hashlib
import hmac
import re
import secrets
import zlib
from dataclasses import dataclass

_SHAPE = re.compile(r"fg_([a-z]{1,12})_([0-9a-f]{12})_([0-9a-f]{64})_([0-9a-f]{8})", re.ASCII)


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key that was just made: `plain` is shown once and forgotten."""

    id: str
    prefix: str
    plain: str
    digest: str


def make_key(environment: str) -> NewKey:
    """A fresh key; `environment` is a short lower-case word such as `live` or `test`."""
    key_id = secrets.token_hex(6)
    prefix = f"fg_{environment}_{key_id}"
    body = f"{prefix}_{secrets.token_hex(32)}"
    plain = f"{body}_{_checksum(body)}"
    if _SHAPE.fullmatch(plain) is None:
        raise ValueError(f"`{environment}` is not 1 to 12 lower-case letters")
    return NewKey(id=key_id, prefix=prefix, plain=plain, digest=digest_of(plain))


def key_id_of(plain: str) -> str | None:
    """The id inside a well-formed key with the right checksum, else None."""
    shape = _SHAPE.fullmatch(plain)
    if shape is None:
        return None
    body, _, checksum = plain.rpartition("_")
    return shape[2] if hmac.compare_digest(checksum, _checksum(body)) else None


def digest_of(plain: str) -> str:
    """The SHA-256 that is stored instead of a key."""
    return hashlib.sha256(plain.encode()).hexdigest()


def matches(plain: str, digest: str) -> bool:
    """Whether this is the key that `digest` was made from; takes the same time either way."""
    return hmac.compare_digest(digest_of(plain), digest)


def _checksum(body: str) -> str:
    return f"{zlib.crc32(body.encode()):08x}"
