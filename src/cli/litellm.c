/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/litellm.h"

#include "config/interpolate.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

/* --- notes ------------------------------------------------------------------------------------
 */

static void add_note(struct litellm *import, const struct yaml *node, struct slice text)
{
    char path[256];
    if (import->note_count == LITELLM_NOTES_MAX) {
        import->notes_lost++;
        return;
    }
    unsigned line = node->key_place.line != 0 ? node->key_place.line : node->place.line;
    import->notes[import->note_count++] = (struct litellm_note){
        .line = line,
        .key = arena_copy(&import->arena, slice_from_cstr(yaml_path(node, path, sizeof(path)))),
        .text = text,
    };
}

void litellm_note(struct litellm *import, struct yaml *node, const char *format, ...)
{
    char text[512];
    va_list arguments;
    va_start(arguments, format);
    int len = vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    size_t kept = len < 0 ? 0 : (size_t)len < sizeof(text) ? (size_t)len : sizeof(text) - 1;
    node->broken = true;
    add_note(import, node, arena_copy(&import->arena, slice_of(text, kept)));
}

static int by_line(const void *a, const void *b)
{
    unsigned x = ((const struct litellm_note *)a)->line;
    unsigned y = ((const struct litellm_note *)b)->line;
    return x < y ? -1 : x > y;
}

/* --- values -----------------------------------------------------------------------------------
 */

struct yaml *litellm_take(struct yaml *mapping, const char *key)
{
    struct yaml *node = yaml_member(mapping, slice_from_cstr(key));
    if (node == NULL) {
        return NULL;
    }
    node->broken = true;
    return yaml_is_null(node) ? NULL : node;
}

bool litellm_number(const struct yaml *node, double *ret_value)
{
    char text[64];
    char *end;
    if (node->kind != YAML_SCALAR || node->text.len == 0 || node->text.len >= sizeof(text)) {
        return false;
    }
    memcpy(text, node->text.ptr, node->text.len);
    text[node->text.len] = '\0';
    *ret_value = strtod(text, &end);
    return *end == '\0' && isfinite(*ret_value);
}

bool litellm_true(const struct yaml *node)
{
    return node != NULL && node->kind == YAML_SCALAR &&
           (slice_eq_nocase(node->text, SLICE("true")) ||
            slice_eq_nocase(node->text, SLICE("yes")));
}

static const struct slice reference = SLICE_INIT("os.environ/");

bool litellm_is_reference(struct slice text)
{
    return slice_starts(text, reference);
}

static bool is_word_byte(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

static void put_escaped(struct buf *out, struct slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (c == '"' || c == '\\') {
            buf_append_char(out, '\\');
        }
        if (c == '$') {
            buf_append_char(out, '$');
        }
        if ((unsigned char)c < ' ') {
            buf_printf(out, "\\x%02x", (unsigned)c);
        } else {
            buf_append_char(out, c);
        }
    }
}

struct slice litellm_text(struct litellm *import, struct slice text)
{
    struct buf out = BUF_INIT(64 << 10);
    buf_append_char(&out, '"');
    if (litellm_is_reference(text)) {
        struct slice name = slice_from(text, reference.len);
        size_t len = 0;
        while (len < name.len && is_word_byte(name.ptr[len])) {
            len++;
        }
        buf_printf(&out, "${%.*s}", (int)len, name.ptr);
        text = slice_from(name, len);
    }
    put_escaped(&out, text);
    buf_append_char(&out, '"');
    struct slice copy = arena_copy(&import->arena, buf_slice(&out));
    buf_release(&out);
    return copy;
}

/* "azure-2", "API_KEY" -> IMPORTED_AZURE_2_API_KEY */
static struct slice variable_name(struct litellm *import, struct slice owner, const char *what,
                                  unsigned number)
{
    struct slice name =
        number == 0 ? arena_printf(&import->arena, "imported_%.*s_%s", SLICE_ARG(owner), what)
                    : arena_printf(&import->arena, "imported_%.*s_%s_%u", SLICE_ARG(owner), what,
                                     number);
    char *bytes = name.len == 0 ? NULL : arena_alloc(&import->arena, name.len);
    if (bytes == NULL) {
        return SLICE_EMPTY;
    }
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        bytes[i] = (char)(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : is_word_byte(c) ? c : '_');
    }
    return slice_of(bytes, name.len);
}

