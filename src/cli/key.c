/* SPDX-License-Identifier: Apache-2.0 */
/* sluice key: client keys, their scopes and limits. */
#define _GNU_SOURCE /* explicit_bzero */
#include "base/clock.h"
#include "cli/key_change.h"
#include "cli/load.h"
#include "cli/rows.h"
#include "cli/table.h"
#include "cli/terminal.h"
#include "codec/json.h"
#include "codec/jwt.h"
#include "gateway/key_body.h"

#include <stdio.h>

#define BODY_BYTES_MAX (1u << 20)

/* --- answers -----------------------------------------------------------------------------------
 */

/* What the words on stderr need of an answer. */
struct told {
    struct json_doc doc;
    struct arena arena;
};

static void told_begin(struct told *told, const struct buf *answer)
{
    json_doc_init(&told->doc);
    arena_init(&told->arena, BODY_BYTES_MAX);
    if (!json_parse(&told->doc, buf_slice(answer), NULL, NULL)) {
        CHECK(json_parse(&told->doc, SLICE("{}"), NULL, NULL));
    }
}

static void told_end(struct told *told)
{
    json_doc_release(&told->doc);
    arena_release(&told->arena);
}

static struct slice told_text(struct told *told, struct slice name)
{
    return json_string(&told->doc, json_member(&told->doc, JSON_ROOT, name), &told->arena);
}

/* 0 when it is not there. */
static int64_t told_number(struct told *told, struct slice name)
{
    int64_t number = 0;
    return json_int64(&told->doc, json_member(&told->doc, JSON_ROOT, name), &number) ? number : 0;
}

/* The answer as it is, or the secret alone. */
static int print_secret(const struct arguments *arguments, struct told *told, struct buf *answer)
{
    struct buf out = BUF_INIT(BODY_BYTES_MAX);
    buf_append(&out, arguments_given(arguments, "json") ? buf_slice(answer)
                                                        : told_text(told, SLICE("key")));
    buf_append_char(&out, '\n');
    return print_data(&out);
}

static int print_answer(const struct arguments *arguments, struct buf *answer)
{
    struct buf out = BUF_INIT(BODY_BYTES_MAX);
    if (!arguments_given(arguments, "json")) {
        return EXIT_CODE_OK;
    }
    buf_append(&out, buf_slice(answer));
    buf_append_char(&out, '\n');
    return print_data(&out);
}

static void release_answer(struct buf *answer)
{
    if (answer->len > 0) {
        explicit_bzero(answer->ptr, answer->len);
    }
    buf_release(answer);
}

/* --- create ------------------------------------------------------------------------------------
 */

static void member_value(const struct arguments *arguments, const char *flag, const char *member,
                         struct json_writer *w)
{
    const char *value = arguments_value(arguments, flag);
    if (value != NULL) {
        json_member_string(w, slice_from_cstr(member), slice_from_cstr(value));
    }
}

static void member_list(const struct arguments *arguments, const char *flag, const char *member,
                        struct json_writer *w)
{
    size_t cursor = 0;
    if (!arguments_given(arguments, flag)) {
        return;
    }
    json_key(w, slice_from_cstr(member));
    json_begin_array(w);
    for (const char *value; (value = arguments_next(arguments, flag, &cursor)) != NULL;) {
        json_write_string(w, slice_from_cstr(value));
    }
    json_end_array(w);
}

static bool write_order(const struct arguments *arguments, struct buf *body)
{
    struct json_writer w;
    json_writer_init(&w, body);
    json_begin_object(&w);
    member_value(arguments, "name", "name", &w);
    member_value(arguments, "user", "user", &w);
    member_value(arguments, "team", "team", &w);
    member_value(arguments, "org", "organisation", &w);
    member_value(arguments, "expires", "expires_in", &w);
    if (!key_write_limits(arguments, &w)) {
        return false;
    }
    member_list(arguments, "route", "routes", &w);
    member_list(arguments, "target", "targets", &w);
    member_list(arguments, "model", "models", &w);
    member_list(arguments, "origin", "origins", &w);
    member_list(arguments, "tag", "tags", &w);
    if (arguments_given(arguments, "admin")) {
        json_member_bool(&w, SLICE("admin"), true);
    }
    json_end_object(&w);
    return true;
}

