"""The HTTP side: /health, POST /documents and GET /query?q=."""

import json
import os
import signal
import socket
import sys
import tempfile
import threading
import time
from datetime import datetime, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

from local_rag import __version__
from local_rag.index import Index, IndexFull

MAX_BODY_BYTES = 256 * 1024
MAX_TITLE_CHARACTERS = 200
MAX_CONNECTIONS = 64
READ_TIMEOUT_SECONDS = 5


class Refused(Exception):
    """A request that is answered with `status` and the reason."""

    def __init__(self, status, reason):
        super().__init__(reason)
        self.status = status


class Handler(BaseHTTPRequestHandler):
    """Answers one request and closes the connection, as HTTP/1.0 does."""

    server_version = f"local-rag/{__version__}"
    sys_version = ""
    timeout = READ_TIMEOUT_SECONDS

    def do_GET(self):
        self.reply(self.get)

    do_HEAD = do_GET

    def do_POST(self):
        self.reply(self.post)

    def reply(self, route):
        try:
            status, document = route()
        except Refused as refusal:
            status, document = refusal.status, {"error": str(refusal)}
        self.answer(status, document)

    def target(self):
        """The path, and the query's parameters with their values."""
        try:
            url = urlsplit(self.path)
            return url.path, parse_qs(url.query, max_num_fields=10)
        except ValueError:
            raise Refused(400, "this address was not understood") from None

    def get(self):
        path, parameters = self.target()
        if path == "/":
            return 200, {"service": "local-rag", "version": __version__}
        if path == "/health":
            return self.health()
        if path == "/query":
            question = parameters.get("q", [""])[0]
            if not question.strip():
                raise Refused(400, "the parameter q is missing")
            return 200, {"results": self.server.index.search(question)}
        raise Refused(404, "not found")

    def post(self):
        path, _ = self.target()
        if path != "/documents":
            raise Refused(404, "not found")
        title, text = self.document()
        try:
            return 201, {"id": self.server.index.add(title, text)}
        except (IndexFull, OSError) as error:
            print(f"local-rag: cannot store: {error!r}", file=sys.stderr, flush=True)
            raise Refused(507, "the document cannot be stored") from None

    def document(self):
        """The title and the text in the body."""
        length = self.headers.get("Content-Length", "")
        if self.headers.get("Transfer-Encoding") or not (length.isascii() and length.isdigit()):
            raise Refused(411, "a Content-Length is required")
        if len(length) > 9 or int(length) > MAX_BODY_BYTES:
            raise Refused(413, f"a document has at most {MAX_BODY_BYTES} bytes")
        try:
            body = self.rfile.read(int(length))
        except TimeoutError:
            raise Refused(408, "the body did not come in time") from None
        try:
            document = json.loads(body)
            title, text = document["title"], document["text"]
            valid = isinstance(title, str) and isinstance(text, str) and text.strip() and len(title) <= MAX_TITLE_CHARACTERS
            if valid:
                (title + text).encode()  # a lone surrogate cannot be stored
        except (ValueError, KeyError, TypeError, RecursionError):
            valid = False
        if not valid:
            raise Refused(400, f'send {{"title": "at most {MAX_TITLE_CHARACTERS} characters", "text": "..."}}')
        return title, text

    def health(self):
        begun = time.monotonic()
        up = self.server.index.is_healthy()
        spent = int((time.monotonic() - begun) * 1000)
        return 200 if up else 503, {
            "status": "healthy" if up else "unhealthy",
            "checks": {"index": {"status": "up" if up else "down", "latencyMs": spent}},
            "version": __version__,
            "uptime": int(begun - self.server.started),
            "timestamp": datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "responseTimeMs": int((time.monotonic() - begun) * 1000),
        }

    def answer(self, status, document):
        body = json.dumps(document).encode() + b"\n"
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def finish(self):
        """Closing with unread input would reset the connection, and the answer could be lost."""
        super().finish()
        try:
            self.connection.shutdown(socket.SHUT_WR)
            until = time.monotonic() + 1
            while (left := until - time.monotonic()) > 0:
                self.connection.settimeout(left)
                if not self.connection.recv(65536):
                    break
        except OSError:
            pass  # the client has gone, which is what this waits for

    def log_request(self, code="-", size="-"):
        """No access log: the proxy in front writes one."""


class Server(ThreadingHTTPServer):
    """At most MAX_CONNECTIONS at once; the others wait in the listen queue."""

    request_queue_size = 128
    daemon_threads = False

    def __init__(self, port, index):
        self.index = index
        self.started = time.monotonic()
        self._places = threading.BoundedSemaphore(MAX_CONNECTIONS)
        super().__init__(("127.0.0.1", port), Handler)

    def process_request(self, request, client_address):
        self._places.acquire()
        try:
            super().process_request(request, client_address)
        except BaseException:
            self._places.release()
            raise

    def process_request_thread(self, request, client_address):
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._places.release()

    def handle_error(self, request, client_address):
        error = sys.exc_info()[1]
        if not isinstance(error, (ConnectionError, TimeoutError)):
            print(f"local-rag: {error!r}", file=sys.stderr, flush=True)

    def finish_waiting(self):
        """After shutdown(): takes no more connections, and answers those that are already waiting."""
        waiting = []
        self.socket.setblocking(False)
        try:
            while len(waiting) < self.request_queue_size:
                waiting.append(self.get_request())
        except OSError:
            pass  # nobody is left in the queue
        self.socket.close()
        for request, client_address in waiting:
            self.process_request(request, client_address)
        self.server_close()


def serve(port, folder):
    index = Index(folder)
    server = Server(port, index)

    def stop(_signal, _frame):
        # shutdown() waits for serve_forever(), which this thread is running.
        threading.Thread(target=server.shutdown).start()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    print(f"local-rag {__version__}: listening on 127.0.0.1:{port}", file=sys.stderr, flush=True)
    server.serve_forever(poll_interval=0.1)
    server.finish_waiting()
    index.close()
    print("local-rag: stopped", file=sys.stderr, flush=True)


def main(arguments=None):
    arguments = sys.argv[1:] if arguments is None else arguments
    if arguments == ["--version"]:
        print(f"local-rag {__version__}")
        return 0
    if arguments == ["--help"]:
        print("usage: local-rag [--version | --help]\nServes search over documents on 127.0.0.1; see local-rag(1).")
        return 0
    if arguments:
        print("usage: local-rag [--version | --help]", file=sys.stderr)
        return 2
    port = os.environ.get("PORT") or "8000"
    if not (port.isascii() and port.isdigit() and 1 <= int(port[:6]) <= 65535):
        print(f'local-rag: PORT must be a number from 1 to 65535, not "{port}"', file=sys.stderr)
        return 1
    try:
        folder = os.environ.get("STATE_DIRECTORY")
        if folder:
            serve(int(port), folder)
        else:
            with tempfile.TemporaryDirectory(prefix="local-rag-") as folder:
                serve(int(port), folder)
    except (OSError, ValueError) as error:
        print(f"local-rag: {error}", file=sys.stderr)
        return 1
    return 0
