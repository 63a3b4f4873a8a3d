"""Read by pyinfra before the inventory, for every run from this folder."""

REQUIRE_PYINFRA_VERSION = ">=3.10,<3.11"