static void say_made(const struct arguments *arguments, struct told *told)
{
    struct slice name = told_text(told, SLICE("name"));
    struct slice prefix = told_text(told, SLICE("prefix"));
    if (arguments_given(arguments, "admin")) {
        say("Administrator \"%.*s\" (%.*s...) is made. Its key calls no models.", SLICE_ARG(name),
            SLICE_ARG(prefix));
        return;
    }
    say("Key \"%.*s\" (%.*s...) is made. It is shown this once: only a digest of it is stored.",
        SLICE_ARG(name), SLICE_ARG(prefix));
}

static int key_create_run(int argc, char **argv)
{
    struct arguments arguments;
    struct buf body = BUF_INIT(BODY_BYTES_MAX);
    struct buf answer = BUF_INIT(BODY_BYTES_MAX);
    int code;
    if (!arguments_begin(&key_create_command, argc, argv, &arguments, &code)) {
        return code;
    }
    code = write_order(&arguments, &body)
               ? key_change(&arguments, KEY_OPERATION_CREATE, buf_slice(&body), &answer)
               : EXIT_CODE_USAGE;
    if (code == EXIT_CODE_OK) {
        struct told told;
        told_begin(&told, &answer);
        say_made(&arguments, &told);
        code = print_secret(&arguments, &told, &answer);
        told_end(&told);
    }
    release_answer(&answer);
    buf_release(&body);
    return code;
}

/* --- list --------------------------------------------------------------------------------------
 */

static const struct table_column columns[] = {
    {"ID", true},     {"NAME", false},       {"KEY", false},   {"CREATED", false},
    {"STATE", false}, {"BELONGS TO", false}, {"LIMITS", false}};

static void put_scopes(struct table *table, const struct key_set *keys, const struct key *key)
{
    struct buf text = BUF_INIT(1024);
    for (enum scope_kind kind = SCOPE_USER; kind < SCOPE_KINDS; kind++) {
        const struct scope *scope = key_set_scope(keys, kind, key->scopes[kind]);
        if (scope != NULL) {
            buf_printf(&text, "%s%s:%s", text.len > 0 ? " " : "",
                       kind == SCOPE_ORGANISATION ? "org" : scope_kind_name(kind), scope->name);
        }
    }
    table_put(table, buf_slice(&text));
    buf_release(&text);
}

static void put_rules(struct table *table, const struct key_set *keys, const struct key *key)
{
    struct buf text = BUF_INIT(4096);
    size_t count = 0;
    const struct scope_rule *rules = key_set_rules(keys, &count);
    struct rule_range range = key->rules[SCOPE_KEY];
    for (uint32_t i = range.first; i < range.first + range.count; i++) {
        buf_append_cstr(&text, i > range.first ? "; " : "");
        if (rules[i].model[0] != '\0') {
            buf_printf(&text, "%s: ", rules[i].model);
        }
        key_put_limits(&rules[i].limits, &text);
    }
    table_put(table, buf_slice(&text));
    buf_release(&text);
}

static void write_keys(const struct key_set *keys, struct buf *out)
{
    int64_t now_s = clock_wall(&clock_system) / NS_PER_S;
    struct table table;
    table_init(&table, columns, ARRAY_LEN(columns));
    for (size_t i = 0; i < key_set_count(keys); i++) {
        const struct key *key = key_set_at(keys, i);
        char created[CLOCK_TEXT_SIZE];
        table_printf(&table, "%llu", (unsigned long long)key->id);
        table_cstr(&table, key->name);
        table_printf(&table, "%s...", key->prefix);
        table_printf(&table, "%.10s", clock_format(key->created_s * NS_PER_S, created));
        table_printf(&table, "%s%s", key->role == KEY_ADMIN ? "administrator, " : "",
                     key_state_name(key_state_at(key, now_s)));
        put_scopes(&table, keys, key);
        put_rules(&table, keys, key);
    }
    table_write(&table, 0, out);
    table_release(&table);
}

