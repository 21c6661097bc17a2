from __future__ import annotations

import os
import pickle
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from small_pilots import with_settings

from workbench.agents import engine_settings, settled_choice
from workbench.engines.choice import EngineChoice
from workbench.engines.kinds import KINDS
from workbench.engines.pocket.settings import PACKAGED, PocketSettings
from workbench.engines.ray.settings import RaySettings
from workbench.engines.server.settings import ReplyFormat, SendSettings, ServerSettings
from workbench.engines.settings import EngineSettings
from workbench.engines.vllm.settings import VllmSettings
from workbench.files.credentials import without_secrets
from workbench.pilot.pilot import Pilot, open_pilot
from workbench.words import InputError

URL = "http://127.0.0.1:9"
SERVER = f"server: {{base_url: '{URL}', model: m, concurrency: 3}}"


def test_an_engine_has_a_name_or_is_refused() -> None:
    assert KINDS == ("pocket", "server", "vllm", "ray")
    with pytest.raises(InputError, match=r"no engine 'gpu'(.|\n)*pocket, server, vllm, ray"):
        EngineChoice("gpu")


@pytest.mark.parametrize(
    ("settings", "choice", "engine"),
    [
        ("engine: pocket", EngineChoice(), "pocket"),
        ("", EngineChoice(), "server"),
        ("engine: pocket", EngineChoice("vllm"), "vllm"),
        ("engine: pocket", EngineChoice(base_url=URL), "server"),
        ("engine: pocket", EngineChoice("ray"), "ray"),
        ("ray: {engine: server}", EngineChoice("ray", base_url=URL), "ray"),
        ("engine: ray\nray: {engine: pocket}", EngineChoice(ray_address="auto"), "ray"),
    ],
)
def test_what_is_not_named_is_the_pilots_engine_and_an_address_means_a_server(
    tickets: Callable[[int], Pilot], settings: str, choice: EngineChoice, engine: str
) -> None:
    assert settled_choice(with_settings(tickets(40), settings), choice).engine == engine


