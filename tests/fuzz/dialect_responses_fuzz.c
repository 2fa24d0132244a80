/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as a request of Responses or Embeddings: refused with a code and a pointer, or every
 * lane makes valid JSON of them; no text of a turn is lost, and towards Chat every result still
 * answers a call. Any bytes as a stream, towards Responses clients too: whatever the pieces, the
 * same events and the same bytes, every event whole and in its order, and they read as what was
 * told. The first byte chooses, the second seeds the pieces.
 */
#include "base/random.h"
#include "dialect/responses_store.h"
#include "tests/unit/dialect/fixture.h"

#define ROOM ((size_t)8 << 20)
#define PIECES_MAX 4096u

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

/* What was said moves as it is spelled; what was thought stays with its maker. */
static void require_texts(const struct chat *chat, struct slice out)
{
    for (size_t i = 0; i < chat->message_count; i++) {
        for (size_t j = 0; j < chat->messages[i].part_count; j++) {
            const struct chat_part *part = &chat->messages[i].parts[j];
            bool said = part->kind == PART_TEXT || part->kind == PART_REFUSAL;
            CHECK(!said || part->text.len == 0 || slice_find_slice(out, part->text) != SIZE_MAX);
        }
    }
}

/* Our own Chat reader is as strict as a provider: every result must answer a call. */
static void require_readable(struct slice out)
{
    struct request again;
    request_read(&again, DIALECT_OPENAI_CHAT, out);
    CHECK(again.ok || strcmp(again.error.code, "empty_messages") == 0 ||
          strcmp(again.error.code, "invalid_value") == 0 ||
          strcmp(again.error.code, "request_too_large") == 0);
    request_release(&again);
}

static void translate(const struct chat *chat, const struct request_change *change)
{
    for (unsigned id = 0; id < DIALECT_COUNT; id++) {
        struct buf out = BUF_INIT(ROOM);
        struct loss loss = {.len = 0};
        struct error error = {0};
        const struct dialect *back = dialect_of((enum dialect_id)id);
        if (back->write_request == NULL ||
            (back->operations & OPERATION_BIT(chat->operation)) == 0) {
            continue;
        }
        if (back->write_request(chat, change, &out, &loss, &error)) {
            require_json(buf_slice(&out));
            if (id == DIALECT_OPENAI_CHAT) {
                require_readable(buf_slice(&out));
            }
            if (id == DIALECT_OPENAI_CHAT || id == DIALECT_OPENAI_EMBEDDINGS) {
                require_texts(chat, buf_slice(&out));
            }
        } else {
            CHECK(error.kind == ERROR_UNSUPPORTED && error.text[0] != '\0');
        }
        buf_release(&out);
    }
}

/* What was edited reads again, says the same, and asks for no further edit. */
static void edit(enum dialect_id id, const struct chat *chat, const struct request_change *change)
{
    const struct dialect *dialect = dialect_of(id);
    struct buf out = BUF_INIT(ROOM);
    struct buf again_out = BUF_INIT(ROOM);
    struct request again;
    size_t edits = 0;
    CHECK(dialect->edit_request(chat, change, &out, &edits));
    CHECK((edits == 0) == slice_eq(buf_slice(&out), chat->body));
    request_read(&again, id, buf_slice(&out));
    CHECK(again.ok || strcmp(again.error.code, "empty_messages") == 0); /* foreign thoughts alone */
    if (again.ok) {
        CHECK(again.chat.sluice == JSON_ABSENT && again.chat.models == JSON_ABSENT);
        CHECK(json_inner_is(again.chat.model, change->model));
        require_texts(chat, buf_slice(&out));
        CHECK(dialect->edit_request(&again.chat, change, &again_out, &edits) && edits == 0);
    }
    request_release(&again);
    buf_release(&out);
    buf_release(&again_out);
}

