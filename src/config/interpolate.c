/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Expanded text may be a secret: it is made in one block that never moves, copied to the arena and
 * wiped. Messages name variables and files, never their content.
 */
#include "config/interpolate.h"

#include "config/paths.h"

#include <errno.h>
#include <stdio.h>

#define NAME_BYTES_MAX 255
#define VALUE_BYTES_MAX (64u << 10)
#define FILE_BYTES_MAX (32u << 10)

static const char reference_forms[] =
    "write ${NAME}, ${NAME:-default}, ${file:/path}, or $$ for a dollar sign";

struct interpolation {
    const struct config_options *options;
    struct arena *arena;
    struct diagnostics *diagnostics;
};

static bool report(const struct interpolation *in, const struct yaml *node, const char *code,
                   const char *hint, const char *message)
{
    diagnostics_add(in->diagnostics, SEVERITY_ERROR, code, node->place, hint, "%s", message);
    return false;
}

static bool report_file(const struct interpolation *in, const struct yaml *node, struct slice path,
                        const char *why)
{
    diagnostics_add(in->diagnostics, SEVERITY_ERROR, "unreadable_file", node->place,
                    "the user that runs sluice must be able to read it", "cannot read %.*s: %s",
                    (int)(path.len < 150 ? path.len : 150), path.ptr, why);
    return false;
}

/* The content without white space around it. */
static bool append_file(const struct interpolation *in, const struct yaml *node, struct slice name,
                        struct buf *out)
{
    char path[1024];
    if (slice_trim(name).len == 0) {
        return report(in, node, "bad_reference", reference_forms,
                      "behind ${file: there is no name of a file");
    }
    struct slice beside =
        path_beside(in->arena, slice_from_cstr(in->options->file), slice_trim(name));
    const char *why = path_unreadable(beside);
    if (why == NULL && beside.len >= sizeof(path)) {
        why = strerror(ENAMETOOLONG);
    }
    FILE *file = why == NULL ? fopen(slice_to_cstr(beside, path, sizeof(path)), "re") : NULL;
    if (file == NULL) {
        return report_file(in, node, beside, why == NULL ? strerror(errno) : why);
    }
    (void)setvbuf(file, NULL, _IONBF, 0); /* no second copy of a secret */
    char *room = buf_reserve(out, FILE_BYTES_MAX + 1);
    size_t got = room == NULL ? 0 : fread(room, 1, FILE_BYTES_MAX + 1, file);
    bool failed = ferror(file) != 0;
    fclose(file);
    if (failed || room == NULL || got > FILE_BYTES_MAX) {
        return report_file(in, node, beside,
                           failed ? "it cannot be read to its end" : "it is larger than 32 KB");
    }
    struct slice trimmed = slice_trim(slice_of(room, got));
    if (slice_find(trimmed, '\0') != SIZE_MAX) {
        return report_file(in, node, beside, "it is no text");
    }
    if (trimmed.len > 0) {
        memmove(room, trimmed.ptr, trimmed.len);
        out->len += trimmed.len;
    }
    return true;
}

bool interpolate_name_is_valid(struct slice name)
{
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        bool letter = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_';
        if (!letter && !(i > 0 && c >= '0' && c <= '9')) {
            return false;
        }
    }
    return name.len > 0 && name.len <= NAME_BYTES_MAX;
}

static bool append_variable(const struct interpolation *in, const struct yaml *node,
                            struct slice inside, struct buf *out)
{
    char name[NAME_BYTES_MAX + 1];
    char hint[160];
    size_t marker = slice_find_slice(inside, SLICE(":-"));
    struct slice fallback = slice_from(inside, marker == SIZE_MAX ? inside.len : marker + 2);
    inside.len = marker == SIZE_MAX ? inside.len : marker;
    if (!interpolate_name_is_valid(inside)) {
        return report(in, node, "bad_reference", reference_forms,
                      "between ${ and } there is no name of a variable");
    }
    slice_to_cstr(inside, name, sizeof(name));
    const char *value = in->options->environment->get(in->options->environment, name);
    if (value != NULL && value[0] != '\0') {
        return buf_append_cstr(out, value);
    }
    if (marker != SIZE_MAX) {
        return buf_append(out, fallback);
    }
    snprintf(hint, sizeof(hint), "set it, put it into .env, or write ${%.60s:-default}", name);
    diagnostics_add(in->diagnostics, SEVERITY_ERROR, "unset_variable", node->place, hint,
                    "the environment variable %.200s is %s", name,
                    value == NULL ? "not set" : "empty");
    return false;
}

static bool append_reference(const struct interpolation *in, const struct yaml *node,
                             struct slice inside, struct buf *out)
{
    if (slice_starts(inside, SLICE("file:"))) {
        return append_file(in, node, slice_from(inside, 5), out);
    }
    return append_variable(in, node, inside, out);
}

/* True: *out has the text; false: it was reported, or it is too long. */
static bool expand(const struct interpolation *in, const struct yaml *node, struct buf *out)
{
    struct slice rest = node->written;
    bool ok = true;
    while (rest.len > 0) {
        size_t dollar = slice_find(rest, '$');
        if (dollar == SIZE_MAX || dollar + 1 >= rest.len) {
            buf_append(out, rest);
            break;
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
            return report(in, node, "bad_reference", reference_forms, "this ${ has no }");
        }
        ok = append_reference(in, node, slice_of(rest.ptr + 2, end - 2), out) && ok;
        rest = slice_from(rest, end + 1);
    }
    return ok;
}

static void interpolate_scalar(const struct interpolation *in, struct yaml *node)
{
    struct buf out = BUF_INIT(VALUE_BYTES_MAX);
    if (node->broken || slice_find(node->text, '$') == SIZE_MAX) {
        return;
    }
    (void)buf_reserve(&out, VALUE_BYTES_MAX); /* at once, so that growing leaves no copies */
    size_t errors = in->diagnostics->errors;
    bool ok = expand(in, node, &out) && !out.failed;
    if (ok) {
        node->text = arena_copy(in->arena, buf_slice(&out));
    } else if (in->diagnostics->errors == errors) {
        (void)report(in, node, "too_large", "64 KB are allowed", "the value is too long");
    }
    node->broken = !ok;
    node->plain = false;
    if (out.ptr != NULL) {
        explicit_bzero(out.ptr, out.cap);
    }
    buf_release(&out);
}

void interpolate_tree(struct yaml *root, const struct config_options *options, struct arena *arena,
                      struct diagnostics *diagnostics)
{
    const struct interpolation in = {options, arena, diagnostics};
    for (struct yaml *node = root; node != NULL; node = yaml_walk(root, node)) {
        if (node->kind == YAML_SCALAR) {
            interpolate_scalar(&in, node);
        }
    }
}

bool interpolate_has_literal(struct slice written)
{
    struct slice rest = slice_trim(written);
    if (slice_starts(rest, SLICE("Bearer "))) {
        rest = slice_trim(slice_from(rest, 7));
    }
    while (slice_starts(rest, SLICE("${"))) {
        size_t end = slice_find(rest, '}');
        if (end == SIZE_MAX || slice_find_slice(slice_of(rest.ptr, end), SLICE(":-")) != SIZE_MAX) {
            return true;
        }
        rest = slice_trim(slice_from(rest, end + 1));
    }
    return rest.len > 0;
}
