/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One input file, one snapshot for each form that it can take. With SLUICE_GOLDEN_UPDATE=1 in the
 * environment the snapshots are written instead of compared; read the difference before you commit
 * it. A file's name begins with the dialect that it is in ("anthropic_", "completion" ...; OpenAI
 * Chat without). SLUICE_GOLDEN_ONLY=gemini looks only at what goes into or out of that dialect.
 */
#include "tests/unit/dialect/files.h"
#include "tests/unit/dialect/fixture.h"

#include "dialect/emulate.h"
#include "dialect/wish.h"

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

/* --- which dialect --- */

static bool is_completion(const char *name)
{
    return named(name, "completion") || named(name, "generate");
}

static bool is_looked_at(enum dialect_id from, enum dialect_id to)
{
    const char *only = getenv("SLUICE_GOLDEN_ONLY");
    return only == NULL || strstr(dialect_of(from)->name, only) != NULL ||
           strstr(dialect_of(to)->name, only) != NULL;
}

/* Can an answer of this kind be told to a client of that dialect? */
static bool is_front(enum dialect_id id, bool completion)
{
    bool plain = id == DIALECT_OPENAI_COMPLETIONS;
    return id != DIALECT_OPENAI_EMBEDDINGS && dialect_of(id)->encode != NULL && plain == completion;
}

static void suffix_of(enum dialect_id front, char *out, size_t size)
{
    bool openai = front == DIALECT_OPENAI_CHAT || front == DIALECT_OPENAI_COMPLETIONS;
    (void)snprintf(out, size, "to-%s", openai ? "openai" : dialect_of(front)->name);
}

/* --- requests --- */

static void append_path(const struct dialect *dialect, const struct chat *chat, struct slice model,
                        struct buf *out)
{
    buf_append(out, SLICE("\npath: "));
    if (dialect->write_path != NULL) {
        EXPECT(dialect->write_path(chat, model, out));
    } else {
        buf_append(out, dialect->request_path(chat));
    }
}

static void append_emulated(unsigned wishes, struct buf *out)
{
    static const char *const names[WISH_COUNT] = {
        [WISH_STOP] = "stop", [WISH_FORMAT] = "format", [WISH_TOOL_CHOICE] = "tool_choice"};
    for (unsigned wish = 0; wish < WISH_COUNT; wish++) {
        if ((wishes & WISH_BIT(wish)) != 0) {
            buf_printf(out, "emulated: %s\n", names[wish] == NULL ? "?" : names[wish]);
        }
    }
}

/* As the gateway does it: what the target lacks is emulated where that is possible. */
static void write_as(const char *name, const struct request *request, enum dialect_id target)
{
    const struct dialect *dialect = dialect_of(target);
    struct chat copy = request->chat;
    const struct chat *chat = &copy;
    unsigned emulated = emulation_able(chat, wishes_missing(chat, target));
    struct arena arena;
    arena_init(&arena, FIXTURE_LIMIT);
    EXPECT(emulation_rewrite(&copy, emulated, &arena));
    struct request_change change = {
        .model = SLICE("target/model"), .clamp_max_tokens = 4096, .add_usage = true};
    struct buf out = BUF_INIT(FIXTURE_LIMIT * 4);
    struct loss loss = {.len = 0};
    struct error error = {0};
    char suffix[64];
    if (dialect->write_request(chat, &change, &out, &loss, &error)) {
        EXPECT(is_json(buf_slice(&out)));
        append_path(dialect, chat, change.model, &out);
        buf_printf(&out, "\nloss: %.*s\n", (int)loss.len, loss.text);
        append_emulated(emulated, &out);
    } else {
        buf_clear(&out);
        buf_printf(&out, "refused: %s at %s: %s\n", error.code, error.pointer, error.text);
    }
    (void)snprintf(suffix, sizeof suffix, "to-%s", dialect->name);
    check("request", name, suffix, buf_slice(&out));
    arena_release(&arena);
    buf_release(&out);
}

