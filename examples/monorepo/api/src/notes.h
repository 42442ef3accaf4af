/* The notes and the database that holds them. One connection, one thread. */
#ifndef NOTES_H
#define NOTES_H

#include <stdbool.h>
#include <stddef.h>

/* The longest note, in bytes of UTF-8. */
#define NOTE_MAX_BYTES 4096

enum note_result { NOTE_ADDED, NOTE_REFUSED, NOTE_FAILED };

/* Opens (and if need be creates) the database; says on stderr why it could not. */
bool notes_open(const char *path);
void notes_close(void);

/* The newest 100 notes as a JSON array, to be freed; NULL if the database failed. */
char *notes_list(void);

/* Adds the note in `{"text": "..."}`; on NOTE_ADDED *note is its JSON, to be freed. */
enum note_result notes_add(const char *json, size_t length, char **note);

/* Whether the database can be read and written now. */
bool notes_healthy(void);

#endif
