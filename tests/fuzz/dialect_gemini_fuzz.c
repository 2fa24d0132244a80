/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as a request to Gemini's API: refused with a code, or every lane makes valid JSON of
 * them in which no text is lost and every result finds its call. Or, when the first byte says so,
 * as any provider's stream for a client of Gemini's: what the client gets, as events and as an
 * array, is JSON that says the same texts. The first byte chooses.
 */
#include "dialect/inner.h"
#include "tests/unit/dialect/fixture.h"

#define ROOM ((size_t)8 << 20)
#define CLAMP 7

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct json_limits deep = {1024, 1000000};

static bool is_deep_json(struct slice text)
{
    struct json_doc doc;
    json_doc_init(&doc);
    bool ok = json_parse(&doc, text, &deep, NULL);
    json_doc_release(&doc);
    return ok;
}

/* --- requests --- */

/* What every dialect that takes the chat must hold, as it is spelled: words, names of calls, and
 * for OpenAI the ids that results are found by. */
static void require_texts(const struct chat *chat, enum dialect_id by, struct slice out)
{
    for (size_t i = 0; i < chat->message_count; i++) {
        for (size_t j = 0; j < chat->messages[i].part_count; j++) {
            const struct chat_part *part = &chat->messages[i].parts[j];
            bool call = part->kind == PART_TOOL_CALL;
            struct slice text = part->kind == PART_TEXT ? part->text
                                : call                  ? part->name
                                                        : SLICE_EMPTY;
            /* Google's own results go as they stand; their text may be our spelling of an object.
             */
            bool ours = by == DIALECT_GEMINI && chat->messages[i].role == ROLE_TOOL;
            CHECK(text.len == 0 || ours || slice_find_slice(out, text) != SIZE_MAX);
            CHECK(!call || by != DIALECT_OPENAI_CHAT ||
                  slice_find_slice(out, part->id) != SIZE_MAX);
        }
    }
}

/* Every result answers a call of the assistant's turn before it, and only one. */
static void require_results(const struct chat *chat)
{
    const struct chat_message *calls = NULL;
    for (size_t i = 0; i < chat->message_count; i++) {
        const struct chat_message *message = &chat->messages[i];
        if (message->role == ROLE_ASSISTANT) {
            CHECK(calls != message - 1); /* turns of the model are joined */
            calls = message;
        }
        if (message->role != ROLE_TOOL) {
            continue;
        }
        bool found = false;
        for (size_t j = 0; calls != NULL && j < calls->part_count; j++) {
            found = found || (calls->parts[j].kind == PART_TOOL_CALL &&
                              inner_equals(calls->parts[j].id, message->parts[0].id));
        }
        CHECK(found && message->part_count >= 2 && message->parts[1].kind == PART_TEXT);
    }
}

/* What is written reads again, and is then written the same. */
static void require_stable(struct slice body, enum operation operation,
                           const struct request_change *change)
{
    const struct dialect *dialect = dialect_of(DIALECT_GEMINI);
    struct buf out = BUF_INIT(ROOM);
    struct loss loss = {.len = 0};
    struct error error = {0};
    struct request again;
    request_read_as(&again, DIALECT_GEMINI, operation, body);
    if (again.ok) {
        CHECK(dialect->write_request(&again.chat, change, &out, &loss, &error));
        CHECK(slice_eq(buf_slice(&out), body));
    } else { /* nothing but empty words was in it, or the list around a lone object is too much */
        CHECK(strcmp(again.error.code, "json_too_deep") == 0 ||
              strcmp(again.error.code, "empty_messages") == 0);
    }
    request_release(&again);
    buf_release(&out);
}

static bool recall(void *user, struct slice call_id, struct opaque_state *ret_state)
{
    (void)user;
    *ret_state = (struct opaque_state){.dialect = DIALECT_GEMINI, .call_signature = SLICE("c2ln")};
    return call_id.len % 2 == 0;
}

