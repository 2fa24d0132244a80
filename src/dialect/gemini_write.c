/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The translate lane towards Gemini. Schemas go out as JSON schema (parametersJsonSchema,
 * responseJsonSchema), which takes every keyword; the older members take a subset of OpenAPI and
 * refuse propertyNames, additionalProperties, lists of types and others.
 */
#include "dialect/gemini.h"
#include "dialect/translate.h"
#include "dialect/wish.h"

#define TEXT_MAX ((size_t)64 << 20)

static void write_model_name(struct gemini_writer *w)
{
    struct buf name = BUF_INIT((size_t)64 * 1024);
    gemini_append_model(&name, w->change->model, false);
    json_member_string(&w->json, SLICE("model"), buf_slice(&name));
    w->json.out->failed = w->json.out->failed || name.failed;
    buf_release(&name);
}

static bool stands_in(const struct chat *chat, struct slice value, uint32_t node)
{
    if (node == JSON_ABSENT) {
        return false;
    }
    struct slice raw = json_raw(chat->doc, node);
    return value.ptr > raw.ptr && value.ptr < raw.ptr + raw.len;
}

void gemini_write_extras(struct gemini_writer *w, uint32_t node, const uint32_t *except,
                         size_t except_count)
{
    for (size_t i = 0; w->same && node != JSON_ABSENT && i < w->chat->extra_count; i++) {
        const struct chat_extra *extra = &w->chat->extras[i];
        bool here = stands_in(w->chat, extra->value, node);
        for (size_t j = 0; j < except_count; j++) {
            here = here && !stands_in(w->chat, extra->value, except[j]);
        }
        if (here) {
            json_key(&w->json, extra->key);
            json_write_raw(&w->json, extra->value);
        }
    }
}

/* --- chats --- */

/* True: the target understands the client's wish, if there is one. */
static bool write_tier(struct gemini_writer *w)
{
    static const struct {
        struct slice tier;
        struct slice word;
    } tiers[] = {
        {SLICE_INIT("default"), SLICE_INIT("standard")},
        {SLICE_INIT("flex"), SLICE_INIT("flex")},
        {SLICE_INIT("priority"), SLICE_INIT("priority")},
        {SLICE_INIT("auto"), SLICE_INIT("")},
    };
    struct slice tier = w->chat->service_tier;
    for (size_t i = 0; i < ARRAY_LEN(tiers) && tier.ptr != NULL; i++) {
        if (json_inner_is(tier, tiers[i].tier)) {
            if (tiers[i].word.len > 0) {
                json_member_string(&w->json, SLICE("serviceTier"), tiers[i].word);
            }
            return true;
        }
    }
    if (tier.ptr != NULL && w->same) {
        json_member_inner(&w->json, SLICE("serviceTier"), tier);
    } else if (tier.ptr != NULL) {
        loss_add(w->loss, SLICE("service_tier"));
        return false;
    }
    return true;
}

/* `carried`: a member that has found its place though the reader kept it aside as well, or NULL. */
static void add_losses(struct gemini_writer *w, struct slice carried)
{
    const struct chat *chat = w->chat;
    const struct {
        bool given;
        struct slice member;
    } losses[] = {
        {chat->user.ptr != NULL, SLICE("user")},
        {chat->metadata.ptr != NULL, SLICE("metadata")},
        {chat->verbosity.ptr != NULL, SLICE("verbosity")},
        {chat->parallel_tool_calls == 0 && chat->tool_count > 0, SLICE("parallel_tool_calls")},
    };
    for (size_t i = 0; i < ARRAY_LEN(losses); i++) {
        if (losses[i].given) {
            loss_add(w->loss, losses[i].member);
        }
    }
    if (!w->same) {
        loss_add_extras_but(w->loss, chat, &carried, carried.ptr == NULL ? 0 : 1);
    }
}

/* The object whose members the extras of the top level are. */
uint32_t gemini_request_node(const struct chat *chat)
{
    uint32_t inside = JSON_ABSENT;
    if (chat->operation == OPERATION_TOKEN_COUNT) {
        inside = json_member(chat->doc, JSON_ROOT, SLICE("generateContentRequest"));
        if (inside == JSON_ABSENT) {
            inside = json_member(chat->doc, JSON_ROOT, SLICE("generate_content_request"));
        }
    }
    return json_is(chat->doc, inside, JSON_OBJECT) ? inside : JSON_ROOT;
}

static bool write_members(struct gemini_writer *w)
{
    if (!gemini_write_contents(w)) {
        return false;
    }
    gemini_write_tools(w);
    if (!gemini_write_config(w)) {
        return false;
    }
    bool tier = write_tier(w);
    if (w->same) {
        uint32_t values[GEMINI_NAMES];
        uint32_t node = gemini_request_node(w->chat);
        gemini_members_scan(w->chat->doc, node, &gemini_members, values);
        const uint32_t nested[] = {values[GEMINI_CONFIG], values[GEMINI_TOOL_CONFIG]};
        gemini_write_extras(w, node, nested, ARRAY_LEN(nested));
    }
    add_losses(w, tier ? SLICE("service_tier") : SLICE_EMPTY);
    return true;
}

