"""The commands of `boxkeeper`, one file each. They add no power: what they do to a box is a pyinfra line they print."""