@pytest.mark.parametrize(
    ("settings", "choice", "message"),
    [
        ("", EngineChoice("pocket", base_url=URL), "asks no server(.|\n)*--base-url with engine pocket"),
        ("", EngineChoice("vllm", base_url=URL), "asks no server(.|\n)*--base-url with engine vllm"),
        (
            "ray: {engine: pocket}",
            EngineChoice("ray", base_url=URL),
            r"asks no server(.|\n)*engine ray \(pocket on its workers\)",
        ),
        ("", EngineChoice("server", ray_address="auto"), "does not run on Ray(.|\n)*--engine ray"),
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
        engine_settings(with_settings(tickets(40), settings), choice)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ("engine: gpu", "the value of 'engine' does not fit(.|\n)*got: 'gpu'(.|\n)*one of pocket, server, vllm, ray"),
        ("server: {url: x}", "unknown key 'server.url'(.|\n)*pilot.yaml"),
        ("vllm: {concurency: 3}", "unknown key 'vllm.concurency'(.|\n)*did you mean 'concurrency'"),
        ("vllm: {nothing: }", "unknown key 'vllm.nothing'"),
        ("ray: {engine: ray}", "the value of 'ray.engine' does not fit(.|\n)*one of pocket, server, vllm"),
        ("engine: ray", "engine: ray needs ray: {engine: ...}"),
        ("ray: {workers: 0}", "the value of 'ray.workers' does not fit"),
        ("ray: {workers: 1025}", "the value of 'ray.workers' does not fit"),
        ("ray: {cpus_per_worker: -1}", "the value of 'ray.cpus_per_worker' does not fit"),
        ("ray: {gpus_per_worker: .nan}", "the value of 'ray.gpus_per_worker' does not fit"),
    ],
)
def test_a_section_of_pilot_yaml_that_does_not_fit_names_file_and_key(
    tickets: Callable[[int], Pilot], settings: str, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        with_settings(tickets(40), settings)


def test_a_key_that_is_left_empty_is_not_given(tickets: Callable[[int], Pilot]) -> None:
    pilot = with_settings(tickets(40), "vllm: {model: m, dtype: , max_model_len: }\nray: {workers: }")
    assert pilot.settings.vllm == VllmSettings(model="m")
    assert pilot.settings.ray == RaySettings()


@pytest.mark.parametrize("address", ["head", "ray://head:10001", "head:99999"])
def test_an_address_that_is_none_of_a_cluster_is_refused(tickets: Callable[[int], Pilot], address: str) -> None:
    pilot = with_settings(tickets(40), "engine: pocket")
    with pytest.raises(InputError, match=rf"got: {address}\n  expected: HOST:PORT of the cluster's head, or auto"):
        engine_settings(pilot, EngineChoice("ray", ray_address=address))


def test_a_server_is_described_by_the_options_and_then_by_pilot_yaml(tickets: Callable[[int], Pilot]) -> None:
    pilot = with_settings(tickets(40), SERVER)
    assert engine_settings(pilot, EngineChoice()) == ServerSettings(base_url=URL, model="m", concurrency=3)
    other = EngineChoice(base_url="http://127.0.0.1:8", model="n")
    there = ServerSettings(base_url="http://127.0.0.1:8", model="n", concurrency=3)
    assert engine_settings(pilot, other) == there


def test_what_is_declared_of_a_server_holds_for_no_other_address(tickets: Callable[[int], Pilot]) -> None:
    send = "send: {logprobs: false, max_tokens: max_completion_tokens, response_format: none}"
    pilot = with_settings(tickets(40), f"server: {{base_url: '{URL}', model: m, version: weights of May, {send}}}")
    sent = SendSettings(logprobs=False, max_tokens="max_completion_tokens", response_format=ReplyFormat.NONE)
    found = [engine_settings(pilot, EngineChoice(base_url=url)) for url in (None, f"{URL}/v1", "http://127.0.0.1:8")]
    assert [one.version for one in found if isinstance(one, ServerSettings)] == ["weights of May"] * 2 + [None]
    assert {one.send for one in found if isinstance(one, ServerSettings)} == {sent}
    anywhere = with_settings(pilot, "server: {model: m, version: v}")
    settings = engine_settings(anywhere, EngineChoice(base_url="http://127.0.0.1:8"))
    assert isinstance(settings, ServerSettings)
    assert settings.version == "v", "without an address of its own it is said of the one that is named"


def test_the_pocket_engine_takes_a_folder_from_wherever_the_command_runs(
    tickets: Callable[[int], Pilot], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pilot = with_settings(tickets(40), "engine: pocket")
    (tmp_path / "mine").mkdir()
    monkeypatch.chdir(tmp_path)
    assert engine_settings(pilot, EngineChoice()) == PocketSettings()
    choice = settled_choice(pilot, EngineChoice(model="mine"))
    monkeypatch.chdir(os.sep)
    assert engine_settings(pilot, choice) == PocketSettings(model=str(tmp_path / "mine"))
    server = EngineChoice("server", model="mine")
    assert settled_choice(pilot, server).model == "mine", "a name on a server is no folder"


def test_vllm_is_described_by_the_options_then_by_pilot_yaml_and_its_own_defaults(
    tickets: Callable[[int], Pilot],
) -> None:
    pilot = with_settings(tickets(40), "vllm: {model: models/mine, dtype: float32, seed: 7, concurrency: 9}")
    given = {"dtype": "float32", "seed": 7, "concurrency": 9}
    choice = EngineChoice("vllm")

    def named(model: str) -> VllmSettings:
        return VllmSettings(model=model, **given)

    assert engine_settings(pilot, choice) == named("models/mine"), "an id on a hub"
    (pilot.root / "models" / "mine").mkdir(parents=True)
    assert engine_settings(pilot, choice) == named(str(pilot.root / "models" / "mine"))
    assert settled_choice(pilot, choice).model == str(pilot.root / "models" / "mine"), (
        "it means the same under another root"
    )
    assert engine_settings(pilot, replace(choice, model="org/other")) == named("org/other")
    assert engine_settings(pilot, replace(choice, model="pocket")) == named(str(PACKAGED))


def on_ray(pilot: Pilot, choice: EngineChoice) -> tuple[RaySettings, EngineSettings | None]:
    """Return the settings of a run on Ray, and those of the engine on its workers."""
    settings = pickle.loads(pickle.dumps(engine_settings(pilot, choice)))
    assert isinstance(settings, RaySettings)
    return RaySettings(**settings.model_dump()), settings.inner


def test_ray_runs_the_named_engine_or_the_pilots_own_on_its_workers(tickets: Callable[[int], Pilot]) -> None:
    choice = EngineChoice("ray")
    pilot = with_settings(tickets(40), "engine: pocket")
    assert on_ray(pilot, choice) == (RaySettings(), PocketSettings(threads=1))
    joined = replace(choice, ray_address="127.0.0.1:6379")
    assert on_ray(pilot, joined) == (RaySettings(address="127.0.0.1:6379"), PocketSettings(threads=1))


def test_rays_settings_are_those_of_pilot_yaml(tickets: Callable[[int], Pilot]) -> None:
    ray = "ray: {engine: server, workers: 3, cpus_per_worker: 0.5, gpus_per_worker: 1, address: auto}"
    settings, inner = on_ray(with_settings(tickets(40), f"{SERVER}\n{ray}"), EngineChoice("ray", model="n"))
    assert settings == RaySettings(address="auto", workers=3, engine="server", cpus_per_worker=0.5, gpus_per_worker=1)
    assert inner == ServerSettings(base_url=URL, model="n", concurrency=3)


def test_a_cluster_that_is_started_here_is_to_get_the_servers_key_and_no_other_one(
    tickets: Callable[[int], Pilot], monkeypatch: pytest.MonkeyPatch
) -> None:
    pilot = with_settings(tickets(40), f"{SERVER}\nray: {{engine: server, workers: 1}}")
    settings = engine_settings(pilot, EngineChoice("ray"))
    assert settings.secrets == ("OPENAI_API_KEY",)
    assert engine_settings(pilot, EngineChoice("ray", ray_address="auto")).secrets == ()
    monkeypatch.setenv("OPENAI_API_KEY", "sk-planted")
    monkeypatch.setenv("WORKBENCH_SIGNING_KEY", "key")
    open_pilot(pilot.name, pilot.root)
    started_with = without_secrets(os.environ, keep=settings.secrets)  # as a cluster is started here
    assert (started_with["OPENAI_API_KEY"], "WORKBENCH_SIGNING_KEY" in started_with) == ("sk-planted", False)
