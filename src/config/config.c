/* SPDX-License-Identifier: Apache-2.0 */
#include "config/config.h"

#include "config/interpolate.h"
#include "config/reader.h"
#include "config/validate.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define SNAPSHOT_ARENA (128u << 20)
#define FILE_BYTES_MAX (4u << 20)

static const struct yaml_place no_place = {0, 0, 0};

static const char *process_get(const struct config_environment *environment, const char *name)
{
    (void)environment;
    return getenv(name);
}

const struct config_environment config_environment_process = {.get = process_get};

static void resolve(struct reader *reader)
{
    resolve_server(reader);
    resolve_providers(reader);
    resolve_targets(reader);
    resolve_routes(reader);
    resolve_classifier(reader);
}

static struct snapshot *snapshot_new(const struct config_options *options)
{
    struct snapshot *snapshot = calloc(1, sizeof(*snapshot));
    if (snapshot == NULL) {
        return NULL;
    }
    atomic_init(&snapshot->references, 1);
    arena_init(&snapshot->arena, SNAPSHOT_ARENA);
    snapshot->generation = options->generation;
    snapshot->loaded_wall_ns = options->wall_s * 1000000000LL;
    snapshot->source = arena_copy(&snapshot->arena, slice_from_cstr(options->file));
    return snapshot;
}

struct snapshot *config_load(struct slice text, const struct config_options *options,
                             struct diagnostics *ret_diagnostics)
{
    *ret_diagnostics = (struct diagnostics){.items = NULL};
    struct snapshot *snapshot = snapshot_new(options);
    if (snapshot == NULL) {
        diagnostics_add(ret_diagnostics, SEVERITY_ERROR, "no_memory", no_place, "", "out of memory");
        return NULL;
    }
    struct yaml *root = yaml_parse(text, &snapshot->arena, ret_diagnostics);
    if (root == NULL && ret_diagnostics->errors == 0) {
        diagnostics_add(ret_diagnostics, SEVERITY_ERROR, "empty", no_place,
                        "start with  providers: { openai: { preset: openai, api_key: \"${OPENAI_API_KEY}\" } }",
                        "the configuration is empty");
    }
    if (root != NULL) {
        interpolate_tree(root, options->environment, &snapshot->arena, ret_diagnostics);
        validate_tree(root, ret_diagnostics);
    }
    if (root != NULL && root->kind == YAML_MAPPING) {
        struct reader reader = {root, &snapshot->arena, ret_diagnostics, options, snapshot};
        resolve(&reader);
        if (snapshot->arena.exhausted) {
            diagnostics_add(ret_diagnostics, SEVERITY_ERROR, "too_large", no_place, "",
                            "the configuration needs too much memory");
        }
    }
    if (ret_diagnostics->errors > 0) {
        snapshot_unref(snapshot);
        return NULL;
    }
    return snapshot;
}

static bool read_file(const char *path, struct buf *out, struct diagnostics *diagnostics)
{
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        diagnostics_add(diagnostics, SEVERITY_ERROR, "unreadable_file", no_place, "", "cannot read the file: %s",
                        strerror(errno));
        return false;
    }
    size_t got;
    do {
        char *room = buf_reserve(out, 65536);
        got = room == NULL ? 0 : fread(room, 1, 65536, file);
        out->len += got;
    } while (got > 0);
    bool ok = ferror(file) == 0 && !out->failed;
    fclose(file);
    if (!ok) {
        diagnostics_add(diagnostics, SEVERITY_ERROR, "unreadable_file", no_place, "",
                        out->failed ? "the file is larger than 4 MB" : "the file cannot be read to its end");
    }
    return ok;
}

struct snapshot *config_load_file(const struct config_options *options, struct buf *ret_text,
                                  struct diagnostics *ret_diagnostics)
{
    struct buf text = BUF_INIT(FILE_BYTES_MAX);
    struct snapshot *snapshot = NULL;
    *ret_diagnostics = (struct diagnostics){.items = NULL};
    if (read_file(options->file, &text, ret_diagnostics)) {
        snapshot = config_load(buf_slice(&text), options, ret_diagnostics);
    }
    if (ret_text != NULL) {
        *ret_text = text;
    } else {
        buf_release(&text);
    }
    return snapshot;
}