static void requests_become_each_dialect(void)
{
    struct files files;
    files_list(&files, "request", ".json", NULL);
    EXPECT(files.count >= 20);
    for (size_t i = 0; i < files.count; i++) {
        const char *name = files.names[i];
        enum dialect_id front = dialect_of_file(name);
        struct buf body = BUF_INIT(FIXTURE_LIMIT);
        struct request request;
        load("request", name, &body);
        request_read_as(&request, front, operation_of_file(name), buf_slice(&body));
        EXPECT(request.ok);
        for (unsigned id = 0; request.ok && id < DIALECT_COUNT; id++) {
            const struct dialect *target = dialect_of((enum dialect_id)id);
            bool can = (target->operations & OPERATION_BIT(request.chat.operation)) != 0;
            if (can && target->write_request != NULL && is_looked_at(front, (enum dialect_id)id)) {
                write_as(name, &request, (enum dialect_id)id);
            }
        }
        request_release(&request);
        buf_release(&body);
    }
    files_release(&files);
}

/* --- streams --- */

static void stream_as(const char *name, enum dialect_id back, enum dialect_id front,
                      struct slice bytes)
{
    char suffix[64];
    struct run run = run_stream(back, front, bytes, NULL, 0);
    EXPECT(!run.too_large);
    if (run.formless) {
        buf_append(&run.encoded, SLICE("(no form)\n"));
    }
    if (back != DIALECT_OLLAMA) {
        EXPECT(slice_eq(buf_slice(&run.raw), bytes));
    }
    suffix_of(front, suffix, sizeof suffix);
    check("stream", name, "events", buf_slice(&run.trace));
    check("stream", name, suffix, buf_slice(&run.encoded));
    run_release(&run);
}

static void load_stream(const char *name, struct buf *out)
{
    if (!slice_ends(slice_from_cstr(name), SLICE(".frames"))) {
        load("stream", name, out);
        return;
    }
    struct buf text = BUF_INIT(FIXTURE_LIMIT);
    load("stream", name, &text);
    frames_encode(buf_slice(&text), out);
    buf_release(&text);
}

static void look_at_streams(const char *suffix, const char *other, size_t least)
{
    struct files files;
    files_list(&files, "stream", suffix, other);
    EXPECT(files.count >= least);
    for (size_t i = 0; i < files.count; i++) {
        const char *name = files.names[i];
        enum dialect_id back = dialect_of_file(name);
        struct buf bytes = BUF_INIT(FIXTURE_LIMIT);
        load_stream(name, &bytes);
        for (unsigned id = 0; id < DIALECT_COUNT; id++) {
            enum dialect_id front = (enum dialect_id)id;
            if (is_front(front, is_completion(name)) && is_looked_at(back, front)) {
                stream_as(name, back, front, buf_slice(&bytes));
            }
        }
        buf_release(&bytes);
    }
    files_release(&files);
}

static void streams_become_events_and_chunks(void)
{
    look_at_streams(".sse", ".ndjson", 40);
    look_at_streams(".frames", NULL, 0);
}

/* --- whole answers --- */

static void answer_as(const char *name, enum dialect_id back, enum dialect_id front,
                      struct slice body)
{
    char suffix[64];
    struct buf trace = BUF_INIT(FIXTURE_LIMIT);
    struct buf out = BUF_INIT(FIXTURE_LIMIT);
    run_answer(back, front, body, &trace, &out);
    EXPECT(out.len == 0 || is_json(buf_slice(&out)));
    suffix_of(front, suffix, sizeof suffix);
    check("answer", name, "events", buf_slice(&trace));
    check("answer", name, suffix, buf_slice(&out));
    buf_release(&trace);
    buf_release(&out);
}

static void answers_become_events_and_answers(void)
{
    struct files files;
    files_list(&files, "answer", ".json", NULL);
    EXPECT(files.count >= 15);
    for (size_t i = 0; i < files.count; i++) {
        const char *name = files.names[i];
        enum dialect_id back = dialect_of_file(name);
        struct buf body = BUF_INIT(FIXTURE_LIMIT);
        load("answer", name, &body);
        for (unsigned id = 0; id < DIALECT_COUNT; id++) {
            enum dialect_id front = (enum dialect_id)id;
            if (is_front(front, is_completion(name)) && is_looked_at(back, front)) {
                answer_as(name, back, front, buf_slice(&body));
            }
        }
        buf_release(&body);
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
