"""moto's S3 server on a free port, which answers one request after the other.

It looks at a put's condition in one step and writes in another; on a busy machine another put came between (tried: one
update in some two thousand was lost), as it never may in a store that holds to conditions.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from typing import Any

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from werkzeug.serving import run_simple

ONE = threading.Lock()


def one_by_one(application: Any) -> Any:
    """The application, with the whole of an answer made before the next question is looked at."""

    def answer(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        with ONE:
            return list(application(environ, start_response))

    return answer


if __name__ == "__main__":
    moto = one_by_one(DomainDispatcherApplication(create_backend_app))
    run_simple("127.0.0.1", 0, moto, threaded=True, request_handler=MotoRequestHandler)
