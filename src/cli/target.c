/* SPDX-License-Identifier: Apache-2.0 */
/* sluice target: targets of the running server with health and statistics, and the run-time switch.
 */
#include "cli/admin_client.h"
#include "cli/arguments.h"
#include "cli/load.h"
#include "cli/rows.h"
#include "cli/table.h"
#include "cli/terminal.h"
#include "codec/json.h"

#define SCALE_ND 9
#define TEXT_ARENA (64u << 20)

static const struct table_column columns[] = {
    {"TARGET", false},   {"STATUS", false},   {"TIER", false},     {"CALLS", true},
    {"FAILED", true},    {"IN FLIGHT", true}, {"FIRST P50", true}, {"P90", true},
    {"TOTAL P50", true}, {"P90", true},       {"SPEND", true},
};

/* An answer with another status than 200 becomes its message. */
static int say_refused(const char *command, const struct admin_answer *answer)
{
    struct json_doc doc;
    struct arena arena;
    struct buf text = BUF_INIT(4096);
    arena_init(&arena, TEXT_ARENA);
    json_doc_init(&doc);
    if (json_parse(&doc, answer->body, NULL, NULL)) {
        uint32_t message = json_path(&doc, JSON_ROOT, "error.message");
        if (message != JSON_ABSENT) {
            put_harmless(&text, json_string(&doc, message, &arena));
        }
    }
    say("sluice %s: %.*s (status %d)", command, SLICE_ARG(buf_slice(&text)), answer->status);
    buf_release(&text);
    json_doc_release(&doc);
    arena_release(&arena);
    return EXIT_CODE_FAILED;
}

/* Asks the server of this configuration. On EXIT_CODE_OK the answer's text must be released. */
static int ask(const struct arguments *arguments, struct slice path, struct slice body,
               struct admin_answer *answer)
{
    const char *command = arguments->command->name;
    char ledger[LOAD_PATH_SIZE];
    char socket_path[LOAD_PATH_SIZE];
    struct error error;
    int code = load_ledger_path(command, arguments_value(arguments, "config"), ledger);
    if (code != EXIT_CODE_OK) {
        return code;
    }
    if (!admin_socket_path(ledger, socket_path, sizeof(socket_path))) {
        say("sluice %s: the ledger's path is too long for an admin socket beside it", command);
        return EXIT_CODE_FAILED;
    }
    if (!admin_ask(socket_path, path, body, answer, &error)) {
        return say_error(command, &error);
    }
    if (answer->status != 200) {
        code = say_refused(command, answer);
        buf_release(&answer->text);
    }
    return code;
}

static int64_t number(const struct json_doc *doc, uint32_t object, struct slice name)
{
    int64_t value = 0;
    return json_int64(doc, json_member(doc, object, name), &value) ? value : 0;
}

static void put_ms(struct table *table, int64_t ms)
{
    if (ms < 0) {
        table_cstr(table, "-");
    } else {
        table_printf(table, "%lld ms", (long long)ms);
    }
}

static void put_target(struct table *table, const struct json_doc *doc, uint32_t target,
                       struct arena *arena)
{
    int64_t cost_nd = 0;
    if (!json_scaled(doc, json_member(doc, target, SLICE("cost_usd")), SCALE_ND, &cost_nd)) {
        cost_nd = 0;
    }
    table_put(table, json_string(doc, json_member(doc, target, SLICE("name")), arena));
    table_put(table, json_string(doc, json_member(doc, target, SLICE("status")), arena));
    table_put(table, json_string(doc, json_member(doc, target, SLICE("tier")), arena));
    table_count(table, number(doc, target, SLICE("requests")));
    table_count(table, number(doc, target, SLICE("failures")));
    table_count(table, number(doc, target, SLICE("in_flight")));
    put_ms(table, number(doc, target, SLICE("first_byte_p50_ms")));
    put_ms(table, number(doc, target, SLICE("first_byte_p90_ms")));
    put_ms(table, number(doc, target, SLICE("total_p50_ms")));
    put_ms(table, number(doc, target, SLICE("total_p90_ms")));
    table_usd(table, cost_nd);
}

