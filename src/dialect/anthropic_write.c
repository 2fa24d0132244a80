/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The translate lane towards Anthropic: the body from the canonical chat alone. Sampling is bent
 * where Anthropic takes less of it, and each bend is listed as a loss.
 */
#include "dialect/anthropic.h"
#include "dialect/translate.h"
#include "dialect/wish.h"

#define DEFAULT_MAX_TOKENS 4096
#define MICRO 1000000 /* what sampling numbers are compared in */
#define MICRO_DIGITS 6

static int64_t max_tokens_of(const struct chat *chat, const struct request_change *change)
{
    int64_t tokens = chat->max_tokens;
    if (tokens == 0) {
        /* what the model can do at most has room for thoughts, and more would be refused */
        tokens = change->default_max_tokens > 0
                     ? change->default_max_tokens
                     : DEFAULT_MAX_TOKENS + anthropic_tokens_for_thinking(chat, change);
    }
    int64_t clamp = change->clamp_max_tokens;
    return clamp > 0 && tokens > clamp ? clamp : tokens;
}

static void write_model(struct anthropic_writer *w)
{
    if (w->change->model.ptr != NULL) {
        json_member_string(&w->json, SLICE("model"), w->change->model);
    } else if (w->chat->model.ptr != NULL) {
        json_member_inner(&w->json, SLICE("model"), w->chat->model);
    }
}

/* --- sampling --- */

static bool is_number(struct slice raw, int64_t micro)
{
    int64_t value;
    return slice_to_scaled(raw, MICRO_DIGITS, &value) && value == micro;
}

/* A model that thinks takes no temperature but 1, and the newest take none at all. */
static void write_temperature(struct anthropic_writer *w)
{
    struct slice raw = w->chat->temperature;
    int64_t value = 0;
    if (raw.ptr == NULL) {
        return;
    }
    bool known = slice_to_scaled(raw, MICRO_DIGITS, &value);
    if ((w->thinks || !w->sampled) && !(known && value == MICRO)) {
        loss_add(w->loss, SLICE("temperature"));
    } else if (!w->sampled) {
        return; /* 1 is what it is without a word */
    } else if (!known || value > MICRO) {
        json_member_int(&w->json, SLICE("temperature"), 1);
        loss_add(w->loss, SLICE("temperature"));
    } else {
        json_member_raw(&w->json, SLICE("temperature"), raw);
    }
}

/* Newer models take temperature or top_p, not both, and a top_p of 1 says nothing. */
static void write_top_p(struct anthropic_writer *w)
{
    struct slice raw = w->chat->top_p;
    if (raw.ptr == NULL) {
        return;
    }
    bool alone = w->same || w->chat->temperature.ptr == NULL;
    if (alone && !w->thinks && w->sampled) {
        json_member_raw(&w->json, SLICE("top_p"), raw);
    } else if (!is_number(raw, MICRO)) {
        loss_add(w->loss, SLICE("top_p"));
    }
}

static void write_top_k(struct anthropic_writer *w)
{
    if (w->chat->top_k.ptr == NULL) {
        return;
    }
    if (w->thinks || !w->sampled) {
        loss_add(w->loss, SLICE("top_k"));
    } else {
        json_member_raw(&w->json, SLICE("top_k"), w->chat->top_k);
    }
}

static void write_stop(struct anthropic_writer *w)
{
    if (w->chat->stop_count == 0) {
        return;
    }
    json_key(&w->json, SLICE("stop_sequences"));
    json_begin_array(&w->json);
    for (size_t i = 0; i < w->chat->stop_count; i++) {
        json_write_inner(&w->json, w->chat->stop[i]);
    }
    json_end_array(&w->json);
}

/* --- who asks, and what else --- */

static bool is_kept(const struct chat *chat, struct slice name)
{
    for (size_t i = 0; i < chat->extra_count; i++) {
        if (json_inner_is(chat->extras[i].key, name)) {
            return true;
        }
    }
    return false;
}

