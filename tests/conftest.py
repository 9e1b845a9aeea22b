"""Of every kind of test."""

import os
import signal

import hypothesis

# One thread per process, unless the caller says otherwise: the tests are run by several processes at once, and threads
# of linear algebra that wait for each other's core take many times as long. Read when numpy and torch are imported.
for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS"):
    os.environ.setdefault(_name, "1")

# Drawn tests: a run of the CI (which sets CI, as .ci/run does) can be repeated, other runs look elsewhere each time.
hypothesis.settings.register_profile("ci", derandomize=True, database=None, deadline=None, print_blob=True)
hypothesis.settings.register_profile("local", deadline=None)
hypothesis.settings.load_profile("ci" if os.environ.get("CI") else "local")

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # as a shell starts what runs in its background
    signal.signal(signal.SIGINT, signal.default_int_handler)  # or what the tests start could not be stopped by Ctrl-C
