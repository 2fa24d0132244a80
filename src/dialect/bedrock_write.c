/* SPDX-License-Identifier: Apache-2.0 */
/* Requests towards Converse. The model stands in the path, and so does whether it streams. */
#include "dialect/bedrock.h"

#include "dialect/anthropic.h"
#include "dialect/translate.h"
#include "dialect/wish.h"

#define MICRO 1000000 /* what sampling numbers are compared in */
#define MICRO_DIGITS 6

/* --- the path --- */

static bool is_unreserved(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == '_' || c == '~';
}

/* Colons and the slashes of an ARN too: the signature is made of the path as it is sent. */
bool bedrock_write_path(const struct chat *chat, struct slice model, struct buf *out)
{
    static const char digits[] = "0123456789ABCDEF";
    buf_append(out, SLICE("/model/"));
    for (size_t i = 0; i < model.len; i++) {
        unsigned char c = (unsigned char)model.ptr[i];
        if (is_unreserved(model.ptr[i])) {
            buf_append_char(out, model.ptr[i]);
        } else {
            const char escape[3] = {'%', digits[c >> 4], digits[c & 15]};
            buf_append(out, slice_of(escape, sizeof escape));
        }
    }
    return buf_append(out, chat->stream ? SLICE("/converse-stream") : SLICE("/converse"));
}

/* --- cache points --- */

void bedrock_write_cache(struct bedrock_writer *w, enum cache_mark mark)
{
    if (mark == CACHE_MARK_NONE) {
        return;
    }
    if (w->marks_over > 0) {
        w->marks_over--;
        loss_add(w->loss, SLICE("cache_control"));
        return;
    }
    json_write_raw(&w->json, mark == CACHE_MARK_1H
                                 ? SLICE("{\"cachePoint\":{\"type\":\"default\",\"ttl\":\"1h\"}}")
                                 : SLICE("{\"cachePoint\":{\"type\":\"default\"}}"));
}

/* --- inference --- */

static int64_t max_tokens_of(const struct bedrock_writer *w)
{
    int64_t clamp = w->change->clamp_max_tokens;
    int64_t tokens = w->chat->max_tokens;
    return clamp > 0 && (tokens == 0 || tokens > clamp) ? clamp : tokens;
}

/* Newer Claudes refuse all sampling. */
static bool is_sampled(const struct bedrock_writer *w)
{
    return w->family != BEDROCK_CLAUDE || anthropic_takes_sampling(w->change->model);
}

/* From 0 to 1; a Claude that thinks takes none but 1. */
static void write_temperature(struct bedrock_writer *w)
{
    struct slice raw = w->chat->temperature;
    int64_t value = 0;
    if (raw.ptr == NULL) {
        return;
    }
    bool known = slice_to_scaled(raw, MICRO_DIGITS, &value);
    if (!is_sampled(w) || (w->thinks && !(known && value == MICRO))) {
        loss_add(w->loss, SLICE("temperature"));
    } else if (!known || value > MICRO) {
        json_member_int(&w->json, SLICE("temperature"), 1);
        loss_add(w->loss, SLICE("temperature"));
    } else {
        json_member_raw(&w->json, SLICE("temperature"), raw);
    }
}

/* Claude takes one of the two; a top_p of 1 says nothing. */
static void write_top_p(struct bedrock_writer *w)
{
    struct slice raw = w->chat->top_p;
    int64_t value = 0;
    if (raw.ptr == NULL) {
        return;
    }
    bool alone = w->chat->temperature.ptr == NULL && !w->thinks;
    if (is_sampled(w) && (alone || w->family != BEDROCK_CLAUDE)) {
        json_member_raw(&w->json, SLICE("topP"), raw);
    } else if (!slice_to_scaled(raw, MICRO_DIGITS, &value) || value != MICRO) {
        loss_add(w->loss, SLICE("top_p"));
    }
}

static void write_stop(struct bedrock_writer *w)
{
    if (w->chat->stop_count == 0) {
        return;
    }
    json_key(&w->json, SLICE("stopSequences"));
    json_begin_array(&w->json);
    for (size_t i = 0; i < w->chat->stop_count; i++) {
        json_write_inner(&w->json, w->chat->stop[i]);
    }
    json_end_array(&w->json);
}

static void write_inference(struct bedrock_writer *w)
{
    int64_t tokens = max_tokens_of(w);
    const struct chat *chat = w->chat;
    if (tokens == 0 && chat->temperature.ptr == NULL && chat->top_p.ptr == NULL &&
        chat->stop_count == 0) {
        return;
    }
    json_key(&w->json, SLICE("inferenceConfig"));
    json_begin_object(&w->json);
    if (tokens > 0) {
        json_member_int(&w->json, SLICE("maxTokens"), tokens);
    }
    write_temperature(w);
    write_top_p(w);
    write_stop(w);
    json_end_object(&w->json);
}

