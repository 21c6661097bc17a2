from __future__ import annotations

import os
import pickle
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path

import pytest
from small_pilots import with_settings

from workbench.credentials import without_secrets
from workbench.engines.build import PocketSpec, RaySpec, ServerSpec
from workbench.engines.choice import EngineChoice, engine_spec, settled
from workbench.engines.pocket import PACKAGED
from workbench.engines.ray import RaySettings
from workbench.engines.vllm import VllmSettings
from workbench.errors import InputError
from workbench.pilot import (
    EngineKind,
    Pilot,
    RayOptions,
    ReplyFormat,
    SendSettings,
    ServerSettings,
    VllmOptions,
    open_pilot,
)

URL = "http://127.0.0.1:9"
SERVER = f"server: {{base_url: '{URL}', model: m, concurrency: 3}}"


def test_an_engine_has_a_name_or_is_refused() -> None:
    assert EngineChoice.named("vllm", model="m") == EngineChoice(EngineKind.VLLM, None, "m")
    assert EngineChoice.named() == EngineChoice()
    with pytest.raises(InputError, match=r"no engine 'gpu'(.|\n)*pocket, server, vllm, ray"):
        EngineChoice.named("gpu")


@pytest.mark.parametrize(
    ("settings", "choice", "kind"),
    [
        ("engine: pocket", EngineChoice(), EngineKind.POCKET),
        ("", EngineChoice(), EngineKind.SERVER),
        ("engine: pocket", EngineChoice(EngineKind.VLLM), EngineKind.VLLM),
        ("engine: pocket", EngineChoice(base_url=URL), EngineKind.SERVER),
        ("engine: pocket", EngineChoice(EngineKind.RAY), EngineKind.RAY),
        ("ray: {engine: server}", EngineChoice(EngineKind.RAY, base_url=URL), EngineKind.RAY),
        ("engine: ray\nray: {engine: pocket}", EngineChoice(ray_address="auto"), EngineKind.RAY),
    ],
)
def test_what_is_not_named_is_the_pilots_engine_and_an_address_means_a_server(
    tickets: Callable[[int], Pilot], settings: str, choice: EngineChoice, kind: EngineKind
) -> None:
    assert settled(with_settings(tickets(40), settings), choice).kind is kind


