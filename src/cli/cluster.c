/* SPDX-License-Identifier: Apache-2.0 */
/* sluice cluster: the nodes behind one PostgreSQL, and this one's place among them. */
#include "base/clock.h"
#include "cli/admin_client.h"
#include "cli/arguments.h"
#include "cli/cluster_link.h"
#include "cli/rows.h"
#include "cli/table.h"
#include "cli/terminal.h"
#include "codec/json_write.h"

#include <stdio.h>

#define STATUS_ARENA (1u << 20)

/* False: *ret_code is how it ends, with --help as well as it can. True: the link is open. */
static bool begin(const struct command *command, int argc, char **argv, struct arguments *arguments,
                  struct cluster_link *link, int *ret_code)
{
    struct ledger_place place;
    struct error error;
    if (!arguments_begin(command, argc, argv, arguments, ret_code)) {
        return false;
    }
    *ret_code = load_ledger_place(command->name, arguments_value(arguments, "config"), &place);
    if (*ret_code != EXIT_CODE_OK) {
        return false;
    }
    if (place.postgres == NULL) {
        say("sluice %s: this node is in no cluster: cluster.postgres is not set", command->name);
        *ret_code = EXIT_CODE_CONFIG;
    } else if (!cluster_link_open(link, &place, &error)) {
        *ret_code = say_error(command->name, &error);
    }
    ledger_place_release(&place);
    return *ret_code == EXIT_CODE_OK;
}

/* --- status ------------------------------------------------------------------------------------
 */

static const char *state_of(const struct cluster_node *node)
{
    return node->live ? "live" : node->stopped ? "stopped" : "away";
}

static void put_age(struct table *table, int64_t us)
{
    int64_t s = us == 0 ? -1 : (clock_wall(&clock_system) / NS_PER_US - us) / 1000000;
    if (s < 0) {
        table_cstr(table, us == 0 ? "never" : "now");
    } else if (s < 120) {
        table_printf(table, "%lld s ago", (long long)s);
    } else {
        table_printf(table, "%lld min ago", (long long)(s / 60));
    }
}

/* What waits for a node, and what to do. */
struct wait_words {
    const char *name;
    const char *what;
    const char *live; /* what to do */
    const char *away;
};

#define LOOK_AT_ITS_LOG "Its log says why; restart it."
#define START_OR_REMOVE "Start it, or take it out with `sluice cluster remove`."
static const struct wait_words waits[CLUSTER_WAITS] = {
    [WAIT_KEYS_TAKEN] =
        {
            "keys_taken",
            "changes of the keys are answered late, and caps that are new grant nothing, until it "
            "has taken the last change",
            LOOK_AT_ITS_LOG,
            LOOK_AT_ITS_LOG,
        },
    [WAIT_KEYS_TOLD] =
        {
            "keys_told",
            "no key is changed until it has told what it knows: PostgreSQL was restored or failed "
            "over",
            LOOK_AT_ITS_LOG,
            START_OR_REMOVE,
        },
    [WAIT_CAPS_TOLD] =
        {
            "caps_told",
            "caps grant nothing until it has told what it spent: PostgreSQL may have forgotten it",
            LOOK_AT_ITS_LOG,
            START_OR_REMOVE,
        },
};

static const char *fix_of(const struct cluster_node *node, int wait)
{
    return node->live ? waits[wait].live : waits[wait].away;
}

static void write_waits(const struct cluster_node *node, struct buf *out)
{
    for (int i = 0; i < CLUSTER_WAITS; i++) {
        if (node->since_us[i] != 0) {
            int64_t s = (clock_wall(&clock_system) / NS_PER_US - node->since_us[i]) / 1000000;
            buf_printf(out, "\nWaited for %s, since %lld s: %s. %s\n", node->name,
                       (long long)(s < 0 ? 0 : s), waits[i].what, fix_of(node, i));
        }
    }
}

