/* SPDX-License-Identifier: Apache-2.0 */
#include "gateway/wishes.h"

#include "dialect/member.h"
#include "gateway/head_note.h"

#define USD_DECIMALS 9 /* nano-dollars */
#define NAMES_MAX 64   /* of providers in a list: each is compared with each target */

/* One row per wish: the member's name, its header, and how a text value is applied. */
struct wish {
    struct slice name; /* of the body's member; the header is x-sluice- with dashes */
    struct slice header;
    bool (*apply)(struct decision *decision, struct slice value);
    const char *expected;
};

static bool text_is_true(struct slice value, bool *ret_value)
{
    if (slice_eq_nocase(value, SLICE("true")) || slice_eq(value, SLICE("1"))) {
        *ret_value = true;
        return true;
    }
    *ret_value = false;
    return slice_eq_nocase(value, SLICE("false")) || slice_eq(value, SLICE("0"));
}

static bool apply_task(struct decision *decision, struct slice value)
{
    decision->task_given = true;
    return task_from_name(value, &decision->classification.task);
}

static bool apply_min_tier(struct decision *decision, struct slice value)
{
    enum tier tier;
    if (!tier_from_name(value, &tier)) {
        return false;
    }
    decision->constraints.min_tier = (int)tier;
    return true;
}

static bool apply_max_latency(struct decision *decision, struct slice value)
{
    uint64_t ms;
    if (!slice_to_u64(value, &ms) || ms > INT32_MAX) {
        return false;
    }
    decision->constraints.max_latency_ms = (int64_t)ms;
    return true;
}

static bool apply_max_cost(struct decision *decision, struct slice value)
{
    int64_t nd;
    if (!slice_to_scaled(value, USD_DECIMALS, &nd) || nd < 0) {
        return false;
    }
    decision->constraints.max_cost_nd = nd;
    return true;
}

static bool apply_local_only(struct decision *decision, struct slice value)
{
    return text_is_true(value, &decision->constraints.local_only);
}

static bool apply_strict(struct decision *decision, struct slice value)
{
    return text_is_true(value, &decision->strict);
}

static bool apply_meta(struct decision *decision, struct slice value)
{
    return text_is_true(value, &decision->meta);
}

static bool apply_session(struct decision *decision, struct slice value)
{
    decision->session_id = value;
    return value.len > 0 && value.len <= 256;
}

static bool apply_cache(struct decision *decision, struct slice value)
{
    static const struct slice words[] = {[CACHE_WISH_EXACT] = SLICE_INIT("exact"),
                                         [CACHE_WISH_OFF] = SLICE_INIT("off"),
                                         [CACHE_WISH_REFRESH] = SLICE_INIT("refresh")};
    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        if (slice_eq(value, words[i])) {
            decision->cache = (enum cache_wish)i;
            return true;
        }
    }
    return false;
}

static bool apply_tags(struct decision *decision, struct slice value)
{
    return tags_split(value, decision->tags, &decision->tag_count);
}

/* Words with commas between, none of them empty. */
static bool are_words(struct slice value)
{
    bool sound = value.len > 0;
    while (sound && value.len > 0) {
        sound = slice_trim(slice_cut(&value, ',')).len > 0;
    }
    return sound;
}

static bool apply_require(struct decision *decision, struct slice value)
{
    decision->constraints.require = value;
    return are_words(value);
}

static bool apply_allow(struct decision *decision, struct slice value)
{
    decision->constraints.allow = value;
    return are_words(value);
}

static bool apply_deny(struct decision *decision, struct slice value)
{
    decision->constraints.deny = value;
    return are_words(value);
}

static const struct wish wishes[] = {
    {SLICE_INIT("task"), SLICE_INIT("x-sluice-task"), apply_task,
     "a task identifier such as code_fix"},
    {SLICE_INIT("min_tier"), SLICE_INIT("x-sluice-min-tier"), apply_min_tier,
     "budget, mid or premium"},
    {SLICE_INIT("max_latency_ms"), SLICE_INIT("x-sluice-max-latency-ms"), apply_max_latency,
     "milliseconds, a whole number"},
    {SLICE_INIT("max_cost_usd"), SLICE_INIT("x-sluice-max-cost-usd"), apply_max_cost,
     "dollars, a decimal number of 0 or more"},
    {SLICE_INIT("local_only"), SLICE_INIT("x-sluice-local-only"), apply_local_only,
     "true or false"},
    {SLICE_INIT("require"), SLICE_INIT("x-sluice-require"), apply_require,
     "1 to 8 tags of targets, such as eu"},
    {SLICE_INIT("allow"), SLICE_INIT("x-sluice-allow"), apply_allow,
     "1 to 8 names of targets or providers"},
    {SLICE_INIT("deny"), SLICE_INIT("x-sluice-deny"), apply_deny,
     "1 to 8 names of targets or providers"},
    {SLICE_INIT("strict"), SLICE_INIT("x-sluice-strict"), apply_strict, "true or false"},
    {SLICE_INIT("meta"), SLICE_INIT("x-sluice-meta"), apply_meta, "true or false"},
    {SLICE_INIT("session"), SLICE_INIT("x-sluice-session"), apply_session,
     "a text of at most 256 bytes"},
    {SLICE_INIT("tags"), SLICE_INIT("x-sluice-tags"), apply_tags,
     "1 to 8 words of at most 63 bytes, without control characters and commas"},
    {SLICE_INIT("cache"), SLICE_INIT("x-sluice-cache"), apply_cache,
     "off, exact or refresh (there is no semantic cache)"},
};

