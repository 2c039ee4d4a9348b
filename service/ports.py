"""Whether a port can be listened on, asked before anything else is started."""

import errno
import socket

from service.errors import SettingsWrong


def free_port(host: str, port: int) -> None:
    """Do nothing when the port is free. Raises SettingsWrong with one clear line when it is not."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            why = (
                "is taken by another program" if error.errno == errno.EADDRINUSE else f"can't be used: {error.strerror}"
            )
            raise SettingsWrong(f"port {port} on {host} {why}; choose another with --port") from None