/* The file has a variable of this name for something else: one secret would go where another one
 * belongs. */
static bool is_referred_to(const struct litellm *import, struct slice name)
{
    for (struct yaml *node = import->root; node != NULL; node = yaml_walk(import->root, node)) {
        if (slice_eq(node->key, name) ||
            (node->kind == YAML_SCALAR && slice_starts(node->text, reference) &&
             slice_eq(slice_from(node->text, reference.len), name))) {
            return true;
        }
    }
    return false;
}

static const struct litellm_variable *find_variable(const struct litellm *import,
                                                    struct slice name)
{
    for (size_t i = 0; i < import->variable_count; i++) {
        if (slice_eq(import->variables[i].name, name)) {
            return &import->variables[i];
        }
    }
    return NULL;
}

struct slice litellm_secret(struct litellm *import, struct slice text, unsigned line,
                            struct slice owner, const char *what)
{
    if (litellm_is_reference(text)) {
        return litellm_text(import, text);
    }
    struct slice name = variable_name(import, owner, what, 0);
    const struct litellm_variable *other = find_variable(import, name);
    for (unsigned number = 2; (other != NULL && !slice_eq(other->value, text)) ||
                              (other == NULL && is_referred_to(import, name));
         number++) {
        name = variable_name(import, owner, what, number);
        other = find_variable(import, name);
    }
    if (other == NULL && import->variable_count < LITELLM_VARIABLES_MAX) {
        import->variables[import->variable_count++] =
            (struct litellm_variable){.name = name, .value = text, .line = line};
    }
    return arena_printf(&import->arena, "\"${%.*s}\"", SLICE_ARG(name));
}

struct slice litellm_name(struct litellm *import, struct slice text)
{
    const size_t longest = 120;
    char *bytes = arena_alloc(&import->arena, text.len + 1);
    if (bytes == NULL || text.len == 0) {
        return SLICE("unnamed");
    }
    size_t len = text.len > longest ? longest : text.len;
    for (size_t i = 0; i < len; i++) {
        char c = text.ptr[i];
        bool fits = is_word_byte(c) || (i > 0 && (c == '.' || c == '-' || c == '/'));
        bytes[i] = fits ? c : '-';
    }
    if (bytes[0] == '-') {
        bytes[0] = '_';
    }
    return slice_of(bytes, len);
}

struct slice litellm_unique(struct litellm *import, struct slice wanted,
                            bool (*taken)(const struct litellm *import, struct slice name))
{
    struct slice name = wanted;
    for (unsigned number = 2; taken(import, name) && !import->arena.exhausted; number++) {
        name = arena_printf(&import->arena, "%.*s-%u", SLICE_ARG(wanted), number);
    }
    return name;
}

/* --- what is left ----------------------------------------------------------------------------- */

