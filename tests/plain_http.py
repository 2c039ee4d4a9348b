"""HTTP without certificates: the tests speak to this machine alone, and reading the world's certificates takes a client 30 ms
of a processor, which a service that starts beside it has to wait for."""

import ssl

NO_CERTIFICATES = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