static const struct wish *wish_of_header(struct slice name)
{
    for (size_t i = 0; i < ARRAY_LEN(wishes); i++) {
        if (slice_eq_nocase(name, wishes[i].header)) {
            return &wishes[i];
        }
    }
    return NULL;
}

bool wishes_read_headers(const struct http_request *request, struct decision *decision,
                         struct error *error)
{
    uint32_t seen = 0;
    if (http_noted(request, HEAD_WISHES_NONE)) {
        return true;
    }
    for (size_t h = 0; h < request->header_count; h++) {
        const struct http_header *header = &request->headers[h];
        if (header->name.len < 10 || (header->name.ptr[0] | 0x20) != 'x' ||
            !slice_eq_nocase(slice_of(header->name.ptr, 9), SLICE("x-sluice-"))) {
            continue;
        }
        const struct wish *wish = wish_of_header(header->name);
        if (wish == NULL) {
            return error_set(
                error, ERROR_INVALID, "invalid_header", "There is no request header %.*s.",
                (int)(header->name.len < 64 ? header->name.len : 64), header->name.ptr);
        }
        uint32_t bit = 1u << (wish - wishes);
        if ((seen & bit) != 0) { /* a limit is a contract: nobody guesses which one was meant */
            return error_set(error, ERROR_INVALID, "invalid_header", "%.*s is given twice.",
                             SLICE_ARG(wish->header));
        }
        seen |= bit;
        if (!wish->apply(decision, slice_trim(header->value))) {
            return error_set(error, ERROR_INVALID, "invalid_header", "%.*s must be %s.",
                             SLICE_ARG(wish->header), wish->expected);
        }
    }
    if (seen == 0) {
        http_note(request, HEAD_WISHES_NONE);
    }
    return true;
}

/* Strings with commas between; empty where one is no tag. */
static struct slice joined_text(const struct json_doc *doc, uint32_t list, struct arena *arena)
{
    struct buf text = BUF_INIT(TAGS_MAX * (TAG_BYTES_MAX + 1) + 1);
    bool sound = json_count(doc, list) <= TAGS_MAX;
    for (uint32_t i = json_first(doc, list); sound && i != JSON_ABSENT;
         i = json_next(doc, list, i)) {
        struct slice word = json_is(doc, i, JSON_STRING) ? json_string(doc, i, arena) : SLICE_EMPTY;
        sound = tag_is_sound(word);
        buf_append(&text, text.len == 0 ? SLICE_EMPTY : SLICE(","));
        buf_append(&text, word);
    }
    struct slice joined = sound && !text.failed ? arena_copy(arena, buf_slice(&text)) : SLICE_EMPTY;
    buf_release(&text);
    return joined;
}

/* Numbers and booleans are taken as their text, strings as what they say. */
static struct slice member_text(const struct json_doc *doc, uint32_t value, struct arena *arena)
{
    return json_is(doc, value, JSON_STRING) ? json_string(doc, value, arena) : json_raw(doc, value);
}

/* A list, or a text as in the header. */
static struct slice tags_text(const struct json_doc *doc, uint32_t value, struct arena *arena)
{
    if (json_is(doc, value, JSON_ARRAY)) {
        return joined_text(doc, value, arena);
    }
    return json_is(doc, value, JSON_STRING) ? json_string(doc, value, arena) : SLICE_EMPTY;
}

static const struct wish *wish_of_member(const struct json_doc *doc, uint32_t key)
{
    for (size_t i = 0; i < ARRAY_LEN(wishes); i++) {
        if (json_string_is(doc, key, wishes[i].name)) {
            return &wishes[i];
        }
    }
    return NULL;
}

static bool takes_words(const struct wish *wish)
{
    return wish->apply == apply_tags || wish->apply == apply_require ||
           wish->apply == apply_allow || wish->apply == apply_deny;
}

