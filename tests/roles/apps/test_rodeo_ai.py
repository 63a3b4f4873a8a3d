"""RodeoAI and its inference server, as the roles see them. The rest is in tests/apps and tests/inference."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from roles import ROOT, nginx
from roles.apps import App, Folder, wanted
from roles.apps.environment import environment
from roles.apps.rodeo_ai import RodeoAi
from roles.apps.rodeo_inference import RodeoInference
from roles.chroma import Chroma
from roles.nginx import Features, Nginx
from roles.postgres import Postgres
from roles.redis import Redis
from roles.resources import File, Files
from roles.rotation import supplied
from roles.server import Server
from roles.tls import Tls

FEATURES = Features(http2_on=True, hybrid_curve=True, reject_handshake=True, ipv6=True)
EXAMPLES = ROOT / "examples"


def app(**more: Any) -> RodeoAi:
    return RodeoAi(**{"domain": "rodeo.example.com", "source": Folder(path=str(EXAMPLES / "rodeo_ai")), **more})


def inference(**more: Any) -> RodeoInference:
    source = Folder(path=str(EXAMPLES / "rodeo_inference"))
    return RodeoInference(**{"domain": "inference.example.com", "source": source, "allow": ("10.0.0.2",), **more})


def server(one: App, *left_out: str) -> Server:
    roles = {"postgres": Postgres(), "redis": Redis(), "chroma": Chroma(), "tls": Tls(), "nginx": Nginx()}
    made = Server(host="192.0.2.1", apps=(one,), **roles)
    assert made.faults == ()
    names = [secret.name for secret in made.wanted_secrets()]
    made._kept.update({name: supplied("s" * 40) for name in names if name.partition("/")[2] not in left_out})
    return made


def files(made: Server) -> dict[str, str]:
    found = [path for resource in wanted(made) if isinstance(resource, Files) for path in resource.paths]
    return {path.path: path.content.decode() for path in found if isinstance(path, File)}


def test_the_worker_gets_ten_minutes_to_finish_and_no_socket() -> None:
    units = files(server(app()))
    worker = units["/etc/boxkeeper/apps/rodeo-ai/rodeo-ai-worker@.service"]
    assert "TimeoutStopSec=600\n" in worker
    assert "KillMode=mixed\n" in worker  # the signal is for the worker, not for the processes that do its tasks
    assert "rodeo-ai-worker@.socket" not in "".join(units)
    assert "/etc/boxkeeper/apps/rodeo-ai/rodeo-ai-beat@.service" in units


def test_it_is_told_where_everything_is() -> None:
    told = environment(server(app()), app())
    assert told["UPLOADS"] == "/srv/rodeo-ai/shared/uploads"
    assert told["BEAT_SCHEDULE"] == "/srv/rodeo-ai/shared/celerybeat-schedule"
    assert told["CHROMA_URL"].startswith("http://127.0.0.1:7")
    assert {"DATABASE_URL", "REDIS_URL", "CHROMA_TOKEN", "OPENAI_API_KEY", "STRIPE_WEBHOOK_SECRET"} <= told.keys()


def test_without_an_inference_server_it_needs_no_token() -> None:
    assert "INFERENCE_TOKEN" not in environment(server(app(), "INFERENCE_TOKEN"), app())
    with_one = app(env={"INFERENCE_URL": "https://inference.example.com", "INFERENCE_ADDRESS": "10.0.0.3"})
    told = environment(server(with_one), with_one)
    assert told["INFERENCE_TOKEN"] == "s" * 40
    assert told["INFERENCE_ADDRESS"] == "10.0.0.3"


def test_its_queue_forgets_nothing() -> None:
    assert app().redis_use == "queue"


def test_uploads_are_bigger_than_other_requests_and_below_what_the_app_takes() -> None:
    site = nginx.site(server(app()), app(), FEATURES).decode()
    assert "client_max_body_size 9m;" in site.partition("location = /api/images {")[2].partition("}")[0]
    assert "client_max_body_size 1m;" in site.partition("location ^~ /api/ {")[2].partition("}")[0]
    assert "alias /srv/rodeo-ai/shared/uploads/;" in site


def test_a_link_in_one_apps_folder_leads_into_no_others() -> None:
    assert "disable_symlinks if_not_owner from=$document_root;" in nginx.site(server(app()), app(), FEATURES).decode()


def test_the_inference_server_answers_the_boxes_that_it_is_told_and_the_app_has_the_same_model() -> None:
    site = nginx.site(server(inference()), inference(), FEATURES).decode()
    assert "    allow 10.0.0.2;\n    deny all;\n" in site
    assert "location = /embed {" in site
    models = [Path(EXAMPLES, place, "embedding.py").read_bytes() for place in ("rodeo_ai/backend", "rodeo_inference")]
    assert models[0] == models[1]


@pytest.mark.parametrize("given", [{}, {"allow": ()}])
def test_an_inference_server_for_everybody_is_a_fault(given: dict[str, Any]) -> None:
    (said,) = RodeoInference(**{"domain": "a.example.com", "source": Folder(path="."), **given}).faults
    assert said.startswith("RodeoInference.allow: ")