/* Contents alone are counted as they are; all else needs the whole request as a member, which then
 * must name the model. */
static bool write_counted(struct gemini_writer *w)
{
    const struct chat *chat = w->chat;
    if (w->bare) {
        if (!gemini_write_contents(w)) {
            return false;
        }
        gemini_write_tools(w);
        return true;
    }
    bool plain = chat->tool_count == 0 && chat->extra_count == 0;
    for (size_t i = 0; i < chat->message_count; i++) {
        plain = plain && chat->messages[i].role != ROLE_SYSTEM &&
                chat->messages[i].role != ROLE_DEVELOPER;
    }
    if (plain) {
        return gemini_write_contents(w);
    }
    json_key(&w->json, SLICE("generateContentRequest"));
    json_begin_object(&w->json);
    write_model_name(w);
    if (!write_members(w)) {
        return false;
    }
    json_end_object(&w->json);
    return true;
}

/* --- embeddings --- */

static bool write_input(struct gemini_writer *w, size_t index)
{
    const struct chat_message *message = &w->chat->messages[index];
    write_model_name(w);
    json_key(&w->json, SLICE("content"));
    json_begin_object(&w->json);
    json_key(&w->json, SLICE("parts"));
    json_begin_array(&w->json);
    for (size_t i = 0; i < message->part_count; i++) {
        if (message->parts[i].kind != PART_TEXT) {
            return untranslatable_part(w->chat, &message->parts[i], w->error,
                                       "An input of embeddings must be text.");
        }
        json_begin_object(&w->json);
        json_member_inner(&w->json, SLICE("text"), message->parts[i].text);
        json_end_object(&w->json);
    }
    json_end_array(&w->json);
    json_end_object(&w->json);
    if (w->chat->dimensions.ptr != NULL) {
        json_member_raw(&w->json, SLICE("outputDimensionality"), w->chat->dimensions);
    }
    for (size_t i = 0; w->same && i < message->extra_count; i++) {
        json_key(&w->json, message->extras[i].key);
        json_write_raw(&w->json, message->extras[i].value);
    }
    return true;
}

static bool write_inputs(struct gemini_writer *w)
{
    if (!gemini_is_batch(w->chat)) {
        if (!write_input(w, 0)) {
            return false;
        }
    } else {
        json_key(&w->json, SLICE("requests"));
        json_begin_array(&w->json);
        for (size_t i = 0; i < w->chat->message_count; i++) {
            json_begin_object(&w->json);
            if (!write_input(w, i)) {
                return false;
            }
            json_end_object(&w->json);
        }
        json_end_array(&w->json);
    }
    if (w->same) {
        gemini_write_extras(w, JSON_ROOT, NULL, 0);
    }
    add_losses(w, SLICE_EMPTY);
    return true;
}

static bool write_body(struct gemini_writer *w)
{
    bool ok;
    json_begin_object(&w->json);
    switch (w->chat->operation) {
    case OPERATION_EMBEDDING:
        ok = write_inputs(w);
        break;
    case OPERATION_TOKEN_COUNT:
        ok = write_counted(w);
        break;
    default:
        ok = write_members(w);
    }
    if (!ok) {
        return false;
    }
    json_end_object(&w->json);
    return !w->json.out->failed;
}

static bool write_request(const struct chat *chat, const struct request_change *change, bool bare,
                          struct buf *out, struct loss *loss, struct error *error)
{
    struct gemini_writer w = {.chat = chat,
                              .change = change,
                              .loss = loss,
                              .error = error,
                              .same = chat->dialect == DIALECT_GEMINI,
                              .older = gemini_is_older(change->model),
                              .bare = bare,
                              .plain = BUF_INIT(TEXT_MAX),
                              .joined = BUF_INIT(TEXT_MAX)};
    if (!wishes_check(chat, DIALECT_GEMINI, error)) {
        return false;
    }
    json_writer_init(&w.json, out);
    json_doc_init(&w.scratch);
    bool ok = write_body(&w);
    json_doc_release(&w.scratch);
    buf_release(&w.plain);
    buf_release(&w.joined);
    return ok;
}

bool gemini_write_request(const struct chat *chat, const struct request_change *change,
                          struct buf *out, struct loss *loss, struct error *error)
{
    return write_request(chat, change, false, out, loss, error);
}

bool gemini_write_bare_count(const struct chat *chat, const struct request_change *change,
                             struct buf *out, struct loss *loss, struct error *error)
{
    return write_request(chat, change, true, out, loss, error);
}
