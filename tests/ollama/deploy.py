"""Ollama and what it stands on."""

from roles import base, firewall, ollama
from roles.operations import converge

converge(base, firewall, ollama)
