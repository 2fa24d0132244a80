/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as a request to Anthropic's API: refused with a code, or every lane makes valid JSON of
 * them in which no text is lost and every result finds its call. Or, when the first byte says so,
 * as any provider's stream for a client of Anthropic's: what the client gets is a stream of that
 * dialect, block after block, that says the same texts and calls. The first byte chooses.
 */
#include "dialect/inner.h"
#include "tests/unit/dialect/fixture.h"

#define ROOM ((size_t)8 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct json_limits deep = {1024, 1000000};

static void require_json(struct slice text)
{
    struct json_doc doc;
    json_doc_init(&doc);
    CHECK(json_parse(&doc, text, &deep, NULL));
    json_doc_release(&doc);
}

/* --- requests --- */

static bool is_blank(struct slice inner)
{
    struct buf plain = BUF_INIT(ROOM);
    CHECK(json_unescape(inner, &plain) || inner.len == 0);
    size_t i = 0;
    /* Unicode has more white space than ASCII: only a letter of ASCII surely is none. */
    while (i < plain.len && ((unsigned char)plain.ptr[i] <= ' ' || (plain.ptr[i] & 0x80) != 0)) {
        i++;
    }
    bool blank = i == plain.len;
    buf_release(&plain);
    return blank;
}

/* Texts move as they are spelled, so each must be found in the output. */
static void require_texts(const struct chat *chat, struct slice out)
{
    for (size_t i = 0; i < chat->message_count; i++) {
        for (size_t j = 0; j < chat->messages[i].part_count; j++) {
            const struct chat_part *part = &chat->messages[i].parts[j];
            struct slice text = part->kind == PART_TEXT        ? part->text
                                : part->kind == PART_TOOL_CALL ? part->name
                                                               : SLICE_EMPTY;
            CHECK(is_blank(text) || slice_find_slice(out, text) != SIZE_MAX);
        }
    }
}

/* The calls of both, in their order. */
static const struct chat_part *call_at(const struct chat *chat, size_t number)
{
    for (size_t i = 0; i < chat->message_count; i++) {
        for (size_t j = 0; j < chat->messages[i].part_count; j++) {
            const struct chat_part *part = &chat->messages[i].parts[j];
            if (part->kind == PART_TOOL_CALL && number-- == 0) {
                return part;
            }
        }
    }
    return NULL;
}

static void require_same_calls(const struct chat *a, const struct chat *b)
{
    for (size_t i = 0;; i++) {
        const struct chat_part *x = call_at(a, i);
        const struct chat_part *y = call_at(b, i);
        CHECK((x == NULL) == (y == NULL));
        if (x == NULL) {
            return;
        }
        CHECK(inner_equals(x->name, y->name));
        CHECK(inner_equals(x->id, y->id) || x->id.len > 200);
    }
}

static bool recall(void *user, struct slice call_id, struct opaque_state *ret_state)
{
    *ret_state = (struct opaque_state){.dialect = *(const unsigned *)user,
                                       .reasoning = SLICE("why"),
                                       .signature = SLICE("seal"),
                                       .data = call_id.len % 2 == 0 ? SLICE("d") : SLICE_EMPTY};
    return call_id.len % 3 != 0;
}

