/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as a request: they are refused with a code, or every lane makes valid JSON of them in
 * which no text is lost. The first byte chooses the dialect and the changes.
 */
#include "dialect/dialect.h"

#include <stdlib.h>

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

static void require_text(struct slice out, struct slice text)
{
    CHECK(text.len == 0 || slice_find_slice(out, text) != SIZE_MAX);
}

static bool was_thought(const struct chat_part *part)
{
    return part->kind == PART_REASONING;
}

/* Texts move as they are spelled, so each must be found in the output; what was thought goes back
   only to those who want it. */
static void require_texts(const struct chat *chat, struct slice out, bool thoughts)
{
    for (size_t i = 0; i < chat->message_count; i++) {
        for (size_t j = 0; j < chat->messages[i].part_count; j++) {
            const struct chat_part *part = &chat->messages[i].parts[j];
            bool call = part->kind == PART_TOOL_CALL && part->id.len <= 40;
            require_text(out, thoughts || !was_thought(part) ? part->text : SLICE_EMPTY);
            require_text(out, part->kind == PART_IMAGE ? part->data : SLICE_EMPTY);
            require_text(out, call ? part->name : SLICE_EMPTY);
            require_text(out, call ? part->id : SLICE_EMPTY);
        }
    }
}

static void require_members(const struct chat *chat, struct slice out)
{
    for (size_t i = 0; i < chat->stop_count; i++) {
        require_text(out, chat->stop[i]);
    }
    require_text(out, chat->suffix);
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
            if (id == DIALECT_OPENAI_CHAT || id == DIALECT_OPENAI_COMPLETIONS) {
                require_members(chat, buf_slice(&out));
                require_texts(chat, buf_slice(&out), true);
            } else if (id == DIALECT_OPENAI_RESPONSES) {
                require_texts(chat, buf_slice(&out), false);
            }
            CHECK(back->write_path != NULL || back->request_path(chat).len > 0);
        } else {
            CHECK(error.kind == ERROR_UNSUPPORTED && error.text[0] != '\0');
        }
        CHECK(loss.len <= sizeof loss.text);
        buf_release(&out);
    }
}

/* What was edited reads again, says the same, and asks for no further edit. */
static void edit(const struct dialect *dialect, const struct chat *chat,
                 const struct request_change *change)
{
    struct buf out = BUF_INIT(ROOM);
    struct buf again_out = BUF_INIT(ROOM);
    struct json_doc doc;
    struct arena arena;
    struct chat again = {.stream = false};
    struct error error = {0};
    size_t edits = 0;
    json_doc_init(&doc);
    arena_init(&arena, ROOM * 8);
    CHECK(dialect->edit_request(chat, change, &out, &edits));
    CHECK((edits == 0) == slice_eq(buf_slice(&out), chat->body));
    CHECK(dialect->read_request(buf_slice(&out), &doc, &arena, &again, &error));
    CHECK(again.message_count == chat->message_count && again.sluice == JSON_ABSENT &&
          again.models == JSON_ABSENT);
    CHECK(json_inner_is(again.model, change->model));
    CHECK(again.max_tokens > 0 && again.max_tokens <= change->clamp_max_tokens);
    CHECK(again.include_usage || !again.stream);
    require_members(chat, buf_slice(&out));
    require_texts(chat, buf_slice(&out), true);
    CHECK(dialect->edit_request(&again, change, &again_out, &edits) && edits == 0);
    json_doc_release(&doc);
    arena_release(&arena);
    buf_release(&out);
    buf_release(&again_out);
}

/* The caller may bring the model's name as JSON, and then there is a short way: the same bytes. */
static void edit_both_ways(const struct dialect *dialect, const struct chat *chat,
                           bool drop_routing)
{
    struct buf slow = BUF_INIT(ROOM);
    struct buf fast = BUF_INIT(ROOM);
    struct request_change change = {
        .model = SLICE("a\"b"), .drop_routing = drop_routing, .add_usage = drop_routing};
    size_t slow_edits = 0;
    size_t fast_edits = 0;
    CHECK(dialect->edit_request(chat, &change, &slow, &slow_edits));
    change.model_json = SLICE("\"a\\\"b\"");
    CHECK(dialect->edit_request(chat, &change, &fast, &fast_edits));
    CHECK(slow_edits == fast_edits && slice_eq(buf_slice(&slow), buf_slice(&fast)));
    buf_release(&slow);
    buf_release(&fast);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1) {
        return 0;
    }
    const struct dialect *dialect =
        dialect_of((data[0] & 1) == 0 ? DIALECT_OPENAI_CHAT : DIALECT_OPENAI_COMPLETIONS);
    struct request_change change = {.model = SLICE("a/\"b\""),
                                    .clamp_max_tokens = 1 + (data[0] >> 4),
                                    .add_usage = true,
                                    .max_completion_tokens = (data[0] & 2) != 0,
                                    .drop_routing = (data[0] & 4) != 0};
    struct json_doc doc;
    struct arena arena;
    struct chat chat = {.stream = false};
    struct error error = {0};
    json_doc_init(&doc);
    arena_init(&arena, ROOM * 8);
    if (dialect->read_request(slice_of((const char *)data + 1, size - 1), &doc, &arena, &chat,
                              &error)) {
        edit(dialect, &chat, &change);
        edit_both_ways(dialect, &chat, false);
        edit_both_ways(dialect, &chat, true);
        translate(&chat, &change);
    } else {
        CHECK(error.kind != ERROR_NONE && error.code != NULL && error.text[0] != '\0');
    }
    json_doc_release(&doc);
    arena_release(&arena);
    return 0;
}
