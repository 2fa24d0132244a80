/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One request's way: its path names the endpoint; its body is read; behaviours come from the model,
 * the prompt, the rules and the server; what they leave of an answer is written, spoilt and framed.
 */
#include "sim/provider.h"

#include "base/hash.h"
#include "sim/frame.h"
#include "sim/refusal.h"
#include "sim/spoil.h"

#include <stdlib.h>

#define REQUEST_ARENA ((size_t)64 << 20)
#define US_PER_S 1000000u
#define US_PER_MS 1000u

struct turn {
    struct sim_provider *provider;
    const struct sim_request *request;
    const struct sim_endpoint *endpoint; /* NULL: no such path */
    const struct sim_dialect *dialect;
    struct slice name; /* of the model, from the path */
    struct slice body;
    struct sim_behaviours behaviours;
    struct arena arena;
    struct sim_ask ask;
    struct error error;
    struct slice unknown; /* a chain that is none */
};

/* --- behaviours --- */

static bool rule_matches(const struct sim_rule *rule, struct slice model)
{
    if (slice_ends(rule->model, SLICE("*"))) {
        return slice_starts(model, slice_of(rule->model.ptr, rule->model.len - 1));
    }
    return slice_eq(rule->model, model);
}

static bool collect_behaviours(struct turn *turn)
{
    struct sim_behaviours of_model = {0};
    struct slice model = turn->ask.model;

    if (!sim_behaviours_of_body(&turn->behaviours, turn->body, &turn->unknown) ||
        !sim_behaviours_of_model(&of_model, model, &turn->unknown)) {
        return false;
    }
    sim_behaviours_merge(&turn->behaviours, &of_model);
    for (const struct sim_rule *rule = turn->provider->rules; rule != NULL; rule = rule->next) {
        if (rule_matches(rule, model)) {
            sim_behaviours_merge(&turn->behaviours, &rule->behaviours);
        }
    }
    sim_behaviours_merge(&turn->behaviours, &turn->provider->standing);
    return true;
}

/* How often this model (with this number) has been asked before. */
static uint32_t count_flap(struct sim_provider *provider, uint64_t key)
{
    for (size_t i = 0; i < provider->flap_count && i < SIM_FLAPS_MAX; i++) {
        if (provider->flaps[i].key == key) {
            return provider->flaps[i].seen++;
        }
    }
    provider->flaps[provider->flap_count++ % SIM_FLAPS_MAX] = (struct sim_flap){key, 1};
    return 0;
}

static void apply_flap(struct turn *turn)
{
    struct sim_behaviours *set = &turn->behaviours;
    uint32_t failures = sim_number(set, SIM_FLAP, 0);

    if (!sim_is(set, SIM_FLAP)) {
        return;
    }
    set->on[SIM_FLAP] = false;
    if (count_flap(turn->provider, hash_stable(turn->ask.model) + failures) >= failures) {
        *set = (struct sim_behaviours){0};
    } else if (!sim_behaviours_any(set)) {
        set->on[SIM_STATUS] = true;
        set->number[SIM_STATUS] = 503;
    }
}

static void apply_prompt_cache(struct turn *turn)
{
    struct sim_behaviours *set = &turn->behaviours;
    int64_t life_ns = (int64_t)sim_number(set, SIM_PROMPT_CACHE, 0) * NS_PER_S;

    if (!sim_is(set, SIM_PROMPT_CACHE)) {
        return;
    }
    uint64_t cached = sim_prompts_use(&turn->provider->prompts, &turn->ask,
                                      clock_monotonic(turn->provider->clock), life_ns);
    set->on[SIM_PROMPT_CACHE] = false;
    set->on[SIM_USAGE_CACHED] = true;
    set->number[SIM_USAGE_CACHED] = cached < UINT32_MAX ? (uint32_t)cached : UINT32_MAX;
}

/* --- answers --- */

static bool is(const struct turn *turn, enum sim_behaviour which)
{
    return sim_is(&turn->behaviours, which);
}

static void set_pace(const struct turn *turn, struct sim_reply *reply)
{
    const struct sim_provider *provider = turn->provider;
    uint64_t rate = sim_number(&turn->behaviours, SIM_TPS, provider->profile->tokens_per_second);
    uint64_t latency = sim_number(&turn->behaviours, SIM_SLOW, provider->profile->latency_ms);
    uint64_t event = sim_number(&turn->behaviours, SIM_EVENT, 0);

    reply->first_us = latency * US_PER_MS / provider->time_divisor;
    reply->token_us = rate == 0 ? 0 : US_PER_S / rate / provider->time_divisor;
    reply->event_us = event * US_PER_MS / provider->time_divisor;
}

