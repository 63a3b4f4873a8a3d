"""What a CA says, as one line and a time."""

from __future__ import annotations

import email.utils
import time
from types import SimpleNamespace, TracebackType
from typing import Any

import pytest

from onbox import acme

NOW, DAY = 1_800_000_000.0, 86400.0
CHALLENGE = """Some challenges have failed.

Certbot failed to authenticate some domains (authenticator: webroot). The Certificate Authority reported these problems:
  Identifier: notes.example.com
  Type:   unauthorized
  Detail: 192.0.2.1: Invalid response from the box: 404

Hint: The Certificate Authority failed to download the temporary challenge files created by Certbot.
"""


def test_a_failed_challenge_is_told_by_name_and_detail() -> None:
    assert acme.words(CHALLENGE) == "notes.example.com: 192.0.2.1: Invalid response from the box: 404"


def test_an_error_is_told_by_the_line_after_its_announcement() -> None:
    said = "Saving debug log to x\nAn unexpected error occurred:\nThe request was malformed :: no more\nAsk for help\n"
    assert acme.words(said) == "The request was malformed :: no more"


def test_something_is_always_told() -> None:
    assert acme.words("") == "certbot said nothing"
    assert acme.words("env: no such file") == "env: no such file"


def test_retry_after_in_seconds_or_as_a_date_is_heeded() -> None:
    log = "HTTP {}\nServer: x\nRetry-After: {}\nDate: y\n\n{{}}"
    assert acme.not_before(log.format(429, "120"), NOW) == NOW + 120
    assert acme.not_before(log.format(503, "60"), NOW) == NOW + 60
    assert acme.not_before(log.format(429, email.utils.formatdate(NOW + 500, usegmt=True)), NOW) == NOW + 500


def test_lets_encrypts_sentence_is_heeded() -> None:
    said = "too many certificates already issued, retry after 2027-01-15 08:00:00 UTC: see https://letsencrypt.org/docs"
    assert acme.not_before(said, NOW) == NOW


def test_the_same_header_of_an_answer_that_is_no_refusal_means_nothing() -> None:
    log = "HTTP 200\nRetry-After: 21600\nServer: x\n\n{}\nHTTP 400\nServer: x\n\n{}"
    assert acme.not_before(log, NOW) == 0.0


class Answer:
    def __init__(self, off: float) -> None:
        self.headers = {"Date": email.utils.formatdate(time.time() + off, usegmt=True)}

    def __enter__(self) -> Answer:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        pass


@pytest.mark.parametrize(
    ("off", "said"),
    [
        (0.0, ""),
        (300.0, ""),
        (172800.0, "this box's clock is 48 h behind"),
        (-172800.0, "this box's clock is 48 h ahead"),
    ],
)
def test_a_wrong_clock_is_found_out_first(off: float, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.path.exists", lambda path: True)
    monkeypatch.setattr("urllib.request.urlopen", lambda *_, **__: Answer(off))
    found = acme.obstacle({"authority": None, "directory": "https://ca.example.com/dir"})
    assert found.startswith(said)
    assert bool(found) is bool(said)


def rehearsed(monkeypatch: pytest.MonkeyPatch, directory: str, code: int = 0) -> list[list[str]]:
    """How certbot is called for a certificate of two names."""
    calls: list[list[str]] = []

    def certbot(argv: list[str], **_: Any) -> SimpleNamespace:
        calls.append(argv)
        return SimpleNamespace(returncode=code, stdout="", stderr="no")

    monkeypatch.setattr("subprocess.run", certbot)
    settings = {"authority": None, "directory": directory, "email": None, "webroot": "/var/www/x"}
    acme.issue(settings, ["a.example.com", "b.example.com"])
    return calls


def test_lets_encrypt_is_rehearsed_at_staging_first(monkeypatch: pytest.MonkeyPatch) -> None:
    rehearsal, order = rehearsed(monkeypatch, acme.PRODUCTION)
    assert "--dry-run" in rehearsal
    assert "--dry-run" not in order
    assert {"--webroot", "--domain=a.example.com", "--domain=b.example.com", "--cert-name=a.example.com"} <= set(order)


def test_a_rehearsal_that_fails_is_where_it_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(acme.Refused):
        rehearsed(monkeypatch, acme.PRODUCTION, code=1)


def test_another_ca_is_asked_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    assert len(rehearsed(monkeypatch, "https://ca.example.com/dir")) == 1
