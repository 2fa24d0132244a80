/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of this layer share: an environment as a list, loading a text, reading and writing
 * files. */
#ifndef TESTS_UNIT_CONFIG_CONFIG_TESTING_H
#define TESTS_UNIT_CONFIG_CONFIG_TESTING_H

#include "config/config.h"
#include "provider/catalogue.h"

#include "tests/tap.h"

#include <stdlib.h>

#define TESTING_WALL_S 1795000000LL /* 2026-11-18 */
#define TESTING_FILE "sluice.yaml"

/* "NAME=value" strings, NULL at the end. */
struct testing_environment {
    struct config_environment environment;
    const char *const *pairs;
};

static inline const char *testing_get(const struct config_environment *environment,
                                      const char *name)
{
    const struct testing_environment *testing = environment->user;
    size_t len = strlen(name);
    for (size_t i = 0; testing->pairs[i] != NULL; i++) {
        if (strncmp(testing->pairs[i], name, len) == 0 && testing->pairs[i][len] == '=') {
            return testing->pairs[i] + len + 1;
        }
    }
    return NULL;
}

/* One load: what went in stays for the output. */
struct loading {
    struct testing_environment environment;
    struct config_options options;
    struct slice text;
    struct snapshot *snapshot;
    struct diagnostics diagnostics;
    struct buf out; /* of the last loading_text() */
};

static inline struct snapshot *loading_begin(struct loading *loading, struct slice text,
                                             const char *file, const char *const *pairs)
{
    static const char *const nothing[] = {NULL};
    *loading = (struct loading){.text = text, .out = BUF_INIT(1u << 22)};
    loading->environment.environment.get = testing_get;
    loading->environment.environment.user = &loading->environment;
    loading->environment.pairs = pairs == NULL ? nothing : pairs;
    loading->options = (struct config_options){
        .file = file,
        .environment = &loading->environment.environment,
        .wall_s = TESTING_WALL_S,
        .generation = 1,
    };
    loading->snapshot = config_load(text, &loading->options, &loading->diagnostics);
    return loading->snapshot;
}

static inline struct snapshot *loading_cstr(struct loading *loading, const char *text)
{
    return loading_begin(loading, slice_from_cstr(text), TESTING_FILE, NULL);
}

/* The diagnostics as text; valid until the next call or the end. */
static inline struct slice loading_text(struct loading *loading)
{
    buf_clear(&loading->out);
    diagnostics_write_text(&loading->diagnostics, loading->options.file, loading->text, false,
                           &loading->out);
    return buf_slice(&loading->out);
}

static inline void loading_end(struct loading *loading)
{
    snapshot_unref(loading->snapshot);
    diagnostics_release(&loading->diagnostics);
    buf_release(&loading->out);
}

static inline const struct diagnostic *loading_find(const struct loading *loading, const char *code)
{
    for (size_t i = 0; i < loading->diagnostics.count; i++) {
        if (strcmp(loading->diagnostics.items[i].code, code) == 0) {
            return &loading->diagnostics.items[i];
        }
    }
    return NULL;
}

static inline bool testing_update(void)
{
    const char *value = getenv("SLUICE_GOLDEN_UPDATE");
    return value != NULL && value[0] != '\0' && value[0] != '0';
}

static inline bool testing_read(const char *path, struct buf *out)
{
    FILE *file = fopen(path, "rb");
    char piece[4096];
    size_t len;
    if (file == NULL) {
        return false;
    }
    while ((len = fread(piece, 1, sizeof(piece), file)) > 0) {
        buf_append(out, slice_of(piece, len));
    }
    (void)fclose(file);
    return !out->failed;
}

static inline bool testing_write(const char *path, struct slice text)
{
    FILE *file = fopen(path, "wb");
    if (file == NULL) {
        return false;
    }
    bool ok = text.len == 0 || fwrite(text.ptr, 1, text.len, file) == text.len;
    return fclose(file) == 0 && ok;
}

/* Is the file exactly this text? Writes it when asked to. */
static inline bool testing_matches(const char *path, struct slice text)
{
    struct buf wanted = BUF_INIT(1u << 22);
    if (testing_update()) {
        return testing_write(path, text);
    }
    bool same = testing_read(path, &wanted) && slice_eq(buf_slice(&wanted), text);
    buf_release(&wanted);
    return same;
}

#endif
