"""What stands in recipes and is run by others: container commands, alerts, the dashboard."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from aoftool.cli.app import run
from aoftool.report.metrics import METRICS
from tests.corpus import CHECKOUT

PAGES = ("fleet", "guard", "metrics")
DASHBOARD = CHECKOUT / "packaging" / "grafana-dashboard.json"
_METRIC = re.compile(r"\baoftool_\w+")


def documents(page: str) -> Iterator[Any]:
    """Yield every YAML document of a page."""
    text = (CHECKOUT / "docs" / f"{page}.md").read_text("utf-8")
    for block in re.findall(r"```yaml\n(.*?)```", text, re.DOTALL):
        yield from yaml.safe_load_all(block)


def below(value: Any) -> Iterator[Any]:
    """Yield a value and every one in it."""
    yield value
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    for one in inner:
        yield from below(one)


def containers() -> list[dict[str, Any]]:
    return [
        one
        for page in PAGES
        for document in documents(page)
        for one in below(document)
        if isinstance(one, dict) and "image" in one
    ]


def test_every_recipe_is_there() -> None:
    kinds = [document.get("kind") for page in PAGES for document in documents(page)]

    assert kinds == ["Service", "Deployment", "Deployment", "Job", "Pod", None]


def test_containers_mount_what_there_is_and_run_what_there_is(capsys: pytest.CaptureFixture[str]) -> None:
    ours = [one["command"] for one in containers() if one["command"][0] == "aoftool"]
    assert {words[1] for words in ours} == {"fleet", "guard"}
    for _, *words in ours:
        # What is typed wrongly ends with 2 before anything is looked at; here nothing is there to look at.
        words = [
            word.replace("s3://backups", "/nonexistent").replace("/data", "/nonexistent") for word in words
        ]
        capsys.readouterr()

        code = run([word if not word.startswith("dask://") else "local:0" for word in words])

        said = capsys.readouterr().err
        assert "No such option" not in said
        assert (code == 2) is ("--on" in words), said
    for document in documents("guard"):
        volumes = {one["name"] for one in document["spec"]["volumes"]}
        mounts = [one for one in below(document) if isinstance(one, dict) and "mountPath" in one]
        assert {one["name"] for one in mounts} == volumes


def test_workers_find_the_scheduler_by_its_name_and_port() -> None:
    service, scheduler, worker, job = documents("fleet")
    place = f"{service['metadata']['name']}:{service['spec']['ports'][0]['port']}"
    labels = scheduler["spec"]["template"]["metadata"]["labels"]

    assert service["spec"]["selector"].items() <= labels.items()
    for deployment in (scheduler, worker):
        spec = deployment["spec"]
        assert spec["selector"]["matchLabels"] == spec["template"]["metadata"]["labels"]
    for document in (worker, job):
        (command,) = [one["command"] for one in below(document) if isinstance(one, dict) and "image" in one]
        assert any(word.removeprefix("dask://") == place for word in command)


@pytest.mark.parametrize("page", ["alerts", "dashboard"])
def test_every_metric_that_is_asked_for_is_one_that_is_written(page: str) -> None:
    found = documents("metrics") if page == "alerts" else [json.loads(DASHBOARD.read_text("utf-8"))]
    expressions = [
        one[key]
        for document in found
        for one in below(document)
        if isinstance(one, dict)
        for key in ("expr", "query")
        if isinstance(one.get(key), str)
    ]
    asked = {name for text in expressions for name in _METRIC.findall(text)}

    assert len(expressions) >= 4
    assert len(asked) >= 4
    assert asked <= set(METRICS)


def test_panels_of_the_dashboard_have_names_of_their_own_and_do_not_overlap() -> None:
    panels = json.loads(DASHBOARD.read_text("utf-8"))["panels"]
    cells = [
        (x, y)
        for place in (panel["gridPos"] for panel in panels)
        for x in range(place["x"], place["x"] + place["w"])
        for y in range(place["y"], place["y"] + place["h"])
    ]

    assert len({panel["id"] for panel in panels}) == len({panel["title"] for panel in panels}) == len(panels)
    assert len(set(cells)) == len(cells)
    assert max(x for x, _ in cells) < 24