static int key_list_run(int argc, char **argv)
{
    struct arguments arguments;
    struct error error;
    char path[LOAD_PATH_SIZE];
    struct buf out = BUF_INIT(DATA_BYTES_MAX);
    int code;
    if (!arguments_begin(&key_list_command, argc, argv, &arguments, &code)) {
        return code;
    }
    code = load_ledger_path("key list", arguments_value(&arguments, "config"), path);
    if (code != EXIT_CODE_OK) {
        return code;
    }
    struct key_set *keys = key_set_load(path, &error);
    if (keys == NULL) {
        return say_error("key list", &error);
    }
    if (arguments_given(&arguments, "json")) {
        key_api_write_list(keys, NULL, 0, SIZE_MAX, clock_wall(&clock_system) / NS_PER_S, &out);
        buf_append_char(&out, '\n');
    } else if (key_set_count(keys) == 0) {
        say("There are no keys. Make one: sluice key create --name NAME");
    } else {
        write_keys(keys, &out);
    }
    key_set_unref(keys);
    return print_data(&out);
}

/* --- revoke, rotate, acknowledge ---------------------------------------------------------------
 */

/* "-" reads it from standard input, so that a secret need not be an argument that others can see.
 */
static bool read_which(const char *word, struct buf *out, struct error *error)
{
    if (strcmp(word, "-") == 0) {
        return read_input("-", out, error);
    }
    return buf_append_cstr(out, word);
}

/* A whole token says its id and its end itself. */
static bool read_token(struct slice text, struct json_writer *w, struct error *error)
{
    struct arena arena;
    struct json_doc claims;
    arena_init(&arena, BODY_BYTES_MAX);
    json_doc_init(&claims);
    bool read = jwt_peek(text, &arena, &claims);
    uint32_t id = read ? json_member(&claims, JSON_ROOT, SLICE("jti")) : JSON_ABSENT;
    uint32_t end = read ? json_member(&claims, JSON_ROOT, SLICE("exp")) : JSON_ABSENT;
    int64_t expires_s = 0;
    bool done = read && json_is(&claims, id, JSON_STRING) && json_int64(&claims, end, &expires_s);
    if (done) {
        json_member_string(w, SLICE("token"), json_string(&claims, id, &arena));
        json_member_int(w, SLICE("expires_at"), expires_s);
    } else {
        error_set(error, ERROR_INVALID, "bad_token_id",
                  "this token has no id (jti): revoke its subject, jwt:SUBJECT");
    }
    json_doc_release(&claims);
    arena_release(&arena);
    return done;
}

static bool write_token(const struct arguments *arguments, struct buf *body, struct error *error)
{
    struct buf text = BUF_INIT(1u << 17);
    struct json_writer w;
    bool ok = read_which(arguments_value(arguments, "token"), &text, error);
    struct slice token = slice_trim(buf_slice(&text));
    json_writer_init(&w, body);
    json_begin_object(&w);
    if (ok && jwt_resembles(token)) {
        ok = read_token(token, &w, error);
    } else if (ok) {
        json_member_string(&w, SLICE("token"), token);
        member_value(arguments, "expires", "expires_in", &w);
    }
    json_end_object(&w);
    release_answer(&text);
    return ok;
}

static bool write_which(const struct arguments *arguments, bool rotate, struct buf *body,
                        struct error *error)
{
    if (arguments->command == &key_revoke_command && arguments_given(arguments, "token")) {
        return write_token(arguments, body, error);
    }
    struct buf which = BUF_INIT(1u << 17);
    struct json_writer w;
    bool ok = read_which(arguments->words[0], &which, error);
    if (ok) {
        json_writer_init(&w, body);
        json_begin_object(&w);
        json_member_string(&w, SLICE("which"), slice_trim(buf_slice(&which)));
        if (rotate) {
            member_value(arguments, "overlap", "overlap", &w);
        }
        json_end_object(&w);
    }
    release_answer(&which);
    return ok;
}

