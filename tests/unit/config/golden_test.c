/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Broken and odd configurations, each with what a person sees of it: golden/NAME.yaml and
 * golden/NAME.txt. With SLUICE_GOLDEN_UPDATE=1 in the environment the texts are written anew; read
 * the difference before it is committed. A comment line "# env: NAME=value" in a configuration is
 * its environment; \n in the value is a line end.
 */
#include "tests/unit/config/config_testing.h"

#include <dirent.h>

#define FOLDER "tests/unit/config/golden/"
#define NAMES_MAX 400
#define VARIABLES_MAX 16

static char *names[NAMES_MAX];
static size_t name_count;

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void list_names(void)
{
    DIR *directory = opendir(FOLDER);
    for (struct dirent *entry; directory != NULL && (entry = readdir(directory)) != NULL;) {
        struct slice name = slice_from_cstr(entry->d_name);
        if (slice_ends(name, SLICE(".yaml")) && name_count < NAMES_MAX) {
            names[name_count++] = strndup(entry->d_name, name.len - 5);
        }
    }
    if (directory != NULL) {
        (void)closedir(directory);
    }
    qsort(names, name_count, sizeof(names[0]), compare_names);
}

/* The comments "# env: " as C strings in `storage`. */
static void read_environment(struct slice text, struct buf *storage,
                             const char *pairs[VARIABLES_MAX + 1])
{
    size_t offsets[VARIABLES_MAX];
    size_t count = 0;
    while (text.len > 0 && count < VARIABLES_MAX) {
        struct slice line = slice_cut(&text, '\n');
        if (!slice_starts(line, SLICE("# env: "))) {
            continue;
        }
        offsets[count++] = storage->len;
        for (size_t i = 7; i < line.len; i++) {
            bool escape = line.ptr[i] == '\\' && i + 1 < line.len && line.ptr[i + 1] == 'n';
            buf_append_char(storage, escape ? '\n' : line.ptr[i]);
            i += escape ? 1 : 0;
        }
        buf_append_char(storage, '\0');
    }
    for (size_t i = 0; i < count; i++) {
        pairs[i] = storage->ptr + offsets[i];
    }
    pairs[count] = NULL;
}

static void write_summary(const struct loading *loading, struct buf *out)
{
    const struct snapshot *snapshot = loading->snapshot;
    if (snapshot == NULL) {
        buf_printf(out, "%zu error%s\n", loading->diagnostics.errors,
                   loading->diagnostics.errors == 1 ? "" : "s");
    } else {
        buf_printf(out, "ok: %zu providers, %zu targets, %zu routes\n", snapshot->provider_count,
                   snapshot->named_targets, snapshot->policy.route_count);
    }
}

/* Every diagnostic is well-formed: a place inside the file, a message, a code. */
static void check_diagnostics(const struct loading *loading)
{
    const struct diagnostics *diagnostics = &loading->diagnostics;
    EXPECT((loading->snapshot == NULL) == (diagnostics->errors > 0));
    for (size_t i = 0; i < diagnostics->count; i++) {
        const struct diagnostic *item = &diagnostics->items[i];
        EXPECT(item->message[0] != '\0' && item->code[0] != '\0');
        EXPECT(item->line == 0 || (item->column > 0 && item->length > 0));
        EXPECT(item->line == 0 || i == 0 || diagnostics->items[i - 1].line <= item->line);
    }
}

static void check_golden(const char *name)
{
    char yaml[512];
    char file[512];
    char txt[512];
    const char *pairs[VARIABLES_MAX + 1];
    struct buf text = BUF_INIT(5u << 20);
    struct buf storage = BUF_INIT(65536);
    struct buf out = BUF_INIT(1u << 20);
    struct loading loading;
    snprintf(yaml, sizeof(yaml), FOLDER "%s.yaml", name);
    snprintf(file, sizeof(file), "%s.yaml", name);
    snprintf(txt, sizeof(txt), FOLDER "%s.txt", name);
    EXPECT(testing_read(yaml, &text));
    read_environment(buf_slice(&text), &storage, pairs);
    loading_begin(&loading, buf_slice(&text), yaml, pairs);
    check_diagnostics(&loading);
    diagnostics_write_text(&loading.diagnostics, file, buf_slice(&text), false, &out);
    write_summary(&loading, &out);
    if (!testing_matches(txt, buf_slice(&out))) {
        printf("# %s: the output is now\n%.*s\n", txt, SLICE_ARG(buf_slice(&out)));
        EXPECT(false);
    }
    loading_end(&loading);
    buf_release(&out);
    buf_release(&storage);
    buf_release(&text);
}

static void there_are_many(void)
{
    EXPECT(name_count >= 100);
}

static const char *current;

static void check_current(void)
{
    check_golden(current);
}

int main(void)
{
    list_names();
    TEST(there_are_many, "there are at least 100 configurations");
    for (size_t i = 0; i < name_count; i++) {
        current = names[i];
        TEST(check_current, current);
    }
    for (size_t i = 0; i < name_count; i++) {
        free(names[i]);
    }
    return tap_done();
}