static void write_text(const struct cluster_status *status, struct buf *out)
{
    static const struct table_column columns[] = {
        {.title = "NODE"},
        {.title = "STATE"},
        {.title = "SEEN"},
        {.title = "KEYS BEHIND", .right = true},
        {.title = "SHIPPED"},
        {.title = "CALLS", .right = true},
        {.title = "SPEND", .right = true},
        {.title = "VERSION"},
    };
    struct table table;
    buf_printf(out, "Cluster %s, change %lld of the keys, %lld calls\n\n", status->cluster.id,
               (long long)status->key_head, (long long)status->calls);
    table_init(&table, columns, ARRAY_LEN(columns));
    for (size_t i = 0; i < status->count; i++) {
        const struct cluster_node *node = &status->nodes[i];
        table_cstr(&table, node->name);
        table_cstr(&table, state_of(node));
        put_age(&table, node->seen_us);
        table_count(&table, status->key_head - node->key_seq);
        put_age(&table, node->shipped_us);
        table_count(&table, node->calls);
        table_usd(&table, node->cost_nd);
        table_cstr(&table, node->version);
    }
    table_write(&table, 0, out);
    table_release(&table);
    for (size_t i = 0; i < status->count; i++) {
        write_waits(&status->nodes[i], out);
    }
}

static void member_time(struct json_writer *w, struct slice name, int64_t us)
{
    char text[CLOCK_TEXT_SIZE];
    json_key(w, name);
    if (us == 0) {
        json_write_null(w);
    } else {
        json_write_string(w, slice_from_cstr(clock_format(us * NS_PER_US, text)));
    }
}

static void write_node(struct json_writer *w, const struct cluster_status *status,
                       const struct cluster_node *node)
{
    json_begin_object(w);
    json_member_string(w, SLICE("name"), slice_from_cstr(node->name));
    json_member_string(w, SLICE("state"), slice_from_cstr(state_of(node)));
    member_time(w, SLICE("seen"), node->seen_us);
    json_member_int(w, SLICE("key_seq"), node->key_seq);
    json_member_int(w, SLICE("keys_behind"), status->key_head - node->key_seq);
    json_member_int(w, SLICE("shipped_batch"), node->shipped);
    member_time(w, SLICE("shipped"), node->shipped_us);
    json_member_int(w, SLICE("calls"), node->calls);
    json_member_scaled(w, SLICE("spend_usd"), node->cost_nd, 9);
    json_member_string(w, SLICE("version"), slice_from_cstr(node->version));
    json_key(w, SLICE("waited_for"));
    json_begin_array(w);
    for (int i = 0; i < CLUSTER_WAITS; i++) {
        if (node->since_us[i] != 0) {
            json_begin_object(w);
            json_member_string(w, SLICE("reason"), slice_from_cstr(waits[i].name));
            member_time(w, SLICE("since"), node->since_us[i]);
            json_member_string(w, SLICE("fix"), slice_from_cstr(fix_of(node, i)));
            json_end_object(w);
        }
    }
    json_end_array(w);
    json_end_object(w);
}

static void write_json(const struct cluster_status *status, struct buf *out)
{
    struct json_writer w;
    json_writer_init(&w, out);
    json_begin_object(&w);
    json_member_string(&w, SLICE("schema"), SLICE("sluice.cluster/1"));
    json_member_string(&w, SLICE("cluster"), slice_from_cstr(status->cluster.id));
    json_member_int(&w, SLICE("incarnation"), status->cluster.incarnation);
    json_member_int(&w, SLICE("key_seq"), status->key_head);
    json_member_int(&w, SLICE("calls"), status->calls);
    json_key(&w, SLICE("nodes"));
    json_begin_array(&w);
    for (size_t i = 0; i < status->count; i++) {
        write_node(&w, status, &status->nodes[i]);
    }
    json_end_array(&w);
    json_end_object(&w);
    buf_append_char(out, '\n');
}

static int cluster_status_run(int argc, char **argv)
{
    struct arguments arguments;
    struct cluster_link link;
    struct cluster_status status;
    struct arena arena;
    struct error error;
    struct buf out = BUF_INIT(DATA_BYTES_MAX);
    int code;
    if (!begin(&cluster_status_command, argc, argv, &arguments, &link, &code)) {
        return code;
    }
    arena_init(&arena, STATUS_ARENA);
    if (!cluster_status(link.reports, &arena, &status, &error)) {
        code = say_error("cluster status", &error);
    } else if (arguments_given(&arguments, "json")) {
        write_json(&status, &out);
        code = print_data(&out);
    } else {
        write_text(&status, &out);
        code = print_data(&out);
    }
    arena_release(&arena);
    cluster_link_close(&link);
    return code;
}

/* --- verify, remove --- */