#define SPAN_SIZE 48

/* In the largest unit that says it exactly. */
static const char *span_words(int64_t seconds, char text[SPAN_SIZE])
{
    static const struct {
        int64_t seconds;
        const char *name;
    } units[] = {{86400, "day"}, {3600, "hour"}, {60, "minute"}, {1, "second"}};
    size_t u = 0;
    while (seconds % units[u].seconds != 0) {
        u++;
    }
    int64_t count = seconds / units[u].seconds;
    snprintf(text, SPAN_SIZE, "%lld %s%s", (long long)count, units[u].name,
             count == 1 ? "" : "s");
    return text;
}

static void say_changed(enum key_operation operation, struct told *told)
{
    struct slice name = told_text(told, SLICE("name"));
    struct slice prefix = told_text(told, SLICE("prefix"));
    int64_t overlap_s = told_number(told, SLICE("overlap_s"));
    struct slice token = told_text(told, SLICE("token"));
    if (token.len > 0) {
        say("The token \"%.*s\" is revoked.", SLICE_ARG(token));
    } else if (operation == KEY_OPERATION_REVOKE) {
        say("Key \"%.*s\" (%.*s...) is revoked.", SLICE_ARG(name), SLICE_ARG(prefix));
    } else if (operation == KEY_OPERATION_ACKNOWLEDGE) {
        say("Key \"%.*s\" (%.*s...) is no longer blocked.", SLICE_ARG(name), SLICE_ARG(prefix));
    } else if (overlap_s == 0) {
        say("Key \"%.*s\" has a new secret (%.*s...); the one before it opens nothing any more.",
            SLICE_ARG(name), SLICE_ARG(prefix));
    } else {
        char span[SPAN_SIZE];
        int64_t older = told_number(told, SLICE("older_secrets"));
        say("Key \"%.*s\" has a new secret (%.*s...); the one before it opens for another %s.",
            SLICE_ARG(name), SLICE_ARG(prefix), span_words(overlap_s, span));
        if (older > 0) {
            say("%lld older secret%s of it open%s, too, until the overlap of each is over, and no "
                "longer than that; --overlap 0s ends all of them.",
                (long long)older, older == 1 ? "" : "s", older == 1 ? "s" : "");
        }
    }
}

static int change_run(const struct command *command, enum key_operation operation, int argc,
                      char **argv)
{
    struct arguments arguments;
    struct error error;
    struct buf body = BUF_INIT(BODY_BYTES_MAX);
    struct buf answer = BUF_INIT(BODY_BYTES_MAX);
    bool rotate = operation == KEY_OPERATION_ROTATE;
    int code;
    if (!arguments_begin(command, argc, argv, &arguments, &code)) {
        return code;
    }
    if (operation == KEY_OPERATION_REVOKE &&
        (arguments.word_count == 0) != arguments_given(&arguments, "token")) {
        return arguments_refuse(&arguments, "name a key, or a token with --token");
    }
    if (!write_which(&arguments, rotate, &body, &error)) {
        return say_error(command->name, &error);
    }
    code = key_change(&arguments, operation, buf_slice(&body), &answer);
    if (code == EXIT_CODE_OK) {
        struct told told;
        told_begin(&told, &answer);
        if (rotate || !arguments_given(&arguments, "json")) {
            say_changed(operation, &told);
        }
        code =
            rotate ? print_secret(&arguments, &told, &answer) : print_answer(&arguments, &answer);
        told_end(&told);
    }
    release_answer(&answer);
    release_answer(&body);
    return code;
}

static int key_revoke_run(int argc, char **argv)
{
    return change_run(&key_revoke_command, KEY_OPERATION_REVOKE, argc, argv);
}