/* Why a key has no equal, where more can be said than that. */
static const struct {
    const char *key;
    const char *text;
} reasons[] = {
    {"alerting", "warnings of caps go to caps.webhook, the rest to /metrics and the log"},
    {"allowed_fails", "every target has a breaker: who fails rests, for longer each time"},
    {"budget_duration", "caps are those of keys: sluice key limit WHO --cap-usd X --per day"},
    {"callbacks", "calls are in the ledger, in /metrics and in the access log"},
    {"cooldown_time", "every target has a breaker: who fails rests, for longer each time"},
    {"custom_auth", "client keys (sluice key create), or tokens: keys.jwt"},
    {"database_url", "the ledger is a file of its own; several nodes share cluster.postgres"},
    {"failure_callback", "calls are in the ledger, in /metrics and in the access log"},
    {"global_max_parallel_requests", "sluice key limit WHO --parallel N"},
    {"hidden", "GET /v1/models lists every route"},
    {"id", "targets have names of their own"},
    {"include", "other files are not read: import them by themselves"},
    {"json_logs", "log.format"},
    {"max_budget", "caps are those of keys: sluice key limit WHO --cap-usd X"},
    {"max_parallel_requests", "sluice key limit WHO --parallel N"},
    {"max_tokens", "the client says how long an answer may be; under a cap: caps.output_tokens"},
    {"redis_host", "several nodes share limits and caches by cluster.redis"},
    {"redis_password", "several nodes share limits and caches by cluster.redis"},
    {"redis_port", "several nodes share limits and caches by cluster.redis"},
    {"redis_url", "several nodes share limits and caches by cluster.redis"},
    {"request_timeout", "providers.*.total_timeout"},
    {"set_verbose", "log.level"},
    {"success_callback", "calls are in the ledger, in /metrics and in the access log"},
    {"supports_function_calling", "capabilities are the catalogue's, or targets.*.capabilities"},
    {"supports_vision", "capabilities are the catalogue's, or targets.*.capabilities"},
    {"supported_call_types", "the exact cache takes every call that can be repeated"},
    {"tags", "targets.*.tags are what a request may require, not whom it picks"},
    {"temperature", "the client says it"},
};

static const char *reason_of(const struct yaml *node)
{
    for (size_t i = 0; i < ARRAY_LEN(reasons); i++) {
        if (slice_eq(node->key, slice_from_cstr(reasons[i].key))) {
            return reasons[i].text;
        }
    }
    return "there is no equal";
}

static bool any_taken(const struct yaml *node)
{
    for (const struct yaml *child = node->first; child != NULL; child = child->next) {
        if (child->broken || any_taken(child)) {
            return true;
        }
    }
    return false;
}

/* As high in the tree as nothing below was honoured. The depth is the parser's. */
static void list_rest(struct litellm *import, struct yaml *node)
{
    if (node->broken) {
        return;
    }
    if (node->parent != NULL && (node->kind == YAML_SCALAR || !any_taken(node))) {
        bool apart = node->first != NULL && (node->parent->parent == NULL ||
                                             slice_eq(node->key, SLICE("model_info")));
        if (!apart && node->key.len > 0) {
            litellm_note(import, node, "left out: %s", reason_of(node));
            return;
        }
    }
    for (struct yaml *child = node->first; child != NULL; child = child->next) {
        list_rest(import, child);
    }
}

/* --- sections --------------------------------------------------------------------------------- */

static struct yaml *section_of(struct litellm *import, const char *name)
{
    struct yaml *section = yaml_member(import->root, slice_from_cstr(name));
    return section != NULL && section->kind == YAML_MAPPING ? section : NULL;
}

/* Of providers whose deployments say none of their own. */
static void read_timeouts(struct litellm *import)
{
    struct yaml *router = section_of(import, "router_settings");
    struct yaml *settings = section_of(import, "litellm_settings");
    struct yaml *node = router == NULL ? NULL : litellm_take(router, "timeout");
    struct yaml *stream = router == NULL ? NULL : litellm_take(router, "stream_timeout");
    if (node == NULL && settings != NULL) {
        node = litellm_take(settings, "request_timeout");
    }
    for (size_t i = 0; i < import->provider_count; i++) {
        struct yaml **places = import->providers[i].places;
        places[PLACE_TIMEOUT] = places[PLACE_TIMEOUT] == NULL ? node : places[PLACE_TIMEOUT];
        places[PLACE_STREAM_TIMEOUT] =
            places[PLACE_STREAM_TIMEOUT] == NULL ? stream : places[PLACE_STREAM_TIMEOUT];
    }
}

static void put_keys(struct litellm *import, struct buf *out)
{
    struct yaml *general = section_of(import, "general_settings");
    struct yaml *master = general == NULL ? NULL : litellm_take(general, "master_key");
    if (master != NULL) {
        litellm_note(import, master,
                     "became keys.required: true; administrators have keys of their own (sluice "
                     "key create --name ops --admin), clients too");
        buf_append_cstr(out, "\nkeys: { required: true }\n");
    }
}

