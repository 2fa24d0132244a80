/* SPDX-License-Identifier: Apache-2.0 */
/*
 * .env as most programs read it: one NAME=value a line, 'single quotes' as they are, "double
 * quotes" with \n, \t, \" and \\, a comment behind a value after white space. A line that is
 * something else refuses the file: half of an environment is worse than none. The file is read into
 * one block that is wiped.
 */
#include "config/config.h"

#include "base/map.h"
#include "base/memory.h"
#include "config/interpolate.h"

#include <errno.h>
#include <stdio.h>

#define DOTENV_BYTES_MAX (64u << 10)

struct dotenv {
    struct config_environment environment;
    const struct config_environment *base;
    struct map values; /* of C strings, each a block of its own */
};

static const char *dotenv_get(const struct config_environment *environment, const char *name)
{
    const struct dotenv *dotenv = environment->user;
    const char *value = dotenv->base->get(dotenv->base, name);
    return value != NULL ? value : map_get(&dotenv->values, slice_from_cstr(name));
}

static char unescape(char c)
{
    return c == 'n' ? '\n' : c == 't' ? '\t' : c;
}

/* A quoted value to `out`, which has room for the text. False: the quote is not closed, or more
 * than a comment follows it. */
static bool read_quoted(struct slice text, char *out, size_t *ret_len)
{
    char quote = text.ptr[0];
    size_t i = 1;
    *ret_len = 0;
    while (i < text.len && text.ptr[i] != quote) {
        bool escaped = quote == '"' && text.ptr[i] == '\\' && i + 1 < text.len;
        i += escaped ? 1 : 0;
        out[(*ret_len)++] = escaped ? unescape(text.ptr[i]) : text.ptr[i];
        i++;
    }
    struct slice after = slice_trim(slice_from(text, i + 1));
    return i < text.len && (after.len == 0 || after.ptr[0] == '#');
}

/* A bare value ends at a # behind white space. */
static struct slice bare_value(struct slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] == '#' && (i == 0 || text.ptr[i - 1] == ' ' || text.ptr[i - 1] == '\t')) {
            text.len = i;
        }
    }
    return slice_trim(text);
}

/* NULL: it is malformed (*ret_malformed), or there is no memory. */
static char *read_value(struct slice text, bool *ret_malformed)
{
    char *value = memory_alloc(text.len + 1);
    size_t len = 0;
    *ret_malformed = false;
    if (value == NULL) {
        return NULL;
    }
    if (text.len > 0 && (text.ptr[0] == '"' || text.ptr[0] == '\'')) {
        *ret_malformed = !read_quoted(text, value, &len);
    } else {
        text = bare_value(text);
        len = text.len;
        memcpy(value, len > 0 ? text.ptr : "", len);
    }
    value[len] = '\0';
    if (*ret_malformed || strlen(value) != len) {
        *ret_malformed = true;
        explicit_bzero(value, len);
        memory_free(value);
        return NULL;
    }
    return value;
}

static void value_free(char *value)
{
    if (value != NULL) {
        explicit_bzero(value, strlen(value));
        memory_free(value);
    }
}

/* False with *ret_malformed: the line is no NAME=value; without: there is no memory. */
static bool take_line(struct dotenv *dotenv, struct slice line, bool *ret_malformed)
{
    struct slice rest = slice_trim(line);
    *ret_malformed = false;
    if (rest.len == 0 || rest.ptr[0] == '#') {
        return true;
    }
    if (slice_starts(rest, SLICE("export ")) || slice_starts(rest, SLICE("export\t"))) {
        rest = slice_trim(slice_from(rest, 7));
    }
    bool assigns = slice_find(rest, '=') != SIZE_MAX;
    struct slice name = slice_trim(slice_cut(&rest, '='));
    if (!assigns || !interpolate_name_is_valid(name)) {
        *ret_malformed = true;
        return false;
    }
    char *value = read_value(slice_trim(rest), ret_malformed);
    if (value == NULL) {
        return false;
    }
    value_free(map_remove(&dotenv->values, name));
    if (!map_set(&dotenv->values, name, value)) {
        value_free(value);
        return false;
    }
    return true;
}

static bool take_lines(struct dotenv *dotenv, struct slice text, const char *path,
                       struct error *error)
{
    bool malformed;
    if (slice_starts(text, SLICE("\xef\xbb\xbf"))) {
        text = slice_from(text, 3);
    }
    for (unsigned line = 1; text.len > 0; line++) {
        if (take_line(dotenv, slice_cut(&text, '\n'), &malformed)) {
            continue;
        }
        if (malformed) {
            return error_set(error, ERROR_INVALID, "bad_dotenv", "%s:%u: this is no NAME=value",
                             path, line);
        }
        return error_set(error, ERROR_ENVIRONMENT, "no_memory", "out of memory");
    }
    return true;
}

/* The file's bytes to `out`; one more than is allowed shows that it is too large. */
static bool read_file(const char *path, struct buf *out, struct error *error)
{
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        return error_set(error, ERROR_NOT_FOUND, "unreadable_file", "cannot read %s: %s", path,
                         strerror(errno));
    }
    (void)setvbuf(file, NULL, _IONBF, 0); /* no second copy of a secret */
    char *room = buf_reserve(out, DOTENV_BYTES_MAX + 1);
    out->len = room == NULL ? 0 : fread(room, 1, DOTENV_BYTES_MAX + 1, file);
    bool failed = ferror(file) != 0;
    fclose(file);
    if (failed || room == NULL) {
        return error_set(error, ERROR_ENVIRONMENT, "unreadable_file", "cannot read %s: %s", path,
                         failed ? "it is no file" : "out of memory");
    }
    if (out->len > DOTENV_BYTES_MAX) {
        return error_set(error, ERROR_INVALID, "unreadable_file", "%s is larger than 64 KB", path);
    }
    return true;
}

struct dotenv *dotenv_load(const char *path, const struct config_environment *base,
                           struct error *error)
{
    struct buf text = BUF_INIT(DOTENV_BYTES_MAX + 1);
    struct dotenv *dotenv = memory_array(1, sizeof(*dotenv));
    if (dotenv == NULL) {
        error_set(error, ERROR_ENVIRONMENT, "no_memory", "out of memory");
        return NULL;
    }
    dotenv->environment = (struct config_environment){.get = dotenv_get, .user = dotenv};
    dotenv->base = base;
    map_init(&dotenv->values);
    bool ok = read_file(path, &text, error) && take_lines(dotenv, buf_slice(&text), path, error);
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
        value_free(entry->value);
    }
    map_release(&dotenv->values);
    memory_free(dotenv);
}
