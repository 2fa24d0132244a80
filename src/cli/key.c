/* SPDX-License-Identifier: Apache-2.0 */
/* sluice key: client keys in the ledger. A running server notices changes by itself. */
#define _GNU_SOURCE /* explicit_bzero */
#include "base/clock.h"
#include "cli/admin_client.h"
#include "cli/arguments.h"
#include "cli/load.h"
#include "cli/rows.h"
#include "cli/table.h"
#include "cli/terminal.h"
#include "codec/json.h"
#include "codec/json_write.h"
#include "gateway/rows_json.h"
#include "store/key_change.h"

#include <stdio.h>
#include <time.h>

#define NAMES_TRIED 1000
#define WAIT_STEP_MS 10
#define WAIT_STEPS 100

static const struct table_column columns[] = {
    {"ID", true}, {"NAME", false}, {"KEY", false}, {"CREATED", false}, {"STATE", false}};

/* Does the server's list hold the key in this state? */
static bool listed(struct slice body, const struct key *key, bool in_force)
{
    bool found = false;
    struct json_doc doc;
    json_doc_init(&doc);
    uint32_t list = json_parse(&doc, body, NULL, NULL) ? json_member(&doc, JSON_ROOT, SLICE("keys"))
                                                       : JSON_ABSENT;
    if (json_is(&doc, list, JSON_ARRAY)) {
        for (uint32_t i = json_first(&doc, list); i != JSON_ABSENT && !found;
             i = json_next(&doc, list, i)) {
            int64_t id = 0;
            bool force = !in_force;
            found = json_int64(&doc, json_member(&doc, i, SLICE("id")), &id) &&
                    id == (int64_t)key->id &&
                    json_bool(&doc, json_member(&doc, i, SLICE("in_force")), &force) &&
                    force == in_force;
        }
    }
    json_doc_release(&doc);
    return found;
}

/* A script uses the key at once, or counts on its end: when a server runs, it is asked until it
 * knows, for WAIT_STEPS at most. */
static void wait_for_server(const char *ledger, const struct key *key, bool in_force)
{
    const struct timespec step = {.tv_nsec = WAIT_STEP_MS * NS_PER_MS};
    char socket_path[LOAD_PATH_SIZE];
    if (!admin_socket_path(ledger, socket_path, sizeof(socket_path))) {
        return;
    }
    for (int i = 0; i < WAIT_STEPS; i++) {
        struct admin_answer answer;
        struct error error;
        if (!admin_ask(socket_path, SLICE("/sluice/v1/keys"), SLICE_EMPTY, &answer, &error)) {
            return;
        }
        bool known = answer.status == 200 && listed(answer.body, key, in_force);
        buf_release(&answer.text);
        if (known) {
            return;
        }
        nanosleep(&step, NULL);
    }
}

static struct key_actor local_actor(void)
{
    return (struct key_actor){
        .name = SLICE("local"), .source = SLICE("cli"), .wall_ns = clock_wall(&clock_system)};
}

/* "default", then "key-2" and so on when no name was given. */
static bool create_named(const char *path, const char *name, int64_t expires_s,
                         char secret[KEY_TEXT_SIZE], struct key *key, struct error *error)
{
    char made[32] = "default";
    const struct key_actor local = local_actor();
    for (int i = 2; i < NAMES_TRIED; i++) {
        struct key_order order = {.name = slice_from_cstr(name != NULL ? name : made),
                                  .expires_s = expires_s};
        if (key_create(path, &order, &local, secret, key, error)) {
            return true;
        }
        if (name != NULL || strcmp(error->code, "key_exists") != 0) {
            return false;
        }
        snprintf(made, sizeof(made), "key-%d", i);
    }
    return false;
}

static int print_created(const struct arguments *arguments, const char *secret,
                         const struct key *key)
{
    struct buf out = BUF_INIT(4096);
    if (arguments_given(arguments, "json")) {
        struct json_writer w;
        json_writer_init(&w, &out);
        json_begin_object(&w);
        json_member_string(&w, SLICE("key"), slice_from_cstr(secret));
        json_member_int(&w, SLICE("id"), (int64_t)key->id);
        json_member_string(&w, SLICE("name"), slice_from_cstr(key->name));
        json_member_string(&w, SLICE("prefix"), slice_from_cstr(key->prefix));
        json_end_object(&w);
    } else {
        buf_append_cstr(&out, secret);
    }
    buf_append_char(&out, '\n');
    say("Key \"%s\" (%s...) is made. It is shown this once: only a digest of it is stored.",
        key->name, key->prefix);
    return print_data(&out);
}

