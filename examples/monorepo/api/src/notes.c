/* Notes in sqlite. JSON is read and written by sqlite's own JSON functions. */
#include "notes.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char schema[] =
    "CREATE TABLE IF NOT EXISTS notes ("
    " id INTEGER PRIMARY KEY,"
    " text TEXT NOT NULL,"
    " created_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%SZ', 'now')))";

static const char health_query[] = "SELECT count(*) FROM notes";

static const char list_query[] =
    "SELECT json_group_array(json(note)) FROM ("
    " SELECT json_object('id', id, 'text', text, 'createdAt', created_at) AS note"
    " FROM notes ORDER BY id DESC LIMIT 100)";

/* CASE keeps json_type and json_extract away from text that is not JSON. */
static const char text_query[] =
    "SELECT CASE WHEN json_valid(?1) THEN"
    " CASE json_type(?1, '$.text') WHEN 'text' THEN json_extract(?1, '$.text') END END";

static const char insert_query[] = "INSERT INTO notes (text) VALUES (?1)";

static const char added_query[] =
    "SELECT json_object('id', id, 'text', text, 'createdAt', created_at)"
    " FROM notes WHERE id = last_insert_rowid()";

static sqlite3 *database;

/*
 * Runs one statement with `input` as its parameter ?1 (NULL: none), and copies the
 * first column of the first row to *output (NULL where there is none).
 */
static bool run(const char *sql, const char *input, size_t length, char **output)
{
    sqlite3_stmt *statement = NULL;
    bool done = false;

    if (output)
        *output = NULL;
    if (sqlite3_prepare_v2(database, sql, -1, &statement, NULL) == SQLITE_OK
        && (!input || sqlite3_bind_text(statement, 1, input, (int)length, SQLITE_STATIC) == SQLITE_OK)) {
        int step = sqlite3_step(statement);
        done = step == SQLITE_DONE || step == SQLITE_ROW;
        if (step == SQLITE_ROW && output) {
            const unsigned char *text = sqlite3_column_text(statement, 0);
            if (text && !(*output = strdup((const char *)text)))
                done = false;
        }
    }
    if (!done)
        fprintf(stderr, "api: database: %s\n", sqlite3_errmsg(database));
    sqlite3_finalize(statement);
    return done;
}

/* RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF. */
static bool is_utf8(const char *text)
{
    const unsigned char *at = (const unsigned char *)text;

    while (*at) {
        unsigned char first = *at++;
        unsigned char low = 0x80, high = 0xbf;
        int more;

        if (first < 0x80)
            continue;
        if (first >= 0xc2 && first <= 0xdf)
            more = 1;
        else if (first >= 0xe0 && first <= 0xef)
            more = 2;
        else if (first >= 0xf0 && first <= 0xf4)
            more = 3;
        else
            return false;
        if (first == 0xe0)
            low = 0xa0;
        else if (first == 0xed)
            high = 0x9f;
        else if (first == 0xf0)
            low = 0x90;
        else if (first == 0xf4)
            high = 0x8f;
        for (; more > 0; more--) {
            if (*at < low || *at > high)
                return false;
            at++;
            low = 0x80;
            high = 0xbf;
        }
    }
    return true;
}

bool notes_open(const char *path)
{
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;

    if (sqlite3_open_v2(path, &database, flags, NULL) != SQLITE_OK) {
        fprintf(stderr, "api: %s: %s\n", path, database ? sqlite3_errmsg(database) : "out of memory");
        notes_close();
        return false;
    }
    /* Two versions may share the file for a moment while one replaces the other. */
    sqlite3_busy_timeout(database, 2000);
    if (!run(schema, NULL, 0, NULL)) {
        notes_close();
        return false;
    }
    return true;
}

void notes_close(void)
{
    sqlite3_close(database);
    database = NULL;
}

char *notes_list(void)
{
    char *list = NULL;

    run(list_query, NULL, 0, &list);
    return list;
}

enum note_result notes_add(const char *json, size_t length, char **note)
{
    enum note_result result = NOTE_REFUSED;
    char *text = NULL;

    *note = NULL;
    if (!run(text_query, json, length, &text))
        return NOTE_FAILED;
    if (text && *text && strlen(text) <= NOTE_MAX_BYTES && is_utf8(text)) {
        result = NOTE_FAILED;
        if (run(insert_query, text, strlen(text), NULL) && run(added_query, NULL, 0, note) && *note)
            result = NOTE_ADDED;
    }
    free(text);
    return result;
}

bool notes_healthy(void)
{
    /* BEGIN IMMEDIATE takes the write lock, and fails on a read-only database. */
    if (!run("BEGIN IMMEDIATE", NULL, 0, NULL))
        return false;
    bool answered = run(health_query, NULL, 0, NULL);
    return run("ROLLBACK", NULL, 0, NULL) && answered;
}