static void write_stream_error(const struct turn *turn, const struct sim_answer *answer,
                               struct sim_reply *reply)
{
    static const enum sim_behaviour errors[] = {SIM_ERROR_OPENROUTER, SIM_ERROR_IN_STREAM};

    for (size_t i = 0; i < ARRAY_LEN(errors); i++) {
        if (is(turn, errors[i])) {
            sim_spoil_after(reply, turn->behaviours.number[errors[i]]);
            turn->dialect->stream_error(answer, reply);
            return;
        }
    }
}

static void write_answer(struct turn *turn, struct sim_reply *reply)
{
    const struct sim_endpoint *endpoint = turn->endpoint;
    struct sim_answer answer;

    if (endpoint->list != NULL) {
        endpoint->list(slice_from_cstr(turn->provider->profile->models), turn->name, reply);
        return;
    }
    sim_answer_make(&answer, &turn->ask, &turn->behaviours, turn->provider->seed,
                    turn->provider->profile->answer_tokens);
    endpoint->write(&answer, reply);
    if (reply->stream != SIM_WHOLE) {
        write_stream_error(turn, &answer, reply);
    }
    if (turn->ask.kept && endpoint->operation == SIM_CHAT) {
        sim_memory_keep(&turn->provider->memory, &answer);
    }
    sim_reply_header(reply, turn->dialect->request_id, "req_%016llx",
                     (unsigned long long)answer.id);
    reply->failed |= answer.failed;
    sim_answer_release(&answer);
}

static struct sim_access access_of(const struct turn *turn)
{
    return (struct sim_access){
        .profile = turn->provider->profile,
        .request = turn->request,
        .body = turn->body,
        .google = &turn->provider->google,
        .now_s = clock_wall(turn->provider->clock) / NS_PER_S,
    };
}

/* False: refused. */
static bool check_access(const struct turn *turn, const struct sim_access *access,
                         struct sim_reply *reply)
{
    const struct sim_dialect *dialect = turn->dialect;
    struct error error = {0};

    if (dialect->authorise == NULL) {
        if (sim_access_by_key(access)) {
            return true;
        }
        sim_refuse_status(reply, dialect, 401);
        return false;
    }
    if (dialect->authorise(access, &error)) {
        return true;
    }
    sim_refuse_plain(reply, dialect, dialect->denied, slice_from_cstr(error.code),
                     slice_from_cstr(error.text));
    return false;
}

static void write_reply(struct turn *turn, struct sim_reply *reply)
{
    const struct sim_dialect *dialect = turn->dialect;

    const struct sim_access access = access_of(turn);

    if (turn->endpoint == NULL &&
        sim_answer_raw(turn->provider->profile->dialects, &access, reply)) {
        return;
    }
    if (turn->endpoint == NULL) {
        sim_refuse_plain(reply, dialect, 404, SLICE("unknown_url"), turn->request->path);
    } else if (!check_access(turn, &access, reply)) {
        return;
    } else if (turn->error.kind != ERROR_NONE) {
        sim_refuse_plain(reply, dialect, 400, slice_from_cstr(turn->error.code),
                         slice_from_cstr(turn->error.text));
    } else if (sim_refuse(reply, dialect, turn->ask.prompt_tokens)) {
        return;
    } else if (is(turn, SIM_EARLY)) {
        sim_refuse_status(reply, dialect, 413);
    } else {
        write_answer(turn, reply);
    }
}

/* --- the whole --- */

/* A name in a path has its odd characters percent-encoded. */
static struct slice decoded(struct arena *arena, struct slice name)
{
    struct buf plain = BUF_INIT(SIM_HEAD_MAX);
    uint64_t byte;

    for (size_t i = 0; i < name.len; i++) {
        char digits[5] = "0x";
        if (name.ptr[i] != '%' || i + 2 >= name.len) {
            buf_append_char(&plain, name.ptr[i]);
            continue;
        }
        memcpy(digits + 2, name.ptr + i + 1, 2);
        byte = strtoull(digits, NULL, 16);
        buf_append_char(&plain, (char)byte);
        i += 2;
    }
    struct slice copy = arena_copy(arena, buf_slice(&plain));
    buf_release(&plain);
    return copy;
}

static bool read_ask(struct turn *turn)
{
    struct json_doc *doc = &turn->provider->doc;
    struct sim_reading reading = {.ask = &turn->ask,
                                  .doc = doc,
                                  .arena = &turn->arena,
                                  .memory = &turn->provider->memory,
                                  .schema = &turn->provider->schema,
                                  .error = &turn->error};

    turn->ask.request = turn->request;
    return json_parse(doc, turn->body, NULL, &turn->error) &&
           sim_read_begin(&reading, turn->endpoint->operation, decoded(&turn->arena, turn->name)) &&
           turn->endpoint->read(&reading) && sim_read_end(&reading);
}