static int key_create_run(int argc, char **argv)
{
    struct arguments arguments;
    struct error error;
    struct key key;
    char secret[KEY_TEXT_SIZE];
    char path[LOAD_PATH_SIZE];
    int64_t lifetime = 0;
    int code;
    if (!arguments_begin(&key_create_command, argc, argv, &arguments, &code)) {
        return code;
    }
    const char *expires = arguments_value(&arguments, "expires");
    if (expires != NULL && (!parse_days(expires, &lifetime) || lifetime == 0)) {
        return arguments_refuse(&arguments, "--expires is a time such as 12h, 30d or 8w");
    }
    code = load_ledger_path("key create", arguments_value(&arguments, "config"), path);
    if (code != EXIT_CODE_OK) {
        return code;
    }
    int64_t now_s = clock_wall(&clock_system) / NS_PER_S;
    if (!load_make_directory(path, &error) ||
        !create_named(path, arguments_value(&arguments, "name"),
                      lifetime == 0 ? 0 : now_s + lifetime, secret, &key, &error)) {
        return say_error("key create", &error);
    }
    wait_for_server(path, &key, true);
    code = print_created(&arguments, secret, &key);
    explicit_bzero(secret, sizeof(secret));
    return code;
}

static const char *state_of(const struct key *key, int64_t now_s)
{
    if (key->revoked_s != 0) {
        return "revoked";
    }
    return key->expires_s != 0 && key->expires_s <= now_s ? "expired" : "in force";
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
        table_cstr(&table, state_of(key, now_s));
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
        json_write_keys(keys, &out);
        buf_append_char(&out, '\n');
    } else if (key_set_count(keys) == 0) {
        say("There are no keys. Make one: sluice key create --name NAME");
    } else {
        write_keys(keys, &out);
    }
    key_set_unref(keys);
    return print_data(&out);
}

/* "-" reads it from standard input, so that a secret need not be an argument that others can see.
 */
static bool read_which(const char *word, struct buf *out, struct error *error)
{
    if (strcmp(word, "-") == 0) {
        return read_input("-", out, error);
    }
    return buf_append_cstr(out, word);
}

static int key_revoke_run(int argc, char **argv)
{
    struct arguments arguments;
    struct error error;
    struct key key;
    char path[LOAD_PATH_SIZE];
    struct buf which = BUF_INIT(1u << 17);
    int code;
    if (!arguments_begin(&key_revoke_command, argc, argv, &arguments, &code)) {
        return code;
    }
    code = load_ledger_path("key revoke", arguments_value(&arguments, "config"), path);
    if (code != EXIT_CODE_OK) {
        return code;
    }
    const struct key_actor local = local_actor();
    bool ok = read_which(arguments.words[0], &which, &error) &&
              key_revoke(path, slice_trim(buf_slice(&which)), &local, &key, &error);
    buf_release(&which);
    if (!ok) {
        return say_error("key revoke", &error);
    }
    wait_for_server(path, &key, false);
    if (!arguments_given(&arguments, "json")) {
        say("Key \"%s\" (%s...) is revoked.", key.name, key.prefix);
        return EXIT_CODE_OK;
    }
    struct buf out = BUF_INIT(4096);
    struct json_writer w;
    json_writer_init(&w, &out);
    json_begin_object(&w);
    json_member_int(&w, SLICE("revoked"), (int64_t)key.id);
    json_member_string(&w, SLICE("name"), slice_from_cstr(key.name));
    json_end_object(&w);
    buf_append_char(&out, '\n');
    return print_data(&out);
}

static const struct argument create_arguments[] = {
    ARGUMENT_CONFIG,
    ARGUMENT_JSON,
    {.name = "name", .letter = 'n', .value = "NAME", .help = "what reports call it"},
    {.name = "expires", .value = "TIME", .help = "it ends after 12h, 30d, 8w"},
};
static const struct argument list_arguments[] = {ARGUMENT_CONFIG, ARGUMENT_JSON};

const struct command key_create_command = {
    .name = "key create",
    .summary = "make a client key",
    .example = "sluice key create --name alice\nexport SLUICE_KEY=$(sluice key create --name ci)\n",
    .details = "The key goes to standard output, once. A running server knows it then.",
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
    .summary = "end a client key",
    .example = "sluice key revoke alice\necho \"$LEAKED\" | sluice key revoke -\n",
    .details = "WHICH is an id, a name, a prefix or the key itself; -: from standard input.",
    .arguments = list_arguments,
    .argument_count = ARRAY_LEN(list_arguments),
    .words = "WHICH",
    .words_min = 1,
    .words_max = 1,
    .run = key_revoke_run,
};