static void expand(const struct chat *chat)
{
    struct slice keys[RESPONSES_STORED_MAX];
    struct responses_stored stored[RESPONSES_STORED_MAX];
    struct buf out = BUF_INIT(ROOM);
    struct error error = {0};
    size_t count = responses_stored_keys(chat, keys, RESPONSES_STORED_MAX);
    for (size_t i = 0; i < count; i++) {
        stored[i] = (struct responses_stored){
            keys[i], SLICE("[ {\"role\":\"user\",\"content\":\"before\",\"id\":\"x\"} ]")};
    }
    if (responses_expand(chat, stored, count, &out, &error)) {
        require_json(buf_slice(&out));
        require_texts(chat, buf_slice(&out));
    } else {
        CHECK(error.code != NULL && error.text[0] != '\0');
    }
    buf_release(&out);
}

static void request(enum dialect_id id, uint8_t choice, struct slice body)
{
    const struct request_change change = {.model = SLICE("a/\"b\""),
                                          .clamp_max_tokens = 1 + (choice >> 4),
                                          .drop_routing = (choice & 4) != 0,
                                          .replay_reasoning = (choice & 8) != 0};
    struct request r;
    request_read(&r, id, body);
    if (r.ok) {
        edit(id, &r.chat, &change);
        translate(&r.chat, &change);
        expand(&r.chat);
    } else {
        CHECK(r.error.kind != ERROR_NONE && r.error.code != NULL && r.error.text[0] != '\0');
    }
    request_release(&r);
}

/* --- streams --- */

static size_t random_cuts(uint8_t seed, size_t length, size_t *cuts)
{
    struct random random;
    size_t count = 0;
    random_seed(&random, seed);
    uint64_t step = 1 + random_below(&random, 40);
    for (size_t at = random_below(&random, step) + 1; at < length && count < PIECES_MAX;) {
        cuts[count++] = at;
        at += 1 + random_below(&random, step);
    }
    return count;
}

static void require_sequence(struct slice stream)
{
    long long number = 0;
    for (struct slice rest = stream; rest.len > 0; number++) {
        struct slice event = slice_cut(&rest, '\n');
        struct slice data = slice_cut(&rest, '\n');
        struct slice blank = slice_cut(&rest, '\n');
        char wanted[160];
        (void)snprintf(wanted, sizeof wanted, "data: {\"type\":\"%.*s\",\"sequence_number\":%lld,",
                       SLICE_ARG(slice_from(event, 7)), number);
        CHECK(slice_starts(event, SLICE("event: ")) && blank.len == 0);
        CHECK(slice_starts(data, slice_from_cstr(wanted)));
        require_json(slice_from(data, 6));
    }
}

/* All that was said until the answer ended, and the names and ids of its calls. A call that never
   gets a name is told when the answer is at its end, wherever it stood: those come last here, and
   those of an answer that broke off are still held back. */
static void collect(struct slice trace, struct buf *texts, struct buf *ids)
{
    struct buf nameless = BUF_INIT(ROOM);
    bool ended = false;
    bool failed = false;
    while (trace.len > 0 && !ended && !failed) {
        struct slice line = slice_cut(&trace, '\n');
        ended = slice_starts(line, SLICE("end"));
        failed = slice_starts(line, SLICE("error"));
        if (slice_starts(line, SLICE("text text="))) {
            buf_append(texts, slice_from(line, sizeof "text text=" - 1));
        }
        if (slice_starts(line, SLICE("call index="))) {
            bool named = slice_find_slice(line, SLICE(" name=")) != SIZE_MAX;
            buf_append(named ? ids : &nameless,
                       slice_from(line, slice_find_slice(line, SLICE(" id="))));
        }
    }
    buf_append(ids, ended ? buf_slice(&nameless) : SLICE(""));
    buf_release(&nameless);
}