/* --- the answer's form, and the rest --- */

/* The schema travels as a text. */
static void write_format(struct bedrock_writer *w)
{
    const struct chat *chat = w->chat;
    if (chat->format == FORMAT_TEXT) {
        return;
    }
    json_key(&w->json, SLICE("outputConfig"));
    json_write_raw(&w->json, SLICE("{\"textFormat\":{\"type\":\"json_schema\",\"structure\":"
                                   "{\"jsonSchema\":{\"schema\":\""));
    json_escape(chat->schema, w->json.out);
    buf_append_char(w->json.out, '"');
    if (chat->schema_name.len > 0) {
        buf_append(w->json.out, SLICE(",\"name\":\""));
        buf_append(w->json.out, chat->schema_name);
        buf_append_char(w->json.out, '"');
    }
    buf_append(w->json.out, SLICE("}}}}"));
}

static void write_tier(struct bedrock_writer *w)
{
    static const struct slice tiers[] = {SLICE_INIT("default"), SLICE_INIT("priority"),
                                         SLICE_INIT("flex")};
    struct slice tier = w->chat->service_tier;
    if (tier.ptr == NULL || json_inner_is(tier, SLICE("auto"))) {
        return; /* which is what it is without a word */
    }
    for (size_t i = 0; i < ARRAY_LEN(tiers); i++) {
        if (json_inner_is(tier, tiers[i])) {
            json_key(&w->json, SLICE("serviceTier"));
            json_begin_object(&w->json);
            json_member_string(&w->json, SLICE("type"), tiers[i]);
            json_end_object(&w->json);
            return;
        }
    }
    loss_add(w->loss, SLICE("service_tier"));
}

static void add_losses(struct bedrock_writer *w)
{
    static const struct slice told[] = {SLICE_INIT("service_tier")}; /* by write_tier() */
    const struct chat *chat = w->chat;
    const struct {
        bool given;
        struct slice name;
    } members[] = {
        {chat->seed.ptr != NULL, SLICE_INIT("seed")},
        {chat->frequency_penalty.ptr != NULL, SLICE_INIT("frequency_penalty")},
        {chat->presence_penalty.ptr != NULL, SLICE_INIT("presence_penalty")},
        {chat->logprobs, SLICE_INIT("logprobs")},
        {chat->verbosity.ptr != NULL, SLICE_INIT("verbosity")},
        {chat->metadata.ptr != NULL, SLICE_INIT("metadata")},
        {chat->user.ptr != NULL, SLICE_INIT("user")},
    };
    for (size_t i = 0; i < ARRAY_LEN(members); i++) {
        if (members[i].given) {
            loss_add(w->loss, members[i].name);
        }
    }
    loss_add_extras_but(w->loss, chat, told, ARRAY_LEN(told));
}

/* --- the request --- */

static bool holds(struct slice model, const char *word)
{
    return slice_find_slice(model, slice_from_cstr(word)) != SIZE_MAX;
}

static enum bedrock_family family_of(struct slice model)
{
    return holds(model, "claude")  ? BEDROCK_CLAUDE
           : holds(model, "nova-") ? BEDROCK_NOVA
           : holds(model, "gpt-")  ? BEDROCK_GPT
                                   : BEDROCK_OTHER;
}

static bool check_chat(const struct chat *chat, struct error *error)
{
    if (!wishes_check(chat, DIALECT_BEDROCK, error)) {
        return false;
    }
    return chat->message_count > 0 ||
           untranslatable_wish(chat, WISH_MESSAGES, error, "Bedrock wants at least one message.");
}

bool bedrock_write(const struct chat *chat, const struct request_change *change, struct buf *out,
                   struct loss *loss, struct error *error)
{
    struct bedrock_writer w = {
        .chat = chat,
        .change = change,
        .loss = loss,
        .error = error,
        .family = family_of(change->model.ptr != NULL ? change->model : chat->model),
        .marks_over = cache_marks_over(chat),
    };
    if (!check_chat(chat, error)) {
        return false;
    }
    json_writer_init(&w.json, out);
    json_begin_object(&w.json);
    bedrock_plan_thinking(&w);
    bedrock_write_tools(&w);
    if (!bedrock_write_messages(&w)) {
        return false;
    }
    write_inference(&w);
    bedrock_write_additional(&w);
    write_format(&w);
    write_tier(&w);
    add_losses(&w);
    json_end_object(&w.json);
    return !out->failed;
}
