/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/probe_facts.h"

#include "cli/probe.h"
#include "codec/json.h"

#define WINDOW_MAX (INT64_C(1) << 30) /* a larger one is no window */

static bool name_is_usable(struct slice name)
{
    static const char others[] = "._:/@+-";
    if (name.len == 0 || name.len > PROBE_MODEL_BYTES_MAX) {
        return false;
    }
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!plain && memchr(others, c, sizeof(others) - 1) == NULL) {
            return false;
        }
    }
    return true;
}

/* Model lists do not say what a model is for; these words in a name do. */
static bool name_is_chat(struct slice name)
{
    static const struct slice others[] = {SLICE_INIT("embed"), SLICE_INIT("all-minilm"),
                                          SLICE_INIT("bge-"), SLICE_INIT("rerank"),
                                          SLICE_INIT("whisper")};
    char lower[PROBE_MODEL_BYTES_MAX];
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        lower[i] = (char)(c >= 'A' && c <= 'Z' ? c + 32 : c);
    }
    for (size_t i = 0; i < ARRAY_LEN(others); i++) {
        if (slice_find_slice(slice_of(lower, name.len), others[i]) != SIZE_MAX) {
            return false;
        }
    }
    return true;
}

static bool is_listed(struct slice name, const struct known_model *models, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (slice_eq(name, models[i].model)) {
            return true;
        }
    }
    return false;
}

static int64_t window_at(const struct json_doc *doc, uint32_t from, const char *path)
{
    int64_t tokens = 0;
    uint32_t value = json_path(doc, from, path);
    bool sound = value != JSON_ABSENT && json_int64(doc, value, &tokens) && tokens > 0;
    return sound && tokens <= WINDOW_MAX ? tokens : 0;
}

static int64_t listed_window(const struct json_doc *doc, uint32_t entry)
{
    static const char *const paths[] = {"max_model_len", "meta.n_ctx", "meta.n_ctx_train"};
    int64_t tokens = 0;
    for (size_t i = 0; i < ARRAY_LEN(paths) && tokens == 0; i++) {
        tokens = window_at(doc, entry, paths[i]);
    }
    return tokens;
}

static size_t read_list(const struct json_doc *doc, struct arena *arena, struct known_model *models,
                        size_t *ret_listed)
{
    size_t count = 0;
    bool openai = json_is(doc, json_member(doc, JSON_ROOT, SLICE("data")), JSON_ARRAY);
    uint32_t list = json_member(doc, JSON_ROOT, openai ? SLICE("data") : SLICE("models"));
    bool is_list = json_is(doc, list, JSON_ARRAY);
    for (uint32_t i = is_list ? json_first(doc, list) : JSON_ABSENT; i != JSON_ABSENT;
         i = json_next(doc, list, i)) {
        uint32_t value = json_member(doc, i, openai ? SLICE("id") : SLICE("name"));
        struct slice name = value == JSON_ABSENT ? SLICE_EMPTY : json_string(doc, value, arena);
        if (!name_is_usable(name) || !name_is_chat(name) || is_listed(name, models, count)) {
            continue;
        }
        ++*ret_listed;
        struct slice copy = count < PROBE_MODELS_MAX ? arena_copy(arena, name) : SLICE_EMPTY;
        if (copy.len > 0) {
            models[count++] = (struct known_model){
                .model = copy, .context_tokens = listed_window(doc, i), .listed = true};
        }
    }
    return count;
}

size_t probe_read_models(struct slice body, struct arena *arena, struct known_model *models,
                         size_t *ret_listed)
{
    struct json_doc doc;
    size_t count = 0;
    *ret_listed = 0;
    json_doc_init(&doc);
    if (json_parse(&doc, body, NULL, NULL)) {
        count = read_list(&doc, arena, models, ret_listed);
    }
    json_doc_release(&doc);
    return count;
}

/* --- Ollama --- */

