/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE /* explicit_bzero */
#include "config/config.h"

#include "base/map.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define DOTENV_BYTES_MAX (64u << 10)

struct dotenv {
    struct config_environment environment;
    const struct config_environment *base;
    struct map values;
};

static const char *dotenv_get(const struct config_environment *environment, const char *name)
{
    const struct dotenv *dotenv = environment->user;
    const char *value = dotenv->base->get(dotenv->base, name);
    return value != NULL ? value : map_get(&dotenv->values, slice_from_cstr(name));
}

static bool name_is_valid(struct slice name)
{
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        bool letter = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_';
        if (!letter && !(i > 0 && c >= '0' && c <= '9')) {
            return false;
        }
    }
    return name.len > 0;
}

/* 'single' is literal, "double" knows \n, \" and \\; a bare value ends at " #". */
static void append_value(struct slice text, struct buf *out)
{
    if (text.len >= 2 && text.ptr[0] == '\'' && text.ptr[text.len - 1] == '\'') {
        buf_append(out, slice_of(text.ptr + 1, text.len - 2));
        return;
    }
    if (text.len >= 2 && text.ptr[0] == '"' && text.ptr[text.len - 1] == '"') {
        for (size_t i = 1; i + 1 < text.len; i++) {
            char c = text.ptr[i];
            if (c == '\\' && i + 2 < text.len) {
                c = text.ptr[++i];
                c = c == 'n' ? '\n' : c;
            }
            buf_append_char(out, c);
        }
        return;
    }
    size_t comment = slice_find_slice(text, SLICE(" #"));
    buf_append(out, slice_trim(comment == SIZE_MAX ? text : slice_of(text.ptr, comment)));
}

static bool take_line(struct dotenv *dotenv, struct slice line)
{
    struct slice value = slice_trim(line);
    if (value.len == 0 || value.ptr[0] == '#') {
        return true;
    }
    if (slice_starts(value, SLICE("export "))) {
        value = slice_trim(slice_from(value, 7));
    }
    struct slice name = slice_trim(slice_cut(&value, '='));
    if (!name_is_valid(name)) {
        return false;
    }
    struct buf out = BUF_INIT(DOTENV_BYTES_MAX);
    append_value(slice_trim(value), &out);
    buf_append_char(&out, '\0');
    free(map_remove(&dotenv->values, name));
    if (out.failed || !map_set(&dotenv->values, name, out.ptr)) {
        buf_release(&out);
        return false;
    }
    return true; /* the map's value is the buffer's memory */
}

struct dotenv *dotenv_load(const char *path, const struct config_environment *base, struct error *error)
{
    struct buf text = BUF_INIT(DOTENV_BYTES_MAX);
    FILE *file = fopen(path, "re");
    struct dotenv *dotenv = file == NULL ? NULL : calloc(1, sizeof(*dotenv));
    if (dotenv == NULL) {
        error_set(error, ERROR_NOT_FOUND, "unreadable_file", "cannot read %s: %s", path, strerror(errno));
        if (file != NULL) {
            fclose(file);
        }
        return NULL;
    }
    char *room = buf_reserve(&text, DOTENV_BYTES_MAX - 1);
    text.len = room == NULL ? 0 : fread(room, 1, DOTENV_BYTES_MAX - 1, file);
    fclose(file);
    dotenv->environment = (struct config_environment){.get = dotenv_get, .user = dotenv};
    dotenv->base = base;
    map_init(&dotenv->values);
    struct slice rest = buf_slice(&text);
    bool ok = true;
    for (unsigned line = 1; rest.len > 0 && ok; line++) {
        ok = take_line(dotenv, slice_cut(&rest, '\n'));
        if (!ok) {
            error_set(error, ERROR_INVALID, "bad_dotenv", "%s:%u: this is no NAME=value", path, line);
        }
    }
    if (text.ptr != NULL) {
        explicit_bzero(text.ptr, text.len);
    }
    buf_release(&text);
    if (!ok) {
        dotenv_free(dotenv);
        return NULL;
    }
    return dotenv;
}

const struct config_environment *dotenv_environment(const struct dotenv *dotenv)
{
    return &dotenv->environment;
}

bool dotenv_has(const struct dotenv *dotenv, const char *name)
{
    return map_get(&dotenv->values, slice_from_cstr(name)) != NULL;
}

void dotenv_free(struct dotenv *dotenv)
{
    size_t cursor = 0;
    struct map_entry *entry;
    if (dotenv == NULL) {
        return;
    }
    while ((entry = map_next(&dotenv->values, &cursor)) != NULL) {
        char *value = entry->value;
        explicit_bzero(value, strlen(value));
        free(value);
    }
    map_release(&dotenv->values);
    free(dotenv);
}
