"""RodeoAI: a picture or a few words find rodeo gear, by vectors in Postgres and in ChromaDB."""

from __future__ import annotations

from typing import ClassVar, Literal

from roles.apps.app import App, Need
from roles.apps.parts import Frontend, Process, Python, Rate, Route


class RodeoAi(App):
    """FastAPI under uvicorn, Celery, a React frontend, Postgres with pgvector, ChromaDB and Redis.

    A model on a box of its own (`roles/apps/rodeo_inference.py`) is named by `env`: INFERENCE_URL is its site, and
    INFERENCE_ADDRESS, where it has one, its private address; the app connects to that, and checks the certificate of
    the site. So are images in S3 instead of on this box: S3_ENDPOINT and S3_BUCKET.
    """

    title: ClassVar[str] = "RodeoAI"
    runtime: ClassVar[Python] = Python(directory="backend")
    frontend: ClassVar[Frontend] = Frontend(build="npm run build", output="dist")
    needs: ClassVar[frozenset[Need]] = frozenset({"postgres", "redis", "chroma"})
    extensions: ClassVar[tuple[str, ...]] = ("vector",)
    redis_use: ClassVar[Literal["cache", "queue"]] = "queue"
    secrets: ClassVar[tuple[str, ...]] = ("OPENAI_API_KEY", "STRIPE_SECRET_KEY", "STRIPE_WEBHOOK_SECRET")
    optional: ClassVar[tuple[str, ...]] = ("INFERENCE_TOKEN", "S3_ACCESS_KEY", "S3_SECRET_KEY")
    variables: ClassVar[dict[str, str]] = {
        "UPLOADS": "{root}/shared/uploads",
        "BEAT_SCHEDULE": "{root}/shared/celerybeat-schedule",
        "PUBLIC_URL": "https://{domain}",
    }
    processes: ClassVar[tuple[Process, ...]] = (
        Process(
            "web",
            "uvicorn main:app --fd 3 --timeout-graceful-shutdown 10 --forwarded-allow-ips *",
            directory="backend",
            typical="160M",
        ),
        # Told to stop, Celery takes no new task and finishes what it has; a scrape takes its time.
        Process(
            "worker",
            "celery --app work worker --concurrency 2 --loglevel info --without-gossip --without-mingle",
            directory="backend",
            web=False,
            memory="1G",
            typical="320M",
            stop=600,
        ),
        Process(
            "beat", "celery --app work beat --loglevel info --pidfile=", directory="backend", web=False, alone=True
        ),
    )
    routes: ClassVar[tuple[Route, ...]] = (
        Route("/", to="static"),
        Route("/api/", body="1m"),
        Route("/api/images", body="9m", rate=Rate(30, "minute", burst=10)),
        Route("/uploads/", to="shared/uploads"),
    )
    release_command: ClassVar[str] = "python migrate.py"
    release_directory: ClassVar[str] = "backend"
    health: ClassVar[str] = "/api/health"

    name: str = "rodeo-ai"
    disk: str = "3gb"
