"""Documents on disk, one JSON line each, and a BM25 index of them in memory."""

import json
import math
import os
import re
import threading
from collections import Counter

# The usual BM25 constants (Robertson and Zaragoza, 2009).
K1 = 1.5
B = 0.75

SNIPPET_CHARACTERS = 200


class IndexFull(Exception):
    """The index already holds as many documents as it may."""


def words(text):
    return re.findall(r"\w+", text.casefold())


class Index:
    """All documents of one folder. Every method may be called from any thread."""

    def __init__(self, folder, max_documents=10_000):
        self._path = os.path.join(folder, "documents.jsonl")
        self._max_documents = max_documents
        self._lock = threading.Lock()
        self._documents = []
        self._counts = []
        self._lengths = []
        self._holders = {}
        self._file = open(self._path, "a+b")
        try:
            self._size = self._load()
        except (ValueError, KeyError, TypeError):
            self._file.close()
            raise ValueError(f"{self._path}: line {len(self._documents) + 1} is not a document") from None

    def _load(self):
        """Reads the documents and cuts off a last line that was not written to its end."""
        whole = 0
        self._file.seek(0)
        for line in self._file:
            if not line.endswith(b"\n"):
                break
            document = json.loads(line)
            self._remember(document["title"], document["text"])
            whole += len(line)
        self._file.truncate(whole)
        return whole

    def _remember(self, title, text):
        number = len(self._documents)
        counts = Counter(words(title) + words(text))
        self._documents.append({"id": number + 1, "title": title, "text": text})
        self._counts.append(counts)
        self._lengths.append(sum(counts.values()))
        for word in counts:
            self._holders.setdefault(word, []).append(number)
        return number + 1

    def add(self, title, text):
        """Stores a document durably and returns its number, counted from 1."""
        line = json.dumps({"title": title, "text": text}).encode() + b"\n"
        with self._lock:
            if len(self._documents) >= self._max_documents:
                raise IndexFull
            try:
                self._file.write(line)
                self._file.flush()
                os.fsync(self._file.fileno())
            except OSError:
                self._forget_unwritten()
                raise
            self._size += len(line)
            return self._remember(title, text)

    def _forget_unwritten(self):
        """After a failed write: a new file object has no half line in its buffer."""
        try:
            self._file.close()
        except OSError:
            pass  # the line could not be written a second time either, and is cut off below
        self._file = open(self._path, "a+b")
        self._file.truncate(self._size)

    def search(self, query, limit=10):
        """The best documents for a query, best first."""
        with self._lock:
            total = len(self._documents)
            average = sum(self._lengths) / total if total else 0
            scores = Counter()
            for word in set(words(query)):
                holders = self._holders.get(word, [])
                weight = math.log(1 + (total - len(holders) + 0.5) / (len(holders) + 0.5))
                for number in holders:
                    count = self._counts[number][word]
                    length = K1 * (1 - B + B * self._lengths[number] / average)
                    scores[number] += weight * count * (K1 + 1) / (count + length)
            best = sorted(scores, key=lambda number: (-scores[number], number))[:limit]
            return [
                {
                    "id": self._documents[number]["id"],
                    "title": self._documents[number]["title"],
                    "score": round(scores[number], 4),
                    "snippet": self._documents[number]["text"][:SNIPPET_CHARACTERS],
                }
                for number in best
            ]

    def is_healthy(self):
        """Whether the file on disk is the one this index wrote, and can be written to."""
        with self._lock:
            try:
                return os.stat(self._path).st_size == self._size and os.access(self._path, os.W_OK)
            except OSError:
                return False

    def close(self):
        with self._lock:
            self._file.close()
