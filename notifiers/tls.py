"""Whom an HTTPS server is vouched for by."""

import ssl
from functools import cache

import httpx


@cache
def trusted() -> ssl.SSLContext:
    """httpx's own choice of certificates, read once: for each client anew it took a thirtieth of a second and a megabyte."""
    return httpx.create_ssl_context()
