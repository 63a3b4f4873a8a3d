"""Programs run from inside an app: as its user, in its unit's sandbox, with its environment."""

from __future__ import annotations

import base64
import json
import re
from typing import Any

from target.box import Target

PROGRAM = "/usr/local/share/inside.py"
QUESTION = "/usr/local/share/inside.json"


def inside(target: Target, unit: str, program: str, question: Any) -> Any:
    """What a Python program answers, JSON for JSON, when it runs in place of a unit's own, in the same slot."""
    mine = f"inside@{unit.partition('@')[2]}"
    _send(target, PROGRAM, program)
    _send(target, QUESTION, json.dumps(question))
    text = target.succeed(f"systemctl cat --no-pager {unit}")
    kept = [line for line in text.splitlines() if not re.match(r"(ExecStart|Type|Restart|RestartSec|Requires)=", line)]
    own = f"\n[Service]\nType=oneshot\nExecStart=/usr/bin/python3 -I {PROGRAM} {QUESTION}\n"
    own += "StandardOutput=truncate:/run/inside.out\nStandardError=truncate:/run/inside.err\n"
    _send(target, "/run/systemd/system/inside@.service", "\n".join(kept) + own)
    target.succeed("systemctl daemon-reload")
    code, _ = target.execute(f"systemctl start {mine}")
    assert code == 0, target.succeed(f"cat /run/inside.err; systemctl status --no-pager {mine} || true")
    return json.loads(target.succeed("cat /run/inside.out"))


def _send(target: Target, path: str, text: str) -> None:
    sent = base64.b64encode(text.encode()).decode()
    target.succeed(f"echo {sent} | base64 -d >{path} && chmod 0644 {path}")
