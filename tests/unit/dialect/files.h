/* SPDX-License-Identifier: Apache-2.0 */
/* Fixture files: those of a folder in alphabetical order, whole. */
#ifndef TESTS_UNIT_DIALECT_FILES_H
#define TESTS_UNIT_DIALECT_FILES_H

#include "base/buf.h"

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

static inline void files_release(struct files *files)
{
    for (size_t i = 0; i < files->count; i++) {
        free(files->names[i]);
    }
    files->count = 0;
}

#endif
