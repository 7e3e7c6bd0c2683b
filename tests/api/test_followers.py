"""Several servers over one metadata database: a release promoted on one answers on all."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.api.conftest import publish
from tests.serving import configured, served

from trimtab.errors import NotFound


@pytest.mark.postgres
def test_a_promotion_on_one_server_reaches_the_other(
    tmp_path: Path, postgres_database: str
) -> None:
    shared = {"metadata_url": postgres_database}
    with (
        served(configured(tmp_path / "one", **shared)) as one,
        served(configured(tmp_path / "two", **shared)) as two,
    ):
        with pytest.raises(NotFound):
            two.client.chat("widgets", "Which port?")
        publish(one)
        for models in two.client.poll("/v1/models", limit_s=60):
            if "widgets" in {model["id"] for model in models["data"]}:
                break
        answer = two.client.chat("widgets", "Which port does the widget server listen on?")
    assert answer["release"] == "widgets@1"
    assert "7711" in answer["choices"][0]["message"]["content"]
