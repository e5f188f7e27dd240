"""Conditioning that was made before, by what it depends on; bounded in bytes."""

from collections import OrderedDict


class ConditioningCache:
    """Packed parcels in memory; the one that was not asked for the longest goes first."""

    def __init__(self, limit_bytes: int) -> None:
        self._limit = limit_bytes
        self._size = 0
        self._parcels: OrderedDict[str, bytes] = OrderedDict()

    def get(self, key: str) -> bytes | None:
        """The parcel under `key`, if it is still there."""
        parcel = self._parcels.get(key)
        if parcel is not None:
            self._parcels.move_to_end(key)
        return parcel

    def put(self, key: str, parcel: bytes) -> None:
        """Keep `parcel`; one that is larger than the whole cache is not kept."""
        if len(parcel) > self._limit:
            return
        self._size += len(parcel) - len(self._parcels.pop(key, b""))
        self._parcels[key] = parcel
        while self._size > self._limit:
            self._size -= len(self._parcels.popitem(last=False)[1])
