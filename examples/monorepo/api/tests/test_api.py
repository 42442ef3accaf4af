"""Starts the built program on a free port and talks to it as clients do, well-behaved and not."""

import http.client
import json
import os
import random
import shutil
import signal
import socket
import sqlite3
import subprocess
import tempfile
import time
import unittest
from pathlib import Path

PROGRAM = Path(__file__).resolve().parent.parent / "build" / "api"
TOKEN = "example-token"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Service:
    """One running program and its folder."""

    def __init__(self, **environment):
        self.port = free_port()
        self.folder = tempfile.mkdtemp()
        self.process = subprocess.Popen(
            [PROGRAM],
            env={"PORT": str(self.port), "STATE_DIRECTORY": self.folder, **environment},
            stderr=subprocess.PIPE,
        )
        self.first_line = self.process.stderr.readline().decode()

    def ask(self, method, path, body=None, headers=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request(method, path, body, headers or {})
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        finally:
            connection.close()

    def send(self, request):
        """Sends raw bytes and returns all that comes back."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=15) as connection:
            try:
                connection.sendall(request)
                connection.shutdown(socket.SHUT_WR)
                answer = b""
                while chunk := connection.recv(65536):
                    answer += chunk
                return answer
            except (BrokenPipeError, ConnectionResetError):
                return b""

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
        status = self.process.wait(timeout=10)
        self.process.stderr.close()
        shutil.rmtree(self.folder)
        return status


class ApiTest(unittest.TestCase):
    def start(self, **environment):
        service = Service(**environment)
        self.addCleanup(service.stop)
        return service

    def test_health_is_up_with_version_and_checks(self):
        status, body = self.start().ask("GET", "/api/health")
        health = json.loads(body)
        self.assertEqual(status, 200)
        self.assertEqual(health["status"], "healthy")
        self.assertEqual(health["checks"]["database"]["status"], "up")
        printed = subprocess.check_output([PROGRAM, "--version"], text=True)
        self.assertEqual(printed, f"api {health['version']}\n")
        self.assertRegex(health["timestamp"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$")

    def test_health_is_down_when_the_table_is_gone(self):
        service = self.start()
        database = sqlite3.connect(os.path.join(service.folder, "api.db"))
        database.execute("DROP TABLE notes")
        database.close()
        status, body = service.ask("GET", "/api/health")
        self.assertEqual(status, 503)
        self.assertEqual(json.loads(body)["checks"]["database"]["status"], "down")
        self.assertEqual(service.ask("GET", "/api/notes")[0], 503)

    def test_notes_come_back_as_they_were_sent(self):
        service = self.start()
        texts = ["plain", 'quotes " and \\ and \n', "naïve 船 \U0001f6a2", "</script>\t\x01"]
        for text in texts:
            status, body = service.ask("POST", "/api/notes", json.dumps({"text": text}))
            self.assertEqual((status, json.loads(body)["text"]), (201, text))
        listed = json.loads(service.ask("GET", "/api/notes")[1])
        self.assertEqual([note["text"] for note in listed], texts[::-1])

    def test_notes_survive_a_restart(self):
        service = self.start()
        service.ask("POST", "/api/notes", '{"text": "kept"}')
        service.process.terminate()
        self.assertEqual(service.process.wait(timeout=10), 0)
        again = self.start(STATE_DIRECTORY=service.folder)
        self.assertIn("kept", again.ask("GET", "/api/notes")[1])

    def test_what_is_not_a_note_is_refused(self):
        service = self.start()
        refused = [b"", b"{", b"[]", b"{}", b'{"text": 1}', b'{"text": ""}', b'{"text": null}', b"\xff\xfe",
                   b'{"text": "\\ud800"}', b'{"text": "\xc3"}', b'{"text": "' + b"x" * 4097 + b'"}', b"[" * 8000]
        for body in refused:
            with self.subTest(body=body[:20]):
                self.assertEqual(service.ask("POST", "/api/notes", body)[0], 400)
        self.assertEqual(service.ask("GET", "/api/notes")[1], "[]")

    def test_a_token_is_required_where_one_is_set(self):
        service = self.start(API_TOKEN=TOKEN)
        note = '{"text": "x"}'
        for header in [None, "", "Bearer", "Bearer example-tokeN", "Basic example-token", f"Bearer {TOKEN}x"]:
            headers = {} if header is None else {"Authorization": header}
            self.assertEqual(service.ask("POST", "/api/notes", note, headers)[0], 401)
        self.assertEqual(service.ask("POST", "/api/notes", note, {"Authorization": f"Bearer {TOKEN}"})[0], 201)

    def test_unknown_paths_and_methods(self):
        service = self.start()
        self.assertEqual(service.ask("GET", "/")[0], 200)
        self.assertEqual(service.ask("GET", "/api/health?verbose=1")[0], 200)
        self.assertEqual(service.ask("HEAD", "/api/health"), (200, ""))
        self.assertEqual(service.ask("GET", "/api/healthy")[0], 404)
        self.assertEqual(service.ask("DELETE", "/api/notes")[0], 405)
        self.assertTrue(service.send(b"GET / HTTP/1.0\r\n\r\n").startswith(b"HTTP/1.1 200 "))

    def test_malformed_requests_get_their_status(self):
        service = self.start()
        line = b"POST /api/notes HTTP/1.1\r\nHost: x\r\n"
        for request, status in [
            (b"\r\n\r\n", 400),
            (b"hello", 400),
            (b"GET /\r\n\r\n", 400),
            (b"GET / HTTP/1.1\r\n\r\n", 400),
            (b"GET / HTTP/2.0\r\nHost: x\r\n\r\n", 505),
            (b"GET / HTTP/1.1\r\nHost : x\r\n\r\n", 400),
            (b"GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n", 400),
            (b"GET /\0 HTTP/1.1\r\nHost: x\r\n\r\n", 400),
            (b"GET / HTTP/1.1\r\nHost: x\r\n folded\r\n\r\n", 400),
            (line + b"Content-Length: -1\r\n\r\n", 400),
            (line + b"Content-Length: 1\r\nContent-Length: 1\r\n\r\nx", 400),
            (line + b"Content-Length: 99999999999999999999999\r\n\r\n", 413),
            (line + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 501),
            (line + b"Content-Length: 10\r\n\r\nshort", 400),
            (b"GET / HTTP/1.1\r\nHost: x\r\nA: " + b"a" * 9000 + b"\r\n\r\n", 431),
            (b"A" * 100_000, 431),
        ]:
            with self.subTest(request=request[:60]):
                answer = service.send(request)
                self.assertTrue(answer.startswith(b"HTTP/1.1 %d " % status), answer[:40])

    def test_rubbish_does_not_stop_it(self):
        service = self.start()
        chosen = random.Random(1)
        pieces = [b"GET ", b"POST ", b"/api/notes", b" HTTP/1.1", b"\r\n", b"\r\n\r\n", b"Content-Length: 5", b":", b"\0",
                  b"Host: x", b'{"text":"', b"\xff\xfe", b" ", b"\t", b"Expect: 100-continue", b"A" * 3000]
        for _ in range(500):
            parts = [chosen.choice(pieces + [chosen.randbytes(9)]) for _ in range(chosen.randrange(1, 12))]
            service.send(b"".join(parts))
        self.assertEqual(service.ask("GET", "/api/health")[0], 200)

    def test_clients_that_leave_or_wait_do_not_stop_it(self):
        service = self.start()
        waiting = [socket.create_connection(("127.0.0.1", service.port)) for _ in range(200)]
        for connection in waiting[:100]:
            connection.sendall(b"GET /api/notes HT")
        for connection in waiting[:50]:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            connection.close()
        self.assertEqual(service.ask("GET", "/api/health")[0], 200)
        for connection in waiting:
            connection.close()

    def test_a_large_body_waits_for_100_continue(self):
        service = self.start()
        body = json.dumps({"text": "x" * 2000}).encode()
        with socket.create_connection(("127.0.0.1", service.port), timeout=5) as connection:
            connection.sendall(b"POST /api/notes HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n"
                               b"Content-Length: %d\r\n\r\n" % len(body))
            self.assertEqual(connection.recv(100), b"HTTP/1.1 100 Continue\r\n\r\n")
            connection.sendall(body)
            self.assertTrue(connection.recv(100).startswith(b"HTTP/1.1 201 "))

    def test_sigterm_answers_the_request_it_has_begun(self):
        service = self.start()
        with socket.create_connection(("127.0.0.1", service.port), timeout=5) as connection:
            connection.sendall(b"GET /api/notes HTTP/1.1\r\n")
            service.ask("GET", "/")  # the connection above was accepted before this one
            service.process.send_signal(signal.SIGTERM)
            while True:
                try:
                    service.ask("GET", "/")
                except (ConnectionRefusedError, ConnectionResetError, http.client.RemoteDisconnected):
                    break
            connection.sendall(b"Host: x\r\n\r\n")
            self.assertTrue(connection.recv(100).startswith(b"HTTP/1.1 200 "))
        begun = time.monotonic()
        self.assertEqual(service.process.wait(timeout=10), 0)
        self.assertLess(time.monotonic() - begun, 5)

    def test_a_wrong_port_or_folder_is_said(self):
        for environment in [{"PORT": "0"}, {"PORT": "81x"}, {"PORT": "65536"}, {"STATE_DIRECTORY": "/nonexistent"}]:
            with self.subTest(environment=environment):
                done = subprocess.run([PROGRAM], env=environment, capture_output=True, timeout=10)
                self.assertEqual(done.returncode, 1)
                self.assertTrue(done.stderr.startswith(b"api: "))
        self.assertEqual(subprocess.run([PROGRAM, "--what"], capture_output=True).returncode, 2)


if __name__ == "__main__":
    unittest.main()
