"""Rules: parsed, named by the book, and each alert with a runbook entry that helps."""

import re
import subprocess
from pathlib import Path

import promql_parser
import pytest
from sqlalchemy import Double, Integer, create_engine, insert, text

from k8s.alerts.files import GROUPS, RuleFiles
from k8s.alerts.recordings import recordings
from k8s.alerts.rule import IN_PRODUCTION, Alert, Pace
from k8s.alerts.service import service
from k8s.dashboards.boards import BOARDS
from k8s.promql import CLUSTER, grown
from serve.jobs.job import Status
from serve.jobs.tables import METADATA, jobs
from serve.telemetry.catalogue import CATALOGUE

RUNBOOKS = Path(__file__).parents[4] / "docs" / "runbooks.md"
WAITING = "FilmgateGpusIdleWhileJobsWait"
PARTS = ("**It means**", "**Look first**", "**Do**")
NAMES = re.compile(r"\bfilmgate_\w+")
KNOWN = {metric.name for metric in CATALOGUE}
ALERTS = RuleFiles().alerts()
alerts = pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: alert.name)


def entries() -> dict[str, str]:
    """The entries of alerts among the runbooks, by heading."""
    sections = re.split(r"^### ", RUNBOOKS.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]
    found = (section.partition("\n") for section in sections)
    return {heading.strip(): text for heading, _, text in found}


def test_every_alert_has_its_entry_and_every_entry_its_alert() -> None:
    assert set(entries()) == {alert.full_name for alert in ALERTS}


@alerts
def test_an_entry_says_what_it_means_where_to_look_and_what_to_do(alert: Alert) -> None:
    entry = entries()[alert.full_name]
    assert [part for part in PARTS if part not in entry] == []


def test_runbooks_send_nobody_to_a_panel_that_is_not_there() -> None:
    text = re.sub(r"^    .*$", "", RUNBOOKS.read_text(encoding="utf-8"), flags=re.MULTILINE)
    text = text.replace("**", "")
    named = {" ".join(name.split()) for name in re.findall(r"\*([^*]+)\*", text)}
    shown = {board.title for board in BOARDS} | {
        panel.title for board in BOARDS for panel in board.panels
    }
    assert len(named) > 10
    assert named - shown == set()


def test_a_query_of_the_runbooks_tells_whose_jobs_wait() -> None:
    """`filmgate list` shows the caller's own jobs; whoever was woken has none."""
    (query,) = re.findall(r"^    (SELECT .*?;)$", entries()[WAITING], re.DOTALL | re.MULTILINE)
    engine = create_engine("sqlite://")
    METADATA.create_all(engine)
    job = {c.name: 0 if isinstance(c.type, Integer | Double) else "x" for c in jobs.c}
    queued = {**job, "status": Status.QUEUED, "promised_by": None, "account_id": "ann", "id": "a"}
    rows = [{**queued, "jobs_at_once": 2}, {**queued, "jobs_at_once": 2, "id": "b"}]
    rows += [{**queued, "id": "deferred", "promised_by": 9.0, "released_at": None}]
    with engine.begin() as connection:
        connection.execute(insert(jobs), [*rows, {**job, "status": Status.COMPLETED}])
        assert connection.execute(text(query)).all() == [("ann", "x", "queued", 2, 2, 0.0)]


def test_every_reason_for_which_jobs_fail_has_its_advice() -> None:
    """Those that docs/api.md tells users of."""
    told = (RUNBOOKS.parent / "api.md").read_text(encoding="utf-8").partition("Why a job fails:")[2]
    reasons = re.findall(r"^\| `(\w+)` \|", told.partition("\n## ")[0], re.MULTILINE)
    assert len(reasons) > 5
    assert re.findall(r"^- `(\w+)`: ", entries()["FilmgateJobsFail"], re.MULTILINE) == reasons


def test_its_command_finds_the_schedulers_process_and_no_other(tmp_path: Path) -> None:
    """Among the names that Ray gives its processes; nothing is killed here."""
    (command,) = re.findall(r"bash -c '(.+?)'", entries()[WAITING], re.DOTALL)
    begun = ("bash\0-c\0" + command, *(f"ray::ServeReplica:filmgate:{n}" for n in "SDG"))
    for pid, title in enumerate((*begun, "ray::ServeReplica:filmgate:Scheduler.post"), start=10):
        (tmp_path / str(pid)).mkdir()
        (tmp_path / str(pid) / "cmdline").write_text(title + "\0", encoding="utf-8")
    script = command.replace("/proc/", "").replace("-d / -f 3", "-d / -f 1")
    script = script.replace("kill", "echo kill")
    ran = subprocess.run(["bash", "-c", script], cwd=tmp_path, capture_output=True, check=True)
    assert ran.stdout.split() == [b"kill", b"-9", b"14"]


@alerts
def test_an_alert_asks_for_what_is_measured_and_names_the_cluster(alert: Alert) -> None:
    promql_parser.parse(alert.expression)
    assert {name for name in NAMES.findall(alert.expression) if name in KNOWN} or (
        ":filmgate_" in alert.expression or "ray_node" in alert.expression
    )
    assert CLUSTER in alert.expression
    assert alert.summary
    assert alert.description


def test_recorded_names_say_which_labels_are_left() -> None:
    for rule in recordings(IN_PRODUCTION):
        level, metric, operation = rule.name.split(":")
        assert metric.startswith("filmgate_")
        assert operation
        assert f"by ({', '.join(level.split('_'))}" in rule.expression
        promql_parser.parse(rule.expression)


def test_rules_are_the_same_in_both_files() -> None:
    files = RuleFiles()
    assert files.manifest()["spec"] == files.groups()
    assert len(files.groups()["groups"]) == len(GROUPS)


def test_a_faster_pace_shortens_every_time() -> None:
    slow, fast = Pace(), Pace(times_faster=100)
    assert (slow(3600), slow(900), slow(30)) == ("1h", "15m", "30s")
    assert (fast(900), fast(30), fast(0.001)) == ("9s", "300ms", "1ms")
    assert "offset 9s" in grown("c", fast(900))
    assert [rule.name for rule in service(slow)] == [rule.name for rule in service(fast)]


def test_links_lead_where_the_runbooks_can_be_read() -> None:
    rules = RuleFiles(runbooks="https://wiki.example/runbooks").groups()["groups"][-1]["rules"]
    assert rules[0]["annotations"]["runbook_url"] == (
        "https://wiki.example/runbooks#filmgateschedulerabsent"
    )
