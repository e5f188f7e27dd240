"""What mistakes in the settings are told: where they stand, and what would be right."""

from pathlib import Path

import pytest

from serve.settings import SettingsError, load


@pytest.fixture
def config(tmp_path: Path) -> Path:
    return tmp_path / "filmgate.yaml"


def complaint(config: Path | None = None) -> str:
    with pytest.raises(SettingsError) as refused:
        load(config)
    return str(refused.value)


@pytest.mark.parametrize(
    ("variable", "says"),
    [
        (
            "FILMGATE_HTTP__PROT",
            "unknown variable FILMGATE_HTTP__PROT: did you mean FILMGATE_HTTP__PORT?",
        ),
        ("FILMGATE_PORT", "unknown variable FILMGATE_PORT: did you mean FILMGATE_HTTP__PORT?"),
        (
            "FILMGATE_HTTP_PORT",
            "unknown variable FILMGATE_HTTP_PORT: did you mean FILMGATE_HTTP__PORT?",
        ),
        (
            "FILMGATE_DATADIR",
            "unknown variable FILMGATE_DATADIR: did you mean FILMGATE_DATA_DIR?",
        ),
        ("FILMGATE_ZZZZZZ", "unknown variable FILMGATE_ZZZZZZ"),
        (
            "FILMGATE_MODELS__0__NAME",
            "FILMGATE_MODELS__0__NAME: FILMGATE_MODELS takes one value; a list is given as JSON",
        ),
    ],
)
def test_an_unknown_variable_is_told_the_nearest_right_one(
    variable: str, says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, "1")
    assert complaint() == says


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("http: {prot: 1}", "unknown key http.prot in {file}: did you mean `http.port`?"),
        ("port: 1", "unknown key port in {file}: did you mean `http.port`?"),
        ("htpp: {port: 1}", "unknown key htpp in {file}: did you mean `http`?"),
        (
            "models: [{name: a, checkpont: b}]",
            "unknown key models[0].checkpont in {file}: did you mean `models.checkpoint`?",
        ),
        (
            "models: [{name: a, encoder: {thread: 1}}]",
            "unknown key models[0].encoder.thread in {file}: "
            "did you mean `models.encoder.threads`?",
        ),
        (
            "limits: {new: {jobs_wating: 1}}",
            "unknown key limits.new.jobs_wating in {file}: did you mean `limits.jobs_waiting`?",
        ),
        ("qqqq: 1", "unknown key qqqq in {file}"),
    ],
)
def test_an_unknown_key_is_told_the_nearest_right_one(text: str, says: str, config: Path) -> None:
    config.write_text(text)
    assert complaint(config) == says.format(file=config)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("http: {port: 70000}", "http.port in {file}: input should be less than or equal to 65535"),
        ("http: {port: abc}", "http.port in {file}: input should be a valid integer"),
        ("models: [{name: a}, {name: a}]", "models in {file}: the model a is there more than once"),
        ("models: []", "models in {file}: at least one model is needed"),
        ("models: [{name: a b}]", "models[0].name in {file}: string should match pattern"),
        ("models: [{name: a, sizes: [wide]}]", "models[0].sizes[0] in {file}: string should match"),
        (
            "models: [{name: a, dtype: int4}]",
            "models[0].dtype in {file}: input should be 'float32'",
        ),
        ("models: [{checkpoint: a}]", "models[0].name in {file}: field required"),
        ("tiers: [free, free]", "tiers in {file}: the tier free is there more than once"),
        ("database: {url: 'mysql://h/d'}", "database.url in {file}: it must begin with sqlite+aio"),
        ("artifacts: {url: 'gs://b'}", "artifacts.url in {file}: string should match pattern"),
        ("artifacts: {access_key_id: a}", "artifacts in {file}: give access_key_id and secret"),
        ("tiers: [free, paid]", "{file}: local_tier is 'pro', and tiers has free, paid only"),
        ("limits: {nwe: {}}", "{file}: limits has nwe, and tiers has new, free, plus,"),
        ("limits: {new: {jobs_waiting: 0}}", "limits.new.jobs_waiting in {file}: input should be"),
        (
            "limits: {new: {models: [wan]}}",
            "{file}: limits.new.models has wan, and models has filmgate-tiny only",
        ),
        ("accounts: {new_tier: gold}", "{file}: accounts.new_tier is 'gold', and tiers has new,"),
        (
            "accounts: {promoted_to: gold}",
            "{file}: accounts.promoted_to is 'gold', and tiers has new,",
        ),
        (
            "accounts: {new_tier: plus, promoted_to: free}",
            "{file}: accounts.promoted_to is 'free', which is below 'plus'",
        ),
        ("currency: euro", "currency in {file}: string should match pattern"),
        ("lease: {timeout_s: 1}", "lease in {file}: timeout_s must be longer than period_s"),
        ("http: 8000", "http in {file}: input should be a valid dictionary"),
    ],
)
def test_a_bad_value_is_one_clear_line(text: str, says: str, config: Path) -> None:
    config.write_text(text)
    line = complaint(config)
    assert line.startswith(says.format(file=config))
    assert "\n" not in line


