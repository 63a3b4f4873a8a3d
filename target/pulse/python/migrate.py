"""Before a version takes traffic: long enough to be cut off in the middle."""

import time

time.sleep(1)
print("migrated")
