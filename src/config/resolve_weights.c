/* SPDX-License-Identifier: Apache-2.0 */
#include "config/resolve_weights.h"

#include <stdio.h>

static void *read_whole(const char *path, struct buf *out)
{
    char piece[16384];
    FILE *file = fopen(path, "rb");
    size_t count;
    if (file == NULL) {
        return NULL;
    }
    while ((count = fread(piece, 1, sizeof(piece), file)) > 0) {
        buf_append(out, slice_of(piece, count));
    }
    bool ok = !ferror(file) && !out->failed;
    fclose(file);
    return ok ? out : NULL;
}

static bool read_weights(struct slice path, struct weights *weights, struct error *error)
{
    char name[1024];
    struct buf bytes = BUF_INIT(WEIGHTS_BYTES_MAX);
    bool read = path.len < sizeof(name) &&
                read_whole(slice_to_cstr(path, name, sizeof(name)), &bytes) != NULL;
    if (!read && bytes.failed) {
        error_set(error, ERROR_LIMIT, "too_large", "it is larger than weights are (64 MB)");
    } else if (!read) {
        error_set(error, ERROR_ENVIRONMENT, "unreadable_file", "it cannot be read");
    }
    read = read && weights_read(buf_slice(&bytes), weights, error);
    buf_release(&bytes);
    return read;
}

const struct weights *setting_weights(struct reader *reader, const struct yaml *section,
                                      const char *pattern)
{
    struct snapshot *snapshot = reader->snapshot;
    const struct yaml *node = setting_node(section, pattern);
    struct slice path = setting_file(reader, section, pattern);
    struct error error;
    error_clear(&error);
    for (struct weights_file *file = snapshot->weights_files; file != NULL; file = file->next) {
        if (slice_eq(file->path, path)) {
            return file->weights;
        }
    }
    struct weights_file *file = ARENA_NEW(reader->arena, struct weights_file);
    struct weights *weights = ARENA_NEW(reader->arena, struct weights);
    if (node == NULL || path.len == 0 || file == NULL || weights == NULL) {
        return NULL;
    }
    if (!read_weights(path, weights, &error)) {
        if (error.code == NULL || strcmp(error.code, "unreadable_file") != 0) {
            diagnostics_add(reader->diagnostics, SEVERITY_ERROR, "bad_value", node->place,
                            "make it with sluice train", "%.*s: %s",
                            (int)(path.len < 150 ? path.len : 150), path.ptr, error.text);
        }
        return NULL;
    }
    *file =
        (struct weights_file){.path = path, .weights = weights, .next = snapshot->weights_files};
    snapshot->weights_files = file;
    return weights;
}
