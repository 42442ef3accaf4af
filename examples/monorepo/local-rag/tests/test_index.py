"""The index alone: ranking, and what it does with its file."""

import os
import tempfile
import unittest

from local_rag.index import Index, IndexFull


class IndexTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        self.path = os.path.join(self.folder, "documents.jsonl")

    def open(self, **options):
        index = Index(self.folder, **options)
        self.addCleanup(index.close)
        return index

    def test_a_rare_word_weighs_more_than_a_common_one(self):
        index = self.open()
        index.add("harbour", "the boat lies in the harbour")
        index.add("garden", "the the the the rose")
        index.add("kitchen", "the bread")
        self.assertEqual([hit["title"] for hit in index.search("the boat")][0], "harbour")

    def test_a_shorter_document_wins_at_the_same_count(self):
        index = self.open()
        index.add("long", "tide " + "and other words " * 50)
        index.add("short", "tide")
        self.assertEqual([hit["title"] for hit in index.search("TIDE")], ["short", "long"])

    def test_nothing_is_found_where_nothing_matches(self):
        index = self.open()
        self.assertEqual(index.search("boat"), [])
        index.add("a", "rose")
        self.assertEqual(index.search("boat"), [])
        self.assertEqual(index.search("!?"), [])

    def test_documents_are_there_after_a_restart(self):
        self.open().add("Hafen", "Das Schiff liegt im Hafen \u26f5\nam Kai")
        hit = self.open().search("schiff")[0]
        self.assertEqual((hit["id"], hit["snippet"]), (1, "Das Schiff liegt im Hafen \u26f5\nam Kai"))

    def test_a_line_cut_short_by_a_crash_is_dropped(self):
        self.open().add("whole", "boat")
        with open(self.path, "ab") as file:
            file.write(b'{"title": "half", "te')
        index = self.open()
        self.assertTrue(index.is_healthy())
        self.assertEqual(index.add("next", "boat"), 2)
        self.assertEqual(len(self.open().search("boat")), 2)

    def test_a_damaged_file_is_an_error(self):
        for line in [b"not json\n", b"[]\n", b"{}\n", b"\xff\n"]:
            with open(self.path, "wb") as file:
                file.write(line)
            with self.assertRaisesRegex(ValueError, "line 1 "):
                Index(self.folder)

    def test_a_full_index_refuses(self):
        index = self.open(max_documents=1)
        index.add("a", "a")
        with self.assertRaises(IndexFull):
            index.add("b", "b")

    def test_a_file_taken_away_is_unhealthy(self):
        index = self.open()
        index.add("a", "a")
        self.assertTrue(index.is_healthy())
        os.remove(self.path)
        self.assertFalse(index.is_healthy())


if __name__ == "__main__":
    unittest.main()
