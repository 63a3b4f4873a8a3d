"""One box with one app of your own: an Express API with a queue of its own in Redis, and a worker beside it."""

from roles.apps import App, Folder, Node, Process, Route
from roles.firewall import Firewall
from roles.nginx import Nginx
from roles.redis import Redis
from roles.server import Server, group
from roles.ssh import Ssh
from roles.tls import Tls


class Api(App):
    title = "API"
    runtime = Node()
    needs = frozenset({"redis"})
    variables = {"NODE_ENV": "production"}
    processes = (Process("web", "npm start"), Process("worker", "npm run worker", web=False))
    routes = (Route("/"),)
    redis_use = "queue"
    health = "/health"


prod = group(
    Server(
        host="203.0.113.10",
        ssh=Ssh(keys=("~/.ssh/id_ed25519.pub",)),
        firewall=Firewall(),
        redis=Redis(),
        tls=Tls(),
        nginx=Nginx(),
        apps=(Api(name="api", domain="api.example.com", source=Folder(path="api")),),
    )
)
