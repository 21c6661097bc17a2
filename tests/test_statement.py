from workbench.engines.statement import NO_PROMPT, POCKET_NOTE, answered_by


def prompt(**engine: object) -> dict[str, object]:
    return {"prompt": "3f", "engine": engine, "labels": []}


def test_every_engine_and_model_is_named_once() -> None:
    versions = [prompt(kind="vllm", model="m"), prompt(kind="vllm", model="m"), prompt(kind="server", model="n")]
    assert answered_by([{"python": "rule"}, *versions]) == "Prompts answered by: vllm (m), server (n)."


def test_the_pocket_model_is_called_what_it_is_wherever_it_runs() -> None:
    assert "trained from scratch" in POCKET_NOTE
    assert "stands in for a real LLM" in POCKET_NOTE
    packaged = prompt(kind="pocket", model="pocket", digest="0123456789abcdef")
    assert answered_by([packaged]) == f"Prompts answered by: pocket (pocket, digest 0123456789ab). {POCKET_NOTE}"
    assert answered_by([prompt(kind="vllm", model="pocket")]).endswith(POCKET_NOTE)
    assert POCKET_NOTE not in answered_by([prompt(kind="pocket", model="mine")]), "a model of the user's own"


def test_versions_without_a_prompt_asked_no_model() -> None:
    assert answered_by([{"python": "rule"}, {"http": "http://127.0.0.1:9"}]) == NO_PROMPT