static int key_rotate_run(int argc, char **argv)
{
    return change_run(&key_rotate_command, KEY_OPERATION_ROTATE, argc, argv);
}

static int key_acknowledge_run(int argc, char **argv)
{
    return change_run(&key_acknowledge_command, KEY_OPERATION_ACKNOWLEDGE, argc, argv);
}

/* --- reseal ------------------------------------------------------------------------------------
 */

static void say_resealed(struct told *told)
{
    struct slice resealed = told_text(told, SLICE("resealed"));
    struct slice damaged = told_text(told, SLICE("damaged"));
    if (resealed.len == 0) {
        say("All keys, scopes, grants and limits are what was written.");
    } else {
        say("Taken as they are now: %.*s. Look at them: sluice key list", SLICE_ARG(resealed));
    }
    if (damaged.len > 0) {
        say("Still refused, as their rows make no sense: %.*s. Set their limits again.",
            SLICE_ARG(damaged));
    }
}

static int key_reseal_run(int argc, char **argv)
{
    struct arguments arguments;
    struct buf answer = BUF_INIT(BODY_BYTES_MAX);
    int code;
    if (!arguments_begin(&key_reseal_command, argc, argv, &arguments, &code)) {
        return code;
    }
    code = key_change(&arguments, KEY_OPERATION_RESEAL, SLICE("{}"), &answer);
    if (code == EXIT_CODE_OK) {
        struct told told;
        told_begin(&told, &answer);
        if (!arguments_given(&arguments, "json")) {
            say_resealed(&told);
        }
        told_end(&told);
        code = print_answer(&arguments, &answer);
    }
    release_answer(&answer);
    return code;
}

/* --- limit -------------------------------------------------------------------------------------
 */

/* "user:bob"; without a kind it is a key. */
static void write_subject(struct slice who, struct json_writer *w)
{
    static const struct {
        struct slice prefix;
        struct slice member;
    } kinds[] = {
        {SLICE_INIT("key:"), SLICE_INIT("key")},
        {SLICE_INIT("user:"), SLICE_INIT("user")},
        {SLICE_INIT("team:"), SLICE_INIT("team")},
        {SLICE_INIT("org:"), SLICE_INIT("organisation")},
    };
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        if (slice_starts(who, kinds[i].prefix)) {
            json_member_string(w, kinds[i].member, slice_from(who, kinds[i].prefix.len));
            return;
        }
    }
    json_member_string(w, SLICE("key"), who);
}

static bool write_limit(const struct arguments *arguments, struct buf *body)
{
    struct json_writer w;
    json_writer_init(&w, body);
    json_begin_object(&w);
    write_subject(slice_from_cstr(arguments->words[0]), &w);
    member_value(arguments, "org", "organisation", &w);
    member_value(arguments, "model", "model", &w);
    if (arguments_given(arguments, "clear")) {
        json_member_bool(&w, SLICE("clear"), true);
    }
    bool ok = key_write_limits(arguments, &w);
    json_end_object(&w);
    return ok;
}

static int print_limit(const struct arguments *arguments, struct buf *answer)
{
    struct told told;
    told_begin(&told, answer);
    struct slice kind = told_text(&told, SLICE("kind"));
    struct slice name = told_text(&told, SLICE("name"));
    bool made = json_is(&told.doc, json_member(&told.doc, JSON_ROOT, SLICE("made")), JSON_TRUE);
    if (!arguments_given(arguments, "json")) {
        say("The limits of the %.*s \"%.*s\" are changed%s.", SLICE_ARG(kind), SLICE_ARG(name),
            made ? "; nobody had that name before" : "");
    }
    told_end(&told);
    return print_answer(arguments, answer);
}

