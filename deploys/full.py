"""From a bare box to running apps, in the order of need, and what watches over it all."""

from roles import drift
from roles.operations import converge
from roles.order import ORDER

converge(*ORDER, drift)
