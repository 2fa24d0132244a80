/* SPDX-License-Identifier: Apache-2.0 */
/* sluice audit: what was done to keys, and whether the record of it is whole. */
#include "store/audit.h"

#include "base/clock.h"
#include "cli/arguments.h"
#include "cli/load.h"
#include "cli/rows.h"
#include "cli/table.h"
#include "cli/terminal.h"
#include "gateway/key_api.h"

#define PAGE 100

static const struct table_column columns[] = {{"ID", true},       {"AT", false},
                                              {"ACTOR", false},   {"ACTION", false},
                                              {"SUBJECT", false}, {"OUTCOME", false}};

static void write_entries(const struct audit_page *page, struct buf *out)
{
    struct table table;
    char time[CLOCK_TEXT_SIZE];
    table_init(&table, columns, ARRAY_LEN(columns));
    for (size_t i = 0; i < page->count; i++) {
        const struct audit_entry *entry = &page->entries[i];
        table_printf(&table, "%llu", (unsigned long long)entry->id);
        table_printf(&table, "%.19s", clock_format(entry->at_ns, time));
        table_put(&table, entry->actor);
        table_put(&table, entry->action);
        table_put(&table, entry->subject);
        table_put(&table, entry->outcome);
    }
    table_write(&table, 0, out);
    table_release(&table);
}

/* A whole number of the command line; false: it was said that it is none. */
static bool read_number(const struct arguments *arguments, const char *flag, uint64_t most,
                        uint64_t *ret_number)
{
    const char *text = arguments_value(arguments, flag);
    if (text == NULL || (slice_to_u64(slice_from_cstr(text), ret_number) && *ret_number > 0 &&
                         *ret_number <= most)) {
        return true;
    }
    arguments_refuse(arguments, "--%s is a whole number from 1 to %llu", flag,
                     (unsigned long long)most);
    return false;
}

static int print_entries(const struct arguments *arguments, const char *path, uint64_t before,
                         size_t limit)
{
    struct arena arena;
    struct error error;
    struct audit_page page;
    struct buf out = BUF_INIT(DATA_BYTES_MAX);
    arena_init(&arena, DATA_BYTES_MAX);
    if (!audit_list(path, before, limit, &arena, &page, &error)) {
        arena_release(&arena);
        return say_error("audit list", &error);
    }
    if (arguments_given(arguments, "json")) {
        key_api_write_audit(&page, &out);
        buf_append_char(&out, '\n');
    } else {
        write_entries(&page, &out);
    }
    arena_release(&arena);
    return print_data(&out);
}

static int audit_list_run(int argc, char **argv)
{
    struct arguments arguments;
    char path[LOAD_PATH_SIZE];
    uint64_t limit = PAGE;
    uint64_t before = 0;
    int code;
    if (!arguments_begin(&audit_list_command, argc, argv, &arguments, &code)) {
        return code;
    }
    if (!read_number(&arguments, "limit", AUDIT_LIST_MAX, &limit) ||
        !read_number(&arguments, "before", INT64_MAX, &before)) {
        return EXIT_CODE_USAGE;
    }
    code = load_ledger_path("audit list", arguments_value(&arguments, "config"), path);
    return code != EXIT_CODE_OK ? code : print_entries(&arguments, path, before, (size_t)limit);
}

static int audit_verify_run(int argc, char **argv)
{
    struct arguments arguments;
    char path[LOAD_PATH_SIZE];
    struct error error;
    struct audit_head head;
    struct buf out = BUF_INIT(4096);
    int code;
    if (!arguments_begin(&audit_verify_command, argc, argv, &arguments, &code)) {
        return code;
    }
    const char *expected = arguments_value(&arguments, "expect");
    code = load_ledger_path("audit verify", arguments_value(&arguments, "config"), path);
    if (code != EXIT_CODE_OK) {
        return code;
    }
    if (!audit_verify(path, slice_from_cstr(expected), &head, &error)) {
        return say_error("audit verify", &error);
    }
    if (arguments_given(&arguments, "json")) {
        key_api_write_audit_head(&head, &out);
        buf_append_char(&out, '\n');
    } else {
        say("The audit log is whole: %lld entries.", (long long)head.count);
        buf_printf(&out, "%s\n", head.hash);
    }
    return print_data(&out);
}

static const struct argument list_arguments[] = {
    ARGUMENT_CONFIG,
    ARGUMENT_JSON,
    {.name = "limit", .letter = 'n', .value = "N", .help = "so many entries; 100 unless given"},
    {.name = "before", .value = "ID", .help = "older than this entry"},
};
static const struct argument verify_arguments[] = {
    ARGUMENT_CONFIG,
    ARGUMENT_JSON,
    {.name = "expect", .value = "HASH", .help = "the chain must contain this hash"},
};

const struct command audit_list_command = {
    .name = "audit list",
    .summary = "what was done to keys and limits, and what was refused",
    .example = "sluice audit list\nsluice audit list --limit 1000 --json\n",
    .arguments = list_arguments,
    .argument_count = ARRAY_LEN(list_arguments),
    .run = audit_list_run,
};

const struct command audit_verify_command = {
    .name = "audit verify",
    .summary = "check that the audit log is whole",
    .example = "sluice audit verify\nsluice audit verify --expect 9f86d0...\n",
    .details =
        "Every entry's hash covers the one before it.\n"
        "The last hash is printed: keep it elsewhere, and give it to --expect the next time.",
    .arguments = verify_arguments,
    .argument_count = ARRAY_LEN(verify_arguments),
    .run = audit_verify_run,
};