def test_each_mistake_has_its_own_line(config: Path) -> None:
    config.write_text("http: {port: 0, gateways: 0}\n")
    assert [line.split(" in ")[0] for line in complaint(config).splitlines()] == [
        "http.port",
        "http.gateways",
    ]


def test_a_bad_value_is_traced_to_its_variable(
    config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config.write_text("http: {gateways: 2}\n")
    monkeypatch.setenv("FILMGATE_HTTP__PORT", "many")
    assert complaint(config).startswith("FILMGATE_HTTP__PORT: input should be a valid integer")
    monkeypatch.delenv("FILMGATE_HTTP__PORT")
    monkeypatch.setenv("FILMGATE_MODELS", '[{"name": "a", "dtype": "int4"}]')
    assert complaint(config).startswith("FILMGATE_MODELS, models[0].dtype: input should be")
    monkeypatch.setenv("FILMGATE_MODELS", "[{")
    assert "FILMGATE_MODELS" in complaint(config)
    assert "JSON" in complaint(config)


def test_complaints_do_not_quote_secrets(config: Path) -> None:
    config.write_text(
        "database: {url: 'mysql://film:hush@host/db'}\n"
        "artifacts: {secret_access_key: hush, access_key_id: [1]}\n"
    )
    assert "hush" not in complaint(config)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("http: {port: 1", "{file}, line 1, column 15: "),
        ("http:\n  port: 1\n  port: 2\n", "{file}, line 3, column 3: `port` is there twice"),
        ("- a\n- b\n", "{file}: expected keys with values"),
        ("just words", "{file}: expected keys with values"),
        ("data_dir: !!python/object:os.system x", "{file}, line 1, column 11: could not determine"),
        ("{1: 2}", "{file}, line 1, column 2: a key must be a word"),
        ("? [a, b]\n: 1\n", "{file}, line 1, column 3: a key must be a word"),
    ],
)
def test_broken_yaml_says_where(text: str, says: str, config: Path) -> None:
    config.write_text(text)
    assert complaint(config).startswith(says.format(file=config))


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    assert complaint(tmp_path / "none.yaml").startswith("cannot read the settings file")
    assert complaint(tmp_path).startswith("cannot read the settings file")
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00\x80")
    assert str(tmp_path / "binary") in complaint(tmp_path / "binary")


@pytest.mark.parametrize(
    ("model", "says"),
    [
        ("attention: flash", "attention: flash needs a GPU: give the denoiser num_gpus, or use"),
        (
            "offload: group, denoiser: {num_gpus: 1}, decoder: {num_gpus: 0.5}",
            "offload: group moves weights to a GPU: give num_gpus to encoder, or use offload: none",
        ),
        (
            "offload: model, encoder: {num_gpus: 1}, denoiser: {num_gpus: 1}, "
            "decoder: {num_gpus: 1}, gangs: [{tp: 2}, {}]",
            "offload: model is for gangs of one rank, and gangs has tp2: more tp makes",
        ),
        (
            "denoiser: {num_gpus: 0.5}, gangs: [{cfg: 2}, {}]",
            "denoiser.num_gpus is 0.5, and gangs has cfg2: each rank of a gang needs a GPU of its "
            "own, so set it to 1",
        ),
    ],
)
def test_what_needs_a_gpu_is_refused_without(model: str, says: str, config: Path) -> None:
    config.write_text(f"models: [{{name: a, {model}}}]")
    line = complaint(config)
    assert line.startswith("models[0] in ")
    assert says in line


@pytest.mark.parametrize(
    ("resources", "says"),
    [
        ("{GPU: 1}", "the resource GPU is Ray's own: use num_cpus or num_gpus, or another name"),
        ("{gang: 0}", "gang is 0: a resource is a number above 0"),
    ],
)
def test_custom_resources_are_some_of_ones_own(resources: str, says: str, config: Path) -> None:
    config.write_text(f"models: [{{name: a, denoiser: {{resources: {resources}}}}}]")
    assert says in complaint(config)


@pytest.mark.parametrize(("num_gpus", "gang"), [(0, "{tp: 2}"), (0.5, "{}"), (1, "{tp: 2}")])
def test_only_a_rank_alone_may_share_its_gpu(num_gpus: float, gang: str, config: Path) -> None:
    config.write_text(f"models: [{{name: a, denoiser: {{num_gpus: {num_gpus}}}, gangs: [{gang}]}}]")
    assert load(config).models[0].denoiser.num_gpus == num_gpus
