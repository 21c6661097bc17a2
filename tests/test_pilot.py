from collections.abc import Callable

import pytest
from small_pilots import with_settings

from workbench.pilot.pilot import Pilot
from workbench.words import InputError

PREPARE = "prepare: {python: 'eval_suites/tickets/facts.py:facts', fields: [facts]}"


def test_prompts_are_answered_by_a_server_unless_pilot_yaml_says_otherwise(tickets: Callable[[int], Pilot]) -> None:
    pilot = tickets(40)
    assert pilot.settings.engine == "server"
    assert with_settings(pilot, "").settings.engine == "server"
    assert with_settings(pilot, "engine: pocket").settings.engine == "pocket"


def test_a_prompt_may_use_the_columns_an_agent_may_see_and_the_prepared_fields(tickets: Callable[[int], Pilot]) -> None:
    pilot = tickets(40)
    assert pilot.prompt_fields == ("ticket", "opened", "body", "amount")
    assert with_settings(pilot, PREPARE).prompt_fields == ("ticket", "opened", "body", "amount", "facts")


BAD = [
    ("engine: pockett", r"value of 'engine'(.|\n)*one of pocket, server, vllm, ray"),
    ("engine: ray", r"engine: ray needs ray: \{engine"),
    ("ray: {engine: ray}", r"value of 'ray.engine'(.|\n)*the engine on Ray's workers is one of pocket, server, vllm"),
    ("ray: {worker: 3}", r"unknown key 'ray.worker'(.|\n)*did you mean 'workers'"),
    ("vllm: {modell: m}", r"unknown key 'vllm.modell'(.|\n)*did you mean 'model'"),
    ("vllm: {gpu_memory_utilization: 1.5}", r"value of 'vllm.gpu_memory_utilization' does not fit"),
    ("prepare: {python: 'f.py:f'}", r"'prepare.fields' is missing"),
    ("prepare: {python: 'f.py:f', fields: []}", r"value of 'prepare.fields' does not fit"),
    ("prepare: {python: 'f.py:f', fields: [a, a]}", r"fields named twice: 'a'"),
    ("prepare: {python: 'f.py:f', fields: ['two words']}", r"value of 'prepare.fields.0' does not fit"),
    ("prepare: {python: 'f.txt:f', fields: [a]}", r"value of 'prepare.python' does not fit"),
    ("prepare: {python: 'f.py:f', fields: [body]}", r"a prepared field has the name of a column(.|\n)*'body'"),
    ("prepare: {python: 'f.py:f', fields: [queue]}", r"a prepared field has the name of a column(.|\n)*'queue'"),
]


@pytest.mark.parametrize(("text", "message"), BAD, ids=[text for text, _ in BAD])
def test_settings_that_do_not_fit_are_one_message(tickets: Callable[[int], Pilot], text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        with_settings(tickets(40), text)