@pytest.mark.parametrize(
    ("settings", "choice", "message"),
    [
        ("", EngineChoice(EngineKind.POCKET, base_url=URL), "asks no server(.|\n)*--base-url with engine pocket"),
        ("", EngineChoice(EngineKind.VLLM, base_url=URL), "asks no server(.|\n)*--base-url with engine vllm"),
        (
            "ray: {engine: pocket}",
            EngineChoice(EngineKind.RAY, base_url=URL),
            r"asks no server(.|\n)*engine ray \(pocket on its workers\)",
        ),
        ("", EngineChoice(EngineKind.SERVER, ray_address="auto"), "does not run on Ray(.|\n)*--engine ray"),
        ("engine: pocket", EngineChoice(ray_address="auto"), "does not run on Ray(.|\n)*with engine pocket"),
        ("engine: pocket", EngineChoice(model="none/at/all"), "model is not there(.|\n)*none/at/all"),
        ("engine: vllm", EngineChoice(), r"has no model(.|\n)*--model FOLDER"),
        ("", EngineChoice(), "no --base-url and no --model"),
        ("server: {model: m}", EngineChoice(), "got: no --base-url\n"),
    ],
)
def test_options_that_do_not_go_together_are_one_message(
    tickets: Callable[[int], Pilot], settings: str, choice: EngineChoice, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        engine_spec(with_settings(tickets(40), settings), choice)


def test_a_server_is_described_by_the_options_and_then_by_pilot_yaml(tickets: Callable[[int], Pilot]) -> None:
    pilot = with_settings(tickets(40), SERVER)
    memory = pilot.runs / "servers.json"
    assert engine_spec(pilot, EngineChoice()) == ServerSpec(URL, "m", "OPENAI_API_KEY", 3, 60.0, 5, memory=memory)
    other = EngineChoice(base_url="http://127.0.0.1:8", model="n")
    there = ServerSpec("http://127.0.0.1:8", "n", "OPENAI_API_KEY", 3, 60.0, 5, memory=memory)
    assert engine_spec(pilot, other) == there


def test_what_is_declared_of_a_server_holds_for_no_other_address(tickets: Callable[[int], Pilot]) -> None:
    send = "send: {logprobs: false, max_tokens: max_completion_tokens, response_format: none}"
    pilot = with_settings(tickets(40), f"server: {{base_url: '{URL}', model: m, version: weights of May, {send}}}")
    sent = SendSettings(logprobs=False, max_tokens="max_completion_tokens", response_format=ReplyFormat.NONE)
    specs = [engine_spec(pilot, EngineChoice(base_url=url)) for url in (None, f"{URL}/v1", "http://127.0.0.1:8")]
    assert [spec.version for spec in specs if isinstance(spec, ServerSpec)] == ["weights of May"] * 2 + [None]
    assert {spec.send for spec in specs if isinstance(spec, ServerSpec)} == {sent}
    anywhere = with_settings(pilot, "server: {model: m, version: v}")
    spec = engine_spec(anywhere, EngineChoice(base_url="http://127.0.0.1:8"))
    assert isinstance(spec, ServerSpec)
    assert spec.version == "v", "without an address of its own it is said of the one that is named"


def test_the_pocket_engine_takes_a_folder_from_wherever_the_command_runs(
    tickets: Callable[[int], Pilot], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pilot = with_settings(tickets(40), "engine: pocket")
    (tmp_path / "mine").mkdir()
    monkeypatch.chdir(tmp_path)
    assert engine_spec(pilot, EngineChoice()) == PocketSpec()
    choice = settled(pilot, EngineChoice(model="mine"))
    monkeypatch.chdir(os.sep)
    assert engine_spec(pilot, choice) == PocketSpec(tmp_path / "mine")
    server = EngineChoice(EngineKind.SERVER, model="mine")
    assert settled(pilot, server).model == "mine", "a name on a server is no folder"


def test_vllm_is_described_by_the_options_then_by_pilot_yaml_and_its_own_defaults(
    tickets: Callable[[int], Pilot],
) -> None:
    pilot = with_settings(tickets(40), "vllm: {model: models/mine, dtype: float32, seed: 7, concurrency: 9}")
    given = {"dtype": "float32", "seed": 7, "concurrency": 9}
    choice = EngineChoice(EngineKind.VLLM)
    assert engine_spec(pilot, choice) == VllmSettings("models/mine", **given), "an id on a hub"
    (pilot.root / "models" / "mine").mkdir(parents=True)
    assert engine_spec(pilot, choice) == VllmSettings(str(pilot.root / "models" / "mine"), **given)
    assert engine_spec(pilot, replace(choice, model="org/other")) == VllmSettings("org/other", **given)
    assert engine_spec(pilot, replace(choice, model="pocket")) == VllmSettings(str(PACKAGED), **given)


def test_ray_runs_the_named_engine_or_the_pilots_own_on_its_workers(tickets: Callable[[int], Pilot]) -> None:
    choice = EngineChoice(EngineKind.RAY)
    pilot = with_settings(tickets(40), "engine: pocket")
    assert engine_spec(pilot, choice) == RaySpec(PocketSpec(threads=1), RaySettings())
    joined = replace(choice, ray_address="127.0.0.1:6379")
    assert engine_spec(pilot, joined) == RaySpec(PocketSpec(threads=1), RaySettings(address="127.0.0.1:6379"))


def test_rays_settings_are_those_of_pilot_yaml(tickets: Callable[[int], Pilot]) -> None:
    ray = "ray: {engine: server, workers: 3, cpus_per_worker: 0.5, gpus_per_worker: 1, address: auto}"
    spec = engine_spec(with_settings(tickets(40), f"{SERVER}\n{ray}"), EngineChoice(EngineKind.RAY, model="n"))
    assert isinstance(spec, RaySpec)
    assert isinstance(spec.inner, ServerSpec)
    server = ServerSpec(URL, "n", "OPENAI_API_KEY", 3, 60.0, 5, memory=spec.inner.memory)
    assert spec == RaySpec(server, RaySettings("auto", workers=3, cpus_per_worker=0.5, gpus_per_worker=1))
    assert pickle.loads(pickle.dumps(spec)) == spec


def test_a_cluster_that_is_started_here_is_to_get_the_servers_key_and_no_other_one(
    tickets: Callable[[int], Pilot], monkeypatch: pytest.MonkeyPatch
) -> None:
    pilot = with_settings(tickets(40), f"{SERVER}\nray: {{engine: server, workers: 1}}")
    spec = engine_spec(pilot, EngineChoice(EngineKind.RAY))
    assert isinstance(spec, RaySpec)
    assert spec.settings.secrets == ("OPENAI_API_KEY",)
    monkeypatch.setenv("OPENAI_API_KEY", "sk-planted")
    monkeypatch.setenv("WORKBENCH_SIGNING_KEY", "key")
    open_pilot(pilot.name, pilot.root)
    started_with = without_secrets(os.environ, keep=spec.settings.secrets)  # as LocalCluster starts its program
    assert (started_with["OPENAI_API_KEY"], "WORKBENCH_SIGNING_KEY" in started_with) == ("sk-planted", False)


def test_a_setting_of_pilot_yaml_is_one_of_the_engines_own() -> None:
    """Each option that pilot.yaml may set must be a field of the engine's settings, or a run would break on it."""
    assert set(VllmOptions.model_fields) <= {field.name for field in fields(VllmSettings)}
    assert set(RayOptions.model_fields) - {"engine"} <= {field.name for field in fields(RaySettings)}
    assert set(ServerSettings.model_fields) | {"memory"} == {field.name for field in fields(ServerSpec)}
