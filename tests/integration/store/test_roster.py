"""What an operator changes of an account, and how a new one rises by itself."""

from collections.abc import Callable

from serve.accounts.account import Account
from serve.accounts.accounts import Accounts
from serve.accounts.promotion import Promotion
from serve.jobs.job import Job, Timings
from serve.jobs.sql_store import SqlJobStore
from serve.jobs.store import Fence
from serve.settings.accounts import Limits

MakeJob = Callable[..., Job]
RULE = Promotion(tier="new", to="free", after_s=100.0, after_clips=2)


async def row_of(accounts: Accounts, account_id: str) -> Account:
    account = await accounts.get_account(account_id)
    assert account is not None
    return account


async def test_changes_hold_from_the_next_request_on(accounts: Accounts) -> None:
    made = await accounts.create_account("ann", "new", 1_000.0, region="kr", invite="early-bird")
    plain, _ = await accounts.create_key(made.id, 1_001.0)
    own = Limits.model_validate({"jobs_waiting": None, "price_multiplier": 0.5})
    assert await accounts.set_tier(made.id, "team")
    assert await accounts.set_overrides(made.id, own)
    assert await accounts.set_disabled(made.id, 2_000.0)
    proved = await accounts.authenticate(plain)
    assert proved is not None
    account = proved.account
    assert (account.tier, account.region, account.invite) == ("team", "kr", "early-bird")
    assert account.disabled_at == 2_000.0
    assert account.overrides == own
    assert account.overrides.model_fields_set == {"jobs_waiting", "price_multiplier"}


async def test_changes_are_undone(accounts: Accounts) -> None:
    made = await accounts.create_account("ann", "new", 1_000.0)
    await accounts.set_overrides(made.id, Limits(jobs_waiting=3))
    await accounts.set_disabled(made.id, 2_000.0)
    await accounts.set_overrides(made.id, Limits())
    await accounts.set_disabled(made.id, None)
    assert await row_of(accounts, made.id) == made


async def test_nobody_is_changed_who_is_not_there(accounts: Accounts) -> None:
    other = await accounts.create_account("ann", "new", 1_000.0)
    assert not await accounts.set_tier("acct_none", "pro")
    assert not await accounts.set_overrides("acct_none", Limits(jobs_waiting=1))
    assert not await accounts.set_disabled("acct_none", 2_000.0)
    assert await accounts.list_accounts() == [other]


async def finish(store: SqlJobStore, job: Job) -> None:
    await store.insert(job, max_waiting=9)
    epoch = await store.take_epoch()
    started = await store.start(job.id, epoch, 1_010.0)
    assert started is not None
    fence = Fence(job_id=job.id, epoch=epoch, attempt=started.attempt)
    await store.complete(
        fence, now=1_020.0, clip_prefix="p", expires_at=9e9, timings=Timings(gpu_s=1.0)
    )


async def test_age_and_clips_together_make_a_new_account_rise(
    accounts: Accounts, store: SqlJobStore, make_job: MakeJob
) -> None:
    new = await accounts.create_account("ann", "new", 1_000.0)
    await finish(store, make_job(account_id=new.id))
    await store.insert(cancelled := make_job(account_id=new.id), max_waiting=9)
    await store.cancel(cancelled.id, new.id, 1_030.0)
    assert await accounts.promoted(new, RULE, 2_000.0) == new, "one clip is too few"
    last = make_job(account_id=new.id)
    await finish(store, last)
    assert await accounts.promoted(new, RULE, 1_099.0) == new, "too young"
    assert await accounts.promoted(new, None, 2_000.0) == new, "there is no rule"
    await store.delete(last.id, new.id, 1_050.0)
    await store.purge(last.id)
    risen = await accounts.promoted(new, RULE, 1_100.0)
    assert risen.tier == "free"
    assert await row_of(accounts, new.id) == risen


async def test_only_new_accounts_rise_by_themselves(accounts: Accounts) -> None:
    everybody = Promotion(tier="new", to="free", after_s=0.0, after_clips=0)
    plus = await accounts.create_account("ann", "plus", 1_000.0)
    assert await accounts.promoted(plus, everybody, 9_000.0) == plus
    stale = await accounts.create_account("bob", "new", 1_000.0)
    await accounts.set_tier(stale.id, "pro")
    assert (await accounts.promoted(stale, everybody, 9_000.0)).tier == "pro"
