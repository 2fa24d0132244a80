/* SPDX-License-Identifier: Apache-2.0 */
/* Fixture files: those of a folder in alphabetical order, whole. */
#ifndef TESTS_UNIT_DIALECT_FILES_H
#define TESTS_UNIT_DIALECT_FILES_H

#include "base/buf.h"
#include "codec/eventstream.h"
#include "dialect/dialect.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FILES_FOLDER "tests/unit/dialect/golden/"
#define FILES_MAX 256
#define FILES_PATH 512

struct files {
    char *names[FILES_MAX];
    size_t count;
};

static inline bool file_read(const char *path, struct buf *out)
{
    FILE *file = fopen(path, "rb");
    char piece[4096];
    size_t length;
    if (file == NULL) {
        return false;
    }
    while ((length = fread(piece, 1, sizeof piece, file)) > 0) {
        buf_append(out, slice_of(piece, length));
    }
    (void)fclose(file);
    return !out->failed;
}

static inline bool file_write(const char *path, struct slice text)
{
    FILE *file = fopen(path, "wb");
    if (file == NULL) {
        return false;
    }
    bool ok = text.len == 0 || fwrite(text.ptr, 1, text.len, file) == text.len;
    return fclose(file) == 0 && ok;
}

static inline int files_compare(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The names in `folder` (below FILES_FOLDER) that end in one of the two suffixes. */
static inline void files_list(struct files *files, const char *folder, const char *suffix,
                              const char *other)
{
    char path[FILES_PATH];
    (void)snprintf(path, sizeof path, FILES_FOLDER "%s", folder);
    DIR *directory = opendir(path);
    files->count = 0;
    for (struct dirent *entry; directory != NULL && (entry = readdir(directory)) != NULL;) {
        struct slice name = slice_from_cstr(entry->d_name);
        bool wanted = slice_ends(name, slice_from_cstr(suffix)) ||
                      (other != NULL && slice_ends(name, slice_from_cstr(other)));
        if (wanted && files->count < FILES_MAX) {
            files->names[files->count++] = strdup(entry->d_name);
        }
    }
    if (directory != NULL) {
        (void)closedir(directory);
    }
    qsort(files->names, files->count, sizeof files->names[0], files_compare);
}

/* The dialect that a file is in: its name begins with it, OpenAI Chat has no mark. */
static inline enum dialect_id dialect_of_file(const char *name)
{
    static const struct {
        const char *prefix;
        enum dialect_id id;
    } prefixes[] = {
        {"anthropic_", DIALECT_ANTHROPIC},
        {"completion", DIALECT_OPENAI_COMPLETIONS},
        {"embeddings_", DIALECT_OPENAI_EMBEDDINGS},
        {"gemini_", DIALECT_GEMINI},
        {"ollama_", DIALECT_OLLAMA},
        {"openai_completion", DIALECT_OPENAI_COMPLETIONS},
        {"responses_", DIALECT_OPENAI_RESPONSES},
    };
    for (size_t i = 0; i < ARRAY_LEN(prefixes); i++) {
        if (strncmp(name, prefixes[i].prefix, strlen(prefixes[i].prefix)) == 0) {
            return prefixes[i].id;
        }
    }
    for (unsigned id = 0; id < DIALECT_COUNT; id++) {
        struct slice word = slice_from_cstr(dialect_of((enum dialect_id)id)->name);
        if (slice_starts(slice_from_cstr(name), word) && name[word.len] == '_') {
            return (enum dialect_id)id;
        }
    }
    return DIALECT_OPENAI_CHAT;
}

/* Streams in Amazon's binary framing stand in files as lines "event TYPE PAYLOAD", "exception TYPE
   PAYLOAD" or "error CODE TEXT". */
static inline void frames_encode(struct slice text, struct buf *out)
{
    while (text.len > 0) {
        struct slice rest = slice_cut(&text, '\n');
        struct slice kind = slice_cut(&rest, ' ');
        struct slice type = slice_cut(&rest, ' ');
        bool event = slice_eq(kind, SLICE("event"));
        bool error = slice_eq(kind, SLICE("error"));
        const struct eventstream_header headers[] = {
            {event   ? SLICE(":event-type")
             : error ? SLICE(":error-code")
                     : SLICE(":exception-type"),
             type},
            {error ? SLICE(":error-message") : SLICE(":content-type"),
             error ? rest : SLICE("application/json")},
            {SLICE(":message-type"), kind},
        };
        if (kind.len > 0) {
            (void)eventstream_encode(out, headers, ARRAY_LEN(headers), error ? SLICE_EMPTY : rest);
        }
    }
}

/* Where the path tells it. */
static inline enum operation operation_of_file(const char *name)
{
    return strstr(name, "generate") != NULL ? OPERATION_COMPLETION
           : strstr(name, "embed") != NULL  ? OPERATION_EMBEDDING
           : strstr(name, "count") != NULL  ? OPERATION_TOKEN_COUNT
                                            : OPERATION_CHAT;
}

static inline void files_release(struct files *files)
{
    for (size_t i = 0; i < files->count; i++) {
        free(files->names[i]);
    }
    files->count = 0;
}

#endif
