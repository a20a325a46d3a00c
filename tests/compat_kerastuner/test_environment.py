"""KerasTuner's environment variables for chiefs and workers."""

import pytest

from kerastune_lite._src.compat_kerastuner.environment import check_environment

CHIEF = {
    "KERASTUNER_ORACLE_IP": "127.0.0.1",
    "KERASTUNER_ORACLE_PORT": "8000",
    "KERASTUNER_TUNER_ID": "chief",
}


@pytest.fixture
def environment(monkeypatch):
    for name in CHIEF:
        monkeypatch.delenv(name, raising=False)
    return lambda variables: [monkeypatch.setenv(*each) for each in variables.items()]


@pytest.mark.parametrize("tuner", ["chief", "tuner0"])
def test_the_message_names_what_is_set_and_what_to_do(environment, tuner):
    environment({**CHIEF, "KERASTUNER_TUNER_ID": tuner})
    with pytest.raises(RuntimeError, match="Unset them, run the script once") as error:
        check_environment()
    said = str(error.value)
    assert "KERASTUNER_ORACLE_IP=127.0.0.1, KERASTUNER_ORACLE_PORT=8000" in said
    assert f"KERASTUNER_TUNER_ID={tuner}" in said
    for call in ("search(workers=...)", "search(runner='ray')", "docs/scaling.md"):
        assert call in said


def test_the_address_alone_is_enough(environment):
    environment({"KERASTUNER_ORACLE_IP": "127.0.0.1"})
    with pytest.raises(RuntimeError, match=r"KERASTUNER_ORACLE_IP=127\.0\.0\.1\. Unset it,"):
        check_environment()


@pytest.mark.parametrize("name", ["KERASTUNER_TUNER_ID", "KERASTUNER_ORACLE_PORT", None])
def test_without_an_address_nothing_is_said(environment, name):
    environment({name: CHIEF[name]} if name else {})
    assert check_environment() is None
