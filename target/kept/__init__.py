"""Kept: a box whose data is backed up on another one, to be lost and rebuilt."""
