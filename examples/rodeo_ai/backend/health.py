"""Health, as a load balancer, a release or a monitor asks for it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor, wait

from fastapi import APIRouter
from fastapi.responses import JSONResponse

from guests import Guests

ANSWER_SECONDS = 5
_log = logging.getLogger("rodeo_ai")


def routes(parts: Mapping[str, Callable[[], None]], guests: Guests, release: str) -> APIRouter:
    """`/api/health`: 200 only when every part has really answered."""
    router = APIRouter(prefix="/api")
    threads = ThreadPoolExecutor(max_workers=4 * len(parts), thread_name_prefix="health")

    @router.get("/health")
    def health() -> JSONResponse:
        asked = {name: threads.submit(_answers, name, ask) for name, ask in parts.items()}
        wait(asked.values(), timeout=ANSWER_SECONDS)
        well = {name: answer.done() and answer.result() for name, answer in asked.items()}
        # Not part of the status: a worker that finishes its last task before a restart takes no new one meanwhile.
        work = well["redis"] and guests.work_seen()
        body = {name: _word(fine) for name, fine in (("status", all(well.values())), *well.items(), ("work", work))}
        return JSONResponse({**body, "release": release}, status_code=200 if all(well.values()) else 503)

    return router


def _answers(name: str, ask: Callable[[], None]) -> bool:
    try:
        ask()
    except Exception as fault:  # whatever it is, this part is not well
        _log.warning("%s does not answer: %s", name, type(fault).__name__)
        return False
    return True


def _word(well: bool) -> str:
    return "healthy" if well else "unhealthy"
