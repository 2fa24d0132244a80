/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE /* explicit_bzero */
#include "cli/key_change.h"

#include "cli/admin_client.h"
#include "cli/cluster_link.h"
#include "cli/load.h"
#include "cli/terminal.h"
#include "codec/json.h"
#include "store/keys.h"

#include <stdio.h>
#include <unistd.h>

/* --- limits ------------------------------------------------------------------------------------
 */

static bool is_none(const char *value)
{
    return strcmp(value, "none") == 0;
}

/* A number, null for "none", and what is neither as a string, for the reader to refuse. */
static void member_number(const struct arguments *arguments, const char *flag, const char *member,
                          struct json_writer *w)
{
    const char *value = arguments_value(arguments, flag);
    uint64_t number;
    if (value == NULL) {
        return;
    }
    json_key(w, slice_from_cstr(member));
    if (is_none(value)) {
        json_write_null(w);
    } else if (slice_to_u64(slice_from_cstr(value), &number) && number <= INT64_MAX) {
        json_write_int(w, (int64_t)number);
    } else {
        json_write_string(w, slice_from_cstr(value));
    }
}

static void write_amount(const char *member, const char *value, struct json_writer *w)
{
    json_key(w, slice_from_cstr(member));
    if (is_none(value)) {
        json_write_null(w);
    } else {
        json_write_string(w, slice_from_cstr(value));
    }
}

static bool write_cap(const struct arguments *arguments, struct json_writer *w)
{
    const char *amount = arguments_value(arguments, "cap-usd");
    const char *per = arguments_value(arguments, "per");
    const char *window = arguments_value(arguments, "rolling");
    if (amount == NULL) {
        if (per != NULL || window != NULL || arguments_given(arguments, "soft")) {
            arguments_refuse(arguments, "--per, --rolling and --soft belong to --cap-usd");
            return false;
        }
        return true;
    }
    if (per != NULL && window != NULL) {
        arguments_refuse(arguments, "a cap is --per a period or --rolling, not both");
        return false;
    }
    json_key(w, SLICE("caps"));
    json_begin_array(w);
    json_begin_object(w);
    write_amount("usd", amount, w);
    json_member_string(w, SLICE("per"),
                       slice_from_cstr(window != NULL ? "rolling"
                                       : per == NULL  ? "total"
                                                      : per));
    if (window != NULL) {
        json_member_string(w, SLICE("window"), slice_from_cstr(window));
    }
    if (arguments_given(arguments, "soft")) {
        json_member_bool(w, SLICE("soft"), true);
    }
    json_end_object(w);
    json_end_array(w);
    return true;
}

bool key_write_limits(const struct arguments *arguments, struct json_writer *w)
{
    const char *amount = arguments_value(arguments, "max-request-usd");
    const char *pace = arguments_value(arguments, "pace");
    if (!write_cap(arguments, w)) {
        return false;
    }
    member_number(arguments, "rpm", "requests_per_minute", w);
    member_number(arguments, "tpm", "tokens_per_minute", w);
    member_number(arguments, "parallel", "parallel", w);
    if (amount != NULL) {
        write_amount("max_request_usd", amount, w);
    }
    if (pace != NULL) {
        json_member_bool(w, SLICE("pace"), strcmp(pace, "on") == 0);
    }
    return true;
}

static void put_number(struct buf *out, int64_t value, const char *what)
{
    if (value != LIMIT_NONE) {
        buf_append_cstr(out, out->len > 0 ? ", " : "");
        put_count(out, value);
        buf_printf(out, " %s", what);
    }
}

static void put_cap(struct buf *out, const struct spend_cap *cap)
{
    static const char *const periods[CAP_PERIODS] = {
        [CAP_TOTAL] = "in total",
        [CAP_DAY] = "a day",
        [CAP_WEEK] = "a week",
        [CAP_MONTH] = "a month",
    };
    buf_append_cstr(out, out->len > 0 ? ", " : "");
    put_usd(out, cap->amount_nd);
    if (cap->period == CAP_ROLLING) {
        bool days = cap->window_s % 86400 == 0;
        buf_printf(out, " in any %lld %s",
                   (long long)(days ? cap->window_s / 86400 : (cap->window_s + 59) / 60),
                   days ? "days" : "minutes");
    } else {
        buf_printf(out, " %s", periods[cap->period]);
    }
    buf_append_cstr(out, cap->soft ? " (soft)" : "");
}

void key_put_limits(const struct scope_limits *limits, struct buf *out)
{
    struct buf text = BUF_INIT(4096);
    for (size_t i = 0; i < limits->cap_count; i++) {
        put_cap(&text, &limits->caps[i]);
    }
    put_number(&text, limits->requests_per_minute, "requests/min");
    put_number(&text, limits->tokens_per_minute, "tokens/min");
    put_number(&text, limits->parallel, "parallel");
    if (limits->max_request_nd != LIMIT_NONE) {
        buf_append_cstr(&text, text.len > 0 ? ", " : "");
        put_usd(&text, limits->max_request_nd);
        buf_append_cstr(&text, " a request");
    }
    if (limits->pace) {
        buf_append_cstr(&text, text.len > 0 ? ", paced" : "paced");
    }
    buf_append(out, text.len > 0 ? buf_slice(&text) : SLICE("none"));
    buf_release(&text);
}

