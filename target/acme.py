"""A real CA in a target: Pebble, Let's Encrypt's own for tests, and a name server that says what a test wants."""

import json
import shlex
from collections.abc import Sequence
from dataclasses import dataclass

from target.box import Target

FOLDER = "/etc/pebble"
_NAME_SERVER = "127.0.0.1:8053"
_SWITCHBOARD = "http://127.0.0.1:8055"

_PREPARE = f"""
set -eu
mkdir -p {FOLDER} && cd {FOLDER}
[ -e cert.pem ] && exit
openssl req -x509 -newkey rsa:2048 -nodes -days 3650 -subj '/CN=Pebble on this target' -keyout ca.key -out ca.pem \
    -addext keyUsage=critical,keyCertSign,cRLSign # Python 3.13 asks for this and the next line's identifier
openssl req -newkey rsa:2048 -nodes -subj /CN=localhost -keyout key.pem -out cert.csr
printf 'subjectAltName=DNS:localhost,IP:127.0.0.1\\nauthorityKeyIdentifier=keyid\\n' >names
openssl x509 -req -in cert.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 3650 -extfile names -out cert.pem
"""

_UNITS = {
    "pebble.service": f"""
[Unit]
Wants=pebble-names.service
StartLimitIntervalSec=0
[Service]
# Its habit of refusing good nonces makes one order in forty fail, as certbot tries a request no more than twice.
Environment=PEBBLE_VA_NOSLEEP=1 PEBBLE_WFE_NONCEREJECT=0 PEBBLE_AUTHZREUSE=0
ExecStart=/usr/bin/pebble -config {FOLDER}/config.json -dnsserver {_NAME_SERVER}
[Install]
WantedBy=multi-user.target
""",
    # It can also answer challenges itself; here nginx must, so those parts are off. Older ones have no -doh.
    "pebble-names.service": f"""
[Unit]
StartLimitIntervalSec=0
[Service]
ExecStart=sh -c 'exec pebble-challtestsrv -http01= -https01= -tlsalpn01= -dns01={_NAME_SERVER} \
    -management=127.0.0.1:8055 -defaultIPv4= -defaultIPv6= \
    $$(pebble-challtestsrv -help 2>&1 | grep -q -e -doh && echo -doh=)'
[Install]
WantedBy=multi-user.target
""",
}


@dataclass(frozen=True)
class Acme:
    """Pebble on `target`, reached by the target itself on loopback. It enforces no limits."""

    target: Target
    directory: str = "https://127.0.0.1:14000/dir"
    resolver: str = _NAME_SERVER

    @staticmethod
    def install(target: Target, validity: int = 7_776_000) -> "Acme":
        """A new CA with no memory, whose certificates are valid for `validity` seconds, and no name known."""
        acme = Acme(target)
        if target.execute("command -v pebble-challtestsrv")[0] != 0:
            target.install("pebble", "openssl")
        target.succeed(f"sh -c {shlex.quote(_PREPARE)} 2>&1")
        for name, text in _UNITS.items():
            acme._write(f"/etc/systemd/system/{name}", text)
        target.succeed("systemctl daemon-reload && systemctl enable -q pebble pebble-names")
        acme.restart(validity)
        return acme

    def restart(self, validity: int = 7_776_000) -> None:
        """Start over: accounts, orders and names are forgotten, and a root of its own is made anew."""
        config = {
            "listenAddress": "127.0.0.1:14000",
            "managementListenAddress": "127.0.0.1:15000",
            "certificate": f"{FOLDER}/cert.pem",
            "privateKey": f"{FOLDER}/key.pem",
            "httpPort": 80,
            "tlsPort": 443,
            "ocspResponderURL": "",
            "externalAccountBindingRequired": False,
            "certificateValidityPeriod": validity,
        }
        self._write(f"{FOLDER}/config.json", json.dumps({"pebble": config}))
        # certbot would go on with an account that this CA has forgotten
        self.target.succeed("rm -rf /etc/letsencrypt/accounts; systemctl restart pebble pebble-names")
        self.target.wait_until("cd /; ss -ltn | grep -q 127.0.0.1:15000 && ss -ltn | grep -q 127.0.0.1:8055", 10)

    @property
    def authority(self) -> str:
        """What the directory's own certificate is trusted by, in PEM form."""
        return self.target.succeed(f"cat {FOLDER}/ca.pem") + "\n"

    def root(self) -> str:
        """What the certificates that it issues are trusted by, in PEM form."""
        fetch = "import ssl,urllib.request as u;c=ssl._create_unverified_context();"
        return (
            self._python(fetch + "print(u.urlopen('https://127.0.0.1:15000/roots/0',context=c).read().decode())") + "\n"
        )

    def orders(self) -> int:
        """How many certificates it has been asked for since its start."""
        count = "journalctl -u pebble -o cat _SYSTEMD_INVOCATION_ID=$(systemctl show -P InvocationID pebble)"
        return int(self.target.succeed(f"{count} | grep -c 'Added order' || true"))

    def point(self, name: str, a: Sequence[str] = (), aaaa: Sequence[str] = ()) -> None:
        """From now on `name` has these addresses and no others."""
        for kind, addresses in (("a", a), ("aaaa", aaaa)):
            self._tell(f"clear-{kind}", {"host": f"{name}."})
            if addresses:
                self._tell(f"add-{kind}", {"host": f"{name}.", "addresses": list(addresses)})

    def break_name(self, name: str) -> None:
        """From now on the name server answers SERVFAIL for `name`."""
        self._tell("set-servfail", {"host": f"{name}."})

    def mend_name(self, name: str) -> None:
        self._tell("clear-servfail", {"host": f"{name}."})

    def _tell(self, path: str, what: object) -> None:
        body = json.dumps(what)
        self._python(f"import urllib.request as u;u.urlopen('{_SWITCHBOARD}/{path}',data={body.encode()!r},timeout=10)")

    def _python(self, program: str) -> str:
        return self.target.succeed(f"python3 -c {shlex.quote(program)}")

    def _write(self, path: str, text: str) -> None:
        self.target.succeed(f"printf %s {shlex.quote(text)} >{path}")