/* A format is imposed on whatever model; completion is what all but embedding models can. */
static capability_set read_capabilities(const struct json_doc *doc, uint32_t list)
{
    static const struct {
        struct slice word;
        capability_set set;
    } words[] = {
        {SLICE_INIT("completion"), CAPABILITY_COMPLETION | CAPABILITY_JSON_OBJECT |
                                       CAPABILITY_JSON_SCHEMA | CAPABILITY_STREAMING},
        {SLICE_INIT("tools"), CAPABILITY_TOOLS},
        {SLICE_INIT("insert"), CAPABILITY_SUFFIX},
        {SLICE_INIT("vision"), CAPABILITY_VISION},
        {SLICE_INIT("thinking"), CAPABILITY_REASONING},
        {SLICE_INIT("embedding"), CAPABILITY_EMBEDDINGS},
    };
    capability_set set = 0;
    for (uint32_t i = json_is(doc, list, JSON_ARRAY) ? json_first(doc, list) : JSON_ABSENT;
         i != JSON_ABSENT; i = json_next(doc, list, i)) {
        for (size_t w = 0; json_is(doc, i, JSON_STRING) && w < ARRAY_LEN(words); w++) {
            set |= json_string_is(doc, i, words[w].word) ? words[w].set : 0;
        }
    }
    bool answers = (set & CAPABILITY_COMPLETION) != 0;
    return answers ? set & ~(capability_set)CAPABILITY_EMBEDDINGS : set & CAPABILITY_EMBEDDINGS;
}

/* "num_ctx    8192" on a line of its own. */
static int64_t own_window(struct slice parameters)
{
    while (parameters.len > 0) {
        uint64_t tokens = 0;
        struct slice line = slice_trim(slice_cut(&parameters, '\n'));
        if (slice_starts(line, SLICE("num_ctx")) &&
            slice_to_u64(slice_trim(slice_from(line, 7)), &tokens) && tokens <= WINDOW_MAX) {
            return (int64_t)tokens;
        }
    }
    return 0;
}

/* The name of the member begins with the model's architecture. */
static int64_t trained_window(const struct json_doc *doc, uint32_t info)
{
    for (uint32_t i = json_is(doc, info, JSON_OBJECT) ? json_first(doc, info) : JSON_ABSENT;
         i != JSON_ABSENT; i = json_next(doc, info, i)) {
        int64_t tokens = 0;
        if (slice_ends(json_inner(doc, i), SLICE(".context_length")) &&
            json_int64(doc, i + 1, &tokens) && tokens > 0 && tokens <= WINDOW_MAX) {
            return tokens;
        }
    }
    return 0;
}

void probe_read_show(struct slice body, struct arena *arena, struct known_model *model)
{
    struct json_doc doc;
    json_doc_init(&doc);
    if (json_parse(&doc, body, NULL, NULL) && json_kind(&doc, JSON_ROOT) == JSON_OBJECT) {
        uint32_t parameters = json_member(&doc, JSON_ROOT, SLICE("parameters"));
        struct slice text = json_is(&doc, parameters, JSON_STRING)
                                ? json_string(&doc, parameters, arena)
                                : SLICE_EMPTY;
        int64_t own = own_window(text);
        uint32_t info = json_member(&doc, JSON_ROOT, SLICE("model_info"));
        model->context_tokens = own > 0 ? own : trained_window(&doc, info);
        model->capabilities =
            read_capabilities(&doc, json_member(&doc, JSON_ROOT, SLICE("capabilities")));
    }
    json_doc_release(&doc);
}

/* --- llama.cpp --- */

int64_t probe_read_props(struct slice body)
{
    struct json_doc doc;
    int64_t tokens = 0;
    json_doc_init(&doc);
    if (json_parse(&doc, body, NULL, NULL) && json_kind(&doc, JSON_ROOT) == JSON_OBJECT) {
        tokens = window_at(&doc, JSON_ROOT, "default_generation_settings.n_ctx");
        tokens = tokens > 0 ? tokens : window_at(&doc, JSON_ROOT, "n_ctx");
    }
    json_doc_release(&doc);
    return tokens;
}