static void put_cache(struct litellm *import, struct buf *out)
{
    struct yaml *settings = section_of(import, "litellm_settings");
    struct yaml *on = settings == NULL ? NULL : litellm_take(settings, "cache");
    struct yaml *params = settings == NULL ? NULL : yaml_member(settings, SLICE("cache_params"));
    if (on == NULL || !litellm_true(on)) {
        return;
    }
    double seconds = 0;
    struct yaml *type =
        params == NULL || params->kind != YAML_MAPPING ? NULL : litellm_take(params, "type");
    struct yaml *ttl =
        params == NULL || params->kind != YAML_MAPPING ? NULL : litellm_take(params, "ttl");
    if (ttl == NULL || !litellm_number(ttl, &seconds) || seconds < 1 || seconds > 31536000) {
        seconds = 600;
        litellm_note(import, on, "for ten minutes, as no ttl is said");
    }
    if (type != NULL && slice_find_slice(type->text, SLICE("semantic")) < type->text.len) {
        litellm_note(import, type, "only the exact cache: nothing but the same bytes is taken for "
                                   "the same");
    } else if (type != NULL && !slice_eq(type->text, SLICE("local"))) {
        litellm_note(import, type, "in memory; several nodes share it by cluster.redis");
    }
    buf_printf(out, "\ncache: { exact: { ttl: %llds } }\n", (long long)seconds);
}

/* What is always so, or the other way round. */
static void take_habits(struct litellm *import)
{
    static const struct {
        const char *section;
        const char *key;
    } rows[] = {
        {"litellm_settings", "drop_params"},       /* dropped where they must be, and said */
        {"router_settings", "enable_pre_call_checks"}, /* a prompt that does not fit goes on */
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct yaml *section = section_of(import, rows[i].section);
        struct yaml *node = section == NULL ? NULL : litellm_take(section, rows[i].key);
        if (node != NULL && !litellm_true(node)) {
            litellm_note(import, node, "always on here");
        }
    }
}

/* Values may be secrets: their names are enough. */
static void list_variables(struct litellm *import)
{
    struct yaml *section = section_of(import, "environment_variables");
    for (struct yaml *v = section == NULL ? NULL : section->first; v != NULL; v = v->next) {
        litellm_note(import, v, "set it in the environment, or in .env");
    }
}

void litellm_read(struct litellm *import)
{
    litellm_read_models(import);
    litellm_read_routes(import);
    read_timeouts(import);
    take_habits(import);
    list_variables(import);
}

static void put_comments(struct litellm *import, struct buf *out)
{
    if (import->variable_count > 0) {
        buf_append_cstr(out, "\n# Values that stood in the file; set these variables to them:\n");
    }
    for (size_t i = 0; i < import->variable_count; i++) {
        const struct litellm_variable *v = &import->variables[i];
        buf_printf(out, "#   %.*s: line %u\n", SLICE_ARG(v->name), v->line);
    }
    if (import->note_count > 0) {
        buf_append_cstr(out, "\n# What is not, or not just so, in here, by lines of the file:\n");
    }
    for (size_t i = 0; i < import->note_count; i++) {
        const struct litellm_note *note = &import->notes[i];
        buf_printf(out, "#   %u: ", note->line);
        put_escaped(out, note->key);
        buf_printf(out, ": %.*s\n", SLICE_ARG(note->text));
    }
    if (import->notes_lost > 0) {
        buf_printf(out, "#   and %zu more\n", import->notes_lost);
    }
}

void litellm_write(struct litellm *import, const char *file, struct buf *out)
{
    buf_append_cstr(out, "# Made by sluice import litellm of ");
    put_escaped(out, slice_from_cstr(file));
    buf_append_char(out, '\n');
    litellm_write_models(import, out);
    litellm_write_routes(import, out);
    put_keys(import, out);
    put_cache(import, out);
    if (import->allow_unpriced) {
        buf_append_cstr(out, "\n# As LiteLLM has it: models without a price are asked, and not "
                             "charged.\nprices: { unknown: allow }\n");
    }
    list_rest(import, import->root);
    qsort(import->notes, import->note_count, sizeof(import->notes[0]), by_line);
    put_comments(import, out);
}