static void require_same(struct slice before, struct slice after)
{
    struct buf texts[2] = {BUF_INIT(ROOM), BUF_INIT(ROOM)};
    struct buf calls[2] = {BUF_INIT(ROOM), BUF_INIT(ROOM)};
    collect(before, &texts[0], &calls[0]);
    collect(after, &texts[1], &calls[1]);
    struct buf *const both[2] = {texts, calls};
    for (size_t i = 0; i < 2; i++) {
        struct buf plain[2] = {BUF_INIT(ROOM), BUF_INIT(ROOM)};
        CHECK(json_unescape(buf_slice(&both[i][0]), &plain[0]));
        CHECK(json_unescape(buf_slice(&both[i][1]), &plain[1]));
        CHECK(slice_eq(buf_slice(&plain[0]), buf_slice(&plain[1])));
        buf_release(&plain[0]);
        buf_release(&plain[1]);
        buf_release(&both[i][0]);
        buf_release(&both[i][1]);
    }
}

static void stream(enum dialect_id back, uint8_t seed, struct slice bytes)
{
    static size_t cuts[PIECES_MAX];
    const enum dialect_id front = DIALECT_OPENAI_RESPONSES;
    size_t count = random_cuts(seed, bytes.len, cuts);
    struct run whole = run_stream(back, front, bytes, NULL, 0);
    struct run split = run_stream(back, front, bytes, cuts, count);
    CHECK(slice_eq(buf_slice(&whole.trace), buf_slice(&split.trace)));
    CHECK(slice_eq(buf_slice(&whole.encoded), buf_slice(&split.encoded)));
    CHECK(slice_eq(buf_slice(&whole.raw), buf_slice(&split.raw)));
    require_sequence(buf_slice(&whole.encoded));
    struct run again = run_stream(front, front, buf_slice(&whole.encoded), NULL, 0);
    require_same(buf_slice(&whole.trace), buf_slice(&again.trace));
    run_release(&whole);
    run_release(&split);
    run_release(&again);
}

static void whole_answer(enum dialect_id back, struct slice body)
{
    struct buf trace = BUF_INIT(ROOM);
    struct buf out = BUF_INIT(ROOM);
    run_answer(back, DIALECT_OPENAI_RESPONSES, body, &trace, &out);
    CHECK(out.len == 0 || is_json(buf_slice(&out)));
    buf_release(&trace);
    buf_release(&out);
}

/* A vector may be refused, but what is told is valid. */
static void vectors_of(enum dialect_id back, struct slice body)
{
    const struct dialect *dialect = dialect_of(back);
    struct decoder *decoder = dialect->decoder_new(FIXTURE_LIMIT);
    struct frame frame;
    if (dialect->decode_answer(decoder, body, &frame) == DECODE_FRAME) {
        for (unsigned base64 = 0; base64 < 2; base64++) {
            const struct chat chat = {.base64 = base64 == 1};
            const struct answer_head head = {.chat = &chat};
            struct buf out = BUF_INIT(ROOM);
            CHECK(!dialect_of(DIALECT_OPENAI_EMBEDDINGS)->write_answer(&head, &frame, &out) ||
                  is_json(buf_slice(&out)));
            buf_release(&out);
        }
    }
    dialect->decoder_free(decoder);
}

static void vectors(struct slice body)
{
    static const enum dialect_id backs[] = {DIALECT_OPENAI_EMBEDDINGS, DIALECT_VERTEX,
                                            DIALECT_GEMINI, DIALECT_OLLAMA};
    for (size_t i = 0; i < ARRAY_LEN(backs); i++) {
        vectors_of(backs[i], body);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2 || size > FIXTURE_LIMIT / 64) {
        return 0;
    }
    struct slice bytes = slice_of((const char *)data + 2, size - 2);
    switch (data[0] & 3) {
    case 0:
        request(DIALECT_OPENAI_RESPONSES, data[0], bytes);
        break;
    case 1:
        request(DIALECT_OPENAI_EMBEDDINGS, data[0], bytes);
        vectors(bytes);
        break;
    case 2:
        stream(DIALECT_OPENAI_RESPONSES, data[1], bytes);
        whole_answer(DIALECT_OPENAI_RESPONSES, bytes);
        break;
    default:
        stream(DIALECT_OPENAI_CHAT, data[1], bytes);
        whole_answer(DIALECT_OPENAI_CHAT, bytes);
    }
    return 0;
}
