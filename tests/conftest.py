"""Of every kind of test."""

import signal

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # as a shell starts what runs in its background
    signal.signal(signal.SIGINT, signal.default_int_handler)  # or what the tests start could not be stopped by Ctrl-C
