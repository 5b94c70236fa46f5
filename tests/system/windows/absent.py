"""Names that Python has on Linux and not on Windows, by the "Availability" notes of its library reference."""

from __future__ import annotations

import re
import signal

MODULES = frozenset({"fcntl", "resource", "pwd", "grp", "termios", "tty", "pty", "syslog", "crypt", "posix", "curses"})
OS = frozenset(
    re.findall(
        r"\w+",
        "chown chroot fchdir fchmod fchown fdatasync fork forkpty fpathconf fstatvfs getegid geteuid getgid "
        "getgroups getloadavg getpgid getpgrp getsid getuid initgroups killpg lchown lockf login_tty major "
        "minor mkfifo mknod nice openpty pathconf pipe2 posix_fadvise posix_fallocate posix_spawn pread "
        "preadv pwrite pwritev readv register_at_fork sched_getaffinity sched_setaffinity sched_yield "
        "sendfile setegid seteuid setgid setpgid setsid setuid statvfs sync sysconf tcgetpgrp uname wait "
        "wait3 wait4 waitid writev O_ASYNC O_CLOEXEC O_DIRECT O_DIRECTORY O_DSYNC O_NOATIME O_NOCTTY "
        "O_NOFOLLOW O_NONBLOCK O_SYNC O_TMPFILE ST_RDONLY WNOHANG EX_USAGE",
    )
)
KEPT_SIGNALS = frozenset(["SIGABRT", "SIGFPE", "SIGILL", "SIGINT", "SIGSEGV", "SIGTERM"])
SIGNAL = frozenset(name for name in dir(signal) if name.startswith("SIG") and "_" not in name) - KEPT_SIGNALS | {
    "setitimer", "getitimer", "alarm", "pause", "ITIMER_REAL", "pthread_kill", "pthread_sigmask", "sigwait",
    "siginterrupt", "SIG_BLOCK", "SIG_UNBLOCK",
}  # fmt: skip
