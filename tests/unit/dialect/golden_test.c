/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One input file, one snapshot for each form that it can take. With SLUICE_GOLDEN_UPDATE=1 in the
 * environment the snapshots are written instead of compared; read the difference before you commit
 * it.
 */
#include "tests/unit/dialect/files.h"
#include "tests/unit/dialect/fixture.h"

static bool updating(void)
{
    const char *value = getenv("SLUICE_GOLDEN_UPDATE");
    return value != NULL && strcmp(value, "1") == 0;
}

static void check(const char *folder, const char *name, const char *suffix, struct slice actual)
{
    char path[FILES_PATH];
    struct buf wanted = BUF_INIT(FIXTURE_LIMIT * 8);
    (void)snprintf(path, sizeof path, FILES_FOLDER "%s/%s.%s", folder, name, suffix);
    if (updating()) {
        EXPECT(file_write(path, actual));
        return;
    }
    EXPECT(file_read(path, &wanted));
    if (!slice_eq(buf_slice(&wanted), actual)) {
        printf("# %s differs:\n%.*s\n# wanted:\n%.*s\n", path, SLICE_ARG(actual),
               SLICE_ARG(buf_slice(&wanted)));
        EXPECT(false);
    }
    buf_release(&wanted);
}

static void load(const char *folder, const char *name, struct buf *out)
{
    char path[FILES_PATH];
    (void)snprintf(path, sizeof path, FILES_FOLDER "%s/%s", folder, name);
    EXPECT(file_read(path, out));
}

static bool named(const char *name, const char *word)
{
    return strstr(name, word) != NULL;
}

/* --- requests --- */

static void write_as(const char *name, const struct chat *chat, enum dialect_id target)
{
    const struct dialect *dialect = dialect_of(target);
    struct request_change change = {
        .model = SLICE("target/model"), .clamp_max_tokens = 4096, .add_usage = true};
    struct buf out = BUF_INIT(FIXTURE_LIMIT * 4);
    struct loss loss = {.len = 0};
    struct error error = {0};
    char suffix[64];
    if (dialect->write_request(chat, &change, &out, &loss, &error)) {
        EXPECT(is_json(buf_slice(&out)));
        buf_printf(&out, "\npath: %.*s\nloss: %.*s\n", SLICE_ARG(dialect->request_path(chat)),
                   (int)loss.len, loss.text);
    } else {
        buf_clear(&out);
        buf_printf(&out, "refused: %s at %s: %s\n", error.code, error.pointer, error.text);
    }
    (void)snprintf(suffix, sizeof suffix, "to-%s", dialect->name);
    check("request", name, suffix, buf_slice(&out));
    buf_release(&out);
}

static void requests_become_each_dialect(void)
{
    struct files files;
    files_list(&files, "request", ".json", NULL);
    EXPECT(files.count >= 20);
    for (size_t i = 0; i < files.count; i++) {
        struct buf body = BUF_INIT(FIXTURE_LIMIT);
        struct request request;
        load("request", files.names[i], &body);
        request_read(&request,
                     named(files.names[i], "completion") ? DIALECT_OPENAI_COMPLETIONS
                                                         : DIALECT_OPENAI_CHAT,
                     buf_slice(&body));
        EXPECT(request.ok);
        for (unsigned target = 0; request.ok && target < DIALECT_COUNT; target++) {
            write_as(files.names[i], &request.chat, (enum dialect_id)target);
        }
        request_release(&request);
        buf_release(&body);
    }
    files_release(&files);
}

/* --- streams --- */

static enum dialect_id stream_dialect(const char *name)
{
    if (named(name, ".ndjson")) {
        return DIALECT_OLLAMA;
    }
    return named(name, "completion") ? DIALECT_OPENAI_COMPLETIONS : DIALECT_OPENAI_CHAT;
}

static enum dialect_id front_of(const char *name)
{
    return named(name, "completion") || named(name, "generate") ? DIALECT_OPENAI_COMPLETIONS
                                                                : DIALECT_OPENAI_CHAT;
}

static void streams_become_events_and_chunks(void)
{
    struct files files;
    files_list(&files, "stream", ".sse", ".ndjson");
    EXPECT(files.count >= 40);
    for (size_t i = 0; i < files.count; i++) {
        const char *name = files.names[i];
        struct buf bytes = BUF_INIT(FIXTURE_LIMIT);
        load("stream", name, &bytes);
        struct run run =
            run_stream(stream_dialect(name), front_of(name), buf_slice(&bytes), NULL, 0);
        EXPECT(!run.too_large);
        if (stream_dialect(name) != DIALECT_OLLAMA) {
            EXPECT(slice_eq(buf_slice(&run.raw), buf_slice(&bytes)));
        }
        check("stream", name, "events", buf_slice(&run.trace));
        check("stream", name, "to-openai", buf_slice(&run.encoded));
        run_release(&run);
        buf_release(&bytes);
    }
    files_release(&files);
}

/* --- whole answers --- */

static void answers_become_events_and_answers(void)
{
    struct files files;
    files_list(&files, "answer", ".json", NULL);
    EXPECT(files.count >= 15);
    for (size_t i = 0; i < files.count; i++) {
        const char *name = files.names[i];
        struct buf body = BUF_INIT(FIXTURE_LIMIT);
        struct buf trace = BUF_INIT(FIXTURE_LIMIT);
        struct buf out = BUF_INIT(FIXTURE_LIMIT);
        load("answer", name, &body);
        run_answer(named(name, "ollama") ? DIALECT_OLLAMA : DIALECT_OPENAI_CHAT, front_of(name),
                   buf_slice(&body), &trace, &out);
        EXPECT(out.len == 0 || is_json(buf_slice(&out)));
        check("answer", name, "events", buf_slice(&trace));
        check("answer", name, "to-openai", buf_slice(&out));
        buf_release(&body);
        buf_release(&trace);
        buf_release(&out);
    }
    files_release(&files);
}

int main(void)
{
    TEST(requests_become_each_dialect,
         "requests are written for each dialect as the snapshots say");
    TEST(streams_become_events_and_chunks, "streams become the events and chunks of the snapshots");
    TEST(answers_become_events_and_answers,
         "whole answers become the events and answers of the snapshots");
    return tap_done();
}