static void translate(const struct chat *chat, const struct request_change *change)
{
    for (unsigned id = 0; id < DIALECT_COUNT; id++) {
        const struct dialect *back = dialect_of((enum dialect_id)id);
        struct buf out = BUF_INIT(ROOM);
        struct loss loss = {.len = 0};
        struct error error = {0};
        if (back->write_request == NULL ||
            (back->operations & OPERATION_BIT(chat->operation)) == 0) {
            continue;
        }
        if (back->write_request(chat, change, &out, &loss, &error)) {
            CHECK(is_deep_json(buf_slice(&out)));
            if (id == DIALECT_GEMINI || id == DIALECT_OPENAI_CHAT) {
                require_texts(chat, (enum dialect_id)id, buf_slice(&out));
            }
            if (id == DIALECT_GEMINI) {
                require_stable(buf_slice(&out), chat->operation, change);
            }
        } else {
            CHECK(error.kind == ERROR_UNSUPPORTED && error.text[0] != '\0');
        }
        CHECK(loss.len <= sizeof loss.text);
        buf_release(&out);
    }
}

/* What was edited reads again, says the same, and asks for no further edit. */
static void edit(const struct chat *chat, const struct request_change *change)
{
    const struct dialect *dialect = dialect_of(DIALECT_GEMINI);
    struct buf out = BUF_INIT(ROOM);
    struct buf twice = BUF_INIT(ROOM);
    struct request again;
    size_t edits = 0;
    CHECK(dialect->edit_request(chat, change, &out, &edits));
    CHECK((edits == 0) == slice_eq(buf_slice(&out), chat->body));
    request_read_as(&again, DIALECT_GEMINI, chat->operation, buf_slice(&out));
    CHECK(again.ok);
    CHECK(again.chat.message_count == chat->message_count && again.chat.sluice == JSON_ABSENT);
    bool limited = chat->operation == OPERATION_CHAT;
    CHECK(!limited || (again.chat.max_tokens > 0 && again.chat.max_tokens <= CLAMP));
    CHECK(dialect->edit_request(&again.chat, change, &twice, &edits) && edits == 0);
    request_release(&again);
    buf_release(&out);
    buf_release(&twice);
}

static void request(uint8_t choice, struct slice body)
{
    static const enum operation operations[] = {OPERATION_CHAT, OPERATION_EMBEDDING,
                                                OPERATION_TOKEN_COUNT, OPERATION_CHAT};
    const struct request_change change = {
        .model = (choice & 8) != 0 ? SLICE("a/\"b\"") : SLICE("models/gemini-2.5-pro"),
        .clamp_max_tokens = CLAMP,
        .recall = (choice & 16) != 0 ? recall : NULL};
    struct request r;
    request_read_as(&r, DIALECT_GEMINI, operations[choice >> 1 & 3], body);
    if (r.ok) {
        require_results(&r.chat);
        edit(&r.chat, &change);
        translate(&r.chat, &change);
        struct buf path = BUF_INIT(ROOM);
        CHECK(dialect_of(DIALECT_GEMINI)->write_path(&r.chat, change.model, &path));
        CHECK(slice_find(buf_slice(&path), ' ') == SIZE_MAX);
        buf_release(&path);
    } else {
        CHECK(r.error.kind != ERROR_NONE && r.error.code != NULL && r.error.text[0] != '\0');
    }
    request_release(&r);
}

/* --- streams --- */

/* All words of the first choice until the stream ends. */
static void collect(struct slice trace, struct buf *out)
{
    while (trace.len > 0) {
        struct slice line = slice_cut(&trace, '\n');
        size_t at = slice_find_slice(line, SLICE(" text="));
        if (slice_starts(line, SLICE("end")) || slice_starts(line, SLICE("error"))) {
            return;
        }
        if (slice_starts(line, SLICE("text text=")) || slice_starts(line, SLICE("refusal text="))) {
            buf_append(out, slice_from(line, at + 6));
        }
    }
}

static void require_same_text(struct slice before, struct slice after)
{
    struct buf a = BUF_INIT(FIXTURE_LIMIT * 8);
    struct buf b = BUF_INIT(FIXTURE_LIMIT * 8);
    struct buf plain_a = BUF_INIT(FIXTURE_LIMIT * 8);
    struct buf plain_b = BUF_INIT(FIXTURE_LIMIT * 8);
    collect(before, &a);
    collect(after, &b);
    CHECK(json_unescape(buf_slice(&a), &plain_a) && json_unescape(buf_slice(&b), &plain_b));
    CHECK(slice_eq(buf_slice(&plain_a), buf_slice(&plain_b)));
    buf_release(&a);
    buf_release(&b);
    buf_release(&plain_a);
    buf_release(&plain_b);
}