/* What is written for Anthropic reads again, with the same calls, and is written the same. */
static void require_stable(const struct chat *chat, const struct request_change *change,
                           struct slice body)
{
    const struct dialect *dialect = dialect_of(DIALECT_ANTHROPIC);
    struct request again;
    struct buf out = BUF_INIT(ROOM);
    struct loss loss = {.len = 0};
    struct error error = {0};
    struct request_change bare = *change;
    bare.recall = NULL;
    request_read(&again, DIALECT_ANTHROPIC, body);
    CHECK(again.ok);
    require_same_calls(chat, &again.chat);
    bool written = dialect->write_request(&again.chat, &bare, &out, &loss, &error);
    /* Where blank turns were left out an instruction may lead: read again it is the system's text,
       and no turn is left. */
    CHECK(written || (again.chat.message_count > 0 && again.chat.messages[0].role == ROLE_SYSTEM &&
                      strcmp(error.pointer, "/messages") == 0));
    struct request third;
    if (written) {
        request_read(&third, DIALECT_ANTHROPIC, buf_slice(&out));
        CHECK(third.ok);
        request_release(&third);
    }
    request_release(&again);
    buf_release(&out);
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
            require_json(buf_slice(&out));
            require_texts(chat, buf_slice(&out));
            if (id == DIALECT_ANTHROPIC) {
                require_stable(chat, change, buf_slice(&out));
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
    const struct dialect *dialect = dialect_of(DIALECT_ANTHROPIC);
    struct buf out = BUF_INIT(ROOM);
    struct buf twice = BUF_INIT(ROOM);
    struct request again;
    size_t edits = 0;
    CHECK(dialect->edit_request(chat, change, &out, &edits));
    CHECK((edits == 0) == slice_eq(buf_slice(&out), chat->body));
    request_read(&again, DIALECT_ANTHROPIC, buf_slice(&out));
    if (again.ok) {
        CHECK(again.chat.sluice == JSON_ABSENT && again.chat.models == JSON_ABSENT);
        CHECK(json_inner_is(again.chat.model, change->model));
        CHECK(again.chat.max_tokens > 0 && again.chat.max_tokens <= change->clamp_max_tokens);
        require_texts(chat, buf_slice(&out));
        require_same_calls(chat, &again.chat);
        CHECK(dialect->edit_request(&again.chat, change, &twice, &edits) && edits == 0);
    } else { /* nothing but thoughts of ours was in it */
        CHECK(strcmp(again.error.code, "empty_messages") == 0);
    }
    request_release(&again);
    buf_release(&out);
    buf_release(&twice);
}

static void request(uint8_t choice, struct slice body)
{
    const unsigned maker = (choice & 2) != 0 ? DIALECT_ANTHROPIC : DIALECT_GEMINI;
    struct request_change change = {.model = (choice & 4) != 0 ? SLICE("a/\"b\"")
                                                               : SLICE("claude-opus-4-8"),
                                    .clamp_max_tokens = (choice & 8) != 0 ? 5 : 2000,
                                    .drop_routing = (choice & 16) != 0,
                                    .recall = (choice & 32) != 0 ? recall : NULL,
                                    .recall_user = (void *)(uintptr_t)&maker};
    struct request r;
    request_read(&r, DIALECT_ANTHROPIC, body);
    if (r.ok) {
        edit(&r.chat, &change);
        translate(&r.chat, &change);
        r.chat.operation = OPERATION_TOKEN_COUNT;
        translate(&r.chat, &change);
    } else {
        CHECK(r.error.kind != ERROR_NONE && r.error.code != NULL && r.error.text[0] != '\0');
    }
    request_release(&r);
}

/* --- streams --- */

/* All letters that the first choice says, in their order, and how many calls it makes. */
static size_t collect(struct slice trace, struct buf *letters)
{
    size_t calls = 0;
    while (trace.len > 0) {
        struct slice line = slice_cut(&trace, '\n');
        struct buf plain = BUF_INIT(FIXTURE_LIMIT * 8);
        if (slice_starts(line, SLICE("end")) || slice_starts(line, SLICE("error"))) {
            break;
        }
        calls += slice_starts(line, SLICE("call index=")) ? 1 : 0;
        if (slice_starts(line, SLICE("text text="))) {
            json_unescape(slice_from(line, sizeof "text text=" - 1), &plain);
        } else if (slice_starts(line, SLICE("refusal text="))) {
            json_unescape(slice_from(line, sizeof "refusal text=" - 1), &plain);
        }
        for (size_t i = 0; i < plain.len; i++) {
            if (plain.ptr[i] > ' ' && plain.ptr[i] < 0x7F) {
                buf_append_char(letters, plain.ptr[i]);
            }
        }
        buf_release(&plain);
    }
    return calls;
}

/* Each block begins with the next index, takes its deltas, and ends before the next one begins. */
static void require_blocks(struct slice encoded)
{
    int64_t next = 0;
    bool open = false;
    while (encoded.len > 0) {
        struct slice name = slice_cut(&encoded, '\n');
        struct slice data = slice_cut(&encoded, '\n');
        struct json_doc doc;
        int64_t index = -1;
        json_doc_init(&doc);
        CHECK(slice_cut(&encoded, '\n').len == 0);
        CHECK(json_parse(&doc, slice_from(data, 6), &json_default_limits, NULL));
        uint32_t member = json_member(&doc, JSON_ROOT, SLICE("index"));
        if (member != JSON_ABSENT) {
            CHECK(json_int64(&doc, member, &index) && index == next);
        }
        bool start = slice_ends(name, SLICE("block_start"));
        bool stop = slice_ends(name, SLICE("block_stop"));
        CHECK(member == JSON_ABSENT || open != start);
        CHECK(!open || !slice_ends(name, SLICE("message_stop")));
        open = start || (open && !stop);
        next += stop ? 1 : 0;
        json_doc_release(&doc);
    }
}

static void stream(uint8_t choice, struct slice bytes)
{
    static const enum dialect_id backs[] = {DIALECT_ANTHROPIC, DIALECT_OPENAI_CHAT, DIALECT_OLLAMA,
                                            DIALECT_ANTHROPIC};
    enum dialect_id back = backs[choice % ARRAY_LEN(backs)];
    struct buf said = BUF_INIT(FIXTURE_LIMIT * 8);
    struct buf told = BUF_INIT(FIXTURE_LIMIT * 8);
    size_t cut = bytes.len / (2 + choice / 8 % 4);
    struct run run = run_stream(back, DIALECT_ANTHROPIC, bytes, NULL, 0);
    struct run split = run_stream(back, DIALECT_ANTHROPIC, bytes, &cut, 1);
    CHECK(slice_eq(buf_slice(&run.trace), buf_slice(&split.trace)));
    CHECK(slice_eq(buf_slice(&run.encoded), buf_slice(&split.encoded)));
    require_blocks(buf_slice(&run.encoded));
    struct run again =
        run_stream(DIALECT_ANTHROPIC, DIALECT_ANTHROPIC, buf_slice(&run.encoded), NULL, 0);
    CHECK(slice_find_slice(buf_slice(&again.trace), SLICE("malformed\n")) == SIZE_MAX);
    size_t calls = collect(buf_slice(&run.trace), &said);
    /* A stream that fails leaves untold what waited for an open call. */
    bool ended =
        slice_find_slice(buf_slice(&run.encoded), SLICE("event: message_stop")) != SIZE_MAX;
    size_t told_calls = collect(buf_slice(&again.trace), &told);
    CHECK(!ended || (calls == told_calls && slice_eq(buf_slice(&said), buf_slice(&told))));
    CHECK(ended || slice_starts(buf_slice(&said), buf_slice(&told)));
    run_release(&run);
    run_release(&split);
    run_release(&again);
    buf_release(&said);
    buf_release(&told);
}

static void whole(struct slice body)
{
    struct buf trace = BUF_INIT(FIXTURE_LIMIT * 8);
    struct buf out = BUF_INIT(FIXTURE_LIMIT * 8);
    struct decoder *decoder = dialect_of(DIALECT_ANTHROPIC)->decoder_new(FIXTURE_LIMIT);
    struct provider_error error;
    run_answer(DIALECT_ANTHROPIC, DIALECT_ANTHROPIC, body, &trace, &out);
    CHECK(out.len == 0 || is_json(buf_slice(&out)));
    dialect_of(DIALECT_ANTHROPIC)->read_error(decoder, 400, body, &error);
    CHECK(error.message.len <= body.len && error.type.len <= body.len);
    dialect_of(DIALECT_ANTHROPIC)->decoder_free(decoder);
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
        stream((uint8_t)(data[0] >> 1), bytes);
        whole(bytes);
    }
    return 0;
}