static int key_limit_run(int argc, char **argv)
{
    struct arguments arguments;
    struct buf body = BUF_INIT(BODY_BYTES_MAX);
    struct buf answer = BUF_INIT(BODY_BYTES_MAX);
    int code;
    if (!arguments_begin(&key_limit_command, argc, argv, &arguments, &code)) {
        return code;
    }
    code = write_limit(&arguments, &body)
               ? key_change(&arguments, KEY_OPERATION_LIMIT, buf_slice(&body), &answer)
               : EXIT_CODE_USAGE;
    if (code == EXIT_CODE_OK) {
        code = print_limit(&arguments, &answer);
    }
    release_answer(&answer);
    release_answer(&body);
    return code;
}

/* --- rows --------------------------------------------------------------------------------------
 */

#define LIMIT_ARGUMENTS                                                                            \
    {.name = "cap-usd", .value = "USD", .help = "most that may be spent; 0: nothing"},             \
        {.name = "per",                                                                            \
         .value = "PERIOD",                                                                        \
         .choices = "day|week|month|total",                                                        \
         .help = "what the cap is for; total unless given"},                                       \
        {.name = "rolling", .value = "TIME", .help = "the cap is for the last 24h, 7d ..."},       \
        {.name = "soft", .help = "the cap warns and does not refuse"},                             \
        {.name = "rpm", .value = "N", .help = "requests per minute"},                              \
        {.name = "tpm", .value = "N", .help = "tokens per minute"},                                \
        {.name = "parallel", .value = "N", .help = "requests at the same time"},                   \
        {.name = "max-request-usd", .value = "USD", .help = "most that one request may cost"},     \
    {                                                                                              \
        .name = "pace", .value = "WHETHER", .choices = "on|off",                                   \
        .help = "near a cap, take cheaper tiers"                                                   \
    }

static const struct argument create_arguments[] = {
    ARGUMENT_CONFIG,
    ARGUMENT_JSON,
    {.name = "name", .letter = 'n', .value = "NAME", .help = "what reports call it"},
    {.name = "expires", .value = "TIME", .help = "it ends after 12h, 30d, 8w"},
    {.name = "user", .value = "NAME", .help = "the user it belongs to"},
    {.name = "team", .value = "NAME", .help = "the team it belongs to"},
    {.name = "org", .value = "NAME", .help = "the organisation it belongs to"},
    LIMIT_ARGUMENTS,
    {.name = "route", .value = "NAME", .many = true, .help = "a route it may use, and no other"},
    {.name = "target", .value = "NAME", .many = true, .help = "a target it may use, and no other"},
    {.name = "model",
     .value = "NAME",
     .many = true,
     .help = "a name it may ask for, and no other; gpt-* for all that begin so"},
    {.name = "origin",
     .value = "URL",
     .many = true,
     .help = "web pages of this origin may use it, and no others"},
    {.name = "tag", .value = "TEXT", .many = true, .help = "a label"},
    {.name = "admin", .help = "it administers within these limits, and calls no models"},
};
static const struct argument list_arguments[] = {ARGUMENT_CONFIG, ARGUMENT_JSON};
static const struct argument revoke_arguments[] = {
    ARGUMENT_CONFIG,
    ARGUMENT_JSON,
    {.name = "token",
     .value = "JTI",
     .help = "a token, by its id or as a whole; -: from standard input"},
    {.name = "expires", .value = "TIME", .help = "with --token: the token ends so soon, e.g. 24h"},
};
static const struct argument rotate_arguments[] = {
    ARGUMENT_CONFIG,
    ARGUMENT_JSON,
    {.name = "overlap", .value = "TIME", .help = "old secrets open so long; 24h unless given"},
};
static const struct argument limit_arguments[] = {
    ARGUMENT_CONFIG,
    ARGUMENT_JSON,
    {.name = "org", .value = "NAME", .help = "of which organisation the user or team is"},
    {.name = "model", .value = "NAME", .help = "limits of this route or target only"},
    {.name = "clear", .help = "first take all limits away"},
    LIMIT_ARGUMENTS,
};