bool wishes_read_body(const struct chat *chat, struct arena *arena, struct decision *decision,
                      struct error *error)
{
    const struct json_doc *doc = chat->doc;
    if (chat->sluice == JSON_ABSENT) {
        return true;
    }
    if (!members_once(doc, chat->sluice, "/sluice", error)) {
        return false; /* a limit is a contract */
    }
    for (uint32_t key = json_first(doc, chat->sluice); key != JSON_ABSENT;
         key = json_next(doc, chat->sluice, key)) {
        const struct wish *wish = wish_of_member(doc, key);
        struct slice name = json_inner(doc, key);
        if (wish == NULL) {
            error_set(error, ERROR_INVALID, "invalid_option",
                      "The sluice object has no option \"%.*s\".",
                      (int)(name.len < 64 ? name.len : 64), name.ptr);
        } else if (wish->apply(decision, takes_words(wish) ? tags_text(doc, key + 1, arena)
                                                           : member_text(doc, key + 1, arena))) {
            continue;
        } else {
            error_set(error, ERROR_INVALID, "invalid_option", "sluice.%.*s must be %s.",
                      SLICE_ARG(wish->name), wish->expected);
        }
        error_at(error, "/sluice/%.*s", (int)(name.len < 64 ? name.len : 64), name.ptr);
        return false;
    }
    return true;
}

/* null is as good as absent, here and below: so it is at OpenRouter. */
static bool read_names(const struct json_doc *doc, uint32_t list, struct arena *arena,
                       const struct slice **ret_names, size_t *ret_count)
{
    if (json_is(doc, list, JSON_NULL)) {
        return true;
    }
    if (!json_is(doc, list, JSON_ARRAY)) {
        return false;
    }
    size_t count = json_count(doc, list);
    if (count > NAMES_MAX) {
        return false;
    }
    struct slice *names = arena_array(arena, count + 1, sizeof(*names));
    if (names == NULL) {
        return false;
    }
    size_t n = 0;
    for (uint32_t i = json_first(doc, list); i != JSON_ABSENT; i = json_next(doc, list, i)) {
        if (!json_is(doc, i, JSON_STRING)) {
            return false;
        }
        names[n++] = json_string(doc, i, arena);
    }
    *ret_names = names;
    *ret_count = n;
    return true;
}

static bool read_sort(const struct json_doc *doc, uint32_t value, enum plan_sort *ret_sort)
{
    uint32_t by = json_is(doc, value, JSON_OBJECT) ? json_member(doc, value, SLICE("by")) : value;
    if (by == JSON_ABSENT || json_is(doc, by, JSON_NULL)) {
        return true;
    }
    if (json_string_is(doc, by, SLICE("price"))) {
        *ret_sort = SORT_EXPECTED_PRICE;
    } else if (json_string_is(doc, by, SLICE("latency"))) {
        *ret_sort = SORT_LATENCY;
    } else if (json_string_is(doc, by, SLICE("throughput"))) {
        *ret_sort = SORT_THROUGHPUT;
    } else {
        return false;
    }
    return true;
}

/* A number or a decimal string, not negative. */
static bool read_price(const struct json_doc *doc, uint32_t object, struct slice name, int scale,
                       int64_t *ret_price)
{
    int64_t price;
    uint32_t value = json_member(doc, object, name);
    if (value == JSON_ABSENT || json_is(doc, value, JSON_NULL)) {
        return true;
    }
    bool sound = json_is(doc, value, JSON_STRING)
                     ? slice_to_scaled(json_inner(doc, value), scale, &price)
                     : json_scaled(doc, value, scale, &price);
    if (!sound || price < 0) {
        return false;
    }
    *ret_price = price;
    return true;
}

/* OpenRouter's max_price is dollars per million tokens: the same figure in pico-dollars per token
 * is 10^6 times it. `request` is dollars a request; nothing here is priced by the image. */
static bool read_max_price(const struct json_doc *doc, uint32_t value,
                           struct constraints *constraints)
{
    int64_t image;
    if (json_is(doc, value, JSON_NULL)) {
        return true;
    }
    return json_is(doc, value, JSON_OBJECT) &&
           read_price(doc, value, SLICE("prompt"), 6, &constraints->max_input_pd) &&
           read_price(doc, value, SLICE("completion"), 6, &constraints->max_output_pd) &&
           read_price(doc, value, SLICE("request"), 9, &constraints->max_request_nd) &&
           read_price(doc, value, SLICE("image"), 9, &image);
}

/* A promise about the request's data, which targets carry as a tag. */
static bool add_promise(struct arena *arena, struct slice tag, struct constraints *constraints)
{
    struct slice before = constraints->promises;
    constraints->promises = arena_printf(arena, "%.*s%s%.*s", SLICE_ARG(before),
                                         before.len == 0 ? "" : ",", SLICE_ARG(tag));
    return constraints->promises.len > 0;
}