static void write_user(struct anthropic_writer *w)
{
    if (w->chat->user.ptr == NULL || (w->same && is_kept(w->chat, SLICE("metadata")))) {
        return;
    }
    json_key(&w->json, SLICE("metadata"));
    json_begin_object(&w->json);
    json_member_inner(&w->json, SLICE("user_id"), w->chat->user);
    json_end_object(&w->json);
}

static void write_tier(struct anthropic_writer *w)
{
    struct slice tier = w->chat->service_tier;
    if (tier.ptr == NULL) {
        return;
    }
    if (w->same && !slice_eq(tier, SLICE("default"))) {
        json_member_inner(&w->json, SLICE("service_tier"), tier);
    } else if (json_inner_is(tier, SLICE("default"))) {
        json_member_string(&w->json, SLICE("service_tier"), SLICE("standard_only"));
    } else if (!json_inner_is(tier, SLICE("auto"))) { /* which is what it is without a word */
        loss_add(w->loss, SLICE("service_tier"));
    }
}

static void write_extras(struct anthropic_writer *w)
{
    const struct chat *chat = w->chat;
    if (!w->same) {
        loss_add_extras(w->loss, chat);
        return;
    }
    for (size_t i = 0; i < chat->extra_count; i++) {
        struct slice key = chat->extras[i].key;
        if (!json_inner_is(key, SLICE("thinking")) && !json_inner_is(key, SLICE("output_config"))) {
            json_key(&w->json, key);
            json_write_raw(&w->json, chat->extras[i].value);
        }
    }
}

static void add_losses(struct anthropic_writer *w)
{
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
    };
    for (size_t i = 0; i < ARRAY_LEN(members); i++) {
        if (members[i].given) {
            loss_add(w->loss, members[i].name);
        }
    }
}

/* What an answer needs and a count of tokens does not take. */
static void write_answering(struct anthropic_writer *w, int64_t max_tokens)
{
    json_member_int(&w->json, SLICE("max_tokens"), max_tokens);
    if (w->chat->stream) {
        json_member_bool(&w->json, SLICE("stream"), true);
    }
    write_temperature(w);
    write_top_p(w);
    write_top_k(w);
    write_stop(w);
    write_user(w);
    write_tier(w);
    add_losses(w);
}

/* --- cache marks --- */

void anthropic_write_cache(struct anthropic_writer *w, enum cache_mark mark)
{
    if (mark == CACHE_MARK_NONE) {
        return;
    }
    if (w->marks_over > 0) {
        w->marks_over--;
        loss_add(w->loss, SLICE("cache_control"));
        return;
    }
    json_member_raw(&w->json, SLICE("cache_control"), cache_mark_json(mark));
}

/* --- the request --- */

static bool check_chat(const struct chat *chat, struct error *error)
{
    if (!wishes_check(chat, DIALECT_ANTHROPIC, error)) {
        return false;
    }
    return chat->message_count > 0 ||
           untranslatable_wish(chat, WISH_MESSAGES, error, "Anthropic wants at least one message.");
}

bool anthropic_write(const struct chat *chat, const struct request_change *change, struct buf *out,
                     struct loss *loss, struct error *error)
{
    struct anthropic_writer w = {.chat = chat,
                                 .change = change,
                                 .loss = loss,
                                 .error = error,
                                 .sampled = anthropic_takes_sampling(change->model),
                                 .same = chat->dialect == DIALECT_ANTHROPIC};
    if (!check_chat(chat, error)) {
        return false;
    }
    int64_t max_tokens = max_tokens_of(chat, change);
    w.marks_over = w.same ? 0 : cache_marks_over(chat);
    json_writer_init(&w.json, out);
    json_begin_object(&w.json);
    write_model(&w);
    anthropic_write_thinking(&w, max_tokens);
    anthropic_write_tools(&w);
    if (!anthropic_write_messages(&w)) {
        return false;
    }
    anthropic_write_output(&w);
    if (chat->operation != OPERATION_TOKEN_COUNT) {
        write_answering(&w, max_tokens);
    }
    write_extras(&w);
    json_end_object(&w.json);
    return !out->failed;
}