static int cluster_verify_run(int argc, char **argv)
{
    struct arguments arguments;
    struct cluster_link link;
    struct error error;
    int code;
    if (!begin(&cluster_verify_command, argc, argv, &arguments, &link, &code)) {
        return code;
    }
    code = cluster_verify(link.reports, &error)
               ? print_done(&arguments, SLICE("sound"), "cluster",
                            "The cluster's ledger is sound: every call is the sum of its attempts, "
                            "and each node's sums are those of its calls.")
               : say_error("cluster verify", &error);
    cluster_link_close(&link);
    return code;
}

static int cluster_remove_run(int argc, char **argv)
{
    struct arguments arguments;
    struct cluster_link link;
    struct error error;
    int code;
    if (!begin(&cluster_remove_command, argc, argv, &arguments, &link, &code)) {
        return code;
    }
    code = cluster_remove(link.reports, slice_from_cstr(arguments.words[0]), &error)
               ? print_done(&arguments, SLICE("removed"), arguments.words[0],
                            "The node is out of the cluster; its name is free.")
               : say_error("cluster remove", &error);
    cluster_link_close(&link);
    return code;
}

/* --- forget ------------------------------------------------------------------------------------
 */

static bool server_runs(const char *ledger)
{
    char path[LOAD_PATH_SIZE];
    struct admin_answer answer;
    struct error error;
    if (!admin_socket_path(ledger, path, sizeof(path))) {
        return false;
    }
    if (admin_ask(path, SLICE("/sluice/v1/keys/none"), SLICE_EMPTY, &answer, &error)) {
        buf_release(&answer.text);
        return true;
    }
    return strcmp(error.code, "no_server") != 0;
}

static int cluster_forget_run(int argc, char **argv)
{
    struct arguments arguments;
    struct error error;
    char path[LOAD_PATH_SIZE];
    int code;
    if (!arguments_begin(&cluster_forget_command, argc, argv, &arguments, &code)) {
        return code;
    }
    code = load_ledger_path("cluster forget", arguments_value(&arguments, "config"), path);
    if (code != EXIT_CODE_OK) {
        return code;
    }
    if (server_runs(path)) {
        say("sluice cluster forget: the server runs: stop it first");
        return EXIT_CODE_FAILED;
    }
    if (!member_forget(path, arguments_given(&arguments, "keys"), &error)) {
        return say_error("cluster forget", &error);
    }
    return print_done(&arguments, SLICE("forgotten"), path,
                      "This node is in no cluster now; with cluster.postgres set it joins at its "
                      "next start.");
}

static const struct argument plain_arguments[] = {ARGUMENT_CONFIG, ARGUMENT_JSON};
static const struct argument forget_arguments[] = {
    ARGUMENT_CONFIG,
    ARGUMENT_JSON,
    {.name = "keys", .help = "drop this node's keys, for those of the cluster it will join"},
};

const struct command cluster_status_command = {
    .name = "cluster status",
    .summary = "show the nodes of the cluster: who lives, who is behind",
    .example = "sluice cluster status\nsluice cluster status --json\n",
    .arguments = plain_arguments,
    .argument_count = ARRAY_LEN(plain_arguments),
    .run = cluster_status_run,
};

const struct command cluster_verify_command = {
    .name = "cluster verify",
    .summary = "check that the sums of the cluster's ledger hold",
    .example = "sluice cluster verify\n",
    .details = "Reads what all nodes have shipped to PostgreSQL; they may go on meanwhile.",
    .arguments = plain_arguments,
    .argument_count = ARRAY_LEN(plain_arguments),
    .run = cluster_verify_run,
};

const struct command cluster_remove_command = {
    .name = "cluster remove",
    .summary = "take a node that will not come back out of the cluster",
    .example = "sluice cluster remove node-3\n",
    .details = "What it had not shipped is lost to the cluster's reports; nobody waits for it any\n"
               "more, and its name is free.",
    .arguments = plain_arguments,
    .argument_count = ARRAY_LEN(plain_arguments),
    .words = "NODE",
    .words_min = 1,
    .words_max = 1,
    .run = cluster_remove_run,
};

const struct command cluster_forget_command = {
    .name = "cluster forget",
    .summary = "let this node's ledger leave its cluster",
    .example = "sluice cluster forget\nsluice cluster forget --keys\n",
    .details = "Stop the server first. Calls stay, and keys unless --keys is given.",
    .arguments = forget_arguments,
    .argument_count = ARRAY_LEN(forget_arguments),
    .run = cluster_forget_run,
};