/* --- doing it ----------------------------------------------------------------------------------
 */

static const char *const paths[KEY_OPERATIONS] = {
    [KEY_OPERATION_CREATE] = "/sluice/v1/keys",
    [KEY_OPERATION_REVOKE] = "/sluice/v1/keys/revoke",
    [KEY_OPERATION_ROTATE] = "/sluice/v1/keys/rotate",
    [KEY_OPERATION_ACKNOWLEDGE] = "/sluice/v1/keys/acknowledge",
    [KEY_OPERATION_LIMIT] = "/sluice/v1/limits",
    [KEY_OPERATION_RESEAL] = "/sluice/v1/keys/reseal",
};

/* A mistake in what was typed, by the code that says so. */
static int say_refusal(const struct arguments *arguments, struct slice code, struct slice text)
{
    bool typed = slice_starts(code, SLICE("bad_"));
    say("sluice %s: %.*s (%.*s)", arguments->command->name, SLICE_ARG(text), SLICE_ARG(code));
    return typed ? EXIT_CODE_USAGE : EXIT_CODE_FAILED;
}

static int refused_by_server(const struct arguments *arguments, struct slice body)
{
    struct json_doc doc;
    struct arena arena;
    arena_init(&arena, 1u << 20);
    json_doc_init(&doc);
    bool ok = json_parse(&doc, body, NULL, NULL);
    struct slice text =
        ok ? json_string(&doc, json_path(&doc, JSON_ROOT, "error.message"), &arena) : SLICE_EMPTY;
    struct slice word =
        ok ? json_string(&doc, json_path(&doc, JSON_ROOT, "error.code"), &arena) : SLICE_EMPTY;
    int code = say_refusal(arguments, word.len > 0 ? word : SLICE("admin_failed"),
                           text.len > 0 ? text : SLICE("the running server refused"));
    json_doc_release(&doc);
    arena_release(&arena);
    return code;
}

static int refused_here(const struct arguments *arguments, const struct error *error)
{
    struct buf text = BUF_INIT(1024);
    buf_printf(&text, "%s%s%s", error->pointer, error->pointer[0] != '\0' ? ": " : "", error->text);
    int code = say_refusal(arguments, slice_from_cstr(error->code), buf_slice(&text));
    buf_release(&text);
    return code;
}

static int change_here(const struct arguments *arguments, enum key_operation operation,
                       const struct ledger_place *place, struct slice body, struct buf *answer)
{
    struct error error;
    struct key_result result;
    struct cluster_link link;
    char actor[32];
    snprintf(actor, sizeof(actor), "local:%ld", (long)getuid());
    if (!cluster_link_open(&link, place, &error)) {
        return refused_here(arguments, &error);
    }
    const struct key_request request = {
        .operation = operation,
        .ledger = place->path,
        .clock = &clock_system,
        .body = body,
        .actor = slice_from_cstr(actor),
        .source = SLICE("cli"),
        .share = link.share,
    };
    bool ok = load_make_directory(place->path, &error) && key_api_change(&request, &result, &error);
    cluster_link_close(&link);
    struct key_set *set = ok ? key_set_load(place->path, &error) : NULL;
    if (set == NULL) {
        return refused_here(arguments, &error);
    }
    key_api_write_result(set, &result, clock_wall(&clock_system) / NS_PER_S, answer);
    key_set_unref(set);
    explicit_bzero(&result, sizeof(result));
    return EXIT_CODE_OK;
}

static int change_at(const struct arguments *arguments, enum key_operation operation,
                     const struct ledger_place *place, struct slice body, struct buf *answer)
{
    char socket_path[LOAD_PATH_SIZE];
    struct admin_answer said;
    struct error error;
    int code = EXIT_CODE_OK;
    if (!admin_socket_path(place->path, socket_path, sizeof(socket_path))) {
        return change_here(arguments, operation, place, body, answer);
    }
    if (!admin_ask(socket_path, slice_from_cstr(paths[operation]), body, &said, &error)) {
        if (strcmp(error.code, "no_server") != 0) {
            return say_error(arguments->command->name, &error);
        }
        return change_here(arguments, operation, place, body, answer);
    }
    if (said.status == 200) {
        buf_append(answer, said.body);
    } else {
        code = refused_by_server(arguments, said.body);
    }
    explicit_bzero(said.text.ptr, said.text.len);
    buf_release(&said.text);
    return code;
}

int key_change(const struct arguments *arguments, enum key_operation operation, struct slice body,
               struct buf *answer)
{
    struct ledger_place place;
    int code =
        load_ledger_place(arguments->command->name, arguments_value(arguments, "config"), &place);
    if (code == EXIT_CODE_OK) {
        code = change_at(arguments, operation, &place, body, answer);
        ledger_place_release(&place);
    }
    return code;
}