static void read_turn(struct turn *turn)
{
    const struct sim_endpoint *endpoint = turn->endpoint;

    if (endpoint == NULL || endpoint->list != NULL ||
        sim_is(&turn->provider->standing, SIM_EARLY)) {
        sim_behaviours_merge(&turn->behaviours, &turn->provider->standing);
        return;
    }
    if (!read_ask(turn)) {
        turn->ask.model = SLICE_EMPTY;
        return;
    }
    if (!collect_behaviours(turn)) {
        error_set(&turn->error, ERROR_INVALID, "unknown_behaviour",
                  "no simulated behaviour is called '%.*s'", SLICE_ARG(turn->unknown));
        turn->behaviours = (struct sim_behaviours){0};
        return;
    }
    apply_flap(turn);
    apply_prompt_cache(turn);
}

/* Endings without a byte of an answer; NULL: none of them. */
static struct sim_script *silent_script(const struct turn *turn)
{
    static const struct {
        enum sim_behaviour behaviour;
        enum sim_ending ending;
    } silences[] = {
        {SIM_REFUSED, SIM_END_RESET},
        {SIM_RESET_BEFORE, SIM_END_RESET},
        {SIM_FIN_BEFORE, SIM_END_CLOSE},
        {SIM_HANG, SIM_END_HANG},
    };
    struct sim_script *script = NULL;

    for (size_t i = 0; i < ARRAY_LEN(silences) && script == NULL; i++) {
        if (is(turn, silences[i].behaviour)) {
            script = sim_script_new();
            if (script != NULL) {
                script->ending = silences[i].ending;
                script->cut = true;
            }
        }
    }
    return script;
}

static struct sim_script *script_of(struct turn *turn)
{
    struct sim_frame_request framing = {.keep_alive = turn->request->keep_alive,
                                        .http10 = turn->request->http10,
                                        .head = slice_eq(turn->request->method, SLICE("HEAD"))};
    struct sim_reply reply;
    struct sim_script *script = silent_script(turn);

    if (script != NULL) {
        return script;
    }
    sim_reply_init(&reply, &turn->behaviours);
    set_pace(turn, &reply);
    write_reply(turn, &reply);
    sim_spoil(&reply, turn->provider->time_divisor);
    script = sim_frame(&reply, &framing);
    sim_reply_release(&reply);
    return script;
}

void sim_provider_answer(struct sim_provider *provider, const struct sim_request *request,
                         struct slice body, struct sim_outcome *ret_outcome)
{
    struct turn turn = {
        .provider = provider, .request = request, .dialect = &sim_openai, .body = body};

    arena_init(&turn.arena, REQUEST_ARENA);
    turn.endpoint =
        sim_endpoint_find(provider->profile->dialects, request, &turn.dialect, &turn.name);
    read_turn(&turn);
    ret_outcome->script = script_of(&turn);
    slice_to_cstr(turn.ask.model, ret_outcome->model, sizeof(ret_outcome->model));
    arena_release(&turn.arena);
}

struct sim_script *sim_provider_refuse(int status, struct slice code, struct slice text)
{
    static const struct sim_behaviours none = {0};
    struct sim_frame_request framing = {.keep_alive = false};
    struct sim_reply reply;

    sim_reply_init(&reply, &none);
    sim_refuse_plain(&reply, &sim_openai, status, code, text);
    struct sim_script *script = sim_frame(&reply, &framing);
    sim_reply_release(&reply);
    return script;
}

bool sim_provider_init(struct sim_provider *provider, const struct sim_profile *profile,
                       const struct sim_options *options, const struct sim_rule *rules)
{
    *provider = (struct sim_provider){
        .profile = profile,
        .rules = rules,
        .clock = options->clock == NULL ? &clock_system : options->clock,
        .seed = options->seed,
        .google = {.seed = options->seed},
        .time_divisor = options->time_divisor == 0 ? 1 : options->time_divisor,
    };
    json_doc_init(&provider->doc);
    json_doc_init(&provider->schema);
    return sim_behaviours_add(&provider->standing, slice_from_cstr(profile->behaviours));
}

void sim_provider_release(struct sim_provider *provider)
{
    json_doc_release(&provider->doc);
    json_doc_release(&provider->schema);
    sim_google_release(&provider->google);
}

void sim_provider_forget(struct sim_provider *provider)
{
    provider->flap_count = 0;
    provider->memory = (struct sim_memory){0};
    memset(&provider->prompts, 0, sizeof(provider->prompts));
}