static bool read_collection(const struct json_doc *doc, uint32_t value, struct arena *arena,
                            struct constraints *constraints)
{
    if (json_string_is(doc, value, SLICE("deny"))) {
        return add_promise(arena, SLICE("no-data-collection"), constraints);
    }
    return json_is(doc, value, JSON_NULL) || json_string_is(doc, value, SLICE("allow"));
}

static bool read_promise(const struct json_doc *doc, uint32_t value, struct arena *arena,
                         struct slice tag, struct constraints *constraints)
{
    bool wanted = false;
    bool sound = json_is(doc, value, JSON_NULL) || json_bool(doc, value, &wanted);
    return sound && (!wanted || add_promise(arena, tag, constraints));
}

static bool read_quantizations(const struct json_doc *doc, uint32_t value, struct arena *arena,
                               struct constraints *constraints)
{
    if (json_is(doc, value, JSON_NULL)) {
        return true;
    }
    bool list = json_is(doc, value, JSON_ARRAY);
    constraints->quantizations = list ? joined_text(doc, value, arena) : SLICE_EMPTY;
    return list && (constraints->quantizations.len > 0 || json_count(doc, value) == 0);
}

/* What OpenRouter promises of the providers that it asks. */
static bool read_data_preference(const struct json_doc *doc, uint32_t key, struct arena *arena,
                                 struct constraints *constraints)
{
    uint32_t value = key + 1;
    if (json_string_is(doc, key, SLICE("data_collection"))) {
        return read_collection(doc, value, arena, constraints);
    }
    if (json_string_is(doc, key, SLICE("zdr"))) {
        return read_promise(doc, value, arena, SLICE("zdr"), constraints);
    }
    if (json_string_is(doc, key, SLICE("enforce_distillable_text"))) {
        return read_promise(doc, value, arena, SLICE("distillable"), constraints);
    }
    if (json_string_is(doc, key, SLICE("quantizations"))) {
        return read_quantizations(doc, value, arena, constraints);
    }
    return true; /* OpenRouter's other fields are for OpenRouter and travel on in the body */
}

static bool read_switch(const struct json_doc *doc, uint32_t value, bool *ret_flag)
{
    return json_is(doc, value, JSON_NULL) || json_bool(doc, value, ret_flag);
}

static bool read_preference(const struct json_doc *doc, uint32_t key, struct arena *arena,
                            struct constraints *constraints)
{
    uint32_t value = key + 1;
    if (json_string_is(doc, key, SLICE("order"))) {
        return read_names(doc, value, arena, &constraints->order, &constraints->order_count);
    }
    if (json_string_is(doc, key, SLICE("only"))) {
        return read_names(doc, value, arena, &constraints->only, &constraints->only_count);
    }
    if (json_string_is(doc, key, SLICE("ignore"))) {
        return read_names(doc, value, arena, &constraints->ignore, &constraints->ignore_count);
    }
    if (json_string_is(doc, key, SLICE("sort"))) {
        return read_sort(doc, value, &constraints->sort);
    }
    if (json_string_is(doc, key, SLICE("max_price"))) {
        return read_max_price(doc, value, constraints);
    }
    if (json_string_is(doc, key, SLICE("allow_fallbacks"))) {
        return read_switch(doc, value, &constraints->allow_fallbacks);
    }
    if (json_string_is(doc, key, SLICE("require_parameters"))) {
        return read_switch(doc, value, &constraints->require_parameters);
    }
    return read_data_preference(doc, key, arena, constraints);
}

bool wishes_read_preferences(const struct chat *chat, struct arena *arena,
                             struct decision *decision, struct error *error)
{
    const struct json_doc *doc = chat->doc;
    uint32_t object = chat->preferences;
    if (!json_is(doc, object, JSON_OBJECT)) {
        return true;
    }
    if (!members_once(doc, object, "/provider", error) ||
        !members_once(doc, json_member(doc, object, SLICE("max_price")), "/provider/max_price",
                      error) ||
        !members_once(doc, json_member(doc, object, SLICE("sort")), "/provider/sort", error)) {
        return false;
    }
    for (uint32_t key = json_first(doc, object); key != JSON_ABSENT;
         key = json_next(doc, object, key)) {
        if (!read_preference(doc, key, arena, &decision->constraints)) {
            struct slice name = json_inner(doc, key);
            error_set(error, ERROR_INVALID, "invalid_option",
                      "The routing preference has the wrong type or value, or more than %d "
                      "names.",
                      NAMES_MAX);
            error_at(error, "/provider/%.*s", (int)(name.len < 64 ? name.len : 64), name.ptr);
            return false;
        }
    }
    return true;
}
