"""One box with one app of your own: a FastAPI shop with a database, a migration before each release, and a job."""

from roles.apps import App, Folder, Job, Process, Python, Rate, Route
from roles.firewall import Firewall
from roles.nginx import Nginx
from roles.postgres import Postgres
from roles.server import Server, group
from roles.ssh import Ssh
from roles.tls import Tls


class Shop(App):
    title = "Shop"
    runtime = Python()
    needs = frozenset({"postgres"})
    secrets = ("STRIPE_KEY",)
    processes = (Process("web", "uvicorn main:app --fd 3"),)
    routes = (Route("/"), Route("/orders", rate=Rate(10, "minute", burst=10)))
    jobs = (Job("cleanup", "python cleanup.py", "*-*-* 03:00:00"),)
    release_command = "python migrate.py"
    health = "/health"


prod = group(
    Server(
        host="203.0.113.10",
        ssh=Ssh(keys=("~/.ssh/id_ed25519.pub",)),
        firewall=Firewall(),
        postgres=Postgres(),
        tls=Tls(),
        nginx=Nginx(),
        apps=(Shop(name="shop", domain="shop.example.com", source=Folder(path="shop")),),
    )
)
