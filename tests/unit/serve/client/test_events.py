"""Server-sent events as they come over the wire."""

from serve.client.events import HEARTBEAT, read_events
from serve.client.video import Sight, read_video


def test_reads_events_and_leaves_out_the_rest() -> None:
    lines = [
        "retry: 2000",
        "",
        ": heartbeat",
        "",
        "event: progress",
        "id: in_progress-denoise-3",
        'data: {"step": 3}',
        "",
        'data:{"a":',
        "data: 1}",
        "",
        "event: broken",
        "data: {",
        "",
        "event: list",
        "data: [1]",
        "",
        "event: unfinished",
        'data: {"never": "ended"}',
    ]
    assert list(read_events(lines)) == [
        (HEARTBEAT, {}),
        ("progress", {"step": 3}),
        ("message", {"a": 1}),
    ]


def test_events_move_a_sight_on() -> None:
    waiting = Sight(status="queued", steps=12)
    second = waiting.after("status", {"status": "queued", "queue_position": 1, "eta_seconds": 9.5})
    assert (second.queue_position, second.eta_s) == (1, 9.5)
    running = second.after("progress", {"phase": "denoise", "step": 4, "steps": 12})
    assert (running.status, running.phase, running.step) == ("in_progress", "denoise", 4)
    assert running.after("something_new", {"x": 1}) == running
    assert not running.ended
    assert running.after("done", {"status": "cancelled"}).ended


def test_states_that_the_client_does_not_know_are_ends() -> None:
    assert Sight(status="expired").ended
    assert Sight(status="of_another_version").ended


def test_reads_a_video_of_any_age() -> None:
    video = read_video({"id": "v", "status": "completed"})
    assert (video.error, video.timings, video.poll_after_s) == (None, {}, 1.0)
    assert read_video({"id": "v", "status": "queued"}, "50").poll_after_s == 0.2
    assert read_video({"id": "v", "status": "queued"}, "600000").poll_after_s == 10.0
    assert read_video({"id": "v", "status": "queued"}, "soon").poll_after_s == 1.0
    failed = read_video({"id": "v", "status": "failed", "error": {"code": "c", "message": "m"}})
    assert failed.error == "m"
