"""What counts as the database's fault."""

import pytest
from sqlalchemy.exc import IntegrityError, OperationalError

from serve.jobs.database import Faults


@pytest.mark.parametrize(
    ("error", "count"),
    [
        (OperationalError("select", None, Exception("gone")), 1),
        (ConnectionRefusedError(), 1),
        (IntegrityError("insert", None, Exception("there already")), 0),
        (KeyError("ours"), 0),
    ],
)
def test_only_what_the_database_could_not_do(error: Exception, count: int) -> None:
    faults = Faults()
    with pytest.raises(type(error)), faults.noted():
        raise error
    assert faults.count == count
