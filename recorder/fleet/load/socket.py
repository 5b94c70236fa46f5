"""WebSockets on gevent."""


class Refused(ConnectionError):
    status = 0


class Socket:
    def send(self, body: bytes) -> None: ...
