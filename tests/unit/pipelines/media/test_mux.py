"""The mp4 that leaves the service: its tracks, lengths, colours, layout and reproducibility."""

from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.media.facts import ClipError, probe
from pipelines.media.mux import Encoding, Samples, write_clip
from pipelines.media.stills import Video


def moving(num_frames: int, height: int = 32, width: int = 48) -> Video:
    """A bright column that wanders over a gradient."""
    video = np.zeros((num_frames, height, width, 3), np.uint8)
    video[..., 0] = np.linspace(0, 200, width, dtype=np.uint8)
    for index in range(num_frames):
        video[index, :, (3 * index) % width] = 255
    return video


def tone(seconds: float, sample_rate: int, channels: int = 1) -> Samples:
    times = np.arange(round(seconds * sample_rate)) / sample_rate
    wave = 0.3 * np.sin(2 * np.pi * 440 * times)
    return np.repeat(wave[None], channels, axis=0).astype(np.float32)


def flat(rgb: tuple[int, int, int], num_frames: int = 3) -> Video:
    return np.full((num_frames, 32, 48, 3), rgb, np.uint8)


def boxes(path: Path) -> list[str]:
    """The names of the file's outermost boxes, in order."""
    blob, names, at = path.read_bytes(), [], 0
    while at < len(blob):
        size = int.from_bytes(blob[at : at + 4], "big")
        names.append(blob[at + 4 : at + 8].decode("ascii"))
        at += size if size > 1 else int.from_bytes(blob[at + 8 : at + 16], "big")
    return names


def decoded_sound(path: Path) -> Samples:
    with av.open(str(path)) as container:
        parts = [frame.to_ndarray() for frame in container.decode(audio=0)]
    return np.concatenate(parts, axis=1)


def test_clip_has_both_tracks_and_their_facts(tmp_path: Path) -> None:
    path = tmp_path / "clip.mp4"
    count = write_clip(path, moving(25), 24, tone(25 / 24, 24_000, 2), 24_000)
    facts = probe(path)
    assert count == facts.num_frames == 25
    assert (facts.width, facts.height, facts.fps) == (48, 32, 24)
    assert (facts.video_codec, facts.audio_codec) == ("h264", "aac")
    assert (facts.audio_channels, facts.sample_rate) == (2, 24_000)
    assert facts.size_bytes == path.stat().st_size


def test_every_frame_comes_back_in_order(tmp_path: Path) -> None:
    path = tmp_path / "clip.mp4"
    levels = [20, 60, 100, 140, 180, 220, 160, 90]
    write_clip(path, np.concatenate([flat((v, v, v), 1) for v in levels]), 8)
    with av.open(str(path)) as container:
        seen = [frame.to_ndarray(format="rgb24").mean() for frame in container.decode(video=0)]
    assert seen == pytest.approx(levels, abs=3)


def test_silent_clip_has_no_audio_track(tmp_path: Path) -> None:
    path = tmp_path / "clip.mp4"
    write_clip(path, moving(9), 16)
    facts = probe(path)
    assert not facts.has_audio
    assert facts.audio_duration_s == 0
    with av.open(str(path)) as container:
        assert [stream.type for stream in container.streams] == ["video"]


@pytest.mark.parametrize("sound", [None, tone(2, 16_000)])
def test_index_comes_before_the_media(tmp_path: Path, sound: Samples | None) -> None:
    path = tmp_path / "clip.mp4"
    write_clip(path, moving(17), 8, sound, None if sound is None else 16_000)
    names = boxes(path)
    assert names[0] == "ftyp"
    assert names.index("moov") < names.index("mdat")


@settings(max_examples=25, deadline=None)
@given(
    num_frames=st.integers(1, 30),
    fps=st.sampled_from([1, 8, 15, 16, 24, 25, 30, 60]),
    sample_rate=st.sampled_from([16_000, 24_000, 44_100, 48_000]),
    channels=st.integers(1, 2),
    sound_factor=st.sampled_from([0.0, 0.3, 1.0, 2.5]),
)
def test_sound_and_picture_end_together(
    tmp_path_factory: pytest.TempPathFactory,
    num_frames: int,
    fps: int,
    sample_rate: int,
    channels: int,
    sound_factor: float,
) -> None:
    path = tmp_path_factory.mktemp("lengths") / "clip.mp4"
    sound = tone(sound_factor * num_frames / fps, sample_rate, channels)
    write_clip(path, moving(num_frames), fps, sound, sample_rate)
    facts = probe(path)
    assert facts.duration_s == pytest.approx(num_frames / fps, abs=1e-3)
    assert facts.audio_duration_s == pytest.approx(facts.duration_s, abs=1 / fps)
    assert facts.audio_duration_s == pytest.approx(facts.duration_s, abs=2e-3)


