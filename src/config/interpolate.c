/* SPDX-License-Identifier: Apache-2.0 */
#include "config/interpolate.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define NAME_BYTES_MAX 255
#define VALUE_BYTES_MAX (64u << 10)

struct interpolation {
    const struct config_environment *environment;
    struct arena *arena;
    struct diagnostics *diagnostics;
};

static bool append_file(const struct interpolation *in, const struct yaml *node, const char *path, struct buf *out)
{
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        diagnostics_add(in->diagnostics, SEVERITY_ERROR, "unreadable_file", node->place,
                        "the file must exist and be readable by the user that runs sluice", "cannot read %s: %s",
                        path, strerror(errno));
        return false;
    }
    char *room = buf_reserve(out, VALUE_BYTES_MAX / 2);
    size_t got = room == NULL ? 0 : fread(room, 1, VALUE_BYTES_MAX / 2, file);
    fclose(file);
    struct slice trimmed = slice_trim(slice_of(room, got));
    if (trimmed.len > 0) {
        memmove(room, trimmed.ptr, trimmed.len);
        out->len += trimmed.len;
    }
    return true;
}

static bool append_variable(const struct interpolation *in, const struct yaml *node, struct slice inside,
                            struct buf *out)
{
    char name[NAME_BYTES_MAX + 1];
    struct slice fallback = SLICE_EMPTY;
    size_t marker = slice_find_slice(inside, SLICE(":-"));
    if (marker != SIZE_MAX) {
        fallback = slice_from(inside, marker + 2);
        inside.len = marker;
    }
    slice_to_cstr(inside, name, sizeof(name));
    const char *value = in->environment->get(in->environment, name);
    if (value != NULL && value[0] != '\0') {
        return buf_append_cstr(out, value);
    }
    if (marker != SIZE_MAX) {
        return buf_append(out, fallback);
    }
    char hint[160];
    snprintf(hint, sizeof(hint), "set it, put it into .env, or write ${%.50s:-default}", name);
    diagnostics_add(in->diagnostics, SEVERITY_ERROR, "unset_variable", node->place, hint,
                    "the environment variable %s is not set", name);
    return false;
}

static bool append_reference(const struct interpolation *in, const struct yaml *node, struct slice inside,
                             struct buf *out)
{
    if (slice_starts(inside, SLICE("file:"))) {
        char path[1024];
        return append_file(in, node, slice_to_cstr(slice_from(inside, 5), path, sizeof(path)), out);
    }
    return append_variable(in, node, inside, out);
}

static bool expand(const struct interpolation *in, const struct yaml *node, struct buf *out)
{
    struct slice rest = node->text;
    while (rest.len > 0) {
        size_t dollar = slice_find(rest, '$');
        if (dollar == SIZE_MAX || dollar + 1 >= rest.len) {
            return buf_append(out, rest);
        }
        buf_append(out, slice_of(rest.ptr, dollar));
        rest = slice_from(rest, dollar);
        if (rest.ptr[1] != '{') {
            buf_append_char(out, '$');
            rest = slice_from(rest, rest.ptr[1] == '$' ? 2 : 1);
            continue;
        }
        size_t end = slice_find(rest, '}');
        if (end == SIZE_MAX) {
            diagnostics_add(in->diagnostics, SEVERITY_ERROR, "bad_reference", node->place,
                            "write ${NAME}, or $$ for a dollar sign", "this ${ has no }");
            return false;
        }
        if (!append_reference(in, node, slice_of(rest.ptr + 2, end - 2), out)) {
            return false;
        }
        rest = slice_from(rest, end + 1);
    }
    return !out->failed;
}

static void interpolate_scalar(const struct interpolation *in, struct yaml *node)
{
    if (slice_find(node->text, '$') == SIZE_MAX) {
        return;
    }
    struct buf out = BUF_INIT(VALUE_BYTES_MAX);
    node->text = expand(in, node, &out) ? arena_copy(in->arena, buf_slice(&out)) : SLICE("-");
    node->plain = false;
    buf_release(&out);
}

void interpolate_tree(struct yaml *root, const struct config_environment *environment, struct arena *arena,
                      struct diagnostics *diagnostics)
{
    const struct interpolation in = {environment, arena, diagnostics};
    struct yaml *node = root;
    while (node != NULL) {
        if (node->kind == YAML_SCALAR) {
            interpolate_scalar(&in, node);
        }
        if (node->first != NULL) {
            node = node->first;
            continue;
        }
        while (node != root && node->next == NULL) {
            node = node->parent;
        }
        node = node == root ? NULL : node->next;
    }
}
