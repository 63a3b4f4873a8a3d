"""A bucket of S3 in a target: moto, which speaks like it, behind nginx, which ends TLS as pgBackRest wants it."""

import shlex
from dataclasses import dataclass

from target.box import Target

NAME = "boxes"
_FOLDER = "/etc/bucket"
_SITE = f"""
server {{
    listen 443 ssl;
    ssl_certificate {_FOLDER}/cert.pem;
    ssl_certificate_key {_FOLDER}/key.pem;
    client_max_body_size 0;
    location / {{
        proxy_pass http://127.0.0.1:5000;
        proxy_http_version 1.1;
        proxy_set_header Host $http_host;
    }}
}}
"""
_PREPARE = f"""
set -eu
python3 -m venv /opt/bucket
/opt/bucket/bin/pip install -q 'moto[server]==5.2.5'
mkdir -p {_FOLDER} && cd {_FOLDER}
openssl req -x509 -newkey rsa:2048 -nodes -days 30 -subj '/CN=bucket' -keyout key.pem -out cert.pem \
    -addext "subjectAltName=IP:$1" -addext keyUsage=critical,keyCertSign,digitalSignature
printf %s {shlex.quote(_SITE)} >/etc/nginx/sites-enabled/default
systemctl restart nginx
systemd-run -q --unit=bucket /opt/bucket/bin/moto_server -H 127.0.0.1 -p 5000
"""
_CREATE = f"import urllib.request as u; u.urlopen(u.Request('http://127.0.0.1:5000/{NAME}', method='PUT'), timeout=5)"


@dataclass(frozen=True)
class Bucket:
    """An empty bucket on `target`, in its memory. It takes any key."""

    target: Target

    @staticmethod
    def install(target: Target) -> "Bucket":
        """What is reached from other targets, by the address of this one. Raises AssertionError."""
        target.install("nginx", "openssl", "python3-venv")
        target.succeed(f"sh -c {shlex.quote(_PREPARE)} sh {target.address} 2>&1")
        target.wait_until(f'python3 -c "{_CREATE}"', 60)
        return Bucket(target)

    @property
    def place(self) -> str:
        """What a user calls it."""
        return f"{self.target.address}/{NAME}"

    def is_trusted_by(self, other: Target) -> None:
        """Have another target trust its certificate, as it would trust one of a CA."""
        pem = self.target.succeed(f"cat {_FOLDER}/cert.pem")
        other.succeed(
            f"echo {shlex.quote(pem)} >/usr/local/share/ca-certificates/bucket.crt; update-ca-certificates 2>&1"
        )