def test_short_sound_is_followed_by_silence_and_keeps_its_place(tmp_path: Path) -> None:
    path = tmp_path / "clip.mp4"
    rate = 16_000
    sound = np.concatenate([np.zeros((1, rate // 2), np.float32), tone(0.5, rate)], axis=1)
    write_clip(path, moving(16), 8, sound, rate)
    heard = decoded_sound(path)[0]
    loud = [
        np.abs(heard[int(a * rate) : int(b * rate)]).mean() for a, b in [(0.1, 0.4), (0.6, 0.9)]
    ]
    assert loud[0] < 0.01
    assert loud[1] == pytest.approx(0.3 * 2 / np.pi, rel=0.15)
    assert np.abs(heard[int(1.2 * rate) : 2 * rate]).mean() < 0.01


def test_wild_sound_is_tamed(tmp_path: Path) -> None:
    path = tmp_path / "clip.mp4"
    sound = tone(1, 16_000, 2)
    sound[0, :50], sound[1, 60:90], sound[0, 100:200] = np.nan, np.inf, 1e9
    write_clip(path, moving(8), 8, sound, 16_000)
    heard = decoded_sound(path)
    assert np.isfinite(heard).all()
    assert np.abs(heard).max() < 2.5


@pytest.mark.parametrize("rgb", [(220, 30, 30), (30, 200, 60), (40, 60, 220), (128, 128, 128)])
def test_colours_are_bt709_and_say_so(tmp_path: Path, rgb: tuple[int, int, int]) -> None:
    path = tmp_path / "clip.mp4"
    write_clip(path, flat(rgb), 8, encoding=Encoding(crf=1))
    with av.open(str(path)) as container:
        codec = container.streams.video[0].codec_context
        tags = (codec.color_primaries, codec.color_trc, codec.colorspace, codec.color_range)
        planes = next(container.decode(video=0)).to_ndarray(format="yuv420p")
    assert tags == (1, 1, 1, 1)
    red, green, blue = (value / 255 for value in rgb)
    luma = 0.2126 * red + 0.7152 * green + 0.0722 * blue
    assert planes[0, 0] == pytest.approx(16 + 219 * luma, abs=2)
    assert planes[32, 0] == pytest.approx(128 + 224 * (blue - luma) / 1.8556, abs=2)
    assert planes[40, 0] == pytest.approx(128 + 224 * (red - luma) / 1.5748, abs=2)


def test_odd_sizes_grow_by_their_edge(tmp_path: Path) -> None:
    path = tmp_path / "clip.mp4"
    write_clip(path, np.full((2, 31, 47, 3), 200, np.uint8), 8)
    facts = probe(path)
    assert (facts.width, facts.height) == (48, 32)
    with av.open(str(path)) as container:
        frame = next(container.decode(video=0)).to_ndarray(format="rgb24")
    assert frame.min() > 190


def test_leftovers_in_memory_do_not_change_the_bytes(tmp_path: Path) -> None:
    """The encoder must not read memory that nobody set, which an allocator hands out used."""
    noise = np.random.default_rng(0).integers(0, 255, (17, 96, 96, 3)).astype(float)
    for axis in (1, 2):
        noise = sum(np.roll(noise, shift, axis) for shift in range(-4, 5)) / 9
    video, path, blobs = noise.astype(np.uint8), tmp_path / "clip.mp4", set()
    for value in (0, 1, 77, 128, 200, 255):
        leftovers = [np.full(997 * size, value, np.uint8) for size in range(1, 300)]
        del leftovers
        write_clip(path, video, 16)
        blobs.add(path.read_bytes())
    assert len(blobs) == 1


def test_same_input_gives_the_same_bytes(tmp_path: Path) -> None:
    paths = [tmp_path / name for name in ("one.mp4", "two.mp4")]
    for path in paths:
        write_clip(path, moving(20), 24, tone(1, 24_000), 24_000)
    assert paths[0].read_bytes() == paths[1].read_bytes()


def test_file_carries_no_dates_and_no_muxer_version(tmp_path: Path) -> None:
    path = tmp_path / "clip.mp4"
    write_clip(path, moving(4), 8)
    with av.open(str(path)) as container:
        assert not {"creation_time", "encoder"} & container.metadata.keys()
    assert b"Lavf" not in path.read_bytes()


def test_keyframes_come_often_enough_to_seek(tmp_path: Path) -> None:
    path = tmp_path / "clip.mp4"
    write_clip(path, moving(50), 8, encoding=Encoding(keyframe_every_s=2))
    with av.open(str(path)) as container:
        keys = [packet.pts for packet in container.demux(video=0) if packet.is_keyframe]
        step = container.streams.video[0].duration / 50
    gaps = np.diff(keys) / float(step)
    assert len(keys) >= 4
    assert gaps.max() <= 16


def test_frames_may_come_from_a_generator_and_need_not_be_contiguous(tmp_path: Path) -> None:
    whole, streamed = tmp_path / "whole.mp4", tmp_path / "streamed.mp4"
    video = moving(12)
    planar = np.ascontiguousarray(video.transpose(0, 3, 1, 2)).transpose(0, 2, 3, 1)
    write_clip(whole, video, 8, tone(1.5, 16_000), 16_000)
    assert write_clip(streamed, (frame for frame in planar), 8, tone(1.5, 16_000), 16_000) == 12
    assert streamed.read_bytes() == whole.read_bytes()


@pytest.mark.parametrize(
    ("video", "fps", "sound", "rate"),
    [
        (moving(0), 8, None, None),
        (moving(2), 0, None, None),
        (moving(2).astype(np.float32), 8, None, None),
        (moving(2)[..., :1], 8, None, None),
        ([moving(1)[0], moving(1, 64, 64)[0]], 8, None, None),
        (moving(2), 8, tone(1, 16_000), 12_345),
        (moving(2), 8, tone(1, 16_000), None),
        (moving(2), 8, tone(1, 16_000)[0], 16_000),
        (moving(2), 8, tone(1, 16_000, 3), 16_000),
    ],
)
def test_wrong_input_is_refused_and_leaves_no_file(
    tmp_path: Path, video: Video, fps: int, sound: Samples | None, rate: int | None
) -> None:
    path = tmp_path / "clip.mp4"
    with pytest.raises(ValueError, match=r"."):
        write_clip(path, video, fps, sound, rate)
    assert not path.exists()


@pytest.mark.parametrize("content", [b"", b"no clip", b"\x00\x00\x00\x18ftypisom" + b"\x00" * 40])
def test_probe_names_what_is_no_clip(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "clip.mp4"
    path.write_bytes(content)
    with pytest.raises(ClipError, match=r"clip\.mp4"):
        probe(path)
