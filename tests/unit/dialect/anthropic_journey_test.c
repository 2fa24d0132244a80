/* SPDX-License-Identifier: Apache-2.0 */
/* Anthropic's conversations through other dialects and back: texts, calls with their ids, names and
 * arguments, images and results are those that they were; so is the usage of an answer. */
#include "tests/unit/dialect/files.h"
#include "tests/unit/dialect/fixture.h"

/* What must survive, as text: white space and the order of a turn's texts and calls do not count.
 */
static void add_letters(struct buf *out, struct slice inner)
{
    struct buf plain = BUF_INIT(FIXTURE_LIMIT);
    json_unescape(inner, &plain);
    for (size_t i = 0; i < plain.len; i++) {
        bool space = plain.ptr[i] == ' ' || plain.ptr[i] == '\n' || plain.ptr[i] == '\t';
        if (!space) {
            buf_append_char(out, plain.ptr[i]);
        }
    }
    buf_release(&plain);
}

static void add_raw(struct buf *out, struct slice raw)
{
    for (size_t i = 0; i < raw.len; i++) {
        if (raw.ptr[i] != ' ' && raw.ptr[i] != '\n') {
            buf_append_char(out, raw.ptr[i]);
        }
    }
}

static void add_call(struct buf *out, const struct chat_part *part)
{
    buf_append(out, SLICE("\ncall "));
    add_letters(out, part->id);
    buf_append_char(out, ' ');
    add_letters(out, part->name);
    buf_append_char(out, ' ');
    if (part->arguments_text) {
        add_letters(out, part->arguments);
    } else {
        add_raw(out, part->arguments);
    }
}

static void add_kind(struct buf *out, const struct chat *chat, enum part_kind kind)
{
    for (size_t i = 0; i < chat->message_count; i++) {
        for (size_t j = 0; j < chat->messages[i].part_count; j++) {
            const struct chat_part *part = &chat->messages[i].parts[j];
            if (part->kind != kind) {
                continue;
            }
            if (kind == PART_TOOL_CALL) {
                add_call(out, part);
            } else if (kind == PART_TOOL_RESULT) {
                buf_append(out, SLICE("\nresult "));
                add_letters(out, part->id);
            } else if (kind == PART_IMAGE) {
                buf_append(out, SLICE("\nimage "));
                add_letters(out, part->data.ptr != NULL ? part->data : part->url);
            } else {
                add_letters(out, part->text);
            }
        }
    }
}

static void essence(const struct chat *chat, struct buf *out)
{
    add_kind(out, chat, PART_TOOL_CALL);
    add_kind(out, chat, PART_TOOL_RESULT);
    add_kind(out, chat, PART_IMAGE);
    buf_append(out, SLICE("\ntext "));
    add_kind(out, chat, PART_TEXT);
}

/* `request` in `to`, read there; false: it cannot be said there. */
static bool travel(const struct chat *chat, enum dialect_id to, struct buf *body,
                   struct request *there)
{
    const struct request_change change = {.model = SLICE("m")};
    struct loss loss = {.len = 0};
    struct error error = {0};
    if (!dialect_of(to)->write_request(chat, &change, body, &loss, &error)) {
        EXPECT_SLICE(slice_from_cstr(error.code), "untranslatable");
        return false;
    }
    request_read(there, to, buf_slice(body));
    if (!there->ok) {
        printf("# %s at %s: %s\n# %.*s\n", dialect_of(to)->name, there->error.pointer,
               there->error.text, SLICE_ARG(buf_slice(body)));
    }
    EXPECT(there->ok);
    return true;
}

static bool journey(const char *name, const struct chat *chat, enum dialect_id by)
{
    struct buf bodies[2] = {BUF_INIT(FIXTURE_LIMIT), BUF_INIT(FIXTURE_LIMIT)};
    struct buf before = BUF_INIT(FIXTURE_LIMIT);
    struct buf after = BUF_INIT(FIXTURE_LIMIT);
    struct request there;
    struct request back;
    bool went = travel(chat, by, &bodies[0], &there);
    if (went) {
        if (there.ok && travel(&there.chat, DIALECT_ANTHROPIC, &bodies[1], &back)) {
            essence(chat, &before);
            essence(&back.chat, &after);
            if (!slice_eq(buf_slice(&before), buf_slice(&after))) {
                printf("# %s by %s:%.*s\n# came as:%.*s\n", name, dialect_of(by)->name,
                       SLICE_ARG(buf_slice(&before)), SLICE_ARG(buf_slice(&after)));
                EXPECT(false);
            }
            request_release(&back);
        }
        request_release(&there);
    }
    buf_release(&bodies[0]);
    buf_release(&bodies[1]);
    buf_release(&before);
    buf_release(&after);
    return went;
}