static bool write_targets(struct slice body, struct buf *out)
{
    struct json_doc doc;
    struct arena arena;
    struct table table;
    arena_init(&arena, TEXT_ARENA);
    json_doc_init(&doc);
    bool ok = json_parse(&doc, body, NULL, NULL);
    uint32_t list = ok ? json_member(&doc, JSON_ROOT, SLICE("targets")) : JSON_ABSENT;
    ok = ok && json_is(&doc, list, JSON_ARRAY);
    table_init(&table, columns, ARRAY_LEN(columns));
    for (uint32_t i = ok ? json_first(&doc, list) : JSON_ABSENT; i != JSON_ABSENT;
         i = json_next(&doc, list, i)) {
        if (json_is(&doc, i, JSON_OBJECT)) {
            put_target(&table, &doc, i, &arena);
        }
    }
    table_write(&table, 0, out);
    table_release(&table);
    json_doc_release(&doc);
    arena_release(&arena);
    return ok;
}

static int target_list_run(int argc, char **argv)
{
    struct arguments arguments;
    struct admin_answer answer;
    struct buf out = BUF_INIT(DATA_BYTES_MAX);
    int code;
    if (!arguments_begin(&target_list_command, argc, argv, &arguments, &code)) {
        return code;
    }
    code = ask(&arguments, SLICE("/sluice/v1/targets"), SLICE_EMPTY, &answer);
    if (code != EXIT_CODE_OK) {
        return code;
    }
    if (arguments_given(&arguments, "json")) {
        buf_append(&out, answer.body);
        buf_append_char(&out, '\n');
    } else if (!write_targets(answer.body, &out)) {
        say("sluice target list: the running server gave no list of targets");
        code = EXIT_CODE_FAILED;
    }
    buf_release(&answer.text);
    int printed = print_data(&out);
    return code != EXIT_CODE_OK ? code : printed;
}

/* Names go into the path as they stand; the few bytes that a path cannot carry cannot be in a name
 * that works there. */
static bool name_fits_path(struct slice name)
{
    for (size_t i = 0; i < name.len; i++) {
        unsigned char c = (unsigned char)name.ptr[i];
        if (c <= ' ' || c >= 0x7f || strchr("%?#\"<>\\^`{|}", c) != NULL) {
            return false;
        }
    }
    return name.len > 0 && name.len < 256;
}

static int target_switch(const struct command *command, int argc, char **argv, bool on)
{
    struct arguments arguments;
    struct admin_answer answer;
    struct buf path = BUF_INIT(4096);
    struct buf out = BUF_INIT(4096);
    int code;
    if (!arguments_begin(command, argc, argv, &arguments, &code)) {
        return code;
    }
    const char *name = arguments.words[0];
    if (!name_fits_path(slice_from_cstr(name))) {
        return arguments_refuse(&arguments, "\"%.64s\" cannot be a target's name here", name);
    }
    buf_printf(&path, "/sluice/v1/targets/%s", name);
    code = ask(&arguments, buf_slice(&path), on ? SLICE("{\"on\":true}") : SLICE("{\"on\":false}"),
               &answer);
    buf_release(&path);
    if (code != EXIT_CODE_OK) {
        return code;
    }
    if (arguments_given(&arguments, "json")) {
        buf_append(&out, answer.body);
        buf_append_char(&out, '\n');
    } else {
        say("Target %s is %s until the server ends.", name, on ? "on" : "off");
    }
    buf_release(&answer.text);
    return print_data(&out);
}

static int target_on_run(int argc, char **argv)
{
    return target_switch(&target_on_command, argc, argv, true);
}

static int target_off_run(int argc, char **argv)
{
    return target_switch(&target_off_command, argc, argv, false);
}

static const struct argument target_arguments[] = {ARGUMENT_CONFIG, ARGUMENT_JSON};

const struct command target_list_command = {
    .name = "target list",
    .summary = "show the running server's targets with health and statistics",
    .example = "sluice target list\nsluice target list --json\n",
    .arguments = target_arguments,
    .argument_count = ARRAY_LEN(target_arguments),
    .run = target_list_run,
};

const struct command target_on_command = {
    .name = "target on",
    .summary = "let the running server use a target again",
    .example = "sluice target on haiku\n",
    .arguments = target_arguments,
    .argument_count = ARRAY_LEN(target_arguments),
    .words = "NAME",
    .words_min = 1,
    .words_max = 1,
    .run = target_on_run,
};

const struct command target_off_command = {
    .name = "target off",
    .summary = "keep the running server from using a target",
    .example = "sluice target off haiku\n",
    .details = "Calls under way are not touched. After a restart the configuration decides again.",
    .arguments = target_arguments,
    .argument_count = ARRAY_LEN(target_arguments),
    .words = "NAME",
    .words_min = 1,
    .words_max = 1,
    .run = target_off_run,
};
