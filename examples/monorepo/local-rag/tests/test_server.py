"""The service as clients meet it: a real process on a free port."""

import http.client
import json
import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

from local_rag import __version__
from local_rag.server import MAX_BODY_BYTES

PROJECT = Path(__file__).resolve().parent.parent


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class ServerTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        self.port = free_port()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "local_rag"],
            cwd=PROJECT,
            env={**os.environ, "PORT": str(self.port), "STATE_DIRECTORY": self.folder},
            stderr=subprocess.PIPE,
        )
        self.addCleanup(self.process.stderr.close)
        self.addCleanup(self.stop)
        self.assertIn(b"listening", self.process.stderr.readline())

    def stop(self):
        self.process.terminate()
        return self.process.wait(timeout=15)

    def ask(self, method, path, body=None, headers=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        self.addCleanup(connection.close)
        connection.request(method, path, body, headers or {})
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read() or b"null")

    def send(self, request):
        with socket.create_connection(("127.0.0.1", self.port), timeout=15) as connection:
            try:
                connection.sendall(request)
                connection.shutdown(socket.SHUT_WR)
                answer = b""
                while chunk := connection.recv(65536):
                    answer += chunk
                return answer
            except ConnectionError:
                return b""

    def test_health_is_up_with_version_and_checks(self):
        status, health = self.ask("GET", "/health")
        self.assertEqual((status, health["status"], health["version"]), (200, "healthy", __version__))
        self.assertEqual(health["checks"]["index"]["status"], "up")

    def test_health_is_down_when_the_documents_are_gone(self):
        os.remove(os.path.join(self.folder, "documents.jsonl"))
        status, health = self.ask("GET", "/health")
        self.assertEqual((status, health["checks"]["index"]["status"]), (503, "down"))

    def test_a_document_is_found_again(self):
        self.assertEqual(self.ask("POST", "/documents", '{"title": "Tide", "text": "high water"}'), (201, {"id": 1}))
        results = self.ask("GET", "/query?q=Water")[1]["results"]
        self.assertEqual([hit["title"] for hit in results], ["Tide"])

    def test_what_is_not_a_document_is_refused(self):
        for body in [b"", b"{", b"[]", b"{}", b'{"title": 1, "text": 2}', b'{"title": "a", "text": " "}', b"\xff",
                     b'{"title": "a", "text": "\\ud800"}', b"[" * 100_000, b'{"title": "' + b"x" * 201 + b'", "text": "a"}']:
            with self.subTest(body=body[:20]):
                self.assertEqual(self.ask("POST", "/documents", body)[0], 400)
        self.assertEqual(self.ask("POST", "/documents", b"x" * (MAX_BODY_BYTES + 1))[0], 413)
        self.assertIn(b" 411 ", self.send(b"POST /documents HTTP/1.1\r\nHost: x\r\n\r\n"))
        self.assertIn(b" 411 ", self.send(b"POST /documents HTTP/1.1\r\nContent-Length: -1\r\n\r\n"))
        self.assertEqual(self.ask("GET", "/query")[0], 400)
        self.assertEqual(self.ask("GET", "/elsewhere")[0], 404)
        self.assertEqual(self.ask("POST", "/query")[0], 404)

    def test_rubbish_does_not_stop_it(self):
        chosen = random.Random(1)
        pieces = [b"GET ", b"POST ", b"/documents", b"/query?q=%ff&q", b" HTTP/1.1", b"\r\n", b"\r\n\r\n", b"Content-Length: 5", b"\0",
                  b"//[", b"\xff\xfe", b"A" * 70_000]
        for _ in range(300):
            parts = [chosen.choice(pieces + [chosen.randbytes(9)]) for _ in range(chosen.randrange(1, 10))]
            self.send(b"".join(parts))
        self.assertEqual(self.ask("GET", "/health")[0], 200)

    def test_sigterm_ends_it_with_status_0(self):
        self.ask("POST", "/documents", '{"title": "Tide", "text": "high water"}')
        with socket.create_connection(("127.0.0.1", self.port), timeout=5) as connection:
            connection.sendall(b"GET /health HTTP/1.0\r\n")
            self.ask("GET", "/health")  # the connection above was accepted before this one
            self.process.send_signal(signal.SIGTERM)
            connection.sendall(b"\r\n")
            self.assertIn(b" 200 ", connection.recv(100))
        self.assertEqual(self.process.wait(timeout=15), 0)


if __name__ == "__main__":
    unittest.main()