static void require_events(struct slice encoded)
{
    while (encoded.len > 0) {
        struct slice line = slice_cut(&encoded, '\r');
        CHECK(slice_starts(line, SLICE("data: ")) && is_deep_json(slice_from(line, 6)));
        CHECK(slice_starts(encoded, SLICE("\n\r\n")));
        encoded = slice_from(encoded, 3);
    }
}

static void array(enum dialect_id back_id, bool same, struct slice bytes)
{
    const struct dialect *back = dialect_of(back_id);
    const struct dialect *front = dialect_of(DIALECT_GEMINI);
    struct answer_head head = {.stream_array = true, .same_dialect = same};
    struct decoder *decoder = back->decoder_new(FIXTURE_LIMIT);
    struct encoder *encoder = front->encoder_new(&head);
    struct buf out = BUF_INIT(FIXTURE_LIMIT * 8);
    struct frame frame;
    enum decode_result result;
    bool ended = false;
    bool sound = true; /* a provider's own malformed frames would go on as they are */
    while ((result = back->decode(decoder, &bytes, &frame)) == DECODE_FRAME ||
           result == DECODE_MALFORMED) {
        sound = sound && result == DECODE_FRAME;
        if (result == DECODE_FRAME) {
            sound = sound && front->encode(encoder, &frame, &out);
            CHECK(!out.failed);
            ended = ended || frame.terminal;
        }
    }
    while (result != DECODE_TOO_LARGE &&
           (result = back->decode_end(decoder, &frame)) != DECODE_MORE) {
        if (result == DECODE_FRAME) {
            sound = sound && front->encode(encoder, &frame, &out);
            CHECK(!out.failed);
            ended = ended || frame.terminal;
        }
        sound = sound && result == DECODE_FRAME;
    }
    CHECK(!ended || !sound || is_deep_json(buf_slice(&out)));
    back->decoder_free(decoder);
    front->encoder_free(encoder);
    buf_release(&out);
}

static void stream(uint8_t choice, struct slice bytes)
{
    static const enum dialect_id backs[] = {DIALECT_GEMINI, DIALECT_OPENAI_CHAT, DIALECT_ANTHROPIC,
                                            DIALECT_OLLAMA};
    enum dialect_id back = backs[choice >> 1 & 3];
    size_t cut = bytes.len / 2;
    struct run whole = run_stream(back, DIALECT_GEMINI, bytes, NULL, 0);
    struct run split = run_stream(back, DIALECT_GEMINI, bytes, &cut, bytes.len > 1 ? 1 : 0);
    CHECK(slice_eq(buf_slice(&whole.encoded), buf_slice(&split.encoded)));
    require_events(buf_slice(&whole.encoded));
    struct run again =
        run_stream(DIALECT_GEMINI, DIALECT_GEMINI, buf_slice(&whole.encoded), NULL, 0);
    if (!whole.formless &&
        slice_find_slice(buf_slice(&again.trace), SLICE("malformed\n")) == SIZE_MAX) {
        require_same_text(buf_slice(&whole.trace), buf_slice(&again.trace));
    }
    run_release(&whole);
    run_release(&split);
    run_release(&again);
    array(back, back == DIALECT_GEMINI && (choice & 8) != 0, bytes);
    struct buf trace = BUF_INIT(FIXTURE_LIMIT * 8);
    struct buf out = BUF_INIT(FIXTURE_LIMIT * 8);
    run_answer(back, DIALECT_GEMINI, bytes, &trace, &out);
    CHECK(out.len == 0 || is_deep_json(buf_slice(&out)));
    buf_release(&trace);
    buf_release(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1 || size > FIXTURE_LIMIT / 64) {
        return 0;
    }
    struct slice bytes = slice_of((const char *)data + 1, size - 1);
    if ((data[0] & 1) == 0) {
        request(data[0], bytes);
    } else {
        stream(data[0], bytes);
    }
    return 0;
}
