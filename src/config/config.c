/* SPDX-License-Identifier: Apache-2.0 */
#include "config/config.h"

#include "base/memory.h"
#include "config/interpolate.h"
#include "config/paths.h"
#include "config/preset.h"
#include "config/reader.h"
#include "config/validate.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define SNAPSHOT_ARENA (128u << 20)
#define FILE_BYTES_MAX (4u << 20)

static const char *process_get(const struct config_environment *environment, const char *name)
{
    (void)environment;
    return getenv(name);
}

const struct config_environment config_environment_process = {.get = process_get};

static void resolve(struct reader *reader)
{
    resolve_server(reader);
    resolve_jwt(reader);
    resolve_providers(reader);
    resolve_targets(reader);
    resolve_routes(reader);
    resolve_classifier(reader);
    resolve_cluster(reader);
}

static struct snapshot *snapshot_new(const struct config_options *options)
{
    struct snapshot *snapshot = memory_array(1, sizeof(*snapshot));
    if (snapshot == NULL) {
        return NULL;
    }
    atomic_init(&snapshot->references, 1);
    arena_init(&snapshot->arena, SNAPSHOT_ARENA);
    snapshot->generation = options->generation;
    snapshot->loaded_wall_ns = options->wall_s * 1000000000LL;
    snapshot->source = arena_copy(&snapshot->arena, slice_from_cstr(options->file));
    snapshot->prices_until_s = INT64_MAX;
    return snapshot;
}

static void wipe(struct slice secret)
{
    if (secret.len > 0) {
        /* the bytes are the arena's own copy; only the view of them is const */
        explicit_bzero((void *)(uintptr_t)secret.ptr, secret.len);
    }
}

/* What the snapshot needs of a secret is in the headers of its providers. Without a snapshot
 * nothing is needed, and a secret may stand anywhere. */
static void wipe_secrets(struct yaml *root, bool all)
{
    for (struct yaml *node = root; node != NULL; node = yaml_walk(root, node)) {
        bool secret = node->option != NULL && node->option->type == OPTION_SECRET;
        if (node->kind == YAML_SCALAR && (secret || all)) {
            wipe(node->text);
            wipe(node->written);
            node->text = SLICE_EMPTY;
            node->written = SLICE_EMPTY;
        }
    }
}

static void load_tree(struct yaml *root, bool whole, struct reader *reader)
{
    interpolate_tree(root, reader->options, reader->arena, reader->diagnostics);
    preset_apply(reader, root);
    validate_tree(root, reader->diagnostics);
    if (whole && root->kind == YAML_MAPPING) {
        resolve(reader);
    }
    wipe_secrets(root, reader->diagnostics->errors > 0);
}

static bool is_empty(const struct yaml *root)
{
    return root == NULL || yaml_is_null(root) ||
           (root->kind == YAML_MAPPING && root->first == NULL);
}

static void load(struct slice text, struct reader *reader)
{
    bool whole;
    struct yaml *root = yaml_parse(text, reader->arena, reader->diagnostics, &whole);
    reader->root = root;
    reader->diagnostics->partial = !whole;
    if (whole && is_empty(root)) {
        report_error(reader, YAML_NO_PLACE, "empty",
                     "start with  providers: { openai: { api_key: \"${OPENAI_API_KEY}\" } }",
                     "the configuration is empty");
    } else if (root != NULL) {
        load_tree(root, whole, reader);
    }
    if (reader->arena->exhausted) {
        report_error(reader, YAML_NO_PLACE, "too_large", "",
                     "the configuration needs too much memory");
    }
    diagnostics_sort(reader->diagnostics);
}

struct snapshot *config_load(struct slice text, const struct config_options *options,
                             struct diagnostics *ret_diagnostics)
{
    *ret_diagnostics = (struct diagnostics){.items = NULL};
    struct snapshot *snapshot = snapshot_new(options);
    if (snapshot == NULL) {
        diagnostics_add(ret_diagnostics, SEVERITY_ERROR, "no_memory", YAML_NO_PLACE, "",
                        "out of memory");
        return NULL;
    }
    struct reader reader = {
        .arena = &snapshot->arena,
        .diagnostics = ret_diagnostics,
        .options = options,
        .snapshot = snapshot,
    };
    if (text.len > FILE_BYTES_MAX) {
        report_error(&reader, YAML_NO_PLACE, "too_large", "", "the file is larger than 4 MB");
    } else {
        load(text, &reader);
    }
    if (ret_diagnostics->errors > 0) {
        snapshot_unref(snapshot);
        return NULL;
    }
    return snapshot;
}

/* --- files --- */

static void report_unreadable(struct diagnostics *diagnostics, const char *why)
{
    diagnostics_add(diagnostics, SEVERITY_ERROR, "unreadable_file", YAML_NO_PLACE, "",
                    "the file cannot be read: %s", why);
}

/* Up to one byte more than is allowed, so that config_load() sees that it is too much. */
static bool read_file(const char *path, struct buf *out, struct diagnostics *diagnostics)
{
    const char *why = path_unreadable(slice_from_cstr(path));
    FILE *file = why == NULL ? fopen(path, "re") : NULL;
    if (file == NULL) {
        report_unreadable(diagnostics, why == NULL ? strerror(errno) : why);
        return false;
    }
    size_t got;
    do {
        size_t left = out->limit - out->len;
        size_t size = left < 65536 ? left : 65536;
        char *room = size == 0 ? NULL : buf_reserve(out, size);
        got = room == NULL ? 0 : fread(room, 1, size, file);
        out->len += got;
    } while (got > 0);
    bool failed = ferror(file) != 0;
    fclose(file);
    if (failed || out->failed) {
        report_unreadable(diagnostics, failed ? "it ends early" : "out of memory");
    }
    return !failed && !out->failed;
}

struct snapshot *config_load_file(const struct config_options *options, struct buf *ret_text,
                                  struct diagnostics *ret_diagnostics)
{
    struct buf text = BUF_INIT(FILE_BYTES_MAX + 1);
    struct snapshot *snapshot = NULL;
    *ret_diagnostics = (struct diagnostics){.items = NULL};
    if (read_file(options->file, &text, ret_diagnostics)) {
        snapshot = config_load(buf_slice(&text), options, ret_diagnostics);
    }
    if (ret_text != NULL) {
        *ret_text = text;
    } else {
        if (text.ptr != NULL) {
            explicit_bzero(text.ptr, text.len);
        }
        buf_release(&text);
    }
    return snapshot;
}
