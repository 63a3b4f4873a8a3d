"""One box with one static site: files as they are, nothing that runs."""

from roles.apps import App, Folder, Frontend, Route
from roles.firewall import Firewall
from roles.nginx import Nginx
from roles.server import Server, group
from roles.ssh import Ssh
from roles.tls import Tls


class Site(App):
    title = "Site"
    frontend = Frontend(build=None, output="public")
    routes = (Route("/", to="static"),)


prod = group(
    Server(
        host="203.0.113.10",
        ssh=Ssh(keys=("~/.ssh/id_ed25519.pub",)),
        firewall=Firewall(),
        tls=Tls(),
        nginx=Nginx(),
        apps=(Site(name="site", domain="www.example.com", source=Folder(path="site")),),
    )
)