static void conversations_survive_other_dialects(void)
{
    static const enum dialect_id by[] = {DIALECT_OPENAI_CHAT, DIALECT_OPENAI_RESPONSES,
                                         DIALECT_GEMINI, DIALECT_OLLAMA};
    struct files files;
    size_t count = 0;
    files_list(&files, "request", ".json", NULL);
    for (size_t i = 0; i < files.count; i++) {
        const char *name = files.names[i];
        /* Blank texts are no texts to Anthropic, and a count is no conversation. */
        if (dialect_of_file(name) != DIALECT_ANTHROPIC || strstr(name, "blank") != NULL ||
            operation_of_file(name) != OPERATION_CHAT) {
            continue;
        }
        char path[FILES_PATH];
        struct buf body = BUF_INIT(FIXTURE_LIMIT);
        struct buf ordered = BUF_INIT(FIXTURE_LIMIT);
        struct request request;
        struct request start; /* its results in the order of their calls, as Anthropic wants them */
        (void)snprintf(path, sizeof path, FILES_FOLDER "request/%s", name);
        EXPECT(file_read(path, &body));
        request_read(&request, DIALECT_ANTHROPIC, buf_slice(&body));
        EXPECT(request.ok);
        EXPECT(travel(&request.chat, DIALECT_ANTHROPIC, &ordered, &start));
        for (size_t j = 0; j < ARRAY_LEN(by); j++) {
            count += journey(name, &start.chat, by[j]) ? 1 : 0;
        }
        request_release(&start);
        request_release(&request);
        buf_release(&body);
        buf_release(&ordered);
    }
    EXPECT(count >= 25);
    files_release(&files);
}

/* --- answers --- */

/* The last usage of a trace. */
static void last_usage(struct slice trace, struct buf *out)
{
    while (trace.len > 0) {
        struct slice line = slice_cut(&trace, '\n');
        if (slice_starts(line, SLICE("usage "))) {
            buf_clear(out);
            buf_append(out, line);
        }
    }
}

/* Case 7 and 20: told by Anthropic's events, the usage is the same. */
static void usage_survives_anthropics_streams(void)
{
    struct files files;
    size_t count = 0;
    files_list(&files, "stream", ".sse", NULL);
    for (size_t i = 0; i < files.count; i++) {
        enum dialect_id back = dialect_of_file(files.names[i]);
        if (back != DIALECT_ANTHROPIC && back != DIALECT_OPENAI_CHAT) {
            continue;
        }
        char path[FILES_PATH];
        struct buf bytes = BUF_INIT(FIXTURE_LIMIT);
        struct buf before = BUF_INIT(FIXTURE_LIMIT);
        struct buf after = BUF_INIT(FIXTURE_LIMIT);
        (void)snprintf(path, sizeof path, FILES_FOLDER "stream/%s", files.names[i]);
        EXPECT(file_read(path, &bytes));
        struct run first = run_stream(back, DIALECT_ANTHROPIC, buf_slice(&bytes), NULL, 0);
        struct run second =
            run_stream(DIALECT_ANTHROPIC, DIALECT_ANTHROPIC, buf_slice(&first.encoded), NULL, 0);
        last_usage(buf_slice(&first.trace), &before);
        last_usage(buf_slice(&second.trace), &after);
        bool ended = slice_find_slice(buf_slice(&first.encoded), SLICE("message_stop")) != SIZE_MAX;
        /* Sounds and prices have no place in it. */
        size_t kept = slice_find_slice(buf_slice(&before), SLICE(" audio="));
        if (ended && kept != SIZE_MAX) {
            EXPECT(slice_starts(buf_slice(&after), slice_of(before.ptr, kept)));
            count++;
        }
        run_release(&first);
        run_release(&second);
        buf_release(&bytes);
        buf_release(&before);
        buf_release(&after);
    }
    EXPECT(count >= 20);
    files_release(&files);
}

int main(void)
{
    TEST(conversations_survive_other_dialects, "conversations survive other dialects");
    TEST(usage_survives_anthropics_streams, "usage survives Anthropic's streams");
    return tap_done();
}