const struct command key_create_command = {
    .name = "key create",
    .summary = "make a client key",
    .example = "sluice key create --name alice\n"
               "sluice key create --name ci --cap-usd 20 --per month --rpm 60 --expires 90d\n"
               "export SLUICE_KEY=$(sluice key create --name ci)\n",
    .details = "The key goes to standard output, once. A running server knows it then.\n"
               "Of routes, targets, models and origins those are allowed that are named; all where "
               "none is.",
    .arguments = create_arguments,
    .argument_count = ARRAY_LEN(create_arguments),
    .run = key_create_run,
};

const struct command key_list_command = {
    .name = "key list",
    .summary = "list the client keys",
    .example = "sluice key list\nsluice key list --json\n",
    .arguments = list_arguments,
    .argument_count = ARRAY_LEN(list_arguments),
    .run = key_list_run,
};

const struct command key_revoke_command = {
    .name = "key revoke",
    .summary = "end a client key, or a token of the identity provider",
    .example = "sluice key revoke alice\necho \"$LEAKED\" | sluice key revoke -\n"
               "echo \"$TOKEN\" | sluice key revoke --token -\n",
    .details =
        "WHICH is an id, a name, a prefix or the key itself; -: from standard input.\n"
        "--token ends one token by its id (its jti claim), or by the whole token. Its id is\n"
        "kept until the token ends: a whole token says when, else --expires does, else for\n"
        "good. When the command returns, a running server takes it no more.",
    .arguments = revoke_arguments,
    .argument_count = ARRAY_LEN(revoke_arguments),
    .words = "[WHICH]",
    .words_min = 0,
    .words_max = 1,
    .run = key_revoke_run,
};

const struct command key_rotate_command = {
    .name = "key rotate",
    .summary = "give a client key a new secret",
    .example = "sluice key rotate alice\nsluice key rotate alice --overlap 0s\n",
    .details = "The key keeps its name, limits and spend.\n"
               "The old secret opens until the overlap is over; the new one goes to standard "
               "output, once.",
    .arguments = rotate_arguments,
    .argument_count = ARRAY_LEN(rotate_arguments),
    .words = "WHICH",
    .words_min = 1,
    .words_max = 1,
    .run = key_rotate_run,
};

const struct command key_limit_command = {
    .name = "key limit",
    .summary = "change the limits of a key, user, team or organisation",
    .example = "sluice key limit key:alice --cap-usd 50 --per month\n"
               "sluice key limit team:research --org acme --cap-usd 500 --per week\n"
               "sluice key limit alice --rpm none\n"
               "sluice key limit user:bob --model gpt4 --parallel 2\n",
    .details = "WHO is key:WHICH, user:NAME, team:NAME or org:NAME.\n"
               "Only what is named changes; \"none\" takes a limit away, for a cap the one of its "
               "period.",
    .arguments = limit_arguments,
    .argument_count = ARRAY_LEN(limit_arguments),
    .words = "WHO",
    .words_min = 1,
    .words_max = 1,
    .run = key_limit_run,
};

const struct command key_acknowledge_command = {
    .name = "key acknowledge",
    .summary = "let a key go on that was blocked by an overrun",
    .example = "sluice key acknowledge alice\n",
    .details = "A provider charged more than could be foreseen: the key is blocked until somebody "
               "has looked at it.",
    .arguments = list_arguments,
    .argument_count = ARRAY_LEN(list_arguments),
    .words = "WHICH",
    .words_min = 1,
    .words_max = 1,
    .run = key_acknowledge_run,
};

const struct command key_reseal_command = {
    .name = "key reseal",
    .summary = "take the tables of the keys as they are, after an edit or damage",
    .example = "sluice key reseal\n",
    .details = "What another program changed in them is not trusted: calls below it are refused "
               "with key_damaged.\n"
               "Look first (sluice ledger verify, sluice key list) and put right what is wrong.",
    .arguments = list_arguments,
    .argument_count = ARRAY_LEN(list_arguments),
    .run = key_reseal_run,
};
