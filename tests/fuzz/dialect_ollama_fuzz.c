/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as a request to Ollama's API: refused with a code, or every lane makes valid JSON of
 * them in which no text is lost; or, when the first byte says so, as a Chat provider's stream for a
 * client of Ollama's: lines of valid JSON, the same for any pieces, and `done` only where the
 * provider ended. The first byte chooses.
 */
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

/* Texts move as they are spelled, so each must be found in the output. */
static void require_texts(const struct chat *chat, struct slice out)
{
    for (size_t i = 0; i < chat->message_count; i++) {
        for (size_t j = 0; j < chat->messages[i].part_count; j++) {
            const struct chat_part *part = &chat->messages[i].parts[j];
            struct slice text = part->kind == PART_TEXT        ? part->text
                                : part->kind == PART_TOOL_CALL ? part->name
                                : part->kind == PART_IMAGE     ? part->data
                                                               : SLICE_EMPTY;
            CHECK(text.len == 0 || slice_find_slice(out, text) != SIZE_MAX);
        }
    }
}

/* Each result is that of a call which stands before it. */
static void require_results_have_calls(const struct chat *chat)
{
    for (size_t i = 0; i < chat->message_count; i++) {
        const struct chat_message *message = &chat->messages[i];
        if (message->role != ROLE_TOOL) {
            continue;
        }
        bool found = false;
        for (size_t k = 0; k < i && !found; k++) {
            for (size_t j = 0; j < chat->messages[k].part_count && !found; j++) {
                const struct chat_part *part = &chat->messages[k].parts[j];
                found = part->kind == PART_TOOL_CALL && slice_eq(part->id, message->parts[0].id);
            }
        }
        CHECK(found);
    }
}

/* Ollama and Chat lose no text; the others have rules of their own for blank ones. */
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
            if (id == DIALECT_OLLAMA || id == DIALECT_OPENAI_CHAT) {
                require_texts(chat, buf_slice(&out));
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
    const struct dialect *dialect = dialect_of(DIALECT_OLLAMA);
    struct buf out = BUF_INIT(ROOM);
    struct buf twice = BUF_INIT(ROOM);
    struct request again;
    size_t edits = 0;
    CHECK(dialect->edit_request(chat, change, &out, &edits));
    CHECK((edits == 0) == slice_eq(buf_slice(&out), chat->body));
    request_read_as(&again, DIALECT_OLLAMA, chat->operation, buf_slice(&out));
    CHECK(again.ok && again.chat.sluice == JSON_ABSENT);
    CHECK(json_inner_is(again.chat.model, change->model));
    CHECK(again.chat.message_count == chat->message_count);
    require_texts(chat, buf_slice(&out));
    CHECK(dialect->edit_request(&again.chat, change, &twice, &edits) && edits == 0);
    request_release(&again);
    buf_release(&out);
    buf_release(&twice);
}

static void request(uint8_t choice, struct slice body)
{
    static const enum operation operations[] = {OPERATION_CHAT, OPERATION_COMPLETION,
                                                OPERATION_EMBEDDING, OPERATION_CHAT};
    struct request_change change = {.model = SLICE("m"),
                                    .clamp_max_tokens = (choice & 8) != 0 ? 5 : 2000};
    struct request r;
    request_read_as(&r, DIALECT_OLLAMA, operations[choice >> 1 & 3], body);
    if (r.ok) {
        require_results_have_calls(&r.chat);
        edit(&r.chat, &change);
        translate(&r.chat, &change);
    } else {
        CHECK(r.error.kind != ERROR_NONE && r.error.code != NULL && r.error.text[0] != '\0');
    }
    request_release(&r);
}

static void stream(uint8_t choice, struct slice bytes)
{
    enum dialect_id back = (choice & 1) != 0 ? DIALECT_OLLAMA : DIALECT_OPENAI_CHAT;
    size_t cut = bytes.len / (2 + choice / 2 % 4);
    struct run run = run_stream(back, DIALECT_OLLAMA, bytes, NULL, 0);
    struct run split = run_stream(back, DIALECT_OLLAMA, bytes, &cut, 1);
    struct slice rest = buf_slice(&run.encoded);
    CHECK(slice_eq(buf_slice(&run.trace), buf_slice(&split.trace)));
    CHECK(slice_eq(rest, buf_slice(&split.encoded)));
    bool ended = slice_starts(buf_slice(&run.trace), SLICE("end\n")) ||
                 slice_find_slice(buf_slice(&run.trace), SLICE("\nend\n")) != SIZE_MAX;
    while (rest.len > 0) {
        struct slice line = slice_cut(&rest, '\n');
        require_json(line);
        CHECK(ended || slice_find_slice(line, SLICE(",\"done\":true,")) == SIZE_MAX);
    }
    run_release(&run);
    run_release(&split);
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
    }
    return 0;
}
